"""Scales in the wrong unit, maps of wide tables, METR's dates of release."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from emergent_stats.cli import commands
from emergent_stats.importers import import_results
from emergent_stats.importers.scales import read_models
from emergent_stats.results.corpus import ResultsError

METR = Path(__file__).parents[1] / "samples" / "metr"
CELLS = "Model,Size,Tokens,Compute,Day,Score\na,7,1.4e12,0.04,2023-07-18,10\nb,176,2e12,3.2,,30\n"


def wide(tmp_path, axes, cells=CELLS):
    (tmp_path / "t.csv").write_text(cells, encoding="utf-8")
    told = {"model": "Model", "axes": axes, "tasks": {"Score": "exact_match/100"}}
    return import_results("wide", tmp_path / "t.csv", columns=told)


# --- units -------------------------------------------------------------------------------
def test_billions_without_a_unit_are_refused_with_the_fix(tmp_path):
    with pytest.raises(ResultsError) as caught:
        wide(tmp_path, {"params": "Size"})
    first, second = str(caught.value).splitlines()
    assert first == (
        f"{tmp_path / 't.csv'}, row 2 (a): params 7 is below 100,000, fewer parameters than any "
        'language model has. Give the unit in the map: params = { column = "Size", unit = 1e9 } '
        "for billions, or unit = 1 if it is meant as it stands"
    )
    assert "row 3 (b): params 176 is below" in second


@pytest.mark.parametrize(("axis", "column"), [("tokens", "Size"), ("flops", "Compute")])
def test_other_axes_are_held_to_their_own_limits(tmp_path, axis, column):
    with pytest.raises(ResultsError, match=rf"{axis} .* is below 1.*column = \"{column}\""):
        wide(tmp_path, {axis: column})


def test_a_declared_unit_is_believed(tmp_path):
    billions = wide(tmp_path, {"params": {"column": "Size", "unit": 1e9}})
    assert billions.frame["params"].tolist() == [7e9, 176e9]
    toys = wide(tmp_path, {"params": {"column": "Size", "unit": 1}})
    assert toys.frame["params"].tolist() == [7, 176]
    steps = wide(tmp_path, {"step": "Size"})
    assert sorted(steps.frame["step"].tolist()) == [7, 176]


def test_a_unit_that_no_model_reaches_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"tokens 1\.4e12 is 1\.4e\+21, more training tokens"):
        wide(tmp_path, {"tokens": {"column": "Tokens", "unit": 1e9}})


def test_a_cell_can_carry_its_unit(tmp_path):
    cells = "Model,Size,Score\na,7B,10\nb,1.5 T,30\nc,560m,20\n"
    assert wide(tmp_path, {"params": "Size"}, cells).frame["params"].tolist() == [7e9, 1.5e12, 56e7]
    with pytest.raises(ResultsError, match="'7B' has a unit of its own beside unit = 1e"):
        wide(tmp_path, {"params": {"column": "Size", "unit": 1e9}}, cells)


def test_a_cell_that_is_no_scale_is_said_once(tmp_path):
    cells = "Model,Size,Score\na-7b,secret,10\nb-1b,unknown,30\nc-3b,N/A,5\n"
    report = wide(tmp_path, {"params": "Size"}, cells)
    assert [text for text in report.warnings if "Size" in text] == [
        "Size: no scale in 2 cells (row 2: 'secret'); left empty there"
    ]


def test_dates_of_a_wide_table_are_an_axis(tmp_path):
    frame = wide(tmp_path, {"date": "Day", "tokens": "Tokens"}).frame
    assert frame["date"].fillna("").tolist() == ["2023-07-18", ""]
    with pytest.raises(ResultsError, match=r"row 2 \(a\): date '7' is not an ISO date"):
        wide(tmp_path, {"date": "Size"})
    with pytest.raises(ResultsError, match=r"axes\.date: write the column's name"):
        wide(tmp_path, {"date": {"column": "Day", "unit": 1}})


def test_a_misspelt_part_of_an_axis_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"axes\.params: write the column's name, or"):
        wide(tmp_path, {"params": {"column": "Size", "units": 1e9}})


def test_a_models_table_in_billions_is_refused(tmp_path):
    path = tmp_path / "models.csv"
    path.write_text("model,params\nx,176\n")
    with pytest.raises(ResultsError, match=r"row 2: params 176 is too small .* Write it out"):
        read_models(path)


# --- help --------------------------------------------------------------------------------
def test_the_map_in_the_help_imports_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["emergent-stats", "import", "wide", "--help"])
    with pytest.raises(SystemExit):
        commands.main()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    shown = re.search(r"map\.toml:\n((?:    .+\n)+)", text)
    assert shown is not None
    for form in ("{ column, unit }", "{ metric, chance, n, shots }"):
        assert form in shown[1]
    (tmp_path / "map.toml").write_text(re.sub(r"(?m)^ {4}", "", shown[1]), encoding="utf-8")
    (tmp_path / "table.csv").write_text(
        "Model,Params (B),Tokens,Released,GSM8K,MMLU\nx,7,1e12,2023-07-18,12,0.4\n"
    )
    frame = import_results(
        "wide", tmp_path / "table.csv", columns=tmp_path / "map.toml"
    ).frame.set_index("task")
    assert frame.loc["GSM8K", ["params", "tokens", "date", "score"]].tolist() == [
        7e9, 1e12, "2023-07-18", 0.12,
    ]  # fmt: skip
    assert frame.loc["MMLU", ["score", "chance", "n", "shots"]].tolist() == [0.4, 0.25, 500, 5]


# --- METR --------------------------------------------------------------------------------
def runs(folder: Path, **more) -> Path:
    lines = [
        {"alias": alias, "score_binarized": right, "human_minutes": 2, "task_id": str(i)} | more
        for alias in ("GPT-2", "GPT-4o (New)", "o1: preview")
        for i, right in enumerate((0, 1, 1))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "runs.jsonl"


DATES = "# of release\ndate:\n  GPT-2: 2019-02-14\n  gpt-4o (new): '2024-05-13' # api\n"


def test_metr_takes_dates_beside_the_runs_and_makes_one_family(tmp_path):
    path = runs(tmp_path)
    (tmp_path / "release_dates.yaml").write_text(DATES + '  "o1: preview": 2024-09-12\n')
    for where in (path, tmp_path):
        frame = import_results("metr", where).frame
        assert dict(zip(frame["model"], frame["date"], strict=True)) == {
            "GPT-2": "2019-02-14", "GPT-4o (New)": "2024-05-13", "o1: preview": "2024-09-12",
        }  # fmt: skip
        assert len(set(frame["family"])) == 1
    assert set(import_results("metr", path, family="mine").frame["family"]) == {"mine"}


def test_metr_takes_dates_where_its_repository_keeps_them(tmp_path):
    path = runs(tmp_path / "reports" / "one" / "data" / "raw")
    (tmp_path / "data" / "external").mkdir(parents=True)
    (tmp_path / "data" / "external" / "release_dates.yaml").write_text(DATES)
    report = import_results("metr", path)
    assert set(report.frame["model"]) == {"GPT-2", "GPT-4o (New)"}
    assert any("no date of release for o1: preview" in text for text in report.warnings)


def test_metr_takes_dates_from_the_runs_or_a_models_table(tmp_path):
    frame = import_results("metr", runs(tmp_path / "a", release_date="2024-01-02")).frame
    assert set(frame["date"]) == {"2024-01-02"}
    models = tmp_path / "models.csv"
    models.write_text("model,date\nGPT-2,2019-02-14\nGPT-4o (New),2024-05-13\n")
    frame = import_results("metr", runs(tmp_path / "b"), models=models).frame
    assert frame["date"].tolist() == ["2019-02-14", "2024-05-13"]
    models.write_text("model,date\nGPT-2,May 2019\n")
    with pytest.raises(ResultsError, match="row 2: date 'May 2019' is not an ISO date"):
        import_results("metr", tmp_path / "b", models=models)


@pytest.mark.parametrize(
    ("line", "said"),
    [("  GPT-2: May 2019", "'May 2019' is not an ISO date"), ("  GPT-2", "is no line 'model: ")],
)
def test_a_wrong_line_of_dates_is_refused_with_its_number(tmp_path, line, said):
    path = runs(tmp_path)
    (tmp_path / "release_dates.yaml").write_text(f"date:\n{line}\n")
    with pytest.raises(ResultsError) as caught:
        import_results("metr", path)
    assert str(caught.value).startswith(f"{tmp_path / 'release_dates.yaml'}, line 2: ")
    assert said in str(caught.value)


def test_metr_without_dates_is_as_before(tmp_path):
    models = tmp_path / "models.csv"
    models.write_text("model,params,family\nGPT-2,1.5e9,GPT-2\n")
    frame = import_results("metr", METR, models=models).frame
    assert frame["date"].isna().all()
    assert set(frame["family"]) == {"GPT-2"}
