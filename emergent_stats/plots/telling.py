"""What a figure shows, told beside it: its numbers as a table, and words for who cannot see it.

A function that draws says what it drew with `tell`. Saving writes the numbers and the words to
files of their own (`style.save`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from emergent_stats.verdict.words import one_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Columns of the source data. `low` and `high` are the ends of an interval of `y`.
COLUMNS = ("panel", "layer", "label", "x", "y", "low", "high", "x_is", "y_is")


@dataclass(frozen=True)
class Layer:
    """Marks of one kind: points, a curve, bars.

    Attributes
    ----------
    name : str
        What they are.
    y : (k,) values
        What is shown.
    x : (k,) values, optional
        Where.
    low, high : (k,) values, optional
        Interval of `y`.
    label : (k,) str, optional
        Names of the single marks.
    """

    name: str
    y: Sequence[Any] | np.ndarray
    x: Sequence[Any] | np.ndarray | None = None
    low: Sequence[Any] | np.ndarray | None = None
    high: Sequence[Any] | np.ndarray | None = None
    label: Sequence[str] | None = None


@dataclass
class _Told:
    words: list[str] = field(default_factory=list)
    layers: list[tuple[Layer, str, str]] = field(default_factory=list)


_TOLD: WeakKeyDictionary[Any, _Told] = WeakKeyDictionary()


def tell(where: Axes | Figure, words: str, *layers: Layer, x: str = "", y: str = "") -> None:
    """Note what was drawn on axes (or what a whole figure says).

    Parameters
    ----------
    where : Axes or Figure
    words : str
        A sentence or two that stand for the picture.
    *layers : Layer
        Its numbers.
    x, y : str
        What the layers' `x` and `y` are, with their unit.
    """
    told = _TOLD.setdefault(where, _Told())
    if words:
        told.words.append(words)
    told.layers += [(layer, x, y) for layer in layers]


def _panels(figure: Figure) -> list[tuple[str, _Told]]:
    """Letter of each panel that was told of ("" for a single one), and what was told."""
    told = [_TOLD[ax] for ax in figure.axes if ax in _TOLD]
    return list(zip(map(letter, range(len(told))) if len(told) > 1 else [""], told, strict=False))


def letter(place: int) -> str:
    """Letter of a panel: a to z, then aa and so on."""
    if place < 26:
        return chr(ord("a") + place)
    return letter(place // 26 - 1) + letter(place % 26)


def alternative(figure: Figure) -> str:
    """Text that stands for the picture: a line for the figure, one for each panel."""
    own = _TOLD.get(figure, _Told()).words
    lines = [" ".join(own)] if own else []
    for name, told in _panels(figure):
        if told.words:
            lines.append((f"Panel {name}: " if name else "") + " ".join(told.words))
    # names come from files: no line break of theirs is one of ours
    return "".join(one_line(line) + "\n" for line in lines)


def table(figure: Figure) -> pd.DataFrame:
    """Every number in a figure: a row a mark, in the columns `COLUMNS`."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, told in _panels(figure):
        for layer, x_is, y_is in told.layers:
            parts = [
                [None] * len(layer.y) if values is None else np.asarray(values).tolist()
                for values in (layer.label, layer.x, layer.y, layer.low, layer.high)
            ]
            for values in zip(*parts, strict=True):
                row = (name, layer.name, *values, x_is, y_is)
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    for column in ("x", "y", "low", "high"):
        frame[column] = frame[column].astype("float64")
    return frame
