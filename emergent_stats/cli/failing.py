"""What goes wrong, as one message on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import NoReturn


@contextmanager
def told() -> Iterator[None]:
    """End with a message: status 2 for bad input, 1 where this machine fails."""
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal of few letters shows ? for the others
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except ValueError as error:
        from emergent_stats.results.files import ResultsError

        if not isinstance(error, ResultsError):
            raise
        end(str(error), 2)
    except (MemoryError, ImportError, RuntimeError) as error:
        scarce = "failed to map" in str(error) or "can't start new thread" in str(error)
        if not (scarce or isinstance(error, MemoryError)):
            raise
        end("out of memory; choose fewer series, or --jobs 1", 1)
    except OSError as error:  # what is printed cannot be, on a full disk or to a program that left
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # `| head` has seen enough
            sys.exit(1)
        what = error.filename or "what was to be printed is not complete"
        end(f"{what}: {error.strerror or error}", 1)


def end(words: str, status: int) -> NoReturn:
    """Say `words` on stderr, and end."""
    from emergent_stats.cli.tables import printable

    print(f"emergent-stats: {printable(words)}", file=sys.stderr)
    sys.exit(status)
