"""Evidences of many curves under many hypotheses as one table, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, LARGE_ERROR, Effort
from emergent_stats.evidence.evidence import (
    NEGLIGIBLE,
    Evidence,
    doubtful,
    log_evidence,
    second_opinion,
)
from emergent_stats.evidence.integrand import is_linear
from emergent_stats.evidence.threads import Progress, each
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.hypothesis import hypotheses as standard
from emergent_stats.model.observed import SKILL_NORMAL

if TYPE_CHECKING:
    import pandas as pd

#: Analysed first: one of them is usually the best or near it, and sets the scale for the rest.
_FIRST = ("power_law", "ceiling", "transition", "kink", "flat", "decline")
#: And one this far below needs no second opinion.
_CLOSE = 6.0

#: From this many parameters on, the tail of the weights is reported.
_MANY_PARAMETERS = 5
#: Pareto k above which an error estimate cannot be believed.
_HEAVY = 0.7


def evidence_table(
    curves: Sequence[Curve],
    hypotheses: Sequence[Hypothesis] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    effort: Effort = FULL,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Log evidence of every hypothesis for every curve.

    Each curve is analysed by itself, so memory does not grow with the number
    of curves except for the table itself, and no row depends on other curves.

    Parameters
    ----------
    curves : sequence of Curve
    hypotheses : sequence of Hypothesis, optional
        Default: every trend in `TRENDS`, seen through each curve's own metric.
        Given ones share a metric, which must be of the kind of the curves', and
        have names that differ.
    seed : int
    jobs : int, optional
        Threads; default one per core. Results do not depend on it.
    effort : Effort
    progress : callable, optional
        Called as progress(done, total) with numbers of curves.

    Returns
    -------
    pandas.DataFrame
        One row per curve and hypothesis, in the order given: curve (position),
        hypothesis, account, log_evidence, error, effective (nodes), pareto_k
        (NaN up to 4 parameters), converged, warning. A hypothesis far below
        the best of its curve gets less work; its row may say so.

    Raises
    ------
    ValueError
        If a curve or a trend has no evidence, naming it.
    """
    import pandas as pd

    chosen = None if hypotheses is None else list(hypotheses)
    if chosen is not None and len({h.name for h in chosen}) < len(chosen):
        raise ValueError(
            f"names of hypotheses must differ, got {', '.join(h.name for h in chosen)}; "
            "give them with Hypothesis(…, name=…)"
        )
    if chosen is not None and len({h.metric.saturating() for h in chosen}) > 1:
        raise ValueError("the hypotheses of one table must share their metric")
    _check_metrics(curves, chosen)
    report = Progress(progress, total=len(curves))

    def work(index: int) -> list[dict[str, Any]]:
        curve = curves[index]
        given = chosen or standard(curve.metric_object)
        try:
            found = evidences(Batch.of([curve], given[0].metric), seed, given, effort)
        except ValueError as error:
            text = str(error).replace("curve 0", "it")
            raise ValueError(f"curve {index} of the table: {text}") from error
        report(1)
        return _rows(index, 0, found)

    rows = each(range(len(curves)), work, jobs)
    return pd.DataFrame([row for part in rows for row in part], columns=_COLUMNS)


_COLUMNS = [
    "curve", "hypothesis", "account", "log_evidence", "error", "effective", "pareto_k",
    "converged", "warning",
]  # fmt: skip


def _check_metrics(curves: Sequence[Curve], chosen: list[Hypothesis] | None) -> None:
    """Refuse curves that the hypotheses cannot see."""
    for i, curve in enumerate(curves if chosen else ()):
        metric = chosen[0].metric  # type: ignore[index]
        if type(metric) is not type(curve.metric_object):
            raise ValueError(
                f"curve {i} is scored by {curve.metric!r}, the hypotheses see "
                f"{type(metric).__name__}; make one table per metric"
            )


def _rows(index: int, row: int, found: dict[str, Evidence]) -> list[dict[str, Any]]:
    best = max(float(e.log_z[row]) for e in found.values())
    return [_row(index, row, name, e, best) for name, e in found.items()]


def _row(index: int, row: int, name: str, found: Evidence, best: float) -> dict[str, Any]:
    log_z, error = float(found.log_z[row]), float(found.error[row])
    many = len(found.hypothesis.priors()) >= _MANY_PARAMETERS
    k = float(found.pareto_k[row]) if many else float("nan")
    doubts = []
    if not np.isfinite(log_z):
        doubts.append("no node has any likelihood")
    elif error > LARGE_ERROR:
        doubts.append(f"error > {LARGE_ERROR}")
    if k > _HEAVY:
        doubts.append(f"pareto k > {_HEAVY}")
    if doubts and log_z < best - 4:
        doubts.append(f"{best - log_z:.0f} nats below the best")
    return {
        "curve": index,
        "hypothesis": name,
        "account": found.hypothesis.account,
        "log_evidence": log_z,
        "error": error,
        "effective": float(found.effective[row]),
        "pareto_k": k,
        "converged": not doubts,
        "warning": "; ".join(doubts),
    }


def evidences(
    batch: Batch, seed: int, chosen: list[Hypothesis], effort: Effort = FULL
) -> dict[str, Evidence]:
    """Evidence of every hypothesis, with the likelier ones first and less work for the rest.

    The first one shows the others where on the nuisance lattice to look.
    """
    found: dict[str, Evidence] = {}
    floor = np.full(len(batch), -np.inf)
    hint = None
    for h in sorted(chosen, key=lambda h: _FIRST.index(h.name) if h.name in _FIRST else 9):
        found[h.name] = log_evidence(
            batch, h, seed=seed, floor=floor - NEGLIGIBLE, hint=hint, effort=effort
        )
        floor = np.maximum(floor, found[h.name].log_z)
        hint = hint or found[h.name].nuisance
    if len(batch) == 1:
        for name in _asked_again(batch, found, effort):
            found[name] = second_opinion(batch, found[name], effort, seed)
    return {h.name: found[h.name] for h in chosen}


def _asked_again(batch: Batch, found: dict[str, Evidence], effort: Effort) -> list[str]:
    """Hypotheses of a single curve whose evidences get a second opinion."""
    asked = set(doubtful(found)) if effort.rescues else set()
    # Skills behind losses have normal errors: at given outer parameters a posterior has one mode,
    # and their largest likelihood, a density, says nothing of how well a trend fits.
    if batch.obs.kind != SKILL_NORMAL:
        best = max(float(e.log_z[0]) for e in found.values())
        misfit = float(next(iter(found.values())).bound[0] - best) / batch.curves[0].m
        if misfit > effort.second:
            asked |= {n for n, e in found.items() if e.log_z[0] > best - _CLOSE}
    return [n for n in found if n in asked and is_linear(found[n].hypothesis.trend)]
