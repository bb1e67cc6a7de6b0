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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
    with readable(path):
        if path.is_dir():
            raise ResultsError(f"{path}: is a folder; name one file in it")
        if path.exists() and not path.is_file():
            raise ResultsError(f"{path}: is not a regular file; name the file to read")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ResultsError(
                f"{path}: is {size / 2**20:,.0f} MB, above the limit of {MAX_BYTES / 2**20:,.0f} "
                "MB for one table; split it"
            )
        data = path.read_bytes()
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


@contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """What the file system says against reading `path`, as one message."""
    try:
        yield
    except FileNotFoundError:
        raise ResultsError(f"{path}: no such file; check the name and the folder") from None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}); check it") from None


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
    write_bytes(Path(path), table_bytes(frame, Path(path)))


def table_bytes(frame: pd.DataFrame, path: Path) -> bytes:
    """What `write_table` puts at `path`."""
    suffix = _suffix(path, "write")
    if suffix == ".json":
        return json_text(frame).encode()
    if suffix == ".csv":
        return neutral(frame).to_csv(index=False, lineterminator="\n").encode()
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, buffer, compression="zstd", compression_level=9)
    return buffer.getvalue()


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
        name: [
            None if gone else v.item() if hasattr(v, "item") else v
            for v, gone in zip(col, col.isna(), strict=True)
        ]
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


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step."""
    write_all({path: data})


def write_all(files: Mapping[Path, bytes]) -> None:
    """Put each file at its path: all are written under temporary names beside them first."""
    staged: dict[Path, str] = {}
    path = None
    try:
        for path, data in files.items():
            handle, staged[path] = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # some file systems say only now that there is no room
            if path.is_dir():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        mask = os.umask(0)
        os.umask(mask)
        for path, temporary in staged.items():
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
        fix = "make room there, or choose" if full else "choose"
        raise ResultsError(
            f"{path}: cannot be written ({error.strerror}); {fix} another folder"
        ) from None
    finally:
        for temporary in staged.values():
            with suppress(FileNotFoundError):
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
    rows = parse_json(data, str(path))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ResultsError(
            f'{path}: a results table in JSON is a list of rows, [{{"study": …}}, …]; '
            f"this is a {type(rows).__name__}. For the output of an evaluation tool use "
            "`emergent-stats import`"
        )
    return pd.DataFrame(rows, dtype=object)


def parse_json(data: bytes, file: str, line: int | None = None) -> Any:
    """JSON value in `data`, the whole of `file` or a line of it; no key stands twice in an object.

    NaN and Infinity are let through as floats.
    """
    where = file if line is None else f"{file}, line {line}"
    if not data.strip():
        raise ResultsError(f"{where}: is empty; was the run cut short? Copy or run it again")
    try:
        return json.loads(_decode(data, where, "is it really JSON?"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated")
        hint = "it ends too early: copy or run it again" if at_end else "is it really JSON?"
        raise ResultsError(
            f"{file}, line {line or error.lineno}, column {error.colno}: not JSON ({error.msg}); "
            f"{hint}"
        ) from None
    except RecursionError:
        raise ResultsError(f"{where}: nested too deeply to be results") from None
    except ResultsError:
        raise
    except ValueError as error:  # a key twice, or a number of thousands of digits
        raise ResultsError(f"{where}: {str(error).partition('; use sys')[0]}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON object in which no key stands twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object; remove the wrong one")
    return row


def _from_csv(path: Path, data: bytes, decimals: set[str], counts: set[str]) -> pd.DataFrame:
    text = _decode(data, str(path), "save the table as UTF-8")
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
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise ResultsError(f"{path}: the column {twice[0]!r} stands twice; keep one")
    frame = pd.DataFrame(rows, columns=header, dtype="str")
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


def _decode(data: bytes, where: str, fix: str) -> str:
    """Text of a file; what is packed, or holds a zero byte, is none."""
    if data.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise ResultsError(f"{where}: is packed (gzip or zip); unpack it first")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and (at := data.find(0)) >= 0:
        raise ResultsError(f"{where}: byte {at} is 0, as in UTF-16 without its mark; {fix}")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        named = encoding.removesuffix("-sig").upper()
        raise ResultsError(f"{where}: byte {error.start} is not {named} text; {fix}") from None
