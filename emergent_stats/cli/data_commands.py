"""Commands on tables: the shipped studies, and files of other tools in and out.

Everything heavy is imported inside the commands, so that help and mistakes
answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emergent_stats.cli.options import AsJson, AsObject, Duplicates, Form, Source, app, studies_like
from emergent_stats.importers.wide_map import EXAMPLE


@app.command(
    "studies",
    short_help="List the shipped studies.",
    epilog="\b\nExample:\n  emergent-stats studies --json",
)
def list_studies(as_json: AsJson = False) -> None:
    """List the shipped studies: series, metrics, axes, licence, citation."""
    from emergent_stats.cli import listing
    from emergent_stats.results import corpus
    from emergent_stats.results.files import json_text

    frame = corpus.studies()
    if as_json:
        typer.echo(json_text(frame), nl=False)
    else:
        listing.print_studies(frame)


@app.command(
    "show",
    short_help="Tell what is in a study.",
    epilog="\b\nExamples:\n  emergent-stats show gpt3\n  emergent-stats show gpt3 --tasks\n"
    "  emergent-stats show wei-claims --rows 23",
)
def show_study(
    study: Annotated[
        str,
        typer.Argument(
            metavar="STUDY",
            help="Name of a shipped study; with --tasks also a results table.",
            autocompletion=studies_like,
        ),
    ],
    rows: Annotated[int, typer.Option(metavar="R", min=1, help="First rows to print.")] = 5,
    tasks: Annotated[bool, typer.Option("--tasks", help="List its tasks instead.")] = False,
    as_json: AsObject = False,
) -> None:
    """Tell what is in a study: columns, citation, licence, known traps, first rows."""
    from emergent_stats.cli import tables
    from emergent_stats.results import entries

    if tasks:
        _list_tasks(study, as_json)
    elif as_json:
        from emergent_stats.results.files import to_json

        told = entries.entry(study, rows)
        typer.echo(to_json(told, 1))
    else:
        typer.echo(tables.printable(entries.show(study, rows, tables.width())))


def _list_tasks(source: str, as_json: bool) -> None:
    """Print the tasks of a study or table, a line each."""
    from emergent_stats.cli import tables
    from emergent_stats.results import corpus, entries
    from emergent_stats.results.files import json_text

    found = entries.tasks(corpus.load_source(source))
    if as_json:
        typer.echo(json_text(found), nl=False)
        return
    # names come last and whole: they are what is typed next
    order = ("series", "models", "families", "shots", "metrics", "task")
    rows = [order, *zip(*(found[name].astype(str) for name in order), strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo(tables.printable("  ".join(cells).rstrip()))


@app.command(
    "cite",
    short_help="Print studies as BibTeX.",
    epilog="\b\nExample:\n  emergent-stats cite gpt3 pythia >> paper.bib",
)
def cite_studies(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY", help="Names of shipped studies.", autocompletion=studies_like
        ),
    ],
) -> None:
    """Print the papers of one study or several as BibTeX."""
    from emergent_stats.cli import tables
    from emergent_stats.results import entries

    typer.echo(tables.printable(entries.cite(studies)))


@app.command(
    "import",
    short_help="Make a results table of an evaluation tool's output.",
    epilog="\b\nExamples:\n"
    "  emergent-stats import lm-eval runs --out mine.parquet --items each.parquet\n"
    "  emergent-stats import helm suite --metric rouge_l=rouge --out mine.csv\n"
    "  emergent-stats import bigbench scores --chance snarks=0.5 --out mine.parquet\n"
    "  emergent-stats import eee records --duplicates mean --out mine.parquet\n"
    "  emergent-stats import wide table.csv --columns map.toml --out mine.parquet\n\n"
    "A wide table has a row for each model and a column for each task; its map says which column "
    "is what. family, citation and [axes] can be left out; n and stderr of a task are a number or "
    "a column; task and seed can be said as well.\n\n"
    "\b\nmap.toml:\n" + "".join(f"  {line}\n" for line in EXAMPLE.splitlines()),
)
def import_scores(
    format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="lm-eval, helm, inspect, eee, bigbench, metr or wide."
        ),
    ],
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="File, or folder with the files of all runs.")
    ],
    out: Annotated[Path, typer.Option(help="Table to write: .csv, .parquet or .json.")],
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the study. Default: that of PATH.")
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Family of all models, where they are trained alike."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Models table instead of the shipped one: model,params,tokens,flops,date,family.",
        ),
    ] = None,
    chance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK=P",
            help="Share a guesser gets right, 0.25 for four options. A task's name in full "
            "replaces what the files say, a pattern ('pawsx*=0.5', '*=0.25') fills in what they "
            "do not. Can be repeated.",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=METRIC",
            help="What a metric of the tool is: acc=exact_match, score=exact_match/100 for a "
            "percentage; by name in full or pattern, as in --chance. Can be repeated.",
        ),
    ] = None,
    shots: Annotated[
        int | None,
        typer.Option(metavar="K", min=0, help="Examples in the prompt, where no file says it."),
    ] = None,
    duplicates: Annotated[
        Duplicates,
        typer.Option(
            metavar="|".join(Duplicates),
            help="What counts where a model has several scores on a task: the newest by its date, "
            "their mean, each as a seed (a series of its own), or none (refuse: stop and list "
            "them). Without dates, say which. "
            "In a mean of runs on equally many examples n stays, else it adds up.",
        ),
    ] = Duplicates.newest,
    columns: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For wide: TOML map of the columns, see below."),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a row per sample: .parquet."),
    ] = None,
) -> None:
    """Make a results table of an evaluation tool's output, and say what was left out."""
    from emergent_stats.cli import files, listing, tables
    from emergent_stats.results.files import SUFFIXES

    listing.check_out(out, SUFFIXES)
    listing.check_out(items, (".parquet",), "--items")
    with listing.busy("importing"):
        report = files.import_file(
            format, path, out, items, chance or (), metric or (), columns,
            study=study, family=family, models=models, shots=shots, duplicates=duplicates.value,
        )  # fmt: skip
    typer.echo(tables.printable(report))


@app.command(
    "export",
    short_help="Write a study or table as CSV, Excel or Parquet.",
    epilog="\b\nExamples:\n"
    "  emergent-stats export gpt3 --to xlsx\n"
    "  emergent-stats export mine.parquet --out mine.csv",
)
def export_scores(
    source: Source,
    to: Annotated[
        Form | None,
        typer.Option(metavar="|".join(Form), help="Form. Default: what the name of --out says."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write. Default: SOURCE.csv and so on, here.")
    ] = None,
) -> None:
    """Write a study or results table for a spreadsheet or another program.

    What a spreadsheet would run as a formula is written so that it is read as text.
    """
    from emergent_stats.cli import files, listing, tables
    from emergent_stats.results.export import FORMS

    listing.check_out(out, tuple(FORMS.values()))
    with listing.busy("exporting"):
        report = files.export_file(source, to, out)
    typer.echo(tables.printable(report))
