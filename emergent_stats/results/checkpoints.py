"""Checkpoints of one training run: neighbours share their luck, so they are no models of their own.

The noise between checkpoints is autocorrelated. Counted as independent, 186
checkpoints make any wiggle of the run look like a break. The rule, stated with
every series it touches: the correlation ρ of the noise of neighbours is
estimated, and as many checkpoints are kept as would, evenly spaced, leave
neighbours correlated by at most `LEFT`, and never more than `MOST`. They are
spread evenly by log scale, and closer together where the score leaps: how
sudden a leap is, only the checkpoints beside it can show.
"""

from __future__ import annotations

import numpy as np

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.observed import observe

#: Correlation of neighbours that may be left.
LEFT = 0.3
#: Checkpoints of one run that are used at most.
MOST = 32
#: Checkpoints below which nothing is thinned: too few to estimate a correlation from.
FEWEST = 12
# times the median change between neighbours: of two dozen changes by noise alone, none is so large
_LEAP = 5.0
#: Axes along which a family is one run.
TRAINING_AXES = ("step", "tokens")

_RHO = np.concatenate([np.linspace(0.0, 0.9, 10), [0.95, 0.98]])
_SPREAD = np.geomspace(0.01, 1.5, 12)


def correlation(curve: Curve) -> float:
    """Correlation of the noise of neighbouring checkpoints: posterior mean, between 0 and 0.98.

    The skills that the scores suggest are taken for a cubic in scale with one
    step, plus AR(1) noise, plus the noise of the examples, which is known;
    the restricted likelihood (Patterson and Thompson 1971) of ρ and of the
    noise is averaged over even grids. Checkpoints whose score is near the floor
    or the top say nothing of the noise and are passed over.
    """
    obs = observe([curve], curve.metric_object)
    skill, info = obs.guide[0], obs.guide_info[0]
    own = obs.error[0] ** 2 if curve.metric_object.continuous else 1 / np.maximum(info, 1e-3)
    place = np.flatnonzero(own < 0.25)
    if place.size < FEWEST:
        return 0.0
    # long runs: every s-th checkpoint tells ρ^s
    stride = max(1, place.size // 90)
    place = place[::stride]
    y, own, x = skill[place], own[place], curve.x[place]
    x = (x - x.mean()) / max(np.ptp(x), 1e-9)
    smooth = np.stack([np.ones_like(x), x, x**2, x**3], axis=1)
    # a leap, if there is one, must not pass for slow noise
    splits = range(2, y.size - 2)
    steps = [(np.arange(y.size) >= k).astype(float) for k in splits]
    left = [_residual(np.column_stack([smooth, step]), y) for step in steps]
    basis = np.column_stack([smooth, steps[int(np.argmin(left))]])
    apart = np.abs(place[:, None] - place[None, :]) / stride
    log_l = np.array([[_restricted(y, basis, own, s, r**apart) for s in _SPREAD] for r in _RHO])
    weight = np.exp(log_l - log_l.max()).sum(1) * np.gradient(_RHO)
    return float(weight @ _RHO / weight.sum()) ** (1 / stride)


def _residual(basis: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum((y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]) ** 2))


def _restricted(y, basis, own, spread, alike) -> float:
    """Log restricted likelihood of y ~ Normal(basis·b, spread²·alike + diag(own))."""
    root = np.linalg.cholesky(spread**2 * alike + np.diag(own + 1e-8))
    seen = np.linalg.solve(root, np.column_stack([basis, y]))
    a, b = seen[:, :-1], seen[:, -1]
    normal = a.T @ a
    rest = b - a @ np.linalg.solve(normal, a.T @ b)
    return float(
        -np.log(np.diag(root)).sum() - 0.5 * np.linalg.slogdet(normal)[1] - 0.5 * rest @ rest
    )


def thinned(curve: Curve) -> Curve:
    """Return the curve with the checkpoints that count, and a note of what was left out.

    Curves along other axes, or with fewer than `FEWEST` scales, come back unchanged.
    """
    if curve.axis not in TRAINING_AXES or curve.n_scales < FEWEST or curve.n_scales < curve.m:
        return curve
    rho = correlation(curve)
    every = 1 if rho <= LEFT else int(np.ceil(np.log(LEFT) / np.log(rho)))
    most = min(MOST, max(curve.m // every, 2 * MIN_SCALES))
    if most >= curve.m:
        return curve
    keep = _spread(curve, most)
    note = (
        f"checkpoints of one run, noise of neighbours correlated by about {rho:.2f}: "
        f"{keep.size} of {curve.m} used"
    )
    return curve.take(keep, warnings=(*curve.warnings, note))


def _spread(curve: Curve, most: int) -> np.ndarray:
    """Positions of `most` checkpoints: evenly by log scale, and closer where the score leaps.

    A quarter is kept for gaps across which the score changes far more than across most: each is
    halved, by scale and not by scores, until the leap stands between two neighbours.
    """
    x, y = curve.x, curve.score
    low, high = curve.intervals(0.9)
    leaps = most // 4
    wanted = np.linspace(x[0], x[-1], most - leaps)
    keep = set(np.abs(x[None, :] - wanted[:, None]).argmin(1).tolist()) | {0, curve.m - 1}
    while len(keep) < most:
        at = np.array(sorted(keep))
        change = np.abs(np.diff(y[at]))
        noise = 0.5 * (high - low)[at]
        far = (change > _LEAP * np.median(change)) & (change > noise[1:] + noise[:-1])
        split = np.diff(at) > 1
        if leaps > 0 and (far & split).any():
            gap = int(np.argmax(np.where(far & split, change, -1.0)))
            leaps -= 1
        else:
            gap = int(np.argmax(np.where(split, np.diff(x[at]), -1.0)))
        inside = np.arange(at[gap] + 1, at[gap + 1])
        middle = 0.5 * (x[at[gap]] + x[at[gap + 1]])
        keep.add(int(inside[np.abs(x[inside] - middle).argmin()]))
    return np.array(sorted(keep))
