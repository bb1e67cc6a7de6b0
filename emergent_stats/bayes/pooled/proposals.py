"""Proposals of the states of a task: a Student t per alternative, shaped to its posterior.

Shaped by tempered importance sampling under a fixed population: rounds of
nodes, of whose weights as high a power is taken as keeps enough of them, and
whose moments make the next proposal.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.likelihood import log_likelihood
from emergent_stats.bayes.pooled.packing import ALMOST_NEVER

_DF = 5.0
HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
LOG_2 = np.log(2.0)
# log constants of the Student t with _DF degrees of freedom in 0 to 3 dimensions
_LOG_T = tuple(
    math.lgamma(0.5 * (_DF + d)) - math.lgamma(0.5 * _DF) - 0.5 * d * math.log(_DF * math.pi)
    for d in range(4)
)
# rounds of a pilot, effective nodes that one has to keep, and how much wider a proposal is
_ROUNDS, _EFFECTIVE, _WIDER = 12, 100.0, 1.25
# candidates that every account has at least, and share of them for all its alternatives alike
_LEAST, _FLOOR = 5, 0.1


class Kernel(NamedTuple):
    """Proposals of every task and alternative.

    A Student t of (log sigma, log slope, log extra), as far as the
    alternative has them, times one of the bottom around a plane over (log
    sigma, slope, extra).
    """

    count: Any  # (T, account) candidates of each account
    log_share: Any  # (T, C) expected number of candidates, as logarithm
    mean: Any  # (T, C, 3)
    root: Any  # (T, C, 3, 3)
    plane: Any  # (T, C, 4)
    spread: Any  # (T, C)


@njit(cache=True, error_model="numpy")
def dimensions(given, c):
    """How many of (log sigma, log slope, log extra) an alternative has."""
    return 1 + int(given.uses[c]) + int(given.portion[c] > 0)


@njit(cache=True, error_model="numpy")
def log_prior(given, population, t, c, z):
    """Log prior density of a task's state as it stands in the pool, without its account's share."""
    f, k = given.family[t], given.kind[t]
    r = (z[0] - population.log_sigma) / population.sigma_spread
    found = given.log_weight[t, c] - 0.5 * r * r - np.log(population.sigma_spread)
    r = (z[3] - population.level[f, k]) / population.level_spread[k]
    found -= 0.5 * r * r + np.log(population.level_spread[k]) + 2 * HALF_LOG_2PI
    if given.uses[c]:
        r = np.exp(z[1]) / population.slope
        found += LOG_2 - HALF_LOG_2PI - 0.5 * r * r + np.log(r)
    if given.portion[c]:
        r = np.exp(z[2]) / population.width[given.portion[c]]
        found += 3 * np.log(r) - r - LOG_2
    return found


@njit(cache=True, error_model="numpy")
def fit_of(given, t, c, z, noise):
    """Log likelihood of a task's state."""
    slope = np.exp(z[1]) if given.uses[c] else 0.0
    extra = np.exp(z[2]) if given.portion[c] else 0.0
    return log_likelihood(given, t, c, z[3], slope, extra, z[0], noise)


@njit(cache=True, error_model="numpy")
def draw(kernel, t, c, d, rng, z):
    """Draw a state of alternative c into z (4,)."""
    z[1] = z[2] = -np.inf
    wide = np.sqrt(_DF / (2 * rng.standard_gamma(0.5 * _DF)))
    away = np.empty(3)
    for i in range(d):
        away[i] = wide * rng.standard_normal()
    for i in range(d):
        z[i] = kernel.mean[t, c, i]
        for j in range(i + 1):
            z[i] += kernel.root[t, c, i, j] * away[j]
    wide = np.sqrt(_DF / (2 * rng.standard_gamma(0.5 * _DF)))
    z[3] = _plane(kernel, t, c, z) + kernel.spread[t, c] * wide * rng.standard_normal()


@njit(cache=True, error_model="numpy")
def _plane(kernel, t, c, z):
    p = kernel.plane[t, c]
    return p[0] + p[1] * z[0] + p[2] * np.exp(z[1]) + p[3] * np.exp(z[2])


@njit(cache=True, error_model="numpy")
def log_proposal(kernel, t, c, d, z):
    """Log density of `draw`, without the share of the alternative."""
    found, square = _LOG_T[d] + _LOG_T[1], 0.0
    away = np.empty(3)
    for i in range(d):
        away[i] = z[i] - kernel.mean[t, c, i]
        for j in range(i):
            away[i] -= kernel.root[t, c, i, j] * away[j]
        away[i] /= kernel.root[t, c, i, i]
        square += away[i] * away[i]
        found -= np.log(kernel.root[t, c, i, i])
    found -= 0.5 * (_DF + d) * np.log1p(square / _DF)
    r = (z[3] - _plane(kernel, t, c, z)) / kernel.spread[t, c]
    return found - np.log(kernel.spread[t, c]) - 0.5 * (_DF + 1) * np.log1p(r * r / _DF)


@njit(cache=True, error_model="numpy")
def pick(given, kernel, t, account, rng):
    """An alternative of an account."""
    left = rng.random() * kernel.count[t, account]
    found = -1
    for c in range(given.account.size):
        if given.account[c] == account and kernel.log_share[t, c] > -np.inf:
            found = c
            left -= np.exp(kernel.log_share[t, c])
            if left < 0.0:
                break
    return found


# --- shaping the proposals --------------------------------------------------------------------
@njit(cache=True, error_model="numpy")
def _effective(log_weight, power):
    w = np.exp(power * (log_weight - log_weight.max()))
    return w.sum() ** 2 / (w * w).sum()


@njit(cache=True, error_model="numpy")
def _reshape(kernel, t, c, d, z, w):
    """Moments of weighted states (n, 4) with weights summing to 1."""
    mean = np.zeros(3)
    width = np.zeros((3, 3))
    for i in range(d):
        mean[i] = (w * z[:, i]).sum()
    for i in range(d):
        for j in range(d):
            width[i, j] = (w * (z[:, i] - mean[i]) * (z[:, j] - mean[j])).sum()
    for i in range(3):
        width[i, i] += 1e-3 if i < d else 1.0
    kernel.mean[t, c] = mean
    kernel.root[t, c] = _WIDER * np.linalg.cholesky(width)
    # the bottom on a plane, by weighted least squares with a little of a ridge
    row = np.empty((z.shape[0], 4))
    row[:, 0] = 1.0
    row[:, 1], row[:, 2], row[:, 3] = z[:, 0], np.exp(z[:, 1]), np.exp(z[:, 2])
    weighted = row * w.reshape(-1, 1)
    square = row.T @ weighted
    for i in range(1, 4):
        square[i, i] += 1e-3
    square[0, 0] += 1e-9
    plane = np.linalg.solve(square, weighted.T @ np.ascontiguousarray(z[:, 3]))
    kernel.plane[t, c] = plane
    kernel.spread[t, c] = _WIDER * np.sqrt((w * (z[:, 3] - row @ plane) ** 2).sum() + 1e-4)


@njit(cache=True, error_model="numpy")
def pilot(given, kernel, population, noise, nodes, rng):
    """Shape the proposals to the tasks' posteriors under a population, from where they are.

    Returns the effective nodes (T, C) of the last round.
    """
    tasks, alternatives = kernel.log_share.shape
    effective = np.zeros((tasks, alternatives))
    z, log_weight = np.empty((nodes, 4)), np.empty(nodes)
    for t in range(tasks):
        found = np.full(alternatives, -np.inf)
        for c in range(alternatives):
            if given.log_weight[t, c] < 0.5 * ALMOST_NEVER:
                continue
            d = dimensions(given, c)
            last = False
            for _ in range(_ROUNDS):
                for n in range(nodes):
                    draw(kernel, t, c, d, rng, z[n])
                    value = log_prior(given, population, t, c, z[n])
                    value += fit_of(given, t, c, z[n], noise)
                    value -= log_proposal(kernel, t, c, d, z[n])
                    log_weight[n] = value if np.isfinite(value) else -np.inf
                # as much of the weights as keeps enough of the nodes
                power = 1.0
                if _effective(log_weight, 1.0) < _EFFECTIVE:
                    low, power = 0.0, 1.0
                    for _ in range(20):
                        middle = 0.5 * (low + power)
                        if _effective(log_weight, middle) < _EFFECTIVE:
                            power = middle
                        else:
                            low = middle
                    power = low
                w = np.exp(power * (log_weight - log_weight.max()))
                top = log_weight.max()
                found[c] = top + np.log(np.exp(log_weight - top).mean())
                effective[t, c] = _effective(log_weight, 1.0)
                # a fit to proposals that fitted already ends the rounds
                if last and power == 1.0:
                    break
                _reshape(kernel, t, c, d, z, w / w.sum())
                last = power == 1.0
        _shares(given, population, t, found, kernel)
    return effective


@njit(cache=True, error_model="numpy")
def _shares(given, population, t, found, kernel):
    """Numbers of candidates of the accounts and alternatives, from their log evidence.

    Flatter than the evidence, so that no account is known by a few candidates
    only when the population moves.
    """
    inside, alternatives, best = np.zeros(4), np.zeros(4), np.full(4, -np.inf)
    for c in range(found.size):
        a = given.account[c]
        best[a] = max(best[a], found[c])
        alternatives[a] += np.isfinite(found[c])
    for c in range(found.size):
        a = given.account[c]
        if np.isfinite(found[c]):
            inside[a] += np.exp(found[c] - best[a])
    total = best + np.log(inside) + population.log_share[given.family[t]]
    share = np.exp(0.5 * (total - total.max()))
    size = kernel.count[t].sum()
    kernel.count[t] = _LEAST + (size - 4 * _LEAST) * share / share.sum()
    kernel.count[t, np.argmax(share)] += size - kernel.count[t].sum()
    for c in range(found.size):
        a = given.account[c]
        if np.isfinite(found[c]):
            own = (1 - _FLOOR) * np.exp(found[c] - best[a]) / inside[a] + _FLOOR / alternatives[a]
            kernel.log_share[t, c] = np.log(own * kernel.count[t, a])
        else:
            kernel.log_share[t, c] = -np.inf
