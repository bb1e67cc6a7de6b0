"""The look: nothing global changes, files repeat byte for byte, ticks are round and few."""

import re

import drawn
import matplotlib as mpl
import numpy as np
import pytest

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.plots import scores, style, ticks
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
    mpl.rcParams["xtick.direction"] = "in"
    try:
        before = dict(mpl.rcParams)
        with style.look():
            assert mpl.rcParams["xtick.direction"] == "in"
            assert mpl.rcParams["axes.spines.top"] is False
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


def test_a_theme_of_the_user_shows():
    import seaborn as sns

    try:
        with style.look():
            assert mpl.rcParams["axes.grid"] is False
            assert style.pt(2.0) == 2.0
        sns.set_theme(style="darkgrid", font="monospace", font_scale=1.4)
        theme = {k: mpl.rcParams[k] for k in ("font.size", "font.family", "axes.labelsize")}
        with style.look():
            assert mpl.rcParams["axes.grid"] is True
            assert {k: mpl.rcParams[k] for k in theme} == theme
            larger = mpl.rcParams["font.size"] / style.BASE
            assert style.pt(2.0) == pytest.approx(2.0 * larger)
            assert mpl.rcParams["svg.fonttype"] == "none"
        assert style.figure(2.0, 1.0).get_size_inches() == pytest.approx([2 * larger, larger])
    finally:
        mpl.rcdefaults()


@pytest.mark.parametrize("name", style.PRESETS)
def test_presets_set_width_and_text(name):
    chosen = style.PRESETS[name]
    with style.preset(name):
        figure = style.figure(style.room(), 1.0)
        with style.look():
            assert mpl.rcParams["font.size"] == pytest.approx(style.BASE * chosen.text)
            with style.look():
                assert mpl.rcParams["font.size"] == pytest.approx(style.BASE * chosen.text)
    assert figure.get_size_inches()[0] == pytest.approx(chosen.width)
    with style.look():
        assert mpl.rcParams["font.size"] == style.BASE


def test_a_preset_of_ones_own():
    with style.preset(style.Preset(5.1, 1.5)):
        assert style.figure(style.room(), 1.0).get_size_inches() == pytest.approx([5.1, 1.5])


def test_the_room_around_panels_is_the_users_each_way():
    with mpl.rc_context({"figure.constrained_layout.w_pad": 0.4}):
        engine = style.figure(3.0, 2.0).get_layout_engine()
    default = mpl.rcParams["figure.constrained_layout.h_pad"]
    assert (engine.get()["w_pad"], engine.get()["h_pad"]) == pytest.approx((0.4, default))


def test_an_unknown_preset_is_refused():
    with pytest.raises(ResultsError, match="no preset 'huge'; use single, double, poster, slide"):
        style.preset("huge").__enter__()


def test_text_stays_text_in_files(tmp_path):
    style.save(drawing(), tmp_path / "a.svg")
    style.save(drawing(), tmp_path / "a.pdf")
    assert "µ ± σ" in (tmp_path / "a.svg").read_text("utf-8")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf


def test_accounts_that_do_not_matter_fade():
    assert style.weight(0.0) < style.weight(0.05) < style.weight(0.2) == 1.0
    assert style.weight(float("nan")) == 1.0


def test_a_palette_is_a_name_or_a_mapping():
    assert style.colours(None) == style.ACCOUNT_COLOURS
    assert style.colours({"jump": "red"})["jump"] == "red"
    assert style.colours({"jump": "red"})["flat"] == style.ACCOUNT_COLOURS["flat"]
    assert list(style.colours("colorblind")) == list(ACCOUNTS)


def test_a_notebook_shows_a_picture():
    png, size = drawing()._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 288, "height": 192}


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"cannot draw a \.gif; use \.pdf, \.svg, \.png"):
        style.save(drawing(), tmp_path / "figure.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("low", "high", "round_ones"),
    [
        (1e8, 2e11, [1e8, 1e9, 1e10, 1e11]),
        (9e7, 9.5e8, [1e8, 2e8, 5e8]),
        (1.2e9, 6e9, [1.5e9, 2e9, 3e9, 5e9]),
        (1e18, 1e28, [1e18, 1e20, 1e22, 1e24, 1e26, 1e28]),
        (1, 1e30, [1, 1e6, 1e12, 1e18, 1e24, 1e30]),
    ],
)
def test_log_ticks(low, high, round_ones):
    assert ticks.log_ticks(low, high, 6) == pytest.approx(round_ones)


def test_log_ticks_are_never_too_many_and_hardly_ever_missing():
    rng = np.random.default_rng(0)
    for _ in range(300):
        low = 10 ** rng.uniform(-3, 24)
        high = low * 10 ** rng.uniform(0.1, 12)
        found = ticks.log_ticks(low, high, 5)
        assert 1 <= len(found) <= 5, (low, high)
        assert all(low <= tick <= high for tick in found)


def test_words_are_cut_and_wrapped_to_a_width():
    text = "gap unresolved: the score rises where no model lies"
    lines = style.wrap(text, 1.5, style.NORMAL)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert max(style.text_width(line, style.NORMAL) for line in lines) <= 1.5
    short = style.shorten(text, 1.0, style.NORMAL)
    assert short.startswith("gap unr")
    assert short.endswith("lies")
    assert style.text_width(short, style.NORMAL) <= 1.0
    assert style.shorten(text, 9.0, style.NORMAL) == text
    assert style.shorten(text, 0.0, style.NORMAL) == "…"


def test_of_a_name_of_any_length_as_much_is_kept_as_fits():
    names = [f"{end}{'long name ' * 300}{end}" for end in "ab"]
    curves = [drawn.curve(name) for name in names]
    for name, short in zip(names, scores.series_names(curves, 2.0), strict=True):
        first, last = short.split("…")
        assert name.startswith(first)
        assert name.endswith(last)
        assert (
            style.text_width(short, style.SMALL) <= 2.0 < style.text_width(f"{short}m", style.SMALL)
        )


def test_every_account_has_its_own_colour_and_line():
    assert set(style.ACCOUNT_COLOURS) == set(style.ACCOUNT_LINES) == set(ACCOUNTS)
    assert set(style.ACCOUNT_MARKS) == set(ACCOUNTS)
    assert len(set(style.ACCOUNT_COLOURS.values())) == len(ACCOUNTS)
    assert len(set(style.ACCOUNT_LINES.values())) == len(ACCOUNTS)
    assert len(set(style.ACCOUNT_MARKS.values())) == len(ACCOUNTS)


def test_a_name_with_a_dollar_is_no_formula(tmp_path):
    with style.look():
        figure = style.figure(3, 2)
        figure.text(0.1, 0.5, "a$\\frac{$b")
        style.save(figure, tmp_path / "name.svg")
    assert (tmp_path / "name.svg").stat().st_size > 500
