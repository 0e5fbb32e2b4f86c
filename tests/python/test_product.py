"""Products as the programs that people use see them: netCDF4, xarray, rioxarray, h5py, rasterio."""

from pathlib import Path

import pytest

netCDF4 = pytest.importorskip("netCDF4")
np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")

ROOT = Path(__file__).resolve().parents[2]
AUGUST = np.datetime64("2024-08-01T00:00:00", "ns")
DAY = np.timedelta64(24, "h")


def expected(steps, rows, columns):
    """What the example writes: 100 t + row + column / 1024, every seventh cell missing."""
    t, r, c = np.ogrid[:steps, :rows, :columns]
    values = 100 * t + r + c / 1024
    values[np.arange(values.size).reshape(values.shape) % 7 == 3] = np.nan
    return values.astype("f4")


# name: (crs, (west, south, east, north), (rows, columns))
ALBERS = "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=WGS84 +units=m"
SPHERE = "+proj=laea +lat_0=38 +lon_0=-75 +R=6371000 +units=km"
ROBINSON = ("+proj=robin +datum=WGS84", (-5e6, -1e6, 2e6, 5e6), (60, 70))
GRIDS = {
    "average": ("EPSG:4326", (-77.01, 37.005, -72.495, 41.01), (267, 301)),
    "across": ("EPSG:4326", (170, 0, 190, 10), (40, 80)),
    "global": ("EPSG:4326", (-180, -90, 180, 90), (1800, 3600)),
    "utm": ("EPSG:32618", (3e5, 4.1e6, 6e5, 4.3e6), (200, 300)),
    "polar": ("EPSG:3413", (-2.5e6, -2.5e6, 2.5e6, 2.5e6), (200, 200)),
    "albers": (ALBERS, (1.6e6, 2.04e6, 2.04e6, 2.4e6), (90, 110)),
    "sphere": (SPHERE, (-125, -125, 125, 125), (100, 100)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_xarray_sees_the_values(products, name):
    _, _, shape = GRIDS[name]
    with xr.open_dataset(products / f"{name}.nc") as ds:
        want = expected(1, *shape)[0]
        np.testing.assert_array_equal(ds.chlor_a.values, want)
        np.testing.assert_array_equal(ds.chlor_a_std.values, want.astype("f8") / 10)
        counts = np.where(np.isnan(want), 0, np.nan_to_num(want).astype("i4") + 1)
        np.testing.assert_array_equal(ds.chlor_a_count.values, counts)
        assert ds.chlor_a_count.dtype == np.int32
        assert ds.chlor_a.attrs["units"] == "mg m^-3"
        assert ds.chlor_a.attrs["cell_methods"] == "time: mean"
        assert ds.chlor_a.attrs["reference"] == "Müller et al. (2012) — 100 µm"
        assert ds.chlor_a.encoding["_FillValue"] == np.float32(-32767)
        assert ds.time.values == AUGUST + DAY * 7 // 2
        np.testing.assert_array_equal(ds.time_bnds.values, [AUGUST, AUGUST + 7 * DAY])


@pytest.mark.parametrize("name", GRIDS)
def test_rioxarray_finds_the_grid(products, name):
    pytest.importorskip("rioxarray")
    pyproj = pytest.importorskip("pyproj")
    crs, bounds, (rows, columns) = GRIDS[name]
    with xr.open_dataset(products / f"{name}.nc") as ds:
        found = ds.chlor_a.rio
        assert same_place(pyproj.CRS.from_user_input(found.crs.to_wkt()), crs)
        # Global grids have NASA's coordinates, in single precision.
        tolerance = 2e-5 if name == "global" else 1e-9 * max(map(abs, bounds))
        np.testing.assert_allclose(found.bounds(), bounds, rtol=0, atol=tolerance)
        west, south, east, north = bounds
        transform = found.transform()
        np.testing.assert_allclose(
            transform[:6],
            [(east - west) / columns, 0, west, 0, -(north - south) / rows, north],
            rtol=1e-12,
            atol=tolerance,
        )
        # The coordinates alone say the same.
        y, x = ds.chlor_a.dims
        np.testing.assert_allclose(ds[x][0], west + transform[0] / 2, rtol=0, atol=tolerance)
        np.testing.assert_allclose(ds[y][-1], south - transform[4] / 2, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", [*GRIDS, "robinson"])
def test_gdal_finds_the_grid(products, name):
    """What QGIS sees."""
    rasterio = pytest.importorskip("rasterio")
    pyproj = pytest.importorskip("pyproj")
    crs, bounds, shape = GRIDS.get(name, ROBINSON)
    with rasterio.open(f"netcdf:{products / name}.nc:chlor_a") as ds:
        tolerance = 2e-5 if name == "global" else 1e-9 * max(map(abs, bounds))
        np.testing.assert_allclose(ds.bounds, bounds, rtol=0, atol=tolerance)
        assert ds.shape == shape
        assert ds.nodata == -32767
        assert ds.units == ("mg m^-3",)
        assert same_place(pyproj.CRS.from_wkt(ds.crs.to_wkt()), crs)
        # GDAL takes away what lies beyond valid_min and valid_max.
        want = expected(1, *shape)[0]
        want[(want < np.float32(0.001)) | (want > 100)] = np.nan
        np.testing.assert_array_equal(ds.read(1, masked=True).filled(np.nan), want)


@pytest.mark.parametrize("name", GRIDS)
def test_cf_parameters_alone_describe_the_crs(products, name):
    pyproj = pytest.importorskip("pyproj")
    with netCDF4.Dataset(products / f"{name}.nc") as ds:
        mapping = ds[ds["chlor_a"].grid_mapping]
        attributes = {k: mapping.getncattr(k) for k in mapping.ncattrs()}
    for key in ["crs_wkt", "spatial_ref"]:
        del attributes[key]
    # Units are the coordinates' own; pyproj knows but metres here.
    assert same_place(pyproj.CRS.from_cf(attributes), GRIDS[name][0].replace("km", "m"))


def same_place(found, crs):
    """Whether two CRS put points at the same coordinates, to a millimetre."""
    pyproj = pytest.importorskip("pyproj")
    crs = pyproj.CRS.from_user_input(crs)
    if crs.is_geographic:
        return found.is_geographic and found.ellipsoid.semi_major_metre == 6378137
    lon, lat = (-75.0, -76.5, -70.0), (38.0, 41.0, 60.0)
    points = [
        pyproj.Transformer.from_crs(c.geodetic_crs, c, always_xy=True).transform(lon, lat)
        for c in (found, crs)
    ]
    return np.allclose(points[0], points[1], rtol=0, atol=1e-3)


def test_across_180_longitude_runs_on(products):
    with xr.open_dataset(products / "across.nc") as ds:
        assert (np.diff(ds.lon) > 0).all() and ds.lon[0] > 170 and ds.lon[-1] < 190
        assert ds.attrs["geospatial_lon_min"] == 170
        assert ds.attrs["geospatial_lon_max"] == -170


def test_series_and_cube(products):
    for name in ["series", "cube"]:
        with xr.open_dataset(products / f"{name}.nc") as ds:
            assert ds.chlor_a.dims == ("time", "lat", "lon")
            np.testing.assert_array_equal(ds.chlor_a.values, expected(3, 267, 301))
            np.testing.assert_array_equal(
                ds.time.values, [AUGUST + DAY * (2 * i + 1) // 2 for i in range(3)]
            )
            assert ds.chlor_a.encoding["chunksizes"] == (1, 256, 256)
            assert ("granule" in ds.coords) == (name == "cube")
            assert float(ds.chlor_a.sel(time="2024-08-02")[0, 0, 0]) == 100
    with xr.open_dataset(products / "cube.nc") as ds:
        assert list(ds.granule.values) == ["granule 0", "granule 1", "granule 2"]
        assert ds.granule_name.dims == ("granule_record",)


def test_granules_and_flags_are_listed(products):
    with xr.open_dataset(products / "average.nc") as ds:
        assert ds.granule_name.dims == ("granule",)
        assert list(ds.granule_status.values) == ["used", "empty", "skipped"]
        assert ds.granule_reason.values[2] == "truncated: 1 byte, 2 expected"
        assert ds.granule_start.values[1] == AUGUST + np.timedelta64(18 * 60 + 30, "m")
        assert np.isnat(ds.granule_start.values[2])
        assert float(ds.chlor_a_flag_share.sel(flag="CLDICE")) == 0.2
        assert ds.chlor_a_flag_share.attrs["masked_share"] == 0.25
        assert ds.attrs["history"] == "swathe average -v chlor_a -r 0.015"
        assert ds.attrs["date_created"] == "2024-08-03T00:00:00.000Z"
        assert ds.attrs["time_coverage_start"] == "2024-08-01T00:00:00.000Z"
        assert ds.attrs["time_coverage_end"] == "2024-08-08T00:00:00.000Z"


def test_global_grids_look_like_level3_mapped(products):
    with netCDF4.Dataset(products / "global.nc") as ds:
        assert ds.map_projection == "Equidistant Cylindrical"
        assert (ds.number_of_lines, ds.number_of_columns) == (1800, 3600)
        assert ds.northernmost_latitude == 90 and ds.westernmost_longitude == -180
        assert ds.latitude_step == np.float32(0.1)
        assert ds.spatialResolution == "11.131949 km"
        assert ds["lat"].dtype == np.float32 and ds["lat"][0] == np.float32(89.95)
        assert ds["chlor_a"].chunking() == [256, 256]
        assert ds["chlor_a"].filters()["shuffle"] and ds["chlor_a"].filters()["zlib"]
    real = ROOT.parent / "shared/data/pace_l3"
    for path in real.glob("*0p1deg*"):
        with netCDF4.Dataset(path) as theirs, netCDF4.Dataset(products / "global.nc") as ours:
            for axis in ["lat", "lon"]:
                # Equal to the bit, or a join would drop what does not meet.
                assert ours[axis].dtype == theirs[axis].dtype
                np.testing.assert_array_equal(ours[axis][:], theirs[axis][:])
            for name in ["sw_point_latitude", "longitude_step", "spatialResolution", "measure"]:
                assert ours.getncattr(name) == theirs.getncattr(name), name
        with xr.open_dataset(path) as theirs, xr.open_dataset(products / "global.nc") as ours:
            assert (ours.chlor_a - theirs.chlor_a).shape == (1800, 3600)


def test_h5py_reads_it(products):
    h5py = pytest.importorskip("h5py")
    with h5py.File(products / "average.nc") as f:
        assert f["chlor_a"].fillvalue == np.float32(-32767)
        assert f["chlor_a"].dims[1][0].name == "/lon"
        assert f["granule_name"].asstr()[2] == "broken.nc"
