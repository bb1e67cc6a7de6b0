"""Selection on the outcome: a collection that holds only tasks on which the largest model succeeds.

Such a collection over-represents late rises (BIG-bench lists; the shipped
BIG-G series). What was selected is conditioned on: the evidence of an account
a becomes Z_a / P(passes | a), P from the account's own prior on the curve's
design.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emergent_stats.evidence.integrand import log_visibility
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError

#: Which of several simulated series (R, m) on a curve's design are kept, (R,) of bool.
Filter = Callable[[Curve, np.ndarray], np.ndarray]

_SIZE = 2000


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
