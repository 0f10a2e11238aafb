"""Writing a table: one path for every put and delete, with what it does to the indexes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from dynafile.errors import DynafileError, InvalidKey
from dynafile.store.format import CHANGE, DELETE, PUT, SCHEMA, Operation
from dynafile.store.group import Prepare
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.changes import VIEWS, change_note
from dynafile.table.definition import Definition
from dynafile.table.events import Change, Dispatcher, Ticket
from dynafile.table.expiry import expiry_key, expiry_of, has_passed, is_expired
from dynafile.table.index import Entry, Index
from dynafile.table.learning import learnt
from dynafile.table.pages import TablePager
from dynafile.table.write import Test, Unlearnt, Updater, Write, check_condition
from dynafile.values import decode_item, encode_item

_PRELOAD: Final = 16


class TableWriter(TablePager):
    """A table of a store, as one handle writes it: with its own listeners and durability.

    Every write goes through :meth:`_commit`. Where nothing needs to know what was there before (no
    listener, no TTL, no index), it is blind: it does not load the partition it writes to.
    """

    def __init__(self, store: Store, name: str, *, durable: bool, decoder_budget: int) -> None:
        self._durable = durable
        if not durable:
            store.keep_flushed()
        self.dispatcher = Dispatcher()
        super().__init__(store, name, decoder_budget)

    def _adopt(self, schema: Schema) -> None:
        self._blind = False  # or another thread would be blind under the new schema for a moment
        super()._adopt(schema)
        definition = self.definition
        types_known = definition.pk_type and (definition.sk_type or definition.sk_attribute is None)
        view = definition.settings.stream
        self._view = None if view is None else VIEWS[view]
        free = self._ttl is None and not self._indexes and view is None
        self._blind = bool(types_known) and free and not self.dispatcher

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

    @property
    def blind(self) -> bool:
        """Whether a plain put needs to know nothing of what is there."""
        return self._blind

    def commit_each(
        self, commits: list[list[Operation]] | list[Prepare], schema: Schema
    ) -> list[BaseException | None]:
        """Make commits, each by itself, with one sync; return what refused each, or None."""
        return self._store.commit_each(commits, schema.version, self._durable)

    def delete_item(self, key: Mapping[str, Any]) -> None:
        """Delete the item with this key; no error where there is none."""
        schema = self._schema
        self.write([self.delete_of(key)], schema)

    def put_of(self, item: Mapping[str, Any]) -> Write:
        """Return the write of a put, validated and taken as the item is now."""
        raw = encode_item(item)
        if type(item) is not dict:
            item = dict(item)
        key = self._key(item)
        return Write(key, raw) if self._blind else self._as_write(key, raw, item)

    def put_of_warm(self, item: Mapping[str, Any]) -> Write:
        """Return what :meth:`put_of` does, without ever looking at the store.

        An index that refuses the item with InvalidKey may have been dropped.
        """
        raw = encode_item(item)
        if type(item) is not dict:
            item = dict(item)
        return self._as_write_now(self._key(item), raw, item)

    def delete_of(self, key: Mapping[str, Any]) -> Write:
        """Return the write of a delete."""
        return Write(self._key_of(key), None, None)

    def update_of(self, key_item: dict[str, Any], update: Updater) -> Write:
        """Return the write of an update of the item with these key attributes, and no others."""
        write = Write(self._key_of(key_item), None).looking()
        write.update = update
        write.key_item = key_item
        return write

    def entries_of(self, write: Write) -> list[tuple[Index, Entry | None, Entry | None]]:
        """Return each index with the entries that an item had and has in it, of a write made."""
        maker = self._maker
        before, after = (
            maker.none if raw is None else maker.of_old(raw, write.key)
            for raw in (write.old, write.raw)
        )
        return list(zip(maker.indexes, before, after, strict=True))

    def entry_of(self, write: Write, index: Index) -> Entry | None:
        """Return the entry that the item of a put has in an index."""
        if write.raw is None or index.name not in self._indexes:
            return None
        return self._maker.of(write.raw, write.key)[list(self._indexes).index(index.name)]

    def check_of(self, key: Mapping[str, Any], test: Test) -> Write:
        """Return what only tests an item, as part of a transaction."""
        write = Write(self._key_of(key), None).looking(test)
        write.check = True
        return write

    def _as_write(self, key: bytes, raw: bytes, item: Mapping[str, Any]) -> Write:
        try:
            return self._as_write_now(key, raw, item)
        except InvalidKey:
            if not self.refresh():
                raise
            return self._as_write(key, raw, item)  # the index that refused may have been dropped

    def _as_write_now(self, key: bytes, raw: bytes, item: Mapping[str, Any]) -> Write:
        ttl, maker = self._ttl, self._maker
        expiry = None if ttl is None else expiry_of(item, ttl)
        if not maker.indexes:
            return Write(key, raw, expiry)
        return Write(key, raw, expiry, maker.of(raw, key), maker.types(raw))

    def write(self, writes: list[Write], schema: Schema) -> None:
        """Commit writes as one, in their order.

        ``schema`` is :attr:`schema` as it was before the first of them was made.
        """
        while writes:
            if schema is not self._schema:
                schema = self._schema
                self.prepare_again(writes)
            try:
                self._write(writes, schema.version)
            except SchemaChanged:
                self._take(self._store.schema)
            except Unlearnt:
                continue
            else:
                return

    def prepare_again(self, writes: list[Write]) -> None:
        """Hold writes against another schema than they were made for."""
        for write in writes:
            self.keys.check_types(write.key)
            if write.update is not None:
                # What an earlier try made of an item may not fit, and is made again.
                write.raw = write.expiry = write.entries = write.types = None
            elif write.raw is not None:
                again = self._as_write(write.key, write.raw, decode_item(write.raw))
                write.expiry, write.entries, write.types = again.expiry, again.entries, again.types

    def _write(self, writes: list[Write], version: int) -> None:
        learnt = self._learn(writes)
        if learnt is None and self._blind and not any(write.looks for write in writes):
            number = self._items.id
            operations: list[Operation] = [
                (PUT, number, write.key, write.raw)
                if write.raw is not None
                else (DELETE, number, write.key, b"")
                for write in writes
            ]
            self._store.commit(operations, version, durable=self._durable)
        else:
            self.preload(writes)
            taken = None if learnt is None else self.take_newest
            self._commit(lambda view: self._prepare(view, writes, learnt), version, taken)
        if self._ttl is not None:
            self.after_write()

    def preload(self, writes: list[Write]) -> None:
        """Have the partitions in memory that a commit will look at when it has the lock."""
        for write in writes[:_PRELOAD]:
            if write.looks or not self._blind:
                self._get(self._items, write.key)

    def after_write(self) -> None:
        """Do what a table with TTL does after each commit."""

    def take_newest(self) -> None:
        """Take the newest schema of the store."""
        self._take(self._store.schema)

    def _learn(self, writes: list[Write]) -> Schema | None:
        learnt = self.learnt(writes)
        return None if learnt is self.definition else self._schema_with(learnt)

    def learnt(self, writes: list[Write]) -> Definition:
        """Return the definition with the key types of a first write, where they are not known."""
        return learnt(self.definition, self._maker.unknown, writes)

    def _schema_with(self, definition: Definition) -> Schema:
        return replace(
            self._schema,
            version=self._schema.version + 1,
            tables={**self._schema.tables, self.name: definition.to_json()},
        )

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
            if self.dispatcher and changes:
                tickets.append(self.dispatcher.draw(changes))
            return operations

        try:
            self._store.commit([], version, prepare=prepared, durable=self._durable)
        except BaseException:
            for ticket in tickets:
                self.dispatcher.cancel(ticket)
            raise
        if made is not None:
            made()  # before the listeners: one of them may close the database
        for ticket in tickets:
            self.dispatcher.deliver(ticket)

    def _prepare(
        self, view: View, writes: list[Write], learnt: Schema | None
    ) -> tuple[list[Operation], list[Change]]:
        operations: list[Operation] = []
        if learnt is not None:
            operations.append((SCHEMA, 0, b"", learnt.encode()))
        changes = self.prepare(view, writes, learnt, operations, time.time())
        return operations, changes

    def prepare(
        self,
        view: View,
        writes: list[Write],
        learnt: Schema | None,
        operations: list[Operation],
        now: float,
        failures: dict[Write, DynafileError] | None = None,
    ) -> list[Change]:
        """Turn writes into operations, with what they replace in view. Called under the lock.

        What refuses a write is raised, or put into ``failures``.
        """
        changes: list[Change] = []
        mine: dict[bytes, bytes | None] = {}
        number, blind = self._items.id, self._blind
        for write in writes:
            key = write.key
            if blind and not write.looks:
                mine[key] = raw = write.raw
                operations.append(
                    (DELETE, number, key, b"") if raw is None else (PUT, number, key, raw)
                )
                continue
            old = mine[key] if key in mine else view.get(self._items, key)
            if write.looks:
                write.old = self._unexpired(old, now)
                try:
                    self._resolve(write, learnt)
                except DynafileError as error:
                    if failures is None:
                        raise
                    failures[write] = error
                    continue
                if write.check:
                    continue
            raw = mine[key] = write.raw
            if raw is not None:
                operations.append((PUT, number, key, raw))
            elif old is not None:
                operations.append((DELETE, number, key, b""))
            if self._indexes:
                self._reindex(operations, key, old, write.entries)
            if old is not None and self._forget(operations, key, old, now):
                # Its removal comes first, as the sweep would have done it.
                changes.append((None, old))
                self._note(operations, key, None, old, expired=True)
                old = None
            if raw is not None:
                if write.expiry is not None and self._expiry is not None:
                    entry = expiry_key(write.expiry, key)
                    operations.append((PUT, self._expiry.id, entry, b""))
                changes.append((raw, old))
            elif old is not None:
                changes.append((None, old))
            if self._view is not None:
                self._note(operations, key, raw, old)
        return changes

    def _note(
        self,
        operations: list[Operation],
        key: bytes,
        new: bytes | None,
        old: bytes | None,
        *,
        expired: bool = False,
    ) -> None:
        """Say in the commit what became of an item, for the stream of the table."""
        if self._view is not None:
            note = change_note(self._view, new, old, expired=expired)
            if note is not None:
                operations.append((CHANGE, self._items.id, key, note))

    def _unexpired(self, raw: bytes | None, now: float) -> bytes | None:
        if raw is None or self._ttl is None:
            return raw
        return None if is_expired(decode_item(raw), self._ttl, now) else raw

    def _resolve(self, write: Write, learnt: Schema | None) -> None:
        """Test the condition of a write, and find out what an update comes to."""
        old = write.old
        if write.test is None and write.update is None:
            return
        item = {} if old is None else self._decoder.decode(old)
        if write.test is not None:
            check_condition(write.test, item or None, gives_item=write.gives_item)
        if write.update is None:
            return
        new = write.update(item or write.key_item)
        if new is write.key_item:  # there is no item, and the update makes none
            write.raw = write.expiry = write.entries = write.types = None
            return
        raw = encode_item(new)
        made = self._as_write_now(write.key, raw, new)
        write.raw, write.expiry, write.entries = raw, made.expiry, made.entries
        write.types = made.types
        if made.types:
            definition = self.definition
            if learnt is not None:
                definition = Definition.from_json(learnt.tables[self.name])
            if any(definition.type_of(name) != kind for name, kind in made.types.items()):
                raise Unlearnt

    def _reindex(
        self,
        operations: list[Operation],
        key: bytes,
        old: bytes | None,
        entries: list[Entry | None] | None,
    ) -> None:
        """Bring the indexes from what an item was to what it becomes."""
        maker = self._maker
        before = maker.of_old(old, key) if old is not None else maker.none
        after = entries if entries is not None else maker.none
        for index, left, right in zip(maker.indexes, before, after, strict=True):
            if left == right:
                continue
            if left is not None and (right is None or left[0] != right[0]):
                operations.append((DELETE, index.entries, left[0], b""))
                if index.gone is not None:
                    operations.append((PUT, index.gone, left[0], b""))
            if right is not None:
                operations.append((PUT, index.entries, *right))

    def _forget(self, operations: list[Operation], key: bytes, old: bytes, now: float) -> bool:
        """Take an old image out of the index by expiry; return whether it was expired."""
        if self._ttl is None or self._expiry is None:
            return False
        expiry = expiry_of(decode_item(old), self._ttl)
        if expiry is None:
            return False
        operations.append((DELETE, self._expiry.id, expiry_key(expiry, key), b""))
        return has_passed(expiry, now)
