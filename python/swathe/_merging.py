"""Partial results merged to one map."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from swathe import _swathe
from swathe._arguments import memory_of, paths, suggesting, truth, warned
from swathe._job_options import Path
from swathe._live import Where, page
from swathe.errors import PlanError

if TYPE_CHECKING:
    import xarray as xr


@suggesting
def merge(
    parts: Path | Iterable[Path],
    *,
    output: Path | Iterable[Path] | None = None,
    overwrite: bool = False,
    allow_mixed: bool = False,
    memory: int | str | None = None,
    live: Where = False,
) -> xr.Dataset:
    """Merge partial results, made by ``average(..., output="part.swathe")``.

    The map is the same, to the last bit, as that of all their granules at once. Level-3 binned files, made with
    ``grid="isin-ROWS"`` or NASA's, are added as l3bin adds them.

    Parameters
    ----------
    parts : path or iterable of paths
        Partial results, in any order. They must have been made with the same options, and share no granule,
        unless with ``keep="granules"``: the newer version then replaces the older.
    output, overwrite, allow_mixed, live
        As in :func:`average`.
    memory : int or str, optional
        Most bytes that merging may take, as a number or as "512MiB"; the result comes on top.

    Returns
    -------
    xarray.Dataset
        As :func:`average`.

    Raises
    ------
    PlanError
        The parts do not fit together.

    Examples
    --------
    >>> area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> first = swathe.average(granules[:1], **area, output="first.swathe")
    >>> rest = swathe.average(granules[1:], **area, output="rest.swathe")
    >>> both = swathe.merge(["rest.swathe", "first.swathe"])
    >>> both.identical(swathe.average(granules, **area))
    True
    """
    from swathe import _results

    given = paths(parts, "parts")
    if given and not any(os.fspath(part).endswith(".swathe") for part in given):
        if live is not False:
            raise PlanError("there is nothing to see of bins that are added", "leave live out")
        added, notes = _swathe.add_bins(given, paths(output, "output"), truth(overwrite, "overwrite"))
        warned(notes)
        return _results.dataset(added)
    merged, notes = _swathe.merge(
        given,
        paths(output, "output"),
        truth(overwrite, "overwrite"),
        truth(allow_mixed, "allow_mixed"),
        memory_of(memory),
        page(live),
    )
    warned(notes)
    return _results.dataset(merged)
