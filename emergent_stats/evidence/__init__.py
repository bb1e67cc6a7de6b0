"""Log evidence of a hypothesis, with its error."""
