"""xarray objects that are open already, file objects and templates as inputs; results in other libraries."""

import io
import pathlib
import warnings

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

from swathe._backend import SwatheBackend  # noqa: E402

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=200, count=3)


@pytest.fixture(scope="module")
def expected(granules):
    return package.average(granules, "chlor_a", **AREA)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def merged(path, engine):
    """As the tutorial merges a granule's groups."""
    tree = xr.open_datatree(path, engine=engine)
    dataset = xr.merge(node.to_dataset(inherit=False) for node in tree.subtree)
    return dataset.set_coords(("latitude", "longitude"))


FORMS = {
    "a tree of netcdf4": lambda path: xr.open_datatree(path, engine="netcdf4"),
    "a tree of h5netcdf": lambda path: xr.open_datatree(path, engine="h5netcdf"),
    "a tree of ours": lambda path: xr.open_datatree(path, engine=SwatheBackend),
    "a tree as stored": lambda path: xr.open_datatree(path, engine="netcdf4", mask_and_scale=False),
    "a tree in chunks": lambda path: xr.open_datatree(path, engine=SwatheBackend, chunks={}),
    "a merged data set": lambda path: merged(path, "netcdf4"),
    "to_xarray()": lambda path: package.open(path).to_xarray(),
    "in memory": lambda path: merged(path, "netcdf4").load(),
    "a file object": lambda path: io.BytesIO(open(path, "rb").read()),  # noqa: SIM115
    "an open granule's path": lambda path: str(path),
    "an open granule": lambda path: package.open(path),
    "a granule of a data set": lambda path: package.open(xr.open_datatree(path, engine="netcdf4")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_map(granules, expected, form):
    given = [FORMS[form](path) for path in granules]
    got = package.average(given, "chlor_a", **AREA)
    for name in ("chlor_a", "chlor_a_count", "chlor_a_granules"):
        np.testing.assert_array_equal(got[name].values, expected[name].values)
    assert got.time.values == expected.time.values
    one = package.grid(given[1], "chlor_a", **AREA)
    np.testing.assert_array_equal(one, package.grid(granules[1], "chlor_a", **AREA))


@pytest.mark.parametrize("form", ["a tree of netcdf4", "a merged data set", "to_xarray()"])
def test_granules_of_xarray(granules, form):
    ours = package.open(FORMS[form](granules[0]))
    file = package.open(granules[0])
    assert ours.shape == file.shape and ours.time == file.time and ours.flags == file.flags
    assert ours.name == file.name
    assert set(file.variables) - set(ours.variables) == set()
    np.testing.assert_allclose(ours.extent, file.extent)
    np.testing.assert_array_equal(ours.to_xarray("chlor_a").chlor_a, file.to_xarray("chlor_a").chlor_a)
    assert "chlor_a" in ours._repr_html_()


def test_values_that_were_changed_count(granules, expected):
    trees = [xr.open_datatree(path, engine="netcdf4") for path in granules]
    for tree in trees:
        group = tree["geophysical_data"]
        group["chlor_a"] = group["chlor_a"] * 2
    got = package.average(trees, "chlor_a", **AREA)
    np.testing.assert_allclose(got.chlor_a, expected.chlor_a * 2, rtol=1e-6)
    own = merged(granules[0], "netcdf4")
    own["mine"] = own.chlor_a + 1
    ones = package.grid(own, "mine", flags="none", method="nearest", **AREA)
    theirs = package.grid(granules[0], "chlor_a", flags="none", method="nearest", **AREA)
    np.testing.assert_allclose(ones, theirs + 1, rtol=1e-6)


def test_an_array_with_its_places(granules):
    array = merged(granules[0], "netcdf4")["chlor_a"]
    got = package.grid(array, method="nearest", flags="none", **AREA)
    want = package.grid(granules[0], "chlor_a", method="nearest", flags="none", **AREA)
    np.testing.assert_array_equal(got, want)


def test_a_swath_made_by_hand():
    """Two-dimensional latitude and longitude are all that is needed."""
    lines, pixels = np.mgrid[0:40, 0:50]
    made = xr.Dataset(
        {"chl": (("line", "pixel"), (lines + pixels).astype("f4"))},
        coords={
            "latitude": (("line", "pixel"), 40 - lines * 0.05, {"units": "degrees_north"}),
            "longitude": (("line", "pixel"), -75 + pixels * 0.05, {"units": "degrees_east"}),
            "time": np.datetime64("2024-08-01T12:00:00", "ns"),
        },
    )
    got = package.grid(made, "chl", bbox=(-75, 38.5, -73, 39.5), resolution=0.05, method="nearest")
    assert package.open(made).time[0] == np.datetime64("2024-08-01T12:00:00")
    row = np.round((40 - got.lat.values) / 0.05 + 1e-6)
    column = np.round((got.lon.values + 75) / 0.05 + 1e-6)
    # The centre of a cell lies between pixels: the nearest is one of its neighbours.
    assert np.nanmax(np.abs(got.values - (row[:, None] + column[None]))) <= 2
    assert np.isfinite(got.values).mean() > 0.9


def test_packed_values_keep_their_limits():
    """Limits are in units as stored, which xarray leaves as they are when it unpacks."""
    stored = np.arange(400, dtype="i2").reshape(20, 20)
    latitude, longitude = np.meshgrid(40 - np.arange(20) * 0.1, -75 + np.arange(20) * 0.1, indexing="ij")
    raw = xr.Dataset(
        {"sst": (("y", "x"), stored, {"scale_factor": 0.1, "add_offset": 5.0, "valid_min": np.int16(50), "valid_max": np.int16(300)})},
        coords={"latitude": (("y", "x"), latitude), "longitude": (("y", "x"), longitude)},
    )
    area = {"bbox": (-75, 38, -73, 40), "resolution": 0.1, "method": "bin"}
    got = package.grid(xr.decode_cf(raw), "sst", **area)
    want = package.grid(raw, "sst", **area)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    assert float(got.min()) >= 10 - 1e-5 and float(got.max()) <= 35 + 1e-5


def test_a_folder_is_what_is_in_it(granules, expected):
    folder = pathlib.Path(granules[0]).parent
    assert sorted(folder.glob("*.nc")) == sorted(map(pathlib.Path, granules))
    for form in (folder, str(folder), [folder]):
        np.testing.assert_array_equal(package.average(form, "chlor_a", **AREA).chlor_a, expected.chlor_a)


def test_the_same_granule_twice_is_one(granules, expected):
    both = package.average([*granules, xr.open_datatree(granules[0], engine="netcdf4")], "chlor_a", **AREA)
    np.testing.assert_array_equal(both.chlor_a, expected.chlor_a)


def test_what_is_no_swath(granules, tmp_path):
    flat = xr.Dataset({"v": (("y", "x"), np.zeros((3, 4)))})
    for given in (flat, flat.v, xr.DataTree(flat), xr.Dataset()):
        with pytest.raises(errors.NotASwathError):
            package.open(given)
        with pytest.raises(errors.GranuleError):
            package.average(given, **AREA)
    with pytest.raises(TypeError, match="granule is a path"):
        package.average([object()], **AREA)



def test_an_array_that_cannot_be_read_is_named(granules):
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Failing(BackendArray):
        shape, dtype = (200, 1272), np.dtype("f4")

        def __getitem__(self, key):
            raise OSError("the cable was pulled")

    own = merged(granules[0], "netcdf4").load()
    failing = indexing.LazilyIndexedArray(Failing())
    own["chlor_a"] = (own.chlor_a.dims, failing, own.chlor_a.attrs)
    with pytest.raises(errors.GranuleError, match="the cable was pulled"):
        package.average(own, "chlor_a", **AREA)


def test_templates_of_other_libraries(granules, expected):
    rioxarray = pytest.importorskip("rioxarray")
    assert rioxarray
    again = package.average(granules, "chlor_a", like=expected.chlor_a.rio.write_crs("epsg:4326"))
    np.testing.assert_array_equal(again.chlor_a, expected.chlor_a)
    geobox = pytest.importorskip("odc.geo.geobox")
    box = geobox.GeoBox.from_bbox((-77, 36, -73, 41), crs="epsg:4326", resolution=0.1)
    again = package.average(granules, "chlor_a", like=box)
    np.testing.assert_array_equal(again.chlor_a, expected.chlor_a)
    utm = geobox.GeoBox.from_bbox((400000, 4000000, 500000, 4100000), crs="epsg:32618", resolution=10000)
    got = package.average(granules, "chlor_a", like=utm)
    assert got.chlor_a.shape == utm.shape and got.rio.crs.to_epsg() == 32618


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("names", [("lat", "lon"), ("latitude", "longitude")])
def test_results_join_their_template(granules, dtype, upwards, names):
    """Labels that are summed up, or of single precision, are not those that Swathe works out, but their last digits."""
    rows = np.arange(36.025, 41, 0.05).astype(dtype)[:: 1 if upwards else -1]
    columns = np.arange(-76.975, -73, 0.05).astype(dtype)
    template = xr.DataArray(np.ones((100, 80)), coords=dict(zip(names, (rows, columns))), dims=names)
    expected = package.average(granules, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.05).chlor_a
    assert not np.array_equal(expected.lat.values, np.sort(rows)[::-1])
    cube = package.grid(granules, "chlor_a", like=template)
    lazy = package.grid(granules, "chlor_a", like=template, chunks={})
    mean = package.average(granules, "chlor_a", like=template).chlor_a
    np.testing.assert_array_equal(mean, expected)
    assert mean.lat.attrs == expected.lat.attrs and lazy.chunks and lazy.identical(cube.chunk(lazy.chunksizes))
    if names == ("lat", "lon"):
        for result in (cube.mean("time"), mean, lazy.isel(time=0)):
            joined = result + template
            assert joined.shape == (100, 80) and joined.lat.dtype == np.dtype(dtype)
    for result in (cube, mean, lazy):
        np.testing.assert_array_equal(np.sort(result.lat), np.sort(rows))
        np.testing.assert_array_equal(result.lon, columns)
        assert result.lat[0] > result.lat[-1]


def test_templates_without_labels_go_by_their_transform(granules, expected):
    pytest.importorskip("rioxarray")
    from affine import Affine

    bare = xr.DataArray(np.zeros((50, 40)), dims=("y", "x")).rio.write_crs("epsg:4326")
    bare = bare.rio.write_transform(Affine(0.1, 0, -77, 0, -0.1, 41))
    again = package.average(granules, "chlor_a", like=bare)
    np.testing.assert_array_equal(again.chlor_a, expected.chlor_a)
    # Labels say where cells lie, whatever a transform says that was written before a part was taken.
    part = expected.chlor_a.rio.write_transform()[10:, 5:]
    again = package.average(granules, "chlor_a", like=part)
    np.testing.assert_array_equal(again.chlor_a, expected.chlor_a[10:, 5:])


def test_rotated_templates_are_refused(granules):
    """Those of odc-geo have labels, the numbers of rows and columns, which are no degrees."""
    pytest.importorskip("rioxarray")
    odc = pytest.importorskip("odc.geo.xr")
    from affine import Affine
    from odc.geo.geobox import GeoBox

    turned = Affine.translation(-77, 41) @ Affine.rotation(10) @ Affine.scale(0.1, -0.1)
    box = GeoBox((50, 40), turned, "epsg:4326")
    bare = xr.DataArray(np.zeros((50, 40)), dims=("y", "x")).rio.write_crs("epsg:4326")
    for like in (box, odc.xr_zeros(box), bare.rio.write_transform(turned)):
        with pytest.raises(errors.PlanError, match="rotated"):
            package.average(granules, "chlor_a", like=like)


def test_results_go_on(granules, expected, tmp_path):
    rioxarray = pytest.importorskip("rioxarray")
    assert rioxarray
    chla = expected.chlor_a
    assert chla.rio.crs.to_epsg() == 4326 and chla.rio.resolution() == pytest.approx((0.1, -0.1))
    assert chla.rio.bounds() == pytest.approx((-77, 36, -73, 41))
    assert chla.rio.reproject("epsg:32618").rio.crs.to_epsg() == 32618
    chla.rio.to_raster(tmp_path / "map.tif")
    clipped = chla.rio.clip_box(-76, 37, -74, 40)
    assert clipped.sizes["lat"] in (30, 31)
    cube = package.grid(granules, "chlor_a", **AREA)
    if pytest.importorskip("zarr"):
        for number, made in enumerate((expected, cube)):
            made.to_zarr(tmp_path / f"{number}.zarr", consolidated=False)
            with xr.open_zarr(tmp_path / f"{number}.zarr", consolidated=False) as back:
                name = "chlor_a"
                np.testing.assert_array_equal(back[name], made[name] if number == 0 else made)


def test_results_are_known_to_odc(expected):
    pytest.importorskip("odc.geo.xr")
    import odc.geo.xr  # noqa: F401

    box = expected.chlor_a.odc.geobox
    assert box.shape == (50, 40) and box.crs.epsg == 4326
    np.testing.assert_allclose(tuple(box.boundingbox.bbox), (-77, 36, -73, 41))


def test_results_are_drawn(granules, expected, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cube = package.grid(granules, "chlor_a", **AREA)
    for number, made in enumerate((expected.chlor_a, cube.mean("time"), cube[1], cube)):
        if made.ndim == 2:
            drawn = made.plot.imshow(robust=True)
            low, high = np.nanpercentile(made, (2, 98))
            assert drawn.get_clim() == pytest.approx((low, high), rel=1e-5)
        else:
            made.plot.imshow(robust=True, col="time")
        plt.savefig(tmp_path / f"{number}.png")
        plt.close("all")
