"""Running a PyMC model with nutpie, and what a sample needs to be believed, saved and checked."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from emergent_stats.results.extras import require

#: Diagnostics beyond which a posterior carries a warning.
MAX_RHAT = 1.01
MIN_ESS = 400

# funnels between sigma and the models' own skills need small steps
TARGET_ACCEPT = 0.95


def sample(
    compiled: Any,
    arrays: Mapping[str, np.ndarray],
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: bool = False,
    target_accept: float = TARGET_ACCEPT,
    unconstrained: bool = False,
    cores: int | None = None,
    adaptation: Literal["diag", "low_rank"] = "diag",
) -> xr.DataTree:
    """Draw from a compiled model, filled with the arrays of this data set.

    Parameters
    ----------
    compiled
        From ``nutpie.compile_pymc_model``; models of one shape share it.
    arrays : mapping
        Array of each ``pm.Data`` called ``<name>_data``.
    unconstrained : bool
        Also keep the draws in the space of the sampler (for bridge sampling).
    """
    import nutpie

    # data that the density does not need (the score beside its counts) are not in it
    used = {variable.name for variable in compiled.shared_var_keys}
    named = {f"{n}_data": a for n, a in arrays.items()}
    compiled = compiled.with_data(**{n: a for n, a in named.items() if n in used})
    return nutpie.sample(
        compiled, draws=draws, tune=tune, chains=chains, seed=seed, progress_bar=progress,
        cores=cores or min(chains, os.cpu_count() or 1), save_warmup=False,
        target_accept=target_accept, store_unconstrained=unconstrained,
        adaptation=adaptation,
    )  # type: ignore[return-value]  # fmt: skip


def finish(
    tree: xr.DataTree,
    posterior: xr.Dataset,
    observed: Mapping[str, Any],
    constant: Mapping[str, Any],
    coords: Mapping[str, Any],
    attrs: Mapping[str, Any],
) -> xr.DataTree:
    """Put posterior, data and remarks where ArviZ looks for them; `diagnostics` is an attribute."""
    tree["posterior"] = xr.DataTree(posterior)
    for group, variables in (("observed_data", observed), ("constant_data", constant)):
        dims = {d for v in variables.values() for d in np.atleast_1d(v[0])}
        own = {n: c for n, c in coords.items() if n in dims}
        tree[group] = xr.DataTree(xr.Dataset(dict(variables), coords=own))
    tree.attrs |= dict(attrs)
    tree.attrs["diagnostics"] = "\n".join(diagnostics(tree))
    return tree


def diagnostics(tree: xr.DataTree) -> list[str]:
    """Reasons to distrust a sample: divergences, R-hat, bulk ESS; empty if there are none."""
    found = []
    if count := divergences(tree):
        size = tree["sample_stats"]["diverging"].size
        found.append(f"{count} divergent transitions of {size} draws")
    rhat, ess = _convergence(tree)
    if not rhat or not ess:
        return [*found, "R-hat is not known: it needs 2 chains or more and 4 draws of each"]
    name = max(rhat, key=rhat.__getitem__)
    if rhat[name] > MAX_RHAT:
        found.append(f"R-hat of {name} is {rhat[name]:.3f}, above {MAX_RHAT}: chains disagree")
    name = min(ess, key=ess.__getitem__)
    if ess[name] < MIN_ESS:
        found.append(f"bulk ESS of {name} is {ess[name]:.0f}, below {MIN_ESS}: draw more")
    return found


def divergences(tree: xr.DataTree) -> int:
    """Number of divergent transitions."""
    stats = tree["sample_stats"].to_dataset()
    return int(stats["diverging"].to_numpy().sum()) if "diverging" in stats else 0


def largest_rhat(tree: xr.DataTree) -> float:
    """Largest R-hat of all quantities; NaN where it is not known."""
    return max(_convergence(tree)[0].values(), default=float("nan"))


def _convergence(tree: xr.DataTree) -> tuple[dict[str, float], dict[str, float]]:
    """Worst R-hat and bulk ESS of each quantity."""
    import arviz as az

    posterior = tree["posterior"].to_dataset()
    continuous = posterior[[n for n, v in posterior.data_vars.items() if v.dtype.kind == "f"]]
    with warnings.catch_warnings():
        # a constant quantity has no R-hat; it comes out as NaN and is passed over
        warnings.simplefilter("ignore", RuntimeWarning)
        rhat = _extreme(az.rhat(continuous), np.nanmax)
        ess = _extreme(az.ess(continuous, method="bulk"), np.nanmin)
    return rhat, ess


def _extreme(table: Any, pick: Any) -> dict[str, float]:
    values = {str(n): v.to_numpy() for n, v in table.data_vars.items()}
    return {n: float(pick(v)) for n, v in values.items() if np.isfinite(v).any()}


def save(tree: xr.DataTree, path: str | os.PathLike[str]) -> None:
    """Write a sample to a zarr store (a folder), all of it or nothing.

    Raises
    ------
    ValueError
        If `path` does not end in ``.zarr``, or is there and is not a zarr store; if zarr is not
        installed.
    """
    require("zarr", "zarr", "saving a sample")
    target = Path(path)
    if target.suffix != ".zarr":
        raise ValueError(f"{target.name!r} must end in .zarr: a sample is saved as a zarr store")
    if target.exists() and not (target / "zarr.json").is_file():
        raise ValueError(f"{target} is there already and is no zarr store; choose another name")
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with warnings.catch_warnings():
            # strings have no final place in version 3 of the zarr format yet; zarr reads its own
            warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification.*")
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not.*")
            tree.to_zarr(fresh, mode="w")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load_sample(path: str | os.PathLike[str]) -> xr.DataTree:
    """Read what `save` wrote, into memory.

    Raises
    ------
    ValueError
        If there is no zarr store at `path`.
    """
    if not (Path(path) / "zarr.json").is_file():
        raise ValueError(f"no saved sample at {os.fspath(path)!r}: it is a folder ending in .zarr")
    require("zarr", "zarr", "reading a sample")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification.*")
        return xr.open_datatree(path, engine="zarr").load()
