"""`swathe reduce` is numpy on the stack of maps."""

import csv
import json
import subprocess
import warnings

import numpy as np
import pytest

netCDF4 = pytest.importorskip("netCDF4")
xarray = pytest.importorskip("xarray")

ROWS, COLUMNS = 90, 180
DAYS = ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-15", "2024-03-01", "2024-03-02", "2024-12-31"]


def write(path, day, values, flip=False, lat=None, **attributes):
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", values.shape[0])
        file.createDimension("lon", values.shape[1])
        rows = 90 - (np.arange(values.shape[0]) + 0.5) * 180 / values.shape[0] if lat is None else lat
        columns = -180 + (np.arange(values.shape[1]) + 0.5) * 360 / values.shape[1]
        for name, labels in (("lat", rows[::-1] if flip else rows), ("lon", columns)):
            variable = file.createVariable(name, "f4", (name,))
            variable.units = "degrees_north" if name == "lat" else "degrees_east"
            variable[:] = labels
        variable = file.createVariable("sst", "i2", ("lat", "lon"), zlib=True, fill_value=-32767, chunksizes=(37, 50))
        variable.scale_factor, variable.add_offset = np.float32(0.01), np.float32(20)
        variable.units, variable.long_name = "degree_C", "Sea surface temperature"
        variable[:] = np.ma.masked_invalid(values[::-1] if flip else values)
        if day:
            file.time_coverage_start = f"{day}T00:00:00Z"
            file.time_coverage_end = f"{day}T23:59:59Z"
        file.setncatts(attributes)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Names of files, and what is in them; half of them from south to north."""
    folder = tmp_path_factory.mktemp("maps")
    random = np.random.default_rng(1)
    names = []
    # Names that do not sort by time.
    for i, day in enumerate(DAYS):
        values = random.normal(20, 5, (ROWS, COLUMNS))
        values[random.random(values.shape) < 0.5] = np.nan
        values[:10] = np.nan
        names.append(folder / f"map{len(DAYS) - i}.nc")
        write(names[-1], day, values, flip=i % 2 == 1)
    stack = []
    for name in names:
        with xarray.open_dataset(name) as file:
            stack.append(file.sst.sortby("lat", ascending=False).values.astype(np.float64))
    return names, np.stack(stack)


@pytest.fixture
def reduce(swathe, tmp_path):
    def run(names, *words, code=0):
        command = [swathe, "reduce", *names, "-v", "sst", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


FUNCTIONS = {
    "sst": np.nanmean,
    "sst_std": np.nanstd,
    "sst_var": np.nanvar,
    "sst_min": np.nanmin,
    "sst_max": np.nanmax,
    "sst_sum": np.nansum,
    "sst_median": np.nanmedian,
    "sst_p90": lambda v, axis: np.nanpercentile(v, 90, axis=axis),
    "sst_count": lambda v, axis: np.sum(~np.isnan(v), axis=axis),
}
STATISTICS = "mean,std,var,min,max,sum,median,p90"


def test_over_time(maps, reduce, tmp_path):
    names, stack = maps
    reduce(names, "--stat", STATISTICS, "-o", "mean.nc", "-o", "mean.zarr", "-o", "mean.tif", "-o", "mean.png")
    for name in ("mean.nc", "mean.zarr"):
        with xarray.open_dataset(tmp_path / name, **({"consolidated": False} if "zarr" in name else {})) as made:
            for layer, function in FUNCTIONS.items():
                expected = function(stack, axis=0)
                np.testing.assert_allclose(made[layer].values, expected, rtol=2e-6, atol=1e-5, err_msg=layer)
            np.testing.assert_allclose(made.lat, 90 - (np.arange(ROWS) + 0.5) * 2, atol=1e-5)
            assert made.sst.units == "degree_C"
            assert made.granule_name.size == len(DAYS)
    assert (tmp_path / "mean.png").read_bytes()[:4] == b"\x89PNG"


PERIODS = {
    "all": [DAYS],
    "day": [[day] for day in DAYS],
    "month": [DAYS[:2], DAYS[2:4], DAYS[4:6], DAYS[6:]],
    "season": [DAYS[:4], DAYS[4:6], DAYS[6:]],
    "year": [DAYS[:2], DAYS[2:]],
    "month-of-year": [DAYS[2:4], DAYS[4:6], [*DAYS[:2], DAYS[6]]],
}


@pytest.mark.parametrize("every", PERIODS)
def test_periods(maps, reduce, tmp_path, every):
    names, stack = maps
    reduce(names, "--every", every, "--stat", "mean,max", "-o", "periods.nc", "--memory", "64MiB")
    expected = [np.nanmean(stack[[DAYS.index(day) for day in days]], axis=0) for days in PERIODS[every]]
    with xarray.open_dataset(tmp_path / "periods.nc") as made:
        got = made.sst.values
        np.testing.assert_allclose(got if got.ndim == 3 else got[None], expected, rtol=2e-6)


def area(rows):
    edges = np.deg2rad(90 - np.arange(ROWS + 1) * 2)[rows.start : rows.stop + 1]
    return (np.sin(edges[:-1]) - np.sin(edges[1:]))[:, None]


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (None, range(ROWS), range(COLUMNS)),
        ("-77,36,-73,41", range(24, 27), range(51, 54)),
        ("170,-20,-170,20.5", range(35, 55), [*range(175, 180), *range(5)]),
        ("-180,-90,180,90", range(ROWS), range(COLUMNS)),
        ("200,-20,250,20.5", range(35, 55), range(10, 35)),
    ],
)
def test_over_an_area(maps, reduce, tmp_path, box, rows, columns):
    names, stack = maps
    words = ["-b", box] if box else []
    table = list(csv.DictReader(reduce(names, "--over", "lat,lon", *words).splitlines()))
    centres = 90 - (np.array(rows) + 0.5) * 2
    if box:
        west, south, east, north = map(float, box.split(","))
        assert ((centres >= south) & (centres <= north)).all()
    part = stack[:, rows.start : rows.stop][:, :, list(columns)]
    here = ~np.isnan(part)
    weights = np.broadcast_to(area(rows), part.shape[1:])
    expected = np.nansum(part * weights, axis=(1, 2)) / (here * weights).sum(axis=(1, 2))
    np.testing.assert_allclose([float(row["mean"]) for row in table], expected, rtol=1e-6)
    assert [int(row["count"]) for row in table] == here.sum(axis=(1, 2)).tolist()
    assert [row["time"][:10] for row in table] == DAYS
    # All days of a month together, and cells alike.
    reduce(names, "--over", "lat,lon", "--every", "month", "--weight", "equal", "--stat", "std,mean", *words, "-o", "m.json", "-o", "m.png")
    rows_ = json.loads((tmp_path / "m.json").read_text())["rows"]
    assert [row["time"] for row in rows_] == ["2023-12", "2024-01", "2024-03", "2024-12"]
    assert [row["maps"] for row in rows_] == [2, 2, 2, 1]
    np.testing.assert_allclose(rows_[0]["std"], np.nanstd(part[:2]), rtol=1e-6)
    np.testing.assert_allclose(rows_[2]["mean"], np.nanmean(part[4:6]), rtol=1e-6)
    one = list(csv.DictReader(reduce(names, "--over", "time,lat,lon", "--stat", "max", *words).splitlines()))
    assert float(one[0]["max"]) == pytest.approx(np.nanmax(part), rel=1e-6)
    assert len(one) == 1


def test_a_part_of_a_map_lies_where_it_was(maps, reduce, tmp_path):
    names, stack = maps
    reduce(names, "-b", "170,-20,-170,20.5", "-o", "part.nc")
    with xarray.open_dataset(tmp_path / "part.nc") as made:
        expected = np.nanmean(stack[:, 35:55][:, :, [*range(175, 180), *range(5)]], axis=0)
        np.testing.assert_allclose(made.sst.values, expected, rtol=2e-6)
        np.testing.assert_allclose(made.lon, np.arange(171, 190, 2))
        np.testing.assert_allclose(made.lat, np.arange(19, -20, -2))


def test_the_result_does_not_depend_on_threads_memory_or_order(maps, reduce, tmp_path):
    names, _ = maps
    made = []
    for i, words in enumerate((["--threads", "1"], ["--threads", "5", "--memory", "64MiB"], [])):
        order = names if i < 2 else names[::-1]
        reduce(order, "--stat", "mean,std", "-o", f"{i}.nc", *words)
        made.append((tmp_path / f"{i}.nc").read_bytes())
    assert made[0] == made[1] == made[2]


def test_a_cube_of_ones_own(maps, reduce, tmp_path):
    names, stack = maps
    reduce(names, "--every", "day", "-o", "days.zarr")
    reduce([tmp_path / "days.zarr"], "--every", "month", "-o", "months.nc")
    with xarray.open_dataset(tmp_path / "months.nc") as made:
        np.testing.assert_allclose(made.sst[1], np.nanmean(stack[2:4], axis=0), rtol=2e-6)


def test_what_does_not_fit_is_named(maps, reduce, tmp_path):
    names, _ = maps
    odd = tmp_path / "odd.nc"
    write(odd, "2024-05-01", np.zeros((45, 180)))
    said = reduce([names[0], odd], "-o", "x.nc", code=1)
    assert "odd.nc: its grid is not that of map7.nc: it has 45 x 180 cells, not 90 x 180" in said
    write(odd, "2024-05-01", np.zeros((90, 180)), lat=79 - np.arange(90) * 1.5)
    said = reduce([names[0], odd], "-o", "x.nc", code=1)
    assert "its rows run from 79.75 to -55.25, not from 90 to -90" in said
    write(odd, None, np.zeros((90, 180)))
    assert "odd.nc: it does not say its time" in reduce([odd], "--every", "month", "-o", "x.nc", code=1)
    assert "is not time, lat or lon" in reduce(names, "--over", "depth", code=2)
    assert "lat,lon or time,lat,lon" in reduce(names, "--over", "lat", code=2)
    assert "a map needs an output" in reduce(names, code=2)
    assert ".csv, .json or .png" in reduce(names, "--over", "lat,lon", "-o", "x.nc", code=2)
    assert "a picture shows one map" in reduce(names, "--every", "month", "-o", "x.png", code=2)
    assert "do not count by their area" in reduce(names, "--over", "lat,lon", "--stat", "std", code=2)
    assert "no cell" in reduce(names, "--over", "lat,lon", "-b", "0.1,0.1,0.2,0.2", code=4)
    assert "south below its north" in reduce(names, "--over", "lat,lon", "-b", "0,5,1,4", code=2)
    assert not list(tmp_path.glob("x.*"))
