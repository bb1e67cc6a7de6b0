"""What a notebook shows: a picture, few words, nothing of the names taken for markup."""

import re

import drawn
import pytest

from emergent_stats.results import showing
from emergent_stats.verdict.comparisons import Comparisons


def test_a_verdict_is_a_picture_with_its_warnings():
    c = drawn.comparison("<script>alert(1)</script>", warnings=("n <assumed>",))
    text = c._repr_html_()
    assert text.count("<svg") == 1
    assert "<script>" not in text
    assert "<li>n &lt;assumed&gt;</li>" in text
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)


def test_without_a_picture_there_are_numbers(monkeypatch):
    monkeypatch.setattr(showing, "_DRAWN_BY", {})
    text = drawn.comparison()._repr_html_()
    assert "<svg" not in text
    assert "<td>gradual</td><td>.90</td>" in text
    assert "skill grows without" in text


def test_results_are_told_in_a_line():
    c = drawn.comparison()
    assert repr(c) == "<Comparison toy / Toy / addition / exact_match, 3-shot, 8 models: gradual>"
    for result in (c, drawn.discoveries(), drawn.arrivals(), drawn.forecast(), Comparisons([c])):
        assert "\n" not in repr(result)
        assert len(repr(result)) < 120
    assert repr(c.curve) == "<Curve toy / Toy / addition / exact_match: 8 models by params>"
    assert repr(drawn.discoveries()) == "<Discoveries: 1 of 12 series called>"
    assert repr(drawn.forecast()).startswith("<Forecast of addition: 6 models fitted, 2 foretold")


def test_many_verdicts_are_a_list_and_a_table():
    found = Comparisons([drawn.comparison("one"), drawn.comparison("<two>", "flat")] * 15)
    assert isinstance(found, list)
    assert found.frame()["task"].tolist()[:2] == ["one", "<two>"]
    assert repr(found) == "<30 verdicts: 15 gradual, 15 flat>"
    text = found._repr_html_()
    assert text.count("<tr>") == 21
    assert "&lt;two&gt;" in text
    assert len(text) < 5000
    assert repr(Comparisons()) == "<no verdicts>"


def test_progress_is_told_in_a_notebook_only(monkeypatch, capsys):
    import sys

    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert showing.default_progress(100) is None
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert showing.default_progress(3) is None
    monkeypatch.setattr(showing, "_EVERY", 0.0)
    tell = showing.default_progress(100)
    tell(1, 100)
    assert capsys.readouterr().err == "\r1 of 100 series"
    tell(100, 100)
    assert capsys.readouterr().err.strip() == ""


CELLS = """
import warnings
warnings.simplefilter("error")
import emergent_stats as es
from emergent_stats import plots
from emergent_stats.results.selection import select
series = es.curves(select(es.load("gpt3"), task=["3D-"], shots=[50]))
found = es.compare_all(series)
found
---
found[0]
---
plots.plot_verdict(found[0])
---
found.frame()[["task", "verdict"]]
"""


@pytest.mark.slow
def test_a_notebook_runs(tmp_path):
    """A kernel takes some seconds to start."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(code.strip()) for code in CELLS.split("---")]
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell["outputs"] for cell in book.cells]
    shown = [next(o for o in out if "data" in o)["data"] for out in outputs]
    assert "<svg" in shown[1]["text/html"]
    assert "image/png" in shown[2]
    text = 0
    for output in (o for out in outputs for o in out):
        data = output.get("data", {})
        markup = re.sub(r"<svg.*?</svg>", "", data.get("text/html", ""), flags=re.S)
        text += len(output.get("text", "")) + len(data.get("text/plain", "")) + len(markup)
    assert text <= 5000
