"""Handles for asyncio on tables of one store: transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dynafile.aio.handle import AsyncHandle, H
from dynafile.aio.transaction import AsyncTransaction, run
from dynafile.transactions import ATTEMPTS

T = TypeVar("T")


class AsyncTransactional(AsyncHandle[H]):
    """What a handle for asyncio does in transactions."""

    def transaction(self) -> AsyncTransaction:
        """Return a transaction, for an ``async with`` block that reads, decides, and writes.

        Raises TransactionConflict at the end of the block where what it read has changed.
        """
        self._ready()
        return AsyncTransaction(self)

    async def run_transaction(
        self, body: Callable[[AsyncTransaction], Awaitable[T]], *, attempts: int = ATTEMPTS
    ) -> T:
        """Await ``body`` with a transaction and commit it, again where it meets a conflict.

        ``body`` is a coroutine function. Returns what it returns, or raises what it raises, where
        that was not on items that have changed meanwhile; raises TransactionConflict after so many
        ``attempts``.
        """
        self._ready()
        return await run(self.transaction, body, attempts)
