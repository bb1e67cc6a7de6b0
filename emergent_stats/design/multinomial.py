"""A toy language model that is nothing but a multinomial, with its truth attached.

The next token is one of ten digits. The mass on the right one is
p = exp(−e^(−s)) for a model of skill s (as in `metrics`), the rest is spread
over near misses, and an answer is a string of draws. Nothing in it is sudden:
what looks sudden is made by the metric, by greedy decoding of a single
question, or by chance. A wrong answer comes from the same draw as a right one.

`grown` makes skill of many small steps or of one, `bimodal` runs that have or
have not learnt, `buds` many skills that each arrive by themselves or that only
share the threshold of a metric. Skill is in nats of log cross-entropy and not
centred, x in decades, widths are 10–90 % widths in decades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import METRICS

#: The vocabulary, and the order in which digits are mistaken for a right one: near ones first.
TOKENS = "0123456789"
_NEAR = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5)
#: BLEU takes n-grams up to this length.
_GRAMS = 4
#: Options of a forced choice.
OPTIONS = 4
#: Questions that stand for all, where difficulty is spread.
_QUANTILES = special.ndtri((np.arange(2000) + 0.5) / 2000)
#: Distance in skill from a tenth to nine tenths of p^L, whatever L.
GUMBEL_NATS = float(np.log(np.log(10.0) / -np.log(0.9)))


def gumbel_width(slope: float) -> float:
    """10–90 % width in decades of p^L where skill rises by `slope` nats per decade, for every L.

    Examples
    --------
    >>> round(gumbel_width(1.0), 3)
    3.084
    """
    if not slope > 0:
        raise ValueError(f"a rise needs a slope above 0, got {slope:g}")
    return GUMBEL_NATS / slope


@dataclass(frozen=True)
class Toy:
    """How the toy answers.

    Attributes
    ----------
    length : int
        Tokens of an answer.
    temperature : float
        Of the draw: 1 draws from the model's own distribution, 0 takes the likeliest token.
    spread : float
        Standard deviation, in nats of skill, of the difficulty of questions.
    lean : float
        How much the wrong mass leans to the nearest miss: 0 spreads it evenly, 1 puts all on it.
    """

    length: int = 4
    temperature: float = 1.0
    spread: float = 0.0
    lean: float = 0.4

    def __post_init__(self) -> None:
        if not (self.length >= 1 and self.temperature >= 0 and self.spread >= 0):
            raise ValueError(
                "a toy needs length >= 1, temperature >= 0 and spread >= 0, got "
                f"{self.length}, {self.temperature:g}, {self.spread:g}"
            )
        if not 0 <= self.lean <= 1:
            raise ValueError(f"lean must lie between 0 and 1, got {self.lean:g}")

    def distribution(self, skill: Any) -> np.ndarray:
        """(…, 10) probabilities of the right token and its near misses, at this temperature."""
        p = np.exp(-np.exp(-np.asarray(skill, float)))[..., None]
        wrong = (1 - self.lean) ** np.arange(len(TOKENS) - 1)
        q = np.concatenate([p, (1 - p) * wrong / wrong.sum()], axis=-1)
        if self.temperature == 1:
            return q
        if self.temperature == 0:
            return np.eye(len(TOKENS))[q.argmax(-1)]
        with np.errstate(divide="ignore"):
            return special.softmax(np.log(q) / self.temperature, axis=-1)

    def right(self, skill: Any) -> np.ndarray:
        """Probability that a token is right, at this temperature."""
        return self.distribution(skill)[..., 0]

    def draw(self, skill: float, n: int, tries: int = 1, seed: Any = 0) -> np.ndarray:
        """(n, tries, length) ranks of drawn tokens: 0 is right, 1 the nearest miss, and so on."""
        rng = np.random.default_rng(seed)
        q = self.distribution(skill + self.spread * rng.standard_normal(n)).cumsum(-1)
        u = rng.uniform(size=(n, tries, self.length)) * q[:, -1, None, None]
        return (u[..., None] >= q[:, None, None, :]).sum(-1)

    def likeliest(self, skill: float, target: str, most: int = 8) -> list[tuple[str, float]]:
        """Likeliest answers and their probabilities, the right one among all others."""
        q = self.distribution(skill)
        best = [("", 1.0)]
        for digit in target:
            longer = [
                (text + word(digit, rank), p * share)
                for text, p in best
                for rank, share in enumerate(q)
            ]
            best = sorted(longer, key=lambda pair: -pair[1])[:most]
        return [pair for pair in best if pair[1] > 0]

    # --- scores ---------------------------------------------------------------------------
    def expected(self, metric: str, skill: float) -> float:
        """Expected score under a metric: the closed form, averaged over difficulty."""
        s = skill + self.spread * (_QUANTILES if self.spread > 0 else np.zeros(1))
        q = self.distribution(s)
        p, (tries, need) = q[:, 0], _tries(metric)
        if metric == "bleu":
            grams = np.arange(1, min(_GRAMS, self.length) + 1)
            return float(np.prod((p[:, None] ** grams).mean(0)) ** (1 / grams.size))
        if metric in _LOSSES:
            return _of_loss(metric, float(-np.log(p).mean()))
        if metric == "brier":
            return float(_brier(q).mean())
        if metric == "multiple_choice":
            z = np.linspace(-8.0, 8.0, 801)
            phi = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
            return float(np.mean([phi @ special.ndtr(z + d) ** (OPTIONS - 1) for d in np.exp(s)]))
        if metric in _SHARES:
            return float((1 - p if metric == "edit_distance" else p).mean())
        a = p**self.length
        return float(special.betainc(need, tries - need + 1, a).mean())

    def score(self, metric: str, skill: float, n: int, seed: Any = 0) -> float:
        """Score of n drawn answers under a metric: a name in `METRICS`.

        Tokens are compared place by place. BLEU is that of the whole set, up to
        four tokens at a time. Losses and Brier are read from the distribution
        of every question; a forced choice takes the best of four noisy options.

        Raises
        ------
        ValueError
            For an unknown metric.
        """
        tries, need = _tries(metric)
        rng = np.random.default_rng(seed)
        if metric in _LOSSES or metric in ("brier", "multiple_choice"):
            s = skill + self.spread * rng.standard_normal(n)
            if metric == "multiple_choice":
                z = rng.standard_normal((n, OPTIONS))
                return float((z[:, 0] + np.exp(s) > z[:, 1:].max(1)).mean())
            q = self.distribution(s)
            if metric == "brier":
                return float(_brier(q).mean())
            return _of_loss(metric, float(-np.log(q[:, 0]).mean()))
        right = self.draw(skill, n, tries, rng) == 0
        if metric == "bleu":
            grams = range(1, min(_GRAMS, self.length) + 1)
            shares = [
                np.lib.stride_tricks.sliding_window_view(right, g, axis=2).all(-1).mean()
                for g in grams
            ]
            return float(np.prod(shares) ** (1 / len(shares)))
        if metric in _SHARES:
            share = float(right.mean())
            return 1 - share if metric == "edit_distance" else share
        return float((right.all(2).sum(1) >= need).mean())


_LOSSES = ("cross_entropy", "perplexity", "bits_per_byte")
_SHARES = ("token_accuracy", "edit_distance", "f1", "rouge")


def word(digit: str, rank: int) -> str:
    """Token that stands at `rank` where `digit` is right."""
    return TOKENS[(int(digit) + _NEAR[rank]) % 10]


def _of_loss(metric: str, loss: float) -> float:
    """A cross-entropy in the units of `metric`, one byte a token."""
    if metric == "perplexity":
        return float(np.exp(loss))
    return loss / np.log(2.0) if metric == "bits_per_byte" else loss


def _brier(q: np.ndarray) -> np.ndarray:
    return (1 - q[..., 0]) ** 2 + (q[..., 1:] ** 2).sum(-1)


def _tries(metric: str) -> tuple[int, int]:
    """Answers to a question, and how many must be right; as the package's metric has it."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; use one of {', '.join(METRICS)}")
    given: Any = METRICS[metric]()
    if metric == "pass_at_k":
        return int(given.k), 1
    if metric == "majority_vote":
        return given.k, (given.k + 1) // 2
    if metric == "all_of":
        return int(given.k), int(given.k)
    if metric == "threshold":
        return given.parts, int(np.ceil(given.q * given.parts - 1e-9))
    return 1, 1


def measure(
    toy: Toy, x: Any, skill: Any, metric: str = "exact_match", n: int = 200, seed: int = 0
) -> tuple[Curve, dict[str, Any]]:
    """Score models of given skill on n drawn answers each.

    Parameters
    ----------
    toy : Toy
    x : (m,) array
        Scale in decades.
    skill : (m,) array
        In nats, not centred.
    metric : str
    n : int
    seed : int

    Returns
    -------
    curve : Curve
        Ready to be judged. Continuous metrics carry no standard error.
    truth : dict
        The toy, x, skill and the expected scores; plain numbers, ready for JSON.
    """
    x, skill = np.asarray(x, float), np.asarray(skill, float)
    score = [toy.score(metric, float(s), n, [seed, i]) for i, s in enumerate(skill)]
    expected = [toy.expected(metric, float(s)) for s in skill]
    chance = {"multiple_choice": 1 / OPTIONS, "brier": 1 - 1 / len(TOKENS)}
    continuous = METRICS[metric].continuous
    curve = Curve(
        10.0**x,
        np.array(score),
        metric,
        n=np.empty(0) if continuous else np.full(x.size, float(n)),
        chance=chance.get(metric, float("nan")),
        key={"study": "multinomial", "family": "toy", "task": f"{toy.length} tokens"},
    )
    truth = {"x": x.tolist(), "skill": skill.tolist(), "expected": expected, "metric": metric}
    return curve, truth | {"toy": asdict(toy), "n": n}


# --- grown: skill made of steps -----------------------------------------------------------
@dataclass(frozen=True)
class Grown:
    """Skill (…, m) at `x`, what it is made of, and the account that is right about it."""

    x: np.ndarray
    skill: np.ndarray
    account: str
    truth: dict[str, Any]


def grown(x: Any, steps: int, height: float, level: float = 0.0, seed: Any = 0) -> Grown:
    """Skill that rises by `height` nats in equal steps at random places of the range of x.

    Many steps make a smooth curve (Michaud et al. 2023, arXiv 2303.13506), one a jump. Expected
    skill is a straight line, and its variance around that falls as 1/steps.
    """
    if steps < 1:
        raise ValueError(f"skill grows in 1 step or more, got {steps}")
    x = np.asarray(x, float)
    places = np.sort(np.random.default_rng(seed).uniform(x.min(), x.max(), steps))
    skill = level + height * (x[:, None] > places).mean(1)
    # a step that cannot be seen beside a nat is no jump
    account = "jump" if height / steps >= _VISIBLE else "gradual"
    return Grown(x, skill, account, {"places": places.tolist(), "height": height / steps})


#: Nats of a step in `grown` that counts as a jump by itself: it divides cross-entropy by 1.65.
_VISIBLE = 0.5


def bimodal(
    x: Any, seeds: int, height: float, place: float, width: float, level: float = 0.0, seed: Any = 0
) -> Grown:
    """Skill (seeds, m) of runs that have learnt (`height` nats more) or have not.

    The share that has grows logistically over `width` decades around `place`: each run is one of
    two kinds, their mean is smooth (Zhao et al. 2025, arXiv 2502.17356).
    """
    x = np.asarray(x, float)
    share = special.expit(2 * np.log(9.0) * (x - place) / width)
    learnt = np.random.default_rng(seed).uniform(size=(seeds, x.size)) < share
    truth = {"share": share.tolist(), "learnt": learnt.tolist()}
    return Grown(x, level + height * learnt, "jump", truth)


# --- buds: many skills --------------------------------------------------------------------
@dataclass(frozen=True)
class Buds:
    """Skill (skills, m) at `x` of many skills, and where each arrives, sorted, in decades."""

    x: np.ndarray
    skill: np.ndarray
    arrivals: np.ndarray
    account: str


def buds(x: Any, rate: float, height: float, level: float = 0.0, seed: Any = 0) -> Buds:
    """Skills that arrive by themselves, `rate` per decade: a Poisson process; each is a step."""
    x, rng = np.asarray(x, float), np.random.default_rng(seed)
    count = rng.poisson(rate * (x.max() - x.min()))
    places = np.sort(rng.uniform(x.min(), x.max(), count))
    return Buds(x, level + height * (x > places[:, None]), places, "jump")


def sharers(
    x: Any, skills: int, slope: float, passing: float, spread: float, seed: Any = 0
) -> Buds:
    """Smooth skills of one slope that pass the threshold of a metric at nearly the same scale.

    All rise by `slope` nats per decade from levels `spread` nats apart; a metric that credits skill
    above `passing` shows them arriving spread/slope decades apart around passing/slope, though
    nothing has happened to any of them.
    """
    x = np.asarray(x, float)
    levels = -np.sort(-spread * np.random.default_rng(seed).standard_normal(skills))
    return Buds(x, levels[:, None] + slope * x, (passing - levels) / slope, "gradual")


def arrival_gaps(arrivals: Sequence[float] | np.ndarray) -> np.ndarray:
    """Gaps between successive arrivals, in decades; of a Poisson process they are exponential."""
    return np.diff(np.sort(np.asarray(arrivals, float)))
