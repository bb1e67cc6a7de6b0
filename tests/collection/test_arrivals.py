"""Arrivals: survival by hand, a constant rate that is one, tasks foreseen by their small models."""

import numpy as np
import pytest

from emergent_stats import Curve
from emergent_stats.collection.arrivals import (
    arrival_times,
    constant_rate_p,
    kaplan_meier,
)
from emergent_stats.collection.discoveries import discover
from emergent_stats.collection.foresight import _foresight, foreseen

X = np.linspace(-2, 2, 10)


def curve(skill, n=400, rng=None, task="t"):
    p = np.exp(-np.exp(-np.asarray(skill)))
    score = rng.binomial(n, p) / n if rng is not None else np.round(n * p) / n
    return Curve(10 ** (X + 10), score, "exact_match", n=n, key={"task": task})


@pytest.fixture(scope="module")
def collection():
    rng = np.random.default_rng(1)
    leaps = [curve(-1.2 + 4.0 * (at < X), rng=rng, task=f"leap {at}") for at in (-0.8, 0.2, 0.6)]
    flats = [curve(np.full(10, -0.5), rng=rng, task=f"flat {i}") for i in range(2)]
    rises = [curve(0.4 * X + 0.1 * rng.normal(size=10), rng=rng, task=f"rise {i}") for i in (1, 2)]
    return [*leaps, *flats, *rises]


@pytest.fixture(scope="module")
def discoveries(collection):
    return discover(collection, shared=False)


def test_states_and_locations(collection, discoveries):
    found = arrival_times(discoveries)
    state = dict(zip([c.key["task"] for c in found.curves], found.state, strict=True))
    assert [state[f"leap {at}"] for at in (-0.8, 0.2, 0.6)] == ["arrived"] * 3
    assert [state[f"flat {i}"] for i in range(2)] == ["waiting"] * 2
    assert found.counts()["arrived"] == 3
    for t, at in enumerate((-0.8, 0.2, 0.6)):
        gap = X[np.searchsorted(X, at) - 1] + 10, X[np.searchsorted(X, at)] + 10
        assert gap[0] - 0.2 < found.at[t] < gap[1] + 0.2
        assert found.at_low[t] <= found.at[t] <= found.at_high[t]
    # a break is looked for between the second and the last-but-one model only
    assert found.entry[0] == pytest.approx(X[1] + 10)
    assert found.exit[0] == pytest.approx(X[-2] + 10)
    assert found.rate_low < found.rate < found.rate_high
    frame = found.frame()
    assert np.isnan(frame["at"][3])
    assert frame["state"].tolist() == found.state.tolist()


def test_waiting_tasks_lower_the_rate_and_gradual_ones_may(discoveries):
    apart = arrival_times(discoveries)
    waiting = arrival_times(discoveries, gradual="censored")
    assert waiting.rate < apart.rate
    assert waiting.survival[-1, 1] > apart.survival[-1, 1]
    with pytest.raises(ValueError, match="'apart' or 'censored', got 'dropped'"):
        arrival_times(discoveries, gradual="dropped")  # type: ignore[arg-type]


def test_kaplan_meier_by_hand():
    time = np.array([9.0, 10.0, 10.0, 11.0])
    event = np.array([True, True, False, False])
    found = kaplan_meier(time, event, np.full(4, 8.0))
    assert found[:, 0] == pytest.approx([9, 10])
    assert found[:, 1] == pytest.approx([3 / 4, 3 / 4 * 2 / 3])
    assert found[:, 3].tolist() == [4, 3]
    assert kaplan_meier(time, np.zeros(4, bool), np.full(4, 8.0)).shape == (0, 4)


def test_kaplan_meier_with_late_entry():
    # the third task comes under observation after the first has arrived
    time, event = np.array([9.0, 10.0, 11.0]), np.array([True, True, False])
    found = kaplan_meier(time, event, np.array([8.0, 8.0, 9.5]))
    assert found[:, 3].tolist() == [2, 2]
    assert found[:, 1] == pytest.approx([1 / 2, 1 / 4])


def test_a_constant_rate_is_not_rejected_too_often_and_a_clump_is():
    rng = np.random.default_rng(2)
    entry, leave = np.full(40, 8.0), np.full(40, 11.0)
    p = []
    for _ in range(40):
        arrival = entry + rng.exponential(2.0, 40)
        event = arrival < leave
        p.append(constant_rate_p(np.minimum(arrival, leave), event, entry, leave, rng))
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) < 0.1) < 0.25
    clump = np.where(np.arange(40) < 20, 10.5 + 0.001 * np.arange(40), 11.0)
    assert constant_rate_p(clump, clump < 11, entry, leave, rng) < 0.01
    assert np.isnan(constant_rate_p(leave, np.arange(40) < 1, entry, leave, rng))


# --- foreseen ------------------------------------------------------------------------------
def test_foresight_by_hand():
    first = Curve([1e10, 1e11], [0.1, 0.9], "exact_match", n=100)
    second = Curve([1e10, 1e11], [0.1, 0.2], "exact_match", n=100)
    tasks = [(9.0, first, np.array([0.2, 0.5])), (9.0, second, np.array([0.1, 0.3]))]
    found = _foresight(tasks, 0.5, 1)
    assert found.crossed.tolist() == [True, False]
    assert found.expected == pytest.approx([0.7, 0.4])
    assert found.observed_count == 1
    assert found.z == pytest.approx((1 - 1.1) / np.sqrt(0.16 + 0.25 + 0.09 + 0.21))
    assert found.log_predicted == pytest.approx(np.log(0.8 * 0.5 * 0.9 * 0.7))
    # one crossing in four steps of a decade: hazard 1/4 each
    assert found.log_constant == pytest.approx(np.log(0.75**3 * 0.25), abs=1e-4)


def test_who_rises_early_and_who_never_is_foreseen():
    rng = np.random.default_rng(4)
    slope = [1.0, 1.2, 1.4, 1.6, 0.1, 0.12, 0.15, 0.1]
    tasks = [curve(-0.9 + a * X + 0.05 * rng.normal(size=10), n=2000, rng=rng) for a in slope]
    found = foreseen(tasks, 1e10, 0.4)
    assert found.crossed.tolist() == [True] * 4 + [False] * 4
    assert found.earlier == 0
    assert found.p > 0.05
    assert found.gain > 0.5
    # the last task bends upwards by chance: as a group, not one by one
    assert found.expected[:4].mean() > 3 * found.expected[4:].mean()
    assert found.expected[:4].min() > np.median(found.expected[4:])


def test_foreseen_refuses_what_it_cannot_do():
    done = curve(1.0 + 0.3 * X)
    with pytest.raises(ValueError, match=r"1 of 1 had passed the level 0\.25 before"):
        foreseen([done], 1e10)
    with pytest.raises(ValueError, match=r"between 0 \(chance\) and 1 \(top\), got 1\.5"):
        foreseen([done], 1e10, 1.5)
    loss = Curve(10 ** (X + 10), np.linspace(3, 2, 10), "cross_entropy")
    with pytest.raises(ValueError, match="has no level between chance and top"):
        foreseen([loss], 1e10)
