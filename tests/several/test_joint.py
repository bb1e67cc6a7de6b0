from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from emergent_stats.model.curve import Curve
from emergent_stats.model.trends import TRENDS, Kink, PowerLaw, Transition
from emergent_stats.several.joint import _weighed, account_log_z, compare_joint
from emergent_stats.several.joint_evidence import (
    _log_visibility,
    check_counts,
    joint_log_evidence,
    joint_log_likelihood,
    log_visible_share,
    posterior_nodes,
)
from emergent_stats.several.joint_model import JOINT_ACCOUNTS, JointHypothesis, joint_hypotheses
from emergent_stats.several.views import Views

M = 8
X = np.linspace(-2.0, 2.0, M)
NAMES = tuple(f"m{i}" for i in range(M))
N = 300.0


def logistic(z):
    return 1 / (1 + np.exp(-z))


def curve(metric, score, **kwargs):
    return Curve(10 ** (X + 9), score, metric, models=NAMES, **kwargs)


def pair(shared, own=0.0, seed=0, sigma=0.1):
    """Cross-entropy and exact match of one skill; the latter may add something of its own."""
    rng = np.random.default_rng(seed)
    skill = shared + sigma * rng.standard_normal(M)
    p = np.exp(-np.exp(-(0.9 * skill + own)) * np.log(2))
    exact = curve("exact_match", rng.binomial(int(N), p) / N, n=N)
    return exact, curve("cross_entropy", np.exp(-skill) * 0.7)


LINE = -0.3 + 0.6 * X
LEAP = 2.2 * (logistic(30 * (X + 0.1)) - 0.5)


# --- matching ---------------------------------------------------------------------------------
def test_reference_is_the_continuous_metric_and_notes_carry_over():
    views = Views.of(pair(LINE))
    assert [c.metric for c in views.curves] == ["cross_entropy", "exact_match"]
    assert any("no standard error" in n for n in views.notes)
    np.testing.assert_allclose(views.x, X)


def test_models_are_matched_by_name_and_the_lost_are_named():
    exact, loss = pair(LINE)
    keep = [0, 1, 2, 4, 5, 6, 7]
    fewer = Curve(
        exact.axis_values[keep], exact.score[keep], "exact_match", n=N,
        models=[NAMES[i] for i in keep],
    )  # fmt: skip
    views = Views.of([loss, fewer])
    assert views.m == 7
    assert "m3" not in views.curves[0].models
    assert "1 models of cross_entropy lack another metric: m3" in views.notes


def other_names(c):
    return Curve(c.axis_values, c.score, c.metric, n=c.n, models=[f"x{i}" for i in range(M)])


def other_scale(c):
    return Curve(2 * c.axis_values, c.score, c.metric, n=c.n, models=c.models)


def constant(c):
    return Curve(c.axis_values, 0 * c.score, c.metric, n=c.n, models=c.models)


def twice(c):
    return Curve(c.axis_values, c.score, c.metric, n=c.n, models=("m0", "m0", *c.models[2:]))


def few(c):
    return Curve(c.axis_values[:3], c.score[:3], c.metric, n=c.n[:3], models=c.models[:3])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_names, r"no model in common: models are matched by name"),
        (other_scale, r"give the same models different scales \(params, params\)"),
        (constant, r"exact_match is 0 for every model: a constant metric"),
        (twice, r"exact_match has several scores of model 'm0'; keep one per model"),
        (few, r"needs 4 scales that all metrics share, got 3"),
    ],
)
def test_refusals(spoil, message):
    exact, loss = pair(LINE)
    with pytest.raises(ValueError, match=message):
        compare_joint([spoil(exact), loss])


def test_one_metric_is_refused():
    with pytest.raises(ValueError, match="two metrics or more, got 1"):
        compare_joint([pair(LINE)[0]])


# --- hypotheses -------------------------------------------------------------------------------
def test_every_trend_and_a_break_of_every_metric():
    metrics = Views.of(pair(LINE)).metrics
    found = joint_hypotheses(metrics)
    assert {h.account for h in found} == set(JOINT_ACCOUNTS)
    shared = [h.name for h in found if h.own is None]
    assert shared == list(TRENDS)
    assert all(h.account == TRENDS[h.name].account for h in found if h.own is None)
    assert {h.own_metric for h in found if h.own is not None} == {0, 1}
    assert all(list(h.priors()).count("sigma") == 1 for h in found)


def test_skill_of_each_metric_by_hand():
    metrics = Views.of(pair(LINE)).metrics
    own = Transition(level=0.0, slope=0.0)
    h = JointHypothesis("format", PowerLaw(), metrics, own, 1)
    p = {
        "level": 0.2, "slope": 0.5, "own_height": 2.0, "own_location": 0.0, "own_width": 0.1,
        "offset_2": 1.0, "log_loading_2": np.log(2.0), "sigma": 0.3,
    }  # fmt: skip
    line = 0.2 + 0.5 * X
    skills, loads = h.seen_skills(X, h.skill(X, p), p)
    np.testing.assert_allclose(skills[0], line)
    np.testing.assert_allclose(skills[1], 1 + 2 * line + np.sign(X), atol=1e-4)
    np.testing.assert_allclose(loads, [0.3, 0.6])
    before, after = h.changes(X, p)
    assert before[0][0] == after[0][0] == 1
    np.testing.assert_allclose(before[0][2], 2 * line)
    np.testing.assert_allclose(after[0][2], 2 + 2 * line)


# --- likelihood -------------------------------------------------------------------------------
def by_hand(h, views, p):
    """Both noises integrated on grids, model by model."""
    e, w = special.roots_hermitenorm(80)
    w = w / np.sqrt(2 * np.pi)
    x = views.x
    flat = {k: float(v[0, 0]) for k, v in p.items()}
    skills, loads = h.seen_skills(x, h.skill(x, flat), flat)
    total = 0.0
    for i in range(views.m):
        inner = np.ones(e.size)
        for j, c in enumerate(views.curves):
            at = skills[j][i] + loads[j] * e
            if c.metric_object.continuous:
                seen, sd = c.metric_object.skill(c.score)[i], flat["residual"]
                error = c.metric_object.skill_error(c.score, np.nan_to_num(c.stderr))[i]
                inner = inner * stats.norm.pdf(seen, at, np.hypot(sd, error))
            else:
                mu = h.metrics[j](at[:, None] + flat["residual"] * e, **h.rates(j, flat))
                inner = inner * (stats.binom.pmf(round(c.score[i] * N), int(N), mu) @ w)
        total += np.log(inner @ w)
    return total


def test_likelihood_of_a_loss_and_a_count():
    exact, loss = pair(LINE)
    views = Views.of([exact, curve("cross_entropy", loss.score, stderr=0.1 * loss.score)])
    h = JointHypothesis("artefact", PowerLaw(), views.metrics)
    p = {
        "level": -0.2, "slope": 0.5, "offset_2": 0.1, "log_loading_2": 0.1, "sigma": 0.25,
        "residual": 0.12, "guess_2": 0.01, "lapse_2": 0.02,
    }  # fmt: skip
    p = {k: np.full((1, 1), v) for k, v in p.items()}
    got = joint_log_likelihood(h, views, p)
    assert got[0] == pytest.approx(by_hand(h, views, p), abs=0.02)


def test_likelihood_of_two_counts_and_a_loss():
    exact, loss = pair(LINE)
    other = curve("f1", np.round(0.9 * exact.score * N) / N, n=N)
    p = {
        "level": -0.2, "slope": 0.5, "sigma": 0.25, "residual": 0.12,
        "offset_2": 0.1, "log_loading_2": 0.1, "guess_2": 0.01, "lapse_2": 0.02,
        "offset_3": 0.0, "log_loading_3": -0.1, "guess_3": 0.01, "lapse_3": 0.02,
        "guess_1": 0.01, "lapse_1": 0.02,
    }  # fmt: skip
    p = {k: np.full((1, 1), v) for k, v in p.items()}
    for curves in ([loss, exact, other], [exact, other]):
        views = Views.of(curves)
        h = JointHypothesis("artefact", PowerLaw(), views.metrics)
        own = {n: p[n] for n in h.priors()}
        got = joint_log_likelihood(h, views, own)
        assert got[0] == pytest.approx(by_hand(h, views, own), abs=0.05)


def test_density_of_two_losses_by_hand():
    rng = np.random.default_rng(1)
    loss = np.exp(-LINE - 0.1 * rng.standard_normal(M))
    views = Views.of(
        [curve("cross_entropy", loss, stderr=0.02 * loss), curve("bits_per_byte", loss**0.9)]
    )
    h = JointHypothesis("format", PowerLaw(), views.metrics, Kink(level=0.0, slope=0.0), 1)
    p = {
        "level": -0.2, "slope": 0.5, "own_bend": 0.4, "own_location": 0.3, "sigma": 0.2,
        "residual": 0.1, "offset_2": 0.1, "log_loading_2": -0.2,
    }  # fmt: skip
    line = -0.2 + 0.5 * X
    bend = 0.4 * np.maximum(X - 0.3, 0)
    skills = np.array([line, 0.1 + np.exp(-0.2) * line + bend])
    loads = 0.2 * np.array([1.0, np.exp(-0.2)])
    want = 0.0
    for i in range(M):
        seen = [c.metric_object.skill(c.score)[i] for c in views.curves]
        errors = [c.metric_object.skill_error(c.score, np.nan_to_num(c.stderr))[i]
                  for c in views.curves]  # fmt: skip
        spread = np.outer(loads, loads) + np.diag(0.1**2 + np.square(errors))
        want += stats.multivariate_normal.logpdf(seen, skills[:, i], spread)
    rows = {n: np.full((1, 1), v) for n, v in p.items()}
    assert joint_log_likelihood(h, views, rows)[0] == pytest.approx(want, abs=1e-6)
    # a bend of a metric's own shows against the line before it and the line after it
    after = 0.4 * (X - 0.3)
    gate = sum(-np.log1p((0.05 / (np.abs(bend - other) ** 8).sum() ** 0.125) ** 4)
               for other in (0 * X, after))  # fmt: skip
    assert _log_visibility(h, views.x[None], rows)[0] == pytest.approx(gate, abs=1e-6)


# --- comparison -------------------------------------------------------------------------------
FEW = ("flat", "power_law", "kink", "transition", "decline", "transition of metric 2, powerlaw")


def few_hypotheses(views):
    return [h for h in joint_hypotheses(views.metrics) if h.name in FEW]


@pytest.mark.parametrize(
    ("shared", "own", "want"),
    [
        (0.0 * X, 0.0, "flat"),
        (LINE, 0.0, "artefact"),
        (0.3 * X + LEAP, 0.0, "real"),
        (-LINE, 0.0, "falls"),
        (0.4 * X, LEAP, "format"),
    ],
    ids=["flat", "line", "leap", "falls", "own leap"],
)
def test_the_planted_account_wins(shared, own, want):
    views = Views.of(pair(shared, own))
    found = compare_joint(views, nodes=300, hypotheses=few_hypotheses(views), seed=3)
    account = {"artefact": "gradual", "real": "jump"}.get(want, want)
    assert max(found.probabilities, key=found.probabilities.__getitem__) == account
    assert list(found.probabilities) == list(JOINT_ACCOUNTS)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.best[0].account == account
    table = found.frame()
    assert list(table["log_z"]) == sorted(table["log_z"], reverse=True)
    assert set(table["account"]) == set(JOINT_ACCOUNTS)
    if want in ("real", "format"):
        assert found.verdict == want
        assert found.kind == ("jump" if want == "real" else "exact_match")
        located = found.estimates().filter(like="location", axis=0)
        assert ((located["low"] < 0.2) & (located["high"] > -0.5)).all()
    assert str(found).startswith(found.verdict)
    again = compare_joint(views, nodes=300, hypotheses=few_hypotheses(views), seed=3)
    assert again.probabilities == found.probabilities


def test_a_gradual_skill_is_an_artefact_only_where_a_score_leaps():
    for score, want in (
        (np.linspace(0.1, 0.8, 6), "gradual"),
        ([0, 0, 0, 0, 0.01, 0.9], "artefact"),
    ):
        sizes, models = 10.0 ** np.arange(7, 13), tuple("abcdef")
        views = Views.of(
            [Curve(sizes, np.linspace(3.0, 2.0, 6), "cross_entropy", models=models),
             Curve(sizes, score, "exact_match", n=100, models=models)]
        )  # fmt: skip
        evidence = [(h, SimpleNamespace(log_z=9.0 * (h.account == "gradual"), error=0.0))
                    for h in joint_hypotheses(views.metrics)]  # fmt: skip
        found = _weighed(views, evidence)
        assert (found.verdict, found.probabilities["gradual"] > 0.99) == (want, True)


def test_accounts_average_over_kinds_before_they_are_weighed():
    views = Views.of(pair(LINE))
    log_z = {"kink": 0.0, "broken": 1.0, "flat_then_rise": 2.0, "transition": 2.0, "step": 2.0}

    class Fake:
        def __init__(self, log_z):
            self.log_z = log_z

    made = [(h, Fake(log_z[h.name])) for h in joint_hypotheses(views.metrics) if h.name in log_z]
    want = np.log((1 + np.e + np.exp(2.0)) / 3)
    assert account_log_z(made, "onset") == pytest.approx(want)
    assert account_log_z(made, "jump") == pytest.approx(2.0)
    assert account_log_z(made, "format") == -np.inf


def test_evidence_of_counts_is_a_probability():
    exact, _ = pair(LINE)
    views = Views.of([exact, curve("f1", np.round(0.9 * exact.score * N) / N, n=N)])
    flat = JointHypothesis("flat", TRENDS["flat"](), views.metrics)
    found = joint_log_evidence(views, flat, nodes=100)
    assert found.log_z < 0
    assert log_visible_share(flat, views) == 0.0
    with pytest.raises(AssertionError, match=r"log evidence of counts is 0.500, above 0: flat"):
        check_counts(replace(found, log_z=0.5, error=0.01), "flat")


def test_estimates_have_every_parameter():
    views = Views.of(pair(LINE))
    h = JointHypothesis("artefact", PowerLaw(), views.metrics)
    found = joint_log_evidence(views, h, nodes=300)
    values, weight = posterior_nodes(views, h, found)
    assert set(values) == set(h.priors())
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ values["slope"] == pytest.approx(0.6, abs=0.15)


@pytest.mark.slow
def test_lambada_is_gradual_in_both_metrics():
    from emergent_stats import curves, load

    table = load("gpt3")
    rows = table[(table["task"] == "LAMBADA") & (table["shots"] == 0)]
    assert isinstance(rows, pd.DataFrame)
    found = compare_joint(curves(rows))
    assert found.verdict == "gradual"
    # which smooth trend it is the two metrics do not tell
    assert found.best[0].account == "gradual"
