"""Hold published claims of emergence against the series that ship.

1. The 23 claimed scales of Wei et al. 2022 (arXiv 2206.07682, Table 1), each
   against the location that is found in the series of this corpus which bear on
   it: does the 90 % interval of the break meet the gap that the claim names
   (from the next smaller model to the one said to have the ability)?
2. "More than 92 % of claimed emergent abilities appear under two metrics"
   (Schaeffer et al. 2023, arXiv 2304.15004): what the shipped data allow of it,
   and what they do not.

Writes `results/claims.md`, `claims.csv`, `claims_metrics.csv` and `claims_pairs.csv`.

Run with `python benchmarks/claims.py [--seed 0]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from verdicts import table

from emergent_stats import arrival_times, compare_all, curves, discover, load
from emergent_stats.model.sudden import apparent_jump
from emergent_stats.model.trends import ACCOUNTS, JUMP_WIDTH
from emergent_stats.results.corpus import published_claims
from emergent_stats.rules.classical import breakthroughness
from emergent_stats.verdict.words import probability, scale_label, scale_range

RESULTS = Path(__file__).parent / "results"
#: Studies that have a scale axis of their own models and scores under several metrics or tasks.
STUDIES = ("bigbench-bigg", "gpt3", "chain-of-thought", "pythia", "olmo", "open-lm", "obsscaling")
TWO = ("exact_match", "multiple_choice")
#: Number of shots of the claims' own figures, where the study has several.
FEW_SHOT = {"gpt3": (32, 50, 64)}


def claimed_gap(curve, params):
    """Decades between the next smaller model and the one that is said to have the ability."""
    x = np.log10(params)
    # a claim rounds the size: 13B stands for 12.8B
    here = int(np.abs(curve.x - x).argmin())
    if abs(curve.x[here] - x) > 0.1:
        return (float(curve.x[-1]), float(x)) if x > curve.x[-1] else None
    return float(curve.x[max(here - 1, 0)]), float(curve.x[here])


def bearing(claim):
    """Series of the corpus that bear on a claim."""
    if not isinstance(claim["study"], str):
        return []
    frame = load(claim["study"])
    frame = frame[
        (frame["family"] == claim["family"]) & frame["task"].isin(claim["tasks"].split("; "))
    ]
    found = curves(frame, "params")
    shots = FEW_SHOT.get(claim["study"])
    return [c for c in found if shots is None or c.key["shots"] in shots]


def claim_rows(seed):
    """One row per claim and series; a claim without series has one row that says so."""
    every = published_claims()
    pairs = [(claim, c) for claim in every.to_dict("records") for c in bearing(claim)]
    compared = iter(compare_all([c for _, c in pairs], seed=seed))
    rows = []
    for number, claim in enumerate(every.to_dict("records"), start=1):
        head = {
            "row": number,
            "ability": claim["ability"],
            "claimed": f"{claim['model']} {scale_label(claim['params'], 'params')}"
            if claim["params"] == claim["params"]
            else claim["model"],
        }
        own = [c for other, c in pairs if other["source"] == claim["source"]]
        if not own:
            rows.append({**head, "series": "none ships", "meets": "–"})
        for curve in own:
            rows.append({**head, **held_against(claim, curve, next(compared))})
    return rows


def held_against(claim, curve, c):
    gap = claimed_gap(curve, claim["params"])
    low, high = c.at
    if not np.isfinite(low):
        meets = "too few models"
    elif gap is None:
        meets = "no such model here"
    elif gap[1] > curve.x[-1] + 1e-9:
        meets = "beyond the design"
    elif gap[1] >= curve.x[-1] - 1e-9:
        # the package looks for no break that one model alone would carry
        meets = "last gap: cannot be told"
    else:
        meets = "yes" if low <= gap[1] + 1e-9 and high >= gap[0] - 1e-9 else "no"
    return {
        "series": f"{curve.key['family']} {curve.key['task']}"
        + (f", {curve.key['shots']}-shot" if curve.key["shots"] is not None else ""),
        "m": curve.m,
        "verdict": c.verdict + (f" ({c.kind})" if c.kind else ""),
        "P(break)": probability(c.p_real),
        "claimed gap": "–" if gap is None else scale_range(curve, gap),
        "break at, 90 %": scale_range(curve, c.at),
        "meets": meets,
        "reason": c.reason,
        "real": bool(c.p_real > 0.5),
    }


# --- two metrics -----------------------------------------------------------------------
def metric_rows():
    """Per study and metric: series, those whose score looks like a jump, high emergence scores."""
    rows, every = [], []
    for study in STUDIES:
        found = [c for c in curves(load(study)) if c.axis == "params" and c.n_scales >= 5]
        if not found:
            continue
        high = np.array([emergence(c) for c in found])
        # the emergence score has no fixed scale: the highest tenth of the study
        limit = np.quantile(high[np.isfinite(high)], 0.9) if np.isfinite(high).any() else np.inf
        looks = np.array([apparent_jump(c, JUMP_WIDTH)[0] for c in found])
        metrics = np.array([c.metric for c in found])
        for metric in sorted(set(metrics)):
            own = metrics == metric
            rows.append(
                {
                    "study": study,
                    "metric": metric,
                    "series": int(own.sum()),
                    "look like a jump": int((own & looks).sum()),
                    "highest tenth by emergence score": int((own & (high >= limit)).sum()),
                }
            )
        every += [(c, bool(v)) for c, v in zip(found, looks, strict=True)]
    return rows, every


def emergence(curve):
    """Emergence score of Schaeffer et al. 2023 (Eq. 1): the breakthroughness of BIG-bench."""
    value = curve.score * curve.metric_object.direction
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(breakthroughness(value))


def pair_rows(every):
    """The same task and models under a discontinuous and a continuous metric."""
    known = {}
    for curve, looks in every:
        key = (curve.key["study"], curve.key["family"], curve.key["shots"], curve.key["seed"])
        task = curve.key["task"].split(" (")[0]
        kind = "continuous" if curve.metric_object.continuous else "discontinuous"
        known.setdefault((*key, task, curve.models), {}).setdefault(kind, []).append(looks)
    rows = {}
    for (study, *_), kinds in known.items():
        if len(kinds) == 2:
            row = rows.setdefault(
                study,
                dict.fromkeys(
                    ("pairs", "both", "only discontinuous", "only continuous", "neither"), 0
                ),
            )
            a, b = any(kinds["discontinuous"]), any(kinds["continuous"])
            name = {(1, 1): "both", (1, 0): "only discontinuous", (0, 1): "only continuous"}
            row["pairs"] += 1
            row[name.get((int(a), int(b)), "neither")] += 1
    return [{"study": study, **row} for study, row in rows.items()]


def bigbench(seed):
    """Breaks among the BIG-G tasks, judged together."""
    found = discover(curves(load("bigbench-bigg")), seed=seed)
    return (
        found,
        arrival_times(found, seed=seed),
        arrival_times(found, gradual="censored", seed=seed),
    )


def page(rows, metrics, pairs, found, arrivals, waiting):
    frame = pd.DataFrame(metrics)
    two = frame[frame["metric"].isin(TWO)]
    looks, of_two = frame["look like a jump"].sum(), two["look like a jump"].sum()
    tested = [r for r in rows if "m" in r]
    answers = pd.Series([r["meets"] for r in tested]).value_counts()
    with_series = len({r["row"] for r in tested})
    noise = found.noise[0] if found.noise else None
    low, high = waiting.rate_low, waiting.rate_high
    columns = ["row", "ability", "claimed", "series", "m", "verdict", "P(break)", "claimed gap"]
    columns += ["break at, 90 %", "meets"]
    shown = [{k: r.get(k, "") for k in columns} for r in rows]
    return [
        "# Claims of emergence against the series that ship",
        "",
        "## Wei et al. 2022, Table 1: 23 claimed scales",
        "",
        f"{with_series} of 23 claims have series in this corpus ({len(tested)} series); the other "
        f"{23 - with_series} cannot be held against anything here. A claim names the smallest "
        "model above chance, so it stands for the gap below that model. `break at` is the 90 % "
        "interval of the break's location, were there one, whatever the verdict.",
        "",
        table(shown)[1],
        "",
        "Of the series: "
        + ", ".join(f"{n} {name}" for name, n in answers.items())
        + ". No break is looked for in the first and the last gap of a design, where one model "
        "alone would carry it. `yes` says that the interval and the gap overlap, not that there "
        f"is a break: P(break) exceeds ½ in {sum(r['real'] for r in tested)} of them, and "
        f"{sum(r['verdict'].startswith('real') for r in tested)} are called `real`.",
        "",
        "Row 10, many BIG-bench tasks: of the 85 tasks of BIG-G that ship, judged together, "
        f"{found.called().size} break at a local false-discovery rate of at most .05. Shares: "
        + ", ".join(f"{a} {s:.0%}" for a, s in zip(ACCOUNTS, found.shares, strict=True))
        + f". Arrived (P > ½): {arrivals.counts()['arrived']} of {len(arrivals.curves)}; rate of "
        "breaks per task and decade with gradual tasks still waiting: "
        f"{low:.3f} to {high:.3f} (90 %)."
        + (
            f" Noise that all tasks of a model share: {noise.tau:.2f} nats."
            if noise is not None
            else ""
        )
        + " The list of Appendix E of Wei et al., which names the tasks, does not ship.",
        "",
        "## Schaeffer et al. 2023: more than 92 % under two metrics",
        "",
        "The claim counts abilities that others had called emergent, over all metrics of "
        "BIG-bench. Neither that list nor the other metrics ship: BIG-G is here under exact match "
        "and multiple choice only, where the share is 100 % by construction. **The 92 % itself "
        "cannot be re-derived from these data.** What can be: how often a score looks like a jump "
        "(half of its rise or more within one gap or half a decade) under each metric, beside how "
        "many series there are under it; studies by params, 5 scales or more.",
        "",
        table(metrics)[1],
        "",
        f"Over all: {of_two} of {looks} apparent jumps ({of_two / max(looks, 1):.0%}) are under "
        f"exact match or multiple choice, and so are {two['series'].sum()} of "
        f"{frame['series'].sum()} series ({two['series'].sum() / frame['series'].sum():.0%}). "
        "A share of apparent jumps means something only beside that second share.",
        "",
        "The same task and models under a discontinuous and a continuous metric:",
        "",
        table(pairs)[1] if pairs else "none ships by params with 5 scales or more.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    rows = claim_rows(args.seed)
    metrics, every = metric_rows()
    pairs = pair_rows(every)
    text = "\n".join(page(rows, metrics, pairs, *bigbench(args.seed)))
    (RESULTS / "claims.md").write_text(text, encoding="utf-8")
    pd.DataFrame(rows).to_csv(RESULTS / "claims.csv", index=False)
    pd.DataFrame(metrics).to_csv(RESULTS / "claims_metrics.csv", index=False)
    pd.DataFrame(pairs).to_csv(RESULTS / "claims_pairs.csv", index=False)
    print(text)


if __name__ == "__main__":
    main()
