"""Maps read back, of ours and of other programs, against xarray, rioxarray and GDAL."""

import json
import subprocess

import pytest

netCDF4 = pytest.importorskip("netCDF4")
np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
pytest.importorskip("rioxarray")
pyproj = pytest.importorskip("pyproj")

@pytest.fixture(scope="session")
def dump(examples, tmp_path_factory):
    output = tmp_path_factory.mktemp("gridded") / "values"

    def run(path, variable, index=0):
        command = [examples / "dump_gridded", path, variable, str(index), output]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(done.stderr)
        found = json.loads(done.stdout)
        return found, np.fromfile(output).reshape(found["shape"])

    return run


def test_real_level3_mapped_files(dump, shared_data):
    for path in sorted((shared_data / "pace_l3").glob("*0p1deg*")):
        found, values = dump(path, "chlor_a")
        assert found["transform"] == [-180, 0.1, 0, 90, 0, -0.1]
        assert found["variables"] == ["chlor_a"]
        with netCDF4.Dataset(path) as ds:
            np.testing.assert_array_equal(values, ds["chlor_a"][:].filled(np.nan))


def array(x, y, rng):
    values = rng.normal(size=(2, len(y), len(x))).astype("f4")
    values[:, 1, ::3] = np.nan
    times = np.array(["2024-08-01", "2024-08-02T12:00"], "datetime64[ns]")
    return xr.DataArray(values, {"time": times, "y": y, "x": x}, ["time", "y", "x"], name="chl")


@pytest.mark.parametrize("crs", ["EPSG:32618", "EPSG:3413", "EPSG:3035", "ESRI:54030"])
@pytest.mark.parametrize("rows", ["north first", "south first"])
def test_projected_files_of_rioxarray(dump, tmp_path, crs, rows):
    x, y = 3e5 + 1000 * np.arange(30), 4.2e6 - 500 * np.arange(20)
    data = array(x, y if rows == "north first" else y[::-1], np.random.default_rng(1))
    path = tmp_path / "map.nc"
    data.rio.write_crs(crs).to_netcdf(path, encoding={"chl": {"_FillValue": -9.0}})
    found, values = dump(path, "chl", 1)
    expected = data.isel(time=1).sortby("y", ascending=False)
    np.testing.assert_array_equal(values, expected.values)
    assert found["transform"] == list(expected.rio.transform().to_gdal())
    assert found["times"] == [1722470400, 1722600000]
    assert found["other_dims"] == [["time", 2]]
    ours, theirs = pyproj.CRS(found["crs"]), pyproj.CRS(crs)
    points = [
        pyproj.Transformer.from_crs(4326, c, always_xy=True).transform([-70, 10], [60, 40])
        for c in (ours, theirs)
    ]
    np.testing.assert_allclose(points[0], points[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "projection",
    [
        "+proj=laea +lat_0=38 +lon_0=-75 +x_0=1e5 +datum=WGS84",
        "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=38 +lon_0=-75 +R=6370000",
        "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +ellps=WGS84",
        "+proj=tmerc +lat_0=38 +lon_0=-75 +k=0.9996 +ellps=GRS80",
    ],
)
def test_cf_parameters_alone_are_enough(dump, tmp_path, projection):
    """As models write them: no well-known text, coordinates in kilometres."""
    crs = pyproj.CRS(projection)
    attributes = crs.to_cf()
    del attributes["crs_wkt"]
    # False origins are in the units of the coordinates (CF appendix F).
    attributes["false_easting"] /= 1000
    data = array(np.arange(30.0), np.arange(20.0), np.random.default_rng(2))
    data = data.to_dataset().assign(proj=xr.DataArray(0, attrs=attributes))
    data.chl.attrs["grid_mapping"] = "proj"
    for name in "xy":
        data[name].attrs = {"units": "km", "standard_name": f"projection_{name}_coordinate"}
    path = tmp_path / "map.nc"
    data.to_netcdf(path)
    found, values = dump(path, "chl")
    np.testing.assert_array_equal(values, data.chl[0, ::-1].values)
    unit = pyproj.CRS(found["crs"]).axis_info[0].unit_conversion_factor
    transform = np.array(found["transform"]) * unit
    np.testing.assert_allclose(transform, [-500, 1000, 0, 19500, 0, -1000], rtol=1e-12)
    points = [
        np.array(pyproj.Transformer.from_crs(c.geodetic_crs, c, always_xy=True).transform(-70, 60))
        for c in (pyproj.CRS(found["crs"]), crs)
    ]
    np.testing.assert_allclose(points[0] * unit, points[1], rtol=0, atol=1e-3)


def test_a_part_of_our_map_stays_on_its_lattice(dump, products, tmp_path):
    with xr.open_dataset(products / "average.nc") as ds:
        part = ds.isel(lat=slice(10, 40), lon=slice(7, 20))[["chlor_a"]].load()
        part.to_netcdf(tmp_path / "part.nc")
    found, values = dump(tmp_path / "part.nc", "chlor_a")
    whole, _ = dump(products / "average.nc", "chlor_a")
    step = 3.0 / 200.0
    assert whole["transform"] == [-5134 * 3 / 200, step, 0, 2734 * 3 / 200, 0, -step]
    assert found["transform"] == [-5127 * 3 / 200, step, 0, 2724 * 3 / 200, 0, -step]
    np.testing.assert_array_equal(values, part.chlor_a.values)


def test_wavelengths_may_come_last(dump, tmp_path):
    """As in NASA's Level-3 mapped reflectances: (lat, lon, wavelength), packed."""
    rng = np.random.default_rng(3)
    path = tmp_path / "rrs.nc"
    with netCDF4.Dataset(path, "w") as ds:
        for name, values in {"lat": [1.5, 0.5], "lon": [179.5, -179.5, -178.5]}.items():
            ds.createDimension(name, len(values))
            ds.createVariable(name, "f4", name)[:] = values
        ds.createDimension("wavelength", 4)
        rrs = ds.createVariable("Rrs", "i2", ("lat", "lon", "wavelength"), fill_value=-32767)
        rrs.scale_factor, rrs.add_offset = np.float32(2e-6), np.float32(0.05)
        rrs[:] = np.ma.masked_less(rng.uniform(0, 0.02, (2, 3, 4)), 0.004)
    with netCDF4.Dataset(path) as ds:
        expected = ds["Rrs"][:].filled(np.nan)
    for index in range(4):
        found, values = dump(path, "Rrs", index)
        np.testing.assert_array_equal(values, expected[:, :, index])
    assert found["transform"] == [179, 1, 0, 2, 0, -1]


def test_swaths_are_refused(dump, shared_data):
    for path in sorted((shared_data / "pace").glob("*.nc")):
        with pytest.raises(ValueError, match="latitude and longitude have two dimensions"):
            dump(path, "chlor_a")
