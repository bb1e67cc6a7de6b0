"""Choosing series from a results table by what a user types: names, `*` patterns, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from emergent_stats.model.axes import AXES
from emergent_stats.model.curve import AXIS_UNITS, Curve
from emergent_stats.model.metrics import ALIASES
from emergent_stats.results.files import ResultsError
from emergent_stats.results.shipped import did_you_mean

#: Most existing values that a message lists.
_LISTED = 12


def select(
    frame: pd.DataFrame,
    *,
    task: Sequence[str] | None = None,
    family: Sequence[str] | None = None,
    metric: Sequence[str] | None = None,
    shots: Sequence[int] | None = None,
    axis: str | None = None,
) -> pd.DataFrame:
    """Rows of a validated results table that match every filter.

    Parameters
    ----------
    frame : DataFrame
        Results table.
    task, family, metric : sequences of str, optional
        Names of which one must match; case is ignored and ``*``, ``?`` stand
        for any text and any letter. A metric may go by an alias (`acc`).
        None or empty: all.
    shots : sequence of int, optional
        Numbers of shots of which one must match. None or empty: all, also unknown ones.
    axis : str, optional
        Scale axis: rows in which it is not filled are left out.

    Raises
    ------
    ResultsError
        If nothing is left, with the values that exist.

    Examples
    --------
    >>> from emergent_stats.results.corpus import load
    >>> select(load("gpt3"), task=["lambada*"], shots=[0])["metric"].unique().tolist()
    ['exact_match', 'perplexity']
    """
    metric = [ALIASES.get(name, name) for name in metric or ()]
    chosen = frame
    for column, wanted in (("family", family), ("task", task), ("metric", metric)):
        if wanted:
            chosen = _matching(chosen, column, wanted)
    if shots:
        kept = chosen.loc[chosen["shots"].isin(list(shots)).fillna(False)]
        if kept.empty:
            known = sorted(int(k) for k in chosen["shots"].dropna().unique())
            raise ResultsError(
                f"--shots {' '.join(map(str, shots))} matches nothing; {_exist(known, 'shots')}"
            )
        chosen = kept
    if axis is not None:
        kept = chosen.loc[chosen[axis].notna()]
        if kept.empty:
            filled = [name for name in AXES if bool(chosen[name].notna().any())]
            raise ResultsError(f"--axis {axis}: no row has it; {_exist(filled, 'axes')}")
        chosen = kept
    return chosen


def _matching(frame: pd.DataFrame, column: str, wanted: Sequence[str]) -> pd.DataFrame:
    values = [str(value) for value in frame[column].unique()]
    found: set[str] = set()
    for pattern in wanted:
        hits = [v for v in values if v == pattern] or [
            v for v in values if fnmatchcase(v.casefold(), pattern.casefold())
        ]
        if not hits:
            hint = did_you_mean(pattern, values)
            raise ResultsError(
                f"--{column} {pattern!r} matches nothing; {hint}{_exist(sorted(values), column)}"
            )
        found.update(hits)
    return frame.loc[frame[column].isin(sorted(found))]


def _exist(values: Sequence[object], what: str) -> str:
    shown = ", ".join(map(str, values[:_LISTED])) or "none"
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    if more and what == "task":
        more += "; emergent-stats show SOURCE --tasks lists them"
    return f"{what} here: {shown}{more}"


def default_axis(rows: Any) -> str:
    """Axis filled for the most rows, then with the most distinct values.

    Ties go to params, step, tokens, flops in this order; the date of release
    only where it is filled for more rows than any of these, since it orders
    models and does not measure them; loss only if nothing else varies, since
    every run has a loss of its own.
    """
    order = ("params", "step", "tokens", "flops")
    counts = {a: (rows[a].nunique() > 1, rows[a].notna().sum(), rows[a].nunique()) for a in order}  # noqa: PD101
    best = max(order, key=lambda a: counts[a])
    if (
        "date" in rows
        and (rows["date"].nunique() > 1, rows["date"].notna().sum()) > counts[best][:2]  # noqa: PD101
    ):
        return "date"
    return best if counts[best][0] or rows["loss"].nunique() < 2 else "loss"


def _mean(values: np.ndarray) -> float:
    filled = values[np.isfinite(values)]
    return float(filled.mean()) if filled.size else float("nan")


def _whole(value: Any) -> int | None:
    from pandas import isna

    return None if isna(value) else int(value)


def curves(frame: Any, axis: str | None = None) -> list[Curve]:
    """Every series of a results table as a `Curve`, in table order.

    Parameters
    ----------
    frame : DataFrame
        Columns as in `schema.COLUMNS`: study, family, model, task, metric, score and
        at least one axis of scale. The others may be absent.
    axis : str, optional
        Scale axis. Default: see `default_axis`, for each series.

    Raises
    ------
    ResultsError
        Listing what is wrong with the table, by row.
    """
    from emergent_stats.results.corpus import series

    return [curve_from_rows(rows, axis) for _, rows in series(frame)]


def curve_from_rows(rows: Any, axis: str | None = None) -> Curve:
    """Curve of one series of a validated results table.

    Parameters
    ----------
    rows : DataFrame
        Rows of one (study, family, task, metric, shots, seed); optional columns may
        be absent.
    axis : str, optional
        Scale axis. Default: see `default_axis`.

    Raises
    ------
    ValueError
        If no row has a value for the axis, or the rows are no results table.
    """
    from emergent_stats.results.corpus import completed

    rows = completed(rows)
    axis = axis or default_axis(rows)
    if axis not in AXIS_UNITS:
        raise ValueError(f"unknown axis {axis!r}; use one of {', '.join(AXIS_UNITS)}")
    there = [a for a in AXIS_UNITS if a in rows]
    kept = rows[rows[axis].notna()] if axis in there else rows.iloc[:0]
    notes = []
    if len(kept) == 0:
        filled = [a for a in there if rows[a].notna().any()]
        raise ValueError(f"no row has a value for the axis {axis!r}; filled: {filled}")
    if len(kept) < len(rows):
        lost = ", ".join(rows.loc[rows[axis].isna(), "model"].astype(str).head(3))
        notes.append(f"{len(rows) - len(kept)} models without {axis} left out ({lost})")
    chance = kept["chance"].to_numpy(float, na_value=np.nan)
    tokens = kept["answer_tokens"].to_numpy(float, na_value=np.nan)
    if "assumed" in kept:
        names = sorted({p.strip() for v in kept["assumed"].dropna() for p in v.split(",")} - {""})
        if names:
            notes.append(f"assumed, not published: {', '.join(names)}")
    first = kept.iloc[0]
    return Curve(
        axis_values=AXES[axis].read(kept[axis]),
        score=kept["score"].to_numpy(float),
        n=kept["n"].to_numpy(float, na_value=np.nan),
        stderr=kept["stderr"].to_numpy(float, na_value=np.nan),
        metric=str(first["metric"]),
        chance=_mean(chance),
        answer_tokens=_mean(tokens),
        axis=axis,
        models=tuple(kept["model"].astype(str)),
        key={
            "study": str(first["study"]),
            "family": str(first["family"]),
            "task": str(first["task"]),
            "shots": _whole(first["shots"]),
            "seed": _whole(first["seed"]),
        },
        warnings=tuple(notes),
    )
