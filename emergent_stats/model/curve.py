"""One score-versus-scale series, ready for analysis: scale in decades happens here, once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from emergent_stats.model.axes import AXES, Axis
from emergent_stats.model.metrics import Metric, metric_for

#: Examples assumed where neither n nor a standard error is published (always flagged).
ASSUMED_N = 1000
# probability of the lowest of a series' scores under guessing that is no luck any more
_LUCK = 1e-3
#: Distinct scales below which no break can be told from anything: two on either side.
MIN_SCALES = 4

AXIS_UNITS = {name: axis.words for name, axis in AXES.items()}


def _no_floats() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class Curve:
    """A score against scale for models of one family.

    Attributes
    ----------
    axis_values : (m,) array
        Scale in the axis' own units, ascending in scale (a loss descends,
        a date is a decimal year).
    score : (m,) array
        Published scores in the metric's own units (a proportion is 0..1).
    n, stderr : (m,) arrays
        Examples scored and published standard error; NaN where not given.
    metric : str
        Name in `METRICS`.
    chance : float
        Expected score of a guesser, NaN where not given.
    axis : str
        params, tokens, flops, step, loss or date.
    models : tuple of str
        Names of the models, in the order of `score`.
    key : mapping
        study, family, task, shots, seed of the series.
    warnings : tuple of str
        What the user should know about these numbers before believing them.
    """

    axis_values: np.ndarray
    score: np.ndarray
    metric: str
    axis: str = "params"
    n: np.ndarray = field(default_factory=_no_floats)
    stderr: np.ndarray = field(default_factory=_no_floats)
    chance: float = float("nan")
    answer_tokens: float = float("nan")
    models: tuple[str, ...] = ()
    key: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.axis_values, float)
        score = np.asarray(self.score, float)
        if values.ndim != 1 or values.shape != score.shape or values.size == 0:
            raise ValueError(
                f"axis_values and score must be 1-D and equally long, got shapes "
                f"{values.shape} and {score.shape}"
            )
        if not (np.isfinite(values).all() and np.isfinite(score).all()):
            raise ValueError("axis_values and score must be finite")
        if self.axis not in AXIS_UNITS:
            raise ValueError(f"unknown axis {self.axis!r}; use one of {', '.join(AXIS_UNITS)}")
        if (values <= 0).any():
            raise ValueError(f"the axis {self.axis!r} must be above 0; drop or fill rows with 0")
        metric = metric_for(self.metric, self.chance)
        models = tuple(self.models) or tuple(f"model {i + 1}" for i in range(values.size))
        metric.check(score, self.metric, models)
        order = np.argsort(-values if self.scale_axis.falls else values, kind="stable")
        for name, array in (("n", self.n), ("stderr", self.stderr)):
            a = np.asarray(array, float)
            if a.size == 0:
                a = np.full(values.size, np.nan)
            if a.ndim == 0:
                a = np.full(values.size, float(a))
            if a.shape != values.shape or ((a <= 0).any() and name == "n") or (a < 0).any():
                raise ValueError(f"{name} must be positive, one per score (NaN where unknown)")
            object.__setattr__(self, name, a[order])
        object.__setattr__(self, "axis_values", values[order])
        object.__setattr__(self, "score", score[order])
        object.__setattr__(self, "models", tuple(models[i] for i in order))

    def take(self, chosen: np.ndarray, **changes: Any) -> Curve:
        """Curve of some of the models, by number or mask, with other fields changed."""
        own = {n: getattr(self, n)[chosen] for n in ("axis_values", "score", "n", "stderr")}
        models = tuple(np.array(self.models, object)[chosen])
        return replace(self, models=models, **own | changes)

    # --- scale -----------------------------------------------------------------------
    def __repr__(self) -> str:
        names = [self.key.get(n) for n in ("study", "family", "task")]
        named = " / ".join(str(n) for n in [*names, self.metric] if n is not None)
        return f"<Curve {named}: {self.m} models by {self.axis}>"

    @property
    def scale_axis(self) -> Axis:
        """The axis of scale: its transform and its words."""
        return AXES[self.axis]

    @cached_property
    def x(self) -> np.ndarray:
        """Scale in decades (log10), −loss in nats, or a date in years; ascending."""
        return self.scale_axis.x(self.axis_values)

    @property
    def centre(self) -> float:
        """Middle of the range of `x`: where trends put their origin."""
        return float(0.5 * (self.x[0] + self.x[-1]))

    @cached_property
    def design(self) -> tuple[float, ...]:
        """Scales from the centre, rounded: what a prior can know of the data."""
        return tuple(np.round(self.x - self.centre, 9).tolist())

    @cached_property
    def fingerprint(self) -> int:
        """Number that follows from what is analysed: scales, scores, examples, errors, metric.

        Random numbers of an analysis start from it, so that they depend neither on the order in
        which curves are given nor on their names.
        """
        numbers = np.concatenate([self.x, self.score, self.n, self.stderr, [self.chance]])
        # NaN has many bit patterns
        numbers = np.where(np.isnan(numbers), -1.0, numbers)
        return zlib.crc32(numbers.tobytes(), zlib.crc32(f"{self.metric} {self.axis}".encode()))

    @property
    def m(self) -> int:
        """Number of models."""
        return self.score.size

    @cached_property
    def n_scales(self) -> int:
        """Number of distinct scales, told apart to 1e-9 decades."""
        return len(set(self.design))

    def in_units(self, x: Any) -> Any:
        """Scale in the axis' own units for `x` in decades (−nats, years)."""
        return self.scale_axis.value(x)

    # --- scores ----------------------------------------------------------------------
    @cached_property
    def metric_object(self) -> Metric:
        """The `Metric` of this series, on the log scale of skill.

        Where a model scores below chance by more than luck, scores have no floor at chance.
        """
        metric = metric_for(self.metric, self.chance)
        return metric.unfloored() if self.misled.any() else metric

    @cached_property
    def misled(self) -> np.ndarray:
        """Models (m,) that score below a known chance by more than luck allows."""
        metric = metric_for(self.metric, self.chance)
        if metric.unfloored() == metric or not metric.proportion:
            return np.zeros(self.m, bool)
        n = self.effective_n
        return metric.least(n, np.floor(self.score * n + 1e-9)) < _LUCK / self.m

    @cached_property
    def effective_n(self) -> np.ndarray:
        """Examples per score: published, else from score and stderr, else `ASSUMED_N`."""
        y, se = self.score, self.stderr
        usable = np.isfinite(se) & (se > 0) & (y > 0) & (y < 1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            implied = np.where(usable, np.maximum(1.0, np.round(y * (1 - y) / se**2)), np.nan)
        if np.isfinite(implied).any():
            # a 0 % ± 0 of the same series was scored on as many examples as its neighbours
            implied = np.where(np.isfinite(implied), implied, np.nanmedian(implied))
        n = np.where(np.isfinite(self.n), self.n, implied)
        return np.where(np.isfinite(n), n, float(ASSUMED_N))

    @cached_property
    def rounding(self) -> np.ndarray:
        """Half-width of the rounding interval of each published score.

        The coarsest decimal grid, with at most as many significant digits as
        the series shows, on which the score lies; 0 where the score is
        printed to more than six decimals (a full-precision proportion).
        """
        shown = [np.format_float_positional(v, trim="-") for v in self.score]
        decimals = np.array([len(s.partition(".")[2]) for s in shown])
        if decimals.max() > 6:
            return np.zeros(self.m)
        digits = max(len(s.replace(".", "").lstrip("0")) for s in shown)
        half = np.empty(self.m)
        for i, (value, own) in enumerate(zip(self.score, decimals, strict=True)):
            magnitude = int(np.floor(np.log10(value))) + 1 if value > 0 else -99
            half[i] = 0.5 * 10.0 ** -max(own, min(decimals.max(), digits - magnitude))
        return half

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lowest and highest number of right answers that rounds to each score, and a flag.

        Where score·n is whole for every model, that is the count. Else each
        score stands for all counts that round to it. The flag marks scores
        that no whole count can round to; their count is then score·n itself.
        """
        n, y, half = self.effective_n, self.score, self.rounding
        whole = np.round(y * n)
        # a score printed to six decimals misses a count by a millionth of it
        missed = np.abs(y * n - whole)
        if (missed < np.minimum(1e-6 * np.maximum(1.0, whole), 0.01)).all():
            return whole, whole, np.zeros(self.m, bool)
        low = np.clip(np.ceil((y - half) * n - 1e-6), 0, n)
        high = np.clip(np.floor((y + half) * n + 1e-6), 0, n)
        odd = high < low
        return np.where(odd, y * n, low), np.where(odd, y * n, high), odd

    def intervals(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Equal-tailed interval of each score, honest at 0/n and n/n.

        Jeffreys interval from the counts for proportions (end points 0 and 1
        where the count is at the edge), normal from the standard error for
        continuous metrics, in which an unknown error gives no width.

        Returns
        -------
        low, high : (m,) arrays
            In units of the score.
        """
        from scipy import special

        tail = 0.5 * (1 - level)
        if not self.metric_object.proportion:
            half = -special.ndtri(tail) * np.nan_to_num(self.stderr)
            return self.score - half, self.score + half
        n = self.effective_n
        k = self.score * n
        low = special.betaincinv(k + 0.5, n - k + 0.5, tail)
        high = special.betaincinv(k + 0.5, n - k + 0.5, 1 - tail)
        return np.where(k < 0.5, 0.0, low), np.where(k > n - 0.5, 1.0, high)

    @cached_property
    def all_notes(self) -> tuple[str, ...]:
        """`warnings` plus what can be seen from the numbers alone."""
        notes = [*self.warnings, *filter(None, [self.scale_axis.note])]
        metric = self.metric_object
        if metric.proportion:
            if not (np.isfinite(self.n) | np.isfinite(self.stderr)).all():
                notes.append(f"n unknown for some models: assumed {ASSUMED_N}")
            odd = self.counts[2]
            if odd.any() and not metric.graded:
                i = int(np.flatnonzero(odd)[0])
                notes.append(
                    f"score·n is not a whole number for {int(odd.sum())} of {self.m} models "
                    f"(e.g. {self.models[i]}: {self.score[i]:g} × {self.effective_n[i]:g})"
                )
            low = self.chance
            if np.isfinite(low) and low > 0:
                below = self.intervals(0.99)[1] < low
                if below.any():
                    seen = "; scores are given no floor at chance" if self.misled.any() else ""
                    notes.append(f"{int(below.sum())} of {self.m} models score below chance{seen}")
        if metric.continuous and not np.isfinite(self.stderr).all():
            notes.append("no standard error for some models: all scatter is taken as model noise")
        if metric.assumed:
            notes.append(f"the parameters of {self.metric!r} are assumed: {metric}")
        return tuple(notes)
