"""Round numbers for axes of scale: few, even, and never so close that labels touch."""

from __future__ import annotations

import math
from itertools import pairwise

#: Where ticks of a log axis can stand within a decade, coarse to fine.
_TICK_DIGITS = (
    (1,),
    (1, 3),
    (2, 5),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    tuple(round(1 + i / 10, 1) for i in range(90)),
)


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two positive ones: as many as fit evenly, no more than `most`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    best: list[float] = []
    for every in (6, 5, 4, 3, 2):
        ticks = [10.0**e for e in range(first, last + 1) if e % every == 0]
        best = max(best, _inside(ticks, low, high, most), key=len)
    for digits in _TICK_DIGITS:
        ticks = [float(f"{d}e{e}") for e in range(first, last + 1) for d in digits]
        if inside := _inside(ticks, low, high, most):
            best = inside if len(inside) > len(best) else best
    return best


def year_ticks(low: float, high: float, most: int) -> list[float]:
    """Starts of years, halves or quarters between two decimal years, no more than `most`."""
    for step in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        ticks = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) <= most:
            return ticks
    return []


def year_label(year: float) -> str:
    """Start of a year, or the month that a part of one begins with."""
    month = round((year % 1) * 12)
    return f"{year:.0f}" if month in (0, 12) else f"{int(year)}-{month + 1:02}"


def _inside(ticks: list[float], low: float, high: float, most: int) -> list[float]:
    """Ticks in view, or none if they are too many or two stand too close for their labels."""
    inside = [tick for tick in ticks if low <= tick <= high]
    room = 0.85 / most * math.log10(high / low)
    close = any(math.log10(b / a) < room for a, b in pairwise(inside))
    return [] if close or len(inside) > most else inside
