"""A handle on a table: what it stands on, what it says of itself, and how it ends."""

from __future__ import annotations

import weakref
from typing import Final, Protocol, Self

from dynafile.errors import HandleClosed
from dynafile.store.registry import release_store
from dynafile.store.store import Store
from dynafile.store_options import Durability
from dynafile.table.backfill import Backfill, Progress
from dynafile.table.definition import Definition, definition_in
from dynafile.table.table import Table

_DECODED_SHARE: Final = 8
_MOST_DECODED: Final = 64 * 1024 * 1024


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Let go of what is held; twice is fine."""


class TableHandle:
    """What every handle on a table has: the store it shares, and a table of its own."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        path: str,
        durability: Durability,
        cache_size: int | None = None,
    ) -> None:
        """Stand on an open store, of which the handle takes one use over if this returns.

        ``cache_size``: what the handle's share for decoded items follows from; None: the store's.
        """
        self._closed = True
        self._readers: weakref.WeakSet[Closable] = weakref.WeakSet()
        """What reads through this handle, and is closed with it."""
        self._backfill: Backfill | None = None
        self._path = path
        self._durability = durability
        self._read_only = store.options.read_only
        self._store = store
        size = store.options.cache_size if cache_size is None else cache_size
        budget = min(size // _DECODED_SHARE, _MOST_DECODED)
        self._table = Table(store, name, durable=durability == "durable", decoder_budget=budget)
        self._closed = False

    def _fill_indexes(self, *, wait: bool, progress: Progress | None) -> None:
        """Build the indexes that are not complete, of this opening or left by one that ended."""
        self._table.refresh()
        if not any(index.building for index in self._table.definition.indexes.values()):
            return
        backfill = Backfill(self._store, self._table.name, progress)
        if wait:
            backfill.run()
            self._table.refresh()
            return
        if self._backfill is not None:
            self._backfill.stop()
        self._backfill = backfill
        backfill.start()

    # -- what it is -----------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The folder, as it was given."""
        return self._path

    @property
    def pk_attribute(self) -> str:
        """The name of the partition key."""
        return self._table.definition.pk_attribute

    @property
    def sk_attribute(self) -> str | None:
        """The name of the sort key; None: the table has none."""
        return self._table.definition.sk_attribute

    @property
    def ttl_attribute(self) -> str | None:
        """The attribute that holds when an item expires; None: none."""
        return self._table.definition.ttl_attribute

    @property
    def pk_type(self) -> str | None:
        """The partition key's type, ``S``, ``N`` or ``B``; None while nothing was written."""
        return self._definition().pk_type

    @property
    def sk_type(self) -> str | None:
        """The sort key's type, ``S``, ``N`` or ``B``; None while not known, or without one."""
        return self._definition().sk_type

    def _definition(self) -> Definition:
        self._check_open()
        return definition_in(self._store.schema, self._table.name, self._table.number)

    @property
    def table_name(self) -> str:
        """The table's name."""
        return self._table.name

    @property
    def durability(self) -> str:
        """``"durable"`` or ``"relaxed"``, as this handle was opened."""
        return self._durability

    @property
    def read_only(self) -> bool:
        """Whether this handle only reads."""
        return self._read_only

    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
        return self._closed

    def __repr__(self) -> str:
        state = "closed " if self._closed else ""
        return f"<{state}{type(self).__name__} {self.table_name!r} in {self._path!r}>"

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close this handle; the process's last one on the folder tidies up. Twice is fine."""
        if not self._closed:
            for reader in list(self._readers):
                reader.close()
            self._closed = True
            if self._backfill is not None:
                self._backfill.stop()
            release_store(self._store)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def _check_open(self) -> None:
        if self._closed:
            self._refuse_closed()

    def _refuse_closed(self) -> None:
        raise HandleClosed(f"the database {self._path} was closed: open it again to use it")
