"""Many tasks at once: how many of them jump, set on, grow gradually or stay flat.

One PyMC model of all series. Slopes, heights, bends and noise are partially
pooled, the noise of a model is shared by its tasks, and the account of each
task is summed out: the shares of the accounts are parameters, and every draw
gives each task's probabilities. Tasks that were kept because the largest
model succeeds carry that selection in the likelihood: `share` is of all
tasks, ``share_selected`` of the kind that was kept.

Skill of model i on task t is trend_t(x_i) + shared·u_i + σ_t·ε_ti, with ε
integrated out in tables (`noise_tables`) and break locations summed over the
gaps between models. The sampler sees every task through quantities that mean
the same in all accounts, so that it can pass from one to the other: ``top``
(skill of the largest model), ``rise`` (from smallest to largest) and the
share of the rise that a leap or a bend makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor
import xarray as xr
from scipy import special

from emergent_stats.curve import Curve
from emergent_stats.importance import spread
from emergent_stats.noise_tables import table_sum
from emergent_stats.pooling import ALMOST_NEVER, Selection, Tasks
from emergent_stats.sampling import finish, sample
from emergent_stats.trends import ACCOUNTS

# typed as anything: the type stubs know nothing of what variables can do
pt: Any = pytensor.tensor
pm_math: Any = pm.math

_SELECTION_NODES = 32


# --- the model --------------------------------------------------------------------------------
def build_pooled_model(tasks: Tasks) -> pm.Model:
    """PyMC model of many series (see the module docstring).

    Returns
    -------
    pymc.Model
        ``share`` (account) and, with a selection, ``share_selected``;
        ``slope_scale``, ``height_scale``, ``bend_scale``, ``sigma_typical``,
        ``sigma_spread``, ``level`` and ``level_spread`` (metric); ``shared``,
        ``model_noise`` (model); ``top``, ``rise``, ``sigma`` (task);
        ``log_account`` (task, account), unnormalised.
    """
    coords = {
        "task": list(tasks.names), "model": list(tasks.models),
        "metric": list(tasks.metric_names), "account": list(ACCOUNTS),
    }  # fmt: skip
    with pm.Model(coords=coords) as model:
        data: dict[str, Any] = {n: pm.Data(f"{n}_data", a) for n, a in tasks.arrays.items()}
        share = pm.Dirichlet("share", np.ones(len(ACCOUNTS)), dims="account")
        scale = {
            "slope": pm.LogNormal("slope_scale", np.log(0.7), 0.7),
            "height": pm.LogNormal("height_scale", np.log(0.5), 0.4),
            "bend": pm.LogNormal("bend_scale", np.log(0.75), 0.4),
        }
        level = pm.Normal("level", -1.5, 1.5, dims="metric")
        level_spread = pm.HalfNormal("level_spread", 1.5, dims="metric")
        sigma_typical = pm.LogNormal("sigma_typical", np.log(0.2), 0.5)
        sigma_spread = pm.HalfNormal("sigma_spread", 0.5)
        sigma_away: Any = pm.Normal("sigma_away", 0.0, 1.0, dims="task")
        log_sigma = pt.log(sigma_typical) + sigma_spread * sigma_away
        pm.Deterministic("sigma", pt.exp(log_sigma), dims="task")
        shared = pm.HalfNormal("shared", 0.2)
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
        kind = data["kind"]
        where = (level[kind], level_spread[kind])
        prior = _log_prior(data, top, log_rise, portion, slope, extra, scale, where)
        start: Any = top[:, None] + noise[data["model"]]
        rows = table_sum(
            data["table"], data["row_task"], data["line"], data["shape"], start, slope, extra,
            log_sigma[data["row_task"]],
        )  # fmt: skip
        each: Any = rows[:, data["level_row"]] + data["log_level"]
        each = pm_math.logsumexp(each, axis=-1, keepdims=False) + prior
        own = np.arange(len(ACCOUNTS))[None, :] == tasks.arrays["account"][:, None]
        barred = np.where(own, 0.0, ALMOST_NEVER)[:, None, :]
        by_account: Any = pm_math.logsumexp(each[:, :, None] + barred, axis=0, keepdims=False)
        by_account = by_account + pt.log(share)
        pm.Deterministic("log_account", by_account, dims=("task", "account"))
        pm.Potential("scores", pm_math.logsumexp(by_account, axis=1).sum())
        if tasks.selected:
            last = noise[data["model"][:, -1]]
            passing = _log_passing(tasks, data, scale, where, last, pt.log(sigma_typical))
            kept: Any = passing + pt.log(share)
            pm.Potential("selection", -pm_math.logsumexp(kept, axis=1).sum())
            pm.Deterministic(
                "share_selected", pm_math.softmax(kept, axis=1).mean(0), dims="account"
            )
    return model


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
    width = pt.as_tensor_variable([1.0, scale["height"], scale["bend"]])[data["portion"]][:, None]
    size = pt.switch(has_extra, extra, 1.0)
    gamma = 2 * pt.log(size) - size / width - 3 * pt.log(width) - np.log(2.0)
    gamma = gamma + log_rise[None] - pt.log(data["gain"])
    return found + pt.switch(has_extra, gamma, 0.0) + data["log_weight"]


def _log_passing(tasks, data, scale, where, last, log_sigma):
    """Log probability that a task of each account is kept, over the population: (T, account)."""
    count = _SELECTION_NODES
    z = spread(count, 4)
    account = tasks.arrays["account"]
    # the alternatives of an account take turns
    pick = np.concatenate(
        [own[np.arange(count) % own.size] for a in range(len(ACCOUNTS))
         if (own := np.random.default_rng(0).permutation(np.flatnonzero(account == a))).size]
    )  # fmt: skip
    z = np.tile(z, (len(ACCOUNTS), 1))
    unit_gamma = special.gammaincinv(3.0, special.ndtr(z[:, 2]))[:, None]
    width = pt.as_tensor_variable([0.0, scale["height"], scale["bend"]])[data["portion"]][pick][
        :, None
    ]
    rise = scale["slope"] * np.abs(z[:, 1:2]) * data["span"][None] + width * (
        unit_gamma * data["gain"][pick]
    )
    top = where[0][None] + where[1][None] * z[:, :1] + data["uses"][pick][:, None] * rise
    # the skill of the largest model only, so an alternative is its top: as an extra of shape −1
    rows, none = data["row_task"], 0.0 * data["line"][:, :1]
    minus = -1.0 + 0.0 * (pick[:, None, None] + none[None])
    passed = table_sum(
        data["passed"], rows, none, minus, last[:, None] + none, 0.0 * top, top,
        log_sigma + 0.0 * rows,
    )  # fmt: skip
    each: Any = passed[:, data["level_row"]] + data["log_level"]
    each = pm_math.logsumexp(each, axis=-1, keepdims=False)
    each = each.reshape((len(ACCOUNTS), count, -1))
    found: Any = pm_math.logsumexp(each, axis=1, keepdims=False) - np.log(count)
    return found.reshape((len(ACCOUNTS), -1)).T


@lru_cache(maxsize=8)
def _compiled(tasks: Tasks) -> Any:
    import nutpie

    return nutpie.compile_pymc_model(build_pooled_model(tasks))


def fit_pooled(
    curves: Sequence[Curve] | Tasks,
    selection: Selection | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    target_accept: float = 0.95,
    cores: int | None = None,
    adaptation: Literal["diag", "low_rank"] = "diag",
) -> xr.DataTree:
    """Sample the model of many series.

    Among many break locations and heights the sampler mixes slowly: look at
    the attribute ``diagnostics`` before believing digits.

    Parameters
    ----------
    curves : sequence of Curve
        Counts of right answers; series that cannot be used are named in the
        attribute ``notes``.
    selection : Selection, optional
        The rule by which these tasks were kept.
    draws, tune, chains, seed, progress
        As in `posterior.fit`.
    adaptation : {"diag", "low_rank"}
        Mass matrix of nutpie, for the full model.

    Returns
    -------
    xarray.DataTree
        posterior (see `build_pooled_model`, and ``p_account`` (task, account)
        per draw), sample_stats and the attributes ``diagnostics`` and ``notes``.
    """
    tasks = curves if isinstance(curves, Tasks) else Tasks.of(curves, selection)
    tree = sample(
        _compiled(tasks), tasks.arrays, draws=draws, tune=tune, chains=chains, seed=seed,
        progress=progress, target_accept=target_accept, cores=cores, adaptation=adaptation,
    )  # fmt: skip
    posterior = tree["posterior"].to_dataset()
    weight = posterior["log_account"].to_numpy()
    posterior = posterior.drop_vars("log_account").assign(
        p_account=(("chain", "draw", "task", "account"), special.softmax(weight, axis=-1))
    )
    names = {
        "task": list(tasks.names), "model": list(tasks.models),
        "metric": list(tasks.metric_names), "account": list(ACCOUNTS),
    }  # fmt: skip
    attrs = {"notes": "\n".join(tasks.notes), "seed": seed}
    constant = {"metric_of_task": ("task", tasks.arrays["kind"])}
    return finish(tree, posterior.assign_coords(names), {}, constant, names, attrs)


def task_table(tree: xr.DataTree) -> pd.DataFrame:
    """Probabilities of the accounts of every task, largest P(jump or onset) first."""
    p = tree["posterior"]["p_account"].mean(("chain", "draw")).to_pandas()
    table = pd.DataFrame(p)
    table.columns.name = None
    table["real"] = table["jump"] + table["onset"]
    return table.sort_values("real", ascending=False)


def share_table(tree: xr.DataTree) -> pd.DataFrame:
    """Shares of the accounts, of all tasks and of the kind that was kept: mean, 5 % and 95 %."""
    rows = {}
    for name in ("share", "share_selected"):
        if name in tree["posterior"]:
            draws = tree["posterior"][name]
            for account in ACCOUNTS:
                own = draws.sel(account=account).to_numpy()
                rows[name, account] = (own.mean(), *np.quantile(own, [0.05, 0.95]))
    index = pd.MultiIndex.from_tuples(list(rows), names=["of", "account"])
    return pd.DataFrame(list(rows.values()), index=index, columns=["mean", "low", "high"])
