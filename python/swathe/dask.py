"""Dask clusters made ready for Swathe.

``swathe.average(..., client=client)`` and ``swathe.grid(..., client=client)`` need Swathe on the workers, in the
version of the client, and nothing on the scheduler. Functions that are given to Dask by name, as in
``client.map(swathe.grid_match, ...)``, and data sets of ``engine="swathe"`` are looked up by the scheduler too. Images of
hubs do not have it:

>>> swathe.dask.prepare(client)  # doctest: +SKIP
>>> ds = swathe.average(granules, "chlor_a", **area, client=client)  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import platform
import sys
import zipfile
from os import PathLike
from typing import Any

from swathe import _swathe
from swathe._arguments import warned
from swathe._cluster import check_pythons, client_of, workers_of
from swathe._earthdata import earthaccess_token, token_of
from swathe._sent import plugin, scheduler_plugin
from swathe.errors import AuthError, ClusterError, PlanError

__all__ = ["login", "prepare"]

#: Name of the plugins.
BRINGS, SIGNS_IN = "swathe-prepare", "swathe-login"


def prepare(client: Any, wheel: str | PathLike[str] | None = None) -> None:
    """Bring this Swathe to the workers of a cluster, to those that are there and to those that come, and to its scheduler.

    A plugin of Dask carries it. Workers that have Swathe keep it; they need no pip, no network and no
    compiler, and forget it when they end. A scheduler that cannot take it, or has another version, is warned of: it
    needs none for what is given ``client=``.

    Parameters
    ----------
    client : dask.distributed.Client
        Of a LocalCluster, of Dask Gateway, or any other.
    wheel : path, optional
        A wheel of the same version, where workers run on another system than this process. By default the
        package is sent as it is here.

    Raises
    ------
    ClusterError
        A worker has another version of Swathe; it runs on another system, or with another Python; the cluster does
        not answer.
    """
    client = client_of(client)
    workers_of(client)
    check_pythons(client)
    content, system = (_package(), _system()) if wheel is None else (_wheel(wheel), None)
    digest = hashlib.sha256(content).hexdigest()[:16]
    name, words = f"{BRINGS}-{digest}", (content, digest, _swathe.__version__, system)
    try:
        # The same package is sent once.
        client.register_plugin(plugin(bring, "SwathePrepare", *words, once=True), name=name)
    except Exception as error:
        client.unregister_worker_plugin(name)
        raise ClusterError(str(error)) from error
    try:
        client.register_plugin(scheduler_plugin(bring, "SwatheOnScheduler", *words), name=f"{name}-scheduler")
    except Exception as error:  # Dask has many kinds for one thing.
        warned([f"the scheduler has no swathe, and functions of swathe cannot be given to client.map: {error}"])


def login(client: Any, token: str | None = None) -> None:
    """Let the workers of a cluster sign in to NASA's Earthdata, those that are there and those that come.

    A plugin of Dask carries the token: it is part of no task, and stands in no log.

    Parameters
    ----------
    client : dask.distributed.Client
        Its workers have Swathe.
    token : str, optional
        A token of Earthdata Login; by default that of a live session of ``earthaccess``, or ``EARTHDATA_TOKEN``.

    Raises
    ------
    AuthError
        There is no token.
    ClusterError
        The cluster does not answer; a worker has no Swathe.
    """
    client = client_of(client)
    workers_of(client)
    found = token_of(token) or earthaccess_token() or os.environ.get("EARTHDATA_TOKEN")
    if not found:
        raise AuthError(
            "there is no token to send to workers",
            "give token=, or log in with earthaccess; user names and passwords are not sent",
        )
    try:
        client.register_plugin(plugin(sign_in, "SwatheLogin", found), name=SIGNS_IN)
    except Exception as error:
        client.unregister_worker_plugin(SIGNS_IN)
        raise ClusterError(f"workers cannot sign in: {error}") from None


def _system() -> str:
    return f"{sys.platform}-{platform.machine()}"


_packed: bytes | None = None


def _package() -> bytes:
    """This package, packed; once."""
    global _packed
    if _packed is not None:
        return _packed
    root = pathlib.Path(__file__).parent
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, pathlib.Path("swathe") / path.relative_to(root))
        # What makes engine="swathe" known to xarray.
        about = f"swathe-{_swathe.__version__}.dist-info"
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: swathe\nVersion: {_swathe.__version__}\n")
        archive.writestr(f"{about}/entry_points.txt", "[xarray.backends]\nswathe = swathe._backend:SwatheBackend\n")
    _packed = packed.getvalue()
    return _packed


def _wheel(path: str | PathLike[str]) -> bytes:
    """The wheel of a path, if it is of this version."""
    name = pathlib.Path(path).name
    parts = name.split("-")
    if not name.endswith(".whl") or len(parts) < 5 or parts[0] != "swathe":
        raise PlanError(f"{name} is no wheel of swathe")
    if parts[1] != _swathe.__version__:
        raise ClusterError(
            f"{name} is of version {parts[1]}, this is {_swathe.__version__}",
            "workers and client need the same version",
        )
    return pathlib.Path(path).read_bytes()


def bring(where: Any, content: bytes, digest: str, version: str, system: str | None) -> None:
    """Unpack it on a worker or a scheduler that has none; refuse one that has another version."""
    import importlib
    import io
    import os
    import platform
    import sys
    import tempfile
    import zipfile

    def found() -> tuple[str | None, str]:
        try:
            return str(importlib.import_module("swathe._swathe").__version__), ""
        except ImportError as error:
            return None, str(error)

    who = f"{'worker' if hasattr(where, 'local_directory') else 'scheduler'} {where.address}"
    own, reason = found()
    if own is None:
        here = f"{sys.platform}-{platform.machine()}"
        if system is not None and here != system:
            raise RuntimeError(
                f"{who} runs on {here}, this swathe is for {system}: "
                "give a wheel for it, as in prepare(client, wheel=path)"
            )
        if hasattr(where, "local_directory"):
            folder = os.path.join(where.local_directory, f"swathe-{digest}")
        else:
            # It goes with the process, which holds it.
            where.swathe_folder = tempfile.TemporaryDirectory(prefix=f"swathe-{digest}-")
            folder = where.swathe_folder.name
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)
        # What was found to be missing is looked for again.
        for name in [name for name in sys.modules if name.split(".")[0] == "swathe"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        own, reason = found()
        if own is None:
            raise RuntimeError(f"{who} cannot load swathe: {reason}")
        if plugins := sys.modules.get("xarray.backends.plugins"):
            plugins.list_engines.cache_clear()
    if own != version:
        raise RuntimeError(
            f"{who} has swathe {own}, this is {version}: workers and client need the same version"
        )


def sign_in(worker: Any, token: str) -> None:
    """Keep a token in a worker's process."""
    import importlib

    module = importlib.import_module("swathe._swathe")
    module.set_token(token, "swathe.dask.login")
