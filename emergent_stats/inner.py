"""The inner integral: over what skill is linear in, at given outer parameters.

Once the place and width of a break, the noise and the rates are given, skill
is linear in what is left (level, slope, height), and their posterior is nearly
Gaussian. Newton steps find its mode in z (see `priors`); nodes of a Student t
around it do the integral. Likelihoods are read off `profiles`.

One *row* is one set of outer parameters of one curve.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from emergent_stats.likelihood import FAST, SKILL_NORMAL
from emergent_stats.priors import Prior
from emergent_stats.profiles import POINTS

#: Grid of z on which the priors' maps are tabulated.
Z_REACH = 9.0
_Z_POINTS = 3601
#: How a change can be invisible (`Rows.gate`).
NO_GATE, AROUND_MEAN, AGAINST_OTHERS = 0, 1, 2


def prior_maps(priors: list[Prior]) -> np.ndarray:
    """Parameter value at each point of the grid of z, (q, points)."""
    z = np.linspace(-Z_REACH, Z_REACH, _Z_POINTS)
    if not priors:
        return np.zeros((0, _Z_POINTS))
    return np.stack([np.asarray(p.from_normal(z), float) for p in priors])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _map(table, j, z):
    """Value of a parameter and its slope in z."""
    scale = (table.shape[1] - 1) / (2.0 * Z_REACH)
    u = (z + Z_REACH) * scale
    k = min(max(int(u), 0), table.shape[1] - 2)
    slope = table[j, k + 1] - table[j, k]
    return table[j, k] + (u - k) * slope, slope * scale


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def read_profile(value, grid, profile, s):
    """Log likelihood and its first two derivatives in skill, by cubics; parabolas beyond the ends.

    `value` and `grid` are those of `profiles.Profiles` as flat arrays (index
    arithmetic in five dimensions would cost more than the cubic), `profile`
    the number of the profile. The second derivative is cut at 0 from above.
    """
    inverse, count = grid[3 * profile + 1], grid[3 * profile + 2]
    u = (s - grid[3 * profile]) * inverse
    w = min(max(u, 0.0), count - 1.0)
    k = min(max(int(w), 1), int(count) - 3)
    t = w - k
    first = profile * POINTS + k
    below, here, above, far = value[first - 1], value[first], value[first + 1], value[first + 2]
    c1 = above - 0.5 * here - below * (1.0 / 3.0) - far * (1.0 / 6.0)
    c2 = 0.5 * (below + above) - here
    c3 = (far - below) * (1.0 / 6.0) + 0.5 * (here - above)
    point = here + t * (c1 + t * (c2 + t * c3))
    slope = c1 + t * (2.0 * c2 + 3.0 * t * c3)
    bend = min(2.0 * c2 + 6.0 * t * c3, 0.0)
    away = u - w
    if away != 0.0:
        point += away * (slope + 0.5 * away * bend)
        slope += away * bend
    return point, slope * inverse, bend * inverse * inverse


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _look(f, start, step, s):
    """Fraction at skill `s` and its slope."""
    u = (s - start) / step
    if u <= 0.0:
        return f[0], 0.0
    if u >= f.size - 1:
        return f[f.size - 1], 0.0
    k = int(u)
    slope = f[k + 1] - f[k]
    return f[k] + (u - k) * slope, slope / step


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _cholesky(matrix, damping, out):
    """Lower root of matrix + damping·diagonal, (q, q)."""
    q = matrix.shape[0]
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _solve(root, right, out):
    """Solve root·rootᵀ·x = right."""
    q = right.size
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _line(
    z, c, w, models, count, sigma, base, basis, maps, guide, guide_info,
    coef, speed, grad, move, matrix, low,
):  # fmt: skip
    """Put `z` on a least-squares fit to the skills that the scores suggest, with the prior."""
    q = z.size
    sg2 = sigma * sigma + 0.01
    for _ in range(2):
        # least squares on the guide, with the prior
        for j in range(q):
            coef[j], speed[j] = _map(maps, j, z[j])
            grad[j] = -z[j]
            for t in range(j):
                matrix[j, t] = 0.0
            matrix[j, j] = 1.0
        for n in range(count):
            i = models[n]
            s = base[w, i]
            for j in range(q):
                s += coef[j] * basis[w, j, i]
            info = guide_info[c, i] / (1.0 + sg2 * guide_info[c, i])
            away = info * (guide[c, i] - s)
            for j in range(q):
                bj = basis[w, j, i] * speed[j]
                grad[j] += away * bj
                for t in range(j + 1):
                    matrix[j, t] += info * bj * basis[w, t, i] * speed[t]
        _cholesky(matrix, 0.0, low)
        _solve(low, grad, move)
        for j in range(q):
            z[j] = min(max(z[j] + min(max(move[j], -2.0), 2.0), -4.0), 4.0)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _newton(
    z, c, w, j0, profile, models, count, base, basis, others, other_basis, gate,
    rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start, f_step, maps,
    steps, trial, move, coef, speed, grad, new_grad, tilt, matrix, new_matrix, low, shown, lean,
):  # fmt: skip
    """Move `z` to the mode and leave the root of the precision there in `low`."""
    q = z.size
    for j in range(q):
        trial[j] = z[j]
    # the gate is flat wherever the change is plain to see: it is looked at last
    look, fresh, damping, best, step = False, True, 0.0, 0.0, 0
    while True:
        # --- log of likelihood × prior (× gate) at `trial`, its gradient and −Hessian
        total = 0.0
        for j in range(q):
            coef[j], speed[j] = _map(maps, j, trial[j])
            total -= 0.5 * trial[j] * trial[j]
            new_grad[j] = -trial[j]
            for t in range(j):
                new_matrix[j, t] = 0.0
            new_matrix[j, j] = 1.0
        for n in range(count):
            i = models[n]
            s = base[w, i]
            for j in range(q):
                s += coef[j] * basis[w, j, i]
            if kind == SKILL_NORMAL:
                bend = -1.0 / variance[c, j0, i]
                slope = (s - seen[c, i]) * bend
                total += 0.5 * (s - seen[c, i]) * slope + 0.5 * math.log(-bend)
            else:
                point, slope, bend = read_profile(value, grid, profile + i, s)
                total += point
            if look:
                shown[i], lean[i] = (s, 1.0) if continuous else _look(f, f_start, f_step, s)
            for j in range(q):
                bj = basis[w, j, i] * speed[j]
                new_grad[j] += slope * bj
                bj *= bend
                for t in range(j + 1):
                    new_matrix[j, t] -= bj * basis[w, t, i] * speed[t]
        if look:
            mean = 0.0
            for n in range(count):
                mean += shown[models[n]]
            mean /= max(count, 1)
            for o in range(rounds):
                square = 0.0
                for j in range(q):
                    tilt[j] = 0.0
                for n in range(count):
                    i = models[n]
                    if gate == AROUND_MEAN:
                        gap = shown[i] - mean
                        for j in range(q):
                            tilt[j] += gap * lean[i] * basis[w, j, i]
                    else:
                        s = others[w, o, i]
                        for j in range(q):
                            s += coef[j] * other_basis[w, o, j, i]
                        other, slope = (s, 1.0) if continuous else _look(f, f_start, f_step, s)
                        gap = shown[i] - other
                        for j in range(q):
                            tilt[j] += gap * (
                                lean[i] * basis[w, j, i] - slope * other_basis[w, o, j, i]
                            )
                    square += gap * gap
                square = max(square, 1e-30)
                ratio = (visible * visible / square) ** 2
                total -= math.log1p(ratio)
                rise = 4.0 * ratio / ((1.0 + ratio) * square)
                # curvature of −log(1 + c/a⁴) in the amplitude a of the change, per slope squared
                stiff = min((5.0 + ratio) / (4.0 * ratio), 1e3)
                for j in range(q):
                    tilt[j] *= rise * speed[j]
                    new_grad[j] += tilt[j]
                    for t in range(j + 1):
                        new_matrix[j, t] += stiff * tilt[j] * tilt[t]
        # --- accept or not, and where to look next
        if look and fresh and total > best - 0.05:
            break
        if fresh or total > best:
            best = total
            for j in range(q):
                z[j], grad[j] = trial[j], new_grad[j]
                for t in range(j + 1):
                    matrix[j, t] = new_matrix[j, t]
            damping = 0.2 * damping if damping > 5e-3 else 0.0
        else:
            damping = 4.0 * damping + 0.5
        fresh = False
        _cholesky(matrix, damping, low)
        _solve(low, grad, move)
        gain, largest = 0.0, 0.0
        for j in range(q):
            gain += move[j] * grad[j]
            largest = max(largest, abs(move[j]))
        # the t nodes around it forgive a mode that is a fraction of its width away
        if gain < 0.05 or step >= (3 * steps if look else steps) or damping > 1e4:
            if look or rounds == 0:
                break
            look, fresh, damping, step = True, True, 0.0, 0
            for j in range(q):
                trial[j] = z[j]
            continue
        step += 1
        shrink = 1.0 if largest <= 2.0 else 2.0 / largest
        for j in range(q):
            trial[j] = min(max(z[j] + shrink * move[j], -8.0), 8.0)
    _cholesky(matrix, 0.0, low)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _spread(
    z, root, mode, c, w, j0, profile, models, count, base, basis, others, other_basis, gate,
    rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start, f_step, maps,
    nodes, log_density, pick, coef, total, shown,
):  # fmt: skip
    """Fill `total` (K,) with log target / proposal at nodes around a mode, `coef` with values.

    Returns the largest of them.
    """
    q = mode.size
    each = total.size
    log_det = 0.9189385332046727 * q
    for j in range(q):
        log_det += math.log(root[j, j])
    top = -np.inf
    for k in range(each):
        # rootᵀ·(z − mode) = t
        far = False
        here = -log_density[pick, k] - log_det
        for j in range(q - 1, -1, -1):
            v = nodes[pick, k, j]
            for t in range(j + 1, q):
                v -= root[t, j] * z[t]
            z[j] = v / root[j, j]
        for j in range(q):
            v = z[j] + mode[j]
            far = far or abs(v) > Z_REACH - 0.5
            here -= 0.5 * v * v
            coef[k, j] = _map(maps, j, v)[0]
        if far:
            total[k] = -np.inf
            continue
        mean = 0.0
        for n in range(count):
            i = models[n]
            s = base[w, i]
            for j in range(q):
                s += coef[k, j] * basis[w, j, i]
            if kind == SKILL_NORMAL:
                v = variance[c, j0, i]
                d = seen[c, i] - s
                here -= 0.5 * d * d / v + 0.5 * math.log(v) + 0.9189385332046727
            else:
                here += read_profile(value, grid, profile + i, s)[0]
            if rounds > 0:
                shown[i] = s if continuous else _look(f, f_start, f_step, s)[0]
                mean += shown[i]
        mean /= max(count, 1)
        for o in range(rounds):
            square = 0.0
            for n in range(count):
                i = models[n]
                other = mean
                if gate != AROUND_MEAN:
                    other = others[w, o, i]
                    for j in range(q):
                        other += coef[k, j] * other_basis[w, o, j, i]
                    if not continuous:
                        other = _look(f, f_start, f_step, other)[0]
                square += (shown[i] - other) ** 2
            here -= math.log1p((visible * visible / max(square, 1e-30)) ** 2)
        total[k] = here if here == here else -np.inf
        top = max(top, total[k])
    return top


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def centre(
    curve, rate, noise, where, base, basis, others, other_basis, gate, continuous, visible,
    kind, value, grid, rates, noises, seen, variance, f, f_start, f_step, maps,
    guide, guide_info, sigma, steps, warm, mode, root,
):  # fmt: skip
    """Mode of each row in z, (R, q), and the lower root of the precision there, (R, q, q).

    `curve`, `rate`, `noise`, `where` (R,) say which curve, rates, σ and basis a
    row has. Unless `warm`, Newton starts from a line through the skills that
    the scores suggest; with `warm` from what `mode` holds.
    """
    rows, q = mode.shape
    m = base.shape[1]
    models = np.empty(m, np.int64)
    z, trial, move = np.empty(q), np.empty(q), np.empty(q)
    coef, speed = np.empty(q), np.empty(q)
    grad, new_grad, tilt = np.empty(q), np.empty(q), np.empty(q)
    matrix, new_matrix, low = np.zeros((q, q)), np.zeros((q, q)), np.zeros((q, q))
    shown, lean = np.empty(m), np.empty(m)
    rounds = 0 if gate == NO_GATE else (1 if gate == AROUND_MEAN else others.shape[1])
    for r in range(rows):
        c, w, j0 = curve[r], where[r], noise[r]
        a = rate[r] if kind != SKILL_NORMAL else 0
        profile = ((c * rates + a) * noises + j0) * m
        count = 0
        for i in range(m):
            if grid[3 * (profile + i) + 2] > 0.0:
                models[count] = i
                count += 1
        for j in range(q):
            z[j] = mode[r, j] if warm else 0.0
        if not warm:
            _line(
                z, c, w, models, count, sigma[c, j0], base, basis, maps, guide, guide_info,
                coef, speed, grad, move, matrix, low,
            )  # fmt: skip
        _newton(
            z, c, w, j0, profile, models, count, base, basis, others, other_basis, gate,
            rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start, f_step,
            maps, steps, trial, move, coef, speed, grad, new_grad, tilt, matrix, new_matrix, low,
            shown, lean,
        )  # fmt: skip
        for j in range(q):
            mode[r, j] = z[j]
            for t in range(j + 1):
                root[r, j, t] = low[j, t]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def at_points(
    curve, rate, noise, base, others, gate, continuous, visible,
    kind, value, grid, rates, noises, seen, variance, f, f_start, f_step, out,
):  # fmt: skip
    """Log of likelihood × gate of rows whose skill is `base` (R, m), into `out` (R,)."""
    rows, m = base.shape
    models = np.empty(m, np.int64)
    shown = np.empty(m)
    none, total = np.empty(0), np.empty(1)
    basis, other_basis = np.empty((1, 0, m)), np.empty((1, 1, 0, m))
    maps, root, nodes = np.empty((0, 2)), np.empty((0, 0)), np.empty((1, 1, 0))
    coef, log_density = np.empty((1, 0)), np.zeros((1, 1))
    rounds = 0 if gate == NO_GATE else (1 if gate == AROUND_MEAN else others.shape[1])
    for r in range(rows):
        c, j0 = curve[r], noise[r]
        a = rate[r] if kind != SKILL_NORMAL else 0
        profile = ((c * rates + a) * noises + j0) * m
        count = 0
        for i in range(m):
            if grid[3 * (profile + i) + 2] > 0.0:
                models[count] = i
                count += 1
        out[r] = _spread(
            none, root, none, c, r, j0, profile, models, count, base, basis, others, other_basis,
            gate, rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start,
            f_step, maps, nodes, log_density, 0, coef, total, shown,
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def integrate(
    curve, rate, noise, where, base, basis, others, other_basis, gate, continuous, visible,
    kind, value, grid, rates, noises, seen, variance, f, f_start, f_step, maps,
    guide, guide_info, sigma, steps, nodes, log_density, pick, shift, log_m, kept,
):  # fmt: skip
    """Log of the integral over the inner parameters of each row, (R,).

    Parameters beyond those of `centre`
    -----------------------------------
    nodes, log_density : (N, K, q), (N, K) arrays
        Standard Student t deviates and their log density; `pick` (R,) says
        which of the N sets a row takes.
    shift : float
        Uniform, for the choice of the nodes kept.
    kept : (R, kept, q) array
        Filled with inner parameters (not z), drawn in proportion to weight.
    """
    rows, m = curve.size, base.shape[1]
    q, each = nodes.shape[2], nodes.shape[1]
    models = np.empty(m, np.int64)
    z, trial, move = np.empty(q), np.empty(q), np.empty(q)
    coef, speed, work = np.empty(q), np.empty(q), np.empty(q)
    grad, new_grad, tilt = np.empty(q), np.empty(q), np.empty(q)
    matrix, new_matrix, low = np.zeros((q, q)), np.zeros((q, q)), np.zeros((q, q))
    shown, lean = np.empty(m), np.empty(m)
    values, totals = np.empty((each, q)), np.empty(each)
    rounds = 0 if gate == NO_GATE else (1 if gate == AROUND_MEAN else others.shape[1])
    for r in range(rows):
        c, w = curve[r], where[r]
        j0 = noise[r]
        a = rate[r] if kind != SKILL_NORMAL else 0
        profile = ((c * rates + a) * noises + j0) * m
        count = 0
        for i in range(m):
            if grid[3 * (profile + i) + 2] > 0.0:
                models[count] = i
                count += 1
        for j in range(q):
            z[j] = 0.0
        _line(
            z, c, w, models, count, sigma[c, j0], base, basis, maps, guide, guide_info,
            coef, speed, grad, move, matrix, low,
        )  # fmt: skip
        _newton(
            z, c, w, j0, profile, models, count, base, basis, others, other_basis,
            gate, rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start,
            f_step, maps, steps, trial, move, coef, speed, grad, new_grad, tilt,
            matrix, new_matrix, low, shown, lean,
        )  # fmt: skip
        best = _spread(
            work, low, z, c, w, j0, profile, models, count, base, basis, others, other_basis,
            gate, rounds, continuous, visible, kind, value, grid, seen, variance, f, f_start,
            f_step, maps, nodes, log_density, pick[r], values, totals, shown,
        )  # fmt: skip
        if best == -np.inf:
            log_m[r] = -np.inf
            for n in range(kept.shape[1]):
                for j in range(q):
                    kept[r, n, j] = values[0, j]
            continue
        mass = 0.0
        for k in range(each):
            totals[k] = math.exp(totals[k] - best)
            mass += totals[k]
        log_m[r] = best + math.log(mass / each)
        below, k = totals[0], 0
        for n in range(kept.shape[1]):
            goal = mass * (n + shift) / kept.shape[1]
            while below < goal and k < each - 1:
                k += 1
                below += totals[k]
            for j in range(q):
                kept[r, n, j] = values[k, j]
