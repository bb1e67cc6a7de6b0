"""Figures of a verdict: its probabilities, its priors, and the whole of it in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style
from emergent_stats.plots.scores import account_p, accounts_shown, series_title
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.comparison import verdict_words
from emergent_stats.verdict.words import probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.verdict.comparison import Comparison

#: Most series that one figure of small panels holds.
MOST_PANELS = 24
_MARGIN = 0.08  # inches around the words of a figure
#: Points between a panel and the first line of its title, where the title has two.
_TWO_LINES = 14.0
#: Figures narrower than this (inches) have one panel above the other.
_NARROW = 5.0


def plot_probabilities(
    data: Comparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Probability of each account as a horizontal bar with its number.

    Parameters are those of `scores.plot_scores`; `kws` go to `Axes.barh`.
    """
    values = [account_p(data, account) for account in ACCOUNTS]
    places = np.arange(len(ACCOUNTS))[::-1]
    known = np.nan_to_num(values)
    with style.look():
        ax = style.axes(ax, height=1.8)
        colours = style.colours(palette)
        bars: dict[str, Any] = dict(height=0.56, color=[colours[a] for a in ACCOUNTS], lw=0)
        ax.barh(places, known, **(bars | kws))
        for place, value, length in zip(places, values, known, strict=True):
            ax.text(length + 0.03, place, probability(value), va="center", size=style.SMALL)
        ax.set_yticks(places, ACCOUNTS)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.axvline(0, color=style.QUIET, lw=style.pt(0.6))
        ax.set_xlim(0, 1.24)
        ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        ax.spines["bottom"].set_bounds(0, 1)
        ax.set_ylim(-0.6, len(ACCOUNTS) - 0.4)
        ax.set_xlabel("probability of the account")
        style.title(ax, title, series_title(data.curve))
    said = ", ".join(f"{a} {probability(v)}" for a, v in zip(ACCOUNTS, values, strict=True))
    layer = Layer("probability of the account", values, label=ACCOUNTS)
    tell(ax, f"Probabilities of the accounts: {said}.", layer, y="probability")
    return ax


def plot_sensitivity(
    data: Comparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """P(jump or onset) under every prior of the sensitivity grid, as a heat map.

    Three blocks side by side, one per largest width of a jump; in each, the
    slope prior runs upwards and the height prior to the right. The declared
    priors have a frame; bold numbers speak for another verdict than they do.
    Cells that were not computed (no verdict depended on them) are crossed out.

    Parameters
    ----------
    data : Comparison
    ax, title
        As in `scores.plot_scores`.
    palette : dict or name of a seaborn palette, optional
        The colour of "jump" is that of P = 1.
    **kws
        Of the cells, as `matplotlib.patches.Rectangle` takes them.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    from emergent_stats.verdict.decision import speaks_for
    from emergent_stats.verdict.sensitivity import FACTORS, GRID

    rows = {(r["slope"], r["height"], r["width"]): r for r in data.sensitivity}
    t = data.thresholds
    dark = "#b34700" if palette is None else style.colours(palette)["jump"]
    # light to dark in one hue, so that a copy in grey keeps the order
    shades = LinearSegmentedColormap.from_list("break", ["#fdf3ec", dark])
    says = {cell: speaks_for(row, t.probability) for cell, row in rows.items()}
    turned = [cell for cell, said in says.items() if said != says.get((1.0, 1.0, 1.0), said)]
    step = len(FACTORS) + 0.5
    with style.look():
        ax = style.axes(ax, height=2.0)
        for slope, height, width in GRID:
            i, j, b = (FACTORS.index(f) for f in (height, slope, width))
            row, corner = rows.get((slope, height, width)), (b * step + i, j)
            if row is None:
                ax.add_patch(
                    Rectangle(corner, 1, 1, fc="white", ec=style.RULE, hatch="//", lw=style.pt(0.6))
                )
                continue
            p = row["onset"] + row["jump"]
            edges: dict[str, Any] = dict(fc=shades(p), ec="white", lw=style.pt(0.8))
            ax.add_patch(Rectangle(corner, 1, 1, **(edges | kws)))
            ax.text(
                corner[0] + 0.5, j + 0.5, probability(p), ha="center", va="center",
                size=style.SMALL, color="white" if p > 0.6 else style.INK,
                weight="bold" if (slope, height, width) in turned else "normal",
            )  # fmt: skip
        for b, width in enumerate(FACTORS):
            words = f"jump ≤ {data.curve.scale_axis.in_words(f'{t.jump_width * width:g} decade')}"
            ax.text(b * step + 1.5, 3.12, words, ha="center", va="bottom", size=style.SMALL)
        frame = Rectangle((step + 1, 1), 1, 1, fill=False, ec=style.INK, lw=style.pt(1.6), zorder=5)
        ax.add_patch(frame)
        places = [b * step + i + 0.5 for b in range(3) for i in range(3)]
        ax.set_xticks(places, ["½", "1", "2"] * 3)
        ax.set_yticks([0.5, 1.5, 2.5], ["½", "1", "2"])
        ax.tick_params(length=0)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.set_xlim(-0.05, 3 * step - 0.45)
        ax.set_ylim(-0.05, 3.6)
        ax.set_xlabel("prior of heights, times the declared one"
                      + ("\nbold: speaks for another verdict" if turned else ""))  # fmt: skip
        ax.set_ylabel("prior of slopes")
        name = f"P(jump or onset) · {series_title(data.curve)}"
        style.title(ax, title, style.shorten(name, style.COLUMN - 0.4, style.NORMAL))
    known = [r["onset"] + r["jump"] for r in data.sensitivity]
    words = f"Probability of a jump or an onset in {series_title(data.curve)} under {len(known)} "
    words += "sets of priors"
    words += f": {probability(min(known))} to {probability(max(known))}." if known else "."
    if 0 < len(known) < len(GRID):
        words += f" {len(GRID) - len(known)} more were not weighed: no verdict hung on them."
    labels = [f"slopes × {r['slope']:g}, heights × {r['height']:g}, jump width × {r['width']:g}"
              for r in data.sensitivity]  # fmt: skip
    tell(ax, words, Layer("P(jump or onset)", known, label=labels), y="probability")
    return ax


# --- figures -----------------------------------------------------------------------------
def plot_verdict(data: Comparison, *, palette: style.Palette = None, title: str | None = None,
                 **kws: Any) -> style.Picture:  # fmt: skip
    """Figure of one verdict: scores, skill, probabilities; verdict and reason in words above.

    Parameters
    ----------
    data : Comparison
    palette : dict or name of a seaborn palette, optional
        Colour of each account.
    title : str, optional
        Default: the name of the series.
    **kws
        Of the points, as `Axes.plot` takes them.

    Returns
    -------
    Picture
        As wide as the preset says. Write it with `style.save`; a notebook shows it.
    """
    width = style.room()
    room, narrow = width - 2 * _MARGIN, width < _NARROW
    name = series_title(data.curve) if title is None else title
    verdict = verdict_words(data)
    with style.look():
        verdict_width = style.text_width(verdict, style.LARGE, "bold")
        space = style.text_width("  ", style.LARGE, "bold")
        head = style.shorten(f"{name}:", room - verdict_width - space, style.LARGE, "bold")
        after = _MARGIN + space + style.text_width(head, style.LARGE, "bold")
        reason = style.wrap(data.reason or "", room, style.NORMAL)
        first, other = style.line_height(style.LARGE, 1.5), style.line_height(style.NORMAL)
        top = _MARGIN + first + other * len(reason)
        below_height = 7.0 if narrow else 2.75
        fig = style.figure(width, top + below_height)
        parts: Any = fig.subfigures(2, 1, height_ratios=[top, below_height])
        above, below = parts
        own = style.VERDICT_COLOURS[data.verdict]
        for x, words, colour in ((_MARGIN, head, style.INK), (after, verdict, own)):
            above.text(
                x / width, 1 - _MARGIN / top, words, size=style.LARGE, weight="bold",
                color=colour, va="top",
            )  # fmt: skip
        for i, line in enumerate(reason):
            y = 1 - (_MARGIN + first + i * other) / top
            above.text(_MARGIN / width, y, line, size=style.NORMAL, va="top")
        shape = (3, 1) if narrow else (1, 3)
        ratios = (
            dict(height_ratios=[1.2, 1.2, 1]) if narrow else dict(width_ratios=[1.25, 1.25, 0.8])
        )
        axes = below.subplots(*shape, **ratios)
        scores.plot_scores(data, ax=axes[0], palette=palette, title="Score", **kws)
        scores.plot_skills(data, ax=axes[1], palette=palette, title="Skill", **kws)
        plot_probabilities(data, ax=axes[2], palette=palette, title="Probability")
        if not narrow:
            axes[2].set_xlabel("of each account")
        style.letters(axes)
        hanging = bool(np.isneginf(scores.skills(data.curve)[1]).any())
        _legend(below, [data], palette, hanging)
    tell(fig, f"{name}: {verdict}. {data.reason or ''}".rstrip(". ") + ".")
    return fig


def plot_verdicts(
    data: Sequence[Comparison], *, palette: style.Palette = None, title: str | None = None,
    **kws: Any,
) -> style.Picture:  # fmt: skip
    """Figure of several verdicts: a panel of scores each, under its verdict.

    Parameters are those of `plot_verdict`; without `title` the figure has none.

    Raises
    ------
    ResultsError
        With none, or more than `MOST_PANELS`.
    """
    count = len(data)
    if not 1 <= count <= MOST_PANELS:
        raise ResultsError(
            f"one figure shows 1 to {MOST_PANELS} series, not {count}; "
            "choose fewer with --task, --family, --metric or --shots"
        )
    width = style.room()
    columns = 2 if count == 4 else min(count, 3 if count <= 9 else 4)
    columns = columns if width > _NARROW else min(columns, 2)
    with style.look():
        fig, axes = style.grid(count, columns, 1.75, 0.45)
        room = width / columns - 0.45  # beside the names of the ticks
        names = scores.series_names([c.curve for c in data], room, style.NORMAL)
        for ax, comparison, name in zip(axes, data, names, strict=True):
            scores.plot_scores(comparison, ax=ax, palette=palette, **kws)
            # two lines: what differs between the panels, then the verdict in its colour
            ax.set_title(name, pad=style.pt(_TWO_LINES), parse_math=False)
            ax.annotate(
                scores.likeliest(comparison, room), (0, 1), (0, style.pt(4)), size=style.SMALL,
                xycoords="axes fraction", textcoords="offset points",
                color=style.VERDICT_COLOURS[comparison.verdict],
            )  # fmt: skip
        say_once(axes, columns)
        style.letters(axes, _TWO_LINES)
        _legend(fig, data, palette)
        style.headline(fig, title)
    said = "; ".join(f"{series_title(c.curve)}: {verdict_words(c)}" for c in data)
    tell(fig, f"{count} series. {said}.")
    return fig


def say_once(axes: Sequence[Axes], columns: int) -> None:
    """Hide the name of an axis that the panel to the left or below repeats."""
    for i, ax in enumerate(axes):
        if i % columns and ax.get_ylabel() == axes[i - 1].get_ylabel():
            ax.yaxis.label.set_alpha(0)
        if i + columns < len(axes) and ax.get_xlabel() == axes[i + columns].get_xlabel():
            ax.xaxis.label.set_alpha(0)
    for ax in axes:
        for label in (ax.xaxis.label, ax.yaxis.label):
            label.set_visible(label.get_alpha() != 0)


def _legend(
    figure: Any, comparisons: Sequence[Comparison], palette: style.Palette, hanging: bool = False
) -> None:
    """Name every mark in the panels, below them: in one row, or more where it gets too long."""
    from matplotlib.lines import Line2D

    handles: list[Any] = [style.point_handle()]
    labels = [scores.PUBLISHED]
    if hanging:
        handles.append(Line2D([], [], color=style.QUIET, marker="v", mfc="white", mec=style.INK,
                              mew=style.pt(0.7), ms=style.pt(4), lw=0))  # fmt: skip
        labels.append("skill below this")
    colours = style.colours(palette)
    drawn = [(a, c) for c in comparisons for a in accounts_shown(c)]
    for account in ACCOUNTS:
        own = [account_p(c, account) for a, c in drawn if a == account]
        if own:
            handles.append(Line2D([], [], color=colours[account], alpha=style.weight(max(own)),
                                  ls=style.ACCOUNT_LINES[account]))  # fmt: skip
            labels.append(f"if {account}")
    if any(np.isfinite(c.curve.chance) and c.curve.chance > 0 for c in comparisons):
        handles.append(Line2D([], [], color=style.QUIET, lw=style.pt(0.8), ls=style.CHANCE_LINE))
        labels.append("chance")
    style.legend(figure, handles, labels)
