"""Functions for processes that may lack this package, and may run another Python.

Dask names functions of a package, which schedulers would have to have, and sends others as bytecode, which no other
version of Python runs. What is made here travels as text, and is compiled where it is called.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

#: An expression that makes a function again, of ``source`` and its ``name``; pickled, it is ``make``, this text.
FUNCTION = """type(name, (), {
    "__call__": lambda self, *words, **named: (exec(source, scope := {}), scope[name](*words, **named))[1],
    "__reduce__": lambda self: (eval, (make, {"make": make, "source": source, "name": name})),
    "__module__": "swathe._sent",
    "__name__": name,
    "__qualname__": name,
})()"""
#: The same of a plugin: ``function`` sets a worker or a scheduler up (``kind`` and ``hook`` are Dask's names), with more
#: ``words``.
PLUGIN = """type(name, (getattr(__import__("distributed"), kind),), {
    hook: lambda self, worker=None, scheduler=None: (
        exec(source, scope := {}), scope[function](scheduler if worker is None else worker, *words)
    )[1],
    "__reduce__": lambda self: (eval, (make, {
        "make": make, "source": source, "function": function, "kind": kind, "hook": hook, "name": name,
        "words": words, "once": once,
    })),
    "__module__": "swathe._sent",
    "__repr__": lambda self: "<" + name + ">",
    "idempotent": once,
})()"""


def sent(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a module, which must name nothing that it does not import itself."""
    made: Callable[..., Any] = eval(
        FUNCTION, {"make": FUNCTION, "source": _source(function), "name": function.__name__}
    )
    return made


def plugin(setup: Callable[..., None], name: str, *words: Any, once: bool = False) -> Any:
    """A worker plugin: a function, as in :func:`sent`, of a worker and these words. ``once``: workers that have one of its
    name are not set up again."""
    return _plugin("WorkerPlugin", "setup", setup, name, words, once)


def scheduler_plugin(start: Callable[..., None], name: str, *words: Any) -> Any:
    """The same for the scheduler; once."""
    return _plugin("SchedulerPlugin", "start", start, name, words, True)


def _plugin(
    kind: str, hook: str, function: Callable[..., None], name: str, words: tuple[Any, ...], once: bool
) -> Any:
    known = {"source": _source(function), "function": function.__name__, "name": name, "words": words}
    return eval(PLUGIN, {"make": PLUGIN, "kind": kind, "hook": hook, **known, "once": once})


def _source(function: Callable[..., Any]) -> str:
    # Annotations name what is known here.
    return "from __future__ import annotations\n" + textwrap.dedent(inspect.getsource(function))


def by_name(module: str, name: str) -> Callable[..., Any]:
    """A function of this package, looked up where it is called."""
    return partial(_CALL, module, name)


def call(module: str, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a function of a module."""
    from importlib import import_module

    return getattr(import_module(module), name)(*arguments, **options)


_CALL = sent(call)
