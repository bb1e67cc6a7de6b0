"""Accounts of several metrics of the same outputs (see `joint` for what they mean)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import SIGMA
from emergent_stats.model.priors import HalfNormal, Normal, Prior
from emergent_stats.model.trends import (
    ACCOUNTS,
    BREAKS,
    TRENDS,
    Ceiling,
    Kink,
    PowerLaw,
    Transition,
    Trend,
)
from emergent_stats.model.visible import VISIBLE, smallest_change

#: The accounts of one series, of the skill that all metrics share, and a break of one metric's own.
JOINT_ACCOUNTS = (*ACCOUNTS, "format")

#: Noise of one metric's skill that the other metrics of the same outputs do not share, in nats.
RESIDUAL = HalfNormal(0.1)
#: Skill of a metric where the reference's is 0: length of answers, units.
OFFSET = Normal(0.0, 2.0)
#: Log of the skill a metric gains per unit of the reference's.
LOG_LOADING = Normal(0.0, 0.5)


# --- hypotheses ------------------------------------------------------------------------------
@dataclass(frozen=True)
class JointHypothesis:
    """One account of several metrics of the same outputs.

    Attributes
    ----------
    account : str
        One of `JOINT_ACCOUNTS`.
    trend : Trend
        Of the shared skill.
    metrics : tuple of Metric
        The first is the reference.
    own : Trend, optional
        What one metric adds of its own (its level and slope are fixed at 0).
    own_metric : int
        Which one.
    sigma, residual, offset, log_loading : Prior
    """

    account: str
    trend: Trend
    metrics: tuple[Metric, ...]
    own: Trend | None = None
    own_metric: int = -1
    sigma: Prior = SIGMA
    residual: Prior = RESIDUAL
    offset: Prior = OFFSET
    log_loading: Prior = LOG_LOADING
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.trend.saturates:
            # losses of the same outputs keep showing the shared skill itself
            wide = tuple(m if m.continuous else m.saturating() for m in self.metrics)
            object.__setattr__(self, "metrics", wide)

    def priors(self) -> dict[str, Prior]:
        """All free parameters and their priors; metrics are counted from 1."""
        found = dict(self.trend.priors())
        if self.own is not None:
            found |= {f"own_{n}": p for n, p in self.own.priors().items()}
        found |= {"sigma": self.sigma, "residual": self.residual}
        for j, metric in enumerate(self.metrics, 1):
            if j > 1:
                found |= {f"offset_{j}": self.offset, f"log_loading_{j}": self.log_loading}
            found |= {f"{n}_{j}": p for n, p in metric.priors().items()}
        return found

    def skill(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Shared skill without noise."""
        own = {n: parameters[n] for n in self.trend.priors()} | self.trend.fixed()
        return self.trend(x, **own)

    def loading(self, j: int, parameters: dict[str, Any]) -> Any:
        """Nats that metric `j` (from 0) gains per nat of shared skill."""
        return np.exp(parameters[f"log_loading_{j + 1}"]) if j else 1.0

    def seen_skill(self, j: int, shared: Any, parameters: dict[str, Any], added: Any = 0.0) -> Any:
        """Skill that metric `j` sees of a shared one, and what it adds of its own."""
        if j:
            shared = parameters[f"offset_{j + 1}"] + self.loading(j, parameters) * shared
        return shared + added

    def own_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of `own` under the names its trend knows."""
        assert self.own is not None
        return {n: parameters[f"own_{n}"] for n in self.own.priors()} | self.own.fixed()

    def added(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Skill that `own_metric` adds."""
        assert self.own is not None
        return self.own(x, **self.own_parameters(parameters))

    def seen_skills(
        self, x: Any, shared: Any, parameters: dict[str, Any]
    ) -> tuple[list[Any], list[Any]]:
        """Skill that each metric sees of `shared`, and the nats in it per unit of shared noise."""
        skills, loads = [], []
        for j in range(len(self.metrics)):
            added = (
                self.added(x, parameters) if self.own is not None and j == self.own_metric else 0.0
            )
            skills.append(self.seen_skill(j, shared, parameters, added))
            loads.append(self.loading(j, parameters) * parameters["sigma"])
        return skills, loads

    def rates(self, j: int, parameters: dict[str, Any]) -> dict[str, Any]:
        """Guess and lapse rate of metric `j`."""
        metric = self.metrics[j]
        free = {n: parameters[f"{n}_{j + 1}"] for n in metric.priors()}
        return {**metric.fixed(), **free}

    def left(self, j: int, shows: Any, parameters: dict[str, Any]) -> Any:
        """What metric `j` shows of a skill, less what a trend that saturates loses of it."""
        if not self.trend.saturates or self.metrics[j].continuous:
            return shows
        return self.metrics[j].left(shows, **self.rates(j, parameters))

    def changes(self, x: Any, parameters: dict[str, Any]) -> list[list[tuple[int, Any, Any]]]:
        """What must be visible: per way to be absent, (metric, skill, skill without the change).

        Nothing if all is flat. A gradual trend must move the scores (the skill
        without it is None), a break must matter against carrying on as before it and against having
        been there all along.
        """
        if self.account == "flat":
            return []
        shared = self.skill(x, parameters)
        if self.own is not None:
            j = self.own_metric
            own = self.own_parameters(parameters)
            with_it = self.seen_skill(j, shared, parameters, self.own(x, **own))
            return [
                [(j, with_it, self.seen_skill(j, shared, parameters, other))]
                for other in self.own.without_break(x, **own)
            ]
        names = {n: parameters[n] for n in self.trend.priors()} | self.trend.fixed()
        others = self.trend.without_break(x, **names)
        every = range(len(self.metrics))
        seen = [self.seen_skill(j, shared, parameters) for j in every]
        if not others:
            return [[(j, seen[j], None) for j in every]]
        return [
            [(j, seen[j], self.seen_skill(j, other, parameters)) for j in every] for other in others
        ]

    @property
    def visible(self) -> float:
        """Smallest change of the expected scores that this account is about (see `visible`)."""
        if self.account not in (*BREAKS, "format"):
            return VISIBLE
        return smallest_change(all(metric.continuous for metric in self.metrics))

    @property
    def break_name(self) -> str | None:
        """Name of the location that is summed over the gaps between models."""
        if self.own is not None:
            return "own_location" if "location" in self.own.priors() else None
        broken = self.account in ("onset", "jump", "falls")
        return "location" if broken and "location" in self.trend.priors() else None


def joint_hypotheses(metrics: tuple[Metric, ...]) -> list[JointHypothesis]:
    """Every trend of the registry as a shared skill, and breaks of each metric's own."""
    found = [
        JointHypothesis(cls.account, cls(), metrics, name=name) for name, cls in TRENDS.items()
    ]
    for j in range(len(metrics)):
        for shared in (PowerLaw, Ceiling):
            for own in (Transition(level=0.0, slope=0.0), Kink(level=0.0, slope=0.0)):
                name = f"{type(own).__name__.lower()} of metric {j + 1}, {shared.__name__.lower()}"
                found.append(JointHypothesis("format", shared(), metrics, own, j, name=name))
    return found
