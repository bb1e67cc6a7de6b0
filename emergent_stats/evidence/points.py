"""Points of the outer parameters, what was found there, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emergent_stats.evidence.nuisance import Lattice
from emergent_stats.model.maths import log_sum


@dataclass(eq=False)
class Points:
    """A round of n points for each of C curves, and what was found there.

    Attributes
    ----------
    rate, values : (C, n) arrays
        Pair of guess and lapse rate, and outer parameters of the trend.
    log_m, variance : (C, n) arrays
        Log mass (−inf where there is no point), and its relative variance.
    noise_mass : (C, n, J) array
    kept, kept_noise, kept_weight : (C, n, k, q), (C, n, k), (C, n, k) arrays
        Inner parameters, nodes of σ, and the log share of the point's mass that they stand for.
    largest : (C, n) array
        Share of the point's mass on its heaviest node.
    taken : (C,) array
        Points of each curve.
    """

    rate: np.ndarray
    values: dict[str, np.ndarray]
    log_m: np.ndarray
    variance: np.ndarray
    noise_mass: np.ndarray
    kept: np.ndarray
    kept_noise: np.ndarray
    kept_weight: np.ndarray
    largest: np.ndarray
    taken: np.ndarray = field(default_factory=lambda: np.zeros(0))


def joined(rounds: list[Points], sizes: list[np.ndarray]) -> np.ndarray:
    """Log masses (C, N) of the points of some rounds, which count by their `sizes` (C,)."""
    size = np.stack(sizes, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.fmax(np.log(size / size.sum(1, keepdims=True)), np.finfo(float).min)
    return np.concatenate([r.log_m + share[:, i : i + 1] for i, r in enumerate(rounds)], axis=1)


def masses(index: np.ndarray, share: np.ndarray, count: int) -> np.ndarray:
    """Sum of the shares (C, N) at each index, (C, count)."""
    size = index.shape[0]
    flat = index + np.arange(size)[:, None] * count
    return np.bincount(flat.ravel(), share.ravel(), size * count).reshape(size, count)


def first_masses(nodes: Lattice, hint) -> list[np.ndarray]:
    """Masses of the first round on the guess and lapse axes: the prior's, flat, and the hint."""
    guesses, lapses = nodes.shape
    rate = nodes.log_rate_weight.reshape(-1, guesses, lapses)
    found = []
    for i, log_w in ((1, log_sum(rate, 2)), (2, log_sum(rate, 1))):
        p = np.exp(0.5 * (log_w - log_w.max(1, keepdims=True)))
        there = log_w > -np.inf
        p = 0.7 * p / p.sum(1, keepdims=True) + 0.3 * there / there.sum(1, keepdims=True)
        if hint is not None and hint[i].shape == p.shape:
            wide = np.pad(hint[i], ((0, 0), (1, 1)))
            near = 0.6 * hint[i] + 0.2 * wide[:, :-2] + 0.2 * wide[:, 2:]
            p = 0.4 * p + 0.6 * near * there
        found.append(p / p.sum(1, keepdims=True))
    return found
