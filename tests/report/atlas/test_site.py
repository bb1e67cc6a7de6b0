"""The folder of an atlas: what stands in it, and what is refused."""

import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest
from report.atlas.made_up import HOSTILE, SHOWN, collection, entry

from emergent_stats.report.atlas import site
from emergent_stats.report.atlas.records import identity
from emergent_stats.results.files import ResultsError, write_table

PAGES = {
    "index.html", "series.html", "claims.html", "atlas.css", "common.js", "list.js", "series.js",
    "claims.js", "data",
}  # fmt: skip


def read(path):
    """Name and value of a script of data."""
    name, value = re.fullmatch(r'ATLAS\["(\w+)"\]=(.*);\n', path.read_text("ascii")).groups()
    return name, json.loads(value)


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def entries():
    return [entry("easy"), entry(HOSTILE, "real", 0.97, kind="jump"), entry("hard", "undecided")]


def test_the_folder_holds_the_list_and_a_page_of_every_series(tmp_path, entries):
    folder = tmp_path / "atlas"
    assert site.write_atlas(folder, entries, collection(entries)) == 3
    assert names(folder) == PAGES
    assert names(tmp_path) == {"atlas"}
    found = dict(read(path) for path in (folder / "data").iterdir())
    index = found["index"]
    at = {part: i for i, part in enumerate(index["parts"])}
    tasks = [index["names"][line[at["task"]]] for line in index["lines"]]
    assert tasks == ["easy", SHOWN, "hard"]
    assert [line[at["p_break"]] for line in index["lines"]] == [0.04, 0.97, 0.04]
    for one in entries:
        name = identity(one.curve)
        page = next(page for page in found[name[:2]] if page["id"] == name)
        assert page["row"]["task"] in ("easy", SHOWN, "hard")
    assert len(found["claims"]) == 23
    assert found["about"]["left_out"] == 3
    assert found["about"]["studies"] == [
        {"study": "toy", "short": "toy", "citation": "", "licence": "", "address": ""}
    ]


def test_no_name_can_end_a_script(tmp_path, entries):
    site.write_atlas(tmp_path / "a", entries, collection(entries))
    for path in (tmp_path / "a" / "data").iterdir():
        assert "<" not in path.read_text("ascii")


def test_pages_have_no_script_of_their_own_and_no_address_elsewhere():
    shells = Path(site.__file__).parent / "page"
    for path in shells.glob("*.html"):
        text = path.read_text("utf-8")
        assert "default-src 'none'" in text
        assert re.findall(r"<script(?! src=\"[\w./]+\"></script>)", text) == []
        assert re.findall(r"\son\w+=", text) == []
    for path in shells.glob("*.js"):
        text = path.read_text("utf-8")
        assert (
            re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch", text)
            == []
        )


def test_shipped_studies_are_cited():
    gpt3 = site._study("gpt3")
    assert gpt3["short"] == "Brown et al. 2020"
    assert gpt3["address"] == "https://arxiv.org/abs/2005.14165"
    assert gpt3["licence"]
    assert "wei-claims" not in site.scored_studies()
    assert "gpt3" in site.scored_studies()


def test_an_atlas_is_replaced_and_anything_else_is_kept(tmp_path, entries, monkeypatch):
    folder = tmp_path / "atlas"
    site.write_atlas(folder, entries, collection(entries))
    site.write_atlas(folder, entries[:1], collection(entries[:1]))
    assert len(dict(read(path) for path in (folder / "data").iterdir())["index"]["lines"]) == 1
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ResultsError, match=r"holds notes\.txt, which is of no atlas"):
        site.write_atlas(folder, entries, collection(entries))
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()

    def fails(source, target, rename=os.rename):
        if Path(target) == folder and Path(source).name == "new":
            raise OSError(5, "no more room")
        rename(source, target)

    monkeypatch.setattr(site.os, "rename", fails)
    with pytest.raises(ResultsError, match=r"cannot be written \(no more room\)"):
        site.write_atlas(folder, entries, collection(entries))
    assert names(folder) == PAGES
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ResultsError, match="is a file; name a folder"):
        site.check_folder(folder / "notes.txt")
    with pytest.raises(ResultsError, match="the folder around it does not exist"):
        site.check_folder(tmp_path / "no" / "atlas")


def test_nothing_is_written_where_a_verdict_fails(tmp_path, entries):
    def broken():
        yield entries[0]
        raise ResultsError("no more")

    with pytest.raises(ResultsError, match="no more"):
        site.write_atlas(tmp_path / "atlas", broken(), collection(entries))
    assert list(tmp_path.iterdir()) == []


# --- verdicts from a table ---------------------------------------------------------------
def table(tmp_path, *entries, **changes):
    path = tmp_path / "verdicts.parquet"
    write_table(pd.DataFrame([dict(one.row) | changes for one in entries]), path)
    return path


def test_verdicts_are_read_from_a_table(tmp_path, entries):
    path = table(tmp_path, *reversed(entries), entry("of another atlas"))
    found = list(site.from_table([one.curve for one in entries], path))
    assert [one.row["task"] for one in found] == ["easy", HOSTILE, "hard"]
    assert [one.p_break for one in found] == [0.04, 0.97, 0.04]
    assert found[0].row["kind"] is None
    assert found[0].bands == {}


def test_whole_numbers_stay_whole_beside_missing_ones(tmp_path):
    entries = [entry("a", shots=0), entry("b", shots=None)]
    found = list(site.from_table([one.curve for one in entries], table(tmp_path, *entries)))
    assert [one.row["shots"] for one in found] == [0, None]
    assert all(type(one.row["m"]) is int for one in found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"m": 7}, "row 0: m is 7 where the data of study toy, family Toy, task easy.* give 6"),
        ({"largest_gap": "between 1 and 2 parameters"}, "largest_gap is 'between 1 and 2 "),
        ({"p_flat": 0.3}, r"sum of probabilities is 1\.3"),
        ({"axis": "flops"}, "no verdict on study toy, .*axis params; test all studies"),
    ],
)
def test_verdicts_on_other_data_are_refused(tmp_path, entries, changes, message):
    path = table(tmp_path, entries[0], **changes)
    with pytest.raises(ResultsError, match=message):
        list(site.from_table([entries[0].curve], path))


def test_a_table_of_something_else_is_refused(tmp_path, entries):
    path = tmp_path / "scores.parquet"
    write_table(pd.DataFrame({"study": ["a"], "task": ["b"]}), path)
    with pytest.raises(ResultsError, match="no table of verdicts, it has no column 'family'"):
        list(site.from_table([entries[0].curve], path))
    with pytest.raises(ResultsError, match=r"verdicts\.csv: is no \.parquet; write the verdicts"):
        list(site.from_table([entries[0].curve], tmp_path / "verdicts.csv"))
    path = table(tmp_path, entries[0], entries[0])
    with pytest.raises(ResultsError, match="rows 0 and 1: two verdicts on study toy"):
        list(site.from_table([entries[0].curve], path))
