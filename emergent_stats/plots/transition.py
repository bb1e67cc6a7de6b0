"""Where a break is, how wide and how high: its posterior, beside what was believed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from emergent_stats.model.curve import AXIS_UNITS
from emergent_stats.model.trends import ACCOUNTS, HEIGHT, JUMP_WIDTH, WIDTH_RANGE
from emergent_stats.plots import scores, style
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.verdict.sensitivity import probabilities
from emergent_stats.verdict.summary import interval, members, weighted
from emergent_stats.verdict.words import probability, scale_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emergent_stats.collection.fits import Fit

_BINS = 30
#: Shapes with a transition: of any width, so that the width is estimated and not assumed.
_TRANSITIONS = ("transition", "step", "wide_transition")


def plot_transition(
    data: Fit, *, palette: style.Palette = None, title: str | None = None, **kws: Any
) -> style.Picture:
    """Posterior of a break's location, width and height, if there is one.

    Filled: a transition of any width (a jump if no wider than the limit, marked by a line).
    Hatched, in the panel of locations: an onset. The bar below is the 90 % interval, the dashed
    outline the prior. What is improbable is pale.

    Parameters
    ----------
    data : Fit
        Of one curve (`fits.fit_all`).
    palette : dict or name of a seaborn palette, optional
        Transitions have the colour of "jump".
    title : str, optional
        Of the figure; default the name of the series and the probabilities.
    **kws
        Of the histograms, as `Axes.stairs` takes them.
    """
    curve = data.batch.curves[0]
    p: dict[str, float] = dict(
        zip(ACCOUNTS, probabilities(data.account_z)[0].tolist(), strict=True)
    )
    transitions = {n: data.evidence[n] for n in _TRANSITIONS if n in data.evidence}
    onsets = members(data.evidence, "onset")
    normal = special.ndtri((np.arange(2000) + 0.5) / 2000)
    narrow = style.room() < 5
    with style.look():
        fig = style.figure(style.room(), 6.6 if narrow else 2.7)
        axes = fig.subplots(*((3, 1) if narrow else (1, 3)))
        colours = style.colours(palette)

        def fill(ax: Axes, edges: np.ndarray, values: Any, masses: Any, account: str) -> np.ndarray:
            share = np.histogram(values, edges, weights=masses)[0]
            marks: dict[str, Any] = dict(
                color=colours[account], alpha=0.55 * style.weight(p[account]), fill=True, lw=0
            )
            if account == "onset":
                marks |= dict(
                    fill=False, hatch="////", lw=style.pt(1.0), alpha=style.weight(p[account])
                )
            ax.stairs(share, edges, **(marks | kws))
            return share

        # where: decades of the curve, on the axis in its own units
        x = np.unique(curve.x)
        edges = np.linspace(x[1], x[-2], _BINS + 1)
        units = np.asarray(curve.in_units(edges), float)
        order = np.argsort(units)
        words, highest = [], 0.0
        for account, chosen in (("onset", onsets), ("jump", transitions)):
            values, masses = weighted(chosen, 0, "location")
            values = values + curve.centre
            share = np.histogram(values, edges, weights=masses)[0]
            share = share if order[0] == 0 else share[::-1]
            fill(axes[0], units[order], np.asarray(curve.in_units(values)), masses, account)
            ends = interval(values, masses)
            kind = "onset" if account == "onset" else "transition"
            said = " to ".join(scale_label(float(curve.in_units(v)), curve.axis) for v in ends)
            words.append(f"{kind} {said}")
            tell(axes[0], "", Layer(f"{kind}, share of the posterior", share, units[order][:-1]),
                 x=f"{AXIS_UNITS[curve.axis]}, from", y="probability")  # fmt: skip
            if account == "jump":
                bar = tuple(float(curve.in_units(v)) for v in ends)
                _bar(axes[0], bar, max(highest, float(share.max())))
            highest = float(share.max())
        axes[0].plot(curve.axis_values, np.zeros(curve.m), "|", color=style.INK, ms=style.pt(7),
                     clip_on=False, zorder=5)  # fmt: skip
        scores.scale_axis(axes[0], curve)
        tell(axes[0], f"Location, 90 %: {'; '.join(words)} {AXIS_UNITS[curve.axis]}.")
        style.title(axes[0], None, "Where")

        spans = curve.scale_axis.spans
        steps = np.linspace(0, WIDTH_RANGE[1], _BINS + 1)
        tops = np.linspace(0, 6.0, _BINS + 1)
        for ax, name, edges, before, unit, head in (
            (axes[1], "width", steps, _width_prior(data, normal), spans, "How wide"),
            (axes[2], "height", tops, HEIGHT.from_normal(normal), "nats", "How high"),
        ):
            values, masses = weighted(transitions, 0, name)
            share = fill(ax, edges, np.minimum(values, edges[-1] - 1e-9), masses, "jump")
            ends = interval(values, masses)
            outline = np.histogram(np.minimum(before, edges[-1] - 1e-9), edges)[0] / len(before)
            ax.stairs(outline, edges, color=style.QUIET, ls="--", lw=style.pt(0.8))
            # a step has all of its prior at width 0: that spike is cut
            _bar(ax, ends, max(share.max(), outline[1:].max()))
            ax.set_xlim(0, edges[-1])
            ax.set_xlabel(
                f"10–90 % width ({spans})" if name == "width" else "height (nats of skill)"
            )
            style.title(ax, None, head)
            tell(ax, f"{name.capitalize()}, 90 %: {ends[0]:.2f} to {ends[1]:.2f} {unit}.",
                 Layer("share of the posterior", share, edges[:-1]), x=f"{name} in {unit}, from",
                 y="probability")  # fmt: skip
        axes[1].axvline(JUMP_WIDTH, color=style.INK, lw=style.pt(0.8), ls=":")
        for words, side in (("jump ", "right"), (" wider", "left")):
            axes[1].annotate(words, (JUMP_WIDTH, 1), xycoords=("data", "axes fraction"), ha=side,
                             va="top", size=style.SMALL,
                             bbox=dict(fc="white", ec="none", pad=0))  # fmt: skip
        for ax in axes:
            ax.set_yticks([])
            ax.spines["left"].set_visible(False)
        style.letters(axes)
        _legend(fig, colours, p)
        name = scores.series_title(curve) if title is None else title
        told = [a for a in ACCOUNTS if a in ("gradual", "onset", "jump") or p[a] >= 0.005]
        likely = ", ".join(f"P({a}) {probability(p[a])}" for a in told)
        style.headline(fig, name and f"{name}: {likely}")
    tell(
        fig, f"Posterior of the break of {scores.series_title(curve)}, if there is one ({likely})."
    )
    return fig


def _bar(ax: Axes, ends: tuple[float, ...], top: float) -> None:
    """90 % interval below a histogram that is `top` high."""
    low, high = sorted(ends)
    ax.plot([low, high], [-0.07 * top] * 2, "|-", color=style.INK, lw=style.pt(1.2),
            ms=style.pt(5))  # fmt: skip
    ax.set_ylim(-0.13 * top, 1.15 * top)


def _legend(figure: Any, colours: dict[str, Any], p: dict[str, float]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    style.legend(
        figure,
        [
            Patch(color=colours["jump"], alpha=0.55 * style.weight(p["jump"]), lw=0),
            Patch(fill=False, ec=colours["onset"], alpha=style.weight(p["onset"]), hatch="////"),
            Line2D([], [], color=style.QUIET, ls="--", lw=style.pt(0.8)),
            Line2D([], [], color=style.INK, marker="|", lw=style.pt(1.2)),
            Line2D([], [], color=style.INK, marker="|", lw=0, ms=style.pt(7)),
        ],
        ["if a transition", "if an onset", "prior", "90 % (transition)", "models"],
    )


def _width_prior(data: Fit, z: np.ndarray) -> np.ndarray:
    """Widths that were as likely before the data, over the shapes in equal parts."""
    found = []
    for name in _TRANSITIONS:
        if name in data.evidence:
            prior = data.evidence[name].hypothesis.trend.priors().get("width")
            step = np.full_like(z, WIDTH_RANGE[0])
            found.append(step if prior is None else prior.from_normal(z))
    return np.concatenate(found)
