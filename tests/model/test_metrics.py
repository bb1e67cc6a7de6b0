from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from emergent_stats.evidence.many import evidence_table
from emergent_stats.importers.declare import parse_declaration
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.metrics import (
    ALIASES,
    METRICS,
    AllOf,
    BitsPerByte,
    Brier,
    CrossEntropy,
    EditDistance,
    ExactMatch,
    MajorityVote,
    MultipleChoice,
    PassAtK,
    Perplexity,
    Proportion,
    Threshold,
    metric_for,
    named,
)
from emergent_stats.model.skill import SKILL_SCALES
from emergent_stats.model.trends import Kink, PowerLaw
from emergent_stats.results.corpus import ResultsError, validate
from emergent_stats.results.selection import curves, select

S = np.linspace(-8, 8, 161)
CHANCE = {"multiple_choice": 0.25, "brier": 0.75}
NAMES = list(METRICS)
CONTINUOUS = [n for n in NAMES if METRICS[n].continuous]
PROPORTIONS = [n for n in NAMES if issubclass(METRICS[n], Proportion)]


def make(name, scale="log"):
    return metric_for(name, CHANCE.get(name, float("nan"))).on_scale(scale)


def rates(metric, guess=0.05, lapse=0.02):
    """Fixed rates where the metric has them, else the given ones."""
    if metric.continuous:
        return {}
    return {"guess": guess, "lapse": lapse} | metric.fixed()


def test_names_of_tools_lead_to_names_of_metrics_and_hide_none():
    assert set(ALIASES.values()) <= set(METRICS)
    assert not set(ALIASES) & set(METRICS)
    for alias in ("acc", "em", "acc_norm", "ppl", "bpb", "multiple_choice_grade", "pass@1"):
        assert alias in ALIASES
    for taken in ({"exact_match": ""}, {"new": "acc"}):
        with pytest.raises(ValueError, match="is a metric already; choose another name"):
            named(**taken)(ExactMatch)
    assert "new" not in METRICS


@pytest.mark.parametrize("scale", SKILL_SCALES)
@pytest.mark.parametrize("name", NAMES)
def test_scores_stay_in_range_and_move_in_one_direction(name, scale):
    metric = make(name, scale)
    # a loss of exp(6.6) nats is the largest whose perplexity is a floating-point number
    skill = S[S > -6] if name == "perplexity" else S
    score = metric(skill, **rates(metric))
    low, high = metric.range
    assert ((score >= low) & (score <= high)).all()
    step = np.diff(score) * metric.direction
    assert (step >= -1e-12).all()
    near = np.abs(skill[:-1]) < 1
    assert (step[near] > 0).all()


@pytest.mark.parametrize("scale", SKILL_SCALES)
@pytest.mark.parametrize("name", PROPORTIONS)
def test_half_way_point_is_skill_zero(name, scale):
    metric = make(name, scale)
    assert metric.fraction(np.array(0.0)) == pytest.approx(0.5, abs=1e-9)
    own = rates(metric)
    ends = metric(np.array([-60.0, 60.0]), **own)
    assert metric(np.array(0.0), **own) == pytest.approx(ends.mean(), abs=1e-3)


@pytest.mark.parametrize("name", PROPORTIONS)
def test_both_scales_are_equally_steep_half_way(name):
    e = np.array([-1e-4, 1e-4])
    log, logit = (make(name, scale).fraction(e) for scale in SKILL_SCALES)
    assert np.diff(logit)[0] == pytest.approx(np.diff(log)[0], rel=1e-5)


@pytest.mark.parametrize("name", PROPORTIONS)
def test_no_skill_is_chance_and_all_skill_is_top(name):
    metric = make(name)
    own = rates(metric)
    bottom, top = metric(np.array([-60.0, 60.0]), **own)
    g, lapse = own["guess"], own["lapse"]
    if name == "brier":
        assert (bottom, top) == pytest.approx((metric.chance, 0.0), abs=1e-3)
    elif metric.direction < 0:
        assert (bottom, top) == pytest.approx((1 - g, lapse), abs=1e-3)
    else:
        assert (bottom, top) == pytest.approx((g, 1 - lapse), abs=1e-3)


@pytest.mark.parametrize("scale", SKILL_SCALES)
@pytest.mark.parametrize("name", NAMES)
def test_same_formula_runs_on_pytensor(name, scale):
    import pytensor
    import pytensor.tensor as pt

    metric = make(name, scale)
    s = pt.dvector("s")
    out = metric(s, **rates(metric))
    slope = pytensor.grad(out.sum(), s)
    function = pytensor.function([s], [out, slope], mode="FAST_COMPILE")
    x = np.linspace(-6.03, 6.1, 41)
    score, grad = function(x)
    np.testing.assert_allclose(score, metric(x, **rates(metric)), rtol=1e-9, atol=1e-12)
    assert np.isfinite(grad).all()
    h = 1e-6
    want = (metric(x + h, **rates(metric)) - metric(x - h, **rates(metric))) / (2 * h)
    np.testing.assert_allclose(grad, want, rtol=1e-4, atol=1e-5)


# p = exp(-e^-s) is .5 at s = -log(log 2), which is where the skill of exact match starts
def at(p, scale="log"):
    if scale == "log":
        return -np.log(-np.log(p)) + np.log(np.log(2))
    unit = 2 * np.log(2)  # slopes at p = ½: log 2 / 2 in the log scale, 1/4 in the logit
    return np.log(p / (1 - p)) / unit


@pytest.mark.parametrize("scale", SKILL_SCALES)
def test_exact_match_by_hand(scale):
    metric = ExactMatch(skill_scale=scale)
    assert metric(at(0.8, scale), guess=0.0, lapse=0.0) == pytest.approx(0.8, abs=1e-6)
    assert metric(at(0.8, scale), guess=0.1, lapse=0.05) == pytest.approx(
        0.1 + 0.85 * 0.8, abs=1e-6
    )


def test_length_shifts_exact_match_and_does_not_sharpen_it():
    short, long = ExactMatch(), ExactMatch(lengths=((20.0, 1.0),))
    np.testing.assert_allclose(short.fraction(S), long.fraction(S), atol=1e-9)


def test_mixed_lengths_are_blunter():
    mixed = ExactMatch(lengths=((1.0, 0.5), (50.0, 0.5)))
    e = np.array([-0.01, 0.01])
    assert np.diff(mixed.fraction(e))[0] < 0.8 * np.diff(ExactMatch().fraction(e))[0]
    p = 0.9
    assert mixed.raw_fraction(-np.log(-np.log(p))) == pytest.approx(0.5 * p + 0.5 * p**50)


def test_exact_match_is_a_gumbel_curve():
    # 10-90 % width 3.084 nats of log cross-entropy, whatever the length
    grid = np.linspace(-6, 6, 100_001)
    f = ExactMatch().fraction(grid)
    low, high = np.interp([0.1, 0.9], f, grid)
    assert high - low == pytest.approx(3.084, abs=0.001)


@pytest.mark.parametrize("k", [2.0, 4.0, 5.0])
@pytest.mark.parametrize("d", [0.3, 1.0, 2.5])
def test_multiple_choice_is_the_forced_choice_integral(k, d):
    right, _ = integrate.quad(
        lambda z: stats.norm.pdf(z) * stats.norm.cdf(z + d) ** (k - 1), -10, 10
    )
    metric = MultipleChoice(options=k)
    want = (right - 1 / k) / (1 - 1 / k)
    assert metric.raw_fraction(np.log(d)) == pytest.approx(want, abs=2e-4)


def test_two_options_by_hand():
    # for k = 2 the proportion right is Φ(d′/√2)
    assert MultipleChoice(options=2.0).raw_fraction(0.0) == pytest.approx(
        2 * stats.norm.cdf(1 / np.sqrt(2)) - 1, abs=1e-6
    )


@pytest.mark.parametrize(
    ("metric", "want"),
    [
        (PassAtK(k=10), 1 - 0.7**10),
        (MajorityVote(k=5), stats.binom.sf(2, 5, 0.3)),
        (AllOf(k=5), 0.3**5),
        (Threshold(q=0.5, parts=10), stats.binom.sf(4, 10, 0.3)),
        (EditDistance(), 0.3),
        (Brier(), 1 - 0.7**2),
    ],
    ids=lambda v: type(v).__name__,
)
def test_fractions_by_hand(metric, want):
    assert metric.raw_fraction(-np.log(-np.log(0.3))) == pytest.approx(want, rel=1e-9)


def test_edit_distance_counts_what_is_wrong():
    metric = EditDistance()
    assert metric(at(0.7), guess=0.1, lapse=0.05) == pytest.approx(1 - (0.1 + 0.85 * 0.7), abs=1e-6)
    assert metric.chance == pytest.approx(1 - 1 / 51)


@pytest.mark.parametrize("top", [2.0, 1.0])
def test_brier_by_hand(top):
    # the right one of 4 options gets q, the others a third of the rest each
    metric = Brier(options=4.0, top=top)
    p = 0.6
    q = 0.25 + 0.75 * p
    by_hand = top / 2 * ((1 - q) ** 2 + 3 * ((1 - q) / 3) ** 2)
    raw = -np.log(-np.log(p))
    score = metric.chance * (1 - metric.raw_fraction(raw))
    assert score == pytest.approx(by_hand, rel=1e-12)
    assert metric.chance == pytest.approx(top / 2 * 0.75)


@pytest.mark.parametrize("scale", SKILL_SCALES)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_losses_have_an_inverse(name, scale):
    metric = make(name, scale)
    s = np.linspace(-2.0, 2.0, 21)
    np.testing.assert_allclose(metric.skill(metric(s)), s, atol=1e-8)
    assert np.isnan(metric.chance)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_error_of_skill_by_the_delta_method(name):
    metric = make(name)
    score = np.array([1.9])
    loss = {"cross_entropy": 1.9, "perplexity": np.log(1.9), "bits_per_byte": 1.9 * np.log(2)}[name]
    per_score = {"cross_entropy": 1.0, "perplexity": 1 / 1.9, "bits_per_byte": np.log(2)}[name]
    want = 0.05 * per_score / loss
    assert metric.skill_error(score, np.array([0.05]))[0] == pytest.approx(want, rel=1e-4)


def test_one_loss_in_three_units():
    s = np.array([-0.5, 0.0, 1.0])
    nats = CrossEntropy()(s)
    np.testing.assert_allclose(Perplexity()(s), np.exp(nats))
    np.testing.assert_allclose(BitsPerByte()(s), nats / np.log(2))


def test_a_power_law_in_loss_is_a_line_in_skill():
    x = np.linspace(0, 3, 7)
    skill = CrossEntropy().skill(3.0 * 10 ** (-0.2 * x))
    np.testing.assert_allclose(np.diff(skill), 0.2 * np.log(10) * 0.5, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in PROPORTIONS if n not in ("multiple_choice", "brier")])
def test_guess_rate_is_free_unless_a_chance_is_given(name):
    free = metric_for(name)
    assert set(free.priors()) == {"guess", "lapse"}
    given = metric_for(name, 0.1)
    if given.direction > 0:
        assert given.fixed()["guess"] == 0.1
        assert given.chance == 0.1


def test_refusals():
    with pytest.raises(ValueError, match="unknown metric 'accurracy'; known: exact_match"):
        metric_for("accurracy")
    with pytest.raises(ValueError, match="needs a chance level between 0 and 1, got nan"):
        metric_for("multiple_choice")
    with pytest.raises(ValueError, match="unknown skill scale 'probit'"):
        ExactMatch().on_scale("probit")


def test_changing_the_scale_changes_nothing_else():
    metric = MultipleChoice.from_chance(0.2)
    assert metric.on_scale("logit") == replace(metric, skill_scale="logit")
    assert metric.on_scale("logit").on_scale("log") == metric


# --- limits --------------------------------------------------------------------------------
def test_a_fixed_lapse_limits_the_score_and_a_free_one_does_not():
    assert ExactMatch(lapse=0.1).attainable() == (0.0, pytest.approx(0.9))
    assert EditDistance(lapse=0.1).attainable() == (pytest.approx(0.1), 1.0)
    assert Brier(lapse=0.1).attainable() == (pytest.approx(0.075), 2.0)
    for metric in (ExactMatch(), EditDistance(), Brier(), CrossEntropy(), Perplexity()):
        assert metric.attainable() == type(metric).range


@pytest.fixture
def two_of_three(monkeypatch):
    """A metric as a stranger adds it: one place, its one test row is below."""
    for registry in (METRICS, ALIASES):
        for name in ("two_of_three", "best2"):
            monkeypatch.setitem(registry, name, None)
            del registry[name]

    @named(two_of_three="best2")
    @dataclass(frozen=True)
    class TwoOfThree(Proportion):
        """Two or more of three parts right: p²(3 − 2p); a tenth is lost at the top."""

        lapse: float = 0.1

        def raw_fraction(self, raw_skill):
            p = self._token_probability(raw_skill)
            return p * p * (3.0 - 2.0 * p)

    return TwoOfThree()


def test_a_metric_is_added_in_one_place(two_of_three):
    name = "two_of_three"
    test_fractions_by_hand(two_of_three, 0.3**2 * (3 - 0.6))
    for scale in SKILL_SCALES:
        test_scores_stay_in_range_and_move_in_one_direction(name, scale)
        test_half_way_point_is_skill_zero(name, scale)
        test_same_formula_runs_on_pytensor(name, scale)
    test_both_scales_are_equally_steep_half_way(name)
    test_no_skill_is_chance_and_all_skill_is_top(name)
    score = [0.1, 0.1, 0.2, 0.1, 0.85, 0.9]
    rows = pd.DataFrame(
        {"study": "s", "family": "f", "model": list("abcdef"), "task": "t", "metric": name,
         "params": 10.0 ** np.arange(8, 14), "score": score, "n": 500}
    )  # fmt: skip
    (curve,) = curves(select(validate(rows), metric=["best2"]))
    assert curve.metric_object == two_of_three
    assert len(evidence_table([curve], [Hypothesis(PowerLaw(), two_of_three)])) == 1
    assert parse_declaration(f"{name}/100").problem(95.0) == (
        "95 is outside of 0 to 90, the range declared for 'two_of_three'"
    )
    for top, fix in ((0.94, "Its lapse rate is fixed: correct the score"), (94.0, "percentage")):
        rows.loc[5, "score"] = top
        with pytest.raises(ResultsError, match=f"above 0.9, the top of 'two_of_three'.*{fix}"):
            validate(rows)
    with pytest.raises(ValueError, match=r"lie between 0 and 0\.9, got 0\.1 to 0\.94 .*lapse rate"):
        Curve(curve.axis_values, [*score[:-1], 0.94], name, n=500.0)


def test_a_score_above_the_top_of_a_hypothesis_is_refused():
    # a curve of another metric may pass it by the luck of its examples, not by more
    x, score = 10.0 ** np.arange(8, 14), [0.1, 0.1, 0.1, 0.1, 0.85, 0.94]
    compare = partial(evidence_table, [Curve(x, score, "exact_match", n=500.0)])
    assert len(compare([Hypothesis(PowerLaw(), ExactMatch(lapse=0.1))])) == 1
    with pytest.raises(ValueError, match=r"lapse rate of 0\.5"):
        compare([Hypothesis(PowerLaw(), ExactMatch(lapse=0.5))])


# --- chance that is known, about -----------------------------------------------------------
@pytest.mark.parametrize("chance", [0.1, 0.25, 0.5])
def test_guessers_score_about_chance_and_a_number_fixes_it(chance):
    metric = metric_for("multiple_choice", chance)
    guess = metric.priors()["guess"]
    drawn = guess.from_normal(np.random.default_rng(0).standard_normal(20_000))
    assert metric.chance == pytest.approx(chance)
    assert drawn.mean() == pytest.approx(chance, abs=1e-3)
    assert 0.015 < drawn.std() < 0.04
    assert MultipleChoice.from_chance(chance, guess=chance).fixed()["guess"] == chance


@pytest.mark.parametrize("k", [150.0, 190.0, 230.0, 250.0])
def test_luck_below_chance_counts_what_is_not_known_of_chance(k):
    metric = MultipleChoice.from_chance(0.25)
    n, k = np.array([1000.0]), np.array([k])
    own = metric.priors()["guess"]
    want = stats.betabinom(1000, own.a, own.b).cdf(k)
    np.testing.assert_allclose(metric.least(n, k), want, rtol=0.01)
    exact = MultipleChoice.from_chance(0.25, guess=0.25)
    np.testing.assert_allclose(exact.least(n, k), stats.binom(1000, 0.25).cdf(k), rtol=1e-9)


def test_a_score_just_below_chance_misleads_nobody_however_many_examples():
    x, score = 10.0 ** np.arange(8, 14), np.array([0.23, 0.24, 0.23, 0.26, 0.3, 0.4])
    curve = Curve(x, score, "multiple_choice", n=100_000.0, chance=0.25)
    assert not curve.misled.any()
    low = Curve(x, [0.12, *score[1:]], "multiple_choice", n=100_000.0, chance=0.25)
    assert low.misled.tolist() == [True] + [False] * 5
    assert low.metric_object == low.metric_object.unfloored()
    assert low.metric_object.fixed()["guess"] == 0


def test_guessers_beyond_chance_make_no_break():
    # a power law of 2 nats a decade above a floor of .29; examples in plenty
    x = np.linspace(8.0, 11.5, 8)
    exact = MultipleChoice.from_chance(0.25, guess=0.25)
    score = exact(-2.0 + 2.0 * (x - x.mean()), guess=0.29, lapse=0.01)
    curve = Curve(10**x, np.round(score * 4000) / 4000, "multiple_choice", n=4000.0, chance=0.25)
    odds = []
    for metric in (exact, curve.metric_object):
        rows = evidence_table([curve], [Hypothesis(t(), metric) for t in (PowerLaw, Kink)])
        odds.append(float(rows["log_evidence"].diff().iloc[1]))
    assert odds[0] > 3.0
    assert odds[1] < odds[0] - 1.5
