"""The world in a day, and memory as promised.

    cargo build --release
    swathe simulate -d WORLD --global --days 1
    cargo build --release -p swathe-io --example floor
    python benches/world.py WORLD [--methods bin footprint] [--memory 128MiB 512MiB 2GiB] [--repeats 7]

For each method and limit: seconds, processor seconds, peak resident memory, as netCDF and as Zarr, to the global
4 km grid (8640 x 4320), chlor_a mean, count and std. All outputs of a method must have the same bytes. Beside
it: the time that decoding all chunks of positions, variable and flags takes on the same threads (the
example `floor`, from memory to memory), measured before each run. Of several, medians.
"""

import argparse
import hashlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SWATHE = ROOT / "target/release/swathe"
FLOOR = ROOT / "target/release/examples/floor"


def run(command):
    """Seconds, processor seconds and peak memory (MiB) of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        return None, error.strip().splitlines()[-1]
    return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), ""


def floor(files, threads):
    """Seconds that decoding alone takes."""
    command = [FLOOR, *files, "--bbox", "-180,-90,180,90", "--threads", threads, "--repeat", "1"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"floor +([0-9.]+) ms", told)[1]) / 1000


def digest(path):
    total = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        total.update(str(file.relative_to(path)).encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:12]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granules", type=pathlib.Path)
    parser.add_argument("--methods", nargs="+", default=["bin", "footprint"])
    parser.add_argument("--memory", nargs="+", default=["128MiB", "512MiB", "2GiB"])
    parser.add_argument("--grid", nargs="+", default=["--grid", "l3m-4km"])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", default=str(os.cpu_count()))
    options = parser.parse_args()
    files = sorted(options.granules.glob("*.nc"))
    print(f"{len(files)} granules, {options.threads} threads")
    for method in options.methods:
        digests = {"nc": set(), "zarr": set()}
        for memory in options.memory:
            for suffix in ("nc", "zarr"):
                command = [SWATHE, "average", options.granules, "-v", "chlor_a", *options.grid, "-m", method]
                command += ["--stat", "mean,std", "--memory", memory, "--threads", options.threads]
                floors, runs = [], []
                for _ in range(options.repeats):
                    floors.append(floor(files, options.threads))
                    with tempfile.TemporaryDirectory(dir=options.granules.parent) as folder:
                        output = pathlib.Path(folder) / f"world.{suffix}"
                        measured, error = run([*command, "--progress", "none", "-o", output])
                        if measured is None:
                            break
                        runs.append(measured)
                        digests[suffix].add(digest(output))
                if measured is None:
                    print(f"{method:10} {memory:>7} {suffix:5} {error}")
                    continue
                wall, processor, peak = (statistics.median(column) for column in zip(*runs))
                decoding = statistics.median(floors)
                print(
                    f"{method:10} {memory:>7} {suffix:5} {wall:7.2f} s, processor {processor:7.2f} s, "
                    f"peak {peak:6.0f} MiB; decoding {decoding:.2f} s: {wall / decoding:.2f} times",
                    flush=True,
                )
        if any(len(found) > 1 for found in digests.values()):
            sys.exit(f"{method}: outputs differ with the limit")


if __name__ == "__main__":
    main()
