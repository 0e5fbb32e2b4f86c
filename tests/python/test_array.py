"""Every operation and reduction of lazy arrays is numpy's, for any chunks."""

import itertools
import os
import re
import warnings

import numpy as np
import pytest

package = pytest.importorskip("swathe")
array = pytest.importorskip("swathe.array")

TYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
ROUNDS = 40 if os.environ.get("SWATHE_LONG") == "1" else 6


@pytest.fixture(autouse=True)
def quiet():
    """numpy warns where it gives NaN or zero: its outcomes are what is compared."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def numbers(random, shape, dtype, missing=0.0):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return random.random(shape) < 0.5
    if kind == "f":
        values = (random.normal(size=shape) * 10 ** random.uniform(-2, 2)).astype(dtype)
        return np.where(random.random(shape) < missing, np.asarray(np.nan, dtype), values)
    ends = np.iinfo(dtype)
    if random.random() < 0.5:
        return random.integers(max(ends.min, -20), min(ends.max, 20), shape, dtype=dtype, endpoint=True)
    return random.integers(ends.min, ends.max, shape, dtype=dtype, endpoint=True)


def cut(random, shape):
    """Chunks at random."""

    def axis(length):
        count = random.integers(0, min(length, 5)) if length > 1 else 0
        ends = sorted(random.choice(np.arange(1, length), count, replace=False)) if count else []
        return tuple(int(e) for e in np.diff([0, *ends, length]))

    return tuple(axis(length) for length in shape)


def lazily(random, values):
    values = np.asarray(values)
    return array.array(values, chunks=cut(random, values.shape) if values.ndim else -1)


def same(lazy, expected, **tolerance):
    got, expected = np.asarray(lazy.compute()), np.asarray(expected)
    assert lazy.dtype == got.dtype == expected.dtype
    assert lazy.shape == got.shape == expected.shape
    if tolerance:
        np.testing.assert_allclose(got, expected, **tolerance)
    else:
        np.testing.assert_array_equal(got, expected)


def shapes(random):
    return tuple(random.integers(1, 9, random.integers(0, 4)))


ARITHMETIC = [
    np.add,
    np.subtract,
    np.multiply,
    np.floor_divide,
    np.remainder,
    np.minimum,
    np.maximum,
    np.equal,
    np.not_equal,
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.true_divide,
]


@pytest.mark.parametrize("operation", ARITHMETIC, ids=lambda f: f.__name__)
def test_two_operands(operation):
    random = np.random.default_rng(len(operation.__name__))
    for one, other in itertools.product(TYPES, TYPES):
        shape = shapes(random)
        # Some axes are repeated.
        small = tuple(1 if random.random() < 0.3 else n for n in shape[random.integers(0, len(shape) + 1) :])
        a, b = numbers(random, shape, one, 0.1), numbers(random, small, other, 0.1)
        if random.random() < 0.5:
            a, b = b, a
        x, y = lazily(random, a), lazily(random, b)
        try:
            expected = operation(a, b)
        except TypeError:
            with pytest.raises(TypeError, match=operation.__name__):
                operation(x, y)
            continue
        if expected.dtype == np.float16:
            expected = np.true_divide(a, b, dtype=np.float64)
        if operation in (np.floor_divide, np.remainder) and np.result_type(a, b).kind == "f":
            same(operation(x, y), expected, rtol=1e-6)
        else:
            same(operation(x, y), expected)


@pytest.mark.parametrize("number", [0, 1, -1, 7, 255, 300, 2**40, 2.5, -0.0, float("nan"), float("inf"), True])
def test_plain_numbers_take_the_arrays_type(number):
    random = np.random.default_rng(5)
    for dtype, operation, swapped in itertools.product(TYPES, ARITHMETIC, [False, True]):
        values = numbers(random, (7, 5), dtype, 0.1)
        lazy = lazily(random, values)
        words = (number, values) if swapped else (values, number)
        lazy_words = (number, lazy) if swapped else (lazy, number)
        try:
            expected = operation(*words)
        except (TypeError, OverflowError) as error:
            with pytest.raises(type(error)):
                operation(*lazy_words)
            continue
        if expected.dtype == np.float16:
            expected = operation(*(np.asarray(w, np.float64) for w in words))
        if expected.dtype.kind == "f":
            same(operation(*lazy_words), expected, rtol=1e-6)
        else:
            same(operation(*lazy_words), expected)


def test_powers():
    random = np.random.default_rng(6)
    for one, other in itertools.product(TYPES, TYPES):
        a, b = numbers(random, (40,), one), np.abs(numbers(random, (40,), other)) % 7
        if b.dtype != other:
            continue
        expected = a**b
        tolerance = {"rtol": 1e-5} if expected.dtype == np.float32 else {"rtol": 1e-13}
        same(lazily(random, a) ** lazily(random, b), expected, **({} if expected.dtype.kind in "iu" else tolerance))
    values = numbers(random, (50,), "float64")
    for power in (2, 0.5, -1, 3, 0):
        same(lazily(random, values) ** power, values**power, rtol=1e-14)
    same(2 ** lazily(random, np.arange(9)), 2 ** np.arange(9))
    with pytest.raises(ValueError, match="negative integer powers"):
        (lazily(random, np.arange(4)) ** np.array([1, -1, 2, 3])).compute()


UNARY = ["negative", "absolute", "sqrt", "exp", "log", "log10", "floor", "ceil", "sin", "cos", "isnan", "isfinite", "invert"]


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name):
    random = np.random.default_rng(len(name))
    operation = getattr(np, name)
    for dtype in TYPES:
        values = numbers(random, (60, 3), dtype, 0.1)
        lazy = lazily(random, values)
        try:
            expected = operation(values)
        except TypeError:
            with pytest.raises(TypeError):
                operation(lazy)
            continue
        if name in ("sqrt", "exp", "log", "log10", "sin", "cos"):
            if values.dtype.kind != "f":
                # Where numpy computes in half or single precision.
                expected = operation(values.astype(np.float64))
            tolerance = 1e-6 if expected.dtype == np.float32 else 1e-14
            same(operation(lazy), expected, rtol=tolerance, atol=1e-15 if name in ("sin", "cos") else 0)
        elif name in ("floor", "ceil") and values.dtype == bool:
            continue
        else:
            same(operation(lazy), expected)


def test_casts():
    random = np.random.default_rng(8)
    for one, other in itertools.product(TYPES, TYPES):
        values = numbers(random, (50,), one)
        if np.dtype(one).kind == "f" and np.dtype(other).kind in "iu":
            values = np.abs(values) % 100
        same(lazily(random, values).astype(other), values.astype(other))
    # Out of range, where numpy's outcome is the processor's: the nearest there is.
    out = array.array([np.nan, -1e30, 1e30, -1.5]).astype("int16").compute()
    assert out.tolist() == [0, -32768, 32767, -1]


def test_where_clip_and_broadcast():
    random = np.random.default_rng(9)
    for one, other in itertools.product(TYPES, TYPES):
        shape = shapes(random)
        condition = numbers(random, shape, "bool")
        a, b = numbers(random, shape, one), numbers(random, shape[1:], other)
        same(array.where(lazily(random, condition), lazily(random, a), lazily(random, b)), np.where(condition, a, b))
    for dtype in TYPES[1:]:
        values = numbers(random, (9, 4), dtype)
        same(lazily(random, values).clip(3, 9), np.minimum(np.maximum(values, 3), 9))
        same(array.where(lazily(random, values) > 2, 1, lazily(random, values)), np.where(values > 2, 1, values))
    values = numbers(random, (1, 4), "float32")
    same(array.broadcast_to(lazily(random, values), (3, 5, 4)), np.broadcast_to(values, (3, 5, 4)))


def indices(random, shape):
    key = []
    for length in shape[: random.integers(0, len(shape) + 1)]:
        choice = random.random()
        if choice < 0.2:
            key.append(int(random.integers(-length, length)))
        elif choice < 0.3:
            key.append(None)
            key.append(slice(None))
        else:
            ends = [None if random.random() < 0.3 else int(e) for e in random.integers(-length - 2, length + 3, 2)]
            step = int(random.choice([1, 1, 2, 3, -1, -2, 7]))
            key.append(slice(*ends, step))
    if random.random() < 0.3 and len([k for k in key if k is not None]) < len(shape):
        key.append(Ellipsis)
    return tuple(key)


def test_slices_transposes_and_joins():
    random = np.random.default_rng(10)
    for _ in range(60 * ROUNDS):
        shape = tuple(random.integers(1, 12, random.integers(1, 4)))
        values = numbers(random, shape, random.choice(TYPES))
        key = indices(random, shape)
        lazy = lazily(random, values)
        taken, expected = lazy[key], values[key]
        order = random.permutation(expected.ndim).tolist()
        same(taken.transpose(order), expected.transpose(order))
        same(taken.T + 1 if values.dtype != bool else ~taken.T, expected.T + 1 if values.dtype != bool else ~expected.T)
        axis = int(random.integers(-len(shape), len(shape)))
        others = [numbers(random, shape, random.choice(TYPES)) for _ in range(3)]
        parts = [lazily(random, other) for other in others]
        try:
            joined = np.concatenate(others, axis)
        except TypeError:
            continue
        same(array.concatenate(parts, axis), joined)
        same(array.stack(parts, axis), np.stack(others, axis))
        same(array.concatenate(parts, axis)[key] if axis != 0 else parts[0][key], joined[key] if axis != 0 else others[0][key])


def test_the_same_numbers_again_and_beside_themselves():
    rng = array.default_rng(3)
    for chunks in (50, 7, (10, 100), (100, 3)):
        lazy = rng.normal(size=(100, 100), chunks=chunks)
        values = lazy.compute()
        same(lazy, values)
        same(lazy * lazy, values * values)
        same(lazy + lazy.T, values + values.T)
        same(lazy[1:] - lazy[:-1], values[1:] - values[:-1])
        same(lazy[:, ::-3] + lazy[:, :34], values[:, ::-3] + values[:, :34])
        same((lazy - lazy.mean()) / lazy.std(), (values - values.mean()) / values.std(), rtol=1e-9, atol=1e-12)
        same((lazy - lazy.mean(axis=0)).max(axis=1), (values - values.mean(axis=0)).max(axis=1), rtol=1e-12)


STATISTICS = {
    "sum": (np.sum, np.nansum),
    "mean": (np.mean, np.nanmean),
    "var": (np.var, np.nanvar),
    "std": (np.std, np.nanstd),
    "min": (np.min, np.nanmin),
    "max": (np.max, np.nanmax),
    "argmin": (np.argmin, np.nanargmin),
    "argmax": (np.argmax, np.nanargmax),
    "any": (np.any, None),
    "all": (np.all, None),
}


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("dtype", TYPES)
def test_reductions(name, dtype):
    random = np.random.default_rng(len(name) + len(dtype))
    plain, skipping = STATISTICS[name]
    for _ in range(5 * ROUNDS):
        shape = tuple(random.integers(1, 9, random.integers(1, 5)))
        if random.random() < 0.1:
            shape = (int(random.integers(3000, 9000)), 3)
        missing = random.choice([0.0, 0.1, 0.6])
        values = numbers(random, shape, dtype, missing)
        count = random.integers(1, len(shape) + 1)
        axes = tuple(int(a) for a in random.choice(len(shape), count, replace=False))
        axis = None if random.random() < 0.3 else axes
        if name.startswith("arg") and axis is not None:
            axis = axes[0] - len(shape)
        keep = bool(random.random() < 0.5)
        lazy = lazily(random, values)
        words = {} if name in ("any", "all") else {"skipna": bool(random.random() < 0.5)}
        options = {"ddof": int(random.integers(0, 3))} if name in ("var", "std") else {}
        function = skipping if words.get("skipna") else plain
        reduced = getattr(lazy, name)(axis, keepdims=keep, **words, **options)
        try:
            expected = function(values, axis=axis, keepdims=keep, **options)
        except ValueError as error:
            assert "All-NaN" in str(error)
            with pytest.raises(ValueError, match="all NaN"):
                reduced.compute()
            continue
        if name in ("mean", "var", "std") and values.dtype != np.float32:
            expected = np.asarray(expected, np.float64)
        if np.asarray(expected).dtype.kind == "f" and name not in ("min", "max"):
            scale = np.abs(np.nan_to_num(values.astype(float), posinf=0, neginf=0)).max() * values.size
            rtol, part = (2e-5, 1e-6) if values.dtype == np.float32 else (1e-11, 1e-14)
            atol = part * scale * (scale if name == "var" else 1)
            same(reduced, expected, rtol=rtol, atol=atol if name != "std" else np.sqrt(part) * scale)
        else:
            same(reduced, expected)


def test_counts_and_weights():
    random = np.random.default_rng(12)
    for dtype in ("float32", "float64", "int16"):
        values = numbers(random, (6, 40, 30), dtype, 0.3)
        lazy = lazily(random, values)
        for axis in (None, 0, (1, 2), (0, 2)):
            same(lazy.count(axis), np.sum(~np.isnan(values), axis=axis))
            weights = np.cos(np.linspace(-1.5, 1.5, 40))[:, None]
            whole = np.broadcast_to(weights, values.shape)
            here = ~np.isnan(values)
            expected = np.sum(np.where(here, values, 0) * whole, axis, float) / np.sum(here * whole, axis)
            made = lazy.mean(axis, skipna=True, weights=weights)
            np.testing.assert_allclose(made.compute(), expected, rtol=1e-12, atol=1e-13)
            plain = lazy.mean(axis, weights=weights).compute()
            np.testing.assert_allclose(plain, np.average(values, axis, whole), rtol=1e-11, atol=1e-12)


def test_quantiles():
    random = np.random.default_rng(13)
    for q in (0, 0.1, 0.5, 0.77, 1):
        for dtype in TYPES[1:]:
            values = numbers(random, (7, 11, 5), dtype, random.choice([0, 0.2]))
            lazy = lazily(random, values)
            for axis in (None, 1, (0, 2)):
                for skip, function in ((False, np.quantile), (True, np.nanquantile)):
                    expected = function(values.astype(np.float64), q, axis=axis)
                    got = lazy.quantile(q, axis, skipna=skip).compute()
                    np.testing.assert_allclose(got, expected, rtol=1e-6 if dtype == "float32" else 1e-13)
    # More than are held.
    rng = array.default_rng(1)
    lazy = rng.normal(3, 2, size=2**21 + 12345, chunks=300_000)
    values = lazy.compute()
    for q in (0, 1e-7, 0.3, 0.5, 1):
        assert lazy.quantile(q).compute() == np.quantile(values, q)
    gaps = array.where(lazy > 4, np.nan, lazy)
    assert np.isnan(gaps.quantile(0.5).compute())
    assert gaps.quantile(0.5, skipna=True).compute() == np.quantile(values[values <= 4], 0.5)
    assert np.isnan(array.full(2**21 + 1, np.nan).quantile(0.5, skipna=True).compute())


def test_histograms():
    random = np.random.default_rng(14)
    for dtype in TYPES[1:]:
        values = numbers(random, (300, 9), dtype)
        for bins, span in ((10, None), (7, (-3.0, 3.0)), ([-5, 0, 0.5, 4], None), (1, None)):
            if span is None and dtype.endswith("64") and dtype != "float64":
                continue
            counts, edges = array.histogram(lazily(random, values), bins, span)
            expected, wanted = np.histogram(values.astype(np.float64), bins, span)
            np.testing.assert_array_equal(edges, wanted)
            same(counts, expected)


def test_ranges():
    random = np.random.default_rng(15)
    for _ in range(100):
        start, stop, step = random.integers(-50, 50, 3).tolist()
        step = step or 1
        for words in ((start, stop, step), (start / 7, stop / 7, step / 13), (stop,)):
            same(array.arange(*words, chunks=7), np.arange(*words))
        same(array.linspace(start / 3, stop, abs(step), chunks=5), np.linspace(start / 3, stop, abs(step)))
    same(array.arange(5, dtype="float32"), np.arange(5, dtype="float32"))
    same(array.full((2, 3), np.float32(2.5)), np.full((2, 3), np.float32(2.5)))
    same(array.ones((2, 3), dtype=int), np.ones((2, 3), dtype=int))
    same(array.zeros(4), np.zeros(4))


def test_ones_and_zeros_have_numpys_types():
    for dtype in (None, float, "float32", np.int8, bool):
        for ours, theirs in ((array.ones, np.ones), (array.zeros, np.zeros)):
            made = ours((2, 3), dtype=dtype)
            assert made.dtype == theirs((2, 3), dtype=dtype).dtype
            np.testing.assert_array_equal(made.compute(), theirs((2, 3), dtype=dtype))


def test_results_do_not_depend_on_threads_or_memory():
    rng = array.default_rng(4)
    lazy = rng.lognormal(0, 3, size=(700, 1000), chunks=(100, 90))
    for statistic in (lazy.sum(), lazy.std(axis=0), (lazy - lazy.mean()).var(axis=1), lazy.quantile(0.3, 0)):
        results = [np.asarray(statistic.compute(threads=n)).tobytes() for n in (1, 2, 3, 7)]
        results.append(np.asarray(statistic.compute(memory="64MiB")).tobytes())
        assert len(set(results)) == 1


def test_sums_are_stable():
    # Each element is lost beside the sum in single steps.
    ones = array.full(10**7, np.float32(0.1), chunks=10**6)
    assert ones.sum().compute() == np.float32(10**7 * float(np.float32(0.1)))
    far = 1e9 + array.default_rng(1).normal(size=10**6, chunks=99_999)
    assert far.var().compute() == pytest.approx(far.compute().astype(np.longdouble).var(), rel=1e-9)
    large = array.array([1e100, 1.0, -1e100] * 1000, chunks=7)
    assert abs(large.sum().compute() - 1000) <= 1000
    assert array.array([np.inf, 1]).sum().compute() == np.inf
    assert np.isnan(array.array([np.inf, -np.inf]).sum().compute())


def test_empty_arrays():
    for shape in ((0,), (0, 3), (3, 0, 2)):
        lazy, values = array.zeros(shape), np.zeros(shape)
        same(lazy + 1, values + 1)
        for name in ("sum", "mean", "var", "any", "all"):
            same(getattr(lazy, name)(), getattr(values, name)())
            same(getattr(lazy, name)(axis=0), getattr(values, name)(axis=0))
        with pytest.raises(ValueError, match=re.escape(f"min of no elements: the shape is {shape}")):
            lazy.min()
        with pytest.raises(ValueError):
            lazy.argmax()


def test_what_cannot_be_is_refused_when_it_is_said():
    x, y = array.zeros((3, 4), chunks=2), array.ones((4, 3))
    says = lambda error, words: pytest.raises(error, match=re.escape(words))  # noqa: E731
    with says(ValueError, "operands of add could not be broadcast together with shapes (3, 4) (4, 3)"):
        x + y
    with says(ValueError, "array of shape (3, 4) cannot be broadcast to (3, 5)"):
        array.broadcast_to(x, (3, 5))
    with says(np.exceptions.AxisError, "axis 2 is out of bounds for array of dimension 2"):
        x.sum(axis=2)
    with says(np.exceptions.AxisError, "axis -3"):
        array.concatenate([x, x], axis=-3)
    with says(ValueError, "duplicate value -1 in axis"):
        x.sum(axis=(1, -1))
    with says(IndexError, "index 3 is out of bounds for axis 0 with size 3"):
        x[3]
    with says(IndexError, "too many indices"):
        x[0, 0, 0]
    with says(IndexError, "slice step cannot be zero"):
        x[::0]
    with says(IndexError, "single ellipsis"):
        x[..., ...]
    with says(IndexError, "only integers"):
        x[1.5]
    # numpy's x[True] has one axis more, and is not x[1].
    for mask in (True, np.True_, np.ones((3, 4), bool), [True, False, True], np.zeros(0, int)):
        with says(IndexError, "only integers"):
            x[mask]
        with says(IndexError, "only integers"):
            x[..., mask]
    with says(ValueError, "chunks of axis 0 are zero"):
        array.zeros((3, 4), chunks=0)
    with says(ValueError, "which does not add up to 4"):
        array.zeros((3, 4), chunks=(3, (1, 2)))
    with says(ValueError, "chunks are given for 3 axes, the shape (3, 4) has 2"):
        array.zeros((3, 4), chunks=(1, 1, 1))
    with says(OverflowError, "300 is out of bounds for uint8"):
        array.zeros(3, dtype="uint8") + 300
    with says(OverflowError, "-1 is out of bounds for uint16"):
        array.full(3, -1, dtype="uint16")
    with says(TypeError, "subtract has no meaning for bool"):
        array.ones(3, dtype=bool) - array.ones(3, dtype=bool)
    with says(ValueError, "(3, 4) and (4, 3) (array 1) differ in another axis than 0"):
        array.concatenate([x, y])
    with says(ValueError, "only arrays of one shape are stacked"):
        array.stack([x, y])
    with says(ValueError, "quantile 2"):
        x.quantile(2)
    with says(ValueError, "takes one axis or all"):
        array.zeros((2, 3, 4)).argmax(axis=(0, 1))
    with says(ValueError, "axes [0, 0] do not match"):
        x.transpose(0, 0)
    with says(TypeError, "not supported"):
        array.array(np.zeros(3, complex))
    with says(MemoryError, "the result needs"):
        array.zeros(2**50, chunks=2**40).compute()
    with says(ValueError, "negative dimensions"):
        array.zeros((3, -1))
    with says(ValueError, "no dimension can have"):
        array.default_rng(1).random(2**70)
    with says(MemoryError, "a task of this array needs"):
        array.default_rng(1).normal(size=(1000, 1000), chunks=1000).T.sum().compute(memory="1MiB")
    with says(ValueError, "no size"):
        x.compute(memory="lots")
    for threads, words in [(0, "at least 1"), (-1, "at least 1"), (2**40, "at most 512")]:
        with says(package.PlanError, f"threads is {words}, got {threads}"):
            x.compute(threads=threads)
    with says(TypeError, "threads is a whole number, not 'all'"):
        x.compute(threads="all")
    for shape in ("", "x", b"x", 1.5):
        with pytest.raises(TypeError):
            array.ones(shape)
    for chunks in ([[1.5]], {"x": 1}, b"x", 1.5):
        with says(TypeError, "chunks are integers"):
            array.ones(3, chunks=chunks)
    for value in (None, "x", [1], 1j):
        with says(TypeError, "value is a number, not "):
            array.full(3, value)
    with says(TypeError, "num is a whole number, not 1.5"):
        array.linspace(0, 1, 1.5)
    deep = x
    with says(ValueError, "more than 500 operations"):
        for _ in range(600):
            deep = deep + 1
    with pytest.raises(TypeError, match="one element"):
        float(x)


def test_a_lazy_array_looks_like_one(tmp_path):
    lazy = array.default_rng(0).normal(size=(400, 300), chunks=(100, 150))
    assert repr(lazy) == "<swathe.array.Array: shape (400, 300), float64, 8 chunks>"
    assert (lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (2, 120_000, 960_000, 400)
    assert (lazy.chunks, lazy.chunksize) == (((100,) * 4, (150, 150)), (100, 150))
    html = lazy.mean(axis=0)._repr_html_()
    assert "937" not in html and "(300,)" in html and "<svg" in html
    assert float(lazy.sum()) == lazy.sum().compute()
    np.testing.assert_array_equal(np.asarray(lazy), lazy.compute())
    assert np.asarray(lazy, "float32").dtype == "float32"
    mean = lazy.mean()
    for suffix, begins in ((".svg", "<svg"), (".mmd", "flowchart LR"), (".dot", "digraph")):
        path = tmp_path / f"mean{suffix}"
        mean.visualize(path)
        text = path.read_text()
        assert text.startswith(begins)
        assert all(word in text for word in ("normal", "mean-apply", "mean-combine", "chunk 0"))
    assert mean.visualize()._repr_svg_().startswith("<svg")
    with pytest.raises(ValueError, match="svg, mmd or dot"):
        mean.visualize(tmp_path / "mean.pdf")
    with pytest.raises(TypeError):
        len(mean)


def test_progress_is_told_and_stops_the_work():
    lazy = array.default_rng(0).normal(size=10**6, chunks=10**5).mean()
    steps = []
    lazy.compute(progress=lambda done, total, *_: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1] == len(steps) > 1

    def stop(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        array.default_rng(0).normal(size=10**9, chunks=10**6).mean().compute(progress=stop)
