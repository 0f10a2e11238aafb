"""Optimistic transactions: what one read is looked at again when what it wrote is committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from dynafile.errors import InvalidArgument, TransactionConflict
from dynafile.store.partition_map import Keyspace
from dynafile.store.view import View
from dynafile.table.expiry import is_expired
from dynafile.table.index import Index
from dynafile.table.keys import Range
from dynafile.table.reader import Filter
from dynafile.table.together import Part
from dynafile.table.write import Test, Updater, Write, check_condition
from dynafile.table.writer import TableWriter

_CHUNK: Final = 64
_GONE: Final = "the transaction read what another writer has changed since: run it again"


class Seen(Struct):
    """A part of a range that was read, and what was in it."""

    space: Keyspace
    low: bytes
    high: bytes | None
    pairs: list[tuple[bytes, bytes]]
    reverse: bool
    last: bytes | None = None
    """The key that the reader has got to; None: it looked at all of them."""

    def is_so(self, view: View) -> bool:
        """Say whether that is what is there, as far as it was looked at."""
        low, high, pairs, last = self.low, self.high, self.pairs, self.last
        if last is not None and self.reverse:
            low, pairs = last, [pair for pair in pairs if pair[0] >= last]
        elif last is not None:
            high, pairs = last + b"\0", [pair for pair in pairs if pair[0] <= last]
        return not self.space.dropped and view.range(self.space, low, high) == pairs


class TransactionTable:
    """A table as one transaction sees it: what it wrote itself, over what it read first.

    Nothing is locked. What was read is noted, and compared under the lock before the writes are
    made (:meth:`validate`); so a transaction that is committed could have run at that moment alone.
    """

    def __init__(self, table: TableWriter, now: float) -> None:
        table.refresh()
        self.table = table
        self._schema = table.schema
        self._key_of = table.key_of
        self._now = now
        self._items = table.items
        self._gets: dict[bytes, bytes | None] = {}
        self._ranges: list[Seen] = []
        self._mine: dict[bytes, Write] = {}
        self._ended = False

    # -- reading --------------------------------------------------------------------------------

    def get_item(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None."""
        return self._item(self._key_of(key))

    def _item(self, key: bytes) -> dict[str, Any] | None:
        mine = self._mine.get(key)
        if mine is not None:
            raw = mine.raw
        elif key in self._gets:
            raw = self._gets[key]
        else:
            raw = self._gets[key] = self.table.get_raw(key)
        if raw is None:
            return None
        item = self.table.decode_once(raw)
        ttl = self.table.definition.ttl_attribute
        return None if ttl is not None and is_expired(item, ttl, self._now) else item

    def _is_expired(self, item: dict[str, Any]) -> bool:
        attribute = self.table.definition.ttl_attribute
        return attribute is not None and is_expired(item, attribute, self._now)

    def read(
        self,
        bounds: Range,
        wanted: Filter | None,
        limit: int | None,
        *,
        reverse: bool,
        index: Index | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a range that are not expired and pass a filter, up to ``limit``."""
        low, high = bounds
        space = self._items if index is None else self.table.space_of(index)
        size = _CHUNK
        while high is None or low < high:
            self._check_open()
            begin, end = low, high
            keys, raws, bound = self.table.read_chunk(space, low, high, size, reverse=reverse)
            if bound is not None and reverse:
                begin = high = bound
            elif bound is not None:
                end = low = bound
            seen = Seen(space, begin, end, sorted(zip(keys, raws, strict=True)), reverse)
            self._ranges.append(seen)
            for place, raw in self._merged(seen, index):
                item = self.table.decode(raw)
                if self._is_expired(item):
                    continue
                if index is not None:
                    self.table.hide(item, index)
                if wanted is None or wanted(item):
                    seen.last = place
                    yield item
                    limit = None if limit is None else limit - 1
                    if limit == 0:
                        return
                    self._check_open()
                    seen.last = None
            if bound is None:
                return
            size *= 2

    def end(self) -> None:
        """Let nothing more be read: it would not be validated."""
        self._ended = True

    def _check_open(self) -> None:
        if self._ended:
            raise InvalidArgument("the transaction is over: read to the end inside its with block")

    def _merged(self, seen: Seen, index: Index | None) -> list[tuple[bytes, bytes]]:
        """Put what the transaction wrote over what it found in a range."""
        found, begin, end = dict(seen.pairs), seen.low, seen.high
        if index is not None and self._mine:
            for place in [place for place in found if index.item_key(place) in self._mine]:
                del found[place]
        for key, write in self._mine.items():
            if index is None:
                entry = (key, write.raw)
            else:
                entry = self.table.entry_of(write, index) or (b"", None)
            place, raw = entry
            if raw is None:
                found.pop(place, None)
            elif begin <= place and (end is None or place < end):
                found[place] = raw
        return sorted(found.items(), reverse=seen.reverse)

    # -- writing --------------------------------------------------------------------------------

    def put_item(self, item: Mapping[str, Any], test: Test | None = None) -> None:
        """Put an item, where a condition holds."""
        write = self.table.put_of(item)
        if test is not None:
            check_condition(test, self._item(write.key), gives_item=False)
        self._mine[write.key] = write

    def delete_item(self, key: Mapping[str, Any], test: Test | None = None) -> None:
        """Delete an item, where a condition holds."""
        encoded = self._key_of(key)
        if test is not None:
            check_condition(test, self._item(encoded), gives_item=False)
        self._mine[encoded] = Write(encoded, None)

    def update_item(
        self, key: Mapping[str, Any], update: Updater, test: Test | None = None
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Update an item, where a condition holds; return it as it was and as it is now."""
        names = self.table.definition.key_attributes
        encoded = self.table.key_of(key)
        old = self._item(encoded)
        if test is not None:
            check_condition(test, old, gives_item=False)
        new = update(old if old is not None else {name: key[name] for name in names})
        self._mine[encoded] = self.table.put_of(new)
        return old, new

    def check(self, key: Mapping[str, Any], test: Test) -> None:
        """Raise ConditionalCheckFailed where a condition does not hold."""
        check_condition(test, self._item(self.table.key_of(key)), gives_item=False)

    # -- the end --------------------------------------------------------------------------------

    @property
    def part(self) -> Part:
        """What is to be written."""
        return Part(self.table, self._schema, list(self._mine.values()))

    @property
    def has_read(self) -> bool:
        """Whether there is anything to be validated."""
        return bool(self._gets or self._ranges)

    def validate(self, view: View) -> None:
        """Raise TransactionConflict where something that was read is another now."""
        items = self._items
        for key, raw in self._gets.items():
            if view.get(items, key) != raw:
                raise TransactionConflict(_GONE)
        for seen in self._ranges:
            if not seen.is_so(view):
                raise TransactionConflict(_GONE)
