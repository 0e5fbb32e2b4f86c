"""The range of valid values has the type of the variable (CF 2.5.1): in netCDF, in Zarr, in results of Python."""

import json

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")
package = pytest.importorskip("swathe")

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}
ENDS = ("valid_min", "valid_max")
#: Of these the variables are in single precision, in double, and classes.
TYPES = {"chlor_a": "f4", "exact": "f8", "kind": "i4"}


@pytest.fixture(scope="module")
def granule(tmp_path_factory):
    """A granule with a variable in double precision and one of whole numbers, each with a range of its type."""
    path = package.simulate(tmp_path_factory.mktemp("granules"), lines=200, count=1)[0]
    tree = xr.open_datatree(path, engine="netcdf4").load()
    group = tree["geophysical_data"].to_dataset(inherit=False)
    chlor_a = group.chlor_a
    exact = (chlor_a.astype("f8") * 20).clip(1, 90)
    exact.attrs = {"units": "1", "valid_min": np.float64(0.1 + 0.2), "valid_max": np.float64(90)}
    kind = xr.where(chlor_a.notnull(), 7, 8).astype("i4")
    kind.attrs = {"units": "1", "valid_min": np.int32(1), "valid_max": np.int32(90)}
    tree["geophysical_data"] = xr.DataTree(group.assign(exact=exact, kind=kind))
    return tree


@pytest.mark.parametrize("stat", ["mean", "first,median"])
@pytest.mark.parametrize("own", [None, (0.35, 60.25)])
def test_it_has_the_type_of_its_layer(granule, tmp_path, stat, own):
    files = [tmp_path / "map.nc", tmp_path / "map.zarr"]
    made = package.average(
        granule, list(TYPES), **AREA, method="nearest", stat=stat, valid_range=own, output=files
    )
    with netCDF4.Dataset(files[0]) as file:
        file.set_auto_maskandscale(False)
        found = 0
        for name, variable in file.variables.items():
            if name in file.dimensions:
                continue
            stored = json.loads((files[1] / name / "zarr.json").read_text())["attributes"]
            for end in ENDS:
                assert hasattr(variable, end) == (end in stored) == (end in made[name].attrs), name
                if not hasattr(variable, end):
                    continue
                found += 1
                value = variable.getncattr(end)
                assert value.dtype == variable.dtype, (name, end, value.dtype, variable.dtype)
                assert made[name].attrs[end].dtype == variable.dtype
                assert variable.dtype.type(stored[end]) == value == made[name].attrs[end]
        assert found >= 2 * len(stat.split(","))
        main = "exact" if stat == "mean" else "exact_first"
        low = own[0] if own else 0.1 + 0.2
        assert file[main].dtype == np.float64 and file[main].valid_min == low
    # No reader blanks what is in the map: its masks by the range are those of the fill value.
    with netCDF4.Dataset(files[0]) as file, xr.open_dataset(files[0]) as plain:
        for name in made.data_vars:
            if made[name].dims[-2:] == ("lat", "lon") and made[name].dtype.kind == "f":
                masked = np.ma.getmaskarray(file[name][:])
                np.testing.assert_array_equal(masked, np.isnan(plain[name].values))


def test_a_cube_has_it_too(granule):
    cube = package.grid(granule, ["chlor_a", "exact"], **AREA)
    for name in ("chlor_a", "exact"):
        for end in ENDS:
            assert cube[name].attrs[end].dtype == cube[name].dtype == TYPES[name]
