"""Evidence of a joint hypothesis: both noises integrated out, parameters by importance sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from emergent_stats.evidence.importance import Estimate, integrate, log_sum, spread
from emergent_stats.model.likelihood import log_likelihood
from emergent_stats.model.metrics import Metric
from emergent_stats.model.observed import BINOMIAL, SKILL_NORMAL, Observations
from emergent_stats.model.priors import Interior
from emergent_stats.model.visible import eighth, log_gate
from emergent_stats.several.joint_model import JointHypothesis
from emergent_stats.several.views import Views

#: Nodes over the shared noise where two or more metrics are discontinuous.
_NODES = 9
_MAX_GAPS = 12
# standard errors by which an evidence of counts may come out above 1
_SIGMAS = 5.0
_SHARE_NODES = 4096
_TABLE = np.linspace(-16.0, 16.0, 4001)


@lru_cache(maxsize=64)
def _fraction_table(metric: Metric) -> np.ndarray:
    return np.asarray(metric.fraction(_TABLE), float)


def _seen(metric: Metric, skill: np.ndarray) -> np.ndarray:
    return skill if metric.continuous else np.interp(skill, _TABLE, _fraction_table(metric))


def _log_visibility(hypothesis: JointHypothesis, x: np.ndarray, parameters) -> np.ndarray:
    total = 0.0
    for way in hypothesis.changes(x, parameters):
        power = 0.0
        for j, skill, other in way:
            shown = hypothesis.left(j, _seen(hypothesis.metrics[j], skill), parameters)
            if other is None:
                hidden = shown.mean(1, keepdims=True)
            else:
                hidden = hypothesis.left(j, _seen(hypothesis.metrics[j], other), parameters)
            power = power + eighth(shown - hidden).sum(1)
        total = total + log_gate(power, hypothesis.visible)
    return np.asarray(total)


@lru_cache(maxsize=1024)
def _visible_share(hypothesis: JointHypothesis, design: tuple[float, ...]) -> float:
    """Log prior mass of visible changes on a design; the gate is divided by it."""
    if hypothesis.account == "flat":
        return 0.0
    x = np.array(design)
    problem = _JointIntegrand(hypothesis, x, None)
    z = spread(_SHARE_NODES, len(problem.priors))
    whole = _JointIntegrand(hypothesis, x, None, gaps=False)
    parameters = whole.parameters(z, np.zeros(len(z), int))
    gate = _log_visibility(hypothesis, x[None], parameters)
    return float(log_sum(gate) - np.log(gate.size))


def log_visible_share(hypothesis: JointHypothesis, views: Views) -> float:
    """Log prior mass of visible changes, by which an evidence is divided."""
    return _visible_share(hypothesis, views.curves[0].design)


class _JointIntegrand:
    """A joint hypothesis on data, as an integrand over standard normal variables."""

    def __init__(self, hypothesis, x, views: Views | None, gaps: bool = True):
        self.hypothesis, self.x, self.views = hypothesis, np.asarray(x), views
        self.priors = dict(hypothesis.priors())
        self.split = hypothesis.break_name if gaps else None
        self.bounds: dict[str, np.ndarray] = {}
        self.log_mass = np.zeros(1)
        for name, prior in self.priors.items():
            if not isinstance(prior, Interior):
                continue
            low, high = prior.bounds(self.x)
            edges = np.array([low, high])
            if name == self.split:
                edges = np.unique(self.x)
                edges = edges[(edges >= low) & (edges <= high)]
                if edges.size > _MAX_GAPS + 1:
                    pick = np.linspace(0, edges.size - 1, _MAX_GAPS + 1).round().astype(int)
                    edges = edges[np.unique(pick)]
                self.log_mass = np.log(np.diff(edges) / (high - low))
            self.bounds[name] = np.array(list(pairwise(edges)))

    def parameters(self, z: np.ndarray, stratum: np.ndarray) -> dict[str, np.ndarray]:
        """Parameter values (R, 1)."""
        found = {}
        for j, (name, prior) in enumerate(self.priors.items()):
            if name in self.bounds:
                at = stratum if name == self.split else np.zeros(len(z), int)
                low, high = self.bounds[name][at].T
                value = low + (high - low) * special.ndtr(z[:, j])
            else:
                value = prior.from_normal(z[:, j])
            found[name] = value[:, None]
        return found

    def log_integrand(self, z: np.ndarray, stratum: np.ndarray) -> np.ndarray:
        """Log of likelihood × visibility."""
        parameters = self.parameters(z, stratum)
        assert self.views is not None
        gate = _log_visibility(self.hypothesis, self.x[None], parameters)
        return joint_log_likelihood(self.hypothesis, self.views, parameters) + gate

    def starts(self) -> np.ndarray:
        """Likely places of a mode: the line through the skills that the scores suggest."""
        assert self.views is not None
        guides = [np.clip(o.guide[:, 0], -4, 4) for o in self.views.observations]
        slope, level = np.polyfit(self.x, guides[0], 1)
        width = np.ptp(self.x)
        guess: dict[str, float] = {
            "level": level, "slope": max(slope, 0.05), "sigma": 0.15, "residual": 0.05,
            "guess": 0.005, "lapse": 0.005, "own_height": 1.0, "own_bend": 1.0,
        }  # fmt: skip
        for j, g in enumerate(guides[1:], 2):
            other = np.polyfit(self.x, g, 1)[0]
            ratio = np.clip(other / slope if slope > 0.02 else 1.0, 0.4, 2.5)
            guess |= {f"log_loading_{j}": np.log(ratio), f"offset_{j}": g.mean() - ratio * level}
        rows = []
        for share in (1.0, 0.4):
            own = dict(guess)
            own["slope"] = max(slope * share, 0.05)
            own["height"] = max(slope * (1.2 - share) * width, 0.3)
            own["bend"] = max(slope * 1.5, 0.3)
            if self.hypothesis.account == "falls":
                fall = max(abs(slope), 0.05)
                own |= {"slope": fall, "fall": fall, "height": max(fall * width, 0.3)}
            z = np.zeros(len(self.priors))
            for i, (name, prior) in enumerate(self.priors.items()):
                value = own.get(name, own.get(name.rsplit("_", 1)[0]))
                if value is not None and name not in self.bounds:
                    grid = np.linspace(-4, 4, 161)
                    z[i] = np.interp(value, prior.from_normal(grid), grid)
            rows.append(z)
        return np.array(rows)


def joint_log_likelihood(
    hypothesis: JointHypothesis, views: Views, parameters: dict[str, np.ndarray]
) -> np.ndarray:
    """Log likelihood of all metrics at parameters (R, 1), both noises integrated out; (R,).

    Given the trend the models are independent. Metrics that show the skill
    itself are Gaussian in the shared noise, in closed form; one discontinuous
    metric besides them sees a Gaussian skill, which is the integral that
    `likelihood` does; for more of them the shared noise is summed over nodes.
    """
    x = views.x[None]
    size, m = parameters["sigma"].shape[0], views.m
    shared = np.asarray(hypothesis.skill(x, parameters), float) + np.zeros((size, m))
    residual = np.maximum(parameters["residual"], 1e-4)
    skills, loads = hypothesis.seen_skills(x, shared, parameters)
    every = list(zip(range(len(skills)), views.observations, skills, loads, strict=True))
    losses = [
        (o.value[:, 0], o.error[:, 0], s, a) for _, o, s, a in every if o.kind == SKILL_NORMAL
    ]
    others = [one for one in every if one[1].kind != SKILL_NORMAL]
    total, centre, precision = shared_noise(losses, residual)
    precision = precision + np.zeros((size, m))
    if len(others) == 1:
        j, obs, skill, load = others[0]
        noise = np.sqrt(load**2 / precision + residual**2)
        total = total + _one(hypothesis, j, obs, skill + load * centre, noise, parameters)
    elif others:
        total = total + _several(hypothesis, others, centre, precision, residual, parameters)
    return np.asarray(total).sum(1)


def shared_noise(losses: Sequence[Any], residual: Any) -> tuple[Any, Any, Any]:
    """Metrics that show the skill itself, with the shared noise integrated out.

    Each is Normal(skill + load·ε, residual² + error²) with one standard normal
    ε for all.

    Parameters
    ----------
    losses : sequence of (value, error, skill, load)
    residual
        Noise that is not shared.

    Returns
    -------
    log_density
        Per model.
    centre, precision
        Of ε given these metrics, per model.
    """
    total: Any = 0.0
    precision: Any = 1.0
    pull: Any = 0.0
    for value, error, skill, load in losses:
        variance = residual**2 + error**2
        away = value - skill
        total = total - 0.5 * (away**2 / variance + np.log(2 * np.pi * variance))
        precision = precision + load**2 / variance
        pull = pull + load * away / variance
    centre = pull / precision
    return total + 0.5 * (pull * centre - np.log(precision)), centre, precision


def _one(hypothesis, j, obs, skill, noise, parameters) -> np.ndarray:
    """Log likelihood of a discontinuous metric whose skill is Normal(skill, noise²), (R, m)."""
    return by_model(obs, hypothesis.metrics[j], skill, noise, hypothesis.rates(j, parameters))


def by_model(
    obs: Observations, metric: Metric, skill: np.ndarray, noise: Any, rates: dict[str, Any]
) -> np.ndarray:
    """Log likelihood (R, m) where each model is a curve of `obs`, with noise of its own."""
    size, m = skill.shape
    guess, lapse = (
        np.repeat(np.broadcast_to(np.asarray(rates.get(n, 0.0)), (size, 1)), m)
        for n in ("guess", "lapse")
    )
    own = np.broadcast_to(noise, (size, m)).ravel()
    row = np.tile(np.arange(m), size)
    return log_likelihood(obs, metric, skill.reshape(-1, 1), own, guess, lapse, row).reshape(
        size, m
    )


def _several(hypothesis, others, centre, precision, residual, parameters) -> np.ndarray:
    """Log likelihood of two or more discontinuous metrics, shared noise summed over nodes.

    The shared noise is Normal(centre, 1/precision) given the other metrics;
    nodes are placed where the scores, as rough Gaussians, put it.
    """
    tight, pull = precision.copy(), precision * centre
    for _, obs, skill, load in others:
        info = np.maximum(obs.guide_info[:, 0], 1e-6)
        spread2 = residual**2 + 1.0 / info
        tight = tight + load**2 / spread2
        pull = pull + load * (obs.guide[:, 0] - skill) / spread2
    middle = pull / tight
    nodes, weights = special.roots_hermitenorm(_NODES)
    terms = []
    for node, weight in zip(nodes, weights, strict=True):
        eps = middle + node / np.sqrt(tight)
        # Gauss-Hermite weight, times the density of the noise over that of the nodes
        term = np.log(weight / np.sqrt(2 * np.pi)) + 0.5 * np.log(precision / tight)
        term = term - 0.5 * precision * (eps - centre) ** 2 + 0.5 * node**2
        for j, obs, skill, load in others:
            term = term + _one(hypothesis, j, obs, skill + load * eps, residual, parameters)
        terms.append(term)
    return log_sum(np.stack(terms), axis=0)


def joint_log_evidence(
    views: Views,
    hypothesis: JointHypothesis,
    *,
    nodes: int = 800,
    seed: int = 0,
    floor: float = -np.inf,
) -> Estimate:
    """Log evidence of a joint hypothesis, with its error and the nodes it came from.

    Parameters
    ----------
    views : Views
    hypothesis : JointHypothesis
    nodes, seed
        See `importance.integrate`.
    floor : float
        Evidence below which a rough value will do.
    """
    problem = _JointIntegrand(hypothesis, views.x, views)
    share = log_visible_share(hypothesis, views)
    found = integrate(
        problem.log_integrand, len(problem.priors), problem.log_mass,
        starts=problem.starts(), nodes=nodes, seed=seed, floor=floor + share,
        scales=[list(problem.priors).index(n) for n in ("sigma", "residual")],
    )  # fmt: skip
    found = replace(found, log_z=found.log_z - share, log_weight=found.log_weight - share)
    if all(o.kind == BINOMIAL for o in views.observations):
        check_counts(found, hypothesis.name)
    return found


def check_counts(found: Estimate, name: str) -> None:
    """Assert that an evidence of counts is the probability that it has to be: at most 1."""
    if found.log_z > _SIGMAS * found.error + 1e-6:
        raise AssertionError(f"log evidence of counts is {found.log_z:.3f}, above 0: {name}")


def posterior_nodes(
    views: Views, hypothesis: JointHypothesis, found: Estimate
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Parameter values at the nodes of an evidence, and their posterior weights (sum 1)."""
    problem = _JointIntegrand(hypothesis, views.x, views)
    parameters = problem.parameters(found.z, found.stratum)
    weight = np.exp(found.log_weight - log_sum(found.log_weight))
    return {n: v[:, 0] for n, v in parameters.items()}, weight / weight.sum()
