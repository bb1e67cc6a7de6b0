"""A comparison kept as JSON comes back as it was."""

import json
from dataclasses import fields

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict import calibration
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.judge import compare

SCALE = np.logspace(8, 10, 6)
KINDS = {
    "jump": Curve(
        SCALE,
        np.array([0, 0, 0, 0, 0.9, 1.0]),
        "exact_match",
        n=100.0,
        models=tuple("=\x1b<&ü\n"),
        key={"task": "=1\x1b<b>"},
    ),
    "too few": Curve(SCALE[:3], np.array([0.1, 0.2, 0.3]), "exact_match", n=100.0),
    "no counts": Curve(SCALE, np.array([9.0, 8, 7, 6, 5, 4]), "perplexity"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_comparison_comes_back_from_json(tmp_path, monkeypatch, kind):
    # what is simulated matters here, not what is found in it
    monkeypatch.setattr(calibration, "bayes_factors", lambda batch, *_: np.zeros(len(batch)))
    made = compare(KINDS[kind], calibrate=20 if kind == "jump" else 0, seed=1)
    assert (made.p_cal is None) is (kind != "jump")
    path = tmp_path / "comparison.json"
    assert made.to_json(path) == path.read_text("utf-8")
    shown = made.text, made._repr_html_()
    for again in (Comparison.from_json(path), Comparison.from_json(made.to_json())):
        assert again == made
        assert (again.text, again._repr_html_()) == shown
        np.testing.assert_equal(again.row(), made.row())
        for f in fields(Curve):
            np.testing.assert_equal(getattr(again.curve, f.name), getattr(made.curve, f.name))


def test_where_a_break_would_be_is_no_break():
    """A break stands in the text where one is real; else it says what the place is of."""
    said = {kind: compare(curve).text for kind, curve in KINDS.items()}
    assert "  break at params 10^" in said["jump"]
    assert "  taken as a transition: at params 10^" in said["no counts"]
    assert "break at" not in said["no counts"]


def test_another_curve_is_another_comparison():
    made = compare(KINDS["too few"])
    told = json.loads(made.to_json())
    told["curve"]["score"][0] = 0.15
    assert Comparison.from_json(json.dumps(told)) != made


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"curve": 3}'])
def test_what_is_no_comparison_is_refused(tmp_path, text):
    with pytest.raises(ResultsError, match="is not a comparison that `to_json` wrote"):
        Comparison.from_json(text)
    with pytest.raises(ResultsError, match=r"none\.json: is not a comparison .*No such file"):
        Comparison.from_json(tmp_path / "none.json")
