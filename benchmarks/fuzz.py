"""Fuzz the evidences: no design drawn at random may give a number that cannot be.

Of every curve of `tests/designs.py` (any metric, 4 to 200 models, 1 to 10⁷ examples, scores at 0,
at 1 and below chance) the evidence of one hypothesis of each account, drawn at random, is computed
at the smallest effort, which is where errors are largest; of every twentieth curve those of all.
Most curves have at most as many models as published families do (24), every twentieth up to 200.
Checked: none above the largest log likelihood (0 for counts), none NaN, errors not negative,
probabilities that sum to 1, no warning of numpy.

Run with `python benchmarks/fuzz.py [--designs 2000] [--first 0] [--all]`; exit 1 where anything is
found.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from designs import MODELS, random_curve

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import SCREEN
from emergent_stats.evidence.many import evidences
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import SKILL_NORMAL
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.verdict.decision import too_few
from emergent_stats.verdict.sensitivity import account_log_z, probabilities

#: All hypotheses of one design in so many, and more models than `USUAL` in one of so many.
WHOLE, LARGE = 20, 20
#: Most models of the other designs.
USUAL = 24


def chosen_of(metric: Metric, seed: int) -> list[Hypothesis]:
    """One hypothesis of each account."""
    rng, every = np.random.default_rng([seed, 3]), hypotheses(metric)
    by_account = [[h for h in every if h.account == account] for account in ACCOUNTS]
    return [own[rng.integers(len(own))] for own in by_account]


def faults(seed: int, whole: bool) -> tuple[str, int]:
    """What is wrong with one design ("" if nothing), and how many evidences were computed."""
    # the seeds of large designs are not those of whole ones
    curve = random_curve(seed, most=MODELS[1] if seed % LARGE == LARGE // 2 else USUAL)
    if too_few(curve) is not None:
        return "", 0
    metric = curve.metric_object
    batch, chosen = Batch.of([curve], metric), hypotheses(metric)
    if not whole:
        chosen = chosen_of(metric, seed)
    try:
        found = evidences(batch, 0, chosen, SCREEN)
        z = {n: e.log_z for n, e in found.items()}
        p = probabilities(account_log_z(z, {h.name: h for h in chosen}))[0]
    except (AssertionError, ArithmeticError, ValueError, RuntimeWarning) as error:
        return f"{type(error).__name__}: {error}", 0
    values, errors = (
        np.array([getattr(e, k)[0] for e in found.values()]) for k in ("log_z", "error")
    )
    if np.isnan(values).any() or not (errors >= 0).all():
        return f"evidences {values}, errors {errors}", values.size
    if batch.obs.kind != SKILL_NORMAL and curve.metric != "brier" and values.max() > 0:
        return f"log evidence {values.max()} of counts", values.size
    if not (np.isfinite(p).all() and (p >= 0).all() and abs(p.sum() - 1) < 1e-9):
        return f"probabilities {p}", values.size
    return "", values.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="all hypotheses of every design")
    given = parser.parse_args()
    warnings.simplefilter("error", RuntimeWarning)
    started, wrong, count, analysed = time.process_time(), 0, 0, 0
    for seed in range(given.first, given.first + given.designs):
        fault, size = faults(seed, given.all or seed % WHOLE == 0)
        count, analysed = count + size, analysed + (size > 0)
        if fault:
            wrong += 1
            print(f"design {seed}: {fault}", flush=True)
        if (seed - given.first + 1) % 1000 == 0:
            print(f"… {seed - given.first + 1} designs, {wrong} faults", flush=True)
    seconds = time.process_time() - started
    print(
        f"{given.designs} designs, {analysed} analysed, {count} evidences, {wrong} faults, "
        f"{seconds:.0f} CPU s"
    )
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
