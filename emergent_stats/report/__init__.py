"""Pages to hand on: one file, nothing fetched."""
