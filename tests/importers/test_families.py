"""Families read off models' names: sizes together, recipes apart."""

from __future__ import annotations

import pytest

from emergent_stats.importers import import_results
from emergent_stats.importers.names import family_in_name, key, revision, size_in_name
from emergent_stats.importers.scales import read_models

#: Names of one family each, as their publishers (or tools' file names) write them.
TOGETHER = {
    "xglm": "facebook/xglm-564M facebook/xglm-1.7B facebook/xglm-2.9B facebook__xglm-4.5B "
    "facebook_xglm-7.5B",
    "pythia": "EleutherAI/pythia-14m EleutherAI/pythia-70m EleutherAI/pythia-1.4b pythia-1p4b "
    "EleutherAI_pythia-12b EleutherAI/pythia-1b-bf16",
    "pythia-deduped": "EleutherAI/pythia-70m-deduped EleutherAI/pythia-1b-deduped",
    "opt": "facebook/opt-125m facebook/opt-6.7b facebook/opt-66b opt-175B OPT_30B",
    "bloom": "bigscience/bloom bigscience/bloom-560m bigscience/bloom-1b7 bloom-6b3 bloom-176B",
    "llama": "huggyllama/llama-7b LLaMA7B llama_13B",
    "llama-3.1": "meta-llama/Llama-3.1-8B meta-llama/Meta-Llama-3.1-70B "
    "meta-llama_Meta-Llama-3.1-8B",
    "llama-2-chat": "meta-llama/Llama-2-7b-chat-hf Llama-2-70b-chat",
    "qwen": "Qwen/Qwen-1_8B Qwen/Qwen-7B Qwen/Qwen-72B",
    "qwen2.5": "Qwen/Qwen2.5-0.5B Qwen/Qwen2.5-72B",
    "qwen3-moe": "Qwen/Qwen3-30B-A3B Qwen/Qwen3-235B-A22B",
    "gemma-2": "google/gemma-2-2b google/gemma-2-9b google/gemma-2-27b",
    "gemma-3-pt": "google/gemma-3-270m-pt google/gemma-3-1b-pt",
    "falcon": "tiiuae/falcon-7b tiiuae/falcon-180B",
    "gpt-neo": "EleutherAI/gpt-neo-125m EleutherAI/gpt-neo-2.7B",
    "olmo-2": "allenai/OLMo-2-1124-7B allenai/OLMo-2-0325-32B allenai/OLMo-2-0425-1B",
    "smollm": "HuggingFaceTB/SmolLM-135M HuggingFaceTB/SmolLM-1.7B",
    "cerebras-gpt": "cerebras/Cerebras-GPT-111M cerebras/Cerebras-GPT-1.3B",
    "mgpt": "ai-forever/mGPT ai-forever/mGPT-13B sberbank-ai/mGPT",
    "stablelm-2": "stabilityai/stablelm-2-1_6b stabilityai/stablelm-2-12b",
    "codegen2-p": "Salesforce/codegen2-1B_P Salesforce/codegen2-3_7B_P",
    "yi-200k": "01-ai/Yi-6B-200K 01-ai/Yi-34B-200K",
    "qwen2.5-instruct-1m": "Qwen/Qwen2.5-7B-Instruct-1M Qwen/Qwen2.5-14B-Instruct-1M",
    "gpt2": "openai-community/gpt2 openai-community/gpt2-xl gpt2_124M",
    "flan-t5": "google/flan-t5-small google/flan-t5-xxl",
    "rwkv-4-pile": "RWKV/rwkv-4-169m-pile RWKV/rwkv-4-1b5-pile",
    "pythia-step3000": "pythia-70m-step3000 pythia-1.4b-step3000",
    "mixtral-instruct-v0.1-moe": "mistralai/Mixtral-8x7B-Instruct-v0.1 "
    "mistralai/Mixtral-8x22B-Instruct-v0.1",
    # other recipes than those above, of which some differ in a word only
    "llama-3": "meta-llama/Meta-Llama-3-8B",
    "llama-2": "Llama_2_7b",
    "llama-3.2": "meta-llama/Llama-3.2-1B",
    "llama-3.1-instruct": "meta-llama/Llama-3.1-8B-Instruct",
    "opt-iml": "facebook/opt-iml-1.3b",
    "opt-iml-max": "facebook/opt-iml-max-1.3b",
    "bloomz": "bigscience/bloomz-560m",
    "bloomz-mt": "bigscience/bloomz-7b1-mt",
    "qwen1.5": "Qwen/Qwen1.5-1.8B",
    "qwen1.5-moe": "Qwen/Qwen1.5-MoE-A2.7B",
    "qwen3": "Qwen/Qwen3-32B",
    "gemma": "google/gemma-2b",
    "gemma-2-it": "google/gemma-2-2b-it",
    "gemma-3n": "google/gemma-3n-E4B",
    "falcon-instruct": "tiiuae/falcon-7b-instruct",
    "falcon3-base": "tiiuae/Falcon3-10B-Base",
    "smollm2": "HuggingFaceTB/SmolLM2-1.7B",
    "mistral-v0.1": "mistralai/Mistral-7B-v0.1",
    "mistral-v0.3": "mistralai/Mistral-7B-v0.3",
    "mistral-small-base-2501": "mistralai/Mistral-Small-24B-Base-2501",
    "olmo-2-sft": "allenai/OLMo-2-1124-7B-SFT",
    "open-llama": "openlm-research/open_llama_3b",
    "open-llama-v2": "openlm-research/open_llama_3b_v2",
    "mpt-8k": "mosaicml/mpt-7b-8k",
    "llama-2-gptq": "Llama-2-70B-GPTQ",
    "phi-3-mini-4k-instruct": "microsoft/Phi-3-mini-4k-instruct",
}


@pytest.mark.parametrize("family", TOGETHER)
def test_sizes_share_a_family_and_recipes_do_not(family):
    assert {name: family_in_name(name) for name in TOGETHER[family].split()} == dict.fromkeys(
        TOGETHER[family].split(), family
    )


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("Qwen/Qwen-1_8B", 1.8e9),
        ("stabilityai/stablelm-2-1_6b", 1.6e9),
        ("llama_2_7b", 7e9),
        ("gpt2_124M", 124e6),
        ("pythia-1p4b", 1.4e9),
        ("01-ai/Yi-34B-200K", 34e9),
        ("mosaicml/mpt-7b-8k", 7e9),
        ("Qwen/Qwen2.5-7B-Instruct-1M", 7e9),
        ("TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", 1.1e9),
        ("TinyLlama/TinyLlama-1.1B-step-50K-105b", 1.1e9),
        ("LLaMA7B", 7e9),
        ("stories15M", 15e6),
    ],
)
def test_parameters_are_told_from_versions_contexts_and_tokens(name, params):
    size = size_in_name(name)
    assert size is not None
    assert size.params == params


@pytest.mark.parametrize(
    "name", ["microsoft/Phi-3-mini-4k-instruct", "gpt-4-32k", "claude-3-100k", "gemma-3n-E4B"]
)
def test_a_length_of_context_is_no_size(name):
    assert size_in_name(name) is None


def test_thousands_of_steps_are_thousands():
    assert revision("intermediate-step-1431k-3T").step == 1_431_000
    assert revision("step1431kernel").step == 1431


def test_a_size_that_the_table_lacks_joins_its_sisters():
    models = read_models()
    for lacking, sister in (
        ("facebook/xglm-2.9B", "facebook/xglm-564M"),
        ("facebook/opt-175b", "facebook/opt-66b"),
        ("Qwen/Qwen-1_8B", "Qwen/Qwen-7B"),
        ("allenai/OLMo-2-0325-32B", "allenai/OLMo-2-1124-7B"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-70B"),
        ("cerebras/Cerebras-GPT-13B", "cerebras/Cerebras-GPT-111M"),
    ):
        known = models.get(sister)
        assert known is not None
        assert models.family(lacking) == known.family
    # a recipe of its own stays one
    for name in ("facebook/opt-iml-30b", "bigscience/bloomz-7b1", "meta-llama/Llama-3.2-1B"):
        assert models.family(name) == family_in_name(name)


def test_a_line_of_its_own_tells_where_two_families_could_be_meant(tmp_path):
    table = tmp_path / "models.csv"
    table.write_text("model,family\nx-1b,First\nx-2b,Second\n")
    models = read_models(table)
    assert models.family("x-3b") == "x"


def test_xglm_imports_as_one_family(tmp_path):
    sizes = ("564M", "1.7B", "2.9B", "4.5B", "7.5B")
    rows = "".join(f"facebook/xglm-{size},{20 + i}\n" for i, size in enumerate(sizes))
    (tmp_path / "t.csv").write_text("Model,Score\n" + rows)
    told = {"model": "Model", "tasks": {"Score": "exact_match/100"}}
    frame = import_results("wide", tmp_path / "t.csv", columns=told).frame
    assert set(frame["family"]) == {"XGLM"}
    assert frame["params"].tolist() == [5.64e8, 1.7e9, 2.9e9, 4.5e9, 7.5e9]


def test_models_named_by_size_alone_share_a_family(tmp_path):
    (tmp_path / "t.csv").write_text("Model,Score\n70M,20\n1.4B,30\n12b,40\n")
    told = {"model": "Model", "tasks": {"Score": "exact_match/100"}}
    frame = import_results("wide", tmp_path / "t.csv", columns=told).frame
    assert len(set(frame["family"])) == 1


def test_every_shipped_line_is_found_by_its_own_name():
    models = read_models()
    assert key("stabilityai/stablelm-2-1_6b") == "stablelm-2-1.6b"
    known = models.get("stabilityai/stablelm-2-1_6b")
    assert known is not None
    assert known.params == 1.6e9
