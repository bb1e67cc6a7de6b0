"""The lattice of what is not skill: noise between models, guess rate, lapse rate.

These three enter every hypothesis of a curve alike, so their nodes, and the
profiles of the scores at these nodes (see `tables`), are made once a curve.
The nodes are those of a quadrature rule: the sum over the lattice of
weight × integrand is the integral under the priors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import Noise
from emergent_stats.model.observed import BINOMIAL, SKILL_NORMAL, Observations, counts_between
from emergent_stats.model.priors import Prior

_Z = np.linspace(-8.0, 8.0, 1601)
#: Smallest noise between models that is told from none, in nats; less counts as this much.
LEAST_SIGMA = 5e-4
# prior probability below which a rate as extreme as the scores is out of the question
_RULED_OUT = 1e-6
# places at which the fit of a line is looked at, and nodes of what is irreducible in a loss
_LOSS_GRID, _LOSS_NODES = 160, 64
# shares of those nodes that follow the prior, a loosened fit, and the fit itself
_LOSS_SHARES = (0.15, 0.35, 0.5)
# nats below the best fit down to which it is looked at more closely
_CLOSELY = 8.0
# prior mass below which a stretch weighs nothing
_NO_MASS = 1e-14
# shares of a rate's nodes that follow the prior, the extreme score (closely and loosely), and
# what the scores at either end of the axis have in common
_RATE_SHARES = (0.25, 0.2, 0.15, 0.4)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Nodes and log weights of C curves.

    Attributes
    ----------
    sigma, log_sigma_weight : (C, J) arrays
        Noise between models, in nats.
    guess, lapse, log_rate_weight : (C, A) arrays
        Every pair of a guess and a lapse rate.
    shape : (G, L)
        Numbers of guess and lapse rates, A = G·L.
    """

    sigma: np.ndarray
    log_sigma_weight: np.ndarray
    guess: np.ndarray
    lapse: np.ndarray
    log_rate_weight: np.ndarray
    shape: tuple[int, int]

    def take(self, rows: np.ndarray) -> Lattice:
        """Lattice of some of the curves."""
        return Lattice(
            self.sigma[rows], self.log_sigma_weight[rows], self.guess[rows], self.lapse[rows],
            self.log_rate_weight[rows], self.shape,
        )  # fmt: skip


def lattice(
    obs: Observations,
    metric: Metric,
    noise: Noise,
    spacing: float,
    guesses: int,
    lapses: int,
    alike: bool = False,
    x: np.ndarray | None = None,
) -> Lattice:
    """Nodes for the curves of `obs`.

    Parameters
    ----------
    obs : Observations
        Of C curves.
    metric, noise : Metric, Noise
        Numbers in place of priors give a single node.
    spacing : float
        Of the nodes of σ, in standard deviations of its posterior where the
        trend fits well: 1/√(2m) in log σ.
    guesses, lapses : int
        Most nodes of a free guess and of a free lapse rate.
    alike : bool
        The curves share their nodes, made for the middle one of them.
    x : (C, m) array, optional
        Scales; losses of which something may be irreducible need them.
    """
    count = len(obs.mask)
    sigma, log_sigma = _sigma_nodes(obs, noise, spacing)
    low, high, width_low, width_high, floors, tops = _ends(obs, metric, alike)
    if alike:
        # wide enough for the spread between the series
        low, width_low = _middle(low, width_low)
        high, width_high = _middle(high, width_high)
    priors, fixed = metric.priors(), metric.fixed()
    rates = []
    for name, at, width, most, shared in (
        ("guess", low, width_low, guesses, floors),
        ("lapse", high, width_high, lapses, tops),
    ):
        if name in priors and obs.kind == SKILL_NORMAL:
            assert x is not None
            rates.append(_irreducible_nodes(priors[name], obs, x, metric))
        elif name in priors:
            # what saturation loses can be anything
            wide = name == "lapse" and metric.saturating() == metric
            size = int(np.ceil(1.5 * most)) if wide else most
            made = _rate_nodes(priors[name], at, width, size, shared)
            rates.append(tuple(np.repeat(part, count // len(part), axis=0) for part in made))
        else:
            value = np.full((count, 1), fixed.get(name, 0.0))
            rates.append((value, np.zeros((count, 1))))
    (guess, log_guess), (lapse, log_lapse) = rates
    g, lp = guess.shape[1], lapse.shape[1]
    return Lattice(
        sigma,
        log_sigma,
        np.repeat(guess, lp, axis=1),
        np.tile(lapse, (1, g)),
        (log_guess[:, :, None] + log_lapse[:, None, :]).reshape(count, -1),
        (g, lp),
    )


def _sigma_nodes(obs: Observations, noise: Noise, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal rule for σ; what is below the first node belongs to it."""
    count = len(obs.mask)
    if not isinstance(noise.sigma, Prior):
        return np.full((count, 1), max(float(noise.sigma), 1e-6)), np.zeros((count, 1))
    value = noise.sigma.from_normal(_Z)
    top = float(noise.sigma.from_normal(np.array(6.0)))
    # σ well below the noise of the examples cannot be told from none
    finest = 0.3 / np.sqrt(max(float(np.max(obs.guide_info * obs.mask)), 1e-12))
    if obs.kind == SKILL_NORMAL:
        finest = LEAST_SIGMA
    bottom = float(np.clip(finest, LEAST_SIGMA, 0.03 * top))
    m = int(obs.mask.sum(1).max())
    # even in a coordinate that runs like log σ where the scores decide and like the prior's z
    # where its tail does: what follows a posterior of either width
    log_s = np.linspace(np.log(bottom), np.log(top), 4001)
    z = np.interp(np.exp(log_s), value, _Z)
    even = np.sqrt(2.0 * m) * log_s + 1.2 * np.logaddexp(z, 0.0)
    count_nodes = int(np.ceil((even[-1] - even[0]) / spacing)) + 1
    wanted = np.linspace(even[0], even[-1], count_nodes)
    log_nodes = np.interp(wanted, even, log_s)
    nodes = np.exp(log_nodes)
    speed = np.interp(log_nodes, log_s, np.gradient(log_s, even))
    log_w = noise.sigma.log_density(nodes) + log_nodes + np.log(speed * (wanted[1] - wanted[0]))
    # half a step, or what falls steeply from the first node on would count twice
    below = float(special.ndtr(np.interp(nodes[0], value, _Z)))
    log_w[0] = np.logaddexp(log_w[0] - np.log(2.0), np.log(max(below, 1e-300)))
    return np.tile(nodes, (count, 1)), np.tile(log_w, (count, 1))


def _middle(at: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One place and width (1,) for all curves."""
    wide = np.hypot(np.median(width), np.subtract(*np.quantile(at, [0.84, 0.16])) / 2)
    return np.array([np.median(at)]), np.array([wide])


def _ends(obs: Observations, metric: Metric, alike: bool):
    """Scores that leave least to either rate: (C,) each, with their standard errors.

    One is a score, the other what a score lacks; one on a handful of examples may leave more than
    a higher one.
    Then what the scores at either end of the axis have in common, and what those lack
    (`_in_common`; None where the curves are `alike` and share their nodes). As shares of right
    answers: an error rate is turned round.
    """
    if obs.kind == SKILL_NORMAL:
        zero = np.zeros(len(obs.mask))
        return zero, zero, zero + 1.0, zero + 1.0, None, None
    top = type(metric).range[1] if metric.direction > 0 else metric.chance
    if obs.kind == BINOMIAL:
        n = np.maximum(obs.n, 1.0)
        # a rounded score stands for a range of counts, of which it may be either end
        low, high = counts_between(obs)
        half = 0.5 * (high - low) / n
        share = np.where(half > 0, 0.5 * (low + high) / n, obs.value)
        own = np.maximum(share * (1 - share), 1.0 / n)
        spread = np.sqrt(own / n + half**2 / 3.0)
        weight = np.where(half > 0, own / spread**2, n)
    else:
        share, spread = obs.value / top, obs.error / top
        weight = 1.0 / spread**2
    if metric.direction < 0:
        share = 1.0 - share
    share, weight = np.where(obs.mask, share, 0.0), np.where(obs.mask, weight, 0.0)
    rows = np.arange(len(obs.mask))
    first = np.where(obs.mask, share + 3.0 * spread, np.inf).argmin(1)
    last = np.where(obs.mask, share - 3.0 * spread, -np.inf).argmax(1)
    return (
        np.maximum(share[rows, first], 0.0),
        np.maximum(1.0 - share[rows, last], 0.0),
        spread[rows, first],
        spread[rows, last],
        None if alike else _in_common(share, weight, obs.kind == BINOMIAL),
        None if alike else _in_common(1.0 - share, weight, obs.kind == BINOMIAL),
    )


def _in_common(
    share: np.ndarray, weight: np.ndarray, counts: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Means and standard errors (B,) of the first and the last 2, 4, 8 … scores, for each curve.

    Many models at the floor pin a guess rate down far better than the lowest of them does.
    """
    found = []
    for own, w in zip(share, weight, strict=True):
        own, w = own[w > 0], w[w > 0]
        ends = [2**k for k in range(1, int(np.log2(own.size)) + 1)]
        parts = [slice(None, k) for k in ends] + [slice(-k, None) for k in ends]
        total = np.array([w[p].sum() for p in parts])
        mean = np.array([(w[p] * own[p]).sum() for p in parts]) / total
        # the weights of means of other scores are their inverse variances
        square = np.maximum(mean * (1.0 - mean), 1.0 / total) if counts else 1.0
        found.append((mean, np.sqrt(square / total)))
    return found


def _rate_nodes(
    prior: Prior,
    at: np.ndarray,
    width: np.ndarray,
    most: int,
    shared: list[tuple[np.ndarray, np.ndarray]] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (C, most) of a rate that may be anything up to `at`, or explain just `at`.

    Equal shares of the distribution function of a mixture: the prior up to
    the extreme score, a bump of the score's own width around it, a wider one,
    and bumps at what the scores at either end of the axis have in common
    (`shared`). Where the prior does not reach that far, the likelihood is smooth in
    the rate, and a few Gauss nodes of the prior do; the rest weigh nothing.
    """
    value = prior.from_normal(_Z)
    found = np.empty((at.size, most))
    log_weight = np.empty((at.size, most))
    nothing = [(np.zeros(0), np.zeros(0))] * at.size
    for i, (a, w) in enumerate(zip(at.tolist(), width.tolist(), strict=True)):
        # a rate that explains the extreme score gains many nats where n is large, so only a
        # prior that all but rules it out keeps it from mattering
        if special.ndtr(-np.interp(a - 3.0 * w, value, _Z)) > _RULED_OUT:
            common = (shared or nothing)[i]
            found[i], log_weight[i] = _mixture_nodes(prior, value, a, 1.5 * w, most, common)
        else:
            found[i], log_weight[i] = _prior_nodes(prior, -(-most // 2), most)
    return found, log_weight


def _irreducible_nodes(
    prior: Prior, obs: Observations, x: np.ndarray, metric: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (C, K) of what is irreducible in a loss, each with its stretch's prior mass.

    Some are spread like the prior, some follow how well a line fits the skills behind the losses,
    as a posterior would, and some do so more loosely, for trends and noises that fit otherwise.
    """
    found, log_weight = [], []
    # no loss can be irreducible above the lowest seen, and all that matters happens close to it
    near = np.exp(-np.linspace(0.0, 12.0, _LOSS_GRID))
    z = np.linspace(-6.0, 6.0, _LOSS_GRID)
    for value, error, on, at in zip(obs.value, obs.error, obs.mask, x, strict=True):
        shown, wide, own = value[on], error[on], at[on]
        lowest = float(metric.to_loss(shown.max()))
        grid = np.unique(np.concatenate([prior.from_normal(z), lowest * (1.0 - near)]))
        grid = grid[(grid > float(prior.from_normal(np.array(-6.5)))) & (grid < lowest)]
        if grid.size < 2:
            # the prior knows nothing irreducible that small: as good as impossible
            found.append(np.full(_LOSS_NODES, 0.5 * lowest))
            log_weight.append(np.where(np.arange(_LOSS_NODES) > 0, -np.inf, np.log(_NO_MASS)))
            continue
        fit = _fit_of_line(shown, wide, own, grid, metric)
        # losses may tell what is irreducible in them to less than a step of the grid
        good = np.flatnonzero(fit > fit.max() - _CLOSELY)
        ends = grid[max(good[0] - 1, 0)], grid[min(good[-1] + 2, grid.size - 1)]
        grid = np.unique(np.concatenate([grid, np.linspace(*ends, 2 * _LOSS_GRID)]))
        fit = _fit_of_line(shown, wide, own, grid, metric)
        mass = np.diff(special.ndtr(_z_of(prior, grid)))
        share = np.zeros(mass.size)
        for part, power in zip(_LOSS_SHARES, (0.0, 0.5, 1.0), strict=True):
            with np.errstate(divide="ignore"):
                follows = power * fit + np.log(mass)
            follows = np.exp(follows - follows.max())
            share += part * follows / follows.sum()
        below = np.concatenate([[0.0], np.cumsum(share)])
        edges = np.interp(np.linspace(0.0, below[-1], _LOSS_NODES + 1), below, grid)
        rate, weight = _stretches(prior.from_normal(_Z), _z_of(prior, edges))
        found.append(np.minimum(rate, lowest * (1.0 - 1e-9)))
        log_weight.append(weight)
    return np.array(found), np.array(log_weight)


def _fit_of_line(
    shown: np.ndarray, error: np.ndarray, x: np.ndarray, edges: np.ndarray, metric: Any
) -> np.ndarray:
    """Log likelihood (K,) of what is irreducible between K + 1 edges, with a line behind it.

    The line is the best one and the noise between models is integrated out; none fits better
    than the errors of the losses and the least noise allow.
    """
    middle = 0.5 * (edges[1:] + edges[:-1])
    skill, slope = metric.beyond(shown, middle[:, None])
    line = np.stack([np.ones_like(x), x], axis=1)
    rest = skill - skill @ (line @ np.linalg.pinv(line)).T
    least = ((error * slope) ** 2).sum(1) + x.size * LEAST_SIGMA**2
    return np.log(slope).sum(1) - 0.5 * max(x.size - 1, 1) * np.log((rest**2).sum(1) + least)


def _z_of(prior: Prior, value: np.ndarray) -> np.ndarray:
    return np.interp(value, prior.from_normal(_Z), _Z)


@lru_cache(maxsize=64)
def _prior_nodes(prior: Prior, count: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and log weights of a prior, filled up to `most` with what weighs nothing."""
    # eigenvalues of the recurrence of the prior's orthogonal polynomials (Golub and Welsch 1969),
    # by Stieltjes with a fine trapezoidal rule in z
    x, mass = prior.from_normal(_Z), np.exp(-0.5 * _Z * _Z)
    mass /= mass.sum()
    past, now = np.zeros_like(x), np.ones_like(x)
    diagonal, off = [], []
    norm = 1.0
    for _ in range(count):
        mean = float(mass @ (x * now * now) / (mass @ (now * now)))
        diagonal.append(mean)
        past, now = now, (x - mean) * now - (off[-1] ** 2 if off else 0.0) * past
        size = float(mass @ (now * now))
        off.append(np.sqrt(size / norm))
        norm = size
    matrix = np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1)
    nodes, vectors = np.linalg.eigh(matrix)
    rate, log_w = np.full(most, nodes[0]), np.full(most, -np.inf)
    rate[:count], log_w[:count] = nodes, 2 * np.log(np.abs(vectors[0]))
    return rate, log_w


def _mixture_nodes(
    prior: Prior,
    value: np.ndarray,
    at: float,
    width: float,
    most: int,
    common: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    # few examples leave any rate possible that the prior knows
    end = min(at + 4.0 * width, float(value[-1]))
    share = float(special.ndtr(np.interp(end, value, _Z)))
    rest, close, loose, pinned = _RATE_SHARES
    bumps = [(close, at, width), (loose, at, width + 0.25 * at)]
    # no rate is far above the extreme score, nor where the prior has nothing (a bump at 0, of
    # scores without a right answer, counts by where it reaches)
    there = (common[0] < end) & (np.abs(np.interp(sum(common), value, _Z)) < 5.0)
    if there.any():
        bumps += [(pinned / there.sum(), m, 1.5 * s)
                  for m, s in zip(common[0][there], common[1][there], strict=True)]  # fmt: skip
    whole = rest + sum(weight for weight, *_ in bumps)
    grid = np.concatenate([value, *(m + w * np.linspace(-6.0, 6.0, 241) for _, m, w in bumps)])
    grid = np.unique(grid[(grid > value[0]) & (grid < value[-1])])
    below = rest / whole * np.minimum(special.ndtr(np.interp(grid, value, _Z)) / share, 1.0)
    for weight, m, w in bumps:
        start = special.ndtr(-m / w)
        upper = special.ndtr((end - m) / w) - start
        reached = np.clip((special.ndtr((grid - m) / w) - start) / upper, 0.0, 1.0)
        below += weight / whole * reached
    keep = np.concatenate([[True], np.diff(below) > 1e-14])
    edges = np.interp(np.arange(1, most) / most, below[keep], grid[keep])
    z = np.concatenate([[-8.0], np.interp(edges, value, _Z), [np.interp(end, value, _Z)]])
    return _stretches(value, z)


def _stretches(value: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (K,) and log weights of the stretches between K + 1 values of a prior's z.

    A node has the prior mass of its stretch, and stands at its mean: what is
    linear there is integrated exactly, however lumpy the stretches.
    """
    density = np.exp(-0.5 * _Z * _Z) / np.sqrt(2 * np.pi)
    first = np.concatenate([[0.0], np.cumsum((value * density)[1:] + (value * density)[:-1])])
    first *= 0.5 * (_Z[1] - _Z[0])
    mass = np.diff(special.ndtr(z))
    there = mass > _NO_MASS
    rate = np.diff(np.interp(z, _Z, first)) / np.where(there, mass, 1.0)
    edges = np.interp(z, _Z, value)
    rate = np.clip(rate, np.maximum(edges[:-1], 0.0), edges[1:])
    with np.errstate(divide="ignore"):
        return rate, np.where(there, np.log(mass), -np.inf)
