"""Hostile files: bytes become choices, and choices tables, cells and mangled files."""

from __future__ import annotations

import json
from typing import Any

HOSTILE = (
    "", " ", "nan", "-", "=1+1", "@SUM(A1)", "\x1b[31mred", "[bold]x[/bold]", "<script>", "../../x",
    "a" * 300, "\ud800", "\u202etxt", "\0", "1e999", "1,5", "10,000", "1_0", "0x10", "٣", "½",
    "1e-400", "2024-02-30", "9999-12-31", "0001-01-01", "2024-05-13T12:00:00Z", "exact_match",
    "multiple_choice", "brier", "perplexity", "acc,none", "T=0", "70m", "7b",
)  # fmt: skip
EXTREMES = (
    0, 1, -1, 2, 0.5, 1e-9, 0.9999999, 45.0, 100, 1e3, 1e9, 1e15, 2**53, 2**63, -(2**63), 10**400,
    1.7e308, -1.7e308, 5e-324, 1e-300, float("nan"), float("inf"), float("-inf"), True, False, None,
)  # fmt: skip
_COLUMNS = (
    "study", "family", "model", "task", "metric", "params", "tokens", "flops", "step", "loss",
    "date", "score", "n", "stderr", "chance", "answer_tokens", "shots", "seed", "source", "assumed",
)  # fmt: skip


class Draw:
    """Choices that bytes stand for; where they run out, the first of everything."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def below(self, count: int) -> int:
        """A whole number from 0 to below `count`."""
        size = 1 if count <= 256 else 4
        found = int.from_bytes(self.data[self.at : self.at + size], "little")
        self.at += size
        return found % max(count, 1)

    def one_of(self, values: Any) -> Any:
        """One of the values."""
        return values[self.below(len(values))]

    def bytes(self) -> bytes:
        """Up to 23 bytes as they stand."""
        size = self.below(24)
        self.at += size
        return self.data[self.at - size : self.at]

    def value(self) -> Any:
        """A value that a file may hold and nobody expects."""
        kind = self.below(8)
        if kind < 3:
            return self.one_of(HOSTILE)
        if kind < 6:
            return self.one_of(EXTREMES)
        if kind == 6:
            return self.bytes().decode("utf-8", "replace")
        return self.one_of([[], {}, [1], {"a": None}, [[]], ["x"] * 3, self.below(10**6) / 10**6])


# --- mangling ----------------------------------------------------------------------------
def place(value: Any, draw: Draw) -> tuple[Any, Any]:
    """A place in a JSON value, as what holds it and its key there; None where nothing is."""
    holder, key = None, None
    while isinstance(value, dict | list) and value and (holder is None or draw.below(5)):
        holder, key = (
            value,
            draw.one_of(list(value) if isinstance(value, dict) else range(len(value))),
        )
        value = holder[key]
    return holder, key


def mangled_json(text: bytes, draw: Draw) -> bytes:
    value = json.loads(text)
    for _ in range(1 + draw.below(4)):
        (inner, key), how = place(value, draw), draw.below(6)
        if inner is None:
            break
        if how == 0:
            del inner[key]
        elif how == 1 and isinstance(inner, dict):
            inner[str(draw.value())] = inner.pop(key)
        elif how == 2 and isinstance(inner, list):
            inner.append(inner[key])
        else:
            inner[key] = draw.value()
    return json.dumps(value).encode()


def mangled_cells(text: bytes, draw: Draw) -> bytes:
    rows = [line.split(b",") for line in text.splitlines()]
    for _ in range(1 + draw.below(5)):
        row = draw.one_of(rows)
        cell = str(draw.value()).encode("utf-8", "replace")
        row[draw.below(len(row))] = b'"' + cell + b'"' if draw.below(4) == 0 else cell
    return draw.one_of([b"\n", b"\r\n"]).join(b",".join(row) for row in rows)


def mangled_bytes(text: bytes, draw: Draw) -> bytes:
    for _ in range(1 + draw.below(4)):
        at, length, how = draw.below(len(text) + 1), draw.below(32), draw.below(4)
        if how == 3:
            text = text[:at]
        else:
            new = (b"", draw.bytes(), text[at : at + length] * 3)[how]
            text = text[:at] + new + text[at + length :]
    return text


def mangled(text: bytes, name: str, draw: Draw) -> bytes:
    if draw.below(4) == 0:
        return mangled_bytes(text, draw)
    if name.endswith(".json"):
        return mangled_json(text, draw)
    if name.endswith(".jsonl"):
        lines = text.splitlines()
        for _ in range(1 + draw.below(3)):
            at = draw.below(len(lines))
            try:
                lines[at] = mangled_json(lines[at], draw)
            except ValueError:
                lines[at] = mangled_bytes(lines[at], draw)
        return b"\n".join(lines)
    if name.endswith(".csv"):
        return mangled_cells(text, draw)
    lines = text.splitlines()
    at = draw.below(len(lines))
    key, _, _ = lines[at].partition(b"=")
    lines[at] = key + b"= " + json.dumps(draw.value()).encode()
    return b"\n".join(lines)


def table(draw: Draw, sound: bool = False) -> list[dict[str, Any]]:
    """Rows of a results table: mostly as they should be, some cells of anything."""
    metric = draw.one_of(["exact_match", "multiple_choice", "perplexity", "brier", "f1", "bleu"])
    models, tasks = 1 + draw.below(9), 1 + draw.below(1 if sound else 2)
    rows = []
    for task in range(tasks):
        for i in range(models):
            share = draw.below(1001) / 1000
            rows.append({
                "study": "s", "family": "f", "model": f"m{i}", "task": f"t{task}",
                "metric": metric, "params": 10.0 ** (6 + i * (1 + draw.below(3)) / 2),
                "score": 1 / max(share, 1e-3) if metric == "perplexity" else share,
                "n": (1 + draw.below(10**4)) if metric in ("exact_match", "f1") else None,
                "chance": 0.25 if metric == "multiple_choice" else None,
            })  # fmt: skip
    for _ in range(draw.below(3 if sound else 6)):
        draw.one_of(rows)[draw.one_of(_COLUMNS)] = draw.value()
    return rows


def as_file(rows: list[dict[str, Any]], form: str, draw: Draw) -> bytes:
    import io

    import pandas as pd

    if form == "json":
        content = json.dumps(rows).encode()
    elif form == "csv":
        separator = draw.one_of([",", ";", "\t"])
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [[str("" if row.get(n) is None else row[n]) for n in names] for row in rows]
        text = "\n".join(separator.join(cells) for cells in [names, *lines])
        content = text.encode("utf-8", "replace")
    else:
        buffer = io.BytesIO()
        try:
            pd.DataFrame(rows).to_parquet(buffer)
        except Exception:  # columns of several types: Parquet cannot hold them
            text = [{name: v and ascii(v) for name, v in row.items()} for row in rows]
            pd.DataFrame(text, dtype="str").to_parquet(buffer)
        content = buffer.getvalue()
    return mangled_bytes(content, draw) if draw.below(3) == 0 else content
