"""Numbers and words beside a picture."""

import gc
import weakref

import pandas as pd
import pytest

from emergent_stats.plots import style, telling
from emergent_stats.plots.telling import Layer, tell
from emergent_stats.results.files import ResultsError


def told(names=("one", "two")):
    figure = style.figure(3, 2)
    for name, ax in zip(names, figure.subplots(1, len(names), squeeze=False).flat, strict=True):
        points = Layer("points", [0.1, 0.2], [1e8, 1e9], [0.0, 0.1], [0.2, 0.3], ["m1", "m2"])
        tell(ax, f"Panel of {name}.", points, x="parameters", y="exact_match")
    return figure


def test_numbers_stand_in_a_table_by_panel(tmp_path):
    style.save(told(), tmp_path / "fig.svg")
    found = pd.read_csv(tmp_path / "fig.data.csv")
    assert tuple(found.columns) == telling.COLUMNS
    assert found["panel"].tolist() == ["a", "a", "b", "b"]
    assert found["y"].tolist() == [0.1, 0.2] * 2
    assert found["x"].tolist() == [1e8, 1e9] * 2
    assert found["high"].tolist() == [0.2, 0.3] * 2
    assert set(found["x_is"]) == {"parameters"}
    assert (
        tmp_path / "fig.alt.txt"
    ).read_text() == "Panel a: Panel of one.\nPanel b: Panel of two.\n"


def test_names_of_others_stay_text(tmp_path):
    figure = style.figure(2, 2)
    ax = figure.subplots()
    tell(ax, "Task =cmd()\nPanel z: lies", Layer("=cmd()", [0.5], label=["@x"]))
    tell(figure, "The whole.")
    style.save(figure, tmp_path / "fig.png")
    assert (tmp_path / "fig.alt.txt").read_text() == "The whole.\nTask =cmd() Panel z: lies\n"
    found = pd.read_csv(tmp_path / "fig.data.csv")
    assert found["layer"].tolist() == ["'=cmd()"]
    assert found["label"].tolist() == ["'@x"]
    assert found["panel"].isna().all()


def test_a_figure_that_was_not_told_of_stands_alone(tmp_path):
    figure = style.figure(2, 2)
    figure.subplots()
    style.save(figure, tmp_path / "fig.png")
    assert [p.name for p in tmp_path.iterdir()] == ["fig.png"]


def test_what_was_told_goes_with_the_figure():
    # figures of other tests may go at any time: only these panels are looked at
    figure = told()
    assert [ax in telling._TOLD for ax in figure.axes] == [True, True]
    panels = [weakref.ref(ax) for ax in figure.axes]
    del figure
    gc.collect()
    assert [panel() for panel in panels] == [None, None]


def test_nothing_is_written_where_the_figure_cannot_be(tmp_path):
    with pytest.raises(ResultsError, match="cannot be written"):
        style.save(told(), tmp_path / "no" / "fig.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("place", "letter"), [(0, "a"), (25, "z"), (26, "aa"), (53, "bb")])
def test_letters_do_not_run_out(place, letter):
    assert telling.letter(place) == letter
