"""What many series have in common is said once: warnings by cause, series too short to judge."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emergent_stats.cli import commands
from emergent_stats.importers import import_results
from emergent_stats.importers.report import Dropped, ImportReport, Notes
from emergent_stats.model.curve import Curve
from emergent_stats.verdict import causes

SIZES = np.logspace(8, 11, 8)
RISE = [0.02, 0.05, 0.11, 0.2, 0.33, 0.46, 0.6, 0.71]


def series(task: str, score, **columns) -> pd.DataFrame:
    size = SIZES[: len(score)]
    base = {
        "study": "toy", "family": "Toy", "model": [f"toy-{i}" for i in range(len(score))],
        "task": task, "metric": "exact_match", "params": size, "score": score, "n": 1000,
    }  # fmt: skip
    return pd.DataFrame(base | columns)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def call(command, frame, *words):
        path = tmp_path / "t.csv"
        frame.to_csv(path, index=False)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(
            sys, "argv", ["emergent-stats", command, str(path), "--jobs", "1", *map(str, words)]
        )
        try:
            commands.main()
        except SystemExit as stop:
            status = stop.code
        else:
            status = 0
        out, err = capsys.readouterr()
        assert not status, err
        return out

    return call


# --- causes ------------------------------------------------------------------------------
def test_numbers_and_names_do_not_make_another_cause():
    said = [
        ("a", ("1 of 8 models score below chance", "assumed, not published: chance")),
        ("b", ("3 of 8 models score below chance",)),
        ("c", ("2 models without params left out (x, y)", "assumed, not published: chance, n")),
    ]
    found = causes.by_cause(said)
    assert [(cause.count, cause.where, cause.alike) for cause in found] == [
        (2, "a", False), (2, "a", False), (1, "c", True),
    ]  # fmt: skip
    assert causes.lines(said) == [
        "2 of 3: 1 of 8 models score below chance (others differ in the numbers; this is: a)",
        "2 of 3: assumed, not published: chance (others differ in the numbers; this is: a)",
        "1 of 3: 2 models without params left out (x, y) (c)",
    ]


def test_a_series_that_warns_twice_of_a_cause_counts_once():
    said = [("a", ("model 1 is odd", "model 2 is odd")), ("b", ())]
    assert [(cause.text, cause.count) for cause in causes.by_cause(said)] == [("model 1 is odd", 1)]


def test_many_causes_end():
    letters = [chr(ord("a") + i) * 3 for i in range(15)]
    assert causes.lines([("t", tuple(letters))])[-1] == "… and 5 more kinds of warning"


def test_series_too_short_are_counted_by_their_scales():
    def curve(m: int, task: str) -> Curve:
        return Curve(SIZES[:m], RISE[:m], "exact_match", key={"family": "Toy", "task": task})

    one = [curve(1, f"t{i}") for i in range(2048)]
    assert causes.short_words([*one, curve(3, "x")]) == (
        "2,049 series are undecided and not in the table, of too few scales (1 scale: 2,048, "
        "3 scales: 1): a break needs at least 4, two on either side. First: Toy · t0."
    )
    assert causes.short_words([]) == ""
    assert not causes.too_short(curve(4, "x"))


# --- the command line -----------------------------------------------------------------------
@pytest.mark.parametrize("count", [3, 13])
def test_each_warning_is_printed_once(run, count):
    rows = [series(f"t{i}", RISE[::2], n=np.nan, assumed="chance") for i in range(count)]
    out = " ".join(run("test", pd.concat(rows)).split())
    assert out.count("n unknown for some models: assumed 1000") == 1
    assert f"! all {count}: assumed, not published: chance" in out
    out = " ".join(run("discover", pd.concat(rows[:3]), "--keep-noise").split())
    assert out.count("n unknown for some models: assumed 1000") == 1


def test_a_warning_of_some_names_one(run):
    rows = [series("t0", RISE), series("t1", RISE, n=np.nan), series("t2", RISE, n=np.nan)]
    out = " ".join(run("test", pd.concat(rows)).split())
    assert "! 2 of 3: n unknown for some models: assumed 1000 (first: Toy · t1)" in out


def test_short_series_are_one_line_and_stay_in_the_rows(run, tmp_path):
    rows = pd.concat([series("long", RISE[::2]), *[series(f"s{i}", [0.3]) for i in range(60)]])
    out = run("test", rows)
    text = " ".join(out.split())
    assert "60 series are undecided and not in the table, of too few scales (1 scale: 60)" in text
    assert "61 series: " in text
    assert len(out.splitlines()) < 25
    assert "long" in out
    for i in range(1, 60):
        assert f"s{i} " not in out
    file = tmp_path / "rows.csv"
    assert len(json.loads(run("test", rows, "--json", "--out", file))) == 61
    assert len(pd.read_csv(file)) == 61
    out = run("discover", rows, "--keep-noise")
    text = " ".join(out.split())
    assert "60 series are undecided and not in the table" in text
    assert "s0 " not in out.partition("60 series")[0]
    assert len(json.loads(run("discover", rows, "--keep-noise", "--json"))["series"]) == 61


def test_nothing_but_short_series_is_said_without_a_table(run):
    out = run("test", pd.concat([series(f"s{i}", [0.3, 0.5]) for i in range(20)]))
    text = " ".join(out.split())
    assert "20 series: 20 undecided." in text
    assert "20 series are undecided and not in the table, of too few scales (2 scales: 20)" in text
    assert "verdict" not in out


# --- imports ------------------------------------------------------------------------------
def test_notes_of_one_cause_are_one_warning():
    notes = Notes()
    for i in range(50):
        notes.warn("n recovered is approximate", about=f"task {i}")
    notes.warn("alone")
    assert notes.warnings == (
        "task 0, task 1, task 2 and 47 more: n recovered is approximate", "alone",
    )  # fmt: skip


def test_what_was_left_out_for_one_reason_is_one_line():
    frame = import_results("bigbench", Path(__file__).parents[1] / "samples" / "bigbench").frame
    dropped = [Dropped(f"task {i}", "of how many options?", 12) for i in range(40)]
    dropped += [Dropped(f"row {i}", f"{i + 2}.5 is outside of 0 to 1") for i in range(40)]
    lines = [
        line for line in ImportReport(frame, tuple(dropped)).text.splitlines() if "left out" in line
    ]
    assert lines == [
        "left out: task 0, task 1, task 2 and 37 more (480 in all): of how many options?",
        "left out: row 0, row 1, row 2 and 37 more (40 in all): 2.5 is outside of 0 to 1",
    ]


def test_a_leaderboard_of_many_choices_is_left_out_in_one_line(tmp_path):
    tasks = [f"task{i}" for i in range(30)]
    cells = ",".join(["Model", "good", *tasks]) + "\n" + ",".join(["x-1b", "5", *["50"] * 30])
    (tmp_path / "t.csv").write_text(cells + "\n")
    told = {
        "model": "Model",
        "tasks": {"good": "exact_match/100"} | dict.fromkeys(tasks, "multiple_choice/100"),
    }
    text = import_results("wide", tmp_path / "t.csv", columns=told).text
    assert text.count("left out:") == 1
    assert "task0, task1, task2 and 27 more" in text
