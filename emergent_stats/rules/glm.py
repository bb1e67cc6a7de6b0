"""Binomial regression of right answers on scale through a metric, many series at once.

The expected score is guess + (1 − guess − lapse)·fraction(η) with η linear in
its coefficients, so a power law in cross-entropy is the straight line
η = b0 + b1·x. With guess = lapse = 0 and an exact match this is the binomial
GLM with the log-log link. Fitted by Fisher scoring with step halving;
thousands of simulated series cost as much as a few dozen fits one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import Metric

#: Range of the linear predictor, in nats of skill from half-way.
_RANGE = (-6.0, 12.0)
#: Log-odds between which an unknown guess or lapse rate is sought: up to 12 %.
_RATE_RANGE = (-9.0, -2.0)
#: Beta(1, 50) of an unknown rate as in `metrics`: log density 49·log(1 − rate) + constant.
_RATE_PENALTY = 49.0
#: Where a rate is fitted, a line of boundless slope between two free plateaus would be a step;
#: slopes are then held to what is published, .1 to 4 nats per decade.
_STEEPEST = 4.5
_STEPS = 60
_SMALL = 1e-12

KINDS = ("step", "kink")
#: Gaps in which a break is sought; more are thinned evenly, as for the checkpoints of a run.
MAX_GAPS = 30


@lru_cache(maxsize=16)
def _table(metric: Metric) -> tuple[Any, Any]:
    """Fraction of a metric against skill, and its slope, as splines."""
    from scipy.interpolate import CubicSpline

    grid = np.linspace(*_RANGE, 3601)
    spline = CubicSpline(grid, metric.fraction(grid))
    return spline, spline.derivative()


@dataclass(frozen=True)
class Response:
    """From linear predictor to expected score.

    Attributes
    ----------
    metric : Metric
    guess, lapse : float or None
        Plateaus; None is fitted under the Beta(1, 50) prior of `metrics`.
    """

    metric: Metric
    guess: float | None = 0.0
    lapse: float | None = 0.0

    @classmethod
    def of(cls, curve: Curve, plateaus: bool = True) -> Response:
        """Response of a curve: chance where it is stated, other plateaus fitted or 0."""
        metric = curve.metric_object
        stated = metric.direction > 0 and np.isfinite(curve.chance) and curve.chance > 0
        free = None if plateaus else 0.0
        return cls(metric, float(curve.chance) if stated else free, free)

    @property
    def n_rates(self) -> int:
        """Number of fitted plateaus."""
        return (self.guess is None) + (self.lapse is None)

    def fraction(self, eta: np.ndarray) -> np.ndarray:
        """Share of the way from the lower to the upper plateau."""
        return np.clip(_table(self.metric)[0](np.clip(eta, *_RANGE)), 0.0, 1.0)

    def slope(self, eta: np.ndarray) -> np.ndarray:
        """Derivative of `fraction`; 0 outside the tabulated range."""
        inside = (eta > _RANGE[0]) & (eta < _RANGE[1])
        return np.where(inside, _table(self.metric)[1](np.clip(eta, *_RANGE)), 0.0)

    def rates(self, extra: np.ndarray) -> tuple[Any, Any]:
        """Guess and lapse rate (size, 1) from the log-odds that were fitted."""
        rest = list(np.moveaxis(special.expit(extra)[..., None], 1, 0))
        guess = rest.pop(0) if self.guess is None else self.guess
        lapse = rest.pop(0) if self.lapse is None else self.lapse
        return guess, lapse


@dataclass(frozen=True, eq=False)
class Fitted:
    """Fits of several series.

    Attributes
    ----------
    coefficients : (size, p) array
    log_odds : (size, rates) array
        Of fitted guess and lapse rates.
    log_likelihood : (size,) array
        Without the binomial coefficients; penalised where a rate is fitted.
    eta, mean : (size, m) arrays
        Linear predictor and expected score.
    """

    coefficients: np.ndarray
    log_odds: np.ndarray
    log_likelihood: np.ndarray
    eta: np.ndarray
    mean: np.ndarray


def right_answers(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """(m,) right answers and (m,) examples; a score that several counts round to takes the middle.

    A score where lower is better counts its opposite.
    """
    low, high, _ = curve.counts
    n = curve.effective_n
    k = 0.5 * (low + high)
    return (n - k if curve.metric_object.direction < 0 else k), n


def _evaluate(response, design, theta, k, n):
    """Mean, eta and penalised log likelihood at `theta` (size, p + rates)."""
    p = design.shape[-1]
    eta = np.einsum("smp,sp->sm", design, theta[:, :p])
    guess, lapse = response.rates(theta[:, p:])
    mean = np.clip(guess + (1 - guess - lapse) * response.fraction(eta), _SMALL, 1 - _SMALL)
    value = (special.xlogy(k, mean) + special.xlogy(n - k, 1 - mean)).sum(-1)
    return mean, eta, value - _RATE_PENALTY * np.logaddexp(0.0, theta[:, p:]).sum(-1)


def mean_slope(found: Fitted, response: Response) -> np.ndarray:
    """Derivative of the expected score by the linear predictor, (size, m)."""
    guess, lapse = response.rates(found.log_odds)
    return (1 - guess - lapse) * response.slope(found.eta)


def jacobian(found: Fitted, design: np.ndarray, response: Response) -> np.ndarray:
    """Derivatives of the expected score by every parameter, (size, m, p + rates)."""
    guess, lapse = response.rates(found.log_odds)
    share = response.fraction(found.eta)
    parts = [mean_slope(found, response)[..., None] * design]
    if response.guess is None:
        parts.append((guess * (1 - guess) * (1 - share))[..., None])
    if response.lapse is None:
        parts.append((-lapse * (1 - lapse) * share)[..., None])
    return np.concatenate(parts, axis=-1)


def fit(
    k: np.ndarray,
    n: np.ndarray,
    design: np.ndarray,
    response: Response,
    start: np.ndarray | None = None,
) -> Fitted:
    """Maximum (penalised) likelihood of every series.

    Parameters
    ----------
    k : (size, m) array
        Right answers.
    n : (m,) array
        Examples.
    design : (m, p) or (size, m, p) array
        Columns of the linear predictor: 1, scale, and others.
    response : Response
    start : (size, p + rates) array, optional
        Where to begin; default from a straight-line fit to the empirical skills.
    """
    k = np.atleast_2d(np.asarray(k, float))
    size, m = k.shape
    design = np.broadcast_to(design, (size, m, design.shape[-1]))
    theta = _start(k, n, design, response) if start is None else np.array(start, float)
    p = design.shape[-1]
    low, high = _bounds(response, p)
    theta = np.clip(theta, low, high)
    mean, eta, value = _evaluate(response, design, theta, k, n)
    busy = np.arange(size)
    for _ in range(_STEPS):
        d, t, y = design[busy], theta[busy], k[busy]
        mu = mean[busy]
        so_far = Fitted(t[:, :p], t[:, p:], value[busy], eta[busy], mu)
        tangent = jacobian(so_far, d, response)
        weight = n / (mu * (1 - mu))
        gradient = np.einsum("smq,sm->sq", tangent, weight * (y / n - mu))
        information = np.swapaxes(tangent * weight[..., None], 1, 2) @ tangent
        rate = special.expit(t[:, p:])
        gradient[:, p:] -= _RATE_PENALTY * rate
        diagonal = np.einsum("sqq->sq", information)
        diagonal[:, p:] += _RATE_PENALTY * rate * (1 - rate)
        diagonal += 1e-8 * diagonal + 1e-9
        # a parameter that presses against its bound stays there, the others move on
        stuck = ((t <= low) & (gradient < 0)) | ((t >= high) & (gradient > 0))
        gradient[stuck] = 0.0
        information *= ~stuck[:, :, None] & ~stuck[:, None, :]
        diagonal += stuck
        step = np.linalg.solve(information, gradient[..., None])[..., 0]
        # far from the optimum a full step leaves the range in which the score answers
        change = np.abs(np.einsum("smp,sp->sm", d, step[:, :p])).max(-1)
        step *= np.minimum(1.0, 3.0 / np.maximum(change, _SMALL))[:, None]
        gained = _line_search(response, d, t, step, y, n, value[busy], (low, high))
        theta[busy], mean[busy], eta[busy], new = gained
        moved = new - value[busy] > 1e-7
        value[busy] = new
        busy = busy[moved]
        if busy.size == 0:
            break
    return Fitted(theta[:, :p], theta[:, p:], value, eta, mean)


def _line_search(response, design, theta, step, k, n, value, bounds):
    """Halve every step until the likelihood does not fall; give up to no step at all."""
    best = theta.copy()
    mean, eta, found = _evaluate(response, design, theta, k, n)
    left = np.arange(len(theta))
    for halving in range(12):
        trial = np.clip(theta[left] + 0.5**halving * step[left], *bounds)
        mu, e, v = _evaluate(response, design[left], trial, k[left], n)
        good = v >= value[left]
        rows = left[good]
        best[rows], mean[rows], eta[rows], found[rows] = trial[good], mu[good], e[good], v[good]
        left = left[~good]
        if left.size == 0:
            break
    return best, mean, eta, found


def _bounds(response, p):
    """Lowest and highest value of every parameter."""
    low = np.full(p + response.n_rates, -np.inf)
    low[p:] = _RATE_RANGE[0]
    high = -low
    high[p:] = _RATE_RANGE[1]
    if response.n_rates:
        low[1], high[1] = -_STEEPEST, _STEEPEST
    return low, high


def _start(k, n, design, response):
    """Least squares through the skills that the scores suggest; rates at 1 %."""
    guess = 0.01 if response.guess is None else response.guess
    grid = np.linspace(*_RANGE, 721)
    share = np.clip(((k + 0.5) / (n + 1) - guess) / (1 - guess), 0.005, 0.995)
    skill = np.interp(share, np.maximum.accumulate(response.fraction(grid)), grid)
    normal = np.einsum("smp,smq->spq", design, design)
    normal += 1e-9 * np.eye(design.shape[-1])
    right = np.einsum("smp,sm->sp", design, skill)
    line = np.linalg.solve(normal, right[..., None])[..., 0]
    return np.concatenate([line, np.full((len(k), response.n_rates), -4.6)], axis=1)


def weights(found: Fitted, n: np.ndarray, response: Response) -> np.ndarray:
    """Fisher information on η per model, n·μ′²/(μ(1 − μ)): (size, m)."""
    return n * mean_slope(found, response) ** 2 / (found.mean * (1 - found.mean))


def pearson(found: Fitted, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Pearson's χ² of every series, (size,)."""
    return ((k - n * found.mean) ** 2 / (n * found.mean * (1 - found.mean))).sum(-1)


def noise_between_models(found: Fitted, k: np.ndarray, n: np.ndarray, response: Response) -> float:
    """Noise between models in nats of skill that accounts for Pearson's χ² of one series.

    Moment estimate σ² = (χ² − f)/(Σ w·f/m), f = m − p degrees of freedom and w
    the `weights` (after Williams 1982, Applied Statistics 31, 144–148); 0 where
    the scatter is no more than binomial.
    """
    m, p = k.size, found.coefficients.shape[1]
    free = max(m - p, 1)
    total = float(weights(found, n, response).sum()) * free / m
    excess = float(pearson(found, k, n)[0]) - free
    return float(np.sqrt(max(excess, 0.0) / total)) if total > 0 else 0.0


@dataclass(frozen=True, eq=False)
class BreakProblem:
    """One curve as a regression: without a break, and the breaks to be tried.

    Attributes
    ----------
    k, n, x : (m,) arrays
        Right answers, examples, decades from the middle of the design.
    line : (m, 2) array
        Columns of the regression without a break.
    columns : (breaks, m) array
        The column that each break adds.
    labels : tuple of (kind, location)
        Of each break; locations like `x`.
    response : Response
    upward : bool
        Seek leaps up and accelerations only.
    """

    k: np.ndarray
    n: np.ndarray
    x: np.ndarray
    line: np.ndarray
    columns: np.ndarray
    labels: tuple[tuple[str, float], ...]
    response: Response
    upward: bool

    @classmethod
    def of(cls, curve: Curve, kinds: tuple[str, ...], upward: bool, plateaus: bool) -> BreakProblem:
        """Problem of a curve; a ValueError names kinds of break that do not exist."""
        unknown = set(kinds) - set(KINDS)
        if unknown or not kinds:
            raise ValueError(f"kinds of break are {', '.join(KINDS)}, got {kinds!r}")
        k, n = right_answers(curve)
        x = curve.x - curve.centre
        scales = np.unique(x)
        middles = 0.5 * (scales[1:] + scales[:-1])
        inner = middles[1:-1]  # two scales on either side: one model is no trend
        if inner.size > MAX_GAPS:
            inner = inner[np.linspace(0, inner.size - 1, MAX_GAPS).round().astype(int)]
        shape = {"step": lambda d: (d > 0) * 1.0, "kink": lambda d: np.maximum(d, 0.0)}
        labels = tuple((kind, float(at)) for kind in kinds for at in inner)
        columns = np.array([shape[kind](x - at) for kind, at in labels])
        line = np.column_stack([np.ones_like(x), x])
        return cls(k, n, x, line, columns, labels, Response.of(curve, plateaus), upward)

    def null(self, k: np.ndarray) -> Fitted:
        """Fits without a break of series k (size, m)."""
        return fit(k, self.n, self.line, self.response)

    def ratios(self, k: np.ndarray, null: Fitted) -> tuple[np.ndarray, Fitted]:
        """Likelihood ratios 2·Δ log likelihood (size, breaks), and the fits of all breaks.

        A break downward, or a slowing down, counts 0 if only upward ones are sought.
        """
        size, breaks = len(k), len(self.columns)
        line = np.broadcast_to(self.line, (breaks, *self.line.shape))
        design = np.concatenate([line, self.columns[..., None]], axis=-1)
        start = np.concatenate(
            [null.coefficients, np.zeros((size, 1)), null.log_odds], axis=1
        ).repeat(breaks, axis=0)
        found = fit(
            k.repeat(breaks, axis=0), self.n, np.tile(design, (size, 1, 1)), self.response, start
        )
        gain = 2 * (found.log_likelihood.reshape(size, breaks) - null.log_likelihood[:, None])
        if self.upward:
            gain = np.where(found.coefficients[:, 2].reshape(size, breaks) > 0, gain, 0.0)
        return np.maximum(gain, 0.0), found

    def supremum(self, k: np.ndarray, dispersion: bool) -> tuple[np.ndarray, np.ndarray]:
        """Largest likelihood ratio of every series (size,), and which break gives it.

        With `dispersion` it is divided by Pearson's χ² per degree of freedom of
        the better fit (never below 1), so that noise between models, which
        inflates both, cancels.
        """
        null = self.null(k)
        gain, found = self.ratios(k, null)
        best = gain.argmax(1)
        top = gain[np.arange(len(k)), best]
        if dispersion:
            fits = _rows(found, np.arange(len(k)) * gain.shape[1] + best)
            free = max(k.shape[1] - 3, 1)
            top = top / np.maximum(1.0, pearson(fits, k, self.n) / free)
        return top, best

    def simulate(self, null: Fitted, sigma: float, series: int, seed: int) -> np.ndarray:
        """Right answers (series, m) under the fitted line with noise σ between models."""
        rng = np.random.default_rng(seed)
        eta = null.eta + sigma * rng.standard_normal((series, self.k.size))
        guess, lapse = self.response.rates(null.log_odds)
        mean = guess + (1 - guess - lapse) * self.response.fraction(eta)
        n = np.maximum(np.round(self.n), 1).astype(np.int64)
        return rng.binomial(n, np.clip(mean, 0.0, 1.0)) * (self.n / n)

    def noise(self, null: Fitted, sigma: float | None) -> float:
        """Return σ, fitted where it is not given."""
        if sigma is None:
            return noise_between_models(null, self.k, self.n, self.response)
        if sigma < 0:
            raise ValueError(f"noise between models must be at least 0, got {sigma:g}")
        return sigma


def _rows(found: Fitted, rows: np.ndarray) -> Fitted:
    return Fitted(
        found.coefficients[rows], found.log_odds[rows], found.log_likelihood[rows],
        found.eta[rows], found.mean[rows],
    )  # fmt: skip
