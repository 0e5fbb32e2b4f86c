"""Random arrays are numpy's and dask's, bit for bit. SWATHE_LONG=1 draws 10^7 numbers for 20 seeds."""

import os
import pickle

import numpy as np
import pytest

pytest.importorskip("swathe")
array = pytest.importorskip("swathe.array")

LONG = os.environ.get("SWATHE_LONG") == "1"
COUNT = 10_000_000 if LONG else 200_000
SEEDS = [0, 1, 42, 5179916885778238210, 2**32, 2**64 - 1, 2**200 + 7, [1, 2, 3], [2**40, 0, 5], (7,)]
SEEDS += [1000 + i for i in range(10)] if LONG else []
FLOATS = [
    ("standard_normal", ()),
    ("normal", (1, 2)),
    ("normal", (-3.5, 0.0)),
    ("uniform", (-3, 5.5)),
    ("random", ()),
    ("standard_exponential", ()),
    ("exponential", (2.5,)),
    ("lognormal", (0.3, 0.7)),
]
INTEGERS = [
    (0, 2, "bool"),
    (1, 2, "bool"),
    (-100, 27, "int8"),
    (-128, 128, "int8"),
    (0, 200, "uint8"),
    (0, 256, "uint8"),
    (-5, 30000, "int16"),
    (0, 65536, "uint16"),
    (0, 1000, "int32"),
    (-(2**31), 2**31, "int32"),
    (0, 2**32 - 1, "uint32"),
    (0, 10, "int64"),
    (-(2**40), 2**41, "int64"),
    (0, 2**32, "int64"),
    (-(2**63), 2**63, "int64"),
    (5, 6, "int64"),
    (0, 2**64, "uint64"),
    (7, 2**63, "uint64"),
]


def same(got, expected):
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("seed", SEEDS, ids=str)
@pytest.mark.parametrize(("name", "arguments"), FLOATS)
def test_one_stream_is_numpys(seed, name, arguments):
    rng = array.default_rng(seed, streams="numpy")
    lazy = getattr(rng, name)(*arguments, size=COUNT, chunks=70_001)
    same(lazy.compute(), getattr(np.random.default_rng(seed), name)(*arguments, size=COUNT))


@pytest.mark.parametrize(("low", "high", "dtype"), INTEGERS)
def test_integers_are_numpys(low, high, dtype):
    for seed in SEEDS[: 20 if LONG else 3]:
        lazy = array.default_rng(seed, streams="numpy")
        lazy = lazy.integers(low, high, size=COUNT, dtype=dtype, chunks=70_001)
        expected = np.random.default_rng(seed).integers(low, high, size=COUNT, dtype=dtype)
        same(lazy.compute(), expected)


def test_successive_arrays_go_on_in_numpys_stream():
    rng, expected = array.default_rng(3, streams="numpy"), np.random.default_rng(3)
    drawn = [
        lambda r, **cut: r.integers(0, 10, size=7, dtype="int32", **cut),
        lambda r, **cut: r.normal(size=(5, 3), **cut),
        lambda r, **cut: r.random(size=11, **cut),
        lambda r, **cut: r.integers(0, 100, size=9, dtype="int8", **cut),
        lambda r, **cut: r.exponential(size=20, **cut),
    ]
    lazy = [draw(rng, chunks=2 if i != 1 else (2, 3)) for i, draw in enumerate(drawn)]
    wanted = [draw(expected) for draw in drawn]
    # Whatever is computed first.
    for i in (4, 0, 2, 3, 1):
        same(lazy[i].compute(), wanted[i])


SHAPES = [
    (1000, 1000),
    (1000, 300),
    (1000, ((100, 400, 500),)),
    (1001, 13),
    ((60, 70), 25),
    ((60, 70), (20, 70)),
    ((60, 70), ((10, 50), (7, 60, 3))),
    ((5, 6, 7), 3),
    ((5, 6, 7), (-1, 2, "auto")),
    ((), "auto"),
    (300, "auto"),
    ((3, 0, 2), 2),
]


@pytest.mark.parametrize(("size", "chunks"), SHAPES, ids=str)
def test_chunks_have_dasks_streams(size, chunks):
    dask = pytest.importorskip("dask.array")
    for seed in (42, 5179916885778238210):
        rng, expected = array.default_rng(seed), dask.random.default_rng(seed)
        for name, arguments in [*FLOATS, ("integers", (0, 1000))]:
            lazy = getattr(rng, name)(*arguments, size=size, chunks=chunks)
            wanted = getattr(expected, name)(*arguments, size=size, chunks=chunks)
            assert lazy.chunks == wanted.chunks
            same(np.asarray(lazy.compute()), np.asarray(wanted.compute(scheduler="sync")))


@pytest.mark.parametrize("shape", [(10**9,), (40000, 50000), (100, 3000, 90000), (7, 10**10), (2**40,)])
@pytest.mark.parametrize("dtype", ["float64", "int8", "float32"])
def test_chunks_of_their_own_choice_are_dasks(shape, dtype):
    core = pytest.importorskip("dask.array.core")
    wanted = core.normalize_chunks("auto", shape, dtype=np.dtype(dtype))
    assert array.zeros(shape, dtype=dtype).chunks == wanted


def test_seeds_of_every_kind_are_numpys_and_are_spawned_from():
    dask = pytest.importorskip("dask.array")
    kinds = [
        lambda: 12345,
        lambda: [1, 2**70, 3],
        lambda: np.random.SeedSequence(99),
        lambda: np.random.SeedSequence(99).spawn(3)[2],
        lambda: np.random.PCG64(7),
        lambda: np.random.default_rng(7),
        lambda: np.random.default_rng(np.random.SeedSequence([1, 2])),
    ]
    for kind in kinds:
        rng, expected = array.default_rng(kind()), dask.random.default_rng(kind())
        for _ in range(3):
            lazy = rng.normal(1, 2, size=50, chunks=20)
            same(lazy.compute(), expected.normal(1, 2, size=50, chunks=20).compute(scheduler="sync"))
    # Others that spawn from the same seeds do not get what was given.
    shared, other = np.random.default_rng(5), np.random.default_rng(5)
    array.default_rng(shared).normal(size=50, chunks=20)
    dask.random.default_rng(other).normal(size=50, chunks=20)
    same(
        array.default_rng(shared).normal(size=50, chunks=20).compute(),
        dask.random.default_rng(other).normal(size=50, chunks=20).compute(scheduler="sync"),
    )
    # A generator that has been drawn from goes on where it is.
    used, expected = np.random.default_rng(8), np.random.default_rng(8)
    used.integers(0, 9, dtype="int32"), expected.integers(0, 9, dtype="int32")
    lazy = array.default_rng(used, streams="numpy")
    same(lazy.integers(0, 9, 5, dtype="int32").compute(), expected.integers(0, 9, 5, dtype="int32"))
    assert array.default_rng(rng) is rng
    assert array.default_rng().normal(size=3).compute().shape == (3,)
    for wrong in (np.random.MT19937(1), np.random.default_rng(np.random.SFC64(1))):
        with pytest.raises(TypeError, match="only PCG64"):
            array.default_rng(wrong)
    with pytest.raises(ValueError, match="non-negative"):
        array.default_rng(-1)


@pytest.mark.parametrize("name", ["normal", "random", "exponential", "lognormal", "integers"])
def test_numbers_by_place_do_not_depend_on_chunks(name):
    arguments = (0, 77) if name == "integers" else ()

    def drawn(chunks, number=0):
        rng = array.default_rng(11, streams="place")
        for _ in range(number):
            rng.normal(size=3)
        return getattr(rng, name)(*arguments, size=(50, 60), chunks=chunks)

    whole = drawn(-1).compute()
    for chunks in (7, (50, 1), (1, 60), ((20, 30), (11, 49))):
        same(drawn(chunks).compute(), whole)
        same(drawn(chunks)[3:40:2, ::-1].T.compute(), whole[3:40:2, ::-1].T)
    assert (drawn(-1, 1).compute() != whole).mean() > 0.9
    assert len(np.unique(whole)) > (70 if name == "integers" else 2999)


def test_numbers_by_place_have_their_distribution():
    stats = pytest.importorskip("scipy.stats")
    rng = array.default_rng(2, streams="place")
    for name, distribution in [
        ("standard_normal", stats.norm()),
        ("random", stats.uniform()),
        ("standard_exponential", stats.expon()),
        ("lognormal", stats.lognorm(1)),
    ]:
        drawn = getattr(rng, name)(size=400_000, chunks=50_000).compute()
        assert stats.kstest(drawn, distribution.cdf).pvalue > 1e-3, name
        neighbours = np.corrcoef(np.sign(drawn[1:] - np.median(drawn)), np.sign(drawn[:-1] - np.median(drawn)))
        assert abs(neighbours[0, 1]) < 0.007, name
    # The tail, where few have bits of their own besides the first.
    tail = rng.standard_normal(size=3_000_000, chunks=500_000).compute()
    tail = np.abs(tail[np.abs(tail) > 3.6541528853610088])
    assert stats.kstest((2 * stats.norm.sf(tail)) / (2 * stats.norm.sf(3.6541528853610088)), "uniform").pvalue > 1e-3


def test_arguments_out_of_range_are_refused():
    rng = array.default_rng(0)
    for wrong in (
        lambda: rng.normal(0, -1, size=3),
        lambda: rng.exponential(-1, size=3),
        lambda: rng.lognormal(0, -1, size=3),
        lambda: rng.uniform(2, 1, size=3),
        lambda: rng.uniform(0, np.inf, size=3),
        lambda: rng.integers(5, 5, size=3),
        lambda: rng.integers(0, 300, size=3, dtype="uint8"),
        lambda: rng.integers(-1, 3, size=3, dtype="uint8"),
        lambda: rng.integers(0, 3, size=3, dtype="float64"),
        lambda: rng.normal(size=10, chunks=0),
        lambda: rng.normal(size=10, chunks=((3, 3),)),
        lambda: rng.normal(size=(10, 10), chunks=(3, 3, 3)),
        lambda: array.default_rng(0, streams="numpy").normal(size=(4, 4), chunks=2),
        lambda: array.default_rng(0, streams="none"),
    ):
        with pytest.raises(ValueError):
            wrong()


@pytest.mark.parametrize("streams", ["dask", "place"])
def test_generators_pickle_and_go_on(streams):
    """As dask's do: what was drawn before is not drawn again."""
    ours = array.default_rng(7, streams=streams)
    first = ours.normal(size=100, chunks=30).compute()
    again = pickle.loads(pickle.dumps(ours))
    following = ours.normal(size=100, chunks=30).compute()
    np.testing.assert_array_equal(again.normal(size=100, chunks=30).compute(), following)
    assert not np.array_equal(first, following)
    if streams == "dask":
        da = pytest.importorskip("dask.array")
        theirs = da.random.default_rng(7)
        theirs.normal(size=100, chunks=30)
        theirs = pickle.loads(pickle.dumps(theirs))
        np.testing.assert_array_equal(theirs.normal(size=100, chunks=30).compute(), following)
    else:
        with pytest.raises(TypeError, match="one stream"):
            pickle.dumps(array.default_rng(7, streams="numpy"))
