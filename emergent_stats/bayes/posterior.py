"""PyMC models of a hypothesis, sampled with nutpie: the second route to every answer.

The same trend, metric and prior
objects that serve the quadrature engine are called here with PyTensor
variables, so the two routes share their formulas and a test compares them.

Skill of model i is trend(x_i) + σ·ε_i with ε_i ~ Normal(0, 1) (non-centred),
and the counts or scores follow from it. For metrics that show the skill itself
ε is integrated out in closed form. The gate on visible changes (see
`integrand`) is the potential ``visible``, not divided by its prior mass: that
constant, `integrand.log_visible_share`, changes evidences but no posterior.

A step is not differentiable in its location, so its location is summed out:
its gap between two models exactly, with weights proportional to the gaps,
while the place inside the gap, ``within_gap``, is sampled. `fit` draws the
gap and the location back, given everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from emergent_stats.bayes.sampling import finish, sample
from emergent_stats.bayes.symbolic import Seen, log_visibility
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.maths import gap_edges
from emergent_stats.model.priors import Interior, Normal, Uniform
from emergent_stats.results.files import ResultsError


@dataclass(frozen=True)
class Shape:
    """Shape of a model, which fixes its compiled form, and the arrays to fill it with.

    Those of one shape are equal whatever their arrays hold, so a model
    compiled for one serves the others.
    """

    m: int
    seen: Seen
    gaps: int
    blurred: bool
    arrays: dict[str, np.ndarray] = field(compare=False, repr=False)

    @classmethod
    def of(cls, hypothesis: Hypothesis, curve: Curve, x_error: Any = None) -> Shape:
        """Shape and arrays of a hypothesis on a curve."""
        gaps = _has_gaps(hypothesis)
        seen = Seen.of(curve, hypothesis.metric, summed=gaps)
        arrays = {"x": curve.x - curve.centre} | seen.arrays
        if x_error is not None:
            arrays["x_error"] = _checked_error(x_error, curve, gaps)
        for name, prior in hypothesis.priors().items():
            if isinstance(prior, Interior):
                bounds = prior.bounds(arrays["x"])
                arrays |= {f"{name}_low": np.array(bounds[0]), f"{name}_high": np.array(bounds[1])}
        count = 0
        if gaps:
            edges = _gap_edges(hypothesis, curve)
            count = edges.size - 1
            arrays |= {"gap_low": edges[:-1], "gap_high": edges[1:]}
        return cls(curve.m, seen, count, x_error is not None, arrays)


def _checked_error(x_error: Any, curve: Curve, gaps: bool) -> np.ndarray:
    error = np.broadcast_to(np.asarray(x_error, float), (curve.m,)).copy()
    if not (np.isfinite(error).all() and (error >= 0).all()):
        raise ValueError(
            "x_error must be finite and not negative: the standard error of each model's scale, "
            "in decades (nats for a loss, years for a date)"
        )
    if gaps:
        raise ValueError(
            "a step has no x_error: on which side of it a model stands would change in leaps; "
            "use a narrow Transition"
        )
    return error


def _has_gaps(hypothesis: Hypothesis) -> bool:
    """Whether the location has to be summed over the gaps between models."""
    return hypothesis.trend.discontinuous and "location" in hypothesis.trend.priors()


def _gap_edges(hypothesis: Hypothesis, curve: Curve) -> np.ndarray:
    prior = hypothesis.priors(curve)["location"]
    if not isinstance(prior, Uniform):
        raise ValueError(
            f"the location of {hypothesis.name!r} has the prior {prior}; a step needs Interior() "
            "or a Uniform, or a fixed location"
        )
    return gap_edges(curve.x - curve.centre, prior.low, prior.high)


def build_model(hypothesis: Hypothesis, curve: Curve, x_error: Any = None) -> pm.Model:
    """PyMC model of one hypothesis for one curve.

    Parameters
    ----------
    hypothesis : Hypothesis
        Its metric may differ from the curve's in its skill scale only.
    curve : Curve
        m models.
    x_error : (m,) array or float, optional
        Standard error of the scale, in decades (nats for a loss, years for a date). The true
        scales are then unknowns: ``x_true`` (model).

    Returns
    -------
    pymc.Model
        Free parameters under their own names, ``eps`` (model), the
        deterministic ``trend`` (model): skill without noise. Observed
        ``right`` (exact counts), ``score`` (rounded counts, or scores with a
        standard error) or ``seen`` (skill shown by a loss). A step instead has
        the potential ``scores`` and the deterministic ``gap_log_weight`` (gap).

    Raises
    ------
    ValueError
        With too few scales for a break, or a step whose location has a prior
        other than uniform.
    """
    return _model(hypothesis, Shape.of(hypothesis, curve, x_error), curve.models)


def _model(hypothesis: Hypothesis, design: Shape, models: tuple[str, ...] = ()) -> pm.Model:
    coords: dict[str, Any] = {"model": list(models) or np.arange(design.m)}
    if design.gaps:
        coords["gap"] = np.arange(design.gaps)
    with pm.Model(coords=coords) as model:
        data: dict[str, Any] = {
            name: pm.Data(f"{name}_data", array) for name, array in design.arrays.items()
        }
        parameters = _parameters(hypothesis, design, data)
        scale: Any = data["x"]
        if design.blurred:
            away = pm.Normal("x_away", 0.0, 1.0, dims="model")
            scale = pm.Deterministic("x_true", scale + data["x_error"] * away, dims="model")
        rows = scale[None, :]
        skill = hypothesis.skill(rows, parameters)
        gate = log_visibility(hypothesis, rows, parameters, skill)
        own = skill
        if not design.seen.shows_skill:
            own = skill + parameters["sigma"] * pm.Normal("eps", 0.0, 1.0, dims="model")[None, :]
        if design.gaps:
            _add_gaps(hypothesis, design, data, parameters, own, gate)
        else:
            pm.Deterministic("trend", skill[0], dims="model")
            if hypothesis.account != "flat":
                pm.Potential("visible", gate[0])
            rates = hypothesis.rates(parameters)
            design.seen.add(own[0], hypothesis.metric, rates, parameters["sigma"], data)
    return model


def _parameters(hypothesis: Hypothesis, design: Shape, data: dict[str, Any]) -> dict[str, Any]:
    """Free parameters as variables of the model in context, fixed ones as numbers."""
    found: dict[str, Any] = dict(hypothesis.fixed())
    priors = hypothesis.priors()
    for name, prior in priors.items():
        if name == "level" and _level_moves(hypothesis, design):
            continue
        if name == "location" and design.gaps:
            share = pm.Uniform("within_gap", 0.0, 1.0)
            low, high = data["gap_low"][:, None], data["gap_high"][:, None]
            found[name] = low + (high - low) * share
        elif isinstance(prior, Interior):
            # bounds as data, so that designs of one shape share a compiled model
            found[name] = Uniform(data[f"{name}_low"], data[f"{name}_high"]).pymc(name)
        else:
            found[name] = prior.pymc(name)
    level = priors.get("level")
    if _level_moves(hypothesis, design) and isinstance(level, Normal):
        # any wide density serves: `_add_gaps` divides by it
        found["base"] = pm.Normal("base", level.loc, 2.0 * level.scale)
        found["level"] = found["base"] + found["slope"] * found["location"]
    return found


def _level_moves(hypothesis: Hypothesis, design: Shape) -> bool:
    """Whether the level at a step is replaced by the line's height at x = 0."""
    return (
        design.gaps > 0
        and isinstance(hypothesis.priors().get("level"), Normal)
        and "slope" in hypothesis.trend.parameter_names()
    )


def _add_gaps(hypothesis, design, data, parameters, own, gate) -> None:
    """Add the likelihood summed over the gaps, skill `own` (G, m) if the step is in each."""
    rates = hypothesis.rates(parameters)
    each = design.seen.log_density(own, hypothesis.metric, rates, parameters["sigma"], data)
    width = data["gap_high"] - data["gap_low"]
    log_weight = pt.log(width / width.sum()) + gate + pt.sum(each, axis=-1)
    level = hypothesis.priors().get("level")
    if _level_moves(hypothesis, design) and isinstance(level, Normal):
        normal: Any = pm.Normal.dist
        prior, stand_in = normal(level.loc, level.scale), normal(level.loc, 2.0 * level.scale)
        log_weight += pm.logp(prior, parameters["level"][:, 0])
        log_weight -= pm.logp(stand_in, parameters["base"])
    pm.Deterministic("gap_log_weight", log_weight, dims="gap")
    total: Any = pm.math.logsumexp(log_weight)
    pm.Potential("scores", total)


@lru_cache(maxsize=16)
def _compiled(hypothesis: Hypothesis, design: Shape) -> Any:
    """Model compiled for a hypothesis and a shape (not for the arrays in `design`)."""
    import nutpie

    return nutpie.compile_pymc_model(_model(hypothesis, design))


def fit(
    curve: Curve,
    hypothesis: Hypothesis | str,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    progress: bool = False,
    x_error: Any = None,
    unconstrained: bool = False,
) -> xr.DataTree:
    """Sample the posterior of a hypothesis with nutpie.

    Curves of one shape (number of models and kind of scores) share one
    compiled model, so only the first is slow.

    Parameters
    ----------
    curve : Curve
        The scores.
    hypothesis : Hypothesis or str
        Trend, metric and noise, or the name of a trend in `TRENDS`: seen through the curve's
        metric, under the declared priors.
    draws, tune, chains : int
        Per chain: draws kept, draws for adaptation; number of chains.
    seed : int
        Of the chains, and of the place of a step.
    progress : bool
        Show nutpie's progress bar.
    x_error
        As in `build_model`.
    unconstrained : bool
        Also keep the draws as the sampler sees them (for `bridge`).

    Returns
    -------
    xarray.DataTree
        Groups posterior, sample_stats, observed_data, constant_data, as ArviZ
        wants them. `sampling.diagnostics` of it are in its attribute
        ``diagnostics``.

    Raises
    ------
    ResultsError
        For a name that no trend has.
    """
    if isinstance(hypothesis, str):
        hypothesis = _named(hypothesis, curve)
    design = Shape.of(hypothesis, curve, x_error)
    tree = sample(
        _compiled(hypothesis, design), design.arrays, draws=draws, tune=tune, chains=chains,
        seed=seed, progress=progress, unconstrained=unconstrained,
    )  # fmt: skip
    posterior = tree["posterior"].to_dataset()
    if design.gaps:
        posterior = _place_step(hypothesis, curve, design, posterior, seed)
    names = {"model": list(curve.models)}
    per_model = {n: ("model", a) for n, a in design.arrays.items() if a.shape == (curve.m,)}
    observed = {"score": ("model", curve.score)}
    observed |= {n: per_model.pop(n) for n in ("right", "seen", "score") if n in per_model}
    constant = per_model | {"axis_values": ("model", curve.axis_values)}
    attrs = {
        "hypothesis": hypothesis.name,
        "account": hypothesis.account,
        "axis": curve.axis,
        "centre": curve.centre,
        "seed": seed,
    }
    return finish(tree, posterior.assign_coords(names), observed, constant, names, attrs)


def _named(name: str, curve: Curve) -> Hypothesis:
    """Hypothesis of the trend `name` under the declared priors."""
    found = {h.name: h for h in hypotheses(curve.metric_object)}
    if name not in found:
        raise ResultsError(f"no trend {name!r}; use one of {', '.join(found)}")
    return found[name]


def _place_step(hypothesis, curve, design, posterior: xr.Dataset, seed: int) -> xr.Dataset:
    """Draw the gap of each draw's step, and with it the location and the trend."""
    log_weight = posterior["gap_log_weight"].to_numpy()
    rng = np.random.default_rng([seed, 11])
    # the largest of log weights plus Gumbel noise is a draw with these weights
    gap = (log_weight + rng.gumbel(size=log_weight.shape)).argmax(-1)
    low, high = design.arrays["gap_low"][gap], design.arrays["gap_high"][gap]
    location = low + (high - low) * posterior["within_gap"].to_numpy()
    sampled = ("chain", "draw")
    parameters = {n: posterior[n].to_numpy()[..., None] for n in hypothesis.priors()
                  if n in posterior}  # fmt: skip
    parameters |= {"location": location[..., None], **hypothesis.fixed()}
    if _level_moves(hypothesis, design):
        base = posterior["base"].to_numpy()
        level = base + parameters["slope"][..., 0] * location
        posterior = posterior.assign(level=(sampled, level))
        parameters["level"] = level[..., None]
    trend = hypothesis.skill(curve.x - curve.centre, parameters)
    return posterior.assign(
        gap=(sampled, gap), location=(sampled, location), trend=((*sampled, "model"), trend)
    )
