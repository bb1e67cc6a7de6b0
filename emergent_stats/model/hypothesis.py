"""Hypothesis = Trend × Metric × Noise: one account of how a score came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.learnt import WEAK, Priors
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import Noise, noise_for
from emergent_stats.model.priors import Interior, Prior, Uniform
from emergent_stats.model.trends import BREAKS, TRENDS, Trend
from emergent_stats.model.visible import VISIBLE, smallest_change


@dataclass(frozen=True)
class Hypothesis:
    """A trend of skill, seen through a metric, with noise.

    Attributes
    ----------
    trend : Trend
    metric : Metric
        Of a trend that saturates: with a wide prior of what is lost at the top.
    noise : Noise
        Default: the observation model that goes with the metric.
    name : str
        Default: the trend's name in `TRENDS`, or its class name.
    smallest_change : float
        What a break must do to the expected score somewhere: share of the way
        from chance to top, nats for losses. Default `SMALLEST_CHANGE`
        (`SMALLEST_LOSS_CHANGE` for losses).
    """

    trend: Trend
    metric: Metric
    noise: Noise = field(default=None)  # type: ignore[assignment]
    name: str = ""
    smallest_change: float | None = None

    def __post_init__(self) -> None:
        if self.trend.saturates:
            object.__setattr__(self, "metric", self.metric.saturating())
        if self.noise is None:
            object.__setattr__(self, "noise", noise_for(self.metric))
        if not self.name:
            own = type(self.trend)
            names = [name for name, cls in TRENDS.items() if cls is own]
            object.__setattr__(self, "name", names[0] if names else own.__name__)

    @property
    def account(self) -> str:
        """One of `ACCOUNTS`: flat, gradual, onset, jump or falls."""
        return self.trend.account

    @property
    def visible(self) -> float:
        """Smallest change of the expected score that this account is about (see `visible`)."""
        if self.account not in BREAKS:
            return VISIBLE
        if self.smallest_change is not None:
            return self.smallest_change
        return smallest_change(self.metric.continuous)

    def priors(self, curve: Curve | None = None) -> dict[str, Prior]:
        """All free parameters with their priors: trend, then metric, then sigma.

        With a `curve`, a location is resolved to its bounds in that design
        (decades from the curve's centre).
        """
        found = {**self.trend.priors(), **self.metric.priors()}
        if isinstance(self.noise.sigma, Prior):
            found["sigma"] = self.noise.sigma
        if curve is not None:
            for name, prior in found.items():
                if isinstance(prior, Interior):
                    found[name] = Uniform(*prior.bounds(curve.x - curve.centre))
        return found

    def fixed(self) -> dict[str, float]:
        """Parameters that are numbers."""
        found = {**self.trend.fixed(), **self.metric.fixed()}
        if not isinstance(self.noise.sigma, Prior):
            found["sigma"] = float(self.noise.sigma)
        return found

    def skill(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Skill without noise at `x` (decades from the curve's centre)."""
        names = self.trend.parameter_names()
        return self.trend(x, **{name: parameters[name] for name in names})

    def rates(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the metric's own parameters among `parameters`."""
        return {name: parameters[name] for name in ("guess", "lapse") if name in parameters}

    def left(self, shows: Any, parameters: dict[str, Any]) -> Any:
        """What of a skill shows (`visible`), less what a trend that saturates loses of it."""
        if not self.trend.saturates:
            return shows
        return self.metric.left(shows, **self.rates(parameters))

    def shown(self, skill: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
        """Skill (…, m) that the expected score shows: what a trend that saturates loses is gone."""
        if not self.trend.saturates:
            return skill
        return self.metric.shown(skill, **self.rates(parameters))

    def expected(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Expected score at `x` (decades from the curve's centre), without noise."""
        return self.metric(self.skill(x, parameters), **self.rates(parameters))

    def draw_parameters(
        self, curve: Curve, size: int, seed: int | np.random.Generator = 0
    ) -> dict[str, np.ndarray]:
        """Draws from the prior, each (size, 1), fixed parameters included."""
        rng = np.random.default_rng(seed)
        drawn = {
            name: prior.from_normal(rng.standard_normal((size, 1)))
            for name, prior in self.priors(curve).items()
        }
        return {**{k: np.full((size, 1), v) for k, v in self.fixed().items()}, **drawn}

    def simulate(
        self,
        curve: Curve,
        parameters: dict[str, Any],
        seed: int | np.random.Generator = 0,
        added: Any = 0.0,
    ) -> np.ndarray:
        """Scores on the design of `curve` under given parameters.

        Parameters
        ----------
        curve : Curve
            Gives scales, numbers of examples and standard errors; its scores
            are not used for proportions.
        parameters : dict
            Numbers, or arrays (size, 1) for several series at once.
        seed : int or Generator
        added : (m,) array or float
            Skill added to the trend, e.g. a planted jump.

        Returns
        -------
        (m,) or (size, m) array of scores
        """
        rng = np.random.default_rng(seed)
        skill = np.asarray(self.skill(curve.x - curve.centre, parameters), float) + added
        noisy = skill + parameters["sigma"] * rng.standard_normal(skill.shape)
        return self.noise.sample(rng, noisy, curve, self.metric, **self.rates(parameters))


def hypotheses(
    metric: Metric,
    noise: Noise | None = None,
    smallest_change: float | None = None,
    priors: Priors = WEAK,
) -> list[Hypothesis]:
    """Every trend in `TRENDS` seen through `metric`, under the priors of a curve.

    `priors` are `learnt.priors_for(curve)`. A batch has tables of the metric's rates, so it must
    be given the same metric: `priors.metric(curve.metric_object)`.
    """
    metric = priors.metric(metric)
    noise = priors.noise(noise or noise_for(metric))
    return [
        Hypothesis(priors.trend(cls()), metric, noise, name, smallest_change)
        for name, cls in TRENDS.items()
    ]
