"""The one look of all figures: colours, sizes, and files that come out the same every time.

Nothing here changes matplotlib's global settings: a figure is drawn inside
``with style.look():`` and saved by `save`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Width of a text column and of a page, in inches.
COLUMN, PAGE = 3.5, 7.2

#: Sizes of text in points: everything in a figure is one of these.
SMALL, NORMAL, LARGE = 7.0, 8.0, 9.5

INK, QUIET, RULE = "#1a1a1a", "#595959", "#d9d9d9"

#: Colour of each account: the palette of Okabe and Ito (2008), told apart under
#: the common colour-vision deficiencies and, by lightness, in grey.
ACCOUNT_COLOURS = MappingProxyType(
    {
        "flat": "#7a7a7a",
        "gradual": "#0072b2",
        "onset": "#009e73",
        "jump": "#d55e00",
        "falls": "#cc79a7",
    }
)
#: Line style of each account, so that nothing depends on colour alone.
ACCOUNT_LINES = MappingProxyType(
    {
        "flat": (0, (1, 1.5)),
        "gradual": "-",
        "onset": (0, (5, 1.6)),
        "jump": (0, (5, 1.5, 1, 1.5)),
        "falls": (0, (1.5, 1.5, 1.5, 4)),
    }
)
#: Colour of the word of a verdict.
VERDICT_COLOURS = MappingProxyType(
    {
        "real": "#b34700",
        "artefact": "#005a8c",
        "gradual": "#005a8c",
        "flat": "#595959",
        "falls": "#a0527f",
        "undecided": INK,
    }
)

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": NORMAL,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,  # names come from other people's files
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": NORMAL,
    "axes.labelpad": 3.0,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": NORMAL,
    "axes.titlepad": 5.0,
    "axes.unicode_minus": True,
    "axes.grid": False,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "emergent_stats",
    "savefig.bbox": "standard",
    "savefig.dpi": 200,
    "path.simplify": True,
}

#: File formats a figure can be saved in, and the metadata that would carry a date.
_UNDATED: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "ModDate": None},
    ".svg": {"Date": None},
    ".png": {},
}
SUFFIXES = tuple(_UNDATED)


@contextmanager
def look() -> Iterator[None]:
    """Draw inside this context to get the look; the settings before it come back after it."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def figure(width: float, height: float) -> Figure:
    """Empty figure of that size in inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to .pdf, .svg or .png: the same figure gives the same bytes.

    Raises
    ------
    ResultsError
        For another suffix, or a folder that cannot be written to.
    """
    from emergent_stats.results.files import ResultsError, write_bytes

    suffix = Path(path).suffix.lower()
    if suffix not in _UNDATED:
        raise ResultsError(
            f"{path}: cannot draw a {suffix or 'file without suffix'}; use {', '.join(_UNDATED)}"
        )
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format=suffix[1:], metadata=_UNDATED[suffix])
    write_bytes(Path(path), buffer.getvalue())


# --- ticks and words ----------------------------------------------------------------------
#: Where ticks of a log axis can stand within a decade, coarse to fine.
_TICK_DIGITS = (
    (1,),
    (1, 3),
    (2, 5),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    tuple(round(1 + i / 10, 1) for i in range(90)),
)


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two positive ones: as many as fit evenly, no more than `most`."""
    import math

    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    best: list[float] = []
    for every in (6, 5, 4, 3, 2):
        ticks = [10.0**e for e in range(first, last + 1) if e % every == 0]
        best = max(best, _inside(ticks, low, high, most), key=len)
    for digits in _TICK_DIGITS:
        ticks = [float(f"{d}e{e}") for e in range(first, last + 1) for d in digits]
        if inside := _inside(ticks, low, high, most):
            best = inside if len(inside) > len(best) else best
    return best


def year_ticks(low: float, high: float, most: int) -> list[float]:
    """Starts of years, halves or quarters between two decimal years, no more than `most`."""
    import math

    for step in (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        ticks = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) <= most:
            return ticks
    return []


def year_label(year: float) -> str:
    """Start of a year, or the month that a part of one begins with."""
    month = round((year % 1) * 12)
    return f"{year:.0f}" if month in (0, 12) else f"{int(year)}-{month + 1:02}"


def _inside(ticks: list[float], low: float, high: float, most: int) -> list[float]:
    """Ticks in view, or none if they are too many or two stand too close for their labels."""
    import math

    inside = [tick for tick in ticks if low <= tick <= high]
    room = 0.85 / most * math.log10(high / low)
    close = any(math.log10(b / a) < room for a, b in pairwise(inside))
    return [] if close or len(inside) > most else inside


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of `text` no wider than `width` inches at `size` points, measured in the font."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def shorten(text: str, width: float, size: float, weight: str = "normal") -> str:
    """`text`, or as much of it as fits into `width` inches, followed by an ellipsis."""
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(text + "…", size, weight) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72
