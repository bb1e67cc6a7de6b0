"""Forecasts: what the small models said of the large ones, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.curve import AXIS_UNITS
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.words import probability, scale_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.forecast import Forecast

_RIVALS = {"line": ("x", ":"), "bnsl": ("+", (0, (3, 1, 1, 1)))}
_NAMES = {"line": "line on the logit scale", "bnsl": "broken neural scaling law"}
#: Foretold models up to which each has its own bar.
_FEW = 8


def plot_forecast(
    data: Forecast,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Fan of the forecast of the large models from the small ones, with what they scored.

    The grey fan is the 90 % interval of the average over the accounts; coloured lines are the
    medians of the single accounts, the less probable the paler; crosses the usual
    extrapolations. Filled points were fitted, hollow ones were to be foretold.

    Parameters
    ----------
    data : Forecast
    ax, palette, title
        As in `plot_scores`.
    **kws
        Of the hollow points, as `Axes.plot` takes them.
    """
    curve, large = data.curve, data.large
    x = large.axis_values
    start = data.small.axis_values[-1:], data.small.score[-1:]
    low, high = data.low["averaged"], data.high["averaged"]
    weights: dict[str, float] = dict(zip(ACCOUNTS, data.weights.tolist(), strict=True))
    shown = sorted((a for a in ACCOUNTS if weights[a] >= 0.01), key=lambda a: weights[a])

    # a run has many checkpoints to foretell: there the fan is enough, and lines have one mark each
    few = x.size <= _FEW

    def joined(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate([start[0], x]), np.concatenate([start[1], values])

    with style.look():
        ax = style.axes(ax, height=3.0)
        colours = style.colours(palette)
        fan_x, fan_low = joined(low)
        ax.fill_between(fan_x, fan_low, joined(high)[1], color=style.QUIET, alpha=0.18, lw=0,
                        label="90 % of all accounts")  # fmt: skip
        if few:
            ax.vlines(x, low, high, color=style.QUIET, lw=style.pt(3), alpha=0.35)
        for account in shown:
            ax.plot(*joined(data.middle[account]), color=colours[account],
                    ls=style.ACCOUNT_LINES[account], alpha=style.weight(weights[account]),
                    label=f"{account} ({probability(weights[account])})")  # fmt: skip
        for name, (mark, line) in _RIVALS.items():
            if np.isfinite(data.middle[name]).all():
                ax.plot(*joined(data.middle[name]), color=style.INK, ls=line, marker=mark,
                        markevery=slice(1 if few else -1, None), lw=style.pt(0.8), ms=style.pt(5),
                        label=_NAMES[name])  # fmt: skip
        mids = [data.middle[a] for a in shown]
        scores.plot_points(data.small, [low, high, *mids, large.score], ax, label="fitted models")
        ends = large.intervals()
        ax.vlines(x, *ends, color=style.INK, lw=style.pt(0.9), zorder=4)
        marks: dict[str, Any] = dict(
            marker="o", ls="", mfc="white", mec=style.INK, ms=style.pt(4.6 if few else 3.2),
            zorder=5, clip_on=False, label="foretold models",
        )  # fmt: skip
        ax.plot(x, large.score, **(marks | kws))
        ax.axvline(data.cut, color=style.QUIET, lw=style.pt(0.8), ls=":", zorder=0)
        scores.scale_axis(ax, curve)
        style.legend_below(ax, 2)
        name = style.shorten(scores.series_title(curve), style.COLUMN - 1.6, style.NORMAL)
        style.title(ax, title, f"{name}, surprise {data.surprise:.2g}")
    cut = scale_label(float(data.cut), curve.axis)
    tell(
        ax, f"Forecast of {scores.series_title(curve)} beyond {cut} {AXIS_UNITS[curve.axis]}: "
        f"{int(data.covered().sum())} of {large.m} larger models lie in its 90 % interval "
        f"(surprise {data.surprise:.2g}).",
        Layer("foretold models, observed", large.score, x, *ends, large.models),
        *(Layer(f"forecast, {n}, 90 %", data.middle[n], x, data.low[n], data.high[n])
          for n in ("averaged", *ACCOUNTS, *_RIVALS)),
        x=AXIS_UNITS[curve.axis], y=curve.metric,
    )  # fmt: skip
    return ax
