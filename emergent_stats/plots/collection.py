"""Figures of a collection of tasks: shares, discoveries, arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.collection.discoveries import LIMIT
from emergent_stats.model.curve import AXIS_UNITS
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.sensitivity import share_of
from emergent_stats.verdict.words import probability, scale_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.arrivals import Arrivals
    from emergent_stats.collection.discoveries import Discoveries
    from emergent_stats.collection.pooled import Pooled

#: Most tasks listed by name.
_LISTED = 40


def plot_shares(
    data: Pooled,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Shares of the accounts among the tasks of a collection.

    A point is the posterior mean, the thick bar its 50 % interval, the thin one 90 %. The hollow
    diamond is what the tasks say one by one: their mean probability with equal odds and declared
    scales.

    Parameters
    ----------
    data : Pooled
    ax, palette, title, **kws
        As in `plot_scores`.
    """
    with style.look():
        ax = style.axes(ax, height=2.3)
        colours = style.colours(palette)
        alone = data.alone.mean(0)
        for place, account, draws, single in zip(
            np.arange(len(ACCOUNTS))[::-1], ACCOUNTS, data.shares.T, alone, strict=True
        ):
            low, left, right, high = np.quantile(draws, [0.05, 0.25, 0.75, 0.95])
            ax.hlines(place, low, high, color=colours[account], lw=style.pt(1.0))
            ax.hlines(place, left, right, color=colours[account], lw=style.pt(3.0))
            marks: dict[str, Any] = dict(marker=style.ACCOUNT_MARKS[account], zorder=3,
                                         color=colours[account], ms=style.pt(5))  # fmt: skip
            ax.plot(draws.mean(), place, **(marks | kws))
            ax.plot(single, place - 0.28, "D", mfc="white", mec=style.QUIET,
                    ms=style.pt(3.2), mew=style.pt(0.8))  # fmt: skip
            ax.annotate(
                f"{100 * draws.mean():.0f} %", (high, place), (style.pt(4), 0), va="center",
                textcoords="offset points", size=style.SMALL, annotation_clip=False,
            )  # fmt: skip
        ax.set_yticks(np.arange(len(ACCOUNTS))[::-1], ACCOUNTS)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.7, len(ACCOUNTS) - 0.5)
        ax.set_xlim(0, 1.0)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        ax.set_xlabel("share of the tasks  (◇ tasks one by one)")
        style.title(ax, title, f"{len(data.curves)} tasks")
    means = data.shares.mean(0)
    low, high = np.quantile(data.shares, [0.05, 0.95], axis=0)
    said = ", ".join(f"{a} {100 * m:.0f} %" for a, m in zip(ACCOUNTS, means, strict=True))
    tell(
        ax, f"Shares of the accounts among {len(data.curves)} tasks: {said}.",
        Layer("together, mean and 90 %", means, low=low, high=high, label=ACCOUNTS),
        Layer("one by one", alone, label=ACCOUNTS), y="share of the tasks",
    )  # fmt: skip
    return ax


def plot_forest(
    data: Discoveries,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    limit: float = LIMIT,
    **kws: Any,
) -> Axes:
    """P(jump or onset) of each series of a collection, the surest first, with their false calls.

    The filled mark is the probability among the others (shares of the accounts learned, shared
    noise taken out), in the shape and colour of the likelier break; the hollow one that of the
    series by itself. On the right: the share of false calls if all down to this line were called.

    Parameters
    ----------
    data : Discoveries
    ax, palette, title
        As in `plot_scores`.
    limit : float
        Series with a local false-discovery rate up to this one stand above a line.
    **kws
        Of the filled marks, as `Axes.plot` takes them.
    """
    order = np.argsort(np.nan_to_num(data.lfdr, nan=np.inf), kind="stable")
    order = order[np.isfinite(data.lfdr[order])]
    shown, called = order[:_LISTED], int((data.lfdr[order] <= limit).sum())
    alone = share_of(data.alone, *BREAKS)
    with style.look():
        ax = style.axes(ax, 0.72 * style.PAGE, 0.15 * len(shown) + 0.9)
        colours = style.colours(palette)
        for place, i in enumerate(shown):
            best = max(BREAKS, key=lambda a: share_of(data.probability[i], a))
            p = 1 - data.lfdr[i]
            ax.hlines(place, min(p, alone[i]), max(p, alone[i]), color=style.RULE, lw=style.pt(1))
            ax.plot(alone[i], place, "o", mfc="white", mec=style.QUIET, ms=style.pt(3.6),
                    mew=style.pt(0.8))  # fmt: skip
            marks: dict[str, Any] = dict(
                marker=style.ACCOUNT_MARKS[best], color=colours[best], ms=style.pt(4.6), mew=0
            )
            ax.plot(p, place, **(marks | kws))
            said = probability(float(data.fdr[i]))
            ax.annotate(said, (1.02, place), xycoords=ax.get_yaxis_transform(), va="center",
                        size=style.SMALL)  # fmt: skip
        ax.annotate("fdr", (1.02, -1), xycoords=ax.get_yaxis_transform(), va="center",
                    size=style.SMALL)  # fmt: skip
        if 0 < called < len(shown):
            ax.axhline(called - 0.5, color=style.INK, lw=style.pt(0.8), ls=style.CHANCE_LINE)
        names = scores.series_names([data.curves[i] for i in shown], 1.9)
        ax.set_yticks(range(len(shown)), names, parse_math=False)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(len(shown) - 0.4, -1.6)
        ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel("P(jump or onset)")
        for account in BREAKS:
            ax.plot([], [], ls="", marker=style.ACCOUNT_MARKS[account], color=colours[account],
                    ms=style.pt(4.6), label=f"{account}, among the others")  # fmt: skip
        ax.plot([], [], "o", mfc="white", mec=style.QUIET, ms=style.pt(3.6), label="by itself")
        style.legend_below(ax, 3 if style.room() > style.COLUMN else 1, handletextpad=0.3)
        more = f", the first {len(shown)}" if len(shown) < len(order) else ""
        style.title(ax, title, f"{called} of {len(order)} series called at lfdr ≤ {limit:g}{more}")
    full = scores.series_names([data.curves[i] for i in order], 99.0)
    tell(
        ax, f"{called} of {len(order)} series are called broken at a local false-discovery rate of "
        f"at most {limit:g}" + (f": {', '.join(full[:called])}." if called else "."),
        Layer("P(jump or onset) among the others", 1 - data.lfdr[order], label=full),
        Layer("P(jump or onset) by itself", alone[order], label=full),
        Layer("false-discovery rate down to here", data.fdr[order], label=full),
        y="probability",
    )  # fmt: skip
    return ax


def plot_arrivals(
    data: Arrivals, *, palette: style.Palette = None, title: str | None = None, **kws: Any
) -> style.Picture:
    """At which scales tasks break out: the share that has, and the place of each.

    Above: 1 − Kaplan–Meier with its 90 % band, beside what a constant rate would give. Below: the
    location of every break, median and 90 % interval.

    Parameters
    ----------
    data : Arrivals
    palette : dict or name of a seaborn palette, optional
        Arrivals have the colour of "jump", a constant rate that of "gradual".
    title : str, optional
        Of the figure; default how many have arrived.
    **kws
        Of the marks, as `Axes.plot` takes them.

    Raises
    ------
    ResultsError
        If no task has arrived.
    """
    here = np.flatnonzero(data.state == "arrived")
    if not here.size:
        raise ResultsError(
            f"none of {len(data.curves)} tasks has arrived: no P(jump or onset) above one half"
        )
    here = here[np.argsort(data.at[here], kind="stable")]
    listed = here[:_LISTED]
    axis = data.curves[0].scale_axis

    def units(x: Any) -> np.ndarray:
        return np.asarray(axis.value(np.asarray(x, float)), float)

    start, end = float(data.entry.min()), float(data.exit.max())
    x = np.concatenate([[start], data.survival[:, 0], [end]])
    share = 1 - np.concatenate([[1.0], data.survival[:, 1], data.survival[-1:, 1]])
    error = 1.645 * np.concatenate([[0.0], data.survival[:, 2], data.survival[-1:, 2]])
    low, high = np.clip(share - error, 0, 1), np.clip(share + error, 0, 1)
    line = np.linspace(start, end, 60)
    counts = data.counts()
    said = (
        f"{counts['arrived']} of {len(data.curves)} tasks arrived, {counts['waiting']} waiting, "
        f"{counts['gradual']} gradual"
    )
    with style.look():
        below = 0.15 * len(listed) + 0.45
        width = min(0.72 * style.PAGE, style.room())
        fig = style.figure(width, 2.0 + below)
        axes = fig.subplots(2, 1, height_ratios=[1.7, below])
        colours = style.colours(palette)
        axes[0].fill_between(units(x), low, high, step="post", color=colours["jump"], alpha=0.15,
                             lw=0)  # fmt: skip
        axes[0].step(units(x), share, where="post", color=colours["jump"], label="arrived, 90 %")
        expected = {r: 1 - np.exp(-r * (line - start))
                    for r in (data.rate, data.rate_low, data.rate_high)}  # fmt: skip
        axes[0].plot(units(line), expected[data.rate], color=colours["gradual"], ls="--",
                     label=f"constant rate, p = {data.p_constant:.2g}"
                     if np.isfinite(data.p_constant) else "constant rate")  # fmt: skip
        axes[0].set_ylim(0, min(1.0, 1.3 * max(high.max(), expected[data.rate].max())))
        axes[0].set_ylabel("share of those at risk")
        axes[0].legend(loc="upper left")
        marks: dict[str, Any] = dict(marker=style.ACCOUNT_MARKS["jump"], color=colours["jump"],
                                     ms=style.pt(4.2), mew=0)  # fmt: skip
        for place, i in enumerate(listed):
            weight = style.weight(float(2 * data.p_arrived[i] - 1) / 7)
            axes[1].hlines(place, *units([data.at_low[i], data.at_high[i]]), color=colours["jump"],
                           lw=style.pt(1.0), alpha=weight)  # fmt: skip
            axes[1].plot(units(data.at[i]), place, **(marks | dict(alpha=weight) | kws))
        names = scores.series_names([data.curves[i] for i in listed], min(1.7, 0.4 * width))
        axes[1].set_yticks(range(len(listed)), names, parse_math=False)
        axes[1].tick_params(axis="y", length=0)
        axes[1].set_ylim(len(listed) - 0.4, -0.6)
        scores.scale_axis(axes[1], data.curves[int(np.argmax([c.n_scales for c in data.curves]))])
        axes[0].set_xscale(axes[1].get_xscale())
        axes[0].set_xlim(axes[1].get_xlim())
        axes[0].tick_params(labelbottom=False)
        axes[0].xaxis.set_major_locator(axes[1].xaxis.get_major_locator())
        axes[0].minorticks_off()
        style.letters(axes)
        style.headline(fig, title, said)
    words = AXIS_UNITS[axis.name]
    named = scores.series_names([data.curves[i] for i in here], 99.0)
    first, last = (scale_label(float(units(data.at[i])), axis.name) for i in here[[0, -1]])
    tell(fig, f"{said}; arrivals from {first} to {last} {words}.")
    tell(axes[0], f"Share of the tasks at risk that have arrived by scale; at a constant rate "
         f"{data.rate:.2g} a task and {axis.per}.",
         Layer("arrived, 90 %", share, units(x), low, high),
         Layer("at a constant rate", expected[data.rate], units(line)),
         x=words, y="share of the tasks at risk")  # fmt: skip
    tell(axes[1], "Location of each break, median and 90 % interval.",
         Layer("arrived", units(data.at[here]), None, units(data.at_low[here]),
               units(data.at_high[here]), named),
         y=words)  # fmt: skip
    return fig
