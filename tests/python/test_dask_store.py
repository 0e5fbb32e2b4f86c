"""Results that workers write themselves, windows of time, and gridded files reduced: the bytes of one process."""

import os
import pathlib
import signal
import time

import clusters
import pytest

distributed = pytest.importorskip("distributed")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.05}


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=120, days=24, count=9)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return package.simulate(folder, bbox=(-180, -90, 180, 90), lines=300, count=6)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with clusters.local(tmp_path_factory.mktemp("workers"), 2) as cluster:
        yield cluster


def tree(folder):
    """All that is in a folder, folders too."""
    found = pathlib.Path(folder)
    return {str(path.relative_to(found)): path.is_file() and path.read_bytes() for path in found.rglob("*")}


def same_values(one, other):
    """Attributes of a store are JSON: of numbers the type may be another."""
    xr.testing.assert_equal(one, other)
    assert one.attrs.keys() == other.attrs.keys()


JOBS = {
    "mean": (package.average, "granules", {"stat": ["mean", "std"], **AREA}),
    "cube": (package.grid, "granules", AREA),
    "windows": (package.average, "granules", {"every": "8day", "stat": ["mean", "median"], **AREA}),
    "rolling": (package.average, "granules", {"every": "rolling-16day/8day", **AREA}),
    "world": (package.average, "world", {"grid": "0.1deg", "method": "bin"}),
    "world cube": (package.grid, "world", {"grid": "0.1deg", "method": "bin"}),
}


@pytest.mark.parametrize("job", JOBS)
def test_workers_write_the_store(job, request, client, tmp_path, monkeypatch):
    call, what, options = JOBS[job]
    given = request.getfixturevalue(what)
    here = call(given, "chlor_a", output=tmp_path / "here.zarr", **options)
    from swathe import _swathe

    # The client finishes no map.
    taken = []
    collect = _swathe.Plan.collect

    class Counting:
        def __init__(self, plan):
            self._plan = plan

        def __getattr__(self, name):
            return getattr(self._plan, name)

        def collect(self, opened, closing, parts, tiles, receipts, most, live):
            taken.append((len(parts), tiles, receipts))
            return collect(self._plan, opened, closing, parts, tiles, receipts, most, live)

    from swathe import _plan

    plain = _plan.Plan.__init__
    monkeypatch.setattr(_plan.Plan, "__init__", lambda self, made, *more: plain(self, Counting(made), *more))
    there = call(given, "chlor_a", output=tmp_path / "there.zarr", client=client, **options)
    ((parts, tiles, receipts),) = taken
    assert parts == 1 and not tiles and receipts, "nothing but what came of granules"
    assert tree(tmp_path / "here.zarr") == tree(tmp_path / "there.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.zarr", "there.zarr"]
    same_values(here, there)
    assert bool(there.notnull().any() if isinstance(there, xr.DataArray) else there.chlor_a.notnull().any())


@pytest.mark.parametrize("every", ["day", "8day", "month", "rolling-16day/8day", "month-of-year"])
def test_windows_have_the_bytes_of_one_process(every, granules, client, tmp_path):
    job = {"every": every, "stat": ["mean", "max", "first"], **AREA}
    here = package.average(granules, output=tmp_path / "here.nc", **job)
    there = package.average(granules, output=tmp_path / "there.nc", client=client, **job)
    assert (tmp_path / "here.nc").read_bytes() == (tmp_path / "there.nc").read_bytes()
    assert here.identical(there)
    assert here.identical(package.average(granules, client=client, compute=False, **job).result())


def test_windows_of_a_large_grid(world, client, tmp_path):
    job = {"every": "day", "grid": "0.1deg", "method": "bin"}
    package.average(world, output=tmp_path / "here.nc", **job)
    package.average(world, output=tmp_path / "there.nc", client=client, **job)
    assert (tmp_path / "here.nc").read_bytes() == (tmp_path / "there.nc").read_bytes()


@pytest.mark.parametrize("outputs", [["x.zarr"], ["x.nc"], ["x.png", "x.nc", "x.zarr"]])
def test_a_large_result_stays_in_its_file(outputs, granules, client, tmp_path, monkeypatch):
    from swathe import _results

    monkeypatch.setattr(_results, "IN_MEMORY", 0)
    paths = [tmp_path / name for name in outputs]
    made = package.average(granules, output=paths, client=client, **AREA)
    assert not made.chlor_a.variable._in_memory
    same_values(made, package.average(granules, **AREA))
    # Without such a file it is here.
    assert package.average(granules, client=client, **AREA).chlor_a.variable._in_memory


@pytest.mark.parametrize("in_memory", [64 << 20, 0])
@pytest.mark.parametrize(
    "outputs", [["x.nc"], ["x.zarr", "x.nc"], ["x.tif", "x.zarr", "x.png", "x.html"], ["x.zarr", "z.zarr"], ["x.png"]]
)
def test_maps_are_finished_there_for_all_outputs(outputs, in_memory, granules, client, tmp_path, monkeypatch):
    """Whatever is written: what comes is finished tiles, in memory or in files, and no sums."""
    from swathe import _dask

    came = []
    plain = _dask.Spread.gather

    def noting(spread):
        for one in plain(spread):
            came.append(one[0])
            yield one

    monkeypatch.setattr(_dask.Spread, "gather", noting)
    monkeypatch.setattr(_dask, "IN_MEMORY", in_memory)
    job = {"stat": ["mean", "median"], **AREA}
    for where, more in (("here", {}), ("there", {"client": client})):
        (tmp_path / where).mkdir()
        package.average(granules, output=[tmp_path / where / name for name in outputs], **job, **more)
    assert tree(tmp_path / "here") == tree(tmp_path / "there")
    assert came.count("part") == 1 and "tiles" in came
    assert ("receipt" in came) == (sum(name.endswith(".zarr") for name in outputs) == 1)


def test_partial_results_are_made_of_parts(granules, client, tmp_path):
    for keep in (None, "granules"):
        for where, more in (("here", {}), ("there", {"client": client})):
            (tmp_path / where).mkdir(exist_ok=True)
            outputs = [tmp_path / where / f"{keep}.swathe", tmp_path / where / f"{keep}.zarr"]
            package.average(granules, output=outputs, keep=keep, **AREA, **more)
    assert tree(tmp_path / "here") == tree(tmp_path / "there")


def test_bins_are_finished_there(world, client, tmp_path):
    for options, name in (({"grid": "isin-540"}, "x.nc"), ({"grid": "0.1deg", "preset": "nasa-l3"}, "x.zarr")):
        for where, more in (("here", {}), ("there", {"client": client})):
            (tmp_path / where).mkdir(exist_ok=True)
            package.average(world, "chlor_a", output=tmp_path / where / name, **options, **more)
    assert tree(tmp_path / "here") == tree(tmp_path / "there")


def test_workers_that_do_not_see_the_folder(granules, client, tmp_path, monkeypatch):
    from swathe import _cluster

    plain = client.run

    def elsewhere(function, *arguments, **options):
        if isinstance(arguments[0], str):
            # The folder as it is on another machine.
            arguments = (str(tmp_path / "nowhere"), *arguments[1:])
        return plain(function, *arguments, **options)

    monkeypatch.setattr(client, "run", elsewhere)
    assert not _cluster.Cluster(client).sees(str(tmp_path))
    with pytest.warns(UserWarning, match=r"do not see the folder of the \.zarr: it is written from here"):
        package.average(granules, output=tmp_path / "x.zarr", client=client, **AREA)
    package.average(granules, output=tmp_path / "y.zarr", **AREA)
    assert tree(tmp_path / "x.zarr") == tree(tmp_path / "y.zarr")


def test_what_is_there_stays_until_the_end(granules, client, tmp_path):
    path = tmp_path / "x.zarr"
    package.average(granules[:2], output=path, client=client, **AREA)
    before = tree(path)
    with pytest.raises(errors.SwatheError, match="exists"):
        package.average(granules, output=path, client=client, **AREA)

    def stop(*_):
        assert tree(path) == before
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        package.average(granules, output=path, overwrite=True, client=client, progress=stop, **AREA)
    assert tree(path) == before and os.listdir(tmp_path) == ["x.zarr"]
    with pytest.raises(errors.NothingToDoError):
        package.average(
            granules, bbox=(10, 50, 12, 52), resolution=0.1, output=path, overwrite=True, client=client
        )
    assert tree(path) == before and os.listdir(tmp_path) == ["x.zarr"]
    package.average(granules, output=path, overwrite=True, client=client, **AREA)
    package.average(granules, output=tmp_path / "y.zarr", **AREA)
    assert tree(path) == tree(tmp_path / "y.zarr")


@pytest.mark.parametrize("patience", [3, 0])
def test_workers_that_die_while_they_write(granules, client, cluster, tmp_path, monkeypatch, patience):
    """With no patience, Dask gives tasks up at once: the parts come here, and so does the writing."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", patience)
    job = {"bbox": (-77, 36, -73, 41), "resolution": 0.01, "every": "8day"}
    package.average(granules, output=tmp_path / "here.zarr", **job)
    killed = []

    def step(done, total, *_):
        if done == total - len(killed) and len(killed) < 2:
            pids = [nanny.pid for nanny in cluster.workers.values() if nanny.pid]
            os.kill(pids[len(killed) % len(pids)], signal.SIGKILL)
            killed.append(done)

    package.average(granules, output=tmp_path / "there.zarr", client=client, progress=step, **job)
    assert killed
    assert tree(tmp_path / "here.zarr") == tree(tmp_path / "there.zarr")


@pytest.fixture(scope="module")
def days(granules, tmp_path_factory):
    """Maps of some days, as files and as a cube."""
    folder = tmp_path_factory.mktemp("days")
    for number, path in enumerate(granules):
        package.average(path, "chlor_a", output=folder / f"day{number}.nc", **AREA)
    package.grid(granules, "chlor_a", output=folder / "cube.zarr", **AREA)
    return folder


@pytest.mark.parametrize(
    ("files", "output", "options"),
    [
        ("day*.nc", "x.nc", {"stat": "mean,std,median"}),
        ("day*.nc", "x.zarr", {"every": "month", "stat": "max"}),
        ("cube.zarr", "x.nc", {"stat": "mean"}),
        ("day*.nc", "x.csv", {"over": "lat,lon"}),
        ("day*.nc", "x.json", {"over": "time,lat,lon", "weight": "equal", "stat": "mean,p90"}),
        ("day*.nc", "x.nc", {"bbox": (-76, 37, -74, 40)}),
    ],
)
def test_gridded_files_are_reduced_there(days, client, tmp_path, files, output, options):
    given = str(days / files)
    written, made, steps = [], [], []
    for where, more in (("here", {}), ("there", {"client": client, "progress": lambda *step: steps.append(step)})):
        folder = tmp_path / where
        folder.mkdir()
        made.append(package.reduce(given, "chlor_a", output=folder / output, **options, **more))
        written.append(tree(folder))
    assert written[0] == written[1]
    assert made[0].identical(made[1])
    assert steps and steps[-1][0] == steps[-1][1]


def test_what_cannot_be_reduced_there_is_said(days, client, tmp_path):
    began = time.monotonic()
    gone = distributed.Client(client.scheduler.address)
    gone.close()
    with pytest.raises(errors.ClusterError, match="the client is closed"):
        package.reduce(str(days / "day*.nc"), "chlor_a", client=gone)
    with pytest.raises(TypeError, match="is a dask.distributed.Client"):
        package.reduce(str(days / "day*.nc"), "chlor_a", client="tcp://127.0.0.1:1")
    with pytest.raises(errors.SwatheError, match="clor_a"):
        package.reduce(str(days / "day*.nc"), "clor_a", client=client)
    with pytest.raises(errors.NothingToDoError):
        package.reduce(str(days / "day*.nc"), "chlor_a", bbox=(10, 10, 11, 11), client=client)
    assert time.monotonic() - began < 5
    # A file that is damaged where its values are.
    bad = tmp_path / "bad.nc"
    content = bytearray((days / "day0.nc").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    bad.write_bytes(content)
    try:
        package.reduce(bad, "chlor_a")
    except errors.SwatheError as here:
        with pytest.raises(type(here)):
            package.reduce(bad, "chlor_a", client=client)


def test_workers_on_another_system_are_refused(client, tmp_path):
    """The plugin looks when it comes to a worker; what workers have is not asked for again."""
    from types import SimpleNamespace

    import importlib

    from swathe import _sent
    from swathe import dask as ours

    plugin = _sent.plugin(ours.bring, "SwathePrepare", b"", "digest", "9", "haiku-vax")

    worker = SimpleNamespace(address="tcp://here", local_directory=str(tmp_path))

    def missing(name, *_):
        if name.startswith("swathe"):
            raise ImportError(name)
        return plain(name)

    plain = importlib.import_module
    importlib.import_module = missing
    try:
        with pytest.raises(RuntimeError, match="worker tcp://here runs on .*, this swathe is for haiku-vax: give a wheel"):
            plugin.setup(worker)
    finally:
        importlib.import_module = plain


def test_reductions_keep_to_a_workers_memory(days, client, tmp_path, monkeypatch):
    """What a task cannot do without is refused, by how much; what is enough for the least gives the same bytes."""
    from swathe import _cluster, _collection, _swathe

    files, job = str(days / "day*.nc"), {"stat": "mean,std,median", "every": "month"}
    arrays = _swathe.Reducing([files], asked(job), [], False).arrays()
    least = max(map(_collection.least, arrays))
    monkeypatch.setattr(_cluster.Cluster, "memory", property(lambda _: least - 1))
    began = len(client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)))
    needed = -(-least >> 20)
    with pytest.raises(
        errors.ClusterError, match=rf"a task of this reduction needs {needed} MiB, in a thread of a worker it may take \d+ MiB"
    ) as refused:
        package.reduce(files, "chlor_a", client=client, **job)
    assert "with more memory, or with fewer threads" in str(refused.value)
    assert len(client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))) == began
    monkeypatch.setattr(_cluster.Cluster, "memory", property(lambda _: least))
    there = package.reduce(files, "chlor_a", client=client, output=tmp_path / "there.nc", **job)
    assert there.identical(package.reduce(files, "chlor_a", output=tmp_path / "here.nc", **job))
    assert (tmp_path / "there.nc").read_bytes() == (tmp_path / "here.nc").read_bytes()
    # What the caller allows is a limit too.
    with pytest.raises(errors.ClusterError, match="leave memory= out"):
        package.reduce(files, "chlor_a", client=client, memory=least - 1, **job)


def asked(job):
    return {
        "variable": "chlor_a", "over": "time", "statistics": job["stat"].split(","), "every": job["every"],
        "weight": "area", "bbox": None, "memory": None, "threads": None,
    }


def test_fewer_are_merged_at_a_time_where_memory_is_short(client):
    """In the same order: sums are the same to the last bit."""
    import numpy as np
    from swathe import _collection, array

    values = array.default_rng(3).normal(size=(4000, 1000), chunks=(40, 1000))
    mean = values.mean(axis=0)
    made = {}
    for room in (None, 1):
        token = _collection.limit.set(room)
        try:
            graph = _collection.graph(mean._lazy, _collection.named(mean._lazy))
            made[room] = len(graph)
            (there,) = client.gather(client.compute([mean]))
        finally:
            _collection.limit.reset(token)
        np.testing.assert_array_equal(there, mean.compute())
    assert made[1] > made[None]
