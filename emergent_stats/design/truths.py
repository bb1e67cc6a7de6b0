"""Truths to make curves up from: skill against scale, with random parameters.

The formulas are written down here once more, independently of `trends`, so
that analysing curves made from them (`simulate`) checks that module too.

``x`` is scale in decades from the middle of the design; skill is in nats of
log cross-entropy, measured from the skill at which the score is half-way
between chance and top. Slopes are nats per decade, widths are 10–90 % widths
in decades.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import integrate, special

type Parameters = dict[str, np.ndarray]

#: Small steps of `many_steps`, and nodes of `random_monotone` in decades from the centre.
_STEPS = 80
_NODES = np.linspace(-5.0, 5.0, 81)
#: Length scale of the slope of `random_monotone`, in decades.
_LENGTH = 1.0


# --- skill against scale -----------------------------------------------------------------
def _bent(d: Any, width: Any) -> Any:
    """Integral over d of a logistic rise from 0 to 1 whose 10–90 % width is `width`."""
    v = width / (2 * np.log(9.0))
    return v * np.logaddexp(0.0, d / v)


def _rise(d: Any, width: Any) -> Any:
    return special.expit(2 * np.log(9.0) * d / width)


def _flat(x, level):
    return level + np.zeros_like(x)


def _power_law(x, level, slope):
    return level + slope * x


def _ceiling(x, level, slope, ceiling):
    # cross-entropies add: that of the power law and one that no scale removes
    return -np.log(np.exp(-(level + slope * x)) + np.exp(-ceiling))


def _transition(x, level, slope, height, location, width):
    return level + slope * (x - location) + height * (_rise(x - location, width) - 0.5)


def _step(x, level, slope, height, location):
    return level + slope * (x - location) + height * (0.5 * np.sign(x - location))


def _kink(x, level, slope, bend, location):
    return level + np.where(x > location, slope + bend, slope) * (x - location)


def _flat_then_rise(x, level, bend, location):
    return level + bend * np.maximum(x - location, 0.0)


def _slowing(x, level, slope, bend, location, width):
    d = x - location
    return level + (slope + bend) * d - bend * _bent(d, width)


def _speeding(x, level, slope, bend, location, width):
    d = x - location
    return level + slope * d + bend * _bent(d, width)


def _random_monotone(x, level, log_slopes):
    slopes = np.exp(log_slopes)
    rise = integrate.cumulative_trapezoid(slopes, _NODES, axis=-1, initial=0.0)
    rise = rise - rise[..., _NODES.size // 2, None]
    i = np.clip(np.searchsorted(_NODES, x, side="right") - 1, 0, _NODES.size - 2)
    share = (x - _NODES[i]) / (_NODES[1] - _NODES[0])
    return level + (1 - share) * rise[..., i] + share * rise[..., i + 1]


def _many_steps(x, level, height, locations):
    passed = (x[..., :, None] > locations[..., None, :]).mean(-1)
    return level + height * (passed - 0.5)


def _u_shape(x, level, slope, depth, location, width):
    return level + slope * x - depth * np.exp(-0.5 * ((x - location) / width) ** 2)


# --- their parameters ------------------------------------------------------------
# Levels are near the middle of the score, so that there is something to see; a break lies
# in the middle 60 % of the design.
def _draw(**ranges: Any) -> Callable[[np.random.Generator, float, int], Parameters]:
    """Independent uniform draws; a location is in half spans, a level is normal around 0."""

    def draw(rng: np.random.Generator, half: float, size: int) -> Parameters:
        found = {}
        for name, given in ranges.items():
            if isinstance(given, float):
                found[name] = given * rng.standard_normal((size, 1))
                continue
            low, high = given
            if name == "width":
                found[name] = np.exp(rng.uniform(np.log(low), np.log(high), (size, 1)))
            else:
                unit = half if name == "location" else 1.0
                found[name] = unit * rng.uniform(low, high, (size, 1))
        return found

    return draw


@lru_cache(maxsize=1)
def _root() -> np.ndarray:
    """Cholesky factor of a squared-exponential covariance at the nodes."""
    d = (_NODES[:, None] - _NODES) / _LENGTH
    return np.linalg.cholesky(np.exp(-0.5 * d * d) + 1e-8 * np.eye(_NODES.size))


def _draw_monotone(rng: np.random.Generator, half: float, size: int) -> Parameters:
    level = rng.standard_normal((size, 1))
    middle = np.log(rng.uniform(0.3, 2.0, (size, 1)))
    spread = rng.uniform(0.3, 0.8, (size, 1))
    return {
        "level": level,
        "log_slopes": middle + spread * (rng.standard_normal((size, _NODES.size)) @ _root().T),
    }


def _draw_steps(rng: np.random.Generator, half: float, size: int) -> Parameters:
    return {
        "level": rng.standard_normal((size, 1)),
        "height": 2 * half * rng.uniform(0.3, 2.0, (size, 1)),
        "locations": half * rng.uniform(-1.0, 1.0, (size, _STEPS)),
    }


@dataclass(frozen=True)
class Truth:
    """One kind of truth.

    Attributes
    ----------
    name : str
    account : {"flat", "gradual", "onset", "jump"}
        The account that is right about it.
    inside : bool
        Whether the package's own trends contain it.
    skill : callable
        Skill at x (m,) given its parameters, each (size, ·): an array (size, m).
    draw : callable
        draw(rng, half, size): random parameters for a design that runs from
        −half to half decades.
    note : str
        What it stands for.
    """

    name: str
    account: str
    inside: bool
    skill: Callable[..., np.ndarray]
    draw: Callable[[np.random.Generator, float, int], Parameters]
    note: str


_MIDDLE = (-0.6, 0.6)
# fmt: off
_ALL = (
    Truth("flat", "flat", True, _flat, _draw(level=1.2), "nothing happens"),
    Truth("power_law", "gradual", True, _power_law, _draw(level=1.0, slope=(0.1, 3.0)),
          "a power law in cross-entropy"),
    Truth("ceiling", "gradual", True, _ceiling,
          _draw(level=1.0, slope=(0.3, 3.0), ceiling=(-0.5, 2.0)),
          "a power law with an irreducible cross-entropy"),
    Truth("broad_transition", "gradual", True, _transition,
          _draw(level=1.0, slope=(0.0, 1.0), height=(0.5, 3.0), location=_MIDDLE, width=(1.0, 3.0)),
          "a rise over one to three decades"),
    Truth("bnsl_slowing", "gradual", True, _slowing,
          _draw(level=1.0, slope=(0.0, 1.0), bend=(0.5, 2.0), location=_MIDDLE, width=(0.1, 3.0)),
          "a smoothly broken power law that slows down (Caballero et al. 2022, arXiv 2210.14891)"),
    Truth("bnsl_mild", "gradual", False, _speeding,
          _draw(level=1.0, slope=(0.2, 1.0), bend=(0.2, 0.8), location=_MIDDLE, width=(1.5, 3.0)),
          "a smoothly broken power law that speeds up a little, over more than a decade"),
    Truth("random_monotone", "gradual", False, _random_monotone, _draw_monotone,
          "the log slope is a Gaussian process of one decade's length"),
    Truth("many_steps", "gradual", False, _many_steps, _draw_steps,
          "80 small steps at random scales (Michaud et al. 2023, arXiv 2303.13506)"),
    Truth("u_shape", "gradual", False, _u_shape,
          _draw(level=1.0, slope=(0.2, 1.0), depth=(0.3, 1.2), location=_MIDDLE, width=(0.6, 1.2)),
          "a broad dip on the way (Wu and Lo 2024, arXiv 2410.01692)"),
    Truth("kink", "onset", True, _kink,
          _draw(level=0.7, slope=(0.0, 0.5), bend=(1.0, 3.0), location=_MIDDLE),
          "skill grows faster from a definite scale"),
    Truth("flat_then_rise", "onset", True, _flat_then_rise,
          _draw(level=0.7, bend=(1.0, 3.0), location=_MIDDLE),
          "skill starts to grow at a definite scale (Du et al. 2024, arXiv 2403.15796)"),
    Truth("step", "jump", True, _step,
          _draw(level=0.7, slope=(0.0, 0.5), height=(0.75, 2.5), location=_MIDDLE),
          "skill leaps between two scales"),
    Truth("narrow_transition", "jump", True, _transition,
          _draw(level=0.7, slope=(0.0, 0.5), height=(0.75, 2.5), location=_MIDDLE,
                width=(0.05, 0.4)),
          "skill leaps within .05 to .4 decade"),
)
# fmt: on
#: Every kind of truth by name.
TRUTHS = MappingProxyType({t.name: t for t in _ALL})
