"""The command line on designs: what could this design decide?"""

import json
import sys

import pytest

from emergent_stats.cli import commands, design_listing
from emergent_stats.verdict.formula import Plan

SMALL = ("design", "--models", 6, "--span", 3, "--n", 200)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process: (exit status, stdout, stderr)."""

    def call(*words):
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "argv", ["emergent-stats", *map(str, words)])
        status = 0
        try:
            commands.main()
        except SystemExit as stop:
            status = stop.code or 0
        return (status, *capsys.readouterr())

    return call


def test_a_metric_is_named_as_a_person_writes_it():
    assert design_listing._title(Plan.even(6, 3.0, n=200, metric="bleu")).endswith("nats, BLEU")


def test_help_has_examples(run):
    status, out, _ = run("design", "--help")
    assert status == 0
    assert out.count("emergent-stats design --models") >= 3
    assert "--simulate" in out


def test_table_of_powers(run):
    status, out, err = run(*SMALL)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(out.split())
    for said in (
        "6 models over 3 decades, 200 examples, noise between models 0.15 nats",
        "jump of 0.5 nats", "jump of 1 nat ", "jump of 2 nats", "onset of 2 nats/decade",
        "Bayes floor: --simulate 200", "Helps most to find a jump of 1 nat",
        "Beyond about 69 examples a score (1.54/σ²; already passed)",
    ):  # fmt: skip
        assert said in words
    heads = next(line.split() for line in lines if line.startswith("break"))
    assert heads == ["break", "found", "textbook"]


def test_simulation_adds_its_shares_and_the_floor(run):
    status, out, _ = run(*SMALL, "--simulate", 20, "--seed", 1, "--height", 3)
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "simulated" in out
    assert "jump of 3 nats" in out
    assert "No rule can err less" in " ".join(out.split())


def test_json_repeats_and_holds_the_numbers(run, monkeypatch):
    # one height is simulated as three are
    monkeypatch.setattr(design_listing, "REFERENCE_HEIGHTS", ())
    words = (*SMALL, "--models", 4, "--seeds", 2, "--height", 3, "--simulate", 20, "--json")
    status, out, _ = run(*words)
    assert status == 0
    assert run(*words)[1] == out
    found = json.loads(out)
    assert [(b["kind"], b["height"]) for b in found["breaks"]] == [("jump", 3.0), ("onset", 2.0)]
    for row in found["breaks"]:
        assert 0 <= row["simulated"]["found"] <= 1
    assert 0 < found["bayes_floor"]["error"] < 0.5


def test_json_holds_the_numbers_of_the_formula(run):
    status, out, _ = run(*SMALL, "--sigma", 0.1, "--seeds", 2, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["models"], found["seeds"], found["n"], found["sigma"]) == (6, 2, 200, 0.1)
    assert [(b["kind"], b["height"]) for b in found["breaks"]] == [
        ("jump", 0.5), ("jump", 1.0), ("jump", 2.0), ("onset", 2.0),
    ]  # fmt: skip
    for row in found["breaks"]:
        assert 0 <= row["formula"]["found"] <= 1
    powers = [a["found"] for a in found["helps"]]
    assert powers == sorted(powers, reverse=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("--models", 3), "3 models: a break needs at least 4 scales"),
        (("--height", 0), "a reference height of 0 is refused"),
        (("--n", 0), "n = 0: a score needs at least 1 example"),
        (("--span", -1), "span = -1: decades of scale"),
        (("--sigma", -0.2), "sigma = -0.2: noise between models is 0 or more"),
        (("--seeds", 0), "seeds = 0: at least 1 run"),
        (("--simulate", 7), "7 simulated series say nothing about a share; use 20 or more"),
        (("--simulate", -1), "-1 simulated series"),
        (("--metric", "unheard"), "unknown metric 'unheard'"),
        (
            ("--metric", "multiple_choice"),
            "give `chance` (--chance), 1 divided by the number of options",
        ),
    ],
)
def test_bad_input_is_one_message(run, changed, message):
    status, out, err = run(*SMALL, *changed)
    assert (status, out) == (2, "")
    assert err.startswith("emergent-stats: ")
    assert message in err
    assert err.count("\n") == 1
