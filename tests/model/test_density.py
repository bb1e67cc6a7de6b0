"""What every integral calls: a kernel that counts no references to the arrays it is given."""

import numpy as np
from numba import njit

from emergent_stats.model.curve import Curve
from emergent_stats.model.density import (
    Observation,
    Rates,
    link_of,
    log_density,
    seen_in,
    slope_curve,
)
from emergent_stats.model.observed import ARRAYS, observe

SCORES = Curve(
    10.0 ** np.arange(6, 12), np.array([0, 1, 4, 30, 70, 99]) / 100, "exact_match", n=100
)


def given(i=3):
    metric = SCORES.metric_object
    obs = observe([SCORES], metric)
    seen = seen_in(obs)
    one = Observation(seen.n[0, i], seen.k, seen.constant, 0, i, seen.value[0, i], seen.error[0, i])
    return link_of(obs, metric), one, Rates(0.01, 0.98, 0.01)


def test_kernels_count_no_references():
    # the private option is worth its name only as long as this holds
    words = {}
    for counting in (True, False):
        made = njit(error_model="numpy", nogil=True, _nrt=counting)(log_density.py_func)
        made(0.1, *given())
        words[counting] = "".join(made.inspect_llvm().values())
    assert "NRT_incref" in words[True]
    assert "NRT_incref" not in words[False]


def test_slopes_are_those_of_the_density():
    arguments, h = given(), 0.02  # a few steps of the table
    for z in (-0.7, 0.0, 0.8):
        down, here, up = (log_density(z + d, *arguments) for d in (-h, 0.0, h))
        slope, information, curvature = slope_curve(z, *arguments)
        np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-2, atol=0.1)
        np.testing.assert_allclose(curvature, -(up - 2 * here + down) / h**2, rtol=0.02, atol=0.5)
        assert information > 0


def test_arrays_of_observations_keep_their_places():
    obs = observe([SCORES, SCORES], SCORES.metric_object)
    turned = obs.one_a_row()
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(turned, name), np.swapaxes(getattr(obs, name), 0, 1))
        np.testing.assert_array_equal(
            getattr(obs.take(np.array([1])), name), getattr(obs, name)[1:]
        )
