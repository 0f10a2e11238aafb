"""The audience: all who listen, how many they are, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec.structs import replace
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from dynafile.documents.engine import Subscription
from dynafile.documents.requests import Query, Target
from dynafile.documents.served.desk import Desk
from dynafile.documents.served.guard import Caller, Limits
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.served.lines import Line, Member, can_share
from dynafile.documents.served.listening import Encoded, Listening, Wakes
from dynafile.documents.served.live_socket import LiveSocket
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.sse import EventAnswer
from dynafile.documents.wire_json import json_bytes
from dynafile.documents.wire_queries import query_to
from dynafile.errors import TooManyRequests

__all__ = ["Audience"]

Admit = Callable[[HTTPConnection], Awaitable[Caller]]


class Audience:
    """Lets callers listen, as long as there is room, and tells all of them what they may know."""

    def __init__(self, desk: Desk, threads: Executor) -> None:
        self._desk = desk
        self._threads = threads
        self.limits = desk.guard.limits
        self._encoded = Encoded()
        self._wakes: dict[asyncio.AbstractEventLoop, Wakes] = {}
        self._lines: dict[Any, Line] = {}
        self._live: dict[Any, Callable[[], None]] = {}
        self._unruled: dict[Any, Callable[[], None]] = {}
        self._strangers: set[LiveSocket] = set()
        """Those of which it was not known yet who they are; some are by now."""
        self._stopped = False

    def stop(self) -> None:
        """End all who listen; what they have not been told they are told when they go on."""
        self._stopped = True
        for end in list(self._live.values()):
            end()

    # -- coming and going -----------------------------------------------------------------------

    async def listen(self, caller: Caller, target: Target, since: str | None) -> EventAnswer:
        """Return an answer that goes on; raises TooManyRequests, and what watching raises."""
        guard = self._desk.guard
        ruled = guard.inspects
        listening = await self._begin(caller, target, since)
        token = object()
        try:
            self._admit(token, listening.close)
        except TooManyRequests:
            listening.close()
            raise
        if guard.inspects and not ruled:
            listening.close()
        renew, left = partial(self._renew, caller), partial(self._left, token)
        return EventAnswer(listening, self._encoded, self.limits, renew, left)

    def connect(self, socket: WebSocket, admit: Admit) -> LiveSocket:
        """Return a connection with subscriptions; raises TooManyRequests.

        ``admit`` says who is connected, once that is known. :meth:`disconnect` it in the end.
        """
        limits = self._limits_of_a_stranger()
        live = LiveSocket(socket, admit, self._renew, self._begin_counted, self._encoded, limits)
        self._admit(live, live.stop)
        self._strangers.add(live)
        return live

    def disconnect(self, live: LiveSocket) -> None:
        """Forget a connection."""
        self._strangers.discard(live)
        self._left(live)

    def _admit(self, token: object, end: Callable[[], None]) -> None:
        """Count somebody who listens, and whom ``end`` ends when the server stops.

        Who listens without rules is ended when there are rules, and may go on under them.
        """
        if self._stopped or len(self._live) >= self.limits.listeners:
            raise TooManyRequests(
                "as many listen as this server takes, or it stops: try again later", retry_after=5
            )
        self._live[token] = end
        guard = self._desk.guard
        if isinstance(guard, RuledGuard) and not guard.inspects:
            loop = asyncio.get_running_loop()
            self._unruled[token] = guard.listen(partial(_call_soon, loop, end))

    def _left(self, token: object) -> None:
        self._live.pop(token, None)
        forget = self._unruled.pop(token, None)
        if forget is not None:
            forget()

    def _limits_of_a_stranger(self) -> Limits:
        """Return the limits of a WebSocket: less time to say who it is, while many have not."""
        if len(self._strangers) > self.limits.waiting:
            self._strangers = {each for each in self._strangers if each.is_stranger}
        if len(self._strangers) <= self.limits.waiting:
            return self.limits
        return replace(self.limits, greeting=self.limits.greeting / 10)

    async def _renew(self, caller: Caller) -> None:
        """Raise NotAuthenticated where somebody who listens would no longer be admitted."""
        await called_in(self._threads, self._desk.guard.renew, caller)

    # -- what they are told -------------------------------------------------------------------

    async def _begin_counted(
        self, caller: Caller, target: Target, since: str | None
    ) -> Listening | Member:
        """Listen, on a connection where that is no request of its own; raises TooManyRequests."""
        self._desk.guard.count(caller)
        return await self._begin(caller, target, since)

    async def _begin(self, caller: Caller, target: Target, since: str | None) -> Listening | Member:
        """Listen: with others who listen to the same, where all are told the same of it."""
        own = await self._begin_own(caller, target, since)
        if self._desk.guard.inspects or not can_share(target):
            return own
        key = (asyncio.get_running_loop(), _key_of(target))
        line = self._lines.get(key)
        if line is None:
            again = partial(self._begin_shared, caller, target)
            line = self._lines[key] = Line(again, self._encoded)
        return Member(line, own, partial(self._left_line, key))

    def _left_line(self, key: Any) -> None:
        line = self._lines.get(key)
        if line is not None and not line.members:
            del self._lines[key]

    async def _begin_shared(self, caller: Caller, target: Target, since: str | None) -> Listening:
        """Listen for all of a line; raises TooManyRequests where rules now tell them apart."""
        own = await self._begin_own(caller, target, since)
        if self._desk.guard.inspects:
            own.close()
            raise TooManyRequests("there are rules now: listen again", retry_after=0)
        return own

    async def _begin_own(self, caller: Caller, target: Target, since: str | None) -> Listening:
        loop = asyncio.get_running_loop()
        wakes = self._wakes.get(loop)
        if wakes is None:
            wakes = self._wakes[loop] = Wakes(loop)
        call = partial(self._desk.watch, caller, target, since)
        beginning = loop.run_in_executor(self._threads, call)
        try:
            subscription = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(_end_unheard)
            raise
        return Listening(subscription, wakes, self._threads)


def _end_unheard(beginning: asyncio.Future[Subscription]) -> None:
    """End a subscription that came after who asked for it had left."""
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().close()


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and so has who listened in it
        loop.call_soon_threadsafe(call)


def _key_of(target: Target) -> bytes:
    said = query_to(target) if isinstance(target, Query) else list(target)
    return json_bytes(said)
