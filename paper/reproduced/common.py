"""What the parts share: words for verdicts, points with intervals in small panels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from readme import plain

from emergent_stats.model.curve import AXIS_UNITS, Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.plots.ticks import log_ticks
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.words import probability

#: Colours of Okabe and Ito (2008) and marks, so that series differ in more than colour.
COLOURS = (style.INK, "#0072b2", "#d55e00", "#009e73")
MARKS = ("o", "s", "^", "D")


def said(found: Comparison) -> str:
    """Verdict and, where it is open, the first words of the reason."""
    return plain(found)


def counted(found: Iterable[Comparison]) -> str:
    """Which verdicts, how often: `undecided: edge (5) and gradual (3)`."""
    return listed(f"{name} ({n})" for name, n in Counter(map(said, found)).most_common())


def listed(parts: Iterable[str]) -> str:
    """Return `a, b and c`."""
    parts = list(parts)
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def share(value: float) -> str:
    """Return a share in per cent."""
    return f"{100 * value:.0f} %"


def gap_share(curve: Curve) -> float:
    """Largest share of the whole change of a score that falls into one gap of the design."""
    steps = np.abs(np.diff(curve.score))
    return float(steps.max() / abs(curve.score[-1] - curve.score[0]))


def text(what: str, agrees: str, differs: str, missing: str) -> str:
    """The paragraphs of a part."""
    return "\n\n".join(
        [
            what,
            f"**What agrees.** {agrees}",
            f"**What differs.** {differs}",
            f"**What is missing.** {missing}",
        ]
    )


def draw(
    ax: Axes,
    found: Sequence[Comparison | Curve],
    *,
    names: Sequence[str],
    top: float = 0.0,
    joined: bool = True,
    small: float = 3.2,
    first: int = 0,
) -> None:
    """Draw series of one metric in a panel: points, 90 % intervals, curve of the likeliest account.

    Parameters
    ----------
    ax : Axes
    found : sequence of Comparison or Curve
    names : sequence of str
        Of the series.
    top : float
        Share of the panel left free above the scores, for words.
    joined : bool
        Join the points where there is no curve of an account.
    small : float
        Size of a point.
    first : int
        Colour and mark of the first series.
    """
    curves = [c.curve if isinstance(c, Comparison) else c for c in found]
    most = max(float(c.intervals()[1].max()) for c in curves)
    for i, (one, curve, name) in enumerate(zip(found, curves, names, strict=True), start=first):
        low, high = curve.intervals()
        colour, mark = COLOURS[i % 4], MARKS[i % 4]
        x = curve.axis_values
        ax.vlines(x, low, high, color=colour, lw=style.pt(0.8), alpha=0.6)
        ax.plot(x, curve.score, mark, color=colour, ms=style.pt(small), mew=0, clip_on=False)
        layers = [Layer(f"{name}, 90 % interval", curve.score, x, low, high, curve.models)]
        words = scores.score_words(curve) if curve.key.get("task") else ""
        bands = one.bands if isinstance(one, Comparison) else {}
        if isinstance(one, Comparison):
            words = f"{words} {name}: {said(one)}."
        if bands:
            best = max(bands, key=lambda a: np.nan_to_num(scores.account_p(one, a)))  # type: ignore
            band = bands[best]
            # a curve that leaves the scores would run through the words above them
            seen = np.where(band["score_mid"] <= 1.02 * most, band["score_mid"], np.nan)
            ax.plot(band["x"], seen, color=colour, lw=style.pt(1), alpha=0.7)
            layers.append(Layer(f"{name}, median if {best}", band["score_mid"], band["x"]))
        elif joined:
            ax.plot(x, curve.score, color=colour, lw=style.pt(0.8), alpha=0.7)
        tell(ax, words.strip(), *layers, x=AXIS_UNITS[curve.axis], y=curve.metric)
    widest = max(curves, key=lambda c: float(np.ptp(c.x)))
    scores.chance_line(ax, curves[0])
    scores.score_axis(ax, curves[0], np.concatenate([c.score for c in curves]))
    scores.scale_axis(ax, widest)
    ends = [v for c in curves for v in c.axis_values[[0, -1]]]
    axis = widest.scale_axis
    if axis.logarithmic:
        room = (max(ends) / min(ends)) ** 0.05
        sides = min(ends) / room, max(ends) * room
        ax.set_xlim(*sides)
        ax.xaxis.set_major_locator(FixedLocator(log_ticks(*sides, 3)))
    else:
        room = 0.05 * (max(ends) - min(ends))
        sides = min(ends) - room, max(ends) + room
        ax.set_xlim(*(sides[::-1] if axis.falls else sides))
    if ax.get_yscale() == "linear":
        fit_scores(ax, curves, top)


def fit_scores(ax: Axes, curves: Sequence[Curve], top: float) -> None:
    """Limits of a score axis: what was scored, and chance; from 0 where that is the floor."""
    chance = [c.chance for c in curves if c.chance > 0]
    low = min(float(c.intervals()[0].min()) for c in curves)
    low = min(low, *chance) if chance else 0.0
    high = max(float(c.intervals()[1].max()) for c in curves)
    room = 0.04 * (high - low)
    low, high = low - room, high + room
    ax.set_ylim(low, high)
    ticks = [t for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high]
    ax.set_ylim(low, low + (high - low) / (1 - top))
    ax.set_yticks(ticks)


def note(ax: Axes, lines: Sequence[str], first: int | None = None, right: bool = False) -> None:
    """Words in an upper corner of a panel, a line each, behind the marks of series from `first`."""
    for i, line in enumerate(lines):
        drop, here = style.pt(-2 - 9.5 * i), first is not None
        if first is not None:
            place = ax.transAxes + ScaledTranslation(
                style.pt(5) / 72, (drop - style.pt(4)) / 72, ax.figure.dpi_scale_trans
            )
            k = (first + i) % 4
            ax.plot(0, 1, MARKS[k], color=COLOURS[k], ms=style.pt(3.2), mew=0, transform=place)
        ax.annotate(
            line, (1 if right else 0, 1), (style.pt(10 if here else 0 if right else 3), drop),
            xycoords="axes fraction", textcoords="offset points", va="top",
            ha="right" if right else "left", size=style.SMALL, color=style.INK,
        )  # fmt: skip


def brief(found: Comparison) -> str:
    """Return `said` in as few letters as a small panel has room for."""
    return said(found).replace(" or ", "/").replace(" between models", "")


def heading(ax: Axes, words: str) -> None:
    """Title of a small panel."""
    ax.set_title(words, size=style.SMALL, weight="bold", parse_math=False)


def chances(found: Comparison) -> str:
    """The two likeliest accounts: `gradual .79, jump .21`."""
    p = {a: scores.account_p(found, a) for a in ACCOUNTS}
    best = sorted(p, key=lambda a: -np.nan_to_num(p[a]))[:2]
    return ", ".join(f"{a} {probability(p[a])}" for a in best)


def blank(height: float, rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Figure of a page's width with panels, lettered."""
    found = style.figure(style.PAGE, height)
    panels = list(found.subplots(rows, columns, squeeze=False).flat)
    return found, panels
