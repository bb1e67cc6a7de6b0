"""every_eval_ever: records of all versions of the shared schema."""

from __future__ import annotations

import copy
import json
import math
import shutil
from pathlib import Path

import pytest

from emergent_stats.importers import eee, import_results
from emergent_stats.importers.declare import Declared
from emergent_stats.importers.records import Collector, Options
from emergent_stats.importers.report import Notes
from emergent_stats.results.corpus import ResultsError

SAMPLES = Path(__file__).parents[1] / "samples"
RECORDS = SAMPLES / "eee"


def result(name: str, score: object, description: str = "", **more) -> dict:
    """A result with the fields that schema 0.2.0 has."""
    config = {"lower_is_better": False, "score_type": "continuous", "min_score": 0, "max_score": 1}
    return {
        "evaluation_name": name,
        "source_data": {"dataset_name": name, "source_type": "hf_dataset", "hf_repo": "a/b"},
        "metric_config": {"evaluation_description": description, **config},
        "score_details": {"score": score},
        **more,
    }


def record(*results: dict, model: str = "01-ai/Yi-1.5-6B", source: str = "a board", **more) -> dict:
    """A record of schema 0.2.0: no eval_library, no metric_name, details that are numbers."""
    return {
        "schema_version": "0.2.0",
        "evaluation_id": f"board/{model.replace('/', '_')}/1770682486.623709",
        "retrieved_timestamp": "1770682486.623709",
        "source_metadata": {
            "source_name": source,
            "source_type": "documentation",
            "source_organization_name": "Example",
            "evaluator_relationship": "third_party",
        },
        "model_info": {
            "name": model,
            "id": model,
            "additional_details": {"precision": "bfloat16", "params_billions": 6.061},
        },
        "evaluation_results": list(results),
        **more,
    }


def brought(folder: Path, *records: object, **options):
    """Report of an import of `records`, a file each."""
    for number, each in enumerate(records):
        (folder / f"{number}.json").write_text(json.dumps(each), encoding="utf-8")
    return import_results("eee", folder, **options)


def rows(report) -> dict[str, dict]:
    return {row["task"]: row for row in report.frame.to_dict("records")}


# --- schema 0.3 -----------------------------------------------------------------------
def test_records_of_the_shared_schema_give_what_the_harness_gave():
    report = import_results("eee", RECORDS, chance={"tiny_choice": 0.25})
    direct = import_results("lm-eval", SAMPLES / "lm-eval")
    keys = ["model", "task", "metric"]
    both = report.frame.merge(direct.frame, on=keys, suffixes=("", "_direct"))
    assert len(both) == 15
    for name in ("score", "n", "params"):
        assert (both[name] == both[f"{name}_direct"]).all(), name
    known = both["chance_direct"].notna()
    assert (both["chance"] == both["chance_direct"])[known].all()


def scored(**config) -> tuple[list, tuple]:
    """Records and notes of one score of 0.4 (or as given) whose metric is described so."""
    data = json.loads((RECORDS / "tiny_choice_EleutherAI__pythia-70m.json").read_text())
    data["eval_library"]["name"] = "my own"
    result = data["evaluation_results"][0]
    result["score_details"] = {"score": config.pop("score", 0.4)}
    result["metric_config"] = {"lower_is_better": False} | config
    data["evaluation_results"] = [result]
    notes = Notes()
    collector = Collector(Options.parse(metrics={"odd": "f1/10"}), notes)
    eee.add_record(data, "x.json", collector)
    return collector.records, notes.dropped


def test_a_model_without_a_printable_name_is_left_out():
    """Fuzzing found one: it ended the import of all others."""
    notes = Notes()
    collector = Collector(Options.parse(), notes)
    for model in ("\x00", " \u202e", None, "m 1"):
        collector.add("x.json", Declared("f1"), 0.4, task="t", model=model)
    assert [record.model for record in collector.records] == ["m 1"]
    assert sum(item.count for item in notes.dropped) == 3
    assert {item.why for item in notes.dropped} == {"no name of task or model"}


@pytest.mark.parametrize(
    ("config", "metric", "score"),
    [
        ({"metric_name": "Exact Match", "metric_unit": "percent", "score": 40}, "exact_match", 0.4),
        ({"metric_id": "exact-match", "max_score": 100, "score": 40}, "exact_match", 0.4),
        ({"metric_name": "EM"}, "exact_match", 0.4),
        ({"metric_name": "BLEU", "max_score": 100, "score": 40}, "bleu", 0.4),
        ({"metric_name": "f1", "metric_unit": "proportion"}, "f1", 0.4),
        ({"metric_name": "brier_score", "max_score": 1, "lower_is_better": True}, "brier", 0.8),
        ({"metric_name": "brier_score", "max_score": 2, "lower_is_better": True}, "brier", 0.4),
        ({"metric_name": "odd", "score": 4}, "f1", 0.4),
    ],
)
def test_the_scale_is_the_one_the_record_declares(config, metric, score):
    [found], _ = scored(**config)
    assert (found.metric, found.score) == (metric, pytest.approx(score))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"metric_name": "BLEU", "score": 40}, "neither unit nor maximum is stated"),
        ({"metric_name": "brier_score", "lower_is_better": True}, "neither unit nor maximum"),
        ({"metric_name": "f1", "metric_unit": "proportion", "max_score": 100}, "one is wrong"),
        ({"metric_name": "accuracy", "lower_is_better": True}, "lower_is_better is True"),
        ({"metric_name": "elo"}, "'elo' is not one of this package"),
        ({"metric_name": "exact_match", "score": 40}, "declare 'exact_match/100'"),
    ],
)
def test_what_is_not_declared_is_not_guessed(config, said):
    found, [dropped] = scored(**config)
    assert found == []
    assert said in dropped.why


# --- schema 0.2 and before ------------------------------------------------------------
def test_a_leaderboard_of_schema_0_2_0_comes_in(tmp_path):
    board = [
        result("IFEval", 0.2617, "Accuracy on IFEval"),
        result("MATH Level 5", "0.0665", "Exact Match on MATH Level 5"),
        result("GPQA", 0.3138, "Accuracy on GPQA"),
        result("MMLU-PRO", 0.3144, "Accuracy on MMLU-PRO"),
    ]
    report = brought(tmp_path, record(*board))
    found = rows(report)
    assert {task: (row["metric"], row["score"]) for task, row in found.items()} == {
        "IFEval": ("exact_match", 0.2617),
        "MATH Level 5": ("exact_match", 0.0665),
        "GPQA": ("multiple_choice", 0.3138),
        "MMLU-PRO": ("multiple_choice", 0.3144),
    }
    assert (found["GPQA"]["chance"], found["MMLU-PRO"]["chance"]) == (0.25, 0.1)
    assert all("chance" in found[task]["assumed"] for task in ("GPQA", "MMLU-PRO"))
    assert set(report.frame["params"]) == {6.061e9}
    assert any("accuracy on IFEval: the records do not say" in text for text in report.warnings)
    assert any("accuracy on GPQA, MMLU-PRO: read as a choice" in text for text in report.warnings)


@pytest.mark.parametrize("version", ["0.0.1", "0.1.0", "0.2.0", "0.2.1", "0.2.2"])
@pytest.mark.parametrize("told", [6.061, "6.061"])
def test_every_version_with_numbers_as_numbers_or_text(tmp_path, version, told):
    data = record(result("GSM8K", str(0.5) if told == "6.061" else 0.5, "Exact Match on GSM8K"))
    data["schema_version"] = version
    data["model_info"]["additional_details"]["params_billions"] = told
    if version < "0.2":
        data["source_data"] = ["https://example.org"]
        del data["evaluation_results"][0]["source_data"], data["source_metadata"]["source_name"]
    if version > "0.2.0":
        data["eval_library"] = {"name": "unknown", "version": "unknown"}
    if version == "0.2.2":
        data["evaluation_results"][0]["metric_config"]["metric_name"] = "exact_match"
    [row] = brought(tmp_path, data).frame.to_dict("records")
    assert (row["task"], row["metric"], row["score"], row["params"]) == (
        "GSM8K",
        "exact_match",
        0.5,
        6.061e9,
    )


def test_the_harness_of_0_2_0_is_read_as_its_own_files_are(tmp_path):
    def scored(task, metric, score, error, top=1.0, lower=False):
        each = result(task, score, metric, evaluation_timestamp="1700000000")
        config = {"lower_is_better": lower, "max_score": top}
        each["metric_config"] |= config
        each["score_details"]["uncertainty"] = {
            "standard_error": {"value": error, "method": "bootstrap"},
            "num_samples": 8,
        }
        return each

    data = record(
        scored("arc_easy", "acc", 0.375, 0.18298126367784995),
        scored("arc_easy", "acc_norm", 0.5, "N/A"),
        scored("arc_easy", "brier_score", 0.75, None, lower=True),  # harness: 0 to 2
        scored("gsm8k/strict-match", "exact_match (filter: strict-match)", 0.25, "N/A"),
        scored("hellaswag", "mc2", 0.25, None),
        model="EleutherAI/pythia-70m",
        source="lm-evaluation-harness",
    )
    data["model_info"]["additional_details"] = {"num_parameters": 70426624}
    report = brought(tmp_path, data)
    found = {(row["task"], row["metric"]): row for row in report.frame.to_dict("records")}
    assert {name: row["score"] for name, row in found.items()} == {
        ("arc_easy", "multiple_choice"): 0.375,
        ("arc_easy [acc_norm]", "multiple_choice"): 0.5,
        ("arc_easy", "brier"): 0.75,
        ("gsm8k [strict-match]", "exact_match"): 0.25,
    }
    assert set(report.frame["n"]) == {8}
    assert set(report.frame["params"]) == {70426624}
    assert found["arc_easy", "multiple_choice"]["chance"] == 0.25
    assert any("mc2 is a probability mass" in item.why for item in report.dropped)


def helm_board() -> dict:
    """A HELM leaderboard as 0.2.0 has it: metric in the name, counts nested in the details."""

    def cell(score, text):
        return {"description": text, "tab": "General information", "score": score}

    details = {
        "OpenbookQA - # eval": cell(500.0, "min=500, mean=500, max=500, sum=500 (1)"),
        "OpenbookQA - # train": cell(5.0, "min=5, mean=5, max=5, sum=5 (1)"),
        "OpenbookQA - Observed inference time (s)": cell(None, None),
    }
    choice = {"additional_details": {"dataset": "openbookqa", "method": "multiple_choice_joint"}}
    text = "The OpenbookQA benchmark.\n\nExact match: Fraction of instances that match exactly."
    wins = "How many models this model outperforms on average (over columns)."
    board = [
        result("Mean win rate", 0.253, wins),
        result("OpenbookQA - EM", 0.8, text, generation_config=choice),
        result("NarrativeQA - F1", 0.702, "A benchmark.\n\nF1: Average F1 score over words."),
        result("WMT 2014 - BLEU-4", 0.16, "A benchmark.\n\nBLEU-4: Average BLEU score."),
        result("GSM8K - EM", 0.375, "Exact match (final number): Fraction of matches."),
    ]
    for each in board:
        each["source_data"]["dataset_name"] = each["evaluation_name"].partition(" - ")[0]
    counts = "min=100, mean=102.8, max=114, sum=514 (5)"
    board[4]["score_details"]["details"] = {"GSM8K - # eval": json.dumps(cell(102.8, counts))}
    board[1]["score_details"]["details"] = details
    return record(*board, source="helm_lite")


def test_a_helm_leaderboard_of_0_2_0_comes_in_with_its_counts(tmp_path):
    report = brought(tmp_path, helm_board())
    found = rows(report)
    assert {task: row["metric"] for task, row in found.items()} == {
        "OpenbookQA": "multiple_choice",
        "NarrativeQA": "f1",
        "WMT 2014": "bleu",
        "GSM8K": "exact_match",
    }
    assert (found["OpenbookQA"]["n"], found["OpenbookQA"]["shots"]) == (500, 5)
    assert found["OpenbookQA"]["chance"] == 0.25
    assert found["GSM8K"]["n"] == 514
    assert "n" in found["GSM8K"]["assumed"]
    [left] = [item for item in report.dropped if "Mean win rate" in item.what]
    assert "declare it with --metric 'Mean win rate=…'" in left.why


def test_a_helm_run_of_0_2_0_is_named_by_scenario_and_split(tmp_path):
    def run(name, score, **arguments):
        each = result(name, score, "exact_match")
        each["source_data"] = {
            "dataset_name": "mmlu",
            "source_type": "hf_dataset",
            "samples_number": 2,
            "sample_ids": ["id1", "id1", "id2"],
            "additional_details": {"scenario_args": arguments},
        }
        return each

    data = record(
        run("exact_match test on mmlu", 0.5, subject="law"),
        run("exact_match valid on mmlu", 1.0, subject="law"),
    )
    found = rows(brought(tmp_path, data))
    assert {task: row["score"] for task, row in found.items()} == {
        "mmlu:subject=law": 0.5,
        "mmlu:subject=law [valid]": 1.0,
    }
    assert set(row["n"] for row in found.values()) == {2}


def test_an_inspect_record_is_named_by_its_data_not_by_its_scorer(tmp_path):
    each = result("choice", 1 / 3, "accuracy")
    each["source_data"] = {
        "dataset_name": "ai2_arc",
        "samples_number": 2376,
        "sample_ids": [1, 2, 3],
    }
    steps = [{"solver": "multiple_choice", "params": {}}]
    each["generation_config"] = {"generation_args": {"eval_plan": {"steps": steps}}}
    each["score_details"]["confidence_interval"] = {"lower": 0.0, "upper": 0.98}
    data = record(each, source="inspect_ai")
    [row] = brought(tmp_path, data, chance={"ai2_arc": 0.25}).frame.to_dict("records")
    assert (row["task"], row["metric"], row["n"]) == ("ai2_arc", "multiple_choice", 3)


def test_a_metric_named_in_a_sentence_is_read_and_said(tmp_path):
    each = result("Arabic", 0.91, "Global MMLU Lite accuracy for task Arabic")
    report = brought(tmp_path, record(each))
    assert rows(report)["Arabic"]["metric"] == "exact_match"
    assert any("metrics read off descriptions" in text for text in report.warnings)
    both = result("Arabic", 0.91, "Neither the accuracy nor the BLEU score for task Arabic")
    with pytest.raises(ResultsError, match=r"no field names the metric .*--metric 'Arabic=…'"):
        brought(tmp_path, record(both))


def test_the_user_can_say_what_a_task_without_a_metric_is(tmp_path):
    data = record(result("Mean win rate", 0.25, "How many models this one outperforms."))
    report = brought(tmp_path, data, metrics={"Mean win*": "exact_match"})
    assert list(report.frame["metric"]) == ["exact_match"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("model_info", "id"), None, None),  # the name stands in for it
        (("model_info",), None, "model_info is missing: write an object with the model's id"),
        (("evaluation_results",), {}, "evaluation_results is {}: write a list"),
        (("evaluation_results", 0, "metric_config"), None, "metric_config is missing: write an"),
        (("evaluation_results", 0, "score_details"), None, "score_details is missing: write an"),
        (
            ("evaluation_results", 0, "score_details", "score"),
            "high",
            "evaluation_results[0].score_details.score is 'high': write a number",
        ),
        (
            ("evaluation_results", 0, "metric_config", "lower_is_better"),
            "maybe",
            "metric_config.lower_is_better is 'maybe': write true or false",
        ),
        (
            ("evaluation_results", 0, "metric_config", "max_score"),
            [1],
            "metric_config.max_score is [1]: write a number",
        ),
        (
            ("model_info", "additional_details", "params_billions"),
            "seven",
            "model_info.additional_details.params_billions is 'seven': write a number",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_file_field_value_and_fix(tmp_path, path, value, said):
    good = record(result("GSM8K", 0.5, "Exact Match on GSM8K"))
    bad = copy.deepcopy(good)
    inner = bad
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    if said is None:
        assert len(brought(tmp_path, bad).frame) == 1
        return
    with pytest.raises(ResultsError) as caught:
        brought(tmp_path, bad)
    assert f"0.json: {'' if path[0] == 'model_info' else 'evaluation_results'}" in str(caught.value)
    assert said in str(caught.value)
    good["evaluation_results"][0]["evaluation_name"] = "other"
    report = brought(tmp_path, bad, good, bad)  # among others it is left out, and counted
    assert list(report.frame["task"]) == ["other"]
    [item] = [item for item in report.dropped if "json" in item.what]
    assert item.count == 2
    assert said in str(item).replace(" (and 1 more)", "")


def test_a_record_that_lacks_what_it_needs_is_left_out_with_the_place(tmp_path):
    for file in RECORDS.glob("tiny_generate_*"):
        shutil.copyfile(file, tmp_path / file.name)
    data = json.loads((RECORDS / "tiny_choice_EleutherAI__pythia-70m.json").read_text())
    del data["model_info"]["id"], data["model_info"]["name"]
    (tmp_path / "x.json").write_text(json.dumps(data))
    report = import_results("eee", tmp_path)
    [dropped] = [item for item in report.dropped if item.what.startswith("x.json")]
    assert str(dropped) == (
        "x.json: model_info.id is missing: write the model's name, developer/model"
    )


def test_a_percentage_under_bounds_of_a_share_is_told_how_to_declare(tmp_path):
    with pytest.raises(ResultsError, match="declare 'exact_match/100'"):
        brought(tmp_path, record(result("GSM8K", 45.0, "Exact Match on GSM8K")))


def test_a_metric_that_falls_below_zero_is_not_a_share(tmp_path):
    each = result("t", 0.5, "accuracy")
    each["metric_config"]["min_score"] = -1
    with pytest.raises(ResultsError, match="runs from -1, which exact_match does not"):
        brought(tmp_path, record(each))


def test_a_schema_from_the_future_is_read_with_a_warning(tmp_path):
    data = record(result("GSM8K", 0.5, "Exact Match on GSM8K"), schema_version="1.2.0")
    report = brought(tmp_path, data)
    assert any("schema_version 1.2.0 is newer" in text for text in report.warnings)


def test_unbounded_scales_written_as_text(tmp_path):
    each = result("wiki", "12.5", "perplexity")
    each["metric_config"] |= {"lower_is_better": "true", "max_score": "Infinity", "min_score": 1}
    [row] = brought(tmp_path, record(each)).frame.to_dict("records")
    assert (row["metric"], row["score"]) == ("perplexity", 12.5)
    assert math.isnan(row["stderr"])


def test_records_fetched_twice_are_settled_by_their_own_dates(tmp_path):
    old = record(result("GSM8K", 0.26166, "Exact Match on GSM8K"))
    new = record(result("GSM8K", 0.2617, "Exact Match on GSM8K"))
    old["retrieved_timestamp"] = "999999999.5"
    with pytest.raises(ResultsError, match="--duplicates newest"):
        brought(tmp_path, new, old, duplicates="refuse")
    assert list(brought(tmp_path, new, old).frame["score"]) == [0.2617]
