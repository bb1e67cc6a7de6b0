import json
import re

import pytest

from emergent_stats.report.glossary import terms

ONE = ("gpt3", "--task", "2D+", "--shots", "50")


def test_a_report_is_one_file_with_its_provenance(run, tmp_path):
    out = tmp_path / "r.html"
    status, said, complaint = run("report", *ONE, "--out", out, "--jobs", 1)
    assert (status, said, complaint) == (0, "", "")
    page = out.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [out]
    assert re.search(r"<td>[0-9a-f]{64}</td>", page)
    assert "emergent-stats report gpt3 --task" in page
    assert "Data: Tom B. Brown et al. (2020)" in page
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) == 2
    assert max(map(len, figures)) < 65_000
    outside = set(re.findall(r"""(?:src|href)=["']([^"'#]+)""", page))
    assert outside == set()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((*ONE, "--out", "r.pdf"), "cannot write that kind of file; use .html, .md or .tex"),
        (("gpt3", "--task", "zzz", "--out", "r.md"), "--task 'zzz' matches nothing"),
    ],
)
def test_a_report_that_cannot_be_is_one_message(run, tmp_path, monkeypatch, words, complaint):
    monkeypatch.chdir(tmp_path)
    status, said, error = run("report", *words)
    assert (status, said) == (2, "")
    assert complaint in error
    assert list(tmp_path.iterdir()) == []


def test_a_broken_evidence_is_not_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr("emergent_stats.report.soundness.largest_log_likelihood", lambda c: -1e6)
    status, _, error = run("report", *ONE, "--out", tmp_path / "r.html", "--jobs", 1)
    assert status == 2
    assert "above the largest log likelihood" in error
    assert list(tmp_path.iterdir()) == []


def test_explain_tells_one_word_and_lists_all(run):
    status, said, _ = run("explain", "unresolved", "gap")
    assert status == 0
    assert said.startswith("unresolved gap (reason)\n")
    status, said, _ = run("explain")
    assert status == 0
    for name in terms():
        assert name in " ".join(said.split())
    (row,) = json.loads(run("explain", "p_cal", "--json")[1])
    assert (row["term"], row["is"]) == ("p_cal", ["column"])


def test_explain_hints_at_the_word_that_was_meant(run):
    status, said, error = run("explain", "artifact")
    assert (status, said) == (2, "")
    assert "did you mean 'artefact'?" in error
