"""The command `atlas`: every series with its verdict, as a folder of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emergent_stats.cli.options import Jobs, Seed


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "atlas",
        short_help="Write pages of all series with their verdicts.",
        epilog="\b\nExamples:\n"
        "  emergent-stats atlas --out atlas\n"
        "  emergent-stats atlas --out atlas --study gpt3 --study chinchilla\n"
        "  emergent-stats atlas --out atlas --study gpt3 --verdicts verdicts.parquet",
    )(atlas)


def atlas(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write; open index.html.")],
    study: Annotated[
        list[str] | None,
        typer.Option(
            metavar="S", help="Only this study, or results table; can be repeated. Default: all."
        ),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take the verdicts from what `test --out` wrote, with that --seed."
        ),
    ] = None,
    jobs: Jobs = None,
    seed: Seed = 0,
) -> None:
    """Write every testable series with its verdict, and the published claims, as a folder of pages.

    The pages work from the folder, without a server and without a network.
    All shipped studies take most of an hour on one core: verdicts that were
    written earlier make it seconds, but draw no bands.
    """
    from emergent_stats.cli import listing
    from emergent_stats.cli.tables import say
    from emergent_stats.report.atlas import site

    site.check_folder(out)
    sources = list(dict.fromkeys(study or site.scored_studies()))
    collection = site.testable(sources)
    with listing.progress() as report:
        entries = (
            site.judged(collection.series, seed, jobs, report)
            if verdicts is None
            else site.from_table(collection.series, verdicts)
        )
        count = site.write_atlas(out, entries, collection, seed)
    say(f"wrote {out}: {count:,} series; open {out / 'index.html'}")
