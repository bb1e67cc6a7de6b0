"""lm-evaluation-harness: result files of 0.3 and of 0.4 on, and per-sample records.

Version 0.3 writes ``{"results": {task: {"acc": …, "acc_stderr": …}}, "versions",
"config"}``; from 0.4 the metric's key carries a filter (``"acc,none"``), what a
task is stands under ``configs``, and groups of tasks have rows of their own.
Records of single samples lie beside them as ``samples_<task>_<time>.jsonl``.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emergent_stats.importers import lm_eval_terms as terms
from emergent_stats.importers.lm_eval_terms import NO_FILTER, STAMP, Run
from emergent_stats.importers.names import clean, revision
from emergent_stats.importers.reading import find_files, read_json, shown
from emergent_stats.importers.records import Collector, Options, Record, as_number, as_object, whole
from emergent_stats.importers.report import Notes

CITATION = terms.CITATION
#: Keys of a task's results that are no metrics.
_OTHER = ("alias", "name", "sample_len", "sample_count", "samples", " ")


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of a file or folder of lm-evaluation-harness, and its samples if asked for."""
    from emergent_stats.importers.lm_eval_join import add_samples

    files = find_files(path, ("*.json", "samples_*.jsonl"), notes)
    collector = Collector(options, notes)
    runs: dict[Path, Run] = {}
    for file in files:
        if file.suffix != ".jsonl":
            run = read_run(file, shown(file, path), notes)
            if run is not None:
                runs[file] = run
    _check_versions(runs.values(), notes)
    for run in runs.values():
        add_run(run, collector)
    samples = [file for file in files if file.suffix == ".jsonl"]
    items = add_samples(samples, runs, collector, path) if samples else None
    return collector.records, items


def read_run(file: Path, where: str, notes: Notes) -> Run | None:
    """Result file as a `Run`; None, noted, for a JSON file of something else."""
    data = read_json(file)
    if not (isinstance(data, dict) and isinstance(data.get("results"), dict)):
        notes.drop(
            where, "JSON, but no result file of lm-eval (it has no 'results')", group="other"
        )
        return None
    if "config_general" in data:
        notes.drop(where, "a result file of lighteval, which this does not read", group="other")
        return None
    config = as_object(data.get("config"))
    tasks = {clean(k): v for k, v in data["results"].items() if isinstance(v, dict)}
    new = any(key in data for key in ("configs", "n-shot", "group_subtasks", "lm_eval_version"))
    arguments = _arguments(config.get("model_args"))
    name = data.get("model_name") or arguments.get("pretrained") or arguments.get("model")
    if not name and str(config.get("model") or "").lower() not in ("", "hf", "hf-causal", "gpt2"):
        name = config.get("model")
    if not name:
        notes.warn("names no model; called after the file", about=where)
    name = clean(name or file.stem).rstrip("/")
    if name.startswith(("/", ".", "~")):  # a folder of somebody's disk: only its name is one
        name = name.rsplit("/", 1)[-1]
    revised = revision(str(arguments.get("revision") or config.get("model_revision") or ""))
    run = Run(
        where, name, tasks, new, when=_when(file, data), versions=as_object(data.get("versions"))
    )
    run.step = math.nan if revised.step is None else revised.step
    run.tokens = math.nan if revised.tokens is None else revised.tokens
    run.configs = {clean(k): as_object(v) for k, v in as_object(data.get("configs")).items()}
    members = as_object(data.get("group_subtasks"))
    run.groups = {
        clean(k): [clean(t) for t in v] for k, v in members.items() if v and isinstance(v, list)
    }
    for key in as_object(data.get("groups")):
        run.groups.setdefault(clean(key), [])
    shots = {clean(k): v for k, v in as_object(data.get("n-shot")).items()}
    sizes = {clean(k): v for k, v in as_object(data.get("n-samples")).items()}
    for task, cells in tasks.items():
        run.shots[task] = whole(shots.get(task, None if new else config.get("num_fewshot")))
        size = as_object(sizes.get(task)).get("effective", cells.get("sample_len"))
        run.counts[task] = as_number(size) or math.nan
    return run


def _arguments(value: Any) -> dict[str, Any]:
    """Model arguments, written ``a=b,c=d`` or as an object."""
    if isinstance(value, dict):
        return value
    pairs = (part.partition("=") for part in str(value or "").split(","))
    return {key.strip(): text.strip() for key, sign, text in pairs if sign}


def _when(file: Path, data: dict[str, Any]) -> str:
    """Time of a run, in a form that sorts; "" if it has none."""
    stamp = STAMP.search(file.name)
    if stamp:
        return re.sub(r"[^0-9T]", "", stamp.group(1))
    date = as_number(data.get("date"))
    if date is None or not 0 < date < 4e9:
        return ""
    return datetime.fromtimestamp(date, UTC).strftime("%Y%m%dT%H%M%S")


def _check_versions(runs: Any, notes: Notes) -> None:
    """Say so where one folder mixes versions of the harness, or of a task."""
    runs = list(runs)
    if len({run.new for run in runs}) > 1:
        notes.warn(
            "result files of lm-eval before and after 0.4 in one folder: tasks of the same name "
            "may differ in prompt and scoring"
        )
    seen: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for task, version in run.versions.items():
            seen[clean(task)].add(str(version))
    for task, versions in seen.items():
        if len(versions) > 1:
            notes.warn(
                "these are different measurements; import them apart",
                about=f"{task} was scored by versions {', '.join(sorted(versions))} of the task",
            )


def add_run(run: Run, collector: Collector) -> None:
    """Add every score of a run that can be used."""
    for task, cells in run.results.items():
        leaves = _leaves(task, run.groups)
        for key, value in cells.items():
            metric, _, filter_name = key.partition(",")
            if metric in _OTHER or metric.endswith("_stderr") or not metric.strip():
                continue
            found = _declared(task, metric, leaves, run, collector)
            where = f"{run.where}, results[{task}]"
            if isinstance(found, str):
                collector.notes.drop(f"{where}.{key}", found, group=metric)
                continue
            declared, label = found
            if filter_name not in NO_FILTER:
                label = ", ".join(part for part in (label, filter_name) if part)
            stderr = cells.get(f"{metric}_stderr{',' + filter_name if filter_name else ''}")
            level, certain = _chance(leaves or [task], run)
            collector.add(
                f"{where}.{key}" + (" (mean over a group)" if leaves else ""),
                declared,
                value,
                task=task,
                label=label,
                stderr=stderr,
                mean_error=not leaves,
                model=run.model,
                step=run.step,
                tokens=run.tokens,
                n=_count(task, key, leaves, run),
                shots=_shots(task, leaves, run),
                when=run.when,
                chance=level,
                certain=certain,
            )


def _leaves(task: str, groups: dict[str, list[str]], depth: int = 0) -> list[str]:
    """Tasks under a group, all levels; empty for a task that is none."""
    if depth > 20:
        return []
    members = groups.get(task, [])
    every = [leaf for m in members for leaf in _leaves(m, groups, depth + 1) or [m]]
    return list(dict.fromkeys(every))


def _declared(
    task: str, metric: str, leaves: list[str], run: Run, collector: Collector
) -> tuple[Any, str] | str:
    if not leaves:
        kind = run.configs.get(task, {}).get("output_type")
        return terms.declaration(task, metric, kind, collector.options.metrics)
    answers = [_declared(leaf, metric, [], run, collector) for leaf in leaves]
    if any(answer != answers[0] for answer in answers):
        return "a mean over tasks that are scored in different ways"
    return answers[0]


def _count(task: str, key: str, leaves: list[str], run: Run) -> float:
    if not leaves:
        return run.counts.get(task, math.nan)
    counted = as_number(as_object(run.results[task].get("sample_count")).get(key))
    return counted or sum(run.counts.get(leaf, math.nan) for leaf in leaves)


def _shots(task: str, leaves: list[str], run: Run) -> int | None:
    values = {run.shots.get(leaf) for leaf in leaves or [task]}
    return values.pop() if len(values) == 1 else None


def _chance(tasks: list[str], run: Run) -> tuple[float, bool]:
    """Chance level of a task or mean over a group, and whether the file itself tells it."""
    total = weight = 0.0
    certain = True
    for task in tasks:
        options = run.configs.get(task, {}).get("doc_to_choice")
        if isinstance(options, list) and len(options) > 1:
            level = 1.0 / len(options)
        else:
            level, certain = terms.chance_by_name(task) or math.nan, False
        size = run.counts.get(task, math.nan)
        share = size if size == size else 1.0
        total += share * level
        weight += share
    return (total / weight if weight else math.nan), certain
