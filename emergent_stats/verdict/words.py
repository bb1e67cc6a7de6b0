"""Numbers in words, the same in the terminal and in figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from emergent_stats.model.axes import AXES

if TYPE_CHECKING:
    from emergent_stats.model.curve import Curve

# values that are no scale (a score, a count of examples) are written like parameters
_COUNT = AXES["params"]


def printable(text: str, mark: str = "?") -> str:
    """`text` with `mark` for controls and direction marks; joiners stay, blanks are plain.

    Examples
    --------
    >>> printable("a\\x1b[31m\\tname\\n"), printable("a\\u202e name", "")
    ('a?[31m name\\n', 'a name')
    """
    ok = "\n\xa0\u202f\u200c\u200d"
    return "".join(c if c.isprintable() or c in ok else " " if c.isspace() else mark for c in text)


def one_line(text: str) -> str:
    """`text` in one line, without what is not `printable`: names come from other people's files.

    Examples
    --------
    >>> one_line("a\\x07 name\\nof two\\u202e lines")
    'a name of two lines'
    """
    return printable(" ".join(text.split()), "")


def metric_words(metric: str) -> str:
    """Name of a metric as a person writes it."""
    return {"bleu": "BLEU", "f1": "F1"}.get(metric, metric.replace("_", " "))


def scale_label(value: float, axis: str) -> str:
    """Scale as a person writes it: 1.3B parameters, 10²² FLOPs, a loss of 2.31, 2024-05-13.

    Examples
    --------
    >>> scale_label(1.25e8, "params"), scale_label(3e22, "flops"), scale_label(143000, "step")
    ('125M', '3·10²²', '143k')
    """
    return AXES.get(axis, _COUNT).label(value)


def leaves_open(kind: str | None) -> bool:
    """Whether a verdict's kind says what else it may be: which account without a break is open.

    Examples
    --------
    >>> leaves_open("or_flat"), leaves_open("jump"), leaves_open(None)
    (True, False, False)
    """
    return kind is not None and kind.startswith("or_")


def with_kind(verdict: str, kind: str | None) -> str:
    """A verdict with its kind: which break, which fall, or what else it may be.

    Examples
    --------
    >>> with_kind("real", "jump"), with_kind("gradual", "or_flat"), with_kind("flat", None)
    ('real (jump)', 'gradual or flat', 'flat')
    """
    if not kind:
        return verdict
    words = kind.replace("_", " ")
    return f"{verdict} {words}" if leaves_open(kind) else f"{verdict} ({words})"


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


def probability_is(of: str, value: float | None) -> str:
    """Probability in a sentence, without false certainty.

    Examples
    --------
    >>> probability_is("P(gradual)", 0.97), probability_is("P(gradual)", 0.9997)
    ('P(gradual) = .97', 'P(gradual) > .99')
    """
    said = probability(value)
    return f"{of} {said[0]} {said[1:]}" if said[0] in "<>" else f"{of} = {said}"


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


def scale_of(curve: Curve, ends: tuple[float, float]) -> tuple[float, float]:
    """Scale in the axis' own units from decades (a loss or a year is its own unit)."""
    axis = curve.scale_axis
    return axis.from_log_or_value(ends[0]), axis.from_log_or_value(ends[1])


def scale_range(curve: Curve, ends: tuple[float, float]) -> str:
    """Interval of scale given as in `Comparison.at`, in units: 12B–130B; a dash if none."""
    if not all(math.isfinite(end) for end in ends):
        return "–"
    dash = " – " if curve.scale_axis.dated else "–"
    return dash.join(scale_label(end, curve.axis) for end in scale_of(curve, ends))
