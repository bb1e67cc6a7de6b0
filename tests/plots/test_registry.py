"""Every kind of figure has its function, and the command line can make what it takes."""

import inspect
import subprocess
import sys

import pytest

from emergent_stats import plots
from emergent_stats.cli.plot_command import _MAKERS
from emergent_stats.plots.registry import DEFAULT, FUNCTIONS, KINDS, function


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_can_be_drawn(name):
    kind = KINDS[name]
    assert callable(function(kind.drawn_by))
    assert kind.takes in _MAKERS
    assert not kind.many or callable(function(kind.many))
    assert len(kind.help) <= 60
    assert len(name) <= 16


def test_every_maker_is_for_a_kind():
    assert {kind.takes for kind in KINDS.values()} == set(_MAKERS)
    assert DEFAULT in KINDS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_share_a_signature(name):
    given = inspect.signature(getattr(plots, name)).parameters
    first, *rest = given.values()
    assert first.name == "data"
    named = {p.name for p in rest if p.kind is p.KEYWORD_ONLY}
    assert {"title"} <= named
    assert ("ax" in named) == (given_back(name) == "Axes")
    assert rest[-1].kind is rest[-1].VAR_KEYWORD


def given_back(name) -> str:
    return str(inspect.signature(getattr(plots, name)).return_annotation)


def test_all_that_draws_is_registered():
    from importlib import import_module

    for module in set(FUNCTIONS.values()):
        found = vars(import_module(f"emergent_stats.plots.{module}"))
        drawing = {n for n, f in found.items() if n.startswith("plot_") and callable(f)
                   and f.__module__.endswith(module)}  # fmt: skip
        assert drawing - {"plot_points"} == {n for n, m in FUNCTIONS.items() if m == module}


def test_the_registry_draws_nothing():
    code = (
        "import sys, emergent_stats.plots as p; assert p.KINDS; dir(p); "
        "sys.exit(bool({'matplotlib', 'seaborn'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'plot_pie'"):
        _ = plots.plot_pie
