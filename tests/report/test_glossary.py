"""Every word that the package can print has an entry, and entries are filled and found."""

import ast
import re
from pathlib import Path

import pytest

import emergent_stats
from emergent_stats.cli import posterior_listing
from emergent_stats.collection.forecast import FORECASTS
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.report.glossary import explain, terms
from emergent_stats.results.files import ResultsError
from emergent_stats.results.schema import COLUMNS
from emergent_stats.verdict import decision, graded
from emergent_stats.verdict.causes import cause_of
from emergent_stats.verdict.comparison import ROW

PACKAGE = Path(emergent_stats.__file__).parent
#: Where warnings are made: all text that is put into `notes`, `warnings` or `note` there.
WARN = (
    "model/curve.py", "results/selection.py", "results/checkpoints.py", "results/checks.py",
    "several/views.py", "several/find.py", "several/seeds.py", "several/joint.py",
    "verdict/judge.py",
)  # fmt: skip
#: What is put there and is no warning of its own: a title in front of another's.
PASSED_ON = {"#"}
#: Keys of rows that are printed, by the file that makes them.
ROWS = (
    "cli/several_listing.py", "collection/discoveries.py", "collection/forecast.py",
    "collection/pooled.py", "collection/arrivals.py",
)  # fmt: skip


def tree(name):
    return ast.parse((PACKAGE / name).read_text("utf-8"))


def texts(node):
    """Strings below a node, what is filled in replaced by #."""
    inside = set()
    for one in ast.walk(node):
        if isinstance(one, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(one)} - {id(one)}
            if id(one) not in inside:
                parts = (v.value if isinstance(v, ast.Constant) else "#" for v in one.values)
                yield "".join(map(str, parts))
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inside:
            yield one.value


def reasons():
    """First words of all that decision.py can say."""
    found = set()
    for text in texts(tree("verdict/decision.py")):
        if head := re.match(r"([a-z][a-z -]+): ", text):
            found.add(head[1])
    return found


def warned(name):
    """Text appended to, or assigned to, what is called notes, note or warnings."""
    for node in ast.walk(tree(name)):
        target, value = None, None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "append":
                target, value = node.func.value, node
        elif isinstance(node, ast.Assign | ast.AugAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            value = node.value
        if isinstance(target, ast.Name) and target.id in ("notes", "note", "warnings"):
            for text in texts(value):
                if len(text) > 12 or "#" in text:
                    yield cause_of(text)
        if isinstance(node, ast.FunctionDef) and node.name == "_numerical_warnings":
            yield from (cause_of(t) for t in texts(node) if t.startswith("evidence"))


def test_the_collectors_find_what_they_are_for():
    assert {"edge", "unresolved gap", "misfit"} <= reasons()
    found = {text for name in WARN for text in warned(name)}
    assert "n unknown for some models" in found
    assert "# models without # left out" in found
    assert "evidence not exact" in found
    assert "checkpoints of one run, noise of neighbours correlated by about #" in found


@pytest.mark.parametrize("name", sorted(reasons()))
def test_every_reason_has_an_entry(name):
    assert "reason" in explain(name).kinds


@pytest.mark.parametrize(
    "text", sorted({text for name in WARN for text in warned(name)} - PASSED_ON)
)
def test_every_warning_has_an_entry(text):
    assert "warning" in explain(text).kinds


def test_every_verdict_and_kind_has_an_entry():
    for name, says in graded._SAYS.items():
        assert "verdict" in explain(name).kinds
        for kind in says if isinstance(says, dict) else ():
            assert "kind" in explain(kind).kinds
    for shape in decision._FALLING:
        assert "kind" in explain(shape).kinds
    for account in ACCOUNTS:
        assert "account" in explain(account).kinds


def printed():
    names = {*ROW, *COLUMNS, *posterior_listing.row([])}
    names |= {f"lpd_{name}" for name in FORECASTS}
    names |= {f"{head}_{account}" for head in ("p", "alone") for account in ACCOUNTS}
    for name in ROWS:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef) and node.name in (
                "pair_row", "seeds_row", "row", "frame", "series_key",
            ):  # fmt: skip
                for one in ast.walk(node):
                    if isinstance(one, ast.Dict):
                        names |= {k.value for k in one.keys if isinstance(k, ast.Constant)}
                    elif isinstance(one, ast.Tuple):
                        names |= {e.value for e in one.elts if isinstance(e, ast.Constant)}
    return sorted(n for n in names if isinstance(n, str))


@pytest.mark.parametrize("name", printed())
def test_every_column_has_an_entry(name):
    assert "column" in explain(name).kinds


def test_entries_are_filled_and_short():
    for term in terms().values():
        assert "{" not in term.text
        assert term.text.endswith((".", "½)", "!"))
        assert 8 < len(term.text) < 420
        assert term.kinds


def test_no_name_stands_for_two_terms():
    names = [n.casefold() for t in terms().values() for n in (t.name, *t.also)]
    assert sorted({n for n in names if names.count(n) > 1}) == []


def test_a_printed_reason_or_warning_is_found_and_a_wrong_word_has_a_hint():
    assert explain("edge: the score rises ever faster").name == "edge"
    assert explain("3 models without params left out (a, b, c)").name == "models left out"
    assert explain("Unresolved-Gap").name == "unresolved gap"
    with pytest.raises(ResultsError, match=r"'artifact' is no word.*did you mean 'artefact'\?"):
        explain("artifact")
    with pytest.raises(ResultsError, match=r"explain lists all of them"):
        explain("zzzz")
