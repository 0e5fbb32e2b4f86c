"""The Python package's results beside the command's files, and beside xarray's and rioxarray's own ways."""

import io
import pathlib
import pickle
import subprocess

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.05}
WORDS = ["-b", "-77,36,-73,41", "-r", "0.05"]


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=300, count=4)


def run(swathe, *words):
    subprocess.run([swathe, *words], check=True, capture_output=True)


def assert_same(ours, file):
    """As identical() has it, and types and storage too."""
    xr.testing.assert_identical(ours, file)
    assert list(ours.data_vars) == list(file.data_vars)
    for name in ours.variables:
        assert ours[name].dtype == file[name].dtype, name
        assert ours[name].dims == file[name].dims, name
        for key in ("_FillValue", "units", "calendar", "dtype"):
            assert str(ours[name].encoding.get(key)) == str(file[name].encoding.get(key)), (
                name,
                key,
            )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        (
            {
                "stat": ["mean", "std", "max", "coverage"],
                "min_count": 2,
                "flags": ["LAND", "CLDICE"],
            },
            ["--stat", "mean,std,max,coverage", "--min-count", "2", "--flags", "LAND,CLDICE"],
        ),
        ({"preset": "tutorial"}, ["--preset", "tutorial"]),
        (
            {"variable": ["chlor_a", "poc"], "method": "bin", "weight": "granule"},
            ["-v", "chlor_a", "-v", "poc", "-m", "bin", "--weight", "granule"],
        ),
        (
            {"valid_range": (0.1, 5), "min_coverage": 0.5},
            ["--valid-range", "0.1,5", "--min-coverage", "0.5"],
        ),
    ],
)
def test_an_average_is_the_commands_file_opened(swathe, granules, tmp_path, options, words):
    run(swathe, "average", *granules, *WORDS, *words, "-o", tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as file:
        assert_same(package.average(granules, **AREA, **options), file.load())


@pytest.mark.parametrize("crs", [32618, "EPSG:32618"])
def test_a_projected_cube_is_the_commands_file_opened(swathe, granules, tmp_path, crs):
    box = ["-b", "-77,36,-73,41", "-r", "10km", "--crs", "EPSG:32618"]
    run(swathe, "grid", *granules, *box, "-o", tmp_path / "a.nc")
    ours = package.grid(granules, bbox=AREA["bbox"], resolution="10km", crs=crs)
    with xr.open_dataset(tmp_path / "a.nc") as file:
        xr.testing.assert_identical(ours, file.chlor_a.load())
    assert ours.dims == ("time", "y", "x")
    assert list(ours.granule.values) == [path.rsplit("/", 1)[1] for path in granules]


def test_outputs_are_the_commands_bytes(swathe, granules, tmp_path):
    run(swathe, "average", *granules, *WORDS, "-o", tmp_path / "a.nc", "-o", tmp_path / "a.tif")
    outputs = [tmp_path / "b.nc", tmp_path / "b.tif", tmp_path / "b.swathe"]
    average = package.average(reversed(granules), **AREA, output=outputs)
    for suffix in ("nc", "tif"):
        ours, theirs = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ba")
        assert ours == theirs
    merged = package.merge(tmp_path / "b.swathe", output=tmp_path / "c.nc")
    xr.testing.assert_identical(merged, average)
    assert (tmp_path / "c.nc").read_bytes() == (tmp_path / "a.nc").read_bytes()
    with pytest.raises(package.PlanError, match="overwrite=True"):
        package.average(granules, **AREA, output=outputs[0])


def test_kept_granules_count_once(granules, tmp_path):
    average = package.average(granules, **AREA)
    parts = [tmp_path / "a.swathe", tmp_path / "b.swathe"]
    package.average(granules, **AREA, output=parts[0], keep="granules")
    package.average(granules[:1], **AREA, output=parts[1], keep="granules")
    xr.testing.assert_identical(package.merge(parts), average)


def test_every_form_of_granules_gives_the_same(granules, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="file objects of fsspec")
    folder = granules[0].rsplit("/", 1)[0]
    paths = [pathlib.Path(path) for path in granules]
    expected = package.average(granules, **AREA)
    with open(granules[0], "rb") as plain:
        memory = io.BytesIO(plain.read())
        memory.name = granules[0].rsplit("/", 1)[1]
        local = fsspec.open(f"file://{granules[1]}").open()
        forms = [paths, folder, f"{folder}/*.nc", iter(granules), [plain, local, *granules[2:]]]
        for form in [*forms, [memory, *granules[1:]], [*granules[1:], memory]]:
            xr.testing.assert_identical(package.average(form, **AREA), expected)


def test_results_do_not_depend_on_threads(granules):
    one, three = (package.average(granules, **AREA, threads=n, stat="mean,std") for n in (1, 3))
    xr.testing.assert_identical(one, three)


def test_one_granule_has_its_own_grid_and_two_dimensions(granules):
    alone = package.grid(granules[0], resolution=0.1)
    assert alone.dims == ("lat", "lon")
    west, south, east, north = package.open(granules[0]).extent
    assert abs(alone.lon.values[0] - west) < 0.1 and abs(alone.lat.values[0] - north) < 0.1
    assert abs(alone.lon.values[-1] - east) < 0.1 and abs(alone.lat.values[-1] - south) < 0.1


def test_several_fields_are_a_data_set_and_empty_layers_can_go(granules):
    both = package.grid(granules, ["chlor_a", "poc"], **AREA)
    assert {"chlor_a", "poc"} <= set(both.data_vars)
    used = int((both.granule_status == "used").sum())
    assert used < len(granules) == both.sizes["time"]
    full = package.grid(granules, "chlor_a", **AREA, drop_empty=True)
    assert full.sizes["time"] == used
    assert bool(full.notnull().any(("lat", "lon")).all())


def test_arrays_are_handed_over_and_can_be_written(granules):
    result = package.average(granules, **AREA)
    values = result.chlor_a.values
    # numpy does not own what Rust allocated, and may write into it.
    assert not values.flags.owndata and values.flags.writeable
    result.chlor_a[:] = 1
    assert float(result.chlor_a.sum()) == result.chlor_a.size
    assert pickle.loads(pickle.dumps(result)).identical(result)


def test_results_survive_a_round_trip(granules, tmp_path):
    result = package.average(granules, **AREA)
    result.to_netcdf(tmp_path / "again.nc")
    with xr.open_dataset(tmp_path / "again.nc", decode_coords="all") as again:
        np.testing.assert_array_equal(again.chlor_a, result.chlor_a)
        assert again.chlor_a.encoding["_FillValue"] == -32767
    assert package.grid(granules[1], like=tmp_path / "again.nc").shape == result.chlor_a.shape


def template_of(result, kind):
    pytest.importorskip("rioxarray")
    array = result.chlor_a
    if kind == "dataset":
        return result
    if kind == "bare":
        return xr.DataArray(
            array.values, dims=array.dims, coords={n: array[n].values for n in array.dims}
        )
    if kind == "south up":
        return array.isel(lat=slice(None, None, -1))
    rio = array.rename(lat="y", lon="x").drop_attrs().drop_vars(["spatial_ref", "time"])
    rio = rio.rio.write_crs("epsg:4326")
    if kind == "rio transform":
        return rio.rio.write_transform()
    if kind == "one cell":
        return rio.rio.write_transform().isel(x=slice(7, 8), y=slice(9, 10))
    return rio


@pytest.mark.parametrize(
    "kind", ["dataset", "array", "bare", "south up", "rio", "rio transform", "one cell"]
)
def test_templates_give_their_grid(granules, kind):
    expected = package.average(granules, **AREA).chlor_a
    template = template_of(package.average(granules, **AREA), kind)
    ours = package.average(granules, like=template).chlor_a
    if kind == "one cell":
        expected = expected[9:10, 7:8]
    np.testing.assert_array_equal(ours, expected)
    np.testing.assert_allclose(ours.lon, expected.lon, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.lat, expected.lat, rtol=0, atol=1e-12)


def test_a_projected_template_and_its_renamed_form(granules):
    pytest.importorskip("rioxarray")
    expected = package.average(granules, bbox=AREA["bbox"], resolution="10km", crs=32618).chlor_a
    for template in (expected, expected.rename(x="longitude", y="latitude")):
        np.testing.assert_array_equal(package.average(granules, like=template).chlor_a, expected)
    assert expected.rio.crs.to_epsg() == 32618
    assert expected.rio.resolution() == (10000, -10000)


def tutorials_grid_match(path, dst_crs, dst_shape, dst_transform):
    """The way that the package's function replaces, in form."""
    tree = xr.open_datatree(path)
    array = tree["geophysical_data"]["chlor_a"]
    array = array.rio.set_spatial_dims("pixels_per_line", "number_of_lines").rio.set_crs(
        "epsg:4326"
    )
    where = (tree["navigation_data"]["longitude"], tree["navigation_data"]["latitude"])
    array = array.rio.reproject(
        dst_crs, shape=dst_shape, transform=dst_transform, src_geoloc_array=where
    )
    return array.rename({"x": "longitude", "y": "latitude"})


def test_grid_match_returns_what_the_tutorials_does(granules):
    pytest.importorskip("rioxarray")
    from affine import Affine

    transform = Affine(0.05, 0, -77, 0, -0.05, 41)
    theirs = tutorials_grid_match(granules[1], "epsg:4326", (100, 80), transform)
    ours = package.grid_match(granules[1], theirs.rio.crs, theirs.rio.shape, theirs.rio.transform())
    assert ours.dims == theirs.dims and ours.dtype == theirs.dtype and ours.name == theirs.name
    assert set(ours.coords) == set(theirs.coords)
    for name in ("latitude", "longitude"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-12)
    assert ours.rio.crs == theirs.rio.crs and ours.rio.transform() == theirs.rio.transform()
    for name in ("long_name", "units", "standard_name"):
        assert ours.attrs[name] == theirs.attrs[name]
    # The tutorial's are shifted by half a pixel: alike, not equal.
    both = np.isfinite(ours.values) & np.isfinite(theirs.values)
    assert both.sum() > 0.8 * np.isfinite(theirs.values).sum() > 500
    ratio = np.log(ours.values[both] / theirs.values[both])
    assert np.median(np.abs(ratio)) < 0.2
    for given in (tuple(transform)[:6], tuple(transform), list(transform)[:6]):
        xr.testing.assert_identical(package.grid_match(granules[1], 4326, (100, 80), given), ours)


def test_grid_match_is_one_layer_of_the_cube_and_its_mean_the_preset(granules):
    transform = (0.05, 0, -77, 0, -0.05, 41)
    matched = [package.grid_match(path, "epsg:4326", (100, 80), transform) for path in granules]
    cube = package.grid(granules, "chlor_a", **AREA, method="nearest", flags="none")
    stack = xr.combine_nested(matched, concat_dim="time")
    np.testing.assert_array_equal(stack, cube)
    preset = package.average(granules, "chlor_a", **AREA, preset="tutorial").chlor_a
    mean = stack.astype("f8").mean("time").rename(latitude="lat", longitude="lon")
    np.testing.assert_allclose(mean, preset, rtol=1e-6)
    far = package.grid_match(granules[0], "epsg:4326", (10, 20), (1, 0, 0, 0, -1, 10))
    assert far.shape == (10, 20) and bool(far.isnull().all()) and far.attrs["units"] == "mg m^-3"


def test_a_granule_as_xarray_is_what_netcdf4_reads(granules):
    granule = package.open(granules[0])
    ours = granule.to_xarray()
    tree = xr.open_datatree(granules[0], engine="netcdf4")
    theirs = xr.merge(node.to_dataset() for node in tree.subtree)
    for name in [*ours.data_vars, "latitude", "longitude"]:
        assert str(ours[name].attrs) == str(theirs[name].attrs), name
        assert ours[name].dims == theirs[name].dims
        for part in (
            (slice(None), slice(None)),
            (slice(10, 250, 7), slice(1000, 3, -9)),
            (5, slice(None)),
            (-1, -2),
            ([3, 1, 2], slice(4, 4)),
        ):
            np.testing.assert_array_equal(ours[name][part].values, theirs[name][part].values)
    assert granule.shape == (300, 1272) and granule.name in granules[0]
    assert str(granule.time[0])[:19] == theirs.attrs["time_coverage_start"][:19]
    assert ours.time.values == granule.time[0]
    # Nothing is read before it is needed, and what is not read travels light.
    assert len(pickle.dumps(granule.to_xarray())) < 200_000
    again = pickle.loads(pickle.dumps(granule.to_xarray()))
    np.testing.assert_array_equal(again.chlor_a, ours.chlor_a)
    with pytest.raises(package.errors.MissingError, match="chlor_a"):
        granule.to_xarray("chlora")
    assert package.info(granules[0])["suite"] == "OC_BGC"
    assert "LAND" in granule.flags and "chlor_a" in granule.variables


def test_a_spectral_granule_is_read_by_band(tmp_path):
    [path] = package.simulate(tmp_path, suite="aop", wavelengths=4, lines=60, count=1)
    ours = package.open(path).to_xarray("Rrs").Rrs
    theirs = xr.open_dataset(path, group="geophysical_data", engine="netcdf4").Rrs
    np.testing.assert_array_equal(ours[:, :, 2], theirs[:, :, 2])
    assert ours.encoding["preferred_chunks"] == theirs.encoding["preferred_chunks"]


def test_plans_say_what_will_be_done(granules):
    plan = package.plan(granules, **AREA)
    assert (plan.variables, plan.method, plan.shape) == (["chlor_a"], "footprint", (100, 80))
    assert plan.granules == len(granules) and plan.bounds == (-77, 36, -73, 41)
    estimate = plan.estimate()
    assert estimate.sizes["granule"] == len(granules) and int(estimate.bytes_to_read.sum()) > 0
    # The grid is of one tile.
    assert set(estimate.tiles.values) <= {0, 1} and int(estimate.tiles.sum()) > 0
    assert plan.graph() == plan.graph("svg") and "apply footprint" in plan.graph()
    assert plan.graph("mermaid").startswith("flowchart LR\n")
    with pytest.raises(ValueError, match="mermaid"):
        plan.graph("png")
    assert any("chlor_a" in note for note in plan.notes)
    xr.testing.assert_identical(plan.run(), package.average(granules, **AREA))
    assert "100 x 80" in repr(plan)


def test_notebooks_see_granules_and_plans(granules):
    from xml.etree import ElementTree

    for shown in (package.open(granules[0]), package.plan(granules, **AREA)):
        html = shown._repr_html_()
        # Well-formed: whatever a file says was escaped.
        ElementTree.fromstring(f"<div>{html}</div>")
        assert "chlor_a" in html and "<svg" in html


def test_pictures(swathe, granules, tmp_path):
    picture = package.plot(granules[0], "chlor_a", box=AREA["bbox"], robust=True, width=500)
    words = ["--box", "-77,36,-73,41", "--robust", "--width", "500", "-o", tmp_path / "a.png"]
    run(swathe, "plot", granules[0], "-v", "chlor_a", *words)
    assert picture.png == (tmp_path / "a.png").read_bytes() == picture._repr_png_()
    picture.save(tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == picture.png
    assert package.open(granules[0]).plot("poc", width=500).png != picture.png


def test_progress_is_told(granules, capfd):
    steps = []
    package.average(granules, **AREA, progress=lambda *step: steps.append(step))
    assert [step[:2] for step in steps] == [(i + 1, len(granules)) for i in range(len(granules))]
    assert {step[3] for step in steps} == {path.rsplit("/", 1)[1] for path in granules}
    assert [step[2] for step in steps] == sorted(step[2] for step in steps)
    package.average(granules, **AREA, progress=True)
    assert f"{len(granules)}/{len(granules)}" in capfd.readouterr().err


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_workers_give_the_same(granules, start):
    """Functions, granules and results travel; a fork has threads of its own."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial

    options = {"dst_crs": 4326, "dst_shape": (50, 40), "dst_transform": (0.1, 0, -77, 0, -0.1, 41)}
    function = partial(package.grid_match, **options)
    expected = [function(path) for path in granules]
    with ProcessPoolExecutor(2, multiprocessing.get_context(start)) as workers:
        for ours, theirs in zip(workers.map(function, granules), expected, strict=True):
            xr.testing.assert_identical(ours, theirs)
    granule = pickle.loads(pickle.dumps(package.open(granules[0])))
    assert granule.shape == (300, 1272)


def test_a_file_object_is_read_for_what_it_is(granules):
    memory = io.BytesIO(pathlib.Path(granules[0]).read_bytes())
    memory.name = granules[1]
    assert package.open(memory).time == package.open(granules[0]).time
    with open(granules[0], "rb") as file:
        opened = package.open(file)
    # A local file is read by its path: it may be closed.
    assert opened.to_xarray().chlor_a.shape == opened.shape


def test_times_of_products_are_those_of_granules_to_the_nanosecond(tmp_path):
    """What is stacked by hand and what is a cube have the same times, so that they align."""
    paths = package.simulate(tmp_path, lines=60, count=3)
    cube = package.grid(paths, "chlor_a", bbox=(-180, -90, 180, 90), resolution=5, method="bin")
    starts = sorted(package.open(path).time[0] for path in paths)
    assert any(time.astype("M8[ns]").astype(int) % 10**9 for time in starts)
    assert [time.astype("M8[ns]") for time in starts] == list(cube.time.values)
    assert cube.sel(time=starts[0]).shape == cube.shape[1:]


def test_a_plan_that_is_too_large_is_shown_all_the_same(tmp_path):
    """Some hundred gigabytes of sums."""
    paths = package.simulate(tmp_path, lines=20, count=2)
    stat = ["mean", "std", "min", "max", "sum", "geomean", "first", "last", "coverage"]
    plan = package.plan(paths, "chlor_a", bbox=(-180, -90, 180, 90), resolution=0.0041, stat=stat)
    assert plan.memory is None
    assert "more than there is" in plan._repr_html_()
