"""Simulation-based calibration: ranks of parameters and probabilities of accounts.

An account, a trend of it and its parameters are drawn from the prior (visible changes only, as
the accounts are defined), eight scores are simulated, and the engine is asked what it believes.

Run with `make calibration`, or `python benchmarks/calibration.py [draws] [full|quick]`.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, QUICK
from emergent_stats.evidence.integrand import log_visibility
from emergent_stats.evidence.many import evidences
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.metrics import ExactMatch
from emergent_stats.model.trends import ACCOUNTS, PRIOR
from emergent_stats.verdict.sensitivity import account_log_z, probabilities

RESULTS = Path(__file__).parent / "results"
DESIGN = Curve(10.0 ** np.linspace(8, 12, 8), np.full(8, 0.5), "exact_match", n=200.0)
BLOCK = 64
BINS = 20


def draw(rng, count):
    """Hypotheses, parameters and simulated curves of `count` draws from the prior."""
    known = hypotheses(ExactMatch())
    found = []
    for account in rng.choice(ACCOUNTS, count, p=list(PRIOR.values())):
        own = [h for h in known if h.account == account]
        h = own[rng.integers(len(own))]
        while True:
            values = h.draw_parameters(DESIGN, 64, rng)
            x = np.repeat((DESIGN.x - DESIGN.centre)[None], 64, 0)
            gate = log_visibility(h, x, np.ones_like(x, bool), values, h.skill(x, values) + 0 * x)
            seen = np.flatnonzero(np.log(rng.random(64)) < gate)
            if seen.size:
                break
        values = {n: v[seen[:1]] for n, v in values.items()}
        scores = h.simulate(DESIGN, values, rng)[0]
        curve = Curve(DESIGN.axis_values, scores, "exact_match", n=200.0)
        found.append((h, {n: float(v[0, 0]) for n, v in values.items()}, curve))
    return found


def rank(prior, values, weights, truth):
    """Posterior probability of a value below the truth; nodes of a lattice stand for a stretch."""
    v, index = np.unique(values, return_inverse=True)
    mass = np.bincount(index, weights)
    middle = np.cumsum(mass) - 0.5 * mass
    if v.size > 100:
        return float(np.interp(truth, v, middle, left=0.0, right=1.0))
    z = np.linspace(-8, 8, 4001)
    at = np.interp(np.append(v, truth), prior.from_normal(z), z)
    share = special.ndtr(at)
    # between the ends of the prior and the first and last node the prior's own shape
    nodes = np.concatenate([[0.0], share[:-1], [1.0]])
    return float(np.interp(share[-1], nodes, np.concatenate([[0.0], middle, [1.0]])))


def analyse(drawn, effort, seed):
    metric = ExactMatch()
    batch = Batch.of([c for _, _, c in drawn], metric)
    found = evidences(batch, seed, hypotheses(metric), effort)
    account_z = account_log_z(
        {n: e.log_z for n, e in found.items()}, {n: e.hypothesis for n, e in found.items()}
    )
    p = probabilities(account_z)
    ranks, rows = [], []
    for i, (h, truth, _) in enumerate(drawn):
        e = found[h.name]
        w = np.exp(e.log_weight[i] - e.log_weight[i].max())
        w /= w.sum()
        for name, prior in h.priors(DESIGN).items():
            u = rank(prior, e.parameters[name][i], w, truth[name])
            ranks.append((h.name, name, u, e.error[i], e.log_z[i]))
        rows.append((h.account, *p[i], e.error[i]))
    return ranks, rows


def reliability(frame):
    """Mean probability and share that came true per tenth of probability, all accounts pooled."""
    rows = []
    for account in (*ACCOUNTS, "all"):
        chosen = ACCOUNTS if account == "all" else (account,)
        p = np.concatenate([frame[a] for a in chosen])
        true = np.concatenate([frame["truth"] == a for a in chosen])
        where = np.minimum((p * 10).astype(int), 9)
        for b in range(10):
            at = where == b
            if at.sum() < 10:
                continue
            error = np.sqrt((p[at] * (1 - p[at])).sum()) / at.sum()
            rows.append((account, int(at.sum()), p[at].mean(), true[at].mean(), error))
    names = ["account", "cases", "probability", "came true", "standard error"]
    return pd.DataFrame(rows, columns=names)


def uniformity(ranks):
    rows = []
    groups = [("all", name, g) for name, g in ranks.groupby("parameter")]
    groups += [(h, name, g) for (h, name), g in ranks.groupby(["hypothesis", "parameter"])]
    for h, name, g in groups:
        bins = BINS if len(g) >= 400 else 10
        counts = np.histogram(g["rank"], np.linspace(0, 1, bins + 1))[0]
        p = stats.chisquare(counts).pvalue
        rows.append((h, name, len(g), g["rank"].mean(), g["rank"].std() * np.sqrt(12), p))
    names = ["hypothesis", "parameter", "draws", "mean rank", "spread ÷ uniform", "chi² p"]
    return pd.DataFrame(rows, columns=names)


def figure_of(ranks, table, path):
    from emergent_stats.plots.style import ACCOUNT_COLOURS, figure, look, save

    names = list(ranks["parameter"].unique())
    with look():
        fig = figure(7.2, 3.2)
        left, right = fig.subplots(1, 2)
        for name in names:
            u = np.sort(ranks.loc[ranks["parameter"] == name, "rank"])
            grid = np.linspace(0, 1, 201)
            away = np.searchsorted(u, grid) / u.size - grid
            # times √draws, so that one band serves parameters of few and of many draws
            left.plot(grid, away * np.sqrt(u.size), label=name, lw=1)
        g = np.linspace(0, 1, 201)
        band = 2.58 * np.sqrt(g * (1 - g))
        left.fill_between(g, -band, band, color="#dddddd", lw=0)
        left.set(xlabel="rank of the truth in its posterior",
                 ylabel="(distribution − uniform) × √draws", ylim=(-1.6, 2.6))  # fmt: skip
        left.legend(ncol=3, loc="upper center", fontsize=6)
        right.plot([0, 1], [0, 1], color="#999999", lw=0.8)
        for account in ACCOUNTS:
            t = table[table["account"] == account]
            right.errorbar(t["probability"], t["came true"], 2 * t["standard error"], fmt="o-",
                           ms=3, lw=0.8, color=ACCOUNT_COLOURS[account], label=account)  # fmt: skip
        right.set(xlabel="probability of the account", ylabel="share that came true")
        right.legend()
        save(fig, path)


def markdown(table):
    def show(v):
        return f"{v:.3f}" if isinstance(v, float) else str(v)

    lines = ["| " + " | ".join(table.columns) + " |", "|---" * table.shape[1] + "|"]
    lines += ["| " + " | ".join(show(v) for v in r) + " |" for r in table.to_numpy(object)]
    return "\n".join(lines)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    level = sys.argv[2] if len(sys.argv) > 2 else "full"
    effort = {"quick": QUICK, "full": FULL}[level]
    start = time.perf_counter()
    drawn = draw(np.random.default_rng(1), count)
    parts = [drawn[i : i + BLOCK] for i in range(0, count, BLOCK)]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda part: analyse(part, effort, 1), parts))
    ranks = pd.DataFrame(
        [r for a, _ in done for r in a],
        columns=["hypothesis", "parameter", "rank", "error", "log_z"],
    )
    frame = pd.DataFrame([r for _, b in done for r in b], columns=["truth", *ACCOUNTS, "error"])
    seconds = time.perf_counter() - start
    tests, table = uniformity(ranks), reliability(frame)
    pooled = tests[tests["hypothesis"] == "all"].drop(columns="hypothesis")
    away = (table["came true"] - table["probability"]) / table["standard error"]
    table["standard errors away"] = away
    scored = table[table["account"] != "all"]
    square = float((scored["standard errors away"] ** 2).sum())
    each = tests[tests["hypothesis"] != "all"]
    mean_p = frame[list(ACCOUNTS)].mean()
    text = (
        f"# Simulation-based calibration\n\n{count} draws of account, trend and parameters from "
        f"the prior (visible changes only), 8 models, 200 examples, {level!r} effort, every "
        f"parameter free; root mean square error of the log evidences "
        f"{np.sqrt((frame['error'] ** 2).mean()):.2f}. Written by `make calibration`.\n\n"
        f"## Ranks of the parameters\n\nUniform if the engine is right: {BINS} bins.\n\n"
        f"{markdown(pooled)}\n\nOf the {len(each)} pairs of trend and parameter "
        f"{int((each['chi² p'] < 0.01).sum())} have p < .01 and "
        f"{int((each['chi² p'] < 0.05).sum())} p < .05 ({0.01 * len(each):.1f} and "
        f"{0.05 * len(each):.1f} expected); the least p is {each['chi² p'].min():.4f}.\n\n"
        f"## Probabilities of the accounts\n\nMean probability beside the share drawn: "
        + ", ".join(f"{a} {mean_p[a]:.3f} / {(frame['truth'] == a).mean():.3f}" for a in ACCOUNTS)
        + f". Sum of squared standard errors away over {len(scored)} cells: {square:.1f}; "
        f"{int((scored['standard errors away'].abs() > 2).sum())} cells beyond 2.\n\n"
        f"{markdown(table)}\n"
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "calibration.md").write_text(text, encoding="utf-8")
    tests.to_csv(RESULTS / "calibration.csv", index=False)
    table.to_csv(RESULTS / "calibration_reliability.csv", index=False)
    figure_of(ranks, table, RESULTS / "calibration.png")
    print(text, f"{seconds:.0f} s")


if __name__ == "__main__":
    main()
