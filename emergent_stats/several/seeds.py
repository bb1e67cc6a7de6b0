"""Several seeds per scale: one group whose mean moves, or two, of which one has broken through.

A breakthrough can be a matter of luck: at one scale some seeds have it and
some have not (Zhao et al. 2025, arXiv 2502.17356), and the mean over seeds
then rises or leaps although no seed's skill passes through the values
between. The skill of a seed is

    low(x) + σ·ε            with probability 1 − weight(x),
    low(x) + height + σ·ε   with probability weight(x),

where low is a line and the weight goes from `floor` to `plateau` within `width`
decades around `location`. Two accounts have one component (a line, or a line
with a leap), two have two components (the weight rises smoothly, or within
`JUMP_WIDTH`: it breaks). Two groups have to be there at one scale: the prior
of two components is restricted, smoothly, to Σ weight·(1 − weight) over the
seeds of about one or more, for a leap of all seeds at once is no mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from emergent_stats.evidence.importance import Estimate, integrate, log_sum, spread
from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.metrics import Metric
from emergent_stats.model.noise import SIGMA
from emergent_stats.model.observed import BINOMIAL, observe
from emergent_stats.model.priors import Beta, Gamma, Interior, Prior, Rising, Uniform
from emergent_stats.model.trends import (
    JUMP_WIDTH,
    LOGISTIC_WIDTH,
    WIDTH_RANGE,
    PowerLaw,
    Transition,
    Trend,
)
from emergent_stats.results.showing import picture
from emergent_stats.several.joint import PROBABILITY
from emergent_stats.several.joint_evidence import by_model, check_counts
from emergent_stats.verdict.words import probability_is, with_kind

#: Nats between the seeds that have broken through and those that have not: far from 0.
APART = Gamma(4.0, 0.6)
#: Largest share of seeds that break through.
PLATEAU = Uniform(0.2, 1.0)
#: Share of seeds that break through before the rise.
FLOOR = Beta(1.0, 12.0)
#: Seeds per scale below which a few outliers make a second group: no verdict then.
MIN_SEEDS = 5

# keep the logarithms of a weight of 0 or 1 finite
_BELOW_ONE, _ABOVE_ZERO = 1.0 - 1e-12, 1e-12
_SHARE_NODES = 2048


@dataclass(frozen=True)
class SeedHypothesis:
    """One account of the seeds.

    Attributes
    ----------
    name : str
    trend : Trend
        Skill of a seed, or of one that has not broken through.
    components : int
    width : Prior, optional
        Of the rise of the weight, where there are two components.
    """

    name: str
    trend: Trend
    metric: Metric
    components: int = 1
    width: Prior | None = None
    apart: Prior = APART
    plateau: Prior = PLATEAU
    floor: Prior = FLOOR
    sigma: Prior = SIGMA

    def priors(self) -> dict[str, Prior]:
        """All free parameters and their priors."""
        found = dict(self.trend.priors())
        if self.width is not None:
            found |= {
                "apart": self.apart, "location": Interior(), "width": self.width,
                "plateau": self.plateau, "floor": self.floor,
            }  # fmt: skip
        return found | {"sigma": self.sigma} | self.metric.priors()

    def low(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Skill without noise of a seed that has not broken through."""
        return self.trend(x, **{n: parameters[n] for n in self.trend.parameter_names()})

    def log_weights(self, x: Any, parameters: dict[str, Any]) -> tuple[Any, Any]:
        """Log probability of not having, and of having, broken through."""
        z = (x - parameters["location"]) * (LOGISTIC_WIDTH / parameters["width"])
        floor, plateau = parameters["floor"], parameters["plateau"]
        ahead = floor + (plateau - floor) * 0.5 * (1.0 + np.tanh(0.5 * z))
        return np.log1p(-ahead * _BELOW_ONE), np.log(ahead + _ABOVE_ZERO)

    def log_coexistence(self, x: Any, parameters: dict[str, Any]) -> Any:
        """Log of the gate that asks for seeds of both groups at one scale, (R, 1) or scalar."""
        behind, ahead = self.log_weights(x, parameters)
        together = np.exp(behind + ahead).sum(-1)
        return -np.log1p((1.0 / (together + 1e-9)) ** 4)

    def rates(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Guess and lapse rate."""
        free = {n: parameters[n] for n in self.metric.priors()}
        return {**self.metric.fixed(), **free}


def seed_hypotheses(metric: Metric) -> list[SeedHypothesis]:
    """One component with a line or a leap, two with a weight that is smooth or breaks."""
    smooth = Rising(JUMP_WIDTH, WIDTH_RANGE[1])
    breaks = Uniform(WIDTH_RANGE[0], JUMP_WIDTH)
    return [
        SeedHypothesis("one, line", PowerLaw(), metric),
        SeedHypothesis("one, leap", Transition(), metric),
        SeedHypothesis("two, smooth weight", PowerLaw(), metric, 2, smooth),
        SeedHypothesis("two, weight breaks", PowerLaw(), metric, 2, breaks),
    ]


@dataclass(frozen=True, eq=False)
class SeedComparison:
    """Probabilities of one and of two components.

    Attributes
    ----------
    curve : Curve
        The seeds that were used.
    probabilities : dict
        By the names of the hypotheses; equal odds of one and two components,
        and within each.
    verdict : str
        ``bimodal``, ``unimodal`` or ``undecided``.
    kind : str
        For ``bimodal``: whether the weight is ``smooth`` or ``breaks``, or ``unresolved``.
    """

    curve: Curve
    probabilities: dict[str, float]
    verdict: str
    kind: str
    reason: str
    warnings: tuple[str, ...]
    evidence: list[tuple[SeedHypothesis, Estimate]] = field(repr=False)

    @property
    def p_bimodal(self) -> float:
        """Probability of two components."""
        return sum(p for n, p in self.probabilities.items() if n.startswith("two"))

    def frame(self) -> pd.DataFrame:
        """One row a hypothesis."""
        rows = [(h.name, self.probabilities[h.name], i.log_z, i.error) for h, i in self.evidence]
        return pd.DataFrame(rows, columns=["hypothesis", "probability", "log_z", "error"])

    def __repr__(self) -> str:
        key = self.curve.key
        said = with_kind(self.verdict, self.kind)
        return f"<SeedComparison {key.get('family')} / {key.get('task')}: {said}>"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(repr(self).strip('<>'))}</b></p>{picture(self)}"

    def __str__(self) -> str:
        shown = ", ".join(probability_is(f"P({n})", p) for n, p in self.probabilities.items())
        return "\n".join(
            [f"{self.verdict}: {self.reason}", shown, *(f"warning: {w}" for w in self.warnings)]
        )


def usable_seeds(curve: Curve) -> tuple[Curve, tuple[str, ...]]:
    """Scales with two seeds or more, and what was left out.

    Raises
    ------
    ValueError
        If fewer than four scales have two seeds.
    """
    scales, counts = np.unique(curve.x, return_counts=True)
    single = scales[counts < 2]
    notes = [
        f"scale {curve.in_units(v):.3g} has one seed and is left out: it cannot show two groups"
        for v in single
    ]
    if scales.size - single.size < MIN_SCALES:
        raise ValueError(
            f"seeds need {MIN_SCALES} scales with 2 seeds or more, got "
            f"{scales.size - single.size} of {scales.size}; give every seed a row of its own"
        )
    keep = ~np.isin(curve.x, single)
    used = Curve(
        curve.axis_values[keep], curve.score[keep], curve.metric, axis=curve.axis,
        n=curve.n[keep], stderr=curve.stderr[keep], chance=curve.chance,
        models=tuple(n for n, k in zip(curve.models, keep, strict=True) if k),
        key=curve.key, warnings=curve.warnings,
    )  # fmt: skip
    return used, tuple(notes)


def compare_seeds(curve: Curve, *, seed: int = 0, nodes: int = 1500) -> SeedComparison:
    """Weigh one against two components of the seeds at each scale.

    Parameters
    ----------
    curve : Curve
        One row per seed: several rows of one scale.
    seed, nodes
        See `importance.integrate`.

    Raises
    ------
    ValueError
        See `usable_seeds`.
    """
    used, notes = usable_seeds(curve)
    found = [
        (h, seed_log_evidence(used, h, seed=seed, nodes=nodes))
        for h in seed_hypotheses(used.metric_object)
    ]
    weight = special.softmax([i.log_z for _, i in found])
    probabilities = {h.name: float(w) for (h, _), w in zip(found, weight, strict=True)}
    two = sum(p for n, p in probabilities.items() if n.startswith("two"))
    per_scale = np.unique(used.x, return_counts=True)[1]
    about = f"{int(np.median(per_scale))} seeds at {per_scale.size} scales"
    warnings = [*notes, *used.all_notes]
    worst = max(i.error * w for (_, i), w in zip(found, weight, strict=True))
    if worst > 0.1:
        warnings.append(f"numerical error of the log evidence is {worst:.2f}")
    kind = ""
    if np.median(per_scale) < MIN_SEEDS:
        verdict = "undecided"
        reason = (
            f"{about}: fewer than {MIN_SEEDS} per scale, so that one or two outliers would make a "
            f"second group ({probability_is('P of two', two)} if noise is normal)"
        )
    elif two > PROBABILITY:
        verdict = "bimodal"
        breaks = probabilities["two, weight breaks"] / two
        kind = "breaks" if breaks > PROBABILITY else "smooth" if breaks < 0.05 else "unresolved"
        reason = f"two groups of seeds: {probability_is('P', two)}; {about}"
    elif two < 1 - PROBABILITY:
        verdict, reason = "unimodal", f"one group of seeds: {probability_is('P', 1 - two)}; {about}"
    else:
        verdict = "undecided"
        reason = f"{about} cannot tell one group from two ({probability_is('P of two', two)})"
    return SeedComparison(used, probabilities, verdict, kind, reason, tuple(warnings), found)


def seed_log_evidence(
    curve: Curve, hypothesis: SeedHypothesis, *, seed: int = 0, nodes: int = 1500
) -> Estimate:
    """Log evidence of a hypothesis about seeds."""
    problem = _SeedsIntegrand(hypothesis, curve)
    names = list(problem.priors)
    found = integrate(
        problem.log_integrand, len(names), np.zeros(1), starts=problem.starts(), nodes=nodes,
        seed=seed, scales=[names.index("sigma")], pilot=256,
    )  # fmt: skip
    share = problem.log_share()
    found = replace(found, log_z=found.log_z - share, log_weight=found.log_weight - share)
    if problem.obs.kind == BINOMIAL:
        check_counts(found, hypothesis.name)
    return found


def seed_posterior(
    curve: Curve, hypothesis: SeedHypothesis, found: Estimate
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Parameter values at the nodes of an evidence, and their posterior weights (sum 1)."""
    parameters = _SeedsIntegrand(hypothesis, curve).parameters(found.z)
    weight = np.exp(found.log_weight - log_sum(found.log_weight))
    return {n: v[:, 0] for n, v in parameters.items()}, weight / weight.sum()


class _SeedsIntegrand:
    """A hypothesis about seeds, as an integrand over standard normal variables."""

    def __init__(self, hypothesis: SeedHypothesis, curve: Curve):
        self.hypothesis = hypothesis
        self.x = curve.x - curve.centre
        self.obs = observe([curve], curve.metric_object).one_a_row()
        self.priors = {
            n: Uniform(*p.bounds(self.x)) if isinstance(p, Interior) else p
            for n, p in hypothesis.priors().items()
        }

    def parameters(self, z: np.ndarray) -> dict[str, np.ndarray]:
        found = {n: p.from_normal(z[:, [j]]) for j, (n, p) in enumerate(self.priors.items())}
        return found | {
            n: np.full((len(z), 1), v) for n, v in self.hypothesis.trend.fixed().items()
        }

    def log_integrand(self, z: np.ndarray, stratum: np.ndarray) -> np.ndarray:
        p = self.parameters(z)
        low = np.asarray(self.hypothesis.low(self.x[None], p), float)
        if self.hypothesis.components == 1:
            return self._log_density(low, p).sum(1)
        behind, ahead = self.hypothesis.log_weights(self.x[None], p)
        each = np.logaddexp(
            behind + self._log_density(low, p),
            ahead + self._log_density(low + p["apart"], p),
        )
        return each.sum(1) + self.hypothesis.log_coexistence(self.x[None], p)

    def log_share(self) -> float:
        """Log prior mass of what the gate lets through, by which an evidence is divided."""
        if self.hypothesis.components == 1:
            return 0.0
        gate = self.hypothesis.log_coexistence(
            self.x[None], self.parameters(spread(_SHARE_NODES, len(self.priors)))
        )
        return float(log_sum(gate) - np.log(gate.size))

    def _log_density(self, skill: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
        h, noise = self.hypothesis, np.maximum(p["sigma"], 1e-4)
        return by_model(self.obs, h.metric, skill, noise, h.rates(p))

    def starts(self) -> np.ndarray:
        """The lower and the upper envelope of the seeds, and the line through all."""
        guide = np.clip(self.obs.guide[:, 0], -5, 5)
        slope, level = np.polyfit(self.x, guide, 1)
        spread = max(float(np.std(guide - level - slope * self.x)), 0.05)
        half = 0.5 * (guide.min() + guide.max())
        rows = []
        for own in (
            {"level": level, "slope": slope, "sigma": spread, "height": 1.0},
            {"level": float(np.mean(guide[guide <= half])), "slope": 0.1, "sigma": 0.2,
             "height": float(np.ptp(guide)),
             "apart": float(np.mean(guide[guide >= half]) - np.mean(guide[guide <= half]))},
        ):  # fmt: skip
            z = np.zeros(len(self.priors))
            grid = np.linspace(-4, 4, 161)
            for j, (name, prior) in enumerate(self.priors.items()):
                value = own.get(name, {"guess": 0.005, "lapse": 0.005}.get(name))
                if value is not None:
                    z[j] = np.interp(value, prior.from_normal(grid), grid)
            rows.append(z)
        return np.array(rows)
