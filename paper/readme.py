"""Fill the tables, findings, output and figure of the README and of docs/ from one run.

Between `<!-- begin NAME -->` and `<!-- end NAME -->` these pages hold what this script writes
there. `--check` changes nothing and fails where they say something else.

Run with `python paper/readme.py [--check]`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from emergent_stats import compare_all, compare_joint, curves, load
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.plots import several as plots
from emergent_stats.plots import style
from emergent_stats.results.checkpoints import thinned
from emergent_stats.several.joint import JointComparison
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.words import probability, with_kind

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "findings.md", ROOT / "docs" / "decides.md")
#: The same outputs under two metrics.
FIGURE = ROOT / "paper" / "two-metrics.png"
#: The command whose output the README shows, and the characters of a line there.
COMMAND, WIDTH = "emergent-stats test gpt3 --task LAMBADA --shots 0", "80"
#: Largest mean difference of two pictures, as a share of black to white: fonts are drawn by the
#: same library, lines may differ in the last pixel.
ALIKE = 0.002
#: Label, study, condition on its rows, series simulated for the null.
SERIES = (
    ("GPT-3 2-digit addition, few-shot", "gpt3", "task == '2D+' and shots == 50", 0),
    ("GPT-3 3-digit addition, few-shot", "gpt3", "task == '3D+' and shots == 50", 0),
    ("GPT-3 3-digit subtraction, few-shot", "gpt3", "task == '3D-' and shots == 50", 0),
    ("GPT-3 LAMBADA, zero-shot, accuracy", "gpt3",
     "task == 'LAMBADA' and shots == 0 and metric == 'exact_match'", 0),
    ("GPT-3 LAMBADA, zero-shot, perplexity", "gpt3",
     "task == 'LAMBADA' and shots == 0 and metric == 'perplexity'", 0),
    ("BIG-G `linguistic_mappings`", "bigbench-bigg", "task == 'linguistic_mappings'", 0),
    ("BIG-G `modified_arithmetic`", "bigbench-bigg", "task == 'modified_arithmetic'", 0),
    ("BIG-G `word_unscrambling`", "bigbench-bigg", "task == 'word_unscrambling'", 0),
    ("Pythia 16-shot addition by size", "pythia",
     "task == 'arithmetic_addition' and shots == 16 and family == 'pythia-v0-deduped'", 200),
    ("Pythia-12B 16-shot addition in training", "pythia",
     "task == 'arithmetic_addition' and shots == 16 and family.str.startswith('pythia-v0-12b')",
     200),
    ("ObsScaling 3-digit addition, GPT-Neo/J", "obsscaling",
     "task == 'arithmetic_3da' and family == 'GPT-Neo/J'", 0),
    ("ObsScaling 3-digit addition, Pythia", "obsscaling",
     "task == 'arithmetic_3da' and family == 'Pythia'", 0),
)  # fmt: skip


def verdicts() -> tuple[str, dict[str, Comparison]]:
    """Table of `SERIES`, and the comparisons by their label."""
    head = ["series", "models", *ACCOUNTS, "verdict"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 2) + "---|"]
    shown = {}
    for label, study, condition, series in SERIES:
        rows = load(study).query(condition, engine="python")
        found = compare_all(curves(rows), calibrate=series)
        if len(found) != 1:
            raise SystemExit(f"{label}: {condition} fits {len(found)} series, not one")
        shown[label] = comparison = found[0]
        p = [probability(getattr(comparison, f"p_{account}")) for account in ACCOUNTS]
        lines.append(f"| {label} | {comparison.curve.m} | {' | '.join(p)} | {said(comparison)} |")
    return "\n".join(lines), shown


def said(comparison: Comparison) -> str:
    """Verdict with its kind, or with the first words of its reason."""
    if comparison.verdict == "real":
        return f"**real: {comparison.kind}**"
    if comparison.verdict == "undecided":
        return f"undecided: {comparison.reason.partition(':')[0]}"
    return with_kind(comparison.verdict, comparison.kind)


def chance() -> str:
    """What becomes of the MMLU subjects on which no size of Pythia is good."""
    rows = load("pythia").query(
        "task.str.startswith('hendrycksTest') and family == 'pythia' and shots == 0",
        engine="python",
    )
    found = compare_all([c for c in curves(rows) if c.n_scales >= 4])
    words = Counter(with_kind(c.verdict, c.kind) for c in found)
    parts = [f"`{name}` in {count}" for name, count in words.most_common()]
    return (
        f"The {len(found)} MMLU subjects of Pythia's eight sizes, near chance throughout, are "
        f"{', '.join(parts)}."
    )


#: Label, study, condition on its rows: two metrics of the same outputs. What a benchmark calls the
#: same questions in another format is one task here.
PAIRS = (
    ("GPT-3, LAMBADA zero-shot: accuracy, perplexity", "gpt3", "task == 'LAMBADA' and shots == 0"),
    ("Pythia by size, LAMBADA: accuracy, perplexity", "pythia",
     "task == 'lambada_openai' and family == 'pythia' and shots == 0"),
    ("OLMo-2 7B in training, arc_easy: lettered accuracy, bits per byte", "olmo",
     "family == 'OLMo-2-7B training' and ((task == 'arc_easy_test (lettered)' and "
     "metric == 'multiple_choice') or (task == 'arc_easy_test (cloze)' and "
     "metric == 'bits_per_byte'))"),
    ("the same, cloze accuracy in place of lettered", "olmo",
     "family == 'OLMo-2-7B training' and task == 'arc_easy_test (cloze)' and "
     "metric in ('multiple_choice', 'bits_per_byte')"),
)  # fmt: skip


def joint() -> tuple[str, list[JointComparison]]:
    """Table of `PAIRS`, and the comparisons."""
    shown = []
    lines = [
        "| outputs seen through | models | gradual | real | format |",
        "|---|--:|--:|--:|--:|",
    ]
    for label, study, condition in PAIRS:
        rows = load(study).query(condition, engine="python").copy()
        rows["task"] = rows["task"].str.replace(r" \(.*\)", "", regex=True)
        # checkpoints that count, as the verdict of the first metric takes them
        kept = thinned(curves(rows)[0]).models
        found = compare_joint(curves(rows[rows["model"].isin(kept)]))
        shown.append(found)
        m = max(curve.m for curve in found.views.curves)
        chances = found.probabilities
        real = chances["onset"] + chances["jump"]
        p = [probability(v) for v in (chances["gradual"], real, chances["format"])]
        lines.append(f"| {label} | {m} | {' | '.join(p)} |")
    return "\n".join(lines), shown


def findings(series: dict[str, Comparison], pairs: list[JointComparison]) -> str:
    """Headline findings, a line each."""
    found = list(series.values())
    counts = {v: sum(c.verdict == v for c in found) for v in ("real", "artefact", "gradual")}
    named = ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n)
    few = series["GPT-3 3-digit subtraction, few-shot"]
    accuracy, perplexity = (
        series[f"GPT-3 LAMBADA, zero-shot, {metric}"] for metric in ("accuracy", "perplexity")
    )
    both, format_ = pairs[0], pairs[2]
    rates = re.findall(r"([A-Z][a-z ]+): (\d[\d.]*%)", error_rates())
    rates = ", ".join(f"{what.lower()}: {share}" for what, share in rates)
    return "\n".join(
        [
            f"- Of {len(found)} classic series: {named}, {len(found) - sum(counts.values())} "
            "undecided.",
            f"- GPT-3's few-shot 3-digit subtraction, {few.curve.score[-2]:.0%} at 13B and "
            f"{few.curve.score[-1]:.0%} at 175B: {plain(few)}, P(gradual) "
            f"{probability(few.p_gradual)}.",
            f"- GPT-3's LAMBADA is {plain(accuracy)} by accuracy, {plain(perplexity)} by "
            f"perplexity; both together: {both.verdict} (P {probability(chance_of(both))}).",
            f"- OLMo-2 7B's leap on lettered arc_easy questions, beside their bits per byte: "
            f"{format_.verdict} (P {probability(chance_of(format_))}).",
            f"- On made-up curves, {rates}.",
        ]
    )


def plain(comparison: Comparison) -> str:
    """Return `said` without emphasis."""
    return said(comparison).replace("*", "")


def chance_of(found: JointComparison) -> float:
    """Probability of what is most probable, jump and onset together."""
    p = dict(found.probabilities)
    p["real"] = sum(p.pop(account) for account in BREAKS)
    return max(p.values())


def output() -> str:
    """Command and its output, as a block."""
    env = os.environ | {"COLUMNS": WIDTH, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "emergent_stats.cli", *COMMAND.split()[1:]]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(["```console", f"$ {COMMAND}", *lines, "```"])


def error_rates() -> str:
    """Sentences of `results/verdicts.md` that count wrong and right calls."""
    text = (ROOT / "benchmarks" / "results" / "verdicts.md").read_text("utf-8")
    wanted = ("Gradual truths called real", "Jumps found", "Refinement")
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    return "\n".join(f"- {line.partition(' Verdicts at')[0]}" for line in lines)


def filled(pages: dict[Path, str], parts: dict[str, str]) -> dict[Path, str]:
    """Return the pages with the parts between their marks, each of which stands once."""
    pages = dict(pages)
    for name, part in parts.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(\n<!-- end {name} -->)"
        total = 0
        for path, text in pages.items():
            pages[path], count = re.subn(
                pattern, lambda m, part=part: m[1] + part + m[2], text, flags=re.S
            )
            total += count
        if total != 1:
            raise SystemExit(f"the pages have {total} places for {name!r}, not one")
    return pages


def settle(
    old: dict[Path, str],
    new: dict[Path, str],
    figures: dict[Path, Figure],
    script: str,
    check: bool,
) -> None:
    """Write pages and figures; or, to check them, fail where they are not those of `script`."""
    if not check:
        for path, text in new.items():
            path.write_text(text, "utf-8")
        for path, figure in figures.items():
            style.save(figure, path)
        return
    outdated = [path.name for path in old if new[path] != old[path]]
    for path in old:
        said_lines, now = old[path].splitlines(), new[path].splitlines()
        for line in difflib.unified_diff(said_lines, now, path.name, "a run", n=0, lineterm=""):
            print(line, file=sys.stderr)
    outdated += [path.name for path, figure in figures.items() if not same(figure, path)]
    if outdated:
        raise SystemExit(f"not what a run gives: {', '.join(outdated)}; run python {script}")


def same(figure: Figure, path: Path) -> bool:
    """Whether a figure is the picture at `path`."""
    if not path.is_file():
        return False
    with tempfile.TemporaryDirectory() as folder:
        style.save(figure, Path(folder) / path.name)
        pictures = [imread(p) for p in (Path(folder) / path.name, path)]
    return pictures[0].shape == pictures[1].shape and (
        float(np.abs(pictures[0] - pictures[1]).mean()) < ALIKE
    )


def main() -> None:
    """Fill the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if outdated")
    check = parser.parse_args().check
    old = {path: path.read_text("utf-8") for path in PAGES}
    table, series = verdicts()
    pairs, shown = joint()
    new = filled(
        old,
        {
            "verdicts": table,
            "chance": chance(),
            "error rates": error_rates(),
            "joint": pairs,
            "findings": findings(series, shown),
            "output": output(),
        },
    )
    settle(old, new, {FIGURE: plots.plot_pair(shown[2])}, "paper/readme.py", check=check)


if __name__ == "__main__":
    main()
