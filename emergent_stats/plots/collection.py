"""Figures of a collection of tasks: functions that take `ax` and return it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.pooled import Pooled


def plot_shares(
    data: Pooled,
    *,
    ax: Axes | None = None,
    palette: Mapping[str, str] | None = None,
    title: str | None = None,
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
    palette : dict, optional
        Colour of each account.
    title : str, optional
        Default: how many tasks; "" for none.
    """
    with style.look():
        if ax is None:
            ax = style.figure(style.COLUMN, 2.3).add_subplot()
        colours = palette or style.ACCOUNT_COLOURS
        alone = data.alone.mean(0)
        for place, account, draws, single in zip(
            np.arange(len(ACCOUNTS))[::-1], ACCOUNTS, data.shares.T, alone, strict=True
        ):
            low, left, right, high = np.quantile(draws, [0.05, 0.25, 0.75, 0.95])
            ax.hlines(place, low, high, color=colours[account], lw=1.0)
            ax.hlines(place, left, right, color=colours[account], lw=3.0)
            ax.plot(draws.mean(), place, "o", color=colours[account], ms=5, zorder=3)
            ax.plot(single, place - 0.28, "D", mfc="white", mec=style.QUIET, ms=3.2, mew=0.8)
            ax.annotate(
                f"{draws.mean():.0%}", (high, place), (4, 0), textcoords="offset points",
                va="center", size=style.SMALL, annotation_clip=False,
            )  # fmt: skip
        ax.set_yticks(np.arange(len(ACCOUNTS))[::-1], ACCOUNTS)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.7, len(ACCOUNTS) - 0.5)
        ax.set_xlim(0, 1.0)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        ax.set_xlabel("share of the tasks  (◇ tasks one by one)")
        ax.set_title(f"{len(data.curves)} tasks" if title is None else title)
    return ax
