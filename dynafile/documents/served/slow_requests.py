"""Slow requests: connections that are held open by sending nothing, little, or by not reading.

uvicorn ends a connection that is idle between requests, and the application a body that does not
come. Here ends what is between: a head that is never whole, a body that nobody waits for any more,
and an answer that its client does not take.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dynafile.documents.served.answers import problem_answer
from dynafile.documents.served.guard import Limits
from dynafile.errors import DynafileError, MalformedRequest, RequestTimedOut

__all__ = ["HEAD_BYTES", "HEAD_PART", "TimelyProtocol", "TimelyState"]

HEAD_BYTES: Final = 64 << 10
HEAD_PART: Final = 4 << 10

_STEPS: Final = 10
"""So often in the time for a head it is looked at; where many are waited for it is one of them."""


class TimelyState(ServerState):
    """What the connections of a server share: those of which something is waited for."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._since: dict[TimelyProtocol, float] = {}
        """When it was begun to wait; the longest is the first."""
        self._left: dict[Any, int] = {}
        """Bytes that those who are done have not taken, when that was looked at last."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to look, in the loop of the server."""
        self._loop = loop
        self._timers["answers"] = loop.call_later(self._limits.stall, self._look_at_answers)

    def stop(self) -> None:
        """Look no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def wait_for(self, protocol: TimelyProtocol) -> None:
        """Wait for the rest of what a connection sends, from now on or from when it began."""
        if protocol in self._since or self._loop is None:
            return
        self._since[protocol] = self._loop.time()
        if "heads" not in self._timers:
            self._look_again()

    def wait_no_more(self, protocol: TimelyProtocol) -> None:
        """Forget a connection that has sent it, or is gone."""
        self._since.pop(protocol, None)

    def _look_again(self) -> None:
        assert self._loop is not None
        step = self._limits.head_seconds / _STEPS
        self._timers["heads"] = self._loop.call_later(step, self._look_at_heads)

    def _look_at_heads(self) -> None:
        """End those that take too long; less is too long while they are many."""
        assert self._loop is not None
        many = len(self._since) > self._limits.waiting
        seconds = self._limits.head_seconds / (_STEPS if many else 1)
        before = self._loop.time() - seconds
        late = []
        for protocol, since in self._since.items():
            if since > before:
                break
            late.append(protocol)
        for protocol in late:
            del self._since[protocol]
            protocol.time_out(seconds)
        if self._since:
            self._look_again()
        else:
            del self._timers["heads"]

    def _look_at_answers(self) -> None:
        """Drop the connections that have taken nothing of a whole answer since the last look."""
        assert self._loop is not None
        left = {}
        for protocol in list(self.connections):
            transport = protocol.transport
            size = transport.get_write_buffer_size() if _writes_no_more(protocol) else 0
            if size and self._left.get(protocol) == size:
                transport.abort()
            elif size:
                left[protocol] = size
        self._left = left
        self._timers["answers"] = self._loop.call_later(self._limits.stall, self._look_at_answers)


def _writes_no_more(protocol: Any) -> bool:
    cycle = getattr(protocol, "cycle", None)
    return protocol.transport.is_closing() or (
        isinstance(protocol, TimelyProtocol) and cycle is not None and cycle.response_complete
    )


class TimelyProtocol(H11Protocol):
    """A connection that has to send the head of a request within :attr:`Limits.head_seconds`.

    The time begins with the connection, and later with the first byte of each request: between two
    of them uvicorn waits for 5 seconds.
    """

    server_state: TimelyState

    def connection_made(self, transport: Any) -> None:
        """Wait for a head."""
        super().connection_made(transport)
        self.server_state.wait_for(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self.server_state.wait_no_more(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what was sent, and wait for the rest where it is not all.

        h11 bounds a head that is not whole yet. So that one that comes at once is bounded as well,
        it is given heads in small parts.
        """
        while data and self._is_at_it():
            size = HEAD_PART if self.conn.their_state is h11.IDLE else len(data)
            super().data_received(data[:size])
            data = data[size:]
        # A request that is being answered has its own limits; this is about the others: a head
        # that is not whole, and a body that comes after its answer.
        if self.conn.our_state in (h11.IDLE, h11.DONE) and not self._has_whole_request():
            self.server_state.wait_for(self)
        else:
            self.server_state.wait_no_more(self)

    def on_response_complete(self) -> None:
        """Go on with the next request, of which a part may be here already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.server_state.wait_for(self)

    def _is_at_it(self) -> bool:
        """Say whether what comes is for this, and not for nobody, or for a WebSocket."""
        return not self.transport.is_closing() and self.transport.get_protocol() is self

    def _has_whole_request(self) -> bool:
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)

    def time_out(self, seconds: float) -> None:
        """End it: with an answer, if a part of a head has come."""
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(
                RequestTimedOut(f"the head of the request did not come within {seconds:g} seconds")
            )
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP by a problem, as all is refused."""
        self._refuse(MalformedRequest("this is no request of HTTP/1.1, or its head is too long"))

    def _refuse(self, error: DynafileError) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = problem_answer(error, "")
            answer.headers["connection"] = "close"
            phrase = HTTPStatus(answer.status_code).phrase.encode()
            said = h11.Response(
                status_code=answer.status_code, headers=answer.raw_headers, reason=phrase
            )
            for event in (said, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
