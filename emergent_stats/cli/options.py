"""The options that commands share, each declared once, and the application they belong to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="emergent-stats",
    help="Is the jump real? Calibrated verdicts on emergent abilities in published results.",
    epilog="\b\nExamples:\n"
    "  emergent-stats studies\n"
    "  emergent-stats test gpt3 --task '3D*'\n"
    "  emergent-stats plot gpt3 --task '3D*' --out figure.pdf\n"
    "  emergent-stats report gpt3 --task '3D*' --out report.html\n"
    "  emergent-stats explain edge\n"
    "  emergent-stats forecast gpt3 --cut 10B --task '3D*'\n"
    "  emergent-stats design --models 8 --span 4 --n 300\n"
    "  emergent-stats import lm-eval runs --out mine.parquet\n\n"
    "SOURCE is the name of a shipped study or a .csv, .parquet or .json results table. "
    "Exit status: 0 done, 1 the machine failed, 2 bad input.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Gradual(StrEnum):
    """What becomes of tasks that grow without a scale of their own."""

    apart = "apart"
    censored = "censored"


#: Forms of an exported table.
Form = StrEnum("Form", ["csv", "xlsx", "parquet"])
#: What counts where one model has several scores on one task.
Duplicates = StrEnum("Duplicates", ["refuse", "newest", "mean", "seed"])
#: Where priors of slopes, levels, noise and rates come from.
PriorSource = StrEnum("PriorSource", ["weak", "corpus"])
#: Scale axes by the name of their column.
AxisName = StrEnum("AxisName", ["params", "tokens", "flops", "step", "loss", "date"])


def scale(text: str) -> float:
    """Scale that was typed: a number, or a date."""
    from emergent_stats.model.axes import parse_value

    try:
        return parse_value(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no scale; write a number (1e10, 10B) or a date (2024-05-13)"
        ) from None


def studies_like(incomplete: str) -> list[str]:
    """Names of shipped studies that begin like this, for a shell's Tab."""
    from emergent_stats.results.shipped import names

    return [name for name in names() if name.startswith(incomplete)]


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Study, or results table (.csv, .parquet, .json).",
        autocompletion=studies_like,
    ),
]
Task = Annotated[
    list[str] | None,
    typer.Option(metavar="T", help="Only this task; * stands for any text. Can be repeated."),
]
Family = Annotated[
    list[str] | None, typer.Option(metavar="F", help="Only this family of models; likewise.")
]
Metric = Annotated[list[str] | None, typer.Option(metavar="M", help="Only this metric; likewise.")]
Shots = Annotated[
    list[int] | None, typer.Option(metavar="K", help="Only this number of shots; likewise.")
]
ScaleAxis = Annotated[
    AxisName | None,
    typer.Option(
        metavar="|".join(AxisName),
        help="Scale axis. Default: the one with the most distinct values.",
    ),
]
Calibrate = Annotated[
    int,
    typer.Option(
        metavar="R", min=0, help="Series to simulate for p_cal and power: 0 none, 500 for a claim."
    ),
]
Jobs = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Threads. Default: one per core.")
]
SmallestChange = Annotated[
    float | None,
    typer.Option(
        metavar="C",
        min=0.01,
        max=1.0,
        help="Smallest change of interest: what a break must do to the score of some model, as a "
        "share of the way from chance to top (nats for losses). Default: 0.2, losses 0.05.",
    ),
]
PriorsFrom = Annotated[
    PriorSource,
    typer.Option(
        help="Priors of slopes, levels, noise and rates: declared ones, or learnt from the shipped "
        "studies (without the one that is analysed)."
    ),
]
Posterior = Annotated[
    bool,
    typer.Option(
        "--posterior",
        help="Also sample the winner and its rival in PyMC (seconds to minutes a series), and "
        "take a verdict back where their evidences disagree.",
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="S", min=0, help="Seed of all that is random: same seed, same bytes.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: a list of rows.")]
AsObject = Annotated[bool, typer.Option("--json", help="Print JSON: one object.")]
Succeeds = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="The collection holds only tasks whose largest model beats chance by P: "
        "condition on that.",
    ),
]
KeepNoise = Annotated[
    bool,
    typer.Option("--keep-noise", help="Do not take out the noise that all tasks of a model share."),
]
Out = Annotated[Path | None, typer.Option(help="Also write the rows: .csv, .parquet or .json.")]
Plot = Annotated[Path | None, typer.Option(help="Also draw the verdict: .pdf, .svg or .png.")]
Html = Annotated[Path | None, typer.Option(help="Also write a page with all figures: .html.")]

_WORK: dict[str, tuple[Any, Any]] = {"jobs": (Jobs, None), "seed": (Seed, 0)}
#: Options that reach a command together, with their defaults, by the name of its parameter.
GROUPS: dict[str, dict[str, tuple[Any, Any]]] = {
    # which series
    "chosen": {
        "task": (Task, None),
        "family": (Family, None),
        "metric": (Metric, None),
        "shots": (Shots, None),
        "axis": (ScaleAxis, None),
    },
    # how each is judged by itself
    "how": {
        "calibrate": (Calibrate, 0),
        **_WORK,
        "smallest_change": (SmallestChange, None),
        "priors": (PriorsFrom, PriorSource.weak),
    },
    # how a collection is judged
    "together": {"succeeds": (Succeeds, None), "keep_noise": (KeepNoise, False), **_WORK},
    # how several series are judged at once, and where that goes
    "several": {
        **_WORK,
        "out": (Out, None),
        "plot": (Plot, None),
        "html": (Html, None),
        "as_json": (AsJson, False),
    },
}


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of those of its parameters that are named in `GROUPS`."""
    declared = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    groups = {name: GROUPS[name] for name in declared.parameters if name in GROUPS}
    parameters = []
    for own in declared.parameters.values():
        parameters += (
            [
                inspect.Parameter(name, kind, default=default, annotation=option)
                for name, (option, default) in groups[own.name].items()
            ]
            if own.name in groups
            else [own]
        )

    @wraps(command)
    def run(**given: Any) -> None:
        grouped = {name: {n: given.pop(n) for n in own} for name, own in groups.items()}
        command(**grouped, **given)

    signature = declared.replace(parameters=parameters)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
