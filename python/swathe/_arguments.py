"""What functions are given, brought into one form."""

from __future__ import annotations

import functools
import inspect
import io
import operator
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import numpy as np

from swathe import _swathe
from swathe.errors import PlanError, WrongTypeError

P = ParamSpec("P")
R = TypeVar("R")


def suggesting(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function answer an unknown keyword with the one that was probably meant."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                near = _swathe.nearest(name, known)
                hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
                raise WrongTypeError(f"{function.__name__}() has no argument {name!r}: {hint}")
        return function(*args, **kwargs)

    return checked


def one_input(given: Any) -> str | os.PathLike[str] | Any:
    """One granule: a path, an address, what a search found, a file object, or a granule that is open.

    File objects that wrap a local file, as those of ``fsspec`` and ``earthaccess.open`` may, are read by
    its path, those of a file at an https address by that: it needs no interpreter.
    """
    from swathe import _earthdata, _granule, _held

    if isinstance(given, _granule.Granule):
        return given.source
    if isinstance(given, str) and not given:
        raise PlanError("a granule is named by an empty text", "give its path or address")
    if isinstance(given, str) and "://" in given:
        _earthdata.use_earthaccess()
        return given
    if isinstance(given, str | os.PathLike):
        return given
    if isinstance(given, _earthdata.FoundGranule):
        _earthdata.use_earthaccess()
        return given.link
    if _held.is_xarray(given):
        return _held.Held(given)
    if isinstance(given, bytes):
        raise WrongTypeError("a granule is a path or a file object, not bytes: wrap them in io.BytesIO")
    if callable(getattr(given, "data_links", None)):
        # earthaccess's record of the catalogue.
        links = given.data_links(access="external")
        if not links:
            raise PlanError(f"the catalogue has no link to {given!r:.80}")
        _earthdata.use_earthaccess()
        return links[0]
    if hasattr(given, "read") and hasattr(given, "seek"):
        # earthaccess wraps the file of fsspec.
        file = getattr(given, "f", given)
        return _local_path(file) or _earthdata.address_of(file) or given
    raise WrongTypeError(
        f"a granule is a path or a file object, not {type(given).__name__}: {given!r:.80}"
    )


def _local_path(file: Any) -> str | None:
    """The path of a file object that is open on a local file, and on no other than the path's now."""
    raw = getattr(file, "f" if type(file).__name__ == "LocalFileOpener" else "raw", file)
    raw = getattr(raw, "raw", raw)
    if not isinstance(raw, io.FileIO) or raw.closed or not isinstance(raw.name, str):
        return None
    try:
        if os.path.samestat(os.fstat(raw.fileno()), os.stat(raw.name)):
            return os.path.abspath(raw.name)
    except OSError:
        pass
    return None


def inputs(granules: Any) -> list[Any]:
    """All granules of an argument: one, or an iterable of them."""
    from swathe import _held

    if isinstance(granules, str | os.PathLike | bytes) or _held.is_xarray(granules):
        return [one_input(granules)]
    if hasattr(granules, "read"):
        return [one_input(granules)]
    if callable(getattr(granules, "data_links", None)) or not isinstance(granules, Iterable):
        return [one_input(granules)]
    if isinstance(granules, Mapping):
        raise WrongTypeError(f"granules are paths or file objects, or a list of them, not a mapping: {granules!r:.80}")
    return [one_input(granule) for granule in granules]


def words(value: Any, name: str) -> list[str]:
    """One word, or several."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable):
        found = list(value)
        if not found:
            raise PlanError(f"{name} is an empty list", "leave it out for the usual")
        if all(isinstance(word, str) for word in found):
            return found
    raise WrongTypeError(f"{name} is a name or a list of names, not {value!r:.80}")


def text(value: Any, name: str) -> str:
    """One word."""
    if not isinstance(value, str):
        raise WrongTypeError(f"{name} is text, not {value!r:.80}")
    return value


def text_or_none(value: Any, name: str) -> str | None:
    """One word, if one is given."""
    return None if value is None else text(value, name)


def truth(value: Any, name: str) -> bool:
    """True or False, Python's or numpy's. What is merely true or false may have been meant for another argument."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise WrongTypeError(f"{name} is True or False, not {value!r:.80}")


def real(value: Any, name: str) -> float:
    """A number."""
    if isinstance(value, str | bytes | bool):
        raise WrongTypeError(f"{name} is a number, not {value!r:.80}")
    try:
        return as_written(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongTypeError(f"{name} is a number, not {value!r:.80}") from None


def as_written(value: Any) -> float:
    """A number in double precision: one of lesser precision stands for the decimals that it is shown by, so that
    ``np.float32(0.05)`` is 0.05 and not 0.05000000074505806."""
    if isinstance(value, np.floating) and value.dtype.itemsize < np.dtype(float).itemsize:
        return float(str(value))
    return float(value)


def paths(value: Any, name: str) -> list[str | os.PathLike[str]]:
    """One path, or several, or none."""
    if value is None:
        return []
    if isinstance(value, str | os.PathLike):
        return [one_path(value, name)]
    if isinstance(value, Iterable) and not isinstance(value, bytes) and not hasattr(value, "read"):
        found = list(value)
        if all(isinstance(path, str | os.PathLike) for path in found):
            return [one_path(path, name) for path in found]
    raise WrongTypeError(f"{name} is a path or a list of paths, not {value!r:.80}")


def one_path(value: Any, name: str) -> str | os.PathLike[str]:
    """A path."""
    if not isinstance(value, str | os.PathLike):
        raise WrongTypeError(f"{name} is a path, not {value!r:.80}")
    if not os.fspath(value):
        raise PlanError(f"{name} is a path, not an empty text")
    return value


def whole(value: Any, name: str, least: int = 0, most: int = 2**63 - 1) -> int:
    """A whole number between two."""
    # True is 1 to Python, and seldom what was meant.
    if isinstance(value, bool):
        raise WrongTypeError(f"{name} is a whole number, not {value!r}")
    try:
        found = operator.index(value)
    except TypeError:
        raise WrongTypeError(f"{name} is a whole number, not {value!r:.80}") from None
    if found < least:
        raise PlanError(f"{name} is at least {least}, got {value}")
    if found > most:
        raise PlanError(f"{name} is at most {most}, got {value}")
    return found


def threads_of(value: int | None) -> int | None:
    """A number of threads, if one is given."""
    return None if value is None else whole(value, "threads", 1, 512)


def memory_of(value: Any) -> int | None:
    """A number of bytes, as a number or as text with a unit, if one is given."""
    if value is None:
        return None
    if not isinstance(value, str):
        try:
            return whole(value, "memory", 1)
        except TypeError:
            raise WrongTypeError(
                f'memory is a number of bytes, or text as "512MiB", not {value!r:.80}'
            ) from None
    found = _swathe.memory_size(value)
    if found is None:
        raise PlanError(f"memory {value!r:.80} is no size, as in 512MiB or 4GiB")
    return found


def numbers(value: Any, name: str, count: int) -> tuple[float, ...]:
    """So many numbers, as a tuple or as text with commas."""
    if isinstance(value, str):
        value = value.split(",")
    try:
        found = tuple(as_written(number) for number in value)
    except (TypeError, ValueError):
        found = ()
    if len(found) != count:
        raise PlanError(f"{name} is {count} numbers, not {value!r:.80}")
    return found


def warned(notes: Iterable[str]) -> None:
    """Warns of each, where the package was called."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "swathe":
        level, frame = level + 1, frame.f_back
    for note in notes:
        warnings.warn(note, stacklevel=level)
