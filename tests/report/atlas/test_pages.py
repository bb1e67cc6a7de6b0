"""The pages of an atlas in a browser: opened from the folder, with no network."""

import shutil

import pytest
from report.atlas.made_up import HOSTILE, SHOWN, collection, entry

from emergent_stats.report.atlas import site
from emergent_stats.report.atlas.records import identity

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    # sockets of the driver are closed by the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
ROWS = "#series tbody tr"
LINKS = f"{ROWS} th > a"


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = [
        entry(HOSTILE, "real", 0.97, kind="jump"),
        entry("3D+", "undecided", 0.3, study="gpt3", family="GPT-3"),
        *(entry(f"task-{i}", "flat" if i % 2 else "gradual", i / 100) for i in range(60)),
    ]
    path = tmp_path_factory.mktemp("pages") / "atlas"
    site.write_atlas(path, found, collection(found))
    return path


@pytest.fixture
def page(browser, folder):
    """A page on the list; at the end nothing was complained of, and nothing asked for outside."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(f"{folder.as_uri()}/index.html")
    opened.wait_for_selector(ROWS)
    yield opened
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(folder.as_uri())] == []


def tasks(page):
    return page.eval_on_selector_all(LINKS, "links => links.map(link => link.textContent)")


def chosen(page):
    return page.text_content("#count").partition(":")[0]


def test_search_filters_and_order(page):
    assert len(tasks(page)) == 50
    assert chosen(page) == "62 of 62 series"
    page.fill("#q", "TASK-5 toy")
    assert chosen(page) == "11 of 62 series"
    page.select_option("#verdict", "flat")
    assert tasks(page) == ["task-5", "task-51", "task-53", "task-55", "task-57", "task-59"]
    page.select_option("#sort", "break")
    assert tasks(page) == ["task-59", "task-57", "task-55", "task-53", "task-51", "task-5"]
    page.fill("#q", "task-5 nothing like it")
    assert page.text_content("#count") == "No series fits; clear the search or a filter."
    page.click("button[type=reset]")
    page.wait_for_selector("#count:has-text('62 of 62')")
    page.select_option("#study", "gpt3")
    assert tasks(page) == ["3D+"]
    options = page.eval_on_selector_all("#family option", "all => all.map(one => one.textContent)")
    assert options == ["all", "GPT-3 (1)"]


def test_pages_of_the_list_and_a_head_that_sorts(page):
    first = tasks(page)
    page.click("#pages button:has-text('Next')")
    assert not set(first) & set(tasks(page))
    assert "page=2" in page.url
    page.click("th[data-sort=break] button")
    assert tasks(page)[0] == SHOWN
    assert page.get_attribute("th[data-sort=break]", "aria-sort") == "descending"


def test_keys_lead_to_a_series_and_back(page):
    page.keyboard.press("/")
    page.keyboard.type("task-7")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "task-7"
    page.keyboard.press("Enter")
    page.wait_for_selector("svg.plot")
    assert page.text_content("h1") == "task-7"
    assert page.title() == "task-7: flat"
    page.go_back()
    page.wait_for_selector(ROWS)
    assert page.input_value("#q") == "task-7"
    assert tasks(page) == ["task-7"]


def test_tab_reaches_every_control_in_order(page):
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(e => e.id || e.textContent)(document.activeElement)"))
    controls = ["q", "study", "family", "metric", "verdict", "kind", "sort", "Clear", "Series"]
    assert [one for one in seen if one in controls] == ["Series", *controls]
    assert seen[0] == "Skip to the content"


def test_a_hostile_name_stays_text(page, folder):
    page.fill("#q", "onerror")
    assert tasks(page) == [SHOWN]
    assert page.locator("img").count() == 0
    page.click(LINKS)
    page.wait_for_selector("svg.plot")
    assert page.text_content("h1") == SHOWN
    assert page.locator("img").count() == 0
    assert page.title().startswith("</script>")
    assert SHOWN in page.text_content("svg.plot > title")


def test_the_page_of_a_series(page, folder):
    name = identity(entry("task-4", "gradual", 0.04).curve)
    page.goto(f"{folder.as_uri()}/series.html#{name}")
    page.wait_for_selector("svg.plot")
    text = page.inner_text("main")
    for words in (
        "gradual: made up for task-4", "+0.5 to +0.7", "1.26B–15.8B", "−2.00 ± 0.10",
        "so is task-4", "change of the expected score",
        "between .04 and .04",
        "emergent-stats test 'my results.csv' --family Toy --task task-4",
    ):  # fmt: skip
        assert words in text
    assert page.get_attribute("svg.plot", "role") == "img"
    assert page.text_content("svg.plot > title") == (
        "exact match of task-4 by parameters: from 0.02 at 100M to 0.62 at 100B, 6 models; "
        "verdict gradual"
    )
    assert page.locator("svg.plot circle").count() == 6
    cells = page.eval_on_selector_all(".blocks td", "all => all.map(one => one.textContent)")
    assert cells == ["× 1", ".04", "× 2", ".04"]
    assert page.locator("svg.plot > g").count() == 2
    page.goto(f"{folder.as_uri()}/series.html#ffffffffff")
    page.wait_for_selector("h1:has-text('No such series')")


@pytest.mark.parametrize("name", ["index.html", "claims.html", "series.html"])
def test_a_narrow_screen_needs_no_scrolling_sideways(browser, folder, name):
    context = browser.new_context(
        offline=True, viewport={"width": 390, "height": 800}, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{folder.as_uri()}/{name}#{identity(entry(HOSTILE).curve)}")
    page.wait_for_selector("tbody tr")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"
    context.close()


def test_claims_lead_to_their_series(page, folder):
    page.click("header nav >> text=Claims")
    page.wait_for_selector("#claims tbody tr")
    assert page.locator("#claims tbody tr").count() == 23
    assert page.locator("#claims tbody tr:has-text('no series here')").count() == 22
    page.click("#claims a:has-text('3D+')")
    page.wait_for_selector("svg.plot")
    assert page.text_content("h1") == "3D+"
