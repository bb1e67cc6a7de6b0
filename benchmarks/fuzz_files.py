"""Fuzz what reads files: no file may crash an importer, `validate` or a curve, or come out wrong.

Samples of every tool (`tests/samples`), tables in CSV, JSON and Parquet, maps of columns and models
tables are mangled: values replaced, keys renamed, left out and doubled, bytes changed, lines cut.
Held to be a crash: any exception but `ResultsError`; a table that `validate` does not return
unchanged, or with a score outside its metric's range; a series without a curve; text that steers a
terminal; more than 5 s or 1 GB. `--target verdicts` takes small tables to their verdicts as well:
a log evidence of counts above 0, probabilities that do not sum to 1 and intervals outside of the
scales are crashes too.

With atheris (no dependency: install it beside) the search is led by the lines that are reached;
without, bytes are drawn at random. Each target runs in a process of its own. Run with
`python benchmarks/fuzz_files.py [--target all] [--runs 10000] [--seed 0] [--random]`; what crashes
is written to `--keep` and replayed with `--replay FILE`; `--table FILE` adds the executions to a
table (`benchmarks/results/fuzz_files.md`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _hostile import Draw, as_file, mangled, table

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "samples"
SECONDS, MEGABYTES = 5, 1024
#: One input in so many goes all the way to a table and its curves.
WHOLE = 128

MODELS = (
    b"model,family,params,tokens,date\npythia-70m,pythia,7e7,3e11,2023-04-03\nGPT-2,gpt,1.5e9,,\n"
)
LM_EVAL = "EleutherAI__pythia-70m"
#: Name → format, the file of its sample that is mangled, options.
IMPORTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lm-eval": ("lm-eval", f"{LM_EVAL}/results_2026-01-01T00-00-00.000000.json", {}),
    "choices": (
        "lm-eval", f"{LM_EVAL}/samples_tiny_choice_2026-01-01T00-00-00.000000.jsonl",
        {"items": True},
    ),
    "words": ("lm-eval", f"{LM_EVAL}/samples_tiny_word_2026-01-01T00-00-00.000000.jsonl", {}),
    "generations": (
        "lm-eval", f"{LM_EVAL}/samples_tiny_generate_2026-01-01T00-00-00.000000.jsonl",
        {"items": True},
    ),
    "helm-spec": ("helm", "simple_mcqa,model=simple_model1/run_spec.json", {}),
    "helm-stats": ("helm", "simple_mcqa,model=simple_model1/stats.json", {}),
    "bigbench": (
        "bigbench", "simple_arithmetic_json_multiple_choice/results/scores_Dummy_T=0_2m.json", {},
    ),
    "metr": ("metr", "runs.jsonl", {}),
    "eee": ("eee", "tiny_choice_EleutherAI__pythia-70m.json", {}),
    "wide": ("wide", "leaderboard.csv", {"columns": "leaderboard.toml"}),
    "map": ("wide", "leaderboard.toml", {"columns": "leaderboard.toml"}),
    "models": ("eee", "models.csv", {}),
}  # fmt: skip
TABLES = ("csv", "json", "parquet", "rows")
TARGETS = (*IMPORTS, *TABLES, "parts", "verdicts")


# --- what must hold ----------------------------------------------------------------------
class Wrong(Exception):
    """A result that cannot be."""


def check(holds: Any, words: str) -> None:
    if not holds:
        raise Wrong(words)


def check_text(text: str) -> None:
    """Printed, it steers no terminal; an error has a name and an end."""
    from emergent_stats.cli.tables import printable

    check(text.strip(), "empty message")
    shown = printable(text[:2000])
    check("\x1b" not in shown and "\r" not in shown, "steers a terminal")
    check(len(text) < 100_000, f"a message of {len(text)} characters")


def check_record(record: Any) -> None:
    """A score that an importer made is one of its metric's, and its names can be printed."""
    from emergent_stats.model.metrics import limits

    low, high = limits(record.metric)
    check(low <= record.score <= high, f"score {record.score} of {record.metric}")
    for name in (record.task, record.model):
        check(name and name.isprintable(), f"name {name!r}")
    for number in (record.n, record.stderr, record.chance, record.answer_tokens, record.step):
        check(not math.isinf(number), f"infinite number in {record}")


def check_known(line: Any) -> None:
    """A line of a models table has sizes that can be."""
    for number in (line.params, line.tokens, line.flops, line.tokens_per_step):
        check(number != number or 0 < number < math.inf, f"size in {line}")


def check_table(frame: Any) -> list[Any]:
    """The table is what `validate` would return, and every series of it is a curve."""
    import numpy as np

    from emergent_stats.model.metrics import limits
    from emergent_stats.results.checks import validate
    from emergent_stats.results.selection import curves

    check(validate(frame).equals(frame), "validate changes what it returned")
    for score, metric in zip(frame["score"], frame["metric"], strict=True):
        low, high = limits(metric)
        check(low <= score <= high, f"score {score} of {metric}")
    found = curves(frame)
    for curve in found:
        check(np.isfinite(curve.x).all(), f"scale {curve.x}")
        low, high = curve.intervals()
        check((low <= high).all(), f"intervals {low} {high}")
        check((curve.effective_n >= 1).all(), f"n {curve.effective_n}")
        _ = curve.all_notes, curve.counts
    return found


def check_verdict(curve: Any) -> None:
    """The verdict's numbers are such as can be."""
    import numpy as np

    from emergent_stats.model.trends import ACCOUNTS
    from emergent_stats.verdict.judge import compare

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NaN on the way is wrong, whatever comes out
        c = compare(curve)
    row = c.row()
    if not c.hypotheses:
        return
    p = np.array([getattr(c, f"p_{account}") for account in ACCOUNTS])
    check(np.isfinite(p).all() and (p >= 0).all() and abs(p.sum() - 1) < 1e-9, f"probabilities {p}")
    shown = [row[f"p_{account}"] for account in ACCOUNTS]
    check(abs(sum(shown) - 1) < 1e-9, f"probabilities as shown {shown}")
    counts = c.curve.metric_object.binary
    for h in c.hypotheses:
        check(not np.isnan(h["log_evidence"]) and h["error"] >= 0, f"evidence {h}")
        check(not (counts and h["log_evidence"] > 1e-9), f"log evidence of counts {h}")
    check(np.isfinite(c.log_bf), f"log Bayes factor {c.log_bf}")
    for low, high in (c.at, c.width, c.height, c.rise):
        check(np.isnan([low, high]).any() or low <= high, f"interval {low} to {high}")
    if c.curve.metric_object.range[1] == 1.0:
        check(not np.isfinite(c.rise).all() or max(np.abs(c.rise)) <= 1, f"rise {c.rise}")
        for band in c.bands.values():
            for name in ("score_low", "score_mid", "score_high"):
                check(
                    (np.abs(band[name] - 0.5) <= 0.5 + 1e-9).all(), f"band of scores {band[name]}"
                )
    check_text(c.text)
    json.loads(c.to_json())


# --- targets -----------------------------------------------------------------------------
def importing(name: str, folder: Path) -> Callable[[bytes], None]:
    """A target that mangles one file of a small sample folder and reads the folder.

    What the importer makes of it is looked at each time. Models table, families, repeats and the
    checks of the whole table cost ten times as much, so one input in `WHOLE` goes all the way.
    """
    from functools import cache
    from importlib import import_module

    from emergent_stats.importers import IMPORTERS, assembly, import_results, scales
    from emergent_stats.importers.records import Options
    from emergent_stats.importers.report import Notes
    from emergent_stats.results.files import ResultsError

    form, file, options = IMPORTS[name]
    root = folder / name
    beside = SAMPLES / form / (IMPORTS["eee"][1] if file == "models.csv" else file)
    (root / file).parent.mkdir(parents=True)
    for path in beside.parent.iterdir():
        if path.name == beside.name or path.suffix == {"lm-eval": ".json", "wide": ".toml"}.get(
            form
        ):
            lines = path.read_bytes().splitlines(keepends=True)
            few = lines if path.suffix != ".jsonl" else lines[:: max(1, len(lines) // 6)]
            (root / file).parent.joinpath(path.name).write_bytes(b"".join(few))
    if form == "helm":
        shutil.copytree(beside.parent, (root / file).parent, dirs_exist_ok=True)
    models = folder / f"{name}-models.csv"
    models.write_bytes(MODELS)
    changed = models if file == "models.csv" else root / file
    sample, given = changed.read_bytes(), dict(options)
    source = root
    if form == "wide":
        shutil.copyfile(SAMPLES / "wide" / "leaderboard.csv", root / "leaderboard.csv")
        source, given["columns"] = root / "leaderboard.csv", root / "leaderboard.toml"
    importer = import_module(f"emergent_stats.importers.{IMPORTERS[form]}")
    # the models table is the same each time, except where it is what is mangled
    once = scales.read_models if changed is models else cache(scales.read_models)
    assembly.read_models = once
    if hasattr(importer, "read_models"):
        importer.read_models = once
    without_items = Options.parse(models=models, **{**given, "items": False})

    def target(data: bytes) -> None:
        draw = Draw(data)
        whole = goes_far(data)
        changed.write_bytes(mangled(sample, changed.name, draw))
        try:
            if whole:
                report = import_results(form, source, models=models, **given)
            elif changed is models:
                for known in scales.read_models(models)._lines.values():
                    check_known(known)
                return
            else:
                notes = Notes()
                records, _ = importer.collect(source, without_items, notes)
                for record in records:
                    check_record(record)
                check_text("; ".join(map(str, (*notes.dropped, *notes.warnings))) or "nothing")
                return
        except ResultsError as error:
            check_text(str(error))
            return
        check_text(report.text)
        check_table(report.frame)

    return target


def goes_far(data: bytes) -> bool:
    """Whether an input is taken all the way: by its sum, which no search can hold on to."""
    return zlib.crc32(data) % WHOLE == 1


def reading(name: str, folder: Path) -> Callable[[bytes], None]:
    """A target that reads a table of mangled rows, or of mangled bytes."""
    import pandas as pd

    from emergent_stats.results import corpus
    from emergent_stats.results.checks import validate
    from emergent_stats.results.files import ResultsError, read_table
    from emergent_stats.results.schema import COUNTS, FLOATS

    path = folder / f"table.{name}"

    def target(data: bytes) -> None:
        draw = Draw(data)
        whole = goes_far(data) or name == "verdicts"
        rows = table(draw, name == "verdicts")
        try:
            if name in ("rows", "verdicts"):
                frame = validate(pd.DataFrame(rows, dtype=object))
            else:
                path.write_bytes(as_file(rows, name, draw))
                if not whole:
                    read_table(path, FLOATS, COUNTS)
                    return
                frame = corpus.read(path)
        except ResultsError as error:
            check_text(str(error))
            return
        if whole:
            for curve in check_table(frame):
                if name == "verdicts":
                    check_verdict(curve)

    return target


def parts(data: bytes) -> None:
    """What reads a single cell, name, date, number or line."""
    from rich.cells import cell_len

    from emergent_stats.cli.tables import cut, printable
    from emergent_stats.importers import counts, declare, names, reading, records
    from emergent_stats.model.axes import parse_date
    from emergent_stats.model.metrics import METRICS, limits
    from emergent_stats.results import files

    draw = Draw(data)
    how = draw.below(8)
    value = draw.value()
    text = f"{value}{draw.value()}" if draw.below(2) else str(value)
    number = float(value) if isinstance(value, float) else draw.below(2**32) / 2**31
    try:
        if how == 0:
            name = names.clean(text)
            check(name == names.clean(name) and (name.isprintable() or not name), f"name {name!r}")
            names.key(name), names.revision(name), names.family_in_name(name)
            size = names.size_in_name(name)
            check(size is None or 1e3 <= size.params <= 1e14, f"size {size}")
        elif how == 1:
            day = parse_date(text)
            check(day is None or 1 <= day.year <= 9999, f"date {day}")
        elif how == 2:
            found = counts.recover_n(number, draw.below(2**32) / 2**31)
            check(found.n is None or found.n >= 2, f"n {found.n}")
        elif how == 3:
            metric, top = draw.one_of(sorted(METRICS)), draw.one_of([None, 1, 2, 100])
            declared = declare.Declared(metric, top)
            low, high = limits(declared.metric)
            if high < 10 and declared.problem(number) is None:
                score = declared.convert(number)
                check(low - 1e-6 <= score <= high + 1e-6, f"score {score} of {declared}")
        elif how == 4:
            reading.parse_json(data[2:], "file.json", draw.one_of([None, 3]))
        elif how == 5:
            told = records.as_number(value)
            check(told is None or isinstance(told, int | float), f"number {told!r}")
            declare.parse_declaration(text)
        elif how == 6:
            shown = printable(text)
            kept = "\n\xa0\u202f\u200c\u200d"
            check(all(c.isprintable() or c in kept for c in shown), f"printed {shown!r}")
            check(cell_len(cut(shown, 9)) <= 9, f"cut {cut(shown, 9)!r}")
        else:
            plain = value if value == value and value not in (math.inf, -math.inf) else None
            plain = plain if not isinstance(plain, list | dict) else None
            written = files.to_json({text: plain})
            check("\x1b" not in written and "\x9b" not in written, f"JSON {written!r}")
            check(json.loads(written) == {text: plain}, f"JSON {written!r}")
    except files.ResultsError as error:
        check_text(str(error))


# --- running -----------------------------------------------------------------------------
def prepared(name: str, folder: Path) -> Callable[[bytes], None]:
    if name == "parts":
        return parts
    return importing(name, folder) if name in IMPORTS else reading(name, folder)


def watched(target: Callable[[bytes], None], data: bytes) -> str:
    """What is wrong with one execution, or ""."""
    began = time.process_time()  # what else the machine does is none of it
    try:
        target(data)
    except Exception as error:
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__}: {str(error)[:300]} ({at})"
    seconds = time.process_time() - began
    return f"took {seconds:.1f} s" if seconds > SECONDS else ""


def limited() -> None:
    try:
        import resource
    except ImportError:
        return
    # what is mapped already, libraries for the most part, does not count
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (mapped + (MEGABYTES << 20), hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=(*TARGETS, "all"), default="all")
    parser.add_argument("--runs", type=int, default=10_000, help="executions of each target")
    parser.add_argument("--seconds", type=int, default=0, help="of each target at most; 0: any")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--random", action="store_true", help="do without atheris")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-files")
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--table", type=Path, help="table of executions to add to")
    given = parser.parse_args()
    if given.target == "all":
        sys.exit(max(map(apart, TARGETS)))
    atheris = None
    if not given.random and given.replay is None:
        try:
            import atheris  # type: ignore[import-not-found]
        except ImportError:
            print("atheris is not installed: bytes are drawn at random", file=sys.stderr)
    if atheris is not None:
        with atheris.instrument_imports(
            include=["emergent_stats.importers", "emergent_stats.results"]
        ):
            import emergent_stats.importers.assembly  # noqa: F401
    given.keep.mkdir(parents=True, exist_ok=True)
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None, prefix="fuzz-"))
    try:
        target = prepared(given.target, folder)
        if given.replay is not None:
            target(given.replay.read_bytes())
            return
        ready(target)
        if given.target != "verdicts":
            limited()
        search(target, given, atheris, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ready(target: Callable[[bytes], None]) -> None:
    """Load and compile what the first executions would: that is no hang."""
    rng = random.Random(0)
    for size in range(60):
        watched(target, rng.randbytes(3 * size))


def apart(name: str) -> int:
    """The same call for one target, in a process of its own: 1 if it found something."""
    words = [word for word in sys.argv[1:] if word not in ("--target", "all", "--target=all")]
    return min(1, subprocess.call([sys.executable, __file__, "--target", name, *words]))


def search(target: Callable[[bytes], None], given: Any, atheris: Any, folder: Path) -> None:
    """Executions of one target; what is found is kept, one file a kind. Ends the process."""
    name, seen = given.target, dict[str, int]()
    done, began, busy = 0, time.monotonic(), time.process_time()

    def once(data: bytes) -> None:
        nonlocal done
        done += 1
        said = watched(target, data)
        kind = said.rpartition("(")[2] or said
        if said and kind not in seen:
            file = given.keep / f"{name}-{len(seen)}"
            file.write_bytes(data)
            print(f"{name}: {said}; replay {file}", flush=True)
        if said:
            seen[kind] = seen.get(kind, 0) + 1
        if done >= given.runs or 0 < given.seconds < time.monotonic() - began:
            ended()

    def ended() -> None:
        cost = 1000 * (time.process_time() - busy) / done
        how = "led by coverage" if atheris is not None else "at random"
        print(f"{name}: {done:,} executions {how}, {cost:.2f} ms each, {len(seen)} kinds of crash")
        if given.table is not None:
            add_up(given.table, name, done, cost, how)
        sys.stdout.flush()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(len(seen) > 0)  # libFuzzer knows no other end but a crash

    if atheris is None:
        rng = random.Random(f"{given.seed} {name}")
        while True:
            once(rng.randbytes(rng.randrange(8, 160)))
    atheris.Setup(
        [
            sys.argv[0], f"-seed={given.seed + 1}", "-max_len=160", "-len_control=0",
            f"-timeout={4 * SECONDS}", f"-rss_limit_mb={2 * MEGABYTES}", "-verbosity=0",
        ],
        once,
    )  # fmt: skip
    atheris.Fuzz()


HEAD = f"""# What the search for hostile files has run

`python benchmarks/fuzz_files.py --table benchmarks/results/fuzz_files.md` adds to it. Every
execution reads a file (or a table, or a cell) that was mangled on purpose; one in {WHOLE} goes
through models table, checks and curves as well, `verdicts` to the verdict. What is found is mended
and becomes a test.

| target | how | executions | ms of processor time each |
|:--|:--|--:|--:|
"""


def add_up(file: Path, name: str, done: int, cost: float, how: str) -> None:
    """Add executions to the table, which is a line for each target and way."""
    kept: dict[tuple[str, str], tuple[int, float]] = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] in TARGETS:
            kept[cells[0], cells[1]] = int(cells[2].replace(",", "")), float(cells[3])
    before, each = kept.get((name, how), (0, 0.0))
    kept[name, how] = before + done, (before * each + done * cost) / (before + done)
    rows = [
        f"| {key[0]} | {key[1]} | {kept[key][0]:,} | {kept[key][1]:.2f} |\n"
        for key in sorted(kept, key=lambda key: (TARGETS.index(key[0]), key[1]))
    ]
    total = sum(executions for executions, _ in kept.values())
    file.write_text(f"{HEAD}{''.join(rows)}\n{total:,} executions in all.\n", "utf-8")


if __name__ == "__main__":
    main()
