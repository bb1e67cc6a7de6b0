"""The integral over noise and inner parameters where skill is not linear in the inner ones.

Modes are found by moving linearisations at one σ, and followed from there
through the others; nodes around them are weighed with the trend itself.
"""

from __future__ import annotations

import numpy as np

from emergent_stats.evidence.inner import Gate, Scores, scratch
from emergent_stats.evidence.integrand import Problem
from emergent_stats.evidence.sweeping import at_points, centre, walk
from emergent_stats.model.maths import log_sum

# Newton steps around a moving linearisation
_RELINEARISE = 4
# skills held at once
_MOST_SKILLS = 2_000_000


def integrate_curved(
    problem: Problem, curve, rate, values, offset, scores: Scores, gate: Gate, log_sigma, start,
    t, log_density, pick, shift, kept_count,
):  # fmt: skip
    """As `sweeping.sweep`, for any trend.

    Parameters
    ----------
    problem : Problem
    curve, rate : (R,) arrays
    values : dict of (R, 1) arrays
        Outer parameters of the trend.
    offset : (C, m) array or None
    scores, gate, log_sigma, start, t, log_density, pick, shift
        See `sweeping.sweep`.
    kept_count : int

    Returns
    -------
    log_m, variance, noise_mass, kept, kept_noise, kept_weight, calls, largest : arrays
    """
    x, q = problem.batch.x[curve], len(problem.inner)
    size, noises, each = curve.size, log_sigma.shape[1], log_density.shape[1]
    work = scratch(x.shape[1], q, 1, 1)
    mode, noise, at = np.zeros((size, q)), start[curve], None
    rows = None
    for i in range(_RELINEARISE):
        rows = problem.rows(x, values, curve, offset, at)
        centre(
            curve, rate, noise, i > 0, 3, rows, scores, gate, problem.maps, work, mode
        )  # fmt: skip
        at = problem.inner_values(mode)
    rows = problem.rows(x, values, curve, offset, at)
    modes, roots = np.zeros((size, noises, q)), np.zeros((size, noises, q, q))
    modes[np.arange(size), noise] = mode
    laplace = np.empty((size, noises))
    walk(
        curve, rate, noise, 3, rows, scores, gate, problem.maps, log_sigma, work, modes, roots,
        laplace,
    )  # fmt: skip
    of, j = np.nonzero(np.isfinite(laplace))
    log_w = np.full((size, noises, each), -np.inf)
    inner = np.zeros((size, noises, each, q))
    step = max(1, _MOST_SKILLS // (each * x.shape[1]))
    for first in range(0, of.size, step):
        r, k = of[first : first + step], j[first : first + step]
        nodes = (pick[r] + k) % len(t)
        away = np.linalg.solve(
            np.swapaxes(roots[r, k], 1, 2)[:, None], np.swapaxes(t[nodes], 1, 2)[..., None]
        )[..., 0]
        z = np.clip(modes[r, k][:, None, :] + away, -8.0, 8.0)
        inner[r, k] = problem.inner_values(z)
        again = np.repeat(r, each)
        exact = problem.exactly(
            x[again], {n: v[again] for n, v in values.items()}, inner[r, k].reshape(-1, q),
            curve[again], offset,
        )  # fmt: skip
        found = np.empty(again.size)
        at_points(
            curve[again], rate[again], np.repeat(k, each), exact, scores, gate,
            np.zeros((0, 2)), np.zeros((0, 1)), np.zeros(1), scratch(x.shape[1], 0, 1, 1), found,
        )  # fmt: skip
        log_det = np.log(np.abs(np.einsum("rjj->rj", roots[r, k]))).sum(1)
        log_prior = -0.5 * (z * z).sum(2) - 0.5 * q * np.log(2 * np.pi)
        log_w[r, k] = (
            found.reshape(-1, each) + log_prior - log_density[nodes] - log_det[:, None]
            + log_sigma[curve[r], k][:, None] - np.log(each)
        )  # fmt: skip
    log_w[np.isnan(log_w)] = -np.inf
    by_noise = log_sum(log_w, 2)
    log_m = log_sum(by_noise, 1)
    safe = np.where(np.isfinite(log_m), log_m, 0.0)
    share = np.exp(log_w - safe[:, None, None])
    pairs = share.reshape(size, noises, each // 2, 2).sum(3)
    count = each // 2
    variance = (pairs.var(2) * count * count / max(count - 1, 1)).sum(1)
    goal = (np.arange(kept_count) + shift) / kept_count
    below = np.cumsum(share.reshape(size, -1), axis=1)
    chosen = np.stack([np.searchsorted(b, goal * b[-1]) for b in below])
    chosen = np.minimum(chosen, noises * each - 1)
    kept = np.take_along_axis(inner.reshape(size, -1, q), chosen[..., None], axis=1)
    with np.errstate(invalid="ignore"):
        noise_mass = by_noise - log_m[:, None]
    calls = each * np.isfinite(laplace).sum(1)
    kept_weight = np.full(chosen.shape, -np.log(kept_count))
    noise_mass = np.nan_to_num(noise_mass, nan=-np.inf)
    largest = share.reshape(size, -1).max(1)
    return log_m, variance, noise_mass, kept, chosen // each, kept_weight, calls, largest
