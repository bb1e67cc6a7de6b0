"""Noise that all tasks of one model share: estimated from a collection, then taken out.

A model that was trained a little better or worse than its size suggests is off
the trend on every task at once: s_ti = trend_t(x_i) + u_i + σ_t·ε_ti. Left in,
the same u_i makes many tasks look broken at the same place, and their
probabilities, right one by one, are wrong together.

u_i ~ Normal(0, τ²), one per model of a family. It is the mode of the marginal
likelihood of all tasks under the accounts *without* a break (flat, gradual),
found by quasi-Newton steps: the gradient is the posterior mean of the scores'
own (Fisher's identity), the information that of a linear model in which each
task has a smooth trend of its own; τ follows by EM.

What cannot be separated: what every task's trend can follow (a straight line
in u_i, and roughly anything smooth) stays with the trends, and does no harm.
A break that *all* tasks share at one scale is taken for noise of the models
from there on: a better recipe and an ability that everything depends on look
alike in a collection without seeds. Breaks at scales of their own survive.
A model is taken to be off by as many nats on every task; what differs from
task to task stays in each task's own σ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emergent_stats.collection.fits import Fit, analysable, fit_all, pointwise
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.verdict.calibration import draw_posterior

#: Tasks of a family below which nothing can be said of its models' own noise.
LEAST_TASKS = 8
#: Tasks of a family that are looked at: so many give u_i to a few hundredths of a nat.
MOST_TASKS = 96
#: Standard deviation of shared noise, in nats, that the search starts from, and its bounds.
_START, _LEAST, _MOST = 0.15, 0.01, 1.0
#: Newton rounds, each with new evidences.
_ROUNDS = 6
#: Rounds before τ is looked at.
_SETTLED = 2
#: Steps are stretched: the information they are divided by is an upper bound.
_STRETCH = 1.4
_DRAWS = 400
_DELTA = 0.02
#: Prior standard deviations of a task's level, slope, bend and twist (nats per decade^k).
_FREEDOM = (3.0, 1.5)
#: Largest change of one u_i in a round, in nats.
_STRIDE = 0.5


@dataclass(frozen=True, eq=False)
class ModelNoise:
    """Noise shared by the tasks of each model of a family.

    Attributes
    ----------
    family : tuple
        (study, family, axis, seed) of the series.
    models : tuple of str
    x : (m,) array
        Scale of each model in decades.
    value, error : (m,) arrays
        Posterior mean of u_i in nats, and its standard deviation.
    tau : float
        Standard deviation of u_i over models.
    tasks : int
        Series it was estimated from, at most `MOST_TASKS`.
    """

    family: tuple
    models: tuple[str, ...]
    x: np.ndarray
    value: np.ndarray
    error: np.ndarray
    tau: float
    tasks: int


def without_break(hypothesis: Hypothesis) -> bool:
    """Whether a hypothesis belongs to an account without a break (flat or gradual)."""
    return hypothesis.account in ("flat", "gradual")


def family_of(curve: Curve) -> tuple:
    """What series must share for their models to be the same ones."""
    key = curve.key
    return (key.get("study"), key.get("family"), curve.axis, key.get("seed"))


def shared_noise(
    curves: Sequence[Curve],
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ModelNoise]:
    """Noise shared by the tasks of a model, for every family with enough tasks.

    Parameters
    ----------
    curves : sequence of Curve
    seed, jobs, progress
        As in `fits.fit_all`; progress counts curves times rounds.

    Returns
    -------
    list of ModelNoise
        None for families of fewer than `LEAST_TASKS` series: there it stays
        in each task's own noise.
    """
    groups = _groups(curves)
    if not groups:
        return []
    rng = np.random.default_rng([seed, 33])
    groups = [
        sorted(rng.choice(rows, MOST_TASKS, replace=False)) if len(rows) > MOST_TASKS else rows
        for rows in groups
    ]
    carried = [np.zeros(c.m) for c in curves]
    names = [_labels(curves, rows) for rows in groups]
    u = [np.zeros(len(own)) for own in names]
    tau = [_START] * len(groups)
    spread = [np.full(v.size, t) for v, t in zip(u, tau, strict=True)]
    chosen = sorted(int(i) for rows in groups for i in rows)
    some = [curves[i] for i in chosen]
    place = {i: k for k, i in enumerate(chosen)}
    for turn in range(_ROUNDS):

        def told(done: int, total: int, turn: int = turn) -> None:
            if progress:
                progress(turn * total + done, _ROUNDS * total)

        fits = fit_all(
            some, seed=seed, jobs=jobs, wanted=without_break, progress=told,
            offsets=[carried[i] for i in chosen],
        )  # fmt: skip
        known = _scores(fits, seed)
        moved = 0.0
        for g, rows in enumerate(groups):
            found = {i: known[place[i]] for i in rows}
            new, variance = _step(curves, found, names[g], u[g], tau[g])
            moved = max(moved, float(np.abs(new - u[g]).max()))
            u[g], spread[g] = new, np.sqrt(variance)
            # EM: the mean of u² under its posterior, over the dimensions beside a line;
            # not before u has settled, or a small first step would hold it back
            if turn >= _SETTLED:
                square = (new**2 + variance).sum() / max(new.size - 2, 1)
                tau[g] = float(np.clip(np.sqrt(square), _LEAST, _MOST))
            for i in rows:
                carried[i] = _own(curves[i], names[g], new)
        if turn > _SETTLED and moved < 0.02:
            break
    return [
        ModelNoise(
            family_of(curves[rows[0]]), tuple(n for n, _ in own), np.array([x for _, x in own]),
            value, error, t, len(rows),
        )
        for rows, own, value, error, t in zip(groups, names, u, spread, tau, strict=True)
    ]  # fmt: skip


def offsets(curves: Sequence[Curve], noise: Sequence[ModelNoise]) -> list[np.ndarray]:
    """Skill of the models' own that each curve's trend has to carry; 0 where none is known."""
    known = {own.family: own for own in noise}
    labels = {
        name: list(zip(own.models, own.x.tolist(), strict=True)) for name, own in known.items()
    }
    found = []
    for curve in curves:
        own = known.get(family := family_of(curve))
        found.append(np.zeros(curve.m) if own is None else _own(curve, labels[family], own.value))
    return found


# --- inside ------------------------------------------------------------------------------
def _groups(curves: Sequence[Curve]) -> list[list[int]]:
    groups: dict[tuple, list[int]] = {}
    for i in analysable(curves):
        groups.setdefault(family_of(curves[i]), []).append(int(i))
    return [rows for rows in groups.values() if len(rows) >= LEAST_TASKS]


def _label(curve: Curve) -> list[tuple[str, float]]:
    # a checkpoint is told from its neighbours by its scale, not by its run's name
    return list(zip(curve.models, np.round(curve.x, 9).tolist(), strict=True))


def _labels(curves: Sequence[Curve], rows: list[int]) -> list[tuple[str, float]]:
    """Models of a family, in the order of scale."""
    every = {label for i in rows for label in _label(curves[i])}
    return sorted(every, key=lambda label: (label[1], label[0]))


def _own(curve: Curve, labels: list[tuple[str, float]], value: np.ndarray) -> np.ndarray:
    place = {(name, round(x, 9)): j for j, (name, x) in enumerate(labels)}
    return np.array([value[place[label]] if label in place else 0.0 for label in _label(curve)])


def _scores(fits: Sequence[Fit], seed: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Gradient (m,) and information (m, m) of each curve's log evidence in an offset."""
    found = {}
    for fit in fits:
        for row, i in enumerate(fit.index):
            rng = np.random.default_rng([seed, 31])
            curve = fit.batch.curves[row]
            slopes, sigma = [], []
            for h, values in draw_posterior(fit.evidence, row, _DRAWS, rng):
                rows = np.full(values["sigma"].shape[0], row)
                low, high = (
                    pointwise(fit.batch, h, values, rows, shift=fit.offset[row] + d)
                    for d in (-_DELTA, _DELTA)
                )
                slopes.append((high - low) / (2 * _DELTA))
                sigma.append(values["sigma"][:, 0])
            gradient = np.concatenate(slopes)[:, : curve.m].mean(0)
            spread = np.concatenate(sigma)[:, None] ** 2
            # floor and ceiling show nothing of a skill: there guide_info is next to 0
            own = 1 / np.maximum(fit.batch.obs.guide_info[row, : curve.m], 1e-6)
            found[int(i)] = gradient, _information((1 / (spread + own)).mean(0), fit, row)
    return found


def _information(weight: np.ndarray, fit: Fit, row: int) -> np.ndarray:
    """Information (m, m) of one task's scores on an offset, its own trend left free: a cubic.

    Observed information by Louis' formula from the same draws is too noisy to divide by.
    """
    x = fit.batch.x[row, : weight.size]
    basis = np.stack([sd * x**k for k, sd in enumerate(_FREEDOM)], axis=1)
    loaded = weight[:, None] * basis
    inner = np.eye(len(_FREEDOM)) + basis.T @ loaded
    return np.diag(weight) - loaded @ np.linalg.solve(inner, loaded.T)


def _step(
    curves: Sequence[Curve],
    found: dict[int, tuple[np.ndarray, np.ndarray]],
    labels: list[tuple[str, float]],
    u: np.ndarray,
    tau: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of u (m,) and its variance (m,), from the tasks' gradients.

    u is what is left beside a straight line in scale, which is growth and not
    noise, and which any trend can follow.
    """
    place = {(name, round(x, 9)): j for j, (name, x) in enumerate(labels)}
    gradient, information = np.zeros(u.size), np.zeros((u.size, u.size))
    for i, (slope, own) in found.items():
        at = np.array([place[label] for label in _label(curves[i])])
        np.add.at(gradient, at, slope)
        np.add.at(information, np.ix_(at, at), own)
    line = np.vander(np.array([x for _, x in labels]), 2)
    # the last singular vectors span what a line cannot follow
    beside = np.linalg.svd(line, full_matrices=True)[0][:, 2:]
    inner = beside.T @ information @ beside + np.eye(beside.shape[1]) / tau**2
    covariance = beside @ np.linalg.solve(inner, beside.T)
    step = _STRETCH * covariance @ (gradient - u / tau**2)
    return u + np.clip(step, -_STRIDE, _STRIDE), np.diag(covariance).copy()
