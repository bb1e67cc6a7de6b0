"""`README.md` of the data folder, from the `source.toml` files and the tables."""

from __future__ import annotations

import buildtools as tools
import pyarrow.parquet as pq

from emergent_stats.results.corpus import COLUMNS, about, citation, load, studies

HEAD = """# The corpus

<!-- Written by data/build.py from the source.toml files: edit those, then run `make data`. -->

Published scaling results as one tidy table per study. Only derived tables of facts are here, with
their source cell by cell; the published files are not. `emergent-stats studies` lists them,
`emergent_stats.load("gpt3")` reads one.

`build.py` in each folder makes the table from the published files, `source.toml` says where these
are from (commit, licence, sha256 of every file read) and how each number was obtained, and
`python data/build.py --check` compares. `models.csv` gives parameters, tokens and FLOPs of models
by name, each with its source.
"""


def readme() -> str:
    """The whole text."""
    listed = studies().set_index("study")
    parts = [HEAD, "## Studies\n", *overview(listed), "\n## Columns\n", *columns()]
    for name in listed.index:
        parts += ["", *entry(name, listed.loc[name])]
    return "\n".join(parts) + "\n"


def overview(listed) -> list[str]:
    """One line a study."""
    lines = ["| study | series | rows | axes | metrics | licence |", "|---|--:|--:|---|---|---|"]
    for name, row in listed.iterrows():
        lines.append(
            f"| [`{name}`](#{name}) | {row['series'] or '–'} | {row['rows'] or '–'} "
            f"| {row['axes'] or '–'} | {row['metrics'] or 'claims'} | {row['licence']} |"
        )
    return lines


def columns() -> list[str]:
    """What the columns mean."""
    lines = ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {dtype} | {text} |" for name, (dtype, text) in COLUMNS.items()]
    return lines


def entry(name: str, row) -> list[str]:
    """Everything about one study."""
    info = about(name)
    lines = [f"## {name}", "", info["summary"], "", f"*{citation(info)}*", ""]
    lines += [f"- Also: {text}" for text in info.get("also", ())]
    if "repository" in info:
        lines.append(
            f"- Files: `{info['repository']}` at commit `{info['commit'][:12]}` "
            f"({info['commit_date']}), {len(info['files'])} read"
        )
    else:
        lines.append(f"- Files: {len(info['files'])} transcribed tables")
    lines.append(f"- Licence: {info['licence']}")
    lines.append(f"- Series: {info['series']}")
    titles = (("obtained", "How obtained"), ("traps", "Traps"), ("left_out", "Left out"))
    for key, title in titles:
        if key in info:
            lines += ["", f"**{title}**", ""]
            lines += [f"- *{topic.replace('_', ' ')}*: {text}" for topic, text in info[key].items()]
    return [*lines, "", "**First rows**", "", *first_rows(name, info)]


def first_rows(name: str, info: dict) -> list[str]:
    """Three rows of the table, without columns that are empty in all of it."""
    if "table" in info:
        frame = pq.read_table(tools.DATA / name / info["table"]).to_pandas()
    else:
        frame = load(name).drop(columns="study")
    frame = frame.dropna(axis=1, how="all").drop(columns="source")
    lines = [
        "| " + " | ".join(frame.columns) + " |",
        "|" + "---|" * len(frame.columns),
    ]
    for record in frame.head(3).itertuples(index=False):
        cells = (cell(value) for value in record)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def cell(value) -> str:
    """One value, short."""
    if value is None or str(value) in ("nan", "<NA>", "None"):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
