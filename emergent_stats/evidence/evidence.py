"""Log evidence of a hypothesis for many curves at once, with its error.

The evidence is an integral over all parameters under their priors, times the
likelihood (see `integral`). Curves whose evidence is still rough after the
first rounds get further ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special

from emergent_stats.evidence.any_trend import integrate_any
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, Effort
from emergent_stats.evidence.integral import Integral
from emergent_stats.evidence.integrand import is_linear, log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.observed import BINOMIAL

# Error of the nodes, which their scatter does not show: of all together, and of a free
# rate whose posterior rests on one node (it falls with the number that share it), where the
# scores say little of the rate and where they pin it down. Measured against importance sampling on
# designs drawn at random (`benchmarks/quoted_errors.py`).
_NODES_ERROR, _RATE_ERROR, _SHARP_RATE_ERROR = 0.06, 0.05, 0.2
# nats of Kullback-Leibler divergence from the prior at which a rate is pinned down
_SHARP = 0.7
#: A log evidence this far below the best need not be exact.
NEGLIGIBLE = 8.0
#: Error above which an evidence is not relied on.
DOUBTFUL_ERROR = 0.5
#: Share of an evidence on one node above which it is not relied on.
DOUBTFUL_SHARE = 0.5
#: A log evidence this far below the best cannot change a verdict, whatever its error.
MATTERS = 4.0


#: Parameter values (C, N), log masses (C, N) of both and (C, M) of the points of the outer ones.
Nodes = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of one hypothesis for C curves, with the nodes it came from.

    Attributes
    ----------
    log_z : (C,) array
        Natural log of the marginal likelihood (probability of the counts, or
        density of the losses on the skill scale).
    error : (C,) array
        Standard error of `log_z`: scatter of its nodes, and what their places cost.
    effective : (C,) array
        Effective number of nodes.
    drawn : bool
        Whether points of the outer parameters were drawn; else every
        combination was taken.
    calls : (C,) array
        Evaluations of the integrand at nodes (Newton steps not counted).
    bound : (C,) array
        Largest log likelihood that any parameters give the curve; no evidence exceeds it. At most
        0 for counts.
    doubts : tuple of str
        Why the evidence of a curve cannot be relied on; empty where it can.
    nuisance : tuple of (C, J), (C, G) and (C, L) arrays
        Posterior masses of the lattice's noises, guess and lapse rates.
    made : callable
        Gives `Nodes`; asked once, when a posterior is first wanted.
    """

    hypothesis: Hypothesis
    curves: tuple[Curve, ...]
    log_z: np.ndarray
    error: np.ndarray
    effective: np.ndarray
    drawn: bool
    calls: np.ndarray
    bound: np.ndarray
    doubts: tuple[str, ...]
    nuisance: tuple[np.ndarray, ...]
    made: Callable[[], Nodes]

    def __post_init__(self) -> None:
        above = self.log_z > self.bound
        if above.any() or np.isnan(self.log_z).any():
            i = int(np.argmax(above | np.isnan(self.log_z)))
            raise AssertionError(
                f"log evidence {self.log_z[i]} of {self.hypothesis.name!r} for curve {i} above the "
                f"largest log likelihood, {self.bound[i]}"
            )

    @cached_property
    def _nodes(self) -> Nodes:
        return self.made()

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Parameter values (C, N) at the nodes (free parameters only)."""
        return self._nodes[0]

    @property
    def log_weight(self) -> np.ndarray:
        """Log posterior mass (C, N) of each node, summing to `log_z`; −inf where one is unused."""
        return self._nodes[1]

    @property
    def outer_weight(self) -> np.ndarray:
        """Log masses (C, M) of the points of the outer parameters."""
        return self._nodes[2]

    @cached_property
    def pareto_k(self) -> np.ndarray:
        """Tail index (C,) of the weights of drawn points, else NaN.

        Above 0.7 the error itself is doubtful.
        """
        if not self.drawn:
            return np.full(len(self.curves), np.nan)
        return np.array([pareto_k(w[np.isfinite(w)]) for w in self.outer_weight])


def log_evidence(
    batch: Batch,
    hypothesis: Hypothesis,
    *,
    effort: Effort = FULL,
    seed: int = 0,
    floor: np.ndarray | None = None,
    hint: tuple[np.ndarray, ...] | None = None,
) -> Evidence:
    """Evidence of one hypothesis for every curve of a batch.

    Parameters
    ----------
    batch : Batch
        C curves.
    hypothesis : Hypothesis
        Its metric must be the batch's, up to chance level.
    effort : Effort
    seed : int
        Of the random shifts of the quasi-random nodes.
    floor : (C,) array, optional
        Log evidences below this do not matter: a curve that is well below it
        after a round gets no further one, and keeps the larger error it has.
    hint : tuple of arrays, optional
        `Evidence.nuisance` of another hypothesis for the same batch: where to
        look first.

    Raises
    ------
    ValueError
        If the trend returns another shape than asked for, NaN or infinite skill.
    """
    if not is_linear(hypothesis.trend):
        return _by_importance(batch, hypothesis, effort, seed, floor)
    run = Integral(batch, hypothesis, effort, seed, hint)
    everyone = np.arange(len(batch))
    matters = everyone
    if run.enumerated:
        run.take_all(everyone, 1)
        if floor is not None:
            matters = _near(run, floor)
    else:
        for count in effort.scans:
            run.draw(everyone, count, scan=True)
        if floor is not None:
            matters = _near(run, floor)
        if matters.size:
            run.draw(matters, effort.points)
    for index in range(effort.passes):
        log_z, error, _ = run.summary()
        poor = matters[(error > _enough(effort, log_z, floor))[matters]]
        if poor.size == 0:
            break
        if run.enumerated:
            run.take_all(poor, 4 ** (index + 1))
        else:
            run.draw(poor, effort.more)
    # rather a late answer than none: what would not be relied on gets many more points
    for index in range(0 if run.enumerated else effort.rescues):
        _, error, _ = run.summary()
        weak = (error > 0.5 * DOUBTFUL_ERROR) | (run.heaviest() > DOUBTFUL_SHARE)
        doubtful = matters[weak[matters]]
        if doubtful.size == 0:
            break
        run.draw(doubtful, effort.more * 4 ** (index + 1))
    log_z, scatter, effective = run.summary()
    nuisance = run.nuisance()
    error = np.hypot(scatter, _error_of_nodes(nuisance, run.prior_masses()))
    doubts = _doubts(log_z, error, run.heaviest(), run.bound)
    # what is left above the bound is the error of a sum that lies just below it
    log_z = np.minimum(log_z, run.bound)
    # evidences outlive the batch: they must not keep its tables
    run.forget_tables()
    return Evidence(
        hypothesis, batch.curves, log_z, error, effective, not run.enumerated, run.calls,
        run.bound, doubts, nuisance, run.posterior,
    )  # fmt: skip


def _enough(effort: Effort, log_z: np.ndarray, floor: np.ndarray | None) -> np.ndarray | float:
    """Error at which no more is done: what is far behind the best moves no probability by it."""
    if floor is None:
        return effort.enough
    behind = np.clip(floor + NEGLIGIBLE - log_z, 0.0, NEGLIGIBLE)
    return effort.enough * np.exp(0.5 * behind)


def _by_importance(
    batch: Batch, hypothesis: Hypothesis, effort: Effort, seed: int, floor: np.ndarray | None
) -> Evidence:
    """`log_evidence` of a trend in which skill is not linear, one curve after the other."""
    low = np.full(len(batch), -np.inf) if floor is None else floor
    norm = log_visible_share(hypothesis, batch.curves)
    runs = [
        integrate_any(batch, hypothesis, i, seed, effort.enough, float(low[i] + norm[i]))
        for i in range(len(batch))
    ]
    most = max(found.log_weight.size for found, _ in runs)

    def filled(arrays: list[np.ndarray], value: float) -> np.ndarray:
        return np.stack([np.pad(a, (0, most - a.size), constant_values=value) for a in arrays])

    weight = filled([r.log_weight - n for (r, _), n in zip(runs, norm, strict=True)], -np.inf)
    values = {n: filled([v[n] for _, v in runs], 0.0) for n in hypothesis.priors()}
    log_z, error = (np.array([getattr(r, n) for r, _ in runs]) for n in ("log_z", "error"))
    bound = np.full(len(batch), 0.0 if batch.obs.kind == BINOMIAL else np.inf)
    heavy = np.array([np.exp(r.log_weight.max() - r.log_z) for r, _ in runs])
    log_z = log_z - norm
    doubts = _doubts(log_z, error, heavy, bound)
    nothing = np.zeros((len(batch), 0))
    return Evidence(
        hypothesis, batch.curves, np.minimum(log_z, bound), error,
        np.array([r.effective for r, _ in runs]), True, np.full(len(batch), most), bound,
        doubts, (nothing,) * 3, lambda: (values, weight, weight),
    )  # fmt: skip


def second_opinion(batch: Batch, first: Evidence, effort: Effort, seed: int) -> Evidence:
    """Evidence by both routes: the larger, as each can only miss modes, and what parts them.

    Where scores are extreme and no trend fits them, likelihoods are flat but for a few scores,
    and a posterior has several modes of which the walk through the noise follows one. One that
    leans on the gate has a long tail, which few of the nodes around its mode ever see: what cannot
    be relied on gives way to what can, unless it had found more than its own error allows for.
    """
    other = _by_importance(batch, first.hypothesis, effort, seed, first.log_z - 2.0)
    apart = other.log_z - first.log_z
    mended = np.array(
        [bool(a) and not b for a, b in zip(first.doubts, other.doubts, strict=True)]
    ) & (apart > -3.0 * first.error)
    better = (apart > 0) | mended
    error = np.where(better, other.error, first.error)
    error = np.where((apart > -1.0) & ~mended, np.hypot(error, 0.5 * np.abs(apart)), error)
    log_z = np.where(better, other.log_z, first.log_z)
    largest = np.array([np.exp(w.max() - z) for w, z in zip(other.log_weight, log_z, strict=True)])
    doubts = _doubts(log_z, error, np.where(better, largest, 0.0), first.bound)
    return replace(
        first, log_z=log_z, error=error, doubts=tuple(
            new or ("" if cured else old)
            for new, old, cured in zip(doubts, first.doubts, mended, strict=True)
        ), made=other.made if better.all() else first.made,
    )  # fmt: skip


def doubtful(found: dict[str, Evidence]) -> list[str]:
    """Hypotheses near the best one of the first curve whose evidences cannot be relied on."""
    best = max(float(e.log_z[0]) for e in found.values())
    return [n for n, e in found.items() if e.doubts[0] and e.log_z[0] + away(e) > best - MATTERS]


def away(evidence: Evidence) -> float:
    """Nats by which an evidence of the first curve may be off."""
    return 3 * min(float(evidence.error[0]), 2.0)


def _error_of_nodes(
    nuisance: tuple[np.ndarray, ...], prior: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Error (C,) that comes from where the nodes of noise and rates stand."""
    square = np.full(len(nuisance[0]), _NODES_ERROR**2)
    for mass, before in zip(nuisance[1:], prior, strict=True):
        if mass.shape[1] > 1:
            effective = 1.0 / np.maximum((mass * mass).sum(1), 1e-12)
            learnt = special.rel_entr(mass, np.maximum(before, 1e-300)).sum(1)
            own = np.where(learnt > _SHARP, _SHARP_RATE_ERROR, _RATE_ERROR)
            square += (own / np.maximum(effective, 1.0)) ** 2
    return np.sqrt(square)


def _doubts(
    log_z: np.ndarray, error: np.ndarray, share: np.ndarray, bounds: np.ndarray
) -> tuple[str, ...]:
    """Why each evidence cannot be relied on; empty where it can."""
    found = []
    for z, e, heavy, bound in zip(log_z, error, share, bounds, strict=True):
        if not np.isfinite(z):
            found.append("no node has any likelihood")
        elif z > bound + 3 * e + 0.05:
            found.append(f"{z - bound:.2g} nats above the largest likelihood")
        elif heavy > DOUBTFUL_SHARE:
            found.append(f"{heavy:.0%} of it on one node")
        elif e > DOUBTFUL_ERROR:
            found.append(f"error {e:.2g} nats")
        else:
            found.append("")
    return tuple(found)


def _near(run: Integral, floor: np.ndarray) -> np.ndarray:
    """Curves whose evidence may still exceed the floor."""
    log_z, error, _ = run.summary()
    return np.flatnonzero(log_z + 4 * np.minimum(error, 2.0) + 1 > floor)


def pareto_k(log_w: np.ndarray) -> float:
    """Tail index of importance weights (generalised Pareto fit of Zhang and Stephens 2009).

    As in Pareto smoothed importance sampling (Vehtari et al. 2024, arXiv
    1507.02646): below 0.7 the error estimate can be believed.
    """
    n = log_w.size
    tail = int(min(0.2 * n, 3 * np.sqrt(n)))
    if tail < 5 or not np.isfinite(log_w).any():
        return float("inf")
    w = np.sort(np.exp(log_w - log_w.max()))
    x = w[-tail:] - w[-tail - 1]
    x = x[x > 0]
    if x.size < 5:
        return float("-inf")
    m = 30 + int(np.sqrt(x.size))
    prior = 3.0
    j = np.arange(1, m + 1)
    quartile = x[int(x.size / 4 + 0.5) - 1]
    theta = 1 / x[-1] + (1 - np.sqrt(m / (j - 0.5))) / (prior * quartile)
    k = np.log1p(-theta[:, None] * x).mean(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        profile = x.size * (np.log(-theta / k) - k - 1)
    weight = np.exp(profile - np.nanmax(profile))
    weight = np.nan_to_num(weight) / np.nansum(weight)
    best = (theta * weight).sum()
    shape = float(np.log1p(-best * x).mean())
    # weak prior towards 0.5, as in the reference
    return (x.size * shape + 10 * 0.5) / (x.size + 10)
