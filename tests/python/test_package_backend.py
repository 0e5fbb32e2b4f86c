"""The engine "swathe" beside the engine "netcdf4", on every file that both read."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")
package = pytest.importorskip("swathe")

from swathe._backend import SwatheBackend as ENGINE  # noqa: E402
from swathe._stored import StoredArray  # noqa: E402

# Files to try readers with: netCDF-C refuses some, and crashes on some.
UNREADABLE = ("seadas_kosc.", "jhdf.")
# What netCDF-C and this reader differ in, by file, with the reason.
EXCEPTIONS = {
    # Enumerations are listed, not read.
    ("pyfive.h5netcdf_test.hdf5", "/enum_var"),
}


def same(ours, theirs):
    if theirs.dtype.kind in "OUST":
        return list(map(str, ours.ravel())) == list(map(str, theirs.ravel()))
    return np.array_equal(ours, theirs, equal_nan=theirs.dtype.kind in "fMm")


def text(attributes):
    """Attributes with their types; order is the library's business, and so is a file's byte order."""
    return {key: str(value).replace(">", "") for key, value in attributes.items()}


def encoding(variable):
    """As text: `>f4` is another type than `<f4`, while `|i1` and `<i1` are not."""
    return {key: str(value) for key, value in variable.encoding.items()}


def differences(path):
    """Places where the two engines differ."""
    theirs = xr.open_groups(path, engine="netcdf4")
    ours = xr.open_groups(path, engine=ENGINE)
    assert list(ours) == list(theirs)
    found, values = [], 0
    for group, b in theirs.items():
        a = ours[group]
        if (
            text(a.attrs) != text(b.attrs)
            or a.encoding["unlimited_dims"] != b.encoding["unlimited_dims"]
        ):
            found.append(group)
        for name in set(a.variables) | set(b.variables):
            place = f"{group.rstrip('/')}/{name}"
            if (path.name, place) in EXCEPTIONS:
                continue
            x, y = a.variables.get(name), b.variables.get(name)
            if x is None or y is None:
                found.append(place)
                continue
            described = (x.dims, x.shape, text(x.attrs), encoding(x))
            if described != (y.dims, y.shape, text(y.attrs), encoding(y)):
                found.append(place)
            try:
                expected = y.values
            except (RuntimeError, ValueError):
                # A filter that netCDF-C was built without, an array beyond memory.
                continue
            try:
                got = x.values
            except package.errors.UnsupportedError:
                continue
            values += 1
            if got.dtype.newbyteorder("=") != expected.dtype.newbyteorder("=") or not same(
                got, expected
            ):
                found.append(place)
    return found, values


def test_every_real_file_is_as_netcdf4_reads_it(shared_data):
    checked = 0
    paths = sorted(p for p in shared_data.rglob("*") if p.suffix in {".nc", ".nc4", ".h5", ".hdf5"})
    for path in paths:
        if path.name.startswith(UNREADABLE):
            continue
        found, values = differences(path)
        assert not found, f"{path.name}: {found}"
        checked += values
    assert checked > 200


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=300, count=2)


def test_simulated_granules_and_products_are_the_same(granules, products):
    import pathlib

    for path in [*map(pathlib.Path, granules), *sorted(products.glob("*.nc"))]:
        found, values = differences(path)
        assert not found and values > 3, path.name


def test_packed_arrays_are_unpacked_to_the_bit(tmp_path):
    """Every stored type with every kind of factor, offset and fill that xarray tells apart, more than one thread's
    share of each."""
    netcdf4 = pytest.importorskip("netCDF4")
    path = tmp_path / "packed.nc"
    generator = np.random.default_rng(5)
    made = 0
    with netcdf4.Dataset(path, "w") as file:
        file.createDimension("y", 300)
        file.createDimension("x", 271)
        for stored in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"):
            info = np.iinfo(stored) if stored[0] in "iu" else None
            values = (
                generator.integers(max(info.min, -(2**40)), min(info.max, 2**40), (300, 271), stored, endpoint=True)
                if info
                else generator.normal(size=(300, 271)).astype(stored)
            )
            values[::7, ::5], values[::11, ::3] = 7, 0
            if not info:
                values[::13] *= -0.0
                # In single precision this is not the number that a missing value of double precision names.
                values[::17] = 0.1
            for fill in (None, np.array(7, stored)[()]):
                for missing in (None, np.array(0, stored)[()], np.float64(0.1)):
                    for scale, offset in (
                        (None, None),
                        (np.float32(2e-6), np.float32(0.05)),
                        (np.float64(2e-6), np.float64(0.05)),
                        (np.float32(0.1), None),
                        (None, np.float32(0.05)),
                        (np.float32(0.1), np.float64(0.3)),
                        (np.int16(2), np.int16(3)),
                    ):
                        name = f"v{made}"
                        variable = file.createVariable(name, stored, ("y", "x"), fill_value=fill, zlib=True)
                        variable.set_auto_maskandscale(False)
                        variable[:] = values
                        for key, value in (
                            ("missing_value", missing), ("scale_factor", scale), ("add_offset", offset)
                        ):
                            if value is not None:
                                variable.setncattr(key, value)
                        if stored == "i1" and made % 2:
                            variable.setncattr("_Unsigned", "true")
                        made += 1
    ours, theirs = (xr.open_dataset(path, engine=engine) for engine in (ENGINE, "netcdf4"))
    in_one_pass = 0
    for name in theirs.data_vars:
        lazy = ours.variables[name]._data
        while not isinstance(lazy, StoredArray) and hasattr(lazy, "array"):
            lazy = lazy.array
        in_one_pass += isinstance(lazy, StoredArray) and lazy._packing is not None
        a, b = ours[name].values, theirs[name].values
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes(), (name, theirs[name].encoding)
    assert made == 378 and 100 < in_one_pass < made
    assert ours.isel(y=slice(3, 90, 4), x=[5, 2]).identical(theirs.isel(y=slice(3, 90, 4), x=[5, 2]))


def test_groups(granules):
    ours = xr.open_dataset(granules[0], engine=ENGINE, group="geophysical_data")
    xr.testing.assert_identical(
        ours, xr.open_dataset(granules[0], engine="netcdf4", group="geophysical_data")
    )
    ours = xr.open_datatree(granules[0], engine=ENGINE, group="geophysical_data")
    theirs = xr.open_datatree(granules[0], engine="netcdf4", group="geophysical_data")
    assert ours.identical(theirs)
    for form in ("geophysical_dat", "/geophysical_dat/"):
        with pytest.raises(package.errors.MissingError, match="did you mean /geophysical_data"):
            xr.open_dataset(granules[0], engine=ENGINE, group=form)
    with pytest.raises(package.errors.IoError):
        xr.open_dataset("missing.nc", engine=ENGINE)
    with pytest.raises(TypeError, match="group is text, not 5"):
        xr.open_dataset(granules[0], engine=ENGINE, group=5)


def test_what_files_claim_costs_nothing(tmp_path):
    """A dimension of any length takes a few bytes to write: nothing may go through its numbers."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "vast.h5", "w") as file:
        file.create_dataset("vast", (2**46,), "u1", chunks=(2**20,))
    vast = xr.open_dataset(tmp_path / "vast.h5", engine=ENGINE).vast
    script = (
        "import sys, xarray as xr\n"
        "from swathe._backend import SwatheBackend\n"
        "vast = xr.open_dataset(sys.argv[1], engine=SwatheBackend).vast\n"
        "try:\n    vast.load()\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, vast.encoding["source"]], capture_output=True, text=True, timeout=60
    )
    assert said.stdout.strip() in ("SlabError", "MemoryError", "FormatError", "RequestError"), said
    np.testing.assert_array_equal(vast[2**45 : 2**45 - 5 : -2].values, [0, 0, 0])


@pytest.mark.parametrize("form", ["NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
@pytest.mark.parametrize("code", ["latin-1", "utf-8"])
def test_characters_keep_their_bytes(tmp_path, form, code):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "text.nc", "w", format=form) as file:
        file.createDimension("name", 3)
        file.createDimension("letter", 6)
        names = file.createVariable("names", "S1", ("name", "letter"))
        names._Encoding = code
        names.set_auto_chartostring(False)
        words = np.array([word.encode(code) for word in ("Öl", "café", "")], "S6")
        names[:] = words.view("S1").reshape(3, 6)
    for options in ({}, {"concat_characters": False}, {"mask_and_scale": False}):
        ours, theirs = (xr.open_dataset(tmp_path / "text.nc", engine=e, **options) for e in (ENGINE, "netcdf4"))
        np.testing.assert_array_equal(ours.names, theirs.names)
        assert ours.names.dtype == theirs.names.dtype


def test_what_is_not_stored_is_given_where_there_is_room(tmp_path):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "thin.nc", "w") as file:
        for name, length in (("y", 6000), ("x", 5000), ("far", 2**40)):
            file.createDimension(name, length)
        thin = file.createVariable("thin", "f4", ("y", "x"), chunksizes=(1000, 1000), fill_value=-1)
        thin[5, 7] = 3
        packed = file.createVariable("packed", "i2", ("y", "x"), chunksizes=(1000, 1000), zlib=True)
        packed.scale_factor = 0.5
        packed[5, 7] = 3
        far = file.createVariable("far", "i1", ("far", "x"), chunksizes=(1000, 5000))
        far[2**39 + 5, 3] = 9
    ours, theirs = (xr.open_dataset(tmp_path / "thin.nc", engine=e) for e in (ENGINE, "netcdf4"))
    for name in ("thin", "packed"):
        np.testing.assert_array_equal(ours[name].values, theirs[name].values)
    # What is far apart is read without what lies between.
    step = 2**38
    apart = ours.far[5::step, 3::1000]
    assert apart.shape == (4, 5)
    np.testing.assert_array_equal(apart.values, theirs.far[5::step, 3::1000].values)
    assert float(apart[2, 0]) == 9
    places = np.array([2**39 + 5, 1, 2**40 - 1])
    np.testing.assert_array_equal(ours.far[places, 3].values, theirs.far[places, 3].values)
    back = slice(2**39 + 9, 1, -(2**38) - 1)
    np.testing.assert_array_equal(ours.far[back, 3].values, theirs.far[back, 3].values)
    with pytest.raises(package.SwatheError, match="read it in parts"):
        ours.far.load()


def test_the_tutorials_merge_works(granules):
    tree = xr.open_datatree(granules[0], engine=ENGINE)
    dataset = xr.merge(tree.to_dict().values()).set_coords(("latitude", "longitude"))
    theirs = xr.merge(xr.open_datatree(granules[0], engine="netcdf4").to_dict().values())
    np.testing.assert_array_equal(dataset.chlor_a, theirs.chlor_a)


def test_arrays_are_lazy_pickle_and_read_from_threads(granules):
    lazy = xr.open_dataset(granules[0], engine=ENGINE, group="geophysical_data")
    assert len(pickle.dumps(lazy)) < 100_000
    again = pickle.loads(pickle.dumps(lazy))
    expected = xr.open_dataset(granules[0], engine="netcdf4", group="geophysical_data").load()
    names = list(expected.data_vars) * 4
    with ThreadPoolExecutor(4) as pool:
        for name, values in zip(names, pool.map(lambda name: again[name].values, names)):
            np.testing.assert_array_equal(values, expected[name])
    with open(granules[0], "rb") as file:
        xr.testing.assert_identical(
            xr.open_dataset(file, engine=ENGINE, group="geophysical_data").load(), expected
        )


def test_threads_that_read_one_file_object_do_not_wait_for_each_other_forever(tmp_path):
    """Whoever reads of a file object holds its lock and wants the interpreter: nobody may hold that and want the lock."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "large.h5", "w") as file:
        for name in "abcdef":
            # More than is read unasked: the index of chunks tells whether so much is stored.
            file.create_dataset(name, data=np.zeros(2**27, "u1"), chunks=(2**20,), compression=1)
    script = (
        "import io, sys, time, xarray as xr\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from swathe._backend import SwatheBackend\n"
        "class Slow(io.BytesIO):\n"
        "    def read(self, size=-1):\n"
        "        time.sleep(0.0005)\n"
        "        return super().read(size)\n"
        "tree = xr.open_dataset(Slow(open(sys.argv[1], 'rb').read()), engine=SwatheBackend)\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    print(sum(pool.map(lambda name: tree[name].values.size, 'abcdef')))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "large.h5")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert said.stdout.split() == [str(6 * 2**27)], said.stderr


def test_chunks_are_the_storages(granules):
    pytest.importorskip("dask")
    lazy = xr.open_dataset(granules[0], engine=ENGINE, group="geophysical_data", chunks={})
    theirs = xr.open_dataset(granules[0], engine="netcdf4", group="geophysical_data", chunks={})
    assert lazy.chunks == theirs.chunks
    np.testing.assert_array_equal(lazy.chlor_a[10:20, 3], theirs.chlor_a[10:20, 3])
    many = xr.open_mfdataset(
        granules, engine=ENGINE, group="geophysical_data", combine="nested", concat_dim="time"
    )
    assert many.chlor_a.shape == (2, 300, 1272) and float(many.chlor_a.max()) > 0
