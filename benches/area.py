"""The area job, whole processes, beside other ways to do it on the same granules in the same run.

    python benches/area.py [--granules DIR] [--rivals DIR] [--repeats 5]

The job: chlor_a of some granules on a grid of 0.015 degrees over 77-73 W, 36-41 N, averaged over time.
Granules are simulated unless a folder of them is given. `--rivals` is a folder with scripts that do the job in
other ways (`seed_pipeline.py`, `linesel.py`); the environment must have what they need. Needs psutil, and
`cargo build --release` with `cargo build --release -p swathe-io --example floor`.

Programs take turns, so that another job on the machine slows all. Prints medians of the seconds of the whole process,
peak memory over all its processes (of one run more, which is watched), and ratios to swathe. The floor is the time that inflating and unshuffling the chunks
needed takes alone, on two threads.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import psutil

ROOT = pathlib.Path(__file__).resolve().parents[1]
SWATHE = ROOT / "target/release/swathe"
FLOOR = ROOT / "target/release/examples/floor"


def memory(process):
    """Resident bytes of a process and its children."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total


def run(command, cwd, environment, watch=False):
    """Wall seconds of a command, and its peak bytes if it is watched, which takes processor time."""
    peak = 0
    done = threading.Event()
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def sample():
        nonlocal peak
        watched = psutil.Process(process.pid)
        while not done.wait(0.005):
            peak = max(peak, memory(watched))

    thread = threading.Thread(target=sample)
    if watch:
        thread.start()
    out, err = process.communicate()
    seconds = time.perf_counter() - start
    if watch:
        done.set()
        thread.join()
    if process.returncode != 0:
        sys.exit(f"{command} failed:\n{out}{err}")
    return seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--granules", type=pathlib.Path)
    parser.add_argument("--rivals", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        granules = arguments.granules
        if granules is None:
            granules = scratch / "granules"
            subprocess.run([SWATHE, "simulate", "-d", granules], check=True, capture_output=True)
        files = sorted(granules.glob("*.nc"))
        for file in files:
            file.read_bytes()
        environment = os.environ | {
            "PEERS_SCRATCH": str(scratch),
            "PEERS_DATA": str(granules),
            "PEERS_OUT": str(scratch / "maps"),
            "PEERS_TEMPLATE": str(scratch / "template.json"),
        }

        def swathe(method):
            grid = ["-b=-77,36,-73,41", "-r", "0.015", "-m", method]
            options = ["--weight", "granule", "--flags", "none", "--overwrite"]
            return [SWATHE, "average", *files, "-v", "chlor_a", *grid, *options]

        programs = {
            f"swathe {method}": [*swathe(method), "-o", scratch / f"{method}.nc"]
            for method in ["nearest", "bin", "bilinear", "footprint"]
        }
        if arguments.rivals:
            python = sys.executable
            subprocess.run(
                [python, "seed_pipeline.py", "template"],
                cwd=arguments.rivals, env=environment, check=True, capture_output=True,
            )
            programs |= {
                "rioxarray under a Dask client": [python, "seed_pipeline.py", "dask"],
                "needed lines, KD-tree, 2 processes": [python, "linesel.py", "kdtree", "--workers", "2"],
                "needed lines, bincount, 2 processes": [python, "linesel.py", "bincount", "--workers", "2"],
            }
        seconds = {name: [] for name in programs}
        peaks = {
            name: run(command, arguments.rivals, environment, watch=True)[1] / 1e6
            for name, command in programs.items()
        }
        floors = []
        for _ in range(arguments.repeats):
            floors.append(floor(files))
            for name, command in programs.items():
                seconds[name].append(run(command, arguments.rivals, environment)[0])
    medians = {name: statistics.median(all) for name, all in seconds.items()}
    floor_median = statistics.median(floors)
    print(f"{len(files)} granules, medians of {arguments.repeats} runs")
    print(f"{'floor (inflate and unshuffle, 2 threads)':44} {floor_median:8.3f} s")
    for name, median in medians.items():
        line = f"{name:44} {median:8.3f} s {peaks[name]:7.0f} MB"
        if name.startswith("swathe"):
            line += f"   {median / floor_median:.2f} x floor"
        else:
            ours = "swathe bin" if "bincount" in name else "swathe nearest"
            line += f"   {median / medians[ours]:.1f} x {ours}, memory {peaks[name] / peaks[ours]:.1f} x"
        print(line)


def floor(files):
    """Seconds of decoding the needed chunks alone."""
    command = [FLOOR, *files, "--threads", "2", "--repeat", "5", "--without-flags"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"^floor\s+([\d.]+) ms", out, re.MULTILINE).group(1)) / 1000


if __name__ == "__main__":
    main()
