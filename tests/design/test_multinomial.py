import json

import numpy as np
import pytest
from scipy import special, stats

from emergent_stats.design.multinomial import (
    GUMBEL_NATS,
    Toy,
    arrival_gaps,
    bimodal,
    buds,
    grown,
    gumbel_width,
    measure,
    sharers,
    word,
)
from emergent_stats.model.metrics import METRICS, Brier, metric_for

X = np.linspace(-2.0, 2.0, 9)


def p_of(skill):
    return np.exp(-np.exp(-skill))


def test_the_right_token_has_the_mass_that_the_metrics_say():
    s = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(Toy().right(s), p_of(s))
    np.testing.assert_allclose(Toy().distribution(s).sum(-1), 1.0)


@pytest.mark.parametrize("length", [1, 3, 6])
def test_exact_match_is_p_to_the_length(length):
    toy, s, n = Toy(length=length), 1.0, 40_000
    closed = p_of(s) ** length
    assert toy.expected("exact_match", s) == pytest.approx(closed, abs=1e-12)
    assert abs(toy.score("exact_match", s, n) - closed) < 4 * np.sqrt(closed * (1 - closed) / n)


@pytest.mark.parametrize("spread", [0.0, 0.7])
@pytest.mark.parametrize("name", METRICS)
def test_drawn_scores_have_the_expected_mean(name, spread):
    toy = Toy(length=3, spread=spread)
    drawn = toy.score(name, 1.2, 30_000, seed=2)
    assert drawn == pytest.approx(toy.expected(name, 1.2), rel=0.02, abs=0.01)


@pytest.mark.parametrize(
    "name", ["exact_match", "token_accuracy", "pass_at_k", "majority_vote", "all_of", "threshold"]
)
def test_answers_of_one_token_are_the_packages_metric(name):
    metric = METRICS[name]()
    for s in (-1.0, 0.5, 2.5):
        assert Toy(length=1).expected(name, s) == pytest.approx(
            float(metric.raw_fraction(np.array(s))), abs=1e-9
        )


def test_choice_brier_losses_and_bleu_against_closed_forms():
    s, p = 0.7, p_of(0.7)
    choice = metric_for("multiple_choice", 0.25)
    assert Toy().expected("multiple_choice", s) == pytest.approx(
        0.25 + 0.75 * float(choice.raw_fraction(np.array(s))), abs=1e-5
    )
    even = Toy(lean=0.0)
    share = (p - 0.1) / 0.9  # of the way from one in ten to certain
    missing = Brier(options=10.0).chance * (1 - share) ** 2
    assert even.expected("brier", s) == pytest.approx(missing, abs=1e-12)
    assert even.expected("cross_entropy", s) == pytest.approx(np.exp(-s))
    assert even.expected("perplexity", s) == pytest.approx(1 / p)
    assert even.expected("bits_per_byte", s) == pytest.approx(np.exp(-s) / np.log(2))
    assert Toy(length=5).expected("bleu", s) == pytest.approx(p**2.5)
    assert Toy(length=2).expected("bleu", s) == pytest.approx(p**1.5)


@pytest.mark.parametrize("length", [1, 4, 32])
def test_the_width_is_that_of_a_gumbel_curve_whatever_the_length(length):
    slope = 1.7
    x = np.linspace(-10, 10, 200_001)
    score = p_of(slope * x) ** length
    width = x[np.searchsorted(score, 0.9)] - x[np.searchsorted(score, 0.1)]
    assert width == pytest.approx(gumbel_width(slope), abs=3e-4)
    half = x[np.searchsorted(score, 0.5)]
    assert half == pytest.approx((np.log(length) - np.log(np.log(2))) / slope, abs=2e-4)
    assert pytest.approx(3.084, abs=5e-4) == GUMBEL_NATS


def test_temperature_sharpens_and_blunts():
    s = 1.0
    cold, warm, hot = (Toy(temperature=t).right(s) for t in (0.5, 1.0, 3.0))
    assert cold > warm > hot
    q = Toy().distribution(s)
    np.testing.assert_allclose(
        Toy(temperature=0.5).distribution(s), q**2 / (q**2).sum(), rtol=1e-12
    )
    np.testing.assert_allclose(Toy(temperature=1e9).distribution(s), 0.1, atol=1e-6)


def test_greedy_decoding_of_one_question_is_a_step_and_of_many_a_ramp():
    # with even misses the right token is the likeliest from p = 1/10 on
    turn = -np.log(-np.log(0.1))
    toy = Toy(length=1, temperature=0.0, lean=0.0)
    assert toy.expected("exact_match", turn - 1e-6) == 0.0
    assert toy.expected("exact_match", turn + 1e-6) == 1.0
    many = Toy(length=1, temperature=0.0, lean=0.0, spread=0.8)
    for s in (turn - 1.0, turn + 0.3):
        closed = special.ndtr((s - turn) / 0.8)
        assert many.expected("exact_match", s) == pytest.approx(closed, abs=1e-3)


def test_the_likeliest_draw_can_be_wrong():
    best = Toy(lean=0.7, length=3).likeliest(-0.3, "703", most=5)
    assert best[0][0] != "703"
    shares = [p for _, p in best]
    assert shares == sorted(shares, reverse=True)
    q = Toy(lean=0.7).distribution(-0.3)
    assert best[0] == ("814", pytest.approx(q[1] ** 3))
    assert Toy(length=3).likeliest(4.0, "703")[0] == ("703", pytest.approx(p_of(4.0) ** 3))
    # all answers together have all the mass
    assert sum(p for _, p in Toy().likeliest(0.0, "70", most=100)) == pytest.approx(1.0)


def test_near_misses_are_all_ten_digits():
    assert sorted(word("7", rank) for rank in range(10)) == list("0123456789")
    assert word("7", 0) == "7"


def test_measured_curves_carry_their_truth():
    curve, truth = measure(Toy(length=4), X, 1.5 * X, n=300, seed=5)
    again, _ = measure(Toy(length=4), X, 1.5 * X, n=300, seed=5)
    np.testing.assert_array_equal(curve.score, again.score)
    assert curve.metric == "exact_match"
    assert (curve.n == 300).all()
    np.testing.assert_allclose(truth["expected"], p_of(1.5 * X) ** 4)
    assert json.loads(json.dumps(truth)) == truth
    for name in METRICS:
        assert measure(Toy(), X, X, name, n=20)[0].metric == name


def test_many_steps_make_a_line_and_one_a_jump():
    x = np.linspace(0.0, 4.0, 5)
    line = 2.0 * x / 4
    for steps in (1, 100):
        skill = np.array([grown(x, steps, 2.0, seed=i).skill for i in range(1500)])
        np.testing.assert_allclose(skill.mean(0), line, atol=0.12)
        spread = 2.0 * np.sqrt((x / 4) * (1 - x / 4) / steps)
        np.testing.assert_allclose(skill.std(0), spread, atol=0.03)
    assert grown(x, 1, 2.0).account == "jump"
    assert grown(x, 100, 2.0).account == "gradual"


def test_runs_are_of_two_kinds_and_their_mean_is_smooth():
    made = bimodal(X, 4000, height=2.0, place=0.5, width=1.5, level=-1.0)
    assert set(np.unique(made.skill)) == {-1.0, 1.0}
    share = special.expit(2 * np.log(9) * (X - 0.5) / 1.5)
    np.testing.assert_allclose(made.skill.mean(0), -1 + 2 * share, atol=0.07)
    np.testing.assert_allclose(made.truth["share"], share)
    # 80 % of the runs learn within the width
    ends = bimodal([-0.25, 1.25], 1, 1.0, 0.5, 1.5).truth["share"]
    np.testing.assert_allclose(ends, [0.1, 0.9])


def test_buds_are_a_poisson_process():
    made = [buds(np.linspace(0, 5, 11), 12.0, 2.0, seed=i) for i in range(300)]
    counts = np.array([b.arrivals.size for b in made])
    assert counts.mean() == pytest.approx(60, abs=4 * np.sqrt(60 / 300))
    assert counts.var() == pytest.approx(60, rel=0.3)
    gaps = np.concatenate([arrival_gaps(b.arrivals) for b in made])
    assert stats.kstest(gaps, "expon", args=(0, 1 / 12)).statistic < 0.03
    one = made[0]
    np.testing.assert_array_equal(one.skill == 2.0, one.x > one.arrivals[:, None])


def test_sharers_arrive_together_though_nothing_happens():
    made = sharers(X, 5000, slope=1.5, passing=0.6, spread=0.3)
    assert made.account == "gradual"
    assert made.arrivals.mean() == pytest.approx(0.4, abs=0.01)
    assert made.arrivals.std() == pytest.approx(0.2, rel=0.05)
    np.testing.assert_allclose(np.diff(made.skill, axis=1), 1.5 * np.diff(X)[0])
    at = made.skill[:, 0] + 1.5 * (made.arrivals - X[0])
    np.testing.assert_allclose(at, 0.6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Toy(length=0), "length >= 1"),
        (lambda: Toy(temperature=-1.0), "temperature >= 0"),
        (lambda: Toy(lean=2.0), "lean must lie"),
        (lambda: Toy().score("accuracy", 0.0, 5), "unknown metric 'accuracy'"),
        (lambda: grown(X, 0, 1.0), "1 step or more"),
        (lambda: gumbel_width(0.0), "a slope above 0"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
