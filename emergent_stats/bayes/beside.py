"""PyMC beside an answer: bridge-sampling evidence of what won and of its rival.

The engine and the sampler share the formulas of trend, metric and prior and
the share of the prior that is visible, and nothing of their numerics. Where
their log evidences differ by more than both errors allow, one of them is
wrong, and a verdict that rests on them is not sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.learnt import priors_for
from emergent_stats.model.trends import ACCOUNTS

if TYPE_CHECKING:
    from emergent_stats.verdict.comparison import Comparison

#: Combined standard errors by which two log evidences may differ.
SIGMAS = 3.0
#: Difference that never counts, in nats, however small both errors claim to be: it moves a
#: probability of .95 by less than .005. Estimated errors are themselves uncertain.
FLOOR = 0.1

#: Draws and steps of adaptation of each chain: a bridge needs more than a mean does.
DRAWS, TUNE, CHAINS = 2000, 1500, 4


@dataclass(frozen=True)
class Beside:
    """Evidence of one hypothesis by two routes.

    Attributes
    ----------
    hypothesis, account : str
    engine, engine_error : float
        Log evidence by quadrature, and its standard error.
    log_z, error : float
        Log evidence by bridge sampling from PyMC's draws, and its standard error.
    divergences : int
        Divergent transitions.
    rhat : float
        Largest R-hat of all quantities.
    notes : tuple of str
        What `sampling.diagnostics` has to say.
    """

    hypothesis: str
    account: str
    engine: float
    engine_error: float
    log_z: float
    error: float
    divergences: int
    rhat: float
    notes: tuple[str, ...] = ()

    @property
    def allowed(self) -> float:
        """Nats by which the two may differ."""
        return max(FLOOR, SIGMAS * float(np.hypot(self.error, self.engine_error)))

    @property
    def agrees(self) -> bool:
        """Whether they differ by no more than `allowed`; what is not finite does not agree."""
        return bool(abs(self.log_z - self.engine) <= self.allowed)

    @property
    def missed(self) -> bool:
        """Whether chains that disagree found less: modes they miss say nothing of the engine."""
        from emergent_stats.bayes.sampling import MAX_RHAT

        return not self.agrees and self.rhat > MAX_RHAT and self.log_z < self.engine

    @property
    def words(self) -> str:
        """Both evidences in a line."""
        return (
            f"PyMC says {self.log_z:.2f} ± {self.error:.2f} for {self.hypothesis}, the engine "
            f"{self.engine:.2f} ± {self.engine_error:.2f}"
        )


def contenders(comparison: Comparison, priors: str = "weak") -> list[Hypothesis]:
    """Best hypothesis of the most probable account and of the runner-up; none if not analysed.

    Those that were compared: `priors` are what `compare` was given.
    """
    if not comparison.hypotheses:
        return []
    compared = hypotheses(
        comparison.curve.metric_object,
        smallest_change=comparison.thresholds.smallest_change,
        priors=priors_for(comparison.curve, priors),
    )
    known = {h.name: h for h in compared}
    order = sorted(ACCOUNTS, key=lambda a: getattr(comparison, f"p_{a}"), reverse=True)
    found = []
    for account in order[:2]:
        rows = [r for r in comparison.hypotheses if r["account"] == account]
        found.append(known[max(rows, key=lambda r: r["log_evidence"])["hypothesis"]])
    return found


def sample_beside(
    comparison: Comparison,
    *,
    priors: str = "weak",
    seed: int = 0,
    draws: int = DRAWS,
    tune: int = TUNE,
    chains: int = CHAINS,
    report: Callable[[int], None] | None = None,
) -> list[Beside]:
    """Sample what won and its rival in PyMC, and hold their evidences against the engine's.

    Parameters
    ----------
    comparison : Comparison
    priors : {"weak", "corpus"}
        As `compare` was given.
    seed : int
        Of the chains and of the bridge.
    draws, tune, chains : int
        As in `posterior.fit`.
    report : callable, optional
        Called with 1 when a hypothesis is done.

    Returns
    -------
    list of Beside
        Two, the most probable account first; empty for a series that was not analysed.
    """
    from emergent_stats.bayes.bridge import evidence_of
    from emergent_stats.bayes.posterior import fit
    from emergent_stats.bayes.sampling import diagnostics, divergences, largest_rhat

    rows = {row["hypothesis"]: row for row in comparison.hypotheses}
    found = []
    for hypothesis in contenders(comparison, priors):
        curve, row = comparison.curve, rows[hypothesis.name]
        tree = fit(
            curve, hypothesis, draws=draws, tune=tune, chains=chains, seed=seed, unconstrained=True
        )
        bridge = evidence_of(hypothesis, curve, tree, seed)
        found.append(
            Beside(
                hypothesis.name, hypothesis.account, row["log_evidence"], row["error"],
                bridge.log_z, bridge.error, divergences(tree), largest_rhat(tree),
                tuple(diagnostics(tree)),
            )
        )  # fmt: skip
        if report is not None:
            report(1)
    return found


def refuse(comparison: Comparison, found: Sequence[Beside]) -> Comparison:
    """Return the comparison, its verdict taken back where two routes that can be had disagree."""
    apart = [one.words for one in found if not (one.agrees or one.missed)]
    if not apart:
        return comparison
    return replace(
        comparison, verdict="undecided", kind=None, robust=False,
        reason=f"evidence not reliable: {'; '.join(apart)}",
    )  # fmt: skip
