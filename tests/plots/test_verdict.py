"""Figures: what is in them, that nothing is cut or overlaps, that they repeat."""

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style, verdict
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.judge import compare

SIZES = np.array([125e6, 350e6, 760e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 175e9])
SCORES = {
    "subtraction": np.array([0.05, 0.1, 0.15, 0.35, 0.65, 1.05, 9.2, 94.2]) / 100,
    "guessing": np.array([0.25, 0.27, 0.23, 0.24, 0.26, 0.25, 0.24, 0.26]),
    "perplexity": np.array([18.6, 9.09, 6.53, 5.44, 4.6, 4.0, 3.56, 3.0]),
    "floor": np.array([0, 0, 0, 0, 0, 0, 0, 0.13]),
    "loss axis": np.array([0.1, 0.15, 0.25, 0.3, 0.42, 0.5, 0.6, 0.7]),
    "thin": np.array([0.1, 0.5, 0.9]),
}


def curve(task: str) -> Curve:
    score = SCORES[task]
    values = np.linspace(3.2, 2.1, 8) if task == "loss axis" else SIZES[: score.size]
    metric = {"guessing": "multiple_choice", "perplexity": "perplexity"}.get(task, "exact_match")
    return Curve(
        axis_values=values,
        score=score,
        n=np.full(score.size, np.nan if task == "perplexity" else 500.0),
        metric=metric,
        chance=0.25 if task == "guessing" else float("nan"),
        axis="loss" if task == "loss axis" else "params",
        key={"study": "toy", "family": "Toy", "task": task, "shots": 3, "seed": None},
    )


@pytest.fixture(scope="module")
def comparisons():
    return {task: compare(curve(task)) for task in SCORES}


def texts(figure) -> list:
    from matplotlib.text import Text

    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [t for t in found if all(a.get_visible() for a in ancestors(t))]


def ancestors(artist) -> list:
    axes = getattr(artist, "axes", None)
    return [] if axes is None else [axes]


def boxes(figure) -> dict:
    """Extents of all visible words, in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with style.look():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        shown = {}
        for text in texts(figure):
            box = text.get_window_extent(renderer)
            if box.width > 0 and box.height > 0:
                shown[text] = box
    return shown


def ticks_in_view(figure) -> set:
    """Tick labels that lie inside their axis' limits (others are never drawn)."""
    labels = set()
    for ax in figure.findobj(lambda artist: hasattr(artist, "get_xticklabels")):
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = sorted(limits)
            for tick in [*axis.majorTicks, *axis.minorTicks]:
                if not low <= tick.get_loc() <= high:
                    labels |= {tick.label1, tick.label2}
    return labels


def drawn_boxes(figure) -> dict:
    shown = boxes(figure)
    hidden = ticks_in_view(figure)
    return {text: box for text, box in shown.items() if text not in hidden}


@pytest.mark.parametrize("task", list(SCORES))
def test_no_word_is_cut_or_covers_another(comparisons, task):
    figure = verdict.plot_verdict(comparisons[task])
    check_words(figure)


def test_no_word_is_cut_in_small_panels(comparisons):
    check_words(verdict.plot_verdicts(list(comparisons.values())))


def check_words(figure):
    shown = drawn_boxes(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert len(shown) > 10
    for text, box in shown.items():
        inside = (
            box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= width + 0.5 and box.y1 <= height + 0.5
        )
        assert inside, f"{text.get_text()!r} is cut: {box}"
    items = list(shown.items())
    for i, (one, a) in enumerate(items):
        for other, b in items[i + 1 :]:
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            along = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across < 1 or along < 1, f"{one.get_text()!r} covers {other.get_text()!r}"


@pytest.mark.parametrize("task", ["subtraction", "guessing", "thin"])
def test_the_words_say_the_verdict_and_the_reason(comparisons, task):
    comparison = comparisons[task]
    words = " ".join(t.get_text() for t in texts(verdict.plot_verdict(comparison)))
    assert f"Toy · {task} · 3-shot:" in words
    assert comparison.verdict in words
    assert " ".join(comparison.reason.split()) in words


def axes():
    with style.look():
        return style.figure(3, 3).subplots()


def test_scores_shows_points_intervals_and_chance(comparisons):
    comparison = comparisons["guessing"]
    ax = axes()
    assert scores.plot_scores(comparison, ax=ax) is ax
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_xdata(), SIZES)
    np.testing.assert_allclose(points.get_ydata(), SCORES["guessing"])
    low, high = comparison.curve.intervals()
    ends = np.array(ax.collections[-1].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, np.c_[low, high])
    assert any(np.allclose(line.get_ydata(), 0.25) for line in ax.lines)
    assert (ax.get_xscale(), ax.get_ylim()[0] < 0) == ("log", True)


def test_zero_of_n_has_a_width(comparisons):
    ax = scores.plot_scores(comparisons["floor"], ax=axes())
    ends = np.array(ax.collections[-1].get_segments())[:, :, 1]
    assert ends[0, 0] == 0
    assert ends[0, 1] > 0.001


def test_curves_are_those_of_the_bands(comparisons):
    comparison = comparisons["subtraction"]
    ax = scores.plot_scores(comparison, ax=axes())
    for account in ("gradual", "onset", "jump"):
        colour = style.ACCOUNT_COLOURS[account]
        line = next(line for line in ax.lines if line.get_color() == colour)
        band = comparison.bands[account]
        np.testing.assert_allclose(line.get_xdata(), band["x"])
        np.testing.assert_allclose(line.get_ydata(), band["score_mid"])


def test_skill_of_a_score_gives_the_score_back(comparisons):
    for task in ("subtraction", "guessing", "perplexity"):
        c = comparisons[task].curve
        metric = c.metric_object
        guess = c.chance if np.isfinite(c.chance) else 0.0
        skill = scores.skill_of(c, c.score, guess)
        inside = np.isfinite(skill)
        rates = {} if metric.continuous else {"guess": guess, "lapse": 0}
        np.testing.assert_allclose(metric(skill[inside], **rates), c.score[inside], rtol=1e-3)
        assert (skill[~inside] == -np.inf).all()
        assert ((c.score <= guess) == ~inside).all()


def test_what_guessing_explains_shows_no_skill(comparisons):
    low, middle, high = scores.skills(comparisons["subtraction"].curve)
    # .05 % and .1 % right of 500 may be guesses, as the lowest score may be; 94 % are not
    assert (middle[:2] == -np.inf).all()
    assert np.isfinite(high).all()
    assert low[-1] < middle[-1] < high[-1]


def test_a_skill_lies_in_its_interval_where_scores_lie_below_chance():
    score = np.array([0.62, 0.38, 0.5, 0.48, 0.66, 0.75, 0.79, 0.8])
    below = Curve(SIZES, score, "multiple_choice", n=np.full(8, 3000.0), chance=0.5, key={})
    low, middle, high = scores.skills(below)
    assert (low <= middle).all()
    assert (middle <= high).all()


def test_scores_of_nothing_are_not_magnified():
    nothing = Curve(SIZES, np.zeros(8), "exact_match", n=np.full(8, 2000.0), key={})
    assert scores.plot_points(nothing, [], axes()).get_ylim()[1] >= 0.05


def test_a_score_at_the_floor_hangs_from_its_interval(comparisons):
    ax = scores.plot_skills(comparisons["floor"], ax=axes())
    hanging = next(line for line in ax.lines if line.get_marker() == "v")
    assert len(hanging.get_xdata()) == 7
    assert np.isfinite(hanging.get_ydata()).all()


def test_probabilities_are_the_bars(comparisons):
    comparison = comparisons["subtraction"]
    ax = verdict.plot_probabilities(comparison, ax=axes())
    lengths = [bar.get_width() for bar in ax.patches]
    assert lengths == pytest.approx([getattr(comparison, f"p_{a}") for a in ACCOUNTS])
    assert [label.get_text() for label in ax.get_yticklabels()] == list(ACCOUNTS)


def test_a_loss_axis_falls_to_the_right(comparisons):
    ax = scores.plot_scores(comparisons["loss axis"], ax=axes())
    left, right = ax.get_xlim()
    assert left > right
    assert ax.get_xscale() == "linear"


def test_scale_ticks_are_in_units(comparisons):
    figure = verdict.plot_verdict(comparisons["subtraction"])
    words = {text.get_text() for text in drawn_boxes(figure)}
    assert {"1B", "10B", "100B", "parameters"} <= words


@pytest.mark.parametrize("count", [0, verdict.MOST_PANELS + 1])
def test_a_figure_holds_so_many_panels(comparisons, count):
    with pytest.raises(ResultsError, match=f"1 to {verdict.MOST_PANELS} series, not {count}"):
        verdict.plot_verdicts([comparisons["thin"]] * count)


@pytest.mark.parametrize("suffix", style.SUFFIXES)
def test_figures_repeat_byte_for_byte(comparisons, tmp_path, suffix):
    for name in "ab":
        style.save(verdict.plot_verdict(comparisons["subtraction"]), tmp_path / f"{name}{suffix}")
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second


def test_no_window_and_no_global_figure(comparisons):
    import sys

    before = "matplotlib.pyplot" in sys.modules
    verdict.plot_verdict(comparisons["thin"])
    assert ("matplotlib.pyplot" in sys.modules) == before


# --- a plot of one's own -------------------------------------------------------------------
def plot_odds(comparison, *, ax=None):
    """A stranger's plot, one function: scores under the median of the likeliest account."""
    ax = style.figure(3, 2).subplots() if ax is None else ax
    account = max(comparison.bands, key=lambda a: comparison.row()[f"p_{a}"])
    band = comparison.bands[account]
    ax.plot(band["x"], band["score_mid"], color=style.ACCOUNT_COLOURS[account], label=account)
    ax.plot(comparison.curve.axis_values, comparison.curve.score, "ko")
    return ax


def test_a_plot_is_one_function(comparisons, tmp_path):
    with style.look():
        ax = plot_odds(comparisons["subtraction"])
        assert plot_odds(comparisons["perplexity"], ax=ax) is ax
    assert [len(line.get_xdata()) > 1 for line in ax.lines] == [True] * 4
    style.save(ax.figure, tmp_path / "odds.svg")
    assert "</svg>" in (tmp_path / "odds.svg").read_text(encoding="utf-8")
