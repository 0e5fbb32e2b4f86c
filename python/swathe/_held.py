"""xarray objects that are open already, as granules: their arrays are read when they are needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

#: Limits in units as stored.
LIMITS = {"valid_min", "valid_max", "valid_range"}


def is_xarray(given: Any) -> bool:
    """Whether it is a data set, a tree of them, or an array of xarray."""
    xarray = sys.modules.get("xarray")
    if xarray is None:
        return False
    kinds = (xarray.Dataset, xarray.DataArray, getattr(xarray, "DataTree", xarray.Dataset))
    return isinstance(given, kinds)


class Held:
    """A granule of xarray's: names, types and attributes now, values later."""

    def __init__(self, given: xr.Dataset | xr.DataArray | xr.DataTree) -> None:
        nodes = list(_nodes(given))
        self.name = _name(nodes)
        self._variables: dict[str, xr.Variable] = {}
        self.swathe_groups: list[tuple[str, dict[str, Any]]] = []
        self.swathe_variables: list[
            tuple[str, str, str, list[tuple[str, int]], dict[str, Any]]
        ] = []
        for path, dataset in nodes:
            attributes = _attributes(dataset.attrs)
            if path == "/" and "time_coverage_start" not in attributes:
                attributes |= _start(dataset)
            self.swathe_groups.append((path, attributes))
            for name, variable in dataset.variables.items():
                dtype = _dtype(variable)
                if dtype is None:
                    continue
                dims = [(str(dim), length) for dim, length in variable.sizes.items()]
                told = _attributes(_unpacked(variable))
                if variable.dtype.kind == "M":
                    told |= {"units": "seconds since 1970-01-01"}
                self.swathe_variables.append((path, str(name), dtype, dims, told))
                self._variables[f"{path.rstrip('/')}/{name}"] = variable

    def read(self, path: str, slab: list[tuple[int, int]]) -> Any:
        """Elements of a slab of a variable."""
        variable = self._variables[path]
        values = variable[tuple(slice(low, high) for low, high in slab)].values
        if values.dtype.kind == "M":
            values = values.astype("M8[ns]").astype(np.int64) / 1e9
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def _nodes(given: Any) -> Iterator[tuple[str, xr.Dataset]]:
    import xarray as xr

    if isinstance(given, xr.DataArray):
        yield "/", given.to_dataset(name=given.name if given.name is not None else "values")
    elif isinstance(given, xr.Dataset):
        yield "/", given
    else:
        for node in given.subtree:
            yield node.path, node.to_dataset(inherit=False)


def _name(nodes: list[tuple[str, xr.Dataset]]) -> str:
    for _, dataset in nodes:
        sources = [
            dataset.encoding.get("source"),
            *(variable.encoding.get("source") for variable in dataset.variables.values()),
            dataset.attrs.get("product_name"),
            dataset.attrs.get("id"),
        ]
        for source in sources:
            if isinstance(source, str) and source:
                return os.path.basename(source.split("?")[0])
    return "xarray dataset"


def _dtype(variable: xr.Variable) -> str | None:
    """The type that the values have, where they are numbers."""
    match variable.dtype.kind:
        case "b":
            return "uint8"
        case "M":
            return "float64"
        case "f" if variable.dtype.itemsize == 2:
            return "float32"
        case "i" | "u" | "f" if variable.dtype.itemsize <= 8:
            return str(variable.dtype.newbyteorder("=").name)
    return None


def _unpacked(variable: xr.Variable) -> dict[str, Any]:
    """Attributes, with limits in the units that values have.

    What xarray has decoded, it has moved from the attributes to the encoding.
    """
    told = dict(variable.attrs)
    factor = variable.encoding.get("scale_factor", 1.0)
    offset = variable.encoding.get("add_offset", 0.0)
    packed = "scale_factor" in variable.encoding or "add_offset" in variable.encoding
    if packed and variable.dtype.kind == "f":
        for name in LIMITS & told.keys():
            told[name] = np.sort(np.atleast_1d(np.asarray(told[name], float) * factor + offset))
        if factor < 0 and "valid_range" not in told:
            low, high = told.pop("valid_min", None), told.pop("valid_max", None)
            told |= {} if high is None else {"valid_min": high}
            told |= {} if low is None else {"valid_max": low}
        for name in LIMITS & told.keys():
            told[name] = told[name].astype(variable.dtype)
    if variable.encoding.get("_FillValue") is not None and variable.dtype.kind in "iu":
        told["_FillValue"] = np.atleast_1d(variable.encoding["_FillValue"]).astype(variable.dtype)
    return told


def _attributes(given: Any) -> dict[str, Any]:
    """Attributes as text, lists of text, arrays of numbers."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, str):
            found[str(name)] = value
            continue
        values = np.atleast_1d(np.asarray(value))
        if values.dtype.kind in "biuf" and values.ndim == 1:
            found[str(name)] = values.astype(values.dtype.newbyteorder("="))
        elif values.dtype.kind == "U":
            found[str(name)] = [str(text) for text in values.ravel()]
    return found


def _start(dataset: xr.Dataset) -> dict[str, str]:
    """The start that a coordinate tells, as notebooks set it."""
    time = dataset.variables.get("time")
    if time is None or time.size != 1 or time.dtype.kind != "M":
        return {}
    moment = np.datetime_as_string(time.values.reshape(())[()], unit="ms")
    return {} if moment == "NaT" else {"time_coverage_start": f"{moment}Z"}
