"""Listeners of asyncio programs: called in the loop, in the order of the commits."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from dynafile.aio.job import outlast
from dynafile.errors import InvalidArgument
from dynafile.table.events import Event, EventListener

_log = logging.getLogger("dynafile")


class LoopListener:
    """Hears of commits in the threads that make them, and tells a listener in the loop.

    A plain function is called before the task that wrote goes on. What a coroutine function makes
    is awaited in a task of its own, one event after the other, and nobody waits for it but closing:
    a listener that writes would wait for itself.
    """

    def __init__(
        self, listener: EventListener, post: Callable[[Callable[[], object]], None]
    ) -> None:
        if not callable(listener):
            raise InvalidArgument(f"a listener is a callable that takes an Event, not {listener!r}")
        self.listener = listener
        self._post = post
        self._events: deque[Event] = deque()
        self._task: asyncio.Task[None] | None = None
        self._then: Callable[[], None] | None = None

    def __call__(self, event: Event) -> None:
        """Take an event, in any thread."""
        self._post(partial(self._hear, event))

    def __repr__(self) -> str:
        return repr(self.listener)

    def _hear(self, event: Event) -> None:
        if self._task is not None:
            self._events.append(event)
            return
        try:
            returned = self.listener(event)
        except Exception:  # noqa: BLE001 - a listener stops nobody
            self._complain(event)
            return
        if inspect.iscoroutine(returned):
            task = asyncio.get_running_loop().create_task(self._go_on(returned, event))
            self._task = None if task.done() else task  # a task may be made to begin at once

    async def _go_on(self, current: object, event: Event) -> None:
        """Await what the listener made of an event, then let it hear those that came meanwhile."""
        try:
            while True:
                if inspect.iscoroutine(current):
                    await self._await(current, event)
                if not self._events:
                    return
                event = self._events.popleft()
                try:
                    current = self.listener(event)
                except Exception:  # noqa: BLE001 - a listener stops nobody
                    self._complain(event)
                    current = None
        finally:
            self._task = None
            if self._then is not None:
                self._then()

    async def _await(self, coroutine: object, event: Event) -> None:
        assert inspect.iscoroutine(coroutine)
        try:
            await coroutine
        except Exception:  # noqa: BLE001 - a listener stops nobody
            self._complain(event)

    def _complain(self, event: Event) -> None:
        _log.exception(
            "the listener %r raised on %s; the write stands", self.listener, event.action
        )

    async def heard(self) -> None:
        """Wait until the listener is through with all events; but it cannot wait for itself."""
        if not self.is_current():
            await outlast(self._through)

    def when_through(self, then: Callable[[], None]) -> None:
        """Call ``then`` when the listener, which hears no more, is through with what it heard."""
        if self._task is None:
            then()
        else:
            self._then = then

    def is_current(self) -> bool:
        """Say whether the listener is what asks."""
        return self._task is not None and self._task is asyncio.current_task()

    def _through(self) -> asyncio.Future[None] | None:
        if self._task is None:
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task.add_done_callback(lambda _: None if future.done() else future.set_result(None))
        return future
