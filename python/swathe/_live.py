"""The link to a page that shows a run, or a file."""

from __future__ import annotations

import os
import sys
from html import escape
from typing import Any, TypeAlias

from swathe import _swathe

#: True, or where to serve the page: a port, or an address as ``"0.0.0.0:8765"``.
Where: TypeAlias = bool | int | str

#: The page shown last can be opened again after its run, until another takes its place.
_last: list[Any] = []


def page(live: Where, shown: bool = True) -> _swathe.Live | None:
    """The page that is asked for, with its link shown."""
    if live is False or live is None:
        return None
    made = _swathe.Live(None if live is True else str(live))
    _last[:] = [made]
    show(made.link, made.port, "watch it at")
    return made


def link_of(link: str, port: int) -> str:
    """The page's address as a browser reaches it: on a JupyterHub by way of its proxy."""
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if prefix is None:
        return link
    return f"{prefix.rstrip('/')}/proxy/{port}/" + link[link.index("?") :]


def show(link: str, port: int, words: str) -> None:
    """Show a link: in a notebook one to click on, otherwise a line on standard error."""
    address = link_of(link, port)
    if _in_notebook():
        from IPython.display import HTML, display  # type: ignore[import-not-found]

        href = escape(address, quote=True)
        display(HTML(f'{escape(words)} <a href="{href}" target="_blank">{href}</a>'))
        return
    sys.stderr.write(f"{words} {address}\n")
    sys.stderr.flush()


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def serve(file: Any, variable: Any = None, *, at: str | int | None = None) -> Page:
    """Look at a gridded file in a browser: netCDF or Zarr, larger than memory.

    Parameters
    ----------
    file : path
        The file, or the folder of a Zarr store. Only what is in view is read.
    variable : str or iterable of str, optional
        Variables to show; by default all that are on the grid.
    at : int or str, optional
        A port, or an address that others can reach, as ``"0.0.0.0:8765"``; by default this machine alone.

    Returns
    -------
    Page
        With the ``link``, which holds a token. It can be opened until the page is closed or forgotten.

    Raises
    ------
    FormatError, NotAGridError, MissingError
        The file is not gridded, or has no variable of that name.
    OSError
        The address cannot be listened at.

    Examples
    --------
    >>> ds = swathe.average(granules, bbox=(-77, 36, -73, 41), resolution=0.1, output="mean.nc")
    >>> page = swathe.serve("mean.nc")
    >>> page.link.startswith("http://127.0.0.1:")
    True
    >>> page.close()
    """
    from swathe._arguments import words

    names = words(variable, "variable")
    page = Page(_swathe.Serving(file, names, None if at is None else str(at)))
    return page


class Page:
    """A page that is served: :func:`serve` makes it."""

    def __init__(self, serving: _swathe.Serving) -> None:
        self._serving: _swathe.Serving | None = serving
        self._link, self._port = link_of(serving.link, serving.port), serving.port

    @property
    def link(self) -> str:
        """Where it is."""
        return self._link

    def close(self) -> None:
        """Serve it no more."""
        self._serving = None

    def __repr__(self) -> str:
        return f"<swathe.Page: {self._link if self._serving else 'closed'}>"

    def _repr_html_(self) -> str:
        href = escape(self._link, quote=True)
        return f'<a href="{href}" target="_blank">{href}</a>' if self._serving else "closed"
