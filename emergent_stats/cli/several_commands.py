"""Commands on several series at once: metrics of the same outputs (`pair`), seeds (`seeds`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from emergent_stats.cli.judging import table_of
from emergent_stats.cli.options import Source, choosing


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        "pair",
        short_help="Judge several metrics of the same outputs together.",
        epilog="\b\nExamples:\n"
        "  emergent-stats pair gpt3 --task LAMBADA --shots 0\n"
        "  emergent-stats pair gpt3 --task LAMBADA --shots 0 --html pair.html\n"
        "  emergent-stats pair pythia --family pythia --task lambada_openai --json",
    )(choosing(judge_pairs))
    app.command(
        "seeds",
        short_help="Tell whether the seeds of each scale form one group or two.",
        epilog="\b\nExample:\n  emergent-stats seeds mine.csv --task addition --plot seeds.png\n\n"
        "The table has a row for each run, its number in the column seed. No shipped study has "
        "several seeds of a scale.",
    )(choosing(judge_seeds))


def judge_pairs(source: Source, chosen: dict[str, Any], several: dict[str, Any]) -> None:
    """Judge two metrics or more of the same outputs together.

    The strongest test of an artefact: a skill that leaps shows under every
    metric, a score that leaps under one. Accounts: flat, gradual, onset, jump,
    falls, and format (one metric has a break of its own).
    """
    from emergent_stats.cli import several_listing
    from emergent_stats.several.find import find_pairs
    from emergent_stats.several.joint import compare_joint
    from emergent_stats.several.joint_model import JOINT_ACCOUNTS

    _judge(
        source, chosen, find_pairs, compare_joint, several_listing.pair_row, JOINT_ACCOUNTS,
        "plot_pair", "Several metrics of the same outputs", **several,
    )  # fmt: skip


def judge_seeds(source: Source, chosen: dict[str, Any], several: dict[str, Any]) -> None:
    """Tell whether the seeds of each scale form one group or two.

    Where some runs have broken through and others have not, their mean can
    leap, or rise smoothly, although no run passes through the values between.
    """
    from emergent_stats.cli import several_listing
    from emergent_stats.several.find import find_seeds
    from emergent_stats.several.seeds import compare_seeds

    heads = ("one, line", "one, leap", "two, smooth", "two, breaks")
    _judge(
        source, chosen, find_seeds, compare_seeds, several_listing.seeds_row, heads,
        "plot_seeds", "One group of seeds, or two", **several,
    )  # fmt: skip


def _judge(
    source: str,
    chosen: dict[str, Any],
    find: Callable[..., Any],
    compare: Callable[..., Any],
    row: Callable[[Any], dict[str, Any]],
    heads: Sequence[str],
    drawn_by: str,
    title: str,
    *,
    jobs: int | None,
    seed: int,
    out: Path | None,
    plot: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Find, compare, print and write: the same for metrics and for seeds."""
    from emergent_stats.cli import listing, several_listing
    from emergent_stats.evidence.threads import Progress, each
    from emergent_stats.results import files
    from emergent_stats.verdict.rows import frame

    listing.check_out(out, files.SUFFIXES)
    listing.check_out(plot, (".pdf", ".svg", ".png"), "--plot")
    listing.check_out(html, (".html",), "--html")
    todo, left_out = find(table_of(source, chosen), chosen["axis"])
    if plot is not None and len(todo) > 1:
        raise files.ResultsError(
            f"{len(todo)} tasks match and --plot draws one; choose it with --task, --family or "
            "--shots, or take --html, which holds all"
        )
    with listing.progress("comparing") as report:
        done = Progress(report, total=len(todo))

        def one(what: Any) -> Any:
            found = compare(what, seed=seed)
            done(1)
            return found

        found = each(todo, one, jobs)
    rows = [row(c) for c in found]
    table = frame(rows)
    if plot is not None or html is not None:
        from emergent_stats.plots import several, style

        figures = [getattr(several, drawn_by)(c).figure for c in found]
        if plot is not None:
            style.save(figures[0], plot)
        if html is not None:
            from emergent_stats.report.page import sections_page

            svgs = [several.svg(figure, f"f{i}") for i, figure in enumerate(figures)]
            left = [f"Left out: {o.key['family']} {o.key['task']}: {o.reason}" for o in left_out]
            text = sections_page(
                f"{title}: {source}", several_listing.sections(found, rows, svgs), left
            )
            files.write_bytes(html, text.encode())
    if out is not None:
        files.write_table(table, out)
    if as_json:
        typer.echo(files.json_text(table), nl=False)
    else:
        several_listing.print_rows(rows, heads, left_out)
