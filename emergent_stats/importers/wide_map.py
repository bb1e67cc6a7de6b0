"""A map of a wide table with all that can be said in one: the help prints it, a test runs it."""

from __future__ import annotations

EXAMPLE = """\
study = "my-paper"
model = "Model"                 # column with the models' names
[axes]                          # { column, unit }: 1e9 for billions
params = { column = "Params (B)", unit = 1e9 }
tokens = "Tokens"               # a column alone: in single tokens
date = "Released"               # dates are ISO: 2024-05-13
[tasks]                         # /100: a percentage
"GSM8K" = "exact_match/100"     # else { metric, chance, n, shots }
"MMLU" = { metric = "multiple_choice", chance = 0.25, n = 500, shots = 5 }
"""
