import brute
import numpy as np
import pytest
from scipy import stats

from emergent_stats.model.curve import Curve
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import (
    BitsPerByte,
    Brier,
    CrossEntropy,
    EditDistance,
    ExactMatch,
    MultipleChoice,
)
from emergent_stats.model.observed import fraction_table, observe

GRID = np.linspace(-15, 15, 30001)
SIGMAS = (0.003, 0.03, 0.1, 0.3, 1.0)
# The mode-centred nodes miss the plateau that a guess rate or a floor makes beside the
# peak, when the noise between models is wide enough to reach it.


def one_score(score, n, metric="exact_match", **kwargs):
    return Curve(np.array([1e9]), np.array([score]), metric, n=float(n), **kwargs)


def engine(curve, metric, skill, sigma, guess=0.0, lapse=0.0):
    obs = observe([curve], metric)
    s = np.broadcast_to(np.atleast_1d(np.asarray(skill, float)), (1, curve.m))
    one = np.ones(1)
    return log_likelihood(obs, metric, s, sigma * one, guess * one, lapse * one, np.zeros(1, int))


def worst(n, sigma, shares, rate):
    """Largest difference from the fine grid over scores and distances from the trend."""
    metric = ExactMatch(guess=rate, lapse=rate)
    rates = {"guess": rate, "lapse": rate}
    found = []
    for share in shares:
        curve = one_score(np.round(share * n) / n, n)
        seen = np.clip((curve.score[0] - rate) / (1 - 2 * rate), 0.005, 0.995)
        middle = np.interp(seen, metric.fraction(GRID), GRID)
        for away in (-2.0, -0.3, 0.0, 1.0):
            skill = middle + away * sigma
            want = brute.one_model(curve, metric, 0, skill, sigma, rates)
            got = engine(curve, metric, skill, sigma, rate, rate)[0, 0]
            found.append((abs(got - want), share, away))
    return max(found)


@pytest.mark.parametrize("n", [50, 200, 2000, 1_000_000])
@pytest.mark.parametrize("sigma", SIGMAS[:4])
def test_scores_between_floor_and_top_against_a_fine_grid(n, sigma):
    assert worst(n, sigma, (0.1, 0.3, 0.6, 0.9), 1e-3)[0] < 0.005


@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize("sigma", SIGMAS[:4])
@pytest.mark.parametrize("rate", [0.01, 1e-4])
def test_scores_at_floor_and_top_against_a_fine_grid(n, sigma, rate):
    assert worst(n, sigma, (0.0, 1.0), rate)[0] < 0.01


@pytest.mark.parametrize(("n", "share", "rate"), [(200, 0.02, 0.01), (2000, 0.001, 1e-3)])
def test_guessing_explains_a_low_score_under_wide_noise(n, share, rate):
    assert worst(n, 1.0, (share,), rate)[0] < 0.05


@pytest.mark.parametrize("sigma", SIGMAS)
def test_forced_choice_and_edit_distance_against_a_fine_grid(sigma):
    rows = [
        (MultipleChoice.from_chance(0.25), "multiple_choice", {"chance": 0.25}, 0.25, 0.6),
        (EditDistance(), "edit_distance", {}, 0.02, 0.3),
    ]
    for metric, name, extra, guess, score in rows:
        curve = one_score(score, 500, name, **extra)
        rates = {"guess": guess, "lapse": 0.01}
        for skill in (-0.5, 0.0, 0.7):
            want = brute.one_model(curve, metric, 0, skill, sigma, rates)
            got = engine(curve, metric, skill, sigma, guess, 0.01)[0, 0]
            assert got == pytest.approx(want, abs=0.02), (name, skill)


def test_edit_distance_counts_wrong_tokens():
    wrong = engine(one_score(0.1, 100, "edit_distance"), EditDistance(), 1.0, 0.1, 0.01, 0.02)
    right = engine(one_score(0.9, 100), ExactMatch(), 1.0, 0.1, 0.01, 0.02)
    assert wrong[0, 0] == pytest.approx(right[0, 0], abs=1e-9)


@pytest.mark.parametrize("sigma", [0.03, 0.3])
def test_brier_against_a_fine_grid(sigma):
    metric = Brier()
    curve = one_score(0.5, 400, "brier", stderr=np.array([0.03]))
    for skill in (-0.5, 0.0, 0.6):
        want = brute.one_model(curve, metric, 0, skill, sigma, {"guess": 0.0, "lapse": 0.0})
        assert engine(curve, metric, skill, sigma)[0, 0] == pytest.approx(want, abs=0.01)


@pytest.mark.parametrize("cls", [CrossEntropy, BitsPerByte])
def test_losses_are_normal_on_the_skill_scale(cls):
    metric = cls()
    name = {CrossEntropy: "cross_entropy", BitsPerByte: "bits_per_byte"}[cls]
    curve = Curve(np.array([1e9, 1e10]), np.array([2.0, 1.5]), name, stderr=np.array([0.02, 0.01]))
    got = engine(curve, metric, np.array([0.1, 0.4]), 0.2)[0]
    error = np.array([0.02, 0.01]) / curve.score  # d log(loss)
    want = stats.norm.logpdf(metric.skill(curve.score), [0.1, 0.4], np.hypot(0.2, error))
    np.testing.assert_allclose(got, want, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.01, 0.2])
def test_rounded_score_sums_over_its_counts(sigma):
    # 3.3 % of 1319 is no whole number: 43 and 44 of 1319 both round to 3.3 %
    for score, n in ((0.033, 1319), (0.41, 40_000)):
        curve = one_score(score, n)
        metric, rates = ExactMatch(), {"guess": 0.004, "lapse": 0.01}
        if n == 40_000:
            # a whole count would be taken as it is; 41.3 % of 40,000 rounded to .1 % is not
            curve = Curve(np.array([1e9, 2e9]), np.array([0.413, 0.0333]), "exact_match", n=40_001)
        skill = np.interp(curve.score[0], metric.fraction(GRID), GRID)
        want = brute.one_model(curve, metric, 0, skill, sigma, rates, points=8001)
        got = engine(curve, metric, skill, sigma, 0.004, 0.01)[0, 0]
        assert got == pytest.approx(want, abs=0.01)


def test_zero_of_n_is_information_and_not_minus_infinity():
    metric = ExactMatch()
    values = [engine(one_score(0.0, n), metric, -2.0, 0.2, 0.001, 0.01)[0, 0] for n in (50, 5000)]
    assert np.isfinite(values).all()
    assert values[1] < values[0] - 1


def test_padding_adds_nothing():
    short = one_score(0.4, 100)
    obs = observe([short], ExactMatch(), width=3)
    one = np.ones(1)
    ll = log_likelihood(
        obs, ExactMatch(), np.zeros((1, 3)), 0.1 * one, 0 * one, 0 * one, np.zeros(1, int)
    )
    assert (ll[0, 1:] == 0).all()
    assert ll[0, 0] < 0


def test_table_is_the_metric():
    for metric in (ExactMatch(), MultipleChoice.from_chance(0.2), ExactMatch(skill_scale="logit")):
        start, step, f, rest = fraction_table(metric)
        s = np.array([-3.0, -0.5, 0.0, 1.7])
        np.testing.assert_allclose(
            np.interp(s, start + step * np.arange(f.size), f), metric.fraction(s), atol=1e-6
        )
        np.testing.assert_allclose(f + rest, 1.0, atol=1e-15)


@pytest.mark.parametrize("sigma", [1e-6, 0.01, 0.1, 0.5, 2.0])
def test_a_skill_that_rules_the_score_out_has_a_likelihood_all_the_same(sigma):
    # without guessing the share of right answers is 0 to the last digit at such skills
    metric = MultipleChoice.from_chance(0.25).unfloored()
    curve = Curve(
        10.0 ** np.arange(8, 12), [0.9, 0.5, 0.3, 0.1], "multiple_choice", n=400.0, chance=0.25
    )
    skill = np.linspace(-60.0, 20.0, 161)[:, None] + np.zeros(4)
    zero = np.zeros(161)
    obs = observe([curve], metric)
    found = log_likelihood(obs, metric, skill, zero + sigma, zero, zero, np.zeros(161, int))
    assert np.isfinite(found).all()
    assert (found <= 0).all()
