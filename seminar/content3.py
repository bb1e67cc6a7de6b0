"""Session 3: counting honestly."""

from __future__ import annotations

import gauss
import numpy as np
from lecture import Chart, Exercise, Session, Slide

#: Tasks of a collection in which nothing was found, and the largest share that leaves room for it.
TASKS = 204
BOUND = 1 - 0.05 ** (1 / TASKS)
_QUESTIONS = gauss.questions_variance(1000)
_RATIO = float(np.sqrt((0.1**2 + _QUESTIONS) / _QUESTIONS))
_P = (0.001, 0.008, 0.016, 0.019, 0.041, 0.31, 0.42, 0.55, 0.71, 0.90)
CALLED = int(gauss.found(np.array(_P)).sum())


def bound(calls: int, tasks: int, power: float) -> float:
    """Upper 95 % bound of the share of tasks that break, if breaks are found with this power."""
    from scipy import special

    top = float(special.betaincinv(calls + 1, tasks - calls, 0.95)) if calls < tasks else 1.0
    return min(1.0, top / power)


def false_calls(
    repeats: int, tasks: int, m: int, sigma: float, shared: float, n: float, seed: int
) -> np.ndarray:
    """(repeats,) tasks called at 5 % in collections without a break, the noise's size known."""
    found = []
    variance = gauss.questions_variance(n) + sigma**2 + shared**2
    for i in range(repeats):
        y, _ = gauss.collection(tasks, m, 0, 0.0, sigma, shared, n, [seed, i])
        p = gauss.p_value(gauss.gain(y, np.linspace(-2, 2, m)) / variance, m)
        found.append(int((p < 0.05).sum()))
    return np.array(found)


def calls_chart(counts: dict[str, np.ndarray], tasks: int) -> Chart:
    """Sorted counts of false calls over repeats, a line for each kind of noise."""
    most = max(int(c.max()) for c in counts.values()) + 1
    chart = Chart(
        "False calls in collections without a break, sorted: noise of each task alone, and shared",
        (0.0, 1.0), (0.0, float(most)),
        ("share of collections with no more", "tasks called falsely"), (900, 380),
    )  # fmt: skip
    for style, (label, count) in enumerate(counts.items()):
        chart.line((np.arange(count.size) + 0.5) / count.size, np.sort(count), style, label)
    return chart.line([0, 1], [0.05 * tasks] * 2, 5, "5 % of the tasks")


def _figure() -> str:
    counts = {
        "own noise": false_calls(60, TASKS, 8, 0.2, 0.0, 1000, 1),
        "shared noise": false_calls(60, TASKS, 8, 0.0, 0.2, 1000, 1),
    }
    return calls_chart(counts, TASKS).svg()


EXERCISES = (
    Exercise(
        "3.1",
        f"A rule errs in 5 % of smooth tasks. In none of {TASKS} tasks does anything happen. How "
        "many does it call on average? (one decimal)",
        f"{TASKS} · .05 = {TASKS * 0.05:.1f}. That at least one is called is as good as certain: "
        f"1 − .95^{TASKS} = {1 - 0.95**TASKS:.5f}.",
        1, TASKS * 0.05, 0.06,
        ((0.0, "Nothing happens, but the rule errs."),
         (1 - 0.95**TASKS, "That is the probability of at least one call.")),
    ),
    Exercise(
        "3.2",
        "Ten p-values: " + ", ".join(f"{p:g}" for p in _P) + ". How many does Benjamini and "
        "Hochberg's rule call at 5 %?",
        "The i-th smallest is held against i · .005. The fourth, .019, is below .02, and none "
        f"after it fits: {CALLED} are called. The third, .016, is above its own .015 and is called "
        "with them.",
        2, CALLED, 0.1,
        ((5, "That is every p below .05, without a correction."),
         (1, "That is Bonferroni's rule: p below .005."),
         (2, "Look for the largest i whose p fits, not for the first that fails.")),
    ),
    Exercise(
        "3.3",
        f"Nothing is called in {TASKS} tasks. What is the upper 95 % bound of the share of tasks "
        f"that "
        "the rule would call? (four decimals)",
        f"(1 − q)^{TASKS} = .05, so q = 1 − .05^(1/{TASKS}) = {BOUND:.4f}; the rule of three, "
        f"3/{TASKS}, is close.",
        2, BOUND, 0.0002,
        ((0.0, "That is the estimate; the bound says what else could have given none."),
         (0.05 / TASKS, "That is Bonferroni's level."),
         (1 - 0.025 ** (1 / TASKS), "That is a two-sided interval's end.")),
    ),
    Exercise(
        "3.4",
        "The same, but the rule finds a true break with probability .3 only. What is the bound of "
        "the share of tasks that truly break? (three decimals)",
        f"Called share = .3 · true share, so the bound is {BOUND:.4f}/.3 = {BOUND / 0.3:.3f}. "
        f"Without "
        "its power, nought of many says nothing.",
        2, BOUND / 0.3, 0.0006,
        ((BOUND, "That is the share called; most true breaks are missed."),
         (BOUND * 0.3, "The other way round: few calls may hide more breaks.")),
    ),
    Exercise(
        "3.5",
        "Noise between models is .1 nats, and scores are of 1,000 questions (variance of skill at "
        "least 1.54/n). By what factor are error bars of the questions alone too short? (one "
        "decimal)",
        f"√(.1² + 1.54/1000)/√(1.54/1000) = {_RATIO:.1f}.",
        2, _RATIO, 0.06,
        ((_RATIO**2, "That is the factor of the variance."),
         (float(0.1 / np.sqrt(gauss.questions_variance(1000))),
          "Close, but the questions' own noise stays in.")),
    ),
)  # fmt: skip

SESSION = Session(
    3,
    "Counting honestly",
    90,
    f"A rule for jumps errs in 5 % of smooth curves. It is run on {TASKS} tasks and reports twelve "
    "jumps. How many of them do you believe? And if it reports none?",
    f"Its errors alone bring {TASKS * 0.05:.0f}, so twelve are no evidence that any is real, and "
    "nobody can say which. None at all would be strange, if tasks err independently: "
    f".95^{TASKS} = {0.95**TASKS:.5f}. Either the rule errs less than it says, or tasks share "
    f"their noise. And it bounds what the rule would call, at {BOUND:.3f} of the tasks; what "
    "breaks is bounded only once the power is known.",
    (
        "Say how many false calls a collection brings, and how they spread if noise is shared.",
        "Hold a searched-for break against its own null instead of a table of χ².",
        "Use Benjamini and Hochberg's rule, and say what it promises.",
        "Turn “none found” into a bound, with the power that the bound needs.",
    ),
    EXERCISES,
    (
        "Srivastava et al. 2022, arXiv 2206.04615: the tasks of BIG-bench, and scores of "
        "breakthroughness.",
        "Schaeffer et al. 2023, arXiv 2304.15004: most claimed jumps stand under two metrics.",
        "Hu et al. 2023, arXiv 2310.03262: what high resolution adds.",
    ),
    (
        Slide("Twelve jumps in 204 tasks",
              ("The rule errs in 5 % of smooth curves.", "How many do you believe?")),
        Slide("The break was searched for",
              ("The best of seven gaps is no single test: χ² is not its null.",
               "Noise between models is in no binomial error bar.",
               f"σ = .1 and n = 1000: error bars {_RATIO:.1f} times too short.")),
        Slide("Noise that tasks share",
              ("One unlucky model lowers all its tasks: false calls come in swarms.",), _figure),
        Slide("None of 204",
              (f"The share called is below {BOUND:.3f} (95 %).",
               f"With power .3, the share that breaks is below {BOUND / 0.3:.3f}.",
               "No bound without power.")),
    ),
)  # fmt: skip
