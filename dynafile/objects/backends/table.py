"""Objects in a table of Dynafile's: a folder on disk, or memory.

Every write is a transaction, with its index entries; ``object_items`` is the layout. What has
expired is hidden from every read, and removed a little with each write that has a time to live.
(The table's own TTL would let every write look at what it replaces in the table.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from dynafile import Key, Table, Transaction
from dynafile.errors import FolderNotEmpty, ObjectNotFound
from dynafile.locked import Items, run_locked
from dynafile.objects.backend import (
    ANY_VERSION,
    MTIME,
    AnyVersion,
    Backend,
    BackendTransaction,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    WriteOptions,
    check_version,
    is_a_folder,
    is_an_object,
    no_folder,
    no_object,
)
from dynafile.objects.backends.object_items import (
    CONTENTS,
    CTIME,
    EXPIRES,
    FOLDER,
    PARTITION_KEY,
    SORT_KEY,
    SWEPT,
    UNTIMED,
    VALUES,
    Item,
    digits,
    entries_of,
    entry_keys,
    entry_of,
    is_gone,
    item_key,
    partition,
    stored_of,
    sweep_key,
    swept_path,
    version_of,
)
from dynafile.objects.paths import ROOT, child

__all__ = ["MAX_OBJECT_BYTES", "TableBackend"]

MAX_OBJECT_BYTES: Final = (16 << 20) - 65536
"""An item of 16 MiB, less what is in it beside the contents."""

_AT_ONCE: Final = 500
_SWEPT_AT_ONCE: Final = 20
_ATTEMPTS: Final = 1000
_SECOND: Final = 1_000_000_000
_LISTED: Final = f"{FOLDER}, {EXPIRES}"
_VALUES_NAMED: Final = {"#values": VALUES}
"""``values`` is a reserved word of expressions."""

T = TypeVar("T")


class TableBackend(Backend):
    """Objects in a table; everything but a folder of many objects is removed at once."""

    def __init__(
        self, table: Table, *, timed: bool = True, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Use a table; without ``timed`` there is no index by time."""
        self.features = Features(
            index=True,
            ordered=True,
            expiry=True,
            conditions=True,
            transactions=True,
            max_bytes=MAX_OBJECT_BYTES,
        )
        self.table = table
        self._timed = timed
        self._clock = clock
        self._get = table.get_item

    def read(self, path: str, known: str | None = None) -> Stored | None:
        """Return an object, or None."""
        folder, _, name = path.rpartition("/")
        item = self._get(key={"PK": folder or "/", "SK": name})
        if item is None or "folder" in item:
            return None
        if "expires" in item and is_gone(item, self._clock()):
            return None
        return stored_of(item, path)

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path."""
        found = {path: self.read(path) for path in paths}
        return {path: stored for path, stored in found.items() if stored is not None}

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there."""
        if path == ROOT:
            return Kind.FOLDER
        item = self._get(key=item_key(path), projection_expression=_LISTED)
        if item is None or is_gone(item, self._clock()):
            return None
        return Kind.FOLDER if FOLDER in item else Kind.OBJECT

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        version = run_locked(self.table, partial(self._write, path, data, options))
        if options.ttl is not None:
            self._sweep()
        return version

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects, all or none."""

        def body(transaction: Transaction) -> dict[str, str]:
            return {
                path: self._write(path, data, options, transaction)
                for path, data in objects.items()
            }

        versions = self._run(body)
        if options.ttl is not None:
            self._sweep()
        return versions

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none."""
        run_locked(self.table, partial(self._delete, path, if_match))

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        run_locked(self.table, partial(self._make_folders, path))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""

        def body(transaction: Transaction) -> None:
            self._check_folder(transaction.get_item(key=item_key(path)), path)
            now = self._clock()
            for item in transaction.query(path):
                if not is_gone(item, now):
                    raise FolderNotEmpty(f"Directory {path} is not empty", key=path)
                self._take(transaction, child(path, item[SORT_KEY]), item)
            transaction.delete_item(key=item_key(path))

        self._run(body)

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it, some hundred objects at a time."""
        if path != ROOT:
            self._check_folder(self._get(key=item_key(path)), path)
        self._empty(path, progress)
        while path != ROOT:
            try:
                self.remove_folder(path)
                break
            except FolderNotEmpty:  # somebody has written into it meanwhile
                self._empty(path, progress)

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order."""
        now, some = self._clock(), False
        for item in self.table.query(path, projection_expression=f"{SORT_KEY}, {_LISTED}"):
            if not is_gone(item, now):
                some = True
                yield Name(item[SORT_KEY], FOLDER in item)
        if not some and self.kind(path) is Kind.OBJECT:
            raise is_an_object(path)

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder in the order of an index."""
        condition: Any = Key(PARTITION_KEY).eq(partition(order.index, path))
        if order.since is not None or order.until is not None:
            low = "0" if order.since is None else digits(order.since)
            high = ":" if order.until is None else f"{digits(order.until)}0"  # 0 comes after /
            condition &= Key(SORT_KEY).between(low, high)
        found = self.table.query(
            key_condition_expression=condition, scan_index_forward=not order.descending
        )
        now = self._clock()
        alive = (entry_of(item) for item in found if not is_gone(item, now))
        return islice(alive, order.limit)

    def index_values(self, path: str) -> dict[str, int]:
        """Return an object's index values by name."""
        item = self._get(
            key=item_key(path),
            projection_expression=f"#values, {EXPIRES}",
            expression_attribute_names=_VALUES_NAMED,
        )
        if item is None or is_gone(item, self._clock()):
            return {}
        return {name: int(value) for name, value in item.get(VALUES, {}).items()}

    def reindex(self, path: str) -> int:
        """Index the objects of a folder that were written without times; return how many."""
        count = 0
        for name, is_folder in list(self.list(path, _AT_ONCE)):
            if not is_folder:
                count += self._run(partial(self._index_times, child(path, name)))
        return count

    @contextmanager
    def transaction(self) -> Iterator[BackendTransaction]:
        """Begin what is written at the end of the ``with`` block, all or nothing."""
        with self.table.transaction() as transaction:
            yield _TableTransaction(self, transaction)

    def close(self) -> None:
        """Close the table."""
        self.table.close()

    def _run(self, body: Callable[[Transaction], T]) -> T:
        return self.table.run_transaction(body, attempts=_ATTEMPTS)

    def _write(self, path: str, data: bytes, options: WriteOptions, items: Items) -> str:
        key = item_key(path)
        found = old = items.get_item(key=key)
        now = self._clock()
        if old is not None:
            if "folder" in old:
                raise is_a_folder(path)
            if "expires" in old and is_gone(old, now):
                old = None
        if options.if_match is not ANY_VERSION:
            check_version(path, None if old is None else version_of(old), options.if_match)
        if found is not None:
            self._take_entries(items, path, found)
        elif key["PK"] != ROOT:  # what is there is in folders: none goes before what is in it
            self._make_folders(key["PK"], items)
        item = self._item(key, data, old, options, now)
        items.put_item(item=item)
        for entry in entries_of(item):
            items.put_item(item=entry)
        if "expires" in item:
            items.put_item(item=sweep_key(path, item["expires"]))
        return version_of(item)

    def _item(
        self, key: Item, data: bytes, old: Item | None, options: WriteOptions, now: int
    ) -> Item:
        if old is None:
            item = {**key, CONTENTS: data, MTIME: now, CTIME: now}
            values = options.index
        else:
            mtime = max(now, old["mtime"] + 1)
            item = {**key, CONTENTS: data, MTIME: mtime, CTIME: old["ctime"]}
            values = options.index
            if VALUES in old:
                values = {**old[VALUES], **values}
        if values:
            kept = {name: value for name, value in values.items() if value is not None}
            if kept:
                item[VALUES] = kept
        if options.ttl is not None:
            item[EXPIRES] = now + int(options.ttl * _SECOND)
        if not self._timed:
            item[UNTIMED] = True
        return item

    def _make_folders(self, path: str, items: Items) -> None:
        while path != ROOT:
            key = item_key(path)
            found = items.get_item(key=key)
            if found is not None:
                if FOLDER in found:
                    return  # and so are those that it is in
                raise is_an_object(path)
            items.put_item(item={**key, FOLDER: True})
            path = key[PARTITION_KEY]

    def _delete(self, path: str, if_match: str | AnyVersion, items: Items) -> None:
        item = items.get_item(key=item_key(path))
        if item is None or FOLDER in item or is_gone(item, self._clock()):
            raise no_object(path)
        check_version(path, version_of(item), if_match)
        self._take(items, path, item)

    def _take(self, items: Items, path: str, item: Item) -> None:
        items.delete_item(key=item_key(path))
        self._take_entries(items, path, item)

    def _take_entries(self, items: Items, path: str, item: Item) -> None:
        for gone in entry_keys(item):
            items.delete_item(key=gone)
        if "expires" in item:
            items.delete_item(key=sweep_key(path, item["expires"]))

    def _sweep(self) -> None:
        """Remove some of what has expired."""
        now = self._clock()
        condition = Key(PARTITION_KEY).eq(SWEPT) & Key(SORT_KEY).lt(digits(now))
        found = self.table.query(key_condition_expression=condition)
        paths = [swept_path(item) for item in islice(found, _SWEPT_AT_ONCE)]

        def body(transaction: Transaction) -> None:
            for path in paths:
                item = transaction.get_item(key=item_key(path))
                if item is not None and is_gone(item, now):
                    self._take(transaction, path, item)

        if paths:
            self._run(body)

    def _empty(self, path: str, progress: Progress) -> None:
        while names := list(islice(self.list(path, _AT_ONCE), _AT_ONCE)):
            for name, is_folder in names:
                if is_folder:
                    below = child(path, name)
                    self._empty(below, progress)
                    try:
                        self.remove_folder(below)
                    except (FolderNotEmpty, ObjectNotFound):
                        continue  # somebody else is at work there
            objects = [child(path, name) for name, is_folder in names if not is_folder]
            progress(self._run(partial(self._delete_all, objects)))

    def _delete_all(self, paths: Sequence[str], transaction: Transaction) -> int:
        count = 0
        for path in paths:
            item = transaction.get_item(key=item_key(path))
            if item is not None and FOLDER not in item:
                self._take(transaction, path, item)
                count += 1
        return count

    def _index_times(self, path: str, transaction: Transaction) -> int:
        item = transaction.get_item(key=item_key(path))
        if item is None or item.pop(UNTIMED, None) is None:
            return 0
        transaction.put_item(item=item)
        transaction.put_item(item=entries_of(item)[0])
        return 1

    def _check_folder(self, item: Item | None, path: str) -> None:
        if item is None or FOLDER not in item:
            raise no_folder(path)


class _TableTransaction(BackendTransaction):
    """A transaction of the table."""

    def __init__(self, backend: TableBackend, transaction: Transaction) -> None:
        self._backend = backend
        self._transaction = transaction

    def read(self, path: str) -> Stored | None:
        item = self._transaction.get_item(key=item_key(path))
        if item is None or FOLDER in item or is_gone(item, self._backend._clock()):
            return None
        return stored_of(item, path)

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        return self._backend._write(path, data, options, self._transaction)

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        self._backend._delete(path, if_match, self._transaction)
