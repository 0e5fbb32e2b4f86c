"""swathe.reduce is the command's, and numpy's on the stack of maps."""

import warnings

import pytest
from test_reduce import DAYS, FUNCTIONS, PERIODS, STATISTICS, maps  # noqa: F401

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_over_time_is_the_commands_file_opened(maps, swathe, tmp_path):  # noqa: F811
    import subprocess

    names, stack = maps
    made = package.reduce(names, "sst", stat=STATISTICS)
    for layer, function in FUNCTIONS.items():
        np.testing.assert_allclose(made[layer].values, function(stack, axis=0), rtol=2e-6, atol=1e-5)
    output = tmp_path / "command.nc"
    command = [swathe, "reduce", *names, "-v", "sst", "--stat", STATISTICS, "-o", output]
    subprocess.run(command, check=True, capture_output=True)
    with xr.open_dataset(output, engine="netcdf4") as theirs:
        xr.testing.assert_identical(made, theirs.load())
    ours = [tmp_path / "ours.nc", tmp_path / "ours.zarr", tmp_path / "ours.png"]
    package.reduce([str(name) for name in names], "sst", stat=STATISTICS.split(","), output=ours)
    assert ours[0].read_bytes() == output.read_bytes()
    assert all(path.exists() for path in ours)


@pytest.mark.parametrize("every", PERIODS)
def test_periods(maps, every):  # noqa: F811
    names, stack = maps
    made = package.reduce(names, "sst", every=every, memory="64MiB", threads=2)
    expected = [np.nanmean(stack[[DAYS.index(day) for day in days]], axis=0) for days in PERIODS[every]]
    got = made.sst.values if every != "all" else made.sst.values[None]
    np.testing.assert_allclose(got, expected, rtol=2e-6)


def test_over_an_area(maps, tmp_path):  # noqa: F811
    names, stack = maps
    output = [tmp_path / "area.csv", tmp_path / "area.json", tmp_path / "area.png"]
    made = package.reduce(names, "sst", over=["lat", "lon"], stat="mean,max", output=output, bbox=(-60, -30, 60, 30))
    lat, lon = 90 - (np.arange(90) + 0.5) * 2, -180 + (np.arange(180) + 0.5) * 2
    rows, columns = np.abs(lat) < 30, np.abs(lon) < 60
    part = stack[:, rows][:, :, columns]
    weights = np.where(np.isnan(part), 0, np.cos(np.radians(lat[rows]))[:, None])
    mean = np.nansum(part * weights, axis=(1, 2)) / weights.sum(axis=(1, 2))
    np.testing.assert_allclose(made.sst, mean, rtol=1e-4)
    np.testing.assert_allclose(made.sst_max, np.nanmax(part, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(made.sst_count, np.sum(~np.isnan(part), axis=(1, 2)))
    assert made.sst.dims == ("time",) and made.sst.attrs["units"] == "degree_C"
    assert [str(time)[:10] for time in made.time.values] == sorted(DAYS)
    table = made.to_dataframe()
    assert list(table.columns) == ["sst", "sst_max", "sst_count", "maps", "period"]
    import csv

    rows = list(csv.DictReader(output[0].open()))
    assert [float(row["mean"]) for row in rows] == made.sst.values.tolist()
    equal = package.reduce(names, "sst", over="time,lat,lon", weight="equal")
    np.testing.assert_allclose(equal.sst, [np.nanmean(stack)], rtol=1e-6)
    assert int(equal.maps[0]) == len(DAYS)
    months = package.reduce(names, "sst", over="lat,lon", every="month")
    assert months.period.values.tolist() == ["2023-12", "2024-01", "2024-03", "2024-12"]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"files": []}, errors.NothingToDoError, "no file"),
        ({"files": "nowhere.nc"}, errors.IoError, "nowhere"),
        ({"files": 3}, TypeError, "3"),
        ({"variable": "ssst"}, errors.MissingError, "did you mean sst"),
        ({"variable": None}, TypeError, "a name"),
        ({"over": "depth"}, errors.PlanError, "depth"),
        ({"over": "lat"}, errors.PlanError, "can be reduced"),
        ({"stat": "meen"}, errors.PlanError, "meen"),
        ({"stat": []}, errors.PlanError, "no statistic"),
        ({"every": "week"}, errors.PlanError, "month"),
        ({"weight": "heavy"}, errors.PlanError, "area or equal"),
        ({"bbox": (1, 2, 3)}, errors.PlanError, "4 numbers"),
        ({"bbox": (0, 5, 1, 4)}, errors.PlanError, "south below"),
        ({"bbox": (0.1, 0.1, 0.2, 0.2)}, errors.NothingToDoError, "no cell"),
        ({"memory": "much"}, errors.PlanError, "no size"),
        ({"memory": 1}, errors.PlanError, '1 are allowed .give memory="2MiB" or more'),
        ({"memory": 0}, errors.PlanError, "at least 1"),
        ({"memory": 0.5}, TypeError, "number of bytes"),
        ({"threads": 0}, errors.PlanError, "at least 1"),
        ({"output": "map.jpg"}, errors.PlanError, "jpg"),
        ({"over": "lat,lon", "output": "map.nc"}, errors.PlanError, "csv"),
        ({"over": "lat,lon", "stat": "std"}, errors.PlanError, "by their area"),
        ({"evry": "month"}, TypeError, "did you mean 'every'"),
    ],
    ids=str,
)
def test_mistakes_are_answered(maps, change, kind, words):  # noqa: F811
    import re

    names, _ = maps
    with pytest.raises(kind, match=words) as raised:
        package.reduce(**{"files": names, "variable": "sst", **change})
    assert not re.search(r"(^|\s)--?[a-z]", str(raised.value)), raised.value


def test_an_output_is_not_replaced(maps, tmp_path):  # noqa: F811
    names, _ = maps
    output = tmp_path / "mean.csv"
    output.write_text("mine")
    with pytest.raises(errors.SwatheError, match="overwrite=True replaces it"):
        package.reduce(names, "sst", over="lat,lon", output=output)
    assert output.read_text() == "mine"
    package.reduce(names, "sst", over="lat,lon", output=output, overwrite=True)
    assert output.read_text().startswith("time,maps,mean")


def test_progress_and_its_exceptions(maps):  # noqa: F811
    names, _ = maps
    told = []
    package.reduce(names, "sst", progress=lambda *step: told.append(step))
    assert told and told[-1][0] == told[-1][1]

    def stop(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        package.reduce(names, "sst", progress=stop)
