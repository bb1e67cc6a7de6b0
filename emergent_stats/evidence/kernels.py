"""What the kernels are given, one named tuple a concept, and how they are compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: How a change can be invisible (`Gate.way`).
NO_GATE, AROUND_MEAN, AGAINST_OTHERS = 0, 1, 2


class Scores(NamedTuple):
    """What is known of C curves' m scores at A rates and J noises.

    `which`, `value` and `grid` are those of `tables.Profiles`, the latter as
    flat arrays: index arithmetic in four dimensions would cost more than the cubic.
    `left` (C, A) is the share of a change that a trend which saturates leaves to be seen.
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
    mask: np.ndarray
    guide: np.ndarray
    guide_info: np.ndarray
    sigma: np.ndarray


class Gate(NamedTuple):
    """How small a change must be to be invisible, and what of skill shows (`f` on a grid)."""

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


class Work(NamedTuple):
    """Scratch memory of the kernels, for m models, q inner parameters, k points of each σ.

    Where there are fewer than three inner parameters, arrays have three rows all the same.
    """

    s: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    shown: np.ndarray
    lean: np.ndarray
    there: np.ndarray
    there_lean: np.ndarray
    gap: np.ndarray
    coef: np.ndarray
    speed: np.ndarray
    grad: np.ndarray
    new_grad: np.ndarray
    tilt: np.ndarray
    move: np.ndarray
    middle: np.ndarray
    first_moments: np.ndarray
    trial: np.ndarray
    mode: np.ndarray
    ajar: np.ndarray
    matrix: np.ndarray
    new_matrix: np.ndarray
    low: np.ndarray
    shape: np.ndarray
    moments: np.ndarray
    z: np.ndarray
    tau: np.ndarray
    values: np.ndarray
    total: np.ndarray
    power: np.ndarray
    skill: np.ndarray
    mean: np.ndarray
    fraction: np.ndarray
    all_values: np.ndarray
    all_totals: np.ndarray
    owner: np.ndarray


def scratch(m: int, q: int, k: int, noises: int) -> Work:
    """Return scratch memory for one thread."""
    rows = max(q, 3)
    arrays: list[np.ndarray] = [
        *(np.zeros(m) for _ in range(8)),
        *(np.zeros(rows) for _ in range(8)),
        np.zeros(q), np.zeros(q), np.zeros(2),
        *(np.zeros((rows, rows)) for _ in range(5)),
        *(np.zeros((rows, k)) for _ in range(3)),
        *(np.zeros(k) for _ in range(4)),
        np.zeros((m, k)), np.zeros((rows, noises * k)), np.zeros(noises * k),
        np.zeros(noises * k, np.int64),
    ]  # fmt: skip
    work = Work(*arrays)
    work.shape[:] = np.eye(rows)
    return work
