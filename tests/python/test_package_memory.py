"""``memory=`` means what the command's ``--memory`` does: a limit that is kept, or refused before the work."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}
WIDE = {"bbox": (-100, 10, -50, 60), "resolution": 0.05}


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=200, count=4)


@pytest.fixture(scope="module")
def parts(granules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for i, granule in enumerate(granules):
        package.average(granule, **WIDE, stat="median", output=folder / f"{i}.swathe")
    return sorted(folder.iterdir())


def said_least(call):
    """The limit that a refusal asks for, in its words."""
    with pytest.raises(errors.PlanError) as refused:
        call(1)
    assert not re.search(r"(^|\s)--?[a-z]", str(refused.value)), refused.value
    return re.search(r'give memory="(\d+MiB)" or more', refused.value.hint)[1]


@pytest.mark.parametrize("limit", ["1GiB", "1.5g", "1 gib", "900MB", 2**30, np.int64(2**30)])
def test_sizes_are_words_or_numbers(granules, limit):
    got = package.average(granules, **AREA, memory=limit)
    assert got.identical(package.average(granules, **AREA))


@pytest.mark.parametrize(
    ("limit", "kind", "words"),
    [
        ("lots", errors.PlanError, "'lots' is no size, as in 512MiB"),
        ("-5MiB", errors.PlanError, "no size"),
        ("", errors.PlanError, "no size"),
        ("0", errors.PlanError, "no size"),
        (0, errors.PlanError, "memory is at least 1"),
        (2**70, errors.PlanError, "memory is at most"),
        (0.5, TypeError, 'memory is a number of bytes, or text as "512MiB", not 0.5'),
        (b"1GiB", TypeError, "memory is a number of bytes"),
        ([1], TypeError, "memory is a number of bytes"),
    ],
)
def test_what_is_no_size_is_refused(granules, parts, limit, kind, words):
    for call in (
        lambda: package.average(granules, **AREA, memory=limit),
        lambda: package.grid(granules, **AREA, memory=limit),
        lambda: package.plan(granules, **AREA, memory=limit),
        lambda: package.merge(parts, memory=limit),
    ):
        with pytest.raises(kind, match=words):
            call()


@pytest.mark.parametrize("make", [package.average, package.grid])
@pytest.mark.parametrize("stored", [False, True])
def test_the_least_that_is_asked_for_does(granules, tmp_path, make, stored):
    """By way of a file, beside the output or for the time being; the result is the same."""
    output = {"output": tmp_path / "a.nc"} if stored else {}
    least = said_least(lambda limit: make(granules, **WIDE, memory=limit, **output))
    got = make(granules, **WIDE, memory=least, **output)
    assert got.identical(make(granules, **WIDE))
    fewer = f"{int(least[:-3]) - 2}MiB"
    with pytest.raises(errors.PlanError, match=f'memory="{least}"'):
        make(granules, **WIDE, memory=fewer)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"] * stored


def test_what_has_no_room_waits_in_a_folder_that_goes(granules, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    seen = []

    def look(*step):
        seen.extend(tmp_path.rglob("run"))

    package.average(granules, **WIDE, progress=look)
    assert not seen
    least = said_least(lambda limit: package.average(granules, **WIDE, memory=limit))
    package.average(granules, **WIDE, memory=least, progress=look)
    assert seen and not list(tmp_path.iterdir())


def test_a_plan_keeps_its_limit(granules):
    plan = package.plan(granules, **WIDE, memory=1)
    assert plan.memory is None
    with pytest.raises(errors.PlanError, match="1 MiB are allowed"):
        plan.run()
    limit = 200 << 20
    plan = package.plan(granules, **WIDE, memory=limit)
    assert plan.memory is not None and plan.memory <= limit
    assert plan.run().identical(package.average(granules, **WIDE))


def test_merging_keeps_a_limit(parts):
    least = said_least(lambda limit: package.merge(parts, memory=limit))
    assert package.merge(parts, memory=least).identical(package.merge(parts))
    with pytest.raises(errors.PlanError):
        package.merge(parts, memory=f"{int(least[:-3]) - 1}MiB")


def test_lazy_cubes_leave_memory_to_workers(granules):
    pytest.importorskip("dask")
    with pytest.raises(errors.PlanError, match=r"memory does not go with chunks=\{\}"):
        package.grid(granules, **AREA, chunks={}, memory="1GiB")


def test_a_process_stays_within_it(granules, tmp_path):
    """The most memory that a process has had, before the run and after: the kernel counts."""
    script = textwrap.dedent(
        """
        import resource, sys, xarray, swathe
        granules, limit = sys.argv[2:], sys.argv[1]
        area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
        swathe.average(granules[:1], **area)
        def most():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        before = most()
        swathe.average(granules, bbox=(-100, 10, -50, 60), resolution=0.02, stat="mean,std",
                       memory=None if limit == "none" else limit, threads=2)
        print(most() - before)
        """
    )

    def grown(limit):
        command = [sys.executable, "-c", script, limit, *map(os.fspath, granules)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return int(done.stdout)

    most = {"bbox": WIDE["bbox"], "resolution": 0.02, "stat": "mean,std", "threads": 2}
    least = said_least(lambda limit: package.average(granules, **most, memory=limit))
    free, bound = grown("none"), grown(least)
    print(f"grown by {free >> 20} MiB, with a limit of {least} by {bound >> 20} MiB")
    assert bound < int(least[:-3]) << 20


