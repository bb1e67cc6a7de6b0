"""Write the table of verdicts that the paper rests on: one row a series, and what would decide it.

All shipped studies take about 45 minutes on one core; the table is kept in the repository, and
`make paper` does not write it again.

Run with `python paper/judged.py [--study gpt3 …] [--jobs N]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from emergent_stats.cli import listing
from emergent_stats.report.atlas.site import scored_studies
from emergent_stats.results.corpus import load
from emergent_stats.results.files import write_table
from emergent_stats.results.selection import curves
from emergent_stats.verdict.comparison import what_would_decide
from emergent_stats.verdict.judge import compare_all

TABLE = Path(__file__).parent / "verdicts.parquet"


def main() -> None:
    """Compare the series of all studies, study by study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", action="append", help="only this study; can be repeated")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--out", type=Path, default=TABLE)
    given = parser.parse_args()
    tables = []
    for study in given.study or scored_studies():
        with listing.progress(study) as report:
            found = compare_all(curves(load(study)), jobs=given.jobs, progress=report)
        table = found.frame()
        table["to_decide"] = pd.array([what_would_decide(c) or None for c in found], dtype="str")
        tables.append(table)
        print(f"{study}: {len(found):,} series", flush=True)
    write_table(pd.concat(tables, ignore_index=True), given.out)


if __name__ == "__main__":
    main()
