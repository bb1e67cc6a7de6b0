"""Export to other programs: what a spreadsheet would run is made harmless, all or nothing."""

from __future__ import annotations

import csv
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emergent_stats.results.corpus import ResultsError, load, read, validate
from emergent_stats.results.export import FORMS, export_table, neutral

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", '=HYPERLINK("x";"y")']


@pytest.fixture
def table():
    rows = [
        {
            "study": "s",
            "family": "f",
            "model": name,
            "task": "a/../b",
            "metric": "perplexity",
            "params": 10.0**number,
            "score": 2.5,
        }
        for number, name in enumerate([*EVIL, "gpt-3", "Ünïcode"], 6)
    ]
    return validate(pd.DataFrame(rows))


def test_formulas_get_an_apostrophe_in_csv_and_numbers_keep_their_sign(table, tmp_path):
    table["loss"] = -1.0
    file = tmp_path / "t.csv"
    count = export_table(table, file)
    with open(file, encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    names = [row["model"] for row in rows]
    assert names[-2:] == ["gpt-3", "Ünïcode"]
    assert all(name.startswith("'") for name in names[:-2])
    assert count == len(EVIL)
    assert {row["loss"] for row in rows} == {"-1.0"}
    assert {row["task"] for row in rows} == {"a/../b"}


@given(text=st.text(max_size=20))
def test_no_text_begins_like_a_formula(text):
    [cell] = neutral(pd.DataFrame({"a": [text]}))["a"]
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in (text, "'" + text)


def test_a_shipped_study_comes_back_equal_from_csv_and_parquet(tmp_path):
    study = load("gpt3")
    for form in ("csv", "parquet"):
        file = tmp_path / f"gpt3.{form}"
        assert export_table(study, file) == 0
        pd.testing.assert_frame_equal(read(file), study)


def test_excel_stores_formulas_as_text_and_says_what_the_columns_are(table, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    file = tmp_path / "t.xlsx"
    table.loc[0, "task"] = "bell\x07"
    assert export_table(table, file, about="cite me\n=1+1") == len(EVIL)
    book = openpyxl.load_workbook(file)
    rows = list(book["results"].iter_rows())
    assert [cell.value for cell in rows[0]] == [c for c in table.columns if c != "date"]
    models = [row[2] for row in rows[1:]]
    assert [cell.value for cell in models] == table["model"].tolist()
    assert {cell.data_type for cell in models} == {"s"}
    assert [cell.quotePrefix for cell in models[:2]] == [True, True]
    assert rows[1][3].value == "bell"
    assert rows[1][5].value == 1e6
    assert rows[1][11].value is None
    about = [[cell.value for cell in row] for row in book["about"].iter_rows()]
    assert about[0][0] == "cite me"
    assert ["n", "examples scored"] in [row[:2] for row in about]
    assert {cell.data_type for row in book["about"].iter_rows() for cell in row if cell.value} == {
        "s"
    }


def test_excel_without_its_package_is_refused_with_the_way_to_get_it(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ResultsError, match=r"pip install 'emergent_stats\[xlsx\]'"):
        export_table(table, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_form_is_refused(table, tmp_path):
    with pytest.raises(ResultsError, match=f"cannot export to 'ods'; use {', '.join(FORMS)}"):
        export_table(table, tmp_path / "t.ods")
    with pytest.raises(ResultsError, match=r"name the file something\.parquet"):
        export_table(table, tmp_path / "t", form="parquet")


def test_a_folder_that_is_not_there_leaves_nothing(table, tmp_path):
    with pytest.raises(ResultsError, match="cannot be written"):
        export_table(table, tmp_path / "gone" / "t.csv")
    assert list(tmp_path.iterdir()) == []
