"""Importers: output of evaluation tools → results table. One module a format.

``import_results(format, path)`` is the one door. An importer is a module with a
function ``collect(path, options, notes)`` that returns records (and samples, if
it has any), or raises a `ResultsError` if a file cannot be read, and a BibTeX
``CITATION``; its name stands in `IMPORTERS` at the bottom. Modules are imported
when they are first asked for.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emergent_stats.importers.report import ImportReport

__all__ = ["IMPORTERS", "import_results"]


def import_results(format: str, path: str | os.PathLike[str], **options: Any) -> ImportReport:
    """Read the output of an evaluation tool into a validated results table.

    Parameters
    ----------
    format : str
        A name in `IMPORTERS`.
    path : path
        File, or folder with all files of one or more runs.
    **options
        study, family, models, chance, metrics, shots, items, duplicates: see `records.Options`. For
        ``wide`` also columns, a mapping or the path of a small TOML file.

    Returns
    -------
    ImportReport
        The table, and everything that was left out or inferred.

    Raises
    ------
    ResultsError
        For an unknown format or option, an unreadable file, or one without a
        single usable score. Nothing is written.

    Examples
    --------
    >>> import_results("lm-evl", "runs")
    Traceback (most recent call last):
    emergent_stats.results.files.ResultsError: unknown format 'lm-evl'; did you mean 'lm-eval'? ...
    """
    from emergent_stats.importers.assembly import assemble
    from emergent_stats.importers.records import Options
    from emergent_stats.importers.report import ImportReport, Notes
    from emergent_stats.results.files import ResultsError

    if format not in IMPORTERS:
        close = difflib.get_close_matches(format, IMPORTERS, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ResultsError(f"unknown format {format!r}; {hint}known: {', '.join(IMPORTERS)}")
    importer = import_module(f"{__name__}.{IMPORTERS[format]}")
    known = Options.__dataclass_fields__
    for name in options:
        if name not in known:
            raise ResultsError(f"unknown option {name!r}; known: {', '.join(known)}")
    parsed = Options.parse(**options)
    notes = Notes()
    path = Path(path)
    records, items = importer.collect(path, parsed, notes)
    said = importer.settings(parsed) if hasattr(importer, "settings") else {}
    if parsed.study is None and said.get("study"):
        parsed = replace(parsed, study=said["study"])
    frame, unknown = assemble(records, parsed, notes, os.fspath(path))
    citation = said.get("citation", importer.CITATION)
    return ImportReport(frame, notes.dropped, unknown, notes.warnings, citation, items)


#: Name of a format → module here that reads it.
IMPORTERS = MappingProxyType(
    {
        "lm-eval": "lm_eval",
        "helm": "helm",
        "inspect": "inspect_logs",
        "eee": "eee",
        "bigbench": "bigbench",
        "metr": "metr",
        "wide": "wide",
    }
)
