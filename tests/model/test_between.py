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
        # a hundredth of itself where it is far out
        assert got == pytest.approx(want, abs=5e-3, rel=1e-2)
        if want > -20:
            mean_there = float(np.exp(each - want) @ k)
            assert mean == pytest.approx(mean_there, abs=0.6 + 0.03 * np.sqrt(n))
