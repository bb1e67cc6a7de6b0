"""What the command line says where the machine fails, and of names that are traps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from emergent_stats.verdict import judge

TRAPS = [
    "=1+1|cmd", "\x1b[31mred\x1b]0;title\x07", "[bold]x[/bold]", "<script>alert(1)</script>",
    "a$\\frac{$b", "\u202etxt", "\x9b31m", "@SUM", "-1+2", "漢" * 60, "x" * 3000,
    "می\u200cخواهم a\tb",
]  # fmt: skip
#: What is printed though Python does not call it printable.
PLAIN = "\n\xa0\u202f\u200c\u200d"


@pytest.fixture
def traps(tmp_path):
    rows = [
        {"study": "=s\x1b[2J", "family": "[red]F", "model": f"=m{size}", "task": task,
         "metric": "exact_match", "params": size, "score": size / 10, "n": 1000}
        for task in TRAPS
        for size in (1, 2, 3)
    ]  # fmt: skip
    path = tmp_path / "traps.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [40, 200])
@pytest.mark.parametrize("words", [[], ["--task", "=*"], ["--json"]])
def test_names_steer_nothing(run, traps, width, words):
    status, out, err = run("test", traps, *words, width=width)
    assert status == 0
    assert all(c.isprintable() or c in PLAIN for c in out + err)
    if words != ["--json"]:
        assert "[red]F" in out
    else:
        assert [row["task"] for row in json.loads(out)] == TRAPS


def test_names_turn_no_text_of_a_page(run, traps, tmp_path):
    out = tmp_path / "page.html"
    assert run("report", traps, "--out", out)[0] == 0
    page = out.read_text(encoding="utf-8")
    assert "txt" in page
    assert all(c.isprintable() or c in PLAIN for c in page)
    assert "می\u200cخواهم a b" in page


@pytest.mark.parametrize("command", ["test", "sweep", "export"])
def test_names_run_in_no_spreadsheet(run, traps, tmp_path, command):
    out = tmp_path / ("folder" if command == "sweep" else "out.csv")
    assert run(command, traps, "--out", out)[0] == 0
    if command == "sweep":
        assert pd.read_parquet(out)["task"].tolist() == TRAPS
        return
    cells = set(pd.read_csv(out, dtype="str").to_numpy(str).ravel())
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@"))]
    assert "'=1+1|cmd" in cells


def test_a_full_disk_under_what_is_printed(traps):
    if not Path("/dev/full").exists():
        pytest.skip("no such device")
    command = [sys.executable, "-m", "emergent_stats.cli", "test", str(traps)]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "emergent-stats: what was to be printed is not complete: No space left on device\n"
    )
    assert "Traceback" not in done.stderr


def test_a_terminal_of_few_letters(traps):
    command = [sys.executable, "-m", "emergent_stats.cli", "test", str(traps), "--task", "-1*"]
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, capture_output=True, env=plain, check=False)
    assert done.returncode == 0
    assert done.stdout.decode("ascii").startswith("=s?[2J / [red]F / -1+2 / exact_match")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("x.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ],
)
def test_too_little_memory(run, traps, monkeypatch, error):
    def fail(*given, **more):
        raise error

    monkeypatch.setattr(judge, "compare_all", fail)
    assert run("test", traps) == (
        1, "", "emergent-stats: out of memory; choose fewer series, or --jobs 1\n",
    )  # fmt: skip


def test_a_file_that_fails_is_named(run, traps, monkeypatch):
    def fail(*given, **more):
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr(judge, "compare_all", fail)
    assert run("test", traps) == (1, "", "emergent-stats: some/file: Permission denied\n")
