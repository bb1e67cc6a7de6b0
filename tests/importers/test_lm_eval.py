"""lm-evaluation-harness: real files of 0.3 (Pythia, OPT, BLOOM) and of 0.4.13, and its samples."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from copy import copy
from pathlib import Path

import numpy as np
import pytest

from emergent_stats.importers import import_results
from emergent_stats.importers.likelihoods import Moments
from emergent_stats.importers.lm_eval_samples import read_samples
from emergent_stats.results.corpus import ResultsError, load

HERE = Path(__file__).parents[1]
SAMPLES = HERE / "samples" / "lm-eval"
RUN = SAMPLES / "EleutherAI__pythia-70m"
STAMP = "2026-01-01T00-00-00.000000"
SOURCES = HERE.parents[1] / "shared" / "sources" / "pythia-evals" / "raw" / "evals"
published = pytest.mark.skipif(not SOURCES.is_dir(), reason="published files not on this machine")


@pytest.fixture
def run(tmp_path):
    """Copy of one run's folder."""
    return Path(shutil.copytree(RUN, tmp_path / "runs" / RUN.name))


def summary(folder: Path) -> Path:
    return folder / f"results_{STAMP}.json"


def rewrite(file: Path, change) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    change(data)
    file.write_text(json.dumps(data), encoding="utf-8")


def row(report, task, metric):
    [found] = report.frame.query("task == @task and metric == @metric").to_dict("records")
    return found


# --- 0.4 ------------------------------------------------------------------------------
def test_one_import_gives_the_discontinuous_and_the_continuous_metric_of_the_same_outputs():
    report = import_results("lm-eval", SAMPLES)
    assert len(report.frame) == 27
    metrics = report.frame[report.frame["task"] == "tiny_choice"]["metric"]
    assert set(metrics) == {"multiple_choice", "bits_per_byte", "brier"}
    assert set(report.frame["n"]) == {8}
    assert set(report.frame["shots"]) == {0}
    assert report.unknown_models == ()
    assert "eval-harness" in report.citation


def test_scores_are_those_of_the_result_file_and_bits_those_of_the_records():
    report = import_results("lm-eval", RUN)
    results = json.loads(summary(RUN).read_text())["results"]["tiny_choice"]
    lines = (RUN / f"samples_tiny_choice_{STAMP}.jsonl").read_text().splitlines()
    accuracy = row(report, "tiny_choice", "multiple_choice")
    assert accuracy["score"] == results["acc,none"]
    assert accuracy["stderr"] == results["acc_stderr,none"]
    assert accuracy["chance"] == 0.25
    assert "chance" not in str(accuracy["assumed"])  # four likelihoods stand in each record
    bits = []
    for record in map(json.loads, lines):
        gold = record["doc"]["gold"]
        text = record["arguments"][f"gen_args_{gold}"]["arg_1"]
        bits.append(-float(record["filtered_resps"][gold][0]) / math.log(2) / len(text))
    found = row(report, "tiny_choice", "bits_per_byte")
    assert found["score"] == pytest.approx(np.mean(bits))
    assert found["stderr"] == pytest.approx(np.std(bits, ddof=1) / np.sqrt(8))
    brier = row(report, "tiny_choice", "brier")
    assert brier["score"] == results["brier_score,none"]
    assert (brier["chance"], math.isnan(brier["stderr"])) == (0.75, False)


def test_records_alone_give_the_scores_too(run):
    whole = import_results("lm-eval", run)
    summary(run).unlink()
    report = import_results("lm-eval", run, shots=0)
    assert any("no result file beside" in text for text in report.warnings)
    for task, metric in (
        ("tiny_choice", "multiple_choice"),
        ("tiny_choice [acc_norm]", "multiple_choice"),
        ("tiny_choice", "brier"),
        ("tiny_word", "perplexity"),
        ("tiny_word", "exact_match"),
        ("tiny_generate [strict-match]", "exact_match"),
    ):
        alone, both = row(report, task, metric), row(whole, task, metric)
        assert alone["score"] == pytest.approx(both["score"])
        assert (alone["model"], alone["n"]) == ("EleutherAI/pythia-70m", 8)


def test_samples_come_back_one_row_each():
    items = import_results("lm-eval", RUN, items=True).items
    assert items is not None
    assert len(items) == 8 + 8 + 2 * 8
    choice = items[items["task"] == "tiny_choice"]
    p = np.array([np.exp(one) / np.exp(one).sum() for one in choice["logprobs"]])
    lines = (RUN / f"samples_tiny_choice_{STAMP}.jsonl").read_text().splitlines()
    gold = [json.loads(line)["doc"]["gold"] for line in lines]
    assert np.log(p[range(8), gold]) == pytest.approx(choice["choice_logprob"].to_numpy())
    assert items[items["task"] == "tiny_generate"]["target_logprob"].isna().all()


def test_results_and_records_that_disagree_are_said(run):
    rewrite(summary(run), lambda data: data["results"]["tiny_choice"].update({"acc,none": 0.5}))
    report = import_results("lm-eval", run)
    assert any("are the files of one run?" in text for text in report.warnings)
    assert row(report, "tiny_choice", "multiple_choice")["score"] == 0.5


def test_a_group_of_different_metrics_is_left_out_and_one_of_equals_is_kept(run):
    report = import_results("lm-eval", run)
    assert any("scored in different ways" in item.why for item in report.dropped)

    def equals(data):
        data["group_subtasks"] = {"tiny": ["tiny_choice", "twin"]}
        for part in ("results", "configs", "n-shot", "n-samples"):
            data[part]["twin"] = copy(data[part]["tiny_choice"])
        data["configs"]["tiny_choice"]["doc_to_choice"] = ["A", "B", "C", "D"]
        data["configs"]["twin"]["doc_to_choice"] = ["A", "B"]

    rewrite(summary(run), equals)
    group = row(import_results("lm-eval", run), "tiny", "multiple_choice")
    assert (group["n"], group["chance"], group["shots"]) == (16, 0.375, 0)
    assert "mean over a group" in group["source"]


def test_members_of_a_group_that_are_no_list_make_it_a_task(run):
    rewrite(summary(run), lambda data: data["group_subtasks"].update(tiny=True))
    assert "tiny" in set(import_results("lm-eval", run, chance=0.25).frame["task"])


def test_older_forms_of_records_are_read(tmp_path):
    record = {
        "doc_id": 0,
        "doc": {},
        "target": "yes",
        "arguments": [["Is it?", " yes"], ["Is it?", " no"]],
        "resps": [[[-1.0, True]], [[-2.0, False]]],
        "filtered_resps": [[-1.0, True], [-2.0, False]],
        "acc": 1.0,
    }
    file = tmp_path / "samples_boolq.jsonl"
    file.write_text(json.dumps(record) + "\n" + json.dumps(record), encoding="utf-8")
    [samples] = read_samples(file).values()
    assert (samples.n, samples.metrics["acc"].mean) == (2, 1.0)
    assert samples.target is samples.by_text
    assert samples.by_text.bits.mean == pytest.approx(1.0 / math.log(2) / len(" yes"))
    assert not samples.by_number.possible


def test_the_reading_of_a_target_is_the_one_that_fits_the_scores(tmp_path):
    # "1" is the second option by number and the first by text; the scores say which it is
    def record(acc, first, second):
        return {
            "target": "1",
            "arguments": [["?", " 1"], ["?", " 0"]],
            "filtered_resps": [[first, False], [second, False]],
            "metrics": ["acc"],
            "acc": acc,
        }

    file = tmp_path / "samples_x.jsonl"
    for right, acc in (("by_number", 0.0), ("by_text", 1.0)):
        file.write_text(json.dumps(record(acc, -1.0, -2.0)), encoding="utf-8")
        [samples] = read_samples(file).values()
        assert samples.target is getattr(samples, right)


@pytest.mark.parametrize("written", ["-inf", "-3.4028234663852886e+38", "-1.3e154"])
def test_infinite_likelihoods_do_not_become_a_mean(run, written):
    file = run / f"samples_tiny_word_{STAMP}.jsonl"
    lines = file.read_text().splitlines()
    first = json.loads(lines[0])
    first["filtered_resps"] = [[written, "False"]]
    file.write_text("\n".join([json.dumps(first), *lines[1:]]), encoding="utf-8")
    report = import_results("lm-eval", run)
    assert "tiny_word" not in set(report.frame.query("metric == 'bits_per_byte'")["task"])
    assert any("infinite in 1 of 8 records" in item.why for item in report.dropped)


def test_one_score_out_of_range_is_no_part_of_a_mean_that_is_in_it(run):
    file = run / f"samples_tiny_choice_{STAMP}.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        record["acc_norm"] = 0.5
    records[0]["acc_norm"], records[1]["acc_norm"] = 1e200, -1e200  # their mean is 0
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    summary(run).unlink()
    report = import_results("lm-eval", run, models=None)
    assert not report.frame["task"].str.contains("acc_norm").any()
    [why] = [item.why for item in report.dropped if "one record" in item.why]
    assert "-1e+200 is outside of 0 to 1" in why


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_moments_of_batches_are_those_of_all(shift):
    values = shift + np.random.default_rng(0).normal(size=1000)
    moments = Moments()
    for batch in np.split(values, [0, 1, 400]):
        moments.add(batch)
    assert (moments.n, moments.least, moments.most) == (1000, values.min(), values.max())
    assert moments.mean == pytest.approx(values.mean(), rel=1e-14)
    assert moments.stderr == pytest.approx(values.std(ddof=1) / np.sqrt(1000), rel=1e-6)


def test_moments_beyond_what_a_float_holds_are_no_numbers_and_no_warning():
    moments = Moments()
    moments.add(np.array([1.3e154, -1.3e154]))
    assert moments.mean == 0.0
    assert math.isnan(moments.stderr)
    moments.add(np.array([1.7e308, 1.7e308]))
    assert not math.isfinite(moments.mean)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"target": "0", "filter": "none", "target": "1", "metrics": []}',
            "'target' stands twice",
        ),
        ('{"target":"0","filter":"none","target":"1"}', "'target' stands twice"),
        ('{"doc_id": 1, "filtered_resps": [["-1.0", "Fal', "it ends too early"),
        ("[1, 2]", "is no JSON object"),
        ('{"filter": "none", "metrics": []}', "lacks 'filtered_resps'"),
        ('{"filtered_resps": [["-1", "True"]], "arguments": [["a"]]}', "not a record of lm-eval"),
        (
            '{"filtered_resps": [["a", "True"]], "arguments": [["a", "b"]]}',
            "not a record of lm-eval",
        ),
        (
            '{"filtered_resps": [["1.3e154", "True"]], "arguments": [["a", "b"]]}',
            "a log-likelihood of 1.3e+154 is above 0",
        ),
        (
            '{"filtered_resps": [[1%s, true]], "arguments": [["a", "b"]]}' % ("0" * 400),
            "not a record of lm-eval",
        ),
    ],
)
def test_a_wrong_record_is_refused_with_file_and_line(run, line, said):
    file = run / f"samples_tiny_choice_{STAMP}.jsonl"
    good = file.read_text().splitlines()[0]
    file.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(ResultsError) as caught:
        import_results("lm-eval", run)
    assert str(caught.value).startswith(f"{file}, line 2")
    assert said in str(caught.value)


def test_a_record_with_a_bare_nan_or_an_escaped_key_is_read_by_the_slow_way(run):
    file = run / f"samples_tiny_choice_{STAMP}.jsonl"
    plain = read_samples(file)["none"].metrics["acc"]
    text = file.read_text()
    file.write_text(
        text.replace('"doc_id": 0', '"doc_id": NaN', 1).replace("doc_hash", "d\\u006fc_hash")
    )
    assert read_samples(file)["none"].metrics["acc"] == plain


def test_text_where_a_number_belongs_is_dropped_and_counted(run):
    def spoil(data):
        data["results"]["tiny_choice"] |= {"acc,none": "N/A", "acc_norm,none": " "}
        data["results"]["tiny_word"]["acc,none"] = float("nan")

    rewrite(summary(run), spoil)
    for file in run.glob("samples_*"):
        file.unlink()
    report = import_results("lm-eval", run, chance=0.25)
    [dropped] = [item for item in report.dropped if "no number" in item.why]
    assert dropped.count == 3
    assert "multiple_choice" not in set(report.frame["metric"])


def test_a_percentage_under_accuracy_is_left_out_with_the_declaration_that_would_read_it(run):
    rewrite(summary(run), lambda data: data["results"]["tiny_word"].update({"acc,none": 45.0}))
    report = import_results("lm-eval", run)
    assert any("declare 'exact_match/100'" in item.why for item in report.dropped)
    rewrite(summary(run), lambda data: data["results"]["tiny_word"].update({"perplexity,none": 9}))
    for file in run.glob("samples_*"):
        file.unlink()
    report = import_results("lm-eval", run, metrics={"acc": "exact_match/100"})
    assert row(report, "tiny_word", "exact_match")["score"] == 0.45


def test_names_with_slashes_dots_and_direction_marks_stay_names(run):
    def rename(data):
        data["model_name"] = "örg/mödel-7b\u202e"
        data["results"] = {"../../etc/passwd": data["results"]["tiny_word"]}

    rewrite(summary(run), rename)
    for file in run.glob("samples_*"):
        file.unlink()
    report = import_results("lm-eval", run)
    assert set(report.frame["task"]) == {"../../etc/passwd"}
    assert set(report.frame["model"]) == {"örg/mödel-7b"}
    assert set(report.frame["params"]) == {7e9}
    assert set(report.frame["assumed"]) == {"params"}
    assert report.unknown_models == ("örg/mödel-7b",)


def test_the_later_of_two_runs_counts(run):
    later = run / "results_2026-02-01T00-00-00.000000.json"
    shutil.copyfile(summary(run), later)
    rewrite(later, lambda data: data["results"]["tiny_word"].update({"acc,none": 0.125}))
    report = import_results("lm-eval", run)
    assert row(report, "tiny_word", "exact_match")["score"] == 0.125
    assert any("an earlier run" in item.why for item in report.dropped)


def test_two_runs_without_a_date_that_disagree_are_refused(run):
    data = json.loads(summary(run).read_text())
    del data["date"]
    for file in run.iterdir():
        file.unlink()
    for name, score in (("a", 0.25), ("b", 0.5)):
        data["results"]["tiny_word"]["acc,none"] = score
        (run / f"{name}.json").write_text(json.dumps(data))
    with pytest.raises(ResultsError) as caught:
        import_results("lm-eval", run)
    assert "tiny_word (exact_match): 0.25 in a.json, 0.5 in b.json" in str(caught.value)
    assert "--duplicates mean or seed" in str(caught.value)


def test_a_folder_without_result_files_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ResultsError, match="nothing in it can be imported") as caught:
        import_results("lm-eval", tmp_path)
    assert "config.json: JSON, but no result file of lm-eval" in str(caught.value)


def test_what_names_no_model_is_called_after_its_file_and_lighteval_is_left_out(tmp_path):
    nameless = old("", 0.6)
    nameless["config"] = {}
    (tmp_path / "beta-7b.json").write_text(json.dumps(nameless))
    (tmp_path / "lighteval.json").write_text(json.dumps({"config_general": {}, "results": {}}))
    report = import_results("lm-eval", tmp_path, shots=3)
    assert set(report.frame["model"]) == {"beta-7b"}
    assert set(report.frame["shots"]) == {3}
    assert "beta-7b.json: names no model; called after the file" in report.warnings
    assert any("lighteval" in item.why for item in report.dropped)


def test_an_empty_run_of_an_unknown_model_is_refused_with_the_fix(run):
    rewrite(summary(run), lambda data: data.update(model_name="mystery"))
    with pytest.raises(ResultsError) as caught:
        import_results("lm-eval", run)
    assert "mystery" in str(caught.value)
    assert "give it a line in a models table" in str(caught.value)


def test_a_reader_that_stops_says_at_which_option():
    with pytest.raises(ResultsError, match="known: study, family, models"):
        import_results("lm-eval", RUN, famly="x")


# --- 0.3: published files ---------------------------------------------------------------
def old(model: str, acc: float, **more) -> dict:
    n = 100
    stderr = math.sqrt(acc * (1 - acc) / (n - 1))
    results = {
        "piqa": {"acc": acc, "acc_stderr": stderr},
        "lambada_openai": {"ppl": 20.0, "ppl_stderr": 1.0, "acc": 0.0, "acc_stderr": 0.0},
    }
    config = {"model": "hf-causal", "model_args": f"pretrained={model}", "num_fewshot": 5}
    return {"results": results, "versions": {"piqa": 0}, "config": config | more}


def test_version_0_3_says_little_and_the_rest_is_inferred_and_said(tmp_path):
    for step, acc in ((0, 0.5), (1000, 0.55), (143000, 0.64)):
        file = tmp_path / f"step{step}.json"
        arguments = f"pretrained=EleutherAI/pythia-70m,revision=step{step}"
        file.write_text(json.dumps(old("", acc, model_args=arguments)))
    report = import_results("lm-eval", tmp_path)
    piqa = report.frame[report.frame["task"] == "piqa"]
    assert list(piqa["family"]) == [
        "pythia untrained",
        "pythia-70m training",
        "pythia-70m training",
        "pythia",
    ]
    assert list(piqa["step"].dropna()) == [1000, 143000]
    assert list(piqa["tokens"].dropna()) == [1000 * 2**21, 143000 * 2**21, 143000 * 2**21]
    assert set(piqa["n"]) == {100}
    assert set(piqa["shots"]) == {5}
    assert set(piqa["chance"]) == {0.5}
    assert "chance" in piqa["assumed"].iloc[0]
    lambada = report.frame.query("task == 'lambada_openai' and metric == 'exact_match'")
    assert lambada["n"].isna().all()  # 0 % ± 0 tells nothing
    assert lambada["stderr"].isna().all()
    assert any("not certainty" in item.why for item in report.dropped)


def test_mixed_versions_of_the_harness_and_of_a_task_are_said(run):
    (run / "old.json").write_text(json.dumps(old("EleutherAI/pythia-410m", 0.6)))
    (run / "other.json").write_text(
        json.dumps(old("EleutherAI/pythia-160m", 0.6) | {"versions": {"piqa": 1}})
    )
    report = import_results("lm-eval", run)
    assert any("before and after 0.4 in one folder" in text for text in report.warnings)
    assert any("piqa was scored by versions 0, 1" in text for text in report.warnings)


@published
def test_published_opt_and_bloom_files_give_the_shipped_numbers():
    shipped = load("pythia")
    for family in ("opt", "bloom"):
        report = import_results("lm-eval", SOURCES / family, family=family)
        found = report.frame[~report.frame["task"].str.contains("acc_norm")]
        both = found.merge(shipped, on=["family", "task", "metric", "shots", "params"])
        assert len(both) == len(found) > 300
        for name in ("score", "n", "chance", "stderr"):
            left, right = both[f"{name}_x"], both[f"{name}_y"]
            known = left.notna() & right.notna() if name == "chance" else left.notna()
            assert (left[known] == right[known]).all(), name


@published
@pytest.mark.slow
def test_all_published_pythia_files_give_the_shipped_numbers():
    report = import_results("lm-eval", SOURCES)
    shipped = load("pythia")
    keys = ["family", "task", "metric", "shots", "params", "step", "tokens"]
    both = report.frame.merge(shipped, on=keys)
    assert len(both) > 46_000
    assert (both["score_x"] == both["score_y"]).all()
    assert (both["n_x"] == both["n_y"]).all()


# --- speed ------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_million_records_in_twenty_seconds_and_a_gigabyte(tmp_path):
    script = HERE.parent / "benchmarks" / "import_speed.py"
    done = subprocess.run(
        [sys.executable, script, "--rows", "1000000", "--folder", tmp_path, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured["seconds"] <= 20
    assert measured["peak_mb"] <= 1024
