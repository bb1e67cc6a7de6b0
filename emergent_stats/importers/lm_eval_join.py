"""Per-sample records of lm-eval joined to the result files beside them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from emergent_stats.importers import lm_eval_terms as terms
from emergent_stats.importers.declare import Declared
from emergent_stats.importers.likelihoods import Moments, Samples
from emergent_stats.importers.lm_eval_samples import read_samples
from emergent_stats.importers.lm_eval_terms import NO_FILTER, STAMP, Run
from emergent_stats.importers.names import clean
from emergent_stats.importers.reading import shown
from emergent_stats.importers.records import Collector, Record

#: Metrics of ours that are the mean of the samples' own values.
_MEANS = ("exact_match", "multiple_choice", "f1", "pass_at_k")
_AGREE = 1e-6


def add_samples(
    files: list[Path], runs: dict[Path, Run], collector: Collector, root: Path
) -> pd.DataFrame | None:
    """Add what samples files say beyond the result files; the table of samples if asked for.

    From one file come the score (if no result file holds it), its exact n and
    chance level, and the continuous twin of the same outputs.
    """
    held: dict[tuple[str, str, str], Record] = {
        (record.source.partition(", results[")[0], record.task, record.metric): record
        for record in collector.records
    }
    tables = []
    for file in files:
        run, task = _partner(file, runs, collector, shown(file, root))
        for name, samples in read_samples(file, keep=collector.options.items).items():
            _Join(run, task, name, samples, collector, held, shown(file, root)).add()
            if collector.options.items:
                tables.append(_table(run.model, task, name, samples))
    if not tables:
        return None
    return pd.concat(tables, ignore_index=True).astype(
        {"model": "category", "task": "category", "filter": "category"}
    )


def _partner(
    file: Path, runs: dict[Path, Run], collector: Collector, where: str
) -> tuple[Run, str]:
    """The run a samples file belongs to, and its task."""
    stamp = STAMP.search(file.name)
    task = file.stem[len("samples_") :] if file.stem.startswith("samples_") else file.stem
    if stamp:
        task = task[: task.rfind(stamp.group(1))].rstrip("_")
        task = task or file.stem
    beside = {path: run for path, run in runs.items() if path.parent == file.parent}
    same = [run for path, run in beside.items() if stamp and stamp.group(1) in path.name]
    if same or len(beside) == 1:
        return (same or list(beside.values()))[0], clean(task)
    collector.notes.warn(
        "the model is taken from the folder's name, and shots are unknown",
        about=f"no result file beside {where}",
    )
    model = clean(file.resolve().parent.name.replace("__", "/"))
    return Run(where, model, {}, True), clean(task)


class _Join:
    """One samples file under one filter, beside the run it belongs to."""

    def __init__(
        self,
        run: Run,
        task: str,
        filter_name: str,
        samples: Samples,
        collector: Collector,
        held: dict[tuple[str, str, str], Record],
        where: str,
    ) -> None:
        self.run, self.task, self.samples = run, task, samples
        self.label = "" if filter_name in NO_FILTER else clean(filter_name)
        self.collector, self.held, self.where = collector, held, where

    def add(self) -> None:
        samples = self.samples
        for metric, moments in samples.metrics.items():
            kind = self.run.configs.get(self.task, {}).get("output_type") or self._kind()
            found = terms.declaration(self.task, metric, kind, self.collector.options.metrics)
            where = f"{self.where}, mean of {metric}"
            if isinstance(found, str):
                self.collector.notes.drop(where, found, group=metric)
            elif found[0].metric in _MEANS:
                problem = _one_outside(found[0], moments)
                if moments.n != samples.n:
                    problem = "a number in some records and none in others"
                if problem:
                    self.collector.notes.drop(where, problem, group=metric)
                    continue
                label = ", ".join(part for part in (found[1], self.label) if part)
                self._put(where, found[0], moments.mean, moments.stderr, label)
            elif metric == "perplexity" and samples.target and not samples.target.infinite:
                nll = samples.target.nll
                if nll.mean < 700:
                    value = math.exp(nll.mean)
                    self._put(where, found[0], value, value * nll.stderr, self.label)
        self._continuous()

    def _continuous(self) -> None:
        samples, notes = self.samples, self.collector.notes
        if not samples.options.n:
            return
        if samples.target is None:
            notes.drop(
                f"{self.where}: likelihood of the right answer",
                "which option is right cannot be read from the records",
                group="target",
            )
        elif samples.target.infinite:
            notes.drop(
                f"{self.where}: likelihood of the right answer",
                f"infinite in {samples.target.infinite:,} of {samples.n:,} records",
                group="infinite",
            )
        else:
            bits, brier = samples.target.bits, samples.target.brier
            if bits.n == samples.n:
                where = f"{self.where}, mean of -log2 p(right answer) / bytes"
                self._put(where, Declared("bits_per_byte"), bits.mean, bits.stderr, self.label)
            if brier.n == samples.n:
                where = f"{self.where}, mean Brier score over options"
                self._put(where, Declared("brier", 2.0), brier.mean, brier.stderr, self.label)

    def _kind(self) -> str:
        if not self.samples.options.n:
            return "generate_until"
        return "multiple_choice" if self.samples.options.mean < 1 else "loglikelihood"

    def _put(self, where: str, declared: Declared, value: float, stderr: float, label: str) -> None:
        """Add a score, or complete the one that the result file has."""
        task = f"{self.task} [{label}]" if label else self.task
        before = self.held.get((self.run.where, task, declared.metric))
        options = self.samples.options
        told = bool(options.n) and declared.metric in ("multiple_choice", "brier")
        apart = before is not None and (
            abs(before.score - declared.convert(value)) > _AGREE * max(1.0, abs(before.score))
        )
        if before is None:
            before = self.collector.add(
                where,
                declared,
                value,
                task=self.task,
                label=label,
                stderr=stderr,
                model=self.run.model,
                step=self.run.step,
                tokens=self.run.tokens,
                n=float(self.samples.n),
                shots=self.run.shots.get(self.task),
                when=self.run.when,
            )
            if before is None:
                return
        if apart:
            self.collector.notes.warn(
                "are the files of one run? The result file counts",
                about=f"{where} is {value:.6g}, but {before.score:.6g} in {before.source}",
            )
        else:
            if math.isnan(before.stderr) and stderr > 0:
                before.stderr = declared.convert(stderr)
            if math.isnan(before.n) or "n" in before.assumed:
                before.n = float(self.samples.n)
                before.assumed.discard("n")
        if told and options.mean == options.mean:
            self.collector.set_chance(before, options.mean, certain=True)


def _one_outside(declared: Declared, values: Moments) -> str | None:
    """Why one of the values cannot be `declared`, though their mean may look like it."""
    for value in (values.least, values.most):
        if problem := declared.problem(value):
            return f"one record has {problem}"
    return None


def _table(model: str, task: str, filter_name: str, samples: Samples) -> pd.DataFrame:
    """Records of one file and filter, one row each."""
    import pyarrow as pa

    items = samples.items
    assert items is not None
    n = samples.n
    empty = [np.full(n, np.nan)]
    ends = np.cumsum(np.concatenate([[0], *(items.counts or [np.zeros(n, int)])]))
    flat = np.concatenate(items.choices) if items.choices else np.empty(0)
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(flat))
    return pd.DataFrame(
        {
            "model": model,
            "task": task,
            "filter": filter_name,
            "item": pd.array([str(doc) for doc in items.doc], dtype="str"),
            "score": items.score,
            "target_logprob": np.concatenate(items.target_logprob or empty),
            "choice_logprob": np.concatenate(items.choice_logprob or empty),
            "logprobs": pd.array(lists, dtype=pd.ArrowDtype(pa.list_(pa.float64()))),
        }
    )
