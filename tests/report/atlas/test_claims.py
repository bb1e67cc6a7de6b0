"""The published claims, and what a given atlas says of them."""

from report.atlas.made_up import collection, entry

from emergent_stats.report.atlas import claims
from emergent_stats.report.atlas.records import identity


def told(*entries):
    return {claim["ability"]: claim for claim in claims.told(entries, collection(entries).sources)}


def test_an_atlas_of_something_else_says_so_of_every_claim():
    found = told(entry("a"))
    assert len(found) == 23
    assert all(claim["says"][0].startswith("no series here") for claim in found.values())
    assert not any(claim["series"] or claim["elsewhere"] for claim in found.values())
    assert found["Truthfulness (Truthful QA)"]["says"] == ["no series here"]
    three = found["Addition/subtraction (3 digit)"]
    assert three["says"] == ["no series here: the study gpt3 is not in this atlas"]
    assert three["claimed"] == "GPT-3, 13B parameters"
    assert found["Many BIG-Bench tasks (see Appendix E)"]["claimed"] == "Many"


def test_series_of_the_claim_are_counted_and_linked():
    own = [
        entry("3D+", "undecided", family="GPT-3", study="gpt3", shots=k) for k in (50, 0)
    ] + [entry("3D-", "real", 0.97, family="GPT-3", study="gpt3", kind="jump")]  # fmt: skip
    other = entry("2D+", family="GPT-3", study="gpt3")
    claim = told(*own, other)["Addition/subtraction (3 digit)"]
    assert claim["says"] == ["3 series of GPT-3: 2 undecided, 1 real (jump)"]
    assert [one[1] for one in claim["series"]] == ["3D+, 0-shot", "3D+, 50-shot", "3D-, 5-shot"]
    assert claim["series"][2][0] == identity(own[2].curve)
    words = claim["series"][0][3]
    assert words == (
        "leans to gradual 6 : 1 (positive); P(break) .04; "
        "a break would lie at 1.26B–15.8B parameters (90 %)"
    )


def test_a_claim_on_other_models_says_whose_series_these_are():
    claim = told(entry("WiC", family="GPT-3", study="gpt3"))["Word in Context (WiC) benchmark"]
    assert claim["says"][1] == "The claim is about PaLM; these series are of GPT-3."


def test_the_same_task_by_other_models_is_pointed_to():
    found = told(
        entry("hendrycksTest-virology", study="pythia"),
        entry("arc_easy", study="pythia"),
        entry("GSM8K (chain of thought)", study="chain-of-thought", family="GPT-3"),
    )
    mmlu = found["MMLU Benchmark (57 topic avg.)"]
    assert mmlu["says"] == ["no series of these models here"]
    assert mmlu["elsewhere"] == [
        [
            "1 series of other models in pythia: 1 gradual",
            "index.html#study=pythia&q=hendrycksTest",
        ]
    ]
    chain = found["Chain-of-thought: Math word problems"]
    assert chain["says"] == [
        "no series here that can be tested: chain-of-thought has too few models of LaMDA"
    ]
    assert len(chain["elsewhere"]) == 1
