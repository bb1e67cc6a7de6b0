"""Noise: how observed scores scatter around the expected score.

Models of one family differ by more than their size, so every observation
model has noise between models: the skill of model i is s(x_i) + σ·ε_i with
standard normal ε_i. On top of it comes the noise of the examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import Metric
from emergent_stats.model.priors import HalfNormal, Prior

#: Noise between models on the skill scale, in nats.
SIGMA = HalfNormal(0.3)


@dataclass(frozen=True)
class Noise:
    """Base of the observation models.

    Attributes
    ----------
    sigma : Prior or float
        Standard deviation of skill between models of one scale, in nats.
    """

    sigma: Prior | float = SIGMA

    def sample(
        self,
        rng: np.random.Generator,
        skill: np.ndarray,
        curve: Curve,
        metric: Metric,
        **rates: Any,
    ) -> np.ndarray:
        """Scores of models whose skill (noise between models included) is `skill` (…, m)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Binomial(Noise):
    """Right answers out of n: k_i ~ Binomial(n_i, expected score).

    A graded score is treated as n pseudo-trials, the largest variance that a
    score between 0 and 1 can have.
    """

    def sample(self, rng, skill, curve, metric, **rates):
        """See `Noise.sample`."""
        expected = np.clip(metric(skill, **rates), 0.0, 1.0)
        n = curve.effective_n
        return rng.binomial(np.round(n).astype(np.int64), expected) / np.round(n)


@dataclass(frozen=True)
class Gaussian(Noise):
    """Scores with a standard error: on the skill scale for losses, else on the score scale."""

    def sample(self, rng, skill, curve, metric, **rates):
        """See `Noise.sample`."""
        if metric.continuous:
            error = skill_errors(curve, metric)
            if np.any(rates.get("lapse", 0.0)):
                skill = metric.shown(skill, lapse=rates["lapse"])  # type: ignore[attr-defined]
            return metric(skill + error * rng.standard_normal(skill.shape), lapse=0.0)
        noisy = metric(skill, **rates) + score_errors(curve) * rng.standard_normal(skill.shape)
        low, high = type(metric).range
        return np.clip(noisy, low, high)


def skill_errors(curve: Curve, metric: Any) -> np.ndarray:
    """Standard errors of a continuous score on the skill scale; unknown ones are 0."""
    return metric.skill_error(curve.score, np.nan_to_num(curve.stderr))


def score_errors(curve: Curve) -> np.ndarray:
    """Standard errors on the score scale, from stderr or else from n; never 0."""
    low, high = type(curve.metric_object).range
    spread = high - low
    from_n = 0.5 * spread / np.sqrt(curve.effective_n)
    known = np.isfinite(curve.stderr) & (curve.stderr > 0)
    return np.where(known, curve.stderr, from_n)


def noise_for(metric: Metric) -> Noise:
    """Observation model that goes with a metric."""
    proportion = not metric.continuous and type(metric).range[1] == 1.0
    return Binomial() if proportion else Gaussian()
