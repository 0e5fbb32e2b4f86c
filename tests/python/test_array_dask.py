"""Lazy arrays as Dask collections: the same bytes as here, whoever computes them."""

import pickle
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
dask = pytest.importorskip("dask")
package = pytest.importorskip("swathe")
array = package.array

from swathe import _collection  # noqa: E402
from swathe._swathe import ArrayParts, ArrayShare, LazyArray  # noqa: E402


def normal(**options):
    return array.default_rng(7, **options).normal(1, 2, size=(300, 400), chunks=(70, 90))


def masked():
    x = normal()
    return array.where(x > 0.5, x, np.nan)


def file(folder):
    path = folder / "made.nc"
    if not path.exists():
        netCDF4 = pytest.importorskip("netCDF4")
        with netCDF4.Dataset(path, "w") as made:
            made.createDimension("y", 300)
            made.createDimension("x", 400)
            variable = made.createVariable("v", "i2", ("y", "x"), zlib=True, chunksizes=(50, 60), fill_value=-1)
            variable.scale_factor = 0.1
            variable[:] = np.random.default_rng(1).integers(0, 100, (300, 400)) * 0.1
    return array.open(path, "v", chunks=(100, 110))


CASES = {
    "elements": lambda _: normal(),
    "numbers without axes": lambda _: array.array(3.5) + 1,
    "mean": lambda _: normal().mean(),
    "many shares": lambda _: array.default_rng(3).normal(size=2**22, chunks=2**16).mean(),
    "two levels": lambda _: array.default_rng(3).normal(size=300 * 2**16, chunks=2**16).std(),
    "over an axis": lambda _: normal().mean(axis=0),
    "over the other, kept": lambda _: normal().std(axis=1, keepdims=True),
    "skipping missing": lambda _: masked().var(skipna=True, ddof=1),
    "stages": lambda _: (normal() - normal().mean(axis=0)) / normal().std(axis=0),
    "a stage within a reduction": lambda _: ((normal() - normal().mean()) ** 2).sum(axis=1),
    "extremes": lambda _: array.stack([normal().max(axis=0), normal().min(axis=0)]),
    "indices": lambda _: normal().argmin(),
    "any": lambda _: (normal() > 9).any(axis=1),
    "quantile": lambda _: normal().quantile(0.3),
    "quantile along": lambda _: normal().quantile(0.3, axis=1),
    "quantile not held": lambda _: array.default_rng(3).normal(size=2**22, chunks=2**20).quantile(0.9),
    "histogram": lambda _: array.histogram(normal(), bins=20, range=(-5, 5))[0],
    "weighted": lambda _: normal().mean(weights=np.arange(1.0, 401.0)),
    "one stream": lambda _: array.default_rng(5, streams="numpy").normal(size=1000, chunks=100) * 2,
    "by place": lambda _: array.default_rng(5, streams="place").integers(0, 9, size=1000, chunks=100),
    "moved": lambda _: array.concatenate([normal()[::-2, 5:300:7].T, array.ones((3, 150))]),
    "integers": lambda _: array.arange(100_000, chunks=7_000, dtype=np.int32).sum(),
    "a file": lambda folder: file(folder).mean(axis=1, skipna=True),
    "a file's elements": lambda folder: file(folder)[3:200, ::3] + 1,
    "nothing": lambda _: array.zeros((0, 5)).sum(axis=0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def same(got, expected):
    assert type(got) is type(expected)
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype and got.shape == expected.shape
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_the_bytes_are_those_of_here(case, scheduler, folder):
    lazy = CASES[case](folder)
    (got,) = dask.compute(lazy, scheduler=scheduler)
    same(got, lazy.compute(client=False))


@pytest.mark.parametrize("case", CASES)
def test_persisted_arrays_go_on(case, folder):
    lazy = CASES[case](folder)
    kept = lazy.persist()
    (held,) = dask.persist(lazy, scheduler="threads")
    for one in (kept, held):
        assert isinstance(one, array.Array)
        assert (one.shape, one.dtype, one.chunks) == (lazy.shape, lazy.dtype, lazy.chunks)
        same(one.compute(client=False), lazy.compute(client=False))
        if one.ndim:
            # Of chunks that are held, in a task elsewhere, and with other arrays.
            after = (one[1:] * 2.0 + one.sum(axis=0)).max(skipna=True) if one.size else one.sum()
            expected = np.asarray(lazy.compute(client=False))
            expected = np.nanmax(expected[1:] * 2.0 + expected.sum(axis=0)) if one.size else 0.0
            np.testing.assert_allclose(dask.compute(after)[0], expected, rtol=1e-12)
            again = pickle.loads(pickle.dumps(one))
            same(again.compute(client=False), lazy.compute(client=False))


def test_only_the_chunks_that_are_read_are_handed_over():
    (held,) = dask.persist(array.arange(100, chunks=10), scheduler="sync")
    graph = (held[15:35].sum()).__dask_graph__()
    (name,) = held._lazy.fetchers()
    assert {key for key in graph if key[0] == name} == {(name, 1), (name, 2), (name, 3)}
    assert dask.compute(held[15:35].sum())[0] == sum(range(15, 35))


def test_tokens_say_what_is_computed(tmp_path):
    tokenize = dask.base.tokenize
    assert tokenize(normal().mean()) == tokenize(normal().mean())
    assert tokenize(normal().mean()) != tokenize(normal().mean(axis=0))
    assert tokenize(normal()) != tokenize(array.default_rng(8).normal(1, 2, size=(300, 400), chunks=(70, 90)))
    assert tokenize(array.array([1.0, 2.0])) != tokenize(array.array([1.0, 3.0]))
    before = tokenize(file(tmp_path))
    assert before == tokenize(file(tmp_path))
    (tmp_path / "made.nc").unlink()
    assert before != tokenize(file(tmp_path))


def test_it_is_a_collection():
    lazy = array.default_rng(3).normal(size=2**22, chunks=2**16).mean()
    assert dask.is_dask_collection(lazy)
    names = {key[0].split("-")[1] for key in lazy.__dask_graph__() if isinstance(key, tuple)}
    assert {"apply"} <= names
    # Beside collections of others.
    da = pytest.importorskip("dask.array")
    ours, theirs = dask.compute(lazy, da.ones(10, chunks=5).sum())
    assert theirs == 10
    same(ours, lazy.compute(client=False))
    # What dask draws: every task is there, the last one is the mean.
    graph = dask.base.collections_to_expr([lazy]) if hasattr(dask.base, "collections_to_expr") else None
    assert graph is None or len(graph.__dask_graph__()) == len(lazy.__dask_graph__())


def test_drawn_by_dask(tmp_path):
    pytest.importorskip("graphviz")
    import shutil

    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed")
    dask.visualize(normal().mean(), filename=str(tmp_path / "graph.svg"))
    assert (tmp_path / "graph.svg").stat().st_size > 0


def test_functions_of_dask_take_them():
    lazy = normal()
    double = dask.delayed(lambda values: values * 2)(lazy)
    np.testing.assert_array_equal(double.compute(), lazy.compute(client=False) * 2)


def test_pickled_arrays_are_the_same(folder):
    for case, make in CASES.items():
        lazy = make(folder)
        again = pickle.loads(pickle.dumps(lazy))
        assert (again.shape, again.dtype, again.chunks) == (lazy.shape, lazy.dtype, lazy.chunks), case
        same(again.compute(client=False), lazy.compute(client=False))
        assert _collection.named(again._lazy) == _collection.named(lazy._lazy), case


def test_damaged_bytes_are_refused():
    """Whatever happens to them on the way, it is an error, or another array: never the end of the process."""
    random = np.random.default_rng(0)
    told = ((normal() - normal().mean(axis=0))[::2, 1:9].T).sum(axis=0)._lazy.to_bytes()
    share = pickle.dumps
    refused = 0
    for _ in range(400):
        damaged = bytearray(told)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        damaged = bytes(damaged[: random.integers(1, len(damaged) + 1)] if random.random() < 0.2 else damaged)
        try:
            made = LazyArray.from_bytes(damaged, {})
            if int(np.prod(made.shape, dtype=object)) < 10**6:
                ArrayParts.of(made).stages()
        except (ValueError, TypeError, IndexError, OverflowError, package.SwatheError):
            refused += 1
    assert refused > 100
    del share
    parts = ArrayParts.of(normal().mean()._lazy)
    whole = parts.apply(0, 0, (0, 1), [])
    create, (good,) = whole.__reduce__()
    for _ in range(400):
        damaged = bytearray(good)
        damaged[random.integers(len(damaged))] = random.integers(256)
        try:
            parts.finish(0, 0, create(bytes(damaged)))
        except ValueError:
            pass
    for wrong in (lambda: parts.apply(0, 1, (0, 1), []), lambda: parts.apply(0, 0, (0, 99), [])):
        with pytest.raises(ValueError, match="no such task"):
            wrong()
    with pytest.raises(ValueError, match="no such task"):
        parts.finish(0, 0, ArrayParts.of(normal().mean(axis=0)._lazy).apply(0, 0, (0, 1), []))
    assert isinstance(whole, ArrayShare)


def test_another_version_is_refused():
    told = normal()._lazy.to_bytes()
    other = told.replace(package.__version__.encode(), b"9.9.9", 1)
    with pytest.raises(ValueError, match=r"version 9\.9\.9"):
        LazyArray.from_bytes(other, {})


def test_what_cannot_travel_says_so(folder):
    import io

    file(folder)
    lazy = array.open(io.BytesIO((folder / "made.nc").read_bytes()), "v")
    assert lazy.mean(skipna=True).compute(client=False) > 0
    with pytest.raises(package.GranuleError, match="give a path"):
        dask.compute(lazy.mean())


def test_memory_that_lies_anywhere():
    values = np.frombuffer(b"x" + np.arange(10.0).tobytes(), offset=1)
    assert not values.flags.aligned
    assert array.array(values).sum().compute(client=False) == 45


def test_a_client_that_is_none():
    with pytest.raises(TypeError, match="Client"):
        normal().compute(client="tcp://nowhere")


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit="1GiB"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("case", CASES)
def test_a_cluster_gives_the_same_bytes(cluster, case, folder):
    lazy = CASES[case](folder)
    expected = lazy.compute(client=False)
    # The client is at work: it is used unasked.
    same(lazy.compute(), expected)
    kept = lazy.persist(client=cluster)
    same(kept.compute(), expected)
    if kept.ndim and kept.size:
        total = kept.sum()
        same(total.compute(), lazy.persist(client=False).sum().compute(client=False))


def test_the_workers_do_the_work(cluster):
    import distributed

    lazy = array.default_rng(3).normal(size=300 * 2**16, chunks=2**16).std()
    expected = lazy.compute(client=False)
    with distributed.get_task_stream(client=cluster) as stream:
        future = cluster.compute(lazy)
        same(future.result(), expected)
    applied = [task for task in stream.data if "std-apply" in str(task["key"])]
    assert len(applied) == 19 and len({task["worker"] for task in applied}) == 2
    # The scheduler, which unpickles graphs, needs no Swathe.
    import cloudpickle

    told = cloudpickle.dumps((lazy.__dask_graph__(), lazy.__dask_postcompute__()))
    without = "import sys; sys.modules['swathe'] = None; import pickle; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", without], input=told, check=True)
    # Within a task the arrays compute there.
    inside = cluster.submit(lambda: package.array.ones(5).sum().compute())
    assert inside.result() == 5.0
    assert isinstance(future, distributed.Future)


def test_a_closed_client(cluster):
    import distributed

    other = distributed.Client(cluster.cluster, set_as_default=False)
    other.close()
    with pytest.raises(package.errors.ClusterError, match="closed"):
        normal().compute(client=other)
