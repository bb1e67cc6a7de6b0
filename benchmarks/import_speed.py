"""Time and memory of importing per-sample records: the figure that the importers promise.

    python benchmarks/import_speed.py --rows 1000000

Writes a results folder of lm-evaluation-harness with that many records (the committed sample's
records over again, with a prompt of the usual length), imports it in a process of its own, and
prints seconds of processor time and peak memory. Promised: a million records in at most 20 s and
1 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "tests" / "samples" / "lm-eval" / "EleutherAI__pythia-70m"
STAMP = "2026-01-01T00-00-00.000000"
PROMPT = "The following are multiple choice questions with answers about arithmetic. " * 4


def write_run(folder: Path, rows: int) -> Path:
    """Folder of one run whose multiple choice has `rows` records."""
    run = folder / RUN.name
    run.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(RUN / f"results_{STAMP}.json", run / f"results_{STAMP}.json")
    name = f"samples_tiny_choice_{STAMP}.jsonl"
    lines = []
    for line in (RUN / name).read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for argument in record["arguments"].values():
            argument["arg_0"] = PROMPT + argument["arg_0"]
        lines.append(json.dumps(record) + "\n")
    with open(run / name, "w", encoding="utf-8") as file:
        for _ in range(rows // len(lines)):
            file.writelines(lines)
    return run


def measure(run: Path, items: bool) -> dict[str, float]:
    from emergent_stats.importers import import_results

    start = time.process_time()  # what else the machine does is none of it
    report = import_results("lm-eval", run, items=items)
    seconds = time.process_time() - start
    n = report.frame.query("task == 'tiny_choice' and metric == 'bits_per_byte'")["n"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": int(n.iloc[0]), "seconds": round(seconds, 2), "peak_mb": round(peak, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="where to write the records (default: temporary)"
    )
    parser.add_argument("--items", action="store_true", help="ask for the table of samples as well")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.measure:
        print(json.dumps(measure(told.measure, told.items)))
        return
    with tempfile.TemporaryDirectory(dir=told.folder) as folder:
        run = write_run(Path(folder), told.rows)
        size = sum(path.stat().st_size for path in run.iterdir()) / 2**20
        command = [sys.executable, __file__, "--measure", str(run)]
        command += ["--items"] if told.items else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout) | {"file_mb": round(size)}
    if told.json:
        print(json.dumps(found))
    else:
        print(
            f"{found['rows']:,} records ({found['file_mb']:,} MB) in {found['seconds']} s, "
            f"peak memory {found['peak_mb']:.0f} MB"
        )


if __name__ == "__main__":
    main()
