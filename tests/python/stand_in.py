"""The stand-in server for NASA's services, as a process."""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("STAND_IN", ROOT / "target/debug/stand-in"))


class Server:
    """A running server: its settings for `swathe`, and a say over its behaviour."""

    def __init__(self, settings):
        self.settings = settings
        self.base = settings["SWATHE_CMR"]

    def link(self, name):
        return f"{self.base}/archive/{name}"

    def behave(self, **behaviour):
        body = json.dumps(behaviour).encode()
        request = urllib.request.Request(f"{self.base}/control", data=body, method="POST")
        opener().open(request).read()

    def log(self):
        return json.load(opener().open(f"{self.base}/control/log"))


def opener():
    """Loopback is not reached through a proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextlib.contextmanager
def serving(folder):
    """Serves the granules of a folder."""
    process = subprocess.Popen(
        [PROGRAM, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    settings = {}
    for line in process.stdout:
        if line.startswith("#"):
            break
        name, _, value = line.removeprefix("export ").strip().partition("=")
        settings[name] = value
    try:
        yield Server(settings)
    finally:
        process.stdin.close()
        process.wait()
