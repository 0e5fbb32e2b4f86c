"""NASA's catalogue, and the sign-in."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any, TypeAlias

import numpy as np

from swathe import _swathe
from swathe._arguments import numbers, suggesting, text, text_or_none, whole
from swathe.errors import AuthError, PlanError, WrongTypeError

Day: TypeAlias = str | date | datetime | np.datetime64 | None


@dataclass(frozen=True)
class FoundGranule:
    """A granule in the catalogue. Jobs take it as a granule: it is read where it is."""

    #: Name of its file.
    name: str
    #: The catalogue's number for it.
    id: str
    #: Short name of the collection.
    collection: str
    #: Version of the collection.
    version: str
    #: Start and end of observation, ISO 8601, UTC.
    start: str
    end: str
    #: Rings of longitude and latitude in degrees.
    outlines: list[list[tuple[float, float]]]
    #: "Day", "Night", "Both".
    day_night: str | None
    #: Per cent.
    cloud_cover: float | None
    #: Whether it is a near-real-time product.
    near_real_time: bool
    #: Bytes.
    size: int | None
    #: Links by https, and for direct access.
    https: str | None
    s3: str | None
    #: A picture of it.
    browse: str | None

    @property
    def link(self) -> str:
        """The address that is read."""
        found = self.https or self.s3
        if found is None:
            raise PlanError(f"{self.name}: the catalogue has no link to it")
        return found

    def _repr_html_(self) -> str:
        size = "" if self.size is None else f", {self.size / 1e6:.1f} MB"
        return f"<code>{self.name}</code> {self.start[:19]}{size}"


@suggesting
def search(
    short_name: str,
    *,
    temporal: tuple[Day, Day] | str | None = None,
    bounding_box: tuple[float, float, float, float] | str | None = None,
    bbox: tuple[float, float, float, float] | str | None = None,
    version: str | None = None,
    provider: str | None = None,
    point: tuple[float, float] | None = None,
    polygon: Any = None,
    cloud_cover: float | tuple[float, float] | None = None,
    day_night_flag: str | None = None,
    granule_name: str | None = None,
    count: int = -1,
) -> list[FoundGranule]:
    """Look for granules in NASA's catalogue.

    Of one observation the newest version is found, a near-real-time granule only where there is no refined
    one. No sign-in is needed.

    Parameters
    ----------
    short_name : str
        The collection: ``"PACE_OCI_L2_BGC"``.
    temporal : (start, end) or str, optional
        Times, dates, or text: ``("2024-08-01", "2024-08-07")``, ``"2024-08"``; ends included, None is open.
    bounding_box, bbox : (west, south, east, north), optional
        Box in degrees; west > east means across 180.
    version, provider : str, optional
        Of the collection.
    point : (longitude, latitude), optional
        Granules over a point.
    polygon : GeoJSON as a dictionary, or anything with ``__geo_interface__``, optional
        Granules that touch it.
    cloud_cover : float or (float, float), optional
        Per cent: most, or least and most.
    day_night_flag : {"day", "night", "unspecified"}, optional
        Time of day.
    granule_name : str, optional
        Pattern of names, with ``*`` and ``?``.
    count : int
        At most so many, the earliest; -1 means all.

    Returns
    -------
    list of FoundGranule
        By time; :func:`average` and the others take them as granules.

    Raises
    ------
    MissingError
        The collection is not known.
    RemoteError
        The catalogue does not answer.

    Examples
    --------
    >>> found = swathe.search("PACE_OCI_L2_BGC", temporal="2024-08-01")  # doctest: +SKIP
    """
    if bbox is not None and bounding_box is not None:
        raise PlanError("bbox and bounding_box are the same")
    box = bbox if bounding_box is None else bounding_box
    single = isinstance(cloud_cover, int | float | np.number)
    cover = (0.0, cloud_cover) if single else cloud_cover
    shape = getattr(polygon, "__geo_interface__", polygon)
    asked = {
        "collection": text(short_name, "short_name"),
        "version": text_or_none(version, "version"),
        "provider": text_or_none(provider, "provider"),
        "time": None if temporal is None else _period(temporal),
        "bbox": None if box is None else numbers(box, "bounding_box", 4),
        "point": None if point is None else numbers(point, "point", 2),
        "polygon": None if shape is None else _geojson(shape),
        "cloud_cover": None if cover is None else numbers(cover, "cloud_cover", 2),
        "day_night": text_or_none(day_night_flag, "day_night_flag"),
        "name": text_or_none(granule_name, "granule_name"),
        "limit": None if whole(count, "count", -1) == -1 else whole(count, "count"),
    }
    found = json.loads(_swathe.search(asked))
    fields = FoundGranule.__dataclass_fields__
    granules = []
    for record in found:
        known = {name: value for name, value in record.items() if name in fields}
        known["outlines"] = [[tuple(point) for point in ring] for ring in known["outlines"]]
        granules.append(FoundGranule(**known))
    return granules


def _period(temporal: Any) -> tuple[str, str]:
    if isinstance(temporal, str):
        start, _, end = temporal.partition("/")
        return (start, end) if "/" in temporal else (start, start)
    try:
        start, end = temporal
    except (TypeError, ValueError):
        raise PlanError(f"temporal is a start and an end, not {temporal!r:.80}") from None
    return _time(start), _time(end)


def _geojson(shape: Any) -> str:
    try:
        return json.dumps(shape)
    except (TypeError, ValueError):
        raise WrongTypeError(f"polygon is GeoJSON as a dictionary, not {shape!r:.80}") from None


def _time(value: Day) -> str:
    if isinstance(value, np.datetime64):
        days = np.datetime_data(value.dtype)[0] in ("Y", "M", "W", "D")
        value = value.astype("M8[D]" if days else "M8[us]").item()
        if value is None:
            raise PlanError("temporal has a time that is none (NaT)")
    if value is None:
        return ""
    if isinstance(value, datetime):
        # The catalogue's times are UTC.
        return value.replace(tzinfo=value.tzinfo or timezone.utc).isoformat()
    return value.isoformat() if isinstance(value, date) else text(value, "a time of temporal")


def token_of(given: Any) -> str | None:
    """A token, if one is given. What is none is not shown: it may hold one."""
    if given is None or isinstance(given, str):
        return given
    raise WrongTypeError(f"token is text, not {type(given).__name__}")


def login(token: str | None = None) -> str:
    """Sign in to NASA's Earthdata, and say with what; nothing secret is in it.

    Parameters
    ----------
    token : str, optional
        A token of Earthdata Login. Else that of a live session of ``earthaccess``, ``EARTHDATA_TOKEN``,
        ``EARTHDATA_USERNAME`` and ``EARTHDATA_PASSWORD``, or the netrc file is used, as it is without
        calling this function.

    Returns
    -------
    str
        User, where the credentials come from, and when they expire, as far as these are known.

    Raises
    ------
    AuthError
        There are no credentials, or they are not accepted.

    Examples
    --------
    >>> swathe.login()  # doctest: +SKIP
    'signed in as ocean, with what /home/ocean/.netrc says, until 2024-10-01T00:00:00Z'
    """
    token = token_of(token)
    if token is not None:
        if not token.strip():
            raise AuthError("the token is empty", "leave it out to use what others have")
        _swathe.set_token(token, "swathe.login")
    else:
        use_earthaccess()
    user, origin, expires = _swathe.login()
    until = "" if expires is None else f", until {expires}"
    if user is None:
        return f"{origin} has a token{until}"
    return f"signed in as {user}, with what {origin} says{until}"


def use_earthaccess() -> None:
    """Take the token of a live earthaccess session, which an interactive login leaves in memory only."""
    _set(earthaccess_token(), "earthaccess")


def earthaccess_token() -> str | None:
    """The token of a live earthaccess session."""
    module = sys.modules.get("earthaccess")
    auth = getattr(module, "__auth__", None)
    token = getattr(auth, "token", None)
    if not getattr(auth, "authenticated", False) or not isinstance(token, dict):
        return None
    found = token.get("access_token")
    return found if isinstance(found, str) else None


_taken: tuple[int, str] | None = None


def _set(token: Any, origin: str) -> None:
    """Sets a token, if it is another than the last one; a process made by forking starts anew."""
    global _taken
    if isinstance(token, str) and token and _taken != (os.getpid(), token):
        _swathe.set_token(token, origin)
        _taken = (os.getpid(), token)


def address_of(file: Any) -> str | None:
    """The https address of a file of ``earthaccess.open``; its session's token is used from now on."""
    url = getattr(file, "url", None)
    kwargs = getattr(getattr(file, "fs", None), "client_kwargs", None)
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return None
    if not isinstance(kwargs, dict):
        return None
    headers = {str(k).lower(): v for k, v in (kwargs.get("headers") or {}).items()}
    sent = headers.get("authorization")
    if isinstance(sent, str) and sent.startswith("Bearer "):
        _set(sent.removeprefix("Bearer "), "earthaccess.open")
        return url
    return None
