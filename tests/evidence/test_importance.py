import numpy as np
import pytest
from scipy import special, stats

from emergent_stats.evidence.importance import climb, integrate


def linear(d, seed=0):
    """Normal observations of a linear map: target and exact log evidence."""
    rng = np.random.default_rng(seed)
    slope, seen = rng.standard_normal((2 * d, d)), 2 * rng.standard_normal(2 * d)

    def target(z, stratum):
        return stats.norm.logpdf(seen - z @ slope.T).sum(1)

    covariance = np.eye(2 * d) + slope @ slope.T
    return target, stats.multivariate_normal(np.zeros(2 * d), covariance).logpdf(seen)


@pytest.mark.parametrize("d", [1, 4, 11])
def test_gaussian_integral(d):
    target, exact = linear(d)
    found = integrate(target, d, np.zeros(1), seed=2)
    assert found.error < 0.05
    assert found.log_z == pytest.approx(exact, abs=4 * found.error)
    assert special.logsumexp(found.log_weight) == pytest.approx(found.log_z)
    again = integrate(target, d, np.zeros(1), seed=2)
    assert again.log_z == found.log_z


def test_strata_are_added():
    target, exact = linear(3)
    masses = np.log([0.25, 0.5, 0.25])

    def shifted(z, stratum):
        return target(z, stratum) + np.array([0.0, 1.0, -400.0])[stratum]

    found = integrate(shifted, 3, masses, seed=1)
    want = exact + np.log(0.25 + 0.5 * np.e)
    assert found.log_z == pytest.approx(want, abs=4 * found.error)
    assert set(found.stratum) == {0, 1}


def test_two_modes_and_a_funnel():
    def target(z, stratum):
        far = stats.norm.logpdf(np.abs(z[:, 0]), 1.5, 0.1)
        # the spread of the second variable follows the third
        return far + stats.norm.logpdf(z[:, 1], 0.0, np.exp(z[:, 2]))

    found = integrate(target, 3, np.zeros(1), nodes=4000, scales=[2], seed=4)
    x = np.linspace(-6, 6, 24001)
    first = np.trapezoid(stats.norm.pdf(np.abs(x), 1.5, 0.1) * stats.norm.pdf(x), x)
    s = np.hypot(1.0, np.exp(x))
    second = np.trapezoid(stats.norm.pdf(x) / (s * np.sqrt(2 * np.pi)), x)
    assert found.log_z == pytest.approx(np.log(first * second), abs=4 * found.error + 0.01)
    left = np.exp(found.log_weight[found.z[:, 0] < 0] - found.log_z).sum()
    assert left == pytest.approx(0.5, abs=0.1)


def test_floor_stops_early():
    target, exact = linear(4)
    found = integrate(target, 4, np.zeros(1), floor=exact + 50)
    assert found.error == 1.0
    assert found.log_z == pytest.approx(exact, abs=0.01)


def test_climb_finds_a_curved_ridge():
    def banana(z, stratum):
        return -0.5 * (z[:, 0] - 1) ** 2 - 50 * (z[:, 1] - z[:, 0] ** 2) ** 2

    top, height = climb(banana, np.array([[-1.0, 1.0]]), np.zeros(1, int), np.zeros(1))
    np.testing.assert_allclose(top, [[1.0, 1.0]], atol=0.5)
    assert height[0] > -0.2


def test_nowhere_finite_is_no_crash():
    found = integrate(lambda z, s: np.where(z[:, 0] > 0, 0.0, np.nan), 1, np.zeros(1), seed=3)
    assert found.log_z == pytest.approx(np.log(0.5), abs=0.1)
