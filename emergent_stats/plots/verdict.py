"""Figures of a verdict: functions that take `ax` and return it, and two that compose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.model.curve import AXIS_UNITS, Curve
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.plots import style
from emergent_stats.verdict.words import probability, scale_label, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emergent_stats.verdict.comparison import Comparison

#: Most series that one figure of small panels holds.
MOST_PANELS = 24
#: An account less probable than this is left out of the curves (its bar stays).
_WORTH_A_CURVE = 0.005
#: Skill beyond this (nats from half-way) shows as nothing but floor or ceiling.
_SKILL_LIMIT = 8.0
_MARGIN = 0.08  # inches around the words of a figure


# --- what is drawn -----------------------------------------------------------------------
def plot_scores(comparison: Comparison, ax: Axes) -> Axes:
    """Published scores with 90 % intervals, the best curve of each account, the chance line.

    The interval of 0 out of n has a width. The curves are those of
    `comparison.bands`: median and 90 % band of the expected score.
    """
    curve = comparison.curve
    shown = _accounts(comparison)
    for account in shown:
        _band(ax, comparison.bands[account], "score", account)
    return plot_points(curve, [comparison.bands[a]["score_mid"] for a in shown], ax)


def plot_points(curve: Curve, mids: Sequence[np.ndarray], ax: Axes) -> Axes:
    """Published scores with 90 % intervals, on axes that also hold the curves `mids`."""
    low, high = curve.intervals()
    _bars(ax, curve.axis_values, curve.score, low, high, -np.inf, np.inf)
    _chance_line(ax, curve)
    _score_axis(ax, curve, np.concatenate([low, high, *mids]))
    _scale_axis(ax, curve)
    return ax


def plot_skills(comparison: Comparison, ax: Axes) -> Axes:
    """Return the same on the scale of skill, where a smooth truth is smooth under any metric.

    A point is the skill whose expected score is the published one. Where the
    guess rate is unknown it may be anything up to the lowest score of the
    series. A score that guessing alone explains has no skill of its own: a
    triangle hangs at the upper end of its interval, the skill is below it.
    """
    curve = comparison.curve
    shown = _accounts(comparison)
    for account in shown:
        _band(ax, comparison.bands[account], "skill", account)
    low, middle, high = _skills(curve)
    mids = [np.asarray(comparison.bands[account]["skill_mid"]) for account in shown]
    seen = np.concatenate([middle, high, *mids])
    seen = seen[np.abs(seen) < _SKILL_LIMIT]
    bottom, top = (float(seen.min()), float(seen.max())) if seen.size else (-1.0, 1.0)
    room = max(0.12 * (top - bottom), 0.2)
    bottom, top = bottom - room, top + 1.5 * room  # the bracket of a break needs some
    floor, ceiling = middle == -np.inf, middle == np.inf
    inside = ~floor & ~ceiling
    scale = curve.axis_values
    _bars(ax, scale[inside], middle[inside], low[inside], high[inside], bottom, top)
    for edge, ends, marker in ((floor, high, "v"), (ceiling, low, "^")):
        if not edge.any():
            continue  # even without points, an unclipped line would take room in the layout
        ends = np.clip(ends[edge], bottom, top)  # an end beyond the panel stays on its rim
        stop = bottom if marker == "v" else top
        ax.vlines(scale[edge], ends, stop, color=style.QUIET, lw=0.8, zorder=3)
        ax.plot(
            scale[edge], ends, marker, mfc="white", mec=style.INK, ms=4, mew=0.7, zorder=4,
            clip_on=False,
        )  # fmt: skip
    ax.set_ylim(bottom, top)
    ax.set_ylabel("skill (nats, 0 = half-way)")
    _transition(ax, comparison)
    _scale_axis(ax, curve)
    return ax


def plot_probabilities(comparison: Comparison, ax: Axes) -> Axes:
    """Probability of each account as a horizontal bar with its number."""
    values = [_p(comparison, account) for account in ACCOUNTS]
    places = np.arange(len(ACCOUNTS))[::-1]
    colours = [style.ACCOUNT_COLOURS[account] for account in ACCOUNTS]
    known = np.nan_to_num(values)
    ax.barh(places, known, height=0.56, color=colours, lw=0)
    for place, value, length in zip(places, values, known, strict=True):
        ax.text(length + 0.03, place, probability(value), va="center", size=style.SMALL)
    ax.set_yticks(places, ACCOUNTS)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=style.QUIET, lw=0.6)
    ax.set_xlim(0, 1.24)
    ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    ax.spines["bottom"].set_bounds(0, 1)
    ax.set_ylim(-0.6, len(ACCOUNTS) - 0.4)
    ax.set_xlabel("of each account")
    return ax


def plot_sensitivity(comparison: Comparison, ax: Axes) -> Axes:
    """P(jump or onset) under every prior of the sensitivity grid, as a heat map.

    Three blocks side by side, one per largest width of a jump; in each, the
    slope prior runs upwards and the height prior to the right. The declared
    priors have a frame; bold numbers speak for another verdict than they do.
    Cells that were not computed (no verdict depended on them) are crossed out.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    from emergent_stats.verdict.sensitivity import FACTORS, speaks_for

    rows = {(r["slope"], r["height"], r["width"]): r for r in comparison.sensitivity}
    t = comparison.thresholds
    # light to dark in one hue, so that a copy in grey keeps the order
    shades = LinearSegmentedColormap.from_list("break", ["#fdf3ec", "#b34700"])
    declared = rows.get((1.0, 1.0, 1.0))
    for b, width in enumerate(FACTORS):
        left = b * (len(FACTORS) + 0.5)
        for i, height in enumerate(FACTORS):
            for j, slope in enumerate(FACTORS):
                row, corner = rows.get((slope, height, width)), (left + i, j)
                if row is None:
                    ax.add_patch(Rectangle(corner, 1, 1, fc="white", ec=style.RULE, hatch="//"))
                    continue
                p = row["onset"] + row["jump"]
                ax.add_patch(Rectangle(corner, 1, 1, fc=shades(p), ec="white", lw=0.8))
                turned = declared is not None and speaks_for(row, t.probability) != speaks_for(
                    declared, t.probability
                )
                ax.text(
                    left + i + 0.5, j + 0.5, probability(p), ha="center", va="center",
                    size=style.SMALL, color="white" if p > 0.6 else style.INK,
                    weight="bold" if turned else "normal",
                )  # fmt: skip
        words = comparison.curve.scale_axis.in_words(f"jump ≤ {t.jump_width * width:g} decade")
        ax.text(left + 1.5, 3.12, words, ha="center", va="bottom", size=style.SMALL)
    middle = len(FACTORS) + 0.5 + 1
    ax.add_patch(Rectangle((middle, 1), 1, 1, fill=False, ec=style.INK, lw=1.6, zorder=5))
    places = [b * (len(FACTORS) + 0.5) + i + 0.5 for b in range(3) for i in range(3)]
    ax.set_xticks(places, ["½", "1", "2"] * 3)
    ax.set_yticks([0.5, 1.5, 2.5], ["½", "1", "2"])
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_xlim(-0.05, 3 * len(FACTORS) + 1.05)
    ax.set_ylim(-0.05, 3.6)
    ax.set_xlabel("prior of heights, times the declared one")
    ax.set_ylabel("prior of slopes")
    return ax


# --- figures -----------------------------------------------------------------------------
def plot_verdict(comparison: Comparison) -> Figure:
    """Figure of one verdict: scores, skill, probabilities; verdict and reason in words above.

    Returns
    -------
    Figure
        A page wide. Write it with `style.save`.
    """
    curve = comparison.curve
    width = style.PAGE
    room = width - 2 * _MARGIN
    title, verdict = comparison_title(curve) + ":", _verdict_words(comparison)
    with style.look():
        verdict_width = style.text_width(verdict, style.LARGE, "bold")
        title = style.shorten(title, room - verdict_width, style.LARGE, "bold")
        reason = style.wrap(comparison.reason or "", room, style.NORMAL)
        steps = [1.5 * style.LARGE / 72] + [1.35 * style.NORMAL / 72] * len(reason)
        top = _MARGIN + sum(steps)
        height = top + 2.75
        fig = style.figure(width, height)
        parts: Any = fig.subfigures(2, 1, height_ratios=[top, height - top])
        above, below = parts
        after = _MARGIN + style.text_width(f"{title} ", style.LARGE, "bold")
        lines = [(_MARGIN, title, style.INK), (after, verdict, _verdict_colour(comparison))]
        for x, words, colour in lines:
            above.text(
                x / width, 1 - _MARGIN / top, words, size=style.LARGE, weight="bold",
                color=colour, va="top",
            )  # fmt: skip
        y = _MARGIN + steps[0]
        for line in reason:
            above.text(_MARGIN / width, 1 - y / top, line, size=style.NORMAL, va="top")
            y += steps[1]
        axes = below.subplots(1, 3, width_ratios=[1.25, 1.25, 0.8])
        plot_scores(comparison, axes[0]).set_title("Score")
        plot_skills(comparison, axes[1]).set_title("Skill")
        plot_probabilities(comparison, axes[2]).set_title("Probability")
        hanging = bool(np.isneginf(_skills(curve)[1]).any())
        _legend(below, [comparison], hanging)
    return fig


def plot_verdicts(comparisons: Sequence[Comparison]) -> Figure:
    """Figure of several verdicts: a panel of scores each, under its verdict.

    Raises
    ------
    ResultsError
        With none, or more than `MOST_PANELS`.
    """
    from emergent_stats.results.files import ResultsError

    count = len(comparisons)
    if not 1 <= count <= MOST_PANELS:
        raise ResultsError(
            f"one figure shows 1 to {MOST_PANELS} series, not {count}; "
            "choose fewer with --task, --family, --metric or --shots"
        )
    columns = 2 if count == 4 else min(count, 3 if count <= 9 else 4)
    rows = -(-count // columns)
    with style.look():
        fig = style.figure(style.PAGE, 1.75 * rows + 0.45)
        axes = list(fig.subplots(rows, columns, squeeze=False).flat)
        room = style.PAGE / columns - 0.55
        for ax, comparison in zip(axes, comparisons, strict=False):
            plot_scores(comparison, ax)
            _panel_title(ax, comparison, comparisons, room)
        # a name that the neighbour to the left or below repeats is said once
        said_beside = [
            i for i in range(count)
            if i % columns and axes[i].get_ylabel() == axes[i - 1].get_ylabel()
        ]  # fmt: skip
        said_below = [
            i for i in range(count - columns)
            if axes[i].get_xlabel() == axes[i + columns].get_xlabel()
        ]  # fmt: skip
        for i in said_beside:
            axes[i].yaxis.label.set_visible(False)
        for i in said_below:
            axes[i].xaxis.label.set_visible(False)
        for ax in axes[count:]:
            ax.set_axis_off()
        _legend(fig, comparisons)
    return fig


def comparison_title(curve: Curve) -> str:
    """Name of a series in a line: family, task, number of shots."""
    key = curve.key
    names = ("family", "task", "shots", "seed")
    parts = [_word(name, key[name]) for name in names if key.get(name) is not None]
    return " · ".join(parts) or curve.metric


def _word(name: str, value: Any) -> str:
    return {"shots": f"{value}-shot", "seed": f"seed {value}"}.get(name, str(value))


# --- parts -------------------------------------------------------------------------------
def _p(comparison: Comparison, account: str) -> float:
    value = getattr(comparison, f"p_{account}")
    return float("nan") if value is None else float(value)


def _accounts(comparison: Comparison) -> list[str]:
    """Accounts whose curves are worth drawing, the most probable last (on top)."""
    bands = comparison.bands or {}
    weight = {a: np.nan_to_num(_p(comparison, a)) for a in ACCOUNTS if a in bands}
    # what rises is what a verdict weighs; the rest is shown where it is not out of the question
    always = ("gradual", *BREAKS)
    shown = [a for a, p in weight.items() if a in always or p >= _WORTH_A_CURVE]
    return sorted(shown, key=lambda a: weight[a])


def _band(ax: Axes, band: Mapping[str, Any], quantity: str, account: str) -> None:
    scale = np.asarray(band["x"])
    low, mid, high = (np.asarray(band[f"{quantity}_{part}"]) for part in ("low", "mid", "high"))
    colour, line = style.ACCOUNT_COLOURS[account], style.ACCOUNT_LINES[account]
    ax.fill_between(scale, low, high, color=colour, alpha=0.14, lw=0, zorder=1)
    ax.plot(scale, mid, color=colour, ls=line, zorder=2)


def _bars(ax: Axes, scale: Any, middle: Any, low: Any, high: Any, bottom: float, top: float):
    if len(scale) == 0:
        return
    low, high = np.clip(low, bottom, top), np.clip(high, bottom, top)
    ax.vlines(scale, low, high, color=style.QUIET, lw=0.9, zorder=3)
    ax.plot(scale, middle, "o", mfc=style.INK, mec="white", ms=4, mew=0.5, zorder=4, clip_on=False)


def _skills(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low end, middle and high end of the skill that each score shows, −inf at the floor."""
    metric: Any = curve.metric_object
    worse, better = curve.intervals() if metric.direction > 0 else curve.intervals()[::-1]
    if "guess" not in metric.priors():
        rate = metric.fixed().get("guess", 0.0)
        return tuple(_skill_of(curve, s, rate) for s in (worse, curve.score, better))  # type: ignore
    least, likely = metric.guess.quantile(np.array([0.05, 0.95]), np.array([0.95, 0.05])).tolist()
    usual = metric.chance if least > 0.5 * metric.chance else 0.0
    most = min(likely, float(better.min() if metric.direction > 0 else 1 - better.max()))
    low = _skill_of(curve, worse, most)
    middle = np.where(low == -np.inf, -np.inf, _skill_of(curve, curve.score, usual))
    return low, middle, _skill_of(curve, better, min(least, usual))


def _skill_of(curve: Curve, score: np.ndarray, guess: float) -> np.ndarray:
    """Skill whose expected score is `score` at that guess rate, ±inf at the floor and the top."""
    metric: Any = curve.metric_object
    if metric.continuous:
        return metric.skill(score)
    lapse, skill = metric.fixed().get("lapse", 0.0), np.linspace(-_SKILL_LIMIT, _SKILL_LIMIT, 2001)
    better = metric.direction * np.asarray(score)
    expected = metric.direction * np.asarray(metric(skill, guess=guess, lapse=lapse))
    edge = 1e-6 * (expected[-1] - expected[0])
    inside = np.interp(better, expected, skill)
    floored = np.where(better <= expected[0] + edge, -np.inf, inside)
    return np.where(better >= expected[-1] - edge, np.inf, floored)


def _chance_line(ax: Axes, curve: Curve) -> None:
    if np.isfinite(curve.chance) and curve.chance > 0:
        ax.axhline(curve.chance, color=style.QUIET, lw=0.8, ls=(0, (4, 3)), zorder=0)


def _score_axis(ax: Axes, curve: Curve, seen: np.ndarray) -> None:
    """Limits and name of the score axis: from 0 for proportions, log for a perplexity."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_ylabel(curve.metric.replace("_", " "))
    if curve.metric == "perplexity":
        low, high = np.log10(curve.score.min()), np.log10(curve.score.max())
        room = 0.25 * (high - low) or 0.1
        low, high = float(10 ** max(low - room, 0)), float(10 ** (high + room))
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(FixedLocator(style.log_ticks(low, high, 7)))
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
        high = 1.0 if high > 0.6 else min(1.0, 1.15 * high) or 1.0
        ax.set_ylim(-0.03 * high, 1.03 * high)


def _scale_axis(ax: Axes, curve: Curve) -> None:
    """Scale in its own units on a log axis (a loss or a date: linear)."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xlabel(AXIS_UNITS[curve.axis])
    span = float(curve.x[-1] - curve.x[0]) or 1.0
    ends = curve.x[0] - 0.05 * span, curve.x[-1] + 0.05 * span
    low, high = (float(v) for v in curve.in_units(np.array(ends)))
    if not curve.scale_axis.logarithmic:
        ax.set_xlim(low, high)
        if curve.scale_axis.dated:
            ax.xaxis.set_major_locator(FixedLocator(style.year_ticks(low, high, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.year_label(v)))
        return
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks = style.log_ticks(low, high, 5)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: scale_label(v, curve.axis)))
    digits = (1,) if span > 5 else range(1, 10)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    minor = [d * 10.0**e for e in powers for d in digits]
    ax.xaxis.set_minor_locator(FixedLocator(minor) if span > 0.8 else NullLocator())
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))


def _transition(ax: Axes, comparison: Comparison) -> None:
    """Bracket along the top: where the break lies if there is one (90 % interval)."""
    likely = np.nan_to_num(_p(comparison, "onset") + _p(comparison, "jump"))
    if likely < 0.5 or not np.isfinite(comparison.at).all():
        return
    ends = scale_of(comparison.curve, comparison.at)
    along = ax.get_xaxis_transform()
    ax.plot(ends, [1.0, 1.0], "|-", color=style.INK, lw=1.2, ms=5, transform=along, clip_on=False)
    label = "break, 90 %"
    ax.annotate(
        label, ((ends[0] * ends[1]) ** 0.5, 1.0), xytext=(0, -3), xycoords=along,
        textcoords="offset points", ha="center", va="top", size=style.SMALL,
    )  # fmt: skip


def _verdict_words(comparison: Comparison) -> str:
    kind = f" ({comparison.kind})" if comparison.kind else ""
    return f"{comparison.verdict}{kind}"


def _verdict_colour(comparison: Comparison) -> str:
    return style.VERDICT_COLOURS.get(comparison.verdict, style.INK)


def _panel_title(ax: Axes, comparison: Comparison, all_: Sequence[Comparison], room: float) -> None:
    """Two lines: what differs between the panels, then the verdict in its colour."""
    keys = [c.curve.key for c in all_]
    key = comparison.curve.key
    names = [
        n for n in ("family", "task", "shots", "seed") if len({str(k.get(n)) for k in keys}) > 1
    ]
    words = {n: _word(n, key[n]) for n in names if key.get(n) is not None}
    if "task" in words:
        rest = style.text_width(" · ".join([*words.values(), ""]), style.NORMAL)
        rest -= style.text_width(words["task"], style.NORMAL)
        words["task"] = style.shorten(words["task"], max(room - rest, 0.3), style.NORMAL)
    title = " · ".join(words.values()) or comparison_title(comparison.curve)
    ax.set_title(style.shorten(title, room, style.NORMAL), pad=14)
    best = max(ACCOUNTS, key=lambda a: np.nan_to_num(_p(comparison, a)))
    p = probability(_p(comparison, best))
    ax.annotate(
        f"{_verdict_words(comparison)}, P({best}) {p}", (0, 1), xytext=(0, 4),
        xycoords="axes fraction", textcoords="offset points", size=style.SMALL,
        color=_verdict_colour(comparison),
    )  # fmt: skip


def _legend(figure: Any, comparisons: Sequence[Comparison], hanging: bool = False) -> None:
    """One row under the panels that names every mark in them, or two where it gets too long."""
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=style.QUIET, lw=0.9, marker="o", mfc=style.INK, mec="white", ms=4)
    ]
    labels = ["published, 90 % interval"]
    if hanging:
        handles.append(Line2D([], [], color=style.QUIET, marker="v", mfc="white", mec=style.INK,
                              mew=0.7, ms=4, lw=0))  # fmt: skip
        labels.append("skill below this")
    drawn = {account for comparison in comparisons for account in _accounts(comparison)}
    for account in ACCOUNTS:
        if account in drawn:
            colour, line = style.ACCOUNT_COLOURS[account], style.ACCOUNT_LINES[account]
            handles.append(Line2D([], [], color=colour, ls=line))
            labels.append(f"if {account}")
    if any(np.isfinite(c.curve.chance) and c.curve.chance > 0 for c in comparisons):
        handles.append(Line2D([], [], color=style.QUIET, lw=0.8, ls=(0, (4, 3))))
        labels.append("chance")
    # in units of the font: the mark, the space beside it, the space between columns
    mark, beside, between = 2.6, 0.8, 1.6
    size = style.NORMAL
    words = [style.text_width(label, size) for label in labels]
    length = sum(words) + len(words) * (mark + beside + between) * size / 72
    rows = 1 if length < style.PAGE - 2 * _MARGIN else 2
    figure.legend(
        handles, labels, loc="outside lower center", ncols=-(-len(labels) // rows),
        handlelength=mark, handletextpad=beside, columnspacing=between,
    )  # fmt: skip
