"""Build every study, the table of models and the README of this folder.

    python data/build.py [SOURCES] [--study NAME] [--check]

SOURCES is the folder of published files, one folder a source. With --study only that study is built
(a folder here with `build.py` and `source.toml`). With --check nothing is written; the exit status
is 1 if a file would change.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import buildmodels
import buildreadme
import buildtools as tools


def everything(sources: Path, only: str | None = None) -> dict[Path, bytes]:
    """Every built file of the data folder with its content, or those of one study."""
    made: dict[Path, bytes] = {}
    studies = {toml.parent.name: toml.parent for toml in sorted(tools.DATA.glob("*/source.toml"))}
    if only is not None and only not in studies:
        raise tools.ResultsError(
            f"no study {only!r}: data/{only}/ needs build.py and source.toml; "
            f"there are {', '.join(studies)}"
        )
    for name, study in studies.items():
        if only not in (None, name):
            continue
        spec = importlib.util.spec_from_file_location(f"build_{study.name}", study / "build.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made |= tools.outputs(study, sources, module.build)
    if only is None:
        made[tools.DATA / "models.csv"] = buildmodels.csv_bytes(sources)
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Build the corpus from published files.")
    parser.add_argument("sources", nargs="?", type=Path, default=tools.SOURCES)
    parser.add_argument("--study", metavar="NAME", help="build this one only")
    parser.add_argument("--check", action="store_true", help="write nothing, report changes")
    options = parser.parse_args()
    try:
        made = everything(options.sources, options.study)
    except (FileNotFoundError, tools.ResultsError) as error:
        parser.exit(2, f"{error}\n")
    changed = [p for p, data in made.items() if not p.exists() or p.read_bytes() != data]
    if not options.check:
        for path in changed:
            tools.put(path, made[path])
    # The README lists the tables, so it comes last.
    readme = tools.DATA / "README.md"
    text = buildreadme.readme().encode()
    if not readme.exists() or readme.read_bytes() != text:
        changed.append(readme)
        if not options.check:
            tools.put(readme, text)
    for path in changed:
        print(f"{'differs' if options.check else 'wrote'}: data/{path.relative_to(tools.DATA)}")
    print(f"{len(made) + 1} files, {len(changed)} changed")
    sys.exit(1 if options.check and changed else 0)


if __name__ == "__main__":
    main()
