"""Session 4: smooth or break. Priors, evidence, sensitivity."""

from __future__ import annotations

import gauss
import numpy as np
from lecture import Chart, Exercise, Session, Slide

#: Scales of the example in decades, and noise of its skills in nats.
X = np.linspace(-2.0, 2.0, 8)
_WIDE = float(-0.5 * np.log(1 + 100**2) + 0.5 * 2.5**2 * 100**2 / (1 + 100**2))


def example(slope: float, leap: float, sigma: float, seed: int) -> np.ndarray:
    """(8,) skills: a line, a leap in the middle gap, noise."""
    noise = np.random.default_rng([seed, 3]).standard_normal(X.size)
    return slope * X + leap * gauss.steps(X)[3] + sigma * noise


def by_pymc_once() -> None:
    """Sample with PyMC, so that what it compiles is there when a class asks."""
    gauss.by_pymc(example(1.0, 1.0, 0.2, 1), X, 0.2, 1.0, 1.0, 3)


def lindley_chart(y: np.ndarray, sd: float, slope: float, at: float) -> Chart:
    """Log Bayes factor of a step against the width of the prior of its height."""
    heights = np.logspace(-1.0, 2.0, 61)
    bf = [gauss.log_bayes_factor(y, X, sd, slope, h) for h in heights]
    low, high = min(-4.0, min(bf)), max(4.0, max(bf))
    chart = Chart(
        "Log Bayes factor of a step against a line, as the prior of its height widens: it rises, "
        "then falls without end",
        (-1.0, 2.0), (low, high * 1.05),
        ("log10 of the width of the prior of heights (nats)", "log Bayes factor"), (900, 360),
    )  # fmt: skip
    chart.line(np.log10(heights), bf, 0, "step against line")
    return chart.line([-1, 2], [0, 0], 5, "even").mark(float(np.log10(at)))


def sensitivity(y: np.ndarray, sd: float, slope: float, height: float) -> list[list[float]]:
    """Probability of a step with slopes (rows) and heights (columns) halved, kept and doubled."""
    factors = (0.5, 1.0, 2.0)
    bf = [
        [gauss.log_bayes_factor(y, X, sd, slope * a, height * h) for h in factors] for a in factors
    ]
    return (1 / (1 + np.exp(-np.clip(np.array(bf), -50, 50)))).tolist()


def _figure_lindley() -> str:
    return lindley_chart(example(0.8, 0.6, 0.2, 1), 0.2, 1.0, 1.0).svg()


EXERCISES = (
    Exercise(
        "4.1",
        "The log Bayes factor of a break against a smooth account is 3, the prior odds are even. "
        "What is the probability of the break? (three decimals)",
        "1/(1 + e^−3) = .953.",
        1, float(1 / (1 + np.exp(-3))), 0.0006,
        ((0.75, "3 is the logarithm of the odds; e^3 to 1."),
         (float(np.exp(3)), "Those are the odds; turn them into a probability."),
         (float(np.exp(-3)), "Those are the odds against it.")),
    ),
    Exercise(
        "4.2",
        "An effect is estimated 2.5 standard errors from 0. Its prior is normal around 0, 100 "
        "standard errors wide. What is the Bayes factor of an effect against none? (two decimals)",
        "BF = (1 + w²)^−½ · exp(½ z² w²/(1 + w²)) with z = 2.5 and w = 100: "
        f"{np.exp(_WIDE):.2f}. A p-value of .012, and evidence for no effect: Lindley's paradox.",
        3, float(np.exp(_WIDE)), 0.006,
        ((float(np.exp(0.5 * 2.5**2)), "That is the likelihood ratio at the best value; the prior "
          "spreads over values that predict worse."),
         (0.0124, "That is the p-value."),
         (float(1 / np.exp(_WIDE)), "That is none against an effect.")),
        share=False,
    ),
    Exercise(
        "4.3",
        "A step in the best of 7 gaps gains 3 nats of log likelihood over a line with 8 models. "
        "Take "
        "BIC's ½ ln m for the height, and average the place over the gaps, all others hopeless. "
        "What is the log Bayes factor? (two decimals)",
        f"3 − ½ ln 8 − ln 7 = {3 - 0.5 * np.log(8) - np.log(7):.2f}: nothing. The search has to be "
        "paid for.",
        2, float(3 - 0.5 * np.log(8) - np.log(7)), 0.011,
        ((float(3 - 0.5 * np.log(8)), "You did not pay for the search over 7 gaps."),
         (float(3 - np.log(7)), "You did not pay for the height."),
         (float(3 - np.log(8)), "BIC as a log evidence takes half of ln m for each parameter."),
         (3.0, "That is the gain alone.")),
        share=False,
    ),
    Exercise(
        "4.4",
        "A score rises steeply between two models. Which prior decides most whether a smooth "
        "account "
        "can explain it?",
        "The prior of slopes. If slopes above 1 nat per decade are all but ruled out, any steep "
        "rise "
        "is a break by decree. So the grid of slopes is part of every verdict.",
        1, 0,
        options=(
            ("That of the slope", "A smooth account explains what its slope may reach."),
            ("That of the level", "Both accounts have it; it cancels."),
            ("That of the height of the break", "It decides how well the break does, by Lindley; "
             "the "
             "smooth account does not know it."),
        ),
    ),
    Exercise(
        "4.5",
        "Halving the slope prior turns a verdict from .60 to .97 for a break. What do you report?",
        "That the answer is the prior's: undecided, with the grid. Choosing the prior after the "
        "fact is a search, too.",
        1, 1,
        options=(
            ("A break, with P = .97", "You would be choosing the prior by its answer."),
            ("Undecided, with both numbers", "The data do not decide it; the prior does."),
            ("The mean of the two", "A mixture of priors is a prior, but it was not stated "
             "before."),
        ),
    ),
)  # fmt: skip

SESSION = Session(
    4,
    "Smooth or break",
    90,
    "A step fits better than a line; it always does. By how much must it fit better before you "
    "believe it? Say a number of nats, and what it depends on.",
    "No one number. A step pays for its height, the more the wider its prior, and for the search: "
    f"ln 7 in seven gaps. With BIC's ½ ln 8 for the height the odds are even at a gain of "
    f"{0.5 * np.log(8) + np.log(7):.1f} nats, and reach 19 to 1 at "
    f"{0.5 * np.log(8) + np.log(7) + np.log(19):.1f}.",
    (
        "Compute the evidence of a line and of a step, and say what each factor charges for.",
        "Show Lindley's paradox on data of your own, and choose a prior height that means "
        "something.",
        "Read a grid of sensitivity, and say when an answer is the prior's.",
        "Fit the same model in statsmodels and PyMC, and explain where they agree.",
    ),
    EXERCISES,
    (
        "Caballero et al. 2022, arXiv 2210.14891: broken scaling laws extrapolate.",
        "Du et al. 2024, arXiv 2403.15796: a threshold in the loss, whatever the metric.",
        "Wu and Lo 2024, arXiv 2410.01692: falling and rising items that cancel.",
    ),
    (
        Slide("A step always fits better",
              ("One more parameter, and the best of all gaps.", "How much better is enough?")),
        Slide("Evidence charges for both",
              ("It averages over the height: wide priors predict badly.",
               "It averages over the gaps: the search is paid for.",
               "BIC charges for one of these by rule of thumb.")),
        Slide("Lindley's paradox",
              ("The same data; only the width of a prior moves.",), _figure_lindley),
        Slide("Whose answer is it?",
              ("Halve and double every prior; print the grid.",
               "If the answer moves, it is the prior's.",
               "Fixed priors, stated before: the package prints its own.")),
    ),
)  # fmt: skip
