"""The command `sweep`: what it prints, how it stops, and what it refuses."""

import os

import pandas as pd
import pytest

from emergent_stats.collection import sweep


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "toy.csv"
    lines = [
        f"toy,Toy,m{size},t{task},exact_match,{size},0.{task},100"
        for task in range(5)
        for size in (1, 2, 3)
    ]
    header = "study,family,model,task,metric,params,score,n"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


def test_rows_are_those_of_test(run, source, tmp_path):
    out, single = tmp_path / "out", tmp_path / "single.parquet"
    assert run("sweep", source, "--out", out, "--block", 2) == (0, f"{out}: 5 series\n", "")
    assert run("test", source, "--out", single)[0] == 0
    pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(single))


def test_ctrl_c_ends_cleanly(run, source, tmp_path, monkeypatch):
    out, whole = tmp_path / "out", sweep.compare_all

    def interrupted(curves, **given):
        if (out / "block-000000.parquet").exists():
            raise KeyboardInterrupt
        return whole(curves, **given)

    monkeypatch.setattr(sweep, "compare_all", interrupted)
    status, printed, said = run("sweep", source, "--out", out, "--block", 2)
    assert (status, printed) == (130, "")
    assert said == (f"emergent-stats: stopped; finished blocks are in {out}, go on with --resume\n")
    assert [p.name for p in sorted(out.iterdir())] == ["_manifest.json", "block-000000.parquet"]
    monkeypatch.undo()
    assert run("sweep", source, "--out", out, "--resume")[0] == 0
    assert len(pd.read_parquet(out)) == 5


def test_a_log_gets_lines_with_rate_and_time_left(run, source, tmp_path, monkeypatch):
    from emergent_stats.cli import sweep_command

    monkeypatch.setattr(sweep_command, "_QUIET", 0.0)
    said = run("sweep", source, "--out", tmp_path / "out", "--block", 2)[2]
    assert "of 5 series, " in said
    assert " a second, 0 min left\n" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "1", "--resume"], "settings seed was 0, is 1"),
        ([], "holds a sweep already; go on with it by --resume"),
        (["--resume", "--scheduler", "nowhere://x"], "no scheduler answers there"),
    ],
)
def test_bad_input_is_one_message_and_status_2(run, source, tmp_path, words, message):
    out = tmp_path / "out"
    run("sweep", source, "--out", out)
    status, printed, said = run("sweep", source, "--out", out, *words)
    assert (status, printed) == (2, "")
    assert message in said
    assert "Traceback" not in said


def test_a_scheduler_that_does_not_answer_leaves_nothing_in_the_way(run, source, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    status, _, said = run("sweep", source, "--out", out, "--scheduler", "nowhere://x")
    assert (status, "no scheduler answers there" in said) == (2, True)
    # what goes on is what was begun, or nothing
    status, _, said = run("sweep", source, "--out", out, "--resume", "--seed", 1)
    assert (status, "another one: settings seed was 0, is 1" in said) == (2, True)
    assert run("sweep", source, "--out", out, "--seed", 1) == (0, f"{out}: 5 series\n", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(run, source, tmp_path):
    tmp_path.chmod(0o500)
    status, _, said = run("sweep", source, "--out", tmp_path / "out")
    tmp_path.chmod(0o700)
    assert status == 2
    assert "cannot be made (Permission denied)" in said
