"""What many series have in common is said once: warnings by their cause, series too short to judge.

A warning on one series names its numbers ("2 of 8 models score below chance");
on a thousand series it is one cause with a count and an example.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emergent_stats.model.curve import MIN_SCALES

if TYPE_CHECKING:
    from emergent_stats.model.curve import Curve

#: Causes that are printed; the rest is counted.
MOST = 10

_INSIDE = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r"'[^']*'")
_NUMBER = re.compile(r"\d[\d.,]*(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Cause:
    """A warning that several series share.

    Attributes
    ----------
    text : str
        The warning in the words of the first series that has it.
    count : int
        Series that have it.
    where : str
        Name of the first.
    alike : bool
        Whether all of them have it word for word.
    """

    text: str
    count: int
    where: str
    alike: bool

    def words(self, total: int) -> str:
        """The cause in a line, out of `total` series."""
        if self.count == total and self.alike:
            return f"all {total:,}: {self.text}"
        many = f"all {total:,}" if self.count == total else f"{self.count:,} of {total:,}"
        if self.count == 1:
            return f"{many}: {self.text} ({self.where})"
        others = "first" if self.alike else "others differ in the numbers; this is"
        return f"{many}: {self.text} ({others}: {self.where})"


def cause_of(text: str) -> str:
    """What a warning says without the numbers and names of its series.

    Examples
    --------
    >>> cause_of("1 of 26 models score below chance")
    '# of # models score below chance'
    >>> cause_of("2 models without params left out (a, b)")
    '# models without params left out'
    >>> cause_of("assumed, not published: chance, n")
    'assumed, not published'
    """
    bare = text
    while (less := _INSIDE.sub("", bare)) != bare:
        bare = less
    return _NUMBER.sub("#", _QUOTED.sub("'…'", bare.partition(": ")[0])).strip()


def by_cause(said: Iterable[tuple[str, Sequence[str]]]) -> list[Cause]:
    """Warnings of many series, each cause once, the most frequent first.

    Parameters
    ----------
    said : iterable of (name of a series, its warnings)
    """
    first: dict[str, tuple[str, str]] = {}
    forms: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for where, warnings in said:
        own = {cause_of(text): text for text in reversed(warnings)}
        for cause in reversed(own):
            first.setdefault(cause, (own[cause], where))
            forms.setdefault(cause, set()).add(own[cause])
            counts[cause] += 1
    return [
        Cause(first[cause][0], count, first[cause][1], len(forms[cause]) == 1)
        for cause, count in counts.most_common()
    ]


def lines(said: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Lines for a terminal, a cause each; empty where nobody warns of anything."""
    causes = by_cause(said)
    told = [cause.words(len(said)) for cause in causes[:MOST]]
    if len(causes) > MOST:
        told.append(f"… and {len(causes) - MOST} more kinds of warning")
    return told


# --- series that nothing can be said of ----------------------------------------------------
def too_short(curve: Curve) -> bool:
    """Whether a series has too few scales to be judged."""
    return curve.n_scales < MIN_SCALES


def short_words(curves: Sequence[Curve]) -> str:
    """One line on all series that are too short; empty if there are none."""
    if not curves:
        return ""
    by_scales = Counter(curve.n_scales for curve in curves)
    scales = ", ".join(
        f"{n} scale{'s' * (n > 1)}: {count:,}" for n, count in sorted(by_scales.items())
    )
    many = "1 series is" if len(curves) == 1 else f"{len(curves):,} series are"
    return (
        f"{many} undecided and not in the table, of too few scales ({scales}): a break needs at "
        f"least {MIN_SCALES}, two on either side. First: {series_name(curves[0])}."
    )


def series_name(curve: Curve) -> str:
    """Name of a series in a few words: family, task, shots.

    Examples
    --------
    >>> from emergent_stats.model.curve import Curve
    >>> key = {"family": "OPT", "task": "sums", "shots": 5}
    >>> series_name(Curve([1e8], [0.5], "exact_match", key=key))
    'OPT · sums · 5-shot'
    """
    key: Mapping[str, Any] = curve.key
    parts = [key.get("family"), key.get("task")]
    if key.get("shots") is not None:
        parts.append(f"{key['shots']}-shot")
    return " · ".join(str(part) for part in parts if part) or "unnamed"
