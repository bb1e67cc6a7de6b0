"""What a user gives as NAME=VALUE: names in full and patterns, and what became of them.

One rule for all such options. A name in full says what is so: it counts even
where the files say something else, and the report tells what it replaced. A
pattern (``pawsx*``, ``*``) fills in what the files do not say: what is known
stays, and the report tells how much it left alone. Of several patterns that fit,
the one that spells out most counts. Case does not matter, as in ``--task``.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from emergent_stats.importers.report import some

T = TypeVar("T")
_WILD = "*?[]"


class Given(Mapping[str, T]):
    """Values by name or pattern, as a user gave them.

    Parameters
    ----------
    option : str
        How the option is called, for messages: ``--chance``.
    values : mapping, optional
        Name or pattern → value.
    thing : str
        What the names are those of: "task" or "metric".
    show : callable
        Text of a value, in which two values that are alike look alike.

    Examples
    --------
    >>> given = Given("--chance", {"*": 0.5, "pawsx*": 0.25, "arc": 0.2})
    >>> given.choose("pawsx_de"), given.choose("boolq"), given.choose("arc", known="0.25")
    (0.25, 0.5, 0.2)
    >>> given.choose("pawsx_fr", known="0.5") is None
    True
    """

    def __init__(
        self,
        option: str,
        values: Mapping[str, T] | None = None,
        thing: str = "task",
        show: Callable[[T], str] = str,
    ) -> None:
        self.option, self.thing, self.show = option, thing, show
        self._values: dict[str, T] = dict(values or {})
        self._folded = {name.casefold(): name for name in self._values}
        wild = [name for name in self._values if any(sign in name for sign in _WILD)]
        # the one that spells out most comes first
        self._patterns = sorted(wild, key=lambda name: -sum(sign not in _WILD for sign in name))
        self._used: set[str] = set()
        self._seen: dict[str, None] = {}
        # name given → place of a score → (name of its task or metric, what was known)
        self._replaced: dict[str, dict[Any, tuple[str, str]]] = defaultdict(dict)
        self._left: dict[str, dict[Any, tuple[str, str]]] = defaultdict(dict)

    def __getitem__(self, name: str) -> T:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def choose(self, *names: str, known: str = "", place: Any = None) -> T | None:
        """Value for something called by `names`; None where what is known of it stays.

        Parameters
        ----------
        *names : str
            Its names, the fullest first.
        known : str
            What is known without the user, as `show` writes it; "" for nothing.
        place : hashable, optional
            What tells this score from others, so that none is counted twice.
        """
        if not self._values:
            return None
        names = tuple(name for name in names if name)
        self._seen.update(dict.fromkeys(names))
        name = next((self._folded[n.casefold()] for n in names if n.casefold() in self._folded), "")
        if name:
            self._used.add(name)
            if known and known != self.show(self._values[name]):
                self._replaced[name][place] = (names[0], known)
            return self._values[name]
        for pattern in self._patterns:
            if any(fnmatchcase(n.casefold(), pattern.casefold()) for n in names):
                self._used.add(pattern)
                if not known:
                    return self._values[pattern]
                if known != self.show(self._values[pattern]):
                    self._left[pattern][place] = (names[0], known)
                return None
        return None

    def messages(self) -> list[str]:
        """What became of what was given: replaced, left alone, or fitting nothing."""
        lines = []
        for name, places in self._replaced.items():
            lines.append(f"{self._said(name)}: replaces what is known ({self._listed(places)})")
        for name, places in self._left.items():
            lines.append(
                f"{self._said(name)}: leaves alone what is known ({self._listed(places)}); give a "
                f"{self.thing}'s name in full to replace it"
            )
        for name in self._values:
            if name not in self._used:
                lines.append(f"{self._said(name)}: {self._unused(name)}")
        return lines

    def _said(self, name: str) -> str:
        text = f"{name}={self.show(self._values[name])}"
        return f"{self.option} {text!r}" if name in self._patterns else f"{self.option} {text}"

    def _unused(self, name: str) -> str:
        if name in self._patterns:
            wider = [other for other in self._patterns if other != name and other in self._used]
            if any(fnmatchcase(seen.casefold(), name.casefold()) for seen in self._seen):
                return f"changes nothing, {' and '.join(wider) or 'a name in full'} counts"
            return f"no {self.thing} fits this pattern{self._exist()}"
        close = difflib.get_close_matches(name, self._seen, 1, 0.6)
        hint = f"; did you mean {close[0]!r}?" if close else self._exist()
        return f"no {self.thing} of that name was imported{hint}"

    def _exist(self) -> str:
        return f" ({self.thing}s here: {some(self._seen)})" if self._seen else ""

    def _listed(self, places: Mapping[Any, tuple[str, str]]) -> str:
        """The values that were known, each with a name it was known of."""
        first: dict[str, str] = {}
        for name, known in places.values():
            first.setdefault(known, name)
        scores = f"; {len(places):,} score{'s' * (len(places) > 1)}" * (self.thing == "task")
        return some(f"{known} of {name}" for known, name in first.items()) + scores
