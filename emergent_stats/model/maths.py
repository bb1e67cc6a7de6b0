"""Sums of logarithms, evenly spread points, smooth bends: mathematics that knows no hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special


def flat(parameters: Mapping[str, np.ndarray], *names: str) -> list[np.ndarray]:
    """Parameters (R, 1) as (R,) arrays, 0 for those that are not there."""
    none = np.zeros(len(next(iter(parameters.values()))))
    return [parameters[name][:, 0] if name in parameters else none for name in names]


def gap_edges(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Ends of the gaps between scales `x` in which a break between `low` and `high` may lie."""
    return np.unique(np.concatenate([[low], x[(x > low) & (x < high)], [high]]))


def log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    """Log of the sum of exponentials along an axis (−inf where all are −inf)."""
    # scipy's logsumexp takes ten times as long on arrays of this size
    top = values.max(axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(values - safe).sum(axis=axis))
    return total + np.squeeze(safe, axis)


def quasi_uniform(size: int, d: int, shift: np.ndarray | float = 0.5) -> np.ndarray:
    """Kronecker sequence of the generalised golden ratio, (size, d) points in (0, 1)."""
    phi = 2.0
    for _ in range(60):
        phi = (1 + phi) ** (1 / (d + 1))
    alpha = phi ** -np.arange(1.0, d + 1)
    u = np.modf(shift + np.arange(size)[:, None] * alpha)[0]
    return np.clip(u, 1e-9, 1 - 1e-9)


def shifted(u: np.ndarray, salt: np.ndarray) -> np.ndarray:
    """Points u (n, d) moved round the unit cube, by another step for every salt: (C, n, d).

    Curves that share their points would share their errors.
    """
    steps = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0]))
    move = np.modf(salt[:, None] * np.resize(steps, u.shape[1]))[0]
    return np.clip(np.modf(u + move[:, None, :])[0], 1e-9, 1 - 1e-9)


@lru_cache(maxsize=16)
def quasi_normal(size: int, d: int) -> np.ndarray:
    """Evenly spread standard normal points, (size, d), not to be written to."""
    found = special.ndtri(quasi_uniform(size, d))
    found.flags.writeable = False
    return found


def hermite(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Hermite for a standard normal variable."""
    nodes, weights = special.roots_hermitenorm(order)
    return nodes, weights / np.sqrt(2 * np.pi)


def at_least(value: Any, low: float) -> Any:
    """Larger of the two, from operators that PyTensor also understands."""
    return low + 0.5 * ((value - low) + np.abs(value - low))


def softplus(z: Any) -> Any:
    """log(1 + e^z) without overflow, from operators that PyTensor also understands."""
    return 0.5 * (z + np.abs(z)) + np.log1p(np.exp(-np.abs(z)))


def log_expm1(loss: np.ndarray) -> np.ndarray:
    """log(e^loss − 1) without overflow."""
    return loss + np.log(-np.expm1(-loss))
