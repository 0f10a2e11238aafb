"""Listening: callbacks, and asynchronous iterators."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Self

from dynafile.documents.calling import Turns
from dynafile.documents.engine import DocumentChange, Engine, Subscription
from dynafile.documents.requests import Target
from dynafile.errors import InvalidDocumentArgumentType

__all__ = ["Changes", "Watch", "listen"]

_log: Final = logging.getLogger("dynafile")

Callback = Callable[[DocumentChange], object]


def listen(engine: Engine, target: Target, callback: Any, since: str | None) -> Watch:
    """Call ``callback(change)`` with the state and what changes it, in another thread."""
    if not callable(callback):
        raise InvalidDocumentArgumentType(
            f"on_snapshot takes a function of a change, not {callback!r:.80}"
        )
    return Watch(engine.watch(target, since), callback)


class Watch:
    """Somebody who listens, until :meth:`unsubscribe` or the end of a ``with`` block."""

    def __init__(self, subscription: Subscription, callback: Callback) -> None:
        self._subscription = subscription
        self._callback = callback
        # The state is that of now: what is written after this returns is told as a change.
        self._first = subscription.take()
        self._turns = Turns(self._tell)
        self._turns.ask()
        subscription.call_when_ready(self._turns.ask)

    def unsubscribe(self) -> None:
        """Be told no more: no call goes on when this returns, unless it is called from within."""
        self._subscription.close()
        self._turns.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()

    def _tell(self) -> None:
        found, self._first = self._first, []
        try:
            while found := found or self._subscription.take():
                for change in found:
                    self._call(change)
                found = []
        except BaseException:  # noqa: BLE001 - nobody is above, and others need the thread
            _log.exception("a listener of documents is told no more")
            self._subscription.close()

    def _call(self, change: DocumentChange) -> None:
        if self._subscription.closed:
            return
        try:
            self._callback(change)
        except Exception:  # noqa: BLE001 - whatever a listener raises
            _log.exception("a listener of documents raised; it is told what comes next")


class Changes:
    """What somebody who listens is told, as an asynchronous iterator.

    It begins with the first change that is asked for, and ends with :meth:`aclose`, the end of an
    ``async with`` block, or the database.
    """

    def __init__(self, begin: Callable[[], Subscription]) -> None:
        self._begin = begin
        self._subscription: Subscription | None = None
        self._waiting: deque[DocumentChange] = deque()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DocumentChange:
        # Who is in a coroutine has it; importing it takes a fifth of what all of this does.
        import asyncio

        while not self._waiting:
            if self._subscription is None:
                if self._closed:
                    raise StopAsyncIteration
                self._adopt(await asyncio.to_thread(self._begin))
                continue
            subscription = self._subscription
            if subscription.closed:
                raise StopAsyncIteration
            if subscription.blocks:
                found = await asyncio.to_thread(subscription.take)
            else:
                found = subscription.take()
            self._waiting.extend(found)
            if not found:
                await _ready(subscription)
        return self._waiting.popleft()

    def _adopt(self, subscription: Subscription) -> None:
        self._subscription = subscription
        # One that is forgotten, as when its task was cancelled, listens no more.
        weakref.finalize(self, subscription.close)
        if self._closed:
            subscription.close()

    async def aclose(self) -> None:
        """Listen no more; as often as one likes."""
        self._closed = True
        self._waiting.clear()
        if self._subscription is not None:
            self._subscription.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _ready(subscription: Subscription) -> None:
    """Wait until a subscription may have something, without a thread."""
    import asyncio

    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and so has who waited in it
            loop.call_soon_threadsafe(event.set)

    subscription.call_when_ready(wake)
    try:
        await event.wait()
    finally:
        subscription.call_when_ready(None)
