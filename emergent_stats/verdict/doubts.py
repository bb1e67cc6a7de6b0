"""Evidences that cannot be relied on, where their errors could change a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from emergent_stats.evidence.evidence import Evidence, away, doubtful
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.verdict.decision import Thresholds, speaks_for
from emergent_stats.verdict.sensitivity import account_log_z, probabilities


def doubts_about(found: dict[str, Evidence], thresholds: Thresholds) -> list[str]:
    """Evidences that matter and cannot be relied on, each with its reason.

    A large error, as far as it is known, matters only where it could turn what
    the probabilities say: of a leap of a thousand nats it cannot.
    """
    reasons = {name: found[name].doubts[0] for name in doubtful(found)}
    known = all(text.startswith("error") for text in reasons.values())
    if known and not _could_turn(found, reasons, thresholds):
        return []
    return [f"{name}: {text}" for name, text in reasons.items()]


def _could_turn(found: dict[str, Evidence], names: Iterable[str], thresholds: Thresholds) -> bool:
    """Whether errors of some evidences, all of one account against the others, change the say."""

    def says(shift: dict[str, float]) -> tuple:
        account_z = account_log_z(
            {n: e.log_z + shift.get(n, 0.0) for n, e in found.items()},
            {n: e.hypothesis for n, e in found.items()},
        )
        values = probabilities(account_z)[0].tolist()
        p: dict[str, float] = dict(zip(ACCOUNTS, values, strict=True))
        sure = [a for a in ACCOUNTS if p[a] > thresholds.probability]
        return speaks_for(p, thresholds.probability), sure, p["flat"] > 0.5

    declared = says({})
    return any(
        says(
            {
                n: sign * away(found[n]) * (1 if found[n].hypothesis.account == account else -1)
                for n in names
            }
        )
        != declared
        for account in ACCOUNTS
        for sign in (1, -1)
    )
