"""Files in and files out, as the command line offers them: what to refuse, write and report.

Importing is the work of `importers` and exporting that of `export`; here they
meet the files of a user, so that either everything asked for is written or
nothing is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emergent_stats.importers import import_results
from emergent_stats.importers.records import pairs
from emergent_stats.results import corpus, entries
from emergent_stats.results.export import FORMS, export_table, risky_cells
from emergent_stats.results.files import ResultsError, table_bytes, write_all

if TYPE_CHECKING:
    import pandas as pd

#: The one format that takes a map of columns.
_MAPPED = "wide"


def import_file(
    format: str,
    path: Path,
    out: Path,
    items: Path | None = None,
    chance: Iterable[str] = (),
    metrics: Iterable[str] = (),
    columns: Path | None = None,
    **options: Any,
) -> str:
    """Import the output of a tool into the file `out`.

    `chance` and `metrics` are as typed (``TASK=0.25``, ``NAME=METRIC``), `columns` maps a wide
    table, `options` are those of `importers.import_results`. Returns the report to print; where
    it ends with a `ResultsError`, nothing is written.
    """
    if columns is not None and format != _MAPPED:
        raise ResultsError(f"--columns describes a table of the format {_MAPPED!r}; leave it out")
    _apart(out, "--out", path, "PATH")
    if items is not None:
        _apart(items, "--items", path, "PATH")
        _apart(items, "--items", out, "--out")
    report = import_results(
        format,
        path,
        chance=pairs(chance, "--chance") or None,
        metrics=pairs(metrics, "--metric") or None,
        columns=columns,
        items=items is not None,
        **options,
    )
    lines = [report.text]
    frame = corpus.stored(report.frame)
    files = {out: table_bytes(frame, out)}
    if items is not None:
        if report.items is None or not len(report.items):
            raise ResultsError(
                f"--items {items}: {path} holds no records of single samples that this format "
                "reads; leave --items out"
            )
        files[items] = table_bytes(report.items, items)
        lines.append(f"wrote {items}: {len(report.items):,} samples")
    write_all(files)
    # a table in CSV will be opened in a spreadsheet, and its names are somebody else's
    risky = risky_cells(frame) if out.suffix.lower() == ".csv" else 0
    lines += [f"wrote {out}: {len(frame):,} rows", *_neutralised(risky)]
    if report.citation:
        lines += ["", "The tool or table to cite:", report.citation.strip()]
    return "\n".join(lines)


def export_file(source: str, form: str | None = None, out: Path | None = None) -> str:
    """Export a study or a results table for a spreadsheet or another program.

    Without `form` the suffix of `out` says it, without `out` the file is named after `source`.
    Returns what was written; a `ResultsError` says what cannot be.
    """
    if out is None:
        if form is None:
            raise ResultsError("say what to write: --to csv, --to xlsx, --to parquet or --out FILE")
        out = Path(Path(source).stem + FORMS[form])
        if out.exists():
            raise ResultsError(f"{out}: is there already; name the file to write with --out")
    elif form is not None and out.suffix.lower() != FORMS[form]:
        raise ResultsError(
            f"--out {out}: does not go with --to {form}; name it something{FORMS[form]}, or leave "
            "--to out"
        )
    _apart(out, "--out", Path(source), "SOURCE")
    frame = _table(source)
    about = ""
    with suppress(ResultsError):
        info = corpus.about(source)
        about = f"{corpus.citation(info)}\nLicence: {info['licence']}\n\n{entries.bibtex(info)}"
    risky = export_table(frame, out, form, about)
    return "\n".join([f"wrote {out}: {len(frame):,} rows", *_neutralised(risky)])


def _table(source: str) -> pd.DataFrame:
    """Results table of a study or file; of a study of claims, the claims."""
    try:
        return corpus.load_source(source)
    except ResultsError:
        with suppress(ResultsError):
            return corpus.published_claims(source)
        raise


def _apart(path: Path, option: str, other: Path, called: str) -> None:
    """Refuse to write a file over one that is being read, or two files to one place."""
    if os.path.realpath(path) == os.path.realpath(other):
        raise ResultsError(f"{option} {path}: is {called} itself; name another file")


def _neutralised(count: int) -> list[str]:
    if not count:
        return []
    cells = f"{count:,} {'cell' if count == 1 else 'cells'}"
    return [f"{cells} began like a formula of a spreadsheet and will be read as text there"]
