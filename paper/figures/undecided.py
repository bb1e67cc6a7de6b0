"""Why series are undecided."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from quoted import testable

from emergent_stats.plots import style


def figure(table: pd.DataFrame) -> Figure:
    """One bar a reason, by number of series."""
    rows = testable(table)
    rows = rows[rows["verdict"] == "undecided"]
    counts = rows["reason"].str.partition(":")[0].value_counts(ascending=True)
    found = style.figure(0.8 * style.PAGE, 0.6 + 0.24 * len(counts))
    ax = found.subplots()
    ax.barh(counts.index, counts, height=0.66, color=style.QUIET)
    for place, count in enumerate(counts):
        ax.text(count + 0.01 * counts.max(), place, f"{count:,}", va="center", size=style.SMALL)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("series")
    return found
