"""Binning to NASA's 4 km bins, against NASA's own l2bin.

    cargo build --release
    python benches/l2bin.py --granules DIR [--repeat 5]

l2bin itself is not part of this project. On the machine on which it was built, it took 5.5 s for 15 full-size simulated
granules (184 MB) with area_weighting 0, and 109 s with area_weighting 3 (true polygons), where reading and
inflating the same four variables with netCDF4-python took 1.8 s. So the reading is measured here, beside ours, and
l2bin's seconds are taken in proportion to it.

Prints seconds and ratios. The goals: at least 5 for `bin`, at least 30 for `footprint`.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time

import netCDF4
import world

READ, L2BIN = 1.8, {"bin": 5.5, "footprint": 109.0}
VARIABLES = ["navigation_data/latitude", "navigation_data/longitude", "geophysical_data/chlor_a", "geophysical_data/l2_flags"]


def read(files):
    started = time.perf_counter()
    for file in files:
        with netCDF4.Dataset(file) as dataset:
            dataset.set_auto_maskandscale(False)
            for name in VARIABLES:
                dataset[name][:]
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--granules", type=pathlib.Path, required=True)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    files = sorted(options.granules.glob("*.nc"))
    if len(files) != 15:
        sys.exit(f"{len(files)} granules instead of 15")
    seconds = {"read": [], **{method: [] for method in L2BIN}}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.repeat):
            seconds["read"].append(read(files))
            for method in L2BIN:
                output = pathlib.Path(folder) / f"{method}{turn}.nc"
                command = [world.SWATHE, "average", *files, "-v", "chlor_a", "--grid", "isin-4320", "-m", method]
                outcome, error = world.run([*command, "--weight", "l2bin", "--progress", "none", "-o", output])
                if outcome is None:
                    sys.exit(error)
                seconds[method].append(outcome[0])
    reading = statistics.median(seconds.pop("read"))
    print(f"reading with netCDF4: {reading:.2f} s")
    for method, times in seconds.items():
        ours, theirs = statistics.median(times), L2BIN[method] * reading / READ
        print(f"{method:10} {ours:.3f} s; l2bin {theirs:.1f} s here: {theirs / ours:.1f} x")


if __name__ == "__main__":
    main()
