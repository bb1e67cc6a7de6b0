"""What a score is made of: priors, trends, metrics, noise, and a curve to hold them against."""
