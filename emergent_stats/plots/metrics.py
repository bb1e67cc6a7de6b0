"""What a metric can do to a smooth skill, and what smooth skills do to a descriptive score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.metrics import ExactMatch, Metric, MultipleChoice
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.results.files import ResultsError
from emergent_stats.rules.classical import LEVEL, against, breakthroughness, descriptive_null

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.model.curve import Curve

#: 10–90 % width of exact match, in decades times the slope in nats per decade:
#: log(log(10)/log(10/9)), whatever the length of the answers.
WIDTH = float(np.log(np.log(0.1) / np.log(0.9)))
_MARKS = ("o", "s", "^", "D", "v", "P")
_LENGTHS, _SLOPES = (1, 4, 16, 64), (0.5, 1.0, 2.0)


def transition_of(metric: Metric, slope: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Fraction of the way to the top against decades, and where it is 10 % and 90 %."""
    x = np.linspace(-12.0, 22.0, 6801) / slope
    y = np.asarray(metric.raw_fraction(slope * x), float)
    low, high = (float(v) for v in np.interp([0.1, 0.9], y, x))
    return x, y, low, high


def plot_metric(
    data: Sequence[int] | None = None,
    *,
    slope: float = 1.0,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> style.Picture:
    """What a metric can and cannot do: long answers move a curve and do not sharpen it.

    With cross-entropy a power law of slope `a`, exact match of answers of L tokens is a Gumbel
    curve whose 10–90 % width is 3.084/a decades for every L; L moves it by log(L)/a decades.

    Parameters
    ----------
    data : sequence of int, optional
        Lengths of answers in tokens; default 1, 4, 16, 64.
    slope : float
        Of the skill, in nats per decade.
    palette : list or name of a seaborn palette, optional
        Colours of the curves.
    title : str, optional
        Of the figure; default none.
    **kws
        Of the curves, as `Axes.plot` takes them.

    Raises
    ------
    ResultsError
        For no or too many lengths, a length below 1, or a slope that is not above 0.
    """
    lengths = _LENGTHS if data is None else tuple(data)
    if not 1 <= len(lengths) <= len(_MARKS) or min(lengths) < 1 or not slope > 0:
        raise ResultsError(
            f"one figure shows 1 to {len(_MARKS)} lengths of 1 token or more, and a slope above 0"
        )
    exact: dict[str, Metric] = {f"L = {n}": ExactMatch(lengths=((float(n), 1.0),)) for n in lengths}
    others: dict[str, Metric] = {
        "exact match, 16 tokens": ExactMatch(lengths=((16.0, 1.0),)),
        "token accuracy": ExactMatch(),
        "multiple choice of 4": MultipleChoice(),
    }
    narrow = style.room() < 5
    with style.look():
        fig = style.figure(style.room(), 7.4 if narrow else 2.7)
        axes = fig.subplots(*((3, 1) if narrow else (1, 3)))
        said = _curves(axes[0], exact, slope, palette, kws)
        style.title(axes[0], None, "Exact match, L tokens right")
        listed = ", ".join(map(str, lengths))
        tell(axes[0], f"Exact match against scale for answers of {listed} tokens: the "
             f"same curve, moved by log(L)/a decades. 10–90 % widths: {said} decades.")  # fmt: skip
        _widths(axes[1], lengths, palette)
        said = _curves(axes[2], others, slope, palette, kws)
        style.title(axes[2], None, "The same skill, other metrics")
        tell(axes[2], f"Three metrics of one skill. 10–90 % widths: {said} decades.")
        style.letters(axes)
        style.headline(fig, title)
    tell(
        fig, "What a metric can and cannot do to a skill that is a straight line of "
        f"{slope:g} nats per decade.",
    )  # fmt: skip
    return fig


def _curves(
    ax: Axes, metrics: dict[str, Metric], slope: float, palette: style.Palette, kws: Any
) -> str:
    """Draw each metric with the stretch from 10 to 90 %; their widths in words."""
    colours = style.curve_colours(palette, len(metrics))
    ends, said = [], []
    for i, (name, metric) in enumerate(metrics.items()):
        x, y, low, high = transition_of(metric, slope)
        ends += [x[y > 0.001][0], x[y < 0.995][-1]]
        shown = (x > ends[-2]) & (x < ends[-1])
        ax.plot(x, y, **(dict(color=colours[i], ls=style.LINES[i], label=name) | kws))
        ax.plot([low, high], [0.1, 0.9], ls="", marker=_MARKS[i], color=colours[i],
                ms=style.pt(4), mec="white", mew=style.pt(0.5), zorder=4)  # fmt: skip
        tell(ax, "", Layer(name, y[shown][::10], x[shown][::10]), x="decades of scale",
             y="share of the way to the top")  # fmt: skip
        said.append(f"{name} {high - low:.2f}")
    for share in (0.1, 0.9):
        ax.axhline(share, color=style.RULE, lw=style.pt(0.6), zorder=0)
    ax.set_xlim(min(ends), max(ends))
    ax.set_ylim(-0.02, 1.02)
    ax.set_yticks([0, 0.1, 0.5, 0.9, 1], ["0", "10 %", "50 %", "90 %", "100 %"])
    ax.set_xlabel("scale (decades)")
    ax.set_ylabel("of the way to the top")
    style.legend_below(ax, 2 if len(metrics) > 3 else 1)
    return ", ".join(said)


def _widths(ax: Axes, lengths: Sequence[int], palette: style.Palette) -> None:
    """10–90 % width of exact match against the length of answers, for a few slopes."""
    colours = style.curve_colours(palette, len(_SLOPES))
    for i, slope in enumerate(_SLOPES):
        width = []
        for length in lengths:
            _, _, low, high = transition_of(ExactMatch(lengths=((float(length), 1.0),)), slope)
            width.append(high - low)
        ax.plot(lengths, width, color=colours[i], ls=style.LINES[i], marker=_MARKS[i],
                ms=style.pt(4.5))  # fmt: skip
        ax.annotate(f"a = {slope:g}: {width[0]:.2f}", (lengths[0], width[0]), (0, style.pt(4)),
                    textcoords="offset points", size=style.SMALL, va="bottom")  # fmt: skip
        tell(ax, "", Layer(f"slope {slope:g} nats per decade", width, lengths),
             x="tokens of the answer", y="10–90 % width in decades")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(lengths, [str(n) for n in lengths])
    ax.minorticks_off()
    ax.set_ylim(0, 1.2 * WIDTH / min(_SLOPES))
    ax.set_xlabel("tokens of the answer, L")
    ax.set_ylabel("10–90 % width (decades)")
    style.title(ax, None, f"Width: {WIDTH:.3f}/a for every L")
    tell(ax, f"The 10–90 % width of exact match is {WIDTH:.3f}/a decades for a slope of a nats "
         "per decade, whatever the length of the answers.")  # fmt: skip


def _said(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "∞"


def plot_breakthroughness(
    data: Curve,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    series: int = 999,
    seed: int = 0,
    **kws: Any,
) -> Axes:
    """BIG-bench breakthroughness of a series, and what smooth truths give on the same design.

    The score has no fixed scale: a bar is the share of series simulated from the fitted power law
    with that breakthroughness, the line the observed one, the dotted line their 95 % quantile.
    Where half of the steps between models are 0 it is infinite.

    Parameters
    ----------
    data : Curve
    ax, title
        As in `plot_scores`.
    palette : dict or name of a seaborn palette, optional
        Bars have the colour of "gradual", the line that of "jump".
    series : int
        Simulated series.
    seed : int
    **kws
        Of the bars, as `seaborn.histplot` takes them.

    Raises
    ------
    ResultsError
        Where the rule does not apply (losses, too few scales).
    """
    import seaborn as sns

    try:
        observed, null = descriptive_null(data, breakthroughness, series=series, seed=seed)
    except ValueError as error:
        raise ResultsError(f"{scores.series_title(data)}: {error}") from None
    p, quantile = against(observed, null)
    level = f"{100 * LEVEL:.0f} %"
    ends = np.array([1.0, *null, observed, quantile])
    ends = ends[np.isfinite(ends)]
    low, edge = min(0.0, float(ends.min())), float(ends.max())
    beyond = edge + 0.12 * (edge - low)  # where the infinite stand
    with style.look():
        ax = style.axes(ax)
        colours = style.colours(palette)
        shown = np.where(np.isfinite(null), null, beyond)
        half = 0.03 * (edge - low)
        bins = [*np.linspace(low, edge, 31), beyond - half, beyond + half]
        marks: dict[str, Any] = dict(color=colours["gradual"], alpha=0.55, lw=0, stat="probability")
        sns.histplot(x=shown, bins=bins, ax=ax, **(marks | kws))
        top = ax.get_ylim()[1]
        for value, line, colour, name in (
            (quantile, ":", style.INK, f"{level} of smooth truths up to {_said(quantile)}"),
            (observed, "-", colours["jump"], f"observed {_said(observed)}, p = {p:.2g}"),
        ):
            ax.plot([min(value, beyond)] * 2, [0, top], color=colour, ls=line, label=name)
        ax.set_ylim(0, 1.4 * top)  # room for the legend
        ax.set_xlim(low, beyond + 2 * half)
        ax.locator_params(axis="both", nbins=5)
        places = [t for t in ax.get_xticks() if low <= t <= edge]
        ax.set_xticks([*places, beyond], [*(f"{t:g}".replace("-", "−") for t in places), "∞"])
        ax.set_xlabel("breakthroughness")
        ax.set_ylabel("share of smooth truths")
        ax.legend(loc="upper left", handlelength=1.6, borderaxespad=0)
        name = style.shorten(scores.series_title(data), style.COLUMN - 0.5, style.NORMAL)
        style.title(ax, title, name)
    tell(
        ax, f"Breakthroughness of {scores.series_title(data)}: {_said(observed)}; of "
        f"{null.size} series simulated from a smooth truth on the same design {level} have "
        f"at most {_said(quantile)} (p = {p:.2g}).",
        Layer("observed", [observed]), Layer(f"{level} quantile of smooth truths", [quantile]),
        Layer("simulated from the fitted power law", np.sort(null)), y="breakthroughness",
    )  # fmt: skip
    return ax
