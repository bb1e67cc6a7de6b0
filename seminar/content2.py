"""Session 2: metrics as links. What a metric can and cannot do."""

from __future__ import annotations

import numpy as np
from lecture import Chart, Exercise, Session, Slide, panels

from emergent_stats import load
from emergent_stats.design.multinomial import GUMBEL_NATS, Toy, gumbel_width
from emergent_stats.model.metrics import METRICS, Brier

#: Lengths of answers that figures show.
LENGTHS = (1, 2, 4, 8, 16, 32)
_P20 = 0.9**20
_SHIFT = float(np.log(16) / 1.5)


def skill_of(score: float) -> float:
    """Skill in nats of log cross-entropy of a model that scores so by exact match."""
    return float(-np.log(-np.log(score)))


def gpt3_pair() -> tuple[float, float, float]:
    """Scores of the two largest GPT-3 models, 3-digit subtraction; decades between them."""
    table = load("gpt3")
    rows = table[(table.task == "3D-") & (table.shots == 50)].sort_values("params")
    (a, b), (x, y) = rows.score.iloc[-2:], np.log10(rows.params.iloc[-2:])
    return float(a), float(b), float(y - x)


_LOW, _HIGH, _APART = gpt3_pair()
_STEEP = (skill_of(_HIGH) - skill_of(_LOW)) / _APART
_GUESS = Brier(options=4.0).chance


def _width(metric: str) -> float:
    """Nats of skill from a tenth to nine tenths of the way up."""
    s = np.linspace(-6.0, 6.0, 60_001)
    share = METRICS[metric]().raw_fraction(s)
    return float(s[np.searchsorted(share, 0.9)] - s[np.searchsorted(share, 0.1)])


EXERCISES = (
    Exercise(
        "2.1",
        "Skill rises by 2 nats per decade. Over how many decades does exact match on 8-token "
        "answers go from 10 % to 90 %? (two decimals)",
        "p^L = exp(−L·e^(−s)) is a Gumbel curve of s. From .1 to .9 s rises by "
        f"ln(ln 10 / −ln .9) = {GUMBEL_NATS:.3f} nats for every L, so {GUMBEL_NATS:.3f}/2 = "
        f"{gumbel_width(2):.2f} decades.",
        2,
        gumbel_width(2.0),
        0.006,
        (
            (
                gumbel_width(2.0) / 8,
                "You divided by L. The length moves the curve; it does not sharpen it.",
            ),
            (gumbel_width(2.0) * 2, "That is the width in nats; divide by the slope."),
            (float(2 * np.log(9) / 2), "That is a logistic curve; p^L is a Gumbel curve."),
        ),
    ),
    Exercise(
        "2.2",
        "At 1.5 nats per decade, by how many decades do 16-token answers lag behind answers of one "
        "token? (two decimals)",
        f"ln(L)/a = ln(16)/1.5 = {_SHIFT:.2f} decades.",
        2,
        _SHIFT,
        0.006,
        (
            (
                float(np.log10(16) / 1.5),
                "That is log10; skill is in nats, so take the natural logarithm.",
            ),
            (16 / 1.5, "The lag grows with the logarithm of L."),
            (float(np.log(16)), "That is the lag in nats; divide by the slope."),
            (0.0, "The width does not depend on L, but the place does."),
        ),
    ),
    Exercise(
        "2.3",
        "A model gets 9 of 10 tokens right. What does it score by exact match on answers of 20 "
        "tokens? (three decimals)",
        f".9^20 = {_P20:.3f}: an excellent model of tokens that fails seven times in eight.",
        1,
        _P20,
        0.0006,
        (
            (0.9, "That is token accuracy; all 20 must be right."),
            (1 - 0.1**20, "That is at least one token right."),
            (1 - _P20, "That is the share of answers with an error."),
        ),
    ),
    Exercise(
        "2.4",
        f"GPT-3 scores {_LOW:.3f} (13B) and {_HIGH:.3f} (175B) in few-shot 3-digit subtraction, "
        f"{_APART:.2f} decades apart. How steep is its skill there, in nats per "
        "decade? (one decimal)",
        f"s = −ln(−ln score): {skill_of(_LOW):.2f} and {skill_of(_HIGH):.2f}; "
        f"the rise over {_APART:.2f} decades is {_STEEP:.1f} nats per decade. Published families "
        "have slopes from about 0.1 to 4. Nothing was measured within the gap.",
        3,
        _STEEP,
        0.06,
        (
            (
                (_HIGH - _LOW) / _APART,
                "That is the slope of the score; first turn scores into skill.",
            ),
            (skill_of(_HIGH) - skill_of(_LOW), "That is the rise in nats; divide by the decades."),
            (
                float((np.log(_HIGH / (1 - _HIGH)) - np.log(_LOW / (1 - _LOW))) / _APART),
                "That is the slope of log odds, another scale of skill.",
            ),
            (
                (np.log(_HIGH) - np.log(_LOW)) / _APART,
                "You took ln(score); skill is −ln(−ln(score)).",
            ),
        ),
    ),
    Exercise(
        "2.5",
        "What is the Brier score (0 to 2, lower is better) of a guesser among four options?",
        f"(1 − ¼)² + 3 · (¼)² = {_GUESS:g}. A Brier score of .5 is better than guessing on the "
        "scale 0 to 2, worse on the scale 0 to 1 (.375): always say which.",
        1,
        _GUESS,
        0.001,
        (
            (_GUESS / 2, "That is the scale 0 to 1; the question has 0 to 2."),
            (0.5625, "You left the three wrong options out."),
            (0.25, "That is the accuracy of a guesser."),
        ),
    ),
    Exercise(
        "2.6",
        "Skill is a straight line in scale. Which change of metric makes the curve of the score "
        "*narrower* in decades?",
        "None of the lengths: p^L has the same width for every L. All-of-five is a length of 5. "
        f"A vote of five is another curve of p, {_width('majority_vote'):.2f}/a decades wide, and "
        f"pass@10 is {_width('pass_at_k'):.2f}/a: narrower by a factor, never a step.",
        2,
        2,
        options=(
            (
                "Exact match on answers twice as long",
                "They come later, and rise over as many decades.",
            ),
            ("All of five answers right", "That is p to the power 5L: a length again."),
            (
                "The majority of five tries",
                "A vote steepens the curve around one half. The same "
                "draws; look at the figure of metrics.",
            ),
        ),
    ),
)


def lengths_chart(slope: float, at: int | None = None) -> Chart:
    """Exact match against decades for several lengths of answers; where that of `at` rises."""
    end = 4.0 if at is None else 8.0
    x = np.linspace(-4.0, end, 361)
    chart = Chart(
        f"Exact match against scale at {slope:g} nats per decade for answers of 1 to 32 tokens: "
        "the same curve, moved to the right",
        (-4.0, end), (0.0, 1.0), ("scale (decades)", "exact match"),
    )  # fmt: skip
    if at is not None:
        chart.line(x, np.exp(-at * np.exp(-slope * x)), 0, "", 7)
    for style, length in enumerate(LENGTHS):
        label = f"{length} token{'s' * (length > 1)}"
        chart.line(x, np.exp(-length * np.exp(-slope * x)), style, label)
    if at is not None:
        for share in (0.1, 0.9):
            place = (skill_of(share) + np.log(at)) / slope
            if -4 <= place <= end:
                chart.mark(float(place))
    return chart


#: Metrics whose curves are put side by side, and their words.
SHOWN = {
    "exact_match": "exact match",
    "token_accuracy": "token accuracy",
    "bleu": "BLEU",
    "pass_at_k": "pass@10",
    "majority_vote": "majority of 5",
    "multiple_choice": "one of 4 options",
}


def metric_charts(toy: Toy, slope: float, n: int, seed: int, leap: float = 0.0) -> list[Chart]:
    """The same skill, drawn and expected, under each metric of `SHOWN`."""
    x, fine = np.linspace(-2.0, 2.0, 9), np.linspace(-2.0, 2.0, 61)
    charts = []
    for name, words in SHOWN.items():
        drawn = [
            toy.score(name, float(skill_at(v, slope, leap)), n, [seed, i]) for i, v in enumerate(x)
        ]
        smooth = [toy.expected(name, float(skill_at(v, slope, leap))) for v in fine]
        alt = f"{words} against scale: drawn scores and their expectation"
        chart = Chart(alt, (-2.0, 2.0), (0.0, 1.0), size=(312, 215), title=words)
        charts.append(chart.line(fine, smooth, 0).dots(x, drawn, 1))
    return charts


def skill_at(x: float, slope: float, leap: float) -> float:
    """A line, and a leap of so many nats in the middle."""
    return slope * x + leap * ((x > 0) - 0.5) + 0.5


def greedy_chart(temperature: float, size: tuple[int, int] = (900, 400)) -> Chart:
    """Score of one question and of many, against skill, at a temperature."""
    s = np.linspace(-2.5, 2.5, 151)
    chart = Chart(
        f"Score against skill at temperature {temperature:g}, for one question and for many of "
        "unlike difficulty",
        (-2.5, 2.5), (0.0, 1.0), ("skill (nats)", "share right (one token)"), size,
    )  # fmt: skip
    for style, (spread, label) in enumerate(((0.0, "one question"), (0.8, "many, .8 nats apart"))):
        toy = Toy(length=1, temperature=temperature, spread=spread)
        chart.line(s, [toy.expected("exact_match", v) for v in s], style, label)
    return chart


def _figure_metrics() -> str:
    alt = "The same draws under six metrics: some look sudden and some gradual"
    return panels(alt, metric_charts(Toy(length=6), 1.2, 200, 1), 3)


SESSION = Session(
    2,
    "Metrics as links",
    90,
    "Answers of 1 token and answers of 32 tokens, scored by exact match, the same smooth skill. "
    "Which curve climbs from 10 % to 90 % over fewer decades? Decide before you move a slider.",
    f"Neither. Both take {GUMBEL_NATS:.3f}/a decades where skill rises by a nats per decade; the "
    "longer answers come later, by ln(32)/a decades.",
    (
        "Write a score as link(skill) + noise, and name the link of a metric.",
        "Derive that exact match rises over 3.084/a decades whatever the length of the answer.",
        "Turn published scores into skill, and a claim of emergence into a claim about a slope.",
        "Say what chance, Brier, votes and greedy decoding do to a smooth skill, and what they "
        "cannot do.",
    ),
    EXERCISES,
    (
        "Schaeffer et al. 2023, arXiv 2304.15004: a nonlinear metric makes a smooth skill look "
        "sudden.",
        "Schaeffer et al. 2024, arXiv 2406.04391: the way from log-probability to accuracy loses "
        "predictability.",
        "Hu et al. 2023, arXiv 2310.03262: predictable at high resolution; F = log(−log pass) is "
        "this skill with its sign turned.",
        "Srivastava et al. 2022, arXiv 2206.04615: breakthroughness and linearity of BIG-bench.",
    ),
    (
        Slide("Which is sharper: 1 token or 32?",
              ("The same smooth skill, exact match.", "Vote before the next slide.")),
        Slide("Neither",
              (f"From 10 % to 90 % takes {GUMBEL_NATS:.3f}/a decades for every length.",
               "The length L moves the curve by ln(L)/a decades."),
              lambda: lengths_chart(1.5).svg()),
        Slide("The same draws, six metrics",
              ("Dots: 200 drawn answers. Lines: expectation.",), _figure_metrics),
        Slide("So what is an artefact?",
              ("A statement about the slope a: is skill that steep plausible without a break?",
               f"GPT-3, 3-digit subtraction, 13B to 175B: {_STEEP:.1f} nats per decade.",
               "Published slopes run from about 0.1 to 4.")),
        Slide("One true discontinuity",
              ("Greedy decoding of one question flips at one scale.",
               "Many questions of unlike difficulty make a ramp."),
              lambda: greedy_chart(0.0).svg()),
    ),
)  # fmt: skip
