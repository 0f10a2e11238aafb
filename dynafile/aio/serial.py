"""Calls that are made one after the other: those of one transaction, or of one batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from dynafile.aio.handle import AsyncHandle
from dynafile.aio.items import AsyncItems
from dynafile.aio.job import Cancel
from dynafile.aio.kinds import Kind
from dynafile.aio.twin import CallingTwin

T = TypeVar("T")


class Turns:
    """Makes calls in the threads of a handle, in their order, each when the one before is over.

    That holds for calls whose task is cancelled too, so nothing goes on behind the back of what
    comes next.
    """

    def __init__(self, handle: AsyncHandle[Any]) -> None:
        self.handle = handle
        self._turn = asyncio.Lock()

    async def call(self, kind: Kind, work: Callable[[], T], cancel: Cancel = Cancel.SETTLE) -> T:
        """Make a call off the loop when its turn has come."""
        async with self._turn:
            return await self.handle._in_thread(self.handle._lane(kind), work, cancel)

    async def call_here(self, work: Callable[[], T]) -> T:
        """Make a call that cannot wait for anything, in the loop, when its turn has come."""
        async with self._turn:
            return work()


class SerialTwin(CallingTwin):
    """A twin whose calls take turns."""

    def __init__(self, turns: Turns, target: Callable[[], Any]) -> None:
        """``target`` returns the object that this one stands for, or raises; in a thread."""
        self._turns = turns
        self._target = target

    def _do(self, name: str, args: Any, named: Any) -> Any:
        return getattr(self._target(), name)(*args, **named)

    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        return await self._turns.call(kind, partial(self._do, name, args, named))

    def _iterate(self, name: str, args: Any, named: Any) -> AsyncIterator[dict[str, Any]]:
        fetch = partial(self._turns.call, Kind.ITEMS)
        return AsyncItems(fetch, partial(self._do, name, args, named))
