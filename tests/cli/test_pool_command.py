"""The command `pool`: what it prints, writes and refuses."""

import json

import numpy as np
import pandas as pd
import pytest

from emergent_stats.model.trends import ACCOUNTS

X = np.linspace(-2, 2, 8)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A leap, two rises, a guesser, one series too short."""
    rng = np.random.default_rng(1)
    skills = {
        "leap": -1.2 + 4.0 * (X > 0.3),
        "flat": np.full(8, -0.5),
        "rise": -0.6 + 0.5 * X,
        "other rise": -0.2 + 0.6 * X,
    }
    tables = []
    for task, skill in skills.items():
        score = rng.binomial(500, np.exp(-np.exp(-skill))) / 500
        tables.append(_table(task, 10 ** (X + 10), score))
    tables.append(_table("short", [1e8, 1e9], [0.1, 0.2]))
    path = tmp_path_factory.mktemp("pool") / "toy.csv"
    pd.concat(tables).to_csv(path, index=False)
    return path


def _table(task, size, score):
    return pd.DataFrame(
        {
            "study": "toy", "family": "Toy", "model": [f"toy-{s:.1e}" for s in size], "task": task,
            "metric": "exact_match", "params": size, "score": score, "n": 500, "shots": 5,
        }
    )  # fmt: skip


def test_shares_scales_and_tasks_are_printed_and_written(run, source, tmp_path):
    table, figure = tmp_path / "tasks.csv", tmp_path / "shares.svg"
    words = ("pool", source, "--draws", 500)
    status, out, err = run(*words, "--out", table, "--plot", figure)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == list(ACCOUNTS)
    head = next(i for i, line in enumerate(lines) if line.endswith("nodes"))
    assert lines[head].split()[-7:] == [*ACCOUNTS, "alone", "nodes"]
    assert lines[head + 1].startswith("leap")
    assert "! 1 series left out: fewer than 4 distinct scales." in lines
    written = pd.read_csv(table)
    assert sorted(written["task"]) == ["flat", "leap", "other rise", "rise"]
    assert figure.read_bytes().startswith(b"<?xml")
    told = json.loads(run(*words, "--json")[1])
    assert set(told) == {"shares", "scales", "noise", "notes", "series"}
    assert sum(row["mean"] for row in told["shares"]) == pytest.approx(1)
    rows = {row["task"]: row for row in told["series"]}
    assert rows["leap"]["p_jump"] > 0.5 > rows["rise"]["p_jump"]
    share = {row["account"]: row["mean"] for row in told["shares"]}
    assert f"{share['gradual']:.0%}" in lines[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "short", "--task", "leap"), "1 of 2 series can be pooled"),
        (("--out", "x.txt"), "cannot write that kind of file"),
        (("--plot", "x.csv"), "--plot x.csv: cannot write that kind of file"),
        (("--succeeds", "0.9"), "do not pass the filter"),
        (("--task", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_done_is_said_once(run, source, words, message):
    status, out, err = run("pool", source, *words)
    assert status == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_help_has_examples(run):
    status, out, _ = run("pool", "--help")
    assert status == 0
    assert "emergent-stats pool bigbench-bigg" in out
    assert "--plot" in out
