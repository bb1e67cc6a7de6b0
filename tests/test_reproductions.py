"""Four papers made again: the page holds what the script writes, and no mark of it is empty."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PAPER, DOCS = ROOT / "paper", ROOT / "docs"
if not PAPER.is_dir():
    pytest.skip("the paper is no part of a release", allow_module_level=True)
PAGE = (DOCS / "reproductions.md").read_text("utf-8")
PARTS = dict(re.findall(r"<!-- begin (\w+) -->\n(.*?)\n<!-- end \1 -->", PAGE, re.S))


@pytest.fixture
def mirage(monkeypatch):
    """A module of the paper's own scripts, which are no package."""
    monkeypatch.syspath_prepend(str(PAPER))
    from reproduced import mirage

    yield mirage
    for name in [n for n in sys.modules if n.split(".")[0] in ("reproduced", "readme")]:
        sys.modules.pop(name)


def test_no_mark_is_empty():
    assert list(PARTS) == ["mirage", "panels", "bnsl", "loss"]
    assert PAGE.count("<!-- begin") == PAGE.count("<!-- end") == len(PARTS)
    for part in PARTS.values():
        said = re.findall(r"^\*\*(What [a-z ]+)\.\*\* \S", part, re.M)
        assert said == ["What agrees", "What differs", "What is missing"]
        assert re.search(r"\d", part)
        assert not re.search(r"\bnan\b|None|\{|\}", part)


@pytest.mark.parametrize("name", PARTS)
def test_every_figure_has_its_numbers_and_words(name):
    assert f"](reproductions/{name}.png)" in PARTS[name]
    path = DOCS / "reproductions" / f"{name}.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    words = path.with_suffix(".alt.txt").read_text("utf-8").splitlines()
    numbers = pd.read_csv(path.with_suffix(".data.csv"))
    assert len(words) >= numbers["panel"].nunique() > 1
    assert numbers["y"].notna().any()


def test_the_page_holds_what_the_script_writes(mirage):
    assert mirage.lengths_table(mirage.exact_matches()) in PARTS["mirage"]


def test_one_power_law_looks_sudden_or_not_by_its_metric(mirage):
    exact, edit = (mirage.tokens(8, metric) for metric in ("exact_match", "edit_distance"))
    gap = mirage.common.gap_share
    assert gap(exact) > 0.9 > 0.5 > gap(edit)
    grade, brier = mirage.forced_choice()
    assert gap(grade) > 0.5 > gap(brier)


@pytest.mark.slow
def test_a_part_is_up_to_date():
    words = [sys.executable, "paper/reproductions.py", "--part", "panels", "--check"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
