"""The command `sweep`: verdicts on every series of whole tables, kept block by block."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from emergent_stats.cli.options import Calibrate, Jobs, Seed

#: Seconds between two lines on progress where nobody watches a bar.
_QUIET = 60.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "sweep",
        short_help="Give verdicts on whole tables, in a run that can be resumed.",
        epilog="\b\nExamples:\n"
        "  emergent-stats sweep gpt3 pythia --out verdicts --calibrate 500\n"
        "  emergent-stats sweep gpt3 pythia --out verdicts --calibrate 500 --resume\n"
        "  emergent-stats sweep mine.csv --out rows --scheduler tcp://127.0.0.1:8786\n\n"
        "The folder is one table: pandas.read_parquet('verdicts'), or in DuckDB\n"
        "SELECT * FROM 'verdicts/*.parquet'. Exit status 130 after Ctrl-C.",
    )(sweep)


def sweep(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Studies, or results tables (.csv, .parquet, .json)."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write, one file a block.")],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the sweep in DIR. Refused where data, settings or versions differ.",
        ),
    ] = False,
    calibrate: Calibrate = 0,
    jobs: Jobs = None,
    seed: Seed = 0,
    block: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Series in a block, the most that a kill loses. Default: 64."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Let the workers of a dask scheduler do the work."),
    ] = None,
) -> None:
    """Give every series of whole tables a verdict, and keep the rows in a folder.

    Each block of series is written when it is done; a run that was killed is
    taken up with --resume. The rows are those of `test`, whatever the blocks,
    jobs, workers and interruptions.
    """
    from emergent_stats.cli import failing, listing, tables
    from emergent_stats.collection.sweep import sweep_series
    from emergent_stats.results.corpus import load_source

    data = {source: load_source(source) for source in sources}
    with listing.progress("sweeping") as bar:
        show = bar or _lines()
        try:
            count = sweep_series(
                data, out, calibrate=calibrate, seed=seed, block=block, resume=resume, jobs=jobs,
                scheduler=scheduler, progress=lambda done, total: show(int(done), total),
            )  # fmt: skip
        except KeyboardInterrupt:
            failing.end(f"stopped; finished blocks are in {out}, go on with --resume", 130)
    typer.echo(tables.printable(f"{out}: {count:,} series"))


def _lines() -> Callable[[int, int], None]:
    """Progress as lines on stderr, for a log: at most one a minute."""
    began, first, said = time.monotonic(), None, time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal first, said
        now = time.monotonic()
        first = done if first is None else first
        if now - said < _QUIET or done <= first:
            return
        said = now
        rate = (done - first) / (now - began)
        left = (total - done) / rate
        print(
            f"emergent-stats: {done:,} of {total:,} series, {rate:.2g} a second, "
            f"{left / 60:,.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    return line
