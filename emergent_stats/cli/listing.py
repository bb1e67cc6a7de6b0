"""What a person reads in a terminal: tables of studies and verdicts, a progress bar."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emergent_stats.cli.tables import plain, print_table, say, screen
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.model.visible import smallest_change
from emergent_stats.results.schema import SERIES_KEY
from emergent_stats.verdict import causes
from emergent_stats.verdict.words import number, probability, scale_range, with_kind

if TYPE_CHECKING:
    import pandas as pd
    from rich.text import Text

    from emergent_stats.verdict.comparison import Comparison

_NAMES = (*SERIES_KEY, "axis")
#: Up to this many series, the reason of each verdict is printed beneath the table.
FEW = 12
_VERDICT_STYLES = {
    "real": "bold red", "artefact": "cyan", "gradual": "cyan", "falls": "magenta",
    "undecided": "yellow",
}  # fmt: skip


def check_out(path: Path | None, suffixes: Sequence[str], option: str = "--out") -> None:
    """Refuse a file that cannot be written, before the work rather than after it; None is none."""
    from emergent_stats.results.files import ResultsError

    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        allowed = " or ".join(filter(None, [", ".join(suffixes[:-1]), suffixes[-1]]))
        raise ResultsError(f"{option} {path}: cannot write that kind of file; use {allowed}")
    if not path.parent.is_dir():
        raise ResultsError(
            f"{option} {path}: the folder {path.parent} does not exist; make it first"
        )
    if path.is_dir():
        raise ResultsError(f"{option} {path}: is a folder; name a file in it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ResultsError(
            f"{option} {path}: the folder {path.parent} cannot be written to; choose another"
        )


def print_studies(studies: pd.DataFrame) -> None:
    """Print the shipped studies, a paragraph each."""
    for row in studies.to_dict("records"):
        say(str(row["study"]), style="bold")
        facts = f"{row['series']} series, {row['rows']} rows; {row['metrics']}; by {row['axes']}"
        if not row["series"]:
            facts = (
                "Claims without scores: nothing to test; read them with "
                f"emergent-stats show {row['study']}"
            )
        say(str(row["citation"]), f"Licence: {row['licence']}", facts, indent="  ")


def print_verdicts(comparisons: Sequence[Comparison]) -> None:
    """Print verdicts: one in full; a few with their reasons; many as a table and a tally."""
    console = screen()
    rows = [comparison.row() for comparison in comparisons]
    if len(rows) == 1:
        text = plain(comparisons[0].text)
        style = _VERDICT_STYLES.get(comparisons[0].verdict, "")
        text.highlight_regex(rf"(?m)^{comparisons[0].verdict}( \(\w+\))?(?=:)", style)
        console.print(text, soft_wrap=True)
    else:
        # a single short series is a row like any other; many of them are one line
        short = [c.curve for c in comparisons if causes.too_short(c.curve)]
        listed = [c for c in comparisons if len(short) < 2 or not causes.too_short(c.curve)]
        shown = [comparison.row() for comparison in listed]
        if shared := _shared(shown or rows):
            say(" · ".join(shared), style="bold")
        if shown:
            styles = [_VERDICT_STYLES.get(str(row["verdict"]), "") for row in shown]
            print_table(_columns(listed, shown), styles)
            print()
        if len(shown) <= FEW:
            _print_reasons(console, listed, shown)
        if len(rows) > FEW:
            if 0 < len(shown) <= FEW:
                print()
            counts = Counter(verdict_words(row) for row in rows)
            tally = ", ".join(f"{n:,} {name}" for name, n in counts.most_common())
            say(f"{len(rows):,} series: {tally}.")
        if len(short) > 1:
            say(causes.short_words(short))
        if len(shown) > FEW or not shown:
            say("Reasons: choose fewer series, or --out FILE, or --json.")
        _print_causes(comparisons)
    print()
    say(f"Held against: {_held_against(comparisons[0])}", style="dim")


def _held_against(comparison: Comparison) -> str:
    t = comparison.thresholds
    losses = comparison.curve.metric_object.continuous
    smallest = t.smallest_change or smallest_change(losses)
    share = "nats" if losses else "of the way from chance to top"
    return comparison.curve.scale_axis.in_words(
        f"probability of what it says > {t.probability:g}, and > {t.grid:g} with any one prior "
        f"halved or doubled; a jump is no wider than {t.jump_width:g} decades; a break must change "
        f"the score of some model by {smallest:g} {share}; with --calibrate, p_cal < {t.p_cal:g} "
        f"confirms real, and artefact needs a power of {t.power:g}."
    )


def _print_reasons(console: Any, comparisons: Sequence[Comparison], rows: list[dict]) -> None:
    from emergent_stats.verdict.comparison import what_would_decide

    for comparison, row in zip(comparisons, rows, strict=True):
        head = plain(" · ".join(_words(row, _differing(rows))), "bold").append(": ")
        head.append(verdict_words(row), style=_VERDICT_STYLES.get(str(row["verdict"]), ""))
        console.print(head)
        undecided = comparison.verdict == "undecided" and comparison.lean
        leans = f"leans to {comparison.lean}" if undecided else ""
        told = filter(None, [leans, what_would_decide(comparison)])
        say(comparison.reason, *told, indent="  ")


def _print_causes(comparisons: Sequence[Comparison]) -> None:
    """What to know before believing the numbers: each cause once, however many series have it."""
    told = causes.lines([(causes.series_name(c.curve), c.warnings) for c in comparisons])
    if told:
        print()
        say("Warnings", style="bold")
    say(*(f"! {line}" for line in told), style="dim", indent="  ")


def print_series(rows: list[dict], columns: dict[str, list[str]]) -> None:
    """Print a table of series: above it what they share, in front what tells them apart."""
    if shared := _shared(rows):
        say(" · ".join(shared), style="bold")
    print_table({**_names_of(rows), **columns})


@contextmanager
def busy(words: str) -> Iterator[None]:
    """Sign of life with the time taken, on stderr; none where nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(), words, TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        bar.add_task(words, total=None)
        yield


@contextmanager
def progress(words: str = "comparing") -> Iterator[Callable[[int, int], None] | None]:
    """Progress bar on stderr as a function of (done, total); none where nobody watches.

    Where kernels have to be compiled first, a line on stderr says so, watched or not.
    """
    from rich.console import Console

    from emergent_stats.model import compiling

    console = Console(stderr=True)
    said: set[str] = set()

    def say(text: str) -> None:
        if text not in said:
            said.add(text)
            console.print(f"emergent-stats: {text}", highlight=False, soft_wrap=True)

    if not console.is_terminal:
        with compiling.watched(say, lambda: None):
            yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TimeRemainingColumn,
    )

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return plain(f"{task.speed:.3g}/s" if task.speed else "")

    with Progress(
        SpinnerColumn(), "{task.description}", BarColumn(), MofNCompleteColumn(), Rate(),
        TimeRemainingColumn(), console=console, transient=True,
    ) as bar:  # fmt: skip
        job = bar.add_task(words, total=None)

        def began(text: str) -> None:
            say(text)
            bar.update(job, description="compiling")

        with compiling.watched(began, lambda: bar.update(job, description=words)):
            yield lambda done, total: bar.update(job, completed=done, total=total)


# --- columns -----------------------------------------------------------------------------
def _differing(rows: list[dict]) -> list[str]:
    """Parts of a series' name that tell the rows apart."""
    return [name for name in _NAMES if len({str(row[name]) for row in rows}) > 1]


def _shared(rows: list[dict]) -> list[str]:
    """Parts of the name that all rows share, in words."""
    same = [name for name in (*_NAMES, "m") if len({str(row[name]) for row in rows}) == 1]
    return _words(rows[0], same)


def _words(row: dict, names: Sequence[str]) -> list[str]:
    said = {"shots": "{}-shot", "seed": "seed {}", "axis": "by {}", "m": "{} models"}
    known = [name for name in names if row[name] is not None and row[name] == row[name]]
    return [said.get(name, "{}").format(row[name]) for name in known]


def verdict_words(row: dict) -> str:
    """Verdict with its kind."""
    return with_kind(str(row["verdict"]), row["kind"])


def _columns(comparisons: Sequence[Comparison], rows: list[dict]) -> dict[str, list[str]]:
    """Columns that could be shown, in their order on the line."""
    columns = _names_of(rows)
    if len({row["m"] for row in rows}) > 1:
        columns["m"] = [str(row["m"]) for row in rows]
    columns["verdict"] = [verdict_words(row) for row in rows]
    for account in ACCOUNTS:
        columns[account] = [probability(row[f"p_{account}"]) for row in rows]
    columns["log BF"] = [number(row["log_bf"]) for row in rows]
    if any(row["p_cal"] is not None for row in rows):
        columns["p cal"] = [probability(row["p_cal"]) for row in rows]
        columns["power"] = [probability(row["power"]) for row in rows]
    columns["break at"] = [
        scale_range(comparison.curve, comparison.at) if row["verdict"] == "real" else ""
        for comparison, row in zip(comparisons, rows, strict=True)
    ]
    return {name: cells for name, cells in columns.items() if any(cells)}


def _names_of(rows: list[dict]) -> dict[str, list[str]]:
    names = _differing(rows)
    return {name: ["" if row[name] is None else str(row[name]) for row in rows] for name in names}
