"""Jobs on a Dask cluster: the plan's tasks become Dask's, whose bodies are calls of Rust.

A task puts some granules on the grid and leaves a *part*, which is bytes; parts are combined on the workers, in
a tree; the client takes what is left and finishes it. Sums are exact, so that neither grouping nor order shows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from swathe import _swathe
from swathe._cluster import PREPARE, Cluster, remote
from swathe._progress import Show
from swathe.errors import ClusterError, SwatheError

#: So many parts are combined at a time.
TOGETHER = 8
#: What goes wrong on one worker is tried again, perhaps on another.
RETRIES = 2
#: A task whose worker died four times is given up by Dask; it is given to it again so often.
REVIVALS = 5
#: Parts of more bytes than this are kept in files until they are finished.
IN_MEMORY = 64 << 20


#: A part on its way to the client; or a step: granules done, all, the name of the last.
Came: TypeAlias = bytes | tuple[int, int, str]


class Spread:
    """A plan that is carried out on a cluster: what ``Plan.spread`` of Rust gives, and what comes of it."""

    def __init__(self, cluster: Cluster, made: Any) -> None:
        tasks, combined, closing, files = made
        cluster.check(files)
        self._client = cluster.client
        self._tasks, self._combined = tasks, combined
        self.closing = closing
        #: Futures of granules, in order; of what the client takes; and all of these that are not done.
        self.applied: list[Any] = []
        self.parts: list[Any] = []
        self._waited: dict[str, Any] = {}

    def submit(self) -> None:
        """Give the tasks to the scheduler."""
        self.applied = [
            self._task("apply", assignment, token=_token(assignment), priority=0)
            for assignment, *_ in self._tasks
        ]
        if not self._combined:
            self.parts = list(self.applied)
            return
        windows: dict[int, list[Any]] = {}
        for future, (*_, own) in zip(self.applied, self._tasks, strict=True):
            # Before the windows comes what came of granules, with all that is in none of them.
            for number, window in enumerate([-1, *own] if own else [-1]):
                windows.setdefault(window, []).append(self._pick(future, number, bool(own)))
        self.parts = [self._tree(parts) for _, parts in sorted(windows.items())]

    def finish(self, name: str, *arguments: Any) -> Any:
        """A future of the result, which a worker makes."""
        keys = _token(name, *map(repr, arguments), self.closing, *(p.key for p in self.parts))
        last = (*arguments, self.closing, *self.parts)
        return self._task(name, *last, token=keys, priority=100)

    def gather(self) -> Iterator[Came]:
        """What is left for the client, as it comes, and steps in between."""
        from distributed import as_completed

        granules = {
            future.key: (count, last)
            for future, (_, count, last, _) in zip(self.applied, self._tasks, strict=True)
        }
        total = sum(count for count, _ in granules.values())
        wanted = {future.key for future in self.parts}
        done, revived = 0, 0
        self._waited = {future.key: future for future in [*self.applied, *self.parts]}
        self.applied, self.parts = [], []
        # The client need not be the process's own one.
        loop = self._client.loop
        waiting: Any = as_completed(self._waited.values(), loop=loop)  # type: ignore[no-untyped-call]
        for future in waiting:
            if future.status in ("pending", "lost"):
                # Begun anew since: with another that was revived, or because a worker is lost.
                waiting.add(future)
                continue
            if future.status != "finished":
                if self._revive(future, revived):
                    revived += 1
                    waiting.add(future)
                    continue
                raise _failure(future)
            part = None
            if future.key in wanted:
                try:
                    part = future.result()
                except Exception:
                    # Its worker was lost just now; where that cannot be mended the future says so.
                    if future.status == "finished":
                        raise
                    waiting.add(future)
                    continue
            del self._waited[future.key]
            if future.key in granules:
                count, last = granules.pop(future.key)
                done += count
                yield done, total, last
            if part is not None:
                yield part

    def release(self) -> None:
        """Take the tasks back, as far as nobody else wants them."""
        for future in [*self.applied, *self.parts, *self._waited.values()]:
            future.release()

    def _pick(self, future: Any, number: int, several: bool) -> Any:
        """One of the parts that a task leaves; the only one needs no task of its own."""
        if not several:
            return future
        return self._task("pick", future, number, token=_token(future.key, number), priority=1)

    def _tree(self, futures: list[Any]) -> Any:
        level = 2
        while len(futures) > 1:
            groups = [futures[i : i + TOGETHER] for i in range(0, len(futures), TOGETHER)]
            futures = [
                group[0]
                if len(group) == 1
                else self._task(
                    "combine", *group, token=_token(*(f.key for f in group)), priority=level
                )
                for group in groups
            ]
            level += 1
        return futures[0]

    def _task(self, name: str, *arguments: Any, token: str, priority: int) -> Any:
        return self._client.submit(
            remote(name),
            *arguments,
            key=f"swathe-{name}-{token}",
            priority=priority,
            retries=RETRIES,
        )

    def _revive(self, future: Any, times: int) -> bool:
        """Whether a task whose workers died is worth another try, which then begins."""
        from distributed import KilledWorker

        if future.status != "error" or times >= REVIVALS * (len(self._tasks) + 1):
            return False
        if not isinstance(future.exception(), KilledWorker):
            return False
        client = self._client

        async def again() -> None:
            # What lies in between is nobody's future here, over which Client.retry stumbles.
            for key in await client.scheduler.retry(keys=[future.key], client=client.id):
                if (state := client.futures.get(key)) is not None:
                    state.retry()

        client.sync(again)
        return True


def _token(*words: bytes | str | int) -> str:
    """The same words, of the same version, give the same key."""
    digest = hashlib.blake2b(_swathe.__version__.encode(), digest_size=16)
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode()
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return digest.hexdigest()


def _failure(future: Any) -> BaseException:
    """Why a task failed, in our words where they are better."""
    from distributed import KilledWorker

    if future.status != "error":
        return ClusterError(
            f"the cluster has given up a task ({future.status})",
            "its scheduler may be gone, or somebody has cancelled or restarted it",
        )
    error: BaseException = future.exception()
    if isinstance(error, SwatheError):
        return error
    if isinstance(error, ImportError) and "swathe" in str(error):
        return ClusterError(f"a worker has no swathe: {error}", PREPARE)
    if isinstance(error, KilledWorker):
        return ClusterError(
            f"workers died again and again over one task: {error}",
            "their logs say why; too little memory is the most usual reason",
        )
    return error


@contextmanager
def gathered(spread: Spread, show: Show | None) -> Iterator[list[bytes | str]]:
    """All that is left for the client: in memory if it is little, otherwise in files, which go afterwards."""
    parts: list[bytes | str] = []
    size = 0
    with ExitStack() as stack:
        folder: str | None = None
        stack.callback(spread.release)
        spread.submit()
        for part in spread.gather():
            if isinstance(part, tuple):
                if show is not None:
                    done, total, last = part
                    show(done, total, 0, last)
                continue
            size += len(part)
            if size <= IN_MEMORY:
                parts.append(part)
                continue
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="swathe-"))
            path = os.path.join(folder, f"{len(parts)}.part")
            with open(path, "wb") as file:
                file.write(part)
            parts.append(path)
        yield parts
