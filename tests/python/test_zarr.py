"""Zarr stores as zarr-python and xarray see them: the same as the netCDF files. And theirs, as we read them."""

import json
import os
import shutil
import subprocess
import warnings
import zlib

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")
netCDF4 = pytest.importorskip("netCDF4")

NAMES = "average across global utm polar albers robinson sphere series cube".split()
BOX = ["-b", "-80,30,-60,45"]


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    """Four granules of 200 lines."""
    folder = tmp_path_factory.mktemp("granules")
    command = [swathe, "simulate", "-d", folder, "--lines", "200", "--count", "4", *BOX]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("*.nc"))


def same(store, file):
    """Opened in every way and without a warning, a store is what the netCDF file is."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xr.open_dataset(file) as ds:
            want = ds.load()
        for found in (
            xr.open_zarr(store),
            xr.open_zarr(store, chunks=None),
            xr.open_dataset(store, engine="zarr"),
            xr.open_dataset(store, engine="zarr", consolidated=False),
        ):
            xr.testing.assert_identical(found.load(), want)
            # Order, and numbers to the bit.
            assert list(found.attrs) == list(want.attrs)
            for name, variable in want.variables.items():
                theirs = found.variables[name]
                assert list(theirs.attrs) == list(variable.attrs)
                for key, value in variable.attrs.items():
                    np.testing.assert_array_equal(np.asarray(theirs.attrs[key]), np.asarray(value))
                if variable.dtype.kind in "fiu":
                    assert theirs.dtype == variable.dtype
                assert theirs.encoding.get("_FillValue") == variable.encoding.get("_FillValue")


@pytest.mark.parametrize("name", NAMES)
def test_a_store_is_the_netcdf_file(products, name):
    same(products / f"{name}.zarr", products / f"{name}.nc")


@pytest.mark.parametrize("name", NAMES)
def test_stored_values_are_those_of_the_netcdf_file(products, name):
    """Fill values too."""
    with netCDF4.Dataset(products / f"{name}.nc") as nc:
        nc.set_auto_maskandscale(False)
        group = zarr.open_group(products / f"{name}.zarr", mode="r")
        assert set(group) == set(nc.variables)
        for key, variable in nc.variables.items():
            array = group[key]
            assert array.metadata.dimension_names == variable.dimensions
            np.testing.assert_array_equal(array[...], variable[...])
        assert group["chlor_a"].fill_value == np.float32(-32767)
        assert (group["chlor_a"][...] == np.float32(-32767)).any()


def test_texts(products):
    group = zarr.open_group(products / "average.zarr", mode="r")
    assert group["granule_status"][:].tolist() == ["used", "empty", "skipped"]
    assert group["chlor_a"].attrs["reference"] == "Müller et al. (2012) — 100 µm"


def test_chunks(products):
    sizes = {
        "average": ((256, 256), None),
        "global": ((256, 256), (2048, 3840)),
        "cube": ((1, 256, 256), None),
    }
    for name, want in sizes.items():
        group = zarr.open_group(products / f"{name}.zarr", mode="r")
        assert (group["chlor_a"].chunks, group["chlor_a"].shards) == want
    assert group["time"].chunks == (1024,) and group["time_bnds"].chunks == (1024, 2)
    # 120 chunks in one file.
    files = [p for p in (products / "global.zarr/chlor_a/c").rglob("*") if p.is_file()]
    assert len(files) == 1


def test_shards(swathe, granules, tmp_path):
    """A map of 5000 x 6667 cells: four shards."""
    store, file = tmp_path / "map.zarr", tmp_path / "map.nc"
    command = [swathe, "average", *granules, *BOX, "-r", "0.003", "-m", "bin", "-o", store, "-o", file]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(os.listdir(store / "chlor_a/c")) == ["0", "1"]
    assert zarr.open_array(store / "chlor_a").shards == (4096, 4096)
    assert sorted(os.listdir(tmp_path)) == ["map.nc", "map.zarr"]
    same(store, file)


def grid(swathe, granules, output, *options, code=0):
    command = [swathe, "grid", *granules, *BOX, "-r", "0.1", "-m", "bin", "-o", output, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr


def digests(folder):
    return {p: zlib.crc32(p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def test_a_cube_that_grew_is_that_of_all_granules(swathe, granules, tmp_path):
    grown, whole, file = tmp_path / "grown.zarr", tmp_path / "whole.zarr", tmp_path / "whole.nc"
    for part in (granules[:1], granules[1:3], granules[3:]):
        grid(swathe, part, grown, "--append")
    grid(swathe, granules, whole)
    grid(swathe, granules, file)
    same(whole, file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for consolidated in (True, False):
            ours, theirs = (xr.open_zarr(p, consolidated=consolidated).load() for p in (grown, whole))
            assert ours.attrs.pop("digest") != theirs.attrs.pop("digest")
            # Flags are in the order of what they took, here in the first granule.
            for ds in (ours, theirs):
                ds.attrs["l2_flag_names"] = sorted(ds.attrs["l2_flag_names"].split(","))
                pixels = ds.chlor_a_flag_share.attrs.pop("flag_pixels")
                np.testing.assert_array_equal(
                    ds.chlor_a_flag_share, np.array(pixels) / ds.chlor_a_flag_share.valid_pixels
                )
            xr.testing.assert_identical(ours.sortby("flag"), theirs.sortby("flag"))
    before = digests(grown)
    grid(swathe, granules[3:], grown, "--append", code=4)
    grid(swathe, granules[1:], grown, "--append", code=4)
    assert digests(grown) == before


def test_a_cube_that_does_not_take_the_layers(swathe, granules, tmp_path):
    """Going on would be refused again: nothing is kept for that, and nothing else is said."""
    store = tmp_path / "cube.zarr"
    grid(swathe, granules[:1], store, "--append")
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["consolidated_metadata"]["metadata"]["lat"]["attributes"]["units"] = "furlong"
    (store / "zarr.json").write_text(json.dumps(metadata))
    before = digests(store)
    command = [swathe, "grid", *granules[1:], "-m", "bin", "-o", store, "--append"]
    for resume in ([], ["--resume"]):
        done = subprocess.run([*command, *resume], capture_output=True, text=True)
        assert done.returncode == 1 and 'units of lat differs: "furlong"' in done.stderr
        assert "hint: nothing was added: they go into a cube of their own" in done.stderr
        assert "--resume" not in done.stderr
        assert digests(store) == before and os.listdir(tmp_path) == ["cube.zarr"]
    grid(swathe, granules[1:], tmp_path / "other.zarr", "--append")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cube_that_is_read_only(swathe, granules, tmp_path):
    store = tmp_path / "cube.zarr"
    grid(swathe, granules[:1], store, "--append")
    store.chmod(0o555)
    grid(swathe, granules[1:], store, "--append", code=1)
    store.chmod(0o755)


def read(examples, path):
    done = subprocess.run([examples / "dump_dataset", path], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    return {v["path"][1:]: v for v in report["variables"]}, report


def digest(values):
    if values.dtype.kind in "OTU":
        data = b"".join(text.encode() + b"\0" for text in values.ravel())
    else:
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return f"{zlib.crc32(data):08x}-{len(data)}"


def test_stores_of_zarr_python(examples, tmp_path):
    """By what it writes unless told otherwise, and some that it is told."""
    from zarr.codecs import BloscCodec, GzipCodec

    rng = np.random.default_rng(1)
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=3)
    values = np.cumsum(rng.normal(size=(50, 70)), axis=1)
    options = {
        "default": {},
        "chunks": {"chunks": (20, 30)},
        "shards": {"chunks": (10, 10), "shards": (20, 40)},
        "plain": {"chunks": (20, 30), "compressors": None},
        "blosc": {"chunks": (20, 30), "compressors": BloscCodec(cname="zstd", shuffle="shuffle")},
        "blocks": {"compressors": BloscCodec(cname="zstd", shuffle="shuffle", blocksize=4096)},
        "noshuffle": {"compressors": BloscCodec(cname="zstd", shuffle="noshuffle")},
        "dots": {"chunks": (20, 30), "chunk_key_encoding": {"name": "default", "separator": "."}},
        # Refused by name.
        "gzip": {"compressors": GzipCodec()},
        "lz4": {"compressors": BloscCodec(cname="lz4", shuffle="shuffle")},
    }
    want = {}
    for kind in ("f8", "f4", "i2", "u1", "i8"):
        for name, option in options.items():
            data = (values * 10).astype(kind)
            data[20:40, 30:60] = 0
            array = group.create_array(f"{name}_{kind}", shape=data.shape, dtype=kind, **option)
            array[:] = data
            want[f"{name}_{kind}"] = data
    texts = np.array(["", "a", "µm — ∞", "long " * 1000], dtype=np.dtypes.StringDType())
    group.create_array("texts", data=texts, chunks=(3,))
    want["texts"] = texts
    group.create_array("flags", data=np.array([True, False]))
    found, _ = read(examples, tmp_path / "a.zarr")
    assert set(found) == set(want) | {"flags"}
    assert "bool" in found["flags"]["refused"]
    for name, data in want.items():
        if name.startswith(("gzip", "lz4")):
            assert "not supported" in found[name]["refused"]
        else:
            assert found[name]["refused"] is None, name
            assert found[name]["digest"] == digest(data), name


def test_stores_of_xarray(swathe, examples, products, tmp_path):
    """What xarray makes of a product can be drawn, and its grid used."""
    with xr.open_dataset(products / "average.nc") as ds:
        ds = ds.load().drop_encoding()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.to_zarr(tmp_path / "theirs.zarr", zarr_format=3)
    found, report = read(examples, tmp_path / "theirs.zarr")
    assert found["chlor_a"]["dims"] == ["lat", "lon"]
    assert dict(map(tuple, report["attributes"]))["platform"] == "PACE"
    picture = tmp_path / "map.png"
    subprocess.run([swathe, "plot", tmp_path / "theirs.zarr", "-o", picture], check=True)
    assert picture.stat().st_size > 10_000
    shutil.rmtree(tmp_path / "theirs.zarr/chlor_a/c")
    found, _ = read(examples, tmp_path / "theirs.zarr")
    assert found["chlor_a"]["digest"] == digest(np.full((267, 301), np.nan, "f4"))
