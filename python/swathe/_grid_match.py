"""The tutorial's function, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swathe import _swathe
from swathe._arguments import one_input, suggesting
from swathe._grids import from_transform
from swathe._job_options import options
from swathe.errors import PlanError

if TYPE_CHECKING:
    import xarray as xr

#: Coordinates that the tutorial's function gives; time is for its caller to set.
KEPT = {"latitude", "longitude", "spatial_ref"}


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

    asked = options(
        from_transform(dst_crs, dst_shape, dst_transform),
        purpose="grid",
        variable=variable,
        method=method,
        flags="none" if flags is None else flags,
        empty_maps=True,
    )
    made = _swathe.Plan([one_input(path)], asked, None, None)
    if len(made.fields) != 1:
        raise PlanError(f"{variable} means {len(made.fields)} fields: grid_match gives one")
    result = _results.dataset(made.run(None, [], False, None, None))[made.fields[0]]
    y, x = result.dims[-2:]
    matched = result.rename({y: "latitude", x: "longitude"})
    return matched.reset_coords(set(matched.coords) - KEPT, drop=True)
