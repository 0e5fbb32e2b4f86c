"""Gridded files reduced over time, or over an area."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from swathe import _swathe
from swathe._arguments import (
    inputs,
    memory_of,
    numbers,
    paths,
    suggesting,
    text,
    text_or_none,
    threads_of,
    truth,
    words,
)
from swathe._live import Where, page
from swathe._progress import Show
from swathe._progress import progress as shown
from swathe.errors import PlanError, WrongTypeError

if TYPE_CHECKING:
    import xarray as xr

Path: TypeAlias = str | PathLike[str]


@suggesting
def reduce(
    files: Path | Iterable[Path],
    variable: str,
    *,
    over: str | Iterable[str] = "time",
    stat: str | Iterable[str] = "mean",
    every: str | None = None,
    weight: str = "area",
    bbox: Any = None,
    bounding_box: Any = None,
    threads: int | None = None,
    memory: int | str | None = None,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
    progress: bool | Show = False,
    client: Any = None,
    live: Where = False,
) -> xr.Dataset:
    """Reduce gridded files over time or over an area, as ``swathe reduce`` does.

    Parameters
    ----------
    files : path or iterable of paths
        Level-3 files, any CF files with regular grids, Zarr stores; folders and patterns. Of one grid.
    variable : str
        The variable.
    over : str or iterable of str
        Dimensions to reduce: ``"time"``, ``"lat,lon"`` or ``"time,lat,lon"``.
    stat : str or iterable of str
        Any of mean, std, var, min, max, sum, count, median, p0 to p100; count comes with every other.
    every : {"all", "day", "month", "season", "year", "month-of-year"}, optional
        What maps are grouped by. Over the area alone, without it, there is a number for every map.
    weight : {"area", "equal"}
        How cells count in means over an area: by their area on the sphere, or all the same.
    bbox, bounding_box : (west, south, east, north), optional
        Only cells with their centre in this box, in degrees; west > east means across 180.
    threads : int, optional
        Number of threads; by default one for each processor.
    memory : int or str, optional
        Most bytes that chunks may take, as a number or as "512MiB"; the result comes on top.
    output : path or iterable of paths, optional
        Files to write besides, by suffix: maps as .nc, .zarr, .tif, .png; numbers over an area as .csv,
        .json, .png.
    overwrite : bool
        Whether outputs may replace files.
    progress : bool or callable
        Show a bar; or call ``progress(done, total, 0, "")`` with tasks done and in all.
    client : dask.distributed.Client, optional
        Read and reduce on the workers of its cluster and not here, to the same bytes. They must see the files. A
        task keeps to its share of a worker's memory, as in :func:`average`, and to ``memory``.
    live : bool, int or str
        Serve a page that shows the work while it goes on, as in :func:`average`; not with a client.

    Returns
    -------
    xarray.Dataset
        Over time, maps with dimensions (lat, lon), or (time, lat, lon) of periods. Over an area, numbers along
        ``time``, the middles of maps or periods, with coordinate ``period`` (their names) and variable
        ``maps`` (how many there were); ``to_dataframe()`` makes a table of them. Missing values are left out.

    Raises
    ------
    GranuleError
        A file cannot be read, or holds no map.
    PlanError
        What is asked for does not fit together, or grids differ: the difference is named.
    NothingToDoError
        There is no file, or no cell in the box.
    ClusterError
        The cluster is not there, its workers do not see a file, or have another version.

    Examples
    --------
    >>> area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> for i, granule in enumerate(granules):
    ...     ds = swathe.average(granule, "chlor_a", **area, output=f"day{i}.nc")
    >>> swathe.reduce("day*.nc", "chlor_a", stat="mean,max").chlor_a_max.dims
    ('lat', 'lon')
    >>> series = swathe.reduce("day*.nc", "chlor_a", over="lat,lon")
    >>> series.chlor_a.dims, series.maps.values.tolist()
    (('time',), [1, 1, 1])
    """
    if bbox is not None and bounding_box is not None:
        raise PlanError("bbox and bounding_box are the same")
    box = bbox if bounding_box is None else bounding_box
    if not isinstance(variable, str):
        raise WrongTypeError(f"variable is a name, not {variable!r:.80}")
    given = inputs(files)
    if any(hasattr(file, "read") for file in given):
        raise WrongTypeError("gridded files are read by path or address, not as file objects or data sets")
    statistics = [name.strip() for word in words(stat, "stat") for name in word.split(",")]
    if not statistics:
        raise PlanError("stat names no statistic")
    asked: _swathe.ReductionOptions = {
        "variable": variable,
        "over": ",".join(words(over, "over")),
        "statistics": statistics,
        "every": text_or_none(every, "every"),
        "weight": text(weight, "weight"),
        "bbox": None if box is None else list(numbers(box, "bbox", 4)),
        "memory": memory_of(memory),
        "threads": threads_of(threads),
    }
    if asked["bbox"] is not None:
        sides = asked["bbox"]
        if not (np.isfinite(sides).all() and sides[1] < sides[3]):
            raise PlanError("a box is four finite numbers, its south below its north")
    outputs, overwrite = paths(output, "output"), truth(overwrite, "overwrite")
    show = shown(progress, "task")
    if client is None:
        made = _swathe.reduce(
            given, asked, outputs, overwrite, show, page(live)
        )
    else:
        if live:
            raise PlanError(
                "a reduction on a cluster has no page of its own", "watch Dask's: client.dashboard_link"
            )
        from swathe._cluster import Cluster
        from swathe._dask import computed

        cluster = Cluster(client)
        reducing = _swathe.Reducing(given, asked, outputs, overwrite)
        values = computed(cluster, reducing.arrays(), reducing.files(), show, asked["memory"])
        made = reducing.finish(values)
    if "labels" in made:
        return _series(made)
    from swathe import _results

    return _results.dataset(made)


def _series(made: dict[str, Any]) -> xr.Dataset:
    """A table as a data set along time."""
    import xarray as xr

    name, values = made["variable"], made["values"]
    variables: dict[str, Any] = {}
    for column, title in enumerate(made["columns"]):
        attributes = {"long_name": f"{title} of {name} over the area"}
        if title != "count" and made["units"]:
            squared = title == "var"
            attributes["units"] = f"({made['units']})2" if squared else made["units"]
        numbers_of = values[:, column]
        if title == "count":
            numbers_of = numbers_of.astype(np.int64)
            attributes["units"] = "1"
        label = name if title == "mean" else f"{name}_{title}"
        variables[label] = ("time", numbers_of, attributes)
    variables["maps"] = ("time", made["maps"], {"long_name": "number of maps", "units": "1"})
    # To the millisecond: doubles of seconds hold no more.
    milliseconds = np.round(made["times"] * 1e3)
    known = np.isfinite(milliseconds)
    times = np.where(known, milliseconds, 0).astype("M8[ms]").astype("M8[ns]")
    times[~known] = np.datetime64("NaT")
    coordinates = {"time": times, "period": ("time", np.array(made["labels"], dtype=str))}
    return xr.Dataset(variables, coords=coordinates)
