"""Make the table of the game: curves, their truth, the package's verdict, and the Bayes floor.

`python seminar/build_game.py` writes `game.json` (a minute or two). Half of the simulated
curves are smooth, half break; the floor is the posterior of someone who knows how all were made.
Published curves have no known truth, and count in no error rate.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np

from emergent_stats import Curve, Design, compare_all, curves, load, simulate_curve
from emergent_stats.design.truths import TRUTHS
from emergent_stats.results.files import write_bytes

HERE = Path(__file__).parent
DESIGN = Design(m=8, n=200, sigma=0.2, plateaus=False)
WORDS = "8 models over 4 decades, 200 questions, noise of .2 nats between models"
REAL = ("step", "narrow_transition", "kink", "flat_then_rise")
SMOOTH = ("power_law", "ceiling", "broad_transition", "random_monotone")
#: Simulated curves of each truth, draws behind the floor, published curves.
EACH, DRAWS, PUBLISHED = 10, 40_000, 12
SEED = 2026


def simulated() -> tuple[list[Curve], list[str]]:
    """Made-up curves and the names of their truths."""
    names = [name for name in (*REAL, *SMOOTH) for _ in range(EACH)]
    made = [simulate_curve(name, DESIGN, [SEED, i])[0] for i, name in enumerate(names)]
    return made, names


def floor(made: list[Curve]) -> np.ndarray:
    """Posterior probability of a break under the very truths simulated."""
    path = HERE.parent / "benchmarks" / "_floor.py"
    spec = importlib.util.spec_from_file_location("floor_of_benchmarks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    truths = (*REAL, *SMOOTH)
    log_z, _ = module.log_marginals(made, DESIGN, truths, DRAWS, SEED)
    is_break = np.array([name in REAL for name in truths])
    return module.p_break(log_z, is_break, np.ones(len(truths), bool))


def published() -> list[Curve]:
    """Published curves that rise by a fifth or more over six scales or more, drawn at random."""
    found = [
        curve
        for study in ("gpt3", "bigbench-bigg", "pythia", "obsscaling")
        for curve in curves(load(study))
        if curve.n_scales >= 6
        and not curve.metric_object.continuous
        and curve.axis != "step"
        and curve.score[-1] - curve.score[0] >= 0.2
    ]
    rng = np.random.default_rng(SEED)
    return [found[i] for i in np.sort(rng.choice(len(found), PUBLISHED, replace=False))]


def row(curve: Curve, verdict: str, reason: str) -> dict:
    """What the game shows of a curve."""
    low, high = curve.intervals()
    return {
        "x": np.round(curve.x, 3).tolist(),
        "score": np.round(curve.score, 4).tolist(),
        "low": np.round(low, 4).tolist(),
        "high": np.round(high, 4).tolist(),
        "axis": curve.axis,
        "metric": curve.metric,
        "verdict": verdict,
        "reason": reason,
    }


def main() -> None:
    """Write the table."""
    made, names = simulated()
    real = published()
    verdicts = compare_all([*made, *real])
    p = floor(made)
    rows = [row(c, v.verdict, v.reason) for c, v in zip([*made, *real], verdicts, strict=True)]
    for i, name in enumerate(names):
        truth = {"truth": name, "breaks": name in REAL, "floor": round(float(p[i]), 4)}
        rows[i] |= truth | {"note": TRUTHS[name].note}
    for entry, curve in zip(rows[len(names) :], real, strict=True):
        key = curve.key
        entry["note"] = f"{key['study']}, {key['family']}: {key['task']}"
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in rows)
    text = f'{{"design": "{WORDS}", "curves": [\n{lines}\n]}}\n'
    write_bytes(HERE / "game.json", text.encode())
    calls = [entry["verdict"] for entry in rows[: len(names)]]
    print(f"{len(names)} simulated, {len(real)} published")
    print(f"package: {dict(zip(*np.unique(calls, return_counts=True), strict=True))}")
    print(f"floor: error {np.minimum(p, 1 - p).mean():.3f}")


if __name__ == "__main__":
    main()
