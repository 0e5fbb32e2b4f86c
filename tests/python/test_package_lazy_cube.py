"""Cubes of dask's arrays: what the computed cube has, made when it is asked for."""

import io
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import textwrap

import clusters
import pytest
from stand_in import PROGRAM, serving

dask = pytest.importorskip("dask")
pytest.importorskip("distributed")
np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}
#: What only decoded granules tell, in data sets.
LATER = [
    "granule_name", "granule_start", "granule_end", "granule_status", "granule_reason", "flag",
]


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    """Four, of which not all have something in the area."""
    found = package.simulate(tmp_path_factory.mktemp("granules"), lines=120, days=8, count=4)
    assert len(found) == 4
    layers = package.grid(found, "chlor_a", **AREA)
    empty = layers.isnull().all(("lat", "lon")).values
    assert empty.any() and not empty.all()
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with clusters.local(tmp_path_factory.mktemp("workers"), 2) as cluster:
        yield cluster


def known(cube):
    """A computed cube, without what a lazy one cannot know."""
    if isinstance(cube, xr.DataArray):
        return cube
    shares = [name for name in cube.variables if str(name).endswith("_flag_share")]
    cube = cube.drop_vars([name for name in [*LATER, *shares] if name in cube.variables])
    for name in ["data_bins", "data_minimum", "data_maximum", "l2_flag_names"]:
        cube.attrs.pop(name, None)
    return cube


def same(lazy, computed):
    """Values, types, names, attributes, encodings."""
    xr.testing.assert_identical(lazy, computed)
    variables = [
        cube.variables if isinstance(cube, xr.Dataset) else {"": cube.variable, **cube.coords.variables}
        for cube in (lazy, computed)
    ]
    for (name, one), other in zip(variables[0].items(), variables[1].values(), strict=True):
        assert one.dtype == other.dtype, name
        assert one.encoding == other.encoding, name
        assert {k: type(v) for k, v in one.attrs.items()} == {k: type(v) for k, v in other.attrs.items()}, name


OPTIONS = {
    "one variable": {"variable": "chlor_a"},
    "the suite's own": {},
    "two": {"variable": ["chlor_a", "double=chlor_a*2"], "mask": "joint"},
    "nearest, no flags": {"variable": "chlor_a", "method": "nearest", "flags": "none"},
    "bilinear": {"variable": "chlor_a", "method": "bilinear", "flags": ["LAND", "CLDICE"]},
    "bin": {"variable": "chlor_a", "method": "bin", "valid_range": (0.1, 0.5)},
    "chosen pixels": {"variable": "chlor_a", "where": "view_angle < 40 and chlor_a > 0.05"},
    "flags as values": {"variable": "l2_flags", "method": "nearest", "flags": "none"},
    "projected": {"variable": "chlor_a", "crs": "EPSG:32618", "resolution": 5000},
    "across tiles": {"variable": "chlor_a", "resolution": 0.012},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_the_computed_cube(granules, options):
    options = AREA | options
    computed = package.grid(granules, **options)
    lazy = package.grid(granules, **options, chunks={})
    assert type(lazy) is type(computed)
    arrays = lazy.data_vars.values() if isinstance(lazy, xr.Dataset) else [lazy]
    maps = [array for array in arrays if "time" in array.dims and array.ndim == 3]
    assert maps
    for array in maps:
        assert array.chunks == ((1,) * 4, *((length,) for length in array.shape[1:]))
    assert (lazy.granule.values == computed.granule.values).all() and lazy.time.to_index().is_monotonic_increasing
    same(lazy.compute(scheduler="threads"), known(computed))


def test_bands_too(tmp_path):
    spectra = package.simulate(tmp_path, suite="aop", lines=60, count=2, wavelengths=6)
    for variable in ("Rrs[2]", "Rrs@443,555", "ratio=Rrs@443/Rrs@555"):
        computed = package.grid(spectra, variable, **AREA)
        same(package.grid(spectra, variable, **AREA, chunks={}).compute(), known(computed))


def test_one_granule_has_no_time_dimension(granules):
    for options in [AREA, {}]:
        computed = package.grid(granules[1], "chlor_a", **options)
        lazy = package.grid(granules[1], "chlor_a", **options, chunks={})
        assert lazy.chunks == tuple((length,) for length in computed.shape)
        same(lazy.compute(), computed)


def test_what_xarray_goes_on_with_is_the_same(granules, tmp_path):
    computed = package.grid(granules, "chlor_a", **AREA)
    lazy = package.grid(granules, "chlor_a", **AREA, chunks={})
    xr.testing.assert_allclose(lazy.mean("time").compute(), computed.mean("time"))
    lazy.to_netcdf(tmp_path / "lazy.nc")
    computed.to_netcdf(tmp_path / "computed.nc")
    with xr.open_dataset(tmp_path / "lazy.nc") as one, xr.open_dataset(tmp_path / "computed.nc") as other:
        xr.testing.assert_identical(one.load(), other.load())


def copies(granules, folder):
    return [shutil.copy(granule, folder) for granule in granules]


@pytest.mark.parametrize("variable", ["chlor_a", ["chlor_a", "double=chlor_a*2"]])
def test_a_granule_is_read_when_its_layer_is(granules, tmp_path, variable):
    computed = package.grid(granules, variable, **AREA)
    here = copies(granules, tmp_path)
    lazy = package.grid(here, variable, **AREA, chunks={})
    pathlib.Path(here[2]).unlink()
    # Layers of the others are there, that one's is an error.
    for steps in (slice(0, 2), slice(3, 4), [0, 3], [1]):
        same(lazy.isel(time=steps).compute(), known(computed.isel(time=steps)))
    with pytest.raises(errors.GranuleError, match=pathlib.Path(here[2]).name):
        lazy.compute()
    with pytest.raises(errors.GranuleError):
        lazy.isel(time=2).compute()


def test_a_granule_that_is_another_by_then_is_an_error(granules, tmp_path):
    (tmp_path / "other").mkdir()
    other = package.simulate(tmp_path / "other", lines=60, count=1)
    here = copies(granules, tmp_path)
    lazy = package.grid(here, "chlor_a", **AREA, chunks={})
    shutil.copy(other[0], here[0])
    with pytest.raises(errors.GranuleError, match="another granule than when the run was planned"):
        lazy.compute()


def test_a_task_for_each_granule(granules):
    def tasks(lazy):
        """Tasks that are done, but those that put the chunks together."""
        done = []

        class Watch(dask.callbacks.Callback):
            def _pretask(self, key, graph, state):
                if "granule" in str(key):
                    done.append(key)

        with Watch():
            lazy.compute(scheduler="threads")
        return len(done)

    lazy = package.grid(granules, "chlor_a", **AREA, chunks={})
    assert tasks(lazy) == 4
    assert tasks(lazy.isel(time=1)) == tasks(lazy.isel(time=1, lat=slice(3, 9))) == 1
    assert tasks(lazy.sel(time=lazy.time[[0, 3]])) == 2
    # Two variables of a granule come of one task.
    assert tasks(package.grid(granules, ["chlor_a", "double=chlor_a*2"], **AREA, chunks={})) == 4


def test_names_tell_what_is_computed(granules):
    def name(*arguments, **options):
        return package.grid(*arguments, **AREA | {"chunks": {}} | options).data.name

    assert name(granules, "chlor_a") == name(granules[::-1], "chlor_a")
    others = {
        name(granules, "chlor_a"), name(granules[:3], "chlor_a"), name(granules, "chlor_a", flags="none"),
        name(granules, "chlor_a", resolution=0.2), name(granules, "chlor_a", valid_range=(0, 1)),
        name(granules, "chlor_a", where="view_angle < 40"), name(granules, "chlor_a", method="nearest"),
    }
    assert len(others) == 7


def test_on_a_cluster(granules, client):
    for variable in ("chlor_a", ["chlor_a", "double=chlor_a*2"]):
        computed = package.grid(granules, variable, **AREA)
        lazy = package.grid(granules, variable, **AREA, chunks={})
        same(lazy.compute(), known(computed))
        same(client.compute(lazy).result(), known(computed))
        same(lazy.persist().isel(time=slice(1, 3)).compute(), known(computed.isel(time=slice(1, 3))))


def test_errors_come_back_from_a_cluster(granules, client, tmp_path):
    here = copies(granules, tmp_path)
    lazy = package.grid(here, "chlor_a", **AREA, chunks={})
    pathlib.Path(here[0]).unlink()
    with pytest.raises(errors.GranuleError, match=pathlib.Path(here[0]).name):
        lazy.compute()


@pytest.mark.skipif(not PROGRAM.exists(), reason="the stand-in server is not built")
def test_granules_far_away_on_workers_that_were_prepared(granules, tmp_path):
    """Neither scheduler nor workers have the package; granules are addresses of a server that wants a token."""
    program = """
        import sys, distributed, swathe, xarray as xr
        links, secret, address = sys.argv[1].split(), sys.argv[2], sys.argv[3]
        area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
        computed = swathe.grid(links, "chlor_a", **area)
        lazy = swathe.grid(links, "chlor_a", **area, chunks={})
        assert secret not in repr(dict(lazy.data.dask))
        xr.testing.assert_identical(lazy.compute(scheduler="threads"), computed)
        with distributed.Client(address) as client:
            client.wait_for_workers(1, timeout=60)
            swathe.dask.prepare(client)
            swathe.dask.login(client)
            xr.testing.assert_identical(lazy.compute(), computed)
        for signed in ("?X-Amz-Signature=deadbeef", "?token=" + secret):
            try:
                swathe.grid([links[0] + signed], "chlor_a", **area, chunks={})
            except swathe.errors.PlanError as error:
                assert "signed" in str(error) and "deadbeef" not in str(error) and secret not in str(error)
                print("refused")
    """
    with serving(pathlib.Path(granules[0]).parent) as server:
        others = ("EARTHDATA_", "SWATHE_", "AWS_", "NETRC")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(others)}
        settings = plain | server.settings | {"NETRC": "/nonexistent", "SWATHE_CACHE": "none"}
        workers = {k: v for k, v in settings.items() if not k.startswith(("EARTHDATA_", "PYTHONPATH"))}
        links = " ".join(server.link(pathlib.Path(path).name) for path in granules)
        with clusters.processes(tmp_path, 1, workers) as address:
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(program), links, settings["EARTHDATA_TOKEN"], address],
                env=settings, capture_output=True, text=True, check=False, timeout=120,
            )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["refused", "refused"]


def test_processes_and_pickles(granules):
    cloudpickle = pytest.importorskip("cloudpickle")
    computed = package.grid(granules, "chlor_a", **AREA)
    lazy = package.grid(granules, "chlor_a", **AREA, chunks={})
    same(pickle.loads(cloudpickle.dumps(lazy)).compute(), computed)
    same(lazy.compute(scheduler="processes", num_workers=2), computed)


def test_granules_that_are_broken(granules, tmp_path):
    here = copies(granules, tmp_path)
    # Not even a granule: found when planning, as ever.
    junk = tmp_path / "junk.nc"
    junk.write_bytes(b"junk" * 1000)
    with pytest.raises(errors.GranuleError, match="junk.nc"):
        package.grid([*here, junk], "chlor_a", **AREA, chunks={})
    lazy = package.grid([*here, junk], "chlor_a", **AREA, chunks={}, on_error="skip")
    same(lazy.compute(), package.grid([*here, junk], "chlor_a", **AREA, on_error="skip"))
    # One that breaks later is the error of its layer, skipped or not.
    broken = pathlib.Path(here[1])
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with pytest.raises(errors.SwatheError, match=broken.name):
        lazy.compute()
    lazy.isel(time=[0, 2, 3]).compute()


def test_an_area_without_granules_is_nan(granules):
    far = {"bbox": (10, -40, 12, -38), "resolution": 0.1}
    with pytest.raises(errors.NothingToDoError):
        package.grid(granules, "chlor_a", **far)
    lazy = package.grid(granules, "chlor_a", **far, chunks={})
    assert lazy.shape[0] == 4 and bool(lazy.isnull().all().compute())


@pytest.mark.skipif(
    os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > 48 << 30, reason="the cube would fit in memory"
)
def test_a_cube_beyond_memory_is_refused_and_a_lazy_one_is_not(granules):
    many = {"bbox": (-77, 36, -73, 41), "resolution": 0.0001, "method": "nearest"}
    with pytest.raises(errors.PlanError, match="memory"):
        package.grid(granules, "chlor_a", **many)
    lazy = package.grid(granules, "chlor_a", **many, chunks={})
    assert lazy.nbytes > 10**10


@pytest.mark.parametrize(
    "options, error, said",
    [
        ({"chunks": {"time": 2}}, errors.PlanError, "one granule"),
        ({"chunks": "auto"}, TypeError, "chunks is"),
        ({"chunks": 1}, TypeError, "chunks is"),
        ({"chunks": False}, TypeError, "chunks is"),
        ({"drop_empty": True}, errors.PlanError, "drop_empty does not go"),
        ({"output": "cube.nc"}, errors.PlanError, "output does not go"),
        ({"client": object()}, errors.PlanError, "client does not go"),
        ({"compute": False}, errors.PlanError, "compute does not go"),
        ({"progress": True}, errors.PlanError, "progress does not go"),
        ({"live": True}, errors.PlanError, "live does not go"),
        ({"variable": "clor_a"}, errors.PlanError, "chlor_a"),
    ],
)
def test_refusals(granules, options, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        package.grid(granules, **{"variable": "chlor_a", "chunks": {}} | AREA | options)
    assert not list(tmp_path.iterdir())


def test_what_only_this_process_has_is_refused(granules):
    held = io.BytesIO(pathlib.Path(granules[0]).read_bytes())
    held.name = pathlib.Path(granules[0]).name
    opened = xr.open_datatree(granules[0], engine="h5netcdf")
    for granule in (held, opened):
        with pytest.raises(errors.PlanError, match="cannot be read later"):
            package.grid([granule, *granules[1:]], "chlor_a", **AREA, chunks={})
    # Of a local file that is open, the path is known.
    with open(granules[0], "rb") as file:
        lazy = package.grid([file, *granules[1:]], "chlor_a", **AREA, chunks={})
    same(lazy.compute(), package.grid(granules, "chlor_a", **AREA))


def test_none_is_a_computed_cube(granules):
    assert package.grid(granules, "chlor_a", **AREA, chunks=None).chunks is None


def test_without_dask_it_is_said_what_to_install(granules):
    script = f"""
import sys
sys.modules["dask"] = sys.modules["dask.array"] = None
import swathe
assert swathe.grid({granules!r}, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1).ndim == 3
try:
    swathe.grid({granules!r}, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1, chunks={{}})
except swathe.errors.SwatheError as error:
    assert "swathe[dask]" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
