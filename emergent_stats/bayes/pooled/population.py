"""The population of the pooled model as one vector: priors, moves, chance of being kept.

The vector holds what `Layout` says, in coordinates without bounds. It moves by
slice sampling, along directions in which it spread in the warm-up, with every
task averaged over the pool of states that it has at the moment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.likelihood import log_passing
from emergent_stats.bayes.pooled.slices import advance, begin, going, place
from emergent_stats.bayes.pooled.tasks import Population, log_weights

# medians and log widths of the scales of slope, height, bend and noise
SCALE_MEDIAN = (0.7, 0.5, 0.75, 0.2)
SCALE_WIDTH = (0.7, 0.4, 0.4, 0.5)
SIGMA_SPREAD_PRIOR = 0.5
LEVEL_PRIOR = (-1.5, 1.5)
LEVEL_SPREAD_PRIOR = 1.5
SHARED_PRIOR = 0.2
#: Spread of the families' levels about the common one, nats.
FAMILY_LEVEL_PRIOR = 1.0

_LEVEL_MEAN, _LEVEL_WIDTH = LEVEL_PRIOR


class Layout(NamedTuple):
    """Sizes, and where what stands in the vector.

    Log scales (slope, height, bend, noise), log spread of the noise, levels,
    log level spreads, each family's log parts of the accounts (shares once
    divided by their sum, whatever that is), log noise shared by models; with
    several families also the shift of each family's levels.
    """

    metrics: int
    families: int

    @property
    def size(self) -> int:
        """Length of the vector."""
        shifts = self.families if self.families > 1 else 0
        return 6 + 2 * self.metrics + 4 * self.families + shifts


@njit(cache=True)
def places(layout):
    """Begin of levels, level spreads, parts, shared, shifts of families."""
    k, shared = layout.metrics, 5 + 2 * layout.metrics + 4 * layout.families
    return 5, 5 + k, 5 + 2 * k, shared, shared + 1


@njit(cache=True, error_model="numpy")
def unpacked(theta, layout):
    """Population in natural units from the vector."""
    metrics, families = layout.metrics, layout.families
    level_at, spread_at, parts_at, _, shift_at = places(layout)
    width, level = np.ones(3), np.empty((families, metrics))
    width[1:] = np.exp(theta[1:3])
    log_share = np.zeros((families, 4))
    for f in range(families):
        shift = theta[shift_at + f] if families > 1 else 0.0
        for k in range(metrics):
            level[f, k] = theta[level_at + k] + shift
        for a in range(4):
            log_share[f, a] = theta[parts_at + 4 * f + a]
        top = log_share[f].max()
        log_share[f] -= top + np.log(np.exp(log_share[f] - top).sum())
    level_spread = np.exp(theta[spread_at : spread_at + metrics])
    slope, sigma_spread = np.exp(theta[0]), np.exp(theta[4])
    return Population(slope, width, theta[3], sigma_spread, level, level_spread, log_share)


@njit(cache=True, error_model="numpy")
def half_normal(log_value, scale):
    """Log density of the logarithm of a half-normal variable, but for a constant."""
    r = np.exp(log_value) / scale
    return log_value - 0.5 * r * r


@njit(cache=True, error_model="numpy")
def log_hyperprior(theta, noise, layout):
    """Log prior density of the vector and of the noise of models, but for a constant."""
    level_at, spread_at, parts_at, shared_at, shift_at = places(layout)
    found = half_normal(theta[4], SIGMA_SPREAD_PRIOR) + half_normal(theta[shared_at], SHARED_PRIOR)
    for q in range(4):
        found -= 0.5 * ((theta[q] - np.log(SCALE_MEDIAN[q])) / SCALE_WIDTH[q]) ** 2
    for k in range(layout.metrics):
        found -= 0.5 * ((theta[level_at + k] - _LEVEL_MEAN) / _LEVEL_WIDTH) ** 2
        found += half_normal(theta[spread_at + k], LEVEL_SPREAD_PRIOR)
    # exponential parts make the shares even (Dirichlet)
    for i in range(parts_at, shared_at):
        found += theta[i] - np.exp(theta[i])
    found -= noise.size * theta[shared_at]
    found -= 0.5 * (noise * noise).sum() * np.exp(-2 * theta[shared_at])
    for i in range(shift_at, theta.size):
        found -= 0.5 * (theta[i] / FAMILY_LEVEL_PRIOR) ** 2
    return found


@njit(cache=True, error_model="numpy")
def _passing(given, population, noise, t, here, mean, out):
    f, k = given.family[t], given.kind[t]
    mean_square = np.exp(2 * population.log_sigma + 2 * population.sigma_spread**2)
    log_passing(
        given, t, noise, population.slope, population.width, mean_square,
        population.level[f, k], population.level_spread[k], here, mean, out,
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def passing(given, population, noise, out):
    """Log chance of a task of each account to be kept, (T, account) into `out`."""
    here, mean = np.empty(given.kept.shape[2]), np.empty(given.node_of.size)
    for t in range(given.span.size):
        _passing(given, population, noise, t, here, mean, out[t])


@njit(cache=True, error_model="numpy")
def _log_mixed(population, f, chance):
    """Log chance of a task of a family to be kept, from that of each account."""
    total = 0.0
    for a in range(4):
        total += np.exp(chance[a] + population.log_share[f, a])
    return np.log(total)


@njit(cache=True, error_model="numpy")
def kept_of(given, population, noise, t, here, mean, room):
    """Log probability that task t is kept, given the population; three rooms to work in."""
    _passing(given, population, noise, t, here, mean, room)
    return _log_mixed(population, given.family[t], room)


@njit(cache=True, error_model="numpy")
def log_kept(given, population, noise, chance, fresh=True):
    """Log probability that all tasks are kept, given the population.

    ``chance`` (T, 4) is filled with `passing`, or else taken as it is.
    """
    found = 0.0
    if given.selected:
        if fresh:
            passing(given, population, noise, chance)
        for t in range(given.span.size):
            found += _log_mixed(population, given.family[t], chance[t])
    return found


@njit(cache=True, error_model="numpy")
def log_target(given, layout, theta, noise, pool, chance, weight, fresh=True):
    """Log density of the population, with the tasks averaged over their pools.

    ``weight`` (P,) is there to be filled; ``chance``, ``fresh``: see `log_kept`.
    """
    population = unpacked(theta, layout)
    found = log_hyperprior(theta, noise, layout)
    found -= log_kept(given, population, noise, chance, fresh)
    for t in range(given.span.size):
        log_weights(given, population, pool, t, weight)
        top = weight.max()
        total = 0.0
        for n in range(weight.size):
            total += np.exp(weight[n] - top)
        found += top + np.log(total)
    return found if np.isfinite(found) else -np.inf


@njit(cache=True, error_model="numpy")
def _moves_skill(layout, along):
    """Whether a direction changes more than shares of accounts and the scale of the noise."""
    _, _, parts_at, _, shift_at = places(layout)
    for i in range(along.size):
        shares = parts_at <= i < shift_at
        if along[i] != 0.0 and not shares:
            return True
    return False


@njit(cache=True, error_model="numpy")
def update_population(given, layout, theta, noise, pool, directions, widths, used, rng):
    """A slice along each direction (columns of `directions`), `widths` wide to begin with.

    ``used`` is filled with the distances moved, from which the warm-up sets the widths.
    """
    chance, weight = np.empty((given.span.size, 4)), np.empty(pool.at.shape[1])
    start = log_target(given, layout, theta, noise, pool, chance, weight, True)
    for j in range(directions.shape[1]):
        along = directions[:, j]
        # the chances of being kept, by account, are those of the last place asked for
        fresh = _moves_skill(layout, along)
        s = begin(start, widths[j], rng)
        value = start
        while going(s):
            moved = theta + place(s) * along
            value = log_target(given, layout, moved, noise, pool, chance, weight, fresh)
            advance(s, value, rng)
        used[j] = abs(place(s))
        if place(s) != 0.0:
            theta += place(s) * along
            start = value
        else:
            start = log_target(given, layout, theta, noise, pool, chance, weight, True)
