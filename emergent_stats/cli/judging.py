"""Series that a user asks for, and their verdicts: what `test`, `plot` and `report` share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from emergent_stats.collection.discoveries import Discoveries
    from emergent_stats.model.curve import Curve
    from emergent_stats.verdict.comparison import Comparison


def table_of(source: str, chosen: dict[str, Any]) -> pd.DataFrame:
    """Rows of a source that were asked for."""
    from emergent_stats.results import corpus
    from emergent_stats.results.selection import select

    return select(corpus.load_source(source), **chosen)


def series_of(source: str, chosen: dict[str, Any]) -> list[Curve]:
    """Series of a source that were asked for."""
    from emergent_stats.results.selection import curves

    return curves(table_of(source, chosen), chosen["axis"])


def limited(found: list[Any], most: int | None) -> list[Any]:
    """Refuse more series than a figure holds, before they are analysed."""
    from emergent_stats.results.files import ResultsError

    if most is not None and len(found) > most:
        raise ResultsError(
            f"{len(found)} series match and a figure holds {most}; "
            "choose fewer with --task, --family, --metric or --shots"
        )
    return found


def discovered(
    source: str,
    chosen: dict[str, Any],
    succeeds: float | None = None,
    keep_noise: bool = False,
    **work: Any,
) -> Discoveries:
    """Discoveries among the chosen series, with a progress bar where someone is watching."""
    from emergent_stats.cli import listing
    from emergent_stats.collection import discoveries, selected

    keep = None if succeeds is None else selected.Succeeds(succeeds)
    series = series_of(source, chosen)
    with listing.progress("weighing") as report:
        return discoveries.discover(
            series, shared=not keep_noise, keep=keep, progress=report, **work
        )


def compare_chosen(
    source: str,
    chosen: dict[str, Any],
    *,
    smallest_change: float | None = None,
    most: int | None = None,
    **how: Any,
) -> list[Comparison]:
    """Verdicts of the chosen series, with a progress bar where someone is watching."""
    from emergent_stats.cli import listing
    from emergent_stats.verdict.decision import THRESHOLDS
    from emergent_stats.verdict.judge import compare_all

    thresholds = replace(THRESHOLDS, smallest_change=smallest_change)
    series = limited(series_of(source, chosen), most)
    with listing.progress() as report:
        return compare_all(series, thresholds=thresholds, progress=report, **how)
