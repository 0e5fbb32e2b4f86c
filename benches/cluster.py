"""Many small granules on a Dask cluster of this machine, against the same run in one process.

    swathe simulate -d GRANULES --global --days 9 --lines 200 --count 1000
    python benches/cluster.py GRANULES [--workers 2] [--repeats 3] [--grid 0.1deg]

The granules are averaged by `bin` on a global grid of half a degree: here, on as many threads as there are workers, and
on a LocalCluster of workers with one thread each. Prints medians of the seconds that `swathe.average` takes, planning
and the finished data set included, the start of the cluster not; the memory that the client takes beyond what it had
when it began; and the most that a worker had.
"""

import argparse
import pathlib
import statistics
import threading
import time

import distributed
import swathe


def resident():
    """Bytes of this process."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no /proc")


class Peak(threading.Thread):
    """The most memory of this process, beyond what it has now."""

    def __enter__(self):
        self.before = self.most = resident()
        self.over = threading.Event()
        self.start()
        return self

    def run(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, resident())

    def __exit__(self, *_):
        self.over.set()
        self.join()

    @property
    def mebibytes(self):
        return (self.most - self.before) / 2**20


def high_water(dask_worker):
    """The most memory that a worker has had, MiB."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granules", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--grid", help="a named grid, in place of half a degree")
    options = parser.parse_args()
    paths = sorted(options.granules.glob("*.nc"))
    job = {"variable": "chlor_a", "method": "bin"}
    job |= {"grid": options.grid} if options.grid else {"bbox": (-180, -90, 180, 90), "resolution": 0.5}
    with distributed.LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        for count in options.counts:
            seconds, peaks = {"here": [], "there": []}, {"here": 0.0, "there": 0.0}
            for repeat in range(options.repeats):
                # Another range gives tasks other names: nothing is remembered from the last time.
                own = job | {"valid_range": (0, 100 + repeat + count)}
                results = []
                for where, how in [("here", {"threads": options.workers}), ("there", {"client": client})]:
                    with Peak() as peak:
                        began = time.perf_counter()
                        results.append(swathe.average(paths[:count], **own, **how))
                        seconds[where].append(time.perf_counter() - began)
                    peaks[where] = max(peaks[where], peak.mebibytes)
                assert results[0].identical(results[1])
                del results
            here, there = (statistics.median(all) for all in seconds.values())
            print(
                f"{count:5} granules: here {here:6.2f} s, +{peaks['here']:4.0f} MiB; on {options.workers} workers "
                f"{there:6.2f} s, client +{peaks['there']:4.0f} MiB, worker {max(client.run(high_water).values()):4.0f} MiB"
                f" at most; ratio {there / here:.2f}"
            )


if __name__ == "__main__":
    main()
