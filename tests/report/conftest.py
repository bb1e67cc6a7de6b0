"""Comparisons to report on that cost nothing: numbers are made up, and hang together."""

from dataclasses import replace

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.verdict.comparison import Comparison

EVIL = "<script>alert(1)</script>"


def comparison(task="sums", verdict="gradual", p=(0.01, 0.9, 0.04, 0.04, 0.01), **changes):
    """Comparison of eight sizes whose hypotheses, one an account, have the probabilities `p`."""
    curve = Curve(
        np.logspace(8, 11, 8), [0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.7], "exact_match", n=100,
        key={"study": "mine", "family": "F", "task": task, "shots": 0, "seed": None},
    )  # fmt: skip
    x = np.logspace(8, 11, 9)
    band = {f"score_{part}": np.linspace(0, 0.8, 9) for part in ("low", "mid", "high")}
    band |= {f"skill_{part}": np.linspace(-3, 1, 9) for part in ("low", "mid", "high")} | {"x": x}
    cells = [
        {"slope": s, "height": h, "width": w, **dict(zip(ACCOUNTS, p, strict=True))}
        for s in (0.5, 1.0, 2.0) for h in (0.5, 1.0, 2.0) for w in (0.5, 1.0, 2.0)
    ]  # fmt: skip
    rows = [
        {"hypothesis": f"h_{account}", "account": account,
         "log_evidence": -30.0 + np.log(value + 1e-12), "error": 0.02, "probability": value,
         "effective": 100.0, "pareto_k": 0.1, "warning": ""}
        for account, value in zip(ACCOUNTS, p, strict=True)
    ]  # fmt: skip
    made = Comparison(
        curve, verdict, None, "skill grows smoothly: P(gradual) = 0.900; power not simulated", True,
        *p, log_bf=-2.4, log_bf_error=0.1, at=(9.0, 10.0), rise=(0.6, 0.8),
        largest_gap="between 1B and 3B parameters", hypotheses=tuple(rows),
        sensitivity=tuple(cells), bands={account: band for account in ACCOUNTS},
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def made():
    return comparison
