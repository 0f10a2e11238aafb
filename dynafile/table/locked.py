"""Writes that look first, under the writer's lock: no conflict, and nothing to be run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dynafile.store.format import CHANGE, DELETE, PUT, Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.table.changes import VIEWS, change_note
from dynafile.table.writer import TableWriter
from dynafile.values import encode_item

T = TypeVar("T")


class NotBlind(Exception):
    """A write of the table writes more than itself: it has an index, TTL or a listener."""


class LockedItems:
    """The items of a table while the lock is held; reads see what was written before them.

    A read raises Cold rather than wait for the disk.
    """

    __slots__ = ("_key_of", "_mine", "_old", "_table", "_view")

    def __init__(self, table: TableWriter, view: View) -> None:
        self._table = table
        self._view = view
        self._key_of = table.key_of
        self._mine: dict[bytes, bytes | None] = {}
        self._old: dict[bytes, bytes | None] = {}

    def get_item(self, *, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        encoded = self._key_of(key)
        if encoded in self._mine:
            raw = self._mine[encoded]
        else:
            raw = self._old[encoded] = self._view.get_warm(self._table.items, encoded)
        return None if raw is None else self._table.decode_once(raw)

    def put_item(self, *, item: dict[str, Any]) -> None:
        """Put an item."""
        raw = encode_item(item)
        self._mine[self._key_of(item)] = raw

    def delete_item(self, *, key: Mapping[str, Any]) -> None:
        """Delete an item; no error where there is none."""
        self._mine[self._key_of(key)] = None

    def operations(self, view: int | None) -> list[Operation]:
        """Return what was written, with what the table's stream is to say of it."""
        items = self._table.items
        number, operations = items.id, list[Operation]()
        for key, raw in self._mine.items():
            if view is None:
                operations.append(_operation(number, key, raw))
                continue
            old = self._old[key] if key in self._old else self._view.get_warm(items, key)
            if raw is not None or old is not None:
                operations.append(_operation(number, key, raw))
            note = change_note(view, raw, old)
            if note is not None:
                operations.append((CHANGE, number, key, note))
        return operations


def _operation(number: int, key: bytes, raw: bytes | None) -> Operation:
    return (DELETE, number, key, b"") if raw is None else (PUT, number, key, raw)


def _view_of(table: TableWriter) -> int | None:
    """Return what the stream of a table shows, None without one; raises NotBlind."""
    if table.blind:
        return None
    definition = table.definition
    stream = definition.settings.stream
    types_known = definition.pk_type and (definition.sk_type or definition.sk_attribute is None)
    more = definition.ttl_attribute or definition.indexes or table.dispatcher
    if stream is None or more or not types_known:
        raise NotBlind
    return VIEWS[stream]


def write_locked(
    store: Store, table: TableWriter, body: Callable[[LockedItems], T], *, durable: bool
) -> T:
    """Call ``body`` once under the lock, commit what it writes, and return what it returns.

    It is code of Dynafile's, never a user's: it takes some microseconds, and knows no other way
    to the store than the items that it is given. Where it raises, nothing is written.

    Raises NotBlind; Cold, where a partition that it looks at is not in memory; and SchemaChanged.
    """
    schema = table.schema
    shown = _view_of(table)
    results: list[T] = []

    def prepare(view: View) -> list[Operation]:
        items = LockedItems(table, view)
        results[:] = [body(items)]
        return items.operations(shown)

    store.commit([], schema.version, prepare, durable)
    return results[0]
