"""Files from elsewhere: limits, links, not quite JSON. Every failure names the file."""

from __future__ import annotations

import json
import math
import os
import zipfile

import pytest

from emergent_stats.importers import reading
from emergent_stats.importers.report import Notes
from emergent_stats.results.corpus import ResultsError


def text_of(function, *arguments) -> str:
    with pytest.raises(ResultsError) as caught:
        function(*arguments)
    return str(caught.value)


def test_bare_nan_and_infinity_are_let_through(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('{"a": NaN, "b": -Infinity, "c": 1e999}')
    value = reading.read_json(file)
    assert math.isnan(value["a"])
    assert (value["b"], value["c"]) == (-math.inf, math.inf)


def test_byte_order_marks_are_understood(tmp_path):
    file = tmp_path / "a.json"
    for encoding in ("utf-8-sig", "utf-16"):
        file.write_bytes('{"é": 1}'.encode(encoding))
        assert reading.read_json(file) == {"é": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; was the run cut short?"),
        (b'{"results": {"piqa": {"acc": 0.7', "line 1, column 33: not JSON"),
        (b'{"results": {"piqa": {"ac', "it ends too early: copy or run it again"),
        (b'{"a": 1}\n{"a": 2}', "line 2, column 1: not JSON (Extra data)"),
        (b'{"acc": 0.7, "acc": 0.8}', "the key 'acc' stands twice in one object"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "the key 'b' stands twice in one object"),
        (b"\xff\xfa{}", "is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"n": ' + b"9" * 5000 + b"}", "Exceeds the limit"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(tmp_path, content, said):
    file = tmp_path / "results.json"
    file.write_bytes(content)
    text = text_of(reading.read_json, file)
    assert text.startswith(f"{file}")
    assert said in text


def test_a_document_above_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_DOCUMENT", 2**20)
    file = tmp_path / "results.json"
    file.write_bytes(b" " * (2**20 + 1))
    assert "above the limit of 1 MB for one JSON document" in text_of(reading.read_json, file)


def test_a_line_of_a_hundred_megabytes_is_refused_and_not_held(tmp_path):
    file = tmp_path / "samples_x.jsonl"
    with open(file, "wb") as out:
        out.write(b'{"doc_id": 0}\n')
        for _ in range(100):
            out.write(b"x" * 2**20)
    lines = reading.read_lines(file)
    assert next(lines) == (1, b'{"doc_id": 0}\n')
    text = text_of(next, lines)
    assert text.startswith(f"{file}, line 2: is longer than 32 MB")


def test_blank_lines_keep_the_count(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xef\xbb\xbf1\n\n  \n2")
    assert list(reading.read_lines(file)) == [(1, b"1\n"), (4, b"2")]


def test_only_files_inside_the_folder_are_found(tmp_path):
    root, outside = tmp_path / "runs", tmp_path / "outside"
    (root / "deep").mkdir(parents=True)
    outside.mkdir()
    for folder in (root / "deep", outside):
        (folder / "a.json").write_text("{}")
    (root / "b.txt").write_text("")
    (root / "out.json").symlink_to(outside / "a.json")
    (root / "in.json").symlink_to(root / "deep" / "a.json")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    notes = Notes()
    assert reading.find_files(root, ("*.json",), notes) == [root / "deep" / "a.json"]
    said = {os.path.basename(item.what): item.why for item in notes.dropped}
    assert set(said) == {"out.json", "in.json", "folder", "loop"}
    assert "leads out of the folder" in said["out.json"]
    assert "leads out of the folder" in said["folder"]
    assert said["in.json"].startswith("a link;")


def test_nothing_found_is_said(tmp_path):
    assert "no such file or folder" in text_of(
        reading.find_files, tmp_path / "gone", ("*.json",), Notes()
    )
    assert "no file in it is named *.json" in text_of(
        reading.find_files, tmp_path, ("*.json",), Notes()
    )


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.json").write_text("{}")
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    said = text_of(reading.find_files, tmp_path, ("*.json",), Notes())
    assert said == f"{tmp_path / 'closed'}: cannot be read (Permission denied); check it"


def test_a_pipe_is_no_file_to_read(tmp_path):
    pipe = tmp_path / "results.json"
    os.mkfifo(pipe)
    assert "is not a regular file" in text_of(reading.read_json, pipe)
    assert "neither a file nor a folder" in text_of(reading.find_files, pipe, ("*",), Notes())


def test_a_zip_bomb_is_not_opened(tmp_path):
    file = tmp_path / "log.eval"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("header.json", "w") as member,
    ):
        for _ in range(100):
            member.write(b"0" * 2**20)
    text = text_of(reading.check_zip, file)
    assert "looks like a zip bomb" in text
    assert "it was not opened" in text


def test_an_archive_of_logs_is_opened(tmp_path):
    file = tmp_path / "log.eval"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"a": "b" * 10_000}))
    reading.check_zip(file)
    file.write_bytes(file.read_bytes()[:-20])
    assert "cannot be opened as a zip archive" in text_of(reading.check_zip, file)
