"""Many verdicts: a list that is a table too."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from emergent_stats.verdict.comparison import Comparison, verdict_words
from emergent_stats.verdict.rows import frame
from emergent_stats.verdict.words import probability

if TYPE_CHECKING:
    import pandas as pd

#: Rows that a notebook shows.
_SHOWN = 20


class Comparisons(list[Comparison]):
    """Verdicts in the order of the series; `frame` is their table."""

    def frame(self) -> pd.DataFrame:
        """One row each, in the columns and order of the command line (`comparison.ROW`)."""
        return frame([comparison.row() for comparison in self])

    def __repr__(self) -> str:
        counts = Counter(c.verdict for c in self).most_common()
        said = ", ".join(f"{n:,} {verdict}" for verdict, n in counts)
        return f"<{len(self):,} verdicts: {said}>" if said else "<no verdicts>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(c.title)}</td><td><b>{escape(verdict_words(c))}</b></td>"
            f"<td>{probability(c.p_real)}</td><td>{probability(c.p_gradual)}</td></tr>"
            for c in self[:_SHOWN]
        )
        more = f" The first {_SHOWN} of them:" if len(self) > _SHOWN else ""
        return (
            f"<p>{escape(repr(self).strip('<>'))}.{more}</p><table><tr><th>series</th>"
            "<th>verdict</th><th>P(jump or onset)</th><th>P(gradual)</th></tr>"
            f"{rows}</table><p>All columns: <code>.frame()</code></p>"
        )
