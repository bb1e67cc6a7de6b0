import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emergent_stats.model.curve import ASSUMED_N, Curve
from emergent_stats.results.corpus import ResultsError, validate
from emergent_stats.results.selection import curve_from_rows, curves, default_axis

AXIS = np.array([1e8, 1e9, 1e10, 1e11])


def make(score, n=np.nan, **kwargs):
    score = np.asarray(score, float)
    axis = kwargs.pop("axis_values", None)
    axis = 10.0 ** np.linspace(8, 12, score.size) if axis is None else axis
    kwargs.setdefault("metric", "exact_match")
    return Curve(axis, score, n=np.broadcast_to(np.asarray(n, float), score.shape), **kwargs)


def table(**columns):
    base = {
        "study": "s", "family": "f", "task": "t", "metric": "exact_match",
        "model": ["a", "b", "c", "d"], "params": AXIS, "score": [0.0, 0.1, 0.4, 0.9], "n": 100,
    }  # fmt: skip
    return validate(pd.DataFrame(base | columns))


# --- scale ---------------------------------------------------------------------------------
def test_scale_is_in_decades_ascending_and_takes_everything_along():
    c = Curve(
        AXIS[::-1], np.array([0.9, 0.4, 0.1, 0.0]), "exact_match",
        n=np.array([4.0, 3, 2, 1]), stderr=np.array([0.4, 0.3, 0.2, 0.1]),
        models=("d", "c", "b", "a"),
    )  # fmt: skip
    np.testing.assert_allclose(c.x, [8, 9, 10, 11])
    np.testing.assert_allclose(c.score, [0, 0.1, 0.4, 0.9])
    np.testing.assert_allclose(c.n, [1, 2, 3, 4])
    np.testing.assert_allclose(c.stderr, [0.1, 0.2, 0.3, 0.4])
    assert c.models == ("a", "b", "c", "d")
    assert c.centre == 9.5
    np.testing.assert_allclose(c.in_units(c.x), c.axis_values)


def test_loss_axis_runs_downwards():
    c = Curve(
        np.array([2.0, 3.0, 2.5]), np.array([0.5, 0.0, 0.2]), "exact_match", axis="loss", n=50.0
    )
    np.testing.assert_allclose(c.x, [-3, -2.5, -2])
    np.testing.assert_allclose(c.score, [0, 0.2, 0.5])
    np.testing.assert_allclose(c.in_units(c.x), c.axis_values)


def test_replicates_count_once_as_scales():
    c = make([0.1, 0.2, 0.3], 50, axis_values=np.array([1e8, 1e8, 1e9]))
    assert (c.m, c.n_scales) == (3, 2)


# --- n, rounding, counts ----------------------------------------------------------------------
@pytest.mark.parametrize("n", [50, 204, 1319, 5000])
def test_n_is_recovered_from_score_and_standard_error(n):
    y = np.round(np.array([0.2, 0.5, 0.9]) * n) / n
    c = make(y, stderr=np.sqrt(y * (1 - y) / n))
    np.testing.assert_allclose(c.effective_n, n)


def test_zero_error_at_zero_takes_the_neighbours_n():
    y = np.array([0.0, 0.2, 0.6])
    c = make(y, stderr=np.sqrt(y * (1 - y) / 400))
    np.testing.assert_allclose(c.effective_n, 400)


def test_published_n_goes_first_and_unknown_n_is_assumed_and_said():
    assert make([0.2, 0.4], [30, 40], stderr=np.array([0.01, 0.01])).effective_n.tolist() == [
        30,
        40,
    ]
    c = make([0.2, 0.4])
    assert (c.effective_n == ASSUMED_N).all()
    assert any("n unknown" in note for note in c.all_notes)
    assert not any("n unknown" in note for note in make([0.2, 0.4], 100).all_notes)


def test_rounding_is_half_a_unit_of_the_last_digit_shown():
    c = make([0.0005, 0.001, 0.0015, 0.0035, 0.942], 2000)
    # .05 % and 94.2 %: three significant digits are printed, not four decimals
    np.testing.assert_allclose(c.rounding, [5e-5, 5e-5, 5e-5, 5e-5, 5e-4])
    np.testing.assert_allclose(make([0.12, 0.5, 0.33], 70).rounding, 0.005)
    assert (make([1 / 3, 0.5], 30).rounding == 0).all()


def test_whole_counts_are_exact():
    low, high, odd = make([0.0005, 0.011, 0.942], 2000).counts
    np.testing.assert_allclose(low, [1, 22, 1884])
    np.testing.assert_allclose(high, low)
    assert not odd.any()


@pytest.mark.parametrize("n", [300, 1319, 7777])
def test_counts_are_all_that_round_to_the_score(n):
    y = np.array([0.033, 0.271, 0.999])
    low, high, odd = make(y, n).counts
    k = np.arange(n + 1)
    for i in range(3):
        fits = k[np.abs(k / n - y[i]) <= 0.0005 + 1e-9]
        if fits.size:
            assert (low[i], high[i], odd[i]) == (fits[0], fits[-1], False)
        else:
            assert odd[i]
            assert low[i] == high[i] == y[i] * n


def test_a_score_no_count_can_give_is_named():
    c = make([0.2, 0.513, 0.9], 10, models=("a", "b", "c"))
    assert c.counts[2].tolist() == [False, True, False]
    assert any(
        "not a whole number for 1 of 3 models (e.g. b: 0.513 × 10)" in t for t in c.all_notes
    )


# --- intervals -----------------------------------------------------------------------------
def test_intervals_have_width_at_the_edges():
    low, high = make([0.0, 0.5, 1.0], 100).intervals(0.9)
    assert low[0] == 0.0
    assert 0.005 < high[0] < 0.05
    assert high[2] == 1.0
    assert 0.95 < low[2] < 0.995
    np.testing.assert_allclose([1 - low[2]], [high[0]])
    np.testing.assert_allclose([low[1], high[1]], stats.beta(50.5, 50.5).ppf([0.05, 0.95]))


def test_intervals_narrow_with_n_and_widen_with_level():
    def width(n, level):
        low, high = make([0.3], n).intervals(level)
        return (high - low)[0]

    assert width(100, 0.9) > 1.9 * width(400, 0.9)
    assert width(100, 0.99) > width(100, 0.9) > width(100, 0.5)


def test_intervals_cover():
    rng = np.random.default_rng(0)
    k = rng.binomial(60, 0.2, size=400)
    low, high = make(k / 60, 60, axis_values=np.full(400, 1e9)).intervals(0.9)
    assert 0.86 < ((low <= 0.2) & (high >= 0.2)).mean() < 0.94


def test_loss_intervals_are_normal():
    c = make([3.0, 2.0], metric="cross_entropy", stderr=np.array([0.1, np.nan]))
    low, high = c.intervals(0.9)
    np.testing.assert_allclose([low[0], high[0]], stats.norm(3, 0.1).ppf([0.05, 0.95]))
    assert low[1] == high[1] == 2.0


# --- notes -----------------------------------------------------------------------------------
def test_below_chance_is_noted():
    c = make([0.10, 0.25, 0.5], 1000, metric="multiple_choice", chance=0.25)
    assert any("1 of 3 models score below chance" in note for note in c.all_notes)


def test_missing_errors_of_a_loss_are_noted():
    c = make([3.0, 2.5], metric="cross_entropy", stderr=np.array([0.1, np.nan]))
    assert any("no standard error" in note for note in c.all_notes)
    c = make([3.0, 2.5], metric="cross_entropy", stderr=np.array([0.1, 0.1]))
    assert c.all_notes == ()


def test_from_rows():
    c = curve_from_rows(table(chance=0.25, metric="multiple_choice", shots=3))
    assert (c.axis, c.metric, c.chance, c.m) == ("params", "multiple_choice", 0.25, 4)
    assert c.models == ("a", "b", "c", "d")
    assert c.key == {"study": "s", "family": "f", "task": "t", "shots": 3, "seed": None}
    np.testing.assert_allclose(c.n, 100)


def test_rows_without_the_axis_are_left_out_and_named():
    c = curve_from_rows(table(flops=[1e20, np.nan, 1e21, 1e22]), axis="flops")
    assert c.m == 3
    assert "1 models without flops left out (b)" in c.all_notes


def test_assumed_columns_become_a_warning():
    c = curve_from_rows(table(assumed=["n", "n,chance", None, None]))
    assert "assumed, not published: chance, n" in c.all_notes


def test_default_axis_is_the_fullest_then_the_most_varied():
    assert default_axis(table(flops=[1e20, 2e20, 3e20, 4e20])) == "params"
    assert default_axis(table(params=1e9, step=[1, 2, 3, 4])) == "step"
    assert default_axis(table(params=[1e8, np.nan, np.nan, 1e9], flops=AXIS)) == "flops"
    assert default_axis(table(params=1e9, loss=[3.0, 2.5, 2.2, 2.0])) == "loss"


def test_curves_of_a_table():
    both = pd.concat([table(), table(task="u")])
    assert [c.key["task"] for c in curves(both)] == ["t", "u"]


def test_from_rows_refuses():
    with pytest.raises(ValueError, match="unknown axis 'size'; use one of params"):
        curve_from_rows(table(), axis="size")
    with pytest.raises(ValueError, match="no row has a value for the axis 'flops'; filled"):
        curve_from_rows(table(), axis="flops")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"score": [45.0, 50.0]}, "lie between 0 and 1, got 45 to 50"),
        ({"score": [np.nan, 0.5]}, "must be finite"),
        ({"score": [0.1, 0.2], "n": [0, 10]}, "n must be positive"),
        ({"score": [0.1, 0.2], "stderr": np.array([-0.1, 0.1])}, "stderr must be positive"),
        ({"score": [0.1, 0.2], "axis": "size"}, "unknown axis 'size'"),
        ({"score": [0.1, 0.2], "axis_values": np.array([0.0, 1.0])}, "must be above 0"),
        ({"score": [0.1, 0.2], "axis_values": np.array([1.0])}, "equally long"),
        ({"score": [0.1, 0.2], "metric": "nonsense"}, "unknown metric 'nonsense'"),
    ],
)
def test_refusals(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_a_graded_score_between_two_counts_keeps_its_weight():
    from emergent_stats.model.observed import observe

    curve = Curve(10.0 ** np.arange(8, 12), [0.0047339418, 0.1104365, 0.28, 0.456068], "f1", n=200)
    obs = observe([curve], curve.metric_object)
    assert np.isfinite(obs.constant[..., 0]).all()
    np.testing.assert_allclose(obs.k[0, :, 0], curve.score * 200)


HAND = {
    "study": "s", "family": "f", "model": ["a", "b", "c", "d"], "task": "t",
    "metric": "exact_match", "score": [0.0, 0.1, 0.4, 0.9], "params": AXIS,
}  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"n": 100}, {"shots": 3}, {"mine": "x"}])
def test_a_hand_made_frame_of_the_required_columns_just_works(more):
    frame = pd.DataFrame(HAND | more)
    [c] = curves(frame)
    assert (c.axis, c.metric, c.m) == ("params", "exact_match", 4)
    assert c.key["shots"] == more.get("shots")
    assert np.isnan(c.chance)
    assert list(frame.columns) == list(HAND | more)  # the user's own is not changed
    assert curve_from_rows(frame).models == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="study"), r"required column missing: 'study' \("),
        (lambda f: f.drop(columns="params"), "no axis of scale; add at least one of the columns"),
        (lambda f: f.rename(columns={"task": "tsk"}), "unknown column 'tsk'; did you mean 'task'?"),
        (lambda f: f.assign(score=[0.0, 0.1, 0.4, 45.0]), r"row 3: .*45"),
        (lambda f: f.assign(metric="acc"), "row 0: unknown metric 'acc'"),
        (lambda f: f.head(0), "has no rows"),
        (lambda f: f.to_dict("list"), "is a dict, not a DataFrame"),
    ],
)
def test_a_hand_made_frame_that_is_no_results_table_is_refused_with_the_fix(change, said):
    with pytest.raises(ResultsError, match=said):
        curves(change(pd.DataFrame(HAND)))
