"""Small multiples: every series of a study in a panel the size of a stamp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.decision import VERDICTS

if TYPE_CHECKING:
    from emergent_stats.verdict.comparison import Comparison


def plot_study(
    data: Sequence[Comparison],
    *,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> style.Picture:
    """Every series of a study, by verdict: points, and the curve of the most probable account.

    Panels have the scales of their own series: what compares is the shape.

    Parameters
    ----------
    data : sequence of Comparison
    palette, **kws
        As in `plot_scores`.
    title : str, optional
        Default: how many have which verdict.
    """
    found = sorted(data, key=lambda c: (VERDICTS.index(c.verdict), -np.nan_to_num(c.p_real)))
    columns = max(1, min(len(found), int(style.room() / 1.15)))
    counts = Counter(c.verdict for c in found)
    said = f"{len(found)} series: " + ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    width = style.room() / columns - 0.12
    names = scores.series_names([c.curve for c in found], width)
    with style.look():
        fig, axes = style.grid(len(found), columns, 0.98, 0.3)
        colours = style.colours(palette)
        for ax, c, name in zip(axes, found, names, strict=True):
            curve = c.curve
            best = max(ACCOUNTS, key=lambda a, c=c: np.nan_to_num(scores.account_p(c, a)))
            if best in c.bands:
                band = c.bands[best]
                low, mid, high = (band[f"score_{part}"] for part in ("low", "mid", "high"))
                line = style.ACCOUNT_LINES[best]
                style.band(ax, band["x"], low, mid, high, colours[best], line)
            marks: Any = dict(marker="o", ls="", color=style.INK, ms=style.pt(2.2), mew=0)
            ax.plot(curve.axis_values, curve.score, **(marks | kws))
            scores.chance_line(ax, curve)
            if curve.scale_axis.logarithmic:
                ax.set_xscale("log")
            if curve.scale_axis.falls:
                ax.invert_xaxis()
            ax.minorticks_off()
            ax.tick_params(length=0, labelbottom=False, labelleft=False)
            top = 1.0 if curve.score.max() > 0.6 else max(curve.score.max() * 1.15, 1e-3)
            if not curve.metric_object.continuous:
                ax.set_ylim(-0.05 * top, 1.05 * top)
            ax.set_title(name, size=style.SMALL, pad=style.pt(9.5), parse_math=False)
            ax.annotate(scores.likeliest(c, width, style.TINY), (0, 1), (0, style.pt(2)),
                        xycoords="axes fraction", textcoords="offset points", size=style.TINY,
                        color=style.VERDICT_COLOURS[c.verdict])  # fmt: skip
            words = f"{scores.series_title(curve)} ({scores.likeliest(c, np.inf)})"
            tell(ax, "", Layer(words, curve.score, curve.axis_values, label=curve.models),
                 x=curve.axis, y=curve.metric)  # fmt: skip
        style.headline(fig, title, said)
    tell(fig, f"{said}.")
    return fig
