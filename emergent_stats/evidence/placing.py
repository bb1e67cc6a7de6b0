"""Nodes of the guess and the lapse rate, placed again where a first look finds their posterior.

The first nodes follow the extreme scores (`nuisance`). Where many examples pin
a rate down between two of them, one node would stand for all of its posterior,
and the sum for nothing. A few trends of different shape are therefore fitted
first, always the same ones, and the nodes moved to where these have their
posteriors, until several share each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK, Effort
from emergent_stats.evidence.evidence import Evidence, log_evidence
from emergent_stats.evidence.nuisance import Lattice, posterior_nodes
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.noise import Noise
from emergent_stats.model.priors import Prior
from emergent_stats.model.trends import Decline, Drop, Hump, Kink, PowerLaw, Step, Trend

#: Shapes whose rates are looked at.
_PILOTS: tuple[type[Trend], ...] = (PowerLaw, Kink, Step, Decline, Drop, Hump)
#: Nats below the best of them at which one no longer counts.
_NEAR = 8.0
#: Nodes that must share a posterior, and most times that they are moved.
_ENOUGH, _ROUNDS = 2.5, 3


def place_rates(batch: Batch, noise: Noise, effort: Effort, seed: int) -> None:
    """Move the nodes of free rates in the tables of `batch`, where they are too far apart.

    Does nothing for simulated series that share their nodes, or a second time.
    """
    priors = batch.metric.priors()
    if batch.alike or not priors:
        return
    own = replace(
        QUICK, spacing=effort.spacing, guesses=effort.guesses, lapses=effort.lapses, passes=0
    )
    rounds = iter(range(_ROUNDS))

    def look(nodes: Lattice) -> Lattice | None:
        if next(rounds, None) is None:
            return None
        pilots, hint = [], None
        for cls in _PILOTS:
            hypothesis = Hypothesis(cls(), batch.metric, noise)
            pilots.append(log_evidence(batch, hypothesis, effort=own, seed=seed, hint=hint))
            hint = hint or pilots[-1].nuisance
        return _moved(nodes, pilots, priors)

    batch.place((noise, effort.spacing, effort.guesses, effort.lapses), look)


def _moved(nodes: Lattice, pilots: list[Evidence], priors: dict[str, Prior]) -> Lattice | None:
    """Lattice with the nodes of some curves moved, None if all stand well."""
    log_z = np.stack([p.log_z for p in pilots])
    counts = log_z > log_z.max(0) - _NEAR
    found, moved = [], False
    for axis, (name, (rate, log_w)) in enumerate(
        zip(("guess", "lapse"), nodes.axes(), strict=True), start=1
    ):
        rate, log_w = rate.copy(), log_w.copy()
        if name in priors:
            masses = np.stack([p.nuisance[axis] for p in pilots])
            effective = 1.0 / np.maximum((masses**2).sum(2), 1e-12)
            poor = (counts & (effective < _ENOUGH)).any(0)
            # where the scores say nothing of a rate, few nodes of its prior are enough
            few = (log_w > -np.inf).sum(1) < rate.shape[1]
            for c in np.flatnonzero(poor & ~(few & (effective > 1.5).all(0))):
                rate[c], log_w[c] = posterior_nodes(
                    priors[name], rate[c], log_w[c], masses[counts[:, c], c], rate.shape[1]
                )
                moved = True
        found += [rate, log_w]
    return nodes.with_rates(*found) if moved else None
