"""Grids from keyword arguments, transforms and templates."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from swathe import _swathe
from swathe._arguments import as_written, numbers
from swathe.errors import PlanError, WrongTypeError

if TYPE_CHECKING:
    import xarray as xr

R = TypeVar("R", bound="xr.DataArray | xr.Dataset")

#: Names of coordinates, where no attribute says what they are.
LATITUDE = ("lat", "latitude")
LONGITUDE = ("lon", "longitude")


def grid(
    *,
    bbox: Any = None,
    bounds: Any = None,
    resolution: Any = None,
    crs: Any = None,
    named: str | None = None,
    like: Any = None,
) -> _swathe.Grid:
    """The grid that keyword arguments ask for."""
    whole = {"grid": named, "like": like}
    areas = {"bbox": bbox, "bounds": bounds}
    given = [name for name, value in (whole | areas).items() if value is not None]
    bins = isinstance(named, str) and named.startswith("isin-")
    if len(given) > 1 and not (bins and set(given) == {"grid", "bbox"}):
        raise PlanError(f"{' and '.join(given)} exclude each other")
    if any(value is not None for value in whole.values()):
        for name, value in (("resolution", resolution), ("crs", crs)):
            if value is not None:
                raise PlanError(f"{given[0]} has a {name} of its own: leave {name} out")
    if named is not None:
        if not isinstance(named, str):
            raise WrongTypeError(f"grid is a name, not {named!r:.80}")
        return _swathe.Grid.named(named, None if bbox is None else _four(bbox, "bbox"))
    if like is not None:
        return template(like)
    definition = None if crs is None else crs_text(crs)
    size = None if resolution is None else _size(resolution)
    if given and size is None:
        raise PlanError("a box needs a resolution", "as in resolution=0.015 or resolution='1km'")
    if bbox is not None:
        return _swathe.Grid.bbox(_four(bbox, "bbox"), size or "", definition)
    if bounds is not None:
        return _swathe.Grid.bounds(_four(bounds, "bounds"), size or "", definition)
    return _swathe.Grid.own(definition, size)


def _four(value: Any, name: str) -> tuple[float, float, float, float]:
    west, south, east, north = numbers(value, name, 4)
    return west, south, east, north


def _size(resolution: Any) -> str:
    if isinstance(resolution, str):
        return resolution
    if isinstance(resolution, bool):
        raise WrongTypeError(f"resolution is a number or text as '1km', not {resolution}")
    try:
        return repr(as_written(resolution))
    except (TypeError, ValueError):
        raise WrongTypeError(
            f"resolution is a number or text as '1km', not {resolution!r:.80}"
        ) from None


def crs_text(crs: Any) -> str:
    """A CRS of rasterio, pyproj, odc-geo, an EPSG code or text, as text."""
    if isinstance(crs, str):
        return crs
    if isinstance(crs, int | np.integer):
        return f"EPSG:{crs}"
    to_epsg, to_wkt = getattr(crs, "to_epsg", None), getattr(crs, "to_wkt", None)
    if callable(to_epsg) and (code := to_epsg()) is not None:
        return f"EPSG:{code}"
    if callable(to_wkt):
        return str(to_wkt())
    raise WrongTypeError(f"a CRS is an EPSG code, text, or an object with to_wkt(), not {crs!r:.80}")


def from_transform(crs: Any, shape: Any, transform: Any) -> _swathe.Grid:
    """The grid of a transform in rasterio's order (a, b, c, d, e, f), and a shape (rows, columns)."""
    try:
        rows, columns = (int(length) for length in shape)
    except (TypeError, ValueError, OverflowError):
        raise PlanError(f"a shape is (rows, columns), not {shape!r:.80}") from None
    if (rows, columns) != tuple(shape):
        raise PlanError(f"a shape is two whole numbers, (rows, columns), not {shape!r:.80}")
    if rows < 1 or columns < 1:
        raise PlanError(f"a grid of {rows} x {columns} cells is empty")
    names = [getattr(transform, name, None) for name in "abcdef"]
    if any(value is None for value in names):
        several = isinstance(transform, Iterable) and not isinstance(transform, str)
        found = tuple(transform)[:6] if several else transform
        names = list(numbers(found, "transform", 6))
    a, b, c, d, e, f = (float(value) for value in names if value is not None)
    return _swathe.Grid.transform(crs_text(crs), (rows, columns), [c, a, b, f, d, e])


def template(like: Any) -> _swathe.Grid:
    """The grid of a gridded file, a DataArray, a Dataset, or an odc-geo GeoBox."""
    if isinstance(like, str | os.PathLike):
        return _swathe.Grid.file(like)
    if all(hasattr(like, name) for name in ("crs", "shape", "affine")):
        return from_transform(like.crs, tuple(like.shape), like.affine)
    if hasattr(like, "coords") and hasattr(like, "dims"):
        return _labels(like)
    raise WrongTypeError(
        f"like is a gridded file, a DataArray, a Dataset or a GeoBox, not {type(like).__name__}"
    )


class Labels(NamedTuple):
    """Coordinates of a template along rows and columns, rows from north to south as results have them."""

    y: np.ndarray[Any, Any]
    x: np.ndarray[Any, Any]

    def on(self, result: R) -> R:
        """The result under the template's labels. Those of the grid are the same places, but a last digit of another
        value would keep the two from being joined."""
        labelled: Any = result
        y, x = ("lat", "lon") if "lat" in result.dims else ("y", "x")
        for name, values in ((y, self.y), (x, self.x)):
            own = labelled[name]
            if own.size != values.size or own.size < 2 or np.array_equal(own, values):
                continue
            if np.abs(own.values - values).max() < np.abs(np.diff(own.values[:2]))[0] / 100:
                labelled = labelled.assign_coords({name: (name, values, own.attrs)})
                labelled[name].encoding = own.encoding
        return cast("R", labelled)


def labels(like: Any) -> Labels | None:
    """The labels of a template that has some."""
    from swathe import _held

    if not _held.is_xarray(like):
        return None
    y, x, _ = _axes(like)
    if y is None or x is None:
        return None
    rows, columns = (np.asarray(like[name].values) for name in (y, x))
    upwards = rows.size > 1 and rows[0] < rows[-1]
    return Labels(rows[::-1] if upwards else rows, columns)


def _axes(like: xr.DataArray | xr.Dataset) -> tuple[str | None, str | None, bool]:
    """Names of the coordinates along rows and columns, and whether the names are those of latitude and longitude."""
    coordinates = _coordinates(like)

    def find(standard: str, names: tuple[str, ...]) -> str | None:
        for name, coordinate in coordinates.items():
            if coordinate.attrs.get("standard_name") == standard:
                return name
        return next((name for name in coordinates if name.lower() in names), None)

    # Names say what an axis is, the CRS says what its numbers mean: the notebooks of the field rename
    # x and y to longitude and latitude in any projection.
    y, x = find("latitude", LATITUDE), find("longitude", LONGITUDE)
    if y is not None and x is not None:
        return y, x, True
    return find("projection_y_coordinate", ("y",)), find("projection_x_coordinate", ("x",)), False


def _coordinates(like: xr.DataArray | xr.Dataset) -> dict[str, xr.DataArray]:
    """Coordinates along a dimension of their own name."""
    return {
        str(name): coordinate
        for name, coordinate in like.coords.items()
        if coordinate.dims == (name,)
    }


def _labels(like: xr.DataArray | xr.Dataset) -> _swathe.Grid:
    mapping = _mapping(like)
    transform = _transform(mapping)
    if transform is not None and (transform[1] or transform[3]):
        # Its labels, where it has any, are those of rows and columns.
        raise PlanError("the template is rotated, which is not supported")
    y, x, lonlat = _axes(like)
    if (y is None or x is None) and mapping and transform and len(getattr(like, "shape", ())) >= 2:
        # rioxarray goes by the transform where there are no labels.
        wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
        return from_transform(wkt, like.shape[-2:], transform)
    coordinates = _coordinates(like)
    if y is None or x is None:
        raise PlanError(
            f"the template has no coordinates to make a grid of: it has {list(coordinates)}",
            "give latitude and longitude, or y and x, one-dimensional and evenly spaced",
        )
    if mapping is not None:
        lonlat = _is_geographic(mapping)
    elif not lonlat:
        lonlat = _looks_geographic(coordinates[y], coordinates[x])
    return _swathe.Grid.labels(_label(coordinates[y]), _label(coordinates[x]), lonlat, mapping)


def _label(coordinate: xr.DataArray) -> tuple[str, list[float], float, str | None]:
    values = np.asarray(coordinate.values)
    if values.dtype.kind not in "fiu":
        raise PlanError(f"{coordinate.name} holds no numbers: {values.dtype}")
    single = values.dtype.kind == "f" and values.dtype.itemsize < 8
    units = coordinate.attrs.get("units")
    return (
        str(coordinate.name),
        values.astype(float).tolist(),
        float(np.finfo(np.float32 if single else np.float64).eps),
        str(units) if units is not None and "degree" not in str(units) else None,
    )


def _mapping(like: xr.DataArray | xr.Dataset) -> dict[str, Any] | None:
    """Attributes of the grid mapping: the one that is named, else the usual one."""
    variables = [like, *getattr(like, "data_vars", {}).values()]
    names = [
        str(source["grid_mapping"]).split(":")[0]
        for variable in variables
        for source in (variable.attrs, variable.encoding)
        if "grid_mapping" in source
    ]
    for name in [*names, "spatial_ref", "crs"]:
        found = like.coords.get(name)
        if found is None:
            found = getattr(like, "data_vars", {}).get(name)
        if found is not None and found.attrs:
            return dict(found.attrs)
    return None


def _transform(mapping: dict[str, Any] | None) -> tuple[float, ...] | None:
    """GDAL's transform in rasterio's order, where a grid mapping has one."""
    given = (mapping or {}).get("GeoTransform")
    try:
        x, a, b, y, d, e = numbers(given.split() if isinstance(given, str) else given, "GeoTransform", 6)
    except PlanError:
        # Nobody's convention: labels say where cells lie.
        return None
    return a, b, x, d, e, y


def _is_geographic(mapping: dict[str, Any]) -> bool:
    name = mapping.get("grid_mapping_name")
    if name is not None:
        return bool(name == "latitude_longitude")
    wkt = str(mapping.get("crs_wkt", mapping.get("spatial_ref", "")))
    return wkt.lstrip().upper().startswith(("GEOGCS", "GEOGCRS"))


def _looks_geographic(y: xr.DataArray, x: xr.DataArray) -> bool:
    return "degree" in str(y.attrs.get("units")) and "degree" in str(x.attrs.get("units"))
