"""Averages from files to files, beside numpy on the same granules read with netCDF4."""

import shutil
import subprocess

import pytest

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
netCDF4 = pytest.importorskip("netCDF4")
xr = pytest.importorskip("xarray")

WEST, SOUTH, EAST, NORTH = -80.0, 30.0, -60.0, 45.0
SIZE = 0.1
SHAPE = (150, 200)
BOX = ["-b", f"{WEST},{SOUTH},{EAST},{NORTH}", "-r", str(SIZE)]
# The flags that NASA's Level-3 processing of ocean colour excludes.
L3 = (
    "ATMFAIL LAND HIGLINT HILT HISATZEN STRAYLIGHT CLDICE COCCOLITH HISOLZEN LOWLW CHLFAIL NAVWARN "
    "MAXAERITER CHLWARN ATMWARN NAVFAIL FILTER"
).split()


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    """Four granules of 200 lines."""
    folder = tmp_path_factory.mktemp("granules")
    command = [swathe, "simulate", "-d", folder, "--lines", "200", "--count", "4", *BOX[:2]]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


def average(swathe, granules, output, *options, code=0):
    """Runs the command; gives what it said and the product."""
    command = [swathe, "average", *granules, *BOX, "-o", output, "--overwrite", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    if code not in (0, 3):
        return done.stderr, None
    with xr.open_dataset(output) as dataset:
        return done.stderr, dataset.load()


def pixels(path, name="chlor_a", flags=()):
    """Cell numbers, and values of the pixels that count, by netCDF4 and numpy."""
    with netCDF4.Dataset(path) as nc:
        values = np.ma.filled(nc["geophysical_data"][name][:].astype(np.float64), np.nan)
        lon = np.asarray(nc["navigation_data/longitude"][:], np.float64)
        lat = np.asarray(nc["navigation_data/latitude"][:], np.float64)
        quality = nc["geophysical_data/l2_flags"]
        meanings = quality.flag_meanings.split()
        masks = dict(zip(meanings, np.asarray(quality.flag_masks).astype(np.uint32)))
        bits = np.asarray(quality[:]).astype(np.uint32)
        flagged = np.zeros(bits.shape, bool)
        for flag in flags:
            flagged |= (bits & masks[flag]) != 0
    # Cell edges are multiples of the resolution, worked out as the grid does.
    column = np.floor((lon - WEST) * (1 / SIZE)).astype(int)
    row = np.ceil((NORTH - lat) * (1 / SIZE)).astype(int) - 1
    inside = (column >= 0) & (column < SHAPE[1]) & (row >= 0) & (row < SHAPE[0])
    count = inside & np.isfinite(values) & ~flagged
    return row[count] * SHAPE[1] + column[count], values[count]


def gathered(granules, **options):
    parts = [pixels(path, **options) for path in granules]
    return [np.concatenate(part) for part in zip(*parts)]


def by_cell(cells, values, reduce, empty=np.nan):
    """A statistic of the values of every cell."""
    order = np.argsort(cells, kind="stable")
    cells, values = cells[order], values[order]
    starts = np.flatnonzero(np.r_[cells.size > 0, cells[1:] != cells[:-1]])
    out = np.full(SHAPE[0] * SHAPE[1], empty)
    if cells.size == 0:
        return out.reshape(SHAPE)
    for group, cell in zip(np.split(values, starts[1:]), cells[starts]):
        out[cell] = reduce(group)
    return out.reshape(SHAPE)


@pytest.mark.parametrize("flags", [[], L3, ["LAND", "STRAYLIGHT"]])
def test_statistics_equal_numpy(swathe, granules, tmp_path, flags):
    cells, values = gathered(granules, flags=flags)
    assert cells.size > 10_000
    word = {0: "none", len(L3): "l3"}.get(len(flags), ",".join(flags))
    options = ["-m", "bin", "--flags", word, "--stat", "mean,std,var,min,max,sum,coverage"]
    _, product = average(swathe, granules, tmp_path / "a.nc", *options)
    count = np.bincount(cells, minlength=SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    np.testing.assert_array_equal(product.chlor_a_count, count)
    for name, reduce in [
        ("chlor_a", np.mean),
        ("chlor_a_std", np.std),
        ("chlor_a_var", np.var),
        ("chlor_a_sum", np.sum),
    ]:
        expected = by_cell(cells, values, reduce)
        scale = by_cell(cells, values, lambda v: np.mean(np.abs(v)))
        difference = np.abs(product[name].values - expected)
        # Single precision in the file, cancellation in numpy's spread.
        tolerance = 3e-7 * np.maximum(np.abs(expected), scale if "_sum" not in name else 0)
        assert np.array_equal(np.isnan(product[name]), np.isnan(expected))
        assert np.nanmax(difference - tolerance) <= 1e-12, name
    for name, reduce in [("chlor_a_min", np.min), ("chlor_a_max", np.max)]:
        expected = by_cell(cells, values, reduce).astype(np.float32)
        np.testing.assert_array_equal(product[name], expected)
    np.testing.assert_array_equal(product.chlor_a_coverage, np.where(count > 0, 1, 0))


def test_every_granule_counts_once_by_weight_granule(swathe, granules, tmp_path):
    means = [by_cell(*pixels(path, flags=L3), np.mean) for path in granules]
    expected = np.nanmean(np.where(np.isfinite(means), means, np.nan), axis=0)
    options = ["-m", "bin", "--weight", "granule", "--stat", "mean,max"]
    _, product = average(swathe, granules, tmp_path / "a.nc", *options)
    np.testing.assert_allclose(product.chlor_a, expected, rtol=3e-7)
    np.testing.assert_allclose(product.chlor_a_max, np.nanmax(means, axis=0), rtol=3e-7)
    np.testing.assert_array_equal(product.chlor_a_granules, np.isfinite(means).sum(axis=0))


def test_thin_cells_are_blank(swathe, granules, tmp_path):
    options = ["-m", "bin", "--flags", "none"]
    _, full = average(swathe, granules, tmp_path / "full.nc", *options)
    options += ["--min-count", "50", "--min-granules", "1"]
    _, thin = average(swathe, granules, tmp_path / "thin.nc", *options)
    kept = full.chlor_a_count >= 50
    assert 0 < int(kept.sum()) < int(full.chlor_a.notnull().sum())
    np.testing.assert_array_equal(thin.chlor_a, full.chlor_a.where(kept))
    np.testing.assert_array_equal(thin.chlor_a_count, full.chlor_a_count)


def test_the_flag_report_equals_numpy(swathe, granules, tmp_path):
    said, product = average(swathe, granules, tmp_path / "a.nc", "-m", "bin", "--flags", "l3")
    everything = sum(pixels(path)[0].size for path in granules)
    kept = sum(pixels(path, flags=L3)[0].size for path in granules)
    share = 100 * (everything - kept) / everything
    assert f"flags: {share:.1f} % of the valid pixels of chlor_a removed" in said
    shares = dict(zip(product.flag.values, product.chlor_a_flag_share.values))
    for name in ["STRAYLIGHT", "HISATZEN"]:
        left = sum(pixels(path, flags=[name])[0].size for path in granules)
        np.testing.assert_allclose(shares[name], (everything - left) / everything, rtol=1e-6)


def test_all_flagged_is_an_empty_map_and_a_warning(swathe, granules, tmp_path):
    copies = []
    for path in granules[:2]:
        copy = tmp_path / path.name
        shutil.copy(path, copy)
        with h5py.File(copy, "r+") as file:
            file["geophysical_data/l2_flags"][...] = 2
        copies.append(copy)
    said, product = average(swathe, copies, tmp_path / "a.nc", "-m", "bin")
    assert "warning: the flags removed 100.0 % of the valid pixels" in said
    assert int(product.chlor_a.notnull().sum()) == 0
    assert int(product.chlor_a_count.sum()) == 0


def test_a_flag_means_what_its_granule_says(swathe, granules, tmp_path):
    """Another processing numbers the bits in another order."""
    moved = tmp_path / granules[0].name
    shutil.copy(granules[0], moved)
    with h5py.File(moved, "r+") as file:
        quality = file["geophysical_data/l2_flags"]
        masks = quality.attrs["flag_masks"]
        rotated = np.roll(masks, 5)
        bits = quality[...]
        new = np.zeros_like(bits)
        for old, to in zip(masks, rotated):
            new |= np.where(bits & old, to, np.int32(0))
        quality.attrs.modify("flag_masks", rotated)
        quality[...] = new
    _, ours = average(swathe, [moved], tmp_path / "a.nc", "-m", "bin")
    _, expected = average(swathe, [granules[0]], tmp_path / "b.nc", "-m", "bin")
    assert int(expected.chlor_a_count.sum()) > 0
    np.testing.assert_array_equal(ours.chlor_a, expected.chlor_a)


def test_packing_may_differ_between_granules(swathe, granules, tmp_path):
    copies = []
    for path, factor in zip(granules, [0.2, 0.25]):
        copy = tmp_path / path.name
        shutil.copy(path, copy)
        with h5py.File(copy, "r+") as file:
            file["geophysical_data/poc"].attrs.modify("scale_factor", np.float32([factor]))
        copies.append(copy)
    _, product = average(swathe, copies, tmp_path / "a.nc", "-m", "bin", "-v", "poc", "--flags", "none")
    cells, values = gathered(copies, name="poc")
    np.testing.assert_allclose(product.poc, by_cell(cells, values, np.mean), rtol=3e-7)


def test_the_valid_range_can_be_given(swathe, granules, tmp_path):
    options = ["-m", "bin", "--flags", "none", "--valid-range", "0.1,0.5", "--stat", "mean,min,max"]
    _, product = average(swathe, granules, tmp_path / "a.nc", *options)
    cells, values = gathered(granules)
    keep = (values >= np.float32(0.1)) & (values <= np.float32(0.5))
    count = np.bincount(cells[keep], minlength=SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    np.testing.assert_array_equal(product.chlor_a_count, count)
    assert float(product.chlor_a_min.min()) >= 0.1 - 1e-7
    assert float(product.chlor_a_max.max()) <= 0.5 + 1e-7


def test_variables_are_masked_each_for_itself(swathe, granules, tmp_path):
    copy = tmp_path / granules[0].name
    shutil.copy(granules[0], copy)
    with h5py.File(copy, "r+") as file:
        file["geophysical_data/carbon_phyto"][...] = np.float32(-32767)
    options = ["-m", "bin", "-v", "chlor_a", "-v", "carbon_phyto"]
    _, both = average(swathe, [copy], tmp_path / "a.nc", *options)
    _, alone = average(swathe, [copy], tmp_path / "b.nc", "-m", "bin", "-v", "chlor_a")
    np.testing.assert_array_equal(both.chlor_a, alone.chlor_a)
    assert int(both.carbon_phyto_count.sum()) == 0


def test_of_one_observation_the_best_stays(swathe, granules, tmp_path):
    def copy(source, name, **attributes):
        target = tmp_path / name
        shutil.copy(source, target)
        with h5py.File(target, "r+") as file:
            for key, value in (attributes | {"product_name": name}).items():
                file.attrs[key] = np.bytes_(value)
        return target

    first, second = granules[0].name, granules[1].name
    refined = copy(granules[0], first)
    nrt = copy(granules[0], first.replace(".nc", ".NRT.nc"))
    said, product = average(swathe, [nrt, refined], tmp_path / "a.nc", "-m", "bin")
    assert f"{nrt.name}: {refined.name} is the same observation, and is preferred" in said
    _, alone = average(swathe, [refined], tmp_path / "b.nc", "-m", "bin")
    np.testing.assert_array_equal(product.chlor_a_count, alone.chlor_a_count)
    statuses = dict(zip(product.granule_name.values, product.granule_status.values))
    assert statuses == {refined.name: "used", nrt.name: "skipped"}
    # 3.10 comes after 3.2.
    older = copy(granules[0], "older." + first, processing_version="3.2")
    newer = copy(granules[0], "newer." + first, processing_version="3.10")
    said, _ = average(swathe, [older, newer], tmp_path / "a.nc", "-m", "bin")
    assert f"{older.name}: {newer.name} is the same observation" in said
    # What still mixes is refused, unless it is allowed.
    other = copy(granules[1], "nrt." + second.replace(".nc", ".NRT.nc"))
    said, _ = average(swathe, [refined, other], tmp_path / "c.nc", "-m", "bin", code=2)
    assert "mix near-real-time" in said and "--allow-mixed" in said
    average(swathe, [refined, other], tmp_path / "c.nc", "-m", "bin", "--allow-mixed")
    said, _ = average(swathe, [newer, granules[1]], tmp_path / "d.nc", "-m", "bin", code=2)
    assert "mix processing versions" in said


def test_bands_are_chosen_by_wavelength(swathe, tmp_path):
    command = [swathe, "simulate", "-d", tmp_path / "aop", "--lines", "64", "--count", "1"]
    command += [*BOX[:2], "--suite", "aop", "--wavelengths", "12"]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = (tmp_path / "aop").glob("*.nc")
    with xr.open_datatree(path) as tree:
        wavelengths = tree["geophysical_data"].wavelength.values
    asked = float(wavelengths[5]) + 0.2
    options = ["-m", "bin", "--flags", "none", "-v", f"Rrs@{asked}"]
    said, product = average(swathe, [path], tmp_path / "a.nc", *options)
    name = next(iter(product.data_vars))
    assert "nearest to" in said and name.startswith("Rrs_")
    with netCDF4.Dataset(path) as nc:
        band = np.ma.filled(nc["geophysical_data/Rrs"][:, :, 5].astype(np.float64), np.nan)
    assert np.isclose(np.nanmean(band), float(product[name].mean()), rtol=0.2)


def test_formats_agree(swathe, granules, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    options = ["-o", tmp_path / "a.tif", "-o", tmp_path / "a.png", "--stat", "mean,std"]
    _, product = average(swathe, granules, tmp_path / "a.nc", *options)
    with rasterio.open(tmp_path / "a.tif") as tif:
        assert tif.descriptions[:2] == ("chlor_a", "chlor_a_std")
        mean = tif.read(1, masked=True).filled(np.nan)
        west, south, east, north = tif.bounds
    np.testing.assert_array_equal(mean, product.chlor_a)
    np.testing.assert_allclose([west, south, east, north], [WEST, SOUTH, EAST, NORTH], atol=1e-9)
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_subset_of_an_orbit_gives_the_same_map(swathe, shared_data, tmp_path):
    """The subset holds the cells of the orbit south of the equator and west of Greenwich."""
    (whole,) = shared_data.glob("ascat/*084200*.l2.nc")
    (part,) = shared_data.glob("ascat/*_subsetted.nc")
    maps = []
    for i, path in enumerate([whole, part]):
        output = tmp_path / f"{i}.nc"
        command = [swathe, "average", path, "-v", "wind_speed", "-b", "-180,-80,0,-0.5", "-r", "0.5"]
        subprocess.run([*command, "-m", "bin", "-o", output], check=True, capture_output=True)
        maps.append(xr.open_dataset(output).load())
    assert int(maps[0].wind_speed_count.sum()) > 10_000
    np.testing.assert_array_equal(maps[0].wind_speed, maps[1].wind_speed)
    np.testing.assert_array_equal(maps[0].wind_speed_count, maps[1].wind_speed_count)


def test_different_units_are_refused(swathe, granules, tmp_path):
    copy = tmp_path / granules[1].name
    shutil.copy(granules[1], copy)
    with h5py.File(copy, "r+") as file:
        file["geophysical_data/chlor_a"].attrs["units"] = np.bytes_("ug l^-1")
    said, _ = average(swathe, [granules[0], copy], tmp_path / "a.nc", "-m", "bin", code=2)
    assert "the units of chlor_a differ" in said and copy.name in said
