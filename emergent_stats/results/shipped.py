"""Where the shipped studies are and what they are called; loads nothing heavy: a shell waits."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path


def data_dir() -> Path:
    """Folder of the shipped studies: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "_data"
    return installed if installed.is_dir() else here.parent / "data"


def names() -> list[str]:
    """Names of the shipped studies, in order."""
    return sorted(path.parent.name for path in data_dir().glob("*/source.toml"))


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Hint at the names that are like `word` or hold it, whatever the case; empty if none does.

    Examples
    --------
    >>> did_you_mean("lambda", ["LAMBADA", "PIQA"]), did_you_mean("xyz", ["PIQA"])
    ("did you mean 'LAMBADA'? ", '')
    """
    lower = {name.casefold(): name for name in known}
    wanted = word.casefold().strip("*")
    close = difflib.get_close_matches(wanted, lower, 3, 0.6)
    close += [name for name in lower if len(wanted) > 1 and wanted in name and name not in close]
    return f"did you mean {' or '.join(repr(lower[n]) for n in close[:3])}? " if close else ""
