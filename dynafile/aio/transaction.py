"""Transactions for asyncio: read, decide, write, all or nothing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from dynafile.aio.handle import AsyncHandle
from dynafile.aio.kinds import Kind
from dynafile.aio.serial import SerialTwin, Turns
from dynafile.aio.twin import twin
from dynafile.errors import InvalidArgument, TransactionConflict
from dynafile.transactions import STALE, Attempts, Transaction, TransactionItems

T = TypeVar("T")


@twin(TransactionItems)
class AsyncTransactionItems(SerialTwin):
    """The items of a table, inside a transaction; the methods are those of a table, awaited."""


@twin(Transaction)
class AsyncTransaction(AsyncTransactionItems):
    """What a :class:`Transaction` is, in an ``async with`` block.

    Nothing is locked while the block runs, whatever it awaits. If it is cancelled, nothing is
    written.
    """

    def __init__(self, handle: AsyncHandle[Any]) -> None:
        super().__init__(Turns(handle), self._begun)
        self._transaction: Transaction | None = None
        self._used = False

    def _begun(self) -> Transaction:
        if self._transaction is None:
            raise InvalidArgument(
                "a transaction is used in an async with block: `async with db.transaction() as tx:`"
            )
        return self._transaction

    def table(self, name: str) -> AsyncTransactionItems:
        """Return a table of the database, inside this transaction."""
        return AsyncTransactionItems(self._turns, lambda: self._begun().table(name))

    async def __aenter__(self) -> Self:
        if self._used:
            raise InvalidArgument("a transaction is used once: make another with transaction()")
        self._used = True
        self._transaction = await self._turns.call(Kind.READ, self._begin)
        return self

    def _begin(self) -> Transaction:
        transaction: Transaction = self._turns.handle._opened().transaction()
        return transaction.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        transaction, self._transaction = self._begun(), None
        end = partial(transaction.__exit__, kind, error, trace)
        if kind is None:
            await self._turns.call(Kind.WRITE, end)
        else:
            await self._turns.call_here(end)

    async def is_stale(self) -> bool:
        """Say whether what the transaction read has changed by now, so that it cannot commit."""
        return await self._turns.call(Kind.READ, self._begun().is_stale)


async def run(
    begin: Callable[[], AsyncTransaction],
    body: Callable[[AsyncTransaction], Awaitable[T]],
    attempts: int,
) -> T:
    """Run a transaction's body as :func:`dynafile.transactions.run` does."""
    left = Attempts(body, attempts)
    while True:
        try:
            async with begin() as transaction:
                try:
                    awaitable = body(transaction)
                    if not inspect.isawaitable(awaitable):
                        raise InvalidArgument(
                            f"run_transaction takes a coroutine function here, and {body!r} "
                            f"returned {awaitable!r}: declare it with `async def`"
                        )
                    result = await awaitable
                except Exception as error:
                    if await transaction.is_stale():
                        raise TransactionConflict(STALE) from error
                    raise
        except TransactionConflict as conflict:
            await asyncio.sleep(left.pause_after(conflict))
        else:
            return result
