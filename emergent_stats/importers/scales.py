"""The models table: a model's name → family, parameters, training tokens and FLOPs.

Evaluation files name models; how large they are and how long they were trained
stands elsewhere. `data/models.csv` is that elsewhere, a plain table that anyone
can edit or replace (option ``models``). Columns: ``model``, and as known
``family``, ``params``, ``tokens``, ``flops``, ``tokens_per_step`` (for names that
carry a training step), ``date`` (of release, 2024-05-13), ``aliases`` (other names,
separated by semicolons), ``derived`` (which of the numbers are inferred, separated
by commas), ``source``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emergent_stats.importers.names import family_in_name, key
from emergent_stats.model.axes import AXES, parse_date
from emergent_stats.results.files import ResultsError, read_table
from emergent_stats.results.shipped import data_dir

_SHOWN = 10
_NUMBERS = ("params", "tokens", "flops", "tokens_per_step")


@dataclass(frozen=True)
class Known:
    """One line of the models table; NaN and "" where it says nothing."""

    model: str
    family: str = ""
    params: float = math.nan
    tokens: float = math.nan
    flops: float = math.nan
    tokens_per_step: float = math.nan
    date: str = ""
    derived: tuple[str, ...] = ()


class Models:
    """Models by name; the organisation, case and dashes of a name do not matter."""

    def __init__(self, lines: dict[str, Known]) -> None:
        self._lines = lines
        families: dict[str, set[str]] = {}
        for name, known in lines.items():
            if known.family:
                families.setdefault(family_in_name(name), set()).add(known.family)
                families.setdefault(key(known.family), set()).add(known.family)
        self._families = {
            name: next(iter(found)) for name, found in families.items() if len(found) == 1 and name
        }

    def get(self, name: str) -> Known | None:
        """Line of the model `name`, None if it has none."""
        return self._lines.get(key(name))

    def family(self, name: str) -> str:
        """Family of a model without a line: that of its sisters of other sizes, else its own name.

        A table names families as it likes (XGLM, GPT-Neo/J); a size that it lacks
        must not become a family of its own beside them.
        """
        own = family_in_name(name)
        return self._families.get(own, own)

    def __len__(self) -> int:
        return len(self._lines)


def read_models(path: str | os.PathLike[str] | None = None) -> Models:
    """Models table from a file; by default the one that ships with the package.

    Raises
    ------
    ResultsError
        If the file cannot be read, a number in it is none, or one name has two
        different lines.
    """
    if path is None:
        path = default_models_path()
        if not path.exists():
            return Models({})
    frame = read_table(path, decimals=_NUMBERS)
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    if "model" not in frame:
        raise ResultsError(
            f"{path}: a models table needs the column 'model', and as known family, "
            f"{', '.join(_NUMBERS)}, aliases; this has {', '.join(frame.columns)}"
        )
    lines: dict[str, Known] = {}
    suspects: list[str] = []
    for label, row in zip(frame.index, frame.to_dict("records"), strict=True):
        where = f"{path}, row {label}"
        name = _text(row.get("model"))
        if not name:
            raise ResultsError(f"{where}: model is empty; name it or delete the row")
        known = Known(
            name,
            _text(row.get("family")),
            *(_number(row.get(column), column, where) for column in _NUMBERS),
            date=_date(row.get("date"), where),
            derived=tuple(part.strip() for part in _text(row.get("derived")).split(",")),
        )
        for each in (name, *_text(row.get("aliases")).split(";")):
            if not each.strip():
                continue
            before = lines.setdefault(key(each), known)
            if _values(before) != _values(known):
                raise ResultsError(
                    f"{where}: {each.strip()!r} has another line already, for {before.model!r}, "
                    "with other numbers; keep one"
                )
        suspects += _too_few(known, where)
    if suspects:
        raise ResultsError("\n".join(suspects[:_SHOWN]))
    return Models(lines)


def _too_few(known: Known, where: str) -> list[str]:
    """Numbers that cannot be meant as they stand; toy models may have a line of theirs."""
    return [
        f"{where}: {name} {value:g} is too small a number of {AXES[name].words}; was it meant in "
        "billions? Write it out (7e9)"
        for name in ("params", "tokens", "flops")
        if (value := getattr(known, name)) < AXES[name].least / 100
    ]


def _values(known: Known) -> tuple[object, ...]:
    numbers = (getattr(known, name) for name in _NUMBERS)
    return known.family, known.date, *(None if math.isnan(value) else value for value in numbers)


def _text(cell: object) -> str:
    return "" if cell is None or pd.isna(cell) else str(cell).strip()  # type: ignore[arg-type]


def _date(cell: object, where: str) -> str:
    text = _text(cell)
    day = parse_date(text)
    if text and day is None:
        raise ResultsError(f"{where}: date {text!r} is not an ISO date; write 2024-05-13")
    return day.isoformat() if day else ""


def _number(cell: object, column: str, where: str) -> float:
    text = _text(cell)
    if text.lower() in ("", "na", "n/a", "nan", "-"):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (math.isfinite(value) and value > 0):
        raise ResultsError(
            f"{where}: {column} {text!r} is not a number above 0; write it plainly (7e9), or leave "
            "the cell empty"
        )
    return value


def default_models_path() -> Path:
    """Where the shipped models table is."""
    return data_dir() / "models.csv"
