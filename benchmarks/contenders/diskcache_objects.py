"""diskcache with its defaults: SQLite in WAL mode, ``synchronous=NORMAL``, values pickled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import diskcache

from contenders.objects import Durability


class DiskcacheObjects:
    """A ``Cache`` with paths for keys."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._cache = diskcache.Cache(str(folder))

    def set(self, pairs: Iterable[tuple[str, Any]]) -> None:
        cache = self._cache
        for key, value in pairs:
            cache[key] = value

    def get(self, keys: Iterable[str]) -> Any:
        cache = self._cache
        value = None
        for key in keys:
            value = cache[key]
        return value

    def get_kept(self, count: int) -> Any:
        raise NotImplementedError("it has no objects of classes")

    def close(self) -> None:
        self._cache.close()
