"""Choosing series by what a user types."""

import pandas as pd
import pytest

from emergent_stats.results.corpus import validate
from emergent_stats.results.files import ResultsError
from emergent_stats.results.schema import COLUMNS
from emergent_stats.results.selection import select


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = [
        {
            "study": "toy", "family": family, "model": f"{family}-{size}", "task": task,
            "metric": metric, "params": float(size), "score": 0.5, "shots": shots, "chance": 0.25,
        }
        for family in ("Alpha", "Beta")
        for task, metric, shots in (
            ("3D+", "exact_match", 0),
            ("3D-", "exact_match", 64),
            ("quiz [hard]", "multiple_choice", None),
        )
        for size in (10, 100)
    ]  # fmt: skip
    return validate(pd.DataFrame(rows, columns=list(COLUMNS)))


def chosen(frame, column, **filters):
    return sorted(set(select(frame, **filters)[column]))


def test_no_filter_keeps_all(frame):
    assert len(select(frame)) == len(frame) == 12


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (["3D+"], ["3D+"]),
        (["3d*"], ["3D+", "3D-"]),
        (["3D?", "quiz*"], ["3D+", "3D-", "quiz [hard]"]),
        (["quiz [hard]"], ["quiz [hard]"]),  # an exact name is no pattern
    ],
)
def test_task_by_name_or_pattern(frame, task, expected):
    assert chosen(frame, "task", task=task) == expected


def test_filters_combine(frame):
    rows = select(frame, family=["alpha"], metric=["exact_match"], shots=[64])
    assert set(rows["model"]) == {"Alpha-10", "Alpha-100"}
    assert set(rows["task"]) == {"3D-"}


def test_metric_by_alias(frame):
    assert chosen(frame, "metric", metric=["multiple_choice_grade"]) == ["multiple_choice"]


def test_unknown_shots_are_kept_only_without_a_filter(frame):
    assert chosen(frame, "task", shots=[0, 64]) == ["3D+", "3D-"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"task": ["3D"]},
            "--task '3D' matches nothing; did you mean '3D-' or '3D+'? "
            "task here: 3D+, 3D-, quiz [hard]",
        ),
        ({"family": ["Gamma"]}, "--family 'Gamma' matches nothing; family here: Alpha, Beta"),
        ({"shots": [5]}, "--shots 5 matches nothing; shots here: 0, 64"),
        ({"axis": "flops"}, "--axis flops: no row has it; axes here: params"),
    ],
)
def test_nothing_left_says_what_exists(frame, filters, message):
    with pytest.raises(ResultsError) as error:
        select(frame, **filters)
    assert str(error.value) == message


def test_long_lists_are_cut(frame):
    many = pd.concat([frame.assign(task=f"task {i:02}") for i in range(20)])
    with pytest.raises(
        ResultsError, match=r"task 11 and 8 more; emergent-stats show SOURCE --tasks lists them$"
    ):
        select(many, task=["zzz"])
