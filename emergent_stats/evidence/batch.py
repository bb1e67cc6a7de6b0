"""Curves that are analysed together: their scores as arrays, and what can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from emergent_stats.evidence.nuisance import Lattice, lattice
from emergent_stats.evidence.tables import Profiles, profiles
from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import Noise
from emergent_stats.model.observed import Observations, observe


@dataclass(frozen=True, eq=False)
class Batch:
    """Curves that share a metric, padded to a common number of models.

    Attributes
    ----------
    curves : tuple of Curve
        C curves.
    metric : Metric
        Shared up to chance level.
    x : (C, m) array
        Scale in decades from each curve's centre.
    obs : Observations
    offset : (C, m) array or None
        Skill added to every trend at each model, e.g. what a model is known to
        be better at everything (`discoveries`).
    alike : bool
        Series simulated from one design: they share their nuisance nodes, so
        that equal counts have equal profiles, which are then made only once.
    """

    curves: tuple[Curve, ...]
    metric: Metric
    x: np.ndarray
    obs: Observations
    offset: np.ndarray | None = None
    alike: bool = False
    _known: dict[Any, tuple[Lattice, Profiles]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, curves: Sequence[Curve], metric: Metric) -> Batch:
        """Pack curves; `metric` may differ from theirs in its skill scale only."""
        obs = observe(list(curves), metric)
        x = np.zeros(obs.mask.shape)
        for i, c in enumerate(curves):
            x[i, : c.m] = c.x - c.centre
        return cls(tuple(curves), metric, x, obs)

    @classmethod
    def join(cls, batches: Sequence[Batch]) -> Batch:
        """Put batches of one metric and width into one."""
        offsets = [b.offset if b.offset is not None else np.zeros_like(b.x) for b in batches]
        return cls(
            tuple(c for b in batches for c in b.curves),
            batches[0].metric,
            np.concatenate([b.x for b in batches]),
            Observations.join([b.obs for b in batches]),
            np.concatenate(offsets) if any(b.offset is not None for b in batches) else None,
            all(b.alike for b in batches),
        )

    def take(self, rows: np.ndarray) -> Batch:
        """Return some of the curves, in the given order."""
        return Batch(
            tuple(self.curves[i] for i in rows),
            self.metric,
            self.x[rows],
            self.obs.take(rows),
            None if self.offset is None else self.offset[rows],
            self.alike,
            {k: (a.take(rows), b.take(rows)) for k, (a, b) in self._known.items()},
        )

    def with_offset(self, offset: np.ndarray) -> Batch:
        """Return the same curves with another offset (C, m), in nats of skill."""
        return replace(self, offset=np.asarray(offset, float))

    def tables(
        self, metric: Metric, noise: Noise, spacing: float, guesses: int, lapses: int
    ) -> tuple[Lattice, Profiles]:
        """Nuisance nodes and the scores' profiles at them, made once (see `nuisance.lattice`).

        `metric` may differ from the batch's in what is lost at the top.
        """
        key = (metric, noise, spacing, guesses, lapses)
        if key not in self._known:
            nodes = lattice(self.obs, metric, noise, spacing, guesses, lapses, self.alike, self.x)
            self._known[key] = nodes, profiles(self.obs, metric, nodes, self.alike)
        return self._known[key]

    def __len__(self) -> int:
        return len(self.curves)
