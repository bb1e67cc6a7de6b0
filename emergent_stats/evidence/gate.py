"""The gate in the kernels: which changes can be seen, with slope and curvature (`model.visible`).

The same gate as `integrand.log_visibility`, at one point and at many nodes at once.
"""

from __future__ import annotations

import math

import numpy as np

from emergent_stats.evidence.kernels import AROUND_MEAN
from emergent_stats.model.density import KERNEL
from emergent_stats.model.visible import LEAST

#: (smallest/actual change)⁴ below which a change is plain to see, and so at all nodes around it.
OPEN = 1e-5
# raw skills of losses beyond this are not told from it
_FARTHEST = 600.0


@KERNEL
def _shown(gate, s, floor):
    """Skill that a loss shows, up to a constant, over what is irreducible in it; and its slope.

    With u = exp(−raw skill) a loss L is u or, on the logit scale, log(1 + u), and what L + ℓ shows
    is −log(u + ℓ) or −log(u + 1 − exp(−ℓ)) − ℓ: `floor` is what is added to u.
    """
    if floor == 0.0:
        return s, 1.0
    u = math.exp(-min(max(gate.start + gate.step * s, -_FARTHEST), _FARTHEST))
    return -math.log(u + floor) / gate.step, u / (u + floor)


@KERNEL
def _look(gate, s, floor, out, lean):
    """Fractions at skills `s` (m,) and their slopes; for losses the skills that show."""
    m = s.size
    if gate.continuous:
        for i in range(m):
            out[i], lean[i] = _shown(gate, s[i], floor)
        return
    inverse, last = 1.0 / gate.step, gate.f.size - 1.0
    top, one = np.int32(gate.f.size - 2), np.uint64(1)
    for i in range(m):
        u = (s[i] - gate.start) * inverse
        w = min(max(u, 0.0), last)
        k = min(np.int32(w), top)
        at = np.uint64(k)
        low = gate.f[at]
        slope = gate.f[at + one] - low
        out[i] = low + (w - k) * slope
        lean[i] = slope * inverse if u == w else 0.0


@KERNEL
def _seen(gate, s, floor):
    """Fraction at skill `s`, or for losses the skill that shows."""
    if gate.continuous:
        return _shown(gate, s, floor)[0]
    u = min(max((s - gate.start) / gate.step, 0.0), gate.f.size - 1.0)
    k = min(int(u), gate.f.size - 2)
    at = np.uint64(k)
    return gate.f[at] + (u - k) * (gate.f[at + np.uint64(1)] - gate.f[at])


@KERNEL
def look_at_gate(q, at, given):
    """Log of the gate at the skills in `work`; adds its slope and curvature to what is there."""
    rows, scores, gate, work = given.rows, given.scores, given.gate, given.work
    c, w, a0 = at.c, at.w, at.a
    m = rows.base.shape[1]
    shown, lean, tilt = work.shown, work.lean, work.tilt
    there, slope, gap = work.there, work.there_lean, work.gap
    floor = scores.floor[c, a0]
    _look(gate, work.s, floor, shown, lean)
    mean, count = 0.0, 0.0
    for i in range(m):
        mean += scores.mask[c, i] * shown[i]
        count += scores.mask[c, i]
    mean /= max(count, 1.0)
    rounds = 1 if gate.way == AROUND_MEAN else rows.others.shape[1]
    total, work.ajar[0], smallest = 0.0, 0.0, (gate.visible / scores.left[c, a0]) ** 4
    for o in range(rounds):
        if gate.way == AROUND_MEAN:
            for i in range(m):
                there[i], slope[i] = mean, 0.0
        else:
            for i in range(m):
                there[i] = rows.others[w, o, i]
            for j in range(q):
                for i in range(m):
                    there[i] += work.coef[j] * rows.other_basis[w, o, j, i]
            _look(gate, there, floor, there, slope)
        total_gap = LEAST
        for i in range(m):
            here = scores.mask[c, i] * (shown[i] - there[i])
            square = here * here
            fourth = square * square
            total_gap += fourth * fourth
            gap[i] = fourth * square * here
        ratio = smallest / math.sqrt(total_gap)
        work.ajar[0] = max(work.ajar[0], ratio)
        if ratio < OPEN:
            continue
        total -= math.log1p(ratio)
        rise = 4.0 * ratio / ((1.0 + ratio) * total_gap)
        # curvature of −log(1 + c/a⁴) in the amplitude a of the change, per slope squared
        stiff = min((5.0 + ratio) / (4.0 * ratio), 1e3)
        for j in range(q):
            tilt[j] = 0.0
            for i in range(m):
                tilt[j] += gap[i] * lean[i] * rows.basis[w, j, i]
            if gate.way != AROUND_MEAN:
                for i in range(m):
                    tilt[j] -= gap[i] * slope[i] * rows.other_basis[w, o, j, i]
            tilt[j] *= rise * work.speed[j]
            work.new_grad[j] += tilt[j]
            for t in range(j + 1):
                work.new_matrix[j, t] += stiff * tilt[j] * tilt[t]
    return total


@KERNEL
def weigh_gate(count, q, at, given):
    """Add the log of the gate at `work.values` to `work.total`."""
    rows, scores, gate, work = given.rows, given.scores, given.gate, given.work
    c, w, a0 = at.c, at.w, at.a
    m = rows.base.shape[1]
    power, mean, values, fraction = work.power, work.mean, work.values, work.fraction
    seen, smallest = 0.0, (gate.visible / scores.left[c, a0]) ** 4
    floor = scores.floor[c, a0]
    for p in range(count):
        mean[p] = 0.0
    for i in range(m):
        on = scores.mask[c, i]
        seen += on
        for p in range(count):
            s = rows.base[w, i]
            for j in range(q):
                s += rows.basis[w, j, i] * values[j, p]
            v = _seen(gate, s, floor)
            fraction[i, p] = v
            mean[p] += on * v
    rounds = 1 if gate.way == AROUND_MEAN else rows.others.shape[1]
    for o in range(rounds):
        for p in range(count):
            power[p] = LEAST
            mean[p] /= seen
        for i in range(m):
            on = scores.mask[c, i]
            for p in range(count):
                other = mean[p]
                if gate.way != AROUND_MEAN:
                    other = rows.others[w, o, i]
                    for j in range(q):
                        other += rows.other_basis[w, o, j, i] * values[j, p]
                    other = _seen(gate, other, floor)
                gap = fraction[i, p] - other
                square = gap * gap
                square *= square
                power[p] += on * square * square
        for p in range(count):
            ratio = smallest / math.sqrt(power[p])
            work.total[p] -= math.log1p(ratio) if ratio > 1e-4 else ratio
