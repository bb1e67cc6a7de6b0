"""Reading files that somebody else's tool wrote: with limits, and one kind of error.

Evaluation tools write bare NaN, crash in the middle of a file, and are shared as
folders downloaded from anywhere. Here, once for all importers: which files of a
folder are read (none outside of it), how large they may be, and JSON in which a
key that stands twice is an error and not a silent choice. Every failure is a
`ResultsError` that names the file and the line.
"""

from __future__ import annotations

import fnmatch
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emergent_stats.importers.report import Notes
from emergent_stats.results.files import ResultsError, parse_json, readable

#: Largest JSON document and largest line of a JSONL file, in bytes.
MAX_DOCUMENT = 512 * 2**20
MAX_LINE = 32 * 2**20
#: Most that a zip archive may hold unpacked, and how many times its own size.
MAX_UNPACKED = 4 * 2**30
MAX_RATIO = 500
#: A file smaller than this when unpacked is no bomb, however well it packs.
_HARMLESS = 64 * 2**20
MAX_FILES = 200_000


def find_files(path: str | os.PathLike[str], patterns: tuple[str, ...], notes: Notes) -> list[Path]:
    """Files to read: `path` itself, or every file under it whose name fits a pattern.

    None is an error. A link that leads out of the folder is not followed, and one that stays
    inside is not needed (its target is read where it lies): both are noted as dropped.
    """
    root = Path(path)
    if root.is_file():
        return [root]
    if not root.exists():
        raise ResultsError(f"{root}: no such file or folder; check the name")
    if not root.is_dir():
        raise ResultsError(f"{root}: is neither a file nor a folder; name one of the two")
    found: list[Path] = []
    inside = root.resolve()

    def unread(error: OSError) -> None:
        with readable(error.filename):
            raise error

    for folder, folders, names in os.walk(root, onerror=unread):
        folders.sort()
        for name in sorted([*names, *folders]):
            entry = Path(folder, name)
            fits = any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
            if entry.is_symlink():
                if fits or name in folders:
                    away = inside not in (target := entry.resolve()).parents and target != inside
                    why = "a link that leads out of the folder" if away else "a link"
                    notes.drop(str(entry), f"{why}; copy the file itself here to have it read")
            elif fits and name not in folders and entry.is_file():
                found.append(entry)
        if len(found) > MAX_FILES:
            raise ResultsError(
                f"{root}: holds more than {MAX_FILES:,} files to read; import its parts one by one"
            )
    if not found:
        raise ResultsError(f"{root}: no file in it is named {' or '.join(patterns)}")
    return found


def shown(file: Path, root: Path) -> str:
    """Name of a file in a report: below the folder `root` that is imported, or its own."""
    return str(file.relative_to(root)) if root.is_dir() else file.name


def read_json(path: Path) -> Any:
    """One JSON document, refused if it is too large, cut short, or has a key twice in one object.

    NaN and Infinity are let through as floats, for the importer to judge.
    """
    size = _size(path)
    if size > MAX_DOCUMENT:
        raise ResultsError(
            f"{path}: is {size / 2**20:,.0f} MB, above the limit of {MAX_DOCUMENT / 2**20:,.0f} MB "
            "for one JSON document; split it, or leave the per-sample records out"
        )
    with readable(path):
        return parse_json(path.read_bytes(), str(path))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a JSONL file that are not blank and no longer than `MAX_LINE`, numbered from 1."""
    _size(path)
    with readable(path), open(path, "rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise ResultsError(
                    f"{path}, line {number}: is longer than {MAX_LINE / 2**20:.0f} MB, more "
                    "than the record of one example; does the file have its line breaks?"
                )
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
            if not line.isspace():
                yield number, line


def check_zip(path: Path) -> None:
    """Refuse an archive that is none, or that unpacks to more than anyone logs."""
    packed = _size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ResultsError(
            f"{path}: cannot be opened as a zip archive ({error}); it is cut short or something "
            "else: copy it again"
        ) from None
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED or (total > _HARMLESS and total > MAX_RATIO * max(packed, 1)):
        raise ResultsError(
            f"{path}: {packed / 2**20:,.1f} MB unpack to {total / 2**20:,.0f} MB, which looks like "
            f"a zip bomb (limits: {MAX_UNPACKED / 2**20:,.0f} MB and {MAX_RATIO} times its size); "
            "it was not opened"
        )


def _size(path: Path) -> int:
    with readable(path):
        if not path.is_file():
            raise ResultsError(f"{path}: is not a regular file; name the file to read")
        return path.stat().st_size
