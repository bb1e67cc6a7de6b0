from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emergent_stats.model.metrics import METRICS
from emergent_stats.results import corpus
from emergent_stats.results.corpus import (
    AXES,
    COLUMNS,
    ResultsError,
    load,
    load_source,
    read,
    series,
    validate,
    write,
)
from emergent_stats.results.schema import OPTIONAL


def table(rows: int = 20, **columns) -> pd.DataFrame:
    base = {
        "study": "mine",
        "family": "f",
        "model": [f"m{i}" for i in range(rows)],
        "task": "sums",
        "metric": "exact_match",
        "params": np.logspace(6, 9, rows),
        "score": np.linspace(0, 1, rows),
    }
    return pd.DataFrame(base | columns)


def message(frame: pd.DataFrame, source: str = "table") -> str:
    with pytest.raises(ResultsError) as caught:
        validate(frame, source)
    return str(caught.value)


def with_cell(column: str, row: int, value) -> pd.DataFrame:
    frame = table()
    if column not in frame:
        frame[column] = np.nan
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


# --- the definitions -------------------------------------------------------------------
# --- what is valid ---------------------------------------------------------------------
def test_valid_table_comes_back_in_canonical_columns_and_dtypes():
    frame = validate(table(n="2000", shots=3.0)[::-1])
    assert list(frame.columns) == list(COLUMNS)
    assert {c: str(t) for c, t in frame.dtypes.items()} == {c: d for c, (d, _) in COLUMNS.items()}
    assert list(frame.index) == list(range(20))
    assert frame["n"].tolist() == [2000] * 20
    assert frame["seed"].isna().all()
    assert frame["model"].iloc[0] == "m19"


def test_validating_twice_changes_nothing():
    once = validate(table())
    pd.testing.assert_frame_equal(validate(once), once)


def test_headers_may_be_capitalised_and_unknown_columns_are_dropped_and_said():
    frame = validate(table().rename(columns={"score": " Score "}).assign(remark="x"))
    assert "remark" not in frame
    assert frame.attrs["notes"] == ("columns not used: remark",)


def test_two_models_at_one_scale_are_replicates():
    frame = table(4, params=1e9, score=[0.1, 0.2, 0.1, 0.1])
    assert len(validate(frame)) == 4


def test_identical_rows_count_once():
    frame = validate(pd.concat([table(), table().head(2)]))
    assert len(frame) == 20
    assert frame.attrs["notes"] == ("2 repeated rows counted once",)


# --- what is not -----------------------------------------------------------------------
def test_percentage_message_is_exact():
    assert message(with_cell("score", 14, 45.0), "gpt3") == (
        "gpt3, row 14: score 45.0 is above 1, the top of 'exact_match'. "
        "Was it a percentage? Divide by 100"
    )


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("score", -0.25, "score -0.25 is below 0, the bottom of 'exact_match'"),
        ("score", 4500, "score 4500.0 is above 1, the top of 'exact_match'. Correct it"),
        ("score", np.nan, "score is missing (empty or NaN); fill it in or delete the row"),
        ("score", None, "score is missing"),
        ("score", np.inf, "score inf is not a finite number"),
        ("score", "45%", "score '45%' is not a finite number; write it plainly"),
        ("score", True, "score True is not a finite number"),
        ("score", [0.5], "score [0.5] is not a finite number"),
        ("score", "1_0", "score '1_0' is not a finite number"),
        ("n", -5, "n -5 is below 1; n counts the examples scored"),
        ("n", 0, "n 0 is below 1"),
        ("n", 10.5, "n 10.5 is not a whole number"),
        ("n", 1e300, "n 1e+300 is too large to be true"),
        ("n", "many", "n 'many' is not a finite number"),
        ("params", 0, "params 0 is not above 0 and has no place on a log scale"),
        ("params", -1e9, "params -1000000000 is not above 0"),
        ("params", np.nan, "no axis of scale; fill at least one of params, tokens, flops, step"),
        ("params", "1.3B", "params '1.3B' is not a finite number"),
        ("stderr", -0.1, "stderr -0.1 is negative"),
        ("stderr", 2.5, "stderr 2.5 is above 1. Was it a percentage? Divide by 100"),
        ("chance", 25, "chance 25.0 is not below 1"),
        ("chance", -1, "chance -1 is negative"),
        ("shots", -1, "shots -1 is negative"),
        ("shots", 2.5, "shots 2.5 is not a whole number"),
        ("answer_tokens", 0, "answer_tokens 0 is not above 0"),
        ("family", "", "family is empty; fill in models trained alike"),
        ("task", None, "task is empty"),
        ("metric", "acc", "unknown metric 'acc'; write 'multiple_choice' where answers were pick"),
        ("metric", "ppl", "unknown metric 'ppl'; write 'perplexity'. Known: exact_match, mult"),
        ("metric", "exactmatch", "did you mean 'exact_match'?"),
        ("metric", "xyzzy", "use a known one. Known: exact_match"),
        ("metric", "multiple_choice", "'multiple_choice' needs a chance level; fill `chance`"),
    ],
)
def test_bad_cell_is_named_by_row_with_value_and_fix(column, value, text):
    if column == "params":
        frame = with_cell(column, 3, value)
    elif isinstance(value, list):
        frame = table()
        frame["score"] = [value if i == 3 else s for i, s in enumerate(frame["score"])]
    else:
        frame = with_cell(column, 3, value)
    lines = message(frame, "file.csv").split("\n")
    assert len(lines) == 1, lines
    assert lines[0].startswith("file.csv, row 3: ")
    assert text in lines[0]


def test_infinite_number_column_is_named():
    frame = table(tokens=[np.inf, *[1e9] * 19])
    assert "row 0: tokens inf is infinite; leave the cell empty" in message(frame)
    frame = table(score=[-np.inf, *[0.5] * 19])
    assert "row 0: score -inf is infinite" in message(frame)


def test_perplexity_starts_at_one():
    frame = with_cell("metric", 5, "perplexity")
    assert "is below 1, the bottom of 'perplexity'" in message(frame)
    assert len(validate(table(metric="perplexity", score=1e9))) == 20


def test_all_offending_rows_are_listed_in_order_up_to_ten():
    frame = table(score=[0.5, 50, -1, *[0.5] * 17])
    frame.loc[1, "metric"] = "bleuu"
    rows = [re.findall(r"row (\d+)", line)[0] for line in message(frame).split("\n")]
    assert rows == ["1", "2"]
    lines = message(table(score=50.0)).split("\n")
    assert len(lines) == 11
    assert lines[9].startswith("table, row 9: ")
    assert lines[10] == "… and 10 more"


def test_one_line_for_an_unknown_metric_however_often():
    text = message(table(metric="foo"))
    assert text.count("unknown metric 'foo' (and 19 more rows)") == 1
    assert "\n" not in text


def test_contradictory_duplicates():
    frame = pd.concat([table(), table(score=0.5).iloc[[3]]], ignore_index=True)
    text = message(frame)
    assert text.startswith("table, row 20: contradicts row 3: score 0.5 against 0.157894")
    assert "model 'm3', task 'sums'" in text
    assert text.endswith("keep one, or number the runs in `seed`")
    frame["seed"] = [*[0] * 20, 1]
    assert len(validate(frame)) == 21


def test_duplicates_with_another_n_contradict():
    frame = pd.concat([table(n=10), table(n=20).iloc[[0]]], ignore_index=True)
    assert "contradicts row 0: n 20 against 10" in message(frame)


def test_missing_columns_are_named_with_their_meaning_and_never_invented():
    text = message(table().drop(columns=["study", "family"]), "my.csv")
    assert text == (
        "my.csv: required columns missing: 'study' (where the numbers come from: a paper or a "
        "run of one's own); 'family' (models trained alike, so that only scale differs). "
        "Add to each row"
    )
    assert "did you mean 'score'" in message(table().rename(columns={"score": "scores"}))
    assert "unknown column 'chanse'; did you mean 'chance'?" in message(table(chanse=0.25))


def test_no_axis_column_at_all():
    assert message(table().drop(columns="params")) == (
        f"table: no axis of scale; add at least one of the columns {', '.join(AXES)}"
    )


def test_empty_table():
    assert "has no rows" in message(table(0))


# --- files -----------------------------------------------------------------------------
HEADER = "study;family;model;task;metric;params;score;n\n"


def saved(tmp_path, name: str, content: str | bytes):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def error(path) -> str:
    with pytest.raises(ResultsError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    return text


def test_csv_with_bom_semicolons_and_decimal_commas(tmp_path):
    rows = "s;f;m1;t,u;exact_match;1,5e9;0,45;200\ns;f;m2;t,u;exact_match;3000000000;1;\n"
    frame = read(saved(tmp_path, "a.csv", "\ufeff" + HEADER + rows))
    assert frame["score"].tolist() == [0.45, 1.0]
    assert frame["params"].tolist() == [1.5e9, 3e9]
    assert frame["task"].tolist() == ["t,u"] * 2
    assert frame["n"].isna().tolist() == [False, True]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_dialects(tmp_path, encoding, delimiter, newline):
    text = table().to_csv(index=False, sep=delimiter, lineterminator=newline)
    path = saved(tmp_path, "a.csv", text.encode(encoding))
    pd.testing.assert_frame_equal(read(path), validate(table()))


def test_separator_line_of_a_spreadsheet(tmp_path):
    path = saved(tmp_path, "a.csv", "sep=;\n" + HEADER + "s;f;m;t;exact_match;1e9;45;\n")
    assert "row 3: score 45.0 is above 1" in error(path)


def test_csv_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path):
    good, bad = "s;f;m;t;exact_match;1e9;0.5;\n", "s;f;m2;t;exact_match;1e9;45;\n"
    assert "row 4: score 45.0" in error(saved(tmp_path, "a.csv", HEADER + good + "\n" + bad))


def test_thousands_separators_are_refused_not_guessed(tmp_path):
    row = "s;f;m;t;exact_match;10,000;0,5;1,000\n"
    text = error(saved(tmp_path, "a.csv", HEADER + row))
    assert "params '10,000' is not a finite number" in text
    assert "n '1,000' is not a finite number" in text


def test_comma_in_a_number_of_a_comma_separated_file(tmp_path):
    content = HEADER.replace(";", ",") + "s,f,m,t,exact_match,1e9,0,5,10\n"
    text = error(saved(tmp_path, "a.csv", content))
    assert "row 2: has 9 cells where the header has 8. Is a comma inside a number" in text


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", " \n\n", "is empty"),
        ("a.csv", HEADER, "has no rows"),
        ("a.csv", b"\xe9t\xe9;b\n1;2\n", "byte 0 is not UTF-8 text; save the table as UTF-8"),
        ("a.csv", 'study,family\n"s,f\n', "not CSV"),
        ("a.csv", "score,score\n1,2\n", "the column 'score' stands twice"),
        ("a.parquet", "PAR1 no", "cannot be read as Parquet, it is truncated or something else"),
        ("a.json", '[{"study": "s"', "line 1, column 15: not JSON"),
        ("a.json", '{"study": "s"}', "is a list of rows"),
        ("a.json", '[{"study": 1, "study": 2}]', "the key 'study' stands twice in one object"),
        ("a.json", "[]", "has no rows"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.xlsx", "x", "cannot read a .xlsx; use .csv, .parquet or .json"),
        ("a", "x", "cannot read a file without suffix"),
    ],
)
def test_unreadable_files(tmp_path, name, content, text):
    assert text in error(saved(tmp_path, name, content))


def test_absent_file_and_folder(tmp_path):
    assert "no such file" in error(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in error(tmp_path / "folder.csv")


def test_truncated_parquet_at_every_length(tmp_path):
    path = tmp_path / "a.parquet"
    write(validate(table()), path)
    data = path.read_bytes()
    for length in range(1, len(data), 97):
        error(saved(tmp_path, "b.parquet", data[:length]))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_written_tables_read_back_equal(tmp_path, suffix):
    frame = validate(table(n=7, source='a "b", c', task="Ro→En\n16", shots=[None, *range(19)]))
    write(frame, tmp_path / f"a{suffix}")
    pd.testing.assert_frame_equal(read(tmp_path / f"a{suffix}"), frame)
    assert [p.name for p in tmp_path.iterdir()] == [f"a{suffix}"]


def test_json_has_null_for_missing_and_no_nan(tmp_path):
    write(validate(table()), tmp_path / "a.json")
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert rows[0]["n"] is None
    assert rows[0]["stderr"] is None
    assert list(rows[0]) == [name for name in COLUMNS if name not in OPTIONAL]


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    from emergent_stats.results import files

    path = saved(tmp_path, "a.csv", "old")
    monkeypatch.setattr(files.os, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(ResultsError, match=r"cannot be written \(full\)"):
        write(validate(table()), path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ResultsError, match=r"cannot write a \.xls"):
        write(table(), tmp_path / "a.xls")
    with pytest.raises(ResultsError, match="choose another folder"):
        write(table(), tmp_path / "none" / "a.csv")


# --- studies and sources ---------------------------------------------------------------
def test_unknown_study_suggests_close_names():
    with pytest.raises(ResultsError, match="unknown study 'gtp3'; did you mean 'gpt3'"):
        load("gtp3")
    with pytest.raises(ResultsError, match=r"unknown study '\.\./gpt3'"):
        load("../gpt3")


def test_load_source_takes_a_study_or_a_file(tmp_path):
    pd.testing.assert_frame_equal(load_source("gpt3"), load("gpt3"))
    path = saved(tmp_path, "a.csv", table().to_csv(index=False))
    assert len(load_source(path)) == 20
    with pytest.raises(ResultsError, match="no such file"):
        load_source("nothing.csv")
    with pytest.raises(ResultsError, match=r"unknown study 'gpt4'.* A file ends in \.csv"):
        load_source("gpt4")


def test_studies_lists_every_study_with_its_size():
    frame = corpus.studies().set_index("study")
    assert frame.loc["gpt3", "series"] == 189
    assert frame.loc["gpt3", "rows"] == 1512
    assert frame.loc["gpt3", "axes"] == "params, tokens, flops"
    assert frame.loc["bigbench-bigg", "series"] == 85
    assert "arXiv 2005.14165" in frame.loc["gpt3", "citation"]
    assert not frame.isna().any().any()


def test_series_come_in_table_order_with_plain_keys():
    frame = validate(
        pd.concat([table(2, task="b", shots=5), table(2, task="a"), table(3, task="b")])
    )
    found = [(key["task"], key["shots"], len(rows)) for key, rows in series(frame)]
    assert found == [("b", 5, 2), ("a", None, 2), ("b", None, 3)]
    assert type(next(series(frame))[0]["shots"]) is int


# --- whatever comes ----------------------------------------------------------------------
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["exact_match", "perplexity", "multiple_choice", "acc", "0,5", "1e400", "NaN"]),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(st.lists(st.fixed_dictionaries({c: CELLS for c in COLUMNS}), min_size=1, max_size=4))
def test_any_table_is_valid_or_one_clear_error(rows):
    given_rows = pd.DataFrame(rows, dtype=object)
    try:
        frame = validate(given_rows)
    except ResultsError:
        assert message(given_rows).startswith("table")
    else:
        pd.testing.assert_frame_equal(validate(frame), frame)
        for name in frame["metric"].unique():
            low, high = METRICS[name].range
            assert frame.loc[frame["metric"] == name, "score"].between(low, high).all()
        assert np.isfinite(frame["score"]).all()


@settings(max_examples=150)
@given(st.binary(max_size=200), st.sampled_from([".csv", ".json", ".parquet"]))
def test_any_bytes_are_a_table_or_one_clear_error(tmp_path_factory, data, suffix):
    path = tmp_path_factory.mktemp("bytes") / f"a{suffix}"
    path.write_bytes(data)
    with pytest.raises(ResultsError):
        read(path)
