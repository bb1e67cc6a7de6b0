"""The same outputs under two metrics: LAMBADA zero-shot of GPT-3."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from emergent_stats.plots import scores, style
from emergent_stats.results.corpus import load
from emergent_stats.results.selection import curves, select


def figure(table: pd.DataFrame) -> Figure:
    """Accuracy and perplexity by parameters; `table` is not looked at, the scores are published."""
    rows = select(load("gpt3"), task=["LAMBADA"], shots=[0])
    found = style.figure(style.PAGE, 2.3)
    for ax, curve in zip(found.subplots(1, 2), curves(rows), strict=True):
        scores.plot_points(curve, [], ax, ls="-", color=style.QUIET, lw=0.7)
    return found
