"""The table of evidences, and leave-one-out densities from the same nodes."""

import tracemalloc
from dataclasses import dataclass, replace

import brute
import numpy as np
import pandas as pd
import pytest
from scipy import special

from emergent_stats.collection.fits import pointwise
from emergent_stats.evidence import evidence
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, LARGE_ERROR, QUICK, SCREEN
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.gate import _shown as shown_loss
from emergent_stats.evidence.integral import Integral
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.evidence.many import evidence_table, evidences
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.metrics import ExactMatch
from emergent_stats.model.noise import Binomial, Gaussian
from emergent_stats.model.priors import HalfNormal, Normal, Prior
from emergent_stats.model.trends import TRENDS, Ceiling, Kink, PowerLaw, Step, Trend

RATES = {"guess": 0.01, "lapse": 0.01}
METRIC = ExactMatch(**RATES)
SLOPE = HalfNormal(0.7)
TWO = [Hypothesis(Step(), METRIC), Hypothesis(PowerLaw(), METRIC)]


def some_curves(count, seed=0, sizes=(5, 6, 8, 11)):
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        m = sizes[i % len(sizes)]
        p = 1 / (1 + np.exp(-rng.normal(0, 1) - rng.uniform(0, 2) * np.linspace(-2, 2, m)))
        scores = rng.binomial(200, p) / 200
        found.append(Curve(10.0 ** np.linspace(8, 11, m), scores, "exact_match", n=200.0))
    return found


def test_same_numbers_for_any_jobs_and_company():
    curves = some_curves(12)
    seen = []
    one = evidence_table(curves, TWO, seed=3, jobs=1, effort=QUICK)
    two = evidence_table(
        curves, TWO, seed=3, jobs=2, effort=QUICK, progress=lambda *a: seen.append(a)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert seen[-1] == (12, 12)
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)
    turned = evidence_table(curves[::-1], TWO, seed=3, jobs=2, effort=QUICK)
    for i in (0, 7):
        alone = evidence_table([curves[i]], TWO, seed=3, effort=QUICK)
        for table, place in ((one, i), (turned, len(curves) - 1 - i)):
            rows = table[table["curve"] == place].drop(columns="curve").reset_index(drop=True)
            pd.testing.assert_frame_equal(rows, alone.drop(columns="curve"), check_exact=True)
    other = evidence_table(curves, TWO, seed=4, jobs=1, effort=QUICK)
    assert (other["log_evidence"] != one["log_evidence"]).all()


def test_rows_are_the_evidences_in_order():
    curves = some_curves(2, sizes=(6, 6))
    table = evidence_table(curves, TWO, effort=FULL)
    assert table["curve"].tolist() == [0, 0, 1, 1]
    assert table["hypothesis"].tolist() == ["step", "power_law"] * 2
    assert table["account"].tolist() == ["jump", "gradual"] * 2
    found = log_evidence(Batch.of(curves, METRIC), TWO[1])
    got = table[table["hypothesis"] == "power_law"]
    np.testing.assert_allclose(got["log_evidence"], found.log_z, atol=4 * found.error.max())
    assert table["converged"].all()
    # nothing is drawn where every combination of the outer parameters is taken
    assert table["pareto_k"].isna().all()
    drawn = evidence_table(curves, [Hypothesis(Kink(), METRIC)])
    assert drawn["pareto_k"].notna().all()


def test_every_trend_by_default():
    table = evidence_table(some_curves(1), effort=SCREEN)
    assert table["hypothesis"].tolist() == list(TRENDS)
    assert np.isfinite(table["log_evidence"]).all()


def test_what_did_not_converge_says_so():
    hard = Curve(10.0 ** np.linspace(8, 11, 6), np.array([0, 0, 0, 0, 1, 1]) * 0.999,
                 "exact_match", n=1e6)  # fmt: skip
    table = evidence_table([hard], [Hypothesis(Step(), hard.metric_object)], effort=SCREEN)
    row = table.iloc[0]
    assert row["error"] > LARGE_ERROR
    assert not row["converged"]
    assert row["warning"].startswith(f"error > {LARGE_ERROR}")


def test_errors_name_the_curve():
    good, short = some_curves(1, sizes=(5,))[0], some_curves(1, sizes=(3,))[0]
    with pytest.raises(ValueError, match="curve 1 of the table: trend 'step' needs at least 4"):
        evidence_table([good, short], TWO)
    huge = Curve(good.axis_values, np.round(good.score, 3), "exact_match", n=1e10)
    with pytest.raises(ValueError, match=r"curve 2 of the table: it, model \d: n = 1e\+10"):
        evidence_table([good, good, huge], TWO)
    loss = Curve(good.axis_values, good.score + 1, "cross_entropy")
    with pytest.raises(ValueError, match="curve 1 is scored by 'cross_entropy'"):
        evidence_table([good, loss], TWO)
    with pytest.raises(ValueError, match="names of hypotheses must differ, got step, step"):
        evidence_table([good], [TWO[0], TWO[0]])


def test_memory_does_not_grow_with_the_number_of_curves():
    evidence_table(some_curves(2, sizes=(5,)), TWO, jobs=1, effort=SCREEN)
    peaks = []
    for count in (1, 32, 96):
        curves = some_curves(count, sizes=(5,))
        tracemalloc.start()
        evidence_table(curves, TWO, jobs=1, effort=SCREEN)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # the table's own rows, a few kilobytes a curve; what a curve is analysed with is let go
    assert peaks[2] - peaks[1] < 64 * peaks[0] / 40


# --- leave one out ----------------------------------------------------------------------------
SIX = Curve(
    10.0 ** np.linspace(8, 11, 6), np.array([2, 3, 8, 14, 25, 31]) / 40, "exact_match", n=40.0
)


def test_log_likelihoods_of_what_falls_below_chance():
    """Without a floor at chance every score has a likelihood."""
    curve = Curve(
        10.0 ** np.arange(8, 12), np.array([493, 506, 525, 290]) / 1000, "multiple_choice",
        n=1000.0, chance=0.5,
    )  # fmt: skip
    h = next(h for h in hypotheses(curve.metric_object) if h.name == "decline")
    rng = np.random.default_rng(4)
    size = 12
    values = {
        "level": rng.normal(0.5, 1.0, (size, 1)), "slope": rng.uniform(0, 0.5, (size, 1)),
        "sigma": rng.uniform(0.05, 0.5, (size, 1)), "guess": np.zeros((size, 1)),
        "lapse": np.full((size, 1), 0.01),
    }  # fmt: skip
    batch = Batch.of([curve], curve.metric_object)
    got = pointwise(batch, h, values, np.zeros(size, int))
    skill = h.skill(batch.x[:1], values)
    e = np.linspace(-40, 40, 16_001)
    log_phi = -0.5 * e * e + np.log((e[1] - e[0]) / np.sqrt(2 * np.pi))
    rates = {"guess": 0.0, "lapse": 0.01}
    for i in range(4):
        own = skill[:, i : i + 1] + values["sigma"] * e
        want = special.logsumexp(
            brute.log_observation(curve, h.metric, i, own, rates) + log_phi, axis=1
        )
        np.testing.assert_allclose(got[:, i], want, rtol=2e-3, atol=0.02)


# --- a user's own trends -----------------------------------------------------------------------
@dataclass(frozen=True)
class Square(Trend):
    """Linear in its parameters."""

    level: Prior | float = Normal(0.0, 1.0)
    curl: Prior | float = SLOPE

    def __call__(self, x, *, level, curl):
        return level + curl * x * abs(x)


@dataclass(frozen=True)
class Saturating(Trend):
    """Not linear in its parameters."""

    level: Prior | float = Normal(0.0, 1.0)
    rate: Prior | float = SLOPE

    def __call__(self, x, *, level, rate):
        return level + 2.0 * np.tanh(rate * x)


@pytest.mark.parametrize("trend", [Square(), Saturating()])
def test_own_trends_have_the_evidence_of_brute_force(trend):
    h = Hypothesis(trend, METRIC, Binomial(sigma=0.2))
    want = brute.evidence_on_grid(h, SIX, {n: 161 for n in trend.priors()})
    found = [log_evidence(Batch.of([SIX], METRIC), h, seed=s) for s in range(4)]
    error = np.sqrt(np.mean([f.error[0] ** 2 for f in found]) / 4)
    assert np.mean([f.log_z[0] for f in found]) == pytest.approx(want, abs=0.02 + 3 * error)
    assert error < 0.05


# --- what saturates ------------------------------------------------------------------------------
def irreducible(hypothesis, losses, steps=2000):
    """Values of what is irreducible, close to the lowest loss, and their log prior masses."""
    prior = hypothesis.priors()["lapse"]
    near = np.exp(np.linspace(np.log(1e-6), np.log(1 - prior.low / losses.min()), steps))
    edges = losses.min() * (1 - near)
    log_w = np.log(np.log(edges[:-1] / edges[1:]) / np.log(prior.high / prior.low))
    return 0.5 * (edges[1:] + edges[:-1]), log_w


@pytest.mark.parametrize(
    ("losses", "stderr", "sigma"),
    [
        ([3, 2.2, 1.8, 1.6, 1.55, 1.52], 0.0, 0.03),
        ([3, 2.2, 1.8, 1.6, 1.55, 1.52], 0.02, 0.2),
        ([3, 2.2, 1.6, 1.2, 0.9, 0.66], 0.02, 0.1),
        ([1.2, 0.8, 0.7, 0.68, 0.665, 0.66], 0.0, 0.2),
    ],
)
def test_a_loss_that_saturates_in_closed_form(losses, stderr, sigma):
    """Given what is irreducible a line has a Gaussian evidence; the rest is a sum over that."""
    losses = np.array(losses)
    error = None if stderr == 0 else np.full(6, stderr)
    curve = Curve(10.0 ** np.linspace(8, 11, 6), losses, "cross_entropy", stderr=error)
    metric, wide = curve.metric_object, 2.0
    h = Hypothesis(Ceiling(level=Normal(0.0, wide), slope=HalfNormal(1.5)), metric, Gaussian(sigma))
    lapse, log_w = irreducible(h, losses)
    x = np.stack([np.ones(6), curve.x - curve.centre])
    prior = np.diag([wide**2, 1.5**2])
    terms = []
    for own, w in zip(lapse, log_w, strict=True):
        slope = losses / (losses - own)
        seen = -np.log((losses - own) / np.log(2.0))
        noise = np.diag(sigma**2 + (stderr / losses * slope) ** 2)
        total = x.T @ prior @ x + noise
        gain = prior @ x @ np.linalg.inv(total)
        mean, spread = gain @ seen, prior - gain @ x.T @ prior
        upwards = special.log_ndtr(mean[1] / np.sqrt(spread[1, 1])) + np.log(2.0)
        density = -0.5 * (seen @ np.linalg.solve(total, seen) + np.linalg.slogdet(total)[1])
        density -= 3 * np.log(2 * np.pi)
        terms.append(density + upwards + np.log(slope).sum() + w)
    want = special.logsumexp(terms) - log_visible_share(h, [curve])[0]
    found = [log_evidence(Batch.of([curve], metric), h, seed=s) for s in range(3)]
    assert np.mean([f.log_z[0] for f in found]) == pytest.approx(want, abs=0.12)


@pytest.mark.parametrize("losses", [[2.9, 2.85, 2.8, 2.81, 2.79], [2.52, 2.51, 2.5, 2.49, 2.48]])
def test_what_a_loss_shows_of_a_skill_depends_on_where_it_is(losses):
    """A steep skill close to what is irreducible hardly shows: each loss for itself."""
    losses, m, sigma = np.array(losses), len(losses), 0.01
    curve = Curve(10.0 ** np.linspace(8, 10, m), losses, "cross_entropy", stderr=np.full(m, 0.01))
    h = Hypothesis(Ceiling(), curve.metric_object, Gaussian(sigma))
    priors, terms, t = h.priors(), [], np.linspace(-6, 6, 41)
    steps = np.stack(np.meshgrid(t, t), axis=-1).reshape(-1, 2)
    for lapse, log_w in zip(*irreducible(h, losses, 250), strict=True):
        # a grid around the line that fits what is behind the losses
        seen, slope = h.metric.beyond(h.metric.skill(losses), lapse)
        sd = np.hypot(sigma, 0.01 / losses * slope)
        line = np.stack([np.ones(m), curve.x - curve.centre], 1) / sd[:, None]
        cov = np.linalg.inv(line.T @ line)
        root = np.linalg.cholesky(cov)
        level, slopes = np.split(cov @ line.T @ (seen / sd) + steps @ root.T, 2, axis=1)
        level, slopes = level[slopes > 0, None], slopes[slopes > 0, None]
        if slopes.size == 0:
            continue
        rest = {"lapse": np.full_like(level, lapse), "sigma": np.full_like(level, sigma)}
        own = {"level": level, "slope": slopes}
        prior = sum(priors[n].log_density(v)[:, 0] for n, v in own.items())
        cell = np.log(np.linalg.det(root) * (t[1] - t[0]) ** 2)
        inside = brute.many(curve, h, own | rest) + prior
        terms.append(special.logsumexp(inside) + cell + log_w)
    want = special.logsumexp(terms) - log_visible_share(h, [curve])[0]
    found = [log_evidence(Batch.of([curve], h.metric), h, seed=s).log_z[0] for s in range(3)]
    assert np.mean(found) == pytest.approx(want, abs=0.15)


@pytest.mark.parametrize("scale", ["log", "logit"])
def test_the_kernels_show_of_a_loss_what_the_metric_does(scale):
    curve = Curve(10.0 ** np.linspace(8, 11, 6), np.linspace(3.0, 2.0, 6), "cross_entropy")
    h = Hypothesis(Ceiling(), replace(curve.metric_object, skill_scale=scale))
    run = Integral(Batch.of([curve], h.metric), h, FULL, 0, None)
    skill = np.linspace(-4.0, 8.0, 25)
    for lapse, floor in zip(run.nodes.lapse[0, ::9], run.scores.floor[0, ::9], strict=True):
        shown, slope = np.transpose([shown_loss(run.gate, s, floor) for s in skill])
        want = h.metric.shown(skill, lapse=lapse)
        np.testing.assert_allclose(np.diff(shown), np.diff(want), atol=1e-9)
        ends = [h.metric.shown(skill + step, lapse=lapse) for step in (1e-5, -1e-5)]
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("m", [6, 8, 20])
@pytest.mark.parametrize("scatter", [0.0, 1e-3])
def test_what_is_irreducible_in_an_exact_loss_is_spread_over_nodes(m, scatter):
    x = np.linspace(0, 3, m)
    noise = np.exp(scatter * np.random.default_rng(m).standard_normal(m))
    curve = Curve(1e8 * 10.0**x, (1.7 + 2 * 10.0 ** (-0.3 * x)) * noise, "cross_entropy")
    h = Hypothesis(Ceiling(), curve.metric_object)
    found = log_evidence(Batch.of([curve], h.metric), h)
    assert found.nuisance[2].max() < 0.4
    assert found.error[0] < 0.12


@pytest.mark.parametrize("n", [40, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "shares", [[0.01, 0.05, 0.3, 0.55, 0.6, 0.59], [0.1, 0.4, 0.8, 0.9, 0.93, 0.92]]
)
def test_a_score_that_saturates_has_the_evidence_of_brute_force(n, shares):
    score = np.round(np.array(shares) * n) / n
    curve = Curve(10.0 ** np.linspace(8, 11, 6), score, "exact_match", n=float(n))
    known = ExactMatch(guess=0.0, lapse=0.0)
    trend, noise = {"level": Normal(0.0, 2.0), "slope": HalfNormal(1.5)}, Binomial(sigma=0.2)
    h = Hypothesis(Ceiling(**trend), known, noise)
    # the same line with each lapse that is possible
    steps, x = (np.arange(32) + 0.5) / 32, (curve.x - curve.centre)[None, :]
    each, shares = [], []
    for rate in h.priors()["lapse"].at(steps):
        one = Hypothesis(PowerLaw(**trend), replace(known, lapse=float(rate)), noise)
        values, log_w = brute.grid_values(one, curve, {"level": 81, "slope": 61})
        own = {n: values[n] for n in trend}
        skill = one.trend(x, **own)
        each.append(special.logsumexp(log_w + brute.many(curve, h, values, 61)))
        shares.append(special.logsumexp(log_w + brute.log_gate(h, x, own, skill, values)))
    want = special.logsumexp(each) - special.logsumexp(shares)
    found = [log_evidence(Batch.of([curve], known), h, seed=s) for s in range(3)]
    assert np.mean([f.log_z[0] for f in found]) == pytest.approx(want, abs=0.15)


# --- second opinions -----------------------------------------------------------------------------
def among(curve, *names, effort=FULL):
    chosen = [h for h in hypotheses(curve.metric_object) if h.name in names]
    return evidences(Batch.of([curve], curve.metric_object), 0, chosen, effort)


def test_a_largest_density_of_a_loss_is_no_misfit():
    """However exact losses are, importance sampling is not asked what their evidence is."""
    losses = np.array([7.5, 6.05, 5.1, 4.37])
    error = 3e-4 * losses
    curve = Curve(10.0 ** np.linspace(7, 8.6, 4), losses, "cross_entropy", stderr=error)
    for h in hypotheses(curve.metric_object):
        if h.name in ("power_law", "ceiling"):
            found = among(curve, "power_law", "ceiling")[h.name]
            alone = log_evidence(Batch.of([curve], h.metric), h)
            assert found.log_z[0] == pytest.approx(alone.log_z[0], abs=0.1)
            assert found.error[0] < 0.1


def fall_at_chance():
    """A fall among scores at chance, which pin the guess rate down together."""
    right = [50, 51, 55, 53, 54, 54, 55, 50, 50, 46, 48, 53, 64, 60, 57, 61, 64, 57, 54, 54, 57, 49,
             56, 58, 60, 58]  # fmt: skip
    step = [2.0**i for i in range(10)] + [1e3, 3e3] + [1e3 * k for k in range(13, 153, 10)]
    return Curve(step, np.array(right) / 201, "multiple_choice", axis="step", n=201.0, chance=0.25)


def test_a_fall_among_scores_at_chance_is_integrated():
    found = among(fall_at_chance(), "flat", "decline", effort=replace(FULL, rescues=0))["decline"]
    # population Monte Carlo (`reference` of benchmarks/quoted_errors.py): -88.026 ± 0.005
    assert found.log_z[0] == pytest.approx(-88.03, abs=0.15)
    assert found.doubts == ("",)


def test_an_evidence_on_one_node_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(evidence, "DOUBTFUL_SHARE", 1e-3)
    monkeypatch.setattr(evidence, "MATTERS", 50.0)
    once = among(fall_at_chance(), "flat", "decline", effort=replace(FULL, rescues=0))["decline"]
    assert "on one node" in once.doubts[0]
    found = among(fall_at_chance(), "flat", "decline")["decline"]
    assert found.error[0] != once.error[0]
    assert found.log_z[0] == pytest.approx(-88.03, abs=0.15)
    assert np.exp(found.log_weight[0] - found.log_z[0]).sum() == pytest.approx(1.0, abs=1e-6)
