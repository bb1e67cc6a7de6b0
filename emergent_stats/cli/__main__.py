"""`python -m emergent_stats.cli` is the command line."""

from emergent_stats.cli.commands import main

main()
