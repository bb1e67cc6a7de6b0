"""Commands that judge series: reads what the user typed, calls the package, prints.

No logic of its own. Everything heavy is imported inside the commands, so that
help and mistakes answer at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emergent_stats.cli import (
    atlas_command,
    data_commands,
    failing,
    plot_command,
    pool_command,
    report_command,
    seminar_command,
    several_commands,
    sweep_command,
)
from emergent_stats.cli.judging import compare_chosen, discovered, series_of
from emergent_stats.cli.options import (
    AsJson,
    AsObject,
    AxisName,
    Gradual,
    Jobs,
    Out,
    Posterior,
    Seed,
    Source,
    choosing,
    scale,
)

__all__ = ["AxisName", "app", "main"]

#: Those on tables are registered already, and so come first in the help.
app = data_commands.app


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Is the jump real? Calibrated verdicts on emergent abilities in published results."""
    if version:
        import emergent_stats

        typer.echo(emergent_stats.__version__)
        raise typer.Exit


@app.command(
    "test",
    short_help="Give each series a verdict, and the reason.",
    epilog="\b\nExamples:\n"
    "  emergent-stats test gpt3 --task '3D*'\n"
    "  emergent-stats test mine.csv --calibrate 500 --out verdicts.csv\n"
    "  emergent-stats test pythia --family 'pythia*' --axis step --json\n"
    "  emergent-stats test gpt3 --task LAMBADA --shots 0 --posterior",
)
@choosing
def give_verdicts(
    source: Source,
    chosen: dict[str, Any],
    how: dict[str, Any],
    out: Out = None,
    posterior: Posterior = False,
    as_json: AsJson = False,
) -> None:
    """Give each series a verdict: real, artefact, gradual, flat, falls or undecided, and why.

    With --posterior the rows end with columns posterior_….
    """
    from emergent_stats.cli import listing, posterior_listing, several_listing
    from emergent_stats.results.files import SUFFIXES, json_text, write_table
    from emergent_stats.verdict.rows import frame as as_frame

    listing.check_out(out, SUFFIXES)
    verdicts = compare_chosen(source, chosen, **how)
    found, beside = [], [{}] * len(verdicts)
    if posterior:
        verdicts, found = posterior_listing.check(verdicts, how["seed"], how["priors"])
        beside = [posterior_listing.row(each) for each in found]
    frame = as_frame([c.row() | more for c, more in zip(verdicts, beside, strict=True)])
    if out is not None:
        write_table(frame, out)
    if as_json:
        typer.echo(json_text(frame), nl=False)
    else:
        listing.print_verdicts(verdicts)
        posterior_listing.print_beside(verdicts, found)
    several_listing.point_to_discover(source, verdicts)


@app.command(
    "discover",
    short_help="Tell which series of a collection break.",
    epilog="\b\nExamples:\n"
    "  emergent-stats discover bigbench-bigg\n"
    "  emergent-stats discover pythia --metric multiple_choice --axis params --json\n"
    "  emergent-stats discover mine.parquet --succeeds 0.05",
)
@choosing
def tell_breaks(
    source: Source,
    chosen: dict[str, Any],
    together: dict[str, Any],
    as_json: AsObject = False,
) -> None:
    """Tell which series of a collection break, judged together.

    The shares of the accounts are learned from all series, and noise that the
    tasks of a model share is taken out: among hundreds of smooth tasks some
    look broken, and together.
    """
    from emergent_stats.cli import collection_listing

    found = discovered(source, chosen, **together)
    if as_json:
        typer.echo(collection_listing.discoveries_json(found), nl=False)
    else:
        collection_listing.print_discoveries(found)


@app.command(
    "arrivals",
    short_help="Tell at which scales tasks break out.",
    epilog="\b\nExamples:\n"
    "  emergent-stats arrivals gpt3 --shots 0\n"
    "  emergent-stats arrivals bigbench-bigg --gradual censored\n"
    "  emergent-stats arrivals bigbench-bigg --cut 4e9 --level 0.25 --json",
)
@choosing
def tell_arrivals(
    source: Source,
    chosen: dict[str, Any],
    gradual: Annotated[
        Gradual,
        typer.Option(
            metavar="|".join(Gradual),
            help="Tasks that grow without a break: apart, or still waiting for one.",
        ),
    ] = Gradual.apart,
    cut: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            parser=scale,
            help="Also predict, from models up to here, who passes a level.",
        ),
    ] = None,
    level: Annotated[
        float, typer.Option(metavar="P", help="That level, as a share of the way to the top.")
    ] = 0.25,
    *,
    together: dict[str, Any],
    as_json: AsObject = False,
) -> None:
    """Tell at which scales tasks break out, and whether at a constant rate.

    Tasks that have not are censored at the last scale where a break could be
    seen.
    """
    from emergent_stats.cli import collection_listing, listing
    from emergent_stats.collection import arrivals, foresight

    found = discovered(source, chosen, **together)
    work = {name: together[name] for name in ("seed", "jobs")}
    times = arrivals.arrival_times(found, gradual=gradual.value, seed=work["seed"])
    seen = None
    if cut is not None:
        with listing.progress("forecasting") as report:
            seen = foresight.foreseen(found.curves, cut, level, progress=report, **work)
    if as_json:
        typer.echo(collection_listing.arrivals_json(times, seen), nl=False)
    else:
        collection_listing.print_arrivals(times, seen)


@app.command(
    "forecast",
    short_help="Predict large models from small ones.",
    epilog="\b\nExamples:\n"
    "  emergent-stats forecast gpt3 --cut 1e10 --task '3D*'\n"
    "  emergent-stats forecast bigbench-bigg --cut 4e9 --out forecasts.csv\n"
    "  emergent-stats forecast mine.csv --axis flops --cut 1e22 --json",
)
@choosing
def predict(
    source: Source,
    cut: Annotated[
        float,
        typer.Option(
            metavar="X",
            parser=scale,
            help="Fit the models up to this scale, in the axis' own units: 1e10, 10B, 2024-05-13.",
        ),
    ],
    chosen: dict[str, Any],
    jobs: Jobs = None,
    seed: Seed = 0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Fit the small models, predict the large ones, and say how surprising those are.

    Beside the accounts stand a straight line on the logit scale and a
    broken neural scaling law by least squares.
    """
    from emergent_stats.cli import collection_listing, listing
    from emergent_stats.collection import forecast
    from emergent_stats.results.files import SUFFIXES, json_text, write_table

    listing.check_out(out, SUFFIXES)
    series = series_of(source, chosen)
    with listing.progress("forecasting") as report:
        found = forecast.forecast_all(series, cut, seed=seed, jobs=jobs, progress=report)
    if out is not None:
        write_table(forecast.frame(found), out)
    if as_json:
        typer.echo(json_text(forecast.frame(found)), nl=False)
    else:
        collection_listing.print_forecasts(found)


@app.command(
    "design",
    short_help="Tell what a design could decide.",
    epilog="\b\nExamples:\n"
    "  emergent-stats design --models 8 --span 4 --n 300\n"
    "  emergent-stats design --models 12 --span 3 --n 1000 --sigma 0.1 --seeds 2\n"
    "  emergent-stats design --models 6 --span 4 --n 300 \\\n"
    "      --metric multiple_choice --chance 0.25\n"
    "  emergent-stats design --models 8 --span 4 --n 300 --simulate 500 --json",
)
def tell_design(
    models: Annotated[int, typer.Option(metavar="M", help="Scales, evenly spaced; at least 4.")],
    span: Annotated[float, typer.Option(metavar="D", help="Decades from smallest to largest.")],
    n: Annotated[int, typer.Option(metavar="N", help="Examples per score.")],
    sigma: Annotated[
        float, typer.Option(metavar="S", help="Noise between models in nats; published: .1 to .7.")
    ] = 0.15,
    height: Annotated[
        float, typer.Option(metavar="H", help="Jump in nats that has to be found.")
    ] = 1.0,
    seeds: Annotated[int, typer.Option(metavar="K", help="Runs at each scale.")] = 1,
    metric: Annotated[str, typer.Option(metavar="NAME", help="Metric.")] = "exact_match",
    chance: Annotated[
        float | None, typer.Option(metavar="P", help="Score of a guesser, where it is known.")
    ] = None,
    series: Annotated[
        int,
        typer.Option(
            "--simulate", metavar="R", help="Series to simulate of each kind; 0: the formula only."
        ),
    ] = 0,
    jobs: Jobs = None,
    seed: Seed = 0,
    as_json: AsObject = False,
) -> None:
    """Tell, before any model is run, what a design could decide, and what to add to it.

    Power to find jumps and onsets, the Bayes floor (with --simulate), the
    cheapest addition that would decide, and where more examples stop helping.
    """
    from emergent_stats.cli import design_listing, listing
    from emergent_stats.verdict import formula

    plan = formula.Plan.even(models, span, seeds, n=n, sigma=sigma, metric=metric, chance=chance)
    with listing.progress("simulating") as report:
        found = design_listing.prospect(plan, height, series, seed, jobs, report)
    if as_json:
        typer.echo(design_listing.prospect_json(found), nl=False)
    else:
        design_listing.print_prospect(found)


plot_command.register(app)
report_command.register(app)
several_commands.register(app)
pool_command.register(app)
sweep_command.register(app)
atlas_command.register(app)
seminar_command.register(app)


def main() -> None:
    """Entry point: one message on stderr; exit status 2 for bad input, 1 if this machine fails."""
    with failing.told():
        app(prog_name="emergent-stats")
