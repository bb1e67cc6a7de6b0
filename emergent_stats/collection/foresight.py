"""Crossings: whether smaller models foresee at which scale a task passes a level of its score.

Every task, however it grows, at some scale passes a given level. The models
below a cut predict when (`forecast`). Two things are held against what
happened: whether as many tasks pass as predicted (one-sample log-rank test),
and whether the prediction beats one constant rate for all tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from emergent_stats.collection.fits import fit_all, posterior_draws, simulated_scores
from emergent_stats.collection.forecast import split
from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError

_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Foresight:
    """How well the models below a cut foresee when tasks pass a level.

    Attributes
    ----------
    curves : tuple of Curve
        T tasks whose small models have not passed the level.
    crossed : (T,) array of bool
        Whether a large model has; else the task is censored at the largest.
    at : (T,) array
        Scale of the first model beyond the level, or of the largest, in decades.
    expected : (T,) array
        Cumulative hazard up to there that the small models predicted.
    earlier : int
        Tasks that had passed the level below the cut: no question about them.
    observed_count, expected_count, z, p : float
        Crossings, and how many the small models predicted; one-sample log-rank
        statistic and its two-sided p-value. Too many: abilities come sooner
        than the small models say.
    log_predicted, log_constant : float
        Log likelihood of the crossings predicted from the smaller models, and
        under one constant rate per decade fitted to these very crossings.
    """

    curves: tuple[Curve, ...]
    crossed: np.ndarray
    at: np.ndarray
    expected: np.ndarray
    earlier: int
    observed_count: int
    expected_count: float
    z: float
    p: float
    log_predicted: float
    log_constant: float

    @property
    def gain(self) -> float:
        """Nats per crossing by which the small models foresee better than a constant rate."""
        return (self.log_predicted - self.log_constant) / max(self.observed_count, 1)


def foreseen(
    curves: Sequence[Curve],
    cut: float,
    level: float = 0.25,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Foresight:
    """Hold the scales at which tasks pass a level against what smaller models predict.

    Each task's small models are fitted with all accounts and carried on,
    noise included, to the large models' scales. The hazard of a task at a
    large model is the share of simulated futures that first pass the level
    there, among those that have not before. Time is discrete: the models.

    Parameters
    ----------
    curves : sequence of Curve
        Proportions in which higher is better.
    cut : float
        In the axis' own units.
    level : float
        Share of the way from chance to top, between 0 and 1.
    seed, jobs, progress
        As in `fits.fit_all`.

    Raises
    ------
    ResultsError
        For a level out of range, or if no task is left to predict.
    """
    if not 0 < level < 1:
        raise ResultsError(f"the level lies between 0 (chance) and 1 (top), got {level:g}")
    parts, earlier, reason = [], 0, ""
    for curve in curves:
        metric = curve.metric_object
        if metric.continuous or metric.direction < 0:
            reason = f"{curve.metric!r} has no level between chance and top"
            continue
        try:
            small, large = split(curve, cut)
        except ResultsError as error:
            reason = str(error)
            continue
        if _passes(small, small.score[None, :], level).any():
            earlier += 1
            continue
        parts.append((small, large))
    fits = fit_all([small for small, _ in parts], seed=seed, jobs=jobs, progress=progress)
    rows = []
    for fit in fits:
        for row, i in enumerate(fit.index):
            small, large = parts[i]
            rng = np.random.default_rng([seed, 71])
            hazard = _hazard(fit, row, small, large, level, rng)
            rows.append((int(i), float(small.x[-1]), large, hazard))
    if not rows:
        raise ResultsError(
            f"no task is left to predict beyond {cut:g}: {earlier} of {len(curves)} had passed "
            f"the level {level:g} before" + (f"; {reason}" if reason else "")
        )
    rows.sort(key=lambda row: row[0])
    return _foresight([row[1:] for row in rows], level, earlier)


def _passes(curve: Curve, scores: np.ndarray, level: float) -> np.ndarray:
    """Which scores (R, m) lie beyond a level, as a share of the way from chance to top."""
    chance = curve.chance if np.isfinite(curve.chance) else 0.0
    return scores >= chance + level * (1 - chance)


def _hazard(fit, row, small, large, level, rng) -> np.ndarray:
    """Predicted hazard of passing the level at each large model, (q,)."""
    drawn, weights = posterior_draws(fit, row, _DRAWS, rng)
    counts = rng.multinomial(_DRAWS, weights / weights.sum())
    scores = []
    for account, count in zip(ACCOUNTS, counts, strict=True):
        own = simulated_scores(drawn[account], large, small.centre, rng)
        scores.append(own[rng.choice(own.shape[0], count, replace=False)])
    passes = _passes(large, np.concatenate(scores), level)
    first = np.where(passes.any(1), passes.argmax(1), large.m)
    at_risk = np.array([(first >= j).sum() for j in range(large.m)])
    hit = np.array([(first == j).sum() for j in range(large.m)])
    return (hit + 0.5) / (at_risk + 1.0)


def _foresight(
    tasks: Sequence[tuple[float, Curve, np.ndarray]], level: float, earlier: int
) -> Foresight:
    """One-sample log-rank test and log likelihoods, from each task's predicted hazard."""
    crossed, at, expected, variance, log_p, gaps = [], [], [], [], [], []
    for start, large, hazard in tasks:
        passes = _passes(large, large.score[None, :], level)[0]
        last = int(passes.argmax()) if passes.any() else large.m - 1
        seen = hazard[: last + 1]
        crossed.append(bool(passes.any()))
        at.append(large.x[last])
        expected.append(seen.sum())
        variance.append((seen * (1 - seen)).sum())
        final = np.log(seen[-1]) if passes.any() else np.log1p(-seen[-1])
        log_p.append(np.log1p(-seen[:-1]).sum() + final)
        # decades covered by each step, from the largest model that was fitted
        gaps.append(np.diff(large.x[: last + 1], prepend=start))
    count, total = int(sum(crossed)), float(sum(expected))
    z = (count - total) / np.sqrt(max(sum(variance), 1e-12))
    return Foresight(
        tuple(large for _, large, _ in tasks),
        np.array(crossed), np.array(at), np.array(expected), earlier,
        count, total, float(z), float(2 * stats.norm.sf(abs(z))),
        float(sum(log_p)), _log_constant(gaps, crossed),
    )  # fmt: skip


def _log_constant(gaps: list[np.ndarray], crossed: list[bool]) -> float:
    """Largest log likelihood of the crossings under one rate per decade."""
    from scipy.optimize import minimize_scalar

    def negative(log_rate: float) -> float:
        total = 0.0
        for own, hit in zip(gaps, crossed, strict=True):
            hazard = -np.expm1(-np.exp(log_rate) * np.maximum(own, 1e-6))
            hazard = np.clip(hazard, 1e-12, 1 - 1e-12)
            total += np.log1p(-hazard[:-1]).sum()
            total += np.log(hazard[-1]) if hit else np.log1p(-hazard[-1])
        return -total

    best: Any = minimize_scalar(negative, bounds=(-12.0, 5.0), method="bounded")
    return -float(best.fun)
