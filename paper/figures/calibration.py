"""Stated probabilities of the accounts against how often they were true."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from emergent_stats.plots import style

CELLS = Path(__file__).parents[2] / "benchmarks" / "results" / "calibration_reliability.csv"
_MARKS = {"flat": "s", "gradual": "o", "onset": "^", "jump": "D", "falls": "v"}


def figure(table: pd.DataFrame) -> Figure:
    """One point a cell of probability and account; `table` is not looked at."""
    found = style.figure(style.COLUMN, style.COLUMN)
    ax = found.subplots()
    ax.plot([0, 1], [0, 1], color=style.RULE, lw=1, zorder=0)
    cells = pd.read_csv(CELLS)
    for account, rows in cells[cells["account"] != "all"].groupby("account", sort=False):
        ax.errorbar(
            rows["probability"], rows["came true"], yerr=2 * rows["standard error"],
            fmt=_MARKS[account], color=style.ACCOUNT_COLOURS[account], ms=4, lw=0.8, label=account,
        )  # fmt: skip
    ax.set(xlabel="probability stated", ylabel="share that was true", xlim=(-0.02, 1.02))
    ax.set_ylim(-0.05, 1.05)
    ax.set_aspect("equal")
    ax.legend(loc="upper left")
    return found
