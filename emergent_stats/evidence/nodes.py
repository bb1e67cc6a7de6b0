"""Nodes around a mode: Student t deviates in pairs, some of them spread wider."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from emergent_stats.model.maths import quasi_uniform

# degrees of freedom
_DF = 6.0
# nodes spread wider: how many, and how much
_WIDE_SHARE, _WIDE = 0.2, 2.5


@lru_cache(maxsize=32)
def student_nodes(count: int, each: int, q: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sets of `each` (even) Student t deviates in pairs ±t, and their log density.

    A share of the pairs is spread wider, for the tails of a posterior that
    leans on a floor or a ceiling.

    Returns
    -------
    t, log_density : (count, q, each), (count, each) arrays
        Pairs stand side by side.
    """
    if q == 0:
        return np.zeros((count, 0, each)), np.zeros((count, each))
    half = each // 2
    u = quasi_uniform(count * half, q + 2, np.random.default_rng(seed).random(q + 2))
    chi = special.gammaincinv(_DF / 2, u[:, q])
    t = special.ndtri(u[:, :q]) / np.sqrt(2 * chi / _DF)[:, None]
    t *= np.where(u[:, q + 1] < _WIDE_SHARE, _WIDE, 1.0)[:, None]
    t = t.reshape(count, half, 1, q)
    t = np.concatenate([t, -t], axis=2).reshape(count, each, q)
    log_t = np.logaddexp(
        np.log1p(-_WIDE_SHARE) + _log_t(t, q),
        np.log(_WIDE_SHARE) + _log_t(t / _WIDE, q) - q * np.log(_WIDE),
    )
    return np.ascontiguousarray(np.swapaxes(t, 1, 2)), log_t


def _log_t(t: np.ndarray, q: int) -> np.ndarray:
    """Log density of the standard multivariate Student t."""
    return (
        special.gammaln((_DF + q) / 2)
        - special.gammaln(_DF / 2)
        - 0.5 * q * np.log(_DF * np.pi)
        - 0.5 * (_DF + q) * np.log1p((t * t).sum(-1) / _DF)
    )
