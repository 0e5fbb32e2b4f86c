"""Functions of arrays, as numpy's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swathe._swathe import LazyArray
from swathe.array._creation import array
from swathe.array._given import Shape, plain_number, shape_given
from swathe.array._lazy import Array, binary, lazy_of


def where(condition: Any, x: Any, y: Any) -> Array:
    """Elements of `x` where the condition is true, of `y` elsewhere."""
    one, other = lazy_of(x), lazy_of(y)
    # A plain number takes the type of what it stands beside.
    if plain_number(x) is not None and plain_number(y) is None:
        one = _beside(x, other)
    elif plain_number(y) is not None and plain_number(x) is None:
        other = _beside(y, one)
    return Array(lazy_of(condition).choose(one, other))


def _beside(number: Any, array: LazyArray) -> LazyArray:
    dtype = np.result_type(np.empty(0, array.dtype), number)
    return LazyArray.scalar(number, dtype.name)


def minimum(x: Any, y: Any) -> Array:
    """The lesser of each two."""
    return binary("minimum", x, y)


def maximum(x: Any, y: Any) -> Array:
    """The greater of each two."""
    return binary("maximum", x, y)


def broadcast_to(array: Any, shape: Shape) -> Array:
    """Repeated to a shape."""
    return Array(lazy_of(array).broadcast_to(shape_given(shape)))


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Array:
    """One after another along an axis."""
    return Array(LazyArray.concatenate([lazy_of(a) for a in arrays], axis))


def stack(arrays: Sequence[Any], axis: int = 0) -> Array:
    """Beside each other along a new axis."""
    return Array(LazyArray.stack([lazy_of(a) for a in arrays], axis))


def histogram(
    values: Any, bins: int | Sequence[float] = 10, range: tuple[float, float] | None = None
) -> tuple[Array, np.ndarray[Any, Any]]:
    """How many elements lie between one edge and the next, lazily, and the edges.

    Without `range`, the least and greatest element are computed at once.
    """
    lazy = array(values)
    if not isinstance(bins, int):
        edges = np.asarray(bins, float)
    else:
        if range is None:
            low, high = (float(lazy.min()), float(lazy.max())) if lazy.size else (0.0, 1.0)
        else:
            low, high = range
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, bins + 1)
    return lazy._reduce("histogram", None, False, False, edges=edges.tolist()), edges
