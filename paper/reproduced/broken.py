"""Caballero et al. 2022: small models fitted, larger ones foretold, by BNSL and by the accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from emergent_stats import curves, forecast_all, load
from emergent_stats.collection.forecast import Forecast
from emergent_stats.model.curve import Curve
from emergent_stats.plots import future, style
from emergent_stats.verdict.words import scale_label
from reproduced import common


@dataclass(frozen=True)
class Group:
    """Series that are cut at one scale."""

    name: str
    study: str
    condition: str
    cut: float
    unit: str
    axis: str | None = None


#: The cut stands at about half of the decades; of GPT-3, below its largest model.
GROUPS = (
    Group("BIG-bench tasks in training", "learning-curves",
          "family.str.startswith('BIG-bench')", 3e10, "tokens"),
    Group("language models' loss in training", "learning-curves",
          "family.str.startswith('LM')", 3e10, "tokens"),
    Group("translation loss", "learning-curves",
          "family.str.startswith('NMT')", 3e7, "sentence pairs"),
    Group("GPT-3 arithmetic, few-shot", "gpt3",
          "shots == 50 and task in ('2D+', '2D-', '3D+', '3D-', '4D+', '4D-', '5D+', '5D-', "
          "'2Dx', '1DC')", 1.3e10, "parameters", "params"),
    Group("open-lm by compute, four tasks", "open-lm",
          "family == 'RefinedWeb' and task in ('hellaswag', 'lambada_openai', 'arc_easy', "
          "'piqa')", 1e20, "FLOPs", "flops"),
)  # fmt: skip
#: Task, family and number of shots of the six series that are drawn, and their titles.
DRAWN = (
    ("date_understanding", "BIG-bench 262M training", 2, "date_understanding, 2-shot"),
    ("linguistic_mappings", "BIG-bench 262M training", 1, "linguistic_mappings, 1-shot"),
    ("validation loss", "LM 262M training", None, "LM 262M, validation loss"),
    ("translation, log-perplexity", "NMT Dec-only", None, "translation, decoder only"),
    ("3D-", "GPT-3", 50, "GPT-3, 3-digit −, 50-shot"),
    ("hellaswag", "RefinedWeb", None, "open-lm, HellaSwag"),
)
#: Foretold models beyond which single intervals are not drawn; what stands last in the legend.
MANY = 12
SHARPEST = ("3D-", "GPT-3", 50)
LAST = ("line", "broken", "falls", "gradual")
_RIVALS = ("averaged", "bnsl", "line")


def series(group: Group) -> list[Curve]:
    """Curves of a group."""
    return curves(load(group.study).query(group.condition, engine="python"), group.axis)


def find() -> dict[str, list[Forecast]]:
    """Forecasts by group."""
    return {
        group.name: [f for f in forecast_all(series(group), group.cut) if f is not None]
        for group in GROUPS
    }


def drawn(found: dict[str, list[Forecast]]) -> list[tuple[Forecast, str]]:
    """The six forecasts that are drawn, with their titles."""
    every = [f for own in found.values() for f in own]
    return [(next(f for f in every if is_of(f.curve, *key)), name) for *key, name in DRAWN]


def is_of(curve: Curve, task: str, family: str, shots: int | None) -> bool:
    """Whether a curve is that of a task, a family and a number of shots, if that is given."""
    key = curve.key
    return (key["task"], key["family"]) == (task, family) and shots in (None, key["shots"])


def figure(found: dict[str, list[Forecast]]) -> Figure:
    """Six fans, with one legend."""
    with style.look():
        picture, panels = common.blank(5.0, 2, 3)
        told: dict[str, object] = {}
        for ax, (one, name) in zip(panels, drawn(found), strict=True):
            future.plot_forecast(one, ax=ax, title="", ms=style.pt(3))
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                # the probability of an account stands in the data
                told.setdefault(label.partition(" (")[0], handle)
            legend = ax.get_legend()
            assert legend is not None
            legend.remove()
            inside(ax, one)
            if one.large.m > MANY:
                uncrowded(ax, one.large.m)
            common.heading(ax, name)
        style.letters(panels)
        order = sorted(told, key=lambda label: [label.startswith(w) for w in LAST])
        style.legend(picture, [told[label] for label in order], order)
    return picture


def uncrowded(ax: Axes, many: int) -> None:
    """Leave the band and the points of many foretold models, and every sixth mark of a rival."""
    for lines in ax.collections:
        if isinstance(lines, LineCollection):
            lines.set_visible(False)
    for line in ax.get_lines():
        if line.get_marker() in ("x", "+"):
            line.set_markevery((1, many // 6))


def inside(ax: Axes, one: Forecast) -> None:
    """Limits of a panel: the scores and the fan, not what a rival makes of them beyond that."""
    seen = np.concatenate(
        [one.curve.score, one.low["averaged"], one.high["averaged"], one.middle["bnsl"]]
    )
    seen = seen[np.isfinite(seen)]
    low, high = np.quantile(seen, [0.0, 1.0])
    low, high = max(low, 0.0), min(high, 1.0)
    room = 0.06 * (high - low)
    ax.set_ylim(low - room, high + room)


def numbers(own: list[Forecast]) -> dict[str, dict[str, float]]:
    """Coverage, log density and error of each forecast over the models of all series.

    A series counts where all three forecasts exist.
    """
    whole = [f for f in own if all(np.isfinite(f.log_density[n]) for n in _RIVALS)]
    models = sum(f.large.m for f in whole)
    return {
        name: {
            "covered": sum(int(f.covered(name).sum()) for f in whole) / models,
            "density": sum(f.log_density[name] for f in whole) / models,
            "error": sum(float(np.abs(f.middle[name] - f.large.score).sum()) for f in whole)
            / models,
        }
        for name in _RIVALS
    }


def table(found: dict[str, list[Forecast]]) -> str:
    """One row a group: accounts, BNSL and the straight line side by side."""
    head = ["series", "fitted", "foretold", "in 90 %", "nats a model", "error"]
    lines = ["| " + " | ".join(head) + " |", "|---|--:|--:|" + "--:|" * 3]
    for name, own in found.items():
        small, large = ([getattr(f, part).m for f in own] for part in ("small", "large"))
        values = numbers(own)
        cells = [
            " / ".join(form(values[n][what]) for n in _RIVALS)
            for what, form in (
                ("covered", common.share),
                ("density", lambda v: f"{v:.2f}".replace("-", "−")),
                ("error", lambda v: f"{v:.3f}"),
            )
        ]
        lines.append(
            f"| {name} ({len(own)}) | {between(small)} | {between(large)} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def between(values: list[int]) -> str:
    """Return `5–11`, or the one number."""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def better(found: dict[str, list[Forecast]], name: str, than: str, what: str) -> list[str]:
    """Groups in which a forecast is better than another."""
    sign = 1 if what == "density" else -1
    return [
        group
        for group, own in found.items()
        if sign * (numbers(own)[name][what] - numbers(own)[than][what]) > 0
    ]


def words(found: dict[str, list[Forecast]]) -> str:
    """The paragraphs of this part."""
    every = [f for own in found.values() for f in own]
    wide, narrow = (
        [f for f in every if f.breaks is not None and (f.breaks > 0) == broken]
        for broken in (True, False)
    )
    asked = sum(len(series(group)) for group in GROUPS)
    whole = numbers(every)
    arithmetic = found["GPT-3 arithmetic, few-shot"]
    sums = numbers(arithmetic)
    sharp = next(f for f in arithmetic if is_of(f.curve, *SHARPEST))
    before, after = sharp.curve.score[-2:]
    foretold = common.listed(
        f"{name} {sharp.middle[n][0]:.2f} ({sharp.low[n][0]:.2f} to {sharp.high[n][0]:.2f})"
        for n, name in (("bnsl", "BNSL"), ("averaged", "the accounts"), ("line", "the line"))
    )
    bnsl = better(found, "bnsl", "line", "error")
    accounts = better(found, "averaged", "bnsl", "density")
    closer = better(found, "bnsl", "averaged", "error")
    cuts = common.listed(
        f"{scale_label(group.cut, group.axis or 'tokens')} {group.unit} ({group.name})"
        for group in GROUPS
    )
    return common.text(
        f"{len(every)} series, cut at {cuts}. In each cell: the average over the accounts / BNSL "
        f"by least squares / a straight line on the logit scale.\n\n{table(found)}",
        f"BNSL is closer to the larger models than the straight line in {len(bnsl)} of "
        f"{len(found)} groups (mean absolute error): a form that bends foretells better than one "
        "that cannot, as the paper says.",
        f"The average over the accounts gives what came a higher probability than BNSL in "
        f"{len(accounts)} of {len(found)} groups, BNSL has the smaller error in {len(closer)}"
        f"{' (' + common.listed(closer) + ')' if closer else ''}. Over all models "
        f"{common.share(whole['averaged']['covered'])} lie in the accounts' 90 % interval and "
        f"{common.share(whole['bnsl']['covered'])} in BNSL's; checkpoints of one run are alike, so "
        "a miss is a miss of many. Of arithmetic, GPT-3's 3-digit subtraction goes from "
        f"{before:.2f} at 13B to {after:.2f} at 175B; foretold were, with 90 %, {foretold}: "
        "BNSL has one more point than parameters there. Over all of GPT-3's sums BNSL misses by "
        f"{sums['bnsl']['error']:.2f} on average, the accounts by {sums['averaged']['error']:.2f}, "
        f"the line by {sums['line']['error']:.2f}.",
        f"The paper's vision, audio, diffusion and reinforcement-learning curves, its double "
        "descent and its own splits into fitted and held-out points; its error measure is the "
        f"root mean square of logarithms, not ours. With few points {len(narrow)} series allow a "
        f"power law without a break only, {len(wide)} allow one break, none more, and "
        f"{sum(f.breaks is None for f in every)} did not converge or have too few; the table "
        f"counts series with all three forecasts. {asked - len(every)} series more had small "
        "models all at the floor. The language curves are smoothed and their numbers of questions "
        "unknown.",
    )
