"""The repository: no address of a registry, no path of one machine, a lock that fits."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
IGNORED = {
    *(".git", ".venv", ".tools", ".hypothesis", ".pytest_cache", ".ruff_cache"),
    *("__pycache__", "demo", "dist", "build"),
}

# Put together from pieces, so that this file does not contain what it looks for.
REGISTRY = re.compile(
    rb"https?://[^\s\"'<>]+/(?:simple|packages)/|\bpypi" + rb"\.org|pythonho" + rb"sted"
)
MACHINE = re.compile(rb"(?<![\w.~$}/-])/(?:work|root|tmp|home/\w+|Users/\w+)" + rb"/")


def tracked_files() -> list[Path]:
    """Files under version control; in an unpacked release, every file that is not generated."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        )
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
        return [path for path in paths if path.is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not IGNORED & set(path.relative_to(ROOT).parts)
    ]


def offenders(pattern: re.Pattern[bytes]) -> list[str]:
    found = []
    for path in tracked_files():
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group().decode()}")
    return found


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


#: Extras that bring another tool's whole environment; the tests that need them skip without them.
UNLOCKED_EXTRAS = {"inspect"}


def locked_extras() -> set[str]:
    """Extras that `make lock` puts into the lock; the others are installed by who needs them."""
    export = re.search(r"\$\(UV\) export .*", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert export is not None
    if "--all-extras" in export[0]:
        return set(project()["project"].get("optional-dependencies", {}))
    return set(re.findall(r"--extra (\S+)", export[0]))


def declared() -> list[Requirement]:
    """Requirements of pyproject.toml that the lock must hold: all but the extras left out."""
    table = project()
    lines = list(table["project"]["dependencies"])
    for extra in locked_extras():
        lines += table["project"]["optional-dependencies"][extra]
    for group in table.get("dependency-groups", {}).values():
        lines += [entry for entry in group if isinstance(entry, str)]
    own = canonicalize_name(table["project"]["name"])
    requirements = [Requirement(line) for line in lines]
    return [found for found in requirements if canonicalize_name(found.name) != own]


def locked() -> list[dict]:
    """Entries of the lock: name, version, number of hashes, packages that ask for it."""
    entries: list[dict] = []
    for line in (ROOT / "requirements.lock.txt").read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            name = canonicalize_name(pin[1])
            entries.append({"name": name, "version": pin[2], "hashes": 0, "via": set()})
        elif re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$", line):
            entries[-1]["hashes"] += 1
        elif entries and (via := re.match(r"    #(?: via |   )([A-Za-z0-9._-]+)", line)):
            entries[-1]["via"].add(canonicalize_name(via[1]))
    return entries


def test_the_patterns_find_what_they_are_for():
    assert REGISTRY.search(b"index-url = https://mirror.example" + b"/simple/")
    assert MACHINE.search(b"open('/ro" + b"ot/x.csv')")
    assert not MACHINE.search(b"see docs/work/notes and https://example.com/home/x")


@pytest.mark.parametrize(
    ("pattern", "what"), [(REGISTRY, "registry address"), (MACHINE, "path of one machine")]
)
def test_no_tracked_file_names(pattern, what):
    assert not offenders(pattern), f"{what}: " + "\n".join(offenders(pattern)[:20])


def test_lock_names_no_address():
    assert "://" not in (ROOT / "requirements.lock.txt").read_text(encoding="utf-8")


def test_every_locked_package_is_pinned_by_hash():
    entries = locked()
    assert len(entries) > 20
    assert [entry["name"] for entry in entries if not entry["hashes"]] == []


def test_lock_satisfies_pyproject():
    versions: dict[str, list[str]] = {}
    for entry in locked():
        versions.setdefault(entry["name"], []).append(entry["version"])
    stale = [
        f"{requirement} (locked: {', '.join(versions.get(name, [])) or 'nothing'}; run make lock)"
        for requirement in declared()
        if (name := canonicalize_name(requirement.name)) not in versions
        or not any(requirement.specifier.contains(v, prereleases=True) for v in versions[name])
    ]
    assert stale == []


def test_lock_holds_nothing_that_pyproject_no_longer_asks_for():
    own = canonicalize_name(project()["project"]["name"])
    asked = {canonicalize_name(requirement.name) for requirement in declared()}
    entries = locked()
    known = {entry["name"] for entry in entries}
    orphans = [e["name"] for e in entries if e["name"] not in asked and not e["via"] & known]
    assert orphans == []
    assert {entry["name"] for entry in entries if own in entry["via"]} <= asked


def test_the_uv_that_builds_the_environment_is_in_the_lock():
    assert "uv" in {entry["name"] for entry in locked()}


def test_make_lists_every_command():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony is not None
    undocumented = [
        target
        for target in phony[1].split()
        if target != "help" and not re.search(rf"^{target}:.*## \S", makefile, re.M)
    ]
    assert undocumented == []
