"""Pictures: maps for people, drawn in Rust."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from swathe import _swathe
from swathe._arguments import numbers, one_input, suggesting, text, text_or_none, truth, whole
from swathe._grids import crs_text
from swathe.errors import PlanError


class Picture:
    """A picture: notebooks show it, :meth:`save` writes it."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    @property
    def png(self) -> bytes:
        """The PNG file's bytes."""
        return self._png

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the PNG file.

        Parameters
        ----------
        path : path
            A name that ends in ``.png``.
        overwrite : bool
            Whether a file may be replaced.

        Raises
        ------
        PlanError
            The name is another, or the file exists.
        """
        if not os.fspath(path).lower().endswith(".png"):
            raise PlanError(f"{path}: pictures are PNG files: give a name that ends in .png")
        try:
            with open(path, "wb" if overwrite else "xb") as file:
                file.write(self._png)
        except FileExistsError:
            raise PlanError(f"{path}: it exists", "overwrite=True replaces it") from None

    def _repr_png_(self) -> bytes:
        return self._png

    def __repr__(self) -> str:
        return f"<swathe.Picture: {len(self._png)} bytes of PNG>"


@suggesting
def plot(
    file: str | PathLike[str] | Any,
    variable: str | None = None,
    *,
    box: tuple[float, float, float, float] | str | None = None,
    robust: bool = False,
    limits: tuple[float, float] | str | None = None,
    log: bool | None = None,
    palette: str | None = None,
    title: str | None = None,
    width: int = 1400,
    crs: Any = None,
    flags: str = "none",
    output: str | PathLike[str] | None = None,
    overwrite: bool = False,
) -> Picture:
    """Draw one variable of a granule or a gridded file as a map.

    Parameters
    ----------
    file : path
        A granule, drawn as it lies, or a gridded file.
    variable : str, optional
        ``"chlor_a"``, ``"Rrs@443"``, ``"NAME[2]"``; by default the file's main variable.
    box : (west, south, east, north), optional
        A box in degrees to outline in red.
    robust : bool
        Ends of the colour bar at the 2nd and 98th percentile.
    limits : (float, float), optional
        Ends of the colour bar.
    log : bool, optional
        Logarithmic or linear colours; by default as the variable asks for.
    palette : str, optional
        viridis, cividis, inferno, turbo, gray, algae, thermal, haline, deep, matter, speed or balance.
    title : str, optional
        Line above the map.
    width : int
        Width in pixels.
    crs : int, str or object, optional
        Projection of a granule's map.
    flags : str
        Leave out a granule's pixels with these flags: ``"l3"``, ``"l2"``, ... or names.
    output : path, optional
        A PNG file to write besides.
    overwrite : bool
        Whether it may replace a file.

    Returns
    -------
    Picture
        What notebooks show; ``png`` has its bytes.

    Raises
    ------
    IoError, FormatError
        The file cannot be read.
    PlanError
        What is asked for does not fit the file.

    Examples
    --------
    >>> picture = swathe.plot(granules[0], "chlor_a", box=(-77, 36, -73, 41), robust=True)
    >>> picture.png[:4]
    b'\\x89PNG'
    """
    path = one_input(file)
    if not isinstance(path, str | PathLike):
        raise PlanError("a picture is drawn of a local file", "swathe.open(file).to_xarray().plot")
    # A file that cannot be read is refused by the class that says so.
    _swathe.File(path)
    if limits is not None and robust:
        raise PlanError("robust and limits exclude each other")
    png = _swathe.picture(
        path,
        {
            "variable": text_or_none(variable, "variable"),
            "area": None if box is None else list(numbers(box, "box", 4)),
            "robust": truth(robust, "robust"),
            "limits": None if limits is None else list(numbers(limits, "limits", 2)),
            "log": None if log is None else truth(log, "log"),
            "palette": text_or_none(palette, "palette"),
            "title": text_or_none(title, "title"),
            "width": whole(width, "width", most=2**32 - 1),
            "crs": None if crs is None else crs_text(crs),
            "flags": text(flags, "flags"),
        },
    )
    drawn = Picture(png)
    if output is not None:
        drawn.save(output, overwrite=overwrite)
    return drawn
