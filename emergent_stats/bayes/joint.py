"""Full posterior of a joint hypothesis (see `joint`), as a PyMC model sampled with nutpie.

The parts of the likelihood that are Gaussian in the shared noise are summed in
closed form (`joint_evidence.shared_noise`, the same lines as in the evidence);
``eps`` is what the discontinuous metrics add to it, ``delta`` their own noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from emergent_stats.bayes.sampling import finish, sample
from emergent_stats.bayes.symbolic import Seen, shown
from emergent_stats.model.priors import Interior, Uniform
from emergent_stats.model.visible import eighth, log_gate
from emergent_stats.several.joint_evidence import shared_noise
from emergent_stats.several.joint_model import JointHypothesis
from emergent_stats.several.views import Views

# residual noise close to 0 makes a second funnel beside that of sigma
_TARGET_ACCEPT = 0.99


@dataclass(frozen=True)
class JointDesign:
    """Shape of a joint model, which fixes its compiled form, and the arrays to fill it with."""

    m: int
    seen: tuple[Seen, ...]
    arrays: dict[str, np.ndarray] = field(compare=False, repr=False)

    @classmethod
    def of(cls, hypothesis: JointHypothesis, views: Views) -> JointDesign:
        """Shape and arrays of a hypothesis on matched curves."""
        trends = [hypothesis.trend] + ([hypothesis.own] if hypothesis.own else [])
        if any(t.discontinuous for t in trends):
            raise ValueError(
                f"{hypothesis.name!r} has a step, whose location cannot be sampled here; "
                "use a Transition, or the nodes of `joint_log_evidence`"
            )
        seen = tuple(Seen.of(c, c.metric_object) for c in views.curves)
        arrays = {"x": views.x}
        for j, one in enumerate(seen, 1):
            arrays |= {f"{n}_{j}": a for n, a in one.arrays.items()}
        for name, prior in hypothesis.priors().items():
            if isinstance(prior, Interior):
                low, high = prior.bounds(views.x)
                arrays |= {f"{name}_low": np.array(low), f"{name}_high": np.array(high)}
        return cls(views.m, seen, arrays)


def build_joint_model(hypothesis: JointHypothesis, views: Views) -> pm.Model:
    """PyMC model of a joint hypothesis.

    Parameters
    ----------
    hypothesis : JointHypothesis
        A step or a drop is refused: its location would have to be summed over.
    views : Views

    Returns
    -------
    pymc.Model
        Parameters under their own names, the deterministic ``trend`` (model):
        shared skill without noise.
    """
    return _model(hypothesis, JointDesign.of(hypothesis, views), views.curves[0].models)


def _model(hypothesis: JointHypothesis, design: JointDesign, models: Any = ()) -> pm.Model:
    seen = design.seen
    views = range(len(seen))
    with pm.Model(coords={"model": list(models) or np.arange(design.m)}) as model:
        data: dict[str, Any] = {n: pm.Data(f"{n}_data", a) for n, a in design.arrays.items()}
        p: dict[str, Any] = {}
        for name, prior in hypothesis.priors().items():
            if isinstance(prior, Interior):
                prior = Uniform(data[f"{name}_low"], data[f"{name}_high"])
            p[name] = prior.pymc(name)
        x = data["x"]
        shared = pm.Deterministic("trend", hypothesis.skill(x, p), dims="model")
        skills, loads = hypothesis.seen_skills(x, shared, p)
        _gate(hypothesis, x, p)
        losses = [j for j in views if seen[j].shows_skill]
        others = [j for j in views if j not in losses]
        log_losses, centre, precision = shared_noise(
            [(data[f"seen_{j + 1}"], data[f"error_{j + 1}"], skills[j], loads[j]) for j in losses],
            p["residual"],
        )
        if losses:
            pm.Potential("losses", log_losses.sum())
        noisy: dict[int, Any] = {}
        if len(others) == 1:
            # two normal noises seen through one metric are one
            j = others[0]
            noise = np.sqrt(loads[j] ** 2 / precision + p["residual"] ** 2)
            noisy = {j: skills[j] + loads[j] * centre + noise * _standard("eps")}
        elif others:
            eps = centre + _standard("eps") / np.sqrt(precision)
            noisy = {
                j: skills[j] + loads[j] * eps + p["residual"] * _standard(f"delta_{j + 1}")
                for j in others
            }
        for j, skill in noisy.items():
            own = {n: data[f"{n}_{j + 1}"] for n in seen[j].arrays}
            rates = hypothesis.rates(j, p)
            seen[j].add(skill, hypothesis.metrics[j], rates, 0.0, own, suffix=f"_{j + 1}")
    return model


def _standard(name: str) -> Any:
    return pm.Normal(name, 0.0, 1.0, dims="model")


def _gate(hypothesis: JointHypothesis, x: Any, p: dict[str, Any]) -> None:
    if hypothesis.account == "flat":
        return
    total: Any = 0.0
    for way in hypothesis.changes(x, p):
        power: Any = 0.0
        for j, skill, other in way:
            seen = hypothesis.left(j, shown(hypothesis.metrics[j], skill), p)
            hidden = seen.mean()
            if other is not None:
                hidden = hypothesis.left(j, shown(hypothesis.metrics[j], other), p)
            power = power + eighth(seen - hidden).sum()
        total = total + log_gate(power, hypothesis.visible)
    pm.Potential("visible", total)


@lru_cache(maxsize=16)
def _compiled(hypothesis: JointHypothesis, design: JointDesign) -> Any:
    import nutpie

    return nutpie.compile_pymc_model(_model(hypothesis, design))


def fit_joint(
    hypothesis: JointHypothesis,
    views: Views,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    unconstrained: bool = False,
) -> xr.DataTree:
    """Sample the posterior of a joint hypothesis; pairs of one shape share a compiled model.

    Parameters are those of `posterior.fit`.

    Returns
    -------
    xarray.DataTree
        With ``score_1``, ``score_2``, … in observed_data and the diagnostics
        in the attribute ``diagnostics``.
    """
    design = JointDesign.of(hypothesis, views)
    tree = sample(
        _compiled(hypothesis, design), design.arrays, draws=draws, tune=tune, chains=chains,
        seed=seed, progress=progress, unconstrained=unconstrained, target_accept=_TARGET_ACCEPT,
    )  # fmt: skip
    names = {"model": list(views.curves[0].models)}
    observed = {f"score_{j}": ("model", c.score) for j, c in enumerate(views.curves, 1)}
    constant = {"axis_values": ("model", views.curves[0].axis_values)}
    attrs = {
        "hypothesis": hypothesis.name,
        "account": hypothesis.account,
        "metrics": ", ".join(c.metric for c in views.curves),
        "axis": views.curves[0].axis,
        "centre": views.curves[0].centre,
        "seed": seed,
    }
    posterior = tree["posterior"].to_dataset().assign_coords(names)
    return finish(tree, posterior, observed, constant, names, attrs)
