"""What a job is asked for, in words: checked for their types, and brought into one form."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, TypeAlias

from swathe import _swathe
from swathe._arguments import numbers, real, text, text_or_none, truth, whole, words

Path: TypeAlias = str | PathLike[str]
#: A granule: a file, a folder, a pattern, a file object; or several.
Granules: TypeAlias = Any
Four: TypeAlias = tuple[float, float, float, float] | list[float] | str


def options(
    grid: _swathe.Grid,
    *,
    purpose: str,
    variable: str | Iterable[str] | None,
    method: str | None = None,
    flags: str | Iterable[str] | None = None,
    valid_range: tuple[float, float] | str | None = None,
    where: str | None = None,
    mask: str = "each",
    stat: str | Iterable[str] | None = None,
    best: str | None = None,
    every: str | None = None,
    day: str | None = None,
    weight: str | None = None,
    scheme: str = "arithmetic",
    min_count: int = 0,
    min_granules: int = 0,
    min_coverage: float = 0.0,
    preset: str | None = None,
    on_error: str = "stop",
    allow_mixed: bool = False,
    empty_maps: bool = False,
) -> _swathe.Options:
    """Options as the compiled part takes them; the arguments are those of :func:`swathe.average`."""
    return {
        "purpose": text(purpose, "purpose"),
        "variables": words(variable, "variable"),
        "grid": grid,
        "method": text_or_none(method, "method"),
        "flags": _flags(flags),
        "valid_range": _range(valid_range),
        "condition": text_or_none(where, "where"),
        "mask": text(mask, "mask"),
        "statistics": [name for word in words(stat, "stat") for name in word.split(",")],
        "best": text_or_none(best, "best"),
        "every": text_or_none(every, "every"),
        "day": text_or_none(day, "day"),
        "preset": text_or_none(preset, "preset"),
        "weight": text_or_none(weight, "weight"),
        "scheme": text(scheme, "scheme"),
        "min_count": whole(min_count, "min_count"),
        "min_granules": whole(min_granules, "min_granules"),
        "min_coverage": real(min_coverage, "min_coverage"),
        "on_error": text(on_error, "on_error"),
        "allow_mixed": truth(allow_mixed, "allow_mixed"),
        "empty_maps": empty_maps,
    }


def _flags(flags: Any) -> str | None:
    """Sets and names with commas; none where an empty list is given."""
    if flags is None or (isinstance(flags, list | tuple) and not flags):
        return None if flags is None else "none"
    return ",".join(words(flags, "flags")) or "none"


def _range(valid_range: Any) -> str | None:
    if valid_range is None or isinstance(valid_range, str):
        return valid_range
    low, high = numbers(valid_range, "valid_range", 2)
    return f"{low!r},{high!r}"
