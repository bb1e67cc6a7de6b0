"""Posterior of a hypothesis about seeds, with PyMC (the accounts: `seeds`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from emergent_stats.model.curve import Curve
from emergent_stats.model.priors import Interior, Uniform
from emergent_stats.several.seeds import SeedHypothesis, usable_seeds


def build_seed_model(hypothesis: SeedHypothesis, curve: Curve) -> Any:
    """PyMC model of a hypothesis about seeds; the component of each seed is summed out.

    Returns
    -------
    pymc.Model
        Parameters under their own names, ``eps`` (seed) where the metric does
        not show the skill itself, and ``p_ahead`` (seed): the probability that
        a seed has broken through.
    """
    from emergent_stats.bayes.symbolic import Seen

    used, _ = usable_seeds(curve)
    seen = Seen.of(used, hypothesis.metric, summed=True)
    return _seed_model(hypothesis, seen, _seed_arrays(seen, used), used.models)


def _seed_arrays(seen: Any, used: Curve) -> dict[str, np.ndarray]:
    """What a compiled model is filled with: scales, observations, the bounds of a break."""
    x = used.x - used.centre
    low, high = (np.asarray(v) for v in Interior().bounds(x))
    return {"x": x, "location_low": low, "location_high": high, **seen.arrays}


def _seed_model(
    hypothesis: SeedHypothesis, seen: Any, arrays: dict[str, np.ndarray], models: Any
) -> Any:
    import pymc as pm
    import pytensor.tensor

    # typed as anything: the type stubs know nothing of what variables can do
    pt: Any = pytensor.tensor
    pm_math: Any = pm.math
    with pm.Model(coords={"seed": list(models)}) as model:
        data: dict[str, Any] = {n: pm.Data(f"{n}_data", a) for n, a in arrays.items()}
        x = data["x"]
        bounds = Uniform(data["location_low"], data["location_high"])
        p: dict[str, Any] = dict(hypothesis.trend.fixed())
        for name, prior in hypothesis.priors().items():
            # bounds as data, so that designs of one shape share a compiled model
            p[name] = (bounds if isinstance(prior, Interior) else prior).pymc(name)
        noise: Any = 0.0
        if not seen.shows_skill:
            noise = p["sigma"] * pm.Normal("eps", 0.0, 1.0, dims="seed")
        low = hypothesis.low(x, p)
        rates = hypothesis.rates(p)

        def density(skill: Any) -> Any:
            return seen.log_density(skill + noise, hypothesis.metric, rates, p["sigma"], data)

        if hypothesis.components == 1:
            pm.Potential("scores", density(low).sum())
            return model
        behind, ahead = hypothesis.log_weights(x, p)
        each = (behind + density(low), ahead + density(low + p["apart"]))
        two: Any = pt.concatenate([one[None] for one in each])
        pm.Deterministic("p_ahead", pm_math.softmax(two, axis=0)[1], dims="seed")
        pm.Potential("coexist", hypothesis.log_coexistence(x, p))
        pm.Potential("scores", pm_math.logsumexp(two, axis=0).sum())
    return model


_compiled_models: dict[Any, Any] = {}


def _compiled(hypothesis: SeedHypothesis, seen: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Compiled model, shared by data sets of one shape."""
    import nutpie

    key = (hypothesis, seen, tuple((n, a.shape) for n, a in arrays.items()))
    if key not in _compiled_models:
        if len(_compiled_models) >= 16:
            _compiled_models.clear()
        model = _seed_model(hypothesis, seen, arrays, np.arange(arrays["x"].size))
        _compiled_models[key] = nutpie.compile_pymc_model(model)
    return _compiled_models[key]


def fit_seeds(
    hypothesis: SeedHypothesis,
    curve: Curve,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    unconstrained: bool = False,
) -> Any:
    """Sample the posterior of a hypothesis about seeds; arguments as in `posterior.fit`."""
    from emergent_stats.bayes.sampling import finish, sample
    from emergent_stats.bayes.symbolic import Seen

    used, notes = usable_seeds(curve)
    seen = Seen.of(used, hypothesis.metric, summed=True)
    arrays = _seed_arrays(seen, used)
    tree = sample(
        _compiled(hypothesis, seen, arrays), arrays, draws=draws, tune=tune, chains=chains,
        seed=seed, progress=progress, unconstrained=unconstrained,
    )  # fmt: skip
    names = {"seed": list(used.models)}
    observed = {"score": ("seed", used.score)}
    constant = {"axis_values": ("seed", used.axis_values)}
    attrs = {"hypothesis": hypothesis.name, "notes": "\n".join(notes), "axis": used.axis}
    posterior = tree["posterior"].to_dataset()
    if "seed" in posterior.dims:
        posterior = posterior.assign_coords(names)
    return finish(tree, posterior, observed, constant, names, attrs)
