"""Lazy arrays, larger than memory: chunk, apply, combine.

>>> rng = swathe.array.default_rng(5179916885778238210)
>>> lazy = rng.normal(1, 2, size=2**20, chunks=2**18)
>>> lazy
<swathe.array.Array: shape (1048576,), float64, 4 chunks>
>>> bool(abs(lazy.mean().compute() - 1) < 0.01)
True

Nothing is computed before :meth:`Array.compute`. Random numbers are, bit for bit, those of
``dask.array.random.default_rng`` for the same seed, size and chunks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

import numpy as np

from swathe import _collection
from swathe._arguments import inputs, size, text_or_none, threads_of, whole
from swathe._swathe import LazyArray, RandomGenerator

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "Array",
    "Generator",
    "arange",
    "array",
    "broadcast_to",
    "concatenate",
    "default_rng",
    "full",
    "histogram",
    "linspace",
    "maximum",
    "minimum",
    "ones",
    "open",
    "stack",
    "where",
    "zeros",
]

Chunks: TypeAlias = int | str | None | Sequence[int | str | Sequence[int] | None]
Axis: TypeAlias = int | Sequence[int] | None
Shape: TypeAlias = int | Sequence[int]


def _cuts(chunks: Chunks, shape: Sequence[int]) -> list[Any]:
    def one(cut: Any) -> Any:
        if cut is None:
            return -1
        if isinstance(cut, str):
            return cut
        try:
            if isinstance(cut, Sequence) and not isinstance(cut, bytes):
                return [operator.index(size) for size in cut]
            return operator.index(cut)
        except TypeError:
            raise TypeError(
                f'chunks are integers, "auto", or a tuple of them for the axes, not {chunks!r:.80}'
            ) from None

    if not isinstance(chunks, Sequence) or isinstance(chunks, str | bytes):
        return [one(chunks)]
    # One axis with the lengths of its chunks.
    if len(shape) == 1 and len(chunks) > 1 and not any(isinstance(c, Sequence) for c in chunks):
        return [one(chunks)]
    return [one(cut) for cut in chunks]


def _shape(size: Shape | None) -> list[int]:
    if size is None:
        return []
    if isinstance(size, str | bytes):
        raise TypeError(f"a shape is a length or a tuple of lengths, not {size!r:.80}")
    if isinstance(size, Sequence):
        return [operator.index(length) for length in size]
    return [operator.index(size)]


def _dtype(dtype: Any) -> str:
    return str(np.dtype(dtype).name)


def _axes(axis: Axis) -> list[int] | None:
    if axis is None:
        return None
    if isinstance(axis, Sequence):
        return [operator.index(a) for a in axis]
    return [operator.index(axis)]


def _number(value: Any) -> Any:
    """A plain number of Python's, where the value is one."""
    return value if type(value) in (bool, int, float) else None


def _lazy(value: Any) -> LazyArray:
    if isinstance(value, Array):
        return value._lazy
    number = _number(value)
    if number is not None:
        return LazyArray.scalar(number, None)
    values = np.asarray(value)
    return LazyArray.memory(values, [-1])


_UFUNCS = {
    "negative",
    "absolute",
    "sqrt",
    "exp",
    "log",
    "log10",
    "floor",
    "ceil",
    "sin",
    "cos",
    "isnan",
    "isfinite",
    "invert",
    "logical_not",
}
_NAMES = {"absolute": "abs", "logical_not": "invert", "true_divide": "divide"}
_BINARY = {
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "floor_divide",
    "remainder",
    "power",
    "minimum",
    "maximum",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
}


class Array:
    """An array that is computed when :meth:`compute` asks for it; operators and methods are numpy's.

    Types mix as in NumPy 2: plain numbers of Python take the array's type. Small integers are promoted to
    double precision where numpy takes half or single. Reductions take ``skipna=True`` to leave out NaN.
    """

    __slots__ = ("_lazy",)

    def __init__(self, lazy: LazyArray) -> None:
        self._lazy = lazy

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(self._lazy.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return np.dtype(self._lazy.dtype)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Lengths of the chunks along each axis."""
        return tuple(tuple(sizes) for sizes in self._lazy.chunks)

    @property
    def chunksize(self) -> tuple[int, ...]:
        """Shape of the largest chunk."""
        return tuple(max(sizes) for sizes in self._lazy.chunks)

    @property
    def npartitions(self) -> int:
        """Number of chunks."""
        return int(np.prod([len(sizes) for sizes in self._lazy.chunks], dtype=int))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._lazy.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self._lazy.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> Array:  # noqa: N802
        """With the axes in reverse order."""
        return self.transpose()

    def __len__(self) -> int:
        if not self._lazy.shape:
            raise TypeError("len() of unsized object")
        return self._lazy.shape[0]

    def __repr__(self) -> str:
        count = f"{self.npartitions} chunk{'s' * (self.npartitions != 1)}"
        return f"<swathe.array.Array: shape {self.shape}, {self.dtype}, {count}>"

    def _repr_html_(self) -> str:
        from swathe import _html

        return _html.array(self)

    def compute(
        self,
        *,
        threads: int | None = None,
        memory: int | str | None = None,
        progress: Callable[[int, int, int, str], object] | None = None,
        client: Any = None,
    ) -> Any:
        """The elements: a numpy array, or a numpy scalar where there is no axis.

        They are computed by the threads of this process; by the workers of a Dask client if one is given, or is
        at work (``dask.distributed.Client()`` has been called) and neither threads nor memory are given. The
        bytes are the same.

        Parameters
        ----------
        threads
            Number of threads; by default one for each processor.
        memory
            Most bytes that tasks may hold, as a number or as "512MiB"; the result comes on top.
        progress
            Called with tasks done and in all; of this process only.
        client
            A Dask client; False computes here whatever client is at work.

        Raises
        ------
        MemoryError
            A single task needs more.
        ClusterError
            The client is closed.
        """
        if client is None and threads is None and memory is None and progress is None:
            client = _collection.active()
        if client is not None and client is not False:
            from swathe._cluster import client_of

            return client_of(client).compute(self, sync=True)
        limit = None if memory is None else size(memory, "memory")
        values = self._lazy.compute(threads_of(threads), limit, progress)
        return values[()] if values.ndim == 0 else values

    def persist(self, *, client: Any = None) -> Array:
        """The same array, computed, its chunks held: here, or by the workers of a Dask client.

        Parameters
        ----------
        client
            As in :meth:`compute`.

        Returns
        -------
        Array
            What stands upon it does not compute it again.
        """
        if client is None:
            client = _collection.active()
        if client is not None and client is not False:
            from swathe._cluster import client_of

            kept: Array = client_of(client).persist(self)
            return kept
        cuts: list[Any] = [list(sizes) for sizes in self.chunks]
        return Array(LazyArray.memory(np.asarray(self.compute(client=False)), cuts or [-1]))

    def __dask_graph__(self) -> dict[Any, Any]:
        return _collection.graph(self._lazy, _collection.named(self._lazy))

    def __dask_keys__(self) -> Any:
        return _collection.keys(_collection.named(self._lazy), self.chunks)

    def __dask_tokenize__(self) -> str:
        return _collection.named(self._lazy)

    #: Nothing is to be optimized: what belongs together is in one task already.
    __dask_optimize__ = None
    __dask_scheduler__: ClassVar[Any] = _collection.Threads()

    def __dask_postcompute__(self) -> tuple[Any, tuple[Any, ...]]:
        return _collection.by_value("assembled"), (self.shape, self.chunks, self.dtype)

    def __dask_postpersist__(self) -> tuple[Any, tuple[Any, ...]]:
        name = _collection.named(self._lazy)
        return _collection.persisted, (name, self.shape, self.chunks, self.dtype.name)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _unpickled, (self._lazy.to_bytes(), self._lazy.fetchers())

    def visualize(self, filename: str | PathLike[str] | None = None) -> Any:
        """Draws the tasks: chunk, apply, combine.

        Parameters
        ----------
        filename
            A file to write: .svg, .mmd (Mermaid) or .dot (Graphviz). Without one, a picture for notebooks.
        """
        if filename is None:
            return Drawing(self._lazy.graph("svg"))
        path = Path(filename)
        path.write_text(self._lazy.graph(path.suffix.removeprefix(".")))
        return None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("a lazy array has no memory to share")
        return np.asarray(self.compute(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = _NAMES.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__" or options or ufunc.nout != 1:
            return NotImplemented
        if len(inputs) == 1 and ufunc.__name__ in _UFUNCS:
            return Array(_lazy(inputs[0]).unary(name))
        if len(inputs) == 2 and ufunc.__name__ in _BINARY:
            return _binary(name, inputs[0], inputs[1])
        return NotImplemented

    def __bool__(self) -> bool:
        return bool(self._only())

    def __float__(self) -> float:
        return float(self._only())

    def __int__(self) -> int:
        return int(self._only())

    def _only(self) -> Any:
        if self.size != 1:
            raise TypeError("only an array of one element is a number")
        return np.asarray(self.compute()).reshape(())[()]

    def __getitem__(self, key: Any) -> Array:
        keys = list(key) if isinstance(key, tuple) else [key]
        # By identity: an array among the keys would be compared element by element.
        open_ends = [at for at, part in enumerate(keys) if part is Ellipsis]
        if len(open_ends) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        for at in open_ends:
            named = sum(k is not None for k in keys) - 1
            keys[at : at + 1] = [slice(None)] * (self.ndim - named)
        parts: list[Any] = []
        for part in keys:
            if part is None:
                parts.append((None, None))
            elif isinstance(part, slice):
                ends = [None if e is None else operator.index(e) for e in (part.start, part.stop)]
                step = 1 if part.step is None else operator.index(part.step)
                parts.append((None, (ends[0], ends[1], step)))
            else:
                refused = "only integers, slices, ellipsis and None are valid indices"
                # numpy takes a bool for a mask, of which there are none here, and not for 0 or 1.
                if isinstance(part, bool | np.bool_):
                    raise IndexError(refused)
                try:
                    parts.append((operator.index(part), None))
                except TypeError:
                    raise IndexError(refused) from None
        return Array(self._lazy.slice(parts))

    def astype(self, dtype: Any) -> Array:
        """The same numbers as another type."""
        return Array(self._lazy.cast(_dtype(dtype)))

    def transpose(self, *axes: Any) -> Array:
        """With the axes in this order; in reverse order where none is given."""
        if len(axes) == 1 and isinstance(axes[0], Sequence):
            axes = tuple(axes[0])
        order = [operator.index(a) for a in axes] or list(range(self.ndim))[::-1]
        return Array(self._lazy.transpose(order))

    def clip(self, min: Any = None, max: Any = None) -> Array:
        """Elements below `min` become it, those above `max` that."""
        clipped = self
        if min is not None:
            clipped = _binary("maximum", clipped, min)
        if max is not None:
            clipped = _binary("minimum", clipped, max)
        return clipped

    def _reduce(
        self,
        name: str,
        axis: Axis,
        keepdims: bool,
        skipna: bool,
        number: float = 0.0,
        edges: Sequence[float] = (),
    ) -> Array:
        made = self._lazy.reduce(name, _axes(axis), keepdims, skipna, number, list(edges))
        return Array(made)

    def sum(self, axis: Axis = None, *, keepdims: bool = False, skipna: bool = False) -> Array:
        """The sum; integers as 64 bits, which wrap."""
        return self._reduce("sum", axis, keepdims, skipna)

    def mean(
        self,
        axis: Axis = None,
        *,
        keepdims: bool = False,
        skipna: bool = False,
        weights: Any = None,
    ) -> Array:
        """The mean; weighted by an array that fits the shape, if one is given."""
        if weights is None:
            return self._reduce("mean", axis, keepdims, skipna)
        made = self._lazy.weighted_mean(_lazy(weights), _axes(axis), keepdims, skipna)
        return Array(made)

    def var(
        self, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False, skipna: bool = False
    ) -> Array:
        """The variance."""
        return self._reduce("var", axis, keepdims, skipna, ddof)

    def std(
        self, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False, skipna: bool = False
    ) -> Array:
        """The standard deviation."""
        return self._reduce("std", axis, keepdims, skipna, ddof)

    def min(self, axis: Axis = None, *, keepdims: bool = False, skipna: bool = False) -> Array:
        """The least."""
        return self._reduce("min", axis, keepdims, skipna)

    def max(self, axis: Axis = None, *, keepdims: bool = False, skipna: bool = False) -> Array:
        """The greatest."""
        return self._reduce("max", axis, keepdims, skipna)

    def argmin(
        self, axis: int | None = None, *, keepdims: bool = False, skipna: bool = False
    ) -> Array:
        """Index of the least, of equal ones the first."""
        return self._reduce("argmin", axis, keepdims, skipna)

    def argmax(
        self, axis: int | None = None, *, keepdims: bool = False, skipna: bool = False
    ) -> Array:
        """Index of the greatest, of equal ones the first."""
        return self._reduce("argmax", axis, keepdims, skipna)

    def any(self, axis: Axis = None, *, keepdims: bool = False) -> Array:
        """Whether any is not zero."""
        return self._reduce("any", axis, keepdims, False)

    def all(self, axis: Axis = None, *, keepdims: bool = False) -> Array:
        """Whether none is zero."""
        return self._reduce("all", axis, keepdims, False)

    def count(self, axis: Axis = None, *, keepdims: bool = False) -> Array:
        """How many are not NaN."""
        return self._reduce("count", axis, keepdims, False)

    def quantile(
        self, q: float, axis: Axis = None, *, keepdims: bool = False, skipna: bool = False
    ) -> Array:
        """The quantile, by linear interpolation as numpy's. Exact; over all axes without holding them."""
        return self._reduce("quantile", axis, keepdims, skipna, q)

    def __neg__(self) -> Array:
        return Array(self._lazy.unary("negative"))

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return Array(self._lazy.unary("abs"))

    def __invert__(self) -> Array:
        return Array(self._lazy.unary("invert"))

    def __add__(self, other: Any) -> Array:
        return _binary("add", self, other)

    def __radd__(self, other: Any) -> Array:
        return _binary("add", other, self)

    def __sub__(self, other: Any) -> Array:
        return _binary("subtract", self, other)

    def __rsub__(self, other: Any) -> Array:
        return _binary("subtract", other, self)

    def __mul__(self, other: Any) -> Array:
        return _binary("multiply", self, other)

    def __rmul__(self, other: Any) -> Array:
        return _binary("multiply", other, self)

    def __truediv__(self, other: Any) -> Array:
        return _binary("divide", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return _binary("divide", other, self)

    def __floordiv__(self, other: Any) -> Array:
        return _binary("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Array:
        return _binary("floor_divide", other, self)

    def __mod__(self, other: Any) -> Array:
        return _binary("remainder", self, other)

    def __rmod__(self, other: Any) -> Array:
        return _binary("remainder", other, self)

    def __pow__(self, other: Any) -> Array:
        return _binary("power", self, other)

    def __rpow__(self, other: Any) -> Array:
        return _binary("power", other, self)

    def __and__(self, other: Any) -> Array:
        return _binary("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Array:
        return _binary("bitwise_and", other, self)

    def __or__(self, other: Any) -> Array:
        return _binary("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Array:
        return _binary("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Array:
        return _binary("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Array:
        return _binary("bitwise_xor", other, self)

    def __lt__(self, other: Any) -> Array:
        return _binary("less", self, other)

    def __le__(self, other: Any) -> Array:
        return _binary("less_equal", self, other)

    def __gt__(self, other: Any) -> Array:
        return _binary("greater", self, other)

    def __ge__(self, other: Any) -> Array:
        return _binary("greater_equal", self, other)

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return _binary("equal", self, other)

    def __ne__(self, other: object) -> Array:  # type: ignore[override]
        return _binary("not_equal", self, other)

    __hash__ = None  # type: ignore[assignment]


def _unpickled(told: bytes, fetchers: dict[str, Any]) -> Array:
    return Array(LazyArray.from_bytes(told, fetchers))


class Drawing:
    """A graph of tasks that notebooks show."""

    __slots__ = ("svg",)

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg


def _binary(name: str, left: Any, right: Any) -> Array:
    number = _number(right)
    if number is not None:
        return Array(_lazy(left).binary_with(name, number, False))
    number = _number(left)
    if number is not None:
        return Array(_lazy(right).binary_with(name, number, True))
    return Array(_lazy(left).binary(name, _lazy(right)))


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
        shape = _shape(size)
        cuts = _cuts(chunks, shape)
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
        shape = _shape(size)
        cuts = _cuts(chunks, shape)
        ends = (operator.index(low), operator.index(high))
        return self._made(self._random.integers(*ends, endpoint, _dtype(dtype), shape, cuts))


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


def array(values: Any, *, chunks: Chunks = "auto") -> Array:
    """What is in memory, copied, as a lazy array.

    Parameters
    ----------
    values
        Whatever numpy makes an array of.
    chunks
        How it is cut.

    Returns
    -------
    Array
        Lazy.

    Raises
    ------
    TypeError
        A type that is not supported.

    Examples
    --------
    >>> float(swathe.array.array([1, 2, 4]).sum())
    7.0
    """
    if isinstance(values, Array):
        return values
    values = np.asarray(values)
    return Array(LazyArray.memory(values, _cuts(chunks, values.shape)))


def open(
    files: str | PathLike[str] | Any,
    variable: str,
    *,
    along: str | None = None,
    chunks: Chunks = None,
    decode: bool = True,
) -> Array:
    """A variable of a file, or of many, as a lazy array.

    Parameters
    ----------
    files : path, file object, or iterable of them
        HDF5 and netCDF files, Zarr stores; patterns (``"day*.nc"``, in order of names) and addresses.
    variable : str
        Its name, or its path in the file, ``"geophysical_data/chlor_a"``.
    along : str, optional
        The dimension that files are joined along: one of the variable's own, or a new one, which comes first.
        Several files without it are stacked along a new first axis.
    chunks : int, tuple or "auto", optional
        How each file's variable is cut; by default into whole storage chunks, about 2**18 elements together.
    decode : bool
        Whether missing values become NaN and packed ones are unpacked, as ``netCDF4`` does it; whole numbers
        that are neither packed nor have missing values stay what they are. Otherwise values are as stored.

    Returns
    -------
    Array
        Lazy: only metadata has been read.

    Raises
    ------
    GranuleError
        A file cannot be read.
    PlanError
        The variable is not there, holds no numbers, or the shapes of files do not go together.

    Examples
    --------
    >>> chlorophyll = swathe.array.open(granules[0], "chlor_a")
    >>> chlorophyll.shape, chlorophyll.dtype
    ((200, 1272), dtype('float32'))
    >>> bool(chlorophyll.mean(skipna=True).compute() > 0)
    True
    >>> swathe.array.open(granules, "chlor_a", along="number_of_lines").shape
    (600, 1272)
    """
    if not isinstance(variable, str):
        raise TypeError(f"variable is a name, not {variable!r:.80}")
    cuts = None if chunks is None else _cuts(chunks, [])
    along = text_or_none(along, "along")
    return Array(LazyArray.stored(inputs(files), variable, along, cuts, not decode))


def arange(
    start: float, stop: float | None = None, step: float = 1, *, dtype: Any = None, chunks: Chunks = "auto"
) -> Array:
    """Numbers from `start` to before `stop`; from 0 to before `start` alone."""
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = np.result_type(*(np.asarray(x).dtype for x in (start, stop, step)))
    made = LazyArray.arange(float(start), float(stop), float(step), _dtype(dtype), _cuts(chunks, [0]))
    return Array(made)


def linspace(start: float, stop: float, num: int = 50, *, chunks: Chunks = "auto") -> Array:
    """So many numbers from `start` to `stop`, the latter taken in."""
    num = whole(num, "num")
    return Array(LazyArray.linspace(float(start), float(stop), num, _cuts(chunks, [num])))


def full(shape: Shape, value: Any, *, dtype: Any = None, chunks: Chunks = "auto") -> Array:
    """One value everywhere."""
    lengths = _shape(shape)
    name = None if dtype is None else _dtype(dtype)
    if isinstance(value, np.generic):
        name, value = name or value.dtype.name, value.item()
    if _number(value) is None:
        raise TypeError(f"value is a number, not {value!r:.80}")
    return Array(LazyArray.full(lengths, value, name, _cuts(chunks, lengths)))


def zeros(shape: Shape, *, dtype: Any = float, chunks: Chunks = "auto") -> Array:
    """Zeros."""
    # None is numpy's word for double precision.
    return full(shape, 0, dtype=float if dtype is None else dtype, chunks=chunks)


def ones(shape: Shape, *, dtype: Any = float, chunks: Chunks = "auto") -> Array:
    """Ones."""
    return full(shape, 1, dtype=float if dtype is None else dtype, chunks=chunks)


def where(condition: Any, x: Any, y: Any) -> Array:
    """Elements of `x` where the condition is true, of `y` elsewhere."""
    one, other = _lazy(x), _lazy(y)
    # A plain number takes the type of what it stands beside.
    if _number(x) is not None and _number(y) is None:
        one = _beside(x, other)
    elif _number(y) is not None and _number(x) is None:
        other = _beside(y, one)
    return Array(_lazy(condition).choose(one, other))


def _beside(number: Any, array: LazyArray) -> LazyArray:
    dtype = np.result_type(np.empty(0, array.dtype), number)
    return LazyArray.scalar(number, dtype.name)


def minimum(x: Any, y: Any) -> Array:
    """The lesser of each two."""
    return _binary("minimum", x, y)


def maximum(x: Any, y: Any) -> Array:
    """The greater of each two."""
    return _binary("maximum", x, y)


def broadcast_to(array: Any, shape: Shape) -> Array:
    """Repeated to a shape."""
    return Array(_lazy(array).broadcast_to(_shape(shape)))


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Array:
    """One after another along an axis."""
    return Array(LazyArray.concatenate([_lazy(a) for a in arrays], axis))


def stack(arrays: Sequence[Any], axis: int = 0) -> Array:
    """Beside each other along a new axis."""
    return Array(LazyArray.stack([_lazy(a) for a in arrays], axis))


def histogram(
    values: Any, bins: int | Sequence[float] = 10, range: tuple[float, float] | None = None
) -> tuple[Array, np.ndarray[Any, Any]]:
    """How many elements lie between one edge and the next, lazily, and the edges.

    Without `range`, the least and greatest element are computed at once.
    """
    lazy = array(values)
    if not isinstance(bins, int):
        edges = np.asarray(bins, float)
    else:
        if range is None:
            low, high = (float(lazy.min()), float(lazy.max())) if lazy.size else (0.0, 1.0)
        else:
            low, high = range
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, bins + 1)
    return lazy._reduce("histogram", None, False, False, edges=edges.tolist()), edges
