import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.report.thumbnails import thumbnail

COLOURS = dict(zip(ACCOUNTS, ("#111111", "#222222", "#333333", "#444444", "#555555"), strict=True))


def test_a_thumbnail_is_small_and_shows_every_score_inside_its_frame(made):
    text = thumbnail(made(), COLOURS)
    assert len(text) < 2000
    ET.fromstring(text)  # well formed
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', text)
    assert len(dots) == 8
    x, y = np.array(dots, float).T
    assert (x[0], x[-1]) == (4, 128)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) <= 0).all()  # these scores rise
    assert "#222222" in text  # gradual is the most probable


def test_a_series_that_was_not_analysed_has_points_only(made):
    bare = replace(made(), bands={})
    assert "polyline" not in thumbnail(bare, COLOURS)
