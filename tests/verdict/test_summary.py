"""Summaries of one curve hold still where a limit is near."""

import numpy as np
import pytest

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.many import evidences
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.learnt import priors_for
from emergent_stats.verdict import summary
from emergent_stats.verdict.calibration import draw_posterior
from emergent_stats.verdict.sensitivity import account_evidence, probabilities

SCALES = np.logspace(8, 11, 8)
CURVES = {
    "counts": Curve(SCALES, np.array([7, 9, 6, 10, 12, 9, 14, 16]) / 100, "exact_match", n=100),
    "choices": Curve(
        SCALES, np.array([50, 47, 55, 52, 49, 58, 55, 60]) / 200, "multiple_choice",
        n=200, chance=0.25,
    ),
    "losses": Curve(SCALES, [2.31, 2.30, 2.32, 2.29, 2.28, 2.30, 2.27, 2.26], "cross_entropy"),
}  # fmt: skip


def analysed(curve):
    priors = priors_for(curve, "weak")
    metric = priors.metric(curve.metric_object)
    batch = Batch.of([curve], metric)
    found = evidences(batch, 0, hypotheses(metric, priors=priors))
    return batch, found, probabilities(account_evidence(found))[0]


@pytest.mark.parametrize(("name", "limit"), [("counts", 0.1), ("choices", 0.1), ("losses", 0.025)])
def test_changes_over_the_nodes_are_those_of_many_draws(name, limit):
    curve = CURVES[name]
    _, found, p = analysed(curve)
    rng, changes, rises, mass = np.random.default_rng(5), [], [], []
    for account, share in zip(summary.ACCOUNTS, p, strict=True):
        for h, values in draw_posterior(summary.members(found, account), 0, 8000, rng):
            at = curve.x - curve.centre
            score = h.expected(at, values) + np.zeros((1, curve.m))
            shown = h.shown(h.skill(at, values), values) if h.metric.continuous else score
            changes.append(np.ptp(shown, axis=1))
            rises.append(score[:, -1] - score[:, 0])
            mass.append(np.full(len(score), share / 8000))
    weights = np.concatenate(mass)
    want = weights @ (np.concatenate(changes) < limit)
    assert 0.2 < want < 0.999, "the limit matters"
    assert summary.small_change(curve, found, p, limit) == pytest.approx(want, abs=0.012)
    ends = summary.interval(np.concatenate(rises), weights)
    width = ends[1] - ends[0]
    assert summary.rise(curve, found, p) == pytest.approx(ends, abs=0.05 * width)


def test_rounds_go_on_until_the_side_of_the_limit_is_clear(monkeypatch):
    """What is far from the limit takes one round, what is close to it all of them."""
    rng = np.random.default_rng(1)

    def share_of(p):
        def extremes(batch, evidence, size, rng):
            asked.append(size)
            return np.array([rng.binomial(size, 0.5 * p), size])

        asked: list[int] = []
        monkeypatch.setattr(summary, "_extremes", extremes)
        return summary.predictive_p(None, {}, rng, 0.01), sum(asked)

    assert {share_of(0.5)[1] for _ in range(20)} == {60}
    assert all(share_of(0.0) == (0.0, 1800) for _ in range(3))
    close = [share_of(0.02) for _ in range(200)]
    # of 600 series alone, p = .02 is found below .01 one time in 16
    assert np.mean([p < 0.01 for p, _ in close]) < 0.01
    at_limit = [share_of(0.01) for _ in range(100)]
    assert np.median([size for _, size in at_limit]) == sum(summary._ROUNDS)
    assert np.std([p for p, size in at_limit if size == sum(summary._ROUNDS)]) < 0.0025
