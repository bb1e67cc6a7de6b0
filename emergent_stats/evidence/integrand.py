"""The integrand of an evidence: hypothesis × data, and how it is taken apart.

Every parameter is the image of a standard normal z under its prior. The
parameters fall in two groups. The *inner* ones are those in which skill is
linear (level, slope, height); the *outer* ones (place and width of a break,
noise between models, guess and lapse rate) are not. `Problem` finds the groups
by looking at the trend itself, so a trend of the user's own needs no
declaration; if skill is not linear in the rest, see `any_trend`.

The prior of every account but flat is restricted to changes that can be seen
(`model.visible`): a gradual trend must move the expected score, a break must
matter by the smallest change of interest both against carrying on as before
it and against having been there all along. See `log_visibility`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.inner import prior_maps
from emergent_stats.evidence.kernels import AGAINST_OTHERS, AROUND_MEAN, NO_GATE, Rows
from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.maths import quasi_normal
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import fraction_table
from emergent_stats.model.priors import Bounded, Interior
from emergent_stats.model.trends import Trend
from emergent_stats.model.visible import eighth, log_gate

_SHARE_NODES = 2048
# skill beyond this is an overflow in the making: e^s has left every metric's range long before
_LARGEST_SKILL = 1e8
# a score beyond a fixed rate by so many largest standard errors is no luck
_LUCK = 3.0


def checked(hypothesis: Hypothesis, found: Any, shape: tuple[int, ...], did: str) -> np.ndarray:
    """Skill as a trend returned it, if it has the shape asked for and usable values.

    Raises
    ------
    ValueError
        Naming the trend, what it did, and what to change.
    """
    found, name = np.asarray(found, float), hypothesis.name
    if found.shape != shape:
        raise ValueError(
            f"trend {name!r} {did} shape {found.shape} for x of shape {shape}; use operators "
            "and NumPy functions that broadcast"
        )
    largest = np.abs(found).max(initial=0.0)
    if not largest <= _LARGEST_SKILL:
        bad = "NaN" if np.isnan(found).any() else "infinite skill"
        if np.isfinite(largest):
            bad = f"a skill of {largest:.0e} nats"
        raise ValueError(
            f"trend {name!r} {did} {bad} for parameters its priors allow; "
            "restrict the priors or write the formula so that it stays finite"
        )
    return found


def _skill_at(hypothesis: Hypothesis, x: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
    """Skill (W, m) at parameters (W, 1), checked."""
    with np.errstate(all="ignore"):
        found = hypothesis.skill(x, parameters)
    return checked(hypothesis, found, x.shape, "returned")


def _skills_without(
    hypothesis: Hypothesis, x: np.ndarray, parameters: dict[str, Any]
) -> list[np.ndarray]:
    """Skills (W, m) without the break, checked."""
    did, each = "without its break returned", []
    own = {n: parameters[n] for n in hypothesis.trend.parameter_names()}
    with np.errstate(all="ignore"):
        for other in hypothesis.trend.without_break(x, **own):
            # a flat line may come as one number a row
            alone = np.shape(other) == (x.shape[0], 1)
            each.append(np.broadcast_to(other, x.shape) if alone else other)
    return [checked(hypothesis, other, x.shape, did) for other in each]


def log_visibility(hypothesis: Hypothesis, x, mask, parameters, skill) -> np.ndarray:
    """Log of the gate that keeps invisible changes out of an account, (R,).

    The product of 1/(1 + (v/Δ)⁴) over the ways in which the change could be
    absent, Δ⁸ = Σ_i (f_i − f_i without it)⁸; 0 for a flat trend.
    """
    if hypothesis.account == "flat":
        return np.zeros(skill.shape[0])
    metric = hypothesis.metric
    seen = hypothesis.left(_seen(metric, skill), parameters)
    without = _skills_without(hypothesis, np.broadcast_to(x, skill.shape), parameters)
    if without:
        total = np.zeros(skill.shape[0])
        for other in without:
            there = hypothesis.left(_seen(metric, other), parameters)
            gap = np.where(mask, seen - there, 0.0)
            total += log_gate(eighth(gap).sum(1), hypothesis.visible)
        return total
    count = mask.sum(1, keepdims=True)
    mean = np.where(mask, seen, 0.0).sum(1, keepdims=True) / count
    gap = np.where(mask, seen - mean, 0.0)
    return log_gate(eighth(gap).sum(1), hypothesis.visible)


def _seen(metric: Metric, skill: np.ndarray) -> np.ndarray:
    """What of the skill shows: the fraction chance-to-top, or the skill itself for losses."""
    if metric.continuous:
        return skill
    start, step, f, _ = fraction_table(metric)
    position = np.clip((skill - start) / step, 0, f.size - 1.001)
    i = position.astype(np.int64)
    low = f[i]
    return low + (position - i) * (f[i + 1] - low)


@lru_cache(maxsize=4096)
def _visible_share(hypothesis: Hypothesis, x: tuple[float, ...]) -> float:
    """Log prior mass of the visible part of a hypothesis on a design."""
    if hypothesis.account == "flat":
        return 0.0
    scales = np.array(x)
    priors, fixed = hypothesis.trend.priors(), hypothesis.trend.fixed()
    if hypothesis.trend.saturates:
        priors, fixed = priors | hypothesis.metric.priors(), fixed | hypothesis.metric.fixed()
    z = quasi_normal(_SHARE_NODES, len(priors))
    values = {n: np.full((_SHARE_NODES, 1), v) for n, v in fixed.items()}
    for j, (name, prior) in enumerate(priors.items()):
        if isinstance(prior, Interior):
            low, high = prior.bounds(scales)
            values[name] = (low + (high - low) * special.ndtr(z[:, j]))[:, None]
        else:
            values[name] = prior.from_normal(z[:, j])[:, None]
    rows = np.tile(scales, (_SHARE_NODES, 1))
    skill = _skill_at(hypothesis, rows, values)
    gate = log_visibility(hypothesis, rows, np.ones(skill.shape, bool), values, skill)
    return float(np.log(np.exp(gate).mean()))


def log_visible_share(hypothesis: Hypothesis, curves: Sequence[Curve]) -> np.ndarray:
    """Log of the prior mass of visible changes on each curve's design, (C,).

    The gate is divided by it. Depends on scales and metric only, not on the scores.
    """
    if hypothesis.account == "flat":
        return np.zeros(len(curves))
    known: dict[tuple[float, ...], float] = {}
    shares = np.empty(len(curves))
    for i, curve in enumerate(curves):
        if curve.design not in known:
            known[curve.design] = _visible_share(hypothesis, curve.design)
        shares[i] = known[curve.design]
    return shares


def inner_names(trend: Trend) -> tuple[str, ...]:
    """Free parameters of a trend that are integrated by Newton steps and a Student t."""
    return tuple(
        name
        for name, prior in trend.priors().items()
        if not isinstance(prior, Interior | Bounded) and name not in trend.outer
    )


@lru_cache(maxsize=512)
def is_linear(trend: Trend) -> bool:
    """Whether skill is linear in the inner parameters, found by trying it out."""
    names = inner_names(trend)
    rng = np.random.default_rng(0)
    x = np.linspace(-1.7, 1.9, 9)[None, :]
    priors = trend.priors()

    def some(name: str) -> np.ndarray:
        prior = priors[name]
        if isinstance(prior, Interior):
            return rng.uniform(-1.0, 1.0, (6, 1))
        return np.asarray(prior.from_normal(rng.normal(0, 0.8, (6, 1))), float)

    fixed = {n: np.full((6, 1), v) for n, v in trend.fixed().items()}
    outer = {n: some(n) for n in priors if n not in names}
    first, second = ({n: some(n) for n in names} for _ in range(2))
    middle = {n: 0.3 * first[n] + 0.7 * second[n] for n in names}
    with np.errstate(all="ignore"):
        a, b, c = (np.asarray(trend(x, **fixed, **outer, **p)) for p in (first, second, middle))
        # what is not finite is reported where the trend is used
        return bool(np.allclose(c, 0.3 * a + 0.7 * b, rtol=1e-9, atol=1e-9))


def _check_scales(hypothesis: Hypothesis, curves: Sequence[Curve]) -> None:
    """Refuse curves whose scales are too few for a trend, told apart to 1e-9 decades."""
    located = any(isinstance(p, Interior) for p in hypothesis.trend.priors().values())
    needed = MIN_SCALES if located else (1 if hypothesis.account == "flat" else 2)
    for i, curve in enumerate(curves):
        if curve.n_scales < needed:
            raise ValueError(
                f"trend {hypothesis.name!r} needs at least {needed} distinct scales; curve {i} "
                f"({curve.models[0]} … {curve.models[-1]}) has {curve.n_scales} "
                "(scales closer than 1e-9 decades are one)"
            )


class Problem:
    """One hypothesis on one batch: its groups of parameters, and skill as a function of them."""

    def __init__(self, hypothesis: Hypothesis, batch: Batch):
        self.hypothesis, self.batch = hypothesis, batch
        self.trend = hypothesis.trend
        priors = self.trend.priors()
        self.inner = inner_names(self.trend)
        self.outer = tuple(n for n in priors if n not in self.inner)
        self.priors = priors
        _check_scales(hypothesis, batch.curves)
        for curve in set(batch.curves) if batch.alike else batch.curves:
            # a curve that came with this metric has been checked; another one's rates may be
            # passed by the luck of n draws
            luck = _LUCK / np.sqrt(curve.effective_n)
            hypothesis.metric.check(curve.score, curve.metric, curve.models, luck)
        self.linear = is_linear(self.trend)
        self.maps = prior_maps([priors[n] for n in self.inner])
        centres = [float(np.asarray(priors[n].from_normal(np.zeros(())))) for n in self.inner]
        self.middle = np.array(centres)
        self.fixed = {n: v for n, v in hypothesis.fixed().items() if n in self.trend.fixed()}
        self.others = len(self._without(batch.x[:1], self._example()))
        if hypothesis.account == "flat":
            self.gate = NO_GATE
        else:
            self.gate = AGAINST_OTHERS if self.others else AROUND_MEAN
        self._bounds = self._location_bounds()

    def _example(self) -> dict[str, np.ndarray]:
        found = {n: np.full((1, 1), v) for n, v in self.fixed.items()}
        for name, prior in self.priors.items():
            located = isinstance(prior, Interior)
            found[name] = (
                np.zeros((1, 1)) if located else np.reshape(prior.from_normal(np.zeros(())), (1, 1))
            )
        return found

    def _location_bounds(self) -> dict[str, np.ndarray]:
        """Bounds (C, 2) of every parameter whose prior follows the design."""
        found = {}
        for name, prior in self.priors.items():
            if isinstance(prior, Interior):
                rows = zip(self.batch.x, self.batch.obs.mask, strict=True)
                found[name] = np.array([prior.bounds(x[seen]) for x, seen in rows])
        return found

    def outer_values(self, shares: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Values (C, n) of the outer trend parameters at shares (C, n) of their prior."""
        found = {}
        for name, share in shares.items():
            prior = self.priors[name]
            if isinstance(prior, Interior):
                low, high = self._bounds[name].T[:, :, None]
                found[name] = low + (high - low) * share
            elif isinstance(prior, Bounded):
                found[name] = prior.at(share)
            else:
                found[name] = prior.from_normal(special.ndtri(share))
        return found

    def skill(self, x: np.ndarray, parameters: dict[str, np.ndarray]) -> np.ndarray:
        """Skill (W, m) at parameters (W, 1), with the trend's shape and values checked."""
        return _skill_at(self.hypothesis, x, parameters)

    def _without(self, x, parameters) -> list[np.ndarray]:
        return _skills_without(self.hypothesis, x, parameters)

    def rows(
        self, x: np.ndarray, outer: dict[str, np.ndarray], curve: np.ndarray,
        offset: np.ndarray | None = None,
    ) -> Rows:  # fmt: skip
        """Skill as base + Σ_j inner_j·basis_j.

        Parameters
        ----------
        x : (W, m) array
        outer : dict of (W, 1) arrays
        curve : (W,) array
            Whose offset each row gets.
        offset : (C, m) array, optional
        """
        size, q = x.shape[0], len(self.inner)
        given = {n: np.full((size, 1), v) for n, v in self.fixed.items()} | outer
        # in the middle, and moved by 1 along each inner parameter, all in one call
        every = np.repeat(np.vstack([self.middle, self.middle + np.eye(q)]), size, axis=0)
        parameters = {n: np.concatenate([v] * (q + 1)) for n, v in given.items()}
        parameters |= {n: every[:, j : j + 1] for j, n in enumerate(self.inner)}
        wide = np.concatenate([x] * (q + 1))
        skills = [self.skill(wide, parameters), *self._without(wide, parameters)]
        seen = np.stack([s.reshape(q + 1, size, -1) for s in skills])
        here, slopes = seen[:, 0], np.moveaxis(seen[:, 1:], 1, 2) - seen[:, 0][:, :, None]
        base = here - np.einsum("j,owjm->owm", self.middle, slopes)
        if offset is not None:
            base = base + offset[curve]
        basis = np.zeros((size, max(q, 3), x.shape[1]))
        basis[:, :q] = slopes[0]
        return Rows(
            np.ascontiguousarray(base[0]),
            basis,
            np.ascontiguousarray(np.moveaxis(base[1:], 0, 1)),
            np.ascontiguousarray(np.moveaxis(slopes[1:], 0, 1)),
        )
