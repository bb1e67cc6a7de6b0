"""Fields of every_eval_ever records, of schema 0.0.1 to 0.3, in one form.

The versions differ in what a record has to say and in how strictly. Up to 0.2.0
there is no ``eval_library``, details are numbers or nested objects and no field
holds the metric's name, which stands in ``evaluation_description`` ("acc",
"Accuracy on IFEval", "exact_match (filter: strict-match)") or in the
``evaluation_name`` ("NarrativeQA - F1", "exact_match test on mmlu"). 0.2.1 asks for
``eval_library`` and for details that are text; ``metric_name``, ``metric_id`` and
``metric_unit`` came after it. Here numbers may be text and text may be numbers; what is
needed and cannot be read is a `Misfit`, which names the field and the fix.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emergent_stats.importers.names import clean, revision
from emergent_stats.importers.records import as_object, whole

#: Newest version whose fields are known here.
KNOWN = (0, 3)
_NOTHING = ("", "na", "n/a", "nan", "none", "null", "-", "unknown")
_FILTER = re.compile(r"(.+?) \(filter: (.+)\)")
_HELM_NAME = re.compile(r"(\S+)(?: (train|valid|test))? on (.+)")
_SUM = re.compile(r"\bsum=([0-9.]+) \((\d+)\)")
#: Longest text, in characters and words, that is the name of a metric and no sentence.
_SHORT, _WORDS = 40, 4


class Misfit(Exception):
    """A field that cannot be read: where it is, its value and what to do."""

    def __init__(self, place: str, value: Any, fix: str) -> None:
        shown = "is missing" if value is None else f"is {_brief(value)}"
        super().__init__(f"{place} {shown}: {fix}")
        self.place, self.fix = f"{place} {shown}", fix


def _brief(value: Any) -> str:
    text = clean(repr(value))
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


@dataclass
class Entry:
    """One score of a record.

    Attributes
    ----------
    task, label : str
        What was asked, and what tells this score from others on it.
    names : tuple of str
        What the metric is called, the most explicit first.
    description : str
        What the record says about it in words.
    choice : bool
        Whether the record says that answers were chosen from options.
    value, stderr, n : float or None
        As in the record.
    certain : bool
        Whether `n` is said and not counted from other fields.
    """

    place: str
    task: str
    label: str = ""
    names: tuple[str, ...] = ()
    description: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    lower: bool | None = None
    low: float | None = None
    top: float | None = None
    choice: bool = False
    value: float | None = None
    stderr: float | None = None
    n: float = math.nan
    certain: bool = True
    shots: int | None = None
    when: str = ""


@dataclass
class Evaluation:
    """What a record says of the model and the run, and its results as they stand."""

    model: str
    params: float
    step: float
    library: str
    version: tuple[int, ...]
    when: str
    results: list[Any]

    @property
    def harness(self) -> bool:
        """Whether lm-evaluation-harness made it."""
        return self.library in ("lmeval", "lmevaluationharness", "lmevalharness")


def read_evaluation(data: dict[str, Any]) -> Evaluation:
    """The record without its scores; a `Misfit` if it names no model or holds no results."""
    model = data.get("model_info")
    if not isinstance(model, dict):
        raise Misfit("model_info", model, "write an object with the model's id")
    name = _text(model.get("id")) or _text(model.get("name"))
    if not name:
        raise Misfit("model_info.id", model.get("id"), "write the model's name, developer/model")
    results = data["evaluation_results"]
    if not isinstance(results, list) or not results:
        raise Misfit("evaluation_results", results, "write a list of one or more results")
    details = as_object(model.get("additional_details"))
    place = "model_info.additional_details"
    billions = number(details.get("params_billions"), f"{place}.params_billions")
    stated = number(details.get("num_parameters"), f"{place}.num_parameters")
    params = (billions or 0.0) * 1e9
    params = params if params > 0 else stated or 0.0
    checkpoint = revision(str(details.get("revision") or details.get("model_args") or ""))
    library = as_object(data.get("eval_library")).get("name")
    if plain(library) in ("", "unknown"):
        library = as_object(data.get("source_metadata")).get("source_name")
    return Evaluation(
        model=name,
        params=params if 0 < params < math.inf else math.nan,
        step=math.nan if checkpoint.step is None else checkpoint.step,
        library=plain(library),
        version=tuple(
            int(part) for part in re.findall(r"\d{1,9}", _text(data.get("schema_version")))
        ),
        when=_text(data.get("evaluation_timestamp")) or _text(data.get("retrieved_timestamp")),
        results=results,
    )


def entries(run: Evaluation) -> Iterator[Entry | Misfit]:
    """The scores of a record, in order; a `Misfit` for each that cannot be read."""
    scorers = {_text(r.get("evaluation_name")) for r in run.results if isinstance(r, dict)}
    for position, result in enumerate(run.results):
        place = f"evaluation_results[{position}]"
        try:
            if not isinstance(result, dict):
                raise Misfit(
                    place, result, "write an object with evaluation_name and score_details"
                )
            yield _entry(result, place, run, len(scorers) > 1)
        except Misfit as misfit:
            yield misfit


def _entry(result: dict[str, Any], place: str, run: Evaluation, several: bool) -> Entry:
    source = as_object(result.get("source_data"))
    dataset = _text(source.get("dataset_name"))
    name = _text(result.get("evaluation_name")) or dataset
    if not name:
        raise Misfit(f"{place}.evaluation_name", None, "write the name of the task")
    config = result.get("metric_config")
    if not isinstance(config, dict):
        fix = "write an object with metric_name, lower_is_better, min_score and max_score"
        raise Misfit(f"{place}.metric_config", config, fix)
    found = Entry(place, name, config=config)
    _name(found, dataset, source, run, several)
    _scale(found)
    _score(found, result, source)
    generation = as_object(result.get("generation_config"))
    details = as_object(generation.get("additional_details"))
    steps = as_object(as_object(generation.get("generation_args")).get("eval_plan")).get("steps")
    found.choice |= _text(details.get("method")).startswith("multiple_choice")
    found.choice |= '"multiple_choice"' in json.dumps(steps).replace('\\"', '"')
    shots = whole(details.get("num_fewshot"))
    found.shots = found.shots if shots is None else shots
    found.when = _text(result.get("evaluation_timestamp")) or run.when
    return found


def _name(
    found: Entry, dataset: str, source: dict[str, Any], run: Evaluation, several: bool
) -> None:
    """What was asked and by what measure, from the fields that each tool fills in its way."""
    config, name = found.config, found.task
    found.description = _text(config.get("evaluation_description"))
    said = [_text(config.get(key)) for key in ("metric_name", "metric_id", "metric_kind")]
    filtered = _FILTER.fullmatch(found.description)
    described = filtered[1] if filtered else found.description
    if filtered and name.endswith(f"/{filtered[2]}"):
        found.task, found.label = name.removesuffix(f"/{filtered[2]}"), filtered[2]
    helm = _HELM_NAME.fullmatch(name)
    base, dash, last = name.rpartition(" - ")
    if run.library == "inspectai":
        # Inspect's converter writes the scorer where others write the task
        found.task, found.label = dataset or name, name if several and dataset else ""
        found.choice = name == "choice"
    elif helm and helm[1] == described and helm[3] == dataset:
        found.task = dataset + _arguments(source)
        found.label = helm[2] if helm[2] not in (None, "test") else ""
    elif dash and not said[0] and base == dataset:
        found.task = base
        said.append(last)
    said += [described, described.partition(" on ")[0]]
    found.names = tuple(dict.fromkeys(text for text in said if _is_name(text)))


def _is_name(text: str) -> bool:
    """Whether `text` can be the name of a metric and no sentence about it."""
    return 0 < len(text) <= _SHORT and len(text.split()) <= _WORDS and text[-1] != "."


def _arguments(source: dict[str, Any]) -> str:
    """Arguments of a HELM scenario as its own run names write them."""
    arguments = as_object(as_object(source.get("additional_details")).get("scenario_args"))
    parts = [f"{key}={value}" for key, value in arguments.items() if isinstance(value, str | int)]
    return clean(":" + ",".join(parts)) if parts else ""


def _scale(found: Entry) -> None:
    config, place = found.config, f"{found.place}.metric_config"
    lower = config.get("lower_is_better")
    if isinstance(lower, str) and lower.strip().lower() in ("true", "false"):
        lower = lower.strip().lower() == "true"
    if lower is not None and lower not in (True, False):
        raise Misfit(f"{place}.lower_is_better", lower, "write true or false")
    found.lower = None if lower is None else bool(lower)
    found.low = _finite(number(config.get("min_score"), f"{place}.min_score"))
    found.top = _finite(number(config.get("max_score"), f"{place}.max_score"))


def _score(found: Entry, result: dict[str, Any], source: dict[str, Any]) -> None:
    """Score, standard error and number of examples."""
    given, place = result.get("score_details"), f"{found.place}.score_details"
    if given is None:
        raise Misfit(place, None, "write an object with the score")
    details = given if isinstance(given, dict) else {"score": given}
    found.value = number(details.get("score"), f"{place}.score")
    uncertainty = as_object(details.get("uncertainty"))
    error = uncertainty.get("standard_error")
    error = error.get("value") if isinstance(error, dict) else error
    found.stderr = _finite(number(error, f"{place}.uncertainty.standard_error"))
    count = number(uncertainty.get("num_samples"), f"{place}.uncertainty.num_samples")
    if count is not None and 0 < count < math.inf:
        found.n = count
        return
    found.certain = False
    ids = source.get("sample_ids")
    more = as_object(details.get("details"))
    counted = _of_group(more.get(f"{found.task} - # eval"))
    if counted is not None:
        found.n = counted
    elif isinstance(ids, list) and ids:
        found.n = float(len({str(each) for each in ids}))
    trained = _loaded(more.get(f"{found.task} - # train"))
    found.shots = whole(trained.get("score"))


def _of_group(cell: Any) -> float | None:
    """Examples that a HELM leaderboard counts for a score: the sum over what it is a mean of."""
    cell = _loaded(cell)
    total = _SUM.search(_text(cell.get("description")))
    if total:
        count = float(total[1]) if total[1].count(".") <= 1 and total[1] != "." else math.nan
        return round(count) if 0 < count < 1e15 else None
    count = whole(cell.get("score"))
    return float(count) if count else None


def _loaded(cell: Any) -> dict[str, Any]:
    """An object, or one that is written as text, as schema 0.2.1 has it."""
    if isinstance(cell, str) and cell.startswith("{"):
        try:
            cell = json.loads(cell)
        except ValueError:
            return {}
    return as_object(cell)


def number(value: Any, place: str) -> float | None:
    """Number in a field, as a number or as text; None where there is none, else a `Misfit`."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            raise Misfit(place, value, "write a number") from None
        return None if math.isnan(found) else found
    raise Misfit(place, value, "write a number")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _text(value: Any) -> str:
    told = isinstance(value, str | int | float) and not isinstance(value, bool)
    return clean(value) if told else ""


def plain(value: Any) -> str:
    """Text in a field without case and signs."""
    return re.sub(r"[^a-z0-9]", "", _text(value).lower())
