"""What lm-evaluation-harness's metrics and tasks mean: tables, no code that reads files.

The harness's ``acc`` is the share of questions in which the right option has the
highest likelihood, or in which the right text is the likeliest one: the task
decides. From version 0.4 the file says which; before, the task's name has to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from emergent_stats.importers.declare import Declared
from emergent_stats.importers.records import given_metrics

STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d[-:.]\d\d[-:.]\d\d(?:[.\-]\d+)?)")
NO_FILTER = ("", "none")

CITATION = """@misc{eval-harness,
  author    = {Gao, Leo and Tow, Jonathan and Abbasi, Baber and Biderman, Stella and others},
  title     = {The Language Model Evaluation Harness},
  publisher = {Zenodo},
  year      = {2024},
  doi       = {10.5281/zenodo.12608602}
}"""

_EXACT = Declared("exact_match")
_CHOICE = Declared("multiple_choice")

#: Harness metric → (declaration, label in the task's name). `acc` is decided by the task.
TERMS: dict[str, tuple[Declared, str]] = {
    "acc": (_CHOICE, ""),
    "acc_norm": (_CHOICE, "acc_norm"),
    "acc_bytes": (_CHOICE, "acc_bytes"),
    "acc_mutual_info": (_CHOICE, "acc_mutual_info"),
    "mc1": (_CHOICE, ""),
    "multiple_choice_grade": (_CHOICE, ""),
    "exact_match": (_EXACT, ""),
    "exact_str_match": (_EXACT, ""),
    "em": (_EXACT, ""),
    "prompt_level_strict_acc": (_EXACT, "prompt_level_strict_acc"),
    "prompt_level_loose_acc": (_EXACT, "prompt_level_loose_acc"),
    "inst_level_strict_acc": (_EXACT, "inst_level_strict_acc"),
    "inst_level_loose_acc": (_EXACT, "inst_level_loose_acc"),
    "pass@1": (Declared("pass_at_k"), "pass@1"),
    "pass_at_1": (Declared("pass_at_k"), "pass@1"),
    "pass@10": (Declared("pass_at_k"), "pass@10"),
    "perplexity": (Declared("perplexity"), ""),
    "ppl": (Declared("perplexity"), ""),
    "word_perplexity": (Declared("perplexity"), "word_perplexity"),
    "byte_perplexity": (Declared("perplexity"), "byte_perplexity"),
    "bits_per_byte": (Declared("bits_per_byte"), ""),
    # the harness sums the squares over the options: 0 to 2
    "brier_score": (Declared("brier", 2.0), ""),
    "f1": (Declared("f1"), ""),
    "bleu": (Declared("bleu", 100.0), ""),
    "bleu_max": (Declared("bleu", 100.0), "bleu_max"),
    "rouge1_max": (Declared("rouge", 100.0), "rouge1_max"),
    "rouge2_max": (Declared("rouge", 100.0), "rouge2_max"),
    "rougeL_max": (Declared("rouge", 100.0), "rougeL_max"),
}

#: (task, metric) whose scale differs from the metric's own.
BY_TASK: dict[tuple[str, str], tuple[Declared, str]] = {
    ("squad2", "exact"): (Declared("exact_match", 100.0), ""),
    ("squad2", "f1"): (Declared("f1", 100.0), ""),
    ("squadv2", "exact"): (Declared("exact_match", 100.0), ""),
    ("squadv2", "f1"): (Declared("f1", 100.0), ""),
}

#: Metrics known not to be a level of skill, or whose scale the harness does not fix.
NOT_A_SKILL: dict[str, str] = {
    "mc2": "a probability mass over several right answers, not a share of right answers",
    "mcc": "a correlation from -1 to 1",
    "likelihood_diff": "a difference of likelihoods, without a chance level or a top",
    "likelihood_difference": "a difference of likelihoods, without a chance level or a top",
    "pct_stereotype": "a preference, not a skill",
    "chrf": "not a metric of this package",
    "ter": "not a metric of this package",
}

#: Beginnings of task names (before 0.4) whose `acc` is a written or likeliest text.
WRITTEN = (
    "anagrams",
    "arithmetic_",
    "asdiv",
    "cycle_letters",
    "drop",
    "gsm8k",
    "lambada",
    "math_",
    "minerva_math",
    "nq_open",
    "random_insertion",
    "reversed_words",
    "triviaqa",
    "unscramble",
    "webqs",
)

#: Beginnings of task names → number of options, where every question (or nearly) has as many.
OPTIONS: dict[str, float] = {
    "anli": 3,
    "arc": 4,
    "arc_agi": 0,  # drawn, not chosen
    "bbq": 3,
    "blimp": 2,
    "boolq": 2,
    "cb": 3,
    "commonsense_qa": 5,
    "copa": 2,
    "gpqa": 4,
    "hellaswag": 4,
    "hendrycksTest": 4,
    "logiqa": 4,
    "mathqa": 5,
    "medmcqa": 4,
    "medqa": 4,
    "mmlu": 4,
    "mmlu_pro": 10,
    "mnli": 3,
    "mrpc": 2,
    "openbookqa": 4,
    "paws": 2,
    "piqa": 2,
    "prost": 4,
    "pubmedqa": 3,
    "qnli": 2,
    "qqp": 2,
    "race": 4,
    "rte": 2,
    "sciq": 4,
    "social_iqa": 3,
    "sst": 2,
    "sst2": 2,
    "storycloze": 2,
    "swag": 4,
    "wic": 2,
    "winogrande": 2,
    "wnli": 2,
    "wsc": 2,
    "wsc273": 2,
    "xcopa": 2,
    "xnli": 3,
    "xstorycloze": 2,
    "xwinograd": 2,
}


def is_written(task: str) -> bool:
    """Whether `acc` of `task` is, by its name, a written answer and not a chosen one."""
    return task.startswith(WRITTEN)


@lru_cache(maxsize=4096)
def chance_by_name(task: str) -> float | None:
    """Chance level that the task's name implies; None for a task not in the table.

    Examples
    --------
    >>> chance_by_name("hendrycksTest-virology")
    0.25
    >>> chance_by_name("mmlu_pro_math")
    0.1
    """
    fits = [
        start
        for start in OPTIONS
        if task.startswith(start) and not task[len(start) : len(start) + 1].isalnum()
    ]
    options = OPTIONS[max(fits, key=len)] if fits else 0
    return 1.0 / options if options else None


def declaration(
    task: str, metric: str, output_type: str | None, given: Mapping[str, Declared]
) -> tuple[Declared, str] | str:
    """What `metric` of `task` is and its label, or why it is left out.

    Parameters
    ----------
    task : str
        Name of the task.
    metric : str
        The harness's metric, without filter.
    output_type : str or None
        As the harness states it (0.4 on): multiple_choice, loglikelihood,
        generate_until, loglikelihood_rolling.
    given : mapping
        The user's declarations: a name in full wins, a pattern fills in what the
        tables here do not know.
    """
    known = _known(task, metric, output_type)
    told = "" if isinstance(known, str) else str(known[0])
    found = (
        None
        if metric in NOT_A_SKILL and metric not in given
        else given_metrics(given).choose(metric, known=told, place=(task, metric))
    )
    if found is not None:
        return found, "" if metric in TERMS and not TERMS[metric][1] else metric
    return known


def _known(task: str, metric: str, output_type: str | None) -> tuple[Declared, str] | str:
    """What the tables here say of `metric`, or that they say nothing."""
    if (task, metric) in BY_TASK:
        return BY_TASK[task, metric]
    if metric in NOT_A_SKILL:
        return f"{metric} is {NOT_A_SKILL[metric]}"
    if metric not in TERMS:
        return (
            f"the metric {metric!r} is not declared; say what it is, for example "
            f"--metric '{metric}=exact_match' or '{metric}=rouge/100'"
        )
    found, label = TERMS[metric]
    if metric == "acc":
        written = is_written(task) if output_type is None else output_type != "multiple_choice"
        return (_EXACT if written else _CHOICE), label
    return found, label


@dataclass
class Run:
    """One result file: whose it is, and how its tasks were run."""

    where: str
    model: str
    results: dict[str, dict[str, Any]]
    new: bool
    when: str = ""
    step: float = math.nan
    tokens: float = math.nan
    shots: dict[str, int | None] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
