"""Prior and posterior predictive checks of one curve, as groups that ArviZ plots as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.visible import eighth, log_gate


def prior_predictive(
    hypothesis: Hypothesis, curve: Curve, draws: int = 500, seed: int = 0
) -> xr.DataTree:
    """Parameters from the prior, and the scores that they would give on this design.

    Draws whose change would not be visible are turned away, as in the
    evidence, so this is the prior that is compared.

    Returns
    -------
    xarray.DataTree
        Groups prior, prior_predictive (``score``) and observed_data.
    """
    kept: dict[str, list[np.ndarray]] = {}
    count, round_ = 0, 0
    while count < draws:
        drawn = hypothesis.draw_parameters(curve, 4 * draws, np.random.default_rng([seed, round_]))
        u = np.random.default_rng([seed, round_, 1]).random(4 * draws)
        passed = u < np.exp(_log_gate(hypothesis, curve, drawn))
        for name, values in drawn.items():
            kept.setdefault(name, []).append(values[passed])
        count, round_ = count + int(passed.sum()), round_ + 1
    parameters = {n: np.concatenate(v)[:draws] for n, v in kept.items()}
    scores = hypothesis.simulate(curve, parameters, seed)
    shaped = {n: (("chain", "draw"), v[:, 0][None]) for n, v in parameters.items()}
    return xr.DataTree.from_dict(
        {
            "prior": xr.Dataset(shaped),
            "prior_predictive": _scores(curve, scores[None]),
            "observed_data": _observed(curve),
        }
    )


def posterior_predictive(
    tree: xr.DataTree, hypothesis: Hypothesis, curve: Curve, seed: int = 0
) -> xr.DataTree:
    """Return a copy of a sample with new scores, noise between models drawn anew.

    Parameters
    ----------
    tree : DataTree
        Of `posterior.fit`.
    """
    found = tree.copy()
    found["posterior_predictive"] = xr.DataTree(
        _scores(curve, _replicate(tree, hypothesis, curve, seed))
    )
    return found


def predictive_p_values(
    tree: xr.DataTree, hypothesis: Hypothesis, curve: Curve, seed: int = 0
) -> dict[str, float]:
    """Share of replicated series with as large a step, a fall, or a scatter as the observed one.

    Returns
    -------
    dict
        ``largest step``, ``largest fall`` (between neighbours in scale) and
        ``scatter`` (mean squared second difference); values near 0 or 1 are misfits.
    """
    new = _replicate(tree, hypothesis, curve, seed).reshape(-1, curve.m)
    found = {}
    for name, statistic in _STATISTICS.items():
        seen, drawn = statistic(curve.score[None])[0], statistic(new)
        found[name] = float(np.mean(drawn > seen) + 0.5 * np.mean(drawn == seen))
    return found


_STATISTICS = {
    "largest step": lambda y: np.diff(y, axis=1).max(1),
    "largest fall": lambda y: -np.diff(y, axis=1).min(1),
    "scatter": lambda y: (np.diff(y, 2, axis=1) ** 2).mean(1),
}


def _replicate(tree: xr.DataTree, hypothesis: Hypothesis, curve: Curve, seed: int) -> np.ndarray:
    posterior = tree["posterior"].to_dataset()
    trend = posterior["trend"].to_numpy()
    wanted = {n: posterior[n].to_numpy() for n in hypothesis.priors() if n in posterior}
    parameters: dict[str, Any] = {n: v.reshape(-1, 1) for n, v in wanted.items()}
    parameters |= {n: np.full((trend[..., 0].size, 1), v) for n, v in hypothesis.fixed().items()}
    scores = hypothesis.simulate(curve, parameters, seed)
    return scores.reshape(trend.shape)


def _log_gate(hypothesis: Hypothesis, curve: Curve, parameters: dict[str, Any]) -> np.ndarray:
    """Log of the gate on visible changes (see `integrand`), for draws (size, 1)."""
    if hypothesis.account == "flat":
        return np.zeros(len(next(iter(parameters.values()))))
    x, metric = (curve.x - curve.centre)[None], hypothesis.metric

    def shown(skill: Any) -> np.ndarray:
        skill = np.asarray(skill, float) + np.zeros_like(x)
        return skill if metric.continuous else np.asarray(metric.fraction(skill), float)

    own = {n: parameters[n] for n in hypothesis.trend.parameter_names()}
    seen = shown(hypothesis.trend(x, **own))
    others = [shown(other) for other in hypothesis.trend.without_break(x, **own)]
    total = np.zeros(len(seen))
    for other in others or [seen.mean(1, keepdims=True)]:
        total += log_gate(eighth(seen - other).sum(1), hypothesis.visible)
    return total


def _scores(curve: Curve, scores: np.ndarray) -> xr.Dataset:
    dims = ("chain", "draw", "model")
    return xr.Dataset({"score": (dims, scores)}, coords={"model": list(curve.models)})


def _observed(curve: Curve) -> xr.Dataset:
    return xr.Dataset({"score": ("model", curve.score)}, coords={"model": list(curve.models)})
