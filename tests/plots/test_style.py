"""The look: nothing global changes, files repeat byte for byte, ticks are round and few."""

import re

import matplotlib as mpl
import numpy as np
import pytest

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import style
from emergent_stats.results.files import ResultsError


def drawing():
    with style.look():
        figure = style.figure(3, 2)
        ax = figure.subplots()
        ax.plot([1, 2, 3], [1, 4, 9], label="µ ± σ · 10²²")
        ax.fill_between([1, 2, 3], [0, 3, 8], [2, 5, 10], alpha=0.2)
        ax.legend()
    return figure


def test_the_look_leaves_no_trace():
    mpl.rcParams["font.size"] = 13.0
    try:
        before = dict(mpl.rcParams)
        with style.look():
            assert mpl.rcParams["font.size"] == style.NORMAL
        assert dict(mpl.rcParams) == before
        with pytest.raises(ZeroDivisionError), style.look():
            _ = 1 / 0
        assert dict(mpl.rcParams) == before
    finally:
        mpl.rcdefaults()


@pytest.mark.parametrize("suffix", style.SUFFIXES)
def test_files_repeat_byte_for_byte(tmp_path, monkeypatch, suffix):
    style.save(drawing(), tmp_path / f"a{suffix}")
    # a date, if one were written, would come from here
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    style.save(drawing(), tmp_path / f"b{suffix}")
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert not re.search(rb"CreationDate|<dc:date>|20[0-9]{2}-[01][0-9]-", first)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"cannot draw a \.gif; use \.pdf, \.svg, \.png"):
        style.save(drawing(), tmp_path / "figure.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1e8, 2e11, [1e8, 1e9, 1e10, 1e11]),
        (9e7, 9.5e8, [1e8, 2e8, 5e8]),
        (1.2e9, 6e9, [1.5e9, 2e9, 3e9, 5e9]),
        (1e18, 1e28, [1e18, 1e20, 1e22, 1e24, 1e26, 1e28]),
        (1, 1e30, [1, 1e6, 1e12, 1e18, 1e24, 1e30]),
    ],
)
def test_log_ticks(low, high, ticks):
    assert style.log_ticks(low, high, 6) == pytest.approx(ticks)


def test_log_ticks_are_never_too_many_and_hardly_ever_missing():
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = 10 ** rng.uniform(-3, 24)
        high = low * 10 ** rng.uniform(0.1, 12)
        ticks = style.log_ticks(low, high, 5)
        assert 1 <= len(ticks) <= 5, (low, high)
        assert all(low <= tick <= high for tick in ticks)


def test_words_are_cut_and_wrapped_to_a_width():
    text = "gap unresolved: the score rises where no model lies"
    lines = style.wrap(text, 1.5, style.NORMAL)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert max(style.text_width(line, style.NORMAL) for line in lines) <= 1.5
    short = style.shorten(text, 1.0, style.NORMAL)
    assert short.endswith("…")
    assert style.text_width(short, style.NORMAL) <= 1.0
    assert style.shorten(text, 9.0, style.NORMAL) == text


def test_every_account_has_its_own_colour_and_line():
    assert set(style.ACCOUNT_COLOURS) == set(style.ACCOUNT_LINES) == set(ACCOUNTS)
    assert len(set(style.ACCOUNT_COLOURS.values())) == len(ACCOUNTS)
    assert len(set(style.ACCOUNT_LINES.values())) == len(ACCOUNTS)


def test_a_name_with_a_dollar_is_no_formula(tmp_path):
    with style.look():
        figure = style.figure(3, 2)
        figure.text(0.1, 0.5, "a$\\frac{$b")
        style.save(figure, tmp_path / "name.svg")
    assert (tmp_path / "name.svg").stat().st_size > 500
