"""Packages of other formats' own authors, imported when they are needed and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from emergent_stats.results.files import ResultsError


def require(module: str, package: str, extra: str) -> Any:
    """Module of an optional package.

    Raises
    ------
    ResultsError
        If the package is not installed, or is another version than this needs.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ResultsError(
            f"this format is read by its own package, {package}, which cannot be imported "
            f"({error}); install it with: pip install 'emergent_stats[{extra}]'"
        ) from None


def first_line(error: BaseException) -> str:
    """Message of a foreign exception in one line, short enough for a report."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
