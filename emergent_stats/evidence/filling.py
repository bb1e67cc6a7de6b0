"""Kernels that fill the profiles of scores (`tables`).

The likelihood without noise, b(z), is put on an even grid of z that follows its
own width, and convolved with the Gaussian of each σ: the trapezoidal rule is
exact to many digits for such smooth integrands. Where guessing or the top leaves
b with a plateau, a smooth ramp cuts it off and the rest is a normal distribution
function. `likelihood.log_likelihood` computes the same numbers one by one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from emergent_stats.model.density import KERNEL, Observation, Rates, log_density, slope_curve
from emergent_stats.model.observed import BINOMIAL

#: Grid points of a profile, at most.
POINTS = 64
_MOST = 1024
#: Log likelihood below the peak at which b(z) is cut off.
_DROP = 32.0
#: Spacing of a profile's grid in units of its width.
_STEP = 0.55
# places at which the curvature of b(z) is looked at
_LOOKS = 15
# steps uphill from where the expected score is the observed one
_UPHILL = 3
# standard deviations beyond which Φ is 1 to the last digit
_CERTAIN = 9.0
# relative height within which b(z) counts as a plateau
_LEVEL = 1e-5


class Rule(NamedTuple):
    """Rates (C, A), which of them weigh anything, and noises (C, J), as the kernel wants them."""

    used: np.ndarray
    guess: np.ndarray
    lapse: np.ndarray
    sigma: np.ndarray


@KERNEL
def _ndtr(x):
    # to the last digit, and most that is asked lies there
    return 1.0 if x > _CERTAIN else 0.5 * math.erfc(-x * 0.7071067811865476)


@KERNEL
def _with_plateau(total, height, x):
    """``total + height * _ndtr(x)``; what cannot change the last digit is not computed."""
    if x < -_CERTAIN:
        # a bound of Φ at −9, −20 and −30
        most = 1.2e-19 if x > -20.0 else 3e-89 if x > -30.0 else 5e-198
        if height * most < 1e-17 * total:
            return total
    return total + height * _ndtr(x)


@KERNEL
def _add(factor, values, out):
    """Add a multiple of `values` to `out`, many at a time."""
    for p in range(out.size):
        out[p] += factor * values[p]


@KERNEL
def _bisect(from_z, to_z, goal, below, link, score, rates):
    """Last z, coming from `from_z`, at which |ℓ − goal| < tolerance (or ℓ < goal if `below`)."""
    near, far = from_z, to_z
    for _ in range(14):
        middle = 0.5 * (near + far)
        v = log_density(middle, link, score, rates)
        inside = v < goal if below else abs(v - goal) < _LEVEL
        if inside:
            near = middle
        else:
            far = middle
    return near


@KERNEL
def _finest(low, high, peak_height, link, score, rates):
    """Width of the narrowest feature of b(z): 1/√curvature where b is not negligible."""
    most = 0.0
    for j in range(_LOOKS):
        z = low + (high - low) * j / (_LOOKS - 1.0)
        v = log_density(z, link, score, rates)
        if v < peak_height - 12.0:
            continue
        _, expected, observed = slope_curve(z, link, score, rates)
        most = max(most, expected, observed)
    width = high - low
    return min(max(1.0 / math.sqrt(max(most, 1e-12)), width / 300.0), max(0.25 * width, 1e-9))


@KERNEL
def _fall_away(row, count, centre):
    """Let the first `count` values never rise outwards from the index nearest to `centre`.

    A likelihood with one mode keeps one mode under Gaussian noise, whose density is log-concave
    (Ibragimov 1956).
    """
    peak = min(max(int(centre + 0.5), 0), count - 1)
    for p in (peak - 1, peak + 1):
        if 0 <= p < count and row[p] > row[peak]:
            peak = p
    for p in range(peak + 1, count):
        row[p] = min(row[p], row[p - 1])
    for p in range(peak - 1, -1, -1):
        row[p] = min(row[p], row[p + 1])


@KERNEL
def _no_cliff(row, count, bend):
    """Let the first `count` values, outwards from the largest, bend down by no more than `bend`.

    The log of any mean under Gaussian noise has a curvature of at least −1/σ². Where nothing of b
    is within reach of a sum the mean is only known to be tiny, and a cubic beside such a cliff
    would rise as far above the true values as the cliff falls below them.
    """
    peak = 0
    for p in range(count):
        if row[p] > row[peak]:
            peak = p
    for p in range(max(peak + 1, 2), count):
        row[p] = max(row[p], 2.0 * row[p - 1] - row[p - 2] - bend)
    for p in range(min(peak - 1, count - 3), -1, -1):
        row[p] = max(row[p], 2.0 * row[p + 1] - row[p + 2] - bend)


@njit(cache=True, nogil=True, error_model="numpy")
def fill(rule, link, seen, out, grid, tops):
    """Fill the profiles of `Profiles` in place."""
    size, m = seen.mask.shape
    noises = rule.sigma.shape[1]
    kind, sign, start, step, f = link.kind, link.sign, link.start, link.step, link.fraction
    first, final = start, start + step * (f.size - 1)
    b = np.empty(_MOST)
    weighted = np.empty(2 * _MOST)
    kernel = np.empty(_MOST)
    local = np.empty((3, POINTS))
    power = np.empty(POINTS)
    for c in range(size):
        for i in range(m):
            if not seen.mask[c, i]:
                continue
            n, y = seen.n[c, i], seen.value[c, i]
            score = Observation(n, seen.k, seen.constant, c, i, y, seen.error[c, i])
            share = y if kind == BINOMIAL else y / link.base
            if sign < 0:
                share = 1.0 - share
            tops[c, i] = -np.inf
            for a in range(rule.guess.shape[1]):
                if not rule.used[c, a]:
                    continue
                g, lp = rule.guess[c, a], rule.lapse[c, a]
                scale = 1.0 - g - lp
                rates = Rates(g, scale, lp)
                # --- where b(z) is: peak, plateaus, bounds, finest feature
                wanted = (share - g) / scale
                if wanted <= f[0]:
                    peak = first
                elif wanted >= f[-1]:
                    peak = final
                else:
                    at = np.searchsorted(f, wanted)
                    peak = start + step * (at - (f[at] - wanted) / (f[at] - f[at - 1]))
                at_low = log_density(first, link, score, rates)
                at_high = log_density(final, link, score, rates)
                at_peak = log_density(peak, link, score, rates)
                # a range of counts leans to one side of its score
                for _ in range(_UPHILL):
                    push, fish, _ = slope_curve(peak, link, score, rates)
                    reach = 1.0 / math.sqrt(max(fish, 1e-12))
                    beside = peak + min(max(push * reach * reach, -reach), reach)
                    beside = min(max(beside, first), final)
                    v = log_density(beside, link, score, rates)
                    if v <= at_peak:
                        break
                    peak, at_peak = beside, v
                top = max(at_low, at_high, at_peak)
                # what no mean of likelihoods over any noise can exceed
                cap = top
                low_plateau = at_low > top - _DROP
                high_plateau = at_high > top - _DROP
                goal, below = (at_low, False) if low_plateau else (top - _DROP, True)
                turn = peak if not low_plateau or abs(at_peak - at_low) >= _LEVEL else final
                low = _bisect(first, turn, goal, below, link, score, rates)
                goal, below = (at_high, False) if high_plateau else (top - _DROP, True)
                turn = peak if not high_plateau or abs(at_peak - at_high) >= _LEVEL else first
                high = _bisect(final, turn, goal, below, link, score, rates)
                if high <= low:
                    low, high = min(low, high) - 1e-3, max(low, high) + 1e-3
                sd = _finest(low, high, top, link, score, rates)
                # --- b(z) on a grid that serves the smallest σ of those that need one
                hz = 0.55 * sd
                for j in range(noises):
                    sg = rule.sigma[c, j]
                    if 0.2 * sd <= sg < sd:
                        hz = min(hz, 0.6 * sg * sd / math.sqrt(sg * sg + sd * sd))
                ramp = 1.6 * 0.55 * sd
                begin = low - (13.0 * ramp if low_plateau else 0.0)
                end = high + (13.0 * ramp if high_plateau else 0.0)
                hz = max(hz, (end - begin) / (_MOST - 2))
                used = int((end - begin) / hz) + 2
                for q in range(used):
                    z = begin + hz * q
                    v = log_density(z, link, score, rates)
                    cap = max(cap, v)
                    v = math.exp(v - top)
                    if low_plateau:
                        v *= _ndtr((z - low + 6.5 * ramp) / ramp)
                    if high_plateau:
                        v *= _ndtr((high + 6.5 * ramp - z) / ramp)
                    b[q] = v
                if kind == BINOMIAL:
                    cap = min(cap, 0.0)
                tops[c, i] = max(tops[c, i], cap)
                centre = min(max(peak, low), high)
                left_height = math.exp(at_low - top) if low_plateau else 0.0
                right_height = math.exp(at_high - top) if high_plateau else 0.0
                narrow = 0  # points of `local`, which all σ far below sd share
                for j in range(noises):
                    sg = rule.sigma[c, j]
                    width = math.sqrt(sg * sg + sd * sd)
                    quiet = sg < 0.2 * sd
                    reach = 7.0 * (1.02 * sd if quiet else width)
                    lo = low - reach if low_plateau else min(low, centre - reach)
                    hi = high + reach if high_plateau else max(high, centre + reach)
                    ds = max(_STEP * width, (hi - lo) / (POINTS - 1))
                    row = out[c, i, a, j]
                    if quiet:
                        # b is nearly Gaussian over such noise
                        if narrow == 0:
                            narrow = min(POINTS, max(4, int((hi - lo) / ds) + 1))
                            h = 0.05 * sd
                            for p in range(narrow):
                                s = lo + ds * p
                                for t in range(3):
                                    local[t, p] = log_density(s + (t - 1) * h, link, score, rates)
                            left_quiet, step_quiet = lo, ds
                            for p in range(narrow):
                                down, v, up = local[0, p], local[1, p], local[2, p]
                                local[1, p] = 0.5 * (up - down) / h
                                local[2, p] = (up - 2.0 * v + down) / (h * h)
                                local[0, p] = v
                        for p in range(narrow):
                            # far out, where guessing takes over, ℓ may open upwards more than
                            # the noise closes it: there the parabola says nothing
                            room = max(1.0 - sg * sg * local[2, p], 0.5)
                            gain = sg * sg * local[1, p] * local[1, p] / room
                            row[p] = min(local[0, p] + 0.5 * (gain - math.log(room)), cap)
                        _fall_away(row, narrow, (centre - left_quiet) / step_quiet)
                        grid[c, i, a, j, 0] = left_quiet
                        grid[c, i, a, j, 1] = 1.0 / step_quiet
                        grid[c, i, a, j, 2] = narrow
                        continue
                    tau = 0.6 * sg * sd / width if sg < sd else 0.55 * sd
                    stride = max(1, int(tau / hz + 1e-9))
                    hs = hz * stride
                    nodes = (used + stride - 1) // stride
                    norm = hs / (sg * 2.5066282746310002)
                    wide = math.sqrt(sg * sg + ramp * ramp)
                    horner = sg >= sd and (end - begin) < 18.0 * sg
                    bumpy = low_plateau or high_plateau
                    if horner:
                        middle = nodes // 2
                        z0 = begin + hs * middle
                        # exp(−d²/2) outwards from the middle, by products
                        ratio = math.exp(-0.5 * (hs / sg) ** 2)
                        square, value_here = ratio * ratio, 1.0
                        weighted[middle] = b[middle * stride]
                        for d in range(1, nodes - middle + 1):
                            value_here *= ratio
                            ratio *= square
                            if middle + d < nodes:
                                weighted[middle + d] = b[(middle + d) * stride] * value_here
                            if middle - d >= 0:
                                weighted[middle - d] = b[(middle - d) * stride] * value_here
                        points = min(POINTS, max(4, int((hi - lo) / ds) + 1))
                        s0 = lo
                        # Σ_q b_q exp(−(s − z_q)²/2σ²) is a polynomial in exp((s − z0)·hs/σ²)
                        value_here = math.exp((s0 - z0) * hs / (sg * sg))
                        ratio = math.exp(ds * hs / (sg * sg))
                        for p in range(points):
                            power[p] = value_here
                            value_here *= ratio
                            row[p] = 0.0
                        for q in range(nodes - 1, -1, -1):
                            v = weighted[q]
                            for p in range(points):
                                row[p] = row[p] * power[p] + v
                        for p in range(points):
                            d = (s0 + ds * p - z0) / sg
                            log_rest = -0.5 * d * d - middle * d * hs / sg
                            if bumpy:
                                row[p] *= norm * math.exp(log_rest)
                            else:
                                row[p] = top + math.log(max(row[p] * norm, 1e-280)) + log_rest
                    else:
                        each = max(1, int(ds / hs))
                        if each * hs * (POINTS - 1) < hi - lo:
                            each = int((hi - lo) / (hs * (POINTS - 1))) + 1
                        ds = each * hs
                        ahead = math.floor((lo - begin) / hs)
                        s0 = begin + ahead * hs
                        points = min(POINTS, max(4, int((hi - s0) / ds) + 1))
                        far = min(_MOST, int(9.5 * sg / hs) + 2)
                        ratio = math.exp(-0.5 * (hs / sg) ** 2)
                        square = ratio * ratio
                        value_here = 1.0
                        kernel[0] = 1.0
                        for d in range(1, far):
                            value_here *= ratio
                            ratio *= square
                            kernel[d] = value_here
                        # every `each`th node stands beside the next: those at one distance
                        # from all points of the row are a slice
                        long = (nodes - 1) // each + 1
                        for r in range(each):
                            for u in range(long):
                                q = r + u * each
                                weighted[r * long + u] = b[q * stride] if q < nodes else 0.0
                        row[:points] = 0.0
                        for d in range(1 - far, far):
                            u = (ahead + d) // each
                            first_node = (ahead + d - u * each) * long + u
                            p1, p2 = max(0, -u), min(points, long - u)
                            if p1 < p2:
                                beside = weighted[first_node + p1 : first_node + p2]
                                _add(kernel[abs(d)], beside, row[p1:p2])
                        for p in range(points):
                            if bumpy:
                                row[p] *= norm
                            else:
                                row[p] = top + math.log(max(row[p] * norm, 1e-280))
                    if bumpy:
                        for p in range(points):
                            s = s0 + ds * p
                            total = row[p]
                            if low_plateau:
                                away = (low - 6.5 * ramp - s) / wide
                                total = _with_plateau(total, left_height, away)
                            if high_plateau:
                                away = (s - high - 6.5 * ramp) / wide
                                total = _with_plateau(total, right_height, away)
                            row[p] = top + math.log(max(total, 1e-280))
                    for p in range(points):
                        row[p] = min(row[p], cap)
                    _no_cliff(row, points, 1.01 * ds * ds / (sg * sg) + 1e-6)
                    grid[c, i, a, j, 0] = s0
                    grid[c, i, a, j, 1] = 1.0 / ds
                    grid[c, i, a, j, 2] = points
