"""Expected scores under the accounts of several metrics, or of seeds: medians, 90 % bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.several.joint import JointComparison
from emergent_stats.several.joint_evidence import posterior_nodes
from emergent_stats.several.joint_model import JOINT_ACCOUNTS
from emergent_stats.several.seeds import SeedComparison, seed_posterior

_POINTS, _DRAWS = 120, 400
#: An account less probable than this is left out.
WORTH = 0.02


@dataclass(frozen=True, eq=False)
class Band:
    """Expected score along the scale, in units of axis and score: 5 %, 50 % and 95 %."""

    x: np.ndarray
    low: np.ndarray
    mid: np.ndarray
    high: np.ndarray


def _grid(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(curve.x[0], curve.x[-1], _POINTS)
    return x, np.asarray(curve.in_units(x), float)


def _drawn(values: Mapping[str, np.ndarray], weight: np.ndarray, seed: int) -> dict[str, Any]:
    chosen = np.random.default_rng([seed, 41]).choice(weight.size, _DRAWS, p=weight)
    return {n: np.asarray(v).reshape(weight.size)[chosen][:, None] for n, v in values.items()}


def _band(scale: np.ndarray, scores: np.ndarray) -> Band:
    low, mid, high = np.quantile(scores, [0.05, 0.5, 0.95], axis=0)
    return Band(scale, low, mid, high)


def _score(curve: Curve, skill: np.ndarray, rates: Mapping[str, Any]) -> np.ndarray:
    return np.broadcast_to(np.asarray(curve.metric_object(skill, **rates), float), skill.shape)


def joint_bands(found: JointComparison, seed: int = 0) -> dict[str, list[Band]]:
    """One band a metric for every account worth drawing: of its best hypothesis."""
    views = found.views
    x, scale = _grid(views.curves[0])
    centred = (x - views.curves[0].centre)[None]
    bands: dict[str, list[Band]] = {}
    for account in JOINT_ACCOUNTS:
        own = [(h, i) for h, i in found.evidence if h.account == account]
        if not own or found.probabilities[account] < WORTH:
            continue
        h, integral = max(own, key=lambda pair: pair[1].log_z)
        p = _drawn(*posterior_nodes(views, h, integral), seed)
        shared = np.asarray(h.skill(centred, p), float) + np.zeros((_DRAWS, x.size))
        skills, _ = h.seen_skills(centred, shared, p)
        bands[account] = [
            _band(scale, _score(c, np.asarray(skills[j], float), h.rates(j, p)))
            for j, c in enumerate(views.curves)
        ]
    return bands


def seed_bands(found: SeedComparison, seed: int = 0) -> list[Band]:
    """Bands of the groups of the best hypothesis: one, or those behind and those ahead."""
    curve = found.curve
    h, integral = max(found.evidence, key=lambda pair: pair[1].log_z)
    x, scale = _grid(curve)
    p = _drawn(*seed_posterior(curve, h, integral), seed)
    p |= {n: np.full((_DRAWS, 1), v) for n, v in h.trend.fixed().items()}
    low = np.asarray(h.low((x - curve.centre)[None], p), float) + np.zeros((_DRAWS, x.size))
    groups = [low] if h.components == 1 else [low, low + p["apart"]]
    return [_band(scale, _score(curve, skill, h.rates(p))) for skill in groups]
