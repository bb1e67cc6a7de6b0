"""Evidence of a task as a function of the scales of its priors, from the nodes of one evidence.

Each task was analysed by itself under the declared, weak priors. Its evidence under other scales
of those priors is a sum over the same nodes (Hogg, Myers and Bovy 2010, ApJ 725: 2166–2175),

    Z_h(φ) = Z_h · Σ_k w_k · p(θ_k | φ) / p(θ_k | declared) · V_h(declared) / V_h(φ),

with V the prior mass of visible changes on the task's design (`integrand.log_visible_share`): the
prior of an account is conditioned on a change that shows, and how much of it does depends on φ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import interpolate

from emergent_stats.evidence.evidence import Evidence
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.evidence.threads import each
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import SIGMA
from emergent_stats.model.priors import Prior
from emergent_stats.model.trends import ACCOUNTS, BEND, HEIGHT, SLOPE

#: What the tasks share beside the shares of the accounts: the scales of these priors.
DECLARED: Mapping[str, float] = MappingProxyType(
    {"slope": SLOPE.scale, "height": HEIGHT.scale, "bend": BEND.scale, "sigma": SIGMA.scale}
)
SCALES = tuple(DECLARED)
# which scale a parameter follows
_FOLLOWS = {
    "slope": "slope", "slope_low": "slope", "slope_high": "slope", "height": "height",
    "bend": "bend", "fall": "bend", "sigma": "sigma",
}  # fmt: skip
#: Spread of the log of each scale around the declared one, and how far it may be from it.
SPREAD, REACH = 0.6, 1.5
#: Log factors at which the evidences are tabulated.
LOG_FACTORS = np.linspace(-REACH, REACH, 13)
# nodes per scale at which the visible share is computed; it is smooth between them
_COARSE = 7


def followers(hypothesis: Hypothesis) -> dict[str, dict[str, Prior]]:
    """Free parameters of a hypothesis by the scale that their priors follow, in `SCALES` order."""
    found: dict[str, dict[str, Prior]] = {}
    for name, prior in hypothesis.priors().items():
        if name in _FOLLOWS and hasattr(prior, "scale"):
            found.setdefault(_FOLLOWS[name], {})[name] = prior
    return {scale: found[scale] for scale in SCALES if scale in found}


def under(hypothesis: Hypothesis, factors: Mapping[str, float]) -> Hypothesis:
    """Return the hypothesis with the scales of its priors multiplied."""
    changes: dict[str, Any] = {}
    for scale, own in followers(hypothesis).items():
        for name, prior in own.items():
            changes[name] = replace(prior, scale=prior.scale * factors.get(scale, 1.0))  # type: ignore
    sigma = changes.pop("sigma", hypothesis.noise.sigma)
    return replace(
        hypothesis,
        trend=replace(hypothesis.trend, **changes),
        noise=replace(hypothesis.noise, sigma=sigma),
    )


def _of_trend(hypothesis: Hypothesis) -> list[str]:
    return [scale for scale in followers(hypothesis) if scale != "sigma"]


def _axes(present: Sequence[str]) -> tuple[int, ...]:
    """Shape of a table over all scales, with one place where a scale does not enter."""
    return tuple(LOG_FACTORS.size if scale in present else 1 for scale in SCALES)


def visible_table(hypothesis: Hypothesis, curve: Curve) -> np.ndarray:
    """Log of V(φ)/V(declared) on the design of a curve, a table over `SCALES`."""
    scales = _of_trend(hypothesis)
    if hypothesis.account == "flat" or not scales:
        return np.zeros(_axes([]))
    coarse = np.linspace(-REACH, REACH, _COARSE)
    found = np.empty((_COARSE,) * len(scales))
    for index in np.ndindex(found.shape):
        factors = {s: float(np.exp(coarse[i])) for s, i in zip(scales, index, strict=True)}
        found[index] = log_visible_share(under(hypothesis, factors), [curve])[0]
    found -= found[(_COARSE // 2,) * len(scales)]
    smooth = interpolate.RegularGridInterpolator((coarse,) * len(scales), found, method="cubic")
    grid = np.stack(np.meshgrid(*[LOG_FACTORS] * len(scales), indexing="ij"), axis=-1)
    return smooth(grid).reshape(_axes(scales))


#: Tables of `visible_table` by metric, design and the name of the hypothesis.
Visible = dict[tuple[Metric, tuple[float, ...]], dict[str, np.ndarray]]


def visible_tables(
    curves: Sequence[Curve], jobs: int | None = None, known: Visible | None = None
) -> Visible:
    """Tables of the visible shares for all designs among some curves.

    Parameters
    ----------
    curves : sequence of Curve
    jobs : int, optional
        Threads; default one per core.
    known : dict, optional
        Tables made before; new ones are added to it.
    """
    known = {} if known is None else known
    first = {(c.metric_object, c.design): c for c in reversed(curves)}
    missing = [key for key in first if key not in known]
    pieces = [(key, h) for key in missing for h in hypotheses(key[0])]
    made = each(pieces, lambda piece: visible_table(piece[1], first[piece[0]]), jobs)
    for (key, h), table in zip(pieces, made, strict=True):
        known.setdefault(key, {})[h.name] = table
    return known


@dataclass(frozen=True, eq=False)
class Table:
    """Evidence of one hypothesis for T tasks over the scales.

    Attributes
    ----------
    account : int
        Position in `ACCOUNTS`.
    mass, square : (T, …) arrays
        Evidence, as a share of the task's largest, and sum of the squares of what its nodes
        contribute; divided by the number of hypotheses of the account. One axis for each of
        `SCALES`, of length 1 where a scale does not enter.
    """

    account: int
    mass: np.ndarray
    square: np.ndarray

    def along(self, square: bool, at: Sequence[int], axis: int | None) -> np.ndarray:
        """(T, G) values along one axis, (T,) without one, at places `at` of the others."""
        table = self.square if square else self.mass
        shape = table.shape[1:]
        index: list[Any] = [0 if n == 1 else i for n, i in zip(shape, at, strict=True)]
        if axis is not None:
            index[axis] = slice(None)
        return table[(slice(None), *index)]


def over_scales(evidence: Evidence, row: int, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence of one curve, and log sum of its nodes' squares, over the scales."""
    log_w = evidence.log_weight[row]
    used = np.flatnonzero(log_w > -np.inf)
    values = {n: v[row, used] for n, v in evidence.parameters.items()}
    log_w = log_w[used]
    if not used.size:
        nothing = np.full(_axes(list(followers(evidence.hypothesis))), -np.inf)
        return nothing, nothing
    top = log_w.max()
    w = np.exp(log_w - top)
    # copies of one node stand together; as one they cost less and count as what they are
    if values:
        stacked = np.stack(list(values.values()))
        starts = np.flatnonzero(np.append(True, (np.diff(stacked, axis=1) != 0).any(0)))
        w, values = np.add.reduceat(w, starts), {n: v[starts] for n, v in values.items()}
    ratio, noise = np.ones((w.size, 1)), np.ones((w.size, 1))
    for scale, own in followers(evidence.hypothesis).items():
        log_r = np.zeros((w.size, LOG_FACTORS.size))
        for name, prior in own.items():
            before = prior.log_density(values[name])
            # a node on the very edge of the prior has no mass to carry over
            log_r[before == -np.inf] = -np.inf
            before = np.where(before > -np.inf, before, 0.0)
            for g, log_factor in enumerate(LOG_FACTORS):
                new = replace(prior, scale=prior.scale * np.exp(log_factor))  # type: ignore
                log_r[:, g] += new.log_density(values[name]) - before
        r = np.exp(log_r)
        if scale == "sigma":
            noise = r
        else:
            ratio = (ratio[:, :, None] * r[:, None, :]).reshape(w.size, -1)
    noise = w[:, None] * noise
    shape = _axes(list(followers(evidence.hypothesis)))
    with np.errstate(divide="ignore"):
        mass = np.log(ratio.T @ noise).reshape(shape) + top
        square = np.log((ratio**2).T @ noise**2).reshape(shape) + 2 * top
    return mass - visible, square - 2 * visible


def stacked(
    tables: Sequence[Mapping[str, tuple[np.ndarray, np.ndarray]]],
    accounts: Mapping[str, str],
    log_passing: np.ndarray,
) -> list[Table]:
    """Tables of T tasks, put together by hypothesis.

    Parameters
    ----------
    tables : sequence of dict
        Of each task: what `over_scales` gave for each hypothesis.
    accounts : dict
        Account of each hypothesis.
    log_passing : (T, accounts) array
        Log probability that a task of an account came into the collection.
    """
    top = np.array([max(float(mass.max()) for mass, _ in own.values()) for own in tables])
    found = []
    for name, account in accounts.items():
        place, many = ACCOUNTS.index(account), sum(a == account for a in accounts.values())
        less = top + log_passing[:, place] + np.log(many)
        mass = np.stack([own[name][0] - t for own, t in zip(tables, less, strict=True)])
        square = np.stack([own[name][1] - 2 * t for own, t in zip(tables, less, strict=True)])
        found.append(Table(place, np.exp(mass), np.exp(square)))
    return found
