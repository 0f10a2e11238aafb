"""Listening to a server: its events, in a thread that connects again and goes on where it was."""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from dynafile.documents.engine import DocumentChange, Subscription
from dynafile.documents.wire import event_from
from dynafile.documents.wire_json import json_bytes, read_json
from dynafile.documents.wire_problems import error_from
from dynafile.errors import DynafileError, ServerFailed, ServerNotReachable

if TYPE_CHECKING:
    import httpx

__all__ = ["RemoteSubscription"]

_log: Final = logging.getLogger("dynafile")

_MOST_WAITING: Final = 256
"""Changes that wait to be taken; more stay at the server, which holds a position."""
_SILENCE: Final = 45.0
"""Seconds without a heartbeat after which a connection counts as broken: three of them."""
_FIRST: Final = 30.0
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_PASSING: Final = (408, 429, 500, 502, 503, 504)


class RemoteSubscription(Subscription):
    """Who listens to a server."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        target: dict[str, Any],
        since: str | None,
        ended: Callable[[RemoteSubscription], None],
    ) -> None:
        self._client = client
        self._url = url
        self._target = target
        self._position = since
        self._ended = ended
        self._came = threading.Condition()
        self._waiting: deque[DocumentChange] = deque()
        self._begun = False
        """Whether the state is here, or the server goes on after the position."""
        self._error: DynafileError | None = None
        self._closed = False
        self._wake: Callable[[], None] | None = None
        self._answer: httpx.Response | None = None
        self._thread = threading.Thread(target=self._follow, name="dynafile remote", daemon=True)

    def begin(self) -> None:
        """Connect, in the thread."""
        self._thread.start()

    # -- the thread -----------------------------------------------------------------------------

    def _follow(self) -> None:
        import httpx

        pause = _SHORTEST_PAUSE
        while not self._closed:
            try:
                for change in self._events():
                    pause = _SHORTEST_PAUSE
                    self._put(change)
            except (httpx.HTTPError, httpx.StreamError, OSError) as error:
                self._fail(ServerNotReachable(f"{self._url} did not answer: {error}"), final=False)
            except DynafileError as error:
                self._fail(error, final=True)
                return
            except Exception as error:
                _log.exception("a listener of %s ended", self._url)
                self._fail(ServerFailed(f"what {self._url} tells is not understood"), final=True)
                if not isinstance(error, (KeyError, TypeError, ValueError)):
                    raise
                return
            with self._came:
                self._came.wait_for(lambda: self._closed, pause * random.uniform(0.5, 1))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _events(self) -> Iterator[DocumentChange]:
        """Yield what the server tells on one connection."""
        import httpx

        headers = {"accept": "text/event-stream", "content-type": "application/json"}
        if self._position is not None:
            headers["last-event-id"] = self._position
        timeout = httpx.Timeout(_SILENCE, connect=10)
        body = json_bytes(self._target)
        with self._client.stream(
            "POST", self._url, content=body, headers=headers, timeout=timeout
        ) as answer:
            if answer.status_code in _PASSING:
                raise OSError(f"it answered {answer.status_code}")
            if answer.status_code != 200:
                raise error_from(read_json(answer.read(), "the answer"), answer.status_code)
            with self._came:
                self._answer = answer
                if self._closed:
                    return
                self._begun = self._begun or self._position is not None
                self._came.notify_all()
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield event_from(read_json(line[6:].encode(), "an event"))

    def _put(self, change: DocumentChange) -> None:
        with self._came:
            self._came.wait_for(lambda: self._closed or len(self._waiting) < _MOST_WAITING)
            self._waiting.append(change)
            self._position = change.position
            self._begun = True
            self._came.notify_all()
        self._tell()

    def _fail(self, error: DynafileError, *, final: bool) -> None:
        """Have who waits know; before the first state also that nobody answers."""
        with self._came:
            if self._closed or not (final or not self._begun):
                return
            self._error = error
            self._came.notify_all()
        self._tell()

    def _tell(self) -> None:
        wake = self._wake
        if wake is not None:
            wake()

    # -- taking ---------------------------------------------------------------------------------

    @property
    def blocks(self) -> bool:
        """Whether :meth:`take` waits for the first answer of the server."""
        return not self._begun

    def take(self) -> list[DocumentChange]:
        """Return what has come; at first it waits for the state. Raises what the server refuses."""
        with self._came:
            if not self._begun:
                self._came.wait_for(lambda: self._begun or self._error or self._closed, _FIRST)
            found = list(self._waiting)
            self._waiting.clear()
            self._came.notify_all()
            error = self._error
            if not found and error is not None and not self._closed:
                self._closed = True
                self._came.notify_all()
                self._ended(self)
                raise error
        return found

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there may be something."""
        with self._came:
            return bool(
                self._came.wait_for(lambda: self._waiting or self._error or self._closed, timeout)
            )

    def call_when_ready(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` when there may be something; once now, if so."""
        self._wake = wake
        if wake is not None and (self._waiting or self._error or self._closed):
            wake()

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its client was."""
        return self._closed

    def close(self) -> None:
        """Listen no more."""
        with self._came:
            if self._closed:
                return
            self._closed = True
            self._waiting.clear()
            self._came.notify_all()
            answer = self._answer
        if answer is not None:
            _interrupt(answer)
        self._ended(self)
        self._tell()


def _interrupt(answer: httpx.Response) -> None:
    """End what a thread reads: it finds the end of the stream."""
    stream = answer.extensions.get("network_stream")
    found = None if stream is None else stream.get_extra_info("socket")
    if found is not None:
        try:
            found.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended already
