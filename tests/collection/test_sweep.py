"""Sweeps: the same bytes whatever happens on the way, and a clear word where they cannot go on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from emergent_stats.collection import sweep
from emergent_stats.collection.sweep import MANIFEST, sweep_series
from emergent_stats.results.checks import validate
from emergent_stats.results.files import ResultsError
from emergent_stats.results.selection import curves
from emergent_stats.verdict.judge import compare_all
from emergent_stats.verdict.rows import frame


def light(count: int, models: int = 3, name: str = "t") -> pd.DataFrame:
    """Series too short to be analysed: all of the folder's business, next to no arithmetic."""
    size = np.geomspace(1e8, 1e10, models)
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({
            "study": "toy", "family": "Toy", "model": [f"toy-{s:.0e}" for s in size],
            "task": f"{name}{i}", "metric": "exact_match", "params": size,
            "score": np.sort(rng.integers(0, 101, models)) / 100, "n": 100,
        })
        for i in range(count)
    ]  # fmt: skip
    return validate(pd.concat(parts))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def analysed():
    """Three series that are analysed, and one too short."""
    return pd.concat([light(3, models=5, name="long "), light(1)], ignore_index=True)


@pytest.fixture(scope="module")
def rows(analysed):
    return frame([c.row() for c in compare_all(curves(analysed), seed=3)])


# --- one table ---------------------------------------------------------------------------
@pytest.mark.parametrize(("block", "jobs"), [(1, 2), (3, 1), (64, None)])
def test_the_folder_is_the_table_that_compare_all_gives(analysed, rows, tmp_path, block, jobs):
    assert sweep_series({"a": analysed}, tmp_path / "out", seed=3, block=block, jobs=jobs) == 4
    found = pd.read_parquet(tmp_path / "out").astype(rows.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, rows, check_exact=True)
    schemas = {pq.read_schema(p) for p in (tmp_path / "out").glob("*.parquet")}
    assert len(schemas) == 1, "a column has one type, also in a block that leaves it empty"


def test_duckdb_reads_the_folder_as_one_table(analysed, tmp_path):
    out = tmp_path / "out"
    sweep_series({"a": analysed}, out, seed=3, block=2)
    with duckdb.connect() as database:
        asked = f"SELECT task, verdict, p_gradual, p_falls FROM '{out}/*.parquet'"
        found = database.sql(asked).fetchall()
    table = pd.read_parquet(out)[["task", "verdict", "p_gradual", "p_falls"]]
    plain = table.astype(object).where(table.notna(), None)
    assert found == [tuple(row) for row in plain.itertuples(index=False)]


def test_several_tables_follow_each_other(tmp_path):
    tables = {"first.csv": light(3), "second.csv": light(2)}
    seen = []
    sweep_series(tables, tmp_path / "out", block=2, progress=lambda *now: seen.append(now))
    assert pd.read_parquet(tmp_path / "out")["task"].tolist() == ["t0", "t1", "t2", "t0", "t1"]
    assert seen[0] == (0, 5)
    assert seen[-1] == (5, 5)
    assert seen == sorted(seen)


# --- resuming ----------------------------------------------------------------------------
def test_only_what_is_missing_is_computed(tmp_path, monkeypatch):
    out, table = tmp_path / "out", light(10)
    sweep_series({"a": table}, out, block=3)
    whole = content(out)
    (out / "block-000001.parquet").unlink()
    (out / "block-000002.parquet").write_bytes(whole["block-000002.parquet"][:-9])
    (out / ".block-000003.parquet.torn").write_bytes(b"half")
    computed = []

    def counted(curves, **given):
        computed.append(len(curves))
        return compare_all(curves, **given)

    monkeypatch.setattr(sweep, "compare_all", counted)
    sweep_series({"a": table}, out, resume=True)
    assert computed == [3, 3]
    assert content(out) == whole


def changed(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(score=table["score"] * 0.5)


@pytest.mark.parametrize(
    ("table", "given", "words"),
    [
        (changed(light(4)), {}, "data sha256 was "),
        (light(5), {}, "series was 4, is 5"),
        (light(4), {"seed": 1}, "settings seed was 0, is 1"),
        (light(4), {"calibrate": 50}, "settings calibrate was 0, is 50"),
        (light(4), {"block": 3}, "block was 2, is 3"),
    ],
)
def test_another_sweep_is_not_resumed(tmp_path, table, given, words):
    out = tmp_path / "out"
    sweep_series({"a": light(4)}, out, block=2)
    whole = content(out)
    with pytest.raises(ResultsError, match=words):
        sweep_series({"a": table}, out, resume=True, **given)
    assert content(out) == whole


def test_other_versions_do_not_go_on(tmp_path, monkeypatch):
    out = tmp_path / "out"
    sweep_series({"a": light(2)}, out)
    monkeypatch.setattr(sweep, "version", lambda name: "0")
    with pytest.raises(ResultsError, match=r"versions numpy was .*, is 0"):
        sweep_series({"a": light(2)}, out, resume=True)


def test_a_folder_in_use_is_left_alone(tmp_path):
    out = tmp_path / "out"
    sweep_series({"a": light(2)}, out)
    with pytest.raises(ResultsError, match="holds a sweep already; go on with it by --resume"):
        sweep_series({"a": light(2)}, out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ResultsError, match="is not empty, and no sweep"):
        sweep_series({"a": light(2)}, other, resume=True)
    with pytest.raises(ResultsError, match="cannot be made"):
        sweep_series({"a": light(2)}, other / "mine.txt" / "out")
    (out / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(ResultsError, match="cannot be read"):
        sweep_series({"a": light(2)}, out, resume=True)


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_two_writers_do_not_meet(tmp_path):
    out = tmp_path / "out"

    def second(done, total):
        with pytest.raises(ResultsError, match="another sweep is writing there"):
            sweep_series({"a": light(4)}, out, resume=True)

    sweep_series({"a": light(4)}, out, block=2, progress=second)
    assert len(pd.read_parquet(out)) == 4


# --- killed ------------------------------------------------------------------------------
#: A process that has everything loaded, forks runs of a sweep and kills them: table, folder,
#: folder of a run that is left alone, kills. Prints how many of them met a run.
_KILLING = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from emergent_stats.collection import sweep
from emergent_stats.results.corpus import read

table, out, straight, kills = read(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
rng, met, whole = np.random.default_rng(kills), 0, sweep.compare_all

def slow(curves, **given):  # so that a kill finds a block at work
    time.sleep(0.05)
    return whole(curves, **given)

sweep.compare_all = slow
def written():
    return len(list(out.glob("block-*")))

for kill in range(kills):
    before = written()
    run = os.fork()
    if run == 0:
        sweep.sweep_series({"a": table}, out, block=2, resume=True, jobs=1)
        os._exit(0)
    # however busy the machine, every other run gets as far as a block
    while kill % 2 == 0 and written() == before:
        time.sleep(0.002)
    time.sleep(rng.uniform(0.01, 0.25))
    os.kill(run, signal.SIGKILL)
    met += os.waitpid(run, 0)[1] == signal.SIGKILL
sweep.compare_all = whole
there = written()
for folder in (out, straight):
    sweep.sweep_series({"a": table}, folder, block=2, resume=True, jobs=1)
print(met, there)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_bytes_are_the_same(tmp_path, kills):
    table, out, straight = tmp_path / "table.parquet", tmp_path / "out", tmp_path / "straight"
    light(20 * kills).to_parquet(table)
    command = [sys.executable, "-c", _KILLING, table, out, straight, kills]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    met, there = map(int, run.stdout.split())
    assert met == kills, "every kill met a run"
    assert 0 < there < 10 * kills, "and a sweep that had begun and not ended"
    assert content(out) == content(straight)


# --- a cluster ---------------------------------------------------------------------------
#: Dask offers its pages on every interface, whatever the cluster's own address is.
LOOPBACK = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}


def heard() -> set[str]:
    """Addresses on which this process and those it started listen."""
    psutil = pytest.importorskip("psutil")
    own = psutil.Process()
    return {
        c.laddr.ip
        for process in (own, *own.children(recursive=True))
        for c in process.net_connections("inet")
        if c.status == "LISTEN"
    }


@pytest.mark.filterwarnings("default")
def test_a_cluster_in_this_process_writes_the_same_bytes(tmp_path, analysed):
    distributed = pytest.importorskip("distributed")
    sweep_series({"a": analysed}, tmp_path / "here", block=1)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, **LOOPBACK
    ) as cluster:
        assert heard() == {"127.0.0.1"}
        sweep_series(
            {"a": analysed}, tmp_path / "there", block=1, scheduler=cluster.scheduler_address
        )
    assert content(tmp_path / "here") == content(tmp_path / "there")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_lost_worker_is_survived(tmp_path):
    distributed = pytest.importorskip("distributed")
    table, lost = light(400), []
    sweep_series({"a": table}, tmp_path / "here", block=2)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, **LOOPBACK
    ) as cluster:
        assert heard() == {"127.0.0.1"}

        def lose(done, total):
            if done > 20 and not lost:
                lost.append(next(iter(cluster.workers.values())).pid)
                os.kill(lost[0], signal.SIGKILL)

        sweep_series(
            {"a": table}, tmp_path / "there", block=2, scheduler=cluster.scheduler_address,
            progress=lose,
        )  # fmt: skip
    assert lost
    assert content(tmp_path / "here") == content(tmp_path / "there")


@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_stops_is_told(tmp_path):
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, **LOOPBACK
        ) as cluster,
        pytest.raises(ResultsError, match=r"the cluster failed \(.+\); mend it, then --resume"),
    ):
        sweep_series(
            {"a": light(40)}, tmp_path / "out", block=1, scheduler=cluster.scheduler_address,
            progress=lambda done, total: done and cluster.close(),
        )  # fmt: skip
    kept = content(tmp_path / "out")
    assert "block-000000.parquet" in kept
    sweep_series({"a": light(40)}, tmp_path / "out", resume=True)
    sweep_series({"a": light(40)}, tmp_path / "here", block=1)
    assert content(tmp_path / "out") == content(tmp_path / "here")


def test_workers_with_other_packages_are_refused():
    with pytest.raises(ResultsError, match="a worker has other packages than the sweep: numpy was"):
        sweep._Weigh(0, 0, sweep._versions() | {"numpy": "1"})([])


def test_the_manifest_says_what_was_asked_and_nothing_of_time_or_place(tmp_path):
    sweep_series({str(tmp_path / "my table.csv"): light(3)}, tmp_path / "out", seed=4)
    text = (tmp_path / "out" / MANIFEST).read_text(encoding="utf-8")
    told = json.loads(text)
    assert told["settings"]["seed"] == 4
    assert told["data"][0]["source"] == "my table.csv"
    assert (told["series"], told["block"]) == (3, sweep.BLOCK)
    assert str(tmp_path) not in text
