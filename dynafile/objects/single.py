"""A store of objects on one backend, seen from a base path."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from threading import Lock
from typing import Any, Final

from dynafile.errors import (
    IndexNotSupported,
    InvalidObjectKey,
    NotSupportedByStore,
    ObjectTooLarge,
    PathTaken,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    MTIME,
    UNCHANGED,
    AnyVersion,
    Backend,
    BackendTransaction,
    Entry,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    Unchanged,
    WriteOptions,
)
from dynafile.objects.codec import Codec
from dynafile.objects.paths import MAX_PATH_BYTES, ROOT, ancestors, under
from dynafile.objects.primitives import Found
from dynafile.objects.queries import GONE
from dynafile.objects.store import ObjectStore
from dynafile.objects.transactions import ObjectTransaction

__all__ = ["SingleStore", "View"]

_MOST_KEPT_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class View:
    """How a connection sees a backend."""

    name: str
    """Of the store, as in its URL."""
    base: str = ROOT
    timed: bool = True
    """There is an index by time, and times are shown."""
    expire: float | None = None
    """Seconds that objects live if ``set`` does not say."""
    read_only: bool = False


class SingleStore(ObjectStore):
    """A store on one backend."""

    def __init__(
        self, url: str, backend: Backend, codec: Codec, view: View, release: Callable[[], None]
    ) -> None:
        """Use a backend; ``release`` is called once when the store is closed."""
        super().__init__(url)
        self.backend: Final = backend
        self.features = backend.features
        if view.read_only:
            self.features = replace(backend.features, writable=False)
        self._forks = backend.forks
        self.db_name: Final = view.name
        self.base_path: Final = view.base
        self._codec = codec
        self._view = view
        self._base = "" if view.base == ROOT else view.base
        self._release = release
        self._bytes = _KeptBytes() if backend.features.remote else None

    def close(self) -> None:
        """Let go of the store; ``connect`` opens it anew."""
        if not self.closed:
            super().close()
            self._release()

    @contextmanager
    def transaction(self) -> Iterator[ObjectTransaction]:
        """Begin a ``with`` block whose writes are made at its end, all or none."""
        self._check_open()
        if not self.features.transactions:
            raise self._cannot("run transactions: set(if_match=) guards one object")
        session = _Session(self)
        with self.backend.transaction() as session.inner:
            yield ObjectTransaction(session)
        for path, value, version in session.written:
            self._wrote(path, value, version)

    def _fetch(self, path: str, known: str | None, *, reload: bool) -> Found | Unchanged | None:
        if self.closed:
            self._check_open()
        path = self._base + path
        kept = None if self._bytes is None or reload else self._bytes.get(path)
        stored = self.backend.read(path, known if kept is None else kept.version)
        if stored is None:
            if kept is not None:
                self._drop(path)
            return None
        if stored is UNCHANGED:
            if kept is None:
                return UNCHANGED
            stored = kept
        if stored.version == known:
            return UNCHANGED
        if self._bytes is not None and stored is not kept:
            self._bytes.put(path, stored)
        return Found(self._codec.decode(stored.data, path), stored.version)

    def _fetch_many(self, paths: list[str]) -> dict[str, Found]:
        whole = {self._base + path: path for path in paths}
        found = self.backend.read_many(list(whole))
        return {
            whole[path]: Found(self._codec.decode(stored.data, path), stored.version)
            for path, stored in found.items()
        }

    def _store(self, path: str, value: Any, options: WriteOptions) -> str:
        path = self._base + path
        options = self._checked(options)
        data = self._encoded(path, value)
        if self._bytes is None:
            return self.backend.write(path, data, options)
        try:
            version = self.backend.write(path, data, options)
        except BaseException:
            self._drop(path)
            raise
        self._bytes.put(path, Stored(data, version))
        return version

    def _store_many(self, values: dict[str, Any], options: WriteOptions) -> dict[str, str]:
        options = self._checked(options)
        objects = {}
        for path, value in values.items():
            whole = self._base + path
            objects[whole] = self._encoded(whole, value)
        for path in objects:
            for folder in ancestors(path):
                if folder in objects:
                    raise PathTaken(
                        f"{folder} cannot be an object and a folder, and {path} is to be in it",
                        key=folder,
                    )
        for path in objects:
            self._drop(path)
        cut = len(self._base)
        written = self.backend.write_many(objects, options)
        return {path[cut:]: version for path, version in written.items()}

    def _remove(self, path: str, if_match: str | AnyVersion) -> None:
        if if_match is not ANY_VERSION and not self.features.conditions:
            raise self._cannot("compare versions: leave if_match out")
        self._check_writable()
        self._drop(self._base + path)
        self.backend.delete(self._base + path, if_match)

    def _kind(self, path: str) -> Kind | None:
        return self.backend.kind(under(self.base_path, path))

    def _make_folder(self, path: str) -> None:
        self._check_writable()
        self.backend.make_folder(self._within(self._base + path))

    def _remove_folder(self, path: str) -> None:
        self._check_writable()
        self.backend.remove_folder(self._base + path)

    def _remove_tree(self, path: str, progress: Progress) -> None:
        self._check_writable()
        whole = under(self.base_path, path)
        if self._bytes is not None:
            self._bytes.clear()
        if path != ROOT or whole == ROOT:
            self.backend.remove_tree(whole, progress)
        elif self.backend.kind(whole) is Kind.FOLDER:
            # The base path stays, as the root does.
            self.backend.remove_tree(whole, progress)
            self.backend.make_folder(whole)

    def _list(self, path: str, page_size: int) -> Iterator[Name]:
        return self.backend.list(under(self.base_path, path), page_size)

    def _entries(self, path: str, order: Order) -> Iterator[Entry]:
        whole = under(self.base_path, path)
        if self._view.timed:
            return self.backend.entries(whole, order)
        if order.index == MTIME:
            raise self._untimed()
        found = self.backend.entries(whole, order)
        return (replace(entry, mtime=0, ctime=0) for entry in found)

    def _index_values(self, path: str) -> dict[str, int]:
        return self.backend.index_values(self._base + path)

    def _reindex(self, path: str) -> int:
        if not self._view.timed:
            raise self._untimed()
        if self._view.read_only:
            self._check_writable()
        return self.backend.reindex(under(self.base_path, path))

    def _refresh(self, path: str | None) -> None:
        if path is not None:
            self._drop(self._base + path)
        elif self._bytes is not None:
            self._bytes.clear()

    def _encoded(self, path: str, value: Any) -> bytes:
        data = self._codec.encode(value, self._within(path))
        limit = self.features.max_bytes
        if limit is not None and len(data) > limit:
            raise ObjectTooLarge(
                f"{path} takes {len(data)} bytes, and {self.url} takes {limit} an object: split it",
                size=len(data),
                limit=limit,
            )
        return data

    def _within(self, path: str) -> str:
        if self._base and len(path.encode()) > MAX_PATH_BYTES:
            raise InvalidObjectKey(
                f"{path[:60]}... has over {MAX_PATH_BYTES} bytes with the base path before it",
                key=path,
            )
        return path

    def _checked(self, options: WriteOptions) -> WriteOptions:
        if not self.features.writable:
            self._check_writable()
        if options.index and not self.features.index:
            raise IndexNotSupported(
                f"{self!r} keeps no index values: leave index= out, or use a store that does"
            )
        if options.if_match is not ANY_VERSION and not self.features.conditions:
            raise self._cannot("compare versions: leave if_match out")
        if options.ttl is not None and not self.features.expiry:
            raise self._cannot("let objects expire: leave ttl out")
        if options.ttl is None and self._view.expire is not None:
            return replace(options, ttl=self._view.expire)
        return options

    def _check_writable(self) -> None:
        self._check_open()
        if not self.features.writable:
            raise self._cannot("be written to: it is read-only")

    def _cannot(self, what: str) -> NotSupportedByStore:
        return NotSupportedByStore(f"{self!r} cannot {what}")

    def _untimed(self) -> IndexNotSupported:
        return IndexNotSupported(
            f"The mtime index is disabled for {self.db_name} (mtime-index: false in the kydb "
            "config), so folder()/recent() have no timestamps to order by"
        )

    def _drop(self, path: str) -> None:
        if self._bytes is not None:
            self._bytes.drop(path)


class _Session:
    """Values in a transaction of the backend."""

    inner: BackendTransaction

    def __init__(self, store: SingleStore) -> None:
        self._store = store
        self.written: list[tuple[str, Any, str]] = []

    def read(self, path: str) -> Any:
        whole = self._store._base + path
        stored = self.inner.read(whole)
        if stored is None:
            return GONE
        found = Found(self._store._codec.decode(stored.data, whole), stored.version)
        return self._store._made(path, found)

    def write(self, path: str, value: Any, options: WriteOptions) -> None:
        store = self._store
        whole = store._base + path
        options = store._checked(options)
        data = store._encoded(whole, store._state_to_write(path, value))
        self.written.append((path, value, self.inner.write(whole, data, options)))

    def delete(self, path: str, if_match: str | AnyVersion) -> None:
        self._store._check_writable()
        self.inner.delete(self._store._base + path, if_match)


class _KeptBytes:
    """What was read from a server, the latest; it is asked each time whether that is so still."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Stored] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, path: str) -> Stored | None:
        with self._lock:
            found = self._kept.get(path)
            if found is not None:
                self._kept.move_to_end(path)
            return found

    def put(self, path: str, stored: Stored) -> None:
        with self._lock:
            self._take(path)
            self._kept[path] = stored
            self._size += len(stored.data)
            while self._size > _MOST_KEPT_BYTES and len(self._kept) > 1:
                self._take(next(islice(self._kept, 1)))

    def drop(self, path: str) -> None:
        with self._lock:
            self._take(path)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0

    def _take(self, path: str) -> None:
        found = self._kept.pop(path, None)
        if found is not None:
            self._size -= len(found.data)
