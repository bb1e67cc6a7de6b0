"""Wide tables: one row a model, one column a task. A small map (TOML) says which column is what.

`wide_map.EXAMPLE` is one. Columns without more to say are ``name = "column"``; an axis in
other units is ``{ column, unit }``; a task is a metric, or ``{ metric, … }`` with
what else is known of it. ``family`` (a column), ``citation`` and ``[axes]`` can be
left out: the models table is then asked. ``n`` and ``stderr`` of a task are a
number or the name of a column.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.importers.declare import Declared, parse_declaration
from emergent_stats.importers.names import clean
from emergent_stats.importers.records import Collector, Options, Record, as_number, whole
from emergent_stats.importers.report import Notes
from emergent_stats.model.axes import AXES, Axis, parse_date
from emergent_stats.results.checks import MISSING
from emergent_stats.results.files import ResultsError, read_table, readable

CITATION = ""
_TOP = ("study", "model", "family", "citation", "axes", "tasks")
_AXES = ("params", "tokens", "flops", "step", "date")
_SUFFIXED = re.compile(r"(\d+(?:\.\d+)?)\s?([KMBT])", re.IGNORECASE)
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_TASK = ("metric", "task", "chance", "n", "stderr", "shots", "seed")


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of a wide table (.csv, .parquet or .json).

    A cell outside of what its column was declared to be is an error: in a table that a person
    declares, it is a mistake of the declaration.
    """
    told = None if isinstance(options.columns, Mapping) else options.columns
    plan = _plan(options.columns, path)
    frame = read_table(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    where = str(told or "the column map")
    names = set(frame.columns)
    tasks = {column: _task(column, entry, names, where) for column, entry in plan["tasks"].items()}
    axes = {name: _axis(name, entry, names, where) for name, entry in plan["axes"].items()}
    model = _column(plan["model"], names, where)
    family = _column(plan["family"], names, where) if plan.get("family") else None
    collector = Collector(options, notes)
    problems: list[str] = []
    unread: dict[str, list[str]] = {}
    for label, row in zip(frame.index, frame.to_dict("records"), strict=True):
        place = f"{path.name}, row {label}"
        scales: dict[str, Any] = {}
        for name, scale in axes.items():
            try:
                scales[name] = scale.of(row)
            except ValueError as error:
                problems.append(f"{path}, row {label} ({row[model]}): {error}")
                scales[name] = None
            missing = scales[name] is None or scales[name] != scales[name]
            if missing and str(row[scale.column]).strip().lower() not in MISSING:
                unread.setdefault(scale.column, []).append(f"row {label}: {row[scale.column]!r}")
        for column, (declared, task) in tasks.items():
            value = _cell(row[column])
            number = as_number(value)
            problem = declared.problem(number) if number is not None else None
            if problem:
                problems.append(f"{path}, row {label}: {column} {problem}")
                continue
            collector.add(
                f"{place}, {column}",
                declared,
                value,
                task=task["task"],
                stderr=_value(row, task["stderr"]),
                n=_value(row, task["n"]) or math.nan,
                shots=task["shots"],
                seed=task["seed"],
                model=str(row[model]) if not pd.isna(row[model]) else "",
                family=clean(row[family]) if family and not pd.isna(row[family]) else "",
                chance=math.nan if task["chance"] is None else task["chance"],
                **scales,
            )
    for column, cells in unread.items():
        notes.warn(
            f"{column}: no scale in {len(cells):,} cell{'s' * (len(cells) > 1)} ({cells[0]}); "
            "left empty there"
        )
    if problems:
        more = [f"… and {len(problems) - 10:,} more"] if len(problems) > 10 else []
        raise ResultsError("\n".join(problems[:10] + more))
    return collector.records, None


def settings(options: Options) -> dict[str, str]:
    """Study and citation that the map states, for the report."""
    plan = _load(options.columns)
    return {key: str(plan[key]) for key in ("study", "citation") if plan.get(key)}


def _load(columns: Any) -> dict[str, Any]:
    if isinstance(columns, Mapping):
        return dict(columns)
    if not isinstance(columns, str | os.PathLike):
        return {}
    try:
        with readable(columns), open(columns, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultsError(f"{columns}: not TOML ({error}); mend it") from None


def _plan(columns: Any, path: Path) -> dict[str, Any]:
    plan = _load(columns)
    where = columns if isinstance(columns, str | os.PathLike) else "the column map"
    if not plan:
        raise ResultsError(
            f"{path}: a wide table needs a map of its columns (option columns): a TOML file with "
            'model = "…" and [tasks] "column" = "exact_match/100"; the columns are '
            f"{', '.join(map(str, read_table(path).columns))}"
        )
    for name in plan:
        if name not in _TOP:
            close = difflib.get_close_matches(name, _TOP, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(_TOP)}"
            raise ResultsError(f"{where}: unknown key {name!r}{hint}")
    for name, kind in (("tasks", Mapping), ("axes", Mapping), ("model", str)):
        if not isinstance(plan.setdefault(name, {}), kind) or (name != "axes" and not plan[name]):
            raise ResultsError(
                f"{where}: {name} is missing or of the wrong form; write "
                + ('model = "column"' if name == "model" else f"a section [{name}]")
            )
    for name in plan["axes"]:
        if name not in _AXES:
            raise ResultsError(f"{where}: unknown axis {name!r}; known: {', '.join(_AXES)}")
    return plan


def _column(name: Any, names: set[str], where: str) -> str:
    if name in names:
        return str(name)
    close = difflib.get_close_matches(str(name), names, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(names))}"
    raise ResultsError(f"{where}: the table has no column {name!r}; {hint}")


def _task(column: str, entry: Any, names: set[str], where: str) -> tuple[Declared, dict[str, Any]]:
    _column(column, names, where)
    entry = {"metric": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, Mapping) or not isinstance(entry.get("metric"), str):
        raise ResultsError(
            f'{where}, tasks.{column}: say what the column is, for example "exact_match/100" for '
            "a percentage of right answers"
        )
    for key in entry:
        if key not in _TASK:
            raise ResultsError(
                f"{where}, tasks.{column}: unknown {key!r}; known: {', '.join(_TASK)}"
            )
    task: dict[str, Any] = {key: entry.get(key) for key in _TASK}
    task["task"] = clean(task["task"] or column)
    for key in ("n", "stderr"):
        if isinstance(task[key], str):
            _column(task[key], names, where)
        elif task[key] is not None and as_number(task[key]) is None:
            raise ResultsError(f"{where}, tasks.{column}: {key} must be a number or a column")
    for key in ("shots", "seed"):
        if task[key] is not None and whole(task[key]) is None:
            raise ResultsError(f"{where}, tasks.{column}: {key} must be a whole number from 0")
    level = 0.0 if task["chance"] is None else as_number(task["chance"])
    if level is None or not 0 <= level < 1:
        raise ResultsError(f"{where}, tasks.{column}: chance must be from 0 to below 1")
    try:
        return parse_declaration(entry["metric"]), task
    except ResultsError as error:
        raise ResultsError(f"{where}, tasks.{column}: {error}") from None


@dataclass(frozen=True)
class _Scale:
    """A column that holds an axis of scale, and its unit; None where the user names none."""

    axis: Axis
    column: str
    unit: float | None

    def of(self, row: Mapping[str, Any]) -> Any:
        """Scale in a row, NaN (None for a date) where there is none.

        A number that no language model has, and a date that is not ISO, are a ValueError.
        """
        cell = row[self.column]
        if self.axis.dated:
            return self._date(cell)
        cell = _cell(cell)
        suffixed = _SUFFIXED.fullmatch(cell) if isinstance(cell, str) else None
        if suffixed and self.unit is not None:
            raise ValueError(
                f"{self.axis.name} {cell!r} has a unit of its own beside unit = {self.unit:g} of "
                "the map; drop one of the two"
            )
        number, own = suffixed.groups() if suffixed else (cell, "")
        value = as_number(number)
        if value is None or value <= 0:
            return math.nan
        value *= _UNITS[own.upper()] if own else self.unit or 1.0
        self._believe(value, cell, declared=bool(own) or self.unit is not None)
        return value

    def _believe(self, value: float, cell: Any, declared: bool) -> None:
        axis = self.axis
        name, column = axis.name, self.column.replace('"', '\\"')
        if value > axis.most:
            raise ValueError(
                f"{name} {cell} is {value:g}, more {axis.words} than any model has; correct the "
                f'unit in the map: {name} = {{ column = "{column}", unit = 1 }}'
            )
        if value < axis.least and not declared:
            usual = "1e21 } for zettaFLOPs" if name == "flops" else "1e9 } for billions"
            raise ValueError(
                f"{name} {cell} is below {axis.least:,.0f}, fewer {axis.words} than any language "
                f'model has. Give the unit in the map: {name} = {{ column = "{column}", '
                f"unit = {usual}, or unit = 1 if it is meant as it stands"
            )

    def _date(self, cell: Any) -> str | None:
        text = "" if cell is None or pd.isna(cell) else str(cell).strip()
        if text.lower() in MISSING:
            return None
        day = parse_date(text)
        if day is None:
            raise ValueError(
                f"{self.axis.name} {text!r} is not an ISO date; write year-month-day: 2024-05-13"
            )
        return day.isoformat()


def _axis(name: str, entry: Any, names: set[str], where: str) -> _Scale:
    plain = isinstance(entry, str)
    entry = {"column": entry} if plain else entry
    given = isinstance(entry, Mapping) and "unit" in entry
    unit = as_number(entry["unit"]) if given else None
    if (
        not isinstance(entry, Mapping)
        or set(entry) - {"column", "unit"}
        or "column" not in entry
        or (given and (unit is None or unit <= 0))
        or (given and AXES[name].dated)
    ):
        more = "" if AXES[name].dated else ', or { column = "…", unit = 1e9 }'
        raise ResultsError(f"{where}, axes.{name}: write the column's name{more}")
    return _Scale(AXES[name], _column(entry["column"], names, where), unit)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip().removesuffix("%").strip()
        return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    return value


def _value(row: dict[str, Any], entry: Any) -> float | None:
    return as_number(_cell(row[entry]) if isinstance(entry, str) else entry)
