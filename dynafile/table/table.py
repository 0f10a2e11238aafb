"""A table: what is done to it as a whole, its expiry, and who listens to it."""

from __future__ import annotations

import logging
import time
from typing import Final

from dynafile.errors import DynafileError, InvalidArgument, KeyTypeMismatch
from dynafile.store.format import CLEAR, DELETE, SCHEMA, Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.events import Change, EventListener, Wanted
from dynafile.table.expiry import SWEEP_JUMP_SECONDS, expired_range, item_key_of
from dynafile.table.index_changes import finished
from dynafile.table.reader import MANY
from dynafile.table.writer import TableWriter

SWEEP_WITH_COMMIT: Final = 25
"""A commit to a table with TTL removes up to this many expired items after it."""
SWEEP_BATCH: Final = 500

_log = logging.getLogger("dynafile")


class Table(TableWriter):
    """A table of a store, as one handle uses it."""

    def __init__(self, store: Store, name: str, *, durable: bool, decoder_budget: int) -> None:
        self._sweeping = False
        self._warned = False
        super().__init__(store, name, durable=durable, decoder_budget=decoder_budget)
        self._seen = store.replica.time / 1_000_000 or time.time()

    def declare_types(self, pk_type: str | None, sk_type: str | None) -> None:
        """Store key types that were given at opening and not known yet."""
        while True:
            learnt = self.definition.with_types(pk_type, sk_type)
            if learnt == self.definition:
                return
            if pk_type not in (None, learnt.pk_type) or sk_type not in (None, learnt.sk_type):
                raise KeyTypeMismatch("another process wrote the first item with another key type")
            schema = self._schema_with(learnt)
            try:
                self._store.commit([(SCHEMA, 0, b"", schema.encode())], self._schema.version)
            except SchemaChanged:
                pass
            self._take(self._store.schema)

    def clear(self) -> None:
        """Remove every item; listeners hear of each."""
        while True:
            try:
                self._commit(self._prepare_clear, self._schema.version, self.take_newest)
            except SchemaChanged:
                self._take(self._store.schema)
                continue
            return

    def _prepare_clear(self, view: View) -> tuple[list[Operation], list[Change]]:
        changes: list[Change] = []
        notes: list[Operation] = []
        if self.dispatcher or self._view is not None:
            chunks = self._store.range(self._items, b"", None, limit=MANY)
            found = {key for keys, _ in chunks for key in keys}
            for key in sorted(found.union(view.written(self._items))):
                old = view.get(self._items, key)
                if old is not None:
                    changes.append((None, old))
                    self._note(notes, key, None, old, expired=self._is_past(old))
        spaces = [self._items.id] + ([] if self._expiry is None else [self._expiry.id])
        spaces += [index.entries for index in self._indexes.values()]
        operations: list[Operation] = [(CLEAR, number, b"", b"") for number in spaces] + notes
        building = [index.name for index in self._indexes.values() if index.definition.building]
        if building:
            # Of an empty table an index is complete, and what a backfill has read means nothing.
            complete = finished(view.schema, self.definition, dict.fromkeys(building, 0))
            operations.append((SCHEMA, 0, b"", complete.encode()))
        return operations, changes

    def _is_past(self, raw: bytes) -> bool:
        return self._unexpired(raw, time.time()) is None

    # -- expiry ---------------------------------------------------------------------------------

    def sweep(self, most: int | None = None) -> int:
        """Remove expired items, as deletes that listeners hear; return how many.

        Does nothing where the clock is over ten years from the last commit's: a clock that jumped
        must not delete what has not expired. They stay hidden as long as the clock says so.
        """
        if self._expiry is None or self._clock_jumped():
            return 0
        total = 0
        while most is None or total < most:
            batch = SWEEP_BATCH if most is None else min(SWEEP_BATCH, most - total)
            swept: list[int] = []
            try:
                self._commit(
                    lambda view: self._prepare_sweep(view, batch, swept),  # noqa: B023
                    self._schema.version,
                )
            except SchemaChanged:
                self._take(self._store.schema)
                continue
            total += swept[0]
            if swept[0] == 0:
                break
        return total

    def _prepare_sweep(
        self, view: View, most: int, swept: list[int]
    ) -> tuple[list[Operation], list[Change]]:
        operations: list[Operation] = []
        changes: list[Change] = []
        assert self._expiry is not None
        low, high = expired_range(time.time())
        for entries, _ in self._store.range(self._expiry, low, high, limit=most):
            for entry in entries:
                if len(changes) >= most:
                    break
                if view.get(self._expiry, entry) is None:
                    continue  # a commit before this one in its group has replaced the item
                key = item_key_of(entry)
                operations.append((DELETE, self._expiry.id, entry, b""))
                operations.append((DELETE, self._items.id, key, b""))
                old = view.get(self._items, key)
                if self._indexes:
                    self._reindex(operations, key, old, None)
                self._note(operations, key, None, old, expired=True)
                changes.append((None, old))
            if len(changes) >= most:
                break
        swept[:] = [len(changes)]
        return operations, changes

    def after_write(self) -> None:
        """Remove some of the items that are expired by now."""
        if self._sweeping or self._expiry is None:
            return
        low, high = expired_range(time.time())
        self._sweeping = True
        try:
            if any(True for _ in self._store.range(self._expiry, low, high, limit=1)):
                self.sweep(SWEEP_WITH_COMMIT)
        except DynafileError as error:
            # The write that came before stands, so this is no failure of it.
            _log.warning("expired items were not removed, and stay hidden: %s", error)
        finally:
            self._sweeping = False

    def _clock_jumped(self) -> bool:
        now = time.time()
        if abs(now - self._seen) <= SWEEP_JUMP_SECONDS:
            return False
        if not self._warned:
            self._warned = True
            _log.warning(
                "the clock is over ten years from the last commit's, so expired items are hidden "
                "and not "
                "removed; set the clock, or open the database again if it is right"
            )
        return True

    # -- listeners ------------------------------------------------------------------------------

    def add_listener(self, listener: EventListener, wanted: Wanted | None = None) -> None:
        """Call ``listener`` with an Event after each write of this handle, or those wanted."""
        if not callable(listener):
            raise InvalidArgument(f"a listener is a callable that takes an Event, not {listener!r}")
        self.dispatcher.connect(listener, wanted)
        self._take(self._schema)

    def remove_listener(self, listener: EventListener) -> None:
        """Stop calling a listener; raises InvalidArgument where it was not added."""
        try:
            self.dispatcher.remove(listener)
        except ValueError:
            raise InvalidArgument(f"{listener!r} is not a listener of this database") from None
        self._take(self._schema)
