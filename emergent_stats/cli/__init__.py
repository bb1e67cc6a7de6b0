"""The command line, and what it prints."""

from emergent_stats.cli.commands import main

__all__ = ["main"]
