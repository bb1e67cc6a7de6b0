from dataclasses import fields, replace

import numpy as np
import pytest

from emergent_stats.model.priors import Interior, Prior
from emergent_stats.model.trends import (
    ACCOUNTS,
    JUMP_WIDTH,
    TRENDS,
    Broken,
    BrokenSlowing,
    Ceiling,
    FlatThenRise,
    Kink,
    PowerLaw,
    Step,
    Transition,
    WideTransition,
)

X = np.linspace(-2, 2, 9)
VALUES = {
    "level": 0.3,
    "slope": 0.8,
    "height": 1.2,
    "bend": 1.1,
    "location": 0.13,
    "width": 0.4,
    "fall": 0.7,
    "slope_low": 0.3,
    "slope_high": 1.3,
}
NAMES = list(TRENDS)


def call(trend, x=X, **changes):
    values = VALUES | changes
    return trend(x, **{n: values[n] for n in trend.parameter_names()})


def without(trend, x=X):
    return trend.without_break(x, **{n: VALUES[n] for n in trend.parameter_names()})


@pytest.mark.parametrize("name", NAMES)
def test_registry_row(name):
    trend = TRENDS[name]()
    assert trend.account in ACCOUNTS
    assert set(trend.priors()) == set(trend.parameter_names())
    assert trend.fixed() == {}
    assert {f.name for f in fields(trend)} <= set(VALUES)


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_broadcasting(name):
    trend = TRENDS[name]()
    assert call(trend).shape == X.shape
    rows = {n: np.full((3, 1), v) for n, v in VALUES.items()}
    assert np.broadcast_shapes(call(trend, X[None, :], **rows).shape, (3, 9)) == (3, 9)
    np.testing.assert_allclose(
        np.broadcast_to(call(trend, X[None], **rows), (3, 9))[1], call(trend)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_number_in_place_of_a_prior_fixes_the_parameter(name):
    trend = replace(TRENDS[name](), level=1.5)
    assert trend.fixed() == {"level": 1.5}
    assert "level" not in trend.priors()


@pytest.mark.parametrize("name", NAMES)
def test_skill_falls_with_scale_in_the_falling_trends_only(name):
    trend = TRENDS[name]()
    x = np.linspace(-3, 3, 400)
    change = np.diff(call(trend, x))
    if trend.account == "falls":
        assert change.sum() < 0 or change.min() < -1e-3
    else:
        assert (change >= -1e-12).all()


def test_shapes_of_what_falls():
    x = np.linspace(-3, 3, 401)
    ups = {n: np.diff(call(TRENDS[n](), x)) > 1e-9 for n in NAMES}
    downs = {n: np.diff(call(TRENDS[n](), x)) < -1e-9 for n in NAMES}
    assert downs["decline"].all()
    assert downs["drop"].sum() <= 2
    assert not ups["drop"].any()
    before = x[1:] < VALUES["location"]
    assert ups["hump"][before].all()
    assert downs["hump"][~before][1:].all()
    assert downs["u_shape"][before].all()
    assert ups["u_shape"][~before][1:].all()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_matters(name):
    trend = TRENDS[name]()
    for p in trend.parameter_names():
        # far enough to carry a break past the next scale
        assert np.abs(call(trend, **{p: VALUES[p] + 0.6}) - call(trend)).max() > 0.005, p


@pytest.mark.parametrize("name", NAMES)
def test_same_lines_run_on_pytensor(name):
    import pytensor
    import pytensor.tensor as pt

    trend = TRENDS[name]()
    variables = {n: pt.dscalar(n) for n in trend.parameter_names()}
    x = pt.dvector("x")
    outputs = [trend(x, **variables), *trend.without_break(x, **variables)]
    function = pytensor.function([x, *variables.values()], outputs, mode="FAST_COMPILE")
    got = function(X, *(VALUES[n] for n in variables))
    for a, b in zip(got, [call(trend), *without(trend)], strict=True):
        np.testing.assert_allclose(a, np.broadcast_to(b, X.shape), rtol=1e-12, atol=1e-12)


def test_transition_narrows_to_a_step():
    np.testing.assert_allclose(call(Transition(), width=1e-3), call(Step()), atol=1e-9)


def test_ceiling_is_a_power_law_that_its_metric_shows_less_of():
    assert Ceiling().saturates
    np.testing.assert_array_equal(call(Ceiling()), call(PowerLaw()))


def test_broken_narrows_to_a_kink():
    np.testing.assert_allclose(call(Broken(), width=1e-4), call(Kink()), atol=1e-6)


def test_kink_without_slope_is_flat_then_rise():
    np.testing.assert_allclose(call(Kink(), slope=0.0), call(FlatThenRise()))


def test_broken_slowing_mirrors_broken():
    # fast before and slow after, seen from the other end
    mirrored = -call(Broken(), -X, location=-0.13, level=-0.3)
    np.testing.assert_allclose(call(BrokenSlowing()), mirrored, atol=1e-12)


def test_width_is_the_10_to_90_percent_width():
    x = 0.13 + np.array([-0.2, 0.2])
    rise = call(Transition(), x, slope=0.0, level=0.0) / 1.2 + 0.5
    np.testing.assert_allclose(rise, [0.1, 0.9], atol=1e-12)


def test_step_has_its_height():
    x = np.array([0.13 - 1e-9, 0.13, 0.13 + 1e-9])
    values = call(Step(), x, slope=0.0)
    np.testing.assert_allclose(values, [0.3 - 0.6, 0.3, 0.3 + 0.6])


@pytest.mark.parametrize("name", [n for n in NAMES if TRENDS[n].account in ("onset", "jump")])
def test_without_break_agrees_far_before_and_far_after(name):
    trend = TRENDS[name]()
    x = np.array([-40.0, 40.0])
    before, after = without(trend, x)
    before, after = np.broadcast_to(before, x.shape), np.broadcast_to(after, x.shape)
    skill = call(trend, x)
    assert skill[0] == pytest.approx(before[0], abs=1e-9)
    assert skill[1] == pytest.approx(after[1], abs=1e-9)
    assert abs(skill[1] - before[1]) > 1
    assert abs(skill[0] - after[0]) > 1


@pytest.mark.parametrize("name", [n for n in NAMES if TRENDS[n].account in ("flat", "gradual")])
def test_what_is_not_a_break_has_no_counterfactual(name):
    assert without(TRENDS[name]()) == ()


def test_widths_of_jump_and_gradual_meet_and_do_not_overlap():
    assert Transition().width.high == JUMP_WIDTH == WideTransition().width.low


def test_only_the_step_and_the_drop_are_discontinuous():
    assert [n for n in NAMES if TRENDS[n].discontinuous] == ["step", "drop"]


def test_breaks_are_located_inside_the_design():
    for name in NAMES:
        prior: Prior | None = TRENDS[name]().priors().get("location")
        assert prior is None or isinstance(prior, Interior)
