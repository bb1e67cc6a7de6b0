"""Every kind of figure: its name, the function that draws it, and what that function takes.

Read by the command line and by ``emergent_stats.plots``. Loads nothing that draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Attributes
    ----------
    drawn_by : str
        Name of the function that draws one, in `FUNCTIONS`.
    takes : str
        What it draws: ``comparison`` (`compare`), ``curve``, ``fit`` (`fits.fit_all`),
        ``calibration``, ``forecast``, ``plan``, ``pair`` (`compare_joint`), ``seeds``; of all
        chosen series at once ``comparisons``, ``discoveries``, ``arrivals``; or ``nothing``.
    help : str
        What it shows, in a line.
    most : int or None
        Series that one figure holds; None for any number.
    many : str
        Name of the function that draws several; "" for panels side by side, each by `drawn_by`.
    """

    drawn_by: str
    takes: str
    help: str
    most: int | None = 12
    many: str = ""


#: By the name that the command line knows it by.
KINDS: MappingProxyType[str, Kind] = MappingProxyType(
    {
        "verdict": Kind(
            "plot_verdict", "comparison", "score, skill and probabilities; a panel a series",
            24, "plot_verdicts",
        ),
        "study": Kind("plot_study", "comparisons", "every series of a study, by verdict", 240),
        "transition": Kind("plot_transition", "fit", "where a break is, how wide, how high", 1),
        "sensitivity": Kind(
            "plot_sensitivity", "comparison", "P(jump or onset) under other priors"
        ),
        "calibration": Kind(
            "plot_calibration", "calibration", "simulated gradual series, and power", 1
        ),
        "design": Kind("plot_design", "plan", "what a design like this could decide"),
        "breakthroughness": Kind(
            "plot_breakthroughness", "curve", "BIG-bench's score beside its null"
        ),
        "forecast": Kind("plot_forecast", "forecast", "large models foretold, with --cut"),
        "pair": Kind("plot_pair", "pair", "all metrics of the same outputs, with joint fits", 1),
        "seeds": Kind("plot_seeds", "seeds", "every seed, and whether they form two groups", 1),
        "forest": Kind("plot_forest", "discoveries", "which series of a collection break", None),
        "arrivals": Kind("plot_arrivals", "arrivals", "at which scales tasks break out", None),
        "metric": Kind("plot_metric", "nothing", "what a metric can and cannot do; no SOURCE"),
    }
)  # fmt: skip

#: The kind that is drawn where none is named.
DEFAULT = "verdict"

#: Function that draws → module of `emergent_stats.plots` it stands in.
FUNCTIONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "plot_arrivals": "collection",
        "plot_breakthroughness": "metrics",
        "plot_calibration": "design",
        "plot_design": "design",
        "plot_forecast": "future",
        "plot_forest": "collection",
        "plot_metric": "metrics",
        "plot_pair": "several",
        "plot_panels": "panels",
        "plot_probabilities": "verdict",
        "plot_scores": "scores",
        "plot_seeds": "several",
        "plot_sensitivity": "verdict",
        "plot_shares": "collection",
        "plot_skills": "scores",
        "plot_study": "study",
        "plot_transition": "transition",
        "plot_verdict": "verdict",
        "plot_verdicts": "verdict",
    }
)


def function(name: str) -> Callable[..., Any]:
    """Load a function of `FUNCTIONS`."""
    return getattr(import_module(f"emergent_stats.plots.{FUNCTIONS[name]}"), name)
