"""The same outputs under two metrics: LAMBADA zero-shot of GPT-3."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emergent_stats.plots import style
from emergent_stats.plots.ticks import log_ticks
from emergent_stats.results.corpus import load
from emergent_stats.results.selection import curves, select


def figure(table: pd.DataFrame) -> Figure:
    """Accuracy and perplexity by parameters; `table` is not looked at, the scores are published."""
    rows = select(load("gpt3"), task=["LAMBADA"], shots=[0])
    found = style.figure(style.PAGE, 2.3)
    for ax, curve in zip(found.subplots(1, 2), curves(rows), strict=True):
        low, high = curve.intervals()
        ax.vlines(curve.axis_values, low, high, color=style.QUIET, lw=1)
        ax.plot(curve.axis_values, curve.score, "o-", color=style.INK, ms=4, lw=0.7)
        ax.set(xscale="log", xlabel="parameters", ylabel=curve.metric.replace("_", " "))
        if curve.metric == "perplexity":
            ax.set_yscale("log")
            ticks = log_ticks(float(curve.score.min()), float(curve.score.max()), 6)
            ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.set_yticks([], minor=True)
        else:
            ax.set_ylim(0, np.ceil(10 * high.max()) / 10)
    return found
