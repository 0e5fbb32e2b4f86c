"""Data-days: granules across 180 degrees give each side to its own day, against numpy on all their pixels; and against
the days of NASA's l2bin where its runs lie beside the project."""

import pathlib
import subprocess

import numpy as np
import pytest
from granule_pixels import chlorophyll

xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLD = ROOT.parent / "shared" / "gold"
HOUR = np.timedelta64(3_600_000, "ms")
# PACE crosses the equator at 13 hours.
LOCAL = np.timedelta64(1, "h")

WEST, SOUTH, EAST, NORTH = 165, -12, 195, 12
STEP = 0.5
ROWS, COLUMNS = round((NORTH - SOUTH) / STEP), round((EAST - WEST) / STEP)
AREA = [f"-b={WEST},{SOUTH},{EAST - 360},{NORTH}", "--flags", "none", "-v", "chlor_a"]


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    options = ["--days", "2", f"-b={WEST},{SOUTH},{EAST - 360},{NORTH}", "--lines", "600", "-d", folder]
    subprocess.run([swathe, "simulate", *options], check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


@pytest.fixture(scope="module")
def pixels(granules):
    """For each granule: cell and value of every valid pixel in the box, and the day of each by NASA's rule."""
    gathered = []
    for path in granules:
        lat, lon, values, valid = chlorophyll(path)
        with netCDF4.Dataset(path) as file:
            start = np.datetime64(file.time_coverage_start.rstrip("Z"), "ms")
        reference = start - LOCAL
        day = reference.astype("M8[D]")
        hours = (reference - day.astype("M8[ms]")) / HOUR
        # None of these is near a pole: longitudes are on both sides of 180, or not.
        across = (lon > 90).any() and (lon < -90).any()
        days = np.full(lon.shape, day)
        if across:
            assert hours < 6 or hours > 18
            later = day if hours < 6 else day + 1
            days = np.where(lon >= 0, later, later - 1)
        row = np.ceil((NORTH - lat) / STEP) - 1
        column = np.floor((lon % 360 - WEST) / STEP)
        inside = valid & (row >= 0) & (row < ROWS) & (column >= 0) & (column < COLUMNS)
        cells = (row * COLUMNS + column)[inside].astype(int)
        gathered.append((cells, values[inside], days[inside], across))
    assert sum(across for *_, across in gathered) >= 2 and not all(across for *_, across in gathered)
    return gathered


def average(swathe, granules, out, *options, step=STEP):
    run = [swathe, "average", *granules, *AREA, "-r", str(step), *options, "-o", out]
    subprocess.run(run, check=True, capture_output=True)
    return out


def count_and_mean(cells, values):
    count = np.bincount(cells, minlength=ROWS * COLUMNS)
    total = np.bincount(cells, weights=values, minlength=ROWS * COLUMNS)
    with np.errstate(invalid="ignore"):
        return count.reshape(ROWS, COLUMNS), (total / count).reshape(ROWS, COLUMNS)


def test_pixels_are_in_their_own_day(swathe, granules, pixels, tmp_path):
    out = average(swathe, granules, tmp_path / "days.nc", "-m", "bin", "--every", "day")
    days = np.unique(np.concatenate([days for _, _, days, _ in pixels]))
    with xr.open_dataset(out) as ds:
        starts = ds.time_bnds.values[:, 0].astype("M8[D]")
        assert set(days) <= set(starts)
        counted = np.split(ds.window_granule.values, np.cumsum(ds.window_granules.values)[:-1])
        for i, day in enumerate(starts):
            cells = np.concatenate([c[d == day] for c, _, d, _ in pixels])
            values = np.concatenate([v[d == day] for _, v, d, _ in pixels])
            count, mean = count_and_mean(cells, values)
            np.testing.assert_array_equal(ds.chlor_a_count[i], count, err_msg=str(day))
            np.testing.assert_allclose(ds.chlor_a[i], mean, rtol=3e-7)
            # A granule is listed by the days that it gave anything to.
            own = [g for g, (_, _, d, _) in enumerate(pixels) if (d == day).any()]
            assert list(counted[i]) == own, day


@pytest.mark.parametrize("options", [["-m", "footprint", "--stat", "mean,median,first"], ["-m", "nearest"]])
def test_bytes_do_not_tell_how(swathe, granules, tmp_path, options):
    every = [*options, "--every", "day"]
    one = average(swathe, granules, tmp_path / "1.nc", *every, "--threads", "1").read_bytes()
    for number, (some, more) in enumerate([
        (granules, ["--threads", "2"]),
        (granules[::-1], ["--threads", "2", "--memory", "160MiB"]),
    ]):
        out = average(swathe, some, tmp_path / f"{number + 2}.nc", *every, *more)
        assert out.read_bytes() == one


def test_both_sides_in_one_window_are_the_whole_granule(swathe, granules, tmp_path):
    """A window of all days is the average without windows: a granule counts once in a cell that 180 degrees cuts."""
    stats = ["-m", "footprint", "--stat", "mean,std,first,last", "--weight", "granule"]
    # 180 is no multiple of 0.7.
    whole = average(swathe, granules, tmp_path / "whole.nc", *stats, step=0.7)
    rolling = average(swathe, granules, tmp_path / "rolling.nc", *stats, "--every", "rolling-30day", step=0.7)
    with xr.open_dataset(whole) as one, xr.open_dataset(rolling) as other:
        assert other.sizes["time"] == 1
        for name in ("chlor_a", "chlor_a_std", "chlor_a_first", "chlor_a_last", "chlor_a_granules"):
            np.testing.assert_array_equal(one[name], other[name][0], err_msg=name)


def test_python_has_the_same(swathe, granules, tmp_path):
    """There what granules gave is kept in memory."""
    package = pytest.importorskip("swathe")
    out = average(swathe, granules, tmp_path / "days.nc", "-m", "footprint", "--every", "day", "--stat", "mean,median")
    ours = package.average(
        granules, "chlor_a", bbox=(WEST, SOUTH, EAST - 360, NORTH), resolution=STEP, flags="none", method="footprint",
        every="day", stat=["mean", "median"],
    )  # fmt: skip
    with xr.open_dataset(out) as ds:
        assert ds.sizes["time"] > 1
        for name in ("chlor_a", "chlor_a_median", "chlor_a_count", "window_granules", "window_granule"):
            np.testing.assert_array_equal(ours[name], ds[name], err_msg=name)


def test_days_of_universal_time_are_not_split(swathe, granules, tmp_path):
    out = average(swathe, granules, tmp_path / "utc.nc", "-m", "bin", "--every", "day", "--day", "utc")
    with xr.open_dataset(out) as ds:
        names = ds.granule_name.values.astype(str)
        counted = np.split(ds.window_granule.values, np.cumsum(ds.window_granules.values)[:-1])
        for start, own in zip(ds.time_bnds.values[:, 0].astype("M8[D]"), counted):
            day = str(start).replace("-", "")
            assert all(name.split(".")[1].startswith(day) for name in names[own])


@pytest.mark.skipif(not GOLD.is_dir(), reason="no reference runs beside the project")
def test_days_are_l2bins(swathe, tmp_path):
    """Bins of two days made by l2bin from one granule across 180 degrees, mapped, are the two maps of ours."""
    made = tmp_path / "days.nc"
    box = ["--grid", "l3m-9km"]
    run = [swathe, "average", GOLD / "in" / "dateline.nc", *box, "--preset", "nasa-l3", "--flags", "CLDICE"]
    subprocess.run([*run, "-v", "chlor_a", "--every", "day", "--day", "data-day", "-o", made], check=True)
    with xr.open_dataset(made) as ours:
        starts = ours.time_bnds.values[:, 0].astype("M8[D]")
        assert [str(start) for start in starts] == ["2024-08-01", "2024-08-02"]
        for i, day in enumerate(("2024214", "2024215")):
            theirs = tmp_path / f"{day}.nc"
            run = [swathe, "map", GOLD / "out" / f"dateline_day_{day}.nc", *box, "-m", "nearest"]
            subprocess.run([*run, "-o", theirs], check=True)
            with xr.open_dataset(theirs) as expected:
                np.testing.assert_allclose(ours.chlor_a[i], expected.chlor_a, rtol=1e-6)
                np.testing.assert_array_equal(ours.chlor_a_count[i], expected.chlor_a_count)
                assert np.isfinite(expected.chlor_a).sum() > 500
