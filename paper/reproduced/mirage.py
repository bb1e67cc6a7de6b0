"""Schaeffer et al. 2023: one power law through several metrics, and GPT-3's own table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from emergent_stats import METRICS, Curve, compare_all, compare_joint, curves, load
from emergent_stats.design.multinomial import Toy, measure
from emergent_stats.plots import style
from emergent_stats.several.joint import JointComparison
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.words import probability
from reproduced import common

#: Nats of skill per decade, skill at the largest model: cross-entropy is exp(−skill).
SLOPE, LAST = 1.5, 2.6
LENGTHS = tuple(range(1, 9))
#: Lengths that are drawn; the length whose two metrics are judged together.
SHOWN, TOGETHER = (1, 2, 4, 8), 5
ANSWERS, SEED = 2000, 1
#: Of the forced choice: questions, difficulty between them in nats, skill in the middle of the
#: design, how the rest of the mass is shared by the wrong options.
QUESTIONS, SPREAD, MIDDLE, WRONG = 1000, 0.2, -0.6, (0.5, 0.3, 0.2)
#: Sums in which Schaeffer et al. compare accuracy and edit distance of GPT-3's outputs.
SUMS = {"2Dx": "2-digit ×", "4D+": "4-digit +"}


@dataclass(frozen=True)
class Found:
    """Curves and verdicts of this part."""

    scale: np.ndarray
    loss: np.ndarray
    exact: dict[int, Comparison]
    edit: dict[int, Comparison]
    both: JointComparison
    choice: Comparison
    brier: Comparison
    lambada: list[Comparison]
    sums: dict[str, Comparison]
    tasks: int
    twice: dict[str, list[str]]


def design() -> tuple[np.ndarray, np.ndarray]:
    """GPT-3's eight sizes in decades, and the skill of a power law at them."""
    x = np.log10(np.sort(load("gpt3")["params"].unique()))
    return x, LAST + SLOPE * (x - x[-1])


def tokens(length: int, metric: str) -> Curve:
    """Answers of that many tokens, drawn from the power law; the same draws for every metric."""
    x, skill = design()
    return measure(Toy(length=length), x, skill, metric, n=ANSWERS, seed=SEED)[0]


def forced_choice() -> tuple[Curve, Curve]:
    """Grade and Brier score of the same questions: the option with most mass is taken.

    A model without skill puts a quarter on the right option and more on a wrong one.
    """
    x, _ = design()
    rng = np.random.default_rng(SEED)
    grade, brier = [], []
    for skill in MIDDLE + SLOPE * (x - x.mean()):
        harder = SPREAD * rng.standard_normal(QUESTIONS)
        p = 0.25 + 0.75 * np.exp(-np.exp(-(skill + harder)))[:, None]
        mass = np.hstack([p, (1 - p) * np.array(WRONG)])
        grade.append(float((mass.argmax(1) == 0).mean()))
        brier.append(float(((mass - np.eye(4)[0]) ** 2).sum(1).mean()))
    n, key = np.full(x.size, float(QUESTIONS)), {"study": "simulated", "task": "forced choice"}
    return (
        Curve(10**x, np.array(grade), "multiple_choice", n=n, chance=0.25, key=key),
        Curve(10**x, np.array(brier), "brier", n=n, chance=0.75, key=key),
    )


def exact_matches() -> dict[int, Comparison]:
    """Verdict on exact match at every length."""
    drawn = compare_all([tokens(length, "exact_match") for length in LENGTHS])
    return dict(zip(LENGTHS, drawn, strict=True))


def find() -> Found:
    """Simulate, and judge."""
    x, skill = design()
    edit = compare_all([tokens(length, "edit_distance") for length in LENGTHS])
    rows = load("gpt3")
    lambada = compare_all(curves(rows.query("task == 'LAMBADA' and shots == 0")))
    few = rows[rows["task"].isin(SUMS) & (rows["shots"] == 50)]
    sums = {c.curve.key["task"]: c for c in compare_all(curves(few))}
    metrics = {str(task): sorted(own["metric"].unique()) for task, own in rows.groupby("task")}
    twice = {task: names for task, names in metrics.items() if len(names) > 1}
    choice, brier = compare_all(list(forced_choice()))
    both = compare_joint([tokens(TOGETHER, m) for m in ("exact_match", "edit_distance")])
    return Found(
        10**x, np.exp(-skill), exact_matches(), dict(zip(LENGTHS, edit, strict=True)), both,
        choice, brier, lambada, sums, len(metrics), twice,
    )  # fmt: skip


def figure(found: Found) -> Figure:
    """Eight panels: five simulated, three published."""
    with style.look():
        picture, panels = common.blank(4.6, 2, 4)
        law, exact, edit, choice, brier, accuracy, perplexity, sums = panels
        exact_curve = found.exact[1].curve
        loss = Curve(found.scale, found.loss, "cross_entropy", key=dict(exact_curve.key))
        common.draw(law, [loss], names=["cross-entropy"])
        law.set_yscale("log")
        law.yaxis.set_major_locator(FixedLocator([0.1, 1, 10]))
        law.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        law.yaxis.set_minor_locator(NullLocator())
        law.set_ylim(found.loss.min() / 1.6, found.loss.max() * 1.6)
        law.set_ylabel("nats per token")
        common.heading(law, "one power law")
        names = [f"{n} token{'s' * (n > 1)}" for n in SHOWN]
        for ax, group, words in (
            (exact, found.exact, "answers of 1–8 tokens"),
            (edit, found.edit, "the same draws"),
        ):
            common.draw(ax, [group[n].curve for n in SHOWN], names=names, top=0.22)
            common.note(ax, by_length(group))
            common.heading(ax, words)
            ax.set_ylabel("exact match" if ax is exact else "edit distance")
        for ax, one, words, label in (
            (choice, found.choice, "forced choice", "multiple choice"),
            (brier, found.brier, "the same choices", "Brier score"),
            (accuracy, found.lambada[0], "GPT-3, LAMBADA", "accuracy"),
            (perplexity, found.lambada[1], "the same outputs", "perplexity"),
        ):
            common.draw(ax, [one], names=[words], top=0.22)
            common.note(ax, verdict_lines(one), right=one.curve.metric_object.direction < 0)
            common.heading(ax, words)
            ax.set_ylabel(label)
        common.draw(
            sums, list(found.sums.values()), names=[SUMS[t] for t in found.sums], top=0.22, first=1
        )
        common.note(sums, [f"{t}: {common.said(c)}" for t, c in found.sums.items()], first=1)
        common.heading(sums, "GPT-3, only accuracy")
        sums.set_ylabel("accuracy, 50-shot")
        for ax in panels[:4]:
            ax.set_xlabel("")
        style.letters(panels)
        marks = exact.get_lines()[: 2 * len(SHOWN) : 2]
        style.legend(picture, marks, [f"answers of {n}" for n in names])
    return picture


def by_length(group: dict[int, Comparison]) -> list[str]:
    """Verdicts by length of the answer, neighbours together."""
    runs: list[tuple[str, list[int]]] = []
    for length, one in group.items():
        words = common.said(one)
        if runs and runs[-1][0] == words:
            runs[-1][1].append(length)
        else:
            runs.append((words, [length]))
    return [f"{span(lengths)}: {words}" for words, lengths in runs]


def span(lengths: list[int]) -> str:
    """Return `4–8`, or the one number."""
    return f"{lengths[0]}–{lengths[-1]}" if len(lengths) > 1 else str(lengths[0])


def verdict_lines(one: Comparison) -> list[str]:
    """Verdict, and the chances where they are open."""
    return [common.said(one), *([common.chances(one)] if one.verdict == "undecided" else [])]


def lengths_table(exact: dict[int, Comparison]) -> str:
    """Return exact match by length: largest share of the rise in one gap, and the verdict."""
    lines = ["| tokens | rise in one gap | P(gradual) | verdict |", "|--:|--:|--:|---|"]
    for length, one in exact.items():
        gap = common.share(common.gap_share(one.curve))
        p = probability(one.p_gradual)
        lines.append(f"| {length} | {gap} | {p} | {common.said(one)} |")
    return "\n".join(lines)


def words(found: Found) -> str:
    """The paragraphs of this part."""
    leaps = [n for n, c in found.exact.items() if c.apparent_jump]
    smooth = [n for n, c in found.edit.items() if not c.apparent_jump]
    both = found.both
    leans = found.choice.p_real > 0.5
    fooled = ", and a sharp one leans to a break of a skill that is smooth" if leans else ""
    continuous = [t for t, m in found.twice.items() if any(METRICS[name].continuous for name in m)]
    p = both.probabilities
    longest = LENGTHS[-1]
    accuracy, perplexity = found.lambada
    sums = common.listed(f"{SUMS[t]} is {common.said(c)}" for t, c in found.sums.items())
    return common.text(
        f"One power law of cross-entropy, {SLOPE:g} nats of skill per decade, at the "
        f"{found.scale.size} sizes of GPT-3; {ANSWERS:,} answers a model.",
        f"Of the same draws, exact match of answers of {span(leaps)} tokens looks like a jump: at "
        f"{longest} tokens {common.share(common.gap_share(found.exact[longest].curve))} of the "
        f"rise falls into one gap. Edit distance looks like a jump at "
        f"{len(LENGTHS) - len(smooth)} of {len(LENGTHS)} lengths "
        f"({common.share(common.gap_share(found.edit[longest].curve))} in one gap); its verdicts: "
        f"{common.counted(found.edit.values())}. Both metrics of {TOGETHER} tokens together: "
        f"{both.verdict}, P(gradual) {probability(p['gradual'])}. Of the same forced choices, the "
        f"grade makes {common.share(common.gap_share(found.choice.curve))} of its change in one "
        f"gap, the Brier score {common.share(common.gap_share(found.brier.curve))}. GPT-3's "
        f"LAMBADA is {common.said(accuracy)} by accuracy and {common.said(perplexity)} by "
        "perplexity.",
        "Length makes a score late, not steep: on a logarithmic axis p^L takes the same width "
        "for every L, and looks sudden because the largest model ends the design. That is why "
        f"exact match by itself gets {common.counted(found.exact.values())}: a rise that only the "
        "last gap holds is not called an artefact by one metric alone. The grade of the "
        f"forced choice is {common.said(found.choice)} ({common.chances(found.choice)}), its "
        f"Brier score {common.said(found.brier)} ({common.chances(found.brier)}): an argmax "
        f"over options is no metric the package knows{fooled}."
        f"\n\n{lengths_table(found.exact)}",
        f"The outputs themselves. GPT-3's table has {found.tasks} tasks, {len(found.twice)} of "
        f"them under two metrics ({common.listed(found.twice)}), of which "
        f"{common.listed(continuous)} under a discontinuous and a continuous one; the sums whose "
        "outputs Schaeffer et al. score again by edit distance "
        f"ship as accuracy only ({sums}). Their count over BIG-bench's metrics and their vision "
        "networks do not ship.",
    )
