"""A month from its days: daily partial results merged, against all granules at once. The bytes must be the same.

    cargo build --release
    swathe simulate -d MONTH --global --days 30 --lines 20
    python benches/month.py MONTH

Grid 0.1deg, chlor_a, mean, count and spread, by `footprint`. Prints the seconds of the days, of the merge and of the month
at once.
"""

import argparse
import collections
import pathlib
import re
import sys
import tempfile

import world


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granules", type=pathlib.Path)
    options = parser.parse_args()
    days = collections.defaultdict(list)
    for file in sorted(options.granules.glob("*.nc")):
        days[re.search(r"\.(\d{8})T", file.name)[1]].append(file)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def timed(*command):
            outcome, error = world.run([world.SWATHE, *command, "--progress", "none"])
            if outcome is None:
                sys.exit(error)
            return outcome[0]

        grid = ["-v", "chlor_a", "--grid", "0.1deg", "--stat", "mean,std"]
        parts = [folder / f"{day}.swathe" for day in days]
        daily = sum(
            timed("average", *files, *grid, "-o", part) for files, part in zip(days.values(), parts, strict=True)
        )
        merged = timed("merge", *parts, "-o", folder / "merged.nc")
        at_once = timed("average", options.granules, *grid, "-o", folder / "once.nc")
        print(f"{len(days)} days, {sum(map(len, days.values()))} granules")
        print(f"daily parts {daily:.1f} s, merge {merged:.1f} s; all at once {at_once:.1f} s")
        if (folder / "merged.nc").read_bytes() != (folder / "once.nc").read_bytes():
            sys.exit("the bytes differ")
        print("the same bytes")


if __name__ == "__main__":
    main()
