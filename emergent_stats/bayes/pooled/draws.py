"""What the sampler of the pooled model wrote down, as the variables of the model."""

from __future__ import annotations

import numpy as np
import xarray as xr

from emergent_stats.bayes.pooled.likelihood import Given
from emergent_stats.bayes.pooled.population import Layout, passing, places, unpacked
from emergent_stats.bayes.pooled.sampler import Draws


def posterior_of(data: Given, layout: Layout, runs: list[Draws]) -> xr.Dataset:
    """Posterior of the chains, with dimensions chain and draw (see `build_pooled_model`)."""
    theta = np.stack([r.theta for r in runs])
    z, at = np.stack([r.z for r in runs]), np.stack([r.at for r in runs])
    level_at, spread_at, parts_at, shared_at, shift_at = places(layout)
    parts = np.exp(theta[..., parts_at:shared_at]).reshape(*theta.shape[:2], -1, 4)
    share = parts / parts.sum(-1, keepdims=True)
    task = np.arange(at.shape[-1])
    slope = np.where(data.uses[at], np.exp(z[..., 1]), 0.0)
    extra = np.where(data.portion[at] > 0, np.exp(z[..., 2]), 0.0)
    rise = slope * data.span + extra * data.gain[task, at]

    def of(values: np.ndarray, *dims: str) -> tuple[tuple[str, ...], np.ndarray]:
        return ("chain", "draw", *dims), values

    found = {
        "share": of(share.mean(2), "account"),
        "slope_scale": of(np.exp(theta[..., 0])),
        "height_scale": of(np.exp(theta[..., 1])),
        "bend_scale": of(np.exp(theta[..., 2])),
        "sigma_typical": of(np.exp(theta[..., 3])),
        "sigma_spread": of(np.exp(theta[..., 4])),
        "level": of(theta[..., level_at:spread_at], "metric"),
        "level_spread": of(np.exp(theta[..., spread_at:parts_at]), "metric"),
        "shared": of(np.exp(theta[..., shared_at])),
        "model_noise": of(np.stack([r.noise for r in runs]), "model"),
        "top": of(z[..., 3] + rise, "task"),
        "rise": of(rise, "task"),
        "sigma": of(np.exp(z[..., 0]), "task"),
        "p_account": of(np.stack([r.p_account for r in runs]), "task", "account"),
    }
    if data.selected:
        selected = [
            [
                kept_accounts(data, unpacked(row, layout), r.noise[n])
                for n, row in enumerate(r.theta)
            ]
            for r in runs
        ]
        found["share_selected"] = of(np.array(selected), "account")
    if layout.families > 1:
        found |= {
            "share_family": of(share, "family", "account"),
            "level_shift": of(theta[..., shift_at:], "family"),
        }
    return xr.Dataset(found)


def kept_accounts(data: Given, population, noise: np.ndarray) -> np.ndarray:
    """Shares of the accounts (4,) among tasks like these that are kept, under one population."""
    room = np.empty((data.span.size, 4))
    passing(data, population, noise, room)
    kept = room + population.log_share[data.family]
    kept = np.exp(kept - kept.max(1, keepdims=True))
    return (kept / kept.sum(1, keepdims=True)).mean(0)
