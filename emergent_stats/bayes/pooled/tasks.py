"""One task given the population: moves between accounts, break locations and parameters.

A task's posterior has modes that no local move connects (a steep line, a kink
in one of several gaps, a step). Every sweep draws a pool of candidates from a
fixed proposal (a Student t per alternative) beside the present state, and the
next state is picked from the pool by importance weight (iterated sampling
importance resampling; Andrieu, Lee & Vihola 2018, doi:10.3150/15-BEJ785). That
is exact for any proposal and any size of the pool. In between, the population
may move with the choice averaged out over the pool (particle Gibbs; Andrieu,
Doucet & Holenstein 2010, doi:10.1111/j.1467-9868.2009.00736.x): it then is not
held in place by the accounts that the tasks happen to have.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.likelihood import log_likelihood
from emergent_stats.bayes.pooled.proposals import (
    HALF_LOG_2PI,
    LOG_2,
    Kernel,
    dimensions,
    draw,
    log_proposal,
    pick,
)


class Population(NamedTuple):
    """Population in natural units, as the tasks see it; F families, K metrics."""

    slope: float  # scale of slopes, nats per decade
    width: Any  # (3,): 1, scale of heights (nats), scale of bends (nats per decade)
    log_sigma: float  # log of the typical noise, nats
    sigma_spread: float
    level: Any  # (F, K) mean skill at the smallest scale, nats
    level_spread: Any  # (K,)
    log_share: Any  # (F, account)


class Pool(NamedTuple):
    """States of every task, P of each: the present one and candidates, by account."""

    present: Any  # (T,) which is the present one
    account: Any  # (T, P) ascending
    at: Any  # (T, P) alternative
    z: Any  # (T, P, 4) log sigma, log slope, log extra, bottom (nats)
    slope: Any  # (T, P) 0 where there is none
    extra: Any  # (T, P) 0 where there is none
    base: Any  # (T, P) log weight, but for what depends on the population


def empty_pool(tasks: int, size: int) -> Pool:
    """Room for `size` states of each task, all flat."""
    z = np.tile([np.log(0.3), -np.inf, -np.inf, -1.0], (tasks, size, 1))
    nothing = np.zeros((tasks, size))
    whole = nothing.astype(int)
    return Pool(
        np.zeros(tasks, int), whole, whole.copy(), z, nothing, nothing.copy(), nothing.copy()
    )


def allot(given: Any, kernel: Kernel, pool: Pool) -> None:
    """Give each account its number of candidates, and the present states their places."""
    for t, count in enumerate(kernel.count):
        old = pool.present[t]
        z, at = pool.z[t, old].copy(), pool.at[t, old]
        pool.account[t] = np.repeat(np.arange(4), count)
        new = np.flatnonzero(pool.account[t] == given.account[at])[0]
        pool.present[t], pool.z[t, new], pool.at[t, new] = new, z, at


@njit(cache=True, error_model="numpy")
def weigh(given, kernel, noise, pool, t, n):
    """Fill in slope, extra and base of a state."""
    c, z = pool.at[t, n], pool.z[t, n]
    pool.slope[t, n] = np.exp(z[1]) if given.uses[c] else 0.0
    pool.extra[t, n] = np.exp(z[2]) if given.portion[c] else 0.0
    value = given.log_weight[t, c] + log_likelihood(
        given, t, c, z[3], pool.slope[t, n], pool.extra[t, n], z[0], noise
    )
    # densities of the logarithms
    if given.uses[c]:
        value += z[1] + LOG_2 - HALF_LOG_2PI
    if given.portion[c]:
        value += 3 * z[2] - LOG_2
    value -= kernel.log_share[t, c] + log_proposal(kernel, t, c, dimensions(given, c), z)
    pool.base[t, n] = value if np.isfinite(value) else -np.inf


@njit(cache=True, error_model="numpy")
def refill(given, kernel, noise, pool, rng):
    """New candidates beside the present states; all are weighed with this noise of models."""
    tasks, size = pool.at.shape
    for t in range(tasks):
        for n in range(size):
            if n != pool.present[t]:
                c = pick(given, kernel, t, pool.account[t, n], rng)
                pool.at[t, n] = c
                draw(kernel, t, c, dimensions(given, c), rng, pool.z[t, n])
            weigh(given, kernel, noise, pool, t, n)


@njit(cache=True, error_model="numpy")
def log_weights(given, population, pool, t, out):
    """Log weights of a task's states under a population, (P,)."""
    f, k = given.family[t], given.kind[t]
    share = population.log_share[f]
    sigma, sigma_scale = population.log_sigma, 1 / population.sigma_spread
    level, level_scale = population.level[f, k], 1 / population.level_spread[k]
    slope_scale = 1 / population.slope
    extra_scale = 1 / population.width
    log_slope, log_width = np.log(population.slope), np.log(population.width)
    constant = -np.log(population.sigma_spread) - np.log(population.level_spread[k])
    for n in range(out.size):
        c = pool.at[t, n]
        p = given.portion[c]
        r = (pool.z[t, n, 0] - sigma) * sigma_scale
        q = (pool.z[t, n, 3] - level) * level_scale
        a = pool.slope[t, n] * slope_scale
        value = constant + pool.base[t, n] + share[given.account[c]] - 0.5 * (r * r + q * q + a * a)
        value -= pool.extra[t, n] * extra_scale[p] + 3 * log_width[p]
        if given.uses[c]:
            value -= log_slope
        out[n] = value


@njit(cache=True, error_model="numpy")
def choose(given, population, pool, rng, p_account):
    """Pick each task's next state from its pool; fill `p_account` (T, account).

    Returns the share of tasks that moved.
    """
    tasks, size = pool.at.shape
    weight = np.empty(size)
    moved = 0
    for t in range(tasks):
        log_weights(given, population, pool, t, weight)
        weight[:] = np.exp(weight - weight.max())
        weight /= weight.sum()
        p_account[t] = 0.0
        for n in range(size):
            p_account[t, given.account[pool.at[t, n]]] += weight[n]
        left, chosen = rng.random(), pool.present[t]
        for n in range(size):
            left -= weight[n]
            if left < 0.0:
                chosen = n
                break
        moved += chosen != pool.present[t]
        pool.present[t] = chosen
    return moved / tasks
