"""What the kernels are given, one named tuple a concept."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np

#: How a change can be invisible (`Gate.way`).
NO_GATE, AROUND_MEAN, AGAINST_OTHERS = 0, 1, 2


class Scores(NamedTuple):
    """What is known of C curves' m scores at A rates and J noises.

    `which`, `value` and `grid` are those of `tables.Profiles`, the latter as
    flat arrays: index arithmetic in four dimensions would cost more than the cubic.
    `left` (C, A) is the share of a change that a trend which saturates leaves to be seen; of a
    change of a loss it leaves what `gate._shown` says, over `floor` (C, A).
    """

    kind: int
    which: np.ndarray
    value: np.ndarray
    grid: np.ndarray
    rates: int
    seen: np.ndarray
    variance: np.ndarray
    constant: np.ndarray
    left: np.ndarray
    floor: np.ndarray
    mask: np.ndarray
    guide: np.ndarray
    guide_info: np.ndarray
    sigma: np.ndarray


class Gate(NamedTuple):
    """How small a change must be to be invisible, and what of skill shows (`f` on a grid).

    For losses `start` and `step` are where raw skill is 0 on the scale, and its unit.
    """

    way: int
    continuous: bool
    visible: float
    f: np.ndarray
    start: float
    step: float


class Rows(NamedTuple):
    """Skill of R rows as base + Σ_j inner_j·basis_j, and the same without the break.

    (R, m), (R, q, m), (R, n, m) and (R, n, q, m) arrays, `basis` padded with zeros to q = 3.
    """

    base: np.ndarray
    basis: np.ndarray
    others: np.ndarray
    other_basis: np.ndarray


#: Scratch memory by shape, for m models, q inner parameters, k points of each of J noises. Where
#: there are fewer than three inner parameters, rows are three all the same (`scratch`).
_SCRATCH = {
    "m": "s slope bend shown lean there there_lean gap",
    "rows": "coef speed grad new_grad tilt move middle first_moments",
    "q": "trial mode",
    "two": "ajar",
    "rows rows": "matrix new_matrix low shape moments",
    "rows k": "z tau values",
    "k": "total power skill mean",
    "m k": "fraction",
    "rows all": "all_values",
    "all": "all_totals owner",
}
Work = namedtuple("Work", " ".join(_SCRATCH.values()))
_SHAPES = {name: shape.split() for shape, names in _SCRATCH.items() for name in names.split()}


def scratch(m: int, q: int, k: int, noises: int) -> Work:
    """Return scratch memory for one thread."""
    size = {"m": m, "rows": max(q, 3), "q": q, "two": 2, "k": k, "all": noises * k}
    arrays: dict[str, np.ndarray] = {
        name: np.zeros([size[part] for part in shape]) for name, shape in _SHAPES.items()
    }
    arrays["owner"] = arrays["owner"].astype(np.int64)
    arrays["shape"] += np.eye(size["rows"])
    return Work(**arrays)


class Given(NamedTuple):
    """What one hypothesis and its curves are to the kernels; `maps` (q, points) are the priors'."""

    rows: Rows
    scores: Scores
    gate: Gate
    maps: np.ndarray
    work: Any


#: Curve, row of `Rows`, rates and noise at which the inner parameters are looked at.
Place = namedtuple("Place", "c w a j")
#: R points of the outer parameters, (R,) arrays: curve, rates, row of `Rows`, and the log weight
#: that each will get. Points of one curve stand together.
Sought = namedtuple("Sought", "curve rate where weight")
#: Standard deviates `t` (N, q, K) in pairs ±t, their log densities (N, K); the set that each point
#: takes for its first σ, `pick` (R,), the next σ takes the next; `shift`, uniform, for the choice
#: of what is kept at a curve's first point.
Deviates = namedtuple("Deviates", "t log_density pick shift")
#: What the walk through the noise fills in (see `room`).
Found = namedtuple(
    "Found", "modes log_m variance noise_mass kept kept_noise kept_weight calls largest"
)


def room(size: int, q: int, noises: int, keep: int) -> Found:
    """Room for what is found at `size` points.

    Modes (R, q) at the first σ; log of the integral and its relative variance (R,);
    log of each σ's share of it (R, J); inner parameters kept (R, keep, q), their nodes
    of σ and the log share of the integral that each stands for (R, keep): most are drawn
    in proportion to their weight, the rest evenly, to have the tails; number of nodes at
    which the integrand was evaluated, and its share on the heaviest of them (R,).
    """
    return Found(
        np.empty((size, q)), np.empty(size), np.empty(size), np.empty((size, noises)),
        np.empty((size, keep, q)), np.empty((size, keep), np.int64), np.empty((size, keep)),
        np.empty(size, np.int64), np.empty(size),
    )  # fmt: skip
