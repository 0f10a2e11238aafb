"""Salvage of tables: their items out of a damaged store, into a new one."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from dynafile.errors import CorruptFile, DynafileError
from dynafile.store.format import PUT, Operation
from dynafile.store.salvage import LostRange, Salvage
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.definition import ALL, Definition, definition_in
from dynafile.table.expiry import expiry_key, expiry_of
from dynafile.table.index import EntryMaker, Index
from dynafile.table.keys import HASH_BYTES, KeySchema
from dynafile.table.settings import DAY
from dynafile.table.stream_options import declared_stream, with_stream
from dynafile.table.table_changes import alter_table, check_keyspaces
from dynafile.values import check_item, decode_key_value

MOST_LISTED: Final = 1000
"""So many keys of each kind are listed of a table; all are counted."""
_COMMIT_BYTES: Final = 1024 * 1024
_COMMIT_ITEMS: Final = 5000

Key = dict[str, Any]
"""The key attributes of an item."""


class Keys(Struct):
    """Keys that are counted, and listed as far as anybody would read."""

    count: int = 0
    listed: list[Key] = field(default_factory=list)

    def add(self, key: Key) -> None:
        """Count one more."""
        self.count += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(key)


class SalvagedTable(Struct):
    """What was saved of a table, and what was not."""

    definition: Definition
    saved: int = 0
    uncertain: Keys = field(default_factory=Keys)
    """Saved items that a commit which cannot be read may have changed or deleted."""
    from_indexes: Keys = field(default_factory=Keys)
    """Saved items that were left in an index only."""
    lost: Keys = field(default_factory=Keys)
    """Items of which only the keys are left, in an index that has no more."""
    invalid: Keys = field(default_factory=Keys)
    """Entries that are no items of this table, whatever put them there; not saved."""
    ranges: list[LostRange] = field(default_factory=list)
    """Keys whose snapshots are lost; what else was there nobody knows."""


def schema_for(salvage: Salvage, names: list[str]) -> Schema:
    """Return the schema of a new store with these tables, without what belongs to the old one.

    Raises ResourceNotFound, and CorruptFile where the schema is not as it should be.
    """
    old = salvage.schema
    try:
        problems = check_keyspaces(old)
    except TypeError as error:
        problems = [str(error)]
    if problems:
        raise CorruptFile(
            f"the schema of the tables is damaged ({problems[0]}): put a meta.json there from a "
            "backup, however old, and repair again",
            path="meta.json",
            offset=0,
        )
    keyspaces: dict[int, str] = {}
    tables: dict[str, Any] = {}
    for name in names:
        definition = _anew(definition_in(old, name))
        tables[name] = definition.to_json()
        keyspaces |= {n: old.keyspaces[n] for n in definition.keyspaces}
    return Schema(old.version + 1, keyspaces, old.next_keyspace, tables)


def _anew(definition: Definition) -> Definition:
    """Return a definition whose indexes are complete from the start, and without a stream yet."""
    indexes = {name: replace(each, gone=None) for name, each in definition.indexes.items()}
    settings = replace(
        definition.settings,
        stream=None,
        stream_seconds=DAY,
        stream_size=None,
        stream_label=None,
        stream_ended=None,
    )
    return replace(
        definition, expiry_partial=False, indexes=indexes, conversion=None, settings=settings
    )


def salvage_table(salvage: Salvage, store: Store, name: str) -> SalvagedTable:
    """Copy what can be read of a table into a store that has its definition.

    Its bytes are copied as they are; its indexes are made of them. Nothing is synced.
    """
    definition = definition_in(salvage.schema, name)
    copy = _Copy(store, definition_in(store.schema, name))
    result = SalvagedTable(definition, ranges=salvage.lost_ranges(definition.items))
    indexed = _Indexed(salvage, result) if result.ranges else None
    for key, raw, certain in salvage.entries(definition.items):
        newer = None if certain or indexed is None else indexed.items.pop(key, None)
        if newer is None:
            _save(copy, result, key, raw, certain)
        else:
            result.from_indexes.add(_key_in(definition, key))
            _save(copy, result, key, *newer)
        if indexed is not None:
            indexed.keys.discard(key)
    if indexed is not None:
        for key, (raw, certain) in sorted(indexed.items.items()):
            result.from_indexes.add(_key_in(definition, key))
            _save(copy, result, key, raw, certain)
        for key in sorted(indexed.keys - indexed.items.keys()):
            result.lost.add(_key_in(definition, key))
        if indexed.is_all:
            result.ranges.clear()
    copy.flush()
    return result


def _save(copy: _Copy, result: SalvagedTable, key: bytes, raw: bytes, certain: bool) -> None:
    if not copy.add(key, raw):
        result.invalid.add(_key_in(result.definition, key))
        return
    result.saved += 1
    if not certain:
        result.uncertain.add(_key_in(result.definition, key))


def declare_stream_again(store: Store, name: str, definition: Definition, now: int) -> None:
    """Give a table the stream that it had; it begins anew, ``now`` in microseconds."""
    stream = declared_stream(definition.settings)
    if stream is not None:
        alter_table(
            store,
            name,
            lambda given: replace(given, settings=with_stream(given.settings, stream, now)),
        )


class _Indexed:
    """What the complete indexes of a table have of its lost ranges, where the journal is silent."""

    def __init__(self, salvage: Salvage, result: SalvagedTable) -> None:
        definition, ranges = result.definition, result.ranges
        self.items: dict[bytes, tuple[bytes, bool]] = {}
        """Whole items by their keys, and whether they are certain."""
        self.keys: set[bytes] = set()
        """Keys, of which there is no more in some index."""
        self._begins = [each.begin for each in ranges]
        self._ranges = ranges
        for each in definition.indexes.values():
            if not each.building:
                self._read(salvage, definition, Index(definition, each))
        # As many as the snapshot had, and none was put or deleted since: these are all of them.
        left = salvage.left_of(definition.items, ranges[0])
        counts = [each.entries for each in ranges]
        self.is_all = left is not None and counts == [left + len(self.items)]

    def _read(self, salvage: Salvage, definition: Definition, index: Index) -> None:
        whole = index.definition.projection == ALL
        for entry, raw, certain in salvage.entries(index.entries):
            try:
                key = index.item_key(entry)
            except ValueError:
                continue
            if not self._is_inside(key) or salvage.knows(definition.items, key):
                continue
            if not whole:
                self.keys.add(key)
            elif certain or key not in self.items:
                self.items[key] = (raw, certain)

    def _is_inside(self, key: bytes) -> bool:
        place = bisect_right(self._begins, key) - 1
        end = self._ranges[place].end if place >= 0 else b""
        return end is None or key < end


def _key_in(definition: Definition, key: bytes) -> Key:
    """Return the key attributes that an encoded key stands for; its hex where it is none."""
    try:
        pk, at = decode_key_value(key, HASH_BYTES)
        attributes: Key = {definition.pk_attribute: pk}
        if definition.sk_attribute is not None:
            attributes[definition.sk_attribute] = decode_key_value(key, at)[0]
    except ValueError:
        return {"key": key.hex()}
    return attributes


class _Copy:
    """Puts items into a new table, with their index entries, some thousand in a commit."""

    def __init__(self, store: Store, definition: Definition) -> None:
        self._store = store
        self._definition = definition
        self._keys = KeySchema(definition)
        indexes = [Index(definition, each) for each in definition.indexes.values()]
        self._maker = EntryMaker(definition, indexes)
        self._version = store.schema.version
        self._operations: list[Operation] = []
        self._items = self._size = 0

    def add(self, key: bytes, raw: bytes) -> bool:
        """Take an item; False where it is none of this table."""
        try:
            item = check_item(raw)
            if self._keys.key(item) != key:
                return False
        except (DynafileError, ValueError, TypeError):
            return False
        definition, operations = self._definition, self._operations
        operations.append((PUT, definition.items, key, raw))
        if definition.expiry is not None and definition.ttl_attribute is not None:
            expiry = expiry_of(item, definition.ttl_attribute)
            if expiry is not None:
                operations.append((PUT, definition.expiry, expiry_key(expiry, key), b""))
        made = self._maker.of_old(raw, key)
        for index, entry in zip(self._maker.indexes, made, strict=True):
            if entry is not None:
                operations.append((PUT, index.entries, *entry))
        self._items += 1
        self._size += len(raw)
        if self._size >= _COMMIT_BYTES or self._items >= _COMMIT_ITEMS:
            self.flush()
        return True

    def flush(self) -> None:
        """Commit what was taken."""
        operations, self._operations = self._operations, []
        self._items = self._size = 0
        if operations:
            self._store.commit(operations, self._version, durable=False)
