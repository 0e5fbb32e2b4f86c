"""The tutorial runs, as it is written, on granules of the simulator at a stand-in for NASA's services."""

import os
import pathlib
import random
import re
import subprocess
import sys

import pytest
from clusters import gateway_server
from run_tutorial import CELL, cells
from stand_in import PROGRAM, serving

package = pytest.importorskip("swathe")
pytest.importorskip("xarray")

ROOT = pathlib.Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs/tutorial.md"
GUIDE = ROOT / "docs/from-the-notebook.md"


def test_cells_are_found():
    text = TUTORIAL.read_text()
    found = list(cells(text))
    assert len(found) == text.count("```{code-cell}") > 25
    assert all(code for _, _, code in found)
    assert {tag for _, tags, _ in found for tag in tags} == {"gateway"}
    assert CELL.search("```{code-cell} ipython3\n:tags: [a, b]\n\nx\n```\n")


def test_links_lead_somewhere():
    for page in (TUTORIAL, GUIDE):
        text = page.read_text()
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", text):
            assert (page.parent / target).exists(), target
        anchors = set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))
        assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_the_guide_names_what_there_is():
    for name in re.findall(r"swathe\.([a-z_]+)\(", GUIDE.read_text()):
        assert hasattr(package, name), name


def test_it_is_a_notebook(tmp_path):
    jupytext = pytest.importorskip("jupytext")
    notebook = jupytext.read(TUTORIAL)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == len(list(cells(TUTORIAL.read_text())))


def test_every_cell_runs(tmp_path):
    """Those for a hub too, on a real Dask Gateway whose workers have neither the package nor the token."""
    pytest.importorskip("distributed")
    pytest.importorskip("dask_gateway")
    pytest.importorskip("dask_gateway_server")
    pytest.importorskip("matplotlib")
    if not PROGRAM.exists():
        pytest.skip("the stand-in server is not built")
    folder = tmp_path / "granules"
    package.simulate(folder, count=6, clear=0.6)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EARTHDATA_", "SWATHE_", "AWS_"))}
    with serving(folder) as server:
        settings = kept | server.settings | {"NETRC": "/nonexistent", "SWATHE_CACHE": "none"}
        figures = pathlib.Path(os.environ.get("TUTORIAL_FIGURES", tmp_path / "figures"))
        command = [sys.executable, ROOT / "tests/python/run_tutorial.py", TUTORIAL, figures, "gateway"]
        secrets = ("EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD")
        workers = {k: v for k, v in server.settings.items() if k not in secrets}
        workers |= {"NETRC": "/nonexistent", "SWATHE_CACHE": "none"}
        with gateway_server(tmp_path / "gateway", workers) as (address, proxy):
            hub = {
                "DASK_GATEWAY__ADDRESS": address,
                "DASK_GATEWAY__PROXY_ADDRESS": proxy,
                "DASK_GATEWAY__AUTH__TYPE": "basic",
            }
            done = subprocess.run(command, env=settings | hub, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 figures" in done.stdout, done.stdout
    # None was left out, those for a hub least of all.
    lines = [(line, tags) for line, tags, _ in cells(TUTORIAL.read_text())]
    assert [line for line, tags in lines if "gateway" in tags]
    assert [int(line) for line in re.findall(r"^--- line (\d+)$", done.stdout, re.MULTILINE)] == [line for line, _ in lines]
    from matplotlib.image import imread

    for figure in figures.glob("*.png"):
        # Something is drawn: more than paper and ink.
        assert len({tuple(pixel) for row in imread(figure)[::4, ::4, :3] for pixel in row}) > 20, figure


@pytest.fixture(scope="module")
def stacked(tmp_path_factory):
    """Granules, a template as rioxarray makes it, and the layers that workers gave, in another order."""
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("rioxarray")
    import numpy as np
    import xarray as xr

    granules = package.simulate(tmp_path_factory.mktemp("granules"), count=4, clear=0.6)
    random.Random(1).shuffle(granules)
    tree = xr.open_datatree(granules[0], engine="h5netcdf")
    dataset = xr.merge(node.to_dataset(inherit=False) for node in tree.subtree)
    chla = dataset.set_coords(("latitude", "longitude"))["chlor_a"]
    chla = chla.rio.set_spatial_dims("pixels_per_line", "number_of_lines").rio.write_crs("epsg:4326")
    places = (chla.coords["longitude"], chla.coords["latitude"])
    template = chla.rio.reproject("epsg:4326", src_geoloc_array=places)
    template = template.rename({"x": "longitude", "y": "latitude"})
    template = template.sel(longitude=slice(-77, -73), latitude=slice(41, 36))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        futures = client.map(
            package.grid_match,
            granules,
            dst_crs=template.rio.crs,
            dst_shape=template.rio.shape,
            dst_transform=template.rio.transform(),
        )
        layers = xr.combine_nested(client.gather(futures), concat_dim="time")
    attrs = xr.open_mfdataset(
        granules, combine="nested", concat_dim="time", engine="h5netcdf", preprocess=with_time
    )
    layers["time"] = attrs["time"]
    assert np.isfinite(layers).any()
    return granules, template, layers


def millisecond(time):
    """A time of a product, whose seconds are in double precision, to the millisecond of a file's name."""
    import numpy as np

    return (np.datetime64(time, "ns") + np.timedelta64(500, "us")).astype("M8[ms]")


def with_time(dataset):
    """The start as a coordinate, as the notebook has it from the attribute."""
    import numpy as np

    start = dataset.attrs["time_coverage_start"].replace("Z", "")
    return dataset[[]].assign_coords(time=np.datetime64(start, "ns"))


def test_nasas_cells_run_with_our_function(stacked):
    import numpy as np

    granules, template, layers = stacked
    assert layers.dims == ("time", "latitude", "longitude") and layers.sizes["time"] == 4
    mean = layers.mean("time")
    assert mean.shape == template.rio.shape
    preset = package.average(granules, "chlor_a", like=template, preset="tutorial")
    # Single precision on both sides.
    np.testing.assert_allclose(preset["chlor_a"].values, mean.values, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(preset["chlor_a"].values), np.isnan(mean.values))


def test_times_stay_with_their_granules(stacked):
    import numpy as np

    granules, template, layers = stacked
    cube = package.grid(granules, "chlor_a", like=template, method="nearest", flags="none")
    starts = {package.open(path).time[0]: path for path in granules}
    assert list(cube.time.values) == sorted(cube.time.values)
    for layer in cube:
        path = starts[millisecond(layer.time.values)]
        assert str(layer.granule.values) == pathlib.Path(path).name
        alone = package.grid_match(path, template.rio.crs, template.rio.shape, template.rio.transform())
        np.testing.assert_array_equal(layer.values, alone.values)
        np.testing.assert_array_equal(layers.sortby("time").sel(time=layer.time, method="nearest").values, alone.values)
    # Some granules have nothing in a small box; the others keep their times.
    box = {"bbox": (-76.2, 36.2, -75.8, 36.6), "resolution": 0.05}
    some = package.grid(granules, "chlor_a", **box, drop_empty=True)
    for layer in some:
        alone = package.grid(starts[millisecond(layer.time.values)], "chlor_a", **box)
        np.testing.assert_array_equal(layer.values, alone.values)
