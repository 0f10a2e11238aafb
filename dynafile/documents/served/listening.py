"""Listening in an event loop: a subscription that a coroutine waits for, and no thread is kept."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Executor
from typing import Any, Final

from dynafile.documents.engine import DocumentChange, Subscription
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.served.veil import is_veiled
from dynafile.documents.wire import event_to
from dynafile.documents.wire_json import json_bytes

__all__ = ["Encoded", "Listening", "Wakes"]

_MOST_ENCODED: Final = 512
_MOST_ENCODED_BYTES: Final = 8 << 20


class Wakes:
    """Wakes those who wait in a loop, from any thread: many of them in one step of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._mutex = threading.Lock()
        self._woken: list[asyncio.Event] = []

    def wake(self, event: asyncio.Event) -> None:
        """Set an event soon; from any thread."""
        with self._mutex:
            self._woken.append(event)
            if len(self._woken) > 1:
                return
        try:
            self._loop.call_soon_threadsafe(self._set)
        except RuntimeError:  # the loop has ended, and so has who waited in it
            with self._mutex:
                self._woken.clear()

    def _set(self) -> None:
        with self._mutex:
            woken, self._woken = self._woken, []
        for event in woken:
            event.set()


class Listening:
    """A subscription, for one coroutine that takes and others that may close it."""

    def __init__(self, subscription: Subscription, wakes: Wakes, threads: Executor) -> None:
        self._subscription = subscription
        self._threads = threads
        self._ready = asyncio.Event()
        self._ready.set()
        subscription.call_when_ready(lambda: wakes.wake(self._ready))

    async def take(self, timeout: float) -> list[DocumentChange] | None:
        """Return what is new; an empty list after the timeout; None when it was closed."""
        subscription = self._subscription
        while not subscription.closed:
            if self._ready.is_set():
                self._ready.clear()
                if subscription.blocks:
                    found = await called_in(self._threads, subscription.take)
                else:
                    found = subscription.take()
                if found:
                    self._ready.set()  # there may be more
                    return found
                continue
            try:
                async with asyncio.timeout(timeout):
                    await self._ready.wait()
            except TimeoutError:
                return []
        return None

    def close(self) -> None:
        """Listen no more, which ends who takes."""
        self._subscription.call_when_ready(None)
        self._subscription.close()
        self._ready.set()


class Encoded:
    """The changes of late as JSON, for all who are told the same."""

    def __init__(self) -> None:
        self._kept: dict[Any, bytes] = {}
        self._bytes = 0

    def json(self, change: DocumentChange) -> bytes:
        """Return a change as JSON."""
        if change.type == "state" or (change.type == "removed" and is_veiled(change.position)):
            return json_bytes(event_to(change))  # which differs from one who listens to another
        key = (change.position, change.type, change.path)
        found = self._kept.get(key)
        if found is None:
            found = json_bytes(event_to(change))
            if len(self._kept) >= _MOST_ENCODED or self._bytes > _MOST_ENCODED_BYTES:
                self._kept.clear()
                self._bytes = 0
            self._kept[key] = found
            self._bytes += len(found)
        return found
