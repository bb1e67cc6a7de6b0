"""Likelihood of a score given skill, with the noise between models integrated out.

For each observation the integral log ∫ p(y | s + σε) φ(ε) dε is done by
mode-centred Gauss–Hermite quadrature: Newton steps find the mode of the
integrand in ε, `NODES` nodes are placed around it. That is exact in both
limits that matter (n → ∞ at fixed σ, where fixed nodes fail, and σ → 0).
Where guessing or the top of the score gives the likelihood a plateau beside
its peak, or a coarsely rounded score a flat top, Gauss–Legendre panels take
over that are halved until they agree.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy import special

from emergent_stats.model.between import log_between
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import (
    COUNTS,
    SCORE_NORMAL,
    SKILL_NORMAL,
    Observations,
    behind,
    fraction_table,
    top_score,
)

NODES = 7


_HN, _HW = special.roots_hermitenorm(NODES)
# ∫g(t)dt = Σ exp(log weight)·g(node): Gauss–Hermite weights times e^(t²/2)
# middle node first: its term scales the sum
_ORDER = np.argsort(np.abs(_HN), kind="stable")
_HERMITE_NODES = _HN[_ORDER]
_HERMITE_LOG_WEIGHTS = (np.log(_HW / np.sqrt(2 * np.pi)) + 0.5 * _HN**2)[_ORDER]

# Gauss-Legendre rule of a panel, for integrands that are not like a Gaussian: (node, weight)
_PANEL = np.array(special.roots_legendre(7))
# share of the integral by which a panel and its halves may differ, and most halvings
_AGREE, _HALVINGS, _WAITING = 1e-6, 40, 128
# panels to begin with
_LOOKS = 12
#: Noise beyond this many standard deviations is not integrated over.
_REACH = 7.0
# range of counts, in standard deviations of a count, from which a likelihood has a flat top
_COARSE = 1.0

# from the outermost nodes of the rule for many counts to its ends, per distance between these nodes
_BEYOND = float(0.5 * (1.0 / special.roots_legendre(COUNTS)[0][-1] - 1.0))

# share of right answers below which slopes do not tell it from none
_LEAST_SHARE = 1e-120


@njit(cache=True, nogil=True, error_model="numpy")
def _lookup(table, position):
    """Linear interpolation in a table at a fractional index, clamped at the ends."""
    last = table.size - 2
    if position <= 0.0:
        return table[0]
    if position >= last + 1:
        return table[last + 1]
    i = int(position)
    t = position - i
    return table[i] + t * (table[i + 1] - table[i])


@njit(cache=True, nogil=True, error_model="numpy")
def derivatives(table, position):
    """Value and first two differences per index step at a fractional index."""
    last = table.size - 3
    if position < 1.0 or position >= last:
        return _lookup(table, position), 0.0, 0.0
    i = int(position)
    t = position - i
    a, b, c, d = table[i - 1], table[i], table[i + 1], table[i + 2]
    left, right = 0.5 * (c - a), 0.5 * (d - b)
    bend_left, bend_right = a - 2.0 * b + c, b - 2.0 * c + d
    return (
        b + t * (c - b),
        left + t * (right - left),
        bend_left + t * (bend_right - bend_left),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _log_binomial(up, down, n, k, constant, c, i):
    """Log likelihood of the counts and their posterior mean; log µ and log(1 − µ) given."""
    first = k[c, i, 0]
    span = k[c, i, COUNTS - 1] - first
    if constant[c, i, COUNTS - 1] > -np.inf and span > COUNTS - 0.5:
        # nodes of a rule, not counts: its ends lie this far beyond the outermost
        beyond = span * _BEYOND - 0.5
        low, high = first - beyond, first + span + beyond
        return log_between(max(low, 0.0), min(high, n), n, up, down)
    top = constant[c, i, 0] + first * up + (n - first) * down
    if constant[c, i, 1] == -np.inf:
        return top, first
    total, mean_k = 1.0, first
    for j in range(1, k.shape[2]):
        if constant[c, i, j] == -np.inf:
            break
        kj = k[c, i, j]
        v = constant[c, i, j] + kj * up + (n - kj) * down
        if v > top:
            w = np.exp(top - v)
            mean_k = (mean_k * total * w + kj) / (total * w + 1.0)
            total = total * w + 1.0
            top = v
        else:
            w = np.exp(v - top)
            mean_k = (mean_k * total + w * kj) / (total + w)
            total += w
    return top + np.log(total), mean_k


@njit(cache=True, nogil=True, error_model="numpy")
def log_density(
    z, kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error, start, step, f, rest
):
    """Log likelihood of an observation whose own skill is `z`."""
    position = (z - start) / step
    right = max(g + scale * _lookup(f, position), 1e-300)
    if kind == 0:
        wrong = max(lp + scale * _lookup(rest, position), 1e-300)
        mu, nu = (right, wrong) if sign > 0 else (wrong, right)
        return _log_binomial(np.log(mu), np.log(nu), n, k, constant, c, i)[0]
    mu = base * (right if sign > 0 else 1.0 - right)
    return -0.5 * ((value - mu) / error) ** 2 - np.log(error) - 0.9189385332046727


@njit(cache=True, nogil=True, error_model="numpy")
def slope_curve(
    z, kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error, start, step, f, rest
):
    """Slope of the log likelihood in `z`, expected information, observed curvature."""
    position = (z - start) / step
    fr, df, ddf = derivatives(f, position)
    df *= scale * base * sign / step
    ddf *= scale * base * sign / (step * step)
    # as small as its square allows: what is divided by it twice must stay a number
    right = max(g + scale * fr, _LEAST_SHARE)
    if kind == 0:
        wrong = max(lp + scale * _lookup(rest, position), _LEAST_SHARE)
        mu, nu = (right, wrong) if sign > 0 else (wrong, right)
        mean_k = k[c, i, 0]
        if constant[c, i, 1] != -np.inf:
            mean_k = _log_binomial(np.log(mu), np.log(nu), n, k, constant, c, i)[1]
        a, b = mean_k / mu, (n - mean_k) / nu
        push = a - b
        fish = n / max(mu * nu, 1e-14) * df * df
        return push * df, fish, (a / mu + b / nu) * df * df - push * ddf
    mu = base * (right if sign > 0 else 1.0 - right)
    push = (value - mu) / (error * error)
    fish = df * df / (error * error)
    return push * df, fish, fish - push * ddf


@njit(cache=True, nogil=True, error_model="numpy")
def _climb(
    e, s, sg, kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
    start, step, f, rest,
):  # fmt: skip
    """Mode of log p(y|s+σe) − e²/2 from a starting point, and the precision there."""
    precision = 1.0
    for _ in range(40):
        push, fish, curve = slope_curve(
            s + sg * e, kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        )  # fmt: skip
        # observed curvature where it is safe, expected information elsewhere
        precision = 1.0 + sg * sg * max(curve, -0.5 / (sg * sg))
        bend = precision if curve > 0.2 * fish else 1.0 + sg * sg * fish
        move = (sg * push - e) / bend
        size = move * move * bend
        if size > 9.0:
            move *= 3.0 / np.sqrt(size)
        e += move
        # the step just made is a Newton step: what is left is far smaller still
        if size < 0.002:
            break
    return e, precision


@njit(cache=True, nogil=True, error_model="numpy")
def _panel(
    left, right, peak, s, sg, rule,
    kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error, start, step, f, rest,
):  # fmt: skip
    """Integral of the integrand over [left, right] of ε, divided by e^peak, by one Gauss rule."""
    half, total = 0.5 * (right - left), 0.0
    for q in range(rule.shape[1]):
        point = left + half * (1.0 + rule[0, q])
        h = log_density(
            s + sg * point,
            kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        ) - 0.5 * point * point  # fmt: skip
        total += rule[1, q] * math.exp(min(h - peak, 600.0))
    return half * total


@njit(cache=True, nogil=True, error_model="numpy")
def _adaptive(
    e, tau, s, sg, rule, ends, parts,
    kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error, start, step, f, rest,
):  # fmt: skip
    """Log ∫ p(y | s + σε) φ(ε) dε by panels that are halved until halves and whole agree.

    `ends` and `parts` are scratch memory for the panels that wait.
    """
    low, high = min(-_REACH, e - 8.0 * tau), max(_REACH, e + 8.0 * tau)
    each = (high - low) / _LOOKS
    peak = -np.inf
    for q in range(_LOOKS + 1):
        point = e if q == _LOOKS else low + each * (q + 0.5)
        h = log_density(
            s + sg * point,
            kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        ) - 0.5 * point * point  # fmt: skip
        peak = max(peak, h)
    # panels between an even grid and the surroundings of the mode
    waiting, total, left, q = 0, 0.0, low, 1
    around = (e - 4.0 * tau, e - tau, e + tau, e + 4.0 * tau)
    while left < high:
        right = min(low + each * q, high)
        if q == _LOOKS:
            right = high
        for edge in around:
            if left < edge < right:
                right = edge
        if right >= low + each * q - 1e-12:
            q += 1
        parts[waiting] = _panel(
            left, right, peak, s, sg, rule,
            kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        )  # fmt: skip
        ends[waiting, 0], ends[waiting, 1] = left, right
        total += parts[waiting]
        waiting += 1
        left = right
    found, least = 0.0, (high - low) * 2.0**-_HALVINGS
    while waiting > 0:
        waiting -= 1
        left, right, whole = ends[waiting, 0], ends[waiting, 1], parts[waiting]
        middle = 0.5 * (left + right)
        one = _panel(
            left, middle, peak, s, sg, rule,
            kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        )  # fmt: skip
        two = _panel(
            middle, right, peak, s, sg, rule,
            kind, sign, base, g, scale, lp, n, k, constant, c, i, value, error,
            start, step, f, rest,
        )  # fmt: skip
        total += one + two - whole
        if (
            abs(one + two - whole) <= _AGREE * max(total, 0.0)
            or right - left < least
            or waiting + 2 > parts.size
        ):
            found += one + two
            continue
        ends[waiting, 0], ends[waiting, 1], parts[waiting] = left, middle, one
        ends[waiting + 1, 0], ends[waiting + 1, 1], parts[waiting + 1] = middle, right, two
        waiting += 2
    return peak + math.log(max(found, 1e-300)) - 0.9189385332046727


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    skill, sigma, guess, lapse, row, kind, sign, base,
    n, k, constant, value, error, guide, guide_info, mask,
    start, step, f, rest, nodes, log_weights, rule, out,
):  # fmt: skip
    """Fill `out` (R, m) with log likelihoods."""
    size, m = skill.shape
    eps = np.empty(nodes.size)
    terms = np.empty(nodes.size)
    ends, parts = np.empty((_WAITING, 2)), np.empty(_WAITING)
    for r in range(size):
        c = row[r]
        sg, g, lp = sigma[r], guess[r], lapse[r]
        scale = 1.0 - g - lp
        for i in range(m):
            if not mask[c, i]:
                out[r, i] = 0.0
                continue
            s, ni = skill[r, i], n[c, i]
            yi, ei = value[c, i], error[c, i]
            # information-weighted mean of trend and observation
            load = sg * sg * guide_info[c, i]
            away = (guide[c, i] - s) / sg
            begin = away * load / (1.0 + load)
            e, precision = _climb(
                begin, s, sg,
                kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei, start, step, f, rest,
            )  # fmt: skip
            if abs(e) > 3.0 or abs(e - begin) > 1.5:
                # far from trend or observation there may be a second mode: compare
                best = log_density(
                    s + sg * e, kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei,
                    start, step, f, rest,
                ) - 0.5 * e * e  # fmt: skip
                for other in (0.0, away):
                    if abs(other) > 12.0:
                        continue
                    e1, precision1 = _climb(
                        other, s, sg,
                        kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei,
                        start, step, f, rest,
                    )  # fmt: skip
                    if abs(e1 - e) < 0.5:
                        continue
                    h1 = log_density(
                        s + sg * e1, kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei,
                        start, step, f, rest,
                    ) - 0.5 * e1 * e1  # fmt: skip
                    if h1 > best:
                        best, e, precision = h1, e1, precision1
            tau = 1.0 / np.sqrt(precision)
            used = nodes.size
            # a score that neither guessing nor the top can explain has no plateau
            near, coarse = 1.0, False
            if kind == 0:
                span, k0 = 0.0, k[c, i, 0]
                for q in range(k.shape[2] - 1, 0, -1):
                    if constant[c, i, q] > -np.inf:
                        span = k[c, i, q] - k0
                        break
                middle = (k0 + 0.5 * span) / ni
                coarse = span * span > _COARSE * ni * max(middle * (1.0 - middle), 0.5 / ni)
            if kind == 0 and sign > 0:
                low = ni * g + 8.0 * np.sqrt(ni * g) + 10.0 - k0
                high = ni * lp + 8.0 * np.sqrt(ni * lp) + 10.0 - (ni - k0)
                near = max(low, high)
            if coarse or (near > 0.0 and sg > 0.1):
                out[r, i] = _adaptive(
                    e, tau, s, sg, rule, ends, parts,
                    kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei,
                    start, step, f, rest,
                )  # fmt: skip
                continue
            for q in range(used):
                eps[q] = e + tau * nodes[q]
            top = -np.inf
            total = 0.0
            for q in range(used):
                terms[q] = log_weights[q] - 0.5 * eps[q] * eps[q] + log_density(
                    s + sg * eps[q],
                    kind, sign, base, g, scale, lp, ni, k, constant, c, i, yi, ei,
                    start, step, f, rest,
                )  # fmt: skip
                top = max(top, terms[q])
            for q in range(used):
                total += np.exp(terms[q] - top)
            out[r, i] = top + np.log(total * tau)


def log_likelihood(
    obs: Observations,
    metric: Metric,
    skill: np.ndarray,
    sigma: np.ndarray,
    guess: np.ndarray,
    lapse: np.ndarray,
    row: np.ndarray,
) -> np.ndarray:
    """Log likelihood (R, m) of every observation, noise between models integrated out.

    Parameters
    ----------
    obs : Observations
        Of C curves.
    metric : Metric
        Shared by the curves up to chance level.
    skill : (R, m) array
        Trend value at each model, before noise.
    sigma, guess, lapse : (R,) arrays
        Noise between models and the metric's free rates (ignored where the
        metric has none).
    row : (R,) int array
        Which curve each row is for.
    """
    if obs.kind == SKILL_NORMAL:
        seen, variance, log_slope = behind(metric, obs.value[row], obs.error[row], lapse[:, None])
        v = sigma[:, None] ** 2 + variance
        r = seen - skill
        found = log_slope - 0.5 * r * r / v - 0.5 * np.log(2 * np.pi * v)
        return np.where(obs.mask[row], found, 0.0)
    start, step, f, rest = fraction_table(metric)
    out = np.empty(skill.shape)
    # an error score is (what a guesser gets) times the part that is missing
    base = top_score(metric) if obs.kind == SCORE_NORMAL else 1.0
    _kernel(
        np.ascontiguousarray(skill), sigma, guess, lapse, row, obs.kind, metric.direction, base,
        obs.n, obs.k, obs.constant, obs.value, obs.error, obs.guide, obs.guide_info, obs.mask,
        start, step, f, rest, _HERMITE_NODES, _HERMITE_LOG_WEIGHTS, _PANEL, out,
    )  # fmt: skip
    return out
