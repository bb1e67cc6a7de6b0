"""The rules that `decisions.py` compares: this package's verdict, classical rules, other packages.

A rule takes a list of curves and returns for each a statistic (larger: more
like a break), the statistic it calls a break from even odds on (`forced`), and
its call. What counts as a break at its usual threshold stands beside each
rule; where no convention exists the threshold is ours and the note says so.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from emergent_stats import Curve, compare_all
from emergent_stats.rules.classical import RULES as CLASSICAL


class Call(NamedTuple):
    """A rule's answer on one curve.

    `call` is real, not or undecided; `forced` is its answer if it may not abstain; `kind` is
    jump, onset or unresolved where the rule tells kinds of break apart.
    """

    statistic: float
    call: str
    forced: bool
    kind: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule with its note; `calls(curves, seed)` gives one `Call` a curve.

    `scatter` is how far two statistics of one curve and seed may lie apart: 0 for a rule that
    repeats itself.
    """

    name: str
    note: str
    calls: Callable[[Sequence[Curve], int], list[Call]]
    scatter: float = 0.0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep other packages' prints, warnings and complaints from the table."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = hook


def _each(function: Callable[[Curve, int], tuple[float, bool]]):
    """Rule on lists from one on a curve: (statistic, break?)."""

    def calls(curves: Sequence[Curve], seed: int) -> list[Call]:
        found = []
        for curve in curves:
            with quiet():
                statistic, broken = function(curve, seed)
            found.append(Call(float(statistic), "real" if broken else "not", bool(broken)))
        return found

    return calls


# --- this package ------------------------------------------------------------------------
def _verdict(calibrate: int):
    def calls(curves: Sequence[Curve], seed: int) -> list[Call]:
        found = []
        for c in compare_all(curves, calibrate=calibrate, seed=seed):
            call = {"real": "real", "undecided": "undecided"}.get(c.verdict, "not")
            # a series that no analysis can decide has no probabilities: even odds
            p = (c.p_real, c.p_flat + c.p_gradual) if np.isfinite(c.p_real) else (0.5, 0.5)
            odds = float(np.diff(np.log(np.maximum(p[::-1], 1e-300)))[0])
            found.append(Call(odds, call, odds > 0, c.kind or ""))
        return found

    return calls


# --- classical ---------------------------------------------------------------------------
def _p_value(name: str, series: int, level: float = 0.05):
    def rule(curve: Curve, seed: int) -> tuple[float, bool]:
        r = CLASSICAL[name](curve, series=series, seed=seed)
        if r.p_value is None:
            return -np.inf, False
        # simulated p-values are coarse: ties go by how far the statistic is out
        scale = abs(r.null_quantile or 1.0) or 1.0
        tie = np.tanh(r.statistic / scale) / (series + 1) if np.isfinite(r.statistic) else 0.0
        statistic = r.statistic if name == "break_naive" else tie - r.p_value
        return statistic, r.p_value <= level

    return _each(rule)


def _threshold(name: str, threshold: float):
    def rule(curve: Curve, seed: int) -> tuple[float, bool]:
        r = CLASSICAL[name](curve, series=19, seed=seed)
        return (r.statistic, r.statistic > threshold) if r.applies else (-np.inf, False)

    return _each(rule)


# --- what people do to the scores ---------------------------------------------------------
def _by_scale(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Distinct scales, and mean scores there."""
    x, index = np.unique(curve.x, return_inverse=True)
    return x, np.bincount(index, curve.score) / np.bincount(index)


def _gap_share(curve: Curve, seed: int) -> tuple[float, bool]:
    y = _by_scale(curve)[1]
    rise = y.max() - y.min()
    share = np.diff(y).max() / rise if rise > 0 else 0.0
    return share, share >= 0.5


def _split_cost(y: np.ndarray) -> tuple[float, float]:
    """Squared error about one mean, and about the best two (two scores at least in each)."""
    import ruptures

    cost = ruptures.costs.CostL2().fit(y)
    at = ruptures.Dynp(model="l2", min_size=2, jump=1).fit(y).predict(n_bkps=1)[0]
    return float(cost.error(0, y.size)), float(cost.error(0, at) + cost.error(at, y.size))


def _ruptures_share(curve: Curve, seed: int) -> tuple[float, bool]:
    whole, split = _split_cost(_by_scale(curve)[1])
    share = 1 - split / whole if whole > 0 else 0.0
    return share, share >= 0.8


def _ruptures_pelt(curve: Curve, seed: int) -> tuple[float, bool]:
    import ruptures

    y = _by_scale(curve)[1]
    middle = np.clip(y, 0.01, 0.99)
    variance = float((middle * (1 - middle)).mean() / np.median(curve.effective_n))
    penalty = 2 * variance * np.log(y.size)
    found = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(y).predict(pen=penalty)
    whole, split = _split_cost(y)
    return (whole - split) / penalty, len(found) > 1


def _rbeast(curve: Curve, seed: int) -> tuple[float, bool]:
    import Rbeast

    y = _by_scale(curve)[1]
    found = Rbeast.beast(
        y, season="none", tcp_minmax=[0, 3], torder_minmax=[0, 1], mcmc_seed=seed + 1,
        quiet=True, print_param=False, print_progress=False, print_warning=False,
    )  # fmt: skip
    some = 1 - float(np.asarray(found.trend.ncpPr)[0])
    return (some, some > 0.5) if np.isfinite(some) else (-np.inf, False)


def _sigmoid(x, low, rise, middle, rate):
    return low + rise / (1 + np.exp(-rate * (x - middle)))


def _curve_fit(curve: Curve, seed: int) -> tuple[float, bool]:
    from scipy.optimize import curve_fit

    x, y = _by_scale(curve)
    line = float(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum())
    best = np.inf
    for middle in np.quantile(x, [0.25, 0.5, 0.75]):
        with contextlib.suppress(RuntimeError):
            start = (y.min(), np.ptp(y) + 1e-3, middle, 2.0)
            fit = curve_fit(_sigmoid, x, y, start, maxfev=4000)[0]
            best = min(best, float(((y - _sigmoid(x, *fit)) ** 2).sum()))
    if not np.isfinite(best):
        return -np.inf, False
    tiny = 1e-10
    gain = y.size * (np.log(line + tiny) - np.log(best + tiny)) - 2 * (4 - 2)
    return gain, gain > 2


def _piecewise(curve: Curve, seed: int) -> tuple[float, bool]:
    import piecewise_regression

    x, y = _by_scale(curve)
    # it draws its starting points from the global generator
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        fit = piecewise_regression.Fit(x, y, n_breakpoints=1, n_boot=10, verbose=False)
        p = float(fit.davies)
    except Exception:  # a constant series makes it fail in several ways; that is no break
        p = 1.0
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return (-p, p <= 0.05) if np.isfinite(p) else (-1.0, False)


def rules(calibrate: int = 200, series: int = 99) -> MappingProxyType[str, Rule]:
    """Every rule by name.

    Parameters
    ----------
    calibrate : int
        Series simulated per verdict in `verdict_calibrated`.
    series : int
        Series simulated per classical null.
    """
    made = (
        Rule("verdict", "this package, no simulation", _verdict(0)),
        Rule("verdict_calibrated", f"this package, --calibrate {calibrate}", _verdict(calibrate)),
        Rule("break_naive", "searched-break GLM, χ² p < .05", _p_value("break_naive", series)),
        Rule(
            "break_binomial",
            "searched-break GLM, simulated binomial null, p ≤ .05",
            _p_value("break_binomial", series),
        ),
        Rule(
            "break_noise",
            "searched-break GLM, simulated null with fitted noise, p ≤ .05",
            _p_value("break_noise", series),
        ),
        Rule("score", "score test, simulated null, p ≤ .05", _p_value("score", series)),
        Rule("bic_models", "BIC prefers a break, N = m", _threshold("bic_models", 0.0)),
        Rule("bic_answers", "BIC prefers a break, N = m·n", _threshold("bic_answers", 0.0)),
        Rule(
            "breakthroughness",
            "BIG-bench breakthroughness = emergence score > 100 (threshold ours)",
            _threshold("breakthroughness", 100.0),
        ),
        Rule(
            "breakthroughness_null",
            "the same above its simulated 95 % quantile",
            _p_value("breakthroughness", series),
        ),
        Rule(
            "passuntil",
            "PassUntil curvature, simulated null, p ≤ .05",
            _p_value("passuntil_curvature", series),
        ),
        Rule("gap_share", "half of the rise within one gap", _each(_gap_share)),
        Rule(
            "ruptures_share",
            "ruptures L2: one split explains ≥ .8 of the variance (threshold ours)",
            _each(_ruptures_share),
        ),
        Rule(
            "ruptures_pelt",
            "ruptures PELT, L2, penalty 2·log(m)·binomial variance",
            _each(_ruptures_pelt),
        ),
        # its seed fixes the random numbers but not the sums: these depend on where the arrays lie
        # in memory, and then the chain goes another way (github.com/zhaokg/Rbeast, issue 53)
        Rule(
            "rbeast",
            "Rbeast: P(change point) > .5; with one seed P repeats only to about .05",
            _each(_rbeast),
            scatter=0.1,
        ),
        Rule("curve_fit", "sigmoid beats line by 2 in AIC (curve_fit)", _each(_curve_fit)),
        Rule(
            "piecewise",
            "piecewise-regression: Davies p ≤ .05",
            _each(_piecewise),
        ),
    )
    return MappingProxyType({r.name: r for r in made})
