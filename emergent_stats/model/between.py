"""Probability that a binomial count lies in a range, as a function of the chance of success.

A score that was published with few digits stands for a range of counts. Both
ends are looked up by the normal approximation of Peizer and Pratt (1968, J.
Am. Stat. Assoc. 63:1416), which is good to about 10⁻⁴ in the normal quantile
from a few counts on, at a cost that does not grow with n. Far from the mean,
where that is a difference of nearly equal numbers, probabilities fall off from
the nearer end like a geometric series.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_HALF_LOG_TWO_PI = 0.9189385332046727
# quantile, and ratio of a count to its mean, from which probabilities fall off geometrically
_FAR, _MANY_TIMES = 8.0, 1e4


@njit(cache=True, nogil=True, error_model="numpy")
def _log_ndtr(z):
    """Log of the standard normal distribution function."""
    if z > -8.0:
        return math.log(0.5 * math.erfc(-z * 0.7071067811865476))
    w = 1.0 / (z * z)
    return -0.5 * z * z - math.log(-z) - _HALF_LOG_TWO_PI + math.log1p(-w * (1.0 - 3.0 * w))


@njit(cache=True, nogil=True, error_model="numpy")
def _bend(x):
    """(1 − x² + 2x·ln x)/(1 − x)²."""
    e = 1.0 - x
    if abs(e) < 0.02:
        return e * (1.0 / 3.0 + e * (1.0 / 6.0 + e * (0.1 + e / 15.0)))
    return 1.0 if x <= 0.0 else (1.0 - x * x + 2.0 * x * math.log(x)) / (e * e)


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile(cut, n, p, q):
    """Normal quantile of the probability that fewer than `cut` (a count and a half) succeed."""
    if cut <= 0.0:
        return -np.inf
    if cut >= n:
        return np.inf
    d = cut + 1.0 / 6.0 - (n + 1.0 / 3.0) * p
    d += 0.02 * (q / (cut + 0.5) - p / (n - cut + 0.5) + (q - 0.5) / (n + 1.0))
    ratio = 1.0 + q * _bend(cut / (n * p)) + p * _bend((n - cut) / (n * q))
    return d * math.sqrt(max(ratio, 0.0) / ((n + 1.0 / 6.0) * p * q))


@njit(cache=True, nogil=True, error_model="numpy")
def _log_pmf(k, n, log_p, log_q):
    if k < 0.0 or k > n:
        return -np.inf
    ways = math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
    return ways + k * log_p + (n - k) * log_q


@njit(cache=True, nogil=True, error_model="numpy")
def _falling_off(near, other, n, log_p, log_q):
    """Log P and mean of counts from `near` to `other`, which lies farther from the mean."""
    if other >= near:
        log_r = math.log(max(n - near, 1e-300) / (near + 1.0)) + log_p - log_q
    else:
        log_r = math.log(max(near, 1e-300) / (n - near + 1.0)) + log_q - log_p
    log_r = min(log_r, -1e-12)
    r = math.exp(log_r)
    terms = abs(other - near) + 1.0
    found = _log_pmf(near, n, log_p, log_q)
    found += math.log(math.expm1(terms * log_r) / math.expm1(log_r))
    away = min(r / (1.0 - r), terms - 1.0)
    return min(found, 0.0), near + away if other >= near else near - away


@njit(cache=True, nogil=True, error_model="numpy")
def log_between(low, high, n, log_p, log_q):
    """Log P(low ≤ K ≤ high) for K ~ Binomial(n, p), and the mean of K in that range.

    Parameters
    ----------
    low, high, n : float
    log_p, log_q : float
        Logarithms of p and 1 − p, each exact near 0.
    """
    p, q = math.exp(log_p), math.exp(log_q)
    if low > _MANY_TIMES * n * p:
        return _falling_off(low, high, n, log_p, log_q)
    if n - high > _MANY_TIMES * n * q:
        return _falling_off(high, low, n, log_p, log_q)
    a, b = _quantile(low - 0.5, n, p, q), _quantile(high + 0.5, n, p, q)
    if a > _FAR:
        return _falling_off(low, high, n, log_p, log_q)
    if b < -_FAR:
        return _falling_off(high, low, n, log_p, log_q)
    if a > 0.0:
        # both far above the mean: the complements are what is small
        a, b = -b, -a
    log_b = _log_ndtr(b) if b < np.inf else 0.0
    found = log_b
    if a > -np.inf:
        found += math.log(max(-math.expm1(min(_log_ndtr(a) - log_b, 0.0)), 1e-300))
    # slope of log P in p, from the counts at both ends
    first = math.exp(min(_log_pmf(low, n, log_p, log_q) - found, 300.0))
    last = math.exp(min(_log_pmf(high, n, log_p, log_q) - found, 300.0))
    mean = n * p + q * low * first - p * (n - high) * last
    return min(found, 0.0), min(max(mean, low), high)
