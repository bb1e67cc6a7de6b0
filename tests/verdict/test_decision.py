"""Verdicts: what falls, what no account fits, straight lines, edges, and advice that agrees."""

import numpy as np
import pytest

from emergent_stats.model.curve import Curve
from emergent_stats.model.sudden import apparent_jump
from emergent_stats.model.trends import ACCOUNTS, JUMP_WIDTH
from emergent_stats.verdict.comparison import comparison_text, what_would_decide
from emergent_stats.verdict.decision import THRESHOLDS, Findings, decide, speaks_for
from emergent_stats.verdict.judge import compare_all
from emergent_stats.verdict.summary import last_gap

X = np.linspace(-2, 2, 8)
NAN = float("nan")


def curve(score, metric="exact_match", n=1000.0, chance=NAN, x=X, **more):
    values = 10 ** (np.asarray(x) + 10)
    return Curve(values, score, metric, n=n, chance=chance, **more)


def counts(share, n=1000):
    return curve(np.round(n * np.asarray(share)) / n, n=float(n))


def of_skill(skill):
    return counts(np.exp(-np.exp(-np.asarray(skill))))


def wave(base, amplitude, size):
    """Scores that go up and down in slow waves: far more regular than noise."""
    up = amplitude * np.sin(np.arange(size) * 2 * np.pi / 8)
    return curve(base + up, n=20_000.0, x=np.linspace(-2, 2, size))


FALLS = {
    "line downwards": (counts(np.linspace(0.9, 0.1, 8)), "decline"),
    "slow decline": (of_skill(0.5 - 0.8 * X), "decline"),
    "drop": (of_skill(1 - 2.0 * (X > 0.3)), "drop"),
    "hump": (of_skill(1.2 - np.abs(X - 0.2)), "hump"),
    "u": (of_skill(-0.8 + 0.9 * np.abs(X)), "u_shape"),
    "u that ends higher": (
        of_skill(-1 + 0.5 * np.maximum(-X, 0) + 1.2 * np.maximum(X - 0.3, 0)), "u_shape"
    ),
    "below chance": (
        curve([0.52, 0.5, 0.45, 0.4, 0.33, 0.25, 0.2, 0.15], "multiple_choice", chance=0.5),
        "decline",
    ),
    "below chance at last": (
        curve([0.5, 0.51, 0.49, 0.5, 0.5, 0.49, 0.51, 0.29], "multiple_choice", chance=0.5), None
    ),
    "down to chance": (
        curve([0.8, 0.7, 0.6, 0.5, 0.42, 0.35, 0.28, 0.26], "multiple_choice", chance=0.25),
        "decline",
    ),
    "cross-entropy that rises": (
        curve(np.exp(0.5 + 0.1 * X), "cross_entropy", n=NAN, stderr=np.full(8, 0.01)), "decline"
    ),
    "perplexity that rises": (curve(5 * np.exp(0.15 * X), "perplexity", n=NAN), "decline"),
    "more and more errors": (curve(np.linspace(0.2, 0.7, 8), "edit_distance"), "decline"),
}  # fmt: skip
LINES = {
    "swag": curve(
        [0.403, 0.434, 0.453, 0.474, 0.502], n=20_006.0, x=[-1.3, -1, -0.77, -0.52, -0.15]
    ),
    "half a decade": curve(np.linspace(0.3, 0.5, 6), n=2000.0, x=np.linspace(0, 0.5, 6)),
    "one decade": curve(np.linspace(0.3, 0.6, 5), n=2000.0, x=np.linspace(0, 1, 5)),
    "four decades": curve(np.linspace(0.2, 0.7, 12), n=2000.0, x=np.linspace(-2, 2, 12)),
}
NO_ACCOUNT = {
    "flat": wave(0.5, 0.01, 40), "gradual": wave(np.linspace(0.3, 0.6, 40), 0.01, 40)
}  # fmt: skip
_RNG = np.random.default_rng(5)
UNDECIDED = {
    "few models": curve([0.1, 0.15, 0.2, 0.3, 0.4, 0.5], n=200.0, x=np.linspace(-1, 1, 6)),
    "up and down": counts([0.1, 0.9] * 4),
    "22 models": curve(
        np.round(150 * np.exp(-np.exp(0.3 - 0.25 * np.linspace(-2, 2, 22)
                                      + 0.3 * _RNG.standard_normal(22)))) / 150,
        n=150.0, x=np.linspace(-2, 2, 22),
    ),
    "8 models": counts([0.1, 0.12, 0.1, 0.14, 0.2, 0.3, 0.32, 0.4], 100),
    "short": curve([0.1, 0.5, 0.9], x=[-1, 0, 1]),
    "floor": counts(np.zeros(8)),
    "ceiling": counts(np.ones(8)),
    "last gap": curve([0.02, 0.02, 0.03, 0.03, 0.8], n=300.0, x=[-2, -1.5, -1, -0.5, 1]),
    "wide gap": curve([0.1, 0.11, 0.5, 0.55, 0.6], n=300.0, x=[-2, -1.7, 0.3, 0.6, 0.9]),
}  # fmt: skip
GUESSING = curve([0.25, 0.27, 0.23, 0.24, 0.26, 0.25, 0.24, 0.26], "multiple_choice",
                 chance=0.25, n=500.0)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """All series of this file, compared at once."""
    every = {**{n: c for n, (c, _) in FALLS.items()}, **LINES, **UNDECIDED, "guessing": GUESSING}
    every |= {f"no account, {n}": c for n, c in NO_ACCOUNT.items()}
    for metric, chance in (("multiple_choice", 0.5), ("exact_match", NAN)):
        four = curve([0.493, 0.506, 0.525, 0.290], metric, chance=chance, x=[-2, -1, 0, 1])
        every[f"four models, {metric}"] = four
    every["rises from below chance"] = curve(
        [0.431, 0.606, 0.62, 0.641, 0.703, 0.7, 0.702, 0.775],
        "multiple_choice",
        chance=0.5,
        n=3270.0,
    )
    return dict(zip(every, compare_all(list(every.values())), strict=True))


# --- falls ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FALLS)
def test_what_falls_is_said_to_fall(found, name):
    c, kind = found[name], FALLS[name][1]
    assert c.verdict == "falls", c.reason
    assert c.p_falls > THRESHOLDS.probability
    assert kind is None or c.kind == kind
    assert "add" not in c.reason


@pytest.mark.parametrize("metric", ["multiple_choice", "exact_match"])
def test_a_visible_fall_of_few_models_is_not_flat(found, metric):
    c = found[f"four models, {metric}"]
    assert c.verdict == "undecided"
    assert c.p_onset + c.p_jump < 0.05
    assert max(c.p_flat, c.p_falls) == max(getattr(c, f"p_{a}") for a in ACCOUNTS)


def test_a_model_below_chance_is_no_fall(found):
    """Every account is seen through one metric: none wins for what the others cannot give."""
    assert found["rises from below chance"].verdict == "gradual"
    assert found["rises from below chance"].p_falls < 0.05
    # .07 below is within what is not known of guessers: the floor is lower, not gone
    notes = found["rises from below chance"].warnings
    assert any("1 of 8 models score below chance" in w for w in notes)
    assert not any("no floor at chance" in w for w in notes)


def test_guessing_does_not_fall(found):
    assert found["guessing"].verdict == "flat"
    assert found["guessing"].p_falls < 0.1


# --- misfit --------------------------------------------------------------------------------
@pytest.mark.parametrize("says", NO_ACCOUNT)
def test_a_verdict_on_what_no_account_fits_is_withheld(found, says):
    c = found[f"no account, {says}"]
    assert getattr(c, f"p_{says}") > THRESHOLDS.probability
    assert c.verdict == "undecided"
    assert c.reason.startswith(f"misfit: the probabilities say {says}, but no account fits")


# --- lines ---------------------------------------------------------------------------------
@pytest.mark.parametrize("m", range(4, 13))
@pytest.mark.parametrize("decades", [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0])
def test_a_straight_line_is_no_apparent_jump(m, decades):
    rng = np.random.default_rng(m)
    even, uneven = np.linspace(0, decades, m), np.sort(rng.uniform(0, decades, m))
    for x in (even, uneven):
        for low, high in ((0.2, 0.7), (0.05, 0.15), (0.403, 0.502)):
            line = curve(low + (high - low) * (x - x[0]) / (x[-1] - x[0]), n=2000.0, x=x - 2)
            assert apparent_jump(line, JUMP_WIDTH) == (False, False)


@pytest.mark.parametrize("name", LINES)
def test_a_straight_line_is_no_artefact(found, name):
    assert found[name].verdict != "artefact", found[name].reason
    assert not found[name].apparent_jump


@pytest.mark.parametrize("m", [4, 6, 8, 12])
@pytest.mark.parametrize("decades", [0.5, 1.0, 2.0, 4.0])
def test_a_leap_is_an_apparent_jump(m, decades):
    x = np.linspace(0, decades, m)
    for at in (m // 2, m - 1):
        leap = curve(0.1 + 0.05 * x / decades + 0.6 * (np.arange(m) >= at), x=x - 2)
        assert apparent_jump(leap, JUMP_WIDTH) == (True, at == m - 1)


# --- edge ----------------------------------------------------------------------------------
@pytest.mark.parametrize("fast", [0.2, 0.3, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("floor", [0.0, 1.7])
def test_a_loss_that_falls_ever_more_slowly_has_no_edge(fast, floor):
    x = np.linspace(0, 4, 12)
    for chosen in (x, x[::2], np.array([0, 1.5, 2, 2.5, 3, 3.5, 4])):
        loss = curve(floor + 3 * 10 ** (-fast * chosen), "cross_entropy", n=NAN, x=chosen - 2)
        assert not apparent_jump(loss, JUMP_WIDTH)[1]


def test_a_rise_that_speeds_up_into_a_last_wide_gap_is_an_edge(found):
    assert apparent_jump(UNDECIDED["last gap"], JUMP_WIDTH) == (True, True)
    c = found["last gap"]
    assert c.verdict == "undecided"
    assert c.reason.startswith("edge: ")
    assert last_gap(c.curve).words in c.reason


def test_the_edge_is_the_last_gap_and_no_other(found):
    # up and down by as much everywhere: the largest change is not the last one, and none goes on
    assert not apparent_jump(UNDECIDED["up and down"], JUMP_WIDTH)[1]
    assert "edge" not in found["up and down"].reason
    assert "edge" not in found["wide gap"].reason


# --- advice --------------------------------------------------------------------------------
def test_reasons_hold_no_advice_and_advice_does_not_contradict_itself(found):
    advised = 0
    for c in found.values():
        words = comparison_text(c)
        assert "add" not in c.reason.split(), c.reason
        assert not ("to decide it, add" in words and "nothing affordable" in words)
        assert not (c.curve.n_scales >= THRESHOLDS.few and "too few models" in words), words
        advice = what_would_decide(c)
        assert not advice or c.verdict == "undecided"
        advised += bool(advice)
    assert advised > 3


def test_a_series_too_short_to_analyse_is_told_what_it_lacks(found):
    short = found["short"]
    assert "3 distinct" in short.reason
    assert what_would_decide(short) == "to analyse it at all, add models at 1 more scales or more"
    assert "partial credit" in what_would_decide(found["floor"])
    assert what_would_decide(found["ceiling"]) == ""


# --- no break, and which account without one stays open ------------------------------------
def seen(flat, gradual, onset, jump, falls, **more):
    """Findings of which only the probabilities, and what is given, are of interest."""
    given = dict(
        p_flat=flat, p_gradual=gradual, p_onset=onset, p_jump=jump, p_falls=falls,
        log_bf=0.0, log_bf_error=0.1, second_real=NAN, misfit=0.5, p_small_change=NAN,
        p_cal=None, power=None, apparent_jump=False, edge=False, sigma=0.1, floor_share=0.0,
        scales=8, gap="between 1B and 3B parameters", gap_width=0.4,
        last_gap="between 3B and 9B parameters", shape="decline", unreliable="",
    )  # fmt: skip
    for account in ("flat", "gradual", "falls", "real"):
        p = onset + jump if account == "real" else given[f"p_{account}"]
        given[f"grid_{account}"] = (p, p)
    return Findings(**given | more)


def test_what_does_not_break_is_decided_though_accounts_share_it():
    found = decide(seen(0.3, 0.66, 0.01, 0.01, 0.02))
    assert (found.verdict, found.kind, found.robust) == ("gradual", "or_flat", True)
    assert "P(no break) = .98 (gradual .66 or flat .30)" in found.reason
    assert decide(seen(0.5, 0.3, 0.01, 0.01, 0.18)).kind == "or_falls_or_gradual"
    assert decide(seen(0.6, 0.38, 0.01, 0.0, 0.01)).verdict == "flat"


def test_the_sum_needs_what_one_account_needs():
    shares = (0.3, 0.66, 0.01, 0.01, 0.02)
    assert decide(seen(0.3, 0.6, 0.05, 0.03, 0.02)).verdict == "undecided"
    turned = decide(seen(*shares, grid_real=(0.02, 0.6)))
    assert turned.verdict == "undecided"
    assert "but .40 under another reasonable prior" in turned.reason
    assert decide(seen(*shares, misfit=0.001)).verdict == "undecided"
    assert decide(seen(*shares, unreliable="flat: error 1 nats")).verdict == "undecided"
    leaps = decide(seen(*shares, apparent_jump=True))
    assert (leaps.verdict, leaps.kind) == ("artefact", "or_flat")
    assert decide(seen(*shares, apparent_jump=True, edge=True)).verdict == "undecided"
    assert decide(seen(*shares, apparent_jump=True, power=0.3)).verdict == "undecided"


def test_a_likely_fall_is_not_called_by_another_name():
    found = decide(seen(0.3, 0.08, 0.01, 0.01, 0.6))
    assert found.verdict == "undecided"
    assert "no break, P(jump or onset) = .02, but it may fall" in found.reason


def test_one_account_that_is_sure_keeps_its_own_words():
    p = dict(zip(ACCOUNTS, (0.01, 0.97, 0.005, 0.005, 0.01), strict=True))
    assert speaks_for(p, 0.95) == "gradual"
    assert decide(seen(*p.values())).kind is None


@pytest.mark.parametrize("sharp", [True, False])
def test_a_weak_slope_near_chance_is_gradual_or_flat(sharp):
    n = 300 if sharp else 60
    score = np.round(np.array([0.26, 0.27, 0.26, 0.28, 0.29, 0.31, 0.33, 0.34]) * n) / n
    (c,) = compare_all([curve(score, "multiple_choice", n=float(n), chance=0.25)])
    assert c.verdict in ("gradual", "flat")
    assert c.kind.startswith("or_")
    assert c.p_real < 0.05
    assert f"{c.verdict} or" in comparison_text(c)
    assert "no break" in c.lean
    assert "skill does not break" in c.summary
