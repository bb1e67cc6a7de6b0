"""What every `build.py` here shares: reading upstream files, and writing the table of a study.

`python data/<study>/build.py [SOURCES]` builds one study, `python data/build.py`
all. SOURCES is the folder with the published files, one folder a source; by
default the folder ``shared/sources`` beside the checkout. A build is a function
of the upstream files alone: the same files give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import math
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parent
SOURCES = DATA.parents[1] / "shared" / "sources"
sys.path.insert(0, str(DATA.parent))

from emergent_stats.results.corpus import COLUMNS, ResultsError, stored, validate  # noqa: E402

#: Last part of `source.toml`, written by the build: the files that were read. Version
#: control shows when it changes, and a test compares it with the publisher's sums.
FILES_HEADER = "\n[files]\n"


class Upstream:
    """One folder of published files; remembers what was read from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "raw"
        self.hashes: dict[str, str] = {}

    def bytes(self, path: str) -> bytes:
        """Content of a file, noted as used."""
        data = (self.folder / path).read_bytes()
        self.hashes[path] = hashlib.sha256(data).hexdigest()
        return data

    def text(self, path: str) -> str:
        """Content as text, without a byte-order mark."""
        return self.bytes(path).decode("utf-8-sig")

    def json(self, path: str) -> Any:
        """Content as JSON (bare NaN allowed)."""
        return json.loads(self.bytes(path))

    def rows(self, path: str) -> list[dict[str, str]]:
        """Rows of a CSV as text, so that the published digits stay as printed."""
        return list(csv.DictReader(io.StringIO(self.text(path), newline="")))

    def frame(self, path: str, **options: Any) -> pd.DataFrame:
        """Content of a CSV as pandas reads it."""
        return pd.read_csv(io.BytesIO(self.bytes(path)), **options)

    def glob(self, pattern: str) -> list[str]:
        """Paths below the folder that match, sorted."""
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.glob(pattern))


def proportion(percent: str) -> float:
    """Percent as printed → proportion with exactly the printed digits."""
    return float(Decimal(percent) / 100)


def implied_n(score: float, stderr: float) -> float:
    """Examples behind a proportion and its standard error (sample variance: n − 1), or NaN."""
    if not (0.0 < score < 1.0) or not stderr > 0.0:
        return math.nan
    return score * (1.0 - score) / stderr**2 + 1.0


def training_flops(params: float, tokens: float) -> float:
    """Training compute, 6·N·D: six operations per parameter and token."""
    return 6.0 * params * tokens


def join(names: Iterable[str]) -> str | None:
    """Content of the column `assumed`."""
    return ",".join(names) or None


def table(rows: list[dict[str, Any]] | pd.DataFrame, study: str) -> pd.DataFrame:
    """Validated results table of a study; repeated rows are a mistake here."""
    frame = pd.DataFrame(rows).assign(study=study)
    unknown = set(frame.columns) - set(COLUMNS)
    assert not unknown, unknown
    valid = validate(frame, study)
    assert len(valid) == len(frame), valid.attrs["notes"]
    return valid


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Parquet of a table: the same table and library give the same bytes."""
    arrow = pa.Table.from_pandas(stored(frame), preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd", compression_level=19, write_statistics=False)
    return buffer.getvalue()


def outputs(
    study: Path, sources: Path, build: Callable[[Upstream], pd.DataFrame]
) -> dict[Path, bytes]:
    """What a study's folder should hold: its table, and `source.toml` with the files read.

    Raises
    ------
    FileNotFoundError
        If the published files of the study are not in `sources`.
    """
    toml = study / "source.toml"
    text = toml.read_text(encoding="utf-8")
    info = tomllib.loads(text)
    upstream = Upstream(sources / info["slug"])
    if not upstream.folder.is_dir():
        raise FileNotFoundError(f"{upstream.folder}: no such folder of published files")
    data = parquet_bytes(build(upstream))
    head = text.partition(FILES_HEADER)[0].rstrip("\n") + "\n"
    files = "".join(f'"{path}" = "{upstream.hashes[path]}"\n' for path in sorted(upstream.hashes))
    return {
        study / info.get("table", "results.parquet"): data,
        toml: (head + FILES_HEADER + files).encode(),
    }


def run(file: str, build: Callable[[Upstream], pd.DataFrame]) -> None:
    """Build one study: the main function of every `build.py` (`file` is its ``__file__``)."""
    parser = argparse.ArgumentParser(description="Build a study's table from published files.")
    parser.add_argument("sources", nargs="?", type=Path, default=SOURCES)
    options = parser.parse_args()
    try:
        made = outputs(Path(file).resolve().parent, options.sources, build)
    except (FileNotFoundError, ResultsError) as error:
        parser.exit(2, f"{error}\n")
    for path, data in made.items():
        put(path, data)


def put(path: Path, data: bytes) -> None:
    """Write a file in one step, if it changes."""
    if path.exists() and path.read_bytes() == data:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
