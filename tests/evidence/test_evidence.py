import gc
import weakref
from dataclasses import replace

import brute
import numpy as np
import pytest
from scipy import stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, QUICK
from emergent_stats.evidence.evidence import log_evidence, pareto_k
from emergent_stats.evidence.integrand import log_visibility, log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import CrossEntropy, ExactMatch, MultipleChoice
from emergent_stats.model.noise import Binomial, Gaussian
from emergent_stats.model.priors import Normal
from emergent_stats.model.trends import (
    TRENDS,
    Decline,
    Drop,
    Flat,
    FlatThenRise,
    Hump,
    Kink,
    PowerLaw,
    Step,
    Transition,
    UShape,
    WideTransition,
)

AXIS = 10.0 ** np.linspace(8, 11, 6)
SMALL = Curve(AXIS, np.array([2, 3, 1, 30, 90, 150]) / 200, "exact_match", n=200.0)
RATES = {"guess": 0.01, "lapse": 0.01}


def evidence(hypothesis, curve, nodes=None, **kwargs):
    if nodes:
        kwargs["effort"] = replace(
            FULL,
            scans=(nodes // 4, nodes // 4),
            points=nodes,
            guesses=12,
            lapses=10,
            passes=0,
            budget=8 * nodes,
        )
    return log_evidence(Batch.of([curve], hypothesis.metric), hypothesis, **kwargs)


def few(trend, sigma=0.2, **fixed):
    """Hypothesis with few free parameters, for which a product grid is exact."""
    fixed = {"level": Normal(0.0, 1.0)} | fixed
    return Hypothesis(replace(trend, **fixed), ExactMatch(**RATES), Binomial(sigma=sigma))


WIDTHS = {"level": 101, "location": 60, "width": 20}
GRIDS = [
    ("flat", few(Flat()), {"level": 400}),
    ("flat, free sigma", Hypothesis(Flat(), ExactMatch(**RATES)), {"level": 121, "sigma": 121}),
    ("power law", few(PowerLaw()), {"level": 161, "slope": 121}),
    ("flat then rise", few(FlatThenRise()), {"level": 101, "bend": 51, "location": 30}),
    ("step", few(Step(), slope=0.3), {"level": 101, "height": 51, "location": 15}),
    ("transition", few(Transition(), slope=0.3, height=1.5), WIDTHS),
    ("kink", few(Kink(), slope=0.5), {"level": 101, "bend": 51, "location": 30}),
    ("wide", few(WideTransition(), slope=0.3, height=2.0), WIDTHS),
    ("decline", few(Decline()), {"level": 161, "slope": 121}),
    ("drop", few(Drop()), {"level": 101, "height": 51, "location": 15}),
    ("hump", few(Hump(), slope=0.5), {"level": 101, "fall": 51, "location": 30}),
    ("u shape", few(UShape(), slope=0.5), {"level": 101, "fall": 51, "location": 30}),
]  # fmt: skip
# a score or two away from a trend that barely explains it
CLOSE = Curve(AXIS, np.array([2, 3, 8, 14, 25, 31]) / 40, "exact_match", n=40.0)


@pytest.mark.parametrize(
    ("hypothesis", "points"), [g[1:] for g in GRIDS], ids=[g[0] for g in GRIDS]
)
def test_evidence_against_a_product_grid(hypothesis, points):
    want = brute.evidence_on_grid(hypothesis, CLOSE, points)
    found = evidence(hypothesis, CLOSE, nodes=512)
    assert found.log_z[0] == pytest.approx(want, abs=0.02 + 3 * found.error[0])
    assert found.error[0] < 0.08


def test_evidence_of_losses_is_the_marginal_normal_density():
    curve = Curve(AXIS, np.exp(-np.linspace(0, 1, 6)), "cross_entropy", stderr=np.full(6, 0.02))
    h = Hypothesis(PowerLaw(), CrossEntropy(), Gaussian(sigma=0.1))
    want = brute.evidence_on_grid(h, curve, {"level": 801, "slope": 401})
    found = evidence(h, curve, nodes=512)
    assert found.log_z[0] == pytest.approx(want, abs=0.01 + 3 * found.error[0])


def test_error_covers_the_scatter_of_seeds():
    h = Hypothesis(Step(), SMALL.metric_object)
    runs = [evidence(h, SMALL, seed=s) for s in range(8)]
    values = np.array([r.log_z[0] for r in runs])
    quoted = np.sqrt(np.mean([r.error[0] ** 2 for r in runs]))
    assert 0 < values.std(ddof=1) < 2 * quoted
    assert quoted < 0.3


def test_more_nodes_bring_a_smaller_error():
    h = Hypothesis(Kink(), SMALL.metric_object)
    assert evidence(h, SMALL, nodes=1024).error[0] < 0.6 * evidence(h, SMALL, nodes=64).error[0]


def test_same_seed_same_digits():
    h = Hypothesis(Transition(), SMALL.metric_object)
    first, again, other = (evidence(h, SMALL, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.log_weight, again.log_weight)
    assert first.log_z[0] != other.log_z[0]


@pytest.mark.parametrize("name", TRENDS)
def test_result_does_not_depend_on_the_company(name):
    h = Hypothesis(TRENDS[name](), SMALL.metric_object)
    other = Curve(AXIS[:5], np.array([0.1, 0.2, 0.5, 0.6, 0.7]), "exact_match", n=50.0)
    more = Curve(AXIS * 3, np.array([0.0, 0.0, 0.02, 0.3, 0.6, 0.9]), "exact_match", n=100.0)
    together = log_evidence(Batch.of([other, SMALL, more], h.metric), h)
    assert together.log_z[1] == pytest.approx(evidence(h, SMALL).log_z[0], abs=1e-6)


def test_result_does_not_depend_on_longer_company():
    # up to rounding: sums over padded models are formed in another order
    h = Hypothesis(Transition(), SMALL.metric_object)
    scores = np.linspace(0, 0.8, 9).round(2)
    longer = Curve(10.0 ** np.linspace(7, 11, 9), scores, "exact_match", n=100.0)
    together = log_evidence(Batch.of([SMALL, longer], h.metric), h)
    alone = evidence(h, SMALL)
    assert together.log_z[0] == pytest.approx(alone.log_z[0], abs=3 * alone.error[0])


@pytest.mark.parametrize("name", TRENDS)
def test_weights_sum_to_the_evidence(name):
    h = Hypothesis(TRENDS[name](), SMALL.metric_object)
    found = evidence(h, SMALL)
    assert np.logaddexp.reduce(found.log_weight[0]) == pytest.approx(found.log_z[0], abs=1e-9)
    assert set(found.parameters) == set(h.priors())
    for p, values in found.parameters.items():
        assert values.shape == found.log_weight.shape
        assert np.isfinite(h.priors(SMALL)[p].log_density(values)).all(), p
    assert found.effective[0] > 20


def test_the_truth_wins_and_a_clear_step_is_found_in_its_gap():
    x = np.linspace(-2, 2, 12)
    h = Hypothesis(Step(), ExactMatch())
    p = {"level": -0.3, "slope": 0.3, "height": 3.0, "location": 0.4, "sigma": 0.05, **RATES}
    design = Curve(10.0 ** (x + 10), np.full(12, 0.5), "exact_match", n=1000.0)
    curve = Curve(design.axis_values, h.simulate(design, p, seed=1), "exact_match", n=1000.0)
    step, line, flat = (
        evidence(Hypothesis(t, curve.metric_object), curve) for t in (Step(), PowerLaw(), Flat())
    )
    assert step.log_z[0] > line.log_z[0] + 3 > flat.log_z[0]
    w = np.exp(step.log_weight[0] - step.log_z[0])
    gap = (x[6], x[7])
    inside = (step.parameters["location"][0] > gap[0]) & (step.parameters["location"][0] < gap[1])
    assert (w * inside).sum() > 0.95


def test_flat_data_favour_flat():
    curve = Curve(
        AXIS, np.array([50, 47, 55, 49, 52, 50]) / 200, "multiple_choice", n=200.0, chance=0.25
    )
    z = {
        n: evidence(Hypothesis(t(), curve.metric_object), curve).log_z[0] for n, t in TRENDS.items()
    }
    assert max(z, key=z.__getitem__) == "flat"


def test_gate_shuts_out_invisible_changes():
    # a step whose both sides are at the floor moves no score
    x = (SMALL.x - SMALL.centre)[None]
    for level, low, high in ((-9.0, -np.inf, -20), (0.0, -0.2, 0)):
        h = few(Step(), level=level, slope=0.0, height=1.0)
        own = {n: np.full((5, 1), v) for n, v in h.fixed().items()}
        own["location"] = np.linspace(*h.priors(SMALL)["location"].at(np.array([0, 1])), 5)[:, None]
        rows = np.repeat(x, 5, 0)
        gate = log_visibility(h, rows, np.ones_like(rows, bool), own, h.skill(rows, own))
        trend = {n: own[n] for n in h.trend.parameter_names()}
        want = brute.log_gate(h, rows, trend, h.skill(rows, own))
        np.testing.assert_allclose(np.maximum(gate, -30), np.maximum(want, -30), atol=0.02)
        assert (low <= gate).all()
        assert (gate <= high).all()


@pytest.mark.parametrize("name", TRENDS)
def test_gate_matches_its_definition(name):
    for metric in (ExactMatch(), MultipleChoice.from_chance(0.25), CrossEntropy()):
        h = Hypothesis(TRENDS[name](), metric)
        p = h.draw_parameters(SMALL, 40, seed=2)
        x = np.repeat((SMALL.x - SMALL.centre)[None], 40, 0)
        skill = h.skill(x, p) + 0 * x
        got = log_visibility(h, x, np.ones_like(x, bool), p, skill)
        own = {n: p[n] for n in h.trend.parameter_names()}
        want = brute.log_gate(h, x, own, skill, p)
        seen = want > -25
        np.testing.assert_allclose(got[seen], want[seen], atol=0.02)


@pytest.mark.parametrize("name", TRENDS)
def test_visible_share_is_the_prior_mean_of_the_gate(name):
    h = Hypothesis(TRENDS[name](), ExactMatch())
    p = h.draw_parameters(SMALL, 40_000, seed=5)
    x = (SMALL.x - SMALL.centre)[None]
    own = {n: p[n] for n in h.trend.parameter_names()}
    gate = np.exp(brute.log_gate(h, x, own, h.skill(x, p) + np.zeros((40_000, 6)), p))
    want = np.log(gate.mean())
    error = gate.std() / gate.mean() / 200
    assert log_visible_share(h, [SMALL])[0] == pytest.approx(want, abs=4 * error + 0.02)


SUBTRACTION = Curve(
    np.array([0.125, 0.35, 0.76, 1.3, 2.7, 6.7, 13, 175]) * 1e9,
    np.array([0.0005, 0.001, 0.0015, 0.0035, 0.0065, 0.0105, 0.092, 0.942]),
    "exact_match",
    n=2000.0,
)


@pytest.mark.parametrize("name", ["power_law", "step"])
def test_noise_integral_is_right_where_the_posterior_is(name):
    # GPT-3, 3-digit subtraction: the same nodes with the noise integrated on a fine grid
    h = Hypothesis(TRENDS[name](), SUBTRACTION.metric_object)
    batch = Batch.of([SUBTRACTION], h.metric)
    found = log_evidence(batch, h)
    log_w = found.log_weight[0] - found.log_z[0]
    kept = log_w > -9
    values = {n: v[0][kept][:, None] for n, v in found.parameters.items()}
    size = int(kept.sum())
    x = np.repeat(batch.x, size, 0)
    skill = h.skill(x, values)
    rates = (values[n][:, 0] for n in ("sigma", "guess", "lapse"))
    ll = log_likelihood(batch.obs, h.metric, skill, *rates, np.zeros(size, int))
    gate = log_visibility(h, x, np.ones_like(x, bool), values, skill)
    away = brute.many(SUBTRACTION, h, values, noise_points=801) - ll.sum(1) - gate
    bias = np.logaddexp.reduce(log_w[kept] + away) - np.logaddexp.reduce(log_w[kept])
    assert bias == pytest.approx(0.0, abs=0.03)


def test_evidence_is_the_sum_over_guess_rates():
    # all scores off the floor: any guess rate up to the lowest of them will do
    scores = np.array([0.081, 0.123, 0.205, 0.301, 0.504, 0.703])
    curve = Curve(AXIS, scores, "exact_match", n=13_190.0)
    whole = Hypothesis(PowerLaw(), curve.metric_object)
    guesses = np.concatenate([np.linspace(0.001, 0.06, 12), np.linspace(0.0625, 0.0845, 16)])
    each = []
    for g in guesses:
        h = Hypothesis(PowerLaw(), ExactMatch(guess=float(g)))
        each.append(evidence(h, curve).log_z[0] + log_visible_share(h, [curve])[0])
    density = np.exp(np.array(each) - max(each)) * stats.beta(1, 50).pdf(guesses)
    want = np.log(np.trapezoid(density, guesses)) + max(each) - log_visible_share(whole, [curve])[0]
    found = [evidence(whole, curve, seed=s) for s in range(6)]
    quoted = np.sqrt(np.mean([f.error[0] ** 2 for f in found]) / 6)
    assert np.mean([f.log_z[0] for f in found]) == pytest.approx(want, abs=0.03 + 3 * quoted)


def test_pareto_k_knows_light_and_heavy_tails():
    rng = np.random.default_rng(0)
    assert pareto_k(rng.normal(0, 0.1, 4000)) < 0.3
    assert pareto_k(-1.2 * np.log(rng.random(4000))) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", TRENDS)
def test_evidence_against_draws_from_the_prior(name):
    h = Hypothesis(TRENDS[name](), SMALL.metric_object)
    # of scores that rise, what only falls explains so little that hardly a draw comes near
    curve = replace(SMALL, score=SMALL.score[::-1]) if name in ("decline", "drop") else SMALL
    want, error = brute.evidence_by_draws(h, curve, 150_000, seed=1)
    found = evidence(h, curve, nodes=1024)
    assert found.log_z[0] == pytest.approx(want, abs=3 * np.hypot(error, found.error[0]) + 0.02)
    assert error < 0.2


def test_an_evidence_does_not_keep_the_tables_it_was_made_with():
    h = Hypothesis(Kink(), SMALL.metric_object)
    batch = Batch.of([SMALL], h.metric)
    found = log_evidence(batch, h, effort=QUICK)
    tables = [weakref.ref(pair[1]) for pair in batch._known.values()]
    del batch
    gc.collect()
    assert [t() for t in tables] == [None]
    assert np.logaddexp.reduce(found.log_weight[0]) == pytest.approx(found.log_z[0], abs=1e-9)


@pytest.mark.parametrize("trend", [Step(), Kink()])
def test_what_is_kept_has_the_noise_of_the_posterior(trend):
    """Of each point a few nodes are kept: together they hold every part of σ, its tails too."""
    h, off, narrow = Hypothesis(trend, SMALL.metric_object), [], []
    effort = replace(FULL, points=512, passes=0)
    for seed in range(4):
        batch = Batch.of([SMALL], h.metric)
        found = log_evidence(batch, h, effort=effort, seed=seed)
        nodes = batch.tables(h.metric, h.noise, effort.spacing, effort.guesses, effort.lapses)[0]
        mass = found.nuisance[0][0] / found.nuisance[0][0].sum()
        mean = mass @ nodes.sigma[0]
        sd = np.sqrt(mass @ (nodes.sigma[0] - mean) ** 2)
        weight, kept = np.exp(found.log_weight[0] - found.log_z[0]), found.parameters["sigma"][0]
        off.append((weight @ kept - mean) / sd)
        narrow.append(np.sqrt(weight @ (kept - weight @ kept) ** 2) / sd)
    assert np.mean(off) == pytest.approx(0, abs=0.06)
    assert np.mean(narrow) == pytest.approx(1, abs=0.04)


def test_posterior_of_a_place_covers_its_gap_and_leaves_skills_as_they_are():
    h = Hypothesis(Step(), SMALL.metric_object)
    found = evidence(h, SMALL)
    x = SMALL.x - SMALL.centre
    place = found.parameters["location"][0]
    w = np.exp(found.log_weight[0] - found.log_z[0])
    best = np.bincount(np.searchsorted(x, place), w, x.size).argmax()
    inside = place[(place > x[best - 1]) & (place < x[best])]
    assert np.ptp(inside) > 0.7 * (x[best] - x[best - 1])
    own = {n: found.parameters[n][0][:, None] for n in h.trend.parameter_names()}
    skill = h.trend(x[None], **own) + np.zeros((place.size, 1))
    rates = (found.parameters[n][0] for n in ("sigma", "guess", "lapse"))
    row = np.zeros(place.size, int)
    batch = Batch.of([SMALL], h.metric)
    ll = log_likelihood(batch.obs, h.metric, skill, *rates, row).sum(1)
    # nodes that carry mass fit the scores, wherever in the gap they were moved to
    assert (w * (ll > ll.max() - 15)).sum() > 0.99
