"""Figures of several metrics of the same outputs, and of seeds; `svg` for a page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.plots import style, verdict
from emergent_stats.several.bands import Band, joint_bands, seed_bands
from emergent_stats.verdict.words import probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emergent_stats.several.joint import JointComparison
    from emergent_stats.several.seeds import SeedComparison

_COLOURS = dict(style.ACCOUNT_COLOURS) | {"format": "#e69f00"}
_LINES: dict[str, Any] = dict(style.ACCOUNT_LINES) | {"format": (0, (3, 1, 1, 1, 1, 1))}


def plot_pair(found: JointComparison, *, axes: Sequence[Axes] | None = None) -> Figure:
    """All metrics of the same outputs, one panel above the other, with the joint fits.

    Dots are the published scores with 90 % intervals. A curve is the median of
    the expected score of an account's best hypothesis, its band 90 %.

    Parameters
    ----------
    found : JointComparison
    axes : sequence of Axes, optional
        One a metric, in the order of ``found.views.curves``; without them a
        figure is made, with the verdict above the panels.
    """
    curves = found.views.curves
    bands = joint_bands(found)
    with style.look():
        if axes is None:
            height = 1.7 * len(curves) + 1.25
            fig = style.figure(style.PAGE * 0.72, height)
            axes = list(np.atleast_1d(fig.subplots(len(curves), 1)))
            kind = f" ({found.kind})" if found.kind else ""
            _head(fig, _name(curves[0]), f"{found.verdict}{kind}: {found.reason}")
        for j, (ax, curve) in enumerate(zip(axes, curves, strict=True)):
            for account, own in bands.items():
                _draw(ax, own[j], _COLOURS[account], _LINES[account])
            verdict.plot_points(
                curve, [band for own in bands.values() for band in (own[j].mid,)], ax
            )
            if j < len(curves) - 1:
                ax.xaxis.label.set_visible(False)
                ax.tick_params(labelbottom=False)
        labels = {a: f"if {a} ({probability(found.probabilities[a])})" for a in bands}
        _legend(axes[0].figure, [(labels[a], _COLOURS[a], _LINES[a]) for a in bands])
    return axes[0].figure  # type: ignore[return-value]


def plot_seeds(found: SeedComparison, *, ax: Axes | None = None) -> Figure:
    """Every seed of a design, with the groups of the most probable hypothesis.

    Parameters
    ----------
    found : SeedComparison
    ax : Axes, optional
        Without it a figure is made, with the verdict above it.
    """
    bands = seed_bands(found)
    with style.look():
        if ax is None:
            fig = style.figure(style.PAGE * 0.72, 3.4)
            ax = fig.subplots()
            kind = f" ({found.kind})" if found.kind else ""
            _head(fig, _name(found.curve), f"{found.verdict}{kind}: {found.reason}")
        names = ["all seeds"] if len(bands) == 1 else ["seeds behind", "seeds ahead"]
        shown = ["gradual"] if len(bands) == 1 else ["gradual", "jump"]
        for band, account in zip(bands, shown, strict=True):
            _draw(ax, band, _COLOURS[account], _LINES[account])
        verdict.plot_points(found.curve, [band.mid for band in bands], ax)
        entries = zip(names, shown, strict=True)
        _legend(ax.figure, [(n, _COLOURS[a], _LINES[a]) for n, a in entries])
    return ax.figure  # type: ignore[return-value]


def svg(figure: Figure, prefix: str) -> str:
    """Figure as an <svg> element whose names start with `prefix`, so that a page can hold many.

    Words stay words, which a reader can search, and coordinates have one decimal, a tenth of a
    point: a figure has 50 kB instead of 140.
    """
    import matplotlib as mpl

    buffer = io.BytesIO()
    undated: Any = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style.look():
        mpl.rcParams["svg.fonttype"] = "none"
        figure.savefig(buffer, format="svg", metadata=undated)
    # characters that no XML may hold, out of somebody else's names
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", buffer.getvalue().decode())
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda path: _short(path[0]), text)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r">\s+<", "><", text)
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)


def _short(path: str) -> str:
    """Path with one decimal, and without the blanks that it does not need."""
    path = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", path)
    return re.sub(r"\s*([A-Za-z])\s+(?=[-\d])", r"\1", path.replace(".0 ", " "))


def _name(curve: Any) -> str:
    return verdict.comparison_title(curve)


def _head(fig: Any, name: str, words: str) -> None:
    room = style.PAGE * 0.72 - 0.2
    lines = style.wrap(words, room, style.NORMAL)
    title = style.shorten(name, room, style.LARGE, "bold")
    fig.suptitle("\n".join([title, *lines]), x=0.02, ha="left", size=style.NORMAL, parse_math=False)


def _draw(ax: Axes, band: Band, colour: str, line: Any) -> None:
    ax.fill_between(band.x, band.low, band.high, color=colour, alpha=0.14, lw=0, zorder=1)
    ax.plot(band.x, band.mid, color=colour, ls=line, zorder=2)


def _legend(figure: Any, entries: Sequence[tuple[str, str, Any]]) -> None:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=style.QUIET, lw=0.9, marker="o", mfc=style.INK, mec="white", ms=4)
    ]
    handles += [Line2D([], [], color=colour, ls=line) for _, colour, line in entries]
    labels = ["published, 90 % interval", *(name for name, _, _ in entries)]
    figure.legend(handles, labels, loc="outside lower left", ncols=min(len(labels), 3))
