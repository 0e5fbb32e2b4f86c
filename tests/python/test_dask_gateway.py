"""A real Dask Gateway on loopback, and the command's way to clusters."""

import getpass
import os
import pathlib
import subprocess
import sys
import time

import pytest
from clusters import ROOT, gateway_server, processes

distributed = pytest.importorskip("distributed")
dask_gateway = pytest.importorskip("dask_gateway")
pytest.importorskip("dask_gateway_server")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = ["-b=-77,36,-73,41", "-r", "0.05"]
COMMAND = [sys.executable, "-c", "import sys; from swathe._command import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=120, count=4)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with gateway_server(tmp_path_factory.mktemp("gateway")) as addresses:
        yield addresses


def command(*words, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **more}
    return subprocess.run(
        [*COMMAND, *map(str, words)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def settings(gateway):
    """Dask's own settings: how to sign in, and where schedulers are reached."""
    api, proxy = gateway
    return {
        "DASK_GATEWAY__ADDRESS": api,
        "DASK_GATEWAY__PROXY_ADDRESS": proxy,
        "DASK_GATEWAY__AUTH__TYPE": "basic",
    }


def test_bytes_are_those_of_one_process(granules, gateway, tmp_path):
    job = {"bbox": (-77, 36, -73, 41), "resolution": 0.05, "stat": ["mean", "std"]}
    world = {"grid": "0.1deg", "method": "bin"}
    api, proxy = gateway
    from dask_gateway.auth import BasicAuth

    with dask_gateway.Gateway(api, proxy_address=proxy, auth=BasicAuth("somebody")) as client_side:
        with client_side.new_cluster() as cluster:
            cluster.scale(2)
            with cluster.get_client() as client:
                client.wait_for_workers(2, timeout=60)
                with pytest.raises(errors.ClusterError, match="has no swathe"):
                    package.average(granules, client=client, **job)
                package.dask.prepare(client)
                for name, options in [("area", job), ("world", world)]:
                    here, there = tmp_path / f"{name}.nc", tmp_path / f"{name}.there.nc"
                    package.average(granules, output=here, **options)
                    package.average(granules, output=there, client=client, **options)
                    assert here.read_bytes() == there.read_bytes()


def test_the_command_starts_a_cluster_and_ends_it(granules, gateway, tmp_path):
    ours, theirs = tmp_path / "here.nc", tmp_path / "there.nc"
    done = command("average", *granules, *AREA, "-o", ours)
    assert done.returncode == 0, done.stderr
    done = command(
        "average", *granules, *AREA, "-o", theirs, "--dask-gateway", gateway[0], "--workers", 1, **settings(gateway)
    )
    assert done.returncode == 0, done.stderr
    assert ours.read_bytes() == theirs.read_bytes()
    from dask_gateway.auth import BasicAuth

    with dask_gateway.Gateway(gateway[0], proxy_address=gateway[1], auth=BasicAuth(getpass.getuser())) as side:
        assert not side.list_clusters()


def test_the_command_works_on_a_scheduler(granules, tmp_path):
    """Maps, partial results, cubes and bins; a granule that cannot be read; progress."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    with processes(tmp_path / "cluster", 2, environment) as address:
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=60)
        for words in (
            ["average", *AREA, "--stat", "mean,median", "-o", "OUT.nc", "-o", "OUT.swathe"],
            ["average", *AREA, "--keep", "granules", "-o", "OUT.swathe"],
            ["average", "--grid", "isin-2160", "-o", "OUT.nc"],
            ["average", *AREA, "--stat", "first,last", "-o", "OUT.nc", "-o", "OUT.swathe"],
            ["grid", *AREA, "-o", "OUT.zarr"],
            ["average", *AREA, "-o", "OUT.zarr"],
            ["average", *AREA, "--every", "day", "-o", "OUT.zarr", "-o", "OUT.nc"],
            ["average", *AREA, "--every", "rolling-8day", "-o", "OUT.zarr"],
        ):
            written = []
            for where, more in (("here", []), ("there", ["--dask", address])):
                folder = tmp_path / where
                folder.mkdir(exist_ok=True)
                out = [word.replace("OUT", str(folder / "out")) for word in words]
                done = command(out[0], *granules, *out[1:], "--overwrite", "--progress", "json", *more)
                assert done.returncode == 0, done.stderr
                files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
                written.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
            assert written[0] == written[1], words
        for words, name in ((["--every", "month", "-o"], "x.nc"), (["--over", "lat,lon", "-o"], "x.csv")):
            written = []
            for where, more in (("here", []), ("there", ["--dask", address])):
                path = tmp_path / where / name
                done = command("reduce", tmp_path / "here/out.nc", "-v", "chlor_a", *words, path, *more)
                assert done.returncode == 0, done.stderr
                written.append(path.read_bytes())
            assert written[0] == written[1], words
        bad = tmp_path / "bad" / pathlib.Path(granules[0]).name
        bad.parent.mkdir()
        content = bytearray(pathlib.Path(granules[0]).read_bytes())
        content[len(content) // 3 : len(content) // 3 + len(content) // 2] = bytes(len(content) // 2)
        bad.write_bytes(content)
        given = [bad, *granules[1:], *AREA, "-o", tmp_path / "bad.nc", "--dask", address]
        done = command("average", *given)
        assert done.returncode == 1 and bad.name in done.stderr, done.stderr
        assert not (tmp_path / "bad.nc").exists()
        done = command("average", *given, "--on-error", "skip")
        assert done.returncode == 3 and bad.name in done.stderr, done.stderr
        done = command("average", *given, "--resume")
        assert done.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dask", "tcp://127.0.0.1:1"], "no scheduler at tcp://127.0.0.1:1"),
        (["--dask", "nonsense://x"], "no scheduler at nonsense"),
        (["--dask-gateway", "http://127.0.0.1:1"], "gives no cluster"),
    ],
)
def test_what_is_not_there_is_said_soon(granules, tmp_path, words, said):
    package.average(granules[0], bbox=(-77, 36, -73, 41), resolution=0.5, output=tmp_path / "map.nc")
    for job in (["average", granules[0], *AREA], ["reduce", tmp_path / "map.nc", "-v", "chlor_a"]):
        began = time.monotonic()
        done = command(*job, "-o", tmp_path / "out.nc", *words)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and time.monotonic() - began < 10


def test_the_program_alone_says_who_can(swathe, granules, tmp_path):
    done = subprocess.run(
        [swathe, "average", granules[0], *AREA, "-o", tmp_path / "o.nc", "--dask", "tcp://127.0.0.1:1"],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1 and "pip install" in done.stderr, done.stderr
