"""Calibration of the pooled model: ranks of shares and scales, and planted shares found again.

Shares of the accounts and scales of the priors are drawn from their prior, tasks from those, on
three designs with free guess and lapse rates; the pooled model is asked what it believes.

Run `python benchmarks/pooled.py [collections] [tasks] [quick|full] [seed]`.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from emergent_stats.collection.pooled import POOLING, fit_pooled
from emergent_stats.collection.reweighted import (
    DECLARED,
    REACH,
    SCALES,
    SPREAD,
    under,
    visible_tables,
)
from emergent_stats.evidence.effort import QUICK
from emergent_stats.evidence.integrand import log_visibility
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.trends import ACCOUNTS

RESULTS = Path(__file__).parent / "results"
EFFORTS = {"quick": replace(QUICK, kept=1024), "full": POOLING}
DRAWS = 1500
_UNEVEN = np.array([8.0, 8.5, 8.7, 9.1, 9.4, 9.9, 10.1, 10.5, 11.0, 11.2, 11.7, 12.0])
#: Few models and examples; more of both, unevenly; forced choice.
DESIGNS = (
    Curve(10 ** np.linspace(8, 12, 8), np.full(8, 0.5), "exact_match", n=200.0),
    Curve(10**_UNEVEN, np.full(12, 0.5), "exact_match", n=1000.0),
    Curve(10 ** np.linspace(8, 11, 10), np.full(10, 0.5), "multiple_choice", n=500.0, chance=0.25),
)
PLANTED = {"flat": 0.04, "gradual": 0.7, "onset": 0.03, "jump": 0.2, "falls": 0.03}
BINS = 8


def task(rng, design, account, factors, name):
    """One task of an account under some scales, with a change that shows."""
    own = [h for h in hypotheses(design.metric_object) if h.account == account]
    h = under(own[rng.integers(len(own))], factors)
    while True:
        values = h.draw_parameters(design, 64, rng)
        x = np.repeat((design.x - design.centre)[None], 64, 0)
        gate = log_visibility(h, x, np.ones_like(x, bool), values, h.skill(x, values) + 0 * x)
        seen = np.flatnonzero(np.log(rng.random(64)) < gate)
        if seen.size:
            break
    values = {n: v[seen[:1]] for n, v in values.items()}
    score = h.simulate(design, values, rng)[0]
    return replace(design, score=score, key={"task": name})


def collection(rng, count, share, factors):
    """Accounts and curves of a collection."""
    accounts = rng.choice(ACCOUNTS, count, p=share)
    return accounts, [
        task(rng, DESIGNS[rng.integers(len(DESIGNS))], a, factors, f"t{i}")
        for i, a in enumerate(accounts)
    ]


def one(level, seed, count, share=None):
    """Ranks of what was drawn, and the accounts' probabilities, of one collection."""
    rng = np.random.default_rng([seed, 77])
    drawn = rng.dirichlet(np.ones(len(ACCOUNTS))) if share is None else np.asarray(share)
    log_factor = np.zeros(len(SCALES))
    if share is None:
        ends = stats.norm.cdf([-REACH / SPREAD, REACH / SPREAD])
        log_factor = SPREAD * stats.norm.ppf(rng.uniform(*ends, len(SCALES)))
    factors = dict(zip(SCALES, np.exp(log_factor), strict=True))
    accounts, made = collection(rng, count, drawn, factors)
    found = fit_pooled(
        made,
        draws=DRAWS,
        shared=False,
        effort=EFFORTS[level],
        seed=seed,
        jobs=1,
        visible=_visible(),
    )
    truth = dict(zip((f"share {a}" for a in ACCOUNTS), drawn, strict=True))
    draws = dict(zip(truth, found.shares.T, strict=True))
    truth |= {f"scale {s}": DECLARED[s] * f for s, f in factors.items()}
    draws |= {f"scale {s}": v for s, v in found.scales.items()}
    rows = [
        (seed, name, value, float((draws[name] < value).mean()), float(draws[name].mean()),
         *np.quantile(draws[name], [0.05, 0.95]))
        for name, value in truth.items()
    ]  # fmt: skip
    tasks = [
        (seed, a, *p, *q, e)
        for a, p, q, e in zip(
            accounts, found.probability, found.alone, found.effective, strict=True
        )
    ]
    return rows, tasks, found.notes


_known = {}


def _visible():
    return visible_tables(DESIGNS, 1, _known)


def _run(args):
    return one(*args)


def many(pool, level, seeds, count, share=None):
    done = list(pool.map(_run, [(level, s, count, share) for s in seeds]))
    columns = ["collection", "what", "truth", "rank", "mean", "low", "high"]
    ranks = pd.DataFrame([r for rows, _, _ in done for r in rows], columns=columns)
    alone = [f"alone {a}" for a in ACCOUNTS]
    tasks = pd.DataFrame(
        [r for _, rows, _ in done for r in rows],
        columns=["collection", "truth", *ACCOUNTS, *alone, "effective"],
    )
    return ranks, tasks, sum(bool(notes) for _, _, notes in done)


def uniformity(ranks):
    rows = []
    for what, own in ranks.groupby("what", sort=False):
        u = own["rank"].to_numpy()
        counts = np.histogram(u, BINS, (0, 1))[0]
        rows.append(
            {"what": what, "chi² p": stats.chisquare(counts).pvalue,
             "KS p": stats.kstest(u, "uniform").pvalue, "mean rank": u.mean(),
             "90 % covers": ((u > 0.05) & (u < 0.95)).mean(),
             "correlation": np.corrcoef(own["truth"], own["mean"])[0, 1]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def reliability(tasks):
    """Mean probability beside the share that came true, in fifths of probability."""
    p = tasks[list(ACCOUNTS)].to_numpy()
    true = tasks["truth"].to_numpy()[:, None] == np.array(ACCOUNTS)[None]
    rows = []
    for low in np.arange(0, 1, 0.2):
        inside = (p >= low) & (p < low + 0.2 + 1e-9 * (low > 0.7))
        error = np.sqrt((p[inside] * (1 - p[inside])).sum()) / inside.sum()
        rows.append((int(inside.sum()), p[inside].mean(), true[inside].mean(), error))
    return pd.DataFrame(rows, columns=["cells", "probability", "came true", "standard error"])


def log_score(tasks, prefix=""):
    p = tasks[[prefix + a for a in ACCOUNTS]].to_numpy()
    at = [ACCOUNTS.index(a) for a in tasks["truth"]]
    return float(np.log(np.maximum(p[np.arange(len(at)), at], 1e-12)).mean())


def markdown(table):
    def show(v):
        return f"{v:.3f}" if isinstance(v, float) else str(v)

    lines = ["| " + " | ".join(table.columns) + " |", "|---" * table.shape[1] + "|"]
    lines += ["| " + " | ".join(show(v) for v in r) + " |" for r in table.to_numpy(object)]
    return "\n".join(lines)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 14
    level = sys.argv[3] if len(sys.argv) > 3 else "quick"
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    start = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        ranks, tasks, noted = many(pool, level, range(first, first + count), size)
        share = tuple(PLANTED[a] for a in ACCOUNTS)
        planted, planted_tasks, _ = many(
            pool, level, range(10_000 + first, 10_000 + first + max(count // 30, 2)), 60, share
        )
    tests = uniformity(ranks)
    own = planted[planted["what"].str.startswith("share")]
    inside = (own["low"] <= own["truth"]) & (own["truth"] <= own["high"])
    again = (
        own.assign(covered=inside.astype(float))
        .groupby("what", sort=False)[["truth", "mean", "low", "high", "covered"]].mean()
        .reset_index()
    )  # fmt: skip
    text = (
        f"# The pooled model: simulation-based calibration\n\n{count} collections of {size} tasks: "
        "shares of the accounts and scales of the priors drawn from their prior, tasks from those "
        "(visible changes only), on three designs (8 models × 200 examples; 12 uneven × 1,000; "
        "forced choice, 10 × 500), guess and lapse rates free, "
        f"{level!r} effort. Written by "
        f"`python benchmarks/pooled.py`.\n\n## Ranks of the truth\n\nUniform if the model is "
        f"right; χ² in {BINS} bins.\n\n{markdown(tests)}\n\n"
        f"Log score of the account that was true, a task: {log_score(tasks):.3f} pooled, "
        f"{log_score(tasks, 'alone '):.3f} each by itself (equal odds, declared scales). Effective "
        f"nodes of a task: median {tasks['effective'].median():.0f}, 1 % below "
        f"{tasks['effective'].quantile(0.01):.0f}. {noted} collections carry a note.\n\n"
        f"## Probabilities of the accounts\n\n{markdown(reliability(tasks))}\n\n"
        f"## Planted shares\n\n{len(planted['collection'].unique())} collections of 60 tasks at "
        "the declared scales; means of posterior mean and 90 % interval, and how often the "
        f"interval covers.\n\n{markdown(again)}\n\nLog score a task: "
        f"{log_score(planted_tasks):.3f} pooled, "
        f"{log_score(planted_tasks, 'alone '):.3f} each by itself.\n"
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"pooled_{level}.md").write_text(text, encoding="utf-8")
    ranks.round(4).to_csv(RESULTS / f"pooled_{level}_ranks.csv", index=False)
    print(text, f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
