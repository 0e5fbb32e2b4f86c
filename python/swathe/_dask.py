"""Jobs on a Dask cluster: the plan's tasks become Dask's, whose bodies are calls of Rust.

A task puts some granules on the grid and leaves a *part*, which is bytes; parts are combined on the workers, in
a tree; workers finish the maps of what is left, and the client takes their *tiles*, or workers write them as a Zarr
store. Sums are exact, so that neither grouping nor order shows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias
from uuid import uuid4

from swathe import _swathe
from swathe._cluster import PREPARE, Cluster, remote, workers_of
from swathe._progress import Show
from swathe.errors import ClusterError, SwatheError

#: So many parts are combined at a time.
TOGETHER = 8
#: What goes wrong on one worker is tried again, perhaps on another.
RETRIES = 2
#: A task whose worker died four times is given up by Dask; it is given to it again so often.
REVIVALS = 5
#: Seconds between looks at whether something is done, and at which workers there are.
LOOK, EVERY = 0.005, 1.0
#: What comes to the client beyond so many bytes is kept in files until it is written.
IN_MEMORY = 64 << 20


#: On its way to the client: ("part", bytes); ("tiles", bytes) of finished maps; ("receipt", bytes) of what a worker
#: has written; or a step: granules done, all, the name of the last.
Came: TypeAlias = tuple[str, bytes] | tuple[int, int, str]
#: The number of the parts that tell what came of granules.
CAME = -1


class Spread:
    """A plan that is carried out on a cluster: what ``Plan.spread`` of Rust gives, and what comes of it."""

    def __init__(
        self, cluster: Cluster, made: Any, folder: str | None = None, tiles: bool = True
    ) -> None:
        tasks, closing, files, storing = made
        cluster.check(files)
        self._client = cluster.client
        self._tasks, self._storing = tasks, storing
        self.closing = closing
        #: Whether workers finish the maps; not where parts are asked for, or the client has to after all.
        self.finished = bool(storing)
        #: Where workers write the maps, if they do.
        self.folder = folder
        #: Futures of granules, in order; of what the client takes: parts by number, tiles if it wants them, and
        #: receipts; and all of these that are not done.
        self.applied: list[Any] = []
        self.parts: dict[int, Any] = {}
        self.tiles: list[Any] = []
        self.receipts: list[Any] = []
        self._takes_tiles = tiles
        self._waited: dict[str, Any] = {}
        self._told: tuple[Any, ...] = ()

    def submit(self, told: tuple[Any, ...] = ()) -> None:
        """Give the tasks to the scheduler. ``told``: how they tell what they do (:mod:`swathe._watching`)."""
        self._told = told
        self.applied = [self._apply(task) for task in self._tasks]
        alike: dict[int, list[Any]] = {}
        for future, (*_, own) in zip(self.applied, self._tasks, strict=True):
            for place, number in enumerate([CAME, *own]):
                alike.setdefault(number, []).append(self._pick(future, place, bool(own)))
        trees = {number: self._tree(parts) for number, parts in sorted(alike.items())}
        if not self.finished:
            self.parts = trees
            return
        self.parts = {CAME: trees[CAME]}
        for files in self._storing:
            encoded = [self._encode(trees, *encoding) for encoding in files]
            if self._takes_tiles:
                self.tiles += encoded
            if self.folder is not None:
                self.receipts.append(self._store(trees, encoded, self.folder))

    def _apply(self, task: Any) -> Any:
        """A future of the parts of a task."""
        assignment, *_ = task
        return self._task("apply", assignment, *self._told, token=_token(assignment), priority=0)

    def _encode(self, trees: dict[int, Any], order: bytes, numbers: list[int]) -> Any:
        """Let a worker finish some maps."""
        parts = [trees[CAME], *(trees[number] for number in numbers if number in trees)]
        token = _token("encode", self.closing, order, *(part.key for part in parts))
        return self._task("encode", self.closing, order, *parts, token=token, priority=100)

    def _store(self, trees: dict[int, Any], encoded: list[Any], folder: str) -> Any:
        """Let a worker write them."""
        # Never what has been done before: that was another folder, even of this name.
        last = (self.closing, folder, trees[CAME], *encoded)
        return self._task("store", *last, token=uuid4().hex, priority=101)

    def finish(self, name: str, *arguments: Any) -> Any:
        """A future of the result, which a worker makes."""
        keys = _token(name, *map(repr, arguments), self.closing, *(p.key for p in self.parts.values()))
        last = (*arguments, self.closing, *self.parts.values())
        return self._task(name, *last, token=keys, priority=100)

    def gather(self) -> Iterator[Came]:
        """What is left for the client, as it comes, and steps in between."""
        steps = {
            future.key: (count, last)
            for future, (_, count, last, _) in zip(self.applied, self._tasks, strict=True)
        }
        total = sum(count for count, _ in steps.values())
        # Of each future, what it gives: numbers of parts, or the name of something else.
        wanted: dict[str, list[int] | str] = {f.key: [number] for number, f in self.parts.items()}
        wanted |= {future.key: "tiles" for future in self.tiles}
        wanted |= {future.key: "receipt" for future in self.receipts}
        taken: set[int] = set()
        done, revived = 0, 0
        waiting = self._wait([*self.applied, *self.parts.values(), *self.tiles, *self.receipts])
        self.applied, self.parts, self.tiles, self.receipts = [], {}, [], []
        losses = Losses(self._client)
        safe = False
        while self._waited:
            if not safe and (revived or losses.many()):
                # Workers may die faster than parts come together: no part is left to them from here on.
                safe, self.finished = True, False
                applied = [self._apply(task) for task in self._tasks]
                wanted = {
                    future.key: [CAME, *own]
                    for future, (*_, own) in zip(applied, self._tasks, strict=True)
                }
                waiting = self._wait(applied)
                # What is held is done again when its worker goes, though it was taken.
                del applied
            if not waiting.has_ready():
                # Not waited for any longer than workers are looked after.
                time.sleep(LOOK)
                continue
            future = next(waiting)
            if future.status in ("pending", "lost"):
                # Begun anew since: with another that was revived, or because a worker is lost.
                waiting.add(future)
                continue
            if future.status != "finished":
                if not self._revive(future, revived):
                    raise failure(future)
                revived += 1
                waiting.add(future)
                continue
            result = None
            if future.key in wanted:
                try:
                    result = future.result()
                except Exception:
                    # Its worker was lost just now; where that cannot be mended the future says so.
                    if future.status == "finished":
                        raise
                    waiting.add(future)
                    continue
            key = future.key
            del self._waited[key], future
            if key in steps:
                count, last = steps.pop(key)
                done += count
                yield done, total, last
            if result is None:
                continue
            numbers = wanted[key]
            if isinstance(numbers, str):
                yield numbers, result
                continue
            for number, part in zip(numbers, result if isinstance(result, list) else [result]):
                if safe and number in taken:
                    # It was combined and taken before.
                    continue
                yield "part", part
            if not safe:
                taken.update(numbers)

    def _wait(self, futures: list[Any]) -> Any:
        """Wait for these, and no others any more."""
        from distributed import as_completed

        before = self._waited.values()
        self._waited = {future.key: future for future in futures}
        for future in before:
            future.release()
        # The client need not be the process's own one.
        return as_completed(self._waited.values(), loop=self._client.loop)  # type: ignore[no-untyped-call]

    def release(self) -> None:
        """Take the tasks back, as far as nobody else wants them."""
        left = [*self.applied, *self.parts.values(), *self.tiles, *self.receipts, *self._waited.values()]
        for future in left:
            future.release()

    def _pick(self, future: Any, place: int, several: bool) -> Any:
        """One of the parts that a task leaves; the only one needs no task of its own."""
        if not several:
            return future
        return self._task("pick", future, place, token=_token(future.key, place), priority=1)

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


class Losses:
    """Workers that have gone while work is done, whether killed or sent away."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: set[str] = set()
        self._most = self._lost = 0
        self._next = time.monotonic() + EVERY

    def many(self) -> bool:
        """Whether each of them has gone twice, by and large."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            try:
                known = set(workers_of(self._client))
            except ClusterError:
                # That the scheduler is gone is told by what it was to do.
                return False
            self._lost += len(self._known - known)
            self._known, self._most = known, max(self._most, len(known))
        return self._lost >= 2 * max(self._most, 1)


def computed(
    cluster: Cluster,
    lazy: list[Any],
    files: list[tuple[Any, int | None]],
    show: Show | None,
    memory: int | None = None,
) -> list[Any]:
    """The values of lazy arrays, of which the workers read the files. ``memory``: bytes that a task may take, if that is
    less than its share of a worker's.

    Raises
    ------
    ClusterError
        A task needs more than there is: how much.
    """
    from swathe import _collection

    cluster.check(files)
    known = [limit for limit in (cluster.memory, memory) if limit is not None]
    room = min(known, default=None)
    needed = max(map(_collection.least, lazy), default=0)
    if room is not None and needed > room:
        raise ClusterError(
            f"a task of this reduction needs {-(-needed >> 20)} MiB, in a thread of a worker it may take {room >> 20} MiB",
            "take workers with more memory, or with fewer threads"
            if room == cluster.memory
            else "leave memory= out, or give it more",
        )
    token = _collection.limit.set(room)
    try:
        return _computed(cluster, lazy, show)
    finally:
        _collection.limit.reset(token)


def _computed(cluster: Cluster, lazy: list[Any], show: Show | None) -> list[Any]:
    import numpy as np
    from distributed import as_completed

    from swathe.array import Array

    client = cluster.client
    futures = client.compute([Array(one) for one in lazy], retries=RETRIES)
    try:
        own = {future.key: future for future in futures}
        loop = client.loop
        for done, future in enumerate(as_completed(own.values(), loop=loop), 1):  # type: ignore[no-untyped-call]
            if future.status != "finished":
                raise failure(future)
            if show is not None:
                show(done, len(own), 0, "")
        return [np.asarray(values) for values in client.gather(futures)]
    finally:
        for future in futures:
            future.release()


def _token(*words: bytes | str | int) -> str:
    """The same words, of the same version, give the same key."""
    digest = hashlib.blake2b(_swathe.__version__.encode(), digest_size=16)
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode()
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return digest.hexdigest()


def failure(future: Any) -> BaseException:
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


class Gathered:
    """All that came to the client, by kind: in memory if it is little, otherwise in files of a folder."""

    def __init__(self) -> None:
        self._kept: dict[str, list[bytes | str]] = {"part": [], "tiles": [], "receipt": []}

    @property
    def parts(self) -> list[bytes | str]:
        """Parts that are not finished."""
        return self._kept["part"]

    def finished(self, spread: Spread) -> tuple[list[bytes | str] | None, list[bytes | str] | None]:
        """Tiles of maps that workers have finished, and receipts of those that they have written."""
        if not spread.finished:
            return None, None
        return self._kept["tiles"], None if spread.folder is None else self._kept["receipt"]

    def add(self, kind: str, content: bytes | str) -> None:
        """Keep what came."""
        self._kept[kind].append(content)


@contextmanager
def gathered(spread: Spread, show: Show | None, told: tuple[Any, ...] = ()) -> Iterator[Gathered]:
    """All that comes to the client; files of it go afterwards."""
    all_of_it = Gathered()
    size = number = 0
    with ExitStack() as stack:
        folder: str | None = None
        stack.callback(spread.release)
        spread.submit(told)
        for came in spread.gather():
            if len(came) == 3:
                if show is not None:
                    show(came[0], came[1], 0, came[2])
                continue
            kind, content = came
            size += len(content)
            if size <= IN_MEMORY or kind == "receipt":
                all_of_it.add(kind, content)
                continue
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="swathe-"))
            number += 1
            path = os.path.join(folder, str(number))
            with open(path, "wb") as file:
                file.write(content)
            all_of_it.add(kind, path)
            # The next one need not be in memory beside it.
            del came, content
        yield all_of_it
