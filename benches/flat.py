"""What a granule costs, with few of them and with many: time and memory should stay flat.

    cargo build --release
    swathe simulate -d GRANULES --global --days 9 --lines 200 --count 1000
    python benches/flat.py GRANULES [--counts 15 140 1000] [--repeats 5]

The first of the granules, averaged by `bin` on a global grid of half a degree, which takes little itself. Prints the
median seconds of the whole process, peak memory, and what a granule costs: the time without that of a run on the
first granule alone, which is start, grid and output.
"""

import argparse
import pathlib
import statistics
import tempfile

import world


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granules", type=pathlib.Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[15, 140, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    files = sorted(options.granules.glob("*.nc"))
    seconds = {count: [] for count in [1, *options.counts]}
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeats):
            for count in seconds:
                command = [world.SWATHE, "average", *files[:count], "-v", "chlor_a", "-b=-180,-90,180,90"]
                command += ["-r", "0.5", "-m", "bin", "--overwrite", "--progress", "none"]
                outcome, error = world.run([*command, "-o", pathlib.Path(folder) / "out.nc"])
                if outcome is None:
                    raise SystemExit(error)
                seconds[count].append(outcome[0])
                peaks[count] = max(peaks.get(count, 0), outcome[2])
    medians = {count: statistics.median(all) for count, all in seconds.items()}
    for count in options.counts:
        each = 1000 * (medians[count] - medians[1]) / (count - 1)
        print(f"{count:5} granules: {medians[count]:7.3f} s, {each:6.2f} ms each, peak {peaks[count]:4.0f} MiB")


if __name__ == "__main__":
    main()
