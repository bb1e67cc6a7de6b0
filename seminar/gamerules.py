"""Rules of "Guess the jump": the deck, what a call is worth, and whose calls stand beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: What can be called; "real" says that skill breaks.
CALLS = ("real", "artefact", "can't tell")
#: Of the package's verdicts.
_OF_VERDICT = {"real": "real", "undecided": "can't tell"}
#: Posterior from which the floor calls.
SURE = 0.95


def table() -> dict[str, Any]:
    """The table that `build_game.py` wrote."""
    return json.loads((Path(__file__).parent / "game.json").read_text(encoding="utf-8"))


def deck(number: int, size: int) -> list[int]:
    """Places in the table of a shuffled deck."""
    order = np.random.default_rng(number).permutation(len(table()["curves"]))
    return [int(i) for i in order[:size]]


def package_call(curve: dict[str, Any]) -> str:
    """What the package says: anything but real and undecided is a smooth skill."""
    return _OF_VERDICT.get(curve["verdict"], "artefact")


def floor_call(curve: dict[str, Any], sure: float = SURE) -> str:
    """What someone calls who knows how the curves were made."""
    if curve["floor"] > sure:
        return "real"
    return "artefact" if curve["floor"] < 1 - sure else "can't tell"


@dataclass(frozen=True)
class Tally:
    """How calls fared on curves of known truth.

    Attributes
    ----------
    curves, decided, wrong : int
    error : float
        Share of wrong ones among those decided; NaN without any.
    false_positives : float
        Share of the smooth curves that were called real; NaN without any.
    """

    curves: int
    decided: int
    wrong: int
    error: float
    false_positives: float


def tally(curves: list[dict[str, Any]], calls: list[str]) -> Tally:
    """Count calls on curves; published ones, of unknown truth, are left out."""
    known = [(c["breaks"], call) for c, call in zip(curves, calls, strict=True) if "breaks" in c]
    decided = [(breaks, call) for breaks, call in known if call != "can't tell"]
    wrong = sum(breaks != (call == "real") for breaks, call in decided)
    smooth = [call for breaks, call in known if not breaks]
    nan = float("nan")
    return Tally(
        len(known),
        len(decided),
        wrong,
        wrong / len(decided) if decided else nan,
        sum(call == "real" for call in smooth) / len(smooth) if smooth else nan,
    )


def reply(curve: dict[str, Any], call: str) -> str:
    """What is said after a call, as Markdown."""
    package = f"The package says **{curve['verdict']}**."
    if "breaks" not in curve:
        return f"You called *{call}*. Published: {curve['note']}; its truth is not known. {package}"
    truth = "a break" if curve["breaks"] else "smooth"
    verdict = "You could not tell"
    if call != "can't tell":
        verdict = "Right" if curve["breaks"] == (call == "real") else "Wrong"
    return (
        f"**{verdict}.** You called *{call}*; the skill is **{truth}** ({curve['note']}). "
        f"{package} Who knows how these curves are made gives a break {curve['floor']:.2f}."
    )
