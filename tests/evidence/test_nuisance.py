"""The lattice of noises and rates is a quadrature rule under their priors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.nuisance import lattice
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.metrics import CrossEntropy, ExactMatch
from emergent_stats.model.noise import Binomial, Gaussian
from emergent_stats.model.observed import observe

AXIS = 10.0 ** np.linspace(8, 11, 6)
NAN = float("nan")
SIGMA = stats.halfnorm(scale=0.3)


def nodes_of(scores, n=200.0, spacing=2.0, guesses=8, lapses=8, metric=None):
    curve = Curve(AXIS, np.asarray(scores, float), "exact_match", n=n)
    metric = metric or curve.metric_object
    return lattice(observe([curve], metric), metric, Binomial(), spacing, guesses, lapses)


FLOOR = np.array([0, 0, 2, 20, 90, 150]) / 200
HIGH = np.array([60, 80, 120, 160, 190, 199]) / 200


@pytest.mark.parametrize("m", [4, 8, 40])
@pytest.mark.parametrize("n", [20.0, 2000.0, 1e6])
def test_weights_of_sigma_integrate_smooth_functions(m, n):
    curve = Curve(10.0 ** np.linspace(8, 11, m), np.round(np.linspace(0.1, 0.9, m) * n) / n,
                  "exact_match", n=n)  # fmt: skip
    nodes = lattice(observe([curve], curve.metric_object), curve.metric_object, Binomial(),
                    2.0, 8, 8)  # fmt: skip
    w, s = np.exp(nodes.log_sigma_weight[0]), nodes.sigma[0]
    assert w.sum() == pytest.approx(1.0, abs=0.02)
    assert w @ s == pytest.approx(SIGMA.mean(), rel=0.02)
    # as the likelihood of m models that scatter by 0.2: what the spacing is made for
    like = s**-m * np.exp(-0.5 * m * 0.04 / s**2)
    want = integrate.quad(
        lambda v: SIGMA.pdf(v) * v**-m * np.exp(-0.5 * m * 0.04 / v**2), 1e-3, 3, points=[0.2]
    )[0]
    assert np.log(w @ like) == pytest.approx(np.log(want), abs=0.03)


def test_closer_nodes_of_sigma_come_closer():
    away = []
    for spacing in (4.0, 2.0, 1.0):
        nodes = nodes_of(FLOOR, spacing=spacing)
        away.append(abs(np.exp(nodes.log_sigma_weight[0]).sum() - 1))
    assert away[2] < 0.01
    assert away[2] <= away[0]


@pytest.mark.parametrize("k", [0, 1, 3, 8])
@pytest.mark.parametrize("count", [8, 64])
def test_weights_of_rates_integrate_what_the_extreme_scores_ask_of_them(k, count):
    scores = np.array([k, 30, 60, 90, 150, 200 - k]) / 200
    nodes = nodes_of(scores, guesses=count, lapses=count)
    rate = nodes.log_rate_weight[0].reshape(count, count)
    total = np.logaddexp.reduce(rate.ravel())
    want = integrate.quad(
        lambda v: stats.beta.pdf(v, 1, 50) * stats.binom.pmf(k, 200, v), 0, 0.5, limit=200
    )[0]
    for value, log_w in (
        (nodes.guess[0, ::count], np.logaddexp.reduce(rate, 1)),
        (nodes.lapse[0, :count], np.logaddexp.reduce(rate, 0)),
    ):
        # the other rate's weights summed out
        log_w = log_w - 0.5 * total
        found = (np.exp(log_w) * stats.binom.pmf(k, 200, value)).sum()
        assert np.log(found) == pytest.approx(np.log(want), abs=0.15 if count == 8 else 0.03)


@pytest.mark.parametrize("n", [2001.0, 60001.0, 5000001.0])
def test_a_rounded_score_leaves_the_rate_what_rounding_hides(n):
    """A top score printed as 1.0 may be any above .95: so may the lapse rate be up to .05."""
    score = np.array([0.1, 0.12, 0.5, 0.8, 0.93, 1.0])
    nodes = nodes_of(score, n=n, metric=ExactMatch(guess=0.05))
    # the chance that a top model of this lapse rate has more than .95 right
    hidden = stats.norm.cdf((0.05 - nodes.lapse[0]) / np.sqrt(0.05 / n))
    found = (np.exp(nodes.log_rate_weight[0]) * hidden).sum()
    assert np.log(found) == pytest.approx(np.log(stats.beta.cdf(0.05, 1, 50)), abs=0.1)


def test_scores_that_are_all_zero_pin_a_rate_down_too():
    """Sixteen models without a right answer know more of the guess rate than one of them."""
    score = np.append(np.zeros(16), [0.3, 0.6])
    curve = Curve(np.logspace(8, 11, 18), score, "exact_match", n=130.0)
    metric = ExactMatch(lapse=0.02)
    nodes = lattice(observe([curve], metric), metric, Binomial(), 2.0, 8, 8)
    found = (np.exp(nodes.log_rate_weight[0]) * (1 - nodes.guess[0]) ** (16 * 130)).sum()
    assert np.log(found) == pytest.approx(np.log(50 / (50 + 16 * 130)), abs=0.1)


def test_a_low_score_on_a_handful_of_examples_does_not_say_where_the_nodes_stand():
    """The score that leaves least to the guess rate does, though it is not the lowest."""
    n = np.array([57, 1e5, 4e3, 2e5, 1e5, 1e5])
    curve = Curve(
        np.logspace(8, 11, 6), np.array([1, 4500, 160, 6000, 5000, 70000]) / n, "exact_match", n=n
    )
    metric = ExactMatch(lapse=0.02)
    nodes = lattice(observe([curve], metric), metric, Binomial(), 2.0, 8, 8)
    found = (np.exp(nodes.log_rate_weight[0]) * stats.binom.pmf(6000, 2e5, nodes.guess[0])).sum()
    want = integrate.quad(
        lambda v: stats.beta.pdf(v, 1, 50) * stats.binom.pmf(6000, 2e5, v), 0.027, 0.033
    )[0]
    assert np.log(found) == pytest.approx(np.log(want), abs=0.2)


def test_numbers_in_place_of_priors_are_single_nodes():
    metric = ExactMatch(guess=0.1, lapse=0.02)
    curve = Curve(AXIS, HIGH, "exact_match", n=200.0)
    nodes = lattice(observe([curve], metric), metric, Binomial(sigma=0.3), 2.0, 8, 8)
    assert nodes.shape == (1, 1)
    assert (nodes.sigma, nodes.guess, nodes.lapse) == ([[0.3]], [[0.1]], [[0.02]])
    for log_w in (nodes.log_sigma_weight, nodes.log_rate_weight):
        np.testing.assert_array_equal(log_w, [[0.0]])


def test_losses_have_no_rates():
    curve = Curve(AXIS, np.linspace(3, 1, 6), "cross_entropy", stderr=np.full(6, 0.01))
    nodes = lattice(observe([curve], CrossEntropy()), CrossEntropy(), Gaussian(), 2.0, 8, 8)
    assert nodes.shape == (1, 1)
    assert np.exp(nodes.log_sigma_weight).sum() == pytest.approx(1.0, abs=0.02)
    assert nodes.sigma.min() < 1e-3


@pytest.mark.parametrize("n", [1.0, 3.0, 200.0])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_rates_stay_in_their_range_however_few_the_examples(n, value):
    score = np.full(6, np.round(value * n) / n)
    curve = Curve(10.0 ** np.linspace(8, 11, 6), score, "exact_match", n=n)
    metric = curve.metric_object
    nodes = lattice(observe([curve], metric), metric, Binomial(), 2.0, 5, 4)
    used = np.isfinite(nodes.log_rate_weight)
    assert ((nodes.guess + nodes.lapse)[used] < 1).all()
    assert 0.5 < np.exp(nodes.log_rate_weight).sum() < 1 + 1e-9


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize(("metric", "chance"), [("multiple_choice", 0.25), ("exact_match", NAN)])
def test_a_rate_that_many_models_share_is_integrated(metric, chance, falls):
    """Twenty models at the floor pin the guess rate down to less than one model's own error."""
    rng = np.random.default_rng(3)
    score = rng.binomial(500, 0.27 if metric == "multiple_choice" else 0.03, 24) / 500
    score[-3:] += [0.08, 0.2, 0.3]
    curve = Curve(
        np.logspace(8, 12, 24), score[::-1] if falls else score, metric, n=500.0, chance=chance
    )
    batch = Batch.of([curve], curve.metric_object)
    name = "decline" if falls else "power_law"
    (hypothesis,) = (h for h in hypotheses(curve.metric_object) if h.name == name)
    few = log_evidence(batch, hypothesis)
    many = log_evidence(batch, hypothesis, effort=replace(FULL, guesses=60))
    assert abs(few.log_z[0] - many.log_z[0]) < 2 * few.error[0] + 0.1
    assert 1.0 / (few.nuisance[1][0] ** 2).sum() > 1.3
