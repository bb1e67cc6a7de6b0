"""The gallery: pictures against baselines, words that overlap nowhere, numbers that are the data's.

Baselines are made anew with ``pytest tests/plots/test_gallery.py --mpl-generate-path
tests/plots/baseline``; look at them.
"""

from dataclasses import replace

import drawn
import numpy as np
import pytest

from emergent_stats.collection.fits import fit_all
from emergent_stats.plots import (
    collection,
    design,
    future,
    metrics,
    scores,
    several,
    study,
    style,
    telling,
    transition,
    verdict,
)
from emergent_stats.plots.panels import plot_panels
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.formula import Plan, outlook

many = [
    drawn.comparison("addition"),
    drawn.comparison("a task with a long name", "real", (0.0, 0.01, 0.02, 0.97, 0.0)),
    drawn.comparison("knowing", "flat", (0.97, 0.01, 0.01, 0.0, 0.01)),
    drawn.comparison("telling", "undecided", (0.1, 0.4, 0.2, 0.2, 0.1)),
]
GALLERY = {
    "verdict": lambda: verdict.plot_verdict(many[0]),
    "verdicts": lambda: verdict.plot_verdicts(many),
    "study": lambda: study.plot_study(many),
    "forest": lambda: collection.plot_forest(drawn.discoveries()),
    "arrivals": lambda: collection.plot_arrivals(drawn.arrivals()),
    "forecast": lambda: future.plot_forecast(drawn.forecast()),
    "calibration": lambda: design.plot_calibration(drawn.calibrated()),
    "metric": lambda: metrics.plot_metric(),
    "sensitivity": lambda: plot_panels(many[:2], verdict.plot_sensitivity),
}
#: Presets of the default run: the narrowest figure, and the largest letters.
BY_DEFAULT = ("single", "poster")
SHOT = pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", tolerance=6, savefig_kwargs={"dpi": 70}
)


@SHOT
@pytest.mark.parametrize("name", ["verdict", "study", "forest", "arrivals", "forecast", "metric"])
def test_picture(name):
    return GALLERY[name]().figure


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize(
    "preset",
    [pytest.param(p, marks=[] if p in BY_DEFAULT else pytest.mark.slow) for p in style.PRESETS],
)
def test_no_word_is_cut(name, preset):
    with style.preset(preset):
        figure = GALLERY[name]().figure
        width, height = figure.get_size_inches() * figure.dpi
        shown = words(figure)
    assert len(shown) > 5
    for said, box in shown:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{said!r} is cut: {box}"
    for i, (one, a) in enumerate(shown):
        for other, b in shown[i + 1 :]:
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            along = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across < 2 or along < 2, f"{one!r} covers {other!r}"


def words(figure):
    """Visible words with their extents in pixels; of ticks those in view."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    with style.look():
        canvas.draw()
    hidden = set()
    for ax in figure.axes:
        off = not ax.axison
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = sorted(limits)
            used = {*axis.get_major_ticks(), *axis.get_minor_ticks()}
            for tick in [*axis.majorTicks, *axis.minorTicks]:
                if off or tick not in used or not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
            if off:
                hidden.add(axis.label)
    found = []
    for text in figure.findobj(Text):
        if text in hidden or not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent(canvas.get_renderer())
        if box.width > 0 and box.height > 0:
            found.append((text.get_text(), box))
    return found


#: Names that differ at their end, verdicts that leave much open, and too many of both for a page.
CROWD = [
    drawn.comparison(f"a task with a long name ({way} {i})", "flat", p, kind="or_falls_or_gradual")
    for i in range(35)
    for way, p in (("standard", (0.5, 0.3, 0.0, 0.0, 0.2)), ("by steps", (0.5, 0.2, 0.0, 0.0, 0.3)))
]


@pytest.mark.parametrize("draw", [study.plot_study, lambda some: verdict.plot_verdicts(some[:6])])
def test_many_panels_keep_their_room_and_their_words_apart(draw):
    with style.preset("double" if draw is study.plot_study else "single"):
        figure = draw(CROWD)
    shown = words(figure)
    panels = [ax for ax in figure.axes if ax.axison]
    cell = figure.bbox.width / len({round(ax.get_position().x0, 3) for ax in panels})
    assert min(ax.bbox.width for ax in panels) > 0.6 * cell
    for i, (one, a) in enumerate(shown):
        for other, b in shown[i + 1 :]:
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            assert across < 1.5 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2.5, (one, other)


def test_names_that_are_cut_still_differ():
    names = scores.series_names([c.curve for c in CROWD], 1.2)
    assert len(set(names)) == len(names)
    assert max(style.text_width(name, style.SMALL) for name in names) <= 1.2


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (9.0, "flat or falls or gradual, P(flat) .50"),
        (1.3, "flat .50 or falls or gradual"),
        (0.5, "flat, flat .50"),
    ],
)
def test_the_likeliest_account_is_said_with_its_number_at_any_width(width, said):
    assert scores.likeliest(CROWD[0], width) == said
    undecided = drawn.comparison("a", "undecided")
    assert scores.likeliest(undecided, 1.2) == "undecided, gradual .90"


def test_the_space_around_panels_grows_with_the_text():
    pads = []
    for preset in ("double", "poster"):
        with style.preset(preset):
            pads.append(style.figure(3, 2).get_layout_engine().get()["h_pad"])
    assert pads[1] == pytest.approx(2.5 * pads[0])


def test_a_legend_fits_under_a_theme():
    import seaborn as sns

    with sns.axes_style("darkgrid"), sns.plotting_context("notebook", font_scale=1.3):
        figure = verdict.plot_verdict(
            drawn.comparison("a", p=(0.2, 0.2, 0.2, 0.2, 0.2), verdict="undecided")
        )
        shown = dict(words(figure))
        assert shown["if falls"].x1 <= figure.bbox.width
        assert shown["published, 90 % interval"].x0 >= 0


def test_a_design_has_the_name_of_its_series():
    ax = design.plot_design(many[0])
    assert ax.get_title(loc="left").startswith("Toy · addition · 3-shot\nn = 400")
    assert telling.alternative(ax.figure).startswith("Toy · addition · 3-shot: ")


@pytest.mark.parametrize(
    "other",
    [
        replace(many[0], bands={}),
        replace(many[0], curve=drawn.curve(sizes=np.linspace(2.0, 3.5, 8), axis="loss")),
        replace(many[0], curve=drawn.curve(sizes=np.linspace(2020.0, 2024.0, 8), axis="date")),
    ],
)
def test_what_has_no_design_is_told_so(other):
    with pytest.raises(ResultsError, match="no design can be judged"):
        design.plot_design(other)


def test_cells_that_speak_for_another_verdict_are_explained():
    turned = [row | {"gradual": 0.0, "jump": 1.0} for row in many[0].sensitivity[:1]]
    other = replace(many[0], sensitivity=(*turned, *many[0].sensitivity[1:]))
    for c, said in ((many[0], False), (other, True)):
        assert ("bold" in verdict.plot_sensitivity(c).get_xlabel()) is said


@pytest.mark.parametrize("name", GALLERY)
def test_every_picture_is_told(name):
    figure = GALLERY[name]().figure
    table, said = telling.table(figure), telling.alternative(figure)
    assert len(table) > 3
    assert np.isfinite(table["y"]).any()
    assert len(said) > 40
    assert said.isprintable() or "\n" in said
    assert not any(s in said for s in ("nan", "None", "inf "))


def layers(figure, start):
    table = telling.table(figure)
    return table[table["layer"].str.startswith(start)]


def test_a_study_stands_in_the_order_of_its_verdicts():
    figure = study.plot_study(many)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles[1:] == ["addition", "knowing", "telling"]
    assert "4 series: 1 real, 1 gradual, 1 flat, 1 undecided" in telling.alternative(figure)
    drawn_scores = layers(figure, "Toy · addition")["y"]
    np.testing.assert_allclose(drawn_scores, drawn.SCORES)


def test_the_forest_calls_what_the_collection_calls():
    found = drawn.discoveries()
    ax = collection.plot_forest(found)
    called = found.called()
    assert ax.get_title(loc="left").startswith(f"{len(called)} of 12 series called")
    among = layers(ax.figure, "P(jump or onset) among")
    np.testing.assert_allclose(among["y"], 1 - np.sort(found.lfdr))
    assert among["label"].tolist()[0] == "task 0"
    line = next(v for v in ax.lines if v.get_linestyle() == "--" and len(set(v.get_ydata())) == 1)
    assert line.get_ydata()[0] == len(called) - 0.5


def test_arrivals_step_at_the_locations():
    found = drawn.arrivals()
    figure = collection.plot_arrivals(found)
    # of the tasks at risk, which are not all tasks
    assert f"of {len(found.curves)} tasks arrived" in telling.alternative(figure)
    assert figure.axes[0].get_ylabel() == "share of those at risk"
    here = found.state == "arrived"
    np.testing.assert_allclose(
        layers(figure, "arrived")["y"].tail(here.sum()), 10 ** found.at[here]
    )
    share = layers(figure, "arrived, 90 %")["y"]
    assert share.is_monotonic_increasing
    assert share.iloc[-1] == pytest.approx(1 - found.survival[-1, 1])


def test_nothing_arrived_is_said():
    found = drawn.arrivals()
    found.state[:] = "waiting"
    with pytest.raises(ResultsError, match="none of 12 tasks has arrived"):
        collection.plot_arrivals(found)


def test_the_fan_is_the_forecast():
    found = drawn.forecast()
    ax = future.plot_forecast(found)
    fan = layers(ax.figure, "forecast, averaged")
    np.testing.assert_allclose(fan["low"], found.low["averaged"])
    np.testing.assert_allclose(fan["y"], found.middle["averaged"])
    foretold = next(line for line in ax.lines if line.get_label() == "foretold models")
    np.testing.assert_allclose(foretold.get_ydata(), drawn.SCORES[6:])
    assert all("flat" not in line.get_label() for line in ax.lines)  # its probability is 0


def test_calibration_shows_the_null_and_the_power():
    found = drawn.calibrated()
    figure = design.plot_calibration(found)
    np.testing.assert_allclose(layers(figure, "log Bayes")["y"], found.calibration.null)
    power = layers(figure, "found")
    assert power["x"].tolist() == [0.5, 1.0, 1.3, 2.0]
    assert power["y"].tolist() == [0.1, 0.3, 0.44, 0.8]
    assert ((power["low"] < power["y"]) & (power["y"] < power["high"])).all()


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("length", [1.0, 7.0, 200.0])
def test_the_length_of_answers_does_not_sharpen_exact_match(slope, length):
    metric = metrics.ExactMatch(lengths=((length, 1.0),))
    _, _, low, high = metrics.transition_of(metric, slope)
    assert (high - low) * slope == pytest.approx(3.084, abs=2e-3)
    _, _, first, _ = metrics.transition_of(metrics.ExactMatch(), slope)
    assert low - first == pytest.approx(np.log(length) / slope, abs=2e-2)


def test_the_figure_of_metrics_says_the_width():
    figure = metrics.plot_metric((1, 10), slope=2.0)
    assert f"{metrics.WIDTH:.3f}" == "3.084"
    widths = layers(figure, "slope 2 nats")["y"]
    np.testing.assert_allclose(widths, metrics.WIDTH / 2, atol=2e-3)
    with pytest.raises(ResultsError, match="lengths of 1 token or more"):
        metrics.plot_metric((0,))


def test_breakthroughness_stands_beside_its_null():
    from emergent_stats.rules.classical import RULES

    ax = metrics.plot_breakthroughness(drawn.curve(), series=99, seed=3)
    rule = RULES["breakthroughness"](drawn.curve(), series=99, seed=3)
    assert layers(ax.figure, "observed")["y"].tolist() == pytest.approx([rule.statistic])
    assert layers(ax.figure, "95 %")["y"].tolist() == pytest.approx([rule.null_quantile])
    assert len(layers(ax.figure, "simulated")) == 99
    bars = [patch.get_height() for patch in ax.patches]
    assert sum(bars) == pytest.approx(1)
    with pytest.raises(ResultsError, match="does not apply"):
        metrics.plot_breakthroughness(drawn.curve(score=drawn.SCORES[:3], sizes=drawn.SIZES[:3]))


def test_a_design_is_drawn_by_the_formula(monkeypatch):
    monkeypatch.setattr(design, "_HEIGHTS", (1.0, 2.0))
    plan = Plan.even(5, 3.0, n=200)
    ax = design.plot_design(plan)
    own = layers(ax.figure, "this design, 5 runs")
    claims = [design.Claim("jump", h) for h in (1.0, 2.0)]
    assert own["y"].tolist() == pytest.approx([outlook(plan, c).found for c in claims])
    richer = design.richer(plan)
    assert [p.runs for p in richer.values()] == [5, 9, 10, 5]
    assert list(richer.values())[3].n == 800


def test_the_posterior_of_a_break_sums_to_one():
    fit = fit_all([drawn.curve()], jobs=1)[0]
    figure = transition.plot_transition(fit)
    check = telling.table(figure)
    for (panel, layer), rows in check.groupby(["panel", "layer"]):
        assert rows["y"].sum() == pytest.approx(1, abs=0.02), (panel, layer)
    assert len(figure.axes) == 3
    assert "Width, 90 %" in telling.alternative(figure)


def test_improbable_accounts_are_pale():
    ax = scores.plot_scores(many[1])
    alpha = {line.get_color(): line.get_alpha() for line in ax.lines}
    assert alpha[style.ACCOUNT_COLOURS["jump"]] == 1
    assert alpha[style.ACCOUNT_COLOURS["gradual"]] < 0.5


def test_a_name_is_never_a_formula():
    ax = scores.plot_scores(drawn.comparison("cost $x_1^$ \\frac"))
    assert "$x_1^$" in ax.get_title(loc="left")
    assert b"PNG" in ax.figure._repr_png_()[0][:8]


def test_svg_is_told_and_kept_apart():
    text = several.svg(verdict.plot_verdict(drawn.comparison('<b>"x"</b>')), "one")
    assert text.startswith('<svg role="img" aria-label="Toy · &lt;b&gt;&quot;x&quot;')
    assert "<b>" not in text
    assert "<text" in text
    assert 'id="one-' in text
    assert 'href="#one-' in text
