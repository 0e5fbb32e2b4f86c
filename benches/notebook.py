"""What notebooks do with one granule: grid_match against the tutorial's way, reading against netcdf4.

    cargo build --release -p swathe-io --example floor
    python benches/notebook.py [GRANULE] [--runs N]

Needs xarray, rioxarray, netCDF4 beside swathe. Without a granule, one is simulated.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore")

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLOOR = ROOT / "target/release/examples/floor"
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


#: Reads all arrays of a tree from some threads, twice; in a process of its own, for libraries keep what they have read.
#: The second time memory is at hand; the first time the system clears every page that is touched, which the bare loop,
#: from memory to memory, does without. netcdf4's second time says nothing: it has kept the decoded chunks.
LOAD = """
import sys, time, warnings
from concurrent.futures import ThreadPoolExecutor
warnings.simplefilter("ignore")
import xarray as xr
path, engine, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
if engine == "swathe":
    from swathe._backend import SwatheBackend as engine
xr.open_datatree(path, engine=engine).close()
pool = ThreadPoolExecutor(threads)
def load(arrays):
    list(pool.map(lambda variable: variable.load(), arrays))
def timed():
    start = time.perf_counter()
    tree = xr.open_datatree(path, engine=engine)
    arrays = [variable for node in tree.subtree for variable in node.to_dataset(inherit=False).variables.values()]
    arrays.sort(key=lambda variable: -variable.size)
    large = [variable for variable in arrays if variable.ndim > 1]
    opened = time.perf_counter()
    load(large)
    loaded = time.perf_counter()
    load([variable for variable in arrays if variable.ndim <= 1])
    return time.perf_counter() - start, loaded - opened
print(*timed(), *timed())
"""
#: glibc gives memory back as soon as it can, unless it is told to keep it.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30), "MALLOC_ARENA_MAX": "1"}


def load(path, engine, threads, runs, keeping=None):
    """Medians of the seconds until all is loaded, and of those that the arrays of two dimensions and more take; first
    of the first time, then of the second."""
    import os

    # The engine's own threads are as many as those of the caller.
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)} | (keeping or {})
    command = [sys.executable, "-c", LOAD, path, engine, str(threads)]
    told = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(runs)
    ]
    return [statistics.median(times) for times in zip(*(map(float, one.split()) for one in told))]


def bare(path, threads, runs):
    """Inflating and unshuffling all chunks of the file, from memory to memory, and nothing else."""
    command = [FLOOR, path, "--whole", "--threads", str(threads), "--repeat", str(runs)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"floor +([0-9.]+) ms", told)[1]) / 1000


def reading(path, runs):
    floor = {threads: bare(path, threads, runs) for threads in (1, 2)}
    bare_gain = floor[1] / floor[2]
    print(f"decoding alone: {floor[1]:.3f} s, {floor[2]:.3f} s from two threads: {bare_gain:.2f} times")

    def gains(engine, one, two, which):
        for what, number in (("open_datatree and load", 0), ("load of the large arrays alone", 1)):
            gain = one[number] / two[number]
            print(
                f"{engine}, {which}, {what}: {one[number]:.3f} s, {two[number]:.3f} s from two threads: {gain:.2f} times, "
                f"{gain / bare_gain:.2f} of the gain of decoding"
            )

    ours, both = (load(path, "swathe", threads, runs) for threads in (1, 2))
    gains("swathe", ours, both, "new memory")
    kept = [load(path, "swathe", threads, runs, KEEPING)[2:] for threads in (1, 2)]
    gains("swathe", *kept, "memory at hand")
    theirs, both = (load(path, "netcdf4", threads, runs) for threads in (1, 2))
    gains("netcdf4", theirs, both, "new memory")
    print(f"one thread against netcdf4: {theirs[0] / ours[0]:.2f} times")


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
