"""The figure of `decisions.py`: every rule against every truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from emergent_stats.design.truths import TRUTHS
from emergent_stats.model.trends import BREAKS
from emergent_stats.plots.style import figure, look, save


def draw(table: pd.DataFrame, frame: pd.DataFrame, path: Path) -> None:
    """Shares called real (left: no break, right: a break) and AUC, reference designs."""
    table = table[table["designs"] == "reference"]
    if table.empty:
        return
    rules = list(dict.fromkeys(table["rule"]))
    truths = [t for t in TRUTHS if t in set(table["truth"])]
    groups = [
        ("no break: called real by mistake", [t for t in truths if not _broken(t)], "Reds"),
        ("a break: found", [t for t in truths if _broken(t)], "Blues"),
    ]
    groups = [g for g in groups if g[1]]
    with look():
        fig = figure(10.0, 1.6 + 0.28 * len(rules))
        shares = table.pivot_table(index="rule", columns="truth", values="real").reindex(rules)
        axes = fig.subplots(
            1, len(groups) + 1, width_ratios=[*(len(g[1]) for g in groups), 3.5], sharey=True
        )
        for ax, (title, names, colours) in zip(axes, groups, strict=False):
            values = shares[names].to_numpy()
            ax.imshow(values, cmap=colours, vmin=0, vmax=1, aspect="auto")
            for (row, column), v in np.ndenumerate(values):
                if np.isfinite(v):
                    shade = "white" if v > 0.6 else "black"
                    ax.text(column, row, f"{100 * v:.0f}", ha="center", va="center",
                            fontsize=7, color=shade)  # fmt: skip
            labels = [n.replace("_", " ") for n in names]
            ax.set_xticks(range(len(names)), labels, rotation=35, ha="right")
            ax.set_title(f"{title}, %", fontsize=9)
            ax.tick_params(length=0)
            ax.grid(False)
        axes[0].set_yticks(range(len(rules)), [r.replace("_", " ") for r in rules])
        ax = axes[-1]
        for i, rule in enumerate(rules):
            own = table[table["rule"] == rule]["auc"].to_numpy()
            ax.plot(own, np.full(own.size, i), "o", ms=3, alpha=0.45, color="#555555")
            ax.plot(np.mean(own), i, "|", ms=12, mew=2, color="black")
        ax.axvline(0.5, lw=0.8, color="#999999")
        ax.set_xlim(0, 1.02)
        ax.set_title("AUC per truth, bar: mean", fontsize=9)
        ax.set_xlabel("AUC")
        save(fig, path)


def _broken(truth: str) -> bool:
    return TRUTHS[truth].account in BREAKS
