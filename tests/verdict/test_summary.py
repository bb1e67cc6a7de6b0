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
def test_small_change_is_that_of_many_draws(name, limit):
    curve = CURVES[name]
    batch, found, p = analysed(curve)
    draws = draw_posterior(found, 0, 20_000, np.random.default_rng(5))
    # accounts with their probabilities, not with the sums of their hypotheses' evidences
    share = dict.fromkeys(summary.ACCOUNTS, (0.0, 0))
    for h, values in draws:
        skill = np.asarray(h.skill(curve.x - curve.centre, values), float)
        if batch.metric.continuous:
            seen = h.shown(skill, values)
        else:
            seen = h.metric(skill, **h.rates(values))
        small, count = share[h.account]
        share[h.account] = (small + float((np.ptp(seen, axis=1) < limit).sum()), count + len(seen))
    heavy = [a for a, (_, count) in share.items() if count > 200]
    weight = {a: float(p[summary.ACCOUNTS.index(a)]) for a in heavy}
    want = sum(weight[a] * share[a][0] / share[a][1] for a in heavy) / sum(weight.values())
    assert 0.2 < want < 0.999, "the limit matters"
    assert summary.small_change(batch, found, p, limit) == pytest.approx(want, abs=0.012)


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
