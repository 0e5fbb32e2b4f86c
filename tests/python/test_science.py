"""What an ocean-colour scientist may ask for or get wrong: sensors, bands, flags and windows that differ, files of bins
that are odd, what readers of Level-3 files look for, and the same from Python."""

import datetime
import json
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from test_statistics import AREA, run, write

xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")
h5py = pytest.importorskip("h5py")
package = pytest.importorskip("swathe")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    paths = [folder / "a.nc", folder / "c.nc"]
    for day, path in enumerate(paths):
        write(path, day, seed=day)
    return paths


def spectral(path, day, wavelengths, units="sr^-1"):
    """A granule with reflectances that are their band's number."""
    write(path, day, seed=day)
    with netCDF4.Dataset(path, "a") as nc:
        nc.createDimension("wavelength_3d", len(wavelengths))
        bands = nc.createVariable("sensor_band_parameters/wavelength_3d", "f4", ("wavelength_3d",))
        bands.units, bands[:] = "nm", wavelengths
        dims = ("number_of_lines", "pixels_per_line", "wavelength_3d")
        rrs = nc.createVariable("geophysical_data/Rrs", "f4", dims)
        rrs.units, rrs[:] = units, np.arange(1, len(wavelengths) + 1)
    return path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-v", "ratio=Rrs@443/Rrs@555"], "Rrs@555 is not the same in all granules"),
        (["-v", "chl", "--where", "Rrs@555 > 0"], "Rrs@555 is not the same"),
        (["-v", "chl", "--best", "largest:Rrs@555"], "Rrs@555 is not the same"),
        (["-v", "Rrs[1]"], "different bands"),
        (["-v", "ratio=Rrs[1]/Rrs[0]"], "Rrs[1] is not the same"),
    ],
)
def test_other_bands_are_refused_wherever_they_are_used(swathe, tmp_path, options, says):
    paths = [
        spectral(tmp_path / f"{i}.nc", i, wavelengths)
        for i, wavelengths in enumerate(([443.0, 555.0], [443.0, 557.0]))
    ]
    said = run(swathe, paths, tmp_path / "out.nc", *options, code=2)
    assert says in said and "555" in said and "557" in said
    # The band that both have is not in the way.
    run(swathe, paths, tmp_path / "out.nc", "-v", "x=Rrs@443*2")


def test_other_units_are_refused_wherever_they_are_used(swathe, tmp_path):
    paths = [
        spectral(tmp_path / "0.nc", 0, [443.0, 555.0]),
        spectral(tmp_path / "1.nc", 1, [443.0, 555.0], units="1"),
    ]
    for options in (["-v", "x=Rrs@443*2"], ["-v", "chl", "--where", "Rrs@443 > 0"]):
        said = run(swathe, paths, tmp_path / "out.nc", *options, code=2)
        assert "the units of Rrs@443 differ" in said and '"sr^-1"' in said


def test_the_nearest_band_is_told_in_expressions_too(swathe, tmp_path):
    path = spectral(tmp_path / "0.nc", 0, [442.5, 555.0])
    out = tmp_path / "out.nc"
    command = [swathe, "average", path, "-b=0,0,4,4", "-r", "1", "-v", "x=Rrs@443/Rrs@555", "-o", out]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert said.count("nearest to 443 is 442.5 nm") == 1 and "nearest to 555" not in said


def test_several_sensors_are_told(swathe, two, tmp_path):
    other = tmp_path / "other.nc"
    write(other, 3, seed=9, instrument="OTHER")
    out = tmp_path / "out.nc"
    for paths, told in [(two, False), ([*two, other], True)]:
        command = [swathe, "average", *paths, "-b=0,0,4,4", "-r", "1", "-v", "chl", "-o", out, "--overwrite"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        assert ("several sensors, OTHER on P, T on P" in said) == told
    with pytest.warns(UserWarning, match="several sensors") as warned:
        package.average([*two, other], "chl", **AREA)
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        package.average(two, "chl", **AREA)


def with_flags(path, day, names):
    write(path, day, seed=day)
    with netCDF4.Dataset(path, "a") as nc:
        flags = nc.createVariable("geophysical_data/l2_flags", "i4", ("number_of_lines", "pixels_per_line"))
        flags.long_name = "Level-2 Processing Flags"
        flags.flag_meanings = " ".join(names)
        flags.flag_masks = np.array([1 << bit for bit in range(len(names))], "i4")
        flags[:] = 0
    return path


def test_flags_of_a_set_that_granules_do_not_know_are_told(swathe, tmp_path):
    known = ["ATMFAIL", "LAND", "HILT", "CHLFAIL", "NAVWARN", "ATMWARN"]
    paths = [
        with_flags(tmp_path / "0.nc", 0, [*known, "CLDICE"]),
        with_flags(tmp_path / "1.nc", 1, [*known, "CLOUDY"]),
    ]
    out = tmp_path / "out.nc"

    def said(some):
        words = ["-b=0,0,4,4", "-r", "1", "-v", "chl", "--flags", "l2", "-o", out, "--overwrite"]
        command = [swathe, "average", *some, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr

    assert "do not know" not in said(paths[:1])
    assert "flags: the granules do not know CLDICE" in said(paths[1:])
    assert "warning: the granules know different flags: 1.nc does not know CLDICE" in said(paths)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-v", "chl", "--flags", "matchp"], 'did you mean "matchup"?'),
        (["-v", "chl", "--where", "view_angel < 3"], "did you mean view_angle?"),
        (["-v", "chl", "--where", "chl = 3"], "write == to compare"),
        (["-v", "chl", "--where", "chl > 1 & chl < 3"], "write and"),
        (["-v", "chl", "--best", "latest"], "--stat last"),
        (["-v", "chl", "--best", "smallest:angle", "--weight", "granule"], "--best is of observations"),
        (["-v", "x=bits*2"], "flags and classes are no numbers"),
        (["-v", "x=1+kind"], "flags and classes are no numbers"),
        # The place is that of the name, not of the letters in another one.
        (["-v", "x=chl + c"], "\n  chl + c\n        ^"),
    ],
)
def test_mistakes_are_answered(swathe, two, tmp_path, options, says):
    if "matchp" in options:
        two = [with_flags(tmp_path / "0.nc", 0, ["LAND"])]
    words = [word for word in options]
    command = [swathe, "average", *two, "-b=0,0,4,4", "-r", "1", *words, "-o", tmp_path / "out.nc"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_classes_may_be_in_conditions(swathe, two, tmp_path):
    masked = run(swathe, two, tmp_path / "out.nc", "-v", "chl", "--where", "kind == 1")
    assert 0 < masked.chl_count.sum() < run(swathe, two, tmp_path / "b.nc", "-v", "chl").chl_count.sum()


def test_flags_of_a_product_of_bands_are_counted_where_its_middle_band_is(swathe, tmp_path):
    folder = tmp_path / "aop"
    words = ["--suite", "aop", "--wavelengths", "5", "--count", "1", "--lines", "60", "-d", folder]
    subprocess.run([swathe, "simulate", *words], check=True, capture_output=True)
    (path,) = folder.glob("*.nc")
    told = subprocess.run([swathe, "info", "--flags", "--json", path], check=True, capture_output=True).stdout
    shares = json.loads(told)[0]["flag_shares"]
    with netCDF4.Dataset(path) as nc:
        there = ~np.ma.getmaskarray(nc["geophysical_data/Rrs"][..., 2])
    assert shares["variable"] == "Rrs_2" and shares["valid_pixels"] == there.sum()


# Windows of the calendar.

DAYS = [(2023, 12, 20), (2023, 12, 31), (2024, 1, 1), (2024, 2, 29), (2024, 3, 1), (2024, 3, 20), (2024, 3, 21),
        (2024, 6, 21), (2024, 12, 31), (2025, 1, 8), (2025, 1, 9)]  # fmt: skip


def window_of(every, day):
    """First day of the window, and the day after it."""
    year, month, number = day.year, day.month, day.timetuple().tm_yday
    first = datetime.date
    after = lambda y, m: first(y + m // 12, m % 12 + 1, 1)  # noqa: E731
    if every == "8day":
        start = first(year, 1, 1) + datetime.timedelta((number - 1) // 8 * 8)
        return start, min(start + datetime.timedelta(8), first(year + 1, 1, 1))
    if every == "month":
        return first(year, month, 1), after(year, month)
    if every == "season":
        start = first(year if month > 2 else year - (month < 12 and month < 3), month // 3 * 3 or 12, 1)
        return start, after(start.year, start.month + 2)
    if every == "nasa-season":
        begins = [first(y, m, 21) for y in (year - 1, year, year + 1) for m in (3, 6, 9, 12)]
        start = max(b for b in begins if b <= day)
        return start, min(b for b in begins if b > day)
    if every == "year":
        return first(year, 1, 1), first(year + 1, 1, 1)
    return day, day + datetime.timedelta(1)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dated")
    paths = []
    for i, day in enumerate(DAYS):
        paths.append(folder / f"{i:02}.nc")
        write(paths[-1], 0, seed=i)
        with netCDF4.Dataset(paths[-1], "a") as nc:
            for end, time in (("start", "12:00"), ("end", "12:05")):
                setattr(nc, f"time_coverage_{end}", f"{datetime.date(*day)}T{time}:00.000Z")
    return paths


@pytest.mark.parametrize("every", ["day", "8day", "month", "season", "nasa-season", "year", "month-of-year"])
def test_windows_are_those_of_the_calendar(swathe, dated, tmp_path, every):
    ds = run(swathe, dated, tmp_path / "out.nc", "-v", "chl", "--every", every, "--day", "utc")
    members = np.split(ds.window_granule.values, np.cumsum(ds.window_granules.values)[:-1])
    found = {
        tuple(bounds.astype("datetime64[D]").astype(object)): [int(i) for i in some]
        for bounds, some in zip(ds.time_bnds.values, members)
        if len(some)
    }
    expected = {}
    for i, day in enumerate(datetime.date(*day) for day in DAYS):
        key = day.month if every == "month-of-year" else window_of(every, day)
        expected.setdefault(key, []).append(i)
    if every == "month-of-year":
        # From the first to the last of the years.
        found = {bounds[0].month: some for bounds, some in found.items()}
    assert found == expected
    for i, some in enumerate(members):
        if len(some):
            alone = run(swathe, [dated[g] for g in some], tmp_path / "alone.nc", "-v", "chl")
            np.testing.assert_array_equal(ds.chl[i], alone.chl)


# Level-3 files.


@pytest.fixture(scope="module")
def level2(swathe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("level2")
    words = ["--days", "2", "-b=-75.5,36.5,-73.5,38.5", "-d", folder]
    subprocess.run([swathe, "simulate", *words], check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


def test_global_maps_carry_what_readers_of_level_3_look_for(swathe, level2, tmp_path, shared_data):
    out = tmp_path / "map.nc"
    words = ["--preset", "nasa-l3", "--grid", "0.1deg", "-v", "chlor_a"]
    subprocess.run([swathe, "average", *level2, *words, "-o", out], check=True, capture_output=True)
    theirs = shared_data / "pace_l3" / "PACE_OCI.20240607.L3m.DAY.CHL.V2_0.chlor_a.0p1deg.NRT.nc"
    with netCDF4.Dataset(out) as ours, netCDF4.Dataset(theirs) as nasa:
        listed = """product_name instrument platform title source temporal_range processing_version date_created
            history l2_flag_names time_coverage_start time_coverage_end map_projection northernmost_latitude
            southernmost_latitude easternmost_longitude westernmost_longitude geospatial_lat_max geospatial_lat_min
            geospatial_lon_max geospatial_lon_min latitude_step longitude_step spatialResolution number_of_lines
            number_of_columns measure Conventions processing_level cdm_data_type data_bins data_minimum
            data_maximum"""
        for name in listed.split():
            own, other = ours.getncattr(name), nasa.getncattr(name)
            if not name.startswith("geospatial"):
                assert np.asarray(own).dtype.kind == np.asarray(other).dtype.kind, name
        for name in ["title", "map_projection", "spatialResolution", "number_of_lines", "processing_level"]:
            assert ours.getncattr(name) == nasa.getncattr(name), name
        assert ours.temporal_range in ("day", "2-day", "25-hour")
        assert ours.product_name.startswith("PACE_OCI.20240801_20240802.L3m.chlor_a")
        own, other = ours["chlor_a"], nasa["chlor_a"]
        for name in ["units", "standard_name", "long_name", "_FillValue", "display_scale", "display_min", "display_max"]:
            assert own.getncattr(name) == other.getncattr(name), name
            assert np.asarray(own.getncattr(name)).dtype == np.asarray(other.getncattr(name)).dtype, name
    # A map of a part is no such file, and its colours follow its values.
    part = tmp_path / "part.nc"
    words = ["-b=-75,37,-74,38", "-r", "0.1", "-v", "chlor_a"]
    subprocess.run([swathe, "average", *level2, *words, "-o", part], check=True, capture_output=True)
    with netCDF4.Dataset(part) as nc:
        assert "product_name" not in nc.ncattrs() and "display_min" not in nc["chlor_a"].ncattrs()


@pytest.fixture(scope="module")
def bins(swathe, level2, tmp_path_factory):
    out = tmp_path_factory.mktemp("bins") / "bins.nc"
    words = ["-v", "chlor_a", "--grid", "isin-180", "-b=-76,36,-73,39", "--flags", "none"]
    subprocess.run([swathe, "average", *level2, *words, "-o", out], check=True, capture_output=True)
    return out


def test_files_of_bins_are_told_as_what_they_are(swathe, bins, tmp_path):
    told = subprocess.run([swathe, "info", bins], capture_output=True, text=True, check=True).stdout
    assert "it holds Level-3 bins: `swathe map`" in told and "BinList" in told
    command = [swathe, "average", bins, "-b=-76,36,-73,39", "-r", "1", "-o", tmp_path / "out.nc"]
    assert "`swathe map`" in subprocess.run(command, capture_output=True, text=True).stderr
    with pytest.raises(package.errors.NotASwathError, match=r"swathe\.map"):
        package.open(bins)


def edited(source, path, change):
    """A copy of a file of bins, with its tables changed."""
    shutil.copy(source, path)
    with h5py.File(path, "a") as file:
        change(file["level-3_binned_data"])
    return path


def column(table, name, place, value):
    def change(group):
        records = group[table][:]
        records[name][place] = value
        group[table][:] = records

    return change


def mapped(swathe, path, out, code=0):
    words = ["-b=-76,36,-73,39", "-r", "1", "-m", "nearest", "-o", out, "--overwrite"]
    done = subprocess.run([swathe, "map", path, *words], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stderr


def test_counts_that_ran_over_are_set_right_and_told(swathe, bins, tmp_path):
    odd = edited(bins, tmp_path / "odd.nc", column("BinList", "nobs", 0, -3))
    said = mapped(swathe, odd, tmp_path / "map.nc")
    assert "odd.nc: 1 bins have counts below zero" in said
    assert "below zero" not in mapped(swathe, bins, tmp_path / "plain.nc")
    with xr.open_dataset(tmp_path / "map.nc") as ds, xr.open_dataset(tmp_path / "plain.nc") as plain:
        assert int(ds.chlor_a_count.max()) == 65_533
        xr.testing.assert_equal(ds.chlor_a, plain.chlor_a)


def test_bins_of_more_than_31_bits_are_added(swathe, bins, tmp_path):
    """Two files of which each holds as many observations as 32 bits can tell."""

    def many(group):
        records = group["BinList"][:]
        wide = np.dtype([(name, "i4" if name[0] == "n" else records.dtype[name]) for name in records.dtype.names])
        records = records.astype(wide)
        records["nobs"][:2], records["weights"][:2] = 2**31 - 1, 46340.0
        sums = group["chlor_a"][:]
        sums["sum"][:2] = 46340.0 * 3
        del group["BinList"]
        group["BinList"], group["chlor_a"][:] = records, sums

    parts = [edited(bins, tmp_path / f"{i}.nc", many) for i in range(2)]
    with h5py.File(parts[1], "a") as file:
        file["processing_control"].attrs["input_sources"] = np.bytes_("other.nc")
    subprocess.run([swathe, "merge", *parts, "-o", tmp_path / "both.nc"], check=True, capture_output=True)
    with netCDF4.Dataset(tmp_path / "both.nc") as nc:
        records = nc["level-3_binned_data/BinList"][:]
    assert list(records["nobs"][:2]) == [2**32 - 2] * 2
    mapped(swathe, tmp_path / "both.nc", tmp_path / "map.nc")
    with xr.open_dataset(tmp_path / "map.nc") as ds:
        found = ds.chlor_a_count.values
        assert (found == 2**32 - 2).any()
        np.testing.assert_allclose(ds.chlor_a.values[found == 2**32 - 2], 3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (column("BinList", "weights", 1, -1.0), "below zero"),
        (column("BinList", "weights", 1, np.nan), "below zero"),
        (lambda group: group.__delitem__("chlor_a"), "no product"),
    ],
)
def test_bins_that_cannot_be_are_refused(swathe, bins, tmp_path, change, says):
    odd = edited(bins, tmp_path / "odd.nc", change)
    assert says in mapped(swathe, odd, tmp_path / "map.nc", code=1)


def test_what_differs_between_files_of_bins_is_told_and_kept(swathe, level2, bins, tmp_path):
    other = tmp_path / "other.nc"
    renamed = []
    for path in level2:
        renamed.append(tmp_path / f"X{path.name}")
        shutil.copy(path, renamed[-1])
        with h5py.File(renamed[-1], "a") as file:
            for name, text in [("instrument", "MODIS"), ("platform", "Aqua"), ("product_name", renamed[-1].name)]:
                file.attrs[name] = np.bytes_(text)
    words = ["-v", "chlor_a", "--grid", "isin-180", "-b=-76,36,-73,39", "--flags", "LAND"]
    subprocess.run([swathe, "average", *renamed, *words, "-o", other], check=True, capture_output=True)
    both = tmp_path / "both.nc"
    done = subprocess.run([swathe, "merge", bins, other, "-o", both], capture_output=True, text=True, check=True)
    assert "several sensors: MODIS, OCI" in done.stderr and "masked by different flags" in done.stderr
    with netCDF4.Dataset(both) as nc:
        assert (nc.instrument, nc.platform) == ("MODIS, OCI", "Aqua, PACE")


def test_shares_of_bins_do_not_blow_up_their_spread(swathe, bins, tmp_path):
    """A cell far inside one bin has that bin's spread, whatever share of it the cell is."""
    out = {}
    for method in ("nearest", "area"):
        path = tmp_path / f"{method}.nc"
        words = ["-b=-75,37,-74,38", "-r", "0.05", "-m", method, "--stat", "mean,std", "-o", path]
        subprocess.run([swathe, "map", bins, *words], check=True, capture_output=True)
        with xr.open_dataset(path) as ds:
            out[method] = ds.load()
    alone = (out["area"].chlor_a_granules == out["nearest"].chlor_a_granules) & (
        out["area"].chlor_a_count == out["nearest"].chlor_a_count
    )
    assert alone.sum() > 100 and out["nearest"].chlor_a_std.max() > 0
    for name in ("chlor_a", "chlor_a_std"):
        near, area = (out[m][name].where(alone).values for m in ("nearest", "area"))
        np.testing.assert_allclose(area, near, rtol=1e-5)


# The same from Python.


def test_python_maps_bins_as_the_command_does(swathe, bins, tmp_path):
    area = {"bbox": (-76, 36, -73, 39), "resolution": 0.5}
    for method in ("nearest", "bin", "area"):
        out = tmp_path / f"{method}.nc"
        words = ["-b=-76,36,-73,39", "-r", "0.5", "-m", method, "--stat", "mean,std", "--min-count", "9", "-o", out]
        subprocess.run([swathe, "map", bins, *words], check=True, capture_output=True)
        again = tmp_path / f"{method}-again.nc"
        ds = package.map(bins, "chlor_a", method=method, stat=["mean", "std"], min_count=9, output=again, **area)
        with xr.open_dataset(out) as file:
            xr.testing.assert_identical(ds, file)
        assert out.read_bytes() == again.read_bytes()
    with pytest.raises(package.PlanError, match="chlor_a"):
        package.map(bins, "chlora", **area)
    with pytest.raises(package.PlanError, match="nearest"):
        package.map(bins, method="nearst", **area)
    with pytest.raises(package.PlanError, match="mean and std"):
        package.map(bins, stat="median", **area)
    with pytest.raises(TypeError, match="method"):
        package.map(bins, metod="area", **area)
    with pytest.warns(UserWarning, match="the map is empty"):
        package.map(bins, bbox=(10, 36, 13, 39), resolution=1)


def test_python_adds_bins_as_the_command_does(swathe, level2, tmp_path):
    parts = []
    for i, some in enumerate((level2[:1], level2[1:])):
        parts.append(tmp_path / f"{i}.nc")
        package.average(some, "chlor_a", grid="isin-180", scheme="geometric", output=parts[-1])
    out = tmp_path / "command.nc"
    subprocess.run([swathe, "merge", *parts, "-o", out], check=True, capture_output=True)
    added = package.merge(parts, output=tmp_path / "python.nc")
    assert out.read_bytes() == (tmp_path / "python.nc").read_bytes()
    whole = package.average(level2, "chlor_a", grid="isin-180", scheme="geometric")
    np.testing.assert_array_equal(added.bin, whole.bin)
    np.testing.assert_allclose(added.chlor_a, whole.chlor_a, rtol=1e-6)
    with pytest.raises(package.PlanError, match="count twice"):
        package.merge([parts[0], parts[0]])
    with pytest.raises(package.PlanError, match="geometric"):
        package.average(level2, "chlor_a", grid="isin-180", scheme="geo")


def test_python_compares_as_the_command_does(swathe, two, tmp_path):
    paths = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for path, some in zip(paths, (two, two[:1])):
        package.average(some, "chl", **AREA, output=path)
    told = subprocess.run([swathe, "compare", *paths, "--json"], check=True, capture_output=True).stdout
    found = package.compare(*paths, output=tmp_path / "both.png")
    assert found == json.loads(told) and found["cells"]["both"] == 16
    assert (tmp_path / "both.png").read_bytes() == found.picture.png
    assert len(package.compare(*paths, "chl", largest=2)["largest"]) == 2
    with pytest.warns(UserWarning, match="units differ"):
        package.compare(*paths, "chl=chl_count")
    with pytest.raises(package.SwatheError, match="chl"):
        package.compare(*paths, "ch")
    other = tmp_path / "other.nc"
    package.average(two, "chl", **(AREA | {"bbox": (0, 0, 3, 4)}), output=other)
    with pytest.raises(package.PlanError, match="different grids"):
        package.compare(paths[0], other)
    with pytest.raises(package.PlanError, match="from files"):
        package.compare(xr.open_dataset(paths[0]), paths[1])


def test_parts_of_several_sensors_are_told(swathe, two, tmp_path):
    other = tmp_path / "other.nc"
    write(other, 3, seed=9, instrument="OTHER")
    parts = [tmp_path / "a.swathe", tmp_path / "b.swathe"]
    for part, some in zip(parts, (two, [other])):
        package.average(some, "chl", **AREA, output=part)
    command = [swathe, "merge", *parts, "-o", tmp_path / "out.nc"]
    assert "several sensors" in subprocess.run(command, capture_output=True, text=True, check=True).stderr
    with pytest.warns(UserWarning, match="several sensors, OTHER on P, T on P"):
        package.merge(parts)
