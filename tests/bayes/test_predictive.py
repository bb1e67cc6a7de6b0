import numpy as np
import pytest
import xarray as xr

from emergent_stats.bayes.predictive import (
    posterior_predictive,
    predictive_p_values,
    prior_predictive,
)
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.trends import TRENDS, PowerLaw

X = np.linspace(-1.5, 1.5, 6)
CURVE = Curve(10 ** (X + 9), np.array([2, 3, 1, 30, 90, 150]) / 200, "exact_match", n=200.0)


@pytest.mark.parametrize("name", ["flat", "power_law", "kink", "step"])
def test_prior_predictive_is_of_visible_changes(name):
    h = Hypothesis(TRENDS[name](), CURVE.metric_object)
    tree = prior_predictive(h, CURVE, draws=200, seed=1)
    assert tree["prior_predictive"]["score"].shape == (1, 200, 6)
    assert set(h.priors()) <= set(tree["prior"].data_vars)
    scores = tree["prior_predictive"]["score"].to_numpy()
    assert ((scores >= 0) & (scores <= 1)).all()
    xr.testing.assert_identical(tree, prior_predictive(h, CURVE, draws=200, seed=1))
    if name == "power_law":
        p = {n: tree["prior"][n].to_numpy()[0][:, None] for n in ("level", "slope")}
        shown = h.metric.fraction(h.trend(X[None], **p))
        moved = ((shown - shown.mean(1, keepdims=True)) ** 2).sum(1) ** 0.5
        assert (moved > 0.02).mean() > 0.97


def sample_of(level, slope):
    dims = ("chain", "draw")
    values = {"level": level, "slope": slope, "sigma": 0.1, "guess": 0.01, "lapse": 0.01}
    flat = {n: (dims, np.full((2, 300), v)) for n, v in values.items()}
    trend = np.broadcast_to(level + slope * X, (2, 300, 6)).copy()
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset(flat | {"trend": ((*dims, "model"), trend)})}
    )


def test_posterior_predictive_shows_misfit():
    h = Hypothesis(PowerLaw(), CURVE.metric_object)
    fits, misses = sample_of(-0.6, 1.7), sample_of(0.0, 0.1)
    tree = posterior_predictive(fits, h, CURVE)
    assert tree["posterior_predictive"]["score"].shape == (2, 300, 6)
    assert "posterior_predictive" not in fits.children
    good, bad = predictive_p_values(fits, h, CURVE), predictive_p_values(misses, h, CURVE)
    assert set(good) == {"largest step", "largest fall", "scatter"}
    assert 0.02 < good["largest step"] < 0.98
    assert bad["largest step"] < 0.02
