"""Every rule in use against every truth: who calls what a break.

Curves come from `emergent_stats.design.simulate`, whose formulas are not those of the
package's own analysis. Writes `results/decisions.md`, `.csv` and `.png`, and
keeps each rule's answer on each curve in `results/decisions_calls.parquet`, so
that the table can be made in parts:

    python benchmarks/decisions.py                              # reference designs, all rules
    python benchmarks/decisions.py --rules verdict --curves 60  # one rule, more curves
    python benchmarks/decisions.py --designs checkpoints --rules 'break*' --truths 'step'
    python benchmarks/decisions.py --table                      # only rewrite the table

Answers of a part replace those of the same curves; `--fresh` forgets all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from _floor import log_marginals, p_break
from _rivals import Rule, rules

from emergent_stats.design.simulate import LINKS, Design, draw_design, simulate_curve
from emergent_stats.design.truths import TRUTHS
from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import BREAKS

RESULTS = Path(__file__).parent / "results"
KEY = ["designs", "rule", "truth", "index"]
#: Every truth sees every one of these; the Bayes floor is computed for them.
REFERENCE = (
    Design(5, 500, 0.1), Design(6, 200, 0.2, link="multiple_choice"),
    Design(8, 1000, 0.1), Design(8, 500, 0.1, link="exact_match_mixed"),
    Design(12, 200, 0.1, link="graded"), Design(16, 200, 0.2),
    Design(8, 100, 0.4), Design(10, 500, 0.2, link="multiple_choice"),
    Design(12, 2000, 0.1, link="multiple_choice"), Design(8, 500, 0.2, link="graded"),
    Design(24, 500, 0.4), Design(12, 1000, 0.2, link="exact_match_mixed"),
)  # fmt: skip
#: By the name of the set: design of the i-th curve.
DESIGNS: dict[str, Callable[[int], Design]] = {
    "reference": lambda i: REFERENCE[i % len(REFERENCE)],
    "drawn": lambda i: draw_design([7, i]),
    "checkpoints": lambda i: draw_design([8, i], checkpoints=True),
}
IS_BREAK = np.array([t.account in BREAKS for t in TRUTHS.values()])
INSIDE = np.array([t.inside for t in TRUTHS.values()])
#: The Bayes rule, once with the inside gradual truths as alternative, once with the others.
FLOORS = {"bayes_inside": INSIDE, "bayes_outside": ~INSIDE | IS_BREAK}
#: What is compared with its floor: which floor, which gradual truths, which links.
BLOCKS = {
    "family": ("bayes_inside", True, True),
    "other truths": ("bayes_outside", False, True),
    "other links": ("bayes_inside", True, False),
}


def made(designs: str, truth: str, index: int, seed: int) -> Curve:
    """One curve; the same whichever part of the table is made."""
    place = list(TRUTHS).index(truth)
    return simulate_curve(truth, DESIGNS[designs](index), [seed, place, index])[0]


def answers(rule: Rule, designs: str, truth: str, count: int, seed: int) -> list[dict]:
    """Rows of one rule on the curves of one truth."""
    curves = [made(designs, truth, i, seed) for i in range(count)]
    start = time.perf_counter()
    found = rule.calls(curves, seed)
    seconds = (time.perf_counter() - start) / count
    return [
        {
            "designs": designs, "rule": rule.name, "truth": truth, "index": i,
            "statistic": float(f"{c.statistic:.6g}"), "call": c.call, "forced": int(c.forced),
            "kind": c.kind, "seconds": round(seconds, 4),
        }
        for i, c in enumerate(found)
    ]  # fmt: skip


def bayes_floor(designs: str, truths: Sequence[str], count: int, seed: int, draws: int) -> list:
    """Rows of the Bayes rule that knows how the curves were made.

    Its statistic is the log odds of a break. Only the reference designs have
    one: their noise is independent and their scales are even. Another way to
    the same posterior (such as the package's own calibration) can replace
    `log_marginals` here.
    """
    rows = []
    if designs != "reference":
        return rows
    by_design = sorted(range(count), key=lambda i: i % len(REFERENCE))
    for place, group in groupby(by_design, key=lambda i: i % len(REFERENCE)):
        keys = [(t, i) for i in group for t in truths]
        curves = [made(designs, t, i, seed) for t, i in keys]
        start = time.perf_counter()
        log_z, effective = log_marginals(curves, REFERENCE[place], list(TRUTHS), draws, seed)
        seconds = (time.perf_counter() - start) / len(curves)
        for name, members in FLOORS.items():
            p = np.clip(p_break(log_z, IS_BREAK, members), 1e-12, 1 - 1e-12)
            best = np.where(members[:, None], log_z, -np.inf).argmax(0)
            for c, (t, i) in enumerate(keys):
                rows.append(
                    {
                        "designs": designs, "rule": name, "truth": t, "index": i,
                        "statistic": float(f"{np.log(p[c] / (1 - p[c])):.6g}"),
                        "call": "real" if p[c] > 0.5 else "not", "forced": int(p[c] > 0.5),
                        "seconds": round(seconds, 4),
                        "effective": round(float(effective[best[c], c]), 1),
                    }
                )  # fmt: skip
    return rows


# --- what the answers add up to ------------------------------------------------------------
def auc(broken: np.ndarray, smooth: np.ndarray) -> float:
    """Probability that a break has the larger statistic; ties count half."""
    if broken.size == 0 or smooth.size == 0:
        return float("nan")
    from scipy.stats import rankdata

    rank = rankdata(np.nan_to_num(np.concatenate([broken, smooth]), nan=-np.inf))
    u = rank[: broken.size].sum() - broken.size * (broken.size + 1) / 2
    return float(u / (broken.size * smooth.size))


def balanced(frame: pd.DataFrame) -> np.ndarray:
    """Weights: half on breaks, half on the rest, truths alike within; the sum is 1."""
    count = frame.groupby("truth")["index"].transform("size")
    kinds = frame.groupby("broken")["truth"].transform("nunique")
    return (0.5 / count / kinds).to_numpy()


def best_error(frame: pd.DataFrame) -> float:
    """Error at the threshold that is best for these very curves: more than a user can have."""
    order = frame.sort_values("statistic", ascending=False)
    w = balanced(order)
    gain = np.cumsum(np.where(order["broken"], w, -w))
    last = ~order["statistic"].duplicated(keep="last").to_numpy()
    return float(0.5 - max(0.0, gain[last].max()))


def in_block(frame: pd.DataFrame, inside_truth: bool, inside_link: bool) -> pd.DataFrame:
    """Breaks, and gradual truths in or out of the family, at links in or out of it."""
    keep = frame["broken"] | (frame["inside"] == inside_truth)
    return frame[keep & (frame["inside_link"] == inside_link)]


def with_facts(calls: pd.DataFrame) -> pd.DataFrame:
    """Answers with what is known of each curve."""
    facts = calls.copy()
    facts["kind"] = facts["kind"].fillna("") if "kind" in facts else ""
    facts["account"] = [TRUTHS[t].account for t in facts["truth"]]
    facts["broken"] = facts["account"].isin(["onset", "jump"])
    facts["inside"] = [TRUTHS[t].inside for t in facts["truth"]]
    links = [DESIGNS[d](i).link for d, i in zip(facts["designs"], facts["index"], strict=True)]
    facts["inside_link"] = [LINKS[link].inside for link in links]
    return facts


def by_truth(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per rule and truth."""
    rows = []
    for (designs, rule), group in frame.groupby(["designs", "rule"], sort=False):
        for truth, own in group.groupby("truth", sort=False):
            other = group[group["broken"] != own["broken"].iloc[0]]["statistic"].to_numpy()
            mine = own["statistic"].to_numpy()
            area = auc(mine, other) if own["broken"].iloc[0] else auc(other, mine)
            rows.append(
                {
                    "designs": designs, "rule": rule, "truth": truth,
                    "account": own["account"].iloc[0], "curves": len(own),
                    "real": round(float((own["call"] == "real").mean()), 4),
                    "undecided": round(float((own["call"] == "undecided").mean()), 4),
                    "auc": round(area, 4), "seconds": own["seconds"].mean().round(4),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per rule of one set of designs."""
    rows = []
    for rule, group in frame.groupby("rule", sort=False):
        smooth, broken = group[~group["broken"]], group[group["broken"]]
        false = smooth.groupby("truth")["call"].agg(lambda c: (c == "real").mean())
        row = {
            "rule": rule,
            "false, family": _share(smooth[smooth["inside"]]),
            "false, other": _share(smooth[~smooth["inside"]]),
            "jump by mistake, other": _jumps(smooth[~smooth["inside"]]),
            "worst truth": f"{false.idxmax()} {false.max():.0%}" if len(false) else "",
            "onsets found": _share(group[group["account"] == "onset"]),
            "jumps found": _share(group[group["account"] == "jump"]),
            "wrong kind": _wrong_kind(broken),
            "undecided": f"{(group['call'] == 'undecided').mean():.0%}",
            "AUC": f"{auc(*(g['statistic'].to_numpy() for g in (broken, smooth))):.3f}",
        }
        for block, (own, *where) in BLOCKS.items():
            part = in_block(group, *where)
            floor = _floor_of(in_block(frame[frame["rule"] == own], *where), part)
            if not floor or part["broken"].nunique() < 2 or rule in set(FLOORS) - {own}:
                row[f"error ÷ floor, {block}"] = ""
                continue
            wrong = float((balanced(part) * (part["forced"] != part["broken"])).sum())
            row[f"error ÷ floor, {block}"] = f"{wrong / floor:.2f} ({best_error(part) / floor:.2f})"
        row["s per curve"] = f"{group['seconds'].mean():.3g}"
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.loc[:, (table != "").any()]


def _floor_of(bayes: pd.DataFrame, part: pd.DataFrame) -> float:
    """E[min(P0, P1)] on the very curves of a rule; 0 where it is not known for all of them."""
    same = bayes.merge(part[["truth", "index"]], on=["truth", "index"])
    if len(same) < len(part) or same.empty:
        return 0.0
    return float((balanced(same) / (1 + np.exp(same["statistic"].abs()))).sum())


def _share(part: pd.DataFrame) -> str:
    return f"{(part['call'] == 'real').mean():.1%}" if len(part) else ""


def _jumps(part: pd.DataFrame) -> str:
    """Share called real with kind jump, for rules that tell kinds apart."""
    if not (part["kind"] != "").any():
        return ""
    return f"{((part['call'] == 'real') & (part['kind'] == 'jump')).mean():.1%}"


def _wrong_kind(broken: pd.DataFrame) -> str:
    """Share of breaks found that are called the other kind; `unresolved` is not wrong."""
    found = broken[(broken["call"] == "real") & (broken["kind"] != "")]
    if found.empty:
        return ""
    wrong = found["kind"].isin(["jump", "onset"]) & (found["kind"] != found["account"])
    return f"{wrong.mean():.1%}"


def markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    return "\n".join(lines + [f"| {' | '.join(map(str, r))} |" for r in frame.to_numpy()])


# --- writing -------------------------------------------------------------------------------
ABOUT = {
    "reference": "Twelve designs: m 5 to 24, n 100 to 2,000, noise between models .1 to .4, "
    "exact match, multiple choice, mixed answer lengths, graded; even scales over 4 decades.",
    "drawn": "Designs drawn at random: m 5 to 24, n 50 to 5,000, noise 0 to .4, uneven scales "
    "over 4 decades, all four links.",
    "checkpoints": "Checkpoints of one run: m 30 to 200, even in steps over 2 decades, noise 0 to "
    ".4 with correlation 0 to .9 between neighbours.",
}


def write(calls: pd.DataFrame, known: Sequence[Rule], seed: int) -> str:
    """Write every table and the figure from the answers."""
    from _figure import draw

    place = {name: i for i, name in enumerate([*FLOORS, *(r.name for r in known)])}
    order = {"rule": place, "truth": {t: i for i, t in enumerate(TRUTHS)}}
    order["designs"] = {d: i for i, d in enumerate(DESIGNS)}
    calls = calls[calls["rule"].isin(place)].sort_values(
        KEY, key=lambda c: c.map(order[c.name]) if c.name in order else c
    )
    calls.to_parquet(RESULTS / "decisions_calls.parquet", index=False)
    frame = with_facts(calls)
    table = by_truth(frame)
    table.to_csv(RESULTS / "decisions.csv", index=False)
    text = ["# Rules against truths", "", f"Seed {seed}; `benchmarks/decisions.py`.", ""]
    for designs, part in frame.groupby("designs", sort=False):
        curves = part[~part["rule"].isin(FLOORS)].groupby(["rule", "truth"]).size()
        title = designs.capitalize() + ("" if designs == "checkpoints" else " designs")
        text += [f"## {title}", "", ABOUT[designs], ""]
        few, many = curves.min(), curves.max()
        count = few if few == many else f"{few} to {many}"
        text += [f"{count} curves per rule and truth.", ""]
        text += [markdown(summary(part)), "", *_floor_words(part)]
        for what in ("real", "undecided", "auc"):
            wide = table[table["designs"] == designs].pivot_table(
                index="rule", columns="truth", values=what
            )
            wide = wide.reindex(
                index=[r for r in place if r in wide.index],
                columns=[t for t in TRUTHS if t in wide.columns],
            )
            shown = wide.map(lambda v, w=what: f"{v:.2f}" if w == "auc" else f"{v:.0%}")
            title = {"real": "Called real", "undecided": "Undecided", "auc": "AUC"}[what]
            if what != "undecided" or (wide > 0).any(axis=None):
                text += [f"### {title}, by truth", "", markdown(shown.reset_index()), ""]
    text += ["## Rules", "", *(f"- `{r.name}`: {r.note}" for r in known), ""]
    text += ["## Truths", ""]
    text += [
        f"- `{t.name}` ({t.account}{'' if t.inside else ', outside the family'}): {t.note}"
        for t in TRUTHS.values()
    ]
    (RESULTS / "decisions.md").write_text("\n".join([*text, ""]), encoding="utf-8")
    draw(table, frame, RESULTS / "decisions.png")
    return "\n".join(text)


def _floor_words(part: pd.DataFrame) -> list[str]:
    floor = part[part["rule"].isin(FLOORS)]
    if floor.empty:
        return []
    thin = (floor["effective"] < 10).mean()
    return [
        "`bayes_inside` and `bayes_outside` know how the curves were made: no rule can do better "
        "on average. Error ÷ floor: error with a break and no break equally likely and no "
        "abstention, over E[min(P0, P1)]; in brackets at the threshold that is best on these very "
        f"curves. The floor rests on fewer than 10 effective draws for {thin:.0%} of curves.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", default="", help="patterns, comma-separated; default all fast")
    parser.add_argument("--truths", default="*", help="patterns, comma-separated")
    parser.add_argument("--designs", default="reference", choices=DESIGNS)
    parser.add_argument("--curves", type=int, default=6, help="curves per truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--series", type=int, default=99, help="series behind a classical null")
    parser.add_argument("--calibrate", type=int, default=200, help="series per calibrated verdict")
    parser.add_argument("--draws", type=int, default=100_000, help="draws per truth for the floor")
    parser.add_argument("--fresh", action="store_true", help="forget earlier answers")
    parser.add_argument("--table", action="store_true", help="only rewrite table and figure")
    args = parser.parse_args()
    known = rules(args.calibrate, args.series)
    names = [*FLOORS, *known]
    # simulating for every verdict takes minutes: only where it is asked for
    default = [n for n in names if n != "verdict_calibrated"]
    chosen = [n for n in names if _matches(n, args.rules)] if args.rules else default
    truths = [t for t in TRUTHS if _matches(t, args.truths)]
    if not chosen or not truths:
        parser.error(f"rules are {', '.join(names)}; truths are {', '.join(TRUTHS)}")
    kept = RESULTS / "decisions_calls.parquet"
    RESULTS.mkdir(exist_ok=True)
    calls = pd.read_parquet(kept) if kept.exists() and not args.fresh else pd.DataFrame()
    for name in [] if args.table else chosen:
        start = time.perf_counter()
        if name in FLOORS:
            if name == "bayes_inside" or "bayes_inside" not in chosen:
                new = bayes_floor(args.designs, truths, args.curves, args.seed, args.draws)
            else:
                continue
        else:
            new = [
                row
                for t in truths
                for row in answers(known[name], args.designs, t, args.curves, args.seed)
            ]
        calls = pd.concat([calls, pd.DataFrame(new)]).drop_duplicates(KEY, keep="last")
        calls.to_parquet(kept, index=False)  # a long run may be cut short
        seconds = time.perf_counter() - start
        print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    print(write(calls, list(known.values()), args.seed))


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatch(name, p.strip()) for p in patterns.split(","))


if __name__ == "__main__":
    main()
