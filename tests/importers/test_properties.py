"""Whatever stands in a file, an importer returns a valid table or one ResultsError."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emergent_stats.importers import IMPORTERS, import_results
from emergent_stats.importers.counts import recover_n
from emergent_stats.importers.declare import Declared
from emergent_stats.importers.names import clean, key, revision, size_in_name
from emergent_stats.importers.reading import parse_json
from emergent_stats.model.metrics import METRICS
from emergent_stats.results.corpus import ResultsError, validate

SAMPLES = Path(__file__).parents[1] / "samples"
RUN = "EleutherAI__pythia-70m/results_2026-01-01T00-00-00.000000.json"
CHOICE = "EleutherAI__pythia-70m/samples_tiny_choice_2026-01-01T00-00-00.000000.jsonl"
WORD = "EleutherAI__pythia-70m/samples_tiny_word_2026-01-01T00-00-00.000000.jsonl"
GENERATE = "EleutherAI__pythia-70m/samples_tiny_generate_2026-01-01T00-00-00.000000.jsonl"
BIGBENCH = "simple_arithmetic_json_multiple_choice/results/scores_Dummy_T=0_2m.json"
#: Format, file of its sample folder that is mangled, options.
CASES = {
    "lm-eval": ("lm-eval", RUN, {}),
    "lm-eval choices": ("lm-eval", CHOICE, {"items": True}),
    "lm-eval likelihoods": ("lm-eval", WORD, {}),
    "lm-eval generations": ("lm-eval", GENERATE, {"items": True}),
    "helm spec": ("helm", "simple_mcqa,model=simple_model1/run_spec.json", {}),
    "helm stats": ("helm", "simple_mcqa,model=simple_model1/stats.json", {}),
    "bigbench": ("bigbench", BIGBENCH, {}),
    "metr": ("metr", "runs.jsonl", {}),
    "inspect": ("inspect", "choice_pythia-70m.json", {"items": True}),
    "inspect archive": ("inspect", "sum_pythia-70m.eval", {}),
    "eee": ("eee", "tiny_choice_EleutherAI__pythia-70m.json", {}),
}
PACKAGES = {"inspect": "inspect_ai"}

MODELS = """model,family,params,tokens
pythia-70m,pythia,7e7,3e11
model1,simple,1e9,
GPT-2,gpt,1.5e9,
"""
#: An example imports a whole folder: a quarter of those of other properties.
FEW = settings(max_examples=settings.default.max_examples // 4)
#: Finite numbers whose square, inverse, exponential or sum no float holds, or that are too long.
EXTREMES = (1.3e154, -1.3e154, 1.7e308, -1.7e308, 5e-324, 10**400)
JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["N/A", " ", "../../x", "=1+1", "1e999", [], {}, [1], {"a": None}, -1, 45.0]),
    st.sampled_from(EXTREMES),
)


cases = pytest.mark.parametrize(
    ("form", "file", "options"),
    [
        pytest.param(
            *case,
            id=name,
            marks=pytest.mark.skipif(
                case[0] in PACKAGES and find_spec(PACKAGES[case[0]]) is None,
                reason=f"the package that reads {case[0]} is not installed",
            ),
        )
        for name, case in CASES.items()
    ],
)


def attempt(form: str, path: Path, **options: Any) -> tuple[Any, str]:
    """Report of an import, or the text of its ResultsError; any other exception fails the test."""
    try:
        return import_results(form, path, **options), ""
    except ResultsError as error:
        return None, str(error)


def place(form: str, file: str, folder: Path) -> Path:
    """Copy a sample and what stands beside it into `folder`, with a models table."""
    root = folder / form
    (root / file).parent.mkdir(parents=True)
    for beside in (SAMPLES / form / file).parent.iterdir():
        if beside.name == Path(file).name or (
            beside.suffix in (".json", ".jsonl") and form in ("lm-eval", "helm")
        ):
            shutil.copyfile(beside, (root / file).parent / beside.name)
    (folder / "models.csv").write_text(MODELS, encoding="utf-8")
    return root


def outcome(form: str, file: str, options: dict[str, Any], change: Callable[[bytes], bytes]) -> Any:
    """Import a copy of the sample in which `file` was changed; the report or the error's text."""
    with tempfile.TemporaryDirectory() as folder:
        root = place(form, file, Path(folder))
        (root / file).write_bytes(change((SAMPLES / form / file).read_bytes()))
        models = Path(folder) / "models.csv"
        before = sorted(Path(folder).rglob("*"))
        report, said = attempt(form, root, models=models, **options)
        assert sorted(Path(folder).rglob("*")) == before
        if report is None:
            assert said.strip()
            return said
        low = report.frame["metric"].map(lambda metric: METRICS[metric].range[0])
        high = report.frame["metric"].map(lambda metric: METRICS[metric].range[1])
        assert report.frame["score"].between(low, high).all()
        assert validate(report.frame).equals(report.frame)
        assert report.text
        return report


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead there."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for step, each in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(each, (*path, step))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any, drop: bool) -> Any:
    """Copy of `value` with the place at `path` replaced, or left out."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return copy


@cases
@given(data=st.data())
@FEW
def test_one_value_replaced_or_missing(form, file, options, data):
    lines = file.endswith(".jsonl")

    def change(content: bytes) -> bytes:
        if file.endswith(".eval"):
            place = data.draw(st.integers(0, len(content) - 1))
            return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        records = content.splitlines() if lines else [content]
        number = data.draw(st.integers(0, len(records) - 1))
        value = json.loads(records[number])
        path = data.draw(st.sampled_from(places(value)))
        new = data.draw(JSON_VALUES)
        value = put(value, path, new, data.draw(st.booleans()))
        records[number] = json.dumps(value).encode()
        return b"\n".join(records)

    outcome(form, file, options, change)


@pytest.mark.parametrize(
    ("form", "file", "options"), [case for case in CASES.values() if case[1].endswith(".jsonl")]
)
def test_bytes_that_are_no_text_are_one_message(form, file, options):
    said = outcome(form, file, options, lambda content: content.replace(b'"', b'"\xcc', 1))
    assert "is not UTF-8 text" in str(said if isinstance(said, str) else said.dropped)


def numbers(value: Any) -> list[tuple[Any, ...]]:
    """Places of numbers, also those written as text, one for each place of the same keys."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for path in places(value):
        inner = value
        for step in path:
            inner = inner[step]
        with contextlib.suppress(ValueError):
            if isinstance(inner, int | float | str) and not isinstance(inner, bool):
                float(inner)
                found.setdefault(tuple(s for s in path if isinstance(s, str)), path)
    return list(found.values())


@cases
@pytest.mark.parametrize("share", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_every_number_made_extreme(form, file, options, tmp_path, share):
    """Every number made every extreme; by default a third of them, others for the next number."""
    if file.endswith(".eval"):
        pytest.skip("an archive of what the other file holds")
    first, *rest = (SAMPLES / form / file).read_bytes().split(b"\n" if "jsonl" in file else b"\0")
    value = json.loads(first)
    root = place(form, file, tmp_path)
    for i, path in enumerate(numbers(value)):
        inner = value
        for step in path:
            inner = inner[step]
        for extreme in EXTREMES[i % share :: share]:
            new = str(extreme) if isinstance(inner, str) else extreme
            record = json.dumps(put(value, path, new, False)).encode()
            (root / file).write_bytes(b"\n".join([record, *rest]))
            report, said = attempt(form, root, models=tmp_path / "models.csv", **options)
            assert report is not None or said.strip()


@cases
@given(data=st.data())
@FEW
def test_file_cut_short(form, file, options, data):
    outcome(form, file, options, lambda content: content[: data.draw(st.integers(0, len(content)))])


@cases
@given(junk=st.binary(max_size=60))
@example(junk=b"")
@example(junk=b"null")
@example(junk=b"[" * 5000)
@example(junk=b'{"results": 1e999}')
@FEW
def test_something_else_altogether(form, file, options, junk):
    if form not in ("lm-eval", "helm"):
        assert isinstance(outcome(form, file, options, lambda _: junk), str)
    else:
        outcome(form, file, options, lambda _: junk)


@given(
    value=st.recursive(
        JSON_VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
@FEW
def test_wide_column_maps(value):
    for plan in (
        {"model": "Model", "tasks": {"PPL": value}},
        {"model": value, "tasks": value},
        value,
    ):
        report, said = attempt("wide", SAMPLES / "wide" / "leaderboard.csv", columns=plan)
        assert report is not None or said


@given(p=st.integers(0, 3000), n=st.integers(2, 3000))
def test_n_is_recovered_exactly_from_unrounded_figures(p, n):
    k = min(p, n)
    score = k / n
    stderr = (score * (1 - score) / (n - 1)) ** 0.5
    found = recover_n(score, stderr)
    if 0 < k < n:
        assert (found.n, found.exact) == (n, True)
    else:
        assert found.n is None
        assert "not certainty" in str(found.problem)


@given(score=st.floats(), stderr=st.floats())
def test_recover_n_never_fails(score, stderr):
    found = recover_n(score, stderr)
    assert found.n is None or found.n >= 2


@given(
    value=st.floats(),
    metric=st.sampled_from(sorted(METRICS)),
    top=st.sampled_from([1, 2, 100]),
)
def test_a_declared_score_is_in_range_or_has_a_problem(value, metric, top):
    low, high = METRICS[metric].range
    declared = Declared(metric, top if high < 10 else None)
    if declared.problem(value) is None:
        assert low - 1e-6 <= declared.convert(value) <= high + 1e-6


@given(text=st.text())
def test_names_are_one_printable_line_and_cleaning_twice_changes_nothing(text):
    name = clean(text)
    assert name == clean(name)
    assert name.isprintable() or not name
    assert "\n" not in name
    key(name)
    size = size_in_name(name)
    assert size is None or 1e3 <= size.params <= 1e14
    revision(name)


@given(data=st.binary(max_size=200))
def test_parse_json_returns_or_raises_results_error(data):
    said = "file.json"
    try:
        parse_json(data, "file.json")
    except ResultsError as error:
        said = str(error)
    assert said.startswith("file.json")


def test_every_format_is_tried():
    assert {form for form, _, _ in CASES.values()} | {"wide"} == set(IMPORTERS)
