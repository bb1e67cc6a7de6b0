"""every_eval_ever: records of all versions of the shared schema."""

from __future__ import annotations

import copy
import json
import math
import shutil
from pathlib import Path

import pytest

from emergent_stats.importers import eee, import_results
from emergent_stats.importers.records import Collector, Options
from emergent_stats.importers.report import Notes
from emergent_stats.results import ResultsError

SAMPLES = Path(__file__).parent / "samples"
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
