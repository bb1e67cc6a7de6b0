"""Every number that the paper quotes, from the table of verdicts and the results of benchmarks.

Nothing here knows what the numbers should be: a run that gives others changes the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.model.curve import MIN_SCALES
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.metrics import metric_for
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.model.visible import smallest_change
from emergent_stats.results import corpus
from emergent_stats.verdict.decision import THRESHOLDS, VERDICTS

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
_SMOOTH = ("flat", "gradual")
#: What an undecided series needs → text that its advice holds, in the order they are looked for.
NEEDS = {
    "nothing affordable": "nothing affordable",
    "larger models, or a metric with partial credit": "partial credit",
    "models inside a gap": " between ",
    "models in between": "in between",
    "larger models": " above ",
    "smaller models": " below ",
    "more runs of every model": " run",
    "more examples": "examples",
}
#: Rivals of the verdict that the paper names: rule of `benchmarks/decisions.py` → in words.
RIVALS = {
    "bayes_outside": "knows the truths",
    "verdict": "this verdict",
    "break_naive": "searched break, chi-squared null",
    "break_binomial": "searched break, simulated binomial null",
    "break_noise": "searched break, simulated null with noise",
    "bic_answers": "BIC prefers a break",
    "breakthroughness_null": "breakthroughness, simulated null",
    "passuntil": "PassUntil curvature, simulated null",
    "ruptures_pelt": "ruptures, PELT",
    "rbeast": "Rbeast",
    "curve_fit": "sigmoid beats line in AIC",
    "piecewise": "piecewise-regression, Davies test",
}


def quoted(table: pd.DataFrame) -> dict[str, Any]:
    """All numbers by name, for `paper.md`: of series with scales enough to be tested."""
    every, table = table, testable(table)
    return {
        "corpus": _corpus(every, table),
        "verdicts": _verdicts(table),
        "studies": [_study(str(s), rows) for s, rows in table.groupby("study", sort=False)],
        "looks": _looks(table),
        "undecided": _undecided(table),
        "claims": _claims(table),
        "calibration": _calibration(),
        "known": _known_truths(),
        "rivals": _rivals(),
        "rule": _rule(),
        "order": VERDICTS,
    }


def testable(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of series that have scales enough: of the others nothing can be said."""
    return table[~table["reason"].str.startswith("too few scales")]


def _corpus(every: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    known = corpus.studies()
    scored = known[known["series"] > 0]
    judged = list(dict.fromkeys(every["study"]))
    return {
        "studies": len(scored),
        "series": int(scored["series"].sum()),
        "judged_studies": len(judged),
        "judged": len(table),
        "missing": [str(name) for name in scored["study"] if name not in judged],
        "short": len(every) - len(table),
        "scales": MIN_SCALES,
        "models": int(table["m"].median()),
    }


def _tally(values: Iterable[Any]) -> dict[str, int]:
    return dict(Counter(map(str, values)).most_common())


def _verdicts(table: pd.DataFrame) -> dict[str, Any]:
    found = _tally(table["verdict"])
    real = table[table["verdict"] == "real"]
    return {
        "counts": {name: found.get(name, 0) for name in VERDICTS},
        "shares": {name: found.get(name, 0) / len(table) for name in VERDICTS},
        "kinds": _tally(real["kind"]),
        "real": [
            {
                "study": row["study"], "family": row["family"], "task": row["task"],
                "metric": row["metric"].replace("_", " "), "kind": row["kind"], "m": row["m"],
                "p": row["p_onset"] + row["p_jump"],
            }
            for row in real.sort_values("log_bf", ascending=False).to_dict("records")
        ],
    }  # fmt: skip


def _study(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    found = _tally(rows["verdict"])
    return {"study": name, "series": len(rows), **{v: found.get(v, 0) for v in VERDICTS}}


def _looks(table: pd.DataFrame) -> dict[str, Any]:
    """What becomes of series whose score looks like a jump."""
    looks = table[table["apparent_jump"].fillna(False).astype(bool)]
    found = _tally(looks["verdict"])
    breaks = looks[[f"p_{account}" for account in BREAKS]].sum(axis=1)
    return {
        "series": len(looks),
        "share": len(looks) / len(table),
        "counts": {name: found.get(name, 0) for name in VERDICTS},
        "likely": int((breaks > 0.5).sum()),
    }


def _undecided(table: pd.DataFrame) -> dict[str, Any]:
    rows = table[table["verdict"] == "undecided"]
    analysed = rows[rows["p_flat"].notna()]
    best = analysed[[f"p_{account}" for account in ACCOUNTS]].idxmax(axis=1)
    return {
        "series": len(rows),
        "analysed": len(analysed),
        "reasons": _tally(rows["reason"].str.partition(":")[0]),
        "leans": _tally(name.removeprefix("p_") for name in best),
        "strongly": int(analysed["lean"].str.contains(r"\((?:very )?strong\)").sum()),
        "needs": _tally(map(need, rows["to_decide"])),
    }


def need(advice: Any) -> str:
    """Kind of what would decide a series, of what `what_would_decide` says."""
    if not isinstance(advice, str):
        return "no plan"
    text = advice.partition(" (by")[0]
    return next((name for name, words in NEEDS.items() if words in text), "another plan")


def _claims(table: pd.DataFrame) -> dict[str, Any]:
    """Claims of Wei et al. (2022), and the verdicts on their own series."""
    claims = corpus.published_claims()
    pointed = claims[claims["study"].notna()]
    own = []
    for claim in pointed.to_dict("records"):
        fits = (table["study"] == claim["study"]) & (table["family"] == claim["family"])
        rows = table[fits & table["task"].isin(claim["tasks"].split("; "))]
        own.append(
            {
                "ability": claim["ability"], "model": claim["model"], "family": claim["family"],
                "series": len(rows), "verdicts": _tally(rows["verdict"]),
            }
        )  # fmt: skip
    every = Counter()
    for one in own:
        every.update(one["verdicts"])
    return {
        "claims": len(claims),
        "with_series": len(pointed),
        "without": len(claims) - len(pointed),
        "series": sum(one["series"] for one in own),
        "verdicts": dict(every.most_common()),
        "own": own,
    }


# --- benchmarks --------------------------------------------------------------------------
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / name)


def _calibration() -> dict[str, Any]:
    ranks, cells = _read("calibration.csv"), _read("calibration_reliability.csv")
    pooled = cells[cells["account"] == "all"]
    own = cells[cells["account"] != "all"]
    single = ranks[ranks["hypothesis"] != "all"]
    drawn = [str(name) for name in dict.fromkeys(own["account"])]
    return {
        "draws": int(ranks["draws"].max()),
        "pairs": len(single),
        "low": int((single["chi² p"] < 0.01).sum()),
        "low_expected": 0.01 * len(single),
        "worst_gap": float((pooled["came true"] - pooled["probability"]).abs().max()),
        "cells": len(own),
        "beyond": int((own["standard errors away"].abs() > 2).sum()),
        "drawn": drawn,
        "not_drawn": [name for name in ACCOUNTS if name not in drawn],
    }


def _known_truths() -> dict[str, Any]:
    """Verdicts on made-up series of thirteen truths, from `operating.csv`."""
    rows = _read("operating.csv").set_index("truth")
    counts = rows.drop(columns="account")
    real = counts[["jump", "onset", "unresolved"]].sum(axis=1)
    smooth = rows["account"].isin(_SMOOTH)
    total = counts.sum(axis=1)
    found = {
        account: float(
            real[rows["account"] == account].sum() / total[rows["account"] == account].sum()
        )
        for account in BREAKS
    }
    return {
        "truths": len(rows),
        "smooth_truths": int(smooth.sum()),
        "series": int(total.sum()),
        "smooth": int(total[smooth].sum()),
        "false": int(real[smooth].sum()),
        "false_share": float(real[smooth].sum() / total[smooth].sum()),
        "jumps_found": found["jump"],
        "onsets_found": found["onset"],
        "undecided": float(counts["undecided"].sum() / total.sum()),
        "missed": int(
            counts.loc[~smooth, ["artefact", "gradual", "flat", "falls"]].to_numpy().sum()
        ),
    }


def _rivals() -> list[dict[str, Any]]:
    """False alarms and breaks found of each rule, on the reference designs of `decisions.csv`."""
    rows = _read("decisions.csv")
    rows = rows[rows["designs"] == "reference"]
    found = []
    for rule, words in RIVALS.items():
        own = rows[rows["rule"] == rule]
        if own.empty:
            raise SystemExit(f"decisions.csv has no rule {rule!r}; mend RIVALS in paper/quoted.py")
        found.append(
            {
                "rule": words,
                "false": _share(own[own["account"].isin(_SMOOTH)], "real"),
                "jumps": _share(own[own["account"] == "jump"], "real"),
                "onsets": _share(own[own["account"] == "onset"], "real"),
                "undecided": _share(own, "undecided"),
            }
        )
    return found


def _share(rows: pd.DataFrame, column: str) -> float:
    """Mean over curves."""
    return float((rows[column] * rows["curves"]).sum() / rows["curves"].sum())


# --- the rule ----------------------------------------------------------------------------
def _rule() -> dict[str, Any]:
    metric = metric_for("exact_match", float("nan"))
    return {
        "probability": THRESHOLDS.probability,
        "grid": THRESHOLDS.grid,
        "p_cal": THRESHOLDS.p_cal,
        "power": THRESHOLDS.power,
        "jump_width": THRESHOLDS.jump_width,
        "change": smallest_change(False),
        "change_loss": smallest_change(True),
        "accounts": len(ACCOUNTS),
        "hypotheses": len(hypotheses(metric)),
        # decades times slope, between 10 % and 90 % of exp(−exp(−skill))
        "width": log(log(0.1) / log(0.9)),
    }
