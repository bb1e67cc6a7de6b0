"""How fast the atlas is at 5,000 series: the first picture, a search, a sort, and its size.

The series of a small study are compared once and repeated under other names. The pages are opened
from the folder in headless Chromium without a network; each number is the middle of five runs.

Writes `results/atlas_speed.md`.

Run with `python benchmarks/atlas_speed.py [--series 5000] [--verdicts gpt3.parquet]`; the verdicts
are what `emergent-stats test gpt3 --out gpt3.parquet` wrote, and are computed if not given.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from playwright.sync_api import sync_playwright

from emergent_stats.report.atlas import site

RESULTS = Path(__file__).parent / "results"
STUDY = "gpt3"
RUNS = 5
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Milliseconds from the start of loading to the first picture with all that is on it.
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
#: Milliseconds that typing into the search, or choosing an order, keeps the page busy.
BUSY = """([id, value]) => {
  const field = document.getElementById(id), start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  return performance.now() - start;
}"""


def repeated(entries, count):
    """The entries again and again, under other tasks."""
    for number, entry in enumerate(islice(cycle(entries), count)):
        key = dict(entry.curve.key) | {"task": f"{entry.row['task']} {number // len(entries)}"}
        curve = replace(entry.curve, key=key)
        yield replace(entry, curve=curve, row={**entry.row, "task": key["task"]})


def measured(folder):
    """Middle times in milliseconds, by what was done."""
    times = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(RUNS):
            context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(f"{folder.as_uri()}/index.html")
            page.wait_for_selector("#series tbody tr")
            link = page.get_attribute("#series tbody th > a", "href")
            found = {
                "list: first paint": page.evaluate(PAINT),
                "list: ready": page.evaluate("performance.timing.loadEventEnd")
                - page.evaluate("performance.timing.navigationStart"),
                "first search": page.evaluate(BUSY, ["q", "un"]),
                "next search": page.evaluate(BUSY, ["q", "undecided 3d"]),
                "clear the search": page.evaluate(BUSY, ["q", ""]),
                "sort by P(break)": page.evaluate(BUSY, ["sort", "break"]),
            }
            page.goto(f"{folder.as_uri()}/{link}")
            page.wait_for_selector("svg.plot")
            found["one series: first paint"] = page.evaluate(PAINT)
            context.close()
            for name, value in found.items():
                times.setdefault(name, []).append(value)
        version = browser.version
        browser.close()
    return {name: statistics.median(values) for name, values in times.items()}, version


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=5000)
    parser.add_argument("--verdicts", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    collection = site.testable([STUDY])
    curves = collection.series
    entries = list(
        site.judged(curves, jobs=given.jobs)
        if given.verdicts is None
        else site.from_table(curves, given.verdicts)
    )
    bands = "with bands" if entries[0].bands else "without bands"
    with tempfile.TemporaryDirectory() as around:
        folder = Path(around) / "atlas"
        start = time.perf_counter()
        site.write_atlas(folder, repeated(entries, given.series), collection)
        written = time.perf_counter() - start
        size = sum(path.stat().st_size for path in folder.rglob("*.*"))
        index = (folder / "data" / "index.js").stat().st_size
        times, version = measured(folder)
    lines = [
        "# The atlas at 5,000 series" if given.series == 5000 else f"# At {given.series:,} series",
        "",
        f"The {len(curves)} series of {STUDY} repeated to {given.series:,}, {bands}, opened from "
        f"the folder in headless Chromium {version} without a network; the middle of {RUNS} runs. "
        f"The list is one file of {index / 1e6:.1f} MB, the folder {size / 1e6:.0f} MB; writing "
        f"it took {written:.0f} s, verdicts apart. Written by `benchmarks/atlas_speed.py`.",
        "",
        "| what | ms |",
        "|---|--:|",
        *(f"| {name} | {value:.0f} |" for name, value in times.items()),
        "",
    ]
    text = "\n".join(lines)
    (RESULTS / "atlas_speed.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
