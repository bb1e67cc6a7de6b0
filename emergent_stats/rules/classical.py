"""Classical rules for breaks, each with its simulated null on the very design.

The break tests are binomial regressions through the metric (`glm`): without a
break, skill is a straight line in scale; with one, a step or a kink is added
in the gap where it helps most. Because the gap was searched for, χ² is not the
null of the likelihood ratio; series simulated from the fitted line are. The
descriptive scores (linearity, breakthroughness, the emergence score) have no
fixed scale at all, so they too come with their quantile under smooth truths.

Every rule in `RULES` takes a `Curve` and returns a `RuleResult`. Rules are for
proportions; for continuous metrics, and below `MIN_SCALES` scales, they say
that they do not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from types import MappingProxyType

import numpy as np

from emergent_stats.model.curve import MIN_SCALES, Curve
from emergent_stats.rules.glm import KINDS, BreakProblem, Fitted, fit, jacobian, mean_slope, pearson

#: Simulated series behind a null, and the quantile of it that is reported.
SERIES = 199
LEVEL = 0.95


@dataclass(frozen=True)
class RuleResult:
    """What a rule says about one curve.

    Attributes
    ----------
    statistic : float
        Larger means more like a break; NaN where the rule does not apply.
    p_value : float or None
        Under no break: naive (χ²) or simulated, as the note says.
    null_quantile : float or None
        95 % quantile of the statistic on this design under the fitted smooth truth.
    note : str
        What was found and how the null was made, or why the rule does not apply.
    """

    statistic: float
    p_value: float | None
    null_quantile: float | None
    note: str

    @property
    def applies(self) -> bool:
        """False where the rule has nothing to say about this curve."""
        return not np.isnan(self.statistic)


def why_not(curve: Curve) -> str | None:
    """Return the reason why no classical rule applies to a curve, or None."""
    metric = curve.metric_object
    if not metric.proportion:
        return (
            f"does not apply: {curve.metric!r} is not a proportion of right answers, "
            "and this rule is for proportions"
        )
    if curve.n_scales < MIN_SCALES:
        return f"does not apply: {curve.n_scales} distinct scales, at least {MIN_SCALES} needed"
    return None


def _where_it_applies(rule: Callable[..., RuleResult]) -> Callable[..., RuleResult]:
    """Rule that says of other curves why it does not apply to them."""

    @wraps(rule)
    def asked(curve: Curve, *args, series: int = SERIES, **given) -> RuleResult:
        _check_series(series)
        if reason := why_not(curve):
            return RuleResult(np.nan, None, None, reason)
        return rule(curve, *args, series=series, **given)

    return asked


def _simulated(
    problem: BreakProblem, sigma: float | None, series: int, seed: int
) -> tuple[Fitted, np.ndarray, str]:
    """Fit without a break, right answers simulated from it, and how, in words."""
    line = problem.null(problem.k[None])
    sd = problem.noise(line, sigma)
    words = f"null: {series} series of the fitted power law with noise {sd:.2f} between models"
    return line, problem.simulate(line, sd, series, seed), words


def against(observed: float, null: np.ndarray) -> tuple[float, float]:
    """Simulated p-value, and the `LEVEL` quantile of a null that may hold infinities."""
    p = (1 + int((null >= observed - 1e-9).sum())) / (1 + null.size)
    # the order statistic itself: between two infinities there is nothing to interpolate
    return p, float(np.sort(null)[int(np.ceil(LEVEL * null.size)) - 1])


# --- break tests -------------------------------------------------------------------------
@_where_it_applies
def break_test(
    curve: Curve,
    *,
    null: str = "simulated",
    sigma: float | None = 0.0,
    kinds: tuple[str, ...] = KINDS,
    upward: bool = True,
    plateaus: bool = True,
    series: int = SERIES,
    seed: int = 0,
) -> RuleResult:
    """Likelihood ratio of the best step or kink against no break.

    Parameters
    ----------
    curve : Curve
    null : {"simulated", "naive"}
        The supremum's own distribution on this design, or χ² with one degree
        of freedom as if the break had not been searched for.
    sigma : float, optional
        Noise between models in nats in the simulated series. None estimates it
        from the overdispersion, and the ratio is then divided by the
        dispersion as well.
    kinds : tuple of str
        Among `KINDS`.
    upward : bool
        Seek leaps up and accelerations only.
    plateaus : bool
        Fit guess (where chance is not stated) and lapse rate; else 0.
    series, seed : int
        Of the simulation.

    Raises
    ------
    ValueError
        For an unknown null or kind, a negative sigma, or no simulated series.
    """
    if null not in ("simulated", "naive"):
        raise ValueError(f"null must be 'simulated' or 'naive', got {null!r}")
    problem = BreakProblem.of(curve, kinds, upward, plateaus)
    scaled = sigma is None and null == "simulated"
    top, best = problem.supremum(problem.k[None], scaled)
    kind, at = problem.labels[int(best[0])]
    where = f"{kind} at {_at(curve, at)}" if top[0] > 0 else "no break upward"
    if null == "naive":
        from scipy import stats

        p = float(stats.chi2.sf(top[0], 1))
        return RuleResult(float(top[0]), p, None, f"{where}; naive χ² of 1 degree of freedom")
    _, many, words = _simulated(problem, sigma, series, seed)
    p, quantile = against(float(top[0]), problem.supremum(many, scaled)[0])
    return RuleResult(float(top[0]), p, quantile, f"{where}; {words}")


@_where_it_applies
def bic_difference(
    curve: Curve,
    *,
    count: str = "models",
    kinds: tuple[str, ...] = KINDS,
    upward: bool = True,
    plateaus: bool = True,
    sigma: float | None = None,
    series: int = SERIES,
    seed: int = 0,
) -> RuleResult:
    """BIC without a break minus BIC with one; above 0 the break is preferred.

    A break costs two parameters, its height (or bend) and its location, of
    log N each. What N is here is not defined: `count` takes the number of
    models (N = m) or of answers (N = Σ n). No p-value belongs to a BIC; the
    simulated quantile tells what gradual truths reach.
    """
    if count not in ("models", "answers"):
        raise ValueError(f"count must be 'models' or 'answers', got {count!r}")
    problem = BreakProblem.of(curve, kinds, upward, plateaus)
    size = curve.m if count == "models" else float(problem.n.sum())
    cost = 2 * np.log(size)
    top, best = problem.supremum(problem.k[None], False)
    _, many, words = _simulated(problem, sigma, series, seed)
    kind, at = problem.labels[int(best[0])]
    value = float(top[0] - cost)
    quantile = against(value, problem.supremum(many, False)[0] - cost)[1]
    note = f"{kind} at {_at(curve, at)}; N = {size:g} {count}; {words}"
    return RuleResult(value, None, quantile, note)


@_where_it_applies
def score_test(
    curve: Curve,
    *,
    sigma: float | None = None,
    kinds: tuple[str, ...] = KINDS,
    upward: bool = True,
    plateaus: bool = True,
    series: int = SERIES,
    seed: int = 0,
) -> RuleResult:
    """Largest standardised score of a break over the gaps, with its simulated null.

    For every gap the derivative of the log likelihood by the height of a break
    there, at the fit without one, over its standard deviation; a search over a
    parameter that exists under the alternative only (Davies 1987, Biometrika
    74, 33–43). Divided by the root of Pearson's χ² per degree of freedom
    (never below 1). Only fits without a break are needed. The score looks at
    small breaks: a high step that free plateaus and a steep line can imitate is
    found more often by `break_test`.
    """
    problem = BreakProblem.of(curve, kinds, upward, plateaus)
    line, many, words = _simulated(problem, sigma, series, seed)
    z = _scores(problem, problem.k[None], line)[0]
    kind, at = problem.labels[int(z.argmax())]
    null = _scores(problem, many, problem.null(many)).max(1)
    p, quantile = against(float(z.max()), null)
    return RuleResult(float(z.max()), p, quantile, f"{kind} at {_at(curve, at)}; {words}")


def _scores(problem: BreakProblem, k: np.ndarray, null: Fitted) -> np.ndarray:
    """Standardised scores (size, breaks); absolute values unless only upward breaks count."""
    tangent = jacobian(null, problem.line, problem.response)  # (size, m, parameters)
    root = np.sqrt(problem.n / (null.mean * (1 - null.mean)))
    slope = root * mean_slope(null, problem.response)
    old = np.swapaxes(root[..., None] * tangent, 1, 2)
    new = slope[:, None, :] * problem.columns
    # what a break adds to the parameters that are there without it, plateaus included
    square = np.einsum("spm,sqm->spq", old, old)
    np.einsum("spp->sp", square)[...] += 1e-9
    cross = np.einsum("sbm,spm->sbp", new, old)
    left = (new**2).sum(-1)
    left -= np.einsum("sbp,spq,sbq->sb", cross, np.linalg.inv(square), cross)
    # where the score is saturated next to nothing is known of a break, and one odd model
    # would decide: a gap needs a hundredth of what is known in the best gap
    kinds = np.array([kind for kind, _ in problem.labels])
    for kind in set(kinds):
        group = left[:, kinds == kind]
        enough = np.maximum(0.01 * group.max(1, keepdims=True), 1e-6)
        left[:, kinds == kind] = np.where(group > enough, group, np.inf)
    residual = root * (k / problem.n - null.mean)
    z = np.einsum("sm,sbm->sb", residual, new) / np.sqrt(left)
    free = max(k.shape[1] - 2, 1)
    z = z / np.sqrt(np.maximum(1.0, pearson(null, k, problem.n) / free))[:, None]
    return z if problem.upward else np.abs(z)


# --- descriptive scores ------------------------------------------------------------------
def improvement(score: np.ndarray) -> np.ndarray:
    """I = sign(argmax − argmin)·(max − min) of scores (…, m) in order of scale."""
    sign = np.sign(score.argmax(-1) - score.argmin(-1))
    return sign * (score.max(-1) - score.min(-1))


def linearity(score: np.ndarray) -> np.ndarray:
    """BIG-bench linearity I/√mean(Δ²) of scores (…, m); 0 where nothing changes.

    Srivastava et al. 2022, arXiv 2206.04615. A straight ramp scores m − 1.
    """
    return _over(improvement(score), np.sqrt((np.diff(score) ** 2).mean(-1)))


def breakthroughness(score: np.ndarray) -> np.ndarray:
    """BIG-bench breakthroughness I/√median(Δ²) of scores (…, m); may be infinite.

    Srivastava et al. 2022, arXiv 2206.04615; the emergence score of Schaeffer
    et al. 2023, arXiv 2304.15004, Eq. 1, is the same formula. A straight ramp
    scores m − 1, a lone step on a plateau infinity.
    """
    return _over(improvement(score), np.sqrt(np.median(np.diff(score) ** 2, axis=-1)))


def _over(value: np.ndarray, spread: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(value == 0, 0.0, value / spread)


@_where_it_applies
def descriptive(
    curve: Curve,
    formula: Callable[[np.ndarray], np.ndarray],
    *,
    sigma: float | None = None,
    plateaus: bool = True,
    series: int = SERIES,
    seed: int = 0,
) -> RuleResult:
    """Return a descriptive score of a curve beside what smooth truths give on the same design.

    Parameters
    ----------
    curve : Curve
    formula : callable
        Score of (…, m) means at ascending distinct scales, higher being better.
    sigma, plateaus, series, seed
        As in `break_test`; the null is the power law fitted to the curve.
    """
    observed, null, words = _scored(curve, formula, sigma, plateaus, series, seed)
    p, quantile = against(observed, null)
    return RuleResult(observed, p, quantile, words)


def descriptive_null(
    curve: Curve,
    formula: Callable[[np.ndarray], np.ndarray],
    *,
    sigma: float | None = None,
    plateaus: bool = True,
    series: int = SERIES,
    seed: int = 0,
) -> tuple[float, np.ndarray]:
    """Descriptive score of a curve, and those (series,) of smooth truths on the same design.

    Parameters are those of `descriptive`.

    Raises
    ------
    ValueError
        Where the rule does not apply, or for too few series.
    """
    _check_series(series)
    if reason := why_not(curve):
        raise ValueError(reason)
    return _scored(curve, formula, sigma, plateaus, series, seed)[:2]


def _scored(
    curve: Curve,
    formula: Callable[[np.ndarray], np.ndarray],
    sigma: float | None,
    plateaus: bool,
    series: int,
    seed: int,
) -> tuple[float, np.ndarray, str]:
    """Observed score, its null, and how that was made."""
    problem = BreakProblem.of(curve, KINDS, True, plateaus)
    _, many, words = _simulated(problem, sigma, series, seed)
    _, index = np.unique(problem.x, return_inverse=True)
    member = np.eye(int(index.max()) + 1)[index]
    mean = member / member.sum(0)  # models of one scale are averaged
    null = formula(many / problem.n @ mean)
    return float(formula(problem.k / problem.n @ mean)), null, words


@_where_it_applies
def passuntil_curvature(
    curve: Curve,
    *,
    sigma: float | None = None,
    plateaus: bool = True,
    series: int = SERIES,
    seed: int = 0,
) -> RuleResult:
    """Curvature of PassUntil's F = log(−log pass rate) against log scale, as signed √LR.

    Hu et al. 2023, arXiv 2310.03262: F is a straight line under the task
    scaling law, and concave where growth accelerates. F is minus the skill, so
    a positive statistic means acceleration (concave F). The quadratic is fitted
    by binomial likelihood, which needs no correction for pass rates of 0, and
    divided by the root of Pearson's χ² per degree of freedom (never below 1).
    F itself knows no plateaus (`plateaus=False`), but where answers can be
    guessed at 2 % it then bends on a quarter of straight truths.
    """
    problem = BreakProblem.of(curve, KINDS, True, plateaus)

    def curvature(k: np.ndarray) -> np.ndarray:
        null = problem.null(k)
        design = np.column_stack([problem.line, problem.x**2])
        start = np.concatenate([null.coefficients, np.zeros((len(k), 1)), null.log_odds], axis=1)
        bent = fit(k, problem.n, design, problem.response, start)
        gain = np.maximum(2 * (bent.log_likelihood - null.log_likelihood), 0.0)
        spread = np.maximum(1.0, pearson(bent, k, problem.n) / max(k.shape[1] - 3, 1))
        return np.sign(bent.coefficients[:, 2]) * np.sqrt(gain / spread)

    _, many, words = _simulated(problem, sigma, series, seed)
    observed = float(curvature(problem.k[None])[0])
    p, quantile = against(observed, curvature(many))
    shape = "accelerating (F concave)" if observed > 0 else "not accelerating"
    return RuleResult(observed, p, quantile, f"{shape}; {words}")


def _check_series(series: int) -> None:
    if series < 19:
        raise ValueError(f"a null needs at least 19 simulated series, got {series}")


def _at(curve: Curve, location: float) -> str:
    return f"{curve.scale_axis.plain(float(curve.in_units(location + curve.centre)))} {curve.axis}"


#: Every rule by name: Curve → RuleResult, with `series` and `seed` as further arguments.
RULES: MappingProxyType[str, Callable[..., RuleResult]] = MappingProxyType(
    {
        "break_naive": partial(break_test, null="naive"),
        "break_binomial": partial(break_test, sigma=0.0),
        "break_noise": partial(break_test, sigma=None),
        "bic_models": partial(bic_difference, count="models"),
        "bic_answers": partial(bic_difference, count="answers"),
        "score": score_test,
        "linearity": partial(descriptive, formula=linearity),
        "breakthroughness": partial(descriptive, formula=breakthroughness),
        # the name that Schaeffer et al. give the same formula
        "emergence_score": partial(descriptive, formula=breakthroughness),
        "passuntil_curvature": passuntil_curvature,
    }
)
