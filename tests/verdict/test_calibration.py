"""The simulated null: when it stops, and what its p-value is then."""

from dataclasses import replace

import numpy as np
import pytest

from emergent_stats import Curve, compare
from emergent_stats.verdict import calibration, judge
from emergent_stats.verdict.calibration import ENOUGH_AS_BROKEN, _until
from emergent_stats.verdict.decision import decide
from emergent_stats.verdict.judge import findings_of

SIZES = 10.0 ** np.linspace(8, 11, 9)


def stopped(null, log_bf, enough=10):
    """Sequential p-value, and how many of the null were looked at."""
    seen, p = _until(enough, np.arange(null.size), lambda rows: null[rows], log_bf)
    return p, seen.size


def test_the_null_stops_at_the_last_series_it_needs():
    null = np.zeros(500)
    null[[3, 9, 20, 33, 40, 52, 60, 61, 62, 70, 90]] = 5.0
    # the tenth of those as broken is the 71st series, in the second wave
    assert stopped(null, 5.0) == (10 / 71, 192)
    assert np.isnan(stopped(null, 5.0, enough=12)[0]), "eleven of all are fewer than twelve"
    assert stopped(null, 0.0) == (1.0, 64)
    p, size = stopped(null, 6.0)
    assert np.isnan(p)
    assert size == 500


@pytest.mark.parametrize("level", [0.02, 0.05, 0.2])
def test_stopped_p_values_are_no_smaller_than_chance_allows(level):
    # the data are one more draw of the null: P(p ≤ level) ≤ level
    rng = np.random.default_rng(4)
    found = []
    for _ in range(4000):
        null, observed = rng.normal(size=500), rng.normal()
        p, size = stopped(null, observed)
        found.append(p if np.isfinite(p) else (1 + (null >= observed).sum()) / (1 + size))
    assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 4000)


def rises(batch, hypotheses, seed, jobs, progress, focus):
    """Stand-in for Bayes factors: how much the largest rise of a series exceeds .32."""
    progress(len(batch))
    return focus + np.diff(batch.obs.value, axis=1).max(1) - 0.32


@pytest.mark.parametrize(
    ("size", "factors"),
    [(4000, rises), pytest.param(300, calibration.bayes_factors, marks=pytest.mark.slow)],
)
def test_a_null_that_stops_is_a_random_part_of_the_whole(monkeypatch, size, factors):
    monkeypatch.setattr(calibration, "bayes_factors", factors)
    # most of the gradual account's posterior is one hypothesis, and it looks less broken
    skill = np.array([-1.4, -1.2, -0.9, -0.8, 0.3, 0.4, 0.6, 0.7, 0.9])
    curve = Curve(SIZES, np.round(400 * np.exp(-np.exp(-skill))) / 400, "exact_match", n=400)
    eager = replace(judge.THRESHOLDS, probability=0.3)
    early = compare(curve, calibrate=size, thresholds=eager)
    monkeypatch.setattr(judge, "ENOUGH_AS_BROKEN", None)
    whole = compare(curve, calibrate=size, thresholds=eager)
    assert early.p_real > 0.3
    assert 1 / (size + 1) < whole.p_cal < 1
    spread = whole.p_cal * np.sqrt(1 / ENOUGH_AS_BROKEN + 1 / (size * whole.p_cal))
    assert abs(early.p_cal - whole.p_cal) < 4 * spread
    if early.p_cal > ENOUGH_AS_BROKEN / size:
        assert early.power is None
        assert early.powers == {}
    assert whole.power is not None


def test_progress_of_a_null_that_stops_ends_at_its_total(monkeypatch):
    def all_broken(batch, hypotheses, seed, jobs, progress, focus):
        progress(len(batch))
        return np.full(len(batch), 99.0)

    monkeypatch.setattr(calibration, "bayes_factors", all_broken)
    score = np.array([0.01, 0.01, 0.02, 0.01, 0.6, 0.62, 0.61, 0.63, 0.64])
    done = []
    found = compare(
        Curve(SIZES, score, "exact_match", n=1000),
        calibrate=200, progress=lambda *now: done.append(now),
    )  # fmt: skip
    assert found.p_cal == 1.0
    assert (found.verdict, found.confirmed) == ("real", False)
    assert "not confirmed by simulation: 100" in found.reason
    assert done[-1][0] == done[-1][1]


@pytest.mark.parametrize(
    ("share", "p_cal", "verdict", "confirmed"),
    [
        (1.0, None, "real", None),
        (1.0, 0.002, "real", True),
        (1.0, 0.3, "real", False),
        (0.3, 0.002, "undecided", None),
    ],
)
def test_a_null_confirms_and_does_not_take_back(share, p_cal, verdict, confirmed):
    score = np.array([0.01, 0.01, 0.02, 0.01, 0.6, 0.62, 0.61, 0.63, 0.64])
    (found,) = findings_of([Curve(SIZES, score, "exact_match", n=1000)])
    p = {"p_jump": share * found.p_jump, "p_gradual": 1.0 - share * found.p_jump - found.p_onset}
    said = decide(replace(found, **p, p_cal=p_cal))
    assert (said.verdict, said.confirmed) == (verdict, confirmed)
