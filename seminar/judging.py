"""What the page that judges a table does: read it within limits, judge a series, explain."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import pandas as pd

from emergent_stats import Comparison, Curve, ResultsError, compare, curves
from emergent_stats.results.corpus import COUNTS, FLOATS, SUFFIXES, read_table, validate

#: Bytes and rows of a table, series in it.
MOST_BYTES, MOST_ROWS, MOST_SERIES = 1_000_000, 5_000, 200
#: Seconds and bytes of memory for a verdict.
MOST_SECONDS, MOST_MEMORY = 60, 4 * 2**30
#: Look of text as it is.
PLAIN = "color:#1a1a1a;font-size:18px;white-space:pre-wrap;line-height:1.3"
#: A table to try, and to see the columns: GPT-3's few-shot 3-digit subtraction.
EXAMPLE = """params,score,metric,n
125e6,0.0005,exact_match,2000
350e6,0.001,exact_match,2000
760e6,0.0015,exact_match,2000
1.3e9,0.0035,exact_match,2000
2.7e9,0.0065,exact_match,2000
6.7e9,0.0105,exact_match,2000
13e9,0.092,exact_match,2000
175e9,0.942,exact_match,2000
"""


def read(data: bytes, name: str) -> list[Curve]:
    """Series of a table in bytes; names of study, family, task and models may be left out.

    Raises
    ------
    ResultsError
        Where it is too large, or its rows are not valid.
    """
    if len(data) > MOST_BYTES:
        raise ResultsError(
            f"the table has {len(data):,} bytes and this page takes {MOST_BYTES:,}; "
            "use the command line: emergent-stats test FILE"
        )
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ResultsError(f"{name}: use a table in {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        path.write_bytes(data)
        try:
            frame = read_table(path, decimals=FLOATS, counts=COUNTS)
        except ResultsError as error:
            raise ResultsError(str(error).replace(str(path), name)) from None
    frame.columns = [str(column).strip().lower() for column in frame.columns]
    if len(frame) > MOST_ROWS:
        raise ResultsError(f"{name}: {len(frame):,} rows; this page takes {MOST_ROWS:,}")
    for column in ("study", "family", "task"):
        if column not in frame:
            frame[column] = "pasted"
    if "model" not in frame:
        frame["model"] = pd.Series(
            [f"model {i + 1}" for i in range(len(frame))], frame.index, dtype="str"
        )
    found = curves(validate(frame, source=name))
    if len(found) > MOST_SERIES:
        raise ResultsError(f"{name}: {len(found)} series; this page takes {MOST_SERIES}")
    return found


def labels(series: list[Curve]) -> dict[str, int]:
    """Place of each series by the words it is chosen by."""
    names = ("study", "family", "task", "shots", "seed")
    return {
        f"{i + 1}. {' / '.join(str(c.key[k]) for k in names if c.key.get(k) is not None)}, "
        f"{c.metric}, {c.m} models": i
        for i, c in enumerate(series)
    }


def judge(data: bytes, name: str, place: int = 0) -> Comparison:
    """Verdict on the series at `place` of a table, by a process that ends at the limits.

    Raises
    ------
    ResultsError
        Where it takes longer or more memory than this page gives.
    """
    words = [sys.executable, __file__, name, str(place), str(MOST_MEMORY)]
    try:
        ended = subprocess.run(words, input=data, capture_output=True, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        raise ResultsError(
            f"no verdict within {MOST_SECONDS} s, and it was stopped; use the command line, "
            "which waits"
        ) from None
    if ended.returncode:
        raise ResultsError(
            f"no verdict: it was stopped at {MOST_MEMORY / 2**30:.1f} GB of memory, or failed; use "
            f"the command line. Its last words: {ended.stderr.decode(errors='replace')[-300:]}"
        )
    return Comparison.from_json(ended.stdout.decode())


def _in_process(name: str, place: str, memory: str) -> None:
    """Read a table from standard input, judge one of its series, print all as JSON."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        pass
    else:
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    found = compare(read(sys.stdin.buffer.read(), name)[int(place)])
    sys.stdout.buffer.write(found.to_json().encode())


def figure(found: Comparison) -> bytes:
    """Figure of a verdict as SVG."""
    from emergent_stats import plot_verdict
    from emergent_stats.plots import style

    # inches that leave its smallest type 18 pixels where a window of 1280 shows the page
    screen = style.Preset(5.1, 1.0)
    with style.preset(screen), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verdict.svg"
        style.save(plot_verdict(found), path)
        return path.read_bytes()


def shown(found: Comparison, svg: bytes) -> str:
    """Verdict and figure as HTML; an <img> runs nothing that a name might hold."""
    from emergent_stats.verdict.words import with_kind

    source = base64.b64encode(svg).decode()
    return (
        f"<h2 style='font-size:30px'>{escape(with_kind(found.verdict, found.kind))}</h2>"
        f"<p style='font-size:20px'>{escape(found.reason)}</p>"
        f"<img alt='{escape(found.summary)}' style='width:100%' "
        f"src='data:image/svg+xml;base64,{source}'>"
    )


def report(found: Comparison, svg: bytes) -> bytes:
    """One page to hand on: verdict, probabilities, figure and notes; it fetches nothing."""
    from emergent_stats.report.page import Section, sections_page
    from emergent_stats.verdict.words import probability, with_kind

    text = svg.decode()
    names = ("flat", "gradual", "onset", "jump", "falls")
    numbers = {name: probability(getattr(found, f"p_{name}")) for name in names}
    heading = f"{with_kind(found.verdict, found.kind)}: {found.reason}"
    section = Section(heading, found.summary, numbers, text[text.index("<svg") :], found.warnings)
    return sections_page("Is the jump real?", [section]).encode()


def explained(found: Comparison) -> str:
    """All that the verdict rests on, and what would decide, as HTML."""
    return f"<pre style='{PLAIN}'>{escape(str(found))}</pre>"


if __name__ == "__main__":
    _in_process(*sys.argv[1:])
