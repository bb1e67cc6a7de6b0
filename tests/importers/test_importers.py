"""The door to all importers, and what turns records into a table."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from emergent_stats.importers import IMPORTERS, import_results
from emergent_stats.importers.report import Dropped, ImportReport, Notes
from emergent_stats.results.corpus import ResultsError, validate

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture
def models(tmp_path):
    file = tmp_path / "models.csv"
    file.write_text(
        "model,family,params,tokens\nsimple/model1,simple,1e9,\nGPT-2,gpt,1.5e9,\n"
        "davinci-002 (GPT-3),gpt,1.75e11,3e11\n",
        encoding="utf-8",
    )
    return file


def column(report, name, **where):
    frame = report.frame
    for key, value in where.items():
        frame = frame[frame[key] == value]
    return list(frame[name])


# --- the door -------------------------------------------------------------------------
def test_every_importer_keeps_the_contract():
    for module in IMPORTERS.values():
        importer = import_module(f"emergent_stats.importers.{module}")
        assert callable(importer.collect)
        assert isinstance(importer.CITATION, str)
        assert importer.CITATION.startswith("@") or module == "wide"
        assert importer.__doc__


def test_importing_the_package_loads_no_format():
    code = (
        "import sys, emergent_stats.importers as i; "
        "loaded = [m for m in sys.modules if m.startswith('emergent_stats.importers.')]; "
        "sys.exit(bool(loaded or 'pandas' in sys.modules or 'msgspec' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_unknown_format_is_refused_with_the_close_one():
    with pytest.raises(ResultsError, match=r"unknown format 'lmeval'; did you mean 'lm-eval'\?"):
        import_results("lmeval", ".")


@pytest.mark.parametrize("form", [form for form in IMPORTERS if form != "inspect"])
def test_a_path_that_is_not_there_is_refused(form, tmp_path):
    options = {"columns": {"model": "m", "tasks": {"t": "f1"}}} if form == "wide" else {}
    with pytest.raises(ResultsError, match="no such file"):
        import_results(form, tmp_path / "gone.csv", **options)


def test_a_format_without_its_package_is_refused_with_the_way_to_get_it(monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == "inspect_ai"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    with pytest.raises(ResultsError, match=r"pip install 'emergent_stats\[inspect\]'"):
        import_results("inspect", SAMPLES / "inspect")


def test_the_study_is_named_by_the_user_or_the_folder():
    name = "EleutherAI__pythia-70m"
    report = import_results("lm-eval", SAMPLES / "lm-eval" / name)
    assert set(report.frame["study"]) == {name}
    report = import_results("lm-eval", SAMPLES / "lm-eval" / name, study="mine", family="f")
    assert set(report.frame["study"]) == {"mine"}
    assert set(report.frame["family"]) == {"f"}


def test_the_report_says_it_all_in_words(models):
    report = import_results("metr", SAMPLES / "metr", models=models)
    text = str(report)
    assert "scores of 2 models" in text
    assert "left out: runs.jsonl, line 109 (and 2 more): a person's run" in text
    assert "not in the models table: GPT-4 0314" in text
    assert "warning: several runs of one model on one task" in text


def test_a_report_counts_what_repeats_and_stops_before_it_is_long():
    notes = Notes()
    for number in range(3):
        notes.drop(f"file {number}", "a reason", group="g")
    assert notes.dropped == (Dropped("file 0", "a reason", 3),)
    frame = import_results("bigbench", SAMPLES / "bigbench").frame
    many = tuple(Dropped(f"x{number}", f"y{number}") for number in range(40))
    text = ImportReport(frame, many).text
    assert text.count("left out:") == 13
    assert "… and 28 more" in text


# --- HELM -----------------------------------------------------------------------------
def test_helm_runs_give_matches_and_choices_with_their_chance(models):
    report = import_results("helm", SAMPLES / "helm", models=models)
    [choice] = report.frame.query("task == 'simple_mcqa'").to_dict("records")
    assert (choice["metric"], choice["chance"], choice["n"], choice["shots"]) == (
        "multiple_choice",
        0.5,
        8,
        5,
    )
    assert column(report, "metric", task="simple_classification") == ["exact_match"]
    [rest] = [item for item in report.dropped if "statistics" in item.why]
    assert "inference_runtime" in rest.what
    assert "perplexity" in rest.what  # of the model's own text: no score here


def helm_run(folder: Path, stats: list, **adapter) -> Path:
    folder.mkdir(parents=True)
    spec = {"name": "mmlu:subject=law,model=simple_model1", "adapter_spec": adapter}
    (folder / "run_spec.json").write_text(json.dumps(spec))
    (folder / "stats.json").write_text(json.dumps(stats))
    return folder


def stat(name: str, mean: float, split: str = "test", **more) -> dict:
    return {"name": {"name": name, "split": split, **more}, "count": 1, "mean": mean}


def test_helm_reads_the_test_split_without_perturbation(tmp_path, models):
    robust = {"perturbation": {"name": "robustness"}}
    stats = [
        stat("exact_match", 0.9, "valid"),
        stat("exact_match", 0.4),
        stat("exact_match", 0.1, **robust),
        stat("num_instances", 100),
        stat("num_references", 3.5),
    ]
    adapter = {
        "method": "multiple_choice_joint",
        "model": "simple/model1",
        "max_train_instances": 2,
    }
    run = helm_run(tmp_path / "run", stats, **adapter)
    [row] = import_results("helm", run / "run_spec.json", models=models).frame.to_dict("records")
    assert (row["task"], row["score"], row["n"]) == ("mmlu:subject=law", 0.4, 100)
    assert row["chance"] == pytest.approx(1 / 3.5)
    assert "chance" in row["assumed"]  # questions differ in their number of options
    (run / "stats.json").unlink()
    with pytest.raises(ResultsError, match=r"a run without stats\.json: unfinished\?"):
        import_results("helm", run, models=models)


def test_helm_language_modelling_is_a_continuous_metric(tmp_path, models):
    stats = [stat("bits_per_byte", 0.8), stat("perplexity", 12.0), stat("num_instances", 10)]
    run = helm_run(tmp_path / "run", stats, method="language_modeling", model="simple/model1")
    report = import_results("helm", run, models=models)
    assert set(report.frame["metric"]) == {"bits_per_byte", "perplexity"}


# --- BIG-bench ------------------------------------------------------------------------
def test_bigbench_files_bring_their_own_sizes_and_chance():
    report = import_results("bigbench", SAMPLES / "bigbench")
    task = "simple_arithmetic_json_multiple_choice"
    assert column(report, "params", task=task, metric="brier", shots=0) == [
        2_098_176,
        422_313_984,
        8_054_636_544,
    ]
    assert set(column(report, "chance", task=task, metric="multiple_choice")) == {0.25}
    # the file's Brier score is a mean over four options
    assert column(report, "score", task=task, metric="brier")[0] == pytest.approx(
        4 * 0.3402366863905
    )
    assert set(report.frame["shots"]) == {0, 2}
    assert report.unknown_models == ()
    assert any("expected_calibration_error" in item.why for item in report.dropped)


def test_bigbench_scales_are_those_of_its_code(tmp_path):
    file = next((SAMPLES / "bigbench").rglob("scores_*_2m.json"))
    data = json.loads(file.read_text())
    data["scores"][0]["score_dict"] = {"bleu": 45.0, "sequence_f1": 0.5, "exact_str_match": 0.5}
    data["scores"][0]["number_of_shots"] = -1
    data["scores"] = data["scores"][:1]
    (tmp_path / "scores_x.json").write_text(json.dumps(data))
    report = import_results("bigbench", tmp_path)
    assert column(report, "score", metric="bleu") == [0.45]
    assert column(report, "score", metric="f1") == [0.005]
    assert report.frame["shots"].isna().all()


# --- METR -----------------------------------------------------------------------------
def test_metr_runs_become_shares_by_source_and_human_time(models):
    report = import_results("metr", SAMPLES / "metr", models=models)
    text = (SAMPLES / "metr" / "runs.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    chosen = [
        line["score_binarized"]
        for line in lines
        if line["alias"] == "GPT-2" and 0.25 <= line["human_minutes"] < 1
    ]
    where = {"model": "GPT-2", "task": "SWAA 15 s to 1 min"}
    assert column(report, "score", **where) == [sum(chosen) / len(chosen)]
    assert column(report, "n", **where) == [len(chosen)] == [8]
    assert report.unknown_models == ("GPT-4 0314",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"alias": "a", "alias": "b"}', "line 2: the key 'alias' stands twice"),
        ('{"alias": "a", ', "line 2, column"),
        ("[]", "line 2: is no JSON object"),
    ],
)
def test_a_wrong_line_of_metr_is_refused_with_its_number(tmp_path, line, said):
    good = '{"alias": "GPT-2", "score_binarized": 1, "human_minutes": 2}'
    file = tmp_path / "runs.jsonl"
    file.write_text(f"{good}\n{line}\n")
    with pytest.raises(ResultsError) as caught:
        import_results("metr", file)
    assert str(caught.value).startswith(f"{file}, {said}")


def test_metr_lines_that_say_too_little_are_counted(tmp_path, models):
    lines = [
        {"alias": "GPT-2", "score_binarized": 1, "human_minutes": 2},
        {"alias": "GPT-2", "score_binarized": 0.5, "human_minutes": 2},
        {"alias": "GPT-2", "score_binarized": 1, "human_minutes": 0},
        {"alias": "", "score_binarized": 1, "human_minutes": 2},
    ]
    file = tmp_path / "runs.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    report = import_results("metr", file, models=models)
    assert column(report, "n") == [1]
    assert [item.count for item in report.dropped] == [3]


# --- wide tables ----------------------------------------------------------------------
WIDE = SAMPLES / "wide" / "leaderboard.csv"
MAP = SAMPLES / "wide" / "leaderboard.toml"


def test_a_wide_table_is_read_by_its_map():
    report = import_results("wide", WIDE, columns=MAP)
    assert set(report.frame["study"]) == {"alpha-paper"}
    assert column(report, "params", task="gsm8k") == [1.1e9, 3e9, 6.9e9, 3e10]
    assert column(report, "score", metric="multiple_choice") == pytest.approx(
        [0.253, 0.271, 0.35, 0.578]
    )
    assert column(report, "n", task="gsm8k") == [1319] * 4
    assert set(column(report, "chance", metric="brier")) == {0.75}
    assert column(report, "source", task="gsm8k")[0] == "leaderboard.csv, row 2, GSM8K %"
    assert report.citation.startswith("@misc{alpha2026")
    assert len(column(report, "score", task="PPL")) == 3  # one cell says N/A
    assert validate(report.frame).equals(report.frame)


def test_a_map_can_be_given_as_options_and_scales_by_the_models_table(tmp_path, models):
    file = tmp_path / "t.csv"
    file.write_text("m,acc\nGPT-2,45.5%\n=cmd(),50%\n", encoding="utf-8")
    plan = {"model": "m", "tasks": {"acc": "exact_match/100"}}
    report = import_results("wide", file, columns=plan, models=models)
    assert column(report, "score") == [0.455]
    assert report.unknown_models == ("=cmd()",)


def test_a_score_outside_of_its_declaration_is_an_error_of_the_declaration(tmp_path):
    plan = {"model": "Model", "tasks": {"GSM8K %": "exact_match", "Brier": "brier/1"}}
    with pytest.raises(ResultsError) as caught:
        import_results("wide", WIDE, columns=plan)
    said = str(caught.value).splitlines()
    assert said[0] == (
        f"{WIDE}, row 3: GSM8K % 1.4 is outside of 0 to 1, the range declared for 'exact_match'; "
        "if it is a percentage declare 'exact_match/100'"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a wide table needs a map of its columns"),
        ('model = "Model"\n', "tasks is missing or of the wrong form; write a section [tasks]"),
        ('model = "Name"\n[tasks]\nPPL = "perplexity"\n', "no column 'Name'"),
        ('model = "Model"\n[tasks]\nPP = "perplexity"\n', "no column 'PP'; did you mean 'PPL'?"),
        ('model = "Model"\n[tasks]\nPPL = "perplex"\n', "unknown metric 'perplex'"),
        ('model = "Model"\n[tasks]\nPPL = 3\n', "tasks.PPL: say what the column is"),
        ('mdel = "Model"\n', "unknown key 'mdel'; did you mean 'model'?"),
        ('model = "Model"\n[axes]\nsize = "x"\n[tasks]\nPPL = "f1"\n', "unknown axis 'size'"),
        ("model = \n", "not TOML"),
    ],
)
def test_a_wrong_map_is_refused_with_the_fix(tmp_path, text, said):
    file = tmp_path / "map.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError) as caught:
        import_results("wide", WIDE, columns=file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value) or not text


def test_a_map_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"map\.toml: no such file; check the name"):
        import_results("wide", WIDE, columns=tmp_path / "map.toml")
    with pytest.raises(ResultsError, match="the columns are Model, Params"):
        import_results("wide", WIDE)
