"""Several scores of one model on one task: refused, the newest, their mean, or seeds."""

from __future__ import annotations

import json
import math

import pytest

from emergent_stats.importers import import_results
from emergent_stats.importers.records import Record
from emergent_stats.importers.repeats import moment, without_repeats
from emergent_stats.importers.report import Notes
from emergent_stats.results.corpus import ResultsError


def run(score, when="", model="m", metric="exact_match", **more) -> Record:
    fields = {"family": "f", "params": 1e9, "source": f"{when or score}.json, x"} | more
    return Record(model, "t", "t", metric, score, when=when, **fields)


def settled(*records, how="refuse", source="runs"):
    notes = Notes()
    return without_repeats(list(records), how, notes, source), notes


# --- refuse ---------------------------------------------------------------------------
def test_what_differs_is_refused_briefly_with_the_option_that_settles_it():
    groups = [(run(0.1, model=f"m{i}"), run(0.2, model=f"m{i}")) for i in range(9)]
    with pytest.raises(ResultsError) as caught:
        settled(*(record for group in groups for record in group))
    lines = str(caught.value).splitlines()
    assert lines[0] == "runs: 9 scores stand more than once, with different values:"
    assert lines[1] == "  m0 on t (exact_match): 0.1 in 0.1.json, 0.2 in 0.2.json"
    assert lines[-2] == "  … and 4 more"
    assert lines[-1].startswith("say what counts: --duplicates newest (by date), mean or seed")
    assert len(lines) == 8


def test_dates_alone_settle_nothing_until_the_user_says_so():
    with pytest.raises(ResultsError, match="--duplicates newest"):
        settled(run(0.1, "2024-01-01"), run(0.2, "2025-01-01"))


@pytest.mark.parametrize("how", ["refuse", "newest"])
def test_a_copy_is_no_contradiction(how):
    kept, notes = settled(run(0.1), run(0.1), run(0.3, model="o"), how=how)
    assert [record.score for record in kept] == [0.1, 0.3]
    [item] = notes.dropped
    assert item.why == "the same score stands in two files; counted once"


def test_an_unknown_way_is_refused():
    with pytest.raises(ResultsError, match="'latest': unknown; one of refuse, newest, mean, seed"):
        import_results("metr", ".", duplicates="latest")


# --- newest ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1762652579.46", "1770682486.6"),
        ("999999999", "1700000000"),  # as text the first is the larger
        ("2025-11-28T00:41:43.99Z", "2025-11-28T01:30:00+00:30"),
        ("1700000000", "2025-01-01"),
        ("20260101T000000", "20260101T000000500000"),
        ("1700000000", "1700000001000"),  # milliseconds
        ("1700000000", "20260101"),
    ],
)
def test_the_newest_is_told_by_dates_of_any_form(earlier, later):
    for order in (1, -1):
        kept, notes = settled(*[run(0.1, earlier), run(0.2, later)][::order], how="newest")
        assert [record.score for record in kept] == [0.2]
        assert "an earlier run" in notes.dropped[0].why


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("", "", r"cannot be told, in 0\.1\.json, x there is no date; use --duplicates mean"),
        ("2024-01-01", "", r"in 0\.2\.json, x there is no date"),
        ("2024-01-01", "soon", "the date 'soon' is none"),
        ("2024-01-01", "2024-01-01", "have one date, 2024-01-01"),
    ],
)
def test_the_newest_of_runs_without_a_date_is_refused(first, second, said):
    with pytest.raises(ResultsError, match=said):
        settled(run(0.1, first), run(0.2, second), how="newest")


@pytest.mark.parametrize("text", ["", "N/A", "nan", "inf", "-5", "0", "1e400", "2024-13-01", "٣"])
def test_what_is_no_date(text):
    assert moment(text) is None


# --- mean -----------------------------------------------------------------------------
def test_a_mean_over_the_same_examples_knows_no_more_of_them():
    kept, notes = settled(
        run(0.4, n=100.0, stderr=0.05), run(0.5, n=100.0, stderr=0.03), how="mean"
    )
    [mean] = kept
    assert (mean.score, mean.n) == (pytest.approx(0.45), 100)
    assert mean.stderr == pytest.approx(0.04)  # what it is where the runs err alike
    assert "score" in mean.assumed
    assert notes.warnings == (
        "1 score is a mean of several runs (m on t (exact_match): 0.4 in 0.4.json, 0.5 in "
        "0.5.json)",
    )


def test_a_mean_over_different_examples_adds_them_up():
    records = [run(0.4, n=100.0, stderr=0.049), run(0.6, n=300.0, stderr=0.0283)]
    [mean], _ = settled(*records, how="mean")
    assert (mean.score, mean.n) == (pytest.approx(0.55), 400)
    assert mean.stderr == pytest.approx(math.hypot(0.25 * 0.049, 0.75 * 0.0283))


def test_what_one_run_does_not_say_the_mean_does_not_know():
    [mean], _ = settled(run(0.4, n=100.0, stderr=0.05), run(0.6), run(0.5), how="mean")
    assert mean.score == pytest.approx(0.5)
    assert math.isnan(mean.n)
    assert math.isnan(mean.stderr)


def test_runs_that_happen_to_agree_count_in_the_mean_and_copies_do_not():
    same = [run(0.5, "2024-01-01", n=8.0), run(0.5, "2024-01-02", n=8.0)]
    [mean], _ = settled(*same, run(0.8, "2024-01-03", n=8.0), how="mean")
    assert mean.score == pytest.approx(0.6)
    [mean], _ = settled(same[0], same[0], run(0.8, "2024-01-03", n=8.0), how="mean")
    assert mean.score == pytest.approx(0.65)


# --- seed -----------------------------------------------------------------------------
def test_runs_become_seeds_in_the_order_of_their_dates_and_single_runs_the_first():
    records = [run(0.3, "2025-01-01"), run(0.2, "2024-01-01"), run(0.9, model="o", params=1e10)]
    kept, notes = settled(*records, how="seed")
    assert {(r.model, r.score, r.seed) for r in kept} == {
        ("m", 0.2, 0),
        ("m", 0.3, 1),
        ("o", 0.9, 0),
    }
    assert all("seed" in record.assumed for record in kept)
    assert notes.warnings == ("runs numbered as seeds in 1 series, in the order of their dates",)


def test_seeds_that_are_given_stay_and_are_not_given_twice():
    records = [run(0.1), run(0.2), run(0.3, seed=0), run(0.4, metric="f1")]
    kept, _ = settled(*records, how="seed")
    assert {(r.metric, r.score, r.seed) for r in kept} == {
        ("exact_match", 0.1, 1),
        ("exact_match", 0.2, 2),
        ("exact_match", 0.3, 0),
        ("f1", 0.4, None),
    }


# --- all importers --------------------------------------------------------------------
def bigbench(folder):
    for name, score in (("a", 0.25), ("b", 0.5)):
        scores = {"score_dict": {"exact_str_match": score}, "number_of_shots": 0}
        model = {"model_family": "BIG-G", "model_name": "2m", "total_params": 2e6}
        data = {"task": {"task_name": "t"}, "model": model, "scores": [scores]}
        (folder / f"scores_{name}.json").write_text(json.dumps(data))
    return folder


def helm(folder):
    for name, score in (("a", 0.25), ("b", 0.5)):
        (folder / name).mkdir()
        spec = {"name": "t:model=x_1b", "adapter_spec": {"method": "generation", "model": "x/x-1b"}}
        stats = [{"name": {"name": "exact_match", "split": "test"}, "mean": score}]
        (folder / name / "run_spec.json").write_text(json.dumps(spec))
        (folder / name / "stats.json").write_text(json.dumps(stats))
    return folder


def wide(folder):
    (folder / "t.csv").write_text("m,n,t\na,1e9,0.25\na,1e9,0.5\n")
    return folder / "t.csv"


def lm_eval(folder):
    for name, score in (("a", 0.25), ("b", 0.5)):
        data = {
            "results": {"t": {"exact_match": score}},
            "config": {"model_args": "pretrained=x-1b"},
        }
        (folder / f"{name}.json").write_text(json.dumps(data | {"versions": {"t": 0}}))
    return folder


@pytest.mark.parametrize(
    ("form", "make", "options"),
    [
        ("bigbench", bigbench, {}),
        ("helm", helm, {}),
        ("lm-eval", lm_eval, {}),
        (
            "wide",
            wide,
            {"columns": {"model": "m", "axes": {"params": "n"}, "tasks": {"t": "exact_match"}}},
        ),
    ],
)
def test_every_importer_settles_duplicates(tmp_path, form, make, options):
    path = make(tmp_path)
    with pytest.raises(ResultsError, match="say what counts: --duplicates newest"):
        import_results(form, path, duplicates="refuse", **options)
    with pytest.raises(ResultsError, match="there is no date; use --duplicates mean or seed"):
        import_results(form, path, **options)
    for how, scores in (("mean", [0.375]), ("seed", [0.25, 0.5])):
        report = import_results(form, path, duplicates=how, **options)
        assert sorted(report.frame["score"]) == scores
