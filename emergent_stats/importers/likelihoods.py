"""Scores and log-likelihoods of samples, summed up batch by batch.

A sample chooses among k options of given log-likelihood, or has one text whose
log-likelihood was asked for (k = 1). From these come, for the right option,
bits per byte and, among options, the Brier score (0 to 2). Which option is
right is written in a way that can be read twice, as a number or as a text; both
readings are carried along until the scores rule one out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BATCH = 8192


#: Log-likelihoods below this stand for "impossible": no text that a line of a file holds is so
#: unlikely, and masks write the smallest number of their type where they mean minus infinity.
_IMPOSSIBLE = -1e9
#: A log-likelihood of a certain text may end this much above 0, in a model's half precision.
_ROUNDING = 1e-2


@dataclass
class Moments:
    """Running count, mean, spread and extremes.

    The spread is summed about the mean of each batch: squares of large numbers
    that lie close together would cancel. What even so cannot be held in a float
    becomes infinite, without a warning.
    """

    n: int = 0
    mean: float = math.nan
    least: float = math.inf
    most: float = -math.inf
    _about: float = 0.0

    def add(self, values: np.ndarray) -> None:
        """Take in an array of numbers."""
        if not values.size:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            about = float(((values - mean) ** 2).sum())
        n = self.n + values.size
        if self.n:
            step = mean - self.mean
            about += step * step * self.n * values.size / n
            mean = self.mean + step * values.size / n
        self.n, self.mean, self._about = n, mean, self._about + about
        self.least = min(self.least, float(values.min()))
        self.most = max(self.most, float(values.max()))

    @property
    def stderr(self) -> float:
        """Standard error of the mean, from the sample's own spread; NaN where it is not finite."""
        if self.n < 2 or not math.isfinite(self._about):
            return math.nan
        return math.sqrt(self._about / (self.n - 1) / self.n)


class Reading:
    """One way to read which option is right."""

    def __init__(self) -> None:
        self.possible = True
        self.infinite = 0
        self.nll, self.bits, self.brier = Moments(), Moments(), Moments()
        self.right: list[int] = []
        self.sizes: list[int] = []

    def put(self, right: int | None, texts: list[str]) -> None:
        """Note which of `texts` is the right option; None rules the reading out."""
        if right is None:
            self.possible = False
            return
        text = texts[right]
        self.right.append(right)
        self.sizes.append(len(text) if text.isascii() else len(text.encode()))

    def flush(self, options: _Options, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in a batch; log-probability of the right option, alone and among the options."""
        right, size = np.array(self.right, int), np.array(self.sizes, float)
        self.right.clear()
        self.sizes.clear()
        judged = (options.count > 1) & np.isfinite(correct)
        if ((options.best == right) != (correct == 1.0))[judged].any():
            self.possible = False
        own = options.flat[options.start + right]
        ok = np.isfinite(own)
        self.infinite += int(size.size - ok.sum())
        among = np.full(own.size, np.nan)
        chosen = ok & (options.count > 1)
        among[chosen] = own[chosen] - options.top[chosen] - np.log(options.whole[chosen])
        self.nll.add(-own[ok])
        long = ok & (size > 0)
        self.bits.add(-own[long] / (math.log(2.0) * size[long]))
        p = np.exp(among[chosen])
        self.brier.add(options.squares[chosen] - 2.0 * p + 1.0)
        return own, among


class _Options:
    """Options of a batch of samples, end to end."""

    def __init__(self, flat: list[float], count: list[int]) -> None:
        self.flat, self.count = np.array(flat), np.array(count)
        self.start = np.concatenate([[0], np.cumsum(self.count)[:-1]])
        self.top = np.maximum.reduceat(self.flat, self.start)
        above = np.repeat(self.top, self.count)
        sample = np.repeat(np.arange(self.count.size), self.count)
        hits = np.flatnonzero((self.flat == above) | np.isnan(self.flat))
        _, first = np.unique(sample[hits], return_index=True)
        self.best = hits[first] - self.start
        with np.errstate(invalid="ignore", over="ignore"):
            weights = np.exp(self.flat - above)
            self.whole = np.add.reduceat(weights, self.start)
            self.squares = np.add.reduceat(weights**2, self.start) / self.whole**2


@dataclass
class Items:
    """One row a record, where it was asked for: columns, the last four in batches."""

    doc: list[Any] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    target_logprob: list[np.ndarray] = field(default_factory=list)
    choice_logprob: list[np.ndarray] = field(default_factory=list)
    choices: list[np.ndarray] = field(default_factory=list)
    counts: list[np.ndarray] = field(default_factory=list)


class Samples:
    """What one file says under one filter.

    Attributes
    ----------
    n : int
        Records.
    metrics : dict of str to Moments
        Metrics that are numbers.
    options : Moments
        1 / number of options of each record that has likelihoods.
    items : Items or None
        The records themselves, if `keep`.
    """

    def __init__(self, name: str, keep: bool = False) -> None:
        self.name = name
        self.items = Items() if keep else None
        self.n = 0
        self.metrics: dict[str, Moments] = {}
        self.options = Moments()
        self.by_number, self.by_text = Reading(), Reading()
        self._values: dict[str, list[float]] = {}
        self._flat: list[float] = []
        self._count: list[int] = []
        self._correct: list[float] = []

    def value(self, metric: str, value: float) -> None:
        """Add the score of one record under `metric`."""
        try:
            self._values[metric].append(value)
        except KeyError:
            self._values[metric] = [value]

    def likelihoods(self, values: list[float], correct: float | None) -> None:
        """Add the options of one record; the readings are `put` beside it.

        A number above 0, which is the logarithm of no probability, is a ValueError.
        """
        above = [value for value in values if value > _ROUNDING]
        if above:
            raise ValueError(f"a log-likelihood of {above[0]:g} is above 0")
        self._flat += [value if not value < _IMPOSSIBLE else -math.inf for value in values]
        self._count.append(len(values))
        self._correct.append(math.nan if correct is None else correct)

    def done(self) -> None:
        """End of one record."""
        self.n += 1
        if self.n % BATCH == 0:
            self.flush()

    def flush(self) -> None:
        """Sum up what is waiting."""
        for metric, values in self._values.items():
            self.metrics.setdefault(metric, Moments()).add(np.array(values))
            values.clear()
        if not self._count:
            return
        options = _Options(self._flat, self._count)
        self.options.add(1.0 / options.count)
        correct = np.array(self._correct)
        own = among = np.full(options.count.size, np.nan)
        for reading in (self.by_text, self.by_number):
            if reading.possible and len(reading.right) == options.count.size:
                own, among = reading.flush(options, correct)
            else:
                reading.possible = False
        if self.items is not None:
            self.items.target_logprob.append(own)
            self.items.choice_logprob.append(among)
            self.items.choices.append(options.flat)
            self.items.counts.append(options.count)
        self._flat, self._count, self._correct = [], [], []

    @property
    def target(self) -> Reading | None:
        """The reading that fits every record; None if none does."""
        for reading in (self.by_number, self.by_text):
            if reading.possible and reading.nll.n + reading.infinite == self.n:
                return reading
        return None
