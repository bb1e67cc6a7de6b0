"""What a design could decide, and what it gives when the truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.advice import plan_for
from emergent_stats.verdict.calibration import REFERENCE_HEIGHTS
from emergent_stats.verdict.formula import ENOUGH, Claim, Plan, outlook
from emergent_stats.verdict.words import probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.fits import Calibrated
    from emergent_stats.verdict.comparison import Comparison

_HEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_MARKS = ("o", "s", "^", "v")


def richer(plan: Plan) -> dict[str, Plan]:
    """A plan, and what more models, runs or examples would make of it, by their words."""
    scales = np.unique(plan.scales)
    between = tuple(sorted([*plan.scales, *(0.5 * (scales[1:] + scales[:-1])).tolist()]))
    return {
        f"this design, {plan.runs} runs": plan,
        "with a model in every gap": replace(plan, scales=between),
        "with every run twice": replace(plan, scales=tuple(np.repeat(plan.scales, 2).tolist())),
        "with 4 times the examples": replace(plan, n=4 * plan.n),
    }


def plot_design(
    data: Plan | Comparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Power of a design to find a jump, by its height, and what would raise it.

    By the planning formula (`formula.outlook`): the probability of the verdict real.

    Parameters
    ----------
    data : Plan or Comparison
        Of a comparison, the design of its series.
    ax, title
        As in `plot_scores`.
    palette : list or name of a seaborn palette, optional
        Colours of the four designs.
    **kws
        Of the curves, as `Axes.plot` takes them.
    """
    name = "" if isinstance(data, Plan) else scores.series_title(data.curve)
    data = data if isinstance(data, Plan) else plan_for(data)
    with style.look():
        ax = style.axes(ax, height=2.8)
        colours = style.curve_colours(palette, len(_MARKS))
        said = []
        for i, (words, plan) in enumerate(richer(data).items()):
            power = [outlook(plan, Claim("jump", height)).found for height in _HEIGHTS]
            marks: dict[str, Any] = dict(
                color=colours[i], ls=style.LINES[i], marker=_MARKS[i], ms=style.pt(4), label=words,
                lw=style.pt(1.8 if i == 0 else 1.1), zorder=3 - 0.1 * i,
            )  # fmt: skip
            ax.plot(_HEIGHTS, power, **(marks | kws))
            tell(ax, "", Layer(words, power, _HEIGHTS), x="height of the jump in nats",
                 y="probability of the verdict real")  # fmt: skip
            said.append(f"{words} {probability(power[_HEIGHTS.index(1.0)])}")
        ax.axhline(ENOUGH, color=style.QUIET, lw=style.pt(0.8), ls=style.CHANCE_LINE, zorder=0,
                   label=f"enough: {ENOUGH:g}")  # fmt: skip
        ax.set_xlim(0, max(_HEIGHTS) * 1.03)
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlabel("height of the jump (nats of skill)")
        ax.set_ylabel("found: P(verdict real)")
        style.legend_below(ax, 2)
        head = style.shorten(name, style.COLUMN - 0.6, style.NORMAL)
        facts = f"n = {data.n:,.0f}, noise between models {data.sigma:.2f} nats"
        style.title(ax, title, f"{head}\n{facts}".lstrip())
    tell(ax, f"{name or 'A design'}: probability of finding a jump of 1 nat with {data.runs} runs, "
         f"{data.n:.0f} examples and noise of {data.sigma:.2f} nats: "
         f"{'; '.join(said)}.")  # fmt: skip
    return ax


def plot_calibration(
    data: Calibrated, *, palette: style.Palette = None, title: str | None = None, **kws: Any
) -> style.Picture:
    """Evidence of simulated gradual series beside the observed one, and power by height of jump.

    Parameters
    ----------
    data : Calibrated
        From `fits.calibrate_fit`.
    palette : dict or name of a seaborn palette, optional
        Simulated series have the colour of "gradual", what is observed that of "jump".
    title : str, optional
        Of the figure; default the name of the series.
    **kws
        Of the steps, as `seaborn.ecdfplot` takes them.
    """
    import seaborn as sns

    found, curve = data.calibration, data.curve
    null = np.sort(found.null)
    each = max(20, null.size // 8)
    heights = sorted({**dict.fromkeys(REFERENCE_HEIGHTS), found.claim_height: None})
    power = np.array([found.powers.get(h, found.power) for h in heights])
    low, high = wilson(power, each)
    narrow = style.room() < 5
    with style.look():
        fig = style.figure(style.room() if narrow else 0.8 * style.room(), 5.0 if narrow else 2.7)
        axes = fig.subplots(*((2, 1) if narrow else (1, 2)))
        colours = style.colours(palette)
        marks: dict[str, Any] = dict(color=colours["gradual"], complementary=True)
        sns.ecdfplot(x=null, ax=axes[0], **(marks | kws))
        axes[0].axvline(data.log_bf, color=colours["jump"], ls=style.ACCOUNT_LINES["jump"])
        axes[0].annotate(
            f"observed\np_cal = {found.p_cal:.3g}", (data.log_bf, 0.97), (style.pt(3), 0),
            xycoords=axes[0].get_xaxis_transform(), textcoords="offset points", va="top",
            size=style.SMALL,
        )  # fmt: skip
        span = max(null[-1], data.log_bf) - min(null[0], data.log_bf)
        axes[0].set_xlim(min(null[0], data.log_bf) - 0.05 * span,
                         max(null[-1], data.log_bf + 0.35 * span))  # fmt: skip
        axes[0].set_xlabel("log Bayes factor, break against gradual")
        axes[0].set_ylabel("gradual series above it")
        style.title(axes[0], None, f"{null.size} simulated gradual series")
        axes[1].vlines(heights, low, high, color=colours["jump"], lw=style.pt(1.0))
        axes[1].plot(heights, power, color=colours["jump"], ls=style.ACCOUNT_LINES["jump"],
                     marker=style.ACCOUNT_MARKS["jump"], ms=style.pt(4.5))  # fmt: skip
        i = heights.index(found.claim_height)
        axes[1].plot(heights[i], power[i], "o", mfc="none", mec=style.INK, ms=style.pt(9),
                     mew=style.pt(0.8), label="as high as this series suggests")  # fmt: skip
        axes[1].legend(loc="upper left" if power[0] < 0.6 else "lower right")
        axes[1].set_ylim(-0.02, 1.05)
        axes[1].set_xlim(0, heights[-1] * 1.08)
        axes[1].set_xlabel("height of the added jump (nats)")
        axes[1].set_ylabel("found")
        style.title(axes[1], None, f"Power, {each} series a height")
        style.letters(axes)
        style.headline(fig, title, scores.series_title(curve))
    tell(axes[0], f"Log Bayes factors of {null.size} gradual series simulated on this design; the "
         f"observed one is {data.log_bf:.2f} (p_cal {found.p_cal:.2g}).",
         Layer("log Bayes factor of a gradual series", null), Layer("observed", [data.log_bf]),
         y="log Bayes factor")  # fmt: skip
    tell(axes[1], f"Power to find a jump: {probability(found.power)} at "
         f"{found.claim_height:.2g} nats, the height that this series suggests.",
         Layer("found, 90 % interval", power, heights, low, high), x="height in nats",
         y="share found")  # fmt: skip
    tell(fig, f"Calibration of the design of {scores.series_title(curve)}.")
    return fig


def wilson(share: np.ndarray, n: int, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Wilson interval of a share of n.

    Examples
    --------
    >>> [round(float(v), 2) for v in wilson(np.array(0.5), 20)]
    [0.33, 0.67]
    """
    z = float(stats.norm.ppf(0.5 + level / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
