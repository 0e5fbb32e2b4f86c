"""Dask clusters as processes: schedulers and workers in environments of the test's choice, and a Dask Gateway."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.executable).parent


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def without_swathe():
    """The environment of a process that does not find the package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def stop(process):
    """Ends a process that the test started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def local(folder, workers, dashboard=None):
    """Dask's own cluster in processes of this machine."""
    import distributed

    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, memory_limit="1GiB", dashboard_address=dashboard,
        local_directory=folder, silence_logs="ERROR",
    )


@contextlib.contextmanager
def processes(folder, count, environment, workers=None):
    """A scheduler and workers, each in a folder of its own, and workers in another environment if one is given; its
    address."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    started = []

    def start(name, environment, *words):
        own = pathlib.Path(folder) / name
        own.mkdir(parents=True)
        with open(own / "log", "w") as log:
            command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
            started.append(
                subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=own)
            )

    try:
        start("scheduler", environment, "dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        for i in range(count):
            start(
                f"worker{i}", workers or environment, "dask_worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny",
                "--no-dashboard", "--memory-limit", "1GiB", "--local-directory", f"worker{i}",
            )
        yield address
    finally:
        for process in reversed(started):
            stop(process)


CONFIG = """
import sys
c = get_config()
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{inner}"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.Proxy.address = "127.0.0.1:{outer}"
c.Proxy.tcp_address = "127.0.0.1:{tcp}"
c.UnsafeLocalBackend.clusters_directory = {folder!r}
c.UnsafeLocalBackend.inherited_environment = {inherited!r}
c.ClusterConfig.scheduler_cmd = [{dask!r}, "scheduler"]
c.ClusterConfig.worker_cmd = [{dask!r}, "worker", "--host", "127.0.0.1"]
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.worker_memory = "1 G"
c.ClusterConfig.cluster_max_workers = 4
"""


@contextlib.contextmanager
def gateway_server(folder, settings=None):
    """A Dask Gateway with its local backend: addresses of its API and of its schedulers. Its workers do not find the
    package; of the environment they have these settings."""
    settings = settings or {}
    folder = pathlib.Path(folder)
    (folder / "clusters").mkdir(parents=True)
    inner, outer, tcp = free_port(), free_port(), free_port()
    config = folder / "dask_gateway_config.py"
    config.write_text(
        CONFIG.format(
            inner=inner, outer=outer, tcp=tcp, folder=str(folder / "clusters"), dask=str(BIN / "dask"),
            inherited=["PATH", *settings],
        )
    )
    environment = without_swathe() | settings | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [BIN / "dask-gateway-server", "-f", config],
            stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True,
        )
    try:
        api = f"http://127.0.0.1:{outer}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(300):
            try:
                opener.open(f"{api}/api/health", timeout=1).read()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield api, f"gateway://127.0.0.1:{tcp}"
    finally:
        stop(server)
        shutil.rmtree(folder / "clusters", ignore_errors=True)
