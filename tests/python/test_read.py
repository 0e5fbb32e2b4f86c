"""Reading, against netCDF4 and h5py: every variable of a file, by a digest of its elements."""

import json
import subprocess
import zlib

import h5py
import netCDF4
import numpy as np
import pytest


@pytest.fixture(scope="session")
def dump(examples):
    """What we read of each file, by path."""

    def run(*paths):
        out = subprocess.run(
            [examples / "dump_dataset", *paths], capture_output=True, text=True, check=True
        ).stdout
        return {report["file"]: report for report in map(json.loads, out.splitlines())}

    return run


def digest(array):
    """CRC-32 and number of the little-endian bytes; of text as UTF-8 with a zero after each."""
    array = np.asarray(array)
    if array.dtype.kind in "SUO":
        texts = (t if isinstance(t, bytes) else str(t).encode() for t in array.ravel().tolist())
        data = b"".join(text + b"\0" for text in texts)
    else:
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return f"{zlib.crc32(data):08x}-{len(data)}"


# netCDF4: names, dimensions, attributes, values.


def attribute(value):
    """As the dump writes it: text, or a list."""
    if isinstance(value, (str, list)):
        return value
    value = np.atleast_1d(value)
    if value.dtype.kind in "US":
        return [str(v) for v in value]
    return [v if np.isfinite(v) else str(v) for v in value.tolist()]


def compare_attributes(ours, theirs):
    ours = dict(ours)
    assert ours.keys() == set(theirs.ncattrs())
    for name, value in ours.items():
        want = attribute(theirs.getncattr(name))
        assert value == want or (value == "" and want == []), name


def compare_group(ours, theirs, refused=()):
    """Equal to netCDF4's group, but for the names of variables that are refused by feature."""
    assert {(n, length, u) for n, length, u in ours["dimensions"]} == {
        (n, len(d), d.isunlimited()) for n, d in theirs.dimensions.items()
    }
    compare_attributes(ours["attributes"], theirs)
    variables = {v["path"].rsplit("/", 1)[1]: v for v in ours["variables"]}
    assert list(variables) == list(theirs.variables)
    for name, variable in variables.items():
        compare_variable(variable, theirs.variables[name], name in refused)
    groups = {g["path"].rsplit("/", 1)[1]: g for g in ours["groups"]}
    assert groups.keys() == theirs.groups.keys()
    for name, group in groups.items():
        compare_group(group, theirs.groups[name], refused)


def compare_variable(ours, theirs, refused):
    where = ours["path"]
    assert tuple(ours["dims"]) == theirs.dimensions, where
    assert tuple(ours["shape"]) == theirs.shape, where
    compare_attributes(ours["attributes"], theirs)
    if refused:
        assert "is not supported" in ours["refused"], where
        return
    assert ours["refused"] is None, where
    theirs.set_auto_maskandscale(False)
    theirs.set_auto_chartostring(False)
    assert ours["digest"] == digest(np.ma.getdata(theirs[...])), where


def compare_with_netcdf4(dump, path, refused=()):
    report = dump(path)[str(path)]
    assert "error" not in report
    with netCDF4.Dataset(path) as theirs:
        compare_group(report, theirs, refused)


RNG = np.random.default_rng(2)


def numbers(dtype, shape):
    """Random, with long runs, so that compressed chunks differ in length."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        values = RNG.normal(0, 1e3, shape)
    else:
        limits = np.iinfo(dtype)
        values = RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    values = np.asarray(values, dtype)
    values[..., : max(values.shape[-1] // 3, 1)] = 7
    return values


NUMBERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize(
    "storage",
    [
        {"contiguous": True},
        {"chunksizes": (7, 5)},
        {"chunksizes": (7, 5), "compression": "zlib", "shuffle": True},
        {"chunksizes": (7, 11), "compression": "zlib", "complevel": 9, "shuffle": False},
        {"chunksizes": (40, 3), "compression": "zlib", "shuffle": True, "fletcher32": True},
        {"chunksizes": (1, 11), "fletcher32": True},
        {"chunksizes": (3, 4), "compression": "szip", "szip_pixels_per_block": 8},
    ],
    ids=lambda s: "-".join(map(str, s.values())),
)
def test_numbers(dump, tmp_path, storage, endian):
    path = tmp_path / "numbers.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("line", 40)
        file.createDimension("pixel", 11)
        for dtype in NUMBERS:
            if storage.get("compression") == "szip" and dtype in ("i8", "u8"):
                continue
            v = file.createVariable(dtype, dtype, ("line", "pixel"), endian=endian, **storage)
            v[:] = numbers(dtype, (40, 11))
    compare_with_netcdf4(dump, path)


def test_what_is_not_stored_is_fill(dump, tmp_path):
    path = tmp_path / "fill.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("line", 30)
        file.createDimension("pixel", 30)
        for name, fill in [("default", None), ("nan", np.nan), ("own", -32767.0)]:
            v = file.createVariable(
                name, "f4", ("line", "pixel"), fill_value=fill, chunksizes=(8, 8), zlib=True
            )
            v[9:12, 3:20] = numbers("f4", (3, 17))
        file.createVariable("never", "i2", ("line", "pixel"), fill_value=-5, chunksizes=(8, 8))
        file.createVariable("never_contiguous", "i4", ("line",), fill_value=9, contiguous=True)
    compare_with_netcdf4(dump, path)


def test_groups_dimensions_and_names(dump, tmp_path):
    path = tmp_path / "names.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("line", None)
        file.createDimension("pixel", 5)
        file.createDimension("unused", 3)
        file.createDimension("never", None)
        file.createVariable("line", "f8", ("line",))[:4] = np.arange(4)
        # A coordinate of two dimensions; a variable named as a dimension of another group.
        file.createDimension("track", 4)
        file.createVariable("track", "f4", ("track", "pixel"))[:] = numbers("f4", (4, 5))
        inner = file.createGroup("a").createGroup("b")
        inner.createDimension("pixel", 6)
        inner.createVariable("longer", "i2", ("line", "pixel"))[:9] = numbers("i2", (9, 6))
        inner.createVariable("shorter", "i2", ("line", "pixel"), fill_value=-1)[:2] = 3
        inner.createVariable("track", "i4", ("line",))[:3] = 1
        inner.createVariable("scalar", "f4", ())[...] = 2.5
        inner.createVariable("no_data", "f4", ("never", "pixel"))
        file.createGroup("empty")
    compare_with_netcdf4(dump, path)


def test_a_variable_named_as_a_dimension_it_does_not_have(dump, tmp_path):
    path = tmp_path / "names.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 3)
        file.createDimension("y", 4)
        file.createVariable("x", "i4", ("y",))[:] = np.arange(4)
        file.createVariable("plain", "i4", ("x",))[:] = np.arange(3)
    compare_with_netcdf4(dump, path)


def test_attributes(dump, tmp_path):
    path = tmp_path / "attributes.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 2)
        # Few attributes lie in the header, many in a heap.
        for count in (3, 40):
            v = file.createVariable(f"v{count}", "i4", ("x",))
            for i in range(count):
                v.setncattr(f"a{i}", f"text {i} ä")
        for dtype in NUMBERS:
            file.setncattr(f"one_{dtype}", np.array(5, dtype))
            file.setncattr(f"many_{dtype}", numbers(dtype, (7,)))
        file.setncattr("long", "x" * 70_000)
        file.setncattr("empty", "")
        file.setncattr("none", np.array([], "f4"))
        file.setncattr("texts", ["one", "", "three ä"])
        file.setncattr_string("string", "one string")
        file.setncattr("infinite", np.array([np.inf, -np.inf, np.nan]))
    compare_with_netcdf4(dump, path)


def test_text_and_user_types(dump, tmp_path):
    path = tmp_path / "text.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 4)
        file.createDimension("c", 6)
        texts = file.createVariable("strings", str, ("x",))
        texts[:] = np.array(["a", "", "ü and more", "d"], object)
        file.createVariable("chunked_strings", str, ("x",), chunksizes=(3,), zlib=True)[1] = "b"
        file.createVariable("characters", "S1", ("x", "c"))[:] = netCDF4.stringtochar(
            np.array(["abc", "", "defghi", "x"], "S6")
        )
        enum = file.createEnumType("u1", "cloud_t", {"clear": 0, "cloudy": 1})
        file.createVariable("enum", enum, ("x",), fill_value=0)[:] = 1
        pair = file.createCompoundType(np.dtype([("a", "f4"), ("b", "i4")]), "pair_t")
        file.createVariable("pair", pair, ("x",))
        ragged = file.createVLType("i4", "ragged_t")
        file.createVariable("ragged", ragged, ("x",))[0] = np.arange(3, dtype="i4")
    compare_with_netcdf4(dump, path, refused=("enum", "pair", "ragged"))


@pytest.mark.parametrize(
    "kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4_CLASSIC"]
)
@pytest.mark.parametrize("records", [None, "one", "odd", "many", "wide", "none"])
def test_classic(dump, tmp_path, kind, records):
    path = tmp_path / "classic.nc"
    dtypes = NUMBERS if kind == "NETCDF3_64BIT_DATA" else ["i1", "i2", "i4", "f4", "f8"]
    with netCDF4.Dataset(path, "w", format=kind) as file:
        file.createDimension("x", 5)
        file.createDimension("y", 7)
        file.createDimension("wide", 9000)
        file.title = "ä title"
        file.empty = ""
        for dtype in dtypes:
            v = file.createVariable(f"fixed_{dtype}", dtype, ("y", "x"))
            v[:] = numbers(dtype, (7, 5))
            v.setncattr("limits", numbers(dtype, (3,)))
        file.createVariable("scalar", "f8", ())[...] = 1.5
        file.createVariable("characters", "S1", ("x",))[:] = np.array(list("ab"), "S1").repeat([3, 2])
        if records:
            file.createDimension("time", None)
        if records in ("odd", "many"):
            file.createVariable("r_odd", "i1", ("time", "x"))[:9] = numbers("i1", (9, 5))
        if records == "one":
            # A single record variable is not padded.
            file.createVariable("r_only", "i2", ("time", "x"))[:9] = numbers("i2", (9, 5))
        if records == "many":
            for dtype in dtypes:
                v = file.createVariable(f"r_{dtype}", dtype, ("time", "y", "x"))
                v[:9] = numbers(dtype, (9, 7, 5))
        if records == "wide":
            file.createVariable("r_wide", "f4", ("time", "wide"))[:3] = numbers("f4", (3, 9000))
            file.createVariable("r_small", "i2", ("time",))[:3] = np.arange(3)
    compare_with_netcdf4(dump, path)


# h5py: what netCDF does not write, or does not read.


def hdf5_datasets(file):
    """Every dataset by path, hard links followed once for each group."""
    found, entered = {}, set()

    def enter(group, path):
        address = h5py.h5o.get_info(group.id).addr
        if address in entered:
            return
        entered.add(address)
        for name in group:
            try:
                child = group[name]
            except (KeyError, OSError, RuntimeError):
                continue
            if isinstance(child, h5py.Group):
                enter(child, f"{path}/{name}")
            elif isinstance(child, h5py.Dataset):
                found[f"{path}/{name}"] = child

    enter(file, "")
    return found


def read_with_h5py(dataset):
    """Its elements as the dump's types; None where h5py cannot read them."""
    try:
        value = dataset[()]
    except (OSError, TypeError, ValueError, RuntimeError, MemoryError):
        return None
    if isinstance(value, h5py.Empty):
        return np.empty(0, value.dtype if value.dtype.kind in "iuf" else "S1")
    return value


def is_pure_dimension(dataset):
    name = dataset.attrs.get("NAME", b"")
    return isinstance(name, bytes) and name.startswith(b"This is a netCDF dimension but not a")


def our_variables(group):
    yield from group["variables"]
    for child in group["groups"]:
        yield from our_variables(child)


def compare_with_h5py(report, path):
    """Every dataset h5py reads has equal values, or is refused by feature. Returns the refused."""
    with h5py.File(path) as file:
        theirs = hdf5_datasets(file)
        ours = {v["path"].replace("_nc4_non_coord_", ""): v for v in our_variables(report)}
        refused = {}
        for name, dataset in theirs.items():
            if is_pure_dimension(dataset):
                continue
            want = read_with_h5py(dataset)
            # A group with a link of an unknown kind is refused as a whole, under its own name.
            group = name.rsplit("/", 1)[0]
            if "is not supported" in str(ours.get(group, {}).get("refused")):
                continue
            mine = ours.pop(name.replace("_nc4_non_coord_", ""))
            if want is None:
                assert mine["refused"], name
            elif mine["refused"]:
                assert "is not supported" in mine["refused"], (name, mine["refused"])
                refused[name] = mine["refused"]
            else:
                assert mine["shape"] == list(dataset.shape or want.shape), name
                assert mine["digest"] == digest(want), name
        # What h5py cannot open we may list, but not read.
        assert all(v["refused"] for v in ours.values()), list(ours)
    return refused


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("user_block", [0, 512, 4096])
def test_hdf5(dump, tmp_path, libver, user_block):
    path = tmp_path / "zoo.h5"
    with h5py.File(path, "w", libver=libver, userblock_size=user_block) as file:
        make_zoo(file)
    report = dump(path)[str(path)]
    assert "error" not in report
    refused = compare_with_h5py(report, path)
    assert {name.strip("/") for name in refused} == {"lzf", "half", "odd_int", "bool", "compound"}


def make_zoo(file):
    data = numbers("f4", (60, 50))
    every = (None, None)
    # Kinds of index in files of version 1.10: single chunk, fixed array (its pages too),
    # extensible array, B-tree; before that always the old B-tree.
    for name, options in {
        "single": {"chunks": (60, 50)},
        "fixed": {"chunks": (7, 9)},
        "paged": {"chunks": (1, 1)},
        "extensible": {"chunks": (7, 9), "maxshape": (None, 50)},
        "extensible_long": {"chunks": (1, 2), "maxshape": (None, 50)},
        "btree": {"chunks": (7, 9), "maxshape": every},
        "btree_long": {"chunks": (1, 2), "maxshape": every},
    }.items():
        file.create_dataset(name, data=data, **options)
        file.create_dataset(f"{name}_gzip", data=data, compression="gzip", shuffle=True, **options)
        file.create_dataset(f"{name}_checked", data=data, fletcher32=True, **options)
        hole = file.create_dataset(f"{name}_hole", data.shape, "i2", fillvalue=-3, **options)
        hole[20:30, 10:40] = 5
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((7, 9))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(data.shape)
    implicit = h5py.h5d.create(file.id, b"implicit", h5py.h5t.IEEE_F32LE, space, early)
    implicit.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    # Smaller again: chunks beyond the edge stay in the file.
    shrunk = file.create_dataset("shrunk", data=data, chunks=(8, 8), maxshape=every)
    shrunk.resize((13, 21))
    grown = file.create_dataset("grown", data=data, chunks=(8, 8), maxshape=every, fillvalue=8)
    grown.resize((70, 51))
    small = numbers("i4", (30, 20)) % 1000
    file.create_dataset("scale_offset", data=small, chunks=(9, 9), scaleoffset=0)
    file.create_dataset("scale_offset_gzip", data=small, chunks=(9, 9), scaleoffset=0, compression=9)
    file.create_dataset("scale_offset_f", data=data, chunks=(9, 9), scaleoffset=3)
    file.create_dataset("szip", data=data, chunks=(8, 16), compression="szip")
    file.create_dataset("lzf", data=data, chunks=(8, 16), compression="lzf", shuffle=True)
    file.create_dataset("big", data=data.astype(">f8"))
    file.create_dataset("empty", (0, 4), "f4")
    file.create_dataset("null", dtype="f4")
    file.create_dataset("half", data=data.astype("f2"))
    file.create_dataset("bool", data=data > 0)
    file.create_dataset("compound", data=np.zeros(3, [("a", "i4"), ("b", "f8")]))
    odd = h5py.h5t.STD_I16LE.copy()
    odd.set_precision(12)
    line = h5py.h5s.create_simple((5,))
    odd_int = h5py.h5d.create(file.id, b"odd_int", odd, line)
    odd_int.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([-5, 4, 0, 7, -2000], "i2"))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    inline = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_U16BE, line, compact)
    inline.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(5, dtype="u2"))
    file.create_dataset("fixed_text", data=np.array([b"abc", b"", b"de"], "S5"))
    file.create_dataset("text", data=["one", "", "drei ä"], dtype=h5py.string_dtype())
    for i in range(60):
        file.create_dataset(f"many/d{i}", data=i)
    file["hard"] = file["fixed"]
    file["soft"] = h5py.SoftLink("/many/d7")
    file["many/relative"] = h5py.SoftLink("d8")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["circle"] = h5py.SoftLink("/circle")
    file["external"] = h5py.ExternalLink("elsewhere.h5", "/x")
    file["many/loop"] = file["/"]
    file["many/again"] = file["many"]


def test_external_and_virtual_data_are_refused_by_name(dump, tmp_path):
    path = tmp_path / "outside.h5"
    (tmp_path / "raw.bin").write_bytes(np.arange(10, dtype="<i4").tobytes())
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("raw", (10,), "i4", external=[(str(tmp_path / "raw.bin"), 0, 40)])
        layout = h5py.VirtualLayout((10,), "i4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "outside.h5"), "raw", (10,))
        file.create_virtual_dataset("virtual", layout)
        file["plain"] = np.arange(3)
    refused = compare_with_h5py(dump(path)[str(path)], path)
    assert "data in external files is not supported" in refused["/raw"]
    assert "a virtual dataset is not supported" in refused["/virtual"]


# Real files, where they are.


def test_every_real_file(dump, shared_data):
    files = [p for p in sorted(shared_data.glob("*/*")) if p.suffix in (".nc", ".nc4", ".HDF5")]
    files = [p for p in files if p.parent.name != "hdf5_zoo"]
    assert files
    reports = dump(*files)
    for path in files:
        assert "error" not in reports[str(path)]
        with netCDF4.Dataset(path) as theirs:
            compare_group(reports[str(path)], theirs)


def test_hdf5_zoo(dump, shared_data):
    files = sorted((shared_data / "hdf5_zoo").iterdir())
    reports = dump(*files)
    for path in files:
        report = reports[str(path)]
        if "error" in report:
            with pytest.raises((OSError, RuntimeError, KeyError)), h5py.File(path) as file:
                for dataset in hdf5_datasets(file).values():
                    dataset[()]
                list(file)
                raise OSError("no dataset")
        else:
            compare_with_h5py(report, path)
