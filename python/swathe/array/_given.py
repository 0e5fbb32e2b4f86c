"""Chunks, shapes, axes and types as users give them, brought into one form."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Chunks: TypeAlias = int | str | None | Sequence[int | str | Sequence[int] | None]
Axis: TypeAlias = int | Sequence[int] | None
Shape: TypeAlias = int | Sequence[int]


def cuts_given(chunks: Chunks, shape: Sequence[int]) -> list[Any]:
    """How each axis is cut; -1: not at all."""

    def one(cut: Any) -> Any:
        if cut is None:
            return -1
        if isinstance(cut, str):
            return cut
        try:
            if isinstance(cut, Sequence) and not isinstance(cut, bytes):
                return [operator.index(size) for size in cut]
            return operator.index(cut)
        except TypeError:
            raise TypeError(
                f'chunks are integers, "auto", or a tuple of them for the axes, not {chunks!r:.80}'
            ) from None

    if not isinstance(chunks, Sequence) or isinstance(chunks, str | bytes):
        return [one(chunks)]
    # One axis with the lengths of its chunks.
    if len(shape) == 1 and len(chunks) > 1 and not any(isinstance(c, Sequence) for c in chunks):
        return [one(chunks)]
    return [one(cut) for cut in chunks]


def shape_given(size: Shape | None) -> list[int]:
    """The length of every axis; none: no axis."""
    if size is None:
        return []
    if isinstance(size, str | bytes):
        raise TypeError(f"a shape is a length or a tuple of lengths, not {size!r:.80}")
    given = size if isinstance(size, Sequence) else [size]
    lengths = [operator.index(length) for length in given]
    for length in lengths:
        if length < 0:
            raise ValueError(f"negative dimensions are not allowed: {size!r:.80}")
        if length > sys.maxsize:
            raise ValueError(f"no dimension can have {length} elements")
    return lengths


def dtype_name(dtype: Any) -> str:
    """The name of whatever numpy takes as a type."""
    return str(np.dtype(dtype).name)


def axes_given(axis: Axis) -> list[int] | None:
    """Numbers of axes; None: all."""
    if axis is None:
        return None
    if isinstance(axis, Sequence):
        return [operator.index(a) for a in axis]
    return [operator.index(axis)]


def plain_number(value: Any) -> Any:
    """A plain number of Python's, where the value is one."""
    return value if type(value) in (bool, int, float) else None
