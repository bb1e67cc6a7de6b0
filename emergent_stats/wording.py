"""A comparison in words and tables: plain text for terminals, HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.curve import MIN_SCALES
from emergent_stats.numbers import probability
from emergent_stats.trends import ACCOUNTS

if TYPE_CHECKING:
    from emergent_stats.comparison import Comparison

_COLUMNS = 80


def comparison_text(c: Comparison) -> str:
    """Verdict, reason, probabilities, the transition, hypotheses and warnings; 80 columns."""
    lines = [_title(c), ""]
    verdict = c.verdict + (f" ({c.kind})" if c.kind else "")
    lines += wrap(f"{verdict}: {c.reason}", _COLUMNS, subsequent_indent="  ")
    lines += wrap(what_would_decide(c), _COLUMNS, subsequent_indent="  ", initial_indent="  ")
    if not np.isfinite(c.p_flat):
        return "\n".join([*lines, *_warnings(c)])
    lines.append("")
    for account in ACCOUNTS:
        p = getattr(c, f"p_{account}")
        lines.append(f"  P({account}){' ' * (8 - len(account))} {p:6.3f}  {'█' * round(40 * p)}")
    lines += [
        "",
        f"  log Bayes factor, break against gradual: {c.log_bf:+.2f} ± {c.log_bf_error:.2f}",
    ]
    lines += [f"  {line}" for line in _details(c)]
    lines += _sensitivity(c)
    lines += ["", "  hypothesis        account   log evidence   error  probability"]
    for h in c.hypotheses:
        lines.append(
            f"  {h['hypothesis']:<17} {h['account']:<9} {h['log_evidence']:12.2f} "
            f"{h['error']:7.2f} {h['probability']:12.3f}  {h['warning']}".rstrip()
        )
    return "\n".join([*lines, *_warnings(c)])


def what_would_decide(c: Comparison) -> str:
    """Cheapest addition that would decide an undecided series; empty for all others."""
    if c.verdict != "undecided":
        return ""
    if not c.bands:
        return _what_would_show(c)
    from emergent_stats.additions import MOST_RUNS, can_plan, cheapest

    if not can_plan(c):
        return ""
    found = cheapest(c)
    if found is None:
        return (
            f"nothing affordable decides it: by the planning formula, no addition up to "
            f"{MOST_RUNS} model runs in all would"
        )
    return f"to decide it, add {found} (by the planning formula)"


def _what_would_show(c: Comparison) -> str:
    """What a series needs before it can be analysed at all."""
    missing = MIN_SCALES - c.curve.n_scales
    if missing > 0:
        return f"to analyse it at all, add models at {missing} more scales or more"
    if c.reason.startswith("floor"):
        return "larger models, or a metric that gives partial credit, would show something"
    return ""


def _title(c: Comparison) -> str:
    key = c.curve.key
    shots = key.get("shots")
    parts = [key.get("study"), key.get("family"), key.get("task"), c.curve.metric]
    title = " / ".join(str(p) for p in parts if p)
    return title + (f", {shots}-shot" if shots is not None else "") + f", {c.curve.m} models"


def _details(c: Comparison) -> Iterator[str]:
    real = [row["onset"] + row["jump"] for row in c.sensitivity]
    yield f"P(break) over the sensitivity grid: {min(real):.2f} to {max(real):.2f}"
    if np.isfinite(c.p_second):
        yield f"P(break) on the logit scale of skill: {c.p_second:.3f}"
    low, high = (float(v) for v in c.at)
    axis = c.curve.scale_axis
    unit = "10^" if axis.logarithmic else ""
    ends = [axis.label(v) if axis.dated else f"{unit}{v:.2f}" for v in (low, high)]
    yield f"break at {c.curve.axis} {ends[0]} to {ends[1]} (90 %)"
    if np.isfinite(c.width[0]):
        yield f"transition {c.width[0]:.2f} to {c.width[1]:.2f} {axis.spans} wide (90 %), " + (
            f"{c.height[0]:.1f} to {c.height[1]:.1f} nats high"
        )
    if c.p_cal is not None:
        yield f"simulated gradual series as broken: {c.p_cal:.3f}; power {c.power:.2f}"
    for height, power in c.powers.items():
        yield f"power for a jump of {height} nats: {power:.2f}"


#: Most sentences on priors that turn the verdict.
_MOST_FLIPS = 4


def _sensitivity(c: Comparison) -> Iterator[str]:
    """P(break) in every cell of the grid, and which priors would turn the verdict."""
    from emergent_stats.sensitivity import FACTORS, flip_words, flips

    known = {(r["slope"], r["height"], r["width"]): r["onset"] + r["jump"] for r in c.sensitivity}
    widths = [w for w in FACTORS if any(cell[2] == w for cell in known)]
    if len(known) < 2:
        return
    jump = c.thresholds.jump_width
    axis = c.curve.scale_axis
    gap = " " * 3
    yield ""
    heads = gap.join(f"{f'a jump ≤ {jump * w:g} {axis.short}':<16}" for w in widths)
    yield f"  {'P(break), prior of':<23}{heads}".rstrip()
    marks = {0.5: "½", 1.0: "1", 2.0: "2"}
    block = "  ".join(f"{marks[h]:>4}" for h in FACTORS)
    yield f"  {'heights × … (across)':<23}{gap.join(block for _ in widths)}"
    for slope in FACTORS:
        blocks = [
            "  ".join(f"{probability(known.get((slope, h, w))):>4}" for h in FACTORS)
            for w in widths
        ]
        yield f"  {f'slopes × {marks[slope]}':<23}{gap.join(blocks)}"
    turned = flips(c.sensitivity, c.thresholds.probability)
    for flip in turned[:_MOST_FLIPS]:
        yield from wrap(
            f"  {axis.in_words(flip_words(flip))}",
            _COLUMNS,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    if len(turned) > _MOST_FLIPS:
        yield f"  and {len(turned) - _MOST_FLIPS} more changes of several priors at once"
    if not turned:
        yield "  no prior of the grid turns the probabilities to another verdict"


def _warnings(c: Comparison) -> list[str]:
    lines = []
    for warning in c.warnings:
        lines += wrap(f"  note: {warning}", _COLUMNS, subsequent_indent="        ")
    return ["", *lines] if lines else []


def comparison_html(c: Comparison) -> str:
    """The same as a small HTML fragment, escaped."""
    verdict = c.verdict + (f" ({c.kind})" if c.kind else "")
    rows = "".join(
        f"<tr><td>{account}</td><td>{getattr(c, f'p_{account}'):.3f}</td></tr>"
        for account in ACCOUNTS
    )
    notes = "".join(f"<li>{html.escape(w)}</li>" for w in c.warnings)
    return (
        f"<p><b>{html.escape(_title(c))}: {html.escape(verdict)}</b><br>"
        f"{html.escape(c.reason)}</p><table><tr><th>account</th><th>probability</th></tr>"
        f"{rows}</table>" + (f"<ul>{notes}</ul>" if notes else "")
    )
