"""Granules: what is in them, and their arrays."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from swathe import _swathe
from swathe._arguments import one_input, suggesting, words
from swathe.errors import MissingError

if TYPE_CHECKING:
    import xarray as xr


@suggesting
def open(granule: str | PathLike[str] | Any) -> Granule:
    """Open a granule.

    Parameters
    ----------
    granule : path or file object
        A Level-2 file in HDF5, netCDF-4 or netCDF-3. Of a file object bytes are read when they are needed;
        it must stay open.

    Returns
    -------
    Granule
        Nothing but metadata has been read of it.

    Raises
    ------
    IoError, FormatError
        The file cannot be read.
    NotASwathError
        It holds no swath.

    Examples
    --------
    >>> g = swathe.open(granules[0])
    >>> g.time[0].astype("datetime64[D]")
    np.datetime64('2024-08-01')
    """
    return Granule(granule)


@suggesting
def info(granule: str | PathLike[str] | Any) -> dict[str, Any]:
    """What is in a granule, as ``swathe info --json`` prints it.

    Parameters
    ----------
    granule : path or file object
        A Level-2 file.

    Returns
    -------
    dict
        ``file``, ``instrument``, ``suite``, ``time_start``, ``extent`` (degrees), ``variables``, ...

    Raises
    ------
    IoError, FormatError, NotASwathError
        As :func:`open`.

    Examples
    --------
    >>> swathe.info(granules[0])["suite"]
    'OC_BGC'
    """
    return dict(Granule(granule).info)


class Granule:
    """One Level-2 file: a swath of lines x pixels. :func:`open` makes it."""

    def __init__(self, granule: str | PathLike[str] | Any) -> None:
        self._opened = Opened(one_input(granule))

    @property
    def _file(self) -> _swathe.Granule:
        return self._opened.file

    @property
    def source(self) -> Any:
        """What it was opened from: a path, an address, a file object. Jobs take a granule by it."""
        return self._opened.source

    @property
    def name(self) -> str:
        """Base name of the file."""
        return self._file.name

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and pixels."""
        return self._file.shape

    @property
    def time(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last observation, UTC; NaT where the file does not say."""
        start, end = (
            np.datetime64("NaT") if ms is None else np.datetime64(ms, "ms")
            for ms in self._file.time
        )
        return start, end

    @functools.cached_property
    def extent(self) -> tuple[float, float, float, float] | None:
        """West, south, east, north in degrees; west > east across 180; None if no pixel has a position.

        Reads latitude and longitude, once.
        """
        box = self.info["extent"]
        return None if box is None else (box["west"], box["south"], box["east"], box["north"])

    @property
    def variables(self) -> list[str]:
        """Names of the variables on the swath, in file order."""
        return list(self._named())

    @property
    def flags(self) -> list[str]:
        """Names of the quality flags."""
        return self._file.flags[0]

    @functools.cached_property
    def info(self) -> dict[str, Any]:
        """As :func:`info`. Reads latitude and longitude, once."""
        found: dict[str, Any] = json.loads(self._file.info())
        return found

    def outline(self, count: int = 40) -> list[tuple[float, float]]:
        """Longitude and latitude in degrees of about ``count`` points on each side, in a ring."""
        return self._file.outline(count)

    def to_xarray(self, variables: str | Iterable[str] | None = None) -> xr.Dataset:
        """The swath as a data set; arrays are read when they are needed.

        Parameters
        ----------
        variables : str or iterable of str, optional
            Names of variables; by default all on the swath.

        Returns
        -------
        xarray.Dataset
            Dimensions as in the file, fill values NaN, packed values unpacked, as xarray's usual engines
            have them; coordinates ``latitude`` and ``longitude`` (degrees, of pixel centres), and ``time``
            (start of the granule).

        Raises
        ------
        MissingError
            A variable is not there.

        Examples
        --------
        >>> ds = swathe.open(granules[0]).to_xarray("chlor_a")
        >>> ds.chlor_a.dims
        ('number_of_lines', 'pixels_per_line')
        """
        import xarray as xr

        from swathe._stored import unpacking, variable

        named = self._named()
        chosen = list(named) if variables is None else words(variables, "variables")
        for name in chosen:
            if name not in named:
                near = _swathe.nearest(name, list(named))
                hint = f"did you mean {near!r}?" if near else f"there are {', '.join(named)}"
                raise MissingError(f"{self.name}: no variable {name!r}", hint)
        described = _by_path(self._file.root())
        paths = {name: named[name][0] for name in chosen}
        paths |= zip(("latitude", "longitude"), self._file.geolocation, strict=True)
        held = {
            name: variable(
                self._opened, described[path], named[name][1] if name in named else None
            )
            for name, path in paths.items()
        }
        root = self._file.root()
        start = self.time[0]
        dataset = xr.Dataset(held, attrs=root["attributes"])
        dataset = xr.decode_cf(dataset).set_coords(["latitude", "longitude"])
        for name, path in paths.items():
            unpacking(self._opened, described[path], dataset.variables[name])
        return dataset if np.isnat(start) else dataset.assign_coords(time=start.astype("M8[ns]"))

    def plot(self, variable: str | None = None, **options: Any) -> Any:
        """Draw a variable as it lies, as :func:`swathe.plot` does."""
        from swathe._pictures import plot

        return plot(self._opened.source, variable, **options)

    def _named(self) -> dict[str, tuple[str, list[str]]]:
        """Paths and dimensions by name; of names that occur twice the whole path is the name."""
        found = self._file.variables
        times = Counter(path.rsplit("/", 1)[-1] for path, _ in found)
        named = {}
        for path, dims in found:
            base = path.rsplit("/", 1)[-1]
            named[base if times[base] == 1 else path.strip("/")] = (path, dims)
        return named

    def __repr__(self) -> str:
        lines, pixels = self.shape
        return f"<swathe.Granule {self.name}: {lines} lines of {pixels} pixels, {self.time[0]}>"

    def _repr_html_(self) -> str:
        from swathe import _html

        return _html.granule(self)


class Opened:
    """An open file that pickles: it is opened again elsewhere."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.file = _swathe.Granule(source)

    def __reduce__(self) -> tuple[type[Opened], tuple[Any]]:
        return Opened, (self.source,)


def _by_path(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {variable["path"]: variable for variable in group["variables"]}
    for below in group["groups"]:
        found |= _by_path(below)
    return found
