"""xarray's ``engine="swathe"``: any HDF5 or netCDF file, read by many threads at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint
from xarray.backends.common import AbstractDataStore
from xarray.backends.store import StoreBackendEntrypoint

from swathe import _swathe
from swathe._arguments import one_input, text_or_none
from swathe._stored import readable, unpacking, variable
from swathe.errors import MissingError


class Opened:
    """An open file that pickles: it is opened again elsewhere."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.file = _swathe.File(source)

    def __reduce__(self) -> tuple[type[Opened], tuple[Any]]:
        return Opened, (self.source,)


class _Store(AbstractDataStore):
    """One group of a file."""

    def __init__(self, opened: Opened, group: dict[str, Any]) -> None:
        self._opened, self._group = opened, group

    def get_variables(self) -> dict[str, xr.Variable]:
        found = {}
        for described in self._group["variables"]:
            if not readable(described):
                continue
            name = described["path"].rsplit("/", 1)[-1]
            held = variable(self._opened, described)
            if not self._opened.file.is_hdf5:
                # Classic netCDF has neither chunks nor filters to tell of, and one order of bytes.
                held.encoding = {"dtype": held.dtype, "original_shape": held.encoding["original_shape"]}
            if isinstance(self._opened.source, str | PathLike):
                held.encoding["source"] = os.fspath(self._opened.source)
            found[name] = held
        return found

    def get_attrs(self) -> dict[str, Any]:
        attributes: dict[str, Any] = self._group["attributes"]
        return attributes

    def get_dimensions(self) -> dict[str, int]:
        return {name: length for name, length, _ in self._group["dimensions"]}

    def get_encoding(self) -> dict[str, Any]:
        unlimited = {name for name, _, unlimited in self._group["dimensions"] if unlimited}
        return {"unlimited_dims": unlimited}


class SwatheBackend(BackendEntrypoint):
    """Open HDF5 and netCDF files by ``xr.open_dataset(path, engine="swathe")``.

    Arrays are lazy and pickle; reads from several threads go on at once, where the usual engines wait for
    a lock. ``chunks={}`` gives the storage's chunks.
    """

    description = "Open HDF5 and netCDF files, reading from many threads at once"
    supports_groups: ClassVar[bool] = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        # Only when asked for: other engines have these suffixes.
        return False

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        mask_and_scale: bool = True,
        decode_times: Any = True,
        concat_characters: bool = True,
        decode_coords: Any = True,
        drop_variables: str | Iterable[str] | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: Any = None,
        group: str | None = None,
    ) -> xr.Dataset:
        opened = Opened(one_input(filename_or_obj))
        path = "/" + (text_or_none(group, "group") or "").strip("/")
        groups = dict(_groups(opened.file.root()))
        if path not in groups:
            near = _swathe.nearest(path, list(groups))
            raise MissingError(
                f"{filename_or_obj}: no group {group!r}",
                f"did you mean {near}?" if near else f"there are {', '.join(groups)}",
            )
        return _decoded(
            opened,
            groups[path],
            mask_and_scale=mask_and_scale,
            decode_times=decode_times,
            concat_characters=concat_characters,
            decode_coords=decode_coords,
            drop_variables=drop_variables,
            use_cftime=use_cftime,
            decode_timedelta=decode_timedelta,
        )

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        mask_and_scale: bool = True,
        decode_times: Any = True,
        concat_characters: bool = True,
        decode_coords: Any = True,
        drop_variables: str | Iterable[str] | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: Any = None,
        group: str | None = None,
    ) -> dict[str, xr.Dataset]:
        opened = Opened(one_input(filename_or_obj))
        parent = "/" + (text_or_none(group, "group") or "").strip("/")
        below = parent.rstrip("/") + "/"
        found = {}
        for path, described in _groups(opened.file.root()):
            if path == parent or path.startswith(below):
                name = path[len(parent.rstrip("/")) :] if group else path
                found[name.strip("/") if group and path != parent else name or "."] = _decoded(
                    opened,
                    described,
                    mask_and_scale=mask_and_scale,
                    decode_times=decode_times,
                    concat_characters=concat_characters,
                    decode_coords=decode_coords,
                    drop_variables=drop_variables,
                    use_cftime=use_cftime,
                    decode_timedelta=decode_timedelta,
                )
        if not found:
            raise MissingError(f"{filename_or_obj}: no group {group!r}")
        return found

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> xr.DataTree:
        return xr.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, **options))


def _decoded(opened: Opened, group: dict[str, Any], **options: Any) -> xr.Dataset:
    dataset = StoreBackendEntrypoint().open_dataset(_Store(opened, group), **options)
    for described in group["variables"]:
        name = described["path"].rsplit("/", 1)[-1]
        if readable(described) and name in dataset.variables:
            unpacking(opened, described, dataset.variables[name])
    return dataset


def _groups(group: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All groups by path, the outer before the inner."""
    yield group["path"], group
    for below in group["groups"]:
        yield from _groups(below)
