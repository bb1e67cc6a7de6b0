"""Where compiled kernels are kept, and what is said while they are made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from emergent_stats.cli import listing
from emergent_stats.model import compiling
from emergent_stats.model.compiling import (
    WORDS,
    WORDS_EACH_RUN,
    forget_stale,
    settle,
    watched,
)

PACKAGE = Path(compiling.__file__).parents[1]


def kernels():
    """Two kernels that nothing has compiled, one in the other, named as this package's."""

    def inner(x):
        return x + 1.0

    inner.__module__ = "emergent_stats.some"
    inner = numba.njit(inner)

    def outer(x):
        return 2.0 * inner(x)

    outer.__module__ = "emergent_stats.some"
    return numba.njit(outer)


# --- what is said ------------------------------------------------------------------------
def test_compiling_is_told_once_a_kernel_and_a_compiled_kernel_tells_nothing():
    calls, kernel = [], kernels()
    with watched(calls.append, lambda: calls.append("end")):
        assert kernel(1.0) == 4.0
        assert kernel(2.0) == 6.0
    assert calls == [WORDS, "end"]
    kernel(1)  # another type, after it: nobody is told
    assert calls == [WORDS, "end"]


def test_kernels_of_others_are_not_ours():
    calls = []
    with watched(calls.append, lambda: calls.append("end")):
        assert numba.njit(lambda x: x * 3)(1.0) == 3.0
    assert calls == []


@pytest.mark.parametrize("temporary", [None, "somewhere"])
def test_a_run_that_compiles_says_so_in_one_line_on_stderr(monkeypatch, capsys, temporary):
    monkeypatch.setattr(compiling, "watched", watched)
    monkeypatch.setattr(compiling, "_temporary", temporary)
    with listing.progress() as report:
        assert report is None
        for _ in range(2):
            kernels()(1.0)
    words = WORDS_EACH_RUN if temporary else WORDS
    assert capsys.readouterr() == ("", f"emergent-stats: {words}\n")


def test_who_watches_sees_that_it_compiles_and_then_what_it_does(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(compiling, "watched", watched)
    seen = []
    from rich.progress import Progress

    update = Progress.update

    def spy(self, *args, **fields):
        seen.append(fields.get("description"))
        update(self, *args, **fields)

    monkeypatch.setattr(Progress, "update", spy)
    with listing.progress("weighing"):
        kernels()(1.0)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"emergent-stats: {WORDS}" in err
    assert seen == ["compiling", "weighing"]


# --- where the code is kept --------------------------------------------------------------
@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A package, and a user, whose folders cannot be made: files stand in their places."""
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(compiling, "_temporary", None)
    return tmp_path


def test_a_folder_that_can_be_written_is_left_to_numba(nowhere, monkeypatch):
    settle(PACKAGE)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(nowhere / "new" / "folder"))
    settle(nowhere)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    monkeypatch.setenv("HOME", str(nowhere))
    monkeypatch.setenv("LOCALAPPDATA", str(nowhere))
    settle(nowhere)
    assert os.environ["NUMBA_CACHE_DIR"] == ""
    assert not (nowhere / "new").exists()


def test_without_any_folder_a_temporary_one_is_named(nowhere):
    settle(nowhere)
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir()
    assert str(folder) == numba.config.CACHE_DIR
    folder.rmdir()


def test_without_even_a_temporary_folder_nothing_fails(nowhere, monkeypatch):
    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr(compiling.tempfile, "mkdtemp", refuse)
    settle(nowhere)
    assert os.environ["NUMBA_CACHE_DIR"] == ""


def test_kernels_work_where_no_cache_can_be_written(nowhere):
    # numba refuses to define a kernel there ("no locator available")
    package = nowhere / "emergent_stats"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "importers"))
    for folder in [package, *(f for f in package.rglob("*") if f.is_dir())]:
        (folder / "__pycache__").write_text("")
    code = (
        "import os\n"
        "from emergent_stats.evidence import outer\n"
        "kept = outer._place.stats.cache_path\n"
        "print(outer.__file__, os.environ['NUMBA_CACHE_DIR'], kept, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=nowhere,
        env={**os.environ, "PYTHONPATH": str(nowhere)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    file, named, kept = done.stdout.splitlines()
    assert package in Path(file).parents
    assert Path(named) in Path(kept).parents
    assert not Path(named).exists()  # gone with the process


def test_kernels_that_other_sources_made_are_thrown_away(tmp_path):
    for name in compiling.HOLDING:
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.py").write_text("one = 1\n")
    forget_stale(tmp_path)
    first, second = (tmp_path / name / "__pycache__" for name in compiling.HOLDING)

    def kept(folder):
        return sorted(path.name for path in folder.iterdir() if path.name != "kernels.txt")

    for folder in (first, second):
        for name in ("one.f-1.py313.nbi", "one.f-1.py313.1.nbc", "one.cpython-313.pyc"):
            (folder / name).write_text("")
    forget_stale(tmp_path)
    assert len(kept(first)) == len(kept(second)) == 3
    # a kernel may call those of every other module
    (tmp_path / compiling.HOLDING[0] / "one.py").write_text("one = 1.5\n")
    forget_stale(tmp_path)
    assert kept(first) == kept(second) == ["one.cpython-313.pyc"]


def test_folders_that_cannot_hold_kernels_are_no_error(tmp_path):
    (tmp_path / compiling.HOLDING[0]).mkdir()
    (tmp_path / compiling.HOLDING[0] / "__pycache__").write_text("")
    forget_stale(tmp_path)


def test_kernels_stand_where_stale_ones_are_looked_for():
    holding = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if "numba import njit" in path.read_text("utf-8")
    }
    assert holding == set(compiling.HOLDING)
