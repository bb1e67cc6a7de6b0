"""What was observed of curves, as arrays: counts, values, and the skills that they suggest.

The metric enters as a table of its `fraction` on a fine grid of skill, made
from the metric object itself, so the formula of a metric is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import score_errors, skill_errors

#: Kinds of observation.
BINOMIAL, SCORE_NORMAL, SKILL_NORMAL = 0, 1, 2
#: Counts that represent one rounding interval (Gauss–Legendre when there are more).
COUNTS = 16
#: From the outermost of these nodes to the ends of the interval, per distance between them.
BEYOND = float(0.5 * (1.0 / special.roots_legendre(COUNTS)[0][-1] - 1.0))
# e^−s has to reach 1/LARGEST_N within the range, for scores of exactly 1
_SKILL_RANGE = 20.0
_TABLE_SIZE = 10001
#: Most examples behind an exact count: the skill such a score shows is known to 2e-4 nats.
LARGEST_N = 1e8


@lru_cache(maxsize=64)
def fraction_table(metric: Metric) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Table of a metric's fraction f and its complement.

    Returns
    -------
    start, step : float
        Grid of skill.
    f, rest : arrays
        f and 1 − f, the latter kept apart so that it stays exact near the top.
    """
    grid = np.linspace(-_SKILL_RANGE, _SKILL_RANGE, _TABLE_SIZE)
    f = np.clip(np.asarray(metric.fraction(grid), float), 0.0, 1.0)
    if not np.isfinite(f).all():
        raise ValueError(f"the metric {metric} gives fractions that are not finite")
    return float(grid[0]), float(grid[1] - grid[0]), f, np.maximum(1.0 - f, 1e-16)


@dataclass(frozen=True, eq=False)
class Observations:
    """Scores of C curves as the kernel wants them; rows are curves, padded to m columns.

    Attributes
    ----------
    kind : int
        BINOMIAL, SCORE_NORMAL or SKILL_NORMAL.
    n, k, constant : (C, m), (C, m, COUNTS), (C, m, COUNTS) arrays
        Trials, counts and log binomial coefficients (−inf for unused counts).
    value, error : (C, m) arrays
        Observed value and standard error for the normal kinds.
    guide, guide_info : (C, m) arrays
        Skill at which the expected score equals the observed one, roughly, and
        the information of the observation there.
    mask : (C, m) bool array
        False where padded.
    """

    kind: int
    n: np.ndarray
    k: np.ndarray
    constant: np.ndarray
    value: np.ndarray
    error: np.ndarray
    guide: np.ndarray
    guide_info: np.ndarray
    mask: np.ndarray

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Observations:
        """Observations with every array changed in the same way."""
        return replace(self, **{name: change(getattr(self, name)) for name in ARRAYS})

    def take(self, rows: np.ndarray) -> Observations:
        """Observations of some of the curves."""
        return self.each(lambda a: a[rows])

    def one_a_row(self) -> Observations:
        """Observations with models as rows and curves as columns."""
        return self.each(lambda a: np.swapaxes(a, 0, 1))

    @classmethod
    def join(cls, parts: list[Observations]) -> Observations:
        """Put observations of one kind and width into one."""
        columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in ARRAYS}
        return cls(parts[0].kind, **columns)


#: Names of the arrays of `Observations`.
ARRAYS = tuple(f.name for f in fields(Observations) if f.name != "kind")


def observe(curves: list[Curve], metric: Metric, width: int | None = None) -> Observations:
    """Observations of curves that share a metric (its `fraction`, not its chance level)."""
    width = width or max(c.m for c in curves)
    kind = kind_of(metric)
    shape = (len(curves), width)
    n, value, error = np.zeros(shape), np.zeros(shape), np.ones(shape)
    low, high = np.zeros(shape), np.zeros(shape)
    mask = np.zeros(shape, bool)
    for i, c in enumerate(curves):
        mask[i, : c.m] = True
        if kind == BINOMIAL:
            n[i, : c.m], value[i, : c.m] = c.effective_n, c.score
            low[i, : c.m], high[i, : c.m] = c.counts[:2]
        elif kind == SCORE_NORMAL:
            value[i, : c.m], error[i, : c.m] = c.score, score_errors(c)
        else:
            value[i, : c.m], error[i, : c.m] = _shown_skill(c, metric, i)
    if kind == BINOMIAL:
        n, low, high = _usable_counts(curves, n, low, high, value, mask)
    return from_counts(metric, n, low, high, value, error, mask)


def _usable_counts(
    curves: list[Curve], n: np.ndarray, low: np.ndarray, high: np.ndarray, score: np.ndarray,
    mask: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Examples and range of counts of each score, with fewer examples where rounding hides more.

    A range of counts is represented by `COUNTS` of them. They must not lie
    further apart than two standard deviations of a count, or the likelihood
    would fall apart into peaks. So n is taken no larger than that allows: the
    range then is 32 standard deviations wide, and its edges are sharp enough.
    """
    wide = (high - low >= COUNTS) & mask
    # the counts lie closest to an end of 0…n where the spread is least
    size = np.where(mask, n, 1.0)
    half = 0.5 * (high - low + 1) / size
    share = np.clip(score, half, 1 - half)
    fewer = np.where(wide, np.minimum(n, COUNTS**2 * share * (1 - share) / half**2), n)
    keep = np.where(wide, fewer / size, 1.0)
    if (fewer > LARGEST_N).any():
        index, i = np.argwhere(fewer > LARGEST_N)[0]
        raise ValueError(
            f"curve {index}, {curves[index].models[i]}: n = {n[index, i]:.3g} examples; evidences "
            f"are exact up to n = {LARGEST_N:.0e} (give the n that was scored, or a standard "
            "error that includes more than the noise of the examples)"
        )
    # ends are those of counts − ½ and + ½
    shrunk = (low - 0.5) * keep + 0.5, (high + 0.5) * keep - 0.5
    return fewer, np.where(wide, shrunk[0], low), np.where(wide, shrunk[1], high)


def _shown_skill(curve: Curve, metric: Any, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Skill that each loss shows, and its standard error."""
    with np.errstate(all="ignore"):
        value, error = metric.skill(curve.score), skill_errors(curve, metric)
    bad = ~(np.isfinite(value) & np.isfinite(error))
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f"curve {index}, {curve.models[i]}: {curve.metric} {curve.score[i]:g} shows no finite "
            f"skill; losses must be above {type(metric).range[0]:g}, their errors finite"
        )
    return value, error


def behind(
    metric: Any, shown: np.ndarray, error: np.ndarray, lapse: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skills behind shown ones that have `lapse` nats in them, their variances, log slopes.

    Losses at or below `lapse` cannot be: their log slope is −inf.
    """
    if not np.any(lapse):
        return shown, error**2, np.zeros_like(shown)
    with np.errstate(all="ignore"):
        skill, slope = metric.beyond(shown, lapse)
    there = np.isfinite(skill) & (slope > 0)
    slope = np.where(there, slope, 1.0)
    log_slope = np.where(there, np.log(slope), -np.inf)
    return np.where(there, skill, 0.0), (error * slope) ** 2, log_slope


def kind_of(metric: Metric) -> int:
    """Which observation model the kernel uses for a metric."""
    if metric.continuous:
        return SKILL_NORMAL
    return BINOMIAL if type(metric).range[1] == 1.0 else SCORE_NORMAL


def from_counts(
    metric: Metric,
    n: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    mask: np.ndarray,
) -> Observations:
    """Observations from counts between `low` and `high` of `n` (or values and errors)."""
    kind = kind_of(metric)
    k, weight = _representative_counts(low, high)
    with np.errstate(divide="ignore"):
        constant = np.log(weight) + (
            special.gammaln(n[..., None] + 1)
            - special.gammaln(k + 1)
            - special.gammaln(n[..., None] - k + 1)
        )
    guide, info = _guides(metric, kind, n, value, error)
    guide = np.where(mask, guide, 0.0)
    return Observations(kind, n, k, constant, value, error, guide, info, mask)


def counts_between(obs: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest count (C, m) that each score stands for, as given to `from_counts`."""
    first, used = obs.k[..., 0], (obs.constant > -np.inf).sum(-1, keepdims=True)
    span = np.take_along_axis(obs.k, np.maximum(used - 1, 0), -1)[..., 0] - first
    # nodes of a rule, not counts: the ends lie this far beyond the outermost
    beyond = np.where((used[..., 0] == COUNTS) & (span > COUNTS - 0.5), span * BEYOND - 0.5, 0.0)
    return np.maximum(first - beyond, 0.0), np.minimum(first + span + beyond, obs.n)


def _guides(
    metric: Metric, kind: int, n: np.ndarray, value: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Skill that each score suggests, roughly, and the information of the score there."""
    if kind == SKILL_NORMAL:
        return value, np.ones_like(value)
    start, step, f, _ = fraction_table(metric)
    grid = start + step * np.arange(f.size)
    share = (value * n + 0.5) / (n + 1) if kind == BINOMIAL else value / top_score(metric)
    if metric.direction < 0:
        share = 1 - share
    chance = metric.chance if metric.direction > 0 else 0.0
    wanted = np.clip((share - chance) / (1 - chance), 3e-3, 1 - 3e-3)
    guide = np.interp(wanted, f, grid)
    steep = np.interp(guide, grid, np.gradient(f, step)) * (1 - chance)
    share = chance + (1 - chance) * wanted
    return guide, steep**2 * (n / (share * (1 - share)) if kind == BINOMIAL else 1 / error**2)


def top_score(metric: Metric) -> float:
    """Score of a perfect model before chance: what fractions are multiplied by."""
    # an error score is measured against what a guesser gets
    return metric.chance if metric.direction < 0 else 1.0


def _representative_counts(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and weights that stand for all whole counts between `low` and `high`."""
    span = np.maximum(high - low, 0.0)
    j = np.arange(COUNTS)
    exact = span < COUNTS
    k_exact = low[..., None] + np.minimum(j, span[..., None])
    w_exact = (j <= span[..., None] + 1e-9).astype(float)
    if exact.all():
        return k_exact, w_exact
    nodes, weights = special.roots_legendre(COUNTS)
    k_rule = low[..., None] - 0.5 + (span[..., None] + 1) * 0.5 * (1 + nodes)
    w_rule = (span[..., None] + 1) * 0.5 * weights
    pick = exact[..., None]
    return np.where(pick, k_exact, np.maximum(k_rule, 0.0)), np.where(pick, w_exact, w_rule)
