"""The ``swathe`` command of the wheel."""

import sys

from swathe import _swathe


def main() -> int:
    """Run the command of ``sys.argv`` and give its exit code."""
    return _swathe.command(sys.argv)
