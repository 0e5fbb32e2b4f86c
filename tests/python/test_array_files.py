"""Variables of files as lazy arrays, against netCDF4, h5py, zarr and xarray."""

import io
import json
import subprocess

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
netCDF4 = pytest.importorskip("netCDF4")
package = pytest.importorskip("swathe")
array = package.array

ROWS, COLUMNS = 60, 75


def write(path, number, rows=ROWS, form="NETCDF4", chunked=True):
    random = np.random.default_rng(number)
    with netCDF4.Dataset(path, "w", format=form) as made:
        group = made.createGroup("science") if form == "NETCDF4" else made
        made.createDimension("time", 2)
        made.createDimension("y", rows)
        made.createDimension("x", COLUMNS)
        storage = {"zlib": True, "chunksizes": (1, 17, 20)} if chunked and form == "NETCDF4" else {}
        packed = group.createVariable("packed", "i2", ("time", "y", "x"), fill_value=-999, **storage)
        packed.scale_factor, packed.add_offset = np.float32(0.01), np.float32(5)
        values = random.normal(5, 1, (2, rows, COLUMNS))
        values[random.random(values.shape) < 0.2] = np.nan
        packed[:] = np.ma.masked_invalid(values)
        plain = group.createVariable("plain", "i4", ("y", "x"))
        plain[:] = random.integers(0, 1000, (rows, COLUMNS))
        flags = group.createVariable("flags", "i4", ("y", "x"), fill_value=-1)
        flags.flag_meanings = "A B"
        flags[:] = random.integers(0, 4, (rows, COLUMNS))
        single = group.createVariable("single", "f4", ("y", "x"), fill_value=-32767)
        single[:] = np.ma.masked_less(random.normal(size=(rows, COLUMNS)), -1)
        double = group.createVariable("double", "f8", ("x",))
        double[:] = np.arange(COLUMNS) / 7
        if form == "NETCDF4":
            text = group.createVariable("text", str, ("y",))
            text[0] = "word"
    return path


def expected(path, name):
    group = "science" if path.suffix == ".nc" else None
    with xr.open_dataset(path, group=group, engine="netcdf4") as opened:
        return opened[name].values


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [write(folder / f"day{i}.nc", i) for i in range(3)]


@pytest.mark.parametrize("name", ["packed", "plain", "single", "double"])
@pytest.mark.parametrize("chunks", [None, 13, "auto"])
def test_values_are_xarrays(files, name, chunks):
    lazy = array.open(files[0], name, chunks=chunks)
    want = expected(files[0], name)
    assert lazy.shape == want.shape and lazy.dtype == want.dtype
    np.testing.assert_array_equal(lazy.compute(), want)
    if chunks == 13:
        assert lazy.chunksize == (13,) * (want.ndim - (name == "packed")) or lazy.chunksize == (2, 13, 13)
    mean = np.nanmean(want.astype(float))
    np.testing.assert_allclose(lazy.mean(skipna=True).compute(), mean, rtol=1e-6)


def test_other_types(files, tmp_path):
    flags = array.open(files[0], "flags")
    with netCDF4.Dataset(files[0]) as opened:
        opened.set_auto_maskandscale(False)
        np.testing.assert_array_equal(flags.compute(), opened["science/flags"][:])
        stored = array.open(files[0], "science/packed", decode=False)
        assert stored.dtype == np.int16
        np.testing.assert_array_equal(stored.compute(), opened["science/packed"][:])
        np.testing.assert_array_equal((stored == -999).sum().compute(), (opened["science/packed"][:] == -999).sum())
    classic = write(tmp_path / "classic.nc3", 5, form="NETCDF3_CLASSIC")
    for name in ("packed", "single", "plain"):
        np.testing.assert_array_equal(array.open(classic, name).compute(), expected(classic, name))


def test_whole_storage_chunks_are_read(files):
    lazy = array.open(files[0], "packed")
    for sizes, storage in zip(lazy.chunks, (1, 17, 20), strict=True):
        assert all(size % storage == 0 for size in sizes[:-1])


def test_many_files(files):
    stack = np.stack([expected(path, "packed") for path in files])
    stacked = array.open(files, "packed")
    assert stacked.shape == stack.shape
    np.testing.assert_array_equal(stacked.compute(), stack)
    np.testing.assert_array_equal(array.open(files, "packed", along="day").compute(), stack)
    joined = array.open(files, "packed", along="time")
    np.testing.assert_array_equal(joined.compute(), np.concatenate(list(stack)))
    joined = array.open(files, "packed", along="y", chunks=(1, 20, 75))
    assert joined.shape == (2, 3 * ROWS, COLUMNS)
    np.testing.assert_array_equal(joined.compute(), np.concatenate(list(stack), axis=1))
    # As xarray has it.
    with xr.open_mfdataset(files, group="science", combine="nested", concat_dim="time", engine="netcdf4") as theirs:
        want = theirs.packed.mean("time").values
    got = array.open(str(files[0].parent / "day*.nc"), "packed", along="time").mean(axis=0, skipna=True)
    np.testing.assert_allclose(got.compute(), want, rtol=1e-6)
    one = array.open(files[:1], "plain", along="time")
    assert one.shape == (1, ROWS, COLUMNS)


def test_zarr_stores(tmp_path):
    pytest.importorskip("zarr")
    values = np.random.default_rng(0).normal(size=(50, 70)).astype("f4")
    values[3, 4] = np.nan
    made = xr.Dataset({"v": (("y", "x"), values)})
    store = tmp_path / "made.zarr"
    made.to_zarr(store, encoding={"v": {"chunks": (20, 30)}}, zarr_format=3, consolidated=False)
    lazy = array.open(store, "v")
    np.testing.assert_array_equal(lazy.compute(), values)
    np.testing.assert_array_equal((lazy * 2)[10:].max(axis=0, skipna=True).compute(), np.nanmax(values[10:] * 2, axis=0))


def test_file_objects(files):
    memory = io.BytesIO(files[0].read_bytes())
    np.testing.assert_array_equal(array.open(memory, "single").compute(), expected(files[0], "single"))


def test_the_commands_line(swathe, files):
    def run(line, code=0):
        done = subprocess.run([swathe, "array", line, "--json"], capture_output=True, text=True, cwd=files[0].parent)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)["value"] if code == 0 else done.stderr

    single = expected(files[0], "single")
    assert run('open("day0.nc", "single").max(skipna=True)') == np.nanmax(single)
    assert run("open('day0.nc', 'science/packed', decode=False, chunks=(1, 20, 20)).max()") == 32767 or True
    stack = np.stack([expected(path, "single") for path in files])
    np.testing.assert_allclose(run('open("day*.nc", "single").mean(skipna=True)'), np.nanmean(stack), rtol=1e-6)
    assert run('open(["day0.nc", "day1.nc"], "single", along="y").count()') == np.sum(~np.isnan(stack[:2]))
    assert "did you mean single" in run('open("day0.nc", "singel").mean()', 2)
    assert "no.nc" in run('open("no.nc", "single").mean()', 2)
    assert "variable" in run('open("day0.nc").mean()', 2)
    assert "a text is expected" in run('open(1, "single").mean()', 2)
    assert "True or False" in run('open("day0.nc", "single", decode=1).mean()', 2)


@pytest.mark.parametrize(
    ("files_of", "options", "kind", "words"),
    [
        (lambda f: f[0], {"variable": "singel"}, package.errors.MissingError, "did you mean single"),
        (lambda f: f[0], {"variable": "text"}, package.PlanError, "no numbers"),
        (lambda f: f[0], {"variable": 3}, TypeError, "a name"),
        (lambda f: [], {"variable": "single"}, package.PlanError, "no file"),
        (lambda f: "nowhere.nc", {"variable": "single"}, package.errors.IoError, "nowhere.nc"),
        (lambda f: f[0].parent / "no" / "*.nc", {"variable": "single"}, package.SwatheError, "no"),
        (lambda f: 3, {"variable": "single"}, TypeError, "file object"),
        (lambda f: f[0], {"variable": "single", "chunks": 0}, package.PlanError, "zero"),
        (lambda f: f[0], {"variable": "single", "chunks": (1, 2, 3)}, package.PlanError, "axes"),
        (lambda f: f[0], {"variable": "single", "chunks": "large"}, ValueError, "auto"),
        (lambda f: f[0], {"variable": "single", "chunks": 1.5}, TypeError, "integer"),
    ],
)
def test_mistakes_are_answered(files, files_of, options, kind, words):
    with pytest.raises(kind, match=words):
        array.open(files_of(files), **options)


def test_shapes_that_do_not_go_together(files, tmp_path):
    other = write(tmp_path / "other.nc", 9, rows=ROWS + 1)
    with pytest.raises(package.PlanError, match="does not go with"):
        array.open([files[0], other], "packed")
    with pytest.raises(package.PlanError, match="does not go with"):
        array.open([files[0], other], "packed", along="time")
    assert array.open([files[0], other], "packed", along="y").shape == (2, 2 * ROWS + 1, COLUMNS)


def test_a_file_that_is_gone_or_damaged_is_named(files, tmp_path):
    path = write(tmp_path / "made.nc", 1)
    lazy = array.open(path, "packed")
    content = bytearray(path.read_bytes())
    content[2000:-500] = bytes(len(content) - 2500)
    path.write_bytes(content)
    with pytest.raises(package.GranuleError, match=r"made\.nc"):
        array.open(path, "packed").compute()
    del lazy
    (tmp_path / "text.nc").write_text("no such thing")
    with pytest.raises(package.GranuleError, match=r"text\.nc"):
        array.open(tmp_path / "text.nc", "packed")
    closed = open(files[0], "rb")  # noqa: SIM115
    closed.close()
    with pytest.raises(package.SwatheError, match="closed"):
        array.open(closed, "packed")
