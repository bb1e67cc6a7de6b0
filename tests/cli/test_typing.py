"""What a person types: names of studies completed, tasks listed, scales with a suffix."""

import json
import os
import subprocess
import sys

import pytest


def completed(words, shell="bash"):
    told = subprocess.run(
        [sys.executable, "-m", "emergent_stats.cli"],
        env=os.environ
        | {
            "_EMERGENT_STATS_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return told.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("emergent-stats test ol", ["olmo"]),
        ("emergent-stats show gp", ["gpt3"]),
        ("emergent-stats cite gpt3 py", ["pythia"]),
        ("emergent-stats expl", ["explain"]),
    ],
)
def test_a_shell_completes(words, found):
    assert completed(words) == found


def test_tasks_are_listed_with_whole_names(run):
    status, said, _ = run("show", "gpt3", "--tasks", width=60)
    assert status == 0
    head, *lines = said.splitlines()
    assert head.split() == ["series", "models", "families", "shots", "metrics", "task"]
    (lambada,) = (" ".join(line.split()) for line in lines if line.endswith("LAMBADA"))
    assert lambada == "6 8 1 0, 1, 15 exact_match, perplexity LAMBADA"
    rows = json.loads(run("show", "gpt3", "--tasks", "--json")[1])
    assert len(rows) == len(lines)
    assert sum(row["series"] for row in rows) == 189
    assert all(line.endswith(row["task"]) for line, row in zip(lines, rows, strict=True))


def test_tasks_of_a_table_are_listed_too_and_print_as_text(run, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("study,family,model,task,metric,params,score\n"
                     "s,f,m,[red]x\x1b[31m,exact_match,1e9,0.5\n")  # fmt: skip
    status, said, _ = run("show", table, "--tasks")
    assert status == 0
    assert said.splitlines()[1].endswith("[red]x?[31m")


def test_claims_have_no_tasks(run):
    status, _, error = run("show", "wei-claims", "--tasks")
    assert status == 2
    assert "a list of claims without scores" in error


@pytest.mark.parametrize("typed", ["10X", "B", "", "1e10B2"])
def test_what_is_no_scale_is_refused(run, typed):
    status, _, error = run("forecast", "gpt3", "--cut", typed)
    assert status == 2
    assert "is no scale; write a number (1e10, 10B) or a date" in error


def test_what_matches_nothing_has_a_hint_and_the_way_to_the_list(run):
    status, _, error = run("test", "gpt3", "--task", "lambda")
    assert status == 2
    assert "did you mean 'LAMBADA'?" in error
    assert "emergent-stats show SOURCE --tasks lists them" in error
