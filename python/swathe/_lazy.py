"""Cubes of dask's arrays: a granule is put on the grid when its layer is asked for."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from swathe import _results
from swathe._cluster import remote
from swathe.errors import PlanError, SwatheError, WrongTypeError

if TYPE_CHECKING:
    import xarray as xr

    from swathe import _swathe

#: Global attributes that only values tell.
OF_VALUES = ("data_bins", "data_minimum", "data_maximum")
#: Arguments that do not go with chunks, and why.
BESIDE = {
    "drop_empty": "which layers are empty is known when they are computed",
    "output": "the result has to_netcdf() and to_zarr()",
    "client": "compute() goes to dask's client at work",
    "compute": "nothing is computed before the result's compute()",
    "progress": "dask has progress bars of its own",
    "live": "dask has a dashboard of its own",
    "memory": "a task takes what its worker allows",
}


def wanted(chunks: Any, beside: dict[str, bool]) -> bool:
    """Whether a lazy cube is asked for: by ``{}``, and not by None. ``beside``: which of these arguments are given.

    Raises
    ------
    PlanError, TypeError
        Other chunks, or an argument that does not go with them.
    SwatheError
        There is no dask.
    """
    if chunks is None:
        return False
    if not isinstance(chunks, dict):
        raise WrongTypeError(f"chunks is {{}} or None, not {chunks!r:.80}")
    if chunks:
        raise PlanError(
            f"chunks={chunks!r:.80}: a chunk is the layer of one granule",
            "give chunks={}, and cut the result with its .chunk()",
        )
    for name, reason in BESIDE.items():
        if beside[name]:
            raise PlanError(f"{name} does not go with chunks={{}}", reason)
    try:
        import dask.array  # noqa: F401
    except ImportError:
        raise SwatheError(
            "chunks={} needs dask", "install it with: pip install 'swathe[dask]'"
        ) from None
    return True


def cube(plan: _swathe.Plan) -> xr.DataArray | xr.Dataset:
    """The layers of granules, of each granule in a task of dask."""
    from dask.array import Array
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    handed, types, steps = plan.lazy_cube()
    dims = {name: dims for name, dims, *_ in handed["variables"]}
    shape, token = plan.shape, tokenize(steps)
    # One granule has no dimension of time.
    lead = len(dims[types[0][0]]) - len(shape)
    call, granules = remote("layers"), f"swathe-granule-{token}"
    tasks: dict[Any, Any] = {(granules, i): (call, step, lead, *shape) for i, step in enumerate(steps)}
    chunks = ((1,) * len(steps),) * lead + tuple((length,) for length in shape)
    arrays = {}
    for number, (variable, dtype) in enumerate(types):
        name = f"{variable}-{token}"
        picked: dict[Any, Any] = {
            (name, *(i,) * lead, 0, 0): (operator.getitem, (granules, i), number)
            for i in range(len(steps))
        }
        graph = HighLevelGraph({granules: tasks, name: picked}, {granules: set(), name: {granules}})
        arrays[variable] = Array(graph, name, chunks, np.dtype(dtype))  # type: ignore[no-untyped-call]
    for name in OF_VALUES:
        handed["attributes"].pop(name, None)
    return _results.cube(_results.dataset(handed, arrays), plan.fields, False)
