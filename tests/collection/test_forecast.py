"""Forecasts: predictive densities by hand, ranks that are uniform, extrapolations that fit."""

import numpy as np
import pytest
from scipy import stats

from emergent_stats import Curve
from emergent_stats.collection.extrapolation import (
    bnsl,
    fit_bnsl,
    fit_line,
    logit_skill,
    predict_bnsl,
)
from emergent_stats.collection.forecast import FORECASTS, forecast_all, forecast_curve, frame, split
from emergent_stats.model.trends import ACCOUNTS

X = np.linspace(-2, 2, 10)


def curve(skill, n=1000, rng=None, x=X, task="t", **more):
    p = np.exp(-np.exp(-np.asarray(skill)))
    score = rng.binomial(n, p) / n if rng is not None else np.round(n * p) / n
    return Curve(10 ** (x + 10), score, "exact_match", n=n, key={"task": task}, **more)


# --- the cut -------------------------------------------------------------------------------
def test_split_by_scale_and_by_loss():
    small, large = split(curve(0.5 * X), 1e10)
    assert (small.m, large.m) == (5, 5)
    assert small.axis_values.max() < 1e10 < large.axis_values.min()
    loss = Curve([3.0, 2.8, 2.6, 2.4, 2.2], [0.1, 0.2, 0.3, 0.4, 0.5], "exact_match", axis="loss")
    small, large = split(loss, 2.4)
    assert small.axis_values.tolist() == [3.0, 2.8, 2.6, 2.4]
    assert large.axis_values.tolist() == [2.2]


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (3e8, r"cut 3e\+08: 2 distinct scales up to it, a forecast needs 4; t has 10 models"),
        (1e13, "no model beyond it to predict"),
        (0.0, "the cut must be above 0"),
        (float("nan"), "the cut must be above 0"),
    ],
)
def test_a_cut_that_leaves_nothing_is_refused(cut, message):
    with pytest.raises(ValueError, match=message):
        split(curve(0.5 * X), cut)
    with pytest.raises(ValueError, match=message):
        forecast_all([curve(0.5 * X)], cut)


def test_a_floor_below_the_cut_is_refused():
    floored = Curve(10 ** (X + 10), [0.0] * 6 + [0.1, 0.4, 0.7, 0.8], "exact_match", n=100)
    with pytest.raises(ValueError, match="at the floor or the ceiling"):
        forecast_curve(floored, 1e10)


# --- forecasts -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    smooth = curve(-0.5 + 0.8 * X + 0.05 * rng.normal(size=10), rng=rng, task="smooth")
    leap = curve(-1.0 + 0.2 * X + 4.0 * (X > 0.5), rng=rng, task="leap")
    return forecast_all([smooth, leap], 1e10, jobs=1)


def test_a_smooth_rise_is_foreseen_and_a_leap_is_not(found):
    smooth, leap = found
    assert smooth.surprise > 0.05
    assert leap.surprise < 0.06
    assert leap.excess > smooth.excess + 3
    assert np.abs(smooth.middle["averaged"] - smooth.large.score).max() < 0.2
    assert smooth.covered().all()
    assert not leap.covered()[1:].any()


def test_every_forecast_has_its_numbers(found):
    for f in found:
        assert set(f.log_density) == set(FORECASTS)
        assert f.weights.sum() == pytest.approx(1)
        for name in FORECASTS:
            if name == "bnsl" and f.breaks is None:
                assert np.isnan(f.log_density[name])
                continue
            assert f.log_density[name] < 0
            assert (f.low[name] <= f.middle[name]).all()
            assert (f.middle[name] <= f.high[name]).all()
            assert f.pointwise[name].shape == (f.large.m,)


def test_averaging_is_the_mixture(found):
    for f in found:
        z = np.array([f.log_density[a] for a in ACCOUNTS])
        mixed = np.log((f.weights * np.exp(z - z.max())).sum()) + z.max()
        assert f.log_density["averaged"] == pytest.approx(mixed, abs=1e-6)


def test_rows_and_frame(found):
    table = frame([*found, None])
    assert table["task"].tolist() == ["smooth", "leap"]
    assert table["fitted"].tolist() == [5, 5]
    assert table["lpd_averaged"][0] == pytest.approx(found[0].log_density["averaged"] / 5)
    assert table["coverage"][0] == 1.0


@pytest.mark.parametrize("seed", [0, 1])
def test_many_models_outside_their_bands_surprise(seed):
    """Twenty models stay where the small ones ended, while a rise was foretold.

    By the density of all together, which rests on one or two draws, the surprise was .11 or .39.
    """
    x = np.concatenate([np.linspace(-2, 0, 8), np.linspace(0.1, 1.0, 20)])
    skill = np.concatenate([0.8 * x[:8], np.full(20, -0.15)])
    stays = curve(skill + 0.05 * np.sin(9 * np.arange(28.0)), x=x, n=300)
    found = forecast_curve(stays, 1.05e10, seed=seed)
    assert found.covered().mean() < 0.2
    assert found.surprise < 0.05


def test_same_seed_same_numbers():
    c = curve(0.5 * X, rng=np.random.default_rng(2))
    one, two, other = (forecast_curve(c, 1e11, seed=s) for s in (0, 0, 1))
    assert one.row() == two.row()
    assert one.log_density["averaged"] != other.log_density["averaged"]


def test_a_loss_is_forecast_too():
    rng = np.random.default_rng(3)
    loss = np.exp(0.8 - 0.15 * X + 0.01 * rng.normal(size=10))
    f = forecast_curve(Curve(10 ** (X + 10), loss, "cross_entropy", stderr=0.005 * loss), 2e11)
    assert f.surprise > 0.02
    assert f.middle["averaged"] == pytest.approx(f.large.score, rel=0.1)
    assert f.middle["line"] == pytest.approx(f.large.score, rel=0.1)


# --- extrapolations ------------------------------------------------------------------------
def test_the_line_has_the_usual_prediction_interval():
    rng = np.random.default_rng(4)
    c = curve(0.6 * X + 0.1 * rng.normal(size=10), rng=rng)
    line = fit_line(c, 40000, rng)
    x, y = X, logit_skill(c)
    fit = stats.linregress(x, y)
    s = np.sqrt(((y - fit.intercept - fit.slope * x) ** 2).sum() / 8)
    new = 3.0
    half = stats.t.ppf(0.95, 8) * s * np.sqrt(1 + 0.1 + new**2 / (x**2).sum())
    drawn = line.skill(np.array([new]))[:, 0] + line.sigma * rng.standard_normal(40000)
    middle = fit.intercept + fit.slope * new
    assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx(
        [middle - half, middle + half], abs=0.03
    )


def test_logit_skill_is_finite_at_floor_and_top():
    c = Curve(10 ** (X[:4] + 10), [0.0, 0.2, 0.9, 1.0], "exact_match", n=50)
    skill = logit_skill(c)
    assert np.isfinite(skill).all()
    assert (np.diff(skill) > 0).all()
    wrong = Curve(10 ** (X[:4] + 10), [1.0, 0.8, 0.1, 0.0], "edit_distance", n=50)
    assert (np.diff(logit_skill(wrong)) > 0).all()


def test_bnsl_recovers_its_own_break():
    x = np.linspace(-3, 3, 25)
    truth = (0.05, np.log(0.6), 0.02, 0.5, 0.5, np.log(0.2))
    c = Curve(10 ** (x + 10), 1 - bnsl(x, *truth), "exact_match", n=10**6)
    fit = fit_bnsl(c)
    assert fit is not None
    assert fit.breaks == 1
    assert bnsl(x, *fit.parameters) == pytest.approx(bnsl(x, *truth), abs=2e-3)
    middle, spread, density = predict_bnsl(fit, c, c)
    assert middle == pytest.approx(c.score, abs=2e-3)
    assert (spread > 0).all()
    assert np.isfinite(density).all()


def test_bnsl_needs_models():
    assert fit_bnsl(curve(0.5 * X[:4], x=X[:4])) is None
    fit = fit_bnsl(curve(0.5 * X[:6], x=X[:6]))
    assert fit is not None
    assert fit.breaks == 0


def test_bnsl_probabilities_of_counts_sum_to_one():
    small = curve(0.5 * X[:6] + 0.05 * np.cos(9 * X[:6]), x=X[:6])
    fit = fit_bnsl(small)
    assert fit is not None
    total = 0.0
    for k in range(21):
        large = Curve([10**11.0], [k / 20], "exact_match", n=20)
        total += float(np.exp(predict_bnsl(fit, small, large)[2][0]))
    assert total == pytest.approx(1.0, abs=1e-9)


# --- calibration ---------------------------------------------------------------------------
@pytest.mark.slow
def test_ranks_are_uniform_when_the_forecast_is_right():
    rng = np.random.default_rng(5)
    truths = [
        curve(rng.uniform(-1.5, 1) + rng.uniform(0.2, 1.5) * X + 0.15 * rng.normal(size=10),
              n=300, rng=rng, task=str(i))
        for i in range(120)
    ]  # fmt: skip
    done = [f for f in forecast_all(truths, 2e10) if f is not None]
    covered = np.concatenate([f.covered() for f in done])
    assert len(done) > 100
    assert 0.85 <= covered.mean() <= 0.95
    surprise = np.array([f.surprise for f in done])
    assert stats.kstest(surprise, "uniform").pvalue > 0.001
