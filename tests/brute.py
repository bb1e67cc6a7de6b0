"""Likelihood and evidence by brute force: nothing here uses the package's own numerics.

Priors, trends and metrics are the package's objects, called as formulas (their
own tests check them); the noise between models is integrated on a fine grid
and everything else by a product grid or by draws from the prior.
"""

import numpy as np
from scipy import interpolate, special, stats

#: Smallest change that counts, and of a break, for proportions and for losses.
VISIBLE, BREAK, LOSS_BREAK = 0.05, 0.2, 0.05


def log_observation(curve, metric, i, skill, rates):
    """Log probability of score i given that model's own skill, by scipy's distributions."""
    mu = metric(skill, **rates)
    if type(metric).range[1] != 1.0:
        known = np.isfinite(curve.stderr[i]) and curve.stderr[i] > 0
        error = curve.stderr[i] if known else 0.5 * 2.0 / np.sqrt(curve.effective_n[i])
        return stats.norm.logpdf(curve.score[i], mu, error)
    n = curve.effective_n[i]
    half = curve.rounding[i]
    k = curve.score * curve.effective_n
    if np.allclose(k, np.round(k), atol=1e-6):
        return stats.binom.logpmf(np.round(k[i]), n, mu)
    ks = np.arange(n + 1)
    ks = ks[np.abs(ks / n - curve.score[i]) <= half + 1e-9]
    return special.logsumexp([stats.binom.logpmf(k, n, mu) for k in ks], axis=0)


def one_model(curve, metric, i, skill, sigma, rates, reach=12.0, points=80_001):
    """Log ∫ p(y_i | skill + σe) φ(e) de on an even grid of e."""
    e = np.linspace(-reach, reach, points)
    inside = log_observation(curve, metric, i, skill + sigma * e, rates)
    return special.logsumexp(inside + stats.norm.logpdf(e)) + np.log(e[1] - e[0])


def many(curve, hypothesis, values, noise_points=121):
    """Log of likelihood × gate at R parameter values, (R,); `values` are (R, 1) arrays.

    The probability of each score is tabulated over skill (and interpolated
    between grid points 0.002 nats apart), which needs fixed guess and lapse;
    with free ones it is computed in full. Where sigma is fixed too, what noise
    leaves of it is tabulated, 0.02 nats apart, with cubics between.
    """
    metric, trend = hypothesis.metric, hypothesis.trend
    x = (curve.x - curve.centre)[None, :]
    own = {n: values[n] for n in trend.parameter_names()}
    skill = trend(x, **own) + np.zeros((values["sigma"].shape[0], 1))
    total = log_gate(hypothesis, x, own, skill, values)
    sigma = values["sigma"]
    if metric.continuous:
        error = np.nan_to_num(metric.skill_error(curve.score, np.nan_to_num(curve.stderr)))
        # the density of a log loss less what is irreducible in it, in units of the log loss
        loss = -metric.skill(curve.score)
        rest = np.exp(loss) - values["lapse"] / np.log(2.0)
        slope = np.exp(loss) / np.where(rest > 0, rest, np.inf)
        sd = np.sqrt(sigma**2 + (error * slope) ** 2)
        with np.errstate(all="ignore"):
            each = stats.norm.logpdf(-np.log(rest), skill, sd) + np.log(slope)
        return total + np.where(rest > 0, each, -np.inf).sum(1)
    rates = {n: values[n] for n in ("guess", "lapse") if n in values}
    fixed = all(np.ptp(v) == 0 for v in rates.values())
    e = np.linspace(-6, 6, noise_points)
    log_phi = stats.norm.logpdf(e) + np.log(e[1] - e[0])
    grid = np.arange(-30.0, 30.0, 0.002)
    numbers = {n: float(v.flat[0]) for n, v in rates.items()}
    at = np.arange(skill.min() - 0.02, skill.max() + 0.04, 0.02)
    # the same sum over noise for every row: it is formed once where that is less work
    once = fixed and np.ptp(sigma) == 0 and sigma.flat[0] >= 0.1 and at.size < skill.shape[0]
    for i in range(curve.m):
        if fixed:
            table = log_observation(curve, metric, i, grid, numbers)
        if once:
            noisy = np.interp(at[:, None] + sigma.flat[0] * e, grid, table)
            part = np.maximum(special.logsumexp(noisy + log_phi, axis=1), -1e3)
            total = total + interpolate.CubicSpline(at, part)(skill[:, i])
            continue
        part = np.full(skill.shape[0], -np.inf)
        for ej, wj in zip(e, log_phi, strict=True):
            s = skill[:, i : i + 1] + sigma * ej
            if fixed:
                ll = np.interp(s[:, 0], grid, table)
            else:
                ll = log_observation(curve, metric, i, s, rates)[:, 0]
            part = np.logaddexp(part, ll + wj)
        total = total + part
    return total


def log_gate(hypothesis, x, own, skill, values=None):
    """Gate on visible changes, written out from its definition."""
    metric = hypothesis.metric
    if hypothesis.account == "flat":
        return np.zeros(skill.shape[0])

    def seen(s):
        if not hypothesis.trend.saturates:
            return s if metric.continuous else metric.fraction(s)
        lapse = values["lapse"]
        if metric.continuous:
            return -np.log(np.exp(-s) + lapse / np.log(2.0))
        return metric.fraction(s) * (1.0 - lapse / (1.0 - values["guess"]))

    smallest = VISIBLE
    if hypothesis.account in ("onset", "jump"):
        smallest = LOSS_BREAK if metric.continuous else BREAK
    others = hypothesis.trend.without_break(x, **own)
    hidden = [seen(s + np.zeros_like(skill)) for s in others]
    if not hidden:
        hidden = [seen(skill).mean(1, keepdims=True)]
    total = 0.0
    for other in hidden:
        change = (np.abs(seen(skill) - other) ** 8).sum(1) ** 0.125
        total = total + np.log(1 / (1 + (smallest / np.maximum(change, 1e-10)) ** 4))
    return total


def grid_values(hypothesis, curve, points):
    """Product grid of all free parameters with weights of their prior.

    Midpoints of equal shares of the prior's z between ±6 (bounded priors: of
    their own range); `points` maps names to numbers of points.
    """
    names, axes, weights = [], [], []
    for name, prior in hypothesis.priors(curve).items():
        count = points[name]
        if hasattr(prior, "share"):
            share = (np.arange(count) + 0.5) / count
            axis, weight = prior.at(share), np.full(count, 1 / count)
        else:
            z = np.linspace(-6, 6, count)
            axis, weight = prior.from_normal(z), stats.norm.pdf(z) * (z[1] - z[0])
        names.append(name)
        axes.append(axis)
        weights.append(weight)
    mesh = np.meshgrid(*axes, indexing="ij")
    w = weights[0]
    for more in weights[1:]:
        w = np.multiply.outer(w, more)
    values = {n: a.reshape(-1, 1) for n, a in zip(names, mesh, strict=True)}
    size = w.size
    values |= {n: np.full((size, 1), v) for n, v in hypothesis.fixed().items()}
    return values, np.log(np.maximum(w.ravel(), 1e-300))


def evidence_on_grid(hypothesis, curve, points):
    """Log evidence by a product grid over all free parameters."""
    values, log_w = grid_values(hypothesis, curve, points)
    x = (curve.x - curve.centre)[None, :]
    own = {n: values[n] for n in hypothesis.trend.parameter_names()}
    skill = hypothesis.trend(x, **own) + np.zeros((log_w.size, 1))
    share = special.logsumexp(log_w + log_gate(hypothesis, x, own, skill, values))
    return special.logsumexp(log_w + many(curve, hypothesis, values, 61)) - share


def evidence_by_draws(hypothesis, curve, draws, seed):
    """Log evidence by draws from the prior, and its standard error."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, prior in hypothesis.priors(curve).items():
        values[name] = prior.from_normal(rng.standard_normal((draws, 1)))
    values |= {n: np.full((draws, 1), v) for n, v in hypothesis.fixed().items()}
    x = (curve.x - curve.centre)[None, :]
    own = {n: values[n] for n in hypothesis.trend.parameter_names()}
    skill = hypothesis.trend(x, **own) + np.zeros((draws, 1))
    share = special.logsumexp(log_gate(hypothesis, x, own, skill, values)) - np.log(draws)
    ll = many(curve, hypothesis, values)
    w = np.exp(ll - ll.max())
    return ll.max() + np.log(w.mean()) - share, w.std() / w.mean() / np.sqrt(draws)
