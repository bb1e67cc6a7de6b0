"""Tables and text for a terminal: what fits the line, without markup or control of anybody else's.

All printing goes through `plain`: names come from other people's files.
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Mapping, Sequence
from itertools import takewhile
from textwrap import wrap
from typing import TYPE_CHECKING

from emergent_stats.verdict.words import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_GAP = 2
#: Columns of names, and the width down to which they are cut before a column goes.
_NAMES = ("study", "family", "task")
#: All columns that tell rows apart, and those of them that need their own name beside them.
_TELLING = (*_NAMES, "metric", "shots", "seed", "axis")
_NUMBERED = ("shots", "seed", "axis")
#: Columns that are left out where the line is short, in this order, and the width to which names
#: are cut before that. Where one that tells rows apart would go, all of these get their own line.
_EXPENDABLE = {
    **dict.fromkeys(("m", "break at", "power", "p cal", "log BF"), 18),
    **dict.fromkeys(
        (
            "BNSL", "line", "error", "large", "alone", "excess", "fdr", "rank",
            "study", "axis", "seed", "metric", "falls", "flat", "gradual", "onset",
        ),
        8,
    ),
}  # fmt: skip
_LEFT = (
    *_NAMES, "metric", "axis", "verdict", "model", "break", "forecast", "series", "hypothesis",
    "account", "scale of",
)  # fmt: skip
#: Columns that have the colour of their row.
_COLOURED = ("verdict", "hypothesis")


def screen() -> Console:
    """Standard output as rich sees it: the terminal's width, no guesses at what is a number."""
    from rich.console import Console

    return Console(highlight=False)


def width() -> int:
    """Characters that a line of text may take: those of the terminal, and not too many to read."""
    return min(max(screen().width, 60), 100)


def plain(words: str, style: str = "") -> Text:
    """`words` as they are: no markup, nothing that steers a terminal."""
    from rich.text import Text

    return Text(printable(words), style=style)


def say(*paragraphs: str, style: str = "", indent: str = "", hanging: str = "") -> None:
    """Print paragraphs, wrapped at blanks only."""
    console = screen()
    for words in paragraphs:
        for line in wrap(
            printable(words),
            console.width,
            initial_indent=indent,
            subsequent_indent=indent + hanging,
            break_on_hyphens=False,
        ):
            console.print(plain(line, style), soft_wrap=True)


def print_table(columns: Mapping[str, Sequence[str]], styles: Sequence[str] | None = None) -> None:
    """Print columns under their names, as many as fit the line.

    What tells the rows apart is never left out: it gets a line of its own above each row.

    Parameters
    ----------
    columns : mapping of sequences
        Name → cells, in their order on the line.
    styles : sequence of str, optional
        Colour of each row's verdict or hypothesis.
    """
    from rich.text import Text

    console = screen()
    fitted = fitting(columns, console.width)
    telling = [name for name in columns if name in _TELLING]
    if set(telling) <= fitted.keys():
        console.print(_table(fitted, styles))
        return
    rest = {name: cells for name, cells in columns.items() if name not in telling}
    with console.capture() as lines:
        table = _table(fitting(rest, console.width - _GAP), styles)
        for column in table.columns:
            column.no_wrap = True  # a row is a line
        console.print(table, width=console.width - _GAP)
    said = zip(
        *([f"{n} {c}" if c and n in _NUMBERED else c for c in columns[n]] for n in telling),
        strict=True,
    )
    names = [" · ".join(telling), *(" · ".join(filter(None, parts)) for parts in said)]
    for i, (name, line) in enumerate(zip(names, lines.get().splitlines(), strict=True)):
        console.print(plain(cut(printable(name), console.width), "" if i else "dim"))
        console.print(Text(" " * _GAP) + Text.from_ansi(line), soft_wrap=True)


def _table(columns: Mapping[str, Sequence[str]], styles: Sequence[str] | None) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(plain(name), justify="left" if name in _LEFT else "right")
    for i, cells in enumerate(zip(*columns.values(), strict=True)):
        table.add_row(
            *(
                plain(cell, styles[i] if styles and name in _COLOURED else "")
                for name, cell in zip(columns, cells, strict=True)
            )
        )
    return table


def fitting(columns: Mapping[str, Sequence[str]], width: int) -> dict[str, list[str]]:
    """As many columns as fit: the least telling ones go first, then long names are cut."""
    shown = {name: [printable(cell) for cell in cells] for name, cells in columns.items()}
    for expendable, least in _EXPENDABLE.items():
        widths = _widths(shown)
        if _line({n: min(w, least) if n in _NAMES else w for n, w in widths.items()}) <= width:
            break
        shown.pop(expendable, None)
    for name in _NAMES:
        if name in shown and _line(_widths(shown)) > width:
            shown[name] = without_common_start(shown[name])
    # names are cut one letter at a time, always the longest, so that they end up alike
    cuttable = [name for name in _NAMES if name in shown]
    while cuttable and _line(widths := _widths(shown)) > width:
        longest = max(cuttable, key=lambda name: widths[name])
        if widths[longest] <= len(longest):
            break  # not even the headers fit; the cells wrap
        shown[longest] = [cut(cell, widths[longest] - 1) for cell in shown[longest]]
    return shown


def _widths(columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    from rich.cells import cell_len

    return {name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}


def _line(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def without_common_start(names: list[str]) -> list[str]:
    """Names without the words that all of them begin with."""
    # what the first and the last in order share, all in between share
    pairs = zip(min(names), max(names), strict=False)
    start = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    cut = max(start.rfind(mark) for mark in "-_ ./:") + 1
    return [f"…{name[cut:]}" for name in names] if cut > 2 else names


def cut(text: str, room: int) -> str:
    """`text` in so many characters: names differ at both ends, so the middle goes."""
    from rich.cells import cell_len

    if cell_len(text) <= room:
        return text
    tail = (room - 1) // 2
    # letters of some scripts take two characters' room, marks on them none
    first = bisect(range(1, len(text)), room - 1 - tail, key=lambda i: cell_len(text[:i]))
    last = bisect_left(range(len(text)), -tail, key=lambda i: -cell_len(text[i:]))
    return f"{text[:first].rstrip()}…{text[last:].lstrip()}"
