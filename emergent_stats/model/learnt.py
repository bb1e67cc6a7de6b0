"""Priors learnt from the shipped studies: slopes, levels, noise between models, rates.

The table `learnt_priors.toml` is written by `benchmarks/priors.py`. It has a row for every class
of metrics and axis of scale that the shipped series say enough of, from all studies, and again
without each of them: a study that is analysed has no say in its own priors. Heights and widths of
breaks stay declared (`trends`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emergent_stats.model.axes import AXES
from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import (
    Brier,
    CrossEntropy,
    Graded,
    Metric,
    MultipleChoice,
    Proportion,
)
from emergent_stats.model.noise import SIGMA, Noise
from emergent_stats.model.priors import Beta, HalfNormal, HalfStudentT, Interior, Normal, Prior
from emergent_stats.model.skill import LAPSE
from emergent_stats.model.trends import LEVEL, SLOPE, Trend

#: Where priors can come from.
SOURCES = ("corpus", "weak")
#: Degrees of freedom of learnt slopes: the studies differ in theirs, so tails are heavier than a
#: half-normal's. Of 3, 4, 8 and 100, this predicts studies not seen best, by hundredths of a nat.
SLOPE_DF = 8.0
TABLE = Path(__file__).with_name("learnt_priors.toml")
#: Axis of the rows that speak for all axes in decades.
DECADES = "decades"


def metric_class(metric: Metric) -> str:
    """Class of metrics that share their learnt priors.

    Examples
    --------
    >>> metric_class(MultipleChoice()), metric_class(CrossEntropy())
    ('choice', 'loss')
    """
    if isinstance(metric, CrossEntropy):
        return "loss"
    for name, cls in (("choice", MultipleChoice), ("graded", Graded), ("brier", Brier)):
        if isinstance(metric, cls):
            return name
    return "generated" if isinstance(metric, Proportion) else "other"


@dataclass(frozen=True)
class Priors:
    """Priors of what every account of a curve has, breaks aside.

    Attributes
    ----------
    slope, level, level_at_break, sigma : Prior
        Of trends (the level in the middle of the design, and where a break is) and of noise.
    lapse, guess : Prior or None
        None leaves the metric's own; a guess rate is learnt for generated and graded answers.
    words : str
        Where they come from, and what they are.
    """

    slope: Prior = SLOPE
    level: Prior = LEVEL
    level_at_break: Prior = LEVEL
    sigma: Prior = SIGMA
    lapse: Prior | None = None
    guess: Prior | None = None
    words: str = "weak priors, declared"

    def trend(self, trend: Trend) -> Trend:
        """Return the trend with these priors; numbers, and priors of a user's own, stay."""
        broken = any(isinstance(prior, Interior) for prior in trend.priors().values())
        level = self.level_at_break if broken else self.level
        slopes = dict.fromkeys(("slope", "slope_low", "slope_high"), (SLOPE, self.slope))
        return _changed(trend, level=(LEVEL, level), **slopes)

    def metric(self, metric: Metric) -> Metric:
        """Return the metric with these rates; numbers, and priors of a user's own, stay."""
        default = type(metric)()
        changes = {
            name: (getattr(default, name, None), prior)
            for name, prior in (("lapse", self.lapse), ("guess", self.guess))
            if prior is not None
        }
        return _changed(metric, **changes)

    def noise(self, noise: Noise) -> Noise:
        """Return the noise with this prior; a number, or a prior of a user's own, stays."""
        return _changed(noise, sigma=(SIGMA, self.sigma))


def _changed[P: (Trend, Metric, Noise)](part: P, **changes: tuple[Any, Any]) -> P:
    """Part with new values of the fields that have the declared default (old, new)."""
    kept = {
        name: new
        for name, (old, new) in changes.items()
        if isinstance(old, Prior) and getattr(part, name, None) == old
    }
    return replace(part, **kept) if kept else part


#: The declared priors.
WEAK = Priors()


@lru_cache(maxsize=1)
def table() -> Mapping[str, Any]:
    """Table of learnt priors as it ships: `provenance` and `rows`."""
    return MappingProxyType(tomllib.loads(TABLE.read_text("utf-8")))


@lru_cache(maxsize=1)
def _rows() -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """Rows by (study held out or "", class, axis)."""
    columns = table()["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in table()["rows"]]
    return {(r["without"], r["metrics"], r["axis"]): r for r in rows}


def priors_for(curve: Curve, source: str = "corpus") -> Priors:
    """Priors for a curve, by its metric and axis.

    Parameters
    ----------
    curve : Curve
        If its study (`key["study"]`) is a shipped one, priors are those learnt without it.
    source : {"corpus", "weak"}

    Raises
    ------
    ValueError
        For another source.
    """
    if source not in SOURCES:
        raise ValueError(f"unknown priors {source!r}; use one of {', '.join(SOURCES)}")
    if source == "weak":
        return WEAK
    study = str(curve.key.get("study") or "")
    return _learnt(study if study in table()["studies"] else "", curve.metric_object, curve.axis)


@lru_cache(maxsize=512)
def _learnt(without: str, metric: Metric, axis: str) -> Priors:
    kind = metric_class(metric)
    row = _rows().get((without, kind, axis))
    if row is None and AXES[axis].logarithmic:
        row = _rows().get((without, kind, DECADES))
    if row is None or not row["adopted"]:
        why = "the studies say nothing of" if row is None else "learnt ones predict no better for"
        return replace(WEAK, words=f"weak priors, declared: {why} {kind} metrics by {axis}")
    return from_row(row, len(table()["studies"]) - bool(without))


def from_row(row: Mapping[str, Any], studies: int = 0) -> Priors:
    """Priors of one row of the table, with the words to print."""
    found = Priors(
        slope=HalfStudentT(SLOPE_DF, row["slope"]),
        level=Normal(row["level"], row["level_sd"]),
        level_at_break=Normal(row["level"], row["break_sd"]),
        sigma=HalfNormal(row["sigma"]),
        lapse=Beta(LAPSE.a, row["lapse_b"]) if row["lapse_b"] else None,
        guess=Beta(1.0, row["guess_b"]) if row["guess_b"] else None,
    )
    axis = row["axis"]
    per = AXES[axis].per if axis in AXES else AXES["params"].per
    where = "decades of any axis" if axis == DECADES else axis
    rates = [
        f"{name} rate Beta({prior.a:g}, {prior.b:g})"
        for name, prior in (("guess", found.guess), ("lapse", found.lapse))
        if isinstance(prior, Beta)
    ]
    out = f" without {row['without']}" if row["without"] else ""
    return replace(
        found,
        words="; ".join(
            [
                f"priors learnt from {studies} studies{out} ({row['metrics']} metrics by {where}: "
                f"{row['series']} series of {row['studies']}): "
                f"slope half-t({SLOPE_DF:g}) × {row['slope']:g} per {per}",
                f"level Normal({row['level']:g}, {row['level_sd']:g}), "
                f"at a break Normal({row['level']:g}, {row['break_sd']:g})",
                f"noise between models half-normal({row['sigma']:g})",
                *rates,
            ]
        ),
    )
