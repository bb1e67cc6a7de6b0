from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from emergent_stats.model.priors import (
    Beta,
    Gamma,
    HalfNormal,
    HalfStudentT,
    Interior,
    LogUniform,
    Normal,
    Rising,
    Uniform,
)

TWINS = {
    Normal(0.5, 2.0): stats.norm(0.5, 2.0),
    HalfNormal(1.5): stats.halfnorm(scale=1.5),
    HalfStudentT(3.0, 0.7): None,
    Gamma(3.0, 0.5): stats.gamma(3.0, scale=0.5),
    Beta(1.0, 50.0): stats.beta(1.0, 50.0),
    Beta(2.0, 3.0): stats.beta(2.0, 3.0),
    Uniform(-1.0, 2.5): stats.uniform(-1.0, 3.5),
    LogUniform(0.1, 3.0): stats.loguniform(0.1, 3.0),
    Rising(0.5, 3.0): stats.triang(1.0, loc=0.5, scale=2.5),
}
PRIORS = list(TWINS)
KNOWN = [(p, t) for p, t in TWINS.items() if t is not None]
Z = np.linspace(-4, 4, 161)


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_map_from_normal_is_monotone(prior):
    assert (np.diff(prior.from_normal(Z)) > 0).all()


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_density_integrates_to_one(prior):
    low, high = prior.from_normal(np.array([-7.5, 7.5]))
    middle = prior.from_normal(np.linspace(-7, 7, 15))
    edges = np.unique(np.concatenate([[low], middle, [high]]))
    total = sum(
        integrate.quad(lambda v: float(np.exp(prior.log_density(np.array(v)))), a, b)[0]
        for a, b in pairwise(edges)
    )
    assert total == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_density_of_the_map_is_the_density(prior):
    z, h = np.linspace(-3, 3, 25), 1e-4
    slope = (prior.from_normal(z + h) - prior.from_normal(z - h)) / (2 * h)
    want = stats.norm.logpdf(z) - np.log(slope)
    # the maps of positive priors are tables interpolated in z
    np.testing.assert_allclose(prior.log_density(prior.from_normal(z)), want, atol=0.01)


@pytest.mark.parametrize(("prior", "twin"), KNOWN, ids=lambda v: repr(v)[:40])
def test_matches_scipy(prior, twin):
    value = prior.from_normal(np.linspace(-3, 3, 13))
    np.testing.assert_allclose(prior.log_density(value), twin.logpdf(value), atol=1e-9)
    np.testing.assert_allclose(value, twin.ppf(stats.norm.cdf(np.linspace(-3, 3, 13))), rtol=1e-5)


def test_half_student_t_is_twice_the_upper_half():
    v = np.array([0.01, 0.5, 3.0, 40.0])
    want = np.log(2) + stats.t(3.0, scale=0.7).logpdf(v)
    np.testing.assert_allclose(HalfStudentT(3.0, 0.7).log_density(v), want, atol=1e-9)
    shares = np.array([0.2, 0.9, 0.999])
    want = stats.t(3.0, scale=0.7).ppf(0.5 + shares / 2)
    got = HalfStudentT(3.0, 0.7).from_normal(stats.norm.ppf(shares))
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize(
    "prior", [Uniform(-1, 2.5), LogUniform(0.1, 3.0), Rising(0.5, 3.0)], ids=repr
)
def test_share_and_at_are_inverse(prior):
    share = np.linspace(0, 1, 21)
    np.testing.assert_allclose(prior.share(prior.at(share)), share, atol=1e-12)
    assert prior.at(0.0) == pytest.approx(prior.low)
    assert prior.at(1.0) == pytest.approx(prior.high)


@pytest.mark.parametrize(
    ("prior", "outside"),
    [
        (HalfNormal(), -0.1),
        (HalfStudentT(), -0.1),
        (Gamma(), -0.1),
        (Beta(2, 2), 1.1),
        (Beta(2, 2), -0.1),
        (Uniform(0, 1), 1.1),
        (LogUniform(0.1, 1), 0.05),
        (Rising(0.5, 1), 0.4),
    ],
    ids=repr,
)
def test_no_density_outside_the_support(prior, outside):
    assert prior.log_density(np.array(outside)) == -np.inf


def test_non_local_priors_vanish_at_their_lower_end():
    assert np.exp(Gamma(3.0, 0.5).log_density(np.array(1e-6))) < 1e-9
    assert np.exp(Rising(0.5, 3.0).log_density(np.array(0.5 + 1e-9))) < 1e-8


def test_interior_leaves_two_scales_on_either_side():
    assert Interior().bounds(np.array([1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0])) == (2.0, 4.0)
    with pytest.raises(ValueError, match=r"at least 4 distinct scales.*got 3"):
        Interior().bounds(np.array([1.0, 2.0, 2.0, 3.0]))


def test_tails_of_the_map_stay_finite():
    for prior in PRIORS:
        assert np.isfinite(prior.from_normal(np.array([-8.9, 8.9]))).all()
