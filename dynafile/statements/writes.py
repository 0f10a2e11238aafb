"""INSERT, UPDATE, DELETE and EXISTS: each the write, or the check, of one item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from dynafile.capacity import NONE, consumed_by_writes
from dynafile.errors import DuplicateItem
from dynafile.expressions import Condition, Update
from dynafile.expressions.compiler import compile_condition
from dynafile.partiql import (
    ALL_NEW,
    ALL_OLD,
    MODIFIED_NEW,
    Clause,
    Delete,
    Exists,
    Insert,
    Statement,
    bind_condition,
    bind_item,
    bind_update,
)
from dynafile.partiql import Update as UpdateStatement
from dynafile.statements.key_selection import joined, take_key
from dynafile.statements.plans import no_condition, where_of_exists
from dynafile.statements.results import StatementResult
from dynafile.store.schema import Schema
from dynafile.table.write import Test, Write
from dynafile.table.writer import TableWriter
from dynafile.values import decode_item
from dynafile.write_requests import update_of


class StatementWrite(Struct):
    """The write that a statement comes to."""

    table: TableWriter
    schema: Schema
    """The table's as it was before the write was made."""
    write: Write
    update: Update | None = None
    returning: str | None = None

    def commit(self, capacity: str) -> StatementResult:
        """Make the write; raises DuplicateItem, ConditionalCheckFailed and what a put raises."""
        self.table.write([self.write], self.schema)
        return StatementResult(
            items=self._returned(),
            consumed_capacity=consumed_by_writes(self.table, capacity, [self.write]),
        )

    def _returned(self) -> list[dict[str, Any]]:
        new = self.returning in (ALL_NEW, MODIFIED_NEW)
        raw = self.write.raw if new else self.write.old
        if self.returning is None or raw is None:
            return []
        item = decode_item(raw)
        if self.returning in (ALL_NEW, ALL_OLD) or self.update is None:
            return [item]
        part = self.update.updated(item, new=new)
        return [part] if part else []


def write_of(
    statement: Statement, table: TableWriter, parameters: Sequence[Any], on_failure: str
) -> StatementWrite:
    """Return the write of a statement; ``on_failure`` ALL_OLD: what refuses it tells the item.

    Raises ValidationError kinds.
    """
    schema = table.schema
    gives_item = on_failure != NONE
    body = statement.body
    if isinstance(body, Insert):
        write = table.put_of(bind_item(body, parameters))
        write.looking(_absent(gives_item=gives_item))
        return StatementWrite(table, schema, write)
    if isinstance(body, UpdateStatement):
        update = bind_update(body.actions, parameters)
        key, rest = _key(table, body.where, parameters)
        write = update_of(table, key, update)
        write.looking(_present(rest), gives_item=gives_item)
        return StatementWrite(table, schema, write, update, body.returning)
    if isinstance(body, Delete):
        key, rest = _key(table, body.where, parameters)
        write = table.delete_of(key).looking(_absent_or(rest), gives_item=gives_item)
        return StatementWrite(table, schema, write, returning=body.returning)
    assert isinstance(body, Exists)
    key, rest = _key(table, where_of_exists(body), parameters)
    if rest is None:
        raise no_condition()
    write = table.check_of(key, compile_condition(rest))
    write.gives_item = gives_item
    return StatementWrite(table, schema, write)


def _key(
    table: TableWriter, where: Clause, parameters: Sequence[Any]
) -> tuple[dict[str, Any], Condition | None]:
    key, _, rest = take_key(table.keys, bind_condition(where, parameters))
    return key, joined(rest)


def _absent(*, gives_item: bool) -> Test:
    def test(item: dict[str, Any]) -> bool:
        if item:
            raise DuplicateItem(
                "Duplicate primary key exists in table", item=item if gives_item else None
            )
        return True

    return test


def _present(condition: Condition | None) -> Test:
    """Return the test of an UPDATE, which unlike UpdateItem makes no item."""
    if condition is None:
        return bool
    holds: Callable[[dict[str, Any]], bool] = compile_condition(condition)
    return lambda item: bool(item) and holds(item)


def _absent_or(condition: Condition | None) -> Test | None:
    """Return the test of a DELETE, for which an item that is not there is no failure."""
    if condition is None:
        return None
    holds = compile_condition(condition)
    return lambda item: not item or holds(item)
