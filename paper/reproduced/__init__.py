"""The four parts of `paper/reproductions.py`: what is computed, drawn and said of each."""
