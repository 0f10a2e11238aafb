"""TinyDB: documents in one JSON file, by their numbers, which are its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tinydb import TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage
from tinydb.table import Document
from users import User, number_of


class TinydbDocuments:
    """TinyDB as its first page shows it: every write rewrites the file, and syncs it."""

    def __init__(self, folder: Path, storage: Any = JSONStorage) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = TinyDB(str(folder / "db.json"), storage=storage)
        self._users = self._db.table("users")

    def load(self, documents: Mapping[str, User]) -> None:
        self._users.insert_multiple(
            Document(user, doc_id=number_of(key)) for key, user in documents.items()
        )

    def set(self, pairs: Iterable[tuple[str, User]]) -> None:
        users = self._users
        for key, user in pairs:
            users.upsert(Document(user, doc_id=number_of(key)))

    def update(self, keys: Iterable[str], score: float) -> None:
        users = self._users
        for key in keys:
            users.update({"score": score}, doc_ids=[number_of(key)])

    def delete(self, keys: Iterable[str]) -> None:
        users = self._users
        for key in keys:
            users.remove(doc_ids=[number_of(key)])

    def get(self, keys: Iterable[str]) -> Any:
        users = self._users
        user: Any = None
        for key in keys:
            user = users.get(doc_id=number_of(key))
        return user

    def where(self, field: str, values: Iterable[str]) -> list[Any]:
        users = self._users
        found: list[Any] = []
        for value in values:
            found = users.search(where(field) == value)
        return found

    def count(self, times: int) -> int:
        users = self._users
        count = 0
        for _ in range(times):
            count = len(users)
        return count

    def save(self) -> None:
        """Do nothing: the file is written and synced when a write returns."""

    def close(self) -> None:
        self._db.close()


class TinydbDocumentsCaching(TinydbDocuments):
    """TinyDB with its caching middleware: the file is written each 1,000 writes, and at the end."""

    def __init__(self, folder: Path) -> None:
        self._storage: Any = CachingMiddleware(JSONStorage)  # type: ignore[no-untyped-call]
        super().__init__(folder, self._storage)

    def save(self) -> None:
        self._storage.flush()
