"""The command `pool`: many tasks in one model, as a table, JSON, a file or a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emergent_stats.cli.judging import series_of
from emergent_stats.cli.options import AsObject, Jobs, KeepNoise, Seed, Source, Succeeds, choosing

if TYPE_CHECKING:
    import pandas as pd

    from emergent_stats.collection.pooled import Pooled

#: What a scale is, and its unit.
_SCALES = {
    "slope": "slopes, nats per decade",
    "height": "heights of jumps, nats",
    "bend": "bends, nats per decade",
    "sigma": "noise between models, nats",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "pool",
        short_help="Tell the shares of the accounts in a collection.",
        epilog="\b\nExamples:\n"
        "  emergent-stats pool bigbench-bigg\n"
        "  emergent-stats pool pythia --metric multiple_choice --axis params --json\n"
        "  emergent-stats pool mine.parquet --out tasks.csv --plot shares.pdf",
    )(choosing(pool))


def pool(
    source: Source,
    chosen: dict[str, Any],
    succeeds: Succeeds = None,
    keep_noise: KeepNoise = False,
    draws: Annotated[
        int, typer.Option(metavar="D", min=100, help="Draws of shares and scales.")
    ] = 4000,
    jobs: Jobs = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Also write a row per task: .csv, .parquet or .json.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FIG", help="Also draw the shares: .pdf, .svg or .png."),
    ] = None,
    as_json: AsObject = False,
) -> None:
    """Fit many tasks in one model: how many of them jump, set on, grow gradually, stay or fall.

    Shares of the accounts and scales of slopes, heights, bends and noise are
    learned from all tasks, with their uncertainty, and each task's
    probabilities under them.
    """
    from emergent_stats.cli import listing
    from emergent_stats.collection import selected
    from emergent_stats.collection.pooled import fit_pooled
    from emergent_stats.results.files import SUFFIXES, write_table

    listing.check_out(out, SUFFIXES)
    if plot is not None:
        from emergent_stats.plots import style

        listing.check_out(plot, style.SUFFIXES, "--plot")
    keep = None if succeeds is None else selected.Succeeds(succeeds)
    series = series_of(source, chosen)
    with listing.progress("pooling") as report:
        found = fit_pooled(
            series, draws=draws, shared=not keep_noise, keep=keep, seed=seed, jobs=jobs,
            progress=report,
        )  # fmt: skip
    if out is not None:
        write_table(found.frame(), out)
    if plot is not None:
        from emergent_stats.plots import collection, style

        style.save(collection.plot_shares(found).figure, plot)  # type: ignore[arg-type]
    if as_json:
        typer.echo(pooled_json(found), nl=False)
    else:
        print_pooled(found)


def print_pooled(found: Pooled) -> None:
    """Print the shares, the scales, and the tasks by their probability of a break."""
    from emergent_stats.cli.collection_listing import MOST, say_rest
    from emergent_stats.cli.listing import print_series
    from emergent_stats.cli.tables import print_table, say
    from emergent_stats.model.trends import ACCOUNTS, BREAKS
    from emergent_stats.verdict.words import probability

    shares = _rows(found.share_table())
    print_table(
        {
            "account": [name for name, _ in shares],
            "share": [f"{r['mean']:.0%}" for _, r in shares],
            "90 %": [f"{r['low']:.0%} to {r['high']:.0%}" for _, r in shares],
        }
    )
    print()
    scales = _rows(found.scale_table())
    print_table(
        {
            "scale of": [_SCALES[name] for name, _ in scales],
            "declared": [f"{r['declared']:.2f}" for _, r in scales],
            "found": [f"{r['mean']:.2f}" for _, r in scales],
            "90 %": [f"{r['low']:.2f} to {r['high']:.2f}" for _, r in scales],
        }
    )
    print()
    frame = found.frame()
    frame["break"] = frame[[f"p_{a}" for a in BREAKS]].sum(axis=1)
    frame["alone"] = frame[[f"alone_{a}" for a in BREAKS]].sum(axis=1)
    frame = frame.sort_values("break", ascending=False, kind="stable")
    rows = frame.head(MOST).to_dict("records")
    columns = {name: [probability(row[f"p_{name}"]) for row in rows] for name in ACCOUNTS}
    columns["alone"] = [probability(row["alone"]) for row in rows]
    columns["nodes"] = [f"{row['effective']:,.0f}" for row in rows]
    print_series(rows, columns)
    say_rest(len(frame))
    print()
    for noise in found.noise:
        family = " ".join(str(part) for part in noise.family[:2] if part)
        say(
            f"Noise that the {noise.tasks} tasks of a model of {family} share: {noise.tau:.2f} "
            "nats; taken out."
        )
    for note in found.notes:
        say(f"! {note}")
    say(
        "Shares, scales: posterior mean and 90 % interval. alone: P(onset or jump) of the task by "
        "itself, with equal odds and declared scales. nodes: effective number of points that the "
        "task's evidence rests on under what all tasks say.",
        style="dim",
    )


def pooled_json(found: Pooled) -> str:
    """One object: shares, scales, noise of the models, notes, a row per task."""
    from emergent_stats.cli.collection_listing import noise_rows
    from emergent_stats.results.files import json_text, to_json

    told = {
        "shares": json.loads(json_text(found.share_table().reset_index())),
        "scales": json.loads(json_text(found.scale_table().reset_index())),
        "noise": noise_rows(found.noise),
        "notes": list(found.notes),
        "series": json.loads(json_text(found.frame())),
    }  # fmt: skip
    return to_json(told, 1) + "\n"


def _rows(table: pd.DataFrame) -> list[tuple[str, dict]]:
    return [(str(name), dict(row)) for name, row in table.iterrows()]
