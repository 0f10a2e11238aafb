"""Puts of several callers, each a commit of its own, that share a sync."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dynafile.store.schema import Schema
from dynafile.store.writer import SchemaChanged
from dynafile.table.write import Write
from dynafile.table.writer import TableWriter

_MOST_BYTES: Final = 8 * 1024 * 1024
"""What is encoded together, so that many large items are not all in memory twice."""


def put_each(table: TableWriter, items: Sequence[Mapping[str, Any]]) -> list[BaseException | None]:
    """Put items as :meth:`TableWriter.put_item` does; return for each what refused it, or None.

    They share syncs where the table is blind. What stops one of them stops no other.
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
    try:
        if table.blind and writes:
            return table.put_blindly(writes, schema)
    except Exception as error:  # noqa: BLE001 - of all of them, such as a lock held too long
        return [error] * len(writes)
    return [SchemaChanged()] * len(writes)


def _put_alone(table: TableWriter, item: Mapping[str, Any]) -> BaseException | None:
    try:
        table.put_item(item)
    except Exception as error:  # noqa: BLE001 - whoever wanted it put raises it
        return error
    return None
