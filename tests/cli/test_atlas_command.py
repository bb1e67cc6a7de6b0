"""The command `atlas`: what it writes and refuses."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest

from emergent_stats.cli import commands

HOSTILE = "3D* $(id) </script>"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A rise under a bad name, one that fits its pattern, and a series too short."""
    size = np.geomspace(1e8, 1e11, 6)
    score = np.array([0.02, 0.06, 0.12, 0.22, 0.35, 0.5])
    tasks = {
        HOSTILE: (size, score),
        "3D+ $(id) </script>": (size, score),
        "short": (size[:2], score[:2]),
    }
    frames = [
        pd.DataFrame(
            {"study": "toy", "family": "Toy", "model": [f"toy-{s:.1e}" for s in x], "task": task,
             "metric": "exact_match", "params": x, "score": y, "n": 400}
        )
        for task, (x, y) in tasks.items()
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("atlas") / "toy.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def pages(folder):
    found = {}
    for path in sorted((folder / "data").glob("??.js")):
        for page in json.loads(path.read_text("ascii").partition("=")[2].removesuffix(";\n")):
            found[page["row"]["task"]] = page
    return found


def test_an_atlas_of_a_table(run, source, tmp_path):
    status, out, err = run("atlas", "--out", tmp_path / "a", "--study", source, "--jobs", 1)
    assert (status, err) == (0, "")
    assert "2 series" in out
    found = pages(tmp_path / "a")
    assert set(found) == {HOSTILE, "3D+ $(id) </script>"}
    words = shlex.split(found[HOSTILE]["command"])
    verdict = json.loads(run(*words[1:], "--json")[1])
    assert [row["task"] for row in verdict] == [HOSTILE]
    assert verdict[0]["p_gradual"] == found[HOSTILE]["row"]["p_gradual"]
    # the same from a table of verdicts, without bands
    table = tmp_path / "verdicts.parquet"
    assert run("test", source, "--out", table, "--jobs", 1)[0] == 0
    words = ("atlas", "--out", tmp_path / "b", "--study", source, "--verdicts", table)
    assert run(*words)[0] == 0
    again = pages(tmp_path / "b")
    for task, page in found.items():
        assert again[task]["row"] == page["row"]
        assert page["plot"]["bands"]
        assert not again[task]["plot"]["bands"]
    # and refused where the scores are others
    other = tmp_path / "other.csv"
    frame = pd.read_csv(source)
    frame.loc[3:5, "score"] += 0.3
    frame.to_csv(other, index=False)
    words = ("atlas", "--out", tmp_path / "c", "--study", other, "--verdicts", table)
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert "the verdicts are of other data, test them again" in err
    assert not (tmp_path / "c").exists()


def test_bad_input_is_refused_before_the_work(run, tmp_path, monkeypatch):
    monkeypatch.setattr("emergent_stats.verdict.judge.compare_all", None)
    (tmp_path / "thesis.txt").write_text("mine")
    status, out, err = run("atlas", "--out", tmp_path, "--study", "gpt3")
    assert (status, out) == (2, "")
    assert "holds thesis.txt, which is of no atlas" in err
    status, _, err = run("atlas", "--out", tmp_path / "new", "--study", "gpt4")
    assert status == 2
    assert "did you mean 'gpt3'" in err
    status, _, err = run(
        "atlas", "--out", tmp_path / "new", "--study", "gpt3", "--verdicts", tmp_path / "no.parquet"
    )
    assert status == 2
    assert "no.parquet: no such file" in err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_it_is_in_the_help():
    assert "atlas" in {command.name for command in commands.app.registered_commands}
