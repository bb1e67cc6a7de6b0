"""Outer draws: unbiased whatever the histograms have learnt."""

import numpy as np
import pytest
from scipy import stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL
from emergent_stats.evidence.integral import Integral
from emergent_stats.evidence.outer import BINS, SPREAD, Axis, log_density, tempered
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.maths import quasi_uniform, shifted


def fresh(curves=1):
    even = np.full((curves, BINS), 1 / BINS)
    masses = np.tile([0.5, 0.3, 0.2], (curves, 1))
    return [Axis([even], True), Axis([even.copy()], True), Axis([masses], False)]


TRUTH = np.array([0.2, 0.3, 0.5])


def target(a, b, k):
    """Density on the unit square and three points, narrow in `a`; its integral is 0.7."""
    return 0.7 * stats.norm.pdf(a, 0.31, 0.02) * stats.beta.pdf(b, 2, 3) * TRUTH[k]


def rounds(seed, sizes=(96, 128, 256)):
    """Estimate of every round but the first, and the axes."""
    rng = np.random.default_rng(seed)
    axes, found, log_w = fresh(), [], []
    for index, size in enumerate(sizes):
        if index:
            weight = tempered(np.concatenate(log_w, 1), 20.0)
            for axis in axes:
                axis.learn(weight)
        u = quasi_uniform(size, 4, rng.random(4))
        spread = u[:, 3] < SPREAD if index else np.zeros(size, bool)
        a, b, k = (axis.draw(u[None, :, i], spread[None]) for i, axis in enumerate(axes))
        log_w.append(np.log(target(a, b, k) + 1e-300) - log_density(axes) - np.log(size))
        found.append(np.exp(log_w[-1]).sum())
    return found[1:], axes


def test_every_round_is_unbiased_and_later_ones_are_closer():
    runs = np.array([rounds(seed)[0] for seed in range(60)])
    error = runs.std(0, ddof=1) / np.sqrt(60)
    np.testing.assert_array_less(np.abs(runs.mean(0) - 0.7), 3.5 * error + 1e-3)
    assert runs[:, -1].std() < 0.06
    flat = np.array([rounds(seed, (96, 1))[0] for seed in range(60)])
    assert runs[:, -1].std() < 0.5 * flat.std()


def test_the_histogram_finds_the_mass():
    _, axes = rounds(3)
    narrow = axes[0].rounds[-1][0]
    near = np.abs((np.arange(BINS) + 0.5) / BINS - 0.31) < 0.06
    assert narrow[near].sum() > 0.7
    assert narrow.min() > 0
    learnt = np.mean([rounds(seed)[1][2].rounds[-1][0] for seed in range(8)], axis=0)
    np.testing.assert_allclose(learnt, TRUTH, atol=0.15)


def test_draws_follow_the_histogram():
    mass = np.array([[0.1, 0.0, 0.6, 0.3], [0.25, 0.25, 0.25, 0.25]])
    axis = Axis([mass], True)
    u = (np.arange(4000) + 0.5) / 4000
    share = axis.draw(np.tile(u, (2, 1)), np.zeros((2, 4000), bool))
    for row in range(2):
        got = np.histogram(share[row], np.linspace(0, 1, 5))[0] / 4000
        np.testing.assert_allclose(got, mass[row], atol=1e-3)
    # even within a bin
    inside = share[0][(share[0] > 0.5) & (share[0] < 0.75)]
    assert stats.kstest((inside - 0.5) * 4, "uniform").pvalue > 0.5


def test_a_point_axis_gives_its_points():
    axis = Axis([np.array([[0.5, 0.2, 0.3]])], False)
    u = quasi_uniform(3000, 1)[:, 0]
    bins = axis.draw(u[None], np.zeros((1, 3000), bool))
    np.testing.assert_allclose(np.bincount(bins[0]) / 3000, [0.5, 0.2, 0.3], atol=2e-3)
    np.testing.assert_allclose(
        np.exp(axis.log_density(bins, 0))[0], np.array([0.5, 0.2, 0.3])[bins[0]]
    )


def test_spread_draws_follow_the_first_histogram():
    axis = Axis([np.array([[0.5, 0.5]]), np.array([[1.0 - 1e-9, 1e-9]])], False)
    u = (np.arange(100) + 0.5) / 100
    assert axis.draw(u[None], np.ones((1, 100), bool)).mean() == 0.5
    assert axis.draw(u[None], np.zeros((1, 100), bool)).mean() == 0.0


def test_log_density_mixes_both_histograms():
    axis = Axis([np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])], False)
    axis.draw(np.array([[0.2, 0.95]]), np.zeros((1, 2), bool))
    want = np.log(SPREAD * 0.5 + (1 - SPREAD) * np.array([0.9, 0.1]))
    np.testing.assert_allclose(log_density([axis])[0], want)


@pytest.mark.parametrize("least", [5.0, 50.0])
def test_tempered_weights_keep_enough_nodes(least):
    log_w = np.random.default_rng(0).normal(0, 8, (3, 400))
    w = tempered(log_w, least)
    np.testing.assert_allclose(w.sum(1), 1.0)
    assert (1 / (w * w).sum(1) >= least).all()
    calm = np.zeros((1, 400))
    np.testing.assert_allclose(tempered(calm, least), 1 / 400)


def test_quasi_uniform_fills_the_cube():
    u = quasi_uniform(1000, 3, np.array([0.1, 0.5, 0.9]))
    for column in u.T:
        assert stats.kstest(column, "uniform").statistic < 0.01
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 0.03


def test_every_curve_has_its_own_points_and_each_set_is_even():
    u = quasi_uniform(64, 3)
    moved = shifted(u, np.array([0, 1, 77_777]))
    np.testing.assert_allclose(moved[0], u, atol=1e-8)
    assert np.abs(moved[1] - moved[2]).min() > 1e-4
    for points in moved:
        for d in range(3):
            assert stats.kstest(points[:, d], "uniform").statistic < 0.06


def test_every_round_learns_from_the_points_that_were_drawn():
    """Weights of scans and rounds belong to the bins that these very points came from."""
    x = 10.0 ** np.linspace(8, 12, 24)
    score = np.where(x < 3e9, 0.05, 0.9)
    curve = Curve(x, score, "exact_match", n=1000.0)
    h = next(h for h in hypotheses(curve.metric_object) if h.name == "transition")
    run = Integral(Batch.of([curve], h.metric), h, FULL, 0, None)
    for count, scan in ((48, True), (32, True), (64, False), (64, False)):
        run.draw(np.arange(1), count, scan=scan)
    location = run.axes["location"]
    # the break is in one gap of 23, where the best points are
    low, high = h.priors(curve)["location"].low, h.priors(curve)["location"].high
    at = (np.log10(3e9) - curve.centre - low) / (high - low) * location.rounds[0].shape[1]
    near = np.abs(np.arange(location.rounds[0].shape[1]) - at) < 26
    assert location.rounds[-1][0, near].sum() > 0.4
