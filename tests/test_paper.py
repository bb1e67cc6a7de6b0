"""The paper: every number in its text is computed, every reference is known, and it builds."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results import corpus
from emergent_stats.results.entries import cite
from emergent_stats.verdict.comparison import ROW

ROOT = Path(__file__).parents[1]
PAPER = ROOT / "paper"
if not PAPER.is_dir():
    pytest.skip("the paper is no part of a release", allow_module_level=True)
SOURCE = (PAPER / "paper.md").read_text("utf-8")
NOTES = ROOT.parent / "shared"
#: Names with a digit in them.
NAMES = ("GPT-3",)
#: Numbers that could have been counted; one and two are also words.
WORDS = re.compile(
    r"\b(three|four|five|six|seven|eight|nine|eleven|twelve|dozen|hundreds?|thousands?|quarter|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty|third)\b",
    re.I,
)


@pytest.fixture
def modules(monkeypatch):
    """The paper's own scripts, which are no package."""
    monkeypatch.syspath_prepend(str(PAPER))
    import quoted

    import paper

    yield paper, quoted
    for name in ("paper", "quoted", "judged"):
        sys.modules.pop(name, None)


def prose(source):
    """Text that a person wrote: without what Jinja fills, attributes, citations and names."""
    source = re.sub(r"<#.*?#>|\{\{.*?\}\}|\{%.*?%\}", " ", source, flags=re.S)
    source = re.sub(r"\{#?[^{}]*\}|\]\([\w/]+\)|@[\w:]+", " ", source)
    for name in NAMES:
        source = source.replace(name, " ")
    # the level of intervals is a convention of the whole package
    return source.replace("90 % intervals", " ")


def test_every_number_in_the_text_is_computed():
    assert re.findall(r".*\d.*", prose(SOURCE)) == []
    assert WORDS.findall(prose(SOURCE)) == []


def test_the_check_finds_numbers():
    assert "5" in prose("We judge 5 series")
    assert WORDS.findall(prose("in Seven series"))
    assert not re.search(r"\d", prose("{{ 5 }} of GPT-3 [@wei2022emergent] {#fig:a width=90%}"))


# --- numbers -----------------------------------------------------------------------------
def row(verdict, study="gpt3", task="3D+", **changes):
    p = dict.fromkeys([f"p_{account}" for account in ACCOUNTS], 0.05) | {"p_gradual": 0.8}
    return dict.fromkeys(ROW) | {
        "study": study, "family": "GPT-3", "task": task, "metric": "exact_match", "m": 8,
        "verdict": verdict, "reason": "edge: the rise", "lean": "gradual 30 : 1 (strong)",
        "apparent_jump": False, "log_bf": 1.0, "to_decide": "to decide it, add 2 models above 175B",
        **p, **changes,
    }  # fmt: skip


@pytest.fixture
def table():
    nothing = {f"p_{account}": None for account in ACCOUNTS}
    return pd.DataFrame(
        [
            row("real", "olmo", "arc | easy", kind="jump", p_jump=0.7, p_gradual=0.15),
            row("artefact", apparent_jump=True),
            row("undecided", apparent_jump=True, p_jump=0.7, p_gradual=0.15),
            row("undecided", task="WiC", reason="floor: no right answer", **nothing, lean=None),
            row("undecided", task="WiC", reason="too few scales: 3", **nothing, lean=None),
        ]
    )


def test_numbers_follow_the_table(modules, table):
    found = modules[1].quoted(table)
    assert found["verdicts"]["counts"]["undecided"] == 2
    assert found["verdicts"]["kinds"] == {"jump": 1}
    assert found["looks"]["series"] == 2
    assert found["looks"]["likely"] == 1
    assert found["looks"]["counts"]["artefact"] == 1
    undecided = found["undecided"]
    assert undecided["reasons"] == {"edge": 1, "floor": 1}
    assert (undecided["series"], undecided["analysed"], undecided["strongly"]) == (2, 1, 1)
    assert undecided["leans"] == {"jump": 1}
    assert undecided["needs"] == {"larger models": 2}
    claims = found["claims"]
    assert (claims["claims"], claims["series"]) == (23, 3)
    assert claims["verdicts"] == {"undecided": 2, "artefact": 1}
    assert (found["corpus"]["judged"], found["corpus"]["short"]) == (4, 1)
    assert "pythia" in found["corpus"]["missing"]
    assert "olmo" not in found["corpus"]["missing"]


def test_the_text_follows_the_table(modules, table):
    paper, _ = modules
    text = paper.text(table)
    assert "We judge 4 published" in text
    assert "arc \\| easy" in text
    more = paper.text(pd.concat([table, table[:1]]))
    assert "We judge 5 published" in more
    assert "Skill itself breaks in 2 series (40 %)" in more
    assert "@fig:" not in text
    assert not re.search(r"\{\{|\{%|<#", text)


def test_advice_has_its_kind(modules):
    need = modules[1].need
    said = {
        "to decide it, add 2 models between 13B and 175B parameters (by the planning formula)":
            "models inside a gap",
        "to decide it, add 3 more models in between (by the planning formula)": "models in between",
        "to decide it, add 2 runs of every model (by the planning formula)":
            "more runs of every model",
        "nothing affordable decides it: by the planning formula, no addition up to 64 model runs":
            "nothing affordable",
    }  # fmt: skip
    assert {advice: need(advice) for advice in said} == said
    assert need(None) == "no plan"


def test_the_committed_table_is_one_of_verdicts(modules):
    paper, quoted = modules
    table = pd.read_parquet(paper.TABLE)
    assert set(ROW) <= set(table)
    assert not table.duplicated(
        ["study", "family", "task", "metric", "shots", "seed", "axis"]
    ).any()
    assert set(table["verdict"]) <= set(quoted.VERDICTS)
    assert "another plan" not in set(map(quoted.need, quoted.testable(table)["to_decide"]))
    assert f"We judge {len(quoted.testable(table)):,} published" in paper.text(table)


def test_figures_and_tables_are_numbered_in_order(modules):
    text = "@fig:b and @tbl:a. {#fig:a} {#tbl:a} {#fig:b}"
    assert modules[0].numbered(text) == "Figure 2 and Table 1. {#fig:a} {#tbl:a} {#fig:b}"


# --- references --------------------------------------------------------------------------
def entries(text):
    return {key: body for key, body in re.findall(r"@\w+\{(\w+),\n(.*?)\n\}", text, re.S)}


def test_every_citation_has_its_entry_and_every_entry_is_cited():
    known = entries((PAPER / "references.bib").read_text("utf-8"))
    studies = entries(cite(corpus.studies()["study"]))
    cited = set(re.findall(r"@(\w+)\b(?!:)", SOURCE)) - {"fig", "tbl"}
    assert cited == set(known) | set(studies)


@pytest.mark.skipif(not NOTES.is_dir(), reason="design notes and sources are not here")
def test_every_reference_stands_in_the_notes_or_the_sources():
    notes = [*NOTES.glob("design/*.md"), *NOTES.glob("sources/*/SOURCE.md")]
    text = "\n".join(path.read_text("utf-8") for path in notes)
    for key, body in entries((PAPER / "references.bib").read_text("utf-8")).items():
        number = re.search(r"eprint\s*= \{(.*?)\}", body)[1]
        assert number in text, key


# --- the whole -----------------------------------------------------------------------------
@pytest.mark.slow
def test_it_builds(modules, table, monkeypatch, tmp_path):
    paper, _ = modules
    monkeypatch.setattr(paper, "BUILD", tmp_path / "build")
    path = tmp_path / "verdicts.parquet"
    table.to_parquet(path)
    monkeypatch.setattr(sys, "argv", ["paper.py", "--verdicts", str(path)])
    paper.main()
    build = tmp_path / "build"
    assert (build / "paper.pdf").read_bytes().startswith(b"%PDF")
    tex = (build / "arxiv" / "paper.tex").read_text("utf-8")
    figures = re.findall(r"\{(figures/\w+\.pdf)\}", tex)
    assert sorted(figures) == [
        f"figures/{p.stem}.pdf" for p in sorted((PAPER / "figures").glob("*.py"))
    ]
    assert all((build / "arxiv" / name).is_file() for name in figures)
    assert "Schaeffer, Rylan" in tex
    assert "??" not in tex
