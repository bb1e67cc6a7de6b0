import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.results.checkpoints import FEWEST, LEFT, MOST, correlation, thinned
from emergent_stats.verdict.judge import compare_all


def run(m, rho, seed, leap=0.0, n=2000, sigma=0.25, axis="step"):
    """Checkpoints of one run whose skill grows by a line, with AR(1) noise."""
    rng = np.random.default_rng(seed)
    e = np.empty(m)
    e[0] = rng.normal()
    for i in range(1, m):
        e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * rng.normal()
    x = np.linspace(-2, 2, m)
    skill = -0.5 + 0.8 * x + leap * (x > 0.3) + sigma * e
    right = rng.binomial(n, np.exp(-np.exp(-skill)))
    return Curve(10 ** (x + 4), right / n, "exact_match", n=float(n), axis=axis)


def test_correlation_is_found():
    found = {
        rho: np.median([correlation(run(90, rho, s, leap=s % 2)) for s in range(8)])
        for rho in (0.0, 0.5, 0.9)
    }
    assert found[0.0] < 0.2
    assert 0.25 < found[0.5] < 0.7
    assert found[0.9] > 0.65
    assert list(found.values()) == sorted(found.values())


def test_a_leap_does_not_pass_for_slow_noise():
    quiet = [correlation(run(60, 0.0, s)) for s in range(6)]
    leap = [correlation(run(60, 0.0, s, leap=2.0)) for s in range(6)]
    assert np.mean(leap) < np.mean(quiet) + 0.15


def test_correlated_checkpoints_are_thinned_and_said_so():
    curve = run(186, 0.9, 1)
    short = thinned(curve)
    assert 8 <= short.m <= MOST
    assert set(short.axis_values) <= set(curve.axis_values)
    assert short.axis_values[-1] == curve.axis_values[-1]
    assert f"{short.m} of 186 used" in short.all_notes[-1]
    assert correlation(curve) > LEFT


@pytest.mark.parametrize(
    "curve",
    [run(FEWEST - 1, 0.9, 2), run(60, 0.9, 3, axis="params")],
    ids=["few checkpoints", "another axis"],
)
def test_what_is_no_long_run_is_left_alone(curve):
    assert thinned(curve) is curve


def test_comparison_counts_only_what_was_kept():
    found = compare_all([run(186, 0.9, 4)])[0]
    assert found.row()["m"] <= MOST
    assert "checkpoints of one run" in found.row()["warnings"]
    assert found.verdict != "real"


# --- transitions of long runs ------------------------------------------------------------------
def grokking(seed, at=600, m=1000, n=5000):
    """A long run that leaps between two of its checkpoints, taken at even steps."""
    rng = np.random.default_rng(seed)
    p = np.where(np.arange(m) < at, 0.02, 0.97) * np.ones(m)
    return Curve(100.0 * np.arange(1, m + 1), rng.binomial(n, p) / n, "exact_match", n=float(n),
                 axis="step")  # fmt: skip


@pytest.mark.parametrize("at", [150, 600, 900])
def test_thinning_keeps_both_checkpoints_beside_a_leap(at):
    kept = set(thinned(grokking(1, at)).axis_values)
    assert {100.0 * at, 100.0 * (at + 1)} <= kept
    assert len(kept) <= MOST


def test_a_run_that_leaps_between_two_checkpoints_can_be_real():
    found = compare_all([grokking(2)])[0]
    assert (found.verdict, found.kind) == ("real", "jump"), found.reason
    low, high = np.log10(100.0 * np.array([600, 601]))
    assert low - 0.06 < found.at[0] <= found.at[1] < high + 0.02


def test_what_is_kept_is_spread_by_scale_and_not_by_index():
    short = thinned(run_of_noise(3))
    x = np.log10(short.axis_values)
    # of 1,000 even steps, half lie in the last third of a decade
    assert np.mean(x > x[-1] - 0.31) < 0.35


def run_of_noise(seed, m=1000, rho=0.97, n=5000):
    """A long smooth run, with AR(1) noise and no leap."""
    rng = np.random.default_rng([4, seed])
    e = np.empty(m)
    e[0] = rng.normal()
    for i in range(1, m):
        e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * rng.normal()
    step = 100.0 * np.arange(1, m + 1)
    skill = -0.5 + 0.6 * (np.log10(step) - 3.5) + 0.2 * e
    return Curve(step, rng.binomial(n, np.exp(-np.exp(-skill))) / n, "exact_match", n=float(n),
                 axis="step")  # fmt: skip


@pytest.mark.parametrize(("count", "most"), [(2, 0), pytest.param(8, 1, marks=pytest.mark.slow)])
def test_runs_without_a_leap_are_rarely_real(count, most):
    found = compare_all([run_of_noise(s) for s in range(count)])
    assert sum(c.verdict == "real" for c in found) <= most
