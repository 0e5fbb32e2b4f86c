"""Many satellite swaths in, one map out.

>>> ds = swathe.average(granules, "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.1)
>>> g = swathe.open(granules[0])
>>> "chlor_a" in g.variables
True

Everything is computed in Rust, without the interpreter's lock; Ctrl-C works at any time. Errors are
classes of :mod:`swathe.errors`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from swathe import errors
from swathe._swathe import __version__
from swathe.errors import AuthError, ClusterError, GranuleError, NothingToDoError, PlanError, SwatheError

if TYPE_CHECKING:
    from swathe import array, dask
    from swathe._earthdata import FoundGranule, login, search
    from swathe._granule import Granule, info, open
    from swathe._grid_match import grid_match
    from swathe._gridding import average, grid
    from swathe._level3 import compare, map
    from swathe._live import Page, serve
    from swathe._merging import merge
    from swathe._pictures import Picture, plot
    from swathe._plan import Plan, plan
    from swathe._reduce import reduce
    from swathe._simulate import simulate

__all__ = [
    "AuthError",
    "ClusterError",
    "FoundGranule",
    "Granule",
    "GranuleError",
    "NothingToDoError",
    "Page",
    "Picture",
    "Plan",
    "PlanError",
    "SwatheError",
    "__version__",
    "array",
    "average",
    "compare",
    "dask",
    "errors",
    "grid",
    "grid_match",
    "info",
    "login",
    "map",
    "merge",
    "open",
    "plan",
    "plot",
    "reduce",
    "search",
    "serve",
    "simulate",
]

# The command of the wheel imports this package too: it need not wait for numpy.
_MODULES = {
    "_earthdata": ("FoundGranule", "login", "search"),
    "_granule": ("Granule", "info", "open"),
    "_grid_match": ("grid_match",),
    "_gridding": ("average", "grid"),
    "_level3": ("compare", "map"),
    "_live": ("Page", "serve"),
    "_merging": ("merge",),
    "_pictures": ("Picture", "plot"),
    "_plan": ("Plan", "plan"),
    "_reduce": ("reduce",),
    "_simulate": ("simulate",),
}


def __getattr__(name: str) -> Any:
    if name in ("array", "dask"):
        return importlib.import_module(f"swathe.{name}")
    for module, names in _MODULES.items():
        if name in names:
            value = getattr(importlib.import_module(f"swathe.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'swathe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
