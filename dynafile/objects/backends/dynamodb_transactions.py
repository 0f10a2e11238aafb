"""Transactions on DynamoDB: reads as they come, and one request at the end that writes and checks.

What was read is compared, by its time and its bytes, in the request that writes. DynamoDB takes a
hundred writes and checks at once, with 4 MB: an object that is read or changed is one of them, a
new one and each folder that is missing are two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dynafile.errors import LimitExceeded, TransactionConflict
from dynafile.objects.backend import (
    ANY_VERSION,
    AnyVersion,
    BackendTransaction,
    Stored,
    WriteOptions,
    check_version,
    is_a_folder,
    is_an_object,
    no_object,
)
from dynafile.objects.backends.dynamodb_items import (
    CONTENTS,
    MTIME_ATTRIBUTE,
    TTL,
    Item,
    Request,
    Written,
    as_it_was,
    check_index,
    delete_object,
    is_expired,
    marker_of,
    not_there,
    number,
    stored,
)
from dynafile.objects.backends.dynamodb_table import ATTEMPTS, Conflict, TableRequests, pause
from dynafile.objects.backends.dynamodb_writes import looked_at, missing_folders
from dynafile.objects.paths import ancestors

__all__ = ["TableTransaction"]

_MOST_REQUESTS: Final = 100
_MOST_BYTES: Final = 4_000_000
_OBJECT: Final = (CONTENTS, MTIME_ATTRIBUTE, TTL)


class TableTransaction(BackendTransaction):
    """What a ``with`` block has read, and is going to write at its end; of one thread."""

    def __init__(self, table: TableRequests, *, timed: bool, clock: Callable[[], int]) -> None:
        self._table = table
        self._timed = timed
        self._clock = clock
        self._seen: dict[str, Item | None] = {}
        self._written: dict[str, Written] = {}
        self._deleted: set[str] = set()

    def read(self, path: str) -> Stored | None:
        """Return an object as it was at the first read, or as it was written here."""
        written = self._written.get(path)
        if written is not None:
            return Stored(written.data, written.version(self._seen.get(path)))
        if path in self._deleted:
            return None
        if path not in self._seen:
            self._seen[path] = self._alive(self._table.get(path, _OBJECT))
        item = self._seen[path]
        return None if item is None else stored(item, path)

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write at the end, and return the version that the object has then."""
        check_index(options)
        if options.if_match is not ANY_VERSION or not self._timed:
            found = self.read(path)
            check_version(path, None if found is None else found.version, options.if_match)
        for other in self._written:
            if other.startswith(f"{path}/"):
                raise is_a_folder(path)
            if path.startswith(f"{other}/"):
                raise is_an_object(other)
        time, index = self._clock(), options.index
        before = self._written.get(path)
        if before is not None:
            time, index = max(time, before.time + 1), {**before.options.index, **index}
        old = self._seen.get(path)
        if old is not None:
            time = max(time, (number(old, MTIME_ATTRIBUTE) or 0) + 1)
        options = WriteOptions(index, ANY_VERSION, options.ttl)
        written = Written(path, data, options, time, self._timed)
        written.check_size()
        self._written[path] = written
        return written.version(old)

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete at the end; raises ObjectNotFound now."""
        found = self.read(path)
        if found is None:
            raise no_object(path)
        check_version(path, found.version, if_match)
        self._written.pop(path, None)
        if self._seen.get(path) is not None:
            self._deleted.add(path)

    def commit(self) -> None:
        """Write all or, with TransactionConflict, PathTaken or LimitExceeded, nothing."""
        for attempt in range(ATTEMPTS):
            requests = self._requests()
            if len(requests) > _MOST_REQUESTS or self._size() > _MOST_BYTES:
                raise LimitExceeded(
                    f"the transaction has {len(requests)} reads, writes and checks and "
                    f"{self._size()} bytes: DynamoDB takes {_MOST_REQUESTS}, and 4 MB"
                )
            try:
                if self._written or self._deleted:
                    self._table.write_together(requests)
            except Conflict:
                pause(attempt)
            else:
                return
        raise TransactionConflict(f"the transaction met another one {ATTEMPTS} times: run it again")

    def _requests(self) -> list[Request]:
        """Look at what is there now, and return what is to be done to it."""
        folders = {folder for path in self._written for folder in ancestors(path)}
        markers = map(marker_of, self._written)
        found = {
            path: item
            for path, item in self._table.get_many(
                [*self._seen, *self._written, *markers, *looked_at(folders)], _OBJECT
            ).items()
            if self._alive(item) is not None
        }
        for path, seen in self._seen.items():
            if _version(found.get(path), path) != _version(seen, path):
                raise TransactionConflict(
                    f"{path} has been written since the transaction read it: run it again"
                )
        now = self._clock()
        there = {path: item for path, item in found.items() if path not in self._deleted}
        requests = missing_folders(there, folders, self._clock, self._deleted)
        for path, written in self._written.items():
            old = found.get(path)
            if old is None:
                if marker_of(path) in found:
                    raise is_a_folder(path)
                requests += written.new(), not_there(marker_of(path))
            elif path in self._deleted:
                requests.append(written.instead(old))
            else:
                requests.append(written.changed(old, exactly=path in self._seen))
        requests += (
            delete_object(path, now, self._seen[path])
            for path in self._deleted
            if path not in self._written
        )
        made = {folder for folder in folders if marker_of(folder) not in found}
        checked = self._seen.keys() - self._written.keys() - self._deleted - made
        return requests + [as_it_was(path, self._seen[path], now) for path in sorted(checked)]

    def _size(self) -> int:
        return sum(len(written.data) for written in self._written.values())

    def _alive(self, item: Item | None) -> Item | None:
        return None if item is None or is_expired(item, self._clock) else item


def _version(item: Item | None, path: str) -> str | None:
    return None if item is None else stored(item, path).version
