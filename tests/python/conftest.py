"""Where the built programs are, and where real data is, if it is there; clients of Dask clusters."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def examples():
    """Folder of the built example programs."""
    return pathlib.Path(os.environ.get("SWATHE_EXAMPLES", ROOT / "target/debug/examples"))


@pytest.fixture(scope="session")
def swathe():
    """The `swathe` command."""
    return pathlib.Path(os.environ.get("SWATHE_BIN", ROOT / "target/debug/swathe"))


@pytest.fixture(scope="session")
def shared_data():
    """Real granules beside the project; tests on them are skipped elsewhere."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data beside the project")
    return folder


@pytest.fixture(scope="session")
def products(examples, tmp_path_factory):
    """The files of examples/write_product.rs."""
    directory = tmp_path_factory.mktemp("products")
    subprocess.run([examples / "write_product", directory], check=True)
    return directory


@pytest.fixture
def client(cluster):
    """A client of the cluster that a module of tests has."""
    with cluster.get_client() as client:
        yield client
