"""Numbers in words, the same in the terminal and in figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from emergent_stats.curve import AXIS_UNITS

if TYPE_CHECKING:
    from emergent_stats.curve import Curve

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def scale_label(value: float, axis: str) -> str:
    """Scale as a person writes it: 1.3B parameters, 10²² FLOPs, 143k steps, a loss of 2.31.

    Examples
    --------
    >>> scale_label(1.25e8, "params"), scale_label(3e22, "flops"), scale_label(143000, "step")
    ('125M', '3·10²²', '143k')
    """
    if axis == "loss" or not (value > 0 and math.isfinite(value)):
        return f"{value:.3g}"
    if axis == "flops":
        digits, _, power = f"{value:.1e}".partition("e")
        ten = "10" + str(int(power)).translate(_SUPERSCRIPTS)
        return ten if digits == "1.0" else f"{digits.removesuffix('.0')}·{ten}"
    rounded = float(f"{value:.3g}")
    for size, suffix in _SUFFIXES:
        if rounded >= size:
            return f"{rounded / size:.3g}{suffix}"
    return f"{rounded:g}"


def probability(value: float | None) -> str:
    """Probability without false certainty: .03, .97, <.01, >.99; a dash where there is none.

    Examples
    --------
    >>> probability(0.031), probability(0.9997), probability(None)
    ('.03', '>.99', '–')
    """
    if value is None or value != value:
        return "–"
    if value < 0.005:
        return "<.01"
    if value > 0.995:
        return ">.99"
    return f"{value:.2f}".lstrip("0")


def number(value: float | None) -> str:
    """Signed number with one decimal; a dash where there is none.

    Examples
    --------
    >>> number(-3.21), number(None)
    ('−3.2', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:+.1f}".replace("-", "−")


def between(curve: Curve, low: float, high: float) -> str:
    """Stretch of an axis in its own units: between 13B and 175B parameters.

    Parameters
    ----------
    curve : Curve
    low, high : float
        As in `Curve.x`.
    """
    ends = [scale_label(float(curve.in_units(v)), curve.axis) for v in (low, high)]
    if curve.axis == "loss":
        return f"between losses of {ends[0]} and {ends[1]}"
    unit = {**AXIS_UNITS, "step": "steps"}[curve.axis].removeprefix("training ")
    return f"between {ends[0]} and {ends[1]} {unit}"


def scale_of(curve: Curve, ends: tuple[float, float]) -> tuple[float, float]:
    """Scale in the axis' own units from decades (a loss is its own unit)."""
    if curve.axis == "loss":
        return ends
    return 10.0 ** ends[0], 10.0 ** ends[1]


def scale_range(curve: Curve, ends: tuple[float, float]) -> str:
    """Interval of scale given as in `Comparison.at`, in units: 12B–130B; a dash if none."""
    if not all(math.isfinite(end) for end in ends):
        return "–"
    return "–".join(scale_label(end, curve.axis) for end in scale_of(curve, ends))
