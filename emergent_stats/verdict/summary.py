"""Posterior summaries of one curve from the nodes of its evidences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.evidence import Evidence
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.maths import flat
from emergent_stats.model.observed import BINOMIAL, SKILL_NORMAL
from emergent_stats.model.sudden import by_scale
from emergent_stats.model.trends import ACCOUNTS, WIDTH_RANGE
from emergent_stats.verdict.calibration import draw_posterior, simulate_batch

#: Probability of an account below which it has no say in a summary.
_NOTHING = 1e-3
_DRAWS = 400
# replicated series of a predictive check come in rounds, until enough are as extreme or at least
# it is clear on which side of its limit the p-value lies; the last ones leave it within a fifth
_ROUNDS = (60, 540, *(600,) * 9)
_PLENTY, _SURE = 6, 1e-3
# nats below the best hypothesis of an account, or the heaviest node of a hypothesis, at which
# another has no say in it
_FAR = 12.0
_GRID = 81
_NAN = (float("nan"), float("nan"))


def members(evidence: Mapping[str, Evidence], *accounts: str) -> dict[str, Evidence]:
    """Evidences of the hypotheses of some accounts."""
    return {n: e for n, e in evidence.items() if e.hypothesis.account in accounts}


def weighted(
    evidence: Mapping[str, Evidence], row: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values and weights of one parameter over several hypotheses; weights sum to 1."""
    values, weights = [], []
    for e in evidence.values():
        if name in e.parameters:
            values.append(e.parameters[name][row])
        elif name == "width":
            # a step is the limit of a narrow transition
            values.append(np.full(e.log_weight.shape[1], WIDTH_RANGE[0]))
        else:
            continue
        weights.append(e.log_weight[row])
    v, w = np.concatenate(values), np.concatenate(weights)
    p = np.exp(w - w.max())
    p /= p.sum()
    return v, p


def interval(values: np.ndarray, weights: np.ndarray, level: float = 0.9) -> tuple[float, float]:
    """Equal-tailed interval of weighted values."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    tail = 0.5 * (1 - level)
    low, high = np.searchsorted(share, [tail, 1 - tail])
    last = values.size - 1
    return float(values[order][min(low, last)]), float(values[order][min(high, last)])


def transition(evidence: Mapping[str, Evidence], row: int, curve: Curve, onset: bool):
    """90 % intervals of where, how wide and how high: of the onset, else of the transition.

    The transition's are averaged over all widths, so that the width is
    estimated and not assumed.
    """
    if onset:
        chosen = members(evidence, "onset")
    else:
        chosen = {n: evidence[n] for n in ("transition", "step", "wide_transition")}
    low, high = (
        float(curve.in_units(v + curve.centre))
        for v in interval(*weighted(chosen, row, "location"))
    )
    axis = curve.scale_axis
    low, high = axis.ordered(axis.log_or_value(low), axis.log_or_value(high))
    at = (low, high)
    if onset:
        return at, _NAN, _NAN
    return (
        at,
        interval(*weighted(chosen, row, "width")),
        interval(*weighted(chosen, row, "height")),
    )


def bands(
    batch: Batch, evidence: Mapping[str, Evidence], row: int, rng: np.random.Generator
) -> dict[str, dict[str, np.ndarray]]:
    """Median and 90 % band of expected score and skill along the axis, per account."""
    curve = batch.curves[row]
    reach = 0.03 * max(curve.x[-1] - curve.x[0], 1e-9)
    x = np.linspace(curve.x[0] - reach, curve.x[-1] + reach, _GRID)
    found = {}
    for account in ACCOUNTS:
        skills, scores = [], []
        for h, values in draw_posterior(members(evidence, account), row, _DRAWS, rng):
            skill = np.asarray(h.skill(x - curve.centre, values), float)
            skills.append(h.shown(skill, values))
            scores.append(h.metric(skill, **h.rates(values)))
        found[account] = {"x": curve.in_units(x)}
        for what, drawn in (("score", scores), ("skill", skills)):
            lines = np.quantile(np.concatenate(drawn), [0.05, 0.5, 0.95], axis=0)
            ends = (f"{what}_{end}" for end in ("low", "mid", "high"))
            found[account] |= dict(zip(ends, lines, strict=True))
    return found


def _at_nodes(
    evidence: Mapping[str, Evidence], p: np.ndarray, of: Callable[[Hypothesis, dict], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Something `of` the parameters at the nodes of all accounts (N,), and their masses (N,)."""
    found, masses = [], []
    for account, share in zip(ACCOUNTS, p.tolist(), strict=True):
        if share < _NOTHING:
            continue
        own = members(evidence, account)
        best = max(float(e.log_z[0]) for e in own.values())
        near = [e for e in own.values() if e.log_z[0] > best - _FAR]
        whole = sum(np.exp(e.log_z[0] - best) for e in near)
        for e in near:
            h, log_w = e.hypothesis, e.log_weight[0]
            there = log_w > log_w.max() - _FAR
            mass = np.exp(log_w[there] - log_w.max())
            masses.append(share * np.exp(e.log_z[0] - best) / whole * mass / mass.sum())
            found.append(of(h, h.fixed() | {n: v[0, there, None] for n, v in e.parameters.items()}))
    mass = np.concatenate(masses)
    return np.concatenate(found), mass / mass.sum()


def small_change(
    curve: Curve, evidence: Mapping[str, Evidence], p: np.ndarray, limit: float
) -> float:
    """Probability, over all accounts, that the expected score changes by less than `limit`.

    Between any two scales, in score units (nats of skill for losses): a score that falls and
    recovers has changed.
    """
    at = curve.x - curve.centre

    def change(h: Hypothesis, values: dict) -> np.ndarray:
        loss = h.metric.continuous
        return np.ptp(h.shown(h.skill(at, values), values) if loss else h.expected(at, values), 1)

    changes, mass = _at_nodes(evidence, p, change)
    return float(mass @ (changes < limit))


def rise(curve: Curve, evidence: Mapping[str, Evidence], p: np.ndarray) -> tuple[float, float]:
    """90 % interval, over all accounts, of the expected score at the last scale less the first.

    In units of the score, so that a loss that falls gives negative numbers.
    """
    ends = np.array([curve.x.min(), curve.x.max()]) - curve.centre
    return interval(*_at_nodes(evidence, p, lambda h, v: np.diff(h.expected(ends, v))[:, 0]))


def predictive_p(
    batch: Batch, evidence: Mapping[str, Evidence], rng: np.random.Generator, limit: float
) -> float:
    """Posterior predictive p-value of the (single) curve, over all accounts by their evidence.

    Smaller of two, doubled: the share of replicated series that are less
    likely than the observed one under the same posterior draw, and the share
    whose neighbouring residuals go together at least as much. Noise between
    models can be as wide as it takes to excuse any residuals, but not that
    they come in order. Near 0 if no account fits. Close to `limit` it takes many
    series to say on which side of it the p-value is.
    """
    count, extremes = 0, np.zeros(2, int)
    for size in _ROUNDS:
        extremes += _extremes(batch, evidence, size, rng)
        count += size
        found, expected = extremes.min(), 0.5 * limit * count
        above = found >= _PLENTY and special.pdtrc(found - 1, expected) < _SURE
        if above or special.pdtr(found, expected) < _SURE:
            break
    return min(1.0, 2 * float(extremes.min()) / count)


def _extremes(
    batch: Batch, evidence: Mapping[str, Evidence], count: int, rng: np.random.Generator
) -> np.ndarray:
    """Of `count` replicated series: how many are as unlikely, and how many as orderly."""
    drawn = draw_posterior(evidence, 0, count, rng)
    again = simulate_batch(batch, 0, drawn, rng)
    m = batch.curves[0].m
    less, closer, start = [], [], 0
    for h, values in drawn:
        size = values["sigma"].shape[0]
        x = np.repeat(batch.x[:1], size, axis=0)
        skill = np.asarray(h.skill(x, values), float) + np.zeros_like(x)
        sigma, guess, lapse = flat(values, "sigma", "guess", "lapse")
        density, together = [], []
        spread, middle = _residual_scale(batch, h, skill, values["sigma"], h.rates(values))
        for b, rows in ((batch, np.zeros(size, int)), (again, np.arange(start, start + size))):
            ll = log_likelihood(b.obs, h.metric, skill, sigma, guess, lapse, rows)
            density.append(ll.sum(1))
            residual = ((b.obs.value[rows] - middle) / spread)[:, :m]
            together.append((residual[:, 1:] * residual[:, :-1]).sum(1))
        less.append(density[1] <= density[0] + 1e-9)
        closer.append(together[1] >= together[0] - 1e-9)
        start += size
    return np.array([np.concatenate(v).sum() for v in (less, closer)])


def _residual_scale(batch: Batch, h, skill, sigma, rates) -> tuple[np.ndarray, np.ndarray]:
    """Spread and middle of the scores (skills for losses) around a trend, (R, m)."""
    obs = batch.obs
    if obs.kind == SKILL_NORMAL:
        middle = h.shown(skill, rates)
        # noise between models is on the scale of the skill behind what is shown
        slope = h.metric.beyond(middle, rates["lapse"])[1] if h.trend.saturates else 1.0
        return np.sqrt((sigma / slope) ** 2 + obs.error[:1] ** 2), middle
    middle = h.metric(skill, **rates)
    between = 0.5 * np.abs(h.metric(skill + sigma, **rates) - h.metric(skill - sigma, **rates))
    if obs.kind == BINOMIAL:
        n = np.maximum(obs.n[:1], 1.0)
        own = np.maximum(middle * (1 - middle), 0.25 / n) / n
    else:
        own = obs.error[:1] ** 2
    return np.sqrt(own + between**2), middle


@dataclass(frozen=True)
class Gap:
    """A gap between neighbouring scales: its ends in words, and its width in decades (or nats)."""

    words: str
    width: float


def widest_change(curve: Curve) -> Gap:
    """Gap between neighbouring scales in which the score changes most."""
    x, y = by_scale(curve)[:2]
    return _gap(curve, x, int(np.argmax(np.abs(np.diff(y)))))


def last_gap(curve: Curve) -> Gap:
    """Gap between the largest model and the one before."""
    x = np.unique(curve.x)
    return _gap(curve, x, x.size - 2)


def _gap(curve: Curve, x: np.ndarray, i: int) -> Gap:
    return Gap(curve.scale_axis.between(x[i], x[i + 1]), float(x[i + 1] - x[i]))


def falling_shape(evidence: Mapping[str, Evidence]) -> str:
    """Likeliest hypothesis of the account `falls`."""
    chosen = members(evidence, "falls")
    return max(chosen, key=lambda name: float(chosen[name].log_z[0]))
