"""Fill the README's table, figure and quoted counts from one run of the package.

Between `<!-- begin NAME -->` and `<!-- end NAME -->` the README holds what this script writes
there. `--check` changes nothing and fails where the README says something else.

Run with `python paper/readme.py [--check]`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from emergent_stats import compare_all, compare_joint, curves, load
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style
from emergent_stats.plots import verdict as plots
from emergent_stats.results.checkpoints import thinned
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.words import probability

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FIGURE = ROOT / "paper" / "gpt3-3-digit-subtraction.png"
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


def verdicts() -> tuple[str, Comparison]:
    """Table of `SERIES`, and the comparison that the figure shows."""
    head = ["series", "models", *ACCOUNTS, "verdict"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 2) + "---|"]
    shown = None
    for label, study, condition, series in SERIES:
        rows = load(study).query(condition, engine="python")
        found = compare_all(curves(rows), calibrate=series)
        if len(found) != 1:
            raise SystemExit(f"{label}: {condition} fits {len(found)} series, not one")
        comparison = found[0]
        if "subtraction" in label:
            shown = comparison
        p = [probability(getattr(comparison, f"p_{account}")) for account in ACCOUNTS]
        lines.append(f"| {label} | {comparison.curve.m} | {' | '.join(p)} | {said(comparison)} |")
    assert shown is not None
    return "\n".join(lines), shown


def said(comparison: Comparison) -> str:
    """Verdict with its kind, or with the first words of its reason."""
    if comparison.kind:
        return f"**{comparison.verdict}: {comparison.kind}**"
    if comparison.verdict == "undecided":
        return f"undecided: {comparison.reason.partition(':')[0]}"
    return comparison.verdict


def chance() -> str:
    """What becomes of the MMLU subjects on which no size of Pythia is good."""
    rows = load("pythia").query(
        "task.str.startswith('hendrycksTest') and family == 'pythia' and shots == 0",
        engine="python",
    )
    found = compare_all([c for c in curves(rows) if c.n_scales >= 4])
    counts = {v: sum(c.verdict == v for c in found) for v in ("flat", "falls", "gradual", "real")}
    rest = len(found) - sum(counts.values())
    parts = [f"`{verdict}` in {count}" for verdict, count in counts.items() if count]
    return (
        f"The {len(found)} MMLU subjects of Pythia's eight sizes, near chance throughout, are "
        f"{', '.join(parts)} cases and undecided in {rest}."
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


def joint() -> str:
    """Table of `PAIRS`."""
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
        m = max(curve.m for curve in found.views.curves)
        chances = found.probabilities
        real = chances["onset"] + chances["jump"]
        p = [probability(v) for v in (chances["gradual"], real, chances["format"])]
        lines.append(f"| {label} | {m} | {' | '.join(p)} |")
    return "\n".join(lines)


def error_rates() -> str:
    """Sentences of `results/verdicts.md` that count wrong and right calls."""
    text = (ROOT / "benchmarks" / "results" / "verdicts.md").read_text("utf-8")
    wanted = ("Gradual truths called real", "Jumps found", "Refinement")
    lines = [line for line in text.splitlines() if line.startswith(wanted)]
    return "\n".join(f"- {line.partition(' Verdicts at')[0]}" for line in lines)


def filled(text: str, parts: dict[str, str]) -> str:
    """Return the README with the parts between their marks."""
    for name, part in parts.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(\n<!-- end {name} -->)"
        text, count = re.subn(pattern, lambda m, part=part: m[1] + part + m[2], text, flags=re.S)
        if count != 1:
            raise SystemExit(f"README.md has {count} places for {name!r}, not one")
    return text


def main() -> None:
    """Fill the README, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail if outdated")
    check = parser.parse_args().check
    table, shown = verdicts()
    old = README.read_text("utf-8")
    parts = {
        "verdicts": table,
        "chance": chance(),
        "error rates": error_rates(),
        "joint": joint(),
    }
    new = filled(old, parts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FIGURE.name if check else FIGURE
        style.save(plots.plot_verdict(shown), path)
        same = True
        if check:
            pictures = [imread(p) for p in (path, FIGURE)]
            same = pictures[0].shape == pictures[1].shape and (
                float(np.abs(pictures[0] - pictures[1]).mean()) < ALIKE
            )
    if not check:
        README.write_text(new, "utf-8")
        return
    for before, after in zip(old.splitlines(), new.splitlines(), strict=True):
        if before != after:
            print(f"README says: {before}\nnow:         {after}", file=sys.stderr)
    if new != old or not same:
        what = "README.md" if new != old else f"{FIGURE.name} (the picture)"
        raise SystemExit(f"{what} is not what a run gives; run python paper/readme.py")


if __name__ == "__main__":
    main()
