"""Memory as promised: limits against measured peaks, over three jobs.

    cargo build --release
    swathe simulate -d AREA
    swathe simulate -d WORLD --global --days 1
    swathe simulate -d BANDS --suite aop --count 2
    python benches/memory.py --area AREA --world WORLD --bands BANDS [--limits 128MiB 512MiB 2GiB]

Jobs: chlor_a by nearest over the Chesapeake Bay at 0.015 degrees; chlor_a by bin on the global 4 km grid with its
spread; all wavelengths of Rrs over the bay (a granule is 1.5 GB decoded). Prints for each job and limit the seconds
and the peak resident memory, or the least limit that the plan says would do, and then the peak under that.
"""

import argparse
import pathlib
import re
import sys
import tempfile

import h5py
import world

AREA = ["-b=-77,36,-73,41", "-r", "0.015", "-m", "nearest"]


def wavelengths(folder):
    """The bands of Rrs, as `-v` takes them."""
    first = sorted(folder.glob("*.nc"))[0]
    with h5py.File(first) as file:
        return ",".join(f"{w:g}" for w in file["geophysical_data/wavelength"][:])


def measured(command):
    """What `world.run` says of a command, its output in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return world.run([*command, "--progress", "none", "-o", pathlib.Path(folder) / "out.nc"])


def main():
    parser = argparse.ArgumentParser()
    for name in ["area", "world", "bands"]:
        parser.add_argument(f"--{name}", type=pathlib.Path)
    parser.add_argument("--limits", nargs="+", default=["128MiB", "512MiB", "2GiB"])
    options = parser.parse_args()
    jobs = {}
    if options.area:
        jobs["area"] = [options.area, "-v", "chlor_a", *AREA]
    if options.world:
        jobs["world"] = [options.world, "-v", "chlor_a", "--grid", "l3m-4km", "-m", "bin", "--stat", "mean,std"]
    if options.bands:
        jobs["bands"] = [options.bands, "-v", f"Rrs@{wavelengths(options.bands)}", *AREA]
    for name, job in jobs.items():
        least = None
        for limit in options.limits:
            command = [world.SWATHE, "average", *job, "--memory", limit]
            outcome, error = measured(command)
            if outcome is None:
                found = re.search(r"--memory (\d+MiB)", error)
                if not found:
                    sys.exit(error)
                print(f"{name:6} {limit:>7}: refused, {found[1]} would do", flush=True)
                least = found[1]
                continue
            print(f"{name:6} {limit:>7}: {outcome[0]:7.2f} s, peak {outcome[2]:5.0f} MiB", flush=True)
        if least:
            outcome, error = measured([world.SWATHE, "average", *job, "--memory", least])
            print(f"{name:6} {least:>7}: {outcome[0]:7.2f} s, peak {outcome[2]:5.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
