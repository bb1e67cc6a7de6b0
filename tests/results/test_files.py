"""Table files: bounded, whole or not at all, and harmless to who opens them."""

import errno
import gzip
import json
import os
import re
import threading

import numpy as np
import pandas as pd
import pytest

from emergent_stats.results import corpus, files
from emergent_stats.results.corpus import read
from emergent_stats.results.files import (
    ResultsError,
    read_table,
    to_json,
    write_all,
    write_bytes,
    write_table,
)

ROW = {"study": "s", "family": "f", "model": "m", "task": "t", "metric": "f1", "params": 1e9}


# --- reading -----------------------------------------------------------------------------
def test_files_have_a_largest_size(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    monkeypatch.setattr(files, "MAX_BYTES", 7)
    with pytest.raises(ResultsError, match="above the limit of 0 MB for one table; split it"):
        read_table(path)


def test_a_parquet_that_unpacks_to_too_much_is_not_unpacked(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({f"c{i}": np.zeros(50_000, bool) for i in range(400)}).to_parquet(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAX_CELLS", 19_999_999)
        with pytest.raises(ResultsError, match=r"50,000 rows of 400 columns.*split it"):
            read_table(path)
    assert path.stat().st_size < 500_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files there")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(ResultsError, match="is not a regular file"):
        read_table(tmp_path / "t.csv")


def test_half_a_character_is_named(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps([ROW | {"score": 0.5, "task": "\ud800x"}]), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"a task holds text that is no Unicode \('\\ud800x'\)"):
        corpus.read(path)


# --- writing -----------------------------------------------------------------------------
@pytest.mark.parametrize("start", files.FORMULA)
def test_csv_holds_no_formula_and_numbers_stay_numbers(tmp_path, start):
    path = tmp_path / "t.csv"
    frame = pd.DataFrame({"task": [f"{start}1+1", "plain"], "gain": [-1.5, 2.0]})
    mixed = pd.Series([-1, f" {start}x"], dtype=object)
    write_table(frame.assign(mixed=mixed), path)
    back = pd.read_csv(path)
    assert back["task"].tolist() == [f"'{start}1+1", "plain"]
    assert back["gain"].tolist() == [-1.5, 2.0]
    assert back["mixed"].tolist() == ["-1", f"' {start}x"]


def test_json_steers_no_terminal_and_reads_back(tmp_path):
    names = ["\x1b[31m", "\x9b31m", "\u202etxt", "\ud800", "né 漢"]
    text = to_json(names)
    assert all(c.isprintable() for c in text)
    assert json.loads(text) == names
    assert "né 漢" in text


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "make room there, or choose another folder"),
        (errno.EROFS, "choose another folder"),
    ],
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, number, fix):
    path = tmp_path / "t.csv"
    path.write_text("old", encoding="utf-8")

    def fail(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResultsError, match=rf"cannot be written \({os.strerror(number)}\); {fix}"):
        write_bytes(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert path.read_text(encoding="utf-8") == "old"


def test_a_file_that_may_not_grow_is_told(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, limits[1]))
    try:
        with pytest.raises(ResultsError, match=r"File too large.*make room there"):
            write_bytes(tmp_path / "t.bin", b"x" * 4096)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_of_two_writers_one_wins_whole(tmp_path):
    path, wrong = tmp_path / "t.bin", []
    contents = [bytes([i]) * 200_000 for i in range(2)]

    def write(content):
        for _ in range(10):
            write_bytes(path, content)
            if path.read_bytes() not in contents:
                wrong.append("torn")

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [p.name for p in tmp_path.iterdir()] == ["t.bin"]


def test_of_several_files_all_are_written_or_none(tmp_path, monkeypatch):
    old, new, sync = tmp_path / "old.csv", tmp_path / "new.csv", os.fsync
    old.write_text("old", encoding="utf-8")
    files = {old: b"a", new: b"b"}
    synced = []

    def fail_later(handle):
        synced.append(handle)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail_later)
    with pytest.raises(ResultsError, match=r"new\.csv: cannot be written \(No space left"):
        write_all(files)
    assert [p.name for p in tmp_path.iterdir()] == ["old.csv"]
    assert old.read_text(encoding="utf-8") == "old"
    monkeypatch.undo()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultsError, match="folder: cannot be written"):
        write_all({old: b"a", tmp_path / "folder": b"b"})
    assert old.read_text(encoding="utf-8") == "old"
    write_all(files)
    assert {path: path.read_bytes() for path in files} == files


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", gzip.compress(b"a,b\n1,2\n"), "is packed (gzip or zip); unpack it first"),
        ("t.json", b"PK\x03\x04", "is packed (gzip or zip); unpack it first"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16-le"), "byte 1 is 0, as in UTF-16 without its mark"),
        ("t.csv", b"a,b\n1,\0\n", "byte 6 is 0, as in UTF-16 without its mark; save the table"),
        ("t.json", b'[{"n": ' + 5000 * b"9" + b"}]", "value has 5000 digits"),
        ("t.json", 200_000 * b"[", "nested too deeply to be results"),
    ],
)
def test_what_is_no_text_is_told(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=re.escape(said)) as told:
        read(path)
    assert "sys." not in str(told.value)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (b"\xff\xfe", r"a task is b'\\xff\\xfe', which is no text; write its name"),
        (b"abc", r"a task is b'abc', which is no text; write its name"),
        ([1, 2], r"a task is array\(\[1, 2\]\), which is no text; write its name"),
        ({"a": 1}, r"a task is \{'a': 1\}, which is no text; write its name"),
    ],
)
def test_a_name_in_parquet_is_text(tmp_path, task, said):
    path = tmp_path / "t.parquet"
    pd.DataFrame([ROW | {"score": 0.5, "task": task}]).to_parquet(path)
    with pytest.raises(ResultsError, match=said):
        read(path)


def test_a_name_is_one_line(tmp_path):
    path = tmp_path / "t.json"
    # blanks that no break follows are looked at once: a hundred thousand squared are no end
    long = f"a{' ' * 100_000}b"
    forged = ["sum\n\nreal: skill jumps\r", long]
    path.write_text(json.dumps([ROW | {"score": 0.5, "task": t} for t in forged]), encoding="utf-8")
    assert read(path)["task"].tolist() == ["sum real: skill jumps", long]


def test_many_columns_are_read(tmp_path):
    path, extra = tmp_path / "t.csv", [f"x{i}" for i in range(20_000)]
    row = ROW | {"score": 0.5} | dict.fromkeys(extra, 1)
    path.write_text(f"{','.join(row)}\n{','.join(map(str, row.values()))}\n", encoding="utf-8")
    assert len(read(path)) == 1
