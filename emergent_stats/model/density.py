"""Likelihood of one observation given its own skill, compiled: what every integral calls."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from emergent_stats.model.between import log_between
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import (
    ARRAYS,
    BEYOND,
    BINOMIAL,
    COUNTS,
    SCORE_NORMAL,
    Observations,
    fraction_table,
    top_score,
)

# `_nrt=False`: without it every call counts the references to each array of the tuples it is
# given, which takes longer than the work itself. Such functions must not allocate.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
#: Compiles functions that allocate nothing.
KERNEL: Any = njit(cache=True, **_OPTIONS)

# share of right answers below which slopes do not tell it from none
_LEAST_SHARE = 1e-120


class Link(NamedTuple):
    """From skill to what is observed: kind, sign and top of the score, and `fraction_table`."""

    kind: int
    sign: int
    base: float
    start: float
    step: float
    fraction: np.ndarray
    rest: np.ndarray


#: Arrays of `Observations`, as kernels take them.
Seen = namedtuple("Seen", ARRAYS)


class Observation(NamedTuple):
    """One observation: of curve `c` and model `i`, whose counts are taken from all counts."""

    n: float
    k: np.ndarray
    constant: np.ndarray
    c: int
    i: int
    value: float
    error: float


class Rates(NamedTuple):
    """Guess and lapse rate, and what both leave to skill."""

    guess: float
    scale: float
    lapse: float


def link_of(obs: Observations, metric: Metric) -> Link:
    """Link of the observations of a metric that is no loss."""
    # an error score is (what a guesser gets) times the part that is missing
    base = top_score(metric) if obs.kind == SCORE_NORMAL else 1.0
    return Link(obs.kind, metric.direction, base, *fraction_table(metric))


def seen_in(obs: Observations) -> Seen:
    """Arrays of observations."""
    return Seen(*(getattr(obs, name) for name in ARRAYS))


@KERNEL
def _lookup(table, position):
    """Linear interpolation in a table at a fractional index, clamped at the ends."""
    last = table.size - 2
    if position <= 0.0:
        return table[0]
    if position >= last + 1:
        return table[last + 1]
    i = int(position)
    t = position - i
    return table[i] + t * (table[i + 1] - table[i])


@KERNEL
def derivatives(table, position):
    """Value and first two differences per index step at a fractional index."""
    last = table.size - 3
    if position < 1.0 or position >= last:
        return _lookup(table, position), 0.0, 0.0
    i = int(position)
    t = position - i
    a, b, c, d = table[i - 1], table[i], table[i + 1], table[i + 2]
    left, right = 0.5 * (c - a), 0.5 * (d - b)
    bend_left, bend_right = a - 2.0 * b + c, b - 2.0 * c + d
    return (
        b + t * (c - b),
        left + t * (right - left),
        bend_left + t * (bend_right - bend_left),
    )


@KERNEL
def _log_binomial(up, down, score):
    """Log likelihood of the counts and their posterior mean; log µ and log(1 − µ) given."""
    n, k, constant, c, i = score.n, score.k, score.constant, score.c, score.i
    first = k[c, i, 0]
    span = k[c, i, COUNTS - 1] - first
    if constant[c, i, COUNTS - 1] > -np.inf and span > COUNTS - 0.5:
        # nodes of a rule, not counts: its ends lie this far beyond the outermost
        beyond = span * BEYOND - 0.5
        low, high = first - beyond, first + span + beyond
        return log_between(max(low, 0.0), min(high, n), n, up, down)
    top = constant[c, i, 0] + first * up + (n - first) * down
    if constant[c, i, 1] == -np.inf:
        return top, first
    total, mean_k = 1.0, first
    for j in range(1, k.shape[2]):
        if constant[c, i, j] == -np.inf:
            break
        kj = k[c, i, j]
        v = constant[c, i, j] + kj * up + (n - kj) * down
        if v > top:
            w = np.exp(top - v)
            mean_k = (mean_k * total * w + kj) / (total * w + 1.0)
            total = total * w + 1.0
            top = v
        else:
            w = np.exp(v - top)
            mean_k = (mean_k * total + w * kj) / (total + w)
            total += w
    return top + np.log(total), mean_k


@KERNEL
def log_density(z, link, score, rates):
    """Log likelihood of an observation whose own skill is `z`."""
    position = (z - link.start) / link.step
    right = max(rates.guess + rates.scale * _lookup(link.fraction, position), 1e-300)
    if link.kind == BINOMIAL:
        wrong = max(rates.lapse + rates.scale * _lookup(link.rest, position), 1e-300)
        mu, nu = (right, wrong) if link.sign > 0 else (wrong, right)
        return _log_binomial(np.log(mu), np.log(nu), score)[0]
    mu = link.base * (right if link.sign > 0 else 1.0 - right)
    return -0.5 * ((score.value - mu) / score.error) ** 2 - np.log(score.error) - 0.9189385332046727


@KERNEL
def slope_curve(z, link, score, rates):
    """Slope of the log likelihood in `z`, expected information, observed curvature."""
    step, scale = link.step, rates.scale
    position = (z - link.start) / step
    fr, df, ddf = derivatives(link.fraction, position)
    df *= scale * link.base * link.sign / step
    ddf *= scale * link.base * link.sign / (step * step)
    # as small as its square allows: what is divided by it twice must stay a number
    right = max(rates.guess + scale * fr, _LEAST_SHARE)
    if link.kind == BINOMIAL:
        wrong = max(rates.lapse + scale * _lookup(link.rest, position), _LEAST_SHARE)
        mu, nu = (right, wrong) if link.sign > 0 else (wrong, right)
        n, mean_k = score.n, score.k[score.c, score.i, 0]
        if score.constant[score.c, score.i, 1] != -np.inf:
            mean_k = _log_binomial(np.log(mu), np.log(nu), score)[1]
        a, b = mean_k / mu, (n - mean_k) / nu
        push = a - b
        fish = n / max(mu * nu, 1e-14) * df * df
        return push * df, fish, (a / mu + b / nu) * df * df - push * ddf
    mu = link.base * (right if link.sign > 0 else 1.0 - right)
    push = (score.value - mu) / (score.error * score.error)
    fish = df * df / (score.error * score.error)
    return push * df, fish, fish - push * ddf
