"""Series with verdicts that nobody computed, under names that nobody should trust."""

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.report.atlas.records import Entry
from emergent_stats.report.atlas.site import Collection
from emergent_stats.verdict.comparison import ROW

HOSTILE = "</script><img src=x onerror=\"document.title='x'\">\u2028'\\\"&\u202e__proto__👩\u200d💻"
#: What of it a page shows.
SHOWN = HOSTILE.replace("\u2028", " ").replace("\u202e", "")
X = np.geomspace(1e8, 1e11, 6)


def entry(task, verdict="gradual", p_break=0.04, *, family="Toy", study="toy", shots=5, kind=None):
    """Entry of a made-up series, with the band of its account."""
    score = np.array([0.02, 0.05, 0.12, 0.3, 0.5, 0.62])
    key = {"study": study, "family": family, "task": task, "shots": shots, "seed": None}
    curve = Curve(X, score, "exact_match", n=np.full(6, 400.0), key=key)
    p = dict.fromkeys(ACCOUNTS, 0.0) | {"jump": p_break, "gradual": 1 - p_break}
    row = dict.fromkeys(ROW) | {
        **key, "metric": "exact_match", "axis": "params", "m": 6, "verdict": verdict, "kind": kind,
        "reason": f"made up for {task}", "lean": "gradual 6 : 1 (positive)", "robust": True,
        "at_low": 9.1, "at_high": 10.2, "rise_low": 0.5, "rise_high": 0.7, "log_bf": -2.0,
        "log_bf_error": 0.1, "warnings": f"n is a guess; so is {task}", "apparent_jump": False,
        **{f"p_{account}": value for account, value in p.items()},
    }  # fmt: skip
    band = {"x": X, "score_low": score * 0.8, "score_mid": score, "score_high": score * 1.2}
    cells = [
        {"slope": s, "height": 1.0, "width": 1.0, "onset": 0.0, "jump": p_break} for s in (1, 2)
    ]
    return Entry(curve, row, {"gradual": band, "jump": band}, cells)


def collection(entries, left_out=3):
    """Collection of them: as if from a file of that name."""
    sources = {str(one.row["study"]): "my results.csv" for one in entries}
    return Collection([one.curve for one in entries], left_out, sources)
