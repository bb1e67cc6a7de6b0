import numpy as np
import pytest

from emergent_stats.checkpoints import FEWEST, LEFT, MOST, correlation, thinned
from emergent_stats.collection import compare_all
from emergent_stats.curve import Curve


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
