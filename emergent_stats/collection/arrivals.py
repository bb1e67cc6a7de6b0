"""Arrivals: at which scales abilities break out, over many tasks, and at what rate.

A task has **arrived** where P(jump or onset) > ½;
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

Whether tasks pass a level of their score when their smaller models say so is
another question, about all tasks and not only those that break (`foresight`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from emergent_stats.collection.discoveries import Discoveries, series_key, series_table
from emergent_stats.collection.fits import Fit
from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.sensitivity import share_of
from emergent_stats.verdict.summary import interval, members, weighted

if TYPE_CHECKING:
    import pandas as pd

STATES = ("arrived", "waiting", "gradual")
_IMPUTATIONS = 400
_SIMULATIONS = 499


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Arrivals of the tasks of a collection along one axis of scale.

    Attributes
    ----------
    curves : tuple of Curve
        T series that could be analysed.
    state : (T,) array of str
        arrived, waiting (flat) or gradual (falling tasks among them).
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

    def __repr__(self) -> str:
        return f"<Arrivals: {', '.join(f'{n} {s}' for s, n in self.counts().items())}>"

    def counts(self) -> dict[str, int]:
        """Number of tasks in each state."""
        return {state: int((self.state == state).sum()) for state in STATES}

    def frame(self) -> pd.DataFrame:
        """One row per task: key, state, p_arrived, and the location (NaN unless arrived)."""
        here = self.state == "arrived"
        table = series_table([series_key(curve) for curve in self.curves])
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
        `discoveries.discover` of the collection; its probabilities (shares of
        the accounts learned, shared noise taken out) say who has arrived.
    gradual : {"apart", "censored"}
        What becomes of gradual tasks (module docstring).
    seed : int

    Returns
    -------
    Arrivals

    Raises
    ------
    ResultsError
        For another word, or series along different axes.
    """
    if gradual not in ("apart", "censored"):
        raise ResultsError(f"gradual must be 'apart' or 'censored', got {gradual!r}")
    axes = {found.curves[int(i)].axis for fit in found.fits for i in fit.index}
    if len(axes) > 1:
        raise ResultsError(f"arrivals need one axis of scale, got {', '.join(sorted(axes))}")
    rng = np.random.default_rng([seed, 61])
    places = {int(i): (fit, row) for fit in found.fits for row, i in enumerate(fit.index)}
    order = sorted(places)
    curves = tuple(found.curves[i] for i in order)
    p = found.probability[order]
    locations = [_locations(*places[i], p[t], rng) for t, i in enumerate(order)]
    p_arrived = share_of(p, *BREAKS)
    # a task that falls has not arrived and is not about to: it is set apart like a gradual one
    changes = share_of(p, "gradual", "falls")
    state = np.where(
        p_arrived > 0.5,
        "arrived",
        np.where(share_of(p, "flat") >= changes, "waiting", "gradual"),
    )
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


def _locations(fit: Fit, row: int, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Posterior draws of a break's location given that there is one, in decades."""
    share = float(share_of(p, *BREAKS))
    found = []
    for account in BREAKS:
        weight = float(share_of(p, account))
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


def _rate(p, locations, entry, leave, gradual, rng) -> tuple[float, float, float]:
    """Constant rate with its 90 % interval: Gamma posteriors over imputed states and locations."""
    size = entry.size
    draws = np.empty(_IMPUTATIONS)
    for k in range(_IMPUTATIONS):
        state = (rng.random(size)[:, None] > np.cumsum(p, axis=1)).sum(1)
        event = np.isin(state, [ACCOUNTS.index(a) for a in BREAKS])
        time = np.array([v[rng.integers(v.size)] for v in locations])
        at_risk = event | (state == ACCOUNTS.index("flat")) | (gradual == "censored")
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
