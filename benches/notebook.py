"""What notebooks do with one granule: grid_match against the tutorial's way, reading against netcdf4.

    python benches/notebook.py [GRANULE] [--runs N]

Needs xarray, rioxarray, netCDF4, h5py beside swathe. Without a granule, one is simulated.
"""

import argparse
import concurrent.futures
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import zlib

warnings.simplefilter("ignore")

SHAPE, TRANSFORM = (334, 268), (0.015, 0.0, -77.01, 0.0, -0.015, 41.01)


def seconds(call, runs):
    """The median of some runs, the first one apart."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def by_gdal(path):
    """A granule on a grid as notebooks do it with rioxarray: GDAL's geolocation arrays."""
    import rioxarray  # noqa: F401
    import xarray as xr
    from affine import Affine

    with xr.open_datatree(path, engine="h5netcdf") as tree:
        array = tree["geophysical_data/chlor_a"]
        array = array.rio.set_spatial_dims("pixels_per_line", "number_of_lines")
        array = array.rio.write_crs("epsg:4326")
        places = tuple(tree[f"navigation_data/{name}"] for name in ("longitude", "latitude"))
        return array.rio.reproject(
            "epsg:4326", shape=SHAPE, transform=Affine(*TRANSFORM), src_geoloc_array=places
        )


def grid_match(path, runs):
    import swathe

    ours = seconds(lambda: swathe.grid_match(path, "epsg:4326", SHAPE, TRANSFORM), runs)
    theirs = seconds(lambda: by_gdal(path), max(runs // 3, 1))
    print(f"grid_match: swathe {ours * 1e3:.1f} ms, rioxarray {theirs * 1e3:.0f} ms, ratio {theirs / ours:.1f}")


#: Reads all arrays of a tree from some threads; in a process of its own, for libraries keep what they have read.
LOAD = """
import sys, time, warnings
from concurrent.futures import ThreadPoolExecutor
warnings.simplefilter("ignore")
import xarray as xr
path, engine, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
if engine == "swathe":
    from swathe._backend import SwatheBackend as engine
xr.open_datatree(path, engine=engine).close()
start = time.perf_counter()
tree = xr.open_datatree(path, engine=engine)
arrays = [variable for node in tree.subtree for variable in node.to_dataset(inherit=False).variables.values()]
arrays.sort(key=lambda variable: -variable.size)
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(lambda variable: variable.load(), arrays))
print(time.perf_counter() - start)
"""


def load(path, engine, threads, runs):
    import os

    # The engine's own threads are as many as those of the caller.
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", LOAD, path, engine, str(threads)]
    times = [
        float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    return statistics.median(times)


def bare(path, threads, runs):
    """Inflating all chunks of the file, and nothing else."""
    import h5py

    chunks = []

    def visit(_, item):
        if isinstance(item, h5py.Dataset) and item.chunks and item.compression == "gzip":
            for number in range(item.id.get_num_chunks()):
                place = item.id.get_chunk_info(number)
                chunks.append((place.byte_offset, place.size))

    with h5py.File(path) as file:
        file.visititems(visit)
    with open(path, "rb") as file:
        content = file.read()
    parts = [content[offset : offset + size] for offset, size in chunks]

    def once():
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            # Some chunks at a time: switching threads would count.
            list(pool.map(lambda first: [zlib.decompress(p) and None for p in parts[first::64]], range(64)))

    return seconds(once, runs)


def reading(path, runs):
    floor = {threads: bare(path, threads, runs) for threads in (1, 2)}
    times = {(e, n): load(path, e, n, runs) for e in ("swathe", "netcdf4") for n in (1, 2)}
    print(f"inflating alone: {floor[1]:.3f} s, {floor[2]:.3f} s from two threads: {floor[1] / floor[2]:.2f} times")
    for engine in ("swathe", "netcdf4"):
        one, two = times[engine, 1], times[engine, 2]
        print(f"open_datatree and load, {engine}: {one:.3f} s, {two:.3f} s from two threads: {one / two:.2f} times")
    share = (times["swathe", 1] / times["swathe", 2]) / (floor[1] / floor[2])
    print(f"speed-up against that of inflating: {share:.2f}")
    print(f"one thread against netcdf4: {times['netcdf4', 1] / times['swathe', 1]:.2f} times")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("granule", nargs="?")
    arguments.add_argument("--runs", type=int, default=7)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.granule
        if path is None:
            import swathe

            path = swathe.simulate(folder, count=1)[0]
        grid_match(path, given.runs)
        reading(path, given.runs)


if __name__ == "__main__":
    main()
