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


def discovered(
    source: str,
    chosen: dict[str, Any],
    succeeds: float | None,
    keep_noise: bool,
    jobs: int | None,
    seed: int,
) -> Discoveries:
    """Discoveries among the chosen series, with a progress bar where someone is watching."""
    from emergent_stats.cli import listing
    from emergent_stats.collection import discoveries, selected

    keep = None if succeeds is None else selected.Succeeds(succeeds)
    series = series_of(source, chosen)
    with listing.progress("weighing") as report:
        return discoveries.discover(
            series, shared=not keep_noise, keep=keep, seed=seed, jobs=jobs, progress=report
        )


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
