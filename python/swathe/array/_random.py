"""Random arrays, whose numbers are those of dask and numpy."""

from __future__ import annotations

import operator
from typing import Any, Literal, cast

import numpy as np

from swathe._swathe import LazyArray, RandomGenerator
from swathe.array._given import Chunks, Shape, cuts_given, dtype_name, shape_given
from swathe.array._lazy import Array


class Generator:
    """Makes random arrays. Successive ones differ, as with dask and numpy. See :func:`default_rng`."""

    def __init__(
        self, seeds: Any, streams: Literal["dask", "numpy", "place"], state: Any = None
    ) -> None:
        self._seeds, self._streams = seeds, streams
        self._random = RandomGenerator(
            _words(seeds.entropy),
            [int(k) for k in seeds.spawn_key],
            seeds.n_children_spawned,
            streams,
            state,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Of several streams the seeds know all: how many children they have given.
        if self._streams == "numpy":
            raise TypeError("a generator of one stream goes on from arrays it has made: pickle those")
        return Generator, (self._seeds, self._streams)

    def _made(self, lazy: LazyArray) -> Array:
        # Who else spawns from these seeds must not get the same children.
        self._seeds.spawn(self._random.spawned - self._seeds.n_children_spawned)
        return Array(lazy)

    def _draw(self, name: str, a: float, b: float, size: Shape | None, chunks: Chunks) -> Array:
        shape = shape_given(size)
        cuts = cuts_given(chunks, shape)
        return self._made(self._random.draw(name, (float(a), float(b)), shape, cuts))

    def random(self, size: Shape | None = None, chunks: Chunks = "auto") -> Array:
        """Uniform in [0, 1)."""
        return self._draw("random", 0, 1, size, chunks)

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: Shape | None = None, chunks: Chunks = "auto"
    ) -> Array:
        """Uniform in [low, high)."""
        return self._draw("uniform", low, high, size, chunks)

    def normal(
        self, loc: float = 0.0, scale: float = 1.0, size: Shape | None = None, chunks: Chunks = "auto"
    ) -> Array:
        """Normal, of mean `loc` and standard deviation `scale`."""
        return self._draw("normal", loc, scale, size, chunks)

    def standard_normal(self, size: Shape | None = None, chunks: Chunks = "auto") -> Array:
        """Normal, of mean 0 and standard deviation 1."""
        return self._draw("normal", 0, 1, size, chunks)

    def exponential(
        self, scale: float = 1.0, size: Shape | None = None, chunks: Chunks = "auto"
    ) -> Array:
        """Exponential, of mean `scale`."""
        return self._draw("exponential", scale, 0, size, chunks)

    def standard_exponential(self, size: Shape | None = None, chunks: Chunks = "auto") -> Array:
        """Exponential, of mean 1."""
        return self._draw("exponential", 1, 0, size, chunks)

    def lognormal(
        self, mean: float = 0.0, sigma: float = 1.0, size: Shape | None = None, chunks: Chunks = "auto"
    ) -> Array:
        """Lognormal: its logarithm has this mean and standard deviation."""
        return self._draw("lognormal", mean, sigma, size, chunks)

    def integers(
        self,
        low: int,
        high: int | None = None,
        size: Shape | None = None,
        dtype: Any = np.int64,
        endpoint: bool = False,
        chunks: Chunks = "auto",
    ) -> Array:
        """Whole numbers from `low` to below `high` (up to it if `endpoint`); from 0 to below `low` alone."""
        low, high = (0, low) if high is None else (low, high)
        shape = shape_given(size)
        cuts = cuts_given(chunks, shape)
        ends = (operator.index(low), operator.index(high))
        return self._made(self._random.integers(*ends, endpoint, dtype_name(dtype), shape, cuts))


def _words(entropy: Any) -> list[int]:
    """Entropy as words of 32 bits, each integer from its lowest, as numpy takes it."""
    if isinstance(entropy, np.ndarray) and entropy.dtype == np.uint32:
        return [int(word) for word in entropy.ravel()]
    if isinstance(entropy, str):
        return _words(int(entropy, 0))
    if isinstance(entropy, (int, np.integer)):
        left = int(entropy)
        if left < 0:
            raise ValueError("expected non-negative integer")
        words = [left & 0xFFFFFFFF]
        while left := left >> 32:
            words.append(left & 0xFFFFFFFF)
        return words
    return [word for part in entropy for word in _words(part)]


def default_rng(
    seed: Any = None, *, streams: Literal["dask", "numpy", "place"] = "dask"
) -> Generator:
    """A maker of random arrays.

    Parameters
    ----------
    seed
        What numpy's and dask's ``default_rng`` take: nothing, an int, a sequence of ints, a
        ``SeedSequence``, a ``PCG64``, a ``numpy.random.Generator`` of one, or a generator of this module.
    streams
        Where the bits of a chunk come from. "dask": from a child of the seed, as dask does. "numpy": all
        from one stream; the elements are those of ``numpy.random.default_rng(seed)``. "place": each element
        from its place; the elements do not depend on the chunks.

    Returns
    -------
    Generator
        With numpy's methods ``normal``, ``uniform``, ...; each takes ``chunks`` besides.

    Raises
    ------
    TypeError
        A bit generator other than PCG64.

    Examples
    --------
    >>> rng = swathe.array.default_rng(42)
    >>> rng.normal(1, 2, size=1000, chunks=100).chunksize
    (100,)
    """
    if isinstance(seed, Generator):
        return seed
    bits = getattr(seed, "bit_generator", seed)
    # dask's generator wraps one of numpy's.
    bits = getattr(bits, "_bit_generator", bits)
    if isinstance(bits, np.random.BitGenerator):
        if type(bits) is not np.random.PCG64:
            raise TypeError(f"{type(bits).__name__} is not supported: only PCG64 is")
        told = cast("dict[str, Any]", bits.state)
        half = told["uinteger"] if told["has_uint32"] else None
        state = (told["state"]["state"], told["state"]["inc"], half)
        return Generator(bits.seed_seq, streams, state)
    seeds = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return Generator(seeds, streams)
