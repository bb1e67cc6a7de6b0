"""Terminal tables: what goes when the line is short, and how names are cut."""

from itertools import pairwise

import pytest

from emergent_stats.cli import listing
from emergent_stats.results.files import ResultsError

COLUMNS = {
    "family": ["opt", "pythia"],
    "task": ["hendrycksTest-high_school_biology", "hendrycksTest-high_school_computer_science"],
    "metric": ["exact_match", "multiple_choice"],
    "m": ["8", "12"],
    "verdict": ["flat", "real (onset)"],
    "jump": [".01", ">.99"],
    "log BF": ["−2.1", "+10.4"],
    "p cal": [".20", "<.01"],
    "break at": ["", "10M–100M"],
}


def width_of(columns: dict[str, list[str]]) -> int:
    widest = [max(map(len, [name, *cells])) for name, cells in columns.items()]
    return sum(widest) + 2 * (len(widest) - 1)


def test_a_wide_line_shows_all_as_it_is():
    assert listing._fitting(COLUMNS, 200) == COLUMNS


@pytest.mark.parametrize("width", range(40, 150, 7))
def test_the_table_fits_and_keeps_what_matters(width):
    shown = listing._fitting(COLUMNS, width)
    assert width_of(shown) <= width
    assert {"family", "task", "verdict", "jump"} <= set(shown)
    assert shown["verdict"] == COLUMNS["verdict"]
    assert len(set(shown["task"])) == 2
    assert list(shown) == [name for name in COLUMNS if name in shown]


def test_the_least_telling_columns_go_first():
    gone = [set(COLUMNS) - set(listing._fitting(COLUMNS, width)) for width in (95, 90, 80, 75, 60)]
    assert all(narrower >= wider for wider, narrower in pairwise(gone))
    assert gone[:4] == [set(), {"m"}, {"m", "break at"}, {"m", "break at", "p cal"}]


@pytest.mark.parametrize(
    ("text", "room", "cut"),
    [("short", 9, "short"), ("high_school_biology", 11, "high_…ology"), ("abcdef", 4, "ab…f")],
)
def test_cut_takes_the_middle(text, room, cut):
    assert listing._cut(text, room) == cut
    assert len(cut) <= room


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["test-a_x", "test-a_y"], ["…x", "…y"]),
        (["pythia-v0-1b", "pythia-v0"], ["…v0-1b", "…v0"]),
        (["biology", "bigotry"], ["biology", "bigotry"]),
    ],
)
def test_a_common_start_is_shed_by_whole_words(names, expected):
    assert listing._without_common_start(names) == expected


def test_out_is_checked_before_the_work(tmp_path):
    listing.check_out(tmp_path / "ok.CSV", (".csv", ".json"))
    with pytest.raises(ResultsError, match=r"cannot write that kind of file; use \.csv or \.json"):
        listing.check_out(tmp_path / "table.txt", (".csv", ".json"))
    with pytest.raises(ResultsError, match="does not exist; make it first"):
        listing.check_out(tmp_path / "no" / "table.csv", (".csv", ".json"))


def test_progress_is_silent_where_nobody_watches(capsys):
    with listing.progress() as report:
        assert report is None
    assert capsys.readouterr() == ("", "")


def test_progress_reports_on_stderr_of_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with listing.progress() as report:
        assert report is not None
        report(1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "comparing" in err
