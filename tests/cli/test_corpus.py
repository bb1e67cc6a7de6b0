"""The corpus and foreign files on the command line: show, cite, import, export."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from emergent_stats.cli import commands, listing
from emergent_stats.importers import IMPORTERS
from emergent_stats.results import corpus

SAMPLES = Path(__file__).parents[1] / "samples"
RUNS = ("EleutherAI__pythia-70m", "EleutherAI__pythia-410m")
WIDE = SAMPLES / "wide" / "leaderboard.csv"
MAP = SAMPLES / "wide" / "leaderboard.toml"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in an empty folder: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["emergent-stats", *map(str, words)])
        status = 0
        try:
            commands.main()
        except SystemExit as stop:
            status = stop.code or 0
        return (status, *capsys.readouterr())

    return call


@pytest.fixture
def runs(tmp_path):
    """Folder with the results and samples of two sizes of Pythia."""
    for name in RUNS:
        shutil.copytree(SAMPLES / "lm-eval" / name, tmp_path / "runs" / name)
    return tmp_path / "runs"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- show, cite --------------------------------------------------------------------------
def test_show_tells_what_is_in_a_study(run):
    status, out, err = run("show", "gpt3", "--rows", 2)
    assert (status, err) == (0, "")
    assert out.startswith("gpt3: Language Models are Few-Shot Learners\n")
    for part in ("1,512 rows, 189 series", "Columns", "licence:", "Known traps", "First 2 rows"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80


def test_show_as_json_is_one_object(run):
    status, out, err = run("show", "gpt3", "--rows", 2, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (told["study"], told["rows"], len(told["first_rows"])) == ("gpt3", 1512, 2)
    assert {"citation", "licence", "columns", "traps"} <= set(told)


def test_a_study_of_claims_says_so_and_where_to_read_them(run):
    listed = run("studies")[1].split("wei-claims")[1]
    assert "Claims without scores: nothing to test; read them with" in " ".join(listed.split())
    assert "0 series" not in listed
    out = run("show", "wei-claims", "--rows", 23)[1]
    assert "23 published claims of the scale at which an ability emerges" in " ".join(out.split())
    assert "0 series" not in out
    assert "smallest model that is said to have it" in out
    for ability in corpus.published_claims()["ability"].str[:30]:
        assert ability in out


def test_cite_prints_bibtex_of_each_paper_once(run):
    status, out, err = run("cite", "gpt3", "pythia", "gpt3")
    assert (status, err) == (0, "")
    keys = re.findall(r"^@\w+\{([^,]+),$", out, re.MULTILINE)
    assert [key[:8] for key in keys] == ["brown202", "biderman"]


# --- import ------------------------------------------------------------------------------
def test_import_of_two_pythia_runs_can_be_tested(run, runs, tmp_path):
    def program(*words):
        command = [sys.executable, "-m", "emergent_stats.cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    report = program("import", "lm-eval", "runs", "--out", "mine.parquet", "--study", "own")
    assert "18 scores of 2 models on 5 tasks" in report
    assert "left out: " in report
    assert "wrote mine.parquet: 18 rows" in report
    assert "@misc{eval-harness," in report
    table = corpus.read(tmp_path / "mine.parquet")
    assert set(table["study"]) == {"own"}
    assert sorted(set(table["params"])) == [70426624, 405334016]
    rows = json.loads(run("test", "mine.parquet", "--task", "tiny_choice", "--json")[1])
    assert {row["metric"] for row in rows} == {"multiple_choice", "bits_per_byte", "brier"}
    assert {(row["study"], row["family"], row["m"]) for row in rows} == {("own", "pythia", 2)}
    assert {row["verdict"] for row in rows} == {"undecided"}  # two sizes say nothing
    assert names(tmp_path) == ["mine.parquet", "runs"]


def test_samples_come_as_a_table_of_their_own(run, runs, tmp_path):
    status, out, _ = run(
        "import", "lm-eval", runs, "--out", "mine.json", "--items", "samples.parquet"
    )
    assert status == 0
    assert "wrote samples.parquet: 64 samples" in out
    assert len(pd.read_parquet(tmp_path / "samples.parquet")) == 64
    assert len(corpus.read(tmp_path / "mine.json")) == 18
    assert names(tmp_path) == ["mine.json", "runs", "samples.parquet"]


def test_wide_table_with_its_map_and_options(run, tmp_path):
    status, out, err = run(
        "import", "wide", WIDE, "--columns", MAP, "--out", "w.csv", "--study", "own",
        "--family", "Alpha", "--chance", "mmlu=0.2", "--chance", "mmul=0.25",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "warning: --chance mmul=0.25: no task of that name was imported" in out
    table = corpus.read(tmp_path / "w.csv")
    assert (set(table["study"]), set(table["family"])) == ({"own"}, {"Alpha"})
    assert set(table.query("metric == 'multiple_choice'")["chance"]) == {0.2}


@pytest.mark.parametrize("form", ["helm", "metr"])
def test_models_table_and_metric_are_passed_on(run, tmp_path, form):
    sizes = {"simple/model1": 1e9, "GPT-2": 1.5e9, "davinci-002 (GPT-3)": 1.75e11}
    models = pd.DataFrame({"model": list(sizes), "family": "f", "params": list(sizes.values())})
    models.to_csv(tmp_path / "models.csv", index=False)
    words = ("--models", "models.csv", "--out", "t.parquet", "--shots", 3)
    if form == "helm":
        words += ("--metric", "prefix_exact_match=exact_match")
    status, _, err = run("import", form, SAMPLES / form, *words)
    assert (status, err) == (0, "")
    table = corpus.read(tmp_path / "t.parquet")
    assert set(table["params"]) <= set(sizes.values())
    assert ("prefix_exact_match" in " ".join(table["source"] + table["task"])) == (form == "helm")


def test_names_in_a_report_cannot_steer_the_terminal(run, runs):
    (runs / "\x1b[31mred.json").write_text("{}", encoding="utf-8")
    status, out, _ = run("import", "lm-eval", runs, "--out", "mine.parquet")
    assert status == 0
    assert "?[31mred.json" in out
    assert "\x1b" not in out
    (runs / "\x1b[31mred.json").write_text("{", encoding="utf-8")
    status, _, err = run("import", "lm-eval", runs, "--out", "other.parquet")
    assert (status, "\x1b" in err) == (2, False)
    assert "?[31mred.json, line 1" in err


def test_import_offers_every_format_there_is(run):
    out = " ".join(run("import", "--help")[1].split())
    assert all(name in out for name in IMPORTERS)


# --- export ------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_export_of_a_study(run, tmp_path, form):
    read = {"csv": pd.read_csv, "xlsx": pd.read_excel, "parquet": pd.read_parquet}[form]
    assert run("export", "gpt3", "--to", form) == (0, f"wrote gpt3.{form}: 1,512 rows\n", "")
    assert run("export", "gpt3", "--out", f"named.{form}")[0] == 0
    assert names(tmp_path) == [f"gpt3.{form}", f"named.{form}"]
    for name in names(tmp_path):
        table = read(tmp_path / name)
        assert list(table["score"]) == pytest.approx(list(corpus.load("gpt3")["score"]))
    if form == "xlsx":
        about = pd.read_excel(tmp_path / "gpt3.xlsx", sheet_name="about", header=None)[0]
        assert any("Language Models are Few-Shot Learners" in str(cell) for cell in about)


def test_export_of_claims_and_of_ones_own_table(run, tmp_path):
    assert run("export", "wei-claims", "--to", "csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "wei-claims.csv")) == 23
    own = corpus.load("gpt3").head(8).assign(model=[f"=cmd|{i}" for i in range(8)])
    own.to_parquet(tmp_path / "own.parquet")
    status, out, _ = run("export", "own.parquet", "--to", "csv")
    assert status == 0
    assert "8 cells began like a formula" in out
    assert pd.read_csv(tmp_path / "own.csv")["model"].tolist()[0] == "'=cmd|0"


def test_import_into_csv_is_safe_for_a_spreadsheet_too(run, tmp_path):
    shutil.copy(WIDE, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text(encoding="utf-8").replace("alpha-1b", "=alpha-1b")
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    status, out, _ = run("import", "wide", "t.csv", "--columns", MAP, "--out", "out.csv")
    assert status == 0
    assert "8 cells began like a formula" in out  # four scores, each with model and family
    models = corpus.read(tmp_path / "out.csv")["model"]
    assert list(dict.fromkeys(models))[:2] == ["'=alpha-1b", "alpha-3b"]


# --- bad input ---------------------------------------------------------------------------
LM = ["import", "lm-eval"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "gpt"], "unknown study 'gpt'; did you mean 'gpt3'? known: "),
        (["show", "gpt3", "--rows", "0"], "Invalid value for '--rows'"),
        (["cite", "gpt3", "pithia"], "unknown study 'pithia'; did you mean 'pythia'?"),
        (["cite"], "Missing argument"),
        (["import", "lm-evl", "runs", "--out", "x.csv"], "did you mean 'lm-eval'? known: lm-eval"),
        ([*LM, "nowhere", "--out", "x.csv"], "nowhere: no such file or folder; check the name"),
        ([*LM, "runs"], "Missing option '--out'"),
        ([*LM, "runs", "--out", "x.xlsx"], "use .csv, .parquet or .json"),
        ([*LM, "runs", "--out", "no/x.csv"], "the folder no does not exist; make it first"),
        ([*LM, "runs", "--out", "file/x.csv"], "the folder file does not exist; make it first"),
        ([*LM, "runs", "--out", "folder.csv"], "--out folder.csv: is a folder; name a file in it"),
        ([*LM, "runs", "--out", "x.csv", "--items", "x.csv"], "--items x.csv: cannot write that"),
        (
            [*LM, "runs", "--out", "x.parquet", "--items", "x.parquet"],
            "--items x.parquet: is --out itself",
        ),
        (["import", "lm-eval", "file", "--out", "x.csv"], "file, line 1, column 1: not JSON"),
        ([*LM, "runs", "--out", "x.csv", "--chance", "0.25"], "write it as NAME=VALUE"),
        ([*LM, "runs", "--out", "x.csv", "--chance", "a=25"], "is not a share from 0 to below 1"),
        ([*LM, "runs", "--out", "x.csv", "--metric", "acc=acurracy"], "unknown metric 'acurracy'"),
        ([*LM, "runs", "--out", "x.csv", "--models", "no.csv"], "no.csv: no such file"),
        ([*LM, "runs", "--out", "x.csv", "--columns", "m.toml"], "--columns describes a table"),
        ([*LM, "runs", "--out", "x.csv", "--shots", "-1"], "Invalid value for '--shots'"),
        (["import", "wide", WIDE, "--out", "x.csv"], "needs a map of its columns"),
        (["import", "wide", WIDE, "--out", "x.csv", "--columns", "no.toml"], "no.toml"),
        (
            ["import", "wide", WIDE, "--columns", MAP, "--out", "x.csv", "--items", "i.parquet"],
            "holds no records of single samples",
        ),
        (["import", "metr", SAMPLES / "metr", "--out", "x.csv"], "none of its 21 scores can be"),
        (["export", "gpt", "--to", "csv"], "unknown study 'gpt'; did you mean 'gpt3'?"),
        (["export", "gpt3"], "say what to write: --to csv"),
        (["export", "gpt3", "--to", "ods"], "'ods' is not one of 'csv', 'xlsx', 'parquet'"),
        (["export", "gpt3", "--out", "x.ods"], "use .csv, .xlsx or .parquet"),
        (["export", "gpt3", "--to", "csv", "--out", "x.xlsx"], "does not go with --to csv"),
        (["export", "gpt3", "--out", "no/x.csv"], "the folder no does not exist"),
        (["export", "taken", "--to", "csv"], "taken.csv: is there already"),
        (["export", "taken.csv", "--out", "taken.csv"], "is SOURCE itself; name another file"),
    ],
)
def test_bad_input_is_one_message_and_status_2(run, runs, tmp_path, words, message):
    (tmp_path / "file").write_text("no JSON", encoding="utf-8")
    (tmp_path / "taken.csv").write_text("mine", encoding="utf-8")
    (tmp_path / "folder.csv").mkdir()
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert names(tmp_path) == ["file", "folder.csv", "runs", "taken.csv"]
    assert (tmp_path / "taken.csv").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(
    run, runs, tmp_path, monkeypatch
):
    monkeypatch.setattr(listing.os, "access", lambda path, mode: False)
    status, out, err = run("import", "lm-eval", "nowhere", "--out", "x.parquet")
    assert (status, out) == (2, "")
    assert "--out x.parquet: the folder . cannot be written to; choose another" in err


def test_samples_change_nothing_where_the_table_cannot_be_written(run, runs, tmp_path, monkeypatch):
    (tmp_path / "i.parquet").write_text("of another run", encoding="utf-8")
    synced = []

    def full(handle):
        synced.append(handle)
        if len(synced) > 1:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    status, _, err = run("import", "lm-eval", runs, "--out", "x.parquet", "--items", "i.parquet")
    assert status == 2
    assert "No space left" in err
    assert names(tmp_path) == ["i.parquet", "runs"]
    assert (tmp_path / "i.parquet").read_text(encoding="utf-8") == "of another run"


def test_duplicates_are_settled_as_the_command_line_says(run, tmp_path):
    (tmp_path / "t.csv").write_text("m,n,pawsx_de\na-1b,1e9,0.5\na-1b,1e9,0.7\n")
    (tmp_path / "map.toml").write_text(
        'model = "m"\n[axes]\nparams = "n"\n[tasks]\npawsx_de = "multiple_choice"\n'
    )
    words = ["import", "wide", "t.csv", "--columns", "map.toml", "--out", "out.csv"]
    words += ["--chance", "pawsx*=.5", "--chance", "xnli*=.3"]
    status, _, err = run(*words)
    assert status == 2
    assert "0.5 in t.csv, row 2, pawsx_de, 0.7 in t.csv, row 3, pawsx_de" in err
    assert "use --duplicates mean or seed" in err
    assert names(tmp_path) == ["map.toml", "t.csv"]
    status, out, err = run(*words, "--duplicates", "mean")
    assert (status, err) == (0, "")
    assert "warning: --chance 'xnli*=0.3': no task fits this pattern (tasks here: pawsx_de)" in out
    [row] = corpus.read(tmp_path / "out.csv").to_dict("records")
    assert (row["score"], row["chance"]) == (pytest.approx(0.6), 0.5)
    status, _, err = run(*words, "--duplicates", "latest")
    assert status == 2
    assert "'latest' is not one of 'refuse', 'newest', 'mean', 'seed'" in err
