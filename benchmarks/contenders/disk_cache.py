"""diskcache: a ``Cache`` that evicts nothing; the key is both keys as one string."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import diskcache

from contenders import Durability, Item, Key

# SQLite's levels: FULL syncs each commit; the cache's own default, NORMAL, does not.
_SYNCHRONOUS: Final = {"durable": 2, "relaxed": 0}


class DiskCache:
    """Values are pickled, which is what the package does with a dict."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._cache = diskcache.Cache(
            str(folder),
            eviction_policy="none",
            size_limit=1 << 40,
            sqlite_synchronous=_SYNCHRONOUS[durability],
        )

    def load(self, items: Iterable[Item]) -> None:
        cache = self._cache
        with cache.transact():
            for item in items:
                cache[f"{item['PK']}\0{item['SK']}"] = item

    def put(self, items: Iterable[Item]) -> None:
        cache = self._cache
        for item in items:
            cache[f"{item['PK']}\0{item['SK']}"] = item

    def get(self, keys: Iterable[Key]) -> Item | None:
        cache = self._cache
        item: Item | None = None
        for pk, sk in keys:
            item = cache[f"{pk}\0{sk}"]
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        raise NotImplementedError("keys are found one by one, and not by how they begin")

    def scan(self) -> Item | None:
        cache = self._cache
        found: Item | None = None
        for key in cache:
            found = cache[key]
        return found

    def filter(self, attribute: str, above: float) -> list[Item]:
        cache = self._cache
        found = []
        for key in cache:
            item = cache[key]
            if attribute in item and item[attribute] > above:
                found.append(item)
        return found

    def close(self) -> None:
        self._cache.close()
