"""montydb 2.5.6 on SQLite: a database with MongoDB's methods, which has no indexes.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from montydb import MontyClient, set_storage
from users import User


class MontydbDocuments:
    """As its README shows SQLite: WAL, and the real BSON; ``synchronous`` is SQLite's own, FULL."""

    def __init__(self, folder: Path) -> None:
        if not folder.exists():
            set_storage(str(folder), storage="sqlite", use_bson=True, journal_mode="WAL")
        self._client: Any = MontyClient(str(folder))
        self._users = self._client.bench.users

    def load(self, documents: Mapping[str, User]) -> None:
        self._users.insert_many([{"_id": key, **user} for key, user in documents.items()])

    def set(self, pairs: Iterable[tuple[str, User]]) -> None:
        users = self._users
        for key, user in pairs:
            users.replace_one({"_id": key}, {"_id": key, **user}, upsert=True)

    def update(self, keys: Iterable[str], score: float) -> None:
        users = self._users
        for key in keys:
            users.update_one({"_id": key}, {"$set": {"score": score}})

    def delete(self, keys: Iterable[str]) -> None:
        users = self._users
        for key in keys:
            users.delete_one({"_id": key})

    def get(self, keys: Iterable[str]) -> Any:
        users = self._users
        user: Any = None
        for key in keys:
            user = users.find_one({"_id": key})
        del user["_id"]
        return user

    def where(self, field: str, values: Iterable[str]) -> list[Any]:
        users = self._users
        found: list[Any] = []
        for value in values:
            found = list(users.find({field: value}))
        for user in found:
            del user["_id"]
        return found

    def count(self, times: int) -> int:
        users = self._users
        count = 0
        for _ in range(times):
            count = users.count_documents({})
        return count

    def save(self) -> None:
        """Do nothing: a write is committed when it returns."""

    def close(self) -> None:
        self._client.close()
