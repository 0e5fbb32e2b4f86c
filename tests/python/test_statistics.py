"""First, last, best, modes, shares, uncertainties and rolling windows on random swaths, against plain numpy."""

import itertools
import subprocess

import numpy as np
import pytest

xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")
package = pytest.importorskip("swathe")

LINES, PIXELS = 40, 30
BOX = ["-b=0,0,4,4", "-r", "1", "-m", "bin", "--flags", "none"]
AREA = {"bbox": (0, 0, 4, 4), "resolution": 1, "method": "bin", "flags": "none"}
KINDS = {"land": 0, "water": 1, "ice": 3}
#: Days since 1 January 2024, 12:00 UTC, and versions of names: two begin at the same time.
GRANULES = [(0, "b"), (0, "a"), (1, "a"), (2, "a"), (5, "a"), (6, "a")]


def write(path, day, seed, **options):
    """A granule whose pixels lie evenly over 5 x 5 degrees, a little shaken, with random values."""
    rng = np.random.default_rng(seed)
    shape = (LINES, PIXELS)
    lat = 4.5 - np.arange(LINES)[:, None] * 0.125 + rng.uniform(-0.02, 0.02, shape)
    lon = -0.5 + np.arange(PIXELS)[None, :] * 0.16 + rng.uniform(-0.02, 0.02, shape)
    with netCDF4.Dataset(path, "w") as nc:
        nc.title, nc.platform = "Level-2 test data", "P"
        nc.processing_level = "L2"
        # Two granules of one start are of two instruments.
        nc.instrument = options.get("instrument", "U" if path.stem.startswith("b") else "T")
        nc.time_coverage_start = f"2024-01-{day + 1:02}T12:00:00.000Z"
        nc.time_coverage_end = f"2024-01-{day + 1:02}T12:05:00.000Z"
        nc.createDimension("number_of_lines", LINES)
        nc.createDimension("pixels_per_line", PIXELS)
        dims = ("number_of_lines", "pixels_per_line")
        for name, values, units in [("latitude", lat, "degrees_north"), ("longitude", lon, "degrees_east")]:
            variable = nc.createVariable(f"navigation_data/{name}", "f4", dims)
            variable.units, variable.standard_name = units, name
            variable[:] = values
        data = {
            "chl": rng.lognormal(0, 1, shape),
            "chl_unc": rng.uniform(0.01, 0.2, shape),
            "angle": rng.integers(0, 60, shape).astype("f8"),
        }
        for name, values in data.items():
            values = values.copy()
            values[rng.random(shape) < 0.2] = np.nan
            if name in options.get("without", ()):
                continue
            variable = nc.createVariable(f"geophysical_data/{name}", "f4", dims, fill_value=-32767.0)
            variable.units = "degree" if name == "angle" else options.get("units", "mg m^-3")
            if name == "chl" and "valid" in options:
                variable.valid_min, variable.valid_max = map(np.float32, options["valid"])
            variable[:] = np.where(np.isnan(values), np.float32(-32767), values.astype("f4"))
        kind = nc.createVariable("geophysical_data/kind", "i1", dims, fill_value=np.int8(-1))
        kind.flag_meanings = " ".join(KINDS)
        kind.flag_values = np.array(list(KINDS.values()), "i1")
        kind[:] = rng.choice([0, 1, 3, -1], shape, p=[0.3, 0.3, 0.3, 0.1])
        bits = nc.createVariable("geophysical_data/bits", "i4", dims)
        bits.flag_meanings = "CLOUD SPARE SHADOW SPARE"
        bits.flag_masks = np.array([1, 2, 4, -(2**31)], "i4")
        bits[:] = rng.integers(0, 8, shape)
        level = nc.createVariable("geophysical_data/level", "i2", dims)
        level[:] = rng.integers(-3, 3, shape)


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    paths = []
    for i, (day, version) in enumerate(GRANULES):
        paths.append(folder / f"{version}{day}.nc")
        write(paths[-1], day, seed=i)
    return paths


@pytest.fixture(scope="module")
def pixels(granules):
    """All pixels in the box, in the order of (time, name, line, pixel): cell, granule and every variable."""
    order = sorted(range(len(granules)), key=lambda i: (GRANULES[i][0], granules[i].name))
    parts = []
    for number, i in enumerate(order):
        with netCDF4.Dataset(granules[i]) as nc:
            nc.set_auto_mask(False)
            lat, lon = (nc[f"navigation_data/{n}"][:].astype("f8") for n in ("latitude", "longitude"))
            data = nc["geophysical_data"].variables
            part = {}
            for name, variable in data.items():
                values = variable[:].astype("f8")
                fill = getattr(variable, "_FillValue", None)
                part[name] = np.where(values == fill, np.nan, values) if fill is not None else values
        row, column = np.ceil(4 - lat).astype(int) - 1, np.floor(lon).astype(int)
        inside = (row >= 0) & (row < 4) & (column >= 0) & (column < 4)
        part["cell"] = row * 4 + column
        part["granule"] = np.full(lat.shape, number)
        parts.append({name: values[inside] for name, values in part.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def run(swathe, granules, out, *options, code=0):
    command = [swathe, "average", *granules, *BOX, *options, "-o", out, "--overwrite"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    if code:
        return done.stderr
    if out.suffix != ".nc":
        return None
    with xr.open_dataset(out) as ds:
        return ds.load()


def by_cell(pixels, name, of, *beside):
    """`of` the values of a variable, and of others beside it, in every cell."""
    out = np.full(16, np.nan)
    valid = np.isfinite(pixels[name])
    for cell in range(16):
        own = valid & (pixels["cell"] == cell)
        if own.any():
            out[cell] = of(*(pixels[n][own] for n in (name, *beside)))
    return out.reshape(4, 4)


def best(values, criterion, pick):
    known = np.isfinite(criterion)
    return values[known][pick(criterion[known])] if known.any() else np.nan


def mode(values):
    classes, counts = np.unique(values, return_counts=True)
    return classes[np.argmax(counts)]


def correlated(values, unc):
    return np.nanmean(unc)


def independent(values, unc):
    unc = unc[np.isfinite(unc)]
    return np.sqrt((unc**2).sum()) / len(unc)


def test_picks_and_uncertainties_are_numpys(swathe, granules, pixels, tmp_path):
    stats = ["--stat", "mean,first,last,unc,unc_independent"]
    ds = run(swathe, granules, tmp_path / "a.nc", "-v", "chl", *stats, "--best", "smallest:angle")
    expected = {
        "chl_first": by_cell(pixels, "chl", lambda v: v[0]),
        "chl_last": by_cell(pixels, "chl", lambda v: v[-1]),
        "chl_best": by_cell(pixels, "chl", lambda v, c: best(v, c, np.argmin), "angle"),
        "chl_unc": by_cell(pixels, "chl", correlated, "chl_unc"),
        "chl_unc_independent": by_cell(pixels, "chl", independent, "chl_unc"),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(ds[name], values, rtol=3e-7, err_msg=name)
    assert ds.chl_best.attrs["chosen_by"] == "smallest angle"
    assert "correlated" in ds.chl_unc.attrs["uncertainty_assumption"]
    assert "are independent" in ds.chl_unc_independent.attrs["uncertainty_assumption"]
    assert ds.chl_unc.attrs["units"] == "mg m^-3"
    # They cost the mean nothing: it is the same.
    plain = run(swathe, granules, tmp_path / "b.nc", "-v", "chl")
    assert set(plain.data_vars) & set(expected) == set()
    np.testing.assert_array_equal(plain.chl, ds.chl)
    # Where an expression is largest, without another statistic.
    ds = run(swathe, granules, tmp_path / "c.nc", "-v", "chl", "--best", "largest:angle * chl")
    product = {**pixels, "product": pixels["angle"] * pixels["chl"]}
    values = by_cell(product, "chl", lambda v, c: best(v, c, np.argmax), "product")
    np.testing.assert_allclose(ds.chl_best, values, rtol=3e-7)
    assert "chl" not in ds


def test_modes_and_shares_are_numpys(swathe, granules, pixels, tmp_path):
    ds = run(swathe, granules, tmp_path / "a.nc", "-v", "kind", "--stat", "mode,share")
    np.testing.assert_array_equal(ds.kind_mode, by_cell(pixels, "kind", mode))
    share_of_mode = by_cell(pixels, "kind", lambda v: (v == mode(v)).mean())
    np.testing.assert_allclose(ds.kind_mode_share, share_of_mode, rtol=3e-7)
    for name, value in KINDS.items():
        share = by_cell(pixels, "kind", lambda v: (v == value).mean())
        np.testing.assert_allclose(ds[f"kind_share_{name}"], share, rtol=3e-7)
        assert ds[f"kind_share_{name}"].attrs["long_name"].endswith(f"share of {name}")
    assert ds.kind_mode.attrs["flag_meanings"] == "land water ice"
    assert list(ds.kind_mode.attrs["flag_values"]) == list(KINDS.values())
    assert ds.kind_mode.attrs["flag_values"].dtype == ds.kind_mode.dtype
    ds = run(swathe, granules, tmp_path / "b.nc", "-v", "bits", "--stat", "share")
    shares = {name for name in ds.data_vars if "share" in name}
    assert shares == {"bits_share_CLOUD", "bits_share_SHADOW"}
    for name, bit in [("CLOUD", 1), ("SHADOW", 4)]:
        share = by_cell(pixels, "bits", lambda v: ((v.astype(int) & bit) != 0).mean())
        np.testing.assert_allclose(ds[f"bits_share_{name}"], share, rtol=3e-7)
    ds = run(swathe, granules, tmp_path / "c.nc", "-v", "level", "--stat", "mode,mean")
    np.testing.assert_array_equal(ds.level_mode, by_cell(pixels, "level", mode))
    np.testing.assert_allclose(ds.level, by_cell(pixels, "level", np.mean), rtol=3e-6, atol=1e-7)


@pytest.mark.parametrize("keep", [[], ["--keep", "granules"]])
@pytest.mark.parametrize("method", ["bin", "nearest", "footprint", "bilinear"])
def test_any_split_gives_the_same(swathe, granules, tmp_path, method, keep):
    options = ["-v", "chl", "-m", method, "-r", "0.4", "--stat", "mean,first,last,unc,unc_independent"]
    options += ["--best", "smallest:angle"]
    box = [word for word in BOX if word not in ("-m", "bin", "-r", "1")]

    def average(some, out, *more):
        command = [swathe, "average", *some, *box, *options, *more, "-o", out, "--overwrite"]
        subprocess.run(command, check=True, capture_output=True)

    average(granules, tmp_path / "all.nc")
    average(granules[::-1], tmp_path / "one.nc", "--threads", "1")
    parts = []
    for i, some in enumerate((granules[1::3], granules[::3], granules[2::3])):
        parts.append(tmp_path / f"{i}.swathe")
        average(some, parts[-1], *keep)
    subprocess.run([swathe, "merge", *parts, "-o", tmp_path / "merged.nc"], check=True)
    first = tmp_path / "two.swathe"
    subprocess.run([swathe, "merge", *parts[:0:-1], "-o", first], check=True)
    subprocess.run([swathe, "merge", first, parts[0], "-o", tmp_path / "again.nc"], check=True)
    # By way of the journal, tile by tile.
    average(granules, tmp_path / "kept.swathe", "--keep", "granules")
    subprocess.run([swathe, "merge", tmp_path / "kept.swathe", "-o", tmp_path / "kept.nc"], check=True)
    whole = (tmp_path / "all.nc").read_bytes()
    for name in ("one", "merged", "again", "kept"):
        assert (tmp_path / f"{name}.nc").read_bytes() == whole, name


def days_of(granules):
    return {path.name: day for path, (day, _) in zip(granules, GRANULES)}


@pytest.mark.parametrize(
    ("every", "starts", "length"),
    [
        ("rolling-3day", [0, 1, 2, 3, 4], 3),
        ("rolling-4day/2day", [0, 2, 4], 4),
        ("rolling-4day/4day", [0, 4], 4),
        ("rolling-30day", [0], 30),
    ],
)
def test_rolling_windows_are_the_averages_of_their_granules(
    swathe, granules, tmp_path, every, starts, length
):
    options = ["-v", "chl", "--stat", "mean,median,last", "--every", every, "--day", "utc"]
    ds = run(swathe, granules, tmp_path / "a.nc", *options)
    bounds = ds.time_bnds.values.astype("M8[D]")
    assert [int(d) for d in (bounds[:, 0] - np.datetime64("2024-01-01")).astype(int)] == starts
    assert {int(d) for d in np.diff(bounds, axis=1).astype(int).ravel()} == {length}
    names = ds.granule_name.values.astype(str)
    ends = np.cumsum(ds.window_granules.values)
    assert ds.window_granules.attrs["sample_dimension"] == "window_member"
    members = np.split(ds.window_granule.values, ends[:-1])
    for i, start in enumerate(starts):
        own = [p for p in granules if start <= days_of(granules)[p.name] < start + length]
        assert sorted(names[members[i]]) == sorted(p.name for p in own)
        alone = run(swathe, own, tmp_path / "b.nc", *options[:4])
        for name in ("chl", "chl_median", "chl_last", "chl_count", "chl_granules"):
            np.testing.assert_array_equal(ds[name][i], alone[name])
    assert set(names[ds.window_granule.values]) == {p.name for p in granules}, "no granule may be left out"


def test_a_granule_in_no_window_is_told_so(swathe, granules, tmp_path):
    ds = run(swathe, granules, tmp_path / "a.nc", "-v", "chl", "--every", "rolling-1day/4day", "--day", "utc")
    left = {p.name for p in granules if days_of(granules)[p.name] not in (0, 4)}
    told = {str(n) for n, why in zip(ds.granule_name.values, ds.granule_reason.values) if why == "in no window of time"}
    assert told == left and len(left) > 2


def test_windows_are_the_same_from_python_and_in_every_format(swathe, granules, tmp_path):
    options = ["-v", "chl", "--every", "rolling-3day", "--day", "utc"]
    run(swathe, granules, tmp_path / "a.nc", *options)
    ours = package.average(granules, "chl", **AREA, every="rolling-3day", day="utc")
    with xr.open_dataset(tmp_path / "a.nc") as file:
        xr.testing.assert_identical(ours, file)
    for suffix in ("zarr", "tif"):
        run(swathe, granules, tmp_path / f"c.{suffix}", *options)
    with xr.open_zarr(tmp_path / "c.zarr", consolidated=False) as cube:
        np.testing.assert_array_equal(cube.chl, ours.chl)
        np.testing.assert_array_equal(cube.window_granule, ours.window_granule)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-v", "chl", "--stat", "mode"], "median"),
        (["-v", "kind"], "mode"),
        (["-v", "kind", "--stat", "mean,mode"], "mean means nothing"),
        (["-v", "level", "--stat", "share"], "declares no classes"),
        (["-v", "angle", "--stat", "unc"], "angle_unc"),
        (["-v", "x=chl*2", "--stat", "unc"], "computed"),
        (["-v", "chl", "--stat", "at_smallest"], "--best"),
        (["-v", "chl", "--best", "least:angle"], "smallest:view_angle"),
        (["-v", "chl", "--best", "smallest:angel"], "angle"),
        (["-v", "chl", "--stat", "unc", "--weight", "granule"], "--weight observation"),
        (["-v", "kind", "--stat", "mode", "--weight", "l2bin"], "--weight observation"),
        (["-v", "kind", "--stat", "mode", "-m", "bilinear"], "cannot be mixed"),
        (["-v", "chl", "--every", "8days"], "8day"),
        (["-v", "chl", "--every", "rolling-0day"], "rolling-8day"),
        (["-v", "chl", "--stat", "medain"], "median"),
        (["-v", "chl", "--day", "utc"], "--every"),
        (["-v", "lat=chl*2"], "lat"),
        (["-v", "time=chl*2"], "time"),
        (["-v", "granule_name=chl*2"], "granule_name"),
        (["-v", "chl", "-v", "chl_count=2*chl"], "chl_count"),
        (["-v", "chl", "-v", "chl_std=2*chl", "--stat", "mean,std"], "chl_std"),
        (["-v", "window_granule=chl*2", "--every", "day"], "window_granule"),
    ],
)
def test_what_means_nothing_is_refused_when_planning(swathe, granules, tmp_path, options, says):
    box = [word for word in BOX if "-m" not in options or word not in ("-m", "bin")]
    command = [swathe, "average", *granules, *box, *options, "-o", tmp_path / "a.nc"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_statistics_given_twice_count_once(swathe, granules, tmp_path):
    once = run(swathe, granules, tmp_path / "a.nc", "-v", "chl", "--stat", "mean")
    twice = run(swathe, granules, tmp_path / "b.nc", "-v", "chl", "--stat", "mean,mean")
    assert list(once.data_vars) == list(twice.data_vars)


def test_granules_that_differ_are_refused(swathe, granules, tmp_path):
    for i, (options, says) in enumerate(
        [({"without": ("chl",)}, "chl"), ({"units": "kg m^-3"}, "units"), ({"without": ("chl_unc",)}, "chl_unc")]
    ):
        odd = tmp_path / f"odd{i}.nc"
        write(odd, 9, seed=99, **options)
        stat = ["--stat", "mean,unc"]
        said = run(swathe, [*granules, odd], tmp_path / "a.nc", "-v", "chl", *stat, code=2)
        assert odd.name in said and says in said
    # Another sensor is not refused, and is recorded.
    other = tmp_path / "other.nc"
    write(other, 9, seed=99, instrument="OTHER")
    ds = run(swathe, [*granules, other], tmp_path / "b.nc", "-v", "chl")
    assert ds.attrs["instrument"] == "OTHER, T, U"


def test_combinations_of_statistics_do_not_touch_each_other(swathe, granules, tmp_path):
    stats = ["mean", "std", "first", "last", "median", "geomean", "unc"]
    whole = run(swathe, granules, tmp_path / "a.nc", "-v", "chl", "--stat", ",".join(stats))
    for pair in itertools.combinations(stats, 2):
        some = run(swathe, granules, tmp_path / "b.nc", "-v", "chl", "--stat", ",".join(pair))
        for name in some.data_vars:
            if name.startswith("chl"):
                np.testing.assert_array_equal(some[name], whole[name])


def test_non_positive_values_of_a_geometric_mean_are_left_out_and_counted(swathe, tmp_path):
    path = tmp_path / "a.nc"
    write(path, 0, seed=3)
    with netCDF4.Dataset(path, "a") as nc:
        nc["geophysical_data/chl"][::3] = -1.0
        nc["geophysical_data/chl"][1::3] = 0.0
    ds = run(swathe, [path], tmp_path / "out.nc", "-v", "chl", "--stat", "geomean,mean")
    left = ds.chl_count - ds.chl_geomean_count
    assert int(left.sum()) > 100
    with netCDF4.Dataset(path) as nc:
        values = nc["geophysical_data/chl"][:].filled(np.nan)
    positive = values[np.isfinite(values) & (values > 0)]
    assert float(ds.chl_geomean.min()) > 0 and int(ds.chl_geomean_count.sum()) <= len(positive)


def test_readers_that_blank_by_the_range_see_every_value(swathe, tmp_path):
    """netCDF4 hides what is outside valid_min and valid_max: no statistic may be told a range that is not its own."""
    granule = tmp_path / "a.nc"
    write(granule, 0, seed=3, valid=(0.01, 2))
    stats = "mean,sum,std,var,min,max,median,geomean,first,last"
    for options, largest in ([], 2), (["--valid-range=0,1000"], 1000), (["--valid-range=-inf,inf"], None):
        out = tmp_path / f"{largest}.nc"
        run(swathe, [granule], out, "-v", "chl", "--stat", stats, *options)
        with netCDF4.Dataset(out) as nc:
            names = [name for name in nc.variables if name == "chl" or name.startswith("chl_")]
            seen = {name: np.ma.count(nc[name][:]) for name in names}
            assert getattr(nc["chl"], "valid_max", None) == largest
            nc.set_auto_mask(False)
            sums, maxima = nc["chl_sum"][:], nc["chl_max"][:]
        assert seen == dict.fromkeys(names, 16)
        assert sums.min() > 2, "the sums must lie outside the range of the values"
        assert (maxima > 2).any() == (largest != 2)


def test_more_observations_than_sixteen_bits_hold(swathe, tmp_path):
    path = tmp_path / "many.nc"
    with netCDF4.Dataset(path, "w") as nc:
        nc.instrument, nc.time_coverage_start = "T", "2024-01-01T12:00:00.000Z"
        nc.createDimension("y", 300), nc.createDimension("x", 300)
        values = np.random.default_rng(0).uniform(1, 2, (300, 300)).astype("f4")
        for name, data, units in [
            ("lat", 1 + np.arange(300)[:, None] * 0.01 + np.zeros((300, 300)), "degrees_north"),
            ("lon", 1 + np.arange(300)[None, :] * 0.01 + np.zeros((300, 300)), "degrees_east"),
            ("t", values, "K"),
        ]:
            variable = nc.createVariable(name, "f4", ("y", "x"))
            variable.units = units
            variable[:] = data
        nc["t"].coordinates = "lat lon"
    grid = ["-b=0,0,5,5", "-r", "5", "-m", "bin"]
    subprocess.run([swathe, "average", path, "-v", "t", *grid, "-o", tmp_path / "a.nc"], check=True)
    with xr.open_dataset(tmp_path / "a.nc") as ds:
        assert int(ds.t_count[0, 0]) == 90_000
        assert float(ds.t[0, 0]) == pytest.approx(values.astype("f8").mean(), rel=1e-7)
    bins = package.average(path, "t", grid="isin-18", output=tmp_path / "bins.nc")
    assert int(bins["count"].sum()) == 90_000 and int(bins["count"].max()) > 32_767
    with netCDF4.Dataset(tmp_path / "bins.nc") as nc:
        listed = nc["level-3_binned_data/BinList"][:]
    np.testing.assert_array_equal(listed["nobs"], bins["count"])
    np.testing.assert_array_equal(listed["bin_num"], bins["bin"])
    middle = np.abs(bins.lat.values - 5) <= 10
    assert middle.all()


def test_the_preset_and_its_windows_from_python(swathe, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("level2")
    granules = package.simulate(folder, days=3, bbox=(-75.5, 36.5, -73.5, 38.5))
    area = {"bbox": (-75, 37, -74, 38), "resolution": 0.1, "stat": ["mean", "std"]}
    words = ["-b=-75,37,-74,38", "-r", "0.1", "--stat", "mean,std", "--preset", "nasa-l3"]
    for options, more in [({}, []), ({"every": "day"}, ["--every", "day"])]:
        ours = package.average(granules, "chlor_a", preset="nasa-l3", **area, **options)
        out = tmp_path / f"{len(more)}.nc"
        command = [swathe, "average", *granules, "-v", "chlor_a", *words, *more, "-o", out]
        subprocess.run(command, check=True)
        with xr.open_dataset(out) as file:
            xr.testing.assert_identical(ours, file)
    # The last of `ours` is by day: each is the map of its own granules.
    names = np.array([str(name) for name in ours.granule_name.values])
    ends = np.cumsum(ours.window_granules.values)
    for i, members in enumerate(np.split(ours.window_granule.values, ends[:-1])):
        own = [p for p in granules if str(p).split("/")[-1] in names[members]]
        if not own:
            assert ours.chlor_a[i].isnull().all()
            continue
        alone = package.average(own, "chlor_a", preset="nasa-l3", **area)
        np.testing.assert_array_equal(ours.chlor_a[i], alone.chlor_a)
        np.testing.assert_array_equal(ours.chlor_a_count[i], alone.chlor_a_count)
    plan = package.plan(granules, "chlor_a", preset="nasa-l3", bbox=(-75, 37, -74, 38), resolution=0.1)
    assert plan.shape == (10, 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": "8days"}, "8day"),
        ({"day": "utk", "every": "day"}, "utc"),
        ({"best": "least:angle"}, "smallest:view_angle"),
        ({"preset": "nasa-l4"}, "nasa-l3"),
        ({"stat": "unc", "weight": "granule"}, 'weight="observation"'),
        ({"preset": "nasa-l3", "stat": "max"}, "mean and std"),
        ({"variable": "lat=chl*2"}, "lat"),
    ],
)
def test_python_answers_mistakes(granules, options, words):
    given = {"variable": "chl", **AREA, **options}
    with pytest.raises(package.errors.PlanError, match=words):
        package.average(granules, **given)


def test_wavelengths_that_differ_are_refused(swathe, tmp_path):
    paths = []
    for i, wavelengths in enumerate(([443.0, 555.0], [443.0, 556.0])):
        paths.append(tmp_path / f"{i}.nc")
        write(paths[-1], i, seed=i)
        with netCDF4.Dataset(paths[-1], "a") as nc:
            nc.createDimension("wavelength_3d", 2)
            bands = nc.createVariable("sensor_band_parameters/wavelength_3d", "f4", ("wavelength_3d",))
            bands.units, bands[:] = "nm", wavelengths
            dims = ("number_of_lines", "pixels_per_line", "wavelength_3d")
            rrs = nc.createVariable("geophysical_data/Rrs", "f4", dims)
            rrs.units, rrs[:] = "sr^-1", 0.01
    said = run(swathe, paths, tmp_path / "a.nc", "-v", "Rrs@555", code=2)
    assert "different bands" in said and "556" in said
    run(swathe, paths, tmp_path / "b.nc", "-v", "Rrs@443")
