"""Trends: how skill depends on scale.

A trend is a frozen dataclass whose fields are its parameters and whose field
values are their priors (a number in place of a prior fixes the parameter).
Calling it with parameter values returns the skill. The same lines, made of
operators and NumPy ufuncs only, run on arrays and on PyTensor variables.

``x`` is scale in decades (log10 of params, tokens, FLOPs or step; −loss in
nats; a date in years) measured from the middle of the design; skill is in nats of log
cross-entropy, measured from the skill at which the score is half-way between
chance and top. ``location`` is in decades like ``x``, ``width`` is the 10–90 %
width of a transition in decades, ``height`` is in nats, slopes in nats/decade.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from emergent_stats.model.priors import (
    Anywhere,
    Gamma,
    HalfNormal,
    Interior,
    LogUniform,
    Normal,
    Prior,
    Rising,
    Uniform,
)

#: Accounts of the skill behind a score; their probabilities sum to 1.
ACCOUNTS = ("flat", "gradual", "onset", "jump", "falls")
#: Prior probability of each: that nothing happens, that skill grows smoothly, that it breaks and
#: that it falls are equally probable, and a break is as likely an onset as a jump. Were all five
#: equal, a series that rises would have two to one on a break before its scores are looked at.
PRIOR = MappingProxyType(
    {"flat": 0.25, "gradual": 0.25, "onset": 0.125, "jump": 0.125, "falls": 0.25}
)
#: Accounts in which skill breaks upwards: what a verdict `real` speaks of.
BREAKS = ("onset", "jump")

#: Widest transition (10–90 %, decades) that counts as a jump. Declared, not estimated.
JUMP_WIDTH = 0.5
#: Narrowest and widest transition considered at all, in decades.
WIDTH_RANGE = (0.02, 3.0)
#: Widest bend (10–90 % of the change of slope, decades) that still is an onset at a definite scale.
BEND_WIDTH = 1.0
#: Widest change of slope considered, in decades.
WIDEST_BEND = 4.0

# 10-90 % width of the logistic function: logit(.9) - logit(.1)
LOGISTIC_WIDTH = 2 * np.log(9.0)

# Priors, all proper, in one place. The level is that of the middle of the design, or of the break:
# a midpoint confined to the design plus a decade cannot carry slowly growing scores (GPT-3 on
# NaturalQuestions grows by 0.3 nats/decade and reaches one half 3.3 decades beyond its last model).
LEVEL = Normal(0.0, 3.0)
# Published slopes run from about 0.1 to 4 nats per decade: flat there, 0.4 % above 4.3. A Student t
# with 3 degrees of freedom would give slopes above 6, which make any jump, a percent.
SLOPE = HalfNormal(1.5)
# non-local: no evidence against a break could gather if it might be as small as nothing. Nine in
# ten heights lie between .8 and 3.2 nats; what is smaller hardly changes a score by a fifth.
HEIGHT = Gamma(6.0, 0.3)
BEND = Gamma(6.0, 0.4)
# A fall is of interest however gentle it is, as long as it shows.
DROP = Gamma(3.0, 0.5)
FALL = Gamma(3.0, 0.75)


def _logistic(z):
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def _positive(z):
    # max(z, 0) from operators that PyTensor also understands
    return 0.5 * (z + np.abs(z))


def _softplus(z):
    return _positive(z) + np.log1p(np.exp(-np.abs(z)))


@dataclass(frozen=True)
class Trend:
    """Base of all trends; see the module docstring for units."""

    account: ClassVar[str] = "gradual"
    #: True if the skill is not continuous in a parameter (then NUTS needs a sum over it).
    discontinuous: ClassVar[bool] = False
    #: Whether skill saturates: what the metric then loses is free (`Metric.saturating`).
    saturates: ClassVar[bool] = False
    #: Parameters whose posterior is far from Gaussian even where skill is smooth in them; those
    #: with bounded priors, places and widths of breaks, need not be named.
    outer: ClassVar[tuple[str, ...]] = ()

    def __call__(self, x: Any, **parameters: Any) -> Any:
        """Skill at `x`; parameters broadcast against `x`."""
        raise NotImplementedError

    def without_break(self, x: Any, **parameters: Any) -> tuple[Any, ...]:
        """Skills had the break not happened: everything as before it, and as after it.

        Empty for trends that have no break.
        """
        return ()

    @classmethod
    @cache
    def parameter_names(cls) -> tuple[str, ...]:
        """Names of the parameters, in field order."""
        return tuple(f.name for f in fields(cls))

    def priors(self) -> dict[str, Prior]:
        """Free parameters and their priors, in field order."""
        values = {name: getattr(self, name) for name in self.parameter_names()}
        return {name: v for name, v in values.items() if isinstance(v, Prior)}

    def fixed(self) -> dict[str, float]:
        """Parameters that were given a number in place of a prior."""
        values = {name: getattr(self, name) for name in self.parameter_names()}
        return {name: float(v) for name, v in values.items() if not isinstance(v, Prior)}


@dataclass(frozen=True)
class Flat(Trend):
    """Nothing happens: s = level."""

    account: ClassVar[str] = "flat"
    level: Prior | float = LEVEL

    def __call__(self, x, *, level):
        """See `Trend.__call__`."""
        return level + 0.0 * x


@dataclass(frozen=True)
class PowerLaw(Trend):
    """Power law in cross-entropy: s = level + slope·x."""

    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE

    def __call__(self, x, *, level, slope):
        """See `Trend.__call__`."""
        return level + slope * x


@dataclass(frozen=True)
class Ceiling(PowerLaw):
    """Power law with an irreducible cross-entropy: a line seen through a metric that saturates."""

    saturates: ClassVar[bool] = True


@dataclass(frozen=True)
class Transition(Trend):
    """A line plus a logistic rise: s = level + slope·(x−c) + height·(logistic(9.39…) − ½).

    `width` is the 10–90 % width of the rise. No wider than `JUMP_WIDTH` it is
    a jump, wider it is gradual.
    """

    account: ClassVar[str] = "jump"
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE
    height: Prior | float = HEIGHT
    location: Prior | float = Interior()
    width: Prior | float = Uniform(WIDTH_RANGE[0], JUMP_WIDTH)

    def __call__(self, x, *, level, slope, height, location, width):
        """See `Trend.__call__`."""
        d = x - location
        return level + slope * d + height * (_logistic(d * (LOGISTIC_WIDTH / width)) - 0.5)

    def without_break(self, x, *, level, slope, height, location, width):
        """See `Trend.without_break`."""
        line = level + slope * (x - location)
        return line - 0.5 * height, line + 0.5 * height


@dataclass(frozen=True)
class WideTransition(Transition):
    """`Transition` broader than `JUMP_WIDTH`: a wide scale, not a definite one."""

    account: ClassVar[str] = "gradual"
    width: Prior | float = Rising(JUMP_WIDTH, WIDTH_RANGE[1])

    def without_break(self, x, **parameters):
        """See `Trend.without_break`: a wide transition is no break."""
        return ()


@dataclass(frozen=True)
class Step(Trend):
    """The limit of `Transition` for width → 0."""

    account: ClassVar[str] = "jump"
    discontinuous: ClassVar[bool] = True
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE
    height: Prior | float = HEIGHT
    location: Prior | float = Interior()

    def __call__(self, x, *, level, slope, height, location):
        """See `Trend.__call__`."""
        d = x - location
        # sign(d) from operators: np.sign cannot take a PyTensor variable
        return level + slope * d + height * 0.5 * ((d > 0) * 1.0 - (d < 0) * 1.0)

    def without_break(self, x, *, level, slope, height, location):
        """See `Trend.without_break`."""
        line = level + slope * (x - location)
        return line - 0.5 * height, line + 0.5 * height


@dataclass(frozen=True)
class Kink(Trend):
    """A line that grows steeper at a definite scale: s = level + slope·(x−c) + bend·(x−c)₊."""

    account: ClassVar[str] = "onset"
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE
    bend: Prior | float = BEND
    location: Prior | float = Interior()

    def __call__(self, x, *, level, slope, bend, location):
        """See `Trend.__call__`."""
        d = x - location
        return level + slope * d + bend * _positive(d)

    def without_break(self, x, *, level, slope, bend, location):
        """See `Trend.without_break`."""
        d = x - location
        return level + slope * d, level + (slope + bend) * d


@dataclass(frozen=True)
class FlatThenRise(Trend):
    """Flat up to a definite scale, then a line (Du et al. 2024, arXiv 2403.15796)."""

    account: ClassVar[str] = "onset"
    level: Prior | float = LEVEL
    bend: Prior | float = BEND
    location: Prior | float = Interior()

    def __call__(self, x, *, level, bend, location):
        """See `Trend.__call__`."""
        return level + bend * _positive(x - location)

    def without_break(self, x, *, level, bend, location):
        """See `Trend.without_break`."""
        return level + 0.0 * x, level + bend * (x - location)


@dataclass(frozen=True)
class Broken(Trend):
    """Broken power law that speeds up (Caballero et al. 2022, arXiv 2210.14891).

    A line whose slope grows by `bend` around `location`, 10–90 % of the
    change within `width` decades: s = level + slope·d + bend·v·log(1+e^(d/v)),
    d = x − location, v = width/4.394.
    """

    account: ClassVar[str] = "onset"
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE
    bend: Prior | float = BEND
    location: Prior | float = Interior()
    width: Prior | float = LogUniform(0.1, BEND_WIDTH)

    def __call__(self, x, *, level, slope, bend, location, width):
        """See `Trend.__call__`."""
        d, v = x - location, width / LOGISTIC_WIDTH
        return level + slope * d + bend * v * _softplus(d / v)

    def without_break(self, x, *, level, slope, bend, location, width):
        """See `Trend.without_break`."""
        d = x - location
        return level + slope * d, level + (slope + bend) * d


@dataclass(frozen=True)
class BrokenSlowing(Broken):
    """Broken power law that slows down: `bend` steeper before `location` than after it.

    Deceleration is saturation, so this is a gradual account.
    """

    account: ClassVar[str] = "gradual"
    width: Prior | float = LogUniform(0.1, WIDTH_RANGE[1])

    def __call__(self, x, *, level, slope, bend, location, width):
        """See `Trend.__call__`."""
        d, v = x - location, width / LOGISTIC_WIDTH
        return level + (slope + bend) * d - bend * v * _softplus(d / v)

    def without_break(self, x, **parameters):
        """See `Trend.without_break`: slowing down is no break."""
        return ()


@dataclass(frozen=True)
class Accelerating(Broken):
    """Broken power law that speeds up over more than a decade: at no definite scale."""

    account: ClassVar[str] = "gradual"
    width: Prior | float = LogUniform(BEND_WIDTH, WIDEST_BEND)

    def without_break(self, x, **parameters):
        """See `Trend.without_break`: speeding up over a wide range is no break."""
        return ()


@dataclass(frozen=True)
class Smooth(Trend):
    """Any monotone rise whose slope changes over a decade or more.

    The slope is `slope_low` at small scales, `slope` in the middle of the
    design and `slope_high` at large ones, and passes from one to the next
    around ±`width`/2, 10–90 % of each change within `width` decades: a monotone
    curve of low rank with a length scale of `width`.
    """

    level: Prior | float = LEVEL
    slope_low: Prior | float = SLOPE
    slope: Prior | float = SLOPE
    slope_high: Prior | float = SLOPE
    width: Prior | float = LogUniform(BEND_WIDTH, WIDEST_BEND)

    def __call__(self, x, *, level, slope_low, slope, slope_high, width):
        """See `Trend.__call__`."""
        v = width / LOGISTIC_WIDTH
        before = -v * _softplus(-(x + 0.5 * width) / v)
        after = v * _softplus((x - 0.5 * width) / v)
        return level + slope * x + (slope_low - slope) * before + (slope_high - slope) * after


@dataclass(frozen=True)
class Decline(Trend):
    """Skill falls with scale: s = level − slope·x."""

    account: ClassVar[str] = "falls"
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE

    def __call__(self, x, *, level, slope):
        """See `Trend.__call__`."""
        return level - slope * x


@dataclass(frozen=True)
class Drop(Trend):
    """Skill drops at a scale: s = level − height·½·sign(x−c)."""

    account: ClassVar[str] = "falls"
    discontinuous: ClassVar[bool] = True
    level: Prior | float = LEVEL
    height: Prior | float = DROP
    location: Prior | float = Anywhere()

    def __call__(self, x, *, level, height, location):
        """See `Trend.__call__`."""
        d = x - location
        return level - height * 0.5 * ((d > 0) * 1.0 - (d < 0) * 1.0)

    def without_break(self, x, *, level, height, location):
        """See `Trend.without_break`."""
        line = level + 0.0 * x
        return line + 0.5 * height, line - 0.5 * height


@dataclass(frozen=True)
class Hump(Trend):
    """Skill rises, then falls: s = level − slope·(c−x)₊ − fall·(x−c)₊ (an inverted U)."""

    account: ClassVar[str] = "falls"
    level: Prior | float = LEVEL
    slope: Prior | float = SLOPE
    fall: Prior | float = FALL
    location: Prior | float = Anywhere()

    def __call__(self, x, *, level, slope, fall, location):
        """See `Trend.__call__`."""
        d = x - location
        return level - slope * _positive(-d) - fall * _positive(d)

    def without_break(self, x, *, level, slope, fall, location):
        """See `Trend.without_break`: the same rise without the fall after it."""
        return (level - slope * _positive(location - x),)


@dataclass(frozen=True)
class UShape(Trend):
    """Skill falls, then rises: s = level + fall·(c−x)₊ + slope·(x−c)₊."""

    account: ClassVar[str] = "falls"
    level: Prior | float = LEVEL
    fall: Prior | float = FALL
    slope: Prior | float = SLOPE
    location: Prior | float = Anywhere()

    def __call__(self, x, *, level, fall, slope, location):
        """See `Trend.__call__`."""
        d = x - location
        return level + fall * _positive(-d) + slope * _positive(d)

    def without_break(self, x, *, level, fall, slope, location):
        """See `Trend.without_break`: the same rise without the fall before it."""
        return (level + slope * _positive(x - location),)


#: Every trend by its name; the registry tests walk through it.
TRENDS = MappingProxyType(
    {
        "flat": Flat,
        "power_law": PowerLaw,
        "ceiling": Ceiling,
        "wide_transition": WideTransition,
        "broken_slowing": BrokenSlowing,
        "accelerating": Accelerating,
        "smooth": Smooth,
        "kink": Kink,
        "flat_then_rise": FlatThenRise,
        "broken": Broken,
        "transition": Transition,
        "step": Step,
        "decline": Decline,
        "drop": Drop,
        "hump": Hump,
        "u_shape": UShape,
    }
)
