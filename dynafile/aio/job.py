"""A job: a call that the loop wants made, on its way to a thread and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Any


class Cancel(Enum):
    """What becomes of a call whose task is cancelled; before it has begun, it never begins."""

    ABANDON = "its thread goes on, and what it returns is dropped"
    SETTLE = "the task is cancelled when the call is over: it left all it does, or nothing"
    INSIST = "likewise, and it begins too"


class Traffic:
    """The calls of a handle that are under way; closing waits for them. Used in the loop only."""

    def __init__(self, above: Traffic | None = None) -> None:
        self._above = above
        self._count = 0
        self._waiting: list[asyncio.Future[None]] = []

    def begin(self) -> None:
        """Count a call, here and above."""
        self._count += 1
        if self._above is not None:
            self._above.begin()

    def end(self) -> None:
        """Count a call as over."""
        self._count -= 1
        if not self._count:
            for future in self._waiting:
                _set(future)
            self._waiting.clear()
        if self._above is not None:
            self._above.end()

    def over(self) -> asyncio.Future[None] | None:
        """Return a future for the moment in which no call is under way; None: that is now."""
        if not self._count:
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future


class Job:
    """A call that waits for a thread, then is made by it, then is over."""

    __slots__ = (
        "begun",
        "ended",
        "error",
        "future",
        "over",
        "result",
        "traffic",
        "withdrawn",
        "work",
    )

    def __init__(
        self, work: Callable[[], object], future: asyncio.Future[None], traffic: Traffic
    ) -> None:
        self.work: Callable[[], object] | None = work
        self.future = future
        self.traffic = traffic
        self.result: object = None
        self.error: BaseException | None = None
        self.begun = self.withdrawn = self.over = False
        self.ended: asyncio.Future[None] | None = None
        """For a task that was cancelled and waits all the same."""

    def run(self) -> None:
        """Make the call; in a thread."""
        assert self.work is not None
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - the task that waits raises it
            self.error = error
        self.work = None

    def finish(self) -> None:
        """Wake the task that waits; in the loop."""
        self.over = True
        self.traffic.end()
        _set(self.future)
        if self.ended is not None:
            _set(self.ended)

    def settled(self) -> asyncio.Future[None] | None:
        """Return a future for the end of the call; None: it is over."""
        if self.over:
            return None
        self.ended = asyncio.get_running_loop().create_future()
        return self.ended


async def outlast(pending: Callable[[], asyncio.Future[Any] | None]) -> None:
    """Wait until nothing is pending; a cancellation meanwhile is raised when that is so."""
    cancelled: asyncio.CancelledError | None = None
    while (future := pending()) is not None:
        try:
            await future
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
