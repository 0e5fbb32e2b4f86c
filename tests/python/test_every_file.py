"""`swathe info` on every file beside the project, and on bad ones: a description or one clear sentence."""

import json
import os
import pathlib
import subprocess

import h5py
import netCDF4
import numpy as np
import pytest


@pytest.fixture
def info(swathe):
    """(exit code, description or None, standard error) of a file."""

    def run(path):
        command = [swathe, "info", "--json", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        described = json.loads(done.stdout)
        assert len(described) == (1 if done.returncode == 0 else 0)
        return done.returncode, described[0] if described else None, done.stderr

    return run


@pytest.fixture
def refused(info):
    """The one line that says why a file is refused; it names the file."""

    def run(path):
        code, description, error = info(path)
        assert code == 1 and description is None
        first = error.splitlines()[0]
        assert first.startswith("error: ") and pathlib.Path(path).name in first, error
        assert "panicked" not in error
        return first

    return run


def is_data(path):
    """Whether netCDF4 or h5py can open it and list what is there."""
    for opened in (netCDF4.Dataset, h5py.File):
        try:
            with opened(path) as file:
                if opened is h5py.File:
                    list(file)
            return True
        except (OSError, RuntimeError):
            pass
    return False


def test_every_real_file(info, refused, shared_data):
    files = sorted(p for p in shared_data.rglob("*") if p.is_file() and p.suffix != ".md")
    swaths = 0
    for path in files:
        code, description, _ = info(path)
        if code == 1:
            assert refused(path) and not is_data(path), path
        elif "not_a_swath" in description:
            sentence = description["not_a_swath"]
            assert sentence and "\n" not in sentence, path
            check_listed(description, path)
        else:
            swaths += 1
            check_swath(description, path)
    assert swaths == 12


def check_swath(description, path):
    assert description["lines"] > 0 and description["pixels"] > 0
    assert description["time_start"] and description["extent"], path
    with netCDF4.Dataset(path) as file:
        for variable in description["variables"]:
            theirs = file[variable["path"]]
            assert tuple(variable["shape"]) == theirs.shape
            assert variable["units"] == getattr(theirs, "units", None), variable["path"]


def check_listed(description, path):
    """The shapes of all variables that netCDF4 shows, in files that it reads whole."""
    if path.parent.name == "hdf5_zoo":
        return
    with netCDF4.Dataset(path) as file:
        listed = {v["path"]: v for v in description["variables"]}
        for name, theirs in file.variables.items():
            ours = listed[f"/{name}"]
            assert tuple(ours["shape"]) == theirs.shape
            assert ours["units"] == getattr(theirs, "units", None)


def granule(path, lines=6, pixels=5, longitudes=None, geolocation=True):
    """A granule of PACE's layout; `lines` may be 0."""
    with netCDF4.Dataset(path, "w") as file:
        file.time_coverage_start = "2024-08-01T16:20:13.000Z"
        file.createDimension("number_of_lines", lines or None)
        file.createDimension("pixels_per_line", pixels)
        file.createDimension("other", longitudes or pixels)
        data = file.createGroup("geophysical_data")
        dims = ("number_of_lines", "pixels_per_line")
        v = data.createVariable("chlor_a", "f4", dims, fill_value=-32767.0, zlib=True)
        v[:lines] = np.arange(lines * pixels).reshape(lines, pixels)
        if geolocation:
            navigation = file.createGroup("navigation_data")
            for name, units, last in [
                ("latitude", "degrees_north", dims[1]),
                ("longitude", "degrees_east", "other" if longitudes else dims[1]),
            ]:
                v = navigation.createVariable(name, "f4", (dims[0], last), fill_value=-32767.0)
                v.units = units
                count = longitudes if longitudes and name == "longitude" else pixels
                v[:lines] = np.add.outer(np.arange(lines), np.arange(count)) * 0.01 + 40
    return path


@pytest.mark.parametrize(("lines", "pixels"), [(1, 5), (6, 1), (1, 1)])
def test_one_line_or_pixel(info, tmp_path, lines, pixels):
    code, description, _ = info(granule(tmp_path / "small.nc", lines, pixels))
    assert code == 0
    assert (description["lines"], description["pixels"]) == (lines, pixels)
    assert description["extent"]


def test_no_line(info, tmp_path):
    code, description, error = info(granule(tmp_path / "empty.nc", 0))
    assert code == 0, error
    assert (description["lines"], description["extent"]) == (0, None)
    assert any("0 lines" in warning for warning in description["warnings"])


def test_geolocation_that_is_missing_or_of_two_shapes(info, tmp_path):
    _, description, _ = info(granule(tmp_path / "shapes.nc", longitudes=4))
    assert "(6, 5)" in description["not_a_swath"] and "(6, 4)" in description["not_a_swath"]
    _, description, _ = info(granule(tmp_path / "none.nc", geolocation=False))
    assert "no latitude and longitude" in description["not_a_swath"]
    assert description["variables"][0]["path"] == "/geophysical_data/chlor_a"


def test_fill_and_nan_lines(info, tmp_path):
    path = granule(tmp_path / "fill.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["navigation_data/latitude"][2] = np.ma.masked
        file["navigation_data/longitude"][5] = np.nan
    code, description, _ = info(path)
    assert code == 0
    extent = description["extent"]
    assert extent["north"] == pytest.approx(40.08, abs=1e-5)


def test_what_is_no_data(refused, tmp_path):
    path = tmp_path / "granule.nc"
    path.write_text("<!DOCTYPE html><html><title>Earthdata Login</title></html>")
    assert "HTML page" in refused(path)
    path.write_text('{"errors": ["Too many requests"]}')
    assert "JSON" in refused(path)
    path.write_bytes(b"")
    assert "empty" in refused(path)
    assert "No such file" in refused(tmp_path / "missing.nc")
    whole = granule(tmp_path / "whole.nc").read_bytes()
    for percent in range(1, 100):
        path.write_bytes(whole[: len(whole) * percent // 100])
        assert "truncated" in refused(path) or percent < 3
    if os.geteuid() != 0:
        path.chmod(0)
        assert "ermission" in refused(path)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_damaged_copies_of_files_that_libraries_wrote(examples, tmp_path, libver):
    path = tmp_path / f"{libver}.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file["navigation_data/latitude"] = np.add.outer(np.arange(40.0), np.arange(30) * 0)
        file["navigation_data/longitude"] = np.add.outer(np.zeros(40), np.arange(30))
        for name, units in [("latitude", "degrees_north"), ("longitude", "degrees_east")]:
            file[f"navigation_data/{name}"].attrs["units"] = units
        values = np.arange(40 * 30, dtype="f4").reshape(40, 30)
        for name, options in {
            "deflated": {"chunks": (8, 8), "compression": "gzip", "shuffle": True},
            "checked": {"chunks": (7, 30), "fletcher32": True},
            "grows": {"chunks": (8, 8), "maxshape": (None, 30), "compression": "gzip"},
            "both": {"chunks": (8, 8), "maxshape": (None, None)},
        }.items():
            file.create_dataset(f"navigation_data/{name}", data=values, **options)
        for i in range(30):
            file["navigation_data/checked"].attrs[f"a{i}"] = f"text {i}"
        file["text"] = np.array(["one", "two"], h5py.string_dtype())
    command = [examples / "mutate", path, "--count", "300", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failures" in done.stdout
