"""Pages: a bounded part of a query or scan, and where the next one begins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from dynafile.errors import InvalidKey, ValidationError
from dynafile.table.definition import LOCAL
from dynafile.table.expiry import is_expired
from dynafile.table.index import Index
from dynafile.table.keys import HASH_BYTES, Range
from dynafile.table.reader import MANY, Filter, TableReader
from dynafile.values import decode_key_value, item_size, successor

PAGE_BYTES: Final = 1024 * 1024
"""A page ends with the item that takes it past this size, as DynamoDB counts."""
_CHUNK: Final = 128
_BLOCK: Final = 4096
_WRONG_START: Final = "The provided starting key is invalid"


class Found(Struct, frozen=True):
    """What one page of a query or scan is."""

    items: list[dict[str, Any]]
    scanned: int
    """Items that were looked at: those that the filter left out, and expired ones, too."""
    size: int
    """Their size in bytes, as DynamoDB counts it."""
    fetched_units: int
    """Blocks of 4 KiB of the items that were fetched from the table for a local index."""
    last_key: dict[str, Any] | None
    """Where the next page begins; None: this is the last one."""


class TablePager(TableReader):
    """A table of a store, as one handle reads it page by page."""

    def page(
        self,
        bounds: Range,
        wanted: Filter | None,
        limit: int | None,
        *,
        reverse: bool,
        start: bytes | None,
        index: Index | None = None,
        whole: bool = False,
    ) -> Found:
        """Return the items of a range from a key on that are not expired and pass a filter.

        It ends after ``limit`` items were looked at, or 1 MB of them. ``whole``: give the items of
        the table in the place of what a local index projects.
        """
        low, high = bounds
        if start is not None:
            if reverse:
                high = start
            else:
                low = start + b"\0"
        space = self._items if index is None else self.space_of(index)
        hidden = self._ttl if index is not None and self._ttl and index.hides(self._ttl) else None
        now = time.time()
        items: list[dict[str, Any]] = []
        scanned = size = fetched = 0
        read = self._store.read_backward if reverse else self._store.read_forward
        ahead = _CHUNK if limit is None else min(limit, _CHUNK)
        decode = self._decoder.decode
        while high is None or low < high:
            keys, raws, bound = read(space, low, high, ahead)
            if space.dropped:
                raise self._dropped(index)
            for key, raw in zip(keys, raws, strict=True):
                item = decode(raw)
                scanned += 1
                size += item_size(item)
                last_key = (
                    self._place(item, index) if scanned == limit or size >= PAGE_BYTES else None
                )
                seen: dict[str, Any] | None = item
                if self._ttl is not None and is_expired(item, self._ttl, now):
                    seen = None
                elif whole and index is not None:
                    seen = self._fetched(index.item_key(key), now)
                    fetched += -(-item_size(seen or {}) // _BLOCK)
                elif hidden is not None:
                    item.pop(hidden, None)
                if seen is not None and (wanted is None or wanted(seen)):
                    items.append(seen)
                if last_key is not None:
                    return Found(items, scanned, size, fetched, last_key)
            if bound is None:
                break
            if reverse:
                high = bound
            else:
                low = bound
        return Found(items, scanned, size, fetched, None)

    def _fetched(self, key: bytes, now: float) -> dict[str, Any] | None:
        """Return the item of an entry; None where it is gone since the entry was read."""
        raw = self._get(self._items, key)
        item = None if raw is None else self._decoder.decode(raw)
        expired = item is not None and self._ttl is not None and is_expired(item, self._ttl, now)
        return None if expired else item

    def collection_of(self, key: bytes) -> tuple[Any, int]:
        """Return the partition key of an item, and the bytes of its collection with local indexes.

        Cost: the collection is read.
        """
        pk, after = decode_key_value(key, HASH_BYTES)
        low = key[:after]
        local = [
            index.entries for index in self._indexes.values() if index.definition.kind == LOCAL
        ]
        total = 0
        for number in (self._items.id, *local):
            space = self._store.replica.keyspaces.get(number)
            if space is not None:
                for keys, raws in self._store.range(space, low, successor(low), limit=MANY):
                    total += sum(map(len, keys)) + sum(map(len, raws))
        return pk, total

    def _place(self, item: Mapping[str, Any], index: Index | None) -> dict[str, Any]:
        names = (*self.definition.key_attributes, *(() if index is None else index.attributes))
        return {name: item[name] for name in names}

    def start_of(self, start: object, bounds: Range, index: Index | None) -> bytes:
        """Return the key after which a page begins; raises ValidationError, in DynamoDB's words."""
        names = {*self.definition.key_attributes, *(() if index is None else index.attributes)}
        if not isinstance(start, Mapping) or set(start) != names:
            raise ValidationError(_WRONG_START)
        try:
            key: bytes | None = self._key(start)
            if index is not None and key is not None:
                key = index.key(tuple(start[name] for name in index.attributes), key)
        except InvalidKey:
            key = None
        if key is None:
            raise ValidationError(_WRONG_START)
        low, high = bounds
        if key < low or (high is not None and key >= high):
            raise ValidationError(
                f"{_WRONG_START}: The provided starting key is outside query boundaries based on "
                "provided conditions"
            )
        return key
