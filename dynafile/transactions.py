"""Transactions in Python: read, decide, write, all or nothing."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from dynafile.errors import InvalidArgument, TransactionConflict
from dynafile.expressions import Expressions
from dynafile.read_requests import UNSET, ReadRequest, projection_of
from dynafile.request_checks import check_at_least
from dynafile.store.format import Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.table.together import write_together
from dynafile.table.transaction import TransactionTable
from dynafile.table.writer import TableWriter
from dynafile.write_requests import check_update_key, condition_of

T = TypeVar("T")

ATTEMPTS: Final = 100
_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.05
STALE: Final = "the transaction raised on what another writer has changed since: run it again"


class TransactionItems(ABC):
    """The items of a table, inside a transaction; the methods are those of a table.

    Reads see the transaction's own writes. A write waits for the commit; its condition is tested at
    once, against what the transaction sees.
    """

    @abstractmethod
    def _in_table(self) -> TransactionTable: ...

    def get_item(
        self,
        *,
        key: Mapping[str, Any],
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        table = self._in_table()
        if projection_expression is None and expression_attribute_names is None:
            return table.get_item(key)
        projection = projection_of(projection_expression, expression_attribute_names)
        item = table.get_item(key)
        return item if item is None or projection is None else projection.apply(item)

    def put_item(
        self,
        *,
        item: Mapping[str, Any],
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
    ) -> None:
        """Put an item; raises ConditionalCheckFailed at once."""
        test = condition_of(
            condition_expression, expression_attribute_names, expression_attribute_values
        )
        self._in_table().put_item(item, test)

    def delete_item(
        self,
        *,
        key: Mapping[str, Any],
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
    ) -> None:
        """Delete an item; raises ConditionalCheckFailed at once."""
        test = condition_of(
            condition_expression, expression_attribute_names, expression_attribute_values
        )
        self._in_table().delete_item(key, test)

    def update_item(
        self,
        *,
        key: Mapping[str, Any],
        update_expression: str | None = None,
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Update an item and return what it is then; raises ConditionalCheckFailed at once."""
        table = self._in_table()
        expressions = Expressions(expression_attribute_names, expression_attribute_values)
        update = None if update_expression is None else expressions.update(update_expression)
        test = None
        if condition_expression is not None:
            test = expressions.condition(condition_expression).test
        expressions.finish("UpdateExpression", "ConditionExpression")
        check_update_key(table.table, key, update)
        return table.update_item(key, dict if update is None else update.apply, test)[1]

    def condition_check(
        self,
        *,
        key: Mapping[str, Any],
        condition_expression: Any,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise ConditionalCheckFailed unless a condition holds of an item, now and at commit."""
        test = condition_of(
            condition_expression, expression_attribute_names, expression_attribute_values
        )
        if test is None:
            raise InvalidArgument("condition_check needs a condition_expression, not None")
        self._in_table().check(key, test)

    def query(
        self,
        pk: Any = UNSET,
        *,
        index_name: str | None = None,
        index: str | None = None,
        starts_with: str | bytes | None = None,
        sk: Any = None,
        key_condition_expression: Any = None,
        filter_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        scan_index_forward: bool = True,
        limit: int | None = None,
        filter: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items with one partition key; what was looked at must be so at commit.

        That is as far as it was read: a transaction that takes the first item does not mind what
        comes after it.
        """
        if index is not None and index_name is not None:
            raise InvalidArgument("give index or index_name, not both: they are the same")
        check_at_least(limit, "limit", 1)
        table = self._in_table()
        request = ReadRequest(
            index=index if index is not None else index_name,
            filter=filter,
            filter_expression=filter_expression,
            names=expression_attribute_names,
            values=expression_attribute_values,
        )
        reading = request.query(table.table, pk, starts_with, sk, key_condition_expression)
        if reading.whole:
            raise InvalidArgument(
                "inside a transaction a filter looks at what the index projects only: query the "
                "table, or filter what the query gives"
            )
        return table.read(
            reading.bounds,
            reading.wanted,
            limit,
            reverse=not scan_index_forward,
            index=reading.index,
        )

    def scan(
        self,
        *,
        filter_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        limit: int | None = None,
        filter: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all items; what was looked at must be so at commit."""
        check_at_least(limit, "limit", 1)
        table = self._in_table()
        request = ReadRequest(
            filter=filter,
            filter_expression=filter_expression,
            names=expression_attribute_names,
            values=expression_attribute_values,
        )
        reading = request.scan(table.table, None, None)
        return table.read(reading.bounds, reading.wanted, limit, reverse=False)


class TransactionOf(TransactionItems):
    """One of several tables, inside a transaction."""

    def __init__(self, table: Callable[[], TransactionTable]) -> None:
        self._table = table

    def _in_table(self) -> TransactionTable:
        return self._table()


class Transaction(TransactionItems):
    """A transaction: a ``with`` block whose writes are made together at its end, or not at all.

    Nothing is locked while the block runs. What it read (items, and whole ranges of queries) is
    compared under the lock before the writes are made, and TransactionConflict raised where
    something has changed; so transactions are serializable. If the body raises, nothing is written.
    """

    def __init__(
        self,
        store: Store,
        tables: Callable[[str | None], TableWriter],
        *,
        durable: bool,
    ) -> None:
        self._store = store
        self._tables = tables
        self._durable = durable
        self._open = False
        self._now = 0.0
        self._used: dict[str, TransactionTable] = {}
        self._own: TransactionTable | None = None
        self._joined: list[Callable[[View], list[Operation]]] = []

    def _also(self, store: Store, operations: Callable[[View], list[Operation]]) -> None:
        """Have operations made with the commit, such as an acknowledgement; may raise there."""
        self._check_open()
        if store is not self._store:
            raise InvalidArgument("the record is of another database than the transaction")
        self._joined.append(operations)

    def table(self, name: str) -> TransactionItems:
        """Return a table of the database, inside this transaction."""
        self._check_open()
        table = self._table_of(name)
        return TransactionOf(lambda: self._checked(table))

    def _checked(self, table: TransactionTable) -> TransactionTable:
        self._check_open()
        return table

    def _in_table(self) -> TransactionTable:
        if self._open and self._own is not None:
            return self._own
        self._check_open()
        self._own = self._table_of(None)
        return self._own

    def _table_of(self, name: str | None) -> TransactionTable:
        table = self._tables(name)
        if table.name not in self._used:
            self._used[table.name] = TransactionTable(table, self._now)
        return self._used[table.name]

    def _check_open(self) -> None:
        if not self._open:
            raise InvalidArgument(
                "a transaction is used in a with block: `with db.transaction() as tx:`"
            )

    def __enter__(self) -> Self:
        if self._open or self._now:
            raise InvalidArgument("a transaction is used once: make another with transaction()")
        self._open, self._now = True, time.time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        for table in self._used.values():
            table.end()
        if kind is None:
            self._commit()

    def is_stale(self) -> bool:
        """Say whether what the transaction read has changed by now, so that it cannot commit."""
        try:
            self._store.look(self._validate)
        except TransactionConflict:
            return True
        return False

    def _commit(self) -> None:
        parts = [part for table in self._used.values() if (part := table.part).writes]
        if parts or self._joined:
            write_together(
                self._store,
                parts,
                durable=self._durable,
                guard=self._validate,
                more=self._joined_operations if self._joined else None,
                now=self._now,
            )
        elif any(table.has_read for table in self._used.values()):
            self._store.look(self._validate)

    def _joined_operations(self, view: View) -> list[Operation]:
        return [made for each in self._joined for made in each(view)]

    def _validate(self, view: View) -> None:
        for table in self._used.values():
            table.validate(view)


class Attempts:
    """How often a transaction is run that meets conflicts, and how long it waits in between."""

    def __init__(self, body: object, attempts: int) -> None:
        if not callable(body):
            raise InvalidArgument(
                f"run_transaction takes a function of a transaction, not {body!r}"
            )
        if type(attempts) is not int or attempts < 1:
            raise InvalidArgument(f"attempts must be an int of at least 1, not {attempts!r}")
        self._left = attempts
        self._longest = _FIRST_PAUSE

    def pause_after(self, conflict: TransactionConflict) -> float:
        """Return how many seconds to wait after a conflict; raises it after the last attempt."""
        self._left -= 1
        if not self._left:
            raise conflict
        pause = random.uniform(0, self._longest)
        self._longest = min(2 * self._longest, _LONGEST_PAUSE)
        return pause


class Stale(Protocol):
    """A transaction that says whether it can still be committed."""

    def is_stale(self) -> bool:
        """Say whether what the transaction read has changed by now."""
        ...


U = TypeVar("U", bound=Stale)


def run(
    begin: Callable[[], AbstractContextManager[U]], body: Callable[[U], T], left: Attempts
) -> T:
    """Run a transaction's body, again where it meets a conflict; return what it returns.

    An exception of the body is its own only if what it read still stands: of items that were read
    before and after another's commit it may have made anything.
    """
    while True:
        try:
            with begin() as transaction:
                try:
                    result = body(transaction)
                except Exception as error:
                    if transaction.is_stale():
                        raise TransactionConflict(STALE) from error
                    raise
        except TransactionConflict as conflict:
            time.sleep(left.pause_after(conflict))
        else:
            return result
