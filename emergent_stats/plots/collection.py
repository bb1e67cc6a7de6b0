"""Figures of a collection of tasks: functions that take `ax` and return it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style
from emergent_stats.plots.telling import Layer, tell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.pooled import Pooled


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
    ax : matplotlib Axes, optional
        Where to draw; default a new figure of column width.
    palette : dict or name of a seaborn palette, optional
        Colour of each account.
    title : str, optional
        Default: how many tasks; "" for none.
    **kws
        Of the points, as `Axes.plot` takes them.
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
            marks = dict(
                marker=style.ACCOUNT_MARKS[account], color=colours[account], ms=style.pt(5)
            )
            ax.plot(draws.mean(), place, **(marks | dict(zorder=3) | kws))
            ax.plot(single, place - 0.28, "D", mfc="white", mec=style.QUIET,
                    ms=style.pt(3.2), mew=style.pt(0.8))  # fmt: skip
            ax.annotate(
                f"{draws.mean():.0%}", (high, place), (style.pt(4), 0), textcoords="offset points",
                va="center", size=style.SMALL, annotation_clip=False,
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
    said = ", ".join(f"{a} {m:.0%}" for a, m in zip(ACCOUNTS, means, strict=True))
    tell(
        ax, f"Shares of the accounts among {len(data.curves)} tasks: {said}.",
        Layer("together, mean and 90 %", means, low=low, high=high, label=ACCOUNTS),
        Layer("one by one", alone, label=ACCOUNTS), y="share of the tasks",
    )  # fmt: skip
    return ax
