"""Slice sampling along a line (Neal 2003, doi:10.1214/aos/1056562461), for compiled samplers.

A slice is an array of nine numbers. `begin` draws a level under the density at
0 and a bracket around 0; as long as `going`, the density is asked for at
`place` and handed to `advance`. Compiled functions cannot be handed about
cheaply, so the loop stands where the density is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_FLOOR, _LOW, _HIGH, _WIDTH, _SIDE, _LEFT, _RIGHT, _PLACE, _TRIES = range(9)
# steps outwards on both sides together, and inwards before it stays where it is
_OUTWARDS, _INWARDS = 30, 60


@njit(cache=True, error_model="numpy")
def begin(start, width, rng):
    """Slice under a density whose log is `start` at 0, with a bracket of this width."""
    s = np.zeros(9)
    s[_FLOOR] = start - rng.standard_exponential()
    s[_LOW] = -width * rng.random()
    s[_HIGH] = s[_LOW] + width
    s[_WIDTH] = width
    # the steps are allotted to the sides at random, which keeps a bound on them exact
    s[_LEFT] = np.floor(_OUTWARDS * rng.random())
    s[_RIGHT] = _OUTWARDS - 1 - s[_LEFT]
    s[_PLACE] = s[_LOW]
    return s


@njit(cache=True, error_model="numpy")
def going(s):
    """Whether the density is still asked for."""
    return s[_SIDE] < 3


@njit(cache=True, error_model="numpy")
def place(s):
    """Where the density is asked for next, or where it ended."""
    return s[_PLACE]


@njit(cache=True, error_model="numpy")
def advance(s, value, rng):
    """Take in the log density at `place`: outwards to the left, to the right, then inwards."""
    inside = value >= s[_FLOOR]
    if s[_SIDE] == 0:
        if inside and s[_LEFT] > 0:
            s[_LEFT] -= 1
            s[_LOW] -= s[_WIDTH]
            s[_PLACE] = s[_LOW]
        else:
            s[_SIDE] = 1
            s[_PLACE] = s[_HIGH]
        return
    if s[_SIDE] == 1:
        if inside and s[_RIGHT] > 0:
            s[_RIGHT] -= 1
            s[_HIGH] += s[_WIDTH]
            s[_PLACE] = s[_HIGH]
            return
        s[_SIDE] = 2
    elif inside:
        s[_SIDE] = 3
        return
    else:
        s[_TRIES] += 1
        if s[_PLACE] < 0:
            s[_LOW] = s[_PLACE]
        else:
            s[_HIGH] = s[_PLACE]
        if s[_TRIES] > _INWARDS:
            s[_SIDE] = 4
            s[_PLACE] = 0.0
            return
    s[_PLACE] = s[_LOW] + (s[_HIGH] - s[_LOW]) * rng.random()
