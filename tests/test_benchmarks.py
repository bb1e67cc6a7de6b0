"""The arithmetic behind `benchmarks/decisions.py`."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from emergent_stats.design.simulate import Design, draw_design, expected_score, simulate_curve
from emergent_stats.design.truths import TRUTHS
from emergent_stats.model.curve import Curve
from emergent_stats.verdict.decision import decide
from emergent_stats.verdict.judge import compare_all

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import _floor
import decisions
import fuzz_files
import operating
from _rivals import Rule, rules

RIVALS = rules(calibrate=0, series=19)


def frame(statistic, broken, truth, forced=None):
    return pd.DataFrame(
        {
            "statistic": statistic,
            "broken": broken,
            "truth": truth,
            "index": range(len(statistic)),
            "forced": forced or [0] * len(statistic),
        }
    )


def test_auc_by_hand():
    assert decisions.auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(0.875)
    assert decisions.auc(np.array([np.inf]), np.array([np.nan, 5.0])) == 1.0
    assert np.isnan(decisions.auc(np.array([]), np.array([1.0])))


def test_best_error_by_hand():
    # one break below one of two gradual curves: the best threshold misses nothing but that one
    made = frame([4.0, 1.0, 2.0, 0.0], [True, True, False, False], ["a", "a", "b", "b"])
    assert decisions.best_error(made) == pytest.approx(0.25)
    # all alike: nothing to be told, whatever the order of the rows
    same = frame([1.0, 1.0, 1.0], [True, False, False], ["a", "b", "c"])
    assert decisions.best_error(same) == pytest.approx(0.5)


def test_truths_weigh_alike():
    made = frame([0.0] * 4, [True, False, False, False], ["a", "b", "b", "c"])
    np.testing.assert_allclose(decisions.balanced(made), [0.5, 0.125, 0.125, 0.25])


def test_curves_do_not_depend_on_the_part():
    once = decisions.made("drawn", "step", 5, 1)
    again = decisions.made("drawn", "step", 5, 1)
    np.testing.assert_array_equal(once.score, again.score)
    assert not np.array_equal(decisions.made("drawn", "step", 5, 2).score, once.score)
    assert decisions.made("checkpoints", "kink", 0, 1).m >= 30


def test_noise_is_integrated():
    design = Design(m=5, n=100, sigma=0.3, plateaus=False)
    curve = simulate_curve("power_law", design, 1)[0]
    share = expected_score(_floor._GRID, "exact_match", 0.0, 0.0)
    table = _floor._tables(curve, design, np.clip(share, 1e-12, 1 - 1e-12)[None])
    z, w = np.polynomial.hermite_e.hermegauss(60)
    at = np.searchsorted(_floor._GRID, 0.5)
    skill = _floor._GRID[at] + 0.3 * z
    k = np.round(100 * curve.score)
    p = expected_score(skill, "exact_match", 0.0, 0.0)
    exact = [np.log((w / w.sum()) @ stats.binom.pmf(v, 100, p)) for v in k]
    constant = [special.gammaln(101) - special.gammaln(v + 1) - special.gammaln(101 - v) for v in k]
    near = np.array(exact) - np.array(exact).max() > -12
    np.testing.assert_allclose((table[:, 0, at] + constant)[near], np.array(exact)[near], atol=5e-3)


def test_bayes_posterior_is_calibrated():
    design = Design(m=6, n=100, sigma=0.3)
    names = ["power_law", "step"]
    curves = [simulate_curve(t, design, [9, i])[0] for t in names for i in range(70)]
    log_z, effective = _floor.log_marginals(curves, design, names, 12_000, 0)
    p = _floor.p_break(log_z, np.array([False, True]), np.array([True, True]))
    truth = np.repeat([0, 1], 70)
    assert effective.min() > 1
    assert np.mean((p - truth) ** 2) == pytest.approx(np.mean(p * (1 - p)), abs=0.05)
    assert np.mean(p) == pytest.approx(0.5, abs=0.1)
    assert decisions.auc(p[truth == 1], p[truth == 0]) > 0.8


def test_p_break_by_hand():
    log_z = np.log([[1.0], [3.0], [6.0]])
    p = _floor.p_break(log_z, np.array([False, False, True]), np.array([True, True, True]))
    assert p[0] == pytest.approx(6 / (6 + 2))
    only = _floor.p_break(log_z, np.array([False, False, True]), np.array([True, False, True]))
    assert only[0] == pytest.approx(6 / 7)


@pytest.mark.parametrize("name", [n for n in RIVALS if not n.startswith("verdict")])
def test_every_rival_answers(name, capfd):
    if name.startswith("ruptures") or name in ("rbeast", "piecewise"):
        pytest.importorskip({"ruptures": "ruptures", "rbeast": "Rbeast"}.get(
            name.split("_")[0], "piecewise_regression"))  # fmt: skip
    curves = [simulate_curve(t, Design(m=7), 1)[0] for t in ("flat", "step")]
    rule = RIVALS[name]
    assert isinstance(rule, Rule)
    capfd.readouterr()
    found = rule.calls(curves, 0)
    assert [c.call for c in found] == [{True: "real", False: "not"}[c.forced] for c in found]
    assert not any(np.isnan(c.statistic) for c in found)
    again = rule.calls(curves, 0)
    if rule.scatter:
        for a, b in zip(found, again, strict=True):
            assert b.statistic == pytest.approx(a.statistic, abs=rule.scatter)
    else:
        assert found == again
    assert capfd.readouterr() == ("", "")


def test_rbeast_sees_a_step_and_has_one_answer_for_what_it_cannot_tell(monkeypatch):
    rbeast = pytest.importorskip("Rbeast")
    score = np.repeat([0.1, 0.8], 10) + 0.01 * np.resize([-1, 1], 20)
    level = 0.1 + 0.01 * np.resize([-1, 1, 1, -1], 20)
    scale = np.logspace(7, 11, 20)
    step, flat = (Curve(scale, y, "exact_match", n=200.0) for y in (score, level))
    seen = RIVALS["rbeast"].calls([step, flat], 0)
    assert seen[0].call == "real"
    assert seen[0].statistic > max(0.9, seen[1].statistic + 0.1)
    # now and then it answers with NaN
    none = SimpleNamespace(trend=SimpleNamespace(ncpPr=np.full(4, np.nan)))
    monkeypatch.setattr(rbeast, "beast", lambda *_, **__: none)
    assert RIVALS["rbeast"].calls([step], 0) == [(-np.inf, "not", False, "")]


def test_summary_of_a_perfect_rule():
    rows = []
    for t in TRUTHS.values():
        broken = t.account in ("onset", "jump")
        for i in range(3):
            for rule in ("perfect", "bayes_inside", "bayes_outside"):
                rows.append(
                    {
                        "designs": "reference", "rule": rule, "truth": t.name, "index": i,
                        "statistic": 3.0 if broken else -3.0,
                        "call": "real" if broken else "not", "forced": int(broken),
                        "seconds": 0.5,
                    }
                )  # fmt: skip
    made = decisions.with_facts(pd.DataFrame(rows))
    row = decisions.summary(made).set_index("rule").loc["perfect"]
    assert row["AUC"] == "1.000"
    assert row["false, family"] == "0.0%"
    assert row["jumps found"] == "100.0%"
    assert row["error ÷ floor, family"] == "0.00 (0.00)"
    table = decisions.by_truth(made)
    assert (table["auc"] == 1).all()
    assert len(table) == 3 * len(TRUTHS)


# --- operating characteristics ---------------------------------------------------------------
def test_stored_findings_give_the_verdict_that_the_command_gives(tmp_path):
    rows = pd.DataFrame(operating.collect("step", 2, 1))
    rows.drop(columns=["p_cal", "power"]).to_parquet(tmp_path / "kept.parquet", index=False)
    kept = pd.read_parquet(tmp_path / "kept.parquet")
    made = [
        simulate_curve("step", draw_design([1, 13, i]), [1, list(TRUTHS).index("step"), i])[0]
        for i in range(2)
    ]
    for row, c in zip(kept.to_dict("records"), compare_all(made, seed=1), strict=True):
        found = decide(operating.from_row(row))
        assert (found.verdict, found.kind, found.reason) == (c.verdict, c.kind, c.reason)


def test_error_rates_by_hand():
    rows = pd.DataFrame(
        {
            "truth": ["flat", "flat", "u_shape", "step", "kink"],
            "account": ["flat", "flat", "gradual", "jump", "onset"],
        }
    )
    found = operating.rates(rows, pd.Series(["flat", "jump", "undecided", "jump", "gradual"]))
    assert found["false real"] == pytest.approx(1 / 3)
    assert found["false jump"] == pytest.approx(1 / 4)
    assert (found["worst truth"], found["which"]) == (0.5, "flat")
    assert found["breaks called smooth"] == 0.5
    assert found["decided"] == pytest.approx(0.8)
    assert (found["jumps found"], found["onsets found"]) == (1.0, 0.0)


@pytest.mark.parametrize("name", [n for n in fuzz_files.TARGETS if n != "verdicts"])
def test_no_mangled_file_crashes(tmp_path, name):
    rng, target = np.random.default_rng(0), fuzz_files.prepared(name, tmp_path)
    for _ in range(15):
        data = rng.bytes(int(rng.integers(8, 160)))
        assert fuzz_files.watched(target, data) == "", data


def test_the_fuzzer_finds_what_is_wrong(tmp_path):
    def wrong(data):
        fuzz_files.check(False, "cannot be")

    assert fuzz_files.watched(wrong, b"").startswith("Wrong: cannot be (fuzz_files.py:")
