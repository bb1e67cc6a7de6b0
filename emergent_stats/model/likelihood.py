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

from emergent_stats.model.density import (
    KERNEL,
    Observation,
    Rates,
    link_of,
    log_density,
    seen_in,
    slope_curve,
)
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import BINOMIAL, SKILL_NORMAL, Observations, behind

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
# Newton steps, at most: with millions of examples a peak may lie hundreds of its widths away
_CLIMBS = 400
# panels to begin with
_LOOKS = 12
#: Noise beyond this many standard deviations is not integrated over.
_REACH = 7.0
# range of counts, in standard deviations of a count, from which a likelihood has a flat top
_COARSE = 1.0


@KERNEL
def _climb(e, s, sg, link, score, rates):
    """Mode of log p(y|s+σe) − e²/2 from a starting point, and the precision there."""
    precision = 1.0
    for _ in range(_CLIMBS):
        push, fish, curve = slope_curve(s + sg * e, link, score, rates)
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


@KERNEL
def _panel(left, right, peak, s, sg, link, score, rates):
    """Integral of the integrand over [left, right] of ε, divided by e^peak, by one Gauss rule."""
    half, total = 0.5 * (right - left), 0.0
    for q in range(_PANEL.shape[1]):
        point = left + half * (1.0 + _PANEL[0, q])
        h = log_density(s + sg * point, link, score, rates) - 0.5 * point * point
        total += _PANEL[1, q] * math.exp(min(h - peak, 600.0))
    return half * total


@KERNEL
def _adaptive(e, tau, s, sg, waiting, link, score, rates):
    """Log ∫ p(y | s + σε) φ(ε) dε by panels that are halved until halves and whole agree.

    `waiting` is scratch memory for the panels that wait: their ends and integrals.
    """
    low, high = min(-_REACH, e - 8.0 * tau), max(_REACH, e + 8.0 * tau)
    each = (high - low) / _LOOKS
    peak = -np.inf
    for q in range(_LOOKS + 1):
        point = e if q == _LOOKS else low + each * (q + 0.5)
        h = log_density(s + sg * point, link, score, rates) - 0.5 * point * point
        peak = max(peak, h)
    # panels between an even grid and the surroundings of the mode
    count, total, left, q = 0, 0.0, low, 1
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
        part = _panel(left, right, peak, s, sg, link, score, rates)
        waiting[count, 0], waiting[count, 1], waiting[count, 2] = left, right, part
        total += part
        count += 1
        left = right
    found, least = 0.0, (high - low) * 2.0**-_HALVINGS
    while count > 0:
        count -= 1
        left, right, whole = waiting[count, 0], waiting[count, 1], waiting[count, 2]
        middle = 0.5 * (left + right)
        one = _panel(left, middle, peak, s, sg, link, score, rates)
        two = _panel(middle, right, peak, s, sg, link, score, rates)
        total += one + two - whole
        if (
            abs(one + two - whole) <= _AGREE * max(total, 0.0)
            or right - left < least
            or count + 2 > _WAITING
        ):
            found += one + two
            continue
        waiting[count, 0], waiting[count, 1], waiting[count, 2] = left, middle, one
        count += 1
        waiting[count, 0], waiting[count, 1], waiting[count, 2] = middle, right, two
        count += 1
    return peak + math.log(max(found, 1e-300)) - 0.9189385332046727


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(skill, sigma, guess, lapse, row, link, seen, out):
    """Fill `out` (R, m) with log likelihoods."""
    size, m = skill.shape
    k, constant = seen.k, seen.constant
    used = _HERMITE_NODES.size
    eps = np.empty(used)
    terms = np.empty(used)
    waiting = np.empty((_WAITING, 3))
    for r in range(size):
        c = row[r]
        sg, g, lp = sigma[r], guess[r], lapse[r]
        rates = Rates(g, 1.0 - g - lp, lp)
        for i in range(m):
            if not seen.mask[c, i]:
                out[r, i] = 0.0
                continue
            s, n = skill[r, i], seen.n[c, i]
            score = Observation(n, k, constant, c, i, seen.value[c, i], seen.error[c, i])
            # information-weighted mean of trend and observation
            load = sg * sg * seen.guide_info[c, i]
            away = (seen.guide[c, i] - s) / sg
            begin = away * load / (1.0 + load)
            e, precision = _climb(begin, s, sg, link, score, rates)
            if abs(e) > 3.0 or abs(e - begin) > 1.5:
                # far from trend or observation there may be a second mode: compare
                best = log_density(s + sg * e, link, score, rates) - 0.5 * e * e
                for other in (0.0, away):
                    if abs(other) > 12.0:
                        continue
                    e1, precision1 = _climb(other, s, sg, link, score, rates)
                    if abs(e1 - e) < 0.5:
                        continue
                    h1 = log_density(s + sg * e1, link, score, rates) - 0.5 * e1 * e1
                    if h1 > best:
                        best, e, precision = h1, e1, precision1
            tau = 1.0 / np.sqrt(precision)
            # a score that neither guessing nor the top can explain has no plateau
            near, coarse = 1.0, False
            if link.kind == BINOMIAL:
                span, k0 = 0.0, k[c, i, 0]
                for q in range(k.shape[2] - 1, 0, -1):
                    if constant[c, i, q] > -np.inf:
                        span = k[c, i, q] - k0
                        break
                middle = (k0 + 0.5 * span) / n
                coarse = span * span > _COARSE * n * max(middle * (1.0 - middle), 0.5 / n)
            if link.kind == BINOMIAL and link.sign > 0:
                low = n * g + 8.0 * np.sqrt(n * g) + 10.0 - k0
                high = n * lp + 8.0 * np.sqrt(n * lp) + 10.0 - (n - k0)
                near = max(low, high)
            if coarse or (near > 0.0 and sg > 0.1):
                out[r, i] = _adaptive(e, tau, s, sg, waiting, link, score, rates)
                continue
            for q in range(used):
                eps[q] = e + tau * _HERMITE_NODES[q]
            top = -np.inf
            total = 0.0
            for q in range(used):
                terms[q] = (
                    _HERMITE_LOG_WEIGHTS[q]
                    - 0.5 * eps[q] * eps[q]
                    + log_density(s + sg * eps[q], link, score, rates)
                )
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
    out = np.empty(skill.shape)
    _kernel(
        np.ascontiguousarray(skill), sigma, guess, lapse, row,
        link_of(obs, metric), seen_in(obs), out,
    )  # fmt: skip
    return out
