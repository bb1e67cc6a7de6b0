"""Figures of a collection."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from emergent_stats.collection.pooled import Pooled
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style
from emergent_stats.plots.collection import plot_shares


@pytest.fixture
def data():
    shares = np.random.default_rng(1).dirichlet([2, 12, 2, 5, 1], 400)
    alone = np.tile([0.2, 0.5, 0.1, 0.1, 0.1], (7, 1))
    nothing = np.full(7, 100.0)
    return Pooled((None,) * 7, shares, {}, alone, alone, nothing, (), ())  # type: ignore[arg-type]


def test_points_stand_at_the_means(data):
    ax = plot_shares(data)
    assert ax.get_title(loc="left") == "7 tasks"
    points = {line.get_ydata()[0]: line for line in ax.lines if line.get_marker() != "D"}
    for place, account, mean in zip((4, 3, 2, 1, 0), ACCOUNTS, data.shares.mean(0), strict=True):
        assert points[place].get_xdata()[0] == pytest.approx(mean)
        assert to_hex(points[place].get_color()) == style.ACCOUNT_COLOURS[account]
        assert points[place].get_marker() == style.ACCOUNT_MARKS[account]
    hollow = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(hollow, data.alone.mean(0))


def test_ax_palette_and_title_are_the_callers(data):
    own = Figure().add_subplot()
    black = dict.fromkeys(ACCOUNTS, "#000000")
    assert plot_shares(data, ax=own, palette=black, title="mine") is own
    assert own.get_title(loc="left") == "mine"
    assert {to_hex(s.get_color()[0]) for s in own.collections} == {"#000000"}


def test_the_same_figure_gives_the_same_bytes(data, tmp_path):
    for name in ("a.svg", "b.svg"):
        style.save(plot_shares(data).figure, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
