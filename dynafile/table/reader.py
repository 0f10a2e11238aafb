"""Reading a table: by keys, by ranges, with filters, and without what is expired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.decoding import ItemDecoder
from dynafile.table.definition import Definition
from dynafile.table.expiry import expired_range, is_expired
from dynafile.table.keys import KeySchema, Range
from dynafile.values import decode_items

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
        self._take(store.schema)

    def _take(self, schema: Schema) -> None:
        """Take the table's definition from a schema."""
        self.definition = definition = Definition.from_json(schema.tables[self.name])
        self.keys = KeySchema(definition)
        self._key = self.keys.key
        self._items = self._store.keyspace(definition.items)
        self._ttl = definition.ttl_attribute
        self._expiry = (
            None if definition.expiry is None else self._store.keyspace(definition.expiry)
        )
        self._schema = schema  # last: a thread that sees it sees the rest

    @property
    def schema(self) -> Schema:
        """The schema that keys are made for now."""
        return self._schema

    def get_item(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        raw = self._get(self._items, self._key(key))
        if raw is None:
            return None
        known = self._known.get(raw)
        item = known.copy() if type(known) is dict else self._decoder.decode(raw)
        if self._ttl is not None and is_expired(item, self._ttl, time.time()):
            return None
        return item

    def batch_get_item(self, keys: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the items with these keys, those that are there, in the order of the keys."""
        encoded = [self._key(key) for key in keys]
        found = (self._get(self._items, key) for key in encoded)
        return list(self._visible(map(self._decoder.decode, filter(None, found))))

    def read(
        self, bounds: Range, wanted: Filter | None, limit: int | None, *, reverse: bool, keep: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a range that are not expired and pass a filter, up to ``limit``.

        ``keep``: whether to remember what is decoded, for ranges that are read again and again.
        """
        low, high = bounds
        if keep:
            items = self._remembered(low, high, reverse, _FIRST_CHUNK if limit is None else limit)
        else:
            chunks = self._store.range(self._items, low, high, reverse=reverse, limit=MANY)
            items = (item for _, raws in chunks for item in decode_items(raws))
        if self._ttl is not None:
            items = self._visible(items)
        if wanted is not None:
            items = (item for item in items if wanted(item))
        if limit is not None:
            items = _first(items, limit)
        return items

    def _remembered(
        self, low: bytes, high: bytes | None, reverse: bool, size: int
    ) -> Iterator[dict[str, Any]]:
        known, decode = self._known, self._decoder.decode
        # The loop of Store.range, without the generator between: a short query is half as long.
        read = self._store.read_backward if reverse else self._store.read_forward
        while high is None or low < high:
            _, raws, bound = read(self._items, low, high, size)
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

    def _visible(self, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Leave out what is expired, at one moment for the whole read."""
        attribute = self._ttl
        if attribute is None:
            return iter(items)
        now = time.time()
        return (item for item in items if not is_expired(item, attribute, now))

    def count(self) -> int:
        """Return the exact number of items that are not expired."""
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


def _first(items: Iterator[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    """Yield the first items without asking for one more than that."""
    for item in items:
        yield item
        limit -= 1
        if limit == 0:
            return
