"""Pieces that all PyMC models of the package share: observations and the gate, as variables.

The trend, metric and prior objects that serve the quadrature engine are called
here with PyTensor variables, so the routes share their formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import BINOMIAL, SCORE_NORMAL, SKILL_NORMAL, observe
from emergent_stats.model.visible import eighth, log_gate

# largest expected score that floating point can tell from 1
_BELOW_ONE = 1.0 - 2.0**-52


@dataclass(frozen=True)
class Seen:
    """What was observed of one curve: its kind, which fixes the model, and the arrays to fill in.

    Attributes
    ----------
    kind : int
        BINOMIAL, SCORE_NORMAL or SKILL_NORMAL.
    rounded : bool
        Whether a score stands for several counts, which are summed.
    arrays : dict
        Per model: ``n`` and ``right`` (exact counts), or ``n``, ``counts`` and
        ``log_ways`` (counts that a score stands for), or ``seen`` and ``error``.
    """

    kind: int
    rounded: bool
    arrays: dict[str, np.ndarray] = field(compare=False, repr=False)

    @classmethod
    def of(cls, curve: Curve, metric: Metric, summed: bool = False) -> Seen:
        """Observations of a curve; `summed` keeps the counts in the form that is summed over."""
        obs = observe([curve], metric)
        if obs.kind != BINOMIAL:
            return cls(obs.kind, False, {"seen": obs.value[0], "error": obs.error[0]})
        counts, constant, n = obs.k[0], obs.constant[0], obs.n[0]
        rounded = bool(
            np.isfinite(constant[:, 1:]).any()
            or (counts[:, 0] % 1 != 0).any()
            or (n % 1 != 0).any()
        )
        if rounded or summed:
            arrays = {"n": n, "counts": counts, "log_ways": constant}
            if rounded:
                arrays["score"] = curve.score
        else:
            arrays = {"n": n.astype(np.int64), "right": counts[:, 0].astype(np.int64)}
        return cls(obs.kind, rounded, arrays)

    @property
    def name(self) -> str:
        """Name of the observed variable."""
        if self.kind == BINOMIAL:
            return "score" if self.rounded else "right"
        return "score" if self.kind == SCORE_NORMAL else "seen"

    def add(
        self, skill: Any, metric: Metric, rates: Mapping[str, Any], sigma: Any,
        data: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Add the observed variable to the model in context.

        Parameters
        ----------
        skill : (m,) variable
            With the noise between models in it, except where the metric shows
            the skill itself: there `sigma` is added to the standard error.
        metric, rates
            Expected score = metric(skill, **rates).
        data : mapping
            ``pm.Data`` of `arrays`, under the same names.
        """
        if self.kind == BINOMIAL:
            mu = inside(metric(skill, **rates))
            if self.rounded:
                pm.CustomDist(
                    self.name, mu, data["n"], data["counts"], data["log_ways"],
                    logp=log_counts, random=_counts_random,
                    signature="(),(),(c),(c)->()", observed=data["score"], dims="model",
                )  # fmt: skip
            else:
                pm.Binomial(self.name, n=data["n"], p=mu, observed=data["right"], dims="model")
            return
        sd = self.spread(data, sigma)
        if self.kind == SCORE_NORMAL:
            pm.Normal(self.name, metric(skill, **rates), sd, observed=data["seen"], dims="model")
        elif isinstance(lapse := rates.get("lapse", 0.0), float):
            pm.Normal(self.name, skill, sd, observed=data["seen"], dims="model")
        else:
            pm.CustomDist(
                self.name, skill, sigma, data["error"], lapse,
                logp=_log_behind(metric), random=_shown_random(metric),
                signature="(),(),(),()->()", observed=data["seen"], dims="model",
            )  # fmt: skip

    def log_density(
        self, skill: Any, metric: Metric, rates: Mapping[str, Any], sigma: Any,
        data: Mapping[str, Any],
    ) -> Any:  # fmt: skip
        """Log probability of the observations as a variable, for sums over alternatives."""
        if self.kind == BINOMIAL:
            mu = metric(skill, **rates)
            return log_counts(None, mu, data["n"], data["counts"], data["log_ways"])
        if self.kind == SKILL_NORMAL and not isinstance(lapse := rates.get("lapse", 0.0), float):
            seen = pt.broadcast_to(data["seen"], skill.shape)
            return _log_behind(metric)(seen, skill, sigma, data["error"], lapse)
        mean = metric(skill, **rates) if self.kind == SCORE_NORMAL else skill
        observed = pm.Normal.dist(mean, self.spread(data, sigma))
        return pm.logp(observed, pt.broadcast_to(data["seen"], mean.shape))

    def spread(self, data: Mapping[str, Any], sigma: Any) -> Any:
        """Standard deviation of a normal observation."""
        if self.kind == SCORE_NORMAL:
            return data["error"]
        return pt.sqrt(sigma**2 + data["error"] ** 2)

    @property
    def shows_skill(self) -> bool:
        """Whether the metric shows the skill itself."""
        return self.kind == SKILL_NORMAL


def _log_behind(metric: Any) -> Any:
    """Log density of a skill that is shown with something irreducible in its loss."""

    def logp(value: Any, skill: Any, sigma: Any, error: Any, lapse: Any) -> Any:
        # a draw that leaves less than nothing of a loss is ruled out by what it is cut at
        rest = pt.maximum(metric.to_loss(value) - lapse, 1e-12)
        behind, slope = metric.beyond(value, metric.to_loss(value) - rest)
        spread = pt.sqrt(sigma**2 + (error * slope) ** 2)
        away = (behind - skill) / spread
        return pt.log(slope) - 0.5 * away * away - pt.log(spread) - 0.5 * np.log(2 * np.pi)

    return logp


def _shown_random(metric: Any) -> Any:
    def draw(skill, sigma, error, lapse, rng, size):
        behind = rng.normal(skill, sigma, size=size)
        return rng.normal(metric.shown(behind, lapse=lapse), error)

    return draw


def inside(mu: Any) -> Any:
    """Probability kept where its logarithm and that of its complement are finite."""
    return pt.clip(mu, 1e-300, _BELOW_ONE)


def log_counts(value: Any, mu: Any, n: Any, counts: Any, log_ways: Any) -> Any:
    """Log probability of all counts that round to a score, as in `likelihood`."""
    mu = inside(mu)[..., None]
    terms = log_ways + counts * pt.log(mu) + (n[..., None] - counts) * pt.log1p(-mu)
    return pm.math.logsumexp(terms, axis=-1)


def _counts_random(mu, n, counts, log_ways, rng, size):
    return rng.binomial(np.round(n).astype(np.int64), mu, size=size) / n


def shown(metric: Metric, skill: Any) -> Any:
    """What of the skill shows: the fraction chance-to-top, or the skill itself for losses."""
    return skill if metric.continuous else metric.fraction(skill)


def log_visibility(hypothesis: Hypothesis, x: Any, parameters: dict[str, Any], skill: Any) -> Any:
    """Symbolic twin of `integrand.log_visibility` for x (1, m) and skill (G, m): (G,)."""
    if hypothesis.account == "flat":
        return pt.zeros((1,))
    own = {n: parameters[n] for n in hypothesis.trend.parameter_names()}
    others = hypothesis.trend.without_break(x, **own)

    def left(skill: Any) -> Any:
        return hypothesis.left(shown(hypothesis.metric, skill), parameters)

    seen = left(skill)
    hidden = [left(other) for other in others] or [seen.mean(-1, keepdims=True)]
    total: Any = 0.0
    for other in hidden:
        total = total + log_gate(eighth(seen - other).sum(-1), hypothesis.visible)
    return total
