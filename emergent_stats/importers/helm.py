"""HELM: run folders with ``run_spec.json`` and ``stats.json``.

``run_spec.json`` says which model and adaptation, ``stats.json`` holds a mean for
every statistic, split and perturbation. The scores without perturbation on the
test split are read. Under an adaptation by multiple choice an exact match is a
choice among as many options as there are references.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from emergent_stats.importers.declare import Declared
from emergent_stats.importers.names import clean
from emergent_stats.importers.reading import find_files, read_json
from emergent_stats.importers.records import Collector, Options, Record, as_number, as_object, whole
from emergent_stats.importers.report import Notes

CITATION = """@article{liang2023holistic,
  author  = {Liang, Percy and Bommasani, Rishi and Lee, Tony and Tsipras, Dimitris and others},
  title   = {Holistic Evaluation of Language Models},
  journal = {Transactions on Machine Learning Research},
  year    = {2023},
  eprint  = {2211.09110}
}"""

_EXACT = Declared("exact_match")
_MATCHES = (
    "exact_match",
    "quasi_exact_match",
    "final_number_exact_match",
    "math_equiv",
    "math_equiv_chain_of_thought",
    "chain_of_thought_correctness",
)
#: Graded scores, all from 0 to 1 in HELM.
_GRADED = {
    "f1_score": "f1",
    "classification_macro_f1": "f1",
    "classification_micro_f1": "f1",
    "rouge_1": "rouge",
    "rouge_2": "rouge",
    "rouge_l": "rouge",
    "bleu_1": "bleu",
    "bleu_4": "bleu",
}
#: Scores of the text itself, meaningful where the run is language modelling.
_TEXT = {"bits_per_byte": "bits_per_byte", "perplexity": "perplexity"}
#: The parts of a run's name that say how and by whom, not what was asked.
_NOT_TASK = ("model", "model_deployment")


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of a HELM run folder, or of every run folder below `path`."""
    collector = Collector(options, notes)
    root = path if path.is_dir() else path.parent
    for file in find_files(path, ("run_spec.json",), notes):
        where = str(file.parent.relative_to(root)) if file.parent != root else file.parent.name
        stats = file.parent / "stats.json"
        if not stats.is_file() or stats.is_symlink():
            notes.drop(where, "a run without stats.json: unfinished?", group="unfinished")
            continue
        spec, found = read_json(file), read_json(stats)
        adapter = as_object(spec).get("adapter_spec")
        if not isinstance(adapter, dict) or not isinstance(found, list):
            notes.drop(where, "run_spec.json or stats.json has not the form HELM writes")
            continue
        _add_run(spec, adapter, found, where, collector)
    return collector.records, None


def _task(name: str) -> str:
    """Scenario of a run's name, with the arguments that change what is asked."""
    scenario, _, arguments = clean(name).partition(":")
    kept = [
        part
        for part in arguments.split(",")
        if part and part.partition("=")[0].strip() not in _NOT_TASK
    ]
    return f"{scenario}:{','.join(kept)}" if kept else scenario


def _add_run(
    spec: dict[str, Any], adapter: dict[str, Any], stats: list[Any], where: str, to: Collector
) -> None:
    means = _means(stats, where, to.notes)
    method = str(adapter.get("method") or "")
    choice = method.startswith("multiple_choice")
    options = means.get("num_references", 0.0)
    other = []
    for name, value in means.items():
        declared: Declared | None = None
        if name in _MATCHES:
            declared = Declared("multiple_choice") if choice else _EXACT
        elif name in _GRADED:
            declared = Declared(_GRADED[name])
        elif name in _TEXT and method == "language_modeling":
            declared = Declared(_TEXT[name])
        known = "" if declared is None else str(declared)
        declared = to.options.metrics.choose(name, known=known, place=(where, name)) or declared
        if declared is None:
            other.append(name)
            continue
        to.add(
            f"{where}/stats.json, {name}",
            declared,
            value,
            task=_task(str(spec.get("name") or where)),
            label="" if name in ("exact_match", *_TEXT) else name,
            model=str(adapter.get("model") or adapter.get("model_deployment") or ""),
            n=means.get("num_instances", math.nan),
            shots=whole(adapter.get("max_train_instances")),
            chance=1.0 / options if options > 1 else math.nan,
            certain=options == round(options),  # else questions differ in their options
        )
    if other:
        to.notes.drop(
            f"{where}: {', '.join(sorted(other))}",
            "statistics that are no declared score; name one with --metric NAME=METRIC to have it",
            group="statistics",
        )


def _means(stats: list[Any], where: str, notes: Notes) -> dict[str, float]:
    """Mean of every statistic on the test split (or the only split), without perturbation."""
    found: dict[str, dict[str, float]] = {}
    for stat in stats:
        name = as_object(stat).get("name")
        if not isinstance(name, dict) or name.get("perturbation") or name.get("sub_split"):
            continue
        value = as_number(stat.get("mean"))
        if value is not None:
            found.setdefault(str(name.get("split")), {})[clean(name.get("name"))] = value
    if "test" in found:
        return found["test"]
    if "valid" in found:
        notes.warn("scored on the validation split; it has no test split", about=where)
        return found["valid"]
    return found.get("None", {})
