import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from emergent_stats.cli.commands import app
from emergent_stats.results.files import ResultsError
from emergent_stats.several.joint_model import JOINT_ACCOUNTS

LAMBADA = ["gpt3", "--task", "LAMBADA", "--shots", "0"]
EVIL = "<script>alert(1)</script> [red]x[/red]"


def run(*args):
    return CliRunner().invoke(app, list(args), catch_exceptions=False)


def seeds_table(path, task="sums", seeds=6):
    """Exact match of several runs at five scales, some of which have broken through."""
    rng = np.random.default_rng(3)
    rows = []
    for k, params in enumerate([1e7, 1e8, 1e9, 1e10, 1e11]):
        for seed in range(seeds):
            ahead = rng.random() < (0.0, 0.2, 0.5, 0.8, 0.9)[k]
            p = np.exp(-np.log(2) * np.exp(-(-1 + 0.2 * k + 2 * ahead)))
            rows.append(
                dict(study="mine", family="F", model=f"m{k}-{seed}", task=task,
                     metric="exact_match", params=params, seed=seed, n=300,
                     score=rng.binomial(300, p) / 300)
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)


def test_pair_of_a_shipped_study(tmp_path):
    out, page, figure = (tmp_path / n for n in ("rows.csv", "page.html", "pair.svg"))
    done = run(
        "pair", *LAMBADA, "--json", "--out", str(out), "--html", str(page), "--plot", str(figure)
    )
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout)
    assert row["metrics"] == "perplexity, exact_match"
    assert row["verdict"] == "gradual"
    assert sum(row[f"p_{a}"] for a in JOINT_ACCOUNTS) == pytest.approx(1.0, abs=1e-9)
    assert pd.read_csv(out)["p_gradual"][0] == row["p_gradual"]
    assert figure.read_text().count("<svg") == 1
    html = page.read_text()
    assert "default-src 'none'" in html
    # nothing but names of XML: no address that a browser would ask for
    addresses = set(re.findall(r"https?://[^\"' >]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert all(name.startswith("f0-") for name in ids)
    assert all(f'id="{name}"' in html for name in re.findall(r"url\(#([^)]+)\)", html))


def test_pair_says_what_is_there_where_no_task_has_two_metrics():
    with pytest.raises(ResultsError, match=r"no task has two metrics of the same models; tasks"):
        run("pair", "bigbench-bigg")


def test_a_figure_holds_one_task():
    with pytest.raises(ResultsError, match=r"3 tasks match and --plot draws one"):
        run("pair", "gpt3", "--task", "LAMBADA", "--plot", "x.png")


def test_names_are_escaped_in_page_and_table(tmp_path):
    table, page = tmp_path / "mine.csv", tmp_path / "page.html"
    seeds_table(table, task=EVIL, seeds=2)
    done = run("seeds", str(table), "--html", str(page))
    assert done.exit_code == 0
    html = page.read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "[red]x" in done.stdout.replace("\n", "").replace(" ", "")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_seeds_form_two_groups(tmp_path):
    table = tmp_path / "mine.csv"
    seeds_table(table)
    done = run("seeds", str(table), "--json", "--plot", str(tmp_path / "seeds.png"))
    (row,) = json.loads(done.stdout)
    assert (row["verdict"], row["m"], row["scales"]) == ("bimodal", 30, 5)
    assert (tmp_path / "seeds.png").stat().st_size > 10_000


def test_seeds_need_a_column(tmp_path):
    with pytest.raises(ResultsError, match=r"no task has two seeds: 0 in the column seed"):
        run("seeds", "gpt3")


def test_test_of_many_tasks_points_to_discover(capsys):
    from emergent_stats.cli.several_listing import MANY, point_to_discover
    from emergent_stats.model.curve import Curve

    class Found:
        def __init__(self, task):
            self.curve = Curve([1e8, 1e9], [0.1, 0.2], "exact_match", n=9,
                               key={"study": "s", "task": task})  # fmt: skip

    point_to_discover("s", [Found(f"t{i}") for i in range(MANY - 1)])
    assert capsys.readouterr().err == ""
    point_to_discover("s", [Found(f"t{i}") for i in range(MANY)])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "emergent-stats discover s" in said.err
