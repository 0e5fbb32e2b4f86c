"""Why something cannot be done.

Every error of Swathe is a :class:`SwatheError`. Below it stand three answers to "whose fault is it":
:class:`GranuleError` (a file), :class:`PlanError` (what was asked for), :class:`NothingToDoError`
(nobody's). The classes carry the names that the errors have in Rust, where no argument can have a wrong type.
"""

__all__ = [
    "AuthError",
    "ClusterError",
    "CrsError",
    "FlagsError",
    "FormatError",
    "GranuleError",
    "GridError",
    "IoError",
    "MissingError",
    "NotAGridError",
    "NotASwathError",
    "NothingToDoError",
    "PlanError",
    "ProductError",
    "ReduceError",
    "RemoteError",
    "RequestError",
    "SlabError",
    "SwatheError",
    "ThreadsError",
    "UnsupportedError",
    "WrongTypeError",
]


class SwatheError(Exception):
    """Any error of Swathe.

    Parameters
    ----------
    message : str
        What was wrong, and where.
    hint : str, optional
        What to do about it.
    """

    hint: str | None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.hint is None else f"{message} ({self.hint})"


class GranuleError(SwatheError):
    """A file is at fault; the text names it."""


class IoError(GranuleError, OSError):
    """The operating system refused to read or write a file."""

    # OSError's own has other arguments.
    __init__ = SwatheError.__init__
    __str__ = SwatheError.__str__


class RemoteError(GranuleError):
    """A server did not give what it was asked for."""


class AuthError(SwatheError):
    """NASA's Earthdata wants another sign-in, or more of it: the hint says what."""


class FormatError(GranuleError):
    """A file is not what it claims to be, or is damaged."""


class UnsupportedError(GranuleError):
    """A file uses a feature that is not supported."""


class NotASwathError(GranuleError):
    """A file can be read but holds no swath."""


class NotAGridError(GranuleError):
    """A file can be read but holds no map on a regular grid."""


class PlanError(SwatheError, ValueError):
    """What is asked for does not fit together, or does not fit the granules."""


class WrongTypeError(PlanError, TypeError):
    """An argument is of a type that it cannot have, or there is none of its name. Python's alone."""


class GridError(PlanError):
    """The grid cannot be made."""


class CrsError(PlanError):
    """The coordinate reference system cannot be used."""


class FlagsError(PlanError):
    """The flags cannot be chosen."""


class MissingError(PlanError, LookupError):
    """A variable, group or flag that was asked for is not there."""


class RequestError(PlanError):
    """What was asked for cannot be done with this file."""


class SlabError(PlanError):
    """A part was asked for that the variable does not have."""


class ProductError(PlanError):
    """A result has no form in the format asked for."""


class ReduceError(PlanError):
    """What granules gave cannot be combined."""


class ThreadsError(SwatheError):
    """The system gives no threads."""


class ClusterError(SwatheError):
    """A run cannot be spread over a cluster, or its workers do not fit this process."""


class NothingToDoError(SwatheError):
    """There is no granule, or none touches the area."""
