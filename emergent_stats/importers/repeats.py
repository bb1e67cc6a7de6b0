"""Several scores of one model on one task: which of them counts, as the user says.

``refuse`` stops and lists them. ``newest`` takes the one with the latest date of
its own. ``mean`` averages the runs. ``seed`` numbers them, so that each is a
series of its own. A copy of a score that is held already is no contradiction.

A mean over runs on the same examples knows no more examples than one run: n
stays, and the standard error is the mean of those of the runs, which it cannot
exceed however much the runs have in common. Runs that count different numbers
of examples are taken for different examples: scores are weighted by n, n adds up
and the errors add in squares.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emergent_stats.importers.report import Notes
from emergent_stats.model.axes import AXES
from emergent_stats.results.files import ResultsError

if TYPE_CHECKING:
    from emergent_stats.importers.records import Record

_SERIES = ("family", "task", "metric", "shots")
_IDENTITY = (*_SERIES, "model", "seed", *AXES)
_SHOWN = 5
_COMPACT = re.compile(r"(\d{8})T(\d{6})(\d*)")
#: Seconds since 1970 that a date can be: below are days written as numbers, above milliseconds.
_PLAUSIBLE = (1e8, 1e11)


def moment(text: str) -> float | None:
    """Seconds since 1970 that a date in a foreign file means; None for no date.

    Understood are seconds or milliseconds since 1970, ISO 8601 (a time without
    zone is UTC), and the compact form without separators.

    Examples
    --------
    >>> moment("1700000000.5"), moment("2023-11-14T22:13:20Z"), moment("20231114T221320")
    (1700000000.5, 1700000000.0, 1700000000.0)
    >>> moment("yesterday") is None
    True
    """
    text = text.strip()
    compact = _COMPACT.fullmatch(text)
    try:
        if compact:
            day, clock, rest = compact.groups()
            date = datetime.strptime(day + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return date.timestamp() + float(f"0.{rest or 0}")
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    seconds = seconds / 1000.0 if seconds >= _PLAUSIBLE[1] else seconds
    if _PLAUSIBLE[0] < seconds < _PLAUSIBLE[1]:
        return seconds
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def without_repeats(records: list[Record], how: str, notes: Notes, source: str) -> list[Record]:
    """One record for each model and task (and seed, and scale).

    Raises
    ------
    ResultsError
        If runs contradict each other and are to be refused, or the newest is asked
        for and their dates do not tell it.
    """
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[_values(record, _IDENTITY)].append(record)
    groups = {name: _without_copies(group, how, notes) for name, group in groups.items()}
    repeated = [group for group in groups.values() if len(group) > 1]
    if not repeated:
        return [group[0] for group in groups.values()]
    if how == "refuse":
        raise ResultsError(_refusal(repeated, source))
    if how == "seed":
        return _numbered(list(groups.values()), notes)
    if how == "newest":
        return [_newest(group, notes, source) for group in groups.values()]
    notes.warn(
        f"{len(repeated):,} {'score is a mean' if len(repeated) == 1 else 'scores are means'} of "
        f"several runs ({_told(repeated[0])}{_more(repeated[1:])})"
    )
    return [_mean(group) for group in groups.values()]


def _values(record: Record, names: Iterable[str]) -> tuple[Any, ...]:
    values = (getattr(record, name, math.nan) for name in names)
    return tuple(None if value != value else value for value in values)


def _without_copies(group: list[Record], how: str, notes: Notes) -> list[Record]:
    """Records without those that repeat another: the same score, or the same run."""
    if len(group) == 1:
        return group
    kept: dict[Any, Record] = {}
    for number, record in enumerate(group):
        # two runs can have the same score by chance, which counts in a mean and as a seed
        run = record.when or str(number)
        name = record.score if how in ("refuse", "newest") else (record.score, record.n, run)
        before = kept.setdefault(name, record)
        if before is record:
            continue
        if (moment(record.when) or -math.inf) > (moment(before.when) or -math.inf):
            kept[name], record = record, before
        why = "the same score stands in two files; counted once"
        notes.drop(f"{record.source}: {record.model} on {record.task}", why, group=why)
    return list(kept.values())


def _told(group: list[Record]) -> str:
    """Scores of one model on one task, in a line."""
    first = group[0]
    files = [record.source.partition(", ")[0] for record in group]
    if len(set(files)) < len(files):  # several in one file: say where in it
        files = [record.source for record in group]
    scores = [f"{r.score:g} in {file}" for r, file in zip(group, files, strict=True)]
    more = f" and {len(group) - 2:,} more" if len(group) > 2 else ""
    return f"{first.model} on {first.task} ({first.metric}): {', '.join(scores[:2])}{more}"


def _more(rest: list[list[Record]]) -> str:
    return f"; and {len(rest):,} more" if rest else ""


def _refusal(repeated: list[list[Record]], source: str) -> str:
    count = len(repeated)
    lines = [
        f"{source}: {count:,} {'score stands' if count == 1 else 'scores stand'} more than once, "
        "with different values:",
        *(f"  {_told(group)}" for group in repeated[:_SHOWN]),
    ]
    if count > _SHOWN:
        lines.append(f"  … and {count - _SHOWN:,} more")
    lines.append(
        "say what counts: --duplicates newest (by date), mean or seed (each run a series), or "
        "keep one of them"
    )
    return "\n".join(lines)


def _newest(group: list[Record], notes: Notes, source: str) -> Record:
    if len(group) == 1:
        return group[0]
    dates = [moment(record.when) for record in group]
    undated = [record for record, date in zip(group, dates, strict=True) if date is None]
    fix = "use --duplicates mean or seed, or keep one of them"
    if undated:
        when = undated[0].when
        said = f"the date {when!r} is none" if when else "there is no date"
        raise ResultsError(
            f"{source}: the newest of {_told(group)} cannot be told, in "
            f"{undated[0].source} {said}; {fix}"
        )
    latest = max(date for date in dates if date is not None)
    best = [record for record, date in zip(group, dates, strict=True) if date == latest]
    if len(best) > 1:
        raise ResultsError(f"{source}: {_told(best)} have one date, {best[0].when}; {fix}")
    for record in group:
        if record is not best[0]:
            why = "an earlier run of what a later file holds; the later one counts"
            notes.drop(f"{record.source}: {record.model} on {record.task}", why, group=why)
    return best[0]


def _numbered(groups: list[list[Record]], notes: Notes) -> list[Record]:
    """Records, runs numbered as seeds in series that repeat one; what ran once is of the first."""
    members: dict[tuple[Any, ...], list[list[Record]]] = defaultdict(list)
    for group in groups:
        members[_values(group[0], _SERIES)].append(group)
    kept, numbered = [], 0
    for series in members.values():
        if all(len(group) == 1 for group in series):
            kept += [group[0] for group in series]
            continue
        numbered += 1
        taken = {record.seed for group in series for record in group} - {None}
        for group in series:
            alone = len(group) == 1 and group[0].seed is not None
            ordered = sorted(group, key=lambda record: moment(record.when) or math.inf)
            free = (seed for seed in range(len(group) + len(taken)) if seed not in taken)
            kept += (
                group
                if alone
                else [
                    replace(record, seed=next(free), assumed=record.assumed | {"seed"})
                    for record in ordered
                ]
            )
    notes.warn(f"runs numbered as seeds in {numbered:,} series, in the order of their dates")
    return kept


def _mean(group: list[Record]) -> Record:
    """The mean of several runs; see the top of this module for what n and stderr become."""
    if len(group) == 1:
        return group[0]
    counts = {record.n for record in group}
    known = not any(math.isnan(n) for n in counts)
    apart = known and len(counts) > 1
    total = sum(record.n for record in group)
    weights = [record.n / total if apart else 1.0 / len(group) for record in group]
    pairs = list(zip(weights, group, strict=True))
    errors = [weight * record.stderr for weight, record in pairs]
    first = group[0]
    merged = {
        "score": math.fsum(weight * record.score for weight, record in pairs),
        "n": total if apart else first.n if known else math.nan,
        "stderr": math.hypot(*errors) if apart else math.fsum(errors),
        "chance": _agreed(record.chance for record in group),
        "source": f"mean of {len(group)} runs: {first.source}, …",
        "assumed": {"score"}.union(*(record.assumed for record in group)),
    }
    return replace(first, **merged)


def _agreed(values: Iterable[float]) -> float:
    told = [value for value in values if not math.isnan(value)]
    return math.fsum(told) / len(told) if told else math.nan
