"""Is the jump real? Calibrated verdicts on emergent abilities in published scaling results.

The public names are loaded on first use, so that importing the package is
cheap: neither PyMC nor ArviZ nor matplotlib is imported until something
needs it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from emergent_stats.compiling import settle

__version__ = version("emergent_stats")

if TYPE_CHECKING:
    from emergent_stats.additions import cheapest
    from emergent_stats.arrivals import arrival_times
    from emergent_stats.classical import RULES
    from emergent_stats.collection import compare, compare_all
    from emergent_stats.comparison import Comparison
    from emergent_stats.curve import Curve
    from emergent_stats.forecast import forecast_all, forecast_curve
    from emergent_stats.foresight import foreseen
    from emergent_stats.hypothesis import Hypothesis
    from emergent_stats.joint import JointComparison, compare_joint
    from emergent_stats.metrics import METRICS
    from emergent_stats.multiplicity import discover
    from emergent_stats.planning import Claim, Plan, outlook
    from emergent_stats.plots import plot_verdict
    from emergent_stats.results import ResultsError, load, read, studies, validate
    from emergent_stats.seeds import compare_seeds
    from emergent_stats.selection import curves
    from emergent_stats.simulate import Design, simulate_curve
    from emergent_stats.trends import TRENDS
    from emergent_stats.trial import bayes_floor, efficiency, try_out
    from emergent_stats.truths import TRUTHS

# before any kernel is defined
settle()

__all__ = [
    "METRICS",
    "RULES",
    "TRENDS",
    "TRUTHS",
    "Claim",
    "Comparison",
    "Curve",
    "Design",
    "Hypothesis",
    "JointComparison",
    "Plan",
    "ResultsError",
    "__version__",
    "arrival_times",
    "bayes_floor",
    "cheapest",
    "compare",
    "compare_all",
    "compare_joint",
    "compare_seeds",
    "curves",
    "discover",
    "efficiency",
    "forecast_all",
    "forecast_curve",
    "foreseen",
    "load",
    "outlook",
    "plot_verdict",
    "read",
    "simulate_curve",
    "studies",
    "try_out",
    "validate",
]

_WHERE = {
    "METRICS": "metrics",
    "RULES": "classical",
    "TRENDS": "trends",
    "TRUTHS": "truths",
    "Claim": "planning",
    "Comparison": "comparison",
    "Curve": "curve",
    "Design": "simulate",
    "Hypothesis": "hypothesis",
    "JointComparison": "joint",
    "Plan": "planning",
    "ResultsError": "results",
    "arrival_times": "arrivals",
    "bayes_floor": "trial",
    "cheapest": "additions",
    "compare": "collection",
    "compare_all": "collection",
    "compare_joint": "joint",
    "compare_seeds": "seeds",
    "curves": "selection",
    "discover": "multiplicity",
    "efficiency": "trial",
    "forecast_all": "forecast",
    "forecast_curve": "forecast",
    "foreseen": "foresight",
    "load": "results",
    "outlook": "planning",
    "plot_verdict": "plots",
    "read": "results",
    "simulate_curve": "simulate",
    "studies": "results",
    "try_out": "trial",
    "validate": "results",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'emergent_stats' has no attribute {name!r}")
    return getattr(import_module(f"emergent_stats.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
