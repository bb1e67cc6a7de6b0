"""Other people's rules for calling a break, each with its simulated null."""
