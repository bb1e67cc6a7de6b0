"""every_eval_ever: records of the shared schema, of any version of it (see `eee_schema`).

A record names a model and holds scores with the bounds of their scale, so that
a percentage or a Brier score is told by what the record declares: by
``metric_unit`` or ``max_score``, and refused where it declares neither and the
metric alone does not say.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emergent_stats.importers import lm_eval_terms
from emergent_stats.importers.declare import Declared
from emergent_stats.importers.eee_schema import (
    KNOWN,
    Entry,
    Evaluation,
    Misfit,
    entries,
    plain,
    read_evaluation,
)
from emergent_stats.importers.reading import find_files, read_json, shown
from emergent_stats.importers.records import Collector, Options, Record
from emergent_stats.importers.report import Notes, some
from emergent_stats.model.metrics import ALIASES, METRICS

CITATION = """@misc{batzner2026every,
  author = {Batzner, Jan and Nelaturu, Sree Harsha and Stachura, Damian and others},
  title  = {Every Eval Ever: A Unifying Schema and Community Repository for {AI} Evaluation
            Results},
  year   = {2026},
  eprint = {2606.14516},
  archivePrefix = {arXiv}
}"""

#: Names without case and signs → name of ours; the second line is what HELM's leaderboards say.
_ALIASES = {plain(alias): name for alias, name in ALIASES.items()}
_ALIASES |= {plain(name): name for name in METRICS}
_ALIASES |= {
    "cotcorrect": "exact_match",
    "equivalent": "exact_match",
    "equivalentcot": "exact_match",
}
_ALIASES |= {"bleu1": "bleu", "bleu4": "bleu"}
#: Shares of right answers that may have been written or chosen.
_EITHER = ("acc", "accuracy", "cotcorrect")
#: Names of metrics as they stand in a sentence.
_WORDS = re.compile(
    r"(?<![\w-])(accuracy|exact[ _-]match|f1(?:[ _-]score)?|bleu(?:-[14])?|pass@\d+|perplexity"
    r"|rouge[ _-]?(?:1|2|lsum|l)|brier(?:[ _-]score)?)(?![\w-])",
    re.IGNORECASE,
)
_TOPS = {"percent": 100.0, "percentage": 100.0, "%": 100.0, "proportion": 1.0, "fraction": 1.0}
_SHOWN = 5


@dataclass
class _Inferred:
    """What was read from words or names, for one note about all of it."""

    worded: dict[str, str] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)
    chosen: dict[str, None] = field(default_factory=dict)

    def tell(self, notes: Notes) -> None:
        if self.worded:
            notes.warn(
                "metrics read off descriptions, since no field names them: "
                + some([f"{metric} ({text!r})" for text, metric in self.worded.items()], _SHOWN)
            )
        if self.written:
            notes.warn(
                f"accuracy on {some(self.written, _SHOWN)}: the records do not say whether answers "
                "were chosen or written; read as written. For a choice add --metric "
                f"accuracy=multiple_choice and --chance '{next(iter(self.written))}=0.25'"
            )
        if self.chosen:
            notes.warn(
                f"accuracy on {some(self.chosen, _SHOWN)}: read as a choice among as many options "
                "as tasks of that name have; if answers were written add --metric "
                "accuracy=exact_match"
            )


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of every_eval_ever files."""
    collector, inferred = Collector(options, notes), _Inferred()
    for file in find_files(path, ("*.json",), notes):
        where = shown(file, path)
        data = read_json(file)
        for number, record in enumerate(data if isinstance(data, list) else [data]):
            place = f"{where}, record {number}" if isinstance(data, list) else where
            if not isinstance(record, dict) or "evaluation_results" not in record:
                notes.drop(place, "JSON, but no record of every_eval_ever", group="other")
            else:
                add_record(record, place, collector, inferred)
    inferred.tell(notes)
    return collector.records, None


def add_record(
    data: dict[str, Any], where: str, to: Collector, inferred: _Inferred | None = None
) -> None:
    """Add the scores of one record, given as the plain values of the schema."""
    inferred = inferred or _Inferred()
    try:
        run = read_evaluation(data)
    except Misfit as misfit:
        to.notes.drop(f"{where}: {misfit.place}", misfit.fix, group=misfit.place)
        return
    if run.version[:1] > KNOWN[:1]:
        to.notes.warn(
            f"schema_version {data['schema_version']} is newer than this importer knows "
            f"({KNOWN[0]}.{KNOWN[1]}); check what came in"
        )
    for entry in entries(run):
        if isinstance(entry, Misfit):
            field_name = re.sub(r"\[\d+\]", "", entry.place)
            to.notes.drop(f"{where}: {entry.place}", entry.fix, group=field_name)
            continue
        metric = _named(entry) or (entry.names[0] if entry.names else "")
        name = f"{entry.task}.{metric}" if metric else entry.task
        found = declared(entry, run, to, inferred)
        if isinstance(found, str):
            to.notes.drop(f"{where}, {name}", found, group=metric or entry.task)
            continue
        declaration, label = found
        level = _chance(entry.task)
        record = to.add(
            f"{where}, {name}",
            declaration,
            entry.value,
            task=entry.task,
            label=", ".join(part for part in (label, entry.label) if part),
            stderr=entry.stderr,
            model=run.model,
            params=run.params,
            step=run.step,
            n=entry.n,
            shots=entry.shots,
            when=entry.when,
            chance=math.nan if level is None else level,
            certain=False,
        )
        if record is not None and not entry.certain and record.n == record.n:
            record.assumed.add("n")


def _chance(task: str) -> float | None:
    """Chance level by the task's name, also as leaderboards write it ("MMLU-Pro")."""
    level = lm_eval_terms.chance_by_name(task)
    return level or lm_eval_terms.chance_by_name(re.sub(r"[\s-]+", "_", task.lower()))


def declared(
    entry: Entry, run: Evaluation, to: Collector, inferred: _Inferred
) -> tuple[Declared, str] | str:
    """What the metric of a score is and its label, or why it cannot be used."""
    tables = (lm_eval_terms.TERMS, lm_eval_terms.NOT_A_SKILL)
    own = [name for name in entry.names if run.harness and any(name in table for table in tables)]
    known = _of_harness(entry, own[0], run) if own else _of_name(entry)
    told = "" if isinstance(known, str) else str(known[0])
    names = entry.names or (entry.task,)
    given = to.options.metrics.choose(*names, known=told, place=(entry.task, names[0]))
    if given is not None:
        return given, "" if told or not entry.names else names[0]
    if not own and not isinstance(known, str):
        if not any(_canonical(name) for name in entry.names):
            inferred.worded.setdefault(entry.description, known[0].metric)
        if known[0].metric == "exact_match" and _either(entry):
            inferred.written[entry.task] = None
        elif known[0].metric == "multiple_choice" and not entry.choice and _either(entry):
            inferred.chosen[entry.task] = None
    return known


def _of_harness(entry: Entry, name: str, run: Evaluation) -> tuple[Declared, str] | str:
    """What lm-evaluation-harness means by `name`, on the scale that the record states."""
    found = lm_eval_terms.declaration(entry.task, name, None, {})
    if isinstance(found, str):
        return found
    problem = _directed(entry, found[0].metric)
    if problem or run.version < KNOWN:
        # before 0.3 its converter gave Brier scores and ROUGE bounds that are not theirs
        return problem or found
    return _scaled(found[0].metric, found[1], entry)


def _of_name(entry: Entry) -> tuple[Declared, str] | str:
    """What the record's own names for the metric mean, or else its description."""
    metric = _canonical(_named(entry))
    if not metric:
        return _unknown(entry)
    if metric == "exact_match" and (entry.choice or (_either(entry) and _chance(entry.task))):
        metric = "multiple_choice"
    return _directed(entry, metric) or _scaled(metric, "", entry)


def _either(entry: Entry) -> bool:
    """Whether the metric is a share of right answers that were written or chosen."""
    return plain(_named(entry)) in _EITHER


def _unknown(entry: Entry) -> str:
    if not entry.names:
        return (
            "no field names the metric (metric_name, evaluation_description); declare it with "
            f"--metric '{entry.task}=…'"
        )
    name = entry.names[0]
    return f"the metric {name!r} is not one of this package; declare it with --metric '{name}=…'"


def _canonical(name: str) -> str:
    """Name of ours for what a record calls `name`; "" if it is none."""
    bare = plain(name)
    return _ALIASES.get(bare, "pass_at_k" if re.fullmatch(r"pass(at)?\d+", bare) else "")


def _named(entry: Entry) -> str:
    """What the metric is called by the first field that says something known."""
    return next((name for name in entry.names if _canonical(name)), "") or _worded(entry)


def _worded(entry: Entry) -> str:
    """The one metric that the description names; "" for none or several."""
    words = sorted(word.lower() for word in _WORDS.findall(entry.description))
    return words[0] if len({_canonical(word) for word in words}) == 1 else ""


def _directed(entry: Entry, metric: str) -> str:
    """Why the direction that the record states is not that of the metric; "" if it is."""
    if entry.lower is None or entry.lower == (METRICS[metric].direction < 0):
        return ""
    return f"lower_is_better is {entry.lower}, which {metric} is not"


def _scaled(metric: str, label: str, entry: Entry) -> tuple[Declared, str] | str:
    """Declaration with the top of the scale that the record states."""
    high = METRICS[metric].range[1]
    if not math.isfinite(high):
        return Declared(metric), label
    unit = _TOPS.get(str(entry.config.get("metric_unit") or "").lower())
    top = entry.top
    if unit is not None and top is not None and top > 1.0 and unit != top and metric != "brier":
        said = entry.config["metric_unit"]
        return f"declares the unit {said!r} and a maximum of {top:g}: one is wrong"
    if entry.low is not None and entry.low < 0:
        return f"runs from {entry.low:g}, which {metric} does not; declare it with --metric"
    stated = top if metric == "brier" else unit or top
    if stated is None and (metric == "brier" or METRICS[metric].graded):
        return "neither unit nor maximum is stated, and tools differ; declare it with --metric"
    if metric == "brier" and stated not in (1.0, 2.0):
        return f"a Brier score with the maximum {stated:g}; declare it as brier/1 or brier/2"
    if stated is not None and stated <= 0:
        return f"a maximum of {stated:g}"
    return Declared(metric, None if stated == high else stated), label
