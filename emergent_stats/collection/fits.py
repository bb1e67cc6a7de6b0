"""Evidence of every hypothesis for many curves: what the statistics of a collection rest on.

`compare` reduces the evidences of a curve to a verdict. The statistics of a
collection (shares of the accounts, noise shared by the tasks of a model,
arrivals, forecasts) need the evidences themselves, with their nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.evidence import Evidence
from emergent_stats.evidence.many import evidences
from emergent_stats.evidence.threads import Progress, each
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.maths import flat
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.verdict.calibration import Calibration, calibrate, draw_posterior
from emergent_stats.verdict.decision import THRESHOLDS, too_few
from emergent_stats.verdict.sensitivity import account_evidence, log_bayes_factor, probabilities

#: Said where nothing is left to fit.
NOTHING = "no series can be analysed: each needs 4 distinct scales and a score off the floor"
#: (hypothesis, parameters) as `calibration.draw_posterior` returns them.
Draws = list[tuple[Hypothesis, dict[str, np.ndarray]]]


@dataclass(frozen=True, eq=False)
class Fit:
    """Evidences of some curves of a collection that share a metric.

    Attributes
    ----------
    batch : Batch
        The C curves.
    evidence : dict of Evidence
        By the hypothesis' name.
    index : (C,) array of int
        Where the curves stand in the collection.
    """

    batch: Batch
    evidence: Mapping[str, Evidence]
    index: np.ndarray

    def __repr__(self) -> str:
        return f"<Fit: {len(self.batch)} curves, {len(self.evidence)} hypotheses>"

    @property
    def offset(self) -> np.ndarray:
        """Skill added to every trend at each model, (C, m)."""
        offset = self.batch.offset
        return np.zeros(self.batch.obs.mask.shape) if offset is None else offset

    @property
    def account_z(self) -> np.ndarray:
        """Log evidence of each account, (C, accounts)."""
        return account_evidence(self.evidence)


def shifted(batch: Batch, offsets: Sequence[np.ndarray]) -> Batch:
    """Return the batch with skill added to every trend at each model.

    Parameters
    ----------
    batch : Batch
    offsets : sequence of (m,) arrays
        Nats of skill, one array per curve of the batch.
    """
    offset = np.zeros(batch.obs.mask.shape)
    for i, own in enumerate(offsets):
        offset[i, : own.size] = own
    if not offset.any():
        return batch
    return batch.with_offset(offset)


def pointwise(
    batch: Batch,
    hypothesis: Hypothesis,
    parameters: Mapping[str, np.ndarray],
    rows: np.ndarray,
    x: np.ndarray | None = None,
    shift: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Log likelihood of every score under draws of the parameters, (R, m).

    Parameters
    ----------
    batch : Batch
    hypothesis : Hypothesis
    parameters : dict of (R, 1) arrays
        Fixed ones included, as `calibration.draw_posterior` returns them.
    rows : (R,) array of int
        Which curve of the batch each draw is held against.
    x : (R, m) array, optional
        Scales at which the trend is evaluated; default the batch's own.
    shift : float or array, broadcast to (R, m)
        Skill added to the trend.
    """
    x = batch.x[rows] if x is None else x
    skill = np.asarray(hypothesis.skill(x, dict(parameters)), float) + shift + np.zeros_like(x)
    sigma, guess, lapse = flat(parameters, "sigma", "guess", "lapse")
    sigma = np.maximum(sigma, 1e-6)
    return log_likelihood(batch.obs, hypothesis.metric, skill, sigma, guess, lapse, rows)


def posterior_draws(
    fit: Fit, row: int, size: int, rng: np.random.Generator
) -> tuple[dict[str, Draws], np.ndarray]:
    """Draws of each account's posterior, `size` of each, and probabilities (accounts,)."""
    weights = probabilities(fit.account_z)[row]
    drawn = {
        account: draw_posterior(
            {n: e for n, e in fit.evidence.items() if e.hypothesis.account == account},
            row, size, rng,
        )
        for account in ACCOUNTS
    }  # fmt: skip
    return drawn, weights


def simulated_scores(
    draws: Draws, large: Curve, centre: float, rng: np.random.Generator
) -> np.ndarray:
    """Scores of the large models under draws from the small ones, (R, q).

    Parameters
    ----------
    draws : list of (hypothesis, parameters)
    large : Curve
    centre : float
        Centre of the small models' scales, from which the trends are measured.
    rng : numpy.random.Generator
    """
    scores = []
    for h, values in draws:
        skill = np.asarray(h.skill(large.x - centre, values), float)
        noisy = skill + values["sigma"] * rng.standard_normal((values["sigma"].shape[0], large.m))
        scores.append(h.noise.sample(rng, noisy, large, h.metric, **h.rates(values)))
    return np.concatenate(scores)


def analysable(curves: Sequence[Curve]) -> np.ndarray:
    """Positions of the curves that an analysis can say something of: enough scales, not all 0."""
    return np.array([i for i, c in enumerate(curves) if too_few(c) is None], dtype=int)


def fit_all(
    curves: Sequence[Curve],
    *,
    seed: int = 0,
    jobs: int | None = None,
    offsets: Sequence[np.ndarray] | None = None,
    wanted: Callable[[Hypothesis], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Fit]:
    """Evidence of the hypotheses for every curve that can be analysed.

    Parameters
    ----------
    curves : sequence of Curve
        Those with too few scales, or all at the floor or the ceiling, are
        left out (`analysable`).
    seed : int
    jobs : int, optional
        Threads; default one per core. Results do not depend on it.
    offsets : sequence of (m,) arrays, optional
        Skill added to every trend at each model, one array per curve.
    wanted : callable, optional
        Which hypotheses; default all.
    progress : callable, optional
        Called as progress(done, total), in curves.

    Returns
    -------
    list of Fit, one per curve that can be analysed, in the order of the curves. What one says does
    not depend on the others; without `offsets` and `wanted` it is what `compare` says.
    """
    chosen = analysable(curves)
    report = Progress(progress, total=chosen.size)

    def work(i: int) -> Fit:
        curve = curves[i]
        batch = Batch.of([curve], curve.metric_object)
        if offsets is not None:
            batch = shifted(batch, [offsets[i]])
        own = [h for h in hypotheses(batch.metric) if wanted is None or wanted(h)]
        found = Fit(batch, evidences(batch, seed, own), np.array([i]))
        report(1)
        return found

    return each(chosen.tolist(), work, jobs)


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A curve, its log Bayes factor of real against gradual, and what its design gives."""

    curve: Curve
    log_bf: float
    calibration: Calibration


def calibrate_fit(fit: Fit, series: int, *, seed: int = 0, jobs: int = 1) -> Calibrated:
    """Simulated null and power of the design of a fit's first curve (`calibration.calibrate`)."""
    log_bf = float(log_bayes_factor(fit.account_z)[0])
    found = calibrate(
        fit.batch, 0, fit.evidence, log_bf, series, THRESHOLDS.p_cal, seed=seed, jobs=jobs
    )
    return Calibrated(fit.batch.curves[0], log_bf, found)
