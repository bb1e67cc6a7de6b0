import hashlib
from dataclasses import replace

import numpy as np
import pytest

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.evidence.integrand import log_visible_share
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis, hypotheses
from emergent_stats.model.learnt import (
    DECADES,
    WEAK,
    Priors,
    from_row,
    metric_class,
    priors_for,
    table,
)
from emergent_stats.model.maths import log_sum
from emergent_stats.model.metrics import METRICS, ExactMatch, MultipleChoice, metric_for
from emergent_stats.model.noise import SIGMA, Binomial
from emergent_stats.model.priors import Beta, HalfNormal, HalfStudentT, Interior, Normal
from emergent_stats.model.trends import LEVEL, SLOPE, TRENDS, Kink, PowerLaw
from emergent_stats.results.corpus import data_dir, studies
from emergent_stats.verdict.sensitivity import scaled

ROWS = [dict(zip(table()["columns"], row, strict=True)) for row in table()["rows"]]
LEARNT = from_row(
    {
        "without": "", "metrics": "generated", "axis": "params", "slope": 0.5, "level": -1.0,
        "level_sd": 1.5, "break_sd": 1.7, "sigma": 0.2, "lapse_b": 20.0, "guess_b": 90.0,
        "series": 40, "studies": 3,
    },
    9,
)  # fmt: skip


def curve(study="mine", metric="exact_match", axis="params", **options):
    score = [0.02, 0.05, 0.08, 0.2, 0.35, 0.5]
    return Curve(
        10.0 ** np.arange(8, 14), score, metric, axis, n=400.0, key={"study": study}, **options
    )


def test_a_shipped_study_has_no_say_in_its_own_priors():
    own, other = priors_for(curve("gpt3")), priors_for(curve("mine"))
    assert "without gpt3" in own.words
    assert "without" not in other.words
    row = next(
        r
        for r in ROWS
        if (r["without"], r["metrics"], r["axis"]) == ("gpt3", "generated", "params")
    )
    assert row["adopted"]
    assert own.slope == HalfStudentT(own.slope.df, row["slope"])
    assert own.level == Normal(row["level"], row["level_sd"])
    assert own.noise(Binomial()).sigma == HalfNormal(row["sigma"])
    assert own != other


def test_the_table_is_of_the_studies_that_ship():
    shipped = studies().query("series > 0")["study"].tolist()
    assert sorted(table()["studies"]) == sorted(shipped)
    for study, digest in table()["studies"].items():
        content = (data_dir() / study / "results.parquet").read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, f"{study}: run benchmarks/priors.py"
    assert {r["without"] for r in ROWS} == {"", *shipped}


def test_rows_are_proper_priors():
    for row in ROWS:
        values = [row[n] for n in ("slope", "level_sd", "break_sd", "sigma")]
        assert np.isfinite([*values, row["level"]]).all()
        assert min(values) > 0
        # where a break may be is no more certain than the middle
        assert row["break_sd"] >= row["level_sd"]
        # a cell whose chance levels are all known says nothing of guess rates
        assert row["guess_b"] == 0 or row["metrics"] in ("generated", "graded")
        assert (row["lapse_b"] > 0) == (row["metrics"] != "loss")


def test_every_metric_has_a_class_and_some_priors():
    classes = {name: metric_class(metric_for(name, 0.25)) for name in METRICS}
    assert set(classes.values()) == {"choice", "generated", "graded", "loss", "brier"}
    brier = priors_for(curve(metric="brier", chance=0.75))
    assert replace(brier, words="") == replace(WEAK, words="")
    assert (
        brier.words == "weak priors, declared: the studies say nothing of brier metrics by params"
    )


def test_an_axis_without_a_row_falls_to_all_decades_but_not_to_other_units():
    own = {(r["metrics"], r["axis"]) for r in ROWS if not r["without"]}
    assert ("graded", "step") not in own
    assert ("graded", DECADES) in own
    x = np.arange(2019.0, 2025.0)
    dated = Curve(x, [0.02, 0.05, 0.08, 0.2, 0.35, 0.5], "exact_match", "date", n=400.0)
    assert replace(priors_for(dated), words="") == replace(WEAK, words="")
    graded, row = priors_for(curve(metric="bleu", axis="step")), None
    row = next(
        r for r in ROWS if (r["without"], r["metrics"], r["axis"]) == ("", "graded", DECADES)
    )
    assert (graded.slope != SLOPE) == row["adopted"]


def test_weak_priors_are_the_declared_ones():
    assert priors_for(curve("gpt3"), "weak") is WEAK
    assert hypotheses(ExactMatch(), priors=WEAK) == hypotheses(ExactMatch())
    with pytest.raises(ValueError, match="unknown priors 'flat'; use one of corpus, weak"):
        priors_for(curve(), "flat")


def test_what_is_learnt_reaches_every_account_and_heights_stay_declared():
    for h in hypotheses(ExactMatch(), priors=LEARNT):
        own, declared = h.priors(), Hypothesis(TRENDS[h.name](), ExactMatch()).priors()
        breaks = any(isinstance(p, Interior) for p in declared.values())
        assert own["level"] == Normal(-1.0, 1.7 if breaks else 1.5), h.name
        assert own["sigma"] == HalfNormal(0.2)
        assert own["guess"] == Beta(1.0, 90.0)
        # what a skill that saturates loses stays declared
        assert (own["lapse"] == Beta(1.0, 20.0)) == (h.name != "ceiling"), h.name
        for name in declared.keys() & {"height", "bend", "fall", "width", "location"}:
            assert own[name] == declared[name]
        if "slope" in declared:
            assert own["slope"] == LEARNT.slope


def test_numbers_and_priors_of_a_users_own_stay():
    trend = LEARNT.trend(PowerLaw(slope=1.0, level=Normal(0.0, 1.0)))
    assert trend == PowerLaw(slope=1.0, level=Normal(0.0, 1.0))
    assert LEARNT.metric(ExactMatch(guess=0.1)).guess == 0.1
    assert LEARNT.noise(Binomial(sigma=0.1)).sigma == 0.1
    # twice is once
    assert LEARNT.metric(LEARNT.metric(ExactMatch())) == LEARNT.metric(ExactMatch())


def test_words_say_what_and_from_where():
    assert LEARNT.words.startswith(
        "priors learnt from 9 studies (generated metrics by params: 40 series of 3): "
        "slope half-t(8) × 0.5 per decade; level Normal(-1, 1.5), at a break Normal(-1, 1.7)"
    )
    assert "guess rate Beta(1, 90); lapse rate Beta(1, 20)" in LEARNT.words


def test_the_engine_integrates_learnt_priors_as_reweighted_weak_ones():
    # known rates: then nodes of the weak priors carry over exactly, up to how dense they are
    metric = ExactMatch(guess=0.0, lapse=0.0)
    batch = Batch.of([curve()], metric)
    slopes = Priors(slope=HalfStudentT(8.0, 0.5), level=Normal(-1.0, 1.5), sigma=HalfNormal(0.2))
    weak, new = (
        next(h for h in hypotheses(metric, priors=p) if h.name == "power_law")
        for p in (WEAK, slopes)
    )
    before, after = log_evidence(batch, weak), log_evidence(batch, new)
    x = {n: before.parameters[n] for n in ("slope", "level", "sigma")}
    log_w = before.log_weight + sum(
        now.log_density(v) - was.log_density(v)
        for v, now, was in zip(
            x.values(), (slopes.slope, slopes.level, slopes.sigma), (SLOPE, LEVEL, SIGMA),
            strict=True,
        )
    )  # fmt: skip
    log_w += (log_visible_share(weak, batch.curves) - log_visible_share(new, batch.curves))[:, None]
    assert log_sum(log_w, 1)[0] == pytest.approx(after.log_z[0], abs=0.25)
    assert abs(after.log_z[0] - before.log_z[0]) > 0.5


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_sensitivity_grid_scales_learnt_slopes(factor):
    h = Hypothesis(LEARNT.trend(Kink()), MultipleChoice())
    own = scaled(h, factor, 1.0, 1.0).trend
    assert own.slope == HalfStudentT(8.0, 0.5 * factor)
    assert own.bend == h.trend.bend
