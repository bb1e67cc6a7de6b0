"""Evidence of any integrand over standard normal variables, by importance sampling at its modes.

For models with more unknowns than the quadrature of `evidence` is made for
(several metrics of the same outputs, seeds). Everything an integrand has to
offer is its logarithm at many points at once: modes are climbed by BFGS with
difference quotients, a Student t is put on each, rounds of nodes add another with
their moments per stratum, and the nodes proper are weighed against the mixture of
all that they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

#: log integrand at z (R, d) in strata (R,): (R,); the normal prior of z is not part of it.
Target = Callable[[np.ndarray, np.ndarray], np.ndarray]

_DF = 5.0
_STEP = 1e-4
_BEND_STEP = 0.03
# step lengths tried along a direction, all at once
_LENGTHS = np.array([1.0, 0.4, 0.1, 0.02])
# components this far (in log evidence) below the best get no nodes
_NEGLIGIBLE = 9.0
# a climb ends when a step gains less; starts this far below the best are given up
_FLAT, _HOPELESS = 1e-3, 20.0
# rounds of nodes that shape the proposals
_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Estimate:
    """An evidence and the nodes it came from.

    Attributes
    ----------
    log_z, error : float
        Natural log of the integral and its standard error.
    effective : float
        Effective number of nodes.
    z, stratum : (N, d) and (N,) arrays
        The nodes.
    log_weight : (N,) array
        Their log posterior mass, summing to `log_z`.
    """

    log_z: float
    error: float
    effective: float
    z: np.ndarray
    stratum: np.ndarray
    log_weight: np.ndarray


def log_sum(values: Any, axis: int | None = None) -> Any:
    """Log of the sum of exponentials, over all or along an axis."""
    return special.logsumexp(np.asarray(values, float), axis=axis)


def spread(size: int, d: int) -> np.ndarray:
    """Evenly spread standard normal points, (size, d), always the same ones."""
    from scipy.stats import qmc  # a third of a second, and few curves come here

    points = qmc.Sobol(d, rng=7).random_base2(int(np.ceil(np.log2(size))))[:size]
    return special.ndtri(np.clip(points, 1e-9, 1 - 1e-9))


@dataclass(frozen=True, eq=False)
class _Component:
    stratum: int
    centre: np.ndarray
    root: np.ndarray
    log_height: float

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        normal = rng.standard_normal((size, self.centre.size))
        wide = np.sqrt(_DF / rng.chisquare(_DF, size))
        return self.centre + (normal * wide[:, None]) @ self.root.T

    def log_density(self, z: np.ndarray) -> np.ndarray:
        d = self.centre.size
        r = np.linalg.solve(self.root, (z - self.centre).T)
        constant = (
            special.gammaln(0.5 * (_DF + d))
            - special.gammaln(0.5 * _DF)
            - 0.5 * d * np.log(_DF * np.pi)
            - np.log(np.diag(self.root)).sum()
        )
        return constant - 0.5 * (_DF + d) * np.log1p((r * r).sum(0) / _DF)


def integrate(
    target: Target,
    d: int,
    log_mass: np.ndarray,
    *,
    starts: np.ndarray | None = None,
    nodes: int = 800,
    seed: int = 0,
    floor: float = -np.inf,
    pilot: int = 48,
    scales: Sequence[int] = (),
) -> Estimate:
    """Log of Σ_s mass_s ∫ exp(target(z, s)) φ(z) dz.

    Parameters
    ----------
    target : callable
        Log integrand at z (R, d) in the strata (R,).
    d : int
        Number of variables.
    log_mass : (S,) array
        Log prior mass of each stratum.
    starts : (K, d) array, optional
        Likely places of a mode, tried in every stratum beside points of the prior.
    nodes : int
        That the integral is made of; rounds that only shape the proposals have half as many.
    seed : int
    floor : float
        An integral whose Laplace approximation is this low is returned as it
        is, with an error of 1 nat: nothing hangs on its digits.
    pilot : int
        Points of the prior among which the climb begins.
    scales : sequence of int
        Variables on which the spread of the others depends (noise). The nodes
        are split by each of them, and each part gets a proposal of its own.
    """
    log_mass = np.asarray(log_mass, float)

    def posterior(z: np.ndarray, stratum: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            value = target(z, stratum)
        return np.where(np.isnan(value), -np.inf, value) - 0.5 * (z * z).sum(1)

    modes, where, heights = _modes(posterior, d, log_mass, starts, pilot)
    found = _components(posterior, modes, where, heights, log_mass)
    laplace = log_sum(np.array([c.log_height for c in found]))
    if laplace < floor:
        z = np.stack([c.centre for c in found])
        weight = np.array([c.log_height for c in found])
        which = np.array([c.stratum for c in found])
        return Estimate(float(laplace), 1.0, 1.0, z, which, weight)
    rng = np.random.default_rng([seed, 17])
    mixture = found
    for _ in range(_ROUNDS):
        shaping = _Nodes.drawn(mixture, _allot(mixture, nodes // 2), posterior, log_mass, rng)
        mixture = [*found, *_refitted(mixture, shaping, scales)]
    # fresh nodes only: those that shaped a component would be weighed too low by it
    counts = _allot(mixture, nodes)
    return _Nodes.drawn(mixture, counts, posterior, log_mass, rng).integral(mixture)


def _modes(posterior, d, log_mass, starts, pilot):
    """Climb from the best pilot points of every stratum: modes (B, d), strata, heights."""
    size = log_mass.size
    points = 0.8 * spread(pilot, d)
    if starts is not None:
        near = starts[:, None, :] + 0.2 * spread(4, d)[None]
        points = np.concatenate([points, starts, near.reshape(-1, d)])
    stratum = np.repeat(np.arange(size), len(points))
    value = posterior(np.tile(points, (size, 1)), stratum).reshape(size, -1)
    order = np.argsort(-value, axis=1)
    best = order[:, 0]
    # the second start is the best point some way off the first
    apart = ((points[order] - points[best][:, None]) ** 2).sum(-1) > 1.0
    other = np.take_along_axis(order, apart.argmax(1)[:, None], 1)[:, 0]
    z = points[np.concatenate([best, other])]
    where = np.tile(np.arange(size), 2)
    z, height = climb(posterior, z, where, log_mass[where])
    return z, where, height


def climb(
    posterior: Target, z: np.ndarray, stratum: np.ndarray, offset: np.ndarray, rounds: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of a log density by BFGS with difference quotients, all starts at once.

    Starts that, with `offset` added, stay far below the best are given up.
    """
    count, d = z.shape
    shift = np.concatenate([np.zeros((1, d)), _STEP * np.eye(d)])

    def value_slope(z, stratum):
        many = (z[:, None, :] + shift).reshape(-1, d)
        value = posterior(many, np.repeat(stratum, d + 1)).reshape(-1, d + 1)
        value = np.maximum(value, -1e12)
        return value[:, 0], (value[:, 1:] - value[:, :1]) / _STEP

    z = z.copy()
    value, slope = value_slope(z, stratum)
    inverse = np.tile(np.eye(d), (count, 1, 1))
    fresh = np.ones(count, bool)
    active = np.arange(count)
    for turn in range(rounds):
        move = np.einsum("bij,bj->bi", inverse[active], slope[active])
        # no step longer than 2 standard deviations of the prior
        length = np.sqrt((move * move).sum(1, keepdims=True))
        move *= np.minimum(1.0, 2.0 / np.maximum(length, 1e-12))
        tried = z[active][:, None] + _LENGTHS[:, None] * move[:, None]
        got = posterior(tried.reshape(-1, d), np.repeat(stratum[active], _LENGTHS.size))
        got = got.reshape(-1, _LENGTHS.size)
        pick = got.argmax(1)
        rows = np.arange(active.size)
        gain = got[rows, pick] - value[active]
        better = gain > 1e-9
        moved, b = active[better], rows[better]
        if moved.size:
            new = tried[b, pick[b]]
            new_value, new_slope = value_slope(new, stratum[moved])
            step, turned = new - z[moved], slope[moved] - new_slope
            along = (step * turned).sum(1)
            ok = along > 1e-10
            rho = 1.0 / np.where(ok, along, 1.0)
            left = np.eye(d) - rho[:, None, None] * step[:, :, None] * turned[:, None, :]
            updated = left @ inverse[moved] @ np.swapaxes(left, 1, 2)
            updated += rho[:, None, None] * step[:, :, None] * step[:, None, :]
            inverse[moved] = np.where(ok[:, None, None], updated, inverse[moved])
            z[moved], value[moved], slope[moved] = new, new_value, new_slope
        # where no step helped, begin again with the steepest one, once
        done = np.where(better, gain < _FLAT, fresh[active])
        inverse[active[~better]] = np.eye(d)
        fresh[active] = ~better
        if turn % 5 == 4:
            done |= value[active] + offset[active] < (value + offset).max() - _HOPELESS
        active = active[~done]
        if active.size == 0:
            break
    return z, value


def _bends(posterior, z, stratum) -> np.ndarray:
    """Negative Hessians at z (B, d), made positive definite."""
    count, d = z.shape
    h = _BEND_STEP
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    moves = np.zeros((4 * len(pairs) + 1, d))
    for k, (i, j) in enumerate(pairs):
        for q, (a, b) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
            moves[4 * k + q, i] += a * h
            moves[4 * k + q, j] += b * h
    many = (z[:, None, :] + moves).reshape(-1, d)
    value = posterior(many, np.repeat(stratum, len(moves))).reshape(count, -1)
    found = np.empty((count, d, d))
    quads = value[:, :-1].reshape(count, len(pairs), 4)
    # beside a mode the integrand may be 0
    with np.errstate(invalid="ignore"):
        second = (quads[..., 0] - quads[..., 1] - quads[..., 2] + quads[..., 3]) / (4 * h * h)
    for k, (i, j) in enumerate(pairs):
        found[:, i, j] = found[:, j, i] = -second[:, k]
    found = np.where(np.isfinite(found), found, 0.0)
    own, vectors = np.linalg.eigh(found)
    # the prior alone has a bend of 1; much less is noise or a shoulder
    own = np.maximum(own, 0.4)
    return np.einsum("bij,bj,bkj->bik", vectors, own, vectors)


def _components(posterior, modes, where, heights, log_mass) -> list[_Component]:
    d = modes.shape[1]
    keep = np.flatnonzero(heights + log_mass[where] > (heights + log_mass[where]).max() - 25.0)
    bends = _bends(posterior, modes[keep], where[keep])
    found: list[_Component] = []
    for b, bend in zip(keep, bends, strict=True):
        twin = [c for c in found if c.stratum == where[b]]
        if any(((modes[b] - c.centre) ** 2).sum() < 0.05 for c in twin):
            continue
        root = np.linalg.cholesky(np.linalg.inv(bend))
        height = heights[b] + np.log(np.diag(root)).sum() + log_mass[where[b]]
        found.append(_Component(int(where[b]), modes[b], root, float(height)))
    top = max(c.log_height for c in found)
    return [c for c in found if c.log_height > top - _NEGLIGIBLE - 0.5 * d]


def _allot(components: list[_Component], nodes: int) -> np.ndarray:
    """Nodes per component: more where there is more, but some everywhere."""
    height = np.array([c.log_height for c in components])
    share = np.exp(0.7 * (height - height.max()))
    return np.maximum(np.round(nodes * share / share.sum()), 24).astype(int)


def _refitted(
    components: list[_Component], nodes: _Nodes, scales: Sequence[int]
) -> list[_Component]:
    """Components with the moments of a stratum's nodes, and of each half of them by a scale."""
    log_weight = nodes.log_weights(components)
    fitted = []
    for s in np.unique(nodes.stratum):
        rows = np.flatnonzero(nodes.stratum == s)
        total = float(log_sum(log_weight[rows]))
        if not np.isfinite(total):
            continue
        w = np.exp(log_weight[rows] - total)
        old = max((c for c in components if c.stratum == s), key=lambda c: c.log_height)
        z = nodes.z[rows]
        fitted.append(_moments(z, w, old, total))
        for axis in scales:
            order = np.argsort(z[:, axis])
            below = np.zeros(z.shape[0], bool)
            below[order] = np.cumsum(w[order]) < 0.5
            for part in (below, ~below):
                if (share := w[part].sum()) > 0:
                    height = total + np.log(0.5 / len(scales))
                    fitted.append(_moments(z[part], w[part] / share, old, height))
    top = max(c.log_height for c in fitted)
    return [c for c in fitted if c.log_height > top - _NEGLIGIBLE]


def _moments(z: np.ndarray, w: np.ndarray, old: _Component, log_height: float) -> _Component:
    """Mean and covariance of weighted nodes, leaning on `old` where they are few."""
    d = z.shape[1]
    effective = 1.0 / (w * w).sum()
    trust = effective / (effective + 2.0 * d)
    centre = w @ z
    away = z - centre
    width = trust * (away * w[:, None]).T @ away + (1 - trust) * old.root @ old.root.T
    root = np.linalg.cholesky(width + 1e-9 * np.eye(d))
    return _Component(old.stratum, trust * centre + (1 - trust) * old.centre, root, log_height)


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes with their log integrand, and how many each component gave."""

    z: np.ndarray
    stratum: np.ndarray
    value: np.ndarray
    counts: np.ndarray

    @classmethod
    def drawn(cls, components, counts, posterior, log_mass, rng) -> _Nodes:
        z = np.concatenate([c.draw(rng, n) for c, n in zip(components, counts, strict=True)])
        stratum = np.repeat([c.stratum for c in components], counts)
        value = posterior(z, stratum) + log_mass[stratum]
        value -= 0.5 * z.shape[1] * np.log(2 * np.pi)
        return cls(z, stratum, value, counts)

    def log_weights(self, components: list[_Component]) -> np.ndarray:
        """Log integrand over the number of nodes that all components put there (balance rule)."""
        found = np.full(self.value.shape, -np.inf)
        for s in np.unique(self.stratum):
            rows = self.stratum == s
            own = [(c, n) for c, n in zip(components, self.counts, strict=True) if c.stratum == s]
            density = np.stack([np.log(n) + c.log_density(self.z[rows]) for c, n in own])
            found[rows] = self.value[rows] - log_sum(density, axis=0)
        return found

    def integral(self, components: list[_Component]) -> Estimate:
        log_weight = self.log_weights(components)
        log_z = float(log_sum(log_weight))
        w = np.exp(log_weight - log_z)
        # scatter within strata; their sizes are fixed
        variance = 0.0
        for s in np.unique(self.stratum):
            own = w[self.stratum == s]
            variance += max((own * own).sum() - own.sum() ** 2 / own.size, 0.0)
        effective = float(1.0 / (w * w).sum())
        return Estimate(
            log_z, float(np.sqrt(variance)), effective, self.z, self.stratum, log_weight
        )
