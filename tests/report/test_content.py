import re
from dataclasses import replace

import pytest

from emergent_stats.report import content
from emergent_stats.report.content import Report


def test_names_hold_what_tells_the_series_apart(made):
    report = Report("mine.csv", [made("a"), made("b")])
    assert report.names == ["a", "b"]
    assert report.shared == "mine · F · exact_match · 0-shot · by params"
    assert Report("mine.csv", [made("a")]).names == ["a"]


def test_methods_are_a_paragraph_of_about_150_words_that_cites_only_its_references(made):
    for options in ({}, {"calibrate": 500, "priors": "corpus"}):
        text = content.methods(Report("mine.csv", [made()], **options))
        assert 140 <= len(text.split()) <= 190
        for name, year in re.findall(r"([A-Z][a-z]+(?: et al\.| and Raftery)) \(?(\d{4})", text):
            assert any(one.startswith(f"{name} ({year})") for one in content.REFERENCES), name
    assert "0.5 decades" in text
    assert "500 gradual series" in text


def test_methods_follow_the_thresholds(made):
    one = made()
    other = replace(one, thresholds=replace(one.thresholds, probability=0.9))
    text = content.methods(Report("mine.csv", [other]))
    assert "above 0.9," in text
    assert "equally probable beforehand" in text


def test_a_few_series_are_all_important_and_of_many_the_breaks_come_first(made):
    few = [made(f"t{i}") for i in range(content.MOST_DETAILS)]
    assert content.important(few) == list(range(content.MOST_DETAILS))
    many = [made(f"t{i}") for i in range(20)]
    many[7] = made("u", "undecided")
    many[11] = made("v", "real", (0.0, 0.01, 0.01, 0.98, 0.0), kind="jump")
    many[12] = made("w", "real", (0.0, 0.005, 0.0, 0.995, 0.0), kind="jump")
    assert content.important(many) == [12, 11, 7]


def states(report):
    return {check.words: check.state for check in content.checklist(report)}


def test_the_checklist_is_filled_from_the_results(made):
    real = made("v", "real", (0.0, 0.01, 0.01, 0.98, 0.0), kind="jump", p_second=0.9)
    told = states(Report("mine.csv", [real, made("u", warnings=("assumed, not published: n",))]))
    assert told["1 of 1 verdicts real survive every prior of the sensitivity grid."] == "yes"
    assert told["1 of 1 verdicts real hold on a second scale of skill."] == "yes"
    assert told["No null was simulated on the designs (--calibrate 500)."] == "not asked"
    assert any(w.startswith("1 of 2 series have published") and told[w] == "no" for w in told)
    simulated = replace(real, p_cal=0.03, confirmed=False)
    told = states(Report("mine.csv", [simulated], calibrate=200))
    words = "0 of 1 verdicts real are confirmed by a null simulated on their design."
    assert told[words] == "no"


def test_two_metrics_of_one_task_are_seen(made):
    one = made()
    other = replace(one, curve=replace(one.curve, metric="token_accuracy"))
    told = states(Report("mine.csv", [one, other]))
    assert any(words.startswith("1 of 1 tasks are scored by more than one") for words in told)


def test_the_grid_has_a_cell_for_every_prior_and_frames_the_declared_one(made):
    grid = content.sensitivity(made())
    cells = [cell for line in grid["lines"] for cell in line["cells"]]
    assert len(cells) == 27
    assert sum(cell["declared"] for cell in cells) == 1
    assert {cell["words"] for cell in cells} == {".08"}
    assert content.sensitivity(made(sensitivity=())) is None


def test_a_data_citation_stands_with_the_references(made):
    assert content.references(Report("gpt3", [made()], citation="Somebody (2020)."))[-1] == (
        "Data: Somebody (2020)."
    )
    assert pytest.approx(len(content.REFERENCES)) == len(
        content.references(Report("m.csv", [made()]))
    )


def test_the_words_of_the_verdicts_and_reasons_are_explained(made):
    edge = made("b", "undecided", reason="edge: the score rises ever faster")
    names = [term.name for term in content.words(Report("m.csv", [made("a"), edge, edge]))]
    assert names == ["undecided", "edge", "gradual"]
    either = made("c", kind="or_flat")
    terms = content.words(Report("m.csv", [either]))
    assert [term.name for term in terms] == ["gradual", "no break"]
    assert "`" not in "".join(term.text for term in terms)
