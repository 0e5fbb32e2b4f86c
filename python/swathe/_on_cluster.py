"""Plans given to a cluster of Dask."""

from __future__ import annotations

from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, Any

from swathe import _dask, _results, _swathe, _watching
from swathe._arguments import warned
from swathe._cluster import Cluster
from swathe._live import Where, page
from swathe._progress import Show

if TYPE_CHECKING:
    import xarray as xr


def run(
    plan: _swathe.Plan,
    client: Any,
    outputs: list[str | PathLike[str]],
    overwrite: bool,
    keep: str | None,
    show: Show | None,
    live: Where,
) -> xr.Dataset:
    """Carry a plan out on the workers of a client's cluster, and wait: the map or maps."""
    # Exceptions that are kept would keep what is half written.
    with closing(plan.open(outputs, overwrite, keep)) as opened:
        cluster = Cluster(client)
        parts, folder, tiles = opened.wanted()
        if folder is not None and not cluster.sees(folder):
            warned(["workers do not see the folder of the .zarr: it is written from here"])
            folder, tiles = None, True
        finishing = "here" if parts else "sent" if folder is None else "stored"
        made = plan.spread(cluster.memory, keep is not None, finishing)
        spread = _dask.Spread(cluster, made, folder, tiles)
        watch = page(live)
        with (
            _watching.watched(plan, client, watch) as told,
            _dask.gathered(spread, show, told) as came,
        ):
            collected = plan.collect(
                opened, spread.closing, came.parts, *came.finished(spread), _results.IN_MEMORY, watch
            )
    return _results.dataset(collected) if isinstance(collected, dict) else _results.stored(collected)


def submit(plan: _swathe.Plan, client: Any, layers: tuple[list[str], bool] | None) -> Any:
    """Give a plan to a cluster, and do not wait: a Future of the data set, or of the cube of these variables, with
    or without empty layers."""
    cluster = Cluster(client)
    spread = _dask.Spread(cluster, plan.spread(cluster.memory, False, "here"))
    spread.submit()
    return spread.finish("average") if layers is None else spread.finish("grid", *layers)
