"""A table: items in a keyspace, written by one path and read by their keys."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from dynafile.errors import DynafileError, InvalidArgument, KeyTypeMismatch
from dynafile.store.format import CLEAR, DELETE, PUT, SCHEMA, Operation
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.definition import Definition
from dynafile.table.events import Change, Dispatcher, EventListener, Ticket
from dynafile.table.expiry import (
    SWEEP_JUMP_SECONDS,
    expired_range,
    expiry_key,
    expiry_of,
    has_passed,
    item_key_of,
)
from dynafile.table.keys import KeySchema, key_types
from dynafile.table.reader import MANY, TableReader
from dynafile.values import decode_item, encode_item

SWEEP_WITH_COMMIT: Final = 25
"""A commit to a table with TTL removes up to this many expired items after it."""
SWEEP_BATCH: Final = 500
_PRELOAD: Final = 16

_log = logging.getLogger("dynafile")


class Write:
    """One write of a commit: the key, the new bytes (None: a delete), and the expiry."""

    __slots__ = ("expiry", "key", "raw")

    def __init__(self, key: bytes, raw: bytes | None, expiry: Any) -> None:
        self.key = key
        self.raw = raw
        self.expiry = expiry


class Table(TableReader):
    """A table of a store, as one handle uses it: with its own listeners and durability.

    Every write goes through :meth:`_commit`. Where nothing needs to know what was there before (no
    listener, no TTL), it is blind: it does not load the partition it writes to.
    """

    def __init__(self, store: Store, name: str, *, durable: bool, decoder_budget: int) -> None:
        self._durable = durable
        if not durable:
            store.keep_flushed()
        self._dispatcher = Dispatcher()
        self._sweeping = False
        self._warned = False
        super().__init__(store, name, decoder_budget)
        self._seen = store.replica.time / 1_000_000 or time.time()

    def _take(self, schema: Schema) -> None:
        super()._take(schema)
        definition = self.definition
        types_known = definition.pk_type and (definition.sk_type or definition.sk_attribute is None)
        self._blind = bool(types_known) and self._ttl is None and not self._dispatcher

    # -- writing --------------------------------------------------------------------------------

    def put_item(self, item: Mapping[str, Any]) -> None:
        """Write one item, whatever was there."""
        schema = self._schema
        raw = encode_item(item)
        if type(item) is not dict:
            item = dict(item)  # a defaultdict would invent the key attributes that it lacks
        key = self._key(item)
        if self._blind:
            operation = (PUT, self._items.id, key, raw)
            try:
                self._store.commit([operation], schema.version, None, self._durable)
            except SchemaChanged:
                pass
            else:
                return
        self.write([self._as_write(key, raw, item)], schema)

    def delete_item(self, key: Mapping[str, Any]) -> None:
        """Delete the item with this key; no error where there is none."""
        schema = self._schema
        self.write([self.delete_of(key)], schema)

    def put_of(self, item: Mapping[str, Any]) -> Write:
        """Return the write of a put, validated and taken as the item is now."""
        raw = encode_item(item)
        if type(item) is not dict:
            item = dict(item)
        return self._as_write(self._key(item), raw, item)

    def delete_of(self, key: Mapping[str, Any]) -> Write:
        """Return the write of a delete."""
        return Write(self._key(key), None, None)

    def _as_write(self, key: bytes, raw: bytes, item: Mapping[str, Any]) -> Write:
        ttl = self._ttl
        return Write(key, raw, None if ttl is None else expiry_of(item, ttl))

    def write(self, writes: list[Write], schema: Schema) -> None:
        """Commit writes as one, in their order.

        ``schema`` is :attr:`schema` as it was before the first of them was made.
        """
        while writes:
            if schema is not self._schema:
                schema = self._schema
                self._prepare_again(writes)
            try:
                self._write(writes, schema.version)
            except SchemaChanged:
                self._take(self._store.schema)
            else:
                return

    def _prepare_again(self, writes: list[Write]) -> None:
        """Hold writes against another schema than they were made for."""
        for write in writes:
            self.keys.check_types(write.key)
            if write.raw is not None and self._ttl is not None:
                write.expiry = expiry_of(decode_item(write.raw), self._ttl)

    def _write(self, writes: list[Write], version: int) -> None:
        learnt = self._learn(writes)
        if learnt is None and self._blind:
            number = self._items.id
            operations: list[Operation] = [
                (PUT, number, write.key, write.raw)
                if write.raw is not None
                else (DELETE, number, write.key, b"")
                for write in writes
            ]
            self._store.commit(operations, version, durable=self._durable)
        else:
            for write in writes[:_PRELOAD]:
                # So that the commit finds the partition in memory when it has the lock.
                self._get(self._items, write.key)
            taken = None if learnt is None else self._take_newest
            self._commit(lambda view: self._prepare(view, writes, learnt), version, taken)
        if self._ttl is not None:
            self._sweep_with_commit()

    def _take_newest(self) -> None:
        self._take(self._store.schema)

    def _learn(self, writes: list[Write]) -> Schema | None:
        """Return the schema with the key types of a first write, where they are not known yet."""
        definition = self.definition
        sk_known = definition.sk_attribute is None or definition.sk_type is not None
        if definition.pk_type is not None and sk_known:
            return None
        for write in writes:
            if write.raw is not None:
                learnt = definition.with_types(*key_types(write.key))
                keys = KeySchema(learnt)
                for other in writes:
                    keys.check_types(other.key)
                return self._schema_with(learnt)
        return None

    def _schema_with(self, definition: Definition) -> Schema:
        return replace(
            self._schema,
            version=self._schema.version + 1,
            tables={**self._schema.tables, self.name: definition.to_json()},
        )

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

    def _commit(
        self,
        prepare: Callable[[View], tuple[list[Operation], list[Change]]],
        version: int,
        made: Callable[[], None] | None = None,
    ) -> None:
        """Commit what ``prepare`` finds under the lock, then tell the listeners."""
        tickets: list[Ticket] = []

        def prepared(view: View) -> list[Operation]:
            operations, changes = prepare(view)
            if self._dispatcher and changes:
                tickets.append(self._dispatcher.draw(changes))
            return operations

        try:
            self._store.commit([], version, prepare=prepared, durable=self._durable)
        except BaseException:
            for ticket in tickets:
                self._dispatcher.cancel(ticket)
            raise
        if made is not None:
            made()  # before the listeners: one of them may close the database
        for ticket in tickets:
            self._dispatcher.deliver(ticket)

    def _prepare(
        self, view: View, writes: list[Write], learnt: Schema | None
    ) -> tuple[list[Operation], list[Change]]:
        """Turn writes into operations, with what they replace in view. Called under the lock."""
        operations: list[Operation] = []
        changes: list[Change] = []
        if learnt is not None:
            operations.append((SCHEMA, 0, b"", learnt.encode()))
        now = time.time()
        mine: dict[bytes, bytes | None] = {}
        number = self._items.id
        for write in writes:
            key, raw = write.key, write.raw
            old = mine[key] if key in mine else view.get(self._items, key)
            mine[key] = raw
            if old is not None and self._forget(operations, key, old, now):
                changes.append(
                    (None, old)
                )  # its removal comes first, as the sweep would have done it
                if raw is None:
                    operations.append((DELETE, number, key, b""))
                    continue
                old = None
            if raw is not None:
                operations.append((PUT, number, key, raw))
                if write.expiry is not None and self._expiry is not None:
                    entry = expiry_key(write.expiry, key)
                    operations.append((PUT, self._expiry.id, entry, b""))
                changes.append((raw, old))
            elif old is not None:
                operations.append((DELETE, number, key, b""))
                changes.append((None, old))
        return operations, changes

    def _forget(self, operations: list[Operation], key: bytes, old: bytes, now: float) -> bool:
        """Take an old image out of the index by expiry; return whether it was expired."""
        if self._ttl is None or self._expiry is None:
            return False
        expiry = expiry_of(decode_item(old), self._ttl)
        if expiry is None:
            return False
        operations.append((DELETE, self._expiry.id, expiry_key(expiry, key), b""))
        return has_passed(expiry, now)

    def clear(self) -> None:
        """Remove every item; listeners hear of each."""
        while True:
            try:
                self._commit(self._prepare_clear, self._schema.version)
            except SchemaChanged:
                self._take(self._store.schema)
                continue
            return

    def _prepare_clear(self, view: View) -> tuple[list[Operation], list[Change]]:
        changes: list[Change] = []
        if self._dispatcher:
            chunks = self._store.range(self._items, b"", None, limit=MANY)
            found = {key for keys, _ in chunks for key in keys}
            olds = (
                view.get(self._items, key) for key in sorted(found.union(view.written(self._items)))
            )
            changes += [(None, old) for old in olds if old is not None]
        spaces = [self._items] + ([] if self._expiry is None else [self._expiry])
        return [(CLEAR, space.id, b"", b"") for space in spaces], changes

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
                changes.append((None, view.get(self._items, key)))
            if len(changes) >= most:
                break
        swept[:] = [len(changes)]
        return operations, changes

    def _sweep_with_commit(self) -> None:
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

    def add_listener(self, listener: EventListener) -> None:
        """Call ``listener`` with an Event after each write of this handle."""
        if not callable(listener):
            raise InvalidArgument(f"a listener is a callable that takes an Event, not {listener!r}")
        self._dispatcher.connect(listener)
        self._take(self._schema)

    def remove_listener(self, listener: EventListener) -> None:
        """Stop calling a listener; raises InvalidArgument where it was not added."""
        try:
            self._dispatcher.remove(listener)
        except ValueError:
            raise InvalidArgument(f"{listener!r} is not a listener of this database") from None
        self._take(self._schema)
