"""PyMC beside the verdicts of the command line: what to sample, columns of the row, a table.

With ``--posterior`` each row ends with these columns, first of the winner
(``posterior_…``), then of the runner-up (``posterior_rival_…``): ``hypothesis``;
``engine``, ``engine_error``: log evidence by quadrature; ``log_evidence``,
``error``: by bridge sampling from PyMC's draws; ``divergences``; ``rhat``, the
largest; and ``posterior_agrees``: both are within what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from emergent_stats.cli import tables
from emergent_stats.verdict import causes

if TYPE_CHECKING:
    import pandas as pd

    from emergent_stats.bayes.beside import Beside
    from emergent_stats.verdict.comparison import Comparison

_WHO = ("posterior_", "posterior_rival_")
_DIGITS = 4


def check(
    verdicts: Sequence[Comparison], seed: int, priors: str = "weak"
) -> tuple[list[Comparison], list[list[Beside]]]:
    """Sample what won and its rival of each series; take verdicts back where routes disagree."""
    from emergent_stats.bayes import beside

    found: list[list[Beside]] = []
    total = sum(len(beside.contenders(c)) for c in verdicts)
    # not `listing.progress`: that listens to compilers, and PyMC's compile in threads of their own
    with _bar(total) as report:
        for c in verdicts:
            found.append(beside.sample_beside(c, priors=priors, seed=seed, report=report))
    return [beside.refuse(c, f) for c, f in zip(verdicts, found, strict=True)], found


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Progress bar on stderr, of hypotheses sampled; none where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    console = Console(stderr=True)
    columns = ("sampling in PyMC", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        job = bar.add_task("sampling", total=total)
        yield lambda count: bar.advance(job, count)


def joined(frame: pd.DataFrame, found: Sequence[Sequence[Beside]]) -> pd.DataFrame:
    """Rows of verdicts with what PyMC says of them at the end; as they are if it was not asked."""
    if not found:
        return frame
    rows = [_row(f) for f in found]
    for name in rows[0]:
        values = [row[name] for row in rows]
        whole = "Int64" if name.endswith("divergences") else "float64"
        kind = {"hypothesis": "str", "agrees": "boolean"}.get(name.rpartition("_")[2], whole)
        frame[name] = _column(values, kind)
    return frame


def _column(values: list[Any], kind: str) -> pd.Series:
    import pandas as pd

    return pd.Series(values, dtype=object).astype(kind)  # type: ignore[call-overload]


def _row(found: Sequence[Beside]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for i, who in enumerate(_WHO):
        one = found[i] if i < len(found) else None
        row |= {
            f"{who}hypothesis": one.hypothesis if one else None,
            f"{who}engine": round(one.engine, _DIGITS) if one else None,
            f"{who}engine_error": round(one.engine_error, _DIGITS) if one else None,
            f"{who}log_evidence": round(one.log_z, _DIGITS) if one else None,
            f"{who}error": round(one.error, _DIGITS) if one else None,
            f"{who}divergences": one.divergences if one else None,
            f"{who}rhat": round(one.rhat, _DIGITS) if one else None,
        }
    return row | {"posterior_agrees": all(one.agrees for one in found) if found else None}


def print_beside(verdicts: Sequence[Comparison], found: Sequence[Sequence[Beside]]) -> None:
    """Print both evidences of each series' winner and rival, and what the sampler complains of."""
    if not any(found):
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from emergent_stats.bayes.beside import FLOOR, SIGMAS

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    many = len(verdicts) > 1
    if many:
        table.add_column("series", overflow="fold")
    for name in ("hypothesis", "engine", "PyMC", "diverg.", "R-hat"):
        table.add_column(name, justify="left" if name == "hypothesis" else "right", no_wrap=True)
    notes = []
    for c, pair in zip(verdicts, found, strict=True):
        for one in pair:
            name = tables.printable(causes.series_name(c.curve))
            cells = [
                one.hypothesis, f"{one.engine:.2f} ± {one.engine_error:.2f}",
                f"{one.log_z:.2f} ± {one.error:.2f}", str(one.divergences), f"{one.rhat:.3f}",
            ]  # fmt: skip
            style = "" if one.agrees else "bold red"
            table.add_row(*(Text(cell) for cell in ([name] if many else []) + cells), style=style)
            notes += [f"{name}, {one.hypothesis}: {note}" for note in one.notes]
    console.print(Text("\nLog evidence by quadrature, and by bridge sampling in PyMC", "bold"))
    console.print(table)
    words = (
        f"They may differ by {SIGMAS:g} combined errors, or {FLOOR:g} nats; a verdict is taken "
        "back where they differ by more."
    )
    for line in [*(f"! {n}" for n in notes), words]:
        for part in wrap(line, console.width, break_on_hyphens=False):
            console.print(Text(part, style="dim"))
