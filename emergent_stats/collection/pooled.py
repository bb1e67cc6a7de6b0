"""Many tasks in one hierarchical model: shares of the accounts, scales of what tasks share.

Every task has an account of its own, drawn with shares π ~ Dirichlet(1, …, 1); slopes, heights,
bends and the noise between models are drawn from priors whose scales all tasks share, each
log-normal around the declared scale. Accounts, trends and the rule of visible changes are those of
the verdict. What a task says of π and the scales is tabulated from the nodes of its own evidence
(`reweighted`); the posterior is then sampled by turns: each scale given the others and π, with
the accounts summed over, then the accounts, then π.

Every series with enough scales counts, also one that stays at its floor: leaving the flat ones
out would bias the shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.collection.discoveries import series_key, series_table
from emergent_stats.collection.fits import shifted
from emergent_stats.collection.model_noise import ModelNoise, offsets, shared_noise
from emergent_stats.collection.reweighted import (
    DECLARED,
    LOG_FACTORS,
    REACH,
    SCALES,
    SPREAD,
    Table,
    Visible,
    over_scales,
    stacked,
    visible_tables,
)
from emergent_stats.collection.selected import Filter, log_passing_share
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, Effort
from emergent_stats.evidence.many import evidences
from emergent_stats.evidence.threads import Progress, each
from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.sensitivity import account_log_z, probabilities

if TYPE_CHECKING:
    import pandas as pd

#: Effort of each task's evidence: as for a verdict, with all of its nodes kept.
POOLING = replace(FULL, kept=4096)
#: Effective nodes below which a task's own evidence is too thin to be reweighted.
LEAST_NODES = 20.0
# share of the tasks that may be so thin before the whole is refused
_MOST_THIN = 0.25
# posterior mass of a scale at an end of its range that is worth a word
_AT_END = 0.1
# sweeps before those that count, and draws at which the effective nodes are looked at
_WARM_UP, _LOOKS = 300, 40


@dataclass(frozen=True, eq=False)
class Pooled:
    """Posterior of a collection of T tasks, in D draws.

    Attributes
    ----------
    curves : tuple of Curve
        The tasks, those left out excepted.
    shares : (D, accounts) array
        Draws of the shares of the accounts among the tasks.
    scales : dict of (D,) arrays
        Draws of the scales of the priors: slope (nats per decade, half-normal), height and bend
        (gamma of shape 3), sigma (nats, half-normal).
    probability : (T, accounts) array
        Probability of each task's accounts, over all draws.
    alone : (T, accounts) array
        The same for each task by itself: equal odds, declared scales.
    effective : (T,) array
        Effective nodes of each task under the posterior of shares and scales.
    noise : tuple of ModelNoise
        Noise shared by the tasks of each model, taken out.
    notes : tuple of str
        What was left out, and what cannot be relied on.
    """

    curves: tuple[Curve, ...]
    shares: np.ndarray
    scales: Mapping[str, np.ndarray]
    probability: np.ndarray
    alone: np.ndarray
    effective: np.ndarray
    noise: tuple[ModelNoise, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Pooled: {len(self.curves)} tasks, {self.shares.shape[0]} draws>"

    def share_table(self) -> pd.DataFrame:
        """Shares of the accounts, one row each: mean, 5 % and 95 %."""
        return _summary(dict(zip(ACCOUNTS, self.shares.T, strict=True)), "account")

    def scale_table(self) -> pd.DataFrame:
        """Scales of the priors, one row each: declared, mean, 5 % and 95 %."""
        table = _summary(self.scales, "scale")
        table.insert(0, "declared", [DECLARED[name] for name in table.index])
        return table

    def frame(self) -> pd.DataFrame:
        """One row per task: its key, the probabilities of the accounts, alone too, and nodes."""
        rows = [
            {
                **series_key(curve),
                **dict(zip((f"p_{a}" for a in ACCOUNTS), p.tolist(), strict=True)),
                **dict(zip((f"alone_{a}" for a in ACCOUNTS), q.tolist(), strict=True)),
                "effective": float(nodes),
            }
            for curve, p, q, nodes in zip(
                self.curves, self.probability, self.alone, self.effective, strict=True
            )
        ]
        return series_table(rows)


def _summary(draws: Mapping[str, np.ndarray], name: str) -> pd.DataFrame:
    import pandas as pd

    rows = [[d.mean(), *np.quantile(d, [0.05, 0.95])] for d in draws.values()]
    return pd.DataFrame(rows, pd.Index(list(draws), name=name), ["mean", "low", "high"])


def fit_pooled(
    curves: Sequence[Curve],
    *,
    draws: int = 4000,
    shared: bool = True,
    keep: Filter | None = None,
    effort: Effort = POOLING,
    seed: int = 0,
    jobs: int | None = None,
    visible: Visible | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pooled:
    """Fit many tasks at once.

    Parameters
    ----------
    curves : sequence of Curve
        Those with too few scales are left out, and named in `Pooled.notes`.
    draws : int
        Draws of shares and scales, at least 100.
    shared : bool
        Estimate the noise that the tasks of a model share, and take it out
        (families of at least `model_noise.LEAST_TASKS` series).
    keep : Filter, optional
        The rule by which tasks came into the collection (`selected.Succeeds`): evidences are
        divided by each account's chance of passing it, at the declared scales.
    effort : Effort
        Of each task's evidence; `kept` must be large, since its nodes are what is reweighted.
    seed : int
    jobs : int, optional
        Threads; default one per core. Results do not depend on it.
    visible : dict, optional
        Tables of `reweighted.visible_tables`, to be used again for many collections of one design.
    progress : callable, optional
        Called as progress(done, total), in tasks.

    Raises
    ------
    ResultsError
        If fewer than two series can be used, `draws` is too small, the nodes of too many tasks
        are too few to be reweighted, or a series does not pass `keep`.
    """
    if draws < 100:
        raise ResultsError(f"draws must be at least 100, got {draws}")
    usable = [c for c in curves if c.n_scales >= MIN_SCALES]
    if len(usable) < 2:
        raise ResultsError(
            f"{len(usable)} of {len(curves)} series can be pooled; it takes two with at least "
            f"{MIN_SCALES} distinct scales each"
        )
    passing = np.zeros((len(usable), len(ACCOUNTS)))
    if keep is not None:
        passing = log_passing_share(usable, keep, seed=seed)
    noise: list[ModelNoise] = []
    if shared:
        noise = shared_noise(usable, seed=seed, jobs=jobs, progress=progress)
    added = offsets(usable, noise) if noise else None
    visible = visible_tables(usable, jobs, visible)
    report = Progress(progress, total=len(usable))

    def work(i: int) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], np.ndarray]:
        curve = usable[i]
        batch = Batch.of([curve], curve.metric_object)
        if added is not None:
            batch = shifted(batch, [added[i]])
        found = evidences(batch, seed, hypotheses(batch.metric), effort)
        known = visible[curve.metric_object, curve.design]
        tables = {name: over_scales(e, 0, known[name]) for name, e in found.items()}
        log_z = {name: e.log_z for name, e in found.items()}
        report(1)
        return tables, account_log_z(log_z, {n: e.hypothesis for n, e in found.items()})[0]

    done = each(range(len(usable)), work, jobs)
    accounts = {h.name: h.account for h in hypotheses(usable[0].metric_object)}
    tables = stacked([own for own, _ in done], accounts, passing)
    shares, places, probability, effective = _sampled(tables, draws, np.random.default_rng(seed))
    scales = _scales(places, np.random.default_rng([seed, 1]))
    notes = _notes(curves, usable, effective, places)
    return Pooled(
        tuple(usable), shares, scales, probability, probabilities(np.stack([z for _, z in done])),
        effective, tuple(noise), notes,
    )  # fmt: skip


def _by_account(
    tables: Sequence[Table], at: Sequence[int], axis: int | None = None, square: bool = False
) -> np.ndarray:
    """Evidence of each account at some scales: (accounts, T), or (accounts, T, G) along an axis."""
    count = tables[0].mass.shape[0]
    shape = (count,) if axis is None else (count, LOG_FACTORS.size)
    found = np.zeros((len(ACCOUNTS), *shape))
    for table in tables:
        found[table.account] += table.along(square, at, axis)
    return found


def _sampled(
    tables: Sequence[Table], draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws of shares (D, accounts) and places of scales (D, S); P (T, accounts), nodes (T,)."""
    count = tables[0].mass.shape[0]
    log_prior = -0.5 * (LOG_FACTORS / SPREAD) ** 2
    # the cells at the ends are halves
    log_prior[[0, -1]] += np.log(0.5)
    at = [LOG_FACTORS.size // 2] * len(SCALES)
    share = np.full(len(ACCOUNTS), 1 / len(ACCOUNTS))
    shares, places = np.empty((draws, share.size)), np.empty((draws, len(at)), np.int64)
    total, looks = np.zeros((count, share.size)), []
    every = max(draws // _LOOKS, 1)
    for sweep in range(-_WARM_UP, draws):
        for axis in range(len(at)):
            likely = np.einsum("a,atg->tg", share, _by_account(tables, at, axis))
            log_p = log_prior + np.log(np.maximum(likely, 1e-300)).sum(0)
            below = np.cumsum(np.exp(log_p - log_p.max()))
            at[axis] = int(np.searchsorted(below, rng.random() * below[-1], side="right"))
        each_account = share[:, None] * _by_account(tables, at)
        p = (each_account / np.maximum(each_account.sum(0), 1e-300)).T
        below = np.cumsum(p, axis=1)
        account = (rng.random((count, 1)) * below[:, -1:] >= below).sum(1)
        share = rng.dirichlet(1.0 + np.bincount(account, minlength=share.size))
        if sweep < 0:
            continue
        shares[sweep], places[sweep] = share, at
        total += p
        if sweep % every == 0:
            of_nodes = (share**2) @ _by_account(tables, at, square=True)
            whole = share @ _by_account(tables, at)
            looks.append(whole**2 / np.maximum(of_nodes, 1e-300))
    return shares, places, total / draws, np.median(looks, axis=0)


def _scales(places: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws of the scales: anywhere in the cell of a place."""
    cell = LOG_FACTORS[1] - LOG_FACTORS[0]
    away = cell * (rng.random(places.shape) - 0.5)
    away = np.where(places == 0, np.abs(away), away)
    away = np.where(places == LOG_FACTORS.size - 1, -np.abs(away), away)
    value = np.exp(LOG_FACTORS[places] + away)
    return {name: DECLARED[name] * value[:, i] for i, name in enumerate(SCALES)}


def _notes(
    curves: Sequence[Curve], usable: Sequence[Curve], effective: np.ndarray, places: np.ndarray
) -> tuple[str, ...]:
    """What was left out, and what cannot be relied on; too many thin tasks are an error."""
    notes, short = [], len(curves) - len(usable)
    if short:
        notes.append(f"{short} series left out: fewer than {MIN_SCALES} distinct scales.")
    thin = np.flatnonzero(effective < LEAST_NODES)
    if thin.size:
        worst = usable[int(effective.argmin())].key.get("task") or "a task"
        words = (
            f"{thin.size} of {len(usable)} tasks rest on fewer than {LEAST_NODES:g} effective "
            f"nodes ({worst}: {effective.min():.0f})"
        )
        if thin.size > _MOST_THIN * len(usable):
            raise ResultsError(
                f"{words}: their evidences cannot be carried to the scales that the tasks share; "
                "pool fewer kinds of tasks, or those of one family"
            )
        notes.append(f"{words}: their probabilities are rough.")
    for i, name in enumerate(SCALES):
        for end, place in (("low", 0), ("high", LOG_FACTORS.size - 1)):
            if (places[:, i] == place).mean() > _AT_END:
                notes.append(
                    f"The scale of {name} presses against the {end} end of its range, "
                    f"{DECLARED[name] * np.exp(REACH if place else -REACH):.2g}."
                )
    return tuple(notes)
