"""The results table's columns: what may stand in it."""

from __future__ import annotations

from types import MappingProxyType

from emergent_stats.model.axes import AXES

#: What makes a series: rows that agree in all of these.
SERIES_KEY = ["study", "family", "task", "metric", "shots", "seed"]

#: Column → (dtype, meaning), in canonical order.
COLUMNS = MappingProxyType(
    {
        "study": ("str", "where the numbers come from: a paper or a run of one's own"),
        "family": ("str", "models trained alike, so that only scale differs"),
        "model": ("str", "name of the model or checkpoint"),
        "task": ("str", "what was asked"),
        "metric": ("str", "how it was scored: a name in METRICS"),
        **{name: ("str" if axis.dated else "float64", axis.meaning) for name, axis in AXES.items()},
        "score": ("float64", "in the metric's own units (a proportion is 0..1, never percent)"),
        "n": ("Int64", "examples scored"),
        "stderr": ("float64", "published standard error, in units of the score"),
        "chance": ("float64", "expected score of a guesser"),
        "answer_tokens": ("float64", "mean tokens of the right answer"),
        "shots": ("Int64", "worked examples in the prompt"),
        "seed": ("Int64", "seed or run, where models were trained more than once"),
        "source": ("str", "table, figure or file in the source"),
        "assumed": ("str", "columns of this row that were inferred, not published: 'n,chance'"),
    }
)
#: Other names of columns → the name here.
COLUMN_ALIASES = MappingProxyType({"parameters": "params"})
#: Columns that files leave out where no row fills them: older files do not know them.
OPTIONAL = tuple(name for name, axis in AXES.items() if axis.dated)
REQUIRED = ("study", "family", "model", "task", "metric", "score")
TEXTS = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "str")
WHOLE = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "Int64")
FLOATS = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "float64")
COUNTS = (*WHOLE, "params", "tokens", "flops", "step")
