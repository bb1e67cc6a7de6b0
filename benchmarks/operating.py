"""Error rates of the verdict's rule: which gate costs what, and what each truth is called.

Collects once what a verdict looks at (`Findings`) for curves of every truth on
designs drawn at random, keeps it in a file, and holds it against the rule with
other thresholds and with single gates taken away. One half of the curves is for
choosing, the other half is reported. Writes `results/operating.md` and `.csv`.

    python benchmarks/operating.py --curves 40 --store findings.parquet
    python benchmarks/operating.py --store findings.parquet --table
    python benchmarks/operating.py --priors corpus

Beside the rules stands the best there can be: whoever knows how the curves were
made, and calls them smooth or broken at the same probability (`_floor`). Nulls
are not simulated.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from _floor import log_marginals
from scipy import special

from emergent_stats.design.simulate import Design, draw_design, simulate_curve
from emergent_stats.design.truths import TRUTHS
from emergent_stats.evidence.threads import each
from emergent_stats.model.curve import Curve
from emergent_stats.model.learnt import SOURCES
from emergent_stats.model.trends import BREAKS
from emergent_stats.verdict.decision import THRESHOLDS, Findings, Thresholds, Verdict, decide
from emergent_stats.verdict.judge import findings_of

RESULTS = Path(__file__).parent / "results"
#: Lowest probability at which the costly numbers are collected.
LOWEST = 0.8
SAID = ("jump", "onset", "unresolved", "artefact", "gradual", "flat", "falls", "undecided")
#: What is asked: false `real` and false `jump` over all smooth truths, `real` of any one of them.
ASKED = {"real": 0.02, "jump": 0.01, "worst": 0.05}
_PAIRS = ("grid_real", "grid_gradual", "grid_flat", "grid_falls")


# --- findings in a file --------------------------------------------------------------------
def flat_row(found: Findings) -> dict:
    """Findings as one row of a table."""
    row = {}
    for f in fields(found):
        value = getattr(found, f.name)
        if f.name in _PAIRS:
            row[f"{f.name}_low"], row[f"{f.name}_high"] = value
        else:
            row[f.name] = value
    return row


def from_row(row: dict) -> Findings:
    """Findings from such a row."""
    values = {}
    for f in fields(Findings):
        if f.name in _PAIRS:
            values[f.name] = (row[f"{f.name}_low"], row[f"{f.name}_high"])
        elif f.name in ("p_cal", "power"):
            values[f.name] = None
        else:
            values[f.name] = row[f.name]
    return Findings(**values)


def made_up(truth: str, which: Iterable[int], seed: int) -> tuple[list[Design], list[Curve]]:
    """Designs and curves of one truth: curve i has the i-th design, whichever truth it is."""
    place = list(TRUTHS).index(truth)
    designs = {i: draw_design([seed, 13, i]) for i in which}
    return list(designs.values()), [
        simulate_curve(truth, d, [seed, place, i])[0] for i, d in designs.items()
    ]


def collect(truth: str, count: int, seed: int, priors: str = "weak") -> list[dict]:
    """Rows of one truth."""
    designs, curves = made_up(truth, range(count), seed)
    lowest = replace(THRESHOLDS, probability=LOWEST)
    found = findings_of(curves, seed=seed, thresholds=lowest, priors=priors)
    return [
        {"truth": truth, "account": TRUTHS[truth].account, "inside": TRUTHS[truth].inside,
         "index": i, "m": d.m, "n": d.n, "sigma_true": d.sigma,
         "thin": f is None, **({} if f is None else flat_row(f))}
        for i, (d, f) in enumerate(zip(designs, found, strict=True))
    ]  # fmt: skip


#: Names of what the floor gives each row.
FLOOR = ("floor_smooth", "floor_onset", "floor_jump", "floor_effective")


def with_floor(rows: pd.DataFrame, seed: int, draws: int) -> pd.DataFrame:
    """Rows with the posterior of someone who knows the truths, and how often each was drawn."""
    accounts = np.array([TRUTHS[t].account for t in TRUTHS])
    smooth = ~np.isin(accounts, BREAKS)

    def posterior(row: tuple[str, int]) -> list[float]:
        (design,), (curve,) = made_up(row[0], [row[1]], seed)
        x = curve.x - 0.5 * (curve.x[0] + curve.x[-1])
        log_z, effective = log_marginals([curve], design, list(TRUTHS), draws, seed, x)
        p = special.softmax(log_z[:, 0])
        least = float(effective[p > 0.01, 0].min())
        return [*(float(p[k].sum()) for k in (smooth, accounts == "onset", accounts == "jump")),
                least]  # fmt: skip

    found = each(list(zip(rows["truth"], rows["index"], strict=True)), posterior)
    return rows.assign(**dict(zip(FLOOR, np.array(found).T, strict=True)))


# --- rules ---------------------------------------------------------------------------------
type Rule = Callable[[Findings], Verdict]


def rule(thresholds: Thresholds = THRESHOLDS, **without: object) -> Rule:
    """The rule under other thresholds, and as if some findings were others."""

    def apply(f: Findings) -> Verdict:
        return decide(replace(f, **without), thresholds) if without else decide(f, thresholds)

    return apply


def candidates() -> dict[str, Rule]:
    """Rules by name."""
    t = THRESHOLDS
    found = {"the rule as it stands": rule(t)}
    for p in (0.9, 0.97, 0.98):
        found[f"P > {p:g}"] = rule(replace(t, probability=p))
    for grid in (-1.0, 0.7, 0.8, 0.9):
        found["no grid" if grid < 0 else f"grid > {grid:g}"] = rule(replace(t, grid=grid))
    for second in (-1.0, 0.8):
        name = "no second scale" if second < 0 else f"second scale > {second:g}"
        found[name] = rule(replace(t, second_scale=second))
    found["no check of fit"] = rule(replace(t, misfit=-1.0))
    found["no edge"] = rule(t, edge=False)
    found["whatever the numerical doubts"] = rule(t, unreliable="")
    return found


# --- tables --------------------------------------------------------------------------------
def calls(rows: pd.DataFrame, apply: Rule) -> pd.Series:
    """What a rule calls each row: the verdict, or the kind where it is `real`."""
    said = []
    for row in rows.to_dict("records"):
        if row["thin"]:
            said.append("undecided")
            continue
        v = apply(from_row(row))
        said.append(v.kind if v.verdict == "real" else v.verdict)
    return pd.Series(said, index=rows.index)


def rates(rows: pd.DataFrame, said: pd.Series) -> dict[str, float]:
    """Error rates and shares decided of one rule."""
    smooth = ~rows["account"].isin(BREAKS)
    real, jump = said.isin(["jump", "onset", "unresolved"]), said == "jump"
    calm = said.isin(["gradual", "artefact", "flat"])
    worst = real[smooth].groupby(rows["truth"][smooth]).mean()
    return {
        "false real": real[smooth].mean(),
        "false jump": jump[rows["account"] != "jump"].mean(),
        "worst truth": worst.max(),
        "which": worst.idxmax(),
        "breaks called smooth": calm[~smooth].mean(),
        "decided": (said != "undecided").mean(),
        "smooth called smooth": calm[smooth].mean(),
        "jumps found": real[rows["account"] == "jump"].mean(),
        "onsets found": real[rows["account"] == "onset"].mean(),
    }


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per rule."""
    return pd.DataFrame(
        [{"rule": name, **rates(rows, calls(rows, r))} for name, r in candidates().items()]
    )


def against_floor(rows: pd.DataFrame, said: pd.Series) -> pd.DataFrame:
    """The rule beside the best there can be; the last column is the ratio."""
    truth = np.where(rows["account"].isin(BREAKS), rows["account"], "smooth")
    ways = ["smooth", "onset", "jump"]
    p = rows[[f"p_{a}" for a in ("flat", "gradual", "falls", *BREAKS)]].fillna(0.2)
    p = p.assign(smooth=p["p_flat"] + p["p_gradual"] + p["p_falls"])
    own = p[["smooth", "p_onset", "p_jump"]].to_numpy()
    best = rows[list(FLOOR[:3])].to_numpy()
    real = said.isin(["jump", "onset", "unresolved"])
    calm = said.isin(["gradual", "artefact", "flat"])
    limit = THRESHOLDS.probability
    floor_real, floor_calm = best[:, 1:].sum(1) > limit, best[:, 0] > limit
    smooth = truth == "smooth"

    def wrong(chances: np.ndarray) -> float:
        return float((np.array(ways)[chances.argmax(1)] != truth).mean())

    pairs = {
        "three-way error (smooth, onset, jump), nobody undecided": (wrong(own), wrong(best)),
        "decided": ((said != "undecided").mean(), (floor_real | floor_calm).mean()),
        "smooth called smooth": (calm[smooth].mean(), floor_calm[smooth].mean()),
        "smooth called real": (real[smooth].mean(), floor_real[smooth].mean()),
        "breaks called real": (real[~smooth].mean(), floor_real[~smooth].mean()),
        "breaks called smooth": (calm[~smooth].mean(), floor_calm[~smooth].mean()),
    }
    return pd.DataFrame(
        [
            {"": name, "the rule": own, "floor": best, "ratio": f"{own / best:.2f}" if best else ""}
            for name, (own, best) in pairs.items()
        ]
    )


def by_truth(rows: pd.DataFrame, said: pd.Series) -> pd.DataFrame:
    """Counts of each verdict, a row per truth."""
    table = pd.crosstab(rows["truth"], said).reindex(index=list(TRUTHS), columns=SAID)
    table = table.dropna(how="all").fillna(0).astype(int)
    table.insert(0, "account", [TRUTHS[t].account for t in table.index])
    return table.reset_index()


def reasons(rows: pd.DataFrame) -> pd.DataFrame:
    """Why series are undecided: the reason's first word, a count each."""
    words = [
        "thin" if r["thin"] else decide(from_row(r)).reason.partition(":")[0]
        for r in rows.to_dict("records")
        if r["thin"] or decide(from_row(r)).verdict == "undecided"
    ]
    counts = pd.Series(words, name="reason", dtype=str).value_counts()
    return counts.rename_axis("reason").reset_index(name="series")


def markdown(frame: pd.DataFrame) -> str:
    def cell(value: object) -> str:
        return f"{100 * value:.1f} %" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    return "\n".join(
        lines + [f"| {' | '.join(map(cell, r))} |" for r in frame.itertuples(index=False)]
    )


def text(rows: pd.DataFrame, seed: int, priors: str = "weak") -> str:
    """All tables."""
    choose, report = rows[rows["index"] % 2 == 0], rows[rows["index"] % 2 == 1]
    asked = ", ".join(f"{name} ≤ {100 * limit:g} %" for name, limit in ASKED.items())
    return "\n".join(
        [
            f"# Error rates of the verdict, {priors} priors", "",
            f"Seed {seed}; {len(rows)} curves of {rows['truth'].nunique()} truths on designs drawn "
            "at random (m 5 to 24, n 50 to 5,000, noise 0 to .4, uneven scales, all links); "
            "`benchmarks/operating.py`. "
            f"Asked of smooth truths: {asked}.", "",
            "## Rules, on the half for choosing", "", markdown(compared(choose)), "",
            "## Rules, on the other half", "", markdown(compared(report)), "",
            "## The rule beside the best there can be, on both halves", "",
            "Floor: the posterior of someone who knows how the curves were made, called smooth or "
            f"broken above {THRESHOLDS.probability:g}; fewer than 10 effective draws for "
            f"{(rows['floor_effective'] < 10).mean():.0%} of the curves.", "",
            markdown(against_floor(rows, calls(rows, rule()))), "",
            "## What each truth is called, on the other half", "",
            markdown(by_truth(report, calls(report, rule()))), "",
            "## Why series are undecided, on both", "", markdown(reasons(rows)), "",
        ]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=int, default=40, help="curves of each truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--priors", default="weak", choices=SOURCES)
    parser.add_argument("--store", type=Path, help="file (.parquet) that keeps the findings")
    parser.add_argument("--draws", type=int, default=20_000, help="draws of a truth for the floor")
    parser.add_argument("--table", action="store_true", help="only hold --store against the rules")
    args = parser.parse_args()
    if args.table:
        if args.store is None:
            parser.error("--table needs --store FILE")
        rows = pd.read_parquet(args.store)
    else:
        made = []
        for truth in TRUTHS:
            start = time.perf_counter()
            made += collect(truth, args.curves, args.seed, args.priors)
            seconds = (time.perf_counter() - start) / args.curves
            print(f"{truth}: {seconds:.2f} s per curve", file=sys.stderr, flush=True)
        rows = pd.DataFrame(made)
    if not set(FLOOR) <= set(rows):
        rows = with_floor(rows, args.seed, args.draws)
        if args.store is not None:
            rows.drop(columns=["p_cal", "power"], errors="ignore").to_parquet(args.store)
    found = text(rows, args.seed, args.priors)
    name = "operating" if args.priors == "weak" else f"operating_{args.priors}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(found, encoding="utf-8")
    by_truth(rows, calls(rows, rule())).to_csv(RESULTS / f"{name}.csv", index=False)
    print(found)


if __name__ == "__main__":
    main()
