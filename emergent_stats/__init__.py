"""Is the jump real? Calibrated verdicts on emergent abilities in published scaling results.

The public names are loaded on first use, so that importing the package is
cheap: neither PyMC nor ArviZ nor matplotlib is imported until something
needs it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from emergent_stats.model.compiling import forget_stale, settle
from emergent_stats.results.showing import drawn_by

__version__ = version("emergent_stats")

if TYPE_CHECKING:
    from emergent_stats import plots
    from emergent_stats.bayes.posterior import fit
    from emergent_stats.collection import arrivals, forecast
    from emergent_stats.collection.arrivals import arrival_times
    from emergent_stats.collection.discoveries import discover
    from emergent_stats.collection.forecast import forecast_all, forecast_curve
    from emergent_stats.collection.foresight import foreseen
    from emergent_stats.collection.selected import Succeeds
    from emergent_stats.design.simulate import Design, simulate_curve
    from emergent_stats.design.trial import bayes_floor, efficiency, try_out
    from emergent_stats.design.truths import TRUTHS
    from emergent_stats.evidence.many import evidence_table
    from emergent_stats.model.curve import Curve
    from emergent_stats.model.hypothesis import Hypothesis
    from emergent_stats.model.metrics import METRICS
    from emergent_stats.model.trends import TRENDS
    from emergent_stats.plots.verdict import plot_verdict
    from emergent_stats.results.capabilities import capability, on_capability
    from emergent_stats.results.corpus import ResultsError, load, read, studies, validate
    from emergent_stats.results.selection import curves
    from emergent_stats.rules.classical import RULES
    from emergent_stats.several.joint import JointComparison, compare_joint
    from emergent_stats.several.seeds import compare_seeds
    from emergent_stats.verdict.advice import cheapest
    from emergent_stats.verdict.comparison import Comparison
    from emergent_stats.verdict.formula import Claim, Plan, outlook
    from emergent_stats.verdict.judge import compare, compare_all

# before any kernel is defined
settle()
forget_stale()
# what draws a result in a notebook, loaded when one is shown
drawn_by("Comparison", "emergent_stats.plots.notebook:of_comparison")
drawn_by("JointComparison", "emergent_stats.plots.notebook:of_pair")
drawn_by("SeedComparison", "emergent_stats.plots.notebook:of_seeds")

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
    "Succeeds",
    "__version__",
    "arrival_times",
    "arrivals",
    "bayes_floor",
    "capability",
    "cheapest",
    "compare",
    "compare_all",
    "compare_joint",
    "compare_seeds",
    "curves",
    "discover",
    "efficiency",
    "evidence_table",
    "fit",
    "forecast",
    "forecast_all",
    "forecast_curve",
    "foreseen",
    "load",
    "on_capability",
    "outlook",
    "plot_verdict",
    "plots",
    "read",
    "simulate_curve",
    "studies",
    "try_out",
    "validate",
]  # fmt: skip

#: Module → its public names.
_HOLDS = {
    "bayes.posterior": "fit",
    "collection.arrivals": "arrival_times",
    "collection.discoveries": "discover",
    "collection.forecast": "forecast_all forecast_curve",
    "collection.foresight": "foreseen",
    "collection.selected": "Succeeds",
    "design.simulate": "Design simulate_curve",
    "design.trial": "bayes_floor efficiency try_out",
    "design.truths": "TRUTHS",
    "evidence.many": "evidence_table",
    "model.curve": "Curve",
    "model.hypothesis": "Hypothesis",
    "model.metrics": "METRICS",
    "model.trends": "TRENDS",
    "plots.verdict": "plot_verdict",
    "results.capabilities": "capability on_capability",
    "results.corpus": "ResultsError load read studies validate",
    "results.selection": "curves",
    "rules.classical": "RULES",
    "several.joint": "JointComparison compare_joint",
    "several.seeds": "compare_seeds",
    "verdict.advice": "cheapest",
    "verdict.comparison": "Comparison",
    "verdict.formula": "Claim Plan outlook",
    "verdict.judge": "compare compare_all",
}
_WHERE = {name: module for module, names in _HOLDS.items() for name in names.split()}
_MODULES = {"arrivals": "collection.arrivals", "forecast": "collection.forecast", "plots": "plots"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"emergent_stats.{_MODULES[name]}")
    if name not in _WHERE:
        raise AttributeError(f"module 'emergent_stats' has no attribute {name!r}")
    return getattr(import_module(f"emergent_stats.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
