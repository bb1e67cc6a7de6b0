"""Made-up results for tests of figures: drawn at once, and the same whatever the engine says."""

import numpy as np

from emergent_stats.collection.arrivals import Arrivals, kaplan_meier
from emergent_stats.collection.discoveries import Discoveries, running_fdr
from emergent_stats.collection.fits import Calibrated
from emergent_stats.collection.forecast import FORECASTS, Forecast
from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.verdict.calibration import Calibration
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.sensitivity import GRID

SIZES = np.array([1e8, 3e8, 1e9, 3e9, 1e10, 3e10, 1e11, 3e11])
SCORES = np.array([0.01, 0.01, 0.02, 0.05, 0.12, 0.35, 0.7, 0.92])


def curve(task="addition", score=SCORES, sizes=SIZES, **given):
    key = {"study": "toy", "family": "Toy", "task": task, "shots": 3, "seed": None}
    return Curve(sizes, score, "exact_match", n=np.full(len(sizes), 400.0), key=key, **given)


def rising(x, middle, steepness):
    return 1 / (1 + np.exp(-steepness * (np.log10(x) - middle)))


def bands():
    x = np.geomspace(SIZES[0], SIZES[-1], 41)
    shapes = {"flat": (10.5, 0.05), "gradual": (10.7, 2.5), "onset": (10.7, 3), "jump": (10.5, 9),
              "falls": (10.7, 0.2)}  # fmt: skip
    found = {}
    for account, shape in shapes.items():
        mid = rising(x, *shape)
        skill = np.log(mid / (1 - mid))
        found[account] = {
            "x": x, "score_low": 0.8 * mid, "score_mid": mid, "score_high": 0.8 * mid + 0.2,
            "skill_low": skill - 0.5, "skill_mid": skill, "skill_high": skill + 0.5,
        }  # fmt: skip
    return found


def comparison(task="addition", verdict="gradual", p=(0.0, 0.9, 0.04, 0.06, 0.0), **given):
    chances = dict(zip((f"p_{a}" for a in ACCOUNTS), p, strict=True))
    rows = tuple(
        {"slope": a, "height": h, "width": w, **dict(zip(ACCOUNTS, p, strict=True))}
        for a, h, w in GRID
    )
    given = {"reason": "skill grows without a scale of its own", "bands": bands()} | given
    return Comparison(
        curve(task),
        verdict,
        given.pop("kind", None),
        **chances,
        sensitivity=rows,
        at=(10.2, 10.8),
        **given,
    )


def collection(size=12):
    """Curves, and the probability of each account for each of them."""
    share = np.linspace(0.99, 0.02, size)
    p = np.stack([0 * share, 1 - share, 0.3 * share, 0.7 * share, 0 * share], axis=1)
    return tuple(curve(f"task {i}") for i in range(size)), p


def discoveries(size=12):
    curves, p = collection(size)
    lfdr = 1 - p[:, 2] - p[:, 3]
    nothing = np.full(size, np.nan)
    alone = 0.5 * p + 0.1
    return Discoveries(
        curves, p.mean(0), p, alone, lfdr, running_fdr(lfdr), nothing, (), ()
    )  # fmt: skip


def arrivals(size=12):
    curves, p = collection(size)
    p_arrived = p[:, 2] + p[:, 3]
    state = np.where(
        p_arrived > 0.5, "arrived", np.where(np.arange(size) % 2, "waiting", "gradual")
    )
    entry, leave = np.full(size, 8.5), np.full(size, 11.0)
    at = np.linspace(9.0, 10.9, size)
    event = state == "arrived"
    rows = kaplan_meier(np.where(event, at, leave), event, entry)
    return Arrivals(
        curves, state, p_arrived, entry, leave, at, at - 0.3, at + 0.2, rows, 0.3, 0.2, 0.5, 0.4
    )


def forecast():
    whole = curve()
    small, large = (
        curve(score=SCORES[:6], sizes=SIZES[:6]),
        curve(score=SCORES[6:], sizes=SIZES[6:]),
    )
    middle = {name: np.array([0.5, 0.7]) + 0.02 * i for i, name in enumerate(FORECASTS)}
    spread = np.array([0.1, 0.2])
    some = dict.fromkeys(FORECASTS, np.array([0.4, 0.6]))
    return Forecast(
        whole, 5e10, small, large, np.array([0.0, 0.7, 0.1, 0.19, 0.01]),
        dict.fromkeys(FORECASTS, -3.0), some, {n: m - spread for n, m in middle.items()}, middle,
        {n: m + spread for n, m in middle.items()}, some, 0.31, 0.2, 1,
    )  # fmt: skip


def calibrated():
    null = np.linspace(-6.0, 2.0, 200)
    found = Calibration(0.02, 0.44, {0.5: 0.1, 1.0: 0.3, 2.0: 0.8}, 1.3, null)
    return Calibrated(curve(), 1.5, found)
