"""A union of stores: reads the first that has it, writes the front."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from dynafile.errors import IndexNotSupported, NotSupportedByStore
from dynafile.objects.backend import (
    MTIME,
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
from dynafile.objects.paths import child
from dynafile.objects.primitives import Found
from dynafile.objects.store import ObjectStore

__all__ = ["UnionStore"]


class UnionStore(ObjectStore):
    """Stores one above the other: the first is the front, and the only one that is written.

    A folder has what is in this folder of any of them. What is deleted at the front shows what is
    behind it; what is only behind cannot be deleted.
    """

    def __init__(self, url: str, dbs: Sequence[ObjectStore], release: Callable[[], None]) -> None:
        """Unite stores; ``release`` is called once when the union is closed."""
        super().__init__(url)
        self.dbs = list(dbs)
        self._front = self.dbs[0]
        self._release = release
        self.features = self._front.features
        self._forks = all(db._forks for db in self.dbs)

    def close(self) -> None:
        """Let go of it, and of those of the stores that nobody else is connected to."""
        if not self.closed:
            super().close()
            self._release()

    def _fetch(self, path: str, known: str | None, *, reload: bool) -> Found | Unchanged | None:
        self._check_open()
        place, _, version = (known or "").partition(":")
        for number, db in enumerate(self.dbs):
            before = version if place == str(number) else None
            found = db._fetch(path, before, reload=reload)
            if found is UNCHANGED:
                return UNCHANGED
            if isinstance(found, Found):
                return Found(found.value, f"{number}:{found.version}")
        return None

    def _fetch_many(self, paths: list[str]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for number, db in enumerate(self.dbs):
            left = [path for path in paths if path not in found]
            for path, each in db._fetch_many(left).items() if left else ():
                found[path] = Found(each.value, f"{number}:{each.version}")
        return found

    def _store(self, path: str, value: Any, options: WriteOptions) -> str:
        if isinstance(options.if_match, str):
            options = WriteOptions(options.index, self._of_front(options.if_match), options.ttl)
        return f"0:{self._front._store(path, value, options)}"

    def _store_many(self, values: dict[str, Any], options: WriteOptions) -> dict[str, str]:
        written = self._front._store_many(values, options)
        return {path: f"0:{version}" for path, version in written.items()}

    def _remove(self, path: str, if_match: str | AnyVersion) -> None:
        wanted = self._of_front(if_match) if isinstance(if_match, str) else if_match
        self._front._remove(path, wanted)

    def _of_front(self, version: str) -> str:
        # A version of a store behind is none of the front's, which refuses it as it stands.
        place, _, inner = version.partition(":")
        return inner if place == "0" else version

    def _kind(self, path: str) -> Kind | None:
        for db in self.dbs:
            kind = db._kind(path)
            if kind is not None:
                return kind
        return None

    def _make_folder(self, path: str) -> None:
        self._front._make_folder(path)

    def _remove_folder(self, path: str) -> None:
        self._front._remove_folder(path)

    def _remove_tree(self, path: str, progress: Progress) -> None:
        self._front._remove_tree(path, progress)

    def _list(self, path: str, page_size: int) -> Iterator[Name]:
        listings = [self._names(db, path, page_size) for db in self.dbs]
        last = None
        for name in heapq.merge(*listings):
            if last is None or name.name != last.name or name.is_folder != last.is_folder:
                yield name
            last = name

    def _names(self, db: ObjectStore, path: str, page_size: int) -> Iterator[Name]:
        try:
            yield from db._list(path, page_size)
        except NotSupportedByStore:  # a web server lists nothing
            return

    def _entries(self, path: str, order: Order) -> Iterator[Entry]:
        able = [
            number
            for number, db in enumerate(self.dbs)
            if db.features.lists
            and (db.features.index or (order.allow_scan and order.index == MTIME))
        ]
        if not able:
            raise IndexNotSupported(f"none of {self!r} has an index by {order.index}")
        whole = Order(
            order.index, order.descending, order.since, order.until, None, order.allow_scan
        )
        found = [self._seen(number, path, whole) for number in able]
        merged = heapq.merge(
            *found,
            key=lambda entry: (entry.index_value or 0, entry.key),
            reverse=order.descending,
        )
        return islice(merged, order.limit)

    def _seen(self, number: int, path: str, order: Order) -> Iterator[Entry]:
        """Yield the entries of one store that none before it hides."""
        before = self.dbs[:number]
        for entry in self.dbs[number]._entries(path, order):
            at = child(path, entry.key)
            if all(db._kind(at) is not Kind.OBJECT for db in before):
                yield entry

    def _check_ordered(self, allow_scan: bool) -> None:
        if not any(db.features.ordered for db in self.dbs):
            super()._check_ordered(allow_scan)

    def _index_values(self, path: str) -> dict[str, int]:
        for db in self.dbs:
            if db._kind(path) is Kind.OBJECT:
                return db._index_values(path)
        return {}

    def _reindex(self, path: str) -> int:
        return self._front._reindex(path)

    def _refresh(self, path: str | None) -> None:
        for db in self.dbs:
            db._kept.forget(path)
            db._refresh(path)
