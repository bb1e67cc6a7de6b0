import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.metrics import CrossEntropy, ExactMatch, MultipleChoice
from emergent_stats.model.noise import Binomial, Gaussian
from emergent_stats.model.priors import Uniform
from emergent_stats.model.trends import ACCOUNTS, TRENDS, Ceiling, Kink, PowerLaw, Step

CURVE = Curve(
    10.0 ** np.linspace(8, 11, 6), np.array([0.0, 0.0, 0.01, 0.1, 0.5, 0.8]), "exact_match", n=100.0
)


def test_names_and_accounts_come_from_the_trends():
    found = hypotheses(ExactMatch())
    assert [h.name for h in found] == list(TRENDS)
    assert [h.account for h in found] == [t.account for t in TRENDS.values()]
    assert {h.account for h in found} == set(ACCOUNTS)


def test_a_curve_below_chance_has_no_floor_for_any_account():
    x, chance = 10.0 ** np.arange(8, 14), 0.25
    lucky = Curve(x, [0.22, 0.25, 0.24, 0.26, 0.3, 0.4], "multiple_choice", n=500.0, chance=chance)
    assert lucky.metric_object == MultipleChoice.from_chance(chance)
    misled = Curve(x, [0.12, 0.25, 0.24, 0.26, 0.3, 0.4], "multiple_choice", n=500.0, chance=chance)
    assert misled.misled.tolist() == [True] + [False] * 5
    for h in hypotheses(misled.metric_object):
        lowest = float(h.expected(np.array([[-40.0]]), {"level": -9.0, **_still(h)})[0, 0])
        assert lowest < 0.01 or h.name == "decline", h.name
    # a guess rate that is itself unknown, and a loss, have nothing to be taken away
    assert ExactMatch().unfloored() == ExactMatch()
    assert CrossEntropy().unfloored() == CrossEntropy()


def _still(h):
    """Parameters of a trend that does not change, and no lapses."""
    flat = {n: 0.0 for n in h.trend.parameter_names() if n != "level"}
    changed = {"width": 1.0, "lapse": 0.0, "guess": 0.0}
    return flat | h.fixed() | {n: v for n, v in changed.items() if n in h.priors()}


def test_noise_follows_the_metric():
    assert type(Hypothesis(PowerLaw(), ExactMatch()).noise) is Binomial
    assert type(Hypothesis(PowerLaw(), CrossEntropy()).noise) is Gaussian


def test_priors_in_order_and_location_in_the_design():
    h = Hypothesis(Kink(), ExactMatch())
    assert list(h.priors()) == ["level", "slope", "bend", "location", "guess", "lapse", "sigma"]
    location = h.priors(CURVE)["location"]
    assert isinstance(location, Uniform)
    assert (location.low, location.high) == pytest.approx((-0.9, 0.9))


def test_numbers_are_fixed_parameters():
    h = Hypothesis(
        PowerLaw(slope=1.0),
        MultipleChoice.from_chance(0.25, guess=0.25, lapse=0.0),
        Binomial(sigma=0.1),
    )
    assert h.fixed() == {"slope": 1.0, "guess": 0.25, "lapse": 0.0, "sigma": 0.1}
    assert list(h.priors()) == ["level"]


def test_expected_score_is_metric_of_trend():
    h = Hypothesis(PowerLaw(), ExactMatch())
    p = {"level": 0.2, "slope": 1.0, "guess": 0.01, "lapse": 0.02, "sigma": 0.1}
    x = np.array([-1.0, 0.0, 1.0])
    want = ExactMatch()(0.2 + x, guess=0.01, lapse=0.02)
    np.testing.assert_allclose(h.expected(x, p), want)
    np.testing.assert_allclose(h.skill(x, p), 0.2 + x)


@pytest.mark.parametrize("name", TRENDS)
def test_draws_and_simulations_of_every_trend(name):
    h = Hypothesis(TRENDS[name](), ExactMatch())
    drawn = h.draw_parameters(CURVE, 50, seed=3)
    assert {v.shape for v in drawn.values()} == {(50, 1)}
    assert set(drawn) == set(h.priors()) | set(h.fixed())
    y = h.simulate(CURVE, drawn, seed=4)
    assert y.shape == (50, 6)
    assert ((y >= 0) & (y <= 1)).all()
    np.testing.assert_array_equal(y, h.simulate(CURVE, drawn, seed=4))
    assert (y != h.simulate(CURVE, drawn, seed=5)).any()


def test_simulated_noise_between_models_has_size_sigma():
    loss = Curve(CURVE.axis_values, np.linspace(3, 2, 6), "cross_entropy")
    h = Hypothesis(PowerLaw(), CrossEntropy())
    p = {"level": np.full((4000, 1), 0.1), "slope": 0.5, "sigma": 0.3}
    skill = CrossEntropy().skill(h.simulate(loss, p, seed=0))
    np.testing.assert_allclose(skill.mean(0), 0.1 + 0.5 * (loss.x - loss.centre), atol=0.02)
    np.testing.assert_allclose(skill.std(0), 0.3, rtol=0.05)


def test_a_break_needs_four_scales():
    short = Curve(np.array([1e8, 1e9, 1e10]), np.array([0.0, 0.1, 0.9]), "exact_match", n=50.0)
    with pytest.raises(ValueError, match="at least 4 distinct scales"):
        Hypothesis(Step(), ExactMatch()).priors(short)


@pytest.mark.parametrize("scale", ["log", "logit"])
def test_an_irreducible_cross_entropy_is_a_lapse(scale):
    # exp(−e^−s − c) = e^−c·exp(−e^−s): the identity that lets every account be linear in skill
    line, c = np.linspace(-3, 3, 13), 0.4
    metric = ExactMatch(guess=0.0, lapse=0.0)
    total = -np.log(np.exp(-line) + c / np.log(2.0))
    saturated = metric(total, guess=0.0, lapse=0.0)
    lost = metric(line, guess=0.0, lapse=1.0 - np.exp(-c))
    np.testing.assert_allclose(saturated, lost, rtol=1e-10)
    # and a loss shows it as what is left of it, on either scale
    loss = CrossEntropy(scale)
    shown = loss.shown(line, lapse=c)
    np.testing.assert_allclose(loss(line, lapse=c), loss(line) + c, rtol=1e-12)
    np.testing.assert_allclose(loss(shown), loss(line) + c, rtol=1e-12)
    behind, slope = loss.beyond(shown, c)
    np.testing.assert_allclose(behind, line, rtol=1e-8, atol=1e-8)
    ahead = loss.beyond(shown + 1e-6, c)[0] - loss.beyond(shown - 1e-6, c)[0]
    np.testing.assert_allclose(slope, ahead / 2e-6, rtol=1e-5)


def test_a_trend_that_saturates_loses_what_it_likes():
    h = Hypothesis(Ceiling(), MultipleChoice.from_chance(0.25))
    assert h.priors()["lapse"] == Uniform(0.0, 0.8 * 0.75)
    assert h.metric.saturating() == h.metric
    # a lapse that is declared is the least that is lost
    assert Hypothesis(Ceiling(), ExactMatch(guess=0.0, lapse=0.1)).priors()["lapse"].low == 0.1
    assert "lapse" in Hypothesis(Ceiling(), CrossEntropy()).priors()
    assert "lapse" not in Hypothesis(PowerLaw(), CrossEntropy()).priors()
    # the skill that is shown is the one whose score has lost as much
    p = {"level": 0.0, "slope": 1.0, "guess": 0.25, "lapse": 0.3}
    skill = np.linspace(-1.5, 3.0, 7)
    whole = MultipleChoice(guess=0.25, lapse=0.0)
    got = whole(h.shown(skill, p), guess=0.25, lapse=0.0)
    np.testing.assert_allclose(got, h.metric(skill, guess=0.25, lapse=0.3), atol=2e-4)


@pytest.mark.parametrize("metric", [ExactMatch(), MultipleChoice.from_chance(0.25)])
def test_a_skill_that_shows_is_finite_and_rises_however_low(metric):
    h = Hypothesis(Ceiling(), metric)
    skill = np.linspace(-18.0, 12.0, 400)
    shown = h.shown(skill, {"guess": 0.01, "lapse": 0.4})
    assert np.isfinite(shown).all()
    assert (np.diff(shown) >= -1e-6).all()
    assert (shown <= skill + 0.01).all()
