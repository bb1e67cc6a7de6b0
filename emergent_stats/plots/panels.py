"""Many panels in one figure, each drawn by the same function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from emergent_stats.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_panels(
    data: Sequence[Any], function: Callable[..., Axes], *, title: str | None = None, **kws: Any
) -> style.Picture:
    """Figure with a panel for each of `data`, by a function that takes `ax`.

    Parameters
    ----------
    data : sequence
        What `function` draws, one a panel.
    function : callable
        For instance `plot_sensitivity`.
    title : str, optional
        Of the figure; default none.
    **kws
        Handed to `function`.
    """
    with style.look():
        columns = min(len(data), 2 if style.room() > style.COLUMN else 1)
        rows = -(-len(data) // columns)
        fig = style.figure(style.room(), 2.6 * rows)
        axes = list(fig.subplots(rows, columns, squeeze=False).flat)
        for ax, one in zip(axes, data, strict=False):
            function(one, ax=ax, **kws)
        for ax in axes[len(data) :]:
            ax.set_axis_off()
        style.letters(axes[: len(data)])
        if title:
            style.headline(fig, title)
    return fig
