import subprocess
import sys

import pandas as pd
import pytest

from emergent_stats.results import corpus
from emergent_stats.results.shipped import did_you_mean, names


def test_names_are_those_of_the_studies():
    assert names() == corpus.studies()["study"].tolist()


def test_hints_look_past_case_stars_and_parts():
    known = ["3D+", "3D-", "LAMBADA", "PIQA"]
    assert did_you_mean("lambda", known) == "did you mean 'LAMBADA'? "
    assert did_you_mean("*ambad*", known) == "did you mean 'LAMBADA'? "
    assert did_you_mean("3d", known) in (
        "did you mean '3D+' or '3D-'? ",
        "did you mean '3D-' or '3D+'? ",
    )
    assert did_you_mean("zzz", known) == ""


def test_names_load_nothing_heavy():
    code = (
        "from emergent_stats.results.shipped import names; names(); "
        "import sys; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split()[0] == "False"


def one_row(**more):
    row = dict(study="s", family="f", model="m", task="t", metric="exact_match", score=0.5)
    return pd.DataFrame([row | more])


def test_parameters_are_params():
    table = corpus.validate(one_row(Parameters=1e9))
    assert table["params"].tolist() == [1e9]
    assert table.attrs["notes"] == ()
    with pytest.raises(corpus.ResultsError, match="the column 'params' stands twice"):
        corpus.validate(one_row(parameters=1e9, params=2e9))


def test_a_wide_table_is_pointed_to_its_import():
    wide = pd.DataFrame({"model": ["a", "b"], "parameters": [1e9, 2e9], "arc": [0.3, 0.4],
                         "piqa": ["0.5", ""]})  # fmt: skip
    with pytest.raises(corpus.ResultsError, match=r"required columns missing") as caught:
        corpus.validate(wide, "mine.csv")
    assert "emergent-stats import wide mine.csv --columns map.toml" not in str(caught.value)
    wide["piqa"] = ["0.5", "0.6"]
    with pytest.raises(corpus.ResultsError, match=r"import wide mine\.csv --columns map\.toml"):
        corpus.validate(wide, "mine.csv")
    with pytest.raises(corpus.ResultsError) as caught:
        corpus.validate(one_row(params=1e9, a=1, b=2).drop(columns="study"), "mine.csv")
    assert "import wide" not in str(caught.value)
