import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special, stats
from statsmodels.genmod.families import links

from emergent_stats.design.simulate import Design, simulate_curve
from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import ExactMatch
from emergent_stats.rules import classical, glm
from emergent_stats.rules.classical import (
    RULES,
    break_test,
    breakthroughness,
    descriptive,
    improvement,
    linearity,
    score_test,
)

BARE = Design(m=9, n=300, sigma=0.1, plateaus=False)
FEW = {"series": 19, "seed": 0}


def made(truth="power_law", design=BARE, seed=3):
    return simulate_curve(truth, design, seed)[0]


def counts(curve):
    k = np.round(curve.score * curve.n)
    return k, curve.n, curve.x - curve.centre


def columns(x):
    """Step and kink columns in every gap with two scales on either side."""
    middles = [0.5 * (a + b) for a, b in pairwise(x[1:-1])]
    return [(x > t) * 1.0 for t in middles] + [np.maximum(x - t, 0) for t in middles]


def statsmodels_fit(curve, extra=None):
    k, n, x = counts(curve)
    parts = [np.ones_like(x), x] + ([] if extra is None else [extra])
    family = sm.families.Binomial(links.LogLog())
    answers = np.column_stack([k, n - k])
    return sm.GLM(answers, np.column_stack(parts), family=family).fit(tol=1e-13, maxiter=300)


# --- the fits ------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(4))
def test_fit_is_the_loglog_glm_of_statsmodels(seed):
    curve = made(seed=seed)
    k, n, x = counts(curve)
    extra = np.maximum(x - 0.2, 0)
    reference = statsmodels_fit(curve, extra)
    found = glm.fit(
        k[None], n, np.column_stack([np.ones_like(x), x, extra]), glm.Response.of(curve, False)
    )
    # skill is measured from half-way, statsmodels' predictor is not
    expected = reference.params - [-np.log(np.log(2)), 0, 0]
    np.testing.assert_allclose(found.coefficients[0], expected, atol=2e-4)
    constant = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    assert found.log_likelihood[0] + constant.sum() == pytest.approx(reference.llf, abs=1e-5)


def test_plateaus_are_the_penalised_optimum():
    curve = made("step", Design(m=12, n=800, sigma=0.1), 8)
    k, n, x = counts(curve)
    found = glm.fit(
        k[None], n, np.column_stack([np.ones_like(x), x]), glm.Response.of(curve), start=None
    )

    def minus(theta):
        guess, lapse = special.expit(theta[2:])
        fraction = np.exp(-np.log(2) * np.exp(-(theta[0] + theta[1] * x)))
        mean = np.clip(guess + (1 - guess - lapse) * fraction, 1e-12, 1 - 1e-12)
        value = special.xlogy(k, mean) + special.xlogy(n - k, 1 - mean)
        return -value.sum() - 49 * np.log1p(-guess) - 49 * np.log1p(-lapse)

    box = [(-6, 6), (-4.5, 4.5), (-9, -2), (-9, -2)]
    best = optimize.differential_evolution(minus, box, seed=1, tol=1e-8, popsize=12).fun
    assert -found.log_likelihood[0] == pytest.approx(best, abs=1e-3)
    assert found.log_odds.shape == (1, 2)


def test_stated_chance_is_not_fitted():
    response = glm.Response.of(made(design=Design(link="multiple_choice")))
    assert (response.guess, response.lapse, response.n_rates) == (0.25, None, 1)


def test_many_series_at_once_are_each_alone():
    curve = made("kink")
    _, n, x = counts(curve)
    line = np.column_stack([np.ones_like(x), x])
    many = np.random.default_rng(0).binomial(n.astype(int), curve.score, (5, curve.m))
    together = glm.fit(many, n, line, glm.Response.of(curve))
    for i in range(5):
        alone = glm.fit(many[i : i + 1], n, line, glm.Response.of(curve))
        assert alone.log_likelihood[0] == pytest.approx(together.log_likelihood[i], abs=1e-5)


@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_noise_between_models_is_recovered(sigma):
    found = []
    for seed in range(30):
        curve = made(design=Design(m=24, n=1000, sigma=sigma, plateaus=False), seed=seed)
        k, n, x = counts(curve)
        response = glm.Response.of(curve, False)
        line = glm.fit(k[None], n, np.column_stack([np.ones_like(x), x]), response)
        found.append(glm.noise_between_models(line, k, n, response))
    assert np.median(found) == pytest.approx(sigma, abs=0.08)


def test_lower_is_better_counts_its_opposite():
    curve = made()
    error = Curve(curve.axis_values, 1 - curve.score, "edit_distance", n=curve.n)
    np.testing.assert_allclose(glm.right_answers(error)[0], glm.right_answers(curve)[0])


# --- break tests ---------------------------------------------------------------------------
@pytest.mark.parametrize("truth", ["power_law", "ceiling", "kink", "step"])
def test_statistic_is_the_best_of_all_statsmodels_fits(truth):
    curve = made(truth, seed=5)
    null = statsmodels_fit(curve)
    fits = [statsmodels_fit(curve, c) for c in columns(curve.x - curve.centre)]
    ratio = np.array([2 * (f.llf - null.llf) for f in fits])
    both = break_test(curve, null="naive", upward=False, plateaus=False)
    assert both.statistic == pytest.approx(ratio.max(), abs=2e-3)
    assert both.p_value == pytest.approx(stats.chi2.sf(ratio.max(), 1), rel=1e-2)
    up = np.array([f.params[2] > 0 for f in fits])
    upward = break_test(curve, null="naive", plateaus=False)
    assert upward.statistic == pytest.approx(max(0, ratio[up].max(initial=0)), abs=2e-3)


def test_bic_is_that_of_statsmodels_with_the_location_counted():
    curve = made("step", seed=5)
    null = statsmodels_fit(curve)
    best = max(
        (
            f
            for c in columns(curve.x - curve.centre)
            if (f := statsmodels_fit(curve, c)).params[2] > 0
        ),
        key=lambda f: f.llf,
    )
    for count, size in (("models", curve.m), ("answers", curve.m * 300)):
        expected = 2 * (best.llf - null.llf) - 2 * np.log(size)
        found = classical.bic_difference(curve, count=count, plateaus=False, **FEW)
        assert found.statistic == pytest.approx(expected, abs=2e-3)
        assert found.p_value is None
        assert found.null_quantile < found.statistic
        if count == "models":
            assert expected == pytest.approx(null.bic_llf - best.bic_llf - np.log(size), abs=1e-6)


def test_scores_are_those_of_statsmodels():
    curve = made("ceiling", seed=2)
    null = statsmodels_fit(curve)
    middles = columns(curve.x - curve.centre)
    chi2 = [
        float(null.score_test(exog_extra=c[:, None], observed=False).statistic[0]) for c in middles
    ]
    # statsmodels divides by nothing, the package by the dispersion
    dispersion = max(1.0, null.pearson_chi2 / (curve.m - 2))
    found = score_test(curve, upward=False, plateaus=False, **FEW)
    assert found.statistic == pytest.approx(np.sqrt(max(chi2) / dispersion), rel=2e-3)


def test_simulated_null_has_its_size():
    exact = replace(BARE, sigma=0.0)
    rejected = [
        break_test(made(design=exact, seed=[1, i]), plateaus=False, series=19).p_value <= 0.05
        for i in range(80)
    ]
    # an exact test would give more than 11 of 80 in one of 2,000 runs of this test
    assert sum(rejected) <= 11


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.0, 0.2])
def test_simulated_nulls_have_their_size_in_long_runs(sigma):
    design = Design(m=8, n=500, sigma=sigma)
    wide = [
        {"p": break_test(c, sigma=None, series=99).p_value, "z": score_test(c, series=99).p_value}
        for c in (simulate_curve("power_law", design, [2, i])[0] for i in range(300))
    ]
    for name in ("p", "z"):
        assert 0.01 <= np.mean([w[name] <= 0.05 for w in wide]) <= 0.095
    if sigma == 0:
        exact = replace(BARE, sigma=0.0)
        bare = [
            break_test(made(design=exact, seed=[3, i]), plateaus=False, series=99).p_value <= 0.05
            for i in range(300)
        ]
        assert 0.02 <= np.mean(bare) <= 0.09


def test_naive_test_calls_noise_a_break():
    design = Design(m=12, n=1000, sigma=0.1, plateaus=False)
    naive = [
        break_test(made(design=design, seed=[1, i]), null="naive", plateaus=False).p_value < 0.05
        for i in range(40)
    ]
    assert np.mean(naive) > 0.5


def test_noise_null_is_not_fooled_by_noise():
    design = Design(m=8, n=1000, sigma=0.2, plateaus=False)
    rejected = [
        break_test(made(design=design, seed=[4, i]), sigma=None, plateaus=False, series=19).p_value
        <= 0.05
        for i in range(50)
    ]
    assert np.mean(rejected) <= 0.16


@pytest.mark.parametrize("rule", ["break_binomial", "break_noise", "score"])
def test_clear_step_is_found(rule):
    x = np.linspace(-2, 2, 16)
    score = np.exp(-np.exp(-np.where(x > 0, 1.5, -0.8) - 0.2 * x))
    curve = Curve(10.0 ** (x + 9), np.round(score * 1000) / 1000, "exact_match", n=1000)
    found = RULES[rule](curve, series=99, plateaus=False)
    assert found.p_value == pytest.approx(0.01)
    assert "at 1e+09 params" in found.note


def test_slowing_down_is_no_break_upward():
    x = np.linspace(-2, 2, 12)
    score = np.exp(-np.exp(-np.minimum(1.5 * x, 0.2)))
    curve = Curve(10.0 ** (x + 9), np.round(score * 500) / 500, "exact_match", n=500)
    either = break_test(curve, null="naive", upward=False, plateaus=False, kinds=("kink",))
    upward = break_test(curve, null="naive", plateaus=False, kinds=("kink",))
    assert either.statistic > 100
    assert upward.statistic == 0
    assert upward.note.startswith("no break upward")


def test_checkpoints_are_thinned():
    curve = made(design=Design(m=120, n=100, axis="step", spacing="linear"))
    problem = glm.BreakProblem.of(curve, glm.KINDS, True, True)
    assert len(problem.labels) == 2 * glm.MAX_GAPS
    at = [a for kind, a in problem.labels if kind == "step"]
    x = np.unique(curve.x - curve.centre)
    assert x[1] < at[0] < x[2]
    assert x[-3] < at[-1] < x[-2]


# --- descriptive scores --------------------------------------------------------------------
def test_scores_by_hand():
    y = np.array([0.0, 0.1, 0.1, 0.5])
    assert improvement(y) == pytest.approx(0.5)
    assert linearity(y) == pytest.approx(0.5 / np.sqrt(0.17 / 3))
    assert breakthroughness(y) == pytest.approx(5.0)
    falling = y[::-1]
    assert linearity(falling) == pytest.approx(-linearity(y))
    np.testing.assert_allclose(breakthroughness(np.stack([y, falling, 0 * y])), [5.0, -5.0, 0.0])


def test_emergence_score_is_breakthroughness():
    curve = made("kink")
    assert RULES["emergence_score"](curve, **FEW) == RULES["breakthroughness"](curve, **FEW)


@pytest.mark.parametrize("m", [4, 7, 12])
def test_ramp_scores_m_minus_one(m):
    ramp = np.linspace(0.1, 0.9, m)
    assert linearity(ramp) == pytest.approx(m - 1)
    assert breakthroughness(ramp) == pytest.approx(m - 1)


def test_lone_step_is_infinite_and_still_has_a_null():
    score = np.array([0.0] * 6 + [0.4] * 6)
    curve = Curve(10.0 ** np.linspace(7, 11, 12), score, "exact_match", n=200)
    found = RULES["breakthroughness"](curve, series=99)
    assert found.statistic == np.inf
    assert 0 < found.p_value <= 1
    assert not np.isnan(found.null_quantile)


def test_smooth_curves_reach_high_breakthroughness():
    # statistics.md: at m = 12 smooth curves have a 95 % quantile of 28 to 45
    curve = made(design=Design(m=12, n=500, sigma=0.1), seed=4)
    found = RULES["breakthroughness"](curve, series=999)
    assert found.null_quantile > 2 * (curve.m - 1)
    larger = descriptive(curve, breakthroughness, sigma=0.0, series=999)
    assert larger.note.endswith("noise 0.00 between models")


def test_models_of_one_scale_are_averaged():
    curve = Curve([1e8, 1e8, 1e9, 1e10, 1e11], [0.1, 0.3, 0.3, 0.3, 0.7], "exact_match", n=100)
    found = RULES["linearity"](curve, **FEW)
    assert found.statistic == pytest.approx(linearity(np.array([0.2, 0.3, 0.3, 0.7])))


def test_curvature_of_f():
    x = np.linspace(-1.5, 1.5, 10)
    straight = np.exp(-np.exp(-0.9 * x))  # log(-log score) = -0.9 x
    bent = np.exp(-np.exp(-(0.9 * x + 0.4 * x**2)))
    slowing = np.exp(-np.exp(-(0.9 * x - 0.2 * x**2)))
    values = [
        RULES["passuntil_curvature"](
            Curve(10.0 ** (x + 9), np.round(s * 5000) / 5000, "exact_match", n=5000),
            series=99, plateaus=False,
        )
        for s in (straight, bent, slowing)
    ]  # fmt: skip
    assert abs(values[0].statistic) < 0.3
    assert values[0].p_value > 0.2
    assert values[1].statistic > 5
    assert values[1].p_value == pytest.approx(0.01)
    assert values[2].statistic < -5


# --- the registry --------------------------------------------------------------------------
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("link", ["exact_match", "multiple_choice", "graded"])
def test_rule_on_a_proportion(name, link):
    curve = made("step", Design(m=6, n=200, link=link), 2)
    found = RULES[name](curve, **FEW)
    assert found.applies
    assert found == RULES[name](curve, **FEW)
    assert found.p_value is not None or found.null_quantile is not None
    if found.p_value is not None:
        assert 0 <= found.p_value <= 1
    assert found.note


@pytest.mark.parametrize("name", RULES)
def test_rule_says_where_it_does_not_apply(name):
    scales = [1e8, 1e9, 1e10, 1e11]
    loss = RULES[name](Curve(scales, [3.0, 2.5, 2.2, 2.0], "cross_entropy"))
    brier = RULES[name](Curve(scales, [0.7, 0.6, 0.5, 0.4], "brier"))
    few = RULES[name](Curve([1e8, 1e9, 1e10, 1e10], [0.1, 0.2, 0.3, 0.4], "exact_match", n=100))
    for found in (loss, brier, few):
        assert not found.applies
        assert found.p_value is None
        assert found.null_quantile is None
        assert found.note.startswith("does not apply: ")
    assert "'cross_entropy' is not a proportion of right answers" in loss.note
    assert "3 distinct scales, at least 4 needed" in few.note


@pytest.mark.parametrize("score", [[0.0] * 6, [1.0] * 6, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
@pytest.mark.parametrize("name", RULES)
def test_rules_survive_the_edges(name, score):
    curve = Curve(10.0 ** np.arange(6, 12), score, "exact_match", n=50)
    found = RULES[name](curve, **FEW)
    assert found.applies


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"null": "chi2"}, "null must be 'simulated' or 'naive', got 'chi2'"),
        ({"kinds": ("leap",)}, r"kinds of break are step, kink, got \('leap',\)"),
        ({"kinds": ()}, "kinds of break are step, kink"),
        ({"series": 3}, "a null needs at least 19 simulated series, got 3"),
        ({"sigma": -1.0}, "noise between models must be at least 0, got -1"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        break_test(made(), **given)


def test_bad_count():
    with pytest.raises(ValueError, match="count must be 'models' or 'answers', got 'tokens'"):
        classical.bic_difference(made(), count="tokens")


def test_statsmodels_is_not_needed_to_apply_a_rule():
    code = (
        "from emergent_stats import Curve; from emergent_stats.rules.classical import RULES\n"
        "RULES['score'](Curve([1, 2, 3, 4, 5], [.1, .2, .3, .4, .5], 'exact_match', n=100))\n"
        "import sys; print('statsmodels' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_table_of_the_metric_is_exact():
    response = glm.Response(ExactMatch(), 0.0, 0.0)
    eta = np.linspace(-2, 6, 101)
    exact = np.exp(-np.log(2) * np.exp(-eta))
    np.testing.assert_allclose(response.fraction(eta), exact, atol=1e-9)
    np.testing.assert_allclose(response.slope(eta), exact * np.log(2) * np.exp(-eta), atol=1e-7)
