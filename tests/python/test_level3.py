"""Statistics, conditions, windows and comparisons of the command, on simulated granules, against numpy."""

import json
import subprocess

import numpy as np
import pytest
from granule_pixels import chlorophyll

xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")

BOX = ["-b=-75,37,-74,38", "-r", "0.25", "-m", "bin", "--flags", "none", "-v", "chlor_a"]


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    options = ["--days", "3", "-b=-75.5,36.5,-73.5,38.5", "-d", folder]
    made = subprocess.run([swathe, "simulate", *options], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.fail(made.stderr)
    return sorted(folder.glob("*.nc"))


@pytest.fixture(scope="module")
def observations(granules):
    """For each granule: cell number and value of every valid pixel in the box, and its longitude."""
    gathered = []
    for path in granules:
        lat, lon, values, valid = chlorophyll(path)
        row = np.ceil((38 - lat) / 0.25) - 1
        column = np.floor((lon + 75) / 0.25)
        inside = valid & (row >= 0) & (row < 4) & (column >= 0) & (column < 4)
        cells = (row * 4 + column)[inside].astype(int)
        gathered.append((cells, values[inside]))
    return gathered


def average(swathe, granules, tmp_path, *options):
    out = tmp_path / "out.nc"
    run = [swathe, "average", *granules, *BOX, *options, "-o", out, "--overwrite"]
    subprocess.run(run, check=True)
    with xr.open_dataset(out) as ds:
        return ds.load()


def by_cell(observations, of, by_granule=False):
    out = np.full(16, np.nan)
    for cell in range(16):
        each = [values[cells == cell] for cells, values in observations]
        if by_granule:
            each = [np.array([values.mean()]) for values in each if len(values)]
        values = np.concatenate(each) if each else np.array([])
        if len(values):
            out[cell] = of(values)
    return out.reshape(4, 4)


@pytest.mark.parametrize("weight", ["observation", "granule"])
def test_statistics_are_numpys(swathe, granules, observations, tmp_path, weight):
    stats = "mean,std,var,min,max,sum,geomean,median,p5,p90"
    ds = average(swathe, granules, tmp_path, "--stat", stats, "--weight", weight)
    by_granule = weight == "granule"
    for name, of in {
        "chlor_a": np.mean,
        "chlor_a_std": np.std,
        "chlor_a_var": np.var,
        "chlor_a_min": np.min,
        "chlor_a_max": np.max,
        "chlor_a_sum": np.sum,
        "chlor_a_geomean": lambda v: np.exp(np.log(v).mean()),
        "chlor_a_geostd": lambda v: np.exp(np.log(v).std()),
        "chlor_a_geomean_count": len,
        "chlor_a_median": np.median,
        "chlor_a_p05": lambda v: np.percentile(v, 5),
        "chlor_a_p90": lambda v: np.percentile(v, 90),
    }.items():
        expected = by_cell(observations, of, by_granule)
        if name.endswith("count"):
            expected = np.nan_to_num(expected)
        tolerance = 2e-6 if "std" in name or "var" in name else 3e-7
        np.testing.assert_allclose(ds[name], expected, rtol=tolerance, err_msg=name)


def test_percentiles_by_way_of_the_disk_and_of_parts_are_the_same(swathe, granules, tmp_path):
    whole = average(swathe, granules, tmp_path, "--stat", "median,p90")
    parts = []
    for i, some in enumerate((granules[::2], granules[1::2])):
        parts.append(tmp_path / f"{i}.swathe")
        run = [swathe, "average", *some, *BOX, "--stat", "median,p90", "-o", parts[-1]]
        subprocess.run(run, check=True)
    out = tmp_path / "merged.nc"
    subprocess.run([swathe, "merge", *reversed(parts), "-o", out], check=True)
    with xr.open_dataset(out) as merged:
        for name in ("chlor_a_median", "chlor_a_p90", "chlor_a_count"):
            np.testing.assert_array_equal(merged[name], whole[name])


def test_conditions_and_computed_variables(swathe, granules, observations, tmp_path):
    ds = average(swathe, granules, tmp_path, "--where", "chlor_a > 0.2 and not chlor_a >= 1")
    kept = [(c[(v > 0.2) & (v < 1)], v[(v > 0.2) & (v < 1)]) for c, v in observations]
    np.testing.assert_allclose(ds.chlor_a, by_cell(kept, np.mean), rtol=3e-7)
    twice = average(swathe, granules, tmp_path, "-v", "twice=2*chlor_a + log10(100)")
    expected = by_cell(observations, lambda v: (2 * v + 2).mean())
    np.testing.assert_allclose(twice.twice, expected, rtol=3e-7)
    assert twice.twice.attrs["long_name"] == "2*chlor_a + log10(100)"
    assert "units" not in twice.twice.attrs
    bad = subprocess.run(
        [swathe, "average", *granules, *BOX, "--where", "clor_a > 1", "-o", tmp_path / "x.nc"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert bad.returncode == 2 and "chlor_a" in bad.stderr and "^" in bad.stderr


def test_windows_are_the_averages_of_their_granules(swathe, granules, tmp_path):
    out = tmp_path / "days.nc"
    run = [swathe, "average", *granules, *BOX, "--every", "day", "-o", out]
    subprocess.run(run, check=True)
    with xr.open_dataset(out) as days:
        assert days.chlor_a.dims[0] == "time" and days.sizes["time"] == 3
        bounds = days.time_bnds.values.astype("M8[s]")
        assert (np.diff(bounds, axis=1) == np.timedelta64(1, "D")).all()
        assert list(days.granule_name.values.astype(str)) == [p.name for p in granules]
        for i, (start, end) in enumerate(bounds):
            # Solar days in the west of the Atlantic are five hours behind.
            day = str(start.astype("M8[D]")).replace("-", "")
            own = [p for p in granules if p.name.split(".")[1].startswith(day)]
            alone = average(swathe, own, tmp_path)
            np.testing.assert_array_equal(days.chlor_a[i], alone.chlor_a)
            np.testing.assert_array_equal(days.chlor_a_count[i], alone.chlor_a_count)


def test_comparing(swathe, granules, tmp_path):
    paths = []
    for i, some in enumerate((granules, granules[:2])):
        paths.append(tmp_path / f"{i}.nc")
        subprocess.run([swathe, "average", *some, *BOX, "-o", paths[-1]], check=True)
    run = [swathe, "compare", *paths, "-v", "chlor_a", "--json", "-o", tmp_path / "both.png"]
    told = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    with xr.open_dataset(paths[0]) as first, xr.open_dataset(paths[1]) as second:
        a, b = (ds.chlor_a.values.astype("f8").ravel() for ds in (first, second))
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    assert told["cells"]["both"] == both.sum()
    for found, x, y in ((told["values"], a, b), (told["log10"], np.log10(a), np.log10(b))):
        assert found["bias"] == pytest.approx((y - x).mean(), rel=1e-9)
        assert found["rmsd"] == pytest.approx(np.sqrt(((y - x) ** 2).mean()), rel=1e-9)
        assert found["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)
    largest = [entry["difference"] for entry in told["largest"]]
    assert abs(largest[0]) == pytest.approx(np.abs(b - a).max(), rel=1e-9)
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")


def test_shares_of_flags(swathe, granules):
    run = [swathe, "info", "--flags", "--json", granules[0]]
    (told,) = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    shares = {flag["name"]: flag for flag in told["flag_shares"]["flags"]}
    with netCDF4.Dataset(granules[0]) as file:
        flags = file["geophysical_data/l2_flags"]
        names, masks = flags.flag_meanings.split(), flags.flag_masks
        bits = flags[:].data
    for name, mask in zip(names, masks):
        if names.count(name) == 1:
            assert shares[name]["pixels"] == ((bits & mask) != 0).sum(), name
    assert told["flag_shares"]["pixels"] == bits.size


def test_files_without_flags_are_told_and_left(swathe, granules, tmp_path):
    flagless = tmp_path / "a.nc"
    with netCDF4.Dataset(flagless, "w") as file:
        file.createDimension("y", 4), file.createDimension("x", 5)
        for name, units in [("lat", "degrees_north"), ("lon", "degrees_east"), ("sst", "K")]:
            variable = file.createVariable(name, "f4", ("y", "x"))
            variable.units = units
            variable[:] = np.arange(20).reshape(4, 5)
        file["sst"].coordinates = "lat lon"
    run = [swathe, "info", "--flags", "--json", flagless, granules[0]]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 1 and "a.nc: it has no quality flags" in done.stderr
    told = json.loads(done.stdout)
    assert "flag_shares" not in told[0] and told[1]["flag_shares"]["pixels"] > 0


def test_the_hint_names_percentiles(swathe, granules, tmp_path):
    run = [swathe, "average", *granules, *BOX, "--stat", "p101", "-o", tmp_path / "a.nc"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 2 and "p0 to p100" in done.stderr
