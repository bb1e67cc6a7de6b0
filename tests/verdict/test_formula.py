"""Planning: the formulas, what they promise, and what is refused."""

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict import formula
from emergent_stats.verdict.advice import (
    MODELS,
    cheapest,
    cheapest_addition,
    cheapest_for,
    modest_additions,
    useful_examples,
)
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.formula import (
    ENOUGH,
    Claim,
    Plan,
    outlook,
    step_power,
    verdicts,
)
from emergent_stats.verdict.judge import compare

SIZES = np.array([125e6, 350e6, 760e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 175e9])
SUBTRACTION = np.array([0.05, 0.1, 0.15, 0.35, 0.65, 1.05, 9.2, 94.2]) / 100


@pytest.fixture(scope="module")
def leap() -> Comparison:
    """GPT-3's 3-digit subtraction: the rise rests on the last model."""
    return compare(Curve(SIZES, SUBTRACTION, "exact_match", n=np.full(8, 2000.0)))


# --- the textbook formula ------------------------------------------------------------------
def test_least_variance_is_the_minimum_over_the_score():
    p = np.linspace(0.01, 0.99, 9801)
    assert ((1 - p) / (p * np.log(p) ** 2)).min() == pytest.approx(formula.LEAST_VARIANCE, abs=1e-4)


@pytest.mark.parametrize(("models", "power"), [(5, 0.63), (8, 0.79), (16, 0.98)])
def test_textbook_power(models, power):
    """The figures of a 1-nat step at σ = .2 and n = 300, at a 5 % level."""
    plan = Plan.even(models, 4.0, n=300, sigma=0.2)
    assert step_power(plan, 1.0) == pytest.approx(power, abs=0.04)


def test_textbook_level_without_a_step():
    assert step_power(Plan.even(9, 4.0), 1e-9) == pytest.approx(0.05, abs=0.003)


# --- the formula against all accounts --------------------------------------------------------
def test_more_of_anything_helps():
    plan, claim = Plan.even(8, 4.0, n=100, sigma=0.15), Claim("jump", 1.5)
    base = outlook(plan, claim).found
    better = [
        Plan.even(16, 4.0, n=100, sigma=0.15),
        Plan.even(8, 4.0, seeds=3, n=100, sigma=0.15),
        Plan.even(8, 4.0, n=1000, sigma=0.15),
        Plan.even(8, 4.0, n=100, sigma=0.05),
    ]
    assert [round(outlook(p, claim).found - base, 2) for p in better if
            outlook(p, claim).found <= base + 0.05] == []  # fmt: skip
    assert outlook(plan, Claim("jump", 3.0)).found > base + 0.05


def test_the_formula_stays_below_the_textbook():
    for models in (8, 12, 16):
        plan = Plan.even(models, 4.0, n=300, sigma=0.2)
        assert outlook(plan, Claim("jump", 1.0)).found < step_power(plan, 1.0)


def test_gradual_truths_are_not_called_real():
    false = [outlook(Plan.even(m, 4.0, n=300, sigma=0.2)).false for m in (5, 8, 16)]
    assert max(false) < 0.06


@pytest.mark.parametrize(
    "given",
    [{"metric": "multiple_choice", "chance": 0.25}, {"metric": "cross_entropy"}, {"metric": "f1"}],
)
def test_other_metrics(given):
    plan = Plan.even(16, 4.0, n=1000, sigma=0.1, **given)
    large, small = (outlook(plan, Claim("jump", h)).found for h in (3.0, 0.3))
    assert large > 0.5
    assert small < large


def test_verdicts_follow_the_rule():
    p = np.array([
        [0.0, 0.97, 0.02, 0.01, 0.0],  # gradual
        [0.0, 0.01, 0.01, 0.98, 0.0],  # a jump
        [0.0, 0.03, 0.48, 0.49, 0.0],  # a break, whichever
        [0.0, 0.001, 0.5, 0.499, 0.0],
        [0.0, 0.5, 0.25, 0.25, 0.0],
        [0.4, 0.58, 0.01, 0.01, 0.0],  # no break, whether or not it grows
        [0.1, 0.3, 0.01, 0.01, 0.58],  # it may fall
    ])  # fmt: skip
    assert verdicts(p).tolist() == [
        "smooth", "real", "real", "real", "undecided", "smooth", "undecided"
    ]  # fmt: skip


# --- what is refused ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": 3}, "3 models: a break needs at least 4 scales"),
        ({"span": 0.0}, "span = 0: decades of scale"),
        ({"span": float("nan")}, "span = nan"),
        ({"n": 0}, "n = 0: a score needs at least 1 example"),
        ({"sigma": -0.1}, r"sigma = -0.1: noise between models is 0 or more"),
        ({"seeds": 0}, "seeds = 0: at least 1 run"),
        ({"metric": "unheard"}, "unknown metric 'unheard'"),
        ({"metric": "multiple_choice"}, "needs a chance level"),
    ],
)
def test_impossible_plans_are_refused(given, message):
    with pytest.raises(ResultsError, match=message):
        Plan.even(**({"models": 8, "span": 4.0} | given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"height": 0}, "a reference height of 0 is refused"),
        ({"height": -1}, "height = -1"),
        ({"kind": "leap"}, "unknown kind of break 'leap'; use jump or onset"),
    ],
)
def test_impossible_claims_are_refused(given, message):
    with pytest.raises(ResultsError, match=message):
        Claim(**given)


def test_scales_have_to_ascend():
    with pytest.raises(ResultsError, match="ascending"):
        Plan((1.0, 0.0, 2.0, 3.0))
    with pytest.raises(ResultsError, match="2 scales"):
        Plan((1.0, 1.0, 2.0, 2.0))


# --- what to add --------------------------------------------------------------------------
def test_useful_examples():
    assert useful_examples(0.2) == pytest.approx(38.6, abs=0.1)
    assert useful_examples(0.0) == float("inf")


def test_modest_additions_come_with_the_best_first():
    found = modest_additions(Plan.even(8, 4.0, n=300, sigma=0.15), Claim())
    powers = [a.outlook.found for a in found]
    assert powers == sorted(powers, reverse=True)
    assert {a.runs for a in found} == {4, 8, 0, 2}
    assert all(a.plan.runs == 8 + a.runs for a in found)


def test_cheapest_addition_decides_and_nothing_cheaper_does():
    plan, claim = Plan.even(8, 4.0, n=300, sigma=0.1), Claim("jump", 1.0)
    assert outlook(plan, claim).found < ENOUGH
    best = cheapest_addition(plan, claim)
    assert best is not None
    assert best.outlook.found >= ENOUGH
    assert best.plan.runs == plan.runs + best.runs
    fewer = [k for k in MODELS if k < best.runs]
    powers = [outlook(Plan.even(8 + k, 4.0, n=300, sigma=0.1), claim).found for k in fewer]
    assert max(powers) < ENOUGH + 0.05  # candidates are judged on fewer draws


def test_nothing_helps_where_noise_rules():
    assert cheapest_addition(Plan.even(5, 4.0, n=300, sigma=1.5), Claim("jump", 0.5)) is None


def test_an_edge_is_resolved_by_models_in_the_gap_or_beyond(leap):
    found = cheapest_for(leap, sigma=0.1)
    assert found is not None
    assert "175B parameters" in found.words
    assert found.plan.runs == 8 + found.runs
    new = sorted(set(found.plan.scales) - set(leap.curve.x.tolist()))
    assert new[0] > np.log10(13e9)
    assert found.outlook.found >= ENOUGH
    assert cheapest(leap, sigma=0.1) == found.words


def test_noise_makes_deciding_dearer(leap):
    quiet, loud = cheapest_for(leap, sigma=0.1), cheapest_for(leap, sigma=0.5)
    assert quiet is not None
    # as many runs find less, or more are needed
    assert loud is None or (loud.runs, quiet.outlook.found) > (quiet.runs, loud.outlook.found)


def test_noise_is_estimated_where_none_is_given(leap):
    assert cheapest(leap) == cheapest(leap)
    assert cheapest(leap) is not None


def test_series_that_were_not_analysed_have_no_cheapest_design():
    short = compare(Curve(SIZES[:3], SUBTRACTION[-3:], "exact_match", n=np.full(3, 100.0)))
    assert cheapest(short) is None
