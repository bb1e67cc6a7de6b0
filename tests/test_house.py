"""The house keeps its shape: who may import whom, no circles, and nothing grows beyond its budget.

Every import counts, also those inside functions and those for types only.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "emergent_stats"

#: From the ground up; a folder imports only from lower floors. "" is the package's own door.
FLOORS = [
    ["model"],
    ["results", "evidence", "rules"],
    ["importers", "verdict"],
    ["collection", "design", "bayes", "several"],
    ["plots", "report"],
    [""],
    ["cli"],
]
#: Imports that break the rule, as "module → module"; none may be added.
EXCEPTIONS: set[str] = set()

#: Packages that only one folder may know.
ONLY_IN = {
    "pymc": "bayes",
    "pytensor": "bayes",
    "arviz": "bayes",
    "nutpie": "bayes",
    "jinja2": "report",
    "matplotlib": "plots",
    "seaborn": "plots",
    "typer": "cli",
}
#: Modules elsewhere that still know one of them (inside functions); none may be added.
KNOWING = {
    "pymc": {"model.priors"},
    "pytensor": {"model.metrics"},
}

#: Lines of a module.
LINES = 450
#: Arguments of a compiled kernel.
MOST_ARGUMENTS = 8
#: Modules that are longer, with their length when the house was built: they can only shrink.
LONG: dict[str, int] = {}
#: Lines of the package; the aim is 19,000.
PACKAGE_LINES = 32350

LEVEL = {folder: height for height, floor in enumerate(FLOORS) for folder in floor}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def modules() -> dict[str, Path]:
    """Dotted name below the package ("" for itself) → file."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(code: str) -> Iterator[str]:
    """Dotted names of everything imported, wherever it stands."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imported_by(path: Path) -> frozenset[str]:
    """Dotted names of everything that a file imports."""
    return frozenset(imported(read(path)))


def own(names: Iterable[str], known: Mapping[str, Path]) -> set[str]:
    """Modules of the package among imported names."""
    found = set()
    for name in names:
        first, _, rest = name.partition(".")
        if first == PACKAGE:
            found.add(rest if rest in known else rest.rpartition(".")[0])
    return found


def arrows() -> dict[str, set[str]]:
    """Module → modules of the package that it imports."""
    return {name: own(imported_by(path), MODULES) - {name} for name, path in MODULES.items()}


def folder(module: str) -> str:
    return module.partition(".")[0]


def upward(graph: Mapping[str, set[str]]) -> list[str]:
    """Imports between folders that do not lead to a lower floor."""
    return sorted(
        f"{module} → {other}"
        for module, others in graph.items()
        for other in others
        if folder(module) != folder(other) and LEVEL[folder(module)] <= LEVEL[folder(other)]
    )


def in_circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules that lie on a circle of imports, or above one: no order puts them last."""
    left = {module: set(others) for module, others in graph.items()}
    while ready := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in ready}
    return sorted(left)


def names_of_functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(read(path)).body if isinstance(node, ast.FunctionDef)}


def lines(path: Path) -> int:
    return len(read(path).splitlines())


def test_the_checks_find_what_they_are_for():
    assert upward({"model.curve": {"results.corpus"}, "results.corpus": {"model.curve"}}) == [
        "model.curve → results.corpus"
    ]
    assert upward({"results.checks": {"evidence.batch"}, "cli.listing": {""}}) == [
        "results.checks → evidence.batch"
    ]
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    code = (
        f"def f():\n    from {PACKAGE}.model import curve\nfrom {PACKAGE}.model.noise import SIGMA"
    )
    assert own(imported(code), MODULES) == {"model.curve", "model.noise"}


def test_every_folder_has_its_floor():
    assert {folder(module) for module in MODULES} <= LEVEL.keys()
    assert [module for module in MODULES if "." not in module and module not in LEVEL] == []


def test_imports_lead_down():
    found = set(upward(arrows()))
    assert sorted(found - EXCEPTIONS) == []
    assert sorted(EXCEPTIONS - found) == [], "no longer needed as exceptions"


def test_imports_make_no_circle():
    assert in_circles(arrows()) == []


@pytest.mark.parametrize(("package", "where"), ONLY_IN.items())
def test_only_one_folder_knows(package, where):
    knowing = {
        module
        for module, path in MODULES.items()
        if package in {name.partition(".")[0] for name in imported_by(path)}
    }
    assert {module for module in knowing if folder(module) != where} == KNOWING.get(package, set())


def test_modules_are_short():
    found = {path.relative_to(ROOT / PACKAGE).as_posix(): lines(path) for path in MODULES.values()}
    assert {name: n for name, n in found.items() if n > LONG.get(name, LINES)} == {}
    assert {name for name in LONG if found.get(name, 0) <= LINES} == set(), "no longer long"


def test_the_package_stays_within_its_budget():
    assert sum(lines(path) for path in MODULES.values()) <= PACKAGE_LINES


def test_no_module_has_the_name_of_a_function_in_it():
    assert [
        module
        for module, path in MODULES.items()
        if module.rpartition(".")[2] in names_of_functions(path)
    ] == []


def test_the_map_shows_every_module():
    house = read(ROOT / "CONTRIBUTING.md")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `([a-z_/]+)/` \|.*$", house, re.M)}
    for path in MODULES.values():
        place = path.relative_to(ROOT / PACKAGE)
        if path.stem.startswith("__"):
            continue
        assert f"`{path.stem}`" in rows.get(place.parent.as_posix(), ""), f"{place} is not shown"


def test_the_tests_mirror_the_folders():
    folders = {path.parent.relative_to(ROOT / PACKAGE).as_posix() for path in MODULES.values()}
    strays = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.parent.relative_to(ROOT / "tests").as_posix() not in folders
    ]
    assert strays == []


def test_kernels_take_one_thing_a_concept():
    found = {
        f"{module}.{node.name}": len(node.args.args)
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.FunctionDef)
        and any(
            w in ast.unparse(d).lower() for d in node.decorator_list for w in ("njit", "kernel")
        )
    }
    assert len(found) > 20, "kernels are no longer found by their decorators"
    assert {name: count for name, count in found.items() if count > MOST_ARGUMENTS} == {}
