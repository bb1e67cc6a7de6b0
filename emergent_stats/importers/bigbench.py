"""BIG-bench: ``scores_*.json``, one file for a task and model.

The file names the model with its family and parameters, so no models table is
needed. Scales are as the benchmark's own code declares them: accuracies and
calibration from 0 to 1, BLEU, ROUGE and sequence F1 from 0 to 100, and a Brier
score that is the mean over options, 1/k of the sum that this package uses.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from emergent_stats.importers.declare import Declared
from emergent_stats.importers.names import clean
from emergent_stats.importers.reading import find_files, read_json, shown
from emergent_stats.importers.records import Collector, Options, Record, as_number, as_object, whole
from emergent_stats.importers.report import Notes

CITATION = """@article{srivastava2023beyond,
  author  = {Srivastava, Aarohi and Rastogi, Abhinav and Rao, Abhishek and others},
  title   = {Beyond the Imitation Game: Quantifying and extrapolating the capabilities of
             language models},
  journal = {Transactions on Machine Learning Research},
  year    = {2023},
  eprint  = {2206.04615}
}"""

_BRIER = "calibration_multiple_choice_brier_score"
#: Metric → (declaration, label).
TERMS: dict[str, tuple[Declared, str]] = {
    "multiple_choice_grade": (Declared("multiple_choice"), ""),
    "exact_str_match": (Declared("exact_match"), ""),
    "case_insensitive_str_match": (Declared("exact_match"), "case_insensitive_str_match"),
    "numeric_match_with_0_1_relative_error": (Declared("exact_match"), "numeric_match"),
    "bleu": (Declared("bleu", 100.0), ""),
    "rouge1": (Declared("rouge", 100.0), "rouge1"),
    "rouge2": (Declared("rouge", 100.0), "rouge2"),
    "rougeLsum": (Declared("rouge", 100.0), "rougeLsum"),
    "sequence_f1": (Declared("f1", 100.0), "sequence_f1"),
    "macro_f1": (Declared("f1"), "macro_f1"),
}
#: Made from the others, or no level of skill.
_IGNORED = ("normalized_aggregate_score",)


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of BIG-bench score files."""
    collector = Collector(options, notes)
    for file in find_files(path, ("scores_*.json",), notes):
        where = shown(file, path)
        data = as_object(read_json(file))
        scores, model = data.get("scores"), data.get("model")
        if not isinstance(scores, list) or not isinstance(model, dict):
            notes.drop(where, "no score file of BIG-bench (it lacks 'scores' or 'model')")
            continue
        task = data.get("task")
        name = str(task.get("task_name") if isinstance(task, dict) else task or "")
        for score in scores:
            if isinstance(score, dict) and isinstance(score.get("score_dict"), dict):
                _add(score, name or file.parent.parent.name, model, where, collector)
    return collector.records, None


def _add(
    score: dict[str, Any], task: str, model: dict[str, Any], where: str, to: Collector
) -> None:
    task = clean(score.get("subtask_description") or task)
    low = as_number(score.get("low_score"))
    chooses = score.get("preferred_score") == "multiple_choice_grade"
    chance = low if chooses and low is not None and 0 < low < 1 else math.nan
    family, size = clean(model.get("model_family") or ""), clean(model.get("model_name") or "")
    params = as_number(model.get("flop_matched_non_embedding_params"))
    params = params or as_number(model.get("non_embedding_params"))
    params = params or as_number(model.get("total_params")) or math.nan
    for metric, value in score["score_dict"].items():
        if metric in _IGNORED:
            continue
        found = _declared(metric, chance, to)
        if isinstance(found, str):
            to.notes.drop(f"{where}, {task}.{metric}", found, group=metric)
            continue
        declared, label = found
        to.add(
            f"{where}, {task}.{metric}",
            declared,
            value,
            task=task,
            label=label,
            model=f"{family} {size}".strip(),
            family=family,
            params=params,
            shots=whole(score.get("number_of_shots")),
            chance=chance,
        )


def _declared(metric: str, chance: float, to: Collector) -> tuple[Declared, str] | str:
    known = _known(metric, chance)
    told = "" if isinstance(known, str) else str(known[0])
    given = to.options.metrics.choose(metric, known=told, place=metric)
    return known if given is None else (given, "" if metric in TERMS else metric)


def _known(metric: str, chance: float) -> tuple[Declared, str] | str:
    if metric == _BRIER:
        options = 1.0 / chance
        if not math.isfinite(options) or abs(options - round(options)) > 1e-6:
            return "a mean over options whose number is not the same in all questions, or unknown"
        return Declared("brier", 2.0 / round(options)), ""
    if metric not in TERMS:
        return (
            f"the metric {metric!r} is no level of skill that this package knows; declare it with "
            f"--metric '{metric}=…' if it is"
        )
    return TERMS[metric]
