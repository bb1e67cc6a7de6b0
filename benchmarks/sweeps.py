"""What a sweep costs: per series and in memory as it grows, and on a cluster of this machine.

    python benchmarks/sweeps.py [--most 100000] [--analysed 64] [--cluster]

Series of three models, which no analysis touches, show what reading, blocks and files cost; series
of eight models what the verdicts cost. Each size runs in a process of its own. Promised: processor
time per series and peak memory beyond the table do not grow from 10² to 10⁵ series; with
`--cluster`, two workers are at least 1.7 times as fast as one, and one worker takes at most 15 %
more processor time than no cluster.
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
    if models > 3:  # kernels are loaded
        from emergent_stats.results.selection import curves

        compare_all(curves(table(1, models, 1)))
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = time.perf_counter(), time.process_time()
        block = 8 if models > 3 else None
        sweep_series({"made": made}, folder, jobs=1, scheduler=scheduler, block=block)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu, "wall": wall, "table": before, "beyond": after - before}


def alone(count: int, models: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(count), str(models)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def cluster(count: int) -> None:
    """One worker and two, each a process with one thread, against none."""
    from distributed import Client, LocalCluster

    from emergent_stats.results.selection import curves
    from emergent_stats.verdict.judge import compare_all

    here = measure(count, 8)
    print(f"no cluster, one thread: {here['wall']:.1f} s, {here['cpu']:.1f} s of processor time")
    walls = {}
    for workers in (1, 2):
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as local,
            Client(local) as client,
        ):
            client.run(lambda: len(compare_all(curves(table(1, 8, 1)))))  # kernels are loaded
            before = client.run(time.process_time)
            walls[workers] = measure(count, 8, local.scheduler_address)["wall"]
            after = client.run(time.process_time)
        cpu = sum(after[name] - before[name] for name in after)
        print(
            f"{workers} worker{'s' if workers > 1 else ''}: {walls[workers]:.1f} s, {cpu:.1f} s of "
            f"processor time in workers ({cpu / here['cpu']:.2f} × no cluster)"
        )
    print(f"two workers are {walls[1] / walls[2]:.2f} times as fast as one")


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
