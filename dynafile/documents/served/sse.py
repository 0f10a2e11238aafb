"""Server-Sent Events: the state, then each change, with its position as the id of the event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dynafile.documents.engine import DocumentChange
from dynafile.documents.served.answers import SAFE
from dynafile.documents.served.direct import direct_of
from dynafile.documents.served.guard import Limits
from dynafile.documents.served.lines import Member
from dynafile.documents.served.listening import Encoded, Listening
from dynafile.errors import DynafileError

__all__ = ["EVENT_STREAM", "EventAnswer", "frame", "since_of", "wants_events"]

EVENT_STREAM: Final = "text/event-stream"
_HEARTBEAT: Final = b": nothing new\n\n"


def wants_events(request: Request) -> bool:
    """Say whether who asks wants to be told of changes."""
    accept = request.headers.get("accept", "")
    return EVENT_STREAM in (each.partition(";")[0].strip() for each in accept.lower().split(","))


def since_of(request: Request, since: str | None) -> str | None:
    """Return the position after which to go on: what a client that reconnects says goes before."""
    return request.headers.get("last-event-id") or since or None


def frame(change: DocumentChange, json: bytes) -> bytes:
    """Return a change as an event; JSON has no line breaks, and a position neither."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        change.position.encode(),
        change.type.encode(),
        json,
    )


class EventAnswer(Response):
    """An answer that goes on until the client leaves, or the server stops.

    A client that reads slowly makes its own answer wait, which then holds no more than the changes
    that it is about to send; the others stay where they are, in the journal.
    """

    def __init__(
        self,
        listening: Listening | Member,
        encoded: Encoded,
        limits: Limits,
        renew: Callable[[], Awaitable[None]],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(
            headers={**SAFE, "cache-control": "no-store", "x-accel-buffering": "no"},
            media_type=EVENT_STREAM,
        )
        del self.headers["content-length"]
        self._listening = listening
        self._encoded = encoded
        self._limits = limits
        self._renew = renew
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        gone = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            loop = asyncio.get_running_loop()
            renewed = loop.time()
            direct = direct_of(scope)
            if direct is not None and isinstance(self._listening, Member):
                framed = direct.frame
                self._listening.write_by(
                    "events", lambda some: framed(self._body(some)), direct.write
                )
            heartbeat = self._limits.heartbeat
            while True:
                # No longer than until it is asked again, as changes are written meanwhile.
                left = max(0.0, renewed + heartbeat - loop.time())
                changes = await self._listening.take(left)
                if changes is None:
                    break
                if loop.time() - renewed >= heartbeat:
                    await self._renew()
                    renewed = loop.time()
                message = {
                    "type": "http.response.body",
                    "body": self._body(changes) or _HEARTBEAT,
                    "more_body": True,
                }
                async with asyncio.timeout(self._limits.stall):
                    await send(message)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except DynafileError:
            # Who comes back is told why.
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            pass  # it reads nothing, or is gone: it may come back and go on where it was
        finally:
            gone.cancel()
            self._listening.close()
            self._ended()

    def _body(self, changes: Sequence[DocumentChange]) -> bytes:
        return b"".join(frame(each, self._encoded.json(each)) for each in changes)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listening.close()
