"""From what a format says to rows: values are converted and checked as they come in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emergent_stats.importers.counts import recover_n
from emergent_stats.importers.declare import Declared, parse_declarations
from emergent_stats.importers.given import Given
from emergent_stats.importers.names import clean
from emergent_stats.importers.report import Notes
from emergent_stats.model.metrics import METRICS, Brier, PassAtK, limits
from emergent_stats.results.files import ResultsError

#: What can be done with several scores of one model on one task.
DUPLICATES = ("refuse", "newest", "mean", "seed")

_NOTHING = ("", "na", "n/a", "nan", "none", "null", "-")


@dataclass(frozen=True)
class Options:
    """What a user can say about an import; every importer takes the same.

    Attributes
    ----------
    study : str or None
        Name of the study; by default the name of the file or folder.
    family : str or None
        Name of the family, where all models belong to one.
    models : path or None
        Models table to use in place of the shipped one.
    chance : mapping of str to float
        Task → expected score of a guesser. A name in full counts in any case, a
        pattern ("pawsx*", "*") where the files tell no chance level: see `given`.
    metrics : mapping of str to Declared
        The tool's metric → what it is, by name in full or by pattern likewise.
    duplicates : str
        What counts where one model has several scores on one task: see `repeats`.
    shots : int or None
        Worked examples in the prompt, where the files do not say.
    items : bool
        Whether to return one row per sample as well.
    columns : mapping or path, optional
        For wide tables: which column is what, itself or the TOML file it stands in.
    """

    study: str | None = None
    family: str | None = None
    models: Path | None = None
    chance: Given[float] = field(default_factory=lambda: _chances({}))
    metrics: Given[Declared] = field(default_factory=lambda: given_metrics({}))
    shots: int | None = None
    items: bool = False
    columns: Any = None
    duplicates: str = "newest"

    @classmethod
    def parse(
        cls,
        *,
        chance: float | Mapping[str, float] | None = None,
        metrics: Mapping[str, str] | None = None,
        models: Any = None,
        **rest: Any,
    ) -> Options:
        """Options as a user writes them, checked.

        Raises
        ------
        ResultsError
            For a chance level outside of 0 to 1, an unknown metric or an unknown way
            with duplicates.
        """
        how = rest.get("duplicates", "newest")
        if how not in DUPLICATES:
            raise ResultsError(f"duplicates {how!r}: unknown; one of {', '.join(DUPLICATES)}")
        levels = dict(chance) if isinstance(chance, Mapping) else {}
        if chance is not None and not isinstance(chance, Mapping):
            levels["*"] = chance
        for task, told in levels.items():
            level = as_number(told)
            if level is None or not 0 <= level < 1:
                raise ResultsError(
                    f"chance of {task!r}: {told!r} is not a share from 0 to below 1; write 0.25 "
                    "for four options"
                )
        return cls(
            chance=_chances({task: float(level) for task, level in levels.items()}),
            metrics=given_metrics(parse_declarations(metrics)),
            models=None if models is None else Path(models),
            **rest,
        )


def _chances(levels: Mapping[str, float]) -> Given[float]:
    return Given("--chance", levels, "task", _level)


def given_metrics(given: Mapping[str, Declared]) -> Given[Declared]:
    """Declarations by name of a metric, or those that are given already."""
    return given if isinstance(given, Given) else Given("--metric", given, "metric")


def _level(level: float) -> str:
    return f"{level:.4g}"


@dataclass
class Record:
    """One score, in our metrics and units; NaN and None for what is not said."""

    model: str
    task: str
    dataset: str
    metric: str
    score: float
    source: str
    n: float = math.nan
    stderr: float = math.nan
    chance: float = math.nan
    answer_tokens: float = math.nan
    params: float = math.nan
    tokens: float = math.nan
    flops: float = math.nan
    step: float = math.nan
    date: str | None = None
    family: str = ""
    shots: int | None = None
    seed: int | None = None
    when: str = ""
    assumed: set[str] = field(default_factory=set)


class Collector:
    """Takes scores as a tool wrote them, and keeps those that can be true."""

    def __init__(self, options: Options, notes: Notes) -> None:
        self.options, self.notes = options, notes
        self.records: list[Record] = []

    def add(
        self,
        where: str,
        declared: Declared,
        value: Any,
        *,
        task: str,
        label: str = "",
        stderr: Any = None,
        mean_error: bool = True,
        chance: float = math.nan,
        certain: bool = True,
        **fields: Any,
    ) -> Record | None:
        """Add one score; None if it cannot be used, which is noted.

        Parameters
        ----------
        where : str
            File (and key) the score stands in: the row's source.
        declared : Declared
            What the metric is and the top of its scale.
        value, stderr : number or text
            As in the file; text such as "N/A" is no number.
        task : str
            Name of the task in the file.
        label : str
            What tells this score from others of the task under the same metric of
            ours (``acc_norm``, a filter); it becomes part of the task's name.
        mean_error : bool
            Whether `stderr` is that of a mean, so that n can be recovered from it.
        chance : float
            Share of right answers of a guesser, where the score chooses among options.
        certain : bool
            Whether the files themselves tell `chance`.
        **fields
            Other fields of `Record`.
        """
        number = as_number(value)
        dataset = clean(task)
        name = f"{dataset} [{clean(label)}]" if label else dataset
        if number is None:
            self.notes.drop(f"{where}: {name}", "the file has no number here", group="no number")
            return None
        problem = declared.problem(number)
        model = clean(str(fields.pop("model", None) or ""))
        if problem or not dataset or not model:
            self.notes.drop(f"{where}: {name or 'a score'}", problem or "no name of task or model")
            return None
        record = Record(
            model=model,
            task=name,
            dataset=dataset,
            metric=declared.metric,
            score=_inside(declared, declared.convert(number)),
            source=where,
            **fields,
        )
        if record.shots is None:
            record.shots = self.options.shots
        self._errors(record, declared, as_number(stderr), mean_error)
        self.set_chance(record, chance, certain)
        self.records.append(record)
        return record

    def set_chance(self, record: Record, level: float, certain: bool) -> None:
        """Set the chance level that the user gave, or else the file; a Brier score's follows."""
        metric = METRICS[record.metric]
        told = level if metric.needs_chance or issubclass(metric, Brier) else math.nan
        given = self.options.chance.choose(
            record.task,
            record.dataset,
            known=_level(told) if told == told else "",
            place=(record.source, record.task, record.metric, record.shots, record.seed),
        )
        if given is not None and not (metric.binary or issubclass(metric, Brier | PassAtK)):
            return
        if given is None and told != told:
            return
        record.chance = told if given is None else given
        if issubclass(metric, Brier):
            record.chance = 1.0 - record.chance
        record.assumed.discard("chance")
        if given is None and not certain:
            record.assumed.add("chance")

    def _errors(
        self, record: Record, declared: Declared, stderr: float | None, mean_error: bool
    ) -> None:
        """Fill n and stderr: each where it is given, n also where stderr tells it."""
        if stderr is None:
            return
        stderr = declared.convert(stderr)
        binary = METRICS[declared.metric].binary and mean_error
        found = recover_n(record.score, stderr) if binary else None
        if found is None or found.problem is None or found.n is not None:
            record.stderr = stderr if stderr > 0 else math.nan
        if found is None:
            return
        if found.n is None:
            self.notes.drop(
                f"{record.source}: standard error of {record.task}",
                str(found.problem),
                group="stderr",
            )
        elif math.isnan(record.n):
            record.n = found.n
            if not found.exact:
                record.assumed.add("n")
                self.notes.warn(
                    "n recovered from a rounded score and standard error is approximate",
                    about=record.dataset,
                )


def _inside(declared: Declared, score: float) -> float:
    """Score without the rounding error that let it past the end of its range."""
    low, high = limits(declared.metric)
    return min(max(score, low), high)


def as_number(value: Any) -> float | None:
    """Number in a cell of a foreign file; None where there is none, or not a finite one."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if value.strip().lower() in _NOTHING:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def as_object(value: Any) -> dict[str, Any]:
    """Object in a foreign file; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def whole(value: Any) -> int | None:
    """Whole number from 0 in a cell of a foreign file, None where there is none."""
    number = as_number(value)
    return int(number) if number is not None and 0 <= number < 2**53 and number % 1 == 0 else None


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """Options written ``NAME=VALUE``, as a command line gives them; the last = counts.

    Raises
    ------
    ResultsError
        For one without a name or a value.

    Examples
    --------
    >>> pairs(["acc=exact_match/100", "a=b=f1"], "--metric")
    {'acc': 'exact_match/100', 'a=b': 'f1'}
    """
    found = {}
    for text in given:
        name, sign, value = text.rpartition("=")
        if not (name.strip() and sign and value.strip()):
            raise ResultsError(f"{option} {text!r}: write it as NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
