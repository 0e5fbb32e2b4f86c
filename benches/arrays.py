"""Arrays larger than memory beside numpy and dask; a year's maps beside xarray and dask.

    cargo build --release && cargo build --release -p swathe-core --example normal_floor
    python benches/arrays.py mean [--values 134217728]
    python benches/arrays.py reduce FOLDER [--files 100] [--memory 512MiB]

`mean`: the mean of 2^27 normal numbers (1 GiB) in chunks of 2^22: numpy in a serial loop, dask with a LocalCluster of
four workers as in the tutorial (its start not counted) and with two, dask on threads, swathe with dask's own
streams on two threads, and the floor: the generator alone, filling a buffer in cache. Each is a process of its
own; peak memory is that of all its processes.

`reduce`: FOLDER gets files like Level-3 mapped ones (8640 x 4320, compressed), if they are not there; their mean over
time by swathe, and by xarray.open_mfdataset with dask.

It needs numpy, dask[distributed], xarray, h5netcdf and netCDF4.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SWATHE = ROOT / "target/release/swathe"
FLOOR = ROOT / "target/release/examples/normal_floor"
SEED = 5179916885778238210
PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid):
    """A process and all below it."""
    found = [pid]
    for one in found:
        try:
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            pass
    return found


def proportional(pid):
    """Memory of a process, shared pages divided among those that share them."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def run(command, **options):
    """Output, seconds and peak memory (MiB) of a command with all its processes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    peak = 0

    def watch():
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, sum(map(proportional, family(process.pid))))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, error = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(f"{command}: {error}")
    return out, time.perf_counter() - started, peak / 1024


NUMPY = """
import time, numpy as np
rng = np.random.default_rng({seed}); n = 2**24; times = []
for _ in range(3):
    t = time.perf_counter(); s = 0
    for _ in range({values} // n):
        s += rng.normal(1, 2, size=n).mean()
    times.append(time.perf_counter() - t)
print(s / ({values} // n), *times)
"""
DASK = """
import time, numpy as np, dask, dask.array as da
if __name__ == "__main__":
    if {workers}:
        from dask.distributed import Client
        client = Client(n_workers={workers}, threads_per_worker=1, memory_limit="512MiB")
    else:
        dask.config.set(scheduler="threads")
    x = da.random.default_rng(np.random.default_rng({seed})).normal(1, 2, size={values}, chunks=2**22).mean()
    times = []
    for _ in range(3):
        t = time.perf_counter(); mean = x.compute(); times.append(time.perf_counter() - t)
    print(mean, *times)
"""


def mean(options):
    values, folder = options.values, pathlib.Path("/tmp")
    rows = []

    def script(name, text, **words):
        path = folder / f"swathe_bench_{os.getpid()}.py"
        path.write_text(text.format(seed=SEED, values=values, **words))
        out, _, peak = run([sys.executable, path])
        path.unlink()
        value, *times = map(float, out.split())
        rows.append((name, statistics.median(times), peak, value))

    script("numpy, serial", NUMPY)
    script("dask, 4 workers", DASK, workers=4)
    script("dask, 2 workers", DASK, workers=2)
    script("dask, threads", DASK, workers=0)
    expression = f"normal(1, 2, size={values}, chunks=2**22).mean()"
    command = [SWATHE, "array", expression, "--seed", str(SEED), "--threads", "2", "--json"]
    for kind in ("dask", "place"):
        said = [json.loads(run([*command, "--streams", kind])[0]) for _ in range(5)]
        peak = max(one["peak_bytes"] for one in said) / 2**20
        rows.append((f"swathe, {kind}", statistics.median(one["seconds"] for one in said), peak, said[0]["value"]))
    floor = json.loads(run([FLOOR, str(values)])[0]) if FLOOR.exists() else {"seconds": float("nan")}
    rows.append(("floor, 2 threads", floor["seconds"], 0, float("nan")))
    ours = next(row[1] for row in rows if row[0] == "swathe, dask")
    for name, seconds, peak, value in rows:
        print(
            f"{name:18} {seconds:7.3f} s {values / seconds / 1e6:8.0f} M/s  peak {peak:6.0f} MiB  "
            f"ratio {seconds / ours:5.2f}  mean {value:.15f}"
        )


def make(folder, count):
    """Files like Level-3 days: a few fields, their gaps and times different."""
    import netCDF4
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    lat, lon = 90 - (np.arange(4320) + 0.5) / 24, -180 + (np.arange(8640) + 0.5) / 24
    smooth = np.exp(np.sin(np.deg2rad(3 * lat))[:, None] + np.cos(np.deg2rad(2 * lon))[None]).astype("f4")
    models = []
    for i in range(count):
        path = folder / f"PACE_OCI.2024{i:04}.L3m.DAY.CHL.V3_0.chlor_a.4km.nc"
        if path.exists():
            continue
        if len(models) < 4:
            gaps = np.kron(rng.random((135, 270)) < 0.75, np.ones((32, 32), bool))
            field = smooth * rng.lognormal(0, 0.05, smooth.shape).astype("f4")
            field[gaps] = -32767
            with netCDF4.Dataset(path, "w") as file:
                file.createDimension("lat", 4320)
                file.createDimension("lon", 8640)
                for name, values in (("lat", lat), ("lon", lon)):
                    variable = file.createVariable(name, "f4", (name,))
                    variable.units = "degrees_north" if name == "lat" else "degrees_east"
                    variable[:] = values
                variable = file.createVariable(
                    "chlor_a", "f4", ("lat", "lon"), zlib=True, complevel=4, fill_value=-32767, chunksizes=(512, 1024)
                )
                variable.units = "mg m^-3"
                variable[:] = field
            models.append(path)
        else:
            shutil.copy(models[i % 4], path)
        with netCDF4.Dataset(path, "a") as file:
            day = np.datetime64("2024-01-01") + i
            file.time_coverage_start = f"{day}T00:00:00Z"
            file.time_coverage_end = f"{day}T23:59:59Z"


XARRAY = """
import time, sys, glob, numpy as np, xarray as xr, dask
files = sorted(glob.glob({pattern!r}))
if __name__ == "__main__":
    t = time.perf_counter()
    dask.config.set(scheduler={scheduler!r})
    ds = xr.open_mfdataset(files, combine="nested", concat_dim="time", engine={engine!r}, chunks={chunks},
                           drop_variables=["palette"], data_vars="all", coords="minimal", compat="override")
    mean = ds.chlor_a.mean("time").compute()
    print(float(mean.mean()), time.perf_counter() - t)
    np.save({output!r}, mean.values)
"""


def reduce(options):
    import numpy as np
    import xarray as xr

    make(options.folder, options.files)
    files = sorted(options.folder.glob("*.nc"))[: options.files]
    names = options.folder / "names.txt"
    names.write_text("\n".join(map(str, files)))
    output = options.folder / "mean.zarr"
    command = [SWATHE, "reduce", f"@{names}", "-v", "chlor_a", "--over", "time", "--memory", options.memory]
    command += ["--threads", "2", "-o", output, "--overwrite"]
    times = []
    for _ in range(2):
        _, seconds, peak = run(command)
        times.append(seconds)
    ours = min(times)
    print(f"swathe reduce, 2 threads, {options.memory}: {ours:.2f} s, peak {peak:.0f} MiB", flush=True)
    own = xr.open_zarr(output, consolidated=False).chlor_a.values
    for engine, scheduler, chunks in (("h5netcdf", "threads", "{}"), ("netcdf4", "threads", "{}")):
        path, result = options.folder / "peer.py", options.folder / "peer.npy"
        pattern = str(options.folder / "*.nc")
        words = {"pattern": pattern, "engine": engine, "scheduler": scheduler, "chunks": chunks}
        path.write_text(XARRAY.format(output=str(result), **words))
        out, _, peak = run([sys.executable, path])
        seconds = float(out.split()[1])
        other = np.load(result)
        far = np.nanmax(np.abs(own - other) / np.abs(other))
        print(f"xarray {engine}, dask {scheduler}: {seconds:.2f} s, peak {peak:.0f} MiB, ratio {seconds / ours:.1f}")
        print(f"    largest relative difference {far:.1e}, missing alike: {(np.isnan(own) == np.isnan(other)).all()}")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("mean")
    one.add_argument("--values", type=int, default=2**27)
    one.set_defaults(run=mean)
    two = commands.add_parser("reduce")
    two.add_argument("folder", type=pathlib.Path)
    two.add_argument("--files", type=int, default=100)
    two.add_argument("--memory", default="512MiB")
    two.set_defaults(run=reduce)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
