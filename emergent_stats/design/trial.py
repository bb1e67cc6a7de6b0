"""Trial of a plan: simulate what it could measure, and analyse it with the evidence engine.

`try_out` makes up series with and without a break and asks for the verdict of
each. `bayes_floor` draws the truth from the priors themselves, so that no rule
at all can err less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.integrand import log_visibility
from emergent_stats.evidence.threads import Progress, each
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.metrics import MultipleChoice
from emergent_stats.model.noise import noise_for
from emergent_stats.model.trends import BREAKS, Kink, PowerLaw, Step
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.calibration import simulate_batch
from emergent_stats.verdict.decision import THRESHOLDS, Thresholds
from emergent_stats.verdict.formula import Claim, Outlook, Plan, verdicts
from emergent_stats.verdict.sensitivity import account_log_z, log_bayes_factor, probabilities

_BLOCK = 64
_RATE = 0.01
#: Fewest series of a simulation that says anything.
LEAST_SERIES = 20


@dataclass(frozen=True)
class Floor:
    """Bayes floor of a design.

    Attributes
    ----------
    error : float
        E[min(P(gradual), P(break))] where either is as likely to be true: the
        smallest error rate that any rule can have.
    standard_error : float
        Of `error`, from the number of series.
    own : float
        Error rate of the engine itself on these series (the likelier one is
        chosen); equal to `error` but for noise if the evidences are right.
    undecided : float
        Share of series on which neither reaches 95 %.
    """

    error: float
    standard_error: float
    own: float
    undecided: float


def try_out(
    plan: Plan,
    claims: Mapping[str, Claim],
    series: int = 200,
    seed: int = 0,
    thresholds: Thresholds = THRESHOLDS,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Outlook]:
    """Verdicts that a design reaches in simulation, for several breaks.

    Breaks are placed at random between the second and the last but one scale
    (or where the claim says), half-way up the score, on a line of the claim's
    slope; the series without a break are such lines. Everything is analysed by
    the evidence engine at its quick effort, noise unknown.

    Parameters
    ----------
    plan : Plan
    claims : dict of Claim
        By any name; `Claim.slope` of the first one is that of the lines.
    series : int
        Of each kind.
    seed : int
    thresholds : Thresholds
    jobs : int
        Threads; results do not depend on it.
    progress : callable, optional
        Called as progress(done, total).

    Raises
    ------
    ResultsError
        With fewer than `LEAST_SERIES` series.
    """
    _check(series)
    rng = np.random.default_rng([seed, 41])
    template = Batch.of([plan.curve()], plan.curve().metric_object)
    metric = template.metric
    choice = isinstance(metric, MultipleChoice)
    guess = metric.chance if choice else metric.fixed().get("guess", _RATE)
    every = [*claims.values()]
    made = []
    for claim in (*every, None):
        given = claim or every[0]
        trend = PowerLaw() if claim is None else Step() if claim.kind == "jump" else Kink()
        same = {"level": given.level, "slope": given.slope, "sigma": plan.sigma}
        if claim is not None:
            same["height" if claim.kind == "jump" else "bend"] = claim.height
        same |= {"guess": guess, "lapse": metric.fixed().get("lapse", _RATE)}
        values = {name: np.full((series, 1), value) for name, value in same.items()}
        place = rng.uniform(*plan.places(given), (series, 1))
        if claim is None:
            values["level"] = given.level - given.slope * place
        else:
            values["location"] = place
        made.append(simulate_batch(template, 0, [(Hypothesis(trend, metric), values)], rng))
    p = probabilities(account_evidences(Batch.join(made), hypotheses(metric), seed, jobs, progress))
    words = verdicts(p, thresholds).reshape(len(made), series)
    calm = float((words[-1] == "smooth").mean())
    false = float((words[-1] == "real").mean())
    found = {}
    for name, row in zip(claims, words[:-1], strict=True):
        share = float((row == "real").mean())
        # a share of 0 or 1 has an error too
        near = (share * series + 1) / (series + 2)
        error = np.sqrt(near * (1 - near) / series)
        found[name] = Outlook(share, calm, false, float(error))
    return found


def _check(series: int) -> None:
    if series < LEAST_SERIES:
        raise ResultsError(
            f"{series} simulated series say nothing about a share; use {LEAST_SERIES} or more"
        )


def account_evidences(
    batch: Batch,
    chosen: list[Hypothesis],
    seed: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Log evidence of each account (C, accounts) at quick effort; −inf if not in `chosen`."""
    known = {h.name: h for h in chosen}
    report = Progress(progress, total=len(batch))

    def work(start: int) -> np.ndarray:
        part = batch.take(np.arange(start, min(start + _BLOCK, len(batch))))
        log_z = {n: log_evidence(part, h, effort=QUICK, seed=seed).log_z for n, h in known.items()}
        report(len(part))
        return account_log_z(log_z, known)

    return np.concatenate(each(range(0, len(batch), _BLOCK), work, jobs))


def bayes_floor(
    plan: Plan,
    series: int = 400,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Floor:
    """Smallest error rate with which any rule can tell break from gradual on this design.

    Half of the truths are gradual and half jump or onset, drawn from the very
    priors of the package (visible changes only), the noise between models
    known to the analyst. Posterior probabilities under the true priors are
    the best rule there is, and its error rate is E[min(P0, P1)].

    Parameters
    ----------
    plan, series, seed, jobs, progress
        As in `try_out`.

    Raises
    ------
    ResultsError
        With fewer than `LEAST_SERIES` series.
    """
    _check(series)
    rng = np.random.default_rng([seed, 43])
    curve = plan.curve()
    template = Batch.of([curve], curve.metric_object)
    noise = replace(noise_for(template.metric), sigma=plan.sigma)
    every = hypotheses(template.metric, noise)
    made, truth = [], []
    half = series // 2
    for accounts in (("gradual",), BREAKS):
        # equal shares of the accounts, and of the hypotheses within each
        chosen = []
        for i, account in enumerate(accounts):
            own = [h for h in every if h.account == account]
            size = half // len(accounts) + (i < half % len(accounts))
            counts = rng.multinomial(size, np.full(len(own), 1 / len(own)))
            chosen += [(h, c) for h, c in zip(own, counts, strict=True) if c]
        drawn = [(h, visible_draws(h, template, int(c), rng)) for h, c in chosen]
        made.append(simulate_batch(template, 0, drawn, rng))
        truth += [accounts != ("gradual",)] * len(made[-1])
    real = [h for h in every if h.account in ("gradual", *BREAKS)]
    # guess and lapse rates differ between these series: they cannot share their nodes
    batch = replace(Batch.join(made), alike=False)
    flat = [h for h in every if h.account == "flat"]
    z = account_evidences(batch, [*real, *flat], seed, jobs, progress)
    p = special.expit(log_bayes_factor(z))
    smaller = np.minimum(p, 1 - p)
    return Floor(
        float(smaller.mean()),
        float(smaller.std() / np.sqrt(smaller.size)),
        float(((p > 0.5) != np.array(truth)).mean()),
        float((smaller > 0.05).mean()),
    )


def visible_draws(
    hypothesis: Hypothesis, template: Batch, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draws (size, 1) from the prior of a hypothesis as restricted to visible changes.

    Proposals from the prior are kept with the probability that the gate of
    `integrand.log_visibility` gives them.
    """
    curve, kept, count = template.curves[0], [], 0
    while count < size:
        drawn = hypothesis.draw_parameters(curve, 4 * size + 64, rng)
        x = np.broadcast_to(template.x[0], (len(drawn["sigma"]), curve.m))
        skill = np.asarray(hypothesis.skill(x, drawn), float)
        gate = log_visibility(hypothesis, x, np.ones(x.shape, bool), drawn, skill)
        keep = np.log(rng.uniform(size=gate.size)) < gate
        kept.append({name: v[keep] for name, v in drawn.items()})
        count += int(keep.sum())
    return {n: np.concatenate([k[n] for k in kept])[:size] for n in kept[0]}


def efficiency(own_error: float, floor: Floor | float) -> float:
    """Error rate of a rule in units of the floor: 1 is the best there can be.

    Examples
    --------
    >>> efficiency(0.09, 0.06)
    1.5
    """
    least = floor.error if isinstance(floor, Floor) else floor
    if not 0 < least <= 0.5:
        raise ResultsError(f"floor = {least:g}: an error rate above 0, at most .5")
    if not 0 <= own_error <= 1:
        raise ResultsError(f"own_error = {own_error:g}: an error rate between 0 and 1")
    return own_error / least
