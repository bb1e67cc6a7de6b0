import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

from emergent_stats.bayes.pooled.model import share_table, task_table
from emergent_stats.bayes.pooled.packing import POOLED_ACCOUNTS, Selection, Tasks
from emergent_stats.bayes.pooled.tables import (
    LOG_SIGMA,
    SIGMA_POSITION,
    SKILL_POSITION,
    blurred,
    log_at_least,
    log_binomial,
    summed,
    summed_slopes,
)
from emergent_stats.model.curve import Curve
from emergent_stats.model.metrics import ExactMatch

M = 8
X = np.linspace(-2.0, 2.0, M)


def task(skill, name, n=100, seed=0, m=M, metric="exact_match", chance=float("nan")):
    rng = np.random.default_rng(seed)
    p = np.exp(-np.log(2) * np.exp(-np.asarray(skill[:m])))
    return Curve(
        10 ** (X[:m] + 9), rng.binomial(n, p) / n, metric, n=float(n), chance=chance,
        models=tuple(f"m{i}" for i in range(m)), key={"family": "F", "task": name},
    )  # fmt: skip


# --- tables -----------------------------------------------------------------------------------
@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.9])
def test_table_is_the_noise_integral(sigma):
    metric, k, n = ExactMatch(), np.array([3.0, 50.0, 150.0]), np.full(3, 200.0)
    table = blurred(log_binomial(metric, k, n, 0.01, 0.02))[None]
    nodes, weights = special.roots_hermitenorm(180)
    for skill in (-1.83, 0.44, 1.77):
        mu = metric(skill + sigma * nodes, guess=0.01, lapse=0.02)
        for j in range(3):
            want = np.log(stats.binom.pmf(k[j], 200, mu) @ weights / np.sqrt(2 * np.pi))
            got = summed(
                table[:, j : j + 1], np.zeros(1, int), np.zeros((1, 1)), np.zeros((1, 1, 1)),
                SKILL_POSITION(np.full((1, 1), skill)), np.zeros((1, 1)), np.zeros((1, 1)),
                SIGMA_POSITION(np.log([sigma])),
            )  # fmt: skip
            # far from the peak only the order of magnitude counts
            assert got[0, 0] == pytest.approx(want, abs=0.06 if want > -15 else 0.05 * -want)


def test_probability_of_being_kept():
    from emergent_stats.bayes.pooled.tables import _FINE

    metric = ExactMatch()
    got = np.exp(log_at_least(metric, 5.0, 100.0, 0.0, 0.0))
    at = 800
    want = stats.binom.sf(4, 100, metric(_FINE[at], guess=0.0, lapse=0.0))
    assert got[at] == pytest.approx(want)
    assert (log_at_least(metric, 0.0, 100.0, 0.0, 0.0) == 0).all()


def test_slopes_of_the_sum():
    rng = np.random.default_rng(0)
    table = np.cumsum(rng.standard_normal((3, 4, LOG_SIGMA.size, 181)), -1)
    row_task, line, shape = np.array([0, 1, 1]), rng.random((2, 4)), rng.random((5, 2, 4))
    inputs = [
        90 + 20 * rng.standard_normal((2, 4)), 9 * rng.random((5, 2)), 9 * rng.random((5, 2)),
        2 + 5 * rng.random(3),
    ]  # fmt: skip
    given = rng.random((5, 3))

    def value(*inputs):
        return (given * summed(table, row_task, line, shape, *inputs)).sum()

    slopes = summed_slopes(table, row_task, line, shape, *inputs, given)
    for j in range(4):
        moved = [v.copy() for v in inputs]
        moved[j].flat[0] += 1e-6
        change = (value(*moved) - value(*inputs)) / 1e-6
        assert slopes[j].flat[0] == pytest.approx(change, rel=1e-4, abs=1e-4)


# --- packing ----------------------------------------------------------------------------------
def test_what_cannot_be_pooled_is_named():
    short = task(X, "short", m=3)
    loss = Curve(10 ** (X + 9), np.exp(-X), "cross_entropy", key={"task": "loss"})
    tasks = Tasks.of([task(X, "a"), task(0.5 * X, "b", m=6), short, loss])
    assert tasks.names == ("F a", "F b")
    assert tasks.notes == (
        "F short left out: 3 scales, 4 are needed for a break",
        "loss left out: cross_entropy is no count of right answers",
    )
    with pytest.raises(ValueError, match=r"pooling needs 2 series or more, got 1 \(F short left"):
        Tasks.of([task(X, "a"), short])


def test_alternatives_are_the_trends():
    tasks = Tasks.of([task(X, "a"), task(0.5 * X, "b")])
    a = tasks.arrays
    account = np.array(POOLED_ACCOUNTS)[a["account"]]
    assert set(account) == set(POOLED_ACCOUNTS)
    for name in POOLED_ACCOUNTS:
        own = a["log_weight"][account == name]
        np.testing.assert_allclose(special.logsumexp(own, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(a["line"][0], X[-1] - X)
    # a step of 1 in the first interior gap: below it the skill is lower by 1
    first = np.flatnonzero(account == "jump")[0]
    np.testing.assert_allclose(a["shape"][first, 0], [1, 1, 0, 0, 0, 0, 0, 0])
    # a kink adds what is left of the scale beyond it
    kink = np.flatnonzero(account == "onset")[0]
    middle = 0.5 * (X[1] + X[2])
    want = (X[-1] - middle) - np.maximum(X - middle, 0)
    np.testing.assert_allclose(a["shape"][kink, 0], want)
    np.testing.assert_allclose(a["gain"][kink, 0], X[-1] - middle)


def test_shorter_series_are_filled_with_silence():
    tasks = Tasks.of([task(X, "a"), task(X, "b", m=6)])
    rows = tasks.arrays["row_task"] == 1
    assert (tasks.arrays["table"][rows, 6:] == 0).all()
    assert (tasks.arrays["log_weight"][:, 1] < -1e8).any()


def test_families_are_kept_apart():
    a, b = task(X, "a"), task(0.5 * X, "b")
    other = Curve(
        b.axis_values, b.score, "exact_match", n=b.n, models=b.models,
        key={"family": "G", "task": "b"},
    )  # fmt: skip
    tasks = Tasks.of([a, other])
    assert tasks.families == ("F", "G")
    np.testing.assert_array_equal(tasks.arrays["family"], [0, 1])
    assert Tasks.of([a, b]).families == ("F",)


def test_selection_raises_the_likelihood_of_success_only():
    curves = [task(X, "a"), task(X, "b")]
    free, kept = Tasks.of(curves), Tasks.of(curves, Selection(0.05))
    assert kept.selected
    assert not free.selected
    assert free != kept
    lost = kept.arrays["table"] - free.arrays["table"]
    np.testing.assert_allclose(lost[:, :-1], 0.0)
    assert (lost[:, -1] < 1e-9).all()
    # a population of low skill would not have been kept, one of high skill is for certain
    chance = kept.arrays["kept"][0] ** 4
    assert (np.diff(chance, axis=1) > -1e-9).all()
    assert (chance[:, 0] < 0.1).all()
    np.testing.assert_allclose(chance[:10, -1], 1.0, atol=1e-6)


def test_tables_of_a_sample():
    p = np.full((2, 5, 2, 4), 0.25)
    p[:, :, 1] = [0.0, 0.1, 0.2, 0.7]
    dims = ("chain", "draw", "task", "account")
    share = np.full((2, 5, 4), 0.25)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {"p_account": (dims, p), "share": (("chain", "draw", "account"), share)},
                coords={"task": ["a", "b"], "account": list(POOLED_ACCOUNTS)},
            )
        }
    )
    table = task_table(tree)
    assert list(table.index) == ["b", "a"]
    assert table.loc["b", "real"] == pytest.approx(0.9)
    assert share_table(tree).loc[("share", "jump"), "mean"] == 0.25
