"""How often the quoted error of a log evidence covers a reference, on designs drawn at random.

The curves are those of the fuzz tests (any metric, 1 to 10⁷ examples, scores at 0, at 1 and below
chance); of each, one hypothesis within 5 nats of the best is drawn. The reference is adaptive
importance sampling over all free parameters at once (Cappé et al. 2004, population Monte Carlo),
with the noise between models integrated score by score (`likelihood`, not the engine's tables):
a mixture of Student t kernels on the posterior, a wide one, and a tenth of the prior, four rounds
and more. Pairs whose reference is itself rougher than `ROUGH` nats, or leans on what lies at the
end of its reach (`FAR` prior standard deviations: a guess rate of a billionth), are left out, and
counted.

Run with `python benchmarks/quoted_errors.py [--pairs 300] [--seed 1] [--jobs 2]`; the
table is in `results/`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from designs import random_curve

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.integrand import log_visibility, log_visible_share
from emergent_stats.evidence.many import evidences
from emergent_stats.evidence.nuisance import LEAST_SIGMA
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.maths import flat
from emergent_stats.model.priors import Bounded, Interior
from emergent_stats.verdict.decision import too_few

RESULTS = Path(__file__).parent / "results"
#: Error of a reference above which it is left out, and the one at which it is good enough.
ROUGH, ENOUGH = 0.06, 0.03
NEAR, MODELS, DRAWS, ROUNDS, KERNELS = 5.0, 24, 10_000, 12, 300
#: Prior standard deviations that the reference reaches, and where it begins to lack what is beyond.
REACH, FAR = 7.5, 6.5
DF, SHARES = 5.0, (0.75, 0.15, 0.10)
_Z = np.linspace(-8.5, 8.5, 6001)


def to_z(prior, value):
    """Standard normal value that a parameter's prior maps to `value`."""
    if isinstance(prior, Bounded):
        return special.ndtri(np.clip(prior.share(value), 1e-12, 1 - 1e-12))
    return np.interp(value, prior.from_normal(_Z), _Z)


def log_t(away, root):
    """Log density of a Student t around 0 at (…, d) points."""
    d = root.shape[0]
    u = np.linalg.solve(root, away.reshape(-1, d).T)
    q = (u**2).sum(0).reshape(away.shape[:-1])
    norm = special.gammaln((DF + d) / 2) - special.gammaln(DF / 2) - 0.5 * d * np.log(DF * np.pi)
    return norm - np.log(np.diag(root)).sum() - 0.5 * (DF + d) * np.log1p(q / DF)


def log_target(hypothesis, curve, batch, z):
    """Log of likelihood × gate × prior at (R, d) standard normal values."""
    priors = hypothesis.priors(curve)
    values = {n: prior.from_normal(z[:, j : j + 1]) for j, (n, prior) in enumerate(priors.items())}
    values |= {n: np.full((len(z), 1), v) for n, v in hypothesis.fixed().items()}
    x = np.tile(curve.x - curve.centre, (len(z), 1))
    skill = np.asarray(hypothesis.skill(x, values), float) + np.zeros_like(x)
    sigma, guess, lapse = flat(values, "sigma", "guess", "lapse")
    # what is irreducible in a loss is no share
    possible = (guess + lapse < 1) | hypothesis.metric.continuous
    guess, lapse = np.where(possible, guess, 0.0), np.where(possible, lapse, 0.0)
    rows = np.zeros(len(z), int)
    # what is declared: noise of losses below this is not told from none
    sigma = np.maximum(sigma, LEAST_SIGMA if hypothesis.metric.continuous else 1e-6)
    ll = log_likelihood(batch.obs, hypothesis.metric, skill, sigma, guess, lapse, rows).sum(1)
    gate = log_visibility(hypothesis, x, np.ones(x.shape, bool), values, skill)
    return np.where(possible, ll + gate, -np.inf) + stats.norm.logpdf(z).sum(1)


def reference(evidence, curve, rng):
    """Log evidence by population Monte Carlo from the engine's nodes, and its standard error."""
    h = evidence.hypothesis
    batch, priors = Batch.of([curve], h.metric), h.priors(curve)
    assert not any(isinstance(p, Interior) for p in priors.values())
    share = np.exp(evidence.log_weight[0] - evidence.log_weight[0].max())
    w = share / share.sum()
    points = np.clip(
        np.stack([to_z(p, evidence.parameters[n][0]) for n, p in priors.items()], 1), -7, 7
    )
    d, counts = points.shape[1], np.round(np.array(SHARES) * DRAWS).astype(int)
    kept = []
    for index in range(ROUNDS):
        mean = w @ points
        spread = (points - mean).T @ ((points - mean) * w[:, None])
        # exact losses pin a level down to a hundred-thousandth of its prior
        spread += np.diag(1e-3 * np.diag(spread) + 1e-14)
        width = max(0.35, float((w**2).sum()) ** (1 / (d + 4)))
        kernel, wide = np.linalg.cholesky(spread * width**2), np.linalg.cholesky(2 * spread)
        centres = points[rng.choice(w.size, KERNELS, p=w)]

        def student(count, root):
            return (rng.standard_normal((count, d)) @ root.T) / np.sqrt(
                rng.chisquare(DF, count) / DF
            )[:, None]

        z = np.concatenate([
            centres[rng.integers(KERNELS, size=counts[0])] + student(counts[0], kernel),
            mean + student(counts[1], wide),
            rng.standard_normal((counts[2], d)),
        ])  # fmt: skip
        near = np.concatenate([
            special.logsumexp(log_t(part[:, None] - centres[None], kernel), axis=1)
            for part in np.array_split(z, 8)
        ]) - np.log(KERNELS)  # fmt: skip
        parts = [near, log_t(z - mean, wide), stats.norm.logpdf(z).sum(1)]
        log_q = special.logsumexp(
            np.stack([p + np.log(s) for p, s in zip(parts, SHARES, strict=True)]), axis=0
        )
        inside = (np.abs(z) < REACH).all(1)
        log_w = np.full(DRAWS, -np.inf)
        log_w[inside] = log_target(h, curve, batch, z[inside]) - log_q[inside]
        again = np.exp(log_w - log_w.max())
        points = z[rng.choice(DRAWS, 4000, p=again / again.sum())]
        beyond = (np.abs(points) > FAR).any(1).mean()
        w = np.full(4000, 1 / 4000)
        if index:
            kept.append(log_w)
        joined = np.concatenate(kept) if kept else log_w
        u = np.exp(joined - joined.max())
        error = float(u.std() / u.mean() / np.sqrt(u.size))
        if index >= 2 and error < ENOUGH:
            break
    log_z = joined.max() + np.log(u.mean()) - log_visible_share(h, [curve])[0]
    return float(log_z), error if beyond < 0.01 else np.inf


def pair(seed: int) -> dict | None:
    """One curve under one hypothesis: evidence and reference; None if nothing can be analysed."""
    curve, rng = random_curve(seed, most=MODELS), np.random.default_rng([seed, 29])
    if too_few(curve) is not None:
        return None
    found = evidences(Batch.of([curve], curve.metric_object), 0, hypotheses(curve.metric_object))
    best = max(float(e.log_z[0]) for e in found.values())
    name = rng.choice([n for n, e in found.items() if e.log_z[0] > best - NEAR])
    e = found[name]
    log_z, error = reference(e, curve, rng)
    return {
        "seed": seed, "metric": curve.metric, "hypothesis": name, "m": curve.m,
        "n": float(np.median(curve.effective_n)), "log_z": float(e.log_z[0]),
        "error": float(e.error[0]), "doubt": e.doubts[0], "reference": log_z,
        "reference_error": error, "off": float(e.log_z[0]) - log_z,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args()
    first = given.seed * 1_000_000
    rows: list[dict] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        while len(rows) < given.pairs:
            wanted = range(first, first + given.pairs - len(rows))
            for row in pool.map(pair, wanted):
                if row is not None:
                    rows.append(row)
                print(f"\r{len(rows)} of {given.pairs} pairs", end="", file=sys.stderr)
            first = wanted.stop
    print(file=sys.stderr)
    frame = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    frame.to_csv(RESULTS / "quoted_errors.csv", index=False, float_format="%.4f")
    good = frame[(frame["reference_error"] < ROUGH) & (frame["doubt"] == "")]
    scale = np.hypot(good["error"], good["reference_error"])
    away = good["off"].abs()
    lines = [
        "# Quoted errors of log evidences against importance sampling",
        "",
        f"{len(frame)} pairs of a curve and a hypothesis, seed {given.seed}: "
        f"{int((frame['doubt'] != '').sum())} refused as not reliable, "
        f"{int((frame['reference_error'] >= ROUGH).sum())} with a reference that is rougher than "
        f"{ROUGH} nats or does not reach far enough, {len(good)} compared.",
        "",
        f"- Within two standard errors: {(away < 2 * scale).mean():.1%} (95 % asked); within one: "
        f"{(away < scale).mean():.1%}.",
        f"- Off by {away.median():.3f} nats at the median, {away.quantile(0.95):.3f} at 95 %, "
        f"{away.max():.2f} at most; quoted error {good['error'].median():.3f} at the median.",
        "",
        "| metric | pairs | within 2 errors | median | largest |",
        "|---|--:|--:|--:|--:|",
    ]
    for metric, part in good.groupby("metric"):
        a, s = part["off"].abs(), np.hypot(part["error"], part["reference_error"])
        lines.append(
            f"| {metric} | {len(part)} | {(a < 2 * s).mean():.0%} | {a.median():.3f} | "
            f"{a.max():.2f} |"
        )
    text = "\n".join(lines) + "\n"
    (RESULTS / "quoted_errors.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
