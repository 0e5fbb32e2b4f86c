"""Ctrl-C at random moments of every long call: it ends, leaves nothing half written, and the package works on.

How soon it ends is printed (``pytest -s``); nothing is asserted of that but a generous guard.
"""

import pathlib
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numpy")
pytest.importorskip("xarray")
package = pytest.importorskip("swathe")

#: Seconds in which a call must have ended: what it would take by itself is longer, or it is called again and again.
GUARD = 60
ROUNDS = 6

#: What is done, for seconds, in a folder of its own; ``many`` are 300 links to granules, ``parts`` partial results.
WORK = {
    "opening granules": "swathe.plan(many, **area)",
    "planning by extents": "swathe.plan(many, **wide, stat='median').estimate()",
    "one large granule on a fine grid": "swathe.average(large, **fine)",
    "many bands": "swathe.grid(aop, [f'Rrs[{i}]' for i in range(0, 172, 4)], **area)",
    "nearest": "swathe.average(granules, **fine, method='nearest')",
    "bilinear": "swathe.average(granules, **fine, method='bilinear')",
    "windows of time": "swathe.average(many, **wide, every='day', stat='mean,std')",
    "medians": "swathe.average(many, **wide, stat='median')",
    "a cube, written": "swathe.grid(many[:40], **wide, output=['a.nc', 'a.zarr'], overwrite=True)",
    "a global map, written": (
        "swathe.average(granules, grid='l3m-4km', stat='mean,std,min,max', "
        "output=['a.nc', 'a.zarr', 'a.tif', 'a.png', 'a.html', 'a.swathe'], overwrite=True)"
    ),
    "a map made of bins": "swathe.average(granules, grid='l3m-4km', preset='nasa-l3', output='a.nc', overwrite=True)",
    "little memory": "swathe.average(many, **wide, memory='150MiB', threads=1)",
    "merging": "swathe.merge(parts, output=['a.nc', 'a.swathe'], overwrite=True)",
    "reducing": "swathe.reduce(maps, 'chlor_a', stat='mean,std,median', output='a.nc', overwrite=True)",
    # A granule that is being made is finished.
    "simulating": "swathe.simulate('made', days=30, lines=100, overwrite=True)",
    "drawing": "swathe.plot(large[0])",
}

SCRIPT = """
import os, pathlib, random, signal, sys, threading, time
import swathe
import xarray
granules, aop, large, many, parts, maps = (sorted(pathlib.Path(sys.argv[1], name).iterdir()) for name in (
    "granules", "aop", "large", "many", "parts", "maps"))
area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
wide = dict(bbox=(-100, 10, -50, 60), resolution=0.05)
fine = dict(bbox=(-100, 10, -50, 60), resolution=0.01)
chance = random.Random(int(sys.argv[2]))
rounds = int(sys.argv[3])

# A function: what KeyboardInterrupt leaves of text that is executed is an exit code of Python's own.
exec("def once(): " + sys.argv[4])

# Others import what they need when they first need it, and an import that is interrupted leaves halves behind.
swathe.average(granules[:1], **area)
sent, times = [], []

def interrupt(after):
    time.sleep(after)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(after):
    try:
        threading.Thread(target=interrupt, args=(after,)).start()
        while True:
            once()
    except KeyboardInterrupt:
        times.append(time.monotonic() - sent[-1])

for _ in range(rounds):
    interrupted(chance.choice([0.02, 0.2, 0.8]) * chance.uniform(0.5, 1.5))
    # No thread is left at work, and nothing half written.
    for _ in range(25):
        before = time.process_time()
        time.sleep(0.2)
        busy = time.process_time() - before
        if busy < 0.1:
            break
    assert busy < 0.1, f"{busy:.2f} s of work after it had ended"
    left = [p.name for p in pathlib.Path().rglob("*") if p.name.endswith(".part")]
    assert not left, left
assert swathe.average(granules[:1], **area).chlor_a.shape == (50, 40)
print(" ".join(f"{1e3 * t:.0f}" for t in times))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Granules, links to them under the names of others, partial results and maps."""
    folder = tmp_path_factory.mktemp("work")
    granules = package.simulate(folder / "granules", lines=400, count=4)
    package.simulate(folder / "aop", suite="aop", lines=200, count=1)
    package.simulate(folder / "large", count=1)
    for name in ("many", "parts", "maps"):
        (folder / name).mkdir()
    for i in range(300):
        # Of other days, that none is another version of another.
        source = granules[i % len(granules)]
        stem = pathlib.Path(source).name.split(".")
        moment = f"2024{1 + i // 28 % 12:02}{1 + i % 28:02}T{i // 28 // 12:02}0000"
        (folder / "many" / ".".join([stem[0], moment, *stem[2:]])).symlink_to(source)
    wide = {"bbox": (-100, 10, -50, 60), "resolution": 0.02}
    for i, granule in enumerate(granules):
        output = [folder / "parts" / f"{i}.swathe", folder / "maps" / f"{i}.nc"]
        package.average(granule, **wide, stat="mean,median", output=output)
    return folder


@pytest.mark.parametrize("name", WORK)
def test_ctrl_c_ends_it(folder, name, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), folder, "1", str(ROUNDS), WORK[name]]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=GUARD * ROUNDS
    )
    assert done.returncode == 0, done.stderr[-2000:]
    print(f"{name}: ended {done.stdout.strip()} ms after Ctrl-C")
