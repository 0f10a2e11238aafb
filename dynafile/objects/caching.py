"""A store behind a cache: reads through, writes both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from dynafile.errors import DynafileError
from dynafile.objects.backend import (
    ANY_VERSION,
    UNCHANGED,
    AnyVersion,
    Entry,
    Kind,
    Name,
    Order,
    Progress,
    Unchanged,
    WriteOptions,
)
from dynafile.objects.paths import ROOT
from dynafile.objects.primitives import Found
from dynafile.objects.store import ObjectStore

__all__ = ["CacheStore"]

_IN_CACHE: Final = WriteOptions()


class CacheStore(ObjectStore):
    """A store, and one before it that is quicker to read.

    What the cache has is believed until it expires (``?expire=60`` in the cache's URL), is written
    through this store, or is read with ``reload``: other writers of the store behind are not seen
    before. Folders, index values and ``exists`` are those of the store behind.
    """

    def __init__(
        self, url: str, cache: ObjectStore, persist: ObjectStore, release: Callable[[], None]
    ) -> None:
        """Put a cache before a store; ``release`` is called once when both are closed."""
        super().__init__(url)
        self.cache_db: Final = cache
        self.persist_db: Final = persist
        self._release = release
        self.features = persist.features
        self._forks = cache._forks and persist._forks

    def close(self) -> None:
        """Let go of it, and of those of the two that nobody else is connected to."""
        if not self.closed:
            super().close()
            self._release()

    def _fetch(self, path: str, known: str | None, *, reload: bool) -> Found | Unchanged | None:
        self._check_open()
        place, _, version = (known or "").partition(":")
        if not reload:
            found = self.cache_db._fetch(path, version if place == "c" else None, reload=False)
            if found is UNCHANGED:
                return UNCHANGED
            if isinstance(found, Found):
                return Found(found.value, f"c:{found.version}")
        found = self.persist_db._fetch(path, None, reload=reload)
        if not isinstance(found, Found):
            if reload:
                self._uncache(path)
            return None
        return self._cached(path, found)

    def _version(self, path: str) -> str | None:
        return self.persist_db._version(path)

    def _fetch_many(self, paths: list[str]) -> dict[str, Found]:
        found = {
            path: Found(each.value, f"c:{each.version}")
            for path, each in self.cache_db._fetch_many(paths).items()
        }
        left = [path for path in paths if path not in found]
        for path, each in self.persist_db._fetch_many(left).items() if left else ():
            found[path] = self._cached(path, each)
        return found

    def _store(self, path: str, value: Any, options: WriteOptions) -> str:
        version = self.persist_db._store(path, value, options)
        return self._cached(path, Found(value, version), options.ttl).version

    def _store_many(self, values: dict[str, Any], options: WriteOptions) -> dict[str, str]:
        written = self.persist_db._store_many(values, options)
        return {
            path: self._cached(path, Found(values[path], version), options.ttl).version
            for path, version in written.items()
        }

    def _cached(self, path: str, found: Found, ttl: float | None = None) -> Found:
        options = _IN_CACHE if ttl is None else replace(_IN_CACHE, ttl=ttl)
        try:
            return Found(found.value, f"c:{self.cache_db._store(path, found.value, options)}")
        except DynafileError:
            # What the cache cannot take (too large, a folder of its own in the way) it must not
            # answer for either; the store behind has it.
            self._uncache(path)
            return Found(found.value, f"p:{found.version}")

    def _uncache(self, path: str) -> None:
        if self.cache_db._kind(path) is Kind.OBJECT:
            self.cache_db._remove(path, ANY_VERSION)

    def _remove(self, path: str, if_match: str | AnyVersion) -> None:
        try:
            self.persist_db._remove(path, if_match)
        finally:
            self._uncache(path)

    def _kind(self, path: str) -> Kind | None:
        return self.persist_db._kind(path)

    def _make_folder(self, path: str) -> None:
        self.persist_db._make_folder(path)

    def _remove_folder(self, path: str) -> None:
        self.persist_db._remove_folder(path)

    def _remove_tree(self, path: str, progress: Progress) -> None:
        try:
            self.persist_db._remove_tree(path, progress)
        finally:
            if path == ROOT or self.cache_db._kind(path) is Kind.FOLDER:
                self.cache_db._remove_tree(path, lambda _count: None)

    def _list(self, path: str, page_size: int) -> Iterator[Name]:
        return self.persist_db._list(path, page_size)

    def _entries(self, path: str, order: Order) -> Iterator[Entry]:
        return self.persist_db._entries(path, order)

    def _index_values(self, path: str) -> dict[str, int]:
        return self.persist_db._index_values(path)

    def _reindex(self, path: str) -> int:
        return self.persist_db._reindex(path)

    def _refresh(self, path: str | None) -> None:
        for db in (self.cache_db, self.persist_db):
            db._kept.forget(path)
            db._refresh(path)
