"""Profiles against the noise integral on a fine grid."""

from dataclasses import replace

import brute
import numpy as np
import pytest
from designs import random_curve
from scipy import stats

from emergent_stats.evidence.effort import FULL
from emergent_stats.evidence.inner import read_profile
from emergent_stats.evidence.nuisance import lattice
from emergent_stats.evidence.tables import profiles
from emergent_stats.model.curve import Curve
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import CrossEntropy, ExactMatch
from emergent_stats.model.noise import Binomial, noise_for
from emergent_stats.model.observed import observe

AXIS = 10.0 ** np.linspace(8, 11, 6)
SIGMAS = (0.01, 0.1, 0.5, 1.2)
SKILLS = np.linspace(-5.0, 6.0, 23)
COUNTS = {
    10: (0, 1, 3, 5, 9, 10),
    200: (0, 1, 20, 100, 190, 200),
    10_000: (0, 3, 500, 5_000, 9_950, 10_000),
    1_000_000: (0, 40, 3_000, 300_000, 999_000, 1_000_000),
}


def curve_of(n):
    return Curve(AXIS, np.array(COUNTS[n]) / n, "exact_match", n=float(n))


def made(curve, metric, sigma):
    """Profiles of one curve at one σ, as a function of model and skill."""
    obs = observe([curve], metric)
    found = profiles(obs, metric, lattice(obs, metric, Binomial(sigma=sigma), 2.0, 1, 1))

    def read(i, skill):
        start, inverse, points = found.grid[found.which[0, i], 0, 0]
        own = found.value[found.which[0, i], 0, 0]
        return np.array([read_profile(own, start, inverse, points, 0, s)[0] for s in skill])

    return read


def compare(curve, metric, sigma, i, close=0.015, wide=0.1):
    """Log likelihoods within 4 of the peak to `close`, within 8 of it to `wide`."""
    # the grid of the noise has to resolve the narrowest likelihood there is
    points = 20_001 if curve.effective_n[i] >= 1e6 else 2_001
    obs, rates = observe([curve], metric), metric.fixed()
    width = np.hypot(sigma, 1 / np.sqrt(max(obs.guide_info[0, i], 1e-2)))
    fine = np.linspace(-6, 18, 12_001)
    peak = fine[np.argmax(brute.log_observation(curve, metric, i, fine, rates))]
    skill = np.concatenate([SKILLS, peak + width * np.linspace(-3, 3, 9)])
    want = np.array(
        [brute.one_model(curve, metric, i, s, sigma, rates, points=points) for s in skill]
    )
    got = made(curve, metric, sigma)(i, skill)
    for reach, atol in ((4.0, close), (8.0, wide)):
        near = want > want.max() - reach
        np.testing.assert_allclose(got[near], want[near], atol=atol)
    # further away it may be rough, but never a rival to the peak
    assert got[~near].max(initial=-np.inf) < want.max() - 7


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("n", COUNTS)
def test_profiles_of_counts(n, sigma):
    metric = ExactMatch(guess=0.02 if n < 1e6 else 1e-6, lapse=0.01 if n < 1e4 else 1e-6)
    for i in range(6):
        # ten examples do not tell a guess from an answer: two humps, which the grid smooths
        compare(curve_of(n), metric, sigma, i, close=0.08 if n == 10 else 0.015)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("n", [200, 10_000])
def test_profiles_without_guessing(n, sigma):
    metric = ExactMatch(guess=1e-6, lapse=1e-6)
    for i in range(6):
        compare(curve_of(n), metric, sigma, i)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("n", [301.0, 2_001.0])
def test_profiles_of_rounded_scores(n, sigma):
    curve = Curve(AXIS, np.array([0.0, 0.02, 0.13, 0.5, 0.93, 0.99]), "exact_match", n=n)
    assert (curve.counts[1] > curve.counts[0]).all()
    metric = ExactMatch(guess=0.005, lapse=0.004)
    for i in range(6):
        compare(curve, metric, sigma, i, close=0.02)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_profiles_of_forced_choice(sigma):
    curve = Curve(
        AXIS, np.array([40, 52, 60, 120, 190, 200]) / 200, "multiple_choice", n=200.0, chance=0.25
    )
    metric = replace(curve.metric_object, guess=0.25, lapse=0.01)
    for i in range(6):
        compare(curve, metric, sigma, i)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_profiles_of_brier_scores(sigma):
    scores = np.array([0.75, 0.7, 0.5, 0.2, 0.05, 0.01])
    curve = Curve(AXIS, scores, "brier", chance=0.25, stderr=np.full(6, 0.01))
    for i in range(6):
        compare(curve, curve.metric_object, sigma, i)


def test_losses_need_no_grid():
    curve = Curve(AXIS, np.linspace(3, 1, 6), "cross_entropy", stderr=np.full(6, 0.03))
    obs = observe([curve], CrossEntropy())
    found = profiles(obs, CrossEntropy(), lattice(obs, CrossEntropy(), Binomial(0.2), 2.0, 1, 1))
    np.testing.assert_allclose(found.variance[0, 0, 0], 0.04 + (0.03 / curve.score) ** 2, rtol=1e-6)
    np.testing.assert_allclose(found.seen[0, 0], CrossEntropy().skill(curve.score))
    log_density = stats.norm.logpdf(0.0, 0.0, np.sqrt(found.variance[0, 0, 0]))
    np.testing.assert_allclose(found.constant[0, 0, 0], log_density)


def test_profiles_of_some_curves():
    curves = [curve_of(200), curve_of(10_000)]
    metric = curves[0].metric_object
    obs = observe(curves, metric)
    nodes = lattice(obs, metric, Binomial(), 2.0, 3, 3)
    both = profiles(obs, metric, nodes)
    rows = np.array([1])
    alone = profiles(obs.take(rows), metric, nodes.take(rows))
    some = both.take(rows)
    np.testing.assert_array_equal(some.value[some.which], alone.value[alone.which])
    np.testing.assert_array_equal(some.grid[some.which], alone.grid[alone.which])


#: Designs of `random_curve`, and the score, guess and lapse rate, and node of noise of theirs that
#: were wrong: a cliff beside the profile and cubics high above the truth; modes that Newton steps
#: did not reach. Rates are numbers, so that they stay what they are where their nodes move.
CLIFFS = [
    (42, 12, 3, 0.2669753, 0.02828814, 1),
    (213, 12, 0, 0.08134613, 0.02153917, 5),
    (287, 12, 4, 0.08134613, 0.06221506, 9),
    (355, 12, 2, 0.4509733, 0.1584379, 3),
]
FAR_MODES = [(7, 8, 3, 0.002614021, 0.1612335, 9), (12, 8, 3, 0.1538673, 0.006010957, 11)]


@pytest.mark.parametrize(("seed", "most", "i", "guess", "lapse", "j"), [*CLIFFS, *FAR_MODES])
def test_profiles_of_extreme_designs_are_the_likelihood(seed, most, i, guess, lapse, j):
    curve = random_curve(seed, most=most)
    metric = curve.metric_object
    obs = observe([curve], metric)
    given = replace(metric, guess=guess, lapse=lapse)
    nodes = lattice(obs, given, noise_for(metric), FULL.spacing, FULL.guesses, FULL.lapses)
    made, sigma = profiles(obs, given, nodes), nodes.sigma[0, j]
    start, inverse, count = made.grid[made.which[0, i], 0, j]
    row = np.ascontiguousarray(made.value[made.which[0, i], 0, j])
    # between its points too, and beyond its ends
    s = np.linspace(start - 2.0 / inverse, start + (count + 1.0) / inverse, 800)
    read = np.array([read_profile(row, start, inverse, count, 0, v)[0] for v in s])
    direct = log_likelihood(
        obs, metric, np.repeat(s[:, None], curve.m, axis=1),
        *(np.full(s.size, v) for v in (sigma, guess, lapse)), np.zeros(s.size, int),
    )[:, i]  # fmt: skip
    top = made.top[0, i]
    assert read.max() < top + 0.1
    near = np.maximum(read, direct) > top - 9.0
    assert near.any()
    np.testing.assert_allclose(read[near], direct[near], atol=0.3)
