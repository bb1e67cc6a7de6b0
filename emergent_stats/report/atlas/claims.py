"""The published claims of emergence, each with what the series of the atlas say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlencode

from emergent_stats.model.axes import AXES
from emergent_stats.report.atlas.records import Entry, identity
from emergent_stats.results import corpus
from emergent_stats.verdict.words import probability, scale_range, with_kind

#: Begin of a claim → the same task by other models: study, pattern of its tasks, what to look for.
#: The claim's own series are pointed to by the table of claims.
ELSEWHERE = {
    "MMLU Benchmark": (
        ("olmo", "mmlu_*", "mmlu_"),
        ("open-lm", "mmlu*", "mmlu"),
        ("pythia", "hendrycksTest-*", "hendrycksTest"),
    ),
    "Many BIG-Bench tasks": (("bigbench-bigg", "*", ""),),
    "Chain-of-thought: Math word problems": (
        ("chain-of-thought", "GSM8K (chain of thought)", "GSM8K (chain of thought)"),
    ),
    "Chain-of-thought: StrategyQA": (
        ("chain-of-thought", "StrategyQA (chain of thought)", "StrategyQA (chain of thought)"),
    ),
}


def told(entries: Sequence[Entry], studies: Iterable[str]) -> list[dict[str, Any]]:
    """Every claim, with its own series and those of other models on the same task.

    Parameters
    ----------
    entries : sequence of Entry
        Series of the atlas.
    studies : iterable of str
        Studies that it covers.

    Returns
    -------
    list of dict
        ability, group, claimed, reference, source, says (sentences), series (id, name,
        verdict, words) and elsewhere (words, address).
    """
    covered = set(studies)
    return [
        _told(claim, entries, covered) for claim in corpus.published_claims().to_dict("records")
    ]


def _told(claim: dict[Any, Any], entries: Sequence[Entry], covered: set[str]) -> dict[str, Any]:
    own = [entry for entry in entries if _bears(claim, entry)]
    elsewhere = [*_elsewhere(claim, entries, own)]
    params = claim["params"]
    size = "" if params != params else f", {AXES['params'].label(params)} parameters"
    return {
        "ability": claim["ability"],
        "group": claim["group"],
        "claimed": f"{claim['model']}{size}",
        "reference": claim["reference"],
        "source": claim["source"],
        "says": [*_says(claim, own, covered, bool(elsewhere))],
        "series": [
            [identity(e.curve), _name(e), _verdict(e), _words(e)]
            for e in sorted(own, key=lambda e: (str(e.row["task"]), e.row["shots"] or 0))
        ],
        "elsewhere": elsewhere,
    }


def _bears(claim: dict[Any, Any], entry: Entry) -> bool:
    if not isinstance(claim["study"], str):
        return False
    row = entry.row
    return (
        row["study"] == claim["study"]
        and row["family"] == claim["family"]
        and row["task"] in claim["tasks"].split("; ")
    )


def _says(
    claim: dict[Any, Any], own: Sequence[Entry], covered: set[str], elsewhere: bool
) -> Iterable[str]:
    """What the evidence says of a claim, or that there is none."""
    study = claim["study"]
    if not isinstance(study, str):
        yield "no series of these models here" if elsewhere else "no series here"
        return
    if study not in covered:
        yield f"no series here: the study {study} is not in this atlas"
        return
    if not own:
        yield f"no series here that can be tested: {study} has too few models of {claim['family']}"
        return
    tally = Counter(_verdict(entry) for entry in own)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in tally.most_common())
    yield f"{len(own)} series of {claim['family']}: {counts}"
    if claim["family"] != claim["model"]:
        yield f"The claim is about {claim['model']}; these series are of {claim['family']}."


def _elsewhere(
    claim: dict[Any, Any], entries: Sequence[Entry], own: Sequence[Entry]
) -> Iterable[list[str]]:
    """The same task by other models, counted, with the address of the list of them."""
    for begin, places in ELSEWHERE.items():
        if not claim["ability"].startswith(begin):
            continue
        for study, pattern, words in places:
            found = [
                entry
                for entry in entries
                if entry.row["study"] == study
                and fnmatchcase(str(entry.row["task"]), pattern)
                and not any(entry is other for other in own)
            ]
            if found:
                tally = Counter(str(entry.row["verdict"]) for entry in found)
                counts = ", ".join(f"{n:,} {verdict}" for verdict, n in tally.most_common())
                address = {"study": study} | ({"q": words} if words else {})
                yield [
                    f"{len(found):,} series of other models in {study}: {counts}",
                    f"index.html#{urlencode(address)}",
                ]


def _name(entry: Entry) -> str:
    shots = entry.row["shots"]
    return f"{entry.row['task']}" + ("" if shots is None else f", {shots}-shot")


def _verdict(entry: Entry) -> str:
    return with_kind(entry.row["verdict"], entry.row["kind"])


def _words(entry: Entry) -> str:
    """Lean, probability of a break, and where one would lie."""
    row = entry.row
    if entry.p_break is None:
        return str(row["reason"])
    lean = f"leans to {row['lean']}; " if row["verdict"] == "undecided" else ""
    said = f"{lean}P(break) {probability(entry.p_break)}"
    if row["at_low"] is None:
        return said
    ends = float(row["at_low"]), float(row["at_high"])
    unit = entry.curve.scale_axis.unit
    return f"{said}; a break would lie at {scale_range(entry.curve, ends)} {unit} (90 %)".strip()
