"""Made-up curves with their truth, and what a design could decide by simulation."""
