"""Outer parameters: what is sampled because no Gaussian describes it.

Noise, rates, and the place and width of a break each have an axis; on each
axis a histogram, learnt from the nodes so far, says where to put the next
ones. A share of every round is spread as in the first, on all axes at once,
so that no place is ever shut out. Each round is weighted by its own density
only: weights that mix the rounds' densities would be biased downwards, since
later rounds go where earlier nodes happened to weigh most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numba import njit
from scipy import ndimage

#: Bins of a continuous axis.
BINS = 256
#: Share of the nodes of later rounds that are spread as in the first.
SPREAD = 0.15
# share of even spread kept in every learnt histogram
_EVEN = 0.05


@dataclass(eq=False)
class Axis:
    """One axis of C curves: the mass of each bin, one array a round.

    Attributes
    ----------
    rounds : list of (C, bins) arrays
        Probability of each bin in each round.
    continuous : bool
        Nodes lie anywhere in their bin (else the bin is the node).
    """

    rounds: list[np.ndarray]
    continuous: bool
    bins: list[np.ndarray] = field(default_factory=list)

    def learn(self, weight: np.ndarray) -> None:
        """Add a round whose histogram follows the weights (C, N) of the nodes so far."""
        first = self.rounds[0]
        size, count = first.shape
        flat = np.concatenate(self.bins, axis=1) + np.arange(size)[:, None] * count
        mass = np.bincount(flat.ravel(), weight.ravel(), size * count).reshape(size, count)
        effective = 1.0 / np.maximum((weight * weight).sum(1), 1e-300)
        smooth = _smoothed(mass, effective) if self.continuous else _to_neighbours(mass)
        total = smooth.sum(1, keepdims=True)
        known = total[:, 0] > 0
        smooth[known] /= total[known]
        smooth[~known] = first[~known]
        self.rounds.append((1 - _EVEN) * smooth + _EVEN * first)

    def draw(self, u: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Bins (C, n) at uniforms u (C, n); continuous axes give shares of the prior instead.

        Where `spread` (C, n) is true the first histogram is followed, else the latest.
        """
        bins, share = _place(np.cumsum(self.rounds[-1], axis=1), u)
        if spread.any():
            first = _place(np.cumsum(self.rounds[0], axis=1), u)
            bins, share = (
                np.where(spread, a, b) for a, b in zip(first, (bins, share), strict=True)
            )
        self.bins.append(bins)
        return (bins + share) / self.rounds[0].shape[1] if self.continuous else bins

    def log_density(self, bins: np.ndarray, index: int) -> np.ndarray:
        """Log density (of shares if continuous, else mass) of round `index` at bins (C, n)."""
        with np.errstate(divide="ignore"):
            p = np.log(self.rounds[index] * (self.rounds[0].shape[1] if self.continuous else 1.0))
        return p[np.arange(bins.shape[0])[:, None], bins]


def _to_neighbours(mass: np.ndarray) -> np.ndarray:
    """Histograms (C, count) with a seventh of a bin's mass given to each neighbour."""
    count = mass.shape[1]
    # no product of matrices: its last digits would depend on the other curves
    part = mass / (5.0 + (np.arange(count) > 0) + (np.arange(count) < count - 1))
    wide = np.zeros((mass.shape[0], count + 2))
    wide[:, 1:-1] = part
    return 5.0 * part + wide[:, :-2] + wide[:, 2:]


#: Bins that a moving average takes in; three of them in a row are nearly a Gaussian blur.
_REACHES = np.array([1, 3, 5, 9, 15, 25, 41, 63])


def _smoothed(mass: np.ndarray, effective: np.ndarray) -> np.ndarray:
    """Histograms (C, bins) blurred by the rule of thumb for a density from so few nodes."""
    k = np.arange(mass.shape[1])
    total = np.maximum(mass.sum(1), 1e-300)
    mean = mass @ k / total
    spread = np.sqrt(np.maximum(mass @ (k * k) / total - mean * mean, 0.0))
    wanted = 0.8 * spread * effective**-0.2
    # three averages over n bins have variance (n² − 1)/4
    reach = np.sqrt(4.0 * wanted * wanted + 1.0)
    level = np.abs(np.log(reach)[:, None] - np.log(_REACHES)).argmin(1)
    found = mass.copy()
    for i in np.unique(level[level > 0]):
        own = found[level == i]
        for _ in range(3):
            own = ndimage.uniform_filter1d(own, int(_REACHES[i]), axis=1, mode="reflect")
        found[level == i] = np.maximum(own, 0.0)
    return found


@njit(cache=True, nogil=True)
def _place(below, u):
    size, count = below.shape
    bins = np.empty(u.shape, np.int64)
    share = np.empty(u.shape)
    for c in range(size):
        for r in range(u.shape[1]):
            v = u[c, r] * below[c, count - 1]
            k = min(np.searchsorted(below[c], v, side="right"), count - 1)
            start = below[c, k - 1] if k > 0 else 0.0
            bins[c, r] = k
            share[c, r] = min(max((v - start) / max(below[c, k] - start, 1e-300), 1e-9), 1 - 1e-9)
    return bins, share


def tempered(log_w: np.ndarray, least: float) -> np.ndarray:
    """Weights (C, N) summing to 1, flattened until `least` nodes are effective.

    A few early nodes must not decide alone where the next ones go.
    """
    power = np.ones((log_w.shape[0], 1))
    top = log_w.max(1, keepdims=True)
    # where nothing has weight yet, every node has the same
    log_w = np.where(np.isfinite(top), log_w - np.where(np.isfinite(top), top, 0.0), 0.0)
    for _ in range(12):
        w = np.exp(power * log_w)
        w /= w.sum(1, keepdims=True)
        few = 1.0 / (w * w).sum(1) < least
        if not few.any():
            break
        power[few] *= 0.75
    return w


def log_density(axes: list[Axis]) -> np.ndarray:
    """Log density (C, n) of the latest round at its own nodes, over all axes."""
    first, latest = (
        np.sum([a.log_density(a.bins[-1], index) for a in axes], axis=0) for index in (0, -1)
    )
    if len(axes[0].rounds) == 1:
        return first
    return np.logaddexp(np.log(SPREAD) + first, np.log1p(-SPREAD) + latest)


def gap_nodes(edges: np.ndarray, wide: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of a break in the gaps between scales, and the parts of the gaps they stand for.

    The middle of each gap, or two Gauss-Legendre nodes where it is wider than `wide`.

    Parameters
    ----------
    edges : array
        Distinct scales between which a break may lie, ascending.
    wide : float
        In units of the scales.

    Returns
    -------
    at, ends : (L,), (L, 2) arrays
    """
    at, ends = [], []
    for low, high in pairwise(edges.tolist()):
        u = [0.5] if high - low <= wide else [0.5 - 0.5 / np.sqrt(3), 0.5 + 0.5 / np.sqrt(3)]
        at += [low + (high - low) * v for v in u]
        ends += list(pairwise(np.linspace(low, high, len(u) + 1).tolist()))
    return np.array(at), np.array(ends)
