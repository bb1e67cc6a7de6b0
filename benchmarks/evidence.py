"""Speed and error of log evidences, side by side: this engine, samplers, a reference, a point fit.

Curves of many kinds (floors, ceilings, 0/n everywhere, n = 10⁶, 4 and 200 models, σ from 0 to
1) under a step and a power law with free noise. The reference is importance sampling with the
noise integrated score by score (`likelihood`, not the engine's tables), its own error reported.

Run with `python benchmarks/evidence.py [--large]`; `--large` also takes 10⁵ curves for memory.
"""

from __future__ import annotations

import argparse
import platform
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import FULL, QUICK, SCREEN
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.integrand import log_visibility, log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import ExactMatch
from emergent_stats.model.trends import PowerLaw, Step

RESULTS = Path(__file__).parent / "results"
METRIC = ExactMatch(guess=0.01, lapse=0.01)
HYPOTHESES = (Hypothesis(Step(), METRIC), Hypothesis(PowerLaw(), METRIC))
FREE = (Hypothesis(Step(), ExactMatch()), Hypothesis(PowerLaw(), ExactMatch()))
EFFORTS = {
    "screen": SCREEN,
    "quick": QUICK,
    "full": FULL,
    "deep": replace(
        FULL, spacing=1.5, budget=16384, scans=(96, 64), points=512, nodes=32, enough=0.01
    ),
}
_Z = np.linspace(-8, 8, 4001)


def curve(kind, rng, m=8, n=200):
    """One series of a kind, from a line or a step with noise between models."""
    x = np.linspace(-2, 2, m)
    sigma = rng.choice([0.0, 0.1, 0.3, 1.0])
    level = {"floor": -3.0, "ceiling": 5.0}.get(kind, 0.0) + rng.normal(0, 0.7)
    skill = level + rng.uniform(0, 0.8) * x + rng.choice([0.0, 2.0]) * (x > rng.uniform(-1, 1))
    skill = skill + sigma * rng.standard_normal(m)
    p = 0.01 + 0.98 * METRIC.fraction(skill)
    k = np.zeros(m) if kind == "nothing right" else rng.binomial(n, p)
    return Curve(10.0 ** (x + 10), k / n, "exact_match", n=float(n))


#: Number of curves, models and examples of every kind.
KINDS = {
    "interior": (60, 8, 200),
    "floor": (40, 8, 200),
    "ceiling": (40, 8, 200),
    "nothing right": (8, 8, None),
    "n = 10⁶": (24, 8, 1_000_000),
    "4 models": (24, 4, 200),
    "200 models": (6, 200, 200),
}


def collection(seed=1):
    rng = np.random.default_rng(seed)
    found = []
    for kind, (count, m, n) in KINDS.items():
        for _ in range(count):
            size = n or int(10 ** rng.uniform(1, 5))
            found.append((kind, curve(kind, rng, m, size)))
    return found


# --- reference --------------------------------------------------------------------------------
def reference(hypothesis, series, start, seed, target=0.009, draws=8000):
    """Log evidence by importance sampling around posterior nodes, and its error.

    `start` only shapes the proposal: a mixture of Student t's per gap of the models, one broad
    and some narrow, and a share of the prior. Weights use the likelihood itself.
    """
    rng = np.random.default_rng([seed, 5])
    batch = Batch.of([series], hypothesis.metric)
    x = batch.x[0]
    priors = hypothesis.priors(series)
    names = [n for n in priors if n != "location"]
    step = "location" in priors
    edges = np.unique(x[1:-1]) if step else np.array([0.0, 1.0])
    z = np.stack(
        [np.interp(start.parameters[n][0], priors[n].from_normal(_Z), _Z) for n in names], 1
    )
    w = np.exp(start.log_weight[0] - start.log_z[0])
    w /= w.sum()
    where = start.parameters["location"][0] if step else np.full(w.size, 0.5)
    gap = np.clip(np.searchsorted(edges, where) - 1, 0, edges.size - 2)
    mass = np.bincount(gap, w, edges.size - 1)
    size = np.diff(edges) / (edges[-1] - edges[0])
    share = 0.9 * mass + 0.1 * size
    components = []  # (gap, log weight, mean, root)
    d = len(names)
    for g in range(edges.size - 1):
        own = np.flatnonzero((gap == g) & (w > 0))
        enough = own.size > 40 and mass[g] > 1e-4
        at = own if enough else np.flatnonzero(w > 0)
        v = w[at] / w[at].sum()
        mean = v @ z[at]
        cov = (z[at] - mean).T @ ((z[at] - mean) * v[:, None]) + 1e-8 * np.eye(d)
        broad = 1.0 if mass[g] < 0.02 else 0.4
        components.append((g, np.log(share[g] * broad), mean, np.linalg.cholesky(1.3 * cov)))
        if broad < 1:
            for c in rng.choice(at, 12, p=v):
                weight = np.log(share[g] * (1 - broad) / 12)
                components.append((g, weight, z[c], np.linalg.cholesky(0.5 * cov)))
    log_share = float(log_visible_share(hypothesis, [series])[0])
    log_w = np.zeros(0)
    for _ in range(4):
        log_w = np.append(log_w, _weights(hypothesis, batch, names, components, edges, size,
                                          draws, rng, step))  # fmt: skip
        u = np.exp(log_w - log_w.max())
        error = u.std() / u.mean() / np.sqrt(u.size)
        if error < target:
            break
        draws = log_w.size
    return log_w.max() + np.log(u.mean()) - log_share, error


_DF, _PRIOR = 5.0, 0.1


def _weights(hypothesis, batch, names, components, edges, size, draws, rng, step):
    d = len(names)
    p = np.exp([c[1] for c in components])
    picked = rng.choice(len(components), draws, p=p / p.sum())
    from_prior = rng.random(draws) < _PRIOR
    t = rng.standard_normal((draws, d)) / np.sqrt(rng.chisquare(_DF, draws) / _DF)[:, None]
    roots = np.stack([c[3] for c in components])
    means = np.stack([c[2] for c in components])
    z = means[picked] + np.einsum("rij,rj->ri", roots[picked], t)
    gaps = np.array([c[0] for c in components])[picked]
    z[from_prior] = rng.standard_normal((int(from_prior.sum()), d))
    gaps[from_prior] = rng.choice(size.size, int(from_prior.sum()), p=size)
    z = np.clip(z, -7.9, 7.9)
    normal = -0.5 * (z * z).sum(1) - 0.5 * d * np.log(2 * np.pi)
    # density of gap and z (the place inside a gap is uniform on both sides)
    log_q = np.log(_PRIOR * size[gaps]) + normal
    const = (
        special.gammaln((_DF + d) / 2) - special.gammaln(_DF / 2) - 0.5 * d * np.log(_DF * np.pi)
    )
    for g, weight, mean, root in components:
        at = np.flatnonzero(gaps == g)
        r = np.linalg.solve(root, (z[at] - mean).T)
        log_t = (
            const - np.log(np.diag(root)).sum() - 0.5 * (_DF + d) * np.log1p((r * r).sum(0) / _DF)
        )
        log_q[at] = np.logaddexp(log_q[at], np.log1p(-_PRIOR) - np.log(p.sum()) + weight + log_t)
    priors = hypothesis.priors()
    values = {n: priors[n].from_normal(z[:, j])[:, None] for j, n in enumerate(names)}
    values |= {n: np.full((draws, 1), v) for n, v in hypothesis.fixed().items()}
    if step:
        low, high = edges[gaps], edges[gaps + 1]
        values["location"] = (low + (high - low) * rng.random(draws))[:, None]
    x = np.repeat(batch.x, draws, 0)
    skill = hypothesis.skill(x, values)
    gate = log_visibility(hypothesis, x, np.ones_like(x, bool), values, skill)
    each = log_likelihood(
        batch.obs, hypothesis.metric, skill, values["sigma"][:, 0], values["guess"][:, 0],
        values["lapse"][:, 0], np.zeros(draws, int),
    )  # fmt: skip
    return each.sum(1) + gate + normal + np.log(size[gaps]) - log_q


# --- this engine ------------------------------------------------------------------------------
def blocks(series, size=64):
    groups = {}
    for i, c in enumerate(series):
        groups.setdefault(c.m, []).append(i)
    return [rows[s : s + size] for rows in groups.values() for s in range(0, len(rows), size)]


def engine(series, hypotheses, effort, seed=0, threads=2):
    """Log evidences (C, H), errors, nodes per evidence, and CPU seconds by number of threads.

    CPU time, the better of two runs: what idle cores would take, whatever else runs on them.
    """
    z, errors = np.empty((len(series), len(hypotheses))), np.empty((len(series), len(hypotheses)))
    nodes = np.empty_like(z)
    metric = hypotheses[0].metric

    def work(rows):
        batch = Batch.of([series[i] for i in rows], metric)
        for j, h in enumerate(hypotheses):
            found = log_evidence(batch, h, effort=effort, seed=seed)
            z[rows, j], errors[rows, j] = found.log_z, found.error
            nodes[rows, j] = found.calls

    best = np.inf
    for _ in range(2):
        start = time.process_time()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, blocks(series)))
        best = min(best, (time.process_time() - start) / threads)
    return z, errors, nodes.mean(), best


# --- rivals -----------------------------------------------------------------------------------
def point_fits(series):
    """Seconds for least squares of a line and of a step, with their AIC."""
    import warnings

    from scipy.optimize import OptimizeWarning, curve_fit

    def line(x, level, slope):
        return 0.01 + 0.98 * METRIC.fraction(level + slope * x)

    def jump(x, level, slope, height, location):
        return 0.01 + 0.98 * METRIC.fraction(
            level + slope * x + height / (1 + np.exp(-30 * (x - location)))
        )

    start = time.process_time()
    failed = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        for c in series:
            x = c.x - c.centre
            for f, first in ((line, [0.0, 0.5]), (jump, [0.0, 0.3, 1.0, 0.0])):
                try:
                    found, _ = curve_fit(f, x, c.score, first, maxfev=2000)
                except (RuntimeError, TypeError):
                    failed += 1
                    continue
                rss = ((c.score - f(x, *found)) ** 2).sum()
                c.m * np.log(max(rss, 1e-30) / c.m) + 2 * len(found)
    return (time.process_time() - start) / 2, failed / (2 * len(series))


def run_smc(h, c):
    import pymc as pm

    from emergent_stats.bayes.posterior import build_model

    with build_model(h, c):
        # with PyMC's .5 for the threshold the log evidence comes out .1 to .4 too low
        tree = pm.sample_smc(
            1000, chains=2, cores=1, random_seed=0, progressbar=False,
            compute_convergence_checks=False, threshold=0.9,
        )  # fmt: skip
    # per chain the stages, padded with NaN, or the last one alone
    stages = [
        np.concatenate([np.atleast_1d(np.asarray(stage, float)) for stage in np.ravel(chain)])
        for chain in tree["sample_stats"]["log_marginal_likelihood"].to_numpy()
    ]
    each = [chain[np.isfinite(chain)][-1] for chain in stages]
    share = float(log_visible_share(h, [c])[0])
    return float(np.logaddexp.reduce(each) - np.log(2) - share), np.nan


def run_nutpie(h, c):
    from emergent_stats.bayes.posterior import fit

    tree = fit(c, h, draws=1000, tune=1000, chains=2)
    return np.nan, float(tree["sample_stats"]["n_steps"].sum()) + 2000.0


def run_dynesty(h, c):
    import dynesty

    batch = Batch.of([c], h.metric)
    priors = h.priors(c)
    fixed = {n: np.full((1, 1), v) for n, v in h.fixed().items()}
    mask = np.ones_like(batch.x, bool)

    def loglike(theta):
        values = fixed | {n: np.full((1, 1), t) for n, t in zip(priors, theta, strict=True)}
        skill = h.skill(batch.x, values)
        each = log_likelihood(
            batch.obs, h.metric, skill, values["sigma"][0], values["guess"][0],
            values["lapse"][0], np.zeros(1, int),
        )  # fmt: skip
        return float(each.sum() + log_visibility(h, batch.x, mask, values, skill)[0])

    def transform(u):
        z = special.ndtri(np.clip(u, 1e-12, 1 - 1e-12))
        return np.array([float(p.from_normal(v)) for p, v in zip(priors.values(), z, strict=True)])

    sampler = dynesty.NestedSampler(
        loglike, transform, len(priors), nlive=250, rstate=np.random.default_rng(1)
    )
    sampler.run_nested(print_progress=False, dlogz=0.1)
    found = sampler.results
    share = float(log_visible_share(h, [c])[0])
    return float(found.logz[-1]) - share, float(np.sum(found.ncall))


def rivals(series, truth):
    rows = []
    for name, run in (("dynesty, static, 250 live points", run_dynesty),
                      ("nutpie, compiled model reused", run_nutpie),
                      ("pm.sample_smc, 2 × 1,000 draws", run_smc)):  # fmt: skip
        if name.startswith("nutpie"):
            run(HYPOTHESES[0], series[0])  # compiles
        errors, calls, start = [], [], time.process_time()
        for i, c in enumerate(series):
            z, used = run(HYPOTHESES[0], c)
            errors.append(z - truth[i])
            calls.append(used)
        rows.append(
            {
                "method": name, "hypotheses": "step",
                "evidences/s": 2 * len(series) / (time.process_time() - start),
                "likelihood calls": float(np.mean(calls)),
                "RMS error": float(np.sqrt(np.mean(np.square(errors)))),
                "worst error": float(np.max(np.abs(errors))), "curves": len(series),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


# --- growth -----------------------------------------------------------------------------------
def growth(large=False):
    rows = []

    def add(what, value, series):
        seconds = engine(series, HYPOTHESES[:1], QUICK)[3]
        rows.append({"what": what, "value": value, "ms per evidence": 1e3 * seconds / len(series)})

    rng = np.random.default_rng(3)
    for m in (5, 8, 20, 50, 200):
        add("models", m, [curve("interior", rng, m) for _ in range(64)])
    for n in (100, 1000, 10_000, 100_000, 1_000_000):
        add("examples", n, [curve("interior", rng, 8, n) for _ in range(64)])
    for count in (1, 10, 100, 1000, *([10_000, 100_000] if large else [])):
        add("curves", count, [curve("interior", rng) for _ in range(count)])
    return pd.DataFrame(rows)


def machine():
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines()
                 if line.startswith("model name")]  # fmt: skip
        cpu = f"{len(names)} cores of {names[0]}"
    return f"{cpu}, {platform.system()}, Python {platform.python_version()}, NumPy {np.__version__}"


def draw(table, away, grown, path):
    from emergent_stats.plots.style import figure, look, save

    with look():
        fig = figure(7.2, 2.8)
        left, middle, right = fig.subplots(1, 3)
        names = list(away)
        for name in names:
            v = np.sort(np.abs(away[name]).ravel())
            left.plot(v, 1 - (np.arange(v.size) + 0.5) / v.size, label=name)
        left.axvline(0.15, color="#999999", lw=0.8)
        left.set(xscale="log", yscale="log", xlabel="error of log evidence (nats)",
                 ylabel="share of evidences above", xlim=(1e-3, None))  # fmt: skip
        left.legend(title="effort")
        rate = table["evidences/s"].fillna(2e3 / table["ms per curve, both"])
        shown = table.assign(rate=rate)[rate.notna()]
        middle.barh(range(len(shown)), shown["rate"], color="#0072b2")
        middle.set_yticks(
            range(len(shown)), [m.split(", 250")[0].split(", 0%")[0] for m in shown["method"]]
        )
        middle.set(xscale="log", xlabel="evidences per second")
        middle.invert_yaxis()
        for what, mark in (("models", "o-"), ("examples", "s--"), ("curves", "^:")):
            rows = grown[grown["what"] == what]
            right.plot(rows["value"], rows["ms per evidence"], mark, ms=3, label=what)
        right.set(xscale="log", yscale="log", xlabel="number", ylabel="ms per evidence (quick)")
        right.legend()
        save(fig, path)


def make_reference(series):
    """Reference of every curve and hypothesis: minutes of work, so it is kept in a file."""
    deep = {
        (h.name, i): log_evidence(Batch.of([curve], METRIC), h, effort=EFFORTS["deep"], seed=9)
        for h in HYPOTHESES
        for i, curve in enumerate(series)
    }

    def exact(job):
        j, i = job
        draws = 2000 if series[i].m > 50 else 8000
        return reference(HYPOTHESES[j], series[i], deep[HYPOTHESES[j].name, i], i, draws=draws)

    jobs = [(j, i) for j in range(2) for i in range(len(series))]
    with ThreadPoolExecutor(2) as pool:
        answers = np.array(list(pool.map(exact, jobs))).reshape(2, len(series), 2)
    columns = {"curve": np.repeat(np.arange(len(series)), 2)}
    columns |= {"hypothesis": [h.name for _ in series for h in HYPOTHESES]}
    columns |= {"log_evidence": answers[..., 0].T.ravel(), "error": answers[..., 1].T.ravel()}
    return pd.DataFrame(columns)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--large", action="store_true", help="10⁴ and 10⁵ curves as well")
    options.add_argument("--reference", action="store_true", help="make the reference again")
    given = options.parse_args()
    large, stored = given.large, RESULTS / "evidence_reference.csv"
    started = time.perf_counter()
    kinds, series = zip(*collection(), strict=True)
    kinds = np.array(kinds)
    engine(series[:4], HYPOTHESES, SCREEN)  # loads compiled code
    eight = [c for c in series if c.m == 8]
    rows, away = [], {}
    if given.reference or not stored.exists():
        make_reference(series).to_csv(stored, index=False)
    known = pd.read_csv(stored)
    shape = (len(series), len(HYPOTHESES))
    truth, own = (known[n].to_numpy().reshape(shape) for n in ("log_evidence", "error"))
    print(f"reference: {time.perf_counter() - started:.0f} s, error {np.median(own):.4f}, "
          f"{(own > 0.01).sum()} above .01, worst {own.max():.3f}", flush=True)  # fmt: skip
    per_kind = []
    for name, effort in EFFORTS.items():
        z, quoted, nodes, _ = engine(series, HYPOTHESES, effort)
        seconds = engine(eight, HYPOTHESES[:1], effort)[3]
        pair = engine(eight, HYPOTHESES, effort)[3]
        away[name] = z - truth
        exact = own <= 0.01
        rows.append(
            {
                "method": f"this engine, {name}", "hypotheses": "step, power law",
                "evidences/s": len(eight) / seconds, "ms per curve, both": 1e3 * pair / len(eight),
                "likelihood calls": nodes, "RMS error": np.sqrt(np.mean(away[name][exact] ** 2)),
                "worst error": np.abs(away[name][exact]).max(), "curves": len(series),
                "quoted error": np.sqrt(np.mean(quoted[exact] ** 2)),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
        for kind in KINDS:
            v = away[name][(kinds == kind)[:, None] & exact]
            per_kind.append({"effort": name, "curves": kind,
                             "RMS error": np.sqrt((v**2).mean()), "mean": v.mean(),
                             "worst error": np.abs(v).max()})  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(RESULTS / "evidence.csv", index=False)
    pd.DataFrame(per_kind).to_csv(RESULTS / "evidence_kinds.csv", index=False)
    z, quoted, nodes, seconds = engine(eight, FREE, FULL)
    again = engine(eight, FREE, FULL, seed=1)[0]
    rows.append(
        {
            "method": "this engine, full, guess and lapse free", "hypotheses": "step, power law",
            "ms per curve, both": 1e3 * seconds / len(eight), "likelihood calls": nodes,
            "RMS error": np.sqrt(np.mean((z - again) ** 2) / 2), "worst error": np.nan,
            "curves": len(eight), "quoted error": np.sqrt(np.mean(quoted**2)),
        }
    )  # fmt: skip
    seconds, failed = point_fits(eight)
    rows.append(
        {
            "method": f"curve_fit and AIC, {failed:.0%} failed", "hypotheses": "step, power law",
            "ms per curve, both": 1e3 * seconds / len(eight), "curves": len(eight),
        }
    )  # fmt: skip
    rows += rivals([series[0], series[61]], truth[[0, 61], 0])
    table = pd.DataFrame(rows)
    grown = growth(large)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    point = table.loc[table["method"].str.startswith("curve_fit"), "ms per curve, both"].item()
    table["speed ÷ curve_fit"] = point / table["ms per curve, both"]
    by_kind = pd.DataFrame(per_kind)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "evidence.csv", index=False)
    by_kind.to_csv(RESULTS / "evidence_kinds.csv", index=False)
    grown.to_csv(RESULTS / "evidence_growth.csv", index=False)
    text = (
        f"# Log evidences: speed and error\n\nMachine: {machine()}, two threads. Speeds are from "
        "CPU time, as two idle cores would give. Written by `benchmarks/evidence.py`.\n\n"
        f"{len(series)} curves, step and power law with free noise; evidences/s are those of the "
        "step on the 8-model curves, beside it the time for both models, which is what the "
        "speed relative to `curve_fit` is taken from. "
        "Errors in nats against importance "
        f"sampling with the noise integrated score by score: its own error is {np.median(own):.4f} "
        f"(median), above .01 for {(own > 0.01).sum()} of {own.size} evidences (worst "
        f"{own.max():.3f}), which the table leaves out. With guess and lapse free there is no "
        "reference: the error is the scatter of two seeds. Rivals: two curves, step.\n\n"
        f"{_markdown(table)}\n\n## By kind of curve\n\n{_markdown(by_kind)}\n\n"
        f"## Growth of cost\n\nStep, quick.\n\n{_markdown(grown)}\n\n"
        f"Peak memory of the whole run: {memory:.2f} GB{' (10⁵ curves)' if large else ''}.\n"
    )
    (RESULTS / "evidence.md").write_text(text, encoding="utf-8")
    draw(table, away, grown, RESULTS / "evidence.png")
    print(text, f"{time.perf_counter() - started:.0f} s")


def _markdown(table):
    def show(v):
        return "" if v != v else (f"{v:,.3g}" if isinstance(v, float) and abs(v) < 100
                                  else f"{v:,.0f}" if isinstance(v, float) else str(v))  # fmt: skip

    lines = ["| " + " | ".join(table.columns) + " |", "|---" * table.shape[1] + "|"]
    lines += ["| " + " | ".join(show(v) for v in r) + " |" for r in table.to_numpy(object)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
