"""Geometry and gridding of a whole granule, without reading, beside other tools on the same granule.

    python benches/geometry.py GRANULE [--repeats 5]

Needs netCDF4, rioxarray and pyresample, and `cargo build --release -p swathe-core --examples`. Prints
seconds (the best of some runs; of wall time and of processor time) and ratios. Times of other tools
include what they need per granule, and no imports.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

import netCDF4
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target/release/examples/time_geometry"
RESOLUTION = 0.015


def read(path):
    """Longitude, latitude and one variable of a granule in the layout of PACE."""
    with netCDF4.Dataset(path) as nc:
        nc.set_auto_mask(False)
        navigation = nc["navigation_data"]
        return navigation["longitude"][:], navigation["latitude"][:]


def best(repeats, work):
    """Best wall and processor seconds."""
    wall, processor = [], []
    for _ in range(repeats):
        start, start_processor = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return min(wall), min(processor)


class Grid:
    """The granule's extent, snapped outward."""

    def __init__(self, lon, lat):
        self.west = np.floor(lon.min() / RESOLUTION) * RESOLUTION
        self.north = np.ceil(lat.max() / RESOLUTION) * RESOLUTION
        self.columns = int(np.ceil((lon.max() - self.west) / RESOLUTION))
        self.rows = int(np.ceil((self.north - lat.min()) / RESOLUTION))
        self.east = self.west + self.columns * RESOLUTION
        self.south = self.north - self.rows * RESOLUTION


def rioxarray_reproject(lon, lat, values, grid):
    import rioxarray  # noqa: F401
    import xarray as xr
    from rasterio.transform import from_origin

    dims = ("line", "pixel")
    places = (xr.DataArray(lon, dims=dims), xr.DataArray(lat, dims=dims))
    array = xr.DataArray(values, dims=dims).rio.set_spatial_dims("pixel", "line")
    array = array.rio.write_crs("epsg:4326").rio.write_nodata(np.nan)
    return lambda: array.rio.reproject(
        "epsg:4326",
        shape=(grid.rows, grid.columns),
        transform=from_origin(grid.west, grid.north, RESOLUTION, RESOLUTION),
        src_geoloc_array=places,
    )


def pyresample_ewa(lon, lat, values, grid):
    from pyresample.ewa import fornav, ll2cr
    from pyresample.geometry import AreaDefinition, SwathDefinition

    extent = (grid.west, grid.south, grid.east, grid.north)
    area = AreaDefinition("grid", "", "", "EPSG:4326", grid.columns, grid.rows, extent)

    def work():
        swath = SwathDefinition(lons=lon, lats=lat)
        _, columns, rows = ll2cr(swath, area)
        fornav(columns, rows, area, (values,), rows_per_scan=0, fill=np.nan)

    return work


def ours(folder, pixels, place, method, repeats, threads):
    """Best seconds: preparing the grid, locating, gridding, the last two; and the number of entries."""
    words = [folder, pixels, "f32", "EPSG:4326", place, RESOLUTION, method, repeats, threads]
    out = subprocess.run([PROGRAM, *map(str, words)], check=True, capture_output=True, text=True)
    return [float(word) for word in out.stdout.split()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granule")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    lon, lat = read(options.granule)
    values = (np.arange(lat.size) % 1000).astype("f4").reshape(lat.shape)
    grid = Grid(lon, lat)
    print(f"{lat.shape[0]} x {lat.shape[1]} pixels on {grid.rows} x {grid.columns} cells of {RESOLUTION} degrees")
    others = {
        "rioxarray reproject": best(2, rioxarray_reproject(lon, lat, values, grid)),
        "pyresample ll2cr + fornav": best(options.repeats, pyresample_ewa(lon, lat, values, grid)),
    }
    for name, (wall, processor) in others.items():
        print(f"{name:28} {wall:7.3f} s   (processor {processor:.3f})")
    with tempfile.TemporaryDirectory() as folder:
        lon.astype("f4").tofile(f"{folder}/longitude")
        lat.astype("f4").tofile(f"{folder}/latitude")
        for threads in (1, 2):
            for method in ("nearest", "bin", "bilinear", "footprint"):
                _, locating, gridding, both, count = ours(
                    folder, lat.shape[1], "around", method, options.repeats, threads
                )
                print(f"{method:9} {threads} thread(s)       {both:7.3f} s   (geometry {locating:.3f}, gridding {gridding:.3f}; {count:.0f} entries)")
                if method == "nearest":
                    for name, (wall, _) in others.items():
                        print(f"    {wall / both:6.2f} times as fast as {name}")
        place = "bbox=-77,36,-73,41"
        for method in ("nearest", "bin", "bilinear", "footprint"):
            ready, locating, gridding, _, count = ours(folder, lat.shape[1], place, method, 20, 1)
            print(
                f"area {place[5:]}, {method}: grid {1e6 * ready:.0f} us once; per granule geometry "
                f"{1e6 * locating:.0f} us, gridding {1e6 * gridding:.0f} us; {count:.0f} entries"
            )


if __name__ == "__main__":
    main()
