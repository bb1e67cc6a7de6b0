"""What a user can ask of the shipped studies: an entry in words, and BibTeX."""

from __future__ import annotations

import json
import re

import pytest

from emergent_stats.results import corpus
from emergent_stats.results.entries import bibtex, cite, entry, show

STUDIES = list(corpus.studies()["study"])


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_has_an_entry_that_json_can_hold(study):
    told = entry(study, rows=2)
    assert json.loads(json.dumps(told)) == told
    assert told["title"]
    assert told["licence"]
    assert told["rows"] > 0
    assert len(told["first_rows"]) == 2
    assert told["traps"], "a study without a known trap has not been looked at"
    text = show(study, rows=2)
    said = " ".join(text.split())
    for part in (study, told["title"], told["licence"], "Known traps", "First 2 rows"):
        assert part in said
    assert all(line == line.rstrip() for line in text.splitlines())
    assert all(column["meaning"] for column in told["columns"])


@pytest.mark.parametrize("study", STUDIES)
def test_an_entry_fits_the_line_and_loses_no_word_of_the_traps(study):
    text = show(study, width=80)
    assert max(map(len, text.splitlines())) <= 80
    said = " ".join(text.split())
    for name, trap in entry(study)["traps"].items():
        assert " ".join(f"{name}: {trap}".split()) in said


def test_columns_are_told_with_type_meaning_and_range():
    columns = {column["name"]: column for column in entry("gpt3")["columns"]}
    assert list(columns) == list(corpus.COLUMNS)
    assert columns["params"]["range"] == [125e6, pytest.approx(175e9, rel=0.01)]
    assert columns["task"]["range"] is None
    assert columns["step"]["filled"] == 0
    assert "  step" not in show("gpt3")


def test_an_unknown_study_is_refused_with_the_close_one():
    with pytest.raises(corpus.ResultsError, match=r"unknown study 'gpt-3'; did you mean 'gpt3'\?"):
        show("gpt-3")
    with pytest.raises(corpus.ResultsError, match="unknown study 'gpt-3'"):
        cite(["gpt3", "gpt-3"])


def test_bibtex_of_one_study():
    assert cite(["chain-of-thought", "chain-of-thought"]) == (
        "@inproceedings{wei2022chain,\n"
        "  author        = {Jason Wei and Xuezhi Wang and Dale Schuurmans and Maarten Bosma and "
        "Brian Ichter and Fei Xia and Ed Chi and Quoc Le and Denny Zhou},\n"
        "  title         = {{Chain-of-Thought Prompting Elicits Reasoning in Large Language "
        "Models}},\n"
        "  year          = {2022},\n"
        "  booktitle     = {Advances in Neural Information Processing Systems 35},\n"
        "  eprint        = {2201.11903},\n"
        "  archivePrefix = {arXiv}\n"
        "}"
    )


def test_bibtex_of_all_studies_balances_and_has_a_key_each():
    text = cite(STUDIES)
    entries = re.findall(r"^@(\w+)\{([^,]+),", text, re.MULTILINE)
    assert len(entries) == len(STUDIES)
    assert len({key for _, key in entries}) == len(STUDIES)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.count("{") == body.count("}")


def test_what_bibtex_would_read_as_its_own_is_escaped_and_equal_keys_are_told_apart():
    info = {"title": "A 50% & #1_rule", "authors": ["Ó Briain"], "year": 2020, "also": ["x y"]}
    used: set[str] = set()
    first, second = bibtex(info, used), bibtex(info, used)
    assert r"{{A 50\% \& \#1\_rule}}" in first
    assert first.startswith("@misc{briain202050,")
    assert second.startswith("@misc{briain202050b,")
    assert first.endswith("\n}\n% x y")
