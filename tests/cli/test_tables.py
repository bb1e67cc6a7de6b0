"""Terminal tables: what goes when the line is short, and how names are cut."""

import re
from itertools import pairwise

import pytest
from rich.cells import cell_len

from emergent_stats.cli import tables

COLUMNS = {
    "family": ["opt", "pythia"],
    "task": ["hendrycksTest-high_school_biology", "hendrycksTest-high_school_computer_science"],
    "metric": ["exact_match", "multiple_choice"],
    "m": ["8", "12"],
    "verdict": ["flat", "real (onset)"],
    "jump": [".01", ">.99"],
    "log BF": ["−2.1", "+10.4"],
    "p cal": [".20", "<.01"],
    "break at": ["", "10M–100M"],
}


def width_of(columns: dict[str, list[str]]) -> int:
    widest = [max(map(len, [name, *cells])) for name, cells in columns.items()]
    return sum(widest) + 2 * (len(widest) - 1)


def test_a_wide_line_shows_all_as_it_is():
    assert tables.fitting(COLUMNS, 200) == COLUMNS


@pytest.mark.parametrize("width", range(40, 150, 7))
def test_the_table_fits_and_keeps_what_matters(width):
    shown = tables.fitting(COLUMNS, width)
    assert width_of(shown) <= width
    assert {"family", "task", "verdict", "jump"} <= set(shown)
    assert shown["verdict"] == COLUMNS["verdict"]
    assert len(set(shown["task"])) == 2
    assert list(shown) == [name for name in COLUMNS if name in shown]


def test_the_least_telling_columns_go_first():
    gone = [set(COLUMNS) - set(tables.fitting(COLUMNS, width)) for width in (95, 90, 80, 75, 60)]
    assert all(narrower >= wider for wider, narrower in pairwise(gone))
    assert gone[:4] == [set(), {"m"}, {"m", "break at"}, {"m", "break at", "p cal"}]


@pytest.mark.parametrize(
    ("text", "room", "cut"),
    [("short", 9, "short"), ("high_school_biology", 11, "high_…ology"), ("abcdef", 4, "ab…f")],
)
def test_cut_takes_the_middle(text, room, cut):
    assert tables.cut(text, room) == cut
    assert len(cut) <= room


@pytest.mark.parametrize("text", ["👩\u200d💻🏽" * 9, "\u200d\u200d漢م👩\u200dی́" * 3, "漢字" * 9])
@pytest.mark.parametrize("room", range(3, 16))
def test_what_is_cut_fits_in_letters_that_join(text, room):
    assert cell_len(tables.cut(text, room)) <= room


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["test-a_x", "test-a_y"], ["…x", "…y"]),
        (["pythia-v0-1b", "pythia-v0"], ["…v0-1b", "…v0"]),
        (["biology", "bigotry"], ["biology", "bigotry"]),
    ],
)
def test_a_common_start_is_shed_by_whole_words(names, expected):
    assert tables.without_common_start(names) == expected


CRAFTED = {
    "task": ["[red]alarm[/red]", "a\x1b[31mb\x07", "\u202ereversed", "加法"],
    "verdict": ["real (jump)", "flat", "gradual", "undecided"],
    "falls": [".01", ".02", ".03", ".04"],
    "jump": [">.99", ".01", ".02", ".03"],
}


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
def test_names_are_printed_as_they_are(monkeypatch, capsys, width, variable):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv(variable, "1")
    tables.print_table(CRAFTED, ["bold red", "", "", "cyan"])
    out = capsys.readouterr().out
    assert ("\x1b[" in out) == (variable == "FORCE_COLOR")
    seen = re.sub(r"\x1b\[[0-9;]*m", "", out)
    lines = seen.splitlines()
    assert lines[0].split() == ["task", "verdict", "falls", "jump"]
    assert len(lines) == 5
    assert max(map(cell_len, lines)) <= width
    whole = "[red]alarm[/red]" if width == 80 else "[red]al…[/red]"
    for name in (whole, "a?[31mb?", "?reversed", "加法"):
        assert name in seen
    assert not set("─│┃━╭╰") & set(seen)
    ends = {cell_len(line.rstrip()) for line in lines}
    assert len(ends) == 1, "numbers end in one column"


@pytest.mark.parametrize("width", [20, 40, 60, 110])
def test_what_tells_rows_apart_never_goes(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    columns = {
        "task": ["LAMBADA", "a\x1b[31m name that is longer than its neighbour", "Copa"],
        "metric": ["exact_match", "perplexity", "exact_match"],
        "shots": ["0", "64", ""],
        "verdict": ["real (jump)", "flat", "undecided"],
        **{name: [".25", ".50", "<.01"] for name in ("flat", "gradual", "onset", "jump", "falls")},
    }
    tables.print_table(columns)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= width
    if width == 110:
        assert lines[0].split()[:4] == ["task", "metric", "shots", "verdict"]
        return
    assert len(lines) == 8
    if width >= 40:
        assert lines[0] == "task · metric · shots"
        assert [lines[2], lines[6]] == ["LAMBADA · exact_match · shots 0", "Copa · exact_match"]
        assert lines[4].endswith("perplexity · shots 64"[-19:])
        assert lines[4].startswith("a?[31m name")
    assert [line.split()[0] for line in lines[1::2]] == ["verdict", "real", "flat", "undecided"]


def test_paragraphs_are_neutralised_too(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    tables.say("[bold]a\x1b]0;title\x07 well-known name that is long", indent="  ")
    out = capsys.readouterr().out
    assert out == "  [bold]a?]0;title? well-known name that\n  is long\n"


def test_letters_that_take_two_places_are_cut_to_the_line():
    from rich.cells import cell_len

    cut = tables.fitting({"task": ["漢" * 60, "b"], "verdict": ["real", "flat"]}, 40)["task"][0]
    assert 30 < cell_len(cut) <= 34
    assert "…" in cut
