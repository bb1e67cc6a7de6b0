"""What ships with the package, said in words: a study's entry, and BibTeX."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from typing import Any

import pandas as pd

from emergent_stats.results import corpus
from emergent_stats.results.files import ResultsError

_SECTIONS = ("obtained", "traps", "left_out")
_TITLES = {"obtained": "How it was obtained", "traps": "Known traps", "left_out": "Left out"}
_VENUE = {"article": "journal", "inproceedings": "booktitle", "incollection": "booktitle"}
_SPECIAL = re.compile(r"([&%$#_{}])")
#: Words that do not make a key.
_SMALL = ("a", "an", "are", "for", "in", "language", "of", "on", "the", "to", "with")
_WIDTH = 100
#: Columns of a table of claims, where `study`, `family` and `tasks` are our pointers.
_CLAIM = {
    "ability": "what is said to emerge, or the task it was tested on",
    "group": "how it was asked for: few-shot or augmented prompting",
    "model": "smallest model that is said to have it",
    "params": "parameters of that model: the claimed scale",
    "flops": "training FLOPs of that model: the claimed scale",
    "reference": "paper that the claim rests on",
    "study": "study here with scores that bear on the claim, if any",
    "family": "family of models in that study",
    "tasks": "tasks in that study, separated by semicolons",
    "source": "row of the table in the paper",
}


def entry(study: str, rows: int = 5) -> dict[str, Any]:
    """Entry of a shipped study, in plain values that JSON can hold.

    Parameters
    ----------
    study : str
        Name of a study; `emergent_stats.results.corpus.studies` lists them.
    rows : int
        How many of the first rows to quote.

    Returns
    -------
    dict
        study, title, citation, licence, summary, rows, series, columns (name, type,
        meaning, filled, range), obtained, traps, left_out, first_rows.

    Raises
    ------
    ResultsError
        For an unknown study, with the close names.
    """
    info = corpus.about(study)
    try:
        table = corpus.load(study)
    except ResultsError:
        table = corpus.published_claims(study)  # a study of claims has no scores
    scores = "score" in table
    return {
        "study": study,
        "title": info["title"],
        "citation": corpus.citation(info),
        "licence": info["licence"],
        "summary": info.get("summary", ""),
        "repository": info.get("repository", ""),
        "commit": info.get("commit", ""),
        "rows": len(table),
        "series": len(table[corpus.SERIES_KEY].drop_duplicates()) if scores else 0,
        "series_are": info.get("series", ""),
        "columns": [_column(str(name), values, scores) for name, values in table.items()],
        **{section: info.get(section, {}) for section in _SECTIONS},
        "first_rows": [_plain(row) for row in table.head(rows).to_dict("records")],
    }


def tasks(table: pd.DataFrame) -> pd.DataFrame:
    """Tasks of a results table, one row each in order of first appearance.

    Returns
    -------
    DataFrame
        task, metrics and shots (comma-separated), families, series, models (the most that a series
        has).
    """
    found = []
    for task, own in table.groupby("task", sort=False):
        sizes = [rows["model"].nunique() for _, rows in corpus.series(own)]
        found.append(
            {
                "task": str(task),
                "metrics": ", ".join(dict.fromkeys(own["metric"].astype(str))),
                "shots": ", ".join(str(k) for k in sorted(own["shots"].dropna().unique())),
                "families": own["family"].nunique(),
                "series": len(sizes),
                "models": max(sizes),
            }
        )
    return pd.DataFrame(found)


def _column(name: str, values: pd.Series, scores: bool) -> dict[str, Any]:
    kind, meaning = corpus.COLUMNS.get(name, (str(values.dtype), ""))
    if not scores:
        meaning = _CLAIM.get(name, meaning)
    filled = values.dropna()
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    span = None
    if len(filled) and numeric:
        span = [float(filled.min()), float(filled.max())]
    return {
        "name": name,
        "type": kind,
        "meaning": meaning,
        "filled": len(filled),
        "distinct": int(filled.nunique()),
        "range": span,
    }


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): None if pd.isna(value) else value.item() if hasattr(value, "item") else value
        for name, value in row.items()
    }


def show(study: str, rows: int = 5, width: int = _WIDTH) -> str:
    """Entry of a shipped study as text: size, columns, citation, licence, traps, first rows.

    Parameters
    ----------
    study : str
        Name of a study.
    rows : int
        How many of the first rows to quote.
    width : int
        Characters of a line; where columns of the rows do not fit they follow beneath.

    Raises
    ------
    ResultsError
        For an unknown study, with the close names.
    """
    told = entry(study, rows)
    size = f"{told['rows']:,} rows"
    if told["series"]:
        size += f", {told['series']:,} series"
    origin = f"{told['repository']} {told['commit'][:12]}".strip()
    facts = {
        "series": told["series_are"],
        "cite": told["citation"],
        "licence": told["licence"],
        "from": origin,
    }
    lines = [*_wrapped(f"{study}: {told['title']}", width, 0), ""]
    lines += [*_wrapped(told["summary"], width, 0), "", size]
    for name, text in facts.items():
        if text:
            lines += _wrapped(f"{name + ':':<9}{text}", width, 9)
    lines += ["", "Columns"]
    filled = [column for column in told["columns"] if column["filled"]]
    longest = max(len(column["name"]) for column in filled)
    widest = max(len(_span(column)) for column in filled)
    for column in filled:
        head = f"  {column['name']:<{longest}}  {_span(column):<{widest}}  "
        lines += _wrapped(head + column["meaning"], width, len(head))
    for section in _SECTIONS:
        if told[section]:
            lines += ["", _TITLES[section]]
            for name, text in told[section].items():
                lines += _wrapped(f"  {name}: {text}", width, 4)
    first = pd.DataFrame(told["first_rows"]).dropna(axis=1, how="all")
    first = first.drop(columns=["study", "source", "assumed"], errors="ignore")
    lines += ["", f"First {len(first)} rows"]
    block = first.to_string(index=False, max_colwidth=40, line_width=width, na_rep="")
    lines += [line.removesuffix("\\") for line in block.splitlines()]
    return "\n".join(line.rstrip() for line in lines)


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    """Lines of `text`, the later ones indented; nothing is cut."""
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _span(column: dict[str, Any]) -> str:
    if column["range"] is None:
        return f"{column['distinct']:,} different"
    low, high = column["range"]
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


# --- BibTeX ---------------------------------------------------------------------------
def cite(studies: Iterable[str]) -> str:
    """BibTeX of one or more studies.

    Raises
    ------
    ResultsError
        For an unknown study, with the close names.
    """
    used: set[str] = set()
    return "\n\n".join(bibtex(corpus.about(study), used) for study in dict.fromkeys(studies))


def bibtex(info: dict[str, Any], used: set[str] | None = None) -> str:
    """BibTeX entry of what a `source.toml` says.

    Parameters
    ----------
    info : dict
        title, authors, year; and as known kind, venue, arxiv, doi, also.
    used : set of str, optional
        Keys that are taken; the entry's own is added.
    """
    used = set() if used is None else used
    kind = info.get("kind", "misc")
    fields = {
        "author": " and ".join(_escaped(name) for name in info["authors"]),
        "title": "{" + _escaped(info["title"]) + "}",
        "year": str(info["year"]),
    }
    if info.get("venue"):
        fields[_VENUE.get(kind, "howpublished")] = _escaped(info["venue"])
    if info.get("doi"):
        fields["doi"] = info["doi"]
    if info.get("arxiv"):
        fields |= {"eprint": info["arxiv"], "archivePrefix": "arXiv"}
    width = max(map(len, fields))
    body = ",\n".join(f"  {name:<{width}} = {{{value}}}" for name, value in fields.items())
    notes = "".join(f"\n% {line}" for line in info.get("also", ()))
    return f"@{kind}{{{_key(info, used)},\n{body}\n}}{notes}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _key(info: dict[str, Any], used: set[str]) -> str:
    """Key such as ``brown2020few``, unlike those in `used`."""
    surname = _ascii(info["authors"][0].split()[-1])
    words = [_ascii(word) for word in info["title"].split()]
    first = next((word for word in words if word and word not in _SMALL), "")
    plain = f"{surname}{info['year']}{first}"
    key, letters = plain, iter("bcdefghijklmnopqrstuvwxyz")
    while key in used:
        key = f"{plain}{next(letters)}"
    used.add(key)
    return key


def _ascii(text: str) -> str:
    spelled = unicodedata.normalize("NFKD", text.partition("-")[0])
    return re.sub(r"[^a-z0-9]", "", spelled.lower())
