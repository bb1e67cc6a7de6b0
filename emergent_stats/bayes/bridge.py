"""Evidence of PyMC models, by bridge sampling from a posterior.

Slower than quadrature, and it shares no numerics with it, so it checks it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymc as pm
import xarray as xr

from emergent_stats.bayes.posterior import build_model
from emergent_stats.evidence.importance import log_sum
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis

_ROUNDS = 1000
_ENOUGH = 1e-8


@dataclass(frozen=True)
class Bridge:
    """A log evidence by bridge sampling.

    Attributes
    ----------
    log_z, error : float
        Estimate and its relative standard error (that of the evidence itself).
    draws : int
        Posterior draws used in the estimate; as many come from the proposal.
    """

    log_z: float
    error: float
    draws: int


def bridge_sampling(model: pm.Model, tree: xr.DataTree, seed: int = 0) -> Bridge:
    """Log evidence of a PyMC model from its posterior draws (Meng and Wong 1996).

    A normal is fitted to one half of every chain, in the unconstrained space;
    the other half and as many draws of the normal go through the optimal
    bridge function. The error follows Frühwirth-Schnatter (2004), with the
    autocorrelation of the draws in its effective sample size.

    Parameters
    ----------
    model : pymc.Model
        With the data that was fitted.
    tree : DataTree
        Sampled with ``unconstrained=True``.
    seed : int
        Of the proposal.

    Raises
    ------
    ValueError
        If the unconstrained draws were not kept.
    """
    import arviz as az

    if "unconstrained_posterior" not in tree.children:
        raise ValueError(
            "bridge sampling needs the unconstrained draws: fit(…, unconstrained=True)"
        )
    density = Density(model)
    draws = density.stack(tree)
    half = draws.shape[1] // 2
    shaping, kept = draws[:, :half].reshape(-1, draws.shape[-1]), draws[:, half:]
    chains, length, d = kept.shape
    centre = shaping.mean(0)
    root = np.linalg.cholesky(np.cov(shaping.T).reshape(d, d) + 1e-12 * np.eye(d))
    rng = np.random.default_rng([seed, 23])
    proposed = centre + rng.standard_normal((chains * length, d)) @ root.T

    def log_normal(z):
        r = np.linalg.solve(root, (z - centre).T)
        return -0.5 * (r * r).sum(0) - np.log(np.diag(root)).sum() - 0.5 * d * np.log(2 * np.pi)

    sampled = kept.reshape(-1, d)
    from_posterior = density(sampled) - log_normal(sampled)
    from_proposal = density(proposed) - log_normal(proposed)
    n2 = from_proposal.size
    ess = float(az.ess(from_posterior.reshape(chains, length), method="mean"))
    n1 = min(max(ess, 1.0), from_posterior.size)
    log_s1, log_s2 = np.log(n1 / (n1 + n2)), np.log(n2 / (n1 + n2))
    log_z = float(np.median(from_posterior))
    for _ in range(_ROUNDS):
        above = from_proposal - np.logaddexp(log_s1 + from_proposal, log_s2 + log_z)
        below = -np.logaddexp(log_s1 + from_posterior, log_s2 + log_z)
        last, log_z = log_z, float(_log_mean(above) - _log_mean(below))
        if abs(log_z - last) < _ENOUGH:
            break
    f1 = np.exp(-np.logaddexp(log_s1 + from_posterior, log_s2 + log_z) + log_z)
    f2 = np.exp(from_proposal - np.logaddexp(log_s1 + from_proposal, log_s2 + log_z))
    variance = f2.var() / f2.mean() ** 2 / n2 + f1.var() / f1.mean() ** 2 / n1
    return Bridge(log_z, float(np.sqrt(variance)), int(sampled.shape[0]))


def _log_mean(values: np.ndarray) -> float:
    return float(log_sum(values) - np.log(values.size))


class Density:
    """Log posterior density (unnormalised) of a model at flat unconstrained points."""

    def __init__(self, model: pm.Model):
        start = model.initial_point()
        self.names = [v.name for v in model.value_vars]
        self.shapes = [np.shape(start[n]) for n in self.names]
        self.ends = np.cumsum([int(np.prod(s)) for s in self.shapes])
        self.function = model.compile_logp()

    def stack(self, tree: xr.DataTree) -> np.ndarray:
        """Draws of all variables side by side, (chain, draw, d)."""
        # variables without a transform are in the posterior only
        groups = [tree[g].to_dataset() for g in ("unconstrained_posterior", "posterior")]
        parts = [next(g[n] for g in groups if n in g).to_numpy() for n in self.names]
        return np.concatenate([p.reshape(*p.shape[:2], -1) for p in parts], axis=-1)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at points (N, d): (N,)."""
        found = np.empty(len(points))
        for i, point in enumerate(points):
            parts = np.split(point, self.ends[:-1])
            shaped = zip(self.names, parts, self.shapes, strict=True)
            found[i] = self.function({n: p.reshape(s) for n, p, s in shaped})
        return found


def evidence_of(hypothesis: Hypothesis, curve: Curve, tree: xr.DataTree, seed: int = 0) -> Bridge:
    """Log evidence from draws that `posterior.fit` made with ``unconstrained=True``.

    The model holds the gate on visible changes, not divided by its prior mass;
    here it is.
    """
    found = bridge_sampling(build_model(hypothesis, curve), tree, seed)
    share = float(log_visible_share(hypothesis, [curve])[0])
    return Bridge(found.log_z - share, found.error, found.draws)
