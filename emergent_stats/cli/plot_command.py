"""The command `plot`: works out what a kind of figure takes, and has it drawn."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from emergent_stats.cli.judging import compare_chosen, discovered, limited, series_of, table_of
from emergent_stats.cli.options import Calibrate, Jobs, Seed, choosing, scale
from emergent_stats.plots.registry import DEFAULT, KINDS, Kind, function

#: Series simulated for a figure of a calibration, where no number was given.
_SIMULATED = 200


class _Asked(NamedTuple):
    """What was typed, as the makers of `_MAKERS` need it."""

    source: str
    chosen: dict[str, Any]
    calibrate: int
    jobs: int | None
    seed: int
    cut: float | None
    most: int | None


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    width = max(map(len, KINDS))
    kinds = "\n".join(f"  {name:<{width}} {kind.help}" for name, kind in KINDS.items())
    app.command(
        "plot",
        short_help="Draw a figure: the verdict, or another kind.",
        epilog=f"\b\nKinds of figure:\n{kinds}\n\n"
        "\b\nExamples:\n"
        "  emergent-stats plot bigbench-bigg --task linguistic_mappings --out f.pdf\n"
        "  emergent-stats plot gpt3 --task '3D*' --out panels.png\n"
        "  emergent-stats plot sensitivity gpt3 --task 3D- --shots 50 --out priors.svg\n"
        "  emergent-stats plot forecast gpt3 --task 2D+ --cut 1e10 --out f.pdf\n"
        "  emergent-stats plot metric --preset slide --out metric.svg",
    )(draw)


@choosing
def draw(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[KIND] SOURCE",
            help="Kind of figure (default: verdict), and a study or results table (.csv, "
            ".parquet, .json).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Figure to write: .pdf, .svg or .png.")],
    chosen: dict[str, Any],
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="The kind of figure, if no word names it.")
    ] = None,
    cut: Annotated[
        float | None,
        typer.Option(metavar="X", parser=scale, help="For forecast: fit models up to this scale."),
    ] = None,
    preset: Annotated[
        str, typer.Option(metavar="P", help="Width and text: single, double, poster or slide.")
    ] = "double",
    calibrate: Calibrate = 0,
    jobs: Jobs = None,
    seed: Seed = 0,
) -> None:
    """Draw a figure, and write its numbers and a description beside it.

    FIG.pdf comes with FIG.data.csv, the numbers that it shows, and FIG.alt.txt,
    words for those who cannot see it.
    """
    from emergent_stats.cli import listing
    from emergent_stats.plots import style
    from emergent_stats.plots.panels import plot_panels

    listing.check_out(out, style.SUFFIXES)
    which, source = _read(words, kind)
    asked = _Asked(source, chosen, calibrate, jobs, seed, cut, which.most)
    with style.preset(preset):
        data = _MAKERS[which.takes](asked)
        one = function(which.drawn_by)
        if len(data) == 1:
            drawn = one(data[0])
        else:
            drawn = function(which.many)(data) if which.many else plot_panels(data, one)
        style.save(drawn.figure, out)


def _read(words: list[str], kind: str | None) -> tuple[Kind, str]:
    """Kind of figure and source that were typed; "" for a kind that needs none."""
    from emergent_stats.results.files import ResultsError

    first, rest = words[0], words[1:]
    if kind is None and (rest or KINDS.get(first, KINDS[DEFAULT]).takes == "nothing"):
        kind, words = first, rest
    kind = kind or DEFAULT
    if kind not in KINDS:
        raise ResultsError(f"no kind of figure {kind!r}; use {', '.join(KINDS)}")
    needed = 0 if KINDS[kind].takes == "nothing" else 1
    if len(words) != needed:
        wanted = "one SOURCE" if needed else "no SOURCE"
        raise ResultsError(f"plot {kind}: takes {wanted}, got {len(words)} after it")
    return KINDS[kind], words[0] if needed else ""


# --- what a figure takes ------------------------------------------------------------------
def _series(asked: _Asked) -> list[Any]:
    return limited(series_of(asked.source, asked.chosen), asked.most)


def _comparisons(asked: _Asked) -> list[Any]:
    how = {"calibrate": asked.calibrate, "jobs": asked.jobs, "seed": asked.seed}
    return compare_chosen(asked.source, asked.chosen, most=asked.most, **how)


def _fits(asked: _Asked) -> list[Any]:
    from emergent_stats.cli import listing
    from emergent_stats.collection.fits import NOTHING, fit_all
    from emergent_stats.results.checkpoints import thinned
    from emergent_stats.results.files import ResultsError

    series = [thinned(curve) for curve in _series(asked)]
    with listing.progress("weighing") as report:
        found = fit_all(series, seed=asked.seed, jobs=asked.jobs, progress=report)
    if not found:
        raise ResultsError(NOTHING)
    return found


def _calibrations(asked: _Asked) -> list[Any]:
    from emergent_stats.collection.fits import calibrate_fit

    size = asked.calibrate or _SIMULATED
    jobs = asked.jobs or os.cpu_count() or 1
    return [calibrate_fit(fit, size, seed=asked.seed, jobs=jobs) for fit in _fits(asked)]


def _plannable(asked: _Asked) -> list[Any]:
    from emergent_stats.verdict.advice import can_plan

    found = _comparisons(asked)
    return [c for c in found if can_plan(c)] or found[:1]  # whose figure says why there is none


def _forecasts(asked: _Asked) -> list[Any]:
    from emergent_stats.cli import collection_listing, listing
    from emergent_stats.collection.forecast import forecast_all
    from emergent_stats.results.files import ResultsError

    if asked.cut is None:
        raise ResultsError("plot forecast: say up to where models are fitted: --cut 1e10")
    series = _series(asked)
    with listing.progress("forecasting") as report:
        found = forecast_all(series, asked.cut, seed=asked.seed, jobs=asked.jobs, progress=report)
    collection_listing.say_unforeseen(found)
    return [one for one in found if one is not None]


def _pairs(asked: _Asked) -> list[Any]:
    from emergent_stats.several.find import find_pairs
    from emergent_stats.several.joint import compare_joint

    views, _ = find_pairs(table_of(asked.source, asked.chosen), asked.chosen["axis"])
    return [compare_joint(v, seed=asked.seed) for v in limited(views, asked.most)]


def _seeds(asked: _Asked) -> list[Any]:
    from emergent_stats.several.find import find_seeds
    from emergent_stats.several.seeds import compare_seeds

    found, _ = find_seeds(table_of(asked.source, asked.chosen), asked.chosen["axis"])
    return [compare_seeds(c, seed=asked.seed) for c in limited(found, asked.most)]


def _discoveries(asked: _Asked) -> list[Any]:
    return [discovered(asked.source, asked.chosen, jobs=asked.jobs, seed=asked.seed)]


def _arrivals(asked: _Asked) -> list[Any]:
    from emergent_stats.collection.arrivals import arrival_times

    return [arrival_times(found, seed=asked.seed) for found in _discoveries(asked)]


#: What a kind takes → how it is made of what was typed, one a figure or panel.
_MAKERS: dict[str, Callable[[_Asked], list[Any]]] = {
    "arrivals": _arrivals,
    "calibration": _calibrations,
    "comparison": _comparisons,
    "comparisons": lambda asked: [_comparisons(asked)],
    "curve": _series,
    "discoveries": _discoveries,
    "fit": _fits,
    "forecast": _forecasts,
    "nothing": lambda _: [None],
    "pair": _pairs,
    "plan": _plannable,
    "seeds": _seeds,
}
