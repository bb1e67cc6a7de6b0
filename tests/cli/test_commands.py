"""The command line: a stable contract, read by people and by programs."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from emergent_stats.cli import commands
from emergent_stats.model.axes import AXES
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.corpus import read
from emergent_stats.results.selection import curves
from emergent_stats.verdict.judge import compare_all

CONTRACT = """
study family task metric shots seed axis m verdict kind reason p_flat p_gradual p_onset p_jump
p_falls log_bf log_bf_error p_cal power robust at_low at_high width_low width_high height_low
height_high apparent_jump warnings lean summary rise_low rise_high largest_gap confirmed
"""
COLUMNS = CONTRACT.split()
SIZES = np.array([1e8, 3e8, 1e9, 3e9, 1e10, 3e10, 1e11, 3e11])


def series(task: str, score, **columns) -> pd.DataFrame:
    size = SIZES[: len(score)]
    table = {
        "study": "toy", "family": "Toy", "model": [f"toy-{s:.0e}" for s in size], "task": task,
        "metric": "exact_match", "params": size, "score": score, "n": 1000, "shots": 5,
    }  # fmt: skip
    return pd.DataFrame(table | columns)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Series of each kind: two smooth rises, a guesser, one too short to say anything."""
    path = tmp_path_factory.mktemp("cli") / "toy.csv"
    smooth = [0.02, 0.05, 0.11, 0.2, 0.33, 0.46, 0.6, 0.71]
    guess = [0.26, 0.24, 0.25, 0.27, 0.25, 0.24, 0.26, 0.25]
    straight = [0.092, 0.153, 0.235, 0.32, 0.416, 0.501, 0.587, 0.658]
    frame = pd.concat([
        series("smooth rise", smooth),
        series("straight", straight),
        series("guessing", guess, metric="multiple_choice", chance=0.25),
        series("short", [0.1, 0.5, 0.9]),
    ])  # fmt: skip
    frame.to_csv(path, index=False)
    return path


def outside(*words, **kwargs):
    """Run it as a program."""
    command = [sys.executable, "-m", "emergent_stats.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)


# --- help --------------------------------------------------------------------------------


COMMANDS = [
    "studies", "show", "cite", "import", "export", "test", "discover", "arrivals", "forecast",
    "design", "plot", "report", "explain", "pair", "seeds", "pool", "sweep", "atlas",
    "seminar", "app",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert f"  emergent-stats {command}" in out
    assert max(map(len, out.splitlines())) <= 80
    assert command in run("--help")[1]


def test_commands_are_those_that_work(run):
    listed = run("--help")[1].split("Commands:")[1].split("Examples:")[0]
    assert [line.split()[0] for line in listed.strip().splitlines()] == COMMANDS


def test_version(run):
    import emergent_stats

    assert run("--version") == (0, f"{emergent_stats.__version__}\n", "")


def test_axes_are_those_of_the_table():
    assert tuple(commands.AxisName) == tuple(AXES)


# --- studies -----------------------------------------------------------------------------
def test_studies_as_text_and_json(run):
    status, out, err = run("studies")
    assert (status, err) == (0, "")
    rows = json.loads(run("studies", "--json")[1])
    assert {"gpt3", "bigbench-bigg", "pythia", "obsscaling"} <= {row["study"] for row in rows}
    for row in rows:
        assert row["study"] in out
        assert row["citation"]
        assert row["licence"]


# --- test --------------------------------------------------------------------------------
def test_json_is_the_contract(run, source):
    status, out, err = run("test", source, "--json")
    assert (status, err) == (0, "")
    rows = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert [row["task"] for row in rows] == ["smooth rise", "straight", "guessing", "short"]
    assert all(list(row) == COLUMNS for row in rows)
    smooth, straight, guessing, short = rows
    assert (smooth["m"], smooth["shots"], smooth["seed"]) == (8, 5, None)
    for row in (smooth, straight, guessing):
        total = sum(row[f"p_{account}"] for account in ACCOUNTS)
        assert total == pytest.approx(1)
    assert guessing["verdict"] == "flat"
    assert "real" not in (smooth["verdict"], straight["verdict"])
    assert (short["verdict"], short["m"], short["log_bf"]) == ("undecided", 3, None)
    assert (smooth["p_cal"], smooth["power"]) == (None, None)


def test_same_seed_same_bytes(run, tmp_path):
    path = tmp_path / "short.csv"
    series("straight", [0.092, 0.153, 0.235, 0.32, 0.416]).to_csv(path, index=False)
    words = ("test", path, "--calibrate", 8, "--seed", 3, "--json")
    first, second = outside(*words), run(*words, "--jobs", 1)
    assert first.returncode == second[0] == 0
    assert first.stdout == second[1]
    assert json.loads(first.stdout)[0]["p_cal"] is not None


@pytest.fixture(scope="module")
def reasons(source):
    return [found.reason for found in compare_all(curves(read(source)))]


@pytest.mark.parametrize("width", [80, 140])
def test_table_fits_the_line_and_gives_reasons(run, source, reasons, width):
    status, out, _ = run("test", source, width=width)
    assert status == 0
    assert max(map(len, out.splitlines())) <= width
    for words in ("smooth rise", "guessing", "short", "flat", "undecided", "gradual"):
        assert words in out
    text = " ".join(out.split())
    assert all(" ".join(reason.split()) in text for reason in reasons)


def test_one_series_is_told_in_full(run, source):
    out = run("test", source, "--task", "straight")[1]
    assert out.startswith("toy / Toy / straight / exact_match, 5-shot, 8 models")
    for words in ("P(gradual)", "log Bayes factor", "power_law", "sensitivity grid"):
        assert words in out


def test_thresholds_are_printed_with_the_verdicts(run, source):
    for task in ("straight", "*"):
        out = " ".join(run("test", source, "--task", task)[1].split())
        assert "Held against: probability of what it says > 0.95" in out


def test_many_series_get_a_tally_instead_of_reasons(run, tmp_path):
    path = tmp_path / "many.csv"
    pd.concat([series(f"t{i}", [0.2, 0.5, 0.8]) for i in range(13)]).to_csv(path, index=False)
    out = run("test", path)[1]
    assert "13 series: 13 undecided." in out
    assert "--json" in out


def test_filters_and_axis(run, source):
    rows = json.loads(run("test", source, "--task", "s*", "--metric", "em", "--json")[1])
    assert {row["task"] for row in rows} == {"smooth rise", "straight", "short"}
    rows = json.loads(run("test", source, "--axis", "params", "--task", "short", "--json")[1])
    assert [row["axis"] for row in rows] == ["params"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_out_holds_the_same_rows(run, source, tmp_path, suffix):
    path = tmp_path / f"verdicts{suffix}"
    status, out, _ = run("test", source, "--out", path, "--json")
    assert status == 0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    reader = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}[suffix]
    frame = reader(path)
    rows = json.loads(out)
    assert list(frame.columns) == COLUMNS
    assert frame["task"].tolist() == [row["task"] for row in rows]
    assert frame["p_gradual"].iloc[0] == pytest.approx(rows[0]["p_gradual"], rel=1e-12)
    if suffix == ".json":
        assert json.loads(path.read_text(encoding="utf-8")) == rows


# --- plot --------------------------------------------------------------------------------
@pytest.mark.parametrize("task", ["smooth rise", "*"])
def test_plot_writes_the_figure_its_numbers_and_its_words(run, source, tmp_path, task):
    path = tmp_path / "figure.png"
    assert run("plot", source, "--task", task, "--out", path) == (0, "", "")
    assert path.read_bytes().startswith(b"\x89PNG")
    names = ["figure.alt.txt", "figure.data.csv", "figure.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_a_kind_of_figure_is_the_first_word_or_an_option(run, source, tmp_path):
    chosen = ("--task", "smooth rise", "--out")
    assert run("plot", "sensitivity", source, *chosen, tmp_path / "a.png") == (0, "", "")
    assert run("plot", source, "--kind", "sensitivity", *chosen, tmp_path / "b.png") == (0, "", "")
    one, other = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert one == other


@pytest.mark.parametrize(
    "words",
    [
        ("metric",),
        ("breakthroughness", "SOURCE", "--task", "smooth rise"),
        ("transition", "SOURCE", "--task", "smooth rise"),
        ("forecast", "SOURCE", "--task", "smooth rise", "--cut", "1e10"),
        ("study", "SOURCE"),
        *(pytest.param(words, marks=pytest.mark.slow) for words in (
            ("calibration", "SOURCE", "--task", "smooth rise", "--calibrate", "40"),
            ("design", "SOURCE", "--task", "smooth rise"),
            ("forest", "SOURCE"),
            ("pair", "gpt3", "--task", "LAMBADA", "--shots", "0"),
        )),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_every_kind_can_be_plotted(run, source, tmp_path, words):
    words = [source if word == "SOURCE" else word for word in words]
    assert run("plot", *words, "--out", tmp_path / "x.svg") == (0, "", "")
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forecast", "gpt3"), "plot forecast: say up to where models are fitted: --cut 1e10"),
        (("metric", "gpt3"), "plot metric: takes no SOURCE, got 1 after it"),
        (("verdikt", "gpt3"), "no kind of figure 'verdikt'; use verdict, "),
        (("gpt3", "--kind", "x"), "no kind of figure 'x'; use verdict, "),
        (("pair", "gpt3", "pythia"), "plot pair: takes one SOURCE, got 2"),
        (("gpt3", "--preset", "huge"), "no preset 'huge'; use single, double, poster, slide"),
    ],
)
def test_what_cannot_be_plotted(run, tmp_path, words, said):
    status, _, err = run("plot", *words, "--out", tmp_path / "x.png")
    assert status == 2
    assert err.startswith(f"emergent-stats: {said}")
    assert list(tmp_path.iterdir()) == []


def test_too_many_for_one_figure(run, tmp_path):
    status, _, err = run("plot", "gpt3", "--out", tmp_path / "figure.png")
    assert status == 2
    assert err == (
        "emergent-stats: 189 series match and a figure holds 24; "
        "choose fewer with --task, --family, --metric or --shots\n"
    )


# --- bad input ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["test", "gpt"], "unknown study 'gpt'; did you mean 'gpt3'? known: "),
        (["test", "nowhere.csv"], "nowhere.csv: no such file"),
        (["test", "gpt3", "--task", "LAMBDA"], "--task 'LAMBDA' matches nothing; did you mean"),
        (["test", "gpt3", "--metric", "brier"], "metric here: bleu, exact_match, f1"),
        (["test", "gpt3", "--axis", "loss"], "--axis loss: no row has it; axes here: params"),
        (["test", "gpt3", "--out", "x.xlsx"], "use .csv, .parquet or .json"),
        (["test", "gpt3", "--out", "no/such/folder.csv"], "does not exist; make it first"),
        (["test", "gpt3", "--axis", "size"], "'size' is not one of 'params'"),
        (["test", "gpt3", "--calibrate", "-5"], "Invalid value for '--calibrate'"),
        (["plot", "gpt3", "--out", "x.gif"], "use .pdf, .svg or .png"),
        (["plot", "gpt3"], "Missing option '--out'"),
        (["tset", "gpt3"], "No such command 'tset'"),
    ],
)
def test_bad_input_is_one_message_and_status_2(run, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*words)
    assert status == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_percentage_is_named_with_its_row(run, tmp_path):
    path = tmp_path / "mine.csv"
    series("a", [2.0, 5.0, 45.0, 60.0]).to_csv(path, index=False)
    status, out, err = run("test", path, "--out", tmp_path / "out.csv")
    assert (status, out) == (2, "")
    assert f"{path}, row 2: score 2.0 is above 1, the top of 'exact_match'" in err
    assert not (tmp_path / "out.csv").exists()


def test_stdout_stays_clean_when_piped(source):
    done = outside("test", source, "--task", "short")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
