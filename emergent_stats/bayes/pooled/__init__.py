"""Many tasks in one model, and the sampler of its own that it needs."""
