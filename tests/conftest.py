"""For all tests: profiles of hypothesis, and no word of compiling.

Profiles: no deadlines, and by default the same examples each run.
A busy machine makes nothing fail: no example has a deadline, and slowly drawn data are no
complaint. The profiles "default" and, where the variable CI is set, "ci" (the names that
hypothesis itself loads) take their examples from the test alone, so that a run says of a commit
what the run before said. New examples are sought on purpose, with
``--hypothesis-profile search``; `make test-slow` does that.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings

_UNHURRIED = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _UNHURRIED, derandomize=True, database=None)
settings.register_profile("ci", _UNHURRIED, derandomize=True, database=None)
settings.register_profile("search", _UNHURRIED, max_examples=1000)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Pictures are compared with their baselines in every run (pytest-mpl)."""
    config.option.mpl = True


def pytest_collection_finish():
    """What was imported and collected stays: the collector of garbage need not look at it again.

    And what a test leaves behind is looked at seldom (a twentieth of the processor time).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)


@contextmanager
def _unwatched(*_: object) -> Iterator[None]:
    yield


@pytest.fixture(autouse=True)
def said_already(monkeypatch):
    """What is printed is that of any run but the first, in a fresh clone too."""
    monkeypatch.setattr("emergent_stats.model.compiling.watched", _unwatched)
