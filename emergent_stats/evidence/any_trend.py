"""Evidence of a trend in which skill is not linear, by importance sampling.

The package's own trends are linear in what is left once their outer parameters
are given. A user's may not be: all its parameters, noise and rates included,
are then sampled around their modes (`importance`), a break's place in each gap
between models by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.importance import Estimate, integrate
from emergent_stats.evidence.integrand import Problem, log_visibility
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.maths import flat, gap_edges
from emergent_stats.model.priors import Interior

# nodes of the first and of the last attempt
_NODES, _MOST_NODES = 1500, 12_000


def parameters_at(
    problem: Problem, row: int, z: np.ndarray, stratum: np.ndarray
) -> dict[str, np.ndarray]:
    """Parameters (R, 1) of curve `row` at z (R, d); a location is in the gap `stratum` (R,)."""
    hypothesis, curve = problem.hypothesis, problem.batch.curves[row]
    found: dict[str, Any] = {n: np.full((len(z), 1), v) for n, v in hypothesis.fixed().items()}
    for j, (name, prior) in enumerate(hypothesis.priors().items()):
        if isinstance(prior, Interior):
            x = curve.x - curve.centre
            edges = gap_edges(x, *prior.bounds(x))
            low, high = edges[stratum], edges[stratum + 1]
            found[name] = (low + (high - low) * special.ndtr(z[:, j]))[:, None]
        else:
            found[name] = np.asarray(prior.from_normal(z[:, j]), float)[:, None]
    found["sigma"] = np.maximum(found["sigma"], 1e-6)
    return found


def integrate_any(
    batch: Batch, hypothesis: Hypothesis, row: int, seed: int, enough: float, floor: float
) -> tuple[Estimate, dict[str, np.ndarray]]:
    """Integral of one curve under any hypothesis, and the free parameters (N,) at its nodes.

    Parameters
    ----------
    batch, hypothesis
    row : int
        Which curve.
    seed : int
    enough : float
        Error at which no more nodes are spent.
    floor : float
        A log evidence well below this needs no digits.
    """
    problem, curve = Problem(hypothesis, batch), batch.curves[row]
    priors = hypothesis.priors()
    located = [p for p in priors.values() if isinstance(p, Interior)]
    log_mass = np.zeros(1)
    if located:
        own = curve.x - curve.centre
        width = np.diff(gap_edges(own, *located[0].bounds(own)))
        log_mass = np.log(width / width.sum())
    offset = 0.0 if batch.offset is None else batch.offset[row]
    mask = batch.obs.mask[row]

    def target(z: np.ndarray, stratum: np.ndarray) -> np.ndarray:
        p = parameters_at(problem, row, z, stratum)
        x = np.repeat(batch.x[row : row + 1], len(z), axis=0)
        skill = problem.skill(x, p)
        gate = log_visibility(hypothesis, x, mask[None, :], p, skill)
        sigma, guess, lapse = flat(p, "sigma", "guess", "lapse")
        rows = np.full(len(z), row)
        ll = log_likelihood(batch.obs, hypothesis.metric, skill + offset, sigma, guess, lapse, rows)
        return ll.sum(1) + gate

    scale = [list(priors).index("sigma")] if "sigma" in priors else []
    nodes = _NODES
    while True:
        found = integrate(
            target, len(priors), log_mass, nodes=nodes, seed=seed, floor=floor, scales=scale
        )
        if found.error <= enough or found.log_z < floor or nodes >= _MOST_NODES:
            break
        nodes *= 2
    values = parameters_at(problem, row, found.z, found.stratum)
    return found, {n: values[n][:, 0] for n in priors}
