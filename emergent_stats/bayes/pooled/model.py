"""Many tasks at once: how many of them jump, set on, grow gradually or stay flat.

One model of all series. Slopes, heights, bends and noise are partially pooled,
the noise of a model is shared by its tasks, and each task has an account of
its own: the shares of the accounts are parameters, and every draw gives each
task's probabilities. Tasks that were kept because the largest model succeeds
carry that selection in the likelihood: `share` is of all tasks,
``share_selected`` of the kind that was kept. Families of models have shares
and a shift of the levels of their own; the scales of slopes, heights, bends and
noise are those of all families together. What differs between families beside
that is not in the model: where it matters, one fit per family.

Skill of model i on task t is trend_t(x_i) + shared·u_i + σ_t·ε_ti, with ε
integrated out in tables (`pooled.tables`) and break locations summed over the
gaps between models.

`build_pooled_model` states the model in PyMC. `fit_pooled` samples the same
posterior task by task (`pooled.sampler`): between a steep line, a kink in one
of several gaps and a step, NUTS hardly passes (on BIG-G's 85 tasks its R-hat
stayed at 1.08).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor
import xarray as xr

from emergent_stats.bayes.pooled.draws import posterior_of
from emergent_stats.bayes.pooled.packing import ALMOST_NEVER, POOLED_ACCOUNTS, Selection, Tasks
from emergent_stats.bayes.pooled.population import (
    FAMILY_LEVEL_PRIOR,
    LEVEL_PRIOR,
    LEVEL_SPREAD_PRIOR,
    SCALE_MEDIAN,
    SCALE_WIDTH,
    SHARED_PRIOR,
    SIGMA_SPREAD_PRIOR,
)
from emergent_stats.bayes.pooled.sampler import run
from emergent_stats.bayes.pooled.tables import KEPT_MEAN_POSITION, KEPT_SPREAD_POSITION, table_sum
from emergent_stats.bayes.sampling import finish
from emergent_stats.model.curve import Curve

# typed as anything: the type stubs know nothing of what variables can do
pt: Any = pytensor.tensor
pm_math: Any = pm.math


# --- the model --------------------------------------------------------------------------------
def build_pooled_model(tasks: Tasks) -> pm.Model:
    """PyMC model of many series (see the module docstring).

    The sampler sees every task through quantities that mean the same in all
    accounts: ``top`` (skill of the largest model), ``rise`` (from smallest to
    largest) and the share of the rise that a leap or a bend makes.

    Returns
    -------
    pymc.Model
        ``share`` (account) and, with a selection, ``share_selected``;
        ``slope_scale``, ``height_scale``, ``bend_scale``, ``sigma_typical``,
        ``sigma_spread``, ``level`` and ``level_spread`` (metric); ``shared``,
        ``model_noise`` (model); ``top``, ``rise``, ``sigma`` (task);
        ``log_account`` (task, account), unnormalised. With several families
        also ``share_family`` (family, account), of which ``share`` then is the
        mean, and ``level_shift`` (family).
    """
    coords = {
        "task": list(tasks.names), "model": list(tasks.models), "family": list(tasks.families),
        "metric": list(tasks.metric_names), "account": list(POOLED_ACCOUNTS),
    }  # fmt: skip
    with pm.Model(coords=coords) as model:
        data: dict[str, Any] = {n: pm.Data(f"{n}_data", a) for n, a in tasks.arrays.items()}
        log_share, scale, where, sigma_middle, sigma_spread = _population(tasks, data)
        sigma_away: Any = pm.Normal("sigma_away", 0.0, 1.0, dims="task")
        log_sigma = sigma_middle + sigma_spread * sigma_away
        pm.Deterministic("sigma", pt.exp(log_sigma), dims="task")
        shared = pm.HalfNormal("shared", SHARED_PRIOR)
        model_away: Any = pm.Normal("model_away", 0.0, 1.0, dims="model")
        noise: Any = pm.Deterministic("model_noise", shared * model_away, dims="model")
        # their densities differ by account: see `_log_prior`
        top: Any = pm.Flat("top", dims="task")
        log_rise: Any = pm.Flat("log_rise", dims="task")
        leap: Any = pm.Uniform("leap_portion", 0.0, 1.0, dims="task")
        bend: Any = pm.Uniform("bend_portion", 0.0, 1.0, dims="task")
        rise: Any = pm.Deterministic("rise", pt.exp(log_rise), dims="task")
        portion: Any = pt.concatenate([0.0 * leap[None], leap[None], bend[None]])[data["portion"]]
        slope = data["uses"][:, None] * (1.0 - portion) * rise / data["span"]
        extra = portion * rise / data["gain"]
        prior = _log_prior(data, top, log_rise, portion, slope, extra, scale, where)
        start: Any = top[:, None] + noise[data["model"]]
        rows = table_sum(
            data["table"], data["row_task"], data["line"], data["shape"], start, slope, extra,
            log_sigma[data["row_task"]],
        )  # fmt: skip
        each: Any = rows[:, data["level_row"]] + data["log_level"]
        each = pm_math.logsumexp(each, axis=-1, keepdims=False) + prior
        own = np.arange(len(POOLED_ACCOUNTS))[None, :] == tasks.arrays["account"][:, None]
        barred = np.where(own, 0.0, ALMOST_NEVER)[:, None, :]
        by_account: Any = pm_math.logsumexp(each[:, :, None] + barred, axis=0, keepdims=False)
        by_account = by_account + log_share
        pm.Deterministic("log_account", by_account, dims=("task", "account"))
        pm.Potential("scores", pm_math.logsumexp(by_account, axis=1).sum())
        if tasks.selected:
            last = noise[data["model"][:, -1]]
            mean_square = pt.exp(2 * sigma_middle + 2 * sigma_spread**2)
            kept: Any = _log_passing(tasks, data, scale, where, last, mean_square) + log_share
            pm.Potential("selection", -pm_math.logsumexp(kept, axis=1).sum())
            pm.Deterministic(
                "share_selected", pm_math.softmax(kept, axis=1).mean(0), dims="account"
            )
    return model


def _population(tasks: Tasks, data: dict[str, Any]) -> tuple[Any, dict[str, Any], tuple, Any, Any]:
    """Log shares (T, account), scales (T,), mean and spread of bottoms (T,), and of log noise."""
    names = ("slope_scale", "height_scale", "bend_scale", "sigma_typical")
    log_scale: list[Any] = [
        pt.log(pm.LogNormal(name, np.log(SCALE_MEDIAN[q]), SCALE_WIDTH[q]))
        for q, name in enumerate(names)
    ]
    level: Any = pm.Normal("level", *LEVEL_PRIOR, dims="metric")
    level_spread: Any = pm.HalfNormal("level_spread", LEVEL_SPREAD_PRIOR, dims="metric")
    sigma_spread = pm.HalfNormal("sigma_spread", SIGMA_SPREAD_PRIOR)
    family = data["family"]
    middle = level[data["kind"]]
    even = np.ones(len(POOLED_ACCOUNTS))
    if len(tasks.families) > 1:
        share: Any = pm.Dirichlet("share_family", even, dims=("family", "account"))
        pm.Deterministic("share", share.mean(0), dims="account")
        shift: Any = pm.Normal("level_shift", 0.0, FAMILY_LEVEL_PRIOR, dims="family")
        middle = middle + shift[family]
    else:
        share = pm.Dirichlet("share", even, dims="account")[None]
    log_slope, log_height, log_bend, log_sigma = log_scale
    everywhere = 0.0 * middle
    scale = {
        "slope": pt.exp(log_slope + everywhere), "height": pt.exp(log_height + everywhere),
        "bend": pt.exp(log_bend + everywhere),
    }  # fmt: skip
    where = (middle, level_spread[data["kind"]])
    return pt.log(share)[family], scale, where, log_sigma + everywhere, sigma_spread


def _log_prior(data, top, log_rise, portion, slope, extra, scale, where) -> Any:
    """Log prior density (C, T) of what the sampler sees, in each alternative.

    From (top, log rise, portion) to (bottom, slope, height or bend) the
    Jacobian is rise²/(span·gain), or rise/span without an extra. What an
    alternative does not use has a density near what the others make of it.
    """
    uses, has_extra = data["uses"][:, None], pt.neq(data["portion"], 0)[:, None]
    rise = pt.exp(log_rise)[None]
    bottom = top[None] - uses * rise
    found = -0.5 * ((bottom - where[0]) / where[1]) ** 2 - pt.log(where[1])
    half_normal = np.log(2 / np.sqrt(2 * np.pi)) - 0.5 * (slope / scale["slope"]) ** 2
    half_normal = half_normal - pt.log(scale["slope"]) + log_rise[None] - pt.log(data["span"])
    unused = -0.5 * (log_rise[None] - 0.5) ** 2 - 0.5 * np.log(2 * np.pi)
    found = found + pt.switch(uses > 0, half_normal, unused)
    width = _widths(scale)[data["portion"]]
    size = pt.switch(has_extra, extra, 1.0)
    gamma = 2 * pt.log(size) - size / width - 3 * pt.log(width) - np.log(2.0)
    gamma = gamma + log_rise[None] - pt.log(data["gain"])
    return found + pt.switch(has_extra, gamma, 0.0) + data["log_weight"]


def _widths(scale: dict[str, Any]) -> Any:
    """Scale of the extra per portion (none, height, bend) and task."""
    each = [1.0 + 0.0 * scale["height"], scale["height"], scale["bend"]]
    return pt.concatenate([v[None] for v in each])


def _log_passing(tasks, data, scale, where, last, mean_square):
    """Log probability that a task of each account is kept, over the population: (T, account).

    Bottom and noise are integrated out in the tables (the noise by its mean square,
    beside the spread of bottoms), slopes and extras over nodes that stay the same.
    """
    node_of = data["node_of"]
    extra = data["node_extra"][:, None] * _widths(scale)[data["portion"][node_of]]
    slope = data["node_slope"][:, None] * data["uses"][node_of][:, None] * scale["slope"]
    rise = slope * data["span"] + extra * data["gain"][node_of]
    rows, none = data["row_task"], 0.0 * data["line"][:, :1]
    log_spread = 0.5 * pt.log(where[1] ** 2 + mean_square)
    # the skill of the largest model only: its rise is an extra of shape −1
    root = table_sum(
        data["kept"][:, None], rows, none, -1.0 + 0.0 * (node_of[:, None, None] + none[None]),
        (where[0] + last)[:, None], 0.0 * rise, rise, log_spread[rows],
        KEPT_MEAN_POSITION, KEPT_SPREAD_POSITION,
    )  # fmt: skip
    passed = 2 * pt.log(pt.maximum(root**2, 1e-150))
    each: Any = passed[:, data["level_row"]] + data["log_level"]
    each = pm_math.logsumexp(each, axis=-1, keepdims=False)
    each = each + data["log_weight"][node_of] + data["node_log_share"][:, None]
    account = tasks.arrays["account"][tasks.arrays["node_of"]]
    own: Any = [
        pm_math.logsumexp(each[np.flatnonzero(account == a)], axis=0, keepdims=False)
        for a in range(len(POOLED_ACCOUNTS))
    ]
    return pt.concatenate([v[:, None] for v in own], axis=1)


# --- its posterior ----------------------------------------------------------------------------
def fit_pooled(
    curves: Sequence[Curve] | Tasks,
    selection: Selection | None = None,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    cores: int | None = None,
    thin: int = 1,
) -> xr.DataTree:
    """Sample the model of many series.

    Parameters
    ----------
    curves : sequence of Curve
        Counts of right answers; series that cannot be used are named in the
        attribute ``notes``. Each family has shares and a level of its own, all
        else is common to them.
    selection : Selection, optional
        The rule by which these tasks were kept.
    draws, tune, chains : int
        Draws kept per chain, sweeps of each to warm up (100 or more), chains.
    seed : int
        The same seed gives the same draws, whatever `cores`.
    progress : bool
        Show a bar.
    cores : int, optional
        Chains at a time, all cores without it.
    thin : int
        Sweeps per draw.

    Returns
    -------
    xarray.DataTree
        posterior (see `build_pooled_model`, and ``p_account`` (task, account)
        per draw in place of ``log_account``), sample_stats with the share of
        tasks that ``moved``, and the attributes ``diagnostics`` and ``notes``.
        Rises that end at a score of 1 have long tails: if chains disagree, take
        more draws.

    Raises
    ------
    ValueError
        If fewer than two series can be used, or `draws`, `tune`, `chains` or
        `thin` are too small.
    """
    tasks = curves if isinstance(curves, Tasks) else Tasks.of(curves, selection)
    data, layout, found = run(
        tasks, draws, tune, chains, seed, cores=cores, thin=thin, progress=progress
    )
    posterior = posterior_of(data, layout, found)
    coords = {
        "task": list(tasks.names), "model": list(tasks.models), "family": list(tasks.families),
        "metric": list(tasks.metric_names), "account": list(POOLED_ACCOUNTS),
        "chain": np.arange(chains), "draw": np.arange(draws),
    }  # fmt: skip
    dims = {d for v in posterior.data_vars.values() for d in v.dims}
    posterior = posterior.assign_coords({n: c for n, c in coords.items() if n in dims})
    stats = xr.Dataset({"moved": (("chain", "draw"), np.stack([d.moved for d in found]))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    attrs = {"notes": "\n".join(tasks.notes), "seed": seed}
    constant = {
        "metric_of_task": ("task", tasks.arrays["kind"]),
        "family_of_task": ("task", tasks.arrays["family"]),
    }
    return finish(tree, posterior, {}, constant, coords, attrs)


def task_table(tree: xr.DataTree) -> pd.DataFrame:
    """Probabilities of the accounts of every task, largest P(jump or onset) first."""
    p = tree["posterior"]["p_account"].mean(("chain", "draw")).to_pandas()
    table = pd.DataFrame(p)
    table.columns.name = None
    table["real"] = table["jump"] + table["onset"]
    return table.sort_values("real", ascending=False)


def share_table(tree: xr.DataTree) -> pd.DataFrame:
    """Shares of the accounts: mean, 5 % and 95 %.

    Of all tasks (the mean of the families), of the kind that was kept and, with
    several families, of the tasks of each (``share <family>``).
    """
    posterior = tree["posterior"].to_dataset()
    shares = {n: posterior[n] for n in ("share", "share_selected") if n in posterior}
    if "share_family" in posterior:
        by_family = posterior["share_family"]
        shares |= {f"share {f}": by_family.sel(family=f) for f in by_family["family"].to_numpy()}
    rows = {}
    for name, draws in shares.items():
        for account in POOLED_ACCOUNTS:
            own = draws.sel(account=account).to_numpy()
            rows[name, account] = (own.mean(), *np.quantile(own, [0.05, 0.95]))
    index = pd.MultiIndex.from_tuples(list(rows), names=["of", "account"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["mean", "low", "high"])
