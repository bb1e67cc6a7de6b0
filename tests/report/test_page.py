import shutil

import pytest
from jinja2 import UndefinedError

from emergent_stats.report.content import Report
from emergent_stats.report.page import Section, render, sections_page
from emergent_stats.report.writing import report_text

EVIL = "<script>alert(1)</script>"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def test_sections_are_escaped_and_figures_are_not():
    page = sections_page(EVIL, [Section(EVIL, EVIL, {EVIL: EVIL}, "<svg></svg>", [EVIL])], [EVIL])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 8
    assert "<svg></svg>" in page


def test_blanks_and_joiners_stay_and_what_turns_text_goes():
    page = sections_page("می\u200cخواهم\u3000a\tb\u202ec\x1bd", [])
    assert "می\u200cخواهم a bcd" in page


def test_a_template_that_misses_a_value_is_an_error():
    with pytest.raises(UndefinedError):
        render("sections.html", title="t")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path, made):
    """Page of three series in a browser, with all that it asks for and complains of."""
    series = [
        made(EVIL, p=(0.01, 0.7, 0.14, 0.14, 0.01)), made("b10"),
        made("b9", "real", (0.0, 0.01, 0.01, 0.98, 0.0), kind="jump"),
    ]  # fmt: skip
    path = tmp_path / "r.html"
    path.write_text(report_text(Report("m.csv", series), ".html"), "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("dialog", lambda dialog: (page.said.append("dialog"), dialog.dismiss()))
    page.goto(path.as_uri())
    yield page
    assert page.asked == [path.as_uri()]
    assert page.said == []
    page.close()


def first_column(page):
    return page.locator("#series tbody tr:visible td.name").all_inner_texts()


def test_the_page_sorts_by_keyboard_and_name_and_number(opened):
    assert first_column(opened) == [EVIL, "b10", "b9"]
    opened.get_by_role("button", name="series").click()
    assert first_column(opened) == [EVIL, "b9", "b10"]  # numbers in names by their value
    head = opened.get_by_role("button", name="jump", exact=True)
    head.focus()
    opened.keyboard.press("Enter")
    assert first_column(opened) == ["b9", EVIL, "b10"]
    assert head.locator("..").get_attribute("aria-sort") == "descending"
    opened.keyboard.press("Enter")
    assert first_column(opened) == ["b10", EVIL, "b9"]


def test_the_page_filters_by_words_and_verdict(opened):
    opened.get_by_label("Verdict").select_option("real")
    assert first_column(opened) == ["b9"]
    assert opened.locator("#told").inner_text() == "1 of 3 series"
    opened.get_by_label("Verdict").select_option("")
    opened.get_by_label("Search").fill("alert smoothly")
    assert first_column(opened) == [EVIL]


@pytest.mark.parametrize("width", [1024, 1160, 1200])
def test_a_page_of_a_laptop_does_not_scroll_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_a_narrow_page_filters_too_and_does_not_scroll_sideways(opened):
    opened.set_viewport_size({"width": 390, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    opened.get_by_label("Verdict").select_option("real")
    assert first_column(opened) == ["b9"]
