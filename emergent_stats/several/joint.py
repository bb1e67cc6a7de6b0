"""Several metrics of the same outputs: did skill leap, or one metric, or only the score.

The strongest test of "artefact" is to watch the same outputs through a
continuous and a discontinuous metric. Model i has one latent skill
u_i = trend(x_i) + σ·ε_i, and metric j sees

    s_ij = offset_j + loading_j·u_i + own_j(x_i) + residual·δ_ij,

with standard normal ε_i (shared by the metrics) and δ_ij (not shared). The
first metric is the reference: offset 0, loading 1. Offsets take up length of
answers and units, loadings how fast one metric's skill moves with another's.

Six accounts are weighed by their evidence, with equal odds: the five of a
single series (flat, gradual, onset, jump, falls), of the skill that all metrics
share, and ``format``: the shared skill is gradual, and one metric has a break of
its own; what jumps is not what the other metrics measure. The verdicts:

``artefact``, ``gradual``
    one gradual skill explains all metrics, and the score of one leaps, or none does;
``real``
    one skill that jumps or sets on explains all metrics;
``flat``, ``falls``, ``format``
    as the accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd
from scipy import special

from emergent_stats.evidence.importance import Estimate, log_sum
from emergent_stats.model.curve import Curve
from emergent_stats.model.sudden import apparent_jump
from emergent_stats.model.trends import BREAKS, JUMP_WIDTH, PRIOR
from emergent_stats.results.showing import picture
from emergent_stats.several.joint_evidence import joint_log_evidence, posterior_nodes
from emergent_stats.several.joint_model import JOINT_ACCOUNTS, JointHypothesis, joint_hypotheses
from emergent_stats.several.views import Views
from emergent_stats.verdict.decision import SMOOTH, either_of, speaks_for
from emergent_stats.verdict.words import probability_is, with_kind

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
    "gradual": "one gradual skill explains all metrics, and no score leaps",
    "flat": "nothing changes in the skill that all metrics share",
    "falls": "the skill that all metrics share falls",
    "real": "one skill that leaps or sets on explains all metrics",
    "format": "one metric has a break of its own, which the others do not show",
}


@dataclass(frozen=True, eq=False)
class JointComparison:
    """Probabilities of the accounts of several metrics of the same outputs.

    Attributes
    ----------
    views : Views
        The matched curves.
    probabilities : dict
        Of `JOINT_ACCOUNTS`, summing to 1; prior shares as `PRIOR`, of `format` as of `gradual`.
    verdict : str
        What has a probability above `PROBABILITY` (see the module), or ``undecided``.
    kind : str or None
        Which break, if the verdict is `real`: jump, onset or unresolved; whose
        own, if it is `format`.
    reason : str
    warnings : tuple of str
        Models left out, assumptions, numerical errors.
    evidence : list of (JointHypothesis, Estimate)
        Each hypothesis with its evidence.
    """

    views: Views
    probabilities: dict[str, float]
    verdict: str
    kind: str | None
    reason: str
    warnings: tuple[str, ...]
    evidence: list[tuple[JointHypothesis, Estimate]] = field(repr=False)

    def __post_init__(self) -> None:
        total = sum(self.probabilities.values())
        if abs(total - 1.0) > 1e-9:
            raise AssertionError(f"probabilities of the accounts sum to {total!r}, not 1")

    @property
    def p_real(self) -> float:
        """Probability that the shared skill jumps or sets on."""
        return sum(self.probabilities[a] for a in BREAKS)

    @property
    def best(self) -> tuple[JointHypothesis, Estimate]:
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

    def __repr__(self) -> str:
        key = self.views.curves[0].key
        said = with_kind(self.verdict, self.kind)
        return f"<JointComparison {key.get('family')} / {key.get('task')}: {said}>"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(repr(self).strip('<>'))}</b></p>{picture(self)}"

    def __str__(self) -> str:
        shown = ", ".join(probability_is(f"P({a})", p) for a, p in self.probabilities.items())
        lines = [f"{with_kind(self.verdict, self.kind)}: {self.reason}", shown]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])


def compare_joint(
    curves: Sequence[Curve] | Views,
    *,
    seed: int = 0,
    nodes: int = 800,
    hypotheses: Sequence[JointHypothesis] | None = None,
) -> JointComparison:
    """Weigh the accounts of several metrics of the same outputs.

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
    found: list[tuple[JointHypothesis, Estimate]] = []
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


def _weighed(views: Views, found: list[tuple[JointHypothesis, Estimate]]) -> JointComparison:
    log_z = {a: account_log_z(found, a) for a in JOINT_ACCOUNTS}
    # a break of one metric's own is as probable as any other story
    log_z = {a: z + np.log(PRIOR.get(a, PRIOR["gradual"])) for a, z in log_z.items()}
    total = log_sum(list(log_z.values()))
    probabilities = {a: float(np.exp(v - total)) for a, v in log_z.items()}
    error = _error(found, total)
    warnings = list(views.notes)
    if error > LARGE_ERROR:
        warnings.append(f"numerical error of the log evidences is {error:.2f}, above {LARGE_ERROR}")
    said = {a: p for a, p in probabilities.items() if a not in BREAKS}
    said["real"] = sum(probabilities[a] for a in BREAKS)
    account, rival = sorted(said, key=said.__getitem__, reverse=True)[:2]
    top = said[account]

    def clears(p: float) -> bool:
        """Whether a probability clears the bar by twice its numerical error."""
        odds = np.log(max(p, 1e-300)) - np.log(max(1.0 - p, 1e-300))
        return bool(odds - 2 * error > np.log(PROBABILITY / (1 - PROBABILITY)))

    leaps = any(apparent_jump(c, JUMP_WIDTH)[0] for c in views.curves)
    whole = sum(probabilities[a] for a in SMOOTH)
    if clears(top):
        verdict = account
        if account == "gradual" and leaps:
            verdict = "artefact"
        kind = _kind(views, account, probabilities, found)
        reason = f"{_IN_WORDS[verdict]}: {probability_is('P', top)}"
    elif clears(whole) and speaks_for(probabilities, PROBABILITY) == "smooth":
        verdict, kind, words = either_of(probabilities, leaps)
        sure = probability_is("P", whole)
        reason = f"one skill without a break explains all metrics: {sure} ({words})"
    else:
        verdict, kind = "undecided", None
        reason = (
            f"{views.m} models cannot tell {account} (P = {top:.2f}) "
            f"from {rival} (P = {said[rival]:.2f})"
        )
    return JointComparison(views, probabilities, verdict, kind, reason, tuple(warnings), found)


def _kind(views, account, probabilities, found) -> str | None:
    """Which break is real, or whose own it is."""
    if account == "real":
        whole = sum(probabilities[a] for a in BREAKS)
        sure = [a for a in BREAKS if probabilities[a] > PROBABILITY * whole]
        return sure[0] if sure else "unresolved"
    if account != "format":
        return None
    own = [(h, i.log_z) for h, i in found if h.account == "format"]
    weight = special.softmax([z for _, z in own])
    shares = [
        sum(w for w, (h, _) in zip(weight, own, strict=True) if h.own_metric == j)
        for j in range(len(views.curves))
    ]
    j = int(np.argmax(shares))
    return views.curves[j].metric if shares[j] > PROBABILITY else "unresolved"


def account_log_z(found: Sequence[tuple[JointHypothesis, Estimate]], account: str) -> float:
    """Log evidence of an account.

    Its hypotheses are averaged; those of `format` over trends of one kind
    first, then over metrics and kinds of break.
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


def _error(found: Sequence[tuple[JointHypothesis, Estimate]], total: float) -> float:
    """Error of the log odds: each evidence's own, by its share of the whole."""
    share = special.softmax([i.log_z for _, i in found])
    return float(np.sqrt(sum((s * i.error) ** 2 for s, (_, i) in zip(share, found, strict=True))))
