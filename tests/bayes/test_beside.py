from dataclasses import replace

import numpy as np
import pytest

from emergent_stats.bayes import bridge, posterior
from emergent_stats.bayes.beside import FLOOR, Beside, contenders, refuse, sample_beside
from emergent_stats.bayes.sampling import largest_rhat
from emergent_stats.cli import posterior_listing
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.learnt import priors_for
from emergent_stats.model.trends import TRENDS
from emergent_stats.verdict.judge import compare
from emergent_stats.verdict.rows import frame

AXIS = 10.0 ** np.linspace(8, 11, 6)
LOSS = Curve(
    AXIS, np.array([3.0, 2.8, 2.5, 2.1, 1.7, 1.5]), "cross_entropy", stderr=np.full(6, 0.03)
)
EXACT = Curve(AXIS, np.array([2, 3, 1, 30, 90, 150]) / 200, "exact_match", n=200.0)
CHOICE = Curve(
    AXIS, np.array([50, 53, 60, 80, 120, 150]) / 200, "multiple_choice", n=200.0, chance=0.25
)
BRIER = Curve(AXIS, np.array([0.75, 0.74, 0.7, 0.6, 0.4, 0.3]), "brier", n=300.0, chance=0.75)

#: Every trend of counts, and metrics of every kind: continuous, chosen, scores.
CASES = [
    *((EXACT, name) for name in TRENDS),
    (LOSS, "kink"), (CHOICE, "broken"), (BRIER, "transition"), (CHOICE, "drop"),
]  # fmt: skip


def agree(curve, name):
    h = Hypothesis(TRENDS[name](), curve.metric_object)
    engine = log_evidence(Batch.of([curve], h.metric), h)
    tree = posterior.fit(curve, h, seed=1, unconstrained=True, draws=2000, tune=1500)
    found = bridge.evidence_of(h, curve, tree, seed=1)
    both = Beside(name, h.account, float(engine.log_z[0]), float(engine.error[0]),
                  found.log_z, found.error, 0, largest_rhat(tree))  # fmt: skip
    assert both.error < 0.15
    # a step fits in several gaps, and no chain goes from one to the next
    assert both.agrees or (name == "step" and both.missed), both.words
    return both


@pytest.mark.slow
@pytest.mark.parametrize(("curve", "name"), CASES, ids=[f"{c.metric} {n}" for c, n in CASES])
def test_engine_and_bridge_agree_on(curve, name):
    both = agree(curve, name)
    share = log_visible_share(Hypothesis(TRENDS[name](), curve.metric_object), [curve])[0]
    if -share > 2 * both.allowed:
        # without the prior mass of visible changes the two would be seen to disagree
        assert not replace(both, log_z=both.log_z + share).agrees


ONE = Beside("kink", "onset", -10.0, 0.05, -10.1, 0.03, 0, 1.001)


def test_what_may_differ():
    assert ONE.agrees
    assert ONE.allowed == pytest.approx(3 * np.hypot(0.05, 0.03))
    assert not replace(ONE, log_z=-10.3).agrees
    exact = replace(ONE, error=0.001, engine_error=0.001)
    assert exact.allowed == FLOOR
    assert not replace(ONE, log_z=float("nan")).agrees


def test_chains_that_miss_a_mode_take_nothing_back(gradual):
    low = replace(ONE, log_z=-11.0)
    assert not low.missed
    assert replace(low, rhat=1.05).missed
    assert refuse(gradual, [replace(low, rhat=1.05)]) is gradual
    # more than the engine's, or not a number, is no missed mode
    for log_z in (-9.0, float("nan")):
        odd = replace(ONE, log_z=log_z, rhat=1.05)
        assert not odd.missed
        assert refuse(gradual, [odd]).verdict == "undecided"


@pytest.fixture(scope="module")
def gradual():
    found = compare(LOSS)
    return replace(found, verdict="gradual", kind=None, reason="as it was")


def test_a_verdict_is_taken_back_where_the_routes_disagree(gradual):
    assert refuse(gradual, [ONE]) is gradual
    refused = refuse(gradual, [ONE, replace(ONE, hypothesis="line", log_z=-11.0)])
    assert refused.verdict == "undecided"
    assert refused.reason == (
        "evidence not reliable: PyMC says -11.00 ± 0.03 for line, the engine -10.00 ± 0.05"
    )


def test_contenders_are_the_best_of_the_two_most_probable_accounts(gradual):
    first, second = contenders(gradual)
    p = {a: getattr(gradual, f"p_{a}") for a in ("flat", "gradual", "onset", "jump", "falls")}
    assert [first.account, second.account] == sorted(p, key=p.__getitem__, reverse=True)[:2]
    rows = {r["hypothesis"]: r["log_evidence"] for r in gradual.hypotheses}
    own = [r["hypothesis"] for r in gradual.hypotheses if r["account"] == first.account]
    assert first.name == max(own, key=rows.__getitem__)


def test_rows_end_with_what_pymc_says(gradual, capsys):
    columns = list(gradual.row())
    found = [[ONE, replace(ONE, log_z=-11.0, notes=("3 divergent transitions",))], []]
    joined = frame([gradual.row() | posterior_listing.row(one) for one in found])
    assert list(joined.columns)[: len(columns)] == columns
    assert list(joined.columns)[-1] == "posterior_agrees"
    assert joined["posterior_agrees"].tolist()[0] is False
    assert joined["posterior_rival_log_evidence"][0] == -11.0
    assert joined["posterior_divergences"].isna().tolist() == [False, True]
    kinds = joined.dtypes[["posterior_rival_hypothesis", "posterior_divergences"]].map(str)
    assert kinds.tolist() == ["str", "Int64"]
    posterior_listing.print_beside([gradual, gradual], found)
    said = capsys.readouterr().out
    assert "-10.10 ± 0.03" in said
    assert "3 divergent transitions" in said


@pytest.mark.slow
def test_contenders_are_what_was_compared(gradual):
    told = replace(gradual, thresholds=replace(gradual.thresholds, smallest_change=0.4))
    assert {h.smallest_change for h in contenders(told)} == {0.4}
    learnt = priors_for(gradual.curve, "corpus")
    for h in contenders(gradual, "corpus"):
        metric = learnt.metric(gradual.curve.metric_object)
        assert h.metric == (metric.saturating() if h.trend.saturates else metric)
        assert h.noise.sigma == learnt.sigma != contenders(gradual)[0].noise.sigma


@pytest.fixture(scope="module")
def few(gradual):
    """The comparison as if two hypotheses had been compared, of which PyMC's models are small."""
    rows = [r for r in gradual.hypotheses if r["hypothesis"] in ("flat", "power_law")]
    p = {"p_gradual": 0.99, "p_flat": 0.01, "p_onset": 0.0, "p_jump": 0.0, "p_falls": 0.0}
    return replace(gradual, hypotheses=tuple(rows), **p)


def check_both_are_sampled(found):
    told = []
    both = sample_beside(found, seed=2, draws=1000, tune=800, chains=2, report=told.append)
    assert told == [1, 1]
    assert [b.hypothesis for b in both] == [h.name for h in contenders(found)]
    return both


def test_both_contenders_are_sampled(few):
    line, flat = check_both_are_sampled(few)
    assert (line.hypothesis, flat.hypothesis) == ("power_law", "flat")
    assert line.agrees, line.words
    assert flat.agrees, flat.words
    # what scores say of a line is sharp: errors are small enough to see a normaliser left out
    assert line.error < 0.15
    assert line.allowed < 0.3


@pytest.mark.slow
def test_both_contenders_of_all_hypotheses_are_sampled(gradual):
    check_both_are_sampled(gradual)
