"""What a person reads of metrics of the same outputs and of seeds, and the rows of their tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emergent_stats.cli.listing import print_series, verdict_words
from emergent_stats.cli.tables import printable, say
from emergent_stats.several.joint_model import JOINT_ACCOUNTS
from emergent_stats.verdict import causes
from emergent_stats.verdict.words import probability

if TYPE_CHECKING:
    from emergent_stats.model.curve import Curve
    from emergent_stats.several.find import LeftOut
    from emergent_stats.several.joint import JointComparison
    from emergent_stats.several.seeds import SeedComparison
    from emergent_stats.verdict.comparison import Comparison

#: Tasks of one study from which on `test` names `discover`: shares learnt from fewer say little.
MANY = 8
_FEW = 6


def point_to_discover(source: str, verdicts: Sequence[Comparison]) -> None:
    """One line on stderr where many tasks of one study were judged each by itself."""
    keys = [c.curve.key for c in verdicts]
    tasks = {k.get("task") for k in keys}
    if len(tasks) >= MANY and len({k.get("study") for k in keys}) == 1:
        words = (
            f"emergent-stats: {len(tasks)} tasks, each judged by itself; among many some look "
            f"broken by luck: emergent-stats discover {source} judges them together"
        )
        print(printable(words), file=sys.stderr)


def _key(curve: Curve) -> dict[str, Any]:
    return {n: curve.key.get(n) for n in ("study", "family", "task")}


def pair_row(c: JointComparison) -> dict[str, Any]:
    """One row of the joint verdict."""
    first = c.views.curves[0]
    best, integral = c.best
    return {
        **_key(first),
        "metrics": ", ".join(one.metric for one in c.views.curves),
        "shots": first.key.get("shots"), "seed": first.key.get("seed"), "axis": first.axis,
        "m": c.views.m, "verdict": c.verdict, "kind": c.kind, "reason": c.reason,
        **_rounded({f"p_{a}": c.probabilities[a] for a in JOINT_ACCOUNTS}),
        "best": best.name, "log_evidence": round(integral.log_z, 4),
        "log_evidence_error": round(integral.error, 4),
        "warnings": "; ".join(c.warnings) or None,
    }  # fmt: skip


def seeds_row(c: SeedComparison) -> dict[str, Any]:
    """One row of the verdict on seeds."""
    names = ("p_one_line", "p_one_leap", "p_two_smooth", "p_two_breaks")
    best = max(c.evidence, key=lambda pair: pair[1].log_z)
    return {
        **_key(c.curve), "metric": c.curve.metric, "shots": c.curve.key.get("shots"),
        "axis": c.curve.axis, "m": c.curve.m, "scales": c.curve.n_scales,
        "verdict": c.verdict, "kind": c.kind or None, "reason": c.reason,
        **_rounded(dict(zip(names, c.probabilities.values(), strict=True))),
        "best": best[0].name, "log_evidence": round(best[1].log_z, 4),
        "log_evidence_error": round(best[1].error, 4),
        "warnings": "; ".join(c.warnings) or None,
    }  # fmt: skip


def _rounded(p: dict[str, float]) -> dict[str, float]:
    top = max(p, key=p.__getitem__)
    found = {n: round(v, 6) for n, v in p.items()}
    rest = sum(v for n, v in found.items() if n != top)
    return found | {top: round(1.0 - rest, 6)}


def print_rows(
    rows: Sequence[dict[str, Any]], accounts: Sequence[str], left_out: Sequence[LeftOut]
) -> None:
    """Print a table of verdicts with the probabilities, the reasons of a few, and what is left."""
    named = [{"seed": None, "metric": row.get("metrics"), **row} for row in rows]
    cells = [[probability(v) for n, v in row.items() if n.startswith("p_")] for row in rows]
    columns = {"verdict": [verdict_words(row) for row in rows]}
    print_series(
        named, columns | dict(zip(accounts, map(list, zip(*cells, strict=True)), strict=True))
    )
    print()
    for row in rows if len(rows) <= _FEW else ():
        say(f"{_name(row)}: {verdict_words(row)}")
        say(row["reason"], indent="  ")
        say(f"best: {row['best']}", indent="  ", style="dim")
    notes = [(_name(row), tuple(filter(None, (row["warnings"] or "").split("; ")))) for row in rows]
    for line in causes.lines(notes):
        say(f"! {line}", style="dim")
    for one in left_out[:_FEW]:
        say(f"left out: {one.key['family']} {one.key['task']}: {one.reason}", style="dim")
    if len(left_out) > _FEW:
        say(f"… and {len(left_out) - _FEW} more left out", style="dim")


def _name(row: dict[str, Any]) -> str:
    shots = row["shots"]
    parts = [row["family"], row["task"], None if shots is None else f"{shots}-shot"]
    parts.append(row.get("metrics") or row.get("metric"))
    return " · ".join(str(p) for p in parts if p is not None)


def sections(found: Sequence[Any], rows: Sequence[dict[str, Any]], figures: Sequence[str]) -> Any:
    """Sections of a page: one for each verdict."""
    from emergent_stats.report.page import Section

    return [
        Section(
            _name(row), f"{verdict_words(row)}: {row['reason']} (best: {row['best']})",
            {n[2:].replace("_", ", "): probability(v) for n, v in row.items() if n[:2] == "p_"},
            svg, c.warnings,
        )
        for c, row, svg in zip(found, rows, figures, strict=True)
    ]  # fmt: skip
