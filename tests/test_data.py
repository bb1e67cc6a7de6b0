"""Every shipped study: valid, traceable, and rebuilt from the published files where they are."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from emergent_stats.results.corpus import (
    AXES,
    COLUMNS,
    SERIES_KEY,
    ResultsError,
    about,
    data_dir,
    load,
    published_claims,
    read,
    series,
    studies,
    validate,
)

DATA = Path(__file__).resolve().parents[1] / "data"
SOURCES = DATA.parents[1] / "shared" / "sources"
STUDIES = sorted(path.parent.name for path in DATA.glob("*/source.toml"))
SCORED = [name for name in STUDIES if (DATA / name / "results.parquet").exists()]

needs_sources = pytest.mark.skipif(not SOURCES.is_dir(), reason="published files are not here")


def script(name: str):
    """A module of the data folder, which is no package."""
    sys.path.insert(0, str(DATA))
    try:
        spec = importlib.util.spec_from_file_location(f"data_{name}", DATA / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(DATA))
    return module


def rows(study: str, **where) -> pd.DataFrame:
    frame = load(study)
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame


# --- a study of one's own -------------------------------------------------------------
STRANGER = {
    "source.toml": """
title = "Arithmetic of four made-up models"
authors = ["A. Uthor"]
year = 2026
venue = "A test"
kind = "misc"
licence = "CC0"
slug = "made-up"
summary = "Four sizes of one family."
series = "1 series of 4 sizes"
""",
    "build.py": """
import buildtools as tools


def build(upstream):
    return tools.table(
        [
            {
                "family": "F", "model": row["model"], "task": "sums", "metric": "exact_match",
                "params": float(row["params"]), "score": tools.proportion(row["percent"]),
                "n": 200, "source": "scores.csv",
            }
            for row in upstream.rows("scores.csv")
        ],
        "sums",
    )
""",
}


@pytest.fixture
def stranger(tmp_path):
    """A checkout with one study more, and the folder of its published files."""
    data, raw = tmp_path / "data", tmp_path / "published" / "made-up" / "raw"
    for part in ("data", "emergent_stats"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(DATA.parent / part, tmp_path / part, ignore=skipped)
    (data / "sums").mkdir()
    for name, text in STRANGER.items():
        (data / "sums" / name).write_text(text.lstrip(), encoding="utf-8")
    raw.mkdir(parents=True)
    lines = [f"m{i},{10 ** (7 + i)},{score}" for i, score in enumerate((0.5, 1.0, 20.5, 61))]
    (raw / "scores.csv").write_text("model,params,percent\n" + "\n".join(lines) + "\n")
    return tmp_path


def build(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    code = [sys.executable, str(folder / "data" / "build.py"), str(folder / "published")]
    return subprocess.run([*code, *arguments], cwd=folder, capture_output=True, text=True)


def test_a_study_is_one_folder(stranger):
    before = {p: p.read_bytes() for p in (stranger / "data").rglob("*") if p.is_file()}
    made = build(stranger, "--study", "sums")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == "3 files, 3 changed"
    readme = (stranger / "data" / "README.md").read_text(encoding="utf-8")
    assert "| [`sums`](#sums) | 1 | 4 | params | exact_match | CC0 |" in readme
    assert len(read(stranger / "data" / "sums" / "results.parquet")) == 4
    after = {p: p.read_bytes() for p in before}
    names = {p.relative_to(stranger / "data").as_posix() for p in before if before[p] != after[p]}
    assert names == {"README.md", "sums/source.toml"}


def test_a_study_that_cannot_be_built_is_one_message(stranger):
    unknown = build(stranger, "--study", "products")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("no study 'products': data/products/ needs build.py and")
    scores = stranger / "published" / "made-up" / "raw" / "scores.csv"
    scores.write_text(scores.read_text().replace("61", "610"))
    wrong = build(stranger, "--study", "sums")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "score 6.1 is above 1, the top of 'exact_match'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert not (stranger / "data" / "sums" / "results.parquet").exists()


def test_make_data_takes_a_study_and_its_sources():
    made = shutil.which("make")
    if made is None:
        pytest.skip("make is not here")
    asked = [made, "-n", "data", "STUDY=sums", "SOURCES=some where"]
    run = subprocess.run(asked, cwd=DATA.parent, capture_output=True, text=True)
    assert "data/build.py 'some where' --study 'sums'" in run.stdout


# --- all studies -----------------------------------------------------------------------
def test_the_data_folder_is_the_one_that_is_loaded():
    assert data_dir() == DATA
    assert list(studies()["study"]) == STUDIES


def test_all_tables_together_are_small():
    size = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    assert size < 3_000_000


@pytest.fixture(scope="module")
def rebuilt() -> dict[Path, bytes]:
    """Every built file, made anew from the published files."""
    return script("build").everything(SOURCES)


@needs_sources
@pytest.mark.parametrize("study", STUDIES)
def test_rebuilt_from_the_published_files(study, rebuilt):
    (shipped,) = DATA.glob(f"{study}/*.parquet")
    old = pq.ParquetFile(shipped)
    new = pq.ParquetFile(io.BytesIO(rebuilt[shipped]))
    assert new.read().equals(old.read())
    if old.metadata.created_by == new.metadata.created_by:
        assert rebuilt[shipped] == shipped.read_bytes()
    assert rebuilt[DATA / study / "source.toml"] == (DATA / study / "source.toml").read_bytes()


@needs_sources
def test_models_are_rebuilt_from_the_published_files(rebuilt):
    assert rebuilt[DATA / "models.csv"] == (DATA / "models.csv").read_bytes()


def test_readme_is_the_one_the_source_files_give():
    assert script("buildreadme").readme() == (DATA / "README.md").read_text(encoding="utf-8")


@needs_sources
@pytest.mark.parametrize("study", STUDIES)
def test_upstream_files_are_the_ones_their_publisher_gave(study):
    listed = SOURCES / about(study)["slug"] / "SHA256SUMS"
    sums = dict(reversed(line.split(maxsplit=1)) for line in listed.read_text().splitlines())
    for path, digest in about(study)["files"].items():
        assert sums[f"raw/{path}"] == digest


@pytest.mark.parametrize("study", STUDIES)
def test_citation_and_origin_are_complete(study):
    info = about(study)
    for name in ("title", "authors", "year", "licence", "slug", "summary", "obtained", "files"):
        assert info[name], name
    assert re.fullmatch(r"\d{4}\.\d{4,5}", info["arxiv"])
    assert info["kind"] in ("article", "inproceedings", "misc")
    if "repository" in info:
        assert re.fullmatch(r"[0-9a-f]{40}", info["commit"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in info["files"].values())
    assert info["traps"]
    assert info["left_out"]


@pytest.mark.parametrize("study", SCORED)
def test_every_row_is_valid_and_traceable(study):
    frame = load(study)
    assert frame.attrs["notes"] == ()
    assert (frame["study"] == study).all()
    assert frame["source"].notna().all()
    filled = {name: frame[name].notna() for name in COLUMNS}
    for names, group in frame.groupby("assumed"):
        for name in str(names).split(","):
            assert name in COLUMNS
            assert filled[name][group.index].all(), (names, name)
    pd.testing.assert_frame_equal(validate(frame), frame)


@pytest.mark.parametrize("study", SCORED)
def test_every_series_varies_along_an_axis_and_has_one_chance_level(study):
    frame = load(study)
    groups = frame.groupby(SERIES_KEY, dropna=False)
    assert groups["chance"].nunique(dropna=False).max() == 1
    varied = groups[list(AXES)].nunique().max(axis=1)
    assert (varied[groups.size() > 1] > 1).all()
    assert not frame.duplicated([*SERIES_KEY, "model", *AXES]).any()


# --- studies, against the figures their papers print ------------------------------------
def test_gpt3_is_189_series_of_8_sizes():
    frame = load("gpt3")
    lengths = [len(group) for _, group in series(frame)]
    assert lengths == [8] * 189
    assert sorted(frame["params"].unique())[-1] == 174.6e9
    assert sorted(frame["flops"].unique())[0] == 2.25e20


def test_gpt3_three_digit_arithmetic():
    few = {"shots": 50, "metric": "exact_match"}
    minus = rows("gpt3", task="3D-", **few)
    assert minus["score"].tolist() == [
        0.0005, 0.001, 0.0015, 0.0035, 0.0065, 0.0105, 0.092, 0.942,
    ]  # fmt: skip
    assert (minus["n"] == 2000).all()
    assert (minus["assumed"] == "chance").all()
    plus = rows("gpt3", task="3D+", **few)
    assert plus["score"].tolist()[-2:] == [0.084, 0.804]


def test_gpt3_lambada_pair_and_bleu_twins():
    pair = rows("gpt3", task="LAMBADA", shots=0)
    assert pair.loc[pair["metric"] == "perplexity", "score"].tolist() == [
        18.6, 9.09, 6.53, 5.44, 4.6, 4.0, 3.56, 3.0,
    ]  # fmt: skip
    assert pair.loc[pair["metric"] == "exact_match", "score"].tolist()[-1] == 0.762
    twins = load("gpt3").query("metric == 'bleu'")["task"].unique()
    assert len(twins) == 12
    assert "Ro→En 16 (multi-bleu)" in twins
    assert "Ro→En 16 (sacreBLEU)" in twins


def test_gpt3_counts_are_whole_to_the_printed_rounding():
    frame = rows("gpt3").query("metric in ('exact_match', 'multiple_choice') and n.notna()")
    n = frame["n"].to_numpy(float)
    percent = frame["score"].to_numpy() * 100
    # three significant digits, and two decimals below 10 %
    half = np.where(percent >= 99.95, 0.05, np.where(percent >= 10, 0.05, 0.005)) / 100
    gap = np.abs(np.round(frame["score"] * n) / n - frame["score"])
    odd = frame[gap > half + 1e-9]
    assert sorted(odd["task"]) == ["2D+", "SAT Analogies", "Winograd", "Winograd"]


def test_bigbench_counts():
    frame = load("bigbench-bigg")
    assert len(frame) == 85 * 12
    right = frame["score"] * frame["n"].astype(float)
    np.testing.assert_allclose(right, right.round(), atol=1e-9)
    arithmetic = rows("bigbench-bigg", task="modified_arithmetic")
    assert (arithmetic["score"] * 204).round().tolist() == [0] * 11 + [27]
    words = rows("bigbench-bigg", task="word_unscrambling")
    assert round(words["score"].iloc[-1] * 205) == 34
    smooth = rows("bigbench-bigg", task="linguistic_mappings")["score"].round(2).tolist()
    assert smooth == [0, 0.01, 0.05, 0.13, 0.28, 0.29, 0.46, 0.44, 0.53, 0.54, 0.57, 0.65]
    by_task = frame.drop_duplicates("task")
    assert (by_task["metric"] == "multiple_choice").sum() == 62
    assert (by_task["chance"] == 0).sum() == 22
    assert by_task.loc[by_task["chance"].isna(), "task"].tolist() == ["chess_state_tracking"]


def test_pythia_addition_by_size_and_by_step():
    where = {"task": "arithmetic_addition", "shots": 16}
    sizes = rows("pythia", family="pythia-v0-deduped", **where)
    assert sizes["score"].round(3).tolist() == [0.018, 0.035, 0.032, 0.051, 0.685, 0.477, 0.874]
    assert (sizes["n"] == 5000).all()
    training = rows("pythia", family="pythia-v0-12b-deduped training", **where)
    assert training["step"].tolist() == [13e3, 39e3, 65e3, 91e3, 117e3, 143e3]
    assert training["score"].round(3).tolist() == [0.029, 0.1, 0.333, 0.688, 0.847, 0.874]


def test_pythia_lambada_pair_in_training():
    where = {"family": "pythia-12b training", "task": "lambada_openai", "shots": 0}
    steps = [128, 256, 512, 1000, 3000, 13000, 143000]
    accuracy = rows("pythia", metric="exact_match", **where).set_index("step")
    assert accuracy["score"][steps].round(3).tolist() == [0, 0, 0, 0.043, 0.312, 0.535, 0.705]
    assert (accuracy["n"] == 5153).all()
    perplexity = rows("pythia", metric="perplexity", **where).set_index("step")["score"]
    np.testing.assert_allclose(
        perplexity[steps], [2.6e6, 7.4e5, 1.7e5, 4354, 42, 9.1, 3.9], rtol=0.02
    )
    assert accuracy["tokens"][1000.0] == 1000 * 2_097_152


def test_pythia_families_and_mmlu_at_chance():
    frame = load("pythia")
    final = frame[(frame["family"] == "pythia") & (frame["shots"] == 0)]
    assert final["params"].nunique() == 8
    assert final["step"].isna().all()
    assert frame.loc[frame["family"].str.endswith(" training"), "step"].notna().all()
    untrained = frame[frame["family"].str.endswith(" untrained")]
    assert untrained["flops"].isna().all()
    assert untrained["params"].nunique() == 8
    mmlu = final[final["task"].str.startswith("hendrycksTest-")]
    assert mmlu["task"].nunique() == 57
    assert (mmlu["chance"] == 0.25).all()
    assert abs(mmlu["score"].mean() - 0.25) < 0.03
    # a standard error is that of a mean of n zeros and ones
    share = frame[frame["stderr"].gt(0) & frame["metric"].ne("perplexity")]
    expected = np.sqrt(share["score"] * (1 - share["score"]) / (share["n"].astype(float) - 1))
    np.testing.assert_allclose(share["stderr"], expected, rtol=1e-6)


def test_obsscaling_three_digit_addition():
    where = {"task": "arithmetic_3da", "metric": "exact_match"}
    neo = rows("obsscaling", family="GPT-Neo/J", **where)
    assert neo["score"].tolist() == [0, 0.0005, 0.002, 0.323, 0.504]
    pythia = rows("obsscaling", family="Pythia", **where)
    assert pythia["score"].tolist() == [0.0005, 0, 0, 0.0005, 0.006, 0.139, 0.082, 0.12]
    assert pythia["flops"].iloc[-1] == 21.6e21
    frame = load("obsscaling")
    assert frame["family"].nunique() == 25
    assert frame["model"].nunique() == 84
    assert frame.groupby(["task", "metric"]).size().to_dict() == {
        ("arithmetic_2da", "exact_match"): 74,
        ("arithmetic_2dm", "exact_match"): 84,
        ("arithmetic_3da", "exact_match"): 74,
        ("arithmetic_3ds", "exact_match"): 84,
        ("ipa_transliterate", "bleu"): 65,
        ("ipa_transliterate", "exact_match"): 72,
        ("parsinlu_qa", "multiple_choice"): 76,
        ("word_unscrambling", "exact_match"): 84,
    }


def test_olmo_lettered_answers_leap_while_the_skill_does_not():
    steps = [45e3, 50e3, 55e3, 60e3, 65e3, 70e3, 80e3, 100e3, 120e3]
    run = rows("olmo", family="OLMo-2-7B training")
    run = run[run["step"].isin(steps) & run["task"].str.startswith("arc_easy_test")]
    series_of = {
        (task, metric): group["score"].round(3).tolist()
        for (task, metric), group in run.groupby(["task", "metric"])
    }
    assert series_of["arc_easy_test (lettered)", "multiple_choice"] == [
        0.277, 0.303, 0.285, 0.476, 0.554, 0.608, 0.643, 0.681, 0.763,
    ]  # fmt: skip
    assert series_of["arc_easy_test (cloze)", "bits_per_byte"] == [
        0.622, 0.624, 0.619, 0.618, 0.615, 0.61, 0.611, 0.602, 0.6,
    ]  # fmt: skip
    cloze = series_of["arc_easy_test (cloze)", "multiple_choice"]
    assert min(cloze) > 0.74
    assert max(cloze) < 0.8
    # both ways to write down the option probabilities agree: E[log p] <= log E[p]
    probability = series_of["arc_easy_test (cloze)", "token_accuracy"]
    loss = series_of["arc_easy_test (cloze)", "cross_entropy"]
    assert (np.array(loss) >= -np.log(probability) - 0.01).all()


def test_olmo_ladder_and_counts():
    frame = load("olmo")
    ladder = frame[frame["family"] == "ladder"]
    assert ladder["model"].nunique() == 30
    assert ladder["params"].nunique() == 5
    assert ladder["flops"].between(1e18, 2e22).all()
    np.testing.assert_allclose(
        ladder["flops"] / (ladder["params"] * ladder["tokens"]), 8, rtol=0.3
    )  # 6 a parameter and token, and what attention and embeddings add
    chosen = frame[frame["metric"] == "multiple_choice"]
    right = chosen["score"] * chosen["n"].astype(float)
    np.testing.assert_allclose(right, right.round(), atol=1e-6)
    runs = frame[frame["step"].notna()].groupby("family")["step"].nunique()
    assert runs.to_dict() == {
        "OLMo-2-13B training": 93,
        "OLMo-2-7B medlr training": 98,
        "OLMo-2-7B training": 185,
    }


def test_chain_of_thought_figures():
    gsm = rows("chain-of-thought", family="PaLM", task="GSM8K (chain of thought)")
    assert gsm["score"].tolist() == [0.041, 0.299, 0.569]
    letters = rows("chain-of-thought", family="LaMDA", task="LastLetter_2 (standard)")
    assert letters["params"].tolist() == [420e6, 2e9, 8e9, 68e9, 137e9]
    frame = load("chain-of-thought")
    assert frame["task"].nunique() == 40
    mean = rows("chain-of-thought", model="LaMDA 137B").set_index("task")["score"]
    parts = [mean[f"{t} (standard)"] for t in ("SingleOp", "SingleEq", "AddSub", "MultiArith")]
    assert abs(mean["MAWPS (standard)"] - np.mean(parts)) < 0.001


def test_claims_are_23_and_point_at_series_that_exist():
    table = published_claims()
    assert len(table) == 23
    assert table["flops"].notna().sum() == 22
    assert table.loc[0, ["params", "flops"]].tolist() == [13e9, 2.3e22]
    for claim in table[table["study"].notna()].itertuples():
        held = load(claim.study)
        held = held[held["family"] == claim.family]
        assert set(claim.tasks.split("; ")) <= set(held["task"])
    with pytest.raises(ResultsError, match="read it with published_claims"):
        load("wei-claims")
    with pytest.raises(ResultsError, match="holds scores, not claims"):
        published_claims("gpt3")


def test_open_lm_losses_and_accuracies():
    frame = load("open-lm")
    assert frame["model"].nunique() == 104
    pooled = frame[frame["family"].isin(["C4", "RedPajama", "RefinedWeb"])]
    assert len(pooled) == 104 * (46 + 8)
    c4 = pooled[pooled["task"] == "c4_val validation"]
    np.testing.assert_array_equal(c4["score"], c4["loss"])
    small = pooled[pooled["model"] == "c4_original-d=1024_l=24_h=8-0.25"].set_index("task")
    assert small.loc["lambada_openai", "score"] == 871 / 5153
    assert round(small.loc["c4_val validation", "score"], 4) == 3.5279
    assert small.loc["mmlu", "chance"] == 0.25
    # more compute, less loss: rank correlation close to -1 in each data set
    for _, group in c4.groupby("family"):
        assert group["flops"].corr(group["score"], method="spearman") < -0.9


def test_learning_curves_and_chinchilla():
    curves = load("learning-curves")
    assert len(curves) == 712
    date = curves[(curves["task"] == "date_understanding") & (curves["shots"] == 1)]
    assert len(date) == 43
    # 369 questions upstream: the first score is 56 of them
    assert date["score"].iloc[0] == pytest.approx(56 / 369, abs=1e-6)
    runs = load("chinchilla")
    assert len(runs) == 245
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])
    assert runs["score"].between(1.9, 7).all()


def test_models_have_a_source_and_agree_with_the_studies():
    frame = pd.read_csv(DATA / "models.csv").set_index("model")
    assert frame.index.is_unique
    assert frame["source"].notna().all()
    assert (frame["params"] > 0).all()
    assert frame.loc["GPT-3 175B", "flops"] == 3.14e23
    assert frame.loc["EleutherAI/pythia-12b", "params"] == 11_846_072_320
    derived = frame[frame["derived"] == "flops"]
    np.testing.assert_allclose(
        derived["flops"], 6 * derived["params"] * derived["tokens"], rtol=1e-5
    )
