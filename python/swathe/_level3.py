"""Level-3 binned files on maps, and maps against each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from swathe import _swathe
from swathe._arguments import (
    paths,
    suggesting,
    text,
    text_or_none,
    truth,
    warned,
    whole,
    words,
)
from swathe._grids import grid as grid_of
from swathe._grids import labels
from swathe._pictures import Picture
from swathe.errors import PlanError

if TYPE_CHECKING:
    import xarray as xr

Path: TypeAlias = str | PathLike[str]


@suggesting
def map(
    bins: Path,
    variable: str | Iterable[str] | None = None,
    *,
    bbox: tuple[float, float, float, float] | list[float] | str | None = None,
    resolution: float | str | None = None,
    bounds: tuple[float, float, float, float] | list[float] | str | None = None,
    crs: Any = None,
    grid: str | None = None,
    like: Any = None,
    method: str = "nearest",
    stat: str | Iterable[str] = "mean",
    min_count: int = 0,
    min_granules: int = 0,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Map a Level-3 binned file, ours or NASA's, as l3mapgen does.

    Parameters
    ----------
    bins : path
        The binned file.
    variable : str or iterable of str, optional
        Its products; by default all.
    bbox, resolution, bounds, crs, grid, like
        The grid of the map, as in :func:`average`.
    method : {"nearest", "bin", "area"}
        Which bins give to a cell: the one that holds its middle; all that overlap it; these by the share of them
        that does.
    stat : str or iterable of str
        mean, std. Counts are always there.
    min_count, min_granules : int
        Cells with fewer observations or granules are blanked.
    output : path or iterable of paths, optional
        Files to write besides, by suffix: .nc, .zarr, .tif, .png, .html (a report).
    overwrite : bool
        Whether outputs may replace files.

    Returns
    -------
    xarray.Dataset
        As :func:`average`.

    Raises
    ------
    PlanError, IoError, FormatError
        What is asked for does not fit the file; it cannot be read, or holds no bins.

    Examples
    --------
    >>> area = dict(bbox=(-77, 36, -73, 41))
    >>> bins = swathe.average(granules, "chlor_a", grid="isin-4320", **area, output="bins.nc")
    >>> ds = swathe.map("bins.nc", "chlor_a", resolution=0.1, method="area", stat="mean,std", **area)
    >>> dict(ds.chlor_a_std.sizes)
    {'lat': 50, 'lon': 40}
    """
    from swathe import _results

    asked = grid_of(bbox=bbox, bounds=bounds, resolution=resolution, crs=crs, named=grid, like=like)
    options: _swathe.MapOptions = {
        "variables": words(variable, "variable"),
        "grid": asked,
        "method": text(method, "method"),
        "statistics": [name for word in words(stat, "stat") for name in word.split(",")],
        "min_count": whole(min_count, "min_count"),
        "min_granules": whole(min_granules, "min_granules"),
    }
    mapped, notes = _swathe.map_bins(
        os.fspath(bins), options, paths(output, "output"), truth(overwrite, "overwrite")
    )
    warned(notes)
    result = _results.dataset(mapped)
    template = labels(like)
    return result if template is None else template.on(result)


class Comparison(dict[str, Any]):
    """How two maps agree: what ``swathe compare --json`` prints, and a picture of it."""

    def __init__(self, told: dict[str, Any], picture: Picture) -> None:
        super().__init__(told)
        self.picture = picture

    def _repr_png_(self) -> bytes:
        return self.picture.png


@suggesting
def compare(
    first: Path,
    second: Path,
    variable: str | None = None,
    *,
    largest: int = 5,
    output: Path | None = None,
    overwrite: bool = False,
) -> Comparison:
    """Compare two maps on the same grid: the second minus the first.

    Parameters
    ----------
    first, second : path
        Gridded files, ours or any that :func:`plot` draws.
    variable : str, optional
        Variable of both, or ``"A=B"`` where names differ; by default the first that both have.
    largest : int
        How many of the largest differences to list.
    output : path, optional
        A PNG file to write the picture into.
    overwrite : bool
        Whether it may replace a file.

    Returns
    -------
    Comparison
        A dictionary: ``values`` and ``log10`` with bias, rmsd and correlation, numbers of ``cells``, the ``largest``
        differences with their places. ``picture`` shows the pairs of values and a map of the differences.

    Raises
    ------
    PlanError
        The maps are on different grids, or have no such variable.

    Examples
    --------
    >>> area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> near = swathe.average(granules, "chlor_a", method="nearest", **area, output="near.nc")
    >>> usual = swathe.average(granules, "chlor_a", **area, output="usual.nc")
    >>> agreement = swathe.compare("near.nc", "usual.nc", "chlor_a")
    >>> agreement["log10"]["correlation"] > 0.9
    True
    """
    for given in (first, second):
        if not isinstance(given, str | PathLike):
            raise PlanError("maps are compared from files", "write it first: output=\"map.nc\"")
    told, notes, png = _swathe.compare(
        os.fspath(first), os.fspath(second), text_or_none(variable, "variable"), whole(largest, "largest"), True
    )
    warned(notes)
    compared = Comparison(json.loads(told), Picture(png or b""))
    if output is not None:
        compared.picture.save(output, overwrite=overwrite)
    return compared
