"""Reading a table and its indexes: by keys, by ranges, with filters, without what is expired."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from itertools import compress
from typing import Any, Final

from dynafile.errors import (
    DynafileError,
    IndexNotFound,
    IndexNotReady,
    InvalidKey,
    ResourceNotFound,
)
from dynafile.store.partition_map import Keyspace
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.decoding import ItemDecoder
from dynafile.table.definition import GLOBAL, definition_in, table_not_found
from dynafile.table.expiry import expired_range, is_expired
from dynafile.table.index import EntryMaker, Index
from dynafile.table.key_errors import of_key
from dynafile.table.keys import KeySchema, Range
from dynafile.values import attributes_decoder, decode_item, decode_items

Filter = Callable[[dict[str, Any]], object]

MANY: Final = 1 << 30
"""As many entries as there are."""
_FIRST_CHUNK: Final = 64
_COUNTS: Final = 20


class TableReader:
    """A table of a store, as one handle reads it."""

    def __init__(self, store: Store, name: str, decoder_budget: int) -> None:
        self._store = store
        self._get = store.get
        self.name = name
        self._decoder = ItemDecoder(decoder_budget)
        self._known = self._decoder.known
        self._taking = threading.RLock()
        self.number: int | None = None
        """The keyspace of the items, by which a table is told from a later one of its name."""
        self._adopt(store.schema)
        store.replica.watchers.add(self)

    def schema_changed(self, schema: Schema) -> None:
        """Take another TTL attribute at once: reads go by it, and look at no schema."""
        stored = schema.tables.get(self.name)
        if stored is not None and stored.get("ttl_attribute") != self._ttl:
            with suppress(ResourceNotFound):  # an earlier table of its name
                self._take(schema)

    def _take(self, schema: Schema) -> None:
        """Take the table's definition from a schema, unless another thread took a newer one.

        A commit that was made for the newest looks at the indexes under the lock once more.
        """
        with self._taking:
            if schema.version >= self._schema.version:
                self._adopt(schema)

    def _adopt(self, schema: Schema) -> None:
        definition = definition_in(schema, self.name, self.number)
        keyspaces = self._store.replica.keyspaces
        items = keyspaces.get(definition.items)
        if items is None:
            raise table_not_found(self.name)  # by another thread, since the schema was taken
        items.refusal = partial(table_not_found, self.name)
        self.definition, self.number, self._items = definition, definition.items, items
        self.keys = KeySchema(definition)
        self._key = self.keys.key
        self._key_of = self.keys.of_key
        self._ttl = definition.ttl_attribute
        self._expiry = keyspaces.get(definition.expiry or 0)
        self._indexes = {n: Index(definition, i) for n, i in definition.indexes.items()}
        self._maker = EntryMaker(definition, self._indexes.values())
        self._schema = schema  # last: a thread that sees it sees the rest

    @property
    def schema(self) -> Schema:
        """The schema that keys are made for now."""
        return self._schema

    @property
    def items(self) -> Keyspace:
        """Where the items are."""
        return self._items

    def key_of(self, key: Mapping[str, Any]) -> bytes:
        """Return the encoded key of an item, or of a mapping with its key attributes."""
        return self._key_of(key)

    def get_raw(self, key: bytes) -> bytes | None:
        """Return what is stored at an encoded key, be it expired."""
        return self._get(self._items, key)

    def decode(self, raw: bytes) -> dict[str, Any]:
        """Return an item that is the caller's own."""
        return self._decoder.decode(raw)

    def decode_once(self, raw: bytes) -> dict[str, Any]:
        """Return an item that is the caller's own, and that will hardly be read again."""
        return self._decoder.decode_once(raw)

    def read_chunk(
        self, space: Keyspace, low: bytes, high: bytes | None, size: int, *, reverse: bool
    ) -> tuple[list[bytes], list[bytes], bytes | None]:
        """Return keys and values of the begin of a range, or its end, and where to go on."""
        read = self._store.read_backward if reverse else self._store.read_forward
        return read(space, low, high, size)

    def hide(self, item: dict[str, Any], index: Index) -> None:
        """Take out of an index's item what is stored there and not projected."""
        if self._ttl is not None and index.hides(self._ttl):
            item.pop(self._ttl, None)

    def get_item(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        try:
            encoded = self._key(key)
        except InvalidKey as error:
            raise of_key(error) from None
        raw = self._get(self._items, encoded)
        if raw is None:
            return None
        known = self._known.get(raw)
        item = known.copy() if type(known) is dict else self._decoder.decode(raw)
        if self._ttl is not None and is_expired(item, self._ttl, time.time()):
            return None
        return item

    def get_item_warm(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None; raises Cold where that could have to wait."""
        raw = self._store.replica.get_warm(self._items, self._key_of(key))
        if raw is None:
            return None
        item = self._decoder.decode(raw)
        expired = self._ttl is not None and is_expired(item, self._ttl, time.time())
        return None if expired else item

    def batch_get_item(self, keys: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the items with these keys, those that are there, in the order of the keys."""
        encoded = [self._key_of(key) for key in keys]
        found = (self._get(self._items, key) for key in encoded)
        return list(self._visible(map(self._decoder.decode, filter(None, found))))

    def index(self, name: str) -> Index:
        """Return an index that can be read; raises IndexNotFound and IndexNotReady."""
        self.refresh()
        given: object = name
        index = self._indexes.get(name) if isinstance(given, str) else None
        if index is None:
            names = ", ".join(map(repr, self._indexes)) or "none"
            missing = IndexNotFound(
                f"The table does not have the specified index: {name}", index=name
            )
            missing.add_note(f"the table {self.name!r} has no index {name!r}: it has {names}")
            raise missing
        if index.definition.building:
            kind = "global" if index.definition.kind == GLOBAL else "local"
            building = IndexNotReady(
                f"Cannot read from backfilling {kind} secondary index: {name}", index=name
            )
            building.add_note(
                f"the index {name!r} is still being built, so it cannot be read yet: wait for it "
                "with wait_for_indexes()"
            )
            raise building
        return index

    def refresh(self) -> bool:
        """Take the newest schema; return whether it is another."""
        schema = self._store.schema
        if schema is self._schema:
            return False
        self._take(schema)
        return True

    def read(
        self,
        bounds: Range,
        wanted: Filter | None,
        limit: int | None,
        *,
        reverse: bool,
        keep: bool,
        index: Index | None = None,
        needed: frozenset[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a range that are not expired and pass a filter, up to ``limit``.

        ``keep``: whether to remember what is decoded, for ranges that are read again and again.
        ``index``: where the range lies, None: in the table. ``needed``: the attributes that the
        filter looks at, where that is known.
        """
        self._store.follow()  # before what depends on the TTL attribute is decided
        low, high = bounds
        space = self._items if index is None else self.space_of(index)
        lacking = index.lacking(needed) if index is not None and needed else frozenset[str]()
        if index is not None and lacking:
            return self._read_through(index, bounds, wanted, limit, reverse=reverse)
        if keep:
            size = _FIRST_CHUNK if limit is None else limit
            items = self._remembered(space, low, high, reverse, size, index)
        else:
            chunks = self._chunks(space, low, high, index, reverse=reverse)
            if wanted is not None and needed:
                items, wanted = self._picked(chunks, wanted, needed), None
            else:
                items = (item for _, raws in chunks for item in decode_items(raws))
        if self._ttl is not None:
            items = self._visible(items)
            if index is not None and index.hides(self._ttl):
                items = _without(items, self._ttl)
        if wanted is not None:
            items = (item for item in items if wanted(item))
        if limit is not None:
            items = _first(items, limit)
        return items

    def _picked(
        self,
        chunks: Iterator[tuple[list[bytes], list[bytes]]],
        wanted: Filter,
        needed: frozenset[str],
    ) -> Iterator[dict[str, Any]]:
        """Yield the items that pass a filter, which is first told what it looks at and no more.

        Few pass most filters, and to decode some attributes costs an eighth of a whole item.
        """
        decode = _decoder_of(needed.union(name.partition(".")[0] for name in needed))
        for _, raws in chunks:
            # One item at a time, as loops of C: a loop of ours would cost a tenth of the scan.
            yield from map(decode_item, compress(raws, map(wanted, map(decode, raws))))

    def space_of(self, index: Index) -> Keyspace:
        """Return where the entries of an index are; raises IndexNotFound."""
        space = self._store.replica.keyspaces.get(index.entries)
        if space is None:
            raise self._dropped(index)
        return space

    def _dropped(self, index: Index | None) -> DynafileError:
        if index is None:
            return table_not_found(self.name)
        name = index.name
        return IndexNotFound(f"the index {name!r} was dropped while it was read", index=name)

    def _remembered(
        self,
        space: Keyspace,
        low: bytes,
        high: bytes | None,
        reverse: bool,
        size: int,
        index: Index | None,
    ) -> Iterator[dict[str, Any]]:
        known, decode = self._known, self._decoder.decode
        # The loop of Store.range, without the generator between: a short query is half as long.
        read = self._store.read_backward if reverse else self._store.read_forward
        while high is None or low < high:
            _, raws, bound = read(space, low, high, size)
            if space.dropped:
                raise self._dropped(index)
            for raw in raws:
                item = known.get(raw)
                if type(item) is dict:
                    yield item.copy()
                else:
                    yield decode(raw)
            if bound is None:
                return
            if reverse:
                high = bound
            else:
                low = bound
            size = MANY

    def _chunks(
        self,
        space: Keyspace,
        low: bytes,
        high: bytes | None,
        index: Index | None,
        *,
        reverse: bool,
    ) -> Iterator[tuple[list[bytes], list[bytes]]]:
        for chunk in self._store.range(space, low, high, reverse=reverse, limit=MANY):
            if space.dropped:
                break
            yield chunk
        if space.dropped:
            raise self._dropped(index)

    def _read_through(
        self,
        index: Index,
        bounds: Range,
        wanted: Filter | None,
        limit: int | None,
        *,
        reverse: bool,
    ) -> Iterator[dict[str, Any]]:
        """Read a local index with a filter on what it does not project: the items tell.

        As DynamoDB does it; for a global index it refuses, and so do we.
        """
        space = self.space_of(index)
        now = time.time()
        for entries, raws in self._chunks(space, *bounds, index, reverse=reverse):
            for entry, raw in zip(entries, raws, strict=True):
                whole = self._get(self._items, index.item_key(entry))
                if whole is None:
                    continue  # deleted since the chunk was read
                item = self._decoder.decode(whole)
                if self._ttl is not None and is_expired(item, self._ttl, now):
                    continue
                if wanted is None or wanted(item):
                    projected = self._decoder.decode(raw)
                    if self._ttl is not None and index.hides(self._ttl):
                        projected.pop(self._ttl, None)
                    yield projected
                    limit = None if limit is None else limit - 1
                    if limit == 0:
                        return

    def _visible(self, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Leave out what is expired, at one moment for the whole read."""
        self._store.follow()
        attribute = self._ttl
        if attribute is None:
            return iter(items)
        now = time.time()
        return (item for item in items if not is_expired(item, attribute, now))

    def count(self) -> int:
        """Return the exact number of items that are not expired."""
        self._store.follow()
        if self._expiry is None:
            return self._store.count(self._items)
        low, high = expired_range(time.time())
        replica = self._store.replica
        # Items and index are counted at one LSN, or a sweep in between would be counted by half.
        # The mutex keeps this process's threads out, and counting again, within reason, what others
        # write.
        with replica.mutex:
            for _ in range(_COUNTS):
                before = replica.lsn
                total = self._store.count(self._items)
                chunks = self._store.range(self._expiry, low, high, limit=MANY)
                total -= sum(len(keys) for keys, _ in chunks)
                if replica.lsn == before:
                    break
        return max(total, 0)


@lru_cache(maxsize=64)
def _decoder_of(names: frozenset[str]) -> Callable[[bytes], dict[str, Any]]:
    return attributes_decoder(names)


def _without(items: Iterator[dict[str, Any]], attribute: str) -> Iterator[dict[str, Any]]:
    for item in items:
        item.pop(attribute, None)
        yield item


def _first(items: Iterator[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    """Yield the first items without asking for one more than that."""
    for item in items:
        yield item
        limit -= 1
        if limit == 0:
            return
