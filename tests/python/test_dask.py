"""Runs on a Dask cluster: the same bytes as in one process, whatever happens to workers."""

import os
import pathlib
import random
import signal
import threading
import time

import clusters
import pytest

distributed = pytest.importorskip("distributed")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.05}
LONG = os.environ.get("SWATHE_LONG") is not None


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    found = package.simulate(tmp_path_factory.mktemp("granules"), lines=120, days=24, count=9)
    assert len(found) == 9
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with clusters.local(tmp_path_factory.mktemp("workers"), 1) as cluster:
        yield cluster


def scale(client, workers):
    client.cluster.scale(workers)
    deadline = time.monotonic() + 60
    while len(client.scheduler_info(n_workers=-1)["workers"]) != workers:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def files(folder, function, *arguments, client=None, suffixes=(".nc",), **options):
    """The bytes that a run writes."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    outputs = [folder / f"out{suffix}" for suffix in suffixes]
    function(*arguments, output=outputs, overwrite=True, client=client, **options)
    return [path.read_bytes() for path in outputs]


JOBS = {
    "mean": {"stat": ["mean", "std", "min"]},
    "median, by granule": {"stat": ["mean", "median"], "weight": "granule", "method": "nearest"},
    "picks": {"stat": ["first", "last", "mean"]},
    "l2bin": {"weight": "l2bin", "method": "bin", "flags": "none"},
    "computed": {
        "variable": ["double=chlor_a*2", "chlor_a"], "where": "chlor_a < 2 and view_angle < 55", "mask": "joint",
    },
    "projected": {"crs": "EPSG:32618", "resolution": 5000},
}


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_bytes_are_those_of_one_process(granules, client, tmp_path, workers):
    scale(client, workers)
    for job in JOBS.values():
        job = AREA | job
        ours = files(tmp_path, package.average, granules, suffixes=(".nc", ".swathe"), **job)
        theirs = files(
            tmp_path / "there", package.average, granules, suffixes=(".nc", ".swathe"), client=client, **job
        )
        assert ours == theirs


def test_cubes_and_kept_granules_too(granules, client, tmp_path):
    for function, suffixes, job in [
        (package.grid, (".nc",), {}),
        (package.average, (".swathe", ".tif"), {"keep": "granules"}),
    ]:
        ours = files(tmp_path, function, granules, suffixes=suffixes, **AREA, **job)
        theirs = files(
            tmp_path / "there", function, granules, suffixes=suffixes, client=client, **AREA, **job
        )
        assert ours == theirs
    here = package.grid(granules, drop_empty=True, **AREA)
    there = package.grid(granules, drop_empty=True, client=client, **AREA)
    assert here.identical(there)


def test_the_world_is_combined_in_windows(client, tmp_path):
    """A grid whose parts are cut into windows, on workers that do not hold it."""
    world = package.simulate(tmp_path / "granules", bbox=(-180, -90, 180, 90), lines=300, count=12)
    job = {"grid": "0.1deg", "method": "bin"}
    ours = files(tmp_path, package.average, world, **job)
    theirs = files(tmp_path / "there", package.average, world, client=client, **job)
    assert ours == theirs
    from swathe._cluster import Cluster

    tasks = package.plan(world, **job)._plan.spread(Cluster(client).memory, False, "here")[0]
    windows = [own for *_, own in tasks]
    assert len({window for own in windows for window in own}) > 1, "there are windows"
    assert any(len(own) == 1 for own in windows), "which not every granule meets"


def test_order_and_repetition_do_not_matter(granules, client):
    first = package.average(granules, client=client, **AREA)
    shuffled = list(granules)
    random.Random(1).shuffle(shuffled)
    assert first.identical(package.average(shuffled, client=client, **AREA))
    assert first.identical(package.average(granules, client=client, **AREA))


def test_futures(granules, client):
    future = package.average(granules, client=client, compute=False, **AREA)
    assert isinstance(future, distributed.Future)
    assert future.result().identical(package.average(granules, **AREA))
    cube = package.grid(granules, client=client, compute=False, drop_empty=True, **AREA)
    assert cube.result().identical(package.grid(granules, drop_empty=True, **AREA))
    # The same work has the same names: what is there is not done again.
    again = package.average(granules, client=client, compute=False, **AREA)
    assert again.key == future.key
    other = package.average(granules, client=client, compute=False, stat="max", **AREA)
    assert other.key != future.key
    with pytest.raises(errors.PlanError, match="needs a client"):
        package.average(granules, compute=False, **AREA)
    with pytest.raises(errors.PlanError, match="nothing is written"):
        package.average(granules, client=client, compute=False, output="a.nc", **AREA)


def test_progress_and_skipped_granules(granules, client, tmp_path):
    """A granule whose values cannot be read is found by a worker, and named as in one process."""
    bad = tmp_path / pathlib.Path(granules[2]).name
    content = bytearray(pathlib.Path(granules[2]).read_bytes())
    at = len(content) // 3
    content[at : at + len(content) // 2] = bytes(len(content) // 2)
    bad.write_bytes(content)
    given = [*granules[:2], bad, *granules[3:]]
    steps = []
    try:
        here = package.average(given, on_error="skip", **AREA)
    except errors.SwatheError as error:
        pytest.skip(f"it is found before the run: {error}")
    there = package.average(
        given, on_error="skip", client=client, progress=lambda *step: steps.append(step), **AREA
    )
    assert here.identical(there)
    assert "skipped" in there.granule_status.values
    assert steps[-1][:2] == (9, 9)
    with pytest.raises(errors.GranuleError, match=bad.name) as caught:
        package.average(given, client=client, **AREA)
    # What has failed is not remembered, though the exception is.
    bad.write_bytes(pathlib.Path(granules[2]).read_bytes())
    assert package.average(given, client=client, **AREA).identical(package.average(given, **AREA))
    del caught


def test_nothing_to_do_is_said(granules, client):
    for call in (package.average, package.grid):
        with pytest.raises(errors.NothingToDoError) as here:
            call(granules, bbox=(10, 50, 12, 52), resolution=0.1)
        with pytest.raises(errors.NothingToDoError) as there:
            call(granules, bbox=(10, 50, 12, 52), resolution=0.1, client=client)
        assert str(here.value) == str(there.value)


def kill(cluster, generator):
    """Kills a worker of the cluster; whether there was one."""
    pids = [nanny.pid for nanny in cluster.workers.values() if getattr(nanny, "pid", None)]
    if not pids:
        return False
    try:
        os.kill(generator.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        # Killed before; its nanny has not seen it yet.
        return False
    return True


@pytest.mark.parametrize("patience", [3, 0])
def test_killed_workers_do_not_show(granules, client, cluster, tmp_path, monkeypatch, patience):
    """Workers die in the middle of the run: what they had done is done again, tasks too that Dask gives up."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", patience)
    scale(client, 2)
    job = AREA | {"resolution": 0.02, "stat": ["mean", "std"]}
    ours = files(tmp_path, package.average, granules, **job)
    generator, killed = random.Random(3), []

    def step(done, *_):
        if len(killed) < 2 and done > 3 * len(killed) and kill(cluster, generator):
            killed.append(done)

    theirs = files(tmp_path / "there", package.average, granules, client=client, progress=step, **job)
    assert len(killed) == 2 and killed[0] < 9
    assert ours == theirs


@pytest.mark.skipif(not LONG, reason="takes minutes")
def test_a_worker_killed_every_two_seconds(client, cluster, tmp_path, tmp_path_factory):
    scale(client, 2)
    granules = package.simulate(tmp_path_factory.mktemp("more"), days=40, count=40)
    job = {"bbox": (-80, 30, -60, 45), "resolution": 0.01, "stat": ["mean", "std"]}
    ours = files(tmp_path, package.average, granules, **job)
    generator, killed, over = random.Random(3), [], threading.Event()

    def kill_them():
        while not over.wait(2):
            killed.append(kill(cluster, generator))

    killer = threading.Thread(target=kill_them, daemon=True)
    killer.start()
    theirs = files(tmp_path / "there", package.average, granules, client=client, **job)
    over.set()
    killer.join()
    assert sum(killed) >= 3
    assert ours == theirs


def test_workers_come_and_go(client, granules, tmp_path):
    scale(client, 1)
    ours = files(tmp_path, package.average, granules, **AREA)
    done = []

    def step(count, total, *_):
        done.append(count)
        client.cluster.scale(3 if count < total // 2 else 1)

    theirs = files(tmp_path / "there", package.average, granules, client=client, progress=step, **AREA)
    assert ours == theirs and done[-1] == 9


def test_ctrl_c_takes_the_tasks_back(granules, client):
    def step(*_):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        package.average(granules, client=client, progress=step, resolution=0.021, bbox=AREA["bbox"])

    def tasks(dask_scheduler):
        return [key for key in dask_scheduler.tasks if "swathe" in str(key)]

    deadline = time.monotonic() + 20
    while client.run_on_scheduler(tasks):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    del caught
    assert package.average(granules, client=client, **AREA).identical(package.average(granules, **AREA))


def test_threads_of_this_process_are_workers_too(granules):
    """A client that is nobody's default, whose workers share a process."""
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None, set_as_default=False
    ) as client:
        there = package.average(granules, client=client, **AREA)
    assert there.identical(package.average(granules, **AREA))


def test_a_scheduler_that_dies_in_the_middle(granules, tmp_path):
    with clusters.processes(tmp_path, 1, dict(os.environ)) as address:
        client = distributed.Client(address, timeout=20, set_as_default=False)
        client.wait_for_workers(1, timeout=60)
        pid = client.run_on_scheduler(os.getpid)
        with pytest.raises(errors.ClusterError, match="given up"):
            package.average(
                granules, client=client, progress=lambda *_: os.kill(pid, signal.SIGKILL), **AREA
            )
        client.close(timeout=1)


def in_time(seconds=5):
    began = time.monotonic()

    def check():
        assert time.monotonic() - began < seconds

    return check


@pytest.mark.parametrize("call", [package.average, package.grid])
def test_clients_that_are_none(granules, cluster, call):
    check = in_time()
    with pytest.raises(TypeError, match="get_client"):
        call(granules, client=cluster, **AREA)
    for wrong in ("tcp://127.0.0.1:8786", 3):
        with pytest.raises(TypeError, match="is a dask.distributed.Client"):
            call(granules, client=wrong, **AREA)
    client = distributed.Client(cluster)
    client.close()
    with pytest.raises(errors.ClusterError, match="the client is closed"):
        call(granules, client=client, **AREA)
    check()


def test_a_scheduler_that_is_gone(granules, tmp_path):
    with clusters.processes(tmp_path, 0, dict(os.environ)) as address:
        client = distributed.Client(address, timeout=20)
    time.sleep(0.5)
    check = in_time()
    with pytest.raises(errors.ClusterError, match="does not answer"):
        package.average(granules, client=client, **AREA)
    check()
    client.close(timeout=1)


def test_what_workers_cannot_read_is_refused(granules, client, tmp_path, monkeypatch):
    check = in_time()
    with open(granules[0], "rb") as file, pytest.raises(errors.ClusterError, match="open file"):
        package.average([_Wrapped(file)], client=client, **AREA)
    from swathe import _cluster

    # Workers see all that this process sees, so one is asked for what is not there.
    gone = tmp_path / "only_here.nc"
    with pytest.raises(errors.ClusterError, match="does not see .*only_here.nc, nor 1 more"):
        _cluster.Cluster(client).check([(gone, 3), (granules[0], os.path.getsize(granules[0])), (granules[1], 1)])
    check()


class _Wrapped:
    """A file object without the name of a local file."""

    def __init__(self, file):
        self._file = file

    def seek(self, *arguments):
        return self._file.seek(*arguments)

    def tell(self):
        return self._file.tell()

    def read(self, *arguments):
        return self._file.read(*arguments)


def test_other_versions_are_refused_by_name(granules, client, monkeypatch):
    from swathe import _cluster, _swathe

    class Other:
        __version__ = "9.9.9"

    monkeypatch.setattr(_cluster, "_swathe", Other)
    with pytest.raises(errors.ClusterError, match=rf"has swathe {_swathe.__version__}, this is 9\.9\.9"):
        package.average(granules, client=client, **AREA)
    # And once more in the task itself.
    made = package.plan(granules, **AREA)._plan.spread(None, False, "here")
    assignment = made[0][0][0]
    changed = assignment.replace(_swathe.__version__.encode(), b"9.9.9", 1)
    assert changed != assignment
    with pytest.raises(errors.ClusterError, match=r"swathe is 9\.9\.9 there"):
        _swathe.carry_out(changed, None, "/tmp")


def test_damaged_bytes_are_refused(granules, tmp_path):
    from swathe import _swathe

    tasks, closing, _, storing = package.plan(granules, **AREA)._plan.spread(None, False, "here")
    assert len(tasks) == 9 and not storing and not any(own for *_, own in tasks)
    parts = [_swathe.carry_out(assignment, None, str(tmp_path))[0] for assignment, *_ in tasks[:3]]
    whole = _swathe.combine(parts)
    # Any grouping, any order.
    assert whole == _swathe.combine([_swathe.combine(parts[:2]), parts[2]])
    generator = random.Random(5)
    for content, call in [
        (tasks[0][0], lambda b: _swathe.carry_out(b, None, str(tmp_path))),
        (parts[0], lambda b: _swathe.combine([b, parts[1]])),
        (closing, lambda b: _swathe.collect(b, parts)),
    ]:
        for _ in range(40):
            damaged = bytearray(content)
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
            try:
                call(bytes(damaged))
            except errors.SwatheError:
                pass
        for cut in range(0, len(content), max(1, len(content) // 20)):
            with pytest.raises(errors.SwatheError):
                call(content[:cut])
    for call, match in [
        (lambda: _swathe.combine([]), "no part"),
        (lambda: _swathe.collect(closing, parts), "did not come back"),
        (lambda: _swathe.collect(closing, [whole, parts[0]]), "twice"),
        (lambda: _swathe.collect(closing, [b"x"]), "cut off"),
    ]:
        with pytest.raises(errors.SwatheError, match=match):
            call()
    other = package.plan(granules, stat="max", **AREA)._plan.spread(None, False, "here")[0][0][0]
    with pytest.raises(errors.ClusterError, match="different runs"):
        _swathe.combine([parts[0], _swathe.carry_out(other, None, str(tmp_path))[0]])


def test_memory_that_does_not_do_is_refused(granules):
    made = package.plan(granules, stat=["mean", "median"], **AREA)
    with pytest.raises(errors.ClusterError, match="in a thread of a worker the run needs at least"):
        made._plan.spread(1 << 20, False, "here")


def test_small_memory_goes_by_way_of_the_disk(granules, tmp_path):
    """A task that cannot hold the grid keeps what granules gave in its folder, and leaves nothing there."""
    from swathe import _swathe

    plan = package.plan(granules, grid="0.1deg", method="bin", stat=["mean", "std"])
    large, small = (plan._plan.spread(memory, False, "here") for memory in (None, 200 << 20))
    parts = []
    for assignment, *_ in small[0][:2]:
        parts.append(_swathe.carry_out(assignment, 200 << 20, str(tmp_path)))
        assert not list(tmp_path.iterdir())
    in_memory = [_swathe.carry_out(assignment, 4 << 30, str(tmp_path)) for assignment, *_ in small[0][:2]]
    assert parts == in_memory
    windows = [max(max(own, default=0) for *_, own in spread[0]) for spread in (small, large)]
    assert windows[0] > windows[1]
