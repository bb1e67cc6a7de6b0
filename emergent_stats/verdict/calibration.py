"""Design calibration: what this very design gives when the truth is known.

Null: series simulated from the fitted gradual account on the same scales, with
the same numbers of examples and the posterior noise, each analysed like the
data. Power: the same with a jump of given height in skill added where the
score rises most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK, SCREEN, Effort
from emergent_stats.evidence.evidence import Evidence, log_evidence
from emergent_stats.evidence.threads import each
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.observed import BINOMIAL, from_counts, kind_of
from emergent_stats.model.trends import BREAKS
from emergent_stats.verdict.sensitivity import account_log_z, log_bayes_factor

#: Heights in nats at which power is reported, beside the claim's own.
REFERENCE_HEIGHTS = (0.5, 1.0, 2.0)
# series that share their tables where their scores are equal
_BLOCK = 256
# nats by which a first look at a log Bayes factor may be off
_ROUGH = 1.5
# series per height for power, as a share of the null series
_POWER_SHARE = 8
#: Null series as broken as the data after which no more are wanted, where that is all one asks.
ENOUGH_AS_BROKEN = 10
# null series looked at before they are first counted; then twice as many, and so on
_WAVE = 64


@dataclass(frozen=True, eq=False)
class Calibration:
    """Result of a design calibration of one curve.

    Attributes
    ----------
    p_cal : float
        (1 + number of null series with at least the observed Bayes factor)/(1 + R); where they
        were stopped at the h-th such series, h over the number until then.
    power : float
        Share of series with a jump of the claim's height that are found; NaN, and `powers` empty,
        where the null was stopped.
    powers : dict
        The same at `REFERENCE_HEIGHTS`.
    claim_height : float
        Height of the claim in nats.
    null : (R,) array
        Log Bayes factors of the null series.
    """

    p_cal: float
    power: float
    powers: dict[float, float]
    claim_height: float
    null: np.ndarray


def draw_posterior(
    evidence: Mapping[str, Evidence], row: int, size: int, rng: np.random.Generator
) -> list[tuple[Hypothesis, dict[str, np.ndarray]]]:
    """Posterior draws of one curve from several hypotheses, in proportion to their evidence.

    Returns
    -------
    list of (hypothesis, parameters), the parameters as (draws, 1) arrays
    summing to `size` draws.
    """
    names = list(evidence)
    log_z = np.array([evidence[n].log_z[row] for n in names])
    p = np.exp(log_z - log_z.max())
    counts = rng.multinomial(size, p / p.sum())
    drawn = []
    for name, count in zip(names, counts, strict=True):
        if count == 0:
            continue
        e = evidence[name]
        w = e.log_weight[row]
        w = np.exp(w - w.max())
        pick = rng.choice(w.size, size=count, p=w / w.sum())
        values = {n: v[row, pick][:, None] for n, v in e.parameters.items()}
        fixed = {n: np.full((count, 1), v) for n, v in e.hypothesis.fixed().items()}
        drawn.append((e.hypothesis, {**fixed, **values}))
    return drawn


def simulate_batch(
    batch: Batch, row: int, drawn, rng: np.random.Generator, added: np.ndarray | float = 0.0
) -> Batch:
    """One simulated series per draw on the design of one curve of a batch.

    Parameters
    ----------
    batch, row
        The curve.
    drawn : list of (hypothesis, parameters)
        As `draw_posterior` returns them.
    rng : numpy.random.Generator
    added : (m,) array or float
        Skill added to every trend.
    """
    curve, metric = batch.curves[row], batch.metric
    scores = np.concatenate([h.simulate(curve, values, rng, added) for h, values in drawn])
    size, m = scores.shape
    obs = batch.obs.take(np.full(size, row))
    width = obs.mask.shape[1]
    value = np.zeros((size, width))
    if kind_of(metric) == BINOMIAL:
        value[:, :m] = scores
        n = np.round(obs.n)
        k = np.round(value * n)
        new = from_counts(metric, n, k, k, value, obs.error, obs.mask)
    else:
        seen = metric.skill(scores) if metric.continuous else scores  # type: ignore[attr-defined]
        value[:, :m] = seen
        new = from_counts(metric, obs.n, obs.n, obs.n, value, obs.error, obs.mask)
    x = np.repeat(batch.x[row : row + 1], size, axis=0)
    return Batch((curve,) * size, metric, x, new, alike=True)


def bayes_factors(
    batch: Batch,
    hypotheses: Mapping[str, Hypothesis],
    seed: int,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
    focus: float | None = None,
) -> np.ndarray:
    """Log Bayes factors (real against gradual) of every series of a batch.

    Parameters
    ----------
    batch : Batch
        C series.
    hypotheses : dict of Hypothesis
    seed, jobs, progress
        As in `calibrate`.
    focus : float, optional
        Only which side of this value a series is on matters, and what the
        upper twentieth looks like: the rest keeps a rougher first look.

    Returns
    -------
    (C,) array
    """
    # the factor weighs breaks against gradual: other accounts need no evidence
    real = {n: h for n, h in hypotheses.items() if h.account in ("gradual", *BREAKS)}

    def look(rows: np.ndarray, effort: Effort) -> np.ndarray:
        part = batch.take(rows)
        hint, log_z = None, {}
        for name, h in real.items():
            found = log_evidence(part, h, effort=effort, seed=seed, hint=hint)
            log_z[name], hint = found.log_z, hint or found.nuisance
        flat = {n: np.full(len(part), -np.inf) for n in hypotheses if n not in real}
        return log_bayes_factor(account_log_z({**flat, **log_z}, hypotheses))

    def work(start: int) -> np.ndarray:
        rows = np.arange(start, min(start + _BLOCK, len(batch)))
        found = look(rows, QUICK if focus is None else SCREEN)
        if progress:
            progress(rows.size)
        return found

    found = np.concatenate(each(range(0, len(batch), _BLOCK), work, jobs))
    if focus is None:
        return found
    rows = np.flatnonzero((np.abs(found - focus) < _ROUGH) | (found >= np.quantile(found, 0.95)))
    parts = [rows[i : i + _BLOCK] for i in range(0, rows.size, _BLOCK)]
    for part, better in zip(parts, each(parts, lambda rows: look(rows, QUICK), jobs), strict=True):
        found[part] = better
    return found


def claimed_step(curve: Curve, guide: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the jump that a believer would see: where, and how high in skill.

    Parameters
    ----------
    curve : Curve
    guide : (m,) array
        Skills that the scores suggest.

    Returns
    -------
    step : (m,) array
        0 before and 1 after the interior gap with the largest rise of score.
    height : float
        Rise of skill over that gap in nats, at least 0.25.
    """
    x, index = np.unique(curve.x, return_inverse=True)
    y, s = (np.bincount(index, v) / np.bincount(index) for v in (curve.score, guide))
    rise = np.diff(y) * curve.metric_object.direction
    gap = 1 + int(np.argmax(rise[1:-1]))
    step = (curve.x > 0.5 * (x[gap] + x[gap + 1])).astype(float)
    return step, float(np.clip(s[gap + 1] - s[gap], 0.25, 6.0))


def calibrate(
    batch: Batch,
    row: int,
    evidences: Mapping[str, Evidence],
    log_bf: float,
    series: int,
    threshold: float,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
    enough: int | None = None,
) -> Calibration:
    """Simulated null and power of one curve's design.

    Parameters
    ----------
    batch, row : Batch, int
        The curve.
    evidences : dict
        Evidence of every hypothesis for the batch.
    log_bf : float
        Observed log Bayes factor.
    series : int
        Number of null series; an eighth as many per height for power.
    threshold : float
        Largest p_cal at which a series counts as found.
    seed : int
    jobs : int
        Threads.
    progress : callable, optional
        Called with the number of series done since the last call.
    enough : int, optional
        Stop the null at so many series as broken as the data: a sequential
        Monte Carlo p-value (Besag and Clifford 1991, Biometrika 78, 301–304)
        is valid as well, and cheap where it is large. Power is then not asked.
    """
    rng = np.random.default_rng([seed, 11, batch.curves[row].fingerprint])
    hypotheses = {n: e.hypothesis for n, e in evidences.items()}
    gradual = {n: e for n, e in evidences.items() if e.hypothesis.account == "gradual"}
    null_batch = simulate_batch(batch, row, draw_posterior(gradual, row, series, rng), rng)
    curve = batch.curves[row]
    step, claim_height = claimed_step(curve, batch.obs.guide[row, : curve.m])

    def look(rows: np.ndarray) -> np.ndarray:
        return bayes_factors(null_batch.take(rows), hypotheses, seed + 1, jobs, progress, log_bf)

    if enough:
        # posterior draws come one hypothesis after the other; what may stop must not
        order = np.random.default_rng([seed, 12, curve.fingerprint]).permutation(series)
        null, p_cal = _until(enough, order, look, log_bf)
        if np.isfinite(p_cal):
            if progress:
                progress(calibration_size(series) - null.size)
            return Calibration(p_cal, float("nan"), {}, claim_height, null)
    else:
        null = look(np.arange(series))
    p_cal = (1 + int((null >= log_bf - 1e-9).sum())) / (1 + series)
    # found: more broken than nearly every null series, and more likely real than not
    needed = max(float(np.quantile(null, 1 - threshold)), np.log(9.5))
    heights = (*REFERENCE_HEIGHTS, claim_height)
    each = max(20, series // _POWER_SHARE)
    # one batch for all heights, so that the work is shared out evenly
    again = [
        simulate_batch(batch, row, draw_posterior(gradual, row, each, rng), rng, height * step)
        for height in heights
    ]
    found = bayes_factors(Batch.join(again), hypotheses, seed + 2, jobs, progress, needed) > needed
    powers = dict(zip(heights, found.reshape(len(heights), each).mean(1).tolist(), strict=True))
    return Calibration(
        p_cal,
        powers[claim_height],
        {h: powers[h] for h in REFERENCE_HEIGHTS},
        claim_height,
        null,
    )


def _until(
    enough: int, order: np.ndarray, look: Callable[[np.ndarray], np.ndarray], log_bf: float
) -> tuple[np.ndarray, float]:
    """Log Bayes factors of series in the given order, up to the last that was looked at.

    And the p-value, NaN if fewer than `enough` of all are as broken as the data.
    """
    null, size = np.zeros(0), _WAVE
    while null.size < order.size:
        null = np.concatenate([null, look(order[null.size : null.size + size])])
        as_broken = np.flatnonzero(null >= log_bf - 1e-9)
        if as_broken.size >= enough:
            return null, enough / (1 + int(as_broken[enough - 1]))
        size *= 2
    return null, float("nan")


def calibration_size(series: int) -> int:
    """Series that `calibrate` will analyse, for progress bars."""
    return series + (len(REFERENCE_HEIGHTS) + 1) * max(20, series // _POWER_SHARE)
