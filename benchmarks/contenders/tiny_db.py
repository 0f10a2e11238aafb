"""TinyDB: documents in one JSON file, found by conditions on their fields."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinydb import TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage

from contenders import Durability, Item, Key


class TinyDocuments:
    """TinyDB as its first page shows it: every write rewrites the file, and syncs it."""

    def __init__(self, folder: Path, durability: Durability, storage: Any = JSONStorage) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = TinyDB(str(folder / "db.json"), storage=storage)

    def load(self, items: Iterable[Item]) -> None:
        self._db.insert_multiple(items)

    def put(self, items: Iterable[Item]) -> None:
        db = self._db
        for item in items:
            db.upsert(item, (where("PK") == item["PK"]) & (where("SK") == item["SK"]))

    def get(self, keys: Iterable[Key]) -> Item | None:
        db = self._db
        item: Any = None
        for pk, sk in keys:
            item = db.get((where("PK") == pk) & (where("SK") == sk))
        return item  # type: ignore[no-any-return]

    def query(self, pks: Iterable[str]) -> list[Item]:
        db = self._db
        items: list[Item] = []
        for pk in pks:
            items = [dict(item) for item in db.search(where("PK") == pk)]
            items.sort(key=lambda item: str(item["SK"]))
        return items

    def scan(self) -> Item | None:
        found = None
        for item in self._db:
            found = item
        return found

    def filter(self, attribute: str, above: float) -> list[Item]:
        return [dict(item) for item in self._db.search(where(attribute) > above)]

    def close(self) -> None:
        self._db.close()


class TinyDocumentsCaching(TinyDocuments):
    """TinyDB with its caching middleware: the file is written each 1,000 writes, and at the end."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        storage = CachingMiddleware(JSONStorage)  # type: ignore[no-untyped-call]
        super().__init__(folder, durability, storage)
