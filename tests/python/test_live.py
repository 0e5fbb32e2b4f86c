"""The page of a run, reports and served files, in headless Chromium."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

np = pytest.importorskip("numpy")
xr = pytest.importorskip("xarray")
package = pytest.importorskip("swathe")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BOX = ["-b", "-77,36,-73,41"]


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    """A week's granules, and one that is cut off."""
    folder = tmp_path_factory.mktemp("granules")
    # The long form: as many and as large as NASA's of two weeks.
    size = {"count": 15} if os.environ.get("SWATHE_LONG") else {"count": 8, "lines": 400}
    paths = package.simulate(folder, **size)
    whole = pathlib.Path(paths[0]).read_bytes()
    (folder / "PACE_OCI.20240803T990000.L2.OC_BGC.V3_1.nc").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that is on this machine."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    named = os.environ.get("SWATHE_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (SWATHE_CHROMIUM names one)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextlib.contextmanager
def page(browser, **options):
    """A page on which nothing may go wrong: no error, no refusal by its own policy."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
    made = context.new_page()
    wrong = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield made
    context.close()
    assert not wrong


@contextlib.contextmanager
def started(*command):
    """A command and the link that it shows."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while not (link := re.search(r"http://\S+", said)):
            said = process.stderr.readline()
            assert said, "the command ended without a link"
        yield process, link[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextlib.contextmanager
def slowed(process):
    """Lets a process run for an eighth of the time, that a browser on a busy machine sees all of it."""
    ended = threading.Event()

    def switch():
        while not ended.wait(0.01):
            process.send_signal(signal.SIGSTOP)
            ended.wait(0.07)
            process.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def get(link):
    with urllib.request.urlopen(link, timeout=10) as answer:
        return answer.read()


def shown_pixels(made):
    """Pixels of the map that are coloured: neither grey nor a line on it."""
    from PIL import Image

    picture = Image.open(__import__("io").BytesIO(made.locator("#map").screenshot())).convert("RGB")
    colours = np.asarray(picture).astype(int)
    return int((colours.max(axis=2) - colours.min(axis=2) > 60).sum())


def test_a_run_is_watched_from_start_to_end(swathe, granules, browser, tmp_path):
    pytest.importorskip("PIL")
    out = tmp_path / "mean.nc"
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.002", "-m", "footprint"]
    words += ["--on-error", "skip", "--threads", "1", "-o", out, "--live=0"]
    with page(browser) as watched, started(swathe, *words) as (process, link), slowed(process):
        watched.goto(link)
        watched.locator("#outlines").uncheck()
        coloured, states, numbers, tasks = [], set(), set(), set()
        while watched.locator("body[data-ended]").count() == 0:
            states |= set(watched.locator("#granules tbody tr").evaluate_all(
                "rows => rows.map(row => row.dataset.state)"
            ))
            numbers |= set(watched.locator("#numbers dt").all_inner_texts())
            tasks |= set(watched.locator("#shares td").all_inner_texts())
            coloured.append(shown_pixels(watched))
            if watched.locator("#graph-card").is_visible() and not watched.locator("#graph").get_attribute("src"):
                watched.locator("#graph-more summary").click()
            assert len(coloured) < 2000
        watched.wait_for_timeout(200)
        coloured.append(shown_pixels(watched))
        assert process.wait(60) == 3

        assert watched.get_attribute("body", "data-ended") == "done"
        # Memory, bytes a second, what threads do, the log and the plan's graph are there; time was left.
        for card in ("memory", "reading", "tasks", "log", "graph"):
            assert watched.locator(f"#{card}-card").is_visible(), card
        assert "of" in watched.locator("#memory-now").inner_text()
        assert {"granules", "read", "left", "time"} <= numbers
        assert {task.split()[0] for task in tasks} == {"fetch", "decode", "locate", "grid", "combine", "write"}
        assert "truncated" in watched.locator("#log-lines").inner_text()
        assert watched.evaluate("$('graph').complete && $('graph').naturalWidth > 100")
        # The map has grown, and granules went through their states.
        assert coloured[-1] > 5000
        assert coloured[0] < coloured[-1] // 2, coloured
        assert {"waiting", "used", "skipped"} <= states
        assert states & {"reading", "gridding"}

        product = xr.open_dataset(out)
        names = [str(name) for name in product.granule_name.values]
        expected = dict(zip(names, map(str, product.granule_status.values), strict=True))
        rows = watched.locator("#granules tbody tr")
        told = {row.locator("td").nth(2).inner_text(): row for row in rows.all()}
        assert {name: row.get_attribute("data-state") for name, row in told.items()} == expected
        cut = told["PACE_OCI.20240803T990000.L2.OC_BGC.V3_1.nc"].inner_text()
        assert "truncated" in cut and "✕ skipped" in cut
        numbers = watched.locator("#numbers").inner_text().split("\n")
        numbers = dict(zip(numbers[::2], numbers[1::2], strict=True))
        used = sum(status == "used" for status in expected.values())
        assert numbers["with values"] == str(used)
        assert numbers["skipped"] == "1"

        # The command has gone; the page goes on: the value under the middle is the product's.
        watched.locator("#map").focus()
        watched.keyboard.press("ArrowRight")
        said = watched.locator("#readout").inner_text()
        row, column = map(int, re.search(r"row (\d+), column (\d+)", said).groups())
        level = int(watched.evaluate("swathe.store.level"))
        side = 1 << level
        # Of a square, the middle cell is shown.
        tile = [256 * (n // 256) for n in (row, column)]
        row, column = (
            t + min((n - t) // side * side + side // 2, size - t - 1, 255)
            for n, t, size in zip((row, column), tile, product.chlor_a.shape, strict=True)
        )
        value = float(product.chlor_a[row, column])
        count = int(product.chlor_a_count[row, column])
        assert f"count {count}" in said
        if np.isnan(value):
            assert "no value" in said
        else:
            assert float(re.search(r"chlor_a (\S+)", said)[1]) == pytest.approx(value, rel=1e-3)


def test_bins_have_a_map_while_they_run_and_in_the_end(granules, capsys):
    """What is drawn of bins are means of the bins that squares lie in, which the table has."""
    options = {"grid": "isin-4320", "bbox": (-77, 36, -73, 41), "on_error": "skip"}
    table = package.average(str(granules), "chlor_a", live=True, **options)
    link = re.search(r"http://\S+", capsys.readouterr().err)[0]
    state = json.loads(get(link.replace("/?", "/state?")))
    map_ = state["map"]
    stride = 1 << map_["levels"][0]
    words = np.frombuffer(get(link.replace("/?", "/blocks?since=0&")), "<u4")
    at, drawn = 0, {0: {}, 1: {}}
    while at < len(words):
        layer, _, row, column, height, width = map(int, words[at : at + 6])
        values = words[at + 6 : at + 6 + height * width].view("<f4").reshape(height, width)
        for i, j in np.ndindex(height, width):
            drawn.get(layer, {})[(row + i, column + j)] = float(values[i, j])
        at += 6 + height * width
    # By the definition of the grid: rows of equal height from the south, cut into nint(2 rows cos(latitude)).
    rows = 4320
    latitudes = (np.arange(rows) + 0.5) * 180 / rows - 90
    widths = np.floor(2 * rows * np.cos(np.radians(latitudes)) + 0.5).astype(int)
    firsts = np.concatenate([[1], 1 + np.cumsum(widths)[:-1]])
    means = dict(zip(table.bin.values.tolist(), table.chlor_a.values.tolist(), strict=True))
    found = 0
    for (row, column), value in drawn[0].items():
        middle = [min(n * stride + stride // 2, size - 1) for n, size in
                  ((row, map_["rows"]), (column, map_["columns"]))]
        lat = map_["y"][0] + (middle[0] + 0.5) * map_["y"][1]
        lon = map_["x"][0] + (middle[1] + 0.5) * map_["x"][1]
        of = min(int((lat + 90) / 180 * rows), rows - 1)
        number = firsts[of] + min(int((lon + 180) / 360 * widths[of]), widths[of] - 1)
        expected = means.get(int(number), np.nan)
        assert value == pytest.approx(expected, rel=1e-4, nan_ok=True), (lat, lon)
        found += not np.isnan(value)
    assert found > 500
    assert max(drawn[1].values()) >= 1


def test_reduce_shows_what_its_threads_do(swathe, granules, browser, tmp_path, capsys):
    package.average(str(granules), "chlor_a", bbox=(-77, 36, -73, 41), resolution=0.002, on_error="skip",
                    every="day", method="bin", output=tmp_path / "days.nc")
    reduced = package.reduce(tmp_path / "days.nc", "chlor_a", live=True)
    link = re.search(r"http://\S+", capsys.readouterr().err)[0]
    state = json.loads(get(link.replace("/?", "/state?")))
    assert state["phase"] == "done" and state["title"] == "chlor_a"
    assert any(name.startswith("thread") for name in state["workers"])
    tasks = {task for _, task, *_ in state["segments"]}
    assert {1, 4} <= tasks, "decode, combine"
    assert state["map"]["rows"], state["map"]["columns"] == reduced.chlor_a.shape
    words = ["reduce", tmp_path / "days.nc", "-v", "chlor_a", "-o", tmp_path / "mean.nc", "--live=0"]
    with page(browser) as watched, started(swathe, *words) as (process, link):
        watched.goto(link)
        watched.wait_for_selector("body[data-ended=done]")
        assert process.wait(60) == 0
        assert watched.locator("#tasks-card").is_visible()
        assert shown_pixels(watched) > 1000


def test_a_page_that_goes_away_changes_nothing(swathe, granules, browser, tmp_path):
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.004", "--on-error", "skip"]
    alone, watched = tmp_path / "alone.nc", tmp_path / "watched.nc"
    subprocess.run([swathe, *words, "-o", alone], capture_output=True, check=False)
    with started(swathe, *words, "-o", watched, "--live=0") as (process, link):
        with contextlib.suppress(Exception), page(browser) as opened:
            opened.goto(link)
        assert process.wait(60) == 3
    assert alone.read_bytes() == watched.read_bytes()


@pytest.fixture(scope="module")
def reported(swathe, granules, tmp_path_factory):
    """A report and its file."""
    folder = tmp_path_factory.mktemp("report")
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.02", "--on-error", "skip"]
    words += ["--stat", "mean,std", "-o", folder / "mean.nc", "-o", folder / "report.html"]
    ended = subprocess.run([swathe, *words], capture_output=True, check=False, text=True)
    assert ended.returncode == 3, ended.stderr
    return folder


def test_a_report_opens_without_a_network(reported, browser):
    with page(browser, offline=True) as opened:
        asked = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto((reported / "report.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []

        product = xr.open_dataset(reported / "mean.nc")
        assert opened.locator("#title").inner_text() == "chlor_a"
        about = opened.locator("#about").inner_text()
        assert product.attrs["swathe_digest"] in about if "swathe_digest" in product.attrs else True
        assert "swathe average" in about and "-o report.html" in about
        text = opened.locator("#statistics").inner_text().replace(",", "")
        valid = product.chlor_a.values[~np.isnan(product.chlor_a.values)]
        assert str(valid.size) in text
        assert f"{valid.max():.4g}" in text
        assert f"{valid.astype(float).mean():.4g}" in text
        # Every cell is in it, as it is in the file.
        values = opened.evaluate("Array.from(swathe.store.sample(0, 0), v => Number.isNaN(v) ? null : v)")
        values = np.array([np.nan if v is None else v for v in values], dtype=np.float32)
        np.testing.assert_array_equal(values.reshape(product.chlor_a.shape), product.chlor_a.values)
        # Layers can be chosen; the keyboard moves the map.
        names = opened.locator("#layer option").all_inner_texts()
        assert names == ["chlor_a", "chlor_a_std", "chlor_a_count", "chlor_a_granules"]
        opened.select_option("#layer", "2")
        before = opened.evaluate("swathe.view.x")
        opened.locator("#map").focus()
        opened.keyboard.press("+")
        opened.keyboard.press("ArrowRight")
        opened.wait_for_timeout(100)
        assert opened.evaluate("swathe.view.x") > before
        assert "chlor_a_count" in opened.locator("#spoken").inner_text()


def test_reports_of_the_same_have_the_same_bytes(swathe, granules, reported, tmp_path):
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.02", "--on-error", "skip"]
    again = tmp_path / "again.html"
    words += ["--stat", "mean,std", "-o", again, "--threads", "1"]
    subprocess.run([swathe, *words], capture_output=True, check=False)
    assert again.read_bytes() == (reported / "report.html").read_bytes()
    text = again.read_text()
    assert str(granules) not in text and str(tmp_path) not in text


def test_a_report_of_windows_has_their_series(swathe, granules, browser, tmp_path):
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.05", "--on-error", "skip"]
    words += ["--every", "day", "-o", tmp_path / "days.nc", "-o", tmp_path / "days.html"]
    subprocess.run([swathe, *words], capture_output=True, check=False)
    product = xr.open_dataset(tmp_path / "days.nc")
    with page(browser, offline=True) as opened:
        opened.goto((tmp_path / "days.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        assert opened.locator("#series-card").is_visible()
        for step in range(product.sizes["time"]):
            summary = opened.evaluate(f"data.summaries[0][{step}]")
            map_ = product.chlor_a.isel(time=step).values.astype(float)
            assert summary["count"] == (~np.isnan(map_)).sum()
            if summary["count"]:
                assert summary["mean"] == pytest.approx(np.nanmean(map_), rel=1e-12)
        # It opens at a window that has something to show, and what is beside the map is of the window that is shown.
        counts = [int(n) for n in product.chlor_a.count(("lat", "lon"))]
        first = next(step for step, count in enumerate(counts) if count)
        assert opened.evaluate("swathe.view.step") == first
        opened.evaluate("chooseStep(0)")
        for step, count in enumerate(counts):
            assert opened.evaluate("swathe.view.step") == step
            assert opened.locator("#histogram-card").is_visible() == (count > 0)
            if count:
                assert opened.locator("#statistics dd").first.inner_text().startswith(f"{count:,} (")
            opened.locator("#step-on").click()
        assert first > 0 and len({*counts}) > 2, "the windows must differ, and the first have no value"


def test_the_median_and_the_bars_of_counts_are_those_of_whole_numbers(reported, browser):
    with page(browser, offline=True) as opened:
        opened.goto((reported / "report.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        product = xr.open_dataset(reported / "mean.nc")
        names = opened.evaluate("data.map.layers.map((layer) => layer.name)")
        number = names.index("chlor_a_count")
        summary = opened.evaluate(f"data.summaries[{number}][0]")
        counts = product.chlor_a_count.values.ravel()
        assert summary["median"] == np.sort(counts)[(counts.size - 1) // 2]
        # Every cell is in a bar, those with the largest number too.
        opened.evaluate(f"chooseLayer({number})")
        assert opened.evaluate(f"rebinned(data.summaries[{number}][0], swathe.view.scale)[0]")[-1] > 0


def test_the_map_is_moved_zoomed_and_coloured(reported, browser):
    """By pointer, wheel, buttons and keys; linear or logarithmic; in other colours."""
    with page(browser, offline=True) as opened:
        opened.goto((reported / "report.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        place = "[swathe.view.x, swathe.view.y, swathe.view.zoom]"

        def looked(act):
            before = opened.evaluate(place)
            act()
            opened.wait_for_timeout(80)
            return before, opened.evaluate(place)

        box = opened.locator("#map").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        # The wheel zooms around the pointer: what is under it stays there.
        opened.mouse.move(middle[0] + 60, middle[1] + 40)
        under = "swathe.view.cell(...swathe.view.pointer)"
        cell = opened.evaluate(under)
        before, after = looked(lambda: opened.mouse.wheel(0, -400))
        assert after[2] > 1.5 * before[2]
        assert opened.evaluate(under) == pytest.approx(cell, abs=0.5)

        def drag():
            opened.mouse.down()
            opened.mouse.move(middle[0] - 40, middle[1] - 60, steps=4)
            opened.mouse.up()

        before, after = looked(drag)
        assert after[0] == pytest.approx(before[0] + 100 / before[2], rel=0.02)
        assert after[1] == pytest.approx(before[1] + 100 / before[2], rel=0.02)
        before, after = looked(lambda: opened.locator("#zoom-out").click())
        assert after[2] < before[2]
        before, after = looked(lambda: opened.keyboard.press("Tab") or opened.locator("#map").press("0"))
        assert after[2] < before[2]
        # All keys do something, and say what is there.
        for key, which, sign in (("ArrowLeft", 0, -1), ("ArrowRight", 0, 1), ("ArrowUp", 1, -1), ("ArrowDown", 1, 1),
                                 ("+", 2, 1), ("-", 2, -1)):
            before, after = looked(lambda key=key: opened.locator("#map").press(key))
            assert (after[which] - before[which]) * sign > 0, key
            assert "row" in opened.locator("#spoken").inner_text()
        # Logarithmic and linear: the colour of a value moves.
        share = "swathe.view.scale.place((swathe.view.scale.low + swathe.view.scale.high) / 2)"
        opened.locator("#log").set_checked(False)
        assert opened.evaluate(share) == pytest.approx(0.5)
        opened.locator("#log").set_checked(True)
        assert opened.evaluate(share) > 0.55
        # Every palette draws another picture.
        pictures = set()
        names = opened.locator("#palette option").all_inner_texts()
        assert {"viridis", "cividis"} <= set(names)
        for name in names:
            opened.select_option("#palette", name)
            opened.wait_for_timeout(60)
            pictures.add(opened.locator("#map").screenshot())
        assert len(pictures) == len(names)
        # The ends of the colours can be set.
        opened.locator("#low").fill("0.5")
        opened.locator("#high").fill("2")
        opened.locator("#high").press("Enter")
        assert opened.evaluate("[swathe.view.scale.low, swathe.view.scale.high]") == [0.5, 2]


def test_a_finger_and_two_move_the_map(reported, browser):
    """On a phone: one finger moves, two zoom."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    opened = context.new_page()
    opened.goto((reported / "report.html").as_uri())
    opened.wait_for_selector("body[data-ready=yes]")
    box = opened.locator("#map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    touch = context.new_cdp_session(opened)

    def fingers(kind, *points):
        touch.send("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)],
        })

    before = opened.evaluate("swathe.view.zoom")
    fingers("touchStart", (middle[0] - 20, middle[1]), (middle[0] + 20, middle[1]))
    for apart in (30, 40, 60):
        fingers("touchMove", (middle[0] - apart, middle[1]), (middle[0] + apart, middle[1]))
    fingers("touchEnd")
    opened.wait_for_timeout(100)
    zoomed = opened.evaluate("swathe.view.zoom")
    assert zoomed == pytest.approx(3 * before, rel=0.1)
    x = opened.evaluate("swathe.view.x")
    fingers("touchStart", middle)
    fingers("touchMove", (middle[0] - 30, middle[1]))
    fingers("touchEnd")
    opened.wait_for_timeout(100)
    assert opened.evaluate("swathe.view.x") == pytest.approx(x + 30 / zoomed, rel=0.05)
    context.close()


def test_the_command_of_a_report_makes_it_again(swathe, granules, reported, browser, tmp_path):
    """The words that the report shows, in a shell beside the granules, give the same map."""
    with page(browser, offline=True) as opened:
        opened.goto((reported / "report.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        values = opened.locator("#about dd").all_inner_texts()
    command = next(value for value in values if value.startswith("swathe average"))
    again = tmp_path / "again"
    shutil.copytree(granules, again)
    words = command.replace("swathe", str(swathe), 1) + " -o again.nc"
    ended = subprocess.run(words, shell=True, cwd=again, capture_output=True, check=False, text=True)
    assert ended.returncode == 0, (command, ended.stderr)
    assert (again / "report.html").is_file()
    ours, theirs = xr.open_dataset(again / "again.nc"), xr.open_dataset(reported / "mean.nc")
    for name in ("chlor_a", "chlor_a_std", "chlor_a_count", "chlor_a_granules"):
        np.testing.assert_array_equal(ours[name].values, theirs[name].values)


def test_pages_fit_a_phone_and_both_themes(reported, browser):
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
        opened = context.new_page()
        opened.goto((reported / "report.html").as_uri())
        opened.wait_for_selector("body[data-ready=yes]")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 360
        back = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", back)[:3])) > 380
        assert light == (scheme == "light")
        # Every control has a name.
        unnamed = opened.evaluate(
            "[...document.querySelectorAll('button, select, input')]"
            ".filter(e => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).map(e => e.id)"
        )
        assert unnamed == []
        context.close()


def test_a_global_cube_is_served(swathe, browser, tmp_path):
    """A cube of 40 million cells: what is seen is what the file has, and only what is seen is read."""
    lat = 90 - (np.arange(2000) + 0.5) * 0.09
    lon = -180 + (np.arange(4000) + 0.5) * 0.09
    field = (np.sin(np.radians(lat))[:, None] + 0.1 * np.cos(np.radians(3 * lon))[None, :]) + 2
    cube = xr.DataArray(
        np.stack([field + step for step in range(5)]).astype("f4"),
        dims=("time", "lat", "lon"),
        coords={
            "time": np.datetime64("2024-08-01", "ns") + np.arange(5) * np.timedelta64(1, "D"),
            "lat": lat,
            "lon": lon,
        },
        name="sst",
        attrs={"units": "degree_C", "long_name": "sea surface temperature"},
    )
    file = tmp_path / "cube.nc"
    chunks = {"sst": {"chunksizes": (1, 250, 250), "zlib": True, "complevel": 1}}
    cube.to_netcdf(file, encoding=chunks)
    with page(browser) as opened, started(swathe, "serve", file, "--address", "0") as (_, link):
        opened.goto(link)
        opened.wait_for_selector("#map[data-whole=yes]")
        assert opened.locator("#times").is_visible()
        for step in (0, 3):
            opened.evaluate(f"chooseStep({step})")
            opened.wait_for_timeout(100)
            opened.wait_for_selector("#map[data-whole=yes]")
            assert "2024-08-0" + str(step + 1) in opened.locator("#step-name").inner_text()
            opened.locator("#map").hover(position={"x": 400, "y": 150})
            opened.wait_for_timeout(500)
            said = opened.locator("#readout").inner_text()
            row, column = map(int, re.search(r"row (\d+), column (\d+)", said).groups())
            expected = float(cube[step, row, column])
            assert float(re.search(r"sst (\S+)", said)[1]) == pytest.approx(expected, rel=1e-3)
        # Zoomed in, cells are seen one by one.
        for _ in range(8):
            opened.evaluate("swathe.view.zoomAt(2)")
        opened.wait_for_timeout(100)
        opened.wait_for_selector("#map[data-whole=yes]")
        assert opened.evaluate("swathe.view.levelInView()") == 0


def test_served_files_open_where_there_are_values(swathe, browser, tmp_path):
    """The first windows of time are empty; a step that is chosen stays; of an empty file the first one is shown."""
    values = np.full((6, 40, 60), np.nan, "f4")
    for name, full in (("late", 3), ("empty", None)):
        if full is not None:
            values[full:, 5, 5] = full
        coords = {
            "time": np.datetime64("2024-08-01", "ns") + np.arange(6) * np.timedelta64(1, "D"),
            "lat": 40 - np.arange(40) * 0.1, "lon": np.arange(60) * 0.1,
        }
        xr.Dataset({"sst": (("time", "lat", "lon"), values)}, coords).to_netcdf(tmp_path / f"{name}.nc")
        values[:] = np.nan
    with page(browser) as opened, started(swathe, "serve", tmp_path / "late.nc", "--address", "0") as (_, link):
        opened.goto(link)
        # Not by wait_for_function: the page forbids what evaluates text.
        for _ in range(100):
            if opened.evaluate("window.swathe ? swathe.view.step : null") == 3:
                break
            opened.wait_for_timeout(100)
        assert "2024-08-04" in opened.locator("#step-name").inner_text()
        assert opened.locator("#step").input_value() == "3"
        opened.locator("#step-back").click()
        opened.wait_for_timeout(300)
        assert opened.evaluate("swathe.view.step") == 2
    with started(swathe, "serve", tmp_path / "empty.nc", "--address", "0") as (_, link):
        assert json.loads(get(link.rstrip("/") + "/opening")) == {"step": 0}


@pytest.mark.parametrize(
    ("call", "options", "fills_in"),
    [
        ("average", {}, True),
        ("average", {"stat": "median", "output": "x.nc"}, False),
        ("average", {"every": "day"}, False),
        ("grid", {}, False),
    ],
)
def test_pages_say_when_the_map_comes(call, options, fills_in, granules, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    if "output" in options:
        options = options | {"output": tmp_path / options["output"]}
    area = {"bbox": (-77, 36, -73, 41), "resolution": 0.1, "on_error": "skip"}
    getattr(package, call)(str(granules), "chlor_a", live=True, **area, **options)
    link = re.search(r"http://\S+", capsys.readouterr().err)[0]
    state = json.loads(get(link.replace("/?", "/state?")))
    assert state["map"]["fills_in"] is fills_in
    # In the end it is there.
    assert state["blocks"]


def test_python_shows_the_link(granules, capsys, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    options = {"bbox": (-77, 36, -73, 41), "resolution": 0.1, "on_error": "skip"}
    alone = package.average(str(granules), "chlor_a", **options)
    watched = package.average(str(granules), "chlor_a", live=True, **options)
    xr.testing.assert_identical(alone, watched)
    link = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})", capsys.readouterr().err)
    assert link
    # The page can be opened after the run.
    state = json.loads(get(link[0].replace("/?", "/state?")))
    assert state["phase"] == "done"
    assert state["counts"]["granules"]["used"] == int((watched.granule_status == "used").sum())
    assert b"<!doctype html>" in get(link[0])
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(link[0][:-1])
    assert refused.value.code == 403
    # Behind a hub's proxy the link leads there; the next run takes the page's place.
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/someone/")
    package.grid(str(granules), "chlor_a", live=True, **options)
    assert re.search(r"watch it at /user/someone/proxy/\d+/\?token=", capsys.readouterr().err)
    with pytest.raises(OSError):
        get(link[0])


def test_python_serves_and_merges(granules, tmp_path, capsys):
    options = {"bbox": (-77, 36, -73, 41), "resolution": 0.1, "on_error": "skip"}
    package.average(str(granules), "chlor_a", output=[tmp_path / "m.nc", tmp_path / "m.swathe"], **options)
    merged = package.merge(tmp_path / "m.swathe", live=True)
    link = re.search(r"http://\S+", capsys.readouterr().err)[0]
    state = json.loads(get(link.replace("/?", "/state?")))
    assert state["phase"] == "done" and state["map"]["layers"][0]["name"] == "chlor_a"
    with pytest.raises(package.SwatheError, match="chlor_b"):
        package.serve(tmp_path / "m.nc", "chlor_b")
    with pytest.raises(ValueError, match="expected a port or an address"):
        package.serve(tmp_path / "m.nc", at="nowhere at all")
    made = package.serve(tmp_path / "m.nc")
    tile = get(made.link.replace("/?", "/tile?layer=0&step=0&level=0&row=0&column=0&"))
    values = np.frombuffer(tile, "<f4").reshape(merged.chlor_a.shape)
    np.testing.assert_array_equal(values, merged.chlor_a.values.astype("f4"))
    assert made.link in repr(made)
    made.close()
    # Nobody answers: a connection is refused, or one that was just taken is closed.
    with pytest.raises(OSError):
        get(made.link)


def test_the_head_of_an_answer_is_all_that_head_gives(granules, tmp_path):
    """The same head as GET's, the length of what there would be included."""
    output = tmp_path / "map.nc"
    package.average(granules, bbox=(-77, 36, -73, 41), resolution=0.1, on_error="skip", output=output)
    served = package.serve(output)
    path, _, query = served.link.partition("?")

    def asked(method, link):
        try:
            request = urllib.request.Request(link, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers.items(), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.items(), error.read()

    for link in (served.link, f"{path}nothing?{query}", path):
        status, headers, body = asked("GET", link)
        assert body and dict(headers)["Content-Length"] == str(len(body))
        assert asked("HEAD", link) == (status, headers, b"")
    assert asked("GET", served.link)[0] == 200
    assert asked("OPTIONS", served.link)[0] == 405
    # Nothing follows the head on the connection: urllib would not have read it.
    port = urllib.parse.urlsplit(served.link).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"HEAD /?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 200 OK\r\n") and said.endswith(b"\r\n\r\n")


def test_the_command_says_what_is_wrong_with_an_address(swathe, granules, tmp_path):
    words = ["average", granules, "-v", "chlor_a", *BOX, "-r", "0.1", "-o", tmp_path / "m.nc"]
    ended = subprocess.run([swathe, *words, "--live=nowhere"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "expected a port or an address" in ended.stderr
    # What follows `--live` is an address only if it can be one.
    ended = subprocess.run(
        [swathe, "average", "--live", granules, *words[2:], "--on-error", "skip"],
        capture_output=True, text=True, check=False,
    )
    assert ended.returncode == 3, ended.stderr
    assert "watch it at http://127.0.0.1:" in ended.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run([swathe, *words, f"--live={address}"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and address in ended.stderr and "hint" in ended.stderr


def test_a_reduction_elsewhere_has_no_page(swathe, tmp_path):
    words = ["reduce", "none.nc", "-v", "chlor_a", "--over", "time", "-o", tmp_path / "m.nc"]
    ended = subprocess.run(
        [swathe, *words, "--dask", "tcp://127.0.0.1:1", "--live"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "has no page of its own" in ended.stderr and "Dask's dashboard" in ended.stderr
    assert "watch it at" not in ended.stderr
