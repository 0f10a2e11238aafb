"""The WebSocket: many subscriptions on one connection, each of which has a number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from dynafile.documents.engine import DocumentChange
from dynafile.documents.requests import Target
from dynafile.documents.served.credentials import credentials_in
from dynafile.documents.served.direct import direct_of
from dynafile.documents.served.guard import Caller, Limits
from dynafile.documents.served.lines import Member
from dynafile.documents.served.listening import Encoded, Listening
from dynafile.documents.wire_json import json_bytes, read_json
from dynafile.documents.wire_members import members
from dynafile.documents.wire_problems import is_failure, problem_of
from dynafile.documents.wire_queries import target_from
from dynafile.errors import (
    DynafileError,
    ExpiredToken,
    LimitExceeded,
    MalformedRequest,
    NotAuthenticated,
)

__all__ = ["LiveSocket"]

_log: Final = logging.getLogger("dynafile")

_LIVE: Final = "/v1/live"
_LONGEST_MESSAGE: Final = 1 << 20
_MESSAGE: Final[dict[str, Any]] = {
    "subscribe": int,
    "path": list,
    "query": dict,
    "since": str,
    "unsubscribe": int,
    "ping": int,
    "token": str,
    "key": str,
}
_CREDENTIALS: Final = {"key", "token"}
_OTHERS: Final = {"unsubscribe", "ping", *_CREDENTIALS}
"""What does not go together with a subscription."""
_GREETING: Final = "{'key': 'mb-...'}, {'token': '...'} or both"
_GOING_AWAY: Final = 1001
_REFUSED: Final = 1008

Admit = Callable[[HTTPConnection], Awaitable[Caller]]
Renew = Callable[[Caller], Awaitable[None]]
Begin = Callable[[Caller, Target, str | None], Awaitable[Listening | Member]]


class LiveSocket:
    """A connection, from its acceptance to its end."""

    def __init__(
        self,
        socket: WebSocket,
        admit: Admit,
        renew: Renew,
        begin: Begin,
        encoded: Encoded,
        limits: Limits,
    ) -> None:
        self._socket = socket
        self._admit = admit
        self._renew = renew
        self._begin = begin
        self._encoded = encoded
        self._limits = limits
        self._caller: Caller | None = None
        self._listenings: dict[int, Listening | Member | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._refused: NotAuthenticated | None = None

    @property
    def who(self) -> str:
        """What the log calls who is connected."""
        return "nobody" if self._caller is None else self._caller.id

    @property
    def is_stranger(self) -> bool:
        """Whether it is not known yet who is connected."""
        return self._caller is None

    def stop(self) -> None:
        """End it, as the server stops."""
        if self._reading is not None:
            self._reading.cancel()

    async def serve(self) -> None:
        """Serve it until either side ends it."""
        await self._socket.accept()
        self._reading = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({self._reading})
            if self._refused is not None:
                await self._send({"problem": problem_of(self._refused, _LIVE)})
                await self._close(_REFUSED, "not authenticated")
            elif self._reading.cancelled():
                await self._close(_GOING_AWAY, "the server stops")
            else:
                error = self._reading.exception()
                if error is not None and not isinstance(error, (WebSocketDisconnect, OSError)):
                    raise error
        finally:
            for listening in self._listenings.values():
                if listening is not None:
                    listening.close()
            for task in self._tasks:
                task.cancel()

    async def _serve(self) -> None:
        if not await self._greet():
            return
        self._tasks.add(asyncio.create_task(self._renewing()))
        while True:
            text = await self._receive()
            try:
                await self._obey(text)
            except DynafileError as error:
                await self._send({"problem": problem_of(error, _LIVE)})

    async def _renewing(self) -> None:
        """Look from time to time whether who is connected would still be admitted."""
        while True:
            await asyncio.sleep(self._limits.heartbeat)
            assert self._caller is not None
            try:
                await self._renew(self._caller)
            except NotAuthenticated as error:
                self._refused = error
            except Exception:  # noqa: BLE001 - who cannot be asked about is told no more
                _log.exception("nobody knows whether %s still counts", self.who)
            else:
                continue
            self.stop()
            return

    async def _receive(self) -> bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        data: bytes = message.get("bytes") or (message.get("text") or "").encode()
        return data

    async def _greet(self) -> bool:
        """Learn who is connected: by headers, or by what the first message brings."""
        try:
            if credentials_in(self._socket.headers):
                self._caller = await self._admit(self._socket)
                return True
            try:
                self._caller = await self._admit(self._socket)
            except NotAuthenticated:
                async with asyncio.timeout(self._limits.greeting):
                    first = await self._receive()
                await self._take_credentials(self._read(first))
        except (DynafileError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                error = NotAuthenticated(f"nothing came to say who it is: send {_GREETING} first")
            await self._send({"problem": problem_of(error, _LIVE)})
            await self._close(_REFUSED, "not authenticated")
            return False
        return True

    async def _take_credentials(self, message: dict[str, Any]) -> None:
        """Admit who sends a key, a token or both; later the same who, with another token."""
        if not message or not message.keys() <= _CREDENTIALS:
            raise NotAuthenticated(f"the first message has to say who it is: {_GREETING}")
        headers = {}
        for name, header in (("key", "x-api-key"), ("token", "authorization")):
            text = message.get(name)
            if text is None:
                continue
            if not text.isascii() or not text.isprintable():
                raise NotAuthenticated(f"the {name} has characters that no {name} has")
            headers[header] = f"Bearer {text}" if name == "token" else text
        scope = {**self._socket.scope, "headers": Headers(headers).raw}
        caller = await self._admit(HTTPConnection(scope))
        known = self._caller
        if known is not None and self._listenings:
            if known.id != caller.id:
                raise NotAuthenticated(
                    "somebody else has subscribed on this connection: make another for each"
                )
            if known.auth != caller.auth:  # by which rules go on to decide of what is there
                raise ExpiredToken(
                    "other claims count now than when this connection subscribed: make another"
                )
        self._caller = caller
        await self._send({"ready": True})

    # -- messages -------------------------------------------------------------------------------

    def _read(self, text: bytes) -> dict[str, Any]:
        if len(text) > _LONGEST_MESSAGE:
            raise MalformedRequest(f"a message has at most {_LONGEST_MESSAGE} bytes")
        return members(read_json(text, "the message"), "the message", _MESSAGE)

    async def _obey(self, text: bytes) -> None:
        message = self._read(text)
        if message.keys() == {"unsubscribe"}:
            self._unsubscribe(message["unsubscribe"])
        elif message.keys() == {"ping"}:  # who cannot see whether a connection is broken
            await self._send({"pong": message["ping"]})
        elif "subscribe" in message and not message.keys() & _OTHERS:
            await self._subscribe(message)
        elif message and message.keys() <= _CREDENTIALS:
            await self._take_credentials(message)
        else:
            raise MalformedRequest(
                "a message subscribes or unsubscribes: {'subscribe': 1, 'path': ['users']}"
            )

    def _unsubscribe(self, number: int) -> None:
        if number not in self._listenings:
            raise MalformedRequest(f"there is no subscription {number}")
        listening = self._listenings.pop(number)
        if listening is not None:
            listening.close()

    async def _subscribe(self, message: dict[str, Any]) -> None:
        number = message["subscribe"]
        try:
            if number in self._listenings:
                raise MalformedRequest(f"there is a subscription {number}: take another number")
            if len(self._listenings) >= self._limits.subscriptions:
                raise LimitExceeded(
                    f"a connection has at most {self._limits.subscriptions} subscriptions"
                )
            target = target_from(message, "the message")
            assert self._caller is not None
            self._listenings[number] = None
            try:
                listening = await self._begin(self._caller, target, message.get("since"))
            except BaseException:
                del self._listenings[number]
                raise
        except DynafileError as error:
            await self._send({"of": number, "problem": problem_of(error, _LIVE)})
            return
        self._listenings[number] = listening
        task = asyncio.create_task(self._tell(number, listening))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- telling --------------------------------------------------------------------------------

    async def _tell(self, number: int, listening: Listening | Member) -> None:
        """Tell of a subscription until it ends; who reads slowly makes it wait here."""
        prefix = b'{"of":%d,' % number
        direct = direct_of(self._socket.scope)
        if direct is not None and isinstance(listening, Member):
            frame = direct.frame
            listening.write_by(
                number,
                lambda some: b"".join(frame(self._said(prefix, each)) for each in some),
                direct.write,
            )
        try:
            while (changes := await listening.take(self._limits.heartbeat)) is not None:
                for change in changes:
                    if self._listenings.get(number) is not listening:
                        return
                    await self._send_text(self._said(prefix, change))
        except (WebSocketDisconnect, OSError, RuntimeError, TimeoutError):
            self.stop()
        except DynafileError as error:
            if is_failure(error):
                raise
            await self._send({"of": number, "problem": problem_of(error, _LIVE)})
        finally:
            listening.close()
            if self._listenings.get(number) is listening:
                del self._listenings[number]

    def _said(self, prefix: bytes, change: DocumentChange) -> bytes:
        return prefix + self._encoded.json(change)[1:]

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(json_bytes(message))

    async def _send_text(self, text: bytes) -> None:
        async with self._sending, asyncio.timeout(self._limits.stall):
            await self._socket.send_text(text.decode())

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1):
                await self._socket.close(code, reason)
        except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            pass  # it is closed already
