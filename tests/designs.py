"""Random designs for tests and benchmarks: any metric, size and length, extremes included."""

from __future__ import annotations

import numpy as np

from emergent_stats.model.curve import Curve

#: Metrics that are drawn, each with the chance levels it may have.
METRICS = {
    "exact_match": (float("nan"),),
    "multiple_choice": (0.5, 1 / 3, 0.25, 0.2, 0.1, 1 / 41),
    "token_accuracy": (float("nan"), 0.25),
    "edit_distance": (float("nan"),),
    "f1": (float("nan"), 0.5),
    "bleu": (float("nan"),),
    "pass_at_k": (float("nan"),),
    "brier": (0.5, 0.75),
    "cross_entropy": (float("nan"),),
    "perplexity": (float("nan"),),
    "bits_per_byte": (float("nan"),),
}
#: Numbers of models and of examples, both log-uniform between these.
MODELS, EXAMPLES = (4, 200), (1, 1e7)
_LOSSES = ("cross_entropy", "perplexity", "bits_per_byte")


def random_curve(seed: int, metric: str | None = None, most: int = MODELS[1]) -> Curve:
    """Curve number `seed`: the same for the same number.

    Parameters
    ----------
    seed : int
    metric : str, optional
        One of `METRICS`; default one of them at random.
    most : int
        Largest number of models.
    """
    rng = np.random.default_rng([2016, seed])
    name = metric or str(rng.choice(list(METRICS)))
    chance = float(rng.choice(METRICS[name]))
    m = round(float(np.exp(rng.uniform(np.log(MODELS[0]), np.log(most)))))
    n = np.floor(10 ** rng.uniform(*np.log10(EXAMPLES))) * np.ones(m)
    if rng.random() < 0.3:  # as many as tests often have
        n = np.floor(10 ** rng.uniform(1.5, 3.5)) * np.ones(m)
    if rng.random() < 0.2:
        n = np.floor(10 ** rng.uniform(*np.log10(EXAMPLES), m))
    x = _scales(rng, m)
    share = _shares(rng, x)
    key = {"study": "random", "task": str(seed)}
    if name in _LOSSES:
        score = np.exp(rng.uniform(-1, 1.5) - rng.uniform(-0.2, 0.5) * x) + rng.choice([0, 1.7])
        score = score * np.exp(rng.choice([0, 0.01, 0.2]) * rng.standard_normal(m))
        score = 1 + score if name == "perplexity" else score
        error = 10 ** rng.uniform(-4, -0.5) * score if rng.random() < 0.5 else np.full(m, np.nan)
        return Curve(10**x * 1e9, score, name, stderr=error, key=key)
    if name == "brier":
        score = np.clip(chance * (1 - share) + 0.02 * rng.standard_normal(m), 0.0, 2.0)
        return Curve(10**x * 1e9, score, name, n=n, chance=chance, key=key)
    base = chance if np.isfinite(chance) else rng.choice([0.0, 0.0, 0.01, 0.1])
    p = np.clip(base + (1 - base) * share, 0.0, 1.0)
    right = rng.binomial(n.astype(int), p)
    # often rounded, as published scores are
    score = right / n if rng.random() < 0.5 else np.round(right / n, int(rng.integers(2, 5)))
    score = 1.0 - score if name == "edit_distance" else score
    return Curve(10**x * 1e9, score, name, n=n, chance=chance, key=key)


def _scales(rng: np.random.Generator, m: int) -> np.ndarray:
    """Scales in decades, even or clustered, now and then several models of one scale."""
    x = np.linspace(0, rng.uniform(0.4, 5), m)
    if rng.random() < 0.5:
        x = np.sort(rng.uniform(x[0], x[-1], m))
    if m > 8 and rng.random() < 0.2:
        x[1 : m // 2 : 2] = x[0 : m // 2 - 1 : 2]
    return x - x[m // 2]


def _shares(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Way from chance (0) to the top (1) at each scale; below 0 is below chance."""
    kind = rng.integers(7)
    skill = rng.normal(0, 2) + rng.normal(0, 1) * x
    if kind == 1:
        skill = skill + rng.choice([-1, 1]) * rng.uniform(0.5, 8) * (x > rng.choice(x))
    skill = skill + rng.choice([0, 0, 0.1, 1.0]) * rng.standard_normal(x.size)
    if kind == 6:  # a little above chance, up and down without any order
        return rng.uniform(0.02, 0.25) * rng.uniform(0.3, 1.0, x.size)
    share = np.exp(-np.exp(-np.clip(skill, -50, 50)))
    if kind == 2:  # at and below chance
        return -rng.uniform(0, 0.5) * rng.random() + 0.02 * rng.standard_normal(x.size)
    if kind == 3:  # nothing but extremes
        return (rng.random(x.size) < 0.5) * 1.0
    if kind == 4:  # a floor, then a top
        return (x > rng.choice(x)) * 1.0
    if kind == 5:  # one model that is off
        share[rng.integers(x.size)] = rng.choice([0.0, 1.0])
    return share
