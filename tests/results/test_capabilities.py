import numpy as np
import pandas as pd
import pytest

from emergent_stats.results.capabilities import capability, on_capability


def results(models=12, tasks=5, seed=0, noise=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal(models)
    rows = []
    for t in range(tasks):
        odds = rng.uniform(-1, 1) + rng.uniform(0.6, 1.4) * truth
        odds = odds + noise * rng.standard_normal(models)
        for i, v in enumerate(1 / (1 + np.exp(-odds))):
            rows.append(
                {"study": "s", "model": f"m{i}", "task": f"t{t}", "metric": "exact_match",
                 "score": v, "n": 100.0, "stderr": np.nan, "chance": 0.0}
            )  # fmt: skip
    return pd.DataFrame(rows), pd.Series(truth, [f"m{i}" for i in range(models)])


def test_component_is_the_planted_capability():
    table, truth = results()
    found = capability(table, without=["t4"])
    assert found.tasks == tuple(f"t{i} exact_match" for i in range(4))
    assert np.corrcoef(found.score, truth[found.score.index])[0, 1] > 0.97
    assert found.score.std(ddof=0) == pytest.approx(1.0)
    assert found.share > 0.8
    assert (found.error > 0).all()
    wider = capability(results(noise=0.8)[0], without=["t4"])
    assert wider.error.mean() > found.error.mean()


def test_missing_scores_are_filled_and_poor_models_named():
    table, truth = results()
    holes = table.drop(index=[0, 13, 26])
    holes = holes[~((holes["model"] == "m11") & (holes["task"] != "t0"))]
    found = capability(holes)
    assert "m11: fewer than 60% of the tasks" in found.left_out
    assert np.corrcoef(found.score, truth[found.score.index])[0, 1] > 0.95
    same = table.assign(score=table["score"].where(table["task"] != "t1", 0.5))
    assert "t1 exact_match: the same for every model" in capability(same).left_out
    with pytest.raises(ValueError, match="needs 3 tasks and 4 models, got 2 and 12"):
        capability(table, without=["t0", "t1", "t2"])


def test_curve_on_capability():
    table, _ = results()
    found = capability(table, without=["t4"])
    curve, error = on_capability(table[table["task"] == "t4"], found)
    assert curve.m == error.size == 12
    np.testing.assert_allclose(curve.x, found.score.loc[list(curve.models)])
    assert (np.diff(curve.x) >= 0).all()
    assert any("capability score" in w for w in curve.all_notes)
    with pytest.raises(ValueError, match="none of these models has a capability score"):
        on_capability(table[table["task"] == "t4"].assign(model="other"), found)
