"""Compiled pieces of the pooled model: likelihood of one task, chance of a task to be kept.

The same numbers as in the PyMC statement of the model (`pooled.model`), for the
sampler that goes from task to task (`pooled.sampler`). Skills in nats.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.packing import ALMOST_NEVER, Tasks
from emergent_stats.bayes.pooled.tables import (
    KEPT_MEAN,
    KEPT_MEAN_POSITION,
    KEPT_SPREAD,
    KEPT_SPREAD_POSITION,
    LOG_SIGMA,
    SIGMA_POSITION,
    SKILL,
    SKILL_POSITION,
)

_SKILL_START, _SKILL_STEP = SKILL_POSITION.start, SKILL_POSITION.step
_SIGMA_START, _SIGMA_STEP = SIGMA_POSITION.start, SIGMA_POSITION.step
_MEAN_START, _MEAN_STEP = KEPT_MEAN_POSITION.start, KEPT_MEAN_POSITION.step
_SPREAD_START, _SPREAD_STEP = KEPT_SPREAD_POSITION.start, KEPT_SPREAD_POSITION.step
# cells of a table over σ, with one more on each side
_ACROSS = LOG_SIGMA.size + 2


class Given(NamedTuple):
    """What the data say, as arrays (see `packing`); T tasks, R rows of tables, C alternatives."""

    table: Any  # (R·I·skill·σ,): the tables, a cell more on each side, flat
    row: Any  # (R, I): where each table begins
    level_row: Any  # (T, G): rows of a task's levels
    log_level: Any  # (T, G)
    length: Any  # (T,): observations
    model: Any  # (T, I)
    line: Any  # (T, I)
    shape: Any  # (T, C, I)
    span: Any  # (T,)
    gain: Any  # (T, C)
    log_weight: Any  # (T, C)
    account: Any  # (C,)
    portion: Any  # (C,)
    uses: Any  # (C,)
    kind: Any  # (T,)
    family: Any  # (T,)
    last: Any  # (T,): model whose success was judged
    selected: bool
    kept: Any  # (R, τ, mean), a cell more on each side; fourth roots
    node_of: Any  # (N,): alternative of a node of the selection
    node_slope: Any  # (N,)
    node_extra: Any  # (N,)
    node_share: Any  # (T, N): weight of a node
    begins: Any  # (J + 1,): where a model's observations begin in the next two
    seen_task: Any
    seen_at: Any


def given(tasks: Tasks) -> Given:
    """Arrays of a collection, laid out for the sampler."""
    a = tasks.arrays
    count, width = a["model"].shape
    place = np.arange(width)[None] < a["length"][:, None]
    order = np.argsort(np.where(place, a["model"], len(tasks.models)), axis=None, kind="stable")
    order = order[: place.sum()]
    node_share = np.exp(a["log_weight"].T[:, a["node_of"]] + a["node_log_share"])
    begins = np.searchsorted(a["model"].ravel()[order], np.arange(len(tasks.models) + 1))
    return Given(
        *_flat(a["table"]), a["level_row"], a["log_level"], a["length"], a["model"],
        a["line"], np.ascontiguousarray(a["shape"].transpose(1, 0, 2)), a["span"],
        np.ascontiguousarray(a["gain"].T), np.ascontiguousarray(a["log_weight"].T), a["account"],
        a["portion"], a["uses"] > 0, a["kind"], a["family"],
        a["model"][np.arange(count), a["length"] - 1], tasks.selected,
        np.pad(a["kept"], ((0, 0), (1, 1), (1, 1)), mode="edge"), a["node_of"],
        a["node_slope"], a["node_extra"], node_share, begins, order // width, order % width,
    )  # fmt: skip


def _flat(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tables (R, I, σ, skill) one behind the other, σ fastest, and where each begins.

    The four by four cells of an interpolation then lie close to each other. Single precision:
    log likelihoods of hundreds of nats are right to 1e-4, and half the size has to be moved.
    """
    padded = np.pad(table, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    begins = np.arange(table.shape[0] * table.shape[1]) * padded[0, 0].size
    flat = padded.transpose(0, 1, 3, 2).astype(np.float32).ravel()
    return flat, begins.reshape(table.shape[:2])


@njit(cache=True, error_model="numpy", inline="always")
def _weights(t):
    t2, t3 = t * t, t * t * t
    return (
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    )


@njit(cache=True, error_model="numpy", inline="always")
def _cell(value, start, step, size):
    """Cell of a value on a grid and its share of the way through it; beyond the ends, the end."""
    at = min(max((value - start) * (1.0 / step), 0.0), size - 1.0)
    cell = min(int(at), size - 2)
    return cell, at - cell


@njit(cache=True, error_model="numpy", inline="always")
def _lookup(table, begin, v, skill):
    """A table from `begin` (its place and the cell of σ), weights of σ, and a skill."""
    b, share = _cell(skill, _SKILL_START, _SKILL_STEP, SKILL.size)
    w0, w1, w2, w3 = _weights(share)
    at = begin + b * _ACROSS
    v0, v1, v2, v3 = v
    found = w0 * (v0 * table[at] + v1 * table[at + 1] + v2 * table[at + 2] + v3 * table[at + 3])
    at += _ACROSS
    found += w1 * (v0 * table[at] + v1 * table[at + 1] + v2 * table[at + 2] + v3 * table[at + 3])
    at += _ACROSS
    found += w2 * (v0 * table[at] + v1 * table[at + 1] + v2 * table[at + 2] + v3 * table[at + 3])
    at += _ACROSS
    found += w3 * (v0 * table[at] + v1 * table[at + 1] + v2 * table[at + 2] + v3 * table[at + 3])
    return found


@njit(cache=True, error_model="numpy")
def one_score(table, begin, log_sigma, skill):
    """Log likelihood of one observation, whose table begins at `begin`."""
    a, share = _cell(log_sigma, _SIGMA_START, _SIGMA_STEP, LOG_SIGMA.size)
    return _lookup(table, begin + a, _weights(share), skill)


@njit(cache=True, error_model="numpy")
def log_likelihood(given, t, c, bottom, slope, extra, log_sigma, noise):
    """Log likelihood of task t under alternative c, summed over its levels.

    Parameters
    ----------
    given : Given
    t, c : int
    bottom : float
        Skill at the smallest scale, in nats.
    slope, extra : float
        Nats per decade; nats (heights) or nats per decade (bends).
    log_sigma : float
        Log of the noise between models, in nats.
    noise : (J,) array
        Skill that each model has in excess of its scale, in nats.
    """
    top = bottom + slope * given.span[t] + extra * given.gain[t, c]
    a, share = _cell(log_sigma, _SIGMA_START, _SIGMA_STEP, LOG_SIGMA.size)
    v = _weights(share)
    best, total = -np.inf, 0.0
    for g in range(given.level_row.shape[1]):
        if given.log_level[t, g] < 0.5 * ALMOST_NEVER:
            continue
        row = given.level_row[t, g]
        found = given.log_level[t, g]
        for i in range(given.length[t]):
            skill = top + noise[given.model[t, i]]
            skill -= slope * given.line[t, i] + extra * given.shape[t, c, i]
            found += _lookup(given.table, given.row[row, i] + a, v, skill)
        if found > best:
            total = total * np.exp(best - found) + 1.0
            best = found
        else:
            total += np.exp(found - best)
    return best + np.log(total)


@njit(cache=True, error_model="numpy")
def log_passing(given, t, noise, slope, width, mean_square, level, spread, here, mean, out):
    """Log probability that task t is kept, in each account, over the population: into `out` (4,).

    ``width`` has one scale per portion (none, height, bend); ``here`` and
    ``mean`` are room for a row of the table and for the nodes. Bottom and noise
    are integrated out in the table, whose spread is √(spread² + σ²) with the
    mean square of σ.
    """
    size, nodes = KEPT_MEAN.size, given.node_of.size
    log_spread = 0.5 * np.log(spread * spread + mean_square)
    a, share = _cell(log_spread, _SPREAD_START, _SPREAD_STEP, KEPT_SPREAD.size)
    v0, v1, v2, v3 = _weights(share)
    start = level + noise[given.last[t]]
    out[:] = 0.0
    lowest, highest = start, start
    for n in range(nodes):
        c = given.node_of[n]
        mean[n] = start + width[given.portion[c]] * given.node_extra[n] * given.gain[t, c]
        if given.uses[c]:
            mean[n] += slope * given.node_slope[n] * given.span[t]
        highest = max(highest, mean[n])
    low, _ = _cell(lowest, _MEAN_START, _MEAN_STEP, size)
    high, _ = _cell(highest, _MEAN_START, _MEAN_STEP, size)
    for g in range(given.level_row.shape[1]):
        if given.log_level[t, g] < 0.5 * ALMOST_NEVER:
            continue
        cells = given.kept[given.level_row[t, g]]
        first, second, third, fourth = cells[a], cells[a + 1], cells[a + 2], cells[a + 3]
        for q in range(low, high + 4):
            here[q] = v0 * first[q] + v1 * second[q] + v2 * third[q] + v3 * fourth[q]
        level_share = np.exp(given.log_level[t, g])
        for n in range(nodes):
            c = given.node_of[n]
            b, along = _cell(mean[n], _MEAN_START, _MEAN_STEP, size)
            w0, w1, w2, w3 = _weights(along)
            found = w0 * here[b] + w1 * here[b + 1] + w2 * here[b + 2] + w3 * here[b + 3]
            found *= found
            out[given.account[c]] += level_share * given.node_share[t, n] * found * found
    out[:] = np.log(np.maximum(out, 1e-300))
