import numpy as np
import pytest
from scipy import stats

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import LOGISTIC_WIDTH
from emergent_stats.several.seeds import (
    _SeedsIntegrand,
    compare_seeds,
    seed_hypotheses,
    usable_seeds,
)

N = 300


def seeds_of(kind, per_scale, seed=5, scales=5):
    """Exact match of several seeds per scale under a planted truth."""
    rng = np.random.default_rng(seed)
    x = np.repeat(np.linspace(-2, 2, scales), per_scale)
    low = -1 + 0.2 * x
    if kind == "line":
        skill = -0.5 + 0.6 * x
    elif kind == "leap":
        skill = low + 2 * (x > 0.3)
    else:
        weight = {"smooth": 1 / (1 + np.exp(-2.2 * x)), "breaks": 0.04 + 0.6 * (x > 0.3)}[kind]
        skill = low + 2 * (rng.random(x.size) < weight)
    skill = skill + 0.15 * rng.standard_normal(x.size)
    p = np.exp(-np.log(2) * np.exp(-skill))
    return Curve(10 ** (x + 9), rng.binomial(N, p) / N, "exact_match", n=float(N))


@pytest.mark.parametrize(
    ("kind", "verdict"), [("line", "unimodal"), ("leap", "unimodal"), ("smooth", "bimodal")]
)
def test_planted_truths_at_ten_seeds(kind, verdict):
    found = compare_seeds(seeds_of(kind, 10, scales=4), nodes=200)
    assert found.verdict == verdict
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.p_bimodal == pytest.approx(1.0 - (verdict == "unimodal"), abs=0.05)
    assert list(found.frame()["hypothesis"]) == list(found.probabilities)
    assert str(found).startswith(verdict)


def test_three_seeds_are_undecided():
    found = compare_seeds(seeds_of("smooth", 3, scales=4), nodes=200)
    assert found.verdict == "undecided"
    assert "3 seeds at 4 scales: fewer than 5 per scale" in found.reason


def test_scale_with_one_seed_is_named():
    curve = seeds_of("line", 3)
    keep = np.r_[0, 3:15]
    fewer = Curve(curve.axis_values[keep], curve.score[keep], "exact_match", n=float(N))
    used, notes = usable_seeds(fewer)
    assert used.m == 12
    assert notes == ("scale 1e+07 has one seed and is left out: it cannot show two groups",)
    with pytest.raises(ValueError, match=r"seeds need 4 scales with 2 seeds or more, got 0 of 5"):
        compare_seeds(Curve(10 ** np.arange(5.0), np.linspace(0.1, 0.5, 5), "exact_match", n=50.0))


def test_weights_add_up_and_a_clean_leap_is_no_mixture():
    two = next(h for h in seed_hypotheses(seeds_of("line", 3).metric_object) if h.components == 2)
    x = np.linspace(-2, 2, 9)
    p = {"location": 0.1, "width": 0.6, "plateau": 0.8, "floor": 0.1}
    behind, ahead = two.log_weights(x, p)
    np.testing.assert_allclose(np.exp(behind) + np.exp(ahead), 1.0)
    np.testing.assert_allclose(np.exp(ahead[[0, -1]]), [0.1, 0.8], atol=1e-5)
    clean = {"location": 0.1, "width": 0.02, "plateau": 1.0, "floor": 0.0}
    assert two.log_coexistence(x, clean) < -40
    assert two.log_coexistence(x, p) > np.log(0.5)


def test_density_of_two_groups_by_hand():
    rng = np.random.default_rng(2)
    x = np.repeat(np.linspace(-2, 2, 4), 3)
    skill = -1 + 0.2 * x + 2 * (rng.random(12) < 0.5) + 0.1 * rng.standard_normal(12)
    curve = Curve(10 ** (x + 9), np.exp(-skill) * np.log(2), "cross_entropy")
    two = seed_hypotheses(curve.metric_object)[2]
    p = {
        "level": -1.0, "slope": 0.2, "apart": 2.0, "location": 0.1, "width": 1.75,
        "plateau": 0.7, "floor": 0.1, "sigma": 0.2,
    }  # fmt: skip
    ahead = 0.1 + 0.6 / (1 + np.exp(-(x - 0.1) * LOGISTIC_WIDTH / 1.75))
    low = -1.0 + 0.2 * x
    each = (1 - ahead) * stats.norm.pdf(skill, low, 0.2)
    each += ahead * stats.norm.pdf(skill, low + 2.0, 0.2)
    want = np.log(each).sum() - np.log1p((1 / (ahead * (1 - ahead)).sum()) ** 4)
    problem = _SeedsIntegrand(two, curve)
    rows = {n: np.full((1, 1), v) for n, v in p.items()}
    problem.parameters = lambda z: rows  # type: ignore[method-assign]
    got = problem.log_integrand(np.zeros((1, 1)), np.zeros(1, int))
    assert got[0] == pytest.approx(want, abs=1e-6)


@pytest.mark.slow
def test_a_weight_that_breaks_is_told_from_a_smooth_one():
    found = compare_seeds(seeds_of("breaks", 20, scales=8))
    assert found.verdict == "bimodal"
    assert found.kind in ("breaks", "unresolved")
    assert found.probabilities["two, weight breaks"] > found.probabilities["two, smooth weight"]
