"""Evidences of many curves under many hypotheses as one table, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from emergent_stats.batch import Batch
from emergent_stats.collection import BLOCK, evidences
from emergent_stats.curve import Curve
from emergent_stats.evidence import FULL, LARGE_ERROR, Effort, Evidence
from emergent_stats.hypothesis import Hypothesis, hypotheses
from emergent_stats.integrand import Problem
from emergent_stats.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd

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

    Curves of one metric and similar length are analysed in blocks, a few
    blocks at a time, so memory does not grow with the number of curves
    except for the table itself.

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
    if chosen is not None and len({h.metric for h in chosen}) > 1:
        raise ValueError("the hypotheses of one table must share their metric")
    blocks = _blocks(curves, chosen)
    columns: dict[int, list[dict[str, Any]]] = {}
    done = 0

    def work(metric: Metric, rows: list[int]) -> dict[int, list[dict[str, Any]]]:
        given = chosen or _standard(metric)
        try:
            batch = Batch.of([curves[i] for i in rows], metric)
            found = evidences(batch, seed, given, effort)
        except ValueError as error:
            _name_the_curve(curves, rows, metric, given, error)
            raise
        return {i: _rows(i, r, found) for r, i in enumerate(rows)}

    workers = jobs or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        # no more blocks are handed out than threads can work on: results do not pile up
        running: set[Future] = set()
        for block in blocks:
            if len(running) >= workers:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    columns |= (part := future.result())
                    done += len(part)
                    if progress:
                        progress(done, len(curves))
            running.add(pool.submit(work, *block))
        for future in list(running):
            columns |= (part := future.result())
            done += len(part)
            if progress:
                progress(done, len(curves))
    return pd.DataFrame([row for i in range(len(curves)) for row in columns[i]], columns=_COLUMNS)


_COLUMNS = [
    "curve", "hypothesis", "account", "log_evidence", "error", "effective", "pareto_k",
    "converged", "warning",
]  # fmt: skip


def _standard(metric: Metric) -> list[Hypothesis]:
    return hypotheses(metric)


def _blocks(
    curves: Sequence[Curve], chosen: list[Hypothesis] | None
) -> list[tuple[Metric, list[int]]]:
    """Positions of curves that are analysed together; fixed, whatever the number of threads."""
    groups: dict[tuple[Metric, int], list[int]] = {}
    for i, curve in enumerate(curves):
        metric = chosen[0].metric if chosen else curve.metric_object
        if type(metric) is not type(curve.metric_object):
            raise ValueError(
                f"curve {i} is scored by {curve.metric!r}, the hypotheses see "
                f"{type(metric).__name__}; make one table per metric"
            )
        groups.setdefault((metric, int(np.ceil(np.log2(curve.m)))), []).append(i)
    return [
        (metric, rows[start : start + BLOCK])
        for (metric, _), rows in groups.items()
        for start in range(0, len(rows), BLOCK)
    ]


def _name_the_curve(
    curves: Sequence[Curve],
    rows: list[int],
    metric: Metric,
    given: list[Hypothesis],
    error: ValueError,
) -> None:
    """Raise the error of a block again, with the position of the curve that caused it."""
    for i in rows:
        try:
            batch = Batch.of([curves[i]], metric)
            for h in given:
                Problem(h, batch)
        except ValueError as own:
            text = str(own).replace("curve 0", "it")
            raise ValueError(f"curve {i} of the table: {text}") from error


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
