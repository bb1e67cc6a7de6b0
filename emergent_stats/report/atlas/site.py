"""The atlas as a folder of files that a browser opens: nothing is fetched.

``index.html`` lists the series, ``series.html#ID`` is the page of one,
``claims.html`` holds the published claims. All three are shells that ship with
the package; what they show stands in ``data/*.js``, and gets into the page as
text only. The pages of series lie in blocks by the first two letters of their
names, so that opening one reads some dozen series and not all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.report.atlas import claims
from emergent_stats.report.atlas.records import LETTERS, SPAN, Entry, identity, line, page
from emergent_stats.results import corpus
from emergent_stats.results.files import ResultsError, read_table
from emergent_stats.results.selection import curves
from emergent_stats.verdict.comparison import ROW
from emergent_stats.verdict.judge import compare_all
from emergent_stats.verdict.summary import widest_change
from emergent_stats.verdict.words import printable

#: Parts of a line of the list, in order; texts among them are places in one list of names.
LINE = (
    "id", "study", "family", "task", "metric", "shots", "seed", "axis", "m", "verdict", "kind",
    "lean", "reason", "p_break", "rise", "thumb",
)  # fmt: skip
_POOLED = ("study", "family", "task", "metric", "axis", "verdict", "kind", "lean")
#: Series that are compared before their numbers are put away.
_BLOCK = 128
_SHELLS = ("index.html", "series.html", "claims.html")
_PAGES = (*_SHELLS, "atlas.css", "common.js", "list.js", "series.js", "claims.js")
_DATA = "data"
_ESCAPED = re.compile(r"(?:\\u[0-9a-f]{4})+|\\.")  # letters in JSON that is ASCII
_KEY = (*corpus.SERIES_KEY, "axis")


@dataclass(frozen=True)
class Collection:
    """What an atlas is of.

    Attributes
    ----------
    series : sequence of Curve
        With scales enough to be tested.
    left_out : int
        Number of those with fewer.
    sources : mapping
        Study → its name on the command line, or the file that holds it.
    """

    series: Sequence[Curve]
    left_out: int
    sources: Mapping[str, str]


def testable(sources: Sequence[str]) -> Collection:
    """Series of studies and files that have scales enough.

    Raises
    ------
    ResultsError
        For a source that cannot be read, a study in two of them, or where no series is left.
    """
    found: list[Curve] = []
    where: dict[str, str] = {}
    for source in sources:
        own = curves(corpus.load_source(source))
        for study in {str(curve.key["study"]) for curve in own}:
            if where.setdefault(study, source) != source:
                raise ResultsError(
                    f"{source}: holds the study {study!r}, as {where[study]} does; name one of them"
                )
        found += own
    kept = [curve for curve in found if curve.n_scales >= MIN_SCALES]
    if not kept:
        raise ResultsError(
            f"{', '.join(sources)}: no series has {MIN_SCALES} scales or more; nothing to show"
        )
    return Collection(kept, len(found) - len(kept), where)


def scored_studies() -> list[str]:
    """Shipped studies that hold scores."""
    table = corpus.studies()
    return [str(name) for name in table.loc[table["series"] > 0, "study"]]


# --- verdicts ----------------------------------------------------------------------------
def judged(
    series: Sequence[Curve],
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Entry]:
    """Entries of series that are compared now, block by block."""
    for start in range(0, len(series), _BLOCK):

        def report(done: int, _: int, start: int = start) -> None:
            if progress is not None:
                progress(start + done, len(series))

        block = series[start : start + _BLOCK]
        for comparison in compare_all(block, seed=seed, jobs=jobs, progress=report):
            yield Entry.of(comparison)


def from_table(series: Sequence[Curve], path: Path) -> Iterator[Entry]:
    """Entries of verdicts that were written earlier, held against the series they are of.

    Parameters
    ----------
    series : sequence of Curve
    path : path
        What ``emergent-stats test … --out`` wrote.

    Raises
    ------
    ResultsError
        Where a column or the verdict of a series is missing, stands twice, or was given
        on other data: another number of models, or the largest change between others.
    """
    if path.suffix.lower() != ".parquet":
        raise ResultsError(
            f"{path}: is no .parquet; write the verdicts with --out FILE.parquet, which keeps what "
            "is a number and what is none"
        )
    table = read_table(path)
    lacking = [name for name in ROW if name not in table]
    if lacking:
        raise ResultsError(
            f"{path}: no table of verdicts, it has no column {lacking[0]!r}; write one with "
            "`emergent-stats test SOURCE --out FILE.parquet`"
        )
    rows: dict[tuple, tuple[int, dict[str, Any]]] = {}
    names = [*ROW]
    for number, values in enumerate(table[names].astype(object).itertuples(index=False)):
        row: dict[str, Any] = {
            n: None if pd.isna(v) else v for n, v in zip(names, values, strict=True)
        }
        # where some are missing, Parquet gives whole numbers back as floats
        row |= {n: int(row[n]) for n in ("shots", "seed", "m") if row[n] is not None}
        key = _key(row)
        if key in rows:
            raise ResultsError(
                f"{path}, rows {rows[key][0]} and {number}: two verdicts on {_named(row)}; keep one"
            )
        rows[key] = number, row
    for curve in series:
        row = {**curve.key, "metric": curve.metric, "axis": curve.axis}
        if _key(row) not in rows:
            raise ResultsError(
                f"{path}: no verdict on {_named(row)}; test all studies of the atlas with this "
                "version, or choose fewer with --study"
            )
        number, verdict = rows[_key(row)]
        entry = Entry.read(curve, verdict)
        _fits(entry, f"{path}, row {number}")
        yield entry


def _fits(entry: Entry, where: str) -> None:
    """Refuse a verdict that was given on other data."""
    row, curve = entry.row, entry.curve
    p = [row[f"p_{account}"] for account in ACCOUNTS]
    checks = {
        "m": (row["m"], curve.m),
        "largest_gap": (row["largest_gap"], row["largest_gap"] and widest_change(curve).words),
        "sum of probabilities": (round(sum(p), 4) if None not in p else 1.0, 1.0),
    }
    for name, (said, here) in checks.items():
        if said != here:
            raise ResultsError(
                f"{where}: {name} is {said!r} where the data of {_named(row)} give {here!r}; the "
                "verdicts are of other data, test them again"
            )


def _key(row: Mapping[str, Any]) -> tuple:
    return tuple(None if row.get(name) is None else str(row[name]) for name in _KEY)


def _named(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in _KEY if row.get(name) is not None)


# --- files -------------------------------------------------------------------------------
def script(name: str, value: Any) -> str:
    """Data as a script: ``ATLAS[name]`` becomes `value`.

    ASCII throughout, `printable` and without ``<``: no text can end a script or begin a tag.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    text = _ESCAPED.sub(lambda m: json.dumps(printable(json.loads(f'"{m[0]}"'), ""))[1:-1], text)
    return f"ATLAS[{json.dumps(name)}]=" + text.replace("<", "\\u003c") + ";\n"


def write_atlas(
    folder: Path, entries: Iterable[Entry], collection: Collection, seed: int = 0
) -> int:
    """Write the atlas: the whole of it, or nothing.

    Parameters
    ----------
    folder : path
        Absent, empty, or an atlas, which is replaced.
    entries : iterable of Entry
        Of its series.
    collection : Collection
    seed : int
        Of the verdicts, for the command that gives them again.

    Returns
    -------
    int
        Number of series.

    Raises
    ------
    ResultsError
        If `folder` holds anything that no atlas writes, or cannot be written: then what was
        there is there still.
    """
    check_folder(folder)
    lines, blocks, kept = [], defaultdict(list), []
    for entry in entries:
        lines.append(line(entry))
        source = collection.sources[str(entry.row["study"])]
        text = json.dumps(page(entry, source, seed), allow_nan=False)
        blocks[identity(entry.curve)[:2]].append(text)
        kept.append(Entry(entry.curve, entry.row))
    if len({one[0] for one in lines}) < len(lines):
        raise AssertionError("two series have one name")
    parts = {
        "index.js": script("index", _pooled(lines)),
        "about.js": script("about", _about(collection, seed)),
        "claims.js": script("claims", claims.told(kept, collection.sources)),
        **{f"{b}.js": script(b, [json.loads(t) for t in texts]) for b, texts in blocks.items()},
    }
    _replace(folder, parts)
    return len(lines)


def _pooled(lines: list[list[Any]]) -> dict[str, Any]:
    """Lines with names that return as numbers."""
    names: dict[str | None, int] = {}
    at = [LINE.index(name) for name in _POOLED]
    for one in lines:
        for i in at:
            one[i] = names.setdefault(one[i], len(names))
    return {"parts": LINE, "pooled": _POOLED, "names": list(names), "lines": lines}


def _about(collection: Collection, seed: int) -> dict[str, Any]:
    return {
        "version": version("emergent_stats"),
        "seed": seed,
        "left_out": collection.left_out,
        "scales": MIN_SCALES,
        "span": SPAN,
        "letters": LETTERS,
        "studies": [_study(name) for name in sorted(collection.sources)],
    }


def _study(name: str) -> dict[str, str]:
    """Citation, licence and address of a study; of a file of the user's, its name alone."""
    with suppress(ResultsError):
        info = corpus.about(name)
        surname = info["authors"][0].split()[-1]
        more = " et al." if len(info["authors"]) > 1 else ""
        arxiv, doi = info.get("arxiv"), info.get("doi")
        address = f"https://arxiv.org/abs/{arxiv}" if arxiv else f"https://doi.org/{doi}"
        return {
            "study": name,
            "short": f"{surname}{more} {info['year']}",
            "citation": corpus.citation(info),
            "licence": info["licence"],
            "address": address if arxiv or doi else "",
        }
    return {"study": name, "short": name, "citation": "", "licence": "", "address": ""}


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot become an atlas, before the work rather than after it."""
    around = folder.resolve().parent
    if not around.is_dir():
        raise ResultsError(f"--out {folder}: the folder around it does not exist; make it first")
    if not os.access(around, os.W_OK | os.X_OK):
        raise ResultsError(f"--out {folder}: nothing can be written beside it; choose another")
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"--out {folder}: is a file; name a folder")
    for path in folder.rglob("*") if folder.is_dir() else ():
        inside = path.relative_to(folder).as_posix()
        own = inside in (*_PAGES, _DATA) or (inside.startswith("data/") and path.suffix == ".js")
        if not own:
            raise ResultsError(
                f"--out {folder}: holds {inside}, which is of no atlas and would be lost; name "
                "another folder"
            )


def _replace(folder: Path, parts: Mapping[str, str]) -> None:
    """Write all files beside `folder`, then put them in its place."""
    place = folder.resolve()
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        new, old = temporary / "new", temporary / "old"
        (new / _DATA).mkdir(parents=True)
        shells = files("emergent_stats.report.atlas").joinpath("page")
        for name in _PAGES:
            (new / name).write_bytes(shells.joinpath(name).read_bytes())
        for name, text in parts.items():
            (new / _DATA / name).write_text(text, "ascii")
        if place.exists():
            os.rename(place, old)
        try:
            os.rename(new, place)
        except OSError:
            if old.exists():
                os.rename(old, place)
            raise
    except OSError as error:
        raise ResultsError(
            f"--out {folder}: cannot be written ({error.strerror}); choose another folder"
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
