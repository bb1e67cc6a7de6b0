"""Selection on the outcome: a collection that holds only tasks on which the largest model succeeds.

Such a collection over-represents late rises (BIG-bench lists; the shipped
BIG-G series). What was selected is conditioned on: the evidence of an account
a becomes Z_a / P(passes | a), P from the account's own prior on the curve's
design, and a simulated null keeps only series that pass as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emergent_stats.collection.fits import Fit
from emergent_stats.evidence.integrand import log_visibility
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.calibration import bayes_factors, draw_posterior, simulate_batch
from emergent_stats.verdict.sensitivity import log_bayes_factor

#: Which of several simulated series (R, m) on a curve's design are kept, (R,) of bool.
Filter = Callable[[Curve, np.ndarray], np.ndarray]

_SIZE = 2000
#: Series simulated per posterior draw to learn how often it passes.
_TRIES = 20


@dataclass(frozen=True)
class Succeeds:
    """Keep a task if its largest model beats chance by more than `least`.

    Attributes
    ----------
    least : float
        In units of the score, or of its improvement where lower is better;
        between 0 and 1.
    """

    least: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.least < 1:
            raise ResultsError(f"least must be at least 0 and below 1, got {self.least:g}")

    def __call__(self, curve: Curve, scores: np.ndarray) -> np.ndarray:
        """Which of the series (R, m) on the design of `curve` are kept, (R,).

        Raises
        ------
        ResultsError
            For a metric without a chance level (a loss).
        """
        metric = curve.metric_object
        if metric.continuous:
            raise ResultsError(
                f"{curve.metric!r} has no chance level to beat; leave out the selection, or "
                "the series"
            )
        # a generated answer is right by chance never, as far as such a rule is concerned
        chance = curve.chance if np.isfinite(curve.chance) else 0.0
        chance = metric.chance if metric.direction < 0 else chance
        return metric.direction * (scores[:, -1] - chance) > self.least


def log_passing_share(
    curves: Sequence[Curve], keep: Filter, *, size: int = _SIZE, seed: int = 0
) -> np.ndarray:
    """Log probability, under each account's prior, of passing a filter: (T, accounts).

    From `size` series per hypothesis and design, simulated from the prior
    (visible changes only, as in the evidence). A share below 1/(2·size)
    counts as that.

    Raises
    ------
    ResultsError
        If a curve does not pass itself, or no simulation of any account does.
    """
    out = [c for c in curves if not keep(c, c.score[None, :])[0]]
    if out:
        name = out[0].key.get("task") or "the first"
        raise ResultsError(
            f"{len(out)} of {len(curves)} series do not pass the filter by which they are said "
            f"to be selected ({name}: largest model {out[0].score[-1]:g}); "
            "leave them out, or choose a weaker filter"
        )
    known: dict[tuple, np.ndarray] = {}
    found = np.empty((len(curves), len(ACCOUNTS)))
    for i, curve in enumerate(curves):
        n = float(np.median(curve.effective_n))
        # the number of examples matters little to what passes: octaves will do
        key = (curve.metric_object, curve.chance, curve.design, round(np.log2(n)))
        if key not in known:
            known[key] = _shares(curve, keep, size, np.random.default_rng([seed, 41]))
        found[i] = known[key]
    return found


def _shares(curve: Curve, keep: Filter, size: int, rng: np.random.Generator) -> np.ndarray:
    if curve.n_scales < 4:
        return np.zeros(len(ACCOUNTS))
    members: dict[str, list[float]] = {account: [] for account in ACCOUNTS}
    x = (curve.x - curve.centre)[None, :]
    mask = np.ones((size, curve.m), bool)
    for h in hypotheses(curve.metric_object):
        values = h.draw_parameters(curve, size, rng)
        skill = np.asarray(h.skill(x, values), float) + np.zeros((size, curve.m))
        weight = np.exp(log_visibility(h, x, mask, values, skill))
        passes = keep(curve, h.simulate(curve, values, rng))
        members[h.account].append(float(weight @ passes / weight.sum()))
    shares = np.array([np.mean(members[account]) for account in ACCOUNTS])
    if not shares.any():
        raise ResultsError(
            f"the filter rejects every one of {size} simulated series of each account on the "
            f"design of {curve.key.get('task') or 'a series'} ({curve.m} models): nothing could "
            "have come into this collection; choose a weaker filter"
        )
    return np.log(np.maximum(shares, 0.5 / size))


def selected_p(
    fit: Fit,
    row: int,
    keep: Filter,
    series: int,
    *,
    seed: int = 0,
    jobs: int = 1,
) -> tuple[float, np.ndarray]:
    """p_cal of one curve against gradual series that pass the same filter.

    Draws of the fitted gradual account are weighted by 1/P(passes | draw),
    since the data were conditioned on passing; each gives one series that
    passes. Draws of which none of the tries passes are left out.

    Parameters
    ----------
    fit, row : Fit, int
        The curve.
    keep : Filter
    series : int
        Series to simulate, at least 1.
    seed, jobs : int

    Returns
    -------
    p_cal : float
        (1 + weighted number of null series at least as broken)/(1 + series).
    null : (R,) array
        Log Bayes factors of the null series, R ≤ `series`.

    Raises
    ------
    ResultsError
        If the filter rejects every simulation.
    """
    if series < 1:
        raise ResultsError(f"series must be at least 1, got {series}")
    rng = np.random.default_rng([seed, 43])
    known: dict[str, Hypothesis] = {n: e.hypothesis for n, e in fit.evidence.items()}
    gradual = {n: e for n, e in fit.evidence.items() if e.hypothesis.account == "gradual"}
    drawn = draw_posterior(gradual, row, series, rng)
    curve, batch = fit.batch.curves[row], None
    passed, weight = np.zeros(series), np.full(series, -1)
    kept = []
    for turn in range(_TRIES):
        again = simulate_batch(fit.batch, row, drawn, rng, fit.offset[row, : curve.m])
        ok = keep(curve, again.obs.value[:, : curve.m])
        new = np.flatnonzero(ok & (passed == 0))
        if new.size:
            kept.append(again.take(new))
            weight[new] = turn
        passed += ok
    if not passed.any():
        raise ResultsError(
            f"the filter rejects every one of {series * _TRIES} simulated series of "
            f"{curve.key.get('task') or 'a series'}: no null to hold it against"
        )
    order = np.concatenate([np.flatnonzero(weight == turn) for turn in range(_TRIES)])
    batch = type(fit.batch).join(kept)
    null = bayes_factors(batch, known, seed + 1, jobs)
    w = _TRIES / passed[order]
    observed = float(log_bayes_factor(fit.account_z)[row])
    share = float(w[null >= observed - 1e-9].sum() / w.sum())
    return (1 + share * null.size) / (1 + null.size), null
