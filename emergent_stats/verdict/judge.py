"""Many curves: the comparison of each, on all cores.

Every curve is analysed by itself, with random numbers that follow its own
numbers: alone, in company and with any number of threads the answer is the
same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import LARGE_ERROR
from emergent_stats.evidence.evidence import Evidence
from emergent_stats.evidence.many import evidences
from emergent_stats.evidence.threads import Progress, each, workers
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.learnt import WEAK, priors_for
from emergent_stats.model.metrics import Metric
from emergent_stats.model.sudden import apparent_jump
from emergent_stats.model.trends import ACCOUNTS, BREAKS, PRIOR
from emergent_stats.results.checkpoints import thinned
from emergent_stats.results.showing import default_progress
from emergent_stats.verdict import summary
from emergent_stats.verdict.calibration import ENOUGH_AS_BROKEN, calibration_size
from emergent_stats.verdict.calibration import calibrate as run_calibration
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.comparisons import Comparisons
from emergent_stats.verdict.decision import (
    THRESHOLDS,
    Findings,
    Thresholds,
    decide,
    speaks_for,
    too_few,
)
from emergent_stats.verdict.doubts import doubts_about
from emergent_stats.verdict.sensitivity import (
    GRID,
    ONE_AT_A_TIME,
    account_evidence,
    extra_hypotheses,
    grid,
    log_bayes_factor,
    probabilities,
    share_of,
)

#: A second scale of skill is looked at where a break is at least this probable.
_LOOK_TWICE = 0.8
#: Posterior means of the noise between models rest on accounts at least this probable.
_NOT_NEGLIGIBLE = 1e-6


def compare_all(
    curves: Sequence[Curve],
    *,
    calibrate: int = 0,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    priors: str = "weak",
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparisons:
    """Compare the accounts of every curve (see `compare`).

    Checkpoints of one run are thinned first (see `checkpoints`).

    Parameters
    ----------
    curves : sequence of Curve
    calibrate, seed, thresholds, priors
        As in `compare`.
    jobs : int, optional
        Threads; default one per core. Results do not depend on it, nor on
        which other curves are given.
    progress : callable, optional
        Called as progress(done, total): curves, plus simulated series as they
        turn out to be needed. Default: a line in a notebook, nothing elsewhere.

    Returns
    -------
    Comparisons
        A list in the order of `curves`; its `frame()` is a table.
    """
    report = Progress(progress or default_progress(len(curves)), total=len(curves))
    # one level of threads only: over curves, or within the simulations of a single one
    inside = workers(jobs) if len(curves) < 2 else 1

    def work(curve: Curve) -> Comparison:
        curve = thinned(curve)
        early = too_few(curve)
        if early is not None:
            seen = apparent_jump(curve, thresholds.jump_width)[0] if curve.m > 1 else False
            found = Comparison(
                curve, early.verdict, early.kind, early.reason,
                apparent_jump=seen, warnings=curve.all_notes, thresholds=thresholds,
            )  # fmt: skip
        else:
            found = _Analysis(
                curve, seed, thresholds, calibrate, inside, report, priors
            ).comparison()
        report(1)
        return found

    return Comparisons(each(curves, work, jobs))


def findings_of(
    curves: Sequence[Curve],
    *,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    priors: str = "weak",
    jobs: int | None = None,
) -> list[Findings | None]:
    """Everything that the verdict on each curve would look at, simulation aside.

    For studies of the rule itself: what is collected once can be held against
    any thresholds (`decision.decide`).

    Parameters
    ----------
    curves : sequence of Curve
    seed, jobs, priors
        As in `compare_all`.
    thresholds : Thresholds
        Numbers that are costly are collected where `probability` is exceeded:
        the lowest that is to be studied.

    Returns
    -------
    list of Findings, None where no analysis can decide (`decision.too_few`).
    """
    report = Progress(None, total=len(curves))

    def work(curve: Curve) -> Findings | None:
        curve = thinned(curve)
        if too_few(curve) is not None:
            return None
        return _Analysis(curve, seed, thresholds, 0, 1, report, priors).findings()

    return each(curves, work, jobs)


class _Analysis:
    """Evidences of one curve, and what follows from them."""

    def __init__(
        self,
        curve: Curve,
        seed: int,
        thresholds: Thresholds,
        calibrate: int,
        jobs: int,
        report: Progress,
        priors: str,
    ):
        self.priors = priors_for(curve, priors)
        metric = self.priors.metric(curve.metric_object)
        self.curve, self.seed, self.thresholds, self.calibrate = curve, seed, thresholds, calibrate
        self.jobs, self.report = jobs, report
        self.batch = Batch.of([curve], metric)
        self.evidence = evidences(self.batch, seed, self._hypotheses(metric))
        account_z = account_evidence(self.evidence)
        self.p = probabilities(account_z)[0]
        self.log_bf = float(log_bayes_factor(account_z)[0])
        self.p_break = float(share_of(self.p, *BREAKS))
        self.chances: dict[str, float] = dict(zip(ACCOUNTS, self.p.tolist(), strict=True))
        self.said = speaks_for(self.chances, thresholds.probability)
        self.doubts = doubts_about(self.evidence, thresholds)
        self.grid = self._grid(metric)
        self.second = self._second_scale(metric)

    def _hypotheses(self, metric: Metric) -> list[Hypothesis]:
        return hypotheses(
            metric, smallest_change=self.thresholds.smallest_change, priors=self.priors
        )

    def _rng(self, use: int) -> np.random.Generator:
        """Random numbers for one use, which follow the curve's own numbers."""
        return np.random.default_rng([self.seed, use, self.curve.fingerprint])

    def _grid(self, metric: Metric) -> np.ndarray:
        """Account probabilities in every cell of the sensitivity grid, (cells, accounts).

        Cells with another jump width take evidences of their own. They are NaN
        where no verdict depends on them: for flat, falling and undecided series.
        """
        settled = self.said in ("gradual", "real", "smooth")
        extra = {}
        if settled:
            others = extra_hypotheses(metric, self.thresholds.smallest_change, self.priors)
            extra = evidences(self.batch, self.seed, others)
        return grid(self.evidence, extra)[:, 0]

    def _second_scale(self, metric: Metric) -> float:
        """P(jump or onset) on the logit scale where the log scale suggests a break, else NaN."""
        if self.p_break <= _LOOK_TWICE:
            return float("nan")
        twin = metric.on_scale("logit")
        evidence = evidences(Batch.of([self.curve], twin), self.seed, self._hypotheses(twin))
        return float(share_of(probabilities(account_evidence(evidence))[0], *BREAKS))

    def findings(self) -> Findings:
        """Collect the numbers a verdict looks at, simulation aside."""
        curve, t = self.curve, self.thresholds
        jump, edge = apparent_jump(curve, t.jump_width)
        gap = summary.widest_change(curve)
        cells = self.grid[np.array(ONE_AT_A_TIME)]
        low = curve.intervals()[0]
        chance = curve.chance if np.isfinite(curve.chance) else 0.0
        floored = curve.metric_object.direction > 0 and not curve.misled.any()
        floor = float(np.mean(low <= chance)) if floored else 0.0
        at_stake = self.said != "undecided" or self.chances["flat"] > 0.5
        return Findings(
            **{f"p_{name}": value for name, value in self.chances.items()},
            log_bf=self.log_bf,
            log_bf_error=self._log_bf_error(),
            grid_real=_range(share_of(cells, *BREAKS)),
            grid_gradual=_range(share_of(cells, "gradual")),
            grid_flat=_range(share_of(cells, "flat")),
            grid_falls=_range(share_of(cells, "falls")),
            second_real=self.second,
            misfit=(
                summary.predictive_p(self.batch, self.evidence, self._rng(3), t.misfit)
                if at_stake
                else float("nan")
            ),
            p_small_change=(
                summary.small_change(curve, self.evidence, self.p, t.rise)
                if self.chances["flat"] > 0.5
                else float("nan")
            ),
            p_cal=None,
            power=None,
            apparent_jump=jump,
            edge=edge,
            sigma=float(np.dot(*summary.weighted(self._likely(), 0, "sigma"))),
            floor_share=floor,
            scales=curve.n_scales,
            gap=gap.words,
            last_gap=summary.last_gap(curve).words,
            gap_width=gap.width,
            shape=summary.falling_shape(self.evidence),
            unreliable="; ".join(self.doubts),
        )

    def _likely(self) -> dict[str, Evidence]:
        """Evidences of the hypotheses that are not out of the question."""
        best = max(float(e.log_z[0]) for e in self.evidence.values())
        least = best + np.log(_NOT_NEGLIGIBLE)
        return {n: e for n, e in self.evidence.items() if e.log_z[0] > least}

    def comparison(self) -> Comparison:
        """Decide the curve, simulating where a verdict is at stake."""
        curve, t, row = self.curve, self.thresholds, 0
        f = self.findings()
        onset = f.p_onset > max(f.p_jump, f.p_gradual)
        at, width, height = summary.transition(self.evidence, row, curve, onset)
        powers: dict[float, float] = {}
        # of what looks like no jump the power is of no interest
        wanted = self.said in ("real", "gradual") or (self.said == "smooth" and f.apparent_jump)
        if self.calibrate and wanted and not f.unreliable:
            self.report.more(calibration_size(self.calibrate))
            c = run_calibration(
                self.batch, row, self.evidence, f.log_bf, self.calibrate,
                t.p_cal, self.seed, self.jobs, self.report,
                ENOUGH_AS_BROKEN if f.p_real > t.probability else None,
            )  # fmt: skip
            f = replace(f, p_cal=c.p_cal, power=c.power if c.powers else None)
            powers = c.powers
        verdict, rows = decide(f, t), self._rows()
        return Comparison(
            curve=curve,
            verdict=verdict.verdict,
            kind=verdict.kind,
            reason=verdict.reason,
            robust=verdict.robust,
            p_flat=f.p_flat,
            p_gradual=f.p_gradual,
            p_onset=f.p_onset,
            p_jump=f.p_jump,
            p_falls=f.p_falls,
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
            rise=summary.rise(curve, self.evidence, self.p),
            largest_gap=f.gap,
            confirmed=verdict.confirmed,
            warnings=(*curve.all_notes, *self._prior_words(), *_numerical_warnings(rows)),
            hypotheses=rows,
            sensitivity=tuple(
                {
                    "slope": a, "height": h, "width": w,
                    **dict(zip(ACCOUNTS, self.grid[c].tolist(), strict=True)),
                }
                for c, (a, h, w) in enumerate(GRID)
                if np.isfinite(self.grid[c]).all()
            ),
            bands=summary.bands(self.batch, self.evidence, row, self._rng(5)),
            thresholds=t,
        )  # fmt: skip

    def _prior_words(self) -> list[str]:
        return [] if self.priors is WEAK else [self.priors.words]

    def _log_bf_error(self) -> float:
        """Error of the log Bayes factor: its hypotheses' errors, weighted by their shares."""
        square = 0.0
        for accounts in (("gradual",), BREAKS):
            chosen = list(summary.members(self.evidence, *accounts).values())
            log_z = np.array([e.log_z[0] for e in chosen])
            share = np.exp(log_z - log_z.max())
            share /= share.sum()
            square += float(((share * np.array([e.error[0] for e in chosen])) ** 2).sum())
        return float(np.sqrt(square))

    def _rows(self) -> tuple[dict, ...]:
        """One row per hypothesis."""
        accounts = [e.hypothesis.account for e in self.evidence.values()]
        prior = np.array([PRIOR[a] / accounts.count(a) for a in accounts])
        z = np.array([e.log_z[0] for e in self.evidence.values()]) + np.log(prior)
        share = np.exp(z - z.max())
        share /= share.sum()
        return tuple(
            {
                "hypothesis": name,
                "account": e.hypothesis.account,
                "log_evidence": float(e.log_z[0]),
                "error": float(e.error[0]),
                "probability": float(p),
                "effective": float(e.effective[0]),
                "pareto_k": float(e.pareto_k[0]),
                "warning": _warning(e),
            }
            for (name, e), p in zip(self.evidence.items(), share, strict=True)
        )


def _numerical_warnings(rows: tuple[dict, ...]) -> list[str]:
    weak = [r["hypothesis"] for r in rows if r["warning"] and r["probability"] > 0.05]
    return [f"evidence not exact (error above {LARGE_ERROR}): {', '.join(weak)}"] if weak else []


def _warning(evidence: Evidence) -> str:
    if evidence.doubts[0]:
        return evidence.doubts[0]
    return f"error > {LARGE_ERROR}" if evidence.error[0] > LARGE_ERROR else ""


def _range(values: np.ndarray) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def compare(
    curve: Curve,
    *,
    calibrate: int = 0,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    priors: str = "weak",
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Weigh the accounts of one curve and reach a verdict.

    Parameters
    ----------
    curve : Curve
    calibrate : int
        Number of gradual series to simulate on this design for `p_cal` (and a
        eighth as many per height for power); 0 for none. They are simulated
        only where a verdict other than `undecided` is at stake.
    seed : int
        Of everything random; the same seed gives the same numbers.
    thresholds : Thresholds
        What a verdict needs.
    priors : {"weak", "corpus"}
        Declared priors of slopes, levels, noise and rates, or those learnt from the
        shipped studies (`learnt.priors_for`).
    progress : callable, optional
        Called as progress(done, total) while simulating.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from emergent_stats import Curve, compare
    >>> curve = Curve([1e8, 1e9, 1e10], [0.0, 0.1, 0.7], "exact_match", n=200)
    >>> compare(curve).verdict
    'undecided'
    """
    found = compare_all(
        [curve],
        calibrate=calibrate,
        seed=seed,
        thresholds=thresholds,
        priors=priors,
        jobs=1,
        progress=progress,
    )
    return found[0]
