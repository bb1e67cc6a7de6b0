"""Packages that only some formats need: imported late, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from emergent_stats.results.files import ResultsError


def require(module: str, extra: str, what: str) -> Any:
    """Module of the optional dependency `extra`, which `what` needs.

    Raises
    ------
    ResultsError
        If it is not installed, or is another version than this needs.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ResultsError(
            f"{what} needs {module.partition('.')[0]}, which cannot be imported ({error}); "
            f"install it with: pip install 'emergent_stats[{extra}]'"
        ) from None
