"""The catalogue and files far away, against python-cmr, earthaccess, fsspec and a real S3 server."""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import time

import pytest
from stand_in import PROGRAM, serving

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the stand-in server is not built")
package = pytest.importorskip("swathe")
xr = pytest.importorskip("xarray")

AREA = {"bbox": (-80, 30, -60, 45), "resolution": 0.2, "method": "bin"}
NAME = "PACE_OCI_L2_BGC"
#: Settings that a test's own server replaces.
OTHERS = ("EARTHDATA_", "SWATHE_", "AWS_", "NETRC")


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    return package.simulate(folder, bbox=(-80, 30, -60, 45), lines=200, count=3)


@pytest.fixture(scope="module")
def server(granules):
    with serving(pathlib.Path(granules[0]).parent) as server:
        yield server


def environment(server, *, token=True, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)}
    settings = {k: v for k, v in server.settings.items() if token or k != "EARTHDATA_TOKEN"}
    no_netrc = {"NETRC": "/nonexistent", "SWATHE_CACHE": "none", "SWATHE_BACKOFF": "2"}
    return kept | settings | no_netrc | more


def python(server, program, **more):
    """What a program prints that runs with the server's settings: the session is the process's."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(server, **more), capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def searched(swathe, server, *options):
    command = [swathe, "search", "-c", NAME, "--json", *options]
    out = subprocess.run(command, env=environment(server), capture_output=True, check=True).stdout
    return json.loads(out)


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        ([], {}),
        (["-t", "2024-08-01"], {"temporal": ("2024-08-01", "2024-08-01")}),
        (["-t", "2024-08-01/2024-08-02"], {"temporal": ("2024-08-01", "2024-08-02")}),
        (["-b", "-77,36,-73,41"], {"bounding_box": (-77, 36, -73, 41)}),
        (["--point", "-70,40"], {"point": (-70, 40)}),
        (["--cloud-cover", "40"], {"cloud_cover": (0, 40)}),
        (["--day-night", "night"], {"day_night_flag": "night"}),
        (["--name", "*T17*"], {"readable_granule_name": "*T17*"}),
    ],
)
def test_searches_are_those_of_python_cmr(swathe, server, options, filters):
    cmr = pytest.importorskip("cmr")
    query = cmr.GranuleQuery(mode=f"{server.base}/search/").short_name(NAME).format("umm_json")
    for name, value in filters.items():
        if name in ("temporal", "bounding_box", "point", "cloud_cover"):
            getattr(query, name)(*value)
        else:
            getattr(query, name)(value)
    pages = query.get_all()
    theirs = [item for page in pages for item in json.loads(page)["items"]]
    done = subprocess.run(
        [swathe, "search", "-c", NAME, "--json", *options], env=environment(server), capture_output=True
    )
    ours = json.loads(done.stdout) if done.returncode == 0 else []
    assert done.returncode == (0 if theirs else 4), done.stderr
    assert [g["id"] for g in ours] == [item["meta"]["concept-id"] for item in theirs]
    for granule, item in zip(ours, theirs, strict=True):
        umm = item["umm"]
        links = {url["Type"]: url["URL"] for url in umm["RelatedUrls"]}
        assert granule["https"] == links["GET DATA"]
        assert granule["s3"] == links["GET DATA VIA DIRECT ACCESS"]
        points = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"][0]["Boundary"]["Points"]
        assert granule["outlines"] == [[[p["Longitude"], p["Latitude"]] for p in points]]


def test_recorded_granules_are_read(swathe, shared_data, tmp_path):
    """Real records: links, polygons and sizes as earthaccess has them."""
    earthaccess = pytest.importorskip("earthaccess")
    path = shared_data / "cmr/point-collocation.earthaccess_results_sample_l2.json"
    records = [wrapped["render_dict"] for wrapped in json.loads(path.read_text())]
    done = subprocess.run(
        [os.environ.get("SWATHE_EXAMPLES", swathe.parent / "examples") / pathlib.Path("read_records")],
        input=json.dumps(records), capture_output=True, text=True, check=True,
    )
    for ours, record in zip(json.loads(done.stdout), records, strict=True):
        theirs = earthaccess.DataGranule(record, cloud_hosted=True)
        assert [ours["https"]] == theirs.data_links(access="external")
        assert [ours["s3"]] == theirs.data_links(access="direct")
        assert ours["size"] == pytest.approx(theirs.size() * 2**20)
        assert ours["browse"] == theirs.dataviz_links()[0]
        geometry = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]
        points = geometry["GPolygons"][0]["Boundary"]["Points"]
        assert ours["outlines"] == [[[p["Longitude"], p["Latitude"]] for p in points]]
        assert ours["start"] == record["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"]


def test_python_finds_and_streams(server, granules, tmp_path):
    out = python(
        server,
        f"""
import swathe
found = swathe.search({NAME!r}, temporal=("2024-08-01", None), bounding_box=(-80, 30, -60, 45))
assert len(found) == 3, found
print(swathe.login())
ds = swathe.average(found, "chlor_a", **{AREA!r}, output={str(tmp_path / "far.nc")!r})
assert swathe.open(found[0].link).shape[0] == 200
try:
    swathe.search("PACE_OCI_L2_BCG")
except swathe.errors.MissingError as error:
    assert "PACE_OCI_L2_BGC" in str(error)
""",
    )
    assert "EARTHDATA_TOKEN" in out and server.settings["EARTHDATA_TOKEN"] not in out
    package.average(granules, "chlor_a", **AREA, output=tmp_path / "near.nc")
    assert (tmp_path / "far.nc").read_bytes() == (tmp_path / "near.nc").read_bytes()


def test_without_credentials_there_is_an_auth_error(server):
    out = python(
        server,
        f"""
import swathe
try:
    swathe.average([{server.link("x.nc")!r}], "chlor_a", **{AREA!r})
except swathe.AuthError as error:
    print(error.hint)
""",
        token=False,
    )
    assert "EARTHDATA_TOKEN" in out


def test_a_live_earthaccess_session_is_used(server, granules):
    """Its token is in memory only; its records and its file objects are granules, pickled ones too."""
    pytest.importorskip("earthaccess")
    pytest.importorskip("aiohttp")
    token = server.settings["EARTHDATA_TOKEN"]
    name = pathlib.Path(granules[0]).name
    server.behave()
    program = f"""
import earthaccess, fsspec, json, pickle, swathe
from earthaccess.store import EarthAccessFile
earthaccess.__auth__.authenticated = True
earthaccess.__auth__.token = {{"access_token": {token!r}}}
record = {{"meta": {{}}, "umm": {{"RelatedUrls": [{{"URL": {server.link(name)!r}, "Type": "GET DATA"}}]}}}}
granule = earthaccess.DataGranule(record, cloud_hosted=True)
a = swathe.average(granule, "chlor_a", **{AREA!r})
headers = {{"headers": {{"Authorization": "Bearer {token}"}}, "trust_env": False}}
files = fsspec.filesystem("http", client_kwargs=headers)
file = files.open({server.link(name)!r})
b = swathe.average(EarthAccessFile(file, granule), "chlor_a", **{AREA!r})
assert a.identical(b)
print(json.dumps(float(a.chlor_a.sum())))
"""
    summed = json.loads(python(server, program, token=False))
    near = package.average(granules[0], "chlor_a", **AREA)
    assert summed == pytest.approx(float(near.chlor_a.sum()), rel=1e-12)
    # Ours, not Python's client, has read the chunks.
    agents = {dict(map(tuple, r["headers"])).get("user-agent", "") for r in server.log() if r["bytes"]}
    assert any(agent.startswith("swathe/") for agent in agents), agents


@pytest.fixture(scope="module")
def moto(granules, tmp_path_factory):
    """A real S3 server with the granules in a bucket, that wants signatures."""
    moto_server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    address = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=address, region_name="us-west-2", **keys)
    where = {"LocationConstraint": "us-west-2"}
    client.create_bucket(Bucket="ob-cumulus-prod-public", CreateBucketConfiguration=where)
    for path in granules:
        client.upload_file(str(path), "ob-cumulus-prod-public", pathlib.Path(path).name)
    yield address
    server.stop()


def s3_settings(server, moto):
    hosts = server.settings["SWATHE_LOOPBACK_HOSTS"] + "," + moto.removeprefix("http://")
    return {"AWS_ENDPOINT_URL_S3": moto, "SWATHE_LOOPBACK_HOSTS": hosts}


def test_s3_gives_the_same_product_and_credentials_are_renewed(swathe, server, moto, granules, tmp_path):
    # So short-lived that they are renewed at every granule.
    server.behave(s3_seconds=1)
    grid = ["-v", "chlor_a", "-b", "-80,30,-60,45", "-r", "0.2", "-m", "bin"]
    command = [swathe, "average", "-c", NAME, "--access", "s3", *grid, "-o", tmp_path / "far.nc"]
    settings = environment(server, **s3_settings(server, moto))
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    package.average(granules, "chlor_a", **AREA, output=tmp_path / "near.nc")
    assert (tmp_path / "far.nc").read_bytes() == (tmp_path / "near.nc").read_bytes()
    log = server.log()
    assert sum(r["path"] == "/s3credentials" for r in log) > len(granules) - 1, "renewed on the way"
    assert not any(r["path"].startswith("/archive/") for r in log)
    assert "s3-secret" not in done.stdout + done.stderr


#: earthaccess as it is after an interactive login, with the stand-in server in the place of NASA's.
LOGGED_IN = """
import earthaccess, json, pathlib, pickle, sys
from earthaccess.system import System
earthaccess.__auth__.system = System({base!r} + "/search/", "", "", "127.0.0.1")
earthaccess.__auth__.authenticated = True
earthaccess.__auth__.token = {{"access_token": {token!r}}}
class NoStore:
    in_region = False
earthaccess.__store__ = NoStore()
"""


def logged_in(server):
    return LOGGED_IN.format(base=server.base, token=server.settings["EARTHDATA_TOKEN"])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"temporal": ("2024-08-01", "2024-08-01")},
        {"temporal": ("2024-08-01", "2024-08-02"), "bounding_box": (-77, 36, -73, 41)},
        {"point": (-70, 40)},
        {"cloud_cover": (0, 40)},
        {"bounding_box": (-80, 30, -60, 45), "count": 2},
    ],
)
def test_the_search_is_that_of_earthaccess(server, asked):
    """Its own call, on the same server: the same granules in the same order, and the same links."""
    pytest.importorskip("earthaccess")
    server.behave()
    program = f"""
{logged_in(server)}
import swathe
asked = {asked!r}
theirs = earthaccess.search_data(short_name={NAME!r}, **asked)
try:
    ours = swathe.search({NAME!r}, **asked)
except swathe.errors.SwatheError as error:
    assert not theirs, error
    ours = []
assert [g.link for g in ours] == [g.data_links(access="external")[0] for g in theirs]
assert [g.name for g in ours] == [pathlib.Path(g.data_links(access="external")[0]).name for g in theirs]
print(len(ours))
"""
    assert int(python(server, program, token=False)) <= asked.get("count", 99)


@pytest.mark.parametrize("unit", ["D", "h", "s", "ms", "us", "ns"])
def test_numpys_times_are_taken(server, unit):
    """A day means all of it, a time itself, as with the times of Python."""
    pytest.importorskip("numpy")
    server.behave()
    program = f"""
import datetime, numpy as np, swathe
start, end = np.datetime64("2024-08-01", {unit!r}), np.datetime64("2024-08-02", {unit!r})
kind = datetime.date if {unit!r} == "D" else datetime.datetime
found = swathe.search({NAME!r}, temporal=(start, end))
assert found == swathe.search({NAME!r}, temporal=(kind(2024, 8, 1), kind(2024, 8, 2)))
print(len(found))
"""
    assert int(python(server, program, token=False)) > 0


def test_what_earthaccess_opened_is_read_after_pickling(server, granules, tmp_path):
    """As a worker has it: a process that never signed in."""
    pytest.importorskip("earthaccess")
    pytest.importorskip("aiohttp")
    server.behave()
    parcel = tmp_path / "parcel"
    sender = f"""
{logged_in(server)}
import fsspec
from earthaccess.store import EarthAccessFile
found = earthaccess.search_data(short_name={NAME!r})
headers = {{"headers": {{"Authorization": "Bearer " + earthaccess.__auth__.token["access_token"]}}, "trust_env": False}}
files = fsspec.filesystem("http", client_kwargs=headers)
opened = [EarthAccessFile(files.open(g.data_links(access="external")[0]), g) for g in found]
pathlib.Path({str(parcel)!r}).write_bytes(pickle.dumps([found, opened]))
"""
    python(server, sender, token=False)
    receiver = f"""
import earthaccess, pathlib, pickle
# Its login asks NASA; the test has no network.
earthaccess.login = lambda: None
class NoStore:
    in_region = False
earthaccess.__store__ = NoStore()
import swathe
found, opened = pickle.loads(pathlib.Path({str(parcel)!r}).read_bytes())
a = swathe.average(opened, "chlor_a", **{AREA!r}, output={str(tmp_path / "a.nc")!r})
b = swathe.average(found, "chlor_a", **{AREA!r}, output={str(tmp_path / "b.nc")!r})
"""
    python(server, receiver, token=False)
    package.average(granules, "chlor_a", **AREA, output=tmp_path / "near.nc")
    near = (tmp_path / "near.nc").read_bytes()
    assert (tmp_path / "a.nc").read_bytes() == near
    assert (tmp_path / "b.nc").read_bytes() == near
