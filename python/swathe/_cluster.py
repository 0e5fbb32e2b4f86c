"""A client's cluster, looked at before it is given work."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from swathe import _swathe, _worker
from swathe._sent import by_name, sent
from swathe.errors import ClusterError, SwatheError, WrongTypeError

#: Seconds in which a scheduler answers, or is not there.
PATIENCE = 4.0
#: The oldest Python that the compiled part is for.
OLDEST = (3, 11)
#: Of so many files it is asked whether workers see them.
FILES_ASKED = 500
PREPARE = "swathe.dask.prepare(client) brings it to them"


def client_of(client: Any) -> Any:
    """A client of Dask, connected to a scheduler that answers.

    Raises
    ------
    ClusterError
        It is closed, or asynchronous, or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise SwatheError(
            "clusters need dask", "install it with: pip install 'swathe[dask]'"
        ) from None
    if not isinstance(client, Client):
        hint = "cluster.get_client() gives one" if hasattr(client, "get_client") else None
        raise WrongTypeError(
            f"client is a dask.distributed.Client, not {client!r:.80}"
            + (f" ({hint})" if hint else "")
        )
    if client.status in ("closed", "closing"):
        raise ClusterError("the client is closed", "connect another one to the cluster")
    if client.asynchronous:
        raise ClusterError(
            "the client is asynchronous: work is waited for here",
            "make the client with asynchronous=False",
        )
    return client


def workers_of(client: Any) -> dict[str, dict[str, Any]]:
    """Addresses of the workers, with threads and memory of each.

    Raises
    ------
    ClusterError
        The scheduler does not answer.
    """
    address = getattr(client.scheduler, "address", None) or "?"
    try:
        if client.scheduler is None or client.status != "running":
            raise OSError(f"the client is {client.status}")
        found = client.sync(client.scheduler.identity, callback_timeout=PATIENCE)
    except Exception as error:  # Dask has many kinds for one thing.
        reason = str(error) or type(error).__name__
        raise ClusterError(
            f"the scheduler at {address} does not answer: {reason}",
            "is the cluster still running?",
        ) from error
    return dict(found["workers"])


def check_pythons(client: Any) -> None:
    """Refuse workers whose Python is too old for the compiled part. Later ones need not be this process's own: what is
    sent to them is bytes and text.

    Raises
    ------
    ClusterError
        It names the worker, and its version.
    """
    for address, found in client.get_versions()["workers"].items():
        python = (found or {}).get("host", {}).get("python")
        if python is None:
            continue
        # As in 3.11.7.final.0.
        version = ".".join(str(python).split(".")[:3])
        if tuple(map(int, version.split(".")[:2])) < OLDEST:
            raise ClusterError(
                f"worker {address} runs Python {version}, swathe needs {OLDEST[0]}.{OLDEST[1]} or later",
                "start workers from an image with a later Python",
            )


def remote(name: str) -> Callable[..., Any]:
    """A function of :mod:`swathe._worker`; schedulers, which unpickle it, need no Swathe."""
    return by_name("swathe._worker", name)


def sees(folder: str, name: str) -> bool:
    """Whether this process finds a file in a folder, and may write there."""
    import os

    return os.path.exists(os.path.join(folder, name)) and os.access(folder, os.W_OK)


def has(asked: list[tuple[str, int | None]]) -> tuple[str | None, str, list[str]]:
    """The version of Swathe in this process, or why it is not there; and which of these files, with their lengths, and
    folders are not."""
    import os

    version, reason = None, ""
    try:
        from swathe import _swathe as found

        version = found.__version__
    except ImportError as error:
        reason = str(error)

    def seen(path: str, length: int | None) -> bool:
        if length is None:
            return os.path.isdir(path)
        return os.path.isfile(path) and os.path.getsize(path) == length

    return version, reason, [path for path, length in asked if not seen(path, length)]


class Cluster:
    """The workers of a client's cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client_of(client)
        self._workers = workers_of(self.client)

    @property
    def memory(self) -> int | None:
        """Bytes that a task may take on any of the workers, as far as that is known."""
        shares = [
            _worker.share(worker.get("memory_limit"), worker.get("nthreads", 1))
            for worker in self._workers.values()
        ]
        known = [share for share in shares if share is not None]
        return min(known) if known else None

    def sees(self, folder: str) -> bool:
        """Whether all workers can write into a folder of this process; if there is none yet, they are not asked."""
        if not self._workers:
            return False
        name = f".{uuid4().hex}"
        Path(folder, name).touch()

        try:
            found = self.client.run(sent(sees), folder, name, on_error="return").values()
        finally:
            Path(folder, name).unlink()
        return all(seen is True for seen in found)

    def check(self, files: list[tuple[str | os.PathLike[str], int | None]]) -> None:
        """Refuse workers without Swathe, with another version, or that do not see the files.

        Raises
        ------
        ClusterError
            It names the worker, and the version or a file.
        """
        if not self._workers:
            warnings.warn("the cluster has no workers yet: waiting for them", stacklevel=6)
            return
        check_pythons(self.client)
        step = max(1, -(-len(files) // FILES_ASKED))
        asked = [(os.fspath(path), length) for path, length in files[::step]]

        for address, found in self.client.run(sent(has), asked, on_error="return").items():
            if isinstance(found, BaseException):
                raise ClusterError(f"worker {address} does not answer: {found}") from found
            version, reason, missing = found
            if version is None:
                raise ClusterError(f"worker {address} has no swathe: {reason}", PREPARE)
            if version != _swathe.__version__:
                raise ClusterError(
                    f"worker {address} has swathe {version}, this is {_swathe.__version__}",
                    "workers and client need the same version",
                )
            if missing:
                more = f", nor {len(missing) - 1} more" if len(missing) > 1 else ""
                raise ClusterError(
                    f"worker {address} does not see {missing[0]}{more}",
                    "give paths on a disk that workers share, or addresses (https://, s3://)",
                )
