"""How much work goes into one evidence, and what error is large."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Error of a log evidence above which a warning is due.
LARGE_ERROR = 0.2


@dataclass(frozen=True)
class Effort:
    """How much work goes into one evidence.

    Attributes
    ----------
    cells : int
        Most combinations of the outer parameters' nodes that are all taken.
    budget : int
        Nodes around modes that are then shared out, about.
    scans : tuple of int
        Points of the outer parameters in each round that looks where to draw them.
    points : int
        Points of the outer parameters, where they are drawn.
    nodes : int
        Nodes around a mode, at most, where points are drawn.
    kept : int
        Nodes kept for posteriors, about.
    spacing, guesses, lapses
        Of the nuisance lattice (`nuisance.lattice`).
    enough : float
        Error of a log evidence at which no more is done.
    more, passes : int
        Points and largest number of further rounds.
    rescues : int
        Largest number of rounds, each four times the one before, for an evidence that would
        otherwise not be relied on; where it still would not, it gets a second opinion. None if 0.
    second : float
        Nats a score below the largest likelihood from which the best hypothesis of a curve fits so
        badly that posteriors may have several modes: evidences of scores (not of losses) then get
        a second opinion.
    """

    cells: int = 256
    budget: int = 1536
    scans: tuple[int, ...] = (48, 32)
    points: int = 64
    nodes: int = 16
    kept: int = 512
    spacing: float = 2.0
    guesses: int = 8
    lapses: int = 8
    enough: float = 0.05
    more: int = 64
    passes: int = 4
    rescues: int = 3
    second: float = 5.0


FULL = Effort()
#: For simulated series: many of them, each less exact.
QUICK = Effort(
    cells=64, budget=1024, scans=(24, 16), points=20, nodes=8, kept=256, spacing=2.1, guesses=5,
    lapses=4, enough=0.15, more=32, passes=1, rescues=0,
    second=float("inf"),
)  # fmt: skip
#: For a first look at simulated series, most of which are far from any threshold.
SCREEN = replace(QUICK, cells=32, budget=384, scans=(16, 10), points=10, nodes=4, passes=0)
