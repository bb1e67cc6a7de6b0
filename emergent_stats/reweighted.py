"""The pooled model of many tasks from each task's own evidence, with the tasks summed out.

The evidence engine gives every task nodes θ_k with weights w_k under the
standard priors p₀. The likelihood of a task under the population's parameters
φ (shares, level, scales of slopes, heights and bends, noise) then is

    p(y | account, φ) = Σ_k w_k · p(θ_k | φ) / p₀(θ_k),

a smooth function of φ: break locations, heights and slopes of single tasks,
among which a sampler of the full model (`hierarchical`) gets lost, are
summed out. What is left to sample has about a dozen dimensions. Nodes are
chosen twice, the second time with the population found from the first, and
the effective number of nodes that each task has left is reported. R-hat and
ESS do not show when it is too small: on BIG-G's 85 tasks chains agree on a
population far from all nodes (one effective node for some tasks), which is an
error of the sums and no finding. `hierarchical` has no such limit.

As in the evidence engine an account's changes are visible ones (`integrand`),
so p(θ | φ) is divided by the visible share of the population, and with a
`Selection` by the share that is kept. Both are sums over nodes drawn from a
wide population, reweighted in the same way. The noise that the tasks of a
model share is estimated beforehand and taken as known (`model_noise`).

p(θ | φ): skill of the smallest model Normal (per metric), slope half-normal,
height and bend Gamma(3), σ log-normal; the rest as in the standard priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor
import xarray as xr
from scipy import ndimage, special

from emergent_stats.curve import Curve
from emergent_stats.evidence import FULL
from emergent_stats.fits import Fit, analysable, fit_all
from emergent_stats.hypothesis import Hypothesis
from emergent_stats.integrand import log_sum, log_visibility, log_visible_share
from emergent_stats.model_noise import ModelNoise, offsets, shared_noise
from emergent_stats.noise_tables import (
    SIGMA_POSITION,
    SKILL_POSITION,
    blurred,
    log_at_least,
    log_binomial,
)
from emergent_stats.outer import quasi_uniform
from emergent_stats.pooling import ALMOST_NEVER, Selection, levels, name_of, unfit, unique
from emergent_stats.priors import Interior
from emergent_stats.sampling import finish, sample
from emergent_stats.trends import ACCOUNTS

# typed as anything: the type stubs know nothing of what variables can do
pt: Any = pytensor.tensor
pm_math: Any = pm.math

#: Nodes per task and account that the sampler sees, and nodes of the population.
NODES, POPULATION = 192, 1536
#: Effective number of nodes of a task below which its probabilities are rough.
FEW_NODES = 20
#: How far below its first node the lattice's noise reaches, in log nats.
_BELOW = 1.0
# the population's nodes are drawn this much wider than the population of the pilot
_WIDER = 1.4
#: Skill at which a ceiling is out of sight, in nats.
_NO_CEILING = 30.0
_PILOT = {"draws": 200, "tune": 300, "chains": 2}
_FEATURES = 11
#: Features that are made of the noise, and the constant.
_OF_SIGMA = [5, 6, 7]


@dataclass(frozen=True)
class Population:
    """Parameters of a population of tasks: numbers, or variables of a PyMC model.

    ``level`` and ``level_spread`` have one value per metric.
    """

    level: Any
    level_spread: Any
    slope_scale: Any
    height_scale: Any
    bend_scale: Any
    sigma_typical: Any
    sigma_spread: Any

    def coefficients(self, kind: int, log: Any = np.log) -> list[Any]:
        """Weights of `_features` in the log density."""
        mu, tau = self.level[kind], self.level_spread[kind]
        m, v = log(self.sigma_typical), self.sigma_spread
        both = -0.5 * (mu / tau) ** 2 - log(tau) - 0.5 * (m / v) ** 2 - log(v)
        return [
            -0.5 / tau**2, mu / tau**2, -0.5 / self.slope_scale**2, -1 / self.height_scale,
            -1 / self.bend_scale, -0.5 / v**2, m / v**2, both, -log(self.slope_scale),
            -3 * log(self.height_scale), -3 * log(self.bend_scale),
        ]  # fmt: skip


#: A first guess: the middle of the priors, wide.
_START = Population([-1.0], [2.0], 0.9, 0.5, 0.75, 0.2, 0.8)


def _features(
    bottom: np.ndarray, log_sigma: np.ndarray, p: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Features (…, F) in which the log density of a population is linear, and its constant (…)."""
    zero = np.zeros_like(bottom)
    slope, height, bend = (p.get(n, zero) for n in ("slope", "height", "bend"))
    has = [zero + float(n in p) for n in ("slope", "height", "bend")]
    columns = [
        bottom**2, bottom, slope**2, height, bend, log_sigma**2, log_sigma, zero + 1.0, *has,
    ]  # fmt: skip
    constant = -np.log(2 * np.pi) + has[0] * 0.5 * np.log(2 / np.pi)
    for size, there in ((height, has[1]), (bend, has[2])):
        constant = constant + there * (2 * np.log(np.maximum(size, 1e-12)) - np.log(2.0))
    return np.stack(columns, axis=-1), constant


def _bottom(h: Hypothesis, x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    """Skill at the smallest scale, before any ceiling: a shift of the level, and no more."""
    names = h.trend.parameter_names()
    given = {n: np.full_like(p["level"], _NO_CEILING) if n == "ceiling" else p[n] for n in names}
    return np.asarray(h.trend(x, **given), float) + np.zeros_like(p["level"])


# --- the nodes of the tasks -------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Cloud:
    """Nodes of one task under one account: features (N, F) and log weight (N,) without prior."""

    features: np.ndarray
    log_weight: np.ndarray

    def chosen(self, weights: Sequence[np.ndarray], size: int, rng: np.random.Generator) -> Cloud:
        """`size` nodes, drawn with the mean of what the sets of coefficients make of them."""
        if not np.isfinite(self.log_weight).any():
            empty = np.full(size, ALMOST_NEVER)
            return Cloud(np.zeros((size, self.features.shape[1])), empty)
        share = np.zeros(self.log_weight.size)
        for w in weights:
            own = self.log_weight + self.features @ w
            share += np.exp(own - log_sum(own, 0)) / len(weights)
        at = (np.arange(size) + rng.random()) / size
        pick = np.minimum(np.searchsorted(np.cumsum(share) / share.sum(), at), share.size - 1)
        return Cloud(self.features[pick], self.log_weight[pick] - np.log(size * share[pick]))


@dataclass(frozen=True, eq=False)
class _Kept:
    """Probability that a task is kept, as tables over noise and skill of the largest model."""

    guesses: np.ndarray
    passed: np.ndarray  # (G, σ, skill), log
    lost: np.ndarray  # the same given its score

    @classmethod
    def of(cls, curve: Curve, selection: Selection) -> _Kept:
        metric, n = curve.metric_object, np.round(curve.effective_n)[-1:]
        judged = float(n[0]) * selection.examples
        least = judged * (np.nan_to_num(curve.chance) + selection.margin)
        guesses, lapse = levels(metric)
        passed, lost = [], []
        for guess in guesses:
            fine = log_binomial(metric, np.round(curve.score[-1:] * n), n, float(guess), lapse)
            pass_fine = log_at_least(metric, least, judged, float(guess), lapse)[:, None]
            both = blurred(np.concatenate([fine, fine + pass_fine, pass_fine], axis=1))
            lost.append(both[1] - both[0])
            passed.append(both[2])
        return cls(guesses, np.stack(passed), np.stack(lost))

    def _look_up(self, tables, guess, skill, sigma):
        at = [
            guess, SIGMA_POSITION(np.log(np.maximum(sigma, 1e-6))), SKILL_POSITION(skill)
        ]  # fmt: skip
        shape = np.broadcast_shapes(*(np.shape(a) for a in at))
        at = np.stack([np.broadcast_to(a, shape).ravel() for a in at])
        return ndimage.map_coordinates(tables, at, order=1, mode="nearest").reshape(shape)

    def given_score(self, guess, skill, sigma) -> np.ndarray:
        """Log probability given the score, at the nearest guess rate."""
        nearest = np.abs(self.guesses - np.asarray(guess)[..., None]).argmin(-1)
        return self._look_up(self.lost, nearest, skill, sigma)

    def before(self, skill, sigma) -> np.ndarray:
        """Log probability before anything is scored."""
        each = [self._look_up(self.passed, g, skill, sigma) for g in range(self.guesses.size)]
        return log_sum(np.stack(each), 0) - np.log(self.guesses.size)


def _spread_sigma(fit: Fit, row: int, h: Hypothesis, sigma: np.ndarray, rng: np.random.Generator):
    """Log noise of nodes of the lattice, spread over their cells, and log of cell over prior mass.

    All tasks have the same few values of the noise: left there, a population
    whose noise is exactly one of them would look likelier than any other.
    """
    nodes, _ = fit.batch.tables(h.noise, FULL.spacing, FULL.guesses, FULL.lapses)
    at = np.log(nodes.sigma[row])
    middle = 0.5 * (at[1:] + at[:-1])
    # less noise than the first node's cannot be told from it
    low = np.concatenate([[at[0] - _BELOW], middle])
    high = np.concatenate([middle, [2 * at[-1] - middle[-1]]])
    index = np.abs(np.log(sigma)[:, None] - at).argmin(1)
    log_width = np.log(high - low) - nodes.log_sigma_weight[row]
    return low[index] + (high - low)[index] * rng.random(index.size), log_width[index]


def _clouds(fit: Fit, row: int, kept: _Kept | None, rng: np.random.Generator) -> list[Cloud]:
    """Nodes of one task under each account."""
    curve, found = fit.batch.curves[row], []
    x = curve.x - curve.centre
    for account in ACCOUNTS:
        own = [e for e in fit.evidence.values() if e.hypothesis.account == account]
        features, weights = [], []
        for e in own:
            h = e.hypothesis
            use = np.isfinite(e.log_weight[row])
            p = {n: v[row][use] for n, v in e.parameters.items()}
            p |= {n: np.full(use.sum(), v) for n, v in h.fixed().items()}
            log_sigma, log_width = _spread_sigma(fit, row, h, p["sigma"], rng)
            f, constant = _features(_bottom(h, x[0], p), log_sigma, p)
            log_w = e.log_weight[row][use] - np.log(len(own)) + constant
            # the standard prior, and its visible share, go out again
            log_w += log_visible_share(h, [curve])[0] + log_width
            for name, prior in h.priors().items():
                if name in ("level", "slope", "height", "bend"):
                    log_w -= prior.log_density(p[name])
            if kept is not None:
                last = np.asarray(h.skill(x[-1], p), float) + fit.offset[row, curve.m - 1]
                guess = p.get("guess", np.zeros_like(last))
                log_w += kept.given_score(guess, last, np.exp(log_sigma))
            features.append(f)
            weights.append(log_w)
        found.append(Cloud(np.concatenate(features), np.concatenate(weights)))
    return found


# --- the population ---------------------------------------------------------------------------
def _population(
    fit: Fit, row: int, kept: _Kept | None, kind: int, wide: Population, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of a wide population under each account, and what one task makes of them.

    Returns
    -------
    features, log_weight : (A, J, F), (A, J) arrays
        The same for every task of a metric: log weight is without the population's density.
    visible, kept : (A, J) arrays
        Probability that such a task's change is visible, and that it also is kept.
    """
    curve = fit.batch.curves[row]
    x = curve.x - curve.centre
    offset = fit.offset[row, : curve.m]
    parts: list[list[np.ndarray]] = [[], [], [], []]
    for account in ACCOUNTS:
        own = [e.hypothesis for e in fit.evidence.values() if e.hypothesis.account == account]
        counts = [len(c) for c in np.array_split(np.arange(size), len(own))]
        rows = [
            _population_of(h, x, offset, kept, kind, wide, n, len(own))
            for h, n in zip(own, counts, strict=True)
        ]
        for part, each in zip(parts, zip(*rows, strict=True), strict=True):
            part.append(np.concatenate(each))
    return tuple(np.stack(p) for p in parts)  # type: ignore[return-value]


def _population_of(
    h: Hypothesis, x, offset, kept: _Kept | None, kind, wide: Population, n: int, rivals: int
):
    """`_population` of one of the hypotheses of an account."""
    priors = h.trend.priors()
    u = quasi_uniform(n, len(priors) + 1)
    z = special.ndtri(u)
    p: dict[str, np.ndarray] = {k: np.full(n, v) for k, v in h.trend.fixed().items()}
    for j, (name, prior) in enumerate(priors.items()):
        scale = getattr(wide, f"{name}_scale", None)
        if name == "slope":
            p[name] = wide.slope_scale * -special.ndtri(0.5 * u[:, j])
        elif scale is not None:
            p[name] = scale * special.gammaincinv(3.0, u[:, j])
        elif isinstance(prior, Interior):
            low, high = prior.bounds(x)
            p[name] = low + (high - low) * u[:, j]
        else:
            p[name] = np.asarray(prior.from_normal(z[:, j]), float)
    log_sigma = np.log(wide.sigma_typical) + wide.sigma_spread * z[:, -1]
    bottom = wide.level[kind] + wide.level_spread[kind] * z[:, list(priors).index("level")]
    p["level"] = np.zeros(n)
    p["level"] = bottom - _bottom(h, x[0], p)
    features, _ = _features(bottom, log_sigma, p)
    # the noise stays as drawn: what is seen and kept hardly depends on it
    features[..., _OF_SIGMA] = 0.0
    # the proposal is a population too, so that the constant of its density drops out
    log_q = features @ np.array(wide.coefficients(kind))
    columns = {k: v[:, None] for k, v in p.items()}
    rows = np.tile(x, (n, 1))
    skill = np.asarray(h.skill(rows, columns), float) + np.zeros_like(rows)
    gate = log_visibility(h, rows, np.ones(skill.shape, bool), columns, skill)
    passing = np.zeros(n)
    if kept is not None:
        passing = kept.before(skill[:, -1] + offset[-1], np.exp(log_sigma))
    return features, -log_q - np.log(n * rivals), np.exp(gate), np.exp(gate + passing)


# --- all tasks --------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Packed:
    """Everything the model needs of a collection, tasks in the order of their metrics."""

    fits: list[Fit]
    places: list[tuple[int, int]]  # (fit, row) per task
    kinds: np.ndarray
    names: tuple[str, ...]
    metric_names: tuple[str, ...]
    kept: list[_Kept | None]
    clouds: list[list[Cloud]]
    notes: tuple[str, ...]
    noise: tuple[ModelNoise, ...]

    @classmethod
    def of(
        cls,
        curves: Sequence[Curve],
        selection: Selection | None,
        noise: Sequence[ModelNoise] | None,
        seed: int,
        jobs: int | None,
    ) -> Packed:
        """Evidences of all series; those that cannot be used are named in `notes`.

        Raises
        ------
        ValueError
            If fewer than two series can be used.
        """
        usable, notes = [], []
        thin = set(range(len(curves))) - set(analysable(curves).tolist())
        for i, c in enumerate(curves):
            reason = unfit(c) or ("all at the floor or the ceiling" if i in thin else "")
            if reason:
                notes.append(f"{name_of(c)} left out: {reason}")
            else:
                usable.append(c)
        if len(usable) < 2:
            why = f" ({notes[0]})" if notes else ""
            raise ValueError(f"pooling needs 2 series or more, got {len(usable)}{why}")
        if noise is None:
            noise = shared_noise(usable, seed=seed, jobs=jobs)
        fits = fit_all(usable, seed=seed, jobs=jobs, offsets=offsets(usable, noise))
        metrics = tuple(dict.fromkeys(c.metric for c in usable))
        where = {int(i): (f, r) for f, fit in enumerate(fits) for r, i in enumerate(fit.index)}
        order = sorted(where, key=lambda i: (metrics.index(usable[i].metric), i))
        ordered = [usable[i] for i in order]
        places = [where[i] for i in order]
        kept = [None if selection is None else _Kept.of(c, selection) for c in ordered]
        rng = np.random.default_rng([seed, 16])
        clouds = [_clouds(fits[f], r, k, rng) for (f, r), k in zip(places, kept, strict=True)]
        return cls(
            fits, places, np.array([metrics.index(c.metric) for c in ordered]),
            unique([name_of(c) for c in ordered]), metrics, kept, clouds, tuple(notes),
            tuple(noise),
        )  # fmt: skip

    @property
    def counts(self) -> tuple[int, ...]:
        """Tasks of each metric."""
        return tuple(np.bincount(self.kinds, minlength=len(self.metric_names)).tolist())

    def arrays(self, near: Population, seed: int) -> dict[str, np.ndarray]:
        """Nodes for the sampler, right for any population but best near this one."""
        rng = np.random.default_rng([seed, 17])
        wide = replace(
            near, level_spread=[_WIDER * s for s in near.level_spread],
            slope_scale=_WIDER * near.slope_scale, height_scale=_WIDER * near.height_scale,
            bend_scale=_WIDER * near.bend_scale, sigma_spread=_WIDER * near.sigma_spread,
        )  # fmt: skip
        chosen, prior, visible, kept = [], {}, [], []
        for t, (f, r) in enumerate(self.places):
            kind = int(self.kinds[t])
            weights = [np.array(p.coefficients(kind)) for p in (near, wide)]
            chosen.append([c.chosen(weights, NODES, rng) for c in self.clouds[t]])
            own = _population(self.fits[f], r, self.kept[t], kind, wide, POPULATION)
            prior[kind] = own[:2]
            visible.append(own[2])
            kept.append(own[3])
        return {
            "features": np.array([[c.features for c in own] for own in chosen]),
            "log_weight": np.array([[c.log_weight for c in own] for own in chosen]),
            "prior_features": np.stack([prior[k][0] for k in sorted(prior)]),
            "prior_weight": np.stack([prior[k][1] for k in sorted(prior)]),
            "visible": np.stack(visible),
            "kept": np.stack(kept),
        }


def effective_nodes(arrays: dict[str, np.ndarray], kinds: np.ndarray, at: Population, share):
    """Effective number of nodes of every task at one population, over all accounts."""
    found = []
    for t, kind in enumerate(kinds):
        log_w = arrays["features"][t] @ np.array(at.coefficients(int(kind)))
        log_w = log_w + arrays["log_weight"][t] + np.log(np.maximum(share, 1e-12))[:, None]
        w = np.exp(log_w - log_w.max())
        found.append(w.sum() ** 2 / (w**2).sum())
    return np.array(found)


# --- the model --------------------------------------------------------------------------------
def build_reweighted_model(
    counts: Sequence[int], selected: bool, arrays: dict[str, np.ndarray]
) -> pm.Model:
    """PyMC model of a population of tasks, given nodes of each (see the module docstring).

    Parameters
    ----------
    counts : sequence of int
        Tasks of each metric.
    selected : bool
        Whether the tasks are those that were kept.
    arrays : dict of arrays
        ``features`` (T, A, K, F), ``log_weight`` (T, A, K), ``prior_features``
        (metric, A, J, F), ``prior_weight`` (metric, A, J), ``visible``, ``kept`` (T, A, J).
    """
    coords = {
        "task": np.arange(sum(counts)), "metric": np.arange(len(counts)),
        "account": list(ACCOUNTS),
    }  # fmt: skip
    with pm.Model(coords=coords) as model:
        data: dict[str, Any] = {n: pm.Data(f"{n}_data", a) for n, a in arrays.items()}
        share: Any = pm.Dirichlet("share", np.ones(len(ACCOUNTS)), dims="account")
        population = Population(
            slope_scale=pm.LogNormal("slope_scale", np.log(0.7), 0.7),
            height_scale=pm.LogNormal("height_scale", np.log(0.5), 0.4),
            bend_scale=pm.LogNormal("bend_scale", np.log(0.75), 0.4),
            level=pm.Normal("level", -1.5, 1.5, dims="metric"),
            level_spread=pm.HalfNormal("level_spread", 1.5, dims="metric"),
            sigma_typical=pm.LogNormal("sigma_typical", np.log(0.2), 0.5),
            # a spread of next to nothing is told by single nodes, and not asked for
            sigma_spread=pm.LogNormal("sigma_spread", np.log(0.35), 0.4),
        )
        accounts, nodes = arrays["log_weight"].shape[1:]
        size = arrays["prior_weight"].shape[2]
        each, visible, kept, start = [], [], [], 0
        for kind, count in enumerate(counts):
            weights: Any = pt.stack(population.coefficients(kind, pt.log))
            own = slice(start, start + count)
            start += count
            log_w: Any = pt.dot(data["features"][own].reshape((-1, _FEATURES)), weights)
            log_w = log_w.reshape((count, accounts, nodes)) + data["log_weight"][own]
            top: Any = pt.max(log_w, axis=2, keepdims=True)
            each.append(top[:, :, 0] + pt.log(pt.exp(log_w - top).sum(2)))
            prior: Any = pt.dot(data["prior_features"][kind].reshape((-1, _FEATURES)), weights)
            prior = prior.reshape((accounts, size)) + data["prior_weight"][kind]
            # a weighted mean, so that no population can gain from where few nodes are
            density: Any = pt.exp(prior - pt.max(prior, axis=1, keepdims=True))
            density = density / density.sum(1, keepdims=True)
            visible.append((data["visible"][own] * density[None]).sum(2))
            kept.append((data["kept"][own] * density[None]).sum(2))
        log_visible = pt.log(pt.concatenate(visible))
        log_account = pt.concatenate(each) - log_visible + pt.log(share)[None]
        pm.Deterministic("log_account", log_account, dims=("task", "account"))
        pm.Potential("scores", pm_math.logsumexp(log_account, axis=1).sum())
        if selected:
            passing: Any = pt.log(pt.concatenate(kept)) - log_visible + pt.log(share)[None]
            pm.Potential("selection", -pm_math.logsumexp(passing, axis=1).sum())
            pm.Deterministic(
                "share_selected", pm_math.softmax(passing, axis=1).mean(0), dims="account"
            )
    return model


_compiled_models: dict[Any, Any] = {}


def _compiled(counts: tuple[int, ...], selected: bool, arrays: dict[str, np.ndarray]) -> Any:
    """Compiled model, shared by collections of one shape."""
    import nutpie

    key = (counts, selected, tuple(a.shape for a in arrays.values()))
    if key not in _compiled_models:
        if len(_compiled_models) >= 8:
            _compiled_models.clear()
        model = build_reweighted_model(counts, selected, arrays)
        _compiled_models[key] = nutpie.compile_pymc_model(model)
    return _compiled_models[key]


def _mean_population(posterior: xr.Dataset) -> Population:
    """Population at the posterior means of its parameters, logs for scales."""
    draws = posterior.stack(sample=("chain", "draw"))

    def typical(name: str) -> Any:
        values = np.log(draws[name].transpose("sample", ...).to_numpy()).mean(0)
        return np.exp(values).tolist()

    names = ("slope_scale", "height_scale", "bend_scale", "sigma_typical", "sigma_spread")
    level = draws["level"].transpose("sample", ...).to_numpy().mean(0).tolist()
    return Population(level, typical("level_spread"), *(typical(n) for n in names))


def fit_reweighted(
    curves: Sequence[Curve],
    selection: Selection | None = None,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    target_accept: float = 0.95,
    cores: int | None = None,
    jobs: int | None = None,
    noise: Sequence[ModelNoise] | None = None,
) -> xr.DataTree:
    """Sample the population of many tasks.

    Parameters
    ----------
    curves : sequence of Curve
        Counts of right answers; series that cannot be used are named in the
        attribute ``notes``.
    selection : Selection, optional
        The rule by which these tasks were kept.
    draws, tune, chains, seed, progress, target_accept, cores
        As in `posterior.fit`.
    jobs : int, optional
        Threads of the evidences.
    noise : sequence of ModelNoise, optional
        Noise of the models; default is estimated from these series, none if empty.

    Returns
    -------
    xarray.DataTree
        As from `hierarchical.fit_pooled`, without the parameters of single
        tasks; ``constant_data`` has the effective number of nodes of each
        task, `FEW_NODES` or fewer of which are among the ``diagnostics``.
    """
    packed = Packed.of(curves, selection, noise, seed, jobs)
    counts = packed.counts
    start = replace(
        _START, level=_START.level * len(counts), level_spread=_START.level_spread * len(counts)
    )
    options: dict[str, Any] = {
        "progress": progress, "target_accept": target_accept, "cores": cores
    }  # fmt: skip
    arrays = packed.arrays(start, seed)
    compiled = _compiled(counts, selection is not None, arrays)
    pilot = sample(compiled, arrays, seed=seed, **_PILOT, **options)
    near = _mean_population(pilot["posterior"].to_dataset())
    arrays = packed.arrays(near, seed + 1)
    tree = sample(
        compiled, arrays, draws=draws, tune=tune, chains=chains, seed=seed, **options
    )  # fmt: skip
    posterior = tree["posterior"].to_dataset()
    weight = posterior["log_account"].to_numpy()
    posterior = posterior.drop_vars("log_account").assign(
        p_account=(("chain", "draw", "task", "account"), special.softmax(weight, axis=-1))
    )
    names = {
        "task": list(packed.names), "metric": list(packed.metric_names),
        "account": list(ACCOUNTS),
    }  # fmt: skip
    mean = _mean_population(posterior)
    share = posterior["share"].mean(("chain", "draw")).to_numpy()
    effective = effective_nodes(arrays, packed.kinds, mean, share)
    constant: dict[str, Any] = {
        "metric_of_task": ("task", packed.kinds), "effective_nodes": ("task", effective)
    }  # fmt: skip
    for own in packed.noise[:1] if len(packed.noise) == 1 else ():
        constant["model_noise"] = ("model", own.value)
        names["model"] = list(own.models)
    attrs = {"notes": "\n".join(packed.notes), "seed": seed}
    tree = finish(tree, posterior.assign_coords(names), {}, constant, names, attrs)
    few = [n for n, e in zip(packed.names, effective, strict=True) if e <= FEW_NODES]
    if few:
        remark = (
            f"{FEW_NODES} effective nodes or fewer for {len(few)} tasks, the sums are not to be "
            f"trusted, nor the shares: {', '.join(few[:5])}{' …' if len(few) > 5 else ''}"
        )
        tree.attrs["diagnostics"] = "\n".join(filter(None, [tree.attrs["diagnostics"], remark]))
    return tree
