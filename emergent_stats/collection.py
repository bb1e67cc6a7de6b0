"""Many curves: the comparison of each, in blocks, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from threading import Lock

import numpy as np

from emergent_stats import summary
from emergent_stats.batch import Batch
from emergent_stats.calibration import calibrate as run_calibration
from emergent_stats.calibration import calibration_size
from emergent_stats.checkpoints import thinned
from emergent_stats.comparison import Comparison
from emergent_stats.curve import Curve
from emergent_stats.decision import THRESHOLDS, Findings, Thresholds, decide, thin
from emergent_stats.evidence import FULL, LARGE_ERROR, Effort, Evidence, log_evidence
from emergent_stats.hypothesis import Hypothesis, hypotheses
from emergent_stats.metrics import Metric
from emergent_stats.sensitivity import (
    GRID,
    ONE_AT_A_TIME,
    account_log_z,
    extra_hypotheses,
    grid,
    log_bayes_factor,
    probabilities,
)
from emergent_stats.trends import ACCOUNTS

#: Curves analysed together; fixed, so that results do not depend on the number of cores.
BLOCK = 32
#: A second scale of skill is looked at where a break is at least this probable.
_LOOK_TWICE = 0.8

#: Analysed first: one of them is usually the best or near it, and sets the scale for the rest.
_FIRST = ("power_law", "ceiling", "transition", "kink", "flat")
#: A log evidence this far below the best need not be exact.
_NEGLIGIBLE = 8.0


def compare_all(
    curves: Sequence[Curve],
    *,
    calibrate: int = 0,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Comparison]:
    """Compare the accounts of every curve (see `compare`).

    Checkpoints of one run are thinned first (see `checkpoints`).

    Parameters
    ----------
    curves : sequence of Curve
    calibrate, seed, thresholds
        As in `compare`.
    jobs : int, optional
        Threads; default one per core. Results do not depend on it.
    progress : callable, optional
        Called as progress(done, total): curves, plus simulated series as they
        turn out to be needed.

    Returns
    -------
    list of Comparison, in the order of `curves`.
    """
    curves = [thinned(c) for c in curves]
    found: dict[int, Comparison] = {}
    groups: dict[tuple[Metric, int], list[int]] = {}
    for i, curve in enumerate(curves):
        early = thin(curve)
        if early is not None:
            seen = summary.apparent_jump(curve, thresholds.jump_width)[0] if curve.m > 1 else False
            found[i] = Comparison(
                curve, early.verdict, early.kind, early.reason,
                apparent_jump=seen, warnings=curve.all_notes, thresholds=thresholds,
            )  # fmt: skip
        else:
            # curves of similar length share a block, so that little is padded
            key = (curve.metric_object, int(np.ceil(np.log2(curve.m))))
            groups.setdefault(key, []).append(i)
    blocks = [
        (metric, rows[start : start + BLOCK])
        for (metric, _), rows in groups.items()
        for start in range(0, len(rows), BLOCK)
    ]
    report = _Progress(progress, done=len(found), total=len(curves))

    def work(metric: Metric, rows: list[int]) -> list[tuple[int, Comparison]]:
        chosen = [curves[i] for i in rows]
        block = _Block(chosen, metric, seed, thresholds, calibrate, inside, report)
        return [(i, block.comparison(r)) for r, i in enumerate(rows)]

    workers = jobs or os.cpu_count() or 1
    # one level of threads only: over blocks, or within the simulations of a single block
    inside = workers if len(blocks) < 2 else 1
    if workers == 1 or len(blocks) < 2:
        for block in blocks:
            found.update(work(*block))
    else:
        with ThreadPoolExecutor(workers) as pool:
            for future in as_completed([pool.submit(work, *b) for b in blocks]):
                found.update(future.result())
    return [found[i] for i in range(len(curves))]


class _Progress:
    """Counts work done and work still to do, from several threads."""

    def __init__(self, callback: Callable[[int, int], None] | None, done: int, total: int):
        self._callback, self._done, self._total, self._lock = callback, done, total, Lock()
        self(0)

    def more(self, count: int) -> None:
        with self._lock:
            self._total += count

    def __call__(self, count: int) -> None:
        if self._callback is None:
            return
        with self._lock:
            self._done += count
            self._callback(self._done, self._total)


class _Block:
    """Evidences of some curves of one metric, and the comparison of each."""

    def __init__(
        self,
        curves: list[Curve],
        metric: Metric,
        seed: int,
        thresholds: Thresholds,
        calibrate: int,
        jobs: int,
        report: _Progress,
    ):
        self.seed, self.thresholds, self.calibrate = seed, thresholds, calibrate
        self.jobs, self.report = jobs, report
        self.batch = Batch.of(curves, metric)
        self.evidence = evidences(self.batch, seed, hypotheses(metric))
        account_z = _account_log_z(self.evidence)
        self.p = probabilities(account_z)
        self.log_bf = log_bayes_factor(account_z)
        self.grid = self._grid(metric)
        self.second = self._second_scale(metric)

    def _grid(self, metric: Metric) -> np.ndarray:
        """Account probabilities in every cell of the sensitivity grid, (cells, C, 4).

        Cells with another jump width take evidences of their own. They are NaN
        where no verdict depends on them: for flat and undecided series.
        """
        found = grid(self.evidence, {})
        settled = np.maximum(self.p[:, 1], self.p[:, 2:].sum(1)) > self.thresholds.probability
        rows = np.flatnonzero(settled)
        if rows.size:
            batch = self.batch.take(rows)
            extra = evidences(batch, self.seed, extra_hypotheses(metric))
            found[:, rows] = grid({n: e.take(rows) for n, e in self.evidence.items()}, extra)
        return found

    def _second_scale(self, metric: Metric) -> np.ndarray:
        """P(jump or onset) on the logit scale where the log scale suggests a break, else NaN."""
        second = np.full(len(self.batch), np.nan)
        rows = np.flatnonzero(self.p[:, 2] + self.p[:, 3] > _LOOK_TWICE)
        if rows.size:
            twin = metric.on_scale("logit")
            batch = Batch.of([self.batch.curves[i] for i in rows], twin)
            evidence = evidences(batch, self.seed, hypotheses(twin))
            p = probabilities(_account_log_z(evidence))
            second[rows] = p[:, 2] + p[:, 3]
        return second

    def findings(self, row: int) -> Findings:
        """Collect the numbers a verdict looks at, simulation aside."""
        curve, evidence = self.batch.curves[row], self.evidence
        rng = np.random.default_rng([self.seed, 3])
        p = self.p[row]
        jump, edge = summary.apparent_jump(curve, self.thresholds.jump_width)
        cells = self.grid[np.array(ONE_AT_A_TIME), row]
        candidate = p[2] + p[3] > _LOOK_TWICE
        low = curve.intervals()[0]
        chance = curve.chance if np.isfinite(curve.chance) else 0.0
        floor = float(np.mean(low <= chance)) if curve.metric_object.direction > 0 else 0.0
        return Findings(
            *(float(v) for v in p),
            log_bf=float(self.log_bf[row]),
            log_bf_error=self._log_bf_error(row),
            grid_real=_range(cells[:, 2] + cells[:, 3]),
            grid_gradual=_range(cells[:, 1]),
            grid_flat=_range(cells[:, 0]),
            second_real=float(self.second[row]),
            misfit=summary.predictive_p(self.batch, evidence, row, rng) if candidate else np.nan,
            p_small_rise=(
                summary.small_rise(self.batch, evidence, row, p, self.thresholds.rise, rng)
                if p[0] > 0.5
                else np.nan
            ),
            p_cal=None,
            power=None,
            apparent_jump=jump,
            edge=edge,
            sigma=summary.posterior_mean(evidence, row, "sigma"),
            floor_share=floor,
        )

    def comparison(self, row: int) -> Comparison:
        """Decide one curve, simulating where a verdict is at stake."""
        curve, t = self.batch.curves[row], self.thresholds
        f = self.findings(row)
        onset = f.p_onset > max(f.p_jump, f.p_gradual)
        at, width, height = summary.transition(self.evidence, row, curve, onset)
        powers: dict[float, float] = {}
        at_stake = max(f.p_real, f.p_gradual) > t.probability
        if self.calibrate and at_stake:
            self.report.more(calibration_size(self.calibrate))
            c = run_calibration(
                self.batch, row, self.evidence, f.log_bf, self.calibrate,
                 t.p_cal, self.seed, self.jobs, self.report,
            )  # fmt: skip
            f = replace(f, p_cal=c.p_cal, power=c.power)
            powers = c.powers
        verdict = decide(f, t)
        rng = np.random.default_rng([self.seed, 5])
        result = Comparison(
            curve=curve,
            verdict=verdict.verdict,
            kind=verdict.kind,
            reason=verdict.reason,
            robust=verdict.robust,
            p_flat=f.p_flat,
            p_gradual=f.p_gradual,
            p_onset=f.p_onset,
            p_jump=f.p_jump,
            log_bf=f.log_bf,
            log_bf_error=f.log_bf_error,
            p_second=f.second_real,
            p_cal=f.p_cal,
            power=f.power,
            powers={f"{h:g}": v for h, v in powers.items()},
            at=at,
            width=width,
            height=height,
            apparent_jump=f.apparent_jump,
            warnings=(*curve.all_notes, *self._numerical_warnings(row)),
            hypotheses=self._rows(row),
            sensitivity=tuple(
                {
                    "slope": a, "height": h, "width": w,
                    **dict(zip(ACCOUNTS, self.grid[c, row].tolist(), strict=True)),
                }
                for c, (a, h, w) in enumerate(GRID)
                if np.isfinite(self.grid[c, row]).all()
            ),
            bands=summary.bands(self.batch, self.evidence, row, rng),
            thresholds=t,
        )  # fmt: skip
        self.report(1)
        return result

    def _log_bf_error(self, row: int) -> float:
        """Error of the log Bayes factor: its hypotheses' errors, weighted by their shares."""
        square = 0.0
        for accounts in (("gradual",), ("onset", "jump")):
            chosen = list(summary.members(self.evidence, *accounts).values())
            log_z = np.array([e.log_z[row] for e in chosen])
            share = np.exp(log_z - log_z.max())
            share /= share.sum()
            square += float(((share * np.array([e.error[row] for e in chosen])) ** 2).sum())
        return float(np.sqrt(square))

    def _rows(self, row: int) -> tuple[dict, ...]:
        """One row per hypothesis."""
        count = {
            a: sum(e.hypothesis.account == a for e in self.evidence.values()) for a in ACCOUNTS
        }
        z = np.array(
            [e.log_z[row] - np.log(count[e.hypothesis.account]) for e in self.evidence.values()]
        )
        share = np.exp(z - z.max())
        share /= share.sum()
        return tuple(
            {
                "hypothesis": name,
                "account": e.hypothesis.account,
                "log_evidence": float(e.log_z[row]),
                "error": float(e.error[row]),
                "probability": float(p),
                "effective": float(e.effective[row]),
                "pareto_k": float(e.pareto_k[row]),
                "warning": _doubt(e, row),
            }
            for (name, e), p in zip(self.evidence.items(), share, strict=True)
        )

    def _numerical_warnings(self, row: int) -> list[str]:
        weak = [
            r["hypothesis"] for r in self._rows(row) if r["warning"] and r["probability"] > 0.05
        ]
        return (
            [f"evidence not exact (error above {LARGE_ERROR}): {', '.join(weak)}"] if weak else []
        )


def _doubt(evidence: Evidence, row: int) -> str:
    return f"error > {LARGE_ERROR}" if evidence.error[row] > LARGE_ERROR else ""


def _account_log_z(evidence: dict[str, Evidence]) -> np.ndarray:
    return account_log_z(
        {n: e.log_z for n, e in evidence.items()},
        {n: e.hypothesis for n, e in evidence.items()},
    )


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
            batch, h, seed=seed, floor=floor - _NEGLIGIBLE, hint=hint, effort=effort
        )
        floor = np.maximum(floor, found[h.name].log_z)
        hint = hint or found[h.name].nuisance
    return {h.name: found[h.name] for h in chosen}


def _range(values: np.ndarray) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))
