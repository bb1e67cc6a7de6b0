"""What a report says of verdicts, before it is a page or a table: words and numbers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.report.glossary import Term, explain
from emergent_stats.report.soundness import check_sound
from emergent_stats.results.schema import SERIES_KEY
from emergent_stats.verdict import causes
from emergent_stats.verdict.comparison import verdict_words
from emergent_stats.verdict.words import leaves_open, number, probability

if TYPE_CHECKING:
    from emergent_stats.bayes.beside import Beside
    from emergent_stats.verdict.comparison import Comparison

#: Up to this many series are shown in detail; of more, the important ones.
MOST_DETAILS = 8
#: Verdicts that are shown first.
_FIRST = ("real", "artefact", "falls", "undecided")
_NAMES = (*SERIES_KEY, "axis")
_NAMED = {"shots": "{}-shot", "seed": "seed {}", "axis": "by {}"}


@dataclass(frozen=True)
class Report:
    """Verdicts, and what a reader has to know of how they came about.

    Attributes
    ----------
    source : str
        What was analysed: a study's name or a file's.
    comparisons : sequence of Comparison
    provenance : mapping
        Facts by name: versions, hash of the data, command.
    beside : sequence of sequences of Beside
        Evidences by PyMC of each comparison; empty where they were not asked for.
    citation : str
        Of the data; empty where it is not known.
    seed, calibrate, priors
        As `compare_all` was given.

    Raises
    ------
    ResultsError
        For numbers that cannot be right (`soundness`).
    """

    source: str
    comparisons: Sequence[Comparison]
    provenance: Mapping[str, str] = field(default_factory=dict)
    beside: Sequence[Sequence[Beside]] = ()
    citation: str = ""
    seed: int = 0
    calibrate: int = 0
    priors: str = "weak"

    def __post_init__(self) -> None:
        check_sound(self.comparisons)

    @property
    def title(self) -> str:
        """Heading of the report."""
        return f"Is the jump real? {self.source}"

    @property
    def keys(self) -> list[dict[str, Any]]:
        """What names each series."""
        return [
            {"metric": c.curve.metric, "axis": c.curve.axis} | dict(c.curve.key)
            for c in self.comparisons
        ]

    @property
    def names(self) -> list[str]:
        """Name of each series: the parts that tell it from the others."""
        keys = self.keys
        differing = [n for n in _NAMES if len({str(k.get(n)) for k in keys}) > 1] or ["task"]
        return [_name(key, differing) or "unnamed" for key in keys]

    @property
    def shared(self) -> str:
        """Parts of the name that all series share."""
        keys = self.keys
        same = [n for n in _NAMES if len({str(k.get(n)) for k in keys}) == 1]
        return _name(keys[0], same)

    @property
    def tally(self) -> str:
        """How many series have which verdict."""
        counts = Counter(verdict_words(c) for c in self.comparisons)
        listed = ", ".join(f"{n:,} {name}" for name, n in counts.most_common())
        return f"{len(self.comparisons):,} series: {listed}."


def _name(key: Mapping[str, Any], names: Sequence[str]) -> str:
    known = [name for name in names if key.get(name) is not None]
    return " · ".join(_NAMED.get(name, "{}").format(key[name]) for name in known)


def head_of(c: Comparison) -> str:
    """Verdict with its kind; of an undecided series with the first words of the reason."""
    if c.verdict == "undecided":
        return f"undecided: {c.reason.partition(':')[0]}"
    return verdict_words(c)


def important(comparisons: Sequence[Comparison]) -> list[int]:
    """Which series are shown in detail: all of a few; else breaks, artefacts, falls, undecided.

    Of the same verdict those come first that are likelier to break.
    """
    if len(comparisons) <= MOST_DETAILS:
        return list(range(len(comparisons)))
    rank = {name: place for place, name in enumerate(_FIRST)}
    chosen = [i for i, c in enumerate(comparisons) if c.verdict in rank]

    def order(i: int) -> tuple[int, float]:
        return rank[comparisons[i].verdict], -np.nan_to_num(comparisons[i].p_real)

    return sorted(chosen, key=order)[:MOST_DETAILS]


def grid_range(c: Comparison) -> str:
    """Smallest and largest P(jump or onset) over the sensitivity grid; a dash without one."""
    if len(c.sensitivity) < 2:
        return "–"
    real = [row["onset"] + row["jump"] for row in c.sensitivity]
    return f"{probability(min(real))} to {probability(max(real))}"


def log_bf(c: Comparison) -> str:
    """Log Bayes factor with its error."""
    if not np.isfinite(c.log_bf):
        return "–"
    return f"{number(c.log_bf)} ± {c.log_bf_error:.1f}"


# --- methods ------------------------------------------------------------------------------
#: What the methods paragraph cites: no title is quoted that was not checked.
REFERENCES = (
    "Caballero et al. (2022). arXiv 2210.14891 (broken power laws).",
    "Du et al. (2024). arXiv 2403.15796 (a threshold of pretraining loss).",
    "Kass and Raftery (1995). J. Am. Stat. Assoc. 90:773 (words for Bayes factors).",
    "Schaeffer et al. (2023). arXiv 2304.15004 (the choice of metric).",
    "Wei et al. (2022). Emergent Abilities of Large Language Models. Transactions on Machine "
    "Learning Research, arXiv 2206.07682.",
)


def references(report: Report) -> list[str]:
    """References of the methods paragraph, and of the data."""
    own = [f"Data: {report.citation}"] if report.citation else []
    return [*REFERENCES, *own]


def methods(report: Report) -> str:
    """Methods paragraph of about 150 words, from what was done."""
    cs = report.comparisons
    t = cs[0].thresholds
    scales = sorted({c.curve.n_scales for c in cs})
    span = f"{scales[0]}" if len(scales) == 1 else f"{scales[0]} to {scales[-1]}"
    if report.calibrate:
        null = (
            f"For verdicts at stake {report.calibrate} gradual series were simulated on the very "
            f"design; fewer than {t.p_cal:.0%} of them as broken confirm a verdict real; artefact "
            f"needs a power of {t.power:g}."
        )
    else:
        null = "No null was simulated."
    sampled = (
        " The two leading hypotheses of each series were sampled in PyMC and their evidences "
        "held against the quadrature."
        if report.beside
        else ""
    )
    priors = "learnt from other published studies" if report.priors == "corpus" else "declared"
    return (
        f"{len(cs):,} series of scores at {span} scales {'was' if len(cs) == 1 else 'were'} judged "
        "for emergence (Wei et al. 2022) and for the claim that the metric makes it (Schaeffer et "
        "al. 2023). A score is a metric of a latent skill, minus the log of cross-entropy, blurred "
        "by sampling and by learnt noise between models. Accounts of the skill were weighed by "
        "their marginal likelihood: flat, gradual (a power law, or wide bends), falls, and a "
        "break, which is an onset at a definite scale (Du et al. 2024; Caballero et al. 2022) or a "
        f"jump within {t.jump_width:g} decades; these four are equally probable beforehand, and "
        f"other priors {priors}. A verdict needs a probability above {t.probability:g}, and above "
        f"{t.grid:g} when any one prior of slope, height or jump width is halved or doubled; real "
        f"also needs it on the logit scale of skill. {null}{sampled} Odds are Bayes factors, "
        "worded after Kass and Raftery (1995). Random numbers "
        f"have seed {report.seed}."
    )


# --- checklist ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Check:
    """One thing that a reviewer asks: the answer (yes, no, not asked …), and its numbers."""

    state: str
    words: str

    @property
    def css(self) -> str:
        """Class of the answer on the page."""
        return {"yes": "yes", "no": "no"}.get(self.state, "open")


def checklist(report: Report) -> list[Check]:
    """What a reviewer asks of such an analysis, answered from its results."""
    cs = report.comparisons
    total = len(cs)
    real = [c for c in cs if c.verdict == "real"]
    smooth = [c for c in cs if c.verdict in ("gradual", "artefact")]

    def warned(*words: str) -> int:
        return sum(any(w in text for text in c.warnings for w in words) for c in cs)

    short = sum(causes.too_short(c.curve) for c in cs)
    assumed = warned("assumed, not published", "n unknown", "no standard error")
    inexact = warned("evidence not exact")
    below = warned("below chance")
    edge = sum(c.reason.startswith("edge") for c in cs)
    checks = [
        _all(total - short, total, "series have enough scales to be judged"),
        _all(total - assumed, total, "series have published numbers of examples, chance levels "
             "and errors; in the others some are assumed or unknown (see the warnings)"),
        Check("yes", "Noise between models is part of every account, and learnt."),
        _all(total - inexact, total, "series have exact evidences"),
        _all(sum(c.robust for c in real), len(real), "verdicts real survive every prior of the "
             "sensitivity grid"),
        _all(sum(c.robust for c in smooth), len(smooth), "verdicts gradual or artefact survive it"),
        _all(sum(c.p_second >= c.thresholds.second_scale for c in real), len(real),
             "verdicts real hold on a second scale of skill"),
        _simulated(report, real),
        _power(report, smooth),
        _posterior(report),
        _pairs(report),
        _all(total - edge, total, "series do not rise ever faster up to the last model, where a "
             "jump cannot be told from a steep trend"),
        _all(total - below, total, "series have no scores below chance"),
        _many(report),
    ]  # fmt: skip
    return checks


def _all(count: int, total: int, what: str) -> Check:
    if not total:
        return Check("does not apply", f"0 of 0 {what}.")
    return Check("yes" if count == total else "no", f"{count:,} of {total:,} {what}.")


def _simulated(report: Report, real: Sequence[Comparison]) -> Check:
    if not report.calibrate:
        return Check("not asked", "No null was simulated on the designs (--calibrate 500).")
    return _all(sum(bool(c.confirmed) for c in real), len(real),
                "verdicts real are confirmed by a null simulated on their design")  # fmt: skip


def _power(report: Report, smooth: Sequence[Comparison]) -> Check:
    if not report.calibrate:
        return Check("not asked", "The power to find a jump was not simulated (--calibrate 500).")
    enough = sum((c.power or 0.0) >= c.thresholds.power for c in smooth)
    return _all(enough, len(smooth), "verdicts gradual or artefact come from designs that would "
                "have found a jump of the size in question")  # fmt: skip


def _posterior(report: Report) -> Check:
    if not report.beside:
        return Check("not asked", "Evidences were not held against PyMC's (--posterior).")
    sampled = [pair for pair in report.beside if pair]
    return _all(sum(all(one.agrees for one in pair) for pair in sampled), len(sampled),
                "series have the same evidences by quadrature and by bridge sampling "
                "in PyMC")  # fmt: skip


def _pairs(report: Report) -> Check:
    seen: dict[tuple, set[str]] = {}
    for key in report.keys:
        where = tuple(str(key.get(n)) for n in _NAMES if n != "metric")
        seen.setdefault(where, set()).add(key["metric"])
    several = sum(len(metrics) > 1 for metrics in seen.values())
    words = f"{several:,} of {len(seen):,} tasks are scored by more than one metric here"
    if several:
        return Check("yes", f"{words}; emergent-stats pair judges them together.")
    return Check("no", f"{words}: the same outputs under a continuous metric would tell more.")


def _many(report: Report) -> Check:
    tasks = len({key.get("task") for key in report.keys})
    if tasks < 2:
        return Check("does not apply", "One task: there is no choice among many.")
    return Check(
        "no",
        f"{tasks:,} tasks, each judged by itself: among many some look broken by luck. "
        "emergent-stats discover judges them together.",
    )


def words(report: Report) -> list[Term]:
    """Terms of the verdicts and reasons that this report holds, the frequent ones first."""
    used = Counter(c.verdict for c in report.comparisons)
    used += Counter(
        c.reason.partition(":")[0] for c in report.comparisons if c.verdict == "undecided"
    )
    used += Counter(c.kind or "" for c in report.comparisons if leaves_open(c.kind))
    return list(dict.fromkeys(explain(name) for name, _ in used.most_common()))


# --- one series ---------------------------------------------------------------------------
def warnings_of(report: Report) -> list[str]:
    """Warnings of all series, each cause once."""
    names = zip(report.names, report.comparisons, strict=True)
    return causes.lines([(name, c.warnings) for name, c in names])


def sensitivity(c: Comparison) -> dict[str, Any] | None:
    """P(jump or onset) in every cell of the grid, as a table; None where it was not computed."""
    from emergent_stats.verdict.sensitivity import FACTORS

    known = {(r["slope"], r["height"], r["width"]): r["onset"] + r["jump"] for r in c.sensitivity}
    widths = [w for w in FACTORS if any(cell[2] == w for cell in known)]
    if len(known) < 2:
        return None
    marks = dict(zip(FACTORS, ("½", "1", "2"), strict=True))
    jump = c.thresholds.jump_width
    words = [c.curve.scale_axis.in_words(f"jump ≤ {jump * w:g} decades") for w in widths]
    return {
        "widths": words,
        "lines": [
            {
                "slope": marks[slope],
                "cells": [
                    {"words": probability(known.get((slope, h, w))),
                     "declared": slope == h == w == 1, "first": h == FACTORS[0]}
                    for w in widths for h in FACTORS
                ],
            }
            for slope in FACTORS
        ],
    }  # fmt: skip


def flip_lines(c: Comparison) -> list[str]:
    """Which priors of the grid would turn the probabilities."""
    from emergent_stats.verdict.sensitivity import flip_words, flips

    turned = flips(c.sensitivity, c.thresholds.probability)
    if not turned:
        return ["No prior of the grid turns the probabilities to another verdict."]
    return [c.curve.scale_axis.in_words(flip_words(flip)) for flip in turned]
