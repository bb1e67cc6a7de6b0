"""Reading and writing table files, and nothing else: CSV, Parquet, JSON.

What the columns mean is the business of `emergent_stats.results.corpus`. Every
failure is a `ResultsError` that names the file and what to do. Writing goes to
a temporary name in the same folder first, so no reader meets half a file.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

SUFFIXES = (".csv", ".parquet", ".json")

#: Largest table file in bytes, and most cells that one may hold.
MAX_BYTES, MAX_CELLS = 512 * 2**20, 400_000_000
#: What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# in JSON on a terminal: controls, marks that turn the direction of text, halves of a character
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")


class ResultsError(ValueError):
    """Bad input, said so that a user can mend it: file, row, value and fix."""


def read_table(
    path: str | os.PathLike[str], decimals: Iterable[str] = (), counts: Iterable[str] = ()
) -> pd.DataFrame:
    """Cells of a .csv, .parquet or .json file, not yet interpreted.

    The index of the result is what to call a row by: for CSV the row number a
    spreadsheet shows (the header is row 1), else the position counted from 0.

    Parameters
    ----------
    path : str or path
        File to read.
    decimals, counts : names of columns
        Columns of a CSV that hold numbers. In a file separated by semicolons
        or tabs their decimal commas become points; a cell of `counts` such as
        ``10,000`` could be ten or ten thousand and is left as it is.

    Raises
    ------
    ResultsError
        If the file is absent, empty, truncated, not what its name says, or
        holds no rows.
    """
    path = Path(path)
    suffix = _suffix(path, "read")
    if path.is_dir():
        raise ResultsError(f"{path}: is a folder; name one file in it")
    try:
        if path.exists() and not path.is_file():
            raise ResultsError(f"{path}: is not a regular file; name the file to read")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ResultsError(
                f"{path}: is {size / 2**20:,.0f} MB, above the limit of {MAX_BYTES / 2**20:,.0f} "
                "MB for one table; split it"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise ResultsError(f"{path}: no such file; check the name and the folder") from None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}); check it") from None
    if not data.strip():
        raise ResultsError(f"{path}: is empty; write the table again")
    if suffix == ".parquet":
        frame = _from_parquet(path, data)
    elif suffix == ".json":
        frame = _from_json(path, data)
    else:
        frame = _from_csv(path, data, set(decimals), set(counts))
    if len(frame) == 0:
        raise ResultsError(f"{path}: has no rows; a results table needs one row per score")
    return frame


def _suffix(path: Path, verb: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ResultsError(
            f"{path}: cannot {verb} a {suffix or 'file without suffix'}; "
            f"use {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    return suffix


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to .csv, .parquet or .json: all of it or nothing.

    Missing values are empty cells in CSV and null in JSON (a list of rows). In CSV a text that
    begins like a formula gets an apostrophe (`neutral`): names are other people's.

    Raises
    ------
    ResultsError
        For another suffix, or a folder that cannot be written to.
    """
    path = Path(path)
    suffix = _suffix(path, "write")
    buffer = io.BytesIO()
    if suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, buffer, compression="zstd", compression_level=9)
    elif suffix == ".json":
        buffer.write(json_text(frame).encode())
    else:
        buffer.write(neutral(frame).to_csv(index=False, lineterminator="\n").encode())
    write_bytes(path, buffer.getvalue())


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON text of a value, without NaN and with nothing in it that would steer a terminal.

    Examples
    --------
    >>> to_json({"task": "\x9b31m né"})
    '{"task": "\\\\u009b31m né"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_text(frame: pd.DataFrame) -> str:
    """List of rows as JSON, one row a line, null for what is missing."""
    columns = {
        name: [None if gone else _plain(v) for v, gone in zip(col, col.isna(), strict=True)]
        for name, col in frame.items()
    }
    rows = zip(*columns.values(), strict=True) if columns else iter(())
    lines = (to_json(dict(zip(columns, row, strict=True))) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def neutral(frame: pd.DataFrame) -> pd.DataFrame:
    """Table in which no text begins like a formula: an apostrophe stands in front.

    Examples
    --------
    >>> neutral(pd.DataFrame({"model": ["=1+1", "gpt-3"], "score": [-1.0, 0.5]}))
       model  score
    0  '=1+1   -1.0
    1  gpt-3    0.5
    """
    frame = frame.copy()
    for name, values in frame.items():
        risky = formulas(values)
        if risky.any():
            frame[name] = values.mask(risky, "'" + values.astype("str"))
    return frame


def formulas(values: pd.Series) -> pd.Series:
    """Which cells are text that a spreadsheet would run."""
    return values.map(lambda v: isinstance(v, str) and v.lstrip(" ").startswith(FORMULA))


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, through a temporary name beside it."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems say only now that there is no room
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
        fix = "make room there, or choose" if full else "choose"
        raise ResultsError(
            f"{path}: cannot be written ({error.strerror}); {fix} another folder"
        ) from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _from_parquet(path: Path, data: bytes) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(io.BytesIO(data))
        if about.num_rows * about.num_columns > MAX_CELLS:
            raise ResultsError(
                f"{path}: holds {about.num_rows:,} rows of {about.num_columns:,} columns, more "
                "than a results table; split it"
            )
        return pq.read_table(io.BytesIO(data)).to_pandas().reset_index(drop=True)
    except (ResultsError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ResultsError(
            f"{path}: cannot be read as Parquet, it is truncated or something else "
            f"({reason}); write or copy it again"
        ) from None


def _from_json(path: Path, data: bytes) -> pd.DataFrame:
    try:
        rows = json.loads(_decode(path, data), object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); "
            "is the file truncated?"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path}: not a table in JSON ({error})") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ResultsError(
            f'{path}: a results table in JSON is a list of rows, [{{"study": …}}, …]; '
            f"this is a {type(rows).__name__}. For the output of an evaluation tool use "
            "`emergent-stats import`"
        )
    return pd.DataFrame(rows, dtype=object)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON object in which no key stands twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object; remove the wrong one")
    return row


def _from_csv(path: Path, data: bytes, decimals: set[str], counts: set[str]) -> pd.DataFrame:
    text = _decode(path, data)
    first, _, rest = text.partition("\n")
    skipped = 0
    if re.fullmatch(r"sep=.\r?", first):  # a spreadsheet's own way to name the separator
        delimiter, text, skipped = first[4], rest, 1
    else:
        header_line = re.sub(r'"[^"]*"', "", first)
        delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    labels: list[int] = []
    header: list[str] | None = None
    row_number = skipped
    try:
        for cells in reader:
            row_number += 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(header):
                raise ResultsError(
                    f"{path}, row {row_number}: has {len(cells)} cells where the header has "
                    f"{len(header)}. Is a comma inside a number or name? Put it in quotes, or "
                    "separate by semicolons"
                )
            rows.append(cells)
            labels.append(row_number)
    except csv.Error as error:
        raise ResultsError(
            f"{path}, row {row_number + 1}: not CSV ({error}); check quotes and separators"
        ) from None
    header = header or []
    for name in header:
        if header.count(name) > 1:
            raise ResultsError(f"{path}: the column {name!r} stands twice; keep one")
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    frame = pd.DataFrame(
        {name: pd.Series(list(c), dtype="str") for name, c in zip(header, columns, strict=True)}
    )
    if delimiter in ";\t":
        lowered = {name: name.lower() for name in header}
        for name in header:
            if lowered[name] in decimals | counts:
                frame[name] = [_with_point(cell, lowered[name] in counts) for cell in frame[name]]
    frame.index = pd.Index(labels, dtype="int64")
    return frame


def _with_point(cell: str, count: bool) -> str:
    if _DECIMAL_COMMA.fullmatch(cell) and not (count and _THOUSANDS.fullmatch(cell)):
        return cell.replace(",", ".")
    return cell


def _decode(path: Path, data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{path}: byte {error.start} is not {encoding.removesuffix('-sig').upper()} text; "
            "save the table as UTF-8"
        ) from None
