from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from emergent_stats.model.curve import Curve
from emergent_stats.report.content import Report
from emergent_stats.report.soundness import broken, largest_log_likelihood
from emergent_stats.results.files import ResultsError
from emergent_stats.verdict.judge import compare


def with_first(comparison, **changes):
    first, *rest = comparison.hypotheses
    return replace(comparison, hypotheses=(first | changes, *rest))


def test_sound_numbers_pass(made):
    assert broken(made()) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"log_evidence": 0.1}, "above the largest log likelihood"),
        ({"log_evidence": float("nan")}, "log evidence of h_flat: nan"),
        ({"error": -1.0}, "-1.0"),
        ({"probability": 0.5}, "the hypotheses of flat have probability 0.500000"),
    ],
)
def test_a_broken_evidence_is_refused(made, changes, words):
    wrong = with_first(made(), **changes)
    assert words in broken(wrong)
    with pytest.raises(ResultsError, match=r"F · sums · 0-shot.*is not printed"):
        Report("mine.csv", [made("fine"), wrong])


def test_probabilities_that_do_not_sum_are_refused(made):
    wrong = made()
    object.__setattr__(wrong, "p_flat", 0.3)
    assert "do not sum to 1" in broken(wrong)


def test_a_series_that_was_not_analysed_has_nothing_broken():
    assert broken(compare(Curve([1e8, 1e9, 1e10], [0.0, 0.1, 0.7], "exact_match", n=200))) == ""


def test_the_bound_is_the_likelihood_at_the_best_chance_of_each_model():
    exact = Curve([1e8, 1e9, 1e10, 1e11], [0.0, 0.1, 0.7, 1.0], "exact_match", n=200)
    by_hand = sum(binom.logpmf(k, 200, k / 200) for k in (0, 20, 140, 200))
    assert largest_log_likelihood(exact) == pytest.approx(by_hand, abs=1e-9)


def test_a_rounded_score_stands_for_several_counts():
    rounded = Curve([1e8, 1e9, 1e10, 1e11], [0.13, 0.25, 0.5, 0.81], "exact_match", n=1003)
    low, high, _ = rounded.counts
    p = np.linspace(0.001, 0.999, 20_001)[:, None]
    own = np.log((binom.cdf(high, 1003, p) - binom.cdf(low - 1, 1003, p)).max(0))
    assert (high > low).all()
    assert largest_log_likelihood(rounded) == pytest.approx(own.sum(), abs=1e-4)


def test_densities_have_no_bound():
    losses = Curve([1e8, 1e9, 1e10, 1e11], [3.0, 2.7, 2.5, 2.4], "cross_entropy")
    assert largest_log_likelihood(losses) == np.inf
