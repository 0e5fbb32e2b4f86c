"""Jobs on a Dask cluster: the plan's tasks become Dask's, whose bodies are calls of Rust.

A task puts some granules on the grid and leaves a *part*, which is bytes; parts are combined on the workers, in
a tree; the client takes what is left and finishes it. Sums are exact, so that neither grouping nor order shows.
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
#: Parts of more bytes than this are kept in files until they are finished.
IN_MEMORY = 64 << 20


#: A part on its way to the client; or the receipt of what a worker has written; or a step: granules done, all, the
#: name of the last.
Came: TypeAlias = bytes | tuple[bytes] | tuple[int, int, str]
#: The number of the parts that tell what came of granules.
CAME = -1


class Spread:
    """A plan that is carried out on a cluster: what ``Plan.spread`` of Rust gives, and what comes of it."""

    def __init__(self, cluster: Cluster, made: Any, folder: str | None = None) -> None:
        tasks, closing, files, storing = made
        cluster.check(files)
        self._client = cluster.client
        self._tasks, self._storing = tasks, storing
        self.closing = closing
        #: Where workers write the maps; none where the client does it, or has to after all.
        self.folder = folder
        #: Futures of granules, in order; of what the client takes, parts by number and receipts; and all of
        #: these that are not done.
        self.applied: list[Any] = []
        self.parts: dict[int, Any] = {}
        self.receipts: list[Any] = []
        self._waited: dict[str, Any] = {}

    def submit(self) -> None:
        """Give the tasks to the scheduler."""
        self.applied = [self._apply(task) for task in self._tasks]
        alike: dict[int, list[Any]] = {}
        for future, (*_, own) in zip(self.applied, self._tasks, strict=True):
            for place, number in enumerate([CAME, *own]):
                alike.setdefault(number, []).append(self._pick(future, place, bool(own)))
        trees = {number: self._tree(parts) for number, parts in sorted(alike.items())}
        if self.folder is None:
            self.parts = trees
        else:
            self.parts = {CAME: trees[CAME]}
            self.receipts = [self._store(trees, files, self.folder) for files in self._storing]

    def _apply(self, task: Any) -> Any:
        """A future of the parts of a task."""
        assignment, *_ = task
        return self._task("apply", assignment, token=_token(assignment), priority=0)

    def _store(self, trees: dict[int, Any], files: list[tuple[bytes, list[int]]], folder: str) -> Any:
        """Let workers finish maps and write them."""
        encoded = []
        for order, numbers in files:
            parts = [trees[CAME], *(trees[number] for number in numbers if number in trees)]
            token = _token("encode", self.closing, order, *(part.key for part in parts))
            encoded.append(
                self._task("encode", self.closing, order, *parts, token=token, priority=100)
            )
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
        # Of each future, the numbers of the parts in it; receipts are no parts.
        wanted = {future.key: [number] for number, future in self.parts.items()}
        wanted |= {future.key: [] for future in self.receipts}
        taken: set[int] = set()
        done, revived = 0, 0
        waiting = self._wait([*self.applied, *self.parts.values(), *self.receipts])
        self.applied, self.parts, self.receipts = [], {}, []
        losses = Losses(self._client)
        safe = False
        while self._waited:
            if not safe and (revived or losses.many()):
                # Workers may die faster than parts come together: no part is left to them from here on.
                safe, self.folder = True, None
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
            if not numbers:
                yield (result,)
            for number, part in zip(numbers, result if isinstance(result, list) else [result]):
                if safe and number in taken:
                    # It was combined and taken before.
                    continue
                yield part
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
        left = [*self.applied, *self.parts.values(), *self.receipts, *self._waited.values()]
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
    cluster: Cluster, lazy: list[Any], files: list[tuple[Any, int | None]], show: Show | None
) -> list[Any]:
    """The values of lazy arrays, of which the workers read the files."""
    import numpy as np
    from distributed import as_completed

    from swathe.array import Array

    cluster.check(files)
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


@contextmanager
def gathered(
    spread: Spread, show: Show | None
) -> Iterator[tuple[list[bytes | str], list[bytes]]]:
    """All that is left for the client, parts and receipts: in memory if it is little, otherwise in files, which go
    afterwards."""
    parts: list[bytes | str] = []
    receipts: list[bytes] = []
    size = 0
    with ExitStack() as stack:
        folder: str | None = None
        stack.callback(spread.release)
        spread.submit()
        for part in spread.gather():
            match part:
                case (receipt,):
                    receipts.append(receipt)
                    continue
                case (done, total, last):
                    if show is not None:
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
        yield parts, receipts
