"""The lazy array: operators and methods as numpy's."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from swathe import _collection
from swathe._arguments import memory_of, threads_of
from swathe._swathe import LazyArray
from swathe.array._given import Axis, axes_given, dtype_name, plain_number

if TYPE_CHECKING:
    from os import PathLike


def lazy_of(value: Any) -> LazyArray:
    """A lazy array, a number or whatever numpy makes an array of, as a lazy array."""
    if isinstance(value, Array):
        return value._lazy
    number = plain_number(value)
    if number is not None:
        return LazyArray.scalar(number, None)
    values = np.asarray(value)
    return LazyArray.memory(values, [-1])


#: Universal functions of numpy of one operand that lazy arrays have.
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
#: Those that have another name here.
_NAMES = {"absolute": "abs", "logical_not": "invert", "true_divide": "divide"}
#: Those of two operands.
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
        limit = memory_of(memory)
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
        return _collection.own("assembled"), (self.shape, self.chunks, self.dtype)

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
            return Array(lazy_of(inputs[0]).unary(name))
        if len(inputs) == 2 and ufunc.__name__ in _BINARY:
            return binary(name, inputs[0], inputs[1])
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
        return Array(self._lazy.cast(dtype_name(dtype)))

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
            clipped = binary("maximum", clipped, min)
        if max is not None:
            clipped = binary("minimum", clipped, max)
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
        made = self._lazy.reduce(name, axes_given(axis), keepdims, skipna, number, list(edges))
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
        made = self._lazy.weighted_mean(lazy_of(weights), axes_given(axis), keepdims, skipna)
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
        return binary("add", self, other)

    def __radd__(self, other: Any) -> Array:
        return binary("add", other, self)

    def __sub__(self, other: Any) -> Array:
        return binary("subtract", self, other)

    def __rsub__(self, other: Any) -> Array:
        return binary("subtract", other, self)

    def __mul__(self, other: Any) -> Array:
        return binary("multiply", self, other)

    def __rmul__(self, other: Any) -> Array:
        return binary("multiply", other, self)

    def __truediv__(self, other: Any) -> Array:
        return binary("divide", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return binary("divide", other, self)

    def __floordiv__(self, other: Any) -> Array:
        return binary("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Array:
        return binary("floor_divide", other, self)

    def __mod__(self, other: Any) -> Array:
        return binary("remainder", self, other)

    def __rmod__(self, other: Any) -> Array:
        return binary("remainder", other, self)

    def __pow__(self, other: Any) -> Array:
        return binary("power", self, other)

    def __rpow__(self, other: Any) -> Array:
        return binary("power", other, self)

    def __and__(self, other: Any) -> Array:
        return binary("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Array:
        return binary("bitwise_and", other, self)

    def __or__(self, other: Any) -> Array:
        return binary("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Array:
        return binary("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Array:
        return binary("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Array:
        return binary("bitwise_xor", other, self)

    def __lt__(self, other: Any) -> Array:
        return binary("less", self, other)

    def __le__(self, other: Any) -> Array:
        return binary("less_equal", self, other)

    def __gt__(self, other: Any) -> Array:
        return binary("greater", self, other)

    def __ge__(self, other: Any) -> Array:
        return binary("greater_equal", self, other)

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return binary("equal", self, other)

    def __ne__(self, other: object) -> Array:  # type: ignore[override]
        return binary("not_equal", self, other)

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


def binary(name: str, left: Any, right: Any) -> Array:
    """An operation on two operands, by its name; plain numbers take the other's type."""
    number = plain_number(right)
    if number is not None:
        return Array(lazy_of(left).binary_with(name, number, False))
    number = plain_number(left)
    if number is not None:
        return Array(lazy_of(right).binary_with(name, number, True))
    return Array(lazy_of(left).binary(name, lazy_of(right)))
