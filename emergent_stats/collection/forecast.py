"""Fit the small models, predict the large ones: "unpredictable" becomes a number.

Every account is fitted to the models below a cut and carried on beyond it. No
account has a break beyond the cut, so a break there shows as a surprise: the
rank of the observed scores' predictive densities, each model by itself, among
those of scores drawn from the forecast. Beside the accounts stand the two extrapolations that
scaling studies publish (`extrapolation`): a straight line on the logit scale,
and BNSL by least squares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from emergent_stats.collection.discoveries import series_key, series_table
from emergent_stats.collection.extrapolation import extrapolate_line, fit_bnsl, predict_bnsl
from emergent_stats.collection.fits import (
    Draws,
    Fit,
    fit_all,
    pointwise,
    posterior_draws,
    simulated_scores,
)
from emergent_stats.evidence.batch import Batch
from emergent_stats.model.curve import AXIS_UNITS, MIN_SCALES, Curve
from emergent_stats.model.maths import log_sum
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError

if TYPE_CHECKING:
    import pandas as pd

#: Names of the forecasts: each account, their average, and the two extrapolations.
FORECASTS = (*ACCOUNTS, "averaged", "line", "bnsl")
#: Nodes of the posterior of each account that carry a forecast.
_DRAWS = 600
#: Scores drawn from the forecast to rank the observed ones among, nodes that rank them, and
#: scores of a model whose densities they give.
_FUTURES, _RANKING, _LEVELS = 300, 200, 32
_LARGEST_LOSS = 1e300
_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Forecast:
    """Predictions of the models beyond a cut from those below it.

    Attributes
    ----------
    curve : Curve
        All models.
    cut : float
        In the axis' own units; models up to it (of at least that loss) were fitted.
    small, large : Curve
        The models fitted, and the q models predicted.
    weights : (accounts,) array
        Probability of each account given the small models (equal odds).
    log_density : dict of float
        By the names of `FORECASTS`: joint log predictive probability of the
        large models' counts (or density of their losses on the skill scale).
        NaN where a forecast could not be made.
    pointwise : dict of (q,) arrays
        The same of each model by itself.
    low, middle, high : dict of (q,) arrays
        90 % interval and median of each model's score.
    rank : dict of (q,) arrays
        Predictive probability of a lower score, ties split at random: uniform
        between 0 and 1 if the forecast is right.
    surprise : float
        Share of futures drawn from the averaged forecast whose models are, each
        by itself, no more probable than the observed ones: small is surprising.
    excess : float
        Nats by which the observed models, each by itself, are less probable than
        drawn ones are on average, in sum: 0 is as expected, 5 is not.
    breaks : int or None
        Breaks in the BNSL that the number of small models allowed.
    """

    curve: Curve
    cut: float
    small: Curve
    large: Curve
    weights: np.ndarray
    log_density: Mapping[str, float]
    pointwise: Mapping[str, np.ndarray]
    low: Mapping[str, np.ndarray]
    middle: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]
    rank: Mapping[str, np.ndarray]
    surprise: float
    excess: float
    breaks: int | None

    def __repr__(self) -> str:
        return (
            f"<Forecast of {self.curve.key.get('task')}: {self.small.m} models fitted, "
            f"{self.large.m} foretold, surprise {self.surprise:.2g}>"
        )

    def covered(self, name: str = "averaged") -> np.ndarray:
        """Whether each large model's rank lies within the middle 90 %, (q,) of bool."""
        return np.abs(self.rank[name] - 0.5) <= 0.5 * _LEVEL

    def row(self) -> dict[str, Any]:
        """One row of a table: the series, the cut, and every forecast's log density a model."""
        return {
            **series_key(self.curve),
            "cut": self.cut,
            "fitted": self.small.m,
            "predicted": self.large.m,
            "surprise": self.surprise,
            "excess": self.excess,
            "coverage": float(self.covered().mean()),
            "error": float(np.abs(self.middle["averaged"] - self.large.score).mean()),
            **{f"lpd_{name}": self.log_density[name] / self.large.m for name in FORECASTS},
        }


def split(curve: Curve, cut: float) -> tuple[Curve, Curve]:
    """Models up to a cut, and those beyond it.

    Raises
    ------
    ResultsError
        If fewer than 4 distinct scales lie up to the cut, or no model beyond it.
    """
    if not cut > 0:
        raise ResultsError(f"the cut must be above 0 {AXIS_UNITS[curve.axis]}, got {cut:g}")
    axis = curve.scale_axis
    below = curve.axis_values >= cut if axis.falls else curve.axis_values <= cut
    told = axis.label(cut) if axis.dated else f"{cut:g}"
    scales = np.unique(curve.x[below]).size
    lowest, highest = curve.axis_values.min(), curve.axis_values.max()
    where = f"{curve.key.get('task') or 'the series'} has {curve.m} models, " + (
        f"{curve.axis} {axis.plain(lowest)} to {axis.plain(highest)}"
    )
    if scales < MIN_SCALES:
        raise ResultsError(
            f"cut {told}: {scales} distinct scales up to it, a forecast needs {MIN_SCALES}; {where}"
        )
    if below.all():
        raise ResultsError(f"cut {told}: no model beyond it to predict; {where}")
    # n is settled on the whole series, which tells more of it
    n = curve.effective_n
    return curve.take(below, n=n[below]), curve.take(~below, n=n[~below])


def forecast_all(
    curves: Sequence[Curve],
    cut: float,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Forecast | None]:
    """Forecast of every curve that a cut leaves enough models of.

    Parameters
    ----------
    curves : sequence of Curve
    cut : float
        In the axis' own units.
    seed, jobs, progress
        As in `fits.fit_all`.

    Returns
    -------
    list of Forecast or None
        None where fewer than 4 distinct scales lie up to the cut, no model
        lies beyond it, or the small models are all at the floor or ceiling.

    Raises
    ------
    ResultsError
        If that is so of every curve; the message says it of the first.
    """
    parts: list[tuple[Curve, Curve]] = []
    kept: list[int] = []
    why = None
    for i, curve in enumerate(curves):
        try:
            parts.append(split(curve, cut))
            kept.append(i)
        except ResultsError as error:
            why = why or error
    fits = fit_all([s for s, _ in parts], seed=seed, jobs=jobs, progress=progress)
    found: list[Forecast | None] = [None] * len(curves)
    for fit in fits:
        for row, i in enumerate(fit.index):
            small, large = parts[i]
            # a forecast does not depend on what else is forecast
            rng = np.random.default_rng([seed, 51])
            found[kept[i]] = _forecast(curves[kept[i]], cut, small, large, fit, row, rng)
    if not fits:
        raise why or ResultsError(
            f"cut {cut:g}: the models up to it are all at the floor or the ceiling; raise the cut"
        )
    return found


def forecast_curve(curve: Curve, cut: float, *, seed: int = 0) -> Forecast:
    """Fit the models of one curve up to a cut, and predict the rest.

    Parameters
    ----------
    curve : Curve
    cut : float
        In the axis' own units.
    seed : int

    Raises
    ------
    ResultsError
        See `forecast_all`.

    Examples
    --------
    >>> from emergent_stats import Curve
    >>> score = [0.03, 0.06, 0.1, 0.17, 0.25, 0.34, 0.44, 0.53]
    >>> curve = Curve([1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10, 3e10], score, "exact_match", n=1000)
    >>> f = forecast_curve(curve, cut=2e9)
    >>> f.large.m, f.surprise > 0.05
    (3, True)
    """
    found = forecast_all([curve], cut, seed=seed, jobs=1)[0]
    assert found is not None  # a single curve without a forecast has raised
    return found


def _forecast(
    curve: Curve,
    cut: float,
    small: Curve,
    large: Curve,
    fit: Fit,
    row: int,
    rng: np.random.Generator,
) -> Forecast:
    drawn, weights = posterior_draws(fit, row, _DRAWS, rng)
    batch = Batch.of([large], fit.batch.metric)
    densities = {a: _densities(d, batch, small.centre) for a, d in drawn.items()}
    scores = {a: simulated_scores(d, large, small.centre, rng) for a, d in drawn.items()}
    share = weights / weights.sum()
    # the average over accounts: draws of each in proportion to its probability
    counts = rng.multinomial(_DRAWS, share)
    pick = [rng.choice(_DRAWS, c, replace=False) for c in counts]
    scores["averaged"] = np.concatenate([scores[a][p] for a, p in zip(ACCOUNTS, pick, strict=True)])
    log_share = np.log(np.maximum(share, 1e-300))
    joint = {a: _log_mean(d.sum(1)) for a, d in densities.items()}
    point = {a: _log_mean(d) for a, d in densities.items()}
    joint["averaged"] = log_sum(np.array([joint[a] for a in ACCOUNTS]) + log_share, 0)
    point["averaged"] = log_sum(np.stack([point[a] for a in ACCOUNTS]) + log_share[:, None], 0)
    line, scores["line"] = extrapolate_line(small, large, _DRAWS, rng)
    joint["line"], point["line"] = _log_mean(line.sum(1)), _log_mean(line)
    surprise, excess = _surprise(drawn, counts, pick, batch, small.centre, scores["averaged"], rng)
    rank = {n: _rank(s, large.score, rng) for n, s in scores.items()}
    levels = [0.5 * (1 - _LEVEL), 0.5, 0.5 * (1 + _LEVEL)]
    bands = {n: np.quantile(s, levels, axis=0) for n, s in scores.items()}
    breaks = _add_bnsl(small, large, joint, point, rank, bands)
    low, middle, high = ({n: bands[n][k] for n in FORECASTS} for k in range(3))
    return Forecast(
        curve, cut, small, large, share,
        {n: float(joint[n]) for n in FORECASTS}, {n: point[n] for n in FORECASTS},
        low, middle, high, {n: rank[n] for n in FORECASTS}, surprise, excess, breaks,
    )  # fmt: skip


def _densities(draws: Draws, batch: Batch, centre: float) -> np.ndarray:
    """Log likelihood of each large model's score under each draw, (D, q)."""
    x = batch.curves[0].x - centre
    found = []
    for h, values in draws:
        size = values["sigma"].shape[0]
        rows = np.zeros(size, int)
        found.append(pointwise(batch, h, values, rows, np.tile(x, (size, 1))))
    return np.concatenate(found)


def _log_mean(values: np.ndarray) -> np.ndarray:
    return log_sum(values, 0) - np.log(values.shape[0])


def _rank(scores: np.ndarray, observed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probability of a lower score, ties split at random, (q,); never quite 0 or 1."""
    below, tied = (scores < observed).sum(0), (scores == observed).sum(0)
    split = rng.random(observed.size)
    return (below + split * (tied + 1)) / (scores.shape[0] + 1)


def _add_bnsl(small, large, joint, point, rank, bands) -> int | None:
    """Put BNSL beside them; NaN where too few models allow no fit."""
    fit = fit_bnsl(small)
    if fit is None:
        gone = np.full(large.m, np.nan)
        joint["bnsl"], point["bnsl"], rank["bnsl"] = np.nan, gone, gone
        bands["bnsl"] = np.stack([gone] * 3)
        return None
    middle, spread, density = predict_bnsl(fit, small, large)
    joint["bnsl"], point["bnsl"] = density.sum(), density
    rank["bnsl"] = stats.t.cdf((large.score - middle) / spread, fit.freedom)
    half = stats.t.ppf(0.5 * (1 + _LEVEL), fit.freedom) * spread
    low, high = type(small.metric_object).range
    bands["bnsl"] = np.clip(np.stack([middle - half, middle, middle + half]), low, high)
    return fit.breaks


def _surprise(drawn, counts, pick, batch, centre, scores, rng) -> tuple[float, float]:
    """Rank and excess of the observed future among futures drawn from the averaged forecast.

    By the density of each model's score by itself: that of many scores together would rest on
    one or two draws, whichever they are.
    """
    large = batch.curves[0]
    # the same share of each account as in the average; no future is held against its own draw
    ranking = [int(np.ceil(count * _RANKING / _DRAWS)) for count in counts]
    free = [np.arange(count) >= own for count, own in zip(counts, ranking, strict=True)]
    chosen = rng.choice(np.flatnonzero(np.concatenate(free)), _FUTURES, replace=False)
    low, high = large.metric_object.attainable()
    # a skill that goes on falling makes losses that no float can hold
    futures = np.clip(scores[chosen], low, min(high, _LARGEST_LOSS))
    # densities are smooth in a score: some of them tell those of all
    some = np.quantile(futures, np.linspace(0, 1, _LEVELS), axis=0, method="nearest")
    every = Batch.of([large, *(replace(large, score=s) for s in some)], batch.metric)
    found = []
    for account, count, own in zip(ACCOUNTS, ranking, pick, strict=True):
        wanted, start = own[:count], 0
        for h, values in drawn[account]:
            size = values["sigma"].shape[0]
            start, mine = start + size, wanted[(start <= wanted) & (wanted < start + size)] - start
            if mine.size == 0:
                continue
            again = {n: np.tile(v[mine], (len(every), 1)) for n, v in values.items()}
            rows = np.repeat(np.arange(len(every)), mine.size)
            x = np.tile(large.x - centre, (rows.size, 1))
            found.append(pointwise(every, h, again, rows, x).reshape(len(every), mine.size, -1))
    log_p = _log_mean(np.concatenate(found, axis=1).swapaxes(0, 1))
    known = zip(futures.T, some.T, np.maximum(log_p[1:], -1e9).T, strict=True)
    observed, drawn_p = log_p[0].sum(), np.sum([np.interp(*one) for one in known], axis=0)
    surprise = (1 + int((drawn_p <= observed + 1e-9).sum())) / (1 + drawn_p.size)
    return float(surprise), float(drawn_p.mean() - observed)


def frame(forecasts: Sequence[Forecast | None]) -> pd.DataFrame:
    """One row per forecast: see `Forecast.row`."""
    return series_table([f.row() for f in forecasts if f is not None])
