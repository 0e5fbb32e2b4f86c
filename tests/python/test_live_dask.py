"""The page of a run on a Dask cluster: the same page from what workers tell."""

import contextlib
import io
import json
import re
import sys
import threading
import time

import clusters
import numpy as np
import pytest
from test_live import BOX, browser, get, granules, page, started  # noqa: F401: fixtures

distributed = pytest.importorskip("distributed")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")
_live = pytest.importorskip("swathe._live")

AREA = {"bbox": (-77, 36, -73, 41), "resolution": 0.01, "method": "footprint", "on_error": "skip"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with clusters.local(tmp_path_factory.mktemp("workers"), 2, dashboard=":0") as cluster:
        yield cluster


class Polled(threading.Thread):
    """What a page is told, from the link on standard error to the end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.err, self.states, self.link = io.StringIO(), [], None

    def run(self):
        while not (link := re.search(r"http://\S+(?=\n)", self.err.getvalue())):
            time.sleep(0.01)
        self.link = link[0]
        while not self.states or self.states[-1]["phase"] not in ("done", "failed"):
            self.states.append(json.loads(get(self.link.replace("/?", "/state?"))))
            time.sleep(0.03)

    def __enter__(self):
        self.start()
        self.redirected = contextlib.redirect_stderr(self.err)
        self.redirected.__enter__()
        return self

    def __exit__(self, *problem):
        self.redirected.__exit__(*problem)
        self.join(30)
        assert not self.is_alive()


def blocks(link, layer):
    """The squares of a layer as the page has them: their first row and column, and the values."""
    words = np.frombuffer(get(link.replace("/?", "/blocks?since=0&")), "<u4")
    at = 0
    while at < len(words):
        of, _, row, column, height, width = words[at : at + 6]
        values = words[at + 6 : at + 6 + height * width].view("<f4").reshape(height, width)
        if of == layer:
            yield int(row), int(column), values
        at += 6 + int(height * width)


def test_the_page_shows_what_workers_do(granules, client):  # noqa: F811
    alone = package.average(str(granules), "chlor_a", **AREA)
    with Polled() as polled:
        there = package.average(str(granules), "chlor_a", **AREA, client=client, live=True)
    xr.testing.assert_identical(alone, there)
    first, last = polled.states[0], polled.states[-1]
    assert last["phase"] == "done" and first["phase"] != "done"
    # A link to Dask's own page.
    assert last["links"] == [["Dask's dashboard", client.dashboard_link]]
    # Every granule ends as the product says, with the reason.
    told = {row["name"]: (row["state"], row["reason"]) for row in last["granules"]}
    names = map(str, there.granule_name.values)
    states = map(str, there.granule_status.values)
    assert {name: state for name, (state, _) in told.items()} == dict(zip(names, states, strict=True))
    assert any("truncated" in reason for _, reason in told.values())
    assert last["counts"]["granules"]["done"] == last["counts"]["granules"]["total"]
    assert any(row["lines"] for row in last["granules"])
    # On the way they were waiting, and were read on both workers, whose lanes are told by name.
    seen = {row["state"] for state in polled.states for row in state["granules"]}
    assert {"waiting", "used"} <= seen
    assert len(last["workers"]) == 2
    assert {lane for lane, *_ in last["segments"]} == {0, 1}
    tasks = {task for _, task, *_ in last["segments"]}
    assert {1, 2, 3} <= tasks, "decode, locate, grid"
    numbers = {granule for _, _, granule, *_ in last["segments"] if granule is not None}
    assert numbers <= set(range(last["counts"]["granules"]["total"])) and len(numbers) > 2
    spans = [(begin, end) for *_, begin, end in last["segments"]]
    assert all(-1 < begin <= end <= last["elapsed"] + 1 for begin, end in spans)
    assert last["read"]["bytes"] > 100_000
    # In the end the map is the product's.
    stride = 1 << last["map"]["levels"][0]
    found = 0
    for row, column, values in blocks(polled.link, 1):
        height, width = values.shape
        rows = np.minimum((row + np.arange(height)) * stride + stride // 2, there.sizes["lat"] - 1)
        columns = np.minimum((column + np.arange(width)) * stride + stride // 2, there.sizes["lon"] - 1)
        np.testing.assert_array_equal(values, there.chlor_a_count.values[np.ix_(rows, columns)])
        found += values.size
    assert found > 1000


def test_the_map_fills_in_as_tasks_end(granules, client):  # noqa: F811
    """Before there is a product the page has a map of what tasks gave: here no product is made."""
    live = _live.page(True)
    # All pixels weigh the same: what the page puts together by their numbers is then the mean.
    plan = package.plan(str(granules), "chlor_a", **(AREA | {"method": "bin"}))
    from swathe import _dask, _watching
    from swathe._cluster import Cluster

    spread = _dask.Spread(Cluster(client), plan._plan.spread(None, False, "here"))
    with _watching.watched(plan._plan, client, live) as told, _dask.gathered(spread, None, told) as came:
        assert came.parts
        deadline = time.monotonic() + 20
        expected = plan.run()
        wanted = int((expected.granule_status == "used").sum())
        while True:
            state = json.loads(get(live.link.replace("/?", "/state?")))
            if state["counts"]["granules"]["used"] == wanted or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        time.sleep(0.5)
        stride = 1 << state["map"]["levels"][0]
        found = 0
        for layer, name in ((0, "chlor_a"), (1, "chlor_a_count"), (2, "chlor_a_granules")):
            for row, column, values in blocks(live.link, layer):
                height, width = values.shape
                rows = np.minimum((row + np.arange(height)) * stride + stride // 2, expected.sizes["lat"] - 1)
                columns = np.minimum((column + np.arange(width)) * stride + stride // 2, expected.sizes["lon"] - 1)
                of_product = expected[name].values[np.ix_(rows, columns)]
                np.testing.assert_allclose(values, of_product, rtol=1e-5)
                found += int(np.isfinite(values).sum())
        assert found > 1000
    live.ended("broken off")


def test_a_failure_is_told(granules, client):  # noqa: F811
    live = _live.page(True)
    plan = package.plan(str(granules), "chlor_a", **AREA)
    from swathe import _watching

    with pytest.raises(RuntimeError), _watching.watched(plan._plan, client, live):
        raise RuntimeError("the cluster has burnt")
    state = json.loads(get(live.link.replace("/?", "/state?")))
    assert (state["phase"], state["error"]) == ("failed", "the cluster has burnt")


def test_messages_of_others_are_passed_over(client):
    live = _live.page(True)
    from swathe import _watching

    told = _watching.Told(client, live, 4)
    try:
        topic, stride = told.arguments
        assert stride == 4
        client.log_event(topic, "no message of ours")
        client.log_event(topic, {"lane": "x", "news": b"\x00\xff" * 40})
        client.log_event(topic, {"lane": "x"})
        time.sleep(0.5)
        state = json.loads(get(live.link.replace("/?", "/state?")))
        assert state["workers"] == [] and state["granules"] == []
    finally:
        told.close()
    # Damaged news are refused where they are read.
    with pytest.raises(package.errors.ClusterError):
        live.take("x", b"\x00\xff" * 40)


def test_the_page_in_a_browser(granules, browser, cluster, tmp_path):  # noqa: F811
    """The command of the package on a cluster, watched."""
    main = "import sys; from swathe._command import main; sys.exit(main())"
    command = [sys.executable, "-c", main]
    words = ["average", str(granules), "-v", "chlor_a", *BOX, "-r", "0.004", "-m", "footprint"]
    words += ["--on-error", "skip", "-o", str(tmp_path / "m.nc"), "--live=0", "--dask", cluster.scheduler_address]
    with page(browser) as watched, started(*command, *words) as (process, link):
        watched.goto(link)
        watched.wait_for_selector("#links a")
        assert "/status" in watched.locator("#links a").get_attribute("href")
        assert watched.locator("#links a").get_attribute("rel") == "noopener noreferrer"
        watched.wait_for_selector("body[data-ended]", timeout=60_000)
        assert watched.get_attribute("body", "data-ended") == "done"
        assert process.wait(60) == 3
        states = watched.locator("#granules tbody tr").evaluate_all("rows => rows.map(row => row.dataset.state)")
    product = xr.open_dataset(tmp_path / "m.nc")
    assert sorted(states) == sorted(map(str, product.granule_status.values))
