"""Session 5: can this design tell."""

from __future__ import annotations

from functools import lru_cache

import gauss
import numpy as np
from lecture import Chart, Exercise, Session, Slide

from emergent_stats import Claim, Plan, outlook
from emergent_stats.verdict.formula import LEAST_VARIANCE, step_power

_LAMBDA = 0.5 / (0.2**2 + LEAST_VARIANCE / 300)
_SMOOTH, _BROKEN, _POWER, _SIZE = 75, 10, 0.6, 0.05
FALSE = _SMOOTH * _SIZE / (_SMOOTH * _SIZE + _BROKEN * _POWER)
#: The design of the question, and a promised and an honest power of it.
_ASKED = Plan.even(8, 4.0, n=300, sigma=0.15)
_PROMISED, _HONEST = step_power(_ASKED, 1.0), outlook(_ASKED, Claim("jump", 1.0)).found

#: Numbers of models at which the textbook's power is drawn.
_MODELS = (4, 6, 8, 12, 18, 32)


@lru_cache(maxsize=256)
def _powers(span: float, n: float, sigma: float) -> dict[float, list[float]]:
    """Textbook power at `_MODELS` by height of the step."""
    plans = [Plan.even(m, span, n=n, sigma=sigma) for m in _MODELS]
    return {h: [step_power(p, h) for p in plans] for h in (0.5, 1.0, 2.0)}


def power_chart(span: float, n: float, sigma: float, at: int) -> Chart:
    """Textbook power of a step against a line, against the number of models."""
    chart = Chart(
        "Power of the textbook's test of a step against the number of models, for steps of half a "
        "nat, one and two",
        (4.0, 32.0), (0.0, 1.0), ("models", "power (textbook)"), (900, 380),
    )  # fmt: skip
    for style, (height, power) in enumerate(_powers(span, n, sigma).items()):
        chart.line(_MODELS, power, style, f"{height:g} nat{'s' * (height != 1)}")
    return chart.mark(float(at))


def floor_chart(n: float, height: float, slope: float, sigma: float) -> Chart:
    """Bayes floor against noise between models, for designs of several sizes."""
    noises = np.linspace(0.02, 0.6, 13)
    chart = Chart(
        "Smallest error of any rule against the noise between models, for 5, 8 and 16 models",
        (0.0, 0.6), (0.0, 0.5), ("noise between models (nats)", "smallest error of any rule"),
        (900, 380),
    )  # fmt: skip
    for style, m in enumerate((5, 8, 16)):
        error = [gauss.floor(m, s, n, slope, height, 400) for s in noises]
        chart.line(noises, error, style, f"{m} models")
    return chart.mark(sigma)


def false_share(tasks: int, broken: int, power: float, size: float) -> float:
    """Share of the calls that are false."""
    false, true = (tasks - broken) * size, broken * power
    return false / (false + true) if false + true > 0 else 0.0


EXERCISES = (
    Exercise(
        "5.1",
        "Noise between models is .2 nats. Beyond how many questions do more of them help little? "
        "(whole number; 1.54/σ²)",
        f"{LEAST_VARIANCE:.2f}/.2² = {LEAST_VARIANCE / 0.04:.0f}: there the questions' variance "
        f"is as "
        "large as that between models. Beyond it, only more models or runs help.",
        1, LEAST_VARIANCE / 0.04, 0.7,
        ((LEAST_VARIANCE / 0.2, "The noise enters as its square."),
         (LEAST_VARIANCE * 0.04, "Divide by the variance.")),
    ),
    Exercise(
        "5.2",
        "λ = (m/16) · h²/(σ² + 1.54/n) is how far a step of h nats moves the test. What is it "
        "for 8 "
        "models, 1 nat, σ = .2 and n = 300? (one decimal)",
        f"½/(.04 + .0051) = {_LAMBDA:.1f}.",
        2, _LAMBDA, 0.1,
        ((0.5 / 0.04, "You left the questions out: 1.54/n."),
         (float(np.sqrt(_LAMBDA)), "That is its root, in standard errors."),
         (0.5 / (0.2 + LEAST_VARIANCE / 300), "The noise enters as its square.")),
    ),
    Exercise(
        "5.3",
        "Of 85 tasks 10 truly break. A rule finds breaks with power .6 and errs in 5 % of the "
        "rest. "
        "What share of its calls is false? (three decimals)",
        f"75 · .05 = 3.75 false and 10 · .6 = 6 true ones: 3.75/9.75 = {FALSE:.3f}.",
        2, FALSE, 0.001,
        ((0.05, "That is the error among smooth tasks, not among calls."),
         (3.75 / 85, "Divide by the calls, not by the tasks."),
         (3.75 / 6, "The false calls belong into the denominator, too.")),
    ),
    Exercise(
        "5.4",
        "Four curves have posterior probabilities of a break of .9, .6, .3 and .5. What is the "
        "smallest expected error rate of who must call each? (three decimals)",
        "(.1 + .4 + .3 + .5)/4 = .325: the floor. No rule errs less, if the probabilities are "
        "right.",
        2, 0.325, 0.001,
        ((0.575, "That is the mean probability of a break."),
         (0.425, "That is the mean of 1 − P; call the likelier one each time."),
         (0.0, "Who must call errs sometimes, however clever.")),
    ),
    Exercise(
        "5.5",
        "σ = .3 between models, n = 500 questions. What raises power most, for the price of eight "
        "more runs?",
        "A second run at each scale halves the variance between models. n is far beyond 1.54/σ² "
        "= 17.",
        1, 1,
        options=(
            ("Twice as many questions", "n is far beyond 1.54/σ² already."),
            ("A second run at each of the eight scales", "It halves the variance that matters."),
            ("A stricter level", "That lowers power."),
        ),
    ),
)  # fmt: skip

SESSION = Session(
    5,
    "Can this design tell",
    90,
    "Eight models over four decades, 300 questions each, noise of .15 nats between models. A "
    "jump of "
    "one nat is there. How likely is it that an honest analysis says so? Write down a percentage.",
    f"About {100 * _HONEST:.0f} %, by the package's formula, if all accounts are weighed, the "
    "noise is not known and a verdict needs 95 %. The textbook's test of a step against a straight "
    f"line promises {100 * _PROMISED:.0f} %.",
    (
        "Compute the power of a design before any model is run.",
        "Say where more questions stop helping, and what helps instead.",
        "Explain the Bayes floor, and why a rule can be ranked by it.",
        "Turn size and power into the share of false calls in a collection.",
    ),
    EXERCISES,
    (
        "Snell et al. 2024, arXiv 2411.16035: emergence foretold by fine-tuning.",
        "Ruan et al. 2024, arXiv 2405.10938: tasks as sigmoids of a capability score.",
        "Schaeffer et al. 2023, arXiv 2304.15004: few large models.",
    ),
    (
        Slide("Eight models, one nat",
              ("300 questions, noise of .15 nats.", "Power? Write down a percentage.")),
        Slide("The textbook promises",
              ("A step against a straight line, noise known.",
               f"It promises {100 * _PROMISED:.0f} %. Against all accounts: "
               f"{100 * _HONEST:.0f} %."),
              lambda: power_chart(4.0, 300, 0.15, 8).svg()),
        Slide("The floor",
              ("Who knows how the curves are made still errs.",
               "No rule can be better; rank rules by their distance."),
              lambda: floor_chart(300, 1.0, 1.0, 0.15).svg()),
        Slide("Eighty-five tasks",
              (f"75 smooth, 10 broken, power .6, size .05: {100 * FALSE:.0f} % of the calls are "
               "false.",
               "Size and power are of one curve; a paper is a collection.")),
    ),
)  # fmt: skip
