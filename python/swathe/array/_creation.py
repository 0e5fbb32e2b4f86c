"""Arrays from memory, from files, and from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swathe._arguments import inputs, text_or_none, whole
from swathe._swathe import LazyArray
from swathe.array._given import Chunks, Shape, cuts_given, dtype_name, plain_number, shape_given
from swathe.array._lazy import Array

if TYPE_CHECKING:
    from os import PathLike


def array(values: Any, *, chunks: Chunks = "auto") -> Array:
    """What is in memory, copied, as a lazy array.

    Parameters
    ----------
    values
        Whatever numpy makes an array of.
    chunks
        How it is cut.

    Returns
    -------
    Array
        Lazy.

    Raises
    ------
    TypeError
        A type that is not supported.

    Examples
    --------
    >>> float(swathe.array.array([1, 2, 4]).sum())
    7.0
    """
    if isinstance(values, Array):
        return values
    values = np.asarray(values)
    return Array(LazyArray.memory(values, cuts_given(chunks, values.shape)))


def open(
    files: str | PathLike[str] | Any,
    variable: str,
    *,
    along: str | None = None,
    chunks: Chunks = None,
    decode: bool = True,
) -> Array:
    """A variable of a file, or of many, as a lazy array.

    Parameters
    ----------
    files : path, file object, or iterable of them
        HDF5 and netCDF files, Zarr stores; patterns (``"day*.nc"``, in order of names) and addresses.
    variable : str
        Its name, or its path in the file, ``"geophysical_data/chlor_a"``.
    along : str, optional
        The dimension that files are joined along: one of the variable's own, or a new one, which comes first.
        Several files without it are stacked along a new first axis.
    chunks : int, tuple or "auto", optional
        How each file's variable is cut; by default into whole storage chunks, about 2**18 elements together.
    decode : bool
        Whether missing values become NaN and packed ones are unpacked, as ``netCDF4`` does it; whole numbers
        that are neither packed nor have missing values stay what they are. Otherwise values are as stored.

    Returns
    -------
    Array
        Lazy: only metadata has been read.

    Raises
    ------
    GranuleError
        A file cannot be read.
    PlanError
        The variable is not there, holds no numbers, or the shapes of files do not go together.

    Examples
    --------
    >>> chlorophyll = swathe.array.open(granules[0], "chlor_a")
    >>> chlorophyll.shape, chlorophyll.dtype
    ((200, 1272), dtype('float32'))
    >>> bool(chlorophyll.mean(skipna=True).compute() > 0)
    True
    >>> swathe.array.open(granules, "chlor_a", along="number_of_lines").shape
    (600, 1272)
    """
    if not isinstance(variable, str):
        raise TypeError(f"variable is a name, not {variable!r:.80}")
    cuts = None if chunks is None else cuts_given(chunks, [])
    along = text_or_none(along, "along")
    return Array(LazyArray.stored(inputs(files), variable, along, cuts, not decode))


def arange(
    start: float, stop: float | None = None, step: float = 1, *, dtype: Any = None, chunks: Chunks = "auto"
) -> Array:
    """Numbers from `start` to before `stop`; from 0 to before `start` alone."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = np.result_type(*(np.asarray(x).dtype for x in (start, stop, step)))
    made = LazyArray.arange(float(start), float(stop), float(step), dtype_name(dtype), cuts_given(chunks, [0]))
    return Array(made)


def linspace(start: float, stop: float, num: int = 50, *, chunks: Chunks = "auto") -> Array:
    """So many numbers from `start` to `stop`, the latter taken in."""
    num = whole(num, "num")
    return Array(LazyArray.linspace(float(start), float(stop), num, cuts_given(chunks, [num])))


def full(shape: Shape, value: Any, *, dtype: Any = None, chunks: Chunks = "auto") -> Array:
    """One value everywhere."""
    lengths = shape_given(shape)
    name = None if dtype is None else dtype_name(dtype)
    if isinstance(value, np.generic):
        name, value = name or value.dtype.name, value.item()
    if plain_number(value) is None:
        raise TypeError(f"value is a number, not {value!r:.80}")
    return Array(LazyArray.full(lengths, value, name, cuts_given(chunks, lengths)))


def zeros(shape: Shape, *, dtype: Any = float, chunks: Chunks = "auto") -> Array:
    """Zeros."""
    # None is numpy's word for double precision.
    return full(shape, 0, dtype=float if dtype is None else dtype, chunks=chunks)


def ones(shape: Shape, *, dtype: Any = float, chunks: Chunks = "auto") -> Array:
    """Ones."""
    return full(shape, 1, dtype=float if dtype is None else dtype, chunks=chunks)
