"""Measure the promises about collections when the truth is known.

1. Collections of 200 tasks × 8 models whose noise is partly shared by all tasks
   of a model: of the tasks called at a local false-discovery rate of at most
   .05, how many are smooth in truth, with and without taking that noise out.
2. Forecasts of smooth truths: coverage of 90 % intervals, log predictive
   density and error, for every account, their average, a straight line and BNSL.

Writes `results/multiplicity.md`, `multiplicity_lfdr.csv` and `multiplicity_forecast.csv`.

Run with `python benchmarks/multiplicity.py [--collections 12] [--tasks 200] [--curves 60]`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from verdicts import SPAN, ceiling, flat, jump, onset, power_law, score, table, wide_transition

from emergent_stats import Curve, discover, forecast_all
from emergent_stats.collection.discoveries import LIMIT, account_shares
from emergent_stats.collection.forecast import FORECASTS
from emergent_stats.verdict.sensitivity import probabilities

RESULTS = Path(__file__).parent / "results"
SMOOTH = (power_law, ceiling, wide_transition, flat)
BROKEN = (jump, onset)
MODELS = 8
#: Share of broken tasks and standard deviation of shared noise, by turns.
PLAN = ((0.0, 0.2), (0.1, 0.2), (0.3, 0.2), (0.1, 0.3), (0.0, 0.3), (0.1, 0.1), (0.05, 0.2))
SIGMA = 0.1


def collection(tasks, broken, tau, seed):
    """Tasks of one family: curves, which of them break, and what each model is off by."""
    rng = np.random.default_rng([seed, 91])
    x = np.linspace(-SPAN / 2, SPAN / 2, MODELS)
    shared = tau * rng.standard_normal(MODELS)
    names = tuple(f"model {i + 1}" for i in range(MODELS))
    made, truth = [], []
    for t in range(tasks):
        real = rng.random() < broken
        kinds = BROKEN if real else SMOOTH
        kind = kinds[t % len(kinds)]
        n = int(rng.choice([200, 500, 1000]))
        y = score(kind(x, rng) + shared, SIGMA, n, rng)
        key = {"study": "simulated", "family": "one", "task": f"{kind.__name__} {t}"}
        made.append(Curve(10 ** (x + 10), y, "exact_match", n=n, key=key, models=names))
        truth.append(real)
    return made, np.array(truth), shared


def beside_line(values):
    """What a straight line in scale cannot follow."""
    x = np.linspace(-SPAN / 2, SPAN / 2, MODELS)
    line = np.stack([np.ones(MODELS), x], 1)
    return values - line @ np.linalg.lstsq(line, values, rcond=None)[0]


def lfdr_rows(count, tasks, seed):
    rows = []
    for i in range(count):
        broken, tau = PLAN[i % len(PLAN)]
        curves, truth, shared = collection(tasks, broken, tau, seed + i)
        start = time.perf_counter()
        found = discover(curves, seed=seed)
        seconds = time.perf_counter() - start
        # the same evidences without shared noise taken out; equal odds give them up to a constant
        ok = np.isfinite(found.alone).all(1)
        alone = np.log(np.maximum(found.alone[ok], 1e-300))
        left_in = np.ones(len(curves))
        left_in[ok] = probabilities(alone, account_shares(alone))[:, :2].sum(1)
        equal = np.where(ok, found.alone[:, :2].sum(1), 1.0)
        noise = found.noise[0]
        row = {"broken": broken, "tau": tau, "tasks": tasks, "true breaks": int(truth.sum())}
        for name, lfdr in (("taken out", found.lfdr), ("left in", left_in), ("alone", equal)):
            called = np.nan_to_num(lfdr, nan=1.0) <= LIMIT
            row |= {
                f"called, {name}": int(called.sum()),
                f"false, {name}": int((called & ~truth).sum()),
                f"expected false, {name}": round(float(lfdr[called].sum()), 2),
            }
        row |= {
            "tau found": round(noise.tau, 3),
            "error of u": round(float(np.abs(beside_line(noise.value - shared)).max()), 3),
            "seconds": round(seconds),
        }
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
        # minutes each: what is done is kept
        pd.DataFrame(rows).to_csv(RESULTS / "multiplicity_lfdr.csv", index=False)
    return rows


def share_false(rows, name):
    """Mean over collections of the share of false calls (0 where nothing is called)."""
    return float(np.mean([r[f"false, {name}"] / max(r[f"called, {name}"], 1) for r in rows]))


def forecast_rows(count, seed):
    rng = np.random.default_rng([seed, 92])
    x = np.linspace(-SPAN / 2, SPAN / 2, 10)
    rows = []
    for truth in SMOOTH:
        curves = []
        for i in range(count):
            n, sigma = (200, 1000)[i % 2], (0.1, 0.2)[i // 2 % 2]
            y = score(truth(x, rng), sigma, n, rng)
            curves.append(Curve(10 ** (x + 10), y, "exact_match", n=n))
        # six models are fitted and four predicted, over 1.3 decades beyond them
        done = [f for f in forecast_all(curves, 10 ** (10 + x[5] + 0.01), seed=seed) if f]
        for name in FORECASTS:
            some = [f for f in done if np.isfinite(f.log_density[name])]
            rows.append(
                {
                    "truth": truth.__name__,
                    "forecast": name,
                    "series": len(some),
                    "coverage": round(
                        float(np.concatenate([f.covered(name) for f in some]).mean()), 3
                    ),
                    "log density a model": round(
                        sum(f.log_density[name] for f in some) / sum(f.large.m for f in some), 2
                    ),
                    "error": round(
                        float(
                            np.mean([np.abs(f.middle[name] - f.large.score).mean() for f in some])
                        ),
                        3,
                    ),
                    "surprise < .05": round(float(np.mean([f.surprise < 0.05 for f in some])), 3),
                }
            )
        print(rows[-3], file=sys.stderr, flush=True)
    return rows


def overall(rows):
    """Forecasts over all smooth truths, a line each."""
    found = []
    for name in FORECASTS:
        some = [r for r in rows if r["forecast"] == name]
        weight = np.array([r["series"] for r in some], float)
        mean = {
            k: round(float(np.average([r[k] for r in some], weights=weight)), 3)
            for k in ("coverage", "log density a model", "error")
        }
        found.append({"forecast": name, "series": int(weight.sum()), **mean})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collections", type=int, default=len(PLAN))
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--curves", type=int, default=60, help="series per truth to forecast")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("lfdr", "forecast"), help="only this part, again")
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if args.part in (None, "forecast"):
        rows = forecast_rows(args.curves, args.seed)
        pd.DataFrame(rows).to_csv(RESULTS / "multiplicity_forecast.csv", index=False)
    if args.part in (None, "lfdr"):
        lfdr_rows(args.collections, args.tasks, args.seed)
    write()


def write() -> None:
    """Write the page from the parts that there are."""
    lines = ["# Collections against known truths", ""]
    path = RESULTS / "multiplicity_lfdr.csv"
    if path.exists():
        rows = pd.read_csv(path).to_dict("records")
        shown = [
            {
                **{k: r[k] for k in ("broken", "tau", "true breaks")},
                **{
                    name: f"{r[f'called, {name}']} / {r[f'false, {name}']}"
                    for name in ("taken out", "left in", "alone")
                },
                **{k: r[k] for k in ("tau found", "error of u", "seconds")},
            }
            for r in rows
        ]
        lines += [
            f"{len(rows)} collections of {rows[0]['tasks']} tasks × {MODELS} models over {SPAN:g} "
            f"decades; noise of each score's own {SIGMA} nats, noise shared by all tasks of a "
            "model `tau`; n 200 to 1000. Smooth truths: power law, ceiling, transition of 1 to 3 "
            "decades, flat. Broken: jumps of 2 nats, onsets of 3 nats per decade, at scales of "
            f"their own. Cells are calls at lfdr ≤ {LIMIT:g} / of them false: shared noise taken "
            "out, left in, and each task alone with equal odds.",
            "",
            table(shown)[1],
            "",
            "Mean share of false calls (0 where nothing is called): "
            + ", ".join(
                f"{n} {share_false(rows, n):.1%}" for n in ("taken out", "left in", "alone")
            )
            + ". At most 5 % asked of `taken out`.",
            "",
        ]
    path = RESULTS / "multiplicity_forecast.csv"
    if path.exists():
        rows = pd.read_csv(path).to_dict("records")
        lines += [
            "## Forecasts of smooth truths",
            "",
            "Ten models over 4 decades, n 200 and 1000, noise .1 and .2; six fitted, four "
            "predicted, up to 1.8 decades beyond. Asked: coverage of the averaged forecast "
            "between .85 and .95.",
            "",
            table(overall(rows))[1],
            "",
            table([r for r in rows if r["forecast"] in ("averaged", "gradual", "line", "bnsl")])[1],
            "",
        ]
    (RESULTS / "multiplicity.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
