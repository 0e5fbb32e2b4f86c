"""The area job on granules at a server, beside other ways to do it from the same server.

    python benches/remote.py [--granules DIR] [--latency 50] [--bandwidth 50] [--repeats 3] [--without-rival]
                             [--programs target/release] [--as-they-are]

The job: chlor_a of some granules on a grid of 0.015 degrees over 77-73 W, 36-41 N, method nearest, averaged over time. The
granules (simulated, unless a folder of them is given) are written again by netCDF4-python, so that their
metadata lie where netCDF-C puts them, and served by the stand-in server: `latency` ms before every answer,
redirects included, `bandwidth` MB/s on each connection. Needs `cargo build --release -p swathe -p stand-in`, the
package `swathe`, netCDF4; the rival needs fsspec, aiohttp, h5netcdf and rioxarray.

Prints requests, bytes and seconds of each way, and the bytes of the chunks that are needed.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import netCDF4

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/python"))
import stand_in  # noqa: E402

GRID = ["-b=-77,36,-73,41", "-r", "0.015", "-m", "nearest"]
RIVAL = '''
import sys, fsspec, numpy as np, xarray as xr, rioxarray
token, block, *links = sys.argv[1:]
files = fsspec.filesystem("http", client_kwargs={"headers": {"Authorization": "Bearer " + token}, "trust_env": False})
from affine import Affine
transform, shape = Affine(0.015, 0, -77.01, 0, -0.015, 41.01), (334, 268)
layers = []
for link in links:
    # As earthaccess.open opens files of this size.
    file = files.open(link, cache_type="background", block_size=int(block))
    dt = xr.open_datatree(file, engine="h5netcdf")
    da = dt["geophysical_data"]["chlor_a"].rio.set_spatial_dims("pixels_per_line", "number_of_lines")
    da = da.rio.set_crs("epsg:4326")
    lon, lat = dt["navigation_data"]["longitude"], dt["navigation_data"]["latitude"]
    layers.append(da.rio.reproject("epsg:4326", shape=shape, transform=transform, src_geoloc_array=(lon, lat)))
mean = xr.concat(layers, "time").mean("time")
assert mean.notnull().any()
'''


def copy(source, target):
    """Defines everything first, as programs on netCDF-C do; pairs of variables to fill."""
    target.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
    for name, dimension in source.dimensions.items():
        target.createDimension(name, len(dimension))
    pairs = []
    for name, old in source.variables.items():
        filters = old.filters() or {}
        chunks = old.chunking()
        new = target.createVariable(
            name, old.dtype, old.dimensions,
            fill_value=getattr(old, "_FillValue", None),
            zlib=bool(filters.get("zlib")), complevel=filters.get("complevel") or 4,
            shuffle=bool(filters.get("shuffle")),
            chunksizes=None if chunks == "contiguous" else chunks,
        )
        new.setncatts({k: old.getncattr(k) for k in old.ncattrs() if k != "_FillValue"})
        for variable in (old, new):
            variable.set_auto_maskandscale(False)
        pairs.append((old, new))
    for name, group in source.groups.items():
        pairs += copy(group, target.createGroup(name))
    return pairs


def rewrite(source, target):
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w") as new:
        for a, b in copy(old, new):
            b[...] = a[...]


def fetch(server, token, name, folder):
    """A whole file, through its redirect."""
    def get(address, headers):
        url = urllib.parse.urlsplit(address)
        connection = http.client.HTTPConnection(url.netloc)
        connection.request("GET", f"{url.path}?{url.query}" if url.query else url.path, headers=headers)
        return connection.getresponse()

    signed = get(server.link(name), {"Authorization": f"Bearer {token}"}).headers["Location"]
    answer = get(signed, {})
    with open(folder / name, "wb") as file:
        while piece := answer.read(1 << 20):
            file.write(piece)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--granules", type=pathlib.Path)
    parser.add_argument("--latency", type=int, default=50)
    parser.add_argument("--bandwidth", type=float, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-rival", action="store_true")
    parser.add_argument("--as-they-are", action="store_true", help="the granules are netCDF-C's already")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target/release")
    arguments = parser.parse_args()
    stand_in.PROGRAM = arguments.programs / "stand-in"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        originals = arguments.granules
        if originals is None:
            originals = scratch / "simulated"
            subprocess.run([arguments.programs / "swathe", "simulate", "-d", originals], check=True, capture_output=True)
        granules = scratch / "granules"
        granules.mkdir()
        for file in sorted(originals.glob("*.nc")):
            if arguments.as_they_are:
                (granules / file.name).symlink_to(file.resolve())
            else:
                rewrite(file, granules / file.name)
        with stand_in.serving(granules) as server:
            measure(arguments, scratch, granules, server)


def measure(arguments, scratch, granules, server):
    names = sorted(file.name for file in granules.glob("*.nc"))
    links = [server.link(name) for name in names]
    token = server.settings["EARTHDATA_TOKEN"]
    environment = os.environ | server.settings | {"SWATHE_CACHE": "none"}
    behaviour = {"latency": arguments.latency, "bandwidth": arguments.bandwidth * 1e6}
    options = ["-v", "chlor_a", *GRID, "--flags", "none", "--weight", "granule", "--overwrite"]

    def average(inputs, output, **more):
        command = [arguments.programs / "swathe", "average", *inputs, *options, "-o", scratch / output]
        subprocess.run(command, env=environment | more, check=True, capture_output=True)

    def streamed():
        average(links, "far.nc")

    def cached():
        average(links, "cached.nc", SWATHE_CACHE=str(scratch / "cache"))

    def downloaded():
        whole = scratch / "whole"
        whole.mkdir(exist_ok=True)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: fetch(server, token, name, whole), names))
        average([whole / name for name in names], "whole.nc")

    def rival():
        largest = max((granules / name).stat().st_size for name in names)
        block = (4 if largest < 100 << 20 else 8) << 20
        subprocess.run([sys.executable, "-c", RIVAL, token, str(block), *links], env=environment, check=True)

    ways = {"swathe, streamed": streamed, "swathe, second run with the cache": cached,
            "whole files first, 8 threads, then swathe": downloaded}
    if not arguments.without_rival:
        ways["fsspec + h5netcdf + rioxarray"] = rival
    server.behave()
    cached()
    average([granules / name for name in names], "near.nc")
    seconds = {name: [] for name in ways}
    costs = {}
    for turn in range(arguments.repeats):
        for name, way in ways.items():
            if way is rival and turn > 0:
                continue
            server.behave(**behaviour)
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
            log = server.log()
            costs[name] = (len(log), sum(request["bytes"] for request in log))
    same = (scratch / "far.nc").read_bytes() == (scratch / "near.nc").read_bytes()
    print(f"{len(names)} granules, {sum((granules / n).stat().st_size for n in names) / 1e6:.1f} MB; "
          f"products are {'the same' if same else 'DIFFERENT'}")
    needed = needed_bytes(granules)
    print(f"chunks that are needed: {needed / 1e6:.2f} MB; "
          f"1.15 times that and 256 KiB a granule: {(1.15 * needed + len(names) * 2**18) / 1e6:.2f} MB")
    ours = statistics.median(seconds["swathe, streamed"])
    for name, (requests, received) in costs.items():
        median = statistics.median(seconds[name])
        print(f"{name:44} {requests:5} requests {received / 1e6:8.2f} MB {median:8.3f} s  {median / ours:6.1f} x")


def needed_bytes(granules):
    """Stored bytes of the chunks of latitude, longitude and chlor_a that the job reads."""
    import swathe

    plan = swathe.plan(sorted(granules.glob("*.nc")), "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.015,
                       method="nearest", flags="none", weight="granule")
    return int(plan.estimate().bytes_to_read.sum())


if __name__ == "__main__":
    main()
