"""Trials of plans: simulation with the evidence engine, and the Bayes floor."""

import numpy as np
import pytest

from emergent_stats.design import trial
from emergent_stats.design.trial import Floor, bayes_floor, efficiency, try_out, visible_draws
from emergent_stats.evidence.batch import Batch
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.trends import Kink, PowerLaw
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.formula import Claim, Plan, outlook


def test_large_jumps_are_found_and_lines_are_not():
    plan = Plan.even(10, 4.0, n=1000, sigma=0.05)
    calls = []
    claims = {"large": Claim("jump", 2.0), "small": Claim("jump", 0.3)}
    found = try_out(plan, claims, 20, seed=1, progress=lambda *done: calls.append(done))
    assert found["large"].found > 0.8
    assert found["small"].found < found["large"].found
    assert found["large"].false < 0.1
    assert calls[-1] == (60, 60)


def test_trials_repeat_whatever_the_number_of_threads(monkeypatch):
    # blocks of which each thread has some
    monkeypatch.setattr(trial, "_BLOCK", 12)
    plan, claims = Plan.even(5, 3.0), {"": Claim("onset", 2.0)}
    assert try_out(plan, claims, 20, seed=3) == try_out(plan, claims, 20, seed=3, jobs=2)


@pytest.mark.parametrize(
    "what", [lambda p: try_out(p, {"": Claim()}, 5), lambda p: bayes_floor(p, 5)]
)
def test_a_handful_of_series_is_refused(what):
    with pytest.raises(ResultsError, match="5 simulated series say nothing about a share"):
        what(Plan.even(8, 4.0))


def test_visible_draws_leave_out_what_cannot_be_seen():
    curve = Plan.even(8, 4.0).curve()
    template = Batch.of([curve], curve.metric_object)
    rng = np.random.default_rng(0)
    drawn = visible_draws(Hypothesis(PowerLaw(), template.metric), template, 4000, rng)
    assert drawn["slope"].shape == (4000, 1)
    free = Hypothesis(PowerLaw(), template.metric).draw_parameters(curve, 4000, 0)
    # nearly level lines show nothing
    assert (drawn["slope"] < 0.02).mean() < 0.5 * (free["slope"] < 0.02).mean()
    kinks = visible_draws(Hypothesis(Kink(), template.metric), template, 50, rng)
    assert np.abs(kinks["location"]).max() <= 8 / 7 + 1e-9 + 4 / 7 / 2


def test_efficiency():
    assert efficiency(0.06, Floor(0.06, 0.01, 0.05, 0.4)) == 1.0
    with pytest.raises(ResultsError, match="floor = 0"):
        efficiency(0.1, 0.0)
    with pytest.raises(ResultsError, match="own_error = 2"):
        efficiency(2.0, 0.1)


def test_floor_is_what_the_engine_errs():
    """Posterior probabilities under the true priors are calibrated: E[min] is the error rate."""
    floor = bayes_floor(Plan.even(5, 4.0, n=300, sigma=0.15), 400, seed=2)
    assert 0.05 < floor.error < 0.35
    assert floor.own == pytest.approx(floor.error, abs=4 * np.sqrt(0.25 / 400))


@pytest.mark.slow
@pytest.mark.parametrize(("models", "sigma"), [(8, 0.1), (8, 0.2), (12, 0.2), (16, 0.1)])
def test_the_formula_agrees_with_the_engine(models, sigma):
    plan = Plan.even(models, 4.0, n=300, sigma=sigma)
    asked = [("jump", 0.5), ("jump", 1.0), ("jump", 2.0), ("onset", 2.0)]
    claims = {f"{kind} {height:g}": Claim(kind, height) for kind, height in asked}
    found = try_out(plan, claims, 200, seed=5)
    for name, claim in claims.items():
        allowed = 0.35  # 8 models, noise .2, 2 nats: .67 by the formula, .43 in 100 series
        assert outlook(plan, claim).found == pytest.approx(found[name].found, abs=allowed)


@pytest.mark.slow
def test_floor_grows_with_noise():
    floors = [bayes_floor(Plan.even(8, 4.0, n=300, sigma=s), 600, seed=1) for s in (0.05, 0.2, 0.5)]
    assert floors[0].error < floors[1].error < floors[2].error
