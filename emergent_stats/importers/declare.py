"""What a tool's metric means: a name of ours, and the top of its scale. Declared, never guessed.

45 may be a percentage or a mistake, and a Brier score of 0.6 is poor on a scale
to 1 and fair on a scale to 2. Which it is follows from the declaration that an
importer makes for its tool, or that the user makes: ``exact_match/100`` is a
percentage, ``brier/1`` a Brier score between 0 and 1, ``exact_match`` alone a
proportion. A score outside of what was declared is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from emergent_stats.model.metrics import METRICS, limits
from emergent_stats.results.files import ResultsError


@dataclass(frozen=True)
class Declared:
    """A tool's metric in our terms.

    Attributes
    ----------
    metric : str
        Name in `METRICS`.
    top : float or None
        The tool's value that means our highest; None where the units are the same.
    """

    metric: str
    top: float | None = None

    def __str__(self) -> str:
        return self.metric if self.top is None else f"{self.metric}/{self.top:g}"

    def convert(self, value: float) -> float:
        """Value in our units."""
        return value if self.top is None else value * METRICS[self.metric].range[1] / self.top

    def problem(self, value: float) -> str | None:
        """Why `value`, in the tool's units, cannot be this metric; None if it can."""
        low, high = limits(self.metric)
        score = self.convert(value)
        if not math.isfinite(value):
            return f"{value} is not a number"
        # a sum of thousands of ones can end a rounding error above the top
        slack = 1e-9 * max(1.0, abs(low), high if math.isfinite(high) else 1.0)
        if low - slack <= score <= high + slack:
            return None
        top = high if self.top is None else high * self.top / METRICS[self.metric].range[1]
        text = f"{value:g} is outside of {low:g} to {top:g}, the range declared for {self.metric!r}"
        if self.top is None and high == 1.0 and 1.0 < value <= 100.0:
            text += f"; if it is a percentage declare {self.metric + '/100'!r}"
        elif self.metric == "brier" and value > top:
            text += "; if the scale goes to 2 declare 'brier/2'"
        return text


def parse_declaration(text: str) -> Declared:
    """Declaration written as ``metric`` or ``metric/top``.

    Raises
    ------
    ResultsError
        For an unknown metric or a top that is no positive number.

    Examples
    --------
    >>> parse_declaration("exact_match/100").convert(45.0)
    0.45
    >>> parse_declaration("brier/1").convert(0.5)
    1.0
    """
    metric, slash, top = text.strip().partition("/")
    if metric not in METRICS:
        raise ResultsError(
            f"unknown metric {metric!r} in the declaration {text!r}; known: "
            f"{', '.join(METRICS)}. Write 'exact_match/100' for a percentage"
        )
    if not slash:
        return Declared(metric)
    if not math.isfinite(METRICS[metric].range[1]):
        raise ResultsError(f"{text!r}: {metric} has no top; declare it as {metric!r}")
    try:
        value = float(top)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ResultsError(
            f"{text!r}: the top of the scale {top!r} is not a number above 0; write "
            f"{metric + '/100'!r} for a percentage"
        )
    return Declared(metric, value)


def parse_declarations(given: Mapping[str, str] | None) -> dict[str, Declared]:
    """Declarations of a user: the tool's metric name → ``metric`` or ``metric/top``."""
    return {name: parse_declaration(text) for name, text in (given or {}).items()}
