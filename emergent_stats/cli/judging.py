"""Series that a user asks for, and their verdicts: what `test`, `plot` and `report` share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emergent_stats.model.curve import Curve
    from emergent_stats.verdict.comparison import Comparison


def series_of(source: str, chosen: dict[str, Any]) -> list[Curve]:
    """Series of a source that were asked for."""
    from emergent_stats.results import corpus
    from emergent_stats.results.selection import curves, select

    return curves(select(corpus.load_source(source), **chosen), chosen["axis"])


def compare_chosen(
    source: str,
    chosen: dict[str, Any],
    calibrate: int,
    jobs: int | None,
    seed: int,
    most: int | None = None,
    smallest_change: float | None = None,
    priors: str = "weak",
) -> list[Comparison]:
    """Verdicts of the chosen series, with a progress bar where someone is watching."""
    from emergent_stats.cli import listing
    from emergent_stats.results import corpus
    from emergent_stats.verdict.decision import THRESHOLDS
    from emergent_stats.verdict.judge import compare_all

    thresholds = replace(THRESHOLDS, smallest_change=smallest_change)
    series = series_of(source, chosen)
    if most is not None and len(series) > most:
        raise corpus.ResultsError(
            f"{len(series)} series match and a figure holds {most}; "
            "choose fewer with --task, --family, --metric or --shots"
        )
    with listing.progress() as report:
        return compare_all(
            series,
            calibrate=calibrate,
            seed=seed,
            thresholds=thresholds,
            priors=priors,
            jobs=jobs,
            progress=report,
        )
