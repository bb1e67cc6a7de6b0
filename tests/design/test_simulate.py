import json

import numpy as np
import pytest

from emergent_stats.design.simulate import (
    LINKS,
    RANGES,
    Design,
    draw_design,
    expected_score,
    halfway,
    simulate_curve,
    simulate_curves,
)
from emergent_stats.design.truths import TRUTHS
from emergent_stats.model import metrics, trends
from emergent_stats.model.curve import Curve

X = np.linspace(-2, 2, 41)
#: Truths that have a trend of the package, which must agree with it in every parameter.
TWINS = {
    "flat": trends.Flat(),
    "power_law": trends.PowerLaw(),
    "ceiling": trends.Ceiling(),
    "broad_transition": trends.WideTransition(),
    "bnsl_slowing": trends.BrokenSlowing(),
    "bnsl_mild": trends.Broken(),
    "kink": trends.Kink(),
    "flat_then_rise": trends.FlatThenRise(),
    "step": trends.Step(),
    "narrow_transition": trends.Transition(),
}


def drawn(name, size=200, seed=0, half=2.0):
    parameters = TRUTHS[name].draw(np.random.default_rng(seed), half, size)
    return parameters, np.broadcast_to(TRUTHS[name].skill(X, **parameters), (size, X.size))


@pytest.mark.parametrize("name", TWINS)
def test_formula_is_that_of_the_trend(name):
    parameters, skill = drawn(name)
    if name == "ceiling":
        # skill that a loss shows with something irreducible in it, in units of the half-way loss
        own = np.log(2.0) * np.exp(-parameters.pop("ceiling"))
        skill = np.asarray(metrics.CrossEntropy().beyond(skill, own)[0])
    np.testing.assert_allclose(TWINS[name](X, **parameters) + 0 * X, skill, atol=1e-10)


@pytest.mark.parametrize("name", TRUTHS)
def test_account_and_family_match_the_trend(name):
    truth = TRUTHS[name]
    assert truth.account in trends.ACCOUNTS
    if truth.inside:
        assert TWINS[name].account == truth.account
    if name == "bnsl_mild":  # wider than any bend that counts as an onset
        assert drawn(name)[0]["width"].min() > trends.BEND_WIDTH


@pytest.mark.parametrize("name", TRUTHS)
def test_draws_are_reproducible_and_differ(name):
    again = drawn(name)[1]
    np.testing.assert_array_equal(again, drawn(name)[1])
    assert np.unique(again[:, 0]).size > 100
    assert not np.array_equal(again, drawn(name, seed=1)[1])


@pytest.mark.parametrize("name", [n for n in TRUTHS if n != "u_shape"])
def test_skill_never_falls(name):
    assert np.diff(drawn(name)[1], axis=1).min() > -1e-9


def test_u_shape_falls_somewhere():
    falls = (np.diff(drawn("u_shape")[1], axis=1) < 0).any(1)
    assert falls.mean() > 0.4


def test_breaks_lie_inside_and_have_their_width():
    for name in ("kink", "flat_then_rise", "step", "narrow_transition"):
        location = drawn(name)[0]["location"]
        assert np.abs(location).max() <= 1.2
    width = drawn("narrow_transition")[0]["width"]
    assert width.min() >= 0.05
    assert width.max() <= 0.4
    # 80 % of the height within the width, by hand
    skill = TRUTHS["narrow_transition"].skill
    ends = skill(np.array([0.4, 0.6]), level=0.0, slope=0.0, height=2.0, location=0.5, width=0.2)
    np.testing.assert_allclose(ends, [-0.8, 0.8], atol=1e-12)


def test_smooth_truths_have_no_leap():
    # no gradual truth rises by half a nat within a twentieth of a decade beyond its own slope
    x = np.linspace(-2, 2, 81)
    for name in ("random_monotone", "many_steps", "u_shape", "broad_transition"):
        p = TRUTHS[name].draw(np.random.default_rng(3), 2.0, 300)
        assert np.quantile(np.diff(TRUTHS[name].skill(x, **p), axis=1).max(1), 0.99) < 0.75


def test_ceiling_adds_cross_entropies():
    skill = TRUTHS["ceiling"].skill(np.array([0.0]), level=0.0, slope=1.0, ceiling=0.0)
    np.testing.assert_allclose(np.exp(-skill), [2.0])


def test_many_steps_by_hand():
    locations = np.array([[-1.0, 0.0, 0.5, 3.0]])
    skill = TRUTHS["many_steps"].skill(
        np.array([-2.0, 0.2, 1.0]), level=1.0, height=2.0, locations=locations
    )
    np.testing.assert_allclose(skill, [[0.0, 1.0, 1.5]])


@pytest.mark.parametrize(
    ("link", "metric"),
    [
        ("exact_match", metrics.ExactMatch()),
        ("exact_match_mixed", metrics.ExactMatch(lengths=((1, 0.4), (2, 0.3), (4, 0.2), (8, 0.1)))),
        ("multiple_choice", metrics.MultipleChoice()),
        ("graded", metrics.Graded()),
    ],
)
def test_score_is_that_of_the_metric(link, metric):
    skill = np.linspace(-4, 4, 33)
    made = expected_score(skill, link, 0.2, 0.03)
    np.testing.assert_allclose(made, metric(skill, guess=0.2, lapse=0.03), atol=2e-6)


@pytest.mark.parametrize("link", LINKS)
def test_skill_zero_is_half_way(link):
    assert float(LINKS[link].fraction(np.array(halfway(link)))) == pytest.approx(0.5, abs=1e-9)
    assert expected_score(0.0, link, 0.2, 0.1) == pytest.approx(0.55)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", ["power_law", "step", "random_monotone", "many_steps"])
def test_curve_and_truth(link, name):
    design = Design(m=7, n=300, sigma=0.2, link=link)
    curve, truth = simulate_curve(name, design, seed=5)
    assert isinstance(curve, Curve)
    assert curve.m == 7
    assert curve.metric == LINKS[link].metric
    assert truth["name"] == name
    assert truth["account"] == TRUTHS[name].account
    assert truth["inside"] == (TRUTHS[name].inside and LINKS[link].inside)
    assert json.loads(json.dumps(truth)) == truth
    again = simulate_curve(name, design, seed=5)
    np.testing.assert_array_equal(again[0].score, curve.score)
    assert again[1] == truth
    assert not np.array_equal(simulate_curve(name, design, seed=6)[0].score, curve.score)
    skill = np.array(truth["skill"]) + truth["noise"]
    np.testing.assert_allclose(
        expected_score(skill, link, truth["guess"], truth["lapse"]), truth["expected"]
    )


@pytest.mark.parametrize("link", LINKS)
def test_scores_scatter_around_the_expected(link):
    design = Design(m=200, n=400, sigma=0.0, link=link)
    curve, truth = simulate_curve("power_law", design, seed=2)
    mu = np.clip(truth["expected"], 1e-6, 1 - 1e-6)
    z = (curve.score - mu) / np.sqrt(mu * (1 - mu) / 400)
    keep = mu * 400 > 5
    expected_sd = np.sqrt(1 / 3) if link == "graded" else 1.0
    assert abs(z[keep].mean()) < 4 * expected_sd / np.sqrt(keep.sum())
    assert z[keep].std() == pytest.approx(expected_sd, rel=0.25)


def test_noise_is_ar1():
    for rho in (0.0, 0.9):
        made = Design(m=5, sigma=0.3, rho=rho)
        e = np.array([made.noise(np.random.default_rng(i)) for i in range(4000)])
        np.testing.assert_allclose(e.std(0), 0.3, rtol=0.06)
        r = np.corrcoef(e.T)
        np.testing.assert_allclose(np.diag(r, 1), rho, atol=0.06)
        np.testing.assert_allclose(np.diag(r, 2), rho**2, atol=0.06)


def test_scales():
    rng = np.random.default_rng(0)
    even = Design(m=5, span=4).scales(rng)
    np.testing.assert_allclose(even, [-2, -1, 0, 1, 2])
    steps = 10 ** Design(m=4, span=2, spacing="linear").scales(rng)
    np.testing.assert_allclose(np.diff(steps), np.diff(steps)[0])
    uneven = Design(m=9, span=3, spacing="uneven").scales(rng)
    np.testing.assert_allclose([uneven[0], uneven[-1]], [-1.5, 1.5])
    assert np.diff(uneven).min() > 0
    assert np.ptp(np.diff(uneven)) > 0.05


@pytest.mark.parametrize("checkpoints", [False, True])
def test_drawn_designs_stay_in_range(checkpoints):
    designs = [draw_design([1, i], checkpoints) for i in range(200)]
    m = [d.m for d in designs]
    low, high = RANGES["m_checkpoints" if checkpoints else "m"]
    assert low <= min(m) < low + 5
    assert high - 8 < max(m) <= high
    for name in ("n", "sigma"):
        values = [getattr(d, name) for d in designs]
        assert RANGES[name][0] <= min(values) < max(values) <= RANGES[name][1]
    assert {d.link for d in designs} == set(LINKS)
    assert (max(d.rho for d in designs) > 0.8) == checkpoints


def test_curves_take_designs_in_turn_and_stand_alone():
    designs = [Design(m=5), Design(m=6)]
    made = list(simulate_curves("step", designs, 3, seed=4))
    assert [c.m for c, _ in made] == [5, 6, 5]
    np.testing.assert_array_equal(
        simulate_curve("step", designs[0], [4, 2])[0].score, made[2][0].score
    )


def test_without_plateaus_nothing_is_guessed():
    truth = simulate_curve("flat", Design(plateaus=False), 1)[1]
    assert (truth["guess"], truth["lapse"]) == (0.0, 0.0)
    chosen = simulate_curve("flat", Design(plateaus=False, link="multiple_choice"), 1)[1]
    assert (chosen["guess"], chosen["lapse"]) == (0.25, 0.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"m": 1}, "m >= 2 and n >= 1, got m=1"),
        ({"n": 0}, "n=0"),
        ({"rho": 1.0}, "rho=1"),
        ({"sigma": -0.1}, "sigma=-0.1"),
        ({"span": 11}, "span=11"),
        ({"link": "bleu"}, "unknown link 'bleu'; use one of exact_match"),
        ({"spacing": "odd"}, "unknown spacing 'odd'"),
        ({"axis": "loss"}, "axis must be params, tokens, flops or step, got 'loss'"),
    ],
)
def test_bad_designs(given, message):
    with pytest.raises(ValueError, match=message):
        Design(**given)


def test_unknown_truth():
    with pytest.raises(ValueError, match="unknown truth 'leap'; use one of flat"):
        simulate_curve("leap")
