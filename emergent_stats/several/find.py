"""Which series of a table belong together: metrics of the same outputs, seeds of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.results.checkpoints import thinned
from emergent_stats.results.files import ResultsError
from emergent_stats.results.selection import curve_from_rows, default_axis
from emergent_stats.several.seeds import usable_seeds
from emergent_stats.several.views import Views, pick

_SERIES = ["study", "family", "task", "shots", "seed"]
_LISTED = 6


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A task that could not be compared, and why."""

    key: Mapping[str, Any]
    reason: str


def find_pairs(frame: Any, axis: str | None = None) -> tuple[list[Views], list[LeftOut]]:
    """Tasks of a results table that the same models were scored on by two metrics or more.

    Checkpoints of one run are thinned alike for all metrics: those that the
    metric with the fewest left keeps (see `checkpoints`).

    Parameters
    ----------
    frame : DataFrame
        Results table.
    axis : str, optional
        Scale axis; default: see `selection.default_axis`, for each task.

    Returns
    -------
    views : list of Views
        One for each study, family, task, number of shots and seed.
    left_out : list of LeftOut
        Tasks with two metrics that have too few scales or models in common.

    Raises
    ------
    ResultsError
        If no task has two metrics, or none of those that have can be compared.
    """
    found: list[Views] = []
    left: list[LeftOut] = []
    for key, rows in frame.groupby(_SERIES, sort=False, dropna=False):
        if rows["metric"].nunique() < 2:
            continue
        own = axis or default_axis(rows)
        metrics = [part for _, part in rows.groupby("metric", sort=False)]
        try:
            every = [curve_from_rows(part, own) for part in metrics]
            # a metric that is the same for all models shows nothing that another could be held to
            moving = [c for c in every if np.ptp(c.score) > 0]
            constant = ", ".join(c.metric for c in every if np.ptp(c.score) == 0)
            if len(moving) < 2:
                raise ValueError(f"{constant}: the same score for every model")
            views = Views.of(_thinned_alike(moving))
        except ValueError as error:
            named = dict(zip(_SERIES, key, strict=True))
            left.append(LeftOut(named, str(error)))
            continue
        found.append(
            Views(views.curves, (*views.notes, f"{constant}: constant, left out"))
            if constant
            else views
        )
    if not found:
        raise ResultsError(_nothing(frame, left))
    return found, left


def _thinned_alike(curves: list[Curve]) -> list[Curve]:
    fewest = min((thinned(c) for c in curves), key=lambda c: c.m)
    if fewest.m == max(c.m for c in curves):
        return curves
    names = [n for n in fewest.models if all(n in c.models for c in curves)]
    notes = {c.metric: fewest.warnings if c.metric == fewest.metric else c.warnings for c in curves}
    return [pick(c, names, notes[c.metric]) for c in curves]


def _nothing(frame: Any, left: list[LeftOut]) -> str:
    if left:
        why = "; ".join(f"{one.key['task']}: {one.reason}" for one in left[:_LISTED])
        more = f"; and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
        return f"no task can be compared under two metrics: {why}{more}"
    tasks = frame.groupby("task", sort=False)["metric"].first()
    shown = ", ".join(f"{t} ({m})" for t, m in list(tasks.items())[:_LISTED])
    more = f" and {len(tasks) - _LISTED} more" if len(tasks) > _LISTED else ""
    return (
        f"no task has two metrics of the same models; tasks here: {shown}{more}. Choose a study "
        "that has (gpt3 --task LAMBADA), or leave --metric out"
    )


def find_seeds(frame: Any, axis: str | None = None) -> tuple[list[Curve], list[LeftOut]]:
    """Tasks of a results table with several seeds at a scale: all seeds as one curve.

    Parameters and returns are those of `find_pairs`; a curve instead of views.

    Raises
    ------
    ResultsError
        If no task has two seeds at four scales.
    """
    found: list[Curve] = []
    left: list[LeftOut] = []
    names = ["study", "family", "task", "metric", "shots"]
    seen = 0
    for key, rows in frame.groupby(names, sort=False, dropna=False):
        seen = max(seen, int(rows["seed"].nunique()))
        if rows["seed"].nunique() < 2:
            continue
        own = axis or default_axis(rows)
        try:
            curve = curve_from_rows(rows, own)
            merged = dict(curve.key) | {"seed": None}
            curve = pick(curve, None, curve.warnings, merged)
            usable_seeds(curve)
        except ValueError as error:
            left.append(LeftOut(dict(zip(names, key, strict=True)), str(error)))
            continue
        found.append(curve)
    if not found:
        why = "; ".join(f"{one.key['task']}: {one.reason}" for one in left[:_LISTED])
        raise ResultsError(
            why
            or f"no task has two seeds: {seen} in the column seed, for {len(frame)} rows; a table "
            "of seeds has a row for each run, its number in the column seed"
        )
    return found, left
