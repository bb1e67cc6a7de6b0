"""The sensitivity grid: what turns a verdict, in words, in a table and in a figure."""

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style, verdict
from emergent_stats.verdict.comparison import Comparison, comparison_text
from emergent_stats.verdict.decision import chance_of
from emergent_stats.verdict.judge import compare
from emergent_stats.verdict.sensitivity import GRID, flip_words, flips, prior_words, speaks_for


def grid_rows(p_real, cells=GRID):
    """Rows of `Comparison.sensitivity` with P(jump) = p_real(slope, height, width)."""
    return tuple(
        {"slope": a, "height": h, "width": w, "flat": 0.0, "gradual": 1 - p_real(a, h, w),
         "onset": 0.0, "jump": p_real(a, h, w), "falls": 0.0}
        for a, h, w in cells
    )  # fmt: skip


def comparison(rows) -> Comparison:
    curve = Curve(
        10.0 ** np.arange(6, 12), np.linspace(0.1, 0.6, 6), "exact_match", n=np.full(6, 500)
    )
    p = {f"p_{a}": rows[13 if len(rows) > 20 else 4][a] for a in ACCOUNTS}
    return Comparison(
        curve, "undecided", None, "for a test", log_bf=1.0, log_bf_error=0.1, at=(8.0, 9.0),
        sensitivity=rows, **p,
    )  # fmt: skip


def test_the_smallest_changes_are_named():
    rows = grid_rows(lambda a, h, w: 0.97 if a < 1 else 0.6)
    found = flips(rows, 0.95)
    assert len(found) == 1  # the other cells with a low slope contain this change
    assert found[0].factors == {"slope": 0.5}
    assert (found[0].before, found[0].after) == ("undecided", "real")
    assert flip_words(found[0]) == (
        "real only if slopes above 1.5 nats/decade are all but ruled out: "
        "P(jump or onset) .60 → .97"
    )


def test_corners_are_named_only_where_no_part_of_them_does_it():
    found = flips(grid_rows(lambda a, h, w: 0.5 if (a, h) == (2, 2) else 0.99), 0.95)
    assert [f.factors for f in found] == [{"slope": 2.0, "height": 2.0}]
    assert flip_words(found[0]) == (
        "real no more if slopes up to 5.9 nats/decade are allowed and breaks are expected to be "
        "large (3.6 nats): P(jump or onset) .99 → .50"
    )


def test_a_verdict_can_turn_into_its_contrary():
    found = flips(grid_rows(lambda a, h, w: 0.99 if w > 1 else 0.01), 0.95)
    assert flip_words(found[0]) == (
        "real instead of gradual if transitions up to 1 decade wide count as jumps: "
        "P(jump or onset) .01 → .99"
    )


def test_nothing_turns_where_nothing_changes():
    assert flips(grid_rows(lambda *_: 0.5), 0.95) == ()
    assert flips((), 0.95) == ()


@pytest.mark.parametrize("name", ["slope", "height", "width"])
def test_both_directions_of_a_prior_have_words(name):
    words = {prior_words(name, factor) for factor in (0.5, 2.0)}
    assert len(words) == 2
    assert max(map(len, words)) < 60


def test_speaks_for():
    row = {"flat": 0.0, "gradual": 0.02, "onset": 0.5, "jump": 0.48, "falls": 0.0}
    assert speaks_for(row, 0.95) == "real"
    assert speaks_for(row, 0.99) == "undecided"
    assert speaks_for(row | {"onset": 0.0, "jump": 0.01, "falls": 0.97}, 0.95) == "falls"


@pytest.mark.parametrize("cells", [GRID, [c for c in GRID if c[2] == 1]], ids=["27", "9"])
def test_text_holds_the_table_and_the_flips(cells):
    c = comparison(grid_rows(lambda a, h, w: 0.97 if a < 1 else 0.6, cells))
    lines = comparison_text(c).splitlines()
    assert max(map(len, lines)) <= 80
    blocks = 3 if len(cells) == 27 else 1
    declared = next(line for line in lines if line.startswith("  slopes × 1"))
    assert declared.split()[3:] == [".60"] * 3 * blocks
    assert any(line.startswith("  real only if slopes above 1.5") for line in lines)


def test_text_says_so_where_nothing_turns():
    assert "no prior of the grid turns" in comparison_text(comparison(grid_rows(lambda *_: 0.5)))


@pytest.mark.parametrize("cells", [GRID, [c for c in GRID if c[2] == 1]], ids=["27", "9"])
def test_plot_shows_every_cell(cells):
    c = comparison(grid_rows(lambda a, h, w: 0.97 if a < 1 else 0.6, cells))
    with style.look():
        figure = style.figure(style.PAGE / 2, 1.8)
        ax = figure.subplots()
        assert verdict.plot_sensitivity(c, ax=ax) is ax
    numbers = [t for t in ax.texts if t.get_text().startswith(".")]
    assert len(numbers) == len(cells)
    bold = [t.get_text() for t in numbers if t.get_weight() == "bold"]
    assert bold == [".97"] * (len(cells) // 3)
    hatched = [p for p in ax.patches if p.get_hatch()]
    assert len(hatched) == 27 - len(cells)
    framed = [p for p in ax.patches if not p.get_fill()]
    assert [p.get_xy() for p in framed] == [(4.5, 1)]


def test_flips_of_an_analysed_series():
    """The declared cell says what the comparison says, and every flip is in the grid."""
    size = np.array([125e6, 350e6, 760e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 175e9])
    score = np.array([1, 1, 2, 3, 22, 30, 40, 45]) / 100
    c = compare(Curve(size, score, "exact_match", n=np.full(8, 2000.0)))
    found = flips(c.sensitivity, c.thresholds.probability)
    assert found
    for flip in found:
        cell = [r for r in c.sensitivity if {k: r[k] for k in flip.factors} == flip.factors]
        assert any(chance_of(r, flip.account) == flip.p_after for r in cell)
        assert flip_words(flip) in " ".join(comparison_text(c).split())
