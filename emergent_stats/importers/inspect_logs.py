"""Inspect: ``.eval`` and ``.json`` logs, read by inspect_ai itself.

A log is one task by one model, scored by one or more scorers over one or more
epochs. ``accuracy`` is the mean of right answers; a mean of anything else is
only used where its scorer's scale is known or declared.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.importers.declare import Declared
from emergent_stats.importers.names import clean, revision
from emergent_stats.importers.reading import check_zip, find_files, read_json, shown
from emergent_stats.importers.records import Collector, Options, Record, as_number
from emergent_stats.importers.report import Notes
from emergent_stats.results.extras import require
from emergent_stats.results.files import ResultsError

CITATION = """@software{inspect_ai,
  author = {{UK AI Security Institute}},
  title  = {Inspect AI: Framework for Large Language Model Evaluations},
  year   = {2024},
  url    = {https://inspect.aisi.org.uk/}
}"""

#: (scorer, metric) → declaration; the rest follows from the metric.
_SCORERS = {
    ("choice", "accuracy"): Declared("multiple_choice"),
    ("f1", "mean"): Declared("f1"),
}
#: How answers of several epochs were made one.
_REDUCED = {"mode": "majority_vote", "max": "pass_at_k", "pass_at": "pass_at_k"}
_SPREAD = ("stderr", "std", "var", "bootstrap_stderr", "ci_lower", "ci_upper")
_SHOTS = ("fewshot", "num_fewshot", "n_shots", "shots")
_VALUES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, True: 1.0, False: 0.0}


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of Inspect logs, and their samples if asked for; needs inspect_ai."""
    reader = require("inspect_ai.log", "inspect", "an Inspect log")
    collector = Collector(options, notes)
    tables = []
    for file in find_files(path, ("*.eval", "*.json"), notes):
        where = shown(file, path)
        if not _is_log(file):
            notes.drop(where, "JSON, but no log of Inspect", group="other")
            continue
        log = _read(reader.read_eval_log, file, header_only=True)
        if log.status != "success" or getattr(log, "invalidated", False):
            why = f": {_first_line(log.error.message)}" if log.error else ""
            state = "invalidated" if log.status == "success" else f"status {log.status}{why}"
            notes.drop(where, f"not a finished run ({state})", group=where)
            continue
        summaries = _read(reader.read_eval_log_sample_summaries, file)
        _add_log(log, summaries, where, collector)
        if options.items:
            tables.append(_items(log, summaries))
    items = pd.concat(tables, ignore_index=True) if tables else None
    return collector.records, items


def _is_log(file: Path) -> bool:
    if file.suffix == ".eval":
        check_zip(file)
        return True
    data = read_json(file)
    return isinstance(data, dict) and "eval" in data and "version" in data


def _read(function: Any, file: Path, **how: Any) -> Any:
    try:
        return function(str(file), **how)
    except Exception as error:  # another package's reader can raise anything
        raise ResultsError(
            f"{file}: inspect_ai cannot read it ({_first_line(error)}); is it cut short, or from a "
            "newer version?"
        ) from None


def _add_log(log: Any, summaries: list[Any], where: str, to: Collector) -> None:
    given, epochs = to.options.metrics, log.eval.config.epochs or 1
    sizes = [len(s.choices) for s in summaries if getattr(s, "choices", None)]
    checkpoint = revision(log.eval.model)
    for score in log.results.scores if log.results else ():
        values = {name.rsplit("/", 1)[-1]: metric.value for name, metric in score.metrics.items()}
        stderr = values.get("stderr", values.get("bootstrap_stderr"))
        for metric, value in values.items():
            if metric in _SPREAD:
                continue
            full = f"{score.name}/{metric}"
            declared = _declared(score, metric)
            known = "" if declared is None else str(declared)
            declared = given.choose(full, score.name, known=known, place=(where, full)) or declared
            if declared is None:
                to.notes.drop(
                    f"{where}, {full}",
                    "a score whose scale Inspect does not fix; declare it, for example "
                    f"--metric '{full}=f1'",
                    group=full,
                )
                continue
            to.add(
                f"{where}, {full}",
                declared,
                value,
                task=log.eval.task,
                label=_label(score, len(log.results.scores)),
                stderr=stderr,
                mean_error=epochs == 1,
                model=log.eval.model,
                n=_count(log, score, epochs),
                shots=_shots(log.eval.task_args),
                step=math.nan if checkpoint.step is None else checkpoint.step,
                when=str(log.eval.created),
                chance=sum(1.0 / size for size in sizes) / len(sizes) if sizes else math.nan,
            )


def _declared(score: Any, metric: str) -> Declared | None:
    known = _SCORERS.get((score.scorer, metric))
    if metric != "accuracy":
        return known
    reducer = str(score.reducer or "")
    for start, name in _REDUCED.items():
        if reducer.startswith(start):
            return Declared(name)
    return known or Declared("exact_match")


def _label(score: Any, scores: int) -> str:
    """What tells this score from the others of its log."""
    reducer = str(score.reducer or "")
    label = "" if scores == 1 else str(score.name)
    return label if reducer in ("", "mean") else f"{label} {reducer}".strip()


def _count(log: Any, score: Any, epochs: int) -> float:
    counted = as_number(getattr(score, "scored_samples", None))
    total = as_number(log.results.completed_samples)
    return counted or (total / epochs if total else math.nan)


def _shots(arguments: dict[str, Any]) -> int | None:
    for name in _SHOTS:
        value = arguments.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _items(log: Any, summaries: list[Any]) -> pd.DataFrame:
    """One row per sample, epoch and scorer."""
    rows = [
        {
            "model": clean(log.eval.model),
            "task": clean(log.eval.task),
            "filter": name,
            "item": str(summary.id),
            "epoch": summary.epoch,
            "score": _value(score.value),
        }
        for summary in summaries
        for name, score in (summary.scores or {}).items()
    ]
    return pd.DataFrame(rows, columns=["model", "task", "filter", "item", "epoch", "score"])


def _value(value: Any) -> float:
    if isinstance(value, str | bool) and value in _VALUES:
        return _VALUES[value]
    number = as_number(value)
    return math.nan if number is None else number


def _first_line(message: object) -> str:
    """One line of a foreign message, short enough for a report."""
    lines = str(message).strip().splitlines() or [type(message).__name__]
    return lines[0][:200]
