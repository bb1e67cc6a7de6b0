"""Wei et al. 2022, Figure 2: as many of its eight panels as the corpus holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emergent_stats import Curve, compare_all, curves, load
from emergent_stats.plots import style
from emergent_stats.plots.telling import tell
from emergent_stats.results.checkpoints import thinned
from emergent_stats.results.corpus import published_claims
from emergent_stats.verdict.comparison import Comparison
from reproduced import common

#: Families of public models with seven sizes or more that have their training FLOPs.
PUBLIC = "family in ('OPT', 'Pythia', 'Qwen1.5')"


@dataclass(frozen=True)
class Panel:
    """A panel of the figure: its title there, where its task ships, and what axis all share."""

    title: str
    sources: dict[str, str] = field(default_factory=dict)
    axis: str = "flops"
    claims: tuple[str, ...] = ()


PANELS = (
    Panel("Mod. arithmetic", {"bigbench-bigg": "task == 'modified_arithmetic'"}, "params",
          ("Addition/subtraction (3 digit)",)),
    Panel("IPA transliterate",
          {"obsscaling": f"task == 'ipa_transliterate' and metric == 'bleu' and {PUBLIC}"}),
    Panel("Word unscramble",
          {"bigbench-bigg": "task == 'word_unscrambling'",
           "obsscaling": f"task == 'word_unscrambling' and {PUBLIC}"}, "params"),
    Panel("Persian QA", {"obsscaling": f"task == 'parsinlu_qa' and {PUBLIC}"}),
    Panel("TruthfulQA", claims=("Truthfulness (Truthful QA)",)),
    Panel("Grounded mappings", claims=("Grounded conceptual mappings",)),
    Panel("Multi-task NLU",
          {"open-lm": "task == 'mmlu' and family == 'RefinedWeb'",
           "olmo": "family == 'OLMo-2-13B training'"},
          claims=("MMLU Benchmark (57 topic avg.)",)),
    Panel("Word in context", {"gpt3": "task == 'WiC' and shots == 32"},
          claims=("Word in Context (WiC) benchmark",)),
)  # fmt: skip
#: Families as the figure names them.
NAMES = {"RefinedWeb": "open-lm", "OLMo-2-13B training": "OLMo-2 13B"}
#: Series of the very models of the figure.
OWN = ("GPT-3",)


def run(family: str, axis: str, answers: str = "lettered") -> Curve:
    """MMLU of a run of OLMo-2: on every axis the checkpoints that count along its steps."""
    kept = thinned(mmlu("step", family)).models
    whole = mmlu(axis, family, answers)
    return whole.take(np.array([model in kept for model in whole.models]))


def mmlu(axis: str, family: str, answers: str = "lettered") -> Curve:
    """All of MMLU in a format of answers, from its four quarters that ship of OLMo-2."""
    rows = load("olmo").query(
        f"family == '{family}' and metric == 'multiple_choice' and "
        f"task.str.fullmatch('mmlu_.*_test .{answers}.')",
        engine="python",
    )
    rows = rows.assign(right=rows["score"] * rows["n"].astype(float))
    whole = rows.groupby(["model", axis], as_index=False).agg(
        right=("right", "sum"), n=("n", "sum"), parts=("task", "size"), chance=("chance", "mean")
    )
    whole = pd.DataFrame(whole[whole["parts"] == whole["parts"].max()])
    n = whole["n"].to_numpy(float)
    return Curve(
        whole[axis].to_numpy(float), whole["right"].to_numpy(float) / n, "multiple_choice",
        axis=axis, n=n, chance=float(whole["chance"].iloc[0]), models=tuple(whole["model"]),
        key={"study": "olmo", "family": family, "task": f"MMLU ({answers})"},
    )  # fmt: skip


def find() -> dict[str, list[Comparison]]:
    """Verdicts by panel; none where nothing ships."""
    found: dict[str, list[Comparison]] = {}
    for panel in PANELS:
        own: list[Curve] = []
        for study, condition in panel.sources.items():
            if study == "olmo":
                own.append(run("OLMo-2-13B training", panel.axis))
            else:
                own += curves(load(study).query(condition, engine="python"), panel.axis)
        found[panel.title] = list(compare_all(own)) if own else []
    return found


def family(one: Comparison) -> str:
    """Name of the family of a series in the figure."""
    name = str(one.curve.key["family"])
    return NAMES.get(name, name)


def figure(found: dict[str, list[Comparison]]) -> Figure:
    """Eight panels as they stand in the paper; those that are missing say so."""
    with style.look():
        picture, panels = common.blank(4.7, 2, 4)
        for ax, panel in zip(panels, PANELS, strict=True):
            common.heading(ax, panel.title)
            own = found[panel.title]
            if not own:
                ax.set(xticks=[], yticks=[])
                ax.text(0.5, 0.5, "does not ship", ha="center", va="center", color=style.QUIET,
                        transform=ax.transAxes)  # fmt: skip
                tell(ax, f"{panel.title}: does not ship.")
                continue
            names = [family(c) for c in own]
            many = max(c.curve.m for c in own) > 20
            # words stand above the scores
            common.draw(ax, own, names=names, top=0.09 * len(own) + 0.03, small=2 if many else 3.2)
            lines = [f"{n}: {common.brief(c)}" for n, c in zip(names, own, strict=True)]
            common.note(ax, lines, first=0)
        style.letters(panels)
    return picture


def words(found: dict[str, list[Comparison]]) -> str:
    """The paragraphs of this part."""
    here = [p.title for p in PANELS if found[p.title]]
    every = [c for own in found.values() for c in own]
    own = [c for c in every if family(c) in OWN]
    late = [c for c in every if common.said(c) == "undecided: edge"]
    real = [c for c in every if c.verdict == "real"]
    public = [c for c in every if c.curve.key["study"] == "obsscaling"]
    claims = published_claims().set_index("ability")
    claimed = common.listed(
        f"{p.title} ({claims.loc[a, 'model']})" for p in PANELS for a in p.claims
        if not found[p.title]
    )  # fmt: skip
    wic = found["Word in context"][0]
    lowest, highest = (f"{v:.3f}" for v in np.sort(wic.curve.score)[[0, -1]])
    told = common.listed(f"{family(c)}'s {title(found, c)} ({common.said(c)})" for c in real)
    return common.text(
        f"{len(here)} of {len(PANELS)} panels have series here ({common.listed(here)}), "
        f"{len(every)} in all; {len(own)} of them is of a model of the figure "
        f"({common.listed(OWN)}). Dashes: chance.",
        f"{len(late)} series sit at the floor until their last gap and rise there, as in the "
        f"paper: {common.listed(f'{family(c)} in {title(found, c)}' for c in late)}. GPT-3 stays "
        f"at chance on Word in context ({lowest} to {highest}): {common.said(wic)}; the claim "
        f"there is {claims.loc['Word in Context (WiC) benchmark', 'model']}'s.",
        f"The verdicts are {common.counted(every)}. The rises in the last gap are not called "
        "real: no model inside the gap tells a jump from a steep trend. "
        f"{'Called real: ' + told + ', where' if real else 'None is called real;'} lettered "
        f"answers are a skill of their own ([findings](findings.md)). The {len(public)} series of "
        f"public families get {common.counted(public)}.",
        f"Panels without any series: {claimed}. The data points of the paper's figure do not "
        "ship, so LaMDA, Gopher, Chinchilla and PaLM are in no panel. BIG-G has no training FLOPs "
        "here, so its panels are by parameters; the families of ObsScaling are 2-shot, later "
        "models than the paper's, and their numbers of questions are inferred.",
    )


def title(found: dict[str, list[Comparison]], one: Comparison) -> str:
    """Title of the panel in which a series stands."""
    return next(name for name, own in found.items() if any(c is one for c in own))
