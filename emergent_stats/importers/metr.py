"""METR: ``runs.jsonl``, one line for one run of a model on one task.

A run is a success or not (``score_binarized``) at a task that takes a person
``human_minutes``. A task of the results table is all tasks of one source whose
human times lie within a factor of about four; its score is the share of
successful runs.

The scale is the date of a model's release: from ``release_dates.yaml`` (a line
``model: 2024-05-13`` each), which lies beside the runs or, as METR publishes
them, in ``data/external`` above; from ``release_date`` in the runs; or from the
column ``date`` of a models table. Models with a date are one family, since
progress over time is across families of models.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emergent_stats.importers.declare import Declared
from emergent_stats.importers.names import clean
from emergent_stats.importers.reading import find_files, parse_json, read_lines
from emergent_stats.importers.records import Collector, Options, Record, as_number
from emergent_stats.importers.report import Notes
from emergent_stats.importers.scales import read_models
from emergent_stats.model.axes import parse_date
from emergent_stats.results.extras import require
from emergent_stats.results.files import ResultsError

if TYPE_CHECKING:
    import msgspec
else:
    msgspec = require("msgspec", "samples", "reading METR's runs")

CITATION = """@misc{kwa2025measuring,
  author = {Kwa, Thomas and West, Ben and Becker, Joel and Deng, Amy and others},
  title  = {Measuring {AI} Ability to Complete Long Tasks},
  year   = {2025},
  eprint = {2503.14499},
  archivePrefix = {arXiv}
}"""

#: Limits of human time, in minutes, about a factor of four apart.
_LIMITS = (0.25, 1.0, 4.0, 15.0, 60.0, 240.0, 960.0)
_NAMES = ("15 s", "1 min", "4 min", "15 min", "1 h", "4 h", "16 h")
#: Family of models that are compared by their dates of release.
DATED = "models by date of release"
_DATES = ("release_dates.yaml", "release_dates.yml")
#: Where METR's repository keeps them, and how many folders above its runs that may be.
_ABOVE, _MOST_ABOVE = Path("data/external"), 5
_DATE_LINE = re.compile(
    r"""\s+(?P<q>["']?)(?P<model>.+?)(?P=q):\s+["']?(?P<date>[^"'#]+?)["']?\s*"""
)
_HUMANS = ("human", "humans", "baseline human")


class _Run(msgspec.Struct):
    """What is read of a line; the rest is skipped."""

    alias: str | None = None
    model: str | None = None
    score_binarized: float | bool | str | None = None
    human_minutes: float | str | None = None
    task_source: str | None = None
    task_family: str | None = None
    task_id: str | None = None
    release_date: str | None = None


_RUN = msgspec.json.Decoder(_Run)
_KEYS = tuple(f'"{name}"'.encode() for name in _Run.__struct_fields__)


def collect(path: Path, options: Options, notes: Notes) -> tuple[list[Record], Any]:
    """Records of METR's runs: success by source and by the time a task takes a person."""
    successes: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    tasks: dict[tuple[str, str], set[str]] = defaultdict(set)
    files = find_files(path, ("*runs*.jsonl", "*.jsonl"), notes)
    dates = _release_dates(path, notes)
    names: dict[str, str] = {}
    for file in files:
        for number, line in read_lines(file):
            run = _read(line, file, number)
            model = clean(run.alias or run.model or "")
            minutes, score = as_number(run.human_minutes), run.score_binarized
            value = float(score) if isinstance(score, bool) else as_number(score)
            if model.casefold() in _HUMANS or (run.model or "").casefold() in _HUMANS:
                notes.drop(f"{file.name}, line {number}", "a person's run", group="human")
            elif not model or value not in (0.0, 1.0) or minutes is None or minutes <= 0:
                notes.drop(
                    f"{file.name}, line {number}",
                    "needs a model (alias), score_binarized 0 or 1, and human_minutes above 0",
                    group="incomplete",
                )
            else:
                key = (model, f"{clean(run.task_source or 'tasks')} {_bin(minutes)}")
                successes[key][0] += value
                successes[key][1] += 1
                tasks[key].add(str(run.task_id or run.task_family))
                names[model] = clean(run.model or "")
                if run.release_date and not _dated(dates, model, ""):
                    where = f"{file}, line {number}"
                    dates[model.casefold()] = _day(run.release_date, where)
    if successes and any(len(tasks[key]) < count for key, (_, count) in successes.items()):
        notes.warn(
            "several runs of one model on one task each count as an example, though they are not "
            "independent: the numbers of examples are too large"
        )
    collector = Collector(options, notes)
    where = files[0].name if len(files) == 1 else path.name
    models = read_models(options.models)
    lacking: dict[str, None] = {}
    for (model, task), (right, count) in successes.items():
        line = models.get(model)
        date = _dated(dates, model, names[model]) or (line.date if line else "")
        if not date and dates:
            lacking[model] = None
        record = collector.add(
            f"{where}, mean of score_binarized",
            Declared("exact_match"),
            right / count,
            task=task,
            model=model,
            n=count,
        )
        if record is not None and date:
            record.date, record.family = date, DATED
    if lacking:
        notes.warn(f"no date of release for {', '.join(lacking)}; give one in release_dates.yaml")
    return collector.records, None


def _read(line: bytes, file: Path, number: int) -> _Run:
    where = f"{file}, line {number}"
    try:
        if all(line.count(key) <= 1 for key in _KEYS):
            return _RUN.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    value = parse_json(line, str(file), number)  # says what is wrong, or lets a bare NaN pass
    if not isinstance(value, dict):
        raise ResultsError(f"{where}: is no JSON object; is it a file of METR's runs?")
    names = ("alias", "model", "task_source", "task_family", "task_id", "release_date")
    texts = {name: str(value[name]) for name in names if value.get(name) is not None}
    return _Run(
        score_binarized=value.get("score_binarized"),
        human_minutes=value.get("human_minutes"),
        **texts,
    )


def _release_dates(path: Path, notes: Notes) -> dict[str, str]:
    """Model's name in lower case → ISO date, from the file of dates if there is one."""
    folder = path if path.is_dir() else path.parent
    places = [folder]
    if path.is_dir():
        places += sorted(p for p in path.rglob("*") if p.is_dir() and not p.is_symlink())
    above = [*folder.resolve().parents][:_MOST_ABOVE]
    places += [parent / _ABOVE for parent in above]
    found = [place / name for place in places for name in _DATES if (place / name).is_file()]
    if not found:
        return {}
    dates: dict[str, str] = {}
    for number, line in read_lines(found[0]):
        text = line.decode("utf-8", "replace").rstrip()
        bare = text.partition(" #")[0].rstrip()
        if bare.lstrip().startswith("#") or bare in ("---", "date:"):
            continue
        where = f"{found[0]}, line {number}"
        match = _DATE_LINE.fullmatch(f" {bare.lstrip()}")
        if match is None:
            raise ResultsError(f"{where}: {text.strip()!r} is no line 'model: 2024-05-13'")
        dates[clean(match["model"]).casefold()] = _day(match["date"], where)
    notes.warn(f"dates of release from {found[0]}")
    return dates


def _day(text: str, where: str) -> str:
    day = parse_date(text)
    if day is None:
        raise ResultsError(
            f"{where}: {text!r} is not an ISO date; write year-month-day: 2024-05-13"
        )
    return day.isoformat()


def _dated(dates: dict[str, str], *names: str) -> str:
    """Date of the first of a model's names that has one."""
    return next((dates[name.casefold()] for name in names if name.casefold() in dates), "")


def _bin(minutes: float) -> str:
    """Interval of human time that `minutes` lies in."""
    place = bisect_right(_LIMITS, minutes)
    if place == 0:
        return f"under {_NAMES[0]}"
    if place == len(_LIMITS):
        return f"from {_NAMES[-1]}"
    return f"{_NAMES[place - 1]} to {_NAMES[place]}"
