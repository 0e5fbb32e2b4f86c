"""Lazy arrays as Dask collections: tasks on chunks are calls of Rust, what they give is merged in a tree.

The keys of a graph are, for an array named ``mean-TOKEN``: ``("mean-apply-TOKEN", stage, chunk, share)``,
``("mean-combine-TOKEN", stage, chunk, level, number)``, ``("mean-TOKEN", i, j, ...)`` for the chunks of the
result.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from swathe._sent import by_name
from swathe._swathe import ArrayParts, ArrayResults, ArrayShare, LazyArray

if TYPE_CHECKING:
    from swathe.array import Array

#: A task is worth its scheduling if it is of so many elements.
WORTH_A_TASK = 1 << 20
#: Bytes that a task may take, where somebody knows: it then merges fewer at a time.
limit: ContextVar[int | None] = ContextVar("limit", default=None)


def least(lazy: LazyArray) -> int:
    """Bytes that the tasks of an array cannot do without."""
    parts = ArrayParts.of(lazy)
    stages = (parts.bytes(stage) for stage in range(len(parts.stages())))
    return max((max(doing, 2 * 2 * share) for doing, share in stages), default=0)


def together(share: int) -> int:
    """So many shares of so many bytes are merged at a time; merging takes twice their bytes."""
    known = limit.get()
    if known is None or not share:
        return ArrayParts.merged
    return min(max(known // (2 * share), 2), ArrayParts.merged)


def named(lazy: LazyArray) -> str:
    """The name of an array: what it is, and a digest of all that decides it."""
    digest = hashlib.sha256(lazy.to_bytes()).hexdigest()[:32]
    return f"{lazy.name}-{digest}"


def keys(name: str, chunks: tuple[tuple[int, ...], ...]) -> Any:
    """Keys of the chunks, in lists as deep as there are axes."""

    def below(place: tuple[int, ...], axes: tuple[tuple[int, ...], ...]) -> Any:
        if not axes:
            return (name, *place)
        return [below((*place, i), axes[1:]) for i in range(len(axes[0]))]

    found = below((), chunks)
    return found if isinstance(found, list) else [found]


def graph(lazy: LazyArray, name: str) -> dict[Any, Any]:
    """All tasks of an array."""
    made: dict[Any, Any] = {}
    kind, token = name.rsplit("-", 1)
    parts = f"plan-{token}"
    whole = ArrayParts.of(lazy)
    made[parts] = (own("_planned"), lazy.to_bytes())
    given = {of: fetch for of, fetch in lazy.fetchers().items() if isinstance(fetch, Persisted)}
    stages = whole.stages()

    level: list[Any]

    def task(
        call: Callable[..., Any], stage: int, chunk: int, shares: tuple[int, int], needs: list[Any]
    ) -> Any:
        # Chunks that Dask holds are arguments of the tasks that read them.
        places, held = [], []
        if given:
            for of, starts in whole.reads(stage, chunk, shares):
                for start in starts:
                    key = given[of].key(tuple(start))
                    made[key] = given[of].held[key]
                    places.append((of, tuple(start)))
                    held.append(key)
        return (partial(call, given=tuple(places)), parts, needs, held)

    for stage, (form, chunks, shares, elements, needed) in enumerate(stages):
        last = stage == len(stages) - 1
        needs = [f"stage-{token}-{number}" for number in needed]
        numbers = tuple(needed)
        results = []
        merging, at_a_time = partial(own("_merge"), stage=stage), together(whole.bytes(stage)[1])
        for chunk in range(chunks):
            key = _place(name, lazy, chunk) if last else (f"chunk-{token}", stage, chunk)
            results.append(key)
            if form == "chunks":
                call = partial(own("_chunk"), chunk=chunk, needed=numbers)
                made[key] = task(call, stage, chunk, (0, 0), needs)
                continue
            if form == "whole":
                call = partial(own("_whole"), stage=stage, needed=numbers, last=last)
                made[key] = task(call, stage, 0, (0, 0), needs)
                continue
            level = []
            batch = 1
            while batch < shares and batch * elements < WORTH_A_TASK:
                batch *= ArrayParts.merged
            for first in range(0, shares, batch):
                of = (first, min(first + batch, shares))
                call = partial(own("_apply"), stage=stage, chunk=chunk, shares=of, needed=numbers)
                part = (f"{kind}-apply-{token}", stage, chunk, first)
                made[part] = task(call, stage, chunk, of, needs)
                level.append(part)
            depth = itertools.count()
            while len(level) > 1:
                at = next(depth)
                merged = []
                for number, first in enumerate(range(0, len(level), ArrayParts.merged)):
                    some = level[first : first + ArrayParts.merged]
                    into = (f"{kind}-combine-{token}", stage, chunk, at, number)
                    # In the same order, so that sums are the same to the last bit.
                    while len(some) > at_a_time:
                        before = (*into, len(some))
                        made[before] = (merging, parts, some[:at_a_time])
                        some = [before, *some[at_a_time:]]
                    made[into] = (merging, parts, some)
                    merged.append(into)
                level = merged
            call = partial(own("_finish"), stage=stage, chunk=chunk, last=last)
            made[key] = (call, parts, level[0])
        if not last:
            gather = partial(own("_gather"), stage=stage, whole=form == "whole")
            made[f"stage-{token}-{stage}"] = (gather, parts, results)
    return made


def own(name: str) -> Callable[..., Any]:
    """A function of this module; schedulers, which unpickle graphs, need no Swathe."""
    return by_name("swathe._collection", name)


def _planned(told: bytes) -> ArrayParts:
    return ArrayParts(told, {})


def _place(name: str, lazy: LazyArray, chunk: int) -> tuple[Any, ...]:
    counts = [len(sizes) for sizes in lazy.chunks]
    return (name, *(int(i) for i in np.unravel_index(chunk, counts))) if counts else (name,)


def _bound(parts: ArrayParts, places: tuple[Any, ...], held: list[Any]) -> ArrayParts:
    """The same computation with chunks that were handed over."""
    if not places:
        return parts
    chunks: dict[str, dict[tuple[int, ...], Any]] = {}
    for (name, start), values in zip(places, held, strict=True):
        chunks.setdefault(name, {})[start] = values
    _, (told, _) = parts.__reduce__()
    return ArrayParts(told, {name: of.__getitem__ for name, of in chunks.items()})


def _chunk(
    parts: ArrayParts,
    needs: list[ArrayResults],
    held: list[Any],
    *,
    chunk: int,
    needed: tuple[int, ...],
    given: tuple[Any, ...],
) -> Any:
    earlier = list(zip(needed, needs, strict=True))
    return _bound(parts, given, held).chunk(chunk, earlier)


def _apply(
    parts: ArrayParts,
    needs: list[ArrayResults],
    held: list[Any],
    *,
    stage: int,
    chunk: int,
    shares: tuple[int, int],
    needed: tuple[int, ...],
    given: tuple[Any, ...],
) -> ArrayShare:
    earlier = list(zip(needed, needs, strict=True))
    return _bound(parts, given, held).apply(stage, chunk, shares, earlier)


def _whole(
    parts: ArrayParts,
    needs: list[ArrayResults],
    held: list[Any],
    *,
    stage: int,
    needed: tuple[int, ...],
    last: bool,
    given: tuple[Any, ...],
) -> Any:
    earlier = list(zip(needed, needs, strict=True))
    results = _bound(parts, given, held).whole(stage, earlier)
    return parts.values(0, results) if last else results


def _merge(parts: ArrayParts, some: list[ArrayShare], *, stage: int) -> ArrayShare:
    return parts.merge(stage, some)


def _finish(parts: ArrayParts, share: ArrayShare, *, stage: int, chunk: int, last: bool) -> Any:
    results = parts.finish(stage, chunk, share)
    return parts.values(chunk, results) if last else results


def _gather(
    parts: ArrayParts, chunks: list[ArrayResults], *, stage: int, whole: bool
) -> ArrayResults:
    return chunks[0] if whole else parts.gather(stage, chunks)


def assembled(results: Any, shape: tuple[int, ...], chunks: Any, dtype: np.dtype[Any]) -> Any:
    """The array of its chunks, as ``compute()`` gives it."""
    if not shape:
        return results[0][()]
    values = np.empty(shape, dtype)
    ends = [np.cumsum([0, *sizes]) for sizes in chunks]
    for place in np.ndindex(*(len(sizes) for sizes in chunks)):
        part = results
        for i in place:
            part = part[i]
        box = tuple(slice(end[i], end[i + 1]) for end, i in zip(ends, place, strict=True))
        values[box] = part
    return values


class Threads:
    """Dask's scheduler of threads, which is imported when it is asked for."""

    def __get__(self, _of: object, _kind: type) -> Callable[..., Any]:
        from dask.threaded import get

        found: Callable[..., Any] = get
        return found


class Persisted:
    """Chunks that Dask holds, as arrays or futures of them."""

    def __init__(self, name: str, chunks: tuple[tuple[int, ...], ...], held: dict[Any, Any]) -> None:
        self.name, self.chunks, self.held = name, chunks, held

    def key(self, start: tuple[int, ...]) -> tuple[Any, ...]:
        """Key of the chunk with this first index."""
        places = (
            int(np.searchsorted(np.cumsum([0, *sizes]), first, side="right")) - 1
            for first, sizes in zip(start, self.chunks, strict=True)
        )
        # Chunks without elements share their start.
        return (
            self.name,
            *(min(i, len(sizes) - 1) for i, sizes in zip(places, self.chunks, strict=True)),
        )

    def __call__(self, start: tuple[int, ...]) -> Any:
        held = self.held[self.key(start)]
        result = getattr(held, "result", None)
        return np.asarray(result() if callable(result) else held)


def persisted(
    held: Mapping[Any, Any],
    name: str,
    shape: tuple[int, ...],
    chunks: tuple[tuple[int, ...], ...],
    dtype: str,
    *,
    rename: Mapping[str, str] | None = None,
) -> Array:
    """An array of chunks that Dask holds."""
    from swathe.array import Array

    own = (rename or {}).get(name, name)
    flat = np.ndindex(*(len(sizes) for sizes in chunks))
    kept = {(own, *place): held[(own, *place)] for place in flat}
    fetch = Persisted(own, chunks, kept)
    cuts: list[Any] = [list(sizes) for sizes in chunks]
    return Array(LazyArray.given(own, fetch, list(shape), dtype, cuts))


def active() -> Any | None:
    """The client of Dask that is at work here, if there is one; not within a task of its."""
    distributed: Any = sys.modules.get("distributed")
    worker: Any = sys.modules.get("distributed.worker")
    if distributed is None or hasattr(getattr(worker, "thread_state", None), "execution_state"):
        return None
    try:
        client = distributed.default_client()
    except ValueError:
        return None
    # One that is asynchronous cannot be waited for here.
    usable = client.status == "running" and not client.asynchronous
    return client if usable else None
