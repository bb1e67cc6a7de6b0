"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Axis(StrEnum):
    """Scale axes by the name of their column."""

    params = "params"
    tokens = "tokens"
    flops = "flops"
    step = "step"
    loss = "loss"
    date = "date"


Source = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Study, or results table (.csv, .parquet, .json).")
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
    Axis | None,
    typer.Option(
        metavar="|".join(Axis), help="Scale axis. Default: the one with the most distinct values."
    ),
]
Calibrate = Annotated[
    int,
    typer.Option(
        metavar="R", min=0, help="Series to simulate for p_cal and power: 0 none, 500 for a claim."
    ),
]
Jobs = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Processes. Default: one per core.")
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
