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
        fig, axes = style.grid(len(data), columns, 2.6)
        for ax, one in zip(axes, data, strict=True):
            function(one, ax=ax, **kws)
        style.letters(axes)
        style.headline(fig, title)
    return fig
