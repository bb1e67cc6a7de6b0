"""Several metrics of the same outputs, matched model by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import Observations, observe


@dataclass(frozen=True, eq=False)
class Views:
    """Two or more metrics of the same outputs, matched model by model.

    Attributes
    ----------
    curves : tuple of Curve
        Of the same m models; the first is the reference (a continuous one if there is any).
    notes : tuple of str
        Models that were left out, and what each curve warns of.
    """

    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> Views:
        """Match curves by the names of their models.

        Models that one metric lacks are left out and named in `notes`.

        Raises
        ------
        ValueError
            If the curves are not of the same models or scales, or a score is
            the same for every model.
        """
        if len(curves) < 2:
            raise ValueError(f"a joint comparison needs two metrics or more, got {len(curves)}")
        for c in curves:
            twice = sorted({n for n in c.models if c.models.count(n) > 1})
            if twice:
                raise ValueError(
                    f"{_title(c)} has several scores of model {twice[0]!r}; keep one per model"
                )
        kept = [n for n in curves[0].models if all(n in c.models for c in curves)]
        if not kept:
            raise ValueError(
                f"{_title(curves[0])} ({curves[0].models[0]}, …) and {_title(curves[1])} "
                f"({curves[1].models[0]}, …) have no model in common: models are matched by name, "
                "give both metrics the same names"
            )
        notes = []
        for c in curves:
            lost = [n for n in c.models if n not in kept]
            if lost:
                names = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
                notes.append(f"{len(lost)} models of {_title(c)} lack another metric: {names}")
        matched = [pick(c, kept) for c in curves]
        first = matched[0]
        for c in matched[1:]:
            if c.axis != first.axis or not np.allclose(c.axis_values, first.axis_values):
                raise ValueError(
                    f"{_title(first)} and {_title(c)} give the same models different scales "
                    f"({first.axis}, {c.axis}); use one axis for both"
                )
        if first.n_scales < MIN_SCALES:
            raise ValueError(
                f"a joint comparison needs {MIN_SCALES} scales that all metrics share, "
                f"got {first.n_scales}"
            )
        for c in matched:
            if np.ptp(c.score) == 0:
                raise ValueError(
                    f"{_title(c)} is {c.score[0]:g} for every model: a constant metric shows no "
                    "change that another could be compared with; leave it out"
                )
        matched.sort(key=lambda c: not c.metric_object.continuous)
        notes += [f"{_title(c)}: {w}" for c in matched for w in c.all_notes]
        return cls(tuple(matched), tuple(notes))

    @property
    def m(self) -> int:
        """Number of models."""
        return self.curves[0].m

    @cached_property
    def x(self) -> np.ndarray:
        """Scales from the middle of the design."""
        return self.curves[0].x - self.curves[0].centre

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Metric objects, in the order of the curves."""
        return tuple(c.metric_object for c in self.curves)

    @cached_property
    def observations(self) -> tuple[Observations, ...]:
        """Observations per metric, one row a model, so that each may have its own noise."""
        return tuple(observe([c], c.metric_object).one_a_row() for c in self.curves)


def _title(curve: Curve) -> str:
    task = curve.key.get("task")
    return f"{curve.metric} of {task}" if task else curve.metric


def pick(
    curve: Curve,
    names: Sequence[str] | None,
    warnings: tuple[str, ...] | None = None,
    key: Mapping[str, Any] | None = None,
) -> Curve:
    """Curve of some of its models (None: all), under other warnings or another key if given."""
    at = range(curve.m) if names is None else [curve.models.index(n) for n in names]
    at = list(at)
    return Curve(
        curve.axis_values[at], curve.score[at], curve.metric, axis=curve.axis, n=curve.n[at],
        stderr=curve.stderr[at], chance=curve.chance, answer_tokens=curve.answer_tokens,
        models=tuple(curve.models[i] for i in at), key=curve.key if key is None else key,
        warnings=curve.warnings if warnings is None else warnings,
    )  # fmt: skip
