"""Checks of a results table: one error that lists every offending row with its fix."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from emergent_stats.model.axes import AXES, parse_date
from emergent_stats.model.metrics import ALIASES, METRICS, limits
from emergent_stats.results.files import ResultsError
from emergent_stats.results.schema import (
    COLUMN_ALIASES,
    COLUMNS,
    FLOATS,
    REQUIRED,
    SERIES_KEY,
    TEXTS,
    WHOLE,
)

MISSING = ("", "na", "n/a", "nan", "null", "none", "<na>", "-", "–", "—")
_SHOWN = 10
_DATES = tuple(name for name in AXES if name in TEXTS)
_NUMERIC_AXES = tuple(name for name in AXES if name in FLOATS)


class _Problems:
    """What is wrong with a table, told by row."""

    def __init__(self, source: str, labels: pd.Index) -> None:
        self.source, self.labels = source, labels
        self.found: list[tuple[int, str]] = []
        self.total = 0
        #: Column → cells that are no numbers, so that they are not called empty as well.
        self.unread: dict[str, np.ndarray] = {}

    def rows(self, bad: np.ndarray, say: Callable[[int], str]) -> None:
        """Note every row where `bad`; `say(i)` is asked only for those that will be shown."""
        positions = np.flatnonzero(bad)
        self.total += len(positions)
        self.found += [
            (int(i), f"{self.source}, row {self.labels[i]}: {say(int(i))}")
            for i in positions[:_SHOWN]
        ]

    def check(self) -> None:
        if not self.total:
            return
        lines = [text for _, text in sorted(self.found, key=lambda item: item[0])[:_SHOWN]]
        if self.total > len(lines):
            lines.append(f"… and {self.total - len(lines):,} more")
        raise ResultsError("\n".join(lines))


def validate(frame: pd.DataFrame, source: str = "table") -> pd.DataFrame:
    """Results table in canonical columns and dtypes, or one error that lists what is wrong.

    Columns that the table does not know are left out, identical rows are kept
    once; both are said in ``attrs["notes"]`` of the result.

    Parameters
    ----------
    frame : DataFrame
        One row per score, columns as in `COLUMNS`; optional ones may be absent.
    source : str
        What to call the table in messages. Rows are called by the index of `frame`.

    Returns
    -------
    DataFrame
        Columns `COLUMNS` in that order, index 0..len-1.

    Raises
    ------
    ResultsError
        Listing the offending rows (the first ten), each with its value and the fix.
    """
    notes: list[str] = []
    if len(frame) == 0:
        raise ResultsError(f"{source}: has no rows; a results table needs one row per score")
    frame = _known_columns(frame, source, notes)
    labels = frame.index
    problems = _Problems(source, labels)
    table = {name: _text(frame, name, source) for name in TEXTS}
    for name in _DATES:
        table[name] = _dates(table[name], problems)
    numbers = {name: _numbers(frame, name, problems) for name in (*FLOATS, *WHOLE)}

    _check_texts(table, problems)
    _check_numbers(numbers, problems)
    _check_axes(table, numbers, problems)
    _check_scores(table["metric"], numbers, problems)
    problems.check()

    result = pd.DataFrame(
        {
            name: table[name].array
            if dtype == "str"
            else pd.array(numbers[name], dtype=dtype)
            if dtype == "float64"
            else _whole(numbers[name])
            for name, (dtype, _) in COLUMNS.items()
        }
    )
    result = _without_duplicates(result, problems, notes)
    problems.check()
    result.attrs["notes"] = tuple(notes)
    return result


def _known_columns(frame: pd.DataFrame, source: str, notes: list[str]) -> pd.DataFrame:
    names = [str(name).strip().lower() for name in frame.columns]
    names = [COLUMN_ALIASES.get(name, name) for name in names]
    for name in COLUMNS:
        if names.count(name) > 1:
            raise ResultsError(f"{source}: the column {name!r} stands twice; keep one")
    missing = [name for name in REQUIRED if name not in names]
    extra = [name for name in dict.fromkeys(names) if name not in COLUMNS]
    absent = set(COLUMNS) - set(names)
    close = {name: difflib.get_close_matches(name, absent, 1, 0.8) for name in extra}
    hints = {name: found[0] for name, found in close.items() if found}
    if missing or hints:
        text = []
        if missing:
            plural = "s" if len(missing) > 1 else ""
            told = "; ".join(f"{name!r} ({COLUMNS[name][1]})" for name in missing)
            text.append(f"{source}: required column{plural} missing: {told}. Add to each row")
            if {"task", "score"} <= set(missing) and _wide(frame, names):
                text.append(
                    f"Is each task a column of its own? Make a results table of it: "
                    f"emergent-stats import wide {source} --columns map.toml --out mine.parquet "
                    "(import --help shows a map)"
                )
        text += [
            f"{source}: unknown column {wrong!r}; did you mean {right!r}?"
            for wrong, right in hints.items()
        ]
        raise ResultsError("\n".join(text))
    if not set(AXES) & set(names):
        raise ResultsError(
            f"{source}: no axis of scale; add at least one of the columns {', '.join(AXES)}"
        )
    if extra:
        notes.append(f"columns not used: {', '.join(extra)}")
    kept = [i for i, name in enumerate(names) if name in COLUMNS]
    return frame.iloc[:, kept].set_axis([names[i] for i in kept], axis=1)


def _wide(frame: pd.DataFrame, names: list[str]) -> bool:
    """Whether two columns or more that the results table does not know hold numbers."""
    unknown = frame.iloc[:, [i for i, name in enumerate(names) if name not in COLUMNS]]
    numbers = unknown.apply(pd.to_numeric, errors="coerce")
    return int((numbers.notna().mean() > 0.5).sum()) >= 2


def _text(frame: pd.DataFrame, name: str, source: str) -> pd.Series:
    if name not in frame:
        return pd.Series(np.full(len(frame), np.nan, dtype=object), dtype="str", name=name)
    column = frame[name].reset_index(drop=True)
    gone = column.isna()
    for value in column if column.dtype == object else ():
        if pd.api.types.is_list_like(value) or isinstance(value, bytes):
            raise ResultsError(f"{source}: a {name} is {value!r}, which is no text; write its name")
    try:  # a name is one line
        column = column.astype("str").str.strip().str.replace(r"[\r\n]\s*", " ", regex=True)
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise ResultsError(
            f"{source}: a {name} holds text that is no Unicode ({error.object!r}); write it again"
        ) from None
    return column.mask(gone | (column == ""))


def _dates(column: pd.Series, problems: _Problems) -> pd.Series:
    """Column of dates as ISO days; times of the day are left out."""
    column = column.mask(column.str.lower().isin(MISSING).to_numpy(bool, na_value=False))
    days = {text: parse_date(text) for text in column.dropna().unique()}
    unread = column.isin([text for text, day in days.items() if day is None]).to_numpy(bool)
    problems.unread[str(column.name)] = unread
    problems.rows(
        unread,
        lambda i: (
            f"{column.name} {column[i]!r} is not an ISO date; write year-month-day: 2024-05-13"
        ),
    )
    told = {text: day.isoformat() for text, day in days.items() if day is not None}
    return column.map(told).astype("str") if told else column.mask(unread)


def _numbers(frame: pd.DataFrame, name: str, problems: _Problems) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    column = frame[name]
    boolean = pd.api.types.is_bool_dtype(column.dtype)
    if pd.api.types.is_numeric_dtype(column.dtype) and not boolean:
        return column.to_numpy(dtype=float, na_value=np.nan)
    cells = column.to_numpy(dtype=object, na_value=None)
    if all(isinstance(cell, str) for cell in cells[:1000]) and column.dtype != object:
        codes, distinct = pd.factorize(cells)
        values = np.array([_number(cell) for cell in distinct] + [np.nan])[codes]
    else:
        values = np.array([_number(cell) for cell in cells])
    unread = problems.unread[name] = values == -np.inf
    problems.rows(
        unread,
        lambda i: (
            f"{name} {cells[i]!r} is not a finite number; write it plainly, with a point for "
            "decimals and nothing between thousands (0.45, 175000000000)"
        ),
    )
    return np.where(unread, np.nan, values)


def _number(cell: Any) -> float:
    """Number in a cell, NaN where there is none; −inf marks what is not a number."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return np.nan
    if isinstance(cell, bool | np.bool_) or (isinstance(cell, str) and "_" in cell):
        return -np.inf
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return -np.inf
    return -np.inf if np.isinf(value) else value


def _check_texts(table: dict[str, pd.Series], problems: _Problems) -> None:
    for name in REQUIRED:
        if name != "score":
            problems.rows(
                table[name].isna().to_numpy(),
                lambda i, name=name: f"{name} is empty; fill in {COLUMNS[name][1]}",
            )
    metric = table["metric"]
    known = f". Known: {', '.join(METRICS)}"
    for value in metric.dropna().unique():
        if value in METRICS:
            continue
        where = np.flatnonzero((metric == value).to_numpy())
        first = np.zeros(len(metric), bool)
        first[where[0]] = True
        more = f" (and {len(where) - 1:,} more rows)" if len(where) > 1 else ""
        text = f"unknown metric {value!r}{more}; {_mean(value)}{known}"
        problems.rows(first, lambda i, text=text: text)
        known = ""  # once is enough


def _mean(value: str) -> str:
    """What a user who wrote the metric `value` may have meant."""
    if value.lower() in ("acc", "accuracy"):
        return (
            "write 'multiple_choice' where answers were picked from options (and fill `chance`), "
            "'exact_match' where they were written freely"
        )
    aliases = {alias.lower(): name for alias, name in ALIASES.items()}
    if value.lower() in aliases:
        return f"write {aliases[value.lower()]!r}"
    names = {name.lower(): name for name in (*METRICS, *ALIASES)}
    close = difflib.get_close_matches(value.lower().replace(" ", "_"), names, 1)
    if not close:
        return "use a known one"
    return f"did you mean {ALIASES.get(names[close[0]], names[close[0]])!r}?"


def _check_numbers(numbers: dict[str, np.ndarray], problems: _Problems) -> None:
    def rows(name: str, bad: np.ndarray, text: str) -> None:
        problems.rows(bad, lambda i: f"{name} {numbers[name][i]:.15g} {text}")

    for name, values in numbers.items():
        if name != "score":
            rows(name, np.isinf(values), "is infinite; leave the cell empty if it is unknown")
    for name in _NUMERIC_AXES:
        rows(
            name,
            numbers[name] <= 0,
            "is not above 0 and has no place on a log scale; leave the cell empty or the row out",
        )
    for name in WHOLE:
        values = numbers[name]
        rows(name, np.isfinite(values) & (values != np.round(values)), "is not a whole number")
        rows(name, np.abs(values) >= 2**53, "is too large to be true; leave the cell empty")
    rows("n", numbers["n"] < 1, "is below 1; n counts the examples scored, empty if unknown")
    for name in ("shots", "seed", "stderr", "chance"):
        rows(name, numbers[name] < 0, "is negative; leave the cell empty if it is unknown")
    rows("answer_tokens", numbers["answer_tokens"] <= 0, "is not above 0; empty if unknown")


def _check_axes(
    table: dict[str, pd.Series], numbers: dict[str, np.ndarray], problems: _Problems
) -> None:
    """Every row has a scale; a cell that cannot be read counts, it has its own message."""
    filled = np.column_stack([~np.isnan(numbers[name]) for name in _NUMERIC_AXES]).any(axis=1)
    for name in _DATES:
        filled |= table[name].notna().to_numpy()
    for name in AXES:
        filled |= problems.unread.get(name, False)
    problems.rows(
        ~filled,
        lambda i: f"no axis of scale; fill at least one of {', '.join(AXES)}",
    )


def _check_scores(metric: pd.Series, numbers: dict[str, np.ndarray], problems: _Problems) -> None:
    score, stderr, chance = numbers["score"], numbers["stderr"], numbers["chance"]
    ends = {name: limits(name) for name in metric.unique()}
    low, high = (metric.map({n: e[i] for n, e in ends.items()}).to_numpy(float) for i in (0, 1))
    share = metric.isin([n for n, cls in METRICS.items() if cls.range[1] == 1.0]).to_numpy()
    problems.rows(
        np.isnan(score) & ~problems.unread.get("score", np.zeros(len(score), bool)),
        lambda i: "score is missing (empty or NaN); fill it in or delete the row",
    )
    problems.rows(
        np.isinf(score), lambda i: f"score {score[i]} is infinite; fill it in or delete the row"
    )
    problems.rows(
        np.isfinite(score) & (score < low),
        lambda i: (
            f"score {score[i]} is below {low[i]:g}, the bottom of {metric[i]!r}; "
            "correct it or choose another metric"
        ),
    )
    problems.rows(
        np.isfinite(score) & (score > high),
        lambda i: (
            f"score {score[i]} is above {high[i]:g}, the top of {metric[i]!r}. "
            + _too_high(score[i], str(metric[i]))
        ),
    )
    problems.rows(
        share & (stderr > 1),
        lambda i: f"stderr {stderr[i]} is above 1. Was it a percentage? Divide by 100",
    )
    problems.rows(
        share & np.isfinite(chance) & (chance >= 1),
        lambda i: (
            f"chance {chance[i]} is not below 1, the top of {metric[i]!r}. "
            "Was it a percentage, or the number of options? Write 0.25 for four options"
        ),
    )
    choice = metric.isin([n for n, cls in METRICS.items() if cls.needs_chance]).to_numpy()
    problems.rows(
        choice & ~(chance > 0) & ~(chance < 0),
        lambda i: (
            f"{metric[i]!r} needs a chance level; fill `chance` with 1 / number of options "
            "(0.25 for four), or write 'exact_match' if answers were written freely"
        ),
    )


def _too_high(score: float, metric: str) -> str:
    """What to do about a score above its top."""
    if score <= METRICS[metric].range[1]:
        return "Its lapse rate is fixed: correct the score or choose another metric"
    return "Was it a percentage? Divide by 100" if score <= 100 else "Correct it"


def _whole(values: np.ndarray) -> Any:
    missing = np.isnan(values)
    return pd.arrays.IntegerArray(np.where(missing, 0, values).astype("int64"), missing)


def _without_duplicates(table: pd.DataFrame, problems: _Problems, notes: list[str]) -> pd.DataFrame:
    """Table without repeated rows; the same model twice with different numbers is a problem."""
    key = [*SERIES_KEY, "model", *AXES]
    if not table.duplicated(key).any():
        return table
    said = ["score", "n", "stderr", "chance", "answer_tokens"]
    kept = ~table.duplicated([*key, *said])
    again = table.loc[kept].duplicated(key)
    labels = problems.labels

    group = table.groupby(key, sort=False, dropna=False).ngroup().to_numpy()

    def say(i: int) -> str:
        j = int(np.flatnonzero(group == group[i])[0])
        row, first = table.iloc[i], table.iloc[j]
        name = next(c for c in said if str(first[c]) != str(row[c]))
        return (
            f"contradicts row {labels[j]}: {name} {row[name]} against {first[name]} "
            f"for the same model {row['model']!r}, task {row['task']!r} and metric "
            f"{row['metric']!r} at the same scale; keep one, or number the runs in `seed`"
        )

    bad = np.zeros(len(table), bool)
    bad[again.index.to_numpy()[again.to_numpy()]] = True
    problems.rows(bad, say)
    dropped = int((~kept).sum())
    if dropped:
        notes.append(f"{dropped} repeated row{'s' if dropped > 1 else ''} counted once")
    return table.loc[kept].reset_index(drop=True)
