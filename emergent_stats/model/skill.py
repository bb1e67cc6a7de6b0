"""What all metrics share: scales of skill, limits of the score, free rates.

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
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from scipy import special

from emergent_stats.model.maths import at_least
from emergent_stats.model.priors import Beta, LogUniform, Prior, Uniform

SKILL_SCALES = ("log", "logit")

#: Guess rate of generated answers, unknown and so left free (a rate fixed at
#: half a percent manufactures kinks), and the share of answers lost at the top.
GUESS = Beta(1.0, 50.0)
LAPSE = Beta(1.0, 50.0)
#: Largest share of the way from chance to top that a skill which saturates may lose.
MOST_LOST = 0.8
# fraction below which none can be told from another
_NOTHING = 1e-290
#: Irreducible cross-entropy of a loss that saturates, in nats.
IRREDUCIBLE = LogUniform(0.01, 10.0)


@lru_cache(maxsize=64)
def placed(metric: Metric) -> tuple[float, float]:
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
    #: True where the score is the mean of answers that are right or wrong.
    binary: ClassVar[bool] = False
    #: True where partly right answers count: score·n need not be whole.
    graded: ClassVar[bool] = False
    #: True where a results table must give the chance level.
    needs_chance: ClassVar[bool] = False
    #: True where the formula has numbers that no results table gives.
    assumed: ClassVar[bool] = False

    skill_scale: str = "log"

    def __call__(self, skill: Any, **parameters: Any) -> Any:
        """Expected score at `skill` (any shape; arrays or PyTensor variables)."""
        raise NotImplementedError

    def raw_fraction(self, raw_skill: Any) -> Any:
        """Share of the way from chance to top, as a function of uncentred skill."""
        raise NotImplementedError

    def fraction(self, skill: Any) -> Any:
        """Share of the way from chance to top, between 0 and 1."""
        middle, unit = placed(self)
        return self.raw_fraction(middle + unit * skill)

    @property
    def chance(self) -> float:
        """Expected score of a guesser (the prior mean where it is unknown)."""
        raise NotImplementedError

    @property
    def proportion(self) -> bool:
        """True where the score is a share of n answers, so that its noise is binomial."""
        return not self.continuous and type(self).range[1] == 1.0

    @classmethod
    def from_chance(cls, chance: float) -> Self:
        """Return the metric whose guesser scores `chance`, above 0."""
        return cls()

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

    def shown(self, skill: Any, **rates: Any) -> Any:
        """Skill that shows the same score where nothing is lost or irreducible."""
        raise NotImplementedError

    def left(self, shows: Any, **rates: Any) -> Any:
        """What is left, at these rates, of what shows of a skill (`visible`) where nothing is lost.

        For arrays and PyTensor variables.
        """
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

    @classmethod
    def from_chance(cls, chance: float) -> Self:
        """See `Metric.from_chance`."""
        return cls(guess=chance) if cls.direction > 0 else cls()

    def saturating(self):
        """See `Metric.saturating`."""
        if isinstance(self.lapse, Uniform):
            return self
        guess = self.guess
        guess = guess.a / (guess.a + guess.b) if isinstance(guess, Beta) else float(guess)  # type: ignore[arg-type]
        least = 0.0 if isinstance(self.lapse, Prior) else float(self.lapse)
        return replace(self, lapse=Uniform(least, least + MOST_LOST * (1.0 - guess - least)))

    def left(self, shows, *, guess, lapse):
        """See `Metric.left`."""
        return shows * (1.0 - lapse / (1.0 - guess))

    def shown(self, skill, *, guess, lapse):
        """See `Metric.shown`."""
        # logarithms: far below chance a fraction has no digits left to interpolate between
        grid = np.linspace(-20.0, 20.0, 4001)
        log_f = np.log(np.maximum(self.fraction(grid), _NOTHING))
        keep = np.concatenate([[True], np.diff(np.maximum.accumulate(log_f)) > 1e-9])
        seen = np.maximum(self.left(self.fraction(skill), guess=guess, lapse=lapse), _NOTHING)
        found = np.interp(np.log(seen), log_f[keep], grid[keep])
        return np.where(seen > _NOTHING, found, skill)

    @property
    def chance(self) -> float:
        """Expected score of a guesser (the prior mean where it is unknown)."""
        if isinstance(self.guess, Beta):
            return self.guess.a / (self.guess.a + self.guess.b)
        return float(self.guess)  # type: ignore[arg-type]
