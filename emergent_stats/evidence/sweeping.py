"""Kernels that walk through the noise at points of the outer parameters.

At each point (place and width of a break, guess and lapse rate of one curve)
the nodes of σ are walked through from the likeliest outwards. Neighbours have
nearly the same mode, so each is found in a step or two from the one before;
the walk ends where what is left is negligible. How many nodes a σ gets
follows what its Laplace approximation is worth beside the best of the curve.
"""

from __future__ import annotations

import math

import numpy as np

from emergent_stats.evidence.inner import find_mode, forget_shape, learn_shape, start_line, weigh
from emergent_stats.evidence.kernels import Place
from emergent_stats.model.density import KERNEL

# nats below the best σ of a point at which the walk ends, sooner at points that matter little
_LEAVE, _LEAVE_SOON = 8.5, 3.0
# nats below the best of a curve at which a Laplace approximation is good enough
_SLIGHT = 6.5
# share of the nodes kept that are drawn evenly
_EVENLY = 0.25
# part of a turn by which the nodes kept at a point lie farther on than at the one before
_TURN = 0.6180339887498949
# in so many parts the nodes around a mode are cut to see how exact their mean is
_PARTS = 4
#: Fewest nodes around a mode.
FEWEST = 4


@KERNEL
def _spread(total, first, count, top):
    """Sum of exp(total − top) over `count` nodes, and the variance of that sum.

    From parts of the nodes that are each evenly spread: the scatter of single
    nodes would hide what evenness gains.
    """
    each = count // _PARTS & ~1
    parts = _PARTS if each > 0 else count // 2
    each = count // parts
    mass, square = 0.0, 0.0
    for p in range(parts):
        part = 0.0
        for k in range(first + p * each, first + (p + 1) * each):
            part += math.exp(total[k] - top)
        mass += part
        square += part * part
    for k in range(first + parts * each, first + count):
        mass += math.exp(total[k] - top)
    variance = max(square - mass * mass / parts, 0.0) * parts / max(parts - 1.0, 1.0)
    return mass, variance


@KERNEL
def sweep(scan, steps, sought, given, log_sigma, start, deviates, found):
    """Integrate over σ and the inner parameters at each of R points.

    Parameters
    ----------
    scan : bool
        Only look for the best σ of each point, and give the Laplace
        approximation there: enough to see where the integrand is.
    steps : int
        Newton steps, at most (twice that and more where the gate matters).
    sought, given, deviates, found
        See `kernels`; `found` is filled.
    log_sigma : (C, J) array
        Log weights of the nodes of σ.
    start : (C,) array
        Node of σ to begin with.
    """
    curve, rate, where, weight = sought.curve, sought.rate, sought.where, sought.weight
    t, log_density, pick, work = deviates.t, deviates.log_density, deviates.pick, given.work
    modes, log_m, variance, noise_mass = found.modes, found.log_m, found.variance, found.noise_mass
    kept, kept_noise, kept_weight = found.kept, found.kept_noise, found.kept_weight
    calls, largest = found.calls, found.largest
    noises, (sets, most), q = log_sigma.shape[1], log_density.shape, given.maps.shape[0]
    total, values, owner = work.all_totals, work.all_values, work.owner
    z = work.mode
    last, first, best_seen, j_start = -1, 0, -np.inf, 0
    for r in range(curve.size):
        c = curve[r]
        a = rate[r]
        if c != last:
            last, first, best_seen, j_start = c, r, -np.inf, start[c]
            forget_shape(q, work)
            # a first look at all points of the curve, at one σ
            n = r
            while n < curve.size and curve[n] == c:
                for i in range(q):
                    z[i] = 0.0
                start_line(z, Place(c, where[n], 0, j_start), given)
                v = log_sigma[c, j_start] + weight[n]
                v += find_mode(z, Place(c, where[n], rate[n], j_start), False, steps, given)
                for i in range(q):
                    v -= math.log(work.low[i, i])
                    modes[n, i] = z[i]
                best_seen = max(best_seen, v)
                n += 1
        calls[r] = 0
        filled, top, top_at, spread, peak = 0, -np.inf, j_start, 0.0, -np.inf
        for j in range(noises):
            noise_mass[r, j] = -np.inf
        for direction in range(2):
            j = j_start if direction == 0 else j_start - 1
            for i in range(q):
                z[i] = modes[r, i]
            while 0 <= j < noises:
                place = Place(c, where[r], a, j)
                laplace = log_sigma[c, j] + find_mode(z, place, True, steps, given)
                for i in range(q):
                    laplace -= math.log(work.low[i, i])
                if laplace > top:
                    top, top_at = laplace, j
                away = laplace + weight[r] - best_seen
                leave = _LEAVE if away > -_SLIGHT else _LEAVE_SOON
                if laplace < top - (0.0 if scan else leave):
                    break
                best_seen = max(best_seen, laplace + weight[r])
                if scan or away < -_SLIGHT:
                    count = 1
                    total[filled], owner[filled] = laplace, j
                    for i in range(q):
                        values[i, filled] = work.coef[i]
                    own, spread_here, noise_mass[r, j] = laplace, 0.0, laplace
                else:
                    share = 1 if away > -2.0 else (2 if away > -4.0 else 4)
                    count = min(max(most // share, FEWEST), most) & ~1
                    own_set = (pick[r] + j) % sets
                    weigh(count, z, t[own_set], log_density[own_set], place, given)
                    calls[r] += count
                    log_w = log_sigma[c, j] - math.log(count)
                    own = -np.inf
                    for k in range(count):
                        v = work.total[k] + log_w
                        own = max(own, v)
                        total[filled + k] = v
                        owner[filled + k] = j
                    for i in range(q):
                        for k in range(count):
                            values[i, filled + k] = work.values[i, k]
                    spread_here = 0.0
                    if own > -np.inf:
                        mass, spread_here = _spread(total, filled, count, own)
                        noise_mass[r, j] = own + math.log(mass)
                        worth = math.exp(min(away, 0.0))
                        learn_shape(q, count, own - log_w, mass, worth, work)
                if own > peak:
                    spread *= math.exp(2.0 * (peak - own)) if peak > -np.inf else 0.0
                    peak = own
                if own > -np.inf:
                    spread += spread_here * math.exp(2.0 * (own - peak))
                filled += count
                j += 1 if direction == 0 else -1
        j_start = top_at
        if peak == -np.inf:
            log_m[r], variance[r], largest[r] = -np.inf, 0.0, 0.0
            for n in range(kept.shape[1]):
                kept_noise[r, n], kept_weight[r, n] = top_at, -math.log(kept.shape[1])
                for i in range(q):
                    kept[r, n, i] = values[i, 0]
            continue
        mass = 0.0
        for k in range(filled):
            total[k] = math.exp(total[k] - peak)
            mass += total[k]
        log_m[r], variance[r] = peak + math.log(mass), spread / (mass * mass)
        largest[r] = 1.0 / mass
        for j in range(noises):
            noise_mass[r, j] -= log_m[r]
        # of a few, an odd one out would stand for too much
        evenly = _EVENLY if kept.shape[1] >= 32 else 0.0
        even = evenly * mass / filled
        below, k, sum_kept = (1.0 - evenly) * total[0] + even, 0, 0.0
        # at the same quantiles of all points the same parts of σ would be left out
        shift = (deviates.shift + _TURN * (r - first)) % 1.0
        for n in range(kept.shape[1]):
            goal = mass * (n + shift) / kept.shape[1]
            while below < goal and k < filled - 1:
                k += 1
                below += (1.0 - evenly) * total[k] + even
            kept_noise[r, n] = owner[k]
            kept_weight[r, n] = max(total[k], 1e-300) / ((1.0 - evenly) * total[k] + even + 1e-300)
            sum_kept += kept_weight[r, n]
            for i in range(q):
                kept[r, n, i] = values[i, k]
        for n in range(kept.shape[1]):
            kept_weight[r, n] = math.log(kept_weight[r, n] / sum_kept)
