"""Session 1: the multinomial and the jump. Noise, patterns, apes."""

from __future__ import annotations

import numpy as np
from lecture import Chart, Exercise, Session, Slide, leaps, noisy_scores, panels, sparks
from scipy import special

from emergent_stats import Curve
from emergent_stats.design.multinomial import Toy, grown

#: Panels of the line-up.
PANELS = 20


def lineup(height: float, seed: int, m: int = 8, n: int = 100, sigma: float = 0.3):
    """(panels, m) scores and the place of the one with a leap of `height` nats; 0: there is none.

    All panels have skill that rises smoothly by the same amount in all; in one of them `height`
    of it comes in the middle gap.
    """
    rng = np.random.default_rng([seed, 7])
    x = np.linspace(-2.0, 2.0, m)
    smooth = 0.5 * x + (height / 4) * x
    scores = noisy_scores(smooth, PANELS, n, sigma, 2, rng)
    place = int(rng.integers(PANELS))
    leap = 0.5 * x + height * ((x > 0) - 0.5)
    scores[place] = noisy_scores(leap, 1, n, sigma, 2, rng)[0]
    return scores, place if height > 0 else None


def lineup_figure(leap: float, seed: int, wide: bool = False, odd: int | None = None) -> str:
    """The panels of a line-up, in rows of five, or seven if `wide`; that at `odd` is orange."""
    columns, size = (7, (158, 125)) if wide else (5, (184, 150))
    charts = []
    for i, row in enumerate(lineup(leap, seed)[0]):
        alt = f"Panel {i + 1}: score against scale"
        chart = Chart(alt, (-2.2, 2.2), (0, 1), size=size, title=f"{i + 1}")
        charts.append(chart.dots(np.linspace(-2, 2, len(row)), row, int(i == odd)))
    return panels("Line-up of twenty panels", charts, columns)


def vote(students: int, votes: int) -> float:
    """Probability that `votes` or more of `students` pick a given panel by luck."""
    # scipy.stats would take seconds to import, and this is the first page
    return float(special.bdtrc(votes - 1, students, 1 / PANELS)) if votes > 0 else 1.0


def said_of_votes(votes: int, students: int, favourite: int, odd: int | None, shown: bool) -> str:
    """What a class is told of its vote for panel `favourite` (from 1), once it is shown."""
    luck = vote(students, votes)
    said = (
        f"{votes} or more of {students} would pick a given panel by luck with probability "
        f"**{luck:.4f}**"
    )
    if not shown:
        return f"{said}; now show which one it was."
    if odd is None:
        return f"{said}. There was **no odd one**: whatever was seen, noise made it."
    if favourite != odd + 1:
        return f"{said}. It was panel {odd + 1}: the favourite was noise."
    if luck > 0.05:
        return f"{said}. It was panel {odd + 1}, but so many find it by luck: nothing is shown."
    return f"{said}. It **was** panel {odd + 1}: the room has seen something."


#: Probability that a class's votes would fall so on the right panel by luck.
SURPRISE = vote(30, 5)


def _zero(n: int = 50) -> float:
    curve = Curve([1e9, 1e10], [0.0, 0.5], "exact_match", n=n)
    return float(curve.intervals()[1][0])


EXERCISES = (
    Exercise(
        "1.1",
        "Thirty students look at a line-up of 20 panels; 5 pick the panel that holds the data. "
        "What is the probability of 5 or more by luck? (four decimals)",
        "Each student picks the right panel by luck with probability 1/20, so the count is "
        f"Binomial(30, 1/20) and P(5 or more) = 1 − P(4 or fewer) = {SURPRISE:.4f}. Students who "
        "talk to each other are not 30 students.",
        2,
        SURPRISE,
        0.0002,
        (
            (SURPRISE - vote(30, 6), "That is exactly 5; luck includes 5 or more."),
            (vote(30, 6), "That is more than 5; 5 itself counts too."),
            (5 / 30, "That is the share of votes, not how likely so large a share is by luck."),
            (1 - SURPRISE, "That is the complement: 4 or fewer."),
        ),
    ),
    Exercise(
        "1.2",
        "A model answers a question right with probability .25. What is the standard error of its "
        "score on 100 questions? (three decimals)",
        "√(p(1 − p)/n) = √(.25 · .75/100) = .043. Two models of the same skill then differ by "
        "√2 · .043 = .061 as a matter of course.",
        1,
        float(np.sqrt(0.25 * 0.75 / 100)),
        0.0006,
        (
            (0.25 * 0.75 / 100, "That is the variance; take its root."),
            (float(np.sqrt(0.25 * 0.75)), "That is the spread of one answer; divide by √n."),
            (float(np.sqrt(0.25 / 100)), "You left out the factor 1 − p."),
        ),
    ),
    Exercise(
        "1.3",
        "A small model gets 0 of 50. What is the upper end of the package's 90 % interval of its "
        "score? (three decimals; Jeffreys: the .95 quantile of Beta(k + ½, n − k + ½))",
        f"The .95 quantile of Beta(.5, 50.5) is {_zero():.3f}. Nought of 50 does not say that the "
        "skill is nought: it says that the score is below about 4 %.",
        2,
        _zero(),
        0.0006,
        (
            (0.0, "0 of 50 was observed; the interval says what else would have given it."),
            (
                0.06,
                "That is the rule of three, 3/n: the upper end of a one-sided 95 % interval "
                "without a prior. Close, but Jeffreys' prior shortens it.",
            ),
            (float(special.betaincinv(0.5, 50.5, 0.975)), "That is the end of a 95 % interval."),
            (float(special.betaincinv(1, 51, 0.95)), "That is a uniform prior, Beta(1, 51)."),
        ),
    ),
    Exercise(
        "1.4",
        "Two hundred tasks, and nothing happens in any of them. A rule calls a jump in 5 % of "
        "smooth curves. How many jumps does its user report?",
        "200 · .05 = 10. None is real, and each comes with a story.",
        1,
        10.0,
        0.01,
        (
            (0.0, "None is real, but the rule errs in 5 % of smooth curves."),
            (190.0, "That many are left alone."),
        ),
    ),
    Exercise(
        "1.5",
        "Per token the right digit has probability .3 and its nearest miss .4. How many times as "
        "likely as the right answer of two tokens is the answer of two nearest "
        "misses? (two decimals)",
        "(.4/.3)² = 1.78. Both come from the same draw; the likelier one is wrong. Nothing in the "
        "machine marks it as a hallucination.",
        1,
        (0.4 / 0.3) ** 2,
        0.006,
        (
            (0.4 / 0.3, "That is one token; both tokens must be drawn."),
            (0.16, "That is the probability of the wrong answer; divide by that of the right one."),
            (0.09 / 0.16, "The other way round."),
        ),
    ),
    Exercise(
        "1.6",
        "Skill rises smoothly and answers are decoded greedily (temperature 0). Which curve is "
        "truly discontinuous in scale?",
        "The score of a single question: its answer changes at the scale at which the right token "
        "becomes the likeliest. Over questions of unlike difficulty these places spread, and the "
        "mean is smooth again.",
        1,
        0,
        options=(
            ("The score of one question", "Its likeliest token changes at one scale."),
            (
                "The mean score of many questions of unlike difficulty",
                "Each has its own place to change; their mean is a ramp.",
            ),
            (
                "The cross-entropy of the right token",
                "It moves smoothly with skill, whatever is decoded.",
            ),
        ),
    ),
)


def _figure_noise(struck: bool) -> str:
    scores = noisy_scores(np.zeros(6), 200, 50, 0.3, 1, 3)
    return sparks(
        "200 curves of noise" + "; those that look like a jump are marked in orange" * struck,
        scores,
        25,
        leaps(scores, 0.04) if struck else (),
        (44, 46),
    )


def _figure_grown() -> str:
    x = np.linspace(0.0, 4.0, 200)
    chart = Chart(
        "Skill made of 1, 5 and 100 steps: a jump, a staircase and a line",
        (0.0, 4.0), (0.0, 2.2), ("scale (decades)", "skill (nats)"),
    )  # fmt: skip
    for style, steps in enumerate((1, 5, 100)):
        label = f"{steps} step{'s' * (steps > 1)}"
        chart.line(x, grown(x, steps, 2.0, seed=1).skill, style, label)
    return chart.svg()


def _figure_draw() -> str:
    s = np.linspace(-2, 4, 200)
    chart = Chart(
        "Probability of the right answer and of the likeliest wrong one against skill, two tokens",
        (-2.0, 4.0), (0.0, 1.0), ("skill (nats)", "probability of the answer"),
    )  # fmt: skip
    q = Toy(lean=0.7).distribution(s)
    chart.line(s, q[:, 0] ** 2, 0, "right answer").line(s, q[:, 1] ** 2, 1, "nearest miss, twice")
    return chart.svg()


SESSION = Session(
    1,
    "The multinomial and the jump",
    90,
    "Twenty labs trained eight models each, and plotted a score. At most one of them saw a skill "
    "leap. Which? Write down a number before you read on: you will be held to it.",
    "None of them. In all twenty panels skill rises along the same straight line; noise of .3 nats "
    "between models, and 100 questions each, made what you saw.",
    (
        "Read a model's answer as a draw from a categorical distribution, right and wrong alike.",
        "Say how often noise alone looks like a jump, for given models, questions and noise.",
        "Test what a room sees with a line-up, and say what its p-value means.",
        "Tell skill that leaps from many small steps, and arrivals from a shared threshold.",
    ),
    EXERCISES,
    (
        "Wei et al. 2022, arXiv 2206.07682: abilities are said to emerge at a threshold of scale.",
        "Schaeffer et al. 2023, arXiv 2304.15004: the metric, its resolution and few large models "
        "make the jump.",
        "Michaud et al. 2023, arXiv 2303.13506: many small steps make a smooth curve.",
        "Zhao et al. 2025, arXiv 2502.17356: runs with unlike seeds fall into two kinds.",
    ),
    (
        Slide("There was no odd one",
              ("In all twenty panels skill rises along the same line.",
               "Noise of .3 nats between models made what you saw.",
               "How many of you chose the same panel, and with which reason?")),
        Slide("Now two hundred tasks: which skill leaps?",
              ("Six models, 50 questions each.",
               "Write down one number between 1 and 200, and your reason."),
              lambda: _figure_noise(False)),
        Slide("None does",
              ("Skill is the same at every scale; models differ by noise of .3 nats.",
               "Marked: all models after some gap beat all before it by .04 or more."),
              lambda: _figure_noise(True)),
        Slide("The machine draws tokens",
              ("Right and wrong answers come out of one distribution.",
               "The mass on the right token sharpens smoothly with scale.",
               "A hallucination is a likely draw."), _figure_draw),
        Slide("A line-up is a test",
              ("Hide the data among 19 simulated null panels.",
               "Each viewer finds it by luck with probability 1/20.",
               f"5 of 30 viewers by luck: {SURPRISE:.3f}.",
               "The null must be one that could have made the data.")),
        Slide("Grown, not built",
              ("A hundred small steps are a line.", "One step is a jump.",
               "What is in between is a question of resolution."), _figure_grown),
        Slide("What to take home",
              ("Noise between models is always there; binomial bars leave it out.",
               "The eye finds its jump in any two hundred curves.",
               "Say what you look for before you look.")),
    ),
    lambda wide: lineup_figure(0.0, 1, wide),
)  # fmt: skip
