"""Transactions on one Redis server: what was read is compared by the script that writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dynafile.objects.backend import (
    ANY_VERSION,
    AnyVersion,
    Backend,
    BackendTransaction,
    Stored,
    WriteOptions,
    check_version,
    no_object,
)
from dynafile.objects.backends.redis_writes import Change, ServerWrites, version_of

__all__ = ["RedisTransaction"]


class RedisTransaction(BackendTransaction):
    """Keeps what it is to write, and writes it at the end if what it has read is so still."""

    def __init__(self, backend: Backend, writes: ServerWrites) -> None:
        self._backend: Final = backend
        self._writes: Final = writes
        self._read: dict[str, Stored | None] = {}
        self._put: dict[str, tuple[bytes, WriteOptions]] = {}
        self._deleted: set[str] = set()

    def read(self, path: str) -> Stored | None:
        """Return an object as the transaction sees it, or None."""
        written = self._put.get(path)
        if written is not None:
            return Stored(written[0], version_of(written[0]))
        if path in self._deleted:
            return None
        if path not in self._read:
            found = self._backend.read(path)
            self._read[path] = found if isinstance(found, Stored) else None
        return self._read[path]

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, as ``Backend.write`` does."""
        if options.if_match is not ANY_VERSION:
            found = self.read(path)
            check_version(path, None if found is None else found.version, options.if_match)
        index = options.index
        if path in self._put:
            index = {**self._put[path][1].index, **index}
        self._put[path] = data, replace(options, index=index, if_match=ANY_VERSION)
        return version_of(data)

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object, as ``Backend.delete`` does."""
        found = self.read(path)
        if found is None:
            raise no_object(path)
        check_version(path, found.version, if_match)
        self._put.pop(path, None)
        self._deleted.add(path)

    def commit(self) -> None:
        """Do it, or raise TransactionConflict."""
        reads = {
            path: None if found is None else found.version for path, found in self._read.items()
        }
        deletes: dict[str, str | AnyVersion] = dict.fromkeys(self._deleted, ANY_VERSION)
        if reads or deletes or self._put:
            change = Change(reads, deletes, puts=self._put, lenient=True)
            self._writes.commit(change)
