"""What a job will do, decided before an array is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swathe import _swathe
from swathe._arguments import (
    inputs,
    memory_of,
    paths,
    suggesting,
    text_or_none,
    threads_of,
    truth,
    warned,
)
from swathe._grids import Labels, labels
from swathe._grids import grid as grid_of
from swathe._job_options import Four, Granules, Path, options
from swathe._live import Where, page
from swathe._progress import Show
from swathe._progress import progress as shown
from swathe.errors import PlanError

if TYPE_CHECKING:
    import xarray as xr


@suggesting
def plan(
    granules: Granules,
    variable: str | Iterable[str] | None = None,
    *,
    purpose: str = "average",
    bbox: Four | None = None,
    bounding_box: Four | None = None,
    resolution: float | str | None = None,
    bounds: Four | None = None,
    crs: Any = None,
    grid: str | None = None,
    like: Any = None,
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
    threads: int | None = None,
    memory: int | str | None = None,
) -> Plan:
    """Decide everything of a job without reading an array.

    Parameters
    ----------
    purpose : {"average", "grid"}
        What to make; the other arguments are those of :func:`average`.

    Returns
    -------
    Plan
        What will be done; :meth:`Plan.run` does it.

    Raises
    ------
    GranuleError, PlanError, NothingToDoError
        As :func:`average`.

    Examples
    --------
    >>> p = swathe.plan(granules, bbox=(-77, 36, -73, 41), resolution=0.1)
    >>> p.variables, p.method, p.shape
    (['chlor_a'], 'footprint', (50, 40))
    >>> ds = p.run()
    """
    if bbox is not None and bounding_box is not None:
        raise PlanError("bbox and bounding_box are the same")
    given = inputs(granules)
    asked = options(
        grid_of(
            bbox=bbox if bounding_box is None else bounding_box,
            bounds=bounds,
            resolution=resolution,
            crs=crs,
            named=grid,
            like=like,
        ),
        purpose=purpose,
        variable=variable,
        method=method,
        flags=flags,
        valid_range=valid_range,
        where=where,
        mask=mask,
        stat=stat,
        best=best,
        every=every,
        day=day,
        weight=weight,
        scheme=scheme,
        min_count=min_count,
        min_granules=min_granules,
        min_coverage=min_coverage,
        preset=preset,
        on_error=on_error,
        allow_mixed=allow_mixed,
    )
    made = _swathe.Plan(given, asked, threads_of(threads), memory_of(memory))
    warned(note.removeprefix("warning: ") for note in made.notes if note.startswith("warning: "))
    return Plan(made, labels(like))


class Plan:
    """What a job will do: :func:`plan` makes it, :meth:`run` carries it out."""

    def __init__(self, made: _swathe.Plan, template: Labels | None = None) -> None:
        self._plan, self._template = made, template

    @property
    def variables(self) -> list[str]:
        """Names of the variables to map."""
        return self._plan.fields

    @property
    def method(self) -> str:
        """How pixels reach cells."""
        return self._plan.method

    @property
    def crs(self) -> str:
        """The CRS of the grid."""
        return self._plan.crs

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self._plan.shape

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge of the grid in units of its CRS."""
        return self._plan.bounds

    @property
    def granules(self) -> int:
        """Number of granules that take part."""
        return self._plan.granules

    @property
    def skipped(self) -> dict[str, str]:
        """Granules that take no part, with the reason."""
        return dict(self._plan.skipped)

    @property
    def notes(self) -> list[str]:
        """What was chosen for you, in sentences."""
        return self._plan.notes

    @property
    def memory(self) -> int | None:
        """Bytes that the job needs at most; None where it needs more than it may take."""
        return self._plan.memory

    def estimate(self) -> xr.Dataset:
        """What would be read of every granule, from metadata alone.

        Returns
        -------
        xarray.Dataset
            Along ``granule``: ``lines``, ``lines_near`` (those that may meet the area), ``tiles`` (of 256 x 256
            cells, to which it may give), ``storage_chunks``, ``bytes_to_read``, ``bytes_decoded``. It is at most
            so much.
        """
        import xarray as xr

        rows = self._plan.estimate()
        columns = {
            "lines": [row[1] for row in rows],
            "lines_near": [0 if row[2] is None else row[2][1] - row[2][0] for row in rows],
            "tiles": [row[3] for row in rows],
            "storage_chunks": [row[4] for row in rows],
            "bytes_to_read": [row[5] for row in rows],
            "bytes_decoded": [row[6] for row in rows],
        }
        variables = {name: ("granule", values) for name, values in columns.items()}
        return xr.Dataset(variables, coords={"granule": [row[0] for row in rows]})

    def graph(self, form: str = "svg") -> str:
        """The plan as a graph of tasks: chunks, apply, combine, finish, outputs.

        Parameters
        ----------
        form : str
            "svg", or "mermaid" for text that Markdown viewers draw.
        """
        if form not in ("svg", "mermaid"):
            raise PlanError(f'form: expected "svg" or "mermaid", got {form!r:.80}')
        return self._plan.graph(form == "mermaid")

    def run(
        self,
        *,
        output: Path | Iterable[Path] | None = None,
        overwrite: bool = False,
        keep: str | None = None,
        progress: bool | Show = False,
        client: Any = None,
        live: Where = False,
    ) -> xr.Dataset:
        """Carry the plan out.

        Parameters
        ----------
        output, overwrite, keep, progress, client, live
            As in :func:`average`.

        Returns
        -------
        xarray.Dataset
            The map or maps.
        """
        from swathe import _results

        show = shown(progress, "granule")
        outputs = paths(output, "output")
        overwrite, keep = truth(overwrite, "overwrite"), text_or_none(keep, "keep")
        if client is not None:
            from swathe import _on_cluster

            result = _on_cluster.run(self._plan, client, outputs, overwrite, keep, show, live)
        else:
            result = _results.dataset(self._plan.run(show, outputs, overwrite, keep, page(live)))
        return result if self._template is None else self._template.on(result)

    def submit(
        self, client: Any, *, output: Any = None, _layers: tuple[list[str], bool] | None = None
    ) -> Any:
        """Give the plan to a cluster, and do not wait.

        Parameters
        ----------
        client : dask.distributed.Client
            As in :func:`average`.

        Returns
        -------
        dask.distributed.Future
            Of what :meth:`run` gives. A worker puts it together, and needs memory for it.
        """
        if client is None:
            raise PlanError("compute=False gives the work to a cluster: it needs a client")
        if output is not None:
            raise PlanError("with compute=False nothing is written", "leave output out, or wait")
        from swathe import _on_cluster

        return _on_cluster.submit(self._plan, client, _layers)

    def __repr__(self) -> str:
        rows, columns = self.shape
        return (
            f"<swathe.Plan: {', '.join(self.variables)} of {self.granules} granules on "
            f"{rows} x {columns} cells of {self.crs}, method {self.method}>"
        )

    def _repr_html_(self) -> str:
        from swathe import _html

        return _html.plan(self)
