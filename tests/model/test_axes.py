"""Axes of scale: places on the line, dates, and their way through tables and the command line."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from emergent_stats.cli import commands
from emergent_stats.model.axes import AXES, decimal_year, iso_date, parse_date, parse_value
from emergent_stats.model.curve import AXIS_UNITS, Curve
from emergent_stats.plots.ticks import year_label, year_ticks
from emergent_stats.results.corpus import ResultsError, load, read, validate, write
from emergent_stats.results.selection import curves, default_axis
from emergent_stats.verdict.judge import compare_all
from emergent_stats.verdict.words import scale_label

DAYS = [(date(2019, 2, 14) + timedelta(days=230 * i)).isoformat() for i in range(10)]


def table(**columns) -> pd.DataFrame:
    base = {
        "study": "s", "family": "f", "model": [f"m{i}" for i in range(10)], "task": "sums",
        "metric": "exact_match", "date": DAYS, "n": 200,
        "score": [0.05, 0.04, 0.06, 0.05, 0.05, 0.05, 0.8, 0.81, 0.79, 0.82],
    }  # fmt: skip
    return pd.DataFrame(base | columns)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "dates.csv"
    rise = table(task="rise", score=[0.05 + 0.09 * i for i in range(10)])
    pd.concat([table(), rise]).to_csv(path, index=False)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "argv", ["emergent-stats", *map(str, words)])
        status = 0
        try:
            commands.main()
        except SystemExit as stop:
            status = stop.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return call


# --- the registry -----------------------------------------------------------------------
def test_counts_are_decades_a_loss_falls_and_a_date_is_in_years():
    values = np.array([1e8, 3e9])
    for name in ("params", "tokens", "flops", "step"):
        assert (Curve(values, [0.1, 0.2], "exact_match", axis=name).x == np.log10(values)).all()
    loss = Curve([2.5, 3.5], [0.2, 0.1], "exact_match", axis="loss")
    assert loss.x.tolist() == [-3.5, -2.5]
    dated = Curve([2024.5, 2023.25], [0.2, 0.1], "exact_match", axis="date")
    assert dated.x.tolist() == [2023.25, 2024.5]
    for curve in (loss, dated):
        assert (curve.in_units(curve.x) == curve.axis_values).all()
    assert list(AXIS_UNITS) == list(AXES)


def test_days_and_decimal_years_are_one_another():
    for start in (date(1999, 12, 20), date(2024, 2, 20), date(2023, 12, 20)):
        for i in range(30):
            day = (start + timedelta(days=i)).isoformat()
            assert iso_date(decimal_year(day)) == day
            assert scale_label(decimal_year(day), "date") == day
    assert decimal_year("2024-07-02") == 2024.5
    years = [decimal_year(day) for day in DAYS]
    assert years == sorted(years)


@pytest.mark.parametrize("text", ["2024", "2024-05", "13/05/2024", "2024-13-01", "0024-05-13", ""])
def test_what_is_no_iso_day_is_none(text):
    assert parse_date(text) is None


def test_scales_are_typed_as_numbers_or_days():
    assert parse_value("1e10") == 1e10
    assert parse_value("2024-01-01") == 2024.0
    for text in ("soon", "nan", "inf"):
        with pytest.raises(ValueError, match=r"could not convert|is not a number"):
            parse_value(text)


def test_words_follow_the_axis():
    text = "slopes up to 5.9 nats/decade, transitions 0.5 decades wide"
    assert AXES["params"].in_words(text) == text
    assert AXES["date"].in_words(text) == "slopes up to 5.9 nats/year, transitions 0.5 years wide"


def test_ticks_of_years_are_round_and_few():
    assert year_ticks(2019.1, 2025.6, 5) == [2020, 2022, 2024]
    ticks = year_ticks(2024.1, 2025.2, 5)
    assert [year_label(tick) for tick in ticks] == ["2024-04", "2024-07", "2024-10", "2025"]


# --- tables ------------------------------------------------------------------------------
def test_dates_are_read_however_they_are_stored():
    days = pd.to_datetime(pd.Series(DAYS))
    for column in (DAYS, days, days.dt.date, [f"{day}T10:00:00Z" for day in DAYS]):
        assert validate(table(date=column))["date"].tolist() == DAYS


def test_a_wrong_date_is_refused_with_its_row(tmp_path):
    path = tmp_path / "t.csv"
    table(date=["13.5.2024", "-", *DAYS[2:]]).assign(params=1e9).to_csv(path, index=False)
    with pytest.raises(ResultsError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}, row 2: date '13.5.2024' is not an ISO date; write year-month-day: 2024-05-13"
    )


def test_a_row_without_date_and_scale_is_refused():
    with pytest.raises(
        ResultsError, match=r"no axis of scale; fill at least one of params, .*date"
    ):
        validate(table(date=["", *DAYS[1:]]))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_the_column_is_written_where_it_is_filled_and_only_there(tmp_path, suffix):
    for given, there in ((table(), True), (table(params=np.logspace(6, 9, 10), date=None), False)):
        frame = validate(given)
        path = tmp_path / f"t{suffix}"
        write(frame, path)
        raw = {
            ".csv": lambda p: list(pd.read_csv(p).columns),
            ".parquet": lambda p: pq.read_schema(p).names,
            ".json": lambda p: list(json.loads(p.read_text())[0]),
        }[suffix](path)
        assert ("date" in raw) is there
        pd.testing.assert_frame_equal(read(path), frame)


def test_shipped_tables_lack_the_column_and_have_it_when_loaded():
    frame = load("gpt3")
    assert frame["date"].isna().all()
    with pytest.raises(ValueError, match="no row has a value for the axis 'date'"):
        curves(frame.head(8), "date")


def test_the_date_is_the_axis_where_nothing_says_more():
    assert default_axis(validate(table())) == "date"
    params = np.logspace(8, 11, 10)
    assert default_axis(validate(table(params=params))) == "params"
    assert default_axis(validate(table(params=1e9))) == "date"
    assert default_axis(validate(table(params=[1e9, 2e9, *[np.nan] * 8]))) == "date"
    loss = np.linspace(3, 2, 10)
    assert default_axis(validate(table(loss=loss, date=None))) == "loss"


# --- analysis ----------------------------------------------------------------------------
def test_a_year_is_to_the_engine_what_a_decade_is():
    score = table()["score"].to_numpy()
    x = np.linspace(0.0, 4.0, 10)
    here, there = compare_all(
        [
            Curve(10.0 ** (8 + x), score, "exact_match", n=np.full(10, 200.0)),
            Curve(2020.0 + x, score, "exact_match", n=np.full(10, 200.0), axis="date"),
        ],
        jobs=1,
    )
    for name in ("p_flat", "p_gradual", "p_onset", "p_jump"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=0.03)
    assert np.array(there.at) - 2020 == pytest.approx(np.array(here.at) - 8, abs=0.1)
    assert any("slopes are per year" in note for note in there.warnings)
    assert not any("slopes are per year" in note for note in here.warnings)


def test_every_command_takes_the_date(run, source, tmp_path):
    some = ("--axis", "date", "--jobs", 1)
    status, out, _ = run("test", source, "--task", "sums", *some)
    assert status == 0
    text = " ".join(out.split())
    assert "break at date 20" in text
    assert "years wide" in text
    assert "slopes are per year" in text
    assert "decade" not in text.replace("decades of scale", "")
    status, _, _ = run("plot", source, "--task", "sums", *some, "--out", tmp_path / "f.svg")
    assert status == 0
    assert "release date" in (tmp_path / "f.svg").read_text()
    status, out, _ = run("discover", source, "--task", "sums", *some)
    assert (status, "slopes are per year" in " ".join(out.split())) == (0, True)
    status, out, _ = run("arrivals", source, "--task", "sums", *some)
    assert (status, "arrivals per task and year at risk" in " ".join(out.split())) == (0, True)
    row = json.loads(run("forecast", source, "--task", "rise", *some,
                         "--cut", "2023-06-01", "--json")[1])[0]  # fmt: skip
    assert row["cut"] == decimal_year("2023-06-01")
    assert row["fitted"] == sum(day <= "2023-06-01" for day in DAYS)


def test_a_cut_that_is_no_scale_is_refused(run, source):
    status, _, err = run("forecast", source, "--cut", "soon")
    assert status == 2
    assert "'soon' is no scale; write a number (1e10, 10B) or a date (2024-05-13)" in err
    status, _, err = run("forecast", source, "--task", "rise", "--cut", "2019-06-01")
    assert status == 2
    assert "cut 2019-06-01: 1 distinct scales up to it" in err
    assert "date 2019-02-14 to " in err


@pytest.mark.parametrize(
    ("typed", "value"),
    [("10B", 1e10), ("1.3b", 1.3e9), (" 143k ", 143e3), ("2T", 2e12), ("350M", 3.5e8)],
)
def test_scales_are_typed_with_a_suffix(typed, value):
    assert parse_value(typed) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("typed", ["B", "10X", "infB", "nan", ""])
def test_what_is_no_scale_is_an_error(typed):
    with pytest.raises(ValueError, match=r"not a number|could not convert"):
        parse_value(typed)
