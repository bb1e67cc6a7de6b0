"""The one look of all figures: colours, sizes, and files that come out the same every time.

A figure is drawn inside ``with style.look():`` and saved by `save`. Nothing here changes
matplotlib's settings for good, and what a user has set (``sns.set_theme``) stays as it is.
"""

from __future__ import annotations

import io
import os
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import telling
from emergent_stats.results.export import neutral
from emergent_stats.results.files import ResultsError, write_all

#: Width of a text column and of a page, in inches, where text has `BASE` points.
COLUMN, PAGE = 3.5, 7.2

#: Size of text in points; and of everything in a figure, in relation to it.
BASE = 8.4
TINY, SMALL, NORMAL, LARGE = "x-small", "small", "medium", "large"
_POINTS = {TINY: BASE / 1.44, SMALL: BASE / 1.2, NORMAL: BASE, LARGE: BASE * 1.2}


class Preset(NamedTuple):
    """Where a figure goes: its width in inches, and the size of its text in units of `BASE`."""

    width: float
    text: float


#: A column of a journal, its page, a poster, a slide of 16:9.
PRESETS = MappingProxyType(
    {
        "single": Preset(COLUMN, 1.0),
        "double": Preset(PAGE, 1.0),
        "poster": Preset(PAGE * 2.5, 2.5),
        "slide": Preset(PAGE * 1.75, 1.75),
    }
)
_PRESET: ContextVar[Preset | None] = ContextVar("preset", default=None)

#: What `colours` takes.
Palette = str | Sequence[Any] | Mapping[str, Any] | None

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
#: Line styles of curves that stand for no account.
LINES: Sequence[Any] = ("-", (0, (5, 1.6)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1.3)), "--", ":")
#: Mark of each account, where it is a point.
ACCOUNT_MARKS = MappingProxyType(
    {"flat": "s", "gradual": "o", "onset": "^", "jump": "X", "falls": "v"}
)
#: Line of the score of a guesser.
CHANCE_LINE = (0, (4, 3))
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

#: Lengths in points, for text of `BASE` points.
_LENGTHS: dict[str, float] = {
    "font.size": BASE,
    "axes.labelpad": 3.0,
    "axes.linewidth": 0.6,
    "axes.titlepad": 5.0,
    "hatch.linewidth": 1.0,
    "lines.linewidth": 1.4,
    "lines.markeredgewidth": 1.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
}
_SETTINGS: dict[str, Any] = {
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": NORMAL,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": NORMAL,
    "figure.dpi": 150,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "savefig.dpi": 200,
}
#: What no theme changes: text stays text in files, names are not formulas, bytes repeat.
_FIXED: dict[str, Any] = {
    "text.usetex": False,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "emergent_stats",
    "savefig.bbox": "standard",
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
    """Draw inside this context to get the look; the settings before it come back after it.

    Only what still has matplotlib's default is set: a theme of the user's shows.
    """
    with mpl.rc_context():
        now: Any = mpl.rcParams
        default: Any = mpl.rcParamsDefault
        user = {k for k in (*_LENGTHS, *_SETTINGS) if now[k] != default[k]}
        preset = _PRESET.get()
        user -= _LENGTHS.keys() if preset else set()
        size = preset.text if preset else now["font.size"] / BASE if "font.size" in user else 1.0
        ours = _SETTINGS | {name: points * size for name, points in _LENGTHS.items()}
        now.update({k: v for k, v in ours.items() if k not in user} | _FIXED)
        yield


@contextmanager
def preset(chosen: str | Preset) -> Iterator[None]:
    """Figures made inside this context have the width and the text of a preset, or of its name.

    Raises
    ------
    ResultsError
        For a name that is none of `PRESETS`.
    """
    if isinstance(chosen, str) and chosen not in PRESETS:
        raise ResultsError(f"no preset {chosen!r}; use {', '.join(PRESETS)}")
    token = _PRESET.set(PRESETS[chosen] if isinstance(chosen, str) else chosen)
    try:
        yield
    finally:
        _PRESET.reset(token)


def room() -> float:
    """Width of the figures of the preset, in inches, as if text had `BASE` points."""
    chosen = _PRESET.get() or PRESETS["double"]
    return chosen.width / chosen.text


def pt(points: float) -> float:
    """Points for text of `BASE` points, in proportion to the text in use (inside `look`)."""
    return points * mpl.rcParams["font.size"] / BASE


class Picture(Figure):
    """A figure that a notebook shows as a picture."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        buffer = io.BytesIO()
        with look():
            self.savefig(buffer, format="png", dpi=200)
        width, height = (int(96 * inches) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}


def figure(width: float, height: float) -> Picture:
    """Empty figure of that size in inches (for text of `BASE` points: it grows with the text)."""
    with look():
        size = pt(1.0)
    settings: Any = mpl.rcParams  # the room around panels grows with the text
    gaps = {pad: size * settings[f"figure.constrained_layout.{pad}"] for pad in ("w_pad", "h_pad")}
    return Picture(figsize=(width * size, height * size), layout=ConstrainedLayoutEngine(**gaps))


def axes(ax: Axes | None, width: float = COLUMN, height: float = 2.6) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    return figure(min(width, room()), height).add_subplot() if ax is None else ax


def grid(count: int, columns: int, height: float, above: float = 0.0) -> tuple[Picture, list[Axes]]:
    """Figure of the preset's width with `count` panels, in rows of that height in inches."""
    rows = -(-count // columns)
    fig = figure(room(), height * rows + above)
    panels = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax in panels[count:]:
        ax.set_axis_off()
    return fig, panels[:count]


def title(ax: Axes, given: str | None, default: str) -> None:
    """Title of axes: what was given, else `default`; never read as a formula."""
    ax.set_title(default if given is None else given, parse_math=False)


def colours(palette: Palette) -> dict[str, Any]:
    """Colour of each account.

    Parameters
    ----------
    palette : dict, or anything `seaborn.color_palette` takes, optional
        Colours by account (others keep theirs), or in the order of the accounts.
    """
    if palette is None or isinstance(palette, Mapping):
        return dict(ACCOUNT_COLOURS) | dict(palette or {})
    import seaborn as sns

    return dict(zip(ACCOUNTS, sns.color_palette(palette, len(ACCOUNTS)), strict=True))


def curve_colours(palette: Palette, size: int) -> Any:
    """Colours of curves that stand for no account."""
    import seaborn as sns

    return sns.color_palette(palette or "colorblind", size)  # type: ignore[arg-type]


def weight(p: float) -> float:
    """Opacity of an account of that probability: those that do not matter fade."""
    return min(1.0, 0.3 + 7.0 * p) if p == p else 1.0


def band(
    ax: Axes, x: Any, low: Any, mid: Any, high: Any, colour: Any, line: Any, alpha: float = 1.0
) -> None:
    """Draw a curve with the band around it."""
    ax.fill_between(x, low, high, color=colour, alpha=0.15 * alpha, lw=0, zorder=1)
    ax.plot(x, mid, color=colour, ls=line, alpha=alpha, zorder=2)


def letters(panels: Sequence[Axes], up: float = 5.0) -> None:
    """Write a, b, c … above the left edge of panels, `up` points above their top."""
    if len(panels) > 1:
        for i, ax in enumerate(panels):
            ax.annotate(
                telling.letter(i), (0, 1), (pt(-24), pt(up)), xycoords="axes fraction",
                textcoords="offset points", weight="bold", size=NORMAL,
            )  # fmt: skip


def headline(fig: Figure, given: str | None, default: str = "") -> None:
    """Words above a whole figure: what was given, else `default`; in as many lines as they need."""
    words = default if given is None else given
    if not words:
        return
    width = fig.get_figwidth() / pt(1.0) - 0.2
    fig.suptitle("\n".join(wrap(words, width, NORMAL)), x=0.02, ha="left", size=NORMAL,
                 parse_math=False)  # fmt: skip


def point_handle() -> Any:
    """Mark of a published score, for a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=QUIET, lw=pt(0.9), marker="o", mfc=INK, mec="white", ms=pt(4))


def legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Legend under the panels of a figure, in as few rows as its width allows."""
    # in units of the font: the mark, the space beside it, the space between columns
    mark, beside, between = 2.6, 0.8, 1.6
    unit = _POINTS[SMALL] / 72
    # a theme may have larger legends than `SMALL`
    own = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    limit = (room() - 0.1) * pt(_POINTS[SMALL]) / own
    # columns are as wide as their longest word, which is not known before they are chosen
    widths = [text_width(label, SMALL) + (mark + beside + between) * unit for label in labels]
    columns = len(labels)
    while columns > 1 and sum(max(widths[i::columns]) for i in range(columns)) > limit:
        columns -= 1
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns,
        handlelength=mark, handletextpad=beside, columnspacing=between,
    )  # fmt: skip


def legend_below(ax: Axes, columns: int = 1, **kws: Any) -> None:
    """Legend of axes under the name of their x axis, at any height of theirs."""
    from matplotlib.transforms import ScaledTranslation

    under = ScaledTranslation(0, -pt(29) / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.45, 0), bbox_transform=ax.transAxes + under,
        ncols=columns, handlelength=2.4, columnspacing=1.2, borderaxespad=0, **kws,
    )  # fmt: skip


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to .pdf, .svg or .png: the same figure gives the same bytes.

    What was told of it (`telling`) stands beside it: its numbers in ``….data.csv``, its words in
    ``….alt.txt``.

    Raises
    ------
    ResultsError
        For another suffix, or a folder that cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _UNDATED:
        raise ResultsError(
            f"{path}: cannot draw a {suffix or 'file without suffix'}; use {', '.join(_UNDATED)}"
        )
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format=suffix[1:], metadata=_UNDATED[suffix])
    table = neutral(telling.table(figure)).to_csv(
        index=False, lineterminator="\r\n", float_format="%.6g"
    )
    words = telling.alternative(figure)
    files = {path: buffer.getvalue()}
    if words:
        files[path.with_suffix(".data.csv")] = table.encode()
        files[path.with_suffix(".alt.txt")] = words.encode()
    write_all(files)


# --- words ---------------------------------------------------------------------------------
def wrap(text: str, width: float, size: str, weight: str = "normal") -> list[str]:
    """Lines of `text` no wider than `width` inches at `size` points, measured in the font."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def shorten(text: str, width: float, size: str, weight: str = "normal", front: float = 0.6) -> str:
    """`text`, or as much of its two ends as fits into `width` inches, `front` of it the first."""

    def ends(kept: int) -> str:
        first = round(front * kept)
        return f"{text[:first].rstrip()}…{text[len(text) - kept + first :].lstrip()}"

    if text_width(text, size, weight) <= width:
        return text
    kept = range(1, len(text))
    return ends(bisect(kept, width, key=lambda k: text_width(ends(k), size, weight)))


def text_width(text: str, size: str, weight: str = "normal") -> float:
    """Width of one line in inches, for text of `BASE` points."""
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=_POINTS[size], weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def line_height(size: str, spacing: float = 1.35) -> float:
    """Height of one line in inches, for text of `BASE` points."""
    return spacing * _POINTS[size] / 72
