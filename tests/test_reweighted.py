import numpy as np
import pytest
from scipy import stats

from emergent_stats.curve import Curve
from emergent_stats.fits import fit_all
from emergent_stats.hierarchical import fit_pooled, share_table, task_table
from emergent_stats.pooling import Selection, Tasks
from emergent_stats.reweighted import (
    NODES,
    Cloud,
    Packed,
    Population,
    _clouds,
    _features,
    _Kept,
    _population,
    effective_nodes,
)
from emergent_stats.trends import ACCOUNTS

M = 8
X = np.linspace(-2.0, 2.0, M)
POPULATION = Population([-1.2], [0.8], 0.6, 0.5, 0.7, 0.15, 0.4)


def task(skill, name, n=200, seed=0, m=M, chance=float("nan")):
    p = np.exp(-np.log(2) * np.exp(-np.asarray(skill[:m])))
    score = np.random.default_rng(seed).binomial(n, p) / n
    return Curve(
        10 ** (X[:m] + 9), score, "exact_match", n=float(n), chance=chance,
        models=tuple(f"m{i}" for i in range(m)), key={"family": "F", "task": name},
    )  # fmt: skip


def collection(count, leaps, seed=3):
    """Lines, and leaps of 2.5 nats every `leaps` tasks."""
    rng, curves = np.random.default_rng(seed), []
    for t in range(count):
        skill, name = rng.uniform(-1, 0) + rng.uniform(0.2, 0.8) * X, "line"
        if t % leaps == 0:
            name = "leap"
            skill = rng.uniform(-1, 0) + 0.1 * X + 2.5 * (rng.uniform(-0.8, 0.8) < X)
        skill = skill + 0.1 * rng.standard_normal(M)
        curves.append(task(skill, f"{name} {t}", seed=t))
    return curves


@pytest.fixture(scope="module")
def fit():
    return fit_all([task(-0.5 + 0.5 * X, "line"), task(2.0 * (X > 0) - 1.5, "leap")], seed=1)[0]


def test_features_are_the_density_of_a_population():
    bottom, log_sigma = np.array([-2.0, -0.3]), np.log([0.1, 0.3])
    p = {"slope": np.array([0.2, 1.1]), "height": np.array([0.9, 2.0])}
    features, constant = _features(bottom, log_sigma, p)
    got = features @ np.array(POPULATION.coefficients(0)) + constant
    want = (
        stats.norm.logpdf(bottom, -1.2, 0.8)
        + stats.halfnorm.logpdf(p["slope"], scale=0.6)
        + stats.gamma.logpdf(p["height"], 3.0, scale=0.5)
        + stats.norm.logpdf(log_sigma, np.log(0.15), 0.4)
    )
    np.testing.assert_allclose(got, want)


def test_standard_priors_give_back_the_evidence(fit):
    """Put back in, the standard priors of level, slope and noise make the evidence whole."""
    rng = np.random.default_rng(0)
    clouds = _clouds(fit, 0, None, rng)
    assert len(clouds) == len(ACCOUNTS)
    e = fit.evidence["flat"]
    features = clouds[0].features
    bottom, log_sigma = features[:, 1], features[:, 6]
    prior = stats.norm.logpdf(bottom, 0.0, 3.0) + np.log(2 / 0.3) + log_sigma
    prior += stats.norm.logpdf(np.exp(log_sigma) / 0.3)
    # the constant of a population's density is part of a cloud's weights
    log_z = np.logaddexp.reduce(clouds[0].log_weight + np.log(2 * np.pi) + prior)
    assert log_z == pytest.approx(e.log_z[0], abs=0.25)


def test_chosen_nodes_keep_the_sum():
    rng = np.random.default_rng(1)
    features = np.zeros((3000, 11))
    features[:, 1] = rng.normal(-1.2, 1.5, 3000)
    features[:, 0], features[:, 7] = features[:, 1] ** 2, 1.0
    cloud = Cloud(features, -0.5 * (features[:, 1] + 1.0) ** 2)
    weights = np.array(POPULATION.coefficients(0))
    chosen = cloud.chosen([weights], NODES, rng)
    want, got = (np.logaddexp.reduce(c.log_weight + c.features @ weights) for c in (cloud, chosen))
    assert chosen.log_weight.shape == (NODES,)
    assert got == pytest.approx(want, abs=1e-9)
    none = Cloud(features, np.full(3000, -np.inf)).chosen([weights], NODES, rng)
    assert (none.log_weight < -1e8).all()


def test_population_is_seen_and_kept(fit):
    kept = _Kept.of(fit.batch.curves[0], Selection(0.3))
    features, log_weight, seen, both = _population(fit, 0, kept, 0, POPULATION, 600)
    assert features.shape == (4, 600, 11)
    w = features @ np.array(POPULATION.coefficients(0)) + log_weight
    w = np.exp(w - w.max(1, keepdims=True))
    share_seen, share_kept = ((w * v).sum(1) / w.sum(1) for v in (seen, both))
    assert share_seen[0] == pytest.approx(1.0)
    assert (share_seen[1:] > 0.2).all()
    assert (share_kept < share_seen).all()
    # without a rise the largest model is as good as the smallest
    assert share_kept[0] < share_kept[3]


def test_probability_of_being_kept():
    curve = task(-1.0 + 0.3 * X, "a", chance=0.0)
    kept = _Kept.of(curve, Selection(0.3))
    skill, sigma = np.array([-3.0, 3.0]), np.full(2, 0.1)
    found = kept.before(skill, sigma)
    assert found[0] < -3
    assert found[1] == pytest.approx(0.0, abs=1e-6)
    assert (kept.given_score(np.zeros(2), skill, sigma) <= 1e-9).all()


def test_what_cannot_be_pooled_is_named():
    short, never = task(X, "short", m=3), task(X - 60, "never")
    packed = Packed.of([task(X, "a"), task(0.5 * X, "b", m=6), short, never], None, (), 0, 1)
    assert packed.names == ("F a", "F b")
    assert packed.counts == (2,)
    assert packed.notes == (
        "F short left out: 3 scales, 4 are needed for a break",
        "F never left out: all at the floor or the ceiling",
    )
    with pytest.raises(ValueError, match=r"pooling needs 2 series or more, got 1 \(F short left"):
        Packed.of([short, task(X, "a")], None, (), 0, 1)
    tasks = Tasks.of([task(X, "a"), task(X, "b")])
    with pytest.raises(ValueError, match="summed out of curves, not of packed Tasks"):
        fit_pooled(tasks, tasks_summed_out=True)


def test_effective_nodes(fit):
    packed = Packed.of(list(fit.batch.curves), None, (), 0, 1)
    arrays = packed.arrays(POPULATION, 0)
    found = effective_nodes(arrays, packed.kinds, POPULATION, np.full(4, 0.25))
    assert ((found > 20) & (found <= 4 * NODES)).all()


@pytest.mark.slow
def test_planted_shares_are_recovered():
    curves = collection(24, leaps=3)
    tree = fit_pooled(curves, draws=1000, chains=2, seed=1, tasks_summed_out=True)
    table = task_table(tree)
    leaps = table.index.str.contains("leap")
    assert (table["jump"][leaps] > 0.5).mean() >= 0.75
    assert (table["jump"][~leaps] < 0.5).mean() >= 0.9
    shares = share_table(tree)
    assert shares.loc[("share", "jump"), "low"] < 1 / 3 < shares.loc[("share", "jump"), "high"]
    assert (tree["constant_data"]["effective_nodes"] > 20).all()


@pytest.mark.slow
def test_agrees_with_the_full_model():
    """Trends and visible changes differ in detail between the two, shares hardly."""
    curves = collection(12, leaps=3)
    full, summed = (
        fit_pooled(curves, draws=600, tune=600, chains=2, seed=1, tasks_summed_out=choice)
        for choice in (False, True)
    )
    a, b = (share_table(tree)["mean"] for tree in (full, summed))
    assert np.abs(a - b).max() < 0.15
    p, q = (task_table(tree)["real"].sort_index() for tree in (full, summed))
    assert np.abs(p - q).mean() < 0.15
