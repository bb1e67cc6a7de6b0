"""The results table: columns, checks, files, the studies that ship."""
