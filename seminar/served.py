"""What marimo needs where other threads import, too: its pages run while all else is warmed."""

from __future__ import annotations

import importlib
from typing import Any

import marimo._output


def _part(name: str) -> Any:
    """A module of marimo's that another thread is importing: wait for it.

    After every cell marimo closes figures, once matplotlib is there. The thread that warms PyMC
    imports it, and until that import had ended a click in a page was lost.
    """
    if name == "mpl":
        return importlib.import_module("marimo._output.mpl")
    raise AttributeError(name)


vars(marimo._output)["__getattr__"] = _part
