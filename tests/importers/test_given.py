"""Options by name or pattern: what counts, what stays, and what the report says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from emergent_stats.importers import import_results
from emergent_stats.importers.given import Given
from emergent_stats.importers.lm_eval_terms import declaration
from emergent_stats.importers.records import Options

SAMPLES = Path(__file__).parents[1] / "samples"
WIDE = SAMPLES / "wide" / "leaderboard.csv"
MAP = SAMPLES / "wide" / "leaderboard.toml"


# --- the rule -------------------------------------------------------------------------
def test_a_full_name_counts_before_patterns_and_the_narrower_pattern_before_the_wider():
    for order in (1, -1):
        values = {"*": 0.1, "paws*": 0.2, "pawsx_d?": 0.3, "pawsx_de": 0.4}
        given = Given("--chance", dict(list(values.items())[::order]))
        found = [given.choose(name) for name in ("pawsx_de", "pawsx_dk", "PAWSX_fr", "arc")]
        assert found == [0.4, 0.3, 0.2, 0.1]


def test_a_name_in_full_may_hold_signs_of_a_pattern():
    given = Given("--chance", {"arc [acc_norm]": 0.2})
    assert given.choose("arc [acc_norm]", "arc", known="0.25") == 0.2
    assert given.choose("arc a", "arc") == 0.2  # and is a pattern for everything else


def test_what_is_known_stays_under_a_pattern_and_gives_way_to_a_name():
    given = Given("--chance", {"*": 0.5, "arc": 0.2}, show=lambda level: f"{level:g}")
    assert given.choose("boolq", known="0.25", place=1) is None
    assert given.choose("boolq", known="0.25", place=1) is None  # the same score, asked again
    assert given.choose("copa", known="0.5", place=2) is None
    assert given.choose("rte", place=3) == 0.5
    assert given.choose("arc", known="0.25", place=4) == 0.2
    assert given.messages() == [
        "--chance arc=0.2: replaces what is known (0.25 of arc; 1 score)",
        "--chance '*=0.5': leaves alone what is known (0.25 of boolq; 1 score); give a task's name "
        "in full to replace it",
    ]


def test_what_fits_nothing_is_said():
    given = Given("--metric", {"rogue*": 1, "acuracy": 2, "zz": 3, "*": 4, "r*": 5}, "metric")
    for name in ("rouge_l", "accuracy", "bleu", "em"):
        given.choose(name)
    assert given.messages() == [
        "--metric 'rogue*=1': no metric fits this pattern (metrics here: rouge_l, accuracy, bleu "
        "and 1 more)",
        "--metric acuracy=2: no metric of that name was imported; did you mean 'accuracy'?",
        "--metric zz=3: no metric of that name was imported (metrics here: rouge_l, accuracy, bleu "
        "and 1 more)",
    ]


def test_a_pattern_that_is_never_the_one_that_counts_is_said():
    given = Given("--chance", {"a*": 0.1, "ab*": 0.2})
    given.choose("abc")
    [said] = given.messages()
    assert said == "--chance 'a*=0.1': changes nothing, ab* counts"


# --- chance levels --------------------------------------------------------------------
def levels(report) -> dict[str, float]:
    frame = report.frame[report.frame["metric"] == "multiple_choice"]
    return dict(zip(frame["task"], frame["chance"], strict=True))


def test_a_catch_all_does_not_replace_chance_levels_that_the_source_tells():
    report = import_results("bigbench", SAMPLES / "bigbench", chance={"*": 0.5})
    choices = report.frame[report.frame["metric"] == "multiple_choice"]
    assert set(choices["chance"]) == {0.25}
    briers = report.frame[report.frame["metric"] == "brier"]
    assert set(briers["chance"]) == {0.75}
    [said] = [text for text in report.warnings if "--chance" in text]
    assert said.startswith("--chance '*=0.5': leaves alone what is known (0.25 of ")
    known = len(choices) + len(briers)
    assert f"; {known} scores); give a task's name in full" in said
    assert said in report.text


def test_a_number_for_all_is_a_catch_all_too():
    report = import_results("bigbench", SAMPLES / "bigbench", chance=0.5)
    assert set(report.frame.query("metric == 'multiple_choice'")["chance"]) == {0.25}


def test_a_task_in_full_replaces_what_the_source_tells_and_the_report_says_so():
    report = import_results("wide", WIDE, columns=MAP, chance={"mmlu": 0.2})
    assert levels(report) == {"mmlu": 0.2}
    [said] = [text for text in report.warnings if "--chance" in text]
    assert said == "--chance mmlu=0.2: replaces what is known (0.25 of mmlu; 8 scores)"


def test_a_pattern_fills_in_what_no_file_tells(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("m,n,pawsx_de,pawsx_fr,other\na-1b,1e9,0.5,0.6,0.3\nb-2b,2e9,0.6,0.7,0.4\n")
    tasks = dict.fromkeys(["pawsx_de", "pawsx_fr", "other"], "multiple_choice")
    plan = {"model": "m", "axes": {"params": "n"}, "tasks": tasks}
    report = import_results("wide", file, columns=plan, chance={"pawsx*": ".5", "*": "0.25"})
    assert levels(report) == {"pawsx_de": 0.5, "pawsx_fr": 0.5, "other": 0.25}
    assert not [text for text in report.warnings if "--chance" in text]


def test_samples_tell_the_chance_level_that_a_pattern_would_fill_in():
    run = SAMPLES / "lm-eval"
    report = import_results("lm-eval", run, chance={"*": 0.5})
    assert levels(report)["tiny_choice"] == levels(import_results("lm-eval", run))["tiny_choice"]
    assert any("--chance '*=0.5': leaves alone" in text for text in report.warnings)
    report = import_results("lm-eval", run, chance={"tiny_choice": 0.5})
    assert levels(report)["tiny_choice"] == 0.5
    assert any("--chance tiny_choice=0.5: replaces" in text for text in report.warnings)


# --- metrics --------------------------------------------------------------------------
def test_a_metric_by_pattern_fills_in_what_the_tool_does_not_fix(tmp_path):
    shutil.copytree(SAMPLES / "lm-eval" / "EleutherAI__pythia-70m", tmp_path / "run")
    for file in (tmp_path / "run").glob("samples_*"):
        file.unlink()
    [file] = (tmp_path / "run").glob("results_*")
    data = json.loads(file.read_text())
    data["results"]["tiny_word"] = {"acc,none": 0.25, "rouge_a,none": 20.0, "rouge_b,none": 30.0}
    file.write_text(json.dumps(data))
    given = {"rouge_?": "rouge/100", "acc*": "f1", "bleu*": "bleu"}
    report = import_results("lm-eval", file, metrics=given)
    frame = report.frame[report.frame["task"].str.startswith("tiny_word")]
    assert dict(zip(frame["task"], frame["score"], strict=True)) == {
        "tiny_word": 0.25,
        "tiny_word [rouge_a]": 0.2,
        "tiny_word [rouge_b]": 0.3,
    }
    assert set(frame["metric"]) == {"exact_match", "rouge"}
    said = [text for text in report.warnings if "--metric" in text]
    assert said[0].startswith("--metric 'acc*=f1': leaves alone what is known (")
    assert said[1].startswith("--metric 'bleu*=bleu': no metric fits this pattern (metrics here: ")


def test_a_metric_in_full_counts_before_the_tables():
    given = Options.parse(metrics={"acc": "f1", "*": "bleu"}).metrics
    assert declaration("piqa", "acc", None, given) == (given["acc"], "")
    found = declaration("piqa", "acc_norm", None, given)
    assert not isinstance(found, str)
    assert str(found[0]) == "multiple_choice"
    assert declaration("t", "own", None, given) == (given["*"], "own")
    assert isinstance(declaration("t", "mc2", None, given), str)  # known to be no skill


@pytest.mark.parametrize(
    ("form", "options", "name"),
    [
        ("helm", {"models": "models.csv"}, "prefix_exact_match"),
        ("bigbench", {}, "expected_calibration_error"),
    ],
)
def test_every_importer_takes_patterns(tmp_path, monkeypatch, form, options, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.csv").write_text("model,params\nsimple/model1,1e9\n")
    pattern = f"{name[:-3]}*"
    report = import_results(form, SAMPLES / form, metrics={pattern: "exact_match"}, **options)
    assert report.frame["source"].str.endswith(name).any()
