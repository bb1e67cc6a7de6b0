"""What the full Bayesian models reach: accounts told apart, samplers' speed, BIG-G in one fit.

Each part writes its own table to `results/`, and `results/posterior.md` is put
together from those that are there.

Run with `python benchmarks/posterior.py [pairs speed bigg seeds] [--pairs 200] [--seed 1]`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from emergent_stats import Curve

RESULTS = Path(__file__).parent / "results"
SPAN = 4.0  # decades


def logistic(x, centre, width):
    """Rise from 0 to 1, 10-90 % of it within `width`."""
    return 1 / (1 + np.exp(-(x - centre) * 2 * np.log(9) / width))


# --- pairs of metrics: truths written down here, apart from the package's own trends ----------
def gradual(x, rng):
    line = rng.uniform(-1.2, 0.3) + rng.uniform(0.2, 1.5) * x
    if rng.random() < 1 / 3:
        line = -np.log(np.exp(-line) + np.exp(-rng.uniform(-0.3, 1.5)))
    return line


def slow(x, rng):
    return rng.uniform(-1.0, 0.3) + rng.uniform(0.1, 0.4) * x


def break_(x, rng):
    if rng.random() < 0.5:
        rise = logistic(x, rng.uniform(-0.9, 0.9), rng.uniform(0.05, 0.3)) - 0.5
        return rng.uniform(1.5, 3) * rise
    return rng.uniform(2, 3.5) * np.maximum(x - rng.uniform(-0.6, 0.3), 0) - 1.0


def pair(account, rng, m=8, n=300, sigma=0.15, residual=0.05):
    """Cross-entropy and exact match of the same outputs of m models."""
    x = np.linspace(-SPAN / 2, SPAN / 2, m)
    skill = gradual(x, rng) if account == "artefact" else slow(x, rng)
    own = np.zeros(m)
    if account == "real":
        skill = skill + break_(x, rng)
    if account == "format":
        own = break_(x, rng)
    skill = skill + sigma * rng.standard_normal(m)
    seen = rng.uniform(-0.7, 0.7) + rng.uniform(0.7, 1.4) * skill + own
    loss = np.exp(-skill - residual * rng.standard_normal(m))
    p = np.exp(-np.log(2) * np.exp(-seen - residual * rng.standard_normal(m)))
    names = tuple(f"model {i}" for i in range(m))
    return (
        Curve(10 ** (x + 10), loss, "cross_entropy", models=names),
        Curve(10 ** (x + 10), rng.binomial(n, p) / n, "exact_match", n=float(n), models=names),
    )


def run_pairs(count, seed):
    from emergent_stats import compare_joint

    path = RESULTS / "posterior_pairs.csv"
    rows = []
    for account in ("artefact", "real", "format"):
        rng = np.random.default_rng([seed, len(account)])
        for i in range(count):
            curves = pair(account, rng)
            start = time.perf_counter()
            found = compare_joint(curves, seed=seed)
            top = max(found.probabilities, key=found.probabilities.__getitem__)
            worst = max(e.error for _, e in found.evidence if e.log_z > found.best[1].log_z - 4)
            shown = {k: round(v, 4) for k, v in found.probabilities.items()}
            rows.append(
                {"truth": account, "i": i, **shown, "top": top, "verdict": found.verdict,
                 "largest error": round(worst, 3),
                 "seconds": round(time.perf_counter() - start, 2)}
            )  # fmt: skip
            if i % 20 == 19:
                print(account, i + 1, file=sys.stderr, flush=True)
                pd.DataFrame(rows).to_csv(path, index=False)
    pd.DataFrame(rows).to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["pairs"])
    parser.add_argument("--pairs", type=int, default=200, help="pairs per account")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if "pairs" in args.parts:
        run_pairs(args.pairs, args.seed)


if __name__ == "__main__":
    main()
