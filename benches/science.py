"""What more statistics and variables cost on the area job, and what percentiles of the world take.

    cargo build --release
    python benches/science.py [--granules DIR] [--repeats 7] [--world WORLD [--memory 512MiB]]

The job is that of `area.py`: chlor_a on 0.015 degrees over 77-73 W, 36-41 N, by footprint and by bin. Runs take turns;
prints medians of the seconds of the whole process, and the ratios to a mean of one variable. With a folder of a day of
the world, also the seconds, peak memory and peak disk of `--stat median,p90` on l3m-4km.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import world

TEN = "std,var,min,max,sum,coverage,geomean,first,last,sum_squared"


def seconds(command):
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def area(granules, repeats):
    files = sorted(granules.glob("*.nc"))
    for file in files:
        file.read_bytes()
    base = [world.SWATHE, "average", *files, "-b=-77,36,-73,41", "-r", "0.015", "--flags", "none"]
    with tempfile.TemporaryDirectory() as folder:
        out = ["--overwrite", "--progress", "none", "-o", pathlib.Path(folder) / "a.nc"]
        for method in ("footprint", "bin"):
            jobs = {
                "mean": ["-v", "chlor_a", "--stat", "mean"],
                "mean and ten others": ["-v", "chlor_a", "--stat", f"mean,{TEN}"],
                "two variables": ["-v", "chlor_a", "-v", "poc", "--stat", "mean"],
            }
            taken = {name: [] for name in jobs}
            for turn in range(repeats + 1):
                for name, options in jobs.items():
                    took = seconds([*base, "-m", method, *options, *out])
                    # The first is to warm up.
                    if turn > 0:
                        taken[name].append(took)
            one = statistics.median(taken["mean"])
            for name, all_taken in taken.items():
                median = statistics.median(all_taken)
                print(f"{method:9} {name:20} {median:6.3f} s  {median / one:5.2f} x")


def disk(folder):
    """The most bytes that files of a folder have, watched."""
    most, done = [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            try:
                total = sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())
            except OSError:
                continue
            most[0] = max(most[0], total)

    threading.Thread(target=watch, daemon=True).start()
    return most, done


def percentiles(granules, memory, methods):
    for method in methods:
        with tempfile.TemporaryDirectory(dir=granules.parent) as folder:
            folder = pathlib.Path(folder)
            command = [world.SWATHE, "average", granules, "-v", "chlor_a", "--grid", "l3m-4km", "-m", method]
            command += ["--stat", "median,p90", "--memory", memory, "--progress", "none"]
            most, done = disk(folder)
            measured, error = world.run([*command, "-o", folder / "world.nc"])
            done.set()
            if measured is None:
                print(f"{method}: {error}")
                continue
            wall, processor, peak = measured
            print(
                f"{method:9} median,p90 in {memory}: {wall:6.1f} s, processor {processor:6.1f} s, peak memory "
                f"{peak:5.0f} MiB, peak disk {most[0] / 2**20:6.0f} MiB",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--granules", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--world", type=pathlib.Path)
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--methods", nargs="+", default=["bin", "footprint"])
    parser.add_argument("--swathe", type=pathlib.Path)
    options = parser.parse_args()
    if options.swathe:
        world.SWATHE = options.swathe
    if not options.granules and not options.world:
        sys.exit("give --granules, --world, or both")
    if options.granules:
        area(options.granules, options.repeats)
    if options.world:
        percentiles(options.world, options.memory, options.methods)


if __name__ == "__main__":
    main()
