"""Granules made from nothing."""

from __future__ import annotations

import datetime
import os
from os import PathLike

from swathe import _swathe
from swathe._arguments import numbers, one_path, real, suggesting, text, truth, whole
from swathe._progress import Show
from swathe._progress import progress as shown


@suggesting
def simulate(
    folder: str | PathLike[str],
    *,
    bbox: tuple[float, float, float, float] | str | None = (-77.0, 36.0, -73.0, 41.0),
    start: str | datetime.date = "2024-08-01",
    days: int = 7,
    count: int | None = None,
    suite: str = "bgc",
    version: str = "3.2",
    nrt: bool = False,
    lines: int | None = None,
    wavelengths: int = 172,
    clear: float = 0.24,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool | Show = False,
) -> list[str]:
    """Make granules like those of PACE OCI, for tests, demonstrations and benchmarks.

    Their structure, orbit and scan are those of the real ones; the true chlorophyll is known.

    Parameters
    ----------
    folder : path
        Folder for the granules; made if it is not there.
    bbox : (west, south, east, north), optional
        Only granules that touch this area, in degrees; None is the day side of the Earth.
    start : str or date
        First day, UTC.
    days : int
        Number of days.
    count : int, optional
        At most so many granules.
    suite : {"bgc", "aop"}
        What the granules hold.
    version : {"3.1", "3.2"}
        Processing version, and with it the layout.
    nrt : bool
        Make near-real-time granules.
    lines : int, optional
        Only the first lines of each granule; all are 1710.
    wavelengths : int
        Number of wavelengths of the suite aop.
    clear : float
        Share of pixels without clouds and other flags.
    seed : int
        Seed of clouds and noise.
    overwrite : bool
        Whether files may be replaced.
    progress : bool or callable
        Show a bar; or call ``progress(done, total, 0, granule)``.

    Returns
    -------
    list of str
        The files, in order of time.

    Raises
    ------
    PlanError
        Options out of range.
    NothingToDoError
        No granule touches the area in this time.

    Examples
    --------
    >>> made = swathe.simulate("made", count=1, lines=100)
    >>> swathe.open(made[0]).shape
    (100, 1272)
    """
    options: _swathe.SimulationOptions = {
        "bbox": None if bbox is None else list(numbers(bbox, "bbox", 4)),
        "start": str(start),
        "days": whole(days, "days", 1, 2**32 - 1),
        "count": None if count is None else whole(count, "count"),
        "suite": text(suite, "suite"),
        "version": text(version, "version"),
        "nrt": truth(nrt, "nrt"),
        "lines": None if lines is None else whole(lines, "lines"),
        "wavelengths": whole(wavelengths, "wavelengths"),
        "clear": real(clear, "clear"),
        "seed": whole(seed, "seed"),
        "overwrite": truth(overwrite, "overwrite"),
    }
    made = _swathe.simulate(one_path(folder, "folder"), options, shown(progress, "granule"))
    return [os.fspath(path) for path in made]
