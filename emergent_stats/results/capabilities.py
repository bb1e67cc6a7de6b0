"""Capability from many benchmarks as an axis of scale (Ruan et al. 2024, arXiv 2405.10938).

Families differ in recipe, so parameters or FLOPs do not put their models on
one line; what the models can do on other tasks does better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emergent_stats.model.curve import Curve

_ROUNDS = 200


@dataclass(frozen=True, eq=False)
class Capability:
    """First principal component of the models' scores.

    Attributes
    ----------
    score : Series
        Per model, in standard deviations over the models; rises with capability.
    error : Series
        Its standard error, by leaving out one task at a time (jackknife).
    share : float
        Share of the variance that the component explains.
    tasks : tuple of str
    left_out : tuple of str
        Models with too few scores, and tasks that are the same for every model.
    """

    score: pd.Series
    error: pd.Series
    share: float
    tasks: tuple[str, ...]
    left_out: tuple[str, ...]


def capability(
    table: pd.DataFrame, *, without: Sequence[str] = (), least: float = 0.6
) -> Capability:
    """Capability of every model of a results table.

    Scores go in as log-odds (half an example added on either side), centred
    and scaled by task; a missing one is filled with what the component says.

    Parameters
    ----------
    table : DataFrame
        Results table with one row per model, task and metric.
    without : sequence of str
        Tasks to leave out: the one that is to be explained.
    least : float
        Smallest share of the tasks that a model must have.

    Raises
    ------
    ValueError
        If fewer than three tasks or four models are left.
    """
    used = table[~table["task"].isin(list(without)) & table["score"].between(0, 1)]
    column = used["task"].astype(str) + " " + used["metric"].astype(str)
    wide = used.assign(column=column).pivot_table(index="model", columns="column", values="score")
    n = 1000.0
    odds: Any = np.log((wide * n + 0.5) / ((1 - wide) * n + 0.5))
    constant = [str(c) for c in odds.columns if not odds[c].std() > 0]
    odds = odds.drop(columns=constant)
    few = odds.notna().mean(axis=1) < least
    left_out = [f"{c}: the same for every model" for c in constant]
    left_out += [f"{m}: fewer than {least:.0%} of the tasks" for m in odds.index[few]]
    odds = odds[~few]
    if odds.shape[1] < 3 or odds.shape[0] < 4:
        raise ValueError(
            f"a capability score needs 3 tasks and 4 models, got {odds.shape[1]} and "
            f"{odds.shape[0]}; leave out fewer"
        )
    values = ((odds - odds.mean()) / odds.std()).to_numpy(float)
    score, share = _component(values)
    count = values.shape[1]
    each = np.stack([_component(np.delete(values, j, axis=1))[0] for j in range(count)])
    error = np.sqrt((count - 1) / count * ((each - each.mean(0)) ** 2).sum(0))
    return Capability(
        pd.Series(score, odds.index), pd.Series(error, odds.index), share,
        tuple(map(str, odds.columns)), tuple(left_out),
    )  # fmt: skip


def _component(values: np.ndarray) -> tuple[np.ndarray, float]:
    """First component (unit variance, rising with the tasks' mean) and its share of variance."""
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    share = 0.0
    for _ in range(_ROUNDS if missing.any() else 1):
        u, s, v = np.linalg.svd(filled - filled.mean(0), full_matrices=False)
        fitted = s[0] * np.outer(u[:, 0], v[0]) + filled.mean(0)
        filled = np.where(missing, fitted, values)
        share = float(s[0] ** 2 / (s**2).sum())
    sign = np.sign(v[0].sum()) or 1.0
    return sign * u[:, 0] * np.sqrt(len(u)), share


def on_capability(rows: pd.DataFrame, found: Capability) -> tuple[Curve, np.ndarray]:
    """Curve of one series against capability, and the standard error of its scale.

    The axis is "flops" in name only: its value is 10^score, so that `Curve.x`
    is the capability score itself and slopes are nats per standard deviation.

    Returns
    -------
    curve : Curve
    x_error : (m,) array
        For `posterior.fit`.
    """
    kept: Any = rows[rows["model"].isin(list(found.score.index))]
    if len(kept) == 0:
        raise ValueError("none of these models has a capability score; compare their names")
    lost = len(rows) - len(kept)
    notes = (f"{lost} models without a capability score left out",) if lost else ()
    value = found.score.loc[kept["model"]].to_numpy(float)
    first = kept.iloc[0]
    curve = Curve(
        10.0**value, kept["score"].to_numpy(float), str(first["metric"]), axis="flops",
        n=kept["n"].to_numpy(float, na_value=np.nan),
        stderr=kept["stderr"].to_numpy(float, na_value=np.nan),
        chance=float(kept["chance"].astype(float).mean()), models=tuple(kept["model"].astype(str)),
        key={"study": str(first["study"]), "family": "all", "task": str(first["task"])},
        warnings=(*notes, "the axis is a capability score, not FLOPs"),
    )  # fmt: skip
    error = found.error.loc[list(curve.models)].to_numpy(float)
    return curve, error
