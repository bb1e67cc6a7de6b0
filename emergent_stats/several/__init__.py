"""Several metrics of the same outputs, or several seeds, at once."""
