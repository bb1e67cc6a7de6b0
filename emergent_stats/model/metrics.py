"""The metrics, each declared once: its formula, names, range, and what it assumes.

A metric is a class under `named`, which says how results tables and common tools call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from scipy import special

from emergent_stats.model.maths import at_least, hermite, log_expm1, softplus
from emergent_stats.model.priors import Beta, Prior, near_chance
from emergent_stats.model.skill import IRREDUCIBLE, Metric, Proportion, placed

#: Every metric by the name it has in a results table.
METRICS: dict[str, type[Metric]] = {}
#: Names that common tools use → name in `METRICS`.
ALIASES: dict[str, str] = {}

_LN2, _NEAR_QUARTER = float(np.log(2.0)), near_chance(0.25)
_HERMITE = hermite(24)
# values of a forced choice from which a table of its integral is worth its making
_MANY = 1_000
# entries of that table: steps at which a straight line is right to 1e-6
_TABLE = 12_000
# cross-entropy in nats whose perplexity is about the largest number
_LARGEST = 700.0


def named[M: Metric](**names: str) -> Callable[[type[M]], type[M]]:
    """Declare the metric below: its names, each with the aliases that tools use, spaced.

    Raises
    ------
    ValueError
        For a name or alias that another metric has.
    """

    def declare(cls: type[M]) -> type[M]:
        for name, aliases in names.items():
            for word in (name, *aliases.split()):
                if word in METRICS or word in ALIASES:
                    raise ValueError(f"{word!r} is a metric already; choose another name")
                ALIASES[word] = name
            del ALIASES[name]
            METRICS[name] = cls
        return cls

    return declare


def limits(name: str) -> tuple[float, float]:
    """Lowest and highest score of the metric `name`; any number for an unknown name."""
    return METRICS[name]().attainable() if name in METRICS else (-np.inf, np.inf)


def _is_symbolic(value: Any) -> bool:
    return hasattr(value, "owner") and hasattr(value, "type")


def _ndtr(value: Any) -> Any:
    """Standard normal distribution function for arrays and PyTensor variables."""
    if _is_symbolic(value):
        import pytensor.tensor as pt

        half: Any = pt.erfc(-value / np.sqrt(2.0))
        return 0.5 * half
    return special.ndtr(value)


def _betainc(a: float, b: float, p: Any) -> Any:
    """Regularised incomplete beta function for arrays and PyTensor variables."""
    if _is_symbolic(p):
        import pytensor.tensor as pt

        return pt.betainc(a, b, p)
    return special.betainc(a, b, p)


@named(exact_match="acc accuracy em exact exact_str_match quasi_exact_match")
@dataclass(frozen=True)
class ExactMatch(Proportion):
    """All tokens of the answer right: Σ_L f(L)·p^L.

    Parameters
    ----------
    lengths : tuple of (length, weight)
        Distribution of answer lengths in tokens; weights sum to 1.
    """

    binary: ClassVar[bool] = True
    lengths: tuple[tuple[float, float], ...] = ((1.0, 1.0),)

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        p = self._token_probability(raw_skill)
        total = 0.0
        for length, weight in self.lengths:
            total = total + weight * p**length
        return total


@named(multiple_choice="acc_norm mc1 multiple_choice_grade")
@dataclass(frozen=True)
class MultipleChoice(Proportion):
    """Forced choice among k options: ∫φ(z)Φ(z + d′)^(k−1)dz, 1/k at d′ = 0.

    Parameters
    ----------
    options : float
        k = 1/chance; need not be whole (a mean over questions).
    """

    binary: ClassVar[bool] = True
    needs_chance: ClassVar[bool] = True
    options: float = 4.0
    guess: Prior | float = _NEAR_QUARTER

    @classmethod
    def from_chance(cls, chance: float, **kwargs: Any) -> Self:
        """Return the metric whose guesser scores about `chance` (`near_chance`)."""
        kwargs.setdefault("guess", near_chance(chance))
        return cls(options=1.0 / chance, **kwargs)

    def unfloored(self):
        """See `Metric.unfloored`: near chance is a floor as well."""
        return self if self.guess == 0 else replace(self, guess=0.0)

    def least(self, n, k):
        """See `Metric.least`: the guess rate itself is not known to the last digit."""
        if not isinstance(self.guess, Beta):
            return super().least(n, k)
        z = np.linspace(-6.0, 6.0, 97)
        share, k = np.exp(-0.5 * z * z), np.minimum(k, n - 1e-9)[:, None]
        right = special.betainc(n[:, None] - k, k + 1, 1 - self.guess.from_normal(z))
        return right @ (share / share.sum())

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        if self.skill_scale == "logit":
            return 0.5 * (1.0 + np.tanh(0.5 * raw_skill))
        if not _is_symbolic(raw_skill) and np.size(raw_skill) > _MANY:
            return np.interp(raw_skill, *_choice_table(self.options))
        return _choice_fraction(raw_skill, self.options)


def _choice_fraction(raw_skill: Any, options: float) -> Any:
    """Probability that the right one of the options seems best, chance to 1 taken as 0 to 1."""
    # d' > 15 is certainty
    d = np.exp(-at_least(-at_least(raw_skill, -30.0), -2.7))
    right = 0.0
    for node, weight in zip(*_HERMITE, strict=True):
        right = right + weight * _ndtr(node + d) ** (options - 1.0)
    at_zero = _guessed(options)
    return (right - at_zero) / (1.0 - at_zero)


@lru_cache(maxsize=64)
def _guessed(options: float) -> float:
    # the same rule at d' = 0, so that the fraction is exactly 0 there
    nodes, weights = _HERMITE
    return float(np.sum(weights * special.ndtr(nodes) ** (options - 1.0)))


@lru_cache(maxsize=64)
def _choice_table(options: float) -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(-12.0, 2.75, _TABLE)
    return grid, np.asarray(_choice_fraction(grid, options))


@named(token_accuracy="token_acc")
@dataclass(frozen=True)
class TokenAccuracy(ExactMatch):
    """Share of right tokens: p."""

    binary: ClassVar[bool] = False


@named(edit_distance="token_edit_distance")
@dataclass(frozen=True)
class EditDistance(ExactMatch):
    """Share of wrong tokens: 1 − p (lower is better)."""

    binary: ClassVar[bool] = False
    direction: ClassVar[int] = -1

    def __call__(self, skill, *, guess, lapse):
        """See `Metric.__call__`."""
        return 1.0 - (guess + (1.0 - guess - lapse) * self.fraction(skill))

    @property
    def chance(self) -> float:
        """Expected score of a guesser."""
        return 1.0 - super().chance


@named(cross_entropy="ce loss nll")
@dataclass(frozen=True)
class CrossEntropy(Metric):
    """Cross-entropy per token in nats: the skill itself (lower is better)."""

    range: ClassVar[tuple[float, float]] = (0.0, np.inf)
    continuous: ClassVar[bool] = True
    direction: ClassVar[int] = -1

    lapse: Prior | float = 0.0

    def __call__(self, skill, *, lapse=0.0):
        """See `Metric.__call__`."""
        return self._of_loss(self.to_loss(skill) + lapse)

    def to_loss(self, skill: Any) -> Any:
        """Cross-entropy of a skill in nats, where nothing is irreducible."""
        middle, unit = placed(self)
        raw = middle + unit * skill
        return np.exp(-raw) if self.skill_scale == "log" else softplus(-raw)

    def attainable(self):
        """See `Metric.attainable`."""
        lapse = 0.0 if isinstance(self.lapse, Prior) else self.lapse
        return float(self._of_loss(np.float64(lapse))), np.inf

    def saturating(self):
        """See `Metric.saturating`."""
        return self if isinstance(self.lapse, Prior) else replace(self, lapse=IRREDUCIBLE)

    def raw_fraction(self, raw_skill):
        """Per-token probability (used to place the half-way point only)."""
        return self._token_probability(raw_skill)

    def skill(self, score: np.ndarray) -> np.ndarray:
        """Skill that shows as `score` where nothing is irreducible (the inverse of `__call__`)."""
        return self._skill(self._to_loss(np.asarray(score, float)))

    def _skill(self, loss):
        middle, unit = placed(self)
        raw = -np.log(loss) if self.skill_scale == "log" else -log_expm1(loss)
        return (raw - middle) / unit

    def shown(self, skill, *, lapse):
        """See `Metric.shown`."""
        return self._skill(self.to_loss(skill) + lapse)

    def left(self, shows, *, lapse):
        """See `Metric.left`."""
        return self.shown(shows, lapse=lapse)

    def beyond(self, shown: Any, lapse: Any) -> tuple[Any, Any]:
        """Skill behind one that is shown with `lapse` nats in it, and its slope in that one.

        For arrays and PyTensor variables; `lapse` must be below the loss.
        """
        loss = self.to_loss(shown)
        rest = loss - lapse
        if self.skill_scale == "log":
            return self._skill(rest), loss / rest
        # d raw/d loss = −1/(1 − e^−loss)
        return self._skill(rest), -np.expm1(-loss) / -np.expm1(-rest)

    def skill_error(self, score: np.ndarray, stderr: np.ndarray) -> np.ndarray:
        """Standard error of `skill(score)` by the delta method."""
        step = 1e-5 * np.asarray(score, float)
        slope = (self.skill(score + step) - self.skill(score - step)) / (2 * step)
        return np.abs(slope) * stderr

    @property
    def chance(self) -> float:
        """Not defined for a loss: NaN."""
        return float("nan")

    def _of_loss(self, loss: Any) -> Any:
        return loss

    def _to_loss(self, score: np.ndarray) -> np.ndarray:
        return score


@named(perplexity="ppl token_perplexity")
@dataclass(frozen=True)
class Perplexity(CrossEntropy):
    """exp(cross-entropy): at least 1, lower is better."""

    range: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def _of_loss(self, loss):
        return np.exp(loss if _is_symbolic(loss) else np.minimum(loss, _LARGEST))

    def _to_loss(self, score):
        return np.log(score)


@named(bits_per_byte="bpb")
@dataclass(frozen=True)
class BitsPerByte(CrossEntropy):
    """Cross-entropy in bits per byte; bytes per token are absorbed in the level."""

    def _of_loss(self, loss):
        return loss / _LN2

    def _to_loss(self, score):
        return score * _LN2


@named(brier="brier_score multiple_choice_brier_score")
@dataclass(frozen=True)
class Brier(Proportion):
    """Brier score of a model with probability q on the right one of k options, lower is better.

    top/2·(1−q)²·k/(k−1), the rest spread evenly over the wrong options;
    q = 1/k + (1 − 1/k)·p, so a guesser scores top/2·(k−1)/k.

    Parameters
    ----------
    options : float
        Number of options k.
    top : {2.0, 1.0}
        2 for the sum over options, 1 for its half: declared, never guessed.
    """

    range: ClassVar[tuple[float, float]] = (0.0, 2.0)
    direction: ClassVar[int] = -1
    guess: Prior | float = 0.0
    lapse: Prior | float = 0.0
    options: float = 4.0
    top: float = 2.0

    @classmethod
    def from_chance(cls, chance: float, **kwargs: Any) -> Self:
        """Return the metric (0..2) whose guesser scores `chance` = (k − 1)/k."""
        return cls(options=1.0 / (1.0 - chance), **kwargs)

    def __call__(self, skill, *, guess, lapse):
        """See `Metric.__call__`."""
        return self.chance * (1.0 - (guess + (1.0 - guess - lapse) * self.fraction(skill)))

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        missing = 1.0 - self._token_probability(raw_skill)
        return 1.0 - missing * missing

    @property
    def chance(self) -> float:
        """Expected score of a guesser."""
        return 0.5 * self.top * (self.options - 1.0) / self.options


@named(bleu="sacrebleu", f1="f1_score", rouge="rouge1 rouge2 rougeL rougeLsum")
@dataclass(frozen=True)
class Graded(ExactMatch):
    """BLEU, F1, ROUGE: p^c; the unknown exponent c is absorbed in the level like a length."""

    binary: ClassVar[bool] = False
    graded: ClassVar[bool] = True


@named(pass_at_k="pass@1 pass@k")
@dataclass(frozen=True)
class PassAtK(Proportion):
    """At least one of `k` independent tries right: 1 − (1 − p)^k."""

    assumed: ClassVar[bool] = True
    k: float = 10.0

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        p = self._token_probability(raw_skill)
        # −expm1(k·log1p(−p)) keeps small p exact; p = 1 is cut one ulp short
        return -np.expm1(self.k * np.log1p(-p * (1.0 - 1e-15)))


@named(majority_vote="maj@k")
@dataclass(frozen=True)
class MajorityVote(Proportion):
    """More than half of `k` (odd) independent tries right: a binomial tail of p."""

    binary: ClassVar[bool] = True
    assumed: ClassVar[bool] = True
    k: int = 5

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        half = (self.k + 1) / 2
        return _betainc(half, self.k - half + 1, self._token_probability(raw_skill))


@named(all_of="")
@dataclass(frozen=True)
class AllOf(Proportion):
    """All of `k` independent parts right: p^k."""

    binary: ClassVar[bool] = True
    assumed: ClassVar[bool] = True
    k: float = 5.0

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        return self._token_probability(raw_skill) ** self.k


@named(threshold="")
@dataclass(frozen=True)
class Threshold(Proportion):
    """At least a share `q` of `parts` independent parts right: a binomial tail of p."""

    binary: ClassVar[bool] = True
    assumed: ClassVar[bool] = True
    q: float = 0.5
    parts: int = 10

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        need = int(np.ceil(self.q * self.parts - 1e-9))
        return _betainc(need, self.parts - need + 1, self._token_probability(raw_skill))


def metric_for(name: str, chance: float = float("nan")) -> Metric:
    """Metric of a results-table series.

    Parameters
    ----------
    name : str
        A name in `METRICS`.
    chance : float
        The series' chance level; NaN where none is given. A chance of 0 or
        none leaves the guess rate of a generated answer free. A forced choice
        needs it.

    Raises
    ------
    ValueError
        For an unknown name, or a forced choice without a chance level.
    """
    if name not in METRICS:
        raise ValueError(f"unknown metric {name!r}; known: {', '.join(METRICS)}")
    cls = METRICS[name]
    known = np.isfinite(chance) and chance > 0
    if cls.needs_chance and not (known and chance < 1):
        raise ValueError(
            f"metric {name!r} needs a chance level between 0 and 1, got {chance:g}; "
            "give `chance` (--chance), 1 divided by the number of options"
        )
    return cls.from_chance(float(chance)) if known else cls()
