"""Axes of scale: name, unit, place on the line, and words. Whoever needs one asks here.

Trends are fitted along ``x``, which ascends with scale: log10 of a count (in
decades), a loss with its sign turned (in nats), a date in years. What one step
of ``x`` is decides what slopes and widths mean; `Axis.per` and `Axis.spans` are
its words.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date as Date
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import numpy as np

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ][0-9:.,+\-Z ]*)?")
#: Years that a model can be of.
YEARS = (1900, 2200)


@dataclass(frozen=True)
class Axis:
    """An axis of scale.

    Attributes
    ----------
    name : str
        Column of the results table.
    words : str
        What is counted, for the axis of a figure.
    meaning : str
        The same for the description of a table's columns.
    per, spans : str
        One step of ``x`` ("a slope per …") and several ("… wide").
    short : str
        The same in three letters, for the head of a table.
    logarithmic, falls : bool
        Whether ``x`` is log10 of the value; whether scale grows as the value falls.
    least, most : float
        Values outside of which a language model's cannot lie: what is beyond is in
        another unit.
    """

    name: str
    words: str
    meaning: str
    per: str = "decade"
    spans: str = "decades"
    short: str = "dec"
    logarithmic: bool = True
    falls: bool = False
    least: float = 0.0
    most: float = math.inf

    @property
    def dated(self) -> bool:
        """Whether the values are dates: ISO text in tables, decimal years on the axis."""
        return self.name == "date"

    def x(self, values: Any) -> Any:
        """Place on the line of values in the axis' own units."""
        if self.logarithmic:
            return np.log10(values)
        return -np.asarray(values) if self.falls else np.asarray(values)

    def value(self, x: Any) -> Any:
        """Values in the axis' own units of places on the line."""
        if self.logarithmic:
            return 10.0 ** np.asarray(x)
        return -np.asarray(x) if self.falls else np.asarray(x)

    def log_or_value(self, value: float) -> float:
        """What tables of results give: log10 of a count, other values as they are."""
        return float(np.log10(value)) if self.logarithmic else value

    def from_log_or_value(self, value: float) -> float:
        """Value from what `log_or_value` made of it."""
        return 10.0**value if self.logarithmic else value

    def ordered(self, low: float, high: float) -> tuple[float, float]:
        """Ends of an interval, given in value, in the order of scale."""
        return (high, low) if self.falls else (low, high)

    def label(self, value: float) -> str:
        """Value as a person writes it: 1.3B parameters, 10²² FLOPs, 143k steps, 2024-05-13."""
        if self.dated and math.isfinite(value):
            return iso_date(value)
        if self.falls or not (value > 0 and math.isfinite(value)):
            return f"{value:.3g}"
        if self.name == "flops":
            digits, _, power = f"{value:.1e}".partition("e")
            ten = "10" + str(int(power)).translate(_SUPERSCRIPTS)
            return ten if digits == "1.0" else f"{digits.removesuffix('.0')}·{ten}"
        rounded = float(f"{value:.3g}")
        for size, suffix in _SUFFIXES:
            if rounded >= size:
                return f"{rounded / size:.3g}{suffix}"
        return f"{rounded:g}"

    @property
    def unit(self) -> str:
        """What follows a value in a sentence: 13B parameters, 3k steps; empty for a date."""
        if self.dated:
            return ""
        return "steps" if self.name == "step" else self.words.removeprefix("training ")

    def between(self, low: float, high: float) -> str:
        """Stretch of the axis from places on the line: between 13B and 175B parameters.

        Examples
        --------
        >>> AXES["params"].between(9.0, 10.0), AXES["loss"].between(-3.0, -2.5)
        ('between 1B and 10B parameters', 'between losses of 3 and 2.5')
        """
        ends = [self.label(float(self.value(v))) for v in (low, high)]
        if self.falls:
            return f"between losses of {ends[0]} and {ends[1]}"
        return f"between {ends[0]} and {ends[1]} {self.unit}".rstrip()

    def plain(self, value: float) -> str:
        """Value in a message: 1.3e+09, or a date."""
        return self.label(value) if self.dated else f"{value:.3g}"

    def read(self, column: Any) -> np.ndarray:
        """Values (m,) of a validated table's column: numbers, or decimal years of ISO dates."""
        if self.dated:
            return np.array([decimal_year(str(text)) for text in column], float)
        return np.asarray(column.to_numpy(float))

    def in_words(self, text: str) -> str:
        """`text` about slopes and widths per decade, in this axis' own unit."""
        if self.logarithmic:
            return text
        text = re.sub(r"\bdecades\b", self.spans, text)
        return re.sub(r"\bdecade\b", self.per, text)

    @property
    def note(self) -> str:
        """What to know of the priors on this axis; empty where they were set for it."""
        if not self.dated:
            return ""
        return (
            "the axis is a date: slopes are per year and widths, also that of the widest jump, "
            "in years; the priors were set for decades of scale, not for years"
        )


# The least are below any language model that was published: one of 100,000 parameters, trained
# on one batch of as many tokens (6·10¹⁰ FLOPs). They are above what numbers in thousands of
# millions come to: 2,000 billion parameters, 36,000 billion tokens, 10⁹ times 10¹⁸ FLOPs.
#: Name → axis, in the order of the table's columns.
AXES = MappingProxyType(
    {
        axis.name: axis
        for axis in (
            Axis("params", "parameters", "parameters", least=1e5, most=1e16),
            Axis("tokens", "training tokens", "training tokens", least=1e5, most=1e18),
            Axis("flops", "training FLOPs", "training FLOPs", least=1e10, most=1e32),
            Axis("step", "training step", "training step", most=1e12),
            Axis(
                "loss", "pretraining loss (nats)", "pretraining loss, nats per token",
                per="nat of loss", spans="nats of loss", short="nat", logarithmic=False,
                falls=True,
            ),
            Axis(
                "date", "release date", "date of release, ISO (2024-05-13)",
                per="year", spans="years", short="yr", logarithmic=False,
                least=YEARS[0], most=YEARS[1],
            ),
        )
    }
)  # fmt: skip


# --- dates -------------------------------------------------------------------------------
def parse_date(text: str) -> Date | None:
    """Day of an ISO date, with or without a time; None if `text` is none.

    Examples
    --------
    >>> parse_date("2024-05-13T10:00:00Z")
    datetime.date(2024, 5, 13)
    >>> parse_date("13/05/2024") is None
    True
    """
    match = _ISO_DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        day = Date(*map(int, match.groups()))
    except ValueError:
        return None
    return day if YEARS[0] <= day.year < YEARS[1] else None


def decimal_year(text: str) -> float:
    """Year of an ISO date with the share of it that has passed.

    Examples
    --------
    >>> decimal_year("2023-01-01"), decimal_year("2023-07-02")
    (2023.0, 2023.4986301369863)
    """
    day = parse_date(text)
    if day is None:
        raise ValueError(f"{text!r} is not an ISO date; write 2024-05-13")
    start = Date(day.year, 1, 1)
    return day.year + (day - start).days / (Date(day.year + 1, 1, 1) - start).days


def iso_date(year: float) -> str:
    """ISO date nearest to a decimal year.

    Examples
    --------
    >>> iso_date(decimal_year("2024-02-29"))
    '2024-02-29'
    """
    if not YEARS[0] - 100 <= year < YEARS[1] + 100:
        return f"{year:.4g}"
    start = Date(math.floor(year), 1, 1)
    length = (Date(start.year + 1, 1, 1) - start).days
    return (start + timedelta(days=round((year - start.year) * length))).isoformat()


def parse_value(text: str) -> float:
    """Value of an axis as a person types it: a number, 10B, or an ISO date as a decimal year.

    Examples
    --------
    >>> parse_value("1e10"), parse_value("1.3B"), parse_value("2024-01-01")
    (10000000000.0, 1300000000.0, 2024.0)
    """
    if parse_date(text) is not None:
        return decimal_year(text)
    sizes = {suffix.casefold(): size for size, suffix in _SUFFIXES}
    size = sizes.get(text.strip()[-1:].casefold())
    value = float(text.strip()[:-1]) * size if size else float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value
