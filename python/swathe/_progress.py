"""A bar, in the notebook or the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from swathe._arguments import truth

Show = Callable[[int, int, int, str], None]


def progress(asked: bool | Show | None, what: str) -> Show | None:
    """What shows steps: nothing, a bar, or the caller's own function."""
    if callable(asked):
        return asked
    if asked is None or not truth(asked, "progress"):
        return None
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return _Line(what)
    return _Bar(tqdm, what)


class _Bar:
    """tqdm's bar."""

    def __init__(self, tqdm: Any, what: str) -> None:
        self._tqdm, self._what, self._bar = tqdm, what, None

    def __call__(self, done: int, total: int, read: int, name: str) -> None:
        if self._bar is None:
            self._bar = self._tqdm(total=total, unit=self._what)
        bar: Any = self._bar
        bar.set_postfix_str(f"{read / 2**20:.0f} MiB read", refresh=False)
        bar.update(done - bar.n)
        if done == total:
            bar.close()


class _Line:
    """One line that is written over."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(self, done: int, total: int, read: int, name: str) -> None:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        bar = "#" * filled + "." * (30 - filled)
        sys.stderr.write(
            f"\r[{bar}] {done}/{total} {self._what}s, {read / 2**20:.0f} MiB read{end}"
        )
        sys.stderr.flush()
