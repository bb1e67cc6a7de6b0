"""The atlas: every series with its verdict, as pages that are opened from a folder."""
