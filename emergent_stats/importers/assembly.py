"""From records to a results table: scale, families, missing counts, repeated runs."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.importers.names import clean, key, size_in_name
from emergent_stats.importers.records import Options, Record
from emergent_stats.importers.repeats import without_repeats
from emergent_stats.importers.report import Notes, some
from emergent_stats.importers.scales import Models, default_models_path, read_models
from emergent_stats.model.metrics import METRICS
from emergent_stats.results.corpus import COLUMNS, validate
from emergent_stats.results.files import ResultsError

_SHOWN = 8
#: Family of models that are named by nothing but their size.
UNNAMED = "models"


def assemble(
    records: list[Record], options: Options, notes: Notes, source: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Validated results table of `records`, and the models without a line in the models table.

    Raises
    ------
    ResultsError
        If no record can be used, or two of them contradict each other and nothing
        says which counts.
    """
    if not records:
        raise ResultsError(f"{source}: nothing in it can be imported{_reasons(notes)}")
    unknown = _place(records, options, read_models(options.models), notes)
    _fill_counts(records, notes)
    rows = _by_series(_usable(records, notes), notes)
    rows = without_repeats(rows, options.duplicates, notes, source)
    if not rows:
        raise ResultsError(
            f"{source}: none of its {len(records):,} scores can be used{_reasons(notes)}"
        )
    path = Path(source).resolve()
    study = clean(options.study or (path.stem if path.is_file() else path.name)) or "import"
    frame = pd.DataFrame([_row(record, study) for record in rows], columns=list(COLUMNS))
    table = validate(frame, source=source)
    for text in (*options.chance.messages(), *options.metrics.messages()):
        notes.warn(text)
    for text in table.attrs.get("notes", ()):
        notes.warn(text)
    return table, unknown


def _reasons(notes: Notes) -> str:
    dropped = [str(item) for item in notes.dropped]
    more = f"\n… and {len(dropped) - _SHOWN:,} more" if len(dropped) > _SHOWN else ""
    return ":\n" + "\n".join(dropped[:_SHOWN]) + more if dropped else ""


def _place(
    records: list[Record], options: Options, models: Models, notes: Notes
) -> tuple[str, ...]:
    """Fill family and axes from the models table; what it lacks, from the name itself."""
    unknown: dict[str, None] = {}
    read_off: dict[str, None] = {}
    guessed: dict[str, None] = {}
    for record in records:
        line = models.get(record.model)
        size = None
        if line is None:
            size = size_in_name(record.model)
            if not _scaled(replace(record, step=math.nan)):
                unknown[record.model] = None
        if math.isnan(record.params):
            if line is not None:
                record.params = line.params
                record.assumed |= {"params"} & set(line.derived)
            if math.isnan(record.params) and size is not None:
                record.params = size.params
                record.assumed.add("params")
                read_off[record.model] = None
        stepped = not math.isnan(record.step)
        if math.isnan(record.tokens) and line is not None:
            # what the table says of a finished model is not true of its checkpoints
            record.tokens = line.tokens
            record.assumed |= {"tokens"} & set(line.derived)
            if stepped:
                record.tokens = record.step * line.tokens_per_step if record.step else math.nan
                record.assumed.add("tokens")
        if record.date is None and line is not None and not stepped and line.date:
            record.date = line.date
            record.assumed |= {"date"} & set(line.derived)
        if math.isnan(record.flops) and line is not None and not stepped:
            record.flops = line.flops
            record.assumed |= {"flops"} & set(line.derived)
        if math.isnan(record.flops) and record.params * record.tokens > 0:
            record.flops = 6.0 * record.params * record.tokens
            record.assumed.add("flops")
        record.family = clean(options.family or record.family or (line.family if line else ""))
        if not record.family:
            record.family = models.family(record.model) or UNNAMED
            guessed[record.family] = None
    if guessed:
        notes.warn(
            f"families read off the models' names: {some(guessed, _SHOWN)}; if models in one of "
            "them were not trained alike give them families in a models table"
        )
    if read_off:
        notes.warn(
            f"parameters read off the names of {len(read_off)} models ({some(read_off, _SHOWN)}); "
            "give them a line in a models table to be sure (columns as in "
            f"{default_models_path().name})"
        )
    return tuple(unknown)


def _scaled(record: Record) -> bool:
    scales = (record.params, record.tokens, record.flops, record.step)
    return record.date is not None or any(value > 0 for value in scales)


def _fill_counts(records: list[Record], notes: Notes) -> None:
    """Give a score without n the n that every other score on the same data has."""
    counts: dict[str, set[float]] = defaultdict(set)
    for record in records:
        if not math.isnan(record.n):
            counts[record.dataset].add(record.n)
    lacking: dict[str, None] = {}
    for record in records:
        if math.isnan(record.n):
            known = counts.get(record.dataset, set())
            if len(known) == 1:
                record.n = next(iter(known))
                record.assumed.add("n")
            else:
                lacking[record.dataset] = None
    if lacking:
        notes.warn(f"number of examples unknown for some scores on {some(lacking, _SHOWN)}")


def _usable(records: list[Record], notes: Notes) -> list[Record]:
    """Records without those that chose among an unknown number of options or have no scale."""
    kept = []
    for record in records:
        if METRICS[record.metric].needs_chance and not record.chance > 0:
            notes.drop(
                record.task,
                "a choice among options, but of how many is not in the file; give its chance "
                "level (--chance 'TASK=0.25' for four options)",
            )
        elif not _scaled(record):
            notes.drop(
                record.model,
                "no parameters, tokens, FLOPs, step or date are known of this model; give it a "
                "line in a models table (option models: columns "
                "model,params,tokens,flops,date,family)",
            )
        else:
            kept.append(record)
    return kept


def _by_series(records: list[Record], notes: Notes) -> list[Record]:
    """Lay out checkpoints so that along every series one thing varies.

    A model seen at several steps is a family of its own along training; at its last step it also
    stands, without the step, among its sisters of other sizes. Untrained models (step 0 has no
    place on a log axis) are a family by size.
    """
    steps: dict[tuple[str, str], set[float]] = defaultdict(set)
    for record in records:
        if not math.isnan(record.step):
            steps[record.family, record.model].add(record.step)
    last = {name: max(found) for name, found in steps.items()}
    for family in {family for family, _ in last}:
        ends = {step for (other, _), step in last.items() if other == family}
        if len(ends) > 1 and any(len(found) > 1 for (f, _), found in steps.items() if f == family):
            told = ", ".join(f"{step:.15g}" for step in sorted(ends)[:_SHOWN])
            notes.warn(
                "the last checkpoints are at different steps; compared by size they may be "
                "trained unequally",
                about=f"{family} ({told})",
            )
    rows = []
    for record in records:
        name = (record.family, record.model)
        if math.isnan(record.step):
            rows.append(record)
            continue
        if len(steps[name]) > 1:
            along = f"{key(record.model)} training"
            if record.step > 0:
                model = f"{record.model} step{record.step:.15g}"
                rows.append(replace(record, family=along, model=model))
            elif record.params > 0:
                untrained = {"family": f"{record.family} untrained", "step": math.nan}
                bare = {"tokens": math.nan, "flops": math.nan}
                rows.append(replace(record, model=f"{record.model} step0", **untrained, **bare))
        if record.step == last[name]:
            finished = replace(record, step=math.nan)
            rows.append(finished if _scaled(finished) else record)
    return rows


def _row(record: Record, study: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(record, name, None) for name in COLUMNS}
    row["study"] = study
    row["assumed"] = ",".join(
        name
        for name in COLUMNS
        if name in record.assumed and (row[name] is not None and row[name] == row[name])
    )
    return row
