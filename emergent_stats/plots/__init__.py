"""Figures and their one look; nothing else here knows matplotlib."""
