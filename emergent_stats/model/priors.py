"""Proper priors, each written as a map from a standard normal variable.

Every unknown of the package has a proper prior. The evidence engine works on
``z ~ Normal(0, 1)`` per parameter and reads the parameter off as
``prior.from_normal(z)``; PyMC gets the same prior by ``prior.pymc(name)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

# z beyond +-9 has prior mass 1e-19; the maps are tabulated once per prior,
# because inverse incomplete gamma and t functions cost a microsecond each.
_GRID = np.linspace(-9.0, 9.0, 3601)


@lru_cache(maxsize=256)
def _log_table(prior: Prior) -> np.ndarray:
    """Logarithm of the parameter at each grid point of z (positive priors only)."""
    value = prior.quantile(special.ndtr(_GRID), special.ndtr(-_GRID))
    return np.log(np.maximum(value, 1e-300))


@dataclass(frozen=True)
class Prior:
    """Base of all priors: what a parameter can be before the data are seen."""

    def quantile(self, below: np.ndarray, above: np.ndarray) -> np.ndarray:
        """Value with probability `below` under it and `above` over it (both, for the tails)."""
        raise NotImplementedError

    def from_normal(self, z: np.ndarray) -> np.ndarray:
        """Map standard normal values to the parameter (monotone, same shape)."""
        return np.exp(np.interp(z, _GRID, _log_table(self)))

    def log_density(self, value: np.ndarray) -> np.ndarray:
        """Log density at `value` (same shape), −inf outside the support."""
        raise NotImplementedError

    def pymc(self, name: str) -> Any:
        """Add this prior to the PyMC model in context as a variable called `name`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Normal(Prior):
    """Normal(loc, scale)."""

    loc: float = 0.0
    scale: float = 1.0

    def from_normal(self, z):
        """See `Prior.from_normal`."""
        return self.loc + self.scale * np.asarray(z)

    def log_density(self, value):
        """See `Prior.log_density`."""
        r = (np.asarray(value) - self.loc) / self.scale
        return -0.5 * r * r - np.log(self.scale * np.sqrt(2 * np.pi))

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.Normal(name, self.loc, self.scale)


@dataclass(frozen=True)
class HalfNormal(Prior):
    """|Normal(0, scale)|."""

    scale: float = 1.0

    def quantile(self, below, above):
        """See `Prior.quantile`."""
        return -self.scale * special.ndtri(above / 2)

    def log_density(self, value):
        """See `Prior.log_density`."""
        r = np.asarray(value, float) / self.scale
        return np.where(
            r < 0, -np.inf, -0.5 * r * r + np.log(2 / (self.scale * np.sqrt(2 * np.pi)))
        )

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.HalfNormal(name, self.scale)


@dataclass(frozen=True)
class HalfStudentT(Prior):
    """|Student t(df)| times scale."""

    df: float = 3.0
    scale: float = 1.0

    def quantile(self, below, above):
        """See `Prior.quantile`."""
        # the upper tail is asked for through `above`; near 0 that loses digits
        # and the lower one is linear in `below`
        high = -special.stdtrit(self.df, above / 2)
        low = below / (2 * np.exp(self._log_t(0.0)))
        return self.scale * np.where(below < 1e-6, low, high)

    def _log_t(self, t):
        v = self.df
        return (
            special.gammaln((v + 1) / 2)
            - special.gammaln(v / 2)
            - 0.5 * np.log(v * np.pi)
            - (v + 1) / 2 * np.log1p(t * t / v)
        )

    def log_density(self, value):
        """See `Prior.log_density`."""
        r = np.asarray(value, float) / self.scale
        return np.where(r < 0, -np.inf, np.log(2 / self.scale) + self._log_t(r))

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.HalfStudentT(name, nu=self.df, sigma=self.scale)


@dataclass(frozen=True)
class Gamma(Prior):
    """Gamma(shape, scale): mode (shape − 1)·scale, vanishing at 0 for shape > 1 (non-local)."""

    shape: float = 3.0
    scale: float = 0.5

    def quantile(self, below, above):
        """See `Prior.quantile`."""
        return self.scale * np.where(
            below < 0.5,
            special.gammaincinv(self.shape, np.minimum(below, 0.5)),
            special.gammainccinv(self.shape, np.minimum(above, 0.5)),
        )

    def log_density(self, value):
        """See `Prior.log_density`."""
        r = np.maximum(np.asarray(value, float) / self.scale, 1e-300)
        inside = (self.shape - 1) * np.log(r) - r - special.gammaln(self.shape) - np.log(self.scale)
        return np.where(np.asarray(value) < 0, -np.inf, inside)

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.Gamma(name, alpha=self.shape, beta=1 / self.scale)


@dataclass(frozen=True)
class Beta(Prior):
    """Beta(a, b) on (0, 1)."""

    a: float = 1.0
    b: float = 1.0

    def quantile(self, below, above):
        """See `Prior.quantile`."""
        return np.where(
            below < 0.5,
            special.betaincinv(self.a, self.b, np.minimum(below, 0.5)),
            special.betainccinv(self.a, self.b, np.minimum(above, 0.5)),
        )

    def log_density(self, value):
        """See `Prior.log_density`."""
        v = np.asarray(value, float)
        inside = (v > 0) & (v < 1)
        w = np.where(inside, v, 0.5)
        logp = (
            special.xlogy(self.a - 1, w)
            + special.xlog1py(self.b - 1, -w)
            - special.betaln(self.a, self.b)
        )
        return np.where(inside, logp, -np.inf)

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.Beta(name, self.a, self.b)


#: Examples that a known chance is worth as the prior of a guess rate near it: a standard deviation
#: of .03 at 1/4. Scores at the floor of the shipped studies say .036 to .047
#: (`benchmarks/priors.py`), an upper bound, for some of them have skill. A chance that is taken for
#: exact makes a jump of what guessers get beyond it.
CHANCE_WORTH = 208.0


def near_chance(chance: float) -> Beta:
    """Prior of the guess rate of answers picked from options: about `chance`, not exactly it.

    Examples
    --------
    >>> near_chance(0.25)
    Beta(a=52.0, b=156.0)
    """
    return Beta(CHANCE_WORTH * chance, CHANCE_WORTH * (1.0 - chance))


@dataclass(frozen=True)
class Bounded(Prior):
    """Base of the priors on an interval [low, high], which can be cut into bands."""

    low: float = 0.0
    high: float = 1.0

    def share(self, value: np.ndarray) -> np.ndarray:
        """Prior mass below `value` (distribution function)."""
        raise NotImplementedError

    def at(self, share: np.ndarray) -> np.ndarray:
        """Value with prior mass `share` below it (inverse of `share`)."""
        raise NotImplementedError

    def _log_inside(self, value: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def from_normal(self, z):
        """See `Prior.from_normal`."""
        return self.at(special.ndtr(z))

    def log_density(self, value):
        """See `Prior.log_density`."""
        v = np.asarray(value, float)
        inside = (v >= self.low) & (v <= self.high)
        return np.where(inside, self._log_inside(np.where(inside, v, self.high)), -np.inf)


@dataclass(frozen=True)
class Uniform(Bounded):
    """Uniform on [low, high]."""

    def share(self, value):
        """See `Bounded.share`."""
        return (np.asarray(value) - self.low) / (self.high - self.low)

    def at(self, share):
        """See `Bounded.at`."""
        return self.low + (self.high - self.low) * np.asarray(share)

    def _log_inside(self, value):
        return np.full_like(value, -np.log(self.high - self.low))

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        return pm.Uniform(name, self.low, self.high)


@dataclass(frozen=True)
class LogUniform(Bounded):
    """Uniform in the logarithm on [low, high]."""

    def share(self, value):
        """See `Bounded.share`."""
        return np.log(np.asarray(value) / self.low) / np.log(self.high / self.low)

    def at(self, share):
        """See `Bounded.at`."""
        return self.low * (self.high / self.low) ** np.asarray(share)

    def _log_inside(self, value):
        return -np.log(value * np.log(self.high / self.low))

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        log_value = pm.Uniform(f"log_{name}", np.log(self.low), np.log(self.high))
        return pm.Deterministic(name, pm.math.exp(log_value))


@dataclass(frozen=True)
class Rising(Bounded):
    """Density rising linearly from 0 at `low` to `high`: non-local at its lower bound."""

    def share(self, value):
        """See `Bounded.share`."""
        return ((np.asarray(value) - self.low) / (self.high - self.low)) ** 2

    def at(self, share):
        """See `Bounded.at`."""
        return self.low + (self.high - self.low) * np.sqrt(share)

    def _log_inside(self, value):
        with np.errstate(divide="ignore"):
            return np.log(2 * (value - self.low)) - 2 * np.log(self.high - self.low)

    def pymc(self, name):
        """See `Prior.pymc`."""
        import pymc as pm

        share = pm.Beta(f"share_{name}", 2.0, 1.0)
        return pm.Deterministic(name, self.low + (self.high - self.low) * share)


@dataclass(frozen=True)
class Interior(Prior):
    """Uniform over the scales that leave at least two distinct scales on either side.

    A break isolated by one edge model cannot be told from its alternatives
    and is not considered. The prior is resolved to `Uniform` bounds once the
    design is known (`bounds`).
    """

    def bounds(self, x: np.ndarray) -> tuple[float, float]:
        """Second and last-but-one distinct value of `x`.

        Raises
        ------
        ValueError
            With fewer than four distinct scales.
        """
        distinct = np.unique(x)
        if distinct.size < 4:
            raise ValueError(
                f"a break needs at least 4 distinct scales, two on either side; got {distinct.size}"
            )
        return float(distinct[1]), float(distinct[-2])


@dataclass(frozen=True)
class Anywhere(Interior):
    """Uniform over all scales: for changes that may rest on a model at the edge.

    That a score falls is seen where a single model has fallen, whatever may be beyond it.
    """

    def bounds(self, x: np.ndarray) -> tuple[float, float]:
        """Smallest and largest value of `x` (see `Interior.bounds`)."""
        super().bounds(x)
        return float(np.min(x)), float(np.max(x))
