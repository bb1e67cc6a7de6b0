"""Sweeps: verdicts on every series of whole tables, in blocks that outlive the run.

A sweep is a folder: a Parquet file a block, and a manifest of what was asked. A
block appears in one step when it is done, so a run that is killed loses the
block it was at; what is there already is not computed again. Every series is
analysed by itself (`judge`), so neither the size and order of the blocks nor the
machines they were computed on show in the numbers. The folder is one table:
``pandas.read_parquet(folder)``, or ``SELECT * FROM 'folder/*.parquet'`` in DuckDB.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.metadata import version
from itertools import batched
from pathlib import Path
from typing import Any

import pandas as pd

from emergent_stats.model.curve import Curve
from emergent_stats.results.corpus import series
from emergent_stats.results.files import ResultsError, write_bytes, write_table
from emergent_stats.results.schema import SERIES_KEY
from emergent_stats.results.selection import curve_from_rows
from emergent_stats.verdict.decision import THRESHOLDS
from emergent_stats.verdict.judge import compare_all
from emergent_stats.verdict.rows import frame

#: What was asked; the underscore keeps readers of the folder from taking it for a block.
MANIFEST = "_manifest.json"
#: Series in a block, where nothing is said.
BLOCK = 64
#: Packages on which numbers depend.
_PACKAGES = ("emergent_stats", "numba", "numpy", "pandas", "pyarrow", "scipy")
#: Blocks given to a cluster beyond those that its threads are at.
_AHEAD = 2

type Work = Callable[..., pd.DataFrame]


def sweep_series(
    tables: Mapping[str, pd.DataFrame],
    out: str | os.PathLike[str],
    *,
    calibrate: int = 0,
    seed: int = 0,
    block: int | None = None,
    resume: bool = False,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> int:
    """Compare every series of the tables and keep the rows in a folder, block by block.

    Parameters
    ----------
    tables : mapping of DataFrame
        Name → validated results table.
    out : path
        Folder to write; made if it is not there.
    calibrate, seed
        As in `judge.compare`.
    block : int, optional
        Series in a block: what a kill can lose. Default: that of the sweep that is
        resumed, else `BLOCK`.
    resume : bool
        Go on with the sweep in `out`, if there is one.
    jobs : int, optional
        Threads on this machine; default one per core.
    scheduler : str, optional
        Address of a dask.distributed scheduler, whose workers then do the work.
    progress : callable, optional
        Called as progress(done, total), in series.

    Returns
    -------
    int
        Number of series in the folder.

    Raises
    ------
    ResultsError
        If the folder holds something else or cannot be written, if what is
        resumed had other data, settings or versions, or if the scheduler does not
        answer. Blocks that were written stay.
    """
    out = Path(out)
    with _held(out):
        plan = _begun(out, _manifest(tables, calibrate, seed), block, resume)
        size, total = plan["block"], plan["series"]
        counts = [min(size, total - start) for start in range(0, total, size)]
        there = {i for i, n in enumerate(counts) if _whole(_path(out, i), n)}
        done = sum(counts[i] for i in there)
        report = progress or (lambda done, total: None)
        report(done, total)
        work = _Weigh(calibrate, seed, plan["versions"])
        todo = _blocks(tables, size, there)
        if scheduler is None:

            def here(curves: list[Curve]) -> pd.DataFrame:
                # what the block that runs has behind it, simulated series included
                size = len(curves)
                return work(curves, jobs, lambda d, t: report(done + size * d / max(t, 1), total))

            found = ((i, here(curves)) for i, curves in todo)
        else:
            found = _on_cluster(todo, work, scheduler)
        for i, rows in found:
            write_table(rows, _path(out, i))
            done += len(rows)
            report(done, total)
    return total


class _Weigh:
    """The work on one block, here or on another machine."""

    def __init__(self, calibrate: int, seed: int, versions: dict[str, str]):
        self.calibrate, self.seed, self.versions = calibrate, seed, versions

    def __call__(
        self,
        curves: Sequence[Curve],
        jobs: int | None = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> pd.DataFrame:
        if _versions() != self.versions:
            changed = "; ".join(_differences(self.versions, _versions()))
            raise ResultsError(f"a worker has other packages than the sweep: {changed}")
        found = compare_all(
            curves, calibrate=self.calibrate, seed=self.seed, jobs=jobs, progress=progress
        )
        return frame([c.row() for c in found])


def _blocks(
    tables: Mapping[str, pd.DataFrame], size: int, there: set[int]
) -> Iterator[tuple[int, list[Curve]]]:
    """Blocks that are not there yet; no more of them at a time than are asked for."""
    rows = (rows for table in tables.values() for _, rows in series(table))
    for i, part in enumerate(batched(rows, size)):
        if i not in there:
            yield i, [curve_from_rows(rows) for rows in part]


def _on_cluster(
    blocks: Iterator[tuple[int, list[Curve]]], work: Work, address: str
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Blocks as the workers of a scheduler finish them; those of a lost worker go to another."""
    try:
        from distributed import CancelledError, Client, KilledWorker, as_completed
    except ImportError:
        raise ResultsError(
            "--scheduler needs dask.distributed; install it with: "
            "pip install 'emergent_stats[cluster]'"
        ) from None
    try:
        client: Any = Client(address)
    except (OSError, ValueError) as error:
        raise ResultsError(f"--scheduler {address}: no scheduler answers there ({error})") from None
    log = logging.getLogger("distributed.client")
    with ExitStack() as after, client:
        after.callback(setattr, log, "disabled", log.disabled)
        log.disabled = True  # what is lost is told below
        places, waiting = {}, as_completed()

        def fill() -> None:
            while len(places) < sum(client.nthreads().values()) + _AHEAD:
                following = next(blocks, None)
                if following is None:
                    return
                future = client.submit(work, following[1], pure=False)
                places[future.key] = following[0]
                waiting.add(future)

        try:
            fill()
            for future in waiting:
                yield places.pop(future.key), future.result()
                fill()
        except KilledWorker as error:
            raise ResultsError(
                f"--scheduler {address}: several workers died at the same block ({error}); "
                "give them more memory, then --resume"
            ) from None
        except (CancelledError, OSError) as error:
            why = str(error).rpartition("\n")[2].rstrip(".") or type(error).__name__
            raise ResultsError(
                f"--scheduler {address}: the cluster failed ({why}); mend it, then --resume"
            ) from None


# --- the folder --------------------------------------------------------------------------
def _path(out: Path, i: int) -> Path:
    return out / f"block-{i:06d}.parquet"


def _whole(path: Path, count: int) -> bool:
    """Whether a block is there with all its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path).num_rows == count
    except (OSError, pa.ArrowException):
        return False


@contextmanager
def _held(out: Path) -> Iterator[None]:
    """Hold the folder, made if it is not there, so that no other run writes to it."""
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise ResultsError(
            f"--out {out}: cannot be made ({error.strerror}); choose another folder"
        ) from None
    if os.name == "nt":  # folders cannot be locked; two runs write the same bytes
        yield
        return
    import fcntl

    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(
                f"--out {out}: another sweep is writing there; wait for it or choose another folder"
            ) from None
        except OSError:  # a file system without locks; two runs write the same bytes
            pass
        yield
    finally:
        os.close(handle)


def _begun(out: Path, asked: dict[str, Any], block: int | None, resume: bool) -> dict[str, Any]:
    """Manifest of the sweep in `out`: the one to resume, or a new one, written first."""
    path = out / MANIFEST
    for name in (".block-*.parquet.*", f".{MANIFEST}.*"):
        for torn in out.glob(name):  # of a run that was killed while it wrote
            torn.unlink(missing_ok=True)
    names = [entry.name for entry in out.iterdir() if not entry.name.startswith(".")]
    if path.exists() and (resume or names != [MANIFEST]):  # alone it is of a run that got nowhere
        if not resume:
            raise ResultsError(
                f"--out {out}: holds a sweep already; go on with it by --resume, or choose another "
                "folder"
            )
        try:
            found = json.loads(path.read_text("utf-8"))
            asked = {**asked, "block": block or found["block"]}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ResultsError(
                f"{path}: cannot be read ({error}); start in another folder"
            ) from None
        if found != asked:
            told = "; ".join(_differences(found, asked))
            raise ResultsError(
                f"--resume {out}: that sweep was another one: {told}. Give what it was given, or "
                "choose another folder"
            )
        return found
    if names not in ([], [MANIFEST]):
        raise ResultsError(f"--out {out}: is not empty, and no sweep; choose another folder")
    asked = {**asked, "block": block or BLOCK}
    write_bytes(path, (json.dumps(asked, indent=1) + "\n").encode())
    return asked


def _manifest(tables: Mapping[str, pd.DataFrame], calibrate: int, seed: int) -> dict[str, Any]:
    """What the numbers of a sweep depend on; it holds no time and no place."""
    data = [
        {
            "source": Path(name).name,
            "series": table.groupby(SERIES_KEY, dropna=False).ngroups,
            "sha256": _hash(table),
        }
        for name, table in tables.items()
    ]
    return {
        "series": sum(source["series"] for source in data),
        "data": data,
        "settings": {"calibrate": calibrate, "seed": seed, "thresholds": asdict(THRESHOLDS)},
        "versions": _versions(),
    }


def _hash(table: pd.DataFrame) -> str:
    """SHA-256 of a table's cells, in their order."""
    found = hashlib.sha256()
    for start in range(0, len(table), 50_000):
        found.update(table.iloc[start : start + 50_000].to_csv(index=False).encode())
    return found.hexdigest()


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _differences(was: Any, now: Any, name: str = "") -> Iterator[str]:
    """Where two manifests differ, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in {**was, **now}:
            yield from _differences(was.get(key), now.get(key), f"{name} {key}".strip())
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for old, new in zip(was, now, strict=True):
            yield from _differences(old, new, name)
    elif was != now:
        yield f"{name} was {was}, is {now}"
