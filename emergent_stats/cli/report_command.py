"""Commands for readers: `report`, verdicts as one file to hand on, and `explain`, their words."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emergent_stats.cli.judging import compare_chosen
from emergent_stats.cli.options import AsJson, Posterior, Source, choosing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emergent_stats.verdict.comparison import Comparison

#: Packages whose versions a result can depend on, and those that matter with --posterior.
_ENGINE = ("numpy", "scipy", "numba", "pandas")
_SAMPLER = ("pymc", "arviz", "nutpie")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        "report",
        short_help="Write verdicts as one page to hand on.",
        epilog="\b\nExamples:\n"
        "  emergent-stats report gpt3 --task '3D*' --out arithmetic.html\n"
        "  emergent-stats report mine.csv --calibrate 500 --posterior --out mine.html\n"
        "  emergent-stats report gpt3 --shots 0 --out table.tex",
    )(report_verdicts)
    app.command(
        "explain",
        short_help="Tell what a word of the output means.",
        epilog="\b\nExamples:\n"
        "  emergent-stats explain edge\n"
        "  emergent-stats explain p_cal\n"
        "  emergent-stats explain unresolved gap",
    )(explain_term)


@choosing
def report_verdicts(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(help="File to write: .html (everything), .md or .tex (tables, methods)."),
    ],
    chosen: dict[str, Any],
    how: dict[str, Any],
    posterior: Posterior = False,
) -> None:
    """Write verdicts as one page: table, figures, methods, a reviewer's checklist, provenance.

    The page is one file that asks nothing of any other place. It is not
    written where an evidence cannot be right.
    """
    from emergent_stats.cli import listing, posterior_listing
    from emergent_stats.report.content import Report
    from emergent_stats.report.writing import SUFFIXES, report_text
    from emergent_stats.results import corpus
    from emergent_stats.results.files import write_bytes

    listing.check_out(out, SUFFIXES)
    verdicts = compare_chosen(source, chosen, **how)
    beside, seed, priors = [], how["seed"], how["priors"]
    if posterior:
        verdicts, beside = posterior_listing.check(verdicts, seed, priors)
    known = source in corpus.names()
    found = Report(
        Path(source).name, verdicts, _provenance(source, verdicts, posterior), beside,
        corpus.citation(corpus.about(source)) if known else "", seed, how["calibrate"], priors,
    )  # fmt: skip
    figures, colours = _figures(found) if out.suffix.lower() == ".html" else ({}, {})
    write_bytes(out, report_text(found, out.suffix.lower(), figures, colours).encode())


def explain_term(
    term: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TERM]", help="A word, a column, or a reason or warning as it was printed."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a verdict, reason, warning, column or prior means; without TERM, list all."""
    from emergent_stats.cli.tables import say
    from emergent_stats.report import glossary

    found = [glossary.explain(" ".join(term))] if term else list(glossary.terms().values())
    if as_json:
        rows = [{"term": t.name, "is": t.kinds, "also": t.also, "text": t.text} for t in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    if term:
        say(f"{found[0].name} ({', '.join(found[0].kinds)})", style="bold")
        say(found[0].text)
        return
    for kind in dict.fromkeys(kind for t in found for kind in t.kinds):
        say(f"{kind}: " + ", ".join(t.name for t in found if kind in t.kinds), hanging="  ")


def _figures(found) -> tuple[dict[int, str], dict[str, str]]:
    """Figures of the series shown in detail, and the colours of all."""
    from emergent_stats.plots import several, style, verdict
    from emergent_stats.report.content import important

    drawn = {
        i: several.svg(verdict.plot_verdict(found.comparisons[i]), f"s{i}")
        for i in important(found.comparisons)
        if found.comparisons[i].bands
    }
    return drawn, dict(style.ACCOUNT_COLOURS)


def _provenance(source: str, verdicts: Sequence[Comparison], posterior: bool) -> dict[str, str]:
    """Facts by name that let somebody else come to the same numbers."""
    from emergent_stats.results import corpus

    path = Path(source)
    if not path.is_file():
        path = corpus.data_dir() / source / "results.parquet"
    packages = ("emergent_stats", *_ENGINE, *(_SAMPLER if posterior else ()))
    return {
        "command": shlex.join(["emergent-stats", *sys.argv[1:]]),
        "data": path.name if path.suffix and Path(source).is_file() else f"study {source}",
        "SHA-256 of the data": hashlib.sha256(path.read_bytes()).hexdigest(),
        "series": f"{len(verdicts):,}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "Python": f"{platform.python_version()} on {platform.machine()}",
    }
