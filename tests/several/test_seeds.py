import numpy as np
import pytest

from emergent_stats.bayes import seeds
from emergent_stats.bayes.seeds import build_seed_model
from emergent_stats.model.curve import Curve
from emergent_stats.several.seeds import (
    compare_seeds,
    seed_hypotheses,
    seed_log_evidence,
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
    found = compare_seeds(seeds_of(kind, 10, scales=4), nodes=400)
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


@pytest.mark.slow
def test_model_has_the_density_of_the_evidence():
    """Losses: noise is summed out in both, so the densities can be compared."""
    rng = np.random.default_rng(2)
    x = np.repeat(np.linspace(-2, 2, 4), 3)
    loss = np.exp(-(-1 + 0.2 * x + 2 * (rng.random(12) < 0.5) + 0.1 * rng.standard_normal(12)))
    curve = Curve(10 ** (x + 9), loss, "cross_entropy")
    two = seed_hypotheses(curve.metric_object)[2]
    model = build_seed_model(two, curve)
    point = {
        "level": -1.0, "slope": 0.2, "apart": 2.0, "location": 0.1, "share_width": 0.5,
        "plateau": 0.7, "floor": 0.1, "sigma": 0.2,
    }  # fmt: skip
    values = {n: model.rvs_to_values[model[n]] for n in point}
    likelihood = model.compile_fn(
        sum(p.sum() for p in model.potentials), inputs=[model[n] for n in point],
        on_unused_input="ignore", point_fn=False, mode="FAST_COMPILE",
    )  # fmt: skip
    assert set(values) == {v.name for v in model.free_RVs}
    got = float(np.asarray(likelihood(*point.values())))
    from emergent_stats.several.seeds import _SeedsIntegrand

    problem = _SeedsIntegrand(two, curve)
    parameters = {n: np.full((1, 1), v) for n, v in point.items() if n != "share_width"}
    parameters["width"] = np.full((1, 1), 0.5 + 2.5 * 0.5)
    problem.parameters = lambda z: parameters  # type: ignore[method-assign]
    want = problem.log_integrand(np.zeros((1, 1)), np.zeros(1, int))
    assert got == pytest.approx(float(want[0]), abs=1e-6)


@pytest.mark.slow
def test_data_sets_of_one_shape_share_a_compiled_model():

    line = next(h for h in seed_hypotheses(seeds_of("line", 3).metric_object) if h.components == 1)
    seeds._compiled_models.clear()
    first, second = (
        seeds.fit_seeds(line, seeds_of(kind, 3), draws=300, tune=300, chains=2)["posterior"]
        for kind in ("line", "leap")
    )
    assert len(seeds._compiled_models) == 1
    assert abs(float(first["slope"].mean() - second["slope"].mean())) > 0.1
    assert list(second["seed"].to_numpy()) == list(seeds_of("leap", 3).models)


@pytest.mark.slow
def test_a_weight_that_breaks_is_told_from_a_smooth_one():
    found = compare_seeds(seeds_of("breaks", 20, scales=8))
    assert found.verdict == "bimodal"
    assert found.kind in ("breaks", "unresolved")
    assert found.probabilities["two, weight breaks"] > found.probabilities["two, smooth weight"]


@pytest.mark.slow
def test_evidence_agrees_with_bridge_sampling():
    from emergent_stats.bayes.bridge import bridge_sampling
    from emergent_stats.bayes.seeds import fit_seeds
    from emergent_stats.several.seeds import _SeedsIntegrand

    curve = seeds_of("smooth", 6)
    for h in seed_hypotheses(curve.metric_object)[::2]:
        found = seed_log_evidence(curve, h, nodes=4000)
        tree = fit_seeds(h, curve, draws=2000, unconstrained=True)
        bridge = bridge_sampling(build_seed_model(h, curve), tree)
        log_z = bridge.log_z - _SeedsIntegrand(h, curve).log_share()
        assert found.log_z == pytest.approx(log_z, abs=4 * np.hypot(found.error, bridge.error))
