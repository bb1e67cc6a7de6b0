"""Machine code of the kernels: a place to keep it, and a word when it has to be made.

Numba compiles a kernel at its first call and keeps the code beside the sources,
or else in the user's cache. Three things are added here. Where it could write to
neither it would refuse to work at all; then the code goes to a temporary folder
that lives as long as the process. Code kept beside the sources that other sources
made is thrown away. And the first run after an installation, which takes half a
minute longer than the ones that follow, says so.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Where numba is told to keep its files; set by the user, or by `settle`.
VARIABLE = "NUMBA_CACHE_DIR"
WORDS = "compiling kernels, once after installation (about 30 s)"
WORDS_EACH_RUN = (
    f"compiling kernels (about 30 s), on every run: no folder to keep them can be written; "
    f"name one in {VARIABLE}"
)

#: Folders of the package whose modules hold kernels.
HOLDING = ("model", "evidence")

#: The folder that `settle` made for this process, if it had to.
_temporary: str | None = None


def settle(package: Path = Path(__file__).parent) -> None:
    """Name numba a temporary folder, if none of those it tries can be written.

    To be called before the first kernel is defined: numba looks for a folder then.
    """
    global _temporary
    if any(_writable(folder) for folder in _folders(package)):
        return
    try:
        _temporary = tempfile.mkdtemp(prefix="emergent_stats-")
    except OSError:  # nowhere at all: numba says so where a kernel is needed
        return
    atexit.register(shutil.rmtree, _temporary, ignore_errors=True)
    os.environ[VARIABLE] = _temporary
    if "numba" in sys.modules:  # it has read the variable already
        sys.modules["numba"].config.CACHE_DIR = _temporary  # type: ignore[attr-defined]


def forget_stale(root: Path = Path(__file__).parents[1]) -> None:
    """Throw away kernels, kept beside the sources under `root`, that other sources made.

    Numba compares a kernel with its own module. But kernels call those of other modules, and what
    they are given may have moved: then old code runs, or cannot even be read.
    """
    folders = [root / name for name in HOLDING]
    sources = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    now = "".join(f"{p.name} {(s := p.stat()).st_mtime_ns} {s.st_size}\n" for p in sources)
    for kept in (folder / "__pycache__" for folder in folders):
        stamp = kept / "kernels.txt"
        try:
            if stamp.exists() and stamp.read_text("utf-8") == now:
                continue
            kept.mkdir(exist_ok=True)
            for old in kept.glob("*.nb[ic]"):
                old.unlink(missing_ok=True)
            stamp.write_text(now, "utf-8")
        except OSError:  # not ours to write: nor are its kernels kept here
            continue


def _folders(package: Path) -> Iterator[Path]:
    """Folders that numba tries, in its order."""
    if given := os.environ.get(VARIABLE):
        yield Path(given)
    yield package / "__pycache__"
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        yield home / "Library" / "Caches" / "numba"
    else:
        yield Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "numba"


def _writable(folder: Path) -> bool:
    """Whether files can be put into `folder`, which is made if it is not there."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


@contextmanager
def watched(began: Callable[[str], None], ended: Callable[[], None]) -> Iterator[None]:
    """Call `began` with words for a person when a kernel begins to be compiled, `ended` after it.

    Kernels that are found compiled call nothing. A kernel that compiles others
    on its way counts once, from its begin to its end.
    """
    from numba.core import event

    class Watch(event.Listener):
        depth = 0

        def on_start(self, event: Any) -> None:
            if _ours(event):
                self.depth += 1
                if self.depth == 1:
                    began(WORDS if _temporary is None else WORDS_EACH_RUN)

        def on_end(self, event: Any) -> None:
            if _ours(event):
                self.depth -= 1
                if self.depth == 0:
                    ended()

    with event.install_listener("numba:compile", Watch()):
        yield


def _ours(event: Any) -> bool:
    """Whether an event is about a kernel of this package."""
    module = event.data["dispatcher"].py_func.__module__ or ""
    return module.partition(".")[0] == __name__.partition(".")[0]
