"""The command line on collections: discover, arrivals, forecast."""

import json

import numpy as np
import pandas as pd
import pytest

from emergent_stats.model.trends import ACCOUNTS

X = np.linspace(-2, 2, 10)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two leaps, a guesser, two smooth rises, one series too short."""
    rng = np.random.default_rng(1)
    skills = {
        "leap early": -1.2 + 4.0 * (X > -0.8),
        "leap late": -1.2 + 4.0 * (X > 0.6),
        "flat": np.full(10, -0.5),
        "rise": -0.6 + 0.5 * X,
        "other rise": -0.2 + 0.6 * X,
    }
    tables = []
    for task, skill in skills.items():
        p = np.exp(-np.exp(-skill))
        tables.append(_table(task, 10 ** (X + 10), rng.binomial(500, p) / 500))
    tables.append(_table("short", [1e8, 1e9], [0.1, 0.2]))
    path = tmp_path_factory.mktemp("collections") / "toy.csv"
    pd.concat(tables).to_csv(path, index=False)
    return path


def _table(task, size, score):
    return pd.DataFrame(
        {
            "study": "toy", "family": "Toy", "model": [f"toy-{s:.1e}" for s in size], "task": task,
            "metric": "exact_match", "params": size, "score": score, "n": 500, "shots": 5,
        }
    )  # fmt: skip


def read(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_discover_tells_who_breaks(run, source):
    status, out, err = run("discover", source)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    lines = out.splitlines()
    head = next(i for i, line in enumerate(lines) if "lfdr" in line)
    assert lines[head].split()[-8:] == [*ACCOUNTS, "alone", "lfdr", "fdr"]
    rows = lines[head + 1 : head + 7]
    assert {row.split("  ")[0] for row in rows[:2]} == {"leap early", "leap late"}
    assert "Shares of the accounts: flat" in out


def test_discover_json_is_one_object(run, source):
    some = ("--task", "leap late", "--task", "short", "--task", "rise")
    told = read(run("discover", source, *some, "--json")[1])
    assert set(told) == {"shares", "noise", "series"}
    assert sum(told["shares"].values()) == pytest.approx(1)
    assert told["noise"] == []
    rows = {row["task"]: row for row in told["series"]}
    assert len(rows) == 3
    assert rows["short"]["lfdr"] is None
    assert rows["leap late"]["lfdr"] < 0.1 < rows["rise"]["lfdr"]


def test_arrivals_as_text_and_json(run, source):
    status, out, err = run("arrivals", source, "--cut", 1e10, "--level", 0.6)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "2 of 5 tasks have arrived" in out
    assert "From smaller models:" in out
    told = read(run("arrivals", source, "--gradual", "censored", "--json")[1])
    assert told["arrived"] == 2
    assert told["foreseen"] is None
    assert told["rate"] < float(out.split("Rate: ")[1].split()[0])
    assert told["rate_low"] < told["rate"] < told["rate_high"]
    places = {row["task"]: row["at"] for row in told["series"]}
    assert places["leap early"] < 9.7 < 10.3 < places["leap late"]
    assert places["flat"] is None


def test_forecast_as_text_json_and_file(run, source, tmp_path):
    out_file = tmp_path / "forecasts.csv"
    some = ("--task", "leap late", "--task", "rise", "--task", "short")
    status, out, err = run("forecast", source, "--cut", 1e10, *some, "--out", out_file)
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "1 of 3 series have no forecast: too few models" in out
    figure = run("plot", "forecast", source, "--cut", 1e10, *some, "--out", tmp_path / "f.svg")
    assert figure[0] == 0
    assert "1 of 3 series have no forecast: too few models" in figure[1]
    written = pd.read_csv(out_file)
    assert sorted(written["task"]) == ["leap late", "rise"]
    surprise = written.set_index("task")["surprise"]
    assert surprise["leap late"] < 0.05 < surprise["rise"]
    (row,) = read(run("forecast", source, "--cut", 1e10, "--task", "rise", "--json")[1])
    assert row["surprise"] == pytest.approx(surprise["rise"], rel=1e-12)
    assert row["fitted"] == row["predicted"] == 5


def test_one_forecast_is_told_model_by_model(run, source):
    status, out, _ = run("forecast", source, "--cut", 1e10, "--task", "rise")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "toy-1.0e+12" in out
    assert "From the 5 models up to 10B" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("forecast", "SOURCE", "--cut", "1e3"), "0 distinct scales up to it, a forecast needs 4"),
        (("forecast", "SOURCE", "--cut", "1e30"), "no model beyond it to predict"),
        (("forecast", "SOURCE", "--cut", "-1"), "the cut must be above 0"),
        (
            ("forecast", "SOURCE", "--cut", "1e10", "--out", "x.txt"),
            "cannot write that kind of file",
        ),
        (("discover", "SOURCE", "--task", "short"), "no series can be analysed"),
        (("discover", "SOURCE", "--task", "flat", "--succeeds", "0.9"), "do not pass the filter"),
        (("discover", "SOURCE", "--succeeds", "1.5"), "at least 0 and below 1"),
        (("arrivals", "SOURCE", "--task", "flat", "--cut", "1e10", "--level", "2"), "between 0"),
        (("arrivals", "SOURCE", "--task", "nothing"), "matches nothing"),
    ],
)
def test_bad_input_is_one_message_and_status_2(run, source, words, message):
    status, out, err = run(*(source if word == "SOURCE" else word for word in words))
    assert (status, out) == (2, "")
    assert err.startswith("emergent-stats: ")
    assert message in err
    assert "Traceback" not in err
