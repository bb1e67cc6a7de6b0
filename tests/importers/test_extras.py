"""Optional packages: Inspect, and what is said where one is missing."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from emergent_stats.importers import import_results
from emergent_stats.results.corpus import ResultsError

SAMPLES = Path(__file__).parents[1] / "samples"
LOGS = SAMPLES / "inspect"
FORMATS = ("lm_eval_samples", "lm_eval_join", "metr")


# --- what is not installed ------------------------------------------------------------
@pytest.mark.parametrize(
    ("format", "sample", "needs"),
    [
        ("lm-eval", "lm-eval", "reading lm-eval's samples"),
        ("metr", "metr", "reading METR's runs"),
    ],
)
def test_a_format_without_its_package_names_the_extra(monkeypatch, format, sample, needs):
    for module in ("msgspec", *(f"emergent_stats.importers.{m}" for m in FORMATS)):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "msgspec", None)
    words = rf"{needs} needs msgspec.*pip install 'emergent_stats\[samples\]'"
    with pytest.raises(ResultsError, match=words):
        import_results(format, SAMPLES / sample)


# --- Inspect --------------------------------------------------------------------------
@pytest.fixture
def _inspect():
    pytest.importorskip("inspect_ai")


@pytest.mark.usefixtures("_inspect")
def test_inspect_logs_of_both_forms_give_scores_with_chance_and_count():
    report = import_results("inspect", LOGS)
    choice = report.frame[report.frame["task"] == "tiny_choice"]
    assert set(choice["metric"]) == {"multiple_choice"}
    assert sorted(choice["score"]) == [0.25, 0.75]
    assert set(choice["chance"]) == {0.25}
    assert set(report.frame["n"]) == {4}
    assert set(report.frame["task"]) == {
        "tiny_choice",
        "arithmetic/tiny_sum [match]",
        "arithmetic/tiny_sum [f1]",
    }
    assert set(report.frame["family"]) == {"pythia"}


@pytest.mark.usefixtures("_inspect")
def test_inspect_samples_come_back_one_row_each():
    items = import_results("inspect", LOGS, items=True).items
    assert items is not None
    assert len(items) == 2 * 4 + 2 * 2 * 8  # choices; sums with two scorers and two epochs
    mean = items[items["filter"] == "match"].groupby("model")["score"].mean()
    assert mean.to_dict() == {"mockllm/pythia-2.8b": 0.75, "mockllm/pythia-70m": 0.25}


@pytest.mark.usefixtures("_inspect")
def test_a_failed_run_is_left_out_with_its_error(tmp_path):
    for file in LOGS.glob("choice_*"):
        shutil.copyfile(file, tmp_path / file.name)
    file = tmp_path / "choice_pythia-70m.json"
    data = json.loads(file.read_text())
    data |= {
        "status": "error",
        "error": {"message": "out of\nmoney", "traceback": "", "traceback_ansi": ""},
    }
    data["samples"] = data.pop("samples")  # Inspect writes them last
    file.write_text(json.dumps(data))
    report = import_results("inspect", tmp_path)
    assert len(report.frame) == 1
    assert [str(item) for item in report.dropped] == [
        "choice_pythia-70m.json: not a finished run (status error: out of)"
    ]


@pytest.mark.usefixtures("_inspect")
def test_an_archive_cut_short_is_refused(tmp_path):
    file = tmp_path / "log.eval"
    file.write_bytes((LOGS / "sum_pythia-70m.eval").read_bytes()[:5000])
    with pytest.raises(ResultsError, match="cannot be opened as a zip archive"):
        import_results("inspect", file)
