"""Lazy arrays, larger than memory: chunk, apply, combine.

>>> rng = swathe.array.default_rng(5179916885778238210)
>>> lazy = rng.normal(1, 2, size=2**20, chunks=2**18)
>>> lazy
<swathe.array.Array: shape (1048576,), float64, 4 chunks>
>>> bool(abs(lazy.mean().compute() - 1) < 0.01)
True

Nothing is computed before :meth:`Array.compute`. Random numbers are, bit for bit, those of
``dask.array.random.default_rng`` for the same seed, size and chunks.
"""

from __future__ import annotations

from swathe.array._creation import arange, array, full, linspace, ones, open, zeros
from swathe.array._functions import (
    broadcast_to,
    concatenate,
    histogram,
    maximum,
    minimum,
    stack,
    where,
)
from swathe.array._lazy import Array
from swathe.array._random import Generator, default_rng

__all__ = [
    "Array",
    "Generator",
    "arange",
    "array",
    "broadcast_to",
    "concatenate",
    "default_rng",
    "full",
    "histogram",
    "linspace",
    "maximum",
    "minimum",
    "ones",
    "open",
    "stack",
    "where",
    "zeros",
]

# What they are called by, wherever they stand.
for _public in (Array, Generator):
    _public.__module__ = __name__
del _public
