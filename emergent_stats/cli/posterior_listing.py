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
from typing import TYPE_CHECKING, Any

from emergent_stats.cli.tables import print_table, say
from emergent_stats.verdict import causes

if TYPE_CHECKING:
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


def row(found: Sequence[Beside]) -> dict[str, Any]:
    """What PyMC says of one verdict, for the end of its row."""
    told: dict[str, Any] = {}
    for i, who in enumerate(_WHO):
        one = found[i] if i < len(found) else None
        told |= {
            f"{who}hypothesis": one.hypothesis if one else None,
            f"{who}engine": round(one.engine, _DIGITS) if one else None,
            f"{who}engine_error": round(one.engine_error, _DIGITS) if one else None,
            f"{who}log_evidence": round(one.log_z, _DIGITS) if one else None,
            f"{who}error": round(one.error, _DIGITS) if one else None,
            f"{who}divergences": one.divergences if one else None,
            f"{who}rhat": round(one.rhat, _DIGITS) if one else None,
        }
    return told | {"posterior_agrees": all(one.agrees for one in found) if found else None}


def print_beside(verdicts: Sequence[Comparison], found: Sequence[Sequence[Beside]]) -> None:
    """Print both evidences of each series' winner and rival, and what the sampler complains of."""
    if not any(found):
        return
    from emergent_stats.bayes.beside import FLOOR, SIGMAS

    named = [
        (causes.series_name(c.curve), one)
        for c, pair in zip(verdicts, found, strict=True)
        for one in pair
    ]
    columns = {"series": [name for name, _ in named]} if len(verdicts) > 1 else {}
    columns |= {
        "hypothesis": [one.hypothesis for _, one in named],
        "engine": [f"{one.engine:.2f} ± {one.engine_error:.2f}" for _, one in named],
        "PyMC": [f"{one.log_z:.2f} ± {one.error:.2f}" for _, one in named],
        "diverg.": [str(one.divergences) for _, one in named],
        "R-hat": [f"{one.rhat:.3f}" for _, one in named],
    }
    print()
    say("Log evidence by quadrature, and by bridge sampling in PyMC", style="bold")
    print_table(columns, ["" if one.agrees else "bold red" for _, one in named])
    print()
    say(
        *(f"! {name}, {one.hypothesis}: {note}" for name, one in named for note in one.notes),
        f"They may differ by {SIGMAS:g} combined errors, or {FLOOR:g} nats; a verdict is taken "
        "back where they differ by more, unless the chains disagree and PyMC has the smaller: "
        "modes that a sampler misses say nothing of the other route.",
        style="dim",
    )
