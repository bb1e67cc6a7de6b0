"""The same hypotheses sampled with PyMC; nothing else here knows PyMC or ArviZ."""
