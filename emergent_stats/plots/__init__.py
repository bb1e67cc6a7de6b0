"""Figures and their one look; nothing else here knows matplotlib and seaborn.

``from emergent_stats import plots``, then ``plots.plot_verdict(compare(curve))``: a notebook shows
the picture. Every function that draws is named in `registry` and loaded when it is first used.
"""

from __future__ import annotations

from typing import Any

from emergent_stats.plots.registry import FUNCTIONS, function
from emergent_stats.plots.registry import KINDS as KINDS


def __getattr__(name: str) -> Any:
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'emergent_stats.plots' has no attribute {name!r}")
    return function(name)


def __dir__() -> list[str]:
    return sorted(["KINDS", *FUNCTIONS])
