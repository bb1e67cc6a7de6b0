"""Many series packed as the pooled model wants them (see `pooled.model`): tables and constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from emergent_stats.bayes.pooled.tables import blurred, kept, log_at_least, log_binomial
from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.likelihood import BINOMIAL, kind_of
from emergent_stats.model.metrics import Metric
from emergent_stats.model.priors import Beta, Prior
from emergent_stats.model.trends import (
    BrokenSlowing,
    Flat,
    Kink,
    PowerLaw,
    Step,
    Trend,
    WideTransition,
)

#: Levels that stand for an unknown guess rate (thirds of its prior).
_GUESSES = 3
#: Width of the bend and of the transition that stand for slow changes, in decades.
_SLOW_WIDTH, _WIDE_WIDTH = 0.5, 1.5
# nodes of the chance of being kept: for a group of alternatives, for a line
_NODES, _LINE_NODES = 72, 12
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
#: Accounts that the pooled model knows: falls are not among them yet.
POOLED_ACCOUNTS = ("flat", "gradual", "onset", "jump")
#: Log weight of what is not there.
ALMOST_NEVER = -1e9


@dataclass(frozen=True)
class Selection:
    """Rule by which tasks were kept: the largest model does better than chance by a margin.

    Attributes
    ----------
    margin : float
        Score above chance that was asked for.
    examples : float
        Examples of the score that was judged, as a multiple of each curve's n.
    """

    margin: float = 0.05
    examples: float = 1.0


#: BIG-G's tasks were judged on all examples, of which the published scores are a fifth.
BIG_G_SELECTION = Selection(0.05, 5.0)


@dataclass(frozen=True)
class _Shape:
    """What a trend of the mixture is made of."""

    trend: Trend
    extra: str = ""
    every: int = 1

    @property
    def account(self) -> str:
        return self.trend.account


_SHAPES = (
    _Shape(Flat()),
    _Shape(PowerLaw()),
    _Shape(BrokenSlowing(width=_SLOW_WIDTH), "bend", 2),
    _Shape(WideTransition(width=_WIDE_WIDTH), "height", 2),
    _Shape(Kink(), "bend"),
    _Shape(Step(), "height"),
)


@dataclass(frozen=True)
class Tasks:
    """Many series as the model wants them: shape, and the arrays to fill it with.

    Attributes
    ----------
    kinds : int
        Number of metrics, each with a level of its own.
    selected : bool
    names, models, metric_names, families : tuple of str
    arrays : dict
    notes : tuple of str
        Series that were left out, and why.
    """

    size: tuple[int, ...]
    kinds: int
    selected: bool
    names: tuple[str, ...] = field(compare=False)
    models: tuple[str, ...] = field(compare=False)
    metric_names: tuple[str, ...] = field(compare=False)
    families: tuple[str, ...] = field(compare=False)
    arrays: dict[str, np.ndarray] = field(compare=False, repr=False)
    notes: tuple[str, ...] = field(compare=False, default=())

    @classmethod
    def of(cls, curves: Sequence[Curve], selection: Selection | None = None) -> Tasks:
        """Pack series; those that cannot be used are named in `notes`.

        Raises
        ------
        ValueError
            If fewer than two series can be used.
        """
        usable, notes = [], []
        for c in curves:
            reason = unfit(c)
            if reason:
                notes.append(f"{name_of(c)} left out: {reason}")
            else:
                usable.append(c)
        if len(usable) < 2:
            why = f" ({notes[0]})" if notes else ""
            raise ValueError(f"pooling needs 2 series or more, got {len(usable)}{why}")
        models = tuple(dict.fromkeys(n for c in usable for n in c.models))
        metrics = tuple(dict.fromkeys(c.metric for c in usable))
        families = tuple(dict.fromkeys(family_of(c) for c in usable))
        arrays = _arrays(usable, models, metrics, selection)
        arrays |= {
            "family": np.array([families.index(family_of(c)) for c in usable]),
            "length": np.array([c.m for c in usable]),
        }
        names = unique([name_of(c) for c in usable])
        sizes = (
            len(usable),
            len(models),
            len(families),
            *(arrays[n].shape for n in ("table", "shape")),
        )
        return cls(
            tuple(np.concatenate([np.atleast_1d(s) for s in sizes]).tolist()), len(metrics),
            selection is not None, names, models, metrics, families, arrays, tuple(notes),
        )  # fmt: skip


def name_of(curve: Curve) -> str:
    """Family and task, or else the metric."""
    parts = [str(curve.key[k]) for k in ("family", "task") if curve.key.get(k) is not None]
    return " ".join(parts) or curve.metric


def family_of(curve: Curve) -> str:
    """Family of the models; a table that names none is of one family."""
    return str(curve.key.get("family") or "")


def unique(names: list[str]) -> tuple[str, ...]:
    """Names with a number behind those that came before."""
    seen: dict[str, int] = {}
    found = []
    for n in names:
        seen[n] = seen.get(n, 0) + 1
        found.append(n if seen[n] == 1 else f"{n} ({seen[n]})")
    return tuple(found)


def unfit(curve: Curve) -> str:
    """Why a series cannot be pooled, empty if it can."""
    if kind_of(curve.metric_object) != BINOMIAL or curve.metric_object.direction < 0:
        return f"{curve.metric} is no count of right answers"
    if curve.n_scales < MIN_SCALES:
        return f"{curve.n_scales} scales, {MIN_SCALES} are needed for a break"
    if curve.n_scales < curve.m:
        return "several models of one scale"
    return ""


def levels(metric: Metric) -> tuple[np.ndarray, float]:
    """Guess rates that stand for the metric's, and its lapse rate."""
    guess, lapse = getattr(metric, "guess", 0.0), getattr(metric, "lapse", 0.0)
    if isinstance(guess, Prior):
        middle = (np.arange(_GUESSES) + 0.5) / _GUESSES
        rates = guess.quantile(middle, 1 - middle)
    else:
        rates = np.array([float(guess)])
    return rates, lapse.a / (lapse.a + lapse.b) if isinstance(lapse, Beta) else float(lapse)


def _arrays(curves, models, metrics, selection) -> dict[str, np.ndarray]:
    width = max(c.m for c in curves)
    gaps = max(c.m for c in curves) - 3
    count = len(curves)
    x = np.zeros((count, width))
    location, log_gap = np.zeros((gaps, count)), np.full((gaps, count), ALMOST_NEVER)
    model = np.zeros((count, width), int)
    tables, passed, row_task = [], [], []
    level_row = np.zeros((count, _GUESSES), int)
    log_level = np.full((count, _GUESSES), ALMOST_NEVER)
    for t, c in enumerate(curves):
        own = c.x - c.centre
        x[t] = own[-1]
        # a shorter series is filled up with its last scale and observations that say nothing
        x[t, : c.m] = own
        model[t] = models.index(c.models[-1])
        model[t, : c.m] = [models.index(n) for n in c.models]
        inner = own[1:-1]
        location[:, t] = inner[0]
        location[: inner.size - 1, t] = 0.5 * (inner[1:] + inner[:-1])
        log_gap[: inner.size - 1, t] = np.log(np.diff(inner) / np.ptp(inner))
        guesses, lapse = levels(c.metric_object)
        for g, guess in enumerate(guesses):
            level_row[t, g] = len(row_task)
            log_level[t, g] = -np.log(guesses.size)
            row_task.append(t)
            table, chance_kept = _tables(c, float(guess), lapse, width, selection)
            tables.append(table)
            passed.append(chance_kept)
    alternatives = _alternatives(x, location, log_gap)
    return alternatives | _nodes(alternatives["account"], alternatives["portion"]) | {
        "model": model,
        "table": np.stack(tables),
        "kept": kept(np.stack(passed if selection else passed[:1], axis=1)),
        "row_task": np.array(row_task),
        "level_row": level_row, "log_level": log_level,
        "kind": np.array([metrics.index(c.metric) for c in curves]),
    }  # fmt: skip


def _tables(curve: Curve, guess: float, lapse: float, width: int, selection):
    """Log likelihood per model (width, σ, skill), and of being kept on the fine grid of skill."""
    metric, n = curve.metric_object, np.round(curve.effective_n)
    fine = log_binomial(metric, np.round(curve.score * n), n, guess, lapse)
    passed = np.zeros(fine.shape[0])
    if selection is not None:
        judged = n[-1] * selection.examples
        least = judged * (np.nan_to_num(curve.chance) + selection.margin)
        passed = log_at_least(metric, least, judged, guess, lapse)
        fine[:, -1] += passed
    table = blurred(fine)
    empty = np.zeros((width - curve.m, *table.shape[1:]))
    return np.concatenate([table, empty]), passed


def _alternatives(
    x: np.ndarray, location: np.ndarray, log_gap: np.ndarray
) -> dict[str, np.ndarray]:
    """All alternatives as constants: every trend here is linear in its slope and its extra.

    Skill is top − slope·line − extra·shape: ``line`` (T, I), and per alternative
    ``shape`` (C, T, I), ``gain`` (C, T; rise per unit of the extra),
    ``log_weight`` (C, T), ``account``, ``portion`` and ``uses`` (C,).
    """
    x, span = x[None], x[:, -1] - x[:, 0]
    shapes, weights, account, portion, uses = [], [], [], [], []
    for shape in _SHAPES:
        kinds = sum(s.account == shape.account for s in _SHAPES)
        places, log_weight = location[:: shape.every], log_gap[:: shape.every]
        if not shape.extra:
            places, log_weight = location[:1], np.zeros_like(log_gap[:1])
        fixed = {n: v for n, v in shape.trend.fixed().items() if n == "width"}
        given = {"level": 0.0, "slope": 0.0, "location": places[:, :, None], shape.extra: 1.0}
        names = shape.trend.parameter_names()
        unit = shape.trend(x, **{n: v for n, v in given.items() if n in names}, **fixed)
        unit = np.asarray(unit, float) + np.zeros((len(places), *x.shape[1:]))
        shapes.append(unit[:, :, -1:] - unit)
        weights.append(log_weight - special.logsumexp(log_weight, axis=0) - np.log(kinds))
        count = len(places)
        account += [POOLED_ACCOUNTS.index(shape.account)] * count
        portion += [("", "height", "bend").index(shape.extra)] * count
        uses += [float(shape.account != "flat")] * count
    shape_of = np.concatenate(shapes)
    gain = np.where(np.array(portion)[:, None] > 0, shape_of[:, :, 0], 1.0)
    return {
        "line": x[0, :, -1:] - x[0], "span": span, "shape": shape_of, "gain": gain,
        "log_weight": np.concatenate(weights), "account": np.array(account),
        "portion": np.array(portion), "uses": np.array(uses),
    }  # fmt: skip


def _nodes(account: np.ndarray, portion: np.ndarray) -> dict[str, np.ndarray]:
    """Slopes and extras, in their scales, over which the chance of being kept is averaged.

    Always the same ones (N,), so that the average is smooth in the population;
    alternatives of a group share out one lattice of points.
    """
    # alternatives of one account and portion are one group: flat, lines, slow bends, steps ...
    group = 3 * account + portion
    size = np.bincount(group)[group]
    each = np.maximum(np.ceil(_NODES / size), 4).astype(int)
    each[account == 0], each[(account > 0) & (portion == 0)] = 1, _LINE_NODES
    node_of = np.repeat(np.arange(account.size), each)
    unit = np.empty((node_of.size, 2))
    for g in np.unique(group):
        own = np.flatnonzero(group[node_of] == g)
        # a lattice, dealt out to the alternatives in turns
        turn = np.argsort(np.arange(own.size) % each[node_of[own[0]]], kind="stable")
        place = np.argsort(turn)
        unit[own, 0] = (place + 0.5) / own.size
        unit[own, 1] = (0.5 + place * _GOLDEN) % 1.0
    # half-normal and Gamma(3) quantiles
    return {
        "node_of": node_of,
        "node_slope": special.ndtri(0.5 + 0.5 * unit[:, 0]),
        "node_extra": np.where(portion[node_of] > 0, special.gammaincinv(3.0, unit[:, 1]), 0.0),
        "node_log_share": -np.log(each[node_of]),
    }
