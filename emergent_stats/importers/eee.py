"""every_eval_ever: records of the shared schema, checked by its own package.

A record names a model and holds scores with the bounds of their scale, so that
a percentage or a Brier score is told by what the record declares: by
``metric_unit`` or ``max_score``, and refused where it declares neither and the
metric alone does not say.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from emergent_stats.importers import lm_eval_terms
from emergent_stats.importers.declare import Declared
from emergent_stats.importers.extras import require
from emergent_stats.importers.names import clean, revision
from emergent_stats.importers.reading import find_files, read_json, shown
from emergent_stats.importers.records import Collector, Options, Record, as_number, whole
from emergent_stats.importers.report import Notes
from emergent_stats.schema import METRIC_ALIASES, METRIC_RANGE

CITATION = """@misc{batzner2026every,
  author = {Batzner, Jan and Nelaturu, Sree Harsha and Stachura, Damian and others},
  title  = {Every Eval Ever: A Unifying Schema and Community Repository for {AI} Evaluation
            Results},
  year   = {2026},
  eprint = {2606.14516},
  archivePrefix = {arXiv}
}"""

_ALIASES = {re.sub(r"[^a-z0-9]", "", a.lower()): m for a, m in METRIC_ALIASES.items()}
_ALIASES |= {re.sub(r"[^a-z0-9]", "", name): name for name in METRIC_RANGE}
_LOWER = ("cross_entropy", "perplexity", "bits_per_byte", "brier", "edit_distance")
_TOPS = {"percent": 100.0, "percentage": 100.0, "%": 100.0, "proportion": 1.0, "fraction": 1.0}
#: Metrics whose scale tools disagree about: without a declared one they are refused.
_DISPUTED = ("brier", "bleu", "rouge", "f1")


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of every_eval_ever files.

    Raises
    ------
    ResultsError
        If the package is not installed, or a file cannot be read.
    """
    types = require("every_eval_ever.eval_types", "every-eval-ever", "eee")
    collector = Collector(options, notes)
    for file in find_files(path, ("*.json",), notes):
        where = shown(file, path)
        data = read_json(file)
        if not isinstance(data, dict) or "evaluation_results" not in data:
            notes.drop(where, "JSON, but no record of every_eval_ever", group="other")
            continue
        try:
            checked = types.EvaluationLog.model_validate(data)
        except ValueError as error:  # pydantic's ValidationError is one
            notes.drop(where, f"does not fit the schema: {_schema_problem(error)}")
            continue
        add_record(checked.model_dump(mode="json"), where, collector)
    return collector.records, None


def _schema_problem(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return str(error).splitlines()[0][:200]
    found: Any = errors()
    place = ".".join(str(part) for part in found[0].get("loc", ()))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{place}: {found[0].get('msg', '')}{more}"


def add_record(data: dict[str, Any], where: str, to: Collector) -> None:
    """Add the scores of one record, given as the plain values of the schema."""
    model = data["model_info"]
    details = model.get("additional_details") or {}
    billions = as_number(details.get("params_billions"))
    checkpoint = revision(str(details.get("revision") or details.get("model_args") or ""))
    library = (data.get("eval_library") or {}).get("name")
    for result in data["evaluation_results"]:
        config, score = result["metric_config"], result["score_details"]
        task = clean(result["evaluation_name"])
        metric = str(config.get("metric_name") or config.get("metric_id") or "")
        found = declared(config, task, library == "lm_eval", to)
        if isinstance(found, str):
            to.notes.drop(f"{where}, {task}.{metric}", found, group=metric)
            continue
        declaration, label = found
        generation = (result.get("generation_config") or {}).get("additional_details") or {}
        uncertainty = score.get("uncertainty") or {}
        level = lm_eval_terms.chance_by_name(task)
        to.add(
            f"{where}, {task}.{metric}",
            declaration,
            score.get("score"),
            task=task,
            label=label,
            stderr=(uncertainty.get("standard_error") or {}).get("value"),
            model=str(model.get("id") or model.get("name") or ""),
            params=billions * 1e9 if billions and billions > 0 else math.nan,
            step=math.nan if checkpoint.step is None else checkpoint.step,
            n=as_number(uncertainty.get("num_samples")) or math.nan,
            shots=whole(generation.get("num_fewshot")),
            when=str(result.get("evaluation_timestamp") or data.get("retrieved_timestamp") or ""),
            chance=math.nan if level is None else level,
            certain=False,
        )


def declared(
    config: dict[str, Any], task: str, harness: bool, to: Collector
) -> tuple[Declared, str] | str:
    """What the metric of a record is and its label, or why it cannot be used."""
    names = [str(config.get(k) or "") for k in ("metric_name", "metric_id", "metric_kind")]
    for name in names:
        if name in to.options.metrics:
            return to.options.metrics[name], name
    if harness:
        found = lm_eval_terms.declaration(task, names[0], None, {})
        if isinstance(found, str):
            return found
        metric, label = found[0].metric, found[1]
    else:
        plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
        known = [_ALIASES[name] for name in plain if name in _ALIASES]
        if not known:
            return (
                f"the metric {names[0] or names[1]!r} is not one of this package; declare it with "
                f"--metric '{names[0] or names[1]}=…'"
            )
        metric, label = known[0], ""
        if metric == "exact_match" and "accuracy" in plain:
            to.notes.warn(
                "the record does not say whether answers were chosen or written; read as "
                "written. For a choice add --metric accuracy=multiple_choice and --chance "
                "'TASK=0.25'",
                about=f"accuracy on {task}",
            )
    if bool(config.get("lower_is_better")) != (metric in _LOWER):
        return f"lower_is_better is {config.get('lower_is_better')}, which {metric} is not"
    return _scaled(metric, label, config)


def _scaled(metric: str, label: str, config: dict[str, Any]) -> tuple[Declared, str] | str:
    """Declaration with the top of the scale that the record states."""
    if not math.isfinite(METRIC_RANGE[metric][1]):
        return Declared(metric), label
    unit = _TOPS.get(str(config.get("metric_unit") or "").lower())
    top = as_number(config.get("max_score"))
    if unit is not None and top is not None and top > 1.0 and unit != top and metric != "brier":
        return f"declares the unit {config['metric_unit']!r} and a maximum of {top:g}: one is wrong"
    stated = top if metric == "brier" else unit or top
    if stated is None and metric in _DISPUTED:
        return "neither unit nor maximum is stated, and tools differ; declare it with --metric"
    if metric == "brier" and stated not in (1.0, 2.0):
        return f"a Brier score with the maximum {stated:g}; declare it as brier/1 or brier/2"
    if stated is not None and stated <= 0:
        return f"a maximum of {stated:g}"
    return Declared(metric, stated), label
