"""Planning: what a design could decide, by a formula, before any model is run.

The formula treats the skill that each score shows as a normal measurement with
the variance σ² + e/n (noise between models, noise of the examples). Under every
trend with its place and width given, skill is linear in level, slope and
height, so the evidence of each account is a sum of normal densities over a grid
of places, widths and noises. Power is the share of made-up measurements
(quasi-random, always the same ones) for which that evidence reaches a verdict.

`step_power` is the textbook formula: a step against a straight line, noise
known. It promises far more, because gradual accounts are richer than a line.
`trial` confirms a plan by simulation with the evidence engine itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.maths import log_sum, quasi_normal
from emergent_stats.model.metrics import MultipleChoice, metric_for
from emergent_stats.model.noise import SIGMA
from emergent_stats.model.trends import (
    ACCOUNTS,
    BEND,
    BEND_WIDTH,
    BREAKS,
    HEIGHT,
    JUMP_WIDTH,
    LEVEL,
    LOGISTIC_WIDTH,
    PRIOR,
    SLOPE,
    WIDTH_RANGE,
)  # fmt: skip
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.decision import SMOOTH, THRESHOLDS, Thresholds
from emergent_stats.verdict.sensitivity import share_of

#: var(log CE)·n of right-or-wrong answers where they tell most of the skill (p = .2): no score
#: on n examples knows log cross-entropy better than 1.54/n. Minimum over p of
#: (1 − p)/(p·log²p).
LEAST_VARIANCE = 1.5441
#: Slope of the trend that a planned break is added to, in nats per decade.
BASE_SLOPE = 0.3
#: Change of slope of a planned onset, in nats per decade: what the prior expects.
ONSET_BEND = 2.0
#: Power that a design needs to count as deciding.
ENOUGH = 0.8

KINDS = ("jump", "onset")

# guess and lapse rate of the scores that are planned, and how little is known of them; with
# `_ONE_SIDED` (square nats) chosen so that the formula agrees with simulations by the evidence
# engine for 5 to 24 models and noise .1 and .2 (tests/test_trial.py)
_RATE, _RATE_SPREAD, _ONE_SIDED = 0.01, 0.03, 0.3
# places of what is smooth; noises and heights: quantiles of their priors
_PLACES, _NOISES, _HEIGHTS = 9, 5, 10
# place of `FlatThenRise` among the parts of `_breaks`
_FLAT_THEN_RISE = 10


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes
    ----------
    scales : tuple of float
        Scales in decades, ascending, one entry per model; seeds repeat a scale.
    n : float
        Examples per score.
    sigma : float
        Noise between models in nats of skill (what the planner expects; the
        analysis does not know it).
    metric : str
        Name in `METRICS`.
    chance : float
        Expected score of a guesser, NaN where unknown.

    Raises
    ------
    ResultsError
        With fewer than 4 distinct scales, n < 1, σ < 0, or a metric that is not known.
    """

    scales: tuple[float, ...]
    n: float = 300.0
    sigma: float = 0.15
    metric: str = "exact_match"
    chance: float = float("nan")

    def __post_init__(self) -> None:
        _enough(len(set(self.scales)), "scales")
        if not np.isfinite(self.scales).all() or list(self.scales) != sorted(self.scales):
            raise ResultsError("scales must be finite and ascending, in decades")
        if not self.n >= 1:
            raise ResultsError(f"n = {self.n:g}: a score needs at least 1 example")
        if not 0 <= self.sigma < 10:
            raise ResultsError(
                f"sigma = {self.sigma:g}: noise between models is 0 or more, in nats "
                "(published families: .1 to .7)"
            )
        try:
            metric_for(self.metric, self.chance)
        except ValueError as error:
            raise ResultsError(str(error)) from None

    @classmethod
    def even(
        cls, models: int, span: float, seeds: int = 1, *, chance: float | None = None, **given: Any
    ) -> Plan:
        """Plan with `models` scales spread evenly over `span` decades, `seeds` runs at each.

        The other fields, and what is refused, are those of the class.
        """
        _enough(models, "models")
        if not 0 < span <= 20:
            raise ResultsError(f"span = {span:g}: decades of scale, above 0 and at most 20")
        if seeds < 1:
            raise ResultsError(f"seeds = {seeds}: at least 1 run at each scale")
        scales = tuple(np.repeat(np.linspace(0.0, span, models), seeds).tolist())
        return cls(scales, chance=float("nan") if chance is None else chance, **given)

    @property
    def x(self) -> np.ndarray:
        """(m,) scales in decades from the middle of the design."""
        scales = np.asarray(self.scales, float)
        return scales - 0.5 * (scales[0] + scales[-1])

    @property
    def interior(self) -> tuple[float, float]:
        """Where a break can be: between the second and the last but one scale."""
        distinct = np.unique(self.x)
        return float(distinct[1]), float(distinct[-2])

    def places(self, claim: Claim) -> tuple[float, float]:
        """Where the break of a claim can be, in decades from the middle of the design."""
        low, high = self.interior
        if claim.at is None:
            return low, high
        middle = 0.5 * (self.scales[0] + self.scales[-1])
        start, end = (float(np.clip(v - middle, low, high)) for v in claim.at)
        return start, end

    @property
    def runs(self) -> int:
        """Models to run, seeds counted."""
        return len(self.scales)

    def curve(self) -> Curve:
        """Curve of this design without scores (they are 0), for simulation."""
        size = self.runs
        metric = metric_for(self.metric, self.chance)
        return Curve(
            10.0 ** (np.asarray(self.scales) - self.scales[0] + 8.0),
            np.full(size, 1.0 if metric.continuous else 0.0),
            self.metric,
            n=np.full(size, float(round(self.n))),
            stderr=np.full(size, np.nan),
            chance=self.chance,
        )


def _enough(count: int, what: str) -> None:
    if count < MIN_SCALES:
        raise ResultsError(
            f"{count} {what}: a break needs at least {MIN_SCALES} scales, two on either side; "
            f"plan {MIN_SCALES} models or more"
        )


# --- the textbook formula ----------------------------------------------------------------
def _off_line(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (R, m) less the straight line through each."""
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x], 1))
    return rows - rows @ basis @ basis.T


def step_power(plan: Plan, height: float, level: float = 0.05) -> float:
    """Power of a searched step against a line, noise known: the textbook's bound.

    The largest |z| over the interior gaps is held against its quantile without a step, by
    simulation of the correlated z's. A line absorbs three quarters of an evenly spaced step.

    Examples
    --------
    >>> plans = [Plan.even(m, 4.0, n=300, sigma=0.2) for m in (5, 8, 16)]
    >>> [round(step_power(plan, 1.0), 2) for plan in plans]
    [0.66, 0.79, 0.98]
    """
    x = plan.x
    distinct = np.unique(x)
    middles = 0.5 * (distinct[1:-2] + distinct[2:-1])
    off = _off_line(x, (x[None] > middles[:, None]).astype(float))
    unit = off / np.linalg.norm(off, axis=1, keepdims=True)
    noise = quasi_normal(8192, x.size) @ unit.T
    needed = float(np.quantile(np.abs(noise).max(1), 1 - level))
    middle = (middles.size - 1) // 2
    shift = height * unit @ off[middle] / np.sqrt(plan.sigma**2 + LEAST_VARIANCE / plan.n)
    return float((np.abs(noise + shift).max(1) > needed).mean())


# --- the formula against all accounts ------------------------------------------------------
@dataclass(frozen=True)
class Outlook:
    """What a design can be expected to say.

    Attributes
    ----------
    found : float
        Probability that a break of the planned height is called `real`.
    cleared : float
        Probability that the same trend without the break is called gradual.
    false : float
        Probability that the trend without the break is called `real`.
    error : float
        Monte Carlo standard error of `found`; 0 for the formula.
    """

    found: float
    cleared: float
    false: float
    error: float = 0.0

    @property
    def worst(self) -> float:
        """Probability of a right verdict, whichever of the two is true."""
        return min(self.found, self.cleared)


@dataclass(frozen=True)
class Claim:
    """The break in question.

    Attributes
    ----------
    kind : {"jump", "onset"}
    height : float
        Of a jump, in nats; of an onset the change of slope, in nats per decade.
    at : (low, high), optional
        Where it may be, in decades like `Plan.scales`; default: anywhere
        between the second and the last but one scale.
    slope : float
        Of the trend it is added to, in nats per decade.
    level : float
        Skill at the middle of the break, in nats from the half-way score.
    """

    kind: str = "jump"
    height: float = 1.0
    at: tuple[float, float] | None = None
    slope: float = BASE_SLOPE
    level: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ResultsError(f"unknown kind of break {self.kind!r}; use {' or '.join(KINDS)}")
        if self.height == 0:
            raise ResultsError(
                "a reference height of 0 is refused: no design can find a break that is none; "
                "give the smallest height that matters, in nats"
            )
        if not 0 < self.height < 20:
            raise ResultsError(f"height = {self.height:g}: a break is above 0 and below 20 nats")


def outlook(
    plan: Plan,
    claim: Claim | None = None,
    thresholds: Thresholds = THRESHOLDS,
    draws: int = 96,
) -> Outlook:
    """Verdicts that a design can be expected to reach, by the formula (no simulation).

    Parameters
    ----------
    plan : Plan
    claim : Claim, optional
    thresholds : Thresholds
    draws : int
        Made-up series of each kind; shares are as coarse as 1/draws.

    Examples
    --------
    >>> few, many = (Plan.even(m, 4.0, n=1000, sigma=0.1) for m in (8, 24))
    >>> outlook(few, Claim("jump", 2.0)).found < outlook(many, Claim("jump", 2.0)).found
    True
    """
    claim = claim or Claim()
    x = plan.x
    z = quasi_normal(draws, x.size + 1)
    low, high = plan.places(claim)
    place = low + (high - low) * special.ndtr(z[:, :1])
    trend = claim.level + claim.slope * (x - place)
    broken = trend + (
        claim.height * ((x > place) - 0.5)
        if claim.kind == "jump"
        else claim.height * np.maximum(x - place, 0.0)
    )
    probability = []
    for skill in (broken, trend):
        # the middle of the made-up series stands for how much each score tells
        variance = plan.sigma**2 + _example_variance(plan, skill.mean(0))
        seen = skill + np.sqrt(variance) * z[:, 1:]
        probability.append(_account_probabilities(plan, seen, variance - plan.sigma**2))
    real, calm = (verdicts(p, thresholds) for p in probability)
    shares = ((real == "real").mean(), (calm == "smooth").mean(), (calm == "real").mean())
    return Outlook(*(float(share) for share in shares))


def verdicts(p: np.ndarray, thresholds: Thresholds = THRESHOLDS) -> np.ndarray:
    """What the rule of `decision` makes of probabilities alone, (R,) of real, smooth, undecided.

    Sensitivity grid, second scale and predictive check are left out.

    Parameters
    ----------
    p : (R, accounts) array
    """
    t = thresholds
    real, gradual = share_of(p, *BREAKS), share_of(p, "gradual")
    found = np.where(real > t.probability, "real", "undecided")
    likely = share_of(p, "falls") < np.maximum(gradual, share_of(p, "flat"))
    return np.where(likely & (share_of(p, *SMOOTH) > t.probability), "smooth", found)


def _example_variance(plan: Plan, skill: np.ndarray) -> np.ndarray:
    """Variance (m,) of skill read off a score on n examples, in square nats.

    Binomial noise by the metric's slope, plus guess and lapse rates that the analysis does not
    know. A score at either end bounds the skill from one side: it stops at `_ONE_SIDED`.
    """
    metric = metric_for(plan.metric, plan.chance)
    if metric.continuous:
        # a mean of per-example losses whose spread is about their size
        return np.full(skill.shape, 1.0 / plan.n)
    near = skill + 1e-3 * np.array([-1.0, 0.0, 1.0])[:, None]
    fraction = np.asarray(metric.fraction(near))
    choice = isinstance(metric, MultipleChoice)
    floor = metric.chance if choice else metric.fixed().get("guess", _RATE)
    steep = np.maximum((1 - floor - _RATE) * (fraction[2] - fraction[0]) / 2e-3, 1e-6)
    score = floor + (1 - floor - _RATE) * np.clip(fraction[1], 1e-4, 1 - 1e-4)
    noise = score * (1 - score) / plan.n
    noise += (_RATE_SPREAD * fraction[1]) ** 2
    if "guess" in metric.priors():
        noise += (_RATE_SPREAD * (1 - fraction[1])) ** 2
    return 1.0 / (steep**2 / noise + 1.0 / _ONE_SIDED)


@dataclass(frozen=True, eq=False)
class _Breaks:
    """Shapes of skill that are added to a line, each times a height with its prior."""

    account: np.ndarray  # (K,) index in ACCOUNTS
    log_share: np.ndarray  # (K,) log prior mass within the account
    shape: np.ndarray  # (K, m), 0 for the bare line
    height: np.ndarray  # (K, H) equally likely heights
    level_only: np.ndarray  # (K,) bool: added to a constant, not to a line


@lru_cache(maxsize=256)
def _breaks(x: tuple[float, ...]) -> _Breaks:
    """All shapes on scales x (decades from the middle of the design)."""
    scales = np.array(x)
    distinct = np.unique(scales)
    low, high = distinct[1], distinct[-2]
    gap = np.diff(distinct[1:-1])
    # what is smooth needs a few places, what is sharp some in every gap
    coarse = low + (high - low) * (np.arange(_PLACES) + 0.5) / _PLACES
    once = low + np.cumsum(gap) - 0.5 * gap
    twice = np.sort(np.concatenate([once - 0.25 * gap, once + 0.25 * gap]))
    even, shares = np.full(_PLACES, 1 / _PLACES), gap / gap.sum()
    halves = np.repeat(shares, 2) / 2

    def rise(place: np.ndarray, width: float) -> np.ndarray:
        return special.expit((scales - place[:, None]) * (LOGISTIC_WIDTH / width)) - 0.5

    def bent(place: np.ndarray, width: float) -> np.ndarray:
        v = width / LOGISTIC_WIDTH
        return v * np.logaddexp(0.0, (scales - place[:, None]) / v)

    # the density of `Rising` grows with the width: mass of the stretch around each width
    edges = np.array([JUMP_WIDTH, 0.7, 0.95, 1.3, 1.9, WIDTH_RANGE[1]])
    mass = np.diff(((edges - JUMP_WIDTH) / (WIDTH_RANGE[1] - JUMP_WIDTH)) ** 2)
    kink = np.maximum(scales - twice[:, None], 0.0)
    parts = [
        (1, 0.25 * np.ones(1), np.zeros((1, scales.size)), HEIGHT),
        *[(1, 0.25 * w * even, rise(coarse, v), HEIGHT)
          for v, w in zip((0.6, 0.8, 1.1, 1.6, 2.3), mass, strict=True)],
        # slowing down, which is also what a ceiling looks like
        *[(1, 0.5 / 3 * even, scales - coarse[:, None] - bent(coarse, v), BEND)
          for v in (0.2, 0.7, 2.0)],
        (2, halves / 3, kink, BEND),
        (2, halves / 3, kink, BEND),
        *[(2, halves / 6, bent(twice, v), BEND) for v in (0.2, 0.4 * (1 + BEND_WIDTH))],
        (3, shares / 2, (scales > once[:, None]) - 0.5, HEIGHT),
        *[(3, halves / 4, rise(twice, v), HEIGHT) for v in (0.14, 0.38)],
    ]  # fmt: skip
    middle = special.ndtri((np.arange(_HEIGHTS) + 0.5) / _HEIGHTS)
    sizes = [len(shape) for _, _, shape, _ in parts]
    return _Breaks(
        np.repeat([which for which, *_ in parts], sizes),
        np.log(np.concatenate([weight for _, weight, *_ in parts])),
        np.concatenate([shape for _, _, shape, _ in parts]),
        np.repeat([prior.from_normal(middle) for *_, prior in parts], sizes, axis=0),
        np.repeat([i == _FLAT_THEN_RISE for i in range(len(parts))], sizes),
    )


def _account_probabilities(plan: Plan, seen: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Probabilities (R, accounts) for measured skills (R, m); flat and falls are left out (0)."""
    x = plan.x
    breaks = _breaks(tuple(x.tolist()))
    # mean and variance of the half-normal prior of slopes
    slope_mean = SLOPE.scale * np.sqrt(2 / np.pi)
    slope_variance = SLOPE.scale**2 * (1 - 2 / np.pi)
    noises = SIGMA.from_normal(special.ndtri((np.arange(_NOISES) + 0.5) / _NOISES))
    total = np.full((len(ACCOUNTS), seen.shape[0]), -np.inf)
    for noise in np.asarray(noises):
        for level_only in (False, True):
            rows = breaks.level_only == level_only
            spread = np.diag(noise**2 + examples) + LEVEL.scale**2
            centre = np.zeros_like(x)
            if not level_only:
                spread += slope_variance * np.outer(x, x)
                centre = slope_mean * x
            root = np.linalg.cholesky(spread)
            away = np.linalg.solve(root, (seen - centre).T)
            shape = np.linalg.solve(root, breaks.shape[rows].T)
            square, cross = (shape**2).sum(0), shape.T @ away
            h = breaks.height[rows]
            inside = h[:, :, None] * cross[:, None, :] - 0.5 * (h**2 * square[:, None])[..., None]
            log_z = (
                log_sum(inside, 1)
                + breaks.log_share[rows, None]
                - 0.5 * (away**2).sum(0)
                - np.log(np.diag(root)).sum()
            )
            for which in (1, 2, 3):
                own = log_z[breaks.account[rows] == which]
                if own.size:
                    total[which] = np.logaddexp(total[which], log_sum(own, 0))
    return special.softmax(total + np.log(list(PRIOR.values()))[:, None], axis=0).T
