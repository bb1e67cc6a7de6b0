"""Many tasks at once: shares, false-discovery rates, noise of the models, selection."""

import numpy as np
import pytest

from emergent_stats import Curve
from emergent_stats.collection import model_noise
from emergent_stats.collection.discoveries import (
    account_shares,
    benjamini_hochberg,
    discover,
    running_fdr,
)
from emergent_stats.collection.fits import fit_all, shifted
from emergent_stats.collection.model_noise import offsets, shared_noise
from emergent_stats.collection.selected import Succeeds, log_passing_share
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.trends import ACCOUNTS, BREAKS
from emergent_stats.verdict.sensitivity import share_of

X = np.linspace(-2, 2, 8)


def curve(skill, n=400, rng=None, task="t", **more):
    """Exact-match curve of a given skill, exact to the count unless drawn at random."""
    p = np.exp(-np.exp(-np.asarray(skill)))
    score = rng.binomial(n, p) / n if rng is not None else np.round(n * p) / n
    key = {"study": "s", "family": "F", "task": task, "shots": 3}
    names = tuple(f"m{i}" for i in range(p.size))
    return Curve(10 ** (X + 10), score, "exact_match", n=n, key=key, models=names, **more)


def smooth(count, noise, rng, sigma=0.05):
    return [
        curve(
            rng.uniform(-1, 0.5) + rng.uniform(0.3, 1) * X + noise + sigma * rng.normal(size=8),
            rng=rng, task=f"t{i}",
        )
        for i in range(count)
    ]  # fmt: skip


# --- shares and rates ----------------------------------------------------------------------
def test_shares_are_the_mode_of_the_posterior():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(40, 4)) * 2
    best = account_shares(z)
    assert best.sum() == pytest.approx(1)

    def target(share):
        return np.log(np.exp(z) @ share).sum() + np.log(share).sum()

    for _ in range(50):
        other = np.maximum(best + 0.02 * rng.normal(size=4), 1e-3)
        assert target(other / other.sum()) <= target(best) + 1e-9


def test_shares_recover_a_mixture():
    rng = np.random.default_rng(2)
    truth = rng.choice(4, 4000, p=[0.5, 0.3, 0.15, 0.05])
    # evidence of a unit normal observation around 3·account
    y = 3.0 * truth + rng.normal(size=truth.size)
    z = -0.5 * (y[:, None] - 3.0 * np.arange(4)) ** 2
    assert account_shares(z) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.02)


def test_without_tasks_that_tell_shares_stay_equal():
    assert account_shares(np.zeros((5, 4))) == pytest.approx([0.25] * 4)


def test_running_fdr_is_the_mean_of_what_would_be_called():
    rng = np.random.default_rng(3)
    lfdr = rng.random(30)
    found = running_fdr(lfdr)
    for i in range(30):
        assert found[i] == pytest.approx(lfdr[lfdr <= lfdr[i]].mean())


def test_benjamini_hochberg_by_hand():
    p = [0.001, 0.02, np.nan, 0.03, 0.9]
    # sorted p·k/rank: .004, .04, .04, .9
    expected = [0.004, 0.04, np.nan, 0.04, 0.9]
    assert benjamini_hochberg(p) == pytest.approx(expected, nan_ok=True)
    with pytest.raises(ValueError, match=r"between 0 and 1, got 0\.1 to 1\.2"):
        benjamini_hochberg([0.1, 1.2])


# --- collections ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(4)
    tasks = smooth(9, 0.0, rng)
    leap = curve(-0.6 + 0.1 * X + 3.0 * (X > 0.3), rng=rng, task="leap")
    short = Curve([1e8, 1e9], [0.1, 0.2], "exact_match", n=400, key={"task": "short"})
    curves = [*tasks, leap, short]
    p_values = [0.5] * 9 + [0.004, None]
    return curves, discover(curves, shared=False, p_values=p_values)


def test_discover_calls_the_leap_and_nothing_else(mixed):
    curves, found = mixed
    assert [curves[i].key["task"] for i in found.called(0.2)] == ["leap"]
    assert found.probability[:10].sum(1) == pytest.approx(np.ones(10))
    assert found.lfdr[:10] == pytest.approx(1 - share_of(found.probability[:10], *BREAKS))
    # most tasks are smooth, so a break needs more evidence than by itself
    assert share_of(found.shares, "gradual") > 0.5
    assert found.lfdr[9] > 1 - share_of(found.alone[9], *BREAKS)
    assert found.p_adjusted[9] == pytest.approx(0.04)


def test_what_cannot_be_analysed_is_nan_and_never_called(mixed):
    _, found = mixed
    assert np.isnan(found.lfdr[10])
    assert np.isnan(found.probability[10]).all()
    assert 10 not in found.called(1.0)


def test_frame_has_a_row_per_series(mixed):
    curves, found = mixed
    frame = found.frame()
    assert len(frame) == len(curves)
    assert frame["task"].tolist()[-1] == "short"
    assert frame["lfdr"].iloc[9] == found.lfdr[9]
    assert frame["shots"].dtype == "Int64"


def test_nothing_to_analyse_says_so():
    short = Curve([1e8, 1e9], [0.1, 0.2], "exact_match", n=400)
    with pytest.raises(ValueError, match="no series can be analysed"):
        discover([short])
    with pytest.raises(ValueError, match="p_values has 2 values for 1 curves"):
        discover([short], p_values=[0.1, 0.2])


def test_results_do_not_depend_on_threads():
    rng = np.random.default_rng(5)
    curves = smooth(3, 0.0, rng)
    one, two = (fit_all(curves, jobs=jobs)[0].account_z for jobs in (1, 2))
    assert (one == two).all()


# --- noise of the models ---------------------------------------------------------------------
def test_offset_is_taken_out_of_the_skill():
    rng = np.random.default_rng(6)
    u = np.array([0.3, -0.2, 0.1, 0.4, -0.3, 0.2, 0.0, -0.1])
    skill = 0.4 * X + 0.05 * rng.normal(size=8)
    metric = curve(skill).metric_object
    plain = Batch.of([curve(skill, n=20000)], metric)
    moved = shifted(Batch.of([curve(skill + u, n=20000)], metric), [u])
    line = next(h for h in hypotheses(metric) if h.name == "power_law")
    same, other = (log_evidence(b, line).log_z[0] for b in (plain, moved))
    raw = log_evidence(moved.with_offset(np.zeros_like(moved.x)), line).log_z[0]
    # counts differ, so their probabilities do a little; left in, the noise costs several nats
    assert other == pytest.approx(same, abs=1.0)
    assert raw < other - 3


@pytest.mark.parametrize("tasks", [5, pytest.param(24, marks=pytest.mark.slow)])
def test_shared_noise_is_recovered_beside_a_line(monkeypatch, tasks):
    monkeypatch.setattr(model_noise, "LEAST_TASKS", 5)
    rng = np.random.default_rng(7)
    u = np.array([0.0, 0.25, -0.1, -0.3, 0.3, 0.15, -0.35, 0.1])
    curves = smooth(tasks, u, rng)
    found = shared_noise(curves)
    assert len(found) == 1
    noise = found[0]
    assert noise.tasks == tasks
    assert noise.models == tuple(f"m{i}" for i in range(8))
    line = np.stack([np.ones(8), X], 1)
    beside = np.eye(8) - line @ np.linalg.pinv(line)
    assert beside @ noise.value == pytest.approx(beside @ u, abs=0.12)
    assert noise.tau == pytest.approx((beside @ u).std(), abs=0.1)
    own = offsets(curves, found)
    assert all((o == noise.value).all() for o in own)


def test_few_tasks_say_nothing_of_their_models():
    rng = np.random.default_rng(8)
    curves = smooth(3, 0.0, rng)
    assert shared_noise(curves) == []
    assert [o.tolist() for o in offsets(curves, [])] == [[0.0] * 8] * 3


# --- selection -------------------------------------------------------------------------------
def test_succeeds_looks_at_the_largest_model():
    c = curve(0.3 * X)
    scores = np.array([[0.0] * 7 + [0.2], [0.9] * 7 + [0.04]])
    assert Succeeds(0.05)(c, scores).tolist() == [True, False]
    choice = Curve(10 ** (X + 10), np.linspace(0.25, 0.5, 8), "multiple_choice", chance=0.25, n=400)
    assert Succeeds(0.05)(choice, np.array([[0.5] * 8, [0.29] * 8])).tolist() == [True, False]
    loss = Curve(10 ** (X + 10), np.linspace(3, 2, 8), "cross_entropy")
    with pytest.raises(ValueError, match="has no chance level to beat"):
        Succeeds()(loss, np.ones((2, 8)))
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Succeeds(1.0)


def test_passing_share_is_that_of_the_prior():
    c = curve(1.0 + 0.5 * X)
    found = np.exp(log_passing_share([c], Succeeds(0.5), size=4000))[0]
    share = dict(zip(ACCOUNTS, found.tolist(), strict=True))
    # flat: level ~ Normal(0, 3) around half-way, so about half of them pass one half
    assert share["flat"] == pytest.approx(0.5, abs=0.05)
    # whatever rises ends higher than what does not, and whatever falls lower
    assert min(share[a] for a in ("gradual", *BREAKS)) > share["flat"] > share["falls"]
    everything = np.exp(log_passing_share([c], lambda curve, s: np.ones(len(s), bool)))
    assert everything == pytest.approx(np.ones((1, len(ACCOUNTS))))


def test_a_filter_that_nothing_passes_is_refused():
    c = curve(1.0 + 0.5 * X)
    with pytest.raises(ValueError, match="1 of 1 series do not pass the filter"):
        log_passing_share([c], lambda curve, s: np.zeros(len(s), bool))
    only_data = c.score

    def keep(curve, scores):
        return (scores == only_data).all(1) & (len(scores) == 1)

    with pytest.raises(ValueError, match=r"rejects every one of 2000 simulated series"):
        log_passing_share([c], keep)
