"""Many tasks in one model: evidences carried to other scales, shares, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from emergent_stats import Curve
from emergent_stats.collection import pooled
from emergent_stats.collection.pooled import POOLING, fit_pooled
from emergent_stats.collection.reweighted import (
    DECLARED,
    LOG_FACTORS,
    SCALES,
    Table,
    followers,
    over_scales,
    under,
    visible_table,
    visible_tables,
)
from emergent_stats.collection.selected import Succeeds
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.metrics import ExactMatch
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.files import ResultsError

X = np.linspace(-2, 2, 8)
EFFORT = replace(QUICK, kept=1024)
KNOWN = {h.name: h for h in hypotheses(ExactMatch())}


def curve(skill, n=400, rng=None, task="t"):
    p = 0.01 + 0.98 * np.exp(-np.exp(-np.asarray(skill)))
    score = rng.binomial(n, p) / n if rng is not None else np.round(n * p) / n
    return Curve(10 ** (X + 10), score, "exact_match", n=n, key={"study": "s", "task": task})


@pytest.fixture(scope="module")
def collection():
    """Six rises, three leaps, one guesser."""
    rng = np.random.default_rng(5)
    skills = [rng.uniform(-1, 0.5) + rng.uniform(0.4, 1.2) * X for _ in range(6)]
    skills += [-1.2 + 3.5 * (at < X) for at in (-0.8, 0.3, 0.9)]
    skills += [np.full(8, -0.7)]
    noisy = [s + 0.1 * rng.normal(size=8) for s in skills]
    return [curve(s, rng=rng, task=f"t{i}") for i, s in enumerate(noisy)]


@pytest.fixture(scope="module")
def visible(collection):
    """Tables of the one design that all series here have."""
    return visible_tables(collection)


@pytest.fixture(scope="module")
def found(collection, visible):
    given = {"effort": EFFORT, "seed": 2, "draws": 1000, "visible": visible}
    return fit_pooled(collection, shared=False, **given)


# --- the evidence at other scales -----------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("flat", (6, 6, 6, 2)),
        ("power_law", (2, 6, 6, 8)),
        ("step", (8, 3, 6, 4)),
        ("kink", (4, 6, 9, 6)),
        ("u_shape", (2, 6, 10, 2)),
    ],
)
def test_evidence_at_other_scales_is_that_of_the_other_hypothesis(name, places):
    # what the nodes of the declared priors say, against an evidence of its own under the others
    away = 0.25 * np.array([1, -1, -1, 1, 1, -1, 1, -1])
    rise = curve(-0.3 + away + (name != "flat") * (0.8 * X + 0.9 * (X > 0.3)))
    batch = Batch.of([rise], rise.metric_object)
    h = KNOWN[name]
    table, square = over_scales(
        log_evidence(batch, h, effort=POOLING, seed=3), 0, visible_table(h, rise)
    )
    at = tuple(0 if n == 1 else i for n, i in zip(table.shape, places, strict=True))
    middle = tuple(n // 2 for n in table.shape)
    factors = dict(zip(SCALES, np.exp(LOG_FACTORS[list(places)]), strict=True))
    direct = log_evidence(batch, under(h, factors), effort=POOLING, seed=4)
    assert table[at] == pytest.approx(direct.log_z[0], abs=0.25)
    same = log_evidence(batch, h, effort=POOLING, seed=3)
    # the spline of the visible shares is solved to about 1e-4
    assert table[middle] == pytest.approx(same.log_z[0], abs=1e-3)
    assert abs(direct.log_z[0] - same.log_z[0]) > 0.3, "the other scales must make a difference"
    assert np.exp(2 * table - square)[at] > 20


def test_scales_reach_every_prior_that_follows_them():
    for h in KNOWN.values():
        new = under(h, dict.fromkeys(SCALES, 2.0))
        for name, prior in h.priors().items():
            now = new.priors()[name]
            if any(name in own for own in followers(h).values()):
                assert now.scale == pytest.approx(2 * prior.scale)
            else:
                assert now == prior
    assert set(followers(KNOWN["u_shape"])) == {"slope", "bend", "sigma"}
    assert DECLARED["slope"] == KNOWN["power_law"].priors()["slope"].scale


@pytest.mark.parametrize("name", ["power_law", "transition", "kink"])
def test_visible_share_between_its_nodes(name):
    h, design = KNOWN[name], curve(0.5 * X)
    table = visible_table(h, design)
    for place in (1, 5, 10):
        at = tuple(0 if n == 1 else place for n in table.shape)
        factor = float(np.exp(LOG_FACTORS[place]))
        new = under(h, dict.fromkeys(SCALES, factor))
        exact = log_visible_share(new, [design]) - log_visible_share(h, [design])
        assert table[at] == pytest.approx(exact[0], abs=0.02)


# --- the posterior --------------------------------------------------------------------------
def test_certain_tasks_give_the_dirichlet_posterior_of_the_shares():
    counts = {"flat": 3, "gradual": 12, "onset": 0, "jump": 5, "falls": 0}
    truth = np.repeat(np.arange(5), list(counts.values()))
    tables = []
    for a in range(5):
        mass = np.where(truth == a, 1.0, 1e-12).reshape(-1, 1, 1, 1, 1)
        tables.append(Table(a, mass, mass**2))
    shares, places, p, nodes = pooled._sampled(tables, 6000, np.random.default_rng(1))
    expected = (1 + np.array(list(counts.values()))) / (5 + truth.size)
    np.testing.assert_allclose(shares.mean(0), expected, atol=0.01)
    spread = np.sqrt(expected * (1 - expected) / (6 + truth.size))
    np.testing.assert_allclose(shares.std(0), spread, rtol=0.1)
    np.testing.assert_array_equal(p.argmax(1), truth)
    np.testing.assert_allclose(nodes, 1.0, rtol=1e-6)
    # nothing was said of the scales: their prior comes back
    np.testing.assert_allclose(LOG_FACTORS[places].std(0), 0.58, atol=0.03)


def test_a_scale_that_the_tasks_know_is_found():
    # twenty tasks whose likelihood of the log factor is Normal(0.75, 1/2) each
    like = np.exp(-0.5 * ((LOG_FACTORS - 0.75) / 0.5) ** 2)
    mass = np.tile(like, (20, 1)).reshape(20, -1, 1, 1, 1)
    tables = [Table(a, mass, mass**2) for a in range(5)]
    _, places, _, _ = pooled._sampled(tables, 4000, np.random.default_rng(2))
    precision = 20 / 0.25 + 1 / 0.36
    assert LOG_FACTORS[places[:, 0]].mean() == pytest.approx(20 / 0.25 * 0.75 / precision, abs=0.02)


def test_what_the_tasks_are_is_seen(found):
    best = [ACCOUNTS[i] for i in found.probability.argmax(1)]
    assert best[6:9].count("jump") >= 2
    assert best[:6].count("gradual") >= 5
    table = found.share_table()
    assert table["mean"].sum() == pytest.approx(1)
    assert table.loc["gradual", "mean"] > table.loc["falls", "mean"]
    assert (table["low"] < table["mean"]).all()
    assert (table["mean"] < table["high"]).all()
    np.testing.assert_allclose(found.probability.sum(1), 1)
    scales = found.scale_table()
    assert list(scales.index) == list(SCALES)
    # planted: slopes of .4 to 1.2 and noise of .1, where 1.5 and .3 are declared
    assert scales.loc["slope", "mean"] < 1.5
    assert scales.loc["sigma", "mean"] < 0.3
    assert found.effective.min() > pooled.LEAST_NODES
    assert not found.notes
    frame = found.frame()
    assert list(frame["task"]) == [f"t{i}" for i in range(10)]
    np.testing.assert_array_equal(frame["p_jump"], found.probability[:, ACCOUNTS.index("jump")])


def test_same_seed_same_draws_whatever_the_threads(collection, visible):
    some = collection[4:8]
    found, again, other = (
        fit_pooled(some, effort=EFFORT, seed=seed, draws=1000, jobs=jobs, visible=known)
        for seed, jobs, known in ((1, 2, None), (1, 1, visible), (2, 2, visible))
    )
    np.testing.assert_array_equal(again.shares, found.shares)
    np.testing.assert_array_equal(again.probability, found.probability)
    assert not np.array_equal(other.shares, found.shares)
    np.testing.assert_allclose(other.shares.mean(0), found.shares.mean(0), atol=0.05)


def test_tables_of_a_design_are_made_once(collection, visible, monkeypatch):
    assert len(visible) == 1
    monkeypatch.setattr("emergent_stats.collection.reweighted.visible_table", None)
    assert visible_tables(collection, known=visible) is visible


def test_series_that_stay_at_the_floor_count(collection, visible):
    zero = [curve(np.full(8, -9.0), task=f"z{i}") for i in range(3)]
    zero = [replace(c, score=np.zeros(8)) for c in zero]
    given = {"effort": EFFORT, "seed": 1, "draws": 500, "visible": visible}
    with_them = fit_pooled([*collection[:3], *zero], **given)
    assert len(with_them.curves) == 6
    assert with_them.probability[-1, ACCOUNTS.index("flat")] > 0.5


def test_selection_shifts_the_odds_by_the_chance_of_passing(collection, visible):
    kept = [c for c in collection if c.score[-1] > 0.3]
    assert len(kept) >= 5
    given = {"effort": EFFORT, "seed": 1, "draws": 1000, "shared": False, "visible": visible}
    plain, told = (fit_pooled(kept, keep=keep, **given) for keep in (None, Succeeds(0.3)))
    flat = ACCOUNTS.index("flat")
    # a flat task seldom succeeds, so one that did is likelier to be flat than it looked
    assert told.probability[:, flat].sum() > plain.probability[:, flat].sum()
    with pytest.raises(ResultsError, match="do not pass the filter"):
        fit_pooled(collection, keep=Succeeds(0.5))


# --- what cannot be pooled ------------------------------------------------------------------
def test_short_series_are_left_out_and_named(collection, visible):
    short = Curve([1e8, 1e9, 1e10], [0.1, 0.2, 0.3], "exact_match", n=100.0)
    given = {"effort": EFFORT, "seed": 1, "draws": 200, "visible": visible}
    found = fit_pooled([*collection[:3], short], **given)
    assert len(found.curves) == 3
    assert found.notes[0] == "1 series left out: fewer than 4 distinct scales."
    with pytest.raises(ResultsError, match="1 of 2 series can be pooled"):
        fit_pooled([collection[0], short])
    with pytest.raises(ResultsError, match="at least 100, got 9"):
        fit_pooled(collection, draws=9)


def test_too_few_nodes_are_refused(collection, visible):
    few = replace(QUICK, kept=4, points=4, budget=64, scans=(6, 4))
    with pytest.raises(ResultsError, match="rest on fewer than 20 effective nodes"):
        fit_pooled(collection, effort=few, seed=1, draws=200, shared=False, visible=visible)


def test_a_scale_at_the_end_of_its_range_is_said():
    places = np.full((100, len(SCALES)), 6)
    places[:, 3] = 0
    notes = pooled._notes([], [], np.array([100.0]), places)
    assert notes == ("The scale of sigma presses against the low end of its range, 0.067.",)
