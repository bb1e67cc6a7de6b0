"""The tidy results table, and the studies that ship with the package.

One row is one model's score on one task under one metric; a series is one
(study, family, task, metric, shots, seed) along one axis of scale. The columns
are defined in `schema`, the checks in `checks`, the file formats in `files`;
this module is the door to all of them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pandas as pd

from emergent_stats.model.axes import AXES
from emergent_stats.model.metrics import METRICS
from emergent_stats.results.checks import validate
from emergent_stats.results.files import SUFFIXES, ResultsError, read_table, write_table
from emergent_stats.results.schema import COLUMNS, COUNTS, FLOATS, OPTIONAL, SERIES_KEY, WHOLE
from emergent_stats.results.shipped import data_dir, did_you_mean, names

__all__ = [
    "AXES",
    "COLUMNS",
    "SERIES_KEY",
    "ResultsError",
    "about",
    "citation",
    "completed",
    "data_dir",
    "load",
    "load_source",
    "names",
    "published_claims",
    "read",
    "series",
    "stored",
    "studies",
    "validate",
    "write",
]


# --- files ----------------------------------------------------------------------------
def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Validated results table from a .csv, .parquet or .json file.

    A byte-order mark, semicolons, tabs and decimal commas are understood in
    CSV. Messages call a CSV row by the number a spreadsheet shows, a row of
    another file by its position counted from 0.

    Raises
    ------
    ResultsError
        If the file cannot be read or its rows are not valid.
    """
    frame = read_table(path, decimals=FLOATS, counts=COUNTS)
    return validate(frame, source=os.fspath(path))


def write(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to .csv, .parquet or .json by the suffix, all of it or nothing."""
    write_table(stored(frame), path)


def stored(frame: pd.DataFrame) -> pd.DataFrame:
    """Table as files hold it: without the `OPTIONAL` columns that no row fills."""
    empty = [name for name in OPTIONAL if name in frame and not len(frame[name].dropna())]
    return frame.drop(columns=empty)


def about(study: str) -> dict[str, Any]:
    """What `source.toml` says of a study: citation, licence, files, how obtained, traps.

    Raises
    ------
    ResultsError
        For an unknown study, with the close names.
    """
    if study not in names():
        raise _unknown(study)
    with open(data_dir() / study / "source.toml", "rb") as file:
        return tomllib.load(file)


def _unknown(study: str) -> ResultsError:
    hint = did_you_mean(study, names())
    return ResultsError(f"unknown study {study!r}; {hint}known: {', '.join(names())}")


def load(study: str) -> pd.DataFrame:
    """Validated results table of a shipped study; `studies()` lists them.

    Raises
    ------
    ResultsError
        For an unknown study, with the close names.

    Examples
    --------
    >>> table = load("gpt3")
    >>> len(table)
    1512
    """
    about(study)
    path = data_dir() / study / "results.parquet"
    if not path.exists() and path.with_name("claims.parquet").exists():
        raise ResultsError(
            f"study {study!r} is a list of claims without scores; read it with published_claims()"
        )
    return validate(read_table(path), source=study)


def published_claims(study: str = "wei-claims") -> pd.DataFrame:
    """Published claims of where abilities emerge (ability, model, train_flops, params, reference).

    Raises
    ------
    ResultsError
        For a study that holds no claims.
    """
    about(study)
    path = data_dir() / study / "claims.parquet"
    if not path.exists():
        raise ResultsError(f"study {study!r} holds scores, not claims; read it with load()")
    return read_table(path)


def load_source(name_or_path: str | os.PathLike[str]) -> pd.DataFrame:
    """Validated results table of a study's name or a file in the results-table columns.

    Raises
    ------
    ResultsError
        If it is neither, or the file is not valid.
    """
    text = os.fspath(name_or_path)
    if text in names():
        return load(text)
    if Path(text).suffix.lower() in SUFFIXES or Path(text).exists() or os.sep in text:
        return read(text)
    raise ResultsError(f"{_unknown(text)}. A file ends in {', '.join(SUFFIXES)}")


def studies() -> pd.DataFrame:
    """Shipped studies, one row each.

    Returns
    -------
    DataFrame
        study, title, series, rows, models, tasks, metrics and axes (comma-separated),
        licence, citation. A study of claims has 0 series.
    """
    rows = []
    for name in names():
        info = about(name)
        path = data_dir() / name / "results.parquet"
        table = read_table(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))
        used = set(table["metric"].unique())
        rows.append(
            {
                "study": name,
                "title": info["title"],
                "series": len(table[SERIES_KEY].drop_duplicates()),
                "rows": len(table),
                "models": table["model"].nunique(),
                "tasks": table["task"].nunique(),
                "metrics": ", ".join(m for m in METRICS if m in used),
                "axes": ", ".join(
                    axis
                    for axis in AXES
                    if axis in table and bool(table[axis].notna().to_numpy().any())
                ),
                "licence": info["licence"],
                "citation": citation(info),
            }
        )
    return pd.DataFrame(rows)


def citation(info: dict[str, Any]) -> str:
    """One-line citation of a study from its `source.toml`."""
    authors = info["authors"]
    who = authors[0] if len(authors) == 1 else f"{authors[0]} et al."
    if len(authors) == 2:
        who = " and ".join(authors)
    where = [info["venue"]] if info.get("venue") else []
    where += [f"arXiv {info['arxiv']}"] if info.get("arxiv") else []
    where += [f"doi {info['doi']}"] if info.get("doi") else []
    return f"{who} ({info['year']}). {info['title']}. {', '.join(where)}"


# --- series ---------------------------------------------------------------------------
def completed(frame: pd.DataFrame, source: str = "table") -> pd.DataFrame:
    """`frame` itself if it has the columns and dtypes of a results table, else validated.

    Raises
    ------
    ResultsError
        If it is no DataFrame, or `validate` refuses it.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ResultsError(
            f"{source}: is a {type(frame).__name__}, not a DataFrame; make one with a row per score"
        )
    dtypes = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    if all(dtypes.get(name) == dtype for name, (dtype, _) in COLUMNS.items()):
        return frame
    return validate(frame, source=source)


def series(frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Every series of a table: its key and its rows, in order of first appearance.

    A table that was not made by this package is validated; optional columns may be absent.
    """
    frame = completed(frame)
    for values, rows in frame.groupby(SERIES_KEY, sort=False, dropna=False):
        key: dict[str, Any] = {}
        for name, value in zip(SERIES_KEY, cast("tuple[Any, ...]", values), strict=True):
            gone = value is None or value is pd.NA or value != value
            key[name] = None if gone else int(cast(int, value)) if name in WHOLE else value
        yield key, rows
