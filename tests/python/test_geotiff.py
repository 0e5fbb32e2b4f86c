"""GeoTIFF products, as GDAL reads them, against the netCDF of the same run."""

import pytest

np = pytest.importorskip("numpy")
netCDF4 = pytest.importorskip("netCDF4")
rasterio = pytest.importorskip("rasterio")
pyproj = pytest.importorskip("pyproj")

from test_product import GRIDS, ROBINSON, same_place  # noqa: E402

ALL = {**GRIDS, "robinson": ROBINSON}
LAYERS = ["chlor_a", "chlor_a_std", "chlor_a_count"]


@pytest.mark.parametrize("name", ALL)
def test_grid_and_values(products, name):
    crs, (west, south, east, north), (rows, columns) = ALL[name]
    with rasterio.open(products / f"{name}.tif") as tif:
        assert tif.shape == (rows, columns) and tif.nodata == -32767
        np.testing.assert_allclose(tif.bounds, (west, south, east, north), rtol=1e-15, atol=0)
        found = pyproj.CRS.from_wkt(tif.crs.to_wkt())
        assert same_place(found, crs)
        if crs.startswith("EPSG"):
            assert tif.crs == rasterio.CRS.from_string(crs)
        assert tif.profile["tiled"] and tif.profile["compress"] == "deflate"
        assert tif.tags()["AREA_OR_POINT"] == "Area"
        with netCDF4.Dataset(products / f"{name}.nc") as nc:
            nc.set_auto_mask(False)
            for band, layer in enumerate(LAYERS, 1):
                np.testing.assert_array_equal(tif.read(band), nc[layer][:])


def test_bands_say_what_they_are(products):
    with rasterio.open(products / "average.tif") as tif:
        assert tif.descriptions == tuple(LAYERS)
        assert tif.units == ("mg m^-3", "mg m^-3", "1")
        tags = tif.tags(1)
        assert tags["statistic"] == "Mean" and tif.tags(2)["statistic"] == "Standard Deviation"
        assert tags["display_scale"] == "log" and tags["valid_max"] == "100"
        assert tags["reference"] == "Müller et al. (2012) — 100 µm"
        assert tif.tags()["history"] == "swathe average -v chlor_a -r 0.015"
        assert tif.tags()["time_coverage_end"] == "2024-08-08T00:00:00.000Z"
    with rasterio.open(products / "series.tif") as tif:
        assert tif.descriptions[2] == "chlor_a 2024-08-03T12:00:00.000Z"
        assert np.nanmax(tif.read(3, masked=True)) > 200
    with rasterio.open(products / "cube.tif") as tif:
        assert tif.descriptions[1] == "chlor_a granule 1"


def test_overviews_average_what_is_there(products):
    with rasterio.open(products / "global.tif") as tif:
        full = [tif.read(band, masked=True).filled(np.nan) for band in (1, 2, 3)]
        factors = tif.overviews(1)
    assert factors == [2, 4, 8]
    for level, factor in enumerate(factors):
        with rasterio.open(products / "global.tif", overview_level=level) as tif:
            assert tif.nodata == -32767
            rows, columns = full[0].shape
            blocks = full[0].reshape(rows // factor, factor, columns // factor, factor)
            for band in (1, 2):
                blocks = full[band - 1].reshape(blocks.shape)
                means = np.nanmean(blocks, axis=(1, 3))
                np.testing.assert_allclose(tif.read(band), means, rtol=1e-12, atol=0)
            np.testing.assert_array_equal(tif.read(3), full[2][::factor, ::factor])


def test_the_file_is_cloud_optimized(products):
    """Rules of GDAL's validator: all directories first, then data, that of the full image last."""
    with rasterio.open(products / "global.tif") as tif:
        item = lambda name, **where: int(tif.get_tag_item(name, "TIFF", bidx=1, **where))  # noqa: E731
        levels = range(len(tif.overviews(1)))
        directories = [item("IFD_OFFSET"), *(item("IFD_OFFSET", ovr=i) for i in levels)]
        data = [item("BLOCK_OFFSET_0_0"), *(item("BLOCK_OFFSET_0_0", ovr=i) for i in levels)]
    assert directories[0] == 8
    assert directories == sorted(directories)
    assert data == sorted(data, reverse=True)
    assert directories[-1] < data[-1]


def test_rio_cogeo_agrees(products):
    cogeo = pytest.importorskip("rio_cogeo")
    for name in ALL:
        valid, errors, warnings = cogeo.cog_validate(products / f"{name}.tif", strict=True)
        assert valid and not errors and not warnings, (name, errors, warnings)
