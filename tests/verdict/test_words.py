"""Numbers in words."""

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.verdict.words import (
    number,
    one_line,
    printable,
    probability,
    scale_label,
    scale_range,
)


@pytest.mark.parametrize(
    ("value", "axis", "words"),
    [
        (1.25e8, "params", "125M"),
        (1.3e9, "params", "1.3B"),
        (175e9, "params", "175B"),
        (999.9e6, "params", "1B"),
        (3e11, "tokens", "300B"),
        (1.4e12, "tokens", "1.4T"),
        (143000, "step", "143k"),
        (512, "step", "512"),
        (1e22, "flops", "10²²"),
        (3.14e23, "flops", "3.1·10²³"),
        (2e-3, "flops", "2·10⁻³"),
        (2.3104, "loss", "2.31"),
    ],
)
def test_scale_label(value, axis, words):
    assert scale_label(value, axis) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "<.01"), (0.004, "<.01"), (0.006, ".01"), (0.5, ".50"), (0.994, ".99"), (0.996, ">.99"),
     (1.0, ">.99"), (None, "–"), (float("nan"), "–")],
)  # fmt: skip
def test_probability(value, words):
    assert probability(value) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\tb\u3000c\u2009d\xa0e\u202ff", "a b c d\xa0e\u202ff"), ("می\u200cخواهم", "می\u200cخواهم"),
     ("👩\u200d💻", "👩\u200d💻"), ("\x1b[0m\x9b\u202e\u200e\ufeffa", "?[0m????a"),
     ("a\u2028b", "a b")],
)  # fmt: skip
def test_what_is_shown_of_a_name(text, shown):
    assert printable(text) == shown
    assert one_line(text) == " ".join(shown.replace("?", "").split())


@pytest.mark.parametrize(("value", "words"), [(2.04, "+2.0"), (-0.26, "−0.3"), (None, "–")])
def test_number(value, words):
    assert number(value) == words


def test_scale_range_is_in_units():
    sizes = np.array([1e8, 1e9, 1e10])
    curve = Curve(axis_values=sizes, score=np.array([0.1, 0.2, 0.3]), metric="exact_match")
    assert scale_range(curve, (8.0, 9.301)) == "100M–2B"
    assert scale_range(curve, (float("nan"), 9.0)) == "–"
    loss = Curve(sizes / 1e9 + 2, np.array([0.1, 0.2, 0.3]), "exact_match", axis="loss")
    assert scale_range(loss, (2.1, 2.5)) == "2.1–2.5"
