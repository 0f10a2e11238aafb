"""``redis://host:port``: objects in Redis, in the layout of KYDB 1.1, or in a Redis Cluster.

A write of an object, with its folders, times and index values, is one request that Redis does at
once: no reader sees a half of it, and no crash leaves one. In a cluster that holds for each
object, and not for the folders that are made for it (`redis_cluster`). What KYDB wrote is read,
and it may go on beside; it shows the names of objects that have expired until a listing here has
tidied them away.

The version of an object is a digest of its bytes: who writes the same again makes the same version.
Redis 5 or newer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from dynafile.errors import (
    FolderNotEmpty,
    NotSupportedByStore,
    ObjectNotFound,
    StoreNotReachable,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    UNCHANGED,
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
    Unchanged,
    WriteOptions,
    is_an_object,
    no_folder,
)
from dynafile.objects.backends.redis_access import Access, access_to, password_of
from dynafile.objects.backends.redis_cluster import ClusterWrites, kind_of
from dynafile.objects.backends.redis_layout import entry, in_folder
from dynafile.objects.backends.redis_line import (
    MAX_OBJECT_BYTES,
    Line,
    check_installed,
    connected,
)
from dynafile.objects.backends.redis_queries import AGAIN, names_of, query, untimed, values_of
from dynafile.objects.backends.redis_transactions import RedisTransaction
from dynafile.objects.backends.redis_writes import ServerWrites, Writes, version_of
from dynafile.objects.paths import MARKER, ROOT

if TYPE_CHECKING:
    from dynafile.objects.configuration import Configuration, Settings
    from dynafile.objects.urls import Single

__all__ = ["RedisBackend", "identity", "open_backend"]

_COMPARED_THERE: Final = range(64 << 10, 4 << 20)
"""Sizes of objects that are not sent again if they are still what the caller has."""

_NAMES: Final = 1000

_ATTEMPTS: Final = 100
"""To remove a folder that others write into."""


def identity(place: Single, settings: Settings) -> tuple[object, ...]:
    """Return what is the same for all URLs of one store."""
    configuration = settings.configuration
    return access_to(place, settings), repr(configuration.password), configuration.timed


def open_backend(place: Single, settings: Settings) -> RedisBackend:
    """Connect; a server that is not there is asked again when it is used."""
    access = access_to(place, settings)
    check_installed()
    return RedisBackend(access, settings.configuration)


@dataclass(frozen=True, slots=True)
class _Open:
    line: Line
    writes: Writes


class RedisBackend(Backend):
    """Objects in a Redis server, or in a cluster, which it finds out by itself."""

    def __init__(self, access: Access, configuration: Configuration) -> None:
        """Connect to it, if it is there."""
        self._access = access
        self._configuration = configuration
        self._lock = Lock()
        self._open: _Open | None = None
        self._closed = False
        try:
            cluster = self._now().line.cluster
        except StoreNotReachable:
            cluster = False
        self.features = Features(
            index=True,
            ordered=True,
            expiry=True,
            conditions=True,
            transactions=not cluster,
            remote=True,
            max_bytes=MAX_OBJECT_BYTES,
        )

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, or None; a large one is compared by Redis with the version known."""
        now = self._now()
        key = in_folder(now.writes.layout, path)
        if known is not None and int(known.partition("-")[2] or "0", 16) in _COMPARED_THERE:
            data = now.line.ask({"ask": "read", "at": key, "known": known}, key)
            if data == 1:
                return UNCHANGED
        else:
            data = now.line.get(key)
        if data is None:
            return None
        version = version_of(data)
        return UNCHANGED if version == known else Stored(data, version)

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path, some hundred a request."""
        now = self._now()
        keys = [in_folder(now.writes.layout, path) for path in paths]
        return {
            path: Stored(data, version_of(data))
            for path, data in zip(paths, now.line.get_many(keys), strict=True)
            if data is not None
        }

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there."""
        if path == ROOT:
            return Kind.FOLDER
        now = self._now()
        asked = entry(now.writes.layout, path)
        return kind_of(now.line.ask({"ask": "kind", **asked}, asked["folder"]["names"]))

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        self._now().writes.write(path, data, options)
        return version_of(data)

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects, all or none; in a cluster so for each folder."""
        if objects:
            self._now().writes.write_many(objects, options)
        return {path: version_of(data) for path, data in objects.items()}

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none."""
        self._now().writes.delete(path, if_match)

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        self._now().writes.make_folder(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""
        self._now().writes.remove_folder(path)

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it, some hundred objects of a folder at a time."""
        if self.kind(path) is not Kind.FOLDER:
            raise no_folder(path)
        writes = self._now().writes
        for _ in range(_ATTEMPTS):
            if self._remove_once(writes, path, progress):
                return
        raise FolderNotEmpty(f"Directory {path} is not empty: others write into it", key=path)

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order."""
        now = self._now()
        folder = now.writes.layout(path)
        request: dict[str, Any] = {"ask": "list", "folder": folder, "count": max(page_size, _NAMES)}
        found: set[Name] = set()
        cursor = b""
        while cursor != b"0":
            reply = now.line.ask({**request, "cursor": cursor.decode() or "0"}, folder["names"])
            if reply == b"object":
                raise is_an_object(path)
            if reply == AGAIN:
                continue
            cursor, names = reply
            found.update(
                Name(name.removeprefix(MARKER), name.startswith(MARKER)) for name in names_of(names)
            )
        if not found and now.line.cluster and self.kind(path) is Kind.OBJECT:
            raise is_an_object(path)
        yield from sorted(found)

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder in the order of an index."""
        now = self._now()
        return query(now.line, now.writes.layout(path), order)

    def index_values(self, path: str) -> dict[str, int]:
        """Return an object's index values by name."""
        now = self._now()
        return values_of(now.line, entry(now.writes.layout, path))

    def reindex(self, path: str) -> int:
        """Give a time to the objects of a folder that have none, and return how many had none."""
        now = self._now()
        return sum(1 for _ in untimed(now.line, now.writes.layout(path), time.time_ns()))

    @contextmanager
    def transaction(self) -> Iterator[BackendTransaction]:
        """Begin what is written at the end of the ``with`` block, all or nothing."""
        writes = self._now().writes
        if not isinstance(writes, ServerWrites):
            raise NotSupportedByStore(
                f"{self._access.shown} is a cluster, which has no transactions: use if_match"
            )
        transaction = RedisTransaction(self, writes)
        yield transaction
        transaction.commit()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._closed = True
            if self._open is not None:
                self._open.line.close()

    def _remove_once(self, writes: Writes, path: str, progress: Progress) -> bool:
        left = [path]
        emptied = []
        while left:
            folder = left.pop()
            found = writes.empty(folder, progress)
            left += found.below
            if not found.gone and folder != ROOT:
                emptied.append(folder)
        for folder in reversed(emptied):  # each after those that are in it
            try:
                writes.remove_folder(folder)
            except ObjectNotFound:
                continue  # somebody else is at work there
            except FolderNotEmpty:
                if folder == path:
                    return False
        return True

    def _now(self) -> _Open:
        found = self._open
        if found is None:
            with self._lock:
                found = self._open = self._open or self._connected()
        return found

    def _connected(self) -> _Open:
        password = password_of(self._access, self._configuration)
        line = connected(self._access, password)
        clock = time.time_ns if self._configuration.timed else None
        return _Open(
            line, ClusterWrites(line, clock) if line.cluster else ServerWrites(line, clock)
        )
