"""Bad input to the evidence engine: one clear error that names the part, or a finite answer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from emergent_stats.evidence.batch import Batch
from emergent_stats.evidence.effort import QUICK
from emergent_stats.evidence.evidence import log_evidence
from emergent_stats.model.curve import Curve
from emergent_stats.model.hypothesis import Hypothesis
from emergent_stats.model.metrics import METRICS
from emergent_stats.model.priors import Interior, Normal, Prior
from emergent_stats.model.trends import TRENDS, Flat, PowerLaw, Step, Trend

AXIS = 10.0 ** np.linspace(8, 11, 6)
SCORES = np.array([0.001, 0.01, 0.1, 0.3, 0.5, 0.9])
CURVE = Curve(AXIS, SCORES, "exact_match", n=100.0)


def evidence(curve, trend, effort=QUICK):
    h = Hypothesis(trend, curve.metric_object)
    return log_evidence(Batch.of([curve], h.metric), h, effort=effort)


@dataclass(frozen=True)
class Own(Trend):
    """A user's trend; the subclasses below each do one thing wrong."""

    level: Prior | float = Normal(0.0, 3.0)

    def __call__(self, x, *, level):
        return self.made(x, level)


class LogOfLevel(Own):
    def made(self, x, level):
        return np.log(level) + 0 * x


class Overflow(Own):
    def made(self, x, level):
        return np.exp(300 * level) + 0 * x


class Huge(Own):
    def made(self, x, level):
        return 1e300 * level + 0 * x


class Column(Own):
    def made(self, x, level):
        return level


class Constant(Own):
    def made(self, x, level):
        return np.zeros(5)


@dataclass(frozen=True)
class Break(Trend):
    account: ClassVar[str] = "jump"
    level: Prior | float = Normal(0.0, 3.0)
    location: Prior | float = Interior()

    def __call__(self, x, *, level, location):
        return level + 1.0 * (x > location)

    def without_break(self, x, *, level, location):
        return (level * np.nan,)


class BreakOfAnotherShape(Break):
    def without_break(self, x, **parameters):
        return (np.zeros((3, 2)),)


@pytest.mark.parametrize(
    ("trend", "message"),
    [
        (LogOfLevel(), "trend 'LogOfLevel' returned NaN for parameters its priors allow"),
        (Overflow(), "trend 'Overflow' returned infinite skill for parameters"),
        (Huge(), r"trend 'Huge' returned a skill of \de\+30\d nats for parameters"),
        (Column(), r"trend 'Column' returned shape \(\d+, 1\) for x of shape \(\d+, 6\)"),
        (Constant(), r"trend 'Constant' returned shape \(5,\) for x of shape"),
        (Break(), "trend 'Break' without its break returned NaN"),
        (BreakOfAnotherShape(), r"without its break returned shape \(3, 2\) for x of shape"),
        (Flat(level=1e300), r"trend 'flat' returned a skill of 1e\+300 nats"),
        (Flat(level=np.inf), "trend 'flat' returned infinite skill"),
        (PowerLaw(slope=np.nan), "trend 'power_law' returned NaN"),
    ],
)
def test_a_trend_that_goes_wrong_is_named(trend, message):
    with pytest.raises(ValueError, match=message):
        evidence(CURVE, trend)


@pytest.mark.parametrize("level", [-700.0, 700.0])
def test_skill_far_outside_the_data_has_a_finite_evidence(level):
    found = evidence(CURVE, Flat(level=level))
    assert -1e6 < found.log_z[0] < -1e4


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("n", [1.0, 200.0, 1e6, 1e8])
def test_all_right_or_all_wrong(value, n):
    curve = Curve(AXIS, np.full(6, value), "exact_match", n=n)
    z = {t: evidence(curve, TRENDS[t]()).log_z[0] for t in ("flat", "power_law", "step")}
    # probabilities of counts, most probable where nothing happens
    assert -200 < z["step"] < z["power_law"] < z["flat"] < 0


@pytest.mark.parametrize("n", [1e4, 1e6, 1e8])
def test_every_score_at_the_end_of_its_range(n):
    # what is missing, e^-s·log 2 and the lapse rate, has to be as small as 1/n
    curve = Curve(AXIS, np.ones(6), "exact_match", n=n)
    flat = Hypothesis(Flat(), curve.metric_object)
    found = [log_evidence(Batch.of([curve], flat.metric), flat, seed=i) for i in range(3)]
    s, sigma = np.linspace(0, 40, 1001), np.linspace(0.01, 2.0, 100)[:, None, None]
    e = np.linspace(-7, 7, 71)
    inside = stats.norm.pdf(e) * np.exp(-n * np.log(2) * np.exp(-s[:, None] - sigma * e))
    each = inside.sum(2) * (e[1] - e[0])
    noise = stats.halfnorm.pdf(sigma[:, 0], scale=0.3) * (sigma[1, 0] - sigma[0, 0])
    lapse = np.log(50) - np.log(6 * n + 49)
    want = lapse + np.log((noise * each**6 * stats.norm.pdf(s, scale=3)).sum() * (s[1] - s[0]))
    quoted = np.sqrt(np.mean([f.error[0] ** 2 for f in found]) / 3)
    assert np.mean([f.log_z[0] for f in found]) == pytest.approx(want, abs=0.2)
    assert quoted < 0.1


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_every_metric(name, value):
    chance = 0.25 if name == "multiple_choice" else np.nan
    low = METRICS[name].range[0]
    scores = low + np.array([value, *SCORES[1:]])
    curve = Curve(AXIS, scores, name, n=100.0, chance=chance)
    if METRICS[name].continuous and value == 0:
        message = f"curve 0, model 1: {name} {low:g} shows no finite skill; .* above {low:g}"
        with pytest.raises(ValueError, match=message):
            evidence(curve, Step())
    else:
        assert np.isfinite(evidence(curve, Step()).log_z[0])


@pytest.mark.parametrize("n", [1e9, 1e12, 1e15])
def test_counts_of_billions(n):
    exact = Curve(AXIS, np.round(SCORES * n) / n, "exact_match", n=n)
    with pytest.raises(ValueError, match=r"curve 0, model \d: n = 1e\+\d\d examples; .* 1e\+08"):
        evidence(exact, PowerLaw())


def test_rounded_scores_of_any_n_have_the_evidence_of_their_rounding():
    # from where the rounding hides the noise of the examples on, n does not matter
    scores = np.array([0.02, 0.05, 0.13, 0.24, 0.51, 0.83])
    z = []
    for n in (3e5 + 1, 1e7 + 1, 1e9 + 7, 1e12 + 7):
        curve = Curve(AXIS, scores, "exact_match", n=n)
        assert (curve.counts[1] - curve.counts[0] > 100).all()
        z.append(evidence(curve, PowerLaw(), QUICK).log_z[0])
    np.testing.assert_allclose(z, z[0], atol=0.15)


@pytest.mark.parametrize("spread", [0.0, 1e-13])
@pytest.mark.parametrize(
    ("name", "needed"), [("power_law", 2), ("ceiling", 2), ("step", 4), ("kink", 4)]
)
def test_scales_that_are_all_alike(name, needed, spread):
    curve = Curve(1e9 * (1 + spread * np.arange(6)), SCORES, "exact_match", n=100.0)
    message = f"trend '{name}' needs at least {needed} distinct scales; curve 0 .* has 1"
    with pytest.raises(ValueError, match=message):
        evidence(curve, TRENDS[name]())
    assert curve.n_scales == 1
    assert np.isfinite(evidence(curve, Flat()).log_z[0])
