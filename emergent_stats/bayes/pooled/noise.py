"""Moves given the tasks' present states: noise of the models, and scales of noise with it."""

from __future__ import annotations

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.likelihood import log_likelihood, one_score
from emergent_stats.bayes.pooled.packing import ALMOST_NEVER
from emergent_stats.bayes.pooled.population import (
    LEVEL_PRIOR,
    kept_of,
    log_hyperprior,
    log_kept,
    places,
    unpacked,
)
from emergent_stats.bayes.pooled.slices import advance, begin, going, place

_LEVEL_MEAN, _LEVEL_WIDTH = LEVEL_PRIOR


@njit(cache=True, error_model="numpy")
def update_noise(given, layout, theta, noise, pool, widths, used, rng):
    """Slices of the noise of each model, then of the scales of all noise with what lies on them.

    ``widths`` (models + 3,) are those of the brackets, in nats and of
    logarithms; ``used`` is filled with the distances moved.
    """
    population = unpacked(theta, layout)
    shared_at = places(layout)[3]
    shared = np.exp(theta[shared_at])
    room = np.empty(4)
    here, mean = np.empty(given.kept.shape[2]), np.empty(given.node_of.size)
    skill, each = _present(given, noise, pool)
    for j in range(noise.size):
        _add(given, noise, pool, skill, each, j, -1.0)
        old = noise[j]
        start = _one(given, population, shared, noise, pool, skill, each, j, room, here, mean)
        s = begin(start, widths[j], rng)
        while going(s):
            noise[j] = old + place(s)
            value = _one(given, population, shared, noise, pool, skill, each, j, room, here, mean)
            advance(s, value, rng)
        noise[j] = old + place(s)
        used[j] = abs(place(s))
        _add(given, noise, pool, skill, each, j, 1.0)
    for which in range(3):
        _stretch(given, layout, which, theta, noise, pool, widths, used, rng)
    _shift(layout, theta, noise, pool, rng)


@njit(cache=True, error_model="numpy")
def _present(given, noise, pool):
    """Skills by the trends (T, I) and log likelihoods (T, levels) of the present states."""
    each = np.zeros(given.level_row.shape)
    skill = np.zeros(given.line.shape)
    for t in range(given.span.size):
        n = pool.present[t]
        c, slope, extra = pool.at[t, n], pool.slope[t, n], pool.extra[t, n]
        top = pool.z[t, n, 3] + slope * given.span[t] + extra * given.gain[t, c]
        for i in range(given.length[t]):
            skill[t, i] = top - slope * given.line[t, i] - extra * given.shape[t, c, i]
    for j in range(noise.size):
        _add(given, noise, pool, skill, each, j, 1.0)
    return skill, each


@njit(cache=True, error_model="numpy")
def _score(given, noise, pool, skill, t, i, g, j):
    begins = given.row[given.level_row[t, g], i]
    log_sigma = pool.z[t, pool.present[t], 0]
    return one_score(given.table, begins, log_sigma, skill[t, i] + noise[j])


@njit(cache=True, error_model="numpy")
def _add(given, noise, pool, skill, each, j, sign):
    """Add the scores of model j to the log likelihoods of its tasks, or take them out."""
    for o in range(given.begins[j], given.begins[j + 1]):
        t, i = given.seen_task[o], given.seen_at[o]
        for g in range(each.shape[1]):
            if given.log_level[t, g] > 0.5 * ALMOST_NEVER:
                each[t, g] += sign * _score(given, noise, pool, skill, t, i, g, j)


@njit(cache=True, error_model="numpy")
def _one(given, population, shared, noise, pool, skill, each, j, room, here, mean):
    """Log density of the noise of model j."""
    found = -0.5 * (noise[j] / shared) ** 2
    for o in range(given.begins[j], given.begins[j + 1]):
        t, i = given.seen_task[o], given.seen_at[o]
        best, total = -np.inf, 0.0
        for g in range(each.shape[1]):
            if given.log_level[t, g] > 0.5 * ALMOST_NEVER:
                value = given.log_level[t, g] + each[t, g]
                value += _score(given, noise, pool, skill, t, i, g, j)
                if value > best:
                    total = total * np.exp(best - value) + 1.0
                    best = value
                else:
                    total += np.exp(value - best)
        found += best + np.log(total)
        if given.selected and given.last[t] == j:
            found -= kept_of(given, population, noise, t, here, mean, room)
    return found


@njit(cache=True, error_model="numpy")
def _stretch(given, layout, which, theta, noise, pool, widths, used, rng):
    """Move a scale of noise together with the noise that lies on it.

    ``which``: 0 the middle and 1 the spread of the tasks' log noise, 2 the
    scale of the models' noise. Held by its noise, a scale hardly moves, and
    near a spread of 0 no candidate is as close to the middle as the tasks are.
    """
    where = 3 + which if which < 2 else places(layout)[3]
    at = noise.size + which
    room = np.empty((given.span.size, 4))
    moved, noise_to = theta.copy(), noise.copy()
    start = _stretched(given, layout, which, theta, 0.0, noise, pool, room)
    s = begin(start, widths[at], rng)
    while going(s):
        moved[where] = theta[where] + place(s)
        if which == 2:
            noise_to[:] = noise * np.exp(place(s))
        value = _stretched(given, layout, which, moved, place(s), noise_to, pool, room)
        advance(s, value, rng)
    by = place(s)
    used[at] = abs(by)
    theta[where] += by
    if which == 2:
        noise *= np.exp(by)
        return
    population = unpacked(theta, layout)
    for t in range(given.span.size):
        pool.z[t, pool.present[t], 0] = _moved(population, which, by, pool, t)


@njit(cache=True, error_model="numpy")
def _moved(population, which, by, pool, t):
    """Log noise of a task's present state after a stretch, which `population` has undergone."""
    log_sigma = pool.z[t, pool.present[t], 0]
    if which == 0:
        return log_sigma + by
    if which == 1:
        middle = population.log_sigma
        return middle + (log_sigma - middle) * np.exp(by)
    return log_sigma


@njit(cache=True, error_model="numpy")
def _stretched(given, layout, which, theta, by, noise, pool, room):
    """Log density after a stretch, as one of the scale while the standardised noise is held."""
    population = unpacked(theta, layout)
    found = log_hyperprior(theta, noise, layout)
    if which == 2:
        found += noise.size * by
    for t in range(given.span.size):
        n = pool.present[t]
        found += log_likelihood(
            given, t, pool.at[t, n], pool.z[t, n, 3], pool.slope[t, n], pool.extra[t, n],
            _moved(population, which, by, pool, t), noise,
        )  # fmt: skip
    return found - log_kept(given, population, noise, room, True)


@njit(cache=True, error_model="numpy")
def _shift(layout, theta, noise, pool, rng):
    """Give all models what all tasks lose: no score changes, so the shift is a normal variable."""
    level_at, spread_at, _, shared_at, _ = places(layout)
    shared = np.exp(theta[shared_at])
    precision = noise.size / shared**2 + layout.metrics / _LEVEL_WIDTH**2
    pull = (theta[level_at:spread_at] - _LEVEL_MEAN).sum() / _LEVEL_WIDTH**2
    pull -= noise.sum() / shared**2
    by = pull / precision + rng.standard_normal() / np.sqrt(precision)
    noise += by
    theta[level_at:spread_at] -= by
    for t in range(pool.present.size):
        pool.z[t, pool.present[t], 3] -= by
