"""The cheapest design that would decide: which models, seeds or examples to add.

Candidates are judged by the formula of `formula`. Cost counts model runs
first and examples second: of all candidates that would find the break with
power `formula.ENOUGH`, the one with the fewest additional runs is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.observed import observe
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.formula import (
    ENOUGH,
    LEAST_VARIANCE,
    ONSET_BEND,
    Claim,
    Outlook,
    Plan,
    outlook,
)
from emergent_stats.verdict.words import scale_label

#: Numbers of additional models that are tried, in this order.
MODELS = (1, 2, 3, 4, 6, 8, 12)
#: Runs at each scale that are tried.
SEEDS = (2, 3, 5)
#: A design is not asked for more runs than this.
MOST_RUNS = 40
# scales beyond an edge continue the design's spacing, but no wider than this (decades)
_WIDEST = 0.5
_LEAST_SIGMA = 0.05
# made-up series per candidate
_FEW = 64


class Judged(Protocol):
    """What advice looks at: a `comparison.Comparison` has all of it."""

    @property
    def curve(self) -> Curve:
        """The series that was judged."""
        ...

    @property
    def bands(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Per account: low, mid and high of expected score and skill."""
        ...

    @property
    def p_onset(self) -> float:
        """Probability of an onset."""
        ...

    @property
    def p_jump(self) -> float:
        """Probability of a jump."""
        ...

    @property
    def at(self) -> tuple[float, float]:
        """90 % interval of the break's location."""
        ...


@dataclass(frozen=True)
class Addition:
    """Something that could be added to a design.

    Attributes
    ----------
    words : str
        What to add.
    plan : Plan
        The design with it.
    runs : int
        Additional model runs.
    examples : float
        Examples per score of `plan` in units of those before.
    outlook : Outlook
        By the formula.
    """

    words: str
    plan: Plan
    runs: int
    examples: float
    outlook: Outlook


def useful_examples(sigma: float) -> float:
    """Examples per score beyond which more of them hardly help: 1.54/σ².

    There the noise of the examples is, at best, as large as that between
    models.

    Examples
    --------
    >>> round(useful_examples(0.15))
    69
    """
    return LEAST_VARIANCE / sigma**2 if sigma > 0 else float("inf")


def modest_additions(plan: Plan, claim: Claim) -> list[Addition]:
    """What a modest addition of each kind would do to an evenly spaced plan.

    Returns
    -------
    list of Addition
        Half as many models again, a second seed at each scale, four times
        the examples, a decade of scale more; the most helpful first.
    """
    distinct = np.unique(plan.scales)
    m, seeds = distinct.size, plan.runs // distinct.size
    more = max(1, m // 2)
    longer = max(1, round(1.0 / float(np.diff(distinct).mean())))
    made = [
        (f"{more} models in between", _even(plan, m + more, seeds), more * seeds, 1.0),
        (f"{_times(seeds + 1)} run at each scale", _even(plan, m, seeds + 1), m, 1.0),
        ("4 times the examples", replace(plan, n=4 * plan.n), 0, 4.0),
        (f"{longer} larger {_models(longer)}", _longer(plan, longer), longer * seeds, 1.0),
    ]
    found = [Addition(w, p, r, e, outlook(p, claim)) for w, p, r, e in made]
    return sorted(found, key=lambda a: -a.outlook.found)


def cheapest_addition(plan: Plan, claim: Claim) -> Addition | None:
    """Cheapest addition to an evenly spaced plan that decides; None if none that is tried does."""
    return _first(plan, claim, [*_even_candidates(plan)])


def cheapest(comparison: Judged, sigma: float | None = None) -> str | None:
    """Cheapest design that would decide an undecided comparison, in words.

    Formula only, no simulation: a few tenths of a second.

    Parameters
    ----------
    comparison : Comparison
    sigma : float, optional
        Noise between models in nats; default: from the scatter of the skills
        around the likeliest account.

    Returns
    -------
    str or None
        For instance "3 models between 13B and 175B parameters"; None where
        nothing that is tried would decide, or the comparison was not analysed.
    """
    found = cheapest_for(comparison, sigma)
    return None if found is None else found.words


def can_plan(comparison: Judged) -> bool:
    """Whether additions to the design of a comparison can be judged at all."""
    curve = comparison.curve
    return bool(comparison.bands) and curve.scale_axis.logarithmic and curve.n_scales >= 4


def plan_for(comparison: Judged, sigma: float | None = None) -> Plan:
    """Design of a comparison that `can_plan`, with the noise between models that it shows."""
    if not can_plan(comparison):
        raise ResultsError(
            "no design can be judged: it needs 4 scales or more, counted (not a loss or a date)"
        )
    curve = comparison.curve
    noise = _noise(comparison, _skills(curve)) if sigma is None else sigma
    n = max(float(np.median(curve.effective_n)), 1.0)
    return Plan(tuple(curve.x.tolist()), n, noise, curve.metric, curve.chance)


def cheapest_for(comparison: Judged, sigma: float | None = None) -> Addition | None:
    """The same as an `Addition`, with its plan and power."""
    curve = comparison.curve
    if not can_plan(comparison):
        return None
    skill = _skills(curve)
    x, index = np.unique(curve.x, return_inverse=True)
    middle = np.bincount(index, skill) / np.bincount(index)
    plan = plan_for(comparison, sigma)
    gap, claim = _claim(x, middle, comparison.p_onset > comparison.p_jump)
    if claim.kind == "onset" and np.isfinite(comparison.at).all():
        claim = replace(claim, at=comparison.at)
    return _first(plan, claim, [*_gap_candidates(plan, curve, x, gap)], most=MODELS[-1])


# --- search ------------------------------------------------------------------------------
type _Candidate = tuple[str, Plan, int, float]


def _first(
    plan: Plan, claim: Claim, candidates: list[_Candidate], most: int | None = None
) -> Addition | None:
    """Best of the candidates with the least runs that decide.

    With `most`, nothing is tried where that many additional runs do not help.
    """
    possible = [c for c in candidates if c[1].runs <= MOST_RUNS and _inside(c[1], claim)]
    if most is not None:
        top = [c for c in possible if c[2] == most]
        last = max((c[3] for c in top), default=1.0)
        if not any(outlook(c[1], claim, draws=_FEW).found >= ENOUGH for c in top if c[3] == last):
            return None
    enough: list[Addition] = []
    for words, new, runs, examples in possible:
        if enough and (runs, examples) > (enough[0].runs, enough[0].examples):
            break
        seen = outlook(new, claim, draws=_FEW)
        if seen.found >= ENOUGH:
            enough.append(Addition(words, new, runs, examples, seen))
    return max(enough, key=lambda a: a.outlook.found) if enough else None


def _inside(plan: Plan, claim: Claim) -> bool:
    """Whether a break where it is claimed could be found at all: not isolated by an edge model."""
    if claim.at is None:
        return True
    low, high = plan.places(claim)
    return high - low >= 0.5 * (claim.at[1] - claim.at[0])


def _more_examples(plan: Plan) -> list[float]:
    """Factors of the examples worth trying: none where σ already rules."""
    useful = useful_examples(max(plan.sigma, _LEAST_SIGMA))
    return [f for f in (4.0, 16.0) if plan.n * f <= 16 * useful]


def _examples(plan: Plan, found: list[_Candidate]) -> Iterator[tuple[float, float, str]]:
    """Numbers of examples, as factors and in words; more of them alone are a candidate."""
    yield plan.n, 1.0, ""
    for factor in _more_examples(plan):
        said = f"{factor:g} times the examples"
        found.append((said, replace(plan, n=plan.n * factor), 0, factor))
        yield plan.n * factor, factor, f" and {said}"


def _even_candidates(plan: Plan) -> Iterator[_Candidate]:
    distinct = np.unique(plan.scales)
    m, seeds = distinct.size, plan.runs // distinct.size
    found: list[_Candidate] = []
    for n, factor, also in _examples(plan, found):
        for k in MODELS:
            for words, new in (
                (f"{k} more {_models(k)} in between", _even(plan, m + k, seeds)),
                (f"{k} larger {_models(k)}", _longer(plan, k)),
            ):
                found.append((words + also, replace(new, n=n), k * seeds, factor))
        for r in SEEDS:
            words = f"{r * seeds} runs instead of {seeds} at each scale"
            found.append((words + also, replace(_even(plan, m, r * seeds), n=n),
                          m * seeds * (r - 1), factor))  # fmt: skip
    yield from sorted(found, key=lambda c: (c[2], c[3]))


def _gap_candidates(plan: Plan, curve: Curve, x: np.ndarray, gap: int) -> Iterator[_Candidate]:
    """Models in the gap of the largest rise, beyond the nearer edge, or both; seeds; examples."""
    unit = curve.scale_axis.unit
    within = curve.scale_axis.between(x[gap], x[gap + 1])
    above = gap + 1 > (x.size - 1) / 2
    edge = x[-1] if above else x[0]
    label = scale_label(float(curve.in_units(edge)), curve.axis)
    outside = f"{'above' if above else 'below'} {label} {unit}"
    spacing = min(float(np.median(np.diff(x))), _WIDEST) * (1 if above else -1)
    found: list[_Candidate] = []
    for n, factor, also in _examples(plan, found):
        for k in MODELS:
            for beyond in sorted({0, k // 2, k}):
                inner = k - beyond
                new = [*np.linspace(x[gap], x[gap + 1], inner + 2)[1:-1]]
                new += [edge + spacing * (i + 1) for i in range(beyond)]
                words = [f"{inner} {_models(inner)} {within}"] if inner else []
                words += [f"{beyond} {_models(beyond)} {outside}"] if beyond else []
                scales = tuple(sorted([*plan.scales, *map(float, new)]))
                found.append((" and ".join(words) + also, replace(plan, scales=scales, n=n),
                              k, factor))  # fmt: skip
        for r in SEEDS:
            scales = tuple(np.repeat(plan.scales, r).tolist())
            words = f"{r} runs of every model"
            found.append((words + also, replace(plan, scales=scales, n=n),
                          plan.runs * (r - 1), factor))  # fmt: skip
    yield from sorted(found, key=lambda c: (c[2], c[3]))


# --- what is claimed -----------------------------------------------------------------------
def _skills(curve: Curve) -> np.ndarray:
    """Skills (m,) that the scores suggest, in nats."""
    return observe([curve], curve.metric_object).guide[0, : curve.m]


def _claim(x: np.ndarray, skill: np.ndarray, onset: bool) -> tuple[int, Claim]:
    """Gap of the largest rise of skill per its noise, and the break that a believer sees there."""
    rise = np.diff(skill)
    gap = int(np.argmax(rise))
    others = np.diff(x).sum() - (x[gap + 1] - x[gap])
    slope = float(np.clip((rise.sum() - rise[gap]) / others, 0.0, 3.0))
    at = (float(x[gap]), float(x[gap + 1]))
    level = float(np.clip(0.5 * (skill[gap] + skill[gap + 1]), -3.0, 3.0))
    if onset:
        before = (skill[gap] - skill[0]) / (x[gap] - x[0]) if gap else 0.0
        after = (skill[-1] - skill[gap]) / (x[-1] - x[gap])
        bend = float(np.clip(after - before, 0.5, 2 * ONSET_BEND))
        return gap, Claim("onset", bend, at, float(np.clip(before, 0.0, 3.0)), level)
    height = float(np.clip(rise[gap] - slope * (x[gap + 1] - x[gap]), 0.25, 6.0))
    return gap, Claim("jump", height, at, slope, level)


def _noise(comparison: Judged, skill: np.ndarray) -> float:
    """Noise between models from the scatter around the likeliest account's curve."""
    parts = {a: getattr(comparison, f"p_{a}") for a in comparison.bands}
    best = comparison.bands[max(parts, key=lambda a: parts[a])]
    curve = comparison.curve
    fitted = np.interp(curve.x, np.log10(best["x"]), best["skill_mid"])
    known = np.abs(fitted) < 3.0  # beyond, a score says little of the skill
    square = float(((skill - fitted)[known] ** 2).sum())
    # shrunk towards .15 nats, by the weight of three models
    return float(np.clip(np.sqrt((square + 3 * 0.15**2) / (known.sum() + 1)), _LEAST_SIGMA, 1.0))


def _even(plan: Plan, models: int, seeds: int) -> Plan:
    span = plan.scales[-1] - plan.scales[0]
    return replace(
        plan,
        scales=tuple(np.repeat(np.linspace(0.0, span, models) + plan.scales[0], seeds).tolist()),
    )


def _longer(plan: Plan, models: int) -> Plan:
    """Plan continued to larger scales at its own spacing."""
    distinct = np.unique(plan.scales)
    seeds = plan.runs // distinct.size
    step = float(np.diff(distinct).mean())
    new = distinct[-1] + step * np.arange(1, models + 1)
    return replace(plan, scales=(*plan.scales, *np.repeat(new, seeds).tolist()))


def _models(count: int) -> str:
    return "model" if count == 1 else "models"


def _times(count: int) -> str:
    return {2: "a second", 3: "a third"}.get(count, f"a {count}th")
