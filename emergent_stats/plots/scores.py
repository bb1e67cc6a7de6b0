"""Scores and skills of one series against scale: functions that take `ax` and return it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.curve import AXIS_UNITS, Curve
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.plots import style, ticks
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.comparison import verdict_words
from emergent_stats.verdict.words import metric_words, one_line, probability, scale_label, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.verdict.comparison import Comparison

#: An account less probable than this is left out of the curves (its bar stays).
_WORTH_A_CURVE = 0.005
#: Skill beyond this (nats from half-way) shows as nothing but floor or ceiling.
_SKILL_LIMIT = 8.0
#: What a score and its bar are.
PUBLISHED = "published, 90 % interval"


def plot_scores(
    data: Comparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Published scores with 90 % intervals, the best curve of each account, the chance line.

    The interval of 0 out of n has a width. The curves are those of `Comparison.bands`: median and
    90 % band of the expected score; the less probable an account, the paler its curve.

    Parameters
    ----------
    data : Comparison
    ax : matplotlib Axes, optional
        Where to draw; default a new figure of column width.
    palette : dict or name of a seaborn palette, optional
        Colour of each account.
    title : str, optional
        Default: the name of the series; "" for none.
    **kws
        Of the points, as `Axes.plot` takes them.
    """
    curve = data.curve
    with style.look():
        ax = style.axes(ax)
        shown = accounts_shown(data)
        bands = _bands(ax, data, shown, "score", palette)
        plot_points(curve, [data.bands[a]["score_mid"] for a in shown], ax, **kws)
        style.title(ax, title, series_title(curve))
    tell(ax, score_words(curve) + _curve_words(data, shown), *bands,
         x=AXIS_UNITS[curve.axis], y=curve.metric)  # fmt: skip
    return ax


def plot_points(curve: Curve, mids: Sequence[np.ndarray], ax: Axes, **kws: Any) -> Axes:
    """Published scores with 90 % intervals, on axes that also hold the curves `mids`."""
    low, high = curve.intervals()
    _bars(ax, curve.axis_values, curve.score, low, high, (-np.inf, np.inf), kws)
    chance_line(ax, curve)
    score_axis(ax, curve, np.concatenate([low, high, *mids]))
    scale_axis(ax, curve)
    points = Layer(PUBLISHED, curve.score, curve.axis_values, low, high, curve.models)
    tell(ax, "", points, x=AXIS_UNITS[curve.axis], y=curve.metric)
    return ax


def plot_skills(
    data: Comparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Skills that the scores show, where a smooth truth is smooth under any metric.

    A point is the skill whose expected score is the published one. Where the
    guess rate is unknown it may be anything up to the lowest score of the
    series. A score that guessing alone explains has no skill of its own: a
    triangle hangs at the upper end of its interval, the skill is below it.
    Parameters are those of `plot_scores`.
    """
    curve = data.curve
    with style.look():
        ax = style.axes(ax)
        shown = accounts_shown(data)
        bands = _bands(ax, data, shown, "skill", palette)
        low, middle, high = skills(curve)
        mids = [np.asarray(data.bands[account]["skill_mid"]) for account in shown]
        seen = np.concatenate([middle, high, *mids])
        seen = seen[np.abs(seen) < _SKILL_LIMIT]
        bottom, top = (float(seen.min()), float(seen.max())) if seen.size else (-1.0, 1.0)
        room = max(0.12 * (top - bottom), 0.2)
        bottom, top = bottom - room, top + 1.5 * room  # the bracket of a break needs some
        floor, ceiling = middle == -np.inf, middle == np.inf
        inside = ~floor & ~ceiling
        scale = curve.axis_values
        _bars(ax, scale[inside], middle[inside], low[inside], high[inside], (bottom, top), kws)
        for edge, ends, marker in ((floor, high, "v"), (ceiling, low, "^")):
            if not edge.any():
                continue  # even without points, an unclipped line would take room in the layout
            ends = np.clip(ends[edge], bottom, top)  # an end beyond the panel stays on its rim
            stop = bottom if marker == "v" else top
            ax.vlines(scale[edge], ends, stop, color=style.QUIET, lw=style.pt(0.8), zorder=3)
            ax.plot(
                scale[edge], ends, marker, mfc="white", mec=style.INK, ms=style.pt(4),
                mew=style.pt(0.7), zorder=4, clip_on=False,
            )  # fmt: skip
        ax.set_ylim(bottom, top)
        ax.set_ylabel("skill (nats, 0 = half-way)")
        _transition(ax, data)
        scale_axis(ax, curve)
        style.title(ax, title, series_title(curve))
    points = Layer("skill of the published score", middle, scale, low, high, curve.models)
    words = f"The skill behind each score, in nats.{_curve_words(data, shown)}"
    if floor.any():
        words += f" Scores that may be guesses, of a skill below the mark: {floor.sum()}."
    tell(ax, words, points, *bands, x=AXIS_UNITS[curve.axis], y="skill in nats")
    return ax


def series_title(curve: Curve) -> str:
    """Name of a series in a line: family, task, number of shots."""
    key = curve.key
    names = ("family", "task", "shots", "seed")
    parts = [key_word(name, key[name]) for name in names if key.get(name) is not None]
    return " · ".join(parts) or curve.metric


def key_word(name: str, value: Any) -> str:
    """A part of a series' name as a person says it."""
    words = {"shots": f"{value}-shot", "seed": f"seed {value}", "metric": metric_words(str(value))}
    return one_line(words.get(name, str(value)))


def likeliest(comparison: Comparison, width: float, size: str = style.SMALL) -> str:
    """Verdict and probability of the likeliest account, shorter where `width` inches ask for it."""
    said = verdict_words(comparison)
    if not comparison.bands:
        return said
    best = max(ACCOUNTS, key=lambda a: np.nan_to_num(account_p(comparison, a)))
    p = probability(account_p(comparison, best))
    named = f"{best} {p}"
    short = said.replace(best, named, 1) if best in said else f"{said}, {named}"
    forms = (f"{said}, P({best}) {p}", short, f"{comparison.verdict}, {named}")
    return next((f for f in forms if style.text_width(f, size) <= width), forms[-1])


def series_names(curves: Sequence[Curve], width: float, size: str = style.SMALL) -> list[str]:
    """What tells series apart, cut to `width` inches."""
    keys = [{**c.key, "metric": c.metric} for c in curves]
    parts = [
        n for n in ("family", "task", "shots", "seed", "metric")
        if len({str(k.get(n)) for k in keys}) > 1
    ]  # fmt: skip
    told = [n for n in parts if n != "metric"]
    # the metric is said only where it alone tells two series apart
    if len({tuple(str(k.get(n)) for n in told) for k in keys}) == len(keys):
        parts = told
    names = [
        " · ".join(key_word(n, k[n]) for n in parts or ["task"] if k.get(n) is not None)
        or series_title(c)
        for k, c in zip(keys, curves, strict=True)
    ]
    # what tells them apart may stand anywhere: the cut is made where most of them stay distinct
    best: list[str] = []
    for front in (0.6, 0.8, 0.9, 1.0, 0.4, 0.2):
        short = [style.shorten(name, width, size, front=front) for name in names]
        best = max(best, short, key=lambda some: len(set(some)))
        if len(set(best)) == len(set(names)):
            break
    return best


def score_words(curve: Curve) -> str:
    """The scores in a sentence, for alternative text."""
    first, last = (scale_label(float(v), curve.axis) for v in curve.axis_values[[0, -1]])
    low, high = curve.score[[0, -1]]
    words = metric_words(curve.metric)
    return (
        f"{words[0].upper()}{words[1:]} of {series_title(curve)} for {curve.m} "
        f"models from {first} to {last} {AXIS_UNITS[curve.axis]}: {low:.3g} at the first, "
        f"{high:.3g} at the last."
    )


def account_p(comparison: Comparison, account: str) -> float:
    """Probability of an account, NaN where there is none."""
    value = getattr(comparison, f"p_{account}")
    return float("nan") if value is None else float(value)


def accounts_shown(comparison: Comparison) -> list[str]:
    """Accounts whose curves are worth drawing, the most probable last (on top)."""
    bands = comparison.bands or {}
    weight = {a: np.nan_to_num(account_p(comparison, a)) for a in ACCOUNTS if a in bands}
    # what rises is what a verdict weighs; the rest is shown where it is not out of the question
    always = ("gradual", *BREAKS)
    shown = [a for a, p in weight.items() if a in always or p >= _WORTH_A_CURVE]
    return sorted(shown, key=lambda a: weight[a])


def _curve_words(comparison: Comparison, shown: Sequence[str]) -> str:
    said = [f"{a} ({probability(account_p(comparison, a))})" for a in reversed(shown)]
    return f" Curves of the accounts by their probability: {', '.join(said)}." if said else ""


def _bands(
    ax: Axes, data: Comparison, shown: Sequence[str], quantity: str, palette: style.Palette
) -> list[Layer]:
    """Draw the curve and the band of each account; what was drawn."""
    colours = style.colours(palette)
    layers = []
    for account in shown:
        band: Mapping[str, Any] = data.bands[account]
        scale = np.asarray(band["x"])
        low, mid, high = (np.asarray(band[f"{quantity}_{part}"]) for part in ("low", "mid", "high"))
        alpha = style.weight(account_p(data, account))
        style.band(ax, scale, low, mid, high, colours[account],
                   style.ACCOUNT_LINES[account], alpha)  # fmt: skip
        layers.append(Layer(f"if {account}, median and 90 %", mid, scale, low, high))
    return layers


def _bars(
    ax: Axes, scale: Any, middle: Any, low: Any, high: Any, ends: tuple[float, float], kws: Any
) -> None:
    if len(scale) == 0:
        return
    low, high = np.clip(low, *ends), np.clip(high, *ends)
    ax.vlines(scale, low, high, color=style.QUIET, lw=style.pt(0.9), zorder=3)
    marks: dict[str, Any] = dict(marker="o", ls="", mfc=style.INK, mec="white", ms=style.pt(4),
                 mew=style.pt(0.5), zorder=4, clip_on=False)  # fmt: skip
    ax.plot(scale, middle, **(marks | kws))


def skills(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low end, middle and high end of the skill that each score shows, −inf at the floor."""
    metric: Any = curve.metric_object
    worse, better = curve.intervals() if metric.direction > 0 else curve.intervals()[::-1]
    if "guess" not in metric.priors():
        rate = metric.fixed().get("guess", 0.0)
        return tuple(skill_of(curve, s, rate) for s in (worse, curve.score, better))  # type: ignore
    least, likely = metric.guess.quantile(np.array([0.05, 0.95]), np.array([0.95, 0.05])).tolist()
    most = min(likely, float(better.min() if metric.direction > 0 else 1 - better.max()))
    usual = min(metric.chance, most) if least > 0.5 * metric.chance else 0.0
    low = skill_of(curve, worse, most)
    middle = np.where(low == -np.inf, -np.inf, skill_of(curve, curve.score, usual))
    return low, middle, skill_of(curve, better, min(least, usual))


def skill_of(curve: Curve, score: np.ndarray, guess: float) -> np.ndarray:
    """Skill whose expected score is `score` at that guess rate, ±inf at the floor and the top."""
    metric: Any = curve.metric_object
    if metric.continuous:
        return metric.skill(score)
    skill = np.linspace(-_SKILL_LIMIT, _SKILL_LIMIT, 2001)
    better = metric.direction * np.asarray(score)
    expected = metric.direction * np.asarray(metric(skill, guess=guess, lapse=0.0))
    edge = 1e-6 * (expected[-1] - expected[0])
    inside = np.interp(better, expected, skill)
    floored = np.where(better <= expected[0] + edge, -np.inf, inside)
    return np.where(better >= expected[-1] - edge, np.inf, floored)


def chance_line(ax: Axes, curve: Curve) -> None:
    """Dashes at the expected score of a guesser, where it is known and not 0."""
    if np.isfinite(curve.chance) and curve.chance > 0:
        ax.axhline(
            curve.chance, color=style.QUIET, lw=style.pt(0.8), ls=style.CHANCE_LINE, zorder=0
        )


def score_axis(ax: Axes, curve: Curve, seen: np.ndarray) -> None:
    """Limits and name of the score axis: from 0 for proportions, log for a perplexity."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_ylabel(metric_words(curve.metric), parse_math=False)
    if curve.metric == "perplexity":
        low, high = np.log10(curve.score.min()), np.log10(curve.score.max())
        room = 0.25 * (high - low) or 0.1
        low, high = float(10 ** max(low - room, 0)), float(10 ** (high + room))
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(FixedLocator(ticks.log_ticks(low, high, 7)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: scale_label(v, "score")))
        ax.yaxis.set_minor_locator(NullLocator())
    elif curve.metric_object.continuous:
        low, high = curve.score.min(), curve.score.max()
        room = 0.25 * (high - low) or 0.1
        ax.set_ylim(max(0.0, low - room), high + room)
    else:
        high = float(seen[np.isfinite(seen)].max())
        if np.isfinite(curve.chance):
            high = max(high, curve.chance)
        high = 1.0 if high > 0.6 else max(0.05, 1.15 * high)  # no microscope on scores of 0
        ax.set_ylim(-0.03 * high, 1.03 * high)


def scale_axis(ax: Axes, curve: Curve) -> None:
    """Scale in its own units on a log axis (a loss or a date: linear)."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xlabel(AXIS_UNITS[curve.axis])
    span = float(curve.x[-1] - curve.x[0]) or 1.0
    ends = curve.x[0] - 0.05 * span, curve.x[-1] + 0.05 * span
    low, high = (float(v) for v in curve.in_units(np.array(ends)))
    # the panel before its layout, in inches for text of the base size: labels must not touch
    most = 5 if ax.bbox.width / ax.figure.dpi > style.pt(1.4) else 3
    if not curve.scale_axis.logarithmic:
        ax.set_xlim(low, high)
        if curve.scale_axis.dated:
            ax.xaxis.set_major_locator(FixedLocator(ticks.year_ticks(low, high, most)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: ticks.year_label(v)))
        return
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(ticks.log_ticks(low, high, most)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: scale_label(v, curve.axis)))
    digits = (1,) if span > 5 else range(1, 10)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    minor = [d * 10.0**e for e in powers for d in digits]
    ax.xaxis.set_minor_locator(FixedLocator(minor) if span > 0.8 else NullLocator())
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))


def _transition(ax: Axes, comparison: Comparison) -> None:
    """Bracket along the top: where the break lies if there is one (90 % interval)."""
    likely = np.nan_to_num(account_p(comparison, "onset") + account_p(comparison, "jump"))
    if likely < 0.5 or not np.isfinite(comparison.at).all():
        return
    ends = scale_of(comparison.curve, comparison.at)
    along = ax.get_xaxis_transform()
    ax.plot(ends, [1.0, 1.0], "|-", color=style.INK, lw=style.pt(1.2), ms=style.pt(5),
            transform=along, clip_on=False)  # fmt: skip
    ax.annotate(
        "break, 90 %", ((ends[0] * ends[1]) ** 0.5, 1.0), xytext=(0, style.pt(-3)), xycoords=along,
        textcoords="offset points", ha="center", va="top", size=style.SMALL,
    )  # fmt: skip
