"""Sampling the pooled model task by task: chains, warm-up, draws.

A sweep moves the noise of every model (`pooled.noise`) and every task
(`pooled.tasks`), twice, and the population (`pooled.population`), each in a
way that leaves the posterior as it is. The first part of the warm-up finds where
the population is, then the proposals of the tasks are shaped to it and the
directions of the population's moves to its spread; the draws come from moves
that change no more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from emergent_stats.bayes.pooled.likelihood import Given, given
from emergent_stats.bayes.pooled.noise import update_noise
from emergent_stats.bayes.pooled.packing import Tasks
from emergent_stats.bayes.pooled.population import (
    SCALE_MEDIAN,
    Layout,
    places,
    unpacked,
    update_population,
)
from emergent_stats.bayes.pooled.proposals import Kernel, pilot
from emergent_stats.bayes.pooled.tasks import Pool, allot, choose, empty_pool, refill

# candidates of a task's move, nodes of a proposal's shaping
_POOL, _PILOT = 48, 400
# moves of tasks and noise for each of the population
_ROUNDS = 2
# sweeps between two looks at the progress
_CHUNK = 25
# variance, in those of a single variable, from which a principal direction is a ridge
_RIDGE = 1.7
# a slice begins this many mean distances wide
_WIDTH = 2.5


@dataclass(eq=False)
class _Chain:
    """Where a chain is, and how it moves."""

    theta: np.ndarray
    noise: np.ndarray
    pool: Pool
    directions: np.ndarray
    widths: np.ndarray
    noise_widths: np.ndarray
    rng: np.random.Generator


@dataclass(eq=False)
class Draws:
    """What a chain wrote down: one row a draw.

    Attributes
    ----------
    theta, noise : (D, ·) arrays
        Population (see `pooled.population.Layout`) and the models' noise.
    at, z : (D, T) and (D, T, 4) arrays
        The tasks (see `pooled.tasks.Pool`).
    p_account : (D, T, account) array
    moved : (D,) array
        Share of the tasks that moved in the last sweep.
    """

    theta: np.ndarray
    noise: np.ndarray
    at: np.ndarray
    z: np.ndarray
    p_account: np.ndarray
    moved: np.ndarray
    used: np.ndarray
    noise_used: np.ndarray

    @classmethod
    def empty(cls, draws: int, chain: _Chain) -> Draws:
        """Room for so many draws."""
        tasks, models = chain.pool.at.shape[0], chain.noise.size
        return cls(
            np.empty((draws, chain.theta.size)), np.empty((draws, models)),
            np.empty((draws, tasks), int), np.empty((draws, tasks, 4)),
            np.empty((draws, tasks, 4)), np.empty(draws),
            np.empty((draws, chain.widths.size)), np.empty((draws, chain.noise_widths.size)),
        )  # fmt: skip


@njit(cache=True, error_model="numpy", nogil=True)
def _sweeps(
    given, layout, kernel, theta, noise, pool, directions, widths, noise_widths, thin, begin,
    end, rng, out_theta, out_noise, out_at, out_z, out_p, out_moved, out_used, out_noise_used,
):  # fmt: skip
    used, noise_used = np.zeros(widths.size), np.zeros(noise_widths.size)
    p_account = np.empty((pool.at.shape[0], 4))
    for n in range(begin, end):
        out_p[n] = 0.0
        for _ in range(thin):
            # tasks and noise of models hold each other, and cost less than the population
            for _ in range(_ROUNDS):
                update_noise(given, layout, theta, noise, pool, noise_widths, noise_used, rng)
                refill(given, kernel, noise, pool, rng)
                choose(given, unpacked(theta, layout), pool, rng, p_account)
            update_population(given, layout, theta, noise, pool, directions, widths, used, rng)
            out_moved[n] = choose(given, unpacked(theta, layout), pool, rng, p_account)
            out_p[n] += p_account / thin
        out_theta[n], out_noise[n] = theta, noise
        for t in range(pool.present.size):
            out_at[n, t] = pool.at[t, pool.present[t]]
            out_z[n, t] = pool.z[t, pool.present[t]]
        out_used[n], out_noise_used[n] = used, noise_used


def run(
    tasks: Tasks, draws: int, tune: int, chains: int, seed: int, cores: int | None = None,
    thin: int = 1, progress: bool = False,
) -> tuple[Given, Layout, list[Draws]]:  # fmt: skip
    """Sample; everything is decided by `seed`.

    Raises
    ------
    ValueError
        If there are too few draws, chains or sweeps to warm up.
    """
    if draws < 1 or chains < 1 or thin < 1:
        raise ValueError(f"draws, chains and thin are 1 or more, got {draws}, {chains}, {thin}")
    if tune < 100:
        raise ValueError(f"tune is 100 sweeps or more, got {tune}")
    data, layout = given(tasks), Layout(tasks.kinds, len(tasks.families))
    seeds = np.random.SeedSequence(seed).spawn(chains + 1)
    kernel = first_kernel(data, len(tasks.models), layout, np.random.default_rng(seeds[0]))
    start = [
        _start(data, kernel, layout, len(tasks.models), np.random.default_rng(s)) for s in seeds[1:]
    ]
    workers = cores or min(chains, os.cpu_count() or 1)
    first, second = tune // 3, tune - tune // 3
    with _bar(progress, chains * (tune + draws)) as tick, ThreadPoolExecutor(workers) as pool:

        def everywhere(sweeps: int, thin: int) -> list[Draws]:
            jobs = [pool.submit(_run, data, layout, kernel, c, sweeps, thin, tick) for c in start]
            return [j.result() for j in jobs]

        # short runs, each from the last: widths, then where the population is
        early = everywhere(first // 2, 1)
        _tuned(start, early)
        early = everywhere(first - first // 2, 1)
        theta = np.concatenate([d.theta for d in early])
        noise = np.concatenate([d.noise for d in early])
        pilot(
            data, kernel, unpacked(theta.mean(0), layout), noise.mean(0), _PILOT,
            np.random.default_rng(seeds[0].spawn(1)[0]),
        )  # fmt: skip
        for c in start:
            allot(data, kernel, c.pool)
        _directed(start, early)
        late = everywhere(second // 2, 1)
        _directed(start, late)
        late = everywhere(second - second // 2, 1)
        _tuned(start, late)
        found = everywhere(draws, thin)
    return data, layout, found


def _run(data, layout, kernel, chain: _Chain, sweeps: int, thin: int, tick) -> Draws:
    out = Draws.empty(sweeps, chain)
    for begin in range(0, sweeps, _CHUNK):
        end = min(begin + _CHUNK, sweeps)
        _sweeps(
            data, layout, kernel, chain.theta, chain.noise, chain.pool, chain.directions,
            chain.widths, chain.noise_widths, thin, begin, end, chain.rng, out.theta,
            out.noise, out.at, out.z, out.p_account, out.moved, out.used, out.noise_used,
        )  # fmt: skip
        tick(end - begin)
    return out


def _bar(progress: bool, total: int) -> Any:
    """Context whose value is called with the sweeps done."""
    if not progress:
        return nullcontext(lambda count: None)
    return _RichBar(total)


class _RichBar:
    def __init__(self, total: int):
        from rich.progress import Progress

        self._progress, self._total = Progress(transient=True), total

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        task = self._progress.add_task("sweeps", total=self._total)
        return lambda count: self._progress.advance(task, count)

    def __exit__(self, *_) -> None:
        self._progress.stop()


def _tuned(chains: list[_Chain], runs: list[Draws]) -> None:
    """Slices as wide as the moves of all chains were, on the average."""
    width = np.concatenate([r.used for r in runs]).mean(0)
    noise_width = np.concatenate([r.noise_used for r in runs]).mean(0)
    for c in chains:
        c.widths[:] = _WIDTH * np.maximum(width, 1e-4)
        c.noise_widths[:] = _WIDTH * np.maximum(noise_width, 1e-4)


def _directed(chains: list[_Chain], runs: list[Draws]) -> None:
    """Directions, as long as the population spread within chains: each variable, and ridges.

    Ridges are the principal directions of the correlations that stand out; the
    others are those of noise.
    """
    away = np.concatenate([r.theta - r.theta.mean(0) for r in runs])
    scale = away.std(0) + 1e-3
    own, vectors = np.linalg.eigh(away.T @ away / len(away) / np.outer(scale, scale))
    ridge = own > _RIDGE
    ridges = scale[:, None] * vectors[:, ridge] * np.sqrt(own[ridge])
    directions = np.concatenate([np.diag(scale), ridges], axis=1)
    noise_width = np.concatenate([r.noise_used for r in runs]).mean(0)
    for c in chains:
        c.directions = np.ascontiguousarray(directions)
        c.widths = np.full(directions.shape[1], _WIDTH)
        c.noise_widths[:] = _WIDTH * np.maximum(noise_width, 1e-4)


def middle(layout: Layout) -> np.ndarray:
    """Population at about the middle of its prior."""
    theta = np.zeros(layout.size)
    k = layout.metrics
    theta[:5] = np.log([*SCALE_MEDIAN, 0.2])
    theta[5 : 5 + k] = -1.5
    theta[5 + k : 5 + 2 * k] = np.log(1.0)
    theta[places(layout)[3]] = np.log(0.1)
    return theta


def first_kernel(data: Given, models: int, layout: Layout, rng) -> Kernel:
    """Proposals for a wide population, from which everything begins."""
    tasks, alternatives = data.log_weight.shape
    shape = (tasks, alternatives)
    mean = np.tile(np.log([SCALE_MEDIAN[3], 0.5, 1.5]), (*shape, 1))
    plane = np.zeros((*shape, 4))
    plane[..., 0] = -1.0
    kernel = Kernel(
        np.full((tasks, 4), _POOL // 4), np.zeros(shape), mean, np.tile(np.diag([0.7, 1.2, 0.7]),
        (*shape, 1, 1)), plane, np.full(shape, 2.0),
    )  # fmt: skip
    theta = middle(layout)
    theta[4] = np.log(0.5)
    theta[5 + layout.metrics : 5 + 2 * layout.metrics] = np.log(2.0)
    pilot(data, kernel, unpacked(theta, layout), np.zeros(models), _PILOT, rng)
    return kernel


def _start(
    data: Given, kernel: Kernel, layout: Layout, models: int, rng: np.random.Generator
) -> _Chain:
    """A chain at a place of its own."""
    theta = middle(layout)
    theta += 0.3 * rng.standard_normal(theta.size)
    noise = np.exp(theta[places(layout)[3]]) * rng.standard_normal(models)
    pool = empty_pool(data.span.size, _POOL)
    pool.z[:, 0, 3] = rng.normal(-1.5, 1.0, data.span.size)
    allot(data, kernel, pool)
    size = theta.size
    return _Chain(
        theta,
        noise,
        pool,
        0.3 * np.eye(size),
        np.ones(size),
        np.full(models + 3, 0.05),
        rng,
    )
