"""A results table for other programs: CSV, Excel, Parquet.

A spreadsheet runs a cell that begins like a formula, so a model named
``=HYPERLINK(…)`` would be a trap in a table that somebody else opens. In CSV
such a text gets an apostrophe in front, which spreadsheets take as "this is
text"; in Excel files the cell is stored as text and stays as it is.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.results.corpus import stored
from emergent_stats.results.extras import require
from emergent_stats.results.files import (
    FORMULA,
    ResultsError,
    formulas,
    neutral,
    write_bytes,
    write_table,
)
from emergent_stats.results.schema import COLUMNS

#: Name of a form → suffix of its files.
FORMS = {"csv": ".csv", "xlsx": ".xlsx", "parquet": ".parquet"}
#: What an Excel sheet (less its header) and a cell of it hold.
_MAX_ROWS, _MAX_TEXT = 1_048_575, 32_767


def export_table(
    frame: pd.DataFrame, path: str | os.PathLike[str], form: str | None = None, about: str = ""
) -> int:
    """Write a results table for a spreadsheet or another program, all of it or nothing.

    Parameters
    ----------
    frame : DataFrame
        Results table.
    path : path
        File to write.
    form : {"csv", "xlsx", "parquet"}, optional
        By default the one that the suffix of `path` says.
    about : str
        Citation and the like; a second sheet of an Excel file.

    Returns
    -------
    int
        Number of cells that looked like formulas and were made harmless.

    Raises
    ------
    ResultsError
        For an unknown form, or a folder that cannot be written to; for Excel also
        if openpyxl is not installed or the table has more rows than a sheet.
    """
    path = Path(path)
    form = form or path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise ResultsError(
            f"cannot export to {form or 'a file without suffix'!r}; use {', '.join(FORMS)}"
        )
    frame = stored(frame)
    if form == "xlsx":
        write_bytes(path, _workbook(frame, about, path))
    elif form == "parquet":
        if path.suffix.lower() != ".parquet":
            raise ResultsError(f"{path}: name the file something.parquet")
        write_table(frame, path)
        return 0  # nothing that opens Parquet runs its cells
    else:
        write_bytes(path, neutral(frame).to_csv(index=False, lineterminator="\r\n").encode())
    return risky_cells(frame)


def risky_cells(frame: pd.DataFrame) -> int:
    """Number of cells that a spreadsheet would run."""
    return sum(int(formulas(values).sum()) for _, values in frame.items())


def _workbook(frame: pd.DataFrame, about: str, path: Path) -> bytes:
    if len(frame) > _MAX_ROWS:
        raise ResultsError(
            f"{path}: {len(frame):,} rows are more than the {_MAX_ROWS:,} of an Excel sheet; "
            "export to csv or parquet"
        )
    book = require("openpyxl", "xlsx", f"{path}: writing Excel files").Workbook(write_only=True)
    sheet = book.create_sheet("results")
    sheet.append([_cell(sheet, str(name)) for name in frame.columns])
    columns = [_cells(sheet, values) for _, values in frame.items()]
    for row in zip(*columns, strict=True):
        sheet.append(row)
    notes = book.create_sheet("about")
    for line in about.splitlines():
        notes.append([_cell(notes, line)])
    for name in frame.columns:
        if name in COLUMNS:
            notes.append([_cell(notes, name), _cell(notes, COLUMNS[name][1])])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _cells(sheet: Any, values: pd.Series) -> list[Any]:
    """Cells of a column: numbers, texts that cannot run, and None for what is missing."""
    plain = values.astype(object).where(values.notna(), None).tolist()
    return [_cell(sheet, value) if isinstance(value, str) else value for value in plain]


def _cell(sheet: Any, text: str) -> Any:
    """Cell for `text`; one that could run is stored, and kept, as text."""
    if not text.isprintable():
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        text = ILLEGAL_CHARACTERS_RE.sub("", text)
    text = text[:_MAX_TEXT]
    if not text.lstrip(" ").startswith(FORMULA):
        return text
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell
