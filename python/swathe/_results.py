"""Results as xarray objects: what opening the netCDF file of the same product gives."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

#: Results of more bytes than this stay in the file that is written of them.
IN_MEMORY = 64 << 20


def dataset(handed: dict[str, Any], lazy: dict[str, Any] | None = None) -> xr.Dataset:
    """A data set of the variables that Rust hands over; arrays are not copied. ``lazy``: arrays of dask, by name, in
    place of those that it does not hand over."""
    variables = {}
    encodings = {}
    for name, dims, values, attributes, fill, chunks in handed["variables"]:
        if lazy and name in lazy:
            values = lazy[name]
        elif isinstance(values, list):
            values = np.array(values, dtype=str)
        elif not dims:
            values = values.reshape(())
        variables[name] = xr.Variable(dims, values, attributes)
        if chunks is not None:
            encodings[name] = _encoding(values, fill)
    result = xr.decode_cf(xr.Dataset(variables, attrs=handed["attributes"]))
    for variable in result.variables.values():
        if variable.chunks is None:
            variable.load()
    for name, encoding in encodings.items():
        result[name].encoding.update(encoding)
    return result


def stored(path: str | PathLike[str]) -> xr.Dataset:
    """A result that has been written, read when it is needed; now, if it is small."""
    from swathe._backend import SwatheBackend

    result = xr.open_dataset(path, engine=SwatheBackend)
    return result.load() if result.nbytes <= IN_MEMORY else result


def cube(result: xr.Dataset, variables: list[str], drop_empty: bool) -> xr.DataArray | xr.Dataset:
    """The layers of granules: of one variable an array, without those that have no value if they are unwanted."""
    if drop_empty and "granule_status" in result and "time" in result.dims:
        used = result.granule_name.values[result.granule_status.values == "used"]
        result = result.isel(time=[name in used for name in result.granule.values])
    return result[variables[0]] if len(variables) == 1 else result


def _encoding(values: np.ndarray[Any, Any], fill: float | None) -> dict[str, Any]:
    """How the variable is stored, so that to_netcdf() and to_zarr() write missing values as Swathe does."""
    encoding: dict[str, Any] = {"dtype": values.dtype}
    if fill is not None:
        encoding["_FillValue"] = values.dtype.type(fill)
    return encoding
