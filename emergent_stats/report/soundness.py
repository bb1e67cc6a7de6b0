"""What may not be printed: evidences and probabilities that cannot be right, whatever the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.causes import series_name

if TYPE_CHECKING:
    from emergent_stats.verdict.comparison import Comparison

#: Nats by which a sum over nodes may exceed its bound by rounding.
_ROUNDING = 1e-6
#: What probabilities may miss of 1.
_OF_ONE = 1e-6


def check_sound(comparisons: Sequence[Comparison]) -> None:
    """Refuse comparisons whose numbers contradict what evidences and probabilities are."""
    for comparison in comparisons:
        if wrong := broken(comparison):
            raise ResultsError(
                f"{series_name(comparison.curve)}: {wrong}. This evidence is broken and is not "
                "printed; run the series again, and report it if it stays"
            )


def broken(c: Comparison) -> str:
    """What is wrong with the numbers of a comparison; empty where nothing is."""
    p = np.array([getattr(c, f"p_{account}") for account in ACCOUNTS])
    if np.isnan(p).all() and not c.hypotheses:
        return ""  # not analysed
    if not (np.isfinite(p).all() and (p >= 0).all()) or abs(p.sum() - 1) > _OF_ONE:
        return f"the probabilities of the accounts are {p.tolist()} and do not sum to 1"
    shares = {
        account: sum(h["probability"] for h in c.hypotheses if h["account"] == account)
        for account in ACCOUNTS
    }
    for account, value in zip(ACCOUNTS, p, strict=True):
        if c.hypotheses and not abs(shares[account] - value) <= _OF_ONE:
            return (
                f"the hypotheses of {account} have probability {shares[account]:.6f} together, "
                f"their account {value:.6f}"
            )
    bound = largest_log_likelihood(c.curve)
    for h in c.hypotheses:
        if not (np.isfinite(h["log_evidence"]) and h["error"] >= 0):
            return f"log evidence of {h['hypothesis']}: {h['log_evidence']} ± {h['error']}"
        if h["log_evidence"] > bound + _ROUNDING:
            return (
                f"log evidence of {h['hypothesis']}: {h['log_evidence']:.3f}, above the largest "
                f"log likelihood that any account can have, {bound:.3f}"
            )
    return ""


def largest_log_likelihood(curve: Curve) -> float:
    """Log likelihood of the scores if every model had its own best chance of a right answer.

    No average over accounts, rates or noise can exceed it. Infinite for scores that are no
    counts, whose likelihoods are densities.
    """
    from scipy.special import betainc, betaln, xlogy

    metric = curve.metric_object
    if metric.continuous or type(metric).range[1] != 1.0 or curve.metric in ("bleu", "f1", "rouge"):
        return float("inf")
    n, (low, high, _) = curve.effective_n, curve.counts
    if not np.allclose([n, low, high], np.round([n, low, high])):
        return float("inf")
    one = low == high
    with np.errstate(divide="ignore", invalid="ignore"):
        k = low
        exact = xlogy(k, k / n) + xlogy(n - k, 1 - k / n) - betaln(k + 1, n - k + 1) - np.log(n + 1)
        # where P(low ≤ K ≤ high) has its top: the densities of the two ends are equal there
        tilt = (betaln(high + 1, n - high) - betaln(low, n - low + 1)) / (high - low + 1)
        best = 1 / (1 + np.exp(-tilt))
        inside = betainc(low, n - low + 1, best) - betainc(high + 1, n - high, best)
        several = np.where((low > 0) & (high < n), np.log(np.minimum(inside, 1.0)), 0.0)
    return float(np.where(one, exact, several).sum())
