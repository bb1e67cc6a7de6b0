"""Whether a score looks like a jump, whatever the skill does."""

from __future__ import annotations

import numpy as np

from emergent_stats.model.curve import Curve


def by_scale(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct scales, mean score (better is higher; log for losses) and its noise at each."""
    metric = curve.metric_object
    values = metric.direction * (np.log(curve.score) if metric.continuous else curve.score)
    x, index = np.unique(curve.x, return_inverse=True)
    y = np.bincount(index, values) / np.bincount(index)
    if metric.continuous:
        return x, y, np.zeros(x.size)
    low, high = curve.intervals(0.9)
    # ~2 standard errors of a difference, from the widths of 90 % intervals
    return x, y, np.bincount(index, (high - low) / 2 * 0.85) / np.bincount(index)


#: Of the rise that a straight line would not show in a gap, the share that makes it a jump.
_SUDDEN = 0.5


def apparent_jump(curve: Curve, width: float) -> tuple[bool, bool]:
    """Whether the score looks like a jump, and whether that rests on the last model.

    A jump is seen where, within one gap of the models or within `width`
    decades, the score rises by half of its total rise or more *beyond* what
    a straight line over all scales would rise there, and beyond the noise of
    the examples: over a decade any line has half of its rise within half a
    decade. It rests on the edge if the rise is made in the last gap, faster
    than in the one before: whether skill leapt or keeps accelerating, only
    larger models would show.
    """
    x, y, noise = by_scale(curve)
    total, span = y.max() - y.min(), x[-1] - x[0]

    def sudden(i: int, j: int) -> bool:
        rise, line = y[j] - y[i], total * (x[j] - x[i]) / span
        return rise - line >= _SUDDEN * (total - line) and rise - line > noise[i] + noise[j]

    last = x.size - 1
    seen = any(
        sudden(i, j)
        for i in range(last)
        for j in range(i + 1, last + 1)
        if j == i + 1 or x[j] - x[i] <= width
    )
    return seen, seen and sudden(last - 1, last) and _speeds_up(x, y, noise)


def _speeds_up(x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> bool:
    """Whether the score rises faster in the last gap than in the one before, and fell in neither.

    A score that jumps up and down has no rise that could go on.
    """
    if x.size < 3:
        return True
    last, before = y[-1] - y[-2], y[-2] - y[-3]
    fell = before < -max(noise[-2] + noise[-3], 0.1 * last)
    return bool(not fell and last / (x[-1] - x[-2]) > before / (x[-2] - x[-3]))
