import numpy as np
import pytest
from scipy import stats

from emergent_stats.model.between import log_between


@pytest.mark.parametrize("n", [400, 7_000, 90_000])
@pytest.mark.parametrize(("low", "high"), [(0.0, 0.05), (0.4, 0.5), (0.95, 1.0), (0.2, 0.9)])
def test_probability_and_mean_of_a_range(n, low, high):
    a, b = np.ceil(low * n), np.floor(high * n)
    k = np.arange(a, b + 1)
    for p in (1e-4, 0.01, 0.05, 0.3, 0.45, 0.7, 0.95, 0.999):
        each = stats.binom.logpmf(k, n, p)
        want = np.logaddexp.reduce(each)
        if want < -700:
            continue
        got, mean = log_between(a, b, float(n), np.log(p), np.log1p(-p))
        assert got <= 0
        # where it falls off like a geometric series, a seventieth of a nat
        assert got == pytest.approx(want, abs=5e-3 if want > -30 else 0.02)
        if want > -20:
            mean_there = float(np.exp(each - want) @ k)
            assert mean == pytest.approx(mean_there, abs=0.6 + 0.03 * np.sqrt(n))


@pytest.mark.parametrize("n", [300.0, 2e5, 1e8])
def test_chances_near_nothing_and_near_certainty(n):
    # here stood a probability of 1: 1 − x² of a count 10³⁰⁰ times its mean
    low, high = np.ceil(0.445 * n), np.floor(0.455 * n)
    far = []
    for log_p in (-5.0, -10.0, -20.0, -100.0, -400.0, -690.0):
        log_q = np.log1p(-np.exp(log_p))
        at_end = stats.binom._logpmf(low, n, np.exp(-5.0)) + low * (log_p + 5.0)
        at_end += (n - low) * (log_q - np.log1p(-np.exp(-5.0)))
        got, mean = log_between(low, high, n, log_p, log_q)
        assert got == pytest.approx(at_end, abs=0.5, rel=1e-6)
        assert low <= mean <= low + 1
        # and turned round
        turned, other = log_between(n - high, n - low, n, log_q, log_p)
        assert turned == pytest.approx(got, rel=1e-9)
        assert other == pytest.approx(n - mean)
        far.append(got)
    assert (np.diff(far) < 0).all()
