"""Declarations, counts, names and the models table."""

from __future__ import annotations

import math

import pytest

from emergent_stats.importers import lm_eval_terms
from emergent_stats.importers.counts import recover_n
from emergent_stats.importers.declare import Declared, parse_declaration
from emergent_stats.importers.names import clean, key, revision, size_in_name
from emergent_stats.importers.records import Options, as_number, pairs, whole
from emergent_stats.importers.scales import read_models
from emergent_stats.results.corpus import ResultsError


def test_a_percentage_is_told_by_its_declaration_alone():
    assert parse_declaration("exact_match/100").convert(0.5) == 0.005
    assert parse_declaration("exact_match").convert(0.5) == 0.5
    assert parse_declaration("exact_match/100").problem(45.0) is None
    said = parse_declaration("exact_match").problem(45.0)
    assert said == (
        "45 is outside of 0 to 1, the range declared for 'exact_match'; if it is a percentage "
        "declare 'exact_match/100'"
    )


def test_brier_scores_of_either_scale_are_told_by_their_declaration():
    assert parse_declaration("brier/1").convert(0.4) == 0.8
    assert parse_declaration("brier/2").convert(0.4) == 0.4
    assert "declare 'brier/2'" in str(parse_declaration("brier/1").problem(1.5))
    assert Declared("brier", 2 / 4).convert(0.375) == 1.5  # a mean over four options


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exactmatch/100", "unknown metric 'exactmatch'"),
        ("perplexity/100", "perplexity has no top"),
        ("bleu/percent", "'percent' is not a number above 0"),
        ("bleu/-1", "is not a number above 0"),
        ("bleu/nan", "is not a number above 0"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(text, said):
    with pytest.raises(ResultsError, match=r"known|has no top|number above 0") as caught:
        parse_declaration(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("score", "stderr", "n", "said"),
    [
        (0.25, math.sqrt(0.25 * 0.75 / 99), 100, None),
        (0.25, math.sqrt(0.25 * 0.75 / 100), 100, None),  # the other formula
        (0.5430, 0.0069, 5213, "approximate"),
        (0.0, 0.0, None, "not certainty"),
        (1.0, 0.0, None, "not certainty"),
        (0.4, 0.0, None, "impossible"),
        (0.0, 0.01, None, "all answers alike, yet"),
        (0.4, -0.1, None, "below 0"),
        (0.4, 0.6, None, "larger than any number of answers"),
        (0.4, 3.0, None, "above 1"),
    ],
)
def test_counts_come_from_the_standard_error_where_it_tells(score, stderr, n, said):
    found = recover_n(score, stderr)
    assert found.n == n
    assert (found.problem is None) if said is None else said in str(found.problem)


def test_names_keep_slashes_and_dots_and_lose_what_does_not_print():
    assert clean("a/../b") == "a/../b"
    assert clean("x\u202ey\x00z\n w") == "xyz w"
    assert clean("Ü" + "e\u0301") == "Üé"
    assert len(clean("x" * 10_000)) == 500


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("EleutherAI/pythia-v1.1-70m-deduped", "pythia-70m-deduped"),
        ("EleutherAI__pythia-70m", "pythia-70m"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("somebody/GPT_Neo 125M", "gpt-neo-125m"),
    ],
)
def test_models_are_looked_up_without_organisation_and_case(name, found):
    assert key(name) == found


@pytest.mark.parametrize(
    ("name", "params", "family"),
    [
        ("facebook/opt-66b", 66e9, "opt"),
        ("bigscience/bloom-7b1", 7.1e9, "bloom"),
        ("pythia-1.4b-deduped", 1.4e9, "pythia-deduped"),
        ("gpt-neo-125m", 125e6, "gpt-neo"),
        ("pythia-1.4b-1MtokBS", 1.4e9, "pythia-1mtokbs"),
    ],
)
def test_sizes_are_read_off_names(name, params, family):
    size = size_in_name(name)
    assert size is not None
    assert (size.params, size.rest) == (params, family)


@pytest.mark.parametrize("name", ["gpt-4", "mixtral-8x7b", "qwen3-30b-a3b", "llama-2", "t5-xxl"])
def test_names_that_state_no_one_size_give_none(name):
    assert size_in_name(name) is None


def test_revisions_state_steps_and_tokens():
    assert revision("step143000").step == 143_000
    assert revision("stage1-step140000-tokens294B").tokens == 294e9
    assert revision("main").step is None
    assert revision("bootstep3").step is None


@pytest.mark.parametrize("cell", [None, True, "N/A", " ", "", "abc", math.nan, math.inf, "nan", []])
def test_what_is_no_number_is_none(cell):
    assert as_number(cell) is None


def test_numbers_and_whole_numbers():
    assert as_number(" 0.5 ") == 0.5
    assert as_number(10**400) is None
    assert (whole(5), whole(5.0), whole("5")) == (5, 5, 5)
    assert (whole(5.5), whole(-1), whole(True)) == (None, None, None)


def test_the_models_table_is_plain_and_checked(tmp_path):
    file = tmp_path / "models.csv"
    file.write_text(
        "model,family,params,tokens,tokens_per_step,aliases,derived\n"
        "Org/Alpha-1B,alpha,1.1e9,2e12,4e6,A1; alpha-one,tokens\n",
        encoding="utf-8",
    )
    models = read_models(file)
    line = models.get("someone/alpha-1b")
    assert line is not None
    assert (line.params, line.tokens, line.derived) == (1.1e9, 2e12, ("tokens",))
    assert models.get("alpha-one") is line
    assert models.get("alpha-2b") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("name,params\nx,1\n", "needs the column 'model'"),
        ("model,params\nx,seven\n", "row 2: params 'seven' is not a number above 0"),
        ("model,params\nx,-1\n", "row 2: params '-1' is not a number above 0"),
        ("model,params\nx,1\no/X,2\n", "row 3: 'o/X' has another line already"),
        ("model,params\n,1\n", "row 2: model is empty"),
    ],
)
def test_a_wrong_models_table_is_refused_with_its_row(tmp_path, rows, said):
    file = tmp_path / "models.csv"
    file.write_text(rows, encoding="utf-8")
    with pytest.raises(ResultsError) as caught:
        read_models(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


def test_the_shipped_models_table_reads():
    assert len(read_models()) > 50


@pytest.mark.parametrize(
    ("task", "level"),
    [
        ("hendrycksTest-virology", 0.25),
        ("mmlu_pro_math", 0.1),
        ("piqa", 0.5),
        ("wsc273", 0.5),
        ("arc_challenge", 0.25),
        ("cbt-cn", None),
        ("lambada_openai", None),
    ],
)
def test_chance_levels_by_name_of_task(task, level):
    assert lm_eval_terms.chance_by_name(task) == level


def test_what_acc_means_depends_on_the_task():
    def metric(task, kind=None):
        found = lm_eval_terms.declaration(task, "acc", kind, {})
        assert not isinstance(found, str)
        return found[0].metric

    assert metric("piqa") == "multiple_choice"
    assert metric("lambada_openai") == "exact_match"
    assert metric("arithmetic_3da") == "exact_match"
    assert metric("anything", "loglikelihood") == "exact_match"
    assert metric("anything", "multiple_choice") == "multiple_choice"


def test_an_undeclared_metric_is_left_out_with_the_way_to_have_it():
    said = lm_eval_terms.declaration("t", "rouge1", None, {})
    assert isinstance(said, str)
    assert "--metric 'rouge1=exact_match' or 'rouge1=rouge/100'" in said
    given = {"rouge1": parse_declaration("rouge/100")}
    assert lm_eval_terms.declaration("t", "rouge1", None, given) == (given["rouge1"], "rouge1")


@pytest.mark.parametrize("chance", [1, -0.1, 25, {"t": 25}, {"t": "a quarter"}])
def test_a_chance_level_is_a_share(chance):
    with pytest.raises(ResultsError, match=r"is not a share from 0 to below 1; write 0\.25"):
        Options.parse(chance=chance)


def test_chance_levels_may_come_as_text():
    assert Options.parse(chance={"t": "0.25"}).chance == {"t": 0.25}
    assert Options.parse(chance=0.5).chance == {"*": 0.5}


@pytest.mark.parametrize("text", ["acc", "=f1", "acc=", " = "])
def test_an_option_that_is_no_pair_is_refused(text):
    with pytest.raises(ResultsError, match="write it as NAME=VALUE"):
        pairs([text], "--metric")
