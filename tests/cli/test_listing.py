"""What stands around the tables: checks of --out, progress."""

import pytest

from emergent_stats.cli import listing
from emergent_stats.results.files import ResultsError


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
