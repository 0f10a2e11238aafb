"""A handle on tables of one store: transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, overload

from dynafile.capacity import NONE
from dynafile.store.store import Store
from dynafile.table.writer import TableWriter
from dynafile.transact import (
    TransactGetResult,
    TransactWriteResult,
    transact_get,
    transact_write,
)
from dynafile.transactions import ATTEMPTS, Attempts, Transaction, run

T = TypeVar("T")


class Transactional(ABC):
    """What a handle does in transactions."""

    @abstractmethod
    def _table_named(self, name: str | None) -> TableWriter:
        """Return a table; None: the only one. Raises ResourceNotFound."""

    @abstractmethod
    def _store_open(self) -> tuple[Store, bool]:
        """Return the store and whether commits are synced; raises HandleClosed."""

    def transact_write_items(
        self,
        *,
        transact_items: Iterable[Mapping[str, Any]],
        client_request_token: str | None = None,
        return_consumed_capacity: str = NONE,
        return_item_collection_metrics: str = NONE,
    ) -> TransactWriteResult | None:
        """Make up to 100 writes and checks as one commit, or none of them.

        :param transact_items: dicts with one of ``Put``, ``Update``, ``Delete`` and
            ``ConditionCheck``, each a dict with boto3's names (``TableName``, ``Item`` or ``Key``,
            ``ConditionExpression``, ...) or the same in snake_case. Values are Python's.
        :param client_request_token: a request that is repeated with the same token within ten
            minutes is made once, also across restarts.

        Raises TransactionCanceled with a reason for each action, IdempotentParameterMismatch, and
        ValidationError kinds. Cost: one record in the journal, one sync.
        """
        store, durable = self._store_open()
        return transact_write(
            store,
            self._table_named,
            transact_items,
            durable=durable,
            token=client_request_token,
            capacity=return_consumed_capacity,
            metrics=return_item_collection_metrics,
        )

    @overload
    def transact_get_items(
        self,
        *,
        transact_items: Iterable[Mapping[str, Any]],
        return_consumed_capacity: Literal["NONE"] = "NONE",
    ) -> list[dict[str, Any] | None]: ...
    @overload
    def transact_get_items(
        self,
        *,
        transact_items: Iterable[Mapping[str, Any]],
        return_consumed_capacity: Literal["TOTAL", "INDEXES"],
    ) -> TransactGetResult: ...
    def transact_get_items(
        self,
        *,
        transact_items: Iterable[Mapping[str, Any]],
        return_consumed_capacity: str = NONE,
    ) -> list[dict[str, Any] | None] | TransactGetResult:
        """Return up to 100 items as they were at one moment, None for those that are not there.

        :param transact_items: dicts with ``Get``: ``TableName``, ``Key``, ``ProjectionExpression``,
            ``ExpressionAttributeNames``.
        """
        store, _ = self._store_open()
        return transact_get(
            store, self._table_named, transact_items, capacity=return_consumed_capacity
        )

    def transaction(self) -> Transaction:
        """Return a transaction, for a ``with`` block that reads, decides, and writes.

        Raises TransactionConflict at the end of the block where what it read has changed.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:") as db:
        ...     db.put_item(item={"PK": "acct", "SK": "1", "balance": 10})
        ...     with db.transaction() as tx:
        ...         account = tx.get_item(key={"PK": "acct", "SK": "1"})
        ...         tx.put_item(item={**account, "balance": account["balance"] - 4})
        ...     db.get_item(key={"PK": "acct", "SK": "1"})["balance"]
        6
        """
        store, durable = self._store_open()
        return Transaction(store, self._table_named, durable=durable)

    def run_transaction(self, body: Callable[[Transaction], T], *, attempts: int = ATTEMPTS) -> T:
        """Call ``body`` with a transaction and commit it, again where it meets a conflict.

        Returns what ``body`` returns, or raises what it raises, where that was not on items that
        have changed meanwhile; raises TransactionConflict after so many ``attempts``.
        """
        return run(self.transaction, body, Attempts(body, attempts))
