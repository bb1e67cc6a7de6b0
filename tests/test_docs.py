"""The documentation builds offline, without a warning, and asks for nothing when it is read."""

import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emergent_stats.plots.registry import DEFAULT, KINDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_every_page_stands_in_the_index():
    index = (DOCS / "index.md").read_text("utf-8")
    named = set(re.findall(r"<([a-z/]+)>$", index, re.M))
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} == named - {"generated/glossary"}


def test_every_public_name_stands_in_the_reference():
    import emergent_stats

    page = (DOCS / "api.md").read_text("utf-8")
    missing = [n for n in emergent_stats.__all__ if n != "__version__" and n not in page]
    assert missing == []


def test_the_gallery_shows_every_kind_of_figure():
    page = (DOCS / "gallery.md").read_text("utf-8")
    missing = [
        kind for kind in KINDS if kind != DEFAULT and f"$ emergent-stats plot {kind} " not in page
    ]
    assert missing == []
    assert page.count("$ emergent-stats plot ") == page.count("{code-cell}") - 1 > len(KINDS)


@pytest.mark.slow
def test_the_documentation_builds_and_asks_for_nothing(tmp_path):
    pytest.importorskip("sphinx", reason="needs the group 'docs'")
    source = tmp_path / "docs"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("_build", "generated", "jupyter_*"))
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    built = source / "_build"
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*words, source, built], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = list(built.rglob("*.html"))
    assert len(pages) > 30
    asked = {
        (page.name, address)
        for page in pages
        for address in re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"((?:https?:)?//[^\"]+)",
            page.read_text("utf-8"),
        )
    }
    assert asked == set()
    gallery = (built / "gallery.html").read_text("utf-8")
    assert gallery.count('.svg"') > len(KINDS), "the gallery lacks figures"
    assert "&lt;Axes" not in gallery


def test_the_readme_is_short_and_whole():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(re.sub("<!--.*?-->", "", readme).split()) <= 600
    assert readme.count("![") == 1
    assert "$ emergent-stats " in readme
    for words in ("**Re-analyse.**", "**Plot.**", "**Teach.**", "make test", "make demo"):
        assert words in readme
    found = readme.partition("<!-- begin findings -->\n")[2].partition("\n<!-- end")[0]
    assert len(found.splitlines()) == 5
    for path in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_examples_and_links_of_a_page_hold(page):
    text = (DOCS / page).read_text("utf-8")
    for path in re.findall(r"\[[^\]\n]+\]\(([^)#]+\.\w+)\)", text):
        assert (DOCS / path).exists(), path
    assert doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8").failed == 0
