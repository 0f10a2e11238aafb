"""Writes that look first, under the writer's lock: no conflict, and nothing to be run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dynafile.store.format import DELETE, PUT, Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.table.writer import TableWriter
from dynafile.values import encode_item

T = TypeVar("T")


class NotBlind(Exception):
    """The table's writes need to know what they replace: an index, a stream, TTL, a listener."""


class LockedItems:
    """The items of a table while the lock is held; reads see what was written before them.

    A read raises Cold rather than wait for the disk.
    """

    __slots__ = ("_key_of", "_mine", "_table", "_view")

    def __init__(self, table: TableWriter, view: View) -> None:
        self._table = table
        self._view = view
        self._key_of = table.key_of
        self._mine: dict[bytes, bytes | None] = {}

    def get_item(self, *, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        encoded = self._key_of(key)
        if encoded in self._mine:
            raw = self._mine[encoded]
        else:
            raw = self._view.get_warm(self._table.items, encoded)
        return None if raw is None else self._table.decode_once(raw)

    def put_item(self, *, item: dict[str, Any]) -> None:
        """Put an item."""
        raw = encode_item(item)
        self._mine[self._key_of(item)] = raw

    def delete_item(self, *, key: Mapping[str, Any]) -> None:
        """Delete an item; no error where there is none."""
        self._mine[self._key_of(key)] = None

    def operations(self) -> list[Operation]:
        """Return what was written."""
        number = self._table.items.id
        return [
            (DELETE, number, key, b"") if raw is None else (PUT, number, key, raw)
            for key, raw in self._mine.items()
        ]


def write_locked(
    store: Store, table: TableWriter, body: Callable[[LockedItems], T], *, durable: bool
) -> T:
    """Call ``body`` once under the lock, commit what it writes, and return what it returns.

    It is code of Dynafile's, never a user's: it takes some microseconds, and knows no other way
    to the store than the items that it is given. Where it raises, nothing is written.

    Raises NotBlind; Cold, where a partition that it looks at is not in memory; and SchemaChanged.
    """
    schema = table.schema
    if not table.blind:
        raise NotBlind
    results: list[T] = []

    def prepare(view: View) -> list[Operation]:
        items = LockedItems(table, view)
        results[:] = [body(items)]
        return items.operations()

    store.commit([], schema.version, prepare, durable)
    return results[0]
