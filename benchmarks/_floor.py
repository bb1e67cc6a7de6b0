"""The best any rule can do: posterior probability of a break under the very truths simulated.

Marginal likelihoods by averaging over draws from each truth's own
distribution, with the noise between models integrated on a grid of skill, and
guess and lapse rates over a few strata. No trend, prior or quadrature of the
package is used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from emergent_stats.design.simulate import LINKS, Design, expected_score
from emergent_stats.design.truths import TRUTHS
from emergent_stats.model.curve import Curve

_GRID = np.arange(-9.0, 9.0, 0.01)
#: Strata of guess and lapse rate (of each one where the other is known).
_STRATA = 24
_BLOCK = 20_000


def _rates(link: str, plateaus: bool, rng: np.random.Generator) -> np.ndarray:
    """(strata, 2) guess and lapse rates: a Latin square of Beta(1, 50) quantiles."""
    if not plateaus:
        return np.array([LINKS[link].rates(rng, False)])
    u = (np.arange(_STRATA) + 0.5) / _STRATA
    guess, lapse = (special.betaincinv(1.0, 50.0, rng.permutation(u)) for _ in range(2))
    if not np.isnan(LINKS[link].chance):
        guess = np.full(_STRATA, LINKS[link].chance)
    return np.column_stack([guess, lapse])


def _tables(curve: Curve, design: Design, mean: np.ndarray) -> np.ndarray:
    """Log probability of every score against skill, (m, strata, grid), from `mean` (strata, grid).

    A graded score counts as three times as many answers (its variance is a third).
    """
    n = design.n * (3.0 if LINKS[design.link].graded else 1.0)
    k = curve.score[:, None, None] * n
    log_p = k * np.log(mean) + (n - k) * np.log1p(-mean)
    top = log_p.max(-1, keepdims=True)
    if design.sigma > 0:
        step = _GRID[1] - _GRID[0]
        half = int(np.ceil(5 * design.sigma / step))
        z = np.arange(-half, half + 1) * step / design.sigma
        kernel = np.exp(-0.5 * z * z)
        size = _GRID.size + 2 * half
        padded = np.pad(np.exp(log_p - top), ((0, 0), (0, 0), (half, half)), mode="edge")
        length = int(2 ** np.ceil(np.log2(size + kernel.size)))
        spectrum = np.fft.rfft(padded, length) * np.fft.rfft(kernel / kernel.sum(), length)
        smooth = np.fft.irfft(spectrum, length)[..., 2 * half : 2 * half + _GRID.size]
        # the transform is exact to about 1e-16 of the top: below that, all is equally hopeless
        log_p = np.log(np.maximum(smooth, 1e-14)) + top
    return log_p


def log_marginals(
    curves: Sequence[Curve],
    design: Design,
    truths: Sequence[str],
    draws: int,
    seed: int,
    x: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Log marginal likelihood of every curve under every truth.

    Parameters
    ----------
    curves : sequence of Curve
        All of one design, with the same scales and independent noise.
    design : Design
    truths : sequence of str
        Names in `TRUTHS`.
    draws : int
        From each truth.
    seed : int
    x : (m,) array, optional
        Their scales, in decades from the middle; default those of an evenly spaced design.

    Returns
    -------
    log_z : (truths, curves) array
    effective : (truths, curves) array
        Effective number of draws behind each.
    """
    rng = np.random.default_rng([seed, 29])
    x = design.scales(rng) if x is None else x
    rates = _rates(design.link, design.plateaus, rng)
    share = expected_score(_GRID, design.link, 0.0, 0.0)
    guess, lapse = rates.T[..., None]
    mean = np.clip(guess + (1 - guess - lapse) * share, 1e-12, 1 - 1e-12)
    tables = [_tables(c, design, mean) for c in curves]
    log_z = np.empty((len(truths), len(curves)))
    effective = np.empty_like(log_z)
    for t, name in enumerate(truths):
        parts = []
        for start in range(0, draws, _BLOCK):
            size = min(_BLOCK, draws - start)
            skill = TRUTHS[name].skill(x, **TRUTHS[name].draw(rng, 0.5 * design.span, size))
            skill = np.broadcast_to(skill, (size, x.size))
            at = np.clip((skill - _GRID[0]) / (_GRID[1] - _GRID[0]), 0, _GRID.size - 1)
            at = np.round(at).astype(np.int32)
            first = rng.integers(len(rates), size=size) * _GRID.size
            total = np.zeros((len(curves), size))
            for i in range(x.size):
                where = first + at[:, i]
                for c, table in enumerate(tables):
                    total[c] += np.take(table[i], where)
            parts.append(total)
        every = np.concatenate(parts, axis=1)
        top = every.max(1, keepdims=True)
        weight = np.exp(every - top)
        log_z[t] = np.log(weight.mean(1)) + top[:, 0]
        effective[t] = weight.sum(1) ** 2 / (weight**2).sum(1)
    return log_z, effective


def p_break(log_z: np.ndarray, is_break: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Posterior probability of a break, even odds on it and equal shares within.

    Parameters
    ----------
    log_z : (truths, curves) array
    is_break, rows : (truths,) bool arrays
        Which truths are breaks, and which are in the mixture at all.
    """
    part = [
        special.logsumexp(log_z[rows & kind], axis=0) - np.log((rows & kind).sum())
        for kind in (is_break, ~is_break)
    ]
    return special.expit(part[0] - part[1])
