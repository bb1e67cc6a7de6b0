"""Session 6: your own paper."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from lecture import Chart, Exercise, Session, Slide
from scipy import stats

from emergent_stats import Curve, curves, load
from emergent_stats.results.selection import select

_N = 0.3 * 0.7 / 0.0145**2
_COVER = float(stats.binom.cdf(14, 20, 0.9))


def skill_of(score: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Skill in nats of log cross-entropy; 0 of n and n of n count as half an answer off."""
    inside = np.clip(score, 0.5 / n, 1 - 0.5 / n)
    return -np.log(-np.log(inside))


def extrapolated(curve: Curve, kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, middle and high score at every scale from a line through the first `kept` skills.

    Ordinary least squares on skill; 90 % prediction interval by Student's t.
    """
    s = skill_of(curve.score, curve.effective_n)
    x = curve.x - curve.x[:kept].mean()
    slope, level = np.polyfit(x[:kept], s[:kept], 1)
    left = s[:kept] - level - slope * x[:kept]
    sd = np.sqrt((left**2).sum() / (kept - 2))
    spread = sd * np.sqrt(1 + 1 / kept + x**2 / (x[:kept] ** 2).sum())
    half = stats.t.ppf(0.95, kept - 2) * spread
    middle = level + slope * x
    low, mid, high = (np.exp(-np.exp(-v)) for v in (middle - half, middle, middle + half))
    return low, mid, high


def forecast_chart(curve: Curve, kept: int) -> Chart:
    """Scores, those that were fitted and those held back, and the line's interval."""
    low, mid, high = extrapolated(curve, kept)
    x = curve.x
    chart = Chart(
        f"Scores against scale; a line through the skills of the first {kept} models, and its 90 % "
        "interval for the others",
        (float(x[0]) - 0.1, float(x[-1]) + 0.1), (0.0, 1.0),
        (f"log10 of {curve.axis.replace('params', 'parameters')}", "score"), (900, 400),
    )  # fmt: skip
    chart.line(x, mid, 0, "line in skill").line(x, low, 4, "90 % interval", 2)
    chart.line(x, high, 4, "", 2).dots(x[:kept], curve.score[:kept], 0, "fitted")
    return chart.dots(x[kept:], curve.score[kept:], 1, "held back")


@lru_cache(maxsize=1)
def few_shot() -> list[Curve]:
    """GPT-3's few-shot series by exact match."""
    return curves(select(load("gpt3"), metric=["exact_match"], shots=[50]))


def arrivals(found: list[Curve], level: float) -> list[tuple[str, float]]:
    """Tasks that pass a score, and where: linear between neighbours; sorted by scale in decades."""
    out = []
    for curve in found:
        above = np.flatnonzero(curve.score >= level)
        if above.size and above[0] > 0:
            i = int(above[0])
            y0, y1 = curve.score[i - 1], curve.score[i]
            share = (level - y0) / (y1 - y0)
            out.append(
                (str(curve.key["task"]), float(curve.x[i - 1] + share * np.diff(curve.x)[i - 1]))
            )
    return sorted(out, key=lambda pair: pair[1])


EXERCISES = (
    Exercise(
        "6.1",
        "A table has `score` 45 under `exact_match`. What do you do?",
        "A proportion runs from 0 to 1: divide the column by 100, and say so. The package "
        "refuses 45 "
        "rather than guess.",
        1, 0,
        options=(
            ("Divide the column by 100", "It was a percentage."),
            ("Leave it; the tool will know", "It refuses: nothing is guessed in silence."),
            ("Call it perplexity", "Its metric is not a matter of its size."),
        ),
    ),
    Exercise(
        "6.2",
        "A paper gives .30 ± .0145 (standard error) and no number of questions. How many were "
        "there? "
        "(whole number)",
        f"n = p(1 − p)/se² = {_N:.0f}.",
        2, _N, 6,
        ((float(np.sqrt(0.21) / 0.0145), "Square it: se² = p(1 − p)/n."),
         (0.3 / 0.0145**2, "You left out the factor 1 − p.")),
    ),
    Exercise(
        "6.3",
        "The table says 0 % ± 0.0 for the smallest models. What do you enter as standard error?",
        "None: an error of 0 at 0 of n is an artefact of the formula. Enter n; 0 of n is "
        "information "
        "about the floor.",
        1, 2,
        options=(
            ("0.0, as published", "A score of 0 without error would rule out everything else."),
            ("Nothing, and drop these models", "0 of n says where the floor is; never drop it."),
            ("Nothing; enter n instead", "The interval follows from the count."),
        ),
    ),
    Exercise(
        "6.4",
        "Of 20 held-back scores 14 lie within their 90 % intervals. What is the probability of "
        "14 or "
        "fewer, if the intervals are honest? (four decimals)",
        f"P(Binomial(20, .9) ≤ 14) = {_COVER:.4f}. The intervals are too short, or the scores "
        f"depend "
        "on each other.",
        2, _COVER, 0.0002,
        ((float(stats.binom.pmf(14, 20, 0.9)), "That is exactly 14."),
         (float(stats.binom.cdf(13, 20, 0.9)), "14 itself counts too."),
         (0.7, "That is the share covered.")),
    ),
    Exercise(
        "6.5",
        "Six tasks arrived over three decades of scale, at a constant rate. What is the "
        "probability "
        "that none arrives within the next half decade? (three decimals)",
        "The rate is 2 per decade; e^(−2 · ½) = .368.",
        2, float(np.exp(-1)), 0.001,
        ((float(1 - np.exp(-1)), "That is at least one."),
         (float(np.exp(-2)), "That is a whole decade."),
         (float(np.exp(-3)), "That is with 6 per decade; divide by the three decades.")),
    ),
)  # fmt: skip


def few_shot_data() -> list[dict[str, Any]]:
    """The few-shot series, for the hand-out."""
    return [
        {
            "task": str(c.key["task"]),
            "x": c.x.tolist(),
            "score": c.score.tolist(),
            "n": c.effective_n.tolist(),
        }
        for c in few_shot()
    ]


def subtraction() -> Curve:
    """The series of the example."""
    return next(c for c in few_shot() if c.key["task"] == "3D-")


def _figure() -> str:
    return forecast_chart(subtraction(), subtraction().m - 1).svg()


def _foretold() -> str:
    low, middle, high = (v[-1] for v in extrapolated(subtraction(), subtraction().m - 1))
    return f"{middle:.2f} ({low:.2f} to {high:.2f}), and {subtraction().score[-1]:.2f} was scored"


_FORETOLD = _foretold()


SESSION = Session(
    6,
    "Your own paper",
    90,
    "Cover the largest model of your figure. Write down what you expect it to score, with an "
    "interval that you would bet nine to one on. Then uncover it.",
    "Only your figure can tell. For GPT-3's 3-digit subtraction a line through the first seven "
    f"skills foretells {_FORETOLD}. An interval that misses "
    "was too short, or the skill changed its course: one model cannot say which.",
    (
        "Bring a published table into the columns that an analysis needs, and say what is missing.",
        "Write the paragraph of a verdict: what was weighed, what the answer hangs on.",
        "Forecast the largest model from the others, with an honest interval.",
        "Put arrivals of tasks on a line, and say what a threshold has to do with it.",
    ),
    EXERCISES,
    (
        "Wei et al. 2022, arXiv 2206.07682: abilities are said to be unpredictable from small "
        "models.",
        "Hu et al. 2023, arXiv 2310.03262: they can be predicted at high resolution.",
        "Caballero et al. 2022, arXiv 2210.14891: extrapolation by broken power laws.",
    ),
    (
        Slide("Cover the largest model",
              ("What do you expect?", "An interval that you would bet nine to one on.")),
        Slide("A line in skill",
              ("GPT-3, few-shot 3-digit subtraction, the largest model held back.",), _figure),
        Slide("What a table needs",
              ("A scale, a score from 0 to 1, a metric, the number of questions.",
               "0 of n is information; an error of 0 is none.",
               "Chance, where there is one.")),
        Slide("The paragraph",
              ("What was measured: models, scales, questions, metric.",
               "What was weighed: accounts, priors, noise between models.",
               "What the answer hangs on, and what would decide.")),
    ),
    data=few_shot_data,
)  # fmt: skip
