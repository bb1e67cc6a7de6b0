"""Profiles: the log likelihood of each score as a function of its trend's skill.

With the noise between models integrated out, the likelihood of a score depends
on the trend through one number, the skill s that the trend gives that model.
For each node (σ, guess, lapse) of the `nuisance.Lattice` this function of s is
put on a grid once; every hypothesis of the curve then reads it off. The kernel that
fills it is in `filling`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emergent_stats.evidence.filling import POINTS, Rule, fill
from emergent_stats.evidence.nuisance import Lattice
from emergent_stats.model.density import link_of, seen_in
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import SKILL_NORMAL, Observations, behind


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of C curves, m scores each, at A rates and J noises.

    Attributes
    ----------
    kind : int
        As in `observed.Observations`; SKILL_NORMAL needs no grid.
    which : (C, m) array
        Number of each score's profiles; equal scores may share them.
    value : (U, A, J, POINTS) array
        Log likelihoods on the grid.
    grid : (U, A, J, 3) array
        First point, inverse spacing and number of points; where there is no score a profile that
        is 0 everywhere.
    seen, variance, constant : (C, A, m), (C, A, J, m), (C, A, J, m) arrays
        For SKILL_NORMAL: the skill behind what is shown, its variance, and the log density there.
    top : (C, m) array
        No skill, noise or rate of the lattice gives a score a log likelihood above this; at most 0
        for counts. No row of `value` exceeds it.
    """

    kind: int
    which: np.ndarray
    value: np.ndarray
    grid: np.ndarray
    seen: np.ndarray
    variance: np.ndarray
    constant: np.ndarray
    top: np.ndarray

    def take(self, rows: np.ndarray) -> Profiles:
        """Profiles of some of the curves."""
        # what is shared stays so
        own = (self.seen[rows], self.variance[rows], self.constant[rows], self.top[rows])
        return Profiles(self.kind, self.which[rows], self.value, self.grid, *own)


def profiles(obs: Observations, metric: Metric, nodes: Lattice, alike: bool = False) -> Profiles:
    """Profiles of every score of `obs` at every node of the lattice.

    Equal scores of a curve share theirs; where all curves have one lattice (`alike`), those of all.
    """
    if obs.kind == SKILL_NORMAL:
        return _of_losses(obs, metric, nodes)
    size, m = obs.mask.shape
    owner = np.repeat(np.zeros(size, np.int64) if alike else np.arange(size), m)
    columns = [owner.reshape(size, m), obs.n, obs.value, obs.error, obs.mask.astype(float)]
    keys = np.stack([*columns, *np.moveaxis(obs.k, 2, 0)], axis=-1).reshape(size * m, -1)
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    few = obs.each(lambda a: a.reshape(size * m, 1, *a.shape[2:])[first])
    own = nodes.take(owner[first])
    shape = first.size, 1, nodes.guess.shape[1], nodes.sigma.shape[1]
    value, grid = np.zeros((*shape, POINTS)), np.zeros((*shape, 3))
    grid[..., 2] = 4.0
    top = np.zeros((first.size, 1))
    rule = Rule(own.log_rate_weight > -np.inf, own.guess, own.lapse, own.sigma)
    fill(rule, link_of(obs, metric), seen_in(few), value, grid, top)
    which = np.ascontiguousarray(which.reshape(size, m))
    nothing = np.zeros((size, 1, 1)), np.zeros((size, 1, 1, 1)), np.zeros((size, 1, 1, 1))
    return Profiles(obs.kind, which, value[:, 0], grid[:, 0], *nothing, top[which, 0])


def _of_losses(obs: Observations, metric: Metric, nodes: Lattice) -> Profiles:
    (size, m), rates = obs.mask.shape, nodes.guess.shape[1]
    seen, own, log_slope = behind(
        metric, np.repeat(obs.value[:, None], rates, axis=1),
        np.repeat(obs.error[:, None], rates, axis=1), nodes.lapse[:, :, None],
    )  # fmt: skip
    there = (nodes.log_rate_weight > -np.inf)[:, :, None] & obs.mask[:, None]
    if np.isneginf(log_slope[there]).any():
        raise AssertionError("a node of the lattice loses more than a loss that was seen")
    variance = nodes.sigma[:, None, :, None] ** 2 + own[:, :, None]
    constant = log_slope[:, :, None] - 0.5 * np.log(2 * np.pi * variance)
    top = np.where(there[:, :, None], constant, -np.inf).max((1, 2))
    constant = np.where(there[:, :, None], constant, 0.0)
    nothing, which = np.zeros((1, 1, 1, 1)), np.zeros((size, m), np.int64)
    top = np.where(obs.mask, top, 0.0)
    return Profiles(obs.kind, which, nothing, nothing, seen, variance, constant, top)
