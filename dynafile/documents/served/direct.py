"""Direct writing: bytes that many are sent, without a coroutine and a framing for each of them.

ASGI has a message and an ``await`` for each who is sent something, and a server frames each by
itself: three quarters of what it costs to tell 200 listeners of a change. This knows the
connections of uvicorn; where one is not as it expects, or another server runs the application,
there is only ASGI.
"""

from __future__ import annotations

import struct
from typing import Any, Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Direct", "DirectWrites", "direct_of"]

_EXTENSION: Final = "dynafile.direct"
_CYCLE: Final = ("flow", "transport", "disconnected", "response_started", "response_complete")
_SOCKET: Final = ("writable", "transport", "disconnected", "handshake_complete", "close_sent")
_TEXT: Final = 0x81
"""The first byte of a whole message of text; RFC 6455, section 5.2."""


class DirectWrites(Protocol):
    """A connection to which bytes can be written between the messages of ASGI."""

    def frame(self, data: bytes) -> bytes:
        """Return a part of a body, or a message, as it travels."""

    def write(self, framed: bytes) -> bool:
        """Write what was framed; return False where that would have to wait, or it is over."""


def direct_of(scope: Any) -> DirectWrites | None:
    """Return what writes to a connection directly, if anything does."""
    found: DirectWrites | None = scope.get("extensions", {}).get(_EXTENSION)
    return found


class Direct:
    """An application that lets another one write directly where uvicorn runs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the other one does."""
        end: Any = getattr(send, "__self__", None)
        found: DirectWrites | None = None
        if scope["type"] == "http" and scope["http_version"] == "1.1" and _has(end, _CYCLE):
            found = None if scope["method"] == "HEAD" else _Chunks(end)
        elif scope["type"] == "websocket" and _has(end, _SOCKET):
            found = _Messages(end)
        if found is not None:
            scope = {**scope, "extensions": {**scope.get("extensions", {}), _EXTENSION: found}}
        await self._app(scope, receive, send)


def _has(end: Any, names: tuple[str, ...]) -> bool:
    return type(end).__module__.startswith("uvicorn.") and all(hasattr(end, name) for name in names)


class _Chunks:
    """The body of an answer without a length, in chunks; RFC 9112, section 7.1."""

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle

    def frame(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data)

    def write(self, framed: bytes) -> bool:
        cycle = self._cycle
        if (
            cycle.flow.write_paused
            or cycle.disconnected
            or cycle.response_complete
            or not cycle.response_started
            or cycle.transport.is_closing()
        ):
            return False
        cycle.transport.write(framed)
        return True


class _Messages:
    """Messages of text of a WebSocket without extensions."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def frame(self, data: bytes) -> bytes:
        size = len(data)
        if size < 126:
            return struct.pack(">BB", _TEXT, size) + data
        if size < 1 << 16:
            return struct.pack(">BBH", _TEXT, 126, size) + data
        return struct.pack(">BBQ", _TEXT, 127, size) + data

    def write(self, framed: bytes) -> bool:
        socket = self._socket
        if (
            socket.disconnected
            or socket.close_sent
            or not socket.writable.is_set()
            or not socket.handshake_complete
            or socket.transport.is_closing()
        ):
            return False
        socket.transport.write(framed)
        return True
