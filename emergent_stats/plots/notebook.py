"""Pictures that results show in a notebook."""

from __future__ import annotations

from typing import Any

from emergent_stats.plots.several import plot_pair, plot_seeds, svg
from emergent_stats.plots.verdict import plot_verdict


def of_comparison(result: Any) -> str:
    """A verdict as an <svg> element."""
    return svg(plot_verdict(result), f"v{result.curve.fingerprint:x}")


def of_pair(result: Any) -> str:
    """A verdict on several metrics as an <svg> element."""
    return svg(plot_pair(result), f"p{result.views.curves[0].fingerprint:x}")


def of_seeds(result: Any) -> str:
    """A verdict on several seeds as an <svg> element."""
    return svg(plot_seeds(result).figure, f"s{result.curve.fingerprint:x}")  # type: ignore[arg-type]
