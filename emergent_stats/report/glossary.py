"""The package's words, each in a sentence or two: for `explain`, pages and documentation.

Most stand in `glossary.toml`; columns of the results table, axes, metrics and hypotheses are
explained by their own definitions.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emergent_stats.evidence.effort import LARGE_ERROR
from emergent_stats.model import metrics, noise, skill, trends
from emergent_stats.model.curve import ASSUMED_N, MIN_SCALES
from emergent_stats.model.visible import smallest_change
from emergent_stats.results.files import ResultsError
from emergent_stats.results.schema import AXES, COLUMNS
from emergent_stats.results.shipped import did_you_mean
from emergent_stats.verdict.causes import cause_of
from emergent_stats.verdict.decision import THRESHOLDS

_FILE = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True)
class Term:
    """A word of the package.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        What it is: verdict, account, kind, reason, warning, column, prior, metric, hypothesis,
        axis or word.
    text : str
        What it means.
    also : tuple of str
        Other names that are looked up.
    starts : tuple of str
        How the reasons and warnings begin that it explains, as `causes.cause_of` tells them.
    """

    name: str
    kinds: tuple[str, ...]
    text: str
    also: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


@cache
def terms() -> Mapping[str, Term]:
    """All terms by their name, in alphabetical order."""
    facts = {
        **vars(THRESHOLDS),
        "smallest_change": smallest_change(False),
        "smallest_loss_change": smallest_change(True),
        "least_scales": MIN_SCALES,
        "assumed_n": ASSUMED_N,
        "large_error": LARGE_ERROR,
        "level": trends.LEVEL,
        "slope": trends.SLOPE,
        "height": trends.HEIGHT,
        "bend": trends.BEND,
        "sigma": noise.SIGMA,
        "guess": skill.GUESS,
        "lapse": skill.LAPSE,
    }
    found = {
        name: Term(
            name,
            tuple(entry["is"]),
            entry["text"].format(**facts),
            tuple(entry.get("also", ())),
            tuple(entry.get("starts", (name,))),
        )
        for name, entry in tomllib.loads(_FILE.read_text("utf-8")).items()
    }
    for name, cls in metrics.METRICS.items():
        found.setdefault(name, Term(name, ("metric",), _first_paragraph(cls.__doc__ or "")))
    for name, cls in trends.TRENDS.items():
        kinds = ("hypothesis", "kind") if cls.account == "falls" else ("hypothesis",)
        found.setdefault(name, Term(name, kinds, _first_paragraph(cls.__doc__ or "")))
    for name, (_, meaning) in COLUMNS.items():
        kinds = ("column", "axis") if name in AXES else ("column",)
        found.setdefault(name, Term(name, kinds, meaning[:1].upper() + meaning[1:] + "."))
    return {name: found[name] for name in sorted(found, key=str.casefold)}


def explain(text: str) -> Term:
    """Term of that name, or of the reason or warning that begins like this.

    Parameters
    ----------
    text : str
        A word of the output, or a reason or warning as it was printed.

    Raises
    ------
    ResultsError
        For a word that is none of the package's, with the close ones.
    """
    known = {_plain(n): t for t in terms().values() for n in t.also}
    known |= {_plain(t.name): t for t in terms().values()}
    wanted = _plain(text)
    if wanted in known:
        return known[wanted]
    cause = cause_of(text)
    for term in terms().values():
        if {"reason", "warning"} & set(term.kinds) and cause.startswith(term.starts):
            return term
    hint = did_you_mean(wanted, [name for name, term in known.items() if _plain(term.name) == name])
    raise ResultsError(
        f"{text!r} is no word of the output; {hint}emergent-stats explain lists all of them"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _first_paragraph(doc: str) -> str:
    """First paragraph of a docstring, as one line."""
    return " ".join(doc.partition("\n\n")[0].replace("`", "").split())
