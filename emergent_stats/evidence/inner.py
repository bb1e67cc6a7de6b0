"""The inner integrand: over what skill is linear in, at given outer parameters.

Once the place and width of a break, the noise and the rates are given, skill
is linear in what is left (level, slope, height), and their posterior is nearly
Gaussian. `find_mode` finds its mode in z (see `priors`) by Newton steps, and
`weigh` gives the integrand at many points at once. Likelihoods are read off
`tables`. Loops run over models or over points, innermost and without
branches, so that compilers can do several at a time.
"""

from __future__ import annotations

import math

import numpy as np

from emergent_stats.evidence.filling import POINTS
from emergent_stats.evidence.gate import OPEN, look_at_gate, weigh_gate
from emergent_stats.evidence.kernels import NO_GATE
from emergent_stats.model.density import KERNEL
from emergent_stats.model.observed import SKILL_NORMAL
from emergent_stats.model.priors import Prior

#: Grid of z on which the priors' maps are tabulated.
Z_REACH = 9.0
_Z_POINTS = 1201
# Newton decrement at which nodes around a mode forgive what is left
_NEAR = 0.25
# nodes' worth of belief in the Laplace approximation
_PSEUDO = 10.0
_HALF_LOG_TWO_PI = 0.9189385332046727


def prior_maps(priors: list[Prior]) -> np.ndarray:
    """Parameter value at each point of the grid of z, (q, points)."""
    z = np.linspace(-Z_REACH, Z_REACH, _Z_POINTS)
    if not priors:
        return np.zeros((0, _Z_POINTS))
    return np.stack([np.asarray(p.from_normal(z), float) for p in priors])


@KERNEL
def _map(table, j, z):
    """Value of a parameter and its slope in z."""
    scale = (table.shape[1] - 1) / (2.0 * Z_REACH)
    u = (z + Z_REACH) * scale
    k = min(max(int(u), 0), table.shape[1] - 2)
    slope = table[j, k + 1] - table[j, k]
    return table[j, k] + (u - k) * slope, slope * scale


@KERNEL
def read_profile(value, start, inverse, count, first, s):
    """Log likelihood at skill `s` and its first two derivatives.

    By cubics on the profile's grid (`first` is where it begins in `value`),
    with parabolas beyond its ends. The second derivative is cut at 0 from above.
    """
    u = (s - start) * inverse
    w = min(max(u, 0.0), count - 1.0)
    k = min(max(int(w), 1), int(count) - 3)
    t = w - k
    at = np.uint64(first + k)
    one, two = np.uint64(1), np.uint64(2)
    below, here, above, far = value[at - one], value[at], value[at + one], value[at + two]
    c1 = above - 0.5 * here - below * (1.0 / 3.0) - far * (1.0 / 6.0)
    c2 = 0.5 * (below + above) - here
    c3 = (far - below) * (1.0 / 6.0) + 0.5 * (here - above)
    point = here + t * (c1 + t * (c2 + t * c3))
    slope = c1 + t * (2.0 * c2 + 3.0 * t * c3)
    bend = min(2.0 * c2 + 6.0 * t * c3, 0.0)
    away = u - w
    if away != 0.0:
        # beyond its grid a profile can only fall
        slope = max(slope, 0.0) if away < 0.0 else min(slope, 0.0)
        point += away * (slope + 0.5 * away * bend)
        slope += away * bend
    return point, slope * inverse, bend * inverse * inverse


@KERNEL
def _cholesky(q, matrix, damping, out):
    """Lower root of matrix + damping·diagonal, of the first q rows."""
    for j in range(q):
        for t in range(j + 1):
            v = matrix[j, t]
            if j == t:
                v += damping * v
            for r in range(t):
                v -= out[j, r] * out[t, r]
            if j == t:
                out[j, j] = math.sqrt(max(v, 1e-12))
            else:
                out[j, t] = v / out[t, t]


@KERNEL
def _solve(q, root, right, out):
    """Solve root·rootᵀ·x = right in the first q rows."""
    for j in range(q):
        v = right[j]
        for t in range(j):
            v -= root[j, t] * out[t]
        out[j] = v / root[j, j]
    for j in range(q - 1, -1, -1):
        v = out[j]
        for t in range(j + 1, q):
            v -= root[t, j] * out[t]
        out[j] = v / root[j, j]


@KERNEL
def _place(z, maps, work):
    """Fill `work.coef` and `work.speed` with inner parameters at z and their slopes."""
    for j in range(z.size):
        work.coef[j], work.speed[j] = _map(maps, j, z[j])


@KERNEL
def _equations(z, at, guide, given):
    """Log likelihood at z; fills `new_grad` and `new_matrix` with the prior's in them too.

    With `guide` the scores are replaced by normal ones around the skills that
    they suggest. Skills come in `work.s`.
    """
    rows, scores, work = given.rows, given.scores, given.work
    c, w, a0, j0 = at.c, at.w, at.a, at.j
    q, m = z.size, rows.base.shape[1]
    _place(z, given.maps, work)
    s, grad, matrix, coef, speed = work.s, work.new_grad, work.new_matrix, work.coef, work.speed
    v0, v1, v2 = coef[0], coef[1], coef[2]
    e0, e1, e2 = speed[0], speed[1], speed[2]
    noises = scores.sigma.shape[1]
    total, noise = 0.0, scores.sigma[c, j0] ** 2 + 0.01
    g0, g1, g2 = 0.0, 0.0, 0.0
    h00, h10, h11, h20, h21, h22 = 1.0, 0.0, 1.0, 0.0, 0.0, 1.0
    for i in range(m):
        a, b, d = rows.basis[w, 0, i], rows.basis[w, 1, i], rows.basis[w, 2, i]
        here = rows.base[w, i] + v0 * a + v1 * b + v2 * d
        for j in range(3, q):
            here += coef[j] * rows.basis[w, j, i]
        s[i] = here
        if guide:
            info = scores.guide_info[c, i] * scores.mask[c, i]
            bend = -info / (1.0 + noise * info)
            slope = bend * (here - scores.guide[c, i])
        elif scores.kind == SKILL_NORMAL:
            bend = -scores.mask[c, i] / scores.variance[c, a0, j0, i]
            slope = (here - scores.seen[c, a0, i]) * bend
            total += 0.5 * (here - scores.seen[c, a0, i]) * slope + scores.constant[c, a0, j0, i]
        else:
            p = (scores.which[c, i] * scores.rates + a0) * noises + j0
            g = 3 * p
            point, slope, bend = read_profile(
                scores.value, scores.grid[g], scores.grid[g + 1], scores.grid[g + 2], p * POINTS,
                here,
            )  # fmt: skip
            total += point
        if q > 3:
            work.slope[i], work.bend[i] = slope, bend
        a, b, d = e0 * a, e1 * b, e2 * d
        g0, g1, g2 = g0 + slope * a, g1 + slope * b, g2 + slope * d
        ad, bd = a * bend, b * bend
        h00, h10, h11 = h00 - ad * a, h10 - ad * b, h11 - bd * b
        h20, h21, h22 = h20 - ad * d, h21 - bd * d, h22 - d * bend * d
    grad[0], grad[1], grad[2] = g0, g1, g2
    matrix[0, 0], matrix[1, 0], matrix[1, 1] = h00, h10, h11
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = h20, h21, h22
    for j in range(3, q):
        grad[j] = 0.0
        for i in range(m):
            grad[j] += work.slope[i] * speed[j] * rows.basis[w, j, i]
        for t in range(j + 1):
            matrix[j, t] = 1.0 if j == t else 0.0
            for i in range(m):
                v = work.bend[i] * speed[j] * rows.basis[w, j, i]
                matrix[j, t] -= v * speed[t] * rows.basis[w, t, i]
    for j in range(q):
        total -= 0.5 * z[j] * z[j]
        grad[j] -= z[j]
    return total


@KERNEL
def start_line(z, at, given):
    """Put `z` on a least-squares fit to the skills that the scores suggest, with the prior."""
    work = given.work
    for _ in range(2):
        _equations(z, at, True, given)
        _cholesky(z.size, work.new_matrix, 0.0, work.low)
        _solve(z.size, work.low, work.new_grad, work.move)
        for j in range(z.size):
            z[j] = min(max(z[j] + min(max(work.move[j], -2.0), 2.0), -4.0), 4.0)


@KERNEL
def find_mode(z, at, warm, steps, given):
    """Move `z` to the mode, leave the root of the precision there in `work.low`.

    Returns log of likelihood × prior × gate near the mode. Unless `warm` (a
    mode of nearly the same integrand), the gate, which is flat wherever the
    change is plain to see, is looked at last.
    """
    q, work = z.size, given.work
    trial, move = work.trial, work.move
    for j in range(q):
        trial[j] = z[j]
    gated = given.gate.way != NO_GATE
    look, fresh, damping, best, step = gated and warm, True, 0.0, 0.0, 0
    while True:
        total = _equations(trial, at, False, given)
        if look:
            total += look_at_gate(q, at, given)
        # --- accept or not, and where to look next
        if fresh or total > best:
            best = total
            for j in range(q):
                z[j], work.grad[j] = trial[j], work.new_grad[j]
                for t in range(j + 1):
                    work.matrix[j, t] = work.new_matrix[j, t]
            damping = 0.2 * damping if damping > 5e-3 else 0.0
        else:
            damping = 4.0 * damping + 0.5
        fresh = False
        _cholesky(q, work.matrix, damping, work.low)
        _solve(q, work.low, work.grad, move)
        gain, largest = 0.0, 0.0
        for j in range(q):
            gain += move[j] * work.grad[j]
            largest = max(largest, abs(move[j]))
        if gain < _NEAR or step >= (3 * steps if look else steps) or damping > 1e4:
            if look or not gated:
                break
            look, fresh, damping, step = True, True, 0.0, 0
            for j in range(q):
                trial[j] = z[j]
            continue
        step += 1
        shrink = 1.0 if largest <= 2.0 else 2.0 / largest
        for j in range(q):
            trial[j] = min(max(z[j] + shrink * move[j], -8.0), 8.0)
    if damping > 0.0:
        _cholesky(q, work.matrix, 0.0, work.low)
    elif gain < _NEAR:
        # the last step comes for free
        best += 0.5 * gain
        for j in range(q):
            z[j] = min(max(z[j] + move[j], -8.0), 8.0)
    return best


@KERNEL
def weigh(count, mode, t, log_density, place, given):
    """Log of target / proposal at the first `count` of nodes `t` (q, K), into `work.total`.

    The nodes lie around a mode, in units of the root of the precision in
    `work.low`, moved and stretched as `work.middle` and `work.shape` say.
    Parameter values come in `work.values` (q, K). The target includes the
    prior of z; `log_density` (K,) is that of the nodes.
    """
    rows, scores, maps, work = given.rows, given.scores, given.maps, given.work
    c, w, a0, j0 = place.c, place.w, place.a, place.j
    q, m = mode.size, rows.base.shape[1]
    z, values, total, low = work.z, work.values, work.total, work.low
    skill = work.skill
    log_det = _HALF_LOG_TWO_PI * q
    for j in range(q):
        log_det += math.log(low[j, j] / work.shape[j, j])
    for p in range(count):
        total[p] = -log_density[p] - log_det
    tau, middle, shape = work.tau, work.middle, work.shape
    for j in range(q):
        v, first = shape[j, j], middle[j]
        for p in range(count):
            tau[j, p] = first + v * t[j, p]
        for r in range(j):
            v = shape[j, r]
            for p in range(count):
                tau[j, p] += v * t[r, p]
    # lowᵀ·(z − mode) = τ
    for j in range(q - 1, -1, -1):
        for p in range(count):
            z[j, p] = tau[j, p]
        for r in range(j + 1, q):
            v = low[r, j]
            for p in range(count):
                z[j, p] -= v * z[r, p]
        v = 1.0 / low[j, j]
        for p in range(count):
            z[j, p] *= v
    scale, last = (maps.shape[1] - 1) / (2.0 * Z_REACH), maps.shape[1] - 2
    one = np.uint64(1)
    for j in range(q):
        for p in range(count):
            v = z[j, p] + mode[j]
            # profiles are not made to be continued as far as that
            total[p] -= 0.5 * v * v if abs(v) < Z_REACH - 0.5 else np.inf
            u = (min(max(v, -Z_REACH), Z_REACH) + Z_REACH) * scale
            k = min(int(u), last)
            at = np.uint64(k)
            start = maps[j, at]
            values[j, p] = start + (u - k) * (maps[j, at + one] - start)
    gated = given.gate.way != NO_GATE and work.ajar[0] >= OPEN
    if gated:
        weigh_gate(count, q, place, given)
    noises = scores.sigma.shape[1]
    for i in range(m):
        base, a, b, d = (
            rows.base[w, i], rows.basis[w, 0, i], rows.basis[w, 1, i], rows.basis[w, 2, i]
        )  # fmt: skip
        if scores.kind == SKILL_NORMAL:
            half = 0.5 * scores.mask[c, i] / scores.variance[c, a0, j0, i]
            const = scores.constant[c, a0, j0, i]
            start, inverse, points, first = scores.seen[c, a0, i], 1.0, 0.0, 0
        else:
            half = const = 0.0
            p = (scores.which[c, i] * scores.rates + a0) * noises + j0
            g, first = 3 * p, p * POINTS
            start, inverse, points = scores.grid[g], scores.grid[g + 1], scores.grid[g + 2]
        for p in range(count):
            skill[p] = base + a * values[0, p] + b * values[1, p] + d * values[2, p]
        for j in range(3, q):
            a = rows.basis[w, j, i]
            for p in range(count):
                skill[p] += a * values[j, p]
        if scores.kind == SKILL_NORMAL:
            for p in range(count):
                total[p] += const - half * (skill[p] - start) ** 2
        else:
            _add_profile(count, scores.value, start, inverse, points, first, skill, total)


@KERNEL
def _add_profile(count, value, start, inverse, points, first, s, total):
    """Add log likelihoods at skills `s` to `total`, as `read_profile` gives them."""
    last, top = points - 1.0, int(points) - 3
    one, two = np.uint64(1), np.uint64(2)
    for p in range(count):
        u = (s[p] - start) * inverse
        w = min(max(u, 0.0), last)
        k = min(max(int(w), 1), top)
        t = w - k
        at = np.uint64(first + k)
        below, here, above, far = value[at - one], value[at], value[at + one], value[at + two]
        c1 = above - 0.5 * here - below * (1.0 / 3.0) - far * (1.0 / 6.0)
        c2 = 0.5 * (below + above) - here
        c3 = (far - below) * (1.0 / 6.0) + 0.5 * (here - above)
        v = here + t * (c1 + t * (c2 + t * c3))
        away = u - w
        if away != 0.0:
            d1, d2 = c1 + t * (2.0 * c2 + 3.0 * t * c3), min(2.0 * c2 + 6.0 * t * c3, 0.0)
            d1 = max(d1, 0.0) if away < 0.0 else min(d1, 0.0)
            v += away * (d1 + 0.5 * away * d2)
        total[p] += v


@KERNEL
def forget_shape(q, work):
    """Let nodes lie as the Laplace approximation says."""
    work.ajar[1] = 0.0
    for j in range(q):
        work.middle[j] = work.first_moments[j] = 0.0
        for t in range(q):
            work.moments[j, t] = 0.0
            work.shape[j, t] = 1.0 if j == t else 0.0


@KERNEL
def learn_shape(q, count, top, mass, worth, work):
    """Fit `middle` and `shape` to the nodes just weighed, and those before, of one curve.

    A posterior that leans on a floor is skew, and is so in much the same way
    at all points and noises. `worth` says how much these nodes matter.
    """
    tau, total, sums = work.tau, work.total, work.moments
    square = 0.0
    for p in range(count):
        v = math.exp(total[p] - top) / mass
        square += v * v
    worth /= square
    work.ajar[1] += worth
    for p in range(count):
        v = worth * math.exp(total[p] - top) / mass
        for j in range(q):
            work.first_moments[j] += v * tau[j, p]
            for t in range(j + 1):
                sums[j, t] += v * tau[j, p] * tau[t, p]
    n = work.ajar[1] + _PSEUDO
    for j in range(q):
        work.middle[j] = work.first_moments[j] / n
        for t in range(j + 1):
            v = sums[j, t] + (_PSEUDO if j == t else 0.0)
            work.new_matrix[j, t] = v / n - work.middle[j] * work.middle[t]
        work.new_matrix[j, j] = max(work.new_matrix[j, j], 0.2)
    _cholesky(q, work.new_matrix, 0.0, work.shape)
    for j in range(q):
        work.shape[j, j] = max(work.shape[j, j], 0.3)
