"""Several metrics of the same outputs: did skill leap, or one metric, or only the score.

The strongest test of "artefact" is to watch the same outputs through a
continuous and a discontinuous metric. Model i has one latent skill
u_i = trend(x_i) + σ·ε_i, and metric j sees

    s_ij = offset_j + loading_j·u_i + own_j(x_i) + residual·δ_ij,

with standard normal ε_i (shared by the metrics) and δ_ij (not shared). The
first metric is the reference: offset 0, loading 1. Offsets take up length of
answers and units, loadings how fast one metric's skill moves with another's.

Three accounts are weighed by their evidence:

``artefact``
    one gradual skill explains all metrics: what leaps is the score;
``real``
    one skill that jumps or sets on explains all metrics;
``format``
    the shared skill is gradual, and one metric has a break of its own: what
    jumps is not what the other metrics measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from emergent_stats.evidence.importance import Integral, log_sum
from emergent_stats.model.curve import Curve
from emergent_stats.several.joint_evidence import joint_log_evidence, posterior_nodes
from emergent_stats.several.joint_model import JOINT_ACCOUNTS, JointHypothesis, joint_hypotheses
from emergent_stats.several.views import Views

__all__ = ["JointComparison", "compare_joint"]

#: Probability that an account needs to be the verdict.
PROBABILITY = 0.95
#: Error of a log evidence above which more nodes are drawn, and a warning is due.
LARGE_ERROR = 0.1

# a log evidence this far below the best need not be exact
_NEGLIGIBLE = 7.0
# and this far below it need not be exact to a tenth
_MINOR = 4.0
_IN_WORDS = {
    "artefact": "one gradual skill explains all metrics: what leaps is the score",
    "real": "one skill that leaps or sets on explains all metrics",
    "format": "one metric has a break of its own, which the others do not show",
}


@dataclass(frozen=True, eq=False)
class JointComparison:
    """Probabilities of the three accounts of several metrics of the same outputs.

    Attributes
    ----------
    views : Views
        The matched curves.
    probabilities : dict
        Of artefact, real and format; equal prior odds.
    verdict : str
        The account with a probability above `PROBABILITY`, or ``undecided``.
    reason : str
    warnings : tuple of str
        Models left out, assumptions, numerical errors.
    evidence : list of (JointHypothesis, Integral)
        Each hypothesis with its evidence.
    """

    views: Views
    probabilities: dict[str, float]
    verdict: str
    reason: str
    warnings: tuple[str, ...]
    evidence: list[tuple[JointHypothesis, Integral]] = field(repr=False)

    @property
    def best(self) -> tuple[JointHypothesis, Integral]:
        """The hypothesis with the largest evidence."""
        return max(self.evidence, key=lambda pair: pair[1].log_z)

    def frame(self) -> pd.DataFrame:
        """One row a hypothesis: account, name, log evidence and its error, best first."""
        rows = [(h.account, h.name, i.log_z, i.error) for h, i in self.evidence]
        table = pd.DataFrame(rows, columns=["account", "hypothesis", "log_z", "error"])
        return table.sort_values("log_z", ascending=False, ignore_index=True)

    def estimates(self, hypothesis: JointHypothesis | None = None) -> pd.DataFrame:
        """Posterior mean and 90 % interval of the parameters of a hypothesis, or of the best."""
        chosen, found = next((h, i) for h, i in self.evidence if h == (hypothesis or self.best[0]))
        values, weight = posterior_nodes(self.views, chosen, found)
        rows = {}
        for name, v in values.items():
            order = np.argsort(v)
            share = np.cumsum(weight[order])
            low, high = v[order][np.minimum(np.searchsorted(share, [0.05, 0.95]), v.size - 1)]
            rows[name] = (float(weight @ v), float(low), float(high))
        return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"])

    def __str__(self) -> str:
        shown = ", ".join(f"P({a}) = {p:.3f}" for a, p in self.probabilities.items())
        lines = [f"{self.verdict}: {self.reason}", shown]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])


def compare_joint(
    curves: Sequence[Curve] | Views,
    *,
    seed: int = 0,
    nodes: int = 800,
    hypotheses: Sequence[JointHypothesis] | None = None,
) -> JointComparison:
    """Weigh the three accounts of several metrics of the same outputs.

    Parameters
    ----------
    curves : sequence of Curve, or Views
        Two or more metrics; models are matched by name.
    seed : int
    nodes : int
        Of each evidence; where its error exceeds `LARGE_ERROR` and it matters, four times as many.
    hypotheses : sequence of JointHypothesis, optional
        Default `joint_hypotheses`.

    Returns
    -------
    JointComparison

    Raises
    ------
    ValueError
        See `Views.of`.
    """
    views = curves if isinstance(curves, Views) else Views.of(curves)
    todo = list(hypotheses or joint_hypotheses(views.metrics))
    found: list[tuple[JointHypothesis, Integral]] = []
    best = -np.inf
    for h in todo:
        got = joint_log_evidence(views, h, nodes=nodes, seed=seed, floor=best - _NEGLIGIBLE - 3.0)
        best = max(best, got.log_z)
        found.append((h, got))
    for k, (h, got) in enumerate(found):
        # an early one may have been measured against a poor best, a rough one may matter after all
        if got.log_z > best - _MINOR and got.error > LARGE_ERROR:
            found[k] = (h, joint_log_evidence(views, h, nodes=4 * nodes, seed=seed + 1))
    return _weighed(views, found)


def _weighed(views: Views, found: list[tuple[JointHypothesis, Integral]]) -> JointComparison:
    log_z = {a: account_log_z(found, a) for a in JOINT_ACCOUNTS}
    total = log_sum(list(log_z.values()))
    probabilities = {a: float(np.exp(v - total)) for a, v in log_z.items()}
    error = _error(found, total)
    warnings = list(views.notes)
    if error > LARGE_ERROR:
        warnings.append(f"numerical error of the log evidences is {error:.2f}, above {LARGE_ERROR}")
    account = max(probabilities, key=probabilities.__getitem__)
    top = probabilities[account]
    # the probability has to clear the bar by twice its numerical error
    odds = np.log(top) - np.log(max(1.0 - top, 1e-300))
    if odds - 2 * error > np.log(PROBABILITY / (1 - PROBABILITY)):
        return JointComparison(
            views, probabilities, account, f"{_IN_WORDS[account]}: P = {top:.3f}",
            tuple(warnings), found,
        )  # fmt: skip
    rival = sorted(probabilities, key=probabilities.__getitem__)[-2]
    reason = (
        f"{views.m} models cannot tell {account} (P = {top:.2f}) "
        f"from {rival} (P = {probabilities[rival]:.2f})"
    )
    return JointComparison(views, probabilities, "undecided", reason, tuple(warnings), found)


def account_log_z(found: Sequence[tuple[JointHypothesis, Integral]], account: str) -> float:
    """Log evidence of an account.

    Its hypotheses are averaged: over trends of one kind first (onset and jump
    for `real`, metric and kind of break for `format`), then over the kinds.
    """
    groups: dict[tuple[str, int], list[float]] = {}
    for h, i in found:
        if h.account == account:
            kind = (h.own or h.trend).account
            groups.setdefault((kind, h.own_metric), []).append(i.log_z)
    if not groups:
        return -np.inf
    means = [float(log_sum(v)) - np.log(len(v)) for v in groups.values()]
    return float(log_sum(means) - np.log(len(means)))


def _error(found: Sequence[tuple[JointHypothesis, Integral]], total: float) -> float:
    """Error of the log odds: each evidence's own, by its share of the whole."""
    share = special.softmax([i.log_z for _, i in found])
    return float(np.sqrt(sum((s * i.error) ** 2 for s, (_, i) in zip(share, found, strict=True))))
