"""How results show in a notebook, and that long work shows at all.

Nothing imports upward: the package's door says with `drawn_by` which function draws a result,
and it is loaded when a notebook asks for the picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

_DRAWN_BY: dict[str, str] = {}
#: Seconds between two words of progress, and work so short that it needs none (pieces).
_EVERY, _SHORT = 1.0, 8


def drawn_by(result: str, function: str) -> None:
    """Have results of a class drawn by a function, ``module:name``, that gives SVG."""
    _DRAWN_BY[result] = function


def picture(result: Any) -> str:
    """Picture of a result as an <svg> element; empty where nothing is known to draw it."""
    module, _, name = _DRAWN_BY.get(type(result).__name__, "").partition(":")
    return getattr(import_module(module), name)(result) if module else ""


def default_progress(pieces: int, unit: str = "series") -> Callable[[int, int], None] | None:
    """Progress that is told where nobody asked for another: in a notebook, and of long work.

    A line on stderr that rewrites itself, gone when the work is done. None elsewhere: programs
    have their own, and the command line its bar.
    """
    if pieces <= _SHORT or "ipykernel" not in sys.modules:
        return None
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done == total:
            last = now
            words = f"\r{done:,} of {total:,} {unit}"
            sys.stderr.write(words if done < total else "\r" + " " * len(words) + "\r")
            sys.stderr.flush()

    return tell
