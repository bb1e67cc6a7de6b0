"""Posterior summaries of one curve from the nodes of its evidences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emergent_stats.batch import Batch
from emergent_stats.calibration import draw_posterior, simulate_batch
from emergent_stats.curve import Curve
from emergent_stats.evidence import Evidence
from emergent_stats.integrand import log_sum
from emergent_stats.likelihood import log_likelihood
from emergent_stats.trends import ACCOUNTS, WIDTH_RANGE

_DRAWS = 400
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


def posterior_mean(evidence: Mapping[str, Evidence], row: int, name: str) -> float:
    """Posterior mean of a parameter over several hypotheses."""
    values, weights = weighted(evidence, row, name)
    return float(values @ weights)


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
            skills.append(skill)
            scores.append(h.metric(skill, **h.rates(values)))
        low, mid, high = np.quantile(np.concatenate(scores), [0.05, 0.5, 0.95], axis=0)
        s_low, s_mid, s_high = np.quantile(np.concatenate(skills), [0.05, 0.5, 0.95], axis=0)
        found[account] = {
            "x": curve.in_units(x),
            "score_low": low, "score_mid": mid, "score_high": high,
            "skill_low": s_low, "skill_mid": s_mid, "skill_high": s_high,
        }  # fmt: skip
    return found


def small_rise(
    batch: Batch,
    evidence: Mapping[str, Evidence],
    row: int,
    p: np.ndarray,
    limit: float,
    rng: np.random.Generator,
) -> float:
    """Probability, over all accounts, that the expected score changes by less than `limit`.

    From the first to the last scale, in score units (nats of skill for losses).
    """
    curve, metric = batch.curves[row], batch.metric
    ends = np.array([curve.x[0], curve.x[-1]]) - curve.centre
    total = 0.0
    for account, weight in zip(ACCOUNTS, p, strict=True):
        small, size = 0.0, 0
        for h, values in draw_posterior(members(evidence, account), row, _DRAWS, rng):
            skill = np.asarray(h.skill(ends, values), float)
            seen = skill if metric.continuous else h.metric(skill, **h.rates(values))
            change = np.abs(seen[:, 1] - seen[:, 0])
            small, size = small + float((change < limit).sum()), size + change.size
        total += float(weight) * small / size
    return total


def predictive_p(
    batch: Batch, evidence: Mapping[str, Evidence], row: int, rng: np.random.Generator
) -> float:
    """Posterior predictive p-value of the likelihood itself, over all accounts by their evidence.

    Share of replicated series that are less likely than the observed one
    under the same posterior draw; near 0 if no account fits.
    """
    drawn = draw_posterior(evidence, row, 300, rng)
    again = simulate_batch(batch, row, drawn, rng)
    observed, replicated, start = [], [], 0
    for h, values in drawn:
        size = values["sigma"].shape[0]
        x = np.repeat(batch.x[row : row + 1], size, axis=0)
        skill = np.asarray(h.skill(x, values), float) + np.zeros_like(x)
        zero = np.zeros(size)
        sigma, guess, lapse = (
            values[n][:, 0] if n in values else zero for n in ("sigma", "guess", "lapse")
        )
        for b, rows, out in (
            (batch, np.full(size, row), observed),
            (again, np.arange(start, start + size), replicated),
        ):
            ll = log_likelihood(b.obs, h.metric, skill, sigma, guess, lapse, rows)
            out.append(ll.sum(1))
        start += size
    return float((np.concatenate(replicated) <= np.concatenate(observed) + 1e-9).mean())


def leave_one_out(batch: Batch, evidence: Evidence, row: int) -> np.ndarray:
    """Log predictive density of each score of a curve given the others, (m,).

    p(y_i | y_−i) = Z/Z_−i with Z_−i = Σ_r w_r/L_i(r) over the nodes r of the
    evidence Z = Σ_r w_r: no refit, and no approximation beyond that of the
    nodes. Design and priors, bounds of a location included, stay those of the
    whole curve. A score that the others rule out rests on few nodes.

    Parameters
    ----------
    batch : Batch
        The one the evidence was computed for.
    evidence : Evidence
        Of one hypothesis.
    row : int
        Which curve.
    """
    h, m = evidence.hypothesis, batch.curves[row].m
    log_w = evidence.log_weight[row]
    used = np.isfinite(log_w)
    size = int(used.sum())
    fixed = {n: np.full((size, 1), v) for n, v in h.fixed().items()}
    values = fixed | {n: v[row, used][:, None] for n, v in evidence.parameters.items()}
    x = np.repeat(batch.x[row : row + 1], size, axis=0)
    skill = np.asarray(h.skill(x, values), float)
    if batch.offset is not None:
        skill = skill + batch.offset[row]
    zero = np.zeros(size)
    sigma, guess, lapse = (
        values[n][:, 0] if n in values else zero for n in ("sigma", "guess", "lapse")
    )
    rows = np.full(size, row)
    ll = log_likelihood(batch.obs, h.metric, skill, sigma, guess, lapse, rows)[:, :m]
    without = log_sum(log_w[used][:, None] - ll, 0)
    return log_sum(log_w[used][:, None], 0) - without


def apparent_jump(curve: Curve, width: float) -> tuple[bool, bool]:
    """Whether the score looks like a jump, and whether that rests on an edge model.

    A jump is seen if half of the score's total rise, or more, happens within
    one gap of the models or within `width` decades, beyond the noise of the
    examples. It rests on an edge if one model at either end makes the rise.
    """
    metric = curve.metric_object
    sign = metric.direction
    values = sign * (np.log(curve.score) if metric.continuous else curve.score)
    x, index = np.unique(curve.x, return_inverse=True)
    y = np.bincount(index, values) / np.bincount(index)
    low, high = curve.intervals(0.9)
    if metric.continuous:
        noise = np.zeros(x.size)
    else:
        # ~2 standard errors of a difference, from the widths of 90 % intervals
        noise = np.bincount(index, (high - low) / 2 * 0.85) / np.bincount(index)
    total = y.max() - y.min()
    for i in range(x.size - 1):
        for j in range(i + 1, x.size):
            if j > i + 1 and x[j] - x[i] > width:
                break
            rise = y[j] - y[i]
            if rise >= 0.5 * total and rise > noise[i] + noise[j]:
                edge = (i == 0 and j == 1) or (j == x.size - 1 and i == j - 1)
                return True, edge
    return False, False
