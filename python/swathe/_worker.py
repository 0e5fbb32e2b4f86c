"""What runs on the workers of a cluster: one call of Rust in each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from swathe import _swathe, _watching

if TYPE_CHECKING:
    import xarray as xr

#: Of a worker's memory, Swathe takes this share; the rest is Dask's, the interpreter's, and for results that
#: wait. Dask itself writes results to disk from 0.6 on.
SHARE = 0.5


def share(memory_limit: int | None, threads: int) -> int | None:
    """Bytes that a task may take on a worker of so many threads; None where nobody knows."""
    return int(memory_limit * SHARE / max(threads, 1)) if memory_limit else None


def apply(assignment: bytes, *told: Any) -> bytes | list[bytes]:
    """Put granules on the grid, on the one thread that the task has: a part, or several of a large grid.

    ``told``: how a page hears of it, as :class:`swathe._watching.Told` asks for it.
    """
    from distributed import get_worker

    worker = get_worker()
    memory = share(worker.memory_manager.memory_limit, worker.state.nthreads)
    with _watching.telling(worker, *told) as recorder:
        parts = _swathe.carry_out(assignment, memory, worker.local_directory, recorder)
    return parts[0] if len(parts) == 1 else parts


def layers(step: bytes, lead: int, rows: int, columns: int) -> list[Any]:
    """The layers of a granule of a lazy cube, one for every variable, with ``lead`` dimensions before rows and columns.

    It works on the one thread that the task has, on a worker or where dask has threads or processes here.
    """
    made = _swathe.layers(step, (rows, columns), _memory())
    return [layer.reshape((1,) * lead + layer.shape) for layer in made]


def _memory() -> int | None:
    """Bytes that a task may take; None outside of workers."""
    distributed: Any = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        worker = distributed.get_worker()
    except ValueError:
        return None
    return share(worker.memory_manager.memory_limit, worker.state.nthreads)


def pick(parts: bytes | list[bytes], number: int) -> bytes:
    """One of the parts of a task."""
    return parts if isinstance(parts, bytes) else parts[number]


def combine(*parts: bytes) -> bytes:
    """Parts of a window as one."""
    return _swathe.combine(list(parts))


def encode(closing: bytes, order: bytes, *parts: bytes) -> bytes:
    """Maps of a window, finished: their tiles."""
    return _swathe.encode(closing, order, list(parts))


def store(closing: bytes, folder: str, came: bytes, *encoded: bytes) -> bytes:
    """Tiles written into the folder of a store: a receipt."""
    return _swathe.store(closing, folder, came, list(encoded))


def average(closing: bytes, *parts: bytes) -> xr.Dataset:
    """The result of ``swathe.average``, made on a worker."""
    from swathe import _results

    return _results.dataset(_swathe.collect(closing, list(parts)))


def grid(variables: list[str], drop_empty: bool, closing: bytes, *parts: bytes) -> Any:
    """The result of ``swathe.grid``, made on a worker."""
    from swathe import _results

    return _results.cube(average(closing, *parts), variables, drop_empty)


def labelled(result: Any, y: Any, x: Any) -> Any:
    """A result under the labels of a template."""
    from swathe._grids import Labels

    return Labels(y, x).on(result)
