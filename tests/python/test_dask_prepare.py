"""Workers that neither have Swathe nor share a file with the client: prepared, and signed in."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest
from clusters import processes, without_swathe
from stand_in import PROGRAM, serving

distributed = pytest.importorskip("distributed")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-80, 30, -60, 45), "resolution": 0.2, "method": "bin"}
OTHERS = ("EARTHDATA_", "SWATHE_", "AWS_", "NETRC")
NEEDS_SERVER = pytest.mark.skipif(not PROGRAM.exists(), reason="the stand-in server is not built")


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    return package.simulate(folder, bbox=(-80, 30, -60, 45), lines=120, count=3)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A cluster whose processes do not find the package."""
    with processes(tmp_path_factory.mktemp("bare"), 2, without_swathe()) as address:
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=60)
            yield client


def test_bare_workers_are_prepared(granules, bare, tmp_path):
    with pytest.raises(errors.ClusterError, match=r"worker tcp://.* has no swathe.*prepare\(client\)"):
        package.average(granules, client=bare, **AREA)
    package.dask.prepare(bare)
    package.dask.prepare(bare)
    here = package.average(granules, **AREA)
    assert here.identical(package.average(granules, client=bare, **AREA))
    # A worker that comes later is prepared too, as is what a worker makes of it all.
    future = package.average(granules, client=bare, compute=False, **AREA)
    assert here.identical(future.result())

    def places():
        import swathe

        return swathe.__file__

    for place in bare.run(places).values():
        assert "dask-scratch-space" in place or "worker" in place
        assert not place.startswith(str(pathlib.Path(package.__file__).parent))

    # What Dask finds by name is found by the scheduler as well, and by xarray on the workers.
    transform = (0.2, 0, -80, 0, -0.2, 45)
    matched = bare.gather(
        bare.map(package.grid_match, granules, dst_crs=4326, dst_shape=(75, 100), dst_transform=transform)
    )
    assert matched[0].identical(package.grid_match(granules[0], 4326, (75, 100), transform))

    def read(path):
        import xarray

        with xarray.open_dataset(path, engine="swathe", group="geophysical_data") as opened:
            return float(opened.chlor_a.mean())

    mean = package.open(granules[0]).to_xarray().chunk(100).chlor_a.mean().compute()
    assert bare.submit(read, granules[0]).result() == pytest.approx(float(mean), rel=1e-6)


def test_schedulers_that_have_nothing_need_nothing(granules, tmp_path):
    """Only workers have the package here, as where a scheduler may not take plugins."""
    own = str(pathlib.Path(package.__file__).parents[1])
    with processes(tmp_path, 1, without_swathe(), workers=without_swathe() | {"PYTHONPATH": own}) as address:
        with distributed.Client(address) as client:
            client.wait_for_workers(1, timeout=60)

            def on_scheduler():
                import importlib.util

                return importlib.util.find_spec("swathe") is None

            assert client.run_on_scheduler(on_scheduler)
            here = package.average(granules, **AREA)
            assert here.identical(package.average(granules, client=client, **AREA))
            template = here.chlor_a.assign_coords(lat=here.lat.astype("f4"))
            cube = package.grid(granules, "chlor_a", like=template)
            future = package.grid(granules, "chlor_a", like=template, client=client, compute=False)
            assert cube.identical(future.result()) and cube.lat.dtype == "f4"
            assert cube.identical(package.grid(granules, "chlor_a", like=template, client=client))
            lazy = package.grid(granules, "chlor_a", like=template, chunks={})
            assert cube.identical(lazy.compute())
            assert client.run_on_scheduler(on_scheduler)


def test_another_version_is_refused_by_name(bare, tmp_path):
    other = tmp_path / "swathe-9.9.9-cp311-abi3-linux_x86_64.whl"
    other.write_bytes(b"")
    with pytest.raises(errors.ClusterError, match="is of version 9.9.9, this is"):
        package.dask.prepare(bare, wheel=other)
    with pytest.raises(errors.PlanError, match="is no wheel of swathe"):
        package.dask.prepare(bare, wheel=tmp_path / "numpy-2.0-cp311-abi3-linux_x86_64.whl")


def test_a_worker_with_another_version_is_refused(tmp_path):
    """A package of that name, but another version, is on the workers."""
    stale = tmp_path / "stale" / "swathe"
    stale.mkdir(parents=True)
    (stale / "__init__.py").write_text("")
    (stale / "_swathe.py").write_text("__version__ = '0.0.1'\n")
    environment = without_swathe() | {"PYTHONPATH": str(stale.parent)}
    with processes(tmp_path / "cluster", 1, environment) as address:
        with distributed.Client(address) as client:
            client.wait_for_workers(1, timeout=60)
            ours = package.__version__
            with pytest.raises(errors.ClusterError, match=rf"has swathe 0\.0\.1, this is {ours}"):
                package.dask.prepare(client)
            # What could not be brought does not stand in the way of workers that come.
            plugins = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.worker_plugins))
            assert not [name for name in plugins if name.startswith("swathe")]


@NEEDS_SERVER
def test_granules_far_away_and_a_token_in_no_task(granules, tmp_path):
    """Workers share no disk with the client, read from a server that wants a token, and get it by a plugin."""
    folder = pathlib.Path(granules[0]).parent
    program = """
        import pathlib, sys, distributed, swathe
        links, secret, address = sys.argv[1].split(), sys.argv[2], sys.argv[3]
        area = dict(bbox=(-80, 30, -60, 45), resolution=0.2, method="bin")
        with distributed.Client(address) as client:
            client.wait_for_workers(1, timeout=60)
            swathe.dask.prepare(client)
            try:
                swathe.average(links, client=client, **area)
            except swathe.SwatheError as error:
                assert secret not in str(error)
                print(type(error).__name__)
            swathe.dask.login(client)
            future = swathe.average(links, client=client, compute=False, **area)
            mean = future.result()

            def look(dask_scheduler):
                return "".join(repr((t.key, t.run_spec)) for t in dask_scheduler.tasks.values()), len(dask_scheduler.tasks)

            def logs(dask_worker):
                return repr(dask_worker.get_logs()) + repr(dask_worker.plugins)

            said, count = client.run_on_scheduler(look)
            assert count > 0
            assert secret not in said + "".join(client.run(logs).values())
            assert secret not in repr(client.get_scheduler_logs())
            here = swathe.average(links, **area)
            print(mean.identical(here), int(mean.chlor_a_count.sum()) > 0)
            for signed in ("?X-Amz-Signature=deadbeef", "?token=" + secret):
                try:
                    swathe.average([links[0] + signed], client=client, **area)
                except swathe.ClusterError as error:
                    assert "signed" in str(error) and "deadbeef" not in str(error) and secret not in str(error)
                    print("refused")
    """
    with serving(folder) as server:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)}
        settings = plain | server.settings | {"NETRC": "/nonexistent", "SWATHE_CACHE": "none"}
        token = settings["EARTHDATA_TOKEN"]
        workers = {k: v for k, v in settings.items() if k not in ("EARTHDATA_TOKEN", "PYTHONPATH")}
        workers = {k: v for k, v in workers.items() if k not in ("EARTHDATA_USERNAME", "EARTHDATA_PASSWORD")}
        links = " ".join(server.link(pathlib.Path(path).name) for path in granules)
        with processes(tmp_path, 1, workers) as address:
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(program), links, token, address],
                env=settings, capture_output=True, text=True, check=False, timeout=120,
            )
    assert done.returncode == 0, done.stderr
    # Without a token a granule cannot be read; with one all is as in one process.
    said = done.stdout.split()
    assert said[0] in ("AuthError", "GranuleError") and said[1:] == ["True", "True", "refused", "refused"], done.stdout


def test_a_token_must_be_there(bare, monkeypatch):
    monkeypatch.delenv("EARTHDATA_TOKEN", raising=False)
    with pytest.raises(errors.AuthError, match="no token"):
        package.dask.login(bare)
