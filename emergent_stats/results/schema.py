"""The results table's columns and metric names: what may stand in it."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from emergent_stats.model import axes

#: Axes of scale; every row fills one or more of them.
AXES = tuple(axes.AXES)

#: What makes a series: rows that agree in all of these.
SERIES_KEY = ["study", "family", "task", "metric", "shots", "seed"]

#: Column → (dtype, meaning), in canonical order.
COLUMNS = MappingProxyType(
    {
        "study": ("str", "where the numbers come from: a paper or a run of one's own"),
        "family": ("str", "models trained alike, so that only scale differs"),
        "model": ("str", "name of the model or checkpoint"),
        "task": ("str", "what was asked"),
        "metric": ("str", "how it was scored: a name in METRIC_RANGE"),
        **{
            name: ("str" if axis.dated else "float64", axis.meaning)
            for name, axis in axes.AXES.items()
        },
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
OPTIONAL = tuple(name for name, axis in axes.AXES.items() if axis.dated)
REQUIRED = ("study", "family", "model", "task", "metric", "score")
TEXTS = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "str")
WHOLE = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "Int64")
FLOATS = tuple(name for name, (dtype, _) in COLUMNS.items() if dtype == "float64")
COUNTS = (*WHOLE, "params", "tokens", "flops", "step")

_SHARE = (0.0, 1.0)
#: Canonical metric names and the scores each can take.
METRIC_RANGE = MappingProxyType(
    {
        "exact_match": _SHARE,
        "multiple_choice": _SHARE,
        "token_accuracy": _SHARE,
        "edit_distance": _SHARE,
        "cross_entropy": (0.0, np.inf),
        "perplexity": (1.0, np.inf),
        "bits_per_byte": (0.0, np.inf),
        "brier": (0.0, 2.0),
        "bleu": _SHARE,
        "f1": _SHARE,
        "rouge": _SHARE,
        "pass_at_k": _SHARE,
        "majority_vote": _SHARE,
        "all_of": _SHARE,
        "threshold": _SHARE,
    }
)

#: Names that common tools use → canonical name. `acc` alone does not say whether
#: answers were chosen or written; it is read as exact_match, without a chance level.
METRIC_ALIASES = MappingProxyType(
    {
        "acc": "exact_match",
        "accuracy": "exact_match",
        "em": "exact_match",
        "exact": "exact_match",
        "exact_str_match": "exact_match",
        "quasi_exact_match": "exact_match",
        "acc_norm": "multiple_choice",
        "mc1": "multiple_choice",
        "multiple_choice_grade": "multiple_choice",
        "token_acc": "token_accuracy",
        "token_edit_distance": "edit_distance",
        "ce": "cross_entropy",
        "loss": "cross_entropy",
        "nll": "cross_entropy",
        "ppl": "perplexity",
        "token_perplexity": "perplexity",
        "bpb": "bits_per_byte",
        "brier_score": "brier",
        "multiple_choice_brier_score": "brier",
        "f1_score": "f1",
        "sacrebleu": "bleu",
        "rouge1": "rouge",
        "rouge2": "rouge",
        "rougeL": "rouge",
        "rougeLsum": "rouge",
        "pass@1": "pass_at_k",
        "pass@k": "pass_at_k",
        "maj@k": "majority_vote",
    }
)
