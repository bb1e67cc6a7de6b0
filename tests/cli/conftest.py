"""What the tests of the command line share."""

import sys

import pytest

from emergent_stats.cli import commands


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process: (exit status, stdout, stderr)."""

    def call(*words, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["emergent-stats", *map(str, words)])
        status = 0
        try:
            commands.main()
        except SystemExit as stop:
            status = stop.code or 0
        return (status, *capsys.readouterr())

    return call
