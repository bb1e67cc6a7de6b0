"""Independent pieces of work on all cores, with progress; the order of results is that given."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock


class Progress:
    """Counts work done and work still to do, from several threads."""

    def __init__(self, callback: Callable[[int, int], None] | None, total: int):
        self._callback, self._done, self._total, self._lock = callback, 0, total, Lock()
        self(0)

    def more(self, count: int) -> None:
        """Announce that more has turned out to be needed."""
        with self._lock:
            self._total += count

    def __call__(self, count: int) -> None:
        """Report what has been done since the last call."""
        if self._callback is None:
            return
        with self._lock:
            self._done += count
            self._callback(self._done, self._total)


def workers(jobs: int | None) -> int:
    """Number of threads: `jobs`, or one per core."""
    return max(jobs or os.cpu_count() or 1, 1)


def each[T, R](items: Sequence[T], work: Callable[[T], R], jobs: int | None = None) -> list[R]:
    """Return `work(item)` of every item, in order; an error stops what has not begun."""
    count = min(workers(jobs), len(items))
    if count < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
