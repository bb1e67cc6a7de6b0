"""Made-up curves that come with their truth: for benchmarks, documentation and teaching.

A truth (`truths`) gives skill against scale, a link turns skill into a score,
and a design says what is measured. All formulas are written down once more,
independently of `trends`, `metrics` and `noise`, so that analysing these
curves checks those modules too. Units are those of `truths`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import integrate, special

from emergent_stats.design.truths import TRUTHS, Truth
from emergent_stats.model.axes import AXES
from emergent_stats.model.curve import Curve

#: What the benchmarks range over: lowest and highest value of each part of a design.
RANGES = MappingProxyType(
    {
        "m": (5, 24),
        "m_checkpoints": (30, 200),
        "n": (50, 5000),
        "sigma": (0.0, 0.4),
        "rho": (0.0, 0.9),
    }
)
SPACINGS = ("log", "linear", "uneven")


@dataclass(frozen=True)
class Design:
    """What is measured: how many models, where, on how many examples, how noisy.

    Attributes
    ----------
    m : int
        Models, or checkpoints of one run.
    n : int
        Examples per score.
    sigma : float
        Noise between models in nats of skill.
    rho : float
        Correlation of the noise of neighbours (AR(1)); 0 for independent models.
    link : str
        How skill becomes a score: a name in `LINKS`.
    span : float
        Decades from the first to the last scale, at most 10.
    spacing : {"log", "linear", "uneven"}
        Even in decades, even in the axis' own units, or drawn at random.
    axis : str
        params, tokens, flops or step.
    plateaus : bool
        Draw a guess rate and a lapse rate (both about 2 %); else the score
        runs from chance to 1.
    """

    m: int = 8
    n: int = 500
    sigma: float = 0.1
    rho: float = 0.0
    link: str = "exact_match"
    span: float = 4.0
    spacing: str = "log"
    axis: str = "params"
    plateaus: bool = True

    def __post_init__(self) -> None:
        if self.m < 2 or self.n < 1:
            raise ValueError(f"a design needs m >= 2 and n >= 1, got m={self.m}, n={self.n}")
        if not (0 <= self.rho < 1) or self.sigma < 0 or not 0 < self.span <= 10:
            raise ValueError(
                "a design needs sigma >= 0, 0 <= rho < 1 and 0 < span <= 10, got "
                f"sigma={self.sigma:g}, rho={self.rho:g}, span={self.span:g}"
            )
        if self.link not in LINKS:
            raise ValueError(f"unknown link {self.link!r}; use one of {', '.join(LINKS)}")
        if self.spacing not in SPACINGS:
            raise ValueError(f"unknown spacing {self.spacing!r}; use one of {', '.join(SPACINGS)}")
        if self.axis not in AXES or not AXES[self.axis].logarithmic:
            raise ValueError(f"axis must be params, tokens, flops or step, got {self.axis!r}")

    def scales(self, rng: np.random.Generator) -> np.ndarray:
        """(m,) scales in decades from the centre; they span `span` exactly."""
        half = 0.5 * self.span
        if self.spacing == "log":
            return np.linspace(-half, half, self.m)
        if self.spacing == "linear":
            return np.log10(np.linspace(10.0**-half, 10.0**half, self.m))
        gaps = rng.uniform(0.3, 1.7, self.m - 1)
        return -half + self.span * np.concatenate([[0.0], np.cumsum(gaps) / gaps.sum()])

    def noise(self, rng: np.random.Generator) -> np.ndarray:
        """(m,) noise between models in nats: stationary AR(1) with correlation `rho`."""
        fresh = rng.standard_normal(self.m)
        for i in range(1, self.m):
            fresh[i] = self.rho * fresh[i - 1] + np.sqrt(1 - self.rho**2) * fresh[i]
        return self.sigma * fresh


# --- links: score from skill -------------------------------------------------------------
#: Answer lengths in tokens and their shares in `exact_match_mixed`.
LENGTHS = ((1, 0.4), (2, 0.3), (4, 0.2), (8, 0.1))


def _single(raw: Any) -> Any:
    return np.exp(-np.exp(-raw))


def _mixed(raw: Any) -> Any:
    return sum(share * np.exp(-length * np.exp(-raw)) for length, share in LENGTHS)


def _forced_choice(raw: Any, options: int = 4) -> Any:
    """Way from chance to 1 of the signal-detection model with d′ = e^raw, by the trapezoid rule."""
    z = np.linspace(-8.0, 8.0, 641)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    d = np.exp(np.minimum(np.asarray(raw, float), 3.0))[..., None]
    right = integrate.trapezoid(density * special.ndtr(z + d) ** (options - 1), z, axis=-1)
    return (right * options - 1) / (options - 1)


@dataclass(frozen=True)
class Link:
    """How skill becomes a score.

    Attributes
    ----------
    metric : str
        Name in `METRICS` under which the curve is analysed.
    chance : float
        Chance level that the curve states; NaN where it has none.
    fraction : callable
        Way from chance to top, 0..1, against uncentred skill.
    inside : bool
        Whether the package's metric has the same formula.
    graded : bool
        Partial credit per answer instead of right or wrong.
    """

    metric: str
    chance: float
    fraction: Callable[[Any], Any]
    inside: bool = True
    graded: bool = False

    def rates(self, rng: np.random.Generator, plateaus: bool) -> tuple[float, float]:
        """Guess and lapse rate: Beta(1, 50) each, but the guess rate is chance where that is known.

        Without plateaus: chance (or 0), and 0.
        """
        drawn = rng.beta(1.0, 50.0, size=2) if plateaus else np.zeros(2)
        return (float(drawn[0]) if np.isnan(self.chance) else self.chance), float(drawn[1])


LINKS = MappingProxyType(
    {
        "exact_match": Link("exact_match", float("nan"), _single),
        "exact_match_mixed": Link("exact_match", float("nan"), _mixed, inside=False),
        "multiple_choice": Link("multiple_choice", 0.25, _forced_choice),
        "graded": Link("f1", float("nan"), _single, inside=False, graded=True),
    }
)


@lru_cache(maxsize=16)
def halfway(link: str) -> float:
    """Uncentred skill at which the score is half-way between chance and top."""
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = float(LINKS[link].fraction(np.array(middle))) < 0.5
        low, high = (middle, high) if below else (low, middle)
    return 0.5 * (low + high)


def expected_score(skill: Any, link: str, guess: float, lapse: float) -> np.ndarray:
    """Expected score of models whose skill, measured from half-way, is `skill`."""
    return guess + (1 - guess - lapse) * LINKS[link].fraction(halfway(link) + np.asarray(skill))


def simulate_curve(
    truth: Truth | str, design: Design | None = None, seed: int | Sequence[int] = 0
) -> tuple[Curve, dict[str, Any]]:
    """Make one curve up.

    Parameters
    ----------
    truth : Truth or str
        A name in `TRUTHS`, or a truth of your own.
    design : Design, optional
    seed : int or sequence of int

    Returns
    -------
    curve : Curve
    truth : dict
        name, account, inside (trend, link and noise are all the package's
        own), parameters, guess, lapse, x and skill without noise, noise,
        expected score (noise included), and the design; plain numbers and
        lists, ready for JSON.

    Raises
    ------
    ValueError
        For an unknown truth.

    Examples
    --------
    >>> curve, truth = simulate_curve("step", Design(m=6), seed=1)
    >>> curve.m, truth["account"]
    (6, 'jump')
    """
    if isinstance(truth, str):
        if truth not in TRUTHS:
            raise ValueError(f"unknown truth {truth!r}; use one of {', '.join(TRUTHS)}")
        truth = TRUTHS[truth]
    design = design or Design()
    link = LINKS[design.link]
    rng = np.random.default_rng(seed)
    x = design.scales(rng)
    parameters = truth.draw(rng, 0.5 * design.span, 1)
    skill = np.broadcast_to(truth.skill(x, **parameters), (1, design.m))[0]
    guess, lapse = link.rates(rng, design.plateaus)
    noise = design.noise(rng)
    expected = np.clip(expected_score(skill + noise, design.link, guess, lapse), 0.0, 1.0)
    score = _observe(rng, expected, design.n, link.graded)
    curve = Curve(
        10.0 ** (x + 10.0),
        score,
        link.metric,
        axis=design.axis,
        n=np.full(design.m, float(design.n)),
        chance=link.chance,
        key={"study": "simulated", "family": truth.name, "task": design.link},
    )
    return curve, {
        "name": truth.name,
        "account": truth.account,
        "inside": truth.inside and link.inside and design.rho == 0,
        "parameters": {
            k: v[0].tolist() if v[0].size > 1 else v.item() for k, v in parameters.items()
        },
        "guess": guess,
        "lapse": lapse,
        "x": x.tolist(),
        "skill": skill.tolist(),
        "noise": noise.tolist(),
        "expected": expected.tolist(),
        "design": asdict(design),
    }


def _observe(rng: np.random.Generator, expected: np.ndarray, n: int, graded: bool) -> np.ndarray:
    """Mean score of n answers: right or wrong, or Beta-distributed credit with the same mean."""
    if not graded:
        return rng.binomial(n, expected) / n
    # a Beta needs both shapes above 0; total 2 gives a third of the variance of right or wrong
    mean = np.clip(expected, 1e-6, 1 - 1e-6)
    return np.array([rng.beta(2 * mu, 2 * (1 - mu), size=n).mean() for mu in mean])


def draw_design(seed: int | Sequence[int] = 0, checkpoints: bool = False) -> Design:
    """Draw a design from `RANGES`: n log-uniform; checkpoints are even in steps and correlated."""
    rng = np.random.default_rng(seed)
    u = dict(zip(RANGES, rng.uniform(size=len(RANGES)), strict=True))
    between = {k: low + u[k] * (high - low) for k, (low, high) in RANGES.items()}
    few, many = RANGES["n"]
    return Design(
        m=round(between["m_checkpoints" if checkpoints else "m"]),
        n=round(few * (many / few) ** u["n"]),
        sigma=between["sigma"],
        rho=between["rho"] if checkpoints else 0.0,
        link=str(rng.choice(list(LINKS))),
        spacing="linear" if checkpoints else "uneven",
        span=2.0 if checkpoints else 4.0,
        axis="step" if checkpoints else "params",
    )
