"""What is sent to clusters: bytes and text, which any version of Python takes, and which need no package to be unpickled."""

import pickle
import pickletools
import subprocess
import sys
import textwrap

import clusters
import pytest

distributed = pytest.importorskip("distributed")
np = pytest.importorskip("numpy")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=120, count=3)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with clusters.local(tmp_path_factory.mktemp("workers"), 1) as cluster:
        yield cluster


def names_in(pickled):
    """The modules that unpickling imports."""
    strings, found = [], set()
    for code, argument, _ in pickletools.genops(pickled):
        if isinstance(argument, str):
            strings.append(argument)
        if code.name == "STACK_GLOBAL":
            found.add(strings[-2])
        elif code.name == "GLOBAL":
            found.add(argument.split()[0])
    return found


def functions():
    from swathe import _cluster, _collection, _sent
    from swathe import dask as ours

    yield _cluster.remote("apply")
    yield _collection.own("_merge")
    yield _sent.sent(_cluster.sees)
    yield _sent.sent(_cluster.has)
    yield _sent.plugin(ours.bring, "SwathePrepare", b"zip", "digest", "9", None, once=True)
    yield _sent.plugin(ours.sign_in, "SwatheLogin", "secret")


def test_functions_travel_as_text():
    for function in functions():
        pickled = pickle.dumps(function)
        assert names_in(pickled) <= {"builtins", "functools"}, function
        # A scheduler sends what it got on to workers: it is what it was.
        again = pickle.loads(pickled)
        assert pickle.dumps(again) == pickled
        assert "secret" not in repr(function)


def test_bytecode_would_be_noticed():
    import cloudpickle

    assert "cloudpickle.cloudpickle" in names_in(cloudpickle.dumps(lambda: 1))


def test_a_process_without_packages_unpickles_them():
    from swathe import _cluster, _sent

    sees = pickle.dumps([_sent.sent(_cluster.sees), _sent.sent(_cluster.has), _cluster.remote("apply")])
    program = """
        import pickle, sys
        sees, has, apply = pickle.loads(sys.stdin.buffer.read())
        print(sees("/", "nowhere"), has([("/", None), ("/nowhere", 3)]))
        try:
            apply()
        except ImportError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(program)], input=sees, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert "False (None, \"No module named 'swathe'\", ['/nowhere'])" in said
    assert said.endswith("No module named 'swathe'\n")


def test_no_task_holds_bytecode(granules, cluster, tmp_path, monkeypatch):
    """Of runs, cubes, arrays and reductions: no function is sent as its code."""
    from distributed.protocol import pickle as of_dask

    for i, path in enumerate(granules):
        package.average(path, "chlor_a", output=tmp_path / f"day{i}.nc", **AREA)
    sent = []
    plain = of_dask.dumps

    def noting(thing, *more, **options):
        made = plain(thing, *more, **options)
        sent.append(bytes(made))
        return made

    with distributed.Client(cluster) as client:
        own = []
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith("distributed") and getattr(module, "dumps", None) is plain:
                own.append(module)
                monkeypatch.setattr(module, "dumps", noting)
        assert own
        package.dask.prepare(client)
        package.average(granules, "chlor_a", client=client, output=tmp_path / "x.zarr", **AREA)
        package.average(granules, "chlor_a", client=client, compute=False, **AREA).result()
        package.grid(granules, "chlor_a", chunks={}, **AREA).compute()
        package.reduce(str(tmp_path / "day*.nc"), "chlor_a", stat="mean,median", client=client)
    ours = [one for one in sent if b"swathe" in one]
    assert len(ours) > 5
    for one in ours:
        assert not any(name.startswith("cloudpickle") for name in names_in(one)), one[:2000]


def test_workers_with_another_python(granules, cluster):
    """A later Python is as good; one that is older than the compiled part is for is refused by name."""
    def pretend(version):
        from distributed import versions

        plain = getattr(versions, "plain", versions.get_system_info)
        versions.plain = plain
        versions.get_system_info = lambda: {**plain(), "python": version} if version else plain()

    with distributed.Client(cluster) as client:
        here = package.average(granules, **AREA)
        try:
            client.run(pretend, "3.10.14.final.0")
            for call in (
                lambda: package.dask.prepare(client),
                lambda: package.average(granules, client=client, **AREA),
            ):
                with pytest.raises(errors.ClusterError, match=r"worker tcp://.* runs Python 3\.10\.14, swathe needs 3\.11"):
                    call()
            client.run(pretend, "3.99.1.final.0")
            package.dask.prepare(client)
            assert here.identical(package.average(granules, client=client, **AREA))
        finally:
            client.run(pretend, None)
