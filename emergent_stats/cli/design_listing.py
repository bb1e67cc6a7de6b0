"""What the command `design` prints: what a design could decide, and what would help."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emergent_stats.cli.tables import print_table, say
from emergent_stats.design.trial import Floor, bayes_floor, try_out
from emergent_stats.results.files import to_json
from emergent_stats.verdict.advice import (
    Addition,
    cheapest_addition,
    modest_additions,
    useful_examples,
)
from emergent_stats.verdict.calibration import REFERENCE_HEIGHTS
from emergent_stats.verdict.formula import (
    ENOUGH,
    ONSET_BEND,
    Claim,
    Outlook,
    Plan,
    outlook,
    step_power,
)
from emergent_stats.verdict.words import metric_words, probability


@dataclass(frozen=True)
class Prospect:
    """Everything said about a design: each break by the words it is printed with.

    `textbook` is the power of a step against a line, for jumps; `simulated` is empty without
    simulation; additions are judged by `wanted`; `confirmed` is `cheapest` in simulation.
    """

    plan: Plan
    claims: dict[str, Claim]
    formula: dict[str, Outlook]
    textbook: dict[str, float]
    simulated: dict[str, Outlook]
    floor: Floor | None
    wanted: Claim
    helps: list[Addition]
    cheapest: Addition | None
    confirmed: Outlook | None


def prospect(
    plan: Plan,
    height: float = 1.0,
    series: int = 0,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prospect:
    """Say what a design could decide.

    Parameters
    ----------
    plan : Plan
        Evenly spaced.
    height : float
        Jump, in nats, that additions are to find.
    series : int
        Series to simulate for each break and for the Bayes floor; 0 for the formula only.
    seed, jobs, progress
        As in `trial.try_out`.

    Raises
    ------
    ResultsError
        For a height of 0 or below, or too few series.
    """
    wanted = Claim("jump", height)
    workers = jobs or os.cpu_count() or 1
    heights = sorted({*REFERENCE_HEIGHTS, height})
    claims = {_jump(h): Claim("jump", h) for h in heights}
    claims[f"onset of {ONSET_BEND:g} nats/decade"] = Claim("onset", ONSET_BEND)
    formula = {words: outlook(plan, claim) for words, claim in claims.items()}
    enough = formula[_jump(height)].found >= ENOUGH
    best = None if enough else cheapest_addition(plan, wanted)
    simulated, floor, confirmed = {}, None, None
    if series:
        parts = [(len(claims) + 1) * series, series // 2 * 2, *([2 * series] if best else [])]
        report = _Parts(progress, sum(parts))
        simulated = try_out(plan, claims, series, seed, jobs=workers, progress=report.part())
        floor = bayes_floor(plan, series, seed, workers, report.part())
        if best:
            shown = try_out(best.plan, {"": wanted}, series, seed, jobs=workers,
                             progress=report.part())  # fmt: skip
            confirmed = shown[""]
    return Prospect(
        plan,
        claims,
        formula,
        {w: step_power(plan, c.height) for w, c in claims.items() if c.kind == "jump"},
        simulated,
        floor,
        wanted,
        modest_additions(plan, wanted),
        best,
        confirmed,
    )


def _jump(height: float) -> str:
    return f"jump of {height:g} {'nat' if height == 1 else 'nats'}"


class _Parts:
    """One progress bar over several pieces of work."""

    def __init__(self, callback: Callable[[int, int], None] | None, total: int):
        self._callback, self._total, self._before = callback, total, 0

    def part(self) -> Callable[[int, int], None] | None:
        """Progress of the next piece, told as part of the whole."""
        callback = self._callback
        if callback is None:
            return None
        start = self._before

        def tell(done: int, total: int) -> None:
            self._before = start + total
            callback(start + done, self._total)

        return tell


def print_prospect(p: Prospect) -> None:
    """Print a prospect: a table of powers, then what would help, in sentences."""
    say(_title(p.plan), style="bold", hanging="  ")
    print()
    columns = {"break": list(p.claims), "found": [probability(o.found) for o in p.formula.values()]}
    if p.simulated:
        columns["simulated"] = [f"{probability(o.found)} ±{o.error:.2f}"
                                for o in p.simulated.values()]  # fmt: skip
    columns["textbook"] = [probability(p.textbook.get(words)) for words in p.claims]
    print_table(columns)
    print()
    say(*sentences(p), hanging="  ")
    print()
    say(
        "found: probability of the verdict real, by the formula"
        + (", and simulated with the evidence engine" if p.simulated else "")
        + "; textbook: a step against a straight line with known noise, which no rule that "
        "allows for wide transitions can reach.",
        style="dim",
        hanging="  ",
    )


def _title(plan: Plan) -> str:
    scales = len(set(plan.scales))
    seeds = plan.runs // scales
    return (
        f"{scales} models over {plan.scales[-1] - plan.scales[0]:g} decades"
        + (f", {seeds} seeds each" if seeds > 1 else "")
        + f", {plan.n:g} examples, noise between models {plan.sigma:g} nats, "
        + metric_words(plan.metric)
    )


def sentences(p: Prospect) -> list[str]:
    """The rest of a prospect in words."""
    first = next(iter(p.simulated.values()), None) or next(iter(p.formula.values()))
    said = [
        f"A straight trend without a break is called gradual with probability "
        f"{probability(first.cleared)} and real with {probability(first.false)}."
    ]
    if p.floor is None:
        said.append("Bayes floor: --simulate 200 finds it.")
    else:
        said.append(
            f"Bayes floor: {p.floor.error:.2f} ± {p.floor.standard_error:.2f}. No rule can err "
            "less in telling breaks from gradual trends, even one that knows the noise; "
            f"{p.floor.undecided:.0%} of such series cannot be decided at 95 %."
        )
    best = p.helps[0]
    name = _jump(p.wanted.height)
    now = p.formula[name].found
    if best.outlook.found > now:
        said.append(
            f"Helps most to find a {name}: {best.words} "
            f"({probability(now)} → {probability(best.outlook.found)}, "
            f"{best.runs} more runs)."
        )
    else:
        said.append(f"No modest addition helps to find a {name}.")
    said.append(_deciding(p, name, now))
    useful = useful_examples(p.plan.sigma)
    if useful == float("inf"):
        said.append("Without noise between models, more examples always help.")
    else:
        beyond = "already passed" if p.plan.n > useful else "not yet reached"
        said.append(
            f"Beyond about {max(1, round(useful)):,} examples a score (1.54/σ²; {beyond}), more of "
            "them help little where scores are near the middle: only more models or seeds do."
        )
    return said


def _deciding(p: Prospect, name: str, now: float) -> str:
    if now >= ENOUGH:
        return f"This design finds a {name} with power {probability(now)}: nothing need be added."
    if p.cheapest is None:
        return f"Nothing that was tried (up to 12 more models, 5 seeds) would find a {name} with "\
            f"power {ENOUGH:g}."  # fmt: skip
    words = (
        f"Cheapest design that would find it with power {ENOUGH:g}: {p.cheapest.words} "
        f"({p.cheapest.runs} more runs, {probability(p.cheapest.outlook.found)} by the formula"
    )
    if p.confirmed is None:
        return words + ")."
    return words + f", {probability(p.confirmed.found)} ±{p.confirmed.error:.2f} simulated)."


def prospect_json(p: Prospect) -> str:
    """The same as one JSON object."""

    def told(o: Outlook | None) -> dict[str, float] | None:
        return None if o is None else {
            "found": o.found, "cleared": o.cleared, "false": o.false, "error": o.error
        }  # fmt: skip

    def added(a: Addition | None) -> dict[str, Any] | None:
        return None if a is None else {
            "words": a.words, "runs": a.runs, "examples": a.plan.n, "found": a.outlook.found
        }  # fmt: skip

    useful = useful_examples(p.plan.sigma)
    data = {
        "models": len(set(p.plan.scales)),
        "seeds": p.plan.runs // len(set(p.plan.scales)),
        "span": p.plan.scales[-1] - p.plan.scales[0],
        "n": p.plan.n,
        "sigma": p.plan.sigma,
        "metric": p.plan.metric,
        "breaks": [
            {
                "kind": c.kind,
                "height": c.height,
                "formula": told(p.formula[words]),
                "textbook": p.textbook.get(words),
                "simulated": told(p.simulated.get(words)),
            }
            for words, c in p.claims.items()
        ],
        "bayes_floor": None if p.floor is None else {
            "error": p.floor.error, "standard_error": p.floor.standard_error,
            "undecided": p.floor.undecided,
        },
        "height": p.wanted.height,
        "helps": [added(a) for a in p.helps],
        "cheapest": added(p.cheapest),
        "cheapest_simulated": told(p.confirmed),
        "useful_examples": useful if useful < float("inf") else None,
    }  # fmt: skip
    return to_json(data, 1) + "\n"
