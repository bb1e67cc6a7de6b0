"""Figures of series with hostile names, as <svg> elements for a page."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.plots import several, verdict
from emergent_stats.verdict.comparison import Comparison
from emergent_stats.verdict.words import one_line


def bare(task):
    curve = Curve(np.logspace(8, 9, 3), [0.1, 0.2, 0.3], "exact_match", n=9,
                  key={"family": "F", "task": task})  # fmt: skip
    return Comparison(curve, "undecided", None, "too few scales")


@pytest.mark.parametrize(
    "task", [r"$\frac$ x", "<script>alert(1)</script>", "a\x08\x9b&b\u202e", "a_b^{c"]
)
def test_a_name_is_text_in_a_figure(task):
    text = several.svg(verdict.plot_verdict(bare(task)), "f0")
    found = "".join(ET.fromstring(text).itertext())
    assert one_line(task) in found
    assert len(text) < 40_000


def test_paths_are_short_and_stay_where_they_are():
    assert several._short(' d="M 34.4812 -60.3549 \nL 36.3 -60.00\nz"') == (
        ' d="M34.5 -60.4L36.3 -60.0\nz"'
    )
    assert several._short(' x="0.04"') == ' x="0.0"'
