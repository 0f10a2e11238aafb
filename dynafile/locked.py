"""How a model writes what depends on what is there: under the writer's lock if that is short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from dynafile.store.replica import Cold
from dynafile.store.writer import SchemaChanged
from dynafile.table.locked import NotBlind, write_locked
from dynafile.table_api import Table

__all__ = ["Items", "run_locked"]

T = TypeVar("T")

_ATTEMPTS: Final = 1000


class Items(Protocol):
    """The items of a table, in a transaction or under the lock."""

    def get_item(self, *, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""

    def put_item(self, *, item: dict[str, Any]) -> None:
        """Put an item."""

    def delete_item(self, *, key: Mapping[str, Any]) -> None:
        """Delete an item; no error where there is none."""


def run_locked(table: Table, body: Callable[[Items], T]) -> T:
    """Call a model's ``body`` with the items of a table, commit what it writes, return its result.

    For code of Dynafile's own that takes some microseconds and touches nothing but the items: it
    runs under the writer's lock, so that it meets no conflict. Where it would have to wait there
    for the disk, or the table has indexes, TTL or listeners, it is run as a transaction.
    Where it raises, nothing is written.
    """
    store, durable = table._store_open()
    try:
        return write_locked(store, table._table_named(None), body, durable=durable)
    except (NotBlind, Cold, SchemaChanged):
        pass
    return table.run_transaction(body, attempts=_ATTEMPTS)
