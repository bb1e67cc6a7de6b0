"""A step against a line where skill is measured with normal noise: all in closed form.

The engine of the package goes through the metric and integrates more; here a class can see every
factor, and a slider moves it at once. Skill in nats, x in decades.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from emergent_stats.verdict.formula import LEAST_VARIANCE

#: Prior standard deviation of the level, in nats: wide, and the same for both accounts.
LEVEL = 5.0


def steps(x: np.ndarray) -> np.ndarray:
    """(gaps, m) steps of height 1, centred on 0, one in each gap between neighbours."""
    places = 0.5 * (x[1:] + x[:-1])
    return (x > places[:, None]) - 0.5


def gain(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(tasks,) drop of the sum of squares off a line by a step in the best gap; y (tasks, m)."""
    line = np.column_stack([np.ones_like(x), x])
    project = np.eye(x.size) - line @ np.linalg.pinv(line)
    off = steps(x) @ project
    size = (off**2).sum(1)
    return ((y @ off.T) ** 2 / size).max(1)


@lru_cache(maxsize=16)
def _null(m: int, draws: int = 4000) -> np.ndarray:
    x = np.linspace(-2.0, 2.0, m)
    return np.sort(gain(np.random.default_rng(17).standard_normal((draws, m)), x))


def p_value(statistic: np.ndarray, m: int) -> np.ndarray:
    """Share of lines with unit noise, searched over all gaps, that gain as much; even scales."""
    null = _null(m)
    return (1 + null.size - np.searchsorted(null, statistic)) / (1 + null.size)


def found(p: np.ndarray, level: float = 0.05) -> np.ndarray:
    """Which p-values Benjamini and Hochberg's rule calls at a false-discovery rate of `level`."""
    order = np.argsort(p)
    fits = np.flatnonzero(p[order] <= level * np.arange(1, p.size + 1) / p.size)
    called = np.zeros(p.size, bool)
    called[order[: fits[-1] + 1 if fits.size else 0]] = True
    return called


def questions_variance(n: float) -> float:
    """Least variance of skill that is measured on n questions."""
    return LEAST_VARIANCE / n


def collection(
    tasks: int,
    m: int,
    broken: int,
    height: float,
    sigma: float,
    shared: float,
    n: float,
    seed: Any = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Skills (tasks, m) as measured, and which of the tasks break.

    Slopes are drawn between 0 and 2; noise between models is each task's own (`sigma`) and common
    to all tasks of a model (`shared`), beside that of n questions.
    """
    rng = np.random.default_rng(seed)
    x = np.linspace(-2.0, 2.0, m)
    y = rng.uniform(0, 2, (tasks, 1)) * x + sigma * rng.standard_normal((tasks, m))
    y += shared * rng.standard_normal(m)
    y += np.sqrt(questions_variance(n)) * rng.standard_normal((tasks, m))
    breaks = np.arange(tasks) < broken
    gaps = rng.integers(1, m - 2, tasks) if m > 3 else np.zeros(tasks, int)
    return y + height * breaks[:, None] * steps(x)[gaps], breaks


def _log_normal(y: np.ndarray, design: np.ndarray, scales: np.ndarray, sd: float) -> float:
    """Log density of y under coefficients N(0, scales²) of the design (m, k) and noise sd."""
    cover = sd**2 * np.eye(y.size) + (design * scales**2) @ design.T
    log_det = np.linalg.slogdet(cover)[1]
    return float(-0.5 * (log_det + y @ np.linalg.solve(cover, y) + y.size * np.log(2 * np.pi)))


def log_evidence(
    y: np.ndarray, x: np.ndarray, sd: float, slope: float, height: float
) -> tuple[float, np.ndarray]:
    """Log evidence of a line, and of a line with a step in each of the gaps (gaps,).

    Slopes are N(0, `slope`²) nats per decade, heights N(0, `height`²) nats. The account of a step
    averages over its gaps.
    """
    line = np.column_stack([np.ones_like(x), x])
    smooth = _log_normal(y, line, np.array([LEVEL, slope]), sd)
    scales = np.array([LEVEL, slope, height])
    broken = [_log_normal(y, np.column_stack([line, s]), scales, sd) for s in steps(x)]
    return smooth, np.array(broken)


def log_bayes_factor(y: np.ndarray, x: np.ndarray, sd: float, slope: float, height: float) -> float:
    """Log Bayes factor of a step in some gap, all as likely, against a line."""
    smooth, broken = log_evidence(y, x, sd, slope, height)
    return float(np.logaddexp.reduce(broken) - np.log(broken.size) - smooth)


def floor(
    m: int, sigma: float, n: float, slope: float, height: float, draws: int = 300, seed: int = 0
) -> float:
    """Error of the best rule there is: half of the truths are lines, half have a step.

    Truths are drawn from the priors and the analyst knows them: E[min(P, 1 − P)].
    """
    rng = np.random.default_rng([seed, 5])
    x = np.linspace(-2.0, 2.0, m)
    sd = float(np.sqrt(sigma**2 + questions_variance(n)))
    line = np.column_stack([np.ones_like(x), x])
    scales = np.array([LEVEL, slope, height])
    y = (rng.standard_normal((draws, 2)) * scales[:2]) @ line.T
    step = steps(x)[rng.integers(m - 1, size=draws)]
    tall = height * rng.standard_normal((draws, 1)) * (np.arange(draws) % 2 == 0)[:, None]
    y += tall * step + sd * rng.standard_normal((draws, m))
    log_p = []
    for design, own in [(line, scales[:2])] + [
        (np.column_stack([line, s]), scales) for s in steps(x)
    ]:
        cover = sd**2 * np.eye(m) + (design * own**2) @ design.T
        half = np.linalg.solve(np.linalg.cholesky(cover), y.T)
        log_p.append(-0.5 * (half**2).sum(0) - 0.5 * np.linalg.slogdet(cover)[1])
    odds = np.logaddexp.reduce(log_p[1:], axis=0) - np.log(m - 1) - log_p[0]
    p = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return float(np.minimum(p, 1 - p).mean())


def by_statsmodels(y: np.ndarray, x: np.ndarray, sd: float) -> dict[str, float]:
    """A line, and the step that fits best, by weighted least squares: BIC and the step's height."""
    import statsmodels.api as sm

    line = np.column_stack([np.ones_like(x), x])
    weight = np.full(x.size, sd**-2.0)
    fits = [
        sm.WLS(y, np.column_stack([line, s]), weights=weight).fit(cov_type="fixed scale")
        for s in steps(x)
    ]
    best = max(range(len(fits)), key=lambda i: -((fits[i].resid ** 2).sum()))
    smooth = sm.WLS(y, line, weights=weight).fit(cov_type="fixed scale")
    gained = 0.5 * float((smooth.resid**2).sum() - (fits[best].resid ** 2).sum()) / sd**2
    return {
        "gap": float(best),
        "height": float(fits[best].params[2]),
        "error": float(fits[best].bse[2]),
        "gain": gained,
        "half BIC": gained - 0.5 * float(np.log(x.size)),
    }


def in_closed_form(
    y: np.ndarray, x: np.ndarray, sd: float, slope: float, height: float, gap: int
) -> tuple[float, float]:
    """Posterior mean and standard deviation of the height of a step in a given gap."""
    design = np.column_stack([np.ones_like(x), x, steps(x)[gap]])
    precision = design.T @ design / sd**2 + np.diag(np.array([LEVEL, slope, height]) ** -2.0)
    cover = np.linalg.inv(precision)
    return float((cover @ design.T @ y)[2] / sd**2), float(np.sqrt(cover[2, 2]))


def by_pymc(
    y: np.ndarray, x: np.ndarray, sd: float, slope: float, height: float, gap: int, seed: int = 0
) -> tuple[float, float]:
    """The same posterior, sampled by PyMC; takes seconds to minutes."""
    import pymc as pm

    with pm.Model():
        level = pm.Normal("level", 0, LEVEL)
        rise = pm.Normal("slope", 0, slope)
        tall = pm.Normal("height", 0, height)
        pm.Normal("y", level + rise * x + tall * steps(x)[gap], sd, observed=y)
        drawn = pm.sample(
            1000, tune=500, chains=2, cores=1, nuts_sampler="nutpie", random_seed=seed,
            progressbar=False, quiet=True,
        )  # fmt: skip
    values = drawn["posterior"]["height"].to_numpy()
    return float(values.mean()), float(values.std())
