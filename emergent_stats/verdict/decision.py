"""From numbers to a verdict: thresholds in one place, one rule, and a reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.model.trends import ACCOUNTS, BREAKS, JUMP_WIDTH
from emergent_stats.verdict.words import probability, probability_is

#: Every verdict, in the order of tables and figures.
VERDICTS = ("real", "artefact", "gradual", "flat", "falls", "undecided")
#: Accounts in which skill does not break upwards.
SMOOTH = tuple(account for account in ACCOUNTS if account not in BREAKS)
#: Probability of an account from which on it is named beside the likeliest.
_NAMED = 0.05


@dataclass(frozen=True)
class Thresholds:
    """What a verdict needs. Printed with every verdict.

    Attributes
    ----------
    probability : float
        Smallest probability of the account, or of the accounts together, a verdict rests on.
    p_cal : float
        Share of simulated gradual series with as large a Bayes factor below
        which a verdict `real` is confirmed by simulation.
    power : float
        Smallest simulated power at the claim's own height for `artefact`.
    grid : float
        The verdict's probability must stay above this when any one prior of the
        sensitivity grid is halved or doubled.
    second_scale : float
        Likewise P(jump or onset) on the second scale of skill.
    misfit : float
        Smallest posterior predictive p-value, for every verdict.
    few : int
        With fewer scales than this an undecided series has too few models.
    rise : float
        A change of the expected score between any two scales that is smaller
        than this (share of the score's range; nats for losses) is flat for all
        that matters. `flat` by this rule needs P(flat) > ½ and `probability`
        for the small change.
    jump_width : float
        Widest transition that counts as a jump, in decades.
    smallest_change : float, optional
        Smallest change of interest (see `Hypothesis`); default .2 of the way
        from chance to top, .05 nats for losses.
    """

    probability: float = 0.95
    p_cal: float = 0.01
    power: float = 0.8
    grid: float = 0.5
    second_scale: float = 0.5
    misfit: float = 0.01
    few: int = 8
    rise: float = 0.1
    jump_width: float = JUMP_WIDTH
    smallest_change: float | None = None


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Findings:
    """Everything a verdict looks at; NaN or None where it was not computed."""

    p_flat: float
    p_gradual: float
    p_onset: float
    p_jump: float
    p_falls: float
    log_bf: float
    log_bf_error: float
    grid_real: tuple[float, float]
    grid_gradual: tuple[float, float]
    grid_flat: tuple[float, float]
    grid_falls: tuple[float, float]
    second_real: float
    misfit: float
    p_small_change: float
    p_cal: float | None
    power: float | None
    apparent_jump: bool
    edge: bool
    sigma: float
    floor_share: float
    scales: int
    gap: str
    gap_width: float
    last_gap: str
    shape: str
    unreliable: str

    @property
    def p_real(self) -> float:
        """Probability of a jump or an onset."""
        return self.p_onset + self.p_jump

    @property
    def chances(self) -> dict[str, float]:
        """Probability of each account, by name."""
        return {name: getattr(self, f"p_{name}") for name in ACCOUNTS}


@dataclass(frozen=True)
class Verdict:
    """Verdict, kind, reason in words, and whether it survives the grid."""

    verdict: str
    kind: str | None
    reason: str
    robust: bool
    #: Of `real`: whether the simulated null confirms it; None where it was not simulated.
    confirmed: bool | None = None


def too_few(curve: Curve) -> Verdict | None:
    """Return the verdict on a series that no analysis can decide, or None."""
    if curve.n_scales < MIN_SCALES:
        return Verdict(
            "undecided",
            None,
            f"too few scales: {curve.n_scales} distinct, a break needs at least {MIN_SCALES} "
            "(two on either side)",
            False,
        )
    metric = curve.metric_object
    if not metric.continuous and type(metric).range[1] == 1.0:
        low, high = curve.counts[0], curve.counts[1]
        if (high == 0).all() or (curve.score == 0).all():
            return Verdict(
                "undecided",
                None,
                "floor: no model has a single right answer, so the score shows nothing of the "
                "skill",
                False,
            )
        if (low >= curve.effective_n).all():
            return Verdict("undecided", None, "ceiling: every model has every answer right", False)
    return None


def chance_of(p: Mapping[str, float], verdict: str) -> float:
    """Probability of what a verdict says: an account, `real` (a break) or `smooth` (none)."""
    accounts = {"real": BREAKS, "smooth": SMOOTH}.get(verdict, (verdict,))
    return sum(p[account] for account in accounts)


def speaks_for(p: Mapping[str, float], threshold: float) -> str:
    """What probabilities of the accounts alone speak for.

    Returns
    -------
    {"flat", "gradual", "falls", "real", "smooth", "undecided"}
        `smooth`: skill does not break, and which account without a break it is stays open. Where
        a fall is the likeliest of them the question has become another one: `undecided`.

    Examples
    --------
    >>> speaks_for({"flat": 0.3, "gradual": 0.67, "onset": 0, "jump": 0.01, "falls": 0.02}, 0.95)
    'smooth'
    """
    for verdict in ("flat", "gradual", "falls", "real"):
        if chance_of(p, verdict) > threshold:
            return verdict
    if chance_of(p, "smooth") > threshold and p["falls"] < max(p["flat"], p["gradual"]):
        return "smooth"
    return "undecided"


def decide(f: Findings, thresholds: Thresholds = THRESHOLDS) -> Verdict:
    """Apply the rule to the findings of one series."""
    t = thresholds
    if f.unreliable:
        return _undecided(f"evidence not reliable: {f.unreliable}")
    verdict = _by_probability(f, t)
    if verdict.verdict != "undecided" and f.misfit < t.misfit:
        return _undecided(
            f"misfit: the probabilities say {verdict.verdict}, but no account fits "
            f"(posterior predictive p = {f.misfit:.3f})"
        )
    return verdict


def _by_probability(f: Findings, t: Thresholds) -> Verdict:
    said = speaks_for(f.chances, t.probability)
    flat = probability_is("P(flat)", f.p_flat)
    if said == "flat":
        return Verdict("flat", None, f"nothing visible happens: {flat}", f.grid_flat[0] > t.grid)
    if f.p_flat > 0.5 and f.p_small_change > t.probability:
        return Verdict(
            "flat",
            None,
            f"nothing that matters happens: {flat}; {probability_is('P', f.p_small_change)} that "
            f"the expected score changes by less than {t.rise:g}",
            f.grid_flat[0] > t.grid,
        )
    rule = {
        "falls": _maybe_falls, "real": _maybe_real, "gradual": _maybe_gradual,
        "smooth": _maybe_smooth,
    }.get(said)  # fmt: skip
    return rule(f, t) if rule else _undecided(_why_undecided(f, t))


_FALLING = {
    "decline": "the score falls with scale",
    "drop": "the score drops at a definite scale",
    "hump": "the score rises, then falls",
    "u_shape": "the score falls, then rises",
}


def _maybe_falls(f: Findings, t: Thresholds) -> Verdict:
    lead = probability_is("P(falls)", f.p_falls)
    if not f.grid_falls[0] > t.grid:
        return _undecided(
            f"prior: {lead}, but {probability(f.grid_falls[0])} under another reasonable prior"
        )
    return Verdict("falls", f.shape, f"{_FALLING[f.shape]}: {lead}", True)


def _maybe_real(f: Findings, t: Thresholds) -> Verdict:
    robust = f.grid_real[0] > t.grid
    if f.p_jump > t.probability:
        kind = "jump"
    elif f.p_onset > t.probability:
        kind = "onset"
    else:
        kind = "unresolved"
    words = {
        "jump": "skill itself leaps",
        "onset": "skill sets on, or grows faster, from a definite scale without leaping",
        "unresolved": "skill breaks, but whether it leaps or sets on cannot be told",
    }[kind]
    lead = probability_is("P(jump or onset)", f.p_real)
    if not robust:
        return _undecided(
            f"prior: {lead}, but {probability(f.grid_real[0])} under another reasonable prior "
            "(see the sensitivity grid)"
        )
    if f.second_real < t.second_scale:
        return _undecided(
            f"skill scale: {lead} on the log scale of skill, {probability(f.second_real)} on the "
            "logit scale"
        )
    # the null is fitted to the data at hand: the steepest mimic of what is to be tested. It can
    # confirm a verdict, and does not take one back
    confirmed = None if f.p_cal is None else f.p_cal < t.p_cal
    if f.p_cal is None:
        # of gradual truths drawn from the prior, no larger share gives as much (Markov)
        how = f"at most {min(np.exp(-f.log_bf), 1.0):.2g} of gradual truths look as broken"
    else:
        how = f"{f.p_cal:.2%} of simulated gradual series look as broken"
        if not confirmed:
            how = f"not confirmed by simulation: {how}"
    return Verdict("real", kind, f"{words}: {lead}; {how}", True, confirmed)


def _maybe_gradual(f: Findings, t: Thresholds) -> Verdict:
    lead = probability_is("P(gradual)", f.p_gradual)
    if (doubt := _doubt_of_smooth(f, t, lead, f.grid_gradual[0])) is not None:
        return doubt
    if f.power is None:
        how = "power not simulated"
    else:
        how = f"a jump where the score rises most would be found with power {probability(f.power)}"
    verdict, words = "gradual", "skill grows smoothly"
    if f.apparent_jump:
        verdict, words = "artefact", "the score looks like a jump, the skill behind it is smooth"
    return Verdict(verdict, None, f"{words}: {lead}; {how}", True)


def either_of(p: Mapping[str, float], apparent_jump: bool) -> tuple[str, str, str]:
    """Verdict, kind and words where skill does not break and no account alone is sure.

    The likeliest lends its name; the kind names what else it may be.
    """
    first, second, third = sorted(SMOOTH, key=lambda name: -p[name])
    others = (second, third) if p[third] > _NAMED else (second,)
    verdict = "artefact" if apparent_jump and first == "gradual" else first
    words = " or ".join(f"{name} {probability(p[name])}" for name in (first, *others))
    return verdict, "or_" + "_or_".join(sorted(others)), words


def _maybe_smooth(f: Findings, t: Thresholds) -> Verdict:
    p = f.chances
    verdict, kind, either = either_of(p, f.apparent_jump)
    lead = probability_is("P(no break)", chance_of(p, "smooth"))
    # a share of all but the breaks, in the worst cell
    if (doubt := _doubt_of_smooth(f, t, lead, 1.0 - f.grid_real[1])) is not None:
        return doubt
    words = (
        "the score looks like a jump, the skill behind it does not break"
        if verdict == "artefact"
        else "skill does not break"
    )
    return Verdict(verdict, kind, f"{words}: {lead} ({either})", True)


def _doubt_of_smooth(f: Findings, t: Thresholds, lead: str, least: float) -> Verdict | None:
    """What stands in the way of "no break": the last gap, a prior, power; None if nothing does.

    `least` is the smallest probability of what is claimed over the sensitivity grid.
    """
    if f.edge and f.apparent_jump:
        return _undecided(
            f"edge: {lead}, but the score rises ever faster up to the last model, with nothing "
            f"measured {f.last_gap}: there a jump in skill cannot be told from a steep trend"
        )
    if not least > t.grid:
        return _undecided(f"prior: {lead}, but {probability(least)} under another reasonable prior")
    if f.apparent_jump and f.power is not None and f.power < t.power:
        return _undecided(
            f"power: {lead}, but a jump of the claimed height would be found with "
            f"probability {probability(f.power)} only"
        )
    return None


def _undecided(reason: str) -> Verdict:
    return Verdict("undecided", None, reason, False)


def _why_undecided(f: Findings, t: Thresholds) -> str:
    parts = f.chances
    ranked = sorted(parts, key=lambda k: -parts[k])
    fits = " and ".join(f"{k} {probability(parts[k])}" for k in ranked if parts[k] > _NAMED)
    if f.edge:
        why = (
            f"edge: the score rises ever faster up to the last model, nothing measured {f.last_gap}"
        )
    elif f.sigma > 0.35:
        why = (
            f"noise between models: σ ≈ {f.sigma:.2f} nats is as large as what is to be told apart"
        )
    elif f.floor_share > 0.5:
        why = "floor: most models score no better than chance"
    elif f.gap_width > t.jump_width:
        why = f"unresolved gap: the score changes most {f.gap}, where nothing was measured"
    elif f.scales < t.few:
        why = f"too few models: {f.scales} scales"
    else:
        why = f"too alike: what would tell the accounts apart drowns in noise at {f.scales} scales"
    if chance_of(parts, "smooth") > t.probability:
        why += f"; no break, {probability_is('P(jump or onset)', f.p_real)}, but it may fall"
    return f"{why} (P: {fits})"
