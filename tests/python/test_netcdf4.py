"""Files of the netCDF-4 writer, read by netCDF4 (netCDF-C), h5py, h5netcdf, xarray and GDAL, and changed by
them. Elements hold their own number (examples/write_netcdf4.rs)."""

import shutil
import subprocess

import pytest

netCDF4 = pytest.importorskip("netCDF4")
h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")

KINDS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SIZES = {"a": 7, "b": 5, "c": 3, "d": 2, "none": 0, "unused": 4}
NAMES = "kinds shapes missing attributes many_chunks nothing".split()
CHUNKED = {
    "none_chunks": ("a none", (3, 1)),
    "one": ("a", (3,)),
    "two": ("a b", (4, 4)),
    "three": ("a b c", (2, 5, 2)),
    "four": ("c b a d", (3, 2, 4, 1)),
    "square": ("b b", (5, 5)),
    "as_they_are": ("a b", (2, 2)),
    "shuffled": ("a b", (2, 2)),
    "deflated": ("a b", (2, 2)),
}
TEXTS = ["", "a", "µm — ∞", "", "with\nlines", "long " * 40_000, "z"]


@pytest.fixture(scope="module")
def files(examples, tmp_path_factory):
    directory = tmp_path_factory.mktemp("netcdf4")
    subprocess.run([examples / "write_netcdf4", directory], check=True)
    return directory


def numbers(shape):
    return np.arange(np.prod(shape, dtype=int), dtype="f4").reshape(shape)


def test_every_type_of_number(files):
    with netCDF4.Dataset(files / "kinds.nc") as nc, h5py.File(files / "kinds.nc") as h5:
        for kind in KINDS:
            want = np.arange(-3, 4).astype(kind)
            for name in (kind, f"{kind}_chunks"):
                assert nc[name].dtype == want.dtype and nc[name].endian() == "little"
                np.testing.assert_array_equal(nc[name][:], want)
                assert h5[name].dtype == want.dtype
                np.testing.assert_array_equal(h5[name][:], want)


def test_shapes_in_netcdf4(files):
    with netCDF4.Dataset(files / "shapes.nc") as nc:
        assert {n: len(d) for n, d in nc.dimensions.items()} == SIZES
        assert list(nc.dimensions) == list(SIZES)
        # netCDF-C takes every dimension of length zero for an unlimited one.
        assert [n for n, d in nc.dimensions.items() if d.isunlimited()] == ["none"]
        order = "scalar scalar_text text c none none_text".split() + list(CHUNKED)
        assert list(nc.variables) == order
        assert nc["scalar"][...] == 2.5 and nc["scalar"].dimensions == ()
        assert nc["scalar_text"][...] == "one text"
        assert list(nc["text"][:]) == TEXTS and nc["text"].dtype is str
        assert list(nc["c"][:]) == ["red", "green", "blue"]
        assert nc["none"].shape == nc["none_text"].shape == (0,)
        for name, (dims, chunks) in CHUNKED.items():
            variable = nc[name]
            assert variable.dimensions == tuple(dims.split())
            assert variable.chunking() == list(chunks)
            filters = variable.filters()
            want = {"as_they_are": (False, 0), "shuffled": (True, 0), "deflated": (False, 9)}
            assert (filters["shuffle"], filters["complevel"]) == want.get(name, (True, 4))
            shape = tuple(SIZES[d] for d in dims.split())
            for masking in (True, False):
                nc.set_auto_mask(masking)
                np.testing.assert_array_equal(variable[:], numbers(shape))
        assert nc["text"].chunking() == "contiguous"


def test_shapes_in_h5py(files):
    with h5py.File(files / "shapes.nc") as h5:
        for name, (dims, chunks) in CHUNKED.items():
            dataset = h5[name]
            assert dataset.chunks == chunks
            np.testing.assert_array_equal(dataset[:], numbers(dataset.shape))
            grid = [-(-n // c) for n, c in zip(dataset.shape, chunks)]
            assert dataset.id.get_num_chunks() == np.prod(grid)
            found = [dataset.id.get_chunk_info(i) for i in range(np.prod(grid))]
            offsets = [tuple(p * c for p, c in zip(place, chunks)) for place in np.ndindex(*grid)]
            assert [chunk.chunk_offset for chunk in found] == offsets
            assert all(chunk.filter_mask == 0 for chunk in found)
            assert [scale[0].name for scale in dataset.dims] == [f"/{d}" for d in dims.split()]
            assert all(d in [s.name[1:] for s in scale.values()] for d, scale in zip(dims.split(), dataset.dims))
        assert h5["a"].is_scale and h5["c"].is_scale and not h5["two"].is_scale
        assert [t.decode() for t in h5["text"][:]] == TEXTS


@pytest.mark.parametrize("name", NAMES)
def test_engines_agree(files, name):
    with (
        xr.open_dataset(files / f"{name}.nc", engine="netcdf4") as a,
        xr.open_dataset(files / f"{name}.nc", engine="h5netcdf") as b,
    ):
        xr.testing.assert_identical(a.load(), b.load())


def test_missing_chunks_hold_the_fill_value(files):
    want = numbers((21, 35))
    rows, columns = np.indices(want.shape)
    number = (rows // 2) * 12 + columns // 3
    there = (131 - number) % 3 == 0
    with netCDF4.Dataset(files / "missing.nc") as nc:
        np.testing.assert_array_equal(nc["filled"][:].mask, ~there)
        np.testing.assert_array_equal(nc["filled"][:].compressed(), want[there])
        np.testing.assert_array_equal(nc["zero"][:], np.where(there, want, 0))
        assert nc["no_chunk"][:].mask.all() and nc["never"][:].mask.all()
        nc.set_auto_mask(False)
        np.testing.assert_array_equal(nc["filled"][:], np.where(there, want, -32767))
        assert (nc["no_chunk"][:] == -1).all() and (nc["never"][:] == -5).all()
        assert nc["never"].getncattr("_FillValue").dtype == np.int32
    with h5py.File(files / "missing.nc") as h5:
        assert h5["filled"].fillvalue == -32767
        assert h5["filled"].id.get_num_chunks() == len(np.unique(number[there]))
        # From the last one on, as they were written.
        infos = [h5["filled"].id.get_chunk_info(i) for i in range(44)]
        assert all(a.byte_offset > b.byte_offset for a, b in zip(infos, infos[1:]))


def check_attributes(owner, many, later=0):
    want = {
        "i1": np.array([-1, 2], "i1"),
        "u1": np.array(200, "u1"),
        "i2": np.array(-3, "i2"),
        "u2": np.array(60_000, "u2"),
        "i4": np.array([-5, 6, 7], "i4"),
        "u4": np.array(4_000_000_000, "u4"),
        "i8": np.array(-9_000_000_000, "i8"),
        "u8": np.array(18_000_000_000_000_000_000, "u8"),
        "f4": np.array(0.1, "f4"),
        "f8": np.array([0.1, np.nan], "f8"),
        "text": "plain",
        "accents": "Müller — 100 µm",
        "empty": "",
        "texts": ["one", "", "drei ∞"],
        "späť": "a name",
    }
    if many:
        want["long"] = "0123456789" * 20_000
        want["later"] = np.array(later, "i4")
        want["numbers"] = np.arange(100_000, dtype="i4")
        want |= {f"attribute_{i}": np.array(i, "i4") for i in range(1000)}
    found = owner.ncattrs()
    assert [n for n in found if n != "_FillValue"] == list(want)
    for name, value in want.items():
        have = owner.getncattr(name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(have, value)
            assert have.dtype == value.dtype
        else:
            assert have == value


def test_attributes_of_any_size(files):
    with netCDF4.Dataset(files / "attributes.nc") as nc:
        check_attributes(nc, many=True, later=42)
        check_attributes(nc["few"], many=False)
        assert nc["few"].getncattr("_FillValue") == -1.0
        check_attributes(nc["many"], many=True, later=43)
        check_attributes(nc["x"], many=True)
    with h5py.File(files / "attributes.nc") as h5:
        # By name, through the index.
        for owner in (h5, h5["many"], h5["x"]):
            assert all(owner.attrs[f"attribute_{i}"] == i for i in range(1000))
            assert "attribute_1000" not in owner.attrs


def test_thousands_of_variables(files):
    with netCDF4.Dataset(files / "many_variables.nc") as nc:
        assert list(nc.variables) == [f"v{i}" for i in range(6000)]
        for i in range(0, 6000, 500):
            np.testing.assert_array_equal(nc[f"v{i}"][:], [[i, i + 1], [i + 2, i + 3]])
    with h5py.File(files / "many_variables.nc") as h5:
        uses = h5["y"].attrs["REFERENCE_LIST"]
        assert len(uses) == 6000 and set(uses["dimension"]) == {1}
        assert h5[uses["dataset"][4321]].name == "/v4321"


def test_thousands_of_chunks(files):
    with netCDF4.Dataset(files / "many_chunks.nc") as nc:
        np.testing.assert_array_equal(nc["v"][:], numbers((301, 203)))
        assert nc["v"][300, 202] == 301 * 203 - 1
    with h5py.File(files / "many_chunks.nc") as h5:
        assert h5["v"].id.get_num_chunks() == 101 * 102


@pytest.mark.parametrize("name", NAMES)
def test_other_programs_can_add_to_the_files(files, name, tmp_path):
    """HDF5 and netCDF-C change headers, heaps and indexes in place: all must be as they expect."""
    path = tmp_path / "copy.nc"
    shutil.copy(files / f"{name}.nc", path)
    with netCDF4.Dataset(path) as nc:
        before = {n: np.array(v[...]) for n, v in nc.variables.items()}
    with netCDF4.Dataset(path, "a") as nc:
        nc.note = "added"
        nc.createDimension("new", 3)
        nc.createVariable("new", "f4", ("new",))[:] = [1, 2, 3]
        if "v" in nc.variables:
            nc["v"][0, 0] = 99
        for variable in list(nc.variables.values())[:20]:
            variable.setncattr("note", "added")
    if "filled" in before:
        with h5py.File(path, "a") as h5:
            h5["filled"][:] = 7
            before["filled"][:] = 7
    with netCDF4.Dataset(path) as nc:
        assert nc.note == "added"
        np.testing.assert_array_equal(nc["new"][:], [1, 2, 3])
        for variable_name, want in before.items():
            if variable_name == "v":
                want[0, 0] = 99
            np.testing.assert_array_equal(np.array(nc[variable_name][...]), want)
        assert all(v.note == "added" for v in list(nc.variables.values())[:20])


def test_gdal_reads_the_chunks(files):
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(f"netcdf:{files / 'shapes.nc'}:two") as raster:
        found = raster.read(1)
        # Without coordinates GDAL takes the first row for the lowest.
        assert (found == numbers((7, 5))).all() or (found[::-1] == numbers((7, 5))).all()


@pytest.mark.parametrize("name", [*NAMES, "many_variables"])
def test_command_line_tools_find_no_fault(files, name):
    for tool in (["ncdump"], ["h5dump", "-p"], ["h5ls", "-r", "-v"], ["h5stat"]):
        if shutil.which(tool[0]) is None:
            pytest.skip(f"no {tool[0]}")
        run = subprocess.run([*tool, files / f"{name}.nc"], capture_output=True)
        assert run.returncode == 0 and not run.stderr, run.stderr[:500]


def test_the_same_calls_make_the_same_bytes(examples, files, tmp_path):
    subprocess.run([examples / "write_netcdf4", tmp_path], check=True)
    for name in [*NAMES, "many_variables"]:
        assert (tmp_path / f"{name}.nc").read_bytes() == (files / f"{name}.nc").read_bytes()
