"""Arrays of files, read when xarray needs them."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

#: HDF5's numbers of filters, with the names that netCDF4 gives them.
DEFLATE, SHUFFLE, FLETCHER32, SZIP = 1, 2, 3, 4
OTHERS = {307: "bzip2", 32001: "blosc", 32015: "zstd"}
#: numpy's types of those that are read.
TYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("float32", "float64")}
TYPES |= {
    f"{kind}{bits}": np.dtype(f"{kind}{bits}")
    for kind in ("int", "uint")
    for bits in (8, 16, 32, 64)
}
TYPES |= {"char": np.dtype("S1"), "text": np.dtype(object)}


#: Elements between those that are wanted, of which so many are read rather than looked for.
BETWEEN = 1 << 24

#: What stored numbers stand for: fills, factor, offset, and whether the result is in double precision.
Packing: TypeAlias = tuple[list[float], float | None, float | None, bool]


class _File(Protocol):
    def read(
        self, path: str, slab: list[tuple[int, int]], packing: Packing | None = None
    ) -> Any: ...


class _Opened(Protocol):
    """An open file that pickles."""

    @property
    def file(self) -> _File: ...


class StoredArray(BackendArray):
    """A variable as it is stored, or what it stands for. Reads what is asked for, from any number of threads at once."""

    def __init__(
        self,
        opened: _Opened,
        path: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        packing: Packing | None = None,
    ) -> None:
        self._opened, self._path, self._packing = opened, path, packing
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> Any:
        wanted: list[range | np.ndarray[Any, Any]] = []
        for index, length in zip(key, self.shape, strict=True):
            if isinstance(index, slice):
                # A range is never searched: files may say that a dimension has any length.
                wanted.append(range(*index.indices(length)))
            elif np.ndim(index) == 1:
                array = np.asarray(index)
                wanted.append(np.where(array < 0, array + length, array))
            else:
                first = int(index) % length
                wanted.append(range(first, first + 1))
        values = self._box(wanted)
        return values[tuple(slice(None) if np.ndim(i) or isinstance(i, slice) else 0 for i in key)]

    def _box(self, wanted: list[range | np.ndarray[Any, Any]]) -> Any:
        """What is wanted along each axis, read as one slab; in two where far less is wanted than lies between."""
        slab = [_hull(places) for places in wanted]
        spans = [high - low for low, high in slab]
        counts = [len(places) for places in wanted]
        if math.prod(spans) > max(BETWEEN, 4 * math.prod(counts)):
            thin = [span / count if count > 1 else 0 for span, count in zip(spans, counts, strict=True)]
            axis = thin.index(max(thin))
            half = counts[axis] // 2
            parts = (wanted[axis][:half], wanted[axis][half:])
            read = [self._box([*wanted[:axis], part, *wanted[axis + 1 :]]) for part in parts]
            return np.concatenate(read, axis=axis)
        values = self._opened.file.read(self._path, slab, self._packing)
        if isinstance(values, list):
            if self.dtype.kind == "S":
                values = [text.encode("latin-1") for text in values]
            values = np.array(values, dtype=self.dtype).reshape(spans)
        for axis, (places, (low, _)) in enumerate(zip(wanted, slab, strict=True)):
            if isinstance(places, range):
                # A slice that runs backwards is read forwards, and turned.
                chosen: Any = slice(None, None, places.step)
            else:
                chosen = places - low
            values = values[(slice(None),) * axis + (chosen,)]
        return values


def _hull(places: range | np.ndarray[Any, Any]) -> tuple[int, int]:
    """The least range that holds some places."""
    if not len(places):
        return 0, 0
    if isinstance(places, range):
        low, high = sorted((places[0], places[-1]))
        return low, high + 1
    return int(places.min()), int(places.max()) + 1


def readable(described: dict[str, Any]) -> bool:
    """Whether a variable holds numbers or text: others, as compound types, can only be listed."""
    return described["dtype"] in TYPES


def variable(
    opened: _Opened, described: dict[str, Any], dims: list[str] | None = None
) -> xr.Variable:
    """A variable whose array is read later, with the storage's encoding as netCDF4 tells it."""
    shape = tuple(described["shape"])
    dtype = TYPES[described["dtype"]]
    array = indexing.LazilyIndexedArray(StoredArray(opened, described["path"], shape, dtype))
    names = dims or described["dims"]
    attributes = dict(described["attributes"])
    if dtype.kind == "S" and isinstance(fill := attributes.get("_FillValue"), str):
        attributes["_FillValue"] = np.bytes_(fill.encode())
    as_stored = dtype.newbyteorder(">") if described["big_endian"] else dtype
    encoding: dict[str, Any] = {"dtype": str if dtype.kind == "O" else as_stored}
    encoding |= _filters(described["filters"])
    chunks = described["chunks"]
    encoding["contiguous"] = chunks is None
    encoding["chunksizes"] = None if chunks is None else tuple(chunks)
    if chunks is not None:
        encoding["preferred_chunks"] = dict(zip(names, chunks, strict=True))
    encoding["original_shape"] = shape
    return xr.Variable(names, array, attributes, encoding)


def unpacking(opened: _Opened, described: dict[str, Any], decoded: xr.Variable) -> None:
    """Let what xarray makes of stored numbers be done while they are read: the same, in one pass in place of five.

    ``decoded``: the variable as xarray has decoded it, still lazy. Left as it is where that is more than masking
    and scaling, or might be rounded in another way.
    """
    packing = _packing(decoded, TYPES[described["dtype"]])
    if packing is not None and decoded.ndim > 1:
        array = StoredArray(opened, described["path"], decoded.shape, decoded.dtype, packing)
        decoded.data = indexing.LazilyIndexedArray(array)


def _packing(decoded: xr.Variable, stored: np.dtype[Any]) -> Packing | None:
    encoding = decoded.encoding
    if stored.kind not in "iuf" or decoded.dtype not in ("float32", "float64"):
        return None
    fills = [encoding[name] for name in ("_FillValue", "missing_value") if name in encoding]
    steps = [encoding.get(name) for name in ("scale_factor", "add_offset")]
    given = [step for step in steps if step is not None]
    if not fills and not given or "_Unsigned" in encoding:
        return None
    if not all(isinstance(fill, np.number) for fill in fills):
        return None
    # xarray compares in the wider type of both, which here is the result's: a fill must be a number of that type.
    if any(decoded.dtype.type(fill) != fill for fill in fills if fill == fill):
        return None
    if any(not isinstance(step, np.floating) or step.dtype > decoded.dtype for step in given):
        return None
    scale, offset = (None if step is None else float(step) for step in steps)
    return [float(fill) for fill in fills], scale, offset, decoded.dtype == np.float64


def _filters(filters: list[tuple[int, list[int]]]) -> dict[str, Any]:
    found = dict(filters)
    level = found.get(DEFLATE, [0])
    return {
        "zlib": DEFLATE in found,
        "szip": _szip(found[SZIP]) if SZIP in found else False,
        **{name: number in found for number, name in sorted(OTHERS.items(), reverse=True)},
        "shuffle": SHUFFLE in found,
        "complevel": level[0] if level else 0,
        "fletcher32": FLETCHER32 in found,
    }


def _szip(parameters: list[int]) -> dict[str, Any] | bool:
    match parameters:
        case [mask, pixels, *_]:
            nearest_neighbour = 32
            return {
                "coding": "nn" if mask & nearest_neighbour else "ec",
                "pixels_per_block": pixels,
            }
        case _:
            return True
