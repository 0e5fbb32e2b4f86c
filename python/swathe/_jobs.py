"""Jobs: many granules in, one map or a stack of maps out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from swathe import _swathe
from swathe._arguments import (
    inputs,
    numbers,
    one_input,
    paths,
    real,
    suggesting,
    text,
    text_or_none,
    threads_of,
    truth,
    whole,
    words,
)
from swathe._grids import from_transform
from swathe._grids import grid as grid_of
from swathe._live import Where, page
from swathe._progress import Show
from swathe._progress import progress as shown
from swathe.errors import PlanError

if TYPE_CHECKING:
    import xarray as xr

Path: TypeAlias = str | PathLike[str]
#: A granule: a file, a folder, a pattern, a file object; or several.
Granules: TypeAlias = Any
Four: TypeAlias = tuple[float, float, float, float] | list[float] | str


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
    min_count: int = 0,
    min_granules: int = 0,
    min_coverage: float = 0.0,
    preset: str | None = None,
    on_error: str = "stop",
    allow_mixed: bool = False,
    threads: int | None = None,
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
        A template: the result has its grid, rows running from north to south.
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
        min_count=min_count,
        min_granules=min_granules,
        min_coverage=min_coverage,
        preset=preset,
        on_error=on_error,
        allow_mixed=allow_mixed,
        threads=threads,
    )
    if not compute:
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
        ``on_error`` is. Granules are paths or addresses; drop_empty, output, client, compute, progress and live do
        not go with it.

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
            "drop_empty": bool(drop_empty),
            "output": output is not None,
            "client": client is not None,
            "compute": not compute,
            "progress": bool(progress),
            "live": live is not False,
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
    )
    if lazy:
        return _lazy.cube(made._plan)
    if not compute:
        return made.submit(client, _layers=(made.variables, drop_empty), output=output)
    result = made.run(output=output, overwrite=overwrite, progress=progress, client=client, live=live)
    from swathe import _results

    return _results.cube(result, made.variables, drop_empty)


@suggesting
def plan(
    granules: Granules,
    variable: str | Iterable[str] | None = None,
    *,
    purpose: str = "average",
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
    min_count: int = 0,
    min_granules: int = 0,
    min_coverage: float = 0.0,
    preset: str | None = None,
    on_error: str = "stop",
    allow_mixed: bool = False,
    threads: int | None = None,
) -> Plan:
    """Decide everything of a job without reading an array.

    Parameters
    ----------
    purpose : {"average", "grid"}
        What to make; the other arguments are those of :func:`average`.

    Returns
    -------
    Plan
        What will be done; :meth:`Plan.run` does it.

    Raises
    ------
    GranuleError, PlanError, NothingToDoError
        As :func:`average`.

    Examples
    --------
    >>> p = swathe.plan(granules, bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> p.variables, p.method, p.shape
    (['chlor_a'], 'footprint', (50, 40))
    >>> ds = p.run()
    """
    if bbox is not None and bounding_box is not None:
        raise PlanError("bbox and bounding_box are the same")
    given = inputs(granules)
    options: _swathe.Options = {
        "purpose": text(purpose, "purpose"),
        "variables": words(variable, "variable"),
        "grid": grid_of(
            bbox=bbox if bounding_box is None else bounding_box,
            bounds=bounds,
            resolution=resolution,
            crs=crs,
            named=grid,
            like=like,
        ),
        "method": text_or_none(method, "method"),
        "flags": None if flags is None else ",".join(words(flags, "flags")) or "none",
        "valid_range": _range(valid_range),
        "condition": text_or_none(where, "where"),
        "mask": text(mask, "mask"),
        "statistics": [name for word in words(stat, "stat") for name in word.split(",")],
        "best": text_or_none(best, "best"),
        "every": text_or_none(every, "every"),
        "day": text_or_none(day, "day"),
        "preset": text_or_none(preset, "preset"),
        "weight": text_or_none(weight, "weight"),
        "min_count": whole(min_count, "min_count"),
        "min_granules": whole(min_granules, "min_granules"),
        "min_coverage": real(min_coverage, "min_coverage"),
        "on_error": text(on_error, "on_error"),
        "allow_mixed": truth(allow_mixed, "allow_mixed"),
        "empty_maps": False,
    }
    return Plan(_swathe.Plan(given, options, threads_of(threads)))


def _range(valid_range: Any) -> str | None:
    if valid_range is None or isinstance(valid_range, str):
        return valid_range
    low, high = numbers(valid_range, "valid_range", 2)
    return f"{low!r},{high!r}"


class Plan:
    """What a job will do: :func:`plan` makes it, :meth:`run` carries it out."""

    def __init__(self, made: _swathe.Plan) -> None:
        self._plan = made

    @property
    def variables(self) -> list[str]:
        """Names of the variables to map."""
        return self._plan.fields

    @property
    def method(self) -> str:
        """How pixels reach cells."""
        return self._plan.method

    @property
    def crs(self) -> str:
        """The CRS of the grid."""
        return self._plan.crs

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self._plan.shape

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge of the grid in units of its CRS."""
        return self._plan.bounds

    @property
    def granules(self) -> int:
        """Number of granules that take part."""
        return self._plan.granules

    @property
    def skipped(self) -> dict[str, str]:
        """Granules that take no part, with the reason."""
        return dict(self._plan.skipped)

    @property
    def notes(self) -> list[str]:
        """What was chosen for you, in sentences."""
        return self._plan.notes

    @property
    def memory(self) -> int | None:
        """Bytes that the job needs at most; None where it needs more than there is here."""
        return self._plan.memory

    def estimate(self) -> xr.Dataset:
        """What would be read of every granule, from metadata alone.

        Returns
        -------
        xarray.Dataset
            Along ``granule``: ``lines``, ``lines_near`` (those that may meet the area), ``tiles`` (of 256 x 256
            cells, to which it may give), ``storage_chunks``, ``bytes_to_read``, ``bytes_decoded``. It is at most
            so much.
        """
        import xarray as xr

        rows = self._plan.estimate()
        columns = {
            "lines": [row[1] for row in rows],
            "lines_near": [0 if row[2] is None else row[2][1] - row[2][0] for row in rows],
            "tiles": [row[3] for row in rows],
            "storage_chunks": [row[4] for row in rows],
            "bytes_to_read": [row[5] for row in rows],
            "bytes_decoded": [row[6] for row in rows],
        }
        variables = {name: ("granule", values) for name, values in columns.items()}
        return xr.Dataset(variables, coords={"granule": [row[0] for row in rows]})

    def graph(self, form: str = "svg") -> str:
        """The plan as a graph of tasks: chunks, apply, combine, finish, outputs.

        Parameters
        ----------
        form : str
            "svg", or "mermaid" for text that Markdown viewers draw.
        """
        if form not in ("svg", "mermaid"):
            raise ValueError(f'form: expected "svg" or "mermaid", got {form!r}')
        return self._plan.graph(form == "mermaid")

    def run(
        self,
        *,
        output: Path | Iterable[Path] | None = None,
        overwrite: bool = False,
        keep: str | None = None,
        progress: bool | Show = False,
        client: Any = None,
        live: Where = False,
    ) -> xr.Dataset:
        """Carry the plan out.

        Parameters
        ----------
        output, overwrite, keep, progress, client, live
            As in :func:`average`.

        Returns
        -------
        xarray.Dataset
            The map or maps.
        """
        from swathe import _results

        show = shown(progress, "granule")
        outputs = paths(output, "output")
        overwrite, keep = truth(overwrite, "overwrite"), text_or_none(keep, "keep")
        if client is None:
            handed = self._plan.run(show, outputs, overwrite, keep, page(live))
            return _results.dataset(handed)
        from swathe import _dask, _watching
        from swathe._cluster import Cluster

        # Exceptions that are kept would keep what is half written.
        with closing(self._plan.open(outputs, overwrite, keep)) as opened:
            cluster = Cluster(client)
            parts, folder, tiles = opened.wanted()
            if folder is not None and not cluster.sees(folder):
                warnings.warn(
                    "workers do not see the folder of the .zarr: it is written from here", stacklevel=3
                )
                folder, tiles = None, True
            finishing = "here" if parts else "sent" if folder is None else "stored"
            made = self._plan.spread(cluster.memory, keep is not None, finishing)
            spread = _dask.Spread(cluster, made, folder, tiles)
            watch = page(live)
            with (
                _watching.watched(self._plan, client, watch) as told,
                _dask.gathered(spread, show, told) as came,
            ):
                collected = self._plan.collect(
                    opened, spread.closing, came.parts, *came.finished(spread), _results.IN_MEMORY, watch
                )
        return _results.dataset(collected) if isinstance(collected, dict) else _results.stored(collected)

    def submit(
        self, client: Any, *, output: Any = None, _layers: tuple[list[str], bool] | None = None
    ) -> Any:
        """Give the plan to a cluster, and do not wait.

        Parameters
        ----------
        client : dask.distributed.Client
            As in :func:`average`.

        Returns
        -------
        dask.distributed.Future
            Of what :meth:`run` gives. A worker puts it together, and needs memory for it.
        """
        if client is None:
            raise PlanError("compute=False gives the work to a cluster: it needs a client")
        if output is not None:
            raise PlanError("with compute=False nothing is written", "leave output out, or wait")
        from swathe import _dask
        from swathe._cluster import Cluster

        cluster = Cluster(client)
        spread = _dask.Spread(cluster, self._plan.spread(cluster.memory, False, "here"))
        spread.submit()
        return spread.finish("average") if _layers is None else spread.finish("grid", *_layers)

    def __repr__(self) -> str:
        rows, columns = self.shape
        return (
            f"<swathe.Plan: {', '.join(self.variables)} of {self.granules} granules on "
            f"{rows} x {columns} cells of {self.crs}, method {self.method}>"
        )

    def _repr_html_(self) -> str:
        from swathe import _html

        return _html.plan(self)


@suggesting
def merge(
    parts: Path | Iterable[Path],
    *,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
    allow_mixed: bool = False,
    live: Where = False,
) -> xr.Dataset:
    """Merge partial results, made by ``average(..., output="part.swathe")``.

    The map is the same, to the last bit, as that of all their granules at once.

    Parameters
    ----------
    parts : path or iterable of paths
        Partial results, in any order. They must have been made with the same options, and share no granule,
        unless with ``keep="granules"``: the newer version then replaces the older.
    output, overwrite, allow_mixed, live
        As in :func:`average`.

    Returns
    -------
    xarray.Dataset
        As :func:`average`.

    Raises
    ------
    PlanError
        The parts do not fit together.

    Examples
    --------
    >>> area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> first = swathe.average(granules[:1], **area, output="first.swathe")
    >>> rest = swathe.average(granules[1:], **area, output="rest.swathe")
    >>> both = swathe.merge(["rest.swathe", "first.swathe"])
    >>> both.identical(swathe.average(granules, **area))
    True
    """
    from swathe import _results

    merged = _swathe.merge(
        paths(parts, "parts"),
        paths(output, "output"),
        truth(overwrite, "overwrite"),
        truth(allow_mixed, "allow_mixed"),
        page(live),
    )
    return _results.dataset(merged)


@suggesting
def grid_match(
    path: Any,
    dst_crs: Any,
    dst_shape: tuple[int, int],
    dst_transform: Any,
    variable: str = "chlor_a",
    method: str = "nearest",
    flags: str = "none",
) -> xr.DataArray:
    """Put one granule on the grid of a transform, as the function of that name in NASA's tutorial does.

    Cells lie where they are: the tutorial's own way takes pixel centres for corners and is off by half a
    pixel.

    Parameters
    ----------
    path : path or file object
        A Level-2 granule.
    dst_crs : int, str or object
        EPSG code, PROJ string, WKT, or a CRS of rasterio or pyproj.
    dst_shape : (rows, columns)
        Shape of the grid.
    dst_transform : affine.Affine or six numbers
        From column and row to coordinates, in rasterio's order: dx, 0, x0, 0, dy, y0, with dy negative.
    variable, method, flags
        As in :func:`average`.

    Returns
    -------
    xarray.DataArray
        Dimensions (latitude, longitude), whatever the CRS, with ``spatial_ref``; NaN where nothing was
        observed, everywhere if the granule does not touch the grid.

    Raises
    ------
    GranuleError, PlanError
        As :func:`average`.

    Examples
    --------
    >>> transform = (0.1, 0, -77, 0, -0.1, 41)
    >>> chla = swathe.grid_match(granules[0], "epsg:4326", (50, 40), transform)
    >>> chla.dims
    ('latitude', 'longitude')
    """
    from swathe import _results

    options: _swathe.Options = {
        "purpose": "grid",
        "variables": words(variable, "variable"),
        "grid": from_transform(dst_crs, dst_shape, dst_transform),
        "method": text_or_none(method, "method"),
        "flags": ",".join(words(flags, "flags")) or "none",
        "valid_range": None,
        "condition": None,
        "mask": "each",
        "statistics": ["mean"],
        "best": None,
        "every": None,
        "day": None,
        "preset": None,
        "weight": None,
        "min_count": 0,
        "min_granules": 0,
        "min_coverage": 0.0,
        "on_error": "stop",
        "allow_mixed": False,
        "empty_maps": True,
    }
    made = _swathe.Plan([one_input(path)], options, None)
    if len(made.fields) != 1:
        raise PlanError(f"{variable} means {len(made.fields)} fields: grid_match gives one")
    result = _results.dataset(made.run(None, [], False, None, None))[made.fields[0]]
    y, x = result.dims[-2:]
    matched = result.rename({y: "latitude", x: "longitude"})
    return matched.reset_coords(set(matched.coords) - KEPT, drop=True)


#: Coordinates that the tutorial's function gives; time is for its caller to set.
KEPT = {"latitude", "longitude", "spatial_ref"}
