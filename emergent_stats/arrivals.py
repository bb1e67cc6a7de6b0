"""Arrivals: at which scales abilities break out, over many tasks, and whether that was foreseeable.

Two questions, two events.

*Breaks* (`arrival_times`). A task has **arrived** where P(jump or onset) > ½;
its arrival is the posterior median of the break's location over both accounts.
A task that is **flat** has not arrived: it is right-censored. The time axis is
scale in decades, and a task is under observation from its second to its
last-but-one distinct scale, because a break beyond these would rest on one
model and is never considered: so it is left-truncated there and censored here,
not at the largest model. A **gradual** task is neither: it grows without a
scale of its own, so it never was waiting to arrive. It stands apart by default
(in the language of competing risks its event came before entry, and it is at
risk of nothing). With ``gradual="censored"`` it counts as still waiting, which
bounds the rate from below: the truth of a growing task that may yet break lies
between the two.

*Crossings* (`foreseen`). Every task, however it grows, at some scale passes a
given level of its score. The models below a cut predict when
(`forecast`); held against that is one constant rate for all tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import stats

from emergent_stats.curve import Curve
from emergent_stats.fits import fit_all
from emergent_stats.forecast import posterior_draws, simulated_scores, split
from emergent_stats.multiplicity import Discoveries
from emergent_stats.summary import interval, members, weighted
from emergent_stats.trends import ACCOUNTS

if TYPE_CHECKING:
    import pandas as pd

STATES = ("arrived", "waiting", "gradual")
_IMPUTATIONS = 400
_SIMULATIONS = 999
_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Arrivals of the tasks of a collection along one axis of scale.

    Attributes
    ----------
    curves : tuple of Curve
        T series that could be analysed.
    state : (T,) array of str
        arrived, waiting (flat) or gradual.
    p_arrived : (T,) array
        P(jump or onset).
    entry, exit : (T,) arrays
        Scales between which a break would have been seen, in decades.
    at, at_low, at_high : (T,) arrays
        Median and 90 % interval of the break's location given that there is
        one, in decades.
    survival : (k, 4) array
        Kaplan–Meier: scale, share not yet arrived, its standard error, tasks
        at risk; one row per arrival.
    rate, rate_low, rate_high : float
        Arrivals per task and decade at risk under a constant rate, and 90 %
        interval with the doubt of every call and location.
    p_constant : float
        Simulated p-value: how often a constant rate gives arrivals that are
        clumped at least as much as these; NaN with fewer than 2 arrivals.
    """

    curves: tuple[Curve, ...]
    state: np.ndarray
    p_arrived: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    at: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray
    survival: np.ndarray
    rate: float
    rate_low: float
    rate_high: float
    p_constant: float

    def counts(self) -> dict[str, int]:
        """Number of tasks in each state."""
        return {state: int((self.state == state).sum()) for state in STATES}

    def frame(self) -> pd.DataFrame:
        """One row per task: key, state, p_arrived, and the location (NaN unless arrived)."""
        import pandas as pd

        from emergent_stats.multiplicity import series_key

        here = self.state == "arrived"
        rows = [series_key(curve) for curve in self.curves]
        table = pd.DataFrame(rows).astype({"shots": "Int64", "seed": "Int64"})
        table["state"] = self.state.astype(str)
        table["p_arrived"] = self.p_arrived
        for name in ("at", "at_low", "at_high"):
            table[name] = np.where(here, getattr(self, name), np.nan)
        table["entry"], table["exit"] = self.entry, self.exit
        return table


def arrival_times(
    found: Discoveries,
    *,
    gradual: Literal["apart", "censored"] = "apart",
    seed: int = 0,
) -> Arrivals:
    """Arrivals of the tasks of a collection, and whether they come at a constant rate.

    Parameters
    ----------
    found : Discoveries
        `multiplicity.discover` of the collection; its probabilities (shares of
        the accounts learned, shared noise taken out) say who has arrived.
    gradual : {"apart", "censored"}
        What becomes of gradual tasks (module docstring).
    seed : int

    Returns
    -------
    Arrivals

    Raises
    ------
    ValueError
        For another word, or series along different axes.
    """
    if gradual not in ("apart", "censored"):
        raise ValueError(f"gradual must be 'apart' or 'censored', got {gradual!r}")
    axes = {found.curves[int(i)].axis for fit in found.fits for i in fit.index}
    if len(axes) > 1:
        raise ValueError(f"arrivals need one axis of scale, got {', '.join(sorted(axes))}")
    rng = np.random.default_rng([seed, 61])
    places = {int(i): (fit, row) for fit in found.fits for row, i in enumerate(fit.index)}
    order = sorted(places)
    curves = tuple(found.curves[i] for i in order)
    p = found.probability[order]
    locations = [_locations(*places[i], p[t], rng) for t, i in enumerate(order)]
    p_arrived = p[:, 2] + p[:, 3]
    state = np.where(p_arrived > 0.5, "arrived", np.where(p[:, 0] >= p[:, 1], "waiting", "gradual"))
    entry, leave = (np.array([np.unique(c.x)[k] for c in curves]) for k in (1, -2))
    at = np.array([np.median(v) for v in locations])
    ends = [interval(v, np.full(v.size, 1 / v.size)) for v in locations]
    in_risk = (state != "gradual") | (gradual == "censored")
    event = state == "arrived"
    time = np.where(event, at, leave)
    survival = kaplan_meier(time[in_risk], event[in_risk], entry[in_risk])
    rate, low, high = _rate(p, locations, entry, leave, gradual, rng)
    p_constant = constant_rate_p(time[in_risk], event[in_risk], entry[in_risk], leave[in_risk], rng)
    return Arrivals(
        curves, state, p_arrived, entry, leave, at,
        np.array([a for a, _ in ends]), np.array([b for _, b in ends]),
        survival, rate, low, high, p_constant,
    )  # fmt: skip


def _locations(fit, row: int, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Posterior draws of a break's location given that there is one, in decades."""
    share = p[2:].sum()
    found = []
    for account, weight in zip(ACCOUNTS[2:], p[2:], strict=True):
        size = round(_IMPUTATIONS * (weight / share if share > 0 else 0.5))
        if size:
            value, mass = weighted(members(fit.evidence, account), row, "location")
            found.append(rng.choice(value, size, p=mass / mass.sum()))
    return np.concatenate(found) + fit.batch.curves[row].centre


def kaplan_meier(time: np.ndarray, event: np.ndarray, entry: np.ndarray) -> np.ndarray:
    """Share of tasks that have not arrived, by scale: (k, 4), a row per arrival.

    By `statsmodels.duration.survfunc.SurvfuncRight`, left truncation included.

    Parameters
    ----------
    time, event, entry : (T,) arrays
        Scale of arrival or end of observation, whether it is an arrival, and
        scale at which observation began, in decades.

    Returns
    -------
    (k, 4) array
        Scale, share, its standard error, tasks at risk.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    if not event.any():
        return np.empty((0, 4))
    # times are measured from the first entry, a task that arrives there is just within
    start = float(entry.min())
    inside = np.maximum(time - start, entry - start + 1e-9)
    fit = SurvfuncRight(inside, event.astype(int), entry=entry - start)
    rows = np.stack([fit.surv_times + start, fit.surv_prob, fit.surv_prob_se, fit.n_risk], axis=1)
    return rows[np.asarray(fit.n_events) > 0]


def compare_groups(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray, group: Sequence[Any] | np.ndarray
) -> tuple[float, float]:
    """Log-rank test of equal arrival rates in groups of tasks: χ² and p-value.

    By `statsmodels.duration.survfunc.survdiff`; arrays (T,) as for `kaplan_meier`.

    Raises
    ------
    ValueError
        With fewer than two groups.
    """
    from statsmodels.duration.survfunc import survdiff

    names, label = np.unique(np.asarray(group), return_inverse=True)
    if names.size < 2:
        raise ValueError(f"a log-rank test compares at least two groups, got {names.size}")
    start = float(entry.min())
    chi2, p = survdiff(
        np.maximum(time - start, entry - start + 1e-9), event.astype(int), label,
        entry=entry - start,
    )  # fmt: skip
    return float(chi2), float(p)


def _rate(p, locations, entry, leave, gradual, rng) -> tuple[float, float, float]:
    """Constant rate with its 90 % interval: Gamma posteriors over imputed states and locations."""
    size = entry.size
    draws = np.empty(_IMPUTATIONS)
    for k in range(_IMPUTATIONS):
        state = (rng.random(size)[:, None] > np.cumsum(p, axis=1)).sum(1)
        event = state >= 2
        time = np.array([v[rng.integers(v.size)] for v in locations])
        at_risk = event | (state == 0) | (gradual == "censored")
        exposure = np.where(event, np.clip(time, entry, leave), leave) - entry
        total = float(exposure[at_risk].sum())
        # Jeffreys' prior of a Poisson rate
        draws[k] = rng.gamma(event.sum() + 0.5) / total if total > 0 else np.nan
    if not np.isfinite(draws).any():
        return float("nan"), float("nan"), float("nan")
    low, mid, high = np.nanquantile(draws, [0.05, 0.5, 0.95])
    return float(mid), float(low), float(high)


def constant_rate_p(
    time: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray,
    leave: np.ndarray,
    rng: np.random.Generator,
) -> float:
    """Simulated p-value of a constant rate of arrivals, NaN with fewer than 2.

    The largest distance between the arrivals counted up to a scale and those
    expected from the fitted rate, against the same in collections simulated at
    that rate in the same windows of observation, the rate fitted anew to each.

    Parameters
    ----------
    time, event, entry, leave : (T,) arrays
        As for `kaplan_meier`; `leave` is where observation would have ended.
    rng : numpy.random.Generator
    """
    if event.sum() < 2:
        return float("nan")
    observed, rate = _distance(time, event, entry)
    larger = done = 0
    for _ in range(_SIMULATIONS):
        arrival = entry + rng.exponential(1 / rate, entry.size)
        hit = arrival < leave
        if hit.sum() < 2:
            continue
        distance, _ = _distance(np.minimum(arrival, leave), hit, entry)
        larger, done = larger + int(distance >= observed - 1e-12), done + 1
    return (1 + larger) / (1 + done)


def _distance(time: np.ndarray, event: np.ndarray, entry: np.ndarray) -> tuple[float, float]:
    """Largest |counted − expected| over √expected at the end, and the fitted rate."""
    rate = float(event.sum() / max((time - entry).sum(), 1e-9))
    at = np.sort(time[event])
    # exposure gathered by all tasks up to each arrival
    gathered = np.clip(np.minimum(at[:, None], time) - entry, 0, None).sum(1)
    counted = np.arange(1, at.size + 1)
    away = np.maximum(np.abs(counted - rate * gathered), np.abs(counted - 1 - rate * gathered))
    return float(away.max() / np.sqrt(at.size)), rate


# --- predicted from smaller models ---------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Foresight:
    """How well the models below a cut foresee when tasks pass a level.

    Attributes
    ----------
    curves : tuple of Curve
        T tasks whose small models have not passed the level.
    crossed : (T,) array of bool
        Whether a large model has; else the task is censored at the largest.
    at : (T,) array
        Scale of the first model beyond the level, or of the largest, in decades.
    expected : (T,) array
        Cumulative hazard up to there that the small models predicted.
    earlier : int
        Tasks that had passed the level below the cut: no question about them.
    observed_count, expected_count, z, p : float
        Crossings, and how many the small models predicted; one-sample log-rank
        statistic and its two-sided p-value. Too many: abilities come sooner
        than the small models say.
    log_predicted, log_constant : float
        Log likelihood of the crossings predicted from the smaller models, and
        under one constant rate per decade fitted to these very crossings.
    """

    curves: tuple[Curve, ...]
    crossed: np.ndarray
    at: np.ndarray
    expected: np.ndarray
    earlier: int
    observed_count: int
    expected_count: float
    z: float
    p: float
    log_predicted: float
    log_constant: float

    @property
    def gain(self) -> float:
        """Nats per crossing by which the small models foresee better than a constant rate."""
        return (self.log_predicted - self.log_constant) / max(self.observed_count, 1)


def foreseen(
    curves: Sequence[Curve],
    cut: float,
    level: float = 0.25,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Foresight:
    """Hold the scales at which tasks pass a level against what smaller models predict.

    Each task's small models are fitted with all four accounts and carried on,
    noise included, to the large models' scales. The hazard of a task at a
    large model is the share of simulated futures that first pass the level
    there, among those that have not before. Time is discrete: the models.

    Parameters
    ----------
    curves : sequence of Curve
        Proportions in which higher is better.
    cut : float
        In the axis' own units.
    level : float
        Share of the way from chance to top, between 0 and 1.
    seed, jobs, progress
        As in `fits.fit_all`.

    Raises
    ------
    ValueError
        For a level out of range, or if no task is left to predict.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level lies between 0 (chance) and 1 (top), got {level:g}")
    parts, earlier, reason = [], 0, ""
    for curve in curves:
        metric = curve.metric_object
        if metric.continuous or metric.direction < 0:
            reason = f"{curve.metric!r} has no level between chance and top"
            continue
        try:
            small, large = split(curve, cut)
        except ValueError as error:
            reason = str(error)
            continue
        if _passes(small, small.score[None, :], level).any():
            earlier += 1
            continue
        parts.append((small, large))
    fits = fit_all([small for small, _ in parts], seed=seed, jobs=jobs, progress=progress)
    rows = []
    for fit in fits:
        for row, i in enumerate(fit.index):
            small, large = parts[i]
            rng = np.random.default_rng([seed, 71, int(i)])
            hazard = _hazard(fit, row, small, large, level, rng)
            rows.append((int(i), float(small.x[-1]), large, hazard))
    if not rows:
        raise ValueError(
            f"no task is left to predict beyond {cut:g}: {earlier} of {len(curves)} had passed "
            f"the level {level:g} before" + (f"; {reason}" if reason else "")
        )
    rows.sort(key=lambda row: row[0])
    return _foresight([row[1:] for row in rows], level, earlier)


def _passes(curve: Curve, scores: np.ndarray, level: float) -> np.ndarray:
    """Which scores (R, m) lie beyond a level, as a share of the way from chance to top."""
    chance = curve.chance if np.isfinite(curve.chance) else 0.0
    return scores >= chance + level * (1 - chance)


def _hazard(fit, row, small, large, level, rng) -> np.ndarray:
    """Predicted hazard of passing the level at each large model, (q,)."""
    drawn, weights = posterior_draws(fit, row, _DRAWS, rng)
    counts = rng.multinomial(_DRAWS, weights / weights.sum())
    scores = []
    for account, count in zip(ACCOUNTS, counts, strict=True):
        own = simulated_scores(drawn[account], large, small.centre, rng)
        scores.append(own[rng.choice(own.shape[0], count, replace=False)])
    passes = _passes(large, np.concatenate(scores), level)
    first = np.where(passes.any(1), passes.argmax(1), large.m)
    at_risk = np.array([(first >= j).sum() for j in range(large.m)])
    hit = np.array([(first == j).sum() for j in range(large.m)])
    return (hit + 0.5) / (at_risk + 1.0)


def _foresight(
    tasks: Sequence[tuple[float, Curve, np.ndarray]], level: float, earlier: int
) -> Foresight:
    """One-sample log-rank test and log likelihoods, from each task's predicted hazard."""
    crossed, at, expected, variance, log_p, gaps = [], [], [], [], [], []
    for start, large, hazard in tasks:
        passes = _passes(large, large.score[None, :], level)[0]
        last = int(passes.argmax()) if passes.any() else large.m - 1
        seen = hazard[: last + 1]
        crossed.append(bool(passes.any()))
        at.append(large.x[last])
        expected.append(seen.sum())
        variance.append((seen * (1 - seen)).sum())
        final = np.log(seen[-1]) if passes.any() else np.log1p(-seen[-1])
        log_p.append(np.log1p(-seen[:-1]).sum() + final)
        # decades covered by each step, from the largest model that was fitted
        gaps.append(np.diff(large.x[: last + 1], prepend=start))
    count, total = int(sum(crossed)), float(sum(expected))
    z = (count - total) / np.sqrt(max(sum(variance), 1e-12))
    return Foresight(
        tuple(large for _, large, _ in tasks),
        np.array(crossed), np.array(at), np.array(expected), earlier,
        count, total, float(z), float(2 * stats.norm.sf(abs(z))),
        float(sum(log_p)), _log_constant(gaps, crossed),
    )  # fmt: skip


def _log_constant(gaps: list[np.ndarray], crossed: list[bool]) -> float:
    """Largest log likelihood of the crossings under one rate per decade."""
    from scipy.optimize import minimize_scalar

    def negative(log_rate: float) -> float:
        total = 0.0
        for own, hit in zip(gaps, crossed, strict=True):
            hazard = -np.expm1(-np.exp(log_rate) * np.maximum(own, 1e-6))
            hazard = np.clip(hazard, 1e-12, 1 - 1e-12)
            total += np.log1p(-hazard[:-1]).sum()
            total += np.log(hazard[-1]) if hit else np.log1p(-hazard[-1])
        return -total

    best: Any = minimize_scalar(negative, bounds=(-12.0, 5.0), method="bounded")
    return -float(best.fun)
