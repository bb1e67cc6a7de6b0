"""The seminar: exercises that answer, apps that run, pages that a browser can drive."""

import importlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from emergent_stats import Curve, ResultsError, compare
from emergent_stats.cli import commands, seminar_command
from emergent_stats.design.multinomial import Toy, gumbel_width

ROOT = Path(__file__).parents[1]
SEMINAR = ROOT / "seminar"
sys.path.insert(0, str(SEMINAR))
lecture = importlib.import_module("lecture")
gamerules = importlib.import_module("gamerules")
gauss = importlib.import_module("gauss")
CONTENTS = sorted(path.stem for path in SEMINAR.glob("content[0-9].py"))
SESSIONS = [importlib.import_module(name).SESSION for name in CONTENTS]
EXERCISES = [e for session in SESSIONS for e in session.exercises]

#: References that the project has checked.
CHECKED = {
    *("2206.07682", "2304.15004", "2406.04391", "2303.13506", "2502.17356", "2310.03262"),
    *("2206.04615", "2210.14891", "2403.15796", "2410.01692", "2411.16035", "2405.10938"),
}


# --- exercises ----------------------------------------------------------------------------
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_the_answer_is_right_and_every_slip_is_told(exercise):
    assert exercise.check(exercise.answer).startswith("Right.")
    assert exercise.check("") == exercise.check(None) == ""
    for slip, words in exercise.slips:
        assert exercise.check(str(slip)) == f"No. {words}"
    for i, (text, words) in enumerate(exercise.options):
        assert exercise.check(text) == f"{'Right' if i == exercise.answer else 'No'}. {words}"
    assert exercise.solution
    assert exercise.marks > 0


def test_other_wrong_answers_are_told_apart():
    exercise = lecture.Exercise("0.1", "?", "!", 1, 0.2, 0.01)
    assert "percent" in exercise.check("20")
    assert "sign" in exercise.check("-0.2")
    assert "too large" in exercise.check("0.4")
    assert "too small" in exercise.check("0.1")
    for words in ("a fifth", "nan", "inf"):
        with pytest.raises(ValueError, match=f"could not convert|{words}"):
            exercise.check(words)


def test_what_is_no_share_is_not_taken_for_percent_and_large_slips_may_be_rounded():
    by_name = {e.name: e for e in EXERCISES}
    assert "likelihood ratio" in by_name["4.2"].check("22.8")
    assert by_name["4.2"].check("23.1") == (
        "No. 23.1 is too large, and by no slip that this sheet knows."
    )
    assert "percent" not in by_name["4.3"].check("1.5")
    assert "Those are the odds;" in by_name["4.1"].check("20.1")
    assert "percent" in by_name["1.1"].check("1.56")


def test_each_slip_of_benjamini_and_hochbergs_exercise_is_its_rules_count():
    content3 = importlib.import_module("content3")
    [exercise] = [e for e in EXERCISES if e.name == "3.2"]
    p = np.array(content3._P)
    line = 0.05 * np.arange(1, 11) / 10
    first_failure = int(np.argmax(p > line))
    told = {int(slip): words for slip, words in exercise.slips}
    assert "without a correction" in told[(p < 0.05).sum()]
    assert "Bonferroni" in told[(p <= 0.005).sum()]
    assert "first that fails" in told[first_failure]
    assert exercise.answer == (stats.false_discovery_control(p) <= 0.05).sum()


def test_a_class_is_told_what_its_votes_show():
    content1 = importlib.import_module("content1")
    said = content1.said_of_votes
    assert content1.vote(30, 5) == pytest.approx(0.0156, abs=1e-4)
    assert "5 or more of 30" in said(5, 30, 3, 2, False)
    assert "now show" in said(5, 30, 3, 2, False)
    assert "no odd one" in said(5, 30, 3, None, True)
    assert "the favourite was noise" in said(5, 30, 4, 2, True)
    assert "has seen something" in said(5, 30, 3, 2, True)
    assert "nothing is shown" in said(1, 30, 3, 2, True)


def test_answers_by_other_ways():
    answers = {e.name: e.answer for e in EXERCISES}
    draws = np.random.default_rng(0).binomial(30, 0.05, 400_000)
    assert answers["1.1"] == pytest.approx((draws >= 5).mean(), abs=1e-3)
    x = np.linspace(-5, 5, 100_001)
    score = np.exp(-8 * np.exp(-2 * x))
    width = x[np.searchsorted(score, 0.9)] - x[np.searchsorted(score, 0.1)]
    assert answers["2.1"] == pytest.approx(width, abs=1e-3)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda s: f"session {s.number}")
def test_sessions_are_complete(session):
    assert len(session.goals) >= 3
    assert len(session.exercises) >= 4
    assert len(session.slides) >= 4
    assert session.question.strip().endswith((".", "?"))
    assert session.answer.strip().endswith(".")
    assert [e.name for e in session.exercises] == [
        f"{session.number}.{i + 1}" for i in range(len(session.exercises))
    ]


def test_only_checked_references_are_given():
    given = set()
    for path in SEMINAR.rglob("*"):
        if path.suffix in (".py", ".md", ".html", ".json"):
            given |= set(re.findall(r"arXiv (\d{4}\.\d{5})", path.read_text(encoding="utf-8")))
    assert given
    assert given <= CHECKED


# --- figures and computations -------------------------------------------------------------
def test_separation_by_hand():
    scores = np.array([[0.1, 0.2, 0.6, 0.5], [0.1, 0.5, 0.2, 0.6], [0.5, 0.4, 0.3, 0.2]])
    np.testing.assert_allclose(lecture.separation(scores), [0.3, 0.1, -0.3])


def test_a_gap_of_just_so_much_counts_whatever_its_rounding():
    assert 0.36 - 0.32 < 0.04 < 0.54 - 0.5
    scores = np.array([[0.3, 0.32, 0.36, 0.4], [0.4, 0.5, 0.54, 0.6], [0.3, 0.32, 0.34, 0.36]])
    assert lecture.leaps(scores, 0.04).tolist() == [0, 1]


def test_figures_say_what_they_show_and_escape_it():
    chart = lecture.Chart("a <b> & c", (0, 1), labels=("<x>", "y"))
    text = chart.line([0, 1], [0, 2], label="<l>").dots([0.5], [0.5], ends=([0.4], [0.6])).svg()
    assert 'role="img"' in text
    assert "a &lt;b&gt; &amp; c" in text
    assert "<x>" not in text
    assert "<l>" not in text
    assert 'font-size="18"' in text
    # what lies outside is drawn on the edge
    assert chart.at(1, 2)[1] == chart.at(1, 1)[1]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-2, 2), (7.3, 11.2), (0, 37)])
def test_ticks_are_round_and_inside(low, high):
    found = lecture.ticks(low, high)
    assert 2 <= len(found) <= 6
    assert low <= min(found)
    assert max(found) <= high


# --- the step against the line, in closed form ----------------------------------------------
X = np.linspace(-2.0, 2.0, 8)


def test_the_gain_of_a_step_is_that_of_least_squares():
    y = np.random.default_rng(4).standard_normal((3, 8)) + X
    for row, got in zip(y, gauss.gain(y, X), strict=True):
        line = np.column_stack([np.ones(8), X])
        left = [np.linalg.lstsq(np.column_stack([line, s]), row)[1][0] for s in gauss.steps(X)]
        assert got == pytest.approx(np.linalg.lstsq(line, row)[1][0] - min(left))


def test_p_values_of_lines_are_uniform_and_find_steps():
    y, _ = gauss.collection(3000, 8, 0, 0.0, 0.2, 0.0, 1000, 5)
    p = gauss.p_value(gauss.gain(y, X) / (0.04 + gauss.questions_variance(1000)), 8)
    assert stats.kstest(p, "uniform").statistic < 0.04
    naive = gauss.p_value(gauss.gain(y, X) / gauss.questions_variance(1000), 8)
    assert (naive < 0.05).mean() > 0.9
    y, breaks = gauss.collection(200, 8, 100, 3.0, 0.2, 0.0, 1000, 5)
    called = gauss.found(gauss.p_value(gauss.gain(y, X) / 0.042, 8))
    assert called[breaks].mean() > 0.9
    assert called[~breaks].mean() < 0.1


def test_benjamini_and_hochbergs_rule_is_scipys():
    p = np.random.default_rng(6).uniform(size=40) ** 3
    np.testing.assert_array_equal(gauss.found(p), stats.false_discovery_control(p) <= 0.05)


def test_evidence_is_the_integral_of_the_likelihood():
    y, sd = 0.5 * X + 0.8 * (X > 0), 0.4
    smooth, broken = gauss.log_evidence(y, X, sd, 1.0, 1.0)
    draws = np.random.default_rng(7).standard_normal((400_000, 3))
    draws[:, 0] *= gauss.LEVEL

    def by_draws(mean):
        log_p = stats.norm.logpdf(y, mean, sd).sum(1)
        return np.logaddexp.reduce(log_p) - np.log(len(draws))

    line = draws[:, :1] + draws[:, 1:2] * X
    assert smooth == pytest.approx(by_draws(line), abs=0.1)
    assert broken[3] == pytest.approx(by_draws(line + draws[:, 2:] * gauss.steps(X)[3]), abs=0.15)
    # Lindley: the wider the prior of heights, the better the line
    bf = [gauss.log_bayes_factor(y, X, sd, 1.0, h) for h in (1.0, 10.0, 100.0)]
    assert bf[1] - bf[2] == pytest.approx(np.log(10), abs=0.05)
    assert bf[0] > bf[1] > bf[2]


def test_the_floor_falls_with_models_and_rises_with_noise():
    few, many = (gauss.floor(m, 0.2, 300, 1.0, 1.0, 3000) for m in (5, 16))
    assert 0 < many < few < 0.5
    assert gauss.floor(8, 0.5, 300, 1.0, 1.0, 3000) > gauss.floor(8, 0.1, 300, 1.0, 1.0, 3000)


@pytest.mark.slow
def test_statsmodels_and_pymc_agree_with_the_closed_form():
    y = 0.8 * X + 1.2 * (X > 0) + 0.2 * np.random.default_rng(1).standard_normal(8)
    fit = gauss.by_statsmodels(y, X, 0.2)
    wide = gauss.in_closed_form(y, X, 0.2, 1e4, 1e4, int(fit["gap"]))
    assert (fit["height"], fit["error"]) == pytest.approx(wide, abs=0.01)
    assert fit["gain"] == pytest.approx(0.5 * gauss.gain(y[None], X)[0] / 0.04)
    closed = gauss.in_closed_form(y, X, 0.2, 1.0, 1.0, 3)
    assert gauss.by_pymc(y, X, 0.2, 1.0, 1.0, 3) == pytest.approx(closed, abs=0.04)


def test_bounds_forecasts_and_arrivals_by_hand():
    content3, content6 = map(importlib.import_module, ("content3", "content6"))
    assert content3.bound(0, 204, 1.0) == pytest.approx(1 - 0.05 ** (1 / 204))
    assert content3.bound(2, 50, 0.5) == pytest.approx(2 * stats.beta.ppf(0.95, 3, 48))
    assert content3.bound(10, 10, 0.1) == 1.0
    score = np.exp(-np.exp(-np.linspace(-1, 2, 7)))
    curve = Curve(10.0 ** np.arange(6, 13), score, "exact_match", n=10**9, key={"task": "t"})
    np.testing.assert_allclose(content6.extrapolated(curve, 4)[1], score, atol=1e-6)
    curve = Curve([1e6, 1e7, 1e8], [0.1, 0.3, 0.5], "exact_match", n=100, key={"task": "t"})
    assert content6.arrivals([curve], 0.4) == [("t", pytest.approx(7.5))]
    assert content6.arrivals([curve], 0.9) == []


# --- the game -----------------------------------------------------------------------------
def test_the_game_counts():
    curves = [{"breaks": True}, {"breaks": False}, {"breaks": False}, {"note": "published"}]
    found = gamerules.tally(curves, ["real", "real", "can't tell", "real"])
    assert (found.curves, found.decided, found.wrong) == (3, 2, 1)
    assert (found.error, found.false_positives) == (0.5, 0.5)


def test_the_table_of_the_game():
    curves = gamerules.table()["curves"]
    known = [c for c in curves if "breaks" in c]
    assert sum(c["breaks"] for c in known) * 2 == len(known) >= 60
    assert len(curves) - len(known) >= 10
    floor = gamerules.tally(known, [gamerules.floor_call(c, 0.5) for c in known])
    p = np.array([c["floor"] for c in known])
    # the error of who is always forced to call is what the posterior says it is
    expected = np.minimum(p, 1 - p)
    spread = 4 * np.sqrt((expected * (1 - expected)).sum()) / len(known)
    assert abs(floor.error - expected.mean()) < spread
    for c in curves:
        assert len(c["x"]) == len(c["score"]) == len(c["low"]) == len(c["high"])
        assert gamerules.package_call(c) in gamerules.CALLS
        assert gamerules.reply(c, "real")


@pytest.mark.slow
def test_the_package_still_says_what_the_table_of_the_game_says():
    changed = []
    for c in gamerules.table()["curves"][::10]:
        if "breaks" in c:
            curve = Curve(10.0 ** np.array(c["x"]), c["score"], c["metric"], n=200)
            said = compare(curve).verdict
            changed += [(c["truth"], c["verdict"], said)] if said != c["verdict"] else []
    assert changed == [], "run seminar/build_game.py"


# --- apps ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", list(seminar_command.pages()))
def test_apps_run_headless(name):
    pytest.importorskip("marimo")
    module = importlib.import_module(seminar_command.pages()[name].stem)
    outputs, defs = module.app.run()
    assert sum(output is not None for output in outputs) >= 2
    if name == "1":
        assert defs["p_right"] == pytest.approx(np.exp(-np.exp(0.4)))
        assert defs["noise_curves"].shape == (200, 6)
    if name == "2":
        assert defs["measured_width"] == pytest.approx(3.0844, abs=1e-3)
        assert defs["lag"] == pytest.approx(np.log(4))
    if name == "4":
        # Lindley with the page's own data: a prior that is wide enough turns them
        bf = [gauss.log_bayes_factor(defs["skill"], X, 0.2, 1.0, h) for h in (1.0, 100.0)]
        assert bf[0] > 2
        assert bf[1] < -1
    if name == "game":
        assert set(defs["tallies"]) == {"you", "the package", "the Bayes floor"}


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["emergent-stats", *words])
    with pytest.raises(SystemExit) as stop:
        commands.main()
    return stop.value.code, capsys.readouterr().err


def test_an_unknown_session_is_named(monkeypatch, capsys):
    status, said = run(monkeypatch, capsys, "seminar", "9")
    assert status == 2
    assert "there is no session '9'; use one of 1, 2" in said


def test_a_missing_marimo_is_named_with_its_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "marimo", None)
    status, said = run(monkeypatch, capsys, "seminar", "1", "--no-browser")
    assert status == 2
    assert "pip install 'emergent_stats[seminar]'" in said


def test_pages_have_titles_and_ship():
    assert set(seminar_command.titles()) == set(seminar_command.pages())
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"seminar" = "emergent_stats/_seminar"' in text


# --- in a browser -------------------------------------------------------------------------
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextmanager
def browser(offline=False):
    """A page of a fresh browser, and what it complained of."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium here")
    api = pytest.importorskip("playwright.sync_api")
    with (
        api.sync_playwright() as play,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        context = play.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=FLAGS,
            headless=True,
            offline=offline,
            viewport={"width": 1280, "height": 720},
        )
        page, said = context.new_page(), []
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on("requestfailed", lambda r: said.append(r.url))
        yield page, said
        context.close()


@pytest.fixture(scope="module")
def address():
    """Where `emergent-stats seminar` serves."""
    pytest.importorskip("marimo")
    words = [sys.executable, "-m", "emergent_stats.cli", "seminar", "--no-browser"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stdout is not None
        found = server.stdout.readline().strip()
        assert found.startswith("http://127.0.0.1:")
        yield found
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()


def slide(page, label, presses=3):
    """Move a slider by the keyboard."""
    handle = page.locator(f"marimo-slider:has-text('{label}') [role=slider]").first
    handle.focus()
    for _ in range(presses):
        page.keyboard.press("ArrowRight")


#: All text of a page, that inside web components too.
TEXT = """() => {
  const parts = [];
  const walk = (node) => {
    if (node.nodeType === 3) parts.push(node.textContent);
    if (node.shadowRoot) walk(node.shadowRoot);
    if (!["STYLE", "SCRIPT"].includes(node.nodeName)) node.childNodes.forEach(walk);
  };
  walk(document.body);
  return parts.join("");
}"""


def settled(page, pattern, before=None):
    """Text of the page that fits a pattern, once it differs from what was there before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.search(pattern, page.evaluate(TEXT))
        if found and found[0] != before:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"{pattern} is still {before!r}")


#: Page, a slider on it, and a pattern of the numbers that it changes.
MOVED = [
    ("1", "Skill (nats)", r"Right per token: \S+"),
    ("1", "Noise of models", r"\d+ of 200 look like a jump"),
    ("2", "Slope a", r"from 10 % to 90 % in \S+ decades"),
    ("2", "Options k", r"Chance \S+;"),
    ("3", "Shared noise", r"only\d+"),
    ("4", "Prior of heights", r"line: \S+;"),
    ("5", "Jump (nats)", r"Textbook \S+;"),
    ("6", "Threshold", r"\d+ tasks pass \S+"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", [str(s.number) for s in SESSIONS])
def test_sliders_change_numbers_in_a_browser(address, number):
    with browser() as (page, said):
        page.goto(f"{address}{number}/")
        settled(page, "Reading")
        for where, label, pattern in MOVED:
            if where == number:
                before = settled(page, pattern)
                slide(page, label)
                settled(page, pattern, before)
        for picture in page.locator("svg[role=img]").all():
            assert picture.get_attribute("aria-label")
        assert smallest_type(page) >= 17.9
        assert said == []


@pytest.mark.slow
def test_the_list_of_pages_opens_without_complaint(address):
    with browser() as (page, said):
        page.goto(address)
        page.get_by_role("link", name="1: The multinomial").wait_for()
        page.wait_for_load_state("networkidle")
        assert said == []


@pytest.mark.slow
def test_three_others_answer_beside_each_other(address):
    with browser() as (page, said):
        page.goto(f"{address}4/")
        settled(page, "Reading")
        answers = {
            "statsmodels": r"statsmodels: gap 4",
            "PyMC": r"PyMC: \S+ ±",
            "engine": "engine: ",
        }
        for name, words in answers.items():
            page.get_by_role("button", name=name).click()
            settled(page, words)
        for words in answers.values():
            settled(page, words)
        assert said == []


def test_a_cell_that_ends_while_matplotlib_is_imported_does_not_fail():
    pytest.importorskip("marimo")
    code = """
import sys, threading
import marimo, served
warm = threading.Thread(target=__import__, args=("marimo._output.mpl",))
warm.start()
while "marimo._output.mpl" not in sys.modules:
    pass
marimo._output.mpl.close_figures()  # as marimo's own hook does
warm.join()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SEMINAR)


@pytest.mark.slow
def test_another_name_of_this_machine_is_turned_away(address):
    with urllib.request.urlopen(address) as page:
        text = page.read().decode()
    for title in seminar_command.titles().values():
        assert title in text
    asked = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(asked)


@pytest.mark.slow
def test_an_exercise_answers_in_a_browser(address):
    with browser() as (page, said):
        page.goto(f"{address}1/")
        settled(page, "Reading")
        box = page.get_by_label("Answer 1.4")
        box.fill("190")
        box.press("Enter")
        settled(page, "That many are left alone")
        box.fill("10")
        box.press("Enter")
        settled(page, r"Right\.")
        assert said == []


@pytest.mark.slow
def test_the_game_is_played_in_a_browser(address):
    with browser() as (page, said):
        page.goto(f"{address}game/")
        settled(page, "Curve 1 of 20")
        for i, call in enumerate(("real", "artefact", "can't tell")):
            page.get_by_role("button", name=call, exact=True).press("Enter")
            settled(page, f"Curve {i + 2} of 20")
        settled(page, "You called can't tell")
        # what is said, and the next curve, are seen without scrolling
        for seen in (page.get_by_text("You called"), page.locator("svg[role=img]")):
            box = seen.first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 720
        assert said == []


def test_the_table_is_json_with_one_curve_a_line():
    text = (SEMINAR / "game.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(json.loads(text)["curves"]) + 2


# --- the page that judges a table -----------------------------------------------------------
def test_a_pasted_table_is_read_and_mistakes_are_named():
    judging = importlib.import_module("judging")
    [curve] = judging.read(judging.EXAMPLE.encode(), "a.csv")
    assert curve.m == 8
    assert list(judging.labels([curve])) == ["1. pasted / pasted / pasted, exact_match, 8 models"]
    for data, name, words in [
        (
            b"params,score,metric\n1e9,45,exact_match\n",
            "a.csv",
            "a.csv, row 2: score 45.0 is above",
        ),
        (b"a,b\n1,2\n", "a.csv", "required columns missing"),
        (b"x", "a.exe", "use a table in .csv"),
        (b"x" * (judging.MOST_BYTES + 1), "a.csv", "this page takes 1,000,000"),
        (
            b"params,score\n" + b"1,0.5\n" * (judging.MOST_ROWS + 1),
            "a.csv",
            "this page takes 5,000",
        ),
    ]:
        with pytest.raises(ResultsError, match=re.escape(words)):
            judging.read(data, name)


def test_the_figure_of_a_pasted_table_is_readable_on_a_projector():
    judging = importlib.import_module("judging")
    svg = judging.figure(compare(judging.read(judging.EXAMPLE.encode(), "a.csv")[0])).decode()
    found = re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)
    assert found is not None
    least = min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg))
    # the page shows it 944 pixels wide where the window has 1280
    assert least * 944 / float(found[1]) >= 17.9


def test_names_of_a_pasted_table_are_escaped():
    judging = importlib.import_module("judging")
    rows = "".join(f"1e{9 + i},0.5,exact_match,100,<b>x</b>\n" for i in range(3))
    [curve] = judging.read(f"params,score,metric,n,task\n{rows}".encode(), "a.csv")
    found = compare(curve)
    assert found.verdict == "undecided"
    text = judging.shown(found, judging.figure(found)) + judging.explained(found)
    text += judging.report(found, judging.figure(found)).decode()
    assert text.count("<svg") == 1
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_a_verdict_is_that_of_compare_and_its_process_ends_at_the_limits(monkeypatch):
    judging = importlib.import_module("judging")
    table = judging.EXAMPLE.encode(), "a.csv"
    assert judging.judge(*table) == compare(judging.read(*table)[0])
    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    monkeypatch.setattr(judging, "MOST_SECONDS", 0.2)
    with pytest.raises(ResultsError, match="use the command line"):
        judging.judge(*table)
    monkeypatch.setattr(judging, "MOST_SECONDS", 60)
    monkeypatch.setattr(judging, "MOST_MEMORY", 2**26)
    with pytest.raises(ResultsError, match=r"stopped at 0.1 GB of memory"):
        judging.judge(*table)
    assert started[0].returncode < 0
    assert started[1].returncode is not None


@pytest.mark.slow
def test_a_table_is_pasted_and_judged_in_a_browser(address):
    with browser() as (page, said):
        page.goto(f"{address}judge/")
        page.get_by_role("button", name="Judge").wait_for(timeout=60_000)
        box = page.get_by_label("Table")
        box.fill("params,score,metric\n1e9,45,exact_match\n")
        box.blur()
        settled(page, "Was it a percentage")
        box.fill(importlib.import_module("judging").EXAMPLE)
        box.blur()
        page.get_by_role("button", name="Judge").click()
        page.get_by_text("Explain why").click(timeout=90_000)
        settled(page, "hypothesis +account")
        assert page.locator("img[src^='data:image/svg']").get_attribute("alt")
        assert said == []


# --- hand-outs ----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with everything that `make seminar` makes."""
    pytest.importorskip("typst")
    pytest.importorskip("pypandoc")
    takehome = importlib.import_module("takehome")
    folder = tmp_path_factory.mktemp("seminar")
    takehome.main(folder)
    return folder


def test_everything_is_built_and_fetches_nothing(built):
    kinds = ("handout{}.html", "slides{}.html", "exercises{}.pdf", "solutions{}.pdf")
    names = {kind.format(s.number) for kind in kinds for s in SESSIONS} | {"guide.pdf"}
    assert {path.name for path in built.iterdir()} == names
    for path in built.glob("*.pdf"):
        assert path.read_bytes().startswith(b"%PDF")
    for path in built.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:src|href)\s*=", text)
        links = set(re.findall(r"https?://[^\s\"'<]+", text))
        assert links <= {"http://www.w3.org/2000/svg"}
        assert "default-src 'none'" in text


def test_solutions_stand_only_on_their_sheet():
    takehome = importlib.import_module("takehome")
    for session in SESSIONS:
        plain, solved = (takehome.sheet(session, solutions=s) for s in (False, True))
        for e in session.exercises:
            assert e.question in plain
            assert e.solution not in plain
            assert e.solution in solved


def test_prose_escapes():
    takehome = importlib.import_module("takehome")
    assert (
        takehome.prose("a < b, *c*, **d** & `e`")
        == "a &lt; b, <i>c</i>, <b>d</b> &amp; <code>e</code>"
    )


def test_pages_compute_what_the_package_computes(built):
    rng = np.random.default_rng(1)
    n = rng.integers(1, 3000, 60)
    k = np.minimum(rng.integers(0, 3000, 60), n)
    k[:2], k[2:4] = 0, n[2:4]
    curves = [Curve([1.0], [a / b], "exact_match", n=b) for a, b in zip(k, n, strict=True)]
    intervals = np.array([np.ravel(c.intervals()) for c in curves])
    skill, length = rng.uniform(-3, 5, 40), rng.integers(1, 64, 40)
    slope = rng.uniform(0.1, 4, 40)
    with browser(offline=True) as (page, said):
        page.goto((built / "handout2.html").as_uri())
        got = page.evaluate(
            """([k, n, s, L, a]) => [
              k.map((v, i) => binomialInterval(v, n[i])),
              s.map((v, i) => exactMatch(v, L[i])), a.map(gumbelWidth)]""",
            [v.tolist() for v in (k, n, skill, length, slope)],
        )
        np.testing.assert_allclose(got[0], intervals, atol=1e-6)
        closed = [
            Toy(length=int(size)).expected("exact_match", s)
            for s, size in zip(skill, length, strict=True)
        ]
        np.testing.assert_allclose(got[1], closed, atol=1e-6)
        np.testing.assert_allclose(got[2], [gumbel_width(v) for v in slope], atol=1e-6)
        k, z = [3, 0, 20, 31, 36], [-3.0, 0.0, 1.7]
        tails = page.evaluate("(k) => k.map((v) => binomialTail(v, 30, 0.2))", k)
        np.testing.assert_allclose(tails, stats.binom.sf(np.array(k) - 1, 30, 0.2), atol=1e-9)
        even = page.evaluate("[1.1, 2.5, 4].map((z) => lindley(z, turns(z)))")
        np.testing.assert_allclose(even, 0, atol=1e-9)
        bounds = page.evaluate("(k) => k.map((v) => shareBound(v, 30))", k)
        content3, content6 = map(importlib.import_module, ("content3", "content6"))
        np.testing.assert_allclose(bounds, [content3.bound(v, 30, 1.0) for v in k], atol=1e-6)
        series = content6.few_shot_data()
        for curve, own in zip(content6.few_shot(), series, strict=True):
            for kept in (3, 5, 7):
                got = page.evaluate("([c, kept]) => extrapolated(c, kept)", [own, kept])
                expected = np.transpose(content6.extrapolated(curve, kept))
                np.testing.assert_allclose(got, expected, atol=1e-6)
        shares = page.evaluate("(z) => z.map(normalShare)", z)
        np.testing.assert_allclose(shares, stats.norm.cdf(z), atol=1e-9)
        assert said == []


def test_handouts_answer_to_the_keyboard_without_a_network(built):
    with browser(offline=True) as (page, said):
        for session in SESSIONS:
            page.goto((built / f"handout{session.number}.html").as_uri())
            figure = page.locator("#figure")
            assert page.locator("details").first.text_content() == f"Answer{session.answer}"
            for slider in page.locator("input[type=range]").all():
                before = page.inner_text("#words"), figure.inner_html()
                slider.focus()
                page.keyboard.press("ArrowRight")
                assert (page.inner_text("#words"), figure.inner_html()) != before
            assert figure.get_attribute("aria-label") == page.locator("#words").text_content()
            assert smallest_type(page) >= 18
            page.goto((built / f"slides{session.number}.html").as_uri())
            for i in range(len(session.slides)):
                page.keyboard.press("ArrowRight")
                shown = page.locator("section:visible")
                assert shown.count() == 1
                assert shown.locator("h2").inner_text() == session.slides[i].title
                assert smallest_type(page) >= 18
                assert page.evaluate("document.body.scrollHeight") <= 720
        assert said == []


def smallest_type(page):
    """Pixels of the smallest text that is shown, as it is shown, in web components too."""
    return page.evaluate(
        """() => {
          let least = 1e9;
          const walk = (node) => {
            const element = node.parentElement;
            const drawn = node.nodeType === 3 && node.data.trim() &&
              element && element.getClientRects().length;
            if (drawn && !["SCRIPT", "STYLE", "title"].includes(element.nodeName)) {
              let size = parseFloat(getComputedStyle(element).fontSize);
              const matrix = element.getScreenCTM?.();
              if (matrix) size *= Math.hypot(matrix.a, matrix.b);
              least = Math.min(least, size);
            }
            if (node.shadowRoot) walk(node.shadowRoot);
            node.childNodes.forEach(walk);
          };
          walk(document.body);
          return least;
        }"""
    )
