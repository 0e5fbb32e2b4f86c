"""What watching a run costs, and how soon a served file is in view.

    cargo build --release
    swathe simulate -d WORLD --global --days 1 --count 15
    python benches/live.py WORLD [--pairs 15] [--alone] [--methods bin footprint] [--memory 512MiB]

Processor seconds of the command that makes the global 4 km map of WORLD, with and without `--live`, in
alternated pairs; while one is watched, its page is open in headless Chromium, whose own time does not count
(`--alone`: nobody looks at the page). An error on the page ends it all. Asked: less than 3 % more. Then the map is served, and the page is zoomed and panned: milliseconds from the
move to the view being whole. Asked: at most 150.

Needs playwright and a Chromium (SWATHE_CHROMIUM names one).
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def processor_seconds(words, browser=None):
    """Of a command, whose page is looked at if there is a browser."""
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    page = None
    if browser:
        while not (link := re.search(r"http://\S+", process.stderr.readline())):
            pass
        page = browser.new_page()
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(link[0])
        page.wait_for_selector("body[data-ended=done]", timeout=600_000)
        if wrong:
            raise SystemExit(f"the page: {wrong}")
    process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if page:
        page.close()
    if process.returncode:
        raise SystemExit(f"{words} failed")
    return usage.ru_utime + usage.ru_stime


MOVE = """action => new Promise(done => {
  const view = swathe.view, start = performance.now();
  ({zoom: () => view.zoomAt(2, view.width * 0.9, view.height * 0.25), out: () => view.zoomAt(0.5),
    east: () => view.move(-view.width / 2, 0), south: () => view.move(0, -view.height / 2),
    west: () => view.move(view.width / 2, 0)})[action]();
  const look = () => {
    if (view.painted.at > start && view.painted.whole) done(performance.now() - start);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def serve(swathe, file, browser):
    """Milliseconds of views of a file."""
    process = subprocess.Popen(
        [swathe, "serve", file, "--address", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        link = re.search(r"http://\S+", process.stderr.readline())[0]
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(link)
        page.wait_for_selector("#map[data-whole=yes]")
        first = page.evaluate("performance.now()")
        # What is read ahead of the first look is not yet all there.
        page.wait_for_timeout(1500)
        moves = ["zoom", "zoom", "zoom", "west", "south", "east", "zoom", "west", "zoom", "east"]
        moves += ["out"] * 5 + ["zoom", "south", "zoom", "east", "east"]
        times = [(move, page.evaluate(MOVE, move)) for move in moves]
        page.close()
    finally:
        process.kill()
        process.wait()
    print(f"serve: first view {first:.0f} ms after the page was asked for")
    print("       " + ", ".join(f"{move} {time:.0f}" for move, time in times))
    all_times = sorted(time for _, time in times)
    print(f"       median {statistics.median(all_times):.0f} ms, most {all_times[-1]:.0f} ms (asked: at most 150)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("granules", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--methods", nargs="+", default=["bin"])
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--threads", default=str(os.cpu_count()))
    parser.add_argument("--swathe", type=pathlib.Path, default=ROOT / "target/release/swathe")
    options = parser.parse_args()
    named = os.environ.get("SWATHE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=named, args=["--no-sandbox"])
        file = pathlib.Path(folder) / "map.nc"
        for method in options.methods:
            words = [options.swathe, "average", options.granules, "-v", "chlor_a", "--grid", "l3m-4km"]
            words += ["--stat", "mean,std", "--memory", options.memory, "-m", method, "-o", file, "--overwrite", "--progress", "none"]
            words += ["--threads", options.threads]
            watched_words, looking = [*words, "--live=0"], None if options.alone else browser
            pairs = []
            for number in range(options.pairs):
                # Which of the two is first changes from pair to pair.
                both = [lambda: processor_seconds(words), lambda: processor_seconds(watched_words, looking)]
                if number % 2:
                    watched, alone = both[1](), both[0]()
                else:
                    alone, watched = both[0](), both[1]()
                pairs.append((alone, watched))
            ratio = statistics.median(watched / alone for alone, watched in pairs)
            sums = [sum(column) for column in zip(*pairs, strict=True)]
            print(f"{method}: {statistics.median(a for a, _ in pairs):.2f} s alone, "
                  f"{statistics.median(w for _, w in pairs):.2f} s watched; median of the ratios "
                  f"{100 * (ratio - 1):+.1f} %, of sums {100 * (sums[1] / sums[0] - 1):+.1f} % "
                  f"(asked: less than +3 %), {options.pairs} pairs")
        serve(options.swathe, file, browser)
        browser.close()


if __name__ == "__main__":
    main()
