"""What `import emergent_stats` promises: it is light, versioned, and every name is documented."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import emergent_stats

ROOT = Path(__file__).parents[1]
HEAVY = ["pymc", "pytensor", "arviz", "matplotlib", "seaborn", "nutpie", "jinja2"]


def loaded_after(code: str) -> set[str]:
    """Names in `sys.modules` of a fresh interpreter that ran the code."""
    script = f"{code}\nimport sys; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.fixture(scope="module")
def after_import() -> set[str]:
    return loaded_after("import emergent_stats")


@pytest.mark.parametrize("module", HEAVY)
def test_import_is_light(after_import, module):
    assert "emergent_stats" in after_import
    assert module not in after_import


def test_command_line_starts_light():
    loaded = loaded_after("import emergent_stats.cli")
    heavy = {*HEAVY, "numpy", "pandas", "scipy", "numba", "pyarrow", "rich.progress"}
    assert heavy & loaded == set()


def test_version_is_that_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert emergent_stats.__version__ == project["version"]
    assert f"version: {project['version']}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_public_names_exist_and_are_documented():
    assert emergent_stats.__all__
    assert set(emergent_stats.__all__) <= set(dir(emergent_stats))
    assert isinstance(emergent_stats.forecast, ModuleType)
    undocumented = [
        name
        for name in emergent_stats.__all__
        if callable(found := getattr(emergent_stats, name)) and not (found.__doc__ or "").strip()
    ]
    assert undocumented == []


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = emergent_stats.no_such_name


def test_the_wheel_brings_the_studies_and_works_outside_the_checkout(tmp_path):
    pytest.importorskip("hatchling")
    build = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"
    made = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True,
        text=True,
    ).stdout.split()[-1]  # fmt: skip
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(tmp_path / made) as wheel:
        wheel.extractall(site)
    assert {path.name.partition("-")[0] for path in site.iterdir()} == {"emergent_stats"}
    shipped = {path.parent.name for path in (ROOT / "data").glob("*/source.toml")}
    listed = subprocess.run(
        [sys.executable, "-m", "emergent_stats.cli", "studies"], cwd=elsewhere, check=True,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)},
    ).stdout.splitlines()  # fmt: skip
    assert shipped <= set(listed)
    where = "import emergent_stats.results.corpus as c; print(c.data_dir())"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=elsewhere, check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    ).stdout  # fmt: skip
    assert found.strip() == str(site / "emergent_stats" / "_data")
