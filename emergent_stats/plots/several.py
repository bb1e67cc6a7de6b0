"""Figures of several metrics of the same outputs, and of seeds; `svg` for a page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.plots import scores, style, telling
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.several.bands import Band, joint_bands, seed_bands
from emergent_stats.verdict.words import probability, with_kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emergent_stats.several.joint import JointComparison
    from emergent_stats.several.seeds import SeedComparison

_LINES: dict[str, Any] = dict(style.ACCOUNT_LINES) | {"format": (0, (3, 1, 1, 1, 1, 1))}


def plot_pair(
    data: JointComparison,
    *,
    axes: Sequence[Axes] | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Figure:
    """All metrics of the same outputs, one panel above the other, with the joint fits.

    Dots are the published scores with 90 % intervals. A curve is the median of
    the expected score of an account's best hypothesis, its band 90 %.

    Parameters
    ----------
    data : JointComparison
    axes : sequence of Axes, optional
        One a metric, in the order of ``data.views.curves``; without them a
        figure is made, with the verdict above the panels.
    palette, title, **kws
        As in `scores.plot_scores`.
    """
    curves = data.views.curves
    bands = joint_bands(data)
    name = scores.series_title(curves[0]) if title is None else title
    with style.look():
        made = axes is None
        if axes is None:
            fig = style.figure(_width(), 1.7 * len(curves) + 1.25)
            axes = list(np.atleast_1d(fig.subplots(len(curves), 1)))
            _head(fig, name, _said(data))
        for j, (ax, curve) in enumerate(zip(axes, curves, strict=True)):
            for account, own in bands.items():
                _draw(ax, own[j], account, palette, data.probabilities[account])
            scores.plot_points(curve, [own[j].mid for own in bands.values()], ax, **kws)
            tell(ax, scores.score_words(curve))
            if j < len(curves) - 1:
                ax.xaxis.label.set_visible(False)
                ax.tick_params(labelbottom=False)
        labels = {a: f"if {a} ({probability(data.probabilities[a])})" for a in bands}
        if made:
            style.letters(axes)
            _legend(axes[0].figure, palette, [(labels[a], a, data.probabilities[a]) for a in bands])
    figure: Any = axes[0].figure
    if made:
        tell(figure, f"{name}, {len(curves)} metrics: {_said(data)}")
    return figure


def plot_seeds(
    data: SeedComparison,
    *,
    ax: Axes | None = None,
    palette: style.Palette = None,
    title: str | None = None,
    **kws: Any,
) -> Axes:
    """Every seed of a design, with the groups of the most probable hypothesis.

    Parameters
    ----------
    data : SeedComparison
    ax : Axes, optional
        Without it a figure is made, with the verdict above it.
    palette, title, **kws
        As in `plot_pair`.
    """
    bands = seed_bands(data)
    name = scores.series_title(data.curve) if title is None else title
    names = ["all seeds"] if len(bands) == 1 else ["seeds behind", "seeds ahead"]
    shown = ["gradual"] if len(bands) == 1 else ["gradual", "jump"]
    with style.look():
        made = ax is None
        if ax is None:
            fig = style.figure(_width(), 3.4)
            ax = fig.subplots()
            _head(fig, name, _said(data))
        for band, account, own in zip(bands, shown, names, strict=True):
            _draw(ax, band, account, palette, name=own)
        scores.plot_points(data.curve, [band.mid for band in bands], ax, **kws)
        if made:
            _legend(ax.figure, palette, [(n, a, 1.0) for n, a in zip(names, shown, strict=True)])
        else:
            style.title(ax, title, name)
    tell(ax, f"{scores.score_words(data.curve)} {_said(data)}")
    return ax


def svg(figure: Figure, prefix: str) -> str:
    """Figure as an <svg> element whose names start with `prefix`, so that a page can hold many.

    Words stay words, which a reader can search, and coordinates have one decimal, a tenth of a
    point: a figure has 50 kB instead of 140. Its words (`telling`) are what a screen reader says.
    """
    import matplotlib as mpl

    buffer = io.BytesIO()
    undated: Any = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style.look():
        mpl.rcParams["svg.fonttype"] = "none"
        figure.savefig(buffer, format="svg", metadata=undated)
    # characters that no XML may hold, wherever they came from
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", buffer.getvalue().decode())
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda path: _short(path[0]), text)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r">\s+<", "><", text)
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    words = " ".join(telling.alternative(figure).split())
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)


def _short(path: str) -> str:
    """Path with one decimal, and without the blanks that it does not need."""
    path = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", path)
    return re.sub(r"\s*([A-Za-z])\s+(?=[-\d])", r"\1", path.replace(".0 ", " "))


def _width() -> float:
    return min(0.72 * style.PAGE, style.room())


def _said(data: JointComparison | SeedComparison) -> str:
    return f"{with_kind(data.verdict, data.kind)}: {data.reason}"


def _head(fig: Any, name: str, words: str) -> None:
    room = _width() - 0.2
    lines = style.wrap(words, room, style.NORMAL)
    title = style.shorten(name, room, style.NORMAL, "bold")
    fig.suptitle("\n".join([title, *lines]), x=0.02, ha="left", size=style.NORMAL, parse_math=False)


def _colours(palette: style.Palette) -> dict[str, Any]:
    return {"format": "#e69f00"} | style.colours(palette)


def _draw(
    ax: Axes, band: Band, account: str, palette: style.Palette, p: float = 1.0, name: str = ""
) -> None:
    colour, line = _colours(palette)[account], _LINES[account]
    style.band(ax, band.x, band.low, band.mid, band.high, colour, line, style.weight(p))
    said = f"{name or f'if {account}'}, median and 90 %"
    tell(ax, "", Layer(said, band.mid, band.x, band.low, band.high))


def _legend(figure: Any, palette: style.Palette, entries: Sequence[tuple[str, str, float]]) -> None:
    from matplotlib.lines import Line2D

    colours = _colours(palette)
    handles = [Line2D([], [], color=colours[a], ls=_LINES[a], alpha=style.weight(p))
               for _, a, p in entries]  # fmt: skip
    labels = [scores.PUBLISHED, *(name for name, _, _ in entries)]
    style.legend(figure, [style.point_handle(), *handles], labels)
