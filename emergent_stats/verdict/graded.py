"""Which way an answer leans and how far, in words; a sentence for a paper.

The best is held against the next best by their Bayes factor; its words are those
of Kass and Raftery (1995, J. Am. Stat. Assoc. 90:773). `c` is a `comparison.Comparison`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emergent_stats.model.trends import BREAKS, PRIOR
from emergent_stats.verdict.decision import SMOOTH
from emergent_stats.verdict.words import leaves_open, with_kind

#: Smallest odds of each word.
_WORDS = (
    (150.0, "very strong"),
    (20.0, "strong"),
    (3.0, "positive"),
    (1.0, "barely worth a mention"),
)
_MOST = 1000.0
_SAYS = {
    "real": {
        "jump": "skill itself leaps",
        "onset": "skill sets on, or grows faster, from a definite scale",
        "unresolved": "skill breaks",
    },
    "artefact": "the score looks like a jump while the skill behind it grows smoothly",
    "gradual": "skill grows smoothly",
    "flat": "nothing visible happens",
    "falls": "the score falls with scale",
    "undecided": "the data do not decide",
}


#: Of a verdict that leaves open which account without a break it is.
_OPEN = {
    "artefact": "the score looks like a jump while the skill behind it does not break: it is ",
    "gradual": "skill does not break: it is ",
    "flat": "skill does not break: it is ",
}


def odds(c: Any) -> tuple[str, float] | None:
    """What is most probable, and its Bayes factor against the next best; None if not analysed.

    Jump and onset count together, or one account would argue against the other; so do the
    accounts without a break where the verdict leaves open which of them it is.
    """
    if not np.isfinite(c.p_flat):
        return None
    groups = {"real": BREAKS, **{account: (account,) for account in SMOOTH}}
    if leaves_open(c.kind):
        groups = {"real": BREAKS, "no break": SMOOTH}
    average = {
        name: sum(getattr(c, f"p_{a}") for a in accounts) / sum(PRIOR[a] for a in accounts)
        for name, accounts in groups.items()
    }
    first, second = sorted(average, key=lambda name: -average[name])[:2]
    return first, float(average[first] / max(average[second], 1e-12))


def lean(c: Any) -> str | None:
    """As `gradual 6 : 1 (positive)`; None if not analysed."""
    found = odds(c)
    if found is None:
        return None
    name, ratio = found
    word = next(word for least, word in _WORDS if ratio >= least or least == 1.0)
    if ratio >= _MOST:
        return f"{name}, over {_MOST:.0f} : 1 ({word})"
    return f"{name} {ratio:.{0 if ratio >= 9.95 else 1}f} : 1 ({word})".replace(".0 :", " :")


def sentence(c: Any) -> str:
    """One sentence on the verdict, with its numbers, for a paper."""
    says = _SAYS[c.verdict]
    if isinstance(says, dict):
        says = says[c.kind or "unresolved"]
    if leaves_open(c.kind):
        name = "gradual" if c.verdict == "artefact" else c.verdict
        says = _OPEN[c.verdict] + with_kind(name, c.kind)
    task = c.curve.key.get("task") or "this task"
    tail = [f"{c.curve.m} models, {c.curve.metric}"]
    if (leans := lean(c)) is not None:
        tail.append(f"{'leaning to ' if c.verdict == 'undecided' else ''}{leans}")
    if np.isfinite(c.rise).all():
        low, high = c.rise
        tail.append(
            f"expected score from first to last scale {low:+.2g} to {high:+.2g}, 90 % interval"
        )
    if c.largest_gap:
        tail.append(f"changing most {c.largest_gap}")
    return f"On {task}, {says} ({'; '.join(tail)})."
