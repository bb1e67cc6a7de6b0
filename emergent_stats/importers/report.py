"""What an import brought and what it left out: nothing is dropped in silence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

_SHOWN = 12
_NUMBER = re.compile(r"(?<!\w)\d[\d.]*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Dropped:
    """Something that was not imported.

    Attributes
    ----------
    what : str
        A file, a metric, a model, a row; the first of them where there are several.
    why : str
        The reason, and what to do about it.
    count : int
        How often the same thing happened.
    """

    what: str
    why: str
    count: int = 1

    def __str__(self) -> str:
        more = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        return f"{self.what}{more}: {self.why}"


@dataclass
class Notes:
    """Collector that an importer writes to while it reads."""

    _dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    _first: dict[tuple[str, str], str] = field(default_factory=dict)
    _warnings: dict[str, dict[str, None]] = field(default_factory=dict)

    def drop(self, what: str, why: str, group: str | None = None) -> None:
        """Note what is left out; items of one `group` (default: `what`) and reason add up."""
        key = (what if group is None else group, why)
        self._dropped[key] += 1
        self._first.setdefault(key, what)

    def warn(self, text: str, about: str | None = None) -> None:
        """Note what the user should know: a cause once, after what it is `about`."""
        found = self._warnings.setdefault(text, {})
        if about is not None:
            found[about] = None

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """All that was left out, in order of first appearance."""
        return tuple(Dropped(self._first[k], k[1], n) for k, n in self._dropped.items())

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings, a cause each, in order of first appearance."""
        return tuple(
            f"{some(about)}: {text}" if about else text for text, about in self._warnings.items()
        )


@dataclass(frozen=True, eq=False)
class ImportReport:
    """Result of an import.

    Attributes
    ----------
    frame : DataFrame
        Validated results table.
    dropped : tuple of Dropped
        What was not imported, and why.
    unknown_models : tuple of str
        Models without a line in the models table, each once.
    warnings : tuple of str
        What to know before believing the numbers.
    citation : str
        BibTeX of the tool or table that the numbers come from.
    items : DataFrame or None
        One row per sample, where it was asked for and the format has samples.
    """

    frame: pd.DataFrame
    dropped: tuple[Dropped, ...] = ()
    unknown_models: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    citation: str = ""
    items: pd.DataFrame | None = None

    @property
    def text(self) -> str:
        """The report in words."""
        frame = self.frame
        lines = [
            f"{len(frame):,} scores of {frame['model'].nunique():,} models on "
            f"{frame['task'].nunique():,} tasks: {_counted(frame['metric'].value_counts())}"
        ]
        assumed = frame["assumed"].dropna().str.split(",").explode().value_counts()
        if len(assumed):
            lines.append(f"not in the files but inferred: {_counted(assumed)}")
        lines += _listed("warning", self.warnings)
        lines += _listed("left out", _by_reason(self.dropped))
        if self.unknown_models:
            lines.append(f"not in the models table: {', '.join(self.unknown_models)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text


def _by_reason(dropped: tuple[Dropped, ...]) -> list[str]:
    """Lines on what was left out, a reason each: with the first things and the number of all."""
    reasons: dict[str, list[Dropped]] = {}
    for item in dropped:
        # a reason that names its number is the same for another number
        reasons.setdefault(_NUMBER.sub("#", item.why), []).append(item)
    told = []
    for items in reasons.values():
        if len(items) == 1:
            told.append(str(items[0]))
        else:
            total = sum(item.count for item in items)
            told.append(f"{some(item.what for item in items)} ({total:,} in all): {items[0].why}")
    return told


def some(names: Iterable[str], most: int = 3) -> str:
    """Names as examples: all that there are, or the first few and the number of the others."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _counted(counts: Mapping[str, int] | pd.Series) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _listed(label: str, items: tuple[str, ...] | list[str]) -> list[str]:
    lines = [f"{label}: {item}" for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        lines.append(f"{label}: … and {len(items) - _SHOWN:,} more")
    return lines
