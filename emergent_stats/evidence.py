"""Log evidence of a hypothesis for many curves at once, with its error.

The evidence is an integral over all parameters under their priors, times the
likelihood. Outer parameters (see `integrand`) are drawn in rounds from
histograms that learn where the integrand is (`outer`); at each draw the inner
ones are integrated around their own mode (`inner`), with the likelihood read
off `profiles`. Curves whose evidence is still rough get further rounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy import special

from emergent_stats.batch import Batch
from emergent_stats.curve import Curve
from emergent_stats.hypothesis import Hypothesis
from emergent_stats.inner import at_points, centre, integrate
from emergent_stats.integrand import VISIBLE, Problem, log_sum, log_visible_share
from emergent_stats.likelihood import SKILL_NORMAL, fraction_table
from emergent_stats.nuisance import Lattice
from emergent_stats.outer import BINS, SPREAD, Axis, log_density, quasi_uniform, tempered

# degrees of freedom of the inner proposals
_DF = 6.0
# inner nodes spread wider: how many, and how much
_WIDE_SHARE, _WIDE = 0.25, 2.5
#: Error of a log evidence above which a warning is due.
LARGE_ERROR = 0.1
#: Axes of the nuisance lattice.
NUISANCE = ("sigma", "guess", "lapse")
# Newton steps around a moving linearisation, for skill that is not linear
_RELINEARISE = 4


@dataclass(frozen=True)
class Effort:
    """How much work goes into one evidence.

    Attributes
    ----------
    rounds : tuple of int
        Outer nodes per curve and hypothesis in each round.
    inner : int
        Inner nodes at each outer one (even).
    kept : int
        Inner nodes kept at each outer one for posteriors.
    spacing, guesses, lapses
        Of the nuisance lattice (`nuisance.lattice`).
    enough : float
        Error of a log evidence at which no further round is made.
    more, passes : int
        Outer nodes and largest number of further rounds.
    """

    rounds: tuple[int, ...] = (96, 128, 192)
    inner: int = 4
    kept: int = 2
    spacing: float = 2.0
    guesses: int = 8
    lapses: int = 8
    enough: float = 0.05
    more: int = 256
    passes: int = 4


FULL = Effort()
#: For simulated series: many of them, each less exact.
QUICK = Effort(
    rounds=(48, 64), inner=4, spacing=1.9, guesses=5, lapses=4, enough=0.25, more=64, passes=1
)


#: For a first look at simulated series, most of which are far from any threshold.
SCREEN = replace(QUICK, rounds=(24, 32), inner=2, passes=0)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of one hypothesis for C curves, with the nodes it came from.

    Attributes
    ----------
    log_z : (C,) array
        Natural log of the marginal likelihood (probability of the counts, or
        density of the losses on the skill scale).
    error : (C,) array
        Standard error of `log_z`.
    effective : (C,) array
        Effective number of outer nodes.
    parameters : dict of (C, N) arrays
        Parameter values at the nodes (free parameters only).
    log_weight : (C, N) array
        Log posterior mass of each node, summing to `log_z`; −inf where a curve has fewer.
    outer_weight : (C, M) array
        Log masses of the outer nodes.
    nuisance : tuple of (C, J), (C, G) and (C, L) arrays
        Posterior masses of the lattice's noises, guess and lapse rates.
    """

    hypothesis: Hypothesis
    curves: tuple[Curve, ...]
    log_z: np.ndarray
    error: np.ndarray
    effective: np.ndarray
    parameters: dict[str, np.ndarray]
    log_weight: np.ndarray
    outer_weight: np.ndarray
    nuisance: tuple[np.ndarray, ...]

    def take(self, rows: np.ndarray) -> Evidence:
        """Evidence of some of the curves."""
        return Evidence(
            self.hypothesis,
            tuple(self.curves[i] for i in rows),
            self.log_z[rows],
            self.error[rows],
            self.effective[rows],
            {n: v[rows] for n, v in self.parameters.items()},
            self.log_weight[rows],
            self.outer_weight[rows],
            tuple(p[rows] for p in self.nuisance),
        )

    @cached_property
    def pareto_k(self) -> np.ndarray:
        """Tail index (C,) of the outer weights; above 0.7 the error itself is doubtful."""
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
    run = _Run(batch, hypothesis, effort, seed, hint)
    everyone = np.arange(len(batch))
    matters = everyone
    for index, count in enumerate(effort.rounds):
        if index and floor is not None:
            log_z, error, _ = run.summary()
            matters = np.flatnonzero(log_z + 4 * np.minimum(error, 2.0) + 1 > floor)
            if matters.size == 0:
                break
        run.round(matters, count)
    for _ in range(effort.passes):
        _, error, _ = run.summary()
        poor = matters[error[matters] > effort.enough]
        if poor.size == 0:
            break
        run.round(poor, effort.more)
    return run.evidence()


class _Run:
    """Rounds of nodes of one hypothesis for one batch."""

    def __init__(self, batch: Batch, hypothesis: Hypothesis, effort: Effort, seed: int, hint):
        self.problem = Problem(hypothesis, batch)
        self.batch, self.effort = batch, effort
        self.rng = np.random.default_rng([seed, 7])
        self.nodes, self.tables = batch.tables(
            hypothesis.noise, effort.spacing, effort.guesses, effort.lapses
        )
        self.log_norm = log_visible_share(hypothesis, batch.curves)
        size = len(batch)
        first = _first_masses(self.nodes, hint)
        even = np.full((size, BINS), 1.0 / BINS)
        self.axes = {
            **{n: Axis([p], continuous=False) for n, p in zip(NUISANCE, first, strict=True)},
            **{n: Axis([even], continuous=True) for n in self.problem.outer},
        }
        self.sizes: list[np.ndarray] = []
        self.log_m: list[np.ndarray] = []  # log masses within each round, (C, n)
        self.kept: list[np.ndarray] = []  # inner values, (C, n, kept, q)
        self.values: list[dict[str, np.ndarray]] = []

    # --- a round ------------------------------------------------------------------------
    def round(self, rows: np.ndarray, count: int) -> None:
        """Add `count` outer nodes to the curves `rows`."""
        if self.sizes:
            sizes = np.stack(self.sizes, axis=1)
            so_far = np.concatenate(self.log_m, axis=1)
            with np.errstate(divide="ignore"):
                so_far += np.repeat(np.log(sizes / sizes.sum(1, keepdims=True)),
                                    [m.shape[1] for m in self.log_m], axis=1)  # fmt: skip
            weight = tempered(so_far, min(0.25 * float(sizes.sum(1).max()), 40.0))
            for axis in self.axes.values():
                axis.learn(np.nan_to_num(weight))
        size = len(self.batch)
        u = quasi_uniform(count, len(self.axes) + 1, self.rng.random(len(self.axes) + 1))
        spread = u[:, -1] < SPREAD if self.sizes else np.zeros(count, bool)
        drawn = {n: a.draw(u[:, i], spread) for i, (n, a) in enumerate(self.axes.items())}
        values = self.problem.outer_values({n: drawn[n] for n in self.problem.outer})
        log_m = np.full((size, count), -np.inf)
        kept = np.zeros((size, count, self.effort.kept, len(self.problem.inner)))
        rate = drawn["guess"] * self.nodes.shape[1] + drawn["lapse"]
        drawn["rate"] = rate
        integrate_rows = self._integrate if self.problem.linear else self._integrate_curved
        log_m[rows], kept[rows] = integrate_rows(
            rows, {n: v[rows] for n, v in drawn.items()}, {n: v[rows] for n, v in values.items()}
        )
        log_m += np.take_along_axis(self.nodes.log_rate_weight, rate, 1)
        log_m += np.take_along_axis(self.nodes.log_sigma_weight, drawn["sigma"], 1)
        log_m -= log_density(list(self.axes.values())) + np.log(count)
        taken = np.zeros(size)
        taken[rows] = count
        self.sizes.append(taken)
        self.log_m.append(log_m)
        self.kept.append(kept)
        self.values.append(values)

    def _settings(self):
        """What every kernel of `inner` is told about the problem."""
        problem, t = self.problem, self.tables
        metric = problem.hypothesis.metric
        start, step, f = 0.0, 1.0, np.zeros(2)
        if self.batch.obs.kind != SKILL_NORMAL:
            start, step, f, _ = fraction_table(metric)
        return (
            problem.gate, metric.continuous, VISIBLE, t.kind, t.value.ravel(), t.grid.ravel(),
            t.grid.shape[1], t.grid.shape[2], t.seen, t.variance, f, start, step,
        )  # fmt: skip

    def _guide(self):
        return self.batch.obs.guide, self.batch.obs.guide_info, self.nodes.sigma

    def _shifted(self, rows_of, curve):
        """Skills of `Problem.basis` with the curves' offsets."""
        if self.batch.offset is None:
            return rows_of
        base, basis, others, other_basis = rows_of
        offset = self.batch.offset[curve]
        return base + offset, basis, others + offset[:, None, :], other_basis

    def _integrate(self, rows, drawn, values):
        """Integrals over the inner parameters where skill is linear in them.

        Returns
        -------
        log_m, kept : (C', n), (C', n, kept, q) arrays
        """
        problem, batch = self.problem, self.batch
        rate = drawn["rate"]
        size, count = rate.shape
        curve = np.repeat(rows, count)
        # without outer parameters of the trend the basis is one a curve
        own = curve if values else rows
        where = np.arange(curve.size) if values else np.repeat(np.arange(size), count)
        rows_of = problem.basis(batch.x[own], {n: v.reshape(-1, 1) for n, v in values.items()})
        q = len(problem.inner)
        nodes = self._inner_nodes(count)
        log_m = np.empty(curve.size)
        kept = np.empty((curve.size, self.effort.kept, q))
        integrate(
            curve, rate.ravel(), drawn["sigma"].ravel(), where, *self._shifted(rows_of, own),
            *self._settings(), problem.maps, *self._guide(), 12, *nodes,
            np.tile(np.arange(count), size), self.rng.random(), log_m, kept,
        )  # fmt: skip
        return log_m.reshape(size, count), kept.reshape(size, count, self.effort.kept, q)

    def _inner_nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        q = len(self.problem.inner)
        each = self.effort.inner if q else 1
        return _student_nodes(count, each, q, int(self.rng.integers(2**31)))

    def _integrate_curved(self, rows, drawn, values):
        """The same where skill is not linear: modes by moving linearisations."""
        problem, batch = self.problem, self.batch
        rate, noise = drawn["rate"], drawn["sigma"]
        size, count = rate.shape
        curve = np.repeat(rows, count)
        x, where = batch.x[curve], np.arange(curve.size)
        outer = {n: v.reshape(-1, 1) for n, v in values.items()}
        index = (curve, rate.ravel(), noise.ravel())
        settings = self._settings()
        q, each_kept = len(problem.inner), self.effort.kept
        mode, root = np.zeros((curve.size, q)), np.zeros((curve.size, q, q))
        at = None
        for i in range(_RELINEARISE):
            rows_of = self._shifted(problem.basis(x, outer, at), curve)
            centre(
                *index, where, *rows_of, *settings, problem.maps, *self._guide(), 3, i > 0,
                mode, root,
            )  # fmt: skip
            at = _inner_values(problem, mode)
        # the trend itself at every inner node
        nodes, log_t = self._inner_nodes(count)
        pick = np.tile(np.arange(count), size)
        each = nodes.shape[1]
        away = np.linalg.solve(np.swapaxes(root, 1, 2)[:, None], nodes[pick][..., None])[..., 0]
        z = np.clip(mode[:, None, :] + away, -8.0, 8.0)
        inner = _inner_values(problem, z)
        again = np.repeat(where, each)
        base, others = problem.exactly(
            x[again], {n: v[again] for n, v in outer.items()}, inner.reshape(-1, q)
        )
        nothing = np.zeros(0)
        base, _, others, _ = self._shifted((base, nothing, others, nothing), curve[again])
        flat = np.empty(base.shape[0])
        curves, rates, noises = (i[again] for i in index)
        at_points(curves, rates, noises, base, others, *settings, flat)
        log_det = np.log(np.abs(np.einsum("rjj->rj", root))).sum(1)
        log_prior = -0.5 * (z * z).sum(2) - 0.5 * q * np.log(2 * np.pi)
        out = flat.reshape(-1, each) + log_prior - log_t[pick] - log_det[:, None]
        log_m = log_sum(out, 1) - np.log(each)
        safe = np.where(np.isfinite(log_m), log_m, 0.0)
        below = np.cumsum(np.exp(out - safe[:, None]), axis=1) / each
        goal = (np.arange(each_kept) + self.rng.random()) / each_kept
        chosen = np.minimum((below[:, :, None] < goal).sum(1), each - 1)
        kept = np.take_along_axis(inner, chosen[:, :, None], axis=1)
        return log_m.reshape(size, count), kept.reshape(size, count, each_kept, q)

    # --- all rounds together --------------------------------------------------------------
    def log_weight(self) -> np.ndarray:
        """Log mass (C, N) of every outer node; −inf for rounds that a curve sat out.

        Rounds count by their size. The first only shows the way, and weighs
        nothing where there was another.
        """
        sizes = np.stack(self.sizes, axis=1)
        later = sizes[:, 1:].sum(1) > 0
        sizes[later, 0] = 0.0
        with np.errstate(divide="ignore"):
            share = np.log(sizes / sizes.sum(1, keepdims=True))
        return np.concatenate(
            [log_m + share[:, i : i + 1] for i, log_m in enumerate(self.log_m)], axis=1
        )

    def log_z(self) -> np.ndarray:
        """Log of the integral before it is divided by the visible share, (C,)."""
        return log_sum(self.log_weight(), 1)

    def summary(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log evidence, its error and the effective number of nodes, (C,) each."""
        log_w = self.log_weight()
        log_z = log_sum(log_w, 1)
        share = np.exp(log_w - np.where(np.isfinite(log_z), log_z, 0.0)[:, None])
        n = np.isfinite(log_w).sum(1).clip(2)
        square = (share * share).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            effective = np.where(square > 0, 1.0 / square, 0.0)
            error = np.sqrt(np.maximum(square - 1.0 / n, 0.0) * n / (n - 1.0))
        error = np.where(np.isfinite(log_z), error, np.inf)
        return log_z - self.log_norm, error, effective

    def evidence(self) -> Evidence:
        """Everything, as a value."""
        problem, kept = self.problem, self.effort.kept
        log_z, error, effective = self.summary()
        if np.isnan(log_z).any():
            raise ValueError(
                f"the evidence of {problem.hypothesis.name!r} is not a number for curve "
                f"{int(np.flatnonzero(np.isnan(log_z))[0])}; check its scores and the trend"
            )
        log_w = self.log_weight() - self.log_norm[:, None]
        size = len(self.batch)
        inner = np.concatenate(self.kept, axis=1)
        share = np.nan_to_num(np.exp(log_w + self.log_norm[:, None] - self.log_z()[:, None]))
        index = {n: np.concatenate(self.axes[n].bins, axis=1) for n in NUISANCE}
        tables = {
            "sigma": self.nodes.sigma,
            "guess": self.nodes.guess[:, :: self.nodes.shape[1]],
            "lapse": self.nodes.lapse[:, : self.nodes.shape[1]],
        }
        parameters = {}
        for name in self.problem.hypothesis.priors():
            if name in problem.inner:
                parameters[name] = inner[..., problem.inner.index(name)].reshape(size, -1)
                continue
            if name in problem.outer:
                value = np.concatenate([v[name] for v in self.values], axis=1)
            else:
                value = np.take_along_axis(tables[name], index[name], axis=1)
            parameters[name] = np.repeat(value, kept, axis=1)
        masses = tuple(_masses(index[n], share, tables[n].shape[1]) for n in NUISANCE)
        return Evidence(
            problem.hypothesis, self.batch.curves, log_z, error, effective, parameters,
            np.repeat(log_w - np.log(kept), kept, axis=1), log_w, masses,
        )  # fmt: skip


def _masses(index: np.ndarray, share: np.ndarray, count: int) -> np.ndarray:
    """Sum of the shares (C, N) at each index, (C, count)."""
    size = index.shape[0]
    flat = index + np.arange(size)[:, None] * count
    return np.bincount(flat.ravel(), share.ravel(), size * count).reshape(size, count)


def _first_masses(nodes: Lattice, hint) -> list[np.ndarray]:
    """Masses of the first round on the axes of `NUISANCE`: the prior's, flattened, and the hint."""
    guesses, lapses = nodes.shape
    rate = nodes.log_rate_weight.reshape(-1, guesses, lapses)
    found = []
    for i, log_w in enumerate((nodes.log_sigma_weight, log_sum(rate, 2), log_sum(rate, 1))):
        p = np.exp(0.5 * (log_w - log_w.max(1, keepdims=True)))
        p = 0.7 * p / p.sum(1, keepdims=True) + 0.3 / p.shape[1]
        if hint is not None and hint[i].shape == p.shape:
            wide = np.pad(hint[i], ((0, 0), (1, 1)))
            near = 0.6 * hint[i] + 0.2 * wide[:, :-2] + 0.2 * wide[:, 2:]
            p = 0.4 * p + 0.6 * near
        found.append(p / p.sum(1, keepdims=True))
    return found


def _inner_values(problem: Problem, z: np.ndarray) -> np.ndarray:
    """Inner parameters at z (…, q)."""
    values = [problem.priors[n].from_normal(z[..., j]) for j, n in enumerate(problem.inner)]
    return np.stack(values, axis=-1) if values else np.zeros(z.shape)


@lru_cache(maxsize=64)
def _student_nodes(count: int, each: int, q: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sets of `each` Student t deviates in pairs ±t, (count, each, q), and their log density.

    A share of the pairs is spread wider, for the tails of a posterior that
    leans on a floor or a ceiling.
    """
    if q == 0:
        return np.zeros((count, each, 0)), np.zeros((count, each))
    half = each // 2
    u = quasi_uniform(count * half, q + 2, np.random.default_rng(seed).random(q + 2))
    chi = special.gammaincinv(_DF / 2, u[:, q])
    t = special.ndtri(u[:, :q]) / np.sqrt(2 * chi / _DF)[:, None]
    t *= np.where(u[:, q + 1] < _WIDE_SHARE, _WIDE, 1.0)[:, None]
    t = t.reshape(count, half, q)
    t = np.concatenate([t, -t], axis=1)
    log_t = np.logaddexp(
        np.log1p(-_WIDE_SHARE) + _log_t(t, q),
        np.log(_WIDE_SHARE) + _log_t(t / _WIDE, q) - q * np.log(_WIDE),
    )
    return t, log_t


def _log_t(t: np.ndarray, q: int) -> np.ndarray:
    """Log density of the standard multivariate Student t."""
    return (
        special.gammaln((_DF + q) / 2)
        - special.gammaln(_DF / 2)
        - 0.5 * q * np.log(_DF * np.pi)
        - 0.5 * (_DF + q) * np.log1p((t * t).sum(-1) / _DF)
    )


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
