"""Arrays of files, read when xarray needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from swathe._granule import Opened


class StoredArray(BackendArray):
    """A variable as it is stored. Reads what is asked for, from any number of threads at once."""

    def __init__(self, opened: Opened, path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._opened, self._path = opened, path
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[int | slice, ...]) -> Any:
        slab: list[tuple[int, int]] = []
        then: list[int | slice] = []
        for index, length in zip(key, self.shape, strict=True):
            if isinstance(index, slice):
                start, stop, step = index.indices(length)
                # A slice that runs backwards is read forwards, and turned.
                places = range(start, stop, step)
                low, high = (min(places), max(places) + 1) if len(places) else (0, 0)
                slab.append((low, high))
                then.append(slice(None, None, step))
            else:
                place = int(index) % length
                slab.append((place, place + 1))
                then.append(0)
        values = self._opened.file.read(self._path, slab)
        if isinstance(values, list):
            shape = [high - low for low, high in slab]
            values = np.array(values, dtype=object).reshape(shape)
        return values[tuple(then)]


def variable(opened: Opened, described: dict[str, Any], dims: list[str] | None) -> xr.Variable:
    """A variable whose array is read later."""
    shape = tuple(described["shape"])
    dtype = np.dtype(object if described["dtype"] == "text" else described["dtype"])
    array = indexing.LazilyIndexedArray(StoredArray(opened, described["path"], shape, dtype))
    encoding: dict[str, Any] = {"dtype": dtype}
    if described["chunks"]:
        encoding["preferred_chunks"] = dict(zip(dims or described["dims"], described["chunks"]))
    return xr.Variable(dims or described["dims"], array, described["attributes"], encoding)
