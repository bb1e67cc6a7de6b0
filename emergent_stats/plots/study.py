"""Small multiples: every series of a study in a panel the size of a stamp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.comparison import verdict_words
from emergent_stats.verdict.decision import VERDICTS
from emergent_stats.verdict.words import probability

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

    def rank(c: Comparison) -> tuple[int, float]:
        return VERDICTS.index(c.verdict), -float(np.nan_to_num(c.p_real))

    found = sorted(data, key=rank)
    columns = max(1, min(len(found), int(style.room() / (1.15 if len(found) <= 60 else 0.9))))
    counts = Counter(c.verdict for c in found)
    said = f"{len(found)} series: " + ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    names = scores.series_names([c.curve for c in found], style.room() / columns - 0.12)
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
            marks: dict[str, Any] = dict(
                marker="o", ls="", color=style.INK, ms=style.pt(2.2), mew=0
            )
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
            words = verdict_words(c)
            words += f" {probability(scores.account_p(c, best))}" if best in c.bands else ""
            ax.annotate(words, (0, 1), (0, style.pt(2)), xycoords="axes fraction",
                        textcoords="offset points", size="x-small",
                        color=style.VERDICT_COLOURS.get(c.verdict, style.INK))  # fmt: skip
            tell(ax, "", Layer(f"{scores.series_title(curve)} ({words})", curve.score,
                               curve.axis_values, label=curve.models),
                 x=curve.axis, y=curve.metric)  # fmt: skip
        style.headline(fig, title, said)
    tell(fig, f"{said}.")
    return fig
