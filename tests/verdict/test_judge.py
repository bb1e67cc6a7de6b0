"""Many curves: alone or in company, with any number of threads, the same answer bit for bit."""

import json
import pkgutil
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from designs import random_curve

import emergent_stats
from emergent_stats.collection.discoveries import discover
from emergent_stats.collection.fits import fit_all
from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import SCREEN
from emergent_stats.evidence.many import evidences
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import hypotheses
from emergent_stats.model.observed import BINOMIAL, kind_of
from emergent_stats.model.trends import ACCOUNTS
from emergent_stats.results.corpus import data_dir, load, series, studies
from emergent_stats.results.selection import curve_from_rows, curves
from emergent_stats.verdict.decision import too_few
from emergent_stats.verdict.judge import compare, compare_all
from emergent_stats.verdict.sensitivity import account_log_z, probabilities

AXIS = np.array([0.125e9, 0.35e9, 1.3e9, 2.7e9, 6.7e9, 13e9, 30e9, 66e9])
#: OPT on MMLU's jurisprudence (Observational Scaling Laws): alone it was flat, beside others not.
ALONE = Curve(
    AXIS, np.array([40, 40, 43, 51, 48, 47, 47, 46]) / 108, "multiple_choice", n=108.0,
    chance=0.25, key={"task": "jurisprudence"},
)  # fmt: skip


def company():
    """The series beside others of its metric: as long, longer, with more examples."""
    rng = np.random.default_rng(3)
    found = []
    for m, n in ((8, 2000), (8, 500), (12, 2000)):
        x = np.geomspace(1e8, 1e11, m)
        p = 0.25 + 0.75 / (1 + np.exp(4 - rng.uniform(0.2, 0.6) * np.arange(m)))
        found.append(Curve(x, rng.binomial(n, p) / n, "multiple_choice", n=float(n), chance=0.25))
    exact = Curve(AXIS, np.linspace(0.1, 0.6, 8), "exact_match", n=400.0)
    return [found[0], ALONE, found[1], exact, found[2]]


@pytest.fixture(scope="module")
def alone():
    return compare_all([ALONE], jobs=1)[0].to_json()


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2, 3])
def test_a_comparison_is_the_same_in_any_company(alone, jobs):
    many = company()
    together = compare_all(many if jobs != 2 else many[::-1], jobs=jobs)
    found = [c for c in together if c.curve.key.get("task") == "jurisprudence"]
    assert [c.to_json() for c in found] == [alone]


def test_the_fits_of_a_collection_are_those_of_each_curve(alone):
    many = company()
    by_itself = fit_all([ALONE], jobs=1)[0]
    # and those that its verdict rests on: figures and lists say the same
    judged = {r["hypothesis"]: r["log_evidence"] for r in json.loads(alone)["hypotheses"]}
    assert {n: float(e.log_z[0]) for n, e in by_itself.evidence.items()} == judged
    for jobs, given in ((1, many), (3, many[::-1])):
        fits = fit_all(given, jobs=jobs)
        fit = next(f for f in fits if given[f.index[0]] is ALONE)
        for name, e in by_itself.evidence.items():
            other = fit.evidence[name]
            assert other.log_z.tobytes() == e.log_z.tobytes(), name
            assert other.log_weight.tobytes() == e.log_weight.tobytes(), name


def test_what_is_discovered_of_a_curve_alone_does_not_depend_on_order():
    many = company()
    one = discover(many, shared=False, jobs=1)
    two = discover(many[::-1], shared=False, jobs=3)
    assert two.alone[::-1].tobytes() == one.alone.tobytes()
    by_itself = discover([ALONE], shared=False)
    assert by_itself.alone[0].tobytes() == one.alone[1].tobytes()


def test_random_numbers_follow_the_numbers_of_a_curve_and_not_its_names():
    other = replace(ALONE, key={"task": "another name"}, models=tuple("abcdefgh"))
    assert other.fingerprint == ALONE.fingerprint
    for change in ({"score": ALONE.score + 0.001}, {"n": ALONE.n + 1}, {"axis_values": AXIS * 2},
                   {"chance": 0.26}, {"metric": "exact_match"}):  # fmt: skip
        assert replace(ALONE, **change).fingerprint != ALONE.fingerprint, change


# --- same seed, same bytes -----------------------------------------------------------------
@pytest.mark.parametrize("times", [5, pytest.param(12, marks=pytest.mark.slow)])
def test_same_bytes_wherever_the_arrays_lie(times):
    """Vectorised sums once took another order where an array happened to lie otherwise."""
    rng = np.random.default_rng(1)
    frame = load("gpt3")
    curve = next(c for c in curves(frame[frame["task"] == "2D+"]) if c.metric == "exact_match")
    metric = curve.metric_object
    seen, kept = set(), []
    for _ in range(times):
        # arrays of odd sizes, some of them kept, move what is allocated next
        kept = [a for a in kept if rng.random() < 0.6]
        kept += [np.full(int(rng.integers(1, 30_000)), rng.random()) for _ in range(60)]
        found = evidences(Batch.of([curve], metric), 0, hypotheses(metric))
        seen.add(tuple(e.log_z.tobytes() + e.log_weight.tobytes() for e in found.values()))
    assert len(seen) == 1


def test_no_kernel_may_reorder_its_sums():
    from numba.core.registry import CPUDispatcher

    kernels = {}
    for info in pkgutil.walk_packages(emergent_stats.__path__, "emergent_stats."):
        if info.name.endswith("__main__"):
            continue
        for name, value in vars(import_module(info.name)).items():
            if isinstance(value, CPUDispatcher):
                kernels[f"{info.name}.{name}"] = value.targetoptions
    assert len(kernels) > 20
    assert [name for name, options in kernels.items() if options.get("fastmath")] == []


# --- numbers that can be -------------------------------------------------------------------
def check_numbers(found):
    """Evidences of counts are no larger than 1, probabilities are such, errors not negative."""
    for c in found:
        name = (c.curve.key, c.curve.metric)
        p = np.array([getattr(c, f"p_{a}") for a in ACCOUNTS])
        if not c.hypotheses:
            assert np.isnan(p).all(), name
            assert too_few(c.curve) is not None, name
            continue
        assert np.isfinite(p).all(), name
        assert abs(p.sum() - 1) < 1e-9, name
        for row in c.hypotheses:
            assert np.isfinite(row["error"]) or row["warning"], (name, row)
            assert not row["error"] < 0, (name, row)
            if kind_of(c.curve.metric_object) == BINOMIAL:
                assert row["log_evidence"] <= 0, (name, row)
        for cell in c.sensitivity:
            assert abs(sum(cell[a] for a in ACCOUNTS) - 1) < 1e-9, (name, cell)


def shipped(study, most=None):
    """Series of a study: all of them, or that many from all over it."""
    rows = [rows for _, rows in series(load(study))]
    if most is not None and len(rows) > most:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, most + 2).astype(int)[1:-1]]
    return [curve_from_rows(r) for r in rows]


SCORED = [s for s in studies()["study"] if (data_dir() / s / "results.parquet").exists()]
#: Series of each study that are looked at in the default run.
SAMPLE = 5


def test_a_sample_of_the_corpus_has_possible_numbers():
    chosen = [c for study in SCORED for c in shipped(study, SAMPLE)]
    assert len(chosen) > 35
    check_numbers(compare_all(chosen))


@pytest.mark.slow
@pytest.mark.parametrize("study", SCORED)
def test_the_whole_corpus_has_possible_numbers(study):
    check_numbers(compare_all(shipped(study)))


def check_evidences(curve, effort):
    """Evidences of a curve: below their bound, with probabilities and errors that can be."""
    metric = curve.metric_object
    found = evidences(Batch.of([curve], metric), 0, hypotheses(metric), effort)
    log_z = {n: e.log_z for n, e in found.items()}
    p = probabilities(account_log_z(log_z, {n: e.hypothesis for n, e in found.items()}))
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1, abs=1e-9)
    for name, e in found.items():
        assert e.log_z[0] <= e.bound[0], name
        assert not e.error[0] < 0, name
        assert np.isfinite(e.error[0]) or e.doubts[0], name
        if kind_of(metric) == BINOMIAL:
            assert e.bound[0] <= 1e-9, name


#: Numbers of designs of the default run, and multiple choices whose evidences once were above 1.
SOME, ONCE_WRONG = range(24), (264, 415, 699, 790)
#: Number of designs of the long run.
MANY = 3000


@pytest.mark.parametrize("seed", SOME)
def test_evidences_of_random_designs_are_possible(seed):
    curve = random_curve(seed, most=24)
    if curve.n_scales >= 4:
        check_evidences(curve, SCREEN)


@pytest.mark.parametrize("seed", ONCE_WRONG)
def test_evidences_of_multiple_choices_that_were_above_one(seed):
    check_evidences(random_curve(seed, "multiple_choice", most=24), SCREEN)


@pytest.mark.slow
def test_evidences_of_many_random_designs_are_possible():
    for seed in range(1000, 1000 + MANY):
        curve = random_curve(seed)
        if curve.n_scales >= 4:
            check_evidences(curve, SCREEN)


@pytest.mark.parametrize("task", ["intersect_geometry", "multiemo"])
def test_evidences_that_once_grew_beyond_all_bounds(task):
    """Noise of a few counts above chance: profiles were continued upwards beyond their grid."""
    frame = load("bigbench-bigg")
    for curve in curves(frame[frame["task"] == task]):
        check_evidences(curve, SCREEN)


@pytest.mark.parametrize(
    "losses",
    [
        [1e-3] * 6,
        [30.0, 29.0, 28.0, 1e-3, 1e-4, 1e-5],
        [1e-9, 1e3, 1e-9, 1e3, 2.0, 1.0],
        [1e200, 1e199, 1e198, 1e190, 1e180, 1e170],
    ],
)
@pytest.mark.parametrize("metric", ["cross_entropy", "perplexity"])
def test_losses_of_any_size_have_numbers(losses, metric):
    if metric == "perplexity":
        losses = np.maximum(losses, 1e-3) + 1.0
    # warnings are errors: 0/0 and overflow were here
    found = compare(Curve(10.0 ** np.arange(6, 12), losses, metric))
    p = [getattr(found, f"p_{account}") for account in ACCOUNTS]
    assert sum(p) == pytest.approx(1.0)
    assert all(np.isfinite(row["log_evidence"]) for row in found.hypotheses)
