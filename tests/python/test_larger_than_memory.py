"""Granules and partial results that do not fit in memory as a whole: the same bytes, within the limit."""

import subprocess
import sys

import numpy as np
import pytest

xr = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    options = ["--days", "4", "--clear", "0.9", "--lines", "600", "-b=-75.5,36.5,-73.5,38.5", "-d", folder]
    subprocess.run([swathe, "simulate", *options], check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


@pytest.fixture(scope="module")
def whole(swathe, tmp_path_factory):
    """Granules of all their lines."""
    folder = tmp_path_factory.mktemp("whole")
    options = ["--days", "5", "--clear", "0.95", "--count", "5", "-b=-75.5,36.5,-73.5,38.5", "-d", folder]
    subprocess.run([swathe, "simulate", *options], check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


# A process begins with the peak of the one that made it: a small one stands between.
WATCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def peak(command):
    """Runs a command; its greatest resident memory, bytes."""
    done = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


# What the process takes before it does anything.
BASE = 64 << 20


@pytest.mark.parametrize("method", ["footprint", "bin"])
def test_a_granule_gives_to_a_fine_grid_in_turns(swathe, granules, tmp_path, method):
    """Six million cells that one granule covers."""
    fine = ["-b=-77,36,-73,39.2", "-r", "0.0015", "-v", "chlor_a", "--flags", "none", "-m", method]
    run = [swathe, "average", *granules[:2], *fine, "--stat", "mean,std,median", "--threads", "2"]
    told = subprocess.run(
        [*run, "--memory", "256MiB", "--dry-run", "-o", tmp_path / "no.nc"], check=True, capture_output=True, text=True
    ).stdout
    assert "in turns of some tiles: lines are decoded" in told
    taken = peak([*run, "--memory", "256MiB", "-o", tmp_path / "turns.nc"])
    assert taken < BASE + (256 << 20)
    subprocess.run([*run, "--memory", "4GiB", "-o", tmp_path / "once.nc"], check=True, capture_output=True)
    assert (tmp_path / "turns.nc").read_bytes() == (tmp_path / "once.nc").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["once.nc", "turns.nc"]
    refused = subprocess.run(
        [*run, "--memory", "40MiB", "-o", tmp_path / "no.nc"], capture_output=True, text=True
    ).stderr
    least = int(refused.split("give --memory ")[1].split("MiB")[0])
    assert 40 < least <= 256
    subprocess.run([*run, "--memory", f"{least}MiB", "--dry-run", "-o", tmp_path / "no.nc"], check=True)


def test_the_hint_fits_the_outputs(swathe, granules, tmp_path):
    """That .nc takes less is no hint where it is the only output."""
    huge = ["-b=-180,-85,180,85", "-r", "0.004", "-v", "chlor_a", "--flags", "none", "-m", "nearest"]
    run = [swathe, "average", *granules, *huge, "-o", tmp_path / "a.nc", "--memory", "20MiB"]
    alone = subprocess.run(run, capture_output=True, text=True).stderr
    assert "alone" not in alone and "memory" in alone


def test_percentiles_merged_within_a_limit(swathe, whole, tmp_path):
    """Some millions of observations in one tile, in two parts."""
    area = ["-b=-110,10,-40,70", "-r", "0.5", "-v", "chlor_a", "--flags", "none", "-m", "bin", "--stat", "median,p5"]
    subprocess.run([swathe, "average", *whole, *area, "-o", tmp_path / "all.nc", "-o", tmp_path / "all.swathe"])
    parts = [tmp_path / "a.swathe", tmp_path / "b.swathe"]
    for part, some in zip(parts, (whole[::2], whole[1::2])):
        subprocess.run([swathe, "average", *some, *area, "-o", part], check=True, capture_output=True)
    run = [swathe, "merge", *parts]
    refused = subprocess.run([*run, "--memory", "20MiB", "-o", tmp_path / "no.nc"], capture_output=True, text=True)
    assert refused.returncode == 2 and "merging needs at least" in refused.stderr
    least = int(refused.stderr.split("give --memory ")[1].split("MiB")[0])
    merged = tmp_path / "merged.nc"
    taken = peak([*run, "--memory", f"{least}MiB", "-o", merged, "-o", tmp_path / "merged.swathe"])
    assert taken < BASE + (least << 20)
    free = peak([*run, "--memory", "8GiB", "-o", tmp_path / "free.nc"])
    with xr.open_dataset(merged) as ds:
        assert ds.chlor_a_count.sum() > 2_000_000
        # Otherwise nothing was held back.
        assert free > taken
    for name in ("nc", "swathe"):
        assert (tmp_path / f"merged.{name}").read_bytes() == (tmp_path / f"all.{name}").read_bytes()
    assert (tmp_path / "free.nc").read_bytes() == merged.read_bytes()
    with xr.open_dataset(merged) as ds:
        assert np.isfinite(ds.chlor_a_median).any()
