"""Verdicts as one table: a row a series, in the columns and types of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from emergent_stats.verdict.comparison import Comparison

_TEXT = (
    "study", "family", "task", "metric", "axis", "verdict", "kind", "reason", "warnings", "lean",
    "summary", "largest_gap",
)  # fmt: skip
_WHOLE = ("shots", "seed", "m")
_FLAGS = ("robust", "apparent_jump", "confirmed")


def frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Verdicts as a table, one row each; a column has its type also where no row fills it."""
    import pandas as pd

    table = pd.DataFrame([comparison.row() for comparison in comparisons], dtype=object)
    for name in table.columns:
        if name in _TEXT:
            table[name] = table[name].astype("str")
        elif name in _FLAGS:
            table[name] = table[name].astype("boolean")
        else:
            table[name] = table[name].astype("Int64" if name in _WHOLE else "float64")
    return table
