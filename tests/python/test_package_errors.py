"""What the Python package does about mistakes, and about Ctrl-C."""

import inspect
import io
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
errors = package.errors

ROOT = pathlib.Path(__file__).resolve().parents[2]
AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=100, count=2)


def test_classes_carry_rusts_names():
    """A class for every variant of Rust's errors, and none besides."""
    expected = {"SwatheError"}
    for source, enum in [
        ("crates/swathe/src/job/error.rs", "JobError"),
        ("crates/swathe-io/src/error.rs", "Error"),
    ]:
        body = (ROOT / source).read_text().split(f"pub enum {enum} {{")[1].split("\n}\n")[0]
        expected |= {f"{name}Error" for name in re.findall(r"^    ([A-Z]\w+)", body, re.MULTILINE)}
    # Ctrl-C is Python's own; "nothing" alone says nothing in a traceback; files have their own errors.
    expected -= {"InterruptedError", "NothingError", "FilesError"}
    expected |= {"NothingToDoError"}
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    # No argument has a wrong type in Rust.
    assert defined == set(errors.__all__) == expected | {"WrongTypeError"}
    raised = set(re.findall(r'=> "(\w+Error)"', (ROOT / "python/src/errors.rs").read_text()))
    assert raised == expected
    for name in defined:
        kind = getattr(errors, name)
        assert issubclass(kind, package.SwatheError) and kind.__doc__
        error = kind("what was wrong", "what to do")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind and again.hint == "what to do"
        assert str(again) == str(error) == "what was wrong (what to do)"


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"resoluton": 1}, errors.WrongTypeError, "did you mean 'resolution'"),
        ({"colour": 1}, TypeError, "there are granules, variable"),
        ({"variable": "chlora"}, errors.PlanError, "did you mean chlor_a"),
        ({"variable": 3}, TypeError, "a name or a list of names"),
        ({"flags": "LADN"}, errors.FlagsError, "LAND"),
        ({"method": "neerest"}, errors.PlanError, 'did you mean "nearest"'),
        ({"stat": "maen"}, errors.PlanError, 'did you mean "mean"'),
        ({"weight": "granul"}, errors.PlanError, "granule"),
        ({"preset": "nasa"}, errors.PlanError, "tutorial"),
        ({"on_error": "ignore"}, errors.PlanError, "stop, skip"),
        ({"bbox": (1, 2, 3)}, errors.PlanError, "bbox is 4 numbers"),
        ({"bbox": "here"}, errors.PlanError, "bbox is 4 numbers"),
        ({"bbox": (-77, 41, -73, 36)}, errors.GridError, "south must be less"),
        ({"bbox": (-77, 36, -73, float("nan"))}, errors.GridError, "not finite"),
        ({"bbox": (0, 0, 1, 1)}, errors.NothingToDoError, "no granule touches the area"),
        ({"resolution": None}, errors.PlanError, "needs a resolution"),
        ({"resolution": -1}, errors.GridError, "resolution"),
        ({"resolution": True}, errors.WrongTypeError, "resolution is a number"),
        ({"variable": []}, errors.PlanError, "variable is an empty list"),
        ({"stat": []}, errors.PlanError, "stat is an empty list"),
        ({"resolution": object()}, TypeError, "resolution is a number"),
        ({"resolution": 1e-9}, errors.GridError, "4 billion"),
        ({"crs": "EPSG:99999"}, errors.CrsError, "99999"),
        ({"crs": object()}, TypeError, "to_wkt"),
        ({"grid": "l3m-4km"}, errors.PlanError, "exclude each other"),
        ({"like": 3}, errors.PlanError, "exclude each other"),
        ({"bbox": None, "resolution": None}, errors.PlanError, "bbox=\\(-77"),
        ({"bbox": None, "grid": "l3m-4km"}, errors.PlanError, "resolution of its own"),
        ({"bbox": None, "resolution": None, "grid": "l3m-1km"}, errors.GridError, "l3m-4km"),
        ({"bbox": None, "resolution": None, "like": 3}, TypeError, "DataArray"),
        ({"bbox": None, "resolution": None, "like": "none.nc"}, errors.IoError, "No such file"),
        ({"valid_range": (2, 1)}, errors.PlanError, "the lower first"),
        ({"min_coverage": 2}, errors.PlanError, "0 to 1"),
        ({"min_count": -1}, errors.PlanError, "at least 0"),
        ({"min_count": 1.5}, TypeError, "whole number"),
        ({"min_count": 2**70}, errors.PlanError, "at most"),
        ({"threads": 0}, errors.PlanError, "at least 1"),
        ({"bounding_box": (0, 0, 1, 1)}, errors.PlanError, "are the same"),
        ({"output": "map.jpg"}, errors.PlanError, "jpg"),
        ({"output": "nowhere/map.nc"}, errors.SwatheError, "nowhere"),
        ({"variable": "l2_flags"}, errors.PlanError, "swathe.grid"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_mistakes_are_answered(granules, change, kind, words):
    with pytest.raises(kind, match=words) as raised:
        package.average(granules, **{**AREA, **change})
    # Python's words, not the command line's.
    assert not re.search(r"(^|\s)--?[a-z]", str(raised.value)), raised.value


#: Of every argument of average what has the wrong type, and what is said of it.
WRONG_TYPES = {
    "text": ("method", "where", "mask", "best", "every", "day", "weight", "preset", "on_error", "keep"),
    "True or False": ("allow_mixed", "overwrite"),
    "a number": ("min_coverage",),
    "a whole number": ("min_count", "min_granules", "threads"),
    "a path or a list of paths": ("output",),
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in WRONG_TYPES.items() for name in names]
)
def test_wrong_types_are_named(granules, name, kind):
    wrong = [object(), b"x", 1 + 2j, [[1]]] + ([3] if "number" not in kind else ["3"])
    for value in wrong:
        with pytest.raises(TypeError, match=f"^{name} is {kind}, not ") as raised:
            package.average(granules, **AREA, **{name: value})
        assert repr(value)[:9] in str(raised.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda g, t: package.plan(g, purpose=1), "purpose is text"),
        (lambda g, t: package.merge([3]), "parts is a path or a list of paths, not \\[3\\]"),
        (lambda g, t: package.merge([], overwrite=1), "overwrite is True or False, not 1"),
        (lambda g, t: package.merge([], allow_mixed="no"), "allow_mixed is True or False"),
        (lambda g, t: package.reduce(g, "chlor_a", every=1), "every is text"),
        (lambda g, t: package.reduce(g, "chlor_a", weight=None), "weight is text, not None"),
        (lambda g, t: package.reduce(g, "chlor_a", output=5), "output is a path"),
        (lambda g, t: package.reduce(g, ["chlor_a"]), "variable is a name"),
        (lambda g, t: package.plot(g[0], ["chlor_a"]), "variable is text"),
        (lambda g, t: package.plot(g[0], robust="no"), "robust is True or False"),
        (lambda g, t: package.plot(g[0], log=1), "log is True or False"),
        (lambda g, t: package.plot(g[0], width="wide"), "width is a whole number"),
        (lambda g, t: package.plot(g[0], palette=3), "palette is text"),
        (lambda g, t: package.simulate(t, suite=3), "suite is text"),
        (lambda g, t: package.simulate(t, nrt=0), "nrt is True or False"),
        (lambda g, t: package.simulate(t, clear="half"), "clear is a number"),
        (lambda g, t: package.simulate(None), "folder is a path, not None"),
        (lambda g, t: package.average({"a": g[0]}), "or a list of them, not a mapping"),
        (lambda g, t: package.average(g, **AREA, threads=True), "threads is a whole number, not True"),
        (lambda g, t: package.average(g, **AREA, min_coverage=True), "min_coverage is a number"),
        (lambda g, t: package.average(g, **AREA, progress="yes"), "progress is True or False"),
        (lambda g, t: package.average(g, **AREA, compute="no"), "compute is True or False"),
        (lambda g, t: package.grid(g, **AREA, drop_empty="no"), "drop_empty is True or False"),
        (lambda g, t: package.reduce(xr.Dataset(), "chlor_a"), "not as file objects or data sets"),
        (lambda g, t: package.average(g, **AREA, client="tcp://127.0.0.1:1"), "client is a dask"),
    ],
)
def test_wrong_types_are_named_everywhere(granules, tmp_path, call, words):
    with pytest.raises(TypeError, match=words):
        call(granules, tmp_path)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda g: package.average(""), errors.PlanError, "named by an empty text"),
        (lambda g: package.average(["a.nc", ""]), errors.PlanError, "named by an empty text"),
        (lambda g: package.average(g, **AREA, output=""), errors.PlanError, "output is a path, not"),
        (lambda g: package.merge([""]), errors.PlanError, "parts is a path, not an empty text"),
        (lambda g: package.average(g, **AREA, live="nowhere"), errors.PlanError, 'live "nowhere": .*port'),
        (lambda g: package.average(g, **AREA, live=99999999), errors.PlanError, "expected a port"),
        (lambda g: package.average(g, **AREA, live="192.0.2.1:1"), errors.IoError, "192.0.2.1:1"),
        (lambda g: package.plan(g, **AREA).graph("png"), errors.PlanError, '"svg" or "mermaid"'),
        (lambda g: package.plot(__file__), errors.FormatError, "test_package_errors"),
        (lambda g: package.average(g, "x" * 100_000, **AREA), errors.PlanError, "xxx[.]{3}xxx"),
    ],
)
def test_refusals_have_our_classes_everywhere(granules, call, kind, words):
    with pytest.raises(kind, match=words) as raised:
        call(granules)
    assert len(str(raised.value)) < 2000


def test_searches_and_sign_ins_refuse_before_they_ask(monkeypatch):
    monkeypatch.setenv("SWATHE_CMR", "http://127.0.0.1:9")
    for name in ("short_name", "version", "provider", "day_night_flag", "granule_name"):
        with pytest.raises(TypeError, match=f"{name} is text, not 3"):
            package.search(**{"short_name": "A", name: 3})
    for asked, kind, words in [
        ({"temporal": ([1], [2])}, TypeError, "temporal is text"),
        ({"temporal": (np.datetime64("NaT"), None)}, errors.PlanError, "NaT"),
        ({"polygon": object()}, TypeError, "polygon is GeoJSON"),
        ({"count": np.zeros(2)}, TypeError, "count is a whole number"),
        ({"count": -2}, errors.PlanError, "count is at least"),
        ({"bbox": (0, 0, 1, 1), "bounding_box": (2, 2, 3, 3)}, errors.PlanError, "are the same"),
    ]:
        with pytest.raises(kind, match=words):
            package.search("A", **asked)
    # earthaccess keeps its token in a dictionary; whatever is given, a secret is not said.
    for given in ({"access_token": "s3cret"}, b"s3cret", ["s3cret"]):
        with pytest.raises(TypeError, match=f"^token is text, not {type(given).__name__}$"):
            package.login(given)
    for empty in ("", " "):
        with pytest.raises(errors.AuthError, match="the token is empty"):
            package.login(empty)


def test_numpys_scalars_are_taken(granules):
    given = {"min_coverage": np.float32(0), "min_count": np.int64(0), "allow_mixed": np.True_}
    got = package.average(granules, **AREA, **given, method=np.str_("nearest"), threads=np.uint8(2))
    assert got.identical(package.average(granules, **AREA, method="nearest", allow_mixed=True))


def closed_file(path):
    with open(path, "rb") as file:
        return file


def text_file(path):
    memory = io.StringIO("text")
    memory.name = "text.nc"
    return memory


class Found(dict):
    """As earthaccess gives what it found."""

    def data_links(self, access=None):
        return []


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (lambda path: [], errors.NothingToDoError, "no granule"),
        (lambda path: [None], TypeError, "not NoneType"),
        (lambda path: 7, TypeError, "not int"),
        (lambda path: b"bytes", TypeError, "io.BytesIO"),
        (lambda path: "missing.nc", errors.GranuleError, "missing.nc: No such file"),
        (lambda path: "none*.nc", errors.NothingToDoError, "no file matches"),
        (lambda path: "http://127.0.0.1:9/a.nc", errors.GranuleError, "plain http is refused"),
        (lambda path: "ftp://example.org/a.nc", errors.GranuleError, "only https and s3"),
        (lambda path: Found(), errors.PlanError, "has no link"),
        (lambda path: [Found()], errors.PlanError, "has no link"),
        (closed_file, errors.GranuleError, "closed file"),
        (text_file, errors.GranuleError, "text.nc"),
        (lambda path: io.BytesIO(b"x" * 1000), errors.GranuleError, "file object"),
        (lambda path: io.BytesIO(), errors.GranuleError, "file object: this is an empty file"),
        (lambda path: __file__, errors.GranuleError, "test_package_errors.py"),
    ],
)
def test_what_is_no_granule_is_refused(granules, given, kind, words):
    with pytest.raises(kind, match=words):
        package.average(given(granules[0]), **AREA)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (lambda path: "missing.nc", errors.IoError),
        (lambda path: "/", errors.IoError),
        (lambda path: __file__, errors.FormatError),
        (closed_file, errors.GranuleError),
        (lambda path: [path], TypeError),
    ],
)
def test_open_refuses_with_the_reasons_class(granules, given, kind):
    with pytest.raises(kind):
        package.open(given(granules[0]))
    with pytest.raises(kind):
        package.info(given(granules[0]))


def test_a_truncated_granule_is_named_and_can_be_skipped(granules, tmp_path):
    broken = tmp_path / "broken.nc"
    whole = pathlib.Path(granules[0]).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(errors.GranuleError, match="broken.nc"):
        package.average([broken, granules[1]], **AREA)
    result = package.average([broken, *granules], **AREA, on_error="skip")
    status = dict(zip(result.granule_name.values, result.granule_status.values))
    assert status["broken.nc"] == "skipped" and len(status) == 3
    memory = io.BytesIO(broken.read_bytes())
    with pytest.raises(errors.GranuleError, match="file object"):
        package.average([memory], **AREA)


def test_a_file_object_that_fails_in_the_middle(granules):
    class Failing(io.BytesIO):
        left = 20

        def read(self, size=-1):
            self.left -= 1
            if self.left < 0:
                raise OSError("the network is gone")
            return super().read(size)

    with pytest.raises(errors.GranuleError, match="the network is gone"):
        package.average([Failing(pathlib.Path(granules[0]).read_bytes())], **AREA)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (("epsg:4326", (0, 5), (0.1, 0, 0, 0, -0.1, 0)), errors.PlanError, "empty"),
        (("epsg:4326", 5, (0.1, 0, 0, 0, -0.1, 0)), errors.PlanError, "rows, columns"),
        (("epsg:4326", (5.5, 5), (0.1, 0, 0, 0, -0.1, 0)), errors.PlanError, "whole numbers"),
        (("epsg:4326", (5, 5), (0.1, 0, 0)), errors.PlanError, "6 numbers"),
        (("epsg:4326", (5, 5), (0.1, 0.2, 0, 0, -0.1, 0)), errors.PlanError, "rotated"),
        (("epsg:4326", (5, 5), (0.1, 0, 0, 0, 0.1, 0)), errors.PlanError, "north to south"),
        (("nowhere", (5, 5), (0.1, 0, 0, 0, -0.1, 0)), errors.CrsError, "nowhere"),
        (("epsg:4326", (5, 5), None), errors.PlanError, "6 numbers, not None"),
        (("epsg:4326", (5, 5), 0.1), errors.PlanError, "6 numbers, not 0.1"),
    ],
)
def test_grid_match_refuses(granules, arguments, kind, words):
    with pytest.raises(kind, match=words):
        package.grid_match(granules[0], *arguments)


def test_templates_that_are_no_grids(granules):
    uneven = xr.DataArray(
        np.zeros((3, 3)), dims=("lat", "lon"), coords={"lat": [3, 1, 0], "lon": [0, 1, 2]}
    )
    with pytest.raises(errors.PlanError, match="evenly spaced"):
        package.average(granules, like=uneven)
    with pytest.raises(errors.PlanError, match="no coordinates"):
        package.average(granules, like=xr.DataArray(np.zeros((3, 3))))
    swath = package.open(granules[0]).to_xarray().chlor_a
    with pytest.raises(errors.PlanError, match="no coordinates"):
        package.average(granules, like=swath)


def test_pictures_and_simulations_refuse(granules, tmp_path):
    for change, words in [
        ({"variable": "chlora"}, "chlor_a"),
        ({"palette": "jett"}, "palette"),
        ({"width": 5}, "width"),
        ({"limits": (3, 1)}, "smaller one first"),
        ({"limits": (1, 2), "robust": True}, "exclude"),
        ({"box": (1, 2)}, "4 numbers"),
        ({"output": tmp_path / "a.jpg"}, ".png"),
    ]:
        with pytest.raises(package.SwatheError, match=words):
            package.plot(granules[0], **change)
    with pytest.raises(errors.IoError):
        package.plot("missing.nc")
    for change in (
        {"days": 0},
        {"suite": "xyz"},
        {"version": "1"},
        {"start": "soon"},
        {"clear": 3},
    ):
        with pytest.raises(package.SwatheError):
            package.simulate(tmp_path / "made", **change)
    with pytest.raises(TypeError, match="did you mean 'lines'"):
        package.simulate(tmp_path, line=3)


def test_merging_refuses(granules, tmp_path):
    package.average(granules, **AREA, output=tmp_path / "a.swathe")
    with pytest.raises(errors.PlanError, match="two parts hold"):
        package.merge([tmp_path / "a.swathe"] * 2)
    with pytest.raises(errors.PlanError, match="no output is a .swathe"):
        package.average(granules, **AREA, output=tmp_path / "b.nc", keep="granules")
    with pytest.raises(errors.PlanError, match="granules"):
        package.average(granules, **AREA, output=tmp_path / "b.swathe", keep="granule")
    with pytest.raises(errors.NothingToDoError):
        package.merge([])
    with pytest.raises(TypeError):
        package.merge([3])
    with pytest.raises(errors.GranuleError):
        package.merge(granules[0])


def test_what_progress_raises_stops_the_run(granules, tmp_path):
    class Enough(Exception):
        pass

    def stop(*step):
        raise Enough

    with pytest.raises(Enough):
        package.average(granules, **AREA, progress=stop, output=tmp_path / "a.nc", threads=1)
    # What was done is kept, to go on with.
    assert [path.name for path in tmp_path.iterdir()] == [".a.nc.run"]


def test_ctrl_c_stops_a_run(tmp_path):
    """A run of many seconds ends soon after SIGINT, leaves no file and no busy thread, and works again."""
    script = textwrap.dedent(
        """
        import sys, time, threading, os, swathe
        granules = swathe.simulate(sys.argv[1], count=6)
        print("ready", flush=True)
        def once():
            swathe.average(granules, grid="l3m-4km", stat="mean,std,min,max", threads=1, output="a.nc")
        started = time.monotonic()
        try:
            once()
            print("not interrupted")
        except KeyboardInterrupt:
            took = time.monotonic() - started
            before = time.process_time()
            time.sleep(0.3)
            print("interrupted", time.process_time() - before < 0.2, os.listdir("."))
        area = dict(bbox=(-77, 36, -73, 41), resolution=0.1)
        print(swathe.average(granules[:1], **area).chlor_a.shape)
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "granules")]
    work = tmp_path / "work"
    work.mkdir()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=work)
    assert process.stdout.readline() == "ready\n"
    # It is at work once it keeps what granules gave.
    while process.poll() is None and not (work / ".a.nc.run").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    # What was done is kept, to go on with.
    lines = said.splitlines()
    assert lines[0] in ("interrupted True []", "interrupted True ['.a.nc.run']")
    assert lines[1:] == ["(50, 40)"]


def test_python_runs_while_rust_works(granules):
    """The interpreter's lock is free: a thread of Python goes on counting."""
    import threading

    ticks, stop = [], threading.Event()

    def count():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    started = time.monotonic()
    package.average(granules, grid="l3m-9km")
    ended = time.monotonic()
    stop.set()
    counter.join()
    assert sum(started < tick < ended for tick in ticks) > 5


def test_numbers_of_single_precision_are_what_they_are_written_as(granules):
    np = pytest.importorskip("numpy")
    wide = package.plan(granules, bbox=(-77, 36, -73, 41), resolution=0.05)
    box = np.array([-77.1, 36.2, -73.3, 41.4], "f4")
    assert package.plan(granules, bbox=(-77, 36, -73, 41), resolution=np.float32(0.05)).bounds == wide.bounds
    exact = package.plan(granules, bbox=(-77.1, 36.2, -73.3, 41.4), resolution=0.1)
    assert package.plan(granules, bbox=box, resolution=0.1).bounds == exact.bounds
