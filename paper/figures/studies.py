"""Verdicts by study, as shares of its series."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from quoted import testable

from emergent_stats.plots import style
from emergent_stats.verdict.decision import VERDICTS

#: Light to dark apart from colour, and a hatch where neighbours could be mistaken.
_FILLS = {
    "real": ("#b34700", ""), "artefact": ("#56a0cf", "////"), "gradual": ("#56a0cf", ""),
    "flat": ("#a6a6a6", ""), "falls": ("#cc79a7", ""), "undecided": ("#ececec", ""),
}  # fmt: skip


def figure(table: pd.DataFrame) -> Figure:
    """One bar a study, the largest on top."""
    table = testable(table)
    counts = pd.crosstab(table["study"], table["verdict"])
    counts = counts.reindex(columns=list(VERDICTS), fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values().index]
    shares = counts.div(counts.sum(axis=1), axis=0)
    found = style.figure(style.PAGE, 0.9 + 0.28 * len(counts))
    ax = found.subplots()
    left = pd.Series(0.0, shares.index)
    for verdict in VERDICTS:
        colour, hatch = _FILLS[verdict]
        ax.barh(
            shares.index, shares[verdict], left=left, height=0.7, color=colour, hatch=hatch,
            edgecolor="white", lw=0.6, label=verdict,
        )  # fmt: skip
        left += shares[verdict]
    for place, total in enumerate(counts.sum(axis=1)):
        ax.text(1.01, place, f"{total:,}", va="center", size=style.SMALL)
    ax.set(xlim=(0, 1), xlabel="share of the series of a study; their number to the right")
    ax.tick_params(axis="y", length=0)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(VERDICTS), handlelength=1.2,
        columnspacing=1.2,
    )  # fmt: skip
    return found
