"""Many granules in, one map or a stack of maps out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swathe._arguments import suggesting, truth
from swathe._job_options import Four, Granules, Path
from swathe._live import Where
from swathe._plan import plan
from swathe._progress import Show

if TYPE_CHECKING:
    import xarray as xr


@suggesting
def average(
    granules: Granules,
    variable: str | Iterable[str] | None = None,
    *,
    bbox: Four | None = None,
    bounding_box: Four | None = None,
    resolution: float | str | None = None,
    bounds: Four | None = None,
    crs: Any = None,
    grid: str | None = None,
    like: Any = None,
    method: str | None = None,
    flags: str | Iterable[str] | None = None,
    valid_range: tuple[float, float] | str | None = None,
    where: str | None = None,
    mask: str = "each",
    stat: str | Iterable[str] | None = None,
    best: str | None = None,
    every: str | None = None,
    day: str | None = None,
    weight: str | None = None,
    scheme: str = "arithmetic",
    min_count: int = 0,
    min_granules: int = 0,
    min_coverage: float = 0.0,
    preset: str | None = None,
    on_error: str = "stop",
    allow_mixed: bool = False,
    threads: int | None = None,
    memory: int | str | None = None,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
    keep: str | None = None,
    progress: bool | Show = False,
    client: Any = None,
    compute: bool = True,
    live: Where = False,
) -> xr.Dataset | Any:
    """Average granules on a grid.

    Parameters
    ----------
    granules : path, file object, or iterable of them
        Level-2 granules: files, folders, patterns (``"week/*.nc"``), file objects as
        ``earthaccess.open`` gives them, granules that :func:`open` gave. Their order does not matter.
    variable : str or iterable of str, optional
        ``"chlor_a"``, ``"Rrs@443,555"`` (nearest bands), ``"Rrs[3]"``, or computed from others,
        ``"ratio=Rrs@443/Rrs@555"``; by default the main product of the granules' suite.
    bbox, bounding_box : (west, south, east, north), optional
        Box in degrees; west > east means across 180. The second name is earthaccess's.
    resolution : float or str, optional
        Cell size in units of the CRS, or as ``"1km"``, ``"0.015deg"``. Edges are multiples of it.
    bounds : (left, bottom, right, top), optional
        Bounds in units of the CRS, instead of a box.
    crs : int, str or object, optional
        EPSG code, PROJ string, WKT, or a CRS of pyproj or rasterio; by default longitude and latitude.
    grid : str, optional
        A named global grid: ``"l3m-4km"``, ``"l3m-9km"``, ``"0.1deg"``; or bins of equal area,
        ``"isin-4320"``, with bbox of pixels in a box alone: the result is then along ``bin``, and its
        output a Level-3 binned file.
    like : DataArray, Dataset, GeoBox or path, optional
        A template: the result has its grid, rows running from north to south, and of a DataArray or Dataset the
        coordinates to the last digit, so that the two can be joined.
    method : {"footprint", "nearest", "bilinear", "bin"}, optional
        How pixels reach cells.
    flags : str or iterable of str, optional
        Flags that make a pixel missing: ``"l3"``, ``"l2"``, ``"l2bin"``, ``"matchup"``, ``"none"``, or
        names; by default those of the suite.
    valid_range : (float, float), optional
        Valid range in the variable's units, both ends in, in place of the file's own.
    where : str, optional
        Pixels that count, as ``"view_angle <= 60 and chlor_a > 0.01"``: by variables of the granule,
        or view_angle (degrees) and pixel_size (km), worked out from positions, approximately.
    mask : {"each", "joint"}
        With "joint", a pixel counts only where all variables are valid.
    stat : str or iterable of str, optional
        Any of mean, std, var, min, max, sum, count, granules, coverage, geomean, median, p0 to p100, first,
        last; of classes mode and share; from the granules' ``NAME_unc`` unc (of fully correlated errors) and
        unc_independent. Count and granules come with every other. By default mean.
    best : str, optional
        The value of the best pixel, where something is smallest or largest: ``"smallest:view_angle"``,
        ``"largest:chlor_a/Kd_490"``.
    every : str, optional
        A map of every window of time, along ``time``: day, 8day, month, season, nasa-season, year,
        month-of-year, all; ``"rolling-8day"`` of eight days from every day on, ``"rolling-32day/8day"``
        from every eighth. ``window_granules`` and ``window_granule`` tell which granules are in each.
    day : {"data-day", "utc"}, optional
        What a day is; by default data-day for instruments on sun-synchronous satellites: NASA's, which
        begins at 180 degrees, where granules are split.
    weight : {"observation", "granule", "l2bin"}, optional
        Whether observations count each by its own weight, or granules each once in a cell, or by the
        root of their number of pixels there, as in NASA's bins.
    scheme : {"arithmetic", "geometric", "harmonic", "quadratic"}
        What is averaged on bins: the values, their logarithms, inverses or squares.
    min_count, min_granules : int
        Cells with fewer pixels or granules are blanked.
    min_coverage : float
        Cells are blanked of which no granule covers this share, 0 to 1.
    preset : {"tutorial", "nasa-l3"}, optional
        Arguments that explicit ones override. "tutorial": ``method="nearest", flags="none",
        weight="granule"``. "nasa-l3": maps by way of bins of equal area, ``method="bin", flags="l3",
        weight="l2bin", mask="joint"``, as NASA's Level-3 products are made.
    on_error : {"stop", "skip"}
        What to do about a granule that cannot be used.
    allow_mixed : bool
        Whether processing versions, or near-real-time and refined granules, may be mixed.
    threads : int, optional
        Number of threads; by default one for each processor.
    memory : int or str, optional
        Most bytes that the run may take, its result included, as a number or as "512MiB"; by default half of the
        machine's. What has no room goes by way of a file, beside the output or for the time being. On a cluster it is
        the workers' memory that counts.
    output : path or iterable of paths, optional
        Files to write besides, by suffix: .nc, .tif, .png, .html (a report), or .swathe for :func:`merge`.
    overwrite : bool
        Whether outputs may replace files.
    keep : {"granules"}, optional
        What a .swathe keeps apart: of kept granules, :func:`merge` takes the newer version.
    progress : bool or callable
        Show a bar; or call ``progress(done, total, bytes_read, granule)``.
    client : dask.distributed.Client, optional
        Work on the workers of its cluster (LocalCluster, Dask Gateway, Coiled, Slurm) and not here. The result is
        the same to the last bit. :func:`swathe.dask.prepare` brings Swathe to workers that do not have it. Workers
        write a .zarr themselves if they see its folder. A result of more than 64 MiB that is written as .zarr or
        .nc is given as that file, opened: this process then holds no map.
    compute : bool
        With a client, False gives a Future of the result at once.
    live : bool, int or str
        Show the link to a page that shows the run while it goes on: the map as it fills in, granules,
        threads, memory. With a number at that port, with an address (``"0.0.0.0:8765"``) there. The page can
        be opened until the next run that is watched.

    Returns
    -------
    xarray.Dataset
        Dimensions (lat, lon), or (y, x) in a projected CRS. Variables ``chlor_a``, ``chlor_a_count``,
        ``chlor_a_granules``, ..., in the granules' units, NaN where nothing was observed; the granules;
        what the flags took. It equals the netCDF file of ``swathe average``, opened.

    Raises
    ------
    GranuleError
        A granule cannot be read, and ``on_error`` is "stop".
    PlanError
        What is asked for does not fit together or does not fit the granules.
    NothingToDoError
        No granule touches the area.
    ClusterError
        The cluster does not answer; a worker has no Swathe, another version, or does not see a granule.

    Examples
    --------
    >>> ds = swathe.average(granules, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> dict(ds.chlor_a.sizes)
    {'lat': 50, 'lon': 40}
    >>> ds.chlor_a.attrs["units"]
    'mg m^-3'
    """

    made = plan(
        granules,
        variable,
        purpose="average",
        bbox=bbox,
        bounding_box=bounding_box,
        resolution=resolution,
        bounds=bounds,
        crs=crs,
        grid=grid,
        like=like,
        method=method,
        flags=flags,
        valid_range=valid_range,
        where=where,
        mask=mask,
        stat=stat,
        best=best,
        every=every,
        day=day,
        weight=weight,
        scheme=scheme,
        min_count=min_count,
        min_granules=min_granules,
        min_coverage=min_coverage,
        preset=preset,
        on_error=on_error,
        allow_mixed=allow_mixed,
        threads=threads,
        memory=memory,
    )
    if not truth(compute, "compute"):
        return made.submit(client, output=output)
    return made.run(
        output=output, overwrite=overwrite, keep=keep, progress=progress, client=client, live=live
    )


@suggesting
def grid(
    granules: Granules,
    variable: str | Iterable[str] | None = None,
    *,
    bbox: Four | None = None,
    bounding_box: Four | None = None,
    resolution: float | str | None = None,
    bounds: Four | None = None,
    crs: Any = None,
    grid: str | None = None,
    like: Any = None,
    method: str | None = None,
    flags: str | Iterable[str] | None = None,
    valid_range: tuple[float, float] | str | None = None,
    where: str | None = None,
    mask: str = "each",
    drop_empty: bool = False,
    chunks: dict[str, int] | None = None,
    on_error: str = "stop",
    allow_mixed: bool = False,
    threads: int | None = None,
    memory: int | str | None = None,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
    progress: bool | Show = False,
    client: Any = None,
    compute: bool = True,
    live: Where = False,
) -> xr.DataArray | xr.Dataset | Any:
    """Put granules on a grid, one layer for each, stacked on time.

    One granule needs no grid: it is put on one around itself, at its own resolution. Arguments are those
    of :func:`average`, and

    Parameters
    ----------
    drop_empty : bool
        Whether to leave out granules without a valid pixel in the area; by default their layers are NaN.
    chunks : {}, optional
        With ``{}`` nothing is computed: arrays are dask's, one task and one chunk for each granule, and a task reads
        what it needs of its granule. Values, coordinates and attributes are those of the computed cube. What is known
        only when granules are decoded is not: data sets lack what came of granules and what flags took; an area that
        no granule touches is NaN, no error; and a granule that cannot be decoded is an error of its task, whatever
        ``on_error`` is. Granules are paths or addresses; drop_empty, output, client, compute, progress, live and
        memory do not go with it.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        Dimensions (time, lat, lon), or (time, y, x) in a projected CRS, with coordinates ``time`` (starts of
        the granules, in order) and ``granule`` (their names); without ``time`` for one granule. A data set
        where several variables or bands are asked for.

    Raises
    ------
    GranuleError, PlanError, NothingToDoError
        As :func:`average`.
    SwatheError
        ``chunks={}`` without dask.

    Examples
    --------
    >>> cube = swathe.grid(granules, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> cube.dims
    ('time', 'lat', 'lon')
    >>> cube.mean("time").dims
    ('lat', 'lon')
    >>> lazy = swathe.grid(granules, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1, chunks={})
    >>> lazy.chunks
    ((1, 1, 1), (50,), (40,))
    >>> lazy.compute().identical(cube)
    True
    """
    from swathe import _lazy

    lazy = _lazy.wanted(
        chunks,
        {
            "drop_empty": truth(drop_empty, "drop_empty"),
            "output": output is not None,
            "client": client is not None,
            "compute": not compute,
            "progress": bool(progress),
            "live": live is not False,
            "memory": memory is not None,
        },
    )
    made = plan(
        granules,
        variable,
        purpose="grid",
        bbox=bbox,
        bounding_box=bounding_box,
        resolution=resolution,
        bounds=bounds,
        crs=crs,
        grid=grid,
        like=like,
        method=method,
        flags=flags,
        valid_range=valid_range,
        where=where,
        mask=mask,
        on_error=on_error,
        allow_mixed=allow_mixed,
        threads=threads,
        memory=memory,
    )
    if lazy:
        made_later = _lazy.cube(made._plan)
        return made_later if made._template is None else made._template.on(made_later)
    if not truth(compute, "compute"):
        return made.submit(client, _layers=(made.variables, drop_empty), output=output)
    result = made.run(output=output, overwrite=overwrite, progress=progress, client=client, live=live)
    from swathe import _results

    return _results.cube(result, made.variables, drop_empty)
