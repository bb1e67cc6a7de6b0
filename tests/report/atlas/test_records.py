"""What the atlas says of one series."""

import json
import shlex

import numpy as np
import pytest
from report.atlas.made_up import HOSTILE, entry

from emergent_stats.model.curve import Curve
from emergent_stats.report.atlas import records
from emergent_stats.report.atlas.records import LETTERS, SPAN, Entry


def test_names_of_series_follow_from_their_keys_and_differ():
    found = [entry("a"), entry("b"), entry("a", shots=None), entry("a", family="Other")]
    names = [records.identity(one.curve) for one in found]
    assert len(set(names)) == len(names)
    assert records.identity(entry("a").curve) == names[0]
    assert all(len(name) == 10 and int(name, 16) >= 0 for name in names)


def test_thumbnails_hold_points_and_the_most_probable_band():
    points, band, account = records.thumbnail(entry("a"))
    assert (len(points), len(band), account) == (2 * 6, 4 * 12, "gradual")
    across = [LETTERS.index(letter) for letter in points[::2]]
    up = [LETTERS.index(letter) for letter in points[1::2]]
    assert across == sorted(set(across))
    assert up == sorted(up)
    bare = entry("a")
    assert records.thumbnail(Entry(bare.curve, bare.row))[1:] == ["", ""]


def test_long_series_have_thumbnails_of_few_points():
    one = entry("a")
    x = np.geomspace(1e8, 1e11, 300)
    curve = Curve(x, np.linspace(2.9, 2.1, 300), "cross_entropy", key=one.curve.key)
    assert len(records.thumbnail(Entry(curve, one.row))[0]) == 2 * 32


@pytest.mark.parametrize(
    ("metric", "score"),
    [("exact_match", [0, 0, 0, 0.0]), ("cross_entropy", [3, 3, 3, 3.0]),
     ("perplexity", [1e6, 50, 20, 3.0])],
)  # fmt: skip
def test_every_window_holds_its_points(metric, score):
    one = entry("a")
    curve = Curve(X4, np.array(score), metric, key=one.curve.key)
    told = records.page(Entry(curve, one.row), "toy", 0)["plot"]
    for name in ("x", "y"):
        assert all(0 <= place <= SPAN for place in told[name])
    for ticks in (told["across"], told["up"]):
        assert 1 <= len(ticks) <= 7
        assert all(0 <= place <= SPAN for place, _ in ticks)
        assert len({words for _, words in ticks}) == len(ticks)


X4 = np.array([1e8, 2e8, 3e8, 4e8])


def test_ticks_are_round():
    assert records.even_ticks(0, 1, 6) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert [round(10**v) for v in records._decades(7.9, 11.2, 6)] == [10**8, 10**9, 10**10, 10**11]
    assert len(records._decades(2, 24, 6)) <= 6
    assert [f"{10**v:.3g}" for v in records._decades(0.3, 0.32, 6)]


def test_the_page_is_json_and_names_the_command():
    told = records.page(entry(HOSTILE), "my results.csv", 7)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    words = shlex.split(told["command"])
    assert words[:3] == ["emergent-stats", "test", "my results.csv"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--family": "Toy", "--task": HOSTILE, "--metric": "exact_match", "--shots": "5",
        "--seed": "7",
    }  # fmt: skip
    assert told["at"] == "1.26B–15.8B parameters"
    assert told["sensitivity"] == [[1, 1, 1, 0.04], [2, 1, 1, 0.04]]
    assert told["points"][0][:2] == ["model 1", "100M"]
