"""What a sweep costs: per series and in memory as it grows, and on a cluster of this machine.

    python benchmarks/sweeps.py [--most 100000] [--analysed 64] [--cluster]

Series of three models, which no analysis touches (`too few`), show what reading, blocks and files
cost; series of eight models what the verdicts cost. Each size runs in a process of its own.
Promised: processor time per series and peak memory beyond the table do not grow from 10² to 10⁵
series; with `--cluster`, two workers are at least 1.7 times as fast as one, and a cluster takes at
most 15 % more processor time than none.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd


def table(count: int, models: int, seed: int = 0) -> pd.DataFrame:
    """Results table of made-up series: skill that grows smoothly, 200 examples."""
    from emergent_stats.results.checks import validate

    rng = np.random.default_rng(seed)
    size = np.tile(np.geomspace(1e8, 1e11, models), count)
    middle = np.repeat(rng.uniform(8, 12, count), models)
    p = 1 / (1 + np.exp(2 * (middle - np.log10(size))))
    frame = pd.DataFrame(
        {
            "task": np.repeat([f"task {i}" for i in range(count)], models),
            "model": np.tile([f"m{i}" for i in range(models)], count),
            "params": size,
            "score": rng.binomial(200, p) / 200,
        }
    )
    return validate(frame.assign(study="made up", family="f", metric="exact_match", n=200))


def measure(count: int, models: int, scheduler: str | None = None) -> dict[str, float]:
    """Costs of one sweep in this process."""
    from emergent_stats.collection.sweep import sweep_series
    from emergent_stats.verdict.judge import compare_all

    made = table(count, models)
    compare_all([])
    if models > 3:
        warm()
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = time.perf_counter(), time.process_time()
        block = 2 if models > 3 else None  # shared evenly among workers
        sweep_series({"made": made}, folder, jobs=1, scheduler=scheduler, block=block)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu, "wall": wall, "table": before, "beyond": after - before}


def alone(count: int, models: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(count), str(models)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def cluster(count: int, rounds: int = 3) -> None:
    """One worker and two, each a process with one thread, against none, in turns.

    The machine may be shared, so work is counted in seconds of processor time: of the workers, and
    of this process, which holds client and scheduler. How much faster two workers are is told in
    the same way (all work of the workers ÷ that of the busier one), and by the clock.
    """
    from distributed import Client, LocalCluster

    plain, own, clock = [], {1: [], 2: []}, {1: [], 2: []}
    shares = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as two,
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as one,
        Client(two) as of_two,
        Client(one) as of_one,
    ):
        local = {1: (one, of_one), 2: (two, of_two)}
        for _, client in local.values():
            client.run(warm)
        for _ in range(rounds):
            plain.append(measure(count, 8)["cpu"])
            for workers, (there, client) in local.items():
                before = client.run(time.process_time)
                found = measure(count, 8, there.scheduler_address)
                after = client.run(time.process_time)
                busy = [after[name] - before[name] for name in after]
                own[workers].append(sum(busy) + found["cpu"])
                clock[workers].append(found["wall"])
                if workers == 2:
                    shares.append(sum(busy) / max(busy))
    base = np.median(plain)
    print("| workers | CPU s, workers and client | ÷ no cluster | s by the clock |\n|" + 4 * "--:|")
    print(f"| none | {base:.1f} | 1.00 | |")
    for workers, cpu in own.items():
        middle = np.median(cpu)
        print(
            f"| {workers} | {middle:.1f} | {middle / base:.2f} | {np.median(clock[workers]):.1f} |"
        )
    print(
        f"\nMedians of {rounds} rounds of {count} series. Two workers shared the work "
        f"{np.median(shares):.2f} : 1 of the busier one's; by the clock they were "
        f"{np.median(clock[1]) / np.median(clock[2]):.2f} times as fast as one."
    )


def warm() -> None:
    """Load the kernels."""
    from emergent_stats.results.selection import curves
    from emergent_stats.verdict.judge import compare_all

    compare_all(curves(table(1, 8, 1)), jobs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=10_000, help="most series without an analysis")
    parser.add_argument("--analysed", type=int, default=64, help="series with one")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--measure", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(*given.measure)))
        return
    if given.cluster:
        cluster(given.analysed)
        return
    print(
        "| series | models | CPU ms per series | MB with the table | MB beyond it |\n|" + 5 * "--:|"
    )
    sizes = [(10**k, 3) for k in range(2, 7) if 10**k <= given.most]
    sizes += [(given.analysed // 4, 8), (given.analysed, 8)]
    for count, models in sizes:
        got = alone(count, models)
        print(
            f"| {count:,} | {models} | {1000 * got['cpu'] / count:.1f} | {got['table']:.0f} | "
            f"{got['beyond']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
