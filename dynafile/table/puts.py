"""Puts of several callers, each a commit of its own, that share a sync."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dynafile.store.format import PUT, Operation
from dynafile.store.group import Prepare
from dynafile.store.schema import Schema
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.events import Ticket
from dynafile.table.write import Write
from dynafile.table.writer import TableWriter

_MOST_BYTES: Final = 8 * 1024 * 1024
"""What is encoded together, so that many large items are not all in memory twice."""


def put_each(table: TableWriter, items: Sequence[Mapping[str, Any]]) -> list[BaseException | None]:
    """Put items as :meth:`TableWriter.put_item` does; return for each what refused it, or None.

    They share syncs, but for the first ones, which tell the types of keys. What stops one of them
    stops no other.
    """
    refused: list[BaseException | None] = [None] * len(items)
    place = 0
    while place < len(items):
        schema, size = table.schema, 0
        writes: dict[int, Write] = {}
        while place < len(items) and size < _MOST_BYTES:
            try:
                write = writes[place] = table.put_of(items[place])
                size += len(write.raw or b"")
            except Exception as error:  # noqa: BLE001 - whoever wanted it put raises it
                refused[place] = error
            place += 1
        outcomes = _committed(table, [*writes.values()], schema)
        for at, outcome in zip(writes, outcomes, strict=True):
            changed = isinstance(outcome, SchemaChanged)
            refused[at] = _put_alone(table, items[at]) if changed else outcome
    return refused


def _committed(
    table: TableWriter, writes: list[Write], schema: Schema
) -> Sequence[BaseException | None]:
    if not writes:
        return []
    try:
        if table.blind:
            number = table.items.id
            puts: list[list[Operation]] = [[(PUT, number, w.key, w.raw or b"")] for w in writes]
            return table.commit_each(puts, schema)
        if table.learnt(writes) is table.definition:
            return _prepared(table, writes, schema)
    except Exception as error:  # noqa: BLE001 - of all of them, such as a lock held too long
        return [error] * len(writes)
    return [SchemaChanged()] * len(writes)


def _prepared(
    table: TableWriter, writes: list[Write], schema: Schema
) -> Sequence[BaseException | None]:
    """Commit puts that look at what is there, then tell the listeners of those that were made."""
    table.preload(writes)
    tickets: list[Ticket | None] = [None] * len(writes)

    def preparing(place: int) -> Prepare:
        def prepare(view: View) -> list[Operation]:
            operations: list[Operation] = []
            changes = table.prepare(view, [writes[place]], None, operations, time.time())
            if table.dispatcher and changes:
                tickets[place] = table.dispatcher.draw(changes)
            return operations

        return prepare

    refused: list[BaseException | None] = [SchemaChanged()] * len(writes)
    try:
        refused = table.commit_each([preparing(place) for place in range(len(writes))], schema)
    finally:
        for ticket, error in zip(tickets, refused, strict=True):
            if ticket is not None and error is not None:
                table.dispatcher.cancel(ticket)
    for ticket, error in zip(tickets, refused, strict=True):
        if ticket is not None and error is None:
            table.dispatcher.deliver(ticket)
    table.after_write()
    return refused


def _put_alone(table: TableWriter, item: Mapping[str, Any]) -> BaseException | None:
    try:
        table.put_item(item)
    except Exception as error:  # noqa: BLE001 - whoever wanted it put raises it
        return error
    return None
