"""Commands on several series at once: metrics of the same outputs (`pair`), seeds (`seeds`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from emergent_stats.cli.options import AsJson, Jobs, Out, Seed, Source, choosing

#: Verdicts that one figure holds.
_ONE = 1


Plot = Annotated[Path | None, typer.Option(help="Also draw the verdict: .pdf, .svg or .png.")]
Html = Annotated[Path | None, typer.Option(help="Also write a page with all figures: .html.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        "pair",
        short_help="Judge several metrics of the same outputs together.",
        epilog="\b\nExamples:\n"
        "  emergent-stats pair gpt3 --task LAMBADA --shots 0\n"
        "  emergent-stats pair gpt3 --task LAMBADA --shots 0 --plot pair.png --html pair.html\n"
        "  emergent-stats pair pythia --family pythia --task lambada_openai --json",
    )(choosing(judge_pairs))
    app.command(
        "seeds",
        short_help="Tell whether the seeds of each scale form one group or two.",
        epilog="\b\nExample:\n  emergent-stats seeds mine.csv --task addition --plot seeds.png\n\n"
        "The table has a row for each run, its number in the column seed. No shipped study has "
        "several seeds of a scale.",
    )(choosing(judge_seeds))


def judge_pairs(
    source: Source,
    chosen: dict[str, Any],
    jobs: Jobs = None,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
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
        source, chosen, find_pairs, lambda views: compare_joint(views, seed=seed),
        several_listing.pair_row, JOINT_ACCOUNTS, "plot_pair",
        "Several metrics of the same outputs",
        jobs, out, plot, html, as_json,
    )  # fmt: skip


def judge_seeds(
    source: Source,
    chosen: dict[str, Any],
    jobs: Jobs = None,
    seed: Seed = 0,
    out: Out = None,
    plot: Plot = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether the seeds of each scale form one group or two.

    Where some runs have broken through and others have not, their mean can
    leap, or rise smoothly, although no run passes through the values between.
    """
    from emergent_stats.cli import several_listing
    from emergent_stats.several.find import find_seeds
    from emergent_stats.several.seeds import compare_seeds

    heads = ("one, line", "one, leap", "two, smooth", "two, breaks")
    _judge(
        source, chosen, find_seeds, lambda curve: compare_seeds(curve, seed=seed),
        several_listing.seeds_row, heads, "plot_seeds", "One group of seeds, or two",
        jobs, out, plot, html, as_json,
    )  # fmt: skip


def _judge(
    source: str,
    chosen: dict[str, Any],
    find: Callable[..., Any],
    compare: Callable[[Any], Any],
    row: Callable[[Any], dict[str, Any]],
    heads: Sequence[str],
    drawn_by: str,
    title: str,
    jobs: int | None,
    out: Path | None,
    plot: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Find, compare, print and write: the same for metrics and for seeds."""
    from emergent_stats.cli import listing, several_listing
    from emergent_stats.evidence.threads import Progress, each
    from emergent_stats.results import corpus
    from emergent_stats.results.files import SUFFIXES, json_text, write_bytes, write_table
    from emergent_stats.results.selection import select
    from emergent_stats.verdict.rows import frame

    if out is not None:
        listing.check_out(out, SUFFIXES)
    if plot is not None:
        listing.check_out(plot, (".pdf", ".svg", ".png"), "--plot")
    if html is not None:
        listing.check_out(html, (".html",), "--html")
    todo, left_out = find(select(corpus.load_source(source), **chosen), chosen["axis"])
    if plot is not None and len(todo) > _ONE:
        raise corpus.ResultsError(
            f"{len(todo)} tasks match and --plot draws one; choose it with --task, --family or "
            "--shots, or take --html, which holds all"
        )
    with listing.progress("comparing") as report:
        done = Progress(report, total=len(todo))

        def one(what: Any) -> Any:
            found = compare(what)
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
            write_bytes(html, text.encode())
    if out is not None:
        write_table(table, out)
    if as_json:
        typer.echo(json_text(table), nl=False)
    else:
        several_listing.print_rows(rows, heads, left_out)
