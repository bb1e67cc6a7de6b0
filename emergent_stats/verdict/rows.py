"""Verdicts as one table: a row a series, in the columns and types of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_TEXT = (
    "study", "family", "task", "metric", "metrics", "axis", "verdict", "kind", "reason", "best",
    "warnings", "lean", "summary", "largest_gap", "posterior_hypothesis",
    "posterior_rival_hypothesis",
)  # fmt: skip
_WHOLE = (
    "shots", "seed", "m", "scales", "posterior_divergences", "posterior_rival_divergences",
)  # fmt: skip
_FLAGS = ("robust", "apparent_jump", "confirmed", "posterior_agrees")


def frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows of verdicts as a table, in types that do not depend on what is in them."""
    import pandas as pd

    table = pd.DataFrame(list(rows), dtype=object)
    for name in table.columns:
        whole = "Int64" if name in _WHOLE else "float64"
        kind = "str" if name in _TEXT else "boolean" if name in _FLAGS else whole
        table[name] = table[name].astype(kind)
    return table
