"""Likelihood of proportions as tables over skill and noise, for models of many series at once.

log ∫ p(y | s + σε) φ(ε) dε is tabulated per observation on a grid of skill s
and log σ, the noise between models integrated out once and for all; a model
of a thousand scores and dozens of alternatives then costs a lookup each. The
tables are made from the metric object, so its formula is written once.
Between grid points the tables are interpolated by cubic (Catmull–Rom)
polynomials, whose slopes the sampler gets from the same lookup.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytensor.tensor
from numba import njit
from pytensor import gradient
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key
from scipy import special

from emergent_stats.model.metrics import Metric

# typed as anything: the type stubs know nothing of what variables can do
pt: Any = pytensor.tensor

#: Grid of skill (nats) and of the noise between models (log nats).
SKILL = np.linspace(-9.0, 9.0, 181)
LOG_SIGMA = np.linspace(np.log(0.02), np.log(2.0), 13)
#: Grid of a population's mean skill (nats) and of its spread (log nats), for chances of being kept.
KEPT_MEAN = np.linspace(-20.0, 20.0, 401)
KEPT_SPREAD = np.linspace(np.log(0.1), np.log(10.0), 15)

# the noise integral is a sum over a finer grid, with room for it beyond the ends
_FINE = np.linspace(-16.0, 16.0, 1601)


def log_binomial(metric: Metric, k: np.ndarray, n: np.ndarray, guess: float, lapse: float):
    """Log likelihood of counts k of n (J,) on the fine grid: (fine, J)."""
    fraction = np.asarray(metric.fraction(_FINE), float)[:, None]
    mu = np.clip(guess + (1 - guess - lapse) * fraction, 1e-12, 1 - 1e-12)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return ways + k * np.log(mu) + (n - k) * np.log1p(-mu)


def log_at_least(metric: Metric, least: float, n: float, guess: float, lapse: float) -> np.ndarray:
    """Log probability of at least `least` of n right on the fine grid: (fine,)."""
    fraction = np.asarray(metric.fraction(_FINE), float)
    mu = np.clip(guess + (1 - guess - lapse) * fraction, 1e-12, 1 - 1e-12)
    k = max(np.ceil(least - 1e-9), 0.0)
    if k == 0:
        return np.zeros_like(mu)
    return np.log(np.maximum(special.betainc(k, n - k + 1, mu), 1e-300))


@lru_cache(maxsize=1)
def _weights() -> np.ndarray:
    """Weights of the noise integral: (σ, skill, fine)."""
    away = _FINE - SKILL[:, None]
    weight = np.exp(-0.5 * (away / np.exp(LOG_SIGMA)[:, None, None]) ** 2)
    return weight / weight.sum(-1, keepdims=True)


def blurred(log_likelihood: np.ndarray) -> np.ndarray:
    """Log of the likelihood with the noise integrated out: (fine, J) to (J, σ, skill)."""
    top = log_likelihood.max(0)
    share = np.exp(log_likelihood - top)
    found = np.empty((log_likelihood.shape[1], LOG_SIGMA.size, SKILL.size))
    for v, weight in enumerate(_weights()):
        found[:, v] = np.log(np.maximum(weight @ share, 1e-300)).T
    return found + top[:, None, None]


def kept(log_passed: np.ndarray) -> np.ndarray:
    """Chance of being kept over a normal population, (fine, R) to (R, spread, mean): ∜P.

    Beyond the fine grid the chance is that at its ends, so that wide populations
    fit too. The fourth root is as smooth as the logarithm where the chance is
    small, and costs two multiplications to undo.
    """
    passed = np.exp(log_passed)
    edges = np.concatenate([[-np.inf], 0.5 * (_FINE[1:] + _FINE[:-1]), [np.inf]])
    found = np.empty((log_passed.shape[1], KEPT_SPREAD.size, KEPT_MEAN.size))
    for v, log_spread in enumerate(KEPT_SPREAD):
        below = special.ndtr((edges - KEPT_MEAN[:, None]) / np.exp(log_spread))
        found[:, v] = (np.diff(below, axis=1) @ passed).T ** 0.25
    return found


@dataclass(frozen=True)
class Position:
    """Where a value lies on an evenly spaced grid, as index and share of the way to the next."""

    start: float
    step: float

    @classmethod
    def on(cls, grid: np.ndarray) -> Position:
        """Positions on a grid."""
        return cls(float(grid[0]), float(grid[1] - grid[0]))

    def __call__(self, value: Any) -> Any:
        """Fractional index of `value`, for arrays and PyTensor variables."""
        return (value - self.start) / self.step


SKILL_POSITION = Position.on(SKILL)
SIGMA_POSITION = Position.on(LOG_SIGMA)
KEPT_MEAN_POSITION = Position.on(KEPT_MEAN)
KEPT_SPREAD_POSITION = Position.on(KEPT_SPREAD)


@njit(cache=True, error_model="numpy")
def _cubic(t):
    """Catmull-Rom weights of four neighbours and their slopes."""
    t2, t3 = t * t, t * t * t
    w = (
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    )
    d = (
        -1.5 * t2 + 2.0 * t - 0.5,
        4.5 * t2 - 5.0 * t,
        -4.5 * t2 + 4.0 * t + 0.5,
        1.5 * t2 - 1.0 * t,
    )
    return w, d


@njit(cache=True, error_model="numpy")
def _at_noise(cells, across, here, turn):
    """Fill a table over skill at one noise, and its slope in it, with a cell more on each side."""
    across_size, size = cells.shape
    v = min(max(across, 0.0), across_size - 1.0)
    a = min(int(v), across_size - 2)
    w, d = _cubic(v - a)
    if across != v:
        d = (0.0, 0.0, 0.0, 0.0)
    below, above = max(a - 1, 0), min(a + 2, across_size - 1)
    for q in range(size):
        p0, p1, p2, p3 = cells[below, q], cells[a, q], cells[a + 1, q], cells[above, q]
        here[q + 1] = w[0] * p0 + w[1] * p1 + w[2] * p2 + w[3] * p3
        turn[q + 1] = d[0] * p0 + d[1] * p1 + d[2] * p2 + d[3] * p3
    here[0], here[size + 1] = here[1], here[size]
    turn[0], turn[size + 1] = turn[1], turn[size]


@njit(cache=True, error_model="numpy")
def summed(table, row_task, line, shape, start, slope, extra, across):
    """Log likelihood (C, R) of the alternatives of every row, summed over its observations.

    The skill at observation i of alternative c is start[t, i] − slope[c, t]·line[t, i] −
    extra[c, t]·shape[c, t, i] for the row's task t, in steps of the grid from its first
    point; beyond its ends a table is continued flat.

    Parameters
    ----------
    table : (R, I, σ, skill) array
    row_task : (R,) int array
    line, start : (T, I) arrays
    shape : (C, T, I) array
    slope, extra : (C, T) arrays
    across : (R,) array
        Log noise, in steps of its grid.
    """
    rows, observations, size = table.shape[0], table.shape[1], table.shape[3]
    alternatives = slope.shape[0]
    value = np.zeros((alternatives, rows))
    here, turn = np.empty(size + 2), np.empty(size + 2)
    for r in range(rows):
        t = row_task[r]
        for i in range(observations):
            _at_noise(table[r, i], across[r], here, turn)
            for c in range(alternatives):
                at = start[t, i] - slope[c, t] * line[t, i] - extra[c, t] * shape[c, t, i]
                s = min(max(at, 0.0), size - 1.0)
                b = min(int(s), size - 2)
                w, _ = _cubic(s - b)
                value[c, r] += (
                    w[0] * here[b] + w[1] * here[b + 1] + w[2] * here[b + 2] + w[3] * here[b + 3]
                )
    return value


@njit(cache=True, error_model="numpy")
def summed_slopes(table, row_task, line, shape, start, slope, extra, across, given):
    """Derivatives of Σ given·`summed` in start, slope, extra and across."""
    rows, observations, size = table.shape[0], table.shape[1], table.shape[3]
    alternatives = slope.shape[0]
    d_start, d_across = np.zeros(start.shape), np.zeros(rows)
    d_slope, d_extra = np.zeros(slope.shape), np.zeros(extra.shape)
    here, turn = np.empty(size + 2), np.empty(size + 2)
    for r in range(rows):
        t = row_task[r]
        for i in range(observations):
            _at_noise(table[r, i], across[r], here, turn)
            for c in range(alternatives):
                g = given[c, r]
                # most alternatives have no weight worth the trouble
                if abs(g) < 1e-12:
                    continue
                at = start[t, i] - slope[c, t] * line[t, i] - extra[c, t] * shape[c, t, i]
                s = min(max(at, 0.0), size - 1.0)
                b = min(int(s), size - 2)
                w, d = _cubic(s - b)
                d_across[r] += g * (
                    w[0] * turn[b] + w[1] * turn[b + 1] + w[2] * turn[b + 2] + w[3] * turn[b + 3]
                )
                if s != at:
                    continue
                push = g * (
                    d[0] * here[b] + d[1] * here[b + 1] + d[2] * here[b + 2] + d[3] * here[b + 3]
                )
                d_start[t, i] += push
                d_slope[c, t] -= push * line[t, i]
                d_extra[c, t] -= push * shape[c, t, i]
    return d_start, d_slope, d_extra, d_across


class Summed(Op):
    """`summed` as a node of a PyMC model."""

    __props__ = ()

    def make_node(self, *inputs):
        """See `summed`."""
        inputs = [pt.as_tensor_variable(v) for v in inputs]
        rows, alternatives = inputs[0].type.shape[0], inputs[5].type.shape[0]
        return Apply(self, inputs, [pt.tensor(dtype="float64", shape=(alternatives, rows))])

    def perform(self, node, inputs, output_storage):
        """See `summed`."""
        output_storage[0][0] = summed(*inputs)

    def infer_shape(self, node, shapes):
        """Shape of the output."""
        return [(shapes[5][0], shapes[0][0])]

    def pullback(self, inputs, outputs, output_grads):
        """Gradient in start, slope, extra and noise; the rest are constants."""
        constant = [gradient.disconnected_type() for _ in inputs[:4]]
        slopes: Any = SummedSlopes()(*inputs, output_grads[0])
        return [*constant, *slopes]

    def connection_pattern(self, node):
        """No gradient reaches the constants."""
        return [[False]] * 4 + [[True]] * 4


class SummedSlopes(Op):
    """`summed_slopes` as a node of a PyMC model."""

    __props__ = ()

    def make_node(self, *inputs):
        """See `summed_slopes`."""
        inputs = [pt.as_tensor_variable(v) for v in inputs]
        shapes = [v.type.shape for v in inputs[4:8]]
        return Apply(self, inputs, [pt.tensor(dtype="float64", shape=s) for s in shapes])

    def perform(self, node, inputs, output_storage):
        """See `summed_slopes`."""
        for store, value in zip(output_storage, summed_slopes(*inputs), strict=True):
            store[0] = value

    def infer_shape(self, node, shapes):
        """Shapes of the outputs."""
        return shapes[4:8]


@register_funcify_default_op_cache_key(Summed)
def _numba_summed(op, node, **kwargs):
    return summed


@register_funcify_default_op_cache_key(SummedSlopes)
def _numba_summed_slopes(op, node, **kwargs):
    return summed_slopes


def table_sum(
    table: Any, row_task: Any, line: Any, shape: Any, start: Any, slope: Any, extra: Any,
    log_sigma: Any, skill: Position = SKILL_POSITION, noise: Position = SIGMA_POSITION,
) -> Any:  # fmt: skip
    """Log likelihood (C, R) as in `summed`, with skills in nats and the log of the noise.

    ``log_sigma`` has one value a row; ``skill`` and ``noise`` are the grids of the table.
    """
    step = skill.step
    return Summed()(
        table, row_task, line, shape, skill(start), slope / step, extra / step, noise(log_sigma)
    )
