import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import METRICS, CrossEntropy, ExactMatch, metric_for
from emergent_stats.model.noise import (
    SIGMA,
    Binomial,
    Gaussian,
    noise_for,
    score_errors,
    skill_errors,
)

CHANCE = {"multiple_choice": 0.25, "brier": 0.75}
AXIS = np.array([1e8, 1e9, 1e10])


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_its_noise(name):
    noise = noise_for(metric_for(name, CHANCE.get(name, float("nan"))))
    continuous = METRICS[name].continuous or name == "brier"
    assert type(noise) is (Gaussian if continuous else Binomial)
    assert noise.sigma == SIGMA


def test_counts_have_binomial_mean_and_spread():
    curve = Curve(AXIS, np.array([0.1, 0.5, 0.9]), "exact_match", n=np.array([100, 400, 50]))
    metric = ExactMatch()
    rates = {"guess": 0.01, "lapse": 0.02}
    skill = np.tile([-0.7, 0.1, 1.4], (20_000, 1))
    y = Binomial().sample(np.random.default_rng(1), skill, curve, metric, **rates)
    p = metric(skill[0], **rates)
    np.testing.assert_allclose(y.mean(0), p, atol=4 * np.sqrt(0.25 / 50 / 20_000))
    np.testing.assert_allclose(y.std(0), np.sqrt(p * (1 - p) / curve.n), rtol=0.03)
    counts = y * curve.n
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)


def test_losses_scatter_on_the_skill_scale():
    curve = Curve(
        AXIS, np.array([3.0, 2.0, 1.5]), "cross_entropy", stderr=np.array([0.03, 0.02, 0.0])
    )
    metric = CrossEntropy()
    skill = np.tile(metric.skill(curve.score), (20_000, 1))
    y = Gaussian().sample(np.random.default_rng(2), skill, curve, metric)
    np.testing.assert_allclose(metric.skill(y).std(0), [0.01, 0.01, 0.0], atol=3e-4)


def test_scores_with_an_error_stay_in_range():
    curve = Curve(AXIS, np.array([0.75, 0.5, 0.0]), "brier", stderr=np.full(3, 0.2), chance=0.75)
    metric = curve.metric_object
    skill = np.tile([-3.0, 0.0, 8.0], (5_000, 1))
    y = Gaussian().sample(np.random.default_rng(3), skill, curve, metric, guess=0.0, lapse=0.0)
    assert y.min() == 0.0
    assert y[:, 0].mean() == pytest.approx(metric(np.array(-3.0), guess=0, lapse=0), abs=0.02)
    assert y[:, 0].std() == pytest.approx(0.2, rel=0.05)


def test_same_seed_same_scores():
    curve = Curve(AXIS, np.array([0.1, 0.5, 0.9]), "exact_match", n=100.0)
    skill = np.zeros((4, 3))

    def draw(seed):
        rng = np.random.default_rng(seed)
        return Binomial().sample(rng, skill, curve, ExactMatch(), guess=0.0, lapse=0.0)

    np.testing.assert_array_equal(draw(5), draw(5))
    assert (draw(5) != draw(6)).any()


def test_errors():
    curve = Curve(
        AXIS, np.array([0.7, 0.5, 0.2]), "brier", n=400.0, stderr=np.array([0.1, np.nan, 0])
    )
    # half of the range 0..2 over √400 where no error is published
    np.testing.assert_allclose(score_errors(curve), [0.1, 0.05, 0.05])
    loss = Curve(
        AXIS, np.array([3.0, 2.0, 1.5]), "cross_entropy", stderr=np.array([0.3, np.nan, 0.0])
    )
    np.testing.assert_allclose(skill_errors(loss, CrossEntropy()), [0.1, 0.0, 0.0], rtol=1e-6)
