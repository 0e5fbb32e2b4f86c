"""The command's way to a Dask cluster; Rust calls it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

from swathe import _watching
from swathe._cluster import Cluster
from swathe._dask import IN_MEMORY, Spread, computed
from swathe.errors import ClusterError, SwatheError

#: Seconds in which a scheduler answers, and in which the first worker comes.
PATIENCE, FIRST_WORKER = 3, 600


class Connected:
    """A cluster: of a scheduler's address, or a new one of a gateway."""

    def __init__(self, scheduler: str | None, gateway: str | None, workers: int) -> None:
        self._client: Any = None
        self._gateway: Any = None
        self._cluster: Any = None
        #: Whether workers have finished the maps of the last run, and whether they have written them.
        self.finished = self.stored = False
        try:
            if gateway is not None:
                self._start(gateway, workers)
            else:
                self._connect(scheduler or "")
            self._own = Cluster(self._client)
        except BaseException:
            self.close()
            raise

    def _connect(self, scheduler: str) -> None:
        try:
            from distributed import Client
            from distributed.comm.addressing import parse_address
            from distributed.comm.registry import get_backend
        except ImportError:
            raise SwatheError("clusters need dask", "pip install 'swathe[dask]'") from None
        try:
            get_backend(parse_address(scheduler)[0])
            make: Any = Client
            self._client = make(scheduler, timeout=PATIENCE, set_as_default=False)
        except Exception as error:
            raise ClusterError(
                f"there is no scheduler at {scheduler}: {str(error) or type(error).__name__}",
                "is the cluster running, and is its address right?",
            ) from None

    def _start(self, gateway: str, workers: int) -> None:
        try:
            from dask_gateway import Gateway  # type: ignore[import-untyped]
        except ImportError:
            raise SwatheError(
                "a gateway needs dask-gateway", "pip install 'swathe[dask]' dask-gateway"
            ) from None
        try:
            self._gateway = Gateway(gateway)
            self._cluster = self._gateway.new_cluster()
            self._cluster.scale(workers)
            self._client = self._cluster.get_client(set_as_default=False)
            self._client.wait_for_workers(1, timeout=FIRST_WORKER)
        except Exception as error:
            raise ClusterError(
                f"the gateway at {gateway} gives no cluster: {str(error) or type(error).__name__}"
            ) from None
        from swathe.dask import prepare

        prepare(self._client)

    @property
    def memory(self) -> int | None:
        """Bytes that a task may take."""
        return self._own.memory

    def computed(self, lazy: list[Any], files: list[Any]) -> list[Any]:
        """The values of lazy arrays."""
        return computed(self._own, lazy, files, None)

    def sees(self, folder: str) -> bool:
        """Whether workers can write into a folder."""
        return self._own.sees(folder)

    def steps(
        self,
        made: Any,
        folder: str | None,
        tiles: bool,
        live: Any = None,
        stride: int | None = None,
    ) -> Iterator[tuple[str, bytes | str] | tuple[int, int, str]]:
        """Carry a plan out: what :meth:`Spread.gather` gives, or files of it. A file goes with the next step."""
        spread = Spread(self._own, made, folder, tiles)
        self.finished = self.stored = False
        size = 0
        told = _watching.Told(self._client, live, stride)
        try:
            spread.submit(told.arguments)
            for came in spread.gather():
                if len(came) == 3:
                    yield came
                    continue
                kind, content = came
                size += len(content)
                if size <= IN_MEMORY or kind == "receipt":
                    yield came
                    continue
                with tempfile.TemporaryDirectory(prefix="swathe-") as place:
                    path = os.path.join(place, "part")
                    with open(path, "wb") as file:
                        file.write(content)
                    del came, content
                    yield kind, path
            self.finished = spread.finished
            self.stored = spread.finished and spread.folder is not None
        finally:
            told.close()
            spread.release()

    def close(self) -> None:
        """Leave the cluster; one that was started ends."""
        if self._cluster is not None:
            self._cluster.shutdown()
        if self._client is not None:
            self._client.close()
        if self._gateway is not None:
            self._gateway.close()
        self._client = self._cluster = self._gateway = None
