"""Metrics: the expected score of a model of given skill.

Two skill scales are in use, and a verdict is computed on both:

``log``
    the per-token probability of the right answer is p = exp(−e^(−s)), so
    s = −log(cross-entropy in nats): a power law in cross-entropy is a straight
    line. For forced choice d′ = e^s.
``logit``
    p = logistic(s), with s in units that make both scales equally steep where
    the score is half-way between chance and top.

On either scale ``s`` is measured from that half-way point, so the prior of a
trend's level means the same for every metric. The length of an answer (p^L)
only shifts the ``log`` scale by log L, so it is absorbed in the level: it is
not separately identified.

A proportion-like metric is score = chance + (1 − chance − lapse)·fraction(s),
with `fraction` between 0 and 1. A continuous metric (cross-entropy and its
kin) shows the skill itself, and its noise is on the skill scale. Its lapse is
what no skill takes away: an irreducible cross-entropy in nats, so that
cross-entropy = lapse + e^(−s).

Saturation is a lapse: a cross-entropy e^(−s) + c gives exp(−e^(−s) − c) =
e^(−c)·exp(−e^(−s)), the fraction of a power law times a constant. So a skill
that saturates needs no formula of its own (`Metric.saturating`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from scipy import special

from emergent_stats.model.maths import at_least, hermite, log_expm1, softplus
from emergent_stats.model.priors import Beta, LogUniform, Prior, Uniform, near_chance

SKILL_SCALES = ("log", "logit")

#: Guess rate of generated answers, unknown and so left free (a rate fixed at
#: half a percent manufactures kinks), and the share of answers lost at the top.
GUESS = Beta(1.0, 50.0)
LAPSE = Beta(1.0, 50.0)
#: Largest share of the way from chance to top that a skill which saturates may lose.
MOST_LOST = 0.8
#: Irreducible cross-entropy of a loss that saturates, in nats.
IRREDUCIBLE = LogUniform(0.01, 10.0)

_LN2, _NEAR_QUARTER = float(np.log(2.0)), near_chance(0.25)


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


@lru_cache(maxsize=64)
def _shape(metric: Metric) -> tuple[float, float]:
    """(half-way point, unit) of a metric's skill scale, found on the raw scale.

    The half-way point is where `raw_fraction` is ½. The unit is the number of
    raw units of the logit scale in one nat of the log scale there.
    """
    if metric.skill_scale == "log":
        return _halfway(metric), 1.0
    log_twin = replace(metric, skill_scale="log")
    eps = 1e-4
    steepness = []
    for m in (metric, log_twin):
        middle = _halfway(m)
        f = m.raw_fraction(np.array([middle - eps, middle + eps]))
        steepness.append((f[1] - f[0]) / (2 * eps))
    return _halfway(metric), float(steepness[1] / steepness[0])


def _halfway(metric: Metric) -> float:
    from scipy.optimize import brentq

    root: Any = brentq(lambda s: float(metric.raw_fraction(np.array(s))) - 0.5, -30.0, 30.0)
    return float(root)


@dataclass(frozen=True)
class Metric:
    """Base of all metrics.

    Attributes
    ----------
    skill_scale : {"log", "logit"}
        The scale of skill (module docstring).
    """

    #: Lowest and highest possible score, before any chance level.
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    #: True where the metric shows the skill itself (noise is then on the skill scale).
    continuous: ClassVar[bool] = False
    #: +1 where a higher score is better.
    direction: ClassVar[int] = 1

    skill_scale: str = "log"

    def __call__(self, skill: Any, **parameters: Any) -> Any:
        """Expected score at `skill` (any shape; arrays or PyTensor variables)."""
        raise NotImplementedError

    def raw_fraction(self, raw_skill: Any) -> Any:
        """Share of the way from chance to top, as a function of uncentred skill."""
        raise NotImplementedError

    def fraction(self, skill: Any) -> Any:
        """Share of the way from chance to top, between 0 and 1."""
        middle, unit = _shape(self)
        return self.raw_fraction(middle + unit * skill)

    @property
    def chance(self) -> float:
        """Expected score of a guesser (the prior mean where it is unknown)."""
        raise NotImplementedError

    def on_scale(self, skill_scale: str) -> Metric:
        """Return the same metric over another skill scale."""
        if skill_scale not in SKILL_SCALES:
            raise ValueError(f"unknown skill scale {skill_scale!r}; use one of {SKILL_SCALES}")
        return replace(self, skill_scale=skill_scale)

    def attainable(self) -> tuple[float, float]:
        """Lowest and highest score that can be seen: the range, less a lapse rate that is fixed.

        A guess rate bounds nothing: a model that is misled scores less.
        """
        low, high = type(self).range
        lapse = self.fixed().get("lapse", 0.0)
        if lapse == 0:
            return low, high
        if self.direction > 0:
            return low, high - lapse
        return low + lapse * (self.chance if high != 1.0 else 1.0), high

    def check(self, score: np.ndarray, name: str, models: Sequence[str], slack: Any = 0.0) -> None:
        """Refuse scores (m,) that the metric cannot give, by more than `slack`.

        Raises
        ------
        ValueError
            Naming the first such score, its model, the limits and what to do.
        """
        low, high = self.attainable()
        # continuous metrics show a loss of any size; a rounding error is none
        bad = (score < low - slack - 1e-9) | (score > high + slack + 1e-9)
        if not bad.any():
            return
        i = int(np.argmax(bad))
        lapse = self.fixed().get("lapse", 0.0)
        fix = f"; with a lapse rate of {lapse:g}: fix a smaller one, or leave it free" * (lapse > 0)
        raise ValueError(
            f"scores of {name!r} lie between {low:g} and {high:g}, "
            f"got {score.min():g} to {score.max():g} (first: {models[i]}){fix}"
        )

    def unfloored(self) -> Metric:
        """Return the same metric for scores that may fall below chance.

        Where the guess rate is known no skill gives such a score; without it, scores between 0 and
        chance have one like all others. All accounts of a curve are seen through one metric.
        """
        guess = getattr(self, "guess", None)
        if self.direction < 0 or not isinstance(guess, int | float) or guess == 0:
            return self
        return replace(self, guess=0.0)  # type: ignore[call-arg]

    def saturating(self) -> Metric:
        """Return the same metric for a skill that saturates anywhere below the top.

        Its lapse has a wide prior; a lapse that is fixed is the least that is lost.
        """
        raise NotImplementedError

    def shown(self, skill: np.ndarray, **rates: Any) -> np.ndarray:
        """Skill that shows the same score where nothing is lost or irreducible."""
        raise NotImplementedError

    def least(self, n: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Probability (m,) of `k` (m,) right answers of `n` (m,), or fewer, by guessing."""
        k = np.minimum(k, n - 1e-9)
        return special.betainc(n - k, k + 1, 1 - self.chance)

    def priors(self) -> dict[str, Prior]:
        """Free parameters of the metric and their priors."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: v for name, v in values.items() if isinstance(v, Prior)}

    def fixed(self) -> dict[str, float]:
        """Guess and lapse rate where they were given as numbers."""
        return {
            name: float(getattr(self, name))
            for name in ("guess", "lapse")
            if isinstance(getattr(self, name, None), int | float)
        }

    def _token_probability(self, raw_skill: Any) -> Any:
        if self.skill_scale == "log":
            # e^-s overflows only where p is 0 to the last digit
            return np.exp(-np.exp(-at_least(raw_skill, -30.0)))
        return 0.5 * (1.0 + np.tanh(0.5 * raw_skill))


@dataclass(frozen=True)
class Proportion(Metric):
    """A score between chance and top: chance + (1 − chance − lapse)·fraction(skill)."""

    guess: Prior | float = GUESS
    lapse: Prior | float = LAPSE

    def __call__(self, skill, *, guess, lapse):
        """See `Metric.__call__`."""
        return guess + (1.0 - guess - lapse) * self.fraction(skill)

    def saturating(self):
        """See `Metric.saturating`."""
        if isinstance(self.lapse, Uniform):
            return self
        guess = (
            self.guess.a / (self.guess.a + self.guess.b)
            if isinstance(self.guess, Beta)
            else (
                float(self.guess)  # type: ignore[arg-type]
            )
        )
        least = 0.0 if isinstance(self.lapse, Prior) else float(self.lapse)
        return replace(self, lapse=Uniform(least, least + MOST_LOST * (1.0 - guess - least)))

    def shown(self, skill: np.ndarray, *, guess: Any, lapse: Any) -> np.ndarray:
        """Skill that shows the same score where nothing is lost."""
        grid = np.linspace(-20.0, 20.0, 4001)
        f = np.maximum.accumulate(self.fraction(grid))
        keep = np.concatenate([[True], np.diff(f) > 0])
        return np.interp(self.fraction(skill) * (1.0 - lapse / (1.0 - guess)), f[keep], grid[keep])

    @property
    def chance(self) -> float:
        """Expected score of a guesser (the prior mean where it is unknown)."""
        if isinstance(self.guess, Beta):
            return self.guess.a / (self.guess.a + self.guess.b)
        return float(self.guess)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ExactMatch(Proportion):
    """All tokens of the answer right: Σ_L f(L)·p^L.

    Parameters
    ----------
    lengths : tuple of (length, weight)
        Distribution of answer lengths in tokens; weights sum to 1.
    """

    lengths: tuple[tuple[float, float], ...] = ((1.0, 1.0),)

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        p = self._token_probability(raw_skill)
        total = 0.0
        for length, weight in self.lengths:
            total = total + weight * p**length
        return total


@dataclass(frozen=True)
class TokenAccuracy(ExactMatch):
    """Share of right tokens: p."""


@dataclass(frozen=True)
class Graded(ExactMatch):
    """BLEU, F1, ROUGE: p^c; the unknown exponent c is absorbed in the level like a length."""


@dataclass(frozen=True)
class EditDistance(ExactMatch):
    """Share of wrong tokens: 1 − p (lower is better)."""

    direction: ClassVar[int] = -1

    def __call__(self, skill, *, guess, lapse):
        """See `Metric.__call__`."""
        return 1.0 - (guess + (1.0 - guess - lapse) * self.fraction(skill))

    @property
    def chance(self) -> float:
        """Expected score of a guesser."""
        return 1.0 - super().chance


@dataclass(frozen=True)
class MultipleChoice(Proportion):
    """Forced choice among k options: ∫φ(z)Φ(z + d′)^(k−1)dz, 1/k at d′ = 0.

    Parameters
    ----------
    options : float
        k = 1/chance; need not be whole (a mean over questions).
    """

    options: float = 4.0
    guess: Prior | float = _NEAR_QUARTER

    @classmethod
    def from_chance(cls, chance: float, **kwargs: Any) -> MultipleChoice:
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
        k = self.options
        # d' > 15 is certainty
        d = np.exp(-at_least(-at_least(raw_skill, -30.0), -2.7))
        right = 0.0
        for node, weight in zip(*_HERMITE, strict=True):
            right = right + weight * _ndtr(node + d) ** (k - 1.0)
        return (right - self._at_zero) / (1.0 - self._at_zero)

    @cached_property
    def _at_zero(self) -> float:
        # the same rule at d' = 0, so that fraction is exactly 0 there
        nodes, weights = _HERMITE
        return float(np.sum(weights * special.ndtr(nodes) ** (self.options - 1.0)))


_HERMITE = hermite(24)


@dataclass(frozen=True)
class PassAtK(Proportion):
    """At least one of `k` independent tries right: 1 − (1 − p)^k."""

    k: float = 10.0

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        p = self._token_probability(raw_skill)
        # −expm1(k·log1p(−p)) keeps small p exact; p = 1 is cut one ulp short
        return -np.expm1(self.k * np.log1p(-p * (1.0 - 1e-15)))


@dataclass(frozen=True)
class MajorityVote(Proportion):
    """More than half of `k` (odd) independent tries right: a binomial tail of p."""

    k: int = 5

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        half = (self.k + 1) / 2
        return _betainc(half, self.k - half + 1, self._token_probability(raw_skill))


@dataclass(frozen=True)
class AllOf(Proportion):
    """All of `k` independent parts right: p^k."""

    k: float = 5.0

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        return self._token_probability(raw_skill) ** self.k


@dataclass(frozen=True)
class Threshold(Proportion):
    """At least a share `q` of `parts` independent parts right: a binomial tail of p."""

    q: float = 0.5
    parts: int = 10

    def raw_fraction(self, raw_skill):
        """See `Metric.raw_fraction`."""
        need = int(np.ceil(self.q * self.parts - 1e-9))
        return _betainc(need, self.parts - need + 1, self._token_probability(raw_skill))


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
    def from_chance(cls, chance: float, **kwargs: Any) -> Brier:
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
        middle, unit = _shape(self)
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
        middle, unit = _shape(self)
        raw = -np.log(loss) if self.skill_scale == "log" else -log_expm1(loss)
        return (raw - middle) / unit

    def shown(self, skill: np.ndarray, *, lapse: Any) -> np.ndarray:
        """Skill that shows the same score where nothing is irreducible."""
        return self._skill(self.to_loss(skill) + lapse)

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


@dataclass(frozen=True)
class Perplexity(CrossEntropy):
    """exp(cross-entropy): at least 1, lower is better."""

    range: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def _of_loss(self, loss):
        return np.exp(loss)

    def _to_loss(self, score):
        return np.log(score)


@dataclass(frozen=True)
class BitsPerByte(CrossEntropy):
    """Cross-entropy in bits per byte; bytes per token are absorbed in the level."""

    def _of_loss(self, loss):
        return loss / _LN2

    def _to_loss(self, score):
        return score * _LN2


#: Every metric by the name it has in a results table.
METRICS = MappingProxyType(
    {
        "exact_match": ExactMatch,
        "multiple_choice": MultipleChoice,
        "token_accuracy": TokenAccuracy,
        "edit_distance": EditDistance,
        "cross_entropy": CrossEntropy,
        "perplexity": Perplexity,
        "bits_per_byte": BitsPerByte,
        "brier": Brier,
        "bleu": Graded,
        "f1": Graded,
        "rouge": Graded,
        "pass_at_k": PassAtK,
        "majority_vote": MajorityVote,
        "all_of": AllOf,
        "threshold": Threshold,
    }
)


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
    if cls is MultipleChoice:
        if not known or chance >= 1:
            raise ValueError(
                f"metric 'multiple_choice' needs a chance level between 0 and 1, got {chance:g}; "
                "fill the column `chance` (1 divided by the number of options)"
            )
        return MultipleChoice.from_chance(float(chance))
    if cls is Brier and known:
        return Brier.from_chance(float(chance))
    if issubclass(cls, Proportion) and known and cls.direction > 0:
        return cls(guess=float(chance))
    return cls()
