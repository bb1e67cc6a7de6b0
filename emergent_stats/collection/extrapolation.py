"""What a forecast is held against: a straight line on the logit scale, and a broken neural law.

Both are least-squares fits of the kind that scaling studies publish, given the
predictive distributions that go with them, so that all forecasts are scored on
one and the same scale: log probability of the counts (or density of the
losses on the skill scale).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.model.curve import Curve
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import MultipleChoice
from emergent_stats.model.noise import noise_for, score_errors
from emergent_stats.model.observed import BINOMIAL, SCORE_NORMAL, fraction_table, kind_of

_LN10 = float(np.log(10.0))


@dataclass(frozen=True, eq=False)
class Line:
    """Draws of a straight line of skill on the logit scale: level (D,), slope (D,), noise (D,)."""

    level: np.ndarray
    slope: np.ndarray
    sigma: np.ndarray

    def skill(self, x: np.ndarray) -> np.ndarray:
        """Skill at `x` (m,) in decades from the centre of the fitted scales, (D, m)."""
        return self.level[:, None] + self.slope[:, None] * x


def fit_line(curve: Curve, draws: int, rng: np.random.Generator) -> Line:
    """Ordinary least squares of logit skill on scale, with its reference posterior.

    The posterior under the flat prior on level, slope and log σ is what makes
    the usual prediction interval (Student t with m − 2 degrees of freedom).

    Parameters
    ----------
    curve : Curve
        At least 3 models, on 2 distinct scales or more.
    draws : int
    rng : numpy.random.Generator
    """
    x, y = curve.x - curve.centre, logit_skill(curve)
    design = np.stack([np.ones_like(x), x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ y
    freedom = curve.m - 2
    square = float(((y - design @ best) ** 2).sum())
    sigma = np.sqrt(np.maximum(square, 1e-8) / rng.chisquare(freedom, draws))
    root = np.linalg.cholesky(inverse)
    drawn = best[:, None] + sigma * (root @ rng.standard_normal((2, draws)))
    return Line(drawn[0], drawn[1], sigma)


def extrapolate_line(
    small: Curve, large: Curve, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Carry a straight line of logit skill on from the small models to the large ones.

    Parameters
    ----------
    small, large : Curve
        Models fitted (as for `fit_line`), and the q models predicted.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    density : (draws, q) array
        Log likelihood of each large model's score under each draw.
    scores : (draws, q) array
        Scores drawn.
    """
    metric = small.metric_object.on_scale("logit")
    line = fit_line(small, draws, rng)
    skill = line.skill(large.x - small.centre)
    # a guess rate near chance is known; a free one is 0 to whoever draws a line through logits
    rates = {n: metric.fixed().get(n, 0.0) for n in ("guess", "lapse")}
    if isinstance(metric, MultipleChoice) and "guess" in metric.priors():
        rates["guess"] = metric.chance
    guess, lapse = (np.full(draws, rates[n]) for n in ("guess", "lapse"))
    sigma, rows = np.maximum(line.sigma, 1e-6), np.zeros(draws, int)
    obs = Batch.of([large], metric).obs
    density = log_likelihood(obs, metric, skill, sigma, guess, lapse, rows)
    noisy = skill + line.sigma[:, None] * rng.standard_normal(skill.shape)
    known = {} if metric.continuous else rates
    return density, noise_for(metric).sample(rng, noisy, large, metric, **known)


def logit_skill(curve: Curve) -> np.ndarray:
    """Skill on the logit scale that each score suggests, (m,); half a count from floor and top."""
    metric = curve.metric_object.on_scale("logit")
    if metric.continuous:
        return metric.skill(curve.score)  # type: ignore[attr-defined]
    start, step, fraction, _ = fraction_table(metric)
    share = (curve.score - _guess(curve)) / (_top(curve) - _guess(curve))
    n = curve.effective_n
    share = np.clip(share, 0.5 / (n + 1), 1 - 0.5 / (n + 1))
    return np.interp(share, fraction, start + step * np.arange(fraction.size))


def _guess(curve: Curve) -> float:
    """Score of a guesser, as far as it is known."""
    if curve.metric_object.direction < 0:
        return curve.metric_object.chance
    return curve.chance if np.isfinite(curve.chance) else 0.0


def _top(curve: Curve) -> float:
    return 0.0 if curve.metric_object.direction < 0 else 1.0


@dataclass(frozen=True, eq=False)
class Bnsl:
    """Broken neural scaling law by least squares, with its prediction error.

    Attributes
    ----------
    parameters : (p,) array
        Of `bnsl`.
    covariance : (p, p) array
    scatter : float
        Standard deviation of the residuals.
    freedom : int
        m − p.
    """

    parameters: np.ndarray
    covariance: np.ndarray
    scatter: float
    freedom: int

    @property
    def breaks(self) -> int:
        """Number of breaks that the number of models allowed."""
        return (self.parameters.size - 3) // 3


def bnsl(x: np.ndarray, floor: float, height: float, slope: float, *broken: float) -> np.ndarray:
    """Error at `x` decades: floor + e^height·10^(−slope·x)·∏(1 + 10^((x−d)/f))^(−c·f).

    Caballero et al. 2022, arXiv 2210.14891, Eq. 1, with d the logarithm of the
    break's scale and f the exponential of the third number of each break
    (c, d, log f).
    """
    log_error = height - _LN10 * slope * np.asarray(x, float)
    for j in range(0, len(broken), 3):
        change, at, log_sharp = broken[j : j + 3]
        sharp = np.exp(log_sharp)
        log_error = log_error - change * sharp * np.logaddexp(0, _LN10 * (x - at) / sharp)
    return floor + np.exp(np.clip(log_error, -700, 60))


def fit_bnsl(curve: Curve) -> Bnsl | None:
    """Least squares by `scipy.optimize.curve_fit`, from several starts; the best one.

    One break where there are more than its six parameters in models, none from
    five models on; None with fewer, or where no start converges.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    x, error = curve.x - curve.centre, _error_of(curve)
    floor, span = max(float(error.min()), 1e-6), float(x[-1] - x[0])
    high = max(float(error.max()), 1e-4)
    plain = ([0.0, -30.0, -2.0], [floor, 30.0, 6.0])
    if curve.m > 6:
        low = [*plain[0], -6.0, float(x[0]), -4.0]
        top = [*plain[1], 6.0, float(x[-1]), 1.0]
        starts = [
            [0.5 * floor, np.log(high), 0.1, change, x[0] + part * span, -1.0]
            for change in (-0.3, 0.5)
            for part in (0.25, 0.5, 0.75)
        ]
    elif curve.m > 4:
        low, top = plain
        starts = [
            [share * floor, np.log(high), slope] for share in (0.1, 0.9) for slope in (0.1, 1)
        ]
    else:
        return None
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore", OptimizeWarning)
        for start in starts:
            try:
                found, covariance = curve_fit(
                    bnsl, x, error, np.clip(start, low, top), bounds=(low, top), max_nfev=400
                )
            except RuntimeError:  # this start does not converge; another may
                continue
            square = float(((bnsl(x, *found) - error) ** 2).sum())
            if best is None or square < best[0]:
                best = square, found, covariance
    if best is None:
        return None
    square, found, covariance = best
    freedom = curve.m - found.size
    finite = np.where(np.isfinite(covariance), covariance, 0.0)
    return Bnsl(found, finite, float(np.sqrt(square / freedom)), freedom)


def predict_bnsl(
    fit: Bnsl, small: Curve, large: Curve
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast of the large models' scores.

    Returns
    -------
    middle, spread : (m,) arrays
        Score, and scale of its Student t prediction error (residual scatter,
        parameters by the delta method, noise of the examples).
    log_density : (m,) array
        Log probability of each count, or density on the skill scale of a loss.
    """
    x = large.x - small.centre
    middle_error = bnsl(x, *fit.parameters)
    steps = 1e-5 * np.maximum(np.abs(fit.parameters), 1e-2)
    slopes = np.stack(
        [
            (bnsl(x, *(fit.parameters + own)) - bnsl(x, *(fit.parameters - own))) / (2 * own.sum())
            for own in np.diag(steps)
        ],
        axis=1,
    )
    own = np.maximum(np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes), 0.0)
    metric = large.metric_object
    kind = kind_of(metric)
    middle = 1.0 - middle_error if metric.direction > 0 else middle_error
    noise = np.nan_to_num(large.stderr)
    if kind == BINOMIAL:
        inside = np.clip(middle, 0.5 / large.effective_n, 1 - 0.5 / large.effective_n)
        noise = np.sqrt(inside * (1 - inside) / large.effective_n)
    elif kind == SCORE_NORMAL:
        noise = score_errors(large)
    spread = np.sqrt(np.maximum(fit.scatter**2 + own + noise**2, 1e-12))
    spread = np.minimum(spread, 1e6)
    return middle, spread, _log_density(large, kind, middle, spread, fit.freedom)


def _log_density(
    large: Curve, kind: int, middle: np.ndarray, spread: np.ndarray, freedom: int
) -> np.ndarray:
    if kind != BINOMIAL:
        z = (large.score - middle) / spread
        found = stats.t.logpdf(z, freedom) - np.log(spread)
        if kind == SCORE_NORMAL:
            return found
        # per unit of skill, as the accounts' densities are
        return found - np.log(large.metric_object.skill_error(large.score, np.ones(large.m)))  # type: ignore[attr-defined]
    low, high, _ = large.counts
    n = large.effective_n
    # what lies beyond 0 and n counts as 0 and n
    below = np.where(low <= 0, -np.inf, ((low - 0.5) / n - middle) / spread)
    above = np.where(high >= n, np.inf, ((high + 0.5) / n - middle) / spread)
    # the difference is taken in the tail where it is exact
    share = np.where(
        below > 0,
        special.stdtr(freedom, -below) - special.stdtr(freedom, -above),
        special.stdtr(freedom, above) - special.stdtr(freedom, below),
    )
    return np.log(np.maximum(share, 1e-300))


def _error_of(curve: Curve) -> np.ndarray:
    """Score as something to be lowered: 1 − score where higher is better."""
    return 1.0 - curve.score if curve.metric_object.direction > 0 else curve.score
