"""What the Python package promises to type checkers and readers: stubs, types, examples that run."""

import doctest
import importlib
import os
import pathlib
import pkgutil
import subprocess
import sys
import tomllib

import pytest

package = pytest.importorskip("swathe")
pytest.importorskip("xarray")
pytest.importorskip("mypy")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = [module.name for module in pkgutil.walk_packages(package.__path__, "swathe.")]
USES = """
import swathe
import xarray as xr

mean: xr.Dataset = swathe.average("a.nc", bbox=(-77, 36, -73, 41), resolution="1km", stat=["mean"])
cube: xr.DataArray | xr.Dataset = swathe.grid(["a.nc"], like=mean)
layer: xr.DataArray = swathe.grid_match("a.nc", 4326, (3, 4), (0.1, 0, 0, 0, -0.1, 0))
rows: int = swathe.plan("a.nc").shape[0]
try:
    swathe.open("a.nc").to_xarray()
except swathe.errors.IoError as error:
    hint: str | None = error.hint
swathe.average("a.nc", resoluton=1)  # wrong
swathe.plan("a.nc").shape.rows  # wrong
swathe.average("a.nc", stat=3)  # wrong
"""


def python(*words, **options):
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=ROOT, **options
    )
    return done.returncode, done.stdout + done.stderr


def test_the_package_is_typed():
    code, said = python("-m", "mypy", "--no-incremental")
    assert code == 0, said


def test_stubs_are_what_is_there():
    code, said = python("-m", "mypy.stubtest", "swathe", "--allowlist", os.devnull)
    assert code == 0, said


def test_callers_are_checked(tmp_path):
    source = tmp_path / "uses.py"
    source.write_text(USES)
    code, said = python(
        "-m",
        "mypy",
        "--strict",
        "--no-incremental",
        str(source),
        env={**os.environ, "MYPYPATH": "python"},
    )
    wrong = {i for i, line in enumerate(USES.splitlines(), 1) if "# wrong" in line}
    found = {int(line.split(":")[1]) for line in said.splitlines() if ": error:" in line}
    assert found == wrong, said


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    return package.simulate(tmp_path_factory.mktemp("granules"), lines=200, count=3)


@pytest.mark.parametrize("name", ["swathe", *MODULES])
def test_examples_run(name, granules, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"swathe": package, "granules": granules}
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


def test_what_is_public_is_documented():
    for name in package.__all__:
        if name == "__version__":
            continue
        thing = getattr(package, name)
        assert thing.__doc__, name
        if callable(thing) and not isinstance(thing, type):
            assert ">>> " in thing.__doc__, f"{name} has no example"
            for section in ("Parameters", "Returns", "Raises"):
                assert section in thing.__doc__, f"{name} has no section {section}"
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="averag"):
        package.averag


def test_one_version():
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert package.__version__ == workspace["workspace"]["package"]["version"]


def test_the_command_does_not_wait_for_numpy():
    script = """
import sys
from swathe._command import main
sys.argv = ["swathe", "--version"]
code = main()
heavy = [name for name in ("numpy", "xarray", "pandas") if name in sys.modules]
sys.exit(code or (f"imported {heavy}" if heavy else 0))
"""
    code, said = python("-c", script)
    assert (code, said) == (0, f"swathe {package.__version__}\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["average"], 2), (["--help"], 0), (["info", "missing.nc"], 1), (["info", "x*.nc"], 4)],
)
def test_the_commands_exit_codes_are_kept(words, code):
    script = f"import sys; from swathe._command import main; sys.argv = ['swathe', *{words}]; sys.exit(main())"
    assert python("-c", script)[0] == code


def test_ctrl_c_ends_the_command_of_the_wheel(tmp_path, granules):
    import signal
    import time

    words = ["average", *granules, "--grid", "l3m-4km", "--stat", "mean,std,min,max", "-o", "a.nc"]
    script = f"import sys; from swathe._command import main; sys.argv = ['swathe', *{words}]; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE)
    # It is at work once it keeps what granules gave.
    while process.poll() is None and not (tmp_path / ".a.nc.run").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and b"interrupted" in said
    # What was done is kept, to go on with.
    assert [path.name for path in tmp_path.iterdir()] in ([], [".a.nc.run"])
