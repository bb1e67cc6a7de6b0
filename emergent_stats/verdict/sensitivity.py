"""What the probabilities of the accounts become under other priors, from the same nodes.

The nodes of an evidence carry parameter values and posterior masses, so the
evidence under another prior of the same parameters is a reweighting. The grid
scales the slope prior, the prior of heights and bends, and the largest width
that counts as a jump, each by ½, 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from emergent_stats.evidence.evidence import Evidence
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.learnt import WEAK, Priors
from emergent_stats.model.maths import log_sum
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import noise_for
from emergent_stats.model.priors import Gamma, HalfNormal, HalfStudentT, Prior, Rising, Uniform
from emergent_stats.model.trends import (
    ACCOUNTS,
    HEIGHT,
    JUMP_WIDTH,
    PRIOR,
    SLOPE,
    WIDTH_RANGE,
    Transition,
    WideTransition,
)
from emergent_stats.verdict.decision import chance_of, speaks_for
from emergent_stats.verdict.words import probability

FACTORS = (0.5, 1.0, 2.0)
GRID = tuple(product(FACTORS, FACTORS, FACTORS))
#: Cells in which at most one prior differs from the declared one: a robust verdict survives these.
#: The corners, where several priors turn against a verdict together, are reported.
ONE_AT_A_TIME = tuple(sum(factor != 1 for factor in cell) <= 1 for cell in GRID)


@lru_cache(maxsize=2048)
def scaled(hypothesis: Hypothesis, slope: float, height: float, width: float) -> Hypothesis:
    """Return the hypothesis with its slope and height priors and the jump width scaled."""
    trend, changes = hypothesis.trend, {}
    for name, prior in trend.priors().items():
        if name.startswith("slope") and isinstance(prior, HalfNormal | HalfStudentT):
            changes[name] = replace(prior, scale=prior.scale * slope)
        elif name in ("height", "bend", "fall") and isinstance(prior, Gamma):
            changes[name] = replace(prior, scale=prior.scale * height)
    if type(trend) is Transition:
        changes["width"] = Uniform(WIDTH_RANGE[0], JUMP_WIDTH * width)
    elif type(trend) is WideTransition:
        changes["width"] = Rising(JUMP_WIDTH * width, WIDTH_RANGE[1])
    return replace(hypothesis, trend=replace(trend, **changes))


@lru_cache(maxsize=2048)
def _doubled(hypothesis: Hypothesis, place: int) -> bool:
    """Whether one of the factors of `scaled`, by its place, does anything to a hypothesis."""
    return scaled(hypothesis, *np.insert(np.ones(2), place, 2.0).tolist()) != hypothesis


#: Transitions that change sides when the largest width of a jump is halved or doubled; they
#: have evidences of their own, since nodes of the standard ones are too few there.
EXTRA = {
    "wider_jump": Transition(width=Uniform(JUMP_WIDTH, 2 * JUMP_WIDTH)),
    "less_wide": WideTransition(width=Rising(JUMP_WIDTH / 2, WIDTH_RANGE[1])),
}


def extra_hypotheses(
    metric: Metric, smallest_change: float | None = None, priors: Priors = WEAK
) -> list[Hypothesis]:
    """Hypotheses of `EXTRA`, needed by `grid` beside the standard ones."""
    noise = priors.noise(noise_for(metric))
    return [
        Hypothesis(priors.trend(trend), metric, noise, name, smallest_change)
        for name, trend in EXTRA.items()
    ]


#: Nats behind the best from which no prior of the grid brings a hypothesis back.
_LOST = 14.0


class _Carried:
    """Log evidences under other priors, from the nodes at hand: each ratio of priors once."""

    def __init__(self, evidences: Mapping[str, Evidence]):
        self.evidences = evidences
        least = np.max([e.log_z for e in evidences.values()], axis=0) - _LOST
        self._lost = {name for name, e in evidences.items() if (e.log_z < least).all()}
        self._visible = {n: log_visible_share(e.hypothesis, e.curves) for n, e in evidences.items()}
        self._ratios: dict[tuple[str, str, Prior], np.ndarray] = {}
        self._log_z: dict[tuple, np.ndarray] = {}
        # which factors do something to a trend: cells that differ in others are one
        self._matter = {
            name: [_doubled(e.hypothesis, i) for i in range(3)] for name, e in evidences.items()
        }

    def log_z(self, name: str, cell: tuple[float, ...]) -> np.ndarray:
        """Log evidence (C,) of a standard hypothesis with priors scaled by `cell`."""
        cell = tuple(f if own else 1.0 for f, own in zip(cell, self._matter[name], strict=True))
        if name == "wide_transition" and cell[2] < 1:
            return self._transfer("less_wide", name, cell)
        if name == "transition" and cell[2] > 1:
            # both parts of the width's range, each under the whole range's prior
            parts = [self._transfer(source, name, cell) for source in ("transition", "wider_jump")]
            return log_sum(np.stack(parts), 0)
        return self._transfer(name, name, cell)

    def _transfer(self, source: str, name: str, cell: tuple[float, ...]) -> np.ndarray:
        """Log evidence (C,) under the scaled priors of `name`, over the nodes of `source`."""
        key, evidence = (source, name, cell), self.evidences[source]
        if source in self._lost or cell == (1.0, 1.0, 1.0):
            return evidence.log_z
        if key in self._log_z:
            return self._log_z[key]
        old, new = evidence.hypothesis, scaled(self.evidences[name].hypothesis, *cell)
        was, now, log_w = old.trend.priors(), new.trend.priors(), evidence.log_weight
        changed = [n for n in was if was[n] != now[n]]
        for n in changed:
            log_w = log_w + self._ratio(source, n, was[n], now[n])
        change = self._visible[source] - log_visible_share(new, evidence.curves)
        self._log_z[key] = log_sum(log_w, 1) + change if changed else evidence.log_z
        return self._log_z[key]

    def _ratio(self, source: str, name: str, was: Prior, now: Prior) -> np.ndarray:
        """Log of the new prior over the old one at the nodes of `source`."""
        key = source, name, now
        if key not in self._ratios:
            value = self.evidences[source].parameters[name]
            # nodes on the very edge of the old prior have no mass to carry over
            old = was.log_density(value)
            inside = old > -np.inf
            ratio = now.log_density(value) - np.where(inside, old, 0.0)
            self._ratios[key] = np.where(inside, ratio, -np.inf)
        return self._ratios[key]


def account_log_z(
    log_z: Mapping[str, np.ndarray], hypotheses: Mapping[str, Hypothesis]
) -> np.ndarray:
    """Log evidence of each account, (C, accounts): the mean over its hypotheses, −inf if none."""
    columns = []
    for account in ACCOUNTS:
        own = [log_z[n] for n, h in hypotheses.items() if h.account == account]
        members = np.stack(own or [np.full_like(next(iter(log_z.values())), -np.inf)])
        columns.append(log_sum(members, 0) - np.log(len(members)))
    return np.stack(columns, axis=1)


def account_evidence(evidences: Mapping[str, Evidence]) -> np.ndarray:
    """Log evidence of each account, (C, accounts), from the evidences of its hypotheses."""
    return account_log_z(
        {n: e.log_z for n, e in evidences.items()},
        {n: e.hypothesis for n, e in evidences.items()},
    )


def probabilities(account_z: np.ndarray, prior: Any = None) -> np.ndarray:
    """Posterior probability of each account, (C, accounts); prior shares `PRIOR` by default."""
    shares = list(PRIOR.values()) if prior is None else prior
    weighted = account_z + np.log(np.asarray(shares))
    found = np.exp(weighted - log_sum(weighted, 1)[:, None])
    return found / found.sum(1, keepdims=True)


def share_of(p: np.ndarray, *accounts: str) -> np.ndarray:
    """Sum of the probabilities (…, accounts) of some accounts, by name, (…).

    Examples
    --------
    >>> share_of(np.array([0.1, 0.2, 0.3, 0.4, 0.0]), "onset", "jump").round(2).item()
    0.7
    """
    return p[..., [ACCOUNTS.index(a) for a in accounts]].sum(-1)


def log_bayes_factor(account_z: np.ndarray) -> np.ndarray:
    """Log Bayes factor (C,) of real (jump or onset, equally likely) against gradual."""
    index = {a: i for i, a in enumerate(ACCOUNTS)}
    real = np.logaddexp(account_z[:, index["onset"]], account_z[:, index["jump"]]) - np.log(2)
    return real - account_z[:, index["gradual"]]


def grid(evidences: Mapping[str, Evidence], extra: Mapping[str, Evidence]) -> np.ndarray:
    """Account probabilities in every cell of `GRID`, (cells, C, accounts).

    Without `extra`, cells with another jump width are NaN.

    Parameters
    ----------
    evidences, extra : dict of Evidence
        Of the standard hypotheses and of `extra_hypotheses`, for the same curves.
    """
    known = {n: e.hypothesis for n, e in evidences.items()}
    carried = _Carried({**evidences, **extra})
    there = [i for i, cell in enumerate(GRID) if extra or cell[2] == 1]
    size = next(iter(evidences.values())).log_z.size
    log_z = {n: np.concatenate([carried.log_z(n, GRID[i]) for i in there]) for n in evidences}
    cells = np.full((len(GRID), size, len(ACCOUNTS)), np.nan)
    cells[there] = probabilities(account_log_z(log_z, known)).reshape(len(there), size, -1)
    return cells


# --- what changes the verdict --------------------------------------------------------------
@dataclass(frozen=True)
class Flip:
    """Priors under which the probabilities speak for another verdict than the declared ones.

    Attributes
    ----------
    factors : dict
        Of the priors that differ: slope, height, width.
    before, after : {"real", "smooth", "gradual", "flat", "falls", "undecided"}
        What the probabilities alone speak for (`decision.speaks_for`).
    account : {"real", "smooth", "gradual", "flat", "falls"}
        The one whose probability crosses the threshold.
    p_before, p_after : float
        Its probability under the declared priors and under these.
    """

    factors: Mapping[str, float]
    before: str
    after: str
    account: str
    p_before: float
    p_after: float


def flips(rows: Sequence[Mapping[str, float]], threshold: float) -> tuple[Flip, ...]:
    """Smallest changes of the priors that turn a verdict.

    A change of several priors is left out where a part of it does the same.

    Parameters
    ----------
    rows : sequence of dict
        As in `Comparison.sensitivity`; empty gives no flips.
    threshold : float
        Probability that a verdict needs.
    """
    declared = [r for r in rows if _changed(r) == {}]
    if not declared:
        return ()
    before = speaks_for(declared[0], threshold)
    found: list[Flip] = []
    for row in sorted(rows, key=lambda r: len(_changed(r))):
        factors, after = _changed(row), speaks_for(row, threshold)
        known = any(f.after == after and f.factors.items() <= factors.items() for f in found)
        if after == before or known:
            continue
        vaguer = after == "undecided" or (after == "smooth" and before != "undecided")
        account = before if vaguer else after
        p = chance_of(declared[0], account), chance_of(row, account)
        found.append(Flip(factors, before, after, account, *p))
    return tuple(found)


def _changed(row: Mapping[str, float]) -> dict[str, float]:
    return {name: row[name] for name in ("slope", "height", "width") if row[name] != 1}


def prior_words(name: str, factor: float) -> str:
    """One prior of the grid in words.

    Examples
    --------
    >>> prior_words("slope", 0.5)
    'slopes above 1.5 nats/decade are all but ruled out'
    """
    if name == "slope":
        top = 1.96 * SLOPE.scale * factor  # 95 % of a half-normal
        return (
            f"slopes above {top:.1f} nats/decade are all but ruled out"
            if factor < 1
            else f"slopes up to {top:.1f} nats/decade are allowed"
        )
    if name == "height":
        mean = HEIGHT.shape * HEIGHT.scale * factor
        return f"breaks are expected to be {'small' if factor < 1 else 'large'} ({mean:g} nats)"
    width = JUMP_WIDTH * factor
    return (
        f"only transitions within {width:g} decade count as jumps"
        if factor < 1
        else f"transitions up to {width:g} decade wide count as jumps"
    )


def flip_words(flip: Flip) -> str:
    """A flip as a sentence: `real` only if …: P(jump or onset) .80 → .97."""
    condition = " and ".join(prior_words(n, f) for n, f in flip.factors.items())
    said = {"smooth": "no break"}
    before, after = (said.get(v, v) for v in (flip.before, flip.after))
    name = {"real": "jump or onset", **said}.get(flip.account, flip.account)
    change = f"P({name}) {probability(flip.p_before)} → {probability(flip.p_after)}"
    lead = "{} only if" if flip.before == "undecided" else "{} no more if"
    verdict = after if before == "undecided" else before
    if "undecided" not in (before, after):
        return f"{after} instead of {before} if {condition}: {change}"
    return f"{lead.format(verdict)} {condition}: {change}"
