"""What workers of a cluster do, told to the page of a run.

A task notes what it does (``Recorder`` of Rust) and sends it by Dask's own way for such things: events of a topic,
which workers log and clients subscribe to. Nothing waits for it, and a task that nobody watches notes nothing.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

from swathe import _swathe

#: Seconds between two messages of a task.
OFTEN = 0.5
#: Numbers of the tasks that this process is at: tasks beside each other have lanes of their own.
_lanes: set[int] = set()
_lock = threading.Lock()


class Told:
    """A page that hears of what workers do until it is closed; or nobody, where there is no page."""

    def __init__(self, client: Any, live: _swathe.Live | None, stride: int | None) -> None:
        self._client, self._live, self._topic = client, live, f"swathe-{secrets.token_hex(8)}"
        #: For :meth:`swathe._dask.Spread.submit`.
        self.arguments: tuple[Any, ...] = ()
        if live is not None and stride is not None:
            live.see_also("Dask's dashboard", dashboard(client) or "")
            client.subscribe_topic(self._topic, self._came)
            self.arguments = (self._topic, stride)

    def _came(self, event: Any) -> None:
        _, message = event
        # What others than our tasks tell is not for us.
        with contextlib.suppress(Exception):
            if self._live is not None:
                self._live.take(str(message["lane"]), bytes(message["news"]))

    def close(self) -> None:
        """Hear no more."""
        if self.arguments:
            with contextlib.suppress(Exception):
                self._client.unsubscribe_topic(self._topic)
            self.arguments = ()


@contextlib.contextmanager
def watched(plan: Any, client: Any, live: _swathe.Live | None) -> Iterator[tuple[Any, ...]]:
    """The page of a plan that workers carry out: how their tasks tell it what they do."""
    told = Told(client, live, None if live is None else live.begin(plan))
    try:
        yield told.arguments
    except BaseException as error:
        if live is not None:
            live.ended(str(error) or type(error).__name__)
        raise
    finally:
        told.close()


def dashboard(client: Any) -> str | None:
    """The address of Dask's own page, if it has one."""
    try:
        address = client.dashboard_link
    except Exception:  # As many kinds as there are clusters.
        return None
    return str(address) if address else None


@contextlib.contextmanager
def telling(
    worker: Any, topic: str | None = None, stride: int = 1
) -> Iterator[_swathe.Recorder | None]:
    """While a task is done on a worker, what it does is sent twice a second."""
    if topic is None:
        yield None
        return
    recorder, ended = _swathe.Recorder(stride), threading.Event()
    with _lock:
        lane = next(number for number in range(len(_lanes) + 1) if number not in _lanes)
        _lanes.add(lane)
    name = str(worker.name).removeprefix("tcp://")
    name = name if worker.state.nthreads == 1 else f"{name}, {lane + 1}"

    def send() -> None:
        # Watching is never a reason for a task to fail.
        with contextlib.suppress(Exception):
            news = recorder.take()
            if news is not None:
                worker.log_event(topic, {"lane": name, "news": news})

    def often() -> None:
        while not ended.wait(OFTEN):
            send()

    thread = threading.Thread(target=often, name="swathe-telling", daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        ended.set()
        thread.join()
        send()
        with _lock:
            _lanes.discard(lane)
