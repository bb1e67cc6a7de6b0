"""Many tasks at once: which of them break, when some would look broken by chance.

One series is judged by itself with equal odds for the accounts. In a
collection the odds can be learned: π, the shares of flat, gradual, onset and
jump among the tasks, by maximum a posteriori EM under a Dirichlet prior of one
imagined task each. The *local false-discovery rate* of a task is then
P(flat or gradual | its scores, π); the tasks with the smallest ones can be
called as long as their mean stays below a limit (Efron 2008, Statistical
Science 23: 1–22). Benjamini–Hochberg on simulated p-values stands beside it
where those were computed.

Two things make tasks wrong together, and both are taken out first: the noise
that all tasks of one model share (`model_noise`), and selection on the outcome
(`selected`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.collection.fits import NOTHING, Fit, fit_all
from emergent_stats.collection.model_noise import ModelNoise, offsets, shared_noise
from emergent_stats.collection.selected import Filter, log_passing_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.maths import log_sum
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.sensitivity import probabilities, share_of

if TYPE_CHECKING:
    import pandas as pd

#: Imagined tasks of each account, that keep its share away from 0 in a small collection.
IMAGINED = 1.0
#: Largest local false-discovery rate at which a task is called broken.
LIMIT = 0.05


@dataclass(frozen=True, eq=False)
class Discoveries:
    """Which tasks of a collection break, as a collection.

    Attributes
    ----------
    curves : tuple of Curve
        T series.
    shares : (4,) array
        π: share of flat, gradual, onset and jump among the tasks.
    probability : (T, accounts) array
        Probability of each account given π; NaN for series that cannot be
        analysed (too few scales, all at the floor).
    alone : (T, accounts) array
        The same with equal odds and nothing shared: each task by itself.
    lfdr : (T,) array
        Local false-discovery rate, P(flat or gradual).
    fdr : (T,) array
        Mean lfdr of the tasks with this lfdr or a smaller one: the share of
        false calls if all of them were called.
    p_adjusted : (T,) array
        Benjamini–Hochberg adjusted p-values; NaN where no p-value was given.
    noise : tuple of ModelNoise
        Noise shared by the tasks of each model; empty if it was left in or no
        family has enough tasks.
    fits : tuple of Fit
        The evidences behind it all.
    """

    curves: tuple[Curve, ...]
    shares: np.ndarray
    probability: np.ndarray
    alone: np.ndarray
    lfdr: np.ndarray
    fdr: np.ndarray
    p_adjusted: np.ndarray
    noise: tuple[ModelNoise, ...]
    fits: tuple[Fit, ...]

    def __repr__(self) -> str:
        return f"<Discoveries: {self.called().size} of {len(self.curves)} series called>"

    def called(self, limit: float = LIMIT) -> np.ndarray:
        """Positions of the tasks with a local false-discovery rate of at most `limit`."""
        return np.flatnonzero(np.nan_to_num(self.lfdr, nan=np.inf) <= limit)

    def frame(self) -> pd.DataFrame:
        """One row per series: its key, the probabilities of the accounts, lfdr, fdr, p_adjusted."""
        names = [f"p_{account}" for account in ACCOUNTS]
        rows = [
            {
                **series_key(curve),
                **dict(zip(names, self.probability[i].tolist(), strict=True)),
                "p_alone": float(share_of(self.alone[i], *BREAKS)),
                "lfdr": float(self.lfdr[i]),
                "fdr": float(self.fdr[i]),
                "p_adjusted": float(self.p_adjusted[i]),
            }
            for i, curve in enumerate(self.curves)
        ]
        return series_table(rows)


def series_key(curve: Curve) -> dict[str, object]:
    """What names a series in a table of results."""
    key = {name: curve.key.get(name) for name in ("study", "family", "task")}
    rest = {"shots": curve.key.get("shots"), "seed": curve.key.get("seed")}
    return {**key, "metric": curve.metric, **rest, "axis": curve.axis, "m": curve.m}


def series_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Table of rows that begin with `series_key`."""
    import pandas as pd

    return pd.DataFrame(rows).astype({"shots": "Int64", "seed": "Int64"})


def discover(
    curves: Sequence[Curve],
    *,
    shared: bool = True,
    keep: Filter | None = None,
    p_values: Sequence[float | None] | np.ndarray | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Discoveries:
    """Judge the tasks of a collection together.

    Parameters
    ----------
    curves : sequence of Curve
    shared : bool
        Estimate the noise that the tasks of a model share, and take it out
        (families of at least `model_noise.LEAST_TASKS` series).
    keep : Filter, optional
        The rule by which tasks came into the collection (`selected.Succeeds`).
    p_values : (T,) array, optional
        `p_cal` of each series (NaN where none) for Benjamini–Hochberg.
    seed, jobs, progress
        As in `fits.fit_all`.

    Returns
    -------
    Discoveries

    Raises
    ------
    ResultsError
        If no curve can be analysed, if one does not pass the filter that it
        is said to have passed, or if the filter rejects every simulation.
    """
    p_adjusted = benjamini_hochberg(np.full(len(curves), np.nan) if p_values is None else p_values)
    if p_adjusted.size != len(curves):
        raise ResultsError(f"p_values has {p_adjusted.size} values for {len(curves)} curves")
    fits = fit_all(curves, seed=seed, jobs=jobs, progress=progress)
    if not fits:
        raise ResultsError(NOTHING)
    alone = probabilities(_gathered(fits, len(curves)))
    noise: list[ModelNoise] = []
    if shared:
        noise = shared_noise(curves, seed=seed, jobs=jobs, progress=progress)
        if noise:
            own = offsets(curves, noise)
            fits = fit_all(curves, seed=seed, jobs=jobs, offsets=own, progress=progress)
    account_z = _gathered(fits, len(curves))
    if keep is not None:
        account_z = account_z - log_passing_share(curves, keep, seed=seed)
    seen = np.isfinite(account_z).any(1)
    shares = account_shares(account_z[seen])
    probability = np.full_like(account_z, np.nan)
    probability[seen] = probabilities(account_z[seen], shares)
    lfdr = 1.0 - share_of(probability, *BREAKS)
    return Discoveries(
        tuple(curves), shares, probability, alone, lfdr, running_fdr(lfdr), p_adjusted,
        tuple(noise), tuple(fits),
    )  # fmt: skip


def account_shares(account_z: np.ndarray) -> np.ndarray:
    """Shares of the accounts among tasks, (accounts,): maximum a posteriori by EM.

    π maximises Σ_t log Σ_a π_a·Z_ta + `IMAGINED`·Σ_a log π_a (Dirichlet(1 + `IMAGINED`) prior).

    Parameters
    ----------
    account_z : (T, accounts) array
        Log evidence of each account for each task.

    Examples
    --------
    >>> certain = np.log([[1.0, 1e-9, 1e-9, 1e-9]] * 96)
    >>> account_shares(certain).round(2).tolist()
    [0.97, 0.01, 0.01, 0.01]
    """
    count = account_z.shape[1]
    shares = np.full(count, 1 / count)
    for _ in range(2000):
        weight = account_z + np.log(shares)
        mean = np.exp(weight - log_sum(weight, 1)[:, None]).sum(0) + IMAGINED
        new = mean / mean.sum()
        if np.abs(new - shares).max() < 1e-9:
            break
        shares = new
    return new


def running_fdr(lfdr: np.ndarray) -> np.ndarray:
    """Mean local false-discovery rate among tasks at least as sure, (T,); NaN stays NaN.

    Examples
    --------
    >>> running_fdr(np.array([0.3, 0.1, np.nan, 0.2])).round(2).tolist()
    [0.2, 0.1, nan, 0.15]
    """
    found = np.full(lfdr.shape, np.nan)
    seen = np.flatnonzero(np.isfinite(lfdr))
    order = seen[np.argsort(lfdr[seen], kind="stable")]
    found[order] = np.cumsum(lfdr[order]) / np.arange(1, order.size + 1)
    return found


def benjamini_hochberg(p_values: Sequence[float | None] | np.ndarray) -> np.ndarray:
    """Adjusted p-values (Benjamini and Hochberg 1995, JRSS B 57: 289–300); NaN stays NaN.

    Raises
    ------
    ResultsError
        For a p-value outside 0..1.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, float("nan"), 0.03]).round(2).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    from statsmodels.stats.multitest import multipletests

    p = np.array([np.nan if v is None else v for v in p_values], float)
    seen = np.isfinite(p)
    if ((p[seen] < 0) | (p[seen] > 1)).any():
        raise ResultsError(
            f"p-values lie between 0 and 1, got {p[seen].min():g} to {p[seen].max():g}"
        )
    if seen.any():
        p[seen] = multipletests(p[seen], method="fdr_bh")[1]
    return p


def _gathered(fits: Sequence[Fit], size: int) -> np.ndarray:
    """Log evidence of each account for every curve, (T, accounts); NaN where not analysed."""
    found = np.full((size, len(ACCOUNTS)), np.nan)
    for fit in fits:
        found[fit.index] = fit.account_z
    return found
