import arviz as az
import matplotlib
import numpy as np
import pytest
import xarray as xr

from emergent_stats.bayes.sampling import finish, load_sample, save

matplotlib.use("Agg")


@pytest.fixture
def tree():
    rng = np.random.default_rng(0)
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "slope": (dims, rng.standard_normal((4, 200))),
            "trend": ((*dims, "model"), rng.standard_normal((4, 200, 3))),
        },
        coords={"chain": range(4), "draw": range(200)},
    )
    raw = xr.DataTree.from_dict(
        {"sample_stats": xr.Dataset({"diverging": (dims, np.zeros((4, 200), bool))})}
    )
    names = {"model": ["a", "b", "c"]}
    return finish(
        raw, posterior.assign_coords(names), {"score": ("model", np.arange(3.0))},
        {"axis_values": ("model", np.arange(3.0))}, names, {"hypothesis": "line", "seed": 1},
    )  # fmt: skip


def test_groups_and_remarks(tree):
    assert set(tree.children) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    assert list(tree["observed_data"]["model"].to_numpy()) == ["a", "b", "c"]
    assert tree.attrs["hypothesis"] == "line"
    assert tree.attrs["diagnostics"] == ""


def test_saved_and_loaded_back_equal(tree, tmp_path):
    save(tree, tmp_path / "fit.zarr")
    again = load_sample(tmp_path / "fit.zarr")
    xr.testing.assert_identical(tree, again)
    # saving again replaces it, and nothing is left beside it
    save(again, tmp_path / "fit.zarr")
    xr.testing.assert_identical(tree, load_sample(tmp_path / "fit.zarr"))
    assert [p.name for p in tmp_path.iterdir()] == ["fit.zarr"]


def test_refusals(tree, tmp_path):
    with pytest.raises(ValueError, match=r"'fit.nc' must end in .zarr"):
        save(tree, tmp_path / "fit.nc")
    (tmp_path / "mine.zarr").mkdir()
    with pytest.raises(ValueError, match="is there already and is no zarr store"):
        save(tree, tmp_path / "mine.zarr")
    with pytest.raises(ValueError, match="no saved sample at"):
        load_sample(tmp_path / "none.zarr")


def test_arviz_plots_work_on_it_as_it_is(tree):
    az.plot_dist(tree, var_names=["slope"], backend="matplotlib")
    az.plot_trace(tree, var_names=["slope"], backend="matplotlib")
    assert az.summary(tree, var_names=["slope"]).shape[0] == 1
    matplotlib.pyplot.close("all")
